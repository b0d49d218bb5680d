/* The content of a message, by DATA (RFC 5321 section 4.1.1.4) or in counted chunks (RFC 3030), and
 * what a strict server refuses of it at the end. */
#include "engine/smtp_serve_private.h"

#include "base/mem.h"

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

enum { ANSWERED = 1 }; /* a code: the reply has been given, the octets are only thrown away */

/* What a BDAT will be answered with when its octets have come. */
struct serve_verdict {
    unsigned code; /* 0: taken */
    const char *enhanced, *text;
    bool whole_message; /* code answers each recipient of LMTP */
};
/* From the first BDAT of a message to its end. */
struct serve_chunk {
    struct serve_verdict verdict;
    struct smtp_content_stats sum; /* of the chunks so far */
    bool awaited;                  /* octets of the last BDAT are still to come */
    bool last;
};

static bool over_size(const struct smtp_serve *s, uint64_t octets)
{
    return s->options->size_max_octets > 0 && octets > s->options->size_max_octets;
}

/* ---- the verdict ---- */

static const struct {
    enum smtp_relax relax;
    size_t counter; /* in struct smtp_content_stats */
    const char *text;
    bool binary_may; /* not asked of BODY=BINARYMIME */
} content_rules[] = {
    {SMTP_RELAX_DATA_SMUGGLING, offsetof(struct smtp_content_stats, smuggle),
     "Something that looks like an end of data stands in the message with wrong line ends", false},
    {SMTP_RELAX_DATA_BARE_LF, offsetof(struct smtp_content_stats, bare_lf),
     "Line feeds stand alone in the message; only CR LF ends a line", true},
    {SMTP_RELAX_DATA_BARE_CR, offsetof(struct smtp_content_stats, bare_cr),
     "Carriage returns stand alone in the message; only CR LF ends a line", true},
    {SMTP_RELAX_DATA_NUL, offsetof(struct smtp_content_stats, nul),
     "NUL octets stand in the message", true},
};

/* Where a smuggled end does end the data, it has done so: it is no reason to refuse any more. */
static unsigned relax_of(const struct smtp_serve *s)
{
    unsigned relax = s->options->relax;
    if (relax & (SMTP_RELAX_DATA_END_LF | SMTP_RELAX_DATA_END_CR))
        relax |= SMTP_RELAX_DATA_SMUGGLING;
    return relax;
}

static const char *content_breach(const struct smtp_serve *s, const struct smtp_content_stats *st)
{
    for (size_t i = 0; i < sizeof(content_rules) / sizeof(content_rules[0]); i++) {
        uint64_t seen = *(const uint64_t *)((const char *)st + content_rules[i].counter);
        if (seen > 0 && !(relax_of(s) & content_rules[i].relax) &&
            !(s->binary && content_rules[i].binary_may))
            return content_rules[i].text;
    }
    return NULL;
}

/* RFC 2033 section 4.2: after the content LMTP has a reply for each recipient that was taken. */
static void say_to_each(struct smtp_serve *s, struct smtp_answer *a, unsigned code,
                        const char *enhanced, const char *text)
{
    size_t n = s->options->lmtp ? smtp_track_recipients(s->track) : 1;
    for (size_t i = 0; i < (n > 0 ? n : 1); i++)
        smtp_answer_line(a, code, enhanced, "%s", text);
}

static void message_over(struct smtp_serve *s)
{
    s->utf8 = s->binary = s->chunking = false;
    s->content_octets = 0;
    serve_chunk_forget(s);
}

void serve_dot(struct smtp_serve *s, const struct smtp_content_stats *stats, struct smtp_answer *a)
{
    bool over = over_size(s, stats->content);
    const char *breach = over ? NULL : content_breach(s, stats);
    bool refused = over || breach;
    bool answered = s->policy->dot && s->policy->dot(s->policy_ctx, stats, refused, a) && !refused;
    message_over(s);
    if (answered)
        return;
    buf_reset(&a->text);
    if (over)
        say_to_each(s, a, 552, "5.3.4", "The message is larger than the SIZE limit");
    else if (breach)
        say_to_each(s, a, 554, "5.6.0", breach);
    else
        say_to_each(s, a, 250, "2.0.0", "Ok");
}

/* ---- DATA ---- */

void serve_data(struct smtp_serve *s, const struct smtp_command *c, struct smtp_answer *a)
{
    (void)c;
    if (s->chunking) {
        serve_refuse(s, a, 503, "5.5.1", "This message has begun with BDAT");
        return;
    }
    if (s->binary) {
        serve_refuse(s, a, 503, "5.5.1", "BODY=BINARYMIME goes with BDAT only");
        return;
    }
    s->content_octets = 0;
    if (!s->policy->data || !s->policy->data(s->policy_ctx, a))
        smtp_answer_line(a, 354, NULL, "End data with <CR><LF>.<CR><LF>");
}

/* Nobody needs what is refused at the end: past the limit the policy sees no more of it. */
static void pass_content(struct smtp_serve *s, struct slice octets)
{
    s->content_octets += octets.len;
    if (s->policy->content && octets.len > 0 && !over_size(s, s->content_octets))
        s->policy->content(s->policy_ctx, octets);
}

void serve_content(struct smtp_serve *s, const struct smtp_item *item)
{
    enum smtp_state state = smtp_track_state(s->track);
    if (state == SMTP_STATE_DATA || state == SMTP_STATE_DOT)
        pass_content(s, item->content);
}

/* ---- BDAT ---- */

void serve_chunk_forget(struct smtp_serve *s)
{
    mem_free(s->chunk);
    s->chunk = NULL;
}

bool serve_chunk_awaited(const struct smtp_serve *s)
{
    return s->chunk && s->chunk->awaited;
}

static struct serve_verdict chunk_no(unsigned code, const char *enhanced, const char *text)
{
    return (struct serve_verdict){.code = code, .enhanced = enhanced, .text = text};
}

/* What the chunk meets. Its octets come all the same (RFC 3030 section 2) and are thrown away. */
static struct serve_verdict chunk_judge(struct smtp_serve *s, const struct smtp_command *c,
                                        enum smtp_serve_cell cell, uint64_t octets)
{
    if (!serve_offers(s, SMTP_EXT_CHUNKING))
        return chunk_no(502, "5.5.1", "CHUNKING is not offered here");
    if (serve_line_rules(s, c) != 0)
        return chunk_no(500, "5.5.2", "The line of BDAT holds or ends with what no line may");
    if (c->rules & BIT(COMMAND_SYNTAX))
        return chunk_no(501, "5.5.4", "Syntax: BDAT octets [LAST]");
    if (cell == SERVE_NEED_RCPT)
        return chunk_no(s->options->lmtp ? 503 : 554, "5.5.1", "No valid recipients");
    if (cell != SERVE_DO)
        return chunk_no(503, "5.5.1", "BDAT is out of order here");
    if (over_size(s, s->content_octets + octets) || s->content_octets + octets < octets)
        return (struct serve_verdict){.code = 552,
                                      .enhanced = "5.3.4",
                                      .text = "The message is larger than the SIZE limit",
                                      .whole_message = true};
    return (struct serve_verdict){0};
}

static void chunk_add(struct smtp_content_stats *sum, const struct smtp_content_stats *st)
{
    sum->wire += st->wire;
    sum->content += st->content;
    sum->lines += st->lines;
    sum->bare_lf += st->bare_lf;
    sum->bare_cr += st->bare_cr;
    sum->eight_bit += st->eight_bit;
    sum->nul += st->nul;
    if (st->longest > sum->longest)
        sum->longest = st->longest;
}

/* The chunk is complete. */
static void chunk_answer(struct smtp_serve *s, struct smtp_answer *a)
{
    const struct serve_verdict v = s->chunk->verdict;
    const struct smtp_content_stats sum = s->chunk->sum;
    bool last = s->chunk->last;
    s->chunk->awaited = false;
    if (v.code == 0 && last) {
        serve_dot(s, &sum, a);
        return;
    }
    if (v.code == 0) {
        smtp_answer_line(a, 250, "2.0.0", "Ok: %llu octets, the message is open",
                         (unsigned long long)s->content_octets);
        return;
    }
    if (v.code == ANSWERED)
        return;
    if (last && v.whole_message)
        say_to_each(s, a, v.code, v.enhanced, v.text);
    else
        smtp_answer_line(a, v.code, v.enhanced, "%s", v.text);
    if (last)
        serve_transaction_void(s);
    serve_count_error(s, a);
}

/* The first chunk stands for DATA: the policy may refuse it as that. */
static void chunk_begin_message(struct smtp_serve *s, struct smtp_answer *a)
{
    s->chunk->sum = (struct smtp_content_stats){0};
    s->chunking = true;
    if (!s->policy->data || !s->policy->data(s->policy_ctx, a))
        return;
    if (a->then == SMTP_THEN_GO_ON && a->text.len > 0 && a->text.ptr[0] == '3') {
        buf_reset(&a->text); /* "go on" is what the octets do by themselves */
        return;
    }
    s->chunk->verdict.code = ANSWERED;
    s->chunking = false;
}

void serve_bdat(struct smtp_serve *s, const struct smtp_command *c, enum smtp_serve_cell cell,
                struct smtp_answer *a)
{
    struct slice rest = c->args;
    uint64_t octets = 0;
    slice_to_u64(slice_next_word(&rest), UINT64_MAX, &octets);
    if (!s->chunking)
        s->content_octets = 0;
    if (!s->chunk)
        s->chunk = mem_zalloc(sizeof(*s->chunk));
    s->chunk->verdict = chunk_judge(s, c, cell, octets);
    s->chunk->last = slice_eq_nocase(slice_trim(rest), SLICE_LIT("LAST"));
    s->chunk->awaited = octets > 0 && !(c->rules & BIT(COMMAND_SYNTAX));
    if (s->policy->other && s->policy->other(s->policy_ctx, c, a))
        s->chunk->verdict.code = ANSWERED;
    else if (s->chunk->verdict.code == 0 && !s->chunking)
        chunk_begin_message(s, a);
    if (!s->chunk->awaited)
        chunk_answer(s, a);
}

void serve_chunk(struct smtp_serve *s, const struct smtp_item *item, struct smtp_answer *a)
{
    if (s->chunk->verdict.code == 0) {
        pass_content(s, item->content);
        if (item->kind == SMTP_ITEM_CONTENT_END)
            chunk_add(&s->chunk->sum, item->stats);
    }
    if (item->kind == SMTP_ITEM_CONTENT_END)
        chunk_answer(s, a);
}
