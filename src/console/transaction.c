/* Single commands of a transaction: /ehlo /mail /rcpt /data /rset /quit-session. They only write
 * the line a person could type; what becomes of it is read from the wire.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"

/* --- lines that wait for one another --- */

void console_queue_clear(struct console *c)
{
    for (size_t i = c->now->at_queue; i < c->now->n_queue; i++)
        mem_free(c->now->queue[i]);
    mem_free(c->now->queue);
    c->now->queue = NULL;
    c->now->n_queue = c->now->at_queue = 0;
    mem_free(c->now->data_path);
    c->now->data_path = NULL;
    if (c->now->data_fd >= 0)
        close(c->now->data_fd);
    c->now->data_fd = -1;
    console_append_drop(c);
}

static bool queue_line(struct console *c, const char *line, struct err *err)
{
    if (c->now->n_queue - c->now->at_queue >= CONSOLE_QUEUE_MAX_LINES) {
        err_set(err, ERR_LIMIT, 0, "more than %d lines wait (limit queued-lines)",
                CONSOLE_QUEUE_MAX_LINES);
        return false;
    }
    c->now->queue = mem_realloc(c->now->queue, (c->now->n_queue + 1) * sizeof *c->now->queue);
    c->now->queue[c->now->n_queue++] = mem_strdup(line);
    return true;
}

void console_queue_try(struct console *c)
{
    if (!c->now->session || !session_is_up(c->now->session) || c->now->task.active)
        return;
    const struct track *t = session_track(c->now->session);
    while (c->now->at_queue < c->now->n_queue && t && track_pending(t) == 0) {
        char *line = c->now->queue[c->now->at_queue++];
        struct err err;
        bool ok = console_send_line(c, slice_cstr(line), &err);
        mem_free(line);
        if (!ok) {
            journal_note_err(c->journal, console_conn(c), &err);
            console_queue_clear(c);
            return;
        }
    }
    if (c->now->at_queue == c->now->n_queue) {
        mem_free(c->now->queue);
        c->now->queue = NULL;
        c->now->n_queue = c->now->at_queue = 0;
    }
}

/* --- simple lines --- */

static bool send_text(struct console *c, const struct console_call *call, const char *text)
{
    return console_need_session(c, call->err) && console_send_line(c, slice_cstr(text), call->err);
}

bool exec_ehlo(struct console *c, const struct console_call *call)
{
    struct buf line;
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    bool lmtp = target_service_info(c->now->target.service)->lmtp;
    buf_append_cstr(&line, lmtp ? "LHLO " : "EHLO ");
    if (call->args.len)
        buf_append(&line, call->args);
    else
        buf_append_cstr(&line, console_helo_name(c));
    bool ok = send_text(c, call, buf_cstr(&line));
    buf_deinit(&line);
    return ok;
}

bool exec_rset(struct console *c, const struct console_call *call)
{
    return send_text(c, call, "RSET");
}

bool exec_quit_session(struct console *c, const struct console_call *call)
{
    return send_text(c, call, "QUIT");
}

/* An address as a person types it, with or without brackets, as a path. */
static void append_path(struct buf *line, struct slice address)
{
    bool brackets = address.len && address.ptr[0] == '<';
    if (!brackets)
        buf_append_octet(line, '<');
    buf_append(line, address);
    if (!brackets)
        buf_append_octet(line, '>');
}

bool exec_mail(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice address = slice_next_word(&rest);
    const char *from = settings_text(c->settings, SETTING_ID_from);
    struct buf line;
    if (address.len == 0 && !settings_is_set(c->settings, SETTING_ID_from)) {
        err_set(call->err, ERR_USAGE, 0, "/mail wants an address");
        err_explain(call->err, "",
                    "/mail ann@example.net, /mail <> for the null path, or /set from ADDRESS");
        return false;
    }
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    buf_append_cstr(&line, "MAIL FROM:");
    append_path(&line, address.len ? address : slice_cstr(from));
    if (slice_trim(rest).len) {
        buf_append_octet(&line, ' ');
        buf_append(&line, slice_trim(rest));
    }
    bool ok = send_text(c, call, buf_cstr(&line));
    buf_deinit(&line);
    return ok;
}

bool exec_rcpt(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice word = slice_next_word(&rest);
    if (word.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/rcpt wants an address, or several");
        err_explain(call->err, "", "/rcpt bob@example.test carol@example.test");
        return false;
    }
    if (!console_need_session(c, call->err))
        return false;
    struct buf line;
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    bool ok = true;
    while (ok && word.len) {
        buf_reset(&line);
        buf_append_cstr(&line, "RCPT TO:");
        append_path(&line, word);
        /* Parameters belong to the address before them: NOTIFY=..., ORCPT=... */
        for (word = slice_next_word(&rest);
             word.len && slice_find_octet(word, '@') < 0 && slice_find_octet(word, '=') > 0;
             word = slice_next_word(&rest)) {
            buf_append_octet(&line, ' ');
            buf_append(&line, word);
        }
        ok = queue_line(c, buf_cstr(&line), call->err);
    }
    buf_deinit(&line);
    console_queue_try(c);
    return ok;
}

/* --- /data --- */

bool exec_data(struct console *c, const struct console_call *call)
{
    if (!console_need_session(c, call->err))
        return false;
    if (call->args.len) {
        char *path = mem_slice_dup(call->args);
        c->now->data_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (c->now->data_fd < 0) {
            err_set(call->err, ERR_FILE, errno, "cannot read %.120s: %s", path, strerror(errno));
            err_explain(call->err, "nothing was sent", "check the name");
            mem_free(path);
            return false;
        }
        mem_free(c->now->data_path);
        c->now->data_path = path;
    }
    if (console_send_line(c, SLICE_LIT("DATA"), call->err))
        return true;
    console_queue_clear(c);
    return false;
}

void console_data_try(struct console *c, const struct track_item *tracked)
{
    const struct smtp_item *item = tracked->smtp;
    if (!c->now->data_path || !item || item->kind != SMTP_ITEM_REPLY)
        return;
    if (item->answers == SMTP_VERB_DATA && item->reply->code / 100 == 3) {
        const struct session_content content = {.fd = c->now->data_fd, .mend = true};
        session_send_content(c->now->session, &content);
        /* The file stays open until the reply to the final dot has come. */
        return;
    }
    if (item->answers == SMTP_VERB_DATA || item->answers == SMTP_VERB_DOT)
        console_queue_clear(c);
}
