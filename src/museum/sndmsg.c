/* SNDMSG and READMAIL on a TENEX of 1971: a dialogue, not a protocol; Ctrl-Z ends the message. */
#include "museum/museum_private.h"

static bool ask_to(struct museum *m, const struct museum_row *row, struct slice arg,
                   struct buf *out)
{
    (void)arg;
    museum_forget(m);
    museum_say(out, row->reply);
    return true;
}

/* Names with commas between; one nobody knows is said and left out. */
static unsigned add_names(struct museum *m, struct slice names, struct buf *out)
{
    unsigned added = 0;
    while (names.len > 0) {
        ptrdiff_t comma = slice_find_octet(names, ',');
        struct slice name = slice_trim(comma < 0 ? names : slice_take(names, (size_t)comma));
        names = slice_skip(names, comma < 0 ? names.len : (size_t)comma + 1);
        if (name.len == 0 || slice_eq(name, SLICE_LIT("-")))
            continue;
        if (museum_who(name) == WHO_NOBODY || !museum_add_recipient(m, name))
            museum_echo(out, name, " ?");
        else
            added++;
    }
    return added;
}

static bool take_to(struct museum *m, const struct museum_row *row, struct slice arg,
                    struct buf *out)
{
    unsigned added = add_names(m, arg, out);
    museum_say(out, added > 0 ? row->reply : "To:");
    return added > 0;
}

static bool take_cc(struct museum *m, const struct museum_row *row, struct slice arg,
                    struct buf *out)
{
    add_names(m, arg, out);
    museum_say(out, row->reply);
    return true;
}

static bool take_subject(struct museum *m, const struct museum_row *row, struct slice arg,
                         struct buf *out)
{
    if (arg.len > 0 && !slice_eq(arg, SLICE_LIT("-"))) {
        buf_append_cstr(&m->text, "Subject: ");
        museum_echo(&m->text, arg, "\r\n");
    }
    museum_say(out, row->reply);
    return true;
}

/* Tomlinson's idea: the text is appended to a file of the user, here or at the host behind the @.
 */
static bool text_done(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)row, (void)arg;
    struct slice rest = buf_slice(&m->to);
    while (rest.len > 0) {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        if (end < 0)
            break;
        museum_echo(out, slice_take(rest, (size_t)end), " -- ok");
        rest = slice_skip(rest, (size_t)end + 1);
    }
    museum_say(out, "@");
    m->letter_ready = m->finished = true;
    m->state = STATE_READY;
    return true;
}

static bool read_mail(struct museum *m, const struct museum_row *row, struct slice arg,
                      struct buf *out)
{
    (void)arg;
    if (m->finished)
        buf_append(out, buf_slice(&m->text));
    museum_say(out, m->finished ? "; that is the message file, as it was appended to" : row->reply);
    museum_say(out, "@");
    return true;
}

static const struct museum_row rows[] = {
    {"SNDMSG", AT(READY), ask_to, "To:", STATE_SENDER},
    {"READMAIL", AT(READY), read_mail, "; the message file is empty", GOES_NOWHERE},
    {"LOGOUT", AT(READY), NULL, "Good bye", STATE_ENDED},
    {"HELP", AT(READY), NULL, "SNDMSG READMAIL LOGOUT; Ctrl-Z or ^Z on a line ends a message",
     GOES_NOWHERE},
    {NULL, AT(SENDER), take_to, "cc:", STATE_ASK},
    {NULL, AT(ASK), take_cc, "Subject:", STATE_SUBJECT},
    {NULL, AT(SUBJECT), take_subject, "Message (? for help):", STATE_TEXT},
};

const struct museum_exhibit museum_sndmsg = {
    .info = {.name = "sndmsg",
             .title = "SNDMSG and READMAIL on TENEX, 1971",
             .documents = "SNDMSG with CPYNET, Tomlinson at BBN, 1971; the system is a TENEX",
             .attested = "mail is appended to the user's file, the @ in front of the host, the end "
                         "with Ctrl-Z; the prompts are known from memory only",
             .reconstructed = "every other word, who has a mailbox, - for an empty answer, and "
                              "that a prompt ends its "
                              "line: at a terminal one typed behind it",
             .greeting = "@",
             .text_end = 0x1a},
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .unknown = "?",
    .disorder = "?",
    .too_long = "? The line is too long",
    .too_large = "? The message is too long and was not kept",
    .text_done = text_done,
    .first = STATE_READY,
};
