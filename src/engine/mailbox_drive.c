/* Driving POP3 and IMAP to where mail can be read. */
#include "engine/mailbox_drive.h"

#include <string.h>

#include "base/mem.h"
#include "engine/auth_client.h"
#include "engine/pop3_track.h"

enum { OUT_CAP_OCTETS = 65536 };

/* What the two protocols call the same thing. */
struct words {
    const char *caps, *starttls, *auth;
    const char *starttls_cap; /* as it is offered */
    size_t auth_line_octets;  /* a longer initial response waits */
};
static const struct words words[PROTOCOL__COUNT] = {
    /* RFC 2449 section 4: 255 octets a command. */
    [PROTOCOL_POP3] = {"CAPA", "STLS", "AUTH", "STLS", 255},
    /* RFC 3501 knows no limit of lines; RFC 7162 section 4 advises 8192. Only SASL-IR (RFC 4959)
     * allows an initial response at all: without it 0. */
    [PROTOCOL_IMAP] = {"CAPABILITY", "STARTTLS", "AUTHENTICATE", "STARTTLS", 8192},
};

struct mailbox_drive {
    struct track *track;
    struct mailbox_plan plan;
    struct mailbox_result result;
    enum mailbox_step step;
    struct auth_client auth;
    struct buf out;
    bool waiting, ended;
    bool handed; /* .out has been given away: wiped when it is asked again */
};

#define ROW_OTHER(good, bad, go_on, other)                                                         \
    {                                                                                              \
        [MAILBOX_OUT_GOOD] = MAILBOX_NEXT_##good, [MAILBOX_OUT_BAD] = MAILBOX_NEXT_##bad,          \
        [MAILBOX_OUT_GO_ON] = MAILBOX_NEXT_##go_on, [MAILBOX_OUT_OTHER] = MAILBOX_NEXT_##other,    \
        [MAILBOX_OUT_TIMEOUT] = MAILBOX_NEXT_STOP, [MAILBOX_OUT_EOF] = MAILBOX_NEXT_STOP,          \
        [MAILBOX_OUT_ABORT] = MAILBOX_NEXT_STOP                                                    \
    }
#define ROW(good, bad, go_on) ROW_OTHER(good, bad, go_on, bad)
static const enum mailbox_next table[MAILBOX_STEP__COUNT][MAILBOX_OUT__COUNT] = {
    [MAILBOX_STEP_GREETING] = ROW(ON, STOP, STOP),
    /* A server without CAPA (RFC 1939 knows none) may still take USER. */
    [MAILBOX_STEP_CAPS] = ROW(ON, ON, STOP),
    [MAILBOX_STEP_STARTTLS] = ROW(ON, SKIP, STOP),
    [MAILBOX_STEP_TLS] = ROW(ON, STOP, STOP),
    [MAILBOX_STEP_CAPS_TLS] = ROW(ON, ON, STOP),
    [MAILBOX_STEP_AUTH] = ROW_OTHER(ON, STOP, MORE, SKIP),
    [MAILBOX_STEP_LOGIN] = ROW(ON, STOP, STOP),
    [MAILBOX_STEP_PASS] = ROW(ON, STOP, STOP),
    [MAILBOX_STEP_DONE] = ROW(STOP, STOP, STOP),
};

enum mailbox_next mailbox_drive_table(enum mailbox_step step, enum mailbox_outcome outcome)
{
    BUG_IF((unsigned)step >= MAILBOX_STEP__COUNT || (unsigned)outcome >= MAILBOX_OUT__COUNT);
    return table[step][outcome];
}

const char *mailbox_step_name(enum mailbox_step step)
{
    static const char *const names[MAILBOX_STEP__COUNT] = {[MAILBOX_STEP_GREETING] = "greeting",
                                                           [MAILBOX_STEP_CAPS] = "capabilities",
                                                           [MAILBOX_STEP_STARTTLS] = "starttls",
                                                           [MAILBOX_STEP_TLS] = "tls",
                                                           [MAILBOX_STEP_CAPS_TLS] = "capabilities",
                                                           [MAILBOX_STEP_AUTH] = "auth",
                                                           [MAILBOX_STEP_LOGIN] = "login",
                                                           [MAILBOX_STEP_PASS] = "login",
                                                           [MAILBOX_STEP_DONE] = "done"};
    return (unsigned)step < MAILBOX_STEP__COUNT ? names[step] : "?";
}

const char *mailbox_outcome_name(enum mailbox_outcome outcome)
{
    static const char *const names[MAILBOX_OUT__COUNT] = {
        [MAILBOX_OUT_GOOD] = "accepted",
        [MAILBOX_OUT_BAD] = "refused",
        [MAILBOX_OUT_GO_ON] = "asked for more",
        [MAILBOX_OUT_OTHER] = "this mechanism was refused",
        [MAILBOX_OUT_TIMEOUT] = "no answer in time",
        [MAILBOX_OUT_EOF] = "the server closed",
        [MAILBOX_OUT_ABORT] = "given up here"};
    return (unsigned)outcome < MAILBOX_OUT__COUNT ? names[outcome] : "?";
}

struct mailbox_drive *mailbox_drive_new(struct track *track, const struct mailbox_plan *plan)
{
    struct mailbox_drive *d = mem_zalloc(sizeof(*d));
    d->track = track;
    d->plan = *plan;
    auth_client_init(&d->auth, &d->plan.credentials);
    buf_init(&d->out, OUT_CAP_OCTETS);
    return d;
}

static void out_clear(struct mailbox_drive *d)
{
    if (d->out.len > 0)
        mem_wipe(d->out.ptr, d->out.len);
    buf_reset(&d->out);
    d->handed = false;
}

void mailbox_drive_free(struct mailbox_drive **drive)
{
    struct mailbox_drive *d = *drive;
    if (!d)
        return;
    out_clear(d);
    buf_deinit(&d->out);
    auth_client_deinit(&d->auth);
    mem_free(d);
    *drive = NULL;
}

/* ---- the end ---- */

static void end(struct mailbox_drive *d, enum mailbox_outcome outcome, bool ok)
{
    if (d->ended)
        return;
    d->ended = d->result.over = true;
    d->result.ok = ok;
    d->result.stage = d->step;
    d->result.outcome = outcome;
    d->step = MAILBOX_STEP_DONE;
    d->waiting = false;
    auth_client_forget(&d->auth);
    out_clear(d);
}

static void fail(struct mailbox_drive *d, const char *what, const char *means, const char *next)
{
    err_set(&d->result.err, ERR_AUTH, 0, "%s", what);
    err_explain(&d->result.err, means, next);
    end(d, MAILBOX_OUT_ABORT, false);
}

/* ---- writing a step ---- */

static const struct words *my_words(const struct mailbox_drive *d)
{
    return &words[track_protocol(d->track)];
}

/* A whole command, in its wire form (IMAP: with a tag). */
static void say(struct mailbox_drive *d, struct slice line)
{
    track_line(d->track, line, false, &d->out);
    d->waiting = true;
}

static void say_buf(struct mailbox_drive *d, struct buf *line)
{
    say(d, buf_slice(line));
    mem_wipe(line->ptr, line->len);
    buf_deinit(line);
}

static bool begin_sasl(struct mailbox_drive *d)
{
    struct slice offered;
    struct buf line;
    if (!track_mechanisms(d->track, &offered))
        offered = slice_of(NULL, 0);
    d->auth.tls = track_is_tls(d->track);
    if (!auth_client_choose(&d->auth, offered, &d->result.err))
        return false;
    const struct words *w = my_words(d);
    bool allowed = track_protocol(d->track) != PROTOCOL_IMAP || track_offers(d->track, "SASL-IR");
    buf_init(&line, OUT_CAP_OCTETS);
    if (!auth_client_command(&d->auth, w->auth, allowed ? w->auth_line_octets : 0, &line,
                             &d->result.err)) {
        buf_deinit(&line);
        return false;
    }
    d->result.mechanism = d->auth.mechanism;
    say_buf(d, &line);
    return true;
}

/* An IMAP string: quoted, with what needs it escaped. What no quoted string may hold (RFC 3501
 * section 9) cannot be said here. */
static bool quoted(struct buf *out, struct slice text)
{
    buf_append_octet(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
        if (c == '"' || c == '\\')
            buf_append_octet(out, '\\');
        buf_append_octet(out, c);
    }
    return buf_append_octet(out, '"');
}

static bool no_line_end(struct slice text)
{
    return slice_find_octet(text, '\r') < 0 && slice_find_octet(text, '\n') < 0;
}

static bool have_password(struct mailbox_drive *d)
{
    const struct credentials *c = &d->plan.credentials;
    if (c->user && c->password && secret_is_set(c->password))
        return true;
    fail(d, "no user or no password to log in with", "nothing was sent",
         "--user NAME and --password-command CMD, or /auth");
    return false;
}

/* The password in plain sight: only inside TLS, or where it was asked for. */
static bool plain_allowed(struct mailbox_drive *d)
{
    if (!track_is_tls(d->track) && !d->plan.credentials.in_clear) {
        fail(d, "logging in without TLS would show the password", "anyone on the way could read it",
             "use TLS, or ask for it with --auth user");
        return false;
    }
    if (track_protocol(d->track) == PROTOCOL_IMAP && track_offers(d->track, "LOGINDISABLED")) {
        fail(d, "the server takes no LOGIN now (LOGINDISABLED)",
             "it offers no SASL mechanism that can be used here either", "/tls first, then /auth");
        return false;
    }
    return true;
}

static bool mechanism_is(const struct credentials *c, const char *name)
{
    return c->mechanisms && slice_eq_nocase(slice_cstr(c->mechanisms), slice_cstr(name));
}

/* POP3's digest of the greeting's stamp (RFC 1939 section 7): asked for, or the one way left that
 * shows nobody the password. */
static bool wants_apop(const struct mailbox_drive *d)
{
    const struct credentials *c = &d->plan.credentials;
    const struct pop3_track *pop3 = track_pop3(d->track);
    if (mechanism_is(c, "apop"))
        return true;
    return pop3 && !c->mechanisms && !track_is_tls(d->track) && pop3_track_stamp(pop3).len > 0;
}

static void write_apop(struct mailbox_drive *d)
{
    const struct credentials *c = &d->plan.credentials;
    const struct pop3_track *pop3 = track_pop3(d->track);
    char digest[SASL_APOP_OCTETS + 1];
    struct buf line;
    if (!pop3 || pop3_track_stamp(pop3).len == 0) {
        fail(d, "the server offers no APOP",
             pop3 ? "its greeting has no time stamp in <>" : "only POP3 has it",
             "/auth without a mechanism takes what is offered");
        return;
    }
    if (!no_line_end(slice_cstr(c->user)) ||
        !sasl_apop_digest(pop3_track_stamp(pop3), c->password, digest)) {
        fail(d, "no APOP digest can be made", "this system has no MD5, or the name has a line end",
             "/auth without a mechanism takes what is offered");
        return;
    }
    d->result.mechanism = "APOP";
    buf_init(&line, OUT_CAP_OCTETS);
    buf_printf(&line, "APOP %s %s", c->user, digest);
    mem_wipe(digest, sizeof(digest));
    say_buf(d, &line);
}

static void write_login(struct mailbox_drive *d)
{
    const struct credentials *c = &d->plan.credentials;
    if (!have_password(d))
        return;
    if (wants_apop(d)) {
        write_apop(d);
        return;
    }
    struct slice user = slice_cstr(c->user);
    struct buf line;
    if (!plain_allowed(d))
        return;
    buf_init(&line, OUT_CAP_OCTETS);
    bool ok;
    if (track_protocol(d->track) == PROTOCOL_IMAP) {
        d->result.mechanism = "LOGIN";
        buf_append_cstr(&line, "LOGIN ");
        ok = quoted(&line, user) && buf_append_octet(&line, ' ') &&
             quoted(&line, secret_slice(c->password));
    } else {
        d->result.mechanism = "USER";
        ok = buf_printf(&line, "USER %s", c->user) && no_line_end(user);
    }
    if (ok) {
        say_buf(d, &line);
        return;
    }
    buf_deinit(&line);
    fail(d, "the user or the password holds a line end or a NUL", "no command can carry that",
         "use a SASL mechanism: --auth plain");
}

static void write_pass(struct mailbox_drive *d)
{
    struct slice password = secret_slice(d->plan.credentials.password);
    struct buf line;
    if (!no_line_end(password)) {
        fail(d, "the password holds a line end", "PASS cannot carry that",
             "use a SASL mechanism: --auth plain");
        return;
    }
    buf_init(&line, OUT_CAP_OCTETS);
    buf_append_cstr(&line, "PASS ");
    buf_append(&line, password);
    say_buf(d, &line);
}

/* SASL first, unless the protocol's own login was asked for by its name. LOGIN is a name of both:
 * the mechanism where the server offers it, else IMAP's command (in POP3 USER and PASS). */
static void write_auth(struct mailbox_drive *d)
{
    const struct credentials *c = &d->plan.credentials;
    bool own = mechanism_is(c, "user") || mechanism_is(c, "apop");
    if (!own && begin_sasl(d))
        return;
    bool asked_for_one = c->mechanisms && !own && !mechanism_is(c, "login");
    bool token_only =
        c->token && secret_is_set(c->token) && !(c->password && secret_is_set(c->password));
    if (asked_for_one || token_only) {
        end(d, MAILBOX_OUT_ABORT, false); /* result.err says why none will do */
        return;
    }
    err_clear(&d->result.err);
    d->step = MAILBOX_STEP_LOGIN;
    write_login(d);
}

static void write_step(struct mailbox_drive *d)
{
    const struct words *w = my_words(d);
    switch (d->step) {
    case MAILBOX_STEP_GREETING:
    case MAILBOX_STEP_TLS:
        d->waiting = true;
        break;
    case MAILBOX_STEP_CAPS:
    case MAILBOX_STEP_CAPS_TLS:
        say(d, slice_cstr(w->caps));
        break;
    case MAILBOX_STEP_STARTTLS:
        say(d, slice_cstr(w->starttls));
        break;
    case MAILBOX_STEP_AUTH:
        write_auth(d);
        break;
    case MAILBOX_STEP_LOGIN:
        write_login(d);
        break;
    case MAILBOX_STEP_PASS:
        write_pass(d);
        break;
    case MAILBOX_STEP_DONE:
    case MAILBOX_STEP__COUNT:
        break;
    }
}

/* ---- from step to step ---- */

static void after_caps(struct mailbox_drive *d)
{
    bool tls = track_is_tls(d->track);
    bool offered = track_offers(d->track, my_words(d)->starttls_cap);
    bool want = d->plan.tls == MAILBOX_TLS_MUST || (d->plan.tls == MAILBOX_TLS_TRY && offered);
    if (!tls && want && d->step == MAILBOX_STEP_CAPS)
        d->step = MAILBOX_STEP_STARTTLS;
    else if (!d->plan.login || track_authenticated(d->track))
        end(d, MAILBOX_OUT_GOOD, true);
    else
        d->step = MAILBOX_STEP_AUTH;
}

static void step_on(struct mailbox_drive *d)
{
    switch (d->step) {
    case MAILBOX_STEP_GREETING:
        d->step = MAILBOX_STEP_CAPS;
        break;
    case MAILBOX_STEP_CAPS:
    case MAILBOX_STEP_CAPS_TLS:
        after_caps(d);
        break;
    case MAILBOX_STEP_STARTTLS:
        d->step = MAILBOX_STEP_TLS;
        break;
    case MAILBOX_STEP_TLS:
        d->step = MAILBOX_STEP_CAPS_TLS;
        break;
    case MAILBOX_STEP_AUTH:
        if (auth_client_proven(&d->auth, &d->result.err))
            end(d, MAILBOX_OUT_GOOD, true);
        else
            end(d, MAILBOX_OUT_ABORT, false);
        break;
    case MAILBOX_STEP_LOGIN:
        if (track_protocol(d->track) == PROTOCOL_POP3 && !track_authenticated(d->track))
            d->step = MAILBOX_STEP_PASS;
        else
            end(d, MAILBOX_OUT_GOOD, true);
        break;
    case MAILBOX_STEP_PASS:
        end(d, MAILBOX_OUT_GOOD, true);
        break;
    case MAILBOX_STEP_DONE:
    case MAILBOX_STEP__COUNT:
        break;
    }
}

/* STARTTLS was refused: go on without it where that was allowed. A mechanism was: try the next. */
static void skip(struct mailbox_drive *d)
{
    if (d->step == MAILBOX_STEP_AUTH)
        return; /* what is written next begins with the next of the list */
    if (d->plan.tls == MAILBOX_TLS_MUST || !d->plan.login)
        end(d, MAILBOX_OUT_BAD, false);
    else
        d->step = MAILBOX_STEP_AUTH;
}

static void take(struct mailbox_drive *d, enum mailbox_outcome outcome, struct slice text)
{
    if (d->ended)
        return;
    d->waiting = false;
    out_clear(d);
    switch (mailbox_drive_table(d->step, outcome)) {
    case MAILBOX_NEXT_ON:
        step_on(d);
        break;
    case MAILBOX_NEXT_SKIP:
        skip(d);
        break;
    case MAILBOX_NEXT_MORE:
        auth_client_answer(&d->auth, text, &d->out, &d->result.err);
        d->result.reason = d->auth.reason;
        buf_append_cstr(&d->out, "\r\n");
        d->waiting = true;
        break;
    case MAILBOX_NEXT_STOP:
    case MAILBOX_NEXT__COUNT:
        end(d, outcome, false);
        break;
    }
}

/* ---- the contract ---- */

struct want mailbox_drive_next(struct mailbox_drive *d)
{
    if (d->handed)
        out_clear(d);
    if (!d->ended && !d->waiting) {
        /* The greeting may have come long ago. */
        if (d->step == MAILBOX_STEP_GREETING && track_pending(d->track) == 0)
            d->step = MAILBOX_STEP_CAPS;
        write_step(d);
    }
    if (d->ended)
        return (struct want){.kind = WANT_DONE};
    d->result.stage = d->step;
    if (d->out.len > 0) {
        d->handed = true;
        return (struct want){.kind = WANT_SEND, .octets = buf_slice(&d->out)};
    }
    return (struct want){.kind = d->step == MAILBOX_STEP_TLS ? WANT_TLS : WANT_WAIT};
}

/* Whose fault? The same wrong password again would only lock the account, so only codes that speak
 * of the mechanism lead to another one (RFC 5530 section 3; CANNOT: RFC 9051 section 7.1). */
static enum mailbox_outcome refusal(const struct mailbox_drive *d, const struct track_item *item)
{
    static const char *const codes[] = {"UNAVAILABLE", "CANNOT", "PRIVACYREQUIRED"};
    if (d->auth.cancelled)
        return MAILBOX_OUT_ABORT;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (slice_eq_nocase(item->code, slice_cstr(codes[i])))
            return MAILBOX_OUT_OTHER;
    return MAILBOX_OUT_BAD;
}

void mailbox_drive_item(struct mailbox_drive *d, const struct track_item *item)
{
    if (!item->asked)
        return;
    if (item->kind == TRACK_ITEM_REPLY)
        take(d, item->good ? MAILBOX_OUT_GOOD : refusal(d, item), item->text);
    else if (item->kind == TRACK_ITEM_GO_ON)
        take(d, MAILBOX_OUT_GO_ON, item->text);
}

void mailbox_drive_tls(struct mailbox_drive *d, const struct err *err)
{
    if (d->step != MAILBOX_STEP_TLS || d->ended)
        return;
    if (err)
        d->result.err = *err;
    take(d, err ? MAILBOX_OUT_ABORT : MAILBOX_OUT_GOOD, slice_of(NULL, 0));
}

void mailbox_drive_outcome(struct mailbox_drive *d, enum mailbox_outcome outcome,
                           const struct err *err)
{
    if (err && !d->ended)
        d->result.err = *err;
    take(d, outcome, slice_of(NULL, 0));
}

const struct mailbox_result *mailbox_drive_result(const struct mailbox_drive *d)
{
    return &d->result;
}
