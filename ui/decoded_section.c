/* The sections of the decoded pane: a struct view in words. Most telling rows first, as a strip
 * shows only three. */
#include <stdio.h>
#include <string.h>

#include "decode/mailbox.h"
#include "decode/message.h"
#include "decode/status.h"
#include "decode/timing.h"
#include "imap/deviation.h"
#include "pop3/deviation.h"
#include "smtp/deviation.h"
#include "ui_private.h"

enum { SECTION_OCTETS = 1 << 20, TIMING_NAME_COLS = 10, TIMING_ROWS = 200 };

static enum role code_role(unsigned code)
{
    return code == 0 ? ROLE_DIM : code < 400 ? ROLE_OK : ROLE_BAD;
}

static void code_text(unsigned code, const char *enhanced, char *out, size_t out_octets)
{
    char safe[16] = "";
    if (enhanced)
        vis_to_cstr(safe, sizeof safe, slice_cstr(enhanced));
    if (code == 0)
        snprintf(out, out_octets, "no reply yet");
    else
        snprintf(out, out_octets, "%s%u%s%s", code >= 400 ? "! " : "", code, *safe ? " " : "",
                 safe);
}

/* ---- why ---- */

/* The provider's own words for it, where they are known; else what the codes mean. */
static void why_meaning(struct doc *d, const struct explanation *e)
{
    const char *means = e->meaning;
    if (e->provider && e->provider_sure)
        means = e->provider_meaning;
    doc_wrap(d, "means", means ? means : "", ROLE_TEXT);
    doc_wrap(d, "next", e->next, ROLE_TEXT);
    if (e->provider && e->provider_sure)
        doc_wrap(d, "code", e->enhanced_meaning ? e->enhanced_meaning : e->code_meaning, ROLE_DIM);
    else if (e->meaning != e->code_meaning && e->code_meaning && e->party != EXPLAIN_NOBODY)
        doc_wrap(d, "code", e->code_meaning, ROLE_DIM);
}

static void why_wording(struct doc *d, const struct explanation *e)
{
    char text[400];
    if (!e->provider)
        return;
    if (e->provider_sure)
        snprintf(text, sizeof text, "of %s: %s", e->provider, e->provider_source);
    else
        snprintf(text, sizeof text, "%s uses this wording: %s", e->provider, e->provider_meaning);
    doc_wrap(d, "wording", text, ROLE_DIM);
}

/* What the program itself says, where that is the selected line: the transcript cuts it at the
 * pane's edge. False: the line is something else. */
static bool why_note(struct doc *d, uint64_t seq)
{
    static const char *const labels[] = {"! error", "means", "next"};
    const struct event *ev = journal_at(d->u->journal, seq);
    struct ev_note note;
    if (!ev || ev->kind != EVENT_NOTE || (ev->flags & EVENT_FLAG_BACKSTAGE))
        return false;
    EVENT_GET(ev, NOTE, &note);
    if (note.level != LEVEL_ERROR && note.level != LEVEL_WARNING)
        return false;
    const struct slice parts[] = {note.text, note.means, note.next};
    enum role role = note.level == LEVEL_ERROR ? ROLE_BAD : ROLE_WARN;
    struct buf safe;
    buf_init(&safe, SECTION_OCTETS);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_reset(&safe);
        vis_to_buf(&safe, parts[i], ui_vis_flags(d->u));
        doc_wrap(d, i == 0 && note.level == LEVEL_WARNING ? "! warning" : labels[i],
                 buf_cstr(&safe), i == 0 ? role : ROLE_TEXT);
    }
    buf_deinit(&safe);
    return true;
}

/* All it said; of EHLO's long list only how long it is: Caps has it line by line. */
static void why_said(struct doc *d, const struct view *v)
{
    bool hello = v->last_verb == SMTP_VERB_EHLO || v->last_verb == SMTP_VERB_LHLO;
    if (!v->last_text || !*v->last_text)
        return;
    if (hello && v->last_code == 250 && v->n_caps > 0) {
        char text[80];
        snprintf(text, sizeof text, "its name and %zu capabilities: section Caps", v->n_caps);
        doc_wrap(d, "it said", text, ROLE_TEXT);
        return;
    }
    struct buf safe;
    buf_init(&safe, SECTION_OCTETS);
    vis_to_buf(&safe, slice_cstr(v->last_text), ui_vis_flags(d->u));
    doc_wrap(d, "it said", buf_cstr(&safe), ROLE_TEXT);
    buf_deinit(&safe);
}

static void section_why(struct doc *d, const struct view *v)
{
    struct explanation e;
    char code[40];
    if (why_note(d, v->last_seq))
        return;
    if (v->link == VIEW_LINK_DOWN && v->last_reply_seq == 0) {
        doc_wrap(d, "down", explain_down((unsigned)v->down_why), ROLE_BAD);
        doc_said(d, "said", v->down_text && *v->down_text ? v->down_text : "nothing", ROLE_TEXT);
        return;
    }
    if (v->last_code == 0 && v->last_reply_seq == 0) {
        doc_wrap(d, "",
                 v->link == VIEW_LINK_UP
                     ? "No reply yet. The server speaks first: wait for its 220."
                     : "Here stands what the last reply means, who must act, and what to do next.",
                 ROLE_DIM);
        return;
    }
    view_explain(v, &e);
    bool bad = !status_is_good(slice_cstr(v->last_status));
    if (v->last_status)
        snprintf(code, sizeof code, "%s%.20s", bad ? "! " : "", v->last_status);
    else
        code_text(v->last_code, v->last_enhanced, code, sizeof code);
    bool greeting = slice_eq(slice_cstr(v->last_answered), SLICE_LIT("CONNECT"));
    char *verdict = mem_printf("%sto %s: %s", strlen(code) < 12 ? "" : " ",
                               greeting           ? "the connection"
                               : v->last_answered ? v->last_answered
                                                  : "what nobody asked",
                               e.class_meaning);
    size_t first = d->n_rows;
    doc_said(d, code, verdict, v->last_status ? bad ? ROLE_BAD : ROLE_OK : code_role(v->last_code));
    mem_free(verdict);
    d->rows[first].indent = 0; /* the code is no label */
    why_meaning(d, &e);
    doc_wrap(d, "who acts", e.who, ROLE_TEXT);
    why_said(d, v);
    why_wording(d, &e);
    doc_wrap(d, "where", e.source, ROLE_DIM);
    if (v->link == VIEW_LINK_DOWN)
        doc_wrap(d, "then", explain_down((unsigned)v->down_why), ROLE_WARN);
}

/* ---- envelope ---- */

static struct slice kept_text(struct doc *d, enum tab tab, const struct view *v, uint64_t key,
                              void (*print)(struct ui *u, const struct view *v, struct buf *out));

static void print_mailbox(struct ui *u, const struct view *v, struct buf *out)
{
    struct mailbox_view m;
    mailbox_view_init(&m, v->conn);
    mailbox_view_at(&m, u->journal, v->conn, v->last_seq);
    mailbox_view_print(&m, ui_vis_flags(u), out);
    mailbox_view_deinit(&m);
}

/* POP3 and IMAP carry no envelope: what is in the mailbox stands in its place. */
bool decoded_reads_mail(const struct view *v)
{
    struct slice protocol = slice_cstr(v->protocol);
    return slice_eq(protocol, SLICE_LIT("pop3")) || slice_eq(protocol, SLICE_LIT("imap"));
}

const char *decoded_protocol(const struct view *v)
{
    static const struct {
        const char *name, *shown;
    } rows[] = {{"pop3", "POP3"}, {"imap", "IMAP"}, {"lmtp", "LMTP"}, {"smtp", "SMTP"}};
    for (size_t i = 0; v->protocol && i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(v->protocol, rows[i].name) == 0)
            return rows[i].shown;
    return v->protocol ? v->protocol : "SMTP"; /* the museum's names are their own */
}

static void section_envelope(struct doc *d, const struct view *v)
{
    if (decoded_reads_mail(v)) {
        doc_lines(d, kept_text(d, TAB_ENVELOPE, v, v->last_seq, print_mailbox));
        return;
    }
    char code[40];
    struct doc_row *row;
    if (!v->reverse_path) {
        doc_note(d, "MAIL FROM", v->messages ? "none now; the last message is done" : "none yet",
                 ROLE_DIM);
    } else {
        doc_pair(d, "MAIL FROM", v->reverse_path, ROLE_TEXT);
        row = &d->rows[d->n_rows - 1];
        code_text(v->reverse_code, NULL, code, sizeof code);
        doc_right(d, row, code, code_role(v->reverse_code));
    }
    for (size_t i = 0; i < v->n_recipients; i++) {
        const struct view_recipient *r = &v->recipients[i];
        doc_pair(d, "RCPT TO", r->path, ROLE_TEXT);
        row = &d->rows[d->n_rows - 1];
        code_text(r->code, r->enhanced, code, sizeof code);
        doc_right(d, row, code, code_role(r->code));
        if (r->code >= 400 && r->text && *r->text)
            doc_said(d, "", r->text, ROLE_DIM);
    }
    if (v->reverse_params && *v->reverse_params)
        doc_said(d, "params", v->reverse_params, ROLE_TEXT);
    if (v->content_known) {
        char text[160];
        const struct ev_data_end *c = &v->content;
        snprintf(text, sizeof text, "%llu octets, %llu lines%s", (unsigned long long)c->content,
                 (unsigned long long)c->lines, c->complete ? "" : ", broken off");
        doc_note(d, "message", text, c->complete ? ROLE_TEXT : ROLE_WARN);
        code_text(v->delivered_code, NULL, code, sizeof code);
        doc_right(d, &d->rows[d->n_rows - 1], code, code_role(v->delivered_code));
        snprintf(text, sizeof text, "%llu dot-stuffed, longest line %llu",
                 (unsigned long long)c->stuffed, (unsigned long long)c->longest);
        doc_note(d, "", text, ROLE_DIM);
        if (c->bare_lf || c->bare_cr || c->nul) {
            snprintf(text, sizeof text, "! bare LF %llu, bare CR %llu, NUL %llu",
                     (unsigned long long)c->bare_lf, (unsigned long long)c->bare_cr,
                     (unsigned long long)c->nul);
            doc_note(d, "", text, ROLE_WARN);
        }
    }
    if (v->reverse_path) {
        doc_wrap(d, "who says so",
                 v->authenticated ? "AUTH is proven; MAIL FROM is only claimed"
                                  : "the client claims it, nobody has proved it",
                 ROLE_DIM);
    }
}

/* ---- session ---- */

static void section_session(struct doc *d, const struct view *v)
{
    static const char *const transports[TRANSPORT__COUNT] = {"TCP", "unix socket", "in memory",
                                                             "a command"};
    char text[160];
    doc_pair(d, "target", v->target && *v->target ? v->target : v->peer, ROLE_TEXT);
    if (v->link == VIEW_LINK_UP || v->link == VIEW_LINK_DOWN) {
        snprintf(text, sizeof text, "%s in %.1f ms",
                 v->transport < TRANSPORT__COUNT ? transports[v->transport] : "",
                 (double)v->connect_us / 1e3);
        doc_right(d, &d->rows[d->n_rows - 1], text, ROLE_DIM);
    }
    snprintf(text, sizeof text, "%s%s", v->state_name ? v->state_name : smtp_state_name(v->state),
             v->authenticated && view_is_smtp(v) ? ", authenticated" : "");
    doc_pair(d, "state",
             v->link == VIEW_LINK_DOWN ? "closed"
             : v->link == VIEW_LINK_UP ? text
                                       : "not connected",
             ROLE_TEXT);
    section_server(d, v);
    if (v->hello)
        doc_said(d, "we said", v->hello, ROLE_TEXT);
    if (v->peer && *v->peer)
        doc_said(d, "peer", v->peer, ROLE_TEXT);
    if (v->local && *v->local)
        doc_said(d, "local", v->local, ROLE_TEXT);
    if (v->authenticated)
        doc_pair(d, "AUTH", v->auth_mechanism ? v->auth_mechanism : "done", ROLE_OK);
    snprintf(text, sizeof text, "in %llu, out %llu", (unsigned long long)v->octets[DIR_S],
             (unsigned long long)v->octets[DIR_C]);
    doc_note(d, "octets", text, ROLE_TEXT);
    if (v->link == VIEW_LINK_DOWN)
        doc_wrap(d, "ended", explain_down((unsigned)v->down_why), ROLE_WARN);
    if (v->auth_mechanism || v->authenticated || decoded_reads_mail(v))
        doc_lines(d, kept_text(d, TAB_SESSION, v, v->last_seq, decoded_print_login));
}

/* ---- what decode prints ---- */

/* The text of a section, made anew only where the key of what it was made from is another: a
 * message is read for it. */
static struct slice kept_text(struct doc *d, enum tab tab, const struct view *v, uint64_t key,
                              void (*print)(struct ui *u, const struct view *v, struct buf *out))
{
    struct section_text *kept = &d->u->decoded.texts[tab];
    if (kept->text.cap_octets == 0)
        buf_init(&kept->text, SECTION_OCTETS);
    if (kept->conn != v->conn || kept->key != key) {
        buf_reset(&kept->text);
        print(d->u, v, &kept->text);
        kept->conn = v->conn;
        kept->key = key;
    }
    return buf_slice(&kept->text);
}

static void print_message(struct ui *u, const struct view *v, struct buf *out)
{
    struct message m;
    message_read(v, u->journal, &m);
    if (m.known)
        message_print(&m, v,
                      MESSAGE_PRINT_WHO | MESSAGE_PRINT_FIELDS | MESSAGE_PRINT_MIME |
                          MESSAGE_PRINT_TRACE | MESSAGE_PRINT_SHAPE,
                      ui_vis_flags(u), out);
    message_deinit(&m);
}

static void section_message(struct doc *d, const struct view *v)
{
    struct slice text = {0};
    if (v->body.seq)
        text = kept_text(d, TAB_MESSAGE, v, message_key(v), print_message);
    if (text.len > 0)
        doc_lines(d, text);
    else
        doc_wrap(d, "", "No message has passed yet.", ROLE_DIM);
}

/* ---- timing ---- */

/* "MAIL        250 ████▌     12 ms": a bar as long as the wait, against the longest of all. */
static void timing_row(struct doc *d, const struct timing_step *s, uint64_t longest_us,
                       bool answered)
{
    enum { CODE_COLS = 5, RIGHT_COLS = 9 };
    char text[40];
    uint64_t us = answered ? timing_wait_us(s) : 0;
    int room = d->cols - TIMING_NAME_COLS - CODE_COLS - RIGHT_COLS - 1;
    struct doc_row *row = doc_add(d, answered && s->refused ? ROLE_BAD : ROLE_TEXT);
    snprintf(text, sizeof text, "%-*.*s %3.4s ", TIMING_NAME_COLS, TIMING_NAME_COLS, s->name,
             answered && s->result[0] ? s->result : "-");
    doc_own(d, row, text);
    uint64_t eighths = room > 0 && longest_us ? us * (uint64_t)room * 2 / longest_us : 0;
    for (uint64_t i = 0; i < eighths / 2; i++)
        doc_own(d, row, "█");
    if (eighths % 2)
        doc_own(d, row, "▌");
    row->indent = TIMING_NAME_COLS;
    duration_text(us, text, sizeof text);
    doc_right(d, row, answered ? text : "waiting", s->flags ? ROLE_WARN : ROLE_TIME);
    if (!answered)
        return;
    for (unsigned flag = 1; flag < 1u << TIMING_FLAGS_COUNT; flag <<= 1)
        if ((s->flags & flag) && timing_flag_text(flag))
            doc_wrap(d, "", timing_flag_text(flag), ROLE_WARN);
}

/* Steps up to where the view stands: what was answered later was waited for then. */
static void section_timing(struct doc *d, const struct view *v)
{
    const struct timing *t = decoded_timing(d->u, v->conn);
    const struct event *here = journal_at(d->u->journal, v->last_seq);
    uint64_t now_ns = here ? here->tick_ns : 0, longest_us = 0;
    size_t n = t->n_steps;
    while (n > 0 && t->steps[n - 1].seq > v->last_seq)
        n--;
    if (n == 0)
        doc_wrap(d, "", "No connection has been up yet.", ROLE_DIM);
    /* The newest are what one wants to see; /timing shows them all. */
    size_t most = d->strip ? 3 : TIMING_ROWS, from = n > most ? n - most : 0;
    for (size_t i = from; i < n; i++)
        longest_us =
            timing_wait_us(&t->steps[i]) > longest_us ? timing_wait_us(&t->steps[i]) : longest_us;
    for (size_t i = from; i < n; i++)
        timing_row(d, &t->steps[i], longest_us,
                   t->steps[i].last_tick_ns != 0 && t->steps[i].last_tick_ns <= now_ns);
    if (from > 0)
        doc_note(d, "", "/timing shows those before", ROLE_DIM);
}

/* ---- deviations ---- */

/* What the rule means and where it stands, whichever protocol has it. */
static bool find_rule(const char *name, const char **meaning_out, const char **rfc_out)
{
    enum smtp_rule smtp = smtp_rule_by_name(slice_cstr(name));
    enum imap_rule imap = imap_rule_by_name(slice_cstr(name));
    enum pop3_rule pop3 = pop3_rule_by_name(slice_cstr(name));
    *meaning_out = *rfc_out = "";
    if (smtp != SMTP_RULE__COUNT) {
        *meaning_out = smtp_rule_meaning(smtp);
        *rfc_out = smtp_rule_rfc(smtp);
    } else if (imap != IMAP_RULE__COUNT) {
        *meaning_out = imap_rule_meaning(imap);
        *rfc_out = imap_rule_rfc(imap);
    } else if (pop3 != POP3_RULE__COUNT) {
        *meaning_out = pop3_rule_meaning(pop3);
        *rfc_out = pop3_rule_rfc(pop3);
    }
    return **meaning_out != '\0';
}

static void section_deviations(struct doc *d, const struct view *v)
{
    char text[64];
    if (v->n_deviations == 0)
        doc_note(d, "", "none: both sides keep to the rules", ROLE_OK);
    for (size_t i = 0; i < v->n_deviations; i++) {
        const struct view_deviation *dev = &v->deviations[i];
        struct doc_row *row = doc_add(d, ROLE_WARN);
        doc_own(d, row, dev->dir == DIR_C ? "! client: " : "! server: ");
        doc_peer(d, row, dev->rule);
        const char *meaning, *rfc;
        bool known = find_rule(dev->rule, &meaning, &rfc);
        snprintf(text, sizeof text, "%llu times", (unsigned long long)dev->count);
        if (dev->count > 1)
            doc_right(d, row, text, ROLE_WARN);
        bool says_more = dev->note && *dev->note && (!known || strcmp(dev->note, meaning) != 0);
        if (says_more)
            doc_said(d, "  seen", dev->note, ROLE_TEXT);
        if (known) {
            doc_wrap(d, "  means", meaning, ROLE_DIM);
            doc_wrap(d, "  where", rfc, ROLE_DIM);
        }
    }
}

typedef void (*section_fn)(struct doc *d, const struct view *v);
static const section_fn sections[TAB__COUNT] = {
    [TAB_WHY] = section_why,
    [TAB_ENVELOPE] = section_envelope,
    [TAB_MESSAGE] = section_message,
    [TAB_TLS] = section_tls,
    [TAB_CERTS] = section_certs,
    [TAB_CAPS] = section_caps,
    [TAB_SESSION] = section_session,
    [TAB_TIMING] = section_timing,
    [TAB_DEVIATIONS] = section_deviations,
};

void decoded_section(struct doc *d, enum tab tab, const struct view *v)
{
    sections[tab](d, v);
}

/* Not worth a place beside the section that was asked for. */
bool decoded_section_empty(enum tab tab, const struct view *v)
{
    switch (tab) {
    case TAB_WHY:
        return v->last_reply_seq == 0 && v->link != VIEW_LINK_DOWN;
    case TAB_ENVELOPE:
        return !v->reverse_path && !v->content_known && !decoded_reads_mail(v);
    case TAB_MESSAGE:
        return v->body.seq == 0;
    case TAB_CERTS:
        return v->n_certs == 0;
    case TAB_SESSION:
    case TAB_TIMING:
        return v->link == VIEW_LINK_NONE;
    case TAB_TLS:
        return v->link != VIEW_LINK_UP && !v->tls;
    case TAB_CAPS:
        return v->n_caps == 0;
    case TAB_DEVIATIONS:
        return v->n_deviations == 0;
    case TAB__COUNT:
        break;
    }
    return true;
}
