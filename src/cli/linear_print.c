/* The transcript as sentences, for whoever listens to it: who speaks, which exchange it belongs to,
 * what is said. A reply of many lines is one sentence; "/show N" reads all of it. Where the screen
 * has columns and colours, here stand words.
 */
#include "cli/linear.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "decode/transcript.h"
#include "decode/view.h"

enum {
    LINEAR_KEPT = 10000, /* limit "linear-exchanges": those /show can still read */
    LINEAR_TEXT_COLS = 4000
};

/* What one side asked and the other answered: lines of the transcript. */
struct exchange {
    uint32_t conn;
    bool answered, hello;
    /* of lines; SIZE_MAX: there are none */
    size_t client_first, client_last, server_first, server_last;
};

struct linear_print {
    struct app *app;
    bool *at_prompt;       /* the cursor stands behind a prompt; may be NULL */
    struct exchange *kept; /* a ring; number n stands at (n - 1) % LINEAR_KEPT */
    uint64_t n;
    /* A reply that is not whole, or content on its way: said as one when it ends. */
    bool holds;
    uint32_t held_conn;
    uint8_t held_kind, held_dir;
    size_t held_first, held_last;
    uint64_t held_octets;
};

struct linear_print *linear_print_new(struct app *a, bool *at_prompt)
{
    struct linear_print *p = mem_zalloc(sizeof *p);
    p->app = a;
    p->at_prompt = at_prompt;
    p->kept = mem_zalloc(LINEAR_KEPT * sizeof *p->kept);
    return p;
}

static struct exchange *exchange_at(struct linear_print *p, uint64_t number)
{
    bool kept = number > 0 && number <= p->n && p->n - number < LINEAR_KEPT;
    return kept ? &p->kept[(number - 1) % LINEAR_KEPT] : NULL;
}

static uint64_t begin(struct linear_print *p, uint32_t conn, size_t first, size_t last)
{
    p->kept[p->n++ % LINEAR_KEPT] = (struct exchange){.conn = conn,
                                                      .client_first = first,
                                                      .client_last = last,
                                                      .server_first = SIZE_MAX,
                                                      .server_last = SIZE_MAX};
    return p->n;
}

/* The oldest of this connection that waits for its answer; 0: none. */
static uint64_t waiting(struct linear_print *p, uint32_t conn)
{
    enum { LOOK_BACK = 1000 };
    uint64_t found = 0;
    for (uint64_t i = 0; i < p->n && i < LOOK_BACK && i < LINEAR_KEPT; i++) {
        const struct exchange *x = exchange_at(p, p->n - i);
        if (x->conn == conn && !x->answered)
            found = p->n - i;
    }
    return found;
}

/* ---- words ---- */

static void line_text(struct linear_print *p, size_t index, struct buf *out)
{
    struct vis_text text;
    vis_init(&text);
    transcript_text(p->app->transcript, index, VIS_ASCII, LINEAR_TEXT_COLS, &text);
    buf_append(out, buf_slice(&text.text));
    vis_deinit(&text);
}

/* A sentence begins at the begin of a line; turn_end shows the prompt again. */
static FILE *fresh_line(struct linear_print *p)
{
    if (p->at_prompt && *p->at_prompt) {
        fputc('\n', p->app->print_to);
        *p->at_prompt = false;
    }
    return p->app->print_to;
}

static void who(struct linear_print *p, const char *side, uint64_t number, uint32_t conn)
{
    FILE *to = fresh_line(p);
    if (conn > 1)
        fprintf(to, "connection %u, ", (unsigned)conn);
    if (number > 0)
        fprintf(to, "%s %llu: ", side, (unsigned long long)number);
    else
        fprintf(to, "%s: ", side);
}

static void took(struct linear_print *p, uint32_t us)
{
    if (us >= 1000000)
        fprintf(p->app->print_to, ", %.1f s", us / 1e6);
    else if (us > 0)
        fprintf(p->app->print_to, us >= 10000 ? ", %.0f ms" : ", %.1f ms", us / 1e3);
}

static void say_line(struct linear_print *p, size_t index)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    line_text(p, index, &text);
    fwrite(text.ptr, 1, text.len, p->app->print_to);
    buf_deinit(&text);
}

/* ---- what is not said by a peer ---- */

static void tls_certificate(const struct view *v, int64_t now_s, FILE *to)
{
    if (!v->verify_known || v->verify_mode == VERIFY_NONE)
        fputs(", certificate not checked", to);
    else
        fputs(v->verify_ok ? ", certificate valid" : ", certificate NOT valid", to);
    if (v->n_certs > 0 && v->certs[0].not_after_s != 0) {
        long long days = (long long)view_cert_days_left(&v->certs[0], now_s);
        if (days >= 0)
            fprintf(to, ", %lld days left", days);
        else
            fprintf(to, ", expired %lld days ago", -days);
    }
}

/* "* TLS 1.3 on, certificate valid, 61 days left. State was reset; EHLO again." */
static void say_tls_up(struct linear_print *p, const struct transcript_line *l)
{
    FILE *to = fresh_line(p);
    const struct event *ev = journal_at(p->app->journal, l->seq);
    struct view v;
    view_init(&v, l->conn);
    /* What was checked may stand behind it. */
    view_at(&v, p->app->journal, l->conn, journal_last(p->app->journal));
    const char *version = v.tls_version ? v.tls_version : "";
    struct buf safe;
    buf_init(&safe, 400);
    vis_to_buf(&safe, slice_cstr(strncmp(version, "TLSv", 4) == 0 ? version + 4 : version),
               VIS_ASCII);
    fprintf(to, "* TLS %s on", buf_cstr(&safe));
    buf_deinit(&safe);
    tls_certificate(&v, ev ? ev->wall_us / 1000000 : 0, to);
    took(p, l->reply_us);
    if (v.tls_via == TLS_VIA_STARTTLS)
        fputs(view_is_smtp(&v) ? ". State was reset; EHLO again." : ". Ask again what it offers.",
              to);
    fputc('\n', to);
    view_deinit(&v);
}

static void say_event(struct linear_print *p, size_t index, const struct transcript_line *l)
{
    const struct event *ev = journal_at(p->app->journal, l->seq);
    if (l->kind == TRANSCRIPT_TLS && ev && ev->kind == EVENT_TLS_UP) {
        say_tls_up(p, l);
        return;
    }
    fputs("* ", fresh_line(p));
    say_line(p, index);
    took(p, l->reply_us);
    fputc('\n', p->app->print_to);
}

/* ---- both sides ---- */

static bool is_hello(struct linear_print *p, size_t index)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    line_text(p, index, &text);
    bool hello = slice_starts_nocase(buf_slice(&text), SLICE_LIT("EHLO")) ||
                 slice_starts_nocase(buf_slice(&text), SLICE_LIT("LHLO"));
    buf_deinit(&text);
    return hello;
}

static void say_client(struct linear_print *p, size_t index, const struct transcript_line *l)
{
    uint64_t number = begin(p, l->conn, index, index);
    exchange_at(p, number)->hello = is_hello(p, index);
    who(p, "client", number, l->conn);
    say_line(p, index);
    fputc('\n', p->app->print_to);
}

/* A whole reply; of several lines only what it comes to. */
static void say_reply(struct linear_print *p, size_t first, size_t last)
{
    const struct transcript_line *l = transcript_at(p->app->transcript, last);
    FILE *to = p->app->print_to;
    uint64_t number = waiting(p, l->conn);
    if (number == 0)
        number = begin(p, l->conn, SIZE_MAX, SIZE_MAX);
    struct exchange *x = exchange_at(p, number);
    x->answered = true;
    x->server_first = first;
    x->server_last = last;
    who(p, "server", number, l->conn);
    if (first == last) {
        say_line(p, last);
        took(p, l->reply_us);
        fputc('\n', to);
        return;
    }
    struct buf text;
    buf_init(&text, 1 << 20);
    line_text(p, last, &text);
    struct slice code = slice_take(buf_slice(&text), 3);
    bool hello = x->hello && (l->flags & TRANSCRIPT_REPLY_OK);
    fprintf(to, "%.*s, %zu %s", SLICE_ARG(code), last - first + !hello,
            hello ? "capabilities" : "lines");
    took(p, l->reply_us);
    fprintf(to, ". Say \"/show %llu\" for all.\n", (unsigned long long)number);
    buf_deinit(&text);
}

/* What the client sends is an exchange of its own: it has its own reply. What the server sends
 * belongs to the reply before it. */
static void say_content(struct linear_print *p)
{
    bool client = p->held_dir == DIR_C;
    const struct exchange *newest = exchange_at(p, p->n);
    uint64_t number = p->n;
    if (client)
        number = begin(p, p->held_conn, p->held_first, p->held_last);
    else if (!newest || newest->conn != p->held_conn)
        number = begin(p, p->held_conn, SIZE_MAX, SIZE_MAX);
    struct exchange *x = exchange_at(p, number);
    if (!client) {
        if (x->server_first == SIZE_MAX)
            x->server_first = p->held_first;
        x->server_last = p->held_last;
    }
    who(p, client ? "client" : "server", number, p->held_conn);
    fprintf(p->app->print_to,
            "message content, %zu lines, %llu octets. Say \"/show %llu\" for all.\n",
            p->held_last - p->held_first + 1, (unsigned long long)p->held_octets,
            (unsigned long long)number);
}

/* What was held is over, or something else came between. */
static void let_go(struct linear_print *p)
{
    if (!p->holds)
        return;
    p->holds = false;
    if (p->held_kind == TRANSCRIPT_CONTENT) {
        say_content(p);
        return;
    }
    uint64_t number = waiting(p, p->held_conn);
    for (size_t i = p->held_first; i <= p->held_last; i++) {
        who(p, "server", number, p->held_conn);
        say_line(p, i);
        fputc('\n', p->app->print_to);
    }
}

static void hold(struct linear_print *p, size_t index, const struct transcript_line *l)
{
    if (!p->holds) {
        p->holds = true;
        p->held_conn = l->conn;
        p->held_kind = l->kind;
        p->held_dir = l->dir;
        p->held_first = index;
        p->held_octets = 0;
    }
    p->held_last = index;
    p->held_octets += l->length;
}

/* "250-...": more of it follows. */
static bool goes_on(struct linear_print *p, size_t index)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    line_text(p, index, &text);
    bool more = text.len > 3 && text.ptr[3] == '-' && text.ptr[0] >= '2' && text.ptr[0] <= '5';
    buf_deinit(&text);
    return more;
}

void linear_print_line(void *ctx, size_t index)
{
    struct linear_print *p = ctx;
    const struct transcript_line *l = transcript_at(p->app->transcript, index);
    bool octets = l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
    bool same = p->holds && octets && l->conn == p->held_conn && l->kind == p->held_kind &&
                l->dir == p->held_dir;
    if (p->holds && !same)
        let_go(p);
    bool whole = (l->flags & (TRANSCRIPT_REPLY_OK | TRANSCRIPT_REPLY_BAD)) != 0;
    if (!octets)
        say_event(p, index, l);
    else if (l->kind == TRANSCRIPT_CONTENT)
        hold(p, index, l);
    else if (l->dir == DIR_C)
        say_client(p, index, l);
    else if (whole) {
        size_t first = p->holds ? p->held_first : index;
        p->holds = false;
        say_reply(p, first, index);
    } else if (goes_on(p, index))
        hold(p, index, l);
    else {
        let_go(p);
        who(p, "server", waiting(p, l->conn), l->conn);
        say_line(p, index);
        fputc('\n', p->app->print_to);
    }
}

static void say_range(struct linear_print *p, const char *side, uint64_t number, size_t first,
                      size_t last)
{
    for (size_t i = first; first != SIZE_MAX && i <= last; i++) {
        who(p, side, number, transcript_at(p->app->transcript, i)->conn);
        say_line(p, i);
        fputc('\n', p->app->print_to);
    }
}

bool linear_print_show(struct linear_print *p, uint64_t number)
{
    const struct exchange *x = exchange_at(p, number);
    FILE *to = p->app->print_to;
    if (!x) {
        fprintf(to,
                number > p->n ? "There is no exchange %llu yet; the newest is %llu.\n"
                              : "Exchange %llu is no longer kept; the newest is %llu.\n",
                (unsigned long long)number, (unsigned long long)p->n);
        return false;
    }
    say_range(p, "client", number, x->client_first, x->client_last);
    say_range(p, "server", number, x->server_first, x->server_last);
    if (!x->answered)
        fputs("No answer yet.\n", to);
    return true;
}

void linear_print_forget_prompt(struct linear_print *p)
{
    fresh_line(p);
    p->at_prompt = NULL;
}

void linear_print_done(void *ctx)
{
    struct linear_print *p = ctx;
    let_go(p);
    fflush(p->app->print_to);
    mem_free(p->kept);
    mem_free(p);
}
