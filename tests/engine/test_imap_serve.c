/* The IMAP server role on a store in memory: what is said to what, to one session and to two. */
#include "imap_kit.h"

#include "engine/imap_serve.h"

enum { SESSIONS = 2 };

struct world;
struct session {
    struct world *w;
    struct imap_track *track;
    struct imap_serve *serve;
    struct imap_answer answer;
    struct buf said;
    bool poked, more;
    enum imap_then then;
};
struct world {
    struct clock_manual clock;
    struct journal *journal;
    struct store *store;
    struct session s[SESSIONS];
    size_t held;
};

static bool password(void *ctx, const char *user, struct secret *out)
{
    struct session *s = ctx;
    struct store_user *u = store_user_find(s->w->store, slice_cstr(user));
    return u && store_user_password(u, out);
}

static struct store_user *user(void *ctx, const char *name)
{
    struct session *s = ctx;
    return store_user_find(s->w->store, slice_cstr(name));
}

static void changed(void *ctx)
{
    ((struct session *)ctx)->poked = true;
}

static bool hold(void *ctx, size_t octets)
{
    ((struct session *)ctx)->w->held += octets;
    return true;
}

static void release(void *ctx, size_t octets)
{
    ((struct session *)ctx)->w->held -= octets;
}

static enum store_result append(void *ctx, struct store_mailbox *m, struct store_append *what,
                                struct buf *octets, uint32_t *uid, struct err *err)
{
    struct session *s = ctx;
    what->blob = store_blob_take(s->w->store, octets);
    enum store_result r = store_append(m, what, uid, err);
    store_blob_release(s->w->store, &what->blob);
    return r;
}

static const struct imap_policy policy = {.password = password,
                                          .user = user,
                                          .changed = changed,
                                          .hold = hold,
                                          .release = release,
                                          .append = append};
static const struct imap_serve_options options = {.name = "mx.test",
                                                  .offer_starttls = true,
                                                  .mechanisms = "PLAIN",
                                                  .login_in_clear = true,
                                                  .message_octets = 100000,
                                                  .errors_max = 20};

/* What is said passes the tracker before anything else of the client does. */
static void take(struct session *s)
{
    struct slice text = buf_slice(&s->answer.text);
    imap_track_feed_all(s->track, DIR_S, text);
    buf_append(&s->said, text);
    s->then = s->answer.then;
    s->more = s->answer.then == IMAP_THEN_MORE;
    buf_reset(&s->answer.text);
    s->answer.then = IMAP_THEN_GO_ON;
}

static void more(struct session *s)
{
    while (s->more) {
        imap_serve_more(s->serve, &s->answer);
        take(s);
    }
}

static void feed(struct session *s, struct slice in, size_t step, bool hold_more)
{
    while (in.len > 0) {
        struct slice piece = slice_take(in, step ? step : in.len);
        struct imap_item item;
        size_t used = imap_track_feed(s->track, DIR_C, piece, &item);
        in = slice_skip(in, used);
        imap_serve_item(s->serve, &item, &s->answer);
        take(s);
        if (!hold_more)
            more(s);
    }
}

static void open_world(struct world *w)
{
    clock_manual_init(&w->clock, 1000, 1767225600000000); /* 2026-01-01 */
    w->journal = journal_new(&w->clock.clock);
    w->store = store_new(&w->clock.clock, NULL);
    w->held = 0;
    struct store_user *u = store_user_add(w->store, SLICE_LIT("ann"), NULL);
    store_user_set_password(u, SLICE_LIT("secret"));
    for (int i = 0; i < SESSIONS; i++) {
        struct session *s = &w->s[i];
        memset(s, 0, sizeof(*s));
        s->w = w;
        imap_answer_init(&s->answer);
        buf_init(&s->said, 64 << 20);
        uint32_t conn = journal_conn_new(w->journal);
        s->track =
            imap_track_new(w->journal, conn, &(struct imap_track_options){.want_content = true});
        s->serve = imap_serve_new(w->journal, conn, s->track, &options, &policy, s);
        imap_serve_banner(s->serve, &s->answer);
        take(s);
        buf_reset(&s->said);
    }
}

static void close_world(struct world *w)
{
    for (int i = 0; i < SESSIONS; i++) {
        imap_serve_free(&w->s[i].serve);
        imap_track_free(&w->s[i].track);
        imap_answer_deinit(&w->s[i].answer);
        buf_deinit(&w->s[i].said);
    }
    assert_int_equal(w->held, 0);
    imap_serve_forget();
    store_free(&w->store);
    journal_free(&w->journal);
}

/* Lines of a client and what it is told: '~' is CRLF in both. */
static void expand(const char *in, struct buf *out)
{
    for (; *in; in++) {
        if (*in == '~')
            buf_append_cstr(out, "\r\n");
        else
            buf_append_octet(out, (uint8_t)*in);
    }
}

static void say(struct session *s, const char *text)
{
    struct buf in;
    buf_init(&in, 1 << 20);
    expand(text, &in);
    feed(s, buf_slice(&in), 0, false);
    buf_deinit(&in);
}

static void expect_from(struct session *s, const char *expected, const char *file, int line)
{
    struct buf want;
    buf_init(&want, 1 << 20);
    expand(expected, &want);
    if (!slice_eq(buf_slice(&want), buf_slice(&s->said)))
        print_error("%s:%d: said:\n%s", file, line, buf_cstr(&s->said));
    assert_string_equal(buf_cstr(&s->said), buf_cstr(&want));
    buf_reset(&s->said);
    buf_deinit(&want);
}
#define EXPECT(s, text) expect_from(s, text, __FILE__, __LINE__)

static void check(struct session *s, const char *text, const char *expected, int line)
{
    say(s, text);
    expect_from(s, expected, text, line);
}
#define CHECK(s, text, expected) check(s, text, expected, __LINE__)

static void login(struct session *s)
{
    say(s, "l LOGIN ann secret~");
    assert_non_null(strstr(buf_cstr(&s->said), "l OK [CAPABILITY IMAP4rev1"));
    buf_reset(&s->said);
}

static void put(struct session *s, const char *subject, const char *flags)
{
    char text[256], body[128];
    int n = snprintf(body, sizeof(body), "Subject: %s\r\nFrom: a@b.test\r\n\r\nhi %s\r\n", subject,
                     subject);
    snprintf(text, sizeof(text), "p APPEND INBOX (%s) {%d+}~%s~", flags, n, body);
    say(s, text);
    assert_non_null(strstr(buf_cstr(&s->said), "p OK [APPENDUID "));
    buf_reset(&s->said);
}

static void open_box(struct world *w, int n)
{
    static const char *const subjects[] = {"one", "two", "three", "four", "five"};
    open_world(w);
    for (int i = 0; i < SESSIONS; i++)
        login(&w->s[i]);
    for (int i = 0; i < n; i++)
        put(&w->s[0], subjects[i], "");
    for (int i = 0; i < SESSIONS; i++) {
        say(&w->s[i], "s SELECT INBOX~");
        assert_non_null(strstr(buf_cstr(&w->s[i].said), "s OK [READ-WRITE]"));
        buf_reset(&w->s[i].said);
    }
}

/* ---- the session ---- */

static void test_order_and_syntax(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_world(&w);
    CHECK(s, "a NOOP~", "a OK NOOP done~");
    CHECK(s, "a SELECT INBOX~", "a BAD Log in first~");
    CHECK(s, "a FROB~", "a BAD Unknown command~");
    CHECK(s, "frob~", "* BAD A tag and a command were expected, such as: a1 NOOP~");
    CHECK(s, "a LOGIN ann~", "a BAD Syntax: LOGIN user password~");
    CHECK(s, "a LOGIN ann wrong~", "a NO [AUTHENTICATIONFAILED] User or password is wrong~");
    CHECK(s, "a LOGIN nobody secret~", "a NO [AUTHENTICATIONFAILED] User or password is wrong~");
    CHECK(s, "a LOGIN ann \"\"~", "a NO [AUTHENTICATIONFAILED] User or password is wrong~");
    CHECK(s, "a LOGIN {3}~", "+ go ahead~");
    say(s, "ann {6+}~secret~");
    assert_non_null(strstr(buf_cstr(&s->said), "a OK ["));
    buf_reset(&s->said);
    CHECK(s, "a LOGIN ann secret~", "a BAD You are logged in already~");
    CHECK(s, "a FETCH 1 FLAGS~", "a BAD Select a mailbox first~");
    CHECK(s, "a LOGOUT~", "* BYE mx.test Bye~a OK LOGOUT done~");
    assert_int_equal(s->then, IMAP_THEN_CLOSE);
    CHECK(s, "a NOOP~", "");
    close_world(&w);
}

static void test_authenticate(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_world(&w);
    CHECK(s, "a AUTHENTICATE FROB~",
          "a NO [CANNOT] This mechanism is not offered; see AUTH= of CAPABILITY~");
    CHECK(s, "a AUTHENTICATE PLAIN~", "+ ~");
    CHECK(s, "*~", "a BAD The exchange was given up~");
    CHECK(s, "a AUTHENTICATE PLAIN~", "+ ~");
    CHECK(s, "AGFubgB3cm9uZw==~", "a NO [AUTHENTICATIONFAILED] User or password is wrong~");
    CHECK(s, "a AUTHENTICATE PLAIN !~", "a BAD That is not base64~");
    say(s, "b AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=~");
    assert_non_null(strstr(buf_cstr(&s->said), "b OK [CAPABILITY "));
    assert_string_equal(imap_serve_user(s->serve), "ann");
    CHECK(&w.s[1], "a STARTTLS~", "a OK Begin TLS now~");
    assert_int_equal(w.s[1].then, IMAP_THEN_TLS);
    close_world(&w);
}

static void test_hostile_lines(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_world(&w);
    feed(s, SLICE_LIT("a NOOP\n"), 0, false);
    EXPECT(s, "a BAD The line ends with a bare line feed; only CR LF ends a line~");
    feed(s, SLICE_LIT("a NO\0OP\r\n"), 0, false);
    EXPECT(s, "a BAD NUL or bare carriage return in a command~");
    CHECK(s, "a LOGIN {9999999999}~", "a BAD Literal too long~");
    CHECK(s, "a APPEND INBOX {10}~", "a BAD Log in first~");
    CHECK(s, "b NOOP~", "b OK NOOP done~");
    login(s);
    CHECK(s, "a APPEND INBOX {999999999999999}~",
          "a NO [TOOBIG] The message is larger than this server takes~");
    CHECK(s, "a APPEND nowhere {10}~", "a NO [TRYCREATE] There is no such mailbox~");
    CHECK(s, "a APPEND nowhere {3+}~abc~", "a NO [TRYCREATE] There is no such mailbox~");
    CHECK(s, "a APPEND INBOX {0}~", "+ send it~");
    CHECK(s, "~", "a NO An empty message is none~");
    for (int i = 0; i < 25 && s->then != IMAP_THEN_CLOSE; i++)
        say(s, "a FROB~");
    assert_int_equal(s->then, IMAP_THEN_CLOSE);
    assert_non_null(strstr(buf_cstr(&s->said), "* BYE Too many errors"));
    close_world(&w);
}

/* ---- mailboxes ---- */

static void test_mailboxes(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_world(&w);
    login(s);
    CHECK(s, "a LIST \"\" \"\"~", "* LIST (\\Noselect) \"/\" \"\"~a OK LIST done~");
    CHECK(s, "a LIST \"\" inbox~", "* LIST (\\HasNoChildren) \"/\" \"INBOX\"~a OK LIST done~");
    CHECK(s, "a CREATE x/y/z~", "a OK CREATE done~");
    CHECK(s, "a CREATE x/y~", "a NO [ALREADYEXISTS] it exists already~");
    CHECK(s, "a CREATE ../../etc~", "a NO [CANNOT] that is no name for a mailbox~");
    CHECK(s, "a LIST \"\" x/%~", "* LIST (\\HasChildren) \"/\" \"x/y\"~a OK LIST done~");
    CHECK(s, "a LIST x/ *~",
          "* LIST (\\HasChildren) \"/\" \"x/y\"~* LIST (\\HasNoChildren) \"/\" \"x/y/z\"~a OK LIST "
          "done~");
    CHECK(s, "a CREATE Entw&APw-rfe (USE (\\Drafts))~", "a OK CREATE done~");
    CHECK(s, "a LIST \"\" Entw*~",
          "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entw&APw-rfe\"~a OK LIST done~");
    CHECK(s, "a CREATE Entw&APw~", "a BAD The mailbox name is not in modified UTF-7~");
    CHECK(s, "a ENABLE UTF8=ACCEPT~", "* ENABLED UTF8=ACCEPT~a OK ENABLE done~");
    CHECK(s, "a LIST (SPECIAL-USE) \"\" *~",
          "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entw\303\274rfe\"~a OK LIST done~");
    CHECK(s, "a SUBSCRIBE x/y~", "a OK SUBSCRIBE done~");
    CHECK(s, "a LSUB \"\" *~", "* LSUB (\\HasChildren) \"/\" \"x/y\"~a OK LSUB done~");
    CHECK(s, "a RENAME x v~", "a OK RENAME done~");
    CHECK(s, "a LIST (SUBSCRIBED) \"\" *~",
          "* LIST (\\NonExistent \\Subscribed) \"/\" \"x/y\"~a OK LIST done~");
    CHECK(s, "a DELETE v/y/z~", "a OK DELETE done~");
    CHECK(s, "a LIST \"\" v/* RETURN (STATUS (MESSAGES))~",
          "* LIST (\\HasNoChildren) \"/\" \"v/y\"~* STATUS \"v/y\" (MESSAGES 0)~a OK LIST done~");
    CHECK(s, "a DELETE INBOX~", "a NO [CANNOT] that cannot be done with this mailbox~");
    CHECK(s, "a DELETE nowhere~", "a NO [NONEXISTENT] there is no such mailbox or message~");
    CHECK(s, "a STATUS nowhere (MESSAGES)~", "a NO [NONEXISTENT] There is no such mailbox~");
    CHECK(s, "a NAMESPACE~", "* NAMESPACE ((\"\" \"/\")) NIL NIL~a OK NAMESPACE done~");
    CHECK(s, "a SELECT nowhere~", "a NO [NONEXISTENT] There is no such mailbox~");
    struct store_user *u = store_user_find(w.store, SLICE_LIT("ann"));
    CHECK(s, "a GETQUOTAROOT INBOX~", "* QUOTAROOT \"INBOX\" \"\"~a OK Quota done~");
    store_user_set_quota(u, 10240, 5);
    CHECK(s, "a GETQUOTA \"\"~", "* QUOTA \"\" (STORAGE 0 10 MESSAGE 0 5)~a OK Quota done~");
    CHECK(s, "a APPEND INBOX {20000}~", "a NO [OVERQUOTA] The quota does not leave room for it~");
    close_world(&w);
}

static void test_select(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_world(&w);
    login(s);
    put(s, "one", "\\Seen $Junk");
    put(s, "two", "");
    say(s, "a SELECT INBOX~");
    const char *said = buf_cstr(&s->said);
    assert_non_null(
        strstr(said, "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk)\r\n"));
    assert_non_null(strstr(said, "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted "
                                 "\\Draft $Junk \\*)] "));
    assert_non_null(strstr(said, "* 2 EXISTS\r\n* 2 RECENT\r\n* OK [UNSEEN 2] "));
    assert_non_null(strstr(said, "* OK [UIDNEXT 3] "));
    buf_reset(&s->said);
    say(s, "a EXAMINE INBOX~");
    said = buf_cstr(&s->said);
    assert_non_null(strstr(said, "* OK [CLOSED] "));
    assert_non_null(strstr(said, "* OK [PERMANENTFLAGS ()] "));
    assert_non_null(strstr(said, "a OK [READ-ONLY] EXAMINE done\r\n"));
    buf_reset(&s->said);
    CHECK(s, "a STORE 1 FLAGS (\\Seen)~", "a NO The mailbox was opened to be read only~");
    CHECK(s, "a EXPUNGE~", "a NO The mailbox was opened to be read only~");
    CHECK(s, "a FETCH 2 (BODY[TEXT] FLAGS)~",
          "* 2 FETCH (BODY[TEXT] {8}~hi two~ FLAGS ())~a OK FETCH done~");
    CHECK(s, "a UNSELECT~", "a OK UNSELECT done~");
    CHECK(s, "a CHECK~", "a BAD Select a mailbox first~");
    close_world(&w);
}

/* ---- messages ---- */

static void test_fetch(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[1];
    open_box(&w, 3);
    CHECK(
        s, "a FETCH 1:2 (UID FLAGS RFC822.SIZE)~",
        "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 40)~* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 40)~a OK "
        "FETCH done~");
    CHECK(s, "a UID FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT x)]~",
          "* 2 FETCH (BODY[HEADER.FIELDS (SUBJECT x)] {16}~Subject: two~~ UID 2)~a OK FETCH done~");
    CHECK(s, "a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]~",
          "* 1 FETCH (BODY[HEADER.FIELDS.NOT (SUBJECT)] {18}~From: a@b.test~~)~a OK FETCH done~");
    CHECK(s, "a FETCH 1 BODY[TEXT]<3.3>~",
          "* 1 FETCH (BODY[TEXT]<3> {3}~one FLAGS (\\Seen))~a OK FETCH done~");
    CHECK(s, "a FETCH 1 BODY.PEEK[1]<99.3>~", "* 1 FETCH (BODY[1]<99> {0}~)~a OK FETCH done~");
    CHECK(s, "a FETCH 1 BODY.PEEK[2]~", "* 1 FETCH (BODY[2] NIL)~a OK FETCH done~");
    CHECK(s, "a FETCH 3 (ENVELOPE)~",
          "* 3 FETCH (ENVELOPE (NIL \"three\" ((NIL NIL \"a\" \"b.test\")) ((NIL NIL \"a\" "
          "\"b.test\")) ((NIL NIL \"a\" \"b.test\")) NIL NIL NIL NIL NIL))~a OK FETCH done~");
    CHECK(
        s, "a FETCH 3 BODYSTRUCTURE~",
        "* 3 FETCH (BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
        "10 1 NIL NIL NIL NIL))~a OK FETCH done~");
    CHECK(s, "a FETCH 4 FLAGS~", "a BAD No message has such a number~");
    CHECK(s, "a UID FETCH 9 FLAGS~", "a OK FETCH done~");
    CHECK(s, "a UID FETCH 9:* UID~", "* 3 FETCH (UID 3)~a OK FETCH done~");
    CHECK(s, "a FETCH 1 INTERNALDATE~",
          "* 1 FETCH (INTERNALDATE \" 1-Jan-2026 00:00:00 +0000\")~a OK FETCH done~");
    close_world(&w);
}

static void test_search(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0];
    open_box(&w, 5);
    say(s, "x STORE 2,4 +FLAGS.SILENT (\\Seen $a)~");
    buf_reset(&s->said);
    static const struct {
        const char *keys, *found;
    } rows[] = {
        {"ALL", " 1 2 3 4 5"},
        {"SEEN", " 2 4"},
        {"UNSEEN", " 1 3 5"},
        {"KEYWORD $a", " 2 4"},
        {"UNKEYWORD $b", " 1 2 3 4 5"},
        {"2:3", " 2 3"},
        {"UID 4:*", " 4 5"},
        {"SUBJECT THREE", " 3"},
        {"FROM b.test 1", " 1"},
        {"BODY \"hi f\"", " 4 5"},
        {"TEXT two", " 2"},
        {"OR SUBJECT one SUBJECT two", " 1 2"},
        {"NOT SEEN", " 1 3 5"},
        {"(SEEN SUBJECT two)", " 2"},
        {"LARGER 40", " 3 4 5"},
        {"ON 1-Jan-2026", " 1 2 3 4 5"},
        {"BEFORE 1-Jan-2026", ""},
        {"SENTON 1-Jan-2026", ""},
        {"YOUNGER 60", " 1 2 3 4 5"},
        {"OLDER 60", ""},
        {"HEADER Subject \"\"", " 1 2 3 4 5"},
        {"CHARSET UTF-8 ALL 5", " 5"},
        {"NEW", " 1 3 5"},
        {"OLD", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128], expected[128];
        snprintf(text, sizeof(text), "a SEARCH %s~", rows[i].keys);
        snprintf(expected, sizeof(expected), "* SEARCH%s~a OK SEARCH done~", rows[i].found);
        CHECK(s, text, expected);
    }
    CHECK(s, "a SEARCH CHARSET KOI8-R ALL~",
          "a NO [BADCHARSET (US-ASCII UTF-8)] This charset is not known here~");
    CHECK(s, "a UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN~",
          "* ESEARCH (TAG \"a\") UID MIN 1 MAX 5 ALL 1,3,5 COUNT 3~a OK SEARCH done~");
    CHECK(s, "a SEARCH RETURN (SAVE) SEEN~", "a OK SEARCH done~");
    CHECK(s, "a FETCH $ UID~", "* 2 FETCH (UID 2)~* 4 FETCH (UID 4)~a OK FETCH done~");
    CHECK(s, "a SEARCH RETURN () NOT $~", "* ESEARCH (TAG \"a\") ALL 1,3,5~a OK SEARCH done~");
    close_world(&w);
}

static void test_store_copy_move_expunge(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0], *other = &w.s[1];
    open_box(&w, 4);
    CHECK(s, "a STORE 1 FLAGS (\\Flagged x)~",
          "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft x)~* OK [PERMANENTFLAGS (\\Seen "
          "\\Answered \\Flagged \\Deleted \\Draft x \\*)] Flags that last~* 1 FETCH (FLAGS "
          "(\\Flagged \\Recent x))~a OK STORE done~");
    CHECK(s, "a UID STORE 1 -FLAGS x~",
          "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))~a OK STORE done~");
    CHECK(other, "a NOOP~", "* 1 FETCH (UID 1 FLAGS (\\Flagged))~a OK NOOP done~");
    CHECK(s, "a COPY 1 nowhere~", "a NO [TRYCREATE] there is no such mailbox or message~");
    say(s, "a CREATE box~b COPY 1:2 box~");
    assert_non_null(strstr(buf_cstr(&s->said), " 1:2 1:2] COPY done\r\n"));
    buf_reset(&s->said);
    say(s, "c UID MOVE 3 box~");
    const char *said = buf_cstr(&s->said);
    assert_non_null(strstr(said, "* OK [COPYUID "));
    assert_non_null(strstr(said, " 3 3] Moved\r\n* 3 EXPUNGE\r\nc OK MOVE done\r\n"));
    buf_reset(&s->said);
    /* The other's numbers hold until it may lose them. */
    CHECK(other, "a FETCH 4 UID~", "* 4 FETCH (UID 4)~a OK FETCH done~");
    CHECK(other, "a FETCH 3 RFC822~", "a NO [EXPUNGEISSUED] Some of the messages are gone~");
    CHECK(other, "a UID FETCH 4 UID~", "* 4 FETCH (UID 4)~* 3 EXPUNGE~a OK FETCH done~");
    CHECK(other, "a STORE 1,3 +FLAGS.SILENT (\\Deleted)~", "a OK STORE done~");
    CHECK(
        s, "a NOOP~",
        "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Deleted \\Recent))~* 3 FETCH (UID 4 FLAGS (\\Deleted "
        "\\Recent))~a OK NOOP done~");
    CHECK(s, "a UID EXPUNGE 4~", "* 3 EXPUNGE~a OK EXPUNGE done~");
    CHECK(s, "a EXPUNGE~", "* 1 EXPUNGE~a OK EXPUNGE done~");
    CHECK(other, "a SEARCH ALL~", "* SEARCH 2~a OK SEARCH done~");
    CHECK(other, "a NOOP~", "* 1 EXPUNGE~* 2 EXPUNGE~a OK NOOP done~");
    CHECK(s, "a CLOSE~", "a OK CLOSE done~");
    close_world(&w);
}

/* ---- two sessions ---- */

static void test_idle_hears_at_once(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0], *other = &w.s[1];
    open_box(&w, 2);
    CHECK(other, "i IDLE~", "+ idling~");
    other->poked = false;
    say(s, "a STORE 1 +FLAGS.SILENT (\\Deleted)~b EXPUNGE~");
    assert_true(other->poked);
    put(s, "new", "");
    imap_serve_poked(other->serve, &other->answer);
    take(other);
    EXPECT(other, "* 1 EXPUNGE~* 2 EXISTS~* 0 RECENT~");
    CHECK(other, "DONE~", "i OK IDLE done~");
    CHECK(other, "i IDLE~", "+ idling~");
    CHECK(other, "x NOOP~", "i BAD Expected DONE~x BAD Only DONE may come while idling~");
    close_world(&w);
}

/* A FETCH that is said in pieces, and somebody who moves the messages away meanwhile. */
static void test_move_during_fetch(void **state)
{
    (void)state;
    struct world w;
    struct session *s = &w.s[0], *other = &w.s[1];
    open_box(&w, 0);
    struct buf big;
    buf_init(&big, 1 << 20);
    buf_append_cstr(&big, "p APPEND INBOX {90000+}\r\nS: x\r\n\r\n");
    for (int i = 0; i < 90000 - 8; i++)
        buf_append_octet(&big, 'x');
    buf_append_cstr(&big, "\r\n");
    for (int i = 0; i < 6; i++)
        feed(s, buf_slice(&big), 0, false);
    buf_deinit(&big);
    say(s, "a CREATE away~");
    say(other, "a NOOP~");
    buf_reset(&other->said);
    feed(other, SLICE_LIT("f FETCH 1:6 (UID BODY.PEEK[])\r\n"), 0, true);
    assert_true(other->more);
    buf_reset(&s->said);
    say(s, "m MOVE 3:6 away~");
    assert_non_null(strstr(buf_cstr(&s->said), "m OK MOVE done"));
    more(other);
    const char *said = buf_cstr(&other->said);
    assert_non_null(strstr(said, "* 1 FETCH (UID 1 BODY[] {90000}\r\n"));
    assert_null(strstr(said, " EXPUNGE\r\n"));
    assert_null(strstr(said, "* 6 FETCH"));
    assert_non_null(strstr(said, "f NO [EXPUNGEISSUED] Some of the messages are gone\r\n"));
    buf_reset(&other->said);
    CHECK(other, "a NOOP~", "* 3 EXPUNGE~* 3 EXPUNGE~* 3 EXPUNGE~* 3 EXPUNGE~a OK NOOP done~");
    close_world(&w);
}

/* Nothing the server says breaks a rule, in whatever pieces the client speaks. */
static void test_no_deviation_of_ours(void **state)
{
    (void)state;
    static const char script[] =
        "a CAPABILITY\r\nb ID NIL\r\nc LOGIN ann secret\r\nd LIST \"\" *\r\n"
        "e APPEND INBOX {24+}\r\nSubject: x\r\nFrom: y\r\n\r\nz\r\n"
        "f SELECT INBOX\r\ng FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[])\r\n"
        "h STORE 1 +FLAGS (\\Deleted)\r\ni SEARCH ALL\r\nj EXPUNGE\r\nk STATUS INBOX (MESSAGES)\r\n"
        "l NOOP\r\nm CLOSE\r\nn LOGOUT\r\n";
    for (size_t step = 0; step < 8; step++) {
        struct world w;
        open_world(&w);
        feed(&w.s[0], SLICE_LIT(script), step, false);
        for (uint64_t seq = 1; seq <= journal_last(w.journal); seq++) {
            const struct event *ev = journal_at(w.journal, seq);
            struct ev_deviation d;
            if (ev->kind != EVENT_DEVIATION)
                continue;
            EVENT_GET(ev, DEVIATION, &d);
            if (d.dir == DIR_S)
                print_error("%.*s\n", SLICE_ARG(d.rule));
            assert_int_equal(d.dir, DIR_C);
        }
        assert_non_null(strstr(buf_cstr(&w.s[0].said), "n OK LOGOUT done\r\n"));
        assert_null(strstr(buf_cstr(&w.s[0].said), " BAD "));
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_syntax),
        cmocka_unit_test(test_authenticate),
        cmocka_unit_test(test_hostile_lines),
        cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_store_copy_move_expunge),
        cmocka_unit_test(test_idle_hears_at_once),
        cmocka_unit_test(test_move_during_fetch),
        cmocka_unit_test(test_no_deviation_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
