/* Wording and servers: every row of every table is reached by its own example, real servers'
 * replies (replies.tsv) are explained, and nobody's row is believed for another's server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/vis.h"
#include "decode/explain.h"
#include "decode/server.h"

/* ---- examples made from patterns ---- */

static void example(const char *pattern, char *out, size_t out_octets)
{
    size_t len = 0;
    for (; *pattern && len + 40 < out_octets; pattern++) {
        if (*pattern == '*')
            out[len++] = 'x';
        else if (*pattern == '#')
            len +=
                (size_t)snprintf(out + len, out_octets - len, "0123456789abcdef0123456789ABCDEF");
        else if (*pattern == '~')
            out[len++] = '*';
        else if (*pattern != '$')
            out[len++] = *pattern;
    }
    out[len] = '\0';
}

/* "5xx" and "any" are said as 550; a range by its first. */
static void reply_of(const struct explain_wording *row, char *out, size_t out_octets)
{
    char words[400];
    size_t digits = strspn(row->code, "0123456789");
    size_t len = 0;
    for (const char *p = row->match; *p && len < sizeof(words) - 1; p++)
        words[len++] = *p == '*' ? 'x' : *p;
    words[len] = '\0';
    if (strcmp(row->code, "bounce") == 0)
        snprintf(out, out_octets, "%s", words);
    else
        snprintf(out, out_octets, "%s %.*s%s%s", digits == 3 ? row->code : "550",
                 (int)strcspn(row->enhanced, "-"), row->enhanced, row->enhanced[0] ? " " : "",
                 words);
}

static void test_every_row_is_reached(void **state)
{
    const struct explain_wording *row;
    size_t n = 0;
    (void)state;
    for (; (row = explain_wording_at(n)); n++) {
        struct explanation e;
        char text[600];
        reply_of(row, text, sizeof(text));
        struct explain_input in = {.text = slice_cstr(text), .provider = row->provider};
        explain_reply_text(&in, &e);
        if (!e.provider || strcmp(e.provider, row->provider) != 0 ||
            strcmp(e.provider_meaning, row->meaning) != 0 || e.provider_source != row->source)
            fail_msg("row %zu (%s, %s): explained as %s: %s", n + 2, row->provider, row->match,
                     e.provider ? e.provider : "nobody's", e.meaning);
        assert_true(e.provider_sure);
        assert_string_equal(e.meaning, row->meaning);
        assert_string_equal(e.next, row->next);
        assert_string_equal(e.who, row->who);
        assert_string_equal(explain_party_name(e.party), row->who);
        assert_true(e.source[0] != '\0' && row->next[0] != '\0' && row->meaning[0] != '\0');
    }
    assert_true(n > 380);
}

static void test_every_banner_is_reached(void **state)
{
    const struct server_banner *row;
    size_t n = 0;
    (void)state;
    for (; (row = server_banner_at(n)); n++) {
        struct server s;
        char text[600];
        example(row->pattern, text, sizeof(text));
        server_detect(text, NULL, slice_cstr(NULL), &s);
        if (!s.software || strcmp(s.software, row->software) != 0)
            fail_msg("%s: %s", row->pattern, s.software ? s.software : "nothing");
        assert_string_equal(server_sure_name(s.sure), row->sure);
        assert_string_equal(s.from, "banner");
        assert_int_equal(s.n_providers, row->provider[0] && s.sure > SERVER_GUESS ? 1 : 0);
        /* Its last two octets gone, it is another or none. */
        text[strlen(text) - 2] = '\0';
        server_detect(text, NULL, slice_cstr(NULL), &s);
        if (s.software && strcmp(s.from, "banner") == 0 && strcmp(s.software, row->software) == 0)
            fail_msg("%s: %s is enough", row->pattern, text);
    }
    assert_true(n > 30);
}

/* Does a shorter row end it too? Then other labels before it change nothing. */
static bool holds_another(const struct server_host *row)
{
    for (size_t i = 0; server_host_at(i); i++) {
        const char *inner = strstr(row->suffix, server_host_at(i)->suffix);
        if (inner && inner > row->suffix && inner[-1] == '.')
            return true;
    }
    return false;
}

static void test_every_host_is_reached(void **state)
{
    const struct server_host *row;
    (void)state;
    for (size_t n = 0; (row = server_host_at(n)); n++) {
        static const struct {
            const char *before, *behind;
            bool found;
        } forms[] = {
            {"", "", true},   {"mx1.in.", "", true}, {"MX.", ".", true},      {"mx.", ":25", true},
            {"x", "", false}, {"mx.x-", "", false},  {"", ".example", false},
        };
        for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
            struct server s;
            char host[200], banner[240];
            if (!forms[i].found && holds_another(row))
                continue;
            snprintf(host, sizeof(host), "%s%s%s", forms[i].before, row->suffix, forms[i].behind);
            server_detect(NULL, host, slice_cstr(NULL), &s);
            bool found = s.n_providers > 0 && strcmp(s.providers[0], row->provider) == 0;
            assert_int_equal(found, forms[i].found);
            if (found)
                assert_string_equal(s.from, "host name");
            snprintf(banner, sizeof(banner), "220-%s ESMTP", host);
            server_detect(banner, "192.0.2.1", slice_cstr(NULL), &s);
            assert_int_equal(s.n_providers > 0 && strcmp(s.providers[0], row->provider) == 0,
                             forms[i].found);
        }
    }
}

/* Every provider that a banner or host leads to has rows, or the way there leads nowhere. */
static void test_providers_have_rows(void **state)
{
    (void)state;
    for (size_t b = 0; server_banner_at(b); b++) {
        const char *provider = server_banner_at(b)->provider;
        bool found = !provider[0];
        for (size_t i = 0; !found && explain_wording_at(i); i++)
            found = strcmp(explain_wording_at(i)->provider, provider) == 0;
        assert_true(found);
    }
    for (size_t h = 0; server_host_at(h); h++) {
        bool found = false;
        for (size_t i = 0; !found && explain_wording_at(i); i++)
            found = strcmp(explain_wording_at(i)->provider, server_host_at(h)->provider) == 0;
        assert_true(found);
    }
}

/* ---- replies of real servers ---- */

enum { FIXTURE_COLUMNS = 5, FIXTURE_OCTETS = 2048 };

static size_t split(char *line, char *columns[FIXTURE_COLUMNS])
{
    size_t n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at && n < FIXTURE_COLUMNS; n++) {
        columns[n] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = '\0';
    }
    return n;
}

/* "|" is a line end, "\xNN" an octet. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        unsigned octet;
        if (*p == '|')
            *to++ = '\n';
        else if (p[0] == '\\' && p[1] == 'x' && sscanf(p + 2, "%2x", &octet) == 1) {
            *to++ = (char)octet;
            p += 3;
        } else
            *to++ = *p;
    }
    *to = '\0';
}

static bool says(const char *text, const char *keyword)
{
    return text && strstr(text, keyword) != NULL;
}

static void check_fixture(unsigned number, char *columns[FIXTURE_COLUMNS])
{
    struct explanation e;
    const char *provider = columns[2], *got;
    unescape(columns[1]);
    struct explain_input in = {
        .text = slice_cstr(columns[1]),
        .banner = strcmp(columns[0], "-") == 0 ? NULL : columns[0],
    };
    explain_reply_text(&in, &e);
    got = e.provider ? e.provider : "-";
    bool sure = provider[0] != '?';
    provider += sure ? 0 : 1;
    if (strcmp(got, provider) != 0 && !(e.provider_also && strcmp(e.provider_also, provider) == 0))
        fail_msg("line %u: provider %s, not %s", number, got, provider);
    if (strcmp(provider, "-") != 0)
        assert_int_equal(e.provider_sure, sure);
    if (!says(e.meaning, columns[3]) && !says(e.next, columns[3]) &&
        !says(e.provider_meaning, columns[3]))
        fail_msg("line %u: \"%s\" is neither in \"%s\" nor in \"%s\"", number, columns[3],
                 e.meaning, e.next);
    if (strcmp(explain_party_name(e.party), columns[4]) != 0)
        fail_msg("line %u: %s must act, not %s", number, explain_party_name(e.party), columns[4]);
    assert_true(e.source[0] != '\0');

    struct buf out;
    buf_init(&out, 65536);
    explain_print(&in, &e, VIS_ASCII, &out);
    assert_false(out.overflow);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.ptr[i] == '\n' || (out.ptr[i] >= ' ' && out.ptr[i] < 127));
    assert_true(says(buf_cstr(&out), e.next));
    assert_true(says(buf_cstr(&out), "source"));
    if (e.provider && !e.provider_sure && e.meaning != e.provider_meaning)
        assert_true(says(buf_cstr(&out), "this wording: "));
    buf_deinit(&out);
}

static void test_replies_of_real_servers(void **state)
{
    char path[400], line[FIXTURE_OCTETS], *columns[FIXTURE_COLUMNS];
    unsigned number = 1;
    (void)state;
    snprintf(path, sizeof(path), "%.*sreplies.tsv", (int)(strrchr(__FILE__, '/') + 1 - __FILE__),
             __FILE__);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f)); /* names of the columns */
    while (fgets(line, sizeof(line), f)) {
        number++;
        if (split(line, columns) != FIXTURE_COLUMNS)
            fail_msg("line %u: not %d columns", number, FIXTURE_COLUMNS);
        check_fixture(number, columns);
    }
    fclose(f);
    assert_true(number > 41);
}

/* ---- order of layers ---- */

static void explain(const char *banner, const char *host, const char *text, struct explanation *e)
{
    struct explain_input in = {.text = slice_cstr(text), .banner = banner, .host = host};
    explain_reply_text(&in, e);
}

/* The same words say another thing in a 4yz than in a 5yz, however long the phrase is. */
static void test_class_goes_before_length(void **state)
{
    struct explanation e;
    (void)state;
    const struct explain_input in = {
        .text = SLICE_LIT("421-4.7.28 Gmail has detected an unusual rate of unsolicited mail"),
        .provider = "Gmail"};
    explain_reply_text(&in, &e);
    assert_non_null(e.provider_meaning);
    assert_null(strstr(e.provider_meaning, "Permanent"));
    assert_non_null(strstr(e.provider_next, "Slow down"));
}

static void test_layers(void **state)
{
    static const char gmail[] =
        "550-5.7.26 Gmail requires all senders to authenticate with either\r\n"
        "550 5.7.26 SPF or DKIM.\r\n";
    struct explanation e;
    (void)state;
    /* Phrases go over line ends; the host is enough to know whose they are. */
    explain(NULL, "gmail-smtp-in.l.google.com", gmail, &e);
    assert_string_equal(e.provider, "Gmail");
    assert_true(e.provider_sure);
    assert_int_equal(e.party, EXPLAIN_YOUR_ADMIN);
    assert_string_equal(e.meaning, e.provider_meaning);
    assert_non_null(strstr(e.enhanced_name, "Multiple authentication"));
    assert_non_null(strstr(e.subject_name, "security or policy"));
    assert_non_null(e.code_meaning);
    /* Of an unknown house it is only told. */
    explain("220 mx.example ESMTP", "mx.example", gmail, &e);
    assert_false(e.provider_sure);
    assert_string_equal(e.meaning, e.enhanced_meaning);
    assert_string_not_equal(e.next, e.provider_next);
    assert_string_equal(e.source, e.enhanced_rfc);
    /* Two of one phrase: the code decides. */
    explain(NULL, "smtp.google.com", "421 4.7.26 authenticate with either SPF or DKIM", &e);
    assert_non_null(strstr(e.meaning, "rate limited"));
    explain(NULL, "smtp.google.com", "550 5.7.26 authenticate with either SPF or DKIM", &e);
    assert_non_null(strstr(e.meaning, "refused"));
    /* The longest phrase. */
    explain(NULL, "smtp.google.com", "552 5.2.2 is out of storage space and inactive", &e);
    assert_non_null(strstr(e.meaning, "permanent"));
    explain(NULL, "smtp.google.com", "452 4.2.2 is out of storage space.", &e);
    assert_non_null(strstr(e.meaning, "temporary"));
    /* An enhanced code of another class is not believed; only codes, then only the class. */
    explain(NULL, NULL, "550 2.1.1 strange", &e);
    assert_null(e.enhanced_meaning);
    explain(NULL, NULL, "599 what", &e);
    assert_string_equal(e.meaning, e.class_meaning);
    assert_null(e.provider);
    /* A success quotes nobody. */
    explain(NULL, NULL, "250 2.0.0 Relay access denied is what we say to others", &e);
    assert_null(e.provider);
    /* Words alone. */
    explain(NULL, NULL, "Username and Password not accepted", &e);
    assert_string_equal(e.provider, "Gmail");
    assert_false(e.provider_sure);
    assert_string_equal(e.meaning, e.provider_meaning);
}

static void test_server_lines(void **state)
{
    static const struct {
        const char *banner, *host, *text, *line;
    } rows[] = {
        {"220 mx.example ESMTP Postfix", "mx.example", "", "Postfix (banner)"},
        {"mx.example ESMTP Postfix", NULL, "", "Postfix (banner)"},
        {"220 mx.example ESMTP Exim 4.96 x", "mx.comcast.net", "", "Exim (banner)"},
        {"220 hello", "mx1.comcast.net.", "", "Comcast, likely (host name)"},
        {"220 mx.example ESMTP", NULL, "",
         "qmail or netqmail, or a silenced banner, a guess (banner)"},
        {"220 mx.example hello", NULL, "550 no - gsmtp", "Gmail, likely (wording)"},
        {"220 mx.example hello", "mx.example", "550 no", ""},
        {NULL, NULL, "", ""},
        {"", "", "", ""},
        {"220 mx.example ESMTP (0123456789abcde)", NULL, "", ""},
        {"220 ***************0*0*", NULL, "", "Cisco PIX or ASA in between, likely (banner)"},
        {"practice.example ESMTP smtpscope practice server", "practice", "",
         "the practice server of smtpscope (banner)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct server s;
        struct buf out;
        buf_init(&out, 400);
        server_detect(rows[i].banner, rows[i].host, slice_cstr(rows[i].text), &s);
        server_line(&s, &out);
        assert_string_equal(out.len ? buf_cstr(&out) : "", rows[i].line);
        buf_deinit(&out);
    }
    /* Both the house and the software count. */
    struct server s;
    server_detect("220 mx ESMTP Exim 4.96", "mx.comcast.net", slice_cstr(NULL), &s);
    assert_int_equal(s.n_providers, 2);
}

/* Whatever the octets, every field is there and the page is safe; long input costs no more. */
static void test_hostile(void **state)
{
    enum { OCTETS = 200000 };
    char *text = mem_alloc(OCTETS + 1);
    unsigned seed = 7;
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        size_t n = round < 50 ? round * 40 : OCTETS;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1103515245 + 12345;
            unsigned pick = seed >> 16;
            static const char *const alphabets[] = {"550- .571*#x\n\r\t", "*ab(#[", NULL};
            const char *letters = alphabets[round % 3];
            text[i] = letters ? letters[pick % strlen(letters)] : (char)pick;
        }
        text[n] = '\0';
        struct explanation e;
        struct buf out;
        char banner[600];
        snprintf(banner, sizeof(banner), "%.500s", text);
        struct explain_input in = {.text = slice_of(text, n), .banner = banner, .host = banner};
        buf_init(&out, 1 << 20);
        explain_reply_text(&in, &e);
        assert_true(e.meaning && e.next && e.who && e.source && e.class_meaning);
        explain_print(&in, &e, VIS_ASCII, &out);
        for (size_t i = 0; i < out.len; i++)
            assert_true(out.ptr[i] == '\n' || (out.ptr[i] >= ' ' && out.ptr[i] < 127));
        buf_deinit(&out);
    }
    mem_free(text);
}

static void test_tls_messages(void **state)
{
    (void)state;
    assert_string_equal(explain_tls_message(22, 1), "ClientHello");
    assert_string_equal(explain_tls_message(22, 20), "Finished");
    assert_string_equal(explain_tls_message(20, 1), "ChangeCipherSpec");
    assert_string_equal(explain_tls_message(21, 0), "Alert");
    for (unsigned type = 0; type < 600; type += 7)
        for (unsigned msg = 0; msg < 300; msg++)
            assert_true(strlen(explain_tls_message(type, msg)) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_reached),
        cmocka_unit_test(test_every_banner_is_reached),
        cmocka_unit_test(test_every_host_is_reached),
        cmocka_unit_test(test_providers_have_rows),
        cmocka_unit_test(test_replies_of_real_servers),
        cmocka_unit_test(test_class_goes_before_length),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_server_lines),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_tls_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
