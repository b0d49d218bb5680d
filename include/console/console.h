/* The console: what a person types, and what it does. The only way to act, for keys, scripts,
 * options and lessons alike. It owns the settings, the session, the practice server and the
 * recorder, and knows no screen: a user interface reads the journal, asks for prompt, hint and
 * completion, and submits lines.
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "client/session.h"
#include "console/settings.h"
#include "mock/mock.h"
#include "recording/recording.h"
#include "recording/replay.h"

struct console;
struct diff_page;

/* What a screen can do for the console; NULL members or a NULL struct: there is no screen. */
struct console_ui {
    /* Ask for a line; secret: do not show it. The answer comes to `answer`, NULL: refused. */
    void (*ask)(void *ctx, const char *prompt, bool secret,
                void (*answer)(void *answer_ctx, const char *text), void *answer_ctx);
    /* Layout, theme, view changes: name of the command and its argument; true: done; false: *err.
     */
    bool (*view)(void *ctx, const char *command, struct slice args, struct err *err);
    /* A page of text to read (help, certificates): title, then lines separated by LF. */
    void (*page)(void *ctx, const char *title, struct slice text);
    /* Two sessions side by side (report/diff.h); what the page holds is taken. */
    void (*diff)(void *ctx, struct diff_page *page);
    /* The event that the selected line of the transcript shows; 0: none. */
    uint64_t (*selected)(void *ctx);
    /* Settings changed. */
    void (*settings_changed)(void *ctx);
    void (*quit)(void *ctx);
};

struct console_options {
    const char *practice_name; /* NULL: the default */
    const char *spool_dir;
    const char *netrc_path;   /* NULL: none */
    const char *host_name;    /* for EHLO; NULL: [127.0.0.1] */
    const char *keylog_path;  /* SSLKEYLOGFILE; NULL: none */
    const char *tool;         /* "smtpscope 0.1.0" */
    const char *command_line; /* for the recording; secrets removed */
    const char *host;         /* for the recording: machine and system; NULL: not said */
    /* The key of the pseudonyms of --redact, asked for when it is first wanted; NULL: there is
     * none.
     */
    bool (*redact_key)(uint8_t *key, size_t len);
    bool read_only; /* show: no connections */
};

/* Everything is borrowed; settings stay the caller's until console_free. */
struct console *console_new(struct loop *l, struct journal *j, struct settings *settings,
                            const struct console_options *options);
void console_free(struct console **c);
void console_set_ui(struct console *c, const struct console_ui *ui, void *ctx);

/* Do what a line says: a /command, or octets for the peer. `origin` for USER_COMMAND: "keys",
 * "FILE:12". False: it could not be done; a NOTE says why (and *err, which may be NULL). */
bool console_submit(struct console *c, struct slice line, const char *origin, struct err *err);
/* What /open and /send do, for `smtpscope send`. path: NULL makes a test message, "-" reads
 * standard input. quit: say QUIT at the end. The result is console_result. */
bool console_open(struct console *c, const char *target, const char *origin, struct err *err);
bool console_send_message(struct console *c, const char *path, bool quit, const char *origin,
                          struct err *err);
/* What the newest helper did; of /send over all its messages, transactions and sessions. NULL: none
 * ran. Valid until the next one begins. */
const struct smtp_result *console_result(const struct console *c);
struct console_messages {
    uint64_t wanted, done, accepted; /* of --repeat; wanted 0: nothing was sent */
};
void console_messages(const struct console *c, struct console_messages *out);
/* Why the newest session could not connect or went down; domain ERR_NONE: it did not. */
const struct err *console_link_err(const struct console *c);
/* /record FILE, for --record: events so far are written too. */
bool console_record(struct console *c, const char *path, struct err *err);

/* Ctrl-C while something runs: stop it (content, helper, wait). True: there was something. */
bool console_interrupt(struct console *c);

/* The connections of this window, by number; texts are borrowed until the next line is submitted.
 */
struct console_connection {
    unsigned number; /* from 1; Alt-1 to Alt-9 */
    bool now;        /* lines go to it */
    bool up, tls;
    uint32_t conn; /* of its newest session; 0: none */
    enum protocol protocol;
    const char *target; /* as typed, safe of passwords; "" */
    const char *state;  /* the protocol's word, connecting, or closed */
};
/* How many there are, at most max of them in out. */
size_t console_connections(const struct console *c, struct console_connection *out, size_t max);

struct session *
console_session(struct console *c); /* the one lines go to, kept after it went down; NULL: none */
const struct session *console_session_const(const struct console *c);
struct mock *console_mock(struct console *c); /* NULL before it is needed */
/* This practice server from now on; the console frees it. */
void console_take_mock(struct console *c, struct mock *m);
/* Reads a scenario's file; for mock_set_scenario. */
bool console_read_scenario(void *ctx, const char *path, struct buf *out, struct err *err);
struct settings *console_settings(struct console *c);
struct journal *console_journal(struct console *c);
struct recorder *console_recorder(struct console *c); /* NULL: not recording */
uint32_t console_conn(const struct console *c);       /* of that session; 0: none */
/* Show a recording in place of the session: console_shown is then its journal. What the console has
 * to say goes on in its own journal. */
bool console_replay_open(struct console *c, const char *path, struct err *err);
struct replay *console_replay(const struct console *c); /* NULL: none is shown */
/* What is on the screen: the recording's journal, else the console's own; and the connection to
 * follow, 0: the first. */
struct journal *console_shown(const struct console *c);
uint32_t console_shown_conn(const struct console *c);
bool console_busy(
    const struct console *c); /* a helper, content, connecting, or a reply is awaited */
bool console_wants_quit(const struct console *c);

/* "smtp> ", "tls rcpt> ": by the wire's state. Valid until the next call. */
const char *console_prompt(struct console *c);
/* What to show behind and below the line being typed. Own text and what the server offered; safe
 * text only after vis. hint: grammar of the rest; lint: what would be wrong with sending it; info:
 * what it is. */
struct console_hint {
    struct buf ghost; /* dim, behind the cursor */
    struct buf lint;  /* empty: nothing is wrong */
    struct buf info;  /* one line: meaning, RFC, what is allowed now */
};
void console_hint_init(struct console_hint *h);
void console_hint_deinit(struct console_hint *h);
void console_hint_for(struct console *c, struct slice line, struct console_hint *out);

/* Completion: candidates for the word that ends at cursor, each the whole replacement for the
 * octets from word_start to cursor. */
struct console_candidate {
    char *text;
    const char *help; /* static, may be NULL */
    bool no_space;    /* do not add a space after it ("FROM:<") */
};
struct console_completion {
    struct console_candidate *items;
    size_t n_items;
    size_t word_start; /* octet index in the line */
};
void console_complete(struct console *c, struct slice line, size_t cursor_octets,
                      struct console_completion *out);
void console_completion_deinit(struct console_completion *out);
/* May this line go into a history file, and in which form (masked secrets: not at all)? */
bool console_history_allows(struct console *c, struct slice line);

/* The command table (src/console/commands.c), for help, completion, doc/commands.md and the man
 * page. */
struct console_command_info {
    const char *name;    /* without the slash */
    const char *group;   /* connection transaction bytes reading recordings practice program */
    const char *args;    /* "TARGET", "[FILE]" */
    const char *help;    /* one line */
    const char *details; /* more lines; may be NULL */
    bool needs_ui;
};
const struct console_command_info *console_command_at(size_t index); /* NULL at the end */
void console_doc_markdown(struct buf *out);

#endif
