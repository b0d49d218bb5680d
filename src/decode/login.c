/* The fold of logins. An attempt begins with the command that names a mechanism and ends with a
 * reply that asks for nothing more, with "*", or with the next attempt. */
#include "decode/login.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "sasl/sasl.h"

static const struct login_step_info step_rows[] = {
#include "decode/sasl-steps.inc"
};
enum { N_STEP_ROWS = sizeof(step_rows) / sizeof(*step_rows) };

const struct login_step_info *login_step_info_at(size_t index)
{
    return index < N_STEP_ROWS ? &step_rows[index] : NULL;
}

const char *login_step_name(const char *mechanism, enum event_dir dir, unsigned step,
                            const char **rfc_out)
{
    char number[12];
    snprintf(number, sizeof(number), "%u", step);
    for (size_t i = 0; mechanism && i < N_STEP_ROWS; i++) {
        const struct login_step_info *r = &step_rows[i];
        size_t len = strlen(r->mechanism);
        bool family = r->mechanism[len - 1] == '-';
        struct slice name = slice_cstr(mechanism), wanted = slice_cstr(r->mechanism);
        if (!(family ? slice_starts_nocase(name, wanted) : slice_eq_nocase(name, wanted)) ||
            strcmp(r->step, number) != 0 || (r->dir[0] == 'C') != (dir == DIR_C))
            continue;
        if (rfc_out)
            *rfc_out = r->rfc;
        return r->name;
    }
    return NULL;
}

const char *login_end_name(enum login_end end)
{
    static const char *const names[LOGIN_END__COUNT] = {"not finished", "accepted", "refused",
                                                        "given up by the client"};
    return end < LOGIN_END__COUNT ? names[end] : "";
}

/* ---- attempts ---- */

static void set_text(char **text, struct slice value)
{
    mem_free(*text);
    *text = value.len > 0 ? mem_slice_dup(slice_take(value, LOGIN_TEXT_OCTETS)) : NULL;
}

static void drop_attempt(struct login_attempt *a)
{
    for (size_t i = 0; i < a->n_steps; i++)
        mem_free(a->steps[i].text);
    mem_free(a->mechanism);
    mem_free(a->user);
    mem_free(a->enhanced);
    mem_free(a->reply);
    memset(a, 0, sizeof(*a));
}

static struct login_attempt *newest(struct login *l)
{
    return l->n_attempts > 0 ? &l->attempts[l->n_attempts - 1] : NULL;
}

static struct login_attempt *begin(struct login *l, const struct event *ev)
{
    if (l->n_attempts == LOGIN_ATTEMPTS_MAX) {
        drop_attempt(&l->attempts[0]);
        memmove(l->attempts, l->attempts + 1, (LOGIN_ATTEMPTS_MAX - 1) * sizeof(*l->attempts));
        l->n_attempts--;
        l->dropped++;
    }
    struct login_attempt *a = &l->attempts[l->n_attempts++];
    *a = (struct login_attempt){.seq = ev->seq, .tick_ns = ev->tick_ns, .tls = l->tls};
    return a;
}

/* The second word: "AUTH PLAIN ...", "a1 AUTHENTICATE PLAIN". */
static void take_mechanism(struct login_attempt *a, const struct journal *j, const struct event *ev,
                           const struct ev_command *e)
{
    struct buf line;
    char name[24];
    size_t n = 0;
    buf_init(&line, 256);
    journal_read_masked(j, ev->conn, DIR_C, LAYER_PLAIN, e->offset,
                        e->length < 200 ? e->length : 200, &line, NULL);
    struct slice rest = buf_slice(&line);
    if (e->tag.len > 0)
        slice_next_word(&rest);
    slice_next_word(&rest);
    struct slice word = slice_trim(slice_next_word(&rest));
    for (; n < word.len && n < sizeof(name) - 1; n++)
        name[n] = (char)(word.ptr[n] >= 'a' && word.ptr[n] <= 'z' ? word.ptr[n] - 32 : word.ptr[n]);
    set_text(&a->mechanism, slice_of(name, n));
    buf_deinit(&line);
}

/* Commands that log in without SASL. */
static const struct plain_command {
    const char *verb, *name, *rating, *note, *rfc;
    bool shows_secret;
} plain_commands[] = {
    {"PASS", "USER and PASS", "TLS only", "The password goes as it is.", "RFC 1939 section 7",
     true},
    {"APOP", "APOP", "weak",
     "MD5 of the greeting's time stamp and the password: it can be guessed.", "RFC 1939 section 7",
     false},
    {"LOGIN", "LOGIN command", "TLS only", "User and password go as they are.",
     "RFC 9051 section 6.2.3", true},
};

static const struct plain_command *plain_command(struct slice verb)
{
    for (size_t i = 0; i < sizeof(plain_commands) / sizeof(*plain_commands); i++)
        if (slice_eq(verb, slice_cstr(plain_commands[i].verb)))
            return &plain_commands[i];
    return NULL;
}

static const struct plain_command *plain_by_name(const char *name)
{
    for (size_t i = 0; name && i < sizeof(plain_commands) / sizeof(*plain_commands); i++)
        if (strcmp(name, plain_commands[i].name) == 0)
            return &plain_commands[i];
    return NULL;
}

static void apply_command(struct login *l, const struct journal *j, const struct event *ev)
{
    struct ev_command e;
    EVENT_GET(ev, COMMAND, &e);
    const struct plain_command *plain = plain_command(e.verb);
    if (plain)
        set_text(&begin(l, ev)->mechanism, slice_cstr(plain->name));
    else if (slice_eq(e.verb, SLICE_LIT("AUTH")) || slice_eq(e.verb, SLICE_LIT("AUTHENTICATE")))
        take_mechanism(begin(l, ev), j, ev, &e);
}

struct slice login_step_user(struct slice text)
{
    while (text.len > 0) {
        ptrdiff_t comma = slice_find(text, SLICE_LIT(", "));
        struct slice part = slice_take(text, comma < 0 ? text.len : (size_t)comma);
        if (slice_starts(part, SLICE_LIT("user ")))
            return slice_skip(part, 5);
        text = slice_skip(text, part.len + 2);
    }
    return slice_of(NULL, 0);
}

static void apply_step(struct login *l, const struct event *ev)
{
    struct ev_sasl_step e;
    EVENT_GET(ev, SASL_STEP, &e);
    struct login_attempt *a = newest(l);
    if (!a || a->end != LOGIN_OPEN)
        a = begin(l, ev);
    if (e.mechanism.len > 0)
        set_text(&a->mechanism, e.mechanism);
    if (e.dir == DIR_C && login_step_user(e.text).len > 0)
        set_text(&a->user, login_step_user(e.text));
    if (slice_starts(e.text, SLICE_LIT("the client gives the exchange up")))
        a->end = LOGIN_GIVEN_UP;
    if (a->n_steps == LOGIN_STEPS_MAX) {
        a->more_steps++;
        return;
    }
    a->steps[a->n_steps++] = (struct login_step){
        .seq = ev->seq,
        .at_us = ev->tick_ns > a->tick_ns ? (ev->tick_ns - a->tick_ns) / 1000 : 0,
        .dir = e.dir,
        .step = e.step <= 1000 ? (unsigned)e.step : 1000,
        .text = mem_slice_dup(slice_take(e.text, LOGIN_TEXT_OCTETS))};
}

static bool of_login(struct slice verb)
{
    static const char *const verbs[] = {"AUTH", "AUTH-DATA", "AUTHENTICATE"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (slice_eq(verb, slice_cstr(verbs[i])))
            return true;
    return plain_command(verb) != NULL;
}

static void apply_reply(struct login *l, const struct journal *j, const struct event *ev)
{
    struct ev_reply e;
    struct buf text;
    EVENT_GET(ev, REPLY, &e);
    struct login_attempt *a = newest(l);
    bool greeting = slice_eq(e.verb, SLICE_LIT("CONNECT"));
    bool ends = a && of_login(e.verb) && e.code / 100 != 3 && !slice_eq(e.status, SLICE_LIT("+"));
    if (!greeting && !ends)
        return;
    buf_init(&text, LOGIN_TEXT_OCTETS);
    uint64_t most = e.length < LOGIN_TEXT_OCTETS ? e.length : LOGIN_TEXT_OCTETS;
    journal_read_masked(j, ev->conn, DIR_S, LAYER_PLAIN, e.offset, most, &text, NULL);
    if (greeting) {
        set_text(&l->greeting, slice_trim(buf_slice(&text)));
    } else {
        bool good = e.code / 100 == 2 || slice_eq(e.status, SLICE_LIT("+OK")) ||
                    slice_eq(e.status, SLICE_LIT("OK"));
        if (a->end != LOGIN_GIVEN_UP || good)
            a->end = good ? LOGIN_ACCEPTED : LOGIN_REFUSED;
        a->code = e.code <= 999 ? (unsigned)e.code : 0;
        a->end_tick_ns = ev->tick_ns;
        a->answers =
            slice_eq(e.verb, SLICE_LIT("AUTH-DATA")) ? SMTP_VERB_AUTH_DATA : SMTP_VERB_AUTH;
        set_text(&a->enhanced, e.enhanced);
        set_text(&a->reply, slice_trim(buf_slice(&text)));
    }
    buf_deinit(&text);
}

static void apply_protocol(struct login *l, const struct event *ev)
{
    struct ev_protocol e;
    EVENT_GET(ev, PROTOCOL, &e);
    set_text(&l->protocol, e.name);
}

/* ---- the contract ---- */

void login_init(struct login *l, uint32_t conn)
{
    memset(l, 0, sizeof(*l));
    l->conn = conn;
}

void login_deinit(struct login *l)
{
    for (size_t i = 0; i < l->n_attempts; i++)
        drop_attempt(&l->attempts[i]);
    mem_free(l->greeting);
    mem_free(l->protocol);
    memset(l, 0, sizeof(*l));
}

void login_apply(struct login *l, const struct journal *j, const struct event *ev)
{
    if (ev->conn == 0 || (ev->flags & EVENT_FLAG_BACKSTAGE))
        return;
    if (l->conn == 0)
        l->conn = ev->conn;
    if (ev->conn != l->conn)
        return;
    if (ev->kind == EVENT_PROTOCOL)
        apply_protocol(l, ev);
    else if (ev->kind == EVENT_TLS_UP)
        l->tls = true;
    else if (ev->kind == EVENT_COMMAND)
        apply_command(l, j, ev);
    else if (ev->kind == EVENT_SASL_STEP)
        apply_step(l, ev);
    else if (ev->kind == EVENT_REPLY)
        apply_reply(l, j, ev);
}

void login_at(struct login *l, const struct journal *j, uint32_t conn, uint64_t seq)
{
    uint64_t last = journal_last(j), first = journal_first(j);
    login_deinit(l);
    login_init(l, conn);
    for (uint64_t at = first; at != 0 && at <= seq && at <= last; at++) {
        const struct event *ev = journal_at(j, at);
        if (ev)
            login_apply(l, j, ev);
    }
}

/* ---- as lines ---- */

static void say(struct buf *out, const char *label, const char *text, unsigned flags)
{
    if (!text || !*text)
        return;
    buf_printf(out, "  %-10s ", label);
    vis_to_buf(out, slice_cstr(text), flags);
    buf_append_octet(out, '\n');
}

static void print_mechanism(const struct login_attempt *a, unsigned flags, struct buf *out)
{
    const struct sasl_mechanism *m = sasl_mechanism(slice_cstr(a->mechanism));
    say(out, "mechanism", a->mechanism ? a->mechanism : "none was named", flags);
    const struct plain_command *plain = plain_by_name(a->mechanism);
    if (plain) {
        say(out, "rating", plain->rating, flags);
        say(out, "", plain->note, flags);
        say(out, "source", plain->rfc, flags);
    }
    if (m) {
        say(out, "rating", m->rating, flags);
        say(out, "", m->note, flags);
        say(out, "proves", m->proof, flags);
        say(out, "source", m->rfc, flags);
    }
    say(out, "user", a->user, flags);
    bool shown = plain ? plain->shows_secret
                       : a->mechanism && (sasl_traits(a->mechanism) & SASL_SHOWS_SECRET);
    say(out, "inside TLS",
        a->tls  ? "yes"
        : shown ? "! no: whoever listened has the secret, change it (RFC 4954 section 4)"
                : "no",
        flags);
}

static void print_step(const struct login_attempt *a, const struct login_step *s, unsigned flags,
                       struct buf *out)
{
    const char *name = login_step_name(a->mechanism, s->dir, s->step, NULL);
    buf_printf(out, "%9.1f ms %s  %s\n", (double)s->at_us / 1e3, s->dir == DIR_C ? "C>" : "<S",
               name ? name : "a step this mechanism should not have");
    buf_printf(out, "%17s", "");
    vis_to_buf(out, slice_cstr(s->text), flags);
    buf_append_octet(out, '\n');
}

/* Why it was refused: the reply's explanation, with the server's greeting to tell whose it is. */
static void print_why(const struct login *l, const struct login_attempt *a, unsigned flags,
                      struct buf *out)
{
    struct explanation e;
    struct explain_input in = {.code = a->code,
                               .enhanced = a->enhanced,
                               .answers = a->answers,
                               .text = slice_cstr(a->reply),
                               .banner = l->greeting,
                               .protocol = l->protocol};
    explain_reply_text(&in, &e);
    say(out, "means", e.meaning, flags);
    say(out, "who", explain_party_name(e.party), flags);
    say(out, "next", e.next, flags);
    say(out, "source", e.source, flags);
}

void login_print(const struct login *l, unsigned vis_flags, struct buf *out)
{
    unsigned flags = vis_flags & VIS_ASCII;
    if (l->dropped > 0)
        buf_printf(out, "  %llu earlier attempts are not shown\n", (unsigned long long)l->dropped);
    for (size_t i = 0; i < l->n_attempts; i++) {
        const struct login_attempt *a = &l->attempts[i];
        buf_printf(out, "Attempt %llu: %s\n", (unsigned long long)(l->dropped + i + 1),
                   login_end_name(a->end));
        print_mechanism(a, flags, out);
        for (size_t k = 0; k < a->n_steps; k++)
            print_step(a, &a->steps[k], flags, out);
        if (a->more_steps > 0)
            buf_printf(out, "  and %llu steps more\n", (unsigned long long)a->more_steps);
        say(out, "answer", a->reply, flags);
        if (a->end == LOGIN_REFUSED)
            print_why(l, a, flags, out);
    }
}
