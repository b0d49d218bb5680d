/* Two sessions side by side, aligned by what was asked and answered: "it worked yesterday".
 *
 * Capabilities and TLS are compared as sets of properties, recipients by address. What differs from
 * run to run (dates, times, queue and message ids, sizes, the client's own name and address,
 * secrets) is no difference; it is counted as noise.
 */
#ifndef REPORT_DIFF_H
#define REPORT_DIFF_H

#include <stdio.h>

#include "base/err.h"
#include "report/steps.h"

enum diff_mark { DIFF_SAME, DIFF_ONLY_A, DIFF_ONLY_B, DIFF_CHANGED };
enum diff_aspect {
    DIFF_COMMAND = 1,  /* the command line */
    DIFF_CODE = 2,     /* reply code or enhanced code, or one was not answered */
    DIFF_TEXT = 4,     /* words of the reply */
    DIFF_CAPS = 8,     /* what was offered */
    DIFF_TLS = 16,     /* how the handshake ended, version, cipher, group */
    DIFF_CERT = 32,    /* subject, names, issuer, verification */
    DIFF_MESSAGE = 64, /* the content of the message */
};

enum noise {
    NOISE_DATE = 1,
    NOISE_ID = 2,
    NOISE_MESSAGE_ID = 4,
    NOISE_SIZE = 8,
    NOISE_CLIENT = 16,
    NOISE_SECRET = 32,
    NOISE_BOUNDARY = 64,
    NOISE_UID = 128,
};
/* The words for a set of noise, comma separated. */
void noise_format(unsigned set, struct buf *out);
/* A line with all that is volatile replaced by its name in angle brackets. client and address: of
 * this end, or empty. *seen_inout collects what was replaced. */
void noise_normalise(struct slice line, struct slice client, struct slice address, struct buf *out,
                     unsigned *seen_inout);

struct diff_row {
    enum diff_mark mark;
    const struct step *a, *b; /* NULL: only in the other */
    unsigned aspects;         /* of enum diff_aspect */
    bool explains;            /* this difference explains the outcome */
};

struct diff_side {
    const char *name;
    struct session_steps steps;
    const struct step_list *list;
    struct outcome_info outcome;
    char *client, *address; /* how it called itself, and from where */
};

struct diff {
    struct diff_side a, b;
    struct diff_row *rows;
    size_t n_rows;
    size_t differences; /* rows that are not the same, and the end */
    bool end_differs;   /* one was closed in order and the other was not, or never came up */
    bool same;
    unsigned noise;        /* seen and passed over */
    char explanation[400]; /* the first difference that explains the outcome, or that there is none
                            */
};

struct diff_options {
    const char *name_a, *name_b;
    uint32_t conn_a, conn_b; /* 0: the last connection that came up */
};
/* Compare; the journals must outlive the result. False: one of them holds no connection. */
bool diff_sessions(const struct journal *a, const struct journal *b,
                   const struct diff_options *options, struct diff *out, struct err *err);
void diff_deinit(struct diff *d);
/* As text, in ASCII: "  " same, "- " only in A, "+ " only in B, "~ " differs, ">" explains the
 * outcome. */
void diff_print(const struct diff *d, FILE *to);

/* As rows of two columns, for a screen. Texts are in safe form. */
struct diff_page_row {
    enum diff_mark mark;
    bool explains;
    bool sum;             /* below the dialogue: times, recipients, the end */
    char *text[2];        /* of A and of B; NULL: there is none */
    uint64_t reply_us[2]; /* of a reply */
};
struct diff_page {
    char *title[2], *explanation, *noise;
    size_t differences;
    struct diff_page_row *rows;
    size_t n_rows, alloc_rows;
};
/* The result holds copies: the journals may go. */
void diff_page_make(const struct diff *d, struct diff_page *out);
void diff_page_deinit(struct diff_page *p);

/* As one JSON object. */
void diff_print_json(const struct diff *d, FILE *to);

#endif
