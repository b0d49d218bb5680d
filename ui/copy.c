/* Copying out of the transcript: to the terminal's clipboard by OSC 52, and what is too long for
 * that, or asked for by name, to a file. Safe text only, secrets masked, as on the screen. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "ui_private.h"

enum {
    OSC52_MAX_OCTETS =
        74994, /* of base64: more is cut or ignored by terminals; limit "clipboard" */
    COPY_MAX_OCTETS = 1 << 26 /* limit "copy" */
};

static void add_line(struct ui *u, size_t index, struct buf *out)
{
    struct vis_text text;
    vis_init(&text);
    transcript_text(u->transcript.lines, index, ui_vis_flags(u), SIZE_MAX, &text);
    buf_append(out, buf_slice(&text.text));
    buf_append_octet(out, '\n');
    vis_deinit(&text);
}

/* The selected line; where it stands for a folded run, all of it. */
static size_t take_selected(struct ui *u, struct buf *out)
{
    size_t at = u->transcript.selected, count = transcript_count(u->transcript.lines);
    const struct fold_run *run = at < count ? fold_closed_at(u, at) : NULL;
    size_t n = run ? run->n_lines : 1, first = run ? run->first : at;
    for (size_t i = 0; i < n && first + i < count; i++)
        add_line(u, first + i, out);
    return first < count ? n : 0;
}

/* Every line that the filter shows, as it is printed: with time and direction. */
static size_t take_shown(struct ui *u, struct buf *out)
{
    size_t n = 0, count = transcript_count(u->transcript.lines);
    for (size_t i = 0; i < count; i++) {
        if (filter_is_on(u) && !bits_get(&u->transcript.filter.shown, i))
            continue;
        transcript_print(u->transcript.lines, i, out);
        n++;
    }
    return n;
}

static bool write_new(const char *path, struct slice text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok) {
        err_set(err, ERR_FILE, errno, "cannot write %.120s: %s", path, strerror(errno));
        err_explain(err, "", "no file is overwritten; choose another name");
    }
    return ok;
}

static bool to_clipboard(struct slice text)
{
    struct buf sequence;
    buf_init(&sequence, OSC52_MAX_OCTETS + 16);
    buf_append_cstr(&sequence, "\033]52;c;");
    bool ok = text.len <= OSC52_MAX_OCTETS / 4 * 3 && base64_encode(&sequence, text);
    buf_append_octet(&sequence, '\a');
    if (ok)
        terminal_write(buf_cstr(&sequence));
    buf_deinit(&sequence);
    return ok;
}

bool copy_run(struct ui *u, struct slice args, struct err *err)
{
    struct slice rest = slice_trim(args);
    struct slice what = slice_next_word(&rest);
    struct buf text;
    bool shown = slice_eq(what, SLICE_LIT("shown"));
    if (what.len > 0 && !shown && !slice_eq(what, SLICE_LIT("line"))) {
        err_set(err, ERR_USAGE, 0, "copy: line or shown, and a file if you like");
        return false;
    }
    buf_init(&text, COPY_MAX_OCTETS);
    size_t n = shown ? take_shown(u, &text) : take_selected(u, &text);
    char *path = slice_trim(rest).len > 0 ? mem_slice_dup(slice_trim(rest)) : NULL;
    bool ok = n > 0;
    if (!ok) {
        err_set(err, ERR_USAGE, 0, "there is no line to copy");
    } else if (path) {
        ok = write_new(path, buf_slice(&text), err);
        if (ok)
            ui_say(u, false, "%zu line%s copied to %.200s", n, n == 1 ? "" : "s", path);
    } else {
        ok = to_clipboard(buf_slice(&text));
        if (ok)
            ui_say(u, false,
                   "%zu line%s copied to the clipboard (OSC 52, where the terminal takes it)", n,
                   n == 1 ? "" : "s");
        else
            err_set(err, ERR_USAGE, 0,
                    "%zu octets are too many for a clipboard; /copy %s FILE writes them", text.len,
                    shown ? "shown" : "line");
    }
    mem_free(path);
    buf_deinit(&text);
    return ok;
}
