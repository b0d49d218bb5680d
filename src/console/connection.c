/* /open /close /abort /reopen /wait, and what the session tells. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"
#include "decode/explain.h"

/* --- the session's callbacks --- */

static void on_item(void *ctx, const struct track_item *item)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    struct console *c = ch->console;
    if (item->kind == TRACK_ITEM_REPLY || item->kind == TRACK_ITEM_GO_ON) {
        ch->n_replies++;
        if (ch->waiting) {
            ch->greeting_waited = true;
            console_wait_over(c);
        }
    }
    console_data_try(c, item);
    console_bdat_try(c, item);
    console_append_try(c, item);
    console_queue_try(c);
    channel_leave(ch, was);
}

static void on_up(void *ctx)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    ch->connecting = false;
    console_task_try_start(ch->console);
    channel_leave(ch, was);
}

/* One failure ends the handshake, the connection and what was being done on it: each of them knows
 * of it, and it is said once. The next command may fail the same way again, and that is said. */
static void say_error(struct channel *ch, uint32_t conn, const struct err *err)
{
    if (ch->told_conn == conn && strcmp(ch->told.text, err->text) == 0)
        return;
    ch->told = *err;
    ch->told_conn = conn;
    journal_note_err(ch->console->journal, conn, err);
}

static void on_tls(void *ctx, const struct err *err)
{
    struct channel *ch = ctx;
    if (err)
        say_error(ch, session_conn(ch->session), err);
}

static bool open_target(struct console *c, struct err *err);

/* What a /send has left needs another session. */
static void open_next(struct console *c)
{
    struct err err;
    err_clear(&err);
    c->now->delivery.reopen = false;
    if (open_target(c, &err) && console_task_again(c, false))
        return;
    if (err.domain != ERR_NONE) {
        journal_note_err(c->journal, console_conn(c), &err);
        console_delivery_broken(c->now, &err);
    }
    console_helper_failed(c, console_result(c));
    console_delivery_say(c);
    console_task_over(c);
}

static void on_down(void *ctx, enum event_down why, const struct err *err)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    struct console *c = ch->console;
    bool wanted = why == DOWN_OURS || why == DOWN_ABORT;
    bool never_up = c->now->connecting;
    const struct track *t = c->now->session ? session_track(c->now->session) : NULL;
    /* After QUIT the end is what was asked for. */
    bool in_order = t && track_ended(t) && why == DOWN_EOF && err && err->code == 0;
    c->now->connecting = false;
    c->now->closing = false;
    c->now->went_down = true;
    if (c->now->waiting)
        console_wait_over(c);
    console_queue_clear(c);
    console_raw_stop(c);
    if (!wanted && err) {
        c->now->link_err = *err;
        if (never_up || (why != DOWN_EOF && !in_order))
            say_error(ch, console_conn(c), err);
    }
    if (c->now->delivery.reopen) {
        open_next(c);
    } else if (c->now->task.waiting && (c->now->delivery.done > 0 || c->now->delivery.part_ok)) {
        console_password_stop(c);
        console_delivery_broken(c->now, &c->now->link_err);
        console_helper_failed(c, console_result(c));
        console_delivery_say(c);
        console_task_over(c);
    } else if (c->now->task.waiting || c->now->password_reader) {
        console_password_stop(c);
        console_task_reset(c);
    }
    channel_leave(ch, was);
}

/* What a refused login means, where more is known than that it was refused: an OAuth server's own
 * reason, or a binding to TLS that may be the trouble. False: nothing. */
static bool refused_login(const char *mechanism, const char *reason, struct err *e)
{
    char means[200];
    size_t n = mechanism ? strlen(mechanism) : 0;
    if (reason && *reason) {
        snprintf(means, sizeof means, "the server's reason: %.160s", reason);
        err_explain(e, means, "a new token; /login shows each step");
        return true;
    }
    if (n < 5 || strcmp(mechanism + n - 5, "-PLUS") != 0)
        return false;
    err_explain(e, "the password is wrong; or the server binds to TLS in another way than we do",
                "/auth asks for it again; where it is right, /auth SCRAM-SHA-256 goes without the "
                "binding, and --tls-max 1.2 binds by tls-unique");
    return true;
}

/* The refusal that decided, explained: RSET's answer may have come behind it. False: there is none.
 */
static bool explain_refusal(struct console *c, const struct smtp_result *r, struct err *e)
{
    static const enum smtp_verb verbs[SMTP_STEP__COUNT] = {
        [SMTP_STEP_GREETING] = SMTP_VERB_CONNECT,  [SMTP_STEP_EHLO] = SMTP_VERB_EHLO,
        [SMTP_STEP_STARTTLS] = SMTP_VERB_STARTTLS, [SMTP_STEP_AUTH] = SMTP_VERB_AUTH,
        [SMTP_STEP_MAIL] = SMTP_VERB_MAIL,         [SMTP_STEP_RCPT] = SMTP_VERB_RCPT,
        [SMTP_STEP_DATA] = SMTP_VERB_DATA,         [SMTP_STEP_BDAT] = SMTP_VERB_BDAT,
        [SMTP_STEP_DOT] = SMTP_VERB_DOT,
    };
    const struct event *ev = journal_at(c->journal, r->reply_seq);
    struct ev_reply reply;
    struct buf text;
    struct explanation x;
    if (r->code < 400 || !ev || ev->kind != EVENT_REPLY)
        return false;
    EVENT_GET(ev, REPLY, &reply);
    buf_init(&text, 4096);
    journal_read_masked(c->journal, ev->conn, DIR_S, LAYER_PLAIN, reply.offset,
                        reply.length < 4096 ? reply.length : 4096, &text, NULL);
    const struct explain_input in = {.code = r->code,
                                     .answers = verbs[r->stage],
                                     .text = buf_slice(&text),
                                     .host = c->now->target.name};
    explain_reply_text(&in, &x);
    err_explain(e, x.provider_sure ? x.provider_meaning : x.meaning,
                x.provider_sure ? x.provider_next : x.next);
    buf_deinit(&text);
    return true;
}

/* What a helper's end means to a person, where it is not what was wanted. */
static void say_result(struct console *c, const struct smtp_result *r)
{
    if (r->ok)
        return;
    if (r->err.domain != ERR_NONE) {
        say_error(c->now, console_conn(c), &r->err);
        return;
    }
    struct err e;
    const char *step = smtp_step_name(r->stage);
    if (r->code)
        err_set(&e, ERR_CLOSED, (int)r->code, "stopped at %s: the server said %u", step, r->code);
    else
        err_set(&e, ERR_CLOSED, 0, "stopped at %s: %s", step, smtp_outcome_name(r->outcome));
    bool login = r->stage == SMTP_STEP_AUTH && refused_login(r->mechanism, r->reason, &e);
    if (!login && !explain_refusal(c, r, &e))
        err_explain(&e, "the exchange did not come to its end",
                    "/explain says more on the last reply");
    journal_note(c->journal, console_conn(c), LEVEL_WARNING, e.text, e.means, e.next);
}

/* More messages, or recipients this session does not take? True: it goes on. */
static bool go_on(struct console *c, const struct smtp_result *result)
{
    switch (console_delivery_add(c->now, result)) {
    case DELIVERY_DONE:
        return false;
    case DELIVERY_NEXT_MESSAGE:
        if (!result->ok)
            say_result(c, result);
        return console_task_again(c, true);
    case DELIVERY_NEW_SESSION:
        c->now->task.active = false;
        c->now->task.waiting = true; /* on_down opens the next */
        c->now->closing = true;
        session_close(c->now->session);
        return true;
    }
    return false;
}

static void on_drive_done(void *ctx, const struct smtp_result *result)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    struct console *c = ch->console;
    bool quit = c->now->task.quit;
    bool again = ch->delivery.valid && go_on(c, result);
    if (again) {
        channel_leave(ch, was);
        return;
    }
    say_result(c, result);
    const struct smtp_result *whole = console_result(c);
    if (whole && !whole->ok)
        console_helper_failed(c, whole);
    if (!result->ok && result->stage == SMTP_STEP_AUTH)
        console_password_forget(c);
    console_delivery_say(c);
    console_task_over(c);
    if (quit && session_is_up(c->now->session)) {
        c->now->closing = true;
        session_close(c->now->session);
    }
    console_queue_try(c);
    channel_leave(ch, was);
}

/* As the same step of SMTP. */
static void login_failed(struct console *c, const struct mailbox_result *result)
{
    static const enum smtp_step steps[MAILBOX_STEP__COUNT] = {
        [MAILBOX_STEP_GREETING] = SMTP_STEP_GREETING, [MAILBOX_STEP_CAPS] = SMTP_STEP_EHLO,
        [MAILBOX_STEP_STARTTLS] = SMTP_STEP_STARTTLS, [MAILBOX_STEP_TLS] = SMTP_STEP_TLS,
        [MAILBOX_STEP_CAPS_TLS] = SMTP_STEP_EHLO_TLS, [MAILBOX_STEP_AUTH] = SMTP_STEP_AUTH,
        [MAILBOX_STEP_LOGIN] = SMTP_STEP_AUTH,        [MAILBOX_STEP_PASS] = SMTP_STEP_AUTH,
        [MAILBOX_STEP_DONE] = SMTP_STEP_DONE,
    };
    static const enum smtp_outcome outcomes[MAILBOX_OUT__COUNT] = {
        [MAILBOX_OUT_GOOD] = SMTP_OUT_2YZ,        [MAILBOX_OUT_BAD] = SMTP_OUT_5YZ,
        [MAILBOX_OUT_GO_ON] = SMTP_OUT_3YZ,       [MAILBOX_OUT_OTHER] = SMTP_OUT_5YZ,
        [MAILBOX_OUT_TIMEOUT] = SMTP_OUT_TIMEOUT, [MAILBOX_OUT_EOF] = SMTP_OUT_EOF,
        [MAILBOX_OUT_ABORT] = SMTP_OUT_ABORT,
    };
    const struct smtp_result r = {.over = true,
                                  .stage = steps[result->stage],
                                  .outcome = outcomes[result->outcome],
                                  .err = result->err};
    console_helper_failed(c, &r);
}

static void on_login_done(void *ctx, const struct mailbox_result *result)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    struct console *c = ch->console;
    if (!result->ok) {
        login_failed(c, result);
        console_password_forget(c);
    }
    if (!result->ok && result->err.domain != ERR_NONE) {
        say_error(ch, console_conn(c), &result->err);
    } else if (!result->ok) {
        struct err e;
        err_set(&e, ERR_AUTH, 0, "stopped at %s: %s", mailbox_step_name(result->stage),
                mailbox_outcome_name(result->outcome));
        if (!refused_login(result->mechanism, result->reason, &e))
            err_explain(&e, "", "/explain says more on the last answer");
        journal_note(c->journal, console_conn(c), LEVEL_WARNING, e.text, e.means, e.next);
    }
    console_task_over(c);
    console_queue_try(c);
    channel_leave(ch, was);
}

static const struct session_handlers handlers = {.on_item = on_item,
                                                 .on_up = on_up,
                                                 .on_tls = on_tls,
                                                 .on_down = on_down,
                                                 .on_drive_done = on_drive_done,
                                                 .on_login_done = on_login_done};

/* --- opening --- */

static const enum mock_service practice_service[SERVICE__COUNT] = {
    [SERVICE_SMTP] = MOCK_SMTP,
    [SERVICE_SUBMISSION] = MOCK_SUBMISSION,
    [SERVICE_SUBMISSIONS] = MOCK_SUBMISSIONS,
    [SERVICE_LMTP] = MOCK_LMTP,
    [SERVICE_POP3] = MOCK_POP3,
    [SERVICE_POP3S] = MOCK_POP3S,
    [SERVICE_IMAP] = MOCK_IMAP,
    [SERVICE_IMAPS] = MOCK_IMAPS,
    [SERVICE_RFC821] = MOCK_RFC821,
    [SERVICE_MTP] = MOCK_MTP,
    [SERVICE_FTP_MAIL] = MOCK_FTP_MAIL,
    [SERVICE_RFC524] = MOCK_RFC524,
    [SERVICE_SNDMSG] = MOCK_SNDMSG,
    [SERVICE_RFC196] = MOCK_RFC196,
};

bool console_resolves_practice(const struct console *c)
{
    return strcmp(settings_text(c->settings, SETTING_ID_resolver), "practice") == 0;
}

static struct link *practice_link(void *ctx, uint32_t conn, enum target_service service,
                                  const struct link_handlers *link_handlers, void *handlers_ctx)
{
    struct console *c = ctx;
    return mock_connect(console_practice(c), conn, practice_service[service], link_handlers,
                        handlers_ctx);
}

/* NULL for a setting that is not set: what the lower floors take as "default". */
static const char *text_or_null(const struct console *c, enum setting_id id)
{
    const char *text = settings_text(c->settings, id);
    return *text ? text : NULL;
}

static enum event_verify verify_mode(const struct console *c)
{
    const char *word = settings_text(c->settings, SETTING_ID_verify);
    return strcmp(word, "none") == 0    ? VERIFY_NONE
           : strcmp(word, "chain") == 0 ? VERIFY_CHAIN
                                        : VERIFY_FULL;
}

static void fill_options(struct console *c, struct session_options *o)
{
    uint64_t timeout_ms = settings_number(c->settings, SETTING_ID_timeout) * 1000;
    *o = (struct session_options){
        .name = console_helo_name(c),
        .tls =
            {
                .verify = verify_mode(c),
                .sni = settings_is_set(c->settings, SETTING_ID_sni)
                           ? settings_text(c->settings, SETTING_ID_sni)
                           : NULL,
                .ca_file = text_or_null(c, SETTING_ID_ca),
                .cert_file = text_or_null(c, SETTING_ID_cert),
                .key_file = text_or_null(c, SETTING_ID_key),
                .version_min = text_or_null(c, SETTING_ID_tls_min),
                .version_max = text_or_null(c, SETTING_ID_tls_max),
                .ciphers = text_or_null(c, SETTING_ID_ciphers),
                .keylog_file = c->options.keylog_path,
            },
        .ipv4_only = settings_bool(c->settings, SETTING_ID_ipv4),
        .ipv6_only = settings_bool(c->settings, SETTING_ID_ipv6),
        .source = text_or_null(c, SETTING_ID_source),
        .connect_timeout_ms = timeout_ms,
        .resolve_timeout_ms = timeout_ms,
        .reply_timeout_ms = timeout_ms,
        .keep_wire = c->options.keylog_path != NULL,
    };
    bool by_name = console_resolves_practice(c);
    o->practice_world = by_name;
    if ((c->now->target.kind == TARGET_PRACTICE || by_name) && !o->tls.ca_file)
        o->tls.ca_pem = mock_ca_pem(console_practice(c));
    if (c->now->target.kind == TARGET_PRACTICE && !o->tls.ca_file)
        o->tls.name =
            mock_server_name(console_practice(c), practice_service[c->now->target.service]);
}

/* Files that TLS will need are looked for before anything is sent. */
static bool files_are_there(const struct console *c, struct err *err)
{
    static const enum setting_id files[] = {SETTING_ID_ca, SETTING_ID_cert, SETTING_ID_key};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = settings_text(c->settings, files[i]);
        if (!*path || access(path, R_OK) == 0)
            continue;
        err_set(err, ERR_FILE, errno, "--%s %.120s: %s", setting_info(files[i])->name, path,
                strerror(errno));
        err_explain(err, "nothing was opened", "check the name of the file");
        return false;
    }
    return true;
}

/* The resolver that is set: the system's, another, or the practice world's own names. */
static struct dns *resolver(struct console *c)
{
    const struct dns_options options = {.forward = text_or_null(c, SETTING_ID_resolver)};
    if (console_resolves_practice(c))
        return dns_new_zone(c->loop, c->journal, mock_zone(console_practice(c)));
    return dns_new(c->loop, c->journal, &options);
}

static bool open_target(struct console *c, struct err *err)
{
    if (c->options.read_only) {
        err_set(err, ERR_USAGE, 0, "this is a recording: nothing can be opened");
        err_explain(err, "", "smtpscope TARGET opens a live session");
        return false;
    }
    if (c->now->target.kind == TARGET_PRACTICE && c->now->target.name[0] &&
        !console_set_scenario(c, c->now->target.name, err))
        return false;
    enum mock_service service = practice_service[c->now->target.service];
    if (c->now->target.kind == TARGET_PRACTICE && !mock_service_is_served(service)) {
        err_set(err, ERR_USAGE, 0, "the practice server does not serve %s",
                mock_service_name(service));
        err_explain(err, "", "/open practice is its SMTP");
        return false;
    }
    struct session_options options;
    fill_options(c, &options);
    if (!files_are_there(c, err) || !console_tls_fill(c, &options, err) ||
        !console_route_fill(c, &options, err))
        return false;
    if (c->now->session && session_is_up(c->now->session))
        session_close(c->now->session);
    session_free(&c->now->session);
    console_queue_clear(c);
    dns_free(&c->now->dns); /* /set resolver may have changed since */
    c->now->dns = resolver(c);
    err_clear(&c->now->link_err);
    c->now->went_down = false;
    c->now->n_replies = 0;
    c->now->greeting_waited = false;
    c->now->connecting = true;
    if (c->now->target.had_password)
        journal_note(c->journal, 0, LEVEL_WARNING, "the password in the URL was not taken",
                     "what stands on a command line is seen by everyone on this machine",
                     "use --password-command, netrc, or the prompt");
    if (options.tls.keylog_file)
        journal_note(c->journal, 0, LEVEL_WARNING,
                     settings_is_set(c->settings, SETTING_ID_keylog)
                         ? "TLS keys are being written to the file of /set keylog"
                         : "TLS keys are being written to SSLKEYLOGFILE",
                     "who has that file can read this session",
                     "/set keylog without a file, or unset SSLKEYLOGFILE, stops it");
    c->now->session = session_open(c->loop, c->journal, c->now->dns, &c->now->target, &options,
                                   practice_link, c, &handlers, c->now);
    return true;
}

/* Beside what is open already; a connection that is down gives its place. */
static bool open_beside(struct console *c, const struct target *target, struct err *err)
{
    struct channel *was = c->now;
    bool taken = was->connecting || (was->session && session_is_up(was->session));
    struct channel *ch = taken ? channel_add(c, err) : was;
    if (!ch)
        return false;
    c->now = ch;
    console_task_reset(c);
    console_password_forget(c);
    ch->target = *target;
    return open_target(c, err);
}

bool console_open(struct console *c, const char *target, const char *origin, struct err *err)
{
    struct err local = {0};
    err = err ? err : &local;
    err_clear(err);
    (void)origin;
    struct target parsed;
    bool ok = target_parse(target, &parsed, err) && open_beside(c, &parsed, err);
    if (!ok)
        journal_note_err(c->journal, 0, err);
    return ok;
}

bool exec_open(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0 || call->args.len > 1000) {
        err_set(call->err, ERR_USAGE, 0, "/open wants a target");
        err_explain(call->err, "", "/open HOST[:PORT], /open USER@DOMAIN, /open practice");
        return false;
    }
    struct target parsed;
    char *text = mem_slice_dup(call->args);
    bool ok = target_parse(text, &parsed, call->err);
    mem_free(text);
    return ok && open_beside(c, &parsed, call->err);
}

bool exec_reopen(struct console *c, const struct console_call *call)
{
    if (!c->now->session) {
        err_set(call->err, ERR_USAGE, 0, "nothing was open yet");
        err_explain(call->err, "", "/open TARGET");
        return false;
    }
    console_task_reset(c);
    return open_target(c, call->err);
}

bool exec_close(struct console *c, const struct console_call *call)
{
    if (c->now->connecting) {
        session_free(&c->now->session);
        c->now->connecting = false;
        return true;
    }
    if (slice_eq_nocase(call->args, SLICE_LIT("send")))
        return exec_half_close(c, call);
    if (!console_need_session(c, call->err))
        return false;
    c->now->closing = true;
    session_close(c->now->session);
    return true;
}

bool exec_abort(struct console *c, const struct console_call *call)
{
    if (!console_need_session(c, call->err))
        return false;
    c->now->closing = true;
    session_abort(c->now->session);
    return true;
}

/* --- /wait --- */

void console_wait_over(struct console *c)
{
    c->now->waiting = false;
    if (c->now->wait_timer)
        loop_timer_stop(c->now->wait_timer);
}

static void wait_timed_out(void *ctx)
{
    struct channel *ch = ctx, *was = channel_enter(ch);
    struct console *c = ch->console;
    console_wait_over(c);
    journal_note(c->journal, console_conn(c), LEVEL_INFO, "/wait: nothing came in that time", "",
                 "");
    channel_leave(ch, was);
}

bool exec_wait(struct console *c, const struct console_call *call)
{
    uint64_t seconds = 30;
    if (call->args.len && !slice_to_u64(call->args, 86400, &seconds)) {
        err_set(call->err, ERR_USAGE, 0, "/wait wants seconds, a whole number");
        return false;
    }
    if (!c->now->connecting && !console_need_session(c, call->err))
        return false;
    /* Right after /open the greeting is what is waited for, and it may be here already. */
    const struct track *t = console_tracker(c);
    if (t && c->now->n_replies == 1 && track_pending(t) == 0 && !c->now->greeting_waited) {
        c->now->greeting_waited = true;
        return true;
    }
    if (!c->now->wait_timer)
        c->now->wait_timer = loop_timer_new(c->loop, wait_timed_out, c->now);
    c->now->waiting = true;
    loop_timer_start(c->now->wait_timer, seconds * 1000);
    return true;
}
