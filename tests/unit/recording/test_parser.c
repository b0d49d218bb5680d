/* Reading recordings: round trips of every kind, every prefix, every split, lines that are no
 * events. */
#include "sample.h"

#include "base/base64.h"
#include "base/utf8.h"

struct fixture {
    struct clock_manual clock;
    struct journal *journal, *back;
    struct buf text, again;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    clock_manual_init(&f->clock, 5000000000, 1795456931000123);
    f->journal = journal_new(&f->clock.clock);
    f->back = journal_new(&f->clock.clock);
    buf_init(&f->text, 64 << 20);
    buf_init(&f->again, 64 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_free(&f->journal);
    journal_free(&f->back);
    buf_deinit(&f->text);
    buf_deinit(&f->again);
    mem_free(f);
    return 0;
}

static void assert_same(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->ptr, b->ptr, a->len);
}

static void test_session_comes_back(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    sample_session(f->journal, &f->clock);
    sample_format(f->journal, &f->text, false);
    sample_parse(f->back, buf_slice(&f->text), &report);
    assert_int_equal(report.lines_bad + report.kinds_unknown + report.octets_lost, 0);
    assert_int_equal(report.events, journal_last(f->journal));
    sample_format(f->back, &f->again, true); /* nothing is left to be hidden but asterisks */
    assert_same(&f->text, &f->again);

    const struct event *a = journal_at(f->journal, 7), *b = journal_at(f->back, 7);
    assert_int_equal(a->tick_ns, b->tick_ns);
    assert_int_equal(a->wall_us, b->wall_us);
    assert_int_equal(a->conn, b->conn);
    struct ev_link_up up;
    EVENT_GET(journal_at(f->back, 2), LINK_UP, &up);
    assert_true(slice_eq(up.peer, SLICE_LIT("/run/\xff.sock")));
    assert_int_equal(up.transport, TRANSPORT_UNIX);
}

/* A field of any octets: one in two is text. */
static struct slice random_octets(uint8_t *out, size_t max)
{
    size_t len = (size_t)random() % max;
    bool text = random() % 2;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(text ? random() % 128 : random());
    return slice_of(out, len);
}

static void random_payload(enum event_kind kind, uint8_t *payload, uint8_t texts[16][300])
{
    size_t n = 0;
    for (const struct event_field *fld = event_kind_info(kind)->fields; fld->name; fld++) {
        uint8_t *at = payload + fld->struct_offset;
        uint64_t number = (uint64_t)random() << (random() % 34);
        unsigned word = 0;
        struct slice octets;
        if (fld->type == FIELD_U64 || fld->type == FIELD_I64) {
            memcpy(at, &number, sizeof(number));
        } else if (fld->type == FIELD_ENUM) {
            while (fld->word(word + 1) && random() % 3)
                word++;
            memcpy(at, &word, sizeof(word));
        } else {
            octets = random_octets(texts[n++], sizeof(texts[0]));
            memcpy(at, &octets, sizeof(octets));
        }
    }
}

static void test_every_kind_comes_back(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    uint8_t texts[16][300];
    srandom(7);
    for (int i = 0; i < 3; i++)
        journal_conn_new(f->journal);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t payload[128];
        memset(payload, 0, sizeof(payload));
        enum event_kind kind = (enum event_kind)(i % EVENT__COUNT);
        clock_manual_advance_ms(&f->clock, (uint64_t)random() % 100000);
        if (kind == EVENT_OCTETS) {
            struct slice s = random_octets(texts[0], sizeof(texts[0]));
            struct octet_range hidden = {0, (uint32_t)(s.len / 2)};
            journal_append_octets(f->journal, 1 + i % 3, (enum event_dir)(i % 2),
                                  (enum event_layer)(i / 2 % 2), 0, i % 5 == 0, s, &hidden,
                                  s.len / 2 > 0, i % 7 != 0);
            continue;
        }
        random_payload(kind, (uint8_t *)payload, texts);
        uint64_t cause =
            journal_last(f->journal) ? (uint64_t)random() % journal_last(f->journal) : 0;
        journal_append(f->journal, i % 4, kind, i % 2, cause, payload);
    }
    sample_format(f->journal, &f->text, false);
    sample_parse(f->back, buf_slice(&f->text), &report);
    assert_int_equal(report.lines_bad, 0);
    assert_int_equal(report.events, journal_last(f->journal));
    sample_format(f->back, &f->again, false);
    assert_same(&f->text, &f->again);
}

static void test_every_prefix_opens(void **state)
{
    struct fixture *f = *state;
    sample_session(f->journal, &f->clock);
    sample_format(f->journal, &f->text, false);
    for (size_t len = 0; len <= f->text.len; len++) {
        struct slice prefix = slice_take(buf_slice(&f->text), len);
        struct recording_report report;
        struct journal *j = journal_new(&f->clock.clock);
        size_t lines = 0, last_lf = 0;
        for (size_t i = 0; i < len; i++) {
            if (prefix.ptr[i] == '\n') {
                lines++;
                last_lf = i + 1;
            }
        }
        sample_parse(j, prefix, &report);
        assert_int_equal(report.lines_bad, 0);
        /* A line without its line feed is whole or lost, nothing between. */
        bool whole_tail = len > last_lf && f->text.ptr[len] == '\n';
        assert_int_equal(report.events, lines + whole_tail);
        assert_int_equal(report.octets_lost, whole_tail ? 0 : len - last_lf);
        assert_int_equal(journal_last(j), report.events);
        journal_free(&j);
    }
}

static void test_every_split(void **state)
{
    struct fixture *f = *state;
    sample_session(f->journal, &f->clock);
    sample_format(f->journal, &f->text, false);
    static const size_t steps[] = {1, 2, 3, 7, 64, 1000};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct recording_report report;
        struct journal *j = journal_new(&f->clock.clock);
        struct recording_parser *p = recording_parser_new(j);
        for (size_t at = 0; at < f->text.len; at += steps[i])
            recording_parser_feed(p, slice_take(slice_skip(buf_slice(&f->text), at), steps[i]));
        recording_parser_end(&p, &report);
        buf_reset(&f->again);
        sample_format(j, &f->again, true);
        assert_same(&f->text, &f->again);
        journal_free(&j);
    }
}

enum verdict { EVENT_READ, KIND_UNKNOWN, LINE_IS_BAD };

static void test_lines(void **state)
{
    static const struct {
        enum verdict verdict;
        const char *line;
    } rows[] = {
        {EVENT_READ, "{\"seq\":3,\"kind\":\"note\"}"},
        {EVENT_READ, "{\"seq\":3,\"kind\":\"note\",\"text\":\"\\u0000\",\"new\":[1,{}]}"},
        {EVENT_READ, "  {\"kind\":\"note\",\"seq\":3,\"t\":1,\"at\":\"nonsense\"} \r"},
        {EVENT_READ,
         "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":3,\"text\":\"a\\r\\n\"}"},
        {EVENT_READ, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"base64\":\"/w4=\"}"},
        {EVENT_READ, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2}"},
        {EVENT_READ,
         "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"hidden\":[[0,1],[1,1]]}"},
        {EVENT_READ, "{\"seq\":3,\"kind\":\"gap\",\"events\":\"18446744073709551615\"}"},
        {KIND_UNKNOWN, "{\"seq\":3,\"kind\":\"brand_new\",\"text\":5}"},
        {LINE_IS_BAD, "x"},
        {LINE_IS_BAD, "[]"},
        {LINE_IS_BAD, "{}"},
        {LINE_IS_BAD, "null"},
        {LINE_IS_BAD, "{\"seq\":3}"},
        {LINE_IS_BAD, "{\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":0,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":-3,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":3.5,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":99999999999999999999,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":9000000000000000000,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"seq\":3,\"kind\":\"note\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"t\":-1}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"t\":1e300}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"conn\":4294967296}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"conn\":4294967295}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"text\":5}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"text\":{\"base64\":\"%\"}}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\",\"level\":\"loud\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"octets\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"text\":\"abc\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":3,\"text\":\"abc\","
                      "\"base64\":\"YWJj\"}"},
        {LINE_IS_BAD,
         "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"hidden\":[[1,1],[0,1]]}"},
        {LINE_IS_BAD, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"hidden\":[[0,3]]}"},
        {LINE_IS_BAD, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"hidden\":[[0]]}"},
        {LINE_IS_BAD, "{\"seq\":3,\"conn\":1,\"kind\":\"octets\",\"length\":2,\"hidden\":7}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"octets\",\"length\":1,\"text\":\"a\"}"},
        {LINE_IS_BAD, "{\"seq\":3,\"kind\":\"note\"} trailing"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct recording_report report;
        struct journal *j = journal_new(&f->clock.clock);
        buf_reset(&f->text);
        buf_printf(&f->text, "\n%s\n", rows[i].line);
        sample_parse(j, buf_slice(&f->text), &report);
        if (report.events != (rows[i].verdict == EVENT_READ) ||
            report.kinds_unknown != (rows[i].verdict == KIND_UNKNOWN) ||
            report.lines_bad != (rows[i].verdict == LINE_IS_BAD))
            fail_msg("%s", rows[i].line);
        assert_int_equal(report.first_bad_line, rows[i].verdict == LINE_IS_BAD ? 2 : 0);
        journal_free(&j);
    }
}

static void test_long_line_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    char *fill = mem_alloc(5 << 20);
    memset(fill, ' ', 5 << 20);
    buf_append(&f->text, slice_of(fill, 5 << 20));
    buf_append_cstr(&f->text, "{\"seq\":1,\"kind\":\"note\"}\n{\"seq\":2,\"kind\":\"note\"}\n");
    struct recording_parser *p = recording_parser_new(f->back);
    for (size_t at = 0; at < f->text.len; at += 65536)
        recording_parser_feed(p, slice_take(slice_skip(buf_slice(&f->text), at), 65536));
    recording_parser_feed(p, slice_of(fill, 5 << 20));
    recording_parser_end(&p, &report);
    assert_int_equal(report.lines_bad, 1);
    assert_int_equal(report.events, 1);
    assert_int_equal(report.octets_lost, 5 << 20);
    mem_free(fill);
}

/* Two recordings in one file become one journal. */
static void test_parts_are_joined(void **state)
{
    static const char part[] =
        "{\"seq\":1,\"kind\":\"recording\",\"schema\":1}\n"
        "{\"seq\":2,\"conn\":1,\"kind\":\"link_try\",\"t\":1.5}\n"
        "{\"seq\":4,\"conn\":1,\"kind\":\"link_down\",\"t\":2,\"cause\":2}\n";
    struct fixture *f = *state;
    struct recording_report report;
    for (int i = 0; i < 3; i++)
        buf_append_cstr(&f->text, part);
    sample_parse(f->back, buf_slice(&f->text), &report);
    assert_int_equal(report.events, 9);
    assert_int_equal(report.lines_bad, 0);
    const struct event *ev = journal_at(f->back, 12);
    assert_non_null(ev);
    assert_int_equal(ev->conn, 3);
    assert_int_equal(ev->cause_seq, 10);
    assert_int_equal(ev->tick_ns, UINT64_C(6000000000));
    assert_null(journal_at(f->back, 11));
}

static void test_hostile_order(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    buf_append_cstr(&f->text, "{\"seq\":5,\"kind\":\"recording\",\"schema\":99}\n"
                              "{\"seq\":5,\"kind\":\"note\"}\n"
                              "{\"seq\":4,\"kind\":\"note\"}\n"
                              "{\"seq\":4000000000000000000,\"kind\":\"note\"}\n"
                              "{\"seq\":6,\"kind\":\"note\",\"cause\":6}\n"
                              "{\"seq\":7,\"kind\":\"note\",\"cause\":900}\n");
    sample_parse(f->back, buf_slice(&f->text), &report);
    assert_int_equal(report.events, 3);
    assert_int_equal(report.lines_bad, 3);
    assert_int_equal(report.first_bad_line, 2);
    assert_true(report.newer_schema);
    assert_int_equal(journal_at(f->back, 6)->cause_seq, 0);
    assert_int_equal(journal_at(f->back, 7)->cause_seq, 0);
}

static void test_file_errors(void **state)
{
    struct fixture *f = *state;
    struct recording_report report;
    struct err err = {0};
    assert_false(recording_read("/nonexistent/x", f->back, &report, &err));
    assert_int_equal(err.domain, ERR_FILE);
    assert_false(recording_read("/dev/null", f->back, &report, &err));
    assert_int_equal(err.domain, ERR_FORMAT);
    assert_true(err.text[0] && err.means[0] && err.next[0]);
    assert_false(recording_read("/tmp", f->back, &report, &err));
    assert_int_equal(err.domain, ERR_FILE);
}

/* ---- journals of chance ---- */

/* xorshift: the same journals on every machine. */
static uint64_t chance(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Octets of any value, often none, sometimes valid UTF-8 with what JSON has to escape. */
static struct slice any_octets(uint64_t *state, uint8_t *room, size_t room_octets)
{
    static const char nasty[] = "\"\\\r\n\t\x1b[2J \xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbf</script>";
    uint64_t how = chance(state) % 4;
    if (how == 0)
        return slice_of(room, 0);
    if (how == 1)
        return slice_of(nasty, chance(state) % sizeof(nasty));
    size_t n = chance(state) % room_octets;
    for (size_t i = 0; i < n; i++)
        room[i] = how == 2 ? (uint8_t)(' ' + chance(state) % 95) : (uint8_t)chance(state);
    return slice_of(room, n);
}

enum { FIELD_OCTETS = 300, FIELDS_MAX = 24 };

/* A payload of this kind with every field filled by chance. */
static void any_payload(enum event_kind kind, uint64_t *state, uint8_t (*room)[FIELD_OCTETS],
                        union event_payload *out)
{
    size_t at = 0;
    memset(out, 0, sizeof(*out));
    (void)at;
    switch (kind) {
#define KIND(ENUM, name, producer, sentence) case EVENT_##ENUM:
#define U(kind_, field, unit, text)          out->kind_.field = chance(state) >> (chance(state) % 64);
#define I(kind_, field, unit, text)                                                                \
    out->kind_.field = (int64_t)chance(state) >> (chance(state) % 64);
#define T(kind_, field, unit, text)                                                                \
    out->kind_.field = any_octets(state, room[at++ % FIELDS_MAX], FIELD_OCTETS);
#define B(kind_, field, unit, text)                                                                \
    out->kind_.field = any_octets(state, room[at++ % FIELDS_MAX], FIELD_OCTETS);
#define E(kind_, field, enumname, text)                                                            \
    out->kind_.field = (enum event_##enumname)(chance(state) % 2);
#define END(kind_) break;
#include "journal/kinds.def"
    case EVENT__COUNT:
        break;
    }
}

static void any_event(struct journal *j, uint32_t conn, uint64_t *state)
{
    static uint8_t room[FIELDS_MAX][FIELD_OCTETS];
    enum event_kind kind = (enum event_kind)(chance(state) % EVENT__COUNT);
    if (kind == EVENT_RECORDING)
        return; /* the first line of a file, made by the recorder */
    if (kind != EVENT_OCTETS) {
        union event_payload payload;
        any_payload(kind, state, room, &payload);
        uint64_t last = journal_last(j);
        journal_append(j, conn, kind, chance(state) % 2 ? EVENT_FLAG_BACKSTAGE : 0,
                       last ? chance(state) % (last + 1) : 0, &payload);
        return;
    }
    struct slice octets = any_octets(state, room[0], FIELD_OCTETS);
    struct octet_range hidden = {0, octets.len / 2};
    if (octets.len > 0)
        journal_append_octets(j, conn, (enum event_dir)(chance(state) % 2), LAYER_PLAIN, 0,
                              chance(state) % 2, octets, &hidden, hidden.len > 0, true);
}

/* Write, read, write: the same octets, for journals of any content; read in pieces of any size. */
static void test_any_journal_comes_back(void **test_state)
{
    (void)test_state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15u;
        struct journal *j = journal_new(clock_system()), *again = journal_new(clock_system());
        struct recording_report report;
        struct buf first, second;
        buf_init(&first, 64 << 20);
        buf_init(&second, 64 << 20);
        uint32_t conns[2] = {journal_conn_new(j), journal_conn_new(j)};
        for (int i = 0; i < 200; i++)
            any_event(j, conns[chance(&state) % 2], &state);
        sample_format(j, &first, true);
        assert_true(first.len > 10000);
        struct recording_parser *p = recording_parser_new(again);
        for (struct slice rest = buf_slice(&first); rest.len > 0;) {
            struct slice piece = slice_take(rest, 1 + chance(&state) % 5000);
            recording_parser_feed(p, piece);
            rest = slice_skip(rest, piece.len);
        }
        recording_parser_end(&p, &report);
        if (report.lines_bad != 0)
            fail_msg("seed %llu: %llu lines did not read", (unsigned long long)seed,
                     (unsigned long long)report.lines_bad);
        sample_format(again, &second, true);
        if (!slice_eq(buf_slice(&first), buf_slice(&second)))
            fail_msg("seed %llu: the second recording differs", (unsigned long long)seed);
        buf_deinit(&first);
        buf_deinit(&second);
        journal_free(&j);
        journal_free(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_journal_comes_back),
        cmocka_unit_test_setup_teardown(test_session_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_kind_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_prefix_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_line_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_are_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_errors, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
