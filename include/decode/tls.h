/* TLS of a session in lines: what was agreed and how good that is, what checking the certificate
 * gave, the chain, the handshake message by message, alerts by name. From a view (decode/view.h),
 * so it is the state as it was then.
 */
#ifndef DECODE_TLS_H
#define DECODE_TLS_H

#include "decode/view.h"

enum tls_part {
    TLS_PRINT_SESSION = 1,   /* version, cipher, group, signature, ALPN, SNI, resumption */
    TLS_PRINT_CHECK = 2,     /* verification: result, reason in plain words, what to do */
    TLS_PRINT_CHAIN = 4,     /* certificates, the server's own first */
    TLS_PRINT_HANDSHAKE = 8, /* a message a line */
    TLS_PRINT_ALERTS = 16,
    TLS_PRINT_ALL = 31,
};
/* now_s: the day the certificates are judged by (a recording's own, or today's). Several parts come
 * with a heading each; one alone comes without. Nothing where there was no TLS. */
void tls_print(const struct view *v, int64_t now_s, unsigned parts, unsigned vis_flags,
               struct buf *out);

enum tls_grade { TLS_GOOD, TLS_OLD, TLS_BROKEN, TLS_GRADE__COUNT };
const char *tls_grade_name(enum tls_grade g); /* "good" */
/* How good a version, a cipher suite (IANA name), a signature algorithm is. *why_out (may be NULL):
 * one line with its source; "" where it is good. Unknown names are good: new ones come. */
enum tls_grade tls_grade_version(const char *version, const char **why_out);
enum tls_grade tls_grade_cipher(const char *cipher, const char **why_out);
enum tls_grade tls_grade_signature(const char *signature, const char **why_out);

/* Does a certificate name fit a host (RFC 6125 section 6.4.3: one "*" as the whole first label)? */
bool tls_name_fits(struct slice pattern, struct slice host);

/* The words of TLS_VERIFY.reason. */
struct tls_verify_info {
    const char *reason, *meaning, *look_at, *rfc;
};
const struct tls_verify_info *tls_verify_info_at(size_t index);    /* NULL at the end */
const struct tls_verify_info *tls_verify_info(const char *reason); /* NULL: unknown */

#endif
