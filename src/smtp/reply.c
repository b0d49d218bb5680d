/* Reply parser.
 *
 * A line is looked at once, when its end has come (found by memchr), so the split of the stream
 * cannot matter: octets are only gathered until then. What ends a line is a LF, or a cap:
 *
 *  - SMTP_CAP_LINE_OCTETS octets without LF: the line is cut there (LINE_CAP) and what follows, up
 * to its LF, stands as further lines of the same reply, with code 0. The first piece decides
 * whether the reply goes on, so an endless line cannot pass for a flood of replies.
 *  - SMTP_CAP_REPLY_OCTETS or SMTP_CAP_REPLY_LINES without a final line: the reply is taken as
 * ended (REPLY_CAP). What follows is a reply of its own.
 *
 * The first line's record stands in the parser itself: a reply of one line costs one allocation
 * (its text). smtp_reply_parser_deinit gives all memory back and leaves a parser that can go on.
 */
#include "smtp/reply.h"

#include "base/mem.h"
#include "smtp/smtp_private.h"

#include <string.h>

#define BIT(name) SMTP_RULE_BIT(SMTP_RULE_##name)

enum {
    LINES_FIRST = 16,
    TEXT_FIRST_OCTETS = 512, /* room taken at once for what one feed brings */
    TEXT_KEPT_OCTETS = 8192  /* a larger reply's memory is not kept for the next one */
};

/* ---- one line ---- */

/* "250-text", "250 text", "250" without its line end. Returns whether another line has to follow.
 * Reply-code = %x32-35 %x30-35 %x30-39 (RFC 5321 section 4.2); the second digit is not judged:
 * codes like 571 are in use. */
static bool read_head(struct slice line, struct smtp_reply_line *out)
{
    if (line.len < 3 || !smtp_is_digit(line.ptr[0]) || !smtp_is_digit(line.ptr[1]) ||
        !smtp_is_digit(line.ptr[2])) {
        out->rules |= BIT(REPLY_BAD_CODE);
        return false;
    }
    out->code =
        (uint16_t)((line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0'));
    if (out->code < 200 || out->code > 599)
        out->rules |= BIT(REPLY_BAD_CODE);
    out->text_offset = 3;
    if (line.len == 3) {
        out->rules |= BIT(REPLY_NO_TEXT);
        return false;
    }
    bool more = line.ptr[3] == '-';
    if (!more && line.ptr[3] != ' ') {
        out->rules |= BIT(REPLY_BAD_SEPARATOR);
        return false;
    }
    out->text_offset = 4;
    if (!more && line.len == 4)
        out->rules |= BIT(REPLY_NO_TEXT);
    return more;
}

/* The code of the last line before `n` that has one; 0: none. */
static unsigned code_before(const struct smtp_reply_parser *p, size_t n)
{
    while (n > 0 && p->lines[n - 1].code == 0)
        n--;
    return n > 0 ? p->lines[n - 1].code : 0;
}

static struct smtp_reply_line *add_line(struct smtp_reply_parser *p)
{
    if (p->n_lines == 0 && p->lines == NULL) {
        p->lines = &p->first;
        p->alloc_lines = 1;
    } else if (p->n_lines == p->alloc_lines) {
        bool inside = p->lines == &p->first;
        p->alloc_lines = inside ? LINES_FIRST : p->alloc_lines * 2;
        p->lines = mem_realloc(inside ? NULL : p->lines, p->alloc_lines * sizeof(*p->lines));
        if (inside)
            p->lines[0] = p->first;
    }
    p->lines[p->n_lines] = (struct smtp_reply_line){.offset = (uint32_t)p->line_start};
    return &p->lines[p->n_lines++];
}

/* How a line came to its end. */
enum line_end { END_LF, END_LINE_CAP, END_REPLY_CAP, END_CUT };

/* Record the line from .line_start to the end of .text. Returns true where it ends the reply. */
static bool finish_line(struct smtp_reply_parser *p, enum line_end end)
{
    static const smtp_rules end_rules[] = {[END_LF] = 0,
                                           [END_LINE_CAP] = BIT(LINE_CAP),
                                           [END_REPLY_CAP] = BIT(REPLY_CAP),
                                           [END_CUT] = BIT(REPLY_CUT)};
    struct slice wire = slice_skip(buf_slice(&p->text), p->line_start);
    struct slice line = wire;
    smtp_rules rules = end_rules[end];
    if (end == END_LF)
        line.len--;
    if ((end == END_LF || end == END_CUT) && line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    else if (end == END_LF)
        rules |= BIT(LINE_BARE_LF);
    if (wire.len > SMTP_REPLY_LINE_MAX_OCTETS)
        rules |= BIT(REPLY_LINE_TOO_LONG);

    bool open = p->n_lines > 0;
    unsigned before = code_before(p, p->n_lines);
    struct smtp_reply_line *out = add_line(p);
    out->len = (uint32_t)line.len;
    out->rules = rules | smtp_line_octet_rules(line);
    if (!p->tail) {
        bool more = read_head(line, out);
        /* A line that is no reply belongs to the multi-line reply that is open, and leaves it so.
         */
        p->more = more || (open && out->text_offset == 0);
        if (out->code != 0 && before != 0 && out->code != before)
            out->rules |= BIT(REPLY_MIXED_CODES);
    }
    p->tail = end == END_LINE_CAP;
    p->line_start = p->text.len;
    return end != END_LINE_CAP && !p->more;
}

/* ---- the whole reply ---- */

static void drop(struct smtp_reply_parser *p)
{
    if (p->text.alloc_octets > TEXT_KEPT_OCTETS) {
        smtp_reply_parser_deinit(p);
        return;
    }
    buf_reset(&p->text);
    p->n_lines = 0;
    p->line_start = 0;
    p->done = p->more = p->tail = false;
}

static void set_reply(struct smtp_reply_parser *p, struct smtp_reply *out)
{
    *out =
        (struct smtp_reply){.text = buf_slice(&p->text), .lines = p->lines, .n_lines = p->n_lines};
    size_t last = p->n_lines;
    for (size_t i = 0; i < p->n_lines; i++)
        out->rules |= p->lines[i].rules;
    while (last > 0 && p->lines[last - 1].code == 0)
        last--;
    if (last > 0) {
        const struct smtp_reply_line *line = &p->lines[last - 1];
        out->code = line->code;
        struct slice text = slice_of(p->text.ptr + line->offset, line->len);
        out->has_enhanced =
            smtp_enhanced_parse(slice_skip(text, line->text_offset), out->enhanced) > 0;
    }
    p->done = true;
}

void smtp_reply_parser_init(struct smtp_reply_parser *p)
{
    *p = (struct smtp_reply_parser){0};
    buf_init(&p->text, SMTP_CAP_REPLY_OCTETS);
}

void smtp_reply_parser_deinit(struct smtp_reply_parser *p)
{
    buf_deinit(&p->text);
    if (p->lines != &p->first)
        mem_free(p->lines);
    smtp_reply_parser_init(p);
}

/* Gather octets up to a line's end or a cap. Returns how many; *ended_out tells whether the line is
 * whole, and how it ended. */
static size_t gather(struct smtp_reply_parser *p, struct slice in, bool *ended_out,
                     enum line_end *end_out)
{
    size_t line_room = SMTP_CAP_LINE_OCTETS - (p->text.len - p->line_start);
    size_t reply_room = SMTP_CAP_REPLY_OCTETS - p->text.len;
    size_t room = line_room < reply_room ? line_room : reply_room;
    struct slice piece = slice_take(in, room);
    ptrdiff_t lf = slice_find_octet(piece, '\n');
    if (lf >= 0)
        piece.len = (size_t)lf + 1;
    if (p->text.len == 0)
        (void)buf_room(&p->text, in.len < TEXT_FIRST_OCTETS ? in.len : TEXT_FIRST_OCTETS);
    BUG_IF(!buf_append(&p->text, piece));
    *ended_out = lf >= 0 || piece.len == room;
    *end_out = lf >= 0 ? END_LF : reply_room <= line_room ? END_REPLY_CAP : END_LINE_CAP;
    return piece.len;
}

size_t smtp_reply_feed(struct smtp_reply_parser *p, struct slice in, struct smtp_reply *out,
                       bool *done_out)
{
    size_t used = 0;
    *done_out = false;
    if (p->done)
        drop(p);
    while (used < in.len) {
        bool ended;
        enum line_end end;
        used += gather(p, slice_skip(in, used), &ended, &end);
        if (!ended)
            break;
        bool final = finish_line(p, end);
        bool full = p->text.len == SMTP_CAP_REPLY_OCTETS || p->n_lines == SMTP_CAP_REPLY_LINES;
        if (!final && full)
            p->lines[p->n_lines - 1].rules |= BIT(REPLY_CAP);
        if (final || full) {
            set_reply(p, out);
            *done_out = true;
            break;
        }
    }
    return used;
}

bool smtp_reply_pending(const struct smtp_reply_parser *p)
{
    return !p->done && p->text.len > 0;
}

bool smtp_reply_cut(struct smtp_reply_parser *p, struct smtp_reply *out)
{
    if (!smtp_reply_pending(p))
        return false;
    if (p->text.len > p->line_start)
        (void)finish_line(p, END_CUT);
    set_reply(p, out);
    out->rules |= BIT(REPLY_CUT);
    return true;
}

struct slice smtp_reply_line_text(const struct smtp_reply *r, size_t line)
{
    BUG_IF(line >= r->n_lines);
    const struct smtp_reply_line *l = &r->lines[line];
    struct slice text = slice_take(slice_skip(r->text, l->offset), l->len);
    text = slice_skip(text, l->text_offset);
    unsigned enhanced[3];
    size_t used = l->code != 0 ? smtp_enhanced_parse(text, enhanced) : 0;
    text = slice_skip(text, used);
    while (used > 0 && text.len > 0 && text.ptr[0] == ' ')
        text = slice_skip(text, 1);
    return text;
}

/* ---- codes ---- */

/* status-code = class "." subject "." detail; class = "2"/"4"/"5"; subject, detail = 1*3digit */
size_t smtp_enhanced_parse(struct slice in, unsigned enhanced_out[3])
{
    unsigned value[3] = {0, 0, 0};
    size_t at = 0;
    for (unsigned part = 0; part < 3; part++) {
        size_t first = at;
        while (at < in.len && at - first < (part == 0 ? 1 : 3) && smtp_is_digit(in.ptr[at]))
            value[part] = value[part] * 10 + (unsigned)(in.ptr[at++] - '0');
        if (at == first)
            return 0;
        if (part < 2 && (at == in.len || in.ptr[at++] != '.'))
            return 0;
    }
    if ((value[0] != 2 && value[0] != 4 && value[0] != 5) || (at < in.len && in.ptr[at] != ' '))
        return 0;
    memcpy(enhanced_out, value, sizeof(value));
    return at;
}

enum smtp_outcome smtp_reply_outcome(unsigned code)
{
    static const enum smtp_outcome by_class[] = {
        [2] = SMTP_OUT_2YZ, [3] = SMTP_OUT_3YZ, [4] = SMTP_OUT_4YZ, [5] = SMTP_OUT_5YZ};
    if (code == 421)
        return SMTP_OUT_421;
    return code >= 200 && code <= 599 ? by_class[code / 100] : SMTP_OUT_MALFORMED;
}

const char *smtp_outcome_name(enum smtp_outcome outcome)
{
    static const char *const names[SMTP_OUT__COUNT] = {
        [SMTP_OUT_2YZ] = "2yz",         [SMTP_OUT_3YZ] = "3yz", [SMTP_OUT_4YZ] = "4yz",
        [SMTP_OUT_5YZ] = "5yz",         [SMTP_OUT_421] = "421", [SMTP_OUT_MALFORMED] = "malformed",
        [SMTP_OUT_TIMEOUT] = "timeout", [SMTP_OUT_EOF] = "eof", [SMTP_OUT_ABORT] = "abort"};
    BUG_IF((unsigned)outcome >= SMTP_OUT__COUNT);
    return names[outcome];
}
