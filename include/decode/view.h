/* What is known of one connection, folded from its events: connection, TLS, certificates,
 * capabilities, state, envelope, message, last reply. Pure: the same events give the same view,
 * live or from a file; meaning (an expired certificate) is worked out here, not stored.
 */
#ifndef DECODE_VIEW_H
#define DECODE_VIEW_H

#include "decode/explain.h"
#include "decode/server.h"
#include "journal/journal.h"
#include "smtp/verb.h"

enum view_link {
    VIEW_LINK_NONE,
    VIEW_LINK_RESOLVING,
    VIEW_LINK_CONNECTING,
    VIEW_LINK_UP,
    VIEW_LINK_DOWN
};

/* Strings are owned by the view; NULL: unknown. From a peer unless said otherwise: show through
 * vis. */
struct view_cert {
    char *subject, *issuer; /* one line, RFC 2253 style */
    /* Subject alternative names, space separated. A space, a NUL or another control character
     * inside a name is written as \\xNN, so that one name never looks like two or a shorter one. */
    char *names;
    size_t n_names;
    int64_t not_before_s, not_after_s; /* seconds since the epoch */
    char *key;                         /* "EC P-256", "RSA 2048" */
    char *signature;                   /* "ecdsa-with-SHA256" */
    char *serial;                      /* hexadecimal */
    bool ca;                           /* may sign others */
    bool self_issued;                  /* subject and issuer are the same */
    char fingerprint[65];              /* SHA-256, hexadecimal */
    char spki_fingerprint[65];         /* of the public key: what TLSA 3 1 1 holds */
};
struct view_recipient {
    char *path;
    unsigned code;
    char *enhanced; /* may be NULL */
    char *text;     /* the reply's, of all its lines */
};
struct view_deviation {
    char *rule, *note;
    enum event_dir dir;
    uint64_t seq;
    uint64_t count; /* the same rule again and again is counted, not listed */
};

/* Where the octets of the newest message stand (decode/message.h reads them). */
struct view_piece {
    uint64_t offset, length; /* in the plain stream of .dir; a final dot line included */
};
enum { VIEW_PIECES_MAX = 4096 };
/* What of a message passed: a mailbox may be asked for less than all of it. */
enum view_part {
    VIEW_PART_WHOLE,
    VIEW_PART_TOP,    /* the header and the first lines (TOP) */
    VIEW_PART_HEADER, /* the header and nothing else */
    VIEW_PART_FIELDS, /* some of its fields */
    VIEW_PART_TEXT,   /* the body without its header */
    VIEW_PART_RANGE,  /* octets from its first on (BODY[]<0>); perhaps all of them */
    VIEW_PART__COUNT
};
enum { VIEW_ASKED_OCTETS = 48 };
struct view_content {
    enum event_dir dir;
    bool stuffed;     /* leading dots were doubled: DATA, RETR */
    bool chunks;      /* BDAT: octets counted, not stuffed */
    bool open;        /* still on its way */
    bool last;        /* nothing more belongs to it */
    uint64_t open_at; /* start of the piece on its way */
    uint64_t seq;     /* of the first DATA_BEGIN; 0: there is none */
    struct view_piece *pieces;
    size_t n_pieces;
    uint64_t more_octets; /* beyond VIEW_PIECES_MAX pieces */
    enum view_part part;
    uint32_t number;               /* of the message in its mailbox; 0: none */
    char asked[VIEW_ASKED_OCTETS]; /* "RETR 3", "FETCH 3 BODY[]", our own words; "": it was sent */
};

/* One TLS_MSG. */
struct view_tls_message {
    enum event_dir dir;
    uint8_t content_type, msg_type;
    uint64_t length;
    uint64_t at_us; /* since TLS_START */
};
/* One TLS_ALERT. */
struct view_tls_alert {
    enum event_dir dir;
    bool fatal;
    unsigned number;
    uint64_t at_us; /* since TLS_START */
};
enum { VIEW_TLS_MESSAGES_MAX = 64, VIEW_TLS_ALERTS_MAX = 8, VIEW_TLS_ALERT_NONE = 256 };

struct view {
    uint32_t conn;
    uint64_t last_seq; /* folded up to here */

    char *protocol; /* NULL: smtp */
    enum view_link link;
    char *target, *local, *peer;
    enum event_transport transport;
    enum event_side side; /* which end we are */
    uint64_t connect_us, up_tick_ns, down_tick_ns;
    enum event_down down_why;
    char *down_text;
    uint64_t octets[DIR__COUNT];

    bool tls, tls_failed;
    char *tls_version, *tls_cipher, *tls_group, *tls_signature, *tls_alpn, *tls_sni, *tls_error;
    unsigned tls_bits;
    bool tls_resumed;
    uint64_t tls_us;
    uint64_t tls_start_tick_ns;
    struct view_tls_message *tls_messages; /* the first VIEW_TLS_MESSAGES_MAX */
    size_t n_tls_messages;
    uint64_t tls_messages_more; /* beyond those */
    unsigned tls_alert;         /* the last one; VIEW_TLS_ALERT_NONE */
    enum event_dir tls_alert_dir;
    struct view_tls_alert tls_alerts[VIEW_TLS_ALERTS_MAX]; /* the first of them */
    size_t n_tls_alerts;
    bool tls_started;
    enum event_tls_via tls_via;
    char *tls_fail_stage, *tls_got; /* TLS_FAIL: where, and what came instead */
    struct view_cert *certs;
    size_t n_certs;
    bool verify_known, verify_ok;
    enum event_verify verify_mode;
    unsigned verify_depth;
    char *verify_reason, *verify_text, *verify_name;
    char *ocsp_status, *ocsp_text; /* TLS_OCSP's, our own words; NULL: none was asked for */
    char *ocsp_says; /* good, revoked, unknown: of the certificate, trusted or not; NULL: no word */
    int64_t ocsp_produced_s, ocsp_next_s; /* 0: it does not say */

    enum smtp_state state;
    char *state_name; /* of any protocol, as its STATE event says it; NULL: none yet */
    char *greeting;   /* text of the greeting, of all its lines */
    unsigned greeting_code;
    char *hello; /* what the client called itself */
    bool said_lhlo;
    bool pipelined; /* commands went out before the reply to the one before */
    char **caps;    /* now */
    size_t n_caps;
    char **caps_clear; /* those offered before TLS, for comparison */
    size_t n_caps_clear;
    char *auth_mechanism;
    char *auth_user; /* who logs in, where a step says so; not proven before authenticated */
    bool authenticated;

    char *reverse_path, *reverse_params;
    unsigned reverse_code;
    struct view_recipient *recipients;
    size_t n_recipients;
    bool content_known;
    struct ev_data_end content; /* of a message in chunks: the sums so far */
    struct view_content body;
    uint64_t mail_seq; /* of the newest MAIL command */
    /* What the next content will be, as its command says. */
    bool next_chunk, next_last, next_to_client;
    uint64_t n_chunks;
    unsigned delivered_code; /* reply to the final dot; 0: not yet */
    unsigned messages;       /* delivered in this session */

    uint64_t last_command_seq, last_reply_seq;
    uint64_t n_commands, n_answered;
    unsigned last_code;
    char *last_enhanced, *last_text; /* text of all its lines, a space between */
    char
        *last_reply; /* the whole reply as it came, secrets masked; its end where it is very long */
    enum smtp_verb last_verb; /* what it answers; UNKNOWN where SMTP has no such verb */
    char *last_answered;      /* the same as a word: of any protocol */
    char *last_status;        /* POP3, IMAP: +OK, NO, ...; NULL: SMTP */
    uint64_t last_reply_us;   /* from command to reply */
    uint64_t rtt_us[16];      /* newest last */
    size_t n_rtt;

    struct view_deviation *deviations;
    size_t n_deviations;
};

/* conn 0: follow the first connection that is not backstage. */
void view_init(struct view *v, uint32_t conn);
void view_deinit(struct view *v);
/* A view of its own that knows the same; out was initialised. */
void view_copy(struct view *out, const struct view *v);
/* Fold one event; events of other connections and backstage ones are ignored. */
void view_apply(struct view *v, const struct journal *j, const struct event *ev);
/* Anew, from the first event in memory up to and including seq: the state as it was then. */
void view_at(struct view *v, const struct journal *j, uint32_t conn, uint64_t seq);
/* Which server it is, and what its last reply means, with everything the view knows. */
void view_server(const struct view *v, struct server *out);
void view_explain(const struct view *v, struct explanation *out);
/* The same as lines (explain_print). */
void view_explain_print(const struct view *v, unsigned vis_flags, struct buf *out);

/* The TLSA record that would match this certificate's key: "3 1 1 <hash>" (RFC 6698: DANE-EE, key,
 * SHA-256). Empty where the certificate did not read. out holds at least VIEW_TLSA_OCTETS. */
enum { VIEW_TLSA_OCTETS = 72 };
void view_cert_tlsa(const struct view_cert *c, char *out);
/* Whole days until it expires, rounded down: 0 on the last day, negative afterwards. */
int64_t view_cert_days_left(const struct view_cert *c, int64_t now_s);
/* One handshake message as a line: "   1.2 ms  <S  Certificate, 2310 octets". */
void view_tls_message_text(const struct view *v, size_t index, struct buf *out);

/* Octets of message content so far, on the wire, also while it is on its way. */
uint64_t view_content_octets(const struct view *v);
/* SIZE as the client declared it, and as the server offers it; 0: not said, or no fixed limit. */
uint64_t view_size_declared(const struct view *v);
uint64_t view_size_max(const struct view *v);
/* Parameters of an offered capability ("" where it has none); NULL: not offered. Case is ignored;
 * "AUTH=PLAIN" counts as AUTH. */
const char *view_offers(const struct view *v, const char *keyword);

/* SMTP or LMTP, as far as is known. */
bool view_is_smtp(const struct view *v);
/* Next commands in order now, as names, at most max; returns how many. None for POP3 and IMAP. */
size_t view_next_commands(const struct view *v, const char **names_out, size_t max);

#endif
