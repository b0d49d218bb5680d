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
    for (size_t i = c->at_queue; i < c->n_queue; i++)
        mem_free(c->queue[i]);
    mem_free(c->queue);
    c->queue = NULL;
    c->n_queue = c->at_queue = 0;
    mem_free(c->data_path);
    c->data_path = NULL;
    if (c->data_fd >= 0)
        close(c->data_fd);
    c->data_fd = -1;
}

static bool queue_line(struct console *c, const char *line, struct err *err)
{
    if (c->n_queue - c->at_queue >= CONSOLE_QUEUE_MAX_LINES) {
        err_set(err, ERR_LIMIT, 0, "more than %d lines wait (limit queued-lines)",
                CONSOLE_QUEUE_MAX_LINES);
        return false;
    }
    c->queue = mem_realloc(c->queue, (c->n_queue + 1) * sizeof *c->queue);
    c->queue[c->n_queue++] = mem_strdup(line);
    return true;
}

void console_queue_try(struct console *c)
{
    if (!c->session || !session_is_up(c->session) || c->task.active)
        return;
    const struct smtp_track *t = session_track(c->session);
    while (c->at_queue < c->n_queue && t && smtp_track_pending(t) == 0) {
        char *line = c->queue[c->at_queue++];
        struct err err;
        bool ok = console_send_line(c, slice_cstr(line), &err);
        mem_free(line);
        if (!ok) {
            journal_note_err(c->journal, console_conn(c), &err);
            console_queue_clear(c);
            return;
        }
    }
    if (c->at_queue == c->n_queue) {
        mem_free(c->queue);
        c->queue = NULL;
        c->n_queue = c->at_queue = 0;
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
    bool lmtp = target_service_info(c->target.service)->lmtp;
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
        c->data_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (c->data_fd < 0) {
            err_set(call->err, ERR_FILE, errno, "cannot read %.120s: %s", path, strerror(errno));
            err_explain(call->err, "nothing was sent", "check the name");
            mem_free(path);
            return false;
        }
        mem_free(c->data_path);
        c->data_path = path;
    }
    if (console_send_line(c, SLICE_LIT("DATA"), call->err))
        return true;
    console_queue_clear(c);
    return false;
}

void console_data_try(struct console *c, const struct smtp_item *item)
{
    if (!c->data_path || item->kind != SMTP_ITEM_REPLY)
        return;
    if (item->answers == SMTP_VERB_DATA && item->reply->code / 100 == 3) {
        const struct session_content content = {.fd = c->data_fd, .mend = true};
        session_send_content(c->session, &content);
        /* The file stays open until the reply to the final dot has come. */
        return;
    }
    if (item->answers == SMTP_VERB_DATA || item->answers == SMTP_VERB_DOT)
        console_queue_clear(c);
}
