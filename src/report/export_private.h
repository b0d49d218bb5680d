/* What the formats share: a walk over the transcript's lines. */
#ifndef REPORT_EXPORT_PRIVATE_H
#define REPORT_EXPORT_PRIVATE_H

#include "base/mem.h"
#include "decode/transcript.h"
#include "report/annotations.h"
#include "report/export.h"
#include "report/out.h"
#include "report/steps.h"

enum { EXPORT_BUFFER_OCTETS = 1 << 16, EXPORT_TEXT_MAX_OCTETS = 1 << 22 };
enum {
    EXPORT_TURN_EVENTS = 1 << 12,     /* taken into the transcript at once */
    EXPORT_WINDOW_LINES = 1 << 18,    /* the newest, which what comes next may still change */
    EXPORT_REPLY_LOOK_LINES = 1 << 12 /* how far ahead the end of a reply is looked for */
};

struct export_walk {
    const struct journal *journal;
    const struct export_options *options;
    struct transcript *transcript;
    FILE *to;
    struct buf out;       /* goes to `to` when it is large */
    struct vis_text text; /* of the line at hand */
    bool forward;         /* lines that were written are forgotten */
    size_t index;         /* of that line */
    const struct transcript_line *line;
    uint32_t conn;      /* of the line before */
    size_t reply_until; /* lines before this one are of a reply whose end was looked up */
    bool reply_bad;
    struct annotations annotations;
    const struct annotation *annotation; /* at hand in place of a line; `line` is the one before */
    void *own;                           /* the format's */
};

void export_walk_init(struct export_walk *w, const struct journal *j,
                      const struct export_options *options, FILE *to);
/* The same for formats that never look further ahead than a reply: the lines come in stretches, and
 * those behind the newest EXPORT_WINDOW_LINES are written and forgotten. */
void export_walk_init_forward(struct export_walk *w, const struct journal *j,
                              const struct export_options *options, FILE *to);
void export_walk_deinit(struct export_walk *w);
/* Call fn for each line in order, with w->text its safe text; and for each mark and remark of a
 * person behind the line it speaks of, with w->annotation set. */
void export_walk_lines(struct export_walk *w, void (*fn)(struct export_walk *w));
/* Is the line at hand of a reply that refuses? Known of each of its lines, not only of the last. */
bool export_is_bad_reply(struct export_walk *w);
/* How many lines of message content follow one another from the line at hand on. */
size_t export_content_lines(const struct export_walk *w, uint64_t *octets_out);
const char *export_who(const struct export_walk *w); /* "C", "S", "=" TLS, "-" other events */
struct slice export_text(const struct export_walk *w);

bool export_text_lines(const struct journal *j, const struct export_options *options, FILE *to,
                       struct err *err);
bool export_swaks(const struct journal *j, const struct export_options *options, FILE *to,
                  struct err *err);
bool export_markdown(const struct journal *j, const struct export_options *options, FILE *to,
                     struct err *err);
bool export_html(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err);
bool export_svg(const struct journal *j, const struct export_options *options, FILE *to,
                struct err *err);
bool export_json(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err);
bool export_eml(const struct journal *j, const struct export_options *options, FILE *to,
                struct err *err);
bool export_script(const struct journal *j, const struct export_options *options, FILE *to,
                   struct err *err);
bool export_cast(const struct journal *j, const struct export_options *options, FILE *to,
                 struct err *err);

bool export_pcapng(const struct journal *j, const struct export_options *options, FILE *to,
                   struct err *err);

#endif
