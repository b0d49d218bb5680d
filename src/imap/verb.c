/* The command table and the states (RFC 9051 sections 3 and 6). */
#include "imap/verb.h"

#include "base/mem.h"

#define IN(name)  (1u << IMAP_STATE_##name)
#define LOGGED_IN (IN(AUTHENTICATED) | IN(SELECTED))
#define ANY_TIME  (IN(NOT_AUTH) | LOGGED_IN)

/* clang-format off */
static const struct imap_verb_info verbs[IMAP_VERB__COUNT] = {
    [IMAP_VERB_UNKNOWN] = {.name = "UNKNOWN", .grammar = "", .help = "A command that is not in the table.",
        .rfc = "RFC 9051 section 6.5", .states = ANY_TIME},
    [IMAP_VERB_CAPABILITY] = {.name = "CAPABILITY", .grammar = "", .help = "Ask what the server offers.",
        .rfc = "RFC 9051 section 6.1.1", .data = "CAPABILITY", .states = ANY_TIME, .typed = true},
    [IMAP_VERB_NOOP] = {.name = "NOOP", .grammar = "", .help = "Do nothing; the server tells what changed meanwhile.",
        .rfc = "RFC 9051 section 6.1.2", .data = "EXISTS EXPUNGE FETCH RECENT VANISHED", .states = ANY_TIME, .typed = true},
    [IMAP_VERB_LOGOUT] = {.name = "LOGOUT", .grammar = "", .help = "End the session; the server says BYE and closes.",
        .rfc = "RFC 9051 section 6.1.3", .states = ANY_TIME | IN(LOGOUT), .typed = true, .exclusive = true},
    [IMAP_VERB_ID] = {.name = "ID", .grammar = " (\"name\" \"...\") or NIL", .help = "Exchange names and versions of the programs.",
        .rfc = "RFC 2971 section 3.1", .capability = "ID", .data = "ID", .states = ANY_TIME, .typed = true},
    [IMAP_VERB_STARTTLS] = {.name = "STARTTLS", .grammar = "", .help = "Turn this connection into TLS; capabilities have to be asked for again.",
        .rfc = "RFC 9051 section 6.2.1", .capability = "STARTTLS", .states = IN(NOT_AUTH), .typed = true, .exclusive = true},
    [IMAP_VERB_AUTHENTICATE] = {.name = "AUTHENTICATE", .grammar = " mechanism [initial response in base64]", .help = "Log in by a SASL mechanism.",
        .rfc = "RFC 9051 section 6.2.2", .data = "CAPABILITY", .states = IN(NOT_AUTH), .typed = true, .exclusive = true},
    [IMAP_VERB_LOGIN] = {.name = "LOGIN", .grammar = " user password", .help = "Log in with a password as it is; only inside TLS.",
        .rfc = "RFC 9051 section 6.2.3", .data = "CAPABILITY", .states = IN(NOT_AUTH), .typed = true},
    [IMAP_VERB_ENABLE] = {.name = "ENABLE", .grammar = " capability...", .help = "Switch extensions on that change what the server sends.",
        .rfc = "RFC 9051 section 6.3.1", .capability = "ENABLE IMAP4rev2", .data = "ENABLED", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_SELECT] = {.name = "SELECT", .grammar = " mailbox", .help = "Open a mailbox; messages in it can be read and changed.",
        .rfc = "RFC 9051 section 6.3.2", .data = "FLAGS EXISTS RECENT LIST", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_EXAMINE] = {.name = "EXAMINE", .grammar = " mailbox", .help = "Open a mailbox without changing anything in it.",
        .rfc = "RFC 9051 section 6.3.3", .data = "FLAGS EXISTS RECENT LIST", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_CREATE] = {.name = "CREATE", .grammar = " mailbox", .help = "Make a mailbox.",
        .rfc = "RFC 9051 section 6.3.4", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_DELETE] = {.name = "DELETE", .grammar = " mailbox", .help = "Remove a mailbox with all that is in it.",
        .rfc = "RFC 9051 section 6.3.5", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_RENAME] = {.name = "RENAME", .grammar = " mailbox new-name", .help = "Give a mailbox another name; INBOX is emptied into it instead.",
        .rfc = "RFC 9051 section 6.3.6", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_SUBSCRIBE] = {.name = "SUBSCRIBE", .grammar = " mailbox", .help = "Add a name to the list of those that mail programs show.",
        .rfc = "RFC 9051 section 6.3.7", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_UNSUBSCRIBE] = {.name = "UNSUBSCRIBE", .grammar = " mailbox", .help = "Take a name off that list.",
        .rfc = "RFC 9051 section 6.3.8", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_LIST] = {.name = "LIST", .grammar = " \"\" \"*\"", .help = "List mailboxes: * any, % one level.",
        .rfc = "RFC 9051 section 6.3.9", .data = "LIST STATUS", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_LSUB] = {.name = "LSUB", .grammar = " \"\" \"*\"", .help = "List subscribed mailboxes (older form).",
        .rfc = "RFC 3501 section 6.3.9", .data = "LSUB", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_NAMESPACE] = {.name = "NAMESPACE", .grammar = "", .help = "Ask where own, other people's and shared mailboxes begin.",
        .rfc = "RFC 9051 section 6.3.10", .capability = "NAMESPACE IMAP4rev2", .data = "NAMESPACE", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_STATUS] = {.name = "STATUS", .grammar = " mailbox (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)", .help = "Ask for the counts of a mailbox without opening it.",
        .rfc = "RFC 9051 section 6.3.11", .data = "STATUS", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_APPEND] = {.name = "APPEND", .grammar = " mailbox [(flags)] [\"date\"] {octets}", .help = "Put a message into a mailbox.",
        .rfc = "RFC 9051 section 6.3.12", .data = "EXISTS RECENT", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_IDLE] = {.name = "IDLE", .grammar = "", .help = "Wait for news; DONE ends it.",
        .rfc = "RFC 2177 section 3", .capability = "IDLE IMAP4rev2", .data = "EXISTS EXPUNGE FETCH RECENT VANISHED", .states = LOGGED_IN, .typed = true, .exclusive = true},
    [IMAP_VERB_GETQUOTA] = {.name = "GETQUOTA", .grammar = " root", .help = "Ask how much of a quota is used.",
        .rfc = "RFC 9208 section 4.1.1", .capability = "QUOTA", .data = "QUOTA", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_GETQUOTAROOT] = {.name = "GETQUOTAROOT", .grammar = " mailbox", .help = "Ask which quotas hold for a mailbox.",
        .rfc = "RFC 9208 section 4.1.2", .capability = "QUOTA", .data = "QUOTA QUOTAROOT", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_SETQUOTA] = {.name = "SETQUOTA", .grammar = " root (STORAGE kilooctets)", .help = "Change a quota.",
        .rfc = "RFC 9208 section 4.1.3", .capability = "QUOTASET QUOTA", .data = "QUOTA", .states = LOGGED_IN, .typed = true},
    [IMAP_VERB_CHECK] = {.name = "CHECK", .grammar = "", .help = "Ask the server to tidy up (older form of NOOP).",
        .rfc = "RFC 3501 section 6.4.1", .data = "EXISTS EXPUNGE FETCH RECENT", .states = IN(SELECTED), .typed = true},
    [IMAP_VERB_CLOSE] = {.name = "CLOSE", .grammar = "", .help = "Remove messages marked deleted, silently, and close the mailbox.",
        .rfc = "RFC 9051 section 6.4.1", .states = IN(SELECTED), .typed = true},
    [IMAP_VERB_UNSELECT] = {.name = "UNSELECT", .grammar = "", .help = "Close the mailbox and remove nothing.",
        .rfc = "RFC 9051 section 6.4.2", .capability = "UNSELECT IMAP4rev2", .states = IN(SELECTED), .typed = true},
    [IMAP_VERB_EXPUNGE] = {.name = "EXPUNGE", .grammar = "", .help = "Remove all messages marked deleted.",
        .rfc = "RFC 9051 section 6.4.3", .data = "EXPUNGE EXISTS RECENT FETCH VANISHED", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_SEARCH] = {.name = "SEARCH", .grammar = " [RETURN (...)] [CHARSET name] keys", .help = "Find messages: ALL, UNSEEN, FROM \"ann\", SINCE 1-Feb-2026 ...",
        .rfc = "RFC 9051 section 6.4.4", .data = "SEARCH ESEARCH EXISTS RECENT FETCH", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_FETCH] = {.name = "FETCH", .grammar = " numbers (FLAGS ENVELOPE BODY[] ...)", .help = "Read messages or parts of them.",
        .rfc = "RFC 9051 section 6.4.5", .data = "FETCH EXISTS RECENT", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_STORE] = {.name = "STORE", .grammar = " numbers [+|-]FLAGS[.SILENT] (\\Seen ...)", .help = "Set or take flags.",
        .rfc = "RFC 9051 section 6.4.6", .data = "FETCH EXISTS RECENT", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_COPY] = {.name = "COPY", .grammar = " numbers mailbox", .help = "Copy messages to the end of another mailbox.",
        .rfc = "RFC 9051 section 6.4.7", .data = "EXISTS RECENT EXPUNGE FETCH", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_MOVE] = {.name = "MOVE", .grammar = " numbers mailbox", .help = "Move messages to another mailbox in one step.",
        .rfc = "RFC 9051 section 6.4.8", .capability = "MOVE IMAP4rev2", .data = "EXPUNGE VANISHED EXISTS RECENT FETCH", .states = IN(SELECTED), .typed = true, .uid = true},
    [IMAP_VERB_COMPRESS] = {.name = "COMPRESS", .grammar = " DEFLATE", .help = "Compress the connection; what follows is kept and not read here.",
        .rfc = "RFC 4978 section 3", .capability = "COMPRESS=DEFLATE", .states = LOGGED_IN, .typed = true, .exclusive = true},
    [IMAP_VERB_CONNECT] = {.name = "CONNECT", .grammar = "", .help = "The connection itself, which the greeting answers.",
        .rfc = "RFC 9051 section 3", .states = IN(CONNECT)},
    [IMAP_VERB_AUTH_DATA] = {.name = "AUTH-DATA", .grammar = "", .help = "A line of the AUTHENTICATE exchange in base64, or * to give up.",
        .rfc = "RFC 9051 section 6.2.2", .states = IN(AUTH)},
    [IMAP_VERB_LITERAL] = {.name = "LITERAL", .grammar = "", .help = "The rest of a command, behind the server's go-ahead.",
        .rfc = "RFC 9051 section 4.3", .states = ANY_TIME},
    [IMAP_VERB_DONE] = {.name = "DONE", .grammar = "", .help = "The end of IDLE.",
        .rfc = "RFC 2177 section 3", .states = IN(IDLE)},
};
/* clang-format on */

static const struct {
    const char *name;
    const char *prompt;
} states[IMAP_STATE__COUNT] = {
    [IMAP_STATE_CONNECT] = {"connect", "imap"},
    [IMAP_STATE_NOT_AUTH] = {"not-authenticated", "imap"},
    [IMAP_STATE_AUTH] = {"auth", "auth"},
    [IMAP_STATE_AUTHENTICATED] = {"authenticated", "imap"},
    [IMAP_STATE_SELECTED] = {"selected", "imap"},
    [IMAP_STATE_IDLE] = {"idle", "idle"},
    [IMAP_STATE_TLS] = {"tls", "tls"},
    [IMAP_STATE_LOGOUT] = {"logout", "closed"},
    [IMAP_STATE_CLOSED] = {"closed", "closed"},
};

const struct imap_verb_info *imap_verb_info(enum imap_verb verb)
{
    BUG_IF((unsigned)verb >= IMAP_VERB__COUNT);
    return &verbs[verb];
}

const char *imap_verb_name(enum imap_verb verb)
{
    return imap_verb_info(verb)->name;
}

enum imap_verb imap_verb_by_name(struct slice word)
{
    for (unsigned v = 0; v < IMAP_VERB__COUNT; v++)
        if (verbs[v].typed && slice_eq_nocase(word, slice_cstr(verbs[v].name)))
            return (enum imap_verb)v;
    return IMAP_VERB_UNKNOWN;
}

bool imap_verb_in_order(enum imap_verb verb, enum imap_state state)
{
    BUG_IF((unsigned)state >= IMAP_STATE__COUNT);
    return imap_verb_info(verb)->states >> state & 1;
}

bool imap_verb_asks_for(enum imap_verb verb, struct slice type)
{
    const char *data = imap_verb_info(verb)->data;
    struct slice list = slice_cstr(data);
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list))
        if (slice_eq_nocase(w, type))
            return true;
    return false;
}

const char *imap_state_name(enum imap_state state)
{
    BUG_IF((unsigned)state >= IMAP_STATE__COUNT);
    return states[state].name;
}

enum imap_state imap_state_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < IMAP_STATE__COUNT && !slice_eq(name, slice_cstr(states[i].name)))
        i++;
    return (enum imap_state)i;
}

const char *imap_state_prompt(enum imap_state state)
{
    BUG_IF((unsigned)state >= IMAP_STATE__COUNT);
    return states[state].prompt;
}
