/* The digest of APOP (RFC 1939 section 7): MD5 over the greeting's time stamp, angle brackets
 * included, and the password behind it. No SASL mechanism, but their older brother. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/mem.h"
#include "sasl/sasl.h"

bool sasl_apop_digest(struct slice stamp, const struct secret *password,
                      char out[SASL_APOP_OCTETS + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1 &&
              EVP_DigestUpdate(md, stamp.ptr, stamp.len) == 1 &&
              EVP_DigestUpdate(md, password->ptr, password->len) == 1 &&
              EVP_DigestFinal_ex(md, digest, &len) == 1 && len * 2 == SASL_APOP_OCTETS;
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; ok && i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return ok;
}
