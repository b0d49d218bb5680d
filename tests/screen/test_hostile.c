/* What a hostile peer, paste or recording sends is shown, never obeyed: none of its octets reaches
 * the terminal as a control, a bidi override or an invisible character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "../lib/screen.h"

/* What a terminal would obey. Each has a mark of its own, so that it cannot be one of our own
 * sequences by chance. */
static const struct {
    const char *name, *octets;
} corpus[] = {
    {"OSC 0, a title", "\033]0;evil\007"},
    {"OSC 0 with ST", "\033]0;evil\033\\"},
    {"OSC 8, a link", "\033]8;;http://evil.example/\033\\click\033]8;;\033\\"},
    {"OSC 52, the clipboard", "\033]52;c;ZXZpbA==\007"},
    {"OSC 777 as our marker", "\033]777;sync;evil\007"},
    {"DCS", "\033P1$r0m\033\\"},
    {"APC", "\033_Gevil\033\\"},
    {"PM", "\033^evil\033\\"},
    {"SGR", "\033[5;8;31mevil"},
    {"ED", "\033[2Jevil\033[3J"},
    {"CUP", "\033[1;1Hevil"},
    {"the alternate screen", "\033[?1049levil"},
    {"DECRQSS and answers", "\033[6n\033[c\033[>c\033[21tevil"},
    {"RIS", "\033cevil"},
    {"C1 CSI in UTF-8", "\302\2335;8;31mevil"},
    {"C1 OSC in UTF-8", "\302\2350;evil\302\234"},
    {"C1 NEL and DCS in UTF-8", "\302\205\302\220evil"},
    {"C1 CSI, raw", "\2335;8;31mevil"},
    {"RLO", "evil\342\200\256live"},
    {"LRI and PDI", "evil\342\201\246live\342\201\251"},
    {"RLM, LRM, ALM", "\342\200\217\342\200\216\330\234evil"},
    {"zero width space and joiners", "ev\342\200\213il\342\200\214\342\200\215"},
    {"BOM", "\357\273\277evil"},
    {"a tag character", "evil\363\240\201\201\363\240\201\202"},
    {"soft hyphen", "ev\302\255il"},
    {"line and paragraph separators", "\342\200\250evil\342\200\251"},
    {"BEL and ENQ", "\007\005evil"},
    {"SO and SI", "\016evil\017"},
    {"DEL", "evil\177\177\177\177"},
    {"BS over a text", "bad\b\b\bgood"},
    {"VT and FF", "a\vb\fc"},
    {"no UTF-8", "\377\376\300\200\355\240\200\364\220\200\200evil"},
    {"cut UTF-8", "evil\342\200"},
    {"many combining marks", "z\314\200\314\201\314\202\314\203\314\204\314\205\314\206\314\207"},
    {"an emoji sequence", "\360\237\221\251\342\200\215\360\237\222\273\357\270\217"},
    {"right-to-left letters", "\327\220\327\221\327\222"},
};
static const char forged[] = "550 5.7.1 refused, this is what it said\r250 2.0.0 Ok: queued as 4Tq";

/* ---- a server that says all of it ---- */

static bool put_reply(int fd, const char *code, const char *payload, bool multi)
{
    char reply[1024];
    int len = multi ? snprintf(reply, sizeof reply, "%s-first %s\r\n%s-%s second\r\n%s last\r\n",
                               code, payload, code, payload, code)
                    : snprintf(reply, sizeof reply, "%s %s\r\n", code, payload);
    return screen_put(fd, reply, (size_t)len);
}

/* EHLO: every payload as a capability. NOOP n: payload n as a reply; RSET n: in several lines;
 * VRFY: the forged one; DATA takes a message; else 250. */
static void serve_hostile(int fd, void *ctx)
{
    const size_t *banner = ctx;
    char line[512];
    unsigned n;
    if (!put_reply(fd, "220", corpus[*banner].octets, *banner % 2))
        return;
    while (screen_get_line(fd, line, sizeof line)) {
        if (strncmp(line, "EHLO", 4) == 0) {
            for (size_t i = 0; i < N_OF(corpus); i++) {
                char cap[256];
                int len = snprintf(cap, sizeof cap, "250-X%s\r\n", corpus[i].octets);
                screen_put(fd, cap, (size_t)len);
            }
            screen_put(fd, "250 HELP\r\n", 10);
        } else if (sscanf(line, "NOOP %u", &n) == 1 && n < N_OF(corpus)) {
            put_reply(fd, "250", corpus[n].octets, false);
        } else if (sscanf(line, "RSET %u", &n) == 1 && n < N_OF(corpus)) {
            put_reply(fd, "550", corpus[n].octets, true);
        } else if (strncmp(line, "VRFY", 4) == 0) {
            screen_put(fd, forged, sizeof forged - 1);
            screen_put(fd, "\r\n", 2);
        } else if (strncmp(line, "DATA", 4) == 0) {
            put_reply(fd, "354", "go on", false);
            while (screen_get_line(fd, line, sizeof line) && line[0] != '.')
                continue;
            put_reply(fd, "250", "kept", false);
        } else if (!put_reply(fd, "250", "ok", false)) {
            return;
        }
    }
}

static void assert_harmless(struct vt *v)
{
    screen_assert_clean(v);
    /* What the strict reading of the stream above would let pass as one of our own. */
    static const char *const never[] = {"\033[5;8;31m", "\033[3J",  "\033[6n", "\033c",
                                        "\033]0;",      "\033]52;", "\033]8;", "\033]777;sync;e",
                                        "\033[21t",     "\033[c"};
    for (size_t i = 0; i < N_OF(never); i++)
        vt_assert_no_bytes(v, never[i], strlen(never[i]));
}

static void test_banner(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(corpus); i++) {
        struct screen_server server;
        screen_server_start(&server, serve_hostile, &i);
        const char *const args[] = {server.target, NULL};
        struct vt *v = screen_open(24, 80, NULL, args);
        screen_wait(v, "220");
        vt_key(v, "<A-x>"); /* the octets of it */
        vt_sync(v);
        assert_harmless(v);
        screen_quit(&v);
        screen_server_stop(&server);
    }
}

static void open_hostile(struct screen_server *server, struct vt **v, int rows, int cols)
{
    static const size_t first = 0;
    screen_server_start(server, serve_hostile, (void *)&first);
    const char *const args[] = {server->target, NULL};
    *v = screen_open(rows, cols, NULL, args);
    screen_wait(*v, "220");
}

static void test_replies(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {40, 120}, {10, 40}, {60, 200}};
    for (size_t s = 0; s < N_OF(sizes); s++) {
        struct screen_server server;
        struct vt *v;
        open_hostile(&server, &v, sizes[s][0], sizes[s][1]);
        for (unsigned i = 0; i < N_OF(corpus); i++) {
            char line[32];
            snprintf(line, sizeof line, "NOOP %u", i);
            screen_line(v, line);
            snprintf(line, sizeof line, "RSET %u", i);
            screen_line(v, line);
        }
        screen_line(v, "NOOP 12345");
        screen_wait(v, "250 ok");
        vt_key(v, "<C-Home><A-n><A-n><A-e><A-s><A-s>");
        vt_sync(v);
        screen_line(v, "/explain");
        vt_key(v, "<F3>evil");
        vt_sync(v);
        assert_harmless(v);
        screen_quit(&v);
        screen_server_stop(&server);
    }
}

static void test_capabilities(void **state)
{
    (void)state;
    struct screen_server server;
    struct vt *v;
    open_hostile(&server, &v, 60, 200);
    screen_line(v, "EHLO client.example.net");
    screen_wait_caps(v, false);
    for (int i = 0; i < 7; i++) { /* each section of the decoded pane */
        vt_key(v, "<A-s>");
        vt_sync(v);
    }
    vt_send(v, "MAIL FROM:<a@b> X\t\t\t"); /* completion offers what the server did */
    vt_sync(v);
    assert_harmless(v);
    screen_quit(&v);
    screen_server_stop(&server);
}

/* Beside the lines of a message stands how its encoded headers read: nothing but text. */
static void test_beside(void **state)
{
    (void)state;
    struct screen_server server;
    struct vt *v;
    open_hostile(&server, &v, 60, 200);
    screen_line(v, "MAIL FROM:<a@b.example>");
    screen_line(v, "DATA");
    screen_wait(v, "354 go on");
    for (size_t i = 0; i < N_OF(corpus); i++) {
        unsigned char base64[200];
        char line[256];
        EVP_EncodeBlock(base64, (const uint8_t *)corpus[i].octets, (int)strlen(corpus[i].octets));
        snprintf(line, sizeof line, "Subject: =?utf-8?B?%s?=", (char *)base64);
        screen_line(v, line);
    }
    screen_wait(v, "reads: ");
    screen_line(v, ".");
    screen_wait(v, "250 kept");
    screen_line(v, "/fold none");
    vt_key(v, "<PgUp>");
    vt_sync(v);
    assert_harmless(v);
    screen_quit(&v);
    screen_server_stop(&server);
}

/* The refusal stands there, and what should hide it stands behind it. */
static void test_no_forged_success(void **state)
{
    (void)state;
    struct screen_server server;
    struct vt *v;
    open_hostile(&server, &v, 24, 120);
    screen_line(v, "VRFY ann");
    screen_wait(v, "550 5.7.1 refused, this is what it said");
    for (int row = 0; row < 24; row++) {
        const char *text = vt_row(v, row), *ok = strstr(text, "250 2.0.0 Ok: queued");
        if (ok && strstr(text, "550 5.7.1") == NULL) {
            vt_print_screen(v);
            fail_msg("a forged 250 stands alone in row %d", row);
        }
    }
    screen_line(v, "NOOP 29"); /* "bad" BS BS BS "good" */
    screen_wait(v, "bad");
    assert_harmless(v);
    screen_quit(&v);
    screen_server_stop(&server);
}

/* ---- the person's own octets ---- */

static void test_typed_and_pasted(void **state)
{
    (void)state;
    struct vt *v = screen_practice(24, 80, NULL);
    for (size_t i = 0; i < N_OF(corpus); i++) {
        char quoted[1024] = "";
        size_t n = 0;
        for (const char *at = corpus[i].octets; *at; at++) { /* Ctrl-V before each control */
            if ((unsigned char)*at < 0x20 && *at != 033)
                quoted[n++] = 026;
            if (*at != 033)
                quoted[n++] = *at;
        }
        vt_send_octets(v, quoted, n);
        vt_sync(v);
        vt_key(v, "<C-c>");
        vt_sync(v);
        vt_paste(v, corpus[i].octets);
        vt_sync(v);
        vt_key(v, "<C-c>");
        vt_sync(v);
        char lines[600];
        snprintf(lines, sizeof lines, "%s\n%s\n", corpus[i].octets, corpus[i].octets);
        vt_paste(v, lines);
        vt_sync(v);
        vt_send(v, "y");
        vt_sync(v);
        vt_send(v, "/note ");
        vt_paste(v, corpus[i].octets);
        vt_send(v, "\r");
        vt_sync(v);
    }
    vt_key(v, "<C-r>evil");
    vt_sync(v);
    assert_harmless(v);
    screen_quit(&v);
}

/* ---- a recording ---- */

/* JSON with the octets as \u00XX: what is no UTF-8 comes as that Latin-1 character instead. */
static void put_json(FILE *f, const char *octets)
{
    for (; *octets; octets++) {
        unsigned char c = (unsigned char)*octets;
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
}

static void test_recording(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/screen-\342\200\256evil-%d.jsonl", (int)getpid());
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("{\"seq\":1,\"kind\":\"recording\",\"t\":0,\"at\":\"2026-11-23T18:00:00.001000Z\","
          "\"schema\":1,"
          "\"tool\":\"\\u001b]0;evil\\u0007\",\"command_line\":\"\\u001b[5;8;31mevil\"}\n",
          f);
    unsigned seq = 2;
    static const char head[] = "{\"seq\":%u,\"conn\":1,\"kind\":\"%s\",\"t\":0.%03u,"
                               "\"at\":\"2026-11-23T18:00:00.%03u000Z\",";
    fprintf(f, head, seq, "link_try", seq, seq);
    fputs("\"address\":\"\\u001b]0;evil\\u0007\",\"attempt\":1,\"attempts\":1}\n", f);
    seq++;
    fprintf(f, head, seq, "link_up", seq, seq);
    fputs("\"side\":\"client\",\"transport\":\"tcp\",\"local\":\"\\u009b5;8;31m\",\"peer\":"
          "\"\\u202eevil\",\"name\":\"\\u001b[2Jevil\"}\n",
          f);
    for (size_t i = 0; i < N_OF(corpus); i++) {
        seq++;
        fprintf(f, head, seq, "note", seq, seq);
        fputs("\"level\":\"error\",\"text\":\"", f);
        put_json(f, corpus[i].octets);
        fputs("\",\"means\":\"", f);
        put_json(f, corpus[i].octets);
        fputs("\",\"next\":\"", f);
        put_json(f, corpus[i].octets);
        fputs("\"}\n", f);
    }
    fclose(f);
    const char *const args[] = {"show", path, NULL};
    struct vt *v = screen_open(40, 120, NULL, args);
    screen_wait(v, "evil");
    for (int i = 0; i < 6; i++) {
        vt_key(v, "<PgUp><A-s>");
        vt_sync(v);
    }
    assert_harmless(v);
    screen_quit(&v);
    unlink(path);
}

/* Names of files and targets, as they come from a shell's completion. */
/* A certificate whose subject and names hold all of the corpus, in base64. */
static char *hostile_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    uint8_t *der = NULL;
    X509_set_version(cert, 2);
    ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(cert), "20270101000000Z");
    X509_set_pubkey(cert, key);
    for (size_t i = 0; i < N_OF(corpus); i++) {
        size_t n = strlen(corpus[i].octets);
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *text = ASN1_STRING_type_new(V_ASN1_IA5STRING);
        ASN1_STRING_set(text, corpus[i].octets, (int)n);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
        X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_organizationalUnitName,
                                   V_ASN1_T61STRING, (const uint8_t *)corpus[i].octets, (int)n, -1,
                                   0);
    }
    X509_NAME_add_entry_by_NID(X509_get_issuer_name(cert), NID_commonName, V_ASN1_UTF8STRING,
                               (const uint8_t *)"\342\200\256live\033[2J", -1, -1, 0);
    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    int len = i2d_X509(cert, &der);
    assert_true(len > 0);
    char *text = calloc(1, (size_t)len * 2 + 8);
    assert_non_null(text);
    EVP_EncodeBlock((uint8_t *)text, der, len);
    OPENSSL_free(der);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    X509_free(cert);
    EVP_PKEY_free(key);
    return text;
}

/* The sections of TLS, of a recording, so that no handshake refuses it first. */
static void test_certificate(void **state)
{
    (void)state;
    static const char at[] = "\"conn\":1,\"t\":0.001,\"at\":\"2026-11-23T18:00:00.001000Z\"";
    char path[64];
    snprintf(path, sizeof path, "/tmp/screen-cert-%d.jsonl", (int)getpid());
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    char *der = hostile_certificate();
    fputs("{\"seq\":1,\"kind\":\"recording\",\"t\":0,\"at\":\"2026-11-23T18:00:00.001000Z\","
          "\"schema\":1,\"tool\":\"t\",\"command_line\":\"t\"}\n",
          f);
    fprintf(
        f,
        "{\"seq\":2,%s,\"kind\":\"link_up\",\"side\":\"client\",\"transport\":\"tcp\",\"local\":"
        "\"l\",\"peer\":\"p\",\"name\":\"mx.example\"}\n",
        at);
    fprintf(f, "{\"seq\":3,%s,\"kind\":\"tls_start\",\"via\":\"starttls\",\"sni\":\"", at);
    put_json(f, corpus[0].octets);
    fprintf(f, "\"}\n{\"seq\":4,%s,\"kind\":\"tls_chain\",\"der\":\"%s\"}\n", at, der);
    fprintf(f, "{\"seq\":5,%s,\"kind\":\"tls_verify\",\"mode\":\"full\",\"ok\":0,\"name\":\"", at);
    put_json(f, corpus[6].octets);
    fputs("\",\"reason\":\"wrong-name\",\"text\":\"", f);
    put_json(f, corpus[8].octets);
    fprintf(f, "\"}\n{\"seq\":6,%s,\"kind\":\"tls_up\",\"version\":\"", at);
    put_json(f, corpus[10].octets);
    fputs("\",\"cipher\":\"", f);
    put_json(f, corpus[18].octets);
    fputs("\",\"bits\":256}\n", f);
    fclose(f);
    free(der);
    const char *const args[] = {"show", path, NULL};
    struct vt *v = screen_open(40, 120, NULL, args);
    static const char *const tabs[] = {"/tab tls", "/tab certificates"};
    for (size_t i = 0; i < N_OF(tabs); i++) {
        screen_line(v, tabs[i]);
        screen_wait(v, "evil");
        assert_harmless(v);
    }
    screen_line(v, "/tab certificates");
    screen_wait(v, "certificate");
    screen_wait(v, "evil");
    assert_harmless(v);
    screen_quit(&v);
    unlink(path);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const targets[] = {"unix:/tmp/\033]0;evil\007",
                                          "unix:/tmp/\342\200\256evil"};
    for (size_t i = 0; i < N_OF(targets); i++) {
        const char *const args[] = {targets[i], NULL};
        struct vt *v = screen_open(24, 80, NULL, args);
        screen_line(v, "/open \"unix:/tmp/x\"");
        screen_line(v, "/record /nonexistent/\342\200\256evil");
        assert_harmless(v);
        screen_quit(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_banner),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_no_forged_success),
        cmocka_unit_test(test_typed_and_pasted),
        cmocka_unit_test(test_recording),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
