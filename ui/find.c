/* Finding in the transcript: literal, ASCII case ignored, as the person types. A long transcript is
 * searched in slices between turns of the loop, so that keys are never kept waiting. Folded lines
 * are searched, too, and unfolded where they are hit. */
#include <string.h>

#include "ui_private.h"

enum { SLICE_NS = 5000000, CHECK_EVERY_LINES = 64 };

static bool hit(struct ui *u, size_t index, struct vis_text *text)
{
    struct slice needle = slice_cstr(u->transcript.needle);
    vis_reset(text);
    transcript_text(u->transcript.lines, index, ui_vis_flags(u), TRANSCRIPT_LINE_MAX_OCTETS, text);
    struct slice all = buf_slice(&text->text);
    for (size_t i = 0; i + needle.len <= all.len; i++)
        if (slice_eq_nocase(slice_take(slice_skip(all, i), needle.len), needle))
            return true;
    return false;
}

static void found(struct ui *u, size_t index)
{
    struct content_run *run = transcript_run(u, index);
    if (run && transcript_folded(u, run))
        run->folded = 0;
    u->transcript.find_running = false;
    transcript_select(u, index);
    ui_say(u, false, "found: line %zu of %zu   n next   N before", index + 1,
           transcript_count(u->transcript.lines));
}

static void search_slice(void *ctx)
{
    struct ui *u = ctx;
    struct transcript_pane *t = &u->transcript;
    size_t count = transcript_count(t->lines);
    uint64_t start_ns = ui_now_ns(u);
    struct vis_text text;
    if (!t->find_running || count == 0)
        return;
    vis_init(&text);
    for (size_t done = 1; t->find_left > 0; done++) {
        size_t index = t->find_at % count;
        t->find_left--;
        t->find_at = t->find_back ? (index + count - 1) % count : (index + 1) % count;
        if (hit(u, index, &text)) {
            found(u, index);
            break;
        }
        if (done % CHECK_EVERY_LINES == 0 && ui_now_ns(u) - start_ns > SLICE_NS)
            break;
    }
    vis_deinit(&text);
    if (!t->find_running)
        return;
    if (t->find_left == 0) {
        t->find_running = false;
        ui_say(u, true, "not found: %s", t->needle);
    } else {
        loop_timer_start(t->find_timer, 1);
    }
}

void transcript_find(struct ui *u, int direction)
{
    struct transcript_pane *t = &u->transcript;
    size_t count = transcript_count(t->lines);
    if (!t->needle[0] || count == 0) {
        ui_say(u, false, count ? "find what? F3 asks" : "the transcript is empty");
        return;
    }
    if (!t->find_timer)
        t->find_timer = loop_timer_new(u->loop, search_slice, u);
    t->find_back = direction < 0;
    t->find_at = (t->selected + (direction < 0 ? count - 1 : 1)) % count;
    t->find_left = count;
    t->find_running = true;
    search_slice(u);
}

/* ---- the field ---- */

static void typed(struct ui *u)
{
    struct transcript_pane *t = &u->transcript;
    size_t len = u->field.len < sizeof t->needle - 1 ? u->field.len : sizeof t->needle - 1;
    memcpy(t->needle, u->field.text, len);
    t->needle[len] = '\0';
    if (len > 0) {
        /* The line one stands on counts, too: more letters narrow the same hit. */
        size_t count = transcript_count(t->lines);
        if (count > 0) {
            t->selected = (t->selected + 1) % count;
            transcript_find(u, -1);
        }
    }
}

static bool find_key(struct ui *u, const struct input_unit *unit)
{
    switch (unit->key) {
    case KEY_ESC_CODE:
        u->transcript.needle[0] = '\0';
        u->transcript.find_running = false;
        overlay_close(u);
        return true;
    case KEY_ENTER_CODE:
        overlay_close(u);
        u->focus = PANE_TRANSCRIPT; /* where n and N go on */
        ui_relayout(u);
        return true;
    case KEY_UP_CODE:
    case KEY_DOWN_CODE:
        transcript_find(u, unit->key == KEY_UP_CODE ? -1 : 1);
        return true;
    default:
        if (field_key(&u->field, unit)) {
            typed(u);
            return true;
        }
        return false;
    }
}

static void find_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt;
    draw_fill(u, p->y, p->x, p->cols, ROLE_TEXT);
    int x = p->x + draw_own(u, p->y, p->x, p->cols, "find: ", ROLE_PROMPT);
    x += draw_peer(u, p->y, x, p->x + p->cols - x, slice_of(u->field.text, u->field.len),
                   ROLE_INPUT);
    draw_cursor(u, p->y, x);
    if (u->layout.hint.rows > 0) {
        draw_fill(u, u->layout.hint.y, u->layout.hint.x, u->layout.hint.cols, ROLE_TEXT);
        draw_own(u, u->layout.hint.y, u->layout.hint.x, u->layout.hint.cols,
                 "Up before   Down next   Enter to the transcript (n N go on)   Esc ends",
                 ROLE_INFO);
    }
}

static const struct overlay_ops find_ops = {.draw = find_draw, .key = find_key};

void find_open(struct ui *u)
{
    overlay_open(u, &find_ops);
}
