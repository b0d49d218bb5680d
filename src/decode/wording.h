/* Matching a reply's words against the rows of provider-replies.tsv. */
#ifndef DECODE_WORDING_H
#define DECODE_WORDING_H

#include "decode/explain.h"
#include "decode/server.h"

enum { WORDING_OCTETS = 2048 }; /* of a reply are looked at */

/* The words of a reply: lower case, one space between them, codes at the head of lines dropped. */
struct wording_text {
    char words[WORDING_OCTETS + 1];
    size_t len;
    unsigned code;        /* 0: unknown */
    unsigned klass;       /* first digit, 0: unknown */
    unsigned enhanced[3]; /* [0] 0: none */
};
void wording_read(struct wording_text *w, struct slice text, unsigned code,
                  const unsigned enhanced[3]);

struct wording_hit {
    const struct explain_wording *row; /* NULL: none fits */
    const struct explain_wording *also;
    bool sure;
};
void wording_find(const struct wording_text *w, const struct server *server,
                  struct wording_hit *out);

#endif
