/* What runs a driver on the session: /tls /auth /send. The helper may have to wait for the
 * connection and for a password first; everything it needs is gathered in struct console_task and
 * lives until the driver is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/console_private.h"

void console_task_reset(struct console *c)
{
    struct console_task *t = &c->now->task;
    console_delivery_clear(c->now); /* its result points to the addresses */
    mem_free(t->mechanisms);
    mem_free(t->user);
    mem_free(t->path);
    mem_free(t->from);
    mem_free(t->mail_params);
    mem_free(t->rcpt_params);
    for (size_t i = 0; i < t->n_to; i++)
        mem_free(t->to[i]);
    mem_free(t->to);
    if (t->fd > STDIN_FILENO)
        close(t->fd);
    buf_release(&t->message);
    struct buf kept = t->message;
    *t = (struct console_task){.fd = -1, .message = kept};
}

void console_task_over(struct console *c)
{
    struct console_task *t = &c->now->task;
    t->active = t->waiting = t->quit = false;
    if (t->fd > STDIN_FILENO)
        close(t->fd);
    t->fd = -1;
    buf_release(&t->message);
}

void console_helper_failed(struct console *c, const struct smtp_result *r)
{
    if (c->failure.pending) /* the first stands */
        return;
    c->failure = (struct console_failure){.pending = true, .result = *r};
    c->failure.link_err = c->now->link_err;
    c->failure.result.recipients = NULL;
    c->failure.result.n_recipients = 0;
    c->failure.result.mechanism = c->failure.result.reason = NULL;
}

/* It never began: a local reason. */
static void failed_before(struct console *c, enum smtp_step stage, enum err_domain domain,
                          const char *text)
{
    struct smtp_result r = {.over = true, .stage = stage, .outcome = SMTP_OUT_ABORT};
    err_set(&r.err, domain, 0, "%s", text);
    console_helper_failed(c, &r);
}

/* --- gathering --- */

static void default_from(struct console *c)
{
    const char *from = settings_text(c->settings, SETTING_ID_from);
    if (c->now->task.from)
        return;
    if (settings_is_set(c->settings, SETTING_ID_from))
        c->now->task.from = mem_strdup(strcmp(from, "<>") == 0 ? "" : from);
    else
        c->now->task.from = mem_printf("smtpscope@%s", console_helo_name(c));
}

static bool default_to(struct console *c, struct err *err)
{
    if (c->now->task.n_to > 0)
        return true;
    size_t n = settings_list_count(c->settings, SETTING_ID_to);
    const char *one = c->now->target.kind == TARGET_MX         ? c->now->target.recipient
                      : c->now->target.kind == TARGET_PRACTICE ? "bob@example.test"
                                                               : NULL;
    if (n == 0 && !one) {
        err_set(err, ERR_USAGE, 0, "no recipient is named");
        err_explain(err, "nothing was sent", "--to ADDRESS, or /set to ADDRESS");
        return false;
    }
    c->now->task.n_to = n ? n : 1;
    c->now->task.to = mem_zalloc(c->now->task.n_to * sizeof *c->now->task.to);
    for (size_t i = 0; i < c->now->task.n_to; i++)
        c->now->task.to[i] = mem_strdup(n ? settings_list_at(c->settings, SETTING_ID_to, i) : one);
    return true;
}

static bool read_stdin(struct console *c, struct err *err)
{
    for (;;) {
        uint8_t *room = buf_room(&c->now->task.message, 65536);
        if (!room) {
            err_set(err, ERR_LIMIT, 0,
                    "standard input is longer than the limit standard-input-message, %d octets",
                    CONSOLE_MESSAGE_MAX_OCTETS);
            return false;
        }
        ssize_t n = read(STDIN_FILENO, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err_set(err, ERR_FILE, errno, "cannot read standard input: %s", strerror(errno));
        if (n <= 0)
            return n == 0;
        buf_grow(&c->now->task.message, (size_t)n);
    }
}

static bool open_message(struct console *c, const char *path, struct err *err)
{
    struct console_task *t = &c->now->task;
    t->generated = !path;
    if (!path)
        return console_message_generate(c, t->from, t->to, t->n_to, &t->message, err);
    if (strcmp(path, "-") == 0)
        return read_stdin(c, err);
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (t->fd < 0 || fstat(t->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        err_set(err, ERR_FILE, errno, "cannot read %.120s: %s", path,
                t->fd < 0 ? strerror(errno) : "it is a folder");
        err_explain(err, "nothing was sent", "check the name");
        return false;
    }
    t->path = mem_strdup(path);
    return true;
}

/* --- starting --- */

static enum smtp_tls_use tls_use(const struct console *c)
{
    if (c->now->task.goal == SMTP_GOAL_TLS)
        return SMTP_TLS_MUST;
    const char *word = settings_text(c->settings, SETTING_ID_tls);
    return strcmp(word, "must") == 0   ? SMTP_TLS_MUST
           : strcmp(word, "none") == 0 ? SMTP_TLS_NONE
                                       : SMTP_TLS_TRY;
}

/* Octets the message will take on the wire are not known before it was read; its size in the file
 * is what SIZE is declared with (RFC 1870 section 3: an estimate is allowed). LF files grow by a CR
 * a line, so the estimate is left out there: a generated message knows its size. */
static uint64_t content_octets(const struct console *c)
{
    if (c->now->task.fd >= 0) {
        struct stat st;
        return fstat(c->now->task.fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    }
    return c->now->task.message.len;
}

/* Eight octets at a time: a message of 50 MB is looked through before it is sent. */
static bool has_8bit(struct slice s)
{
    uint64_t seen = 0, word;
    size_t at = 0;
    for (; at + sizeof word <= s.len; at += sizeof word) {
        memcpy(&word, s.ptr + at, sizeof word);
        seen |= word;
    }
    for (; at < s.len; at++)
        seen |= s.ptr[at];
    return seen & UINT64_C(0x8080808080808080);
}

/* Does the file hold octets above 127? Looked at once, before sending, so that BODY=8BITMIME can be
 * said. */
static bool file_has_8bit(int fd)
{
    static uint8_t piece[65536];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, piece, sizeof piece, at)) > 0) {
        if (has_8bit(slice_of(piece, (size_t)n)))
            return true;
        at += n;
    }
    return false;
}

static bool any_utf8(char *const *texts, size_t n, const char *from)
{
    bool found = from && has_8bit(slice_cstr(from));
    for (size_t i = 0; i < n && !found; i++)
        found = has_8bit(slice_cstr(texts[i]));
    return found;
}

static void could_not_start(struct console *c)
{
    journal_note(c->journal, console_conn(c), LEVEL_WARNING,
                 "the helper could not start: the session is busy or down", "",
                 "/reopen, or wait until the other helper is done");
    failed_before(c, SMTP_STEP_GREETING, ERR_CLOSED, "the session is busy or down");
    console_task_reset(c);
}

/* POP3 and IMAP: TLS, and logging in. */
static void start_login(struct console *c)
{
    static const enum mailbox_tls by_smtp[] = {[SMTP_TLS_NONE] = MAILBOX_TLS_NONE,
                                               [SMTP_TLS_TRY] = MAILBOX_TLS_TRY,
                                               [SMTP_TLS_MUST] = MAILBOX_TLS_MUST};
    struct console_task *t = &c->now->task;
    bool pop3 = track_protocol(session_track(c->now->session)) == PROTOCOL_POP3;
    struct mailbox_plan plan = {.login = t->goal != SMTP_GOAL_TLS, .tls = by_smtp[tls_use(c)]};
    console_credentials(c, pop3 ? "pop" : "imap", &plan.credentials);
    t->waiting = false;
    t->active = true;
    if (session_login(c->now->session, &plan))
        return;
    could_not_start(c);
}

static void start(struct console *c)
{
    if (!session_smtp(c->now->session)) {
        start_login(c);
        return;
    }
    struct console_task *t = &c->now->task;
    const struct console_delivery *delivery = &c->now->delivery;
    const char *drop_after = settings_text(c->settings, SETTING_ID_drop_after);
    const char *quit_after =
        *drop_after ? drop_after : settings_text(c->settings, SETTING_ID_quit_after);
    struct smtp_plan plan = {
        .goal = t->goal,
        .name = console_helo_name(c),
        .lmtp = target_service_info(c->now->target.service)->lmtp,
        .helo = strcmp(settings_text(c->settings, SETTING_ID_hello), "helo") == 0,
        .tls = tls_use(c),
        .xclient = settings_text(c->settings, SETTING_ID_xclient),
        .auth = console_auth_wanted(c),
        .from = t->from,
        .to = delivery->to,
        .n_to = delivery->n_to,
        .more = delivery->done + 1 < delivery->wanted,
        .obey_limits = settings_bool(c->settings, SETTING_ID_limits),
        .mail_params = t->mail_params,
        .rcpt_params = t->rcpt_params,
        .rcpt_orcpt = settings_bool(c->settings, SETTING_ID_dsn_orcpt),
        .has_content = t->goal == SMTP_GOAL_SEND,
        .content_octets = content_octets(c),
        .content_8bit = t->fd >= 0 ? file_has_8bit(t->fd) : has_8bit(buf_slice(&t->message)),
        .content_utf8 = any_utf8(t->to, t->n_to, t->from),
        .chunk_octets = settings_number(c->settings, SETTING_ID_bdat),
        .content_binary = settings_bool(c->settings, SETTING_ID_binary),
        .pipeline = settings_bool(c->settings, SETTING_ID_pipeline),
        .quit = t->quit && !*drop_after,
        .drop = *drop_after != '\0',
        .quit_after = *quit_after && t->goal == SMTP_GOAL_SEND
                          ? smtp_step_by_name(slice_cstr(quit_after))
                          : SMTP_STEP__COUNT,
    };
    console_credentials(c, "smtp", &plan.credentials);
    const struct session_content content = {.fd = t->fd,
                                            .octets = buf_slice(&t->message),
                                            .mend = !settings_bool(c->settings, SETTING_ID_binary)};
    t->waiting = false;
    t->active = true;
    if (session_drive(c->now->session, &plan, t->goal == SMTP_GOAL_SEND ? &content : NULL))
        return;
    could_not_start(c);
}

void console_task_try_start(struct console *c)
{
    struct console_task *t = &c->now->task;
    if (!t->waiting || c->now->connecting || !c->now->session || !session_is_up(c->now->session) ||
        c->now->password_reader || c->now->delivery.reopen)
        return;
    if (t->needs_password) {
        const char *user = console_auth_user(c);
        if (!user) {
            journal_note(c->journal, console_conn(c), LEVEL_ERROR, "no user to log in as",
                         "AUTH was not tried", "--user NAME, or /auth MECH USER");
            failed_before(c, SMTP_STEP_AUTH, ERR_AUTH, "no user to log in as");
            console_task_reset(c);
            return;
        }
        bool token = console_auth_secret(c) == CONSOLE_SECRET_TOKEN;
        if (!token && secret_is_set(&c->now->password) && c->now->password_user &&
            strcmp(c->now->password_user, user) == 0) {
            t->needs_password = false;
        } else {
            console_password_find(c, c->now->target.name, user);
            return;
        }
    }
    start(c);
}

void console_task_password(struct console *c, const char *password)
{
    if (!password) {
        journal_note(c->journal, console_conn(c), LEVEL_ERROR, "no password was found or given",
                     "AUTH was not tried",
                     "--password-command CMD, an entry in netrc, or a terminal to ask at");
        failed_before(c, SMTP_STEP_AUTH, ERR_AUTH, "no password was found or given");
        bool quit = c->now->task.quit;
        console_task_reset(c);
        if (quit && c->now->session && session_is_up(c->now->session)) {
            c->now->closing = true;
            session_close(c->now->session);
        }
        err_set(&c->now->link_err, ERR_AUTH, 0, "no password was found or given");
        return;
    }
    if (console_auth_secret(c) == CONSOLE_SECRET_TOKEN) {
        secret_set(&c->now->token, slice_cstr(password));
        c->now->task.needs_password = false;
        console_task_try_start(c);
        return;
    }
    secret_set(&c->now->password, slice_cstr(password));
    mem_free(c->now->password_user);
    c->now->password_user = mem_strdup(console_auth_user(c));
    c->now->task.needs_password = false;
    console_task_try_start(c);
}

static bool begin(struct console *c, enum smtp_goal goal, struct err *err)
{
    if (c->now->task.active || c->now->task.waiting) {
        err_set(err, ERR_USAGE, 0, "another helper is at work");
        err_explain(err, "", "wait for it, or stop it with Ctrl-C");
        return false;
    }
    if (!c->now->connecting && !console_need_session(c, err))
        return false;
    console_task_reset(c);
    c->now->task.goal = goal;
    return true;
}

static void go(struct console *c)
{
    c->now->task.needs_password = console_auth_wanted(c) && c->now->task.goal != SMTP_GOAL_TLS &&
                                  c->now->task.goal != SMTP_GOAL_HELLO &&
                                  console_auth_secret(c) != CONSOLE_SECRET_NONE;
    if (c->now->task.goal == SMTP_GOAL_SEND && console_tracker(c) &&
        track_authenticated(console_tracker(c)))
        c->now->task.needs_password = false;
    c->now->task.waiting = true;
    console_task_try_start(c);
}

/* --- commands --- */

bool exec_tls(struct console *c, const struct console_call *call)
{
    if (!begin(c, SMTP_GOAL_TLS, call->err))
        return false;
    go(c);
    return true;
}

bool exec_auth(struct console *c, const struct console_call *call)
{
    if (!begin(c, SMTP_GOAL_AUTH, call->err))
        return false;
    struct slice rest = call->args;
    struct slice first = slice_next_word(&rest);
    struct slice second = slice_next_word(&rest);
    if (slice_trim(rest).len) {
        console_task_reset(c);
        err_set(call->err, ERR_USAGE, 0, "/auth takes a mechanism and a user, never a password");
        err_explain(call->err, "nothing was sent or kept",
                    "/auth [MECH] [USER]; the password is asked for");
        return false;
    }
    /* One word is a mechanism when it looks like one, else the user. */
    bool first_is_mech = first.len && slice_find_octet(first, '@') < 0;
    for (size_t i = 0; i < first.len && first_is_mech; i++)
        first_is_mech = first.ptr[i] < 'a' || first.ptr[i] > 'z' || second.len;
    if (first.len && first_is_mech)
        c->now->task.mechanisms = mem_slice_dup(first);
    else if (first.len)
        c->now->task.user = mem_slice_dup(first);
    if (second.len)
        c->now->task.user = mem_slice_dup(second);
    go(c);
    return true;
}

static bool begin_delivery(struct console *c, struct err *err)
{
    uint64_t messages = settings_number(c->settings, SETTING_ID_repeat);
    bool ends_early = settings_is_set(c->settings, SETTING_ID_quit_after) ||
                      settings_is_set(c->settings, SETTING_ID_drop_after);
    if (messages > 1 && ends_early) {
        err_set(err, ERR_USAGE, 0, "repeat and quit-after or drop-after do not go together");
        err_explain(err, "nothing was sent", "leave one of them out");
        return false;
    }
    console_delivery_begin(c->now, messages);
    return true;
}

static bool send_begun(struct console *c, const char *path, struct err *err)
{
    c->now->task.mail_params = console_params(c, SMTP_VERB_MAIL);
    c->now->task.rcpt_params = console_params(c, SMTP_VERB_RCPT);
    default_from(c);
    if (!default_to(c, err) || !open_message(c, path, err) || !console_sign(c, err) ||
        !begin_delivery(c, err)) {
        console_task_reset(c);
        return false;
    }
    go(c);
    return true;
}

bool console_send_message(struct console *c, const char *path, bool quit, const char *origin,
                          struct err *err)
{
    (void)origin;
    if (!begin(c, SMTP_GOAL_SEND, err))
        return false;
    c->now->task.quit = quit;
    return send_begun(c, path, err);
}

/* Without brackets, as the driver wants it; "<>" is the null path. */
static char *bare_address(struct slice word)
{
    if (word.len >= 2 && word.ptr[0] == '<' && word.ptr[word.len - 1] == '>')
        word = slice_skip(slice_take(word, word.len - 1), 1);
    return mem_slice_dup(word);
}

/* "--from ADDRESS" and "--to ADDRESS" in front of the file: for this message they go before the
 * settings. Leaves the rest in *rest. */
static bool take_envelope(struct console_task *t, struct slice *rest, struct err *err)
{
    while (slice_starts(*rest = slice_trim(*rest), SLICE_LIT("--"))) {
        struct slice option = slice_next_word(rest), address = slice_next_word(rest);
        bool from = slice_eq(option, SLICE_LIT("--from"));
        if ((!from && !slice_eq(option, SLICE_LIT("--to"))) || address.len == 0) {
            err_set(err, ERR_USAGE, 0, "/send: %.*s %s", (int)slice_take(option, 60).len,
                    (const char *)option.ptr,
                    address.len ? "is not an option of it" : "wants a value");
            err_explain(err, "nothing was sent",
                        "/send [--from ADDRESS] [--to ADDRESS]... [FILE]; all else is a setting: "
                        "/set NAME VALUE");
            return false;
        }
        if (from) {
            mem_free(t->from);
            t->from = bare_address(address);
        } else {
            t->to = mem_realloc(t->to, (t->n_to + 1) * sizeof *t->to);
            t->to[t->n_to++] = bare_address(address);
        }
    }
    return true;
}

bool console_task_again(struct console *c, bool next_message)
{
    struct err err;
    err_clear(&err);
    if (console_delivery_rewind(c, next_message, &err)) {
        c->now->task.active = false;
        go(c);
        return true;
    }
    journal_note_err(c->journal, console_conn(c), &err);
    console_delivery_broken(c->now, &err);
    return false;
}

bool exec_send(struct console *c, const struct console_call *call)
{
    if (!begin(c, SMTP_GOAL_SEND, call->err))
        return false;
    struct slice rest = call->args;
    if (!take_envelope(&c->now->task, &rest, call->err)) {
        console_task_reset(c);
        return false;
    }
    char *path = rest.len ? mem_slice_dup(rest) : NULL;
    bool ok = send_begun(c, path, call->err);
    mem_free(path);
    return ok;
}
