/* Programs under test and their peers: started with pipes, fed, read up to a deadline, ended by
 * their process id.
 *
 * Everything waits for something that happens (a line, the end of the process); the deadline only
 * bounds the wait. A program dies with the test that started it.
 */
#ifndef TESTS_PROC_H
#define TESTS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

struct proc_text {
    char *ptr; /* NUL behind the end; may hold NULs */
    size_t len;
};

struct proc {
    pid_t pid;
    int in, out, err; /* our ends; -1: closed */
    struct proc_text out_text, err_text;
    size_t lines_read;   /* octets of out_text that proc_line gave out */
    int status;          /* 0-255, 256 + signal, -1: the deadline came (it was killed) */
    struct rusage usage; /* once it ended */
};

enum { PROC_DEADLINE_MS = 30000 };

/* argv[0] is a path or found in PATH. env: "NAME=value" that are added, NULL at the end; may be
 * NULL. */
struct proc *proc_start(const char *const *argv, const char *const *env);
/* Write all, reading what comes meanwhile, and close its standard input. */
void proc_feed(struct proc *p, const void *octets, size_t n_octets);
/* The next line of standard output that begins with prefix; the rest of it behind the prefix
 * (allocated). Fails the test when the program ends or the deadline comes first. */
char *proc_line(struct proc *p, const char *prefix);
/* Wait for the end; standard input is closed first. Returns .status. */
int proc_wait(struct proc *p, unsigned deadline_ms);
void proc_kill(struct proc *p, int signum);
/* Kill, if it runs, and free. */
void proc_free(struct proc **p);
/* All at once: start, feed (input may be NULL), wait. */
struct proc *proc_run(const char *const *argv, const char *const *env, const void *input,
                      size_t n_octets);

/* The program: $SMTPSCOPE or build/plain/smtpscope; and an environment of its own in dir (HOME and
 * the like). */
const char *proc_smtpscope(void);
const char *const *proc_env(const char *dir);
/* `smtpscope ARGUMENT...` (NULL at the end) in that environment. */
struct proc *proc_scope(const char *dir, const void *input, size_t n_octets, ...);

/* A port of 127.0.0.1 that was free a moment ago, for programs that cannot take one themselves. */
unsigned proc_free_port(void);
/* Connect to 127.0.0.1:port until something answers; fails the test after the deadline. */
void proc_wait_port(unsigned port);
/* A new directory under build/tmp, 0755, absolute; and its end. */
char *proc_dir(const char *name);
void proc_dir_remove(char **dir);
char *proc_path(const char *dir, const char *name); /* allocated */
void proc_write_file(const char *path, const void *octets, size_t n_octets);
struct proc_text proc_read_file(const char *path); /* .ptr NULL: not there */

bool proc_text_has(struct proc_text t, const char *needle);
/* Nothing but LF and printable UTF-8: what a terminal may get from us. Fails the test, showing
 * where. */
void proc_assert_printable(struct proc_text t, const char *what);

#endif
