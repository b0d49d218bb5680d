/* The driving role: its table, and scripted servers of every temper. */
#include "kit.h"

static const char *const to[] = {"b@c.test", "d@e.test"};
static const char *const four[] = {"b@c.test", "d@e.test", "f@C.test", "g@h.test"};

#define PLAN                                                                                       \
    .goal = SMTP_GOAL_SEND, .name = "me.test", .from = "a@b.test", .has_content = true,            \
    .quit = true, .quit_after = SMTP_STEP__COUNT, .to = to, .n_to = 2
#define FOUR_AT_ONCE                                                                               \
    .goal = SMTP_GOAL_SEND, .name = "me.test", .from = "a@b.test", .has_content = true,            \
    .quit = true, .quit_after = SMTP_STEP__COUNT, .to = four, .n_to = 4
#define FOUR     FOUR_AT_ONCE, .obey_limits = true
#define HELLO_OK "250-mx|250-PIPELINING|250-AUTH PLAIN LOGIN CRAM-MD5|250 STARTTLS"

/* The server's replies in order, one for each line of the client ("|" between lines of one reply,
 * "!" closes the connection, "?" nothing comes in time); what the client sends, line by line; how
 * it ends. */
static const struct {
    struct smtp_plan plan;
    const char *replies[24];
    const char *sends; /* the first words, space separated */
    bool ok;
    enum smtp_step stage;
    unsigned code;
    enum want_kind end;
} servers[] = {
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .pipeline = true},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN}, {"554 no", "221 bye"}, "QUIT", false, SMTP_STEP_GREETING, 554, WANT_CLOSE},
    {{PLAN}, {"421 no"}, "", false, SMTP_STEP_GREETING, 421, WANT_CLOSE},
    {{PLAN}, {"SSH-2.0-x"}, "", false, SMTP_STEP_GREETING, 0, WANT_CLOSE},
    {{PLAN}, {"!"}, "", false, SMTP_STEP_GREETING, 0, WANT_CLOSE},
    {{PLAN}, {"?"}, "", false, SMTP_STEP_GREETING, 0, WANT_CLOSE},
    {{PLAN},
     {"220 a", "502 what", "250 a", "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
     "EHLO HELO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", "502 what", "450 later", "221 bye"},
     "EHLO HELO QUIT",
     false,
     SMTP_STEP_HELO,
     450,
     WANT_CLOSE},
    {{PLAN, .lmtp = true},
     {"220 a", "502 what", "221 bye"},
     "LHLO QUIT",
     false,
     SMTP_STEP_EHLO,
     502,
     WANT_CLOSE},
    {{PLAN, .tls = SMTP_TLS_TRY},
     {"220 a", HELLO_OK, "454 no", "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
     "EHLO STARTTLS MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .tls = SMTP_TLS_MUST},
     {"220 a", HELLO_OK, "454 no", "221 bye"},
     "EHLO STARTTLS QUIT",
     false,
     SMTP_STEP_STARTTLS,
     454,
     WANT_CLOSE},
    {{PLAN, .tls = SMTP_TLS_MUST},
     {"220 a", "250 a", "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_STARTTLS,
     0,
     WANT_CLOSE},
    {{PLAN, .xclient = "ADDR=192.0.2.1"},
     {"220 a", HELLO_OK, "220 b", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 yes",
      "221 bye"},
     "EHLO XCLIENT EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .mail_params = "PRDR"},
     {"220 a", "250-a|250 PRDR", "250 a", "250 b", "250 c", "354 go",
      "353 so|250 one|550 two|250 ok", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .mail_params = "PRDR"},
     {"220 a", "250-a|250 PRDR", "250 a", "250 b", "250 c", "354 go",
      "353 so|550 one|452 two|550 nobody", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     false,
     SMTP_STEP_DOT,
     550,
     WANT_CLOSE},
    {{PLAN, .mail_params = "PRDR"},
     {"220 a", "250-a|250 PRDR", "250 a", "250 b", "250 c", "354 go", "250 all", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9},
     {"220 a", "250-a|250 CHUNKING", "250 a", "250 b", "250 c", "250 1", "250 2", "250 3",
      "221 bye"},
     "EHLO MAIL RCPT RCPT BDAT BDAT BDAT QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9, .pipeline = true},
     {"220 a", "250-a|250-PIPELINING|250 CHUNKING", "250 a", "250 b", "250 c", "250 1", "250 2",
      "250 3", "221 bye"},
     "EHLO MAIL RCPT RCPT BDAT BDAT BDAT QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9},
     {"220 a", "250-a|250 CHUNKING", "250 a", "250 b", "250 c", "250 1", "552 full", "250 reset",
      "221 bye"},
     "EHLO MAIL RCPT RCPT BDAT BDAT RSET QUIT",
     false,
     SMTP_STEP_BDAT,
     552,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9, .pipeline = true},
     {"220 a", "250-a|250-PIPELINING|250 CHUNKING", "250 a", "250 b", "250 c", "452 full", "503 no",
      "503 no", "250 reset", "221 bye"},
     "EHLO MAIL RCPT RCPT BDAT BDAT BDAT RSET QUIT",
     false,
     SMTP_STEP_BDAT,
     452,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9},
     {"220 a", "250-a|250 CHUNKING", "250 a", "250 b", "250 c", "250 1", "250 2", "554 spam",
      "221 bye"},
     "EHLO MAIL RCPT RCPT BDAT BDAT BDAT QUIT",
     false,
     SMTP_STEP_DOT,
     554,
     WANT_CLOSE},
    {{PLAN, .chunk_octets = 9},
     {"220 a", HELLO_OK, "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_MAIL,
     0,
     WANT_CLOSE},
    {{PLAN, .content_binary = true},
     {"220 a", HELLO_OK, "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_MAIL,
     0,
     WANT_CLOSE},
    {{PLAN, .xclient = "ADDR=192.0.2.1"},
     {"220 a", HELLO_OK, "550 not you", "221 bye"},
     "EHLO XCLIENT QUIT",
     false,
     SMTP_STEP_XCLIENT,
     550,
     WANT_CLOSE},
    {{PLAN, .auth = true, .credentials.user = "u", .credentials.in_clear = true,
      .credentials.mechanisms = "CRAM-MD5,PLAIN"},
     {"220 a", HELLO_OK, "504 no", "235 yes", "250 a", "250 b", "250 c", "354 go", "250 yes",
      "221 bye"},
     "EHLO AUTH AUTH MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .auth = true, .credentials.user = "u", .credentials.in_clear = true,
      .credentials.mechanisms = "CRAM-MD5,PLAIN"},
     {"220 a", HELLO_OK, "504 no", "534 no", "221 bye"},
     "EHLO AUTH AUTH QUIT",
     false,
     SMTP_STEP_AUTH,
     534,
     WANT_CLOSE},
    {{PLAN, .auth = true, .credentials.user = "u", .credentials.in_clear = true,
      .credentials.mechanisms = "PLAIN,LOGIN"},
     {"220 a", HELLO_OK, "535 no", "221 bye"},
     "EHLO AUTH QUIT",
     false,
     SMTP_STEP_AUTH,
     535,
     WANT_CLOSE},
    {{PLAN, .auth = true, .credentials.user = "u", .credentials.mechanisms = "CRAM-MD5"},
     {"220 a", HELLO_OK, "334 ***", "501 cancelled", "221 bye"},
     "EHLO AUTH * QUIT",
     false,
     SMTP_STEP_AUTH,
     501,
     WANT_CLOSE},
    {{PLAN, .auth = true, .credentials.user = "u", .credentials.in_clear = true},
     {"220 a", "250 a", "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_AUTH,
     0,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "550 no", "221 bye"},
     "EHLO MAIL QUIT",
     false,
     SMTP_STEP_MAIL,
     550,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "550 no", "450 no", "250 reset", "221 bye"},
     "EHLO MAIL RCPT RCPT RSET QUIT",
     false,
     SMTP_STEP_RCPT,
     450,
     WANT_CLOSE},
    /* Pipelined, all recipients refused, and the server wants the content all the same. */
    {{PLAN, .pipeline = true},
     {"220 a", HELLO_OK, "250 a", "550 no", "550 no", "354 go", "554 nobody", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     false,
     SMTP_STEP_RCPT,
     550,
     WANT_CLOSE},
    {{PLAN, .pipeline = true},
     {"220 a", HELLO_OK, "250 a", "550 no", "550 no", "554 nobody", "250 reset", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA RSET QUIT",
     false,
     SMTP_STEP_RCPT,
     550,
     WANT_CLOSE},
    {{PLAN, .pipeline = true},
     {"220 a", HELLO_OK, "550 a", "503 no", "503 no", "503 no", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA QUIT",
     false,
     SMTP_STEP_MAIL,
     550,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "hmm", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "451 no", "250 reset", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA RSET QUIT",
     false,
     SMTP_STEP_DATA,
     451,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "554 spam", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     false,
     SMTP_STEP_DOT,
     554,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "421 bye"},
     "EHLO MAIL RCPT",
     false,
     SMTP_STEP_RCPT,
     421,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "!"},
     "EHLO MAIL RCPT RCPT DATA .",
     false,
     SMTP_STEP_DOT,
     0,
     WANT_CLOSE},
    {{PLAN},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 yes", "!"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .lmtp = true},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 one|450 two", "221 bye"},
     "LHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .helo = true, .pipeline = true},
     {"220 a", "250 a", "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
     "HELO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{PLAN, .helo = true},
     {"220 a", "550 no", "221 bye"},
     "HELO QUIT",
     false,
     SMTP_STEP_HELO,
     550,
     WANT_CLOSE},
    /* No LIMITS, and too many recipients all the same: the rest in further transactions, as many as
     * it took; pipelined each refusal is waited for. Another reason, nobody taken, or not wanted:
     * the refusal stands. */
    {{FOUR},
     {"220 a",   "250-mx|250 SIZE", "250 a",  "250 b",   "452 4.5.3 c", "354 go", "250 yes",
      "250 a",   "250 d",           "354 go", "250 yes", "250 a",       "250 f",  "354 go",
      "250 yes", "250 a",           "250 g",  "354 go",  "250 yes",     "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR, .pipeline = true},
     {"220 a", "250-mx|250 PIPELINING", "250 a", "250 b", "552 5.5.3 c", "250 d", "452 e", "354 go",
      "250 yes", "250 a", "250 c", "250 e", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT RCPT DATA . MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR},
     {"220 a", "250-mx|250 SIZE", "250 a", "250 b", "452 4.2.2 full", "552 full", "250 d", "354 go",
      "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR},
     {"220 a", "250-mx|250 SIZE", "250 a", "452 4.5.3 b", "452 4.5.3 c", "452 4.5.3 d",
      "452 4.5.3 e", "250 rset", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT RCPT RSET QUIT",
     false,
     SMTP_STEP_RCPT,
     452,
     WANT_CLOSE},
    {{FOUR_AT_ONCE},
     {"220 a", "250-mx|250 SIZE", "250 a", "250 b", "452 4.5.3 c", "452 4.5.3 d", "452 4.5.3 e",
      "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    /* LIMITS: RCPTMAX in two transactions, piece by piece and pipelined; not obeyed where not
     * asked. */
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=3", "250 a", "250 b", "250 c", "250 d", "354 go",
      "250 yes", "250 a", "250 e", "354 go", "250 too", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT DATA . MAIL RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR, .pipeline = true},
     {"220 a", "250-mx|250-PIPELINING|250 LIMITS RCPTMAX=3", "250 a", "250 b", "250 c", "250 d",
      "354 go", "250 yes", "250 a", "250 e", "354 go", "250 too", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT DATA . MAIL RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR_AT_ONCE},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=3", "250 a", "250 b", "250 c", "250 d", "452 e", "354 go",
      "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    /* RCPTDOMAINMAX: c.test goes together, whatever its case. */
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTDOMAINMAX=1", "250 a", "250 b", "250 f", "354 go", "250 yes",
      "250 a", "250 d", "354 go", "250 yes", "250 a", "250 g", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    /* The first transaction's recipients are refused, the second's are not; then the other way
     * round, at the dot. */
    {{FOUR, .pipeline = true},
     {"220 a", "250-mx|250-PIPELINING|250 LIMITS RCPTMAX=2", "250 a", "550 b", "550 c", "554 no",
      "250 reset", "250 a", "250 d", "250 e", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA RSET MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR, .pipeline = true},
     {"220 a", "250-mx|250-PIPELINING|250 LIMITS RCPTMAX=2", "250 a", "550 b", "550 c", "354 odd",
      "554 nobody", "250 a", "250 d", "250 e", "354 go", "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=2", "250 a", "250 b", "250 c", "354 go", "250 yes",
      "250 a", "250 d", "250 e", "354 go", "554 spam", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_CLOSE},
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=2", "250 a", "250 b", "250 c", "354 go", "554 spam",
      "250 a", "250 d", "250 e", "354 go", "552 full", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT RCPT DATA . QUIT",
     false,
     SMTP_STEP_DOT,
     552,
     WANT_CLOSE},
    /* MAIL refused: it would be refused for the others, too. */
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=2", "550 no", "221 bye"},
     "EHLO MAIL QUIT",
     false,
     SMTP_STEP_MAIL,
     550,
     WANT_CLOSE},
    /* A cut in the second transaction is the end, whatever became of the first. */
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=2", "250 a", "250 b", "250 c", "354 go", "250 yes",
      "250 a", "!"},
     "EHLO MAIL RCPT RCPT DATA . MAIL RCPT",
     false,
     SMTP_STEP_RCPT,
     0,
     WANT_CLOSE},
    /* MAILMAX: the second transaction needs another session. */
    {{FOUR},
     {"220 a", "250-mx|250 LIMITS RCPTMAX=2 MAILMAX=1", "250 a", "250 b", "250 c", "354 go",
      "250 yes", "221 bye"},
     "EHLO MAIL RCPT RCPT DATA . QUIT",
     true,
     SMTP_STEP_MAIL,
     0,
     WANT_CLOSE},
    /* Another message follows: the session stays, unless it is of no use. */
    {{PLAN, .more = true},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "554 spam"},
     "EHLO MAIL RCPT RCPT DATA .",
     false,
     SMTP_STEP_DOT,
     554,
     WANT_DONE},
    {{PLAN, .more = true, .tls = SMTP_TLS_MUST},
     {"220 a", "250 a", "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_STARTTLS,
     0,
     WANT_CLOSE},
    {{.goal = SMTP_GOAL_HELLO, .name = "me", .quit_after = SMTP_STEP__COUNT},
     {"220 a", HELLO_OK},
     "EHLO",
     true,
     SMTP_STEP_DONE,
     250,
     WANT_DONE},
    {{PLAN, .content_utf8 = true},
     {"220 a", HELLO_OK, "221 bye"},
     "EHLO QUIT",
     false,
     SMTP_STEP_MAIL,
     0,
     WANT_CLOSE},
    {{.goal = SMTP_GOAL_SEND,
      .name = "me\r\nMAIL",
      .quit_after = SMTP_STEP__COUNT,
      .to = to,
      .n_to = 1},
     {"220 a"},
     "",
     false,
     SMTP_STEP_GREETING,
     0,
     WANT_DONE},
    {{.goal = SMTP_GOAL_SEND,
      .name = "me",
      .from = "",
      .to = to,
      .n_to = 2,
      .has_content = true,
      .quit_after = SMTP_STEP_GREETING},
     {"220 a", "221 bye"},
     "QUIT",
     true,
     SMTP_STEP_GREETING,
     220,
     WANT_CLOSE},
    {{.goal = SMTP_GOAL_SEND,
      .name = "me",
      .from = "",
      .to = to,
      .n_to = 2,
      .has_content = true,
      .quit_after = SMTP_STEP_MAIL,
      .pipeline = true},
     {"220 a", HELLO_OK, "250 a", "221 bye"},
     "EHLO MAIL QUIT",
     true,
     SMTP_STEP_MAIL,
     250,
     WANT_CLOSE},
    {{.goal = SMTP_GOAL_SEND,
      .name = "me",
      .from = "",
      .to = to,
      .n_to = 2,
      .has_content = true,
      .quit_after = SMTP_STEP_DATA,
      .pipeline = true},
     {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go"},
     "EHLO MAIL RCPT RCPT DATA",
     true,
     SMTP_STEP_DATA,
     354,
     WANT_CLOSE},
};

static void note_words(char *sent, size_t sent_octets, struct slice octets)
{
    while (octets.len > 0) {
        ptrdiff_t lf = slice_find_octet(octets, '\n');
        assert_true(lf > 0);
        struct slice line = slice_take(octets, (size_t)lf + 1), rest = slice_trim(line);
        struct slice word = slice_next_word(&rest);
        size_t at = strlen(sent);
        snprintf(sent + at, sent_octets - at, "%s%.*s", at ? " " : "", SLICE_ARG(word));
        octets = slice_skip(octets, line.len);
    }
}

static struct want pump(struct kit *k, struct smtp_drive *d, char *sent, size_t sent_octets)
{
    for (;;) {
        struct want want = smtp_drive_next(d);
        struct slice out = want.octets;
        /* The content is three chunks of nothing, or nothing. */
        uint64_t chunked = smtp_drive_chunk_octets(d);
        bool last = false;
        if (want.kind == WANT_CONTENT && chunked > 0) {
            static const char before[] = "BDAT BDAT";
            size_t len = strlen(sent), n = sizeof(before) - 1;
            last = len >= n && strcmp(sent + len - n, before) == 0;
            out = last ? SLICE_LIT("BDAT 0 LAST\r\n") : SLICE_LIT("BDAT 0\r\n");
        } else if (want.kind == WANT_CONTENT)
            out = SLICE_LIT(".\r\n");
        else if (want.kind != WANT_SEND)
            return want;
        smtp_track_feed_all(k->track, DIR_C, out);
        note_words(sent, sent_octets, out);
        if (want.kind == WANT_CONTENT && chunked > 0)
            smtp_drive_chunk_sent(d, last);
        else if (want.kind == WANT_CONTENT)
            smtp_drive_content_sent(d);
    }
}

static void answer(struct kit *k, struct smtp_drive *d, const char *reply)
{
    char text[512];
    size_t n = 0;
    if (*reply == '!' || *reply == '?') {
        if (*reply == '!')
            smtp_track_closed(k->track, DIR_S);
        smtp_drive_outcome(d, *reply == '!' ? SMTP_OUT_EOF : SMTP_OUT_TIMEOUT, NULL);
        return;
    }
    for (const char *p = reply; *p; p++) {
        if (*p == '|')
            text[n++] = '\r';
        text[n++] = *p == '|' ? '\n' : *p;
    }
    text[n++] = '\r';
    text[n++] = '\n';
    struct slice in = slice_of(text, n);
    while (in.len > 0) {
        struct smtp_item item;
        in = slice_skip(in, smtp_track_feed(k->track, DIR_S, in, &item));
        smtp_drive_reply(d, &item);
    }
}

static void servers_of_every_temper(void **state)
{
    (void)state;
    struct secret password;
    secret_init(&password);
    secret_set(&password, SLICE_LIT("p"));
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        struct smtp_plan plan = servers[i].plan;
        const struct smtp_track_options options = {.lmtp = plan.lmtp};
        char sent[512] = "";
        struct kit k;
        plan.credentials.password = &password;
        kit_open(&k, &options);
        struct smtp_drive *d = smtp_drive_new(k.journal, k.conn, k.track, &plan);
        struct want want = pump(&k, d, sent, sizeof(sent));
        for (size_t r = 0; servers[i].replies[r]; r++) {
            answer(&k, d, servers[i].replies[r]);
            want = pump(&k, d, sent, sizeof(sent));
        }
        const struct smtp_result *r = smtp_drive_result(d);
        if (strcmp(sent, servers[i].sends) != 0 || r->ok != servers[i].ok ||
            r->stage != servers[i].stage || r->code != servers[i].code || !r->over ||
            want.kind != servers[i].end)
            fail_msg("server %zu: sent \"%s\", ok %d stage %s code %u over %d want %d", i, sent,
                     r->ok, smtp_step_name(r->stage), r->code, r->over, want.kind);
        if (!r->ok && r->code == 0 && r->outcome == SMTP_OUT_ABORT)
            assert_int_not_equal(r->err.domain, ERR_NONE);
        smtp_drive_free(&d);
        assert_null(d);
        kit_close(&k);
    }
    secret_clear(&password);
}

/* Who was asked and who got the message, over the transactions of one plan. */
static void limits_say_who_got_it(void **state)
{
    (void)state;
    static const char *const replies[] = {"220 a",       "250-mx|250 LIMITS RCPTMAX=2 MAILMAX=2",
                                          "250 a",       "250 b",
                                          "550 5.1.1 d", "354 go",
                                          "250 yes",     "250 a",
                                          "250 f",       "421 4.7.0 gone"};
    struct smtp_plan plan = {FOUR};
    char sent[512] = "";
    struct kit k;
    kit_open(&k, NULL);
    struct smtp_drive *d = smtp_drive_new(k.journal, k.conn, k.track, &plan);
    pump(&k, d, sent, sizeof(sent));
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        answer(&k, d, replies[i]);
        pump(&k, d, sent, sizeof(sent));
    }
    const struct smtp_result *r = smtp_drive_result(d);
    static const bool accepted[] = {true, false, true, false};
    static const bool delivered[] = {true, false, false, false};
    static const unsigned codes[] = {250, 550, 250, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(r->recipients[i].accepted, accepted[i]);
        assert_int_equal(r->recipients[i].n_delivered, delivered[i]);
        assert_int_equal(r->recipients[i].code, codes[i]);
    }
    assert_false(r->ok);
    assert_int_equal(r->code, 421);
    assert_int_equal(r->n_accepted, 2);
    smtp_drive_free(&d);
    kit_close(&k);
}

/* From every step that can be reached, every outcome leads to an end: nothing hangs. */
static void no_reply_leaves_it_without_a_next_step(void **state)
{
    (void)state;
    static const char *const good[2][8] = {
        {"220 a", HELLO_OK, "250 a", "250 b", "250 c", "354 go", "250 yes", "221 bye"},
        {"220 a", "250-mx|250-PIPELINING|250 LIMITS RCPTMAX=1", "250 a", "250 b", "354 go",
         "250 yes", "250 a", "250 c"},
    };
    static const char *const odd[] = {"250 x", "354 x", "450 x", "550 x", "421 x", "hmm", "?", "!"};
    for (size_t at = 0; at < 8; at++) {
        for (size_t o = 0; o < sizeof(odd) / sizeof(odd[0]); o++) {
            for (int way = 0; way < 4; way++) {
                struct smtp_plan plan = {PLAN, .pipeline = way % 2 == 1, .obey_limits = way > 1};
                char sent[1024] = "";
                struct kit k;
                kit_open(&k, NULL);
                struct smtp_drive *d = smtp_drive_new(k.journal, k.conn, k.track, &plan);
                pump(&k, d, sent, sizeof(sent));
                for (size_t r = 0; r < at; r++) {
                    answer(&k, d, good[way / 2][r]);
                    pump(&k, d, sent, sizeof(sent));
                }
                answer(&k, d, odd[o]);
                struct want want = pump(&k, d, sent, sizeof(sent));
                for (int more = 0; more < 20 && want.kind == WANT_WAIT; more++) {
                    enum smtp_verb verb = smtp_track_pending_verb(k.track);
                    assert_int_not_equal(smtp_track_pending(k.track), 0);
                    answer(&k, d,
                           verb == SMTP_VERB_DATA   ? "354 x"
                           : verb == SMTP_VERB_QUIT ? "221 x"
                                                    : "250 x");
                    want = pump(&k, d, sent, sizeof(sent));
                }
                assert_int_not_equal(want.kind, WANT_WAIT);
                assert_true(smtp_drive_result(d)->over);
                smtp_drive_free(&d);
                kit_close(&k);
            }
        }
    }
}

static void table_cells(void **state)
{
    (void)state;
    static const struct {
        enum smtp_step step;
        enum smtp_outcome outcome;
        enum smtp_next next;
    } cells[] = {
        {SMTP_STEP_GREETING, SMTP_OUT_2YZ, SMTP_NEXT_ON},
        {SMTP_STEP_GREETING, SMTP_OUT_5YZ, SMTP_NEXT_QUIT},
        {SMTP_STEP_EHLO, SMTP_OUT_5YZ, SMTP_NEXT_HELO},
        {SMTP_STEP_HELO, SMTP_OUT_4YZ, SMTP_NEXT_QUIT},
        {SMTP_STEP_STARTTLS, SMTP_OUT_4YZ, SMTP_NEXT_SKIP},
        {SMTP_STEP_TLS, SMTP_OUT_ABORT, SMTP_NEXT_STOP},
        {SMTP_STEP_AUTH, SMTP_OUT_3YZ, SMTP_NEXT_MORE},
        {SMTP_STEP_RCPT, SMTP_OUT_5YZ, SMTP_NEXT_MORE},
        {SMTP_STEP_DATA, SMTP_OUT_3YZ, SMTP_NEXT_ON},
        {SMTP_STEP_DATA, SMTP_OUT_5YZ, SMTP_NEXT_RSET},
        {SMTP_STEP_DOT, SMTP_OUT_2YZ, SMTP_NEXT_ON},
        {SMTP_STEP_QUIT, SMTP_OUT_EOF, SMTP_NEXT_ON},
    };
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        assert_int_equal(smtp_drive_table(cells[i].step, cells[i].outcome), cells[i].next);
    for (int s = 0; s < SMTP_STEP__COUNT; s++) {
        enum smtp_step step = (enum smtp_step)s;
        for (int o = 0; o < SMTP_OUT__COUNT; o++)
            assert_in_range(smtp_drive_table(step, (enum smtp_outcome)o), 0, SMTP_NEXT__COUNT - 1);
        assert_int_equal(smtp_drive_table(step, SMTP_OUT_TIMEOUT), SMTP_NEXT_STOP);
        assert_int_equal(smtp_drive_table(step, SMTP_OUT_ABORT), SMTP_NEXT_STOP);
        if (step != SMTP_STEP_QUIT)
            assert_int_equal(smtp_drive_table(step, SMTP_OUT_421), SMTP_NEXT_STOP);
        assert_non_null(smtp_step_name(step));
        assert_true(smtp_step_wait_ms(step) >= 60000);
    }
    assert_int_equal(smtp_step_wait_ms(SMTP_STEP_DOT), 600000);
    assert_int_equal(smtp_step_wait_ms(SMTP_STEP_DATA), 120000);
    assert_int_equal(smtp_step_by_name(SLICE_LIT("connect")), SMTP_STEP_GREETING);
    assert_int_equal(smtp_step_by_name(SLICE_LIT("rcpt")), SMTP_STEP_RCPT);
    assert_int_equal(smtp_step_by_name(SLICE_LIT("done")), SMTP_STEP__COUNT);
    assert_int_equal(smtp_step_by_name(SLICE_LIT("")), SMTP_STEP__COUNT);
}

/* A SCRAM server that says yes without its proof is not believed. */
static void a_server_must_prove_itself(void **state)
{
    (void)state;
    struct smtp_plan plan = {PLAN, .auth = true, .credentials.user = "u",
                             .credentials.mechanisms = "SCRAM-SHA-256"};
    char sent[512] = "";
    struct secret password;
    struct kit k;
    secret_init(&password);
    secret_set(&password, SLICE_LIT("p"));
    plan.credentials.password = &password;
    kit_open(&k, NULL);
    struct smtp_drive *d = smtp_drive_new(k.journal, k.conn, k.track, &plan);
    pump(&k, d, sent, sizeof(sent));
    answer(&k, d, "220 a");
    pump(&k, d, sent, sizeof(sent));
    answer(&k, d, "250-a|250 AUTH SCRAM-SHA-256");
    pump(&k, d, sent, sizeof(sent));
    answer(&k, d, "235 yes");
    pump(&k, d, sent, sizeof(sent));
    assert_string_equal(sent, "EHLO AUTH QUIT");
    assert_false(smtp_drive_result(d)->ok);
    assert_int_equal(smtp_drive_result(d)->err.domain, ERR_AUTH);
    smtp_drive_free(&d);
    kit_close(&k);
    secret_clear(&password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_of_every_temper),
        cmocka_unit_test(limits_say_who_got_it),
        cmocka_unit_test(no_reply_leaves_it_without_a_next_step),
        cmocka_unit_test(table_cells),
        cmocka_unit_test(a_server_must_prove_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
