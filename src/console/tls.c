/* Settings of TLS beyond files and versions, for session_options. */
#include <string.h>

#include "console/console_private.h"

static const char *text_or_null(const struct console *c, enum setting_id id)
{
    const char *text = settings_text(c->settings, id);
    return *text ? text : NULL;
}

/* The list as lines; the channel keeps the text until the next one. */
static const char *tlsa_lines(struct console *c)
{
    size_t n = settings_list_count(c->settings, SETTING_ID_tlsa);
    struct buf text;
    mem_free(c->now->tlsa);
    c->now->tlsa = NULL;
    if (n == 0)
        return NULL;
    buf_init(&text, CONSOLE_LINE_MAX_OCTETS);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s", i > 0 ? "\n" : "",
                   settings_list_at(c->settings, SETTING_ID_tlsa, i));
    c->now->tlsa = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    return c->now->tlsa;
}

bool console_tls_fill(struct console *c, struct session_options *o, struct err *err)
{
    const char *keylog = text_or_null(c, SETTING_ID_keylog);
    /* "-": no name at all is sent. */
    if (o->tls.sni && strcmp(o->tls.sni, "-") == 0)
        o->tls.sni = "";
    if (keylog)
        o->tls.keylog_file = keylog;
    o->keep_wire = o->tls.keylog_file != NULL;
    o->tls.groups = text_or_null(c, SETTING_ID_groups);
    o->tls.alpn = text_or_null(c, SETTING_ID_alpn);
    o->tls.ocsp = settings_bool(c->settings, SETTING_ID_ocsp);
    o->tls.tlsa = tlsa_lines(c);
    if (!c->now->tickets)
        c->now->tickets = tls_tickets_new();
    o->tls.tickets = settings_bool(c->settings, SETTING_ID_resume) ? c->now->tickets : NULL;
    return !o->tls.tlsa || tls_tlsa_check(o->tls.tlsa, err);
}
