/* Inside the user interface: one struct for the screen, and what each file of it offers to the
 * others.
 *
 * terminal.c modes of the terminal, restoring   input.c  octets to keys      line.c    readline,
 * kept off the screen draw.c     the one way to curses              theme.c  colours by role
 * layout.c  where the panes stand keys.c     the key table                      view.c   what keys
 * and /commands of the screen do overlay.c  what lies over the panes           ui.c     loop,
 * frames, focus
 */
#ifndef UI_UI_PRIVATE_H
#define UI_UI_PRIVATE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vis.h"
#include "console/console.h"
#include "decode/explain.h"
#include "decode/login.h"
#include "decode/mailbox.h"
#include "decode/timing.h"
#include "decode/transcript.h"
#include "decode/view.h"
#include "input.h"
#include "layout.h"
#include "loop/loop.h"
#include "report/filter.h"
#include "ui/ui.h"

/* ---- theme.c ---- */
enum role {
#define ROLE(name, ...) ROLE_##name,
#include "roles.def"
#undef ROLE
    ROLE__COUNT
};
enum theme { THEME_DARK, THEME_LIGHT, THEME_CONTRAST, THEME_MONO, THEME__COUNT };
/* THEME__COUNT: no such name. */
enum theme theme_by_name(struct slice name);

/* ---- the transcript pane ---- */
enum time_mode { TIME_RELATIVE, TIME_DELTA, TIME_ABSOLUTE, TIME_OFF, TIME__COUNT };
enum fold_mode { FOLD_AUTO, FOLD_ALL, FOLD_NONE };
enum fold_kind { FOLD_CONTENT, FOLD_REPLY, FOLD_TLS };
/* Lines that stand together. */
struct fold_run {
    size_t first, n_lines;
    uint64_t n_octets;
    uint8_t kind;  /* enum fold_kind */
    int8_t folded; /* -1: by the rule, else the person's choice */
    bool closed;   /* TLS: its end has come */
};
/* A bit for each line of the transcript. */
struct line_bits {
    uint64_t *words;
    size_t n_words, n_set;
};
struct line_filter {
    struct filter *filter; /* NULL: everything is shown */
    char *expr;
    struct filter_lens *lens;
    bool shadows, running;
    uint64_t next_seq; /* of the event to judge next */
    size_t found_last;
    struct line_bits shown;
    struct line_bits judged; /* lines that a command, a reply or content was read from */
    size_t unread_from;      /* lines before it will not be read any more */
    struct loop_timer *timer;
};
enum { NEEDLE_OCTETS = 128 };
struct find {
    char text[NEEDLE_OCTETS]; /* as typed; "": nothing is looked for */
    struct pattern *pattern;
    char error[80]; /* why it does not read */
    bool running, back;
    bool jump;       /* the next hit is to be gone to */
    size_t at, left; /* line to look at next, how many there are still */
    size_t seen;     /* lines that were there when it began; later ones are looked at after */
    struct line_bits hits;
    struct loop_timer *timer;
};
struct transcript_pane {
    struct transcript *lines;
    struct fold_run *runs; /* ascending */
    size_t n_runs, runs_alloc;
    size_t top;      /* first line shown */
    size_t selected; /* where the mark stands */
    bool follow;
    enum time_mode time;
    enum fold_mode fold;
    bool wrap;
    bool eol;           /* line ends are shown */
    size_t skip_octets; /* sideways */
    struct line_filter filter;
    struct find find;
    struct line_bits commands, errors; /* lines that may be such: where jumps look */
};
/* A mark of the person: the event it stands at. */
struct mark {
    char name[24];
    uint64_t seq;
};
enum { MARKS_MAX = 200 };
/* A remark of the person at an event. */
struct remark {
    uint64_t at_seq, note_seq;
};

/* ---- the decoded pane ---- */
enum tab {
    TAB_WHY,
    TAB_ENVELOPE,
    TAB_MESSAGE,
    TAB_TLS,
    TAB_CERTS,
    TAB_CAPS,
    TAB_SESSION,
    TAB_TIMING,
    TAB_DEVIATIONS,
    TAB__COUNT,
    TAB_AUTO = TAB__COUNT
};
/* What is costly to make, kept until it would be another. */
struct section_text {
    uint32_t conn;
    uint64_t key; /* of what it was made from; 0: made anew */
    struct buf text;
};
/* Copies of the live view, some events apart: "as it was then" begins at one of them. */
enum { KEPT_VIEWS = 512, KEPT_EVERY_EVENTS = 1024 };
struct kept_views {
    struct view views[KEPT_VIEWS]; /* ascending by last_seq */
    size_t n;
    uint64_t every, applied; /* events between two; events since the last */
};
struct decoded_pane {
    struct kept_views kept;
    struct timing timing; /* of timing_conn, up to timing_seq */
    uint64_t timing_seq;
    struct mailbox_view mailbox; /* of mailbox.conn, up to mailbox_seq */
    uint64_t mailbox_seq;
    struct login login; /* of login.conn, up to login_seq */
    uint64_t login_seq;
    struct view live; /* follows the newest session */
    struct view then; /* as it was at the selected line */
    bool then_valid;
    uint64_t then_seq;
    enum tab tab;
    size_t scroll;
    struct section_text texts[TAB__COUNT];
};
/* What is known of a connection for the list of them. */
struct conn_row {
    uint32_t conn;
    char target[64], from[48], rcpt[48], last[80];
    const char *protocol;
    unsigned code;
    bool tls, up, down;
    uint64_t first_tick_ns, last_tick_ns;
};
enum { CONN_ROWS_MAX = 500 };
/* Where a click runs a command. */
struct hit {
    int y, x, cols;
    char command[40];
};
enum { HITS_MAX = 64 };

/* ---- what lies over the panes ---- */
struct overlay_ops {
    void (*draw)(struct ui *u);
    bool (*key)(
        struct ui *u,
        const struct input_unit *unit); /* false: not its key, handle as if it were not there */
    void (*close)(struct ui *u);
};
/* A short text a person types into an overlay. */
struct field {
    char text[1024];
    size_t len;
};
bool field_key(struct field *f, const struct input_unit *unit); /* true: it was text or editing */
void field_set(struct field *f, const char *text);

struct ui {
    struct loop *loop;
    struct console *console;
    struct journal *journal;
    char *title, *history_path, *screen_path, *draft_path, *editor;
    char *history_file; /* of the protocol that is spoken */
    bool replay, test_sync, no_color, utf8;

    bool ascii;
    enum theme theme;
    enum layout_mode mode;
    int splits[LAYOUT_CLASS__COUNT]; /* percent; 0: the default */
    bool splits_changed, dragging;
    bool zoom;
    int rows, cols;
    struct layout layout;
    enum layout_pane focus;

    struct input input;
    struct loop_watch *tty_watch, *stderr_watch, *out_watch;
    struct loop_timer *input_timer, *frame_timer;
    struct loop_signal *signals[8];
    size_t n_signals;

    uint64_t seen_seq;        /* of the journal, taken in */
    uint32_t newest_conn;     /* of the newest event; never the practice server's end */
    uint64_t seen_generation; /* of the recording that is shown (console/replay) */
    uint64_t told_seq;        /* of the console's journal, while a recording is shown */
    bool dirty_input, dirty_data, repaint, lost, in_frame;
    uint64_t last_frame_ns;
    bool sync_wanted;
    unsigned sync_count;

    struct vis_text scratch;
    int cursor_y, cursor_x;

    struct transcript_pane transcript;
    struct decoded_pane decoded;
    struct conn_row *conns; /* in the order they came */
    size_t n_conns;
    struct hit hits[HITS_MAX];
    size_t n_hits;
    struct mark *marks; /* in the order they were first set */
    size_t n_marks;
    struct remark *remarks;
    size_t n_remarks, alloc_remarks;
    bool mark_jump;      /* the letter that comes is gone to */
    char *filter_before; /* while one is typed */
    char filter_bad[160];
    struct console_hint hint;
    struct buf hint_line; /* what the hint was made for */
    uint64_t hint_seq;
    struct console_completion completion;
    size_t completion_at; /* chosen; SIZE_MAX: none */
    char *last_line;      /* for again */
    struct buf paste;     /* lines that wait: to be asked about, or to be edited one by one */
    bool paste_editing;

    struct diff_pane *diff; /* NULL: nothing was compared yet */
    const struct overlay_ops *overlay;
    struct ladder *ladder; /* while it is shown */
    bool ladder_scale;
    size_t ladder_mark; /* the step another is compared with; SIZE_MAX: none */
    struct field field;
    size_t overlay_at, overlay_top;
    char *page_title;
    struct buf page_text;
    char *question;
    bool question_secret;
    void (*answer)(void *ctx, const char *text);
    void *answer_ctx;

    pid_t editor_pid; /* 0: none is open */
    struct loop_signal *child_signal;
    char *edited_path;
    bool edited_remove;
    void (*edited_then)(struct ui *u, struct slice text);

    struct buf status; /* message on the status row, until the next key */
    bool status_bad;
    struct buf stderr_text;
};

/* ---- ui.c ---- */
void ui_touch(struct ui *u); /* something a person did changed the screen */
void ui_say(struct ui *u, bool bad, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void ui_relayout(struct ui *u);
void ui_take_size(struct ui *u);
void ui_submit(struct ui *u, struct slice line);
bool ui_connected(const struct ui *u);
/* What is shown is another journal, or it went back: everything is folded anew. */
void ui_follow_shown(struct ui *u);
uint64_t ui_now_ns(const struct ui *u);
unsigned ui_vis_flags(const struct ui *u);
void ui_apply_settings(struct ui *u);

/* ---- terminal.c: one terminal a program, so its state is static ---- */
bool terminal_open(const char *term, char *notice, size_t notice_octets, struct err *err);
void terminal_start_curses(const char **term_used_out);
bool terminal_curses(struct err *err);
void terminal_close(void);    /* as it was; may be called twice */
int terminal_stderr_fd(void); /* what libraries write to standard error comes here */
bool terminal_read_size(int *rows_out, int *cols_out);
void terminal_suspend(void); /* returns when continued */
/* The terminal is given to another program, and taken again. */
void terminal_away(void);
void terminal_back(void);
void terminal_child_stderr(void); /* in the child */
void terminal_mouse(bool on);
/* What is on its way goes out as far as the terminal takes it. False: it takes no more now. */
bool terminal_flush(void);
int terminal_out_fd(void);                 /* to be watched until it does; -1: output blocks */
void terminal_write(const char *sequence); /* own control sequences, behind a frame */
const char *terminal_name(void);

/* ---- draw.c ---- */
void draw_start(struct ui *u); /* after curses is up */
void draw_begin(struct ui *u);
void draw_end(struct ui *u);
void draw_resize(int rows, int cols);
void draw_repaint(void);
/* Text from column x on, at most max_cols of it; returns the columns it took. */
int draw_vis(struct ui *u, int y, int x, int max_cols, const struct vis_text *text, enum role role);
int draw_own(struct ui *u, int y, int x, int max_cols, const char *text, enum role role);
/* Own words with foreign ones in them; where they do not fit, a mark says so. */
void draw_cut(struct ui *u, int y, int x, int max_cols, const char *text, enum role role);
void draw_peer_cut(struct ui *u, int y, int x, int max_cols, struct slice text, enum role role);
int draw_fmt(struct ui *u, int y, int x, int max_cols, enum role role, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
int draw_peer(struct ui *u, int y, int x, int max_cols, struct slice text, enum role role);
void draw_right(struct ui *u, int y, int x, int cols, const char *text, enum role role);
void draw_fill(struct ui *u, int y, int x, int cols, enum role role);
void draw_restyle(struct ui *u, int y, int x, int cols, enum role role);
void draw_hline(struct ui *u, int y, int x, int cols, enum role role);
void draw_vline(struct ui *u, int y, int x, int rows, enum role role);
void draw_box(struct ui *u, const struct rect *r, const char *title, const char *foot);
void draw_cursor(struct ui *u, int y, int x);
/* Own text as this terminal can show it: in ASCII mode our few other characters become ASCII. */
void draw_own_text(const struct ui *u, const char *text, struct vis_text *out);
/* Own words with what a peer said in them: safe, and our characters in ASCII as above. */
void draw_mixed_text(const struct ui *u, const char *text, struct vis_text *out);
int draw_own_cols(const struct ui *u, const char *text);
bool theme_start(void);
unsigned long theme_attr(struct ui *u, enum role role, short *pair_out);

/* ---- line.c: readline. One a program, as readline's state is global ---- */
bool line_open(struct ui *u, const char *term);
void line_close(void);
/* Feed one whole unit of input. A finished line goes to ui_submit. */
void line_feed(struct ui *u, struct slice octets);
struct slice line_text(void);
size_t line_point(void);
void line_set(const char *text);
void line_clear(void);
void line_insert(struct slice text); /* one undo takes it away */
void line_replace(size_t from, size_t to, const char *text);
bool line_is_vi(void);
const char *line_keymap(void); /* "emacs", "vi-insert", "vi-command" */
bool line_in_sequence(void);   /* readline waits for the rest of a key sequence */
bool line_region(size_t *from_out, size_t *to_out);
void line_set_size(int rows, int cols);
size_t line_history_count(void);
const char *line_history_at(size_t index); /* oldest first */
void line_history_add(const char *text);
void line_history_clear(void);

/* ---- history.c ---- */
enum { HISTORY_MAX_LINES = 1000 };
void history_load(struct ui *u);
void history_follow(struct ui *u); /* the protocol may be another one */
void history_append(struct ui *u, struct slice line);

/* ---- panes ---- */
void header_draw(struct ui *u);
void footer_draw(struct ui *u);
void frame_draw(struct ui *u);

void transcript_pane_open(struct ui *u);
void transcript_pane_close(struct ui *u);
/* The journal is another one, or holds other events: lines are made anew. What is shown of them
 * (the filter, what is looked for) stays, unless all is new. */
void transcript_pane_reset(struct ui *u, bool all_new);
void transcript_pane_update(struct ui *u);
void transcript_settle(struct ui *u); /* before a frame: mark and page are where they can be */
void transcript_pane_draw(struct ui *u);
/* Draws a line and returns how many rows it took. */
int transcript_row_draw(struct ui *u, size_t index, int y);
int transcript_row_height(struct ui *u, size_t index);
size_t transcript_next(const struct ui *u,
                       size_t index); /* visible line behind; count at the end */
size_t transcript_previous(const struct ui *u, size_t index); /* SIZE_MAX at the start */
size_t transcript_at_row(struct ui *u, int row);              /* of the screen */
void transcript_move(struct ui *u, long lines);
void transcript_select(struct ui *u, size_t index);
void transcript_end(struct ui *u);
void transcript_home(struct ui *u);
void transcript_page(struct ui *u, int direction);
/* To the next line among these that is wanted. */
bool transcript_jump(struct ui *u, int direction, const struct line_bits *among,
                     bool (*wanted)(const struct transcript_line *line));
/* Seconds behind the first event, as the time column writes them. */
void transcript_time_text(const struct ui *u, size_t index, char *out, size_t out_octets);
void duration_text(uint64_t us, char *out, size_t out_octets);

/* transcript_fold.c */
void folds_update(struct ui *u, size_t first_changed);
struct fold_run *fold_at(const struct ui *u, size_t index); /* NULL: the line stands alone */
bool fold_is_closed(const struct ui *u, const struct fold_run *run);
struct fold_run *fold_closed_at(const struct ui *u, size_t index); /* NULL: it is shown itself */
/* Is this line of the reply a capability it offers, and had the offer before it not got it? */
bool fold_offers(const struct ui *u, const struct fold_run *run, bool *new_out, struct slice line);
/* transcript_beside.c: what a line means, right of it, where there is room between x and end */
void beside_draw(struct ui *u, size_t index, int y, int x, int end);
void fold_summary(struct ui *u, const struct fold_run *run, struct vis_text *out);

/* transcript_filter.c */
bool bits_get(const struct line_bits *b, size_t index);
bool bits_set(struct line_bits *b, size_t index); /* false: it was set */
void bits_clear(struct line_bits *b, size_t index);
void bits_reset(struct line_bits *b);
size_t bits_next(const struct line_bits *b, size_t from);     /* SIZE_MAX: none */
size_t bits_previous(const struct line_bits *b, size_t from); /* from included */
void filter_open(struct ui *u);
/* Empty: everything is shown. False: *err. */
bool filter_set(struct ui *u, struct slice expr, struct err *err);
void filter_clear(struct ui *u);
void filter_close(struct ui *u);
void filter_advance(struct ui *u); /* events that came */
bool filter_is_on(const struct ui *u);

/* find.c */
void find_open(struct ui *u);
void find_close(struct ui *u);
/* Look for it, from the selected line on (back: upwards); a text between slashes is an extended
 * regular expression. */
void find_start(struct ui *u, struct slice text, bool back);
void find_step(struct ui *u, int direction);
void find_advance(struct ui *u); /* lines that came */
/* Next hit in text from *at_inout on. */
bool find_in(const struct ui *u, const char *text, size_t *at_inout, size_t *len_out);

/* marks.c */
void marks_take(struct ui *u, const struct event *ev);
void marks_close(struct ui *u);
const struct mark *mark_at(const struct ui *u, uint64_t seq); /* NULL */
const struct mark *mark_by_name(const struct ui *u, struct slice name);
/* "marks: a 0.032  b 0.172  140 ms": the newest two and the time between them. */
void marks_text(const struct ui *u, char *out, size_t out_octets);
void mark_key_open(struct ui *u, bool jump);
/* The remark at an event, as text; empty: none. */
struct slice remark_at(const struct ui *u, uint64_t seq);

void decoded_pane_update(struct ui *u, const struct event *ev);
void decoded_pane_draw(struct ui *u);
void decoded_pane_close(struct ui *u);
/* What was kept of the events so far is of no use any more. */
void decoded_pane_forget(struct ui *u);
/* Steps of a connection, the newest event included. */
uint32_t decoded_conn(const struct ui *u); /* the one it shows */
const struct timing *decoded_timing(struct ui *u, uint32_t conn);
const struct mailbox_view *decoded_mailbox(struct ui *u, uint32_t conn); /* as it is now */
const struct view *decoded_view(struct ui *u); /* at the selected line, or live */
enum tab decoded_tab(struct ui *u);
const char *decoded_tab_name(struct ui *u, enum tab tab);
/* A POP3 or IMAP session: a mailbox stands where SMTP has its envelope. */
bool decoded_reads_mail(const struct view *v);
/* "SMTP", "IMAP": of a recording, too. Own text. */
const char *decoded_protocol(const struct view *v);
const char *decoded_tab_word(enum tab tab); /* as it is typed */
enum tab decoded_tab_by_name(struct slice name);

/* Rows of a section of the decoded pane. */
struct doc_row {
    struct vis_text left, right;
    uint8_t role, right_role, indent;
    bool title;
    bool more; /* cut: the strip shows one row of each */
};
struct doc {
    struct ui *u;
    struct doc_row *rows;
    size_t n_rows, alloc;
    int cols;
    bool strip; /* few rows: a text gets one row */
};
void doc_init(struct doc *d, struct ui *u, int cols);
void doc_deinit(struct doc *d);
struct doc_row *doc_add(struct doc *d, enum role role);
void doc_own(struct doc *d, struct doc_row *row, const char *text);
void doc_peer(struct doc *d, struct doc_row *row, const char *text); /* NULL is nothing */
void doc_pair(struct doc *d, const char *label, const char *peer_value, enum role role);
void doc_note(struct doc *d, const char *label, const char *own_value, enum role role);
void doc_right(struct doc *d, struct doc_row *row, const char *own_text, enum role role);
/* The same with a value that decode printed: safe text, with signs of its own. */
void doc_mixed(struct doc *d, const char *label, const char *safe_value, enum role role);
/* Lines of safe text, wrapped with their indent. */
void doc_lines(struct doc *d, struct slice text);
/* Text over as many rows as it needs; label stands before the first. */
void doc_wrap(struct doc *d, const char *label, const char *text, enum role role);
/* The same for what a peer said. */
void doc_said(struct doc *d, const char *label, const char *peer_text, enum role role);
void decoded_section(struct doc *d, enum tab tab, const struct view *v);
/* decoded_facts.c: sections whose facts decode words */
void section_tls(struct doc *d, const struct view *v);
void section_certs(struct doc *d, const struct view *v);
void section_caps(struct doc *d, const struct view *v);
void section_server(struct doc *d, const struct view *v);
void decoded_print_login(struct ui *u, const struct view *v, struct buf *out);
void decoded_forget_login(struct ui *u);
bool decoded_section_empty(enum tab tab, const struct view *v);

/* copy.c */
bool copy_run(struct ui *u, struct slice args, struct err *err);
/* editor.c */
bool editor_compose(struct ui *u, struct err *err);
bool editor_line(struct ui *u, struct err *err);
bool editor_is_open(const struct ui *u); /* the terminal is somebody else's */
void editor_close(struct ui *u);
/* conns.c */
void conns_take(struct ui *u, const struct event *ev);
bool conns_speak_smtp(const struct ui *u, uint32_t conn); /* or LMTP */
void conns_close(struct ui *u);
void conns_draw(struct ui *u);
/* splits.c: sizes of the panes, kept beside the history. */
void splits_load(struct ui *u);
void splits_save(struct ui *u);

void command_pane_draw(struct ui *u);
void command_complete(struct ui *u, bool back);
void command_completion_close(struct ui *u);
bool command_accept_ghost(struct ui *u);

/* ---- overlays ---- */
void overlay_open(struct ui *u, const struct overlay_ops *ops);
void overlay_close(struct ui *u);
void help_open(struct ui *u);
void palette_open(struct ui *u);
/* Where things that lie over the panes stand. */
struct rect page_rect(const struct ui *u);
void ladder_open(struct ui *u);
void ladder_begin(struct ui *u); /* makes u->ladder */
void ladder_end(struct ui *u);
bool ladder_export(struct ui *u, const char *path, struct err *err);
/* A place that a click on it runs a command; forgotten with each frame. */
void hit_add(struct ui *u, int y, int x, int cols, const char *command);
const char *hit_find(const struct ui *u, int y, int x);
/* Wrap a line at blanks, with its indent; a line feed behind each part. */
void text_wrap(struct slice line, size_t max_octets, struct buf *out);
/* What a line of a page has room for. */
size_t pager_cols(const struct ui *u);
struct diff_page;
void diff_pane_open(struct ui *u, struct diff_page *page); /* takes what the page holds */
bool diff_pane_again(struct ui *u);                        /* the last one; false: there is none */
void diff_pane_close(struct ui *u);                        /* forget it */
void pager_open(struct ui *u, const char *title, struct slice text);
void history_overlay_open(struct ui *u);
void question_open(struct ui *u, const char *prompt, bool secret,
                   void (*answer)(void *ctx, const char *text), void *ctx);
void quit_ask(struct ui *u);
void paste_take(struct ui *u, const struct input_unit *unit);
bool paste_next_line(struct ui *u);
/* Text of several lines: asked about before it goes out; one line goes into the command line. */
void paste_offer(struct ui *u, struct slice text);
bool ui_in_content(const struct ui *u); /* DATA was said: lines are the message's */
bool question_active(const struct ui *u);
void question_draw(struct ui *u);
bool completion_active(const struct ui *u);

/* ---- keys.c, view.c ---- */
enum key_where { WHERE_REPLAY, WHERE_ANY, WHERE_COMMAND, WHERE_TRANSCRIPT, WHERE_DECODED };
struct key_row {
    uint32_t key;
    const char *name;
    enum key_where where;
    const char *command;
    const char *help;
    const char *footer; /* NULL: not on the bar */
};
/* The rows as they hold now; command NULL: bound otherwise by the person. NULL at the end. */
const struct key_row *keys_at(size_t index);
const struct key_row *keys_find(uint32_t key, enum layout_pane focus);
enum key_where keys_where(enum layout_pane focus);
const char *keys_name_of(const char *command); /* NULL: no key runs it */
/* "F7 find-next", "transcript:x off": goes before the table. False: *err. */
bool keys_bind(struct slice text, struct err *err);
void keys_unbind_all(void);
const struct key_row *keys_find_replay(uint32_t key);
bool view_run(struct ui *u, struct slice command, struct slice args, struct err *err);
bool view_line(struct ui *u, const char *line); /* "scroll page-up"; errors go to the status row */

#endif
