/* What a step says, read back from the journal; and what a session came to. */
#include "report/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "smtp/command.h"
#include "smtp/content.h"
#include "smtp/reply.h"

enum {
    COMMAND_MAX_OCTETS = 65536,
    REPLY_MAX_OCTETS = 1 << 20,
    CONTENT_PIECE_OCTETS = 65536,
};

static void read_stream(const struct session_steps *s, uint32_t conn, enum event_dir dir,
                        uint64_t offset, uint64_t length, uint64_t max, struct buf *out)
{
    journal_read_masked(s->journal, conn, dir, LAYER_PLAIN, offset, length < max ? length : max,
                        out, NULL);
}

void step_command(const struct session_steps *s, const struct step_list *l, const struct step *step,
                  struct buf *out)
{
    if (step->kind != STEP_COMMAND)
        return;
    size_t start = out->len;
    read_stream(s, l->conn, DIR_C, step->offset, step->length, COMMAND_MAX_OCTETS, out);
    if (out->len > start && out->ptr[out->len - 1] == '\n')
        out->len--;
    if (out->len > start && out->ptr[out->len - 1] == '\r')
        out->len--;
}

bool step_logs_in(const struct step *step)
{
    static const char *const words[] = {"AUTH", "AUTHENTICATE", "LOGIN", "PASS", "APOP"};
    for (size_t i = 0; step->kind == STEP_COMMAND && i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(step->name, words[i]) == 0)
            return true;
    return false;
}

const char *step_word(const struct step *step)
{
    return step->verb != SMTP_VERB_UNKNOWN || !step->name[0] ? smtp_verb_name(step->verb)
                                                             : step->name;
}

unsigned step_class(const struct step *step)
{
    return step->result[0] ? (step->refused ? 5 : 2) : step->code / 100;
}

void step_asked(const struct session_steps *s, const struct step_list *l, const struct step *step,
                struct buf *out)
{
    size_t start = out->len;
    step_command(s, l, step, out);
    if (l->tongue != STEP_IMAP || step->verb == SMTP_VERB_AUTH_DATA)
        return;
    struct slice rest = slice_of(out->ptr + start, out->len - start);
    slice_next_word(&rest);
    rest = slice_trim(rest);
    memmove(out->ptr + start, rest.ptr, rest.len);
    out->len = start + rest.len;
}

void step_reply(const struct session_steps *s, const struct step_list *l, const struct step *step,
                struct buf *out)
{
    if (step->reply_seq)
        read_stream(s, l->conn, DIR_S, step->reply_offset, step->reply_length, REPLY_MAX_OCTETS,
                    out);
}

/* "a1 OK text", "* 3 EXISTS", "+OK text" and the lines behind it up to the dot. */
static void mailbox_text(const struct step_list *l, const struct step *step, struct slice reply,
                         struct buf *out)
{
    if (l->tongue == STEP_IMAP && !slice_starts(reply, SLICE_LIT("+")))
        slice_next_word(&reply);
    if (step->result[0])
        slice_next_word(&reply);
    for (bool first = true; reply.len > 0; first = false) {
        ptrdiff_t lf = slice_find_octet(reply, '\n');
        size_t n = lf < 0 ? reply.len : (size_t)lf + 1;
        struct slice line = slice_trim(slice_take(reply, n));
        reply = slice_skip(reply, n);
        if (l->tongue == STEP_POP3 && reply.len == 0 && slice_eq(line, SLICE_LIT(".")))
            break;
        if (!first)
            buf_append_cstr(out, ", ");
        buf_append(out, line);
    }
}

void step_reply_text(const struct session_steps *s, const struct step_list *l,
                     const struct step *step, struct buf *out)
{
    struct buf reply;
    unsigned enhanced[3];
    buf_init(&reply, REPLY_MAX_OCTETS);
    step_reply(s, l, step, &reply);
    struct slice line = slice_trim(buf_slice(&reply));
    if (l->tongue != STEP_SMTP) {
        mailbox_text(l, step, line, out);
        buf_deinit(&reply);
        return;
    }
    for (ptrdiff_t lf; (lf = slice_find_octet(line, '\n')) >= 0;)
        line = slice_skip(line, (size_t)lf + 1);
    if (step->code)
        line = slice_skip(line, 4);
    if (step->enhanced[0])
        line = slice_skip(line, smtp_enhanced_parse(line, enhanced));
    buf_append(out, slice_trim(line));
    buf_deinit(&reply);
}

void step_argument(const struct session_steps *s, const struct step_list *l,
                   const struct step *step, struct buf *out)
{
    struct buf line;
    struct smtp_command command;
    if (step->kind != STEP_COMMAND)
        return;
    buf_init(&line, COMMAND_MAX_OCTETS);
    step_asked(s, l, step, &line);
    if (l->tongue != STEP_SMTP) {
        struct slice rest = buf_slice(&line);
        for (const char *at = step->name; at; at = strchr(at + 1, ' ')) /* "UID FETCH" is two */
            slice_next_word(&rest);
        buf_append(out, step_logs_in(step) ? slice_next_word(&rest) : slice_trim(rest));
        buf_deinit(&line);
        return;
    }
    smtp_command_parse(buf_slice(&line), &command);
    if (command.has_path)
        buf_append(out, command.path.text);
    else if (step->verb == SMTP_VERB_AUTH)
        buf_append(out, command.mechanism);
    else if (step->verb == SMTP_VERB_EHLO || step->verb == SMTP_VERB_HELO ||
             step->verb == SMTP_VERB_LHLO)
        buf_append(out, command.args);
    buf_deinit(&line);
}

bool step_content(const struct session_steps *s, const struct step_list *l, const struct step *step,
                  step_content_fn fn, void *ctx)
{
    struct smtp_content parser;
    struct buf wire, message;
    bool ok = step->kind == STEP_CONTENT, end = false;
    smtp_content_init(&parser);
    buf_init(&wire, CONTENT_PIECE_OCTETS);
    buf_init(&message, CONTENT_PIECE_OCTETS + 16);
    /* Without its end (the connection was cut) it is what was sent. */
    uint64_t stop = step->end_seq ? step->offset + step->length : l->octets[step->dir];
    for (uint64_t at = step->offset; ok && !end && at < stop;) {
        uint64_t n = stop - at < CONTENT_PIECE_OCTETS ? stop - at : CONTENT_PIECE_OCTETS;
        buf_reset(&wire);
        buf_reset(&message);
        ok = journal_read_masked(s->journal, l->conn, step->dir, LAYER_PLAIN, at, n, &wire, NULL) &&
             wire.len > 0;
        if (ok)
            smtp_content_feed(&parser, buf_slice(&wire), &message, &end);
        if (ok && message.len > 0)
            fn(ctx, buf_slice(&message));
        at += wire.len;
    }
    buf_deinit(&wire);
    buf_deinit(&message);
    return ok;
}

/* ---- outcome ---- */

static const char *verb_word(const struct step *step)
{
    switch (step->kind) {
    case STEP_CONNECT:
        return "the greeting";
    case STEP_TLS:
        return "TLS";
    case STEP_CONTENT:
        return "the end of the message";
    case STEP_REPLY:
        return step->verb == SMTP_VERB_DOT ? "the end of the message" : "no command";
    case STEP_COMMAND:
        break;
    }
    return step_word(step);
}

static bool is_delivery(const struct step *step)
{
    return step->kind == STEP_CONTENT || (step->kind == STEP_REPLY && step->verb == SMTP_VERB_DOT);
}

static void count_step(const struct step *step, struct outcome_info *o)
{
    bool good = step->reply_seq && !step->refused;
    if (step->kind == STEP_COMMAND && step->verb == SMTP_VERB_RCPT && step->reply_seq) {
        o->recipients++;
        o->refused += !good;
    }
    if (step->kind == STEP_CONTENT && good)
        o->messages++;
    o->logged_in |= step_logs_in(step) && good;
    bool bad = step->reply_seq && !good;
    if (step->kind == STEP_TLS && !step->tls_ok)
        bad = true;
    /* The first refusal is what people ask for; a refused message goes before a refused recipient.
     */
    if (bad && (!o->step || (is_delivery(step) && !is_delivery(o->step))))
        o->step = step;
}

static bool ended_in_order(const struct step_list *l)
{
    for (size_t i = l->n_steps; i > 0; i--) {
        const struct step *step = &l->steps[i - 1];
        if (step->kind == STEP_COMMAND)
            return step->verb == SMTP_VERB_QUIT || step->reply_seq;
        if (step->kind == STEP_CONTENT || step->kind == STEP_TLS)
            return step->reply_seq || step->tls_ok;
        if (step->kind == STEP_CONNECT)
            return step->reply_seq != 0;
    }
    return false;
}

static void put_refusal(const struct step *step, char *out, size_t out_octets)
{
    char code[12];
    snprintf(code, sizeof(code), "%u", step->code);
    snprintf(out, out_octets, "%s%s%s at %s", step->result[0] ? step->result : code,
             step->enhanced[0] ? " " : "", step->enhanced, verb_word(step));
}

static enum outcome outcome_of(const struct step_list *l, const struct outcome_info *o)
{
    if (!l->up_seq)
        return OUTCOME_NOTHING;
    if (o->messages > 0)
        return o->step ? OUTCOME_PARTLY : OUTCOME_DELIVERED;
    if (o->step && o->step->kind == STEP_CONNECT)
        return OUTCOME_GREETING;
    if (o->step && o->step->kind == STEP_TLS)
        return OUTCOME_TLS;
    if (o->step)
        return OUTCOME_REFUSED;
    return l->down_seq && !ended_in_order(l) ? OUTCOME_CUT : OUTCOME_TALKED;
}

void step_outcome(const struct session_steps *s, const struct step_list *l,
                  struct outcome_info *out)
{
    *out = (struct outcome_info){.outcome = OUTCOME_NOTHING};
    (void)s;
    for (size_t i = 0; i < l->n_steps; i++)
        count_step(&l->steps[i], out);
    out->outcome = outcome_of(l, out);
    int n = 0;
    if (out->messages > 0)
        n = snprintf(out->text, sizeof(out->text), "%u message%s accepted%s", out->messages,
                     out->messages == 1 ? "" : "s", out->step ? ", " : "");
    else if (out->outcome == OUTCOME_NOTHING)
        n = snprintf(out->text, sizeof(out->text), "never connected");
    else if (out->outcome == OUTCOME_CUT)
        n = snprintf(out->text, sizeof(out->text), "the connection ended in the middle");
    else if (out->outcome == OUTCOME_TALKED)
        n = snprintf(out->text, sizeof(out->text), "%s",
                     l->tongue == STEP_SMTP ? "no message was sent"
                     : out->logged_in       ? "logged in, nothing was refused"
                                            : "nobody logged in, nothing was refused");
    if (!out->step || n < 0 || (size_t)n >= sizeof(out->text))
        return;
    if (out->step->kind == STEP_TLS)
        snprintf(out->text + n, sizeof(out->text) - (size_t)n, "TLS failed");
    else
        put_refusal(out->step, out->text + n, sizeof(out->text) - (size_t)n);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t step_median_us(const struct step_list *l)
{
    uint64_t *all = mem_alloc((l->n_steps + 1) * sizeof(*all));
    size_t n = 0;
    for (size_t i = 0; i < l->n_steps; i++)
        if (l->steps[i].reply_seq && l->steps[i].kind == STEP_COMMAND)
            all[n++] = l->steps[i].reply_us;
    qsort(all, n, sizeof(*all), by_size);
    uint64_t median = n > 0 ? all[n / 2] : 0;
    mem_free(all);
    return median;
}
