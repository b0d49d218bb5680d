/* Who somebody is: passwords, tokens, client certificates, what TLS binds to, and what a proxy says
 * by XCLIENT. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sasl/sasl.h"

#define TOKEN_PREFIX "token-"

bool mock_policy_password(void *ctx, const char *user, struct secret *password_out)
{
    const struct mock_conn *c = ctx;
    return mock_password(c->mock, user, password_out);
}

/* "token-alice" is alice's bearer token. */
bool mock_policy_token(void *ctx, const char *user, struct slice token, struct buf *user_out)
{
    struct mock *m = ((const struct mock_conn *)ctx)->mock;
    struct secret none;
    if (!slice_starts(token, SLICE_LIT(TOKEN_PREFIX)))
        return false;
    const struct store_user *owner = mock_user_find(m, slice_skip(token, strlen(TOKEN_PREFIX)));
    secret_init(&none);
    bool can_log_in = owner && store_user_password(owner, &none);
    secret_clear(&none);
    if (!can_log_in || (user[0] && mock_user_find(m, slice_cstr(user)) != owner))
        return false;
    return buf_append_cstr(user_out, store_user_name(owner));
}

bool mock_policy_channel(void *ctx, struct sasl_channel *out)
{
    const struct mock_conn *c = ctx;
    _Static_assert(sizeof(out->unique) >= LINK_TLS_UNIQUE_OCTETS, "room for tls-unique");
    out->has_exporter = link_channel_binding(c->link, out->exporter);
    out->unique_octets = link_tls_unique(c->link, out->unique);
    return out->has_exporter || out->unique_octets > 0;
}

const char *mock_policy_external(void *ctx)
{
    const struct mock_conn *c = ctx;
    char identity[65];
    if (!link_is_tls(c->link) || !link_client_identity(c->link, identity, sizeof(identity)))
        return NULL;
    const struct store_user *u = mock_user_find(c->mock, slice_cstr(identity));
    return u ? store_user_name(u) : NULL;
}

bool mock_policy_trusts(const struct mock_conn *c)
{
    const char *user = smtp_serve_user(c->smtp.serve);
    return user && strcmp(user, "anonymous") != 0;
}

/* ---- XCLIENT ---- */

/* As it stands in a literal: 192.0.2.1, IPv6:2001:db8::1. */
static char *literal_of(const char *address)
{
    bool six = slice_starts_nocase(slice_cstr(address), SLICE_LIT("IPV6:"));
    return mem_printf("%s%s", six ? "IPv6:" : "", six ? address + 5 : address);
}

void mock_policy_xclient(void *ctx, const struct smtp_xclient *x)
{
    struct mock_conn *c = ctx;
    const char *address = x->value[SMTP_XCLIENT_ADDR], *hello = x->value[SMTP_XCLIENT_HELO];
    if (address) {
        mem_free(c->peer);
        c->peer = address[0] ? literal_of(address) : NULL;
    }
    if (hello)
        mock_smtp_hello(c, slice_cstr(hello));
    if (x->value[SMTP_XCLIENT_PROTO])
        c->smtp.esmtp = x->value[SMTP_XCLIENT_PROTO][0] == 'E';
    char action[160];
    snprintf(action, sizeof(action), "believes XCLIENT: the client is %s",
             c->peer ? c->peer : "not known");
    JOURNAL_APPEND(c->mock->journal, link_conn(c->link), FAULT, mock_event_flags(c->mock), 0,
                   (struct ev_fault){.rule = SLICE_LIT("XCLIENT"),
                                     .action = slice_cstr(action),
                                     .stage = SLICE_LIT("xclient")});
}
