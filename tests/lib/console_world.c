#include "console_world.h"

void world_init(struct world *w)
{
    w->loop = loop_new();
    w->journal = journal_new(clock_system());
    w->settings = settings_new();
    const struct console_options options = {.host_name = "client.example.net", .tool = "test"};
    w->console = console_new(w->loop, w->journal, w->settings, &options);
}

void world_deinit(struct world *w)
{
    console_free(&w->console);
    settings_free(&w->settings);
    journal_free(&w->journal);
    loop_free(&w->loop);
}

int world_set_up(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);
    world_init(w);
    *state = w;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *w = *state;
    world_deinit(w);
    mem_free(w);
    return 0;
}

static bool over(void *ctx)
{
    return script_result(*(struct script **)ctx)->done;
}

struct script_result world_script(struct world *w, const char *text)
{
    struct script *s =
        script_start(w->console, w->loop, "test", slice_cstr(text), WORLD_LIMIT_MS, NULL, NULL);
    loop_run_until(w->loop, over, &s);
    struct script_result r = *script_result(s);
    script_free(&s);
    return r;
}

void world_run(struct world *w, const char *text)
{
    struct script_result r = world_script(w, text);
    if (!r.ok)
        fail_msg("line %u: %s | %s", r.line, r.err.text, r.err.means);
}

bool world_noted(const struct world *w, const char *part)
{
    for (uint64_t seq = journal_first(w->journal); seq <= journal_last(w->journal); seq++) {
        const struct event *ev = journal_at(w->journal, seq);
        struct ev_note n;
        if (!ev || ev->kind != EVENT_NOTE)
            continue;
        EVENT_GET(ev, NOTE, &n);
        if (slice_find(n.text, slice_cstr(part)) >= 0)
            return true;
    }
    return false;
}
