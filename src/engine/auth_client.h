/* The client's side of logging in, whichever protocol carries it (AUTH of RFC 4954 and RFC 5034,
 * AUTHENTICATE of RFC 3501): which mechanism, its lines, and whether a yes may be believed.
 *
 * The protocols differ in the word of the command, in how a challenge is marked and in what a
 * refusal looks like; that stays with their drivers. Lines are base64 without the protocol's own
 * decoration; "=" is an empty initial response, "*" gives up.
 */
#ifndef ENGINE_AUTH_CLIENT_H
#define ENGINE_AUTH_CLIENT_H

#include "engine/credentials.h"

enum { AUTH_MECHANISM_OCTETS = 32, AUTH_REASON_OCTETS = 160 };

struct sasl;
struct auth_client {
    const struct credentials *credentials; /* borrowed */
    bool tls;                              /* set anew by the driver before each choice */
    struct sasl *sasl;
    size_t at;                             /* in the list of mechanisms: the next to try */
    struct buf first;                      /* initial response that did not go with the command */
    bool has_first;                        /* it is still to be said */
    bool done;                             /* nothing more is needed from us */
    bool cancelled;                        /* "*" was said */
    char mechanism[AUTH_MECHANISM_OCTETS]; /* of the exchange; "": none was begun */
    char reason[AUTH_REASON_OCTETS]; /* why it was refused, as the mechanism carries it (RFC 7628
                                        section 3.2.2), in safe form and cut; "": it said none */
};

void auth_client_init(struct auth_client *a, const struct credentials *credentials);
/* Forgets everything secret; may be used again after init. */
void auth_client_deinit(struct auth_client *a);
/* Ends the exchange under way; the list goes on. */
void auth_client_forget(struct auth_client *a);

/* The next mechanism of the list that `offered` (space separated) has and that may be used. False:
 * none is left, and *err says why. */
bool auth_client_choose(struct auth_client *a, struct slice offered, struct err *err);
/* "AUTH PLAIN AGFubgBzZWNyZXQ=": verb, mechanism and, where it may go along, the initial response.
 * line_max_octets: what a command line may hold; a longer response waits for the challenge.
 * False: the mechanism failed, *err says how. No line end. */
bool auth_client_command(struct auth_client *a, const char *verb, size_t line_max_octets,
                         struct buf *out, struct err *err);
/* The answer to a challenge (base64, without its mark): a line without its end. A challenge that
 * cannot be answered is answered with "*", and *err says why. */
void auth_client_answer(struct auth_client *a, struct slice challenge, struct buf *out,
                        struct err *err);
/* Success was said: may it be believed? SCRAM servers have to prove that they know the password. */
bool auth_client_proven(const struct auth_client *a, struct err *err);

#endif
