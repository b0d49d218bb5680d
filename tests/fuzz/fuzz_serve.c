/* A whole SMTP or LMTP server role under whatever a client sends: it never stops, each thing it
 * says is made of reply lines, and in one piece or in any split it says the same. The first octet
 * of the input chooses the kind of server and the split. */
#include "engine/smtp_serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sasl/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static bool password(void *ctx, const char *user, struct secret *out)
{
    (void)ctx;
    secret_set(out, SLICE_LIT("secret"));
    return strcmp(user, "ann") == 0;
}

static bool token(void *ctx, const char *user, struct slice t, struct buf *out)
{
    (void)ctx;
    (void)user;
    return slice_eq(t, SLICE_LIT("tok")) && buf_append_cstr(out, "ann");
}

static const struct smtp_policy policy = {.password = password, .token = token};

/* *(3DIGIT ("-" / SP) text CRLF), none longer than 512 octets. */
static void check(struct slice said)
{
    while (said.len > 0) {
        ptrdiff_t lf = slice_find_octet(said, '\n');
        need(lf >= 4 && lf < 512 && said.ptr[lf - 1] == '\r');
        need(said.ptr[0] >= '2' && said.ptr[0] <= '5');
        need(said.ptr[3] == ' ' || said.ptr[3] == '-');
        said = slice_skip(said, (size_t)lf + 1);
    }
}

static void run(uint8_t kind, struct slice in, size_t step, struct buf *out)
{
    const struct smtp_serve_options options = {.name = "mx.test",
                                               .lmtp = kind & 1,
                                               .submission = kind & 2,
                                               .xclient = kind & 4,
                                               .mechanisms = "LOGIN PLAIN OAUTHBEARER XOAUTH2 "
                                                             "ANONYMOUS EXTERNAL",
                                               .auth_in_clear = true,
                                               .size_max_octets = 4096,
                                               .recipients_max = 4,
                                               .messages_max = kind & 8 ? 2 : 0,
                                               .errors_max = kind & 8 ? 5 : 0,
                                               .relax = kind & 16 ? ~0u : 0};
    struct clock_manual clock;
    clock_manual_init(&clock, 1000, 1000);
    struct journal *j = journal_new(&clock.clock);
    uint32_t conn = journal_conn_new(j);
    struct smtp_track *track = smtp_track_new(
        j, conn,
        &(struct smtp_track_options){.lmtp = options.lmtp,
                                     .want_content = true,
                                     .data_end = smtp_relax_data_end(options.relax)});
    struct smtp_serve *serve = smtp_serve_new(j, conn, track, &options, &policy, NULL);
    struct smtp_answer a;
    smtp_answer_init(&a);
    smtp_serve_banner(serve, &a);
    smtp_track_feed_all(track, DIR_S, buf_slice(&a.text));
    while (in.len > 0 && a.then == SMTP_THEN_GO_ON) {
        struct smtp_item item;
        buf_reset(&a.text);
        size_t used = smtp_track_feed(track, DIR_C, slice_take(in, step), &item);
        need(used > 0 || item.kind == SMTP_ITEM_CONTENT_END);
        smtp_serve_item(serve, &item, &a);
        check(buf_slice(&a.text));
        buf_append(out, buf_slice(&a.text));
        smtp_track_feed_all(track, DIR_S, buf_slice(&a.text));
        in = slice_skip(in, used);
    }
    smtp_answer_deinit(&a);
    smtp_serve_free(&serve);
    smtp_track_free(&track);
    journal_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, split;
    if (size < 2 || size > 4096)
        return 0;
    buf_init(&whole, 1 << 22);
    buf_init(&split, 1 << 22);
    run(data[0] & 31, slice_of(data + 1, size - 1), size, &whole);
    run(data[0] & 31, slice_of(data + 1, size - 1), 1 + (data[0] >> 5), &split);
    need(slice_eq(buf_slice(&whole), buf_slice(&split)));
    buf_deinit(&whole);
    buf_deinit(&split);
    return 0;
}
