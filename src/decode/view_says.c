/* What a view says in words: the last reply explained with everything known of its server, and the
 * lines of its TLS. */
#include <stdio.h>
#include <string.h>

#include "decode/view.h"

enum { BANNER_OCTETS = 600 };

bool view_is_smtp(const struct view *v)
{
    struct slice name = slice_cstr(v->protocol);
    return name.len == 0 || slice_eq(name, SLICE_LIT("smtp")) || slice_eq(name, SLICE_LIT("lmtp"));
}

/* The greeting with its code again, as the table of banners has it. */
static const char *banner_of(const struct view *v, char out[BANNER_OCTETS])
{
    if (!v->greeting)
        return NULL;
    if (v->greeting_code == 0 && !view_is_smtp(v)) /* POP3, IMAP: it has its status */
        snprintf(out, BANNER_OCTETS, "%s", v->greeting);
    else
        snprintf(out, BANNER_OCTETS, "%03u %s", v->greeting_code ? v->greeting_code : 220,
                 v->greeting);
    return out;
}

/* Only refusals are looked at for signs: what a server quotes in a success may be anybody's. */
static struct slice words_of(const struct view *v)
{
    return slice_cstr(v->last_code >= 400 ? v->last_reply : NULL);
}

void view_server(const struct view *v, struct server *out)
{
    char banner[BANNER_OCTETS];
    server_detect(banner_of(v, banner), v->target, words_of(v), out);
}

static struct explain_input input_of(const struct view *v, char banner[BANNER_OCTETS])
{
    return (struct explain_input){
        .code = v->last_code,
        .enhanced = v->last_enhanced,
        .answers = v->last_verb,
        .text = slice_cstr(v->last_reply),
        .banner = banner_of(v, banner),
        .host = v->target,
        .protocol = v->protocol,
        .command = v->last_answered,
    };
}

void view_explain(const struct view *v, struct explanation *out)
{
    char banner[BANNER_OCTETS];
    struct explain_input in = input_of(v, banner);
    explain_reply_text(&in, out);
}

void view_explain_print(const struct view *v, unsigned vis_flags, struct buf *out)
{
    char banner[BANNER_OCTETS];
    struct explanation e;
    struct explain_input in = input_of(v, banner);
    explain_reply_text(&in, &e);
    explain_print(&in, &e, vis_flags, out);
}

/* ---- TLS ---- */

void view_cert_tlsa(const struct view_cert *c, char *out)
{
    out[0] = '\0';
    if (c->spki_fingerprint[0])
        snprintf(out, VIEW_TLSA_OCTETS, "3 1 1 %s", c->spki_fingerprint);
}

int64_t view_cert_days_left(const struct view_cert *c, int64_t now_s)
{
    enum { DAY_S = 86400 };
    /* Both come from outside: far ends must not overflow. */
    int64_t left_s;
    if (__builtin_sub_overflow(c->not_after_s, now_s, &left_s))
        left_s = c->not_after_s < now_s ? INT64_MIN : INT64_MAX;
    return left_s >= 0 ? left_s / DAY_S : left_s / DAY_S - (left_s % DAY_S != 0);
}

void view_tls_message_text(const struct view *v, size_t index, struct buf *out)
{
    if (index >= v->n_tls_messages)
        return;
    const struct view_tls_message *m = &v->tls_messages[index];
    buf_printf(out, "%8.1f ms  %s  %s, %llu octets", (double)m->at_us / 1e3,
               m->dir == DIR_C ? "C>" : "<S", explain_tls_message(m->content_type, m->msg_type),
               (unsigned long long)m->length);
}
