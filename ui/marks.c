/* Marks (a to z, or words) and remarks of the person: where they stand, as the journal says it. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

static void take_mark(struct ui *u, const struct event *ev)
{
    struct ev_mark e;
    char name[sizeof u->marks->name];
    EVENT_GET(ev, MARK, &e);
    vis_to_cstr(name, sizeof name, e.name);
    size_t i = 0;
    while (i < u->n_marks && strcmp(u->marks[i].name, name) != 0)
        i++;
    if (i == MARKS_MAX)
        return;
    /* The mark that was set last stands last. */
    if (i < u->n_marks) {
        memmove(&u->marks[i], &u->marks[i + 1], (u->n_marks - i - 1) * sizeof *u->marks);
        i = u->n_marks - 1;
    } else {
        u->marks = mem_realloc(u->marks, (u->n_marks + 1) * sizeof *u->marks);
        u->n_marks++;
    }
    memcpy(u->marks[i].name, name, sizeof name);
    u->marks[i].seq = ev->cause_seq;
}

static void take_remark(struct ui *u, const struct event *ev)
{
    struct ev_note e;
    EVENT_GET(ev, NOTE, &e);
    if (e.level != LEVEL_REMARK || ev->cause_seq == 0)
        return;
    if (u->n_remarks == u->alloc_remarks) {
        u->alloc_remarks = u->alloc_remarks ? 2 * u->alloc_remarks : 8;
        u->remarks = mem_realloc(u->remarks, u->alloc_remarks * sizeof *u->remarks);
    }
    u->remarks[u->n_remarks++] = (struct remark){.at_seq = ev->cause_seq, .note_seq = ev->seq};
}

void marks_take(struct ui *u, const struct event *ev)
{
    if (ev->kind == EVENT_MARK)
        take_mark(u, ev);
    else if (ev->kind == EVENT_NOTE)
        take_remark(u, ev);
}

void marks_close(struct ui *u)
{
    mem_free(u->marks);
    mem_free(u->remarks);
    u->marks = NULL;
    u->remarks = NULL;
    u->n_marks = u->n_remarks = u->alloc_remarks = 0;
}

const struct mark *mark_at(const struct ui *u, uint64_t seq)
{
    for (size_t i = u->n_marks; i-- > 0;)
        if (u->marks[i].seq == seq)
            return &u->marks[i];
    return NULL;
}

const struct mark *mark_by_name(const struct ui *u, struct slice name)
{
    for (size_t i = 0; i < u->n_marks; i++)
        if (slice_eq(name, slice_cstr(u->marks[i].name)))
            return &u->marks[i];
    return NULL;
}

struct slice remark_at(const struct ui *u, uint64_t seq)
{
    struct ev_note e;
    for (size_t i = u->n_remarks; i-- > 0;) {
        if (u->remarks[i].at_seq != seq)
            continue;
        const struct event *ev = journal_at(u->journal, u->remarks[i].note_seq);
        if (!ev)
            break;
        EVENT_GET(ev, NOTE, &e);
        return e.text;
    }
    return (struct slice){0};
}

/* ---- in words ---- */

static double seconds_of(const struct ui *u, const struct mark *m)
{
    size_t count = transcript_count(u->transcript.lines);
    size_t index = transcript_find_seq(u->transcript.lines, m->seq);
    return index < count ? (double)transcript_tick_ns(u->transcript.lines, index) / 1e9 : 0;
}

static double since_start(const struct ui *u, const struct mark *m)
{
    size_t count = transcript_count(u->transcript.lines);
    size_t index = transcript_find_seq(u->transcript.lines, m->seq);
    return index < count ? (double)transcript_at_us(u->transcript.lines, index) / 1e6 : 0;
}

void marks_text(const struct ui *u, char *out, size_t out_octets)
{
    char between[32];
    *out = '\0';
    if (u->n_marks == 0)
        return;
    const struct mark *b = &u->marks[u->n_marks - 1];
    if (u->n_marks == 1) {
        snprintf(out, out_octets, "mark %s %.3f", b->name, since_start(u, b));
        return;
    }
    const struct mark *a = &u->marks[u->n_marks - 2];
    double seconds = seconds_of(u, b) - seconds_of(u, a);
    duration_text((uint64_t)((seconds < 0 ? -seconds : seconds) * 1e6 + 0.5), between,
                  sizeof between);
    snprintf(out, out_octets, "marks: %s %.3f  %s %.3f  Δ %s", a->name, since_start(u, a), b->name,
             since_start(u, b), between);
}

/* ---- the key behind m and ' ---- */

static bool mark_key(struct ui *u, const struct input_unit *unit)
{
    bool jump = u->mark_jump;
    char text[16];
    overlay_close(u);
    if (unit->key >= 'a' && unit->key <= 'z') {
        snprintf(text, sizeof text, "%smark %c", jump ? "goto " : "/", (int)unit->key);
        if (jump)
            view_line(u, text);
        else
            console_submit(u->console, slice_cstr(text), "keys", NULL);
    } else if (unit->key != KEY_ESC_CODE) {
        ui_say(u, false, "marks are the letters a to z");
    }
    return true;
}

static void mark_draw(struct ui *u)
{
    char text[160], marks[100];
    const struct rect *h = u->layout.hint.rows ? &u->layout.hint : &u->layout.prompt;
    marks_text(u, marks, sizeof marks);
    snprintf(text, sizeof text, "%s a letter, a to z%s%s",
             u->mark_jump ? "go to mark:" : "mark:", *marks ? "   " : "", marks);
    draw_fill(u, h->y, h->x, h->cols, ROLE_TEXT);
    draw_own(u, h->y, h->x, h->cols, text, ROLE_PROMPT);
}

static const struct overlay_ops mark_ops = {.draw = mark_draw, .key = mark_key};

void mark_key_open(struct ui *u, bool jump)
{
    overlay_open(u, &mark_ops);
    u->mark_jump = jump;
}
