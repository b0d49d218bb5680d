/* The serving role alone, on a journal of its own: octets in, replies out. */
#ifndef TESTS_ENGINE_SERVER_H
#define TESTS_ENGINE_SERVER_H

#include "kit.h"

#include "engine/smtp_serve_private.h"
#include "smtp/param.h"
#include "sasl/sasl.h"

struct server {
    struct kit kit;
    struct smtp_serve *serve;
    struct buf said; /* by the server, since the last look */
    enum smtp_then then;
    struct buf content; /* what the policy got */
    unsigned dots, refused, voids;
    struct smtp_xclient xclient;
    bool tls_known; /* a channel binding can be had */
    const char *certificate;
};

static inline bool knows_ann(void *ctx, const char *user, struct secret *out)
{
    (void)ctx;
    if (strcmp(user, "ann") != 0)
        return false;
    secret_set(out, SLICE_LIT("sesame"));
    return true;
}

static inline void server_content(void *ctx, struct slice octets)
{
    buf_append(&((struct server *)ctx)->content, octets);
}

static inline bool server_dot(void *ctx, const struct smtp_content_stats *stats, bool refused,
                              struct smtp_answer *a)
{
    struct server *s = ctx;
    (void)a;
    s->dots++;
    s->refused += refused;
    if (!refused)
        assert_int_equal(stats->content, s->content.len);
    buf_reset(&s->content);
    return false;
}

static inline void server_reset(void *ctx)
{
    struct server *s = ctx;
    s->voids++;
    buf_reset(&s->content);
}

static inline bool server_token(void *ctx, const char *user, struct slice token, struct buf *out)
{
    (void)ctx;
    (void)user;
    return slice_eq(token, SLICE_LIT("tok")) && buf_append_cstr(out, "ann");
}

static inline bool server_channel(void *ctx, struct sasl_channel *out)
{
    struct server *s = ctx;
    out->has_exporter = s->tls_known;
    memset(out->exporter, 'x', sizeof(out->exporter));
    return s->tls_known;
}

static inline const char *server_external(void *ctx)
{
    return ((struct server *)ctx)->certificate;
}

static inline void server_xclient(void *ctx, const struct smtp_xclient *x)
{
    struct server *s = ctx;
    s->xclient = *x;
    for (int i = 0; i < SMTP_XCLIENT__COUNT; i++)
        s->xclient.value[i] = x->value[i] ? s->xclient.text[i] : NULL;
}

static const struct smtp_policy server_policy = {.password = knows_ann,
                                                 .content = server_content,
                                                 .dot = server_dot,
                                                 .reset = server_reset,
                                                 .token = server_token,
                                                 .channel = server_channel,
                                                 .external = server_external,
                                                 .xclient = server_xclient};

static inline void server_say(struct server *s, struct smtp_answer *a)
{
    smtp_track_feed_all(s->kit.track, DIR_S, buf_slice(&a->text));
    buf_append(&s->said, buf_slice(&a->text));
    if (a->then != SMTP_THEN_GO_ON)
        s->then = a->then;
    buf_reset(&a->text);
    a->then = SMTP_THEN_GO_ON;
}

static inline void server_open(struct server *s, const struct smtp_serve_options *options)
{
    const struct smtp_track_options o = {.lmtp = options->lmtp,
                                         .want_content = true,
                                         .data_end = smtp_relax_data_end(options->relax)};
    struct smtp_answer a;
    memset(s, 0, sizeof(*s));
    kit_open(&s->kit, &o);
    buf_init(&s->said, 1 << 20);
    buf_init(&s->content, 1 << 20);
    s->serve =
        smtp_serve_new(s->kit.journal, s->kit.conn, s->kit.track, options, &server_policy, s);
    smtp_answer_init(&a);
    smtp_serve_banner(s->serve, &a);
    server_say(s, &a);
    smtp_answer_deinit(&a);
}

static inline void server_close(struct server *s)
{
    smtp_serve_free(&s->serve);
    kit_close(&s->kit);
    buf_deinit(&s->said);
    buf_deinit(&s->content);
}

/* What the server says to these octets, fed in pieces of `step`. */
static inline const char *ask_split(struct server *s, struct slice in, size_t step)
{
    struct smtp_answer a;
    smtp_answer_init(&a);
    buf_reset(&s->said);
    while (in.len > 0) {
        struct smtp_item item;
        struct slice piece = slice_take(in, step);
        in = slice_skip(in, smtp_track_feed(s->kit.track, DIR_C, piece, &item));
        smtp_serve_item(s->serve, &item, &a);
        server_say(s, &a);
    }
    smtp_answer_deinit(&a);
    return buf_cstr(&s->said);
}

static inline const char *ask(struct server *s, struct slice in)
{
    return ask_split(s, in, in.len);
}

static inline const char *ask_line(struct server *s, const char *line)
{
    char text[2048];
    int n = snprintf(text, sizeof(text), "%s\r\n", line);
    return ask(s, slice_of(text, (size_t)n));
}

#endif
