/* The POP3 server's answers: dispatch, and what needs no maildrop. */
#include "engine/pop3_serve_private.h"

#include <stdarg.h>
#include <stdio.h>

enum { ANSWER_CAP_OCTETS = 262144 };

void pop3_answer_init(struct pop3_answer *a)
{
    buf_init(&a->text, ANSWER_CAP_OCTETS);
    a->then = POP3_THEN_GO_ON;
}

void pop3_answer_deinit(struct pop3_answer *a)
{
    buf_deinit(&a->text);
}

/* One line, cut at the length of a first line; what would break it becomes "?". */
void pserve_say(struct pop3_answer *a, const char *fmt, ...)
{
    char line[POP3_RESPONSE_LINE_MAX_OCTETS - 1];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)line[i] < ' ' || line[i] == 0x7F)
            line[i] = '?';
    buf_append(&a->text, slice_of(line, len));
    buf_append(&a->text, SLICE_LIT("\r\n"));
}

void pserve_refuse(struct pop3_serve *s, struct pop3_answer *a, const char *text)
{
    s->errors++;
    if (s->options->errors_max > 0 && s->errors > s->options->errors_max) {
        pserve_say(a, "-ERR Too many errors, closing");
        a->then = POP3_THEN_CLOSE;
        return;
    }
    pserve_say(a, "-ERR %s", text);
}

struct pop3_serve *pop3_serve_new(struct journal *j, uint32_t conn, struct pop3_track *track,
                                  const struct pop3_serve_options *options,
                                  const struct pop3_policy *policy, void *policy_ctx)
{
    struct pop3_serve *s = mem_zalloc(sizeof(*s));
    s->journal = j;
    s->conn = conn;
    s->track = track;
    s->options = options;
    s->policy = policy;
    s->policy_ctx = policy_ctx;
    return s;
}

void pop3_serve_free(struct pop3_serve **serve)
{
    struct pop3_serve *s = *serve;
    if (!s)
        return;
    auth_server_forget(&s->auth);
    pserve_close_drop(s);
    mem_free(s->name);
    mem_free(s->user);
    mem_free(s->stamp);
    mem_free(s);
    *serve = NULL;
}

/* The stamp differs for every connection (RFC 1939 section 7): the clock and the connection's
 * number are in it. */
void pop3_serve_banner(struct pop3_serve *s, struct pop3_answer *a)
{
    const struct clock *clock = journal_clock(s->journal);
    const char *text =
        s->options->banner_text ? s->options->banner_text : "smtpscope practice server";
    if (!s->options->apop) {
        pserve_say(a, "+OK %s %s", s->options->name, text);
        return;
    }
    mem_free(s->stamp);
    s->stamp = mem_printf("<%u.%llu@%s>", s->conn, (unsigned long long)clock->wall_us(clock->ctx),
                          s->options->name);
    pserve_say(a, "+OK %s %s %s", s->options->name, text, s->stamp);
}

bool pserve_login_shows_ok(const struct pop3_serve *s)
{
    return pop3_track_tls(s->track) || !s->options->tls_for_login;
}

static void capa(struct pop3_serve *s, struct pop3_answer *a)
{
    struct buf list;
    bool in = pop3_track_state(s->track) == POP3_STATE_TRANSACTION;
    buf_init(&list, AUTH_SERVER_LIST_OCTETS);
    pserve_mechanisms(s, &list);
    pserve_say(a, "+OK What this server can do");
    buf_append_cstr(&a->text, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
                              "EXPIRE NEVER\r\n");
    if (s->options->user_pass && pserve_login_shows_ok(s))
        buf_append_cstr(&a->text, "USER\r\n");
    if (list.len > 0)
        buf_printf(&a->text, "SASL%s\r\n", buf_cstr(&list));
    if (s->options->offer_stls && !pop3_track_tls(s->track) && !in)
        buf_append_cstr(&a->text, "STLS\r\n");
    buf_append_cstr(&a->text, "IMPLEMENTATION smtpscope practice server\r\n.\r\n");
    buf_deinit(&list);
}

static void stls(struct pop3_serve *s, struct pop3_answer *a)
{
    if (pop3_track_tls(s->track)) {
        pserve_refuse(s, a, "TLS is on already");
    } else if (!s->options->offer_stls) {
        pserve_refuse(s, a, "STLS is not offered here");
    } else {
        pserve_say(a, "+OK Begin TLS negotiation");
        a->then = POP3_THEN_TLS;
    }
}

static void quit(struct pop3_serve *s, struct pop3_answer *a)
{
    a->then = POP3_THEN_CLOSE;
    if (pserve_update(s))
        pserve_say(a, "+OK Bye");
    else
        pserve_say(a, "-ERR [SYS/TEMP] Some deleted messages could not be removed");
}

static void run(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    switch (c->verb) {
    case POP3_VERB_USER:
        pserve_user(s, c, a);
        break;
    case POP3_VERB_PASS:
        pserve_pass(s, c, a);
        break;
    case POP3_VERB_APOP:
        pserve_apop(s, c, a);
        break;
    case POP3_VERB_AUTH:
        pserve_auth(s, c, a);
        break;
    case POP3_VERB_STAT:
        pserve_stat(s, c, a);
        break;
    case POP3_VERB_LIST:
        pserve_list(s, c, a);
        break;
    case POP3_VERB_UIDL:
        pserve_uidl(s, c, a);
        break;
    case POP3_VERB_RETR:
    case POP3_VERB_TOP:
        pserve_retr(s, c, a);
        break;
    case POP3_VERB_DELE:
        pserve_dele(s, c, a);
        break;
    case POP3_VERB_RSET:
        pserve_rset(s, c, a);
        break;
    case POP3_VERB_NOOP:
        pserve_say(a, "+OK");
        break;
    case POP3_VERB_CAPA:
        capa(s, a);
        break;
    case POP3_VERB_STLS:
        stls(s, a);
        break;
    case POP3_VERB_QUIT:
        quit(s, a);
        break;
    case POP3_VERB_UTF8:
    case POP3_VERB_LANG:
    case POP3_VERB_UNKNOWN:
    case POP3_VERB_CONNECT:
    case POP3_VERB_AUTH_DATA:
    case POP3_VERB__COUNT:
        pserve_refuse(s, a, "Unknown command");
        break;
    }
}

static void command(struct pop3_serve *s, const struct pop3_command *c, struct pop3_answer *a)
{
    static const char *const refusals[POP3_CELL__COUNT] = {
        [POP3_CELL_UNKNOWN] = "Unknown command",
        [POP3_CELL_LOGIN_FIRST] = "Log in first",
        [POP3_CELL_USER_FIRST] = "Say USER first",
        [POP3_CELL_LOGGED_IN] = "Not after the login",
    };
    const pop3_rules bad = POP3_RULE_BIT(POP3_RULE_LINE_CAP) | POP3_RULE_BIT(POP3_RULE_NUL);
    enum pop3_cell cell = pop3_serve_cell(pop3_track_state(s->track), c->verb);
    if (cell == POP3_CELL_NOTHING)
        return;
    if (c->rules & bad)
        pserve_refuse(s, a, "The line is too long, or holds what no line may hold");
    else if (cell != POP3_CELL_DO)
        pserve_refuse(s, a, refusals[cell]);
    else if (c->rules & POP3_RULE_BIT(POP3_RULE_COMMAND_SYNTAX))
        pserve_refuse(s, a, "The command is not written like that");
    else
        run(s, c, a);
}

void pop3_serve_item(struct pop3_serve *s, const struct pop3_item *item, struct pop3_answer *a)
{
    a->then = POP3_THEN_GO_ON;
    if (item->kind == POP3_ITEM_COMMAND)
        command(s, item->command, a);
    else if (item->kind == POP3_ITEM_AUTH_DATA)
        pserve_auth_data(s, item->line, a);
}

void pop3_serve_tls_up(struct pop3_serve *s)
{
    auth_server_forget(&s->auth);
    mem_free(s->name);
    s->name = NULL;
}

const char *pop3_serve_user(const struct pop3_serve *s)
{
    return s->user;
}
