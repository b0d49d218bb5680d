/* Every format against a session that was really held. */
#include <ctype.h>
#include <jansson.h>

#include "report/export.h"
#include "report/steps.h"
#include "world.h"

static const char message[] = "Subject: <b>bold</b> & \"quoted\"\r\n"
                              "\r\n"
                              ".one dot\r\n"
                              "..two dots\r\n"
                              "/set name evil\r\n"
                              "expect nothing\r\n"
                              "\r\n"
                              "last\r\n";
static const char script[] = "/open practice\n"
                             "expect code 220\n"
                             "EHLO client.example.net\n"
                             "STARTTLS\n"
                             "expect event tls_up 20\n"
                             "EHLO client.example.net\n"
                             "/auth PLAIN\n"
                             "expect code 235\n"
                             "/note remember this\n"
                             "/mark login\n"
                             "MAIL FROM:<ann@example.net>\n"
                             "RCPT TO:<any+550@example.test>\n"
                             "RCPT TO:<bob@example.test>\n"
                             "DATA\n"
                             "Subject: <b>bold</b> & \"quoted\"\n"
                             "\n"
                             ".one dot\n"
                             "..two dots\n"
                             "//set name evil\n"
                             "expect nothing\n"
                             "\n"
                             "last\n"
                             ".\n"
                             "QUIT\n";

struct state {
    struct world world;
    char *recording;
    struct journal *journal; /* the recording, read back */
};

static void log_in(struct world *w)
{
    settings_set(w->settings, SETTING_ID_user, "alice", NULL);
    settings_set(w->settings, SETTING_ID_password_command, "echo secret", NULL);
}

static int set_up(void **state)
{
    struct state *s = mem_zalloc(sizeof(*s));
    world_init(&s->world);
    log_in(&s->world);
    world_run(&s->world, script);
    s->recording = world_recording(s->world.journal);
    s->journal = world_read(s->recording);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct state *s = *state;
    journal_free(&s->journal);
    world_deinit(&s->world);
    mem_free(s->recording);
    mem_free(s);
    return 0;
}

/* The export as one text; the caller frees. */
static char *export_of(const struct journal *j, const char *format, size_t *size_out)
{
    const struct export_options options = {
        .name = "<i>a & b</i>.jsonl", .tool = "smtpscope test", .standard_ports = true};
    struct err err;
    char *text;
    FILE *to = open_memstream(&text, size_out);
    if (!export_write(j, export_format_by_name(format), &options, to, &err))
        fail_msg("%s: %s", format, err.text);
    fclose(to);
    return text;
}

static const struct {
    const char *format, *has;
} lines[] = {
    {"text", "S: 220 mx.example.test ESMTP smtpscope practice server\n"},
    {"text", "C: MAIL FROM:<ann@example.net>\n"},
    {"text", "C: ..one dot\n"},
    {"text", "== TLSv1.3 "},
    {"text", "-- note: remember this\n"},
    {"swaks", "=== Trying "},
    {"swaks", "=== Connected to "},
    {"swaks", "\n<-  220 mx.example.test"},
    {"swaks", "\n -> STARTTLS\n"},
    {"swaks", "\n=== TLS started with cipher TLSv1.3:TLS_AES_256_GCM_SHA384:256\n"},
    {"swaks", "\n ~> MAIL FROM:<ann@example.net>\n"},
    {"swaks", "\n<~  250 2.1.0 Ok\n"},
    {"swaks", "\n<~* 550 5.1.1 "},
    {"swaks", "\n ~> .\n"},
    {"swaks", "\n=== Connection closed with remote host.\n"},
    {"markdown", "# `<i>a & b</i>.jsonl`\n"},
    {"markdown", "| outcome | 1 message accepted, 550 5.1.1 at RCPT |\n"},
    {"markdown", "| TLS | `TLSv1.3 TLS_AES_256_GCM_SHA384 "},
    {"markdown", "| began | `20"},
    {"markdown", "\n````text\n"},
    {"markdown", "C: Subject: <b>bold</b> & \"quoted\"\n"},
    {"html", "<title>&lt;i&gt;a &amp; b&lt;/i&gt;.jsonl</title>"},
    {"html", "<details><summary>message, 9 lines, "},
    {"html", "Subject: &lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;"},
    {"html", "<div class=\"l S bad tls\">"},
    {"html", "@media print"},
    {"svg", "<title>&lt;i&gt;a &amp; b&lt;/i&gt;.jsonl</title>"},
    {"svg", ">STARTTLS</text>\n"},
    {"svg", "content: 9 lines, "},
    {"svg", "<line class=\"lbad\" x1=\"770\""},
    {"svg", "note: remember this</text>"},
    {"script", "\nexpect code 220\n"},
    {"script", "\nSTARTTLS\nexpect code 220\nexpect code 2.0.0\nexpect event tls_up 30\n"},
    {"script", "\n/auth PLAIN\nexpect code 235\n"},
    {"script", "\nRCPT TO:<any+550@example.test>\nexpect code 550\nexpect code 5.1.1\n"},
    {"script", "\n//set name evil\nexpect nothing\n"},
    {"cast", "{\"version\":2,"},
    {"cast", ",\"m\",\"note: remember this\"]\n"},
    {"cast", ",\"m\",\"mark login\"]\n"},
    {"text",
     "S: 235 2.7.0 Authentication successful\n-- note: remember this\n-- mark login\nC: MAIL"},
    {"swaks", "\n=== note: remember this\n=== mark login\n ~> MAIL"},
    {"markdown", "\n-- note: remember this\n-- mark login\nC: MAIL"},
    {"html", "<div class=\"l note\"><b></b><i>-</i><span>note: remember this</span></div>\n"},
    {"script", "\n/note remember this\n/mark login\nMAIL FROM"},
    {"json", "\"annotations\":[{\"note\":\"remember this\",\"seq\":"},
    {"json", "{\"mark\":\"login\",\"seq\":"},
};

static void test_lines(void **state)
{
    struct state *s = *state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        size_t size;
        char *text = export_of(s->journal, lines[i].format, &size);
        if (!strstr(text, lines[i].has))
            fail_msg("%s lacks \"%s\":\n%s", lines[i].format, lines[i].has, text);
        free(text);
    }
}

/* A live journal knows the password; no format says it, in any of its forms. */
static void test_no_secret_leaves(void **state)
{
    struct state *s = *state;
    static const char *const forms[] = {"AGFsaWNlAHNlY3JldA==", "c2VjcmV0", "\0alice\0secret"};
    const struct export_format *f;
    for (size_t i = 0; (f = export_format_at(i)); i++) {
        size_t size;
        char *text = export_of(s->world.journal, f->name, &size);
        struct slice whole = slice_of(text, size);
        for (size_t k = 0; k < 2; k++)
            if (slice_find(whole, slice_cstr(forms[k])) >= 0)
                fail_msg("%s holds %s", f->name, forms[k]);
        assert_true(slice_find(whole, slice_of(forms[2], 13)) < 0);
        free(text);
    }
}

/* The message is as it was sent, and as the practice server got it. */
static void test_eml(void **state)
{
    struct state *s = *state;
    size_t size;
    char *text = export_of(s->journal, "eml", &size);
    if (size != sizeof(message) - 1 || memcmp(text, message, size) != 0)
        fail_msg("%.*s", (int)size, text);
    struct mock_message kept;
    assert_true(mock_message_at(console_mock(s->world.console), 0, &kept));
    assert_true(slice_find(kept.octets, slice_of(text, size)) > 0);
    assert_int_equal(export_message_count(s->journal), 1);
    free(text);

    struct err err;
    const struct export_options options = {.name = "x", .tool = "x", .message = 2};
    FILE *to = open_memstream(&text, &size);
    assert_false(export_write(s->journal, export_format_by_name("eml"), &options, to, &err));
    assert_non_null(strstr(err.text, "no message 2"));
    fclose(to);
    free(text);
}

/* The script says the same again and gets the same; its own export is the same script. */
static void test_script_runs_again(void **state)
{
    struct state *s = *state;
    size_t size, again_size;
    char *text = export_of(s->journal, "script", &size);
    char *with_open = mem_printf("/open practice\n%s", text);
    struct world w;
    world_init(&w);
    log_in(&w);
    world_run(&w, with_open);
    char *eml = export_of(w.journal, "eml", &again_size);
    assert_int_equal(again_size, sizeof(message) - 1);
    assert_memory_equal(eml, message, again_size);
    char *again = export_of(w.journal, "script", &again_size);
    if (strcmp(strchr(text, '\n'), strchr(again, '\n')) != 0)
        fail_msg("%s\n---\n%s", text, again);
    world_deinit(&w);
    mem_free(with_open);
    free(eml);
    free(text);
    free(again);
}

/* Octets that no typed line could say go as /raw, and come out the same. */
static void test_script_of_odd_octets(void **state)
{
    (void)state;
    static const char *const raws[] = {"/raw \"NOOP \\x01\\xff\\\"\\r\\n\"\n",
                                       "/raw \"expect me\\r\\n\"\n", "/raw \"NOOP\\n\"\n",
                                       "/raw \"#\\r\\n\"\n",
                                       /* What turns text round or begins a control sequence. */
                                       "/raw \"NOOP \\xe2\\x80\\xae\\xc2\\x9b\\r\\n\"\n"};
    struct buf text;
    size_t size;
    buf_init(&text, 65536);
    buf_append_cstr(&text, "/open practice\nEHLO client.example.net\n");
    for (size_t i = 0; i < sizeof(raws) / sizeof(*raws); i++)
        buf_append_cstr(&text, raws[i]);
    buf_append_cstr(&text, "//slash\nQUIT\n");
    char *recording = world_record(buf_cstr(&text));
    struct journal *j = world_read(recording);
    char *out = export_of(j, "script", &size);
    for (size_t i = 0; i < sizeof(raws) / sizeof(*raws); i++)
        if (!strstr(out, raws[i]))
            fail_msg("%s is not in %s", raws[i], out);
    assert_non_null(strstr(out, "\n//slash\n"));
    free(out);
    journal_free(&j);
    mem_free(recording);
    buf_deinit(&text);
}

static void test_json(void **state)
{
    struct state *s = *state;
    size_t size;
    char *text = export_of(s->journal, "json", &size);
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s\n%s", error.text, text);
    const json_t *conn = json_array_get(json_object_get(root, "connections"), 0);
    assert_string_equal(json_string_value(json_object_get(conn, "outcome")), "partly");
    assert_true(json_is_true(json_object_get(json_object_get(conn, "tls"), "ok")));
    assert_true(json_is_true(json_object_get(json_object_get(conn, "auth"), "ok")));
    const json_t *envelope = json_array_get(json_object_get(conn, "envelopes"), 0);
    assert_string_equal(json_string_value(json_object_get(envelope, "from")), "<ann@example.net>");
    const json_t *recipients = json_object_get(envelope, "recipients");
    assert_int_equal(json_array_size(recipients), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(recipients, 0), "code")),
                     550);
    const json_t *sent = json_object_get(envelope, "message");
    assert_int_equal(json_integer_value(json_object_get(sent, "octets")), sizeof(message) - 1);
    const json_t *clear = json_object_get(json_object_get(conn, "capabilities"), "clear");
    assert_true(json_array_size(clear) > 3);
    assert_true(json_array_size(json_object_get(conn, "steps")) > 8);
    json_decref(root);
    free(text);
}

static void test_cast_is_json_lines_that_go_on(void **state)
{
    struct state *s = *state;
    size_t size;
    char *text = export_of(s->journal, "cast", &size), *rest = strchr(text, '\n') + 1;
    double last = 0;
    for (char *end; (end = strchr(rest, '\n')); rest = end + 1) {
        json_t *event = json_loadb(rest, (size_t)(end - rest), 0, NULL);
        assert_non_null(event);
        double at = json_number_value(json_array_get(event, 0));
        assert_true(at >= last);
        last = at;
        json_decref(event);
    }
    assert_string_equal(rest, "");
    free(text);
}

/* Tags open and close in order, nothing runs and nothing is fetched. */
static void markup_of(struct state *s, const char *format)
{
    size_t size, depth = 0;
    char *text = export_of(s->journal, format, &size), *open[64];
    static const char *const never[] = {
        "<script", "http:", "https:", "src=", "href=", "url(", "@import", "onclick"};
    /* The one address in it is the name of what it is. */
    static const char name[] = " xmlns=\"http://www.w3.org/2000/svg\"";
    char *xmlns = strstr(text, name);
    assert_true((xmlns != NULL) == (strcmp(format, "svg") == 0));
    if (xmlns)
        memset(xmlns, ' ', sizeof name - 1);
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        assert_null(strstr(text, never[i]));
    for (char *at = text; (at = strchr(at, '<')); at++) {
        size_t tag = strcspn(at, ">");
        if (at[1] == '!' || strncmp(at, "<meta", 5) == 0 || at[tag - 1] == '/')
            continue;
        if (at[1] != '/') {
            assert_true(isalpha((unsigned char)at[1]) && depth < 64);
            open[depth++] = at + 1;
            continue;
        }
        assert_true(depth > 0);
        size_t len = strcspn(at + 2, ">");
        if (strncmp(open[--depth], at + 2, len) != 0 || isalpha((unsigned char)open[depth][len]))
            fail_msg("<%.10s closed by %.12s", open[depth], at);
    }
    assert_int_equal(depth, 0);
    free(text);
}

static void test_markup(void **state)
{
    markup_of(*state, "html");
    markup_of(*state, "svg");
}

static uint32_t le32(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Blocks lie end to end with their length at both ends; packets hold the plain dialogue, to
 * port 587, as somebody logs in. */
static void test_pcapng(void **state)
{
    struct state *s = *state;
    size_t size, packets = 0, comments = 0;
    char *bytes = export_of(s->journal, "pcapng", &size);
    assert_int_equal(le32(bytes), 0x0A0D0D0A);
    for (size_t at = 0; at < size;) {
        uint32_t len = le32(bytes + at + 4);
        assert_true(len >= 12 && len % 4 == 0 && len <= size - at);
        assert_int_equal(le32(bytes + at + len - 4), len);
        if (le32(bytes + at) == 6) {
            const uint8_t *ip = (const uint8_t *)bytes + at + 28;
            uint32_t octets = le32(bytes + at + 20);
            assert_int_equal(ip[0], 0x45);
            assert_int_equal(ip[2] << 8 | ip[3], octets);
            assert_true((ip[20] << 8 | ip[21]) == 587 || (ip[22] << 8 | ip[23]) == 587);
            uint32_t sum = 0;
            for (int i = 0; i < 20; i += 2)
                sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
            assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
            comments += len > 32 + (octets + 3) / 4 * 4;
            packets++;
        }
        at += len;
    }
    assert_true(packets > 10);
    assert_true(comments > 0);
    assert_true(slice_find(slice_of(bytes, size), SLICE_LIT("EHLO client.example.net\r\n")) > 0);
    assert_true(slice_find(slice_of(bytes, size), SLICE_LIT("note: remember this; mark: login")) >
                0);
    free(bytes);
}

/* Nothing raw from a peer: controls, bidi, markup, broken UTF-8, a fence. */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const text_formats[] = {"text", "swaks", "markdown", "html",
                                               "json", "cast",  "svg"};
    struct journal *j = journal_new(clock_system());
    uint32_t conn = journal_conn_new(j);
    struct slice line =
        SLICE_LIT("550 \x1b[2J\xe2\x80\xae </span><script>x</script> ```` \xff\x00\x9b\r\n");
    JOURNAL_APPEND(j, conn, LINK_UP, 0, 0,
                   (struct ev_link_up){.peer = SLICE_LIT("\x1b]0;x\x07<b>"), .name = line});
    journal_append_octets(j, conn, DIR_S, LAYER_PLAIN, 0, false, line, NULL, 0, true);
    JOURNAL_APPEND(j, conn, REPLY, 0, 0,
                   (struct ev_reply){
                       .code = 550, .verb = SLICE_LIT("CONNECT"), .lines = 1, .length = line.len});
    JOURNAL_APPEND(j, conn, DEVIATION, 0, 0,
                   (struct ev_deviation){.rule = line, .note = line, .dir = DIR_S});
    for (size_t i = 0; i < sizeof(text_formats) / sizeof(*text_formats); i++) {
        size_t size;
        char *text = export_of(j, text_formats[i], &size);
        for (size_t k = 0; k < size; k++)
            if (((uint8_t)text[k] < 0x20 && text[k] != '\n') || (uint8_t)text[k] == 0x7f)
                fail_msg("%s: octet %02x", text_formats[i], (unsigned)(uint8_t)text[k]);
        struct slice whole = slice_of(text, size);
        assert_true(slice_find(whole, SLICE_LIT("\xe2\x80\xae")) < 0);
        assert_true(slice_find(whole, SLICE_LIT("\xff")) < 0);
        if (strcmp(text_formats[i], "html") == 0)
            assert_true(slice_find(whole, SLICE_LIT("<script")) < 0);
        assert_true(slice_find(whole, SLICE_LIT("\n````\n````")) < 0);
        free(text);
    }
    journal_free(&j);
}

/* Keys stand before the first packet, to the octet. */
static void test_pcapng_keys(void **state)
{
    struct state *s = *state;
    const struct export_options options = {
        .name = "x", .tool = "x", .keys = SLICE_LIT("CLIENT_RANDOM 00 11\n")};
    struct err err;
    char *bytes;
    size_t size, at = 0;
    FILE *to = open_memstream(&bytes, &size);
    assert_true(export_write(s->journal, export_format_by_name("pcapng"), &options, to, &err));
    fclose(to);
    for (; at < size && le32(bytes + at) != 10; at += le32(bytes + at + 4))
        assert_int_not_equal(le32(bytes + at), 6);
    assert_true(at < size);
    assert_int_equal(le32(bytes + at + 8), 0x544c534b);
    assert_int_equal(le32(bytes + at + 12), 20);
    assert_memory_equal(bytes + at + 16, "CLIENT_RANDOM 00 11\n", 20);
    free(bytes);
}

static void many_lines(struct journal *j)
{
    for (unsigned conn = 1; conn <= 1000; conn++) {
        const struct slice asked = SLICE_LIT("NOOP\r\n"), said = SLICE_LIT("550-no\r\n550 no\r\n");
        journal_conn_new(j);
        for (unsigned i = 0; i < 12; i++) {
            uint64_t seq =
                journal_append_octets(j, conn, DIR_C, LAYER_PLAIN, 0, false, asked, NULL, 0, true);
            journal_append_octets(j, conn, DIR_S, LAYER_PLAIN, 0, false, said, NULL, 0, true);
            JOURNAL_APPEND(j, conn, REPLY, 0, seq,
                           (struct ev_reply){.code = 550, .offset = i * 16, .length = 16});
            if (i == 5)
                JOURNAL_APPEND(j, conn, NOTE, 0, seq,
                               (struct ev_note){.level = LEVEL_REMARK, .text = SLICE_LIT("seen")});
        }
    }
}

/* In stretches, with what was written forgotten, a format says the same as in one piece. */
static void test_stretches(void **state)
{
    static const char *const formats[] = {"text", "swaks", "markdown", "cast"};
    struct journal *j = journal_new(clock_system());
    (void)state;
    many_lines(j);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *texts[2];
        for (unsigned k = 0; k < 2; k++) {
            const struct export_options options = {
                .name = "x", .tool = "x", .window_lines = k ? 1 : 1 << 20};
            struct err err;
            size_t size;
            FILE *to = open_memstream(&texts[k], &size);
            assert_true(export_write(j, export_format_by_name(formats[i]), &options, to, &err));
            fclose(to);
            assert_true(size > 300000);
        }
        assert_string_equal(texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
    }
    journal_free(&j);
}

/* The steps of one connection read alone are those it has among all. */
static void test_steps_of_one(void **state)
{
    static const uint32_t wanted[] = {0, 1, 500, 1000, 1001};
    struct journal *j = journal_new(clock_system());
    struct session_steps all, one;
    (void)state;
    many_lines(j);
    session_steps_read(&all, j);
    assert_int_equal(all.n_conns, 1000);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        session_steps_read_main(&one, j, wanted[i]);
        const struct step_list *a = session_steps_main(&all, wanted[i]);
        const struct step_list *b = session_steps_main(&one, wanted[i]);
        assert_int_equal(a != NULL, b != NULL);
        assert_int_equal(one.n_conns, a != NULL);
        if (a) {
            assert_int_equal(a->conn, b->conn);
            assert_int_equal(b->n_steps, 12);
            assert_int_equal(a->n_steps, b->n_steps);
            assert_int_equal(a->steps[11].reply_seq, b->steps[11].reply_seq);
        }
        session_steps_deinit(&one);
    }
    session_steps_deinit(&all);
    journal_free(&j);
}

static void test_table(void **state)
{
    (void)state;
    assert_non_null(export_format_by_name("text"));
    assert_null(export_format_by_name("docx"));
    for (size_t i = 0; export_format_at(i); i++)
        assert_true(*export_format_at(i)->help && *export_format_at(i)->extension);
}

/* However many lines a login takes, in a script it is one, and what it came to. */
static void test_script_logs_in(void **state)
{
    static const struct {
        const char *session, *script;
    } rows[] = {
        {"/open imap://practice\n/auth SCRAM-SHA-256 bob\nexpect code OK 20\nNOOP\n",
         "/auth SCRAM-SHA-256\nexpect code OK\n"},
        {"/open pop3://practice\n/auth SCRAM-SHA-256 bob\nexpect code +OK 20\nNOOP\n",
         "/auth SCRAM-SHA-256\nexpect code +OK\nNOOP\nexpect code +OK\n"},
        {"/open pop3://practice\nUSER bob\nPASS secret\nNOOP\n",
         "/auth LOGIN\nexpect code +OK\nNOOP\nexpect code +OK\n"},
        {"/open submission://practice\n/auth SCRAM-SHA-256 bob\nexpect code 235 20\nNOOP\n",
         "/auth SCRAM-SHA-256\nexpect code 235\nexpect code 2.7.0\nNOOP\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        size_t size;
        world_init(&w);
        settings_set(w.settings, SETTING_ID_password_command, "echo secret", NULL);
        world_run(&w, rows[i].session);
        char *text = export_of(w.journal, "script", &size);
        if (!strstr(text, rows[i].script) || strstr(text, "USER bob"))
            fail_msg("no \"%s\" in:\n%s", rows[i].script, text);
        free(text);
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script_logs_in),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_secret_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_eml, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_script_runs_again, set_up, tear_down),
        cmocka_unit_test(test_script_of_odd_octets),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cast_is_json_lines_that_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_markup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pcapng, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pcapng_keys, set_up, tear_down),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_steps_of_one),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
