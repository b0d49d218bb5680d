/* Any text as a scenario, and as a live rule: it is refused with a line that exists, or its rules
 * can be asked at every stage, and what they answer does not depend on when they are asked again
 * from the start. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scenario/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ask_all(struct rules *r, struct slice text)
{
    struct rules_session s;
    struct rules_facts f = {0};
    struct rules_verdict v;
    struct buf out;
    uint64_t sum = 0;
    buf_init(&out, 1 << 20);
    for (unsigned i = 0; i < SCENARIO_FACT__COUNT; i++)
        rules_fact(&f, (enum scenario_fact)i, slice_skip(text, i * 7));
    rules_reset(r);
    rules_session_begin(r, &s);
    rules_session_octets(&s, text);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned stage = 0; stage < SCENARIO_STAGE__COUNT; stage++) {
            if (!rules_any(r, (enum scenario_stage)stage))
                continue;
            rules_ask(r, (enum scenario_stage)stage, &f, &s, 1000 + round, NULL, &v);
            if (v.n_items > RULES_ASKED_MAX)
                abort();
            for (size_t i = 0; i < v.n_items; i++) {
                buf_reset(&out);
                rules_expand(&out, v.items[i].action->text, &f, v.items[i].nth);
                sum = sum * 31 + out.len + v.items[i].action->what +
                      rules_draw(r, &s, v.items[i].action->low_ms, v.items[i].action->high_ms);
            }
        }
    buf_deinit(&out);
    return sum;
}

static void try_whole(struct slice text)
{
    struct err err;
    err_clear(&err);
    struct scenario *s = scenario_parse(text, "fuzz", NULL, NULL, &err);
    if (!s) {
        if (err.domain != ERR_FORMAT || err.code < 1 || !*err.text)
            abort();
        return;
    }
    struct rules *r = rules_new(s);
    if (ask_all(r, text) != ask_all(r, text))
        abort();
    rules_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct err err;
    if (size > 4000)
        return 0;
    try_whole(text);
    struct rules *r = rules_new(NULL);
    unsigned number = rules_add(r, text, &err);
    if (number > 0) {
        ask_all(r, text);
        if (!rules_remove(r, number))
            abort();
    } else if (!*err.text) {
        abort();
    }
    rules_free(&r);
    return 0;
}
