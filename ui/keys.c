/* The key table: dispatch, footer, help and doc/keys.md all read it. Every key runs a command of
 * view.c or of the console, which can be typed as well. */
#include "ui_private.h"

#define FN(n)     KEY_FN(n), "F" #n
#define LETTER(c) (uint32_t)(c)

static const struct key_row rows[] = {
    {FN(1), WHERE_ANY, "keys", "this help; type to filter it", "Help"},
    {KEY_ALT('h'), "Alt-h", WHERE_ANY, "keys", "this help", NULL},
    {FN(3), WHERE_ANY, "find", "find in the transcript, as you type", "Find"},
    {KEY_ALT('/'), "Alt-/", WHERE_ANY, "find", "find in the transcript", NULL},
    {FN(4), WHERE_ANY, "filter", "show only lines that match, e.g. dir=S code>=500", "Filter"},
    {KEY_ALT('&'), "Alt-&", WHERE_ANY, "filter", "show only lines that match", NULL},
    {FN(5), WHERE_ANY, "again", "send the last line again", "Again"},
    {KEY_ALT('a'), "Alt-a", WHERE_ANY, "again", "send the last line again", NULL},
    {FN(6), WHERE_ANY, "pane next", "next pane", "Pane"},
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

    {KEY_TAB_CODE, "Tab", WHERE_COMMAND, "complete", "complete; again: next in the list", NULL},
    {KEY_TAB_CODE | KEY_SHIFT_BIT, "Shift-Tab", WHERE_COMMAND, "complete back",
     "the one before in the list", NULL},
    {KEY_CTRL('r'), "Ctrl-r", WHERE_COMMAND, "history", "search the history", NULL},
    {KEY_CTRL('d'), "Ctrl-d", WHERE_COMMAND, "leave", "on an empty line: leave the program", NULL},
    {KEY_ESC_CODE, "Esc", WHERE_COMMAND, "pane transcript", "to the transcript", NULL},

    {KEY_ESC_CODE, "Esc", WHERE_TRANSCRIPT, "pane command", "to the command line", NULL},
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
    {LETTER('/'), "/", WHERE_TRANSCRIPT, "find", "find, as you type", NULL},
    {LETTER('n'), "n", WHERE_TRANSCRIPT, "find-next", "next hit", NULL},
    {LETTER('N'), "N", WHERE_TRANSCRIPT, "find-previous", "hit before", NULL},
    {LETTER('&'), "&", WHERE_TRANSCRIPT, "filter", "show only lines that match", NULL},
    {LETTER('e'), "e", WHERE_TRANSCRIPT, "select next-error", "next error", NULL},
    {LETTER('E'), "E", WHERE_TRANSCRIPT, "select previous-error", "error before", NULL},
    {LETTER('d'), "d", WHERE_TRANSCRIPT, "select next-deviation", "next broken rule", NULL},
    {LETTER('D'), "D", WHERE_TRANSCRIPT, "select previous-deviation", "broken rule before", NULL},
    {LETTER('}'), "}", WHERE_TRANSCRIPT, "select next-command", "next command", NULL},
    {LETTER('{'), "{", WHERE_TRANSCRIPT, "select previous-command", "command before", NULL},
    {LETTER('m'), "m", WHERE_TRANSCRIPT, "mark-key set", "mark the line with a letter", NULL},
    {LETTER('\''), "'", WHERE_TRANSCRIPT, "mark-key goto", "go to a mark", NULL},
    {KEY_ALT('f'), "Alt-f", WHERE_ANY, "fold", "fold or unfold here, or everywhere", NULL},
    {LETTER('z'), "z", WHERE_TRANSCRIPT, "fold", "fold or unfold here, or everywhere", NULL},
    {LETTER('w'), "w", WHERE_TRANSCRIPT, "wrap", "long lines wrapped, or cut", NULL},
    {KEY_ENTER_CODE, "Enter", WHERE_TRANSCRIPT, "unfold",
     "unfold content, else the octets of the line", NULL},
    {LETTER('x'), "x", WHERE_TRANSCRIPT, "hex", "octets of the line", NULL},
    {LETTER('t'), "t", WHERE_TRANSCRIPT, "time", "time column", NULL},

    {LETTER(' '), "Space", WHERE_REPLAY, "replay toggle", "play and pause, once time runs", NULL},
    {LETTER('.'), ".", WHERE_REPLAY, "replay step", "a step on", NULL},
    {LETTER(','), ",", WHERE_REPLAY, "replay back", "a step back", NULL},
    {LETTER(']'), "]", WHERE_REPLAY, "replay faster", "faster", NULL},
    {LETTER('['), "[", WHERE_REPLAY, "replay slower", "slower", NULL},
    {LETTER('\''), "'", WHERE_REPLAY, "replay mark", "next mark or note", NULL},
    {LETTER('>'), ">", WHERE_REPLAY, "replay goto +10%", "a tenth on", NULL},
    {LETTER('<'), "<", WHERE_REPLAY, "replay goto -10%", "a tenth back", NULL},

    {KEY_ESC_CODE, "Esc", WHERE_DECODED, "pane command", "to the command line", NULL},
    {KEY_UP_CODE, "Up", WHERE_DECODED, "scroll up", "line before", NULL},
    {LETTER('k'), "k", WHERE_DECODED, "scroll up", "line before", NULL},
    {KEY_DOWN_CODE, "Down", WHERE_DECODED, "scroll down", "next line", NULL},
    {LETTER('j'), "j", WHERE_DECODED, "scroll down", "next line", NULL},
    {LETTER('g'), "g", WHERE_DECODED, "scroll home", "to the top", NULL},
    {KEY_RIGHT_CODE, "Right", WHERE_DECODED, "tab next", "next section", NULL},
    {KEY_LEFT_CODE, "Left", WHERE_DECODED, "tab previous", "section before", NULL},
    {KEY_TAB_CODE, "Tab", WHERE_DECODED, "tab next", "next section", NULL},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

const struct key_row *keys_at(size_t index)
{
    return index < N_ROWS ? &rows[index] : NULL;
}

const struct key_row *keys_find(uint32_t key, enum layout_pane focus)
{
    static const enum key_where wheres[PANE__COUNT] = {[PANE_COMMAND] = WHERE_COMMAND,
                                                       [PANE_TRANSCRIPT] = WHERE_TRANSCRIPT,
                                                       [PANE_DECODED] = WHERE_DECODED};
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].key == key && (rows[i].where == WHERE_ANY || rows[i].where == wheres[focus]))
            return &rows[i];
    return NULL;
}

const struct key_row *keys_find_replay(uint32_t key)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].key == key && rows[i].where == WHERE_REPLAY)
            return &rows[i];
    return NULL;
}

const struct ui_key_info *ui_key_at(size_t index)
{
    static const char *const where_words[] = {"recording", "anywhere", "command", "transcript",
                                              "decoded"};
    static struct ui_key_info infos[N_ROWS];
    if (index >= N_ROWS)
        return NULL;
    infos[index] = (struct ui_key_info){.key = rows[index].name,
                                        .where = where_words[rows[index].where],
                                        .command = rows[index].command,
                                        .help = rows[index].help};
    return &infos[index];
}
