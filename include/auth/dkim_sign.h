/* Signing a message with DKIM (RFC 6376 section 5; Ed25519: RFC 8463): the field to put in front of
 * it. The message itself is not touched.
 *
 *     a=  rsa-sha256 or ed25519-sha256, as the key is
 *     h=  the fields that are there of the usual ones, and From once more, so that nobody can add a
 *         second one; or the list that was given, as it is
 *     l=, x=, i= are never written
 */
#ifndef AUTH_DKIM_SIGN_H
#define AUTH_DKIM_SIGN_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/header.h"

enum {
    DKIM_KEY_FILE_OCTETS_MAX = 65536, /* limit "dkim-key" */
    DKIM_LIST_MAX = 512,              /* limit "dkim-headers": names in h= */
    DKIM_HEADER_OCTETS_MAX = 2 << 20, /* limit "dkim-header": canonical fields that are hashed */
    DKIM_FIELD_OCTETS_MAX = 1 << 16,  /* limit "dkim-field": of DKIM-Signature */
    DKIM_RSA_BITS_MIN = 1024,         /* RFC 8301 section 3.2: verifiers refuse smaller ones */
};

struct dkim_key;
/* Reads a private key from PEM text: RSA or Ed25519, not encrypted. NULL: *err says what is wrong.
 * `name` is for messages. */
struct dkim_key *dkim_key_parse(struct slice pem, const char *name, struct err *err);
void dkim_key_free(struct dkim_key **key);
const char *dkim_key_algorithm(const struct dkim_key *key); /* "rsa-sha256", "ed25519-sha256" */
unsigned dkim_key_bits(const struct dkim_key *key);
/* Append the TXT record that verifies it: "v=DKIM1; k=rsa; p=..." (section 3.6.1). */
void dkim_key_record(const struct dkim_key *key, struct buf *out);

struct dkim_how {
    const char *domain;   /* d= */
    const char *selector; /* s= */
    const char *headers;  /* names between colons, commas or blanks; NULL or "": the usual ones */
    bool header_relaxed, body_relaxed;
    int64_t time_s; /* t=; negative: none */
};
struct dkim_facts {
    size_t n_fields;    /* names in h= that stand for a field */
    size_t n_absent;    /* names in h= beyond those: fields that must not be added */
    bool from_unsigned; /* RFC 6376 section 5.4 wants From signed */
};

/* Is that a way to sign? False: *err says which part of it is not. */
bool dkim_how_check(const struct dkim_how *how, struct err *err);

/* Append the DKIM-Signature field with its CRLF to out (cap at least DKIM_FIELD_OCTETS_MAX).
 * message: as it is sent, every line ended by CRLF in its header; a bare CR or LF there is refused,
 * because verifiers read it in different ways. facts_out may be NULL. */
bool dkim_sign(const struct dkim_key *key, const struct dkim_how *how, struct slice message,
               struct buf *out, struct dkim_facts *facts_out, struct err *err);

/* The pieces of it. bh= of a body, in base64. */
void dkim_body_hash(struct slice body, bool relaxed, struct buf *out);
/* b= in base64 for a DKIM-Signature field whose b= is empty ("DKIM-Signature: ...; b=", without its
 * last line end) over the fields that `list` (as in h=) names. False: *err. */
bool dkim_signature(const struct dkim_key *key, const struct mail_header *header, const char *list,
                    bool relaxed, struct slice field, struct buf *out, struct dkim_facts *facts_out,
                    struct err *err);

#endif
