/* How good what TLS agreed on is, and what its check means: tables and small judgements. */
#include "decode/tls.h"

#include <string.h>

static const struct tls_verify_info verify_rows[] = {
#include "decode/verify-reasons.inc"
};
enum { N_VERIFY_ROWS = sizeof(verify_rows) / sizeof(*verify_rows) };

const struct tls_verify_info *tls_verify_info_at(size_t index)
{
    return index < N_VERIFY_ROWS ? &verify_rows[index] : NULL;
}

const struct tls_verify_info *tls_verify_info(const char *reason)
{
    for (size_t i = 0; reason && i < N_VERIFY_ROWS; i++)
        if (strcmp(reason, verify_rows[i].reason) == 0)
            return &verify_rows[i];
    return NULL;
}

const char *tls_grade_name(enum tls_grade g)
{
    static const char *const names[TLS_GRADE__COUNT] = {"good", "old", "broken"};
    return g < TLS_GRADE__COUNT ? names[g] : "good";
}

struct grade_row {
    const char *part; /* anywhere in the name, case ignored */
    enum tls_grade grade;
    const char *why;
};

static const struct grade_row versions[] = {
    {"SSL", TLS_BROKEN, "SSL is broken: anybody on the way can read it (RFC 7568)"},
    {"TLSv1.1", TLS_OLD, "not to be used any more (RFC 8996)"},
    {"TLSv1.2", TLS_GOOD, ""},
    {"TLSv1.3", TLS_GOOD, ""},
    {"TLSv1", TLS_OLD, "not to be used any more (RFC 8996)"},
};
static const struct grade_row ciphers[] = {
    {"_NULL_", TLS_BROKEN, "nothing is encrypted (RFC 9325 section 4.1)"},
    {"_anon_", TLS_BROKEN,
     "nobody is authenticated: whoever stands between can read all (RFC 9325 "
     "section 4.1)"},
    {"EXPORT", TLS_BROKEN, "made weak on purpose, in the nineties (RFC 9325 section 4.1)"},
    {"_RC4_", TLS_BROKEN, "RC4 can be read (RFC 7465)"},
    {"_DES_", TLS_BROKEN, "DES keys are too short (RFC 9325 section 4.1)"},
    {"3DES", TLS_OLD, "64-bit blocks: long sessions leak (RFC 9325 section 4.1)"},
    {"TLS_RSA_", TLS_OLD,
     "no forward secrecy: whoever gets the key later reads all that was "
     "recorded (RFC 9325 section 4.1)"},
    {"_CBC_", TLS_OLD, "CBC mode: needs care against timing (RFC 9325 section 4.2)"},
};
static const struct grade_row signatures[] = {
    {"md5", TLS_BROKEN, "MD5 signatures can be forged (RFC 9155)"},
    {"sha1", TLS_OLD, "SHA-1 signatures can be forged with money (RFC 9155)"},
};

static bool holds(const char *name, const char *part)
{
    struct slice s = slice_cstr(name), p = slice_cstr(part);
    for (; s.len >= p.len; s = slice_skip(s, 1))
        if (slice_starts_nocase(s, p))
            return true;
    return false;
}

static enum tls_grade grade(const struct grade_row *rows, size_t n, const char *name,
                            const char **why_out)
{
    if (why_out)
        *why_out = "";
    for (size_t i = 0; name && i < n; i++) {
        if (!holds(name, rows[i].part))
            continue;
        if (why_out)
            *why_out = rows[i].why;
        return rows[i].grade;
    }
    return TLS_GOOD;
}

enum tls_grade tls_grade_version(const char *version, const char **why_out)
{
    return grade(versions, sizeof(versions) / sizeof(*versions), version, why_out);
}

enum tls_grade tls_grade_cipher(const char *cipher, const char **why_out)
{
    return grade(ciphers, sizeof(ciphers) / sizeof(*ciphers), cipher, why_out);
}

enum tls_grade tls_grade_signature(const char *signature, const char **why_out)
{
    return grade(signatures, sizeof(signatures) / sizeof(*signatures), signature, why_out);
}

bool tls_name_fits(struct slice pattern, struct slice host)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (!slice_starts(pattern, SLICE_LIT("*.")))
        return pattern.len > 0 && slice_eq_nocase(pattern, host);
    ptrdiff_t dot = slice_find_octet(host, '.');
    return dot > 0 && slice_eq_nocase(slice_skip(pattern, 1), slice_skip(host, (size_t)dot));
}
