/* "The world failed": DNS, connecting, TLS, files, wrong use. Returned, shown, and an event; never
 * a bug in us (BUG_IF) and never a peer that broke a rule (a DEVIATION). A local failure never
 * borrows an SMTP reply code.
 *
 * Every error can say four things: what happened and where (text), what that means (means), and
 * what to try next (next).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_domain {
    ERR_NONE,
    ERR_USAGE,   /* what the person asked cannot be done as written */
    ERR_FILE,    /* code: errno */
    ERR_DNS,     /* code: DNS rcode, or -1 without an answer */
    ERR_CONNECT, /* code: errno */
    ERR_TLS,     /* code: OpenSSL reason or X509_V_ERR_* */
    ERR_TIMEOUT, /* code: milliseconds waited */
    ERR_CLOSED,  /* the peer ended the connection; code: errno or 0 for an orderly end */
    ERR_LIMIT,   /* a named limit of ours was reached */
    ERR_AUTH,    /* SASL could not go on, for a local reason */
    ERR_FORMAT,  /* a file of ours does not read */
    ERR_MISSING, /* a prerequisite is missing */
    ERR__COUNT
};

struct err {
    enum err_domain domain;
    int code;
    char text[240];
    char means[200];
    char next[240];
};

const char *err_domain_name(enum err_domain domain);
/* Fill e (e may be NULL: nothing is done). text is cut, never overrun. means and next become empty.
 */
void err_set(struct err *e, enum err_domain domain, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void err_explain(struct err *e, const char *means, const char *next);
void err_clear(struct err *e);

#endif
