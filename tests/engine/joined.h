/* A client (track and drive) and a server (track and serve) joined in memory, octets passed in
 * pieces of any size. TLS is simulated: both are told that it is on. */
#ifndef TESTS_ENGINE_JOINED_H
#define TESTS_ENGINE_JOINED_H

#include "kit.h"
#include "smtp/content.h"

struct joined {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn_c, conn_s;
    struct smtp_track *track_c, *track_s;
    struct smtp_drive *drive;
    struct smtp_serve *serve;
    struct buf c2s, s2c;
    struct slice message; /* as it is, before dot-stuffing */
    bool mend;
    /* What the server's policy knows and sees. */
    const char *refuse;   /* recipients that begin so get 550 */
    const char *password; /* of ann; NULL: nobody is known */
    struct buf got;       /* content of the last message */
    struct buf sent;      /* all that the client sent */
    size_t delivered, authenticated, reset;
    bool client_tls, server_tls, server_closed, tls_fails;
    unsigned seed; /* 0: pieces of .step; otherwise of random size */
    size_t step;
};

static inline bool joined_rcpt(void *ctx, const struct smtp_command *c, struct smtp_answer *a)
{
    struct joined *x = ctx;
    if (!x->refuse || !slice_starts(c->path.local_part, slice_cstr(x->refuse)))
        return false;
    smtp_answer_line(a, 550, "5.1.1", "No such mailbox");
    return true;
}

static inline void joined_content(void *ctx, struct slice octets)
{
    buf_append(&((struct joined *)ctx)->got, octets);
}

static inline bool joined_data(void *ctx, struct smtp_answer *a)
{
    (void)a;
    buf_reset(&((struct joined *)ctx)->got);
    return false;
}

static inline bool joined_dot(void *ctx, const struct smtp_content_stats *stats, bool over,
                              struct smtp_answer *a)
{
    struct joined *x = ctx;
    (void)a;
    if (!over) {
        x->delivered++;
        assert_int_equal(stats->content, x->got.len);
    }
    return false;
}

static inline void joined_reset(void *ctx)
{
    ((struct joined *)ctx)->reset++;
}

static inline bool joined_password(void *ctx, const char *user, struct secret *out)
{
    struct joined *x = ctx;
    if (!x->password || strcmp(user, "ann") != 0)
        return false;
    secret_set(out, slice_cstr(x->password));
    return true;
}

static inline void joined_authenticated(void *ctx, const char *user)
{
    assert_string_equal(user, "ann");
    ((struct joined *)ctx)->authenticated++;
}

static const struct smtp_policy joined_policy = {
    .rcpt = joined_rcpt,
    .data = joined_data,
    .content = joined_content,
    .dot = joined_dot,
    .reset = joined_reset,
    .password = joined_password,
    .authenticated = joined_authenticated,
};

static inline void joined_answer(struct joined *x, struct smtp_answer *a)
{
    struct slice text = buf_slice(&a->text);
    if (text.len > 0) {
        smtp_track_feed_all(x->track_s, DIR_S, text);
        assert_true(buf_append(&x->s2c, text));
    }
    if (a->then == SMTP_THEN_TLS)
        x->server_tls = true;
    if (a->then == SMTP_THEN_CLOSE)
        x->server_closed = true;
}

static inline void joined_open(struct joined *x, const struct smtp_serve_options *options,
                               const struct smtp_plan *plan)
{
    struct smtp_track_options c = {.lmtp = options->lmtp}, s = c;
    struct smtp_answer a;
    clock_manual_init(&x->clock, 1000, 1000);
    x->journal = journal_new(&x->clock.clock);
    x->conn_c = journal_conn_new(x->journal);
    x->conn_s = journal_conn_new(x->journal);
    s.want_content = true;
    s.backstage = true;
    x->track_c = smtp_track_new(x->journal, x->conn_c, &c);
    x->track_s = smtp_track_new(x->journal, x->conn_s, &s);
    x->drive = smtp_drive_new(x->journal, x->conn_c, x->track_c, plan);
    x->serve = smtp_serve_new(x->journal, x->conn_s, x->track_s, options, &joined_policy, x);
    buf_init(&x->c2s, 64 << 20);
    buf_init(&x->s2c, 64 << 20);
    buf_init(&x->got, 64 << 20);
    buf_init(&x->sent, 64 << 20);
    smtp_answer_init(&a);
    smtp_serve_banner(x->serve, &a);
    joined_answer(x, &a);
    smtp_answer_deinit(&a);
}

static inline void joined_close(struct joined *x)
{
    smtp_drive_free(&x->drive);
    smtp_serve_free(&x->serve);
    smtp_track_free(&x->track_c);
    smtp_track_free(&x->track_s);
    journal_free(&x->journal);
    buf_deinit(&x->c2s);
    buf_deinit(&x->s2c);
    buf_deinit(&x->got);
    buf_deinit(&x->sent);
}

static inline size_t joined_piece(struct joined *x, size_t left)
{
    size_t n = x->step ? x->step : left;
    if (x->seed) {
        x->seed = x->seed * 1103515245u + 12345u;
        n = 1 + (x->seed >> 16) % 23;
    }
    return n < left ? n : left;
}

static inline void joined_send(struct joined *x, struct slice octets)
{
    smtp_track_feed_all(x->track_c, DIR_C, octets);
    assert_true(buf_append(&x->c2s, octets));
    buf_append(&x->sent, octets);
}

static inline void joined_send_content(struct joined *x)
{
    struct smtp_stuff stuff;
    struct buf wire;
    struct slice left = x->message;
    smtp_stuff_init(&stuff, x->mend);
    buf_init(&wire, 64 << 20);
    while (left.len > 0)
        left = slice_skip(left, smtp_stuff_feed(&stuff, left, &wire));
    smtp_stuff_end(&stuff, &wire);
    joined_send(x, buf_slice(&wire));
    buf_deinit(&wire);
    smtp_drive_content_sent(x->drive);
}

/* The client's turn. False: it has no more to say for now. */
static inline bool joined_client(struct joined *x)
{
    struct want want = smtp_drive_next(x->drive);
    if (want.kind == WANT_SEND)
        joined_send(x, want.octets);
    else if (want.kind == WANT_CONTENT)
        joined_send_content(x);
    else if (want.kind == WANT_TLS)
        x->client_tls = true;
    else
        return false;
    return true;
}

static inline bool joined_to_server(struct joined *x)
{
    if (x->c2s.len == 0 || x->server_tls)
        return false;
    /* A copy of its own size, so that a sanitizer sees every octet read beyond it. */
    size_t n = joined_piece(x, x->c2s.len);
    uint8_t *copy = mem_dup(x->c2s.ptr, n);
    struct slice piece = slice_of(copy, n);
    buf_consume(&x->c2s, n);
    while (piece.len > 0) {
        struct smtp_item item;
        struct smtp_answer a;
        size_t used = smtp_track_feed(x->track_s, DIR_C, piece, &item);
        smtp_answer_init(&a);
        smtp_serve_item(x->serve, &item, &a);
        piece = slice_skip(piece, used);
        joined_answer(x, &a);
        smtp_answer_deinit(&a);
    }
    mem_free(copy);
    return true;
}

static inline bool joined_to_client(struct joined *x)
{
    if (x->s2c.len == 0)
        return false;
    size_t n = joined_piece(x, x->s2c.len);
    uint8_t *copy = mem_dup(x->s2c.ptr, n);
    struct slice piece = slice_of(copy, n);
    buf_consume(&x->s2c, n);
    while (piece.len > 0) {
        struct smtp_item item;
        size_t used = smtp_track_feed(x->track_c, DIR_S, piece, &item);
        smtp_drive_reply(x->drive, &item);
        piece = slice_skip(piece, used);
        while (joined_client(x))
            ;
    }
    mem_free(copy);
    return true;
}

static inline bool joined_tls(struct joined *x)
{
    if (!x->client_tls || !x->server_tls)
        return false;
    x->client_tls = x->server_tls = false;
    if (x->tls_fails) {
        struct err err;
        err_set(&err, ERR_TLS, 1, "no common cipher");
        smtp_drive_tls(x->drive, &err);
        return true;
    }
    smtp_track_tls_up(x->track_c);
    smtp_track_tls_up(x->track_s);
    smtp_serve_tls_up(x->serve);
    smtp_drive_tls(x->drive, NULL);
    return true;
}

static inline void joined_run(struct joined *x)
{
    bool moved = true;
    while (moved) {
        moved = false;
        while (joined_client(x))
            moved = true;
        moved = joined_to_server(x) || moved;
        moved = joined_to_client(x) || moved;
        moved = joined_tls(x) || moved;
    }
}

#endif
