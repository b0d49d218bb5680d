/* What the readers of lines and of reports share. */
#ifndef DECODE_NOTICE_PRIVATE_H
#define DECODE_NOTICE_PRIVATE_H

#include "decode/notice.h"

enum { NOTICE_HOST_OCTETS = 256, NOTICE_TEXT_OCTETS = 8192 };

struct notice_scan {
    notice_fn fn;
    void *ctx;
    const struct explain_input *known; /* never NULL */
    size_t count;
    struct slice rest; /* lines to come */
    size_t line;       /* number of the one read last */
    struct buf text;   /* of one that stands on several lines */
};

/* Next line without its end. False: none left. */
bool notice_line(struct notice_scan *s, struct slice *line_out);
/* Hand one over. host: as the text names it, empty where not. */
void notice_found(struct notice_scan *s, struct notice *n, struct slice host);
/* Three digits, 2 to 5 first, that end there or before a space or hyphen: the code; 0: none. */
unsigned notice_code_at(struct slice s, size_t at);
/* Where a code with an enhanced code of its class behind it stands, -1: nowhere. */
ptrdiff_t notice_sure_code(struct slice s);
/* Until the first octet of `ends`. */
struct slice notice_until(struct slice s, const char *ends);
/* Behind the first `mark`; ptr NULL: it does not occur. */
struct slice notice_behind(struct slice s, const char *mark);

/* Delivery reports; returns how many were found. */
bool notice_is_report(struct slice text);
void notice_report(struct notice_scan *s);

#endif
