/* What the screen can do, by name: the keys run these, and the console passes /zoom, /find and
 * their like on to them. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

typedef bool (*view_fn)(struct ui *u, struct slice args, struct err *err);
struct view_command {
    const char *name;
    view_fn run;
};

static bool is(struct slice args, const char *word)
{
    return slice_eq(slice_trim(args), slice_cstr(word));
}

static bool unknown_word(struct err *err, const char *what, const char *words)
{
    err_set(err, ERR_USAGE, 0, "%s: one of %s", what, words);
    return false;
}

static bool do_scroll(struct ui *u, struct slice args, struct err *err)
{
    struct transcript_pane *t = &u->transcript;
    if (u->focus == PANE_DECODED) {
        size_t page = u->layout.decoded.rows > 1 ? (size_t)u->layout.decoded.rows - 1 : 1;
        size_t step = is(args, "page-up") || is(args, "page-down") ? page : 1;
        if (is(args, "home"))
            u->decoded.scroll = 0;
        else if (is(args, "up") || is(args, "page-up"))
            u->decoded.scroll -= step < u->decoded.scroll ? step : u->decoded.scroll;
        else
            u->decoded.scroll += step;
        return true;
    }
    if (is(args, "up"))
        transcript_move(u, -1);
    else if (is(args, "down"))
        transcript_move(u, 1);
    else if (is(args, "page-up"))
        transcript_page(u, -1);
    else if (is(args, "page-down"))
        transcript_page(u, 1);
    else if (is(args, "home"))
        transcript_home(u);
    else if (is(args, "left"))
        t->skip_octets -= t->skip_octets < 16 ? t->skip_octets : 16;
    else if (is(args, "right"))
        t->skip_octets += t->skip_octets < TRANSCRIPT_LINE_MAX_OCTETS ? 16 : 0;
    else
        return unknown_word(err, "scroll", "up down page-up page-down home left right");
    return true;
}

static bool is_command(const struct transcript_line *line)
{
    return line->kind == TRANSCRIPT_LINE && line->dir == DIR_C;
}

static bool is_error(const struct transcript_line *line)
{
    return (line->flags & (TRANSCRIPT_REPLY_BAD | TRANSCRIPT_DEVIANT)) != 0 ||
           line->kind == TRANSCRIPT_DEVIATION;
}

static bool is_deviation(const struct transcript_line *line)
{
    return (line->flags & TRANSCRIPT_DEVIANT) != 0 || line->kind == TRANSCRIPT_DEVIATION;
}

struct jump {
    const char *word;
    int direction;
    bool round; /* from the end to the other end again */
    bool (*wanted)(const struct transcript_line *line);
    const char *none;
};
static const struct jump jumps[] = {
    {"next-command", 1, false, is_command, "no command further on"},
    {"previous-command", -1, false, is_command, "no command further back"},
    {"next-error", 1, true, is_error, "no error in this transcript"},
    {"previous-error", -1, true, is_error, "no error in this transcript"},
    {"next-deviation", 1, true, is_deviation, "nobody broke a rule in this transcript"},
    {"previous-deviation", -1, true, is_deviation, "nobody broke a rule in this transcript"},
};

static const struct line_bits *jump_among(const struct ui *u, const struct jump *j)
{
    return j->wanted == is_command ? &u->transcript.commands : &u->transcript.errors;
}

static bool jump_round(struct ui *u, const struct jump *j)
{
    size_t was = u->transcript.selected, count = transcript_count(u->transcript.lines);
    if (count == 0)
        return false;
    bool followed = u->transcript.follow;
    size_t end = j->direction > 0 ? 0 : count - 1;
    transcript_select(u, end);
    if (j->wanted(transcript_at(u->transcript.lines, end)) ||
        transcript_jump(u, j->direction, jump_among(u, j), j->wanted))
        return true;
    transcript_select(u, was);
    u->transcript.follow = followed;
    return false;
}

static bool do_select(struct ui *u, struct slice args, struct err *err)
{
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        const struct jump *j = &jumps[i];
        if (!is(args, j->word))
            continue;
        if (!transcript_jump(u, j->direction, jump_among(u, j), j->wanted) &&
            !(j->round && jump_round(u, j)))
            ui_say(u, false, "%s", j->none);
        return true;
    }
    return unknown_word(err, "select",
                        "next-command previous-command next-error previous-error next-deviation "
                        "previous-deviation");
}

static bool do_follow(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    transcript_end(u);
    return true;
}

static bool do_goto(struct ui *u, struct slice args, struct err *err)
{
    uint64_t n;
    size_t count = transcript_count(u->transcript.lines);
    struct slice rest = slice_trim(args);
    if (slice_eq(slice_next_word(&rest), SLICE_LIT("mark"))) {
        char name[40];
        const struct mark *mark = mark_by_name(u, slice_trim(rest));
        if (mark && count > 0) {
            transcript_select(u, transcript_find_seq(u->transcript.lines, mark->seq));
            return true;
        }
        vis_to_cstr(name, sizeof name, slice_trim(rest));
        err_set(err, ERR_USAGE, 0, "no mark %s; m and a letter set one", name);
        return false;
    }
    if (!slice_to_u64(slice_trim(args), UINT32_MAX, &n) || n == 0) {
        err_set(err, ERR_USAGE, 0, "goto wants a line number, 1 to %zu, or mark NAME", count);
        return false;
    }
    transcript_select(u, n > count ? count : (size_t)n - 1);
    return true;
}

static bool do_find(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    args = slice_trim(args);
    if (args.len == 0)
        find_open(u);
    else
        find_start(u, args, true);
    return true;
}

static bool do_find_next(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    find_step(u, 1);
    return true;
}

static bool do_find_previous(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    find_step(u, -1);
    return true;
}

static bool do_filter(struct ui *u, struct slice args, struct err *err)
{
    args = slice_trim(args);
    if (args.len == 0) {
        filter_open(u);
        return true;
    }
    if (slice_eq(args, SLICE_LIT("off")))
        args = (struct slice){0};
    if (!filter_set(u, args, err))
        return false;
    transcript_settle(u);
    return true;
}

static bool do_mark_key(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    mark_key_open(u, is(args, "goto"));
    return true;
}

static bool do_wrap(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    u->transcript.wrap = is(args, "on") || (args.len == 0 && !u->transcript.wrap);
    u->transcript.skip_octets = 0;
    ui_say(u, false, "long lines: %s", u->transcript.wrap ? "wrapped" : "cut, Left and Right move");
    return true;
}

static bool do_line_ends(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    u->transcript.eol = is(args, "on") || (args.len == 0 && !u->transcript.eol);
    ui_say(u, false, "line ends: %s", u->transcript.eol ? "shown" : "not shown");
    return true;
}

/* "0010 65 78 61 6d ...  exam": as many octets a row as fit, 16, 8 or 4. */
static void hex_rows(struct slice octets, size_t row_cols, struct buf *out)
{
    size_t n_row = row_cols >= 72 ? 16 : row_cols >= 39 ? 8 : 4;
    for (size_t at = 0; at < octets.len; at += n_row) {
        buf_printf(out, "%04zx", at);
        for (size_t i = 0; i < n_row; i++) {
            if (at + i < octets.len)
                buf_printf(out, "%s %02x", i == 8 ? " " : "", octets.ptr[at + i]);
            else
                buf_append_cstr(out, i == 8 ? "    " : "   ");
        }
        buf_append_cstr(out, "  ");
        for (size_t i = at; i < at + n_row && i < octets.len; i++)
            buf_append_octet(out,
                             octets.ptr[i] >= 0x20 && octets.ptr[i] < 0x7F ? octets.ptr[i] : '.');
        buf_append_octet(out, '\n');
    }
}

static bool do_hex(struct ui *u, struct slice args, struct err *err)
{
    uint64_t n;
    size_t index = u->transcript.selected, count = transcript_count(u->transcript.lines);
    args = slice_trim(args);
    if (args.len > 0) {
        if (!slice_to_u64(args, UINT32_MAX, &n) || n == 0 || n > count) {
            err_set(err, ERR_USAGE, 0, "hex wants a line number, 1 to %zu", count);
            return false;
        }
        index = (size_t)n - 1;
    }
    struct buf octets, page;
    char title[64];
    buf_init(&octets, TRANSCRIPT_LINE_MAX_OCTETS + 16);
    buf_init(&page, 8 * (TRANSCRIPT_LINE_MAX_OCTETS + 16));
    bool have = index < count && transcript_octets(u->transcript.lines, index, &octets);
    if (have && octets.len > 0) {
        hex_rows(buf_slice(&octets), pager_cols(u), &page);
        snprintf(title, sizeof title, "Line %zu: %zu octets, secrets masked", index + 1,
                 octets.len);
        pager_open(u, title, buf_slice(&page));
    } else {
        ui_say(u, false, "this line is not made of octets of the connection");
    }
    buf_deinit(&octets);
    buf_deinit(&page);
    return true;
}

static void fold_all(struct ui *u, enum fold_mode mode)
{
    struct transcript_pane *t = &u->transcript;
    t->fold = mode;
    for (size_t i = 0; i < t->n_runs; i++)
        t->runs[i].folded = -1;
    ui_say(u, false, "folds: %s",
           mode == FOLD_ALL    ? "all closed"
           : mode == FOLD_NONE ? "all open"
                               : "long ones closed");
}

/* Where something can be folded: this. Elsewhere, or with `all`: everything. */
static bool do_fold(struct ui *u, struct slice args, struct err *err)
{
    struct transcript_pane *t = &u->transcript;
    struct fold_run *run = t->follow ? NULL : fold_at(u, t->selected);
    if (is(args, "all") || is(args, "none") || is(args, "auto")) {
        fold_all(u, is(args, "all") ? FOLD_ALL : is(args, "none") ? FOLD_NONE : FOLD_AUTO);
        return true;
    }
    if (args.len > 0)
        return unknown_word(err, "fold", "all none auto");
    if (run && run->n_lines > 1) {
        run->folded = !fold_is_closed(u, run);
        if (run->folded)
            transcript_select(u, run->first);
        return true;
    }
    if (t->n_runs == 0)
        ui_say(u, false, "there is nothing to fold");
    else
        fold_all(u, t->fold == FOLD_AUTO ? FOLD_ALL : t->fold == FOLD_ALL ? FOLD_NONE : FOLD_AUTO);
    return true;
}

static bool do_open_line(struct ui *u, struct slice args, struct err *err)
{
    const struct fold_run *run = fold_at(u, u->transcript.selected);
    return run && run->n_lines > 1 ? do_fold(u, args, err) : do_hex(u, (struct slice){0}, err);
}

static bool do_layout(struct ui *u, struct slice args, struct err *err)
{
    char word[32];
    args = slice_trim(args);
    vis_to_cstr(word, sizeof word, args);
    if (!settings_set(console_settings(u->console), SETTING_ID_layout, word, err))
        return false;
    u->zoom = false;
    ui_apply_settings(u);
    return true;
}

static bool do_theme(struct ui *u, struct slice args, struct err *err)
{
    char word[32];
    vis_to_cstr(word, sizeof word, slice_trim(args));
    if (!settings_set(console_settings(u->console), SETTING_ID_theme, word, err))
        return false;
    ui_apply_settings(u);
    return true;
}

static bool do_tab(struct ui *u, struct slice args, struct err *err)
{
    enum tab now = decoded_tab(u);
    u->decoded.scroll = 0;
    if (is(args, "next"))
        u->decoded.tab = (enum tab)((now + 1) % TAB__COUNT);
    else if (is(args, "previous"))
        u->decoded.tab = (enum tab)((now + TAB__COUNT - 1) % TAB__COUNT);
    else if (is(args, "auto") || slice_trim(args).len == 0)
        u->decoded.tab = TAB_AUTO;
    else if (decoded_tab_by_name(slice_trim(args)) != TAB__COUNT)
        u->decoded.tab = decoded_tab_by_name(slice_trim(args));
    else
        return unknown_word(err, "tab",
                            "auto why envelope message tls certificates capabilities "
                            "session timing deviations");
    return true;
}

static bool do_zoom(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    u->zoom = !u->zoom;
    ui_relayout(u);
    return true;
}

static bool do_ladder(struct ui *u, struct slice args, struct err *err)
{
    struct slice rest = slice_trim(args);
    struct slice word = slice_next_word(&rest);
    if (slice_eq(word, SLICE_LIT("export")) && slice_trim(rest).len > 0) {
        char *path = mem_slice_dup(slice_trim(rest));
        bool ok = ladder_export(u, path, err);
        mem_free(path);
        return ok;
    }
    if (word.len > 0 && !slice_eq(word, SLICE_LIT("scale")))
        return unknown_word(err, "ladder", "scale, or export FILE");
    if (word.len > 0)
        u->ladder_scale = !u->ladder_scale;
    ladder_open(u);
    return true;
}

static bool do_keys(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    help_open(u);
    return true;
}

static bool do_copy(struct ui *u, struct slice args, struct err *err)
{
    return copy_run(u, args, err);
}

static bool do_compose(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    return editor_compose(u, err);
}

static bool do_edit_line(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    return editor_line(u, err);
}

static bool do_palette(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    palette_open(u);
    return true;
}

static bool do_bind(struct ui *u, struct slice args, struct err *err)
{
    args = slice_trim(args);
    if (args.len == 0) {
        help_open(u);
        return true;
    }
    /* Kept as a setting: what /show and the config file know. */
    if (!keys_bind(args, err))
        return false;
    char *value = mem_slice_dup(args);
    bool ok = settings_set(console_settings(u->console), SETTING_ID_bind, value, err);
    mem_free(value);
    return ok;
}

static bool do_pane(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    if (is(args, "command"))
        u->focus = PANE_COMMAND;
    else if (is(args, "transcript"))
        u->focus = PANE_TRANSCRIPT;
    else
        u->focus = (enum layout_pane)((u->focus + 1) % PANE__COUNT);
    if (u->focus == PANE_DECODED && u->layout.decoded.rows == 0 && !u->zoom)
        u->focus = PANE_COMMAND;
    ui_relayout(u);
    return true;
}

static bool do_split(struct ui *u, struct slice args, struct err *err)
{
    static const int defaults[LAYOUT_CLASS__COUNT] = {70, 62, 58};
    enum layout_class class = u->layout.class;
    uint64_t percent;
    int now = u->splits[class] ? u->splits[class] : defaults[class];
    args = slice_trim(args);
    if (slice_to_u64(args, 100, &percent))
        now = (int)percent;
    else if (is(args, "larger") || is(args, "smaller"))
        now += is(args, "larger") ? 4 : -4;
    else if (is(args, "reset"))
        now = 0;
    else
        return unknown_word(err, "split", "larger smaller reset, or percent for the transcript");
    u->splits[class] = now == 0 ? 0 : now < 20 ? 20 : now > 85 ? 85 : now;
    u->splits_changed = true;
    ui_relayout(u);
    return true;
}

static bool do_time(struct ui *u, struct slice args, struct err *err)
{
    static const char *const words[TIME__COUNT] = {"relative", "delta", "absolute", "off"};
    int mode = ((int)u->transcript.time + 1) % TIME__COUNT;
    if (args.len) {
        for (mode = 0; mode < TIME__COUNT && !is(args, words[mode]);)
            mode++;
        if (mode == TIME__COUNT) {
            err_set(err, ERR_USAGE, 0, "the time column is relative, delta, absolute or off");
            return false;
        }
    }
    u->transcript.time = (enum time_mode)mode;
    settings_set(console_settings(u->console), SETTING_ID_time, words[u->transcript.time], NULL);
    ui_say(u, false, "time column: %s", words[u->transcript.time]);
    return true;
}

static bool do_again(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    if (u->last_line) {
        char *copy = mem_strdup(u->last_line);
        ui_submit(u, slice_cstr(copy));
        mem_free(copy);
    } else
        ui_say(u, false, "nothing was sent yet that could be sent again");
    return true;
}

static bool do_leave(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    if (ui_connected(u) && !u->replay)
        quit_ask(u);
    else
        console_submit(u->console, SLICE_LIT("/quit"), "keys", NULL);
    return true;
}

static bool do_history(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    history_overlay_open(u);
    return true;
}

static bool do_complete(struct ui *u, struct slice args, struct err *err)
{
    (void)err;
    command_complete(u, is(args, "back"));
    return true;
}

static bool do_repaint(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    (void)u;
    draw_repaint();
    return true;
}

static bool do_suspend(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    terminal_suspend();
    int rows = u->rows, cols = u->cols;
    if (terminal_read_size(&rows, &cols)) {
        u->rows = rows;
        u->cols = cols;
        draw_resize(rows, cols);
        ui_relayout(u);
    }
    draw_repaint();
    return true;
}

static bool do_cancel(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    bool had_line = line_text().len > 0;
    u->paste_editing = false;
    buf_reset(&u->paste);
    line_clear();
    u->focus = PANE_COMMAND;
    ui_relayout(u);
    if (!had_line && !console_interrupt(u->console))
        ui_say(u, false, "nothing runs; Ctrl-d or F10 leaves the program");
    return true;
}

/* What was compared last; before that the command line is made ready for it. */
static bool do_compare(struct ui *u, struct slice args, struct err *err)
{
    (void)args;
    (void)err;
    if (!diff_pane_again(u)) {
        line_set("/diff ");
        u->focus = PANE_COMMAND;
        ui_say(u, false, "/diff FILE compares this session with a recording");
    }
    return true;
}

/* The console's own: a key is only a short way to type it. */
static bool do_replay(struct ui *u, struct slice args, struct err *err)
{
    char line[80];
    snprintf(line, sizeof line, "/replay %.*s", SLICE_ARG(slice_take(slice_trim(args), 60)));
    return console_submit(u->console, slice_cstr(line), "keys", err);
}

static const struct view_command commands[] = {
    {"replay", do_replay},
    {"compare", do_compare},
    {"scroll", do_scroll},
    {"select", do_select},
    {"follow", do_follow},
    {"goto", do_goto},
    {"find", do_find},
    {"find-next", do_find_next},
    {"find-previous", do_find_previous},
    {"filter", do_filter},
    {"mark-key", do_mark_key},
    {"wrap", do_wrap},
    {"line-ends", do_line_ends},
    {"hex", do_hex},
    {"fold", do_fold},
    {"unfold", do_open_line},
    {"layout", do_layout},
    {"theme", do_theme},
    {"tab", do_tab},
    {"zoom", do_zoom},
    {"ladder", do_ladder},
    {"keys", do_keys},
    {"palette", do_palette},
    {"copy", do_copy},
    {"compose", do_compose},
    {"edit-line", do_edit_line},
    {"bind", do_bind},
    {"pane", do_pane},
    {"split", do_split},
    {"time", do_time},
    {"again", do_again},
    {"leave", do_leave},
    {"history", do_history},
    {"complete", do_complete},
    {"repaint", do_repaint},
    {"suspend", do_suspend},
    {"cancel", do_cancel},
};

static bool view_has(struct slice command)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_eq(command, slice_cstr(commands[i].name)))
            return true;
    return false;
}

bool view_run(struct ui *u, struct slice command, struct slice args, struct err *err)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_eq(command, slice_cstr(commands[i].name)))
            return commands[i].run(u, args, err);
    err_set(err, ERR_USAGE, 0, "the screen has no command %.*s",
            SLICE_ARG(slice_take(command, 40)));
    return false;
}

bool view_line(struct ui *u, const char *text)
{
    struct err err;
    err_clear(&err);
    struct slice rest = slice_cstr(text);
    struct slice command = slice_next_word(&rest);
    if (!view_has(command)) { /* a command of the console, bound to a key */
        char *typed = mem_printf("/%s", text);
        bool ok = console_submit(u->console, slice_cstr(typed), "keys", NULL);
        mem_free(typed);
        ui_touch(u);
        return ok;
    }
    bool done = view_run(u, command, rest, &err);
    if (!done)
        ui_say(u, true, "%s", err.text);
    ui_touch(u);
    return done;
}
