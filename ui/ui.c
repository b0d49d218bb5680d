/* The user interface as a whole: input in, commands out, and when a frame is drawn.
 *
 * Frames: at most one at the end of a turn of the loop; at once after input, else at most 60 a
 * second. A timer runs only while a frame is owed, so an idle program never wakes.
 */
#include "ui/ui.h"

#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ui_private.h"

enum {
    MOUSE_LEFT = 0,
    MOUSE_LEFT_MOVED = 32,
    MOUSE_MOVED = 35,
    MOUSE_WHEEL_UP = 64,
    MOUSE_WHEEL_DOWN = 65
};
enum { FRAME_MS = 16, STATUS_MAX_OCTETS = 1024, STDERR_MAX_OCTETS = 65536 };

void ui_touch(struct ui *u)
{
    u->dirty_input = true;
}

uint64_t ui_now_ns(const struct ui *u)
{
    const struct clock *clock = journal_clock(console_journal(u->console));
    return clock->tick_ns(clock->ctx);
}

unsigned ui_vis_flags(const struct ui *u)
{
    return u->ascii ? VIS_ASCII : 0;
}

void ui_say(struct ui *u, bool bad, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_reset(&u->status);
    buf_append_cstr(&u->status, text);
    u->status_bad = bad;
    ui_touch(u);
}

bool ui_connected(const struct ui *u)
{
    const struct session *s = console_session_const(u->console);
    return s && session_is_up(s);
}

/* While a recording is shown, what the console says of itself is no part of it. */
static void tell_notes(struct ui *u)
{
    const struct journal *own = console_journal(u->console);
    for (; u->told_seq < journal_last(own); u->told_seq++) {
        const struct event *ev = journal_at(own, u->told_seq + 1);
        struct ev_note note;
        if (!ev || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &note);
        ui_say(u, note.level == LEVEL_ERROR, "%.*s%s%.*s", SLICE_ARG(slice_take(note.text, 300)),
               note.next.len ? "; " : "", SLICE_ARG(slice_take(note.next, 150)));
    }
}

void ui_follow_shown(struct ui *u)
{
    struct journal *shown = console_shown(u->console);
    struct replay *r = console_replay(u->console);
    uint64_t generation = r ? replay_generation(r) : 0;
    if (r)
        tell_notes(u);
    if (shown == u->journal && generation == u->seen_generation)
        return;
    bool other = shown != u->journal;
    u->journal = shown;
    u->seen_generation = generation;
    u->seen_seq = 0;
    u->newest_conn = 0;
    if (other) {
        u->replay = r != NULL;
        u->told_seq = journal_last(console_journal(u->console));
        mem_free(u->title);
        u->title = mem_strdup(r ? replay_path(r) : "smtpscope");
    }
    view_deinit(&u->decoded.live);
    view_init(&u->decoded.live, console_shown_conn(u->console));
    view_deinit(&u->decoded.then);
    view_init(&u->decoded.then, 0);
    decoded_pane_forget(u);
    marks_close(u);
    conns_close(u);
    transcript_pane_reset(u, other);
    /* A long recording is read behind the screen: what is there first is shown first. */
    u->transcript.follow = !r || !replay_loading(r);
    u->dirty_data = true;
}

void ui_relayout(struct ui *u)
{
    struct layout_wish wish = {
        .rows = u->rows, .cols = u->cols, .mode = u->mode, .zoom = u->zoom, .pane = u->focus};
    layout_compute(&wish, &u->layout);
    wish.split_percent = u->splits[u->layout.class];
    if (wish.split_percent)
        layout_compute(&wish, &u->layout);
    if (u->focus == PANE_DECODED && u->layout.decoded.rows == 0)
        u->focus = PANE_COMMAND;
    ui_touch(u);
}

/* ---- lines ---- */

void ui_submit(struct ui *u, struct slice text)
{
    command_completion_close(u);
    if (u->replay && !slice_starts(text, SLICE_LIT("/"))) {
        if (text.len > 0)
            ui_say(u, false, "this is a recording: nothing goes out; commands begin with /");
        return;
    }
    if (text.len > 0)
        history_append(u, text);
    if (console_history_allows(u->console, text) && text.len > 0) {
        mem_free(u->last_line);
        u->last_line = mem_slice_dup(text);
    }
    transcript_end(u); /* who acts wants to see what comes of it */
    console_submit(u->console, text, "keys", NULL);
    paste_next_line(u);
    ui_touch(u);
}

/* ---- input ---- */

static bool inside(const struct rect *r, const struct input_unit *unit)
{
    int y = (int)unit->row, x = (int)unit->col;
    return r->rows > 0 && y >= r->y && y < r->y + r->rows && x >= r->x && x < r->x + r->cols;
}

static void take_wheel(struct ui *u, const struct input_unit *unit)
{
    long step = unit->button == MOUSE_WHEEL_UP ? -3 : 3;
    if (inside(&u->layout.decoded, unit))
        u->decoded.scroll =
            step < 0 && u->decoded.scroll < 3 ? 0 : u->decoded.scroll + (size_t)step;
    else
        transcript_move(u, step);
}

/* The border between the panes follows the pointer. */
static void drag(struct ui *u, const struct input_unit *unit)
{
    const struct layout *l = &u->layout;
    char line[40];
    int percent = 0;
    if (l->columns && l->divider_x > 0 && u->cols > l->sessions_x)
        percent = ((int)unit->col - l->sessions_x) * 100 / (u->cols - l->sessions_x);
    else if (l->tabs.rows > 0)
        percent = ((int)unit->row - 1) * 100 / (l->rule.y > 1 ? l->rule.y - 1 : 1);
    snprintf(line, sizeof line, "split %d", percent < 20 ? 20 : percent > 85 ? 85 : percent);
    view_line(u, line);
}

static bool on_border(const struct ui *u, const struct input_unit *unit)
{
    const struct layout *l = &u->layout;
    if (l->columns)
        return l->divider_x > 0 && (int)unit->col == l->divider_x && (int)unit->row > 1 &&
               (int)unit->row < l->rule.y;
    return l->tabs.rows > 0 && (int)unit->row == l->tabs.y;
}

static void take_click(struct ui *u, const struct input_unit *unit)
{
    const char *command = hit_find(u, (int)unit->row, (int)unit->col);
    if (command) {
        char line[sizeof u->hits->command];
        snprintf(line, sizeof line, "%s", command);
        view_line(u, line);
    } else if (on_border(u, unit)) {
        u->dragging = true;
    } else if (inside(&u->layout.decoded, unit)) {
        u->focus = PANE_DECODED;
    } else if (inside(&u->layout.transcript, unit)) {
        u->focus = PANE_TRANSCRIPT;
        size_t index = transcript_at_row(u, (int)unit->row);
        bool again = index == u->transcript.selected && !u->transcript.follow;
        if (again && fold_at(u, index))
            view_line(u, "fold"); /* a second click opens what is folded */
        else if (index != SIZE_MAX)
            transcript_select(u, index);
    } else if (u->layout.prompt.rows > 0 && (int)unit->row >= u->layout.prompt.y) {
        u->focus = PANE_COMMAND;
    }
    ui_relayout(u);
}

static void take_mouse(struct ui *u, const struct input_unit *unit)
{
    if (!unit->press || unit->button == MOUSE_MOVED) {
        u->dragging = false;
    } else if (unit->button == MOUSE_WHEEL_UP || unit->button == MOUSE_WHEEL_DOWN) {
        take_wheel(u, unit);
    } else if (unit->button == MOUSE_LEFT_MOVED && u->dragging) {
        drag(u, unit);
    } else if (unit->button == MOUSE_LEFT && !u->overlay) {
        take_click(u, unit);
    }
}

/* A key that has a meaning only for readline at this moment. */
static bool readline_wants(const struct ui *u, uint32_t key)
{
    /* Ctrl-C is the way out of whatever readline waits for. */
    if (u->focus != PANE_COMMAND || key == KEY_CTRL('c'))
        return false;
    if (line_in_sequence())
        return !(key > KEY_FN(0) && key <= KEY_FN(24));
    if (key == KEY_CTRL('d'))
        return line_text().len > 0;
    if (key == KEY_ESC_CODE)
        return line_is_vi();
    return false;
}

/* Over a recording the keys of time come first, but never while something is being typed. Space
 * goes on being a page, and ' a mark, until time is under control. */
static bool replay_wants(const struct ui *u, uint32_t key)
{
    const struct replay *r = console_replay(u->console);
    if (!r || ((key == ' ' || key == '\'') && !replay_engaged(r)))
        return false;
    return u->focus != PANE_COMMAND || line_text().len == 0;
}

static void take_key(struct ui *u, const struct input_unit *unit)
{
    if (u->overlay && u->overlay->key(u, unit))
        return;
    if (completion_active(u) && unit->key != KEY_TAB_CODE &&
        unit->key != (KEY_TAB_CODE | KEY_SHIFT_BIT)) {
        command_completion_close(u);
        if (unit->key == KEY_ESC_CODE)
            return;
    }
    if (!readline_wants(u, unit->key)) {
        if (unit->key == KEY_RIGHT_CODE && u->focus == PANE_COMMAND && command_accept_ghost(u))
            return;
        const struct key_row *row = replay_wants(u, unit->key) ? keys_find_replay(unit->key) : NULL;
        if (!row)
            row = keys_find(unit->key, u->focus);
        if (row) {
            view_line(u, row->command);
            return;
        }
        /* A letter no pane knows is meant for the command line. */
        if (u->focus != PANE_COMMAND && unit->key >= 0x20 && unit->key < KEY_BASE) {
            u->focus = PANE_COMMAND;
            if (unit->key == ':' || unit->key == 'i')
                return;
        }
        if (u->focus != PANE_COMMAND && unit->key == KEY_ENTER_CODE)
            u->focus = PANE_COMMAND;
    }
    /* C1 is no text, typed or pasted; and readline's vi word motions never end on one. */
    bool c1 = unit->key >= 0x80 && unit->key <= 0x9F;
    if (u->focus == PANE_COMMAND && unit->octets.len > 0 && !c1)
        line_feed(u, unit->octets);
}

static void on_unit(void *ctx, const struct input_unit *unit)
{
    struct ui *u = ctx;
    if (unit->kind == INPUT_KEY && unit->key == KEY_SYNC_CODE) {
        u->sync_wanted = u->test_sync;
        ui_touch(u);
        return;
    }
    if (unit->kind == INPUT_KEY &&
        (unit->key == KEY_FOCUS_IN_CODE || unit->key == KEY_FOCUS_OUT_CODE))
        return;
    ui_touch(u);
    buf_reset(&u->status);
    if (unit->kind == INPUT_PASTE)
        paste_take(u, unit);
    else if (unit->kind == INPUT_MOUSE)
        take_mouse(u, unit);
    else
        take_key(u, unit);
}

static void input_settle(struct ui *u)
{
    unsigned wait_ms = input_wait_ms(&u->input);
    if (wait_ms)
        loop_timer_start(u->input_timer, wait_ms);
    else
        loop_timer_stop(u->input_timer);
}

static void on_input_timer(void *ctx)
{
    struct ui *u = ctx;
    input_timeout(&u->input);
    input_settle(u);
}

/* The terminal is gone: nothing can be asked or shown any more. */
static void terminal_lost(struct ui *u)
{
    u->lost = true;
    loop_watch_set(u->tty_watch, 0);
    loop_stop(u->loop);
}

static void on_tty(void *ctx, unsigned ready)
{
    struct ui *u = ctx;
    uint8_t octets[4096];
    (void)ready;
    ssize_t n = read(STDIN_FILENO, octets, sizeof octets);
    if (n > 0) {
        input_feed(&u->input, slice_of(octets, (size_t)n));
        input_settle(u);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        terminal_lost(u);
    }
}

static void on_stderr(void *ctx, unsigned ready)
{
    struct ui *u = ctx;
    char octets[4096];
    ssize_t n = read(terminal_stderr_fd(), octets, sizeof octets);
    (void)ready;
    if (n <= 0)
        return;
    buf_append(&u->stderr_text, slice_of(octets, (size_t)n));
    ptrdiff_t lf;
    while ((lf = slice_find_octet(buf_slice(&u->stderr_text), '\n')) >= 0 ||
           u->stderr_text.overflow) {
        size_t len = lf >= 0 ? (size_t)lf : u->stderr_text.len;
        char text[480];
        vis_to_cstr(text, sizeof text, slice_trim(slice_take(buf_slice(&u->stderr_text), len)));
        if (*text)
            journal_note(console_journal(u->console), 0, LEVEL_WARNING, text, "", "");
        buf_consume(&u->stderr_text, lf >= 0 ? len + 1 : len);
        u->stderr_text.overflow = false;
    }
}

/* ---- signals ---- */

void ui_take_size(struct ui *u)
{
    int rows = u->rows, cols = u->cols;
    if (!terminal_read_size(&rows, &cols))
        return;
    u->rows = rows;
    u->cols = cols;
    draw_resize(rows, cols);
    line_set_size(rows, cols);
    ui_relayout(u);
}

static void on_signal(void *ctx, int signum)
{
    struct ui *u = ctx;
    /* In an editor the terminal's signals are the editor's; its end brings us back. */
    if (editor_is_open(u) && (signum == SIGINT || signum == SIGTSTP || signum == SIGQUIT ||
                              signum == SIGCONT || signum == SIGWINCH))
        return;
    switch (signum) {
    case SIGWINCH:
        ui_take_size(u);
        break;
    case SIGCONT:
        ui_take_size(u);
        draw_repaint();
        break;
    case SIGTSTP:
        view_line(u, "suspend");
        break;
    default: /* SIGTERM, SIGHUP, SIGINT, SIGQUIT: the screen first, then the caller's way out */
        u->lost = true;
        fatal_run_hooks();
        loop_stop(u->loop);
    }
}

/* ---- frames ---- */

/* Where no connection is ours (a recording, serve --ui), the pane beside the newest line shows that
 * line's connection. Not while a recording is read: each change costs all events so far. */
static void follow_newest(struct ui *u)
{
    const struct replay *r = console_replay(u->console);
    uint32_t newest = u->newest_conn;
    if (console_shown_conn(u->console) != 0 || newest == 0 || newest == u->decoded.live.conn ||
        (r && replay_loading(r)))
        return;
    view_at(&u->decoded.live, u->journal, newest, u->seen_seq);
    decoded_pane_forget(u);
    u->dirty_data = true;
}

static void take_events(struct ui *u)
{
    ui_follow_shown(u);
    uint64_t last = journal_last(u->journal);
    if (last == u->seen_seq) {
        follow_newest(u); /* it may have been read whole since */
        return;
    }
    uint64_t seq = u->seen_seq + 1;
    if (seq < journal_first(u->journal))
        seq = journal_first(u->journal);
    uint32_t conn = console_shown_conn(u->console);
    if (conn != 0 && conn != u->decoded.live.conn) {
        /* What passed on it while another was looked at. */
        view_at(&u->decoded.live, u->journal, conn, u->seen_seq);
        decoded_pane_forget(u);
    }
    for (; seq <= last; seq++) {
        const struct event *ev = journal_at(u->journal, seq);
        if (!ev)
            continue;
        decoded_pane_update(u, ev);
        marks_take(u, ev);
        conns_take(u, ev);
        if (ev->conn != 0 && !(ev->flags & EVENT_FLAG_BACKSTAGE))
            u->newest_conn = ev->conn;
    }
    u->seen_seq = last;
    follow_newest(u);
    history_follow(u);
    transcript_pane_update(u);
    u->dirty_data = true;
}

static bool out_ready(struct ui *u)
{
    bool ready = terminal_flush();
    if (u->out_watch)
        loop_watch_set(u->out_watch, ready ? 0 : LOOP_WRITABLE);
    return ready || !u->out_watch;
}

static void draw_frame(struct ui *u)
{
    u->in_frame = true;
    transcript_settle(u);
    u->n_hits = 0;
    draw_begin(u);
    frame_draw(u);
    header_draw(u);
    conns_draw(u);
    transcript_pane_draw(u);
    decoded_pane_draw(u);
    command_pane_draw(u);
    footer_draw(u);
    if (u->overlay)
        u->overlay->draw(u);
    draw_end(u);
    u->dirty_input = u->dirty_data = u->in_frame = false;
    u->last_frame_ns = ui_now_ns(u);
    if (u->sync_wanted) {
        char marker[48];
        u->sync_wanted = false;
        snprintf(marker, sizeof marker, "\033]777;sync;%u\a", ++u->sync_count);
        terminal_write(marker);
    }
    out_ready(u);
}

static void on_frame_timer(void *ctx)
{
    (void)ctx; /* the turn's end draws */
}

static void on_out(void *ctx, unsigned ready)
{
    (void)ready;
    out_ready(ctx); /* the turn's end draws what is owed */
}

static void on_turn_end(void *ctx)
{
    struct ui *u = ctx;
    if (u->lost)
        return;
    take_events(u);
    /* A terminal that takes nothing gets no more frames until it does. */
    if (editor_is_open(u) || !out_ready(u))
        return;
    if (u->dirty_input) {
        loop_timer_stop(u->frame_timer);
        draw_frame(u);
    } else if (u->dirty_data) {
        uint64_t since_ms = (ui_now_ns(u) - u->last_frame_ns) / 1000000;
        if (since_ms >= FRAME_MS)
            draw_frame(u);
        else if (!loop_timer_active(u->frame_timer))
            loop_timer_start(u->frame_timer, FRAME_MS - since_ms);
    }
}

/* ---- what the console asks of us ---- */

static void console_asks(void *ctx, const char *prompt, bool secret,
                         void (*answer)(void *answer_ctx, const char *text), void *answer_ctx)
{
    question_open(ctx, prompt, secret, answer, answer_ctx);
}

static bool console_views(void *ctx, const char *command, struct slice args, struct err *err)
{
    struct ui *u = ctx;
    ui_touch(u);
    return view_run(u, slice_cstr(command), args, err);
}

static uint64_t console_selects(void *ctx)
{
    const struct ui *u = ctx;
    size_t index = u->transcript.selected, count = transcript_count(u->transcript.lines);
    return index < count ? transcript_at(u->transcript.lines, index)->seq : 0;
}

static void console_compares(void *ctx, struct diff_page *page)
{
    diff_pane_open(ctx, page);
}

static void console_pages(void *ctx, const char *title, struct slice text)
{
    pager_open(ctx, title, text);
}

/* What does not read is said once and left out. */
static void apply_bindings(struct ui *u)
{
    const struct settings *s = console_settings(u->console);
    struct err err;
    keys_unbind_all();
    for (size_t i = 0; i < settings_list_count(s, SETTING_ID_bind); i++) {
        err_clear(&err);
        if (!keys_bind(slice_cstr(settings_list_at(s, SETTING_ID_bind, i)), &err))
            ui_say(u, true, "%s", err.text);
    }
}

void ui_apply_settings(struct ui *u)
{
    const struct settings *s = console_settings(u->console);
    static const char *const layouts[] = {"auto", "wide", "stacked", "transcript", "big"};
    static const char *const times[] = {"relative", "delta", "absolute", "off"};
    enum theme theme = theme_by_name(slice_cstr(settings_text(s, SETTING_ID_theme)));
    u->theme = theme == THEME__COUNT ? THEME_DARK : theme;
    u->ascii = settings_bool(s, SETTING_ID_ascii) || !u->utf8;
    for (int i = 0; i < LAYOUT__COUNT; i++)
        if (strcmp(layouts[i], settings_text(s, SETTING_ID_layout)) == 0)
            u->mode = (enum layout_mode)i;
    for (int i = 0; i < TIME__COUNT; i++)
        if (strcmp(times[i], settings_text(s, SETTING_ID_time)) == 0)
            u->transcript.time = (enum time_mode)i;
    terminal_mouse(settings_bool(s, SETTING_ID_mouse));
    apply_bindings(u);
    ui_relayout(u);
}

static void settings_changed(void *ctx)
{
    ui_apply_settings(ctx);
}

static void console_quits(void *ctx)
{
    ui_touch(ctx);
}

static const struct console_ui console_side = {.ask = console_asks,
                                               .view = console_views,
                                               .page = console_pages,
                                               .selected = console_selects,
                                               .diff = console_compares,
                                               .settings_changed = settings_changed,
                                               .quit = console_quits};

/* ---- opening and closing ---- */

static void listen_to(struct ui *u)
{
    static const int signals[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        u->signals[u->n_signals++] = loop_signal_new(u->loop, signals[i], on_signal, u);
    u->tty_watch = loop_watch_new(u->loop, STDIN_FILENO, LOOP_READABLE, on_tty, u);
    if (terminal_stderr_fd() >= 0)
        u->stderr_watch =
            loop_watch_new(u->loop, terminal_stderr_fd(), LOOP_READABLE, on_stderr, u);
    if (terminal_out_fd() >= 0)
        u->out_watch = loop_watch_new(u->loop, terminal_out_fd(), 0, on_out, u);
    u->input_timer = loop_timer_new(u->loop, on_input_timer, u);
    u->frame_timer = loop_timer_new(u->loop, on_frame_timer, u);
    loop_add_turn_end(u->loop, on_turn_end, u);
    console_set_ui(u->console, &console_side, u);
}

static struct ui *ui_new(struct loop *l, struct console *c, const struct ui_options *options)
{
    struct ui *u = mem_zalloc(sizeof *u);
    u->loop = l;
    u->console = c;
    u->journal = NULL; /* ui_follow_shown */
    u->title = mem_strdup(options->title);
    u->history_path = mem_strdup(options->history_path);
    u->screen_path = mem_strdup(options->screen_path);
    u->draft_path = mem_strdup(options->draft_path);
    u->editor = mem_strdup(options->editor);
    u->replay = options->replay;
    u->test_sync = options->test_sync;
    u->no_color = options->no_color;
    u->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    u->completion_at = SIZE_MAX;
    u->decoded.tab = TAB_AUTO;
    vis_init(&u->scratch);
    console_hint_init(&u->hint);
    buf_init(&u->hint_line, 1 << 20);
    buf_init(&u->paste, INPUT_PASTE_MAX_OCTETS + 1);
    buf_init(&u->page_text, 1 << 22);
    buf_init(&u->status, STATUS_MAX_OCTETS);
    buf_init(&u->stderr_text, STDERR_MAX_OCTETS);
    input_init(&u->input, on_unit, u);
    view_init(&u->decoded.live, 0);
    view_init(&u->decoded.then, 0);
    return u;
}

static void ui_free(struct ui *u)
{
    view_deinit(&u->decoded.live);
    view_deinit(&u->decoded.then);
    input_deinit(&u->input);
    console_completion_deinit(&u->completion);
    console_hint_deinit(&u->hint);
    vis_deinit(&u->scratch);
    mem_wipe(&u->field, sizeof u->field);
    struct buf *const bufs[] = {&u->hint_line, &u->paste, &u->page_text, &u->status,
                                &u->stderr_text};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_deinit(bufs[i]);
    mem_free(u->title);
    mem_free(u->history_path);
    mem_free(u->history_file);
    mem_free(u->screen_path);
    mem_free(u->draft_path);
    mem_free(u->editor);
    mem_free(u->last_line);
    mem_free(u->page_title);
    mem_free(u->question);
    mem_free(u);
}

struct ui *ui_open(struct loop *l, struct console *c, const struct ui_options *options,
                   struct err *err)
{
    char notice[160];
    if (!terminal_open(options->term, notice, sizeof notice, err))
        return NULL;
    struct ui *u = ui_new(l, c, options);
    if (!line_open(u, terminal_name()) || !terminal_curses(err)) {
        line_close();
        terminal_close();
        ui_free(u);
        return NULL;
    }
    theme_start();
    u->rows = 24;
    u->cols = 80;
    terminal_read_size(&u->rows, &u->cols);
    draw_start(u);
    line_set_size(u->rows, u->cols);
    ui_follow_shown(u);
    listen_to(u);
    splits_load(u);
    ui_apply_settings(u);
    history_follow(u);
    if (*notice)
        ui_say(u, true, "%s", notice);
    take_events(u);
    draw_frame(u);
    return u;
}

void ui_close(struct ui **up)
{
    struct ui *u = *up;
    if (!u)
        return;
    *up = NULL;
    console_set_ui(u->console, NULL, NULL);
    overlay_close(u);
    diff_pane_close(u);
    loop_remove_turn_end(u->loop, on_turn_end, u);
    loop_watch_free(&u->tty_watch);
    if (u->out_watch)
        loop_watch_free(&u->out_watch);
    if (u->stderr_watch)
        loop_watch_free(&u->stderr_watch);
    loop_timer_free(&u->input_timer);
    loop_timer_free(&u->frame_timer);
    for (size_t i = 0; i < u->n_signals; i++)
        loop_signal_free(&u->signals[i]);
    keys_unbind_all();
    editor_close(u);
    transcript_pane_close(u);
    marks_close(u);
    conns_close(u);
    decoded_pane_close(u);
    splits_save(u);
    terminal_close();
    line_close();
    ui_free(u);
}
