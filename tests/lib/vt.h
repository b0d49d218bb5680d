/* A terminal for tests: a program under a pseudo-terminal, its screen kept by libvterm.
 *
 * Waiting is never sleeping: vt_sync sends the private key (ESC [ 9977 ~) and reads until the
 * program's marker (OSC 777;sync) comes after its next frame; vt_wait_text reads until a text
 * stands on the screen. Both are bounded and fail the test with the screen printed.
 */
#ifndef TESTS_LIB_VT_H
#define TESTS_LIB_VT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vt;
enum { VT_WAIT_MS = 5000 };

/* argv ends with NULL. The environment is made anew: PATH, TERM, LC_ALL=C.UTF-8, HOME (a temporary
 * directory), INPUTRC=/dev/null, SMTPSCOPE_TEST_SYNC=1, EDITOR=true, then env ("NAME=VALUE", NULL
 * at the end; may be NULL). */
struct vt *vt_spawn(const char *const *argv, int rows, int cols, const char *term,
                    const char *const *env);
/* Kills what still runs. */
void vt_free(struct vt **v);
pid_t vt_pid(const struct vt *v);
int vt_fd(const struct vt *v); /* the master side; -1 once it is closed */
/* The terminal goes away under the program. */
void vt_hang_up(struct vt *v);
const char *vt_home(const struct vt *v);

void vt_send(struct vt *v, const char *octets);
void vt_send_octets(struct vt *v, const void *octets, size_t len);
/* "<Enter> <Esc> <Tab> <F1>..<F12> <Up> <PgUp> <C-x> <A-n>": names between angle brackets, the rest
 * as it is. */
void vt_key(struct vt *v, const char *keys);
void vt_paste(struct vt *v, const char *text);
void vt_mouse(struct vt *v, int button, int col, int row);
void vt_resize(struct vt *v, int rows, int cols);
void vt_signal(struct vt *v, int signum);

/* Until the next frame is drawn. */
void vt_sync(struct vt *v);
bool vt_wait_text(struct vt *v, const char *text); /* fails the test where it never comes */
bool vt_has_text(struct vt *v, const char *text);  /* on the screen now */
/* Takes what is there without waiting longer than idle_ms for more. */
void vt_read(struct vt *v, int idle_ms);
/* Exit status (128 + signal where it was killed); -1: still running after VT_WAIT_MS. */
int vt_wait_exit(struct vt *v);
/* Stopped by a signal (Ctrl-Z)? Waits at most VT_WAIT_MS. */
bool vt_wait_stopped(struct vt *v);

/* A row without its trailing blanks; valid until the next call. */
const char *vt_row(struct vt *v, int row);
int vt_row_cols(struct vt *v, int row); /* up to its last character that is no blank */
void vt_cursor(struct vt *v, int *row_out, int *col_out);
bool vt_alternate_screen(const struct vt *v);
void vt_size(const struct vt *v, int *rows_out, int *cols_out);
/* How a cell is drawn: "fg117,bg237,bold", "-" where it is plain. What nobody can see of a blank
 * one is left out. */
enum { VT_STYLE_OCTETS = 96 };
void vt_style(struct vt *v, int row, int col, char out[VT_STYLE_OCTETS]);
void vt_print_screen(struct vt *v);

/* All octets the program wrote. */
const unsigned char *vt_raw(const struct vt *v, size_t *len_out);
void vt_assert_no_bytes(struct vt *v, const void *pattern, size_t len);
/* How many octets came since the last call. */
size_t vt_octets_since(struct vt *v);

#endif
