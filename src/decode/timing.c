/* The fold of times. Replies come in the order of their commands, so a step is found by what caused
 * the reply; a reply's first octet is looked up among the newest pieces of the server's stream,
 * because the event of a reply comes when its last line is complete. */
#include "decode/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "decode/status.h"

enum {
    GREET_DELAY_US = 2000000,
    PAUSE_US = 1000000,       /* between the first and the last octet of one reply */
    TARPIT_US = 1000000,      /* and */
    TARPIT_TIMES = 4,         /* times the usual wait */
    TARPIT_ALONE_US = 3000000 /* where no usual wait is known */
};

/* RFC 5321 section 4.5.3.2. */
static const struct {
    enum smtp_verb verb;
    unsigned limit_s;
    const char *rfc;
} limits[] = {
    {SMTP_VERB_CONNECT, 300, "RFC 5321 section 4.5.3.2.1"},
    {SMTP_VERB_MAIL, 300, "RFC 5321 section 4.5.3.2.2"},
    {SMTP_VERB_RCPT, 300, "RFC 5321 section 4.5.3.2.3"},
    {SMTP_VERB_DATA, 120, "RFC 5321 section 4.5.3.2.4"},
    {SMTP_VERB_BDAT, 180, "RFC 5321 section 4.5.3.2.5"},
    {SMTP_VERB_DOT, 600, "RFC 5321 section 4.5.3.2.6"},
};

unsigned timing_limit_s(enum smtp_verb verb, const char **rfc_out)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        if (limits[i].verb == verb) {
            if (rfc_out)
                *rfc_out = limits[i].rfc;
            return limits[i].limit_s;
        }
    }
    if (rfc_out)
        *rfc_out = NULL;
    return 300;
}

const char *timing_flag_text(unsigned flag)
{
    switch (flag) {
    case TIMING_GREET_DELAY:
        return "greet delay: the greeting is held back, and who talks before it is refused";
    case TIMING_TEASER:
        return "the greeting comes in parts with a pause between: a trap for those who talk early";
    case TIMING_TARPIT:
        return "tarpit: refusals are slowed down on purpose; the first refusal is the one to look "
               "at";
    case TIMING_DRIP:
        return "the reply came in drips, long pauses between its octets";
    case TIMING_LATE:
        return "longer than a client has to wait: others have given up by now";
    default:
        return NULL;
    }
}

/* ---- steps ---- */

void timing_init(struct timing *t, uint32_t conn)
{
    memset(t, 0, sizeof(*t));
    t->conn = conn;
}

void timing_deinit(struct timing *t)
{
    mem_free(t->steps);
    memset(t, 0, sizeof(*t));
}

static void add_step(struct timing *t, const struct event *ev, enum smtp_verb verb,
                     struct slice word)
{
    if (t->n_steps == TIMING_STEPS_MAX) {
        t->dropped++;
        return;
    }
    if (t->n_steps == t->alloc_steps) {
        t->alloc_steps = t->alloc_steps ? 2 * t->alloc_steps : 16;
        t->steps = mem_realloc(t->steps, t->alloc_steps * sizeof(*t->steps));
    }
    struct timing_step *s = &t->steps[t->n_steps++];
    *s = (struct timing_step){.seq = ev->seq, .verb = verb, .sent_tick_ns = ev->tick_ns};
    struct slice name = verb == SMTP_VERB_CONNECT     ? SLICE_LIT("greeting")
                        : verb == SMTP_VERB_DOT       ? SLICE_LIT("final dot")
                        : verb == SMTP_VERB_AUTH_DATA ? SLICE_LIT("AUTH step")
                                                      : word;
    vis_to_cstr(s->name, sizeof(s->name), name);
}

/* The step an event made; seqs grow. NULL: none did. */
static struct timing_step *step_of(struct timing *t, uint64_t seq)
{
    size_t low = 0, high = t->n_steps;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->steps[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return seq != 0 && low < t->n_steps && t->steps[low].seq == seq ? &t->steps[low] : NULL;
}

static uint64_t us_between(uint64_t from_tick_ns, uint64_t to_tick_ns)
{
    return to_tick_ns > from_tick_ns ? (to_tick_ns - from_tick_ns) / 1000 : 0;
}

uint64_t timing_wait_us(const struct timing_step *s)
{
    return s->last_tick_ns ? us_between(s->sent_tick_ns, s->last_tick_ns) : 0;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Of the newest replies that were no refusals; 0: there are none. */
static uint64_t usual_wait_us(const struct timing *t)
{
    uint64_t sorted[TIMING_WAITS];
    size_t n = t->n_waits < TIMING_WAITS ? t->n_waits : TIMING_WAITS;
    if (n == 0)
        return 0;
    memcpy(sorted, t->waits_us, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_u64);
    return sorted[n / 2];
}

static void judge(const struct timing *t, struct timing_step *s)
{
    uint64_t first_us = us_between(s->sent_tick_ns, s->first_tick_ns);
    uint64_t wait_us = timing_wait_us(s), usual_us = usual_wait_us(t);
    bool greeting = s->verb == SMTP_VERB_CONNECT;
    s->flags = 0;
    if (greeting && first_us >= GREET_DELAY_US)
        s->flags |= TIMING_GREET_DELAY;
    if (us_between(s->first_tick_ns, s->last_tick_ns) >= PAUSE_US)
        s->flags |= greeting ? TIMING_TEASER : TIMING_DRIP;
    bool slow = t->n_waits > 0 ? wait_us >= TARPIT_US && wait_us / TARPIT_TIMES >= usual_us
                               : wait_us >= TARPIT_ALONE_US;
    if (!greeting && s->refused && slow)
        s->flags |= TIMING_TARPIT;
    if (wait_us / 1000000 >= timing_limit_s(s->verb, NULL))
        s->flags |= TIMING_LATE;
}

/* ---- events ---- */

static enum smtp_verb verb_of(struct slice name)
{
    if (slice_eq(name, SLICE_LIT("CONNECT")))
        return SMTP_VERB_CONNECT;
    if (slice_eq(name, SLICE_LIT("DOT")))
        return SMTP_VERB_DOT;
    if (slice_eq(name, SLICE_LIT("AUTH-DATA")))
        return SMTP_VERB_AUTH_DATA;
    return smtp_verb_by_name(name);
}

static void apply_octets(struct timing *t, const struct event *ev)
{
    struct ev_octets e;
    EVENT_GET(ev, OCTETS, &e);
    if (e.layer != LAYER_PLAIN || e.dir != DIR_S)
        return;
    size_t at = t->n_chunks++ % TIMING_CHUNKS;
    t->chunks[at].offset = e.offset;
    t->chunks[at].length = e.length;
    t->chunks[at].tick_ns = ev->tick_ns;
}

/* When the octet at offset came; where its piece left the ring, when the oldest one did that is
 * there. */
static uint64_t octet_tick_ns(const struct timing *t, uint64_t offset, uint64_t or_tick_ns)
{
    size_t n = t->n_chunks < TIMING_CHUNKS ? t->n_chunks : TIMING_CHUNKS;
    uint64_t oldest = or_tick_ns;
    for (size_t i = 0; i < n; i++) {
        if (offset >= t->chunks[i].offset && offset - t->chunks[i].offset < t->chunks[i].length)
            return t->chunks[i].tick_ns;
        if (t->chunks[i].offset > offset && t->chunks[i].tick_ns < oldest)
            oldest = t->chunks[i].tick_ns;
    }
    return oldest;
}

static void set_result(struct timing_step *s, const struct ev_reply *e)
{
    s->code = e->code <= 999 ? (unsigned)e->code : 0;
    s->refused = e->status.len > 0 ? !status_is_good(e->status) : s->code >= 400;
    if (e->status.len > 0)
        vis_to_cstr(s->result, sizeof(s->result), e->status);
    else if (s->code != 0)
        snprintf(s->result, sizeof(s->result), "%u", s->code);
}

static void apply_reply(struct timing *t, const struct event *ev)
{
    struct ev_reply e;
    EVENT_GET(ev, REPLY, &e);
    struct timing_step *s = step_of(t, ev->cause_seq);
    if (!s && verb_of(e.verb) == SMTP_VERB_CONNECT && t->n_steps > 0)
        s = &t->steps[0];
    /* IDLE is answered by its go-ahead; how long it then lasts is the client's choice. */
    if (!s || (s->last_tick_ns != 0 && strcmp(s->name, "IDLE") == 0))
        return;
    /* LMTP answers the final dot once a recipient: the step lasts until the last of them. */
    if (s->last_tick_ns == 0) {
        s->first_tick_ns = octet_tick_ns(t, e.offset, ev->tick_ns);
        if (s->first_tick_ns < s->sent_tick_ns)
            s->first_tick_ns = s->sent_tick_ns;
    }
    s->last_tick_ns = ev->tick_ns;
    set_result(s, &e);
    judge(t, s);
    size_t at = (size_t)(s - t->steps);
    t->unanswered = at + 1 > t->unanswered ? at + 1 : t->unanswered;
    bool telling = s->verb != SMTP_VERB_CONNECT && s->verb != SMTP_VERB_DOT;
    if (telling && !s->refused)
        t->waits_us[t->n_waits++ % TIMING_WAITS] = timing_wait_us(s);
}

static void apply_command(struct timing *t, const struct event *ev)
{
    struct ev_command e;
    EVENT_GET(ev, COMMAND, &e);
    add_step(t, ev, verb_of(e.verb), e.verb);
}

static void apply_data_end(struct timing *t, const struct event *ev)
{
    struct ev_data_end e;
    EVENT_GET(ev, DATA_END, &e);
    /* A chunk's reply answers its BDAT. */
    if (e.complete && t->n_steps > 0 && t->steps[t->n_steps - 1].verb != SMTP_VERB_BDAT)
        add_step(t, ev, SMTP_VERB_DOT, SLICE_LIT("DOT"));
}

/* Inside TLS from the first octet the server speaks once the handshake is done. */
static void apply_tls_up(struct timing *t, const struct event *ev)
{
    struct ev_tls_up e;
    EVENT_GET(ev, TLS_UP, &e);
    t->tls_us += e.elapsed_us;
    if (t->n_steps == 1 && t->steps[0].verb == SMTP_VERB_CONNECT && t->steps[0].last_tick_ns == 0)
        t->steps[0].sent_tick_ns = ev->tick_ns;
}

static void apply_link_up(struct timing *t, const struct event *ev)
{
    struct ev_link_up e;
    EVENT_GET(ev, LINK_UP, &e);
    t->connect_us = e.elapsed_us;
}

void timing_apply(struct timing *t, const struct journal *j, const struct event *ev)
{
    (void)j;
    if (ev->conn == 0 || (ev->flags & EVENT_FLAG_BACKSTAGE))
        return;
    if (t->conn == 0)
        t->conn = ev->conn;
    if (ev->conn != t->conn)
        return;
    switch ((unsigned)ev->kind) {
    case EVENT_LINK_UP:
        t->up = true;
        apply_link_up(t, ev);
        add_step(t, ev, SMTP_VERB_CONNECT, SLICE_LIT("CONNECT"));
        break;
    case EVENT_LINK_DOWN:
        t->up = false;
        t->down_tick_ns = ev->tick_ns;
        break;
    case EVENT_TLS_UP:
        apply_tls_up(t, ev);
        break;
    case EVENT_OCTETS:
        apply_octets(t, ev);
        break;
    case EVENT_COMMAND:
        apply_command(t, ev);
        break;
    case EVENT_DATA_END:
        apply_data_end(t, ev);
        break;
    case EVENT_REPLY:
        apply_reply(t, ev);
        break;
    default:
        break;
    }
}

bool timing_waiting(const struct timing *t, uint64_t now_tick_ns, struct timing_waiting *out)
{
    if (!t->up || t->unanswered >= t->n_steps)
        return false;
    const struct timing_step *s = &t->steps[t->unanswered];
    /* Behind a pipelined command the wait begins when the reply before it is there. */
    uint64_t from = s->sent_tick_ns;
    if (t->unanswered > 0 && t->steps[t->unanswered - 1].last_tick_ns > from)
        from = t->steps[t->unanswered - 1].last_tick_ns;
    *out = (struct timing_waiting){.name = s->name,
                                   .verb = s->verb,
                                   .waited_ms = us_between(from, now_tick_ns) / 1000,
                                   .limit_s = timing_limit_s(s->verb, NULL)};
    return true;
}
