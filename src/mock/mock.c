/* The practice server as a whole: options, listeners, memory links, what it keeps. */
#include "mock/mock_private.h"

#include "base/mem.h"

enum { BACKLOG = 1024, OUT_CAP_OCTETS = 1 << 20, FACTS_CAP_OCTETS = 1 << 18 };

static const char MECHANISMS[] =
    "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN "
    "OAUTHBEARER XOAUTH2 EXTERNAL ANONYMOUS";

/* No TLS, no port of the practice server. */
#define MUSEUM_ROW(name_)                                                                          \
    {                                                                                              \
        .name = (name_), .protocol = &mock_protocol_museum, .protocol_id = MOCK_PROTOCOL_MUSEUM    \
    }

const struct mock_service_row mock_services[MOCK_SERVICE__COUNT] = {
    [MOCK_SMTP] = {.name = "smtp",
                   .protocol = &mock_protocol_smtp,
                   .default_port = 25,
                   .starttls = true},
    [MOCK_SUBMISSION] = {.name = "submission",
                         .protocol = &mock_protocol_smtp,
                         .default_port = 587,
                         .starttls = true,
                         .require_auth = true},
    [MOCK_SUBMISSIONS] = {.name = "submissions",
                          .protocol = &mock_protocol_smtp,
                          .default_port = 465,
                          .implicit_tls = true,
                          .require_auth = true},
    [MOCK_LMTP] = {.name = "lmtp", .protocol = &mock_protocol_smtp, .starttls = true, .lmtp = true},
    [MOCK_POP3] = {.name = "pop3",
                   .protocol = &mock_protocol_pop3,
                   .protocol_id = MOCK_PROTOCOL_POP3,
                   .default_port = 110,
                   .starttls = true},
    [MOCK_POP3S] = {.name = "pop3s",
                    .protocol = &mock_protocol_pop3,
                    .protocol_id = MOCK_PROTOCOL_POP3,
                    .default_port = 995,
                    .implicit_tls = true},
    [MOCK_IMAP] = {.name = "imap",
                   .protocol = &mock_protocol_imap,
                   .protocol_id = MOCK_PROTOCOL_IMAP,
                   .default_port = 143,
                   .starttls = true},
    [MOCK_IMAPS] = {.name = "imaps",
                    .protocol = &mock_protocol_imap,
                    .protocol_id = MOCK_PROTOCOL_IMAP,
                    .default_port = 993,
                    .implicit_tls = true},
    [MOCK_RFC821] = MUSEUM_ROW("rfc821"),
    [MOCK_MTP] = MUSEUM_ROW("mtp"),
    [MOCK_FTP_MAIL] = MUSEUM_ROW("ftp-mail"),
    [MOCK_RFC524] = MUSEUM_ROW("rfc524"),
    [MOCK_SNDMSG] = MUSEUM_ROW("sndmsg"),
    [MOCK_RFC196] = MUSEUM_ROW("rfc196"),
};

static const struct mock_service_row *row(enum mock_service service)
{
    BUG_IF((unsigned)service >= MOCK_SERVICE__COUNT);
    return &mock_services[service];
}

const char *mock_service_name(enum mock_service service)
{
    return (unsigned)service < MOCK_SERVICE__COUNT ? mock_services[service].name : NULL;
}

bool mock_service_is_served(enum mock_service service)
{
    return row(service)->protocol != NULL;
}

bool mock_service_is_museum(enum mock_service service)
{
    return row(service)->protocol_id == MOCK_PROTOCOL_MUSEUM;
}

uint16_t mock_service_port(enum mock_service service)
{
    return row(service)->default_port;
}

bool mock_service_implicit_tls(enum mock_service service)
{
    return row(service)->implicit_tls;
}

uint64_t mock_now_ms(const struct mock *m)
{
    const struct clock *clock = journal_clock(m->journal);
    return clock->tick_ns(clock->ctx) / 1000000;
}

static void fill_limits(struct mock_limits *l)
{
    static const struct mock_limits defaults = {.connections = 12000,
                                                .recipients = 1000,
                                                .message_octets = 50ull << 20,
                                                .mailbox_octets = 64ull << 20,
                                                .mailbox_messages = 10000,
                                                .idle_ms = 300000,
                                                .errors = 20};
#define FILL(field)                                                                                \
    if (l->field == 0)                                                                             \
    l->field = defaults.field
    FILL(connections);
    FILL(recipients);
    FILL(message_octets);
    FILL(mailbox_octets);
    FILL(mailbox_messages);
    FILL(idle_ms);
    FILL(errors);
#undef FILL
}

struct mock *mock_new(struct loop *l, struct journal *j, const struct mock_options *options)
{
    struct mock *m = mem_zalloc(sizeof(*m));
    m->loop = l;
    m->journal = j;
    if (options)
        m->options = *options;
    m->options.name = mem_strdup(m->options.name ? m->options.name : "mx.example.test");
    m->options.domain = mem_strdup(m->options.domain ? m->options.domain : "example.test");
    fill_limits(&m->options.limits);
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++) {
        m->doors[i] = (struct mock_door){.mock = m, .service = (enum mock_service)i};
        m->serve_options[i] =
            (struct smtp_serve_options){.name = m->options.name,
                                        .lmtp = mock_services[i].lmtp,
                                        .offer_starttls = mock_services[i].starttls,
                                        .mechanisms = MECHANISMS,
                                        .require_auth = mock_services[i].require_auth,
                                        .submission = mock_services[i].require_auth,
                                        .xclient = m->options.xclient,
                                        .relax = m->options.relax,
                                        .size_max_octets = m->options.limits.message_octets,
                                        .recipients_max = m->options.limits.recipients,
                                        .errors_max = m->options.limits.errors};
        /* Passwords go in the clear here: it is loopback, and what people practise is to see it. */
        m->imap_options[i] =
            (struct imap_serve_options){.name = m->options.name,
                                        .offer_starttls = mock_services[i].starttls,
                                        .mechanisms = MECHANISMS,
                                        .login_in_clear = true,
                                        .message_octets = m->options.limits.message_octets,
                                        .errors_max = m->options.limits.errors};
    }
    mock_store_init(m);
    mock_plan_init(&m->plan);
    buf_init(&m->fields, FACTS_CAP_OCTETS);
    buf_init(&m->recipients, FACTS_CAP_OCTETS);
    buf_init(&m->reworded, FACTS_CAP_OCTETS);
    m->world = mock_world_new(m, NULL, NULL);
    smtp_answer_init(&m->answer);
    pop3_answer_init(&m->pop3_answer);
    buf_init(&m->out, OUT_CAP_OCTETS);
    m->idle_timer = loop_timer_new(l, mock_idle_check, m);
    return m;
}

void mock_free(struct mock **mock)
{
    struct mock *m = *mock;
    if (!m)
        return;
    loop_timer_free(&m->idle_timer);
    dns_server_free(&m->dns_server);
    dns_zone_free(&m->zone);
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        listener_free(&m->doors[i].listener);
    for (int i = 0; i < MOCK_PROTOCOL__COUNT; i++)
        while (m->conns[i].first)
            mock_conn_free(m->conns[i].first);
    mock_reports_free(m);
    mock_store_deinit(m);
    mock_txn_spares_free(m);
    mock_memory_clear(&m->memory);
    mock_tls_free(m);
    mock_world_release(&m->world);
    mock_plan_deinit(&m->plan);
    buf_deinit(&m->fields);
    buf_deinit(&m->recipients);
    buf_deinit(&m->reworded);
    tls_practice_ca_free(&m->ca);
    smtp_answer_deinit(&m->answer);
    pop3_answer_deinit(&m->pop3_answer);
    buf_deinit(&m->out);
    mem_free((char *)(uintptr_t)m->options.name);
    mem_free((char *)(uintptr_t)m->options.domain);
    mem_free(m);
    *mock = NULL;
}

bool mock_listen(struct mock *m, enum mock_service service, const struct net_address *at,
                 bool remote, struct err *err)
{
    struct mock_door *d = &m->doors[service];
    const char *name = row(service)->name;
    if (!row(service)->protocol) {
        err_set(err, ERR_USAGE, 0, "the practice server does not serve %s", name);
        return false;
    }
    if (d->listener) {
        err_set(err, ERR_USAGE, 0, "the practice server listens for %s already", name);
        return false;
    }
    if (!net_address_is_loopback(at) && !(remote && m->options.allow_remote)) {
        char text[128];
        net_address_format(at, text, sizeof(text));
        err_set(err, ERR_USAGE, 0, "the practice server does not listen on %s", text);
        err_explain(err, "it is open to everybody and would be reachable from other machines",
                    "use 127.0.0.1 or ::1, or allow other machines explicitly");
        return false;
    }
    d->listener = listener_new(m->loop, m->journal, at, name, BACKLOG, !m->options.in_front,
                               mock_conn_accepted, d, err);
    return d->listener != NULL;
}

const struct net_address *mock_address(const struct mock *m, enum mock_service service)
{
    BUG_IF((unsigned)service >= MOCK_SERVICE__COUNT);
    const struct listener *listener = m->doors[service].listener;
    return listener ? listener_address(listener) : NULL;
}

struct link *mock_connect(struct mock *m, uint32_t client_conn, enum mock_service service,
                          const struct link_handlers *handlers, void *ctx)
{
    BUG_IF(!row(service)->protocol);
    struct mock_conn *c = mock_conn_new(m, service);
    struct link *client;
    link_pair(m->loop, m->journal, client_conn, journal_conn_new(m->journal), handlers, ctx,
              &mock_link_handlers, c, &client, &c->link);
    return client;
}

struct tls_practice_ca *mock_ca(struct mock *m)
{
    const struct clock *clock = journal_clock(m->journal);
    if (!m->ca)
        m->ca = tls_practice_ca_new(clock->wall_us(clock->ctx));
    return m->ca;
}

struct slice mock_ca_pem(struct mock *m)
{
    return tls_practice_ca_pem(mock_ca(m));
}

struct dns_zone *mock_zone(struct mock *m)
{
    if (!m->zone)
        m->zone = mock_names_new();
    return m->zone;
}

bool mock_listen_dns(struct mock *m, const struct net_address *at, struct err *err)
{
    if (m->dns_server) {
        err_set(err, ERR_USAGE, 0, "the practice server listens for dns already");
        return false;
    }
    m->dns_server =
        dns_server_new(m->loop, m->journal, mock_zone(m), at, !m->options.in_front, err);
    return m->dns_server != NULL;
}

const struct net_address *mock_dns_address(const struct mock *m)
{
    return m->dns_server ? dns_server_address(m->dns_server) : NULL;
}

bool mock_client_pem(struct mock *m, const char *user, struct buf *pem_out)
{
    return tls_practice_client_pem(mock_ca(m), user, pem_out);
}

const char *mock_name(const struct mock *m)
{
    return m->options.name;
}

void mock_counters(const struct mock *m, struct mock_counters *out)
{
    *out = m->counters;
}

/* As if the practice world were new: no messages, nothing remembered of any address. */
void mock_clear(struct mock *m)
{
    mock_store_clear(m);
    mock_memory_clear(&m->memory);
    rules_reset(m->world->rules);
    mock_furnish(m);
}
