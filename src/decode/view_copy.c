/* A copy of a view: so that the state at a line long ago costs the events since the copy before it,
 * and not all of them. What a view owns is listed here and in view_deinit, and nowhere else. */
#include <string.h>

#include "base/mem.h"
#include "decode/view_private.h"

static char **list_dup(char *const *list, size_t n)
{
    char **copy = n > 0 ? mem_alloc(n * sizeof(*copy)) : NULL;
    for (size_t i = 0; i < n; i++)
        copy[i] = mem_strdup(list[i]);
    return copy;
}

/* With room up to the next power of two: a view's arrays that grow do so by doubling. */
static void *array_dup(const void *array, size_t n, size_t octets)
{
    size_t room = 1;
    if (n == 0)
        return NULL;
    while (room < n)
        room *= 2;
    void *copy = mem_alloc(room * octets);
    memcpy(copy, array, n * octets);
    return copy;
}

static void certs_dup(struct view *out)
{
    out->certs = array_dup(out->certs, out->n_certs, sizeof(*out->certs));
    for (size_t i = 0; i < out->n_certs; i++) {
        struct view_cert *c = &out->certs[i];
        char **const texts[] = {&c->subject, &c->issuer,    &c->names,
                                &c->key,     &c->signature, &c->serial};
        for (size_t t = 0; t < sizeof(texts) / sizeof(*texts); t++)
            *texts[t] = mem_strdup(*texts[t]);
    }
}

static void recipients_dup(struct view *out)
{
    out->recipients = array_dup(out->recipients, out->n_recipients, sizeof(*out->recipients));
    for (size_t i = 0; i < out->n_recipients; i++) {
        struct view_recipient *r = &out->recipients[i];
        r->path = mem_strdup(r->path);
        r->enhanced = mem_strdup(r->enhanced);
        r->text = mem_strdup(r->text);
    }
}

static void deviations_dup(struct view *out)
{
    out->deviations = array_dup(out->deviations, out->n_deviations, sizeof(*out->deviations));
    for (size_t i = 0; i < out->n_deviations; i++) {
        out->deviations[i].rule = mem_strdup(out->deviations[i].rule);
        out->deviations[i].note = mem_strdup(out->deviations[i].note);
    }
}

void view_copy(struct view *out, const struct view *v)
{
    char **text;
    view_deinit(out);
    *out = *v;
    for (size_t i = 0; (text = view_text_place(out, i)); i++)
        *text = mem_strdup(*text);
    certs_dup(out);
    recipients_dup(out);
    deviations_dup(out);
    if (v->tls_messages) { /* made once, for as many as are kept */
        out->tls_messages = mem_alloc(VIEW_TLS_MESSAGES_MAX * sizeof(*v->tls_messages));
        memcpy(out->tls_messages, v->tls_messages, v->n_tls_messages * sizeof(*v->tls_messages));
    }
    out->caps = list_dup(v->caps, v->n_caps);
    out->caps_clear = list_dup(v->caps_clear, v->n_caps_clear);
    out->body.pieces = array_dup(v->body.pieces, v->body.n_pieces, sizeof(*v->body.pieces));
}
