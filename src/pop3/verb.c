/* The table of POP3 commands, and the names of the states. */
#include "pop3/verb.h"

#include "base/mem.h"

#define IN(name) (1u << POP3_STATE_##name)

enum {
    LOGGING_IN = IN(AUTHORIZATION) | IN(USER),
    LOGGED_IN = IN(TRANSACTION),
    ANY = LOGGING_IN | LOGGED_IN,
};

static const struct pop3_verb_info verbs[POP3_VERB__COUNT] = {
    [POP3_VERB_UNKNOWN] = {.name = "UNKNOWN",
                           .grammar = "",
                           .help = "a command that is not known",
                           .rfc = "",
                           .states = ~0u,
                           .args_max = UINT8_MAX,
                           .typed = true},
    [POP3_VERB_USER] = {.name = "USER",
                        .grammar = " name",
                        .help = "who you are; PASS follows",
                        .rfc = "RFC 1939 section 7",
                        .capability = "USER",
                        .states = LOGGING_IN,
                        .args_min = 1,
                        .args_max = 1,
                        .typed = true},
    [POP3_VERB_PASS] = {.name = "PASS",
                        .grammar = " password",
                        .help = "the password, readable on the way unless TLS is on",
                        .rfc = "RFC 1939 section 7",
                        .states = IN(USER),
                        .args_min = 1,
                        .args_max = 1,
                        .typed = true},
    [POP3_VERB_APOP] = {.name = "APOP",
                        .grammar = " name digest",
                        .help =
                            "log in with a digest of the greeting's time stamp and the password",
                        .rfc = "RFC 1939 section 7",
                        .states = LOGGING_IN,
                        .args_min = 2,
                        .args_max = 2,
                        .typed = true},
    [POP3_VERB_AUTH] = {.name = "AUTH",
                        .grammar = " mechanism [initial-response]",
                        .help = "log in with a SASL mechanism",
                        .rfc = "RFC 5034 section 4",
                        .capability = "SASL",
                        .states = LOGGING_IN,
                        .args_max = 2,
                        .multi = POP3_MULTI_ALONE,
                        .typed = true,
                        .exclusive = true},
    [POP3_VERB_STAT] = {.name = "STAT",
                        .grammar = "",
                        .help = "how many messages, how many octets",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .typed = true},
    [POP3_VERB_LIST] = {.name = "LIST",
                        .grammar = " [message]",
                        .help = "the size of each message, or of one",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .args_max = 1,
                        .multi = POP3_MULTI_ALONE,
                        .typed = true},
    [POP3_VERB_RETR] = {.name = "RETR",
                        .grammar = " message",
                        .help = "fetch a message",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .args_min = 1,
                        .args_max = 1,
                        .multi = POP3_MULTI_ALWAYS,
                        .typed = true},
    [POP3_VERB_DELE] = {.name = "DELE",
                        .grammar = " message",
                        .help = "mark a message as deleted; it goes at QUIT",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .args_min = 1,
                        .args_max = 1,
                        .typed = true},
    [POP3_VERB_NOOP] = {.name = "NOOP",
                        .grammar = "",
                        .help = "nothing; keeps the session alive",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .typed = true},
    [POP3_VERB_RSET] = {.name = "RSET",
                        .grammar = "",
                        .help = "take all deletions of this session back",
                        .rfc = "RFC 1939 section 5",
                        .states = LOGGED_IN,
                        .typed = true},
    [POP3_VERB_TOP] = {.name = "TOP",
                       .grammar = " message lines",
                       .help = "the head of a message and its first lines",
                       .rfc = "RFC 1939 section 7",
                       .capability = "TOP",
                       .states = LOGGED_IN,
                       .args_min = 2,
                       .args_max = 2,
                       .multi = POP3_MULTI_ALWAYS,
                       .typed = true},
    [POP3_VERB_UIDL] = {.name = "UIDL",
                        .grammar = " [message]",
                        .help = "an id for each message that later sessions will see again",
                        .rfc = "RFC 1939 section 7",
                        .capability = "UIDL",
                        .states = LOGGED_IN,
                        .args_max = 1,
                        .multi = POP3_MULTI_ALONE,
                        .typed = true},
    [POP3_VERB_CAPA] = {.name = "CAPA",
                        .grammar = "",
                        .help = "what the server can do",
                        .rfc = "RFC 2449 section 5",
                        .states = ANY,
                        .multi = POP3_MULTI_ALWAYS,
                        .typed = true},
    [POP3_VERB_STLS] = {.name = "STLS",
                        .grammar = "",
                        .help = "begin TLS on this connection",
                        .rfc = "RFC 2595 section 4",
                        .capability = "STLS",
                        .states = LOGGING_IN,
                        .typed = true,
                        .exclusive = true},
    [POP3_VERB_UTF8] = {.name = "UTF8",
                        .grammar = "",
                        .help = "ask for messages with UTF-8 headers as they are",
                        .rfc = "RFC 6856 section 2.1",
                        .capability = "UTF8",
                        .states = LOGGING_IN,
                        .typed = true},
    [POP3_VERB_LANG] = {.name = "LANG",
                        .grammar = " [language]",
                        .help = "the language of the server's texts, or a list of them",
                        .rfc = "RFC 6856 section 3.2",
                        .capability = "LANG",
                        .states = ANY,
                        .args_max = 1,
                        .multi = POP3_MULTI_ALONE,
                        .typed = true},
    [POP3_VERB_QUIT] = {.name = "QUIT",
                        .grammar = "",
                        .help = "end the session; what was deleted goes now",
                        .rfc = "RFC 1939 section 5",
                        .states = ANY | IN(REFUSED),
                        .typed = true,
                        .exclusive = true},
    [POP3_VERB_CONNECT] = {.name = "CONNECT",
                           .grammar = "",
                           .help = "the connection itself, answered by the greeting",
                           .rfc = "RFC 1939 section 4",
                           .states = IN(CONNECT)},
    [POP3_VERB_AUTH_DATA] = {.name = "AUTH-DATA",
                             .grammar = "",
                             .help = "a line inside an AUTH exchange",
                             .rfc = "RFC 5034 section 4",
                             .states = IN(AUTH),
                             .exclusive = true},
};

static const char *const state_names[POP3_STATE__COUNT] = {
    [POP3_STATE_CONNECT] = "connect",
    [POP3_STATE_AUTHORIZATION] = "authorization",
    [POP3_STATE_USER] = "user",
    [POP3_STATE_AUTH] = "auth",
    [POP3_STATE_TRANSACTION] = "transaction",
    [POP3_STATE_TLS] = "tls",
    [POP3_STATE_UPDATE] = "update",
    [POP3_STATE_REFUSED] = "refused",
    [POP3_STATE_CLOSED] = "closed",
};

static const char *const prompts[POP3_STATE__COUNT] = {
    [POP3_STATE_CONNECT] = "pop3",     [POP3_STATE_AUTHORIZATION] = "pop3",
    [POP3_STATE_USER] = "pass",        [POP3_STATE_AUTH] = "auth",
    [POP3_STATE_TRANSACTION] = "drop", [POP3_STATE_TLS] = "tls",
    [POP3_STATE_UPDATE] = "closed",    [POP3_STATE_REFUSED] = "pop3",
    [POP3_STATE_CLOSED] = "closed",
};

const struct pop3_verb_info *pop3_verb_info(enum pop3_verb verb)
{
    BUG_IF((unsigned)verb >= POP3_VERB__COUNT);
    return &verbs[verb];
}

const char *pop3_verb_name(enum pop3_verb verb)
{
    return pop3_verb_info(verb)->name;
}

enum pop3_verb pop3_verb_by_name(struct slice word)
{
    for (unsigned i = POP3_VERB_UNKNOWN + 1; i < POP3_VERB__COUNT; i++)
        if (verbs[i].typed && slice_eq_nocase(word, slice_cstr(verbs[i].name)))
            return (enum pop3_verb)i;
    return POP3_VERB_UNKNOWN;
}

bool pop3_verb_in_order(enum pop3_verb verb, enum pop3_state state)
{
    return pop3_verb_info(verb)->states >> state & 1;
}

const char *pop3_state_name(enum pop3_state state)
{
    BUG_IF((unsigned)state >= POP3_STATE__COUNT);
    return state_names[state];
}

enum pop3_state pop3_state_by_name(struct slice name)
{
    unsigned i = 0;
    while (i < POP3_STATE__COUNT && !slice_eq(name, slice_cstr(state_names[i])))
        i++;
    return (enum pop3_state)i;
}

const char *pop3_state_prompt(enum pop3_state state)
{
    BUG_IF((unsigned)state >= POP3_STATE__COUNT);
    return prompts[state];
}
