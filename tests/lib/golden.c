/* See golden.h. */
#include "golden.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const char *const golden_themes[GOLDEN_THEMES] = {"dark", "light", "contrast", "mono"};

/* A style in each theme, and the letter that stands for it. */
struct style {
    char in[GOLDEN_THEMES][VT_STYLE_OCTETS];
};
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&*+/<=>?@^_";
enum { STYLES_MAX = sizeof letters - 1, UNKNOWN = -1, PLAIN = -2 };
static struct style styles[STYLES_MAX];
static int n_styles = -1; /* not read yet */

static const char *golden_dir(void)
{
    const char *dir = getenv("VT_GOLDEN_DIR");
    return dir ? dir : "tests/screen/golden";
}

static bool updating(void)
{
    const char *update = getenv("UPDATE_GOLDEN");
    return update && *update == '1';
}

static FILE *open_file(const char *name, const char *mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.txt", golden_dir(), name);
    return fopen(path, mode);
}

/* ---- styles ---- */

static void styles_read(void)
{
    FILE *f = n_styles < 0 ? open_file("styles", "re") : NULL;
    struct style s;
    char letter;
    n_styles = n_styles < 0 ? 0 : n_styles;
    while (f && n_styles < STYLES_MAX &&
           fscanf(f, " %c dark=%95s light=%95s contrast=%95s mono=%95s", &letter, s.in[0], s.in[1],
                  s.in[2], s.in[3]) == 1 + GOLDEN_THEMES) {
        assert_int_equal(letter, letters[n_styles]);
        styles[n_styles++] = s;
    }
    if (f)
        fclose(f);
}

static void styles_write(void)
{
    FILE *f = open_file("styles", "we");
    assert_non_null(f);
    for (int i = 0; i < n_styles; i++) {
        fprintf(f, "%c", letters[i]);
        for (int t = 0; t < GOLDEN_THEMES; t++)
            fprintf(f, " %s=%s", golden_themes[t], styles[i].in[t]);
        fputc('\n', f);
    }
    fclose(f);
}

/* Does the cell look so in the themes that are there? */
static bool looks(const struct style *wanted, const struct style *seen)
{
    for (int t = 0; t < GOLDEN_THEMES; t++)
        if (seen->in[t][0] && strcmp(wanted->in[t], seen->in[t]) != 0)
            return false;
    return true;
}

/* `expected` first: with one theme alone, several styles look the same. */
static int style_index(const struct style *seen, int expected)
{
    static const struct style plain = {{"-", "-", "-", "-"}};
    if (expected == PLAIN ? looks(&plain, seen) : expected >= 0 && looks(&styles[expected], seen))
        return expected;
    if (looks(&plain, seen))
        return PLAIN;
    for (int i = 0; i < n_styles; i++)
        if (looks(&styles[i], seen))
            return i;
    if (!updating() || n_styles == STYLES_MAX)
        return UNKNOWN;
    styles[n_styles++] = *seen;
    styles_write();
    return n_styles - 1;
}

/* ---- one screen as text ---- */

/* What is another one in each run: digests of keys (runs of hexadecimal digits this long become x)
 * and the directory of the terminal's own. */
static const char *mask(char *text)
{
    enum { DIGEST_DIGITS = 20, RANDOM_LETTERS = 6 };
    static const char home[] = "/vt-home-";
    for (char *at = text; (at = strstr(at, home)) != NULL;) {
        at += sizeof home - 1;
        for (int i = 0; i < RANDOM_LETTERS && isalnum((unsigned char)*at); i++)
            *at++ = 'X';
    }
    for (char *at = text; *at; at++) {
        size_t n = strspn(at, "0123456789abcdefABCDEF");
        if (n >= DIGEST_DIGITS)
            memset(at, 'x', n);
        at += n > 0 ? n - 1 : 0;
    }
    return text;
}

/* The golden file's styles of a row, from its runs; PLAIN behind their end. */
enum { COLS_MAX = 512 };
static void expected_styles(const char *golden, int row, int out[COLS_MAX])
{
    char key[16];
    snprintf(key, sizeof key, "\n%02d~", row);
    const char *at = golden ? strstr(golden, key) : NULL;
    int col = 0;
    for (at = at ? at + strlen(key) : NULL; at && *at && *at != '\n';) {
        char letter = *at++, *end;
        int n = isdigit((unsigned char)*at) ? (int)strtol(at, &end, 10) : 1;
        if (isdigit((unsigned char)*at))
            at = end;
        const char *found = letter == '.' ? NULL : strchr(letters, letter);
        for (; n > 0 && col < COLS_MAX; n--)
            out[col++] = found ? (int)(found - letters) : PLAIN;
    }
    while (col < COLS_MAX)
        out[col++] = PLAIN;
}

static void put_run(FILE *out, char letter, int n)
{
    if (n == 1)
        fputc(letter, out);
    else if (n > 1)
        fprintf(out, "%c%d", letter, n);
}

static void put_styles(FILE *out, struct vt *const by_theme[GOLDEN_THEMES], int row, int cols,
                       const char *golden)
{
    char run = '.';
    int n = 0, expected[COLS_MAX];
    bool any = false;
    expected_styles(golden, row, expected);
    for (int col = 0; col < cols && col < COLS_MAX; col++) {
        struct style seen = {{""}};
        for (int t = 0; t < GOLDEN_THEMES; t++)
            if (by_theme[t])
                vt_style(by_theme[t], row, col, seen.in[t]);
        int index = style_index(&seen, expected[col]);
        char letter = index == PLAIN ? '.' : index == UNKNOWN ? '-' : letters[index];
        if (letter != run) {
            if (!any && (n > 0 || letter != '.'))
                fprintf(out, "%02d~", row);
            any = true;
            put_run(out, run, n);
            n = 0;
            run = letter;
        }
        n++;
    }
    if (run != '.') {
        if (!any)
            fprintf(out, "%02d~", row);
        any = true;
        put_run(out, run, n);
    }
    if (any)
        fputc('\n', out);
}

static char *dump(struct vt *const by_theme[GOLDEN_THEMES], struct vt *v, const char *golden)
{
    char *text = NULL, row_text[4096];
    size_t len = 0;
    int rows, cols, row_at, col_at;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    vt_size(v, &rows, &cols);
    for (int row = 0; row < rows; row++) {
        snprintf(row_text, sizeof row_text, "%s", vt_row(v, row));
        fprintf(out, "%02d|%s\n", row, mask(row_text));
        put_styles(out, by_theme, row, cols, golden);
    }
    vt_cursor(v, &row_at, &col_at);
    fprintf(out, "cursor %d,%d\n", row_at, col_at);
    fclose(out);
    return text;
}

/* ---- comparing ---- */

static char *read_whole(const char *name)
{
    FILE *f = open_file(name, "re");
    char *text = NULL;
    size_t len = 0;
    if (!f)
        return NULL;
    if (getdelim(&text, &len, '\0', f) < 0) {
        free(text);
        text = NULL;
    }
    fclose(f);
    return text;
}

/* The lines that differ, in pairs; both begin with their number. */
static void print_difference(const char *golden, const char *got)
{
    while (*golden || *got) {
        size_t a = strcspn(golden, "\n"), b = strcspn(got, "\n");
        if (a != b || memcmp(golden, got, a) != 0)
            fprintf(stderr, "- %.*s\n+ %.*s\n", (int)a, golden, (int)b, got);
        golden += a + (golden[a] == '\n');
        got += b + (got[b] == '\n');
    }
}

static bool same_text(const char *golden, const char *got, const char *name, const char *theme)
{
    if (golden && strcmp(golden, got) == 0)
        return true;
    fprintf(stderr, "--- %s/%s.txt%s%s, what is expected (-) and what is there (+)\n", golden_dir(),
            name, theme ? " in theme " : "", theme ? theme : "");
    print_difference(golden ? golden : "", got);
    return false;
}

static void update(struct vt *const by_theme[GOLDEN_THEMES], const char *name)
{
    for (int t = 0; t < GOLDEN_THEMES; t++)
        assert_non_null(by_theme[t]); /* a style is what it is in all of them */
    char *text = dump(by_theme, by_theme[0], NULL);
    FILE *f = open_file(name, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(text);
}

void golden_assert(struct vt *const by_theme[GOLDEN_THEMES], const char *name)
{
    bool same = true;
    styles_read();
    if (updating())
        update(by_theme, name);
    char *golden = read_whole(name);
    for (int t = 0; t < GOLDEN_THEMES && same; t++) {
        struct vt *only[GOLDEN_THEMES] = {NULL};
        if (!by_theme[t])
            continue;
        only[t] = by_theme[t];
        char *text = dump(only, by_theme[t], golden);
        same = same_text(golden, text, name, golden_themes[t]);
        free(text);
    }
    free(golden);
    if (!same)
        fail_msg("the screen is not %s", name);
}

void golden_assert_dark(struct vt *v, const char *name)
{
    struct vt *const only[GOLDEN_THEMES] = {v};
    golden_assert(only, name);
}

/* ---- the program in each theme ---- */

const struct golden_size golden_sizes[GOLDEN_ALL] = {{80, 24}, {120, 40}, {200, 60},
                                                     {40, 10}, {20, 5},   {1, 1}};

bool golden_wanted(const char *name)
{
    const char *only = getenv("GOLDEN_ONLY");
    return !only || strcmp(only, name) == 0;
}

void golden_open(struct golden_stage *s, const struct golden_size *size, const char *const *args)
{
    enum { ARGS_MAX = 12 };
    static const char *const env[] = {SCREEN_CLOCK, NULL};
    const char *argv[ARGS_MAX + 4] = {screen_program()};
    size_t n = 1;
    for (; n < ARGS_MAX && args[n - 1]; n++)
        argv[n] = args[n - 1];
    s->size = size;
    argv[n] = "--theme";
    for (int t = 0; t < GOLDEN_THEMES; t++) {
        argv[n + 1] = golden_themes[t];
        s->v[t] = vt_spawn(argv, size->rows, size->cols, "xterm-256color", env);
    }
    for (int t = 0; t < GOLDEN_THEMES; t++)
        vt_sync(s->v[t]);
}

void golden_close(struct golden_stage *s)
{
    for (int t = 0; t < GOLDEN_THEMES; t++)
        vt_free(&s->v[t]);
}

void golden_press(struct golden_stage *s, const char *keys)
{
    static const char esc_key[] = "<Esc>"; /* stands apart from what follows, or it would be Alt */
    do {
        const char *esc = strstr(keys, esc_key);
        char part[200];
        size_t len = !esc ? strlen(keys) : esc == keys ? sizeof esc_key - 1 : (size_t)(esc - keys);
        assert_true(len < sizeof part);
        snprintf(part, sizeof part, "%.*s", (int)len, keys);
        for (int t = 0; t < GOLDEN_THEMES; t++)
            vt_key(s->v[t], part);
        for (int t = 0; t < GOLDEN_THEMES; t++)
            vt_sync(s->v[t]);
        keys += len;
    } while (*keys);
}

void golden_settle(struct golden_stage *s)
{
    enum { TURNS = 8 };
    for (int i = 0; i < TURNS; i++)
        golden_press(s, "");
}

void golden_say(struct golden_stage *s, const char *line)
{
    for (int t = 0; t < GOLDEN_THEMES; t++)
        screen_line(s->v[t], line);
    golden_settle(s);
}

void golden_look(struct golden_stage *s, const char *name)
{
    char full[80];
    snprintf(full, sizeof full, "%s-%dx%d", name, s->size->cols, s->size->rows);
    golden_press(s, "");
    golden_assert(s->v, full);
}
