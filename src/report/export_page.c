/* Pages for people: Markdown and HTML. The same facts above, the dialogue below. */
#include "report/export_private.h"

#include <string.h>

#include "decode/view.h"

/* ---- facts of a connection, as pairs ---- */

typedef void (*fact_fn)(struct buf *out, const char *name, struct slice value);

static void fact_tls(const struct session_steps *s, const struct step_list *l, fact_fn fn,
                     struct buf *out)
{
    for (size_t i = 0; i < l->n_steps; i++) {
        const struct event *ev = journal_at(s->journal, l->steps[i].end_seq);
        struct ev_tls_up up;
        struct ev_tls_fail fail;
        if (l->steps[i].kind != STEP_TLS || !ev)
            continue;
        struct buf text;
        buf_init(&text, 8192);
        if (ev->kind == EVENT_TLS_UP) {
            EVENT_GET(ev, TLS_UP, &up);
            buf_append(&text, up.version);
            buf_append_octet(&text, ' ');
            buf_append(&text, up.cipher);
            buf_append_octet(&text, ' ');
            buf_append(&text, up.group);
        } else if (ev->kind == EVENT_TLS_FAIL) {
            EVENT_GET(ev, TLS_FAIL, &fail);
            buf_append_cstr(&text, "failed: ");
            buf_append(&text, fail.text);
        }
        fn(out, "TLS", buf_slice(&text));
        buf_deinit(&text);
    }
}

static void facts_of(const struct session_steps *s, const struct step_list *l, fact_fn fn,
                     struct buf *out)
{
    char at[40];
    struct outcome_info outcome;
    struct ev_link_up up;
    const struct event *ev = journal_at(s->journal, l->up_seq);
    clock_format_rfc3339(l->wall_us, at, sizeof(at));
    step_outcome(s, l, &outcome);
    if (ev) {
        EVENT_GET(ev, LINK_UP, &up);
        if (up.name.len > 0 && !slice_eq(up.name, up.peer))
            fn(out, "server", up.name);
        fn(out, "address", up.peer);
    }
    fn(out, "began", slice_cstr(at));
    fact_tls(s, l, fn, out);
    fn(out, "outcome", slice_cstr(outcome.text));
    struct buf text;
    buf_init(&text, 65536);
    if (outcome.step) {
        step_reply_text(s, l, outcome.step, &text);
        fn(out, "the server said", buf_slice(&text));
    }
    buf_deinit(&text);
}

/* ---- Markdown ---- */

/* Words as they are; what Markdown could take for its own as a code span, where nothing means
 * anything. What could end the span, or the cell of a table around it, is escaped instead. */
static void md_text(struct buf *out, struct slice s)
{
    static const char own[] = "\\`*_{}[]()#+!|<>~&$@:";
    struct buf safe;
    buf_init(&safe, s.len * 12 + 16);
    vis_to_buf(&safe, s, 0);
    bool special = strpbrk(buf_cstr(&safe), own) != NULL;
    bool span = special && !strpbrk(buf_cstr(&safe), "\\`|");
    if (span)
        buf_append_octet(out, '`');
    for (size_t i = 0; i < safe.len; i++) {
        if (!span && safe.ptr[i] < 0x80 && strchr(own, safe.ptr[i]))
            buf_append_octet(out, '\\');
        buf_append_octet(out, safe.ptr[i]);
    }
    if (span)
        buf_append_octet(out, '`');
    buf_deinit(&safe);
}

static void md_fact(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_printf(out, "| %s | ", name);
    md_text(out, slice_take(value, 2000));
    buf_append_cstr(out, " |\n");
}

/* Lines inside the fence begin with a mark of ours, so none of them can close it. */
static void md_line(struct export_walk *w)
{
    const char *who = export_who(w);
    if (w->line->conn != 0 && w->conn != 0 && w->line->conn != w->conn)
        buf_printf(&w->out, "-- connection %u\n", (unsigned)w->line->conn);
    buf_printf(&w->out, "%s%s ", who, *who == '=' || *who == '-' ? who : ":");
    buf_append(&w->out, export_text(w));
    buf_append_octet(&w->out, '\n');
}

bool export_markdown(const struct journal *j, const struct export_options *options, FILE *to,
                     struct err *err)
{
    struct export_walk w;
    struct session_steps steps;
    (void)err;
    session_steps_read(&steps, j);
    export_walk_init_forward(&w, j, options, to);
    buf_append_cstr(&w.out, "# ");
    md_text(&w.out, slice_cstr(options->name));
    for (size_t i = 0; i < steps.n_conns; i++) {
        buf_append_cstr(&w.out, "\n\n");
        if (steps.n_conns > 1)
            buf_printf(&w.out, "## Connection %u\n\n", (unsigned)steps.conns[i].conn);
        buf_append_cstr(&w.out, "| | |\n|---|---|\n");
        facts_of(&steps, &steps.conns[i], md_fact, &w.out);
        out_flush(&w.out, to);
    }
    buf_append_cstr(&w.out, "\n````text\n");
    export_walk_lines(&w, md_line);
    buf_printf(&w.out, "````\n\nRecorded with %s; secrets are masked.\n", options->tool);
    export_walk_deinit(&w);
    session_steps_deinit(&steps);
    return true;
}

/* ---- HTML ---- */

static const char html_style[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;"
    "color:#1a1a1a;background:#fff}"
    "h1{font-size:1.4em}th{text-align:left;font-weight:normal;color:#666;padding-right:1.5em;"
    "vertical-align:top}"
    ".t{font:13px/1.45 ui-monospace,monospace;border-top:1px solid #ddd;margin-top:1em;"
    "padding-top:.5em}"
    ".l{display:flex;gap:1ch}.l b{font-weight:normal;color:#888;flex:0 0 8ch;text-align:right}"
    ".l i{font-style:normal;flex:0 0 2ch;color:#888}.l span{white-space:pre-wrap;"
    "overflow-wrap:anywhere;flex:1}.l em{font-style:normal;color:#888}"
    ".tls{background:#f2f7fd}.C span{color:#0b5394}.S span{color:#276221}.bad span{color:#b3261e;"
    "font-weight:bold}.ev span{color:#7a4b9a}.dev span{color:#a35200}.note span{background:#fff3bf}"
    "details{margin:0 0 0 11ch}summary{color:#666;cursor:pointer}"
    "@media print{body{margin:0;max-width:none}details::details-content{content-visibility:visible;"
    "display:block}.l{break-inside:avoid}}"
    "@media (prefers-color-scheme:dark) and (not print){body{color:#ddd;background:#16181c}"
    ".tls{background:#1c2430}.C span{color:#7fb7ef}.S span{color:#8fcf8a}.bad span{color:#ff8a80}"
    ".ev span{color:#c9a2e6}.dev span{color:#ffb86b}"
    ".note span{background:#4a3f00}}";

static void html_fact(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_printf(out, "<tr><th>%s</th><td>", name);
    out_html(out, slice_take(value, 2000));
    buf_append_cstr(out, "</td></tr>\n");
}

struct html {
    size_t content_until; /* lines before this one are in the open fold; 0: none is open */
};

static const char *html_class(struct export_walk *w)
{
    if (w->annotation)
        return "note";
    if (w->line->kind == TRANSCRIPT_DEVIATION)
        return "dev";
    if (w->line->kind != TRANSCRIPT_LINE && w->line->kind != TRANSCRIPT_CONTENT)
        return "ev";
    return w->line->dir == DIR_C ? "C" : export_is_bad_reply(w) ? "S bad" : "S";
}

static void html_fold_end(struct export_walk *w)
{
    struct html *h = w->own;
    if (h->content_until && w->index >= h->content_until) {
        buf_append_cstr(&w->out, "</details>\n");
        h->content_until = 0;
    }
}

static void html_line(struct export_walk *w)
{
    struct html *h = w->own;
    uint64_t octets;
    html_fold_end(w);
    if (w->line->conn != 0 && w->conn != 0 && w->line->conn != w->conn)
        buf_printf(&w->out, "<h2>Connection %u</h2>\n", (unsigned)w->line->conn);
    if (w->line->kind == TRANSCRIPT_CONTENT && !h->content_until && !w->annotation) {
        size_t lines = export_content_lines(w, &octets);
        h->content_until = w->index + lines;
        buf_printf(&w->out, "<details><summary>message, %zu lines, %llu octets</summary>\n", lines,
                   (unsigned long long)octets);
    }
    bool tls = !w->annotation && (w->line->flags & TRANSCRIPT_TLS_ON) != 0;
    buf_printf(&w->out, "<div class=\"l %s%s\"><b>", html_class(w), tls ? " tls" : "");
    if (!w->annotation)
        out_seconds(&w->out, transcript_at_us(w->transcript, w->index));
    buf_printf(&w->out, "</b><i>%s</i><span>", export_who(w));
    out_html(&w->out, export_text(w));
    buf_append_cstr(&w->out, "</span>");
    if (w->line->reply_us > 0 && !w->annotation)
        buf_printf(&w->out, "<em>%u.%u ms</em>", w->line->reply_us / 1000,
                   w->line->reply_us / 100 % 10);
    buf_append_cstr(&w->out, "</div>\n");
}

bool export_html(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err)
{
    struct export_walk w;
    struct session_steps steps;
    struct html html = {0};
    (void)err;
    session_steps_read(&steps, j);
    export_walk_init(&w, j, options, to);
    w.own = &html;
    buf_append_cstr(&w.out,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    out_html(&w.out, slice_cstr(options->name));
    buf_printf(&w.out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", html_style);
    out_html(&w.out, slice_cstr(options->name));
    buf_append_cstr(&w.out, "</h1>\n");
    for (size_t i = 0; i < steps.n_conns; i++) {
        buf_append_cstr(&w.out, "<table>\n");
        if (steps.n_conns > 1)
            buf_printf(&w.out, "<caption>connection %u</caption>\n", (unsigned)steps.conns[i].conn);
        facts_of(&steps, &steps.conns[i], html_fact, &w.out);
        buf_append_cstr(&w.out, "</table>\n");
        out_flush(&w.out, to);
    }
    buf_append_cstr(&w.out, "<div class=\"t\">\n");
    export_walk_lines(&w, html_line);
    html_fold_end(&w);
    buf_append_cstr(&w.out, "</div>\n<p>Recorded with ");
    out_html(&w.out, slice_cstr(options->tool));
    buf_append_cstr(&w.out, "; secrets are masked.</p>\n</body>\n</html>\n");
    export_walk_deinit(&w);
    session_steps_deinit(&steps);
    return true;
}
