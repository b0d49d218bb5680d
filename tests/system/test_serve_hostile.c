/* Hostile clients against `smtpscope serve`: nothing they do makes it grow, hang or end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/peers.h"
#include "base/mem.h"

enum { RSS_MAX_KB = 96 * 1024 };

static struct {
    char *dir;
    struct proc *serve;
    char *smtp, *lmtp;
} world;

static int setup(void **state)
{
    (void)state;
    world.dir = proc_dir("serve-hostile");
    const char *argv[] = {proc_smtpscope(), "serve", "--quiet", "--smtp", "0", "--lmtp", "0", NULL};
    world.serve = proc_start(argv, proc_env(world.dir));
    world.smtp = proc_line(world.serve, "smtp ");
    world.lmtp = proc_line(world.serve, "lmtp ");
    mem_free(proc_line(world.serve, "ready"));
    return 0;
}

static long rss_kb(void)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)world.serve->pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

/* Still there, not grown, and ends cleanly. */
static int teardown(void **state)
{
    (void)state;
    proc_kill(world.serve, SIGTERM);
    int status = proc_wait(world.serve, 5000);
    if (status != 0)
        print_error("serve ended with status %d: %s\n", status, world.serve->err_text.ptr);
    proc_free(&world.serve);
    mem_free(world.smtp);
    mem_free(world.lmtp);
    proc_dir_remove(&world.dir);
    return status;
}

/* Runs after the common part: connect() gives a socket whose greeting was read, reply(s) a code. */
static void run(const char *script)
{
    static const char common[] =
        "import socket, sys\nfiles = {}\n"
        "def connect(port=int(sys.argv[1])):\n"
        "    s = socket.create_connection(('127.0.0.1', port), 60); files[s] = s.makefile('rb')\n"
        "    assert reply(s) == 220; return s\n"
        "def reply(s):\n"
        "    while True:\n"
        "        line = files[s].readline()\n"
        "        if line == b'' or line[3:4] == b' ': return int(line[:3] or 0)\n"
        "def say(s, *lines):\n"
        "    for line in lines: s.sendall(line.encode() + b'\\r\\n'); code = reply(s)\n"
        "    return code\n"
        "def begin():\n"
        "    s = connect()\n"
        "    assert say(s, 'EHLO me', 'MAIL FROM:<>', 'RCPT TO:<bob@example.test>') == 250\n"
        "    return s\n";
    peer_need("python3");
    char *all = mem_printf("%s%sprint('all well')\n", common, script);
    struct proc *p = peer_run("python3", NULL, 0,
                              (const char *const[]){"-c", all, strrchr(world.smtp, ':') + 1,
                                                    strrchr(world.lmtp, ':') + 1, NULL});
    if (p->status != 0 || !proc_text_has(p->out_text, "all well"))
        fail_msg("status %d: %s%s", p->status, p->out_text.ptr, p->err_text.ptr);
    proc_free(&p);
    mem_free(all);
    long kb = rss_kb();
    if (kb < 0 || kb > RSS_MAX_KB)
        fail_msg("serve has %ld KB", kb);
}

/* Two gigabytes against a SIZE of 50 MiB: announced, they are refused at once; unannounced, at the
 * end, and nothing is kept meanwhile. */
static void two_gigabytes(void **state)
{
    (void)state;
    run("s = begin(); assert say(s, 'RSET', 'MAIL FROM:<> SIZE=2147483648') == 552\n"
        "s = begin(); assert say(s, 'DATA') == 354\n"
        "block = (b'x' * 998 + b'\\r\\n') * 1049\n"
        "for i in range(2048): s.sendall(block)\n"
        "assert say(s, '.') == 552 and say(s, 'NOOP') == 250\n"
        "s = begin(); s.sendall(b'BDAT 2147483648 LAST\\r\\n')\n"
        "for i in range(64): s.sendall(block)\n"
        "s.close()\n");
}

static void no_line_ever_ends(void **state)
{
    (void)state;
    run("s = connect()\n"
        "try:\n"
        "    for i in range(64): s.sendall(b'x' * 1048576)\n"
        "except OSError: pass\n"
        "codes = set()\n"
        "try:\n"
        "    while (code := reply(s)): codes.add(code)\n"
        "except OSError: pass\n"
        "assert codes <= {500, 421} and codes, codes\n"
        "s = begin(); say(s, 'DATA')\n"
        "for i in range(40): s.sendall(b'x' * 1048576)\n"
        "s.sendall(b'\\r\\n.\\r\\n'); assert reply(s) == 250\n");
}

/* The client's sending side is closed: what it asked is answered to the end. */
static void half_closed(void **state)
{
    (void)state;
    run("s = connect()\n"
        "s.sendall(b'EHLO me\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<bob@example.test>\\r\\nDATA\\r\\n')\n"
        "assert [reply(s) for i in range(4)] == [250, 250, 250, 354]\n"
        "s.sendall(b'hi\\r\\n.\\r\\nNOOP\\r\\n'); s.shutdown(socket.SHUT_WR)\n"
        "assert [reply(s) for i in range(3)] == [250, 250, 0]\n"
        "s = begin(); say(s, 'DATA'); s.sendall(b'cut short'); s.shutdown(socket.SHUT_WR)\n"
        "assert reply(s) == 0\n");
}

/* A client that asks and never reads is held back, not served into memory. */
static void never_reads(void **state)
{
    (void)state;
    run("socks = [connect() for i in range(5)]\n"
        "for s in socks:\n"
        "    s.settimeout(0.2)\n"
        "    try:\n"
        "        for i in range(100): s.sendall(b'HELP\\r\\n' * 5000)\n"
        "    except OSError: pass\n"
        "assert say(begin(), 'NOOP') == 250\n");
}

static void ten_thousand(void **state)
{
    (void)state;
    run("import resource\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "n = min(10000, (hard if hard > 0 else 1 << 20) - 100)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
        "socks = []\n"
        "for i in range(n):\n"
        "    s = socket.socket(); s.connect(('127.0.0.1', int(sys.argv[1]))); socks.append(s)\n"
        "for s in socks: assert s.recv(100).startswith(b'220 ')\n"
        "for s in socks[::500]: s.sendall(b'NOOP\\r\\n'); assert s.recv(100).startswith(b'250 ')\n"
        "assert say(begin(), 'DATA', '.') == 250\n");
}

/* Every octet value, in every place, at both doors: something is said, or the end comes. */
static void garbage(void **state)
{
    (void)state;
    run("import random\n"
        "random.seed(7)\n"
        "words = [b'EHLO a', b'LHLO a', b'MAIL FROM:<>', b'RCPT TO:<bob@example.test>', b'DATA', "
        "b'BDAT 7', b'BDAT 3 LAST', b'AUTH PLAIN', b'STARTTLS', b'\\r\\n', b'\\n', b'.', b'\\0', "
        "b' ', b'*', b'\\xff', b'RSET', b'SIZE=', b'=', b'XCLIENT ADDR=']\n"
        "for i in range(300):\n"
        "    s = connect(int(sys.argv[1 + i % 2]))\n"
        "    try:\n"
        "        s.sendall(b''.join(random.choice(words) + random.choice([b'', b'\\r\\n', "
        "b'\\n'])\n"
        "                           for n in range(200)))\n"
        "        s.shutdown(socket.SHUT_WR)\n"
        "        while s.recv(65536): pass\n"
        "    except OSError: pass\n"
        "assert say(begin(), 'NOOP') == 250\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_gigabytes), cmocka_unit_test(no_line_ever_ends),
        cmocka_unit_test(half_closed),   cmocka_unit_test(never_reads),
        cmocka_unit_test(ten_thousand),  cmocka_unit_test(garbage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
