/* Explaining a reply from its words: codes read from the text, the provider's layer put before
 * those of the codes, and the whole as lines. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/vis.h"
#include "decode/status.h"
#include "decode/wording.h"
#include "smtp/reply.h"

enum { TEXT_OCTETS = 4096 };

/* ---- codes ---- */

static unsigned code_at(struct slice s)
{
    uint64_t code;
    if (s.len < 3 || !slice_to_u64(slice_take(s, 3), 599, &code) || code < 200)
        return 0;
    return s.len == 3 || s.ptr[3] == ' ' || s.ptr[3] == '-' || s.ptr[3] == '\r' || s.ptr[3] == '\n'
               ? (unsigned)code
               : 0;
}

/* The last line counts, as for a reply on the wire; a greeting of mixed codes ends the session with
 * its last. */
static void codes_of_text(struct slice text, unsigned *code_out, unsigned enhanced_out[3])
{
    unsigned code = 0;
    while (text.len > 0) {
        ptrdiff_t lf = slice_find_octet(text, '\n');
        struct slice line = slice_trim(slice_take(text, lf < 0 ? text.len : (size_t)lf));
        text = slice_skip(text, lf < 0 ? text.len : (size_t)lf + 1);
        unsigned here = code_at(line), e[3];
        if (here != 0) {
            code = here;
            line = slice_skip(line, 4);
        }
        line = slice_trim(line);
        if (smtp_enhanced_parse(line, e) > 0)
            memcpy(enhanced_out, e, sizeof(e));
    }
    *code_out = code;
}

void explain_codes(const struct explain_input *in, unsigned *code_out, unsigned enhanced_out[3])
{
    unsigned code = 0;
    enhanced_out[0] = enhanced_out[1] = enhanced_out[2] = 0;
    codes_of_text(slice_take(in->text, TEXT_OCTETS), &code, enhanced_out);
    *code_out = in->code ? in->code : code;
    unsigned e[3];
    if (in->enhanced && smtp_enhanced_parse(slice_cstr(in->enhanced), e) > 0)
        memcpy(enhanced_out, e, sizeof(e));
    /* An enhanced code of another class than its reply is noise (RFC 2034 section 4). */
    if (!in->enhanced && *code_out != 0 && enhanced_out[0] != *code_out / 100)
        enhanced_out[0] = 0;
}

/* ---- layers ---- */

static enum explain_party party_by_name(const char *name)
{
    for (unsigned i = 0; i < EXPLAIN_PARTY__COUNT; i++)
        if (strcmp(name, explain_party_name((enum explain_party)i)) == 0)
            return (enum explain_party)i;
    return EXPLAIN_YOU;
}

static void add_provider_layer(const struct wording_hit *hit, bool codes_known,
                               struct explanation *out)
{
    const struct explain_wording *row = hit->row;
    if (!row)
        return;
    out->provider = row->provider;
    out->provider_also = hit->also ? hit->also->provider : NULL;
    out->provider_sure = hit->sure;
    out->provider_meaning = row->meaning;
    out->provider_next = row->next;
    out->provider_source = row->source;
    out->provider_party = party_by_name(row->who);
    /* Without any code, another one's words are all there is. */
    if (!hit->sure && codes_known)
        return;
    out->meaning = row->meaning;
    out->next = row->next;
    out->source = row->source;
    out->party = out->provider_party;
    out->who = explain_party_name(out->party);
}

/* A code of that class which no table has: the class's row and nothing more. */
static unsigned code_of_class(unsigned klass)
{
    return klass >= 2 && klass <= 5 ? klass * 100 + 99 : 0;
}

void explain_reply_text(const struct explain_input *in, struct explanation *out)
{
    struct server server;
    struct wording_text words;
    struct wording_hit hit;
    unsigned code, e[3];
    char enhanced[40] = "";
    if (status_explain(status_protocol_by_name(in->protocol), in->text, in->command, out))
        return;
    explain_codes(in, &code, e);
    if (e[0] != 0)
        snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", e[0], e[1], e[2]);
    unsigned klass = code ? code / 100 : e[0] ? e[0] : in->klass;
    explain_reply(code ? code : code_of_class(klass), enhanced[0] ? enhanced : NULL, in->answers,
                  out);
    server_detect(in->banner, in->host, in->text, &server);
    if (in->provider && server.n_providers < SERVER_PROVIDERS_MAX)
        server.providers[server.n_providers++] = in->provider;
    wording_read(&words, slice_take(in->text, TEXT_OCTETS), code, e);
    words.klass = klass;
    wording_find(&words, &server, &hit);
    add_provider_layer(&hit, klass != 0, out);
}

/* ---- as lines ---- */

static void line(struct buf *out, const char *label, const char *text, unsigned flags)
{
    if (!text || !*text)
        return;
    buf_printf(out, "  %-9s", label);
    vis_to_buf(out, slice_cstr(text), flags);
    buf_append_octet(out, '\n');
}

static void sourced_line(struct buf *out, const char *label, const char *head, const char *text,
                         const char *source, unsigned flags)
{
    if (!text || !*text)
        return;
    buf_printf(out, "  %-9s", label);
    vis_to_buf(out, slice_cstr(head), flags);
    if (*head)
        buf_append_cstr(out, ": ");
    vis_to_buf(out, slice_cstr(text), flags);
    if (source && *source) {
        buf_append_cstr(out, " (");
        vis_to_buf(out, slice_cstr(source), flags);
        buf_append_octet(out, ')');
    }
    buf_append_octet(out, '\n');
}

static void reply_lines(struct buf *out, struct slice text, unsigned flags)
{
    text = slice_trim(slice_take(text, TEXT_OCTETS));
    while (text.len > 0) {
        ptrdiff_t lf = slice_find_octet(text, '\n');
        struct slice one = slice_take(text, lf < 0 ? text.len : (size_t)lf);
        vis_to_buf(out, slice_trim(one), flags);
        buf_append_octet(out, '\n');
        text = slice_skip(text, lf < 0 ? text.len : (size_t)lf + 1);
    }
}

static void wording_line(struct buf *out, const struct explanation *e, unsigned flags)
{
    char head[160];
    if (!e->provider)
        return;
    if (e->provider_sure)
        snprintf(head, sizeof(head), "%s", e->provider);
    else if (e->provider_also)
        snprintf(head, sizeof(head), "%s and %s use this wording", e->provider, e->provider_also);
    else
        snprintf(head, sizeof(head), "%s %s this wording", e->provider,
                 strcmp(e->provider, "Filters") == 0 ? "(rspamd and others) use" : "uses");
    if (e->meaning == e->provider_meaning) {
        line(out, "wording", head, flags);
        return;
    }
    sourced_line(out, "wording", head, e->provider_meaning, e->provider_source, flags);
    line(out, "", e->provider_next, flags);
}

void explain_print(const struct explain_input *in, const struct explanation *e, unsigned vis_flags,
                   struct buf *out)
{
    char head[48];
    unsigned code = 0, enhanced[3] = {0};
    if (status_protocol_by_name(in->protocol) == STATUS_NONE)
        explain_codes(in, &code, enhanced);
    reply_lines(out, in->text, vis_flags);
    line(out, "means", e->meaning, vis_flags);
    line(out, "who", explain_party_name(e->party), vis_flags);
    line(out, "next", e->next, vis_flags);
    line(out, "source", e->source, vis_flags);
    wording_line(out, e, vis_flags);
    if (enhanced[0] != 0) {
        snprintf(head, sizeof(head), "%u.%u.%u", enhanced[0], enhanced[1], enhanced[2]);
        sourced_line(out, "enhanced", head, e->enhanced_name,
                     e->enhanced_meaning == e->meaning ? NULL : e->enhanced_rfc, vis_flags);
        if (e->enhanced_meaning != e->meaning && e->meaning != e->code_meaning)
            line(out, "", e->enhanced_meaning, vis_flags);
        line(out, "subject", e->subject_meaning, vis_flags);
    }
    if (code != 0)
        snprintf(head, sizeof(head), "%u", code);
    else
        head[0] = '\0';
    if (e->code_meaning != e->meaning)
        sourced_line(out, "code", head, e->code_meaning, e->code_rfc, vis_flags);
    if (e->class_meaning != e->meaning)
        line(out, "class", e->class_meaning, vis_flags);
}
