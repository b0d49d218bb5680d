/* The part of the view that is about message content: where its octets stand, in one piece or in
 * chunks, from the client or to it; and who logs in.
 *
 * DATA_BEGIN does not say whose octets they are: in SMTP the client's, in POP3 the server's, in
 * IMAP the client's for APPEND and the server's for what was fetched.
 */
#include "decode/view_private.h"

#include <string.h>

#include "base/mem.h"
#include "decode/login.h"

void view_set_text(char **text, struct slice value)
{
    mem_free(*text);
    *text = value.len > 0 ? mem_slice_dup(slice_take(value, VIEW_TEXT_OCTETS)) : NULL;
}

static bool speaks(const struct view *v, const char *protocol)
{
    return slice_eq(slice_cstr(v->protocol), slice_cstr(protocol));
}

/* ---- where ---- */

void view_content_drop(struct view *v)
{
    mem_free(v->body.pieces);
    memset(&v->body, 0, sizeof(v->body));
    v->content_known = false;
}

/* What the next DATA_BEGIN will be: a chunk's size and LAST stand in its command. */
void view_content_command(struct view *v, const struct journal *j, const struct event *ev,
                          const struct ev_command *e)
{
    struct buf line;
    bool bdat = slice_eq(e->verb, SLICE_LIT("BDAT"));
    v->next_chunk = bdat;
    v->next_to_client =
        speaks(v, "pop3") || (speaks(v, "imap") && !slice_eq(e->verb, SLICE_LIT("APPEND")));
    if (!bdat)
        return;
    buf_init(&line, 256);
    journal_read_masked(j, ev->conn, DIR_C, LAYER_PLAIN, e->offset,
                        e->length < 200 ? e->length : 200, &line, NULL);
    struct slice rest = buf_slice(&line), word, last = slice_of(NULL, 0);
    while ((word = slice_next_word(&rest)).len > 0)
        last = slice_trim(word);
    v->next_last = slice_eq_nocase(last, SLICE_LIT("LAST"));
    /* "BDAT 0 LAST" ends the message without a chunk. */
    if (v->next_last && v->body.chunks && v->body.seq > v->mail_seq)
        v->body.last = true;
    buf_deinit(&line);
}

void view_content_begin(struct view *v, const struct journal *j, const struct event *ev)
{
    struct ev_data_begin e;
    EVENT_GET(ev, DATA_BEGIN, &e);
    bool goes_on = v->next_chunk && v->body.chunks && v->body.seq > v->mail_seq &&
                   v->delivered_code == 0 && v->n_chunks > 0;
    if (!goes_on) {
        view_content_drop(v);
        memset(&v->content, 0, sizeof(v->content));
        v->n_chunks = 0;
        v->body.seq = ev->seq;
    }
    v->n_chunks++;
    v->body.chunks = v->next_chunk;
    v->body.stuffed = !v->next_chunk && !speaks(v, "imap");
    v->body.dir = v->next_to_client ? DIR_S : DIR_C;
    v->body.open = true;
    v->body.open_at = e.offset;
    v->body.last = !v->next_chunk || v->next_last;
    if (v->next_to_client)
        view_mailbox_asked(v, j, ev);
}

void view_content_add(struct view *v, uint64_t offset, uint64_t length)
{
    struct view_content *b = &v->body;
    struct view_piece *newest = b->n_pieces > 0 ? &b->pieces[b->n_pieces - 1] : NULL;
    if (newest && newest->offset + newest->length == offset) {
        newest->length += length;
        return;
    }
    if (b->n_pieces == VIEW_PIECES_MAX) {
        b->more_octets += length;
        return;
    }
    /* Room doubles at each power of two. */
    if ((b->n_pieces & (b->n_pieces - 1)) == 0)
        b->pieces =
            mem_realloc(b->pieces, (b->n_pieces ? 2 * b->n_pieces : 1) * sizeof(*b->pieces));
    b->pieces[b->n_pieces++] = (struct view_piece){.offset = offset, .length = length};
}

void view_content_end(struct view *v, const struct event *ev)
{
    struct ev_data_end e;
    EVENT_GET(ev, DATA_END, &e);
    if (v->body.seq == 0)
        v->body.seq = ev->seq; /* its beginning left memory */
    view_content_add(v, e.offset, e.length);
    v->body.open = false;
    v->content_known = true;
    if (!v->body.chunks) {
        v->content = e;
        return;
    }
    struct ev_data_end *sum = &v->content;
    sum->offset = v->body.pieces[0].offset;
    sum->length += e.length;
    sum->content += e.content;
    sum->lines += e.lines;
    sum->bare_lf += e.bare_lf;
    sum->bare_cr += e.bare_cr;
    sum->eight_bit += e.eight_bit;
    sum->nul += e.nul;
    sum->longest = e.longest > sum->longest ? e.longest : sum->longest;
    sum->complete = e.complete;
}

uint64_t view_content_octets(const struct view *v)
{
    uint64_t sum = v->body.more_octets;
    for (size_t i = 0; i < v->body.n_pieces; i++)
        sum += v->body.pieces[i].length;
    if (v->body.open && v->octets[v->body.dir] > v->body.open_at)
        sum += v->octets[v->body.dir] - v->body.open_at;
    return sum;
}

/* ---- what was said about it ---- */

uint64_t view_size_declared(const struct view *v)
{
    struct slice rest = slice_cstr(v->reverse_params), word;
    uint64_t octets;
    while ((word = slice_next_word(&rest)).len > 0)
        if (slice_starts_nocase(word, SLICE_LIT("SIZE=")) &&
            slice_to_u64(slice_skip(word, 5), UINT64_MAX, &octets))
            return octets;
    return 0;
}

const char *view_offers(const struct view *v, const char *keyword)
{
    size_t len = strlen(keyword);
    for (size_t i = 0; i < v->n_caps; i++) {
        struct slice cap = slice_cstr(v->caps[i]);
        if (!slice_starts_nocase(cap, slice_cstr(keyword)))
            continue;
        /* "AUTH=PLAIN" is how old servers wrote it. */
        if (cap.len == len || cap.ptr[len] == ' ' || cap.ptr[len] == '=')
            return v->caps[i] + (cap.len > len ? len + 1 : len);
    }
    return NULL;
}

uint64_t view_size_max(const struct view *v)
{
    const char *size = view_offers(v, "SIZE");
    uint64_t octets;
    return size && slice_to_u64(slice_trim(slice_cstr(size)), UINT64_MAX, &octets) ? octets : 0;
}

/* ---- who logs in ---- */

void view_auth_step(struct view *v, const struct event *ev)
{
    struct ev_sasl_step e;
    EVENT_GET(ev, SASL_STEP, &e);
    if (e.dir == DIR_C && login_step_user(e.text).len > 0)
        view_set_text(&v->auth_user, login_step_user(e.text));
}
