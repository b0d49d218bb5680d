/* The transcript: the journal as lines on a screen or in print. Built from OCTETS, so that every
 * octet shows, parsed or not; other events decorate the lines (reply times, deviations) or are
 * lines of their own.
 *
 * Lines stand in the journal's order and only the newest of a stream still change. An event is one
 * line, with two exceptions: an OCTETS event is as many as it holds, and a NOTE is one line for its
 * text and one each for what it means and what to do next, where it says so ("text", "  means:
 * ...", "  next: ..."), so that nothing is cut. A TLS_VERIFY that went well stands on the line of
 * TLS_UP ("..., certificate ok"), any other on a line of its own. A DEVIATION marks the line it
 * points into and is a line of its own where the journal has it.
 */
#ifndef DECODE_TRANSCRIPT_H
#define DECODE_TRANSCRIPT_H

#include "base/vis.h"
#include "journal/journal.h"

enum transcript_kind {
    TRANSCRIPT_LINE,    /* a line of either side */
    TRANSCRIPT_CONTENT, /* a line of message content */
    TRANSCRIPT_LINK,    /* connection events */
    TRANSCRIPT_TLS,     /* handshake result, verification, alerts */
    TRANSCRIPT_NOTE,    /* messages of the program and notes of the person */
    TRANSCRIPT_DEVIATION,
    TRANSCRIPT_BACKSTAGE, /* inside the practice server */
    TRANSCRIPT_GAP
};
enum transcript_flag {
    TRANSCRIPT_TLS_ON = 1,     /* travelled inside TLS */
    TRANSCRIPT_OPEN = 2,       /* no line end yet */
    TRANSCRIPT_REPLY_OK = 4,   /* last line of a 2yz or 3yz reply */
    TRANSCRIPT_REPLY_BAD = 8,  /* of a 4yz, 5yz or malformed one */
    TRANSCRIPT_DEVIANT = 16,   /* a DEVIATION points into it */
    TRANSCRIPT_HIDDEN = 32,    /* holds secret octets */
    TRANSCRIPT_CONT = 64,      /* not the first line of its reply */
    TRANSCRIPT_HANDSHAKE = 128 /* TLS: one message of a handshake */
};

struct transcript_line {
    uint64_t seq;    /* of the event it shows (OCTETS: where it began) */
    uint64_t offset; /* LINE, CONTENT: in the plain stream of conn and dir */
    uint32_t length; /* with its line end */
    uint32_t conn;
    uint32_t reply_us; /* last line of a reply: time since its command; LINK_UP, TLS_UP: what it
                          took; saturated; else 0 */
    uint8_t kind, dir, flags;
};

enum { TRANSCRIPT_LINE_MAX_OCTETS = 65536 }; /* a longer line is shown in pieces */

struct transcript;
/* backstage: also lines of what happens inside the practice server: FAULT, STORED and NOTE of all
 * its connections, never its octets. conn 0: all. Events of no connection are in every transcript.
 */
struct transcript *transcript_new(const struct journal *j, uint32_t conn, bool backstage);
void transcript_free(struct transcript **t);
/* Also a line for each message of a TLS handshake (TLS_MSG), from the next update on. */
void transcript_show_handshakes(struct transcript *t, bool on);
/* Take in events up to the journal's last; returns how many lines are new or changed from
 * *first_changed_out on. */
size_t transcript_update(struct transcript *t, size_t *first_changed_out);
/* The same, but no further than event `last_seq`. */
size_t transcript_update_to(struct transcript *t, uint64_t last_seq, size_t *first_changed_out);
size_t transcript_count(const struct transcript *t);
/* For those who go forward only: lines before `index` may not be asked for any more and their
 * memory is given back. What comes later and speaks of one of them has no line to mark, and octets
 * that go on with one begin a line of their own. transcript_first: the first that is there. */
void transcript_forget(struct transcript *t, size_t index);
size_t transcript_first(const struct transcript *t);
const struct transcript_line *transcript_at(const struct transcript *t, size_t index);
/* Line that shows event seq, or the nearest before. */
size_t transcript_find_seq(const struct transcript *t, uint64_t seq);
/* The raw octets of a line, secrets masked, with its line end. False: it holds none, or they left.
 */
bool transcript_octets(const struct transcript *t, size_t index, struct buf *out);
/* Its text, safe, without its line end (VIS_SHOW_EOL: with it), at most max_cols wide. */
void transcript_text(const struct transcript *t, size_t index, unsigned vis_flags, size_t max_cols,
                     struct vis_text *out);
/* The same from octet `skip_octets` of the raw line on: for long lines shown sideways. */
void transcript_text_from(const struct transcript *t, size_t index, size_t skip_octets,
                          unsigned vis_flags, size_t max_cols, struct vis_text *out);
/* Time since the first event of its connection. One that begins while others are up runs on their
 * clock: what happens on both can be compared. */
uint64_t transcript_at_us(const struct transcript *t, size_t index);
uint64_t transcript_tick_ns(const struct transcript *t, size_t index);

/* One printed line for headless use and logs, with its line feed: seconds, who ("C>" "<S", "=="
 * TLS, "--" other events), "T" inside TLS, the text, and for a reply's last line its time: " 0.031
 * <S  220 mx.example ESMTP                                      19 ms" ASCII only, no colour, never
 * cut. */
void transcript_print(const struct transcript *t, size_t index, struct buf *out);

#endif
