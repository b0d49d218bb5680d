/* Responses of the server (RFC 9051 section 7), taken apart without judging more than their form.
 */
#ifndef IMAP_RESPONSE_H
#define IMAP_RESPONSE_H

#include "imap/lex.h"

enum imap_response_kind {
    IMAP_RESPONSE_CONTINUE, /* "+ ..." */
    IMAP_RESPONSE_STATUS,   /* OK NO BAD with a tag, or * OK NO BAD BYE PREAUTH */
    IMAP_RESPONSE_DATA,     /* "* ..." */
    IMAP_RESPONSE_BAD       /* none of these */
};
enum imap_status {
    IMAP_STATUS_NONE,
    IMAP_STATUS_OK,
    IMAP_STATUS_NO,
    IMAP_STATUS_BAD,
    IMAP_STATUS_BYE,
    IMAP_STATUS_PREAUTH,
    IMAP_STATUS__COUNT
};
const char *imap_status_name(enum imap_status status); /* "OK"; "" for NONE */
enum imap_status imap_status_by_name(struct slice name);

struct imap_response {
    enum imap_response_kind kind;
    struct imap_text text;
    struct slice tag; /* "*", "+" or the tag */
    enum imap_status status;
    struct slice code;      /* "APPENDUID" of [APPENDUID 1 2]; empty: none */
    struct slice code_args; /* "1 2" */
    struct slice human;     /* behind it; of a continuation: all behind "+ " */
    struct slice type;      /* DATA: "FETCH" as written */
    bool has_number;
    uint64_t number; /* in front of the type */
    size_t data_at;  /* DATA: where the rest stands in the text, behind the type and its space */
    imap_rules rules;
};

/* Never fails. Slices point into the text. */
void imap_response_parse(const struct imap_text *text, struct imap_response *out);

/* ---- data as a tree, for views and clients ---- */

enum imap_node_kind { IMAP_NODE_NIL, IMAP_NODE_ATOM, IMAP_NODE_STRING, IMAP_NODE_LIST };
struct imap_node {
    enum imap_node_kind kind;
    struct slice text; /* ATOM (with its [section]<n>), STRING; empty in a gap */
    uint64_t length;   /* of a string, also where it is a gap */
    bool gap;
    uint64_t stream_at;            /* of a gap */
    const struct imap_node *first; /* LIST */
    const struct imap_node *next;
};
/* The values from the cursor to the end of its text, as children of a LIST node. NULL: not
 * well-formed, or a limit was hit (c->rules says which). Depth costs no stack. */
const struct imap_node *imap_take_tree(struct imap_cursor *c);
/* The value behind this word in a list of pairs (FETCH data), case ignored; NULL: none. */
const struct imap_node *imap_node_after(const struct imap_node *list, const char *word);

#endif
