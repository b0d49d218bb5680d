/* The key table: dispatch, footer, help and doc/keys.md all read it. Every key runs a command of
 * view.c or of the console, which can be typed as well. */
#include <string.h>

#include "base/utf8.h"
#include "ui_private.h"

#define FN(n)     KEY_FN(n), "F" #n
#define LETTER(c) (uint32_t)(c)

static const struct key_row rows[] = {
    {FN(1), WHERE_ANY, "keys", "this help; type to filter it", "Help"},
    {KEY_ALT('h'), "Alt-h", WHERE_ANY, "keys", "this help", NULL},
    {KEY_ALT(':'), "Alt-:", WHERE_ANY, "palette", "all commands, by a few of their letters", NULL},
    {FN(2), WHERE_ANY, "ladder", "this connection as a sequence diagram", "Ladder"},
    {KEY_ALT('l'), "Alt-l", WHERE_ANY, "ladder", "this connection as a sequence diagram", NULL},
    {FN(3), WHERE_ANY, "find", "find in the transcript, as you type", "Find"},
    {KEY_ALT('/'), "Alt-/", WHERE_ANY, "find", "find in the transcript", NULL},
    {FN(4), WHERE_ANY, "filter", "show only lines that match, e.g. dir=S code>=500", "Filter"},
    {KEY_ALT('&'), "Alt-&", WHERE_ANY, "filter", "show only lines that match", NULL},
    {FN(5), WHERE_ANY, "again", "send the last line again", "Again"},
    {KEY_ALT('a'), "Alt-a", WHERE_ANY, "again", "send the last line again", NULL},
    {FN(6), WHERE_ANY, "pane next", "next pane", "Pane"},
    {FN(7), WHERE_ANY, "faults", "rules of the practice server, and their counts", NULL},
    {FN(8), WHERE_ANY, "practice", "scenarios of the practice server", NULL},
    {FN(9), WHERE_ANY, "compare", "two sessions side by side", NULL},
    {KEY_ALT('s'), "Alt-s", WHERE_ANY, "tab next",
     "next section of the decoded pane: Why, Envelope, Session, TLS ...", "Section"},
    {KEY_ALT('x'), "Alt-x", WHERE_ANY, "hex", "octets of the selected line", "Hex"},
    {KEY_ALT('z'), "Alt-z", WHERE_ANY, "zoom", "one pane on the whole screen, and back", "Zoom"},
    {FN(10), WHERE_ANY, "leave", "leave the program; asks while connected", "Quit"},
    {KEY_ALT('q'), "Alt-q", WHERE_ANY, "leave", "leave the program; asks while connected", NULL},

    {KEY_PGUP_CODE, "PgUp", WHERE_ANY, "scroll page-up", "a page back", NULL},
    {KEY_PGDN_CODE, "PgDn", WHERE_ANY, "scroll page-down", "a page on", NULL},
    {KEY_CTRL_BIT | KEY_HOME_CODE, "Ctrl-Home", WHERE_ANY, "scroll home", "first line", NULL},
    {KEY_CTRL_BIT | KEY_END_CODE, "Ctrl-End", WHERE_ANY, "follow",
     "last line, and FOLLOW what comes", NULL},
    {KEY_CTRL_BIT | KEY_UP_CODE, "Ctrl-Up", WHERE_ANY, "scroll up", "a line back", NULL},
    {KEY_CTRL_BIT | KEY_DOWN_CODE, "Ctrl-Down", WHERE_ANY, "scroll down", "a line on", NULL},
    {KEY_ALT('n'), "Alt-n", WHERE_ANY, "select next-command", "next command", NULL},
    {KEY_ALT('p'), "Alt-p", WHERE_ANY, "select previous-command", "previous command", NULL},
    {KEY_ALT('e'), "Alt-e", WHERE_ANY, "select next-error",
     "next error, from the last to the first again", NULL},
    {KEY_ALT('t'), "Alt-t", WHERE_ANY, "time", "time column: relative, delta, absolute, off", NULL},
    {KEY_ALT('w'), "Alt-w", WHERE_ANY, "wrap", "long lines wrapped, or cut", NULL},
    {KEY_ALT('i'), "Alt-i", WHERE_ANY, "line-ends", "show CR and LF", NULL},
    {KEY_ALT('c'), "Alt-c", WHERE_ANY, "copy line", "copy the selected line to the clipboard",
     NULL},
    {KEY_ALT('m'), "Alt-m", WHERE_ANY, "mark-key set", "mark the selected line with a letter",
     NULL},
    {KEY_ALT('\''), "Alt-'", WHERE_ANY, "mark-key goto", "go to a mark", NULL},
    {KEY_ALT(KEY_LEFT_CODE), "Alt-Left", WHERE_ANY, "split smaller", "smaller transcript", NULL},
    {KEY_ALT(KEY_RIGHT_CODE), "Alt-Right", WHERE_ANY, "split larger", "larger transcript", NULL},
    {KEY_ALT(KEY_UP_CODE), "Alt-Up", WHERE_ANY, "split smaller", "smaller transcript", NULL},
    {KEY_ALT(KEY_DOWN_CODE), "Alt-Down", WHERE_ANY, "split larger", "larger transcript", NULL},
    {KEY_CTRL('l'), "Ctrl-l", WHERE_ANY, "repaint", "draw the screen anew", NULL},
    {KEY_CTRL('c'), "Ctrl-c", WHERE_ANY, "cancel", "drop the line, or stop what runs", NULL},
    {KEY_CTRL('z'), "Ctrl-z", WHERE_ANY, "suspend", "back to the shell; fg returns", NULL},
    {KEY_ALT('1'), "Alt-1", WHERE_ANY, "session 1", "connection 1 of this window", NULL},
    {KEY_ALT('2'), "Alt-2", WHERE_ANY, "session 2", "connection 2 of this window", NULL},
    {KEY_ALT('3'), "Alt-3", WHERE_ANY, "session 3", "connection 3 of this window", NULL},
    {KEY_ALT('4'), "Alt-4", WHERE_ANY, "session 4", "connection 4 of this window", NULL},
    {KEY_ALT('5'), "Alt-5", WHERE_ANY, "session 5", "connection 5 of this window", NULL},
    {KEY_ALT('6'), "Alt-6", WHERE_ANY, "session 6", "connection 6 of this window", NULL},
    {KEY_ALT('7'), "Alt-7", WHERE_ANY, "session 7", "connection 7 of this window", NULL},
    {KEY_ALT('8'), "Alt-8", WHERE_ANY, "session 8", "connection 8 of this window", NULL},
    {KEY_ALT('9'), "Alt-9", WHERE_ANY, "session 9", "connection 9 of this window", NULL},

    {KEY_TAB_CODE, "Tab", WHERE_COMMAND, "complete", "complete; again: next in the list", NULL},
    {KEY_TAB_CODE | KEY_SHIFT_BIT, "Shift-Tab", WHERE_COMMAND, "complete back",
     "the one before in the list", NULL},
    {KEY_CTRL('o'), "Ctrl-o", WHERE_COMMAND, "edit-line", "the line in your editor", NULL},
    {KEY_CTRL('r'), "Ctrl-r", WHERE_COMMAND, "history", "search the history", NULL},
    {KEY_CTRL('d'), "Ctrl-d", WHERE_COMMAND, "leave", "on an empty line: leave the program", NULL},
    {KEY_ESC_CODE, "Esc", WHERE_COMMAND, "pane transcript", "to the transcript", NULL},

    {KEY_ESC_CODE, "Esc", WHERE_TRANSCRIPT, "pane command", "to the command line", "Back"},
    {KEY_UP_CODE, "Up", WHERE_TRANSCRIPT, "scroll up", "line before", NULL},
    {LETTER('k'), "k", WHERE_TRANSCRIPT, "scroll up", "line before", NULL},
    {KEY_DOWN_CODE, "Down", WHERE_TRANSCRIPT, "scroll down", "next line", NULL},
    {LETTER('j'), "j", WHERE_TRANSCRIPT, "scroll down", "next line", NULL},
    {LETTER(' '), "Space", WHERE_TRANSCRIPT, "scroll page-down", "a page on", NULL},
    {LETTER('b'), "b", WHERE_TRANSCRIPT, "scroll page-up", "a page back", NULL},
    {LETTER('g'), "g", WHERE_TRANSCRIPT, "scroll home", "first line", NULL},
    {KEY_HOME_CODE, "Home", WHERE_TRANSCRIPT, "scroll home", "first line", NULL},
    {LETTER('G'), "G", WHERE_TRANSCRIPT, "follow", "last line, and FOLLOW what comes", NULL},
    {KEY_END_CODE, "End", WHERE_TRANSCRIPT, "follow", "last line, and FOLLOW what comes", NULL},
    {KEY_LEFT_CODE, "Left", WHERE_TRANSCRIPT, "scroll left", "sideways in long lines", NULL},
    {KEY_RIGHT_CODE, "Right", WHERE_TRANSCRIPT, "scroll right", "sideways in long lines", NULL},
    {LETTER(':'), ":", WHERE_TRANSCRIPT, "palette", "all commands, by a few of their letters",
     NULL},
    {LETTER('?'), "?", WHERE_TRANSCRIPT, "keys", "the keys of this pane", "Help"},
    {LETTER('/'), "/", WHERE_TRANSCRIPT, "find", "find, as you type", "Find"},
    {LETTER('n'), "n", WHERE_TRANSCRIPT, "find-next", "next hit", "Next"},
    {LETTER('N'), "N", WHERE_TRANSCRIPT, "find-previous", "hit before", NULL},
    {LETTER('&'), "&", WHERE_TRANSCRIPT, "filter", "show only lines that match", "Filter"},
    {LETTER('e'), "e", WHERE_TRANSCRIPT, "select next-error", "next error", "Error"},
    {LETTER('E'), "E", WHERE_TRANSCRIPT, "select previous-error", "error before", NULL},
    {LETTER('d'), "d", WHERE_TRANSCRIPT, "select next-deviation", "next broken rule", NULL},
    {LETTER('D'), "D", WHERE_TRANSCRIPT, "select previous-deviation", "broken rule before", NULL},
    {LETTER('}'), "}", WHERE_TRANSCRIPT, "select next-command", "next command", NULL},
    {LETTER('{'), "{", WHERE_TRANSCRIPT, "select previous-command", "command before", NULL},
    {LETTER('m'), "m", WHERE_TRANSCRIPT, "mark-key set", "mark the line with a letter", "Mark"},
    {LETTER('\''), "'", WHERE_TRANSCRIPT, "mark-key goto", "go to a mark", NULL},
    {KEY_ALT('f'), "Alt-f", WHERE_ANY, "fold", "fold or unfold here, or everywhere", NULL},
    {LETTER('y'), "y", WHERE_TRANSCRIPT, "copy line", "copy the line to the clipboard", NULL},
    {LETTER('z'), "z", WHERE_TRANSCRIPT, "fold", "fold or unfold here, or everywhere", "Fold"},
    {LETTER('w'), "w", WHERE_TRANSCRIPT, "wrap", "long lines wrapped, or cut", "Wrap"},
    {KEY_ENTER_CODE, "Enter", WHERE_TRANSCRIPT, "unfold",
     "unfold content, else the octets of the line", NULL},
    {LETTER('x'), "x", WHERE_TRANSCRIPT, "hex", "octets of the line", "Hex"},
    {LETTER('t'), "t", WHERE_TRANSCRIPT, "time", "time column", "Time"},

    {LETTER(' '), "Space", WHERE_REPLAY, "replay toggle", "play and pause, once time runs", NULL},
    {LETTER('.'), ".", WHERE_REPLAY, "replay step", "a step on", NULL},
    {LETTER(','), ",", WHERE_REPLAY, "replay back", "a step back", NULL},
    {LETTER(']'), "]", WHERE_REPLAY, "replay faster", "faster", NULL},
    {LETTER('['), "[", WHERE_REPLAY, "replay slower", "slower", NULL},
    {LETTER('\''), "'", WHERE_REPLAY, "replay mark", "next mark or note", NULL},
    {LETTER('>'), ">", WHERE_REPLAY, "replay goto +10%", "a tenth on", NULL},
    {LETTER('<'), "<", WHERE_REPLAY, "replay goto -10%", "a tenth back", NULL},

    {KEY_ESC_CODE, "Esc", WHERE_DECODED, "pane command", "to the command line", "Back"},
    {KEY_UP_CODE, "Up", WHERE_DECODED, "scroll up", "line before", NULL},
    {LETTER('k'), "k", WHERE_DECODED, "scroll up", "line before", NULL},
    {KEY_DOWN_CODE, "Down", WHERE_DECODED, "scroll down", "next line", NULL},
    {LETTER('j'), "j", WHERE_DECODED, "scroll down", "next line", NULL},
    {LETTER('g'), "g", WHERE_DECODED, "scroll home", "to the top", NULL},
    {LETTER(':'), ":", WHERE_DECODED, "palette", "all commands, by a few of their letters", NULL},
    {LETTER('?'), "?", WHERE_DECODED, "keys", "the keys of this pane", "Help"},
    {KEY_RIGHT_CODE, "Right", WHERE_DECODED, "tab next", "next section", NULL},
    {KEY_LEFT_CODE, "Left", WHERE_DECODED, "tab previous", "section before", NULL},
    {KEY_TAB_CODE, "Tab", WHERE_DECODED, "tab next", "next section", "Section"},
};
enum { N_ROWS = sizeof rows / sizeof rows[0], BOUND_MAX = 200 };

/* ---- what a person bound ---- */

struct bound_row {
    struct key_row row;
    char *name, *command; /* what the row points to */
};
static struct bound_row bound[BOUND_MAX];
static size_t n_bound;

static const char *const where_words[] = {[WHERE_REPLAY] = "recording",
                                          [WHERE_ANY] = "anywhere",
                                          [WHERE_COMMAND] = "command",
                                          [WHERE_TRANSCRIPT] = "transcript",
                                          [WHERE_DECODED] = "decoded"};
enum { N_WHERE = sizeof where_words / sizeof where_words[0], KEY_NAME_OCTETS = 24 };

struct named_key {
    const char *name;
    uint32_t key;
};
static const struct named_key named_keys[] = {
    {"Esc", KEY_ESC_CODE},       {"Enter", KEY_ENTER_CODE},         {"Tab", KEY_TAB_CODE},
    {"Up", KEY_UP_CODE},         {"Down", KEY_DOWN_CODE},           {"Left", KEY_LEFT_CODE},
    {"Right", KEY_RIGHT_CODE},   {"Home", KEY_HOME_CODE},           {"End", KEY_END_CODE},
    {"PgUp", KEY_PGUP_CODE},     {"PgDn", KEY_PGDN_CODE},           {"Insert", KEY_INSERT_CODE},
    {"Delete", KEY_DELETE_CODE}, {"Backspace", KEY_BACKSPACE_CODE}, {"Space", ' '},
};
struct named_bit {
    const char *name;
    uint32_t bit;
};
static const struct named_bit named_bits[] = {
    {"Shift-", KEY_SHIFT_BIT}, {"Alt-", KEY_ALT_BIT}, {"Ctrl-", KEY_CTRL_BIT}};

/* "F7", "Alt-x", "Ctrl-Home", "g"; 0: no key has that name. */
static uint32_t key_by_name(struct slice name)
{
    uint32_t bits = 0, cp;
    for (size_t i = 0; i < sizeof named_bits / sizeof named_bits[0];) {
        struct slice prefix = slice_cstr(named_bits[i].name);
        if (name.len > prefix.len && slice_starts_nocase(name, prefix)) {
            bits |= named_bits[i].bit;
            name = slice_skip(name, prefix.len);
            i = 0;
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < sizeof named_keys / sizeof named_keys[0]; i++)
        if (slice_eq_nocase(name, slice_cstr(named_keys[i].name)))
            return bits | named_keys[i].key;
    uint64_t number;
    if (name.len > 1 && (name.ptr[0] == 'F' || name.ptr[0] == 'f') &&
        slice_to_u64(slice_skip(name, 1), 24, &number) && number > 0)
        return bits | KEY_FN((uint32_t)number);
    if (name.len == 0 || utf8_decode(name, &cp) != name.len || cp <= 0x20)
        return 0;
    if (bits & KEY_CTRL_BIT)
        return cp >= 'A' && cp <= 'Z' ? bits | (cp + 0x20) : bits | cp;
    return bits | cp;
}

void keys_unbind_all(void)
{
    for (size_t i = 0; i < n_bound; i++) {
        mem_free(bound[i].name);
        mem_free(bound[i].command);
    }
    n_bound = 0;
}

bool keys_bind(struct slice text, struct err *err)
{
    struct slice rest = slice_trim(text);
    struct slice name = slice_next_word(&rest);
    struct slice command = slice_trim(rest);
    enum key_where where = WHERE_ANY;
    ptrdiff_t colon = slice_find_octet(name, ':');
    char shown[60];
    vis_to_cstr(shown, sizeof shown, name);
    if (colon > 0 && (size_t)colon + 1 < name.len) {
        size_t w = 0;
        while (w < N_WHERE &&
               !slice_eq(slice_take(name, (size_t)colon), slice_cstr(where_words[w])))
            w++;
        if (w == N_WHERE) {
            err_set(err, ERR_USAGE, 0, "bind: no pane is called so in %s", shown);
            err_explain(err, "", "command:KEY, transcript:KEY, decoded:KEY, recording:KEY, or KEY");
            return false;
        }
        where = (enum key_where)w;
        name = slice_skip(name, (size_t)colon + 1);
    }
    uint32_t key = key_by_name(name);
    if (n_bound == BOUND_MAX) {
        err_set(err, ERR_USAGE, 0, "bind: %d keys are bound, the limit key-bindings", BOUND_MAX);
        return false;
    }
    if (key == 0 || name.len >= KEY_NAME_OCTETS) {
        err_set(err, ERR_USAGE, 0, "bind: no key is called %s", shown);
        err_explain(err, "",
                    "keys are called F7, Alt-x, Ctrl-Home, PgUp, Space, or by their letter");
        return false;
    }
    if (command.len == 0) {
        err_set(err, ERR_USAGE, 0, "bind wants a key and a command, such as bind F7 find-next");
        return false;
    }
    if (slice_starts(command, SLICE_LIT("/")))
        command = slice_skip(command, 1);
    struct bound_row *b = &bound[n_bound++];
    b->name = mem_slice_dup(name);
    b->command = mem_slice_dup(command);
    b->row = (struct key_row){.key = key,
                              .name = b->name,
                              .where = where,
                              .command = b->command,
                              .help = "as you bound it"};
    return true;
}

/* ---- the table as it holds now ---- */

static const struct bound_row *bound_for(uint32_t key, enum key_where where)
{
    for (size_t i = n_bound; i-- > 0;)
        if (bound[i].row.key == key && bound[i].row.where == where)
            return &bound[i];
    return NULL;
}

const struct key_row *keys_at(size_t index)
{
    static struct key_row changed;
    if (index >= N_ROWS) {
        index -= N_ROWS;
        return index < n_bound ? &bound[index].row : NULL;
    }
    /* What was bound anew stands once, where the person put it. */
    if (!bound_for(rows[index].key, rows[index].where))
        return &rows[index];
    changed = rows[index];
    changed.command = NULL;
    return &changed;
}

/* A pane's own key goes before one that holds anywhere; what the person bound before both. */
static const struct key_row *find_at(uint32_t key, enum key_where where)
{
    const struct bound_row *own = bound_for(key, where);
    if (own)
        return &own->row;
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].key == key && rows[i].where == where)
            return &rows[i];
    return NULL;
}

static const struct key_row *unless_off(const struct key_row *row)
{
    return row && strcmp(row->command, "off") == 0 ? NULL : row;
}

enum key_where keys_where(enum layout_pane focus)
{
    static const enum key_where wheres[PANE__COUNT] = {[PANE_COMMAND] = WHERE_COMMAND,
                                                       [PANE_TRANSCRIPT] = WHERE_TRANSCRIPT,
                                                       [PANE_DECODED] = WHERE_DECODED};
    return wheres[focus];
}

const struct key_row *keys_find(uint32_t key, enum layout_pane focus)
{
    const struct key_row *row = find_at(key, keys_where(focus));
    return unless_off(row ? row : find_at(key, WHERE_ANY));
}

const struct key_row *keys_find_replay(uint32_t key)
{
    return unless_off(find_at(key, WHERE_REPLAY));
}

/* The key that runs a command; NULL: none does. */
const char *keys_name_of(const char *command)
{
    const struct key_row *row;
    for (size_t i = N_ROWS + n_bound; i-- > N_ROWS;)
        if (strcmp(bound[i - N_ROWS].row.command, command) == 0)
            return bound[i - N_ROWS].row.name;
    for (size_t i = 0; i < N_ROWS; i++)
        if ((row = keys_at(i))->command && strcmp(row->command, command) == 0)
            return row->name;
    return NULL;
}

const struct ui_key_info *ui_key_at(size_t index)
{
    static struct ui_key_info infos[N_ROWS];
    if (index >= N_ROWS)
        return NULL;
    infos[index] = (struct ui_key_info){.key = rows[index].name,
                                        .where = where_words[rows[index].where],
                                        .command = rows[index].command,
                                        .help = rows[index].help};
    return &infos[index];
}
