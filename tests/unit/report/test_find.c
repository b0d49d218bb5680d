/* Search over recordings: hits with their line, status by count, damage and size borne. */
#include <jansson.h>
#include <unistd.h>

#include "report/find.h"
#include "world.h"

static const char session[] = "/open practice\n"
                              "EHLO client.example.net\n"
                              "MAIL FROM:<ann@example.net>\n"
                              "RCPT TO:<any+452-4.2.2@example.test>\n"
                              "RCPT TO:<bob@example.test>\n"
                              "DATA\n"
                              "Subject: over quota?\n"
                              "\n"
                              "..code>=500 is no reply\n"
                              ".\n"
                              "QUIT\n";

struct found {
    bool ok;
    uint64_t hits;
    char *text;
    struct recording_report report;
    struct err err;
};

static struct found find(const char *path, const char *expr, bool json)
{
    struct found f = {.ok = false};
    const struct find_options options = {.json = json};
    size_t size;
    struct filter *filter = filter_parse(slice_cstr(expr), &f.err);
    assert_non_null(filter);
    FILE *to = open_memstream(&f.text, &size);
    f.ok = find_in_file(filter, &options, path, to, &f.hits, &f.report, &f.err);
    fclose(to);
    filter_free(&filter);
    return f;
}

static char *write_file(const char *text, size_t len)
{
    char *path = mem_strdup("/tmp/smtpscope-find-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    return path;
}

static const struct {
    const char *expr;
    uint64_t hits;
    const char *says; /* in the output; NULL: nothing more */
} table[] = {
    {"code=452", 1, "<S  452 4.2.2 "},
    {"verb=RCPT and dir=C", 2, "C>  RCPT TO:<bob@example.test>"},
    {"verb=RCPT and dir=S", 2, "<S  250 2.1.5"},
    {"rcpt=*any*", 2, "RCPT TO:<any+452-4.2.2@example.test>"},
    {"rcpt=bob@example.test and code", 1, "250 2.1.5"},
    {"kind=content", 4, "C>  ...code>=500 is no reply"},
    {"text~quota and dir=C", 1, "Subject: over quota?"},
    {"code>=500", 0, NULL},
    {"enhanced=4.*", 1, "452"},
    {"kind=link_down", 1, "link_down:"},
    {"text~starttls", 1, "250-STARTTLS"},
    {"verb=EHLO and code=250", 17, "250-PIPELINING"},
    {"peer=* and verb=QUIT", 2, "221"},
    {"dt>1m", 0, NULL},
    {"conn=1 and code", 24, "220 "},
};

static void test_hits(void **state)
{
    (void)state;
    char *recording = world_record(session);
    char *path = write_file(recording, strlen(recording));
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct found f = find(path, table[i].expr, false);
        assert_true(f.ok);
        if (f.hits != table[i].hits || (table[i].says && !strstr(f.text, table[i].says)))
            fail_msg("%s: %llu hits\n%s", table[i].expr, (unsigned long long)f.hits, f.text);
        if (f.hits)
            assert_int_equal(strncmp(f.text, path, strlen(path)), 0);
        free(f.text);
    }
    unlink(path);
    mem_free(path);
    mem_free(recording);
}

/* The line a hit names is the line of the file its event stands on. */
static void test_line_numbers(void **state)
{
    (void)state;
    char *recording = world_record(session);
    char *path = write_file(recording, strlen(recording));
    struct found f = find(path, "code=452", true);
    json_t *hit = json_loads(f.text, 0, NULL);
    assert_non_null(hit);
    json_int_t line = json_integer_value(json_object_get(hit, "line"));
    const char *at = recording;
    for (json_int_t i = 1; i < line; i++)
        at = strchr(at, '\n') + 1;
    json_t *event = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(json_string_value(json_object_get(event, "kind")), "reply");
    assert_int_equal(json_integer_value(json_object_get(event, "code")), 452);
    assert_int_equal(json_integer_value(json_object_get(event, "seq")),
                     json_integer_value(json_object_get(hit, "seq")));
    assert_string_equal(json_string_value(json_object_get(hit, "verb")), "RCPT");
    assert_string_equal(json_string_value(json_object_get(hit, "rcpt")),
                        "any+452-4.2.2@example.test");
    assert_string_equal(json_string_value(json_object_get(hit, "enhanced")), "4.2.2");
    json_decref(event);
    json_decref(hit);
    free(f.text);
    unlink(path);
    mem_free(path);
    mem_free(recording);
}

static void test_damage(void **state)
{
    (void)state;
    char *recording = world_record(session);
    size_t len = strlen(recording);
    char *path = write_file(recording, len - 30); /* cut in the last line */
    struct found f = find(path, "code=452", false);
    assert_true(f.ok);
    assert_int_equal(f.hits, 1);
    assert_true(f.report.octets_lost > 0);
    free(f.text);
    unlink(path);
    mem_free(path);

    path = write_file("no recording\n", 13);
    f = find(path, "code", false);
    assert_false(f.ok);
    assert_int_equal(f.err.domain, ERR_FORMAT);
    free(f.text);
    unlink(path);
    f = find(path, "code", false);
    assert_false(f.ok);
    assert_int_equal(f.err.domain, ERR_FILE);
    free(f.text);
    mem_free(path);
    mem_free(recording);
}

/* More than the memory that is kept: every reply is found, with its command. */
static void test_larger_than_memory(void **state)
{
    (void)state;
    enum { ROUNDS = 40000 };
    struct buf text;
    buf_init(&text, 256 << 20);
    uint64_t seq = 1, c = 0, s = 0;
    buf_append_cstr(&text, "{\"seq\":1,\"kind\":\"recording\",\"t\":0,\"schema\":1}\n");
    for (int i = 0; i < ROUNDS; i++) {
        buf_printf(&text,
                   "{\"seq\":%llu,\"conn\":1,\"kind\":\"octets\",\"t\":1,\"dir\":\"C\",\"layer\":"
                   "\"plain\",\"offset\":%llu,\"length\":28,\"text\":\"RCPT "
                   "TO:<u%05d@b.example>\\r\\n\"}\n",
                   (unsigned long long)++seq, (unsigned long long)c, i);
        buf_printf(&text,
                   "{\"seq\":%llu,\"conn\":1,\"kind\":\"command\",\"t\":1,\"verb\":\"RCPT\","
                   "\"offset\":%llu,\"length\":28}\n",
                   (unsigned long long)++seq, (unsigned long long)c);
        uint64_t cause = seq;
        buf_printf(&text,
                   "{\"seq\":%llu,\"conn\":1,\"kind\":\"octets\",\"t\":2,\"dir\":\"S\",\"layer\":"
                   "\"plain\",\"offset\":%llu,\"length\":300,\"text\":\"550 %294d\\r\\n\"}\n",
                   (unsigned long long)++seq, (unsigned long long)s, i);
        buf_printf(
            &text,
            "{\"seq\":%llu,\"conn\":1,\"kind\":\"reply\",\"t\":2,\"cause\":%llu,\"code\":550,"
            "\"verb\":\"RCPT\",\"lines\":1,\"offset\":%llu,\"length\":300}\n",
            (unsigned long long)++seq, (unsigned long long)cause, (unsigned long long)s);
        c += 28;
        s += 300;
    }
    char *path = write_file((char *)text.ptr, text.len);
    struct found f = find(path, "code=550 and rcpt=u*@b.example and dt>0.5", false);
    assert_true(f.ok);
    assert_int_equal(f.report.lines_bad, 0);
    assert_int_equal(f.hits, ROUNDS);
    free(f.text);
    f = find(path, "rcpt=u39999@b.example", false);
    assert_int_equal(f.hits, 2);
    free(f.text);
    unlink(path);
    mem_free(path);
    buf_deinit(&text);
}

/* ---- skimming finds what reading finds ---- */

/* A recording of many sessions, three at a time, each line of one behind a line of another. */
static char *many_sessions(unsigned n_rounds, size_t *len_out)
{
    static const char *const scripts[3] = {
        session, "/open practice\nEHLO a.example\nVRFY bob\nNONSENSE\nQUIT\n",
        "/open practice\nHELO b.example\nMAIL FROM:<>\nRCPT TO:<nobody@elsewhere.test>\nQUIT\n"};
    json_t *parts[3];
    uint64_t seq = 1;
    struct buf out;
    buf_init(&out, 64 << 20);
    buf_append_cstr(&out, "{\"seq\":1,\"kind\":\"recording\",\"t\":0.0,\"schema\":1}\n");
    for (size_t i = 0; i < 3; i++) {
        char *text = world_record(scripts[i]);
        parts[i] = json_array();
        for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            json_array_append_new(parts[i], json_loadb(line, (size_t)(end - line), 0, NULL));
        mem_free(text);
    }
    for (unsigned round = 0; round < n_rounds; round++) {
        json_int_t renumbered[3][400] = {{0}};
        bool more = true;
        for (size_t k = 0; more; k++) {
            more = false;
            for (size_t i = 0; i < 3; i++) {
                /* The first script is rare: most sessions hold nothing of what is looked for. */
                const json_t *line = json_array_get(parts[i], k);
                if (!line || (i == 0 && round % 7))
                    continue;
                more = true;
                json_t *copy = json_copy((json_t *)line);
                json_int_t own = json_integer_value(json_object_get(line, "seq"));
                json_int_t conn = json_integer_value(json_object_get(line, "conn"));
                json_int_t cause = json_integer_value(json_object_get(line, "cause"));
                if (own < 400)
                    renumbered[i][own] = (json_int_t)++seq;
                json_object_set_new(copy, "seq", json_integer((json_int_t)seq));
                if (conn)
                    json_object_set_new(copy, "conn",
                                        json_integer(conn + (json_int_t)(round * 12 + i * 4)));
                if (cause)
                    json_object_set_new(copy, "cause", json_integer(renumbered[i][cause]));
                char *text = json_dumps(copy, JSON_COMPACT);
                buf_append_cstr(&out, text);
                buf_append_octet(&out, '\n');
                free(text);
                json_decref(copy);
            }
        }
    }
    for (size_t i = 0; i < 3; i++)
        json_decref(parts[i]);
    char *text = mem_slice_dup(buf_slice(&out));
    *len_out = out.len;
    buf_deinit(&out);
    return text;
}

static char *found_text(const char *path, const char *expr, struct find_options options,
                        uint64_t *hits_out, struct recording_report *report_out)
{
    struct err err;
    char *text;
    size_t size;
    struct filter *filter = filter_parse(slice_cstr(expr), &err);
    assert_non_null(filter);
    FILE *to = open_memstream(&text, &size);
    options.json = true;
    assert_true(find_in_file(filter, &options, path, to, hits_out, report_out, &err));
    fclose(to);
    filter_free(&filter);
    return text;
}

/* Every field, alone, negated and joined. */
static const char *const more[] = {"code=4* or text~NONSENSE",
                                   "enhanced=5.*",
                                   "kind=deviation",
                                   "deviation",
                                   "rcpt~elsewhere",
                                   "text~\"over quota\"",
                                   "code>=400 or code<200",
                                   "kind=content and text~no",
                                   "text~o",
                                   "kind=reply and code=550",
                                   "not code=250 and code",
                                   "text=\"* is no reply\"",
                                   "kind=link_up",
                                   "dt>1us",
                                   "dt>20us and code=250",
                                   "dt<1s and verb=RCPT",
                                   "dt!=5us",
                                   "not dt and code",
                                   "code=550 and not dt>1us",
                                   "verb=RCPT",
                                   "verb=VRFY or dt>1m",
                                   "verb!=RCPT",
                                   "verb=DATA",
                                   "verb=CONNECT",
                                   "verb~O and code>=400",
                                   "peer~foo",
                                   "peer~program and code=550",
                                   "peer!=foo and verb=QUIT",
                                   "not peer~foo and code=550",
                                   "peer~foo or verb=NONSENSE",
                                   "conn=5 or conn=9",
                                   "conn>20 and conn<24",
                                   "tls",
                                   "tls=off and code=550",
                                   "not tls and verb=VRFY",
                                   "dir=S and code=5*",
                                   "time>1ms and code=452",
                                   "time<1s and verb=VRFY",
                                   "kind=octets and conn=5",
                                   "kind=state and text~mail"};

static void assert_same(const char *path, const char *expr)
{
    static const size_t windows[] = {300, 8192, 0};
    uint64_t hits, skimmed_hits;
    struct recording_report report, skimmed_report;
    char *read = found_text(path, expr, (struct find_options){.no_skim = true}, &hits, &report);
    for (size_t w = 0; w < sizeof(windows) / sizeof(*windows); w++) {
        char *skimmed = found_text(path, expr, (struct find_options){.window_octets = windows[w]},
                                   &skimmed_hits, &skimmed_report);
        if (hits != skimmed_hits || strcmp(read, skimmed) != 0)
            fail_msg("%s, windows of %zu: %llu hits read, %llu skimmed\n%s---\n%s", expr,
                     windows[w], (unsigned long long)hits, (unsigned long long)skimmed_hits, read,
                     skimmed);
        assert_int_equal(report.lines_bad, skimmed_report.lines_bad);
        assert_int_equal(report.first_bad_line, skimmed_report.first_bad_line);
        free(skimmed);
    }
    free(read);
}

static void assert_all_same(const char *path)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_same(path, table[i].expr);
    for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
        assert_same(path, more[i]);
}

static void test_skimming(void **state)
{
    (void)state;
    size_t len;
    char *recording = many_sessions(9, &len);
    char *path = write_file(recording, len);
    assert_all_same(path);
    unlink(path);
    mem_free(path);
    mem_free(recording);
}

static void test_skimming_fixtures(void **state)
{
    (void)state;
    static const char *const names[] = {"several", "pop3", "refused", "session", "imap"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[80];
        snprintf(path, sizeof(path), "tests/screen/fixtures/%s.jsonl", names[i]);
        assert_int_equal(access(path, R_OK), 0);
        assert_all_same(path);
    }
}

/* Lines left out at random: commands without words, replies without commands, connections without
 * an end. */
static void test_skimming_holes(void **state)
{
    (void)state;
    size_t len;
    char *recording = many_sessions(2, &len);
    uint32_t random = 20261125;
    for (int round = 0; round < 4; round++) {
        struct buf out;
        buf_init(&out, len + 1);
        for (struct slice rest = slice_of(recording, len); rest.len > 0;) {
            size_t n = (size_t)slice_find_octet(rest, '\n') + 1;
            random = random * 1664525 + 1013904223;
            if (rest.ptr == (uint8_t *)recording || (random >> 16) % 16 >= 1u << round)
                buf_append(&out, slice_take(rest, n));
            rest = slice_skip(rest, n);
        }
        char *path = write_file((char *)out.ptr, out.len);
        assert_all_same(path);
        unlink(path);
        mem_free(path);
        buf_deinit(&out);
    }
    mem_free(recording);
}

/* Lines with a good head and a good end, damaged between, on connections that hold no hit. */
static void test_skimming_damage(void **state)
{
    (void)state;
    static const struct {
        const char *there, *instead; /* of the same length */
    } damage[] = {{"\",\"verb\":\"VRFY", " ,\"verb\":\"VRFY"},
                  {"\"verb\":\"VRFY\"", "\"verb\":\"VR\x01Y\""},
                  {"}\n{\"seq\":40,", "} {\"seq\":40,"},
                  {"\"lines\":1,", "\"lines\":{,"}};
    for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
        size_t len;
        char *recording = many_sessions(3, &len);
        char *at = strstr(recording, damage[i].there);
        assert_non_null(at);
        assert_int_equal(strlen(damage[i].instead), strlen(damage[i].there));
        memcpy(at, damage[i].instead, strlen(damage[i].instead));
        char *path = write_file(recording, len);
        struct recording_report report;
        uint64_t hits;
        free(found_text(path, "code=599", (struct find_options){.json = true}, &hits, &report));
        if (report.lines_bad != 1)
            fail_msg("%s: %llu lines bad", damage[i].instead, (unsigned long long)report.lines_bad);
        assert_same(path, "code=599");
        unlink(path);
        mem_free(path);
        mem_free(recording);
    }
}

static void test_hostile_is_safe(void **state)
{
    (void)state;
    struct journal *j = journal_new(clock_system());
    uint32_t conn = journal_conn_new(j);
    struct slice line = SLICE_LIT("550 \x1b[2J\xe2\x80\xae red \xff\r\n");
    journal_append_octets(j, conn, DIR_S, LAYER_PLAIN, 0, false, line, NULL, 0, true);
    JOURNAL_APPEND(j, conn, REPLY, 0, 0,
                   (struct ev_reply){.code = 550, .lines = 1, .length = line.len});
    struct err err;
    struct filter *filter = filter_parse(slice_cstr("code=550"), &err);
    for (int json = 0; json < 2; json++) {
        const struct find_options options = {.json = json};
        char *text;
        size_t size;
        FILE *to = open_memstream(&text, &size);
        assert_int_equal(find_in_journal(filter, &options, j, "live", to), 1);
        fclose(to);
        for (size_t i = 0; i + 1 < size; i++)
            if ((uint8_t)text[i] < 0x20 || (!json && (uint8_t)text[i] > 0x7e))
                fail_msg("octet %02x in %s", (unsigned)(uint8_t)text[i], text);
        free(text);
    }
    filter_free(&filter);
    journal_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits),
        cmocka_unit_test(test_line_numbers),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_larger_than_memory),
        cmocka_unit_test(test_skimming),
        cmocka_unit_test(test_skimming_fixtures),
        cmocka_unit_test(test_skimming_holes),
        cmocka_unit_test(test_skimming_damage),
        cmocka_unit_test(test_hostile_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
