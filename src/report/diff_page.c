/* A comparison as rows of two columns: what a screen shows side by side. */
#include <stdio.h>
#include <string.h>

#include "report/diff_private.h"

typedef void (*line_fn)(const struct diff_side *side, const struct step *step, struct buf *out);

static struct diff_page_row *add_row(struct diff_page *p, const struct diff_row *row)
{
    if (p->n_rows == p->alloc_rows) {
        p->alloc_rows = p->alloc_rows ? p->alloc_rows * 2 : 64;
        p->rows = mem_realloc(p->rows, p->alloc_rows * sizeof(*p->rows));
    }
    struct diff_page_row *r = &p->rows[p->n_rows++];
    *r = (struct diff_page_row){.mark = DIFF_SAME};
    r->explains = row && row->explains;
    return r;
}

static char *line_of(const struct diff_side *side, const struct step *step, line_fn fn)
{
    struct buf raw, safe;
    char *text = NULL;
    if (!step)
        return NULL;
    buf_init(&raw, 1 << 20);
    buf_init(&safe, 1 << 22);
    fn(side, step, &raw);
    if (raw.len > 0) {
        vis_to_buf(&safe, buf_slice(&raw), 0);
        text = mem_strdup(buf_cstr(&safe));
    }
    buf_deinit(&raw);
    buf_deinit(&safe);
    return text;
}

static void put_lines(struct diff_page *p, const struct diff *d, const struct diff_row *row,
                      line_fn fn, bool differs, bool reply)
{
    char *a = line_of(&d->a, row->a, fn), *b = line_of(&d->b, row->b, fn);
    if (!a && !b)
        return;
    struct diff_page_row *r = add_row(p, row);
    r->text[0] = a;
    r->text[1] = b;
    r->mark = row->mark == DIFF_CHANGED && !differs ? DIFF_SAME : row->mark;
    if (row->mark == DIFF_CHANGED && (!a || !b))
        r->mark = a ? DIFF_ONLY_A : DIFF_ONLY_B;
    r->explains = r->explains && r->mark != DIFF_SAME;
    r->reply_us[0] = reply && row->a ? row->a->reply_us : 0;
    r->reply_us[1] = reply && row->b ? row->b->reply_us : 0;
}

static char *caps_missing(const struct diff_side *side, const struct step *step,
                          const struct diff_side *other, const struct step *other_step)
{
    struct buf raw, safe;
    size_t n = 0;
    char *text = NULL;
    buf_init(&raw, 1 << 20);
    buf_init(&safe, 1 << 22);
    diff_caps_missing(side, step, other, other_step, &raw, &n);
    if (n > 0) {
        buf_append_cstr(&safe, "  only here: ");
        vis_to_buf(&safe, buf_slice(&raw), 0);
        text = mem_strdup(buf_cstr(&safe));
    }
    buf_deinit(&raw);
    buf_deinit(&safe);
    return text;
}

static void put_caps(struct diff_page *p, const struct diff *d, const struct diff_row *row)
{
    char *a = caps_missing(&d->a, row->a, &d->b, row->b);
    char *b = caps_missing(&d->b, row->b, &d->a, row->a);
    struct diff_page_row *r = add_row(p, row);
    r->text[0] = a;
    r->text[1] = b;
    r->mark = a && b ? DIFF_CHANGED : a ? DIFF_ONLY_A : DIFF_ONLY_B;
}

static void put_step(struct diff_page *p, const struct diff *d, const struct diff_row *row)
{
    const unsigned asked = DIFF_COMMAND | DIFF_TLS | DIFF_CERT | DIFF_MESSAGE;
    put_lines(p, d, row, diff_command_line, (row->aspects & asked) != 0, false);
    put_lines(p, d, row, diff_reply_line, (row->aspects & (DIFF_CODE | DIFF_TEXT)) != 0, true);
    if (row->aspects & DIFF_CAPS)
        put_caps(p, d, row);
}

/* ---- the sums below ---- */

static void put_pair(struct diff_page *p, char *a, char *b, bool differs)
{
    struct diff_page_row *r = add_row(p, NULL);
    r->text[0] = a;
    r->text[1] = b;
    r->sum = true;
    r->mark = differs ? DIFF_CHANGED : DIFF_SAME;
}

static char *recipients_of(const struct diff_side *side)
{
    const struct outcome_info *o = &side->outcome;
    return mem_printf("rcpt    %u of %u accepted", o->recipients - o->refused, o->recipients);
}

static char *time_of(const struct diff_side *side)
{
    uint64_t us = step_median_us(side->list);
    return mem_printf("time    replies after %llu.%llu ms at the median",
                      (unsigned long long)(us / 1000), (unsigned long long)(us / 100 % 10));
}

static char *end_of(const struct diff_side *side)
{
    uint64_t us = (side->list->last_tick_ns - side->list->first_tick_ns) / 1000;
    return mem_printf("ended   %s, %llu.%03llu s", side->outcome.text,
                      (unsigned long long)(us / 1000000), (unsigned long long)(us / 1000 % 1000));
}

static void put_sums(struct diff_page *p, const struct diff *d)
{
    add_row(p, NULL)->sum = true;
    if (d->a.outcome.recipients + d->b.outcome.recipients > 0)
        put_pair(p, recipients_of(&d->a), recipients_of(&d->b),
                 d->a.outcome.recipients != d->b.outcome.recipients ||
                     d->a.outcome.refused != d->b.outcome.refused);
    put_pair(p, time_of(&d->a), time_of(&d->b), false);
    bool ends = d->end_differs || strcmp(d->a.outcome.text, d->b.outcome.text) != 0;
    put_pair(p, end_of(&d->a), end_of(&d->b), ends);
}

static char *title_of(const char *letter, const struct diff_side *side)
{
    char at[40], name[200];
    clock_format_rfc3339(side->list->wall_us, at, sizeof(at));
    at[16] = '\0';
    at[10] = ' ';
    /* Where the file lies is known; which one it is tells the sides apart in a narrow column. */
    const char *base = strrchr(side->name, '/');
    vis_to_cstr(name, sizeof(name), slice_cstr(base && base[1] ? base + 1 : side->name));
    return mem_printf("%s  #%u %s, %s", letter, (unsigned)side->list->conn, name, at);
}

void diff_page_make(const struct diff *d, struct diff_page *out)
{
    struct buf noise;
    *out = (struct diff_page){.differences = d->differences};
    out->title[0] = title_of("A", &d->a);
    out->title[1] = title_of("B", &d->b);
    for (size_t i = 0; i < d->n_rows; i++)
        put_step(out, d, &d->rows[i]);
    put_sums(out, d);
    buf_init(&noise, 4096);
    noise_format(d->noise, &noise);
    out->noise = mem_strdup(buf_cstr(&noise));
    buf_deinit(&noise);
    char safe[4 * sizeof(d->explanation)];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(d->explanation));
    out->explanation = mem_strdup(safe);
}

void diff_page_deinit(struct diff_page *p)
{
    for (size_t i = 0; i < p->n_rows; i++) {
        mem_free(p->rows[i].text[0]);
        mem_free(p->rows[i].text[1]);
    }
    mem_free(p->rows);
    mem_free(p->title[0]);
    mem_free(p->title[1]);
    mem_free(p->explanation);
    mem_free(p->noise);
    *p = (struct diff_page){.rows = NULL};
}
