/* Lines from a client: slices lie inside the line, the secret scanner hides the same in every
 * split, and what it hides of an AUTH line covers the initial response that the parser finds. The
 * first octet of the input chooses the split and whether an AUTH exchange runs. */
#include "smtp/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void inside(struct slice part, struct slice whole)
{
    need(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_command(const struct smtp_command *c)
{
    need(c->verb < SMTP_VERB__COUNT && smtp_verb_info(c->verb)->name != NULL);
    inside(c->verb_text, c->line);
    inside(c->args, c->line);
    inside(c->params_text, c->args);
    inside(c->mechanism, c->args);
    inside(c->initial, c->args);
    need(c->n_params <= SMTP_COMMAND_PARAMS_MAX);
    for (size_t i = 0; i < c->n_params; i++) {
        inside(c->params[i].keyword, c->params_text);
        inside(c->params[i].value, c->params_text);
    }
    if (!c->has_path)
        return;
    inside(c->path.text, c->args);
    inside(c->path.route, c->path.text);
    inside(c->path.local_part, c->path.text);
    inside(c->path.domain, c->path.text);
    /* A path without a fault is one that stands by itself as a mailbox. */
    if (c->path.rules == 0 && c->path.domain.len > 0)
        need(smtp_mailbox_valid(slice_skip(slice_take(c->path.text, c->path.text.len - 1), 1)));
}

/* mask[i] = 1 for each secret octet, CR left out. */
static void scan(struct slice in, bool in_auth, unsigned seed, bool split, uint8_t *mask)
{
    struct secret_scan s;
    secret_scan_init(&s);
    for (size_t at = 0; at < in.len;) {
        struct slice piece = slice_skip(in, at);
        ptrdiff_t lf = slice_find_octet(piece, '\n');
        seed = seed * 1664525u + 1013904223u;
        if (lf >= 0)
            piece.len = (size_t)lf + 1;
        if (split)
            piece = slice_take(piece, 1 + (seed >> 24) % 7);
        struct slice secret = secret_scan_feed(&s, in_auth, piece);
        inside(secret, piece);
        for (size_t i = 0; i < secret.len; i++)
            mask[(size_t)(secret.ptr - in.ptr) + i] = secret.ptr[i] != '\r';
        at += piece.len;
    }
}

static void check_line(struct slice line, const uint8_t *mask, bool in_auth)
{
    struct smtp_command c;
    struct buf masked;
    smtp_command_parse(line, &c);
    check_command(&c);
    /* Controls part words for the scanner, and tell nothing. */
    for (size_t i = 0; i < c.initial.len; i++)
        need(mask[(size_t)(c.initial.ptr - line.ptr) + i] || c.initial.ptr[i] < ' ' || in_auth);
    buf_init(&masked, line.len + 1);
    secret_line_masked(line, in_auth, &masked);
    need(masked.len == line.len);
    for (size_t i = 0; i < line.len; i++)
        need(masked.ptr[i] == (mask[i] ? '*' : line.ptr[i]) || line.ptr[i] == '\r');
    buf_deinit(&masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bool in_auth = data[0] & 1;
    struct slice in = slice_of(data + 1, size - 1);
    uint8_t *whole = mem_zalloc(in.len), *split = mem_zalloc(in.len);
    scan(in, in_auth, 0, false, whole);
    scan(in, in_auth, data[0], true, split);
    need(memcmp(whole, split, in.len) == 0);
    for (size_t at = 0; at < in.len;) {
        struct slice line = slice_skip(in, at);
        ptrdiff_t lf = slice_find_octet(line, '\n');
        if (lf >= 0)
            line.len = (size_t)lf;
        check_line(line, whole + at, in_auth);
        at += line.len + 1;
    }
    mem_free(whole);
    mem_free(split);
    return 0;
}
