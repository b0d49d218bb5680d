/* The scenarios of doc/scenarios, compiled in so that they work from anywhere. */
#include <string.h>

#include "base/mem.h"
#include "scenario/scenario_private.h"

static const struct scenario_builtin builtins[] = {
#include "scenario/scenarios.inc"
};
enum { N_BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };

const struct scenario_builtin *scenario_builtin_at(size_t index)
{
    return index < N_BUILTINS ? &builtins[index] : NULL;
}

const struct scenario_builtin *scenario_builtin_find(const char *name)
{
    for (size_t i = 0; i < N_BUILTINS; i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}

/* ---- doc/scenarios.md ---- */

/* What a file's first comment says: the lines at its top that begin with "# ". */
static void first_comment(const char *text, struct buf *out)
{
    struct slice rest = slice_cstr(text);
    while (rest.len > 0 && rest.ptr[0] == '#') {
        ptrdiff_t end = slice_find_octet(rest, '\n');
        struct slice line = end < 0 ? rest : slice_take(rest, (size_t)end);
        if (out->len > 0)
            buf_append_octet(out, ' ');
        buf_append(out, slice_trim(slice_skip(line, 1)));
        rest = slice_skip(rest, end < 0 ? rest.len : (size_t)end + 1);
    }
}

static void append_cell(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            buf_append_octet(out, '\\');
        buf_append_octet(out, text.ptr[i]);
    }
}

static void list_scenarios(struct buf *out)
{
    struct buf comment;
    buf_init(&comment, SCENARIO_FILE_MAX_OCTETS);
    buf_append_cstr(out, "| name | level | title | what it shows |\n|---|---|---|---|\n");
    for (size_t i = 0; i < N_BUILTINS; i++) {
        struct err err;
        struct scenario *s =
            scenario_parse(slice_cstr(builtins[i].text), builtins[i].name, NULL, NULL, &err);
        BUG_IF(!s); /* a test reads them all */
        buf_printf(out, "| `%s` | %u | ", builtins[i].name, s->level);
        append_cell(out, slice_cstr(s->title ? s->title : ""));
        buf_append_cstr(out, " | ");
        buf_reset(&comment);
        first_comment(builtins[i].text, &comment);
        append_cell(out, buf_slice(&comment));
        buf_append_cstr(out, " |\n");
        scenario_free(&s);
    }
    buf_deinit(&comment);
}

static void list_words(struct buf *out, enum scenario_vocabulary v, const char *head)
{
    struct scenario_word w;
    buf_printf(out, "\n### %s\n\n| word | meaning |\n|---|---|\n", head);
    for (size_t i = 0; scenario_word_at(v, i, &w); i++) {
        buf_append_cstr(out, "| `");
        append_cell(out, slice_cstr(w.word));
        if (*w.form && v == SCENARIO_DOS)
            buf_append_octet(out, ' ');
        if (*w.form && v == SCENARIO_SETTINGS)
            buf_append_octet(out, ' ');
        if (*w.form && v == SCENARIO_SWITCHES)
            buf_append_octet(out, '=');
        append_cell(out, slice_cstr(w.form));
        buf_append_cstr(out, "` | ");
        append_cell(out, slice_cstr(w.help));
        buf_append_cstr(out, " |\n");
    }
}

static const char HEAD[] =
    "# Scenarios of the practice servers\n\nWritten from doc/scenarios/*.scn and "
    "include/scenario/words.def by `make doc`.\n\n"
    "`smtpscope practice:NAME`, `/practice NAME` in the console, `smtpscope serve --scenario "
    "NAME|FILE`. A scenario decides what the practice servers do; all of them speak to the same "
    "world: domain example.test, users alice, bob and carol with the password `secret`.\n\n";

static const char LANGUAGE[] =
    "\n## The language\n\n"
    "One scenario a file, `NAME.scn`. Texts are the rest of their line, without quotes. A line "
    "that begins with `#` is a comment; indented lines belong to the block above. An unknown word "
    "is an error with its line.\n\n"
    "    scenario NAME | title TEXT | level 1-5 | seed N | clock xN | magic on|off\n"
    "    server smtp|lmtp|submission|submissions|pop3|pop3s|imap|imaps { setting }\n"
    "    account USER [password=P] [quota=N]\n"
    "    message USER [folder=F] [from=A] [flags=F] [count=N] [size=N] [subject=TEXT] { text LINE "
    "}\n"
    "    zone FILE | include FILE\n"
    "    when STAGE{|STAGE} { MATCH | LIMIT } { action }\n"
    "    MATCH := [!] FACT ( =glob | ~regex | >n | <n ), a value with spaces \"in quotes\"\n\n"
    "The first rule whose matches and limits hold decides. One that only decorates (`delay`, "
    "`drip`, `chunk`, `say`, `set`, `hide`, `offer`, `cert`, `proto`, `ciphers`, `goto`) lets the "
    "search go on. `reply` twice or more makes one reply of several lines: the server puts hyphens "
    "and codes. `raw` and `also` take the escapes of C. Facts are variables too: `{to}`, "
    "`{to.domain}`, `{header.from.domain}`, `{nth}`.\n\n"
    "Waiting times of limits and bounces pass `clock` times as fast; delays, drips and stalls do "
    "not. The same seed and the same octets of the clients give the same run.\n\n"
    "On one line, for `/fault` and the control socket, actions stand behind one another with ` ; ` "
    "between them: `/fault rcpt to=bob@* times=2 delay 1 ; reply 450 4.2.0 Not now`.\n";

void scenario_doc_markdown(struct buf *out)
{
    buf_append_cstr(out, HEAD);
    list_scenarios(out);
    buf_append_cstr(out, LANGUAGE);
    list_words(out, SCENARIO_STAGES, "Stages");
    list_words(out, SCENARIO_FACTS, "Facts");
    list_words(out, SCENARIO_LIMITS, "Limits");
    list_words(out, SCENARIO_DOS, "Actions");
    list_words(out, SCENARIO_SWITCHES, "Switches for set");
    list_words(out, SCENARIO_SETTINGS, "Settings of a server");
}
