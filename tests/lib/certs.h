/* Certificates for test servers, made by OpenSSL itself and not by the code under test. */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

enum cert_kind { CERT_GOOD, CERT_EXPIRED, CERT_WRONG_NAME, CERT_SELF_SIGNED, CERT_UNKNOWN_CA };
/* Write cert.pem, key.pem (for localhost and 127.0.0.1 where the kind does not say otherwise) and
 * the trusted ca.pem into dir. */
void certs_make(const char *dir, enum cert_kind kind);

#endif
