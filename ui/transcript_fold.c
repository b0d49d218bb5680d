/* What stands together in the transcript and can be folded into one row: the lines of a message,
 * of a long reply, the messages of a TLS handshake. Runs are made from the lines as they come and
 * made again where lines change; what a person folded by hand stays so.
 */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

enum {
    CONTENT_FOLD_FROM_LINES = 16,
    REPLY_FOLD_FROM_LINES = 4,
    REPLY_OPEN_FROM_ROWS = 24, /* a pane this tall has room for replies as they came */
    LOOK_AHEAD_EVENTS = 64,    /* CAPS comes soon after the last line of its reply */
    SUMMARY_MAX_COLS = 400
};

/* ---- making runs ---- */

static void runs_cut(struct transcript_pane *t, size_t first_changed)
{
    while (t->n_runs > 0 && t->runs[t->n_runs - 1].first >= first_changed)
        t->n_runs--;
    if (t->n_runs == 0)
        return;
    struct fold_run *last = &t->runs[t->n_runs - 1];
    if (last->first + last->n_lines <= first_changed)
        return;
    last->n_lines = first_changed - last->first;
    last->n_octets = 0;
    for (size_t i = 0; i < last->n_lines; i++)
        last->n_octets += transcript_at(t->lines, last->first + i)->length;
}

static bool same_side(const struct transcript_line *a, const struct transcript_line *b)
{
    return a->kind == b->kind && a->conn == b->conn && a->dir == b->dir;
}

/* Does line i go on with what `last` holds? */
static bool joins(const struct transcript_pane *t, const struct fold_run *last, size_t i)
{
    const struct transcript_line *l = transcript_at(t->lines, i);
    const struct transcript_line *before = transcript_at(t->lines, i - 1);
    if (last->first + last->n_lines != i)
        return false;
    switch ((enum fold_kind)last->kind) {
    case FOLD_CONTENT:
        return same_side(l, before);
    case FOLD_REPLY:
        return same_side(l, before) && (l->flags & TRANSCRIPT_CONT);
    case FOLD_TLS:
        return l->kind == TRANSCRIPT_TLS && l->conn == before->conn && !last->closed;
    }
    return false;
}

static bool is_tls_up(const struct ui *u, const struct transcript_line *l)
{
    const struct event *ev = journal_at(u->journal, l->seq);
    return ev && ev->kind == EVENT_TLS_UP;
}

/* The run that a line begins; false: it begins none. */
static bool begins(const struct ui *u, size_t i, struct fold_run *out)
{
    const struct transcript_pane *t = &u->transcript;
    const struct transcript_line *l = transcript_at(t->lines, i);
    *out = (struct fold_run){.first = i, .folded = -1};
    if (l->kind == TRANSCRIPT_CONTENT)
        out->kind = FOLD_CONTENT;
    else if (l->kind == TRANSCRIPT_TLS && (l->flags & TRANSCRIPT_HANDSHAKE))
        out->kind = FOLD_TLS;
    else if (l->kind == TRANSCRIPT_LINE && (l->flags & TRANSCRIPT_CONT) && i > 0 &&
             same_side(l, transcript_at(t->lines, i - 1))) {
        out->kind = FOLD_REPLY;
        out->first = i - 1;
    } else
        return false;
    return true;
}

static void run_add(struct transcript_pane *t, const struct fold_run *run)
{
    if (t->n_runs == t->runs_alloc) {
        t->runs_alloc = t->runs_alloc ? 2 * t->runs_alloc : 16;
        t->runs = mem_realloc(t->runs, t->runs_alloc * sizeof *t->runs);
    }
    t->runs[t->n_runs++] = *run;
}

static void run_take(struct ui *u, struct fold_run *run, size_t i)
{
    const struct transcript_line *l = transcript_at(u->transcript.lines, i);
    run->n_lines = i + 1 - run->first;
    run->n_octets += l->length;
    if (run->kind == FOLD_TLS && !(l->flags & TRANSCRIPT_HANDSHAKE))
        run->closed = true;
}

/* A line may turn out to be something else later: who looks checks it again. */
static void note_kind(struct transcript_pane *t, size_t i)
{
    const struct transcript_line *l = transcript_at(t->lines, i);
    if (l->kind == TRANSCRIPT_LINE && l->dir == DIR_C)
        bits_set(&t->commands, i);
    if ((l->flags & (TRANSCRIPT_REPLY_BAD | TRANSCRIPT_DEVIANT)) || l->kind == TRANSCRIPT_DEVIATION)
        bits_set(&t->errors, i);
}

void folds_update(struct ui *u, size_t first_changed)
{
    struct transcript_pane *t = &u->transcript;
    size_t count = transcript_count(t->lines);
    runs_cut(t, first_changed);
    for (size_t i = first_changed; i < count; i++) {
        note_kind(t, i);
        struct fold_run *last = t->n_runs > 0 ? &t->runs[t->n_runs - 1] : NULL;
        struct fold_run fresh;
        /* Of what follows the messages of a handshake only TLS_UP belongs to it: bad news stands on
         * a row of its own. */
        bool joined = last && i > 0 && joins(t, last, i);
        if (joined && last->kind == FOLD_TLS) {
            const struct transcript_line *l = transcript_at(t->lines, i);
            joined = (l->flags & TRANSCRIPT_HANDSHAKE) || is_tls_up(u, l);
        }
        if (joined) {
            run_take(u, last, i);
        } else if (begins(u, i, &fresh)) {
            if (fresh.first < i)
                fresh.n_octets = transcript_at(t->lines, fresh.first)->length;
            run_add(t, &fresh);
            run_take(u, &t->runs[t->n_runs - 1], i);
        }
    }
}

/* ---- asking ---- */

struct fold_run *fold_at(const struct ui *u, size_t index)
{
    const struct transcript_pane *t = &u->transcript;
    size_t low = 0, high = t->n_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct fold_run *run = &t->runs[middle];
        if (index < run->first)
            high = middle;
        else if (index >= run->first + run->n_lines)
            low = middle + 1;
        else
            return run;
    }
    return NULL;
}

bool fold_is_closed(const struct ui *u, const struct fold_run *run)
{
    const struct transcript_pane *t = &u->transcript;
    if (run->n_lines < 2)
        return false;
    if (run->folded >= 0)
        return run->folded;
    if (t->fold != FOLD_AUTO)
        return t->fold == FOLD_ALL;
    switch ((enum fold_kind)run->kind) {
    case FOLD_CONTENT: /* a message that is being written stays open */
        return run->n_lines >= CONTENT_FOLD_FROM_LINES &&
               run->first + run->n_lines < transcript_count(t->lines);
    case FOLD_REPLY:
        return run->n_lines >= REPLY_FOLD_FROM_LINES &&
               u->layout.transcript.rows < REPLY_OPEN_FROM_ROWS;
    case FOLD_TLS:
        return true;
    }
    return false;
}

struct fold_run *fold_closed_at(const struct ui *u, size_t index)
{
    struct fold_run *run = fold_at(u, index);
    return run && fold_is_closed(u, run) ? run : NULL;
}

/* ---- in one row ---- */

/* The first CAPS of a connection after (or, backwards, before) an event. */
static bool caps_near(const struct ui *u, uint32_t conn, uint64_t seq, struct ev_caps *out)
{
    for (uint64_t at = seq + 1; at <= seq + LOOK_AHEAD_EVENTS; at++) {
        const struct event *ev = journal_at(u->journal, at);
        if (!ev)
            break;
        if (ev->conn != conn)
            continue;
        if (ev->kind == EVENT_CAPS) {
            EVENT_GET(ev, CAPS, out);
            return true;
        }
        if (ev->kind == EVENT_COMMAND)
            break;
    }
    return false;
}

static struct slice next_cap(struct slice *list)
{
    ptrdiff_t lf = slice_find_octet(*list, '\n');
    struct slice one = slice_take(*list, lf < 0 ? list->len : (size_t)lf);
    *list = slice_skip(*list, lf < 0 ? list->len : (size_t)lf + 1);
    return one;
}

static bool list_has(struct slice list, struct slice wanted)
{
    while (list.len > 0)
        if (slice_eq_nocase(next_cap(&list), wanted))
            return true;
    return false;
}

static void add_cap(struct ui *u, struct vis_text *out, const char *sign, struct slice cap,
                    bool whole)
{
    struct slice rest = cap;
    vis_append_own(out, " ");
    vis_append_own(out, sign);
    vis_append(out, whole ? cap : slice_next_word(&rest), ui_vis_flags(u), SUMMARY_MAX_COLS);
}

/* "+AUTH PLAIN LOGIN -STARTTLS": what a later list has that the one before had not. */
static void caps_change(struct ui *u, const struct ev_caps *now, const struct ev_caps *before,
                        struct vis_text *out)
{
    size_t n_changes = 0;
    for (struct slice rest = now->list; rest.len > 0;) {
        struct slice one = next_cap(&rest);
        if (one.len > 0 && !list_has(before->list, one)) {
            add_cap(u, out, "+", one, true);
            n_changes++;
        }
    }
    for (struct slice rest = before->list; rest.len > 0;) {
        struct slice one = next_cap(&rest);
        if (one.len > 0 && !list_has(now->list, one)) {
            add_cap(u, out, "-", one, false);
            n_changes++;
        }
    }
    if (n_changes == 0)
        vis_append_own(out, " the same as before");
}

/* The list of the reply before this one on the same connection. */
static bool caps_before(const struct ui *u, const struct fold_run *run, uint32_t conn,
                        struct ev_caps *out)
{
    const struct transcript_pane *t = &u->transcript;
    for (const struct fold_run *r = run; r > t->runs;) {
        r--;
        const struct transcript_line *last = transcript_at(t->lines, r->first + r->n_lines - 1);
        if (r->kind == FOLD_REPLY && last->conn == conn && caps_near(u, conn, last->seq, out))
            return true;
    }
    return false;
}

bool fold_offers(const struct ui *u, const struct fold_run *run, bool *new_out, struct slice line)
{
    const struct transcript_pane *t = &u->transcript;
    const struct transcript_line *last = transcript_at(t->lines, run->first + run->n_lines - 1);
    struct ev_caps caps, before;
    struct slice cap = line.len > 4 ? slice_skip(line, 4) : line; /* behind its code */
    if (!caps_near(u, last->conn, last->seq, &caps) || !list_has(caps.list, cap))
        return false;
    *new_out = caps_before(u, run, last->conn, &before) && !list_has(before.list, cap);
    return true;
}

static void reply_summary(struct ui *u, const struct fold_run *run, struct vis_text *out)
{
    const struct transcript_pane *t = &u->transcript;
    const struct transcript_line *last = transcript_at(t->lines, run->first + run->n_lines - 1);
    struct ev_caps caps, before;
    char text[64];
    struct vis_text head;
    vis_init(&head);
    transcript_text(t->lines, run->first, ui_vis_flags(u), 4, &head);
    vis_append(out, buf_slice(&head.text), ui_vis_flags(u), SIZE_MAX);
    vis_deinit(&head);
    if (!caps_near(u, last->conn, last->seq, &caps)) {
        snprintf(text, sizeof text, " %zu lines: ", run->n_lines);
        vis_append_own(out, text);
        /* The last line, behind its code, is where servers say what matters. */
        transcript_text_from(t->lines, run->first + run->n_lines - 1, 4, ui_vis_flags(u),
                             SUMMARY_MAX_COLS, out);
        return;
    }
    size_t n_caps = 0;
    for (struct slice rest = caps.list; rest.len > 0; n_caps++)
        next_cap(&rest);
    snprintf(text, sizeof text, " %zu capabilit%s:", n_caps, n_caps == 1 ? "y" : "ies");
    vis_append_own(out, text);
    if (caps_before(u, run, last->conn, &before)) {
        caps_change(u, &caps, &before, out);
        return;
    }
    for (struct slice rest = caps.list; rest.len > 0;)
        add_cap(u, out, "", next_cap(&rest), false);
}

/* The line of TLS_UP, shorter: in one row, what matters should be seen. */
static void tls_summary(struct ui *u, size_t index, struct vis_text *out)
{
    static const char *const shorter[][2] = {{" TLS_", " "}, {"certificate ok", "cert ok"}};
    struct vis_text whole;
    vis_init(&whole);
    transcript_text(u->transcript.lines, index, ui_vis_flags(u), SUMMARY_MAX_COLS, &whole);
    struct slice rest = buf_slice(&whole.text);
    for (size_t i = 0; i < sizeof shorter / sizeof shorter[0]; i++) {
        ptrdiff_t at = slice_find(rest, slice_cstr(shorter[i][0]));
        if (at < 0)
            continue;
        vis_append(out, slice_take(rest, (size_t)at), ui_vis_flags(u), SIZE_MAX);
        vis_append_own(out, shorter[i][1]);
        rest = slice_skip(rest, (size_t)at + strlen(shorter[i][0]));
    }
    vis_append(out, rest, ui_vis_flags(u), SIZE_MAX);
    vis_deinit(&whole);
}

void fold_summary(struct ui *u, const struct fold_run *run, struct vis_text *out)
{
    char text[96];
    size_t last = run->first + run->n_lines - 1;
    vis_reset(out);
    draw_own_text(u, "▸ ", out);
    switch ((enum fold_kind)run->kind) {
    case FOLD_CONTENT:
        snprintf(text, sizeof text, "message content: %llu octets, %zu lines",
                 (unsigned long long)run->n_octets, run->n_lines);
        draw_own_text(u, text, out);
        break;
    case FOLD_REPLY:
        reply_summary(u, run, out);
        break;
    case FOLD_TLS:
        if (run->closed) {
            tls_summary(u, last, out);
        } else {
            snprintf(text, sizeof text, "TLS handshake, %zu messages", run->n_lines);
            draw_own_text(u, text, out);
        }
        break;
    }
}
