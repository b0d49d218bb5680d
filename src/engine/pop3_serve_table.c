/* What may come when: one total table state x verb. */
#include "engine/pop3_serve.h"

#include "base/mem.h"

#define EACH(cell)                                                                                 \
    {                                                                                              \
        [0 ... POP3_VERB__COUNT - 1] = POP3_CELL_##cell                                            \
    }

/* In states without a row nothing is answered: before the greeting, inside AUTH (lines are no
 * commands there), before the handshake, and when all is over. */
static const uint8_t cells[POP3_STATE__COUNT][POP3_VERB__COUNT] = {
    [POP3_STATE_CONNECT] = EACH(NOTHING),
    [POP3_STATE_AUTH] = EACH(NOTHING),
    [POP3_STATE_TLS] = EACH(NOTHING),
    [POP3_STATE_UPDATE] = EACH(NOTHING),
    [POP3_STATE_REFUSED] = EACH(NOTHING),
    [POP3_STATE_CLOSED] = EACH(NOTHING),
    [POP3_STATE_AUTHORIZATION] =
        {[POP3_VERB_UNKNOWN] = POP3_CELL_UNKNOWN,  [POP3_VERB_USER] = POP3_CELL_DO,
         [POP3_VERB_PASS] = POP3_CELL_USER_FIRST,  [POP3_VERB_APOP] = POP3_CELL_DO,
         [POP3_VERB_AUTH] = POP3_CELL_DO,          [POP3_VERB_STAT] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_LIST] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_RETR] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_DELE] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_NOOP] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_RSET] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_TOP] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_UIDL] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_CAPA] = POP3_CELL_DO,
         [POP3_VERB_STLS] = POP3_CELL_DO,          [POP3_VERB_UTF8] = POP3_CELL_UNKNOWN,
         [POP3_VERB_LANG] = POP3_CELL_UNKNOWN,     [POP3_VERB_QUIT] = POP3_CELL_DO,
         [POP3_VERB_CONNECT] = POP3_CELL_NOTHING,  [POP3_VERB_AUTH_DATA] = POP3_CELL_DO},
    [POP3_STATE_USER] =
        {[POP3_VERB_UNKNOWN] = POP3_CELL_UNKNOWN,  [POP3_VERB_USER] = POP3_CELL_DO,
         [POP3_VERB_PASS] = POP3_CELL_DO,          [POP3_VERB_APOP] = POP3_CELL_DO,
         [POP3_VERB_AUTH] = POP3_CELL_DO,          [POP3_VERB_STAT] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_LIST] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_RETR] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_DELE] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_NOOP] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_RSET] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_TOP] = POP3_CELL_LOGIN_FIRST,
         [POP3_VERB_UIDL] = POP3_CELL_LOGIN_FIRST, [POP3_VERB_CAPA] = POP3_CELL_DO,
         [POP3_VERB_STLS] = POP3_CELL_DO,          [POP3_VERB_UTF8] = POP3_CELL_UNKNOWN,
         [POP3_VERB_LANG] = POP3_CELL_UNKNOWN,     [POP3_VERB_QUIT] = POP3_CELL_DO,
         [POP3_VERB_CONNECT] = POP3_CELL_NOTHING,  [POP3_VERB_AUTH_DATA] = POP3_CELL_DO},
    [POP3_STATE_TRANSACTION] =
        {[POP3_VERB_UNKNOWN] = POP3_CELL_UNKNOWN, [POP3_VERB_USER] = POP3_CELL_LOGGED_IN,
         [POP3_VERB_PASS] = POP3_CELL_LOGGED_IN,  [POP3_VERB_APOP] = POP3_CELL_LOGGED_IN,
         [POP3_VERB_AUTH] = POP3_CELL_LOGGED_IN,  [POP3_VERB_STAT] = POP3_CELL_DO,
         [POP3_VERB_LIST] = POP3_CELL_DO,         [POP3_VERB_RETR] = POP3_CELL_DO,
         [POP3_VERB_DELE] = POP3_CELL_DO,         [POP3_VERB_NOOP] = POP3_CELL_DO,
         [POP3_VERB_RSET] = POP3_CELL_DO,         [POP3_VERB_TOP] = POP3_CELL_DO,
         [POP3_VERB_UIDL] = POP3_CELL_DO,         [POP3_VERB_CAPA] = POP3_CELL_DO,
         [POP3_VERB_STLS] = POP3_CELL_LOGGED_IN,  [POP3_VERB_UTF8] = POP3_CELL_UNKNOWN,
         [POP3_VERB_LANG] = POP3_CELL_UNKNOWN,    [POP3_VERB_QUIT] = POP3_CELL_DO,
         [POP3_VERB_CONNECT] = POP3_CELL_NOTHING, [POP3_VERB_AUTH_DATA] = POP3_CELL_LOGGED_IN},
};

enum pop3_cell pop3_serve_cell(enum pop3_state state, enum pop3_verb verb)
{
    BUG_IF((unsigned)state >= POP3_STATE__COUNT || (unsigned)verb >= POP3_VERB__COUNT);
    return (enum pop3_cell)cells[state][verb];
}
