/* readline by its callback interface, kept off the screen: it edits a line and knows all its keys,
 * we draw.
 *
 * What readline would do on a terminal of its own and must not do here, each seen to break a screen
 * or to crash: its searches (a nested reader that longjmps into a dead frame when a key is not
 * bound), keys without a function (the same way out), its own bracketed paste (loops on a one-octet
 * getc), its completion lists, clear-screen, keyboard macros and dumps (print), the blinking
 * parenthesis (sleeps). So after rl_initialize, which read the person's inputrc, every keymap is
 * walked: functions of the table below are replaced wherever they are bound, and every empty slot
 * gets one that does nothing.
 *
 * readline's state is global and so is this file's. Its calls come back inside
 * rl_callback_read_char, where nothing may be done but to remember what was asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <readline/readline.h>
#include <readline/history.h>

#include "ui_private.h"

enum request { REQUEST_NONE, REQUEST_HISTORY, REQUEST_COMPLETE, REQUEST_REPAINT };
enum { QUEUE_OCTETS = 256, LINE_MAX_OCTETS = 65536, KEYMAP_DEPTH_MAX = 8, KEYMAPS_MAX = 128 };

static struct {
    struct ui *u;
    uint8_t queue[QUEUE_OCTETS];
    size_t head, tail;
    char *accepted; /* a line that was finished, not yet handed on */
    enum request request;
    FILE *sink;
    Keymap walked[KEYMAPS_MAX];
    size_t n_walked;
} line;

/* ---- what readline calls ---- */

static int take_octet(FILE *stream)
{
    (void)stream;
    return line.head < line.tail ? line.queue[line.head++] : EOF;
}

static int octets_wait(void)
{
    return line.head < line.tail;
}

static void nothing_to_draw(void)
{
}

static void on_line(char *text)
{
    if (!text) /* end of file: Ctrl-D is a key of ours */
        return;
    mem_free(line.accepted);
    line.accepted = mem_strdup(text);
    free(text); /* library memory */
}

static int do_nothing(int count, int key)
{
    (void)count;
    (void)key;
    return 0;
}

static int ask_history(int count, int key)
{
    (void)count;
    (void)key;
    line.request = REQUEST_HISTORY;
    return 0;
}

static int ask_complete(int count, int key)
{
    (void)count;
    (void)key;
    line.request = REQUEST_COMPLETE;
    return 0;
}

static int ask_repaint(int count, int key)
{
    (void)count;
    (void)key;
    line.request = REQUEST_REPAINT;
    return 0;
}

/* vi's e and E, by words of non-blanks. readline's own never ends where a character takes no column
 * (an emoji's joiner, a control character): it steps and does not get on. */
static int end_of_word(int count, int key)
{
    (void)key;
    for (; count > 0 && rl_point < rl_end; count--) {
        int at = rl_point + 1;
        while (at < rl_end && (rl_line_buffer[at] == ' ' || rl_line_buffer[at] == '\t'))
            at++;
        while (at < rl_end && rl_line_buffer[at] != ' ' && rl_line_buffer[at] != '\t')
            at++;
        /* On the last character, not behind it; never inside one. */
        for (at--; at > 0 && ((unsigned char)rl_line_buffer[at] & 0xC0) == 0x80;)
            at--;
        rl_point = at > rl_point ? at : rl_point;
    }
    return 0;
}

struct replacement {
    const char *name;
    rl_command_func_t *by;
};
static const struct replacement replacements[] = {
    {"reverse-search-history", ask_history},
    {"forward-search-history", ask_history},
    {"non-incremental-reverse-search-history", ask_history},
    {"non-incremental-forward-search-history", ask_history},
    {"non-incremental-reverse-search-history-again", ask_history},
    {"non-incremental-forward-search-history-again", ask_history},
    {"vi-end-word", end_of_word},
    {"vi-eword", end_of_word},
    {"vi-eWord", end_of_word},
    {"vi-search", ask_history},
    {"vi-search-again", ask_history},
    {"complete", ask_complete},
    {"possible-completions", ask_complete},
    {"insert-completions", ask_complete},
    {"menu-complete", ask_complete},
    {"menu-complete-backward", ask_complete},
    {"old-menu-complete", ask_complete},
    {"vi-complete", ask_complete},
    {"delete-char-or-list", do_nothing},
    {"clear-screen", ask_repaint},
    {"clear-display", ask_repaint},
    {"redraw-current-line", ask_repaint},
    {"start-kbd-macro", do_nothing},
    {"end-kbd-macro", do_nothing},
    {"call-last-kbd-macro", do_nothing},
    {"print-last-kbd-macro", do_nothing},
    {"dump-functions", do_nothing},
    {"dump-variables", do_nothing},
    {"dump-macros", do_nothing},
    {"re-read-init-file", do_nothing},
    {"tty-status", do_nothing},
    {"bracketed-paste-begin", do_nothing},
    {"edit-and-execute-command", do_nothing},
    {"vi-edit-and-execute-command", do_nothing},
    {"emacs-edit-and-execute-command", do_nothing},
    {"execute-named-command", do_nothing},
    {"operate-and-get-next", do_nothing},
    {"vi-eof-maybe", do_nothing},
    {"abort", do_nothing},
};
enum { N_REPLACEMENTS = sizeof replacements / sizeof replacements[0] };

static const char *const variables[][2] = {
    {"enable-bracketed-paste", "off"}, {"bell-style", "none"},
    {"completion-query-items", "0"},   {"page-completions", "off"},
    {"blink-matching-paren", "off"},   {"echo-control-characters", "off"},
    {"show-mode-in-prompt", "off"},    {"enable-keypad", "off"},
    {"enable-meta-key", "off"},        {"show-all-if-ambiguous", "off"},
    {"mark-modified-lines", "off"},
};

/* Keys every terminal sends and readline learns only from an inputrc. */
static const char *const extra_keys[][2] = {
    {"\\e[3~", "delete-char"},       {"\\e[1~", "beginning-of-line"}, {"\\e[4~", "end-of-line"},
    {"\\e[7~", "beginning-of-line"}, {"\\e[8~", "end-of-line"},       {"\\e[1;5C", "forward-word"},
    {"\\e[1;5D", "backward-word"},   {"\\e[3;5~", "kill-word"},
};

/* ---- hardening ---- */

static void walk_keymap(Keymap map, unsigned depth)
{
    static rl_command_func_t *functions[N_REPLACEMENTS];
    if (depth > KEYMAP_DEPTH_MAX || line.n_walked == KEYMAPS_MAX)
        return;
    for (size_t i = 0; i < line.n_walked; i++)
        if (line.walked[i] == map)
            return;
    line.walked[line.n_walked++] = map;
    if (!functions[0])
        for (size_t i = 0; i < N_REPLACEMENTS; i++)
            functions[i] = rl_named_function(replacements[i].name);
    for (size_t key = 0; key < KEYMAP_SIZE; key++) {
        KEYMAP_ENTRY *slot = &map[key];
        if (slot->type == ISKMAP && slot->function) {
            walk_keymap((Keymap)(void *)slot->function, depth + 1);
        } else if (slot->type == ISFUNC) {
            if (!slot->function && key != ANYOTHERKEY)
                slot->function = do_nothing;
            for (size_t i = 0; slot->function && i < N_REPLACEMENTS; i++)
                if (slot->function == functions[i])
                    slot->function = replacements[i].by;
        }
    }
}

static void harden(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        rl_variable_bind(variables[i][0], variables[i][1]);
    static const char *const maps[] = {"emacs", "vi-insert"};
    Keymap current = rl_get_keymap();
    for (size_t m = 0; m < sizeof maps / sizeof maps[0]; m++)
        for (size_t i = 0; i < sizeof extra_keys / sizeof extra_keys[0]; i++)
            rl_bind_keyseq_if_unbound_in_map(extra_keys[i][0], rl_named_function(extra_keys[i][1]),
                                             rl_get_keymap_by_name(maps[m]));
    rl_set_keymap(current);
    line.n_walked = 0;
    walk_keymap(emacs_standard_keymap, 0);
    walk_keymap(emacs_meta_keymap, 0);
    walk_keymap(emacs_ctlx_keymap, 0);
    walk_keymap(vi_insertion_keymap, 0);
    walk_keymap(vi_movement_keymap, 0);
}

/* Before curses: readline asks the terminal library about the terminal, and curses must have the
 * last word there. */
bool line_open(struct ui *u, const char *term)
{
    line.u = u;
    line.sink = fopen("/dev/null", "we");
    if (!line.sink)
        return false;
    rl_readline_name = "smtpscope";
    rl_terminal_name = term;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment =
        0; /* LINES and COLUMNS in the environment would freeze curses' idea of the size */
    rl_prep_term_function = NULL;
    rl_deprep_term_function = NULL;
    rl_getc_function = take_octet;
    rl_input_available_hook = octets_wait;
    rl_redisplay_function = nothing_to_draw;
    rl_instream = stdin;
    rl_outstream = line.sink;
    rl_completer_word_break_characters = " \t";
    rl_inhibit_completion = 1;
    rl_initialize();
    harden();
    using_history();
    stifle_history(HISTORY_MAX_LINES);
    rl_callback_handler_install("", on_line);
    return true;
}

void line_close(void)
{
    rl_callback_handler_remove();
    rl_clear_history();
    mem_free(line.accepted);
    line.accepted = NULL;
    if (line.sink)
        fclose(line.sink);
    line.sink = NULL;
    line.head = line.tail = 0;
}

/* ---- feeding ---- */

static void serve_request(void)
{
    enum request request = line.request;
    line.request = REQUEST_NONE;
    switch (request) {
    case REQUEST_HISTORY:
        view_line(line.u, "history");
        break;
    case REQUEST_COMPLETE:
        view_line(line.u, "complete");
        break;
    case REQUEST_REPAINT:
        view_line(line.u, "repaint");
        break;
    case REQUEST_NONE:
        break;
    }
}

static void feed_queue(struct slice octets)
{
    size_t len = octets.len < QUEUE_OCTETS ? octets.len : QUEUE_OCTETS;
    memcpy(line.queue, octets.ptr, len);
    line.head = 0;
    line.tail = len;
    while (line.head < line.tail)
        rl_callback_read_char();
}

void line_feed(struct ui *u, struct slice octets)
{
    if ((size_t)rl_end > LINE_MAX_OCTETS && octets.len == 1 && octets.ptr[0] >= 0x20 &&
        octets.ptr[0] != 0x7F) {
        ui_say(u, true, "the line is full (%d octets)", (int)LINE_MAX_OCTETS);
        return;
    }
    /* In vi mode Esc ends inserting even where the next key came with it. */
    if (line_is_vi() && octets.len > 1 && octets.ptr[0] == 0x1B && octets.ptr[1] != '[' &&
        octets.ptr[1] != 'O') {
        feed_queue(slice_take(octets, 1));
        octets = slice_skip(octets, 1);
    }
    feed_queue(octets);
    serve_request();
    if (line.accepted) {
        char *text = line.accepted;
        line.accepted = NULL;
        ui_submit(u, slice_cstr(text));
        mem_wipe(text, strlen(text));
        mem_free(text);
    }
}

/* ---- the line ---- */

/* A line of the history that was edited keeps a pointer into the undo list of the line. readline
 * takes it away only where it points at the head of the list and the history still stands at that
 * line; else the next visit frees the list again. So before anything here frees the list or moves
 * the history, all pointers into it go. */
static void detach_undo(void)
{
    HIST_ENTRY **all = history_list();
    for (size_t i = 0; all && all[i]; i++)
        for (const UNDO_LIST *at = rl_undo_list; at && all[i]->data; at = at->next)
            if (all[i]->data == (const void *)at)
                all[i]->data = NULL;
}

static void free_entry(HIST_ENTRY *entry)
{
    UNDO_LIST *of_line = rl_undo_list;
    rl_undo_list = free_history_entry(entry);
    rl_free_undo_list();
    rl_undo_list = of_line;
}

struct slice line_text(void)
{
    return slice_of(rl_line_buffer, (size_t)rl_end);
}

size_t line_point(void)
{
    return (size_t)rl_point;
}

void line_set(const char *text)
{
    detach_undo();
    rl_replace_line(text, 1);
    rl_point = rl_end;
    rl_mark = 0;
}

void line_clear(void)
{
    detach_undo();
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_clear_pending_input();
    line_set("");
    if (line_is_vi()) /* a new line begins with inserting, as after Enter */
        rl_vi_insertion_mode(1, 0);
}

void line_insert(struct slice text)
{
    struct buf clean;
    size_t room = (size_t)rl_end < LINE_MAX_OCTETS ? LINE_MAX_OCTETS - (size_t)rl_end : 0;
    if (text.len > room) {
        while (room > 0 && (text.ptr[room] & 0xC0) == 0x80)
            room--; /* characters stay whole */
        ui_say(line.u, true, "the line is full (%d octets); the last %zu octets were not taken",
               (int)LINE_MAX_OCTETS, text.len - room);
        text = slice_take(text, room);
    }
    buf_init(&clean, LINE_MAX_OCTETS + 1);
    buf_append(&clean, text);
    rl_begin_undo_group();
    rl_insert_text(buf_cstr(&clean));
    rl_end_undo_group();
    buf_deinit(&clean);
}

void line_replace(size_t from, size_t to, const char *text)
{
    rl_begin_undo_group();
    rl_delete_text((int)from, (int)to);
    rl_point = (int)from;
    rl_insert_text(text);
    rl_end_undo_group();
}

bool line_is_vi(void)
{
    return rl_editing_mode == 0;
}

/* readline calls the command mode "vi". */
const char *line_keymap(void)
{
    if (rl_get_keymap() == vi_movement_keymap)
        return "vi-command";
    const char *name = rl_get_keymap_name(rl_get_keymap());
    return name ? name : "";
}

bool line_in_sequence(void)
{
    return RL_ISSTATE(RL_STATE_MULTIKEY | RL_STATE_CHARSEARCH | RL_STATE_VIMOTION) != 0;
}

bool line_region(size_t *from_out, size_t *to_out)
{
    if (!rl_mark_active_p() || rl_mark == rl_point || rl_mark < 0 || rl_mark > rl_end)
        return false;
    *from_out = (size_t)(rl_mark < rl_point ? rl_mark : rl_point);
    *to_out = (size_t)(rl_mark < rl_point ? rl_point : rl_mark);
    return true;
}

void line_set_size(int rows, int cols)
{
    rl_set_screen_size(rows, cols);
}

/* ---- history ---- */

size_t line_history_count(void)
{
    return (size_t)history_length;
}

const char *line_history_at(size_t index)
{
    HIST_ENTRY *entry = history_get(history_base + (int)index);
    return entry ? entry->line : "";
}

/* A line stands once, where it was typed last. */
void line_history_add(const char *text)
{
    detach_undo();
    for (int i = history_length; i-- > 0;) {
        HIST_ENTRY *old = history_get(history_base + i);
        if (old && strcmp(old->line, text) == 0) {
            free_entry(remove_history(i));
            break;
        }
    }
    add_history(text);
    using_history();
}

void line_history_clear(void)
{
    detach_undo();
    for (int i = history_length; i-- > 0;)
        free_entry(remove_history(i));
    using_history();
}
