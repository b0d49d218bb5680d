/* The practice world's names. */
#include "mock/names.h"

#include "base/mem.h"

static const char lines[] =
    "# example.test: where everything works\n"
    "example.test MX 10 mx.example.test\n"
    "example.test TXT v=spf1 ip4:127.0.0.0/8 ip6:::1 -all\n"
    "_dmarc.example.test TXT v=DMARC1; p=reject; rua=mailto:postmaster@example.test\n"
    "mx.example.test A 127.0.0.1\n"
    "mx.example.test AAAA ::1\n"
    "1.0.0.127.in-addr.arpa PTR mx.example.test\n"
    "# a-only.test: no MX, so mail goes to its address (RFC 5321 section 5.1)\n"
    "a-only.test A 127.0.0.1\n"
    "# two-mx.test: the preferred exchanger is down, the second one answers\n"
    "two-mx.test MX 10 down.two-mx.test\n"
    "two-mx.test MX 20 mx.example.test\n"
    "down.two-mx.test A 192.0.2.1\n"
    "# null-mx.test: takes no mail and says so (RFC 7505)\n"
    "null-mx.test MX 0 .\n"
    "# dangling.test: its exchanger has no address\n"
    "dangling.test MX 10 gone.dangling.test\n"
    "# alias-mx.test: its exchanger is an alias, which RFC 2181 section 10.3 forbids\n"
    "alias-mx.test MX 10 alias.alias-mx.test\n"
    "alias.alias-mx.test CNAME mx.example.test\n"
    "# loop.test: aliases in a circle\n"
    "loop.test CNAME loop2.test\n"
    "loop2.test CNAME loop.test\n"
    "# servfail.test: its name servers fail\n"
    "servfail.test MX SERVFAIL\n"
    "servfail.test A SERVFAIL\n"
    "servfail.test AAAA SERVFAIL\n"
    "# timeout.test: its name servers never answer\n"
    "timeout.test MX TIMEOUT\n"
    "timeout.test A TIMEOUT\n"
    "timeout.test AAAA TIMEOUT\n"
    "# nxdomain.test, like every name that stands nowhere here: no such domain\n"
    "nxdomain.test MX NXDOMAIN\n";

/* Of these, mail that finds its way ends here. */
static const char *const served[] = {"a-only.test", "two-mx.test", "alias-mx.test"};

bool mock_names_serves(struct slice domain)
{
    for (size_t i = 0; i < sizeof(served) / sizeof(*served); i++)
        if (slice_eq_nocase(domain, slice_cstr(served[i])))
            return true;
    return false;
}

struct slice mock_names_lines(void)
{
    return slice_of(lines, sizeof(lines) - 1);
}

struct dns_zone *mock_names_new(void)
{
    struct dns_zone *z = dns_zone_new();
    struct err err;
    bool good = dns_zone_add(z, mock_names_lines(), &err);
    BUG_IF(!good);
    return z;
}
