/* DKIM signatures as another program reads them (dkimpy): both algorithms, every pair of
 * canonicalisations, messages of every shape, from file, standard input, generated and in chunks;
 * and that what is changed or added afterwards does not verify. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/dkim_keys.h"
#include "../lib/peers.h"
#include "base/mem.h"

enum { RSA, ED25519, KEYS };

static struct {
    char *dir, *maildir, *message, *key[KEYS], *record[KEYS];
    struct proc *serve;
    char *at;
} world;

static const char *const selectors[KEYS] = {"rsa", "ed"};

static int setup(void **state)
{
    (void)state;
    static const char *const pems[KEYS] = {DKIM_TEST_RSA, DKIM_TEST_ED25519};
    world.dir = proc_dir("dkim");
    world.maildir = proc_path(world.dir, "mail");
    world.message = proc_path(world.dir, "message");
    for (int i = 0; i < KEYS; i++) {
        world.key[i] = proc_path(world.dir, selectors[i]);
        proc_write_file(world.key[i], pems[i], strlen(pems[i]));
    }
    const char *argv[] = {proc_smtpscope(), "serve",       "--smtp", "0",
                          "--maildir",      world.maildir, NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    world.at = proc_line(world.serve, "smtp ");
    mem_free(proc_line(world.serve, "ready"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    proc_free(&world.serve);
    for (int i = 0; i < KEYS; i++) {
        mem_free(world.key[i]);
        mem_free(world.record[i]);
    }
    mem_free(world.at);
    mem_free(world.maildir);
    mem_free(world.message);
    proc_dir_remove(&world.dir);
    return status;
}

/* What the person is told to put into DNS. */
static void learn_record(int key, struct proc_text out)
{
    static const char before[] = "DKIM: in DNS, ";
    const char *at = strstr(out.ptr, before);
    assert_non_null(at);
    at += sizeof before - 1;
    char *expected = mem_printf("%s._domainkey.example.net TXT \"", selectors[key]);
    assert_true(strncmp(at, expected, strlen(expected)) == 0);
    at += strlen(expected);
    mem_free(world.record[key]);
    world.record[key] = mem_printf("%.*s", (int)strcspn(at, "\""), at);
    mem_free(expected);
}

/* file: a path, "-" or NULL (generated). more: two more words, or NULL. */
static void send_signed(int key, const char *canon, const char *file, const char *input,
                        const char *more, const char *value)
{
    const char *argv[32] = {proc_smtpscope(),
                            "send",
                            "--from",
                            "ann@example.net",
                            "--to",
                            "alice@example.test",
                            "--tls",
                            "none",
                            "--dkim-key",
                            world.key[key],
                            "--dkim-domain",
                            "example.net",
                            "--dkim-selector",
                            selectors[key],
                            "--dkim-canon",
                            canon};
    size_t n = 16;
    if (more)
        argv[n++] = more;
    if (more && value)
        argv[n++] = value;
    argv[n++] = world.at;
    argv[n] = file;
    struct proc *p = proc_run(argv, proc_env(world.dir), input, input ? strlen(input) : 0);
    if (p->status != 0)
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_assert_printable(p->out_text, "send");
    learn_record(key, p->out_text);
    proc_free(&p);
}

static const char verifier[] =
    "import sys, glob\n"
    "sys.path.append('build/peers/root/usr/lib/python3/dist-packages')\n"
    "try:\n"
    "    import dkim, nacl.signing\n"
    "except ImportError as e:\n"
    "    print('missing:', e)\n"
    "    sys.exit(77)\n"
    "records = dict(zip(sys.argv[2::2], sys.argv[3::2]))\n"
    "def txt(name, timeout=5):\n"
    "    return records[name.decode().rstrip('.')].encode()\n"
    "def good(message):\n"
    "    try:\n"
    "        return dkim.verify(message, dnsfunc=txt, minkey=1024)\n"
    "    except dkim.MessageFormatError as e:\n"
    "        print(e) if message.endswith(b'\\n') else None\n"
    "        return False\n"
    "n = 0\n"
    "for name in sorted(glob.glob(sys.argv[1] + '/**/new/*', recursive=True)):\n"
    "    message = open(name, 'rb').read()\n"
    "    if message.count(b'DKIM-Signature:') != 1 or not good(message):\n"
    "        print('does not verify:', message)\n"
    "    elif good(message + b'more') or good(b'From: eve@example.com\\r\\n' + message):\n"
    "        print('verifies although changed:', message)\n"
    "    else:\n"
    "        n += 1\n"
    "print('verified %d.' % n)\n";

static void verify(size_t n_messages)
{
    const char *args[] = {"-c",
                          verifier,
                          world.maildir,
                          "rsa._domainkey.example.net",
                          world.record[RSA],
                          "ed._domainkey.example.net",
                          world.record[ED25519],
                          NULL};
    peer_need("python3");
    struct proc *p = peer_run("python3", NULL, 0, args);
    if (p->status == 77) {
        print_message("skipped: the peer python3-dkim is not to be had (tests/peers.sh): %s",
                      p->out_text.ptr);
        proc_free(&p);
        skip();
    }
    char *all = mem_printf("verified %zu.\n", n_messages);
    if (p->status != 0 || strcmp(p->out_text.ptr, all) != 0)
        fail_msg("status %d, not all of %zu: %s%s", p->status, n_messages, p->out_text.ptr,
                 p->err_text.ptr);
    mem_free(all);
    proc_free(&p);
}

#define HEAD "From: Ann <ann@example.net>\r\nTo: alice@example.test\r\nSubject: signed\r\n"
#define LONG                                                                                       \
    "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "

static const char *const messages[] = {
    HEAD "\r\nHello\r\n",
    HEAD,
    HEAD "\r\n",
    HEAD "\r\n\r\n\r\n",
    HEAD "\r\nno end",
    HEAD "\r\nblank lines \t \r\n \t\r\n\r\n \r\n",
    HEAD "\r\n.\r\n..dots\r\n.\r\n",
    "from: ann@example.net\nTO:\talice@example.test\nSubject: LF  and\n\t folds \n\nLF\n\n only\n",
    HEAD "Cc: one@example.net\r\nCc: two@example.net\r\nReferences: <a@b>\r\n <c@d>\r\n"
         "\t<e@f>\r\n\r\nDuplicates\r\n",
    HEAD "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
         "MIME-Version: 1.0\r\n\r\nGr\xc3\xbc\xc3\x9f"
         "e \xe2\x82\xac\r\n",
    HEAD "References: " LONG LONG LONG LONG LONG LONG "\r\n\r\n" LONG LONG LONG LONG LONG LONG
         "\r\n",
};
static const char *const canons[] = {"relaxed/relaxed", "relaxed/simple", "simple/relaxed",
                                     "simple/simple"};

static void another_program_verifies(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        proc_write_file(world.message, messages[i], strlen(messages[i]));
        for (size_t c = 0; c < 4; c++, n++)
            send_signed((int)(i + c) % KEYS, canons[c], world.message, NULL, NULL, NULL);
    }
    static const struct {
        const char *file, *input, *more, *value;
    } ways[] = {
        {"-", "From: ann@example.net\nSubject: stdin\n\nHello\n", NULL, NULL},
        {NULL, NULL, NULL, NULL},
        {NULL, NULL, "--template", "utf8"},
        {NULL, NULL, "--template", "alternative"},
        {NULL, NULL, "--bdat", "100"},
        {"-", HEAD "\r\nchunks\r\nno end", "--bdat", "100"},
        {"-", HEAD "\r\nlist\r\n", "--dkim-headers", "from:to:subject:subject:from:x-none"},
        {"-", HEAD "\r\npipelined\r\n", "--pipeline", NULL},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (int key = 0; key < KEYS; key++, n++)
            send_signed(key, "relaxed/simple", ways[i].file, ways[i].input, ways[i].more,
                        ways[i].value);
    verify(n);
}

static void what_cannot_be_signed_is_not_sent(void **state)
{
    (void)state;
    static const struct {
        const char *key, *domain, *selector, *says;
    } bad[] = {
        {"rsa", "", "s", "signing domain is no name"},
        {"rsa", "example.net", "a b", "selector of the DKIM key is no name"},
        {"message", "example.net", "s", "no private key"},
        {"none", "example.net", "s", "cannot read the DKIM key"},
    };
    proc_write_file(world.message, messages[0], strlen(messages[0]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *key = proc_path(world.dir, bad[i].key);
        struct proc *p =
            proc_scope(world.dir, NULL, 0, "send", "--from", "ann@example.net", "--to",
                       "bob@example.test", "--dkim-key", key, "--dkim-domain", bad[i].domain,
                       "--dkim-selector", bad[i].selector, world.at, world.message, NULL);
        if (p->status == 0 || !proc_text_has(p->err_text, bad[i].says) ||
            proc_text_has(p->out_text, "MAIL FROM"))
            fail_msg("%zu: status %d: %s%s", i, p->status, p->out_text.ptr, p->err_text.ptr);
        proc_free(&p);
        mem_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_program_verifies),
        cmocka_unit_test(what_cannot_be_signed_is_not_sent),
    };
    return cmocka_run_group_tests_name("dkim", tests, setup, teardown);
}
