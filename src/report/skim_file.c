/* The file in windows, one looked at ahead of the one that is read.
 *
 *   ... passed over | window A: read now | window B: looked at | not yet
 *
 * A connection that turns out to be of interest in B is read from the start of A on: what a hit
 * looks back at (its command, the octets of a reply) lies there. Where it does not, the search
 * gives up and goes through the file line by line. Of connections that are not of interest only two
 * bits are kept: inside TLS, and in a message.
 */
#include "report/find_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MARK_HOT = 1, MARK_PRIMED = 2, MARK_TLS = 4, MARK_CONTENT = 8 };
enum { LINE_MAX_OCTETS = 4 << 20, CONN_MAX = 4000000 };

struct window {
    struct buf octets; /* whole lines, then the start of one that belongs to the next window */
    size_t whole_octets;
    struct skim_line *lines;
    size_t n_lines, alloc_lines;
};

/* When the newest commands and ends of messages were: what replies answer. */
enum { MOMENTS = 1 << 15 };
struct moment {
    uint64_t seq, tick_ns;
};

struct skimmer {
    struct finder *finder;
    const struct skim_plan *plan;
    struct recording_parser *parser;
    int fd;
    bool end, began;
    size_t window_octets;
    struct window windows[2];
    uint8_t *marks; /* by connection */
    size_t n_marks;
    uint64_t line;          /* of the file, the next to be read */
    uint64_t seq;           /* of the line looked at last */
    uint64_t first_seq[2];  /* of the windows */
    struct moment *moments; /* by seq; NULL: nobody asks for time since a command */
};

static uint8_t *mark_of(struct skimmer *s, uint32_t conn)
{
    if (conn >= s->n_marks) {
        size_t n = s->n_marks ? s->n_marks : 256;
        while (n <= conn)
            n *= 2;
        s->marks = mem_realloc(s->marks, n);
        memset(s->marks + s->n_marks, 0, n - s->n_marks);
        s->n_marks = n;
    }
    return &s->marks[conn];
}

static void give_up(struct skimmer *s)
{
    s->finder->gave_up = true;
}

/* ---- looking ---- */

/* At least a window of whole lines behind what is carried over, or to the end of the file. */
static bool fill(struct skimmer *s, struct window *w, const struct window *before)
{
    buf_reset(&w->octets);
    w->n_lines = 0;
    if (before)
        buf_append(&w->octets, slice_skip(buf_slice(&before->octets), before->whole_octets));
    size_t want = s->window_octets;
    w->whole_octets = 0;
    while (!s->end && w->whole_octets == 0) {
        while (w->octets.len < want) {
            uint8_t *room = buf_room(&w->octets, want - w->octets.len);
            ssize_t n = room ? read(s->fd, room, want - w->octets.len) : -1;
            if (n < 0 && room && errno == EINTR)
                continue;
            if (n < 0)
                return room ? false : (give_up(s), true);
            if (n == 0) {
                s->end = true;
                break;
            }
            buf_grow(&w->octets, (size_t)n);
        }
        const uint8_t *last = memrchr(w->octets.ptr, '\n', w->octets.len);
        w->whole_octets = last ? (size_t)(last - w->octets.ptr) + 1 : 0;
        want *= 2;
    }
    if (s->end) /* a last line without its end is the parser's to judge */
        w->whole_octets = w->octets.len;
    return true;
}

static struct skim_line *line_new(struct window *w)
{
    if (w->n_lines == w->alloc_lines) {
        w->alloc_lines = w->alloc_lines ? w->alloc_lines * 2 : 4096;
        w->lines = mem_realloc(w->lines, w->alloc_lines * sizeof(*w->lines));
    }
    return &w->lines[w->n_lines++];
}

/* With a word looked for: what it may hide in. Octets that do not end with a line may hold half of
 * it, and what is no UTF-8 is not written plainly. */
static bool may_hide(struct slice line, const struct skim_line *head)
{
    static const char whole[] = "\\n\"}";
    if (head->kind == EVENT_OCTETS)
        return (line.len < 4 || memcmp(line.ptr + line.len - 4, whole, 4) != 0) &&
               !memmem(line.ptr, line.len, "\"layer\":\"wire\"", 14);
    if (head->kind == EVENT_COMMAND || head->kind == EVENT_REPLY || head->kind == EVENT_STATE)
        return false;
    return memmem(line.ptr, line.len, "{\"base64\":", 10) != NULL;
}

/* Does a reply come after a time that is looked for? Its command must be one that will be read with
 * it, or the filter could not tell the time. */
static bool dt_hot(struct skimmer *s, struct slice line, const struct skim_line *head)
{
    uint64_t tick_ns = skim_tick(line, head), cause;
    if (head->kind != EVENT_REPLY) {
        if (head->kind == EVENT_COMMAND || head->kind == EVENT_DATA_END)
            s->moments[s->seq % MOMENTS] = (struct moment){s->seq, tick_ns};
        return false;
    }
    if (!skim_number(line, "cause", &cause))
        return give_up(s), false;
    if (cause == 0)
        return false;
    const struct moment *m = &s->moments[cause % MOMENTS];
    if (m->seq != cause || m->tick_ns == UINT64_MAX || tick_ns == UINT64_MAX)
        return give_up(s), false;
    if (m->tick_ns > tick_ns || !skim_dt_hot(s->plan, (tick_ns - m->tick_ns) / 1000))
        return false;
    if (cause < s->first_seq[0] && !(*mark_of(s, head->conn) & MARK_HOT))
        give_up(s);
    return true;
}

static void look_at_line(struct skimmer *s, struct slice line, struct skim_line *head)
{
    head->broken = skim_broken(line);
    if (head->conn == 0 || head->broken)
        return;
    bool dt = s->moments && dt_hot(s, line, head);
    if (dt || skim_line_hot(s->plan, line, head) || (s->plan->words && may_hide(line, head)))
        *mark_of(s, head->conn) |= MARK_HOT;
}

static void look_at_lines(struct skimmer *s, struct window *w)
{
    s->first_seq[0] = s->first_seq[1]; /* of the window that is read next */
    s->first_seq[1] = s->seq + 1;
    struct slice all = slice_take(buf_slice(&w->octets), w->whole_octets);
    for (size_t at = 0; at < all.len && !s->finder->gave_up;) {
        const uint8_t *lf = memchr(all.ptr + at, '\n', all.len - at);
        size_t len = lf ? (size_t)(lf - all.ptr) - at : all.len - at;
        struct slice line = slice_of(all.ptr + at, len);
        struct skim_line *head = line_new(w);
        uint64_t seq;
        *head = (struct skim_line){.at = (uint32_t)at, .len = (uint32_t)len};
        at += len + 1;
        if (len == 0 || !skim_head(line, head, &seq) || head->conn > CONN_MAX) {
            head->kind = EVENT__COUNT;
            head->conn = 0;
            if (lf) /* of another's making, or damaged: all must be read */
                give_up(s);
            continue;
        }
        /* Recordings one behind another count their connections anew. */
        if ((head->kind == EVENT_RECORDING) != !s->began)
            give_up(s);
        s->began = true;
        /* A number that does not grow: which of the two is the event is the reader's to judge. */
        if (seq <= s->seq)
            give_up(s);
        s->seq = seq;
        look_at_line(s, line, head);
    }
}

static void look_for_words(struct skimmer *s, const struct window *w)
{
    struct slice all = slice_take(buf_slice(&w->octets), w->whole_octets);
    for (size_t i = 0; i < s->plan->n_conditions; i++) {
        const struct skim_condition *c = &s->plan->conditions[i];
        size_t line = 0, at = 0;
        while (c->kind == SKIM_WORD && (at = skim_word_next(c, all, at)) != SIZE_MAX) {
            while (line + 1 < w->n_lines && w->lines[line + 1].at <= at)
                line++;
            *mark_of(s, w->lines[line].conn) |= MARK_HOT;
            at = (size_t)w->lines[line].at + w->lines[line].len; /* one is enough */
        }
    }
}

/* ---- reading ---- */

static void keep_in_mind(uint8_t *mark, unsigned kind)
{
    if (kind == EVENT_TLS_UP)
        *mark |= MARK_TLS;
    else if (kind == EVENT_DATA_BEGIN)
        *mark |= MARK_CONTENT;
    else if (kind == EVENT_DATA_END)
        *mark &= (uint8_t)~MARK_CONTENT;
    else if (kind == EVENT_LINK_DOWN)
        *mark &= MARK_HOT; /* what made it hot may stand behind, in the window ahead */
}

static void read_lines(struct skimmer *s, const struct window *w)
{
    for (size_t i = 0; i < w->n_lines && !s->finder->gave_up; i++, s->line++) {
        const struct skim_line *l = &w->lines[i];
        uint8_t *mark = mark_of(s, l->conn);
        bool hot = *mark & MARK_HOT && filter_lens_sees(l->kind, s->finder->shadows);
        if (l->conn == 0 || hot || l->broken) {
            if (hot && !(*mark & MARK_PRIMED))
                filter_lens_prime(s->finder->lens, l->conn, (*mark & MARK_TLS) != 0,
                                  (*mark & MARK_CONTENT) != 0);
            *mark |= hot ? MARK_PRIMED : 0;
            s->finder->line = s->line;
            recording_parser_skip_to(s->parser, s->line);
            bool whole = (size_t)l->at + l->len < w->octets.len;
            recording_parser_feed(s->parser,
                                  slice_of(w->octets.ptr + l->at, (size_t)l->len + whole));
        }
        if (!l->broken)
            keep_in_mind(mark, l->kind);
    }
}

bool skim_file(struct finder *f, int fd, const struct skim_plan *plan, struct recording_parser *p)
{
    struct skimmer s = {.finder = f, .plan = plan, .parser = p, .fd = fd, .line = 1};
    s.window_octets = f->options->window_octets ? f->options->window_octets : SKIM_WINDOW_OCTETS;
    s.moments = plan->dt ? mem_zalloc(MOMENTS * sizeof(*s.moments)) : NULL;
    struct window *read_now = NULL;
    bool ok = true;
    for (size_t i = 0; i < 2; i++)
        buf_init(&s.windows[i].octets, LINE_MAX_OCTETS * 2 + s.window_octets);
    for (size_t turn = 0; ok && !f->gave_up; turn++) {
        struct window *ahead = &s.windows[turn % 2];
        ok = fill(&s, ahead, read_now);
        if (!ok || f->gave_up)
            break;
        look_at_lines(&s, ahead);
        if (plan->words && !f->gave_up)
            look_for_words(&s, ahead);
        if (read_now && !f->gave_up)
            read_lines(&s, read_now);
        read_now = ahead;
        if (s.end)
            break;
    }
    if (ok && read_now && !f->gave_up)
        read_lines(&s, read_now);
    int read_errno = errno;
    for (size_t i = 0; i < 2; i++) {
        buf_deinit(&s.windows[i].octets);
        mem_free(s.windows[i].lines);
    }
    mem_free(s.marks);
    mem_free(s.moments);
    errno = read_errno;
    return ok;
}
