/* Who is told of what became of a message, and when (RFC 3461 sections 5 and 6).
 *
 * After delivery each recipient has an outcome. Failures that are told at once go into one report,
 * successes into another; a failure that comes later waits in a list with a timer. Reports go to
 * the sender's mailbox here. For a sender elsewhere they are kept as all mail for other domains is,
 * where the session was logged in; a stranger's are not written at all, so that nobody can make
 * this server talk to third parties. The null path is never answered (RFC 5321 section 6.1).
 */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    REPORT_EXTRA_OCTETS = 1 << 20, /* of a report beside the message it gives back */
    /* limits "late" and "late-octets": what waits; more is delivered at once */
    LATE_MAX = 1000,
    LATE_MAX_OCTETS = 64 << 20,
};

/* ---- outcomes ---- */

/* "5.1.1" at the start of the words of a reply, or what its code makes of it. */
static void status_of(unsigned code, const char *words, char *status, size_t status_octets)
{
    unsigned enhanced[3]; /* three digits each at most */
    size_t used = smtp_enhanced_parse(slice_cstr(words), enhanced);
    if (used > 0)
        snprintf(status, status_octets, "%u.%u.%u", enhanced[0] % 10, enhanced[1] % 1000,
                 enhanced[2] % 1000);
    else
        snprintf(status, status_octets, "%u.0.0", code / 100);
}

void mock_recipient_outcome(struct mock_recipient *r, enum mock_action action, unsigned code,
                            const char *words)
{
    r->action = (uint8_t)action;
    r->code = (uint16_t)code;
    if (code == 0) { /* the usual case, a thousand times a second */
        memcpy(r->status, "2.0.0", 6);
        return;
    }
    status_of(code, words, r->status, sizeof(r->status));
    mem_free(r->diagnostic);
    r->diagnostic = mem_printf("%u %s", code, words);
}

void mock_recipient_bounce(struct mock_recipient *r)
{
    unsigned code = r->bounce_code ? r->bounce_code : 550;
    mock_recipient_outcome(r, MOCK_ACTION_FAILED, code,
                           r->bounce_text ? r->bounce_text : "5.1.1 User unknown");
}

/* ---- where a report goes ---- */

struct mailbox {
    int user;            /* -1: elsewhere */
    const char *address; /* the reverse-path; NULL: there is none to tell */
    const char *words;
};

static struct mailbox mailbox_of(const struct mock_conn *c)
{
    const struct mock *m = c->mock;
    const char *from = c->smtp.txn->from, *at = strrchr(from, '@');
    if (!from[0])
        return (struct mailbox){-1, NULL, "nobody is told, the reverse-path is null"};
    if (at && slice_eq_nocase(slice_cstr(at + 1), slice_cstr(m->options.domain))) {
        int user = mock_user_index(slice_of(from, (size_t)(at - from)));
        return user >= 0
                   ? (struct mailbox){user, from, "the report is in the sender's mailbox"}
                   : (struct mailbox){-1, NULL, "nobody is told, the sender does not exist here"};
    }
    if (mock_policy_trusts(c))
        return (struct mailbox){-1, from, "the report for another server is kept here"};
    return (struct mailbox){-1, NULL, "the report would leave for another server"};
}

/* ---- reports that wait, and messages held (RFC 4865) ---- */

struct mock_late {
    struct mock_late *next;
    struct mock *mock;
    struct loop_timer *timer;
    struct buf text;
    char *address, *from, *id;
    size_t octets;
    int user;
    uint32_t conn;
};

static void put(struct mock *m, uint32_t conn, int user, const char *address, const char *from,
                struct buf *text, const char *id)
{
    struct store_blob *blob = store_blob_take(m->store.store, text);
    mock_store_add(m, conn, user, user >= 0 ? NULL : address, blob, from, id);
    store_blob_release(m->store.store, &blob);
}

static void late_free(struct mock_late *late)
{
    loop_timer_free(&late->timer);
    buf_deinit(&late->text);
    mem_free(late->address);
    mem_free(late->from);
    mem_free(late->id);
    mem_free(late);
}

static void on_late(void *ctx)
{
    struct mock_late *late = ctx, **at = &late->mock->late;
    while (*at != late)
        at = &(*at)->next;
    *at = late->next;
    late->mock->n_late--;
    late->mock->late_octets -= late->octets;
    put(late->mock, late->conn, late->user, late->address, late->from, &late->text, late->id);
    late_free(late);
}

void mock_reports_free(struct mock *m)
{
    while (m->late) {
        struct mock_late *late = m->late;
        m->late = late->next;
        late_free(late);
    }
    m->n_late = m->late_octets = 0;
}

bool mock_put_late(struct mock *m, uint32_t conn, const struct mock_late_mail *mail,
                   struct buf *text, uint64_t after_ms)
{
    if (m->n_late >= LATE_MAX || m->late_octets + text->len > LATE_MAX_OCTETS)
        return false;
    struct mock_late *late = mem_zalloc(sizeof(*late));
    late->mock = m;
    late->conn = conn;
    late->user = mail->user;
    late->address = mem_strdup(mail->address);
    late->from = mem_strdup(mail->from);
    late->id = mem_strdup(mail->id);
    late->octets = text->len;
    late->text = *text;
    buf_init(text, 0);
    late->next = m->late;
    m->late = late;
    m->n_late++;
    m->late_octets += late->octets;
    late->timer = loop_timer_new(m->loop, on_late, late);
    loop_timer_start(late->timer, mock_hurried_ms(m, after_ms));
    return true;
}

/* ---- writing them ---- */

struct group {
    struct mock_report_recipient *recipients;
    struct buf *addresses;
    size_t n;
};

static void group_add(const struct mock *m, struct group *g, const struct mock_recipient *r,
                      enum mock_action action)
{
    struct buf *address = &g->addresses[g->n];
    buf_init(address, 2 * MOCK_ADDRESS_OCTETS);
    mock_recipient_address(m, r, address);
    bool waits = action == MOCK_ACTION_DELAYED;
    g->recipients[g->n++] =
        (struct mock_report_recipient){.address = buf_cstr(address),
                                       .original = r->orcpt ? r->orcpt : "",
                                       .status = waits ? "4.0.0" : r->status,
                                       .diagnostic = r->diagnostic && !waits ? r->diagnostic : "",
                                       .action = action};
}

static void group_empty(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        buf_deinit(&g->addresses[i]);
    g->n = 0;
}

static void send_group(struct mock_conn *c, struct group *g, const struct mailbox *to,
                       uint64_t after_ms, struct slice message)
{
    struct mock *m = c->mock;
    const struct mock_txn *t = c->smtp.txn;
    char id[MOCK_ID_OCTETS];
    bool failed = g->n > 0 && g->recipients[0].action == MOCK_ACTION_FAILED;
    if (g->n > 0 && to->address && !m->options.keep_nothing) {
        struct buf text;
        buf_init(&text, message.len + REPORT_EXTRA_OCTETS + g->n * 4096);
        snprintf(id, sizeof(id), "P%06llX", (unsigned long long)++m->next_id);
        const struct mock_report report = {.name = mock_world_name(c),
                                           .domain = m->options.domain,
                                           .date = mock_date(m),
                                           .arrived = mock_date(m),
                                           .to = to->address,
                                           .from_mta = c->smtp.hello ? c->smtp.hello : "",
                                           .envid = t->envid,
                                           .id = id,
                                           .message = message,
                                           .recipients = g->recipients,
                                           .n_recipients = g->n,
                                           .full = t->ret_full && failed,
                                           .utf8 = t->utf8};
        mock_report_write(&report, &text);
        const struct mock_late_mail mail = {to->user, to->address, "", id};
        uint32_t conn = link_conn(c->link);
        if (after_ms == 0 || !mock_put_late(m, conn, &mail, &text, after_ms))
            put(m, conn, to->user, to->address, "", &text, id);
        buf_deinit(&text);
    }
    group_empty(g);
}

/* What a bounce is for those who watch behind the scenes. */
static void say_bounced(struct mock_conn *c, const struct mock_recipient *r,
                        const struct mailbox *to, bool told)
{
    struct mock *m = c->mock;
    struct buf address;
    char id[MOCK_ID_OCTETS], action[160];
    uint32_t conn = link_conn(c->link);
    buf_init(&address, 2 * MOCK_ADDRESS_OCTETS);
    mock_recipient_address(m, r, &address);
    mock_txn_id(c->smtp.txn, id);
    snprintf(action, sizeof(action), "bounces: %s",
             told ? to->words : "nobody is told, NOTIFY forbids it");
    m->counters.faults++;
    JOURNAL_APPEND(m->journal, conn, FAULT, mock_event_flags(m), 0,
                   (struct ev_fault){.rule = buf_slice(&address),
                                     .action = slice_cstr(action),
                                     .stage = SLICE_LIT("delivery")});
    JOURNAL_APPEND(m->journal, conn, BOUNCED, mock_event_flags(m), 0,
                   (struct ev_bounced){.to = buf_slice(&address),
                                       .report_to = slice_cstr(told ? to->address : ""),
                                       .status = slice_cstr(r->status),
                                       .text = slice_cstr(r->diagnostic ? r->diagnostic : ""),
                                       .id = slice_cstr(id)});
    buf_deinit(&address);
}

static void report_failures(struct mock_conn *c, struct group *g, const struct mailbox *to,
                            struct slice message)
{
    const struct mock_txn *t = c->smtp.txn;
    for (size_t i = 0; i < t->n_recipients; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        if (r->action != MOCK_ACTION_FAILED)
            continue;
        bool told = mock_notify_wants(r->notify, MOCK_ACTION_FAILED);
        say_bounced(c, r, to, told);
        if (told && r->bounce_after_ms == 0)
            group_add(c->mock, g, r, MOCK_ACTION_FAILED);
    }
    send_group(c, g, to, 0, message);
    for (size_t i = 0; i < t->n_recipients; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        if (r->action != MOCK_ACTION_FAILED || r->bounce_after_ms == 0)
            continue;
        if (mock_notify_wants(r->notify, MOCK_ACTION_DELAYED)) {
            group_add(c->mock, g, r, MOCK_ACTION_DELAYED);
            send_group(c, g, to, 0, message);
        }
        if (mock_notify_wants(r->notify, MOCK_ACTION_FAILED)) {
            group_add(c->mock, g, r, MOCK_ACTION_FAILED);
            send_group(c, g, to, r->bounce_after_ms, message);
        }
    }
}

void mock_report_txn(struct mock_conn *c, struct slice message)
{
    const struct mock_txn *t = c->smtp.txn;
    bool any = false;
    for (size_t i = 0; i < t->n_recipients && !any; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        any = r->action == MOCK_ACTION_FAILED || (r->notify & MOCK_NOTIFY_SUCCESS);
    }
    if (!any)
        return;
    struct group g = {mem_alloc(t->n_recipients * sizeof(*g.recipients)),
                      mem_alloc(t->n_recipients * sizeof(*g.addresses)), 0};
    const struct mailbox to = mailbox_of(c);
    report_failures(c, &g, &to, message);
    for (size_t i = 0; i < t->n_recipients; i++) {
        const struct mock_recipient *r = &t->recipients[i];
        if (r->action > MOCK_ACTION_DELAYED &&
            mock_notify_wants(r->notify, (enum mock_action)r->action))
            group_add(c->mock, &g, r, (enum mock_action)r->action);
    }
    send_group(c, &g, &to, t->hold_ms, message); /* when it has been delivered */
    mem_free(g.recipients);
    mem_free(g.addresses);
}
