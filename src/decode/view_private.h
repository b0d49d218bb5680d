/* Inside the view: certificates are the one thing that takes a library. */
#ifndef DECODE_VIEW_PRIVATE_H
#define DECODE_VIEW_PRIVATE_H

#include "decode/view.h"

enum {
    VIEW_TEXT_OCTETS = 4096, /* kept of any one text of a peer */
    VIEW_CERTS_MAX = 16,
    VIEW_CAPS_MAX = 512,
    VIEW_DEVIATIONS_MAX = 256, /* different ones */
    VIEW_RTT_MAX = 16
};

/* Fill *out (zeroed) from a certificate in DER. Any octets are allowed: what does not read is left
 * out, and the fingerprint is there in any case. */
void view_cert_decode(struct slice der, struct view_cert *out);
void view_cert_deinit(struct view_cert *c);

/* view_content.c */
void view_set_text(char **text, struct slice value);
void view_content_command(struct view *v, const struct journal *j, const struct event *ev,
                          const struct ev_command *e);
void view_content_begin(struct view *v, const struct event *ev);
void view_content_end(struct view *v, const struct event *ev);
/* Nothing of the message stays. */
void view_content_drop(struct view *v);
void view_auth_step(struct view *v, const struct event *ev);

/* The strings of a view that stand alone, one after another; NULL at the end. */
char **view_text_place(struct view *v, size_t index);

#endif
