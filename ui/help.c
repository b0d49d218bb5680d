/* Help on keys, and the palette of commands: two lists over the panes that narrow as one types and
 * run what is chosen. Both are made from the tables that do the work. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum { LIST_MAX = 512, KEY_COLS = 14, NAME_COLS = 26, NAMES_OCTETS = 40 };

/* ---- moving in a list ---- */

static size_t list_height(const struct ui *u)
{
    struct rect r = page_rect(u);
    return r.rows > 2 ? (size_t)r.rows - 2 : 1;
}

/* True: the key was one that moves. n: rows that can be chosen. */
static bool list_move(struct ui *u, uint32_t key, size_t n)
{
    size_t page = list_height(u), last = n > 0 ? n - 1 : 0;
    size_t *at = &u->overlay_at;
    switch (key) {
    case KEY_UP_CODE:
        *at -= *at > 0;
        return true;
    case KEY_DOWN_CODE:
        *at += *at < last;
        return true;
    case KEY_PGUP_CODE:
        *at -= *at < page ? *at : page;
        return true;
    case KEY_PGDN_CODE:
        *at = *at + page < last ? *at + page : last;
        return true;
    case KEY_HOME_CODE:
        *at = 0;
        return true;
    case KEY_END_CODE:
        *at = last;
        return true;
    default:
        return false;
    }
}

/* First row to draw so that `row` is on the page. */
static size_t list_top(struct ui *u, size_t row)
{
    size_t page = list_height(u);
    if (row < u->overlay_top)
        u->overlay_top = row;
    if (row >= u->overlay_top + page)
        u->overlay_top = row - page + 1;
    return u->overlay_top;
}

static void draw_filter(struct ui *u, const struct rect *r, int x)
{
    if (u->field.len == 0 || r->cols <= 40)
        return;
    x += draw_own(u, r->y, x, r->cols - 12, " only: ", ROLE_OVERLAY_DIM);
    x += draw_peer(u, r->y, x, r->x + r->cols - 3 - x, slice_of(u->field.text, u->field.len),
                   ROLE_OVERLAY_KEY);
    draw_own(u, r->y, x, 1, " ", ROLE_OVERLAY_DIM);
}

/* ---- keys ---- */

struct key_list {
    const struct key_row *rows[LIST_MAX]; /* NULL: a title */
    char names[LIST_MAX][NAMES_OCTETS];   /* all keys of the pane that do the same */
    enum key_where titles[LIST_MAX];
    size_t n_rows, n_keys;
};

static bool holds(const char *all, struct slice wanted)
{
    struct slice text = slice_cstr(all);
    for (size_t i = 0; i + wanted.len <= text.len; i++)
        if (slice_eq_nocase(slice_take(slice_skip(text, i), wanted.len), wanted))
            return true;
    return false;
}

static bool wanted_key(const struct ui *u, const struct key_row *row)
{
    struct slice filter = slice_of(u->field.text, u->field.len);
    return row->command &&
           (holds(row->name, filter) || holds(row->command, filter) || holds(row->help, filter));
}

/* "Up k": a second key for the same stands with the first, where there is room. */
static bool join(struct key_list *out, const struct key_row *row)
{
    for (size_t i = out->n_rows; i-- > 0 && out->rows[i];) {
        size_t len = strlen(out->names[i]);
        if (strcmp(out->rows[i]->command, row->command) != 0)
            continue;
        if (len + 1 + strlen(row->name) >= KEY_COLS)
            return false;
        snprintf(out->names[i] + len, NAMES_OCTETS - len, " %s", row->name);
        return true;
    }
    return false;
}

static void add_place(struct ui *u, enum key_where where, struct key_list *out)
{
    const struct key_row *row;
    bool titled = false;
    for (size_t i = 0; (row = keys_at(i)) && out->n_rows + 1 < LIST_MAX; i++) {
        if (row->where != where || !wanted_key(u, row))
            continue;
        if (!titled) {
            out->titles[out->n_rows] = where;
            out->rows[out->n_rows++] = NULL;
        }
        if (titled && join(out, row))
            continue;
        titled = true;
        snprintf(out->names[out->n_rows], NAMES_OCTETS, "%s", row->name);
        out->rows[out->n_rows++] = row;
        out->n_keys++;
    }
}

/* The pane one came from first, then what holds anywhere, then the others. */
static void collect_keys(struct ui *u, struct key_list *out)
{
    enum key_where here = keys_where(u->focus);
    static const enum key_where all[] = {WHERE_ANY, WHERE_COMMAND, WHERE_TRANSCRIPT, WHERE_DECODED,
                                         WHERE_REPLAY};
    out->n_rows = out->n_keys = 0;
    if (u->replay)
        add_place(u, WHERE_REPLAY, out);
    add_place(u, here, out);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] != here && !(u->replay && all[i] == WHERE_REPLAY))
            add_place(u, all[i], out);
}

/* Row of the n-th key. */
static size_t row_of_key(const struct key_list *l, size_t n)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i] && n-- == 0)
            return i;
    return 0;
}

static const char *place_title(enum key_where where)
{
    switch (where) {
    case WHERE_REPLAY:
        return "OVER A RECORDING";
    case WHERE_ANY:
        return "ANYWHERE";
    case WHERE_COMMAND:
        return "IN THE COMMAND LINE";
    case WHERE_TRANSCRIPT:
        return "IN THE TRANSCRIPT (Esc or F6 goes there)";
    case WHERE_DECODED:
        return "IN THE DECODED PANE";
    }
    return "";
}

static const char *here_title(const struct ui *u)
{
    switch (u->focus) {
    case PANE_COMMAND:
        return "Keys: command line";
    case PANE_TRANSCRIPT:
        return "Keys: transcript";
    case PANE_DECODED:
        return "Keys: decoded pane";
    case PANE__COUNT:
        break;
    }
    return "Keys";
}

/* The overlay goes first: what is run may open another. */
static void run_chosen(struct ui *u, const char *command)
{
    char *line = mem_strdup(command);
    overlay_close(u);
    view_line(u, line);
    mem_free(line);
}

static bool help_key(struct ui *u, const struct input_unit *unit)
{
    static struct key_list list;
    collect_keys(u, &list);
    if (unit->key == KEY_ESC_CODE || unit->key == KEY_FN(1) || unit->key == KEY_CTRL('c')) {
        overlay_close(u);
        return true;
    }
    if (unit->key == KEY_ENTER_CODE) {
        if (u->overlay_at < list.n_keys)
            run_chosen(u, list.rows[row_of_key(&list, u->overlay_at)]->command);
        else
            overlay_close(u);
        return true;
    }
    if (list_move(u, unit->key, list.n_keys))
        return true;
    if (field_key(&u->field, unit)) {
        u->overlay_top = u->overlay_at = 0;
        return true;
    }
    return unit->key < KEY_FN(0);
}

static void draw_key_row(struct ui *u, const struct rect *r, int y, const struct key_row *row,
                         const char *names, bool on)
{
    enum role role = on ? ROLE_OVERLAY_ON : ROLE_OVERLAY;
    if (on)
        draw_fill(u, y, r->x + 1, r->cols - 2, role);
    draw_peer(u, y, r->x + 4, KEY_COLS, slice_cstr(names), on ? ROLE_OVERLAY_ON : ROLE_OVERLAY_KEY);
    int room = r->cols >= 90 ? r->cols - 48 : r->cols - 18;
    draw_cut(u, y, r->x + 4 + KEY_COLS, room, row->help, role);
    if (r->cols >= 90) {
        char command[60];
        vis_to_cstr(command, sizeof command, slice_cstr(row->command));
        draw_right(u, y, r->x + r->cols - 30, 27, command, on ? ROLE_OVERLAY_ON : ROLE_OVERLAY_DIM);
    }
}

static void help_draw(struct ui *u)
{
    static struct key_list list;
    struct rect r = page_rect(u);
    collect_keys(u, &list);
    if (u->overlay_at >= list.n_keys)
        u->overlay_at = list.n_keys > 0 ? list.n_keys - 1 : 0;
    size_t chosen = row_of_key(&list, u->overlay_at);
    /* With the first key its title is shown, too. */
    size_t top = list_top(u, u->overlay_at == 0 ? 0 : chosen);
    top = list_top(u, chosen);
    draw_box(u, &r, here_title(u),
             " type to filter   Enter runs   /help for commands   Esc closes ");
    draw_filter(u, &r, r.x + 5 + (int)strlen(here_title(u)));
    for (size_t i = 0; i < list_height(u) && top + i < list.n_rows; i++) {
        int y = r.y + 1 + (int)i;
        const struct key_row *row = list.rows[top + i];
        if (row)
            draw_key_row(u, &r, y, row, list.names[top + i], top + i == chosen);
        else
            draw_own(u, y, r.x + 2, r.cols - 4, place_title(list.titles[top + i]),
                     ROLE_OVERLAY_FRAME);
    }
    if (list.n_keys == 0)
        draw_own(u, r.y + 1, r.x + 2, r.cols - 4,
                 "no key does that; /help TOPIC may know a command", ROLE_OVERLAY_DIM);
}

static const struct overlay_ops help_ops = {.draw = help_draw, .key = help_key};

void help_open(struct ui *u)
{
    overlay_open(u, &help_ops);
}

/* ---- the palette ---- */

struct candidate {
    const struct console_command_info *info;
    int score;
};
struct command_list {
    struct candidate items[LIST_MAX];
    size_t n_items;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 0x20) : c;
}

/* All letters of wanted in their order; the closer together and nearer to beginnings of words, the
 * more. 0: they are not there. */
static int fuzzy(const char *text, struct slice wanted)
{
    int score = 1;
    size_t at = 0, last = SIZE_MAX;
    for (size_t i = 0; i < wanted.len; i++) {
        char c = lower((char)wanted.ptr[i]);
        if (c == ' ')
            continue;
        while (text[at] && lower(text[at]) != c)
            at++;
        if (!text[at])
            return 0;
        bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '-';
        score += (begins ? 6 : 0) + (last != SIZE_MAX && at == last + 1 ? 4 : 0);
        score += at < 8 ? 8 - (int)at : 0;
        last = at++;
    }
    return score;
}

static int score_of(const struct console_command_info *info, struct slice wanted)
{
    int name = fuzzy(info->name, wanted), help = 0;
    /* A word of the explanation counts less than letters of the name. */
    if (wanted.len > 0 && holds(info->help, wanted))
        help = 3;
    return name ? name * 10 + help : help;
}

static void collect_commands(struct ui *u, struct command_list *out)
{
    struct slice wanted = slice_of(u->field.text, u->field.len);
    const struct console_command_info *info;
    out->n_items = 0;
    for (size_t i = 0; (info = console_command_at(i)) && out->n_items < LIST_MAX; i++) {
        int score = score_of(info, wanted);
        if (score == 0)
            continue;
        size_t at = out->n_items++;
        while (at > 0 && out->items[at - 1].score < score) {
            out->items[at] = out->items[at - 1];
            at--;
        }
        out->items[at] = (struct candidate){.info = info, .score = score};
    }
}

/* Into the command line, to be finished by the person. */
static void take_to_line(struct ui *u, const struct console_command_info *info)
{
    char text[80];
    snprintf(text, sizeof text, "/%s%s", info->name, *info->args ? " " : "");
    overlay_close(u);
    u->focus = PANE_COMMAND;
    ui_relayout(u);
    line_set(text);
}

static void run_command(struct ui *u, const struct console_command_info *info)
{
    if (*info->args && *info->args != '[') {
        take_to_line(u, info);
        return;
    }
    char text[80];
    snprintf(text, sizeof text, "/%s", info->name);
    overlay_close(u);
    console_submit(u->console, slice_cstr(text), "keys", NULL);
}

static bool palette_key(struct ui *u, const struct input_unit *unit)
{
    static struct command_list list;
    collect_commands(u, &list);
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_CTRL('c'):
    case KEY_ALT(':'):
        overlay_close(u);
        return true;
    case KEY_TAB_CODE:
    case KEY_ENTER_CODE:
        if (u->overlay_at >= list.n_items)
            overlay_close(u);
        else if (unit->key == KEY_TAB_CODE)
            take_to_line(u, list.items[u->overlay_at].info);
        else
            run_command(u, list.items[u->overlay_at].info);
        return true;
    default:
        if (list_move(u, unit->key, list.n_items))
            return true;
        if (field_key(&u->field, unit)) {
            u->overlay_top = u->overlay_at = 0;
            return true;
        }
        return unit->key < KEY_FN(0);
    }
}

static void draw_command(struct ui *u, const struct rect *r, int y,
                         const struct console_command_info *info, bool on)
{
    enum role role = on ? ROLE_OVERLAY_ON : ROLE_OVERLAY;
    char name[80];
    const char *key = keys_name_of(info->name);
    int name_cols = r->cols >= 70 ? NAME_COLS : 16;
    if (on)
        draw_fill(u, y, r->x + 1, r->cols - 2, role);
    snprintf(name, sizeof name, "/%s %s", info->name, info->args);
    draw_cut(u, y, r->x + 2, name_cols - 1, name, on ? ROLE_OVERLAY_ON : ROLE_OVERLAY_KEY);
    int room = r->cols - name_cols - 4 - (key ? (int)strlen(key) + 2 : 0);
    draw_cut(u, y, r->x + 2 + name_cols, room, info->help, role);
    if (key)
        draw_right(u, y, r->x + r->cols - 14, 12, key, on ? ROLE_OVERLAY_ON : ROLE_OVERLAY_DIM);
}

static void palette_draw(struct ui *u)
{
    static struct command_list list;
    struct rect r = page_rect(u);
    char title[40];
    collect_commands(u, &list);
    if (u->overlay_at >= list.n_items)
        u->overlay_at = list.n_items > 0 ? list.n_items - 1 : 0;
    size_t top = list_top(u, u->overlay_at);
    snprintf(title, sizeof title, "Commands");
    draw_box(u, &r, title, " letters narrow   Enter runs   Tab takes it to the line   Esc closes ");
    draw_filter(u, &r, r.x + 13);
    for (size_t i = 0; i < list_height(u) && top + i < list.n_items; i++)
        draw_command(u, &r, r.y + 1 + (int)i, list.items[top + i].info, top + i == u->overlay_at);
    if (list.n_items == 0)
        draw_own(u, r.y + 1, r.x + 2, r.cols - 4, "no command has these letters", ROLE_OVERLAY_DIM);
}

static const struct overlay_ops palette_ops = {.draw = palette_draw, .key = palette_key};

void palette_open(struct ui *u)
{
    overlay_open(u, &palette_ops);
}
