/* The practice world: who may send what to whom, and who misbehaves on request. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "smtp/param.h"
#include "mock/names.h"

enum { ADDRESS_OCTETS = MOCK_ADDRESS_OCTETS, LOCAL_PART_OCTETS = 130 };

/* Enhanced codes that fit a basic code, where the address names none: by what the reply is about.
 */
static const struct {
    uint16_t code;
    const char *enhanced;
} enhanced_codes[] = {
    {250, "2.0.0"}, {421, "4.3.2"}, {450, "4.2.0"}, {451, "4.3.0"}, {452, "4.2.2"},
    {454, "4.7.0"}, {530, "5.7.0"}, {535, "5.7.8"}, {550, "5.1.1"}, {551, "5.1.6"},
    {552, "5.2.2"}, {553, "5.1.3"}, {554, "5.7.1"}, {555, "5.5.4"}, {556, "5.1.10"},
};

static const char *const stage_names[] = {
    [MAGIC_AT_ONCE] = "at once", [MAGIC_AT_MAIL] = "mail", [MAGIC_AT_RCPT] = "rcpt",
    [MAGIC_AT_DATA] = "data",    [MAGIC_AT_DOT] = "dot",
};

static void choose_enhanced(const struct magic *g, char *out, size_t out_octets)
{
    snprintf(out, out_octets, "%s", g->enhanced);
    for (size_t i = 0; !out[0] && i < sizeof(enhanced_codes) / sizeof(enhanced_codes[0]); i++)
        if (enhanced_codes[i].code == g->code)
            snprintf(out, out_octets, "%s", enhanced_codes[i].enhanced);
    if (!out[0] && (g->code / 100 == 2 || g->code / 100 == 4 || g->code / 100 == 5))
        snprintf(out, out_octets, "%u.0.0", g->code / 100);
}

static void say_fault(struct mock_conn *c, const char *address, enum magic_stage stage,
                      const char *action)
{
    c->mock->counters.faults++;
    JOURNAL_APPEND(c->mock->journal, link_conn(c->link), FAULT, mock_event_flags(c->mock), 0,
                   (struct ev_fault){.rule = slice_cstr(address),
                                     .action = slice_cstr(action),
                                     .stage = slice_cstr(stage_names[stage])});
}

static struct mock_memory_entry *remember(struct mock_conn *c, char kind, const char *a,
                                          const char *b)
{
    char key[2 * ADDRESS_OCTETS + 4];
    snprintf(key, sizeof(key), "%c:%s %s", kind, a, b);
    const struct clock *clock = journal_clock(c->mock->journal);
    return mock_memory_get(&c->mock->memory, key, clock->tick_ns(clock->ctx));
}

static void reply_code(struct mock_conn *c, const struct magic *g, const char *address,
                       enum magic_stage stage, struct smtp_answer *a)
{
    char enhanced[12], action[64];
    choose_enhanced(g, enhanced, sizeof(enhanced));
    snprintf(action, sizeof(action), "replies %u %s", g->code, enhanced);
    say_fault(c, address, stage, action);
    smtp_answer_line(a, g->code, enhanced, "<%s>: as the address asks", address);
    if (g->code == 421)
        a->then = SMTP_THEN_CLOSE;
}

static bool greylisted(struct mock_conn *c, const char *address)
{
    const struct mock_memory_entry *e =
        remember(c, 'g', c->smtp.txn ? c->smtp.txn->from : "", address);
    const struct clock *clock = journal_clock(c->mock->journal);
    return clock->tick_ns(clock->ctx) - e->since_tick_ns < (uint64_t)MOCK_GREYLIST_MS * 1000000;
}

/* Do what the address asks for; true: *a is the answer (or the end), false: only decorated. */
static bool misbehave(struct mock_conn *c, const struct magic *g, const char *address,
                      enum magic_stage stage, struct smtp_answer *a)
{
    char action[64];
    switch (g->action) {
    case MAGIC_REPLY:
        if (g->times > 0 && remember(c, 'x', stage_names[stage], address)->count++ >= g->times)
            return false;
        reply_code(c, g, address, stage, a);
        return true;
    case MAGIC_DELAY:
        snprintf(action, sizeof(action), "replies %u s late", g->delay_s);
        say_fault(c, address, stage, action);
        a->delay_ms = (uint64_t)g->delay_s * 1000;
        return false;
    case MAGIC_DROP:
        say_fault(c, address, stage, "closes instead of a reply");
        a->then = SMTP_THEN_DROP;
        return true;
    case MAGIC_RESET:
        say_fault(c, address, stage, "cuts the connection instead of a reply");
        a->then = SMTP_THEN_RESET;
        return true;
    case MAGIC_GREYLIST:
        if (!greylisted(c, address))
            return false;
        say_fault(c, address, stage, "greylists: replies 450 4.2.0");
        smtp_answer_line(a, 450, "4.2.0", "<%s>: Recipient address rejected: Greylisted", address);
        return true;
    case MAGIC_FULL:
        say_fault(c, address, stage, "the mailbox is full: replies 452 4.2.2");
        smtp_answer_line(a, 452, "4.2.2", "<%s>: The mailbox is full", address);
        return true;
    case MAGIC_BOUNCE: /* when it is delivered */
    case MAGIC_NONE:
        break;
    }
    return false;
}

/* Addresses of the transaction that asked for something at a later stage, in the order they came.
 */
static bool misbehave_at(struct mock_conn *c, enum magic_stage stage, struct smtp_answer *a)
{
    const struct mock_txn *t = c->smtp.txn;
    for (size_t i = 0; t && i < t->n_faults; i++)
        if (t->faults[i].magic.stage == stage &&
            misbehave(c, &t->faults[i].magic, t->faults[i].address, stage, a))
            return true;
    return false;
}

/* A reply of 2yz that an address asked for: what it answers is accepted all the same. */
static bool says_yes(const struct smtp_answer *a)
{
    return a->text.len > 0 && a->text.ptr[0] == '2';
}

/* ---- addresses ---- */

void mock_path_address(const struct smtp_path *p, char *out, size_t out_octets)
{
    bool domain = p->domain.len > 0;
    int len = snprintf(out, out_octets, "%.*s%s%.*s", SLICE_ARG(p->local_part), domain ? "@" : "",
                       SLICE_ARG(p->domain));
    for (int i = 0; i < len && i < (int)out_octets - 1; i++)
        if ((uint8_t)out[i] < ' ' || out[i] == 0x7f)
            out[i] = '?'; /* it goes into header lines */
}

static bool domain_is_ours(const struct mock *m, const struct smtp_path *p)
{
    if (p->domain.len == 0)
        return slice_eq_nocase(p->local_part, SLICE_LIT("postmaster"));
    if (p->domain.ptr[0] == '[')
        return true; /* it was this server that was connected to */
    struct slice d = p->domain;
    return slice_eq_nocase(d, slice_cstr(m->options.domain)) ||
           slice_eq_nocase(d, slice_cstr(m->options.name)) || mock_names_serves(d);
}

/* The user of a local part, "+detail" aside (RFC 5233); -1: none. */
int mock_user_index(struct slice local_part)
{
    ptrdiff_t plus = slice_find_octet(local_part, '+');
    struct slice name = plus < 0 ? local_part : slice_take(local_part, (size_t)plus);
    for (int i = 0; i < MOCK_USERS_COUNT; i++)
        if (slice_eq_nocase(name, slice_cstr(mock_users[i])))
            return i;
    return -1;
}

static bool read_magic(const struct mock_conn *c, struct slice local_part, struct magic *out)
{
    memset(out, 0, sizeof(*out));
    return !mock_magic_off(c) && magic_parse(local_part, out);
}

/* ---- the policy ---- */

/* It goes into a header line, in a comment's company. */
void mock_smtp_hello(struct mock_conn *c, struct slice name)
{
    name = slice_take(slice_trim(name), MOCK_HELLO_MAX_OCTETS);
    mem_free(c->smtp.hello);
    c->smtp.hello = mem_alloc(name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        c->smtp.hello[i] = name.ptr[i] > ' ' && name.ptr[i] < 0x7f && name.ptr[i] != '(' &&
                                   name.ptr[i] != ')' && name.ptr[i] != ';'
                               ? (char)name.ptr[i]
                               : '?';
    c->smtp.hello[name.len] = '\0';
}

static bool policy_hello(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    (void)a;
    struct mock_conn *c = ctx;
    mock_smtp_hello(c, cmd->args);
    c->smtp.esmtp = cmd->verb != SMTP_VERB_HELO;
    return false;
}

/* RFC 4865: HOLDFOR seconds, or HOLDUNTIL a moment; one that is past holds nothing. */
static uint64_t hold_ms(const struct mock *m, const struct smtp_command *cmd)
{
    const struct smtp_param *hold = smtp_command_param(cmd, "HOLDFOR");
    const struct smtp_param *until = smtp_command_param(cmd, "HOLDUNTIL");
    const struct clock *clock = journal_clock(m->journal);
    uint64_t seconds = 0;
    int64_t until_s = 0, now_s = clock->wall_us(clock->ctx) / 1000000;
    if (hold && slice_to_u64(hold->value, UINT32_MAX, &seconds))
        return seconds * 1000;
    if (until && smtp_date_time_read(until->value, &until_s) && until_s > now_s)
        return (uint64_t)(until_s - now_s) * 1000;
    return 0;
}

static void note_mail_params(const struct mock *m, struct mock_txn *t,
                             const struct smtp_command *cmd)
{
    const struct smtp_param *size = smtp_command_param(cmd, "SIZE");
    const struct smtp_param *ret = smtp_command_param(cmd, "RET");
    const struct smtp_param *envid = smtp_command_param(cmd, "ENVID");
    if (size)
        slice_to_u64(size->value, UINT64_MAX, &t->declared_octets);
    t->utf8 = smtp_command_param(cmd, "SMTPUTF8") != NULL;
    t->hold_ms = hold_ms(m, cmd);
    t->ret_full = ret && slice_eq_nocase(ret->value, SLICE_LIT("FULL"));
    if (envid)
        snprintf(t->envid, sizeof(t->envid), "%.*s", SLICE_ARG(envid->value));
}

static void note_rcpt_params(struct mock_recipient *r, const struct smtp_command *cmd)
{
    const struct smtp_param *notify = smtp_command_param(cmd, "NOTIFY");
    const struct smtp_param *orcpt = smtp_command_param(cmd, "ORCPT");
    if (notify)
        r->notify = (uint8_t)mock_notify_read(notify->value);
    if (orcpt)
        r->orcpt = mem_slice_dup(orcpt->value);
}

static bool policy_mail(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    struct mock_conn *c = ctx;
    char address[ADDRESS_OCTETS], local[LOCAL_PART_OCTETS];
    struct magic g;
    mock_txn_end(c);
    struct mock_txn *t = mock_txn_get(c);
    mock_path_address(&cmd->path, address, sizeof(address));
    snprintf(t->from, sizeof(t->from), "%s", address);
    if (cmd->n_params > 0)
        note_mail_params(c->mock, t, cmd);
    if (!smtp_local_part_unquote(cmd->path.local_part, local, sizeof(local)) ||
        !read_magic(c, slice_cstr(local), &g))
        return false;
    if (g.stage != MAGIC_AT_ONCE && g.stage != MAGIC_AT_MAIL) {
        mock_txn_add_fault(t, &g, address, SIZE_MAX);
        return false;
    }
    if (!misbehave(c, &g, address, MAGIC_AT_MAIL, a))
        return false;
    if (!says_yes(a))
        mock_txn_end(c);
    return true;
}

static bool refuse_recipient(struct mock_conn *c, struct smtp_answer *a, unsigned code,
                             const char *enhanced, const char *address, const char *why)
{
    c->mock->counters.refused_recipients++;
    smtp_answer_line(a, code, enhanced, "<%s>: Recipient address rejected: %s", address, why);
    return true;
}

/* A magic recipient: true: refused, or worse. */
static bool magic_recipient(struct mock_conn *c, const struct magic *g, const char *address,
                            struct smtp_answer *a)
{
    bool now = g->stage == MAGIC_AT_ONCE || g->stage == MAGIC_AT_MAIL || g->stage == MAGIC_AT_RCPT;
    if (!now) {
        struct mock_txn *t = mock_txn_get(c);
        mock_txn_add_fault(t, g, address, t->n_recipients);
        return false;
    }
    if (!misbehave(c, g, address, MAGIC_AT_RCPT, a) || says_yes(a))
        return false;
    c->mock->counters.refused_recipients++;
    return true;
}

static bool policy_rcpt(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    struct mock_conn *c = ctx;
    char address[ADDRESS_OCTETS], local[LOCAL_PART_OCTETS];
    struct magic g;
    const struct smtp_path *p = &cmd->path;
    mock_path_address(p, address, sizeof(address));
    bool ours = domain_is_ours(c->mock, p), accept = c->mock->plan.accept;
    if (!smtp_local_part_unquote(p->local_part, local, sizeof(local)))
        return refuse_recipient(c, a, 550, "5.1.1", address, "User unknown");
    if (!ours && !mock_policy_trusts(c) && !accept)
        return refuse_recipient(c, a, 550, "5.7.1", address,
                                "Relaying denied: other domains need AUTH");
    if (misbehave_at(c, MAGIC_AT_RCPT, a))
        return true;
    bool magic = read_magic(c, slice_cstr(local), &g);
    int user = ours ? mock_user_index(slice_cstr(local)) : -1;
    const struct mock_list *list = ours && user < 0 ? mock_list_find(slice_cstr(local)) : NULL;
    if (ours && user < 0 && !list && !magic && !accept && !c->mock->plan.replies &&
        !mock_account_find(c->mock, slice_cstr(address)))
        return refuse_recipient(c, a, 550, "5.1.1", address, "User unknown");
    if (magic && magic_recipient(c, &g, address, a))
        return true;
    struct mock_txn *t = mock_txn_get(c);
    if (user >= 0 && !mock_mailbox_has_room(c->mock, user, t->declared_octets))
        return refuse_recipient(c, a, 452, "4.2.2", address, "The mailbox is full");
    mock_txn_add_recipient(t, user, address, g.action == MAGIC_BOUNCE);
    struct mock_recipient *r = &t->recipients[t->n_recipients - 1];
    r->list = list;
    if (cmd->n_params > 0)
        note_rcpt_params(r, cmd);
    mock_txn_plan_recipient(c);
    return says_yes(a);
}

static bool policy_data(void *ctx, struct smtp_answer *a)
{
    return misbehave_at(ctx, MAGIC_AT_DATA, a);
}

static void policy_content(void *ctx, struct slice octets)
{
    mock_txn_content(ctx, octets);
}

/* ---- LMTP: each recipient has its own reply (RFC 2033 section 4.2) ---- */

/* What its address, or the sender's, asked for at the end of data; NULL: nothing. */
static const struct mock_fault *fault_at_dot(const struct mock_txn *t, size_t recipient)
{
    for (size_t i = 0; i < t->n_faults; i++)
        if (t->faults[i].magic.stage == MAGIC_AT_DOT &&
            (t->faults[i].recipient == recipient || t->faults[i].recipient == SIZE_MAX))
            return &t->faults[i];
    return NULL;
}

/* One that cuts or closes leaves no reply to give. True: it did. */
static bool refuse_some(struct mock_conn *c, struct smtp_answer *said)
{
    struct mock_txn *t = c->smtp.txn;
    for (size_t i = 0; i < t->n_recipients; i++) {
        struct mock_recipient *r = &t->recipients[i];
        const struct mock_fault *f = fault_at_dot(t, i);
        struct slice before = buf_slice(&said->text);
        if (!f || !misbehave(c, &f->magic, f->address, MAGIC_AT_DOT, said))
            continue;
        if (said->then == SMTP_THEN_DROP || said->then == SMTP_THEN_RESET)
            return true;
        r->refused = true;
        mem_free(r->diagnostic);
        r->diagnostic = mem_slice_dup(slice_skip(buf_slice(&said->text), before.len));
    }
    return false;
}

static void answer_each(struct mock_conn *c, struct smtp_answer *a, const char *id)
{
    const struct mock_txn *t = c->smtp.txn;
    struct buf address;
    buf_init(&address, 2 * MOCK_ADDRESS_OCTETS);
    buf_reset(&a->text);
    for (size_t i = 0; i < t->n_recipients; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        buf_reset(&address);
        mock_recipient_address(c->mock, r, &address);
        if (!r->refused)
            smtp_answer_line(a, 250, "2.0.0", "<%s> kept as %s", buf_cstr(&address), id);
        else if (r->code == 0) /* the whole line, as the address asked */
            buf_append_cstr(&a->text, r->diagnostic);
        else
            smtp_answer_line(a, r->code, NULL, "%s", r->diagnostic + 4);
    }
    buf_deinit(&address);
}

static void keep_for_each(struct mock_conn *c, struct smtp_answer *a)
{
    char id[MOCK_ID_OCTETS];
    mock_txn_id(c->smtp.txn, id);
    if (refuse_some(c, a))
        return;
    c->smtp.n_messages += mock_store_txn(c);
    answer_each(c, a, id);
}

/* ---- the end of a message ---- */

/* The message is complete. With drop and reset of an address it is kept first: the client cannot
 * know, which is the point (RFC 1047). A refused one is not. Rules say it themselves. */
static void keep_or_refuse(struct mock_conn *c, struct smtp_answer *a)
{
    char id[MOCK_ID_OCTETS];
    mock_txn_id(c->smtp.txn, id);
    if (!c->smtp.txn->started) /* an empty message has its trace lines too */
        mock_txn_content(c, slice_of(NULL, 0));
    enum mock_fate fate = mock_smtp_fate(c);
    if (mock_services[c->service].lmtp && fate == MOCK_FATE_NONE) {
        keep_for_each(c, a);
        return;
    }
    bool faulty = fate == MOCK_FATE_NONE && misbehave_at(c, MAGIC_AT_DOT, a);
    bool taken = !faulty || a->text.len == 0 || says_yes(a);
    bool keep = fate == MOCK_FATE_STORE_QUIETLY || (fate == MOCK_FATE_NONE && taken);
    bool kept = !keep || mock_store_txn(c);
    c->smtp.n_messages += keep && kept;
    if (!kept && !faulty)
        smtp_answer_line(a, 452, "4.3.1", "The mailbox store cannot take it now");
    else if (!faulty)
        smtp_answer_line(a, 250, "2.0.0", "Ok: kept as %s", id);
}

static bool policy_dot(void *ctx, const struct smtp_content_stats *stats, bool over,
                       struct smtp_answer *a)
{
    (void)stats;
    struct mock_conn *c = ctx;
    bool answered = !over;
    if (!over && mock_txn_get(c)->dropped)
        smtp_answer_line(a, 452, "4.3.1", "Insufficient system storage");
    else if (!over)
        keep_or_refuse(c, a);
    mock_txn_end(c);
    return answered;
}

static void policy_reset(void *ctx)
{
    mock_txn_end(ctx);
}

const struct smtp_policy mock_policy = {
    .hello = policy_hello,
    .mail = policy_mail,
    .rcpt = policy_rcpt,
    .data = policy_data,
    .content = policy_content,
    .dot = policy_dot,
    .reset = policy_reset,
    .vrfy = mock_policy_vrfy,
    .expn = mock_policy_expn,
    .etrn = mock_policy_etrn,
    .password = mock_policy_password,
    .token = mock_policy_token,
    .channel = mock_policy_channel,
    .external = mock_policy_external,
    .xclient = mock_policy_xclient,
};
