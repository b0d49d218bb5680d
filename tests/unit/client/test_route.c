/* What a person writes for --proxy and --haproxy. */
#include "client/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *url;
    enum link_hop_kind kind;
    const char *host;
    unsigned port;
    const char *user;
    bool had_password;
} proxies[] = {
    {"socks5://127.0.0.1", HOP_SOCKS5, "127.0.0.1", 1080, "", false},
    {"SOCKS5://localhost:9050/", HOP_SOCKS5, "localhost", 9050, "", false},
    {"socks5h://ann@h", HOP_SOCKS5, "h", 1080, "ann", false},
    {"socks5://[::1]:1", HOP_SOCKS5, "::1", 1, "", false},
    {"socks5://::1", HOP_SOCKS5, "::1", 1080, "", false},
    {"http://proxy.example.test", HOP_HTTP_CONNECT, "proxy.example.test", 8080, "", false},
    {"http://ann:pw@h:3128", HOP_HTTP_CONNECT, "h", 3128, "ann", true},
    {"http://ann@example.test@h", HOP_HTTP_CONNECT, "h", 8080, "ann@example.test", false},
};
static const char *const no_proxies[] = {
    "",           "socks5",        "socks5://",   "socks4://h",  "https://h",     "http://h:0",
    "http://h:",  "http://h:x",    "http://@h",   "http://[::1", "http://[::1]x", "http://h:65536",
    "http://a b", "http://h/path", "http://[]:1", "http://ann@", "http://[::1]:",
};

static void test_proxies(void **state)
{
    struct route_proxy p;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        if (!route_proxy_parse(proxies[i].url, &p, &err))
            fail_msg("%s: %s", proxies[i].url, err.text);
        assert_int_equal(p.kind, proxies[i].kind);
        assert_string_equal(p.host, proxies[i].host);
        assert_int_equal(p.port, proxies[i].port);
        assert_string_equal(p.user, proxies[i].user);
        assert_int_equal(p.had_password, proxies[i].had_password);
    }
    for (size_t i = 0; i < sizeof(no_proxies) / sizeof(no_proxies[0]); i++) {
        err_clear(&err);
        if (route_proxy_parse(no_proxies[i], &p, &err))
            fail_msg("%s was taken", no_proxies[i]);
        assert_int_equal(err.domain, ERR_USAGE);
        assert_true(err.next[0] != '\0');
    }
    assert_false(route_proxy_parse("gopher://ann:hush@h", &p, &err));
    assert_null(strstr(err.text, "hush"));
}

static void test_headers(void **state)
{
    struct route_header h;
    struct err err;
    (void)state;
    assert_true(route_header_parse("v1", &h, &err));
    assert_true(h.kind == HOP_PROXY_V1 && !h.has_source && !h.has_destination);
    assert_true(route_header_parse("V2 192.0.2.1:4000 [2001:db8::1]:25", &h, &err));
    assert_true(h.kind == HOP_PROXY_V2 && h.has_source && h.has_destination);
    assert_int_equal(h.source.port, 4000);
    assert_int_equal(h.destination.family, NET_INET6);
    assert_true(route_header_parse("v1 2001:db8::7", &h, &err));
    assert_true(h.has_source && h.source.port == 0 && h.source.family == NET_INET6);
    static const char *const wrong[] = {
        "", "v3", "v1 host", "v1 192.0.2.1:x", "v1 1 2 3", "v1 ::1 ::1 ::1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err_clear(&err);
        if (route_header_parse(wrong[i], &h, &err))
            fail_msg("%s was taken", wrong[i]);
        assert_int_equal(err.domain, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_proxies),
                                       cmocka_unit_test(test_headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
