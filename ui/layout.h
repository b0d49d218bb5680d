/* Where the panes stand: a pure function of the window's size and the person's choices. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include <stdbool.h>

enum layout_mode { LAYOUT_AUTO, LAYOUT_WIDE, LAYOUT_STACKED, LAYOUT_TRANSCRIPT, LAYOUT__COUNT };
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
    struct rect tabs;  /* the line above a decoded strip */
    struct rect rule;  /* the line above the command pane */
    struct rect frame; /* two columns: the box around both panes and the command pane */
    int divider_x;     /* frame: column between the panes; 0: none */
    bool columns;      /* side by side */
};

void layout_compute(const struct layout_wish *wish, struct layout *out);

#endif
