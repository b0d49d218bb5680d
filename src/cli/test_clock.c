/* The clock of a run. SMTPSCOPE_TEST_CLOCK=2026-11-23T18:00:00.000000Z makes one for tests of the
 * screen: it begins there and goes on by a millisecond each time the date is read, which the
 * journal does once an event. So the same events get the same times on each machine.
 */
#include <stdlib.h>

#include "cli/cli.h"

static struct clock_manual test_clock;

static uint64_t test_tick_ns(void *ctx)
{
    return ((struct clock_manual *)ctx)->now_tick_ns;
}

static int64_t test_wall_us(void *ctx)
{
    clock_manual_advance_ms(ctx, 1);
    return ((struct clock_manual *)ctx)->now_wall_us;
}

const struct clock *cli_clock(void)
{
    static const struct clock *chosen;
    if (chosen)
        return chosen;
    int64_t start_us = clock_parse_rfc3339(getenv("SMTPSCOPE_TEST_CLOCK"));
    chosen = clock_system();
    if (start_us != 0) {
        clock_manual_init(&test_clock, 0, start_us);
        test_clock.clock.tick_ns = test_tick_ns;
        test_clock.clock.wall_us = test_wall_us;
        chosen = &test_clock.clock;
    }
    return chosen;
}
