/* /mailboxes /list /get /idle /append: reading mail. They only write the line a person could type;
 * what becomes of it is read from the wire.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"
#include "engine/imap_track.h"

static bool send_text(struct console *c, const struct console_call *call, const char *text)
{
    return console_need_session(c, call->err) && console_send_line(c, slice_cstr(text), call->err);
}

/* A message number, or *number_out 0 where none is given. */
static bool number_argument(const struct console_call *call, const char *command,
                            uint64_t *number_out)
{
    *number_out = 0;
    if (call->args.len == 0 || slice_to_u64(call->args, UINT32_MAX, number_out))
        return true;
    err_set(call->err, ERR_USAGE, 0, "/%s wants the number of a message", command);
    return false;
}

static bool is_pop3(const struct console *c)
{
    const struct track *t = console_tracker(c);
    return t && track_protocol(t) == PROTOCOL_POP3;
}

bool exec_mailboxes(struct console *c, const struct console_call *call)
{
    return send_text(c, call, "LIST \"\" \"*\"");
}

bool exec_list(struct console *c, const struct console_call *call)
{
    uint64_t number;
    if (!console_need_session(c, call->err) || !number_argument(call, "list", &number))
        return false;
    char which[24] = "1:*", line[160];
    if (number > 0)
        snprintf(which, sizeof which, "%llu", (unsigned long long)number);
    if (is_pop3(c))
        snprintf(line, sizeof line, "LIST%s%s", number > 0 ? " " : "", number > 0 ? which : "");
    else
        snprintf(line, sizeof line, "FETCH %s (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
                 which);
    const struct imap_track *imap = track_imap(console_tracker(c));
    if (imap && imap_track_mailbox(imap).len == 0) {
        err_set(call->err, ERR_USAGE, 0, "no mailbox is selected");
        err_explain(call->err, "messages are listed in the selected mailbox",
                    "SELECT INBOX; /mailboxes shows which there are");
        return false;
    }
    return send_text(c, call, line);
}

bool exec_get(struct console *c, const struct console_call *call)
{
    uint64_t number;
    if (!number_argument(call, "get", &number))
        return false;
    if (number == 0) {
        err_set(call->err, ERR_USAGE, 0, "/get wants the number of a message");
        err_explain(call->err, "", "/list shows them");
        return false;
    }
    char line[64];
    snprintf(line, sizeof line, is_pop3(c) ? "RETR %llu" : "FETCH %llu BODY.PEEK[]",
             (unsigned long long)number);
    return send_text(c, call, line);
}

bool exec_idle(struct console *c, const struct console_call *call)
{
    const struct track *t = console_tracker(c);
    bool idle = t && track_expects(t) == TRACK_EXPECTS_IDLE;
    return send_text(c, call, idle ? "DONE" : "IDLE");
}

/* ---- /append ---- */

void console_append_drop(struct console *c)
{
    buf_release(&c->now->append);
}

/* The whole file, LF as CRLF: its octets have to be counted before the first of them is sent. */
static bool read_message(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t piece[65536], last = 0;
    ssize_t n = fd < 0 ? -1 : 0;
    bool room = true;
    while (fd >= 0 && room && (n = read(fd, piece, sizeof piece)) > 0)
        for (ssize_t i = 0; i < n && room; i++) {
            if (piece[i] == '\n' && last != '\r')
                buf_append_octet(out, '\r');
            last = piece[i];
            room = buf_append_octet(out, last);
        }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n == 0)
        return true;
    if (room)
        err_set(err, ERR_FILE, saved, "cannot read %.120s: %s", path, strerror(saved));
    else
        err_set(err, ERR_LIMIT, 0, "%.120s is longer than the limit standard-input-message", path);
    err_explain(err, "nothing was sent", "check the file");
    return false;
}

bool exec_append(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice file = slice_next_word(&rest);
    struct slice mailbox = slice_trim(rest);
    if (!console_need_session(c, call->err))
        return false;
    if (file.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/append wants a file");
        err_explain(call->err, "", "/append message.eml, /append message.eml Sent");
        return false;
    }
    console_append_drop(c);
    char *path = mem_slice_dup(file);
    bool ok = read_message(path, &c->now->append, call->err);
    mem_free(path);
    struct buf line;
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    bool quoted = mailbox.len > 0 && mailbox.ptr[0] != '"';
    if (mailbox.len == 0)
        buf_append_cstr(&line, "APPEND INBOX");
    else
        buf_printf(&line, quoted ? "APPEND \"%.*s\"" : "APPEND %.*s", SLICE_ARG(mailbox));
    buf_printf(&line, " {%zu}", c->now->append.len);
    ok = ok && console_send_line(c, buf_slice(&line), call->err);
    buf_deinit(&line);
    if (!ok)
        console_append_drop(c);
    return ok;
}

void console_append_try(struct console *c, const struct track_item *item)
{
    const struct imap_item *imap = item->imap;
    if (c->now->append.len == 0 || !imap || imap->answers != IMAP_VERB_APPEND || !item->asked)
        return;
    if (item->kind == TRACK_ITEM_GO_ON) {
        buf_append_cstr(&c->now->append, "\r\n"); /* the end of the command, behind its literal */
        session_send_raw(c->now->session, buf_slice(&c->now->append));
    }
    console_append_drop(c);
}
