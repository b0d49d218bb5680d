/* The program: subcommands, options, exit status. Everything a subcommand shares with the others.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/mem.h"
#include "console/console.h"
#include "console/script.h"

#define CLI_TOOL "smtpscope " SMTPSCOPE_VERSION

/* Exit status of run and send: swaks' numbers (doc/smtpscope.1). */
enum cli_status {
    CLI_OK = 0,
    CLI_USAGE = 1,
    CLI_CONNECT = 2,
    CLI_CLOSED = 6,
    CLI_MISSING = 10,
    CLI_BANNER = 21,
    CLI_HELO = 22,
    CLI_MAIL = 23,
    CLI_RCPT = 24,
    CLI_DATA = 25,
    CLI_AFTER_DATA = 26,
    CLI_AUTH = 28,
    CLI_TLS = 29,
    CLI_XCLIENT = 33,
    CLI_EXPECT = 40
};
struct cli_status_info {
    enum cli_status status;
    int sysexits; /* what --exit sysexits gives instead */
    const char *meaning;
};
const struct cli_status_info *cli_status_at(size_t index); /* meaning NULL at the end */
/* The status as the person wants it counted (--exit). */
int cli_status_number(const struct settings *s, enum cli_status status);
/* What a finished (or failed) transaction means as a status. result may be NULL. */
enum cli_status cli_status_of(const struct smtp_result *result, const struct err *link_err);
/* What a local failure means as a status. */
enum cli_status cli_status_of_err(const struct err *err);

/* Options of one subcommand that are no settings. */
struct cli_option {
    const char *name; /* without dashes */
    const char *arg;  /* NULL: none */
    const char *help;
};
struct cli_args;
struct cli_verb {
    const char *name;                 /* "" is the console itself */
    const char *args;                 /* "[TARGET]" */
    const char *help;                 /* one line */
    const char *about;                /* a paragraph for the man page */
    unsigned settings;                /* OPT_*: which settings it takes as options; 0: none */
    const struct cli_option *options; /* ends with name NULL; may be NULL */
    int max_operands;
    int (*run)(const struct cli_args *args);
};
const struct cli_verb *cli_verb_at(size_t index); /* NULL at the end */
const struct cli_verb *cli_verb_by_name(const char *name);

/* Words of a command line, owned. */
struct cli_words {
    char **words; /* ends with NULL */
    size_t n_words;
};

/* A parsed command line. */
enum { CLI_OWN_OPTIONS_MAX = 32, CLI_OPERANDS_MAX = 64 };
struct cli_args {
    const struct cli_verb *verb;
    struct settings *settings;
    const char *operands[CLI_OPERANDS_MAX];
    int n_operands;
    struct {
        const struct cli_option *option;
        const char *value;
    } own[CLI_OWN_OPTIONS_MAX];
    int n_own;
    struct cli_words given; /* the command line as it was given: what is above points into it */
    struct cli_words words; /* of send: its options translated */
    char *command_line;     /* for recordings, without secrets */
    bool want_help, want_version;
};
void cli_words_deinit(struct cli_words *w);
/* The command line with swaks' options turned into ours; the first `from` words pass. False: *err.
 */
bool cli_swaks(int argc, char **argv, int from, struct cli_words *out, struct err *err);
void cli_swaks_markdown(struct buf *out);
/* False: *err says in one line what and how to fix it. */
bool cli_parse(int argc, char **argv, struct cli_args *out, struct err *err);
void cli_args_deinit(struct cli_args *args);
/* Value of a subcommand's own option: the n-th time it was given; NULL: it was not. "" for one
 * without value. */
const char *cli_own(const struct cli_args *args, const char *name, int nth);

/* The system's, or one for tests (test_clock.c). */
const struct clock *cli_clock(void);

/* What a subcommand runs on. */
struct app {
    struct loop *loop;
    struct clock clock; /* the system's; in a recording that is shown, moved to where that ended */
    int64_t clock_shift_ns;
    int ended_by; /* signal that asked us to end; 0: none */
    struct loop_signal *signals[3];
    struct journal *journal;
    struct console *console;
    struct transcript *transcript; /* headless printing; NULL: none */
    bool
        tell; /* neither transcript nor screen shows notes: what breaks is said on standard error */
    size_t printed; /* lines of it that are out */
    FILE *print_to;
    /* prints one line of it in words of its own; NULL: transcript_print */
    void (*print_line)(void *ctx, size_t index);
    void (*print_done)(void *ctx);
    void *print_ctx;
    char *spool_dir, *netrc_path, *history_path, *screen_path, *draft_path, *host_name;
    char *host;
};
/* Loop, journal, console, the recording asked for. False: said on standard error already. */
bool app_open(struct app *a, const struct cli_args *args, bool read_only, struct err *err);
void app_close(struct app *a);
/* Time goes on from the last event of what was read, so that notes made now stand behind it. */
void app_clock_continue(struct app *a);
/* INT, TERM and HUP stop the loop and are kept in ended_by, so that what happened is printed and
 * written first. */
void app_watch_signals(struct app *a);
/* End as the signal asked, once everything is closed: its own default action, so that whoever sent
 * it sees it. */
void app_end_by_signal(int signum);
/* Print the transcript from now on, as it comes. backstage: of the practice server too. */
void app_print_transcript(struct app *a, FILE *to, bool backstage);
void app_print_rest(struct app *a);
/* The console on a screen, until the person leaves it. False: there is no screen (*err says why).
 */
bool cli_run_screen(struct app *a, const struct cli_args *args, const char *title, bool replay,
                    struct err *err);
/* One error, said fully on standard error: what, what it means, what next. */
void cli_say_err(const struct err *err);

/* Texts made from the tables. */
void cli_usage(struct buf *out, const struct cli_verb *verb); /* verb NULL: the whole program */
void cli_man(struct buf *out);
/* Write all generated pages into a directory. */
bool cli_generate(const char *dir, struct err *err);

/* run --replay FILE TARGET. */
int cli_run_again(const struct cli_args *args, const char *path, const char *target);
/* A whole recording in memory; damage is said on standard error. NULL: *err. */
struct journal *cli_read_recording(const char *path, struct err *err);
/* The time a script waits for an answer, by the settings. */
uint64_t cli_wait_ms(const struct settings *s);

int cli_open(const struct cli_args *args);
int cli_run(const struct cli_args *args);
int cli_send(const struct cli_args *args);
int cli_serve(const struct cli_args *args);
int cli_show(const struct cli_args *args);
int cli_explain(const struct cli_args *args);
int cli_find(const struct cli_args *args);
int cli_diff(const struct cli_args *args);
int cli_export(const struct cli_args *args);
int cli_import(const struct cli_args *args);
/* Status where the options of a subcommand do not read: 2 for find, diff and export, as grep has
 * it. */
int cli_usage_status(const struct cli_verb *verb);
int cli_help(const struct cli_args *args);

#endif
