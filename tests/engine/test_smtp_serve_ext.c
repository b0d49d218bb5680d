/* The server's extensions: parameters valid and invalid, chunks, strictness and what relaxes it,
 * XCLIENT, offers in the order of the options, mechanisms by what TLS knows. */
#include "server.h"

#define NAME .name = "mx.test"
#define ALL  .offer_starttls = true, .mechanisms = "PLAIN", .auth_in_clear = true

/* ---- parameters ---- */

enum { OK = 250, BAD = 501, UNKNOWN = 555 };
static const struct {
    const char *params;
    int code;
    bool rcpt, submission, tls;
} params[] = {
    /* RFC 1870 section 3 */
    {.params = "SIZE=0", .code = OK},
    {.params = "SIZE=1000", .code = OK},
    {.params = "SIZE=1001", .code = 552},
    {.params = "size=00000000000000000010", .code = OK},
    {.params = "SIZE=000000000000000000010", .code = BAD},
    {.params = "SIZE=-1", .code = BAD},
    {.params = "SIZE=1k", .code = BAD},
    {.params = "SIZE", .code = BAD},
    {.params = "SIZE=", .code = BAD},
    /* RFC 6152, RFC 3030 */
    {.params = "BODY=7BIT", .code = OK},
    {.params = "BODY=8bitmime", .code = OK},
    {.params = "BODY=BINARYMIME", .code = OK},
    {.params = "BODY=9BIT", .code = BAD},
    {.params = "BODY", .code = BAD},
    {.params = "BODY=7BIT BODY=8BITMIME", .code = BAD},
    /* RFC 6531 */
    {.params = "SMTPUTF8", .code = OK},
    {.params = "SMTPUTF8=1", .code = BAD},
    /* RFC 4954 section 5 */
    {.params = "AUTH=<>", .code = OK},
    {.params = "AUTH=a+2Bb@c.test", .code = OK},
    {.params = "AUTH=a+2bb@c.test", .code = BAD},
    {.params = "AUTH=nobody", .code = BAD},
    {.params = "AUTH=", .code = BAD},
    /* RFC 3461 section 4 */
    {.params = "RET=FULL ENVID=QQ314159", .code = OK},
    {.params = "RET=hdrs", .code = OK},
    {.params = "RET=ALL", .code = BAD},
    {.params = "ENVID=a+3Db", .code = OK},
    {.params = "ENVID=a=b", .code = BAD},
    {.params = "ENVID=a+b", .code = BAD},
    {.params = "ENVID=", .code = BAD},
    {.params = "NOTIFY=NEVER", .code = UNKNOWN},
    {.params = "NOTIFY=NEVER", .code = OK, .rcpt = true},
    {.params = "NOTIFY=SUCCESS,FAILURE,DELAY", .code = OK, .rcpt = true},
    {.params = "NOTIFY=delay", .code = OK, .rcpt = true},
    {.params = "NOTIFY=NEVER,SUCCESS", .code = BAD, .rcpt = true},
    {.params = "NOTIFY=SUCCESS,SUCCESS", .code = BAD, .rcpt = true},
    {.params = "NOTIFY=SUCCESS,", .code = BAD, .rcpt = true},
    {.params = "NOTIFY=LATER", .code = BAD, .rcpt = true},
    {.params = "NOTIFY", .code = BAD, .rcpt = true},
    {.params = "ORCPT=rfc822;bob@example.test", .code = OK, .rcpt = true},
    {.params = "ORCPT=rfc822;a+2Bb@example.test", .code = OK, .rcpt = true},
    {.params = "ORCPT=bob@example.test", .code = BAD, .rcpt = true},
    {.params = "ORCPT=rfc822;", .code = BAD, .rcpt = true},
    {.params = "ORCPT=;bob@example.test", .code = BAD, .rcpt = true},
    {.params = "RET=FULL", .code = UNKNOWN, .rcpt = true},
    /* RFC 8689 section 2: inside TLS only */
    {.params = "REQUIRETLS", .code = UNKNOWN},
    {.params = "REQUIRETLS", .code = OK, .tls = true},
    {.params = "REQUIRETLS=1", .code = BAD, .tls = true},
    /* RFC 2852 section 4 */
    {.params = "BY=120;R", .code = OK},
    {.params = "BY=-5;N", .code = OK},
    {.params = "BY=0;NT", .code = OK},
    {.params = "BY=59;R", .code = 554},
    {.params = "BY=59;N", .code = OK},
    {.params = "BY=0;R", .code = BAD},
    {.params = "BY=-5;R", .code = BAD},
    {.params = "BY=120", .code = BAD},
    {.params = "BY=120;X", .code = BAD},
    {.params = "BY=1234567890;R", .code = BAD},
    /* RFC 4865 section 4 */
    {.params = "HOLDFOR=60", .code = UNKNOWN},
    {.params = "HOLDFOR=60", .code = OK, .submission = true},
    {.params = "HOLDFOR=604800", .code = OK, .submission = true},
    {.params = "HOLDFOR=604801", .code = BAD, .submission = true},
    {.params = "HOLDFOR=0", .code = BAD, .submission = true},
    {.params = "HOLDFOR=060", .code = BAD, .submission = true},
    {.params = "HOLDUNTIL=1970-01-02T00:00:00Z", .code = OK, .submission = true},
    {.params = "HOLDUNTIL=1970-01-02T00:00:00.5+02:00", .code = OK, .submission = true},
    {.params = "HOLDUNTIL=1999-01-02T00:00:00Z", .code = BAD, .submission = true},
    {.params = "HOLDUNTIL=1970-13-02T00:00:00Z", .code = BAD, .submission = true},
    {.params = "HOLDUNTIL=1970-02-29T00:00:00Z", .code = BAD, .submission = true},
    {.params = "HOLDUNTIL=tomorrow", .code = BAD, .submission = true},
    {.params = "HOLDFOR=60 HOLDUNTIL=1970-01-02T00:00:00Z", .code = BAD, .submission = true},
    /* RFC 6710 section 4 */
    {.params = "MT-PRIORITY=0", .code = OK},
    {.params = "MT-PRIORITY=9", .code = OK},
    {.params = "MT-PRIORITY=-9", .code = OK},
    {.params = "MT-PRIORITY=10", .code = BAD},
    {.params = "MT-PRIORITY=+3", .code = BAD},
    {.params = "MT-PRIORITY=-0", .code = BAD},
    {.params = "MT-PRIORITY=", .code = BAD},
    /* nobody's */
    {.params = "XYZZY=1", .code = UNKNOWN},
    {.params = "MTRK=YWJj", .code = UNKNOWN},
};

static void parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        struct server s;
        char line[200], want[8];
        const struct smtp_serve_options options = {NAME, ALL, .size_max_octets = 1000,
                                                   .deliver_by_min_s = 60,
                                                   .submission = params[i].submission};
        server_open(&s, &options);
        if (params[i].tls) {
            ask_line(&s, "EHLO me");
            ask_line(&s, "STARTTLS");
            smtp_track_tls_up(s.kit.track);
            smtp_serve_tls_up(s.serve);
        }
        ask_line(&s, "EHLO me");
        if (params[i].rcpt)
            ask_line(&s, "MAIL FROM:<>");
        snprintf(line, sizeof(line), "%s %s",
                 params[i].rcpt ? "RCPT TO:<a@b.test>" : "MAIL FROM:<a@b.test>", params[i].params);
        snprintf(want, sizeof(want), "%d ", params[i].code);
        const char *got = ask_line(&s, line);
        if (strncmp(got, want, 4) != 0)
            fail_msg("\"%s\": wanted %s, got %s", line, want, got);
        server_close(&s);
    }
}

static void unknown_parameters_can_be_borne(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME, .relax = SMTP_RELAX_PARAMS};
    struct server s;
    server_open(&s, &options);
    ask_line(&s, "EHLO me");
    assert_int_equal(strncmp(ask_line(&s, "MAIL FROM:<a@b.test> XYZZY=1 RET=ALL"), "501", 3), 0);
    assert_int_equal(strncmp(ask_line(&s, "MAIL FROM:<a@b.test> XYZZY=1"), "250", 3), 0);
    server_close(&s);
}

static void date_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_s; /* -1: none */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:34:56Z", 951827696},
        {"2000-03-01T00:00:00z", 951868800},
        {"2027-01-31T08:00:00+02:00", 1801375200},
        {"2027-01-31t08:00:00.123-00:30", 1801384200},
        {"1999-12-31T23:59:60Z", 946684800},
        {"1900-02-29T00:00:00Z", -1},
        {"2027-04-31T00:00:00Z", -1},
        {"2027-00-10T00:00:00Z", -1},
        {"2027-01-00T00:00:00Z", -1},
        {"2027-01-01T24:00:00Z", -1},
        {"2027-01-01T00:60:00Z", -1},
        {"2027-01-01T00:00:00+24:00", -1},
        {"2027-01-01T00:00:00", -1},
        {"2027-01-01 00:00:00Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = -1;
        bool read = smtp_date_time_read(slice_cstr(cases[i].text), &got);
        if (read != (cases[i].unix_s >= 0) || got != cases[i].unix_s)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
    }
}

/* ---- chunks (RFC 3030) ---- */

#define OPEN "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
static const struct {
    const char *in;
    const char *want; /* codes of the replies behind those to OPEN, in order */
    unsigned dots, refused;
    const char *before; /* in place of OPEN */
    bool lmtp;
} chunks[] = {
    {.in = "BDAT 5 LAST\r\nhello", .want = "250 ", .dots = 1, .refused = 0},
    {.in = "BDAT 2\r\nheBDAT 3\r\nlloBDAT 0 LAST\r\n",
     .want = "250 250 250 ",
     .dots = 1,
     .refused = 0},
    {.in = "BDAT 0 LAST\r\n", .want = "250 ", .dots = 1, .refused = 0},
    {.in = "BDAT 6 LAST\r\n.\r\n.\r\nNOOP\r\n", .want = "250 250 ", .dots = 1, .refused = 0},
    {.in = "BDAT 2\r\na\rBDAT 1 LAST\r\n\nNOOP\r\n",
     .want = "250 250 250 ",
     .dots = 1,
     .refused = 0},
    {.in = "BDAT 2 LAST\r\na\nNOOP\r\n", .want = "554 250 ", .dots = 1, .refused = 1},
    {.in = "BDAT 2\r\na\nBDAT 0 LAST\r\n", .want = "250 554 ", .dots = 1, .refused = 1},
    {.in = "BDAT 2 LAST\r\na\rNOOP\r\n", .want = "250 250 ", .dots = 1, .refused = 0},
    {.in = "BDAT 20\r\n12345678901234567890BDAT 12\r\n123456789012NOOP\r\n",
     .want = "250 552 250 ",
     .dots = 0,
     .refused = 0},
    {.in = "BDAT 31 LAST\r\n1234567890123456789012345678901NOOP\r\n",
     .want = "552 250 ",
     .dots = 0,
     .refused = 0},
    {.in = "BDAT 2\r\nabRCPT TO:<e@f.test>\r\nDATA\r\nMAIL FROM:<>\r\n",
     .want = "250 503 503 503 ",
     .dots = 0,
     .refused = 0},
    {.in = "BDAT 2\r\nabRSET\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n",
     .want = "250 250 250 250 ",
     .dots = 0,
     .refused = 0},
    {.in = "BDAT x\r\nBDAT\r\nBDAT 1 NOW\r\n", .want = "501 501 501 ", .dots = 0, .refused = 0},
    {.in = "BDAT 5 LAST\r\nhelloNOOP\r\n",
     .want = "554 250 ",
     .dots = 0,
     .refused = 0,
     .before = "EHLO me\r\nMAIL FROM:<>\r\n"},
    {.in = "BDAT 5\r\nQUIT\nNOOP\r\n",
     .want = "503 250 ",
     .dots = 0,
     .refused = 0,
     .before = "EHLO me\r\n"},
    {.in = "DATA\r\nBDAT 1 LAST\r\nx",
     .want = "503 250 ",
     .dots = 1,
     .refused = 0,
     .before = "EHLO me\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.test>\r\n"},
    {.in = "BDAT 3 LAST\r\n\n\r\0",
     .want = "250 ",
     .dots = 1,
     .refused = 0,
     .before = "EHLO me\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@b.test>\r\n"},
    {.in = "BDAT 2\r\nabBDAT 2 LAST\r\ncd",
     .want = "250 250 250 ",
     .dots = 1,
     .refused = 0,
     .before = "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n",
     .lmtp = true},
    {.in = "BDAT 31 LAST\r\n1234567890123456789012345678901NOOP\r\n",
     .want = "552 552 250 ",
     .dots = 0,
     .refused = 0,
     .before = "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n",
     .lmtp = true},
};

/* The code of each whole reply. */
static void reply_codes(const char *text, char *out, size_t out_octets)
{
    size_t at = 0;
    out[0] = '\0';
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n'));
        if (line[3] == ' ')
            at += (size_t)snprintf(out + at, out_octets - at, "%.4s", line);
    }
}

static void chunked_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        bool nul = strncmp(chunks[i].in, "BDAT 3 LAST", 11) == 0;
        struct slice in = slice_of(chunks[i].in, strlen(chunks[i].in) + (nul ? 1 : 0));
        for (size_t step = 1; step <= in.len; step++) {
            const struct smtp_serve_options options = {NAME, .size_max_octets = 30,
                                                       .lmtp = chunks[i].lmtp};
            struct server s;
            char codes[64];
            server_open(&s, &options);
            ask(&s, slice_cstr(chunks[i].before ? chunks[i].before : OPEN));
            reply_codes(ask_split(&s, in, step), codes, sizeof(codes));
            if (strcmp(codes, chunks[i].want) != 0)
                fail_msg("case %zu step %zu: %s", i, step, buf_cstr(&s.said));
            assert_int_equal(s.dots, chunks[i].dots);
            assert_int_equal(s.refused, chunks[i].refused);
            server_close(&s);
        }
    }
}

/* 2^64 octets announced: the end is not computed wrongly, nothing is kept. */
static void absurd_chunk(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME, .size_max_octets = 30};
    struct server s;
    char codes[64];
    server_open(&s, &options);
    ask(&s, SLICE_LIT(OPEN));
    reply_codes(
        ask(&s, SLICE_LIT("BDAT 10\r\n1234567890BDAT 18446744073709551615 LAST\r\nQUIT\r\n")),
        codes, sizeof(codes));
    assert_string_equal(codes, "250 ");
    assert_int_equal(s.content.len, 10);
    server_close(&s);
}

/* ---- strictness ---- */

static const struct {
    const char *content, *want; /* codes behind the 354 */
    unsigned relax;
    size_t octets; /* 0: strlen */
} contents[] = {
    {.content = "a\r\n.\r\n", .want = "250 "},
    {.content = "a\nb\r\n.\r\n", .want = "554 "},
    {.content = "a\nb\r\n.\r\n", .want = "250 ", .relax = SMTP_RELAX_DATA_BARE_LF},
    {.content = "a\rb\r\n.\r\n", .want = "554 "},
    {.content = "a\rb\r\n.\r\n", .want = "250 ", .relax = SMTP_RELAX_DATA_BARE_CR},
    {.content = "a\0\r\n.\r\n", .want = "554 ", .relax = 0, .octets = 7},
    {.content = "a\0\r\n.\r\n", .want = "250 ", .relax = SMTP_RELAX_DATA_NUL, .octets = 7},
    /* ends that are none: one message, refused as a whole */
    {.content = "a\n.\nMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\n.\r\nMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\r\n.\nMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\r.\rMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\r.\r\nMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\r\n.\rMAIL FROM:<>\r\n.\r\n", .want = "554 "},
    {.content = "a\n.\nMAIL FROM:<>\r\n.\r\n",
     .want = "250 ",
     .relax = SMTP_RELAX_DATA_SMUGGLING | SMTP_RELAX_DATA_BARE_LF},
    {.content = "a\n.\nMAIL FROM:<>\r\n.\r\n", .want = "554 ", .relax = SMTP_RELAX_DATA_BARE_LF},
    /* where they are some, the second transaction comes to life */
    {.content = "a\n.\nMAIL FROM:<>\r\nRSET\r\n",
     .want = "250 250 250 ",
     .relax = SMTP_RELAX_DATA_END_LF | SMTP_RELAX_DATA_BARE_LF},
    {.content = "a\n.\r\nMAIL FROM:<>\r\nRSET\r\n",
     .want = "250 250 250 ",
     .relax = SMTP_RELAX_DATA_END_LF | SMTP_RELAX_DATA_BARE_LF},
    {.content = "a\r.\rMAIL FROM:<>\r\nRSET\r\n",
     .want = "250 250 250 ",
     .relax = SMTP_RELAX_DATA_END_CR | SMTP_RELAX_DATA_BARE_CR},
    {.content = "a\r.\r\nMAIL FROM:<>\r\nRSET\r\n",
     .want = "250 250 250 ",
     .relax = SMTP_RELAX_DATA_END_CR | SMTP_RELAX_DATA_BARE_CR},
};

static void ends_of_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        size_t n = contents[i].octets ? contents[i].octets : strlen(contents[i].content);
        for (size_t step = 1; step <= n; step++) {
            const struct smtp_serve_options options = {NAME, .relax = contents[i].relax};
            struct server s;
            char codes[64];
            server_open(&s, &options);
            ask(&s, SLICE_LIT(OPEN "DATA\r\n"));
            reply_codes(ask_split(&s, slice_of(contents[i].content, n), step), codes,
                        sizeof(codes));
            if (strcmp(codes, contents[i].want) != 0)
                fail_msg("content %zu step %zu: %s", i, step, buf_cstr(&s.said));
            server_close(&s);
        }
    }
}

static void lines_can_be_borne(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t octets;
        const char *rule, *good;
    } cases[] = {
        {"NOOP\n", 5, "line-bare-lf", "250"},
        {"NOOP a\rb\r\n", 10, "line-bare-cr", "250"},
        {"NOOP a\0b\r\n", 10, "line-nul", "250"},
        {"MAIL FROM:a@b.test\r\n", 20, "path-brackets", "250"},
        {"MAIL FROM: <a@b.test>\r\n", 23, "path-space", "250"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_serve_options options = {NAME};
        for (int relaxed = 0; relaxed < 2; relaxed++) {
            struct server s;
            options.relax = relaxed ? smtp_relax_by_name(slice_cstr(cases[i].rule)) : 0;
            server_open(&s, &options);
            ask_line(&s, "EHLO me");
            const char *got = ask(&s, slice_of(cases[i].line, cases[i].octets));
            if ((strncmp(got, cases[i].good, 3) == 0) != relaxed)
                fail_msg("case %zu relaxed %d: %s", i, relaxed, got);
            server_close(&s);
        }
    }
    assert_int_equal(smtp_relax_by_name(SLICE_LIT("nosuch")), 0);
    unsigned all = 0;
    for (size_t i = 0; smtp_relax_at(i); i++) {
        assert_int_equal(all & smtp_relax_at(i)->bit, 0);
        all |= smtp_relax_at(i)->bit;
        assert_true(smtp_relax_at(i)->meaning[0] != '\0');
    }
    assert_int_equal(smtp_relax_by_name(SLICE_LIT("all")), all);
}

/* ---- offers ---- */

static void offers_in_order(void **state)
{
    (void)state;
    const struct smtp_offer offers[] = {smtp_offer_of("x-exps GSSAPI NTLM"),
                                        smtp_offer_of("SIZE 35882577"), smtp_offer_of("STARTTLS"),
                                        smtp_offer_of("8bitmime"), smtp_offer_of("REQUIRETLS")};
    const struct smtp_serve_options options = {NAME, .size_max_octets = 10, .offers = offers,
                                               .n_offers = 5};
    struct server s;
    server_open(&s, &options);
    assert_string_equal(ask_line(&s, "EHLO me"),
                        "250-mx.test\r\n250-x-exps GSSAPI NTLM\r\n250-SIZE 35882577\r\n"
                        "250 8bitmime\r\n");
    /* What is not offered is not taken. */
    assert_int_equal(strncmp(ask_line(&s, "MAIL FROM:<> SMTPUTF8"), "555", 3), 0);
    assert_int_equal(strncmp(ask_line(&s, "BDAT 1 LAST\r\nx"), "502", 3), 0);
    assert_int_equal(strncmp(ask_line(&s, "ETRN x"), "502", 3), 0);
    server_close(&s);
    const struct smtp_serve_options none = {NAME, .offers = offers, .n_offers = 0};
    server_open(&s, &none);
    assert_string_equal(ask_line(&s, "EHLO me"), "250 mx.test\r\n");
    server_close(&s);
}

static void offers_of_submission(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME, .submission = true, .messages_max = 1,
                                               .recipients_max = 5};
    struct server s;
    server_open(&s, &options);
    const char *got = ask_line(&s, "EHLO me");
    assert_non_null(strstr(got, "250-FUTURERELEASE 604800 1970-01-08T00:"));
    assert_non_null(strstr(got, "250-LIMITS MAILMAX=1 RCPTMAX=5\r\n"));
    ask_line(&s, "MAIL FROM:<>");
    ask_line(&s, "RSET");
    assert_int_equal(strncmp(ask_line(&s, "MAIL FROM:<>"), "452 4.5.3", 9), 0);
    server_close(&s);
}

static void mechanisms_by_what_tls_knows(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME, .offer_starttls = true, .auth_in_clear = true,
                                               .mechanisms = "SCRAM-SHA-256-PLUS EXTERNAL PLAIN"};
    struct server s;
    server_open(&s, &options);
    assert_non_null(strstr(ask_line(&s, "EHLO me"), "250-AUTH PLAIN\r\n"));
    assert_int_equal(strncmp(ask_line(&s, "AUTH EXTERNAL ="), "504", 3), 0);
    assert_int_equal(strncmp(ask_line(&s, "AUTH SCRAM-SHA-256-PLUS"), "504", 3), 0);
    ask_line(&s, "STARTTLS");
    smtp_track_tls_up(s.kit.track);
    smtp_serve_tls_up(s.serve);
    s.tls_known = true;
    s.certificate = "ann";
    assert_non_null(
        strstr(ask_line(&s, "EHLO me"), "250-AUTH SCRAM-SHA-256-PLUS EXTERNAL PLAIN\r\n"));
    assert_int_equal(strncmp(ask_line(&s, "AUTH SCRAM-SHA-256-PLUS"), "334", 3), 0);
    ask_line(&s, "*");
    assert_int_equal(strncmp(ask_line(&s, "AUTH EXTERNAL Ym9i"), "535", 3), 0);
    assert_int_equal(strncmp(ask_line(&s, "AUTH EXTERNAL ="), "235", 3), 0);
    assert_string_equal(smtp_serve_user(s.serve), "ann");
    server_close(&s);
}

/* RFC 7628 section 4.2: the reason comes as one more challenge. */
static void bearer_tokens(void **state)
{
    (void)state;
    const struct smtp_serve_options options = {NAME, .auth_in_clear = true,
                                               .mechanisms = "OAUTHBEARER XOAUTH2"};
    struct server s;
    server_open(&s, &options);
    ask_line(&s, "EHLO me");
    /* n,,^Aauth=Bearer bad^A^A */
    assert_int_equal(strncmp(ask_line(&s, "AUTH OAUTHBEARER biwsAWF1dGg9QmVhcmVyIGJhZAEB"),
                             "334 eyJzdGF0dXMi", 16),
                     0);
    assert_int_equal(strncmp(ask_line(&s, "AQ=="), "535 5.7.8", 9), 0);
    /* user=ann^Aauth=Bearer tok^A^A */
    assert_int_equal(
        strncmp(ask_line(&s, "AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rAQE="), "235", 3), 0);
    assert_string_equal(smtp_serve_user(s.serve), "ann");
    server_close(&s);
}

/* ---- XCLIENT, HELP, VRFY ---- */

static void xclient(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "XCLIENT",
        "XCLIENT FOO=1",
        "XCLIENT ADDR=",
        "XCLIENT ADDR=999.1.1.1",
        "XCLIENT ADDR=192.0.2.1 ADDR=192.0.2.1",
        "XCLIENT PORT=65536",
        "XCLIENT PORT=x",
        "XCLIENT PROTO=LMTP",
        "XCLIENT HELO=a+0Ab",
        "XCLIENT NAME",
    };
    struct smtp_serve_options options = {NAME};
    struct server s;
    server_open(&s, &options);
    assert_int_equal(strncmp(ask_line(&s, "XCLIENT NAME=a"), "550 5.7.0", 9), 0);
    server_close(&s);
    options.xclient = true;
    server_open(&s, &options);
    assert_non_null(strstr(ask_line(&s, "EHLO me"),
                           "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (strncmp(ask_line(&s, wrong[i]), "501 5.5.4", 9) != 0)
            fail_msg("%s: %s", wrong[i], buf_cstr(&s.said));
    ask_line(&s, "MAIL FROM:<>");
    assert_int_equal(strncmp(ask_line(&s, "XCLIENT NAME=a"), "503", 3), 0);
    ask_line(&s, "RSET");
    assert_int_equal(strncmp(ask_line(&s, "XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE] "
                                          "HELO=a+3Db LOGIN=ann PORT=25"),
                             "220 mx.test", 11),
                     0);
    assert_string_equal(s.xclient.value[SMTP_XCLIENT_ADDR], "IPV6:2001:db8::1");
    assert_string_equal(s.xclient.value[SMTP_XCLIENT_NAME], "");
    assert_string_equal(s.xclient.value[SMTP_XCLIENT_HELO], "a=b");
    assert_null(s.xclient.value[SMTP_XCLIENT_PROTO]);
    assert_string_equal(smtp_serve_user(s.serve), "ann");
    assert_int_equal(smtp_track_state(s.kit.track), SMTP_STATE_GREETED);
    assert_int_equal(strncmp(ask_line(&s, "MAIL FROM:<>"), "503", 3), 0);
    server_close(&s);
}

static void questions(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"HELP", "214-2.0.0 Commands: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP QUIT "
                 "ETRN\r\n214 2.0.0"},
        {"HELP mail", "214-2.0.0 MAIL FROM:<reverse-path> [parameters]\r\n214 2.0.0"},
        {"HELP STARTTLS", "504 5.5.4"},
        {"HELP LHLO", "504 5.5.4"},
        {"HELP frob", "504 5.5.4"},
        {"VRFY \xc3\xa4", "550 5.6.7"},
        {"VRFY \xc3\xa4 SMTPUTF8", "252 2.0.0"},
        {"EXPN", "501 5.5.4"},
        {"ETRN", "501 5.5.4"},
        {"ETRN a b", "501 5.5.4"},
        {"ETRN @", "501 5.5.4"},
        {"ETRN @example.test", "251 2.0.0"},
    };
    const struct smtp_serve_options options = {NAME};
    struct server s;
    server_open(&s, &options);
    ask_line(&s, "EHLO me");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strncmp(ask_line(&s, cases[i][0]), cases[i][1], strlen(cases[i][1])) != 0)
            fail_msg("%s: %s", cases[i][0], buf_cstr(&s.said));
    server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),
        cmocka_unit_test(unknown_parameters_can_be_borne),
        cmocka_unit_test(date_times),
        cmocka_unit_test(chunked_messages),
        cmocka_unit_test(absurd_chunk),
        cmocka_unit_test(ends_of_data),
        cmocka_unit_test(lines_can_be_borne),
        cmocka_unit_test(offers_in_order),
        cmocka_unit_test(offers_of_submission),
        cmocka_unit_test(mechanisms_by_what_tls_knows),
        cmocka_unit_test(bearer_tokens),
        cmocka_unit_test(xclient),
        cmocka_unit_test(questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
