/* Safe text. One function, next_cell, decides what stands for the octets at hand; everything that
 * writes safe text goes through it.
 *
 * The escapes are not meant to be read back: "<202E>" in the text of a peer looks like the escape
 * of U+202E. had_special tells them apart where it matters, and the exact octets are always at
 * hand.
 */
#include "base/vis.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VIS_CAP_OCTETS   (1u << 20)
#define COMBINING_MAX    4
#define CELL_TEXT_OCTETS 12 /* "<10FFFF>" and a NUL */

/* What stands for a character. */
struct cell {
    char text[CELL_TEXT_OCTETS];
    size_t len;
    size_t cols;
    size_t used_octets; /* of the input */
    bool special;
    bool rtl;
};

/* Blocks with right-to-left letters, coarse. */
static bool is_rtl(uint32_t cp)
{
    return cp >= 0x0590 &&
           (cp <= 0x08FF || (cp >= 0xFB1D && cp <= 0xFDFF) || (cp >= 0xFE70 && cp <= 0xFEFF) ||
            (cp >= 0x10800 && cp <= 0x10FFF) || (cp >= 0x1E800 && cp <= 0x1EFFF));
}

static void cell_escape(struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void cell_escape(struct cell *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    c->len = (size_t)vsnprintf(c->text, sizeof(c->text), fmt, args);
    va_end(args);
    c->cols = c->len;
    c->special = true;
}

static void cell_plain(struct cell *c, const void *text, size_t len, size_t cols)
{
    memcpy(c->text, text, len);
    c->len = len;
    c->cols = cols;
}

static void cell_ascii(struct cell *c, uint8_t octet, unsigned flags)
{
    if (octet >= 0x20 && octet < 0x7F) {
        cell_plain(c, &octet, 1, 1);
    } else if ((flags & VIS_SHOW_EOL) != 0 && (flags & VIS_ASCII) == 0 &&
               (octet == '\r' || octet == '\n')) {
        cell_plain(c, octet == '\r' ? "\u240D" : "\u240A", 3, 1);
        c->special = true;
    } else {
        cell_escape(c, "^%c", octet ^ 0x40u);
    }
}

/* s.len > 0. marks: combining marks already on the last cell. */
static void next_cell(struct cell *c, struct slice s, unsigned flags, unsigned marks)
{
    uint32_t cp = 0;
    *c = (struct cell){.used_octets = 1};
    if (s.ptr[0] < 0x80) {
        cell_ascii(c, s.ptr[0], flags);
        return;
    }
    size_t len = utf8_decode(s, &cp);
    if (len == 0) {
        cell_escape(c, "\\x%02X", s.ptr[0]);
        return;
    }
    c->used_octets = len;
    int width = vis_width(cp);
    if ((flags & VIS_ASCII) != 0 || width < 0 || (width == 0 && marks >= COMBINING_MAX)) {
        cell_escape(c, "<%04X>", (unsigned)cp);
        return;
    }
    cell_plain(c, s.ptr, len, (size_t)width);
    c->rtl = is_rtl(cp);
}

/* Combining marks at the end of safe text; as many as there may be where nothing carries a mark. */
static unsigned marks_at_end(struct slice text)
{
    unsigned marks = 0;
    size_t at = text.len;
    while (at > 0 && marks < COMBINING_MAX) {
        uint32_t cp = 0;
        do
            at--;
        while (at > 0 && (text.ptr[at] & 0xC0) == 0x80);
        if (utf8_decode(slice_skip(text, at), &cp) == 0 || vis_width(cp) != 0)
            return marks;
        marks++;
    }
    return COMBINING_MAX;
}

/* An escape carries no marks: they would change how it reads. */
static unsigned marks_behind(const struct cell *c, unsigned marks)
{
    if (c->special)
        return COMBINING_MAX;
    return c->cols == 0 ? marks + 1 : 0;
}

static size_t printable_run(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7F)
        n++;
    return n;
}

void vis_init(struct vis_text *v)
{
    *v = (struct vis_text){0};
    buf_init(&v->text, VIS_CAP_OCTETS);
}

void vis_deinit(struct vis_text *v)
{
    buf_deinit(&v->text);
}

void vis_reset(struct vis_text *v)
{
    buf_reset(&v->text);
    v->cols = 0;
    v->rtl = v->had_special = v->cut = false;
}

size_t vis_append(struct vis_text *v, struct slice s, unsigned flags, size_t max_cols)
{
    size_t used = 0, cols = 0;
    unsigned marks = marks_at_end(buf_slice(&v->text));
    while (used < s.len) {
        struct slice rest = slice_skip(s, used);
        size_t run = printable_run(slice_take(rest, max_cols - cols));
        if (run > 0) {
            if (!buf_append(&v->text, slice_take(rest, run)))
                break;
            used += run;
            cols += run;
            marks = 0;
            continue;
        }
        struct cell c;
        next_cell(&c, rest, flags, marks);
        if (c.cols > max_cols - cols || !buf_append(&v->text, slice_of(c.text, c.len)))
            break;
        marks = marks_behind(&c, marks);
        used += c.used_octets;
        cols += c.cols;
        v->had_special |= c.special;
        v->rtl |= c.rtl;
    }
    v->cols += cols;
    v->cut |= used < s.len;
    return used;
}

void vis_append_own(struct vis_text *v, const char *text)
{
    struct slice s = slice_cstr(text);
    for (size_t at = 0; at < s.len;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(slice_skip(s, at), &cp);
        int width = len == 0 ? -1 : vis_width(cp);
        BUG_IF(width < 0);
        if (!buf_append(&v->text, slice_of(s.ptr + at, len))) {
            v->cut = true;
            return;
        }
        v->cols += (size_t)width;
        at += len;
    }
}

void vis_printf_own(struct vis_text *v, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    BUG_IF(len < 0);
    if ((size_t)len < sizeof(text)) {
        vis_append_own(v, text);
        return;
    }
    char *long_text = mem_alloc((size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(long_text, (size_t)len + 1, fmt, args);
    va_end(args);
    vis_append_own(v, long_text);
    mem_free(long_text);
}

const char *vis_cstr(struct vis_text *v)
{
    return buf_cstr(&v->text);
}

void vis_to_buf(struct buf *out, struct slice s, unsigned flags)
{
    unsigned marks = COMBINING_MAX;
    while (s.len > 0) {
        size_t run = printable_run(s);
        if (run > 0) {
            if (!buf_append(out, slice_take(s, run)))
                return;
            s = slice_skip(s, run);
            marks = 0;
            continue;
        }
        struct cell c;
        next_cell(&c, s, flags, marks);
        if (!buf_append(out, slice_of(c.text, c.len)))
            return;
        marks = marks_behind(&c, marks);
        s = slice_skip(s, c.used_octets);
    }
}

void vis_to_cstr(char *out, size_t out_octets, struct slice s)
{
    BUG_IF(out_octets < 4);
    size_t len = 0, whole_len = 0; /* whole_len: with room for "..." behind it */
    unsigned marks = COMBINING_MAX;
    while (s.len > 0) {
        struct cell c;
        next_cell(&c, s, 0, marks);
        if (len + c.len + 1 > out_octets) {
            memcpy(out + whole_len, "...", 3);
            len = whole_len + 3;
            break;
        }
        memcpy(out + len, c.text, c.len);
        len += c.len;
        if (len + 4 <= out_octets)
            whole_len = len;
        marks = marks_behind(&c, marks);
        s = slice_skip(s, c.used_octets);
    }
    out[len] = '\0';
}
