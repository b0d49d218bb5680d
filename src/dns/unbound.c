/* The real resolver: libunbound, forwarding to what resolv.conf names, validating where the system
 * has a root trust anchor.
 *
 * The library works in a thread of its own and tells by a descriptor that answers wait. Traps:
 *
 * Options, forwarders and anchors count only before the first zone call or question.
 *
 * A resolver on the loopback (127.0.0.53 on many systems) must be allowed (do-not-query-localhost),
 * and names below "test." and "home.arpa." are denied locally unless their zones are removed.
 *
 * With a silent resolver the library tries for long: outbound-msg-retry bounds that, and the
 * question's own deadline comes first anyway. A cancelled question lives on inside the thread;
 * ub_ctx_delete does not wait for it.
 *
 * The thread must not take the signals that the loop waits for: it inherits a full signal mask.
 *
 * A dead server is shunned for 15 minutes by default (infra-host-ttl): too long for a person who
 * is just mending it.
 */
#include "dns_private.h"

#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unbound.h>
#include <unistd.h>

enum { CLASS_IN = 1, RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

struct resolver {
    struct loop *l;
    char *resolv_conf, *hosts, *trust_anchor;
    char *forward;     /* NULL: resolv_conf counts */
    struct ub_ctx *ub; /* NULL: not open */
    struct loop_watch *watch;
    struct dns_question **under_way;
    size_t n_under_way, alloc_under_way;
    struct timespec conf_modified; /* of resolv_conf when it was read */
    bool validates;
};

static const struct {
    const char *option, *value;
} options[] = {
    {"use-syslog:", "no"},
    {"rrset-roundrobin:", "no"}, /* records as they came */
    {"do-not-query-localhost:", "no"},
    {"outbound-msg-retry:", "2"},
    {"infra-host-ttl:", "30"},
    {"infra-keep-probing:", "yes"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"domain-insecure:", "test."},
    {"domain-insecure:", "internal."},
};

static void resolver_close(struct resolver *r)
{
    if (r->watch != NULL)
        loop_watch_free(&r->watch);
    if (r->ub != NULL)
        ub_ctx_delete(r->ub);
    r->ub = NULL;
    r->validates = false;
}

static struct timespec conf_modified(const struct resolver *r)
{
    struct stat st;
    if (r->forward == NULL && stat(r->resolv_conf, &st) == 0)
        return st.st_mtim;
    return (struct timespec){0, 0};
}

static void under_way_add(struct resolver *r, struct dns_question *q)
{
    if (r->n_under_way == r->alloc_under_way) {
        r->alloc_under_way = r->alloc_under_way == 0 ? 8 : r->alloc_under_way * 2;
        r->under_way =
            mem_realloc(r->under_way, r->alloc_under_way * sizeof(struct dns_question *));
    }
    r->under_way[r->n_under_way++] = q;
    loop_watch_set(r->watch, LOOP_READABLE);
}

/* With nothing to wait for the descriptor rests, so that a loop with nothing else to do can end. */
static void under_way_remove(struct resolver *r, struct dns_question *q)
{
    for (size_t i = 0; i < r->n_under_way; i++)
        if (r->under_way[i] == q) {
            r->under_way[i] = r->under_way[--r->n_under_way];
            break;
        }
    q->resolver_id = -1;
    if (r->n_under_way == 0 && r->watch != NULL)
        loop_watch_set(r->watch, 0);
}

/* The library's thread is gone: nobody gets an answer from it any more. */
static void fail_all(struct resolver *r, const char *why)
{
    while (r->n_under_way > 0) {
        struct dns_question *q = r->under_way[0];
        under_way_remove(r, q);
        dns_question_settle(q, DNS_NO_RESOLVER, DNSSEC_UNKNOWN, "no resolver", why);
    }
    resolver_close(r);
}

static void on_readable(void *ctx, unsigned ready)
{
    struct resolver *r = ctx;
    (void)ready;
    int rc = ub_process(r->ub);
    if (rc != 0)
        fail_all(r, ub_strerror(rc));
}

/* Everything that must stand before the first question. False: why says what is wrong. */
static bool configure(struct resolver *r, struct buf *why)
{
    int rc = ub_ctx_debugout(r->ub, NULL); /* nothing may be written across the screen */
    if (rc == 0)
        rc = ub_ctx_async(r->ub, 1);
    for (size_t i = 0; rc == 0 && i < sizeof(options) / sizeof(options[0]); i++)
        rc = ub_ctx_set_option(r->ub, options[i].option, options[i].value);
    if (rc != 0) {
        buf_printf(why, "the resolver library does not start: %s", ub_strerror(rc));
        return false;
    }
    errno = 0;
    rc = r->forward != NULL ? ub_ctx_set_fwd(r->ub, r->forward)
                            : ub_ctx_resolvconf(r->ub, r->resolv_conf);
    if (rc != 0) {
        buf_printf(why, "%s: %s", r->forward != NULL ? r->forward : r->resolv_conf,
                   rc == UB_READFILE && errno != 0 ? strerror(errno) : ub_strerror(rc));
        return false;
    }
    /* Read only: keeping the anchor up to date is the system's business (RFC 5011). The library
     * would not start without the file it was told of. */
    r->validates =
        access(r->trust_anchor, R_OK) == 0 && ub_ctx_add_ta_file(r->ub, r->trust_anchor) == 0;
    ub_ctx_zone_remove(r->ub, "test.");
    ub_ctx_zone_remove(r->ub, "home.arpa.");
    return true;
}

static bool resolver_open(struct resolver *r, struct buf *why)
{
    if (r->ub != NULL)
        return true;
    r->ub = ub_ctx_create();
    if (r->ub == NULL) {
        buf_append_cstr(why, "the resolver library does not start");
        return false;
    }
    r->conf_modified = conf_modified(r);
    if (configure(r, why)) {
        r->watch = loop_watch_new(r->l, ub_fd(r->ub), LOOP_READABLE, on_readable, r);
        if (r->watch != NULL)
            return true;
        buf_append_cstr(why, "the resolver library cannot be watched");
    }
    resolver_close(r);
    return false;
}

/* Another network, another resolv.conf: start anew, but not under the feet of open questions. */
static void reopen_if_changed(struct resolver *r)
{
    struct timespec now = conf_modified(r);
    bool changed = now.tv_sec != r->conf_modified.tv_sec || now.tv_nsec != r->conf_modified.tv_nsec;
    if (r->ub != NULL && r->n_under_way == 0 && changed)
        resolver_close(r);
}

static const char *rcode_word(int rcode)
{
    static const char *const words[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};
    return rcode >= 0 && rcode < (int)(sizeof(words) / sizeof(words[0])) ? words[rcode] : "other";
}

static enum event_dnssec dnssec_of(const struct resolver *r, const struct ub_result *result)
{
    if (result->bogus)
        return DNSSEC_BOGUS;
    if (result->secure)
        return DNSSEC_SECURE;
    return r->validates ? DNSSEC_INSECURE : DNSSEC_UNKNOWN;
}

static void settle_result(struct resolver *r, struct dns_question *q,
                          const struct ub_result *result)
{
    enum event_dnssec dnssec = dnssec_of(r, result);
    if (result->bogus) {
        dns_question_settle(q, DNS_SERVFAIL, dnssec, "SERVFAIL",
                            result->why_bogus != NULL ? result->why_bogus
                                                      : "DNSSEC validation failed");
        return;
    }
    if (result->rcode == RCODE_NXDOMAIN) {
        dns_question_settle(q, DNS_NXDOMAIN, dnssec, "NXDOMAIN", "no such name");
        return;
    }
    if (result->rcode != RCODE_NOERROR) {
        dns_question_settle(q, DNS_SERVFAIL, dnssec, rcode_word(result->rcode),
                            "the resolver failed, refused, or could not be reached");
        return;
    }
    bool malformed = false;
    for (size_t i = 0; result->havedata && result->data[i] != NULL && result->len[i] >= 0; i++)
        malformed = !dns_record_from_wire(q, slice_of(result->data[i], (size_t)result->len[i])) ||
                    malformed;
    if (malformed && q->answer.n_records == 0)
        dns_question_settle(q, DNS_SERVFAIL, dnssec, "NOERROR", "the answer's records do not read");
    else
        dns_question_settle_found(q, dnssec);
}

/* Called by ub_process. */
static void on_result(void *ctx, int err, struct ub_result *result)
{
    struct dns_question *q = ctx;
    struct resolver *r = dns_question_source(q);
    under_way_remove(r, q);
    if (err != 0 || result == NULL)
        dns_question_settle(q, DNS_SERVFAIL, DNSSEC_UNKNOWN, "SERVFAIL", ub_strerror(err));
    else
        settle_result(r, q, result);
    ub_resolve_free(result);
}

/* The first question starts the library's thread. */
static int resolve_without_signals(struct resolver *r, struct dns_question *q)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc =
        ub_resolve_async(r->ub, q->name, (int)q->type, CLASS_IN, q, on_result, &q->resolver_id);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void resolver_ask(void *source, struct dns_question *q)
{
    struct resolver *r = source;
    struct buf why;
    if (dns_answer_hosts(q, r->hosts))
        return;
    buf_init(&why, 512);
    reopen_if_changed(r);
    if (!resolver_open(r, &why)) {
        dns_question_settle(q, DNS_NO_RESOLVER, DNSSEC_UNKNOWN, "no resolver", buf_cstr(&why));
    } else {
        int rc = resolve_without_signals(r, q);
        if (rc == 0)
            under_way_add(r, q);
        else
            dns_question_settle(q, DNS_NO_RESOLVER, DNSSEC_UNKNOWN, "no resolver", ub_strerror(rc));
    }
    buf_deinit(&why);
}

static void resolver_cancel(void *source, struct dns_question *q)
{
    struct resolver *r = source;
    if (q->resolver_id < 0)
        return;
    ub_cancel(r->ub, q->resolver_id);
    under_way_remove(r, q);
}

static void resolver_free(void *source)
{
    struct resolver *r = source;
    resolver_close(r);
    mem_free(r->resolv_conf);
    mem_free(r->hosts);
    mem_free(r->trust_anchor);
    mem_free(r->forward);
    mem_free(r->under_way);
    mem_free(r);
}

struct dns *dns_new(struct loop *l, struct journal *j, const struct dns_options *opt)
{
    static const struct dns_source source = {resolver_ask, resolver_cancel, resolver_free};
    static const struct dns_options none;
    const struct dns_options *o = opt != NULL ? opt : &none;
    struct resolver *r = mem_zalloc(sizeof(*r));
    r->l = l;
    r->resolv_conf = mem_strdup(o->resolv_conf != NULL ? o->resolv_conf : "/etc/resolv.conf");
    r->hosts = mem_strdup(o->hosts != NULL ? o->hosts : "/etc/hosts");
    r->trust_anchor =
        mem_strdup(o->trust_anchor != NULL ? o->trust_anchor : "/usr/share/dns/root.key");
    r->forward = mem_strdup(o->forward);
    return dns_new_with(l, j, &source, r);
}
