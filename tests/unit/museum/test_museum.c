/* The museum: what a visitor types and what must come, what each greeting claims, every split,
 * limits, lines nobody should send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "museum/museum.h"

struct line {
    const char *typed;
    const char *says; /* whole answer, its lines with | between; NULL: nothing */
};

static const struct line rfc821[] = {
    {"MAIL FROM:<EAK@MIT-MC.ARPA>", "503 Bad sequence of commands"},
    {"HELO", "501 Syntax error in parameters or arguments"},
    {"HELO MIT-MC.ARPA", "250 SU-SCORE.ARPA"},
    {"EHLO MIT-MC.ARPA", "500 Syntax error, command unrecognized"},
    {"VRFY Crispin", "250 Mark Crispin <Admin.MRC@SU-SCORE.ARPA>"},
    {"VRFY Jones", "251 User not local; will forward to <Jones@USC-ISI.ARPA>"},
    {"VRFY Mark", "553 User ambiguous"},
    {"VRFY Nemo", "550 String does not match anything."},
    {"EXPN Example-People",
     "250-Jon Postel <Postel@SU-SCORE.ARPA>|250-Mark Crispin <Admin.MRC@SU-SCORE.ARPA>|"
     "250 <Foo@SU-SCORE.ARPA>"},
    {"EXPN Executive-Washroom-List", "550 Access Denied to You."},
    {"SEND FROM:<EAK@MIT-MC.ARPA>", "250 OK"},
    {"RCPT TO:<Admin.MRC@SU-SCORE.ARPA>", "450 User not active now"},
    {"DATA", "503 Bad sequence of commands"},
    {"RCPT TO:<Postel@SU-SCORE.ARPA>", "250 OK"},
    {"RSET", "250 OK"},
    {"SOML FROM:<EAK@MIT-MC.ARPA>", "250 OK"},
    {"RCPT TO:<Admin.MRC@SU-SCORE.ARPA>", "250 User not active now, so will do mail."},
    {"DATA", "354 Start mail input; end with <CRLF>.<CRLF>"},
    {"Blah", NULL},
    {"..dot", NULL},
    {".", "250 OK"},
    {"SAML FROM:<EAK@MIT-MC.ARPA>", "250 OK"},
    {"RCPT TO:<Crispin>", "250 OK"},
    {"rset", "250 OK"},
    {"MAIL FROM:<@A,@B:user@C>", "250 OK"},
    {"RCPT TO:<@SU-SCORE.ARPA,@Y:someone@Z>", "250 OK"},
    {"RCPT TO:<someone@Z>", "550 No such user here"},
    {"RCPT TO:<Smith@X>", "551 User not local; please try <Smith@USC-ISIF.ARPA>"},
    {"TURN", "503 Bad sequence of commands"},
    {"RSET", "250 OK"},
    {"TURN", "250 OK|MAIL FROM:<Admin.MRC@SU-SCORE.ARPA>"},
    {"250 OK", "RCPT TO:<EAK@MIT-MC.ARPA>"},
    {"250 OK", "DATA"},
    {"354 Go", "From: Admin.MRC@SU-SCORE.ARPA|Subject: Waiting for you||"
               "Whoever calls himself MIT-MC gets this letter. That is what TURN is.|."},
    {"250 OK", "QUIT"},
    {"221 Bye", NULL},
};

static const struct line mtp[] = {
    {"MAIL FROM:<waldo@A> TO:<Foo@Y>", "354 Start mail input; end with <CRLF>.<CRLF>"},
    {"Blah blah", NULL},
    {".", "250 Mail sent"},
    {"MRCP TO:<Foo@Y>", "503 Bad sequence of commands"},
    {"MAIL FROM:<waldo@A>", "503 Bad sequence of commands: nobody to send it to"},
    {"MAIL FROM:<waldo@A> TO:<Raboof@Y>", "550 No such user here"},
    {"MAIL FROM:<waldo@A> CC:<Foo@Y>", "501 Syntax error in parameters or arguments"},
    {"MRSQ ?", "215 R is the scheme preferred here"},
    {"MRSQ X", "504 Not that scheme"},
    {"MRSQ R", "200 OK, using that scheme"},
    {"MAIL FROM:<waldo@A>", "503 Bad sequence of commands: nobody to send it to"},
    {"MRCP TO:<Foo@Y>", "200 OK"},
    {"MRCP TO:<Raboof@Y>", "550 No such user here"},
    {"MRCP TO:<Jones@Y>", "151 User not local; will forward to <Jones@Z>|200 OK"},
    {"MRCP TO:<Smith@Y>", "152 User unknown; mail will be forwarded by the operator|200 OK"},
    {"MAIL FROM:<waldo@A>", "354 Start mail input; end with <CRLF>.<CRLF>"},
    {"Blah", NULL},
    {".", "250 Mail sent"},
    {"MRSQ T", "200 OK, using that scheme"},
    {"MRCP TO:<Foo@Y>", "503 Bad sequence of commands"},
    {"MAIL FROM:<waldo@A>", "354 Start mail input; end with <CRLF>.<CRLF>"},
    {"Blah", NULL},
    {".", "250 Mail stored"},
    {"MRCP TO:<Foo@Y>", "250 Stored mail sent"},
    {"MRCP TO:<Raboof@Y>", "550 No such user here"},
    {"MRCP TO:<bar@Y>", "250 Stored mail sent"},
    {"MRSQ", "200 OK, no scheme"},
    {"QUIT", "221 Y MTP service closing"},
};

static const struct line ftp_mail[] = {
    {"EHLO a", "500 Unknown command"},
    {"MAIL nobody", "450 No such user"},
    {"MAIL bhushan", "350 Enter mail, terminate by a line with only a '.'"},
    {"Lunch at noon?", NULL},
    {"..", NULL}, /* two dots are two dots */
    {".", "256 Mail completed"},
    {"BYE", "231 Good bye"},
};

static const struct line rfc524[] = {
    {"MAIL", "271 RE DE DI FW CI UP UV -- supported."},
    {"ID journal", "500 Not now"},
    {"VER", "200 OK."},
    {"REQR WHITE@SRI-ARC", "330 OK.  Now Id, please"},
    {"ID journal", "272 Requestor is who he says he is."},
    {"REQR WHITE@SRI-ARC", "330 OK.  Now Id, please"},
    {"ID guess", "472 Requestor is NOT who he says he is."},
    {"EXIT", "200 OK."},
    {"DISTRIBUTE", "450 Nothing was recorded"},
    {"REC", "200 OK."},
    {"TITL A proposal", "200 OK."},
    {"TEXT Words.", "200 OK."},
    {"CLER WHITE@SRI-ARC", "330 OK.  Now Id, please"},
    {"ID journal", "200 OK."},
    {"EXIT", "270 15490 -- is assigned as the pathname"},
    {"DIST", "200 OK."},
    {"EXIT", "450 No recipient was named"},
    {"RECI nobody@X", "450 No such person"},
    {"RECI bhushan@MIT-DMCG", "200 OK."},
    {"SIGN", "200 OK."},
    {"CUT", "200 OK."},
    {"EXIT", "200 OK."},
    {"BYE", "231 Good bye"},
};

static const struct line sndmsg[] = {
    {"READMAIL", "; the message file is empty|@"},
    {"SNDMSG", "To:"},
    {"nobody", "nobody ?|To:"},
    {"tomlinson@bbn-tenexb, bob", "cc:"},
    {"-", "Subject:"},
    {"Test", "Message (? for help):"},
    {"QWERTYUIOP", NULL},
    {"\x1a", "tomlinson@bbn-tenexb -- ok|bob -- ok|@"},
    {"READMAIL", "Subject: Test||QWERTYUIOP|; that is the message file, as it was appended to|@"},
    {"MAIL", "?"},
    {"LOGOUT", "Good bye"},
};

static const struct line rfc196[] = {
    {"MAIL", "? Not octets in hexadecimal; HELP"},
    {"D0 0", "? Not octets in hexadecimal; HELP"},
    {"D0", "D0     mail box: its number is missing"},
    {"D0 02 D0FF", "D0 02  mail box 2|D0 FF  mail box 255: there are only 0 to 127"},
    {"a0 48 49 00 0c 41",
     "A0     what follows is ASCII|text   \"HI.\"|"
     "0C     form feed: ends the address for the clerk, or a page|text   \"A\""},
    {"A1 A2 D1 D2 D3 D4 D5",
     "A1     what follows is octets of eight bits|A2     what follows is EBCDIC|"
     "D1     print in 72 columns|D2     print in the printer's full width|"
     "D3     print pages of 66 lines|D4     print without pages|"
     "D5     no control octet of the document"},
    {"EXAMPLE", "D0 00 A0 D1 44 49 43 4B 0C 48 49|D0 00  mail box 0: the line printer|"
                "A0     what follows is ASCII|D1     print in 72 columns|text   \"DICK\"|"
                "0C     form feed: ends the address for the clerk, or a page|text   \"HI\""},
    {"BYE", "Good bye"},
};

struct dialogue {
    const struct line *lines;
    size_t n;
    const char *greeting; /* the last line of it */
    unsigned letters;
    const char *to, *text; /* of the last letter */
};
#define LINES(x) x, sizeof(x) / sizeof(x[0])
static const struct dialogue dialogues[MUSEUM__COUNT] = {
    [MUSEUM_RFC821] = {LINES(rfc821), "220 SU-SCORE.ARPA Simple Mail Transfer Service Ready", 1,
                       "Admin.MRC@SU-SCORE.ARPA\n", "Blah\r\n.dot\r\n"},
    [MUSEUM_MTP] = {LINES(mtp), "220 Y MTP service ready", 4, "bar@Y\n", "Blah\r\n"},
    [MUSEUM_FTP_MAIL] = {LINES(ftp_mail), "300 MIT-DMCG FTP SERVER", 1, "bhushan\n",
                         "Lunch at noon?\r\n..\r\n"},
    [MUSEUM_RFC524] = {LINES(rfc524), "271 RE DE DI FW CI UP UV -- supported.", 1,
                       "bhushan@MIT-DMCG\n", "Title: A proposal\r\nWords.\r\n"},
    [MUSEUM_SNDMSG] = {LINES(sndmsg), "@", 1, "tomlinson@bbn-tenexb\nbob\n",
                       "Subject: Test\r\n\r\nQWERTYUIOP\r\n"},
    [MUSEUM_RFC196] = {LINES(rfc196), "Mail boxes 0 to 127", 0, "", ""},
};

struct visit {
    struct museum *m;
    struct buf out, to, text;
    unsigned letters;
};

static void visit_open(struct visit *v, enum museum_id id)
{
    memset(v, 0, sizeof(*v));
    v->m = museum_new(id);
    buf_init(&v->out, MUSEUM_REPLY_MAX_OCTETS);
    buf_init(&v->to, 200000);
    buf_init(&v->text, MUSEUM_TEXT_MAX_OCTETS);
}

static void visit_close(struct visit *v)
{
    museum_free(&v->m);
    assert_null(v->m);
    buf_deinit(&v->out);
    buf_deinit(&v->to);
    buf_deinit(&v->text);
}

/* In pieces of so many octets; the letters that come of it are taken. */
static void feed(struct visit *v, struct slice in, size_t piece)
{
    while (in.len > 0) {
        struct slice part = slice_take(in, piece);
        in = slice_skip(in, part.len);
        while (part.len > 0) {
            struct museum_letter letter;
            size_t used = museum_feed(v->m, part, &v->out);
            assert_in_range(used, 1, part.len);
            part = slice_skip(part, used);
            if (!museum_letter(v->m, &letter))
                continue;
            v->letters++;
            buf_reset(&v->to);
            buf_reset(&v->text);
            buf_append(&v->to, letter.to);
            buf_append(&v->text, letter.text);
            assert_false(museum_letter(v->m, &letter)); /* once */
        }
    }
}

static void type(struct visit *v, const char *line, size_t piece)
{
    char wire[200];
    buf_reset(&v->out);
    snprintf(wire, sizeof(wire), "%s\r\n", line);
    feed(v, slice_cstr(wire), piece);
}

static void says(const struct visit *v, const char *typed, const char *lines)
{
    struct buf want;
    buf_init(&want, 4096);
    for (const char *p = lines; p && *p; p++)
        if (*p == '|')
            buf_append_cstr(&want, "\r\n");
        else
            buf_append_octet(&want, (uint8_t)*p);
    if (lines)
        buf_append_cstr(&want, "\r\n");
    if (!slice_eq(buf_slice(&want), buf_slice(&v->out)))
        fail_msg("\"%s\" is answered\n%.*s, not\n%s", typed, SLICE_ARG(buf_slice(&v->out)),
                 buf_cstr(&want));
    buf_deinit(&want);
}

static void play(enum museum_id id, size_t piece)
{
    const struct dialogue *d = &dialogues[id];
    struct visit v;
    visit_open(&v, id);
    for (size_t i = 0; i < d->n; i++) {
        assert_false(museum_ended(v.m));
        type(&v, d->lines[i].typed, piece);
        says(&v, d->lines[i].typed, d->lines[i].says);
    }
    assert_true(museum_ended(v.m));
    assert_string_equal(museum_state_name(v.m), "ended");
    assert_int_equal(v.letters, d->letters);
    assert_string_equal(buf_cstr(&v.to), d->to);
    assert_string_equal(buf_cstr(&v.text), d->text);
    type(&v, "HELP", piece);
    assert_int_equal(v.out.len, 0);
    visit_close(&v);
}

static void test_dialogues(void **state)
{
    (void)state;
    for (unsigned id = 0; id < MUSEUM__COUNT; id++)
        play((enum museum_id)id, SIZE_MAX);
}

static void test_every_split(void **state)
{
    (void)state;
    for (unsigned id = 0; id < MUSEUM__COUNT; id++)
        for (size_t piece = 1; piece < 40; piece++)
            play((enum museum_id)id, piece);
}

/* Each greeting names its documents, what is attested and what is not; its own line comes last. */
static void test_greetings(void **state)
{
    static const char *const documents[MUSEUM__COUNT][2] = {
        [MUSEUM_RFC821] = {"RFC 821", "1982"},   [MUSEUM_MTP] = {"RFC 772", "RFC 780"},
        [MUSEUM_FTP_MAIL] = {"RFC 385", "1972"}, [MUSEUM_RFC524] = {"RFC 524", "1973"},
        [MUSEUM_SNDMSG] = {"SNDMSG", "1971"},    [MUSEUM_RFC196] = {"RFC 196", "1971"},
    };
    (void)state;
    for (unsigned i = 0; i < MUSEUM__COUNT; i++) {
        enum museum_id id = (enum museum_id)i, found;
        const struct museum_info *info = museum_info(id);
        struct visit v;
        visit_open(&v, id);
        museum_greet(v.m, &v.out);
        const char *text = buf_cstr(&v.out);
        assert_non_null(strstr(text, documents[i][0]));
        assert_non_null(strstr(text, documents[i][1]));
        assert_non_null(strstr(text, "attested: "));
        assert_non_null(strstr(text, "reconstructed: "));
        assert_non_null(strstr(text, dialogues[i].greeting));
        assert_string_equal(info->greeting, dialogues[i].greeting);
        size_t end = strlen(info->greeting) + 2;
        assert_memory_equal(text + v.out.len - end, info->greeting, end - 2);
        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
            assert_true(info->codes ? strspn(line, "0123456789") == 3
                                    : *line == ';' || *line == '@' || *line == 'M');
        assert_true(museum_by_name(slice_cstr(info->name), &found));
        assert_int_equal(found, id);
        visit_close(&v);
    }
    enum museum_id none;
    assert_false(museum_by_name(SLICE_LIT("smtp"), &none));
    assert_null(museum_info(MUSEUM__COUNT));
}

static void test_limits(void **state)
{
    (void)state;
    struct visit v;
    char line[MUSEUM_LINE_MAX_OCTETS + 600];
    memset(line, 'a', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (unsigned id = 0; id < MUSEUM__COUNT; id++)
        for (size_t piece = 1; piece < 4000; piece *= 10) {
            visit_open(&v, (enum museum_id)id);
            feed(&v, slice_of(line, sizeof(line)), piece);
            assert_non_null(strstr(buf_cstr(&v.out), "long"));
            visit_close(&v);
        }
    /* A letter too large is refused whole, and the next one is taken. */
    visit_open(&v, MUSEUM_FTP_MAIL);
    type(&v, "MAIL bob", 9);
    memset(line, 'b', 900);
    line[900] = '\n';
    for (int i = 0; i < MUSEUM_TEXT_MAX_OCTETS / 900 + 2; i++)
        feed(&v, slice_of(line, 901), 901);
    type(&v, ".", 9);
    says(&v, ".", "451 The mail is too long and was not kept");
    assert_int_equal(v.letters, 0);
    type(&v, "MAIL bob", 9);
    type(&v, ".", 9);
    says(&v, ".", "256 Mail completed");
    assert_int_equal(v.letters, 1);
    visit_close(&v);
    visit_open(&v, MUSEUM_MTP);
    type(&v, "MRSQ R", 9);
    for (int i = 0; i < MUSEUM_RECIPIENTS_MAX; i++)
        type(&v, "MRCP TO:<foo>", 99);
    says(&v, "MRCP", "200 OK");
    type(&v, "MRCP TO:<foo>", 99);
    says(&v, "MRCP", "552 Too many recipients");
    visit_close(&v);
}

/* Nothing a client sends ends the program, nor is it taken for something else. */
static void test_hostile(void **state)
{
    static const struct slice lines[] = {
        SLICE_LIT("\n"),
        SLICE_LIT("\r\r\n"),
        SLICE_LIT("\0\0\n"),
        SLICE_LIT("MAIL FROM:<\n"),
        SLICE_LIT("MAIL FROM:>\n"),
        SLICE_LIT("MAIL FROM:<@:>\n"),
        SLICE_LIT("RCPT TO:<@>\n"),
        SLICE_LIT("MAIL FROM:<a\0b> TO:<foo\0>\n"),
        SLICE_LIT("MRCP TO:<>\n"),
        SLICE_LIT("\xff\xfe \x1b[2J\n"),
        SLICE_LIT("MRSQ \0\n"),
        SLICE_LIT("   \n"),
        SLICE_LIT(".\n"),
        SLICE_LIT("250\n"),
        SLICE_LIT("SNDMSG\n"),
        SLICE_LIT(",,,\0,\n"),
        SLICE_LIT("%s%n%s\n"),
        SLICE_LIT("ID\n"),
        SLICE_LIT("MAIL\n"),
    };
    (void)state;
    for (unsigned id = 0; id < MUSEUM__COUNT; id++) {
        struct visit v;
        visit_open(&v, (enum museum_id)id);
        for (int round = 0; round < 3; round++)
            for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                buf_reset(&v.out);
                feed(&v, lines[i], (size_t)round + 1);
                assert_false(v.out.overflow);
                assert_false(museum_ended(v.m));
            }
        visit_close(&v);
    }
}

static void test_watching(void **state)
{
    (void)state;
    assert_true(museum_asks_text(MUSEUM_MTP, SLICE_LIT("354 x"), 354));
    assert_true(museum_asks_text(MUSEUM_FTP_MAIL, SLICE_LIT("350 x"), 350));
    assert_false(museum_asks_text(MUSEUM_RFC524, SLICE_LIT("330 OK."), 330));
    assert_true(museum_asks_text(MUSEUM_SNDMSG, SLICE_LIT("Message (? for help):"), 0));
    assert_true(museum_ends_text(MUSEUM_SNDMSG, SLICE_LIT("^z")));
    assert_false(museum_ends_text(MUSEUM_SNDMSG, SLICE_LIT(".")));
    assert_false(museum_ends_text(MUSEUM_MTP, SLICE_LIT("^Z")));
    assert_true(museum_ends_text(MUSEUM_MTP, SLICE_LIT(".")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues), cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_greetings), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_watching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
