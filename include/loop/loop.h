/* The event loop: timers, descriptors, signals, deferred calls. libuv inside; only this module and
 * net see it. One loop a program, one thread.
 *
 * Order of a turn: what is ready (signals, input, network, timers), deferred calls, then the
 * turn-end hooks in the order added (flush the recording, then draw the screen), then sleep. With
 * nothing to do it sleeps without waking.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_signal;

struct loop *loop_new(void);
/* Closes everything still open on it. Timers, watches, signals and links that their owners have not
 * freed yet stay safe to free afterwards, and must be. */
void loop_free(struct loop **l);
/* Runs until loop_stop, or until `done` (may be NULL) says so between turns, or nothing is left
 * that could ever happen. */
void loop_run(struct loop *l);
void loop_run_until(struct loop *l, bool (*done)(void *ctx), void *ctx);
/* One turn that does not sleep longer than wait_ms (0: not at all). For tests and nested drawing:
 * from inside a handler it only runs the turn-end hooks. */
void loop_turn(struct loop *l, unsigned wait_ms);
void loop_stop(struct loop *l);

typedef void (*loop_fn)(void *ctx);
/* Timers fire once; start again to move them. A stopped timer never fires. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *ctx);
void loop_timer_start(struct loop_timer *t, uint64_t after_ms);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_active(const struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

enum loop_ready { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_HANGUP = 4 };
typedef void (*loop_watch_fn)(void *ctx, unsigned ready);
/* Watch a descriptor (borrowed; close it after freeing the watch). NULL where the system cannot
 * poll it: regular files and /dev/null; read those synchronously. Its blocking mode stays as it is.
 * On an error fn is told everything asked for and LOOP_HANGUP; the watch then rests until set
 * again. */
struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned interest, loop_watch_fn fn,
                                  void *ctx);
void loop_watch_set(struct loop_watch *w, unsigned interest); /* 0: rest */
void loop_watch_free(struct loop_watch **w);

typedef void (*loop_signal_fn)(void *ctx, int signum);
struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_signal_fn fn, void *ctx);
void loop_signal_free(struct loop_signal **s);

/* Call fn once, at the end of this turn, before the hooks. Deferred from a deferred call or a hook:
 * at the end of the next turn, which follows without sleep. */
void loop_defer(struct loop *l, loop_fn fn, void *ctx);
/* Forget deferred calls with this ctx (its owner dies). */
void loop_defer_cancel(struct loop *l, void *ctx);
/* Called at the end of every turn, before sleeping. At most 8. */
void loop_add_turn_end(struct loop *l, loop_fn fn, void *ctx);
void loop_remove_turn_end(struct loop *l, loop_fn fn, void *ctx);

/* For net only: the uv_loop_t. */
struct uv_loop_s;
struct uv_loop_s *loop_uv(struct loop *l);
/* For net only: what it keeps for this loop; on_free(net) runs first in loop_free. */
void loop_set_net(struct loop *l, void *net, loop_fn on_free);
void *loop_net(const struct loop *l);

#endif
