/* TLS sessions kept to be resumed (RFC 8446 section 2.2, RFC 5077): the newest of each peer name.
 *
 * A resumed handshake shows no certificate, so what the first one's check gave goes with the
 * ticket: it is used again only by those who would have gone on with that result. A ticket is used
 * once; the server hands out others inside the resumed session.
 */
#include "net/tls_private.h"

#include "base/mem.h"

#include <string.h>

enum { TICKETS_MAX = 16 };

struct ticket {
    char *name;
    SSL_SESSION *session;
    bool peer_ok;
};

struct tls_tickets {
    unsigned refs;
    struct ticket list[TICKETS_MAX];
    size_t count;
};

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *t = mem_zalloc(sizeof(*t));
    t->refs = 1;
    return t;
}

struct tls_tickets *tls_tickets_ref(struct tls_tickets *t)
{
    if (t != NULL)
        t->refs++;
    return t;
}

static void drop(struct tls_tickets *t, size_t index)
{
    mem_free(t->list[index].name);
    SSL_SESSION_free(t->list[index].session);
    t->count--;
    memmove(&t->list[index], &t->list[index + 1], (t->count - index) * sizeof(t->list[0]));
}

void tls_tickets_free(struct tls_tickets **tp)
{
    struct tls_tickets *t = *tp;
    *tp = NULL;
    if (t == NULL || --t->refs > 0)
        return;
    while (t->count > 0)
        drop(t, t->count - 1);
    mem_free(t);
}

size_t tls_tickets_count(const struct tls_tickets *t)
{
    return t->count;
}

static const char *name_of(const struct tls_client *c)
{
    return c->options.name != NULL ? c->options.name : "";
}

int tickets_keep(SSL *ssl, SSL_SESSION *session)
{
    struct link *k = SSL_get_app_data(ssl);
    struct tls_client *c = k->tls != NULL ? k->tls->client : NULL;
    if (c == NULL || c->tickets == NULL || SSL_SESSION_is_resumable(session) != 1)
        return 0;
    struct tls_tickets *t = c->tickets;
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->list[i].name, name_of(c)) == 0) {
            drop(t, i);
            break;
        }
    }
    if (t->count == TICKETS_MAX)
        drop(t, 0);
    t->list[t->count++] = (struct ticket){
        .name = mem_strdup(name_of(c)), .session = session, .peer_ok = k->tls->peer_ok};
    return 1; /* the reference is ours now */
}

bool tickets_use(struct tls_client *c, SSL *ssl, bool *peer_ok_out)
{
    struct tls_tickets *t = c->tickets;
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        const struct ticket *one = &t->list[i];
        if (strcmp(one->name, name_of(c)) != 0)
            continue;
        bool used = (one->peer_ok || c->options.verify == VERIFY_NONE) &&
                    SSL_set_session(ssl, one->session) == 1;
        *peer_ok_out = one->peer_ok;
        if (used)
            drop(t, i);
        return used;
    }
    return false;
}
