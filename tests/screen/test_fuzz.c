/* Keys at random, by a seed: the program neither ends nor hangs, in emacs and in vi mode.
 *
 * SCREEN_FUZZ_S seconds (10 where nobody says) are divided between the modes; SCREEN_FUZZ_SEED
 * begins. After each run Ctrl-C and a line must be answered. A run that fails prints its seed and a
 * shorter list of tokens that fails as well; SCREEN_FUZZ_SEED=that seed repeats it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/screen.h"

enum { TOKENS = 600, ANSWER_MS = 4000 };

/* What a hand, a terminal and a cat on the keyboard produce. F10, Alt-q, Ctrl-D and /quit would
 * leave, which is no hang; Ctrl-Z has nobody to wake it. */
static const char *const tokens[] = {
    "a",
    "b",
    "z",
    "0",
    "9",
    " ",
    "<",
    ">",
    ":",
    "@",
    ".",
    "/",
    "!",
    "\"",
    "'",
    "\\",
    "~",
    "-",
    "NOOP",
    "EHLO x",
    "RCPT TO:<",
    "/set ",
    "/help",
    "/keys",
    "/find ",
    "/theme mono",
    "/zoom",
    "/goto 1",
    "/hex",
    "/layout wide",
    "/tls",
    "DATA",
    "RSET",
    "MAIL FROM:<a@b.c>",
    "\r",
    "\r",
    "\r",
    "\n",
    "\t",
    "\t",
    "\033[Z",
    "\177",
    "\b",
    "\001",
    "\002",
    "\003",
    "\005",
    "\006",
    "\007",
    "\013",
    "\014",
    "\016",
    /* not Ctrl-o: while an editor has the terminal, the kernel echoes what is typed ahead */
    "\020",
    "\021",
    "\022",
    "\023",
    "\024",
    "\025",
    "\026",
    "\027",
    "\030",
    "\031",
    "\034",
    "\035",
    "\036",
    "\037",
    "\000x",
    "\033",
    "\033\033",
    "\033[",
    "\033O",
    "\033[2",
    "\033[<",
    "\033[200~",
    "\033[201~",
    "\033[200~one\ntwo\033[201~",
    "\033]11;rgb:",
    "\033P",
    "\033\\",
    "\033a",
    "\033b",
    "\033d",
    "\033e",
    "\033f",
    "\033h",
    "\033n",
    "\033p",
    "\033s",
    "\033t",
    "\033u",
    "\033x",
    "\033y",
    "\033z",
    "\033.",
    "\033<",
    "\033>",
    "\033?",
    "\033*",
    "\033#",
    "\0331",
    "\0339",
    "\033-",
    "\033\025",
    "\033\022",
    "\033[1;3D",
    "\033[1;3C",
    "\033[A",
    "\033[B",
    "\033[C",
    "\033[D",
    "\033[H",
    "\033[F",
    "\033[5~",
    "\033[6~",
    "\033[3~",
    "\033[1;5A",
    "\033[1;5B",
    "\033[1;5H",
    "\033[1;5F",
    "\033[2~",
    "\033OA",
    "\033O5C",
    "\033OP",
    "\033[11~",
    "\033[[A",
    "\033OQ",
    "\033OR",
    "\033OS",
    "\033[15~",
    "\033[17~",
    "\033[18~",
    "\033[19~",
    "\033[20~",
    "\033[23~",
    "\033[24~",
    "\033[I",
    "\033[O",
    "\033[999~",
    "\033[<0;5;5M",
    "\033[<64;10;10M",
    "\033[<65;300;300M",
    "\033[<0;5;5m",
    "\033[M !!",
    "\303\251",
    "\342\202\254",
    "\360\237\230\200",
    "\314\201",
    "\346\274\242",
    "\342\200\256",
    "\303",
    "\377",
    "\300\200",
    "\302\233",
    "\030\030",
    "\030(",
    "\030)",
    "\030e",
    "\030\025",
    "\030\022",
    "\030\002",
    "\030\033",
    "dd",
    "cw",
    "x",
    "p",
    "u",
    "i",
    "A",
    "R",
    "f",
    "t",
    ";",
    ",",
    "y",
    "G",
    "k",
    "j",
    "n",
    "N",
    "/",
};

struct script {
    const char *tokens[TOKENS];
    size_t n;
};

static unsigned next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33);
}

static void make_script(uint64_t seed, struct script *s)
{
    s->n = TOKENS;
    for (size_t i = 0; i < TOKENS; i++)
        s->tokens[i] = tokens[next(&seed) % N_OF(tokens)];
}

static struct vt *open_mode(bool vi)
{
    static char path[64], assignment[96];
    static const char *const env[] = {assignment, NULL};
    snprintf(path, sizeof path, "/tmp/screen-fuzz-inputrc-%d", (int)getpid());
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(vi ? "set editing-mode vi\n" : "set editing-mode emacs\n", f);
    fclose(f);
    snprintf(assignment, sizeof assignment, "INPUTRC=%s", path);
    struct vt *v = screen_practice(24, 80, env);
    unlink(path);
    return v;
}

static bool has_ended(struct vt *v)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)vt_pid(v), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

static bool answers(struct vt *v, const char *marker)
{
    /* What may be open: a sequence or a string of the terminal, a paste, a question, an overlay. */
    double end_ms = screen_now_ms() + ANSWER_MS * (screen_is_slow_build() ? 4 : 1);
    char line[64], wanted[64];
    snprintf(line, sizeof line, "/note %s\r", marker);
    snprintf(wanted, sizeof wanted, "note: %s", marker);
    vt_send(v, "\033[201~\033\\\007\030\007"); /* the ends of a paste and of a string */
    vt_read(v, 1);
    vt_send(v, "\033");
    for (int round = 0; screen_now_ms() < end_ms; round++) {
        if (has_ended(v))
            return false;
        vt_read(v, 70); /* a lone Esc needs its time */
        vt_send(v, "\003");
        vt_read(v, 20);
        vt_send(v, "\003");
        vt_read(v, 20);
        /* The transcript may stand elsewhere, be filtered, or behind another pane that fills the
         * screen. */
        static const char *const ways[] = {"/follow\r", "/filter off\r", "/zoom\r"};
        vt_send(v, ways[round % 3]);
        vt_read(v, 20);
        vt_send(v, line);
        vt_read(v, 60);
        if (vt_has_text(v, wanted))
            return true;
        vt_send(v, round % 2 ? "\033" : "n"); /* a question, an overlay */
    }
    return false;
}

/* False: it ended, or it did not answer. */
static bool run(const struct script *s, bool vi)
{
    struct vt *v = open_mode(vi);
    bool alive = true;
    for (size_t i = 0; i < s->n && alive; i++) {
        vt_send(v, s->tokens[i]);
        if (i % 16 == 15) {
            vt_read(v, 0);
            alive = !has_ended(v);
        }
    }
    alive = alive && answers(v, "zzstillherezz");
    if (alive)
        screen_assert_clean(v);
    vt_free(&v);
    return alive;
}

/* Leave out pieces for as long as it still fails. */
static void shorten(struct script *s, bool vi)
{
    double end_ms = screen_now_ms() + 60000;
    for (size_t piece = s->n / 2; piece > 0 && screen_now_ms() < end_ms; piece /= 2) {
        for (size_t at = 0; at + piece <= s->n && screen_now_ms() < end_ms;) {
            struct script less = {.n = 0};
            for (size_t i = 0; i < s->n; i++)
                if (i < at || i >= at + piece)
                    less.tokens[less.n++] = s->tokens[i];
            if (run(&less, vi))
                at += piece;
            else
                *s = less;
        }
    }
}

static void print_script(const struct script *s)
{
    for (size_t i = 0; i < s->n; i++) {
        fputs(" \"", stderr);
        for (const char *at = s->tokens[i]; *at; at++) {
            if (*at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\')
                fputc(*at, stderr);
            else
                fprintf(stderr, "\\%03o", (unsigned char)*at);
        }
        fputc('"', stderr);
    }
    fputc('\n', stderr);
}

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void fuzz(bool vi)
{
    double end_ms = screen_now_ms() + 1e3 * number("SCREEN_FUZZ_S", 10) / 2;
    unsigned seed = number("SCREEN_FUZZ_SEED", 1), n_runs = 0;
    do {
        struct script s;
        make_script(seed, &s);
        if (!run(&s, vi)) {
            fprintf(stderr, "seed %u, %s mode, %zu tokens; shortening\n", seed, vi ? "vi" : "emacs",
                    s.n);
            shorten(&s, vi);
            print_script(&s);
            fail_msg("seed %u in %s mode ended or hung the program", seed, vi ? "vi" : "emacs");
        }
        n_runs++;
        seed++;
    } while (screen_now_ms() < end_ms);
    print_message("%u runs of %d tokens in %s mode\n", n_runs, TOKENS, vi ? "vi" : "emacs");
}

static void test_emacs(void **state)
{
    (void)state;
    fuzz(false);
}

static void test_vi(void **state)
{
    (void)state;
    fuzz(true);
}

/* What is typed may name a file: it is made where nothing of value is. */
static void leave_the_tree(void)
{
    static char dir[] = "/tmp/screen-fuzz-XXXXXX";
    char *program = realpath(screen_program(), NULL);
    assert_non_null(program);
    assert_int_equal(setenv("SMTPSCOPE", program, 1), 0);
    free(program);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
}

int main(void)
{
    leave_the_tree();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_emacs), cmocka_unit_test(test_vi)};
    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
