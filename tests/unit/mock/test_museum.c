/* The museum behind the practice server: letters land in mailboxes, the tracker of each side tells
 * the same story, and a visitor who leaves in the middle leaves nothing behind. */
#include "../client/world.h"

#include "engine/track.h"

static const struct {
    enum mock_service service;
    const char *name, *says;
    const char *expect; /* in the end */
    const char *mailbox, *text;
    unsigned commands, contents;
} visits[] = {
    {MOCK_RFC821, "rfc821",
     "HELO a\r\nSOML FROM:<x@a>\r\nRCPT TO:<bob@SU-SCORE.ARPA>\r\nDATA\r\n..hi\r\n.\r\n",
     "250 User not active now, so will do mail.\r\n354 Start mail input; end with "
     "<CRLF>.<CRLF>\r\n250 OK\r\n",
     "bob", ".hi\r\n", 4, 1},
    {MOCK_MTP, "mtp", "MAIL FROM:<waldo@A> TO:<Foo@Y>\r\nBlah\r\n.\r\n", "250 Mail sent\r\n",
     "Foo@Y", "Blah\r\n", 1, 1},
    {MOCK_FTP_MAIL, "ftp-mail", "MAIL bhushan\r\nNoon?\r\n.\r\n", "256 Mail completed\r\n",
     "bhushan", "Noon?\r\n", 1, 1},
    {MOCK_RFC524, "rfc524", "REC\r\nTEXT Hi\r\nEXIT\r\nDIST\r\nRECI carol@SRI-ARC\r\nEXIT\r\n",
     "pathname\r\n200 OK.\r\n200 OK.\r\n200 OK.\r\n", "carol", "Hi\r\n", 6, 0},
    {MOCK_SNDMSG, "sndmsg", "SNDMSG\r\nalice\r\n-\r\n-\r\nqwerty\r\n\x1a\r\n",
     "alice -- ok\r\n@\r\n", "alice", "qwerty\r\n", 4, 1},
};
enum { N_VISITS = sizeof(visits) / sizeof(visits[0]) };

static size_t named(const struct world *w, const char *name)
{
    size_t n = 0;
    const struct event *ev;
    for (uint64_t seq = 1; seq <= journal_last(w->journal); seq++) {
        struct ev_protocol e;
        if (!(ev = journal_at(w->journal, seq)) || ev->kind != EVENT_PROTOCOL)
            continue;
        EVENT_GET(ev, PROTOCOL, &e);
        n += slice_eq(e.name, slice_cstr(name));
    }
    return n;
}

static void test_letters(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VISITS; i++) {
        struct world w;
        struct peer p;
        struct mock_message m;
        world_open(&w, NULL, NULL);
        peer_open(&p, &w, visits[i].service, NULL);
        peer_expect(&p, museum_info((enum museum_id)i)->greeting);
        peer_say(&p, visits[i].says);
        peer_expect(&p, visits[i].expect);
        assert_int_equal(mock_message_count(w.mock), 1);
        assert_true(mock_message_at(w.mock, 0, &m));
        assert_string_equal(m.mailbox, visits[i].mailbox);
        assert_true(slice_eq(m.octets, slice_cstr(visits[i].text)));
        assert_int_equal(named(&w, visits[i].name), 1);
        assert_int_equal(world_events(&w, EVENT_STORED, NULL), 1);
        assert_int_equal(world_events(&w, EVENT_COMMAND, NULL), visits[i].commands);
        assert_int_equal(world_events(&w, EVENT_DATA_END, NULL), visits[i].contents);
        assert_int_equal(world_events(&w, EVENT_DEVIATION, NULL), 0);
        peer_close(&p);
        world_close(&w);
    }
}

/* Gone at any octet: nothing is kept of an unfinished letter, nothing leaks. */
static void test_leaving(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VISITS; i++) {
        struct world w;
        world_open(&w, NULL, NULL);
        for (size_t n = 0; n + 2 < strlen(visits[i].says); n += 5) {
            struct peer p;
            char said[200];
            snprintf(said, sizeof(said), "%.*s", (int)n, visits[i].says);
            peer_open(&p, &w, visits[i].service, NULL);
            peer_expect(&p, museum_info((enum museum_id)i)->greeting);
            peer_say(&p, said);
            peer_close(&p);
            loop_turn(w.loop, 0);
        }
        assert_int_equal(mock_message_count(w.mock), 0);
        world_close(&w);
    }
}

struct told {
    unsigned replies, go_ons;
    size_t pending;
    enum track_expects expects;
};

/* The client's own tracker, in pieces of any size: what it tells does not depend on them. */
static struct told watch(size_t v, size_t piece)
{
    static const char *const closing[N_VISITS] = {"QUIT\r\n", "QUIT\r\n", "BYE\r\n", "BYE\r\n",
                                                  "LOGOUT\r\n"};
    struct told told = {0};
    struct journal *j = journal_new(clock_system());
    struct museum *m = museum_new((enum museum_id)v);
    struct track *t = track_new(PROTOCOL_MUSEUM, j, journal_conn_new(j),
                                &(struct track_options){.museum = (enum museum_id)v});
    struct buf out, in;
    buf_init(&out, MUSEUM_REPLY_MAX_OCTETS);
    buf_init(&in, 4096);
    buf_append_cstr(&in, visits[v].says);
    buf_append_cstr(&in, closing[v]);
    assert_string_equal(track_prompt(t), visits[v].name);
    museum_greet(m, &out);
    for (struct slice rest = buf_slice(&in); true;) {
        for (struct slice said = buf_slice(&out); said.len > 0;) {
            struct track_item item;
            said = slice_skip(said, track_feed(t, DIR_S, slice_take(said, piece), &item));
            told.replies += item.kind == TRACK_ITEM_REPLY;
            told.go_ons += item.kind == TRACK_ITEM_GO_ON;
        }
        assert_int_equal(track_expects(t) == TRACK_EXPECTS_CONTENT, museum_takes_text(m));
        buf_reset(&out);
        if (rest.len == 0)
            break;
        struct track_item item;
        size_t used = track_feed(t, DIR_C, slice_take(rest, piece), &item);
        assert_int_equal(museum_feed(m, slice_take(rest, used), &out), used);
        rest = slice_skip(rest, used);
    }
    told.pending = track_pending(t);
    told.expects = track_expects(t);
    track_closed(t, DIR_S);
    assert_string_equal(track_state_name(t), "closed");
    assert_null(track_smtp(t));
    museum_free(&m);
    track_free(&t);
    journal_free(&j);
    buf_deinit(&out);
    buf_deinit(&in);
    return told;
}

static void test_tracker(void **state)
{
    (void)state;
    for (size_t v = 0; v < N_VISITS; v++) {
        struct told whole = watch(v, SIZE_MAX);
        assert_int_equal(whole.go_ons, visits[v].contents);
        assert_int_equal(whole.pending, 0);
        for (size_t piece = 1; piece < 30; piece++) {
            struct told split = watch(v, piece);
            assert_int_equal(split.replies, whole.replies);
            assert_int_equal(split.go_ons, whole.go_ons);
            assert_int_equal(split.pending, whole.pending);
            assert_int_equal(split.expects, whole.expects);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_tracker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
