/* /mark, /note and /save: what a person adds to a session or a recording, and keeping it.
 *
 * Both name the event they stand at as their cause: the selected line's, that of a line by number,
 * or the last one. So they travel with the recording, and every reader knows where they belong.
 */
#include <stdio.h>
#include <string.h>

#include "base/userinfo.h"
#include "console/console_private.h"
#include "decode/transcript.h"

enum { MARK_NAME_MAX_OCTETS = 31 };

/* The event of line `number` of the transcript, from 1; 0: there is no such line. */
static uint64_t event_of_line(const struct console *c, uint64_t number)
{
    struct transcript *t = transcript_new(console_shown(c), 0, true);
    /* Numbers are those on the screen, where a handshake is a line a message. */
    transcript_show_handshakes(t, c->ui && c->ui->selected);
    transcript_update(t, NULL);
    uint64_t seq = number >= 1 && number <= transcript_count(t)
                       ? transcript_at(t, (size_t)number - 1)->seq
                       : 0;
    transcript_free(&t);
    return seq;
}

/* Where a person who says nothing about it means. */
static uint64_t event_here(const struct console *c)
{
    const struct journal *j = console_shown(c);
    uint64_t seq = c->ui && c->ui->selected ? c->ui->selected(c->ui_ctx) : 0;
    if (seq != 0)
        return seq;
    /* The last thing that happened on a connection; what was typed is nothing to mark. */
    for (seq = journal_last(j); seq != 0 && seq >= journal_first(j); seq--) {
        const struct event *ev = journal_at(j, seq);
        if (ev && ev->conn != 0 && ev->kind != EVENT_USER_COMMAND && ev->kind != EVENT_NOTE &&
            ev->kind != EVENT_MARK && !(ev->flags & EVENT_FLAG_BACKSTAGE))
            return seq;
    }
    return 0;
}

static bool can_be_added_to(const struct console *c, struct err *err)
{
    if (!c->replay || !replay_loading(c->replay))
        return true;
    err_set(err, ERR_USAGE, 0, "the recording is still being read");
    err_explain(err, "nothing can stand behind its end yet", "try again in a moment");
    return false;
}

static uint32_t conn_of(const struct journal *j, uint64_t seq)
{
    const struct event *ev = journal_at(j, seq);
    return ev ? ev->conn : 0;
}

/* "a" to "z", the first that is free. */
static bool free_letter(const struct journal *j, char name[2])
{
    bool used[26] = {false};
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_end(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        struct ev_mark mark;
        if (!ev || ev->kind != EVENT_MARK)
            continue;
        EVENT_GET(ev, MARK, &mark);
        if (mark.name.len == 1 && mark.name.ptr[0] >= 'a' && mark.name.ptr[0] <= 'z')
            used[mark.name.ptr[0] - 'a'] = true;
    }
    for (int i = 0; i < 26; i++) {
        name[0] = (char)('a' + i);
        name[1] = '\0';
        if (!used[i])
            return true;
    }
    return false;
}

bool exec_mark(struct console *c, const struct console_call *call)
{
    struct journal *j = console_shown(c);
    char letter[2] = "";
    struct slice name = call->args;
    uint64_t at = event_here(c);
    if (!can_be_added_to(c, call->err))
        return false;
    if (at == 0) {
        err_set(call->err, ERR_USAGE, 0, "nothing has happened yet that could be marked");
        return false;
    }
    if (name.len == 0 && free_letter(j, letter))
        name = slice_cstr(letter);
    if (name.len == 0 || name.len > MARK_NAME_MAX_OCTETS || slice_find_octet(name, ' ') >= 0) {
        err_set(call->err, ERR_USAGE, 0, "/mark wants a letter or a word of at most %d",
                MARK_NAME_MAX_OCTETS);
        return false;
    }
    JOURNAL_APPEND(j, conn_of(j, at), MARK, 0, at, (struct ev_mark){.name = name});
    return true;
}

bool exec_note(struct console *c, const struct console_call *call)
{
    struct journal *j = console_shown(c);
    struct slice rest = call->args, text = call->args;
    struct slice word = slice_next_word(&rest);
    uint64_t number, at = 0;
    if (!can_be_added_to(c, call->err))
        return false;
    /* A number with a text behind it is a line of the transcript, if there is such a line. */
    if (slice_trim(rest).len > 0 && slice_to_u64(word, UINT32_MAX, &number))
        at = event_of_line(c, number);
    if (at != 0)
        text = slice_trim(rest);
    else
        at = event_here(c);
    if (text.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/note wants text; a number before it is a line");
        return false;
    }
    struct buf shown;
    buf_init(&shown, CONSOLE_LINE_MAX_OCTETS + 16);
    userinfo_mask(text, &shown);
    JOURNAL_APPEND(j, conn_of(j, at), NOTE, 0, at,
                   (struct ev_note){.level = LEVEL_REMARK, .text = buf_slice(&shown)});
    buf_deinit(&shown);
    return true;
}

bool exec_save(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/save wants a file to write");
        return false;
    }
    if (!can_be_added_to(c, call->err))
        return false;
    char *path = mem_slice_dup(call->args);
    struct recorder *r = console_recorder_open(c, console_shown(c), path, call->err);
    bool ok = r && recorder_close(&r, call->err);
    if (ok) {
        char text[240];
        snprintf(text, sizeof text, "saved as %.200s", path);
        journal_note(c->journal, 0, LEVEL_INFO, text, "", "");
    }
    mem_free(path);
    return ok;
}
