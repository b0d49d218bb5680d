/* Settings that say how to get there: proxy, haproxy, timeouts. */
#include <string.h>

#include "base/vis.h"
#include "client/route.h"
#include "console/console_private.h"

enum { PROXY_PASSWORD_MAX_OCTETS = 255, TIMEOUT_MAX_S = 86400 };

/* ---- waits of single stages ---- */

static bool set_stage(struct session_options *o, struct slice name, uint64_t wait_ms)
{
    if (slice_eq_nocase(name, SLICE_LIT("connect"))) {
        o->connect_timeout_ms = wait_ms;
        return true;
    }
    if (slice_eq_nocase(name, SLICE_LIT("resolve"))) {
        o->resolve_timeout_ms = wait_ms;
        return true;
    }
    for (int step = 0; step < SMTP_STEP_DONE; step++) {
        if (!slice_eq_nocase(name, slice_cstr(smtp_step_name((enum smtp_step)step))))
            continue;
        o->stage_timeout_ms[step] = wait_ms;
        if (step == SMTP_STEP_EHLO)
            o->stage_timeout_ms[SMTP_STEP_EHLO_TLS] = wait_ms;
        return true;
    }
    return false;
}

static bool read_timeouts(struct session_options *o, struct slice rest, struct err *err)
{
    while (rest.len > 0) {
        ptrdiff_t comma = slice_find_octet(rest, ',');
        struct slice one = slice_trim(comma < 0 ? rest : slice_take(rest, (size_t)comma));
        rest = slice_skip(rest, comma < 0 ? rest.len : (size_t)comma + 1);
        ptrdiff_t equals = slice_find_octet(one, '=');
        uint64_t seconds = 0;
        if (equals > 0 &&
            slice_to_u64(slice_skip(one, (size_t)equals + 1), TIMEOUT_MAX_S, &seconds) &&
            seconds > 0 && set_stage(o, slice_take(one, (size_t)equals), seconds * 1000))
            continue;
        char shown[80];
        vis_to_cstr(shown, sizeof shown, one);
        err_set(err, ERR_USAGE, 0, "timeouts: \"%s\" is no STAGE=SECS", shown);
        err_explain(err, "nothing was opened",
                    "stages: connect resolve banner ehlo helo starttls tls xclient auth mail rcpt "
                    "data content dot rset quit");
        return false;
    }
    return true;
}

/* ---- the proxy ---- */

/* The password never comes from the URL. */
static bool find_proxy_password(struct console *c, const struct route_proxy *proxy, struct err *err)
{
    struct buf password;
    secret_clear(&c->now->proxy_password);
    if (proxy->had_password) {
        err_set(err, ERR_USAGE, 0, "the proxy's URL holds a password; it is not taken from there");
        err_explain(err, "what stands on a command line is seen by everyone on this machine",
                    "an entry in netrc: machine PROXYHOST login USER password ...");
        return false;
    }
    if (!proxy->user[0])
        return true;
    buf_init(&password, PROXY_PASSWORD_MAX_OCTETS);
    if (console_netrc(c, proxy->host, proxy->user, &password))
        secret_set(&c->now->proxy_password, buf_slice(&password));
    mem_wipe(password.ptr, password.len);
    buf_deinit(&password);
    if (secret_is_set(&c->now->proxy_password))
        return true;
    err_set(err, ERR_MISSING, 0, "netrc has no password for %.60s at the proxy %.80s", proxy->user,
            proxy->host);
    err_explain(err, "nothing was opened",
                "an entry in netrc: machine PROXYHOST login USER password ...");
    return false;
}

bool console_route_fill(struct console *c, struct session_options *o, struct err *err)
{
    const char *proxy = settings_text(c->settings, SETTING_ID_proxy);
    const char *haproxy = settings_text(c->settings, SETTING_ID_haproxy);
    const char *timeouts = settings_text(c->settings, SETTING_ID_timeouts);
    struct route_proxy parsed;
    struct route_header header;
    o->proxy = *proxy ? proxy : NULL;
    o->proxy_password = &c->now->proxy_password;
    o->haproxy = *haproxy ? haproxy : NULL;
    if (o->proxy &&
        (!route_proxy_parse(proxy, &parsed, err) || !find_proxy_password(c, &parsed, err)))
        return false;
    if (o->haproxy && !route_header_parse(haproxy, &header, err))
        return false;
    return read_timeouts(o, slice_cstr(timeouts), err);
}
