/* Safe text: the only form in which octets from a peer, a file or the network reach a terminal, a
 * log line or an export.
 *
 * Rules (doc/architecture.md, "Hostile text"): printable ASCII passes. C0 and DEL become ^X. C1
 * (U+0080-U+009F), U+00AD, U+200B-U+200F, U+2028-U+202E, U+2060-U+2069, U+FEFF, tags, variation
 * selectors, regional indicators, private use, unassigned (width unknown) become <XXXX>. Octets
 * that are not valid UTF-8 become \xNN. More than 4 combining marks on a cell: the rest become
 * <XXXX>. Right-to-left letters pass in logical order and set .rtl. In ASCII mode everything above
 * 126 is written as <XXXX> or \xNN.
 */
#ifndef BASE_VIS_H
#define BASE_VIS_H

#include "base/buf.h"

/* Safe UTF-8 text and its width. Only vis_* fill it; the draw functions take nothing else. */
struct vis_text {
    struct buf text;  /* valid UTF-8, printable only */
    size_t cols;      /* columns it takes */
    bool rtl;         /* holds right-to-left letters */
    bool had_special; /* something was escaped */
    bool cut;         /* the column or octet limit was reached */
};

enum vis_flags {
    VIS_ASCII = 1,    /* nothing above 126 is written */
    VIS_SHOW_EOL = 2, /* CR LF as visible marks (CR LF are escaped like any C0 otherwise: ^M ^J) */
};

void vis_init(struct vis_text *v);
void vis_deinit(struct vis_text *v);
void vis_reset(struct vis_text *v);
/* Append s in safe form, up to max_cols more columns (SIZE_MAX: no limit). Returns octets of s
 * used: less than s.len only when the limit was reached; a character is never cut in two. */
size_t vis_append(struct vis_text *v, struct slice s, unsigned flags, size_t max_cols);
/* Trusted text of our own (constants, numbers): must be printable, BUG otherwise. */
void vis_append_own(struct vis_text *v, const char *text);
void vis_printf_own(struct vis_text *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The safe text as C string, valid until the next change. */
const char *vis_cstr(struct vis_text *v);
/* Safe form of s appended to a plain buffer: for headless output, logs, errors. */
void vis_to_buf(struct buf *out, struct slice s, unsigned flags);
/* Same into a char array, always NUL-terminated, cut with "..." where it does not fit. */
void vis_to_cstr(char *out, size_t out_octets, struct slice s);
/* Columns of one code point as we draw it: 0 combining, 1, 2; -1 when it must be escaped.
 * Independent of the locale (own ranges), so tests do not depend on the C library's tables. */
int vis_width(uint32_t cp);

#endif
