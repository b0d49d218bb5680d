/* Where the panes stand: a pure function of the window's size and the person's choices. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include <stdbool.h>

enum layout_mode {
    LAYOUT_AUTO,
    LAYOUT_WIDE,
    LAYOUT_STACKED,
    LAYOUT_TRANSCRIPT,
    LAYOUT_BIG, /* for a class at the far wall: stacked, lines wide apart, half of it explanation */
    LAYOUT__COUNT
};
/* Splits are remembered for each of these. */
enum layout_class {
    LAYOUT_CLASS_STACKED,
    LAYOUT_CLASS_COLUMNS,
    LAYOUT_CLASS_ROOMY,
    LAYOUT_CLASS__COUNT
};
enum layout_pane { PANE_COMMAND, PANE_TRANSCRIPT, PANE_DECODED, PANE__COUNT };

struct rect {
    int y, x, rows, cols; /* rows 0: not there */
};

struct layout_wish {
    int rows, cols; /* of the window */
    enum layout_mode mode;
    int split_percent; /* transcript's share of the width, or its share of the height when stacked;
                          0: default */
    bool zoom;         /* the pane below takes all there is */
    enum layout_pane pane;
};

struct layout {
    struct rect header, transcript, decoded, prompt, hint, footer, status;
    struct rect sessions; /* roomy: the list of connections at the left */
    struct rect second;   /* roomy: another decoded pane below the first */
    int sessions_x;       /* column between sessions and transcript; 0: none */
    int second_y;         /* row between the decoded panes; 0: none */
    struct rect tabs;     /* the line above a decoded strip */
    struct rect rule;     /* the line above the command pane */
    struct rect frame;    /* two columns: the box around both panes and the command pane */
    int divider_x;        /* frame: column between the panes; 0: none */
    bool columns;         /* side by side */
    enum layout_class class;
};

void layout_compute(const struct layout_wish *wish, struct layout *out);

#endif
