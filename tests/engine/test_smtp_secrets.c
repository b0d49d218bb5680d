/* No password, in any mechanism, spacing or split, shows in what a reader without special rights
 * sees. */
#include "joined.h"

static const char sentinel[] = "Xyzzy-Sentinel-42";

/* What must not be found: the words, and what base64 makes of them at each of its three alignments.
 */
struct needles {
    char text[8][96];
    size_t n;
};

static void needle_add(struct needles *n, struct slice octets)
{
    /* Characters that depend on all neighbours are left out at both ends. */
    for (size_t shift = 0; shift < 3; shift++) {
        struct buf plain, coded;
        buf_init(&plain, 256);
        buf_init(&coded, 512);
        for (size_t i = 0; i < shift; i++)
            buf_append_octet(&plain, 0);
        buf_append(&plain, octets);
        base64_encode(&coded, buf_slice(&plain));
        size_t skip = shift ? 4 : 0, len = coded.len - skip - 4;
        snprintf(n->text[n->n++], sizeof(n->text[0]), "%.*s", (int)len,
                 (const char *)coded.ptr + skip);
        buf_deinit(&plain);
        buf_deinit(&coded);
    }
    snprintf(n->text[n->n++], sizeof(n->text[0]), "%.*s", SLICE_ARG(octets));
}

static void must_not_hold(struct slice where, const struct needles *n, const char *what)
{
    for (size_t i = 0; i < n->n; i++) {
        if (slice_find(where, slice_cstr(n->text[i])) >= 0)
            fail_msg("%s shows \"%s\"", what, n->text[i]);
    }
}

/* Every payload of every event, and the octets as eyes and files get them. */
static void search_journal(const struct journal *j, uint32_t conns)
{
    struct needles n = {.n = 0};
    needle_add(&n, SLICE_LIT("Xyzzy-Sentinel-42"));
    size_t hidden_total = 0;
    for (uint64_t seq = 1; seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        assert_non_null(ev);
        must_not_hold(slice_of(ev + 1, ev->payload_octets), &n,
                      event_kind_info((enum event_kind)ev->kind)->name);
    }
    for (uint32_t conn = 1; conn <= conns; conn++) {
        for (int dir = 0; dir < DIR__COUNT; dir++) {
            struct buf seen;
            size_t hidden = 0;
            uint64_t len = journal_stream_len(j, conn, (enum event_dir)dir, LAYER_PLAIN);
            buf_init(&seen, 1 << 20);
            assert_true(journal_read_masked(j, conn, (enum event_dir)dir, LAYER_PLAIN, 0, len,
                                            &seen, &hidden));
            must_not_hold(buf_slice(&seen), &n, "the masked stream");
            hidden_total += hidden;
            buf_deinit(&seen);
        }
    }
    assert_true(hidden_total > 0);
}

static void exchanges_between_our_own_ends(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"};
    static const char *const to[] = {"bob@example.test"};
    for (size_t m = 0; m < 4; m++) {
        for (size_t step = 0; step < 20; step++) {
            const struct smtp_serve_options options = {.name = "mx",
                                                       .mechanisms =
                                                           "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256",
                                                       .auth_in_clear = true};
            /* Half of the time the password is wrong. */
            struct joined x = {.step = step,
                               .password = step % 2 ? sentinel : "another",
                               .message = SLICE_LIT("hi\r\n")};
            struct smtp_plan plan = {.goal = SMTP_GOAL_SEND,
                                     .name = "me",
                                     .from = "",
                                     .to = to,
                                     .n_to = 1,
                                     .has_content = true,
                                     .auth = true,
                                     .credentials.user = "ann",
                                     .credentials.in_clear = true,
                                     .credentials.mechanisms = mechanisms[m],
                                     .quit = true,
                                     .quit_after = SMTP_STEP__COUNT};
            struct secret password;
            secret_init(&password);
            secret_set(&password, slice_cstr(sentinel));
            plan.credentials.password = &password;
            joined_open(&x, &options, &plan);
            joined_run(&x);
            assert_int_equal(smtp_drive_result(x.drive)->ok, step % 2);
            search_journal(x.journal, 2);
            joined_close(&x);
            secret_clear(&password);
        }
    }
}

/* What people type. %p: the base64 of NUL ann NUL sentinel; %w: of the sentinel. */
static const char *const typed[] = {
    "C: AUTH PLAIN %p\nS: 535 no",
    "C: auth plain %p\nS: 535 no",
    "C:   AUTH   PLAIN   %p\nS: 535 no",
    "C: \tAUTH\tPLAIN\t%p\nS: 535 no",
    "C: AUTH PLAIN %p trailing %w\nS: 501 no",
    "C| AUTH PLAIN %p^\nS: 535 no",
    "C: AUTH PLAIN\nS: 334 \nC: %p\nS: 235 yes",
    "C: AUTH PLAIN\nS: 334 \nC:  %p \nS: 501 no",
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: %w\nS: 235 yes",
    "C: AUTH LOGIN YW5u\nS: 334 UGFzc3dvcmQ6\nC: %w\nS: 235 yes",
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: Xyzzy-Sentinel-42\nS: "
    "501 "
    "no",
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\nC: *%w\nS: 501 no",
    /* Without waiting for the server. */
    "C| AUTH LOGIN~YW5u~%w~\nS: 334 a\nS: 334 b\nS: 235 yes",
    "C| AUTH PLAIN~%p~\nS: 334 \nS: 235 yes",
    "C| AUTH PLAIN~%p~NOOP~\nS: 504 no\nS: 500 what\nS: 250 ok",
    "C: AUTH XOAUTH2 %p\nS: 535 no",
    "C: AUTH NOSUCH %p\nS: 504 no",
    "C: PASS Xyzzy-Sentinel-42\nS: 500 no",
    "C: LOGIN ann Xyzzy-Sentinel-42\nS: 500 no",
    "C: NOOP\nC: AUTH PLAIN %p\nS: 250 ok\nS: 535 no",
    /* Behind STARTTLS in the clear. */
    "C: STARTTLS\nS: 220 go\nC: AUTH PLAIN %p",
};

static void lines_people_type(void **state)
{
    (void)state;
    struct buf plain, p, w;
    buf_init(&plain, 256);
    buf_init(&p, 256);
    buf_init(&w, 256);
    buf_append(&plain, SLICE_LIT("\0ann\0Xyzzy-Sentinel-42"));
    base64_encode(&p, buf_slice(&plain));
    base64_encode(&w, SLICE_LIT("Xyzzy-Sentinel-42"));
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        char script[1024] = "S: 220 a\nC: EHLO me\nS| 250-a~250-AUTH PLAIN LOGIN~250 STARTTLS~\n";
        size_t n = strlen(script);
        for (const char *t = typed[i]; *t; t++) {
            bool hole = *t == '%' && (t[1] == 'p' || t[1] == 'w');
            if (!hole) {
                script[n++] = *t;
                continue;
            }
            const struct buf *b = *++t == 'p' ? &p : &w;
            memcpy(script + n, b->ptr, b->len);
            n += b->len;
        }
        script[n] = '\0';
        for (size_t split = 0; split < 40; split++) {
            struct kit k;
            kit_open(&k, NULL);
            kit_script(&k, script, split);
            search_journal(k.journal, k.conn);
            kit_close(&k);
        }
    }
    buf_deinit(&plain);
    buf_deinit(&p);
    buf_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_between_our_own_ends),
        cmocka_unit_test(lines_people_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
