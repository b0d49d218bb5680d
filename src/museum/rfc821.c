/* SMTP of August 1982 (RFC 821): SEND, SOML, SAML and TURN, source routes, names given freely. */
#include "museum/museum_private.h"

/* "MAIL", "SEND", "SOML", "SAML": told apart by the second letter. */
static bool begin_letter(struct museum *m, const struct museum_row *row, struct slice arg,
                         struct buf *out)
{
    struct slice mailbox, rest;
    if (!museum_path(arg, "FROM:", &mailbox, &rest) || rest.len > 0) {
        museum_say(out, "501 Syntax error in parameters or arguments");
        return false;
    }
    museum_forget(m);
    buf_append(&m->from, mailbox);
    m->mode = row->verb[1];
    museum_say(out, row->reply);
    return true;
}

/* RFC 821 section 3.4: SEND wants the terminal, SOML the terminal or the mailbox, SAML both. */
static const char *answer_here(char verb, bool active)
{
    if (active || verb == 'A' /* MAIL, and SAML, which leaves it in the mailbox, too */)
        return "250 OK";
    return verb == 'E' ? "450 User not active now" : "250 User not active now, so will do mail.";
}

static const char *answer_recipient(char verb, struct slice mailbox, bool routed)
{
    switch (museum_who(mailbox)) {
    case WHO_ACTIVE:
        return answer_here(verb, true);
    case WHO_HERE:
        return answer_here(verb, false);
    case WHO_MOVED:
        return "251 User not local; will forward to <Jones@USC-ISI.ARPA>";
    case WHO_OPERATOR:
        return "551 User not local; please try <Smith@USC-ISIF.ARPA>";
    case WHO_NOBODY:
        break;
    }
    return routed ? "250 OK" : "550 No such user here";
}

static bool recipient(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row;
    struct slice mailbox, rest;
    if (!museum_path(arg, "TO:", &mailbox, &rest) || rest.len > 0 || mailbox.len == 0) {
        museum_say(out, "501 Syntax error in parameters or arguments");
        return false;
    }
    bool routed = slice_find(arg, SLICE_LIT("<@")) >= 0;
    const char *reply = answer_recipient(m->mode, mailbox, routed);
    bool good = reply[0] == '2';
    if (good && !museum_add_recipient(m, mailbox)) {
        reply = "552 Too many recipients";
        good = false;
    }
    museum_say(out, reply);
    return good;
}

static bool hello(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    (void)m;
    museum_say(out, arg.len > 0 ? row->reply : "501 Syntax error in parameters or arguments");
    return arg.len > 0;
}

static bool reset(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    (void)arg;
    museum_forget(m);
    museum_say(out, row->reply);
    return m->state != STATE_START;
}

static bool verify(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    static const char *const names[][2] = {
        {"Crispin", "250 Mark Crispin <Admin.MRC@SU-SCORE.ARPA>"},
        {"Postel", "250 Jon Postel <Postel@SU-SCORE.ARPA>"},
        {"Jones", "251 User not local; will forward to <Jones@USC-ISI.ARPA>"},
        {"Smith", "551 User not local; please try <Smith@USC-ISIF.ARPA>"},
        {"Mark", "553 User ambiguous"},
    };
    (void)m;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq_nocase(arg, slice_cstr(names[i][0]))) {
            museum_say(out, names[i][1]);
            return true;
        }
    museum_say(out, row->reply);
    return true;
}

static bool expand(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    (void)m;
    if (slice_eq_nocase(arg, SLICE_LIT("Example-People"))) {
        museum_say(out, "250-Jon Postel <Postel@SU-SCORE.ARPA>");
        museum_say(out, "250-Mark Crispin <Admin.MRC@SU-SCORE.ARPA>");
        museum_say(out, "250 <Foo@SU-SCORE.ARPA>");
    } else if (slice_eq_nocase(arg, SLICE_LIT("Executive-Washroom-List"))) {
        museum_say(out, "550 Access Denied to You.");
    } else {
        museum_say(out, row->reply);
    }
    return true;
}

/* RFC 821 section 3.8: from here on we send, to whoever said he was the host we had mail for. */
static bool turn(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    (void)m, (void)arg;
    museum_say(out, row->reply);
    museum_say(out, "MAIL FROM:<Admin.MRC@SU-SCORE.ARPA>");
    return true;
}

static bool turned_text(struct museum *m, const struct museum_row *row, struct slice arg,
                        struct buf *out)
{
    (void)m, (void)arg;
    museum_say(out, "From: Admin.MRC@SU-SCORE.ARPA");
    museum_say(out, "Subject: Waiting for you");
    museum_say(out, "");
    museum_say(out, "Whoever calls himself MIT-MC gets this letter. That is what TURN is.");
    museum_say(out, row->reply);
    return true;
}

static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    m->letter_ready = m->finished = true;
    m->state = STATE_READY;
    museum_say(out, "250 OK");
    return true;
}

#define SESSION (AT(START) | AT(READY) | IN_LETTER)
#define TURNED  (AT(TURNED) | AT(TURNED_TO) | AT(TURNED_DATA) | AT(TURNED_DOT))

static const struct museum_row rows[] = {
    {"HELO", SESSION, hello, "250 SU-SCORE.ARPA", STATE_READY},
    {"MAIL", AT(READY), begin_letter, "250 OK", STATE_SENDER},
    {"SEND", AT(READY), begin_letter, "250 OK", STATE_SENDER},
    {"SOML", AT(READY), begin_letter, "250 OK", STATE_SENDER},
    {"SAML", AT(READY), begin_letter, "250 OK", STATE_SENDER},
    {"RCPT", IN_LETTER, recipient, NULL, STATE_ADDRESSED},
    {"DATA", AT(ADDRESSED), NULL, "354 Start mail input; end with <CRLF>.<CRLF>", STATE_TEXT},
    {"RSET", SESSION, reset, "250 OK", STATE_READY},
    {"VRFY", SESSION, verify, "550 String does not match anything.", GOES_NOWHERE},
    {"EXPN", SESSION, expand, "550 String does not match anything.", GOES_NOWHERE},
    {"NOOP", SESSION, NULL, "250 OK", GOES_NOWHERE},
    {"HELP", SESSION, NULL, "214 HELO MAIL SEND SOML SAML RCPT DATA RSET VRFY EXPN NOOP TURN QUIT",
     GOES_NOWHERE},
    {"QUIT", SESSION, NULL, "221 SU-SCORE.ARPA Service closing transmission channel", STATE_ENDED},
    {"TURN", AT(READY), turn, "250 OK", STATE_TURNED},
    {"250", AT(TURNED), NULL, "RCPT TO:<EAK@MIT-MC.ARPA>", STATE_TURNED_TO},
    {"250", AT(TURNED_TO), NULL, "DATA", STATE_TURNED_DATA},
    {"354", AT(TURNED_DATA), turned_text, ".", STATE_TURNED_DOT},
    {NULL, TURNED, NULL, "QUIT", STATE_TURNED_QUIT},
    {NULL, AT(TURNED_QUIT), NULL, NULL, STATE_ENDED}, /* to his 221 nothing is said */
};

const struct museum_exhibit museum_rfc821 = {
    .info = {.name = "rfc821",
             .title = "SMTP of August 1982: SEND, SOML, SAML, TURN and source routes",
             .documents = "RFC 821, August 1982; the host is SU-SCORE.ARPA",
             .port = 25,
             .attested = "commands, codes and most words of the replies (RFC 821 sections 3 and 4)",
             .reconstructed = "who has a mailbox, that only Postel is at his terminal, that mail "
                              "by a source route is kept here, and the letter that TURN brings",
             .greeting = "220 SU-SCORE.ARPA Simple Mail Transfer Service Ready",
             .doubles_dots = true,
             .codes = true,
             .text_end = '.'},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "500 Syntax error, command unrecognized",
    .disorder = "503 Bad sequence of commands",
    .too_long = "500 Syntax error, command line too long",
    .too_large = "552 Requested mail action aborted: exceeded storage allocation",
    .text_done = text_done,
    .first = STATE_START,
};
