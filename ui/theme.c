/* Colours: the table is roles.def; pairs are allocated when they are first asked for. */
#include <ncurses.h>

#include "ui_private.h"

struct style {
    short fg, bg;   /* of 256 */
    short fg8, bg8; /* of 8 */
    attr_t attr;
};
#define S(...)                                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
static const struct style styles[ROLE__COUNT][THEME__COUNT] = {
#define ROLE(name, dark, light, contrast, mono) [ROLE_##name] = {dark, light, contrast, mono},
#include "roles.def"
#undef ROLE
};
#undef S

static const char *const theme_names[THEME__COUNT] = {"dark", "light", "contrast", "mono"};

enum { PAIRS_MAX = 63 }; /* what the poorest terminal with colours has */
static struct {
    short fg, bg;
} pairs[PAIRS_MAX + 1];
static short n_pairs;
static bool have_colors;

enum theme theme_by_name(struct slice name)
{
    for (int i = 0; i < THEME__COUNT; i++)
        if (slice_eq(name, slice_cstr(theme_names[i])))
            return (enum theme)i;
    return THEME__COUNT;
}

bool theme_start(void)
{
    n_pairs = 0;
    have_colors = has_colors() && start_color() == OK && COLORS >= 8;
    if (have_colors)
        use_default_colors();
    return have_colors;
}

/* On a direct-colour terminal (TERM *-direct) a number is red, green and blue, but for the first
 * eight; ours are places in xterm's palette of 256. */
static int color_number(short place)
{
    static const int ansi_bright[8] = {0x808080, 0xFF5555, 0x55FF55, 0xFFFF55,
                                       0x5C9CFF, 0xFF55FF, 0x55FFFF, 0xFFFFFF};
    static const int steps[6] = {0, 95, 135, 175, 215, 255};
    if (COLORS <= 256 || place < 8)
        return place;
    if (place < 16)
        return ansi_bright[place - 8];
    if (place >= 232) {
        int gray = 8 + 10 * (place - 232);
        return gray << 16 | gray << 8 | gray;
    }
    int cube = place - 16;
    return steps[cube / 36] << 16 | steps[cube / 6 % 6] << 8 | steps[cube % 6];
}

static short pair_for(short fg, short bg)
{
    if (fg == -1 && bg == -1)
        return 0;
    for (short i = 1; i <= n_pairs; i++)
        if (pairs[i].fg == fg && pairs[i].bg == bg)
            return i;
    if (n_pairs == PAIRS_MAX || n_pairs + 1 >= COLOR_PAIRS)
        return 0;
    n_pairs++;
    pairs[n_pairs].fg = fg;
    pairs[n_pairs].bg = bg;
    init_extended_pair(n_pairs, color_number(fg), color_number(bg));
    return n_pairs;
}

unsigned long theme_attr(struct ui *u, enum role role, short *pair_out)
{
    bool mono = u->no_color || !have_colors;
    const struct style *s = &styles[role][mono ? THEME_MONO : u->theme];
    *pair_out = 0;
    if (!mono && u->theme != THEME_MONO)
        *pair_out = COLORS >= 256 ? pair_for(s->fg, s->bg) : pair_for(s->fg8, s->bg8);
    return s->attr;
}
