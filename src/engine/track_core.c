/* How a tracker writes down what it learns. */
#include "engine/track_core.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "sasl/sasl.h"

enum { SASL_TEXT_OCTETS = 4096, NOTE_OCTETS = 256 };

void core_init(struct track_core *t, struct journal *j, uint32_t conn, bool backstage, bool tls)
{
    *t = (struct track_core){.journal = j, .conn = conn, .backstage = backstage, .tls = tls};
    for (unsigned d = 0; d < DIR__COUNT; d++)
        t->at[d] = journal_stream_len(j, conn, (enum event_dir)d, LAYER_PLAIN);
}

unsigned core_flags(const struct track_core *t)
{
    return t->backstage ? EVENT_FLAG_BACKSTAGE : 0;
}

uint64_t core_now_ns(const struct track_core *t)
{
    const struct clock *clock = journal_clock(t->journal);
    return clock->tick_ns(clock->ctx);
}

uint64_t core_append_octets(struct track_core *t, enum event_dir dir, struct slice octets,
                            struct slice hidden)
{
    struct octet_range range = {0, (uint32_t)hidden.len};
    if (hidden.len > 0)
        range.start = (uint32_t)(hidden.ptr - octets.ptr);
    uint64_t seq = journal_append_octets(t->journal, t->conn, dir, LAYER_PLAIN, core_flags(t),
                                         t->tls, octets, &range, hidden.len > 0 ? 1 : 0, true);
    t->at[dir] += octets.len;
    return seq;
}

void core_state(struct track_core *t, const char *from, const char *to, uint64_t cause_seq)
{
    JOURNAL_APPEND(t->journal, t->conn, STATE, core_flags(t), cause_seq,
                   (struct ev_state){.from = slice_cstr(from), .to = slice_cstr(to)});
}

static void deviation(struct track_core *t, const struct track_rule *rule,
                      const struct track_range *where, const char *note)
{
    JOURNAL_APPEND(t->journal, t->conn, DEVIATION, core_flags(t), where->cause_seq,
                   (struct ev_deviation){.rule = slice_cstr(rule->name),
                                         .rfc = slice_cstr(rule->rfc),
                                         .dir = where->dir,
                                         .offset = where->offset,
                                         .length = where->length,
                                         .note = slice_cstr(note)});
}

void core_deviation(struct track_core *t, const struct track_rule *rule,
                    const struct track_range *where, const char *fmt, va_list ap)
{
    char note[NOTE_OCTETS];
    vsnprintf(note, sizeof(note), fmt, ap);
    deviation(t, rule, where, note);
}

void core_void(struct track_core *t, const struct track_rule *rule, const struct track_range *where)
{
    if (!t->void_said[where->dir])
        deviation(t, rule, where, rule->meaning);
    t->void_said[where->dir] = true;
}

/* ---- SASL ---- */

void core_mechanism(struct track_core *t, struct slice name)
{
    size_t n = 0;
    name = slice_take(name, sizeof(t->mechanism) - 1);
    for (; n < name.len && name.ptr[n] > ' ' && name.ptr[n] < 0x7f; n++) {
        uint8_t octet = name.ptr[n];
        t->mechanism[n] = (char)(octet >= 'a' && octet <= 'z' ? octet - 'a' + 'A' : octet);
    }
    t->mechanism[n] = '\0';
    t->sasl_step[DIR_C] = t->sasl_step[DIR_S] = 0;
}

void core_sasl_step(struct track_core *t, enum event_dir dir, struct slice base64,
                    const struct track_range *where, const struct track_rule *bad_base64)
{
    struct buf octets, text;
    buf_init(&octets, base64.len + 1);
    buf_init(&text, SASL_TEXT_OCTETS);
    if (t->sasl_step[dir] < UINT8_MAX)
        t->sasl_step[dir]++;
    bool cancel = dir == DIR_C && slice_eq(base64, SLICE_LIT("*"));
    if (base64.len > 0 && !cancel)
        buf_room(&octets, base64.len); /* decode in one place: growing would leave copies behind */
    if (cancel) {
        buf_append_cstr(&text, "the client gives the exchange up");
    } else if (!base64_decode(&octets, base64)) {
        if (bad_base64)
            deviation(t, bad_base64, where, bad_base64->meaning);
        buf_append_cstr(&text, "not base64");
    } else {
        sasl_describe(t->mechanism, dir == DIR_C, t->sasl_step[dir], buf_slice(&octets), &text);
    }
    JOURNAL_APPEND(t->journal, t->conn, SASL_STEP, core_flags(t), where->cause_seq,
                   (struct ev_sasl_step){.mechanism = slice_cstr(t->mechanism),
                                         .dir = dir,
                                         .step = t->sasl_step[dir],
                                         .text = buf_slice(&text)});
    if (octets.ptr)
        mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
    buf_deinit(&text);
}

void core_sasl_initial(struct track_core *t, struct slice initial, const struct track_range *where,
                       const struct track_rule *bad_base64)
{
    if (slice_eq(initial, SLICE_LIT("=")))
        initial = slice_of(NULL, 0);
    core_sasl_step(t, DIR_C, initial, where, bad_base64);
}

bool core_mechanism_in_clear(struct slice name)
{
    char word[TRACK_MECHANISM_OCTETS];
    if (name.len == 0 || name.len >= sizeof(word))
        return false;
    memcpy(word, name.ptr, name.len);
    word[name.len] = '\0';
    return (sasl_traits(word) & SASL_SHOWS_SECRET) != 0;
}
