/* The journal's events: what is known, one fact each (doc/events.md lists them all).
 *
 * An event is a fixed header and a packed payload. Producers fill a `struct ev_<kind>` and append
 * it; readers unpack one. Text and binary fields are slices: on append they are copied, on
 * unpacking they borrow from the journal and are valid until the journal drops the event
 * (journal_set_limits).
 */
#ifndef JOURNAL_EVENT_H
#define JOURNAL_EVENT_H

#include "base/slice.h"

/* Raised when a reader of the former schema would misread a file. */
#define JOURNAL_SCHEMA 1

enum event_kind {
#define KIND(ENUM, name, producer, sentence) EVENT_##ENUM,
#define U(kind, field, unit, text)
#define I(kind, field, unit, text)
#define T(kind, field, unit, text)
#define B(kind, field, unit, text)
#define E(kind, field, enumname, text)
#define END(kind)
#include "journal/kinds.def"
    EVENT__COUNT
};

/* C: from client to server. S: from server to client. Whichever end we are. */
enum event_dir { DIR_C, DIR_S, DIR__COUNT };
enum event_layer { LAYER_PLAIN, LAYER_WIRE, LAYER__COUNT };
enum event_side { SIDE_CLIENT, SIDE_SERVER, SIDE__COUNT };
enum event_transport {
    TRANSPORT_TCP,
    TRANSPORT_UNIX,
    TRANSPORT_MEMORY,
    TRANSPORT_PIPE, /* a child process */
    TRANSPORT__COUNT
};
enum event_down {
    DOWN_EOF,       /* the peer closed in order */
    DOWN_RESET,     /* the peer cut it (RST) */
    DOWN_OURS,      /* we closed in order */
    DOWN_ABORT,     /* we cut it */
    DOWN_REFUSED,   /* never up: nothing listens there */
    DOWN_UNREACHED, /* never up: no route, no name, or another system error */
    DOWN_TIMEOUT,   /* a limit of time was reached */
    DOWN_TLS,       /* TLS failed and the connection is of no further use */
    DOWN_ERROR,     /* another system error on a live connection */
    DOWN__COUNT
};
enum event_dnssec { DNSSEC_UNKNOWN, DNSSEC_INSECURE, DNSSEC_SECURE, DNSSEC_BOGUS, DNSSEC__COUNT };
enum event_tls_via { TLS_VIA_STARTTLS, TLS_VIA_IMPLICIT, TLS_VIA__COUNT };
enum event_verify { VERIFY_NONE, VERIFY_CHAIN, VERIFY_FULL, VERIFY__COUNT };
enum event_envelope {
    ENVELOPE_REVERSE_PATH,
    ENVELOPE_FORWARD_PATH,
    ENVELOPE_RESET,     /* RSET, EHLO or the end of a transaction emptied it */
    ENVELOPE_DELIVERED, /* the final dot was answered; code says how */
    ENVELOPE__COUNT
};
enum event_level {
    LEVEL_INFO,
    LEVEL_WARNING,
    LEVEL_ERROR,
    LEVEL_REMARK /* a person's own note */,
    LEVEL__COUNT
};

#define KIND(ENUM, name, producer, sentence) struct ev_##name {
#define U(kind, field, unit, text)           uint64_t field;
#define I(kind, field, unit, text)           int64_t field;
#define T(kind, field, unit, text)           struct slice field;
#define B(kind, field, unit, text)           struct slice field;
#define E(kind, field, enumname, text)       enum event_##enumname field;
#define END(kind)                                                                                  \
    }                                                                                              \
    ;
#include "journal/kinds.def"

/* Room for the struct of any kind. */
union event_payload {
#define KIND(ENUM, name, producer, sentence) struct ev_##name name;
#define U(kind, field, unit, text)
#define I(kind, field, unit, text)
#define T(kind, field, unit, text)
#define B(kind, field, unit, text)
#define E(kind, field, enumname, text)
#define END(kind)
#include "journal/kinds.def"
};

struct event {
    uint64_t seq;       /* 1 for the first event of the journal, grows by one */
    uint64_t cause_seq; /* the event that led to this one; 0: none */
    uint64_t tick_ns;   /* monotonic */
    int64_t wall_us;
    uint32_t conn;  /* 0: belongs to no connection */
    uint16_t kind;  /* enum event_kind */
    uint16_t flags; /* EVENT_FLAG_* */
    uint32_t payload_octets;
    uint32_t reserved;
    /* the packed payload follows in memory */
};

enum event_flag {
    EVENT_FLAG_BACKSTAGE = 1, /* happened inside the practice server */
};

enum event_field_type { FIELD_U64, FIELD_I64, FIELD_TEXT, FIELD_BINARY, FIELD_ENUM };

struct event_field {
    const char *name;
    const char *unit;
    const char *text;
    enum event_field_type type;
    uint16_t struct_offset;              /* in struct ev_<kind> */
    const char *(*word)(unsigned value); /* FIELD_ENUM: the word of a value; NULL out of range */
};

struct event_kind_info {
    const char *name; /* as in the file: "link_up" */
    const char *producer;
    const char *sentence;
    const struct event_field *fields; /* ends with name NULL */
    uint16_t struct_octets;
};

/* BUG for a kind out of range. */
const struct event_kind_info *event_kind_info(enum event_kind kind);
/* EVENT__COUNT where no kind has that name. */
enum event_kind event_kind_by_name(struct slice name);

const char *event_dir_word(unsigned v); /* "C", "S" */
const char *event_layer_word(unsigned v);
const char *event_side_word(unsigned v);
const char *event_transport_word(unsigned v);
const char *event_down_word(unsigned v);
const char *event_dnssec_word(unsigned v);
const char *event_tls_via_word(unsigned v);
const char *event_verify_word(unsigned v);
const char *event_envelope_word(unsigned v);
const char *event_level_word(unsigned v);

/* Unpack the payload of ev into a struct ev_<kind>, whose kind it must be (BUG otherwise). Slices
 * borrow from the journal. */
void event_unpack(const struct event *ev, enum event_kind kind, void *struct_out);
#define EVENT_GET(ev, KIND_NAME, out) event_unpack((ev), EVENT_##KIND_NAME, (out))

#endif
