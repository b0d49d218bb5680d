#ifndef REPORT_DIFF_PRIVATE_H
#define REPORT_DIFF_PRIVATE_H

#include "base/mem.h"
#include "report/diff.h"
#include "report/out.h"

enum { DIFF_LINE_OCTETS = 1 << 16 };

/* Which of the aspects two steps differ in; what was passed over goes into d->noise. */
unsigned diff_compare(struct diff *d, const struct step *a, const struct step *b);
/* What aligns steps: strong where they ask the same of the same, weak where they are of one kind.
 */
struct diff_key {
    uint64_t strong, weak;
};
struct diff_key diff_key_of(const struct diff_side *side, const struct step *step);

/* "C EHLO x", "= TLSv1.3 ...", "C (message, 12 lines)"; empty: it has no line of its own. */
void diff_command_line(const struct diff_side *side, const struct step *step, struct buf *out);
/* "S 250 2.1.0 Ok", "S 250 offers PIPELINING, SIZE 1000"; empty: no reply came. */
void diff_reply_line(const struct diff_side *side, const struct step *step, struct buf *out);
/* The capabilities a step told, a line each; empty: none. */
struct slice diff_caps_of(const struct diff_side *side, const struct step *step);
/* The lines of a capability list that `other` has not; *n_inout counts them. */
void diff_caps_missing(const struct diff_side *side, const struct step *step,
                       const struct diff_side *other, const struct step *other_step,
                       struct buf *out, size_t *n_inout);
const char *diff_step_name(const struct step *step);
/* Fill in d->explanation and the row that explains. */
void diff_explain(struct diff *d);

#endif
