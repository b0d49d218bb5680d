/* Which difference explains that the outcome is another one.
 *
 * The server answered differently somewhere: that is the step the outcome turns on. What differs
 * before it, and could have made the server answer so, explains it: a login, TLS, what the client
 * asked, an extension that was not offered. Versions, words and offers nobody used do not. Where
 * nothing before it could, the server's answer is itself the explanation. An explanation is a
 * reading, not a proof, and says "likely" where it is a guess.
 */
#include <stdio.h>
#include <string.h>

#include "report/diff_private.h"

static const struct step *of(const struct diff_row *row)
{
    return row->a ? row->a : row->b;
}

/* Does the outcome turn on this row? */
static bool decides(const struct diff_row *row)
{
    const struct step *a = row->a, *b = row->b;
    if (row->mark == DIFF_SAME)
        return false;
    if (!a || !b)
        return of(row)->kind == STEP_CONTENT || step_class(of(row)) >= 4 ||
               (of(row)->kind == STEP_COMMAND && of(row)->verb == SMTP_VERB_DATA);
    if (a->kind == STEP_TLS)
        return a->tls_ok != b->tls_ok;
    return step_class(a) != step_class(b) &&
           !(row->aspects & DIFF_CODE && step_class(a) == 0 && step_class(b) == 0);
}

static bool offers(const struct diff_side *side, const struct step *step, struct slice keyword)
{
    for (struct slice rest = diff_caps_of(side, step); rest.len > 0;) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = slice_take(rest, lf < 0 ? rest.len : (size_t)lf);
        if (slice_starts_nocase(line, keyword) &&
            (line.len == keyword.len || strchr(" =", line.ptr[keyword.len])))
            return true;
        rest = slice_skip(rest, line.len + (lf >= 0));
    }
    return false;
}

/* Offers that change what a client may do. */
static bool offer_matters(const struct diff *d, const struct diff_row *row, struct buf *what)
{
    static const char *const matters[] = {"STARTTLS", "AUTH", "SIZE", "SMTPUTF8", "8BITMIME"};
    struct buf only;
    size_t n = 0;
    bool found = false;
    buf_init(&only, DIFF_LINE_OCTETS);
    for (int side = 0; side < 2 && !found; side++) {
        buf_reset(&only);
        n = 0;
        if (side == 0)
            diff_caps_missing(&d->a, row->a, &d->b, row->b, &only, &n);
        else
            diff_caps_missing(&d->b, row->b, &d->a, row->a, &only, &n);
        for (size_t i = 0; i < sizeof(matters) / sizeof(*matters) && !found; i++) {
            size_t len = strlen(matters[i]);
            struct slice rest = buf_slice(&only);
            while (rest.len > 0 && !found) {
                found = slice_starts_nocase(rest, slice_cstr(matters[i])) &&
                        (rest.len == len || strchr(" ,=", rest.ptr[len]));
                ptrdiff_t comma = slice_find(rest, SLICE_LIT(", "));
                rest = slice_skip(rest, comma < 0 ? rest.len : (size_t)comma + 2);
            }
            /* Both offer it, with other parameters: no "only". */
            found = found && !offers(side == 0 ? &d->b : &d->a, side == 0 ? row->b : row->a,
                                     slice_cstr(matters[i]));
            if (found)
                buf_printf(
                    what, "%s was offered%s only in %c", matters[i],
                    strcmp(matters[i], "STARTTLS") == 0 || row->a->tls == row->b->tls ? "" : " so",
                    side == 0 ? 'A' : 'B');
        }
    }
    buf_deinit(&only);
    return found;
}

static void quote(struct buf *out, const struct diff_side *side, const struct step *step,
                  void (*line)(const struct diff_side *, const struct step *, struct buf *))
{
    struct buf raw;
    buf_init(&raw, DIFF_LINE_OCTETS * 2);
    line(side, step, &raw);
    struct slice s = buf_slice(&raw);
    vis_to_buf(out, slice_take(s.len > 2 ? slice_skip(s, 2) : s, 120), VIS_ASCII);
    buf_deinit(&raw);
}

/* Could this row, which stands before the deciding one or is it, have led there? Says how. */
static bool could_lead(const struct diff *d, const struct diff_row *row, struct buf *what)
{
    const struct step *step = of(row);
    char side = row->mark == DIFF_ONLY_A ? 'A' : 'B';
    if (row->mark == DIFF_ONLY_A || row->mark == DIFF_ONLY_B) {
        if (step->kind == STEP_TLS || step->verb == SMTP_VERB_STARTTLS ||
            strcmp(step->name, "STLS") == 0)
            buf_printf(what, "TLS happened only in %c", side);
        else if (step_logs_in(step))
            buf_printf(what, "%s happened only in %c", step_word(step), side);
        else if (step->kind == STEP_COMMAND && step->verb == SMTP_VERB_RCPT)
            buf_printf(what, "a recipient was named only in %c", side);
        else
            return false;
        return true;
    }
    if (step->kind == STEP_TLS && (row->aspects & (DIFF_TLS | DIFF_CERT)) &&
        (row->a->tls_ok != row->b->tls_ok || (row->aspects & DIFF_CERT))) {
        buf_append_cstr(what, row->a->tls_ok != row->b->tls_ok ? "TLS failed only in "
                                                               : "the certificate is another one");
        if (row->a->tls_ok != row->b->tls_ok)
            buf_append_octet(what, row->a->tls_ok ? 'B' : 'A');
        return true;
    }
    if (row->aspects & DIFF_COMMAND) {
        buf_append_cstr(what, "the client asked differently: A ");
        quote(what, &d->a, row->a, diff_command_line);
        buf_append_cstr(what, ", B ");
        quote(what, &d->b, row->b, diff_command_line);
        return step->kind == STEP_COMMAND && step->verb != SMTP_VERB_QUIT;
    }
    if ((row->aspects & DIFF_CAPS) && row->a && row->b && offer_matters(d, row, what))
        return true;
    return false;
}

static void answered_differently(const struct diff *d, const struct diff_row *row, struct buf *what)
{
    if (!row->a || !row->b) {
        buf_printf(what, "%s came only in %c", diff_step_name(of(row)), row->a ? 'A' : 'B');
        return;
    }
    buf_printf(what, "to the same %s the server answered A ", diff_step_name(row->a));
    quote(what, &d->a, row->a, diff_reply_line);
    buf_append_cstr(what, ", B ");
    quote(what, &d->b, row->b, diff_reply_line);
}

static bool outcomes_same(const struct diff *d)
{
    return d->a.outcome.outcome == d->b.outcome.outcome &&
           strcmp(d->a.outcome.text, d->b.outcome.text) == 0;
}

/* A handshake that failed on one side alone ends that session: all the rest follows from it. */
static bool tls_failed_once(struct diff *d, struct buf *what)
{
    bool in_a = d->a.outcome.outcome == OUTCOME_TLS, in_b = d->b.outcome.outcome == OUTCOME_TLS;
    const struct diff_side *side = in_a ? &d->a : &d->b;
    if (in_a == in_b)
        return false;
    for (size_t i = 0; i < d->n_rows; i++)
        if ((in_a ? d->rows[i].a : d->rows[i].b) == side->outcome.step)
            d->rows[i].explains = true;
    buf_printf(what, "only in %c: ", in_a ? 'A' : 'B');
    quote(what, side, side->outcome.step, diff_command_line);
    return true;
}

void diff_explain(struct diff *d)
{
    struct buf what;
    buf_init(&what, 2 * DIFF_LINE_OCTETS);
    size_t turn = 0, at = 0;
    bool guessed = false;
    while (turn < d->n_rows && !decides(&d->rows[turn]))
        turn++;
    if (d->same) {
        buf_append_cstr(&what, "none: the sessions are the same");
    } else if (outcomes_same(d)) {
        buf_append_cstr(&what, "none: the outcome is the same");
    } else if (!tls_failed_once(d, &what)) {
        /* What the client asked otherwise, long before, is the weakest guess: only where nothing
         * else could have led there. */
        for (int weak = 0; weak < 2 && !guessed; weak++)
            for (at = 0; at <= turn && at < d->n_rows && !guessed; at++) {
                const struct diff_row *row = &d->rows[at];
                buf_reset(&what);
                if (row->mark == DIFF_SAME || (!weak && at < turn && (row->aspects & DIFF_COMMAND)))
                    continue;
                guessed = could_lead(d, row, &what);
                d->rows[at].explains = guessed;
            }
        if (guessed && at - 1 < turn && turn < d->n_rows)
            buf_append_cstr(&what, " (likely)");
        if (!guessed && turn < d->n_rows) {
            buf_reset(&what);
            d->rows[turn].explains = true;
            answered_differently(d, &d->rows[turn], &what);
        } else if (!guessed) {
            buf_reset(&what);
            buf_append_cstr(&what, "how the connection ended");
        }
    }
    snprintf(d->explanation, sizeof(d->explanation), "%s", buf_cstr(&what));
    buf_deinit(&what);
}
