/* The server's side of logging in by SASL, whichever protocol carries it: which mechanisms can be
 * had on this connection, and the exchange as lines of base64. The sister of auth_client.
 *
 * The protocols differ in how a challenge is marked and in what a refusal is called; a verdict says
 * which of them is due. */
#ifndef ENGINE_AUTH_SERVER_H
#define ENGINE_AUTH_SERVER_H

#include "base/buf.h"
#include "sasl/sasl.h"

enum { AUTH_SERVER_NAME_OCTETS = 32, AUTH_SERVER_LIST_OCTETS = 512 };

/* What there is to log in with: each serve role takes it from its policy, options and tracker. */
struct auth_server_with {
    const char *mechanisms; /* as configured, space separated; NULL: none */
    sasl_lookup_fn lookup;  /* these three may be NULL */
    sasl_token_fn token;
    bool (*channel)(void *ctx, struct sasl_channel *channel_out);
    const char *(*external)(void *ctx); /* NULL, or giving NULL: TLS has proven nobody */
    void *ctx;
    const char *service, *host;
    bool tls;
    bool hide_secrets; /* nothing that shows the password is to be had now */
};

struct auth_server {
    struct sasl *sasl; /* exchange under way */
    bool proven;       /* the server's proof has left: the client's empty line ends it */
};

enum auth_verdict {
    AUTH_CHALLENGE,  /* *challenge_out (base64, without its mark) goes out, and a line is due */
    AUTH_SUCCESS,    /* auth_server_user says who */
    AUTH_WRONG,      /* name, password or token are wrong */
    AUTH_UNFIT,      /* the step does not fit the mechanism; *err may say more */
    AUTH_NOT_BASE64, /* the line cannot be read */
    AUTH_CANCELLED,  /* the client said "*" */
    AUTH_NOT_EMPTY,  /* more than the empty line that was due */
    AUTH_NOT_OPEN,   /* no exchange is under way */
    AUTH_VERDICT__COUNT
};

/* Ends what is under way. */
void auth_server_forget(struct auth_server *a);
/* Names of the mechanisms that can be had now, each with `before` in front (" ", " AUTH="),
 * appended: -PLUS needs TLS and what it knows, EXTERNAL a certificate that TLS has checked, a token
 * somebody to ask. */
void auth_server_offer(const struct auth_server_with *with, const char *before, struct buf *out);
/* Is this mechanism among them? Its name as configured goes to name_out. */
bool auth_server_offers(const struct auth_server_with *with, struct slice want,
                        char name_out[AUTH_SERVER_NAME_OCTETS]);
/* Begin an exchange. False: the mechanism cannot be had, *err says why. */
bool auth_server_begin(struct auth_server *a, const struct auth_server_with *with, const char *name,
                       struct err *err);
/* The initial response, base64 or "=" (RFC 4959 section 3); has_initial false: there was none. */
enum auth_verdict auth_server_first(struct auth_server *a, bool has_initial, struct slice initial,
                                    struct buf *challenge_out, struct err *err);
/* A later line, without its end. Every verdict but AUTH_CHALLENGE and AUTH_SUCCESS ends the
 * exchange. */
enum auth_verdict auth_server_line(struct auth_server *a, struct slice line,
                                   struct buf *challenge_out, struct err *err);
/* Who has logged in, "" for nobody in particular, transferred (mem_free). Ends the exchange. */
char *auth_server_user(struct auth_server *a);

#endif
