/* Any text as a filter: it is refused with a column, or it judges; and what it judges does not
 * depend on blanks around it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned judge(struct slice expr)
{
    struct err err;
    struct filter *f = filter_parse(expr, &err);
    if (!f) {
        if (err.domain != ERR_USAGE || err.code < 1 || (size_t)err.code > expr.len + 1)
            abort();
        return 2;
    }
    const struct filter_facts facts = {
        .conn = 1,
        .kind = SLICE_LIT("reply"),
        .dir = DIR_S,
        .code = 450,
        .enhanced = SLICE_LIT("4.7.1"),
        .verb = SLICE_LIT("RCPT"),
        .text = SLICE_LIT("450 4.7.1 later \xff"),
        .peer = SLICE_LIT("127.0.0.1:25"),
        .rcpt = SLICE_LIT("a@b.example"),
        .dt_us = 1000,
        .has_dt = true,
    };
    bool matches = filter_match(f, &facts);
    filter_free(&f);
    return matches;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf padded;
    if (size > 4000)
        return 0;
    buf_init(&padded, 8192);
    buf_append_cstr(&padded, "  ");
    buf_append(&padded, slice_of(data, size));
    unsigned plain = judge(slice_of(data, size));
    /* A blank behind an open quote or an operator is part of it: only what reads is compared. */
    if (plain != 2 && judge(buf_slice(&padded)) != plain)
        abort();
    buf_deinit(&padded);
    return 0;
}
