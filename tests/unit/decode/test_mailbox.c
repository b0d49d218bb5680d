/* What POP3 and IMAP sessions show of the mail on the server: conversations fed through the
 * trackers, whole and octet by octet, and the fold of what they appended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/mailbox.h"
#include "engine/track.h"

struct world {
    struct journal *j;
    uint32_t conn;
    struct track *t;
    size_t step; /* octets fed at a time */
    struct mailbox_view v;
    struct buf text;
};

static void feed(struct world *w, enum event_dir dir, const char *octets)
{
    struct slice in = slice_cstr(octets);
    while (in.len > 0) {
        struct slice piece = slice_take(in, w->step);
        track_feed_all(w->t, dir, piece);
        in = slice_skip(in, piece.len);
    }
}

static void begin(struct world *w, enum protocol protocol, size_t step)
{
    memset(w, 0, sizeof *w);
    w->j = journal_new(clock_system());
    w->conn = journal_conn_new(w->j);
    w->step = step;
    w->t = track_new(protocol, w->j, w->conn, &(struct track_options){0});
    buf_init(&w->text, 1 << 20);
}

static void fold(struct world *w)
{
    mailbox_view_at(&w->v, w->j, w->conn, journal_last(w->j));
    buf_reset(&w->text);
    mailbox_view_print(&w->v, 0, &w->text);
}

static void finish(struct world *w)
{
    mailbox_view_deinit(&w->v);
    track_free(&w->t);
    journal_free(&w->j);
    buf_deinit(&w->text);
}

#define HAS(w, words)     assert_non_null(strstr(buf_cstr(&(w)->text), words))
#define HAS_NOT(w, words) assert_null(strstr(buf_cstr(&(w)->text), words))

static void pop3_session(struct world *w)
{
    feed(w, DIR_S, "+OK ready\r\n");
    feed(w, DIR_C, "USER alice\r\n");
    feed(w, DIR_S, "+OK\r\n");
    feed(w, DIR_C, "PASS secret\r\n");
    feed(w, DIR_S, "+OK logged in\r\n");
    feed(w, DIR_C, "LIST\r\n");
    feed(w, DIR_S, "+OK 3 messages\r\n1 120\r\n2 200\r\n3 50\r\n.\r\n");
    feed(w, DIR_C, "UIDL 2\r\n");
    feed(w, DIR_S, "+OK 2 abc\033[2J\r\n");
    feed(w, DIR_C, "RETR 1\r\n");
    feed(w, DIR_S, "+OK 120 octets\r\nSubject: x\r\n\r\n..hello\r\n.\r\n");
    feed(w, DIR_C, "DELE 2\r\n");
    feed(w, DIR_S, "+OK marked\r\n");
}

static void test_pop3(void **state)
{
    (void)state;
    static const size_t steps[] = {SIZE_MAX, 1, 7};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world w;
        begin(&w, PROTOCOL_POP3, steps[i]);
        pop3_session(&w);
        fold(&w);
        assert_true(w.v.pop3 && w.v.authenticated && w.v.total_known);
        assert_int_equal(w.v.total_messages, 3);
        assert_int_equal(w.v.total_octets, 370);
        assert_int_equal(w.v.n_messages, 3);
        assert_true(w.v.messages[0].fetched);
        assert_true(w.v.messages[1].deleted);
        assert_string_equal(w.v.messages[1].unique_id, "abc\033[2J");
        assert_int_equal(mailbox_view_deleted(&w.v), 1);
        HAS(&w, "messages    3, 370 octets");
        HAS(&w, "1 marked: they go when QUIT is answered");
        HAS(&w, "abc^[[2J"); /* shown, never sent */
        HAS_NOT(&w, "secret");
        /* RSET takes the mark back; QUIT is what deletes. */
        feed(&w, DIR_C, "RSET\r\n");
        feed(&w, DIR_S, "+OK\r\n");
        fold(&w);
        assert_int_equal(mailbox_view_deleted(&w.v), 0);
        feed(&w, DIR_C, "DELE 3\r\n");
        feed(&w, DIR_S, "+OK\r\n");
        feed(&w, DIR_C, "DELE 1\r\n");
        feed(&w, DIR_S, "-ERR no\r\n");
        feed(&w, DIR_C, "QUIT\r\n");
        feed(&w, DIR_S, "+OK bye\r\n");
        fold(&w);
        assert_int_equal(mailbox_view_deleted(&w.v), 1);
        assert_true(w.v.updated);
        HAS(&w, "1 gone: QUIT was answered");
        finish(&w);
    }
}

static void imap_session(struct world *w)
{
    feed(w, DIR_S, "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
    feed(w, DIR_C, "a1 LOGIN alice secret\r\n");
    feed(w, DIR_S, "a1 OK in\r\n");
    feed(w, DIR_C, "a2 LIST \"\" \"*\"\r\n");
    feed(w, DIR_S,
         "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
         "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent items\"\r\na2 OK\r\n");
    feed(w, DIR_C, "a3 SELECT INBOX\r\n");
    feed(w, DIR_S,
         "* FLAGS (\\Seen \\Deleted)\r\n* 3 EXISTS\r\n* 1 RECENT\r\n"
         "* OK [UIDVALIDITY 77] v\r\n* OK [UIDNEXT 14] n\r\n* OK [UNSEEN 2] u\r\n"
         "a3 OK [READ-WRITE] done\r\n");
    feed(w, DIR_C, "a4 FETCH 1:2 (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)\r\n");
    feed(w, DIR_S,
         "* 1 FETCH (UID 11 FLAGS (\\Seen \\Deleted) RFC822.SIZE 300 ENVELOPE (\"Wed, 25 Nov 2026 "
         "10:00:00 +0000\" \"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\" ((\"Ann\" NIL \"ann\" \"example.net\")) "
         "NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") "
         "NIL NIL \"7BIT\" 12 1)(\"TEXT\" \"HTML\" NIL NIL NIL \"BASE64\" 99 3) "
         "\"ALTERNATIVE\"))\r\n"
         "* 2 FETCH (UID 12 FLAGS () RFC822.SIZE 20 ENVELOPE (NIL {5}\r\nhello NIL NIL NIL NIL NIL "
         "NIL NIL NIL))\r\na4 OK\r\n");
}

static void test_imap(void **state)
{
    (void)state;
    static const size_t steps[] = {SIZE_MAX, 1, 13};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world w;
        begin(&w, PROTOCOL_IMAP, steps[i]);
        imap_session(&w);
        fold(&w);
        assert_true(w.v.imap);
        assert_string_equal(w.v.selected, "INBOX");
        assert_false(w.v.read_only);
        assert_int_equal(w.v.exists, 3);
        assert_int_equal(w.v.recent, 1);
        assert_int_equal(w.v.uid_validity, 77);
        assert_int_equal(w.v.uid_next, 14);
        assert_int_equal(w.v.unseen, 2);
        assert_int_equal(w.v.n_boxes, 2);
        assert_string_equal(w.v.boxes[1].name, "Sent items");
        assert_int_equal(w.v.n_messages, 2);
        assert_int_equal(w.v.messages[0].uid, 11);
        assert_string_equal(w.v.messages[0].subject, "Gr\xc3\xbc\xc3\x9f"
                                                     "e");
        assert_string_equal(w.v.messages[0].from, "ann@example.net");
        assert_true(w.v.messages[0].deleted);
        assert_string_equal(w.v.messages[1].subject, "hello");
        HAS(&w, "* multipart/ALTERNATIVE");
        HAS(&w, "2 TEXT/HTML  BASE64  99 octets");
        HAS(&w, "1 marked \\Deleted: EXPUNGE or CLOSE removes them");
        HAS_NOT(&w, "secret");
        finish(&w);
    }
}

/* The point of IDLE: what others do is seen as it happens, and numbers move. */
static void test_imap_idle(void **state)
{
    (void)state;
    struct world w;
    begin(&w, PROTOCOL_IMAP, SIZE_MAX);
    imap_session(&w);
    feed(&w, DIR_C, "a5 IDLE\r\n");
    feed(&w, DIR_S, "+ idling\r\n* 4 EXISTS\r\n");
    fold(&w);
    assert_true(w.v.idle);
    assert_int_equal(w.v.exists, 4);
    HAS(&w, "mail arrived; messages now: 4");
    feed(&w, DIR_S, "* 1 EXPUNGE\r\n");
    fold(&w);
    assert_int_equal(w.v.exists, 3);
    assert_int_equal(w.v.n_messages, 1);
    assert_int_equal(w.v.messages[0].number, 1);
    assert_int_equal(w.v.messages[0].uid, 12);
    HAS(&w, "removed: message 1");
    feed(&w, DIR_C, "DONE\r\n");
    feed(&w, DIR_S, "a5 OK\r\n");
    feed(&w, DIR_C, "a6 EXAMINE \"Sent items\"\r\n");
    feed(&w, DIR_S, "* 0 EXISTS\r\na6 OK [READ-ONLY] x\r\n");
    fold(&w);
    assert_string_equal(w.v.selected, "Sent items");
    assert_true(w.v.read_only);
    assert_int_equal(w.v.n_messages, 0);
    feed(&w, DIR_C, "a7 CLOSE\r\n");
    feed(&w, DIR_S, "a7 OK\r\n");
    fold(&w);
    assert_null(w.v.selected);
    finish(&w);
}

/* Nonsense from a server: nothing is believed that does not read, and nothing crashes. */
static void test_imap_hostile(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "* 4294967295 EXISTS\r\n",
        "* 99999999999999999999 EXISTS\r\n",
        "* 0 EXPUNGE\r\n",
        "* 4294967295 EXPUNGE\r\n",
        "* 5 FETCH\r\n",
        "* 5 FETCH (\r\n",
        "* 5 FETCH (UID)\r\n",
        "* 5 FETCH (UID x FLAGS y ENVELOPE z BODYSTRUCTURE ())\r\n",
        "* 5 FETCH (ENVELOPE (NIL NIL))\r\n",
        "* 5 FETCH (BODYSTRUCTURE ((((((((((()))))))))))\r\n",
        "* LIST\r\n",
        "* LIST () NIL\r\n",
        "* LIST (\\a) {3}\r\nabc {2}\r\nxy\r\n",
        "* LIST (\\a\x1b[2J \xc2\x9b\xff \xe2\x80\xae) \"/\" \"x\x1b]0;\x07\"\r\n",
        "* OK [UIDNEXT\r\n",
        "* OK [UIDNEXT 99999999999]\r\n",
    };
    struct world w;
    begin(&w, PROTOCOL_IMAP, SIZE_MAX);
    imap_session(&w);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        feed(&w, DIR_S, lines[i]);
        fold(&w);
        assert_true(w.text.len > 0);
        buf_reset(&w.text);
        mailbox_view_print(&w.v, VIS_ASCII, &w.text);
        for (size_t at = 0; at < w.text.len; at++)
            assert_true(w.text.ptr[at] == '\n' || (w.text.ptr[at] >= ' ' && w.text.ptr[at] < 127));
    }
    finish(&w);
}

static void test_limit(void **state)
{
    (void)state;
    struct world w;
    begin(&w, PROTOCOL_IMAP, SIZE_MAX);
    imap_session(&w);
    struct buf many;
    buf_init(&many, 4 << 20);
    for (unsigned i = 1; i <= MAILBOX_BOXES_MAX + 10; i++)
        buf_printf(&many, "* LIST () \"/\" box%u\r\n", i);
    feed(&w, DIR_S, buf_cstr(&many));
    fold(&w);
    assert_int_equal(w.v.n_boxes, MAILBOX_BOXES_MAX);
    assert_int_equal(w.v.left_out, 12);
    HAS(&w, "limit listed-messages");
    buf_deinit(&many);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pop3),      cmocka_unit_test(test_imap),
        cmocka_unit_test(test_imap_idle), cmocka_unit_test(test_imap_hostile),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
