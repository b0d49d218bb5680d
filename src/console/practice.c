/* The practice server in the console: scenarios, faults, starting anew. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/console_private.h"

enum { PAGE_MAX_OCTETS = 1 << 20 };

struct mock *console_practice(struct console *c)
{
    if (!c->mock) {
        const struct mock_options options = {.name = c->options.practice_name};
        c->mock = mock_new(c->loop, c->journal, &options);
    }
    return c->mock;
}

void console_take_mock(struct console *c, struct mock *m)
{
    mock_free(&c->mock);
    c->mock = m;
}

bool console_read_scenario(void *ctx, const char *path, struct buf *out, struct err *err)
{
    (void)ctx;
    FILE *f = fopen(path, "re");
    if (!f) {
        err_set(err, ERR_FILE, errno, "no scenario is called %.80s, and no file: %s", path,
                strerror(errno));
        err_explain(err, "", "/practice lists the scenarios; a file ends with .scn");
        return false;
    }
    bool ok = true;
    for (size_t n = 1; n > 0 && ok;) {
        uint8_t *room = buf_room(out, 4096);
        ok = room != NULL;
        n = ok ? fread(room, 1, 4096, f) : 0;
        if (ok)
            buf_grow(out, n);
    }
    if (!ok)
        err_set(err, ERR_LIMIT, 0,
                "limit \"scenario-file\" reached: %.80s is larger than %d octets", path,
                SCENARIO_FILE_MAX_OCTETS);
    else if (ferror(f))
        err_set(err, ERR_FILE, errno, "cannot read %.80s: %s", path, strerror(errno));
    ok = ok && !ferror(f);
    fclose(f);
    return ok;
}

bool console_set_scenario(struct console *c, const char *name, struct err *err)
{
    struct mock *m = console_practice(c);
    if (strcmp(name, mock_scenario_name(m)) == 0)
        return true;
    return mock_set_scenario(m, name, console_read_scenario, NULL, err);
}

static void list_scenarios(struct console *c)
{
    const struct scenario_builtin *b;
    struct buf text;
    buf_init(&text, PAGE_MAX_OCTETS);
    for (size_t i = 0; (b = scenario_builtin_at(i)); i++) {
        struct err err;
        struct scenario *s = scenario_load(b->name, NULL, NULL, &err);
        bool now = strcmp(b->name, mock_scenario_name(console_practice(c))) == 0;
        buf_printf(&text, "%c %-20s %s\n", now ? '*' : ' ', b->name, s && s->title ? s->title : "");
        scenario_free(&s);
    }
    console_page(c, "Scenarios of the practice server (* the present one)", buf_slice(&text));
    buf_deinit(&text);
}

bool exec_practice(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0) {
        list_scenarios(c);
        return true;
    }
    char *name = mem_slice_dup(call->args), text[160];
    bool ok = mock_set_scenario(console_practice(c), name, console_read_scenario, NULL, call->err);
    mem_free(name);
    if (!ok)
        return false;
    snprintf(text, sizeof text, "the practice server plays %.80s from the next connection on",
             mock_scenario_name(c->mock));
    journal_note(c->journal, 0, LEVEL_INFO, text, "its mailboxes are empty, live rules are gone",
                 "/open practice");
    return true;
}

bool exec_fault(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args, word = slice_next_word(&rest);
    struct mock *m = console_practice(c);
    char text[80];
    uint64_t number;
    rest = slice_trim(rest);
    if (word.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/fault wants a rule, or off and its number");
        err_explain(call->err, "",
                    "/fault rcpt to=bob@* times=2 reply 450 4.2.0 Not now; doc/scenarios.md");
        return false;
    }
    if (slice_eq_nocase(word, SLICE_LIT("off"))) {
        if (rest.len == 0 || slice_eq_nocase(rest, SLICE_LIT("all"))) {
            mock_rules_clear(m);
            return true;
        }
        if (slice_to_u64(rest, UINT32_MAX, &number) && mock_rule_remove(m, (unsigned)number))
            return true;
        err_set(call->err, ERR_USAGE, 0, "no live rule has this number");
        err_explain(call->err, "rules of a scenario stay as long as it", "/faults lists them");
        return false;
    }
    unsigned added = mock_rule_add(m, call->args, call->err);
    if (added == 0)
        return false;
    snprintf(text, sizeof text, "rule %u of the practice server is on", added);
    journal_note(c->journal, 0, LEVEL_INFO, text, "it is asked before the scenario's rules",
                 "/faults counts what it does; /fault off takes it away");
    return true;
}

bool exec_faults(struct console *c, const struct console_call *call)
{
    (void)call;
    struct mock *m = console_practice(c);
    struct rules_info info;
    struct buf text;
    buf_init(&text, PAGE_MAX_OCTETS);
    buf_printf(&text, "scenario %s\n", mock_scenario_name(m));
    for (size_t i = 0; mock_rule_at(m, i, &info); i++) {
        if (info.number > 0)
            buf_printf(&text, "live %-4u", info.number);
        else
            buf_printf(&text, "line %-4u", info.line);
        buf_printf(&text, " %llu/%llu  %s\n", (unsigned long long)info.matched,
                   (unsigned long long)info.hits, info.text);
    }
    console_page(c, "Rules of the practice server: matched/fired", buf_slice(&text));
    buf_deinit(&text);
    return true;
}

bool exec_reset_practice(struct console *c, const struct console_call *call)
{
    (void)call;
    struct mock *m = console_practice(c);
    mock_rules_clear(m);
    mock_clear(m);
    journal_note(c->journal, 0, LEVEL_INFO,
                 "the practice server is as new: no mail, nothing remembered, no live rules", "",
                 "");
    return true;
}
