/* The input decoder: every sequence, in every split, gives the same units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "input.h"

struct seen {
    char log[8192];
    size_t len;
};

static void note(void *ctx, const struct input_unit *unit)
{
    struct seen *s = ctx;
    int n = 0;
    if (unit->kind == INPUT_KEY)
        n = snprintf(s->log + s->len, sizeof s->log - s->len, "K%x/%zu ", (unsigned)unit->key,
                     unit->octets.len);
    else if (unit->kind == INPUT_MOUSE)
        n = snprintf(s->log + s->len, sizeof s->log - s->len, "M%u,%u,%u,%d ", unit->button,
                     unit->col, unit->row, unit->press);
    else
        n = snprintf(s->log + s->len, sizeof s->log - s->len, "P%zu[%.*s]%s ", unit->octets.len,
                     (int)unit->octets.len, (const char *)unit->octets.ptr, unit->cut ? "cut" : "");
    if (n > 0 && s->len + (size_t)n < sizeof s->log)
        s->len += (size_t)n;
}

static void run(const char *octets, size_t len, size_t split, size_t second, bool timeout,
                struct seen *s)
{
    struct input in;
    memset(s, 0, sizeof *s);
    input_init(&in, note, s);
    input_feed(&in, slice_of(octets, split));
    input_feed(&in, slice_of(octets + split, second - split));
    input_feed(&in, slice_of(octets + second, len - second));
    if (timeout && input_wait_ms(&in) > 0)
        input_timeout(&in);
    if (timeout)
        assert_int_equal(input_wait_ms(&in), 0);
    input_deinit(&in);
}

struct key_case {
    const char *octets;
    uint32_t key;
};
#define E "\033"
static const struct key_case keys[] = {
    {"a", 'a'},
    {"~", '~'},
    {"\r", KEY_ENTER_CODE},
    {"\n", KEY_ENTER_CODE},
    {"\t", KEY_TAB_CODE},
    {"\177", KEY_BACKSPACE_CODE},
    {"\b", KEY_BACKSPACE_CODE},
    {"\001", KEY_CTRL('a')},
    {"\032", KEY_CTRL('z')},
    {"\037", KEY_CTRL('_')},
    {"\303\251", 0xE9},
    {"\342\202\254", 0x20AC},
    {"\360\237\230\200", 0x1F600},
    {E "n", KEY_ALT('n')},
    {E "\303\251", KEY_ALT(0xE9)},
    {E "\r", KEY_ALT(KEY_ENTER_CODE)},
    {E "OP", KEY_FN(1)},
    {E "[11~", KEY_FN(1)},
    {E "[[A", KEY_FN(1)},
    {E "OS", KEY_FN(4)},
    {E "[14~", KEY_FN(4)},
    {E "[[E", KEY_FN(5)},
    {E "[15~", KEY_FN(5)},
    {E "[17~", KEY_FN(6)},
    {E "[21~", KEY_FN(10)},
    {E "[24~", KEY_FN(12)},
    {E "[A", KEY_UP_CODE},
    {E "OA", KEY_UP_CODE},
    {E "[1;3A", KEY_ALT(KEY_UP_CODE)},
    {E "[1;5D", KEY_CTRL_BIT | KEY_LEFT_CODE},
    {E "[1;2C", KEY_SHIFT_BIT | KEY_RIGHT_CODE},
    {E "[1;8B", KEY_SHIFT_BIT | KEY_ALT_BIT | KEY_CTRL_BIT | KEY_DOWN_CODE},
    {E "O5A", KEY_CTRL_BIT | KEY_UP_CODE},
    {E "[H", KEY_HOME_CODE},
    {E "[1~", KEY_HOME_CODE},
    {E "[7~", KEY_HOME_CODE},
    {E "[F", KEY_END_CODE},
    {E "OF", KEY_END_CODE},
    {E "[1;5H", KEY_CTRL_BIT | KEY_HOME_CODE},
    {E "[5~", KEY_PGUP_CODE},
    {E "[6~", KEY_PGDN_CODE},
    {E "[3~", KEY_DELETE_CODE},
    {E "[3;5~", KEY_CTRL_BIT | KEY_DELETE_CODE},
    {E "[Z", KEY_TAB_CODE | KEY_SHIFT_BIT},
    {E "[I", KEY_FOCUS_IN_CODE},
    {E "[O", KEY_FOCUS_OUT_CODE},
    {E "[9977~", KEY_SYNC_CODE},
    {E "[999999999999999~", KEY_UNKNOWN_CODE},
    {E "[1;2y", KEY_UNKNOWN_CODE},
};

static void test_keys_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char wanted[64];
        size_t len = strlen(keys[i].octets);
        snprintf(wanted, sizeof wanted, "K%x/%zu ", (unsigned)keys[i].key, len);
        for (size_t a = 0; a <= len; a++) {
            for (size_t b = a; b <= len; b++) {
                struct seen s;
                run(keys[i].octets, len, a, b, false, &s);
                assert_string_equal(s.log, wanted);
            }
        }
    }
}

static void expect_stream(const char *octets, const char *wanted)
{
    size_t len = strlen(octets);
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct seen s;
            run(octets, len, a, b, true, &s);
            assert_string_equal(s.log, wanted);
        }
    }
}

static void test_streams_in_every_split(void **state)
{
    (void)state;
    char wanted[256];
    /* Mouse reports. */
    expect_stream(E "[<0;12;5M" E "[<0;12;5m" E "[<65;1;1Mx",
                  "M0,11,4,1 M0,11,4,0 M65,0,0,1 K78/1 ");
    /* Answers of the terminal are nobody's key. */
    expect_stream(E "]11;rgb:0000/0000/0000" E "\\a" E "]0;x\aA" E "P1$r0m" E "\\b" E "_q" E "\\c",
                  "K61/1 K41/1 K62/1 K63/1 ");
    expect_stream(E "[?62;22cq" E "[12;40Rr" E "[?2026;2$yz", "K71/1 K72/1 K7a/1 ");
    /* An old mouse report is swallowed with its three octets. */
    expect_stream(E "[M !!x", "K78/1 ");
    /* A paste, whatever is in it. */
    expect_stream(E "[200~a\r\nb\rc\nd" E "[31m\a" E "[201~z", "P13[a\nb\nc\nd\033[31m\a] K7a/1 ");
    expect_stream(E "[200~" E "[201~", "P0[] ");
    expect_stream(E "[201~a", "K61/1 ");                    /* an end without a beginning */
    expect_stream(E "[200~unfinished", "P10[unfinished] "); /* its time is up */
    /* Esc, and Esc before a sequence. */
    snprintf(wanted, sizeof wanted, "K%x/1 ", KEY_ESC_CODE);
    expect_stream(E, wanted);
    snprintf(wanted, sizeof wanted, "K%x/1 K%x/3 ", KEY_ESC_CODE, KEY_UP_CODE);
    expect_stream(E E "[A", wanted);
    snprintf(wanted, sizeof wanted, "K%x/2 ", (unsigned)KEY_ALT('['));
    expect_stream(E "[", wanted);
    snprintf(wanted, sizeof wanted, "K%x/2 ", (unsigned)KEY_ALT('O'));
    expect_stream(E "O", wanted);
    /* Broken UTF-8: the piece is a unit, what follows is itself. */
    snprintf(wanted, sizeof wanted, "K%x/1 K61/1 K%x/1 ", KEY_UNKNOWN_CODE, KEY_UNKNOWN_CODE);
    expect_stream("\303a\377", wanted);
    /* A control character ends a sequence that was begun. */
    snprintf(wanted, sizeof wanted, "K%x/1 ", (unsigned)KEY_CTRL('c'));
    expect_stream(E "[12\003", wanted);
}

static void test_limits(void **state)
{
    (void)state;
    struct seen s;
    struct input in;
    memset(&s, 0, sizeof s);
    input_init(&in, note, &s);
    /* A sequence without end is dropped, a string without end too. */
    input_feed(&in, SLICE_LIT("\033["));
    for (int i = 0; i < 500; i++)
        input_feed(&in, SLICE_LIT("1"));
    input_feed(&in, SLICE_LIT("\033]"));
    for (int i = 0; i <= INPUT_STRING_MAX_OCTETS; i++)
        input_feed(&in, SLICE_LIT(";"));
    input_feed(&in, SLICE_LIT("\033[A"));
    char wanted[32];
    snprintf(wanted, sizeof wanted, "K%x/3 ", KEY_UP_CODE);
    assert_true(s.len >= strlen(wanted));
    assert_string_equal(s.log + s.len - strlen(wanted), wanted);
    assert_int_equal(input_wait_ms(&in), 0);
    input_deinit(&in);
}

static void cut_paste(void *ctx, const struct input_unit *unit)
{
    if (unit->kind == INPUT_PASTE) {
        assert_true(unit->cut);
        assert_true(unit->octets.len <= INPUT_PASTE_MAX_OCTETS);
        ++*(int *)ctx;
    }
}

static void test_paste_is_cut(void **state)
{
    (void)state;
    struct input in;
    int n_pastes = 0;
    static char kilo[1024];
    memset(kilo, 'x', sizeof kilo);
    input_init(&in, cut_paste, &n_pastes);
    input_feed(&in, SLICE_LIT("\033[200~"));
    for (int i = 0; i < 1500; i++)
        input_feed(&in, slice_of(kilo, sizeof kilo));
    input_feed(&in, SLICE_LIT("\033[201~"));
    assert_int_equal(n_pastes, 1);
    input_deinit(&in);
}

static void test_waits(void **state)
{
    (void)state;
    struct seen s;
    struct input in;
    memset(&s, 0, sizeof s);
    input_init(&in, note, &s);
    input_feed(&in, SLICE_LIT("\033"));
    assert_int_equal(input_wait_ms(&in), INPUT_ESC_WAIT_MS);
    input_feed(&in, SLICE_LIT("["));
    assert_int_equal(input_wait_ms(&in), INPUT_SEQ_WAIT_MS);
    input_feed(&in, SLICE_LIT("200~"));
    assert_int_equal(input_wait_ms(&in), INPUT_PASTE_WAIT_MS);
    input_deinit(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_in_every_split),
        cmocka_unit_test(test_streams_in_every_split),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_paste_is_cut),
        cmocka_unit_test(test_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
