/* Sections of the decoded pane whose facts decode words: TLS, certificates, what is offered, who
 * the server is, logging in. Its lines are set as rows: the label, the value, over as many as it
 * needs.
 */
#include <stdio.h>
#include <string.h>

#include "decode/offer.h"
#include "decode/tls.h"
#include "ui_private.h"

enum {
    FACTS_OCTETS = 1 << 20,
    LABEL_AT = 2,  /* where decode's lines have their label, */
    VALUE_AT = 14, /* and their value */
    CAPS_WIDE_COLS = 64,
    NAME_COLS_MIN = 8 /* a row keeps this much for its left end */
};

/* ---- lines as rows ---- */

/* How a line with this label is set; the first row that fits its value decides. */
static const struct fact_style {
    const char *label, *value; /* value: what it begins with; NULL: any */
    enum role role;
    bool first; /* goes before all others: a strip shows only three */
} fact_styles[] = {
    {"failed", NULL, ROLE_BAD, true},     {"version", NULL, ROLE_TLS, true},
    {"cipher", NULL, ROLE_TEXT, true},    {"result", "ok", ROLE_OK, true},
    {"result", "NOT ok", ROLE_BAD, true}, {"result", NULL, ROLE_WARN, true},
    {"reason", NULL, ROLE_BAD, true},     {"OCSP", "good, verified, produced", ROLE_OK, false},
    {"OCSP", NULL, ROLE_WARN, false},     {"software", NULL, ROLE_TEXT, true},
    {"means", NULL, ROLE_TEXT, false},    {"look at", NULL, ROLE_TEXT, false},
    {"note", NULL, ROLE_DIM, false},      {"", "! ", ROLE_WARN, false},
    {"", NULL, ROLE_DIM, false},          {NULL, NULL, ROLE_TEXT, false},
};

/* What stands at the right end of another row instead of on one of its own. */
static const struct {
    const char *label, *beside;
} fact_beside[] = {{"strength", "cipher"}, {"took", "version"}};

struct fact {
    char label[16];
    char *value;
};

static bool next_fact(struct slice *rest, struct fact *out)
{
    ptrdiff_t lf = slice_find_octet(*rest, '\n');
    struct slice line = slice_take(*rest, lf < 0 ? rest->len : (size_t)lf);
    *rest = slice_skip(*rest, line.len + (lf >= 0));
    if (line.len <= VALUE_AT)
        return false;
    struct slice label = slice_trim(slice_take(slice_skip(line, LABEL_AT), VALUE_AT - LABEL_AT));
    snprintf(out->label, sizeof out->label, "%.*s", (int)label.len, (const char *)label.ptr);
    out->value = mem_slice_dup(slice_skip(line, VALUE_AT));
    return true;
}

static const struct fact_style *style_of(const struct fact *f)
{
    const struct fact_style *s = fact_styles;
    for (; s->label; s++)
        if (strcmp(s->label, f->label) == 0 &&
            (!s->value || strncmp(f->value, s->value, strlen(s->value)) == 0))
            break;
    return s;
}

static const char *beside(const char *label)
{
    for (size_t i = 0; i < sizeof fact_beside / sizeof fact_beside[0]; i++)
        if (strcmp(fact_beside[i].label, label) == 0)
            return fact_beside[i].beside;
    return NULL;
}

/* The value that goes to the right end of the row with this label; NULL: none. The caller frees. */
static char *right_of(struct slice text, const char *label)
{
    struct fact f;
    while (text.len > 0) {
        if (!next_fact(&text, &f))
            continue;
        const char *of = beside(f.label);
        if (of && strcmp(of, label) == 0)
            return f.value;
        mem_free(f.value);
    }
    return NULL;
}

static void fact_row(struct doc *d, const struct fact *f, const struct fact_style *s,
                     struct slice text)
{
    char *right = right_of(text, f->label);
    if (right) {
        doc_mixed(d, f->label, f->value, s->role);
        doc_right(d, &d->rows[d->n_rows - 1], right, ROLE_DIM);
    } else {
        doc_wrap(d, f->label, f->value, s->role);
    }
    mem_free(right);
}

/* One of two rounds: what goes first, or the rest. A line without a label belongs to the one
 * before it. */
static void facts_round(struct doc *d, struct slice text, bool first)
{
    struct fact f;
    bool here = false;
    for (struct slice rest = text; rest.len > 0;) {
        if (!next_fact(&rest, &f))
            continue;
        const struct fact_style *s = style_of(&f);
        if (f.label[0])
            here = s->first == first && !beside(f.label);
        if (here)
            fact_row(d, &f, s, text);
        mem_free(f.value);
    }
}

static void facts(struct doc *d, struct slice text)
{
    facts_round(d, text, true);
    facts_round(d, text, false);
}

/* ---- TLS ---- */

static int64_t day_of(const struct doc *d, const struct view *v)
{
    const struct clock *clock = journal_clock(d->u->journal);
    const struct event *here = journal_at(d->u->journal, v->last_seq);
    /* A recording is judged by its own day, not by today's. */
    return (here ? here->wall_us : clock->wall_us(clock->ctx)) / 1000000;
}

static void tls_facts(struct doc *d, const struct view *v, unsigned parts)
{
    struct buf text;
    buf_init(&text, FACTS_OCTETS);
    for (unsigned part = 1; part & TLS_PRINT_ALL; part <<= 1) /* one alone has no heading */
        if (parts & part)
            tls_print(v, day_of(d, v), part, ui_vis_flags(d->u), &text);
    if (parts == TLS_PRINT_CHAIN)
        facts_round(d, buf_slice(&text), false); /* in the chain's order */
    else
        facts(d, buf_slice(&text));
    buf_deinit(&text);
}

void section_tls(struct doc *d, const struct view *v)
{
    if (v->tls || v->tls_failed) {
        tls_facts(d, v, TLS_PRINT_SESSION | TLS_PRINT_CHECK);
        return;
    }
    doc_wrap(d, "TLS",
             v->link != VIEW_LINK_UP ? "no connection"
             : view_offers(v, "STARTTLS") || view_offers(v, "STLS")
                 ? "not in use: all of this is plain text on the wire. /tls begins it."
                 : "not in use, and not offered so far",
             ROLE_WARN);
}

void section_certs(struct doc *d, const struct view *v)
{
    if (v->n_certs == 0)
        doc_wrap(d, "", v->tls ? "the server showed none" : "none came: not inside TLS", ROLE_DIM);
    else
        tls_facts(d, v, TLS_PRINT_CHAIN);
}

/* ---- capabilities ---- */

/* A strip has few rows: as many as fit on each. */
static void caps_packed(struct doc *d, const struct view *v)
{
    struct doc_row *row = NULL;
    for (size_t i = 0; i < v->n_caps; i++) {
        size_t cols = strlen(v->caps[i]) + 3;
        if (!row || row->left.cols + cols > (size_t)d->cols)
            row = doc_add(d, ROLE_TEXT);
        else
            doc_own(d, row, " · ");
        doc_peer(d, row, v->caps[i]);
    }
}

/* A capability, and at the right what TLS changed, else what it means where there is room, else
 * where that stands. */
static void cap_row(struct doc *d, const struct view *v, const char *cap)
{
    static const struct {
        const char *text;
        enum role role;
    } changes[] = {[OFFER_SAME] = {NULL, ROLE_DIM},
                   [OFFER_NEW] = {"+ new inside TLS", ROLE_OK},
                   [OFFER_GONE] = {NULL, ROLE_DIM},
                   [OFFER_CHANGED] = {"~ other before TLS", ROLE_WARN}};
    struct doc_row *row = doc_add(d, ROLE_TEXT);
    enum offer_change change = offer_change_of(v, cap);
    doc_peer(d, row, cap);
    if (changes[change].text) {
        doc_right(d, row, changes[change].text, changes[change].role);
        return;
    }
    struct buf meaning;
    buf_init(&meaning, 2000);
    offer_meaning_in(v, cap, &meaning);
    const char *text = buf_cstr(&meaning), *where = strrchr(text, '(');
    size_t len = strlen(text);
    if (where && len > 0 && text[len - 1] == ')') {
        char *rfc = mem_slice_dup(slice_of(where + 1, strlen(where) - 2));
        size_t taken = row->left.cols > NAME_COLS_MIN ? row->left.cols : NAME_COLS_MIN;
        bool fits = d->cols >= CAPS_WIDE_COLS && taken + 2 + len <= (size_t)d->cols;
        doc_right(d, row, fits ? text : rfc, ROLE_DIM);
        mem_free(rfc);
    }
    buf_deinit(&meaning);
}

/* only: what a line begins with to be shown; "" for all. */
static void offer_lines(struct doc *d, const struct view *v, unsigned part, const char *only,
                        const char *label, enum role role)
{
    struct buf text;
    buf_init(&text, FACTS_OCTETS);
    offer_print(v, part, ui_vis_flags(d->u), &text);
    for (struct slice rest = buf_slice(&text); rest.len > 0;) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = slice_take(rest, lf < 0 ? rest.len : (size_t)lf);
        char *one = mem_slice_dup(slice_trim(line));
        if (strncmp(one, only, strlen(only)) == 0)
            doc_wrap(d, label, one + strlen(only), role);
        mem_free(one);
        rest = slice_skip(rest, line.len + (lf >= 0));
    }
    buf_deinit(&text);
}

void section_caps(struct doc *d, const struct view *v)
{
    if (d->strip && v->n_caps > 0) {
        caps_packed(d, v);
        return;
    }
    if (v->n_caps == 0 && v->n_caps_clear == 0)
        doc_wrap(d, "", view_is_smtp(v) ? "None known: EHLO asks for them." : "None known so far.",
                 ROLE_DIM);
    for (size_t i = 0; i < v->n_caps; i++)
        cap_row(d, v, v->caps[i]);
    offer_lines(d, v, OFFER_PRINT_CHANGES, v->n_caps > 0 ? "- " : "",
                v->n_caps > 0 ? "not now" : "", ROLE_DIM);
    offer_lines(d, v, OFFER_PRINT_ODD, "! ", "! odd", ROLE_WARN);
    offer_lines(d, v, OFFER_PRINT_MISSING, "", "missing", ROLE_DIM);
}

/* ---- who the server is, and logging in ---- */

void section_server(struct doc *d, const struct view *v)
{
    struct buf text;
    if (!v->greeting)
        return;
    buf_init(&text, FACTS_OCTETS);
    offer_print(v, OFFER_PRINT_SERVER, ui_vis_flags(d->u), &text);
    facts(d, buf_slice(&text));
    buf_deinit(&text);
}

/* The live one is folded event by event; another is read anew, and kept by who asks. */
void decoded_print_login(struct ui *u, const struct view *v, struct buf *out)
{
    struct decoded_pane *d = &u->decoded;
    struct login then;
    if (v != &d->live) {
        login_init(&then, v->conn);
        login_at(&then, u->journal, v->conn, v->last_seq);
        login_print(&then, ui_vis_flags(u), out);
        login_deinit(&then);
        return;
    }
    if (d->login_seq == 0 || d->login.conn != v->conn) {
        decoded_forget_login(u);
        login_init(&d->login, v->conn);
    }
    uint64_t seq = d->login_seq + 1;
    if (seq < journal_first(u->journal))
        seq = journal_first(u->journal);
    for (; seq != 0 && seq <= v->last_seq; seq++) {
        const struct event *ev = journal_at(u->journal, seq);
        if (ev)
            login_apply(&d->login, u->journal, ev);
        d->login_seq = seq;
    }
    login_print(&d->login, ui_vis_flags(u), out);
}

void decoded_forget_login(struct ui *u)
{
    login_deinit(&u->decoded.login);
    u->decoded.login_seq = 0;
}
