/* Reading the message of a session: its octets out of the journal, then everything the mail module
 * can say of them, then who claims to have written it. */
#include "decode/message.h"

#include <string.h>

#include "base/mem.h"
#include "smtp/content.h"

enum { CLAIM_OCTETS_MAX = 400 };

const char *message_strength_name(enum message_strength s)
{
    static const char *const names[MESSAGE_STRENGTH__COUNT] = {"claimed", "seen", "proven"};
    return s < MESSAGE_STRENGTH__COUNT ? names[s] : "claimed";
}

/* ---- octets ---- */

/* One piece as it passed; false: it has left memory, or no more is taken. */
static bool read_piece(const struct view *v, const struct journal *j, uint64_t offset,
                       uint64_t length, struct buf *out, struct message *m)
{
    uint64_t room = out->cap_octets - out->len;
    if (length > room) {
        length = room;
        m->cut = true;
    }
    size_t before = out->len;
    bool whole =
        journal_read_masked(j, v->conn, v->body.dir, LAYER_PLAIN, offset, length, out, NULL);
    if (!whole || out->len - before < length) {
        m->gone = true;
        return false;
    }
    return !m->cut;
}

static void read_wire(const struct view *v, const struct journal *j, struct buf *out,
                      struct message *m)
{
    const struct view_content *b = &v->body;
    for (size_t i = 0; i < b->n_pieces; i++)
        if (!read_piece(v, j, b->pieces[i].offset, b->pieces[i].length, out, m))
            return;
    uint64_t now = v->octets[b->dir];
    if (b->open && now > b->open_at)
        read_piece(v, j, b->open_at, now - b->open_at, out, m);
    m->cut = m->cut || b->more_octets > 0;
}

static void unstuff(struct slice wire, struct buf *out)
{
    struct smtp_content c;
    bool end = false;
    smtp_content_init(&c);
    smtp_content_feed(&c, wire, out, &end);
}

/* ---- claims ---- */

static void claim(struct message *m, const char *label, struct slice value,
                  enum message_strength strength, const char *note)
{
    value = slice_trim(value);
    if (value.len == 0 || m->n_claims == MESSAGE_CLAIMS_MAX)
        return;
    m->claims[m->n_claims++] =
        (struct message_claim){.label = label,
                               .value = mem_slice_dup(slice_take(value, CLAIM_OCTETS_MAX)),
                               .strength = strength,
                               .note = note};
}

/* Of a message that is sent. Who reads a mailbox has not written what stands there. */
static void session_claims(struct message *m, const struct view *v)
{
    if (!view_is_smtp(v))
        return;
    const char *client = v->side == SIDE_CLIENT ? v->local : v->peer;
    if (v->transport == TRANSPORT_TCP)
        claim(m, "address", slice_cstr(client), MESSAGE_SEEN,
              "the server sees where the connection comes from");
    claim(m, "HELO", slice_cstr(v->hello), MESSAGE_CLAIMED, NULL);
    claim(m, "AUTH", slice_cstr(v->auth_user), v->authenticated ? MESSAGE_PROVEN : MESSAGE_CLAIMED,
          v->authenticated ? "the server accepted its secret" : "not accepted by the server");
    claim(m, "MAIL", slice_cstr(v->reverse_path), MESSAGE_CLAIMED,
          v->reverse_path && strcmp(v->reverse_path, "<>") == 0 ? "nobody: reports are not answered"
                                                                : NULL);
}

/* The domain of "ann@example.net", "<ann@example.net>", "\"ann@example.net\" (mail)". */
static struct slice domain_of(struct slice address)
{
    size_t n = 0, at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@')
        at--;
    if (at == 0)
        return slice_of(NULL, 0);
    struct slice domain = slice_skip(address, at);
    while (n < domain.len && (domain.ptr[n] > 127 || memchr("-.[]:", domain.ptr[n], 5) ||
                              (domain.ptr[n] >= '0' && domain.ptr[n] <= '9') ||
                              ((domain.ptr[n] & 0xdf) >= 'A' && (domain.ptr[n] & 0xdf) <= 'Z')))
        n++;
    return slice_take(domain, n);
}

struct sender_claim {
    struct message *m;
    const char *label;
    struct slice reverse_domain; /* empty: unknown */
};

static void claim_sender(void *ctx, const struct mail_address *a)
{
    struct sender_claim *s = ctx;
    struct slice name = slice_cstr(a->name), addr = slice_cstr(a->addr);
    struct slice shown = domain_of(name), domain = domain_of(addr);
    const char *note = NULL;
    struct buf text;
    if (shown.len > 0 && !slice_eq_nocase(shown, domain))
        note = "its name shows another address than it has";
    else if (s->reverse_domain.len > 0 && domain.len > 0 &&
             !slice_eq_nocase(domain, s->reverse_domain))
        note = "another domain than MAIL";
    buf_init(&text, 2 * CLAIM_OCTETS_MAX);
    if (name.len > 0) {
        buf_append(&text, slice_take(name, CLAIM_OCTETS_MAX / 2));
        buf_append_octet(&text, ' ');
    }
    buf_append_octet(&text, '<');
    buf_append(&text, slice_take(addr, CLAIM_OCTETS_MAX / 2));
    buf_append_octet(&text, '>');
    claim(s->m, s->label, buf_slice(&text), MESSAGE_CLAIMED, note);
    buf_deinit(&text);
}

/* What the servers on the way wrote on top: in a mailbox that is all there is of the envelope. */
static void delivery_claims(struct message *m, struct sender_claim *s)
{
    static const struct {
        const char *name, *label, *note;
    } rows[] = {
        {"Return-Path", "envelope",
         "Return-Path: what the delivering server was told in MAIL FROM"},
        {"Delivered-To", "for", "Delivered-To: whose mailbox it was meant for"},
        {"Authentication-Results", "checked",
         "Authentication-Results: as good as the server it names first"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct mail_field *f = mail_header_find(&m->header, rows[i].name, 0);
        struct buf text;
        if (!f)
            continue;
        buf_init(&text, MAIL_HEADER_OCTETS_MAX);
        mail_field_unfold(f, &text);
        claim(m, rows[i].label, buf_slice(&text), MESSAGE_CLAIMED, rows[i].note);
        if (i == 0)
            s->reverse_domain = domain_of(f->body);
        buf_deinit(&text);
    }
}

/* d= of a DKIM-Signature. */
static struct slice dkim_domain(struct slice unfolded)
{
    while (unfolded.len > 0) {
        ptrdiff_t end = slice_find_octet(unfolded, ';');
        struct slice tag = slice_trim(slice_take(unfolded, end < 0 ? unfolded.len : (size_t)end));
        if (slice_starts(tag, SLICE_LIT("d=")) || slice_starts(tag, SLICE_LIT("d =")))
            return slice_trim(slice_skip(tag, (size_t)slice_find_octet(tag, '=') + 1));
        unfolded = slice_skip(unfolded, end < 0 ? unfolded.len : (size_t)end + 1);
    }
    return slice_of(NULL, 0);
}

static void header_claims(struct message *m, const struct view *v)
{
    static const struct {
        const char *name, *label;
    } senders[] = {{"From", "From:"}, {"Sender", "Sender:"}, {"Reply-To", "Reply-To:"}};
    struct sender_claim s = {.m = m};
    struct buf text;
    if (v && v->reverse_path)
        s.reverse_domain = domain_of(slice_cstr(v->reverse_path));
    if (!v || !view_is_smtp(v))
        delivery_claims(m, &s);
    for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++) {
        const struct mail_field *f;
        s.label = senders[i].label;
        for (size_t nth = 0; nth < 3 && (f = mail_header_find(&m->header, senders[i].name, nth));
             nth++)
            mail_addresses(f->body, claim_sender, &s);
    }
    const struct mail_field *dkim = mail_header_find(&m->header, "DKIM-Signature", 0);
    if (!dkim)
        return;
    buf_init(&text, MAIL_HEADER_OCTETS_MAX);
    mail_field_unfold(dkim, &text);
    claim(m, "DKIM d=", dkim_domain(buf_slice(&text)), MESSAGE_CLAIMED,
          "a signature is there; it is not checked here");
    buf_deinit(&text);
}

/* ---- trace ---- */

static void read_trace(struct message *m)
{
    size_t n = mail_header_count(&m->header, "Received");
    struct buf text;
    if (n == 0)
        return;
    n = n < MESSAGE_TRACE_MAX ? n : MESSAGE_TRACE_MAX;
    m->trace = mem_zalloc(n * sizeof(*m->trace));
    buf_init(&text, MAIL_HEADER_OCTETS_MAX);
    for (; m->n_trace < n; m->n_trace++) {
        struct message_trace *t = &m->trace[m->n_trace];
        buf_reset(&text);
        mail_field_unfold(mail_header_find(&m->header, "Received", m->n_trace), &text);
        t->text = mem_slice_dup(slice_take(buf_slice(&text), MAIL_FIELD_DECODED_MAX));
        mail_received_parse(slice_cstr(t->text), &t->received);
    }
    buf_deinit(&text);
    for (size_t i = 0; i + 1 < m->n_trace; i++) {
        int64_t here = m->trace[i].received.date_s, before = m->trace[i + 1].received.date_s;
        if (here != 0 && before != 0)
            m->trace[i].delay_s = here - before;
    }
}

/* ---- the contract ---- */

static bool has_header(enum view_part part)
{
    return part != VIEW_PART_TEXT;
}

static bool has_body(enum view_part part)
{
    return part != VIEW_PART_HEADER && part != VIEW_PART_FIELDS && part != VIEW_PART_TEXT;
}

static void read_all(const struct view *v, struct message *m)
{
    struct slice octets = buf_slice(&m->octets);
    m->known = true;
    if (has_header(m->part))
        mail_header_parse(octets, &m->header);
    if (has_body(m->part))
        mime_tree_parse(octets, &m->mime);
    mail_shape_of(octets, &m->shape);
    if (v)
        session_claims(m, v);
    header_claims(m, v);
    read_trace(m);
}

void message_read(const struct view *v, const struct journal *j, struct message *out)
{
    struct buf wire;
    memset(out, 0, sizeof(*out));
    buf_init(&out->octets, MESSAGE_OCTETS_MAX);
    arena_init(&out->mime.arena);
    if (v->body.seq == 0) {
        session_claims(out, v);
        return;
    }
    out->complete = !v->body.open && v->content_known && v->content.complete && v->body.last;
    out->total_octets = view_content_octets(v);
    out->part = v->body.part;
    buf_init(&wire, MESSAGE_OCTETS_MAX);
    read_wire(v, j, &wire, out);
    if (v->body.stuffed)
        unstuff(buf_slice(&wire), &out->octets);
    else
        buf_append(&out->octets, buf_slice(&wire));
    buf_deinit(&wire);
    read_all(v, out);
}

/* ---- has it changed? ---- */

static void mix(uint64_t *key, const void *octets, size_t n)
{
    const uint8_t *at = octets;
    for (size_t i = 0; i < n; i++)
        *key = (*key ^ at[i]) * 0x100000001b3u; /* FNV-1a */
}

static void mix_number(uint64_t *key, uint64_t n)
{
    mix(key, &n, sizeof(n));
}

uint64_t message_key(const struct view *v)
{
    const struct view_content *b = &v->body;
    const char *const texts[] = {v->protocol, v->hello,        v->auth_user,     v->local,
                                 v->peer,     v->reverse_path, v->reverse_params};
    uint64_t key = 0xcbf29ce484222325u, octets = view_content_octets(v);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        mix(&key, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1);
    for (size_t i = 0; i < b->n_pieces; i++) {
        mix_number(&key, b->pieces[i].offset);
        mix_number(&key, b->pieces[i].length);
    }
    const uint64_t numbers[] = {
        v->conn,          b->seq,           b->dir,
        b->open,          b->open_at,       b->part,
        v->authenticated, v->content_known, b->open && octets > MESSAGE_OCTETS_MAX ? 0 : octets};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        mix_number(&key, numbers[i]);
    return key;
}

void message_read_octets(const struct view *v, struct slice octets, struct message *out)
{
    memset(out, 0, sizeof(*out));
    buf_init(&out->octets, MESSAGE_OCTETS_MAX);
    out->complete = true;
    out->cut = octets.len > MESSAGE_OCTETS_MAX;
    out->total_octets = octets.len;
    buf_append(&out->octets, slice_take(octets, MESSAGE_OCTETS_MAX));
    read_all(v, out);
}

void message_deinit(struct message *m)
{
    for (size_t i = 0; i < m->n_claims; i++)
        mem_free(m->claims[i].value);
    for (size_t i = 0; i < m->n_trace; i++)
        mem_free(m->trace[i].text);
    mem_free(m->trace);
    mail_header_deinit(&m->header);
    mime_tree_deinit(&m->mime);
    buf_deinit(&m->octets);
    memset(m, 0, sizeof(*m));
}
