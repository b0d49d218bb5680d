/* The short way and the long way to read a line: the short one takes every line this program
 * writes, and whatever it takes, the long one reads the same. */
#include "sample.h"

#include "recording/parser_private.h"

struct fixture {
    struct clock_manual clock;
    struct journal *journal;
    struct arena arena;
    struct buf text, scanned, parsed;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 5000000000, 1795456931000123);
    f->journal = journal_new(&f->clock.clock);
    arena_init(&f->arena);
    buf_init(&f->text, 8 << 20);
    buf_init(&f->scanned, 8 << 20);
    buf_init(&f->parsed, 8 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->journal);
    arena_deinit(&f->arena);
    buf_deinit(&f->text);
    buf_deinit(&f->scanned);
    buf_deinit(&f->parsed);
    mem_free(f);
    return 0;
}

static void format(struct buf *out, const struct parsed_line *line)
{
    buf_reset(out);
    recording_format_payload(out, &line->header, &line->payload, line->octets, 0, true);
}

/* True: the short way took it, and the long one agreed. */
static bool agree(struct fixture *f, struct slice line)
{
    struct parsed_line scanned, parsed;
    arena_reset(&f->arena);
    if (!recording_scan_line(line, &f->arena, &scanned))
        return false;
    enum line_result result = recording_parse_json(line, &f->arena, &parsed);
    if (result != LINE_EVENT)
        print_error("only the short way takes: %.*s\n", SLICE_ARG(line));
    assert_int_equal(result, LINE_EVENT);
    format(&f->scanned, &scanned);
    format(&f->parsed, &parsed);
    if (!slice_eq(buf_slice(&f->scanned), buf_slice(&f->parsed)))
        print_error("%.*s\nshort: %s\nlong:  %s\n", SLICE_ARG(line), buf_cstr(&f->scanned),
                    buf_cstr(&f->parsed));
    assert_true(slice_eq(buf_slice(&f->scanned), buf_slice(&f->parsed)));
    assert_int_equal(scanned.octets.ptr == NULL, parsed.octets.ptr == NULL);
    return true;
}

static void each_line(struct fixture *f, void (*fn)(struct fixture *f, struct slice line))
{
    struct slice rest = buf_slice(&f->text);
    while (rest.len > 0) {
        size_t n = (size_t)slice_find_octet(rest, '\n');
        fn(f, slice_take(rest, n));
        rest = slice_skip(rest, n + 1);
    }
}

static void must_take(struct fixture *f, struct slice line)
{
    /* Only a number above 63 bits is written as a string. */
    if (slice_find(line, SLICE_LIT("\"18446744073709551615\"")) >= 0)
        return;
    if (!agree(f, line))
        print_error("not taken: %.*s\n", SLICE_ARG(line));
    assert_true(agree(f, line));
}

static void test_takes_what_is_written(void **state)
{
    struct fixture *f = *state;
    sample_session(f->journal, &f->clock);
    sample_format(f->journal, &f->text, false);
    each_line(f, must_take);
}

static void damage(struct fixture *f, struct slice line)
{
    static const char into[] = "\"\\,:{}[]0195.-eEtnu \t\x7f\x1f\x80\xc3\xff";
    char *copy = mem_slice_dup(line);
    for (size_t at = 0; at < line.len; at++) {
        for (size_t i = 0; i < sizeof into; i++) { /* with NUL */
            copy[at] = into[i];
            agree(f, slice_of(copy, line.len));
        }
        copy[at] = (char)line.ptr[at];
        agree(f, slice_take(line, at));
        /* An octet too few, and one twice. */
        struct buf other;
        buf_init(&other, line.len + 2);
        buf_append(&other, slice_take(line, at));
        buf_append(&other, slice_skip(line, at + 1));
        agree(f, buf_slice(&other));
        buf_reset(&other);
        buf_append(&other, slice_take(line, at + 1));
        buf_append(&other, slice_skip(line, at));
        agree(f, buf_slice(&other));
        buf_deinit(&other);
    }
    mem_free(copy);
}

static void test_damaged_lines(void **state)
{
    struct fixture *f = *state;
    sample_session(f->journal, &f->clock);
    sample_format(f->journal, &f->text, false);
    each_line(f, damage);
}

static void test_odd_lines(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line;
        bool taken;
    } rows[] = {
        {"{\"seq\":1,\"kind\":\"note\",\"t\":0.0,\"text\":\"\\u00fc\\u20ac\\n\\/\\\\\"}", true},
        {"{\"kind\":\"note\",\"seq\":1}", true},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"a\",\"level\":\"info\"}", true},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"a\",\"text\":\"b\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"\\ud83d\\ude00\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"\\ud83d\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"\\q\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"\\\\\\\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"text\":\"\xed\xa0\x80\"}", false},
        {"{\"seq\":1,\"text\":\"a\",\"kind\":\"note\"}", false},
        {"{\"seq\":01,\"kind\":\"note\"}", false},
        {"{\"seq\":1, \"kind\":\"note\"}", false},
        {"{\"seq\":1,\"kind\":\"note\"} ", false},
        {"{\"seq\":1,\"kind\":\"note\",\"new\":1}", false},
        {"{\"seq\":1,\"kind\":\"new\"}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"t\":1e3}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"t\":1000000.5}", false},
        {"{\"seq\":1,\"kind\":\"note\",\"t\":999999.999999999}", true},
        {"{\"seq\":1,\"kind\":\"note\",\"t\":0.0000000001}", false},
        {"{\"seq\":1,\"kind\":\"link_down\",\"why\":\"eof\",\"code\":-104}", true},
        {"{\"seq\":1,\"kind\":\"link_down\",\"why\":\"no\"}", false},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":2,\"text\":\"ab\"}", true},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":2,\"base64\":\"YWI=\"}", true},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":2}", true},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":3,\"text\":\"ab\"}", false},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":2,\"text\":\"ab\",\"store_at\":1}",
         false},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":9,\"hidden\":[[1,2],[4,5]]}", true},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":8,\"hidden\":[[1,2],[4,5]]}", false},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":8,\"hidden\":[[4,2],[1,1]]}", false},
        {"{\"seq\":1,\"kind\":\"octets\",\"conn\":1,\"length\":8,\"hidden\":[]}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (agree(f, slice_cstr(rows[i].line)) != rows[i].taken)
            print_error("%s\n", rows[i].line);
        assert_int_equal(agree(f, slice_cstr(rows[i].line)), rows[i].taken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_takes_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_lines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
