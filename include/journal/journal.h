/* The journal: an append-only sequence of events, and the octets they speak of.
 *
 * Whoever learns a fact appends it; nobody edits; panes, files, replay, scripts and tests read. One
 * journal holds all connections of the program, both ends where the practice server runs in
 * process.
 *
 * Octets are kept once, in an append-only store of their own; the newest `store_memory_octets` of
 * it are in memory, older ones in an unlinked spool file, so that memory does not grow with the
 * size of a message. Where no spool can be made or `store_spool_octets` is reached, the oldest are
 * dropped and a GAP event names the limit. Events above `events_octets` leave oldest first,
 * likewise with a GAP.
 *
 * Not thread safe: one thread, the loop's.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/buf.h"
#include "base/clock.h"
#include "journal/event.h"

struct journal;

struct journal_limits {
    size_t events_octets;       /* headers and payloads; default 256 MiB */
    size_t store_memory_octets; /* default 4 MiB */
    uint64_t
        store_spool_octets; /* default 4 GiB; 0: no spool file, what leaves memory is dropped */
};

/* The clock is borrowed and must outlive the journal. */
struct journal *journal_new(const struct clock *clock);
void journal_free(struct journal **j);
/* Takes effect at the next append. Defaults are set by journal_new. */
void journal_set_limits(struct journal *j, const struct journal_limits *limits);
/* What would leave for events_octets goes into a file without a name and comes back when asked for:
 * for readers of recordings larger than memory. A pointer from journal_at then lasts until some
 * hundred other stretches of the journal were looked at; the first event's lasts. */
void journal_spill_events(struct journal *j);
/* Where the spool file is made (unlinked at once); NULL: $TMPDIR is not read, "/tmp" is used. */
void journal_set_spool_dir(struct journal *j, const char *dir);

/* A new connection number, from 1. */
uint32_t journal_conn_new(struct journal *j);
/* Forget the octet index of a connection: its octets cannot be asked for any more. For servers with
 * very many connections; the console never calls it. */
void journal_conn_forget(struct journal *j, uint32_t conn);

/* Append one event: `payload` is a struct ev_<kind>; its slices are copied. The time is taken from
 * the clock. Returns its seq. Sinks run before it returns, in the order they were added. Not for
 * OCTETS. */
uint64_t journal_append(struct journal *j, uint32_t conn, enum event_kind kind, unsigned flags,
                        uint64_t cause_seq, const void *payload);
#define JOURNAL_APPEND(j, conn, KIND_NAME, flags, cause, ...)                                      \
    journal_append((j), (conn), EVENT_##KIND_NAME, (flags), (cause), &(__VA_ARGS__))

/* A secret part of octets, relative to their start. */
struct octet_range {
    uint32_t start;
    uint32_t len;
};

/* Append octets of one direction and layer of a connection: stores them, gives them their offset,
 * and appends OCTETS. hidden: n_hidden secret parts, ascending. Pieces above 64 KiB become several
 * events. Returns the seq of the last; octets.len 0 appends nothing and returns 0. keep false: only
 * offset and length are noted, not the octets (ciphertext nobody asked for). */
uint64_t journal_append_octets(struct journal *j, uint32_t conn, enum event_dir dir,
                               enum event_layer layer, unsigned flags, bool tls,
                               struct slice octets, const struct octet_range *hidden,
                               size_t n_hidden, bool keep);
/* How many octets have passed so far. */
uint64_t journal_stream_len(const struct journal *j, uint32_t conn, enum event_dir dir,
                            enum event_layer layer);

/* A message to the person (NOTE). */
void journal_note(struct journal *j, uint32_t conn, enum event_level level, const char *text,
                  const char *means, const char *next);
struct err;
void journal_note_err(struct journal *j, uint32_t conn, const struct err *e);

/* For readers of recordings: append with the times and seq the file gives (seq must grow; a hole is
 * allowed; BUG otherwise, so a reader checks). Sinks run. octets: for OCTETS, what the file held;
 * NULL ptr: not kept. */
void journal_restore(struct journal *j, const struct event *header, const void *payload,
                     struct slice octets);

/* Reading. Seqs run from journal_first to journal_last; 0 and 0 when empty. */
uint64_t journal_first(const struct journal *j);
uint64_t journal_last(const struct journal *j);
/* Replay: for readers the journal ends at `seq`, whatever stands behind it; 0: before the first
 * event, UINT64_MAX: no such end. Appending goes on at the true end, which is journal_end. A reader
 * that has folded further than a horizon that moved back begins anew. */
void journal_set_horizon(struct journal *j, uint64_t seq);
uint64_t journal_end(const struct journal *j);
/* NULL: not in memory (never was, or left). The pointer is valid until the event leaves. */
const struct event *journal_at(const struct journal *j, uint64_t seq);
/* Copy a range of a stream into out (up to its cap). Parts that left are missing from the end or
 * the result is false; hidden parts come in the clear: use journal_read_masked for eyes and files.
 */
bool journal_read(const struct journal *j, uint32_t conn, enum event_dir dir,
                  enum event_layer layer, uint64_t offset, uint64_t len, struct buf *out);
/* The same with every octet of a hidden part replaced by '*'. *n_hidden_out (may be NULL) counts
 * them. */
bool journal_read_masked(const struct journal *j, uint32_t conn, enum event_dir dir,
                         enum event_layer layer, uint64_t offset, uint64_t len, struct buf *out,
                         size_t *n_hidden_out);
/* The octets of one OCTETS event, in the clear, for writers: valid until the next journal call that
 * appends or reads; empty where not kept. */
struct slice journal_event_octets(const struct journal *j, const struct event *ev);
/* Unpack the hidden list of an OCTETS event; returns how many there are, fills at most max. */
size_t journal_hidden_ranges(const struct ev_octets *o, struct octet_range *out, size_t max);

/* Sinks see each event right after it was appended. A sink must not append. */
typedef void (*journal_sink_fn)(void *ctx, const struct journal *j, const struct event *ev);
void journal_add_sink(struct journal *j, journal_sink_fn fn, void *ctx);
void journal_remove_sink(struct journal *j, journal_sink_fn fn, void *ctx);

const struct clock *journal_clock(const struct journal *j);

#endif
