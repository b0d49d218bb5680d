/* Keys of DKIM: read, described, and used (OpenSSL inside). */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "auth/auth_private.h"
#include "base/base64.h"
#include "base/mem.h"

struct dkim_key {
    EVP_PKEY *pkey;
    bool ed25519;
};

/* An encrypted key would make the library ask at the terminal, across the screen. */
static int no_password(char *out, int size, int writing, void *asked)
{
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return 0;
}

struct dkim_key *dkim_key_parse(struct slice pem, const char *name, struct err *err)
{
    bool encrypted = false;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted) : NULL;
    BIO_free(bio);
    int type = pkey ? EVP_PKEY_get_base_id(pkey) : EVP_PKEY_NONE;
    if (type == EVP_PKEY_RSA || type == EVP_PKEY_ED25519) {
        struct dkim_key *key = mem_zalloc(sizeof *key);
        key->pkey = pkey;
        key->ed25519 = type == EVP_PKEY_ED25519;
        return key;
    }
    EVP_PKEY_free(pkey);
    err_set(err, ERR_FORMAT, 0, "%.120s holds %s", name,
            encrypted ? "an encrypted key"
            : pkey    ? "a key that is neither RSA nor Ed25519"
                      : "no private key in PEM");
    err_explain(err, "DKIM signs with RSA (RFC 6376) or Ed25519 (RFC 8463)",
                encrypted ? "openssl pkey -in FILE -out PLAIN"
                          : "openssl genpkey -algorithm RSA (or ED25519) -out FILE");
    return NULL;
}

void dkim_key_free(struct dkim_key **key)
{
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    mem_free(*key);
    *key = NULL;
}

const char *dkim_key_algorithm(const struct dkim_key *key)
{
    return key->ed25519 ? "ed25519-sha256" : "rsa-sha256";
}

unsigned dkim_key_bits(const struct dkim_key *key)
{
    return (unsigned)EVP_PKEY_get_bits(key->pkey);
}

void dkim_key_record(const struct dkim_key *key, struct buf *out)
{
    buf_printf(out, "v=DKIM1; k=%s; p=", key->ed25519 ? "ed25519" : "rsa");
    if (key->ed25519) { /* RFC 8463 section 4.2: the 32 octets alone */
        uint8_t raw[32];
        size_t n = sizeof raw;
        BUG_IF(EVP_PKEY_get_raw_public_key(key->pkey, raw, &n) != 1);
        base64_encode(out, slice_of(raw, n));
        return;
    }
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key->pkey, &der);
    if (n > 0)
        base64_encode(out, slice_of(der, (size_t)n));
    OPENSSL_free(der);
}

/* RFC 8463 section 3: Ed25519 signs the SHA-256 of what RSA hashes by itself. */
bool auth_key_sign(const struct dkim_key *key, struct slice data, struct buf *out)
{
    uint8_t digest[32], signature[2048];
    size_t n = sizeof signature;
    unsigned n_digest;
    if (key->ed25519) {
        BUG_IF(EVP_Digest(data.ptr, data.len, digest, &n_digest, EVP_sha256(), NULL) != 1);
        data = slice_of(digest, n_digest);
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        ctx &&
        EVP_DigestSignInit(ctx, NULL, key->ed25519 ? NULL : EVP_sha256(), NULL, key->pkey) == 1 &&
        EVP_DigestSign(ctx, signature, &n, data.ptr, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok && base64_encode(out, slice_of(signature, n));
}

static void hash(void *ctx, struct slice piece)
{
    BUG_IF(EVP_DigestUpdate(ctx, piece.ptr, piece.len) != 1);
}

void dkim_body_hash(struct slice body, bool relaxed, struct buf *out)
{
    uint8_t digest[32];
    unsigned n;
    struct canon c;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    BUG_IF(!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1);
    canon_init(&c, relaxed ? CANON_BODY_RELAXED : CANON_BODY_SIMPLE, hash, ctx);
    canon_feed(&c, body);
    canon_end(&c, true);
    BUG_IF(EVP_DigestFinal_ex(ctx, digest, &n) != 1);
    EVP_MD_CTX_free(ctx);
    base64_encode(out, slice_of(digest, n));
}
