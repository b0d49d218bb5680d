/* SEARCH (RFC 9051 section 6.4.4): a tree of keys, tried on each message. What a key needs of a
 * message is read once, and only where it is needed. */
#include "engine/imap_serve_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "mail/header.h"

struct looked {
    struct imap_serve *s;
    size_t index;
    struct store_message m;
    uint64_t octets;
    int64_t internal_us;
    int64_t now_s;
    struct store_content *content;
    struct slice whole;
    struct mail_header header;
    bool has_header, measured;
    struct buf decoded;
};

/* ---- text ---- */

static uint8_t fold(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 'a' - 'A') : octet;
}

/* ASCII case is ignored; an empty needle is found everywhere. */
static bool holds(struct slice text, struct slice needle)
{
    if (needle.len == 0)
        return true;
    if (needle.len > text.len)
        return false;
    uint8_t first = fold(needle.ptr[0]);
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        if (fold(text.ptr[i]) == first &&
            slice_eq_nocase(slice_of(text.ptr + i, needle.len), needle))
            return true;
    }
    return false;
}

static bool open_message(struct looked *l)
{
    if (!l->content) {
        l->content = store_content_open(l->s->view, l->index, NULL);
        if (l->content && store_content_whole(l->content, &l->whole, NULL))
            l->whole = slice_take(l->whole, ISERVE_SEARCH_MAX_OCTETS);
    }
    return l->content != NULL;
}

static const struct mail_header *header_of(struct looked *l)
{
    if (!open_message(l))
        return NULL;
    if (!l->has_header)
        mail_header_parse(l->whole, &l->header);
    l->has_header = true;
    return &l->header;
}

static bool field_holds(struct looked *l, const struct mail_field *f, struct slice needle)
{
    buf_reset(&l->decoded);
    mail_field_decode(f, &l->decoded);
    return holds(buf_slice(&l->decoded), needle) || holds(f->body, needle);
}

static bool header_matches(struct looked *l, struct slice name, struct slice needle)
{
    const struct mail_header *h = header_of(l);
    for (size_t i = 0; h && i < h->n_fields; i++)
        if (slice_eq_nocase(h->fields[i].name, name) && field_holds(l, &h->fields[i], needle))
            return true;
    return false;
}

static bool any_header_matches(struct looked *l, struct slice needle)
{
    const struct mail_header *h = header_of(l);
    for (size_t i = 0; h && i < h->n_fields; i++)
        if (field_holds(l, &h->fields[i], needle) || holds(h->fields[i].name, needle))
            return true;
    return false;
}

/* Quoted-printable without its encoding (RFC 2045 section 6.7). */
static void decode_quoted(struct slice in, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] != '=') {
            buf_append_octet(out, in.ptr[i]);
            continue;
        }
        struct slice next = slice_take(slice_skip(in, i + 1), 2);
        ptrdiff_t high = next.len > 1 ? slice_find_octet(SLICE_LIT(digits), next.ptr[0]) : -1;
        ptrdiff_t low = next.len > 1 ? slice_find_octet(SLICE_LIT(digits), next.ptr[1]) : -1;
        if (high >= 0 && low >= 0) {
            buf_append_octet(out, (uint8_t)(high * 16 + low));
            i += 2;
        } else if (slice_starts(next, SLICE_LIT("\r\n"))) {
            i += 2;
        } else if (slice_starts(next, SLICE_LIT("\n"))) {
            i += 1;
        }
    }
}

static void decode_base64(struct slice in, struct buf *out)
{
    struct buf packed;
    buf_init(&packed, in.len + 1);
    for (size_t i = 0; i < in.len; i++)
        if (in.ptr[i] > ' ')
            buf_append_octet(&packed, in.ptr[i]);
    base64_decode(out, buf_slice(&packed));
    buf_deinit(&packed);
}

/* The text of a part, without its transfer encoding. */
static bool part_holds(const struct mail_part *p, struct slice needle)
{
    for (const struct mail_part *child = p->first; child; child = child->next)
        if (part_holds(child, needle))
            return true;
    bool quoted = slice_eq_nocase(p->encoding, SLICE_LIT("quoted-printable"));
    bool base64 = slice_eq_nocase(p->encoding, SLICE_LIT("base64"));
    if (p->kind != MAIL_PART_LEAF || (!quoted && !base64) ||
        !slice_eq_nocase(p->type, SLICE_LIT("text")))
        return false;
    struct buf text;
    buf_init(&text, p->body.len + 1);
    if (quoted)
        decode_quoted(p->body, &text);
    else
        decode_base64(p->body, &text);
    bool found = holds(buf_slice(&text), needle);
    buf_deinit(&text);
    return found;
}

static bool body_matches(struct looked *l, struct slice needle)
{
    const struct mail_header *h = header_of(l);
    if (!h)
        return false;
    if (holds(h->body, needle))
        return true;
    struct arena arena;
    arena_init(&arena);
    bool found = part_holds(mail_structure_parse(l->whole, &arena), needle);
    arena_deinit(&arena);
    return found;
}

/* ---- dates and sizes ---- */

static void measure(struct looked *l)
{
    if (!l->measured)
        store_view_measure(l->s->view, l->index, &l->octets, &l->internal_us);
    l->measured = true;
}

static int64_t days_of(int64_t seconds)
{
    return seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
}

/* The day the Date field names, whatever time and zone it has (section 6.4.4): "[Day,] d Mon yyyy".
 */
static bool sent_day(struct looked *l, int32_t *days_out)
{
    const struct mail_header *h = header_of(l);
    const struct mail_field *f = h ? mail_header_find(h, "Date", 0) : NULL;
    char date[32];
    size_t n = 0;
    if (!f)
        return false;
    struct slice rest = f->body;
    ptrdiff_t comma = slice_find_octet(rest, ',');
    rest = slice_skip(rest, comma < 0 ? 0 : (size_t)comma + 1);
    for (int i = 0; i < 3; i++) {
        struct slice w = slice_next_word(&rest);
        if (w.len == 0 || w.len > 4)
            return false;
        if (i > 0)
            date[n++] = '-';
        memcpy(date + n, w.ptr, w.len);
        n += w.len;
    }
    struct imap_text text = {.octets = slice_of(date, n)};
    struct imap_cursor c;
    imap_cursor_init(&c, &text, NULL);
    return imap_take_date(&c, days_out);
}

static bool day_matches(enum imap_search kind, int64_t day, int64_t asked)
{
    if (kind == IMAP_SEARCH_BEFORE || kind == IMAP_SEARCH_SENTBEFORE)
        return day < asked;
    if (kind == IMAP_SEARCH_ON || kind == IMAP_SEARCH_SENTON)
        return day == asked;
    return day >= asked;
}

/* ---- keys ---- */

static bool flag_is_set(const struct looked *l, uint64_t bit)
{
    static const struct {
        unsigned imap, store;
    } pairs[] = {
        {IMAP_FLAG_SEEN, STORE_SEEN},       {IMAP_FLAG_ANSWERED, STORE_ANSWERED},
        {IMAP_FLAG_FLAGGED, STORE_FLAGGED}, {IMAP_FLAG_DELETED, STORE_DELETED},
        {IMAP_FLAG_DRAFT, STORE_DRAFT},     {IMAP_FLAG_RECENT, STORE_RECENT},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i].imap == bit)
            return (l->m.flags & pairs[i].store) != 0;
    return false;
}

static bool keyword_is_set(const struct looked *l, struct slice name)
{
    struct store_mailbox *m = store_view_mailbox(l->s->view);
    int bit = m ? store_keyword(m, name, false) : -1;
    return bit >= 0 && l->m.keywords >> bit & 1;
}

static bool in_set(const struct looked *l, const struct imap_set *set, bool uid)
{
    const struct imap_serve *s = l->s;
    size_t count = store_view_count(s->view);
    for (size_t i = 0; set->saved && i < s->n_saved; i++)
        if (s->saved[i] == l->m.uid)
            return true;
    if (uid)
        return imap_set_holds(set, l->m.uid, store_view_uid(s->view, count - 1));
    return imap_set_holds(set, (uint32_t)l->index + 1, (uint32_t)count);
}

static bool matches(struct looked *l, const struct imap_search_key *k);

static bool all_match(struct looked *l, const struct imap_search_key *k)
{
    for (; k; k = k->next)
        if (!matches(l, k))
            return false;
    return true;
}

static bool time_matches(struct looked *l, const struct imap_search_key *k)
{
    int32_t day = 0;
    measure(l);
    if (k->kind == IMAP_SEARCH_OLDER || k->kind == IMAP_SEARCH_YOUNGER) {
        bool older = l->internal_us / 1000000 <= l->now_s - (int64_t)k->number;
        return older == (k->kind == IMAP_SEARCH_OLDER);
    }
    if (k->kind == IMAP_SEARCH_BEFORE || k->kind == IMAP_SEARCH_ON || k->kind == IMAP_SEARCH_SINCE)
        return day_matches(k->kind, days_of(l->internal_us / 1000000), k->days);
    return sent_day(l, &day) && day_matches(k->kind, day, k->days);
}

/* The depth is bounded by IMAP_CAP_SEARCH_NESTING. */
static bool matches(struct looked *l, const struct imap_search_key *k)
{
    switch (k->kind) {
    case IMAP_SEARCH_ALL:
        return true;
    case IMAP_SEARCH_AND:
        return all_match(l, k->first);
    case IMAP_SEARCH_OR:
        return matches(l, k->first) || matches(l, k->first->next);
    case IMAP_SEARCH_NOT:
        return !matches(l, k->first);
    case IMAP_SEARCH_SET:
        return in_set(l, &k->set, false);
    case IMAP_SEARCH_UID:
        return in_set(l, &k->set, true);
    case IMAP_SEARCH_FLAG:
        return flag_is_set(l, k->number) == k->wanted;
    case IMAP_SEARCH_KEYWORD:
        return keyword_is_set(l, k->text) == k->wanted;
    case IMAP_SEARCH_NEW:
        return (l->m.flags & (STORE_RECENT | STORE_SEEN)) == STORE_RECENT;
    case IMAP_SEARCH_OLD:
        return !(l->m.flags & STORE_RECENT);
    case IMAP_SEARCH_HEADER:
        return header_matches(l, k->field, k->text);
    case IMAP_SEARCH_BODY:
        return body_matches(l, k->text);
    case IMAP_SEARCH_TEXT:
        return any_header_matches(l, k->text) || body_matches(l, k->text);
    case IMAP_SEARCH_LARGER:
        measure(l);
        return l->octets > k->number;
    case IMAP_SEARCH_SMALLER:
        measure(l);
        return l->octets < k->number;
    case IMAP_SEARCH_BEFORE:
    case IMAP_SEARCH_ON:
    case IMAP_SEARCH_SINCE:
    case IMAP_SEARCH_SENTBEFORE:
    case IMAP_SEARCH_SENTON:
    case IMAP_SEARCH_SENTSINCE:
    case IMAP_SEARCH_OLDER:
    case IMAP_SEARCH_YOUNGER:
        return time_matches(l, k);
    case IMAP_SEARCH_MODSEQ:
    case IMAP_SEARCH__COUNT:
        break;
    }
    return false;
}

static bool message_matches(struct imap_serve *s, size_t index, int64_t now_s,
                            const struct imap_search_key *root, struct buf *decoded)
{
    struct looked l = {.s = s, .index = index, .now_s = now_s};
    if (!store_view_get(s->view, index, &l.m))
        return false;
    l.decoded = *decoded; /* lent: one buffer for all messages */
    bool found = all_match(&l, root->first);
    *decoded = l.decoded;
    if (l.has_header)
        mail_header_deinit(&l.header);
    store_content_free(&l.content);
    return found;
}

/* ---- answers ---- */

static void put_search(const struct imap_command *c, const uint32_t *found, size_t n,
                       struct buf *out)
{
    (void)c;
    buf_append_cstr(out, "* SEARCH");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, " %u", found[i]);
    buf_append_cstr(out, "\r\n");
}

/* RFC 4731 section 3.1 */
static void put_esearch(const struct imap_command *c, const uint32_t *found, size_t n,
                        struct buf *out)
{
    unsigned want = c->search_return;
    if (want == (IMAP_RETURN_GIVEN | IMAP_RETURN_SAVE))
        return; /* RFC 5182 section 2.1: SAVE alone is silent */
    buf_append_cstr(out, "* ESEARCH (TAG ");
    imap_put_string(out, c->tag, false);
    buf_append_cstr(out, c->uid ? ") UID" : ")");
    if (want & IMAP_RETURN_MIN && n > 0)
        buf_printf(out, " MIN %u", found[0]);
    if (want & IMAP_RETURN_MAX && n > 0)
        buf_printf(out, " MAX %u", found[n - 1]);
    if (want & IMAP_RETURN_ALL && n > 0) {
        struct imap_set_writer w = {.out = out};
        buf_append_cstr(out, " ALL ");
        for (size_t i = 0; i < n; i++)
            imap_set_add(&w, found[i]);
        imap_set_end(&w);
    }
    if (want & IMAP_RETURN_COUNT)
        buf_printf(out, " COUNT %zu", n);
    buf_append_cstr(out, "\r\n");
}

static void save(struct imap_serve *s, const size_t *indexes, size_t n)
{
    mem_free(s->saved);
    s->saved = mem_alloc((n + 1) * sizeof(*s->saved));
    s->n_saved = n;
    for (size_t i = 0; i < n; i++)
        s->saved[i] = store_view_uid(s->view, indexes[i]);
}

void iserve_search(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    const struct clock *clock = journal_clock(s->journal);
    int64_t now_s = clock->wall_us(clock->ctx) / 1000000;
    size_t count = store_view_count(s->view), n = 0;
    if (c->charset.len > 0 && !slice_eq_nocase(c->charset, SLICE_LIT("UTF-8")) &&
        !slice_eq_nocase(c->charset, SLICE_LIT("US-ASCII"))) {
        iserve_no(s, c, a, "BADCHARSET (US-ASCII UTF-8)", "This charset is not known here");
        return;
    }
    struct buf decoded;
    buf_init(&decoded, MAIL_FIELD_DECODED_MAX);
    size_t *indexes = mem_alloc((count + 1) * sizeof(*indexes));
    uint32_t *found = mem_alloc((count + 1) * sizeof(*found));
    for (size_t i = 0; i < count; i++) {
        if (!message_matches(s, i, now_s, c->search, &decoded))
            continue;
        indexes[n] = i;
        found[n++] = c->uid ? store_view_uid(s->view, i) : (uint32_t)i + 1;
    }
    buf_deinit(&decoded);
    if (c->search_return & IMAP_RETURN_SAVE)
        save(s, indexes, n);
    if (c->search_return & IMAP_RETURN_GIVEN)
        put_esearch(c, found, n, &a->text);
    else
        put_search(c, found, n, &a->text);
    mem_free(indexes);
    mem_free(found);
    iserve_ok(s, c, a, NULL, "SEARCH done");
}
