/* The fields of message/delivery-status (RFC 3464): a group of fields for the message, then one for
 * each recipient, an empty line between them. Long fields go on in lines that begin with a blank.
 */
#include <string.h>

#include "decode/notice_private.h"
#include "smtp/reply.h"

enum field { FIELD_RECIPIENT, FIELD_STATUS, FIELD_DIAGNOSTIC, FIELD_REMOTE, FIELD__COUNT };
enum { FIELD_OCTETS = 4096 };

static const char *const names[FIELD__COUNT] = {
    [FIELD_RECIPIENT] = "Final-Recipient:",
    [FIELD_STATUS] = "Status:",
    [FIELD_DIAGNOSTIC] = "Diagnostic-Code:",
    [FIELD_REMOTE] = "Remote-MTA:",
};

struct group {
    struct buf fields[FIELD__COUNT]; /* values, unfolded */
    size_t line;                     /* where it began */
};

static bool is_status(struct slice value)
{
    unsigned e[3];
    value = slice_trim(value);
    return smtp_enhanced_parse(value, e) > 0;
}

static enum field field_of(struct slice line)
{
    for (unsigned f = 0; f < FIELD__COUNT; f++)
        if (slice_starts_nocase(line, slice_cstr(names[f])))
            return (enum field)f;
    return FIELD__COUNT;
}

bool notice_is_report(struct slice text)
{
    struct notice_scan s = {.rest = text};
    struct slice line;
    while (notice_line(&s, &line)) {
        enum field f = field_of(line);
        if (f == FIELD_RECIPIENT || f == FIELD_DIAGNOSTIC ||
            (f == FIELD_STATUS && is_status(slice_skip(line, strlen(names[f])))))
            return true;
    }
    return false;
}

/* "rfc822; bob@example" and "dns; mx.example": the value behind its type. */
static struct slice behind_type(struct slice value)
{
    ptrdiff_t semicolon = slice_find_octet(value, ';');
    return slice_trim(semicolon < 0 ? value : slice_skip(value, (size_t)semicolon + 1));
}

/* Hand a recipient's group over and begin anew. */
static void finish(struct notice_scan *s, struct group *g)
{
    struct slice status = slice_trim(buf_slice(&g->fields[FIELD_STATUS]));
    struct slice said = behind_type(buf_slice(&g->fields[FIELD_DIAGNOSTIC]));
    struct notice n = {.form = "report", .line = g->line};
    unsigned e[3];
    char enhanced[16] = "";
    size_t len = smtp_enhanced_parse(status, e);
    if (len > 0 && len < sizeof(enhanced)) {
        memcpy(enhanced, status.ptr, len);
        n.input.enhanced = enhanced;
    }
    /* A program may put words of its own before the reply. */
    ptrdiff_t at = notice_code_at(said, 0) ? 0 : notice_sure_code(said);
    if (at > 0)
        said = slice_skip(said, (size_t)at);
    n.input.text = said;
    n.input.code = at >= 0 ? notice_code_at(said, 0) : 0;
    n.recipient = behind_type(buf_slice(&g->fields[FIELD_RECIPIENT]));
    if (said.len > 0 || enhanced[0])
        notice_found(s, &n, notice_until(behind_type(buf_slice(&g->fields[FIELD_REMOTE])), " (["));
    for (unsigned f = 0; f < FIELD__COUNT; f++)
        buf_reset(&g->fields[f]);
}

void notice_report(struct notice_scan *s)
{
    struct group g = {.line = 0};
    enum field open = FIELD__COUNT;
    struct slice line;
    for (unsigned f = 0; f < FIELD__COUNT; f++)
        buf_init(&g.fields[f], FIELD_OCTETS);
    while (notice_line(s, &line)) {
        bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
        if (folded && slice_trim(line).len > 0) {
            if (open != FIELD__COUNT) {
                buf_append_octet(&g.fields[open], ' ');
                buf_append(&g.fields[open], slice_trim(line));
            }
            continue;
        }
        bool over = slice_trim(line).len == 0 || slice_starts(line, SLICE_LIT("--"));
        if (over)
            finish(s, &g);
        open = field_of(line);
        if (open == FIELD__COUNT)
            continue;
        /* A second recipient without the empty line between: another group all the same. */
        if (open == FIELD_RECIPIENT && g.fields[FIELD_RECIPIENT].len > 0)
            finish(s, &g);
        if (g.fields[FIELD_RECIPIENT].len + g.fields[FIELD_STATUS].len == 0)
            g.line = s->line;
        buf_reset(&g.fields[open]);
        buf_append(&g.fields[open],
                   slice_take(slice_trim(slice_skip(line, strlen(names[open]))), FIELD_OCTETS));
    }
    finish(s, &g);
    for (unsigned f = 0; f < FIELD__COUNT; f++)
        buf_deinit(&g.fields[f]);
}
