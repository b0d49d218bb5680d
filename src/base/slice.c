/* Borrowed octets: comparing, searching, cutting. ASCII rules only, never the locale's. */
#include "base/slice.h"

#include <string.h>

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

static bool is_space(uint8_t octet)
{
    return is_blank(octet) || octet == '\r' || octet == '\n';
}

struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

struct slice slice_cstr(const char *text)
{
    return text == NULL ? (struct slice){NULL, 0} : slice_of(text, strlen(text));
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_starts_nocase(a, b);
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_take(s, prefix.len), prefix);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (octet_lower(s.ptr[i]) != octet_lower(prefix.ptr[i]))
            return false;
    return true;
}

ptrdiff_t slice_find_octet(struct slice s, uint8_t octet)
{
    const uint8_t *hit = s.len == 0 ? NULL : memchr(s.ptr, octet, s.len);
    return hit == NULL ? -1 : hit - s.ptr;
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return -1;
    /* glibc's memmem is linear in the worst case, so a peer cannot make a search quadratic. */
    const uint8_t *hit = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return hit == NULL ? -1 : hit - s.ptr;
}

struct slice slice_skip(struct slice s, size_t n_octets)
{
    if (n_octets == 0)
        return s;
    if (n_octets > s.len)
        n_octets = s.len;
    return slice_of(s.ptr == NULL ? NULL : s.ptr + n_octets, s.len - n_octets);
}

struct slice slice_take(struct slice s, size_t n_octets)
{
    return slice_of(s.ptr, n_octets < s.len ? n_octets : s.len);
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = slice_skip(s, 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_next_word(struct slice *rest)
{
    size_t start = 0;
    while (start < rest->len && is_blank(rest->ptr[start]))
        start++;
    size_t end = start;
    while (end < rest->len && !is_blank(rest->ptr[end]))
        end++;
    struct slice word = slice_skip(slice_take(*rest, end), start);
    *rest = slice_skip(*rest, end);
    return word;
}

bool slice_to_u64(struct slice s, uint64_t max, uint64_t *value_out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > max)
        return false;
    *value_out = value;
    return true;
}
