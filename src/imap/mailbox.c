/* Mailbox names: modified UTF-7 (RFC 3501 section 5.1.3), INBOX, patterns of LIST. */
#include "imap/imap_private.h"

#include "base/utf7.h"
#include "base/utf8.h"
#include "imap/limits.h"

/* "&" without a run that can be read stands for itself in UTF-8 names. */
static bool plain_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '&')
            return false;
    return true;
}

/* Section 5.1.3: one name is written in one way. */
static bool canonical(struct slice raw, const struct buf *name)
{
    struct buf again;
    buf_init(&again, 4 * IMAP_CAP_MAILBOX_OCTETS);
    bool same = utf7_encode(&again, buf_slice(name), NULL) && slice_eq(buf_slice(&again), raw);
    buf_deinit(&again);
    return same;
}

bool imap_take_mailbox(struct imap_cursor *c, bool utf8, struct slice *out)
{
    struct slice raw;
    if (!imap_take_astring(c, &raw))
        return false;
    if (slice_eq_nocase(raw, SLICE_LIT("INBOX"))) {
        *out = SLICE_LIT("INBOX");
        return true;
    }
    *out = raw;
    if (raw.len > IMAP_CAP_MAILBOX_OCTETS || (utf8 && !utf8_valid(raw)))
        c->rules |= IMAP_BIT(MAILBOX_NAME);
    if (utf8 || plain_ascii(raw) || raw.len > IMAP_CAP_MAILBOX_OCTETS)
        return true;
    struct buf name;
    buf_init(&name, 2 * IMAP_CAP_MAILBOX_OCTETS);
    if (utf7_decode(&name, raw))
        *out = arena_dup(c->arena, buf_slice(&name));
    if (!canonical(raw, &name))
        c->rules |= IMAP_BIT(MAILBOX_NAME);
    buf_deinit(&name);
    return true;
}

/* Matching with one place to go back to is enough for "*"; "%" inside needs its own, and a "*"
 * behind it forgets it. Linear in practice, quadratic at worst, no recursion. */
bool imap_pattern_matches(struct slice pattern, struct slice name, char separator)
{
    size_t p = 0, n = 0, star_p = SIZE_MAX, star_n = 0, percent_p = SIZE_MAX, percent_n = 0;
    for (;;) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star_p = p++;
            star_n = n;
            percent_p = SIZE_MAX;
            continue;
        }
        if (p < pattern.len && pattern.ptr[p] == '%') {
            percent_p = p++;
            percent_n = n;
            continue;
        }
        if (n < name.len && p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
            continue;
        }
        if (n == name.len && p == pattern.len)
            return true;
        if (percent_p != SIZE_MAX && percent_n < name.len &&
            (separator == 0 || name.ptr[percent_n] != (uint8_t)separator)) {
            n = ++percent_n;
            p = percent_p + 1;
        } else if (star_p != SIZE_MAX && star_n < name.len) {
            n = ++star_n;
            p = star_p + 1;
            percent_p = SIZE_MAX;
        } else {
            return false;
        }
    }
}
