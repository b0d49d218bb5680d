/* Replay: a recording as it happened, in time, with no network.
 *
 * A replay owns a journal and fills it from the file, a piece each turn of the loop, so that a
 * large recording shows its first screen at once. What has "happened" is a horizon on that journal
 * (journal_set_horizon): playing moves it on by a timer, stepping moves it to the next thing a
 * person can see, going back moves it back. Readers need nothing else: the journal ends where the
 * replay stands. Where the horizon moved back, `replay_generation` grew and they fold anew.
 *
 * Step: a line of either side, a reply, a whole message, or an event that has a line of its own.
 * Opened, a replay stands at the end: everything is shown.
 */
#ifndef RECORDING_REPLAY_H
#define RECORDING_REPLAY_H

#include "loop/loop.h"
#include "recording/recording.h"

struct replay;

/* Called when more has been read, or the replay moved: readers look again. */
typedef void (*replay_fn)(void *ctx);
struct replay_options {
    const char *path;
    const char *spool_dir; /* NULL: /tmp */
    int fd;                /* read this in place of the path, which is only a name; 0: no. Taken. */
    replay_fn changed;     /* may be NULL */
    void *ctx;
};
/* Opens the file and reads the first REPLAY_FIRST_OCTETS of it; the rest follows in turns of the
 * loop. The clock is borrowed. NULL: it cannot be read, or begins with no event. */
enum { REPLAY_FIRST_OCTETS = 1 << 18, REPLAY_TURN_OCTETS = 1 << 19 };
struct replay *replay_open(struct loop *l, const struct clock *clock,
                           const struct replay_options *options, struct err *err);
void replay_free(struct replay **r);

struct journal *replay_journal(struct replay *r);
const char *replay_path(const struct replay *r);
bool replay_loading(const struct replay *r);
unsigned replay_loaded_percent(const struct replay *r); /* of the file; 100 when whole */
/* What reading found; whole when loading is over. */
const struct recording_report *replay_report(const struct replay *r);
uint64_t replay_generation(const struct replay *r);

/* Is time under control, that is: was any of the below called since it stood at the end? */
bool replay_engaged(const struct replay *r);
bool replay_playing(const struct replay *r);
void replay_play(struct replay *r); /* at the end: from the beginning */
void replay_pause(struct replay *r);
/* Steps on (n > 0) or back (n < 0), and pauses. False: there is none further. */
bool replay_step(struct replay *r, long n);
/* Speed in tenths: 1 (x0.1) to 100 (x10). Pauses longer than REPLAY_PAUSE_MS are cut to that. 0:
 * as it was, every pause in full. */
enum { REPLAY_SPEED_MAX_TENTHS = 100, REPLAY_PAUSE_MS = 2000 };
void replay_set_speed(struct replay *r, unsigned tenths);
unsigned replay_speed(const struct replay *r);
/* To the last step not later than that time since the first event. */
void replay_goto_us(struct replay *r, uint64_t us);
/* So far that event seq has happened. */
void replay_goto_seq(struct replay *r, uint64_t seq);
void replay_goto_start(struct replay *r);
void replay_goto_end(struct replay *r); /* not engaged any more */
/* To a MARK by its name; an empty name: the next mark or note of a person behind here, from the
 * last to the first again. False: there is none of that name. */
bool replay_goto_mark(struct replay *r, struct slice name);
/* Quiz: playing stops before each answer of the server; a step shows it. */
void replay_set_quiz(struct replay *r, bool on);
bool replay_quiz(const struct replay *r);
/* Is an answer hidden right now? *code_out: the code it will turn out to have, 0: none. */
bool replay_hides_answer(const struct replay *r, unsigned *code_out);

uint64_t replay_at_us(const struct replay *r);
uint64_t replay_total_us(const struct replay *r); /* of what has been read */
/* "replay > 2x  0.172 / 0.389 s" and what may be typed; ascii: no other characters. */
void replay_status(const struct replay *r, bool ascii, struct buf *out);

#endif
