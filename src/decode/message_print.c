/* A message in lines of safe text, part by part. */
#include <stdio.h>
#include <string.h>

#include "base/vis.h"
#include "base/clock.h"
#include "decode/message.h"

enum { DULL_OCTETS_SHOWN = 80, VALUE_OCTETS_SHOWN = 4000 };

struct page {
    struct buf *out;
    unsigned flags; /* of vis */
};

static void put(struct page *p, struct slice s)
{
    vis_to_buf(p->out, s, p->flags);
}

static void put_n(struct page *p, struct slice s, size_t most)
{
    put(p, slice_take(s, most));
    if (s.len > most)
        buf_printf(p->out, " ... (%zu octets)", s.len);
}

/* As text in a line: a tab, which folds often leave, is as good as a space. */
static void put_words(struct page *p, struct slice s, size_t most)
{
    struct slice rest = slice_take(s, most);
    while (rest.len > 0) {
        ptrdiff_t tab = slice_find_octet(rest, '\t');
        size_t n = tab < 0 ? rest.len : (size_t)tab;
        put(p, slice_take(rest, n));
        if (tab >= 0)
            buf_append_octet(p->out, ' ');
        rest = slice_skip(rest, n + 1);
    }
    if (s.len > most)
        buf_printf(p->out, " ... (%zu octets)", s.len);
}

static void label(struct page *p, const char *text)
{
    buf_printf(p->out, "  %-10s ", text);
}

static void end(struct page *p)
{
    buf_append_octet(p->out, '\n');
}

static void remark(struct page *p, const char *text)
{
    buf_printf(p->out, "  %-10s ! %s\n", "", text);
}

/* ---- envelope ---- */

static void print_code(struct page *p, unsigned code, const char *enhanced, const char *text)
{
    if (code == 0) {
        buf_append_cstr(p->out, "  no reply yet");
        return;
    }
    buf_printf(p->out, "  %u", code);
    if (enhanced) {
        buf_append_octet(p->out, ' ');
        put(p, slice_cstr(enhanced));
    }
    if (code >= 400 && text) {
        buf_append_octet(p->out, ' ');
        put_n(p, slice_cstr(text), 300);
    }
}

static void print_size(struct page *p, const struct view *v)
{
    unsigned long long declared = view_size_declared(v), most = view_size_max(v);
    unsigned long long sent =
        v->content_known && !v->body.open ? v->content.content : view_content_octets(v);
    if (v->body.seq == 0 && declared == 0)
        return;
    label(p, "SIZE");
    buf_printf(p->out, "%llu octets%s", sent, v->body.open ? " so far" : "");
    if (declared > 0)
        buf_printf(p->out, ", %llu declared", declared);
    if (most > 0)
        buf_printf(p->out, ", at most %llu", most);
    end(p);
    if (declared > 0 && !v->body.open && v->content_known && sent > declared + declared / 10 + 200)
        remark(p, "much more than was declared");
    if (most > 0 && sent > most)
        remark(p, "more than the server takes (RFC 1870 section 6)");
}

static void print_params(struct page *p, const struct view *v)
{
    struct slice rest = slice_cstr(v->reverse_params), word;
    while ((word = slice_next_word(&rest)).len > 0) {
        label(p, "");
        put_n(p, word, 300);
        end(p);
    }
}

static void print_envelope(struct page *p, const struct view *v)
{
    enum { RECIPIENTS_SHOWN = 200 };
    if (!v->reverse_path) {
        label(p, "MAIL FROM");
        buf_append_cstr(p->out, "none yet\n");
        return;
    }
    label(p, "MAIL FROM");
    put_n(p, slice_cstr(v->reverse_path), 300);
    print_code(p, v->reverse_code, NULL, NULL);
    end(p);
    print_params(p, v);
    for (size_t i = 0; i < v->n_recipients && i < RECIPIENTS_SHOWN; i++) {
        const struct view_recipient *r = &v->recipients[i];
        label(p, "RCPT TO");
        put_n(p, slice_cstr(r->path), 300);
        print_code(p, r->code, r->enhanced, r->text);
        end(p);
    }
    if (v->n_recipients > RECIPIENTS_SHOWN) {
        label(p, "");
        buf_printf(p->out, "and %zu more\n", v->n_recipients - RECIPIENTS_SHOWN);
    }
    print_size(p, v);
    if (v->delivered_code > 0) {
        label(p, "delivery");
        buf_printf(p->out, "the server said %u\n", v->delivered_code);
    }
}

/* ---- who ---- */

static void print_who(struct page *p, const struct message *m, const struct view *v)
{
    bool claimed = false;
    for (size_t i = 0; i < m->n_claims; i++) {
        const struct message_claim *c = &m->claims[i];
        label(p, c->label);
        put_n(p, slice_cstr(c->value), 300);
        buf_printf(p->out, "  %s", message_strength_name(c->strength));
        if (c->note)
            buf_printf(p->out, " (%s)", c->note);
        end(p);
        claimed = claimed || c->strength == MESSAGE_CLAIMED;
    }
    if (m->known && mail_header_count(&m->header, "From") > 1)
        remark(p, "From stands more than once: programs differ in which they show (RFC 5322 "
                  "section 3.6)");
    if (claimed)
        buf_append_cstr(p->out, v && view_is_smtp(v)
                                    ? "  SMTP verifies none of the claimed names.\n"
                                    : "  A header says what its writer put there: none of these "
                                      "names is verified.\n");
}

/* ---- fields ---- */

static void print_field(struct page *p, const struct mail_field *f)
{
    struct buf plain, words;
    buf_init(&plain, MAIL_HEADER_OCTETS_MAX);
    buf_init(&words, MAIL_HEADER_OCTETS_MAX);
    mail_field_unfold(f, &plain);
    bool whole = mail_field_decode(f, &words);
    bool dull = mail_field_dull(f->name);
    buf_append_cstr(p->out, "  ");
    if (!(f->flags & MAIL_FIELD_NO_COLON)) {
        put(p, f->name);
        buf_append_cstr(p->out, ": ");
    }
    put_words(p, buf_slice(&words), dull ? DULL_OCTETS_SHOWN : VALUE_OCTETS_SHOWN);
    end(p);
    if (!slice_eq(buf_slice(&words), buf_slice(&plain))) {
        buf_append_cstr(p->out, "      as sent: ");
        put_n(p, buf_slice(&plain), dull ? DULL_OCTETS_SHOWN : VALUE_OCTETS_SHOWN);
        end(p);
    }
    unsigned flags = f->flags | (whole ? 0U : MAIL_FIELD_BAD_ENCODED);
    for (unsigned i = 0; i < MAIL_FIELD_FLAGS_COUNT; i++)
        if (flags & (1U << i))
            buf_printf(p->out, "      ! %s\n", mail_field_flag_text(1U << i));
    buf_deinit(&plain);
    buf_deinit(&words);
}

/* Line by line, line ends visible. */
static void print_raw_field(struct page *p, const struct mail_field *f)
{
    struct slice rest = f->raw;
    while (rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        struct slice line = slice_take(rest, lf < 0 ? rest.len : (size_t)lf + 1);
        buf_append_cstr(p->out, "  ");
        vis_to_buf(p->out, slice_take(line, VALUE_OCTETS_SHOWN), p->flags | VIS_SHOW_EOL);
        end(p);
        rest = slice_skip(rest, line.len);
    }
}

static void print_fields(struct page *p, const struct message *m, bool raw)
{
    const struct mail_header *h = &m->header;
    if (m->part == VIEW_PART_TEXT)
        buf_append_cstr(p->out, "  was not asked for\n");
    for (size_t i = 0; i < h->n_fields; i++) {
        if (raw)
            print_raw_field(p, &h->fields[i]);
        else
            print_field(p, &h->fields[i]);
    }
    if (h->more > 0)
        buf_printf(p->out, "  ! limit header: %llu fields more are not shown\n",
                   (unsigned long long)h->more);
    else if (!h->ended && m->complete && m->part == VIEW_PART_WHOLE)
        buf_append_cstr(p->out, "  ! no empty line ends the fields: there is no body\n");
}

/* ---- MIME ---- */

static void print_mime(struct page *p, const struct message *m)
{
    const struct mime_tree *t = &m->mime;
    if (!t->read && m->part != VIEW_PART_WHOLE)
        buf_append_cstr(p->out, "  not known: the whole message was not asked for\n");
    for (size_t i = 0; i < t->n_parts; i++) {
        buf_append_cstr(p->out, "  ");
        mime_part_line(t, i, p->flags, p->out);
        end(p);
        for (unsigned k = 0; k < MIME_PART_FLAGS_COUNT; k++)
            if ((t->parts[i].flags & (1U << k)) && mime_part_flag_text(1U << k))
                buf_printf(p->out, "      ! %s\n", mime_part_flag_text(1U << k));
    }
    if (t->limit)
        buf_printf(p->out, "  ! limit %s: %llu parts more are not shown\n", t->limit,
                   (unsigned long long)t->more_parts);
    for (size_t i = 0; i < t->n_notes; i++) {
        buf_printf(p->out, "  ! at octet %llu: %s", (unsigned long long)t->notes[i].offset,
                   t->notes[i].text);
        if (t->notes[i].item) {
            buf_append_cstr(p->out, ": ");
            put_n(p, slice_cstr(t->notes[i].item), 120);
        }
        end(p);
    }
}

/* ---- trace ---- */

static void print_hop(struct page *p, const struct message_trace *t, size_t number)
{
    const struct mail_received *r = &t->received;
    char date[40] = "no date";
    const char *meaning = mail_received_with(r->with, NULL);
    if (!(r->flags & MAIL_RECEIVED_NO_DATE)) {
        clock_format_rfc3339(r->date_s * 1000000, date, sizeof(date));
        memcpy(date + 19, "Z", 2); /* whole seconds */
    }
    buf_printf(p->out, "  %2zu  by ", number);
    put_n(p, r->by.len > 0 ? r->by : SLICE_LIT("nobody named"), 200);
    buf_printf(p->out, "  %s", date);
    if (t->delay_s != 0)
        buf_printf(p->out, "  %+lld s", (long long)t->delay_s);
    if (r->with.len > 0) {
        buf_append_cstr(p->out, "  ");
        put_n(p, r->with, 40);
        if (meaning)
            buf_printf(p->out, " (%s)", meaning);
    }
    end(p);
    if (r->claim.len > 0) {
        buf_append_cstr(p->out, "      claim  ");
        put_n(p, r->claim, 200);
        buf_append_cstr(p->out, "  what the client called itself\n");
    }
    if (r->seen_name.len > 0 || r->seen_addr.len > 0) {
        buf_append_cstr(p->out, "      fact   ");
        put_n(p, r->seen_name, 200);
        if (r->seen_addr.len > 0) {
            buf_append_cstr(p->out, r->seen_name.len > 0 ? " [" : "[");
            put_n(p, r->seen_addr, 60);
            buf_append_octet(p->out, ']');
        }
        buf_append_cstr(p->out, "  what this server saw\n");
    }
    if (r->flags & MAIL_RECEIVED_LIE)
        buf_append_cstr(p->out, "      ! the client's name is not the one its address has\n");
    if (t->delay_s < -60)
        buf_append_cstr(p->out, "      ! before the hop below it: a clock is wrong, or a line is "
                                "made up\n");
}

static void print_trace(struct page *p, const struct message *m)
{
    for (size_t i = 0; i < m->n_trace; i++)
        print_hop(p, &m->trace[i], m->n_trace - i);
    if (m->n_trace == 0)
        buf_append_cstr(p->out, "  no Received field: nobody has passed it on yet\n");
    else
        buf_append_cstr(p->out, "  A line is as true as the server that wrote it: below the last "
                                "one of your own, all may be made up.\n");
}

/* ---- shape ---- */

static void count_line(struct page *p, const char *name, uint64_t n, const char *remark_text)
{
    if (n == 0)
        return;
    label(p, name);
    buf_printf(p->out, "%llu%s%s\n", (unsigned long long)n, *remark_text ? "  " : "", remark_text);
}

static const char *part_text(enum view_part part)
{
    static const char *const texts[VIEW_PART__COUNT] = {
        [VIEW_PART_WHOLE] = "all of it",
        [VIEW_PART_TOP] = "the header and the first lines of the body, no more was asked for",
        [VIEW_PART_HEADER] = "the header alone, the body was not asked for",
        [VIEW_PART_FIELDS] = "some fields of the header, no more was asked for",
        [VIEW_PART_TEXT] = "a piece of the body, without the header",
        [VIEW_PART_RANGE] = "octets from its first on; more may be in the mailbox",
    };
    return texts[part];
}

static void print_shape(struct page *p, const struct message *m, const struct view *v)
{
    const struct mail_shape *s = &m->shape;
    if (v && m->part != VIEW_PART_WHOLE) {
        label(p, "asked");
        buf_printf(p->out, "%s: %s\n", v->body.asked, part_text(m->part));
    } else if (v && v->body.asked[0]) {
        label(p, "from");
        buf_printf(p->out, "%s\n", v->body.asked);
    }
    label(p, "octets");
    buf_printf(p->out, "%llu in %llu lines%s\n", (unsigned long long)s->octets,
               (unsigned long long)s->lines, m->complete ? "" : ", not complete");
    label(p, "longest");
    buf_printf(p->out, "%llu octets, line %llu%s\n", (unsigned long long)s->longest_octets,
               (unsigned long long)s->longest_line,
               s->over_998 ? "  ! 998 are allowed (RFC 5322 section 2.1.1)" : "");
    bool wire = v && v->body.stuffed && v->content_known, stored = v && v->body.asked[0];
    count_line(p, "dots", wire ? v->content.stuffed : s->dotted,
               wire     ? "lines were dot-stuffed"
               : stored ? "lines begin with a dot"
                        : "lines begin with a dot and get another on the wire");
    count_line(p, "8-bit", s->eight_bit,
               s->utf8 ? "octets above 127, all of it UTF-8" : "octets above 127, not all UTF-8");
    count_line(p, "bare LF", s->bare_lf, "! line feeds alone (RFC 5321 section 2.3.8)");
    count_line(p, "bare CR", s->bare_cr, "! carriage returns alone (RFC 5321 section 2.3.8)");
    count_line(p, "NUL", s->nul, "! (RFC 5321 section 4.5.2)");
    if (m->cut && v && v->body.open)
        buf_printf(p->out, "  ! limit message: the first %d octets are looked at, more is coming\n",
                   MESSAGE_OCTETS_MAX);
    else if (m->cut)
        buf_printf(p->out, "  ! limit message: %llu octets, the first %d are looked at\n",
                   (unsigned long long)m->total_octets, MESSAGE_OCTETS_MAX);
    if (m->gone)
        buf_append_cstr(p->out, "  ! octets of it have left memory; a recording has them\n");
}

/* ---- all ---- */

void message_print(const struct message *m, const struct view *v, unsigned parts,
                   unsigned vis_flags, struct buf *out)
{
    static const struct {
        unsigned part;
        const char *head;
        bool needs_message;
    } heads[] = {
        {MESSAGE_PRINT_ENVELOPE, "Envelope", false}, {MESSAGE_PRINT_WHO, "Who says so?", false},
        {MESSAGE_PRINT_FIELDS, "Header", true},      {MESSAGE_PRINT_MIME, "Parts", true},
        {MESSAGE_PRINT_TRACE, "Trace", true},        {MESSAGE_PRINT_SHAPE, "Octets", true},
    };
    struct page p = {.out = out, .flags = vis_flags & VIS_ASCII};
    unsigned wanted = parts & MESSAGE_PRINT_ALL;
    bool several = (wanted & (wanted - 1)) != 0;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        unsigned part = heads[i].part;
        if (!(wanted & part) || (heads[i].needs_message && !(m && m->known)) ||
            (part == MESSAGE_PRINT_ENVELOPE && !(v && view_is_smtp(v))) ||
            (part == MESSAGE_PRINT_WHO && !m))
            continue;
        if (several)
            buf_printf(out, "%s\n", heads[i].head);
        if (part == MESSAGE_PRINT_ENVELOPE)
            print_envelope(&p, v);
        else if (part == MESSAGE_PRINT_WHO)
            print_who(&p, m, v);
        else if (part == MESSAGE_PRINT_FIELDS)
            print_fields(&p, m, parts & MESSAGE_PRINT_RAW_FIELDS);
        else if (part == MESSAGE_PRINT_MIME)
            print_mime(&p, m);
        else if (part == MESSAGE_PRINT_TRACE)
            print_trace(&p, m);
        else
            print_shape(&p, m, v);
    }
}
