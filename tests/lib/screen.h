/* The program itself on a test terminal: opening it, typing at it, and what must hold for all it
 * writes and for how it leaves.
 */
#ifndef TESTS_LIB_SCREEN_H
#define TESTS_LIB_SCREEN_H

#include "vt.h"

#define SCREEN_CLOCK   "SMTPSCOPE_TEST_CLOCK=2026-11-23T18:00:00.000000Z"
#define SCREEN_FIXTURE "tests/screen/fixtures/session.jsonl"
#define N_OF(a)        (sizeof(a) / sizeof(a)[0])

const char *screen_program(void); /* $SMTPSCOPE, or build/plain/smtpscope */
/* A sanitizer build or valgrind, where time and memory say nothing. */
bool screen_is_slow_build(void);

/* `smtpscope ARGUMENT...` (NULL at the end); TERM is xterm-256color where env does not say
 * otherwise. Returns when the first frame is drawn. */
struct vt *screen_open(int rows, int cols, const char *const *env, const char *const *args);
/* On the practice server with the test clock, greeted. */
struct vt *screen_practice(int rows, int cols, const char *const *env);
/* Frame after frame until the text is there; fails the test where it never comes. */
void screen_wait(struct vt *v, const char *text);
/* Until the reply to EHLO is there: whole, or folded where the screen is short. tls: the one inside
 * TLS. */
void screen_wait_caps(struct vt *v, bool tls);
/* Type a line and Enter; a frame later. */
void screen_line(struct vt *v, const char *line);
/* What stands behind the prompt, without trailing blanks and the ghost's text; valid until the next
 * call. */
const char *screen_input(struct vt *v);
/* Esc, Ctrl-C, /quit, status 0, terminal as it was; frees. */
void screen_quit(struct vt **v);

/* The modes are those of a new terminal, the stream left the alternate screen, shows the cursor
 * and has no bracketed paste. The program has ended. */
void screen_assert_restored(struct vt *v);
/* Nothing in the stream but our own control sequences and printable characters: no control
 * character, C1, bidi control, invisible character or broken UTF-8 of anybody. */
void screen_assert_clean(struct vt *v);

/* A server in a process of its own on 127.0.0.1: serve gets each connection, one after another. */
struct screen_server {
    pid_t pid;
    char target[32]; /* 127.0.0.1:PORT */
};
typedef void (*screen_serve_fn)(int fd, void *ctx);
void screen_server_start(struct screen_server *s, screen_serve_fn serve, void *ctx);
void screen_server_stop(struct screen_server *s);
/* For serve functions. False: the peer is gone. */
bool screen_put(int fd, const void *octets, size_t len);
bool screen_get_line(int fd, char *out, size_t out_octets);

double screen_now_ms(void);

#endif
