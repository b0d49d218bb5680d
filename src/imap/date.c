/* Dates of SEARCH and internal dates.
 *
 *     date      = d "-" Mon "-" yyyy, maybe quoted
 *     date-time = DQUOTE (SP DIGIT / 2DIGIT) "-" Mon "-" 4DIGIT SP hh:mm:ss SP ("+"/"-") 4DIGIT
 * DQUOTE
 */
#include "imap/imap_private.h"

#include <stdio.h>
#include <string.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Proleptic Gregorian, after the well-known computation with years that begin in March. */
int32_t imap_days_from_date(int year, unsigned month, unsigned day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int32_t)doe - 719468;
}

static void date_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)(yoe + era * 400) + (*month <= 2 ? 1 : 0);
}

static unsigned days_in(int year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly n digits, or one to n where `loose`. */
static bool take_digits(struct imap_cursor *c, size_t n, bool loose, unsigned *out)
{
    struct slice rest = imap_rest(c);
    size_t got = 0;
    *out = 0;
    while (got < n && got < rest.len && imap_is_digit(rest.ptr[got]))
        *out = *out * 10 + (unsigned)(rest.ptr[got++] - '0');
    if (got == 0 || (!loose && got != n))
        return false;
    c->at += got;
    return true;
}

static bool take_month(struct imap_cursor *c, unsigned *month_out)
{
    struct slice name = slice_take(imap_rest(c), 3);
    for (unsigned m = 0; m < 12 && name.len == 3; m++) {
        if (!slice_eq_nocase(name, slice_of(months + m * 3, 3)))
            continue;
        *month_out = m + 1;
        c->at += 3;
        return true;
    }
    return false;
}

/* "-Mon-yyyy" behind the day. */
static bool take_month_year(struct imap_cursor *c, unsigned day, int32_t *days_out)
{
    unsigned month = 0, year = 0;
    if (!imap_take_octet(c, '-') || !take_month(c, &month) || !imap_take_octet(c, '-') ||
        !take_digits(c, 4, false, &year) || day < 1 || day > days_in((int)year, month))
        return false;
    *days_out = imap_days_from_date((int)year, month, day);
    return true;
}

bool imap_take_date(struct imap_cursor *c, int32_t *days_out)
{
    size_t start = c->at;
    unsigned day = 0;
    bool quoted = imap_take_octet(c, '"');
    if (take_digits(c, 2, true, &day) && take_month_year(c, day, days_out) &&
        (!quoted || imap_take_octet(c, '"')))
        return true;
    c->at = start;
    return false;
}

static bool take_time_zone(struct imap_cursor *c, struct imap_date_time *out, int32_t days)
{
    unsigned hour = 0, minute = 0, second = 0, zone_h = 0, zone_m = 0;
    if (!imap_take_sp(c) || !take_digits(c, 2, false, &hour) || !imap_take_octet(c, ':') ||
        !take_digits(c, 2, false, &minute) || !imap_take_octet(c, ':') ||
        !take_digits(c, 2, false, &second) || !imap_take_sp(c))
        return false;
    bool west = imap_take_octet(c, '-');
    if (!west && !imap_take_octet(c, '+'))
        return false;
    if (!take_digits(c, 2, false, &zone_h) || !take_digits(c, 2, false, &zone_m) || hour > 23 ||
        minute > 59 || second > 60 || zone_m > 59)
        return false;
    out->zone_min = (int)(zone_h * 60 + zone_m) * (west ? -1 : 1);
    out->utc_s =
        (int64_t)days * 86400 + hour * 3600 + minute * 60 + second - (int64_t)out->zone_min * 60;
    return true;
}

bool imap_take_date_time(struct imap_cursor *c, struct imap_date_time *out)
{
    size_t start = c->at;
    unsigned day = 0;
    int32_t days = 0;
    bool read = imap_take_octet(c, '"');
    if (read)
        read = imap_take_sp(c) ? take_digits(c, 1, false, &day) : take_digits(c, 2, false, &day);
    if (read && take_month_year(c, day, &days) && take_time_zone(c, out, days) &&
        imap_take_octet(c, '"'))
        return true;
    c->at = start;
    return false;
}

void imap_date_time_format(const struct imap_date_time *t, char out[27])
{
    int64_t local = t->utc_s + (int64_t)t->zone_min * 60;
    int64_t days = local >= 0 ? local / 86400 : -((-local + 86399) / 86400);
    unsigned second = (unsigned)(local - days * 86400);
    unsigned zone = (unsigned)(t->zone_min < 0 ? -t->zone_min : t->zone_min);
    int year = 0;
    unsigned month = 1, day = 1;
    date_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) /* no such date can be written */
        year = 1970;
    snprintf(out, 27, "%2u-%.3s-%04d %02u:%02u:%02u %c%02u%02u", day % 100,
             months + (month - 1) * 3, year % 10000, second / 3600 % 24, second / 60 % 60,
             second % 60, t->zone_min < 0 ? '-' : '+', zone / 60 % 100, zone % 60);
}
