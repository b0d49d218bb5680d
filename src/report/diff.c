/* Alignment: the pairing of steps, in order, with the most weight. Steps that ask the same of the
 * same (RCPT of one address) weigh more than those of one kind. What begins and ends alike is
 * paired first, so that the table is small; above the limit what is left is paired one by one.
 */
#include "report/diff.h"

#include <stdio.h>
#include <string.h>

#include "report/diff_private.h"

enum { ALIGN_MAX_CELLS = 4000000 };

struct aligner {
    struct diff *d;
    struct diff_key *a, *b;
    size_t n_a, n_b;
};

static unsigned weight(const struct diff_key *a, const struct diff_key *b)
{
    return a->strong == b->strong ? 5 : a->weak == b->weak ? 2 : 0;
}

static void add_row(struct diff *d, const struct step *a, const struct step *b)
{
    if ((d->n_rows & (d->n_rows - 1)) == 0)
        d->rows = mem_realloc(d->rows, (d->n_rows ? 2 * d->n_rows : 1) * sizeof(*d->rows));
    struct diff_row row = {.mark = !a ? DIFF_ONLY_B : !b ? DIFF_ONLY_A : DIFF_SAME, .a = a, .b = b};
    if (a && b) {
        row.aspects = diff_compare(d, a, b);
        row.mark = row.aspects ? DIFF_CHANGED : DIFF_SAME;
    }
    d->differences += row.mark != DIFF_SAME;
    d->rows[d->n_rows++] = row;
}

static const struct step *step_a(const struct aligner *al, size_t i)
{
    return &al->d->a.list->steps[i];
}

static const struct step *step_b(const struct aligner *al, size_t i)
{
    return &al->d->b.list->steps[i];
}

/* The middle: best[i][j] is the weight that can be had from a[i..], b[j..]. */
static void align_middle(struct aligner *al, size_t a0, size_t a1, size_t b0, size_t b1)
{
    size_t n = a1 - a0, m = b1 - b0, i = 0, j = 0;
    if (n > 0 && m > 0 && n <= ALIGN_MAX_CELLS / m) {
        uint32_t *best = mem_zalloc((n + 1) * (m + 1) * sizeof(*best));
        for (i = n; i-- > 0;)
            for (j = m; j-- > 0;) {
                unsigned w = weight(&al->a[a0 + i], &al->b[b0 + j]);
                uint32_t pair = w ? w + best[(i + 1) * (m + 1) + j + 1] : 0;
                uint32_t skip_a = best[(i + 1) * (m + 1) + j], skip_b = best[i * (m + 1) + j + 1];
                uint32_t skip = skip_a > skip_b ? skip_a : skip_b;
                best[i * (m + 1) + j] = pair > skip ? pair : skip;
            }
        for (i = 0, j = 0; i < n && j < m;) {
            unsigned w = weight(&al->a[a0 + i], &al->b[b0 + j]);
            uint32_t here = best[i * (m + 1) + j];
            if (w && here == w + best[(i + 1) * (m + 1) + j + 1]) {
                add_row(al->d, step_a(al, a0 + i), step_b(al, b0 + j));
                i++, j++;
            } else if (here == best[(i + 1) * (m + 1) + j]) {
                add_row(al->d, step_a(al, a0 + i++), NULL);
            } else {
                add_row(al->d, NULL, step_b(al, b0 + j++));
            }
        }
        mem_free(best);
    }
    for (; i < n && j < m && weight(&al->a[a0 + i], &al->b[b0 + j]); i++, j++)
        add_row(al->d, step_a(al, a0 + i), step_b(al, b0 + j));
    for (; i < n; i++)
        add_row(al->d, step_a(al, a0 + i), NULL);
    for (; j < m; j++)
        add_row(al->d, NULL, step_b(al, b0 + j));
}

static void align(struct diff *d)
{
    struct aligner al = {.d = d, .n_a = d->a.list->n_steps, .n_b = d->b.list->n_steps};
    al.a = mem_alloc((al.n_a + 1) * sizeof(*al.a));
    al.b = mem_alloc((al.n_b + 1) * sizeof(*al.b));
    for (size_t i = 0; i < al.n_a; i++)
        al.a[i] = diff_key_of(&d->a, step_a(&al, i));
    for (size_t i = 0; i < al.n_b; i++)
        al.b[i] = diff_key_of(&d->b, step_b(&al, i));
    size_t head = 0, tail = 0;
    while (head < al.n_a && head < al.n_b && al.a[head].strong == al.b[head].strong)
        head++;
    while (tail < al.n_a - head && tail < al.n_b - head &&
           al.a[al.n_a - 1 - tail].strong == al.b[al.n_b - 1 - tail].strong)
        tail++;
    for (size_t i = 0; i < head; i++)
        add_row(d, step_a(&al, i), step_b(&al, i));
    align_middle(&al, head, al.n_a - tail, head, al.n_b - tail);
    for (size_t i = tail; i > 0; i--)
        add_row(d, step_a(&al, al.n_a - i), step_b(&al, al.n_b - i));
    mem_free(al.a);
    mem_free(al.b);
}

/* ---- the two sides ---- */

static bool ended_well(const struct diff_side *side)
{
    struct ev_link_down down;
    const struct event *ev = journal_at(side->steps.journal, side->list->down_seq);
    if (!ev)
        return side->list->up_seq != 0;
    EVENT_GET(ev, LINK_DOWN, &down);
    return side->list->up_seq != 0 && (down.why == DOWN_EOF || down.why == DOWN_OURS);
}

/* The address without its port. */
static char *local_address(const struct diff_side *side)
{
    struct ev_link_up up;
    const struct event *ev = journal_at(side->steps.journal, side->list->up_seq);
    if (!ev)
        return mem_strdup("");
    EVENT_GET(ev, LINK_UP, &up);
    size_t n = up.local.len;
    while (n > 0 && up.local.ptr[n - 1] != ':')
        n--;
    return mem_slice_dup(n > 1 ? slice_take(up.local, n - 1) : up.local);
}

static char *client_name(const struct diff_side *side)
{
    struct buf name;
    char *out = NULL;
    buf_init(&name, 1024);
    for (size_t i = 0; i < side->list->n_steps && !out; i++) {
        const struct step *step = &side->list->steps[i];
        if (step->verb != SMTP_VERB_EHLO && step->verb != SMTP_VERB_HELO &&
            step->verb != SMTP_VERB_LHLO)
            continue;
        step_argument(&side->steps, side->list, step, &name);
        struct slice s = buf_slice(&name);
        if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
            s = slice_take(slice_skip(s, 1), s.len - 2);
        out = mem_slice_dup(s);
    }
    buf_deinit(&name);
    return out ? out : mem_strdup("");
}

static bool side_init(struct diff_side *side, const struct journal *j, const char *name,
                      uint32_t conn, struct err *err)
{
    *side = (struct diff_side){.name = name};
    session_steps_read_main(&side->steps, j, conn);
    side->list = session_steps_main(&side->steps, conn);
    if (!side->list) {
        err_set(err, ERR_FORMAT, 0, "%.120s holds no connection%s", name,
                conn ? " of that number" : "");
        err_explain(err, "", "smtpscope show FILE tells what it holds");
        return false;
    }
    step_outcome(&side->steps, side->list, &side->outcome);
    side->client = client_name(side);
    side->address = local_address(side);
    return true;
}

bool diff_sessions(const struct journal *a, const struct journal *b,
                   const struct diff_options *options, struct diff *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    if (!side_init(&out->a, a, options->name_a, options->conn_a, err) ||
        !side_init(&out->b, b, options->name_b, options->conn_b, err)) {
        diff_deinit(out);
        return false;
    }
    align(out);
    out->end_differs = ended_well(&out->a) != ended_well(&out->b);
    out->differences += out->end_differs;
    out->same = out->differences == 0;
    diff_explain(out);
    return true;
}

void diff_deinit(struct diff *d)
{
    struct diff_side *sides[] = {&d->a, &d->b};
    for (size_t i = 0; i < 2; i++) {
        session_steps_deinit(&sides[i]->steps);
        mem_free(sides[i]->client);
        mem_free(sides[i]->address);
    }
    mem_free(d->rows);
    memset(d, 0, sizeof(*d));
}
