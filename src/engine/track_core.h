/* What the trackers of all protocols share: where a connection stands in the journal, and how what
 * a tracker learns is written there. Which octets are secret, what they mean and which rule they
 * break is each tracker's own. */
#ifndef ENGINE_TRACK_CORE_H
#define ENGINE_TRACK_CORE_H

#include <stdarg.h>

#include "journal/journal.h"

enum { TRACK_MECHANISM_OCTETS = 21 /* RFC 4422 section 3.1: at most 20 */ };

struct track_core {
    struct journal *journal;
    uint64_t at[DIR__COUNT]; /* octets of each direction so far */
    uint32_t conn;
    uint8_t sasl_step[DIR__COUNT];          /* of the exchange under way, or the last */
    char mechanism[TRACK_MECHANISM_OCTETS]; /* of it; "": none */
    bool backstage, tls;
    bool void_said[DIR__COUNT]; /* octets in front of the handshake have been named */
};

/* The octets an event speaks of, and the event it follows from (0: none). */
struct track_range {
    enum event_dir dir;
    uint64_t offset, length;
    uint64_t cause_seq;
};

/* A rule as a DEVIATION names it. */
struct track_rule {
    const char *name, *rfc, *meaning;
};

void core_init(struct track_core *t, struct journal *j, uint32_t conn, bool backstage, bool tls);
unsigned core_flags(const struct track_core *t);
uint64_t core_now_ns(const struct track_core *t);
/* Octets that passed; `hidden`, a part of them, is secret. Returns the event's number. */
uint64_t core_append_octets(struct track_core *t, enum event_dir dir, struct slice octets,
                            struct slice hidden);
/* from NULL: the first state. */
void core_state(struct track_core *t, const char *from, const char *to, uint64_t cause_seq);
/* The note is cut at 255 octets. */
void core_deviation(struct track_core *t, const struct track_rule *rule,
                    const struct track_range *where, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));
/* As often as octets come in front of the handshake: named once, for how they are split is chance.
 */
void core_void(struct track_core *t, const struct track_rule *rule,
               const struct track_range *where);

/* A word of the client's, to capital letters and up to what a mechanism's name may hold. */
void core_mechanism(struct track_core *t, struct slice name);
/* One line of the exchange in words: a SASL_STEP event, the secrets left out by sasl_describe.
 * An initial response of "=" is an empty one. bad_base64 NULL: it was said already. */
void core_sasl_step(struct track_core *t, enum event_dir dir, struct slice base64,
                    const struct track_range *where, const struct track_rule *bad_base64);
void core_sasl_initial(struct track_core *t, struct slice initial, const struct track_range *where,
                       const struct track_rule *bad_base64);
/* Does the mechanism show the password or token to whoever listens? */
bool core_mechanism_in_clear(struct slice name);

#endif
