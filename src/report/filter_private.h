/* A parsed filter: nodes by index, children before their parent. */
#ifndef REPORT_FILTER_PRIVATE_H
#define REPORT_FILTER_PRIVATE_H

#include "base/arena.h"
#include "base/mem.h"
#include "report/filter.h"

enum filter_type {
    FILTER_TYPE_TEXT,
    FILTER_TYPE_CODE, /* a number that may be a pattern */
    FILTER_TYPE_NUMBER,
    FILTER_TYPE_TIME,
    FILTER_TYPE_WORD,
};

enum filter_op {
    FILTER_OP_ANY, /* the field alone: it has one */
    FILTER_OP_EQ,
    FILTER_OP_NE,
    FILTER_OP_HAS,
    FILTER_OP_LACKS,
    FILTER_OP_LT, /* from here on: order */
    FILTER_OP_LE,
    FILTER_OP_GT,
    FILTER_OP_GE,
};

enum filter_node_type { FILTER_NODE_TEST, FILTER_NODE_NOT, FILTER_NODE_AND, FILTER_NODE_OR };

struct filter_node {
    enum filter_node_type type;
    int left, right;
    enum filter_field field;
    enum filter_op op;
    bool numeric;
    uint64_t number;
    struct slice value; /* in the filter's arena */
};

struct filter {
    struct arena arena;
    struct filter_node *nodes;
    size_t n_nodes;
    int root;
};

/* Is anything made of events of that kind? EVENT__COUNT, a kind unknown: it may be. */
bool filter_lens_sees(unsigned kind, bool shadows);
/* One test alone. */
bool filter_test(const struct filter_node *n, const struct filter_facts *facts);

#endif
