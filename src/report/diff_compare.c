/* Two steps compared. */
#include <string.h>

#include "decode/view.h"
#include "report/diff_private.h"
#include "smtp/content.h"

static uint64_t hash(uint64_t h, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c)) * UINT64_C(1099511628211);
    }
    return h;
}

static void normalised(const struct diff_side *side, struct slice in, struct buf *out,
                       unsigned *seen)
{
    noise_normalise(in, slice_cstr(side->client), slice_cstr(side->address), out, seen);
}

struct diff_key diff_key_of(const struct diff_side *side, const struct step *step)
{
    struct buf raw, clean;
    unsigned seen = 0;
    uint8_t kind[2] = {(uint8_t)step->kind, (uint8_t)step->verb};
    bool own_name = step->verb == SMTP_VERB_UNKNOWN;
    buf_init(&raw, DIFF_LINE_OCTETS);
    buf_init(&clean, 2 * DIFF_LINE_OCTETS);
    struct diff_key key = {.weak = hash(UINT64_C(14695981039346656037), slice_of(kind, 2))};
    if (own_name) /* however it logs in, it is the login */
        key.weak = hash(key.weak, slice_cstr(step_logs_in(step) ? "login" : step->name));
    step_argument(&side->steps, side->list, step, &raw);
    normalised(side, buf_slice(&raw), &clean, &seen);
    key.strong = hash(key.weak, buf_slice(&clean));
    buf_deinit(&raw);
    buf_deinit(&clean);
    return key;
}

/* True: the two texts are the same but for noise, which is noted. */
static bool texts_same(struct diff *d, struct slice a, struct slice b)
{
    struct buf na, nb;
    unsigned seen = 0;
    if (slice_eq(a, b))
        return true;
    buf_init(&na, 16 * DIFF_LINE_OCTETS);
    buf_init(&nb, 16 * DIFF_LINE_OCTETS);
    normalised(&d->a, a, &na, &seen);
    normalised(&d->b, b, &nb, &seen);
    bool same = slice_eq_nocase(buf_slice(&na), buf_slice(&nb));
    if (same)
        d->noise |= seen;
    buf_deinit(&na);
    buf_deinit(&nb);
    return same;
}

typedef void (*text_fn)(const struct session_steps *s, const struct step_list *l,
                        const struct step *step, struct buf *out);

static bool step_texts_same(struct diff *d, const struct step *a, const struct step *b, text_fn fn)
{
    struct buf ta, tb;
    buf_init(&ta, 1 << 20);
    buf_init(&tb, 1 << 20);
    fn(&d->a.steps, d->a.list, a, &ta);
    fn(&d->b.steps, d->b.list, b, &tb);
    bool same = texts_same(d, buf_slice(&ta), buf_slice(&tb));
    buf_deinit(&ta);
    buf_deinit(&tb);
    return same;
}

/* ---- capabilities ---- */

struct slice diff_caps_of(const struct diff_side *side, const struct step *step)
{
    struct ev_caps caps;
    const struct event *ev = step ? journal_at(side->steps.journal, step->caps_seq) : NULL;
    if (!ev)
        return slice_cstr("");
    EVENT_GET(ev, CAPS, &caps);
    return caps.list;
}

static struct slice next_line(struct slice *rest)
{
    ptrdiff_t lf = slice_find_octet(*rest, '\n');
    size_t n = lf < 0 ? rest->len : (size_t)lf;
    struct slice line = slice_trim(slice_take(*rest, n));
    *rest = slice_skip(*rest, n + 1);
    return line;
}

static bool has_word(struct slice line, struct slice word)
{
    for (struct slice one; (one = slice_next_word(&line)).len > 0;)
        if (slice_eq_nocase(one, word))
            return true;
    return false;
}

/* The same capability: the same words behind the keyword, in any order. */
static bool caps_line_same(struct slice a, struct slice b)
{
    struct slice rest = a;
    if (a.len != b.len)
        return false;
    for (struct slice word; (word = slice_next_word(&rest)).len > 0;)
        if (!has_word(b, word))
            return false;
    return true;
}

void diff_caps_missing(const struct diff_side *side, const struct step *step,
                       const struct diff_side *other, const struct step *other_step,
                       struct buf *out, size_t *n_inout)
{
    struct slice rest = diff_caps_of(side, step);
    while (rest.len > 0) {
        struct slice line = next_line(&rest), theirs = diff_caps_of(other, other_step);
        bool found = line.len == 0;
        while (theirs.len > 0 && !found)
            found = caps_line_same(line, next_line(&theirs));
        if (found)
            continue;
        if ((*n_inout)++ > 0)
            buf_append_cstr(out, ", ");
        buf_append(out, line);
    }
}

static bool caps_same(const struct diff *d, const struct step *a, const struct step *b)
{
    struct buf out;
    size_t n = 0;
    buf_init(&out, DIFF_LINE_OCTETS);
    diff_caps_missing(&d->a, a, &d->b, b, &out, &n);
    diff_caps_missing(&d->b, b, &d->a, a, &out, &n);
    buf_deinit(&out);
    return n == 0;
}

/* ---- TLS ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* What is not known is no difference. */
static bool agree_text(const char *a, const char *b)
{
    return !a || !b || !*a || !*b || strcmp(a, b) == 0;
}

static unsigned compare_tls(const struct diff *d, const struct step *a, const struct step *b)
{
    struct view va, vb;
    unsigned aspects = 0;
    view_init(&va, 0);
    view_init(&vb, 0);
    view_at(&va, d->a.steps.journal, d->a.list->conn, a->end_seq);
    view_at(&vb, d->b.steps.journal, d->b.list->conn, b->end_seq);
    if (a->tls_ok != b->tls_ok || !same_text(va.tls_version, vb.tls_version) ||
        !same_text(va.tls_cipher, vb.tls_cipher) || !agree_text(va.tls_group, vb.tls_group))
        aspects |= DIFF_TLS;
    const struct view_cert *ca = va.n_certs ? &va.certs[0] : NULL;
    const struct view_cert *cb = vb.n_certs ? &vb.certs[0] : NULL;
    /* Where a side says nothing of certificates (a transcript of another's) nothing differs. */
    if (!ca || !cb || !va.verify_known || !vb.verify_known)
        goto out;
    if ((ca && (!same_text(ca->subject, cb->subject) || !same_text(ca->issuer, cb->issuer) ||
                !same_text(ca->names, cb->names))))
        aspects |= DIFF_CERT;
    if (va.verify_ok != vb.verify_ok || !same_text(va.verify_reason, vb.verify_reason))
        aspects |= DIFF_CERT;
out:
    view_deinit(&va);
    view_deinit(&vb);
    return aspects;
}

/* ---- message content: a sum over its lines, volatile parts taken out ---- */

struct content_sum {
    const struct diff_side *side;
    struct buf line, clean;
    uint64_t sum, exact;
    unsigned seen;
    bool in_header, skip_field;
};

static bool header_is(struct slice line, const char *name)
{
    return slice_starts_nocase(line, slice_cstr(name));
}

static void sum_line(struct content_sum *c)
{
    static const struct {
        const char *name;
        unsigned noise;
    } fields[] = {{"Date:", NOISE_DATE},
                  {"Message-ID:", NOISE_MESSAGE_ID},
                  {"Received:", NOISE_DATE},
                  {"Content-Type: multipart/", NOISE_BOUNDARY},
                  {"DKIM-Signature:", NOISE_DATE}};
    struct slice line = buf_slice(&c->line);
    bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
    c->exact = hash(c->exact, line);
    if (c->in_header && slice_trim(line).len == 0)
        c->in_header = false;
    if (c->in_header && !folded) {
        c->skip_field = false;
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
            if (header_is(line, fields[i].name)) {
                c->skip_field = true;
                c->seen |= fields[i].noise;
                line = slice_cstr(fields[i].name);
            }
    } else if (c->in_header && folded && c->skip_field) {
        line = slice_cstr("");
    } else if (!c->in_header && line.len > 12 && line.ptr[0] == '-' && line.ptr[1] == '-') {
        c->seen |= NOISE_BOUNDARY;
        line = SLICE_LIT("--<boundary>");
    }
    buf_reset(&c->clean);
    if (c->in_header)
        normalised(c->side, line, &c->clean, &c->seen);
    else
        buf_append(&c->clean, line);
    c->sum = hash(c->sum, buf_slice(&c->clean));
    buf_reset(&c->line);
}

static void sum_piece(void *ctx, struct slice piece)
{
    struct content_sum *c = ctx;
    while (piece.len > 0) {
        ptrdiff_t lf = slice_find_octet(piece, '\n');
        size_t n = lf < 0 ? piece.len : (size_t)lf + 1;
        size_t room = c->line.cap_octets - c->line.len;
        bool whole = lf >= 0 && n <= room;
        n = n < room ? n : room;
        buf_append(&c->line, slice_take(piece, n));
        piece = slice_skip(piece, n);
        if (whole || c->line.len == c->line.cap_octets)
            sum_line(c);
    }
}

static struct content_sum sum_content(const struct diff_side *side, const struct step *step)
{
    struct content_sum c = {.side = side, .in_header = true};
    buf_init(&c.line, DIFF_LINE_OCTETS);
    buf_init(&c.clean, 4 * DIFF_LINE_OCTETS);
    step_content(&side->steps, side->list, step, sum_piece, &c);
    sum_line(&c);
    buf_deinit(&c.line);
    buf_deinit(&c.clean);
    return c;
}

static bool content_same(struct diff *d, const struct step *a, const struct step *b)
{
    struct content_sum ca = sum_content(&d->a, a), cb = sum_content(&d->b, b);
    if (ca.sum == cb.sum && ca.exact != cb.exact)
        d->noise |= ca.seen | cb.seen;
    return ca.sum == cb.sum;
}

/* ---- a step ---- */

unsigned diff_compare(struct diff *d, const struct step *a, const struct step *b)
{
    unsigned aspects = 0;
    if (a->kind == STEP_TLS)
        return compare_tls(d, a, b);
    if (a->kind == STEP_COMMAND && a->verb != SMTP_VERB_AUTH_DATA &&
        !step_texts_same(d, a, b, step_asked))
        aspects |= DIFF_COMMAND;
    if (a->kind == STEP_CONTENT && !content_same(d, a, b))
        aspects |= DIFF_MESSAGE;
    if (a->code != b->code || strcmp(a->enhanced, b->enhanced) != 0 ||
        strcmp(a->result, b->result) != 0 || !a->reply_seq != !b->reply_seq)
        aspects |= DIFF_CODE;
    if (a->caps_seq || b->caps_seq) {
        if (!caps_same(d, a, b))
            aspects |= DIFF_CAPS;
    } else if (!(a->code == 334 && b->code == 334) && !step_texts_same(d, a, b, step_reply_text)) {
        aspects |= DIFF_TEXT; /* a 334 carries a challenge, new each time */
    }
    return aspects;
}
