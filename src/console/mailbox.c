/* /mailboxes /select /list /get /idle /append and their sisters: reading mail. They only write the
 * line a person could type; what becomes of it is read from the wire.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf7.h"
#include "console/console_private.h"
#include "engine/imap_track.h"
#include "imap/format.h"

static bool send_text(struct console *c, const struct console_call *call, const char *text)
{
    return console_need_session(c, call->err) && console_send_line(c, slice_cstr(text), call->err);
}

static bool is_pop3(const struct console *c)
{
    const struct track *t = console_tracker(c);
    return t && track_protocol(t) == PROTOCOL_POP3;
}

/* The first word: one message, or in IMAP several ("1:3,7", "*"). False: neither, and *err says
 * what is wanted. */
static bool take_messages(const struct console *c, const char *command, struct slice *args,
                          struct slice *which_out, struct err *err)
{
    static const uint8_t set[] = "0123456789:,*";
    *which_out = slice_next_word(args);
    *args = slice_trim(*args);
    bool pop3 = is_pop3(c), ok = which_out->len > 0 && which_out->len < 200;
    for (size_t i = 0; i < which_out->len && ok; i++)
        ok = memchr(set, which_out->ptr[i], pop3 ? 10 : sizeof set - 1) != NULL;
    if (!ok) {
        err_set(err, ERR_USAGE, 0, "/%s wants the number of a message", command);
        err_explain(err, pop3 ? "" : "several: 1:3,7; the last one: *", "/list shows them");
    }
    return ok;
}

void console_put_mailbox(const struct console *c, struct buf *line, struct slice name)
{
    const struct imap_track *imap = track_imap(console_tracker(c));
    struct buf wire;
    buf_init(&wire, CONSOLE_LINE_MAX_OCTETS);
    if (name.len > 0 && name.ptr[0] == '"')
        buf_append(line, name);
    else if ((imap && imap_track_utf8(imap)) || !utf7_encode(&wire, name, NULL))
        imap_put_mailbox(line, name, true);
    else
        imap_put_astring(line, buf_slice(&wire));
    buf_deinit(&wire);
}

static bool need_selected(const struct console *c, struct err *err)
{
    const struct imap_track *imap = track_imap(console_tracker(c));
    if (!imap || imap_track_mailbox(imap).len > 0)
        return true;
    err_set(err, ERR_USAGE, 0, "no mailbox is selected");
    err_explain(err, "messages are numbered in the selected mailbox",
                "/select opens INBOX; /mailboxes shows which there are");
    return false;
}

/* A command about messages: the line for POP3 and the one for IMAP, %.*s for the messages. */
static bool send_about(struct console *c, const struct console_call *call, const char *command,
                       const char *pop3, const char *imap)
{
    struct slice args = call->args, which;
    char line[400];
    if (!console_need_session(c, call->err) ||
        !take_messages(c, command, &args, &which, call->err) || !need_selected(c, call->err))
        return false;
    snprintf(line, sizeof line, "%s %.*s%s", is_pop3(c) ? pop3 : "FETCH", SLICE_ARG(which),
             is_pop3(c) ? "" : imap);
    return send_text(c, call, line);
}

bool exec_mailboxes(struct console *c, const struct console_call *call)
{
    return send_text(c, call, "LIST \"\" \"*\"");
}

bool exec_select(struct console *c, const struct console_call *call)
{
    struct buf line;
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    buf_append_cstr(&line, "SELECT ");
    console_put_mailbox(c, &line, call->args.len > 0 ? slice_trim(call->args) : SLICE_LIT("INBOX"));
    bool ok =
        console_need_session(c, call->err) && console_send_line(c, buf_slice(&line), call->err);
    buf_deinit(&line);
    return ok;
}

bool exec_list(struct console *c, const struct console_call *call)
{
    static const char items[] = " (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)";
    if (call->args.len > 0)
        return send_about(c, call, "list", "LIST", items);
    if (!console_need_session(c, call->err) || !need_selected(c, call->err))
        return false;
    return send_text(
        c, call, is_pop3(c) ? "LIST" : "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)");
}

bool exec_get(struct console *c, const struct console_call *call)
{
    return send_about(c, call, "get", "RETR", " BODY.PEEK[]");
}

bool exec_headers(struct console *c, const struct console_call *call)
{
    struct slice args = call->args, which;
    char line[240];
    if (!is_pop3(c))
        return send_about(c, call, "headers", "", " BODY.PEEK[HEADER]");
    if (!console_need_session(c, call->err) ||
        !take_messages(c, "headers", &args, &which, call->err))
        return false;
    snprintf(line, sizeof line, "TOP %.*s 0", SLICE_ARG(which));
    return send_text(c, call, line);
}

bool exec_structure(struct console *c, const struct console_call *call)
{
    return send_about(c, call, "structure", "", " (UID RFC822.SIZE BODYSTRUCTURE)");
}

bool exec_search(struct console *c, const struct console_call *call)
{
    struct buf line;
    struct slice what = slice_trim(call->args);
    if (!console_need_session(c, call->err) || !need_selected(c, call->err))
        return false;
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    buf_printf(&line, "SEARCH %.*s", SLICE_ARG(what.len > 0 ? what : SLICE_LIT("UNSEEN")));
    bool ok = console_send_line(c, buf_slice(&line), call->err);
    buf_deinit(&line);
    return ok;
}

/* "/flag 3 seen -flagged": system flags by their names, others as they are written. */
bool exec_flag(struct console *c, const struct console_call *call)
{
    static const char *const systems[] = {"Seen", "Answered", "Flagged", "Deleted", "Draft"};
    struct slice args = call->args, which;
    struct buf line;
    if (!console_need_session(c, call->err) ||
        !take_messages(c, "flag", &args, &which, call->err) || !need_selected(c, call->err))
        return false;
    bool minus = args.len > 0 && args.ptr[0] == '-';
    if (args.len > 0 && (minus || args.ptr[0] == '+'))
        args = slice_skip(args, 1);
    if (args.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/flag wants a flag");
        err_explain(call->err, "", "/flag 3 seen, /flag 1:* -flagged, /flag 2 $Junk");
        return false;
    }
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    buf_printf(&line, "STORE %.*s %cFLAGS (", SLICE_ARG(which), minus ? '-' : '+');
    bool first = true;
    for (struct slice word = slice_next_word(&args); word.len > 0; word = slice_next_word(&args)) {
        const char *system = NULL;
        for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++)
            if (slice_eq_nocase(word, slice_cstr(systems[i])))
                system = systems[i];
        if (system)
            buf_printf(&line, "%s\\%s", first ? "" : " ", system);
        else
            buf_printf(&line, "%s%.*s", first ? "" : " ", SLICE_ARG(word));
        first = false;
    }
    buf_append_octet(&line, ')');
    bool ok = console_send_line(c, buf_slice(&line), call->err);
    buf_deinit(&line);
    return ok;
}

bool exec_delete(struct console *c, const struct console_call *call)
{
    struct slice args = call->args, which;
    char line[260];
    if (!console_need_session(c, call->err) ||
        !take_messages(c, "delete", &args, &which, call->err) || !need_selected(c, call->err))
        return false;
    snprintf(line, sizeof line, is_pop3(c) ? "DELE %.*s" : "STORE %.*s +FLAGS (\\Deleted)",
             SLICE_ARG(which));
    return send_text(c, call, line);
}

bool exec_move(struct console *c, const struct console_call *call)
{
    struct slice args = call->args, which;
    struct buf line;
    if (!console_need_session(c, call->err) ||
        !take_messages(c, "move", &args, &which, call->err) || !need_selected(c, call->err))
        return false;
    if (args.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/move wants a mailbox to move to");
        err_explain(call->err, "", "/move 3 Archive; /mailboxes shows which there are");
        return false;
    }
    buf_init(&line, CONSOLE_LINE_MAX_OCTETS);
    buf_printf(&line, "MOVE %.*s ", SLICE_ARG(which));
    console_put_mailbox(c, &line, args);
    bool ok = console_send_line(c, buf_slice(&line), call->err);
    buf_deinit(&line);
    return ok;
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
    buf_append_cstr(&line, "APPEND ");
    console_put_mailbox(c, &line, mailbox.len > 0 ? mailbox : SLICE_LIT("INBOX"));
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
