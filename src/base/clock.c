/* Time from the system or from a test's hand, and the one textual form of it (RFC 3339
 * section 5.6). Dates are counted here and not by gmtime: no time zone files, no locale, the same
 * on each system. */
#include "base/clock.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define US_PER_SECOND INT64_C(1000000)
#define DAY_SECONDS   INT64_C(86400)
/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: RFC 3339 has four digits for the year. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND  INT64_C(253402300799)

static uint64_t system_tick_ns(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static int64_t system_wall_us(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

const struct clock *clock_system(void)
{
    static const struct clock clock = {system_tick_ns, system_wall_us, NULL};
    return &clock;
}

static uint64_t manual_tick_ns(void *ctx)
{
    return ((struct clock_manual *)ctx)->now_tick_ns;
}

static int64_t manual_wall_us(void *ctx)
{
    return ((struct clock_manual *)ctx)->now_wall_us;
}

void clock_manual_init(struct clock_manual *m, uint64_t tick_ns, int64_t wall_us)
{
    m->clock = (struct clock){manual_tick_ns, manual_wall_us, m};
    m->now_tick_ns = tick_ns;
    m->now_wall_us = wall_us;
}

void clock_manual_advance_ms(struct clock_manual *m, uint64_t ms)
{
    m->now_tick_ns += ms * UINT64_C(1000000);
    m->now_wall_us += (int64_t)ms * 1000;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 0000-01-01 to the first day of year (0-9999, Gregorian throughout; year 0 is leap). */
static int64_t days_before_year(int64_t year)
{
    return year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

static const char RFC3339_FORM[] = "0000-00-00T00:00:00.000000Z";

/* The last n digits of value. */
static void put_digits(char *out, int n, unsigned value)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

void clock_format_rfc3339(int64_t wall_us, char *out, unsigned out_octets)
{
    BUG_IF(out_octets < 28);
    int64_t us = wall_us % US_PER_SECOND;
    int64_t seconds = wall_us / US_PER_SECOND;
    if (us < 0) {
        us += US_PER_SECOND;
        seconds--;
    }
    if (seconds < FIRST_SECOND)
        seconds = FIRST_SECOND;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    seconds -= FIRST_SECOND;
    int64_t day = seconds / DAY_SECONDS;
    int of_day_s = (int)(seconds % DAY_SECONDS);
    int64_t year = day / 366; /* not above the true year, and close */
    while (days_before_year(year + 1) <= day)
        year++;
    day -= days_before_year(year);
    int month = 1;
    while (day >= days_in_month(year, month))
        day -= days_in_month(year, month++);
    /* Once for each event that is recorded, so without printf: that was a fifth of a recording. */
    memcpy(out, RFC3339_FORM, sizeof(RFC3339_FORM));
    put_digits(out, 4, (unsigned)year);
    put_digits(out + 5, 2, (unsigned)month);
    put_digits(out + 8, 2, (unsigned)day + 1);
    put_digits(out + 11, 2, (unsigned)of_day_s / 3600);
    put_digits(out + 14, 2, (unsigned)of_day_s / 60 % 60);
    put_digits(out + 17, 2, (unsigned)of_day_s % 60);
    put_digits(out + 20, 6, (unsigned)us);
}

/* The number in n digits; the form was checked. */
static int digits(const char *text, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int64_t clock_parse_rfc3339(const char *text)
{
    const char *form = RFC3339_FORM;
    if (text == NULL || strlen(text) != strlen(form))
        return 0;
    for (size_t i = 0; form[i]; i++) {
        bool ok = form[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
        if (!ok)
            return 0;
    }
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    int hour = digits(text + 11, 2), minute = digits(text + 14, 2), second = digits(text + 17, 2);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return 0;
    if (hour > 23 || minute > 59 || second > 59)
        return 0;
    int64_t days = days_before_year(year) + day - 1;
    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    int64_t seconds = FIRST_SECOND + days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    return seconds * US_PER_SECOND + digits(text + 20, 6);
}
