/* What a tracker wrote of a session, as one number that must not depend on how the octets were
 * split: all events but OCTETS, with what they say and where. */
#ifndef TESTS_FUZZ_DIGEST_H
#define TESTS_FUZZ_DIGEST_H

#include <stdlib.h>

#include "journal/journal.h"

static inline void need(bool truth)
{
    if (!truth)
        abort();
}

static inline void digest_number(uint64_t *sum, uint64_t n)
{
    *sum = (*sum ^ n) * 1099511628211u;
}

static inline void digest_text(uint64_t *sum, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        digest_number(sum, text.ptr[i]);
}

static inline void digest_range(uint64_t *sum, uint64_t offset, uint64_t length)
{
    digest_number(sum, offset);
    digest_number(sum, length);
}

static inline void digest_event(uint64_t *sum, const struct event *ev)
{
    union event_payload p;
    digest_number(sum, ev->kind);
    if (ev->kind == EVENT_COMMAND) {
        EVENT_GET(ev, COMMAND, &p.command);
        digest_text(sum, p.command.verb);
        digest_text(sum, p.command.tag);
        digest_range(sum, p.command.offset, p.command.length);
    } else if (ev->kind == EVENT_REPLY) {
        EVENT_GET(ev, REPLY, &p.reply);
        digest_number(sum, p.reply.code);
        digest_text(sum, p.reply.verb);
        digest_text(sum, p.reply.status);
        digest_range(sum, p.reply.offset, p.reply.length);
    } else if (ev->kind == EVENT_UNTAGGED) {
        EVENT_GET(ev, UNTAGGED, &p.untagged);
        digest_text(sum, p.untagged.type);
        digest_range(sum, p.untagged.offset, p.untagged.length);
    } else if (ev->kind == EVENT_DATA_END) {
        EVENT_GET(ev, DATA_END, &p.data_end);
        digest_range(sum, p.data_end.offset, p.data_end.length);
        digest_range(sum, p.data_end.lines, p.data_end.content);
    } else if (ev->kind == EVENT_STATE) {
        EVENT_GET(ev, STATE, &p.state);
        digest_text(sum, p.state.to);
    } else if (ev->kind == EVENT_SASL_STEP) {
        EVENT_GET(ev, SASL_STEP, &p.sasl_step);
        digest_text(sum, p.sasl_step.text);
    } else if (ev->kind == EVENT_DEVIATION) {
        /* Its length may be that of what had come when it was seen. */
        EVENT_GET(ev, DEVIATION, &p.deviation);
        digest_text(sum, p.deviation.rule);
        digest_number(sum, p.deviation.offset);
    }
}

static inline uint64_t digest_of(const struct journal *j)
{
    uint64_t sum = 14695981039346656037u;
    for (uint64_t seq = 1; seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev && ev->kind != EVENT_OCTETS)
            digest_event(&sum, ev);
    }
    return sum;
}

/* All that is compared of a session. */
struct digest {
    uint64_t events;
    uint64_t octets[DIR__COUNT];
    uint64_t pending;
    unsigned state;
};

static inline void digest_same(const struct digest *whole, const struct digest *split)
{
    need(whole->octets[DIR_C] == split->octets[DIR_C]);
    need(whole->octets[DIR_S] == split->octets[DIR_S]);
    need(whole->state == split->state);
    need(whole->pending == split->pending);
    need(whole->events == split->events);
}

#endif
