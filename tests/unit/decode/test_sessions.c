/* Sessions as real servers speak, each a file in sessions/: what is expected of the explanation of
 * the last reply, of the server, of the rules broken, stands at the end of the file.
 *
 *     # what it is
 *     protocol imap               (smtp where it is not said)
 *     target mx.example.org       the name that was asked for
 *     S: ... C: ... TLS +MS       tests/lib/wire.h
 *     expect code 550             the reply's code
 *     expect enhanced 5.1.1       its enhanced status code
 *     expect who you              who must act
 *     expect means TEXT           a part of the meaning; likewise next, source
 *     expect provider Gmail       whose wording it is, and that this is sure
 *     expect software Postfix     a part of the server's software
 *     expect rule RULE            a deviation that was named
 *     expect slow tarpit          a sort of slowness that was recognised
 */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../lib/wire.h"
#include "base/vis.h"
#include "decode/timing.h"
#include "decode/view.h"

static char directory[300]; /* beside this file */
enum { FILE_OCTETS = 64 * 1024, SESSIONS_MIN = 40 };

struct session {
    const char *file;
    struct wire wire;
    struct view view;
    struct timing timing;
    struct explanation e;
    struct server server;
    size_t expected, missed;
};

static char *file_text(const char *name)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *f = fopen(path, "r");
    char *text = calloc(1, FILE_OCTETS);
    assert_non_null(text);
    if (!f)
        fail_msg("%s does not open", path);
    assert_true(fread(text, 1, FILE_OCTETS - 1, f) > 0);
    fclose(f);
    return text;
}

/* The next line of *rest as a string of its own, cut out of the text. NULL: none left. */
static char *next_line(char **rest)
{
    char *line = *rest, *lf = strchr(line, '\n');
    if (*line == '\0')
        return NULL;
    *rest = lf ? lf + 1 : line + strlen(line);
    if (lf)
        *lf = '\0';
    return line;
}

static bool has_rule(const struct session *s, const char *rule)
{
    for (size_t i = 0; i < s->view.n_deviations; i++)
        if (strcmp(s->view.deviations[i].rule, rule) == 0)
            return true;
    return false;
}

static bool was_slow(const struct session *s, const char *word)
{
    for (size_t i = 0; i < s->timing.n_steps; i++)
        for (unsigned k = 0; k < TIMING_FLAGS_COUNT; k++)
            if ((s->timing.steps[i].flags & (1U << k)) && strstr(timing_flag_text(1U << k), word))
                return true;
    return false;
}

static const char *text_or(const char *text)
{
    return text ? text : "(none)";
}

static void expect(struct session *s, const char *line)
{
    char what[32] = "", code[16];
    const char *want = line + strcspn(line, " ");
    snprintf(what, sizeof(what), "%.*s", (int)(want - line), line);
    want += *want == ' ';
    snprintf(code, sizeof(code), "%u", s->view.last_code);
    const struct {
        const char *what, *got;
        bool part;
    } rows[] = {
        {"code", code, false},
        {"enhanced", text_or(s->view.last_enhanced), false},
        {"who", explain_party_name(s->e.party), false},
        {"means", s->e.meaning, true},
        {"next", s->e.next, true},
        {"source", s->e.source, true},
        {"provider", s->e.provider_sure ? text_or(s->e.provider) : "(not sure)", false},
        {"software", text_or(s->server.software), true},
        {"rule", has_rule(s, want) ? want : "(not broken)", false},
        {"slow", was_slow(s, want) ? want : "(not slow)", false},
    };
    s->expected++;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].what, what) != 0)
            continue;
        bool holds =
            rows[i].part ? strstr(rows[i].got, want) != NULL : strcmp(rows[i].got, want) == 0;
        if (!holds) {
            print_message("%s: %s is \"%s\", not \"%s\"\n", s->file, what, rows[i].got, want);
            s->missed++;
        }
        return;
    }
    fail_msg("%s: nothing is called \"%s\"", s->file, what);
}

static void fold(struct session *s)
{
    const struct journal *j = s->wire.journal;
    view_init(&s->view, 0);
    timing_init(&s->timing, 0);
    for (uint64_t seq = journal_first(j); seq <= journal_last(j); seq++) {
        view_apply(&s->view, j, journal_at(j, seq));
        timing_apply(&s->timing, j, journal_at(j, seq));
    }
    view_explain(&s->view, &s->e);
    view_server(&s->view, &s->server);
}

/* Always: somebody must act, something is to be done, a source is named, and the page is safe. */
static void check_page(const struct session *s)
{
    struct buf page;
    buf_init(&page, 1 << 20);
    assert_true(s->e.meaning[0] && s->e.next[0] && s->e.who[0] && s->e.source[0]);
    view_explain_print(&s->view, VIS_ASCII, &page);
    assert_true(page.len > 0);
    for (size_t i = 0; i < page.len; i++)
        assert_true(page.ptr[i] == '\n' || (page.ptr[i] >= ' ' && page.ptr[i] < 127));
    buf_deinit(&page);
}

static size_t play_file(const char *name)
{
    struct session s = {.file = name};
    char *text = file_text(name), *rest = text, *line;
    char target[200] = "", protocol[16] = "smtp";
    bool started = false, folded = false;
    while ((line = next_line(&rest))) {
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (sscanf(line, "protocol %15s", protocol) == 1 ||
            sscanf(line, "target %199s", target) == 1)
            continue;
        if (!started && !wire_start_as(&s.wire, target, protocol))
            fail_msg("%s: no protocol %s", name, protocol);
        started = true;
        if (strncmp(line, "expect ", 7) == 0) {
            if (!folded)
                fold(&s);
            folded = true;
            expect(&s, line + 7);
        } else if (folded || !wire_line(&s.wire, line, strlen(line))) {
            fail_msg("%s: a line that does not read: %s", name, line);
        }
    }
    if (s.expected == 0)
        fail_msg("%s expects nothing", name);
    check_page(&s);
    timing_deinit(&s.timing);
    view_deinit(&s.view);
    wire_stop(&s.wire);
    free(text);
    return s.missed;
}

static void test_sessions(void **state)
{
    struct dirent **names;
    size_t missed = 0, n = 0;
    (void)state;
    snprintf(directory, sizeof(directory), "%.*ssessions",
             (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
    int found = scandir(directory, &names, NULL, alphasort);
    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        if (names[i]->d_name[0] != '.') {
            missed += play_file(names[i]->d_name);
            n++;
        }
        free(names[i]);
    }
    free(names);
    if (n < SESSIONS_MIN)
        fail_msg("%zu sessions, at least %d", n, SESSIONS_MIN);
    if (missed > 0)
        fail_msg("%zu expectations do not hold", missed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
