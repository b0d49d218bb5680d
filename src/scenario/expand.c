/* {variables} in the texts of a scenario. What a peer said loses its line ends and NULs on the way:
 * a reply must not become two. */
#include "scenario/scenario_private.h"

#include <string.h>

enum { VALUE_MAX_OCTETS = 512 };

/* The first line of a fact with several values. */
static struct slice first_value(struct slice s)
{
    ptrdiff_t end = slice_find_octet(s, '\n');
    return end < 0 ? s : slice_take(s, (size_t)end);
}

/* The address inside a header field's value: between < and >, or as it is. */
static struct slice bare_address(struct slice value)
{
    ptrdiff_t open = slice_find_octet(value, '<'), close = slice_find_octet(value, '>');
    if (open >= 0 && close > open)
        return slice_take(slice_skip(value, (size_t)open + 1), (size_t)(close - open - 1));
    return slice_trim(value);
}

static struct slice domain_of(struct slice address)
{
    for (size_t i = address.len; i-- > 0;)
        if (address.ptr[i] == '@')
            return slice_skip(address, i + 1);
    return slice_of(NULL, 0);
}

/* A header field's value out of the list "Name: value" lines. */
static struct slice header_value(struct slice headers, struct slice name)
{
    while (headers.len > 0) {
        struct slice line = first_value(headers);
        ptrdiff_t colon = slice_find_octet(line, ':');
        if (colon >= 0 && slice_eq_nocase(slice_trim(slice_take(line, (size_t)colon)), name))
            return slice_trim(slice_skip(line, (size_t)colon + 1));
        headers = slice_skip(headers, line.len + 1);
    }
    return slice_of(NULL, 0);
}

static bool split_dot(struct slice name, struct slice *head, struct slice *tail)
{
    ptrdiff_t dot = slice_find_octet(name, '.');
    *head = dot < 0 ? name : slice_take(name, (size_t)dot);
    *tail = dot < 0 ? slice_of(NULL, 0) : slice_skip(name, (size_t)dot + 1);
    return dot >= 0;
}

bool rules_is_variable(struct slice name)
{
    struct slice head, tail, field, part;
    if (slice_eq_nocase(name, SLICE_LIT("nth")))
        return true;
    bool dotted = split_dot(name, &head, &tail);
    int fact = scenario_find(scenario_fact_words, SCENARIO_FACT__COUNT, head);
    if (fact < 0 || fact == SCENARIO_FACT_BODY)
        return false;
    if (fact == SCENARIO_FACT_HEADER)
        return dotted && tail.len > 0 &&
               (!split_dot(tail, &field, &part) || slice_eq_nocase(part, SLICE_LIT("domain")));
    return !dotted || slice_eq_nocase(tail, SLICE_LIT("domain"));
}

static struct slice variable(const struct rules_facts *f, struct slice name)
{
    struct slice head, tail, field, part;
    bool dotted = split_dot(name, &head, &tail);
    int fact = scenario_find(scenario_fact_words, SCENARIO_FACT__COUNT, head);
    struct slice value = f->text[fact < 0 ? 0 : fact];
    if (fact == SCENARIO_FACT_HEADER) {
        dotted = split_dot(tail, &field, &part);
        value = header_value(value, field);
    } else {
        value = first_value(value);
    }
    return dotted ? domain_of(bare_address(value)) : value;
}

static void append_safe(struct buf *out, struct slice value)
{
    value = slice_take(value, VALUE_MAX_OCTETS);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        buf_append_octet(out, c == '\r' || c == '\n' || c == '\0' ? '?' : c);
    }
}

void rules_expand(struct buf *out, struct slice text, const struct rules_facts *f, uint64_t nth)
{
    while (text.len > 0) {
        ptrdiff_t open = slice_find_octet(text, '{');
        ptrdiff_t close = open < 0 ? -1 : slice_find_octet(slice_skip(text, (size_t)open), '}');
        if (close < 0)
            break;
        struct slice name = slice_take(slice_skip(text, (size_t)open + 1), (size_t)close - 1);
        buf_append(out, slice_take(text, (size_t)open));
        if (slice_eq_nocase(name, SLICE_LIT("nth"))) {
            buf_printf(out, "%llu", (unsigned long long)nth);
        } else if (rules_is_variable(name)) {
            append_safe(out, variable(f, name));
        } else { /* a brace that is itself: an IMAP literal's length */
            buf_append_octet(out, '{');
            close = 0;
        }
        text = slice_skip(text, (size_t)(open + close) + 1);
    }
    buf_append(out, text);
}
