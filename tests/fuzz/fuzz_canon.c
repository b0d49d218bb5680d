/* Any octets as a field or a body: the same in one piece and in others, canonical ones stay as they
 * are, relaxed ones hold no blanks that have to go, and signing any message never reads beyond it.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dkim_keys.h"
#include "auth/canon.h"
#include "auth/dkim_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void keep(void *ctx, struct slice piece)
{
    need(buf_append(ctx, piece));
}

static void run(enum canon_what what, struct slice in, size_t step, struct buf *out)
{
    struct canon c;
    canon_init(&c, what, keep, out);
    for (size_t at = 0; at < in.len; at += step)
        canon_feed(&c, slice_take(slice_skip(in, at), step));
    canon_end(&c, true);
}

static void check(enum canon_what what, struct slice in, size_t step)
{
    struct buf whole, pieces, twice;
    buf_init(&whole, in.len + 16);
    buf_init(&pieces, in.len + 16);
    buf_init(&twice, in.len + 16);
    run(what, in, in.len + 1, &whole);
    run(what, in, step, &pieces);
    run(what, buf_slice(&whole), step, &twice);
    struct slice out = buf_slice(&whole);
    need(slice_eq(out, buf_slice(&pieces)));
    /* Unfolding may bring a bare CR and a bare LF together; nothing else makes a line end. */
    need(what == CANON_FIELD_RELAXED || slice_eq(out, buf_slice(&twice)));
    if (what == CANON_BODY_RELAXED) {
        need(slice_find(out, slice_cstr("  ")) < 0 && slice_find(out, slice_cstr(" \r\n")) < 0);
        need(slice_find_octet(out, '\t') < 0);
    }
    if (what == CANON_BODY_SIMPLE || out.len > 0)
        need(out.len >= 2 && memcmp(out.ptr + out.len - 2, "\r\n", 2) == 0);
    buf_deinit(&whole);
    buf_deinit(&pieces);
    buf_deinit(&twice);
}

static void sign(struct slice message, bool relaxed)
{
    static struct dkim_key *key;
    struct err err;
    struct buf out;
    struct dkim_how how = {.domain = "example.net",
                           .selector = "s",
                           .header_relaxed = relaxed,
                           .body_relaxed = !relaxed,
                           .time_s = 1};
    if (!key)
        key = dkim_key_parse(slice_cstr(DKIM_TEST_ED25519), "key", &err);
    need(key);
    buf_init(&out, DKIM_FIELD_OCTETS_MAX);
    bool ok = dkim_sign(key, &how, message, &out, NULL, &err);
    need(ok == (out.len > 0) && (ok || err.domain != ERR_NONE));
    for (size_t i = 0; i < out.len; i++)
        need(out.ptr[i] == '\r' || out.ptr[i] == '\n' || (out.ptr[i] >= ' ' && out.ptr[i] < 127));
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    for (enum canon_what what = 0; what < CANON__COUNT; what++)
        check(what, in, 1 + data[0] % 7);
    sign(in, data[0] & 128);
    return 0;
}
