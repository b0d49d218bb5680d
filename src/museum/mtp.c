/* The Mail Transfer Protocol (RFC 772 of 1980, RFC 780 of 1981): sender and receiver in one line,
 * two schemes for several readers. */
#include "museum/museum_private.h"

static const char SYNTAX[] = "501 Syntax error in parameters or arguments";

/* The 1yz replies come before the one that decides (RFC 780 section 5.2). False: it is refused. */
static bool receiver(struct museum *m, struct slice mailbox, struct buf *out)
{
    switch (museum_who(mailbox)) {
    case WHO_NOBODY:
        museum_say(out, "550 No such user here");
        return false;
    case WHO_MOVED:
        museum_say(out, "151 User not local; will forward to <Jones@Z>");
        break;
    case WHO_OPERATOR:
        museum_say(out, "152 User unknown; mail will be forwarded by the operator");
        break;
    case WHO_HERE:
    case WHO_ACTIVE:
        break;
    }
    if (museum_add_recipient(m, mailbox))
        return true;
    museum_say(out, "552 Too many recipients");
    return false;
}

static bool mail(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    struct slice from, to, rest;
    if (!museum_path(arg, "FROM:", &from, &rest)) {
        museum_say(out, SYNTAX);
        return false;
    }
    bool named = rest.len > 0;
    if (named && (!museum_path(rest, "TO:", &to, &rest) || rest.len > 0 || to.len == 0)) {
        museum_say(out, SYNTAX);
        return false;
    }
    if (m->finished || named || m->mode != 'R')
        museum_forget(m);
    if (!named && (m->mode == 0 || (m->mode == 'R' && m->recipients == 0))) {
        museum_say(out, "503 Bad sequence of commands: nobody to send it to");
        return false;
    }
    if (named && !receiver(m, to, out))
        return false;
    buf_reset(&m->from);
    buf_append(&m->from, from);
    museum_say(out, row->reply);
    return true;
}

static bool scheme(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    uint8_t c = arg.len == 1 ? arg.ptr[0] & 0xdf : 0;
    bool rule = c == 'R' || c == 'T';
    if (arg.len == 1 && arg.ptr[0] == '?') {
        museum_say(out, "215 R is the scheme preferred here");
        return false;
    }
    if (!rule && arg.len > 0) {
        museum_say(out, "504 Not that scheme");
        return false;
    }
    museum_forget(m);
    m->mode = (char)c;
    museum_say(out, rule ? row->reply : "200 OK, no scheme");
    return true;
}

static bool recipient(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    struct slice to, rest;
    bool text_first = m->state == STATE_STORED;
    if (!text_first && m->mode != 'R') {
        museum_say(out, m->x->disorder);
        return false;
    }
    if (!museum_path(arg, "TO:", &to, &rest) || rest.len > 0 || to.len == 0) {
        museum_say(out, SYNTAX);
        return false;
    }
    if (text_first) {
        buf_reset(&m->to);
        m->recipients = 0;
    } else if (m->finished) {
        museum_forget(m);
    }
    if (!receiver(m, to, out))
        return false;
    m->letter_ready = text_first;
    museum_say(out, text_first ? "250 Stored mail sent" : row->reply);
    return true;
}

static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    bool stored = m->recipients == 0;
    m->letter_ready = m->finished = !stored;
    m->state = stored ? STATE_STORED : STATE_READY;
    museum_say(out, stored ? "250 Mail stored" : "250 Mail sent");
    return true;
}

static const struct museum_row rows[] = {
    {"MAIL", BETWEEN, mail, "354 Start mail input; end with <CRLF>.<CRLF>", STATE_TEXT},
    {"MRSQ", BETWEEN, scheme, "200 OK, using that scheme", STATE_READY},
    {"MRCP", BETWEEN, recipient, "200 OK", GOES_NOWHERE},
    {"HELP", BETWEEN, NULL, "214 MAIL MRSQ MRCP HELP NOOP QUIT", GOES_NOWHERE},
    {"NOOP", BETWEEN, NULL, "200 OK", GOES_NOWHERE},
    {"QUIT", BETWEEN, NULL, "221 Y MTP service closing", STATE_ENDED},
};

const struct museum_exhibit museum_mtp = {
    .info = {.name = "mtp",
             .title = "The Mail Transfer Protocol of 1980-81: MRSQ and MRCP",
             .documents = "RFC 772, September 1980, and RFC 780, May 1981; the host is Y",
             .port = 57,
             .attested = "MAIL, MRSQ, MRCP, both schemes, codes 151 152 200 215 250 354 and the "
                         "words of the examples (RFC 780 section 4)",
             .reconstructed = "who has a mailbox, the scheme preferred, the words of refusals, "
                              "the answers to HELP and QUIT",
             .greeting = "220 Y MTP service ready",
             .codes = true,
             .text_end = '.'},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "500 Syntax error, command unrecognized",
    .disorder = "503 Bad sequence of commands",
    .too_long = "500 Syntax error, command line too long",
    .too_large = "552 Requested mail action aborted: exceeded storage allocation",
    .text_done = text_done,
    .first = STATE_READY,
};
