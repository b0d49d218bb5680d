/* The test message /send makes where no file is named (RFC 5322): its Date and Message-ID come from
 * the journal's clock, so a test owns them.
 */
#include <stdio.h>
#include <time.h>

#include "console/console_private.h"

/* RFC 5322 section 3.3, in UTC; the names are the RFC's, whatever the locale. */
static void format_date(int64_t wall_us, char *out, size_t out_octets)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(out, out_octets, "%s, %d %s %d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday,
             months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void console_message_generate(struct console *c, const char *from, char *const *to, size_t n_to,
                              struct buf *out)
{
    const struct clock *clock = journal_clock(c->journal);
    int64_t wall_us = clock->wall_us(clock->ctx);
    char date[64];
    format_date(wall_us, date, sizeof date);
    buf_printf(out, "Date: %s\r\nFrom: <%s>\r\nTo: ", date, *from ? from : "postmaster@localhost");
    for (size_t i = 0; i < n_to; i++)
        buf_printf(out, "%s<%s>", i ? ",\r\n " : "", to[i]);
    buf_printf(out,
               "\r\nSubject: smtpscope test\r\nMessage-ID: <%llx.%llx@smtpscope.invalid>\r\n"
               "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
               "This is a test message sent by smtpscope.\r\n"
               "It holds nothing else.\r\n",
               (unsigned long long)wall_us, (unsigned long long)journal_last(c->journal));
}
