/* Real mail programs: the system's, or those that tests/peers.sh unpacked under build/peers. */
#ifndef TESTS_PEERS_H
#define TESTS_PEERS_H

#include "proc.h"

/* Its path, absolute or a name for PATH (static); NULL: not to be had. Names: postfix (its smtpd),
 * smtp-source, smtp-sink, swaks, msmtp, gsasl, fetchmail, mpop, curl, python3, tshark, asciinema,
 * tmux.
 */
const char *peer_path(const char *name);
/* Skip the running test, naming the peer, where it is not to be had. */
void peer_need(const char *name);
/* Environment that lets the unpacked ones find libraries and modules. */
const char *const *peer_env(void);
/* Run `NAME ARGUMENT...` (NULL at the end) to its end. */
struct proc *peer_run(const char *name, const void *input, size_t n_octets,
                      const char *const *args);

/* A server of tests/lib/server.sh, in `dir` (made here, with certificates), on three loopback ports
 * (0: a free one is taken); it has greeted on the first. NULL: *why_out says why there is none. */
struct proc *peer_server_start(const char *name, const char *dir, unsigned ports[3],
                               const char **why_out);

/* Postfix in the foreground in dir, with certificate and CA made by the test. Skips where there is
 * no root. */
struct postfix {
    struct proc *proc;
    char *dir;
    unsigned smtp, submission;
};
void postfix_start(struct postfix *p);
void postfix_stop(struct postfix *p);
/* Wait for the one message of `user` (deadline), read it without what Postfix put in front, and
 * remove it. */
struct proc_text postfix_message(struct postfix *p, const char *user);

#endif
