/* What a server offers: judged against the registry, against what it offered before TLS, and
 * against what its port promises. */
#include "decode/offer.h"

#include <string.h>

#include "imap/tables.h"
#include "pop3/tables.h"
#include "smtp/tables.h"

static const struct offer_expected expected[] = {
#include "decode/expected.inc"
};
enum { N_EXPECTED = sizeof(expected) / sizeof(*expected) };

const struct offer_expected *offer_expected_at(size_t index)
{
    return index < N_EXPECTED ? &expected[index] : NULL;
}

/* The port behind the last colon; "" none. */
static struct slice port_of(const char *address)
{
    struct slice s = slice_cstr(address);
    for (size_t i = s.len; i-- > 0;)
        if (s.ptr[i] == ':')
            return slice_skip(s, i + 1);
    return slice_of(NULL, 0);
}

const char *offer_place(const struct view *v)
{
    static const struct {
        const char *port, *place;
    } ports[] = {{"25", "25"},   {"2525", "25"},  {"587", "587"}, {"2587", "587"},
                 {"465", "465"}, {"2465", "465"}, {"24", "lmtp"}};
    if (!view_is_smtp(v))
        return NULL;
    if (v->said_lhlo)
        return "lmtp";
    const char *server = v->side == SIDE_CLIENT ? v->peer : v->local;
    struct slice port = port_of(server);
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
        if (slice_eq(port, slice_cstr(ports[i].port)))
            return ports[i].place;
    return NULL;
}

bool offer_misses(const struct view *v, const struct offer_expected *row)
{
    const char *place = offer_place(v);
    if (!place || v->n_caps == 0 || strcmp(place, row->where) != 0)
        return false;
    if ((strcmp(row->when, "clear") == 0 && v->tls) || (strcmp(row->when, "tls") == 0 && !v->tls))
        return false;
    return !view_offers(v, row->keyword);
}

/* ---- before and after TLS ---- */

static struct slice keyword_of(const char *line)
{
    struct slice s = slice_cstr(line);
    size_t n = 0;
    while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '=')
        n++;
    return slice_take(s, n);
}

enum offer_change offer_change_of(const struct view *v, const char *line)
{
    if (!v->tls || v->n_caps_clear == 0)
        return OFFER_SAME;
    for (size_t i = 0; i < v->n_caps_clear; i++) {
        if (!slice_eq_nocase(keyword_of(v->caps_clear[i]), keyword_of(line)))
            continue;
        return slice_eq_nocase(slice_cstr(v->caps_clear[i]), slice_cstr(line)) ? OFFER_SAME
                                                                               : OFFER_CHANGED;
    }
    return OFFER_NEW;
}

/* ---- meaning ---- */

static void size_meaning(struct slice params, struct buf *out)
{
    uint64_t octets;
    if (!slice_to_u64(slice_trim(params), UINT64_MAX, &octets))
        buf_append_cstr(out, " No limit is said.");
    else if (octets == 0)
        buf_append_cstr(out, " 0: no fixed limit.");
    else if (octets >= 1 << 20)
        buf_printf(out, " %.1f MiB here.", (double)octets / (1 << 20));
    else
        buf_printf(out, " %.1f KiB here.", (double)octets / 1024);
}

void offer_meaning(const char *line, struct buf *out)
{
    struct slice keyword = keyword_of(line);
    const struct smtp_extension *e = smtp_extension_by_keyword(keyword);
    if (!e) {
        buf_append_cstr(out, slice_starts_nocase(keyword, SLICE_LIT("X"))
                                 ? "private to this software"
                                 : "not registered, or newer than this program");
        return;
    }
    buf_append_cstr(out, e->meaning);
    if (slice_eq_nocase(keyword, SLICE_LIT("SIZE")))
        size_meaning(slice_skip(slice_cstr(line), keyword.len + 1), out);
    buf_printf(out, " (%s)", e->rfc);
}

void offer_meaning_in(const struct view *v, const char *line, struct buf *out)
{
    struct slice keyword = slice_cstr(line);
    const char *meaning = NULL, *rfc = NULL;
    if (view_is_smtp(v)) {
        offer_meaning(line, out);
        return;
    }
    if (slice_eq(slice_cstr(v->protocol), SLICE_LIT("imap"))) {
        const struct imap_capability *c = imap_capability_by_name(keyword);
        meaning = c ? c->meaning : NULL;
        rfc = c ? c->rfc : NULL;
    } else if (slice_eq(slice_cstr(v->protocol), SLICE_LIT("pop3"))) {
        const struct pop3_capability *c =
            pop3_capability_by_name(slice_take(keyword, strcspn(line, " ")));
        meaning = c ? c->meaning : NULL;
        rfc = c ? c->rfc : NULL;
    }
    if (meaning)
        buf_printf(out, "%s (%s)", meaning, rfc);
    else
        buf_append_cstr(out, "not registered, or newer than this program");
}

/* ---- contradictions ---- */

static bool tls_twice(const struct view *v)
{
    return v->tls && view_offers(v, "STARTTLS");
}

static bool requiretls_in_clear(const struct view *v)
{
    return !v->tls && view_offers(v, "REQUIRETLS");
}

static bool binary_without_chunks(const struct view *v)
{
    return view_offers(v, "BINARYMIME") && !view_offers(v, "CHUNKING");
}

static bool utf8_without_8bit(const struct view *v)
{
    return view_offers(v, "SMTPUTF8") && !view_offers(v, "8BITMIME");
}

static bool password_in_clear(const struct view *v)
{
    const char *mechanisms = v->tls ? NULL : view_offers(v, "AUTH");
    struct slice rest = slice_cstr(mechanisms), word;
    while ((word = slice_next_word(&rest)).len > 0)
        if (slice_eq_nocase(word, SLICE_LIT("PLAIN")) || slice_eq_nocase(word, SLICE_LIT("LOGIN")))
            return v->transport == TRANSPORT_TCP;
    return false;
}

static bool overwritten(const struct view *v)
{
    for (size_t i = 0; i < v->n_caps; i++)
        if (slice_starts(slice_cstr(v->caps[i]), SLICE_LIT("XXXX")))
            return true;
    return false;
}

static bool auth_lost(const struct view *v)
{
    bool before = false;
    for (size_t i = 0; i < v->n_caps_clear; i++)
        before = before || slice_eq_nocase(keyword_of(v->caps_clear[i]), SLICE_LIT("AUTH"));
    return v->tls && before && v->n_caps > 0 && !view_offers(v, "AUTH");
}

static bool etrn_on_submission(const struct view *v)
{
    const char *place = offer_place(v);
    return place && (strcmp(place, "587") == 0 || strcmp(place, "465") == 0) &&
           view_offers(v, "ETRN");
}

static const struct {
    bool (*holds)(const struct view *v);
    const char *text;
} oddities[] = {
    {tls_twice, "STARTTLS is offered inside TLS, where it must be gone (RFC 3207 section 4.2)"},
    {requiretls_in_clear, "REQUIRETLS is offered in the clear, where it means nothing (RFC 8689 "
                          "section 2)"},
    {binary_without_chunks, "BINARYMIME without CHUNKING cannot be used (RFC 3030 section 3)"},
    {utf8_without_8bit, "SMTPUTF8 without 8BITMIME is not allowed (RFC 6531 section 3.1)"},
    {password_in_clear, "password mechanisms are offered without TLS: whoever listens gets the "
                        "password (RFC 4954 section 4)"},
    {overwritten,
     "a keyword is overwritten with X: a firewall stands between and hides what it does "
     "not know, often STARTTLS"},
    {auth_lost, "AUTH was offered in the clear and is gone inside TLS: the wrong way round"},
    {etrn_on_submission, "ETRN has no place on a submission port (RFC 6409 section 7)"},
};

const char *offer_oddity_at(const struct view *v, size_t index, bool *found_out)
{
    if (index >= sizeof(oddities) / sizeof(*oddities))
        return NULL;
    *found_out = view_is_smtp(v) && oddities[index].holds(v);
    return oddities[index].text;
}
