/* PROXY headers of both versions, good and bad, in every split. */
#include "net/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIG       "\r\n\r\n\0\r\nQUIT\n"
#define TCP4(len) SIG "\x21\x11\0" len "\xc0\0\2\1\x7f\0\0\1\xc0\x01\0\x19"
#define TCP6                                                                                       \
    SIG "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"     \
        "\xc0\x01\0\x19"

static const struct {
    const char *in;
    size_t len;
    const char *source; /* NULL: bad; "": nothing told */
    unsigned version;
    size_t behind; /* octets that are not the header's */
} cases[] = {
#define C(text, source, version, behind)                                                           \
    {                                                                                              \
        text, sizeof(text) - 1, source, version, behind                                            \
    }
    C("PROXY TCP4 192.0.2.1 127.0.0.1 49153 25\r\n", "192.0.2.1:49153", 1, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 49153 25\r\nEHLO x\r\n", "192.0.2.1:49153", 1, 8),
    C("PROXY TCP6 2001:db8::7 ::1 65535 0\r\n", "[2001:db8::7]:65535", 1, 0),
    C("PROXY UNKNOWN\r\n", "", 1, 0),
    C("PROXY UNKNOWN ffff::1 whatever\r\n", "", 1, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 49153\r\n", NULL, 0, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 49153 25 \r\n", NULL, 0, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 049153 25\r\n", NULL, 0, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 65536 25\r\n", NULL, 0, 0),
    C("PROXY TCP4 192.0.2.1  127.0.0.1 1 25\r\n", NULL, 0, 0),
    C("PROXY TCP4 2001:db8::7 ::1 1 25\r\n", NULL, 0, 0),
    C("PROXY TCP6 192.0.2.1 127.0.0.1 1 25\r\n", NULL, 0, 0),
    C("PROXY TCP4 192.0.2.1 127.0.0.1 1 25\n", NULL, 0, 0),
    C("PROXY UDP4 192.0.2.1 127.0.0.1 1 25\r\n", NULL, 0, 0),
    C("proxy TCP4 192.0.2.1 127.0.0.1 1 25\r\n", NULL, 0, 0),
    C("EHLO me\r\n", NULL, 0, 0),
    C("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345"
      "67890123456789012345678901234567890\r\n",
      NULL, 0, 0),
    C(TCP4("\x0c"), "192.0.2.1:49153", 2, 0),
    C(TCP4("\x0c") "EHLO", "192.0.2.1:49153", 2, 4),
    C(TCP4("\x10") "\4\0\1xQ", "192.0.2.1:49153", 2, 1), /* a TLV behind */
    C(TCP6, "[2001:db8::7]:49153", 2, 0),
    C(SIG "\x20\0\0\0", "", 2, 0),
    C(SIG "\x20\x11\0\2xyNOOP", "", 2, 4),
    C(SIG "\x21\0\0\0", "", 2, 0),
    C(SIG "\x21\x11\0\x0b\1\2\3\4\5\6\7\1\2\3\4", NULL, 0, 0),
    C(SIG "\x21\x21\0\x0c\1\2\3\4\5\6\7\1\2\3\4\5", NULL, 0, 0),
    C(SIG "\x11\x11\0\0", NULL, 0, 0),
    C(SIG "\x22\x11\0\0", NULL, 0, 0),
    C(SIG "\x21\x12\0\0", NULL, 0, 0),
    C("\r\n\r\n\0\r\nQUIT\r", NULL, 0, 0),
};

static void check(size_t i, size_t step)
{
    struct net_proxy p;
    struct net_proxy_header h;
    enum net_proxy_result r = NET_PROXY_MORE;
    size_t at = 0, used;
    net_proxy_init(&p);
    while (at < cases[i].len && r == NET_PROXY_MORE) {
        struct slice piece = slice_take(slice_skip(slice_of(cases[i].in, cases[i].len), at), step);
        r = net_proxy_feed(&p, piece, &used, &h);
        assert_true(used == piece.len || r != NET_PROXY_MORE);
        at += used;
    }
    if (r != (cases[i].source ? NET_PROXY_DONE : NET_PROXY_BAD))
        fail_msg("case %zu step %zu: result %d", i, step, (int)r);
    if (!cases[i].source)
        return;
    char text[128] = "";
    assert_int_equal(h.version, cases[i].version);
    assert_int_equal(cases[i].len - at, cases[i].behind);
    assert_int_equal(h.told, cases[i].source[0] != '\0');
    if (h.told)
        net_address_format(&h.source, text, sizeof(text));
    assert_string_equal(text, cases[i].source);
}

static void headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t step = 1; step <= cases[i].len; step++)
            check(i, step);
}

/* As long as two octets can say: passed over without being kept. */
static void long_header(void **state)
{
    (void)state;
    static uint8_t big[16 + 65535 + 1];
    struct net_proxy p;
    struct net_proxy_header h;
    size_t used;
    memcpy(big, TCP4("\xff"), 28);
    big[14] = big[15] = 0xff;
    net_proxy_init(&p);
    assert_int_equal(net_proxy_feed(&p, slice_of(big, sizeof(big)), &used, &h), NET_PROXY_DONE);
    assert_int_equal(used, 16 + 65535);
    assert_int_equal(h.source.port, 49153);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(long_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
