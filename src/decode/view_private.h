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

/* What a stapled OCSP response says by itself: of the certificate with that serial number (as in
 * view_cert; NULL or none such: of the first it speaks of). */
struct view_ocsp {
    const char *says; /* good, revoked, unknown; NULL: does not read */
    int64_t produced_s, next_s;
};
void view_ocsp_decode(struct slice der, const char *serial, struct view_ocsp *out);
/* RFC 5280 time as seconds since the epoch; 0: none. */
struct asn1_string_st;
int64_t view_asn1_time_s(const struct asn1_string_st *at);
/* A serial number in hexadecimal; the caller frees. NULL: none. */
char *view_serial_text(const struct asn1_string_st *serial);

/* view_content.c */
void view_set_text(char **text, struct slice value);
void view_content_command(struct view *v, const struct journal *j, const struct event *ev,
                          const struct ev_command *e);
void view_content_begin(struct view *v, const struct journal *j, const struct event *ev);
void view_content_end(struct view *v, const struct event *ev);
/* A piece of the message: octets of the plain stream of v->body.dir. */
void view_content_add(struct view *v, uint64_t offset, uint64_t length);
/* view_mailbox.c: what a mailbox is asked for, and what comes back. */
void view_mailbox_asked(struct view *v, const struct journal *j, const struct event *data_begin);
void view_mailbox_untagged(struct view *v, const struct journal *j, const struct event *ev);
/* Nothing of the message stays. */
void view_content_drop(struct view *v);
void view_auth_step(struct view *v, const struct event *ev);

/* The strings of a view that stand alone, one after another; NULL at the end. */
char **view_text_place(struct view *v, size_t index);

#endif
