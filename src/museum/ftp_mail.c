/* MAIL inside FTP (RFC 385 of 1972): no sender, one receiver, the lone dot. */
#include "museum/museum_private.h"

static bool mail(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    museum_forget(m);
    if (museum_who(arg) == WHO_NOBODY || !museum_add_recipient(m, arg)) {
        museum_say(out, "450 No such user");
        return false;
    }
    museum_say(out, row->reply);
    return true;
}

static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    m->letter_ready = m->finished = true;
    m->state = STATE_READY;
    museum_say(out, "256 Mail completed");
    return true;
}

static const struct museum_row rows[] = {
    {"USER", AT(READY), NULL, "330 User name taken; PASS or MAIL", GOES_NOWHERE},
    {"PASS", AT(READY), NULL, "230 Logged in", GOES_NOWHERE},
    {"MAIL", AT(READY), mail, "350 Enter mail, terminate by a line with only a '.'", STATE_TEXT},
    {"MLFL", AT(READY), NULL, "506 MLFL wants a data connection, which this exhibit has not",
     GOES_NOWHERE},
    {"HELP", AT(READY), NULL, "200 USER PASS MAIL MLFL HELP BYE", GOES_NOWHERE},
    {"BYE", AT(READY), NULL, "231 Good bye", STATE_ENDED},
};

const struct museum_exhibit museum_ftp_mail = {
    .info = {.name = "ftp-mail",
             .title = "MAIL inside FTP, August 1972",
             .documents = "RFC 385, August 1972; the host is MIT-DMCG, socket 3",
             .port = 3,
             .attested = "MAIL and MLFL, replies 350, 256 and 450, the line with only a dot; no "
                         "sender is named, and no dot is doubled",
             .reconstructed = "who has a mailbox, the answers to USER, PASS, MLFL, HELP and BYE; "
                              "lines before the greeting are the museum's",
             .greeting = "300 MIT-DMCG FTP SERVER",
             .codes = true,
             .text_end = '.'},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "500 Unknown command",
    .disorder = "500 Not now",
    .too_long = "500 Line too long",
    .too_large = "451 The mail is too long and was not kept",
    .text_done = text_done,
    .first = STATE_READY,
};
