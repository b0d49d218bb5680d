/* What stands at the right of a transcript line where the screen is wide (layout class roomy): the
 * meaning of each capability as it is offered, of a command and of a refusal, how a header reads
 * that was encoded, and what a dot is there for. Only what the line itself says is looked at, so a
 * row costs the same wherever it stands; where the text leaves no room, the text goes first.
 */
#include <string.h>

#include "decode/offer.h"
#include "mail/header.h"
#include "ui_private.h"

enum { BESIDE_OCTETS = 4096, BESIDE_MIN_COLS = 28, BESIDE_GAP_COLS = 3, CODE_OCTETS = 4 };

/* Up to the first full stop or semicolon that ends a clause. */
static struct slice first_clause(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.ptr[i] == '.' || text.ptr[i] == ';') &&
            (i + 1 == text.len || text.ptr[i + 1] == ' '))
            return slice_take(text, i);
    return slice_trim(text);
}

/* The octets of a line without its line end. */
static struct slice line_octets(struct ui *u, size_t index, struct buf *octets)
{
    if (!transcript_octets(u->transcript.lines, index, octets))
        return (struct slice){0};
    struct slice s = buf_slice(octets);
    while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r'))
        s.len--;
    return s;
}

static size_t beside_capability(struct ui *u, const struct fold_run *run, size_t index,
                                struct slice line, struct buf *out)
{
    bool fresh = false;
    if (index == run->first || line.len <= CODE_OCTETS || !fold_offers(u, run, &fresh, line))
        return 0;
    struct buf meaning;
    char *cap = mem_slice_dup(slice_skip(line, CODE_OCTETS));
    buf_init(&meaning, BESIDE_OCTETS);
    offer_meaning(cap, &meaning);
    mem_free(cap);
    /* "What it does. More of it. (RFC 1870)": where it stands goes first, so that it is not cut. */
    const char *text = buf_cstr(&meaning), *rfc = strrchr(text, '(');
    if (rfc)
        buf_printf(out, "%s%.*s", fresh ? "+ new  " : "", (int)strcspn(rfc + 1, ")"), rfc + 1);
    size_t head_octets = out->len;
    buf_append_cstr(out, head_octets > 0 ? "  " : "");
    buf_append(out, first_clause(slice_of(text, rfc ? (size_t)(rfc - text) : strlen(text))));
    buf_deinit(&meaning);
    return head_octets;
}

static void beside_refusal(struct slice line, struct buf *out)
{
    struct explanation e;
    struct explain_input in = {.text = line};
    explain_reply_text(&in, &e);
    buf_append(out, first_clause(slice_cstr(e.provider && e.provider_sure ? e.provider_meaning
                                                                          : e.meaning)));
}

static void beside_command(struct slice line, struct buf *out)
{
    struct slice rest = line;
    enum smtp_verb verb = smtp_verb_by_name(slice_next_word(&rest));
    if (verb == SMTP_VERB_UNKNOWN)
        return;
    const struct smtp_verb_info *info = smtp_verb_info(verb);
    buf_append(out, first_clause(slice_cstr(info->help)));
}

static void beside_content(struct slice line, bool last, struct buf *out)
{
    if (slice_eq(line, SLICE_LIT("."))) {
        if (last)
            buf_append_cstr(out, "end of data");
    } else if (slice_starts_nocase(line, SLICE_LIT("..")))
        buf_append_cstr(out, "one dot is stuffed: RFC 5321 section 4.5.2");
    else if (slice_find(line, SLICE_LIT("=?")) >= 0) {
        struct buf read;
        ptrdiff_t colon = slice_find_octet(line, ':');
        buf_init(&read, BESIDE_OCTETS);
        if (mail_text_decode(slice_trim(slice_skip(line, colon < 0 ? 0 : (size_t)colon + 1)),
                             &read)) {
            buf_append_cstr(out, "reads: ");
            vis_to_buf(out, buf_slice(&read), 0);
        }
        buf_deinit(&read);
    }
}

/* Returns how many octets stand before its words: what is told even where they do not fit. */
static size_t beside_text(struct ui *u, size_t index, struct buf *out)
{
    size_t head_octets = 0;
    const struct transcript_line *l = transcript_at(u->transcript.lines, index);
    const struct fold_run *run = fold_at(u, index);
    struct buf octets;
    bool smtp = conns_speak_smtp(u, l->conn);
    if ((l->kind != TRANSCRIPT_LINE && l->kind != TRANSCRIPT_CONTENT) ||
        (l->flags & TRANSCRIPT_HIDDEN) || l->length > BESIDE_OCTETS)
        return 0;
    buf_init(&octets, TRANSCRIPT_LINE_MAX_OCTETS + 16);
    struct slice line = line_octets(u, index, &octets);
    if (l->kind == TRANSCRIPT_CONTENT)
        beside_content(line, run && index == run->first + run->n_lines - 1, out);
    else if (l->dir == DIR_C && smtp)
        beside_command(line, out);
    else if (l->flags & TRANSCRIPT_REPLY_BAD && smtp)
        beside_refusal(line, out);
    else if (run && run->kind == FOLD_REPLY)
        head_octets = beside_capability(u, run, index, line, out);
    buf_deinit(&octets);
    return head_octets;
}

void beside_draw(struct ui *u, size_t index, int y, int x, int end)
{
    struct buf text;
    int room = end - x - BESIDE_GAP_COLS;
    if (u->layout.class != LAYOUT_CLASS_ROOMY || u->transcript.wrap || room < 1)
        return;
    buf_init(&text, BESIDE_OCTETS);
    size_t head_octets = beside_text(u, index, &text);
    char *said = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    /* Words cut short would tell nothing: then only what stands before them ("+ new  RFC 4954"). */
    if (draw_own_cols(u, said) > room && room < BESIDE_MIN_COLS)
        said[head_octets] = '\0';
    int whole = draw_own_cols(u, said), cols = whole < room ? whole : room;
    if (cols == whole || room >= BESIDE_MIN_COLS)
        draw_cut(u, y, end - cols, cols, said, ROLE_DIM);
    mem_free(said);
}
