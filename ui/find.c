/* Finding text in the transcript, as the person types: every line is looked at once, folded ones
 * too, and a bit for each says where a hit is; so the count is known, and n and N cost nothing. A
 * long transcript is looked through in slices between turns of the loop, so that keys are never
 * kept waiting.
 *
 * A text between slashes is an extended regular expression (POSIX). Capital letters make case
 * count.
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum { SLICE_NS = 5000000, CHECK_EVERY_LINES = 64 };

struct pattern {
    regex_t re;
    bool is_regex, case_counts;
    char plain[NEEDLE_OCTETS];
};

/* ---- one text ---- */

static bool has_capital(const char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            return true;
    return false;
}

static void pattern_free(struct pattern **p)
{
    if (*p && (*p)->is_regex)
        regfree(&(*p)->re);
    mem_free(*p);
    *p = NULL;
}

/* NULL: nothing to look for, or error says why it does not read. */
static struct pattern *pattern_new(const char *text, char *error, size_t error_octets)
{
    struct pattern *p = mem_zalloc(sizeof *p);
    size_t len = strlen(text);
    *error = '\0';
    p->case_counts = has_capital(text);
    p->is_regex = len > 1 && text[0] == '/';
    if (p->is_regex) {
        bool closed = len > 2 && text[len - 1] == '/';
        memcpy(p->plain, text + 1, len - 1 - closed);
        int code = regcomp(&p->re, p->plain, REG_EXTENDED | (p->case_counts ? 0 : REG_ICASE));
        if (code != 0) {
            regerror(code, &p->re, error, error_octets);
            p->is_regex = false;
            pattern_free(&p);
        }
    } else {
        memcpy(p->plain, text, len);
        if (len == 0)
            pattern_free(&p);
    }
    return p;
}

static bool find_regex(const struct pattern *p, const char *text, size_t *at_inout, size_t *len_out)
{
    regmatch_t match;
    size_t at = *at_inout;
    if (at > strlen(text) || regexec(&p->re, text + at, 1, &match, at > 0 ? REG_NOTBOL : 0) != 0)
        return false;
    *at_inout = at + (size_t)match.rm_so;
    *len_out = (size_t)(match.rm_eo - match.rm_so);
    return text[*at_inout] != '\0' || *at_inout == 0;
}

static bool find_plain(const struct pattern *p, const char *text, size_t *at_inout, size_t *len_out)
{
    struct slice all = slice_cstr(text), wanted = slice_cstr(p->plain);
    for (size_t i = *at_inout; i + wanted.len <= all.len; i++) {
        struct slice here = slice_take(slice_skip(all, i), wanted.len);
        if (p->case_counts ? slice_eq(here, wanted) : slice_eq_nocase(here, wanted)) {
            *at_inout = i;
            *len_out = wanted.len;
            return true;
        }
    }
    return false;
}

bool find_in(const struct ui *u, const char *text, size_t *at_inout, size_t *len_out)
{
    const struct pattern *p = u->transcript.find.pattern;
    if (!p)
        return false;
    return p->is_regex ? find_regex(p, text, at_inout, len_out)
                       : find_plain(p, text, at_inout, len_out);
}

static bool line_hit(struct ui *u, size_t index, struct vis_text *text)
{
    size_t at = 0, len;
    vis_reset(text);
    transcript_text(u->transcript.lines, index, ui_vis_flags(u), TRANSCRIPT_LINE_MAX_OCTETS, text);
    return find_in(u, vis_cstr(text), &at, &len);
}

/* ---- going to a hit ---- */

static bool is_reachable(const struct ui *u, size_t index)
{
    return !filter_is_on(u) || bits_get(&u->transcript.filter.shown, index);
}

static size_t hits_before(const struct ui *u, size_t index)
{
    size_t n = 0;
    const struct line_bits *hits = &u->transcript.find.hits;
    for (size_t at = bits_next(hits, 0); at < index; at = bits_next(hits, at + 1))
        n++;
    return n;
}

static void say_where(struct ui *u, size_t index)
{
    const struct find *f = &u->transcript.find;
    if (f->running)
        ui_say(u, false, "line %zu; counting hits   n next   N before", index + 1);
    else
        ui_say(u, false, "hit %zu of %zu, line %zu   n next   N before", hits_before(u, index) + 1,
               f->hits.n_set, index + 1);
}

static void go_to(struct ui *u, size_t index)
{
    struct fold_run *run = fold_closed_at(u, index);
    if (run)
        run->folded = 0;
    u->transcript.find.jump = false;
    transcript_select(u, index);
    say_where(u, index);
}

/* The hit before or after a line, round the end; SIZE_MAX: there is none to be seen. */
static size_t hit_from(const struct ui *u, size_t from, bool back)
{
    const struct line_bits *hits = &u->transcript.find.hits;
    size_t count = transcript_count(u->transcript.lines);
    for (size_t tries = 0; tries <= hits->n_set; tries++) {
        size_t at = back ? bits_previous(hits, from) : bits_next(hits, from);
        if (at == SIZE_MAX || at >= count)
            at = back ? bits_previous(hits, count) : bits_next(hits, 0);
        if (at == SIZE_MAX)
            break;
        if (is_reachable(u, at))
            return at;
        if (back && at == 0)
            from = count;
        else
            from = back ? at - 1 : at + 1;
    }
    return SIZE_MAX;
}

static void say_none(struct ui *u)
{
    const struct find *f = &u->transcript.find;
    if (f->hits.n_set > 0)
        ui_say(u, true, "%zu hit%s, all hidden by the filter", f->hits.n_set,
               f->hits.n_set == 1 ? "" : "s");
    else
        ui_say(u, true, "not found: %s", f->text);
}

/* ---- looking ---- */

static void look(struct ui *u)
{
    struct find *f = &u->transcript.find;
    uint64_t start_ns = ui_now_ns(u);
    struct vis_text text;
    vis_init(&text);
    for (size_t done = 1; f->left > 0; done++) {
        size_t index = f->at;
        f->left--;
        f->at = f->back ? (index + f->seen - 1) % f->seen : (index + 1) % f->seen;
        if (line_hit(u, index, &text)) {
            bits_set(&f->hits, index);
            if (f->jump && is_reachable(u, index))
                go_to(u, index);
        }
        if (done % CHECK_EVERY_LINES == 0 && ui_now_ns(u) - start_ns > SLICE_NS)
            break;
    }
    vis_deinit(&text);
}

static void look_on(void *ctx)
{
    struct ui *u = ctx;
    struct find *f = &u->transcript.find;
    if (!f->running)
        return;
    look(u);
    if (f->left > 0) {
        loop_timer_start(f->timer, 1);
        return;
    }
    f->running = false;
    if (f->jump)
        say_none(u);
    else if (bits_get(&f->hits, u->transcript.selected))
        say_where(u, u->transcript.selected);
    f->jump = false;
    find_advance(u);
}

void find_start(struct ui *u, struct slice text, bool back)
{
    struct transcript_pane *t = &u->transcript;
    struct find *f = &t->find;
    size_t len = text.len < sizeof f->text - 1 ? text.len : sizeof f->text - 1;
    if (len > 0) /* text may be a part of what is there, or nothing at all */
        memmove(f->text, text.ptr, len);
    f->text[len] = '\0';
    pattern_free(&f->pattern);
    bits_reset(&f->hits);
    f->pattern = pattern_new(f->text, f->error, sizeof f->error);
    f->running = false;
    f->seen = transcript_count(t->lines);
    if (!f->pattern || f->seen == 0)
        return;
    if (!f->timer)
        f->timer = loop_timer_new(u->loop, look_on, u);
    f->back = back;
    f->at = t->selected < f->seen ? t->selected : f->seen - 1;
    f->left = f->seen;
    f->running = f->jump = true;
    look_on(u);
}

void find_advance(struct ui *u)
{
    struct find *f = &u->transcript.find;
    size_t count = transcript_count(u->transcript.lines);
    if (!f->pattern || f->running || f->seen >= count)
        return;
    struct vis_text text;
    vis_init(&text);
    /* The last line may have grown since. */
    for (size_t i = f->seen > 0 ? f->seen - 1 : 0; i < count; i++)
        if (line_hit(u, i, &text))
            bits_set(&f->hits, i);
    vis_deinit(&text);
    f->seen = count;
}

void find_step(struct ui *u, int direction)
{
    struct transcript_pane *t = &u->transcript;
    struct find *f = &t->find;
    if (!f->pattern) {
        ui_say(u, *f->error != '\0', "%s", *f->error ? f->error : "find what? F3 asks");
        return;
    }
    size_t from = direction < 0 ? (t->selected > 0 ? t->selected - 1 : f->seen) : t->selected + 1;
    size_t at = hit_from(u, from, direction < 0);
    if (at != SIZE_MAX)
        go_to(u, at);
    else if (f->running)
        f->jump = true;
    else
        say_none(u);
}

void find_close(struct ui *u)
{
    struct find *f = &u->transcript.find;
    pattern_free(&f->pattern);
    bits_reset(&f->hits);
    if (f->timer)
        loop_timer_free(&f->timer);
    f->text[0] = '\0';
    f->running = false;
}

/* ---- the field ---- */

static void drop(struct ui *u)
{
    find_start(u, (struct slice){0}, false);
}

static bool find_key(struct ui *u, const struct input_unit *unit)
{
    switch (unit->key) {
    case KEY_ESC_CODE:
    case KEY_CTRL('c'):
        drop(u);
        overlay_close(u);
        return true;
    case KEY_ENTER_CODE:
        overlay_close(u);
        u->focus = PANE_TRANSCRIPT; /* where n and N go on */
        ui_relayout(u);
        return true;
    case KEY_UP_CODE:
    case KEY_DOWN_CODE:
        find_step(u, unit->key == KEY_UP_CODE ? -1 : 1);
        return true;
    default:
        if (field_key(&u->field, unit)) {
            /* The line one stands on counts, too: more letters narrow the same hit. */
            find_start(u, slice_of(u->field.text, u->field.len), true);
            return true;
        }
        return false;
    }
}

static void find_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt, *h = &u->layout.hint;
    const struct find *f = &u->transcript.find;
    draw_fill(u, p->y, p->x, p->cols, ROLE_TEXT);
    int x = p->x + draw_own(u, p->y, p->x, p->cols, "find: ", *f->error ? ROLE_BAD : ROLE_PROMPT);
    x += draw_peer(u, p->y, x, p->x + p->cols - x, slice_of(u->field.text, u->field.len),
                   *f->error ? ROLE_LINT : ROLE_INPUT);
    draw_cursor(u, p->y, x);
    if (u->field.len == 0)
        draw_own(u, p->y, x + 2, p->x + p->cols - x - 2, "text, or /regular expression/",
                 ROLE_GHOST);
    if (h->rows == 0)
        return;
    draw_fill(u, h->y, h->x, h->cols, ROLE_TEXT);
    if (*f->error) {
        int taken = draw_own(u, h->y, h->x, h->cols, "! ", ROLE_LINT);
        draw_peer(u, h->y, h->x + taken, h->cols - taken, slice_cstr(f->error), ROLE_LINT);
    } else {
        draw_own(u, h->y, h->x, h->cols,
                 "Up before   Down next   Enter to the transcript (n N go on)   Esc ends",
                 ROLE_INFO);
    }
}

static const struct overlay_ops find_ops = {.draw = find_draw, .key = find_key};

void find_open(struct ui *u)
{
    overlay_open(u, &find_ops);
}
