/* The console object: submitting lines, the session's callbacks, what is under way. */
#include <stdio.h>
#include <string.h>

#include "base/userinfo.h"
#include "base/vis.h"
#include "console/console_private.h"

struct console *console_new(struct loop *l, struct journal *j, struct settings *settings,
                            const struct console_options *options)
{
    struct console *c = mem_zalloc(sizeof *c);
    c->loop = l;
    c->journal = j;
    c->settings = settings;
    c->options = *options;
    c->now = channel_add(c, NULL);
    buf_init(&c->scratch, CONSOLE_LINE_MAX_OCTETS + 16);
    return c;
}

void console_free(struct console **cp)
{
    struct console *c = *cp;
    if (!c)
        return;
    script_free(&c->source);
    mem_free(c->starttls_check);
    for (size_t i = 0; i < c->n_channels; i++)
        channel_free(&c->channels[i]);
    replay_free(&c->replay);
    mock_free(&c->mock);
    if (c->recorder)
        recorder_close(&c->recorder, NULL);
    for (size_t i = 0; i < c->n_addresses; i++)
        mem_free(c->addresses[i]);
    mem_free(c->addresses);
    for (size_t i = 0; i < c->n_aliases; i++) {
        mem_free(c->aliases[i].name);
        mem_free(c->aliases[i].line);
    }
    mem_free(c->aliases);
    buf_deinit(&c->scratch);
    mem_free(c);
    *cp = NULL;
}

void console_set_ui(struct console *c, const struct console_ui *ui, void *ctx)
{
    c->ui = ui;
    c->ui_ctx = ctx;
}

struct session *console_session(struct console *c)
{
    return c->now->session;
}
const struct session *console_session_const(const struct console *c)
{
    return c->now->session;
}
struct mock *console_mock(struct console *c)
{
    return c->mock;
}
struct settings *console_settings(struct console *c)
{
    return c->settings;
}
struct journal *console_journal(struct console *c)
{
    return c->journal;
}
struct recorder *console_recorder(struct console *c)
{
    return c->recorder;
}
uint32_t console_conn(const struct console *c)
{
    return c->now->session ? session_conn(c->now->session) : 0;
}
bool console_wants_quit(const struct console *c)
{
    return c->wants_quit;
}
const struct err *console_link_err(const struct console *c)
{
    return &c->now->link_err;
}

const char *console_helo_name(const struct console *c)
{
    const char *name = settings_text(c->settings, SETTING_ID_name);
    if (*name)
        return name;
    return c->options.host_name ? c->options.host_name : "[127.0.0.1]";
}

bool console_busy(const struct console *c)
{
    if (c->now->connecting || c->now->closing || c->now->task.waiting || c->now->task.active ||
        c->now->password_reader || c->now->waiting || c->now->raw ||
        c->now->at_queue < c->now->n_queue || c->now->data_path || c->now->data_fd >= 0)
        return true;
    if (!c->now->session || !session_is_up(c->now->session))
        return false;
    const struct track *t = session_track(c->now->session);
    if (!t)
        return false;
    if (session_waiting_octets(c->now->session) > 0) /* /slow */
        return true;
    /* The handshake after a STARTTLS typed by hand is an answer that is awaited, too; so is the end
     * after 221. */
    return track_pending(t) > 0 || track_expects(t) == TRACK_EXPECTS_TLS || track_ending(t);
}

const struct track *console_tracker(const struct console *c)
{
    const struct session *s = c->now->session;
    return s && session_is_up(s) ? session_track(s) : NULL;
}

const char *console_prompt(struct console *c)
{
    const struct track *t = console_tracker(c);
    const char *word = t ? track_prompt(t) : c->now->connecting ? "connecting" : "closed";
    /* With several connections the prompt says which one a line goes to. */
    if (c->n_channels > 1)
        snprintf(c->prompt, sizeof c->prompt, "%u %s> ", c->now->number, word);
    else
        snprintf(c->prompt, sizeof c->prompt, "%s> ", word);
    return c->prompt;
}

bool console_need_session(struct console *c, struct err *err)
{
    if (c->now->session && session_is_up(c->now->session))
        return true;
    err_set(err, ERR_USAGE, 0,
            c->now->connecting ? "the connection is not up yet" : "no connection is open");
    err_explain(err, "nothing was sent",
                c->now->connecting ? "wait a moment, or /close" : "/open TARGET, or /reopen");
    return false;
}

/* The value of "/set NAME VALUE". */
static bool is_setting(struct slice line, const char *name, struct slice *value_out)
{
    struct slice rest = line;
    if (!slice_eq(slice_next_word(&rest), SLICE_LIT("/set")) ||
        !slice_eq(slice_next_word(&rest), slice_cstr(name)))
        return false;
    *value_out = slice_trim(rest);
    return value_out->len > 0;
}

/* Without what is secret: of a login, and passwords in URLs. */
static void masked_line(struct console *c, struct slice line, struct buf *out)
{
    const struct track *t = c->now->session ? session_track(c->now->session) : NULL;
    bool in_auth = t && track_auth_pending(t);
    struct slice value;
    struct buf half;
    if (is_setting(line, "proxy", &value)) { /* meant as a URL, with or without its scheme */
        buf_append(out, slice_take(line, (size_t)(value.ptr - line.ptr)));
        userinfo_mask_url(value, out);
        return;
    }
    /* "echo PASSWORD" is one, too. */
    if (is_setting(line, "password-command", &value) || is_setting(line, "token-command", &value)) {
        buf_append(out, slice_take(line, (size_t)(value.ptr - line.ptr)));
        buf_append_cstr(out, "***");
        return;
    }
    buf_init(&half, CONSOLE_LINE_MAX_OCTETS + 16);
    secret_line_masked(line, in_auth, &half);
    userinfo_mask(buf_slice(&half), out);
    if (half.len > 0)
        mem_wipe(half.ptr, half.len);
    buf_deinit(&half);
}

/* A line inside message content or an IMAP literal: no command, and maybe a password. */
static bool in_octets(const struct console *c)
{
    static const bool octets[] = {[TRACK_EXPECTS_CONTENT] = true,
                                  [TRACK_EXPECTS_LITERAL] = true,
                                  [TRACK_EXPECTS_REST] = true,
                                  [TRACK_EXPECTS_NOTHING] = false};
    const struct track *t = console_tracker(c);
    return t && octets[track_expects(t)];
}

/* What was asked, for the journal; secrets masked. */
static void note_user_command(struct console *c, struct slice line, const char *origin)
{
    struct buf masked;
    buf_init(&masked, CONSOLE_LINE_MAX_OCTETS + 16);
    /* A line in pieces can be judged by nobody here: the octets are in the journal as octets, with
     * what is secret in them known. */
    struct slice rest = line, word = slice_next_word(&rest);
    bool pieces = slice_eq(word, SLICE_LIT("/raw")) || slice_eq(word, SLICE_LIT("/pipe"));
    if (pieces)
        buf_printf(&masked, "%.*s (%zu octets as typed)", SLICE_ARG(word), slice_trim(rest).len);
    else
        masked_line(c, line, &masked);
    JOURNAL_APPEND(
        c->journal, console_conn(c), USER_COMMAND, 0, 0,
        (struct ev_user_command){.text = buf_slice(&masked), .origin = slice_cstr(origin)});
    buf_deinit(&masked);
}

bool console_history_allows(struct console *c, struct slice line)
{
    struct buf masked;
    buf_init(&masked, CONSOLE_LINE_MAX_OCTETS + 16);
    masked_line(c, line, &masked);
    bool same = slice_eq(buf_slice(&masked), line);
    buf_deinit(&masked);
    return same && !in_octets(c) && line.len > 0 && line.len <= 4096;
}

/* --- lines --- */

static const char *alias_line(const struct console *c, struct slice name)
{
    for (size_t i = 0; i < c->n_aliases; i++)
        if (slice_eq(name, slice_cstr(c->aliases[i].name)))
            return c->aliases[i].line;
    return NULL;
}

static bool unknown_command(struct slice word, struct err *err)
{
    const char *names[128];
    size_t n = 0;
    const struct console_command *e;
    for (size_t i = 0; (e = console_command_entry(i)) && n < 128; i++)
        names[n++] = e->info.name;
    char shown[80];
    vis_to_cstr(shown, sizeof shown, word);
    const char *near = nearest_word(shown, names, n);
    if (near)
        err_set(err, ERR_USAGE, 0, "no command /%s; did you mean /%s?", shown, near);
    else
        err_set(err, ERR_USAGE, 0, "no command /%s", shown);
    err_explain(err, "a line that begins with / is for the console",
                "/help lists the commands; //... sends a / to the server");
    return false;
}

/* A command of another protocol would only send what this server does not understand. */
static bool fits_protocol(const struct console *c, const struct console_command *command,
                          struct err *err)
{
    const struct track *t = console_tracker(c);
    if (!t || !command->protocols || (command->protocols & 1u << track_protocol(t)))
        return true;
    char words[64] = "";
    for (int p = 0; p < PROTOCOL__COUNT; p++)
        if (command->protocols & 1u << p)
            snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s",
                     *words ? " and " : "", protocol_name((enum protocol)p));
    err_set(err, ERR_USAGE, 0, "/%s is for %s; this connection speaks %s", command->info.name,
            words, protocol_name(track_protocol(t)));
    err_explain(err, "nothing was sent",
                "/session goes to another connection; the server's own commands are typed as they "
                "are");
    return false;
}

static bool run_command(struct console *c, struct slice line, const char *origin, struct err *err,
                        int depth)
{
    struct slice rest = line;
    struct slice word = slice_next_word(&rest);
    const struct console_command *command = console_command_find(word);
    if (!command) {
        const char *alias = depth < 8 ? alias_line(c, word) : NULL;
        if (!alias)
            return unknown_command(word, err);
        struct buf whole;
        buf_init(&whole, CONSOLE_LINE_MAX_OCTETS);
        buf_append_cstr(&whole, alias);
        if (slice_trim(rest).len) {
            buf_append_octet(&whole, ' ');
            buf_append(&whole, slice_trim(rest));
        }
        bool ok;
        if (whole.len && whole.ptr[0] == '/')
            ok = run_command(c, slice_skip(buf_slice(&whole), 1), origin, err, depth + 1);
        else
            ok = console_send_line(c, buf_slice(&whole), err);
        buf_deinit(&whole);
        return ok;
    }
    if (command->info.needs_ui && !(c->ui && c->ui->view)) {
        err_set(err, ERR_USAGE, 0, "/%s needs the screen", command->info.name);
        err_explain(err, "this run has none", "open the console in a terminal: smtpscope TARGET");
        return false;
    }
    if (!fits_protocol(c, command, err))
        return false;
    /* exec_view wants the name: it stands right before the arguments, in one piece. */
    const struct console_call call = {
        .args = command->exec == exec_view ? line : slice_trim(rest), .origin = origin, .err = err};
    return command->exec(c, &call);
}

bool console_send_line(struct console *c, struct slice line, struct err *err)
{
    if (!console_need_session(c, err))
        return false;
    if (c->now->task.active) {
        err_set(err, ERR_USAGE, 0, "a helper is at work on this session");
        err_explain(err, "the line was not sent", "wait for it, or stop it with Ctrl-C");
        return false;
    }
    console_remember_addresses(c, line);
    if (session_send_line(c->now->session, line, settings_bool(c->settings, SETTING_ID_dotstuff)))
        return true;
    err_set(err, ERR_CLOSED, 0, "the connection is going down; the line was not sent");
    err_explain(err, "", "/reopen connects again");
    return false;
}

bool console_submit(struct console *c, struct slice line, const char *origin, struct err *err)
{
    struct err local;
    if (!err)
        err = &local;
    err_clear(err);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 && !console_tracker(c))
        return true;

    bool ok;
    c->now->told.text[0] = '\0';
    if (line.len >= CONSOLE_LINE_MAX_OCTETS) {
        err_set(err, ERR_LIMIT, 0, "the line is longer than the limit typed-line, %d octets",
                CONSOLE_LINE_MAX_OCTETS);
        ok = false;
    } else if (line.len >= 1 && line.ptr[0] == '/' && !slice_starts(line, SLICE_LIT("//"))) {
        note_user_command(c, line, origin);
        ok = run_command(c, slice_skip(line, 1), origin, err, 0);
    } else {
        struct slice typed = slice_starts(line, SLICE_LIT("//")) ? slice_skip(line, 1) : line;
        if (!in_octets(c))
            note_user_command(c, typed, origin);
        ok = console_send_line(c, typed, err);
    }
    if (!ok && err->domain != ERR_NONE)
        journal_note_err(c->journal, console_conn(c), err);
    return ok;
}

bool console_interrupt(struct console *c)
{
    bool had = false;
    if (c->source && !script_result(c->source)->done) {
        script_stop(c->source);
        had = true;
    }
    if (c->now->waiting) {
        console_wait_over(c);
        had = true;
    }
    if (c->now->at_queue < c->now->n_queue || c->now->data_path || c->now->data_fd >= 0) {
        console_queue_clear(c);
        had = true;
    }
    if (c->now->task.active || c->now->task.waiting || c->now->password_reader) {
        if (c->now->session)
            session_drive_stop(c->now->session);
        console_password_stop(c);
        console_task_reset(c);
        had = true;
    }
    if (c->now->raw) {
        console_raw_stop(c);
        had = true;
    }
    if (c->now->connecting) {
        session_free(&c->now->session);
        c->now->connecting = false;
        had = true;
    }
    if (had)
        journal_note(c->journal, console_conn(c), LEVEL_INFO, "stopped by the person",
                     "nothing more is sent by itself", "");
    return had;
}

void console_remember_addresses(struct console *c, struct slice line)
{
    struct smtp_command command;
    smtp_command_parse(line, &command);
    if (!command.has_path || command.path.is_null || command.path.domain.len == 0)
        return;
    struct slice text = command.path.text;
    if (text.len >= 2 && text.ptr[0] == '<')
        text = slice_take(slice_skip(text, 1), text.len - 2);
    for (size_t i = 0; i < c->n_addresses; i++)
        if (slice_eq(text, slice_cstr(c->addresses[i])))
            return;
    if (c->n_addresses == CONSOLE_ADDRESSES_MAX || text.len == 0)
        return;
    c->addresses = mem_realloc(c->addresses, (c->n_addresses + 1) * sizeof *c->addresses);
    c->addresses[c->n_addresses++] = mem_slice_dup(text);
}

/* --- recording --- */

void console_page(struct console *c, const char *title, struct slice text)
{
    if (c->ui && c->ui->page) {
        c->ui->page(c->ui_ctx, title, text);
        return;
    }
    struct buf line;
    buf_init(&line, 4096);
    journal_note(c->journal, 0, LEVEL_INFO, title, "", "");
    while (text.len) {
        ptrdiff_t end = slice_find_octet(text, '\n');
        size_t n = end < 0 ? text.len : (size_t)end;
        buf_reset(&line);
        buf_append(&line, slice_take(text, n < 4000 ? n : 4000));
        if (line.len)
            journal_note(c->journal, 0, LEVEL_INFO, buf_cstr(&line), "", "");
        text = slice_skip(text, n + 1);
    }
    buf_deinit(&line);
}
