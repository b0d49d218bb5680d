/* Inside the transcript: lines, and what is known of each connection while they are made. */
#ifndef DECODE_TRANSCRIPT_PRIVATE_H
#define DECODE_TRANSCRIPT_PRIVATE_H

#include "decode/transcript.h"

enum {
    BLOCK_LINES = 1024,  /* lines are kept in blocks: growing copies none of them */
    RECENT_LINES = 4096, /* of a stream that can still be decorated (a reply has at most 2048) */
    TEXT_READ_SLACK = 64,
    NO_LINE = -1,
    TLS_CONTENT_ALERT = 21
};

/* What .offset says for lines that are no octets. */
enum tls_line_mark { TLS_CERT_UNKNOWN, TLS_CERT_OK };
enum note_part { NOTE_TEXT, NOTE_MEANS, NOTE_NEXT, NOTE__COUNT };

/* One direction of a connection. */
struct stream {
    size_t *recent; /* indices of its newest lines, oldest first */
    size_t n_recent, alloc_recent;
    size_t open; /* index of the line without an end, if has_open */
    uint64_t next_offset;
    bool has_open;
};

struct conn_state {
    uint32_t conn;
    uint64_t zero_tick_ns; /* its clock starts here */
    bool open;
    bool content; /* between DATA_BEGIN and DATA_END */
    uint8_t content_dir;
    bool cert_ok; /* TLS_VERIFY said so and no TLS_UP has come since */
    bool has_tls_up;
    size_t tls_up; /* line of the last TLS_UP */
    struct stream streams[DIR__COUNT];
};

struct transcript {
    const struct journal *journal;
    uint32_t conn;
    bool backstage, handshakes;
    uint64_t last_seq; /* taken in up to here */
    struct transcript_line **blocks;
    size_t n_blocks, count;
    size_t first; /* lines before this one were forgotten; blocks that held only such are NULL */
    size_t first_changed;
    struct conn_state **conns; /* ascending by number */
    size_t n_conns, alloc_conns;
    struct conn_state *newest; /* asked for last */
    size_t n_open;             /* connections that are not down */
    uint64_t zero_tick_ns;     /* their clock */
};

/* NULL: not seen. */
struct conn_state *transcript_conn(const struct transcript *t, uint32_t conn);
struct transcript_line *transcript_line_mut(const struct transcript *t, size_t index);

/* Text of a line that is no octets. `safe` slices of a peer go through vis. */
void transcript_event_text(const struct transcript *t, const struct transcript_line *line,
                           unsigned vis_flags, size_t max_cols, struct vis_text *out);
/* "0.3 ms", "15 ms", "2.1 s". */
void transcript_duration(uint64_t us, char *out, size_t out_octets);

#endif
