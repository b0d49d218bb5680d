/* The practice world as a scenario has it: rules, what each server says of itself, certificates.
 *
 * A connection keeps the world it began in; /practice makes a new one for those to come.
 */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "scenario/profile.h"

static const enum scenario_service services[MOCK_SERVICE__COUNT] = {
    [MOCK_SMTP] = SCENARIO_SMTP,
    [MOCK_SUBMISSION] = SCENARIO_SUBMISSION,
    [MOCK_SUBMISSIONS] = SCENARIO_SUBMISSIONS,
    [MOCK_LMTP] = SCENARIO_LMTP,
    [MOCK_POP3] = SCENARIO_POP3,
    [MOCK_POP3S] = SCENARIO_POP3S,
    [MOCK_IMAP] = SCENARIO_IMAP,
    [MOCK_IMAPS] = SCENARIO_IMAPS,
};

/* ---- settings of a server ---- */

/* KEY or KEY=VALUE,VALUE words as lines "KEY VALUE VALUE". */
static const char *offer_line(struct mock_world *w, struct slice word)
{
    char *line = arena_strdup(&w->arena, word);
    char *at = strchr(line, '=');
    for (char *p = at; p && *p; p++)
        if (p == at || *p == ',')
            *p = ' ';
    return line;
}

static void apply_caps(struct mock_world *w, struct smtp_serve_options *o, const char *words)
{
    struct slice rest = slice_cstr(words);
    size_t n = 0, max = rest.len / 2 + 1;
    struct smtp_offer *offers = arena_alloc(&w->arena, max * sizeof(*offers));
    for (struct slice word = slice_next_word(&rest); word.len > 0; word = slice_next_word(&rest)) {
        offers[n] = smtp_offer_of(offer_line(w, word));
        if (offers[n].ext == SMTP_EXT_AUTH && strchr(offers[n].line, ' '))
            o->mechanisms = strchr(offers[n].line, ' ') + 1;
        n++;
    }
    o->offers = offers;
    o->n_offers = n;
}

static bool apply_relax(struct smtp_serve_options *o, const char *words, struct err *err)
{
    struct slice rest = slice_cstr(words ? words : "");
    for (struct slice word = slice_next_word(&rest); word.len > 0; word = slice_next_word(&rest)) {
        unsigned bit = smtp_relax_by_name(word);
        if (bit == 0) {
            char shown[40];
            vis_to_cstr(shown, sizeof(shown), word);
            err_set(err, ERR_FORMAT, 0, "relax: no rule is called %s", shown);
            err_explain(err, "", "data-bare-lf, data-end-lf, line-bare-lf, ..., all");
            return false;
        }
        o->relax |= bit;
    }
    return true;
}

static bool apply(struct mock_world *w, struct smtp_serve_options *o,
                  const struct scenario_server *s, struct err *err)
{
    const char *caps = s->caps ? s->caps : profile_text(s->profile, "caps");
    if (s->name)
        o->name = s->name;
    if (s->mechanisms)
        o->mechanisms = s->mechanisms;
    if (s->auth_off) {
        o->mechanisms = NULL;
        o->require_auth = false;
    }
    o->require_auth = o->require_auth || s->auth_required;
    o->auth_in_clear = o->auth_in_clear || s->auth_clear;
    o->require_tls = o->require_tls || s->tls_required;
    if (s->tls_off)
        o->offer_starttls = false;
    if (s->size_octets > 0 && s->size_octets < o->size_max_octets)
        o->size_max_octets = s->size_octets;
    if (s->recipients > 0)
        o->recipients_max = (unsigned)s->recipients;
    if (s->errors > 0)
        o->errors_max = (unsigned)s->errors;
    if (s->messages > 0)
        o->messages_max = (unsigned)s->messages;
    if (caps)
        apply_caps(w, o, caps);
    return apply_relax(o, s->relax, err);
}

/* Passwords go in the clear here unless a scenario wants TLS first: it is loopback, and what people
 * practise is to see it. */
static void apply_pop3(struct pop3_serve_options *o, const struct smtp_serve_options *like,
                       const struct scenario_server *s, bool implicit_tls)
{
    *o = (struct pop3_serve_options){.name = like->name,
                                     .banner_text = s ? s->banner : NULL,
                                     .offer_stls = !implicit_tls && !(s && s->tls_off),
                                     .mechanisms = like->mechanisms,
                                     .user_pass = !(s && s->auth_off),
                                     .apop = !(s && s->auth_off),
                                     .tls_for_login = s && s->tls_required,
                                     .errors_max = like->errors_max};
}

static void apply_imap(struct imap_serve_options *o, const struct smtp_serve_options *like,
                       const struct scenario_server *s)
{
    o->name = like->name;
    if (s && s->tls_off)
        o->offer_starttls = false;
    if (s && s->tls_required)
        o->login_in_clear = false;
    if (s && (s->mechanisms || s->auth_off))
        o->mechanisms = like->mechanisms;
    if (s && s->size_octets > 0)
        o->message_octets = s->size_octets;
    if (s && s->errors > 0)
        o->errors_max = (unsigned)s->errors;
}

/* A server without a block of its own takes the settings of its plainer kin. */
static const struct scenario_server *server_of(const struct scenario *s,
                                               enum scenario_service service)
{
    static const enum scenario_service kin[SCENARIO_SERVICE__COUNT] = {
        [SCENARIO_SMTP] = SCENARIO_SMTP,
        [SCENARIO_LMTP] = SCENARIO_LMTP,
        [SCENARIO_SUBMISSION] = SCENARIO_SUBMISSION,
        [SCENARIO_SUBMISSIONS] = SCENARIO_SUBMISSION,
        [SCENARIO_POP3] = SCENARIO_POP3,
        [SCENARIO_POP3S] = SCENARIO_POP3,
        [SCENARIO_IMAP] = SCENARIO_IMAP,
        [SCENARIO_IMAPS] = SCENARIO_IMAP,
    };
    if (s->servers[service].given)
        return &s->servers[service];
    return s->servers[kin[service]].given ? &s->servers[kin[service]] : NULL;
}

struct mock_world *mock_world_new(struct mock *m, struct scenario *scenario, struct err *err)
{
    struct mock_world *w = mem_zalloc(sizeof(*w));
    w->refs = 1;
    arena_init(&w->arena);
    w->friendly = !scenario;
    w->rules = rules_new(scenario);
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++) {
        w->serve_options[i] = m->serve_options[i];
        w->servers[i] = scenario && mock_services[i].protocol_id != MOCK_PROTOCOL_MUSEUM
                            ? server_of(scenario, services[i])
                            : NULL;
        if (w->servers[i] && w->servers[i]->idle_ms > 0)
            m->odd_idle = true;
        if (w->servers[i] && !apply(w, &w->serve_options[i], w->servers[i], err)) {
            mock_world_release(&w);
            return NULL;
        }
        w->imap_options[i] = m->imap_options[i];
        apply_imap(&w->imap_options[i], &w->serve_options[i], w->servers[i]);
        if (i == MOCK_POP3 || i == MOCK_POP3S)
            apply_pop3(&w->pop3_options[i == MOCK_POP3S], &w->serve_options[i], w->servers[i],
                       mock_services[i].implicit_tls);
    }
    return w;
}

void mock_world_release(struct mock_world **w)
{
    if (*w && --(*w)->refs == 0) {
        rules_free(&(*w)->rules);
        arena_deinit(&(*w)->arena);
        mem_free(*w);
    }
    *w = NULL;
}

struct mock_world *mock_world_hold(struct mock_world *w)
{
    w->refs++;
    return w;
}

const char *mock_world_name(const struct mock_conn *c)
{
    return c->world->serve_options[c->service].name;
}

const char *mock_server_name(const struct mock *m, enum mock_service service)
{
    return m->world->serve_options[service].name;
}

bool mock_magic_off(const struct mock_conn *c)
{
    const struct scenario *s = rules_scenario(c->world->rules);
    return c->mock->options.magic_off || (s && s->magic_off);
}

/* ---- scenarios ---- */

/* The usual names and those of the scenario's zone files; tried before anything changes. */
static bool read_zones(const struct scenario *s, scenario_read_fn read, void *read_ctx,
                       struct buf *lines, struct err *err)
{
    for (size_t i = 0; i < s->n_zones; i++) {
        if (!read) {
            err_set(err, ERR_USAGE, 0, "zone %.60s: no files can be read here", s->zones[i]);
            return false;
        }
        if (!read(read_ctx, s->zones[i], lines, err) || !buf_append_octet(lines, '\n'))
            return false;
    }
    struct dns_zone *trial = mock_names_new();
    bool good = dns_zone_add(trial, buf_slice(lines), err);
    dns_zone_free(&trial);
    return good;
}

static void use_zones(struct mock *m, const struct buf *lines)
{
    struct err err;
    struct dns_zone *z = mock_zone(m);
    dns_zone_clear(z);
    dns_zone_add(z, mock_names_lines(), &err);
    dns_zone_add(z, buf_slice(lines), &err); /* tried before */
}

bool mock_set_scenario(struct mock *m, const char *name, scenario_read_fn read, void *read_ctx,
                       struct err *err)
{
    struct scenario *s = scenario_load(name, read, read_ctx, err);
    if (!s)
        return false;
    struct buf zones;
    buf_init(&zones, 4 * SCENARIO_FILE_MAX_OCTETS);
    bool readable = read_zones(s, read, read_ctx, &zones, err);
    if (!readable)
        scenario_free(&s);
    struct mock_world *w = readable ? mock_world_new(m, s, err) : NULL;
    if (w)
        use_zones(m, &zones);
    buf_deinit(&zones);
    if (!w)
        return false;
    mock_world_release(&m->world);
    m->world = w;
    mock_memory_clear(&m->memory);
    if (!store_is_maildir(m->store.store)) /* those are somebody's own */
        mock_store_clear(m);
    mock_furnish(m);
    return true;
}

const char *mock_scenario_name(const struct mock *m)
{
    const struct scenario *s = rules_scenario(m->world->rules);
    return s ? s->name : "friendly";
}

unsigned mock_rule_add(struct mock *m, struct slice line, struct err *err)
{
    unsigned number = rules_add(m->world->rules, line, err);
    m->world->friendly = m->world->friendly && number == 0;
    return number;
}

bool mock_rule_remove(struct mock *m, unsigned number)
{
    return rules_remove(m->world->rules, number);
}

void mock_rules_clear(struct mock *m)
{
    rules_remove_all(m->world->rules);
}

bool mock_rule_at(const struct mock *m, size_t index, struct rules_info *out)
{
    return rules_info_at(m->world->rules, index, out);
}

/* ---- TLS ---- */

static const enum tls_practice_cert certs[SCENARIO_CERT__COUNT] = {
    [SCENARIO_CERT_OK] = TLS_CERT_GOOD,
    [SCENARIO_CERT_EXPIRED] = TLS_CERT_EXPIRED,
    [SCENARIO_CERT_FUTURE] = TLS_CERT_FUTURE,
    [SCENARIO_CERT_WRONGHOST] = TLS_CERT_WRONG_NAME,
    [SCENARIO_CERT_SELFSIGNED] = TLS_CERT_SELF_SIGNED,
    [SCENARIO_CERT_UNKNOWNCA] = TLS_CERT_UNKNOWN_CA,
    [SCENARIO_CERT_NOCHAIN] = TLS_CERT_NO_CHAIN,
    [SCENARIO_CERT_EKU] = TLS_CERT_WRONG_EKU,
    [SCENARIO_CERT_RSA1024] = TLS_CERT_RSA_1024,
    [SCENARIO_CERT_SHA1] = TLS_CERT_SHA1,
    [SCENARIO_CERT_SNI] = TLS_CERT_SNI,
};

static bool same_text(const char *a, const char *b)
{
    return (!a || !*a) ? !b || !*b : b && strcmp(a, b) == 0;
}

static bool same(const struct mock_tls *t, const char *name, const struct mock_changed *ch)
{
    return t->cert == ch->cert && t->ask_client == ch->ask_client &&
           t->require_client == ch->require_client && same_text(t->name, name) &&
           same_text(t->proto, ch->proto) && same_text(t->ciphers, ch->ciphers);
}

/* MIN[-MAX]; MIN alone: this one only. */
static void split_proto(const char *proto, char min[8], char max[8])
{
    const char *dash = proto ? strchr(proto, '-') : NULL;
    snprintf(min, 8, "%.*s", dash ? (int)(dash - proto) : 7, proto ? proto : "");
    snprintf(max, 8, "%.7s", dash ? dash + 1 : min);
}

struct tls_server *mock_tls(struct mock_conn *c, struct err *err)
{
    static const struct mock_changed plain;
    struct mock *m = c->mock;
    const struct mock_changed *ch = c->changed ? c->changed : &plain;
    const char *name = mock_world_name(c);
    char min[8], max[8];
    for (struct mock_tls *t = m->tls; t; t = t->next)
        if (same(t, name, ch))
            return t->server;
    if (m->n_tls >= MOCK_TLS_MAX) {
        err_set(err, ERR_LIMIT, 0, "limit \"tls-servers\" reached: %d", MOCK_TLS_MAX);
        err_explain(err, "rules ask for too many kinds of TLS servers", "use fewer");
        return NULL;
    }
    split_proto(ch->proto, min, max);
    const struct tls_server_options o = {.version_min = *min ? min : NULL,
                                         .version_max = *max ? max : NULL,
                                         .ciphers = ch->ciphers,
                                         .ask_client = ch->ask_client || m->options.client_certs,
                                         .require_client = ch->require_client};
    struct tls_server *server =
        tls_server_practice_with(mock_ca(m), name, certs[ch->cert], &o, err);
    if (!server)
        return NULL;
    struct mock_tls *t = mem_zalloc(sizeof(*t));
    *t = (struct mock_tls){.next = m->tls,
                           .server = server,
                           .name = mem_strdup(name),
                           .proto = mem_strdup(ch->proto),
                           .ciphers = mem_strdup(ch->ciphers),
                           .cert = ch->cert,
                           .ask_client = ch->ask_client,
                           .require_client = ch->require_client};
    m->tls = t;
    m->n_tls++;
    return server;
}

void mock_tls_free(struct mock *m)
{
    while (m->tls) {
        struct mock_tls *t = m->tls;
        m->tls = t->next;
        tls_server_free(&t->server);
        mem_free(t->name);
        mem_free(t->proto);
        mem_free(t->ciphers);
        mem_free(t);
    }
    m->n_tls = 0;
}
