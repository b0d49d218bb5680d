/* A comparison as text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "report/diff_private.h"

const char *diff_step_name(const struct step *step)
{
    switch (step->kind) {
    case STEP_CONNECT:
        return "connection";
    case STEP_TLS:
        return "TLS handshake";
    case STEP_CONTENT:
        return "message";
    case STEP_REPLY:
        return step->name[0] ? step->name : "reply without a command";
    case STEP_COMMAND:
        break;
    }
    return step->verb == SMTP_VERB_AUTH_DATA ? "AUTH exchange" : step_word(step);
}

static void tls_line(const struct diff_side *side, const struct step *step, struct buf *out)
{
    struct ev_tls_up up;
    struct ev_tls_fail fail;
    struct ev_tls_verify verify;
    const struct event *ev = journal_at(side->steps.journal, step->end_seq);
    buf_append_cstr(out, "= ");
    if (ev && ev->kind == EVENT_TLS_UP) {
        EVENT_GET(ev, TLS_UP, &up);
        buf_append(out, up.version);
        buf_append_octet(out, ' ');
        buf_append(out, up.cipher);
        buf_append_octet(out, ' ');
        buf_append(out, up.group);
    } else if (ev && ev->kind == EVENT_TLS_FAIL) {
        EVENT_GET(ev, TLS_FAIL, &fail);
        buf_append_cstr(out, "TLS failed: ");
        buf_append(out, fail.text);
    } else {
        buf_append_cstr(out, "TLS never came up");
    }
    ev = journal_at(side->steps.journal, step->verify_seq);
    if (!ev)
        return;
    EVENT_GET(ev, TLS_VERIFY, &verify);
    buf_append_cstr(out, verify.ok ? ", certificate ok" : ", certificate NOT verified: ");
    if (!verify.ok)
        buf_append(out, verify.reason);
}

void diff_command_line(const struct diff_side *side, const struct step *step, struct buf *out)
{
    struct ev_data_end end;
    if (step->kind == STEP_TLS) {
        tls_line(side, step, out);
    } else if (step->kind == STEP_COMMAND) {
        buf_append_cstr(out, "C ");
        step_command(&side->steps, side->list, step, out);
    } else if (step->kind == STEP_CONTENT) {
        const struct event *ev = journal_at(side->steps.journal, step->end_seq);
        buf_append_cstr(out, step->dir == DIR_S ? "S (message" : "C (message");
        if (ev) {
            EVENT_GET(ev, DATA_END, &end);
            buf_printf(out, ", %llu octets, %llu lines", (unsigned long long)end.content,
                       (unsigned long long)end.lines);
        }
        buf_append_octet(out, ')');
    }
}

void diff_reply_line(const struct diff_side *side, const struct step *step, struct buf *out)
{
    struct ev_caps caps;
    if (!step->reply_seq)
        return;
    if (side->list->tongue == STEP_SMTP)
        buf_printf(out, "S %u%s%s ", step->code, step->enhanced[0] ? " " : "", step->enhanced);
    else
        buf_printf(out, "S %s ", step->result[0] ? step->result : "*");
    const struct event *ev = journal_at(side->steps.journal, step->caps_seq);
    if (!ev) {
        step_reply_text(&side->steps, side->list, step, out);
        return;
    }
    EVENT_GET(ev, CAPS, &caps);
    buf_append_cstr(out, "offers ");
    for (size_t i = 0; i < caps.list.len; i++) {
        if (caps.list.ptr[i] == '\n')
            buf_append_cstr(out, ", ");
        else
            buf_append_octet(out, caps.list.ptr[i]);
    }
}

typedef void (*line_fn)(const struct diff_side *side, const struct step *step, struct buf *out);

struct printer {
    const struct diff *d;
    struct buf out, line;
};

static void put_line(struct printer *p, const char *mark, const struct diff_side *side,
                     const struct step *step, line_fn fn)
{
    buf_reset(&p->line);
    fn(side, step, &p->line);
    if (p->line.len == 0)
        return;
    buf_append_cstr(&p->out, mark);
    vis_to_buf(&p->out, slice_trim(buf_slice(&p->line)), VIS_ASCII);
    buf_append_octet(&p->out, '\n');
}

/* Both forms where they differ, one where they do not. */
static void put_pair(struct printer *p, const struct diff_row *row, bool differs, line_fn fn)
{
    const char *first = row->explains ? ">~ A " : " ~ A ",
               *second = row->explains ? ">~ B " : " ~ B ";
    if (!differs) {
        put_line(p, "     ", &p->d->a, row->a, fn);
        return;
    }
    put_line(p, first, &p->d->a, row->a, fn);
    put_line(p, second, &p->d->b, row->b, fn);
}

static void put_caps(struct printer *p, const struct diff_row *row)
{
    const struct diff *d = p->d;
    const char *mark = row->explains ? ">" : " ";
    size_t n = 0;
    buf_reset(&p->line);
    diff_caps_missing(&d->a, row->a, &d->b, row->b, &p->line, &n);
    if (n > 0) {
        buf_printf(&p->out, "%s~ A   offered only here: ", mark);
        vis_to_buf(&p->out, buf_slice(&p->line), VIS_ASCII);
        buf_append_octet(&p->out, '\n');
    }
    n = 0;
    buf_reset(&p->line);
    diff_caps_missing(&d->b, row->b, &d->a, row->a, &p->line, &n);
    if (n > 0) {
        buf_printf(&p->out, "%s~ B   offered only here: ", mark);
        vis_to_buf(&p->out, buf_slice(&p->line), VIS_ASCII);
        buf_append_octet(&p->out, '\n');
    }
}

/* One side of a row, where the other has nothing like it. */
static bool put_alone(struct printer *p, const struct diff_row *row, line_fn fn)
{
    bool in_a = row->mark == DIFF_ONLY_A;
    if (!in_a && row->mark != DIFF_ONLY_B)
        return false;
    const char *mark =
        in_a ? (row->explains ? ">- A " : " - A ") : (row->explains ? ">+ B " : " + B ");
    put_line(p, mark, in_a ? &p->d->a : &p->d->b, in_a ? row->a : row->b, fn);
    return true;
}

static void put_asked(struct printer *p, const struct diff_row *row)
{
    const unsigned asked = DIFF_COMMAND | DIFF_TLS | DIFF_CERT | DIFF_MESSAGE;
    if (!put_alone(p, row, diff_command_line))
        put_pair(p, row, (row->aspects & asked) != 0, diff_command_line);
}

static void put_answered(struct printer *p, const struct diff_row *row)
{
    if (put_alone(p, row, diff_reply_line))
        return;
    put_pair(p, row, (row->aspects & (DIFF_CODE | DIFF_TEXT)) != 0, diff_reply_line);
    if (row->aspects & DIFF_CAPS)
        put_caps(p, row);
}

/* Did it come between the command and its tagged answer (IMAP)? */
static bool comes_before(const struct diff_row *data, const struct diff_row *command)
{
    const struct step *d = data->a && command->a ? data->a : data->b;
    const struct step *c = data->a && command->a ? command->a : command->b;
    return d && c && d->kind == STEP_REPLY && c->kind == STEP_COMMAND && c->reply_seq > d->seq;
}

/* A row and the data in front of its answer; returns how many rows that were. */
static size_t put_rows(struct printer *p, const struct diff_row *rows, size_t n_rows)
{
    size_t n = 1;
    put_asked(p, &rows[0]);
    for (; n < n_rows && comes_before(&rows[n], &rows[0]); n++)
        put_answered(p, &rows[n]);
    put_answered(p, &rows[0]);
    return n;
}

static void put_side(struct printer *p, char letter, const struct diff_side *side)
{
    char at[40];
    uint64_t us = (side->list->last_tick_ns - side->list->first_tick_ns) / 1000;
    clock_format_rfc3339(side->list->wall_us, at, sizeof(at));
    at[19] = '\0';
    buf_printf(&p->out, "%c  ", letter);
    vis_to_buf(&p->out, slice_cstr(side->name), VIS_ASCII);
    buf_printf(&p->out, ", connection %u, %s: %s (", (unsigned)side->list->conn, at,
               side->outcome.text);
    out_seconds(&p->out, us);
    buf_printf(&p->out, " s, replies after %llu.%llu ms at the median)\n",
               (unsigned long long)(step_median_us(side->list) / 1000),
               (unsigned long long)(step_median_us(side->list) / 100 % 10));
}

void diff_print(const struct diff *d, FILE *to)
{
    struct printer p = {.d = d};
    buf_init(&p.out, 1 << 23);
    buf_init(&p.line, 1 << 21);
    put_side(&p, 'A', &d->a);
    put_side(&p, 'B', &d->b);
    buf_printf(&p.out, "aligned by step, %zu difference%s\n\n", d->differences,
               d->differences == 1 ? "" : "s");
    for (size_t i = 0; i < d->n_rows;) {
        i += put_rows(&p, &d->rows[i], d->n_rows - i);
        out_flush(&p.out, to);
    }
    if (d->end_differs)
        buf_append_cstr(&p.out, " ~   one connection ended in order, the other did not\n");
    buf_printf(&p.out, "\nFirst difference that explains the outcome: %s\n", d->explanation);
    if (d->noise) {
        buf_append_cstr(&p.out, "Ignored as noise: ");
        noise_format(d->noise, &p.out);
        buf_append_octet(&p.out, '\n');
    }
    out_flush(&p.out, to);
    buf_deinit(&p.out);
    buf_deinit(&p.line);
}

/* ---- JSON ---- */

static void json_line(struct printer *p, const char *name, const struct diff_side *side,
                      const struct step *step, line_fn fn)
{
    buf_reset(&p->line);
    fn(side, step, &p->line);
    out_json_member(&p->out, name,
                    p->line.len > 2 ? slice_skip(buf_slice(&p->line), 2) : slice_cstr(""));
}

static void json_step(struct printer *p, const char *name, const struct diff_side *side,
                      const struct step *step)
{
    out_key(&p->out, name);
    if (!step) {
        buf_append_cstr(&p->out, "null");
        return;
    }
    buf_append_octet(&p->out, '{');
    json_line(p, "asked", side, step, diff_command_line);
    json_line(p, "answered", side, step, diff_reply_line);
    out_json_number(&p->out, "seq", step->seq);
    out_json_number(&p->out, "code", step->code);
    out_json_ms(&p->out, "reply_ms", step->reply_us);
    buf_append_octet(&p->out, '}');
}

static void json_row(struct printer *p, const struct diff_row *row)
{
    static const char *const marks[] = {"same", "only-a", "only-b", "changed"};
    static const char *const aspects[] = {"command", "code",        "text",   "capabilities",
                                          "tls",     "certificate", "message"};
    const struct step *step = row->a ? row->a : row->b;
    buf_append_octet(&p->out, '{');
    out_json_member(&p->out, "step", slice_cstr(diff_step_name(step)));
    out_json_member(&p->out, "difference", slice_cstr(marks[row->mark]));
    out_key(&p->out, "aspects");
    buf_append_octet(&p->out, '[');
    for (size_t i = 0; i < sizeof(aspects) / sizeof(*aspects); i++)
        if (row->aspects >> i & 1)
            buf_printf(&p->out, "%s\"%s\"", p->out.ptr[p->out.len - 1] == '[' ? "" : ",",
                       aspects[i]);
    buf_append_octet(&p->out, ']');
    out_json_bool(&p->out, "explains", row->explains);
    json_step(p, "a", &p->d->a, row->a);
    json_step(p, "b", &p->d->b, row->b);
    buf_append_octet(&p->out, '}');
}

static void json_side(struct printer *p, const char *name, const struct diff_side *side)
{
    out_key(&p->out, name);
    buf_append_octet(&p->out, '{');
    out_json_member(&p->out, "file", slice_cstr(side->name));
    out_json_number(&p->out, "conn", side->list->conn);
    out_json_member(&p->out, "outcome", slice_cstr(side->outcome.text));
    out_json_number(&p->out, "messages", side->outcome.messages);
    out_json_ms(&p->out, "duration_ms",
                (side->list->last_tick_ns - side->list->first_tick_ns) / 1000);
    out_json_ms(&p->out, "median_reply_ms", step_median_us(side->list));
    buf_append_octet(&p->out, '}');
}

void diff_print_json(const struct diff *d, FILE *to)
{
    struct printer p = {.d = d};
    bool first = true;
    buf_init(&p.out, 1 << 23);
    buf_init(&p.line, 1 << 21);
    buf_append_octet(&p.out, '{');
    out_json_bool(&p.out, "same", d->same);
    json_side(&p, "a", &d->a);
    json_side(&p, "b", &d->b);
    out_json_member(&p.out, "explanation", slice_cstr(d->explanation));
    buf_reset(&p.line);
    noise_format(d->noise, &p.line);
    out_json_member(&p.out, "ignored", buf_slice(&p.line));
    out_json_bool(&p.out, "end_differs", d->end_differs);
    out_key(&p.out, "differences");
    buf_append_octet(&p.out, '[');
    for (size_t i = 0; i < d->n_rows; i++) {
        if (d->rows[i].mark == DIFF_SAME)
            continue;
        if (!first)
            buf_append_octet(&p.out, ',');
        first = false;
        json_row(&p, &d->rows[i]);
        out_flush(&p.out, to);
    }
    buf_append_cstr(&p.out, "]}\n");
    out_flush(&p.out, to);
    buf_deinit(&p.out);
    buf_deinit(&p.line);
}
