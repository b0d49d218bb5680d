/* The ladder as a picture: two lifelines, an arrow a command and a reply, the time beside it. One
 * file without scripts, links or fonts of its own, so that it can stand in a page, an issue or a
 * lesson. Lines of message content are one arrow, a reply of several lines is its first.
 */
#include "report/export_private.h"

#include <string.h>

enum {
    SVG_ROWS_MAX = 5000,             /* limit "svg-rows": a taller picture helps nobody */
    SVG_BODY_OCTETS_MAX = 16u << 20, /* of the rows together */
    TEXT_COLS = 78,
    WIDTH = 860,
    CLIENT_X = 110,
    SERVER_X = 770,
    HEAD_HEIGHT = 56,
    ROW_HEIGHT = 30,
};

struct svg {
    struct buf body;
    unsigned rows;
    uint64_t left_out;
    size_t content_until; /* lines before this one are of content that has its arrow */
    uint64_t last_us;     /* of the row before */
};

static const char style[] =
    "text{font:12px monospace;fill:#222}.t{fill:#777;font-size:10px;text-anchor:end}"
    ".m{text-anchor:middle}.h{font-weight:bold}.bad{fill:#b00020}.warn{fill:#8a5a00}"
    ".tls{fill:#00612e}.dim{fill:#666}line{stroke:#444;stroke-width:1.3}"
    ".life{stroke:#bbb;stroke-dasharray:3 3}.lbad{stroke:#b00020}";

/* At most TEXT_COLS columns, "..." where it is cut. The text is safe already. */
static void put_text(struct buf *b, struct slice text)
{
    struct vis_text clipped;
    vis_init(&clipped);
    vis_append(&clipped, text, 0, TEXT_COLS);
    out_html(b, buf_slice(&clipped.text));
    if (clipped.cut)
        buf_append_cstr(b, "...");
    vis_deinit(&clipped);
}

/* The y of a new row, with its time: since the beginning, and since the row before where that is a
 * millisecond or more. 0: no more are drawn. */
static unsigned row(struct svg *s, uint64_t at_us)
{
    if (s->rows == SVG_ROWS_MAX || s->body.overflow) {
        s->left_out++;
        return 0;
    }
    unsigned y = HEAD_HEIGHT + ++s->rows * ROW_HEIGHT;
    uint64_t gap_us = at_us > s->last_us ? at_us - s->last_us : 0;
    buf_printf(&s->body, "<text class=\"t\" x=\"%d\" y=\"%u\">%.3f</text>\n", CLIENT_X - 12, y + 3,
               (double)at_us / 1e6);
    if (gap_us >= 1000)
        buf_printf(&s->body, "<text class=\"t\" x=\"%d\" y=\"%u\">+%.0f ms</text>\n", WIDTH - 12,
                   y + 3, (double)gap_us / 1e3);
    s->last_us = at_us;
    return y;
}

static void arrow(struct svg *s, unsigned y, bool from_client, bool bad)
{
    int from = from_client ? CLIENT_X : SERVER_X, to = from_client ? SERVER_X : CLIENT_X;
    int back = from_client ? -9 : 9;
    buf_printf(&s->body,
               "<line%s x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"/>"
               "<path%s d=\"M%d %u l%d -4 v8 z\"/>\n",
               bad ? " class=\"lbad\"" : "", from, y, to, y, bad ? " class=\"bad\"" : "", to, y,
               back);
}

static void open_text(struct svg *s, unsigned y, const char *class)
{
    buf_printf(&s->body, "<text class=\"m %s\" x=\"%d\" y=\"%u\">", class,
               (CLIENT_X + SERVER_X) / 2, y);
}

static void spoken(struct export_walk *w, struct svg *s)
{
    bool content = w->line->kind == TRANSCRIPT_CONTENT;
    if (w->index < s->content_until || (!content && (w->line->flags & TRANSCRIPT_CONT)))
        return;
    uint64_t octets = 0;
    size_t lines = content ? export_content_lines(w, &octets) : 0;
    s->content_until = content ? w->index + lines : 0;
    bool bad = export_is_bad_reply(w);
    unsigned y = row(s, transcript_at_us(w->transcript, w->index));
    if (y == 0)
        return;
    arrow(s, y, w->line->dir == DIR_C, bad);
    open_text(s, y - 5, bad ? "bad" : (w->line->flags & TRANSCRIPT_TLS_ON) ? "tls" : "");
    if (content)
        buf_printf(&s->body, "content: %zu lines, %llu octets as sent", lines,
                   (unsigned long long)octets);
    else
        put_text(&s->body, export_text(w));
    buf_append_cstr(&s->body, "</text>\n");
}

static void told(struct export_walk *w, struct svg *s)
{
    const char *class = w->annotation                           ? "h"
                        : w->line->kind == TRANSCRIPT_TLS       ? "tls"
                        : w->line->kind == TRANSCRIPT_DEVIATION ? "warn"
                                                                : "dim";
    unsigned y = row(s, transcript_at_us(w->transcript, w->index));
    if (y == 0)
        return;
    open_text(s, y, class);
    if (w->line->conn > 1)
        buf_printf(&s->body, "connection %u: ", (unsigned)w->line->conn);
    put_text(&s->body, export_text(w));
    buf_append_cstr(&s->body, "</text>\n");
}

static void svg_line(struct export_walk *w)
{
    struct svg *s = w->own;
    if (!w->annotation && (w->line->kind == TRANSCRIPT_LINE || w->line->kind == TRANSCRIPT_CONTENT))
        spoken(w, s);
    else
        told(w, s);
}

/* Who stands at the two lines, as the first connection that came up says. */
static void put_heads(struct buf *out, const struct journal *j)
{
    struct ev_link_up up = {0};
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (!ev || ev->kind != EVENT_LINK_UP)
            continue;
        EVENT_GET(ev, LINK_UP, &up);
        break;
    }
    bool ours = up.side == SIDE_CLIENT;
    struct slice server = ours && up.name.len > 0 ? up.name : ours ? up.peer : up.local;
    const struct {
        int x;
        const char *what;
        struct slice name;
    } heads[] = {{CLIENT_X, "client", ours ? up.local : up.peer}, {SERVER_X, "server", server}};
    for (size_t i = 0; i < 2; i++) {
        buf_printf(out,
                   "<text class=\"m h\" x=\"%d\" y=\"20\">%s</text>\n"
                   "<text class=\"m dim\" x=\"%d\" y=\"36\">",
                   heads[i].x, heads[i].what, heads[i].x);
        out_html(out, slice_take(heads[i].name, 24));
        buf_append_cstr(out, "</text>\n");
    }
}

static void put_picture(const struct export_walk *w, const struct svg *s)
{
    struct buf head;
    unsigned height = HEAD_HEIGHT + (s->rows + 2) * ROW_HEIGHT;
    buf_init(&head, EXPORT_BUFFER_OCTETS);
    buf_printf(&head,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
               "viewBox=\"0 0 %d %u\">\n<title>",
               WIDTH, height, WIDTH, height);
    out_html(&head, slice_cstr(w->options->name));
    buf_printf(&head, "</title>\n<style>%s</style>\n", style);
    buf_printf(&head, "<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n", WIDTH, height);
    put_heads(&head, w->journal);
    static const int lives[] = {CLIENT_X, SERVER_X};
    for (size_t i = 0; i < 2; i++)
        buf_printf(&head, "<line class=\"life\" x1=\"%d\" y1=\"44\" x2=\"%d\" y2=\"%u\"/>\n",
                   lives[i], lives[i], height - 8);
    out_flush(&head, w->to);
    fwrite(s->body.ptr, 1, s->body.len, w->to);
    if (s->left_out > 0)
        buf_printf(&head,
                   "<text class=\"m warn\" x=\"%d\" y=\"%u\">%llu more are not drawn (limit "
                   "svg-rows)</text>\n",
                   (CLIENT_X + SERVER_X) / 2, height - ROW_HEIGHT, (unsigned long long)s->left_out);
    buf_append_cstr(&head, "</svg>\n");
    out_flush(&head, w->to);
    buf_deinit(&head);
}

bool export_svg(const struct journal *j, const struct export_options *options, FILE *to,
                struct err *err)
{
    struct export_walk w;
    struct svg s = {0};
    (void)err;
    export_walk_init(&w, j, options, to);
    buf_init(&s.body, SVG_BODY_OCTETS_MAX);
    w.own = &s;
    export_walk_lines(&w, svg_line);
    put_picture(&w, &s);
    buf_deinit(&s.body);
    export_walk_deinit(&w);
    return true;
}
