/* DKIM signatures: the vectors of RFC 8463 appendix A for both algorithms, the hashes of empty
 * bodies, which fields are taken, what the field looks like, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/dkim_keys.h"
#include "auth/dkim_sign.h"
#include "base/mem.h"

static const char message[] = "From: Joe SixPack <joe@football.example.com>\r\n"
                              "To: Suzie Q <suzie@shopping.example.net>\r\n"
                              "Subject: Is dinner ready?\r\n"
                              "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                              "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
                              "\r\n"
                              "Hi.\r\n"
                              "\r\n"
                              "We lost the game.  Are you hungry yet?\r\n"
                              "\r\n"
                              "Joe.\r\n";

static struct dkim_key *key_of(const char *pem)
{
    struct err err;
    struct dkim_key *key = dkim_key_parse(slice_cstr(pem), "test", &err);
    assert_non_null(key);
    return key;
}

/* RFC 8463 appendix A.3: the fields as they stand there, up to b=. */
static const struct {
    const char *pem, *field, *want, *record;
} vectors[] = {
    {DKIM_TEST_ED25519,
     "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
     " d=football.example.com; i=@football.example.com;\r\n"
     " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
     " subject : date : message-id : from : subject : date;\r\n"
     " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
     " b=",
     "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
     "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
     "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
    {DKIM_TEST_RSA,
     "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
     " d=football.example.com; i=@football.example.com;\r\n"
     " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
     " date : message-id : from : subject : date;\r\n"
     " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
     " b=",
     "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3"
     "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"
     "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
     "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
     "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
     "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
     "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
};

static void test_vectors(void **state)
{
    (void)state;
    struct mail_header header;
    mail_header_parse(slice_cstr(message), &header);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct dkim_key *key = key_of(vectors[i].pem);
        struct dkim_facts facts;
        struct err err;
        struct buf out;
        buf_init(&out, 4096);
        dkim_body_hash(header.body, true, &out);
        assert_string_equal(buf_cstr(&out), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        buf_reset(&out);
        assert_true(dkim_signature(
            key, &header, "from : to : subject : date : message-id : from : subject : date", true,
            slice_cstr(vectors[i].field), &out, &facts, &err));
        assert_string_equal(buf_cstr(&out), vectors[i].want);
        assert_int_equal(facts.n_fields, 5);
        assert_int_equal(facts.n_absent, 3);
        assert_false(facts.from_unsigned);
        buf_reset(&out);
        dkim_key_record(key, &out);
        assert_string_equal(buf_cstr(&out), vectors[i].record);
        buf_deinit(&out);
        dkim_key_free(&key);
    }
    mail_header_deinit(&header);
}

static void test_empty_bodies(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    dkim_body_hash(slice_cstr(""), false, &out);
    assert_string_equal(buf_cstr(&out), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
    buf_reset(&out);
    dkim_body_hash(slice_cstr("\r\n\r\n"), true, &out);
    assert_string_equal(buf_cstr(&out), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    buf_deinit(&out);
}

static bool sign(const char *text, const char *headers, struct buf *out, struct dkim_facts *facts,
                 struct err *err)
{
    struct dkim_key *key = key_of(DKIM_TEST_ED25519);
    struct dkim_how how = {.domain = "example.net",
                           .selector = "s1._sub",
                           .headers = headers,
                           .header_relaxed = true,
                           .time_s = 1528637909};
    bool ok = dkim_sign(key, &how, slice_cstr(text), out, facts, err);
    dkim_key_free(&key);
    return ok;
}

static void test_field(void **state)
{
    (void)state;
    struct dkim_facts facts;
    struct err err;
    struct buf out;
    buf_init(&out, DKIM_FIELD_OCTETS_MAX);
    assert_true(sign(message, NULL, &out, &facts, &err));
    const char *text = buf_cstr(&out);
    static const char start[] =
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple;\r\n d=example.net;\r\n"
        " s=s1._sub; t=1528637909;\r\n h=From:Subject:Date:To:Message-ID:From;\r\n bh=";
    assert_true(strncmp(text, start, sizeof start - 1) == 0);
    assert_int_equal(facts.n_fields, 5);
    assert_int_equal(facts.n_absent, 1);
    /* One field of lines that any server takes. */
    struct mail_header header;
    mail_header_parse(buf_slice(&out), &header);
    assert_int_equal(header.n_fields, 1);
    assert_int_equal(header.fields[0].raw.len, out.len);
    assert_int_equal(header.fields[0].flags & ~(unsigned)MAIL_FIELD_CUT, 0);
    mail_header_deinit(&header);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\r");
        assert_in_range(n, 1, 78);
        assert_true(line[n] == '\r' && line[n + 1] == '\n');
        line += n + 2;
    }
    buf_deinit(&out);
}

/* A name that stands twice takes the lower field first; a third time it stands for none. */
static void test_fields_from_below(void **state)
{
    (void)state;
    static const char lower[] = "From: a@b\r\nX: one\r\nX: two\r\n\r\n";
    static const char changed[] = "From: a@b\r\nX: ONE\r\nX: two\r\n\r\n";
    static const struct {
        const char *list;
        bool upper_counts;
        size_t n_fields, n_absent;
    } lists[] = {
        {"from:x", false, 2, 0},
        {"from:x:X", true, 3, 0},
        {"x, x x from", true, 3, 1},
        {"From:to:cc", false, 1, 2},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct buf a, b;
        struct dkim_facts facts;
        struct err err;
        buf_init(&a, DKIM_FIELD_OCTETS_MAX);
        buf_init(&b, DKIM_FIELD_OCTETS_MAX);
        assert_true(sign(lower, lists[i].list, &a, &facts, &err));
        assert_true(sign(changed, lists[i].list, &b, NULL, &err));
        assert_int_equal(slice_eq(buf_slice(&a), buf_slice(&b)), !lists[i].upper_counts);
        assert_int_equal(facts.n_fields, lists[i].n_fields);
        assert_int_equal(facts.n_absent, lists[i].n_absent);
        buf_deinit(&a);
        buf_deinit(&b);
    }
}

static void test_long_list_is_folded(void **state)
{
    (void)state;
    struct buf list, out;
    struct err err;
    struct dkim_facts facts;
    buf_init(&list, 65536);
    buf_init(&out, DKIM_FIELD_OCTETS_MAX);
    for (int i = 0; i < DKIM_LIST_MAX; i++)
        buf_printf(&list, "X-Number-%d:", i);
    assert_true(sign(message, buf_cstr(&list), &out, &facts, &err));
    assert_true(facts.from_unsigned);
    for (const char *line = buf_cstr(&out); *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\r"), 1, 78);
    buf_append_cstr(&list, "one-more");
    assert_false(sign(message, buf_cstr(&list), &out, NULL, &err));
    assert_int_equal(err.domain, ERR_LIMIT);
    buf_deinit(&list);
    buf_deinit(&out);
}

static void test_refused_messages(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "From: a@b\nTo: c\n\nx",
        "From: a@b\r\nno field\r\n\r\nx",
        "From: a\rb\r\n\r\nx",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out;
        struct err err;
        buf_init(&out, DKIM_FIELD_OCTETS_MAX);
        assert_false(sign(texts[i], NULL, &out, NULL, &err));
        assert_int_equal(err.domain, ERR_FORMAT);
        assert_int_equal(out.len, 0);
        buf_deinit(&out);
    }
}

static void test_ways(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *selector, *headers;
        bool good;
    } ways[] = {
        {"example.net", "s", NULL, true},
        {"localhost", "a.b", "From:To", true},
        {"example.net", "s", "", true},
        {"", "s", NULL, false},
        {NULL, "s", NULL, false},
        {"example.net", "", NULL, false},
        {"example..net", "s", NULL, false},
        {"example.net.", "s", NULL, false},
        {"example.net; x=y", "s", NULL, false},
        {"example.net", "s\r\nBcc: x", NULL, false},
        {"example.net", "s", "From;b=", false},
        {"example.net", "s", "From:T\xc3\xb6", false},
        {"a123456789b123456789c123456789d123456789e123456789f123456789abcd", "s", NULL, false},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct err err;
        struct dkim_how how = {
            .domain = ways[i].domain, .selector = ways[i].selector, .headers = ways[i].headers};
        if (dkim_how_check(&how, &err) != ways[i].good)
            fail_msg("way %zu: %s", i, err.text);
    }
}

static void test_keys_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pem, *says;
    } bad[] = {
        {"", "no private key"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"},
        {"-----BEGIN PRIVATE KEY-----\n" /* X25519 */
         "MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
         "-----END PRIVATE KEY-----\n",
         "neither RSA nor Ed25519"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err;
        assert_null(dkim_key_parse(slice_cstr(bad[i].pem), "the key", &err));
        assert_non_null(strstr(err.text, bad[i].says));
    }
    struct dkim_key *key = key_of(DKIM_TEST_RSA);
    assert_string_equal(dkim_key_algorithm(key), "rsa-sha256");
    assert_int_equal(dkim_key_bits(key), 1024);
    dkim_key_free(&key);
    assert_null(key);
    dkim_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_empty_bodies),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_fields_from_below),
        cmocka_unit_test(test_long_list_is_folded),
        cmocka_unit_test(test_refused_messages),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_keys_refused),
    };
    return cmocka_run_group_tests_name("auth/dkim_sign", tests, NULL, NULL);
}
