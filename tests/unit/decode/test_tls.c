/* TLS in lines: what is good and what is not, each reason of a check, and names that a hostile
 * certificate holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "base/vis.h"
#include "decode/tls.h"
#include "net/tls.h"

enum { NOW_S = 1769904000 }; /* 2026-02-01 */

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    struct view view;
    struct buf page;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    clock_manual_init(&f->clock, 1000, 0);
    f->journal = journal_new(&f->clock.clock);
    f->conn = journal_conn_new(f->journal);
    view_init(&f->view, 0);
    buf_init(&f->page, 4 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    view_deinit(&f->view);
    journal_free(&f->journal);
    buf_deinit(&f->page);
    free(f);
    return 0;
}

static const char *print(struct fixture *f, unsigned parts)
{
    view_at(&f->view, f->journal, f->conn, UINT64_MAX);
    buf_reset(&f->page);
    tls_print(&f->view, NOW_S, parts, VIS_ASCII, &f->page);
    for (size_t i = 0; i < f->page.len; i++)
        assert_true(f->page.ptr[i] == '\n' || (f->page.ptr[i] >= ' ' && f->page.ptr[i] < 127));
    return buf_cstr(&f->page);
}

static void holds(const char *page, const char *part)
{
    if (!strstr(page, part))
        fail_msg("\"%s\" is not in:\n%s", part, page);
}

#define SAY(f, KIND, ...) JOURNAL_APPEND((f)->journal, (f)->conn, KIND, 0, 0, __VA_ARGS__)

/* ---- certificates ---- */

struct general_name {
    int type;
    int string_type;
    const char *octets;
    size_t n;
};

static void add_names(X509 *cert, const struct general_name *names, size_t n)
{
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; i < n; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *text = ASN1_STRING_type_new(names[i].string_type);
        ASN1_STRING_set(text, names[i].octets, (int)names[i].n);
        GENERAL_NAME_set0_value(name, names[i].type, text);
        sk_GENERAL_NAME_push(list, name);
    }
    X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0);
    sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
}

/* A certificate with that CN and those names; TLS_CHAIN at depth. */
static void chain(struct fixture *f, unsigned depth, int cn_type, const char *cn, size_t cn_octets,
                  const struct general_name *names, size_t n)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    uint8_t *der = NULL;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 255);
    ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(cert), "20260210000000Z");
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, cn_type,
                               (const uint8_t *)cn, (int)cn_octets, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)"Some CA", -1, -1, 0);
    if (n > 0)
        add_names(cert, names, n);
    X509_sign(cert, key, EVP_sha256());
    int len = i2d_X509(cert, &der);
    assert_true(len > 0);
    SAY(f, TLS_CHAIN, (struct ev_tls_chain){.depth = depth, .der = slice_of(der, (size_t)len)});
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
}

#define DNS(text)                                                                                  \
    {                                                                                              \
        GEN_DNS, V_ASN1_IA5STRING, text, sizeof(text) - 1                                          \
    }
#define MAIL(text)                                                                                 \
    {                                                                                              \
        GEN_EMAIL, V_ASN1_IA5STRING, text, sizeof(text) - 1                                        \
    }
#define CN(type, text) type, text, sizeof(text) - 1

static void test_chain_page(void **state)
{
    struct fixture *f = *state;
    static const struct general_name names[] = {DNS("other.example"), DNS("*.example.org")};
    SAY(f, TLS_VERIFY,
        (struct ev_tls_verify){.mode = VERIFY_FULL,
                               .ok = 1,
                               .reason = SLICE_LIT("ok"),
                               .name = SLICE_LIT("mx.example.org")});
    chain(f, 0, CN(MBSTRING_ASC, "mx.example.org"), names, 2);
    chain(f, 1, CN(MBSTRING_ASC, "Not that CA"), NULL, 0);
    const char *page = print(f, TLS_PRINT_CHAIN);
    holds(page, "subject     CN=mx.example.org\n");
    holds(page, "names       other.example *.example.org (fits)\n");
    holds(page, "valid       2026-01-01 to 2026-02-10, 9 days left\n");
    holds(page, "! it is high time to renew it");
    holds(page, "serial      FF\n");
    holds(page, "TLSA        3 1 1 ");
    holds(page, "TLSA        2 1 1 ");
    holds(page, "the next certificate is not its issuer");
}

/* Names that try to end, split, hide or redraw what is shown. */
static void test_hostile_names(void **state)
{
    struct fixture *f = *state;
    static const struct general_name names[] = {
        DNS("bank.example\0.evil.example"), DNS("a.example b.example"),
        DNS("esc\x1b[2J.example"),          DNS("back\\x00slash.example"),
        DNS("\xe2\x80\xae.example"),        DNS("\x9b.example"),
        MAIL("x@y\r\nz.example"),           DNS(""),
    };
    SAY(f, TLS_VERIFY,
        (struct ev_tls_verify){.mode = VERIFY_FULL,
                               .name = SLICE_LIT("bank.example"),
                               .reason = SLICE_LIT("wrong-name")});
    chain(f, 0, CN(V_ASN1_UTF8STRING, "bank.example\0.evil.example"), names,
          sizeof(names) / sizeof(*names));
    const char *page = print(f, TLS_PRINT_CHAIN);
    holds(page, "bank.example\\x00.evil.example a.example\\x20b.example ");
    holds(page, " esc\\x1B[2J.example back\\x5Cx00slash.example ");
    holds(page, "x@y\\x0D\\x0Az.example");
    holds(page, "! none of them is the name that was asked for");
    assert_null(strstr(page, "(fits)"));
    assert_null(strstr(page, "CN=bank.example\n"));
    assert_int_equal(f->view.certs[0].n_names, sizeof(names) / sizeof(*names));
}

static void test_hostile_subjects(void **state)
{
    static const struct {
        int type;
        const char *octets;
        size_t n;
        const char *shown;
    } rows[] = {
        {CN(V_ASN1_UTF8STRING, "\x1b]0;owned\x07"), "CN=\\1B]0\\;owned\\07"},
        {CN(V_ASN1_UTF8STRING, "a,O=Bank"), "CN=a\\,O=Bank"},
        {CN(V_ASN1_T61STRING, "\xff\xfe"), "CN="},
        {CN(V_ASN1_BMPSTRING, "\0b\0a\0n\0k"), "CN=bank"},
        {CN(V_ASN1_UTF8STRING, "\xe2\x80\xae"
                               "knab"),
         "CN=<202E>knab"},
        {CN(V_ASN1_OCTET_STRING, "\x00\x01"), "CN="},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        chain(f, 0, rows[i].type, rows[i].octets, rows[i].n, NULL, 0);
        holds(print(f, TLS_PRINT_CHAIN), rows[i].shown);
    }
}

/* Ten thousand names, and one of 60 000 octets: counted, not all kept. */
static void test_many_names(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 10000 };
    struct general_name *names = calloc(MANY, sizeof(*names));
    char *big = malloc(60000);
    assert_non_null(names);
    assert_non_null(big);
    memset(big, 'x', 60000);
    for (size_t i = 0; i < MANY; i++)
        names[i] = (struct general_name)DNS("name.example");
    names[3] = (struct general_name){GEN_DNS, V_ASN1_IA5STRING, big, 60000};
    chain(f, 0, CN(MBSTRING_ASC, "many"), names, MANY);
    holds(print(f, TLS_PRINT_CHAIN), "... 10000 in all\n");
    assert_true(strlen(f->view.certs[0].names) <= 4096);
    free(big);
    free(names);
}

static void test_names_fit(void **state)
{
    static const struct {
        const char *pattern, *host;
        bool fits;
    } rows[] = {
        {"mx.example", "MX.example", true},
        {"mx.example", "mx.example.", true},
        {"*.example", "mx.example", true},
        {"*.example", "a.mx.example", false},
        {"*.example", "example", false},
        {"*", "example", false},
        {"m*.example", "mx.example", false},
        {"*.example", ".example", false},
        {"", "", false},
        {"mx.example", "mx.example.net", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (tls_name_fits(slice_cstr(rows[i].pattern), slice_cstr(rows[i].host)) != rows[i].fits)
            fail_msg("%s %s", rows[i].pattern, rows[i].host);
}

/* ---- session ---- */

static void test_session_page(void **state)
{
    struct fixture *f = *state;
    SAY(f, TLS_START,
        (struct ev_tls_start){.via = TLS_VIA_STARTTLS, .sni = SLICE_LIT("mx.example")});
    SAY(f, TLS_UP,
        (struct ev_tls_up){.version = SLICE_LIT("TLSv1.1"),
                           .cipher = SLICE_LIT("TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
                           .bits = 112,
                           .resumed = 1,
                           .elapsed_us = 2500});
    const char *page = print(f, TLS_PRINT_SESSION);
    holds(page, "version     TLSv1.1\n");
    holds(page, "! old: not to be used any more (RFC 8996)");
    holds(page, "! old: 64-bit blocks");
    holds(page, "strength    112 bit\n");
    holds(page, "begun by    STARTTLS (RFC 3207)\n");
    holds(page, "SNI         mx.example\n");
    holds(page, "ALPN        none was agreed\n");
    holds(page, "resumed     yes");
    holds(page, "took        2.5 ms\n");
    assert_null(strstr(page, "group"));
}

static void test_grades(void **state)
{
    static const struct {
        enum tls_grade (*of)(const char *, const char **);
        const char *name;
        enum tls_grade grade;
    } rows[] = {
        {tls_grade_version, "TLSv1.3", TLS_GOOD},
        {tls_grade_version, "TLSv1.2", TLS_GOOD},
        {tls_grade_version, "TLSv1", TLS_OLD},
        {tls_grade_version, "SSLv3", TLS_BROKEN},
        {tls_grade_version, "TLSv2", TLS_GOOD},
        {tls_grade_cipher, "TLS_AES_256_GCM_SHA384", TLS_GOOD},
        {tls_grade_cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", TLS_GOOD},
        {tls_grade_cipher, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", TLS_OLD},
        {tls_grade_cipher, "TLS_RSA_WITH_AES_128_GCM_SHA256", TLS_OLD},
        {tls_grade_cipher, "TLS_RSA_WITH_RC4_128_MD5", TLS_BROKEN},
        {tls_grade_cipher, "TLS_DH_anon_WITH_AES_128_CBC_SHA", TLS_BROKEN},
        {tls_grade_cipher, "TLS_RSA_WITH_NULL_SHA256", TLS_BROKEN},
        {tls_grade_signature, "sha1WithRSAEncryption", TLS_OLD},
        {tls_grade_signature, "md5WithRSAEncryption", TLS_BROKEN},
        {tls_grade_signature, "ecdsa-with-SHA256", TLS_GOOD},
        {tls_grade_signature, NULL, TLS_GOOD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *why = NULL;
        enum tls_grade g = rows[i].of(rows[i].name, &why);
        if (g != rows[i].grade)
            fail_msg("%s: %s", rows[i].name, tls_grade_name(g));
        assert_int_equal(why[0] == '\0', g == TLS_GOOD);
    }
}

static void test_plain_text_instead(void **state)
{
    struct fixture *f = *state;
    SAY(f, TLS_START, (struct ev_tls_start){.via = TLS_VIA_IMPLICIT});
    SAY(f, TLS_ALERT, (struct ev_tls_alert){.dir = DIR_S, .fatal = 1, .number = 70});
    SAY(f, TLS_ALERT, (struct ev_tls_alert){.dir = DIR_C, .fatal = 0, .number = 250});
    SAY(f, TLS_FAIL,
        (struct ev_tls_fail){.text = SLICE_LIT("wrong version number"),
                             .stage = SLICE_LIT("handshake"),
                             .got = SLICE_LIT("220 mx.example ESMTP\r\n")});
    const char *page = print(f, TLS_PRINT_ALL);
    holds(page, "failed      wrong version number\n");
    holds(page, "came        220 mx.example ESMTP^M^J\n");
    holds(page, "! that is a reply in plain text");
    holds(page, "<S  protocol_version, fatal (70): no common TLS version");
    holds(page, "C>  alert (250): ");
}

/* ---- the check ---- */

/* Every word that net can say is explained, and every row of the table has somebody to look at. */
static void test_every_reason_has_a_row(void **state)
{
    struct fixture *f = *state;
    for (long code = 0; code < 120; code++) {
        const char *word = tls_verify_reason(code);
        if (!tls_verify_info(word))
            fail_msg("no row for \"%s\"", word);
    }
    for (size_t i = 0; tls_verify_info_at(i); i++) {
        const struct tls_verify_info *row = tls_verify_info_at(i);
        assert_true(row->meaning[0] && row->look_at[0]);
        assert_true(strncmp(row->rfc, "RFC ", 4) == 0);
        assert_string_equal(explain_verify(row->reason), row->meaning);
        SAY(f, TLS_VERIFY,
            (struct ev_tls_verify){.mode = VERIFY_CHAIN,
                                   .reason = slice_cstr(row->reason),
                                   .text = SLICE_LIT("library's words"),
                                   .depth = 2});
        const char *page = print(f, TLS_PRINT_CHECK);
        holds(page, row->meaning);
        holds(page, "result      NOT ok\n");
        holds(page, "certificate 2 of the chain");
        holds(page, "library's words");
    }
    assert_null(tls_verify_info("no such reason"));
}

/* ---- OCSP ---- */

/* TLS_OCSP with a response of 2026-01-31 that says this of the certificate with serial number 255,
 * behind one that says "unknown" of another. */
static void staple(struct fixture *f, const char *status, int says, bool next)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    ASN1_TIME *from = ASN1_TIME_new(), *until = ASN1_TIME_new();
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    uint8_t *der = NULL;
    assert_true(ASN1_TIME_set_string(from, "20260131000000Z"));
    assert_true(ASN1_TIME_set_string(until, "20260207000000Z"));
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)"Some CA", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    for (long serial = 254; serial <= 255; serial++) {
        int status_of = serial == 255 ? says : V_OCSP_CERTSTATUS_UNKNOWN;
        ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
        OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, cert);
        ASN1_TIME *when = status_of == V_OCSP_CERTSTATUS_REVOKED ? from : NULL;
        assert_non_null(OCSP_basic_add1_status(basic, id, status_of, 0, when, from,
                                               next && serial == 255 ? until : NULL));
        OCSP_CERTID_free(id);
    }
    assert_int_equal(OCSP_basic_sign(basic, cert, key, EVP_sha256(), NULL, OCSP_NOCERTS), 1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int len = i2d_OCSP_RESPONSE(response, &der);
    assert_true(len > 0);
    SAY(f, TLS_OCSP,
        (struct ev_tls_ocsp){.status = slice_cstr(status),
                             .text = SLICE_LIT("net's own words"),
                             .der = slice_of(der, (size_t)len)});
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_ocsp(void **state)
{
    static const struct {
        const char *status;
        int says;
        bool next;
        const char *row; /* between what it says and "produced" */
        bool remark;
    } rows[] = {
        {"good", V_OCSP_CERTSTATUS_GOOD, true, "OCSP        good, verified, produced ", false},
        {"good", V_OCSP_CERTSTATUS_GOOD, false, "OCSP        good, verified, produced ", false},
        {"revoked", V_OCSP_CERTSTATUS_REVOKED, true, "OCSP        revoked, verified, pro", true},
        {"unknown", V_OCSP_CERTSTATUS_UNKNOWN, true, "OCSP        unknown, verified, pro", true},
        {"stale", V_OCSP_CERTSTATUS_GOOD, true,
         "OCSP        good, verified, but its time is over or not come yet, produced ", false},
        {"bad-signature", V_OCSP_CERTSTATUS_GOOD, true,
         "OCSP        good, NOT verified: not signed by the certificate's issuer, produ", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        SAY(f, TLS_START, (struct ev_tls_start){.via = TLS_VIA_IMPLICIT});
        chain(f, 0, CN(MBSTRING_ASC, "mx.example"), NULL, 0);
        staple(f, rows[i].status, rows[i].says, rows[i].next);
        const char *page = print(f, TLS_PRINT_CHECK);
        holds(page, rows[i].row);
        holds(page, rows[i].next ? ", next update 2026-02-07\n" : ", no next update said\n");
        assert_int_equal(strstr(page, "! net's own words") != NULL, rows[i].remark);
    }
    /* A new handshake without one shows nothing of the old one. */
    SAY(f, TLS_START, (struct ev_tls_start){.via = TLS_VIA_IMPLICIT});
    assert_string_equal(print(f, TLS_PRINT_CHECK), "");
}

/* What does not read, and what was never there, has no dates. */
static void test_ocsp_without_a_response(void **state)
{
    static const char *const octets[] = {"", "\x30", "\x30\x84\xff\xff\xff\xff", "220 no DER"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(octets) / sizeof(*octets); i++) {
        SAY(f, TLS_OCSP,
            (struct ev_tls_ocsp){.status = i == 0 ? SLICE_LIT("none") : SLICE_LIT("malformed"),
                                 .text = SLICE_LIT("net's own words"),
                                 .der = slice_cstr(octets[i])});
        assert_string_equal(print(f, TLS_PRINT_CHECK), "  OCSP        net's own words\n");
        assert_null(f->view.ocsp_says);
    }
}

static void test_nothing_without_tls(void **state)
{
    assert_string_equal(print(*state, TLS_PRINT_ALL), "");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_chain_page),
        TEST(test_hostile_names),
        TEST(test_hostile_subjects),
        TEST(test_many_names),
        TEST(test_names_fit),
        TEST(test_session_page),
        TEST(test_grades),
        TEST(test_plain_text_instead),
        TEST(test_every_reason_has_a_row),
        TEST(test_ocsp),
        TEST(test_ocsp_without_a_response),
        TEST(test_nothing_without_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
