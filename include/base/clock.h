/* Time comes in from outside, so tests own it. Below the top floor nothing else asks the system for
 * the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*tick_ns)(void *ctx); /* monotonic nanoseconds */
    int64_t (*wall_us)(void *ctx);  /* microseconds since 1970-01-01T00:00:00Z */
    void *ctx;
};

const struct clock *clock_system(void);

/* A clock a test moves by hand. */
struct clock_manual {
    struct clock clock;
    uint64_t now_tick_ns;
    int64_t now_wall_us;
};
void clock_manual_init(struct clock_manual *m, uint64_t tick_ns, int64_t wall_us);
void clock_manual_advance_ms(struct clock_manual *m, uint64_t ms);

/* RFC 3339 in UTC with microseconds, "2026-11-23T18:02:11.000123Z"; out_octets >= 28. */
void clock_format_rfc3339(int64_t wall_us, char *out, unsigned out_octets);
/* Reads the form above; returns 0 where it is not that form. */
int64_t clock_parse_rfc3339(const char *text);

#endif
