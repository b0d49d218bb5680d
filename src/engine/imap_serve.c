/* The IMAP serving role: one command in, its responses out. Order and syntax are the table's, the
 * mail is the store's, the world behind is the policy's. */
#include "engine/imap_serve_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "imap/limits.h"

enum { ANSWER_CAP_OCTETS = 64 << 20, LINE_MAX_OCTETS = 1024 };

#define RBIT(name) IMAP_RULE_BIT(IMAP_RULE_##name)

/* ---- answers ---- */

void imap_answer_init(struct imap_answer *a)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->text, ANSWER_CAP_OCTETS);
}

void imap_answer_deinit(struct imap_answer *a)
{
    buf_deinit(&a->text);
}

void imap_answer_line(struct imap_answer *a, struct slice tag, const char *status, const char *code,
                      const char *fmt, ...)
{
    char line[LINE_MAX_OCTETS];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    for (size_t i = 0; i < len; i++)
        if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0')
            line[i] = '?';
    buf_append(&a->text, tag.len > 0 ? tag : SLICE_LIT("*"));
    buf_printf(&a->text, " %s ", status);
    if (code)
        buf_printf(&a->text, "[%s] ", code);
    buf_append(&a->text, slice_of(line, len));
    buf_append(&a->text, SLICE_LIT("\r\n"));
}

/* What a command shows, once it is done, of what others did meanwhile: not where numbers in the
 * client's next pipelined command could be meant otherwise (RFC 9051 section 7.5.1). */
static bool may_lose(const struct imap_command *c)
{
    bool reads =
        c->verb == IMAP_VERB_FETCH || c->verb == IMAP_VERB_STORE || c->verb == IMAP_VERB_SEARCH;
    return !reads || c->uid;
}

void iserve_ok(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
               const char *code, const char *text)
{
    s->errors = 0;
    iserve_sync(s, a, may_lose(c));
    imap_answer_line(a, c->tag, "OK", code, "%s", text);
}

void iserve_no(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
               const char *code, const char *text)
{
    iserve_sync(s, a, may_lose(c));
    imap_answer_line(a, c->tag, "NO", code, "%s", text);
}

void iserve_bad(struct imap_serve *s, struct slice tag, struct imap_answer *a, const char *text)
{
    if (s->options->errors_max > 0 && ++s->errors > s->options->errors_max) {
        imap_answer_line(a, slice_of(NULL, 0), "BYE", NULL, "Too many errors, closing");
        a->then = IMAP_THEN_CLOSE;
    }
    imap_answer_line(a, tag, "BAD", NULL, "%s", text);
}

void iserve_refused(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
                    enum store_result r, const struct err *err)
{
    static const char *const codes[STORE__COUNT] = {
        [STORE_OVER_QUOTA] = "OVERQUOTA", [STORE_FULL] = "LIMIT",
        [STORE_MISSING] = "NONEXISTENT",  [STORE_EXISTS] = "ALREADYEXISTS",
        [STORE_BAD_NAME] = "CANNOT",      [STORE_LOCKED] = "INUSE",
        [STORE_READ_ONLY] = "READ-ONLY",  [STORE_CANNOT] = "CANNOT",
        [STORE_FAILED] = "SERVERBUG",
    };
    const char *code = r == STORE_READ_ONLY ? NULL : codes[r];
    /* RFC 9051 section 6.3.12, 6.4.7: the client may make the mailbox and try again. */
    bool puts =
        c->verb == IMAP_VERB_APPEND || c->verb == IMAP_VERB_COPY || c->verb == IMAP_VERB_MOVE;
    if (r == STORE_MISSING && puts)
        code = "TRYCREATE";
    if (r == STORE_FAILED && err && err->text[0])
        iserve_no(s, c, a, "UNAVAILABLE", err->text);
    else
        iserve_no(s, c, a, code, store_result_text(r));
}

void iserve_event(struct imap_serve *s, const char *mailbox, const char *what, uint32_t uid,
                  const char *text)
{
    if (s->policy->mailbox && s->account)
        s->policy->mailbox(s->policy_ctx, s->account, mailbox, what, uid, text);
}

void iserve_tag_copy(char out[ISERVE_TAG_OCTETS], struct slice tag)
{
    tag = slice_take(tag, ISERVE_TAG_OCTETS - 1);
    if (tag.len > 0)
        memcpy(out, tag.ptr, tag.len);
    out[tag.len] = '\0';
}

struct store_mailbox *iserve_mailbox(struct imap_serve *s, struct slice name)
{
    return store_mailbox_find(s->account, name);
}

/* ---- life ---- */

struct imap_serve *imap_serve_new(struct journal *j, uint32_t conn, struct imap_track *track,
                                  const struct imap_serve_options *options,
                                  const struct imap_policy *policy, void *policy_ctx)
{
    static const struct imap_policy no_policy;
    struct imap_serve *s = mem_zalloc(sizeof(*s));
    s->journal = j;
    s->conn = conn;
    s->track = track;
    s->options = options;
    s->policy = policy ? policy : &no_policy;
    s->policy_ctx = policy_ctx;
    return s;
}

static void session_forget(struct imap_serve *s)
{
    auth_server_forget(&s->auth);
    iserve_append_forget(s);
    iserve_fetch_free(&s->fetch);
    iserve_view_close(s);
    mem_free(s->saved);
    s->saved = NULL;
    s->n_saved = 0;
    mem_free(s->user);
    s->user = NULL;
    s->account = NULL;
    s->idling = false;
}

void imap_serve_free(struct imap_serve **s)
{
    if (!*s)
        return;
    session_forget(*s);
    mem_free(*s);
    *s = NULL;
}

const char *imap_serve_user(const struct imap_serve *s)
{
    return s->user;
}

void imap_serve_tls_up(struct imap_serve *s)
{
    session_forget(s);
}

void imap_serve_banner(struct imap_serve *s, struct imap_answer *a)
{
    if (s->policy->banner && s->policy->banner(s->policy_ctx, a))
        return;
    struct buf code;
    buf_init(&code, LINE_MAX_OCTETS);
    buf_append_cstr(&code, "CAPABILITY ");
    iserve_capability(s, &code);
    imap_answer_line(a, slice_of(NULL, 0), "OK", buf_cstr(&code),
                     "%s IMAP4rev1 smtpscope practice server", s->options->name);
    buf_deinit(&code);
}

void imap_serve_timeout(struct imap_serve *s, struct imap_answer *a)
{
    (void)s;
    imap_answer_line(a, slice_of(NULL, 0), "BYE", NULL, "Nothing came for too long, closing");
    a->then = IMAP_THEN_CLOSE;
}

void imap_serve_poked(struct imap_serve *s, struct imap_answer *a)
{
    if (s->idling && !s->fetch)
        iserve_sync(s, a, true);
}

void imap_serve_more(struct imap_serve *s, struct imap_answer *a)
{
    if (s->fetch)
        iserve_fetch_more(s, a);
}

/* ---- small commands ---- */

static void serve_capability(struct imap_serve *s, const struct imap_command *c,
                             struct imap_answer *a)
{
    buf_append_cstr(&a->text, "* CAPABILITY ");
    iserve_capability(s, &a->text);
    buf_append_cstr(&a->text, "\r\n");
    iserve_ok(s, c, a, NULL, "CAPABILITY done");
}

static void serve_noop(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    iserve_ok(s, c, a, NULL, c->verb == IMAP_VERB_CHECK ? "CHECK done" : "NOOP done");
}

static void serve_logout(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    iserve_view_close(s);
    imap_answer_line(a, slice_of(NULL, 0), "BYE", NULL, "%s Bye", s->options->name);
    imap_answer_line(a, c->tag, "OK", NULL, "LOGOUT done");
    a->then = IMAP_THEN_CLOSE;
}

static void serve_id(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    buf_append_cstr(&a->text, "* ID (\"name\" \"smtpscope\" \"vendor\" \"practice server\")\r\n");
    iserve_ok(s, c, a, NULL, "ID done");
}

static void serve_starttls(struct imap_serve *s, const struct imap_command *c,
                           struct imap_answer *a)
{
    if (!s->options->offer_starttls) {
        iserve_bad(s, c->tag, a, "STARTTLS is not offered here");
    } else if (imap_track_tls(s->track)) {
        iserve_bad(s, c->tag, a, "TLS is on already");
    } else {
        imap_answer_line(a, c->tag, "OK", NULL, "Begin TLS now");
        a->then = IMAP_THEN_TLS;
    }
}

static void serve_enable(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    buf_append_cstr(&a->text, "* ENABLED");
    for (size_t i = 0; i < c->n_words; i++)
        if (slice_eq_nocase(c->words[i], SLICE_LIT("UTF8=ACCEPT")))
            buf_append_cstr(&a->text, " UTF8=ACCEPT");
    buf_append_cstr(&a->text, "\r\n");
    iserve_ok(s, c, a, NULL, "ENABLE done");
}

static void serve_idle(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    s->idling = true;
    iserve_tag_copy(s->idle_tag, c->tag);
    buf_append_cstr(&a->text, "+ idling\r\n");
    iserve_sync(s, a, true);
}

static void serve_done(struct imap_serve *s, struct imap_answer *a)
{
    if (!s->idling)
        return;
    s->idling = false;
    iserve_sync(s, a, true);
    imap_answer_line(a, slice_cstr(s->idle_tag), "OK", NULL, "IDLE done");
}

/* ---- commands ---- */

typedef void (*serve_fn)(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);

static const serve_fn handlers[IMAP_VERB__COUNT] = {
    [IMAP_VERB_CAPABILITY] = serve_capability,
    [IMAP_VERB_NOOP] = serve_noop,
    [IMAP_VERB_LOGOUT] = serve_logout,
    [IMAP_VERB_ID] = serve_id,
    [IMAP_VERB_STARTTLS] = serve_starttls,
    [IMAP_VERB_AUTHENTICATE] = iserve_authenticate,
    [IMAP_VERB_LOGIN] = iserve_login,
    [IMAP_VERB_ENABLE] = serve_enable,
    [IMAP_VERB_SELECT] = iserve_select,
    [IMAP_VERB_EXAMINE] = iserve_select,
    [IMAP_VERB_CREATE] = iserve_create,
    [IMAP_VERB_DELETE] = iserve_delete,
    [IMAP_VERB_RENAME] = iserve_rename,
    [IMAP_VERB_SUBSCRIBE] = iserve_subscribe,
    [IMAP_VERB_UNSUBSCRIBE] = iserve_subscribe,
    [IMAP_VERB_LIST] = iserve_list,
    [IMAP_VERB_LSUB] = iserve_lsub,
    [IMAP_VERB_NAMESPACE] = iserve_namespace,
    [IMAP_VERB_STATUS] = iserve_status,
    [IMAP_VERB_APPEND] = iserve_append_end,
    [IMAP_VERB_IDLE] = serve_idle,
    [IMAP_VERB_GETQUOTA] = iserve_quota,
    [IMAP_VERB_GETQUOTAROOT] = iserve_quota,
    [IMAP_VERB_SETQUOTA] = iserve_quota,
    [IMAP_VERB_CHECK] = serve_noop,
    [IMAP_VERB_CLOSE] = iserve_close,
    [IMAP_VERB_UNSELECT] = iserve_close,
    [IMAP_VERB_EXPUNGE] = iserve_expunge,
    [IMAP_VERB_SEARCH] = iserve_search,
    [IMAP_VERB_FETCH] = iserve_fetch,
    [IMAP_VERB_STORE] = iserve_store,
    [IMAP_VERB_COPY] = iserve_copy,
    [IMAP_VERB_MOVE] = iserve_copy,
};

/* Where the session stands, as the server itself knows it. */
static const char *out_of_order(const struct imap_serve *s, enum imap_verb verb)
{
    enum imap_state state = imap_track_state(s->track);
    if (imap_verb_in_order(verb, state))
        return NULL;
    if (state == IMAP_STATE_NOT_AUTH)
        return "Log in first";
    if (state == IMAP_STATE_AUTHENTICATED && imap_verb_in_order(verb, IMAP_STATE_SELECTED))
        return "Select a mailbox first";
    if (imap_verb_in_order(verb, IMAP_STATE_NOT_AUTH))
        return "You are logged in already";
    return "Not now";
}

/* What is wrong with the line as a line. A bare line feed is refused although its meaning is clear:
 * servers that disagree on where a line ends are what smuggling lives on. */
static const char *bad_line(const struct imap_command *c)
{
    if (c->rules & RBIT(TEXT_CAP))
        return "Command too long";
    if (c->rules & RBIT(LITERAL_COUNT))
        return "Too many literals";
    if (c->rules & RBIT(BARE_LF))
        return "The line ends with a bare line feed; only CR LF ends a line";
    if (c->rules & (RBIT(NUL) | RBIT(BARE_CR)))
        return "NUL or bare carriage return in a command";
    if (c->rules & RBIT(NESTING))
        return "Nested too deeply";
    if (c->rules & RBIT(ITEMS))
        return "Too many items";
    return NULL;
}

static void serve_command(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a)
{
    char text[160];
    enum imap_state state = imap_track_state(s->track);
    if (state == IMAP_STATE_LOGOUT || state == IMAP_STATE_CLOSED || state == IMAP_STATE_TLS)
        return;
    if (s->idling) { /* RFC 2177 section 3 */
        s->idling = false;
        imap_answer_line(a, slice_cstr(s->idle_tag), "BAD", NULL, "Expected DONE");
        iserve_bad(s, c->tag, a, "Only DONE may come while idling");
        return;
    }
    const char *wrong = bad_line(c);
    if (!wrong && c->tag.len == 0)
        wrong = "A tag and a command were expected, such as: a1 NOOP";
    if (!wrong && s->policy->command && s->policy->command(s->policy_ctx, c, a)) {
        iserve_append_forget(s);
        return;
    }
    if (!wrong && c->verb == IMAP_VERB_UNKNOWN)
        wrong = "Unknown command";
    if (!wrong && !handlers[c->verb])
        wrong = "This is not offered here";
    if (!wrong)
        wrong = out_of_order(s, c->verb);
    if (!wrong && !c->well_formed) {
        snprintf(text, sizeof(text), "Syntax: %s%s", imap_verb_name(c->verb),
                 imap_verb_info(c->verb)->grammar);
        wrong = text;
    }
    if (!wrong && c->rules & RBIT(MAILBOX_NAME))
        wrong = "The mailbox name is not in modified UTF-7";
    if (wrong) {
        iserve_append_forget(s);
        iserve_bad(s, c->tag, a, wrong);
        return;
    }
    handlers[c->verb](s, c, a);
}

/* A literal is announced. Messages have their own way; of others only short ones are kept. */
static void serve_literal(struct imap_serve *s, const struct imap_item *item, struct imap_answer *a)
{
    const char *wrong = NULL;
    if (item->message && imap_track_authenticated(s->track)) {
        iserve_append_begin(s, item, a);
        return;
    }
    if (!item->sync)
        return;
    if (item->message)
        wrong = "Log in first";
    else if (item->literal_octets > IMAP_CAP_LITERAL_OCTETS)
        wrong = "Literal too long";
    if (wrong)
        iserve_bad(s, item->command->tag, a, wrong);
    else
        buf_append_cstr(&a->text, "+ go ahead\r\n");
}

void imap_serve_item(struct imap_serve *s, const struct imap_item *item, struct imap_answer *a)
{
    switch (item->kind) {
    case IMAP_ITEM_COMMAND:
        serve_command(s, item->command, a);
        break;
    case IMAP_ITEM_LITERAL:
        serve_literal(s, item, a);
        break;
    case IMAP_ITEM_CONTENT:
        iserve_append_content(s, item);
        break;
    case IMAP_ITEM_AUTH_DATA:
        iserve_auth_data(s, item->line, a);
        break;
    case IMAP_ITEM_DONE:
        serve_done(s, a);
        break;
    case IMAP_ITEM_NONE:
    case IMAP_ITEM_REPLY:
    case IMAP_ITEM_GO_ON:
    case IMAP_ITEM_UNTAGGED:
    case IMAP_ITEM_VOID:
        break;
    }
}
