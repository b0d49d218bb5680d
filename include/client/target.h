/* What a person names to connect to: host, host:port, [v6]:port, user@domain (by MX), unix:/path,
 * pipe:COMMAND,
 * practice, a preset, or a URL (doc/targets.md). Parsing only; finding addresses is the session's.
 */
#ifndef CLIENT_TARGET_H
#define CLIENT_TARGET_H

#include "base/err.h"
#include "base/slice.h"
#include "engine/track.h"

enum target_kind {
    TARGET_HOST,     /* name or address, port */
    TARGET_MX,       /* domain of user@domain */
    TARGET_UNIX,     /* path */
    TARGET_PRACTICE, /* the built-in server; .name is the scenario or empty */
    TARGET_PIPE,     /* a command of the shell in .name: its input and output */
    TARGET__COUNT
};

enum target_service {
    SERVICE_SMTP,        /* 25 */
    SERVICE_SUBMISSION,  /* 587, STARTTLS */
    SERVICE_SUBMISSIONS, /* 465, TLS from the first octet; smtps:// is the same */
    SERVICE_LMTP,        /* 24 */
    SERVICE_POP3,        /* 110, STLS */
    SERVICE_POP3S,       /* 995, TLS from the first octet */
    SERVICE_IMAP,        /* 143, STARTTLS */
    SERVICE_IMAPS,       /* 993, TLS from the first octet */
    SERVICE_RFC821,      /* the museum: at practice:NAME only */
    SERVICE_MTP,
    SERVICE_FTP_MAIL,
    SERVICE_RFC524,
    SERVICE_SNDMSG,
    SERVICE_RFC196,
    SERVICE__COUNT
};

struct target_service_info {
    const char *name;   /* as `serve` names it */
    const char *scheme; /* of the URL */
    enum protocol protocol;
    unsigned port;
    bool implicit_tls;
    bool lmtp;
    enum museum_id museum; /* where .protocol is PROTOCOL_MUSEUM */
    const char *help;
};
const struct target_service_info *target_service_info(enum target_service service);

struct target {
    enum target_kind kind;
    enum target_service service;
    char name[256];      /* host, domain, path or scenario */
    unsigned port;       /* 0: the service's */
    char recipient[321]; /* of user@domain: the whole address */
    char user[129];      /* of a URL smtp://user@host, may be empty */
    char text[320];      /* as typed, for showing (never holds a password) */
    bool had_password;   /* the URL held one: it was not kept; say so */
};

/* err: what is wrong and how to write it. Port 465 named without a scheme means submissions, 587
 * submission, 24 lmtp. */
bool target_parse(const char *text, struct target *out, struct err *err);

/* Presets of well-known providers (src/client/presets.tsv). */
struct target_preset {
    const char *name, *protocol, *host, *port, *tls, *user, *auth, *note;
};
const struct target_preset *target_preset_at(size_t index); /* NULL at the end */

#endif
