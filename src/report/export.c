/* The table of formats, and what they share. */
#include "report/export_private.h"

#include <errno.h>
#include <string.h>

static const struct export_format formats[] = {
    {"text", "txt", "lines of the dialogue, C: and S:", export_text_lines},
    {"swaks", "swaks", "the marks of swaks: ->, <-, <**, ~>, <~, ===, ***", export_swaks},
    {"markdown", "md", "a page for an issue or a mail: facts, then the dialogue", export_markdown},
    {"html", "html", "one page without scripts and links, messages folded, fit for print",
     export_html},
    {"svg", "svg", "the ladder as a picture: arrows between client and server, times beside them",
     export_svg},
    {"json", "json", "a summary: steps, envelope, results, TLS, timing; one object", export_json},
    {"eml", "eml", "a message as it was sent, dots unstuffed (--message N where there are more)",
     export_eml},
    {"script", "smtpscope", "lines for smtpscope run that say and expect the same again",
     export_script},
    {"cast", "cast", "asciicast v2: the transcript in its own time, notes as markers", export_cast},
    {"pcapng", "pcapng", "synthetic packets for Wireshark, notes as comments", export_pcapng},
};

const struct export_format *export_format_at(size_t index)
{
    return index < sizeof(formats) / sizeof(*formats) ? &formats[index] : NULL;
}

const struct export_format *export_format_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

bool export_write(const struct journal *j, const struct export_format *format,
                  const struct export_options *options, FILE *to, struct err *err)
{
    err_clear(err);
    bool ok = format->write(j, options, to, err);
    errno = 0;
    if (ok && (fflush(to) != 0 || ferror(to))) {
        err_set(err, ERR_FILE, errno, "cannot write the export: %s",
                errno ? strerror(errno) : "the device refused");
        err_explain(err, "What was written so far is not whole.", "Is there room on the disk?");
        ok = false;
    }
    return ok;
}

/* ---- the walk ---- */

void export_walk_init_forward(struct export_walk *w, const struct journal *j,
                              const struct export_options *options, FILE *to)
{
    *w = (struct export_walk){.journal = j, .options = options, .to = to};
    w->transcript = transcript_new(j, 0, false);
    w->forward = true;
    annotations_read(&w->annotations, j);
    buf_init(&w->out, EXPORT_TEXT_MAX_OCTETS);
    vis_init(&w->text);
}

void export_walk_init(struct export_walk *w, const struct journal *j,
                      const struct export_options *options, FILE *to)
{
    export_walk_init_forward(w, j, options, to);
    w->forward = false;
    transcript_update(w->transcript, NULL);
}

void export_walk_deinit(struct export_walk *w)
{
    out_flush(&w->out, w->to);
    transcript_free(&w->transcript);
    annotations_deinit(&w->annotations);
    buf_deinit(&w->out);
    vis_deinit(&w->text);
}

/* Those that speak of what came before event `below_seq`. */
static void walk_annotations(struct export_walk *w, uint64_t below_seq,
                             void (*fn)(struct export_walk *w))
{
    while (w->line && (w->annotation = annotations_next(&w->annotations, below_seq)) != NULL) {
        vis_reset(&w->text);
        vis_append_own(&w->text, w->annotation->mark ? "mark " : "note: ");
        vis_append(&w->text, slice_cstr(w->annotation->text), 0, SIZE_MAX);
        fn(w);
    }
    w->annotation = NULL;
}

/* A remark that speaks of a line stands behind that line, not where it was made. */
static bool stands_elsewhere(const struct export_walk *w)
{
    struct slice text;
    bool mark;
    if (w->line->kind != TRANSCRIPT_NOTE)
        return false;
    const struct event *ev = journal_at(w->journal, w->line->seq);
    return ev && annotation_of(ev, &text, &mark);
}

/* The lines up to `end`, from w->index on. */
static void walk_to(struct export_walk *w, size_t end, void (*fn)(struct export_walk *w))
{
    for (; w->index < end; w->index++) {
        const struct transcript_line *line = transcript_at(w->transcript, w->index);
        walk_annotations(w, line->seq, fn);
        w->line = line;
        if (stands_elsewhere(w))
            continue;
        vis_reset(&w->text);
        transcript_text(w->transcript, w->index, 0, SIZE_MAX, &w->text);
        fn(w);
        if (w->line->conn != 0)
            w->conn = w->line->conn;
        if (w->out.len >= EXPORT_BUFFER_OCTETS)
            out_flush(&w->out, w->to);
    }
}

/* The line at hand stays: a remark on it may be the next to come. */
static void walk_stretches(struct export_walk *w, void (*fn)(struct export_walk *w))
{
    size_t window = w->options->window_lines ? w->options->window_lines : EXPORT_WINDOW_LINES;
    uint64_t last = journal_last(w->journal), seq = journal_first(w->journal);
    if (window < 2 * EXPORT_REPLY_LOOK_LINES)
        window = 2 * EXPORT_REPLY_LOOK_LINES;
    for (; seq != 0 && seq < last; seq += EXPORT_TURN_EVENTS) {
        transcript_update_to(w->transcript, seq, NULL);
        size_t count = transcript_count(w->transcript);
        if (count <= w->index + 2 * window)
            continue;
        walk_to(w, count - window, fn);
        transcript_forget(w->transcript, w->index - 1);
    }
    transcript_update(w->transcript, NULL);
}

void export_walk_lines(struct export_walk *w, void (*fn)(struct export_walk *w))
{
    if (w->forward)
        walk_stretches(w, fn);
    walk_to(w, transcript_count(w->transcript), fn);
    walk_annotations(w, UINT64_MAX, fn);
}

bool export_is_bad_reply(struct export_walk *w)
{
    const unsigned ends = TRANSCRIPT_REPLY_OK | TRANSCRIPT_REPLY_BAD;
    if (w->annotation)
        return false;
    if (w->line->kind != TRANSCRIPT_LINE || w->line->dir != DIR_S)
        return false;
    if (w->index < w->reply_until)
        return w->reply_bad;
    size_t count = transcript_count(w->transcript);
    w->reply_bad = false;
    w->reply_until = w->index + 1;
    for (size_t i = w->index; i < count && i < w->index + EXPORT_REPLY_LOOK_LINES; i++) {
        const struct transcript_line *l = transcript_at(w->transcript, i);
        if (l->conn != w->line->conn || l->dir != DIR_S || !(l->flags & ends))
            continue;
        w->reply_bad = (l->flags & TRANSCRIPT_REPLY_BAD) != 0;
        w->reply_until = i + 1;
        break;
    }
    return w->reply_bad;
}

size_t export_content_lines(const struct export_walk *w, uint64_t *octets_out)
{
    size_t count = transcript_count(w->transcript), i = w->index;
    *octets_out = 0;
    for (; i < count; i++) {
        const struct transcript_line *l = transcript_at(w->transcript, i);
        if (l->kind != TRANSCRIPT_CONTENT || l->conn != w->line->conn || l->dir != w->line->dir)
            break;
        *octets_out += l->length;
    }
    return i - w->index;
}

const char *export_who(const struct export_walk *w)
{
    if (w->annotation)
        return "-";
    bool spoken = w->line->kind == TRANSCRIPT_LINE || w->line->kind == TRANSCRIPT_CONTENT;
    if (spoken)
        return w->line->dir == DIR_C ? "C" : "S";
    return w->line->kind == TRANSCRIPT_TLS ? "=" : "-";
}

struct slice export_text(const struct export_walk *w)
{
    return buf_slice(&w->text.text);
}
