/* The console's inside, for the files of this module only. */
#ifndef CONSOLE_PRIVATE_H
#define CONSOLE_PRIVATE_H

#include "base/mem.h"
#include "base/secret.h"
#include "console/console.h"
#include "console/script.h"

enum {
    CONSOLE_LINE_MAX_OCTETS = 1 << 20,    /* limit "typed-line" */
    CONSOLE_QUEUE_MAX_LINES = 10000,      /* limit "queued-lines" */
    CONSOLE_ADDRESSES_MAX = 200,          /* limit "remembered-addresses" */
    CONSOLE_MESSAGE_MAX_OCTETS = 1 << 30, /* limit "standard-input-message" */
    CONSOLE_SOURCE_DEPTH_MAX = 8,         /* limit "source-depth" */
    CONSOLE_CHANNELS_MAX = 9              /* limit "connections" of one window: Alt-1 to Alt-9 */
};

/* A helper that waits for something before it can start its driver: the connection, or a password.
 */
struct console_task {
    bool waiting; /* for the connection or the password */
    bool active;  /* the driver runs */
    bool quit;    /* say QUIT and close at its end */
    bool needs_password;
    enum smtp_goal goal;
    char *mechanisms; /* NULL: as set */
    char *user;
    char *path; /* message file; NULL: generated */
    char *from;
    char **to;
    size_t n_to;
    char *mail_params, *rcpt_params; /* as they stand behind the paths; NULL: none */
    struct buf message;              /* generated, or read from standard input */
    int fd;                          /* message file; -1: none */
    bool generated;                  /* .message: each repetition is made anew */
};

/* A /send as a whole, over several runs of the drive (delivery.c). */
struct console_delivery {
    bool valid;
    bool reopen;  /* what is left needs another session */
    bool part_ok; /* of the message under way somebody got it, in an earlier one */
    uint64_t wanted, done, accepted; /* messages */
    const char **to;                 /* whom the drive under way is for, and which of the task's */
    size_t *index;
    size_t n_to;
    struct smtp_recipient_result *recipients; /* all of the task's; ends with path NULL */
    struct smtp_result result;
    char mechanism[64];
};

/* What belongs to one connection of the window: its session and all that is under way on it. It
 * outlives its session: /reopen makes another in it. */
struct channel {
    struct console *console;
    unsigned number; /* as people name it, from 1 */
    struct session *session;
    struct dns *dns; /* of that session */
    struct target target;
    bool connecting; /* from /open until it is up or down */
    bool closing;    /* asked to close, not down yet */
    bool went_down;
    struct err told; /* the session's last error that was said, of connection told_conn */
    uint32_t told_conn;
    struct err link_err;

    struct secret password;      /* once it was given; never for another host */
    char *password_user;         /* whose */
    struct secret token;         /* of --token-command, asked for anew each time */
    struct tls_tickets *tickets; /* of its TLS sessions, for /reopen; NULL: none yet */
    char *tlsa;                  /* the setting as lines */
    struct console_task task;
    struct console_delivery delivery;
    struct password_reader *password_reader;

    /* lines of /rcpt a b c and the like: each waits for the former's reply */
    char **queue;
    size_t n_queue, at_queue;
    char *data_path; /* /data FILE: goes out when 354 comes */
    int data_fd;
    struct buf append; /* /append FILE: goes out when the server says + */

    struct console_raw *raw; /* parts of /raw behind a pause; NULL: none */
    struct secret proxy_password;
    struct loop_timer *wait_timer; /* /wait */
    bool waiting;
    uint64_t script_seq;  /* what a script's last line to it could see from on; 0: none yet */
    uint64_t n_replies;   /* of this session */
    bool greeting_waited; /* by a /wait */
};

/* A helper that did not get what it was for, until a script has looked at it. */
struct console_failure {
    bool pending;
    bool kept; /* a sourced script had no expectation of it: only the outer one's count */
    struct smtp_result result; /* its texts and lists left out */
    struct err link_err;
};

struct console {
    struct loop *loop;
    struct journal *journal;
    struct settings *settings;
    struct console_options options; /* strings borrowed */
    const struct console_ui *ui;
    void *ui_ctx;

    struct mock *mock;
    struct recorder *recorder;
    struct replay *replay; /* a recording is shown */
    bool replay_reported;
    bool recorder_broken;

    struct channel *channels[CONSOLE_CHANNELS_MAX];
    size_t n_channels;
    /* The one that lines go to; never NULL. What a session calls back runs with its own channel
     * here (channel_enter), so that everything below speaks of one connection only. */
    struct channel *now;
    struct channel *asking; /* whose password the screen asks for; NULL: none is */

    char **addresses; /* seen in this run, for completion */
    size_t n_addresses;
    struct {
        char *name, *line;
    } * aliases;
    size_t n_aliases;
    struct script *source;                 /* /source under way */
    struct starttls_check *starttls_check; /* likewise; NULL: none */
    unsigned source_depth;
    struct console_failure failure;
    bool wants_quit;
    char prompt[32];
    struct buf scratch;
};

/* channel.c */
/* A new one; NULL and *err where the limit "connections" is reached. */
struct channel *channel_add(struct console *c, struct err *err);
void channel_free(struct channel **ch);
/* Work on this channel until channel_leave is given what this returned. */
struct channel *channel_enter(struct channel *ch);
void channel_leave(struct channel *ch, struct channel *was);

/* The tracker of the connection lines go to; NULL: it is not up. */
const struct track *console_tracker(const struct console *c);

/* What an exec gets: the command's arguments, trimmed. */
struct console_call {
    struct slice args;
    const char *origin;
    struct err *err; /* never NULL */
};
typedef bool (*console_exec_fn)(struct console *c, const struct console_call *call);

/* How the words behind a command complete. */
enum console_arg_kind {
    ARG_NONE,
    ARG_FILE,
    ARG_TARGET,
    ARG_SETTING,
    ARG_TOPIC,
    ARG_WORDS,
    ARG_ADDRESS,
    ARG_MECH,
    ARG_MAILBOX,    /* IMAP's, as the server has listed them */
    ARG_IMAP_WORDS, /* of the arguments of the IMAP command in .words */
    ARG_SCENARIO
};
struct console_command {
    struct console_command_info info;
    console_exec_fn exec;
    enum console_arg_kind arg_kind;
    const char *words;  /* ARG_WORDS: separated by | */
    unsigned protocols; /* bits of enum protocol it is for; 0: all */
};
const struct console_command *console_command_find(struct slice name); /* NULL */
const struct console_command *console_command_entry(size_t index);     /* NULL at the end */

/* connection.c */
bool exec_session(struct console *c, const struct console_call *call);
bool exec_open(struct console *c, const struct console_call *call);
bool exec_close(struct console *c, const struct console_call *call);
bool exec_abort(struct console *c, const struct console_call *call);
bool exec_reopen(struct console *c, const struct console_call *call);
bool exec_wait(struct console *c, const struct console_call *call);
void console_wait_over(struct console *c);
/* --resolver practice: names are asked of the practice world. */
bool console_resolves_practice(const struct console *c);
/* helpers.c: what runs a driver */
bool exec_tls(struct console *c, const struct console_call *call);
bool exec_auth(struct console *c, const struct console_call *call);
bool exec_send(struct console *c, const struct console_call *call);
void console_task_reset(struct console *c);
/* The driver is done; its result still points to the task's addresses, which stay until the next
 * one. */
void console_task_over(struct console *c);
void console_task_try_start(struct console *c);
/* What was asked for cannot be had: what a script says of it, and its status, come from here. */
void console_helper_failed(struct console *c, const struct smtp_result *r);
void console_task_password(struct console *c, const char *password); /* NULL: refused */
/* The driver's next run: the next message, or the rest of this one in a new session. False: it
 * cannot be, which is said. */
bool console_task_again(struct console *c, bool next_message);
/* delivery.c */
enum console_delivery_next { DELIVERY_DONE, DELIVERY_NEXT_MESSAGE, DELIVERY_NEW_SESSION };
void console_delivery_begin(struct channel *ch, uint64_t messages);
void console_delivery_clear(struct channel *ch);
/* A run of the drive is over: what now? */
enum console_delivery_next console_delivery_add(struct channel *ch, const struct smtp_result *r);
/* The new session did not come up. */
void console_delivery_broken(struct channel *ch, const struct err *err);
/* The message once more, from its beginning. */
bool console_delivery_rewind(struct console *c, bool next_message, struct err *err);
void console_delivery_say(struct console *c);
/* transaction.c */
bool exec_ehlo(struct console *c, const struct console_call *call);
bool exec_mail(struct console *c, const struct console_call *call);
bool exec_rcpt(struct console *c, const struct console_call *call);
bool exec_data(struct console *c, const struct console_call *call);
bool exec_rset(struct console *c, const struct console_call *call);
bool exec_quit_session(struct console *c, const struct console_call *call);
void console_queue_clear(struct console *c);
void console_queue_try(struct console *c);
void console_data_try(struct console *c, const struct track_item *item);
bool console_need_session(struct console *c, struct err *err);
/* auth.c */
enum console_secret { CONSOLE_SECRET_NONE, CONSOLE_SECRET_PASSWORD, CONSOLE_SECRET_TOKEN };
/* Does anyone want to log in: an explicit /auth, --auth or --user? */
bool console_auth_wanted(const struct console *c);
const char *console_auth_user(const struct console *c);       /* NULL: nobody is named */
const char *console_auth_mechanisms(const struct console *c); /* NULL: any */
/* What has to be found before logging in can begin. */
enum console_secret console_auth_secret(const struct console *c);
/* Borrowed from settings and channel. */
void console_credentials(struct console *c, const char *service, struct credentials *out);
/* tls.c */
bool console_tls_fill(struct console *c, struct session_options *o, struct err *err);
/* starttls_check.c */
bool exec_starttls_check(struct console *c, const struct console_call *call);
/* esmtp.c */
bool exec_bdat(struct console *c, const struct console_call *call);
void console_bdat_try(struct console *c, const struct track_item *item);
/* The parameters of MAIL or RCPT that settings ask for; the caller frees. NULL: none. */
char *console_params(const struct console *c, enum smtp_verb verb);
bool exec_xtext(struct console *c, const struct console_call *call);
/* raw.c */
bool exec_raw(struct console *c, const struct console_call *call);
bool exec_half_close(struct console *c, const struct console_call *call);
void console_raw_stop(struct console *c);
/* route.c: settings that say how to get there, for session_options. False: *err. */
bool console_route_fill(struct console *c, struct session_options *o, struct err *err);
/* bytes.c */
bool exec_pipe(struct console *c, const struct console_call *call);
bool exec_slow(struct console *c, const struct console_call *call);
bool exec_set(struct console *c, const struct console_call *call);
bool exec_show(struct console *c, const struct console_call *call);
/* "a\r\n\x00" with or without quotes into out; false: *err says where it does not read. */
bool console_unescape(struct slice text, struct buf *out, struct err *err);
/* program.c */
bool exec_help(struct console *c, const struct console_call *call);
bool exec_quit(struct console *c, const struct console_call *call);
bool exec_source(struct console *c, const struct console_call *call);
bool exec_alias(struct console *c, const struct console_call *call);
bool exec_view(struct console *c, const struct console_call *call);
bool exec_note(struct console *c, const struct console_call *call);
bool exec_record(struct console *c, const struct console_call *call);
/* practice.c */
bool exec_practice(struct console *c, const struct console_call *call);
bool exec_fault(struct console *c, const struct console_call *call);
bool exec_faults(struct console *c, const struct console_call *call);
bool exec_reset_practice(struct console *c, const struct console_call *call);
struct mock *console_practice(struct console *c); /* made at first need */
/* practice:NAME: that scenario, where it is not the present one. */
bool console_set_scenario(struct console *c, const char *name, struct err *err);
bool exec_mailbox(struct console *c, const struct console_call *call);
bool exec_explain(struct console *c, const struct console_call *call);
/* marks.c */
bool exec_mark(struct console *c, const struct console_call *call);
bool exec_save(struct console *c, const struct console_call *call);
bool exec_redact(struct console *c, const struct console_call *call);
/* A recorder as the settings ask for it. */
struct recorder *console_recorder_open(struct console *c, struct journal *j, const char *path,
                                       struct err *err);
/* replay.c */
bool exec_replay(struct console *c, const struct console_call *call);
/* reading.c */
bool exec_message(struct console *c, const struct console_call *call);
bool exec_server(struct console *c, const struct console_call *call);
bool exec_login(struct console *c, const struct console_call *call);
bool exec_timing(struct console *c, const struct console_call *call);
bool exec_certs(struct console *c, const struct console_call *call);
/* mailbox.c: reading mail, by POP3 and IMAP */
/* A mailbox as it is named on the wire; what is in quotes stays as it is typed. */
void console_put_mailbox(const struct console *c, struct buf *line, struct slice name);
bool exec_mailboxes(struct console *c, const struct console_call *call);
bool exec_list(struct console *c, const struct console_call *call);
bool exec_get(struct console *c, const struct console_call *call);
bool exec_select(struct console *c, const struct console_call *call);
bool exec_headers(struct console *c, const struct console_call *call);
bool exec_structure(struct console *c, const struct console_call *call);
bool exec_search(struct console *c, const struct console_call *call);
bool exec_flag(struct console *c, const struct console_call *call);
bool exec_delete(struct console *c, const struct console_call *call);
bool exec_move(struct console *c, const struct console_call *call);
bool exec_idle(struct console *c, const struct console_call *call);
bool exec_append(struct console *c, const struct console_call *call);
/* The server asked for the message of an APPEND. */
void console_append_try(struct console *c, const struct track_item *item);
void console_append_drop(struct console *c);
/* handover.c */
bool exec_export(struct console *c, const struct console_call *call);
bool exec_diff(struct console *c, const struct console_call *call);
/* A page of own text for the person: the screen's pager, or notes. */
void console_page(struct console *c, const char *title, struct slice text);
/* message.c */
bool exec_attach(struct console *c, const struct console_call *call);
bool console_message_generate(struct console *c, const char *from, char *const *to, size_t n_to,
                              struct buf *out, struct err *err);
/* sign.c: the message of the task is signed where --dkim-key is set, and then stands in .message.
 */
bool console_sign(struct console *c, struct err *err);
/* password.c: NULL answer where there is none; the answer comes from the loop. */
struct password_reader;
void console_password_find(struct console *c, const char *host, const char *user);
void console_password_stop(struct console *c);
/* Password and token of this connection: wrong ones, or for another server. */
void console_password_forget(struct console *c);
/* The password netrc has for this user of that host. False: none. */
bool console_netrc(struct console *c, const char *host, const char *user, struct buf *password);
bool netrc_find(struct slice text, const char *host, const char *user, struct buf *login_out,
                struct buf *password_out);

void console_remember_addresses(struct console *c, struct slice line);
/* Send a line to the peer as typed (state, dot-stuffing by setting). */
bool console_send_line(struct console *c, struct slice line, struct err *err);
const char *console_helo_name(const struct console *c);

#endif
