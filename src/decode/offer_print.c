/* A server's offer in lines of safe text. */
#include <string.h>

#include "base/vis.h"
#include "decode/offer.h"

struct page {
    struct buf *out;
    unsigned flags; /* of vis */
};

static void put(struct page *p, const char *text)
{
    vis_to_buf(p->out, slice_take(slice_cstr(text), 400), p->flags);
}

static void row(struct page *p, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    buf_printf(p->out, "  %-11s ", label);
    put(p, text);
    buf_append_octet(p->out, '\n');
}

static void print_server(struct page *p, const struct view *v)
{
    struct server s;
    struct buf line;
    view_server(v, &s);
    buf_init(&line, 1000);
    server_line(&s, &line);
    row(p, "software", s.software ? buf_cstr(&line) : "not known: its banner does not say");
    row(p, "note", s.note);
    for (size_t i = 0; i < s.n_providers; i++)
        row(p, "wording of", s.providers[i]);
    row(p, "greeting", v->greeting);
    if (s.software)
        row(p, "", "a banner says what its admin likes: none of this is proof");
    buf_deinit(&line);
}

static void print_list(struct page *p, const struct view *v)
{
    struct buf meaning;
    buf_init(&meaning, 2000);
    for (size_t i = 0; i < v->n_caps; i++) {
        buf_append_cstr(p->out, "  ");
        put(p, v->caps[i]);
        buf_append_cstr(p->out, "\n      ");
        buf_reset(&meaning);
        offer_meaning_in(v, v->caps[i], &meaning);
        put(p, buf_cstr(&meaning));
        buf_append_octet(p->out, '\n');
    }
    buf_deinit(&meaning);
}

static void change(struct page *p, const char *sign, const char *line, const char *remark)
{
    buf_printf(p->out, "  %s ", sign);
    put(p, line);
    buf_printf(p->out, "  %s\n", remark);
}

static bool has_keyword(char **caps, size_t n, const char *line)
{
    size_t len = strcspn(line, " =");
    for (size_t i = 0; i < n; i++)
        if (strcspn(caps[i], " =") == len &&
            slice_eq_nocase(slice_of(caps[i], len), slice_of(line, len)))
            return true;
    return false;
}

static void print_changes(struct page *p, const struct view *v)
{
    if (!v->tls || v->n_caps_clear == 0)
        return;
    if (v->n_caps == 0) {
        buf_printf(p->out, "  TLS voided what was offered: %s\n",
                   view_is_smtp(v) ? "EHLO has to come again (RFC 3207 section 4.2)"
                                   : "it has to be asked for again");
        return;
    }
    for (size_t i = 0; i < v->n_caps; i++) {
        enum offer_change c = offer_change_of(v, v->caps[i]);
        if (c == OFFER_NEW)
            change(p, "+", v->caps[i], "new inside TLS");
        else if (c == OFFER_CHANGED)
            change(p, "~", v->caps[i], "other parameters inside TLS");
    }
    for (size_t i = 0; i < v->n_caps_clear; i++) {
        bool starttls = slice_eq_nocase(slice_cstr(v->caps_clear[i]), SLICE_LIT("STARTTLS"));
        if (!has_keyword(v->caps, v->n_caps, v->caps_clear[i]))
            change(p, "-", v->caps_clear[i],
                   starttls ? "gone, as it must be" : "offered in the clear only");
    }
}

static void print_missing(struct page *p, const struct view *v)
{
    const struct offer_expected *e;
    for (size_t i = 0; (e = offer_expected_at(i)); i++)
        if (offer_misses(v, e))
            buf_printf(p->out, "  %-20s %s (%s)\n", e->keyword, e->means, e->rfc);
}

static void print_odd(struct page *p, const struct view *v)
{
    const char *text;
    bool found;
    for (size_t i = 0; (text = offer_oddity_at(v, i, &found)); i++)
        if (found)
            buf_printf(p->out, "  ! %s\n", text);
}

/* ---- used ---- */

static bool has_param(const struct view *v, const char *name)
{
    struct slice rest = slice_cstr(v->reverse_params), word, wanted = slice_cstr(name);
    while ((word = slice_next_word(&rest)).len > 0)
        if (slice_starts_nocase(word, wanted) &&
            (word.len == wanted.len || word.ptr[wanted.len] == '='))
            return true;
    return false;
}

static bool used(const struct view *v, struct slice keyword)
{
    static const struct {
        const char *keyword, *param;
    } params[] = {{"SIZE", "SIZE"},
                  {"8BITMIME", "BODY"},
                  {"SMTPUTF8", "SMTPUTF8"},
                  {"DSN", "RET"},
                  {"DSN", "ENVID"},
                  {"DELIVERBY", "BY"},
                  {"REQUIRETLS", "REQUIRETLS"},
                  {"MT-PRIORITY", "MT-PRIORITY"}};
    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        if (slice_eq_nocase(keyword, slice_cstr(params[i].keyword)) &&
            has_param(v, params[i].param))
            return true;
    if (slice_eq_nocase(keyword, SLICE_LIT("AUTH")))
        return v->auth_mechanism != NULL;
    if (slice_eq_nocase(keyword, SLICE_LIT("CHUNKING")))
        return v->body.chunks;
    if (slice_eq_nocase(keyword, SLICE_LIT("STARTTLS")))
        return v->tls;
    return slice_eq_nocase(keyword, SLICE_LIT("PIPELINING")) && v->pipelined;
}

static void print_used(struct page *p, const struct view *v)
{
    static const char *const heads[] = {"used", "not used"};
    if (!view_is_smtp(v))
        return; /* what is used of IMAP and POP3 is not told by its commands alone */
    for (unsigned round = 0; round < 2; round++) {
        bool any = false;
        /* STARTTLS stands in the offer before TLS only. */
        if (round == 0 && v->tls && v->n_caps_clear > 0) {
            buf_printf(p->out, "  %-11s STARTTLS", heads[round]);
            any = true;
        }
        for (size_t i = 0; i < v->n_caps; i++) {
            struct slice keyword = slice_of(v->caps[i], strcspn(v->caps[i], " ="));
            if (used(v, keyword) != (round == 0))
                continue;
            if (!any)
                buf_printf(p->out, "  %-11s", heads[round]);
            buf_append_octet(p->out, ' ');
            vis_to_buf(p->out, slice_take(keyword, 60), p->flags);
            any = true;
        }
        if (any)
            buf_append_octet(p->out, '\n');
    }
}

void offer_print(const struct view *v, unsigned parts, unsigned vis_flags, struct buf *out)
{
    static const struct {
        unsigned part;
        const char *head;
        void (*print)(struct page *p, const struct view *v);
    } rows[] = {
        {OFFER_PRINT_SERVER, "Server", print_server},
        {OFFER_PRINT_LIST, "Offers", print_list},
        {OFFER_PRINT_CHANGES, "Before and after TLS", print_changes},
        {OFFER_PRINT_MISSING, "Expected on this port, and not offered", print_missing},
        {OFFER_PRINT_ODD, "Odd", print_odd},
        {OFFER_PRINT_USED, "In this session", print_used},
    };
    struct page p = {.out = out, .flags = vis_flags & VIS_ASCII};
    unsigned wanted = parts & OFFER_PRINT_ALL;
    bool several = (wanted & (wanted - 1)) != 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t before = out->len, head = before;
        if (!(wanted & rows[i].part))
            continue;
        if (several)
            buf_printf(out, "%s\n", rows[i].head);
        head = out->len;
        rows[i].print(&p, v);
        if (out->len == head)
            out->len = before; /* nothing to say: no heading either */
    }
}
