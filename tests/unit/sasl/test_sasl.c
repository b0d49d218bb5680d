/* SASL exchanges with client and server joined, and what is said about their steps. */
#include "sasl/sasl.h"

#include "base/base64.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct sasl_channel exporter = {.has_exporter = true,
                                             .exporter = "0123456789abcdef0123456789abcde"};
static const struct sasl_channel other_exporter = {.has_exporter = true,
                                                   .exporter = "another connection's exporter v"};
static const struct sasl_channel unique = {.unique = "finished 12 ", .unique_octets = 12};
static const struct sasl_channel both = {.has_exporter = true,
                                         .exporter = "0123456789abcdef0123456789abcde",
                                         .unique = "finished 12 ",
                                         .unique_octets = 12};

static bool lookup(void *ctx, const char *user, struct secret *password_out)
{
    unsigned *calls = ctx;
    if (calls != NULL)
        ++*calls;
    if (strcmp(user, "ann") != 0)
        return false;
    secret_set(password_out, SLICE_LIT("s3cret,=\\pass"));
    return true;
}

struct party {
    const char *mechanism, *user, *authzid, *password;
    const struct sasl_channel *client_channel, *server_channel;
    const char *external;
    const char *token;
};

/* "tok-ann" is ann's. */
static bool check_token(void *ctx, const char *user, struct slice token, struct buf *user_out)
{
    (void)ctx;
    bool good = slice_eq(token, SLICE_LIT("tok-ann")) && (!user[0] || !strcmp(user, "ann"));
    return good && buf_append_cstr(user_out, "ann");
}

struct outcome {
    enum sasl_result client, server;
    char user[64];
    char said[8192]; /* every step described */
    char raw[8192];  /* every step as it was */
    size_t raw_len;
    char reason[256];
};

static void note(struct outcome *o, const char *mechanism, bool from_client, unsigned step,
                 struct slice octets)
{
    struct buf text;
    buf_init(&text, 4000);
    sasl_describe(mechanism, from_client, step, octets, &text);
    size_t at = strlen(o->said);
    snprintf(o->said + at, sizeof(o->said) - at, "%s: %s\n", from_client ? "C" : "S",
             buf_cstr(&text));
    buf_deinit(&text);
    assert_true(o->raw_len + octets.len < sizeof(o->raw));
    if (octets.len > 0)
        memcpy(o->raw + o->raw_len, octets.ptr, octets.len);
    o->raw_len += octets.len;
}

/* Runs both sides until one ends or nothing moves; as SMTP does, octets that come with the server's
 * end are one more challenge. */
static void run(const struct party *p, struct outcome *o)
{
    struct err err = {0};
    struct secret password, token;
    struct buf c_out, s_out;
    memset(o, 0, sizeof(*o));
    secret_init(&password);
    if (p->password != NULL)
        secret_set(&password, slice_cstr(p->password));
    buf_init(&c_out, 65536);
    buf_init(&s_out, 65536);
    secret_init(&token);
    if (p->token != NULL)
        secret_set(&token, slice_cstr(p->token));
    struct sasl_credentials cred = {.user = p->user,
                                    .authzid = p->authzid,
                                    .password = &password,
                                    .token = &token,
                                    .service = "smtp",
                                    .host = "mail.test",
                                    .port = 587,
                                    .channel = p->client_channel};
    struct sasl_server_options options = {.lookup = lookup,
                                          .token = check_token,
                                          .host = "mail.test",
                                          .channel = p->server_channel,
                                          .external = p->external};
    struct sasl *c = sasl_client_new(p->mechanism, &cred, &err);
    assert_non_null(c);
    struct sasl *s = sasl_server_open(p->mechanism, &options, &err);
    assert_non_null(s);
    o->client = o->server = SASL_CONTINUE;
    struct slice to_server = slice_of(NULL, 0);
    unsigned c_steps = 0, s_steps = 0;
    if (sasl_client_first(c)) {
        o->client = sasl_step(c, slice_of(NULL, 0), &c_out, &err);
        note(o, p->mechanism, true, ++c_steps, buf_slice(&c_out));
        to_server = slice_of(c_out.ptr != NULL ? c_out.ptr : (const uint8_t *)"", c_out.len);
    }
    for (int i = 0; i < 10 && o->server == SASL_CONTINUE && o->client <= SASL_DONE; i++) {
        o->server = sasl_step(s, to_server, &s_out, &err);
        if (o->server > SASL_DONE || (o->server == SASL_DONE && o->client == SASL_DONE))
            break;
        note(o, p->mechanism, false, ++s_steps, buf_slice(&s_out));
        o->client = sasl_step(c, buf_slice(&s_out), &c_out, &err);
        note(o, p->mechanism, true, ++c_steps, buf_slice(&c_out));
        to_server = buf_slice(&c_out);
    }
    snprintf(o->reason, sizeof(o->reason), "%.*s", SLICE_ARG(sasl_server_reason(c)));
    if (sasl_user(s) != NULL)
        snprintf(o->user, sizeof(o->user), "%s", sasl_user(s));
    sasl_free(&c);
    sasl_free(&s);
    assert_null(c);
    buf_deinit(&c_out);
    buf_deinit(&s_out);
    secret_clear(&password);
    secret_clear(&token);
}

static void expect_step(struct sasl *s, struct slice in, enum sasl_result want,
                        const char *want_out)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, 65536);
    assert_int_equal(sasl_step(s, in, &out, &err), want);
    assert_string_equal(buf_cstr(&out), want_out);
    assert_int_equal(want == SASL_FAILED, err.text[0] != '\0');
    buf_deinit(&out);
}

static const char *const with_password[] = {
    "PLAIN",       "LOGIN",         "CRAM-MD5",         "DIGEST-MD5",
    "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
};
#define N_WITH_PASSWORD (sizeof(with_password) / sizeof(with_password[0]))

static void test_good_password(void **state)
{
    (void)state;
    struct outcome o;
    for (size_t i = 0; i < N_WITH_PASSWORD; i++) {
        struct party p = {with_password[i], "ann",     NULL, "s3cret,=\\pass",
                          &exporter,        &exporter, NULL, NULL};
        run(&p, &o);
        if (o.client != SASL_DONE || o.server != SASL_DONE)
            fail_msg("%s: client %d server %d\n%s", p.mechanism, o.client, o.server, o.said);
        assert_string_equal(o.user, "ann");
        assert_null(strstr(o.said, "s3cret"));
        assert_non_null(strstr(o.said, "hidden"));
        assert_non_null(strstr(o.said, "ann"));
        assert_null(strstr(o.said, "does not read"));
    }
}

static void test_bad_credentials(void **state)
{
    (void)state;
    struct outcome o;
    for (size_t i = 0; i < N_WITH_PASSWORD; i++) {
        struct party wrong = {with_password[i], "ann",     NULL, "s3cret",
                              &exporter,        &exporter, NULL, NULL};
        struct party nobody = {with_password[i], "bob",     NULL, "s3cret,=\\pass",
                               &exporter,        &exporter, NULL, NULL};
        run(&wrong, &o);
        assert_int_equal(o.server, SASL_REFUSED);
        assert_string_equal(o.user, "");
        run(&nobody, &o);
        assert_int_equal(o.server, SASL_REFUSED);
        assert_string_equal(o.user, "");
    }
}

static void test_authzid(void **state)
{
    (void)state;
    static const char *const carry[] = {"PLAIN", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"};
    struct outcome o;
    for (size_t i = 0; i < sizeof(carry) / sizeof(carry[0]); i++) {
        struct party own = {carry[i], "ann", "ann", "s3cret,=\\pass", NULL, NULL, NULL, NULL};
        struct party other = {carry[i], "ann", "root", "s3cret,=\\pass", NULL, NULL, NULL, NULL};
        run(&own, &o);
        assert_int_equal(o.server, SASL_DONE);
        run(&other, &o);
        assert_int_equal(o.server, SASL_REFUSED);
        assert_string_equal(o.user, "");
        assert_non_null(strstr(o.said, "authzid"));
    }
}

static void test_plus_binds(void **state)
{
    (void)state;
    struct outcome o;
    struct party same = {
        "SCRAM-SHA-256-PLUS", "ann", NULL, "s3cret,=\\pass", &exporter, &exporter, NULL, NULL};
    struct party moved = same;
    moved.server_channel = &other_exporter;
    run(&same, &o);
    assert_int_equal(o.server, SASL_DONE);
    assert_non_null(strstr(o.said, "channel binding tls-exporter"));
    run(&moved, &o);
    assert_true(o.server == SASL_REFUSED || o.server == SASL_FAILED);
    assert_string_equal(o.user, "");
    /* TLS 1.2: what the client has decides, and a server has to have it too. */
    static const struct {
        const struct sasl_channel *client, *server;
        const char *said;
        bool good;
    } cases[] = {
        {&unique, &unique, "channel binding tls-unique", true},
        {&unique, &both, "channel binding tls-unique", true},
        {&both, &both, "channel binding tls-exporter", true},
        {&exporter, &both, "channel binding tls-exporter", true},
        {&unique, &exporter, "channel binding tls-unique", false},
        {&exporter, &unique, "channel binding tls-exporter", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct party p = same;
        p.client_channel = cases[i].client;
        p.server_channel = cases[i].server;
        run(&p, &o);
        assert_int_equal(o.server == SASL_DONE, cases[i].good);
        assert_non_null(strstr(o.said, cases[i].said));
    }
}

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *user, *token;
        bool good;
    } cases[] = {
        {"OAUTHBEARER", "ann", "tok-ann", true},  {"OAUTHBEARER", NULL, "tok-ann", true},
        {"OAUTHBEARER", "bob", "tok-ann", false}, {"OAUTHBEARER", "ann", "tok-bob", false},
        {"XOAUTH2", "ann", "tok-ann", true},      {"XOAUTH2", "ann", "tok-bob", false},
        {"XOAUTH2", "a,b", "tok-ann", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o;
        struct party p = {
            .mechanism = cases[i].mechanism, .user = cases[i].user, .token = cases[i].token};
        run(&p, &o);
        assert_int_equal(o.server, cases[i].good ? SASL_DONE : SASL_REFUSED);
        assert_string_equal(o.user, cases[i].good ? "ann" : "");
        assert_int_equal(strstr(o.reason, "status") != NULL, !cases[i].good);
        assert_int_equal(strstr(o.said, "refused, because {") != NULL, !cases[i].good);
        assert_null(strstr(o.said, "tok-"));
    }
    struct err err = {0};
    struct sasl *c = sasl_client_new("XOAUTH2", &(struct sasl_credentials){.token = NULL}, &err);
    assert_null(c);
    c = sasl_client_new("OAUTHBEARER", &(struct sasl_credentials){.user = "ann"}, &err);
    expect_step(c, slice_of(NULL, 0), SASL_FAILED, "");
    sasl_free(&c);
}

/* RFC 7628 sections 3.1 and 4.1, and what the grammar leaves out. */
static void test_token_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *step;
        bool reads;
    } cases[] = {
        {"OAUTHBEARER", "n,a=ann,\1host=h.test\1port=143\1auth=Bearer tok-ann\1\1", true},
        {"OAUTHBEARER", "n,,\1auth=bearer tok-ann\1\1", true},
        {"OAUTHBEARER", "y,,\1auth=Bearer tok-ann\1\1", true},
        {"OAUTHBEARER", "n,,\1auth=Bearer tok-ann\1unknown=x y\1\1", true},
        {"OAUTHBEARER", "n,a=ann,\1auth=Bearer tok-ann\1", false},
        {"OAUTHBEARER", "n,a=ann,\1auth=Basic tok-ann\1\1", false},
        {"OAUTHBEARER", "n,a=ann,\1auth=Bearer tok ann\1\1", false},
        {"OAUTHBEARER", "n,a=ann,\1auth=Bearer \1\1", false},
        {"OAUTHBEARER", "n,a=ann,\1host=h\1\1", false},
        {"OAUTHBEARER", "n,b=ann,\1auth=Bearer tok-ann\1\1", false},
        {"OAUTHBEARER", "p=tls-unique,,\1auth=Bearer tok-ann\1\1", false},
        {"OAUTHBEARER", "n,,auth=Bearer tok-ann\1\1", false},
        {"OAUTHBEARER", "n,,\1au th=Bearer tok-ann\1\1", false},
        {"OAUTHBEARER", "n,,\1auth=Bearer tok-ann\1\1x", false},
        {"OAUTHBEARER", "user=ann\1auth=Bearer tok-ann\1\1", false},
        {"OAUTHBEARER", "n", false},
        {"XOAUTH2", "user=ann\1auth=Bearer tok-ann\1\1", true},
        {"XOAUTH2", "auth=Bearer tok-ann\1\1", false},
        {"XOAUTH2", "user=ann\1\1", false},
        {"XOAUTH2", "user=ann\1auth=Bearer tok-ann\1", false},
        {"XOAUTH2", "\1", false},
    };
    struct sasl_server_options options = {.token = check_token};
    struct err err = {0};
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sasl *s = sasl_server_open(cases[i].mechanism, &options, &err);
        enum sasl_result r = sasl_step(s, slice_cstr(cases[i].step), &out, &err);
        if ((r == SASL_DONE) != cases[i].reads)
            fail_msg("case %zu: %d", i, r);
        sasl_free(&s);
    }
    buf_deinit(&out);
}

/* MS-NLMP section 4.2.2: the response of version 1 to a challenge known beforehand. */
static void test_ntlm_known_answer(void **state)
{
    (void)state;
    static const uint8_t challenge[] = "NTLMSSP\0\2\0\0\0\0\0\0\0\x38\0\0\0\x01\x02\0\0"
                                       "\x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0"
                                       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const uint8_t response[] = "\x67\xc4\x30\x11\xf3\x02\x98\xa2\xad\x35\xec\xe6\x4f"
                                      "\x16\x33\x1c\x44\xbd\xbe\xd9\x27\x84\x1f\x94";
    struct err err = {0};
    struct secret password;
    struct buf out, words;
    if (!sasl_client_supported("NTLM"))
        skip();
    secret_init(&password);
    secret_set(&password, SLICE_LIT("Password"));
    buf_init(&out, 4000);
    buf_init(&words, 4000);
    struct sasl *c = sasl_client_new(
        "NTLM", &(struct sasl_credentials){.user = "User", .password = &password}, &err);
    assert_non_null(c);
    assert_true(sasl_client_first(c));
    assert_int_equal(sasl_step(c, slice_of(NULL, 0), &out, &err), SASL_CONTINUE);
    sasl_describe("NTLM", true, 1, buf_slice(&out), &words);
    assert_string_equal(buf_cstr(&words), "asks for a challenge");
    assert_int_equal(sasl_step(c, slice_of(challenge, sizeof(challenge)), &out, &err), SASL_DONE);
    assert_true(slice_find(buf_slice(&out), slice_of(response, 24)) >= 0);
    buf_reset(&words);
    sasl_describe("NTLM", true, 2, buf_slice(&out), &words);
    assert_non_null(strstr(buf_cstr(&words), "user User"));
    assert_non_null(strstr(buf_cstr(&words), "responses hidden (48 octets)"));
    sasl_free(&c);
    buf_deinit(&out);
    buf_deinit(&words);
    secret_clear(&password);
}

static void test_traits(void **state)
{
    (void)state;
    assert_int_equal(sasl_traits("NOSUCH"), 0);
    assert_true(sasl_traits("plain") & SASL_SHOWS_SECRET);
    assert_true(sasl_traits("SCRAM-SHA-256") & SASL_PROVES_SERVER);
    assert_false(sasl_traits("SCRAM-SHA-256") & (SASL_WANTS_CHANNEL | SASL_SHOWS_SECRET));
    assert_true(sasl_traits("SCRAM-SHA-1-PLUS") & SASL_WANTS_CHANNEL);
    assert_true(sasl_traits("OAUTHBEARER") & SASL_WANTS_TOKEN);
    assert_false(sasl_traits("OAUTHBEARER") & SASL_WANTS_PASSWORD);
}

static void test_external_and_anonymous(void **state)
{
    (void)state;
    struct outcome o;
    const struct {
        struct party p;
        enum sasl_result server;
        const char *user;
    } cases[] = {
        {{"EXTERNAL", NULL, NULL, NULL, NULL, NULL, "ann", NULL}, SASL_DONE, "ann"},
        {{"EXTERNAL", NULL, "ann", NULL, NULL, NULL, "ann", NULL}, SASL_DONE, "ann"},
        {{"EXTERNAL", NULL, "bob", NULL, NULL, NULL, "ann", NULL}, SASL_REFUSED, ""},
        {{"EXTERNAL", NULL, NULL, NULL, NULL, NULL, NULL, NULL}, SASL_REFUSED, ""},
        {{"EXTERNAL", NULL, "ann", NULL, NULL, NULL, NULL, NULL}, SASL_REFUSED, ""},
        {{"ANONYMOUS", NULL, NULL, NULL, NULL, NULL, NULL, NULL}, SASL_DONE, "anonymous"},
        {{"ANONYMOUS", "guest@x.test", NULL, NULL, NULL, NULL, NULL, NULL}, SASL_DONE, "anonymous"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&cases[i].p, &o);
        assert_int_equal(o.server, cases[i].server);
        assert_string_equal(o.user, cases[i].user);
    }
}

static void test_server_without_initial_response(void **state)
{
    (void)state;
    struct err err;
    struct sasl *s = sasl_server_new("PLAIN", lookup, NULL, "mail.test", &err);
    expect_step(s, slice_of(NULL, 0), SASL_CONTINUE, "");
    assert_null(sasl_user(s));
    expect_step(s, SLICE_LIT("\0ann\0s3cret,=\\pass"), SASL_DONE, "");
    assert_string_equal(sasl_user(s), "ann");
    expect_step(s, SLICE_LIT("\0ann\0s3cret,=\\pass"), SASL_FAILED, "");
    sasl_free(&s);
    const char *const waits[] = {"EXTERNAL", "ANONYMOUS"};
    for (int i = 0; i < 2; i++) {
        s = sasl_server_open(waits[i], &(struct sasl_server_options){.external = "ann"}, &err);
        expect_step(s, slice_of(NULL, 0), SASL_CONTINUE, "");
        expect_step(s, slice_of("", 0), SASL_DONE, "");
        sasl_free(&s);
    }
}

static void test_login_prompts(void **state)
{
    (void)state;
    struct err err;
    struct sasl *s = sasl_server_new("login", lookup, NULL, NULL, &err);
    expect_step(s, slice_of(NULL, 0), SASL_CONTINUE, "Username:");
    expect_step(s, SLICE_LIT("ann"), SASL_CONTINUE, "Password:");
    expect_step(s, SLICE_LIT("s3cret,=\\pass"), SASL_DONE, "");
    assert_string_equal(sasl_user(s), "ann");
    sasl_free(&s);
    s = sasl_server_new("LOGIN", lookup, NULL, NULL, &err); /* the name comes with AUTH */
    expect_step(s, SLICE_LIT("ann"), SASL_CONTINUE, "Password:");
    expect_step(s, SLICE_LIT("wrong"), SASL_REFUSED, "");
    assert_null(sasl_user(s));
    sasl_free(&s);
}

static void test_server_first_takes_no_initial_response(void **state)
{
    (void)state;
    struct err err;
    const char *const names[] = {"CRAM-MD5", "DIGEST-MD5"};
    for (int i = 0; i < 2; i++) {
        struct sasl *s = sasl_server_new(names[i], lookup, NULL, NULL, &err);
        expect_step(s, SLICE_LIT("ann"), SASL_FAILED, "");
        sasl_free(&s);
    }
}

/* RFC 2195 section 2 has this exchange. */
static void test_cram_known_answer(void **state)
{
    (void)state;
    struct err err;
    struct secret password;
    secret_init(&password);
    secret_set(&password, SLICE_LIT("tanstaaftanstaaf"));
    struct sasl_credentials cred = {.user = "tim", .password = &password};
    struct sasl *c = sasl_client_new("CRAM-MD5", &cred, &err);
    assert_false(sasl_client_first(c));
    expect_step(c, SLICE_LIT("<1896.697170952@postoffice.reston.mci.net>"), SASL_DONE,
                "tim b913a602c7eda7a495b4e6e7334d3890");
    sasl_free(&c);
    secret_clear(&password);
}

static void scram_client_at_server_first(const char *tail, enum sasl_result want, int domain)
{
    struct err err = {0};
    struct secret password;
    struct buf out, challenge;
    secret_init(&password);
    secret_set(&password, SLICE_LIT("x"));
    buf_init(&out, 65536);
    buf_init(&challenge, 65536);
    struct sasl_credentials cred = {.user = "ann", .password = &password};
    struct sasl *c = sasl_client_new("SCRAM-SHA-256", &cred, &err);
    assert_true(sasl_client_first(c));
    assert_int_equal(sasl_step(c, slice_of(NULL, 0), &out, &err), SASL_CONTINUE);
    const char *nonce = strstr(buf_cstr(&out), "r=");
    assert_non_null(nonce);
    buf_printf(&challenge, "%sSERVER,%s", nonce, tail);
    assert_int_equal(sasl_step(c, buf_slice(&challenge), &out, &err), want);
    assert_int_equal(err.domain, domain);
    if (want == SASL_CONTINUE) /* a server that does not know the password cannot sign */
        assert_int_equal(
            sasl_step(c, SLICE_LIT("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &out, &err),
            SASL_REFUSED);
    sasl_free(&c);
    buf_deinit(&out);
    buf_deinit(&challenge);
    secret_clear(&password);
}

static void test_scram_hostile_server(void **state)
{
    (void)state;
    scram_client_at_server_first("s=QSXCR+Q6sek8bf92,i=4096", SASL_CONTINUE, ERR_NONE);
    scram_client_at_server_first("s=QSXCR+Q6sek8bf92,i=1000001", SASL_FAILED, ERR_LIMIT);
    scram_client_at_server_first("s=QSXCR+Q6sek8bf92,i=999999999999999999999999", SASL_FAILED,
                                 ERR_LIMIT);
    scram_client_at_server_first("s=QSXCR+Q6sek8bf92,i=", SASL_FAILED, ERR_AUTH);
    scram_client_at_server_first("garbage", SASL_FAILED, ERR_AUTH);
}

static void test_new_fails(void **state)
{
    (void)state;
    struct err err = {0};
    struct sasl_credentials cred = {.user = "ann", .password = NULL};
    assert_null(sasl_client_new("NOSUCH", &cred, &err));
    assert_int_equal(err.domain, ERR_AUTH);
    assert_null(sasl_client_new("SCRAM-SHA-1-PLUS", &cred, &err));
    assert_null(sasl_server_new("SCRAM-SHA-1-PLUS", lookup, NULL, NULL, &err));
    cred.user = "";
    err_clear(&err);
    assert_null(sasl_client_new("PLAIN", &cred, &err));
    assert_int_equal(err.domain, ERR_AUTH);
    assert_null(sasl_client_new("PLAIN", &cred, NULL));
    struct sasl *none = NULL;
    sasl_free(&none);
}

static void test_password_trouble(void **state)
{
    (void)state;
    struct err err = {0};
    struct secret password;
    secret_init(&password);
    struct sasl_credentials cred = {.user = "ann", .password = &password};
    struct sasl *c = sasl_client_new("PLAIN", &cred, &err);
    expect_step(c, slice_of(NULL, 0), SASL_FAILED, "");
    sasl_free(&c);
    secret_set(&password, SLICE_LIT("with\0nul"));
    c = sasl_client_new("PLAIN", &cred, &err);
    expect_step(c, slice_of(NULL, 0), SASL_FAILED, "");
    sasl_free(&c);
    secret_clear(&password);
}

/* A server takes any octets at any step: no crash, no success, no user. */
static void test_server_takes_garbage(void **state)
{
    (void)state;
    static const char *const all[] = {"PLAIN",      "LOGIN",       "CRAM-MD5",
                                      "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                                      "EXTERNAL",   "XOAUTH2",     "OAUTHBEARER"};
    static const char seed[] =
        "n,,n=ann,r=abc\0\xff\xfe=,\"username=\"ann\",response=\\,ann 0123\n\r";
    struct err err;
    struct buf out;
    buf_init(&out, 65536);
    for (size_t m = 0; m < sizeof(all) / sizeof(all[0]); m++)
        for (size_t from = 0; from < sizeof(seed); from++)
            for (size_t len = 0; len <= sizeof(seed) - from; len += 3) {
                struct sasl *s = sasl_server_new(all[m], lookup, NULL, "h.test", &err);
                enum sasl_result r = SASL_CONTINUE;
                for (int i = 0; i < 6 && r == SASL_CONTINUE; i++)
                    r = sasl_step(s, i == 0 ? slice_of(NULL, 0) : slice_of(seed + from, len), &out,
                                  &err);
                assert_true(r != SASL_DONE);
                assert_null(sasl_user(s));
                sasl_free(&s);
            }
    buf_deinit(&out);
}

static void test_step_too_long(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf out;
    uint8_t *octets = mem_zalloc(65537);
    buf_init(&out, 100);
    struct sasl *s = sasl_server_new("PLAIN", lookup, NULL, NULL, &err);
    assert_int_equal(sasl_step(s, slice_of(octets, 65537), &out, &err), SASL_FAILED);
    assert_int_equal(err.domain, ERR_LIMIT);
    sasl_free(&s);
    buf_deinit(&out);
    mem_free(octets);
}

static void test_describe(void **state)
{
    (void)state;
#define D(mech, who, step, octets, words)                                                          \
    {                                                                                              \
        mech, who, step, octets, sizeof(octets) - 1, words                                         \
    }
    static const struct {
        const char *mechanism;
        char who;
        unsigned step;
        const char *octets;
        size_t len;
        const char *words;
    } cases[] = {
        D("PLAIN", 'C', 1, "\0ann\0secret", "user ann, password hidden (6 octets)"),
        D("plain", 'C', 1, "bob\0ann\0s", "authzid bob, user ann, password hidden (1 octet)"),
        D("PLAIN", 'C', 1, "\0a\033[2Jn\0x", "user a^[[2Jn, password hidden (1 octet)"),
        D("PLAIN", 'C', 1, "secret",
          "does not read as a step of this mechanism, content hidden (6 octets)"),
        D("PLAIN", 'C', 1, "\0ann\0sec\0ret",
          "does not read as a step of this mechanism, content hidden (12 octets)"),
        D("PLAIN", 'S', 1, "", "empty: go on"),
        D("LOGIN", 'S', 1, "Username:", "prompt \"Username:\""),
        D("LOGIN", 'C', 1, "ann", "user ann"),
        D("LOGIN", 'C', 2, "secret", "password hidden (6 octets)"),
        D("CRAM-MD5", 'S', 1, "<1@h>", "challenge <1@h>"),
        D("CRAM-MD5", 'C', 1, "ann lee b913a602c7eda7a495b4e6e7334d3890",
          "user ann lee, digest hidden (32 octets)"),
        D("CRAM-MD5", 'C', 1, "ann secret",
          "does not read as a step of this mechanism, content hidden (10 octets)"),
        D("DIGEST-MD5", 'S', 1, "realm=\"h, x\",nonce=\"n\",qop=\"auth\"",
          "realm h, x, nonce n, qop auth"),
        D("DIGEST-MD5", 'C', 1, "username=\"ann\", response=0123",
          "username ann, response hidden (4 octets)"),
        D("DIGEST-MD5", 'C', 1, "username=\"ann\",\"secret",
          "does not read as a step of this mechanism, content hidden (22 octets)"),
        D("DIGEST-MD5", 'S', 2, "rspauth=ab", "rspauth hidden (2 octets)"),
        D("SCRAM-SHA-1", 'C', 1, "n,,n=a=2Cb=3Dc,r=xyz", "user a,b=c, nonce xyz"),
        D("SCRAM-SHA-1-PLUS", 'C', 1, "p=tls-exporter,a=bob,n=ann,r=xyz",
          "authzid bob, channel binding tls-exporter, user ann, nonce xyz"),
        D("SCRAM-SHA-1", 'S', 1, "r=xyz,s=QQ==,i=4096", "nonce xyz, salt QQ==, iterations 4096"),
        D("SCRAM-SHA-1", 'S', 1, "r=xyz,s=QQ==,i=10",
          "nonce xyz, salt QQ==, iterations 10, fewer than the 4096 of RFC 7677"),
        D("SCRAM-SHA-1", 'C', 2,
          "c=biws,r=xyz,p=dGhlcHJvb2Y=", "nonce xyz, proof hidden (12 octets)"),
        D("SCRAM-SHA-1", 'S', 2, "v=dGhl", "server signature hidden (4 octets)"),
        D("SCRAM-SHA-1", 'S', 2, "e=invalid-proof", "server error invalid-proof"),
        D("SCRAM-SHA-1", 'C', 1, "x",
          "does not read as a step of this mechanism, content hidden (1 octet)"),
        D("XOAUTH2", 'C', 1, "user=ann@x.test\1auth=Bearer tok\1\1",
          "user ann@x.test, token hidden (3 octets)"),
        D("OAUTHBEARER", 'C', 1, "n,a=ann@x.test,\1host=h\1auth=Bearer tok\1\1",
          "authzid ann@x.test, host h, token hidden (3 octets)"),
        D("XOAUTH2", 'S', 1, "{\"status\":\"401\"}", "refused, because {\"status\":\"401\"}"),
        D("OAUTHBEARER", 'C', 2, "\1", "empty: the error is acknowledged"),
        D("NTLM", 'C', 1, "NTLMSSP\0\7\0\0\0",
          "does not read as a step of this mechanism, content hidden (12 octets)"),
        D("EXTERNAL", 'C', 1, "", "empty: the identity TLS has proven"),
        D("ANONYMOUS", 'C', 1, "guest", "trace guest"),
        D("X-OWN", 'C', 1, "secret", "content hidden (6 octets)"),
        D("X-OWN", 'S', 1, "hello", "text \"hello\""),
        D("X-OWN", 'S', 1, "\xff\xfe",
          "does not read as a step of this mechanism, content hidden (2 octets)"),
        D("X-OWN", 'C', 1, "", "empty"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 4000);
        buf_append_cstr(&out, "> ");
        sasl_describe(cases[i].mechanism, cases[i].who == 'C', cases[i].step,
                      slice_of(cases[i].octets, cases[i].len), &out);
        assert_string_equal(buf_cstr(&out) + 2, cases[i].words);
        buf_deinit(&out);
    }
}

/* Whatever is cut off or put in front, the secret does not come out. */
static void test_describe_never_leaks(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *octets;
        size_t len;
    } cases[] = {
        {"PLAIN", "az\0ann\0SECRETSECRET", 19},
        {"DIGEST-MD5", "username=\"ann\",response=SECRETSECRET,charset=utf-8", 50},
        {"CRAM-MD5", "ann SECRETSECRETSECRETSECRETSECRET12", 36},
        {"SCRAM-SHA-256", "c=biws,r=xyz,p=SECRETSECRET", 27},
        {"XOAUTH2", "user=ann\1auth=Bearer SECRETSECRET\1\1", 35},
        {"OAUTHBEARER", "n,a=ann,\1auth=Bearer SECRETSECRET\1\1", 35},
        {"X-OWN", "SECRETSECRET", 12},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (unsigned step = 1; step < 4; step++)
            for (size_t len = 0; len <= cases[i].len; len++) {
                struct buf out;
                buf_init(&out, 4000);
                sasl_describe(cases[i].mechanism, true, step, slice_of(cases[i].octets, len), &out);
                assert_null(strstr(buf_cstr(&out), "SEC"));
                assert_true(out.len > 0);
                buf_deinit(&out);
            }
}

static void test_describe_is_bounded(void **state)
{
    (void)state;
    char long_text[5000];
    struct buf out;
    memset(long_text, 'u', sizeof(long_text));
    buf_init(&out, 4000);
    sasl_describe("LOGIN", true, 1, slice_of(long_text, sizeof(long_text)), &out);
    assert_true(out.len < 300);
    assert_non_null(strstr(buf_cstr(&out), "..."));
    buf_deinit(&out);
}

static void test_table(void **state)
{
    (void)state;
    size_t n = 0;
    while (sasl_mechanism_at(n) != NULL)
        n++;
    assert_true(n >= 18);
    assert_null(sasl_mechanism_at(n));
    assert_string_equal(sasl_mechanism(SLICE_LIT("plain"))->rfc, "RFC 4616");
    assert_string_equal(sasl_mechanism(SLICE_LIT("SCRAM-SHA-256"))->mutual, "yes");
    assert_string_equal(sasl_mechanism(SLICE_LIT("CRAM-MD5"))->rating, "weak");
    assert_null(sasl_mechanism(SLICE_LIT("NOSUCH")));
    assert_null(sasl_mechanism(SLICE_LIT("")));
    for (size_t i = 0; i < N_WITH_PASSWORD; i++) {
        assert_true(sasl_client_supported(with_password[i]));
        assert_true(sasl_server_supported(with_password[i]));
        assert_non_null(sasl_mechanism(slice_cstr(with_password[i])));
    }
    assert_true(sasl_client_supported("XOAUTH2") && sasl_server_supported("oauthbearer"));
    assert_false(sasl_server_supported("NOSUCH"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_password),
        cmocka_unit_test(test_bad_credentials),
        cmocka_unit_test(test_authzid),
        cmocka_unit_test(test_plus_binds),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_grammar),
        cmocka_unit_test(test_ntlm_known_answer),
        cmocka_unit_test(test_traits),
        cmocka_unit_test(test_external_and_anonymous),
        cmocka_unit_test(test_server_without_initial_response),
        cmocka_unit_test(test_login_prompts),
        cmocka_unit_test(test_server_first_takes_no_initial_response),
        cmocka_unit_test(test_cram_known_answer),
        cmocka_unit_test(test_scram_hostile_server),
        cmocka_unit_test(test_new_fails),
        cmocka_unit_test(test_password_trouble),
        cmocka_unit_test(test_server_takes_garbage),
        cmocka_unit_test(test_step_too_long),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_describe_never_leaks),
        cmocka_unit_test(test_describe_is_bounded),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
