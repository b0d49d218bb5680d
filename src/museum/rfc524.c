/* The Proposed Mail Protocol (RFC 524 of 1973): record, distribute, and verify who somebody is. */
#include "museum/museum_private.h"

static const char ID[] = "journal"; /* what a visitor proves himself with; everybody may know */

static bool record(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    (void)arg;
    museum_forget(m);
    museum_say(out, row->reply);
    return true;
}

static bool text(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    bool title = row->verb[1] == 'I';
    if (m->text.len + arg.len + 9 > MUSEUM_TEXT_MAX_OCTETS) {
        museum_say(out, m->x->too_large);
        return false;
    }
    buf_append_cstr(&m->text, title ? "Title: " : "");
    museum_echo(&m->text, arg, "");
    museum_say(out, row->reply);
    return true;
}

/* CLERK in a recording, REQR in VERIFY: both name somebody and have the Id asked. */
static bool claim(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    bool verify = row->verb[0] == 'R';
    if (museum_who(arg) == WHO_NOBODY) {
        museum_say(out, "450 No such person");
        return false;
    }
    if (!verify) {
        buf_reset(&m->from);
        buf_append(&m->from, arg);
    }
    m->mode = verify ? 'V' : 'C';
    museum_say(out, row->reply);
    return true;
}

static bool id(struct museum *m, const struct museum_row *row, struct slice arg, struct buf *out)
{
    bool right = slice_eq_nocase(arg, slice_cstr(ID));
    if (m->mode == 'V') {
        museum_say(out, right ? "272 Requestor is who he says he is."
                              : "472 Requestor is NOT who he says he is.");
        m->state = STATE_VERIFY;
        return false;
    }
    m->state = STATE_SENDER;
    museum_say(out, right ? row->reply : "471 Wrong Id");
    if (!right)
        buf_reset(&m->from);
    return false;
}

static bool recipient(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    if (museum_who(arg) == WHO_NOBODY || !museum_add_recipient(m, arg)) {
        museum_say(out, "450 No such person");
        return false;
    }
    museum_say(out, row->reply);
    return true;
}

static bool distributed(struct museum *m, const struct museum_row *row, struct slice arg,
                        struct buf *out)
{
    (void)arg;
    m->letter_ready = m->finished = m->recipients > 0;
    museum_say(out, m->letter_ready ? row->reply : "450 No recipient was named");
    return m->letter_ready;
}

static bool distribute(struct museum *m, const struct museum_row *row, struct slice arg,
                       struct buf *out)
{
    (void)arg;
    buf_reset(&m->to);
    m->recipients = 0;
    museum_say(out, m->text.len > 0 ? row->reply : "450 Nothing was recorded");
    return m->text.len > 0;
}

static const struct museum_row rows[] = {
    {"MAIL", AT(READY), NULL, "271 RE DE DI FW CI UP UV -- supported.", GOES_NOWHERE},
    {"RECORD", AT(READY), record, "200 OK.", STATE_SENDER},
    {"TITLE", AT(SENDER), text, "200 OK.", GOES_NOWHERE},
    {"TEXT", AT(SENDER), text, "200 OK.", GOES_NOWHERE},
    {"CLERK", AT(SENDER), claim, "330 OK.  Now Id, please", STATE_ASK},
    {"ID", AT(ASK), id, "200 OK.", GOES_NOWHERE},
    {"EXIT", AT(SENDER), NULL, "270 15490 -- is assigned as the pathname", STATE_READY},
    {"DISTRIBUTE", AT(READY), distribute, "200 OK.", STATE_ADDRESSED},
    {"RECIPIENT", AT(ADDRESSED), recipient, "200 OK.", GOES_NOWHERE},
    {"SIGNATURE", AT(ADDRESSED), NULL, "200 OK.", GOES_NOWHERE},
    {"CUTOFF", AT(ADDRESSED), NULL, "200 OK.", GOES_NOWHERE},
    {"EXIT", AT(ADDRESSED), distributed, "200 OK.", STATE_READY},
    {"VERIFY", AT(READY), NULL, "200 OK.", STATE_VERIFY},
    {"REQR", AT(VERIFY), claim, "330 OK.  Now Id, please", STATE_ASK},
    {"EXIT", AT(VERIFY), NULL, "200 OK.", STATE_READY},
    {"HELP", ANY_STATE, NULL,
     "200 RECORD TITLE TEXT CLERK ID EXIT, DISTRIBUTE RECIPIENT SIGNATURE CUTOFF EXIT, VERIFY REQR "
     "ID EXIT, BYE; the Id of everybody is: journal",
     GOES_NOWHERE},
    {"BYE", ANY_STATE, NULL, "231 Good bye", STATE_ENDED},
};

/* Text comes in command lines here; nothing ends with a dot. */
static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    m->state = STATE_READY;
    museum_say(out, m->x->disorder);
    return true;
}

const struct museum_exhibit museum_rfc524 = {
    .info = {.name = "rfc524",
             .title = "The Mail Protocol proposed in 1973: record, distribute, verify",
             .documents =
                 "RFC 524, June 1973, a proposal that was not adopted; the host is SRI-ARC",
             .attested = "the functions, replies 270 271 272 330 472 with their words, and that an "
                         "Id is asked for (RFC 524)",
             .reconstructed = "a simpler order of commands than the proposal's, text on one line "
                              "behind TEXT, codes 450 and 471, HELP and BYE; the Id is: journal",
             .greeting = "271 RE DE DI FW CI UP UV -- supported.",
             .codes = true,
             .text_end = '.'},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "500 Unknown command",
    .disorder = "500 Not now",
    .too_long = "500 Line too long",
    .too_large = "451 The text is too long and was not kept",
    .text_done = text_done,
    .first = STATE_READY,
    .abbreviates = true,
};
