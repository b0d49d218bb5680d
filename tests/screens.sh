#!/bin/sh
# doc/screens.md from the golden screens, so that the page shows what the tests hold.
set -u
cd "$(dirname "$0")/screen/golden"
screen() { # TITLE FILE
    printf '\n## %s\n\n```text\n' "$1"
    sed -n 's/^[0-9][0-9]|//p' "$2.txt"
    printf '```\n'
}
cat <<'EOF'
# Screens

Written from tests/screen/golden by `make doc`: these are the screens the tests compare, octet for octet. Keys are in [keys.md](keys.md),
commands in [commands.md](commands.md), the language of filters in [filter.md](filter.md).

Layouts: below 100 columns one column with a strip of explanation; from 100 on the decoded pane at the right; from 180 on the connections at
the left and two decoded panes. `/layout stacked`, `transcript` and `big` (for a class at the far wall) at any size, Alt-z for one pane alone.
Themes: dark, light, contrast, mono; NO_COLOR leaves attributes only; without a cursor to place (TERM=dumb, --linear) it is one event a line.

Colours follow TERM: with 256 (xterm-256color, tmux-256color) dark and light take theirs from the places 16 to 255 of xterm's palette, which
hardly any terminal changes; with 8 (linux, xterm) the eight; with none (vt100) bold, dim, underlined and reversed. A TERM whose colours are
red, green and blue (xterm-direct, in Debian's ncurses-term) gets the same colours so. COLORTERM=truecolor changes nothing: every colour
used is one of the 256, and the terminal's own palette is never redefined.
EOF
screen "A session, 80 columns" accepted-80x24
screen "What was refused, and why: a recording at 120 columns, Alt-e" error-120x40
screen "The ladder, F2" ladder-80x24
screen "A filter while it is typed, F4" filter-80x24
screen "A wide screen: connections, transcript, two decoded panes" show-200x60
