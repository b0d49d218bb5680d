/* The verbs and the states they are in order in, as two tables.
 *
 * Which codes may follow a verb stands in command-replies.tsv alone; the rows are joined to the
 * verbs by name when they are first asked for. Its row "*" holds what may follow any command.
 */
#include "smtp/verb.h"

#include "base/mem.h"
#include "smtp/smtp_private.h"

#include <stdio.h>

#define IN(state) (1u << SMTP_STATE_##state)

/* VRFY, EXPN, HELP, NOOP, RSET need no EHLO; EHLO may come again (RFC 5321 section 4.1.4). */
#define ANY_TIME   (IN(GREETED) | IN(READY) | IN(MAIL) | IN(RCPT))
#define ALL_STATES ((1u << SMTP_STATE__COUNT) - 1)

static const struct smtp_verb_info verbs[SMTP_VERB__COUNT] = {
    [SMTP_VERB_UNKNOWN] = {.name = "UNKNOWN",
                           .grammar = "",
                           .help = "A command that is not in the table; sent as it is.",
                           .rfc = "RFC 5321 section 4.1.5",
                           .states = ALL_STATES},
    [SMTP_VERB_HELO] = {.name = "HELO",
                        .grammar = " domain",
                        .help = "Greet the server, without extensions.",
                        .rfc = "RFC 5321 section 4.1.1.1",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_EHLO] = {.name = "EHLO",
                        .grammar = " domain or [address]",
                        .help = "Greet the server and ask which extensions it offers.",
                        .rfc = "RFC 5321 section 4.1.1.1",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_LHLO] = {.name = "LHLO",
                        .grammar = " domain or [address]",
                        .help =
                            "Greet an LMTP server: one reply for each recipient after the message.",
                        .rfc = "RFC 2033 section 4.1",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_MAIL] = {.name = "MAIL",
                        .grammar = " FROM:<reverse-path> [parameters]",
                        .help = "Begin a message: who gets the report if it fails (<> for nobody).",
                        .rfc = "RFC 5321 section 4.1.1.2",
                        .states = IN(READY),
                        .typed = true},
    [SMTP_VERB_RCPT] = {.name = "RCPT",
                        .grammar = " TO:<forward-path> [parameters]",
                        .help = "Name one recipient; may come many times.",
                        .rfc = "RFC 5321 section 4.1.1.3",
                        .states = IN(MAIL) | IN(RCPT),
                        .typed = true},
    [SMTP_VERB_DATA] = {.name = "DATA",
                        .grammar = "",
                        .help = "Send the message; a line with only a dot ends it.",
                        .rfc = "RFC 5321 section 4.1.1.4",
                        .states = IN(RCPT),
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_BDAT] = {.name = "BDAT",
                        .grammar = " octets [LAST]",
                        .help = "Send a counted block of the message, without dot-stuffing.",
                        .rfc = "RFC 3030 section 2",
                        .extension = "CHUNKING",
                        .states = IN(RCPT),
                        .typed = true},
    [SMTP_VERB_RSET] = {.name = "RSET",
                        .grammar = "",
                        .help = "Forget the message begun; the session stays.",
                        .rfc = "RFC 5321 section 4.1.1.5",
                        .states = ANY_TIME,
                        .typed = true},
    [SMTP_VERB_NOOP] = {.name = "NOOP",
                        .grammar = " [text]",
                        .help = "Do nothing; the server answers that it is there.",
                        .rfc = "RFC 5321 section 4.1.1.9",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_VRFY] = {.name = "VRFY",
                        .grammar = " user or mailbox",
                        .help = "Ask whether a mailbox exists; many servers will not say.",
                        .rfc = "RFC 5321 section 4.1.1.6",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_EXPN] = {.name = "EXPN",
                        .grammar = " list",
                        .help = "Ask for the members of a mailing list; nearly always refused.",
                        .rfc = "RFC 5321 section 4.1.1.7",
                        .states = ANY_TIME,
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_HELP] = {.name = "HELP",
                        .grammar = " [topic]",
                        .help = "Ask the server for help text.",
                        .rfc = "RFC 5321 section 4.1.1.8",
                        .states = ANY_TIME,
                        .typed = true},
    [SMTP_VERB_QUIT] = {.name = "QUIT",
                        .grammar = "",
                        .help = "End the session; the server answers and closes.",
                        .rfc = "RFC 5321 section 4.1.1.10",
                        .states = ANY_TIME | IN(REFUSED),
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_STARTTLS] = {.name = "STARTTLS",
                            .grammar = "",
                            .help =
                                "Turn this connection into TLS; EHLO has to come again after it.",
                            .rfc = "RFC 3207 section 4",
                            .extension = "STARTTLS",
                            .states = IN(READY),
                            .typed = true,
                            .must_be_last = true},
    [SMTP_VERB_AUTH] = {.name = "AUTH",
                        .grammar = " mechanism [initial response in base64]",
                        .help = "Log in; not inside a transaction, and only once.",
                        .rfc = "RFC 4954 section 4",
                        .extension = "AUTH",
                        .states = IN(READY),
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_ETRN] = {.name = "ETRN",
                        .grammar = " [@ or #]node",
                        .help = "Ask the server to send on what waits for a domain.",
                        .rfc = "RFC 1985 section 5",
                        .extension = "ETRN",
                        .states = IN(READY),
                        .typed = true,
                        .must_be_last = true},
    [SMTP_VERB_XCLIENT] = {.name = "XCLIENT",
                           .grammar = " NAME= ADDR= PORT= PROTO= HELO= LOGIN= DESTADDR= DESTPORT=",
                           .help = "Tell a server that trusts us who the true client is (Postfix).",
                           .rfc = "Postfix XCLIENT_README",
                           .extension = "XCLIENT",
                           .states = IN(READY),
                           .typed = true,
                           .must_be_last = true},
    [SMTP_VERB_CONNECT] = {.name = "CONNECT",
                           .grammar = "",
                           .help = "The connection itself, which the greeting answers.",
                           .rfc = "RFC 5321 section 3.1",
                           .states = IN(CONNECT)},
    [SMTP_VERB_AUTH_DATA] = {.name = "AUTH-DATA",
                             .grammar = "",
                             .help = "A line of the AUTH exchange in base64, or * to give up.",
                             .rfc = "RFC 4954 section 4",
                             .states = IN(AUTH)},
    [SMTP_VERB_DOT] = {.name = "DOT",
                       .grammar = "",
                       .help = "The end of the message.",
                       .rfc = "RFC 5321 section 4.1.1.4",
                       .states = IN(DATA)},
};

static const struct {
    const char *name;
    const char *prompt;
} states[SMTP_STATE__COUNT] = {
    [SMTP_STATE_CONNECT] = {"connect", "smtp"}, [SMTP_STATE_GREETED] = {"greeted", "smtp"},
    [SMTP_STATE_READY] = {"ready", "smtp"},     [SMTP_STATE_AUTH] = {"auth", "auth"},
    [SMTP_STATE_MAIL] = {"mail", "mail"},       [SMTP_STATE_RCPT] = {"rcpt", "rcpt"},
    [SMTP_STATE_DATA] = {"data", "data"},       [SMTP_STATE_DOT] = {"dot", "data"},
    [SMTP_STATE_TLS] = {"tls", "tls"},          [SMTP_STATE_QUIT] = {"quit", "closed"},
    [SMTP_STATE_REFUSED] = {"refused", "smtp"}, [SMTP_STATE_CLOSED] = {"closed", "closed"},
};

static const struct command_replies {
    const char *command;
    const char *success;
    const char *errors;
    const char *rfc;
} replies[] = {
#include "smtp/command-replies.inc"
};

/* The row of a command, or NULL. */
static const struct command_replies *replies_of(const char *command)
{
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        if (slice_eq(slice_cstr(replies[i].command), slice_cstr(command)))
            return &replies[i];
    return NULL;
}

const struct smtp_verb_info *smtp_verb_info(enum smtp_verb verb)
{
    /* Filled once with what never changes. */
    static struct smtp_verb_info joined[SMTP_VERB__COUNT];
    BUG_IF((unsigned)verb >= SMTP_VERB__COUNT);
    struct smtp_verb_info *info = &joined[verb];
    if (info->name == NULL) {
        const struct command_replies *row = replies_of(verbs[verb].name);
        struct smtp_verb_info full = verbs[verb];
        full.success = row != NULL ? row->success : "";
        full.errors = row != NULL ? row->errors : "";
        *info = full;
    }
    return info;
}

const char *smtp_verb_name(enum smtp_verb verb)
{
    BUG_IF((unsigned)verb >= SMTP_VERB__COUNT);
    return verbs[verb].name;
}

enum smtp_verb smtp_verb_by_name(struct slice word)
{
    for (unsigned v = 0; v < SMTP_VERB__COUNT; v++)
        if (verbs[v].typed && slice_eq_nocase(word, slice_cstr(verbs[v].name)))
            return (enum smtp_verb)v;
    return SMTP_VERB_UNKNOWN;
}

bool smtp_verb_in_order(enum smtp_verb verb, enum smtp_state state)
{
    BUG_IF((unsigned)verb >= SMTP_VERB__COUNT || (unsigned)state >= SMTP_STATE__COUNT);
    return verbs[verb].states >> state & 1;
}

static bool row_holds(const char *command, unsigned code)
{
    char text[12];
    const struct command_replies *row = replies_of(command);
    snprintf(text, sizeof(text), "%u", code);
    struct slice word = slice_cstr(text);
    return row != NULL &&
           (smtp_list_holds(row->success, ",", word) || smtp_list_holds(row->errors, ",", word));
}

bool smtp_reply_may_follow(enum smtp_verb verb, unsigned code)
{
    const struct smtp_verb_info *info = smtp_verb_info(verb);
    /* Nobody knows what a command of an unknown extension is answered with. */
    if (verb == SMTP_VERB_UNKNOWN)
        return code >= 200 && code <= 599;
    if (row_holds(info->name, code))
        return true;
    return (info->typed || code == 421) && row_holds("*", code);
}

const char *smtp_state_name(enum smtp_state state)
{
    BUG_IF((unsigned)state >= SMTP_STATE__COUNT);
    return states[state].name;
}

enum smtp_state smtp_state_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < SMTP_STATE__COUNT && !slice_eq(name, slice_cstr(states[i].name)))
        i++;
    return (enum smtp_state)i;
}

const char *smtp_state_prompt(enum smtp_state state)
{
    BUG_IF((unsigned)state >= SMTP_STATE__COUNT);
    return states[state].prompt;
}
