/* The player: a place among the steps of the file, and a timer.
 *
 * Time: `due_ns` is when, on the program's clock, the next step is due. It grows by each gap as it
 * is played (scaled, long pauses cut), not by when the timer happened to fire, so that lateness
 * does not add up. Steps that are due at once go in one turn.
 */
#include "recording/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vis.h"
#include "recording/replay_private.h"

enum { READ_OCTETS = 65536, SPEED_NORMAL_TENTHS = 10 };
#define MS_NS UINT64_C(1000000)

struct replay {
    struct loop *loop;
    const struct clock *clock;
    char *path;
    replay_fn changed;
    void *ctx;

    int fd; /* -1: the file was read */
    uint64_t file_octets, read_octets;
    struct recording_parser *parser;
    struct recording_report report;

    struct clock own_clock; /* of the journal: what is noted now stands at its end */
    struct journal *journal;
    struct replay_index index;
    size_t next; /* the first step that has not happened */
    bool engaged, playing, quiz;
    bool as_it_was;
    unsigned tenths;
    uint64_t due_ns;
    struct loop_timer *timer;
    uint64_t generation;
};

static uint64_t own_tick_ns(void *ctx)
{
    const struct replay *r = ctx;
    return r->index.last_tick_ns;
}

static int64_t own_wall_us(void *ctx)
{
    const struct replay *r = ctx;
    return r->clock->wall_us(r->clock->ctx);
}

static uint64_t now_ns(const struct replay *r)
{
    return r->clock->tick_ns(r->clock->ctx);
}

static void tell(struct replay *r)
{
    if (r->changed)
        r->changed(r->ctx);
}

/* ---- the file ---- */

static void on_event(void *ctx, const struct journal *j, const struct event *ev)
{
    struct replay *r = ctx;
    (void)j;
    replay_index_add(&r->index, ev);
}

/* False: the end, or it cannot be read further; what is there stays. */
static bool load(struct replay *r, size_t octets)
{
    uint8_t *piece = mem_alloc(READ_OCTETS);
    bool more = true;
    for (size_t done = 0; done < octets && more;) {
        ssize_t n = read(r->fd, piece, READ_OCTETS);
        if (n < 0 && errno == EINTR)
            continue;
        more = n > 0;
        if (more) {
            recording_parser_feed(r->parser, slice_of(piece, (size_t)n));
            done += (size_t)n;
            r->read_octets += (size_t)n;
        }
    }
    mem_free(piece);
    if (!more) {
        close(r->fd);
        r->fd = -1;
        recording_parser_end(&r->parser, &r->report);
    }
    return more;
}

static void play_on(struct replay *r);

static void on_load(void *ctx)
{
    struct replay *r = ctx;
    if (r->fd >= 0 && load(r, REPLAY_TURN_OCTETS))
        loop_defer(r->loop, on_load, r);
    if (r->playing && !loop_timer_active(r->timer))
        play_on(r);
    tell(r);
}

/* ---- the place ---- */

static void place(struct replay *r, size_t next)
{
    if (next < r->next)
        r->generation++;
    r->next = next;
    uint64_t horizon = UINT64_MAX;
    if (r->engaged && next < r->index.n_stops)
        horizon = r->index.stops[next].seq - 1;
    journal_set_horizon(r->journal, horizon);
    tell(r);
}

/* At the end all that has been read is behind us. */
static void engage(struct replay *r)
{
    if (!r->engaged)
        r->next = r->index.n_stops;
    r->engaged = true;
}

static bool is_answer(const struct replay *r, size_t stop)
{
    if (stop >= r->index.n_stops)
        return false;
    const struct event *ev = journal_at(r->journal, r->index.stops[stop].seq);
    struct ev_octets o;
    if (!ev || ev->kind != EVENT_OCTETS)
        return false;
    EVENT_GET(ev, OCTETS, &o);
    return o.dir == DIR_S;
}

static uint64_t gap_ns(const struct replay *r, size_t next)
{
    if (next == 0)
        return 0;
    uint64_t from = r->index.stops[next - 1].tick_ns, to = r->index.stops[next].tick_ns;
    uint64_t ns = to > from ? to - from : 0;
    if (r->as_it_was)
        return ns;
    /* Below a million seconds nothing overflows; a pause above that is cut in any case. */
    ns = ns > UINT64_C(1000000) * 1000 * MS_NS ? REPLAY_PAUSE_MS * MS_NS : ns * 10 / r->tenths;
    return ns > REPLAY_PAUSE_MS * MS_NS ? REPLAY_PAUSE_MS * MS_NS : ns;
}

/* All that is due now, then wait for what is next. */
static void play_on(struct replay *r)
{
    uint64_t now = now_ns(r);
    size_t next = r->next;
    while (next < r->index.n_stops && r->due_ns <= now) {
        if (r->quiz && is_answer(r, next)) {
            r->playing = false;
            break;
        }
        next++;
        if (next < r->index.n_stops)
            r->due_ns += gap_ns(r, next);
    }
    if (next >= r->index.n_stops && r->fd < 0)
        r->playing = false;
    place(r, next);
    if (r->playing && next < r->index.n_stops)
        loop_timer_start(r->timer, (r->due_ns - now + MS_NS - 1) / MS_NS);
}

static void on_timer(void *ctx)
{
    struct replay *r = ctx;
    if (r->playing)
        play_on(r);
}

void replay_play(struct replay *r)
{
    engage(r);
    if (r->next >= r->index.n_stops && r->fd < 0)
        place(r, 0);
    r->playing = true;
    r->due_ns = now_ns(r);
    /* The gap to the next step runs from now. */
    if (r->next > 0 && r->next < r->index.n_stops)
        r->due_ns += gap_ns(r, r->next);
    play_on(r);
}

void replay_pause(struct replay *r)
{
    engage(r);
    r->playing = false;
    loop_timer_stop(r->timer);
    place(r, r->next);
}

static void move_to(struct replay *r, size_t next)
{
    engage(r);
    r->playing = false;
    loop_timer_stop(r->timer);
    place(r, next < r->index.n_stops ? next : r->index.n_stops);
}

bool replay_step(struct replay *r, long n)
{
    engage(r);
    size_t next = r->next;
    for (; n > 0 && next < r->index.n_stops; n--)
        next++;
    for (; n < 0 && next > 0; n++)
        next--;
    move_to(r, next);
    return n == 0;
}

void replay_set_speed(struct replay *r, unsigned tenths)
{
    r->as_it_was = tenths == 0;
    r->tenths = tenths == 0                        ? SPEED_NORMAL_TENTHS
                : tenths > REPLAY_SPEED_MAX_TENTHS ? REPLAY_SPEED_MAX_TENTHS
                                                   : tenths;
    if (r->playing)
        replay_play(r);
    tell(r);
}

unsigned replay_speed(const struct replay *r)
{
    return r->as_it_was ? 0 : r->tenths;
}

void replay_goto_us(struct replay *r, uint64_t us)
{
    uint64_t max_us = (UINT64_MAX - r->index.first_tick_ns) / 1000;
    uint64_t tick_ns = us > max_us ? UINT64_MAX : r->index.first_tick_ns + us * 1000 + 999;
    move_to(r, replay_index_later(&r->index, tick_ns));
}

void replay_goto_seq(struct replay *r, uint64_t seq)
{
    move_to(r, replay_index_behind(&r->index, seq));
}

void replay_goto_start(struct replay *r)
{
    move_to(r, 0);
}

void replay_goto_end(struct replay *r)
{
    r->playing = false;
    loop_timer_stop(r->timer);
    r->engaged = false;
    place(r, r->index.n_stops);
}

bool replay_goto_mark(struct replay *r, struct slice name)
{
    const struct replay_index *x = &r->index;
    const struct replay_mark *found = NULL, *lowest = NULL;
    uint64_t here = r->engaged && r->next < x->n_stops ? x->stops[r->next].seq - 1 : UINT64_MAX;
    for (size_t i = 0; i < x->n_marks; i++) {
        const struct replay_mark *m = &x->marks[i];
        if (name.len > 0) {
            /* Setting a mark again moves it: the newest of that name counts. */
            if (slice_eq(name, slice_cstr(m->name)))
                found = m;
            continue;
        }
        if (!lowest || m->at_seq < lowest->at_seq)
            lowest = m;
        if (m->at_seq > here && (!found || m->at_seq < found->at_seq))
            found = m;
    }
    if (!found && name.len == 0)
        found = lowest;
    if (found)
        replay_goto_seq(r, found->at_seq);
    return found != NULL;
}

/* ---- quiz ---- */

void replay_set_quiz(struct replay *r, bool on)
{
    r->quiz = on;
    tell(r);
}

bool replay_quiz(const struct replay *r)
{
    return r->quiz;
}

bool replay_hides_answer(const struct replay *r, unsigned *code_out)
{
    const struct replay_index *x = &r->index;
    if (!r->quiz || !r->engaged || !is_answer(r, r->next))
        return false;
    uint64_t to = r->next + 1 < x->n_stops ? x->stops[r->next + 1].seq : journal_end(r->journal);
    *code_out = 0;
    for (uint64_t seq = x->stops[r->next].seq; seq <= to && *code_out == 0; seq++) {
        const struct event *ev = journal_at(r->journal, seq);
        struct ev_reply reply;
        if (!ev || ev->kind != EVENT_REPLY || (ev->flags & EVENT_FLAG_BACKSTAGE))
            continue;
        EVENT_GET(ev, REPLY, &reply);
        *code_out = reply.code <= 999 ? (unsigned)reply.code : 0;
    }
    return true;
}

/* ---- what it says ---- */

uint64_t replay_at_us(const struct replay *r)
{
    const struct replay_index *x = &r->index;
    if (!r->engaged || r->next >= x->n_stops)
        return replay_total_us(r);
    uint64_t tick_ns = r->next > 0 ? x->stops[r->next - 1].tick_ns : x->first_tick_ns;
    return tick_ns > x->first_tick_ns ? (tick_ns - x->first_tick_ns) / 1000 : 0;
}

uint64_t replay_total_us(const struct replay *r)
{
    return (r->index.last_tick_ns - r->index.first_tick_ns) / 1000;
}

static void put_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, "%llu.%03llu", (unsigned long long)(us / 1000000),
               (unsigned long long)(us / 1000 % 1000));
}

void replay_status(const struct replay *r, bool ascii, struct buf *out)
{
    unsigned code;
    buf_append_cstr(out, "replay ");
    if (r->playing)
        buf_append_cstr(out, ascii ? ">" : "▶");
    else
        buf_append_cstr(out, "||");
    if (r->as_it_was)
        buf_append_cstr(out, " as it was  ");
    else if (r->tenths % 10 == 0)
        buf_printf(out, " %ux  ", r->tenths / 10);
    else
        buf_printf(out, " %u.%ux  ", r->tenths / 10, r->tenths % 10);
    put_seconds(out, replay_at_us(r));
    buf_append_cstr(out, " / ");
    put_seconds(out, replay_total_us(r));
    buf_append_cstr(out, " s");
    if (r->fd >= 0)
        buf_printf(out, "  reading %u %%", replay_loaded_percent(r));
    if (r->quiz)
        buf_append_cstr(out,
                        replay_hides_answer(r, &code) ? "  quiz: what will it answer?" : "  quiz");
}

/* ---- opening ---- */

static int open_file(const char *path, int fd, uint64_t *octets_out, struct err *err)
{
    char safe[160];
    struct stat st;
    vis_to_cstr(safe, sizeof safe, slice_cstr(path));
    if (fd <= 0)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        int code = fd < 0 ? errno : EISDIR;
        err_set(err, ERR_FILE, code, "recording %s: %s", safe, strerror(code));
        err_explain(err, "The recording cannot be opened.", "Check the name and the permissions.");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *octets_out = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    return fd;
}

struct replay *replay_open(struct loop *l, const struct clock *clock,
                           const struct replay_options *options, struct err *err)
{
    uint64_t file_octets = 0;
    int fd = open_file(options->path, options->fd, &file_octets, err);
    if (fd < 0)
        return NULL;
    struct replay *r = mem_zalloc(sizeof(*r));
    *r = (struct replay){.loop = l,
                         .clock = clock,
                         .fd = fd,
                         .file_octets = file_octets,
                         .path = mem_strdup(options->path),
                         .tenths = SPEED_NORMAL_TENTHS};
    r->own_clock = (struct clock){.tick_ns = own_tick_ns, .wall_us = own_wall_us, .ctx = r};
    r->journal = journal_new(&r->own_clock);
    /* However large the file is, it is not all in memory. */
    static const struct journal_limits limits = {.events_octets = (size_t)64 << 20,
                                                 .store_memory_octets = (size_t)4 << 20,
                                                 .store_spool_octets = UINT64_C(1) << 40};
    journal_set_limits(r->journal, &limits);
    journal_spill_events(r->journal);
    if (options->spool_dir)
        journal_set_spool_dir(r->journal, options->spool_dir);
    journal_add_sink(r->journal, on_event, r);
    r->parser = recording_parser_new(r->journal);
    r->timer = loop_timer_new(l, on_timer, r);
    bool more = load(r, REPLAY_FIRST_OCTETS);
    if (journal_end(r->journal) == 0) {
        char safe[160];
        vis_to_cstr(safe, sizeof safe, slice_cstr(options->path));
        err_set(err, ERR_FORMAT, 0, "%s holds no event", safe);
        err_explain(err, "It is empty or no recording of this program.",
                    "Recordings are files of JSON lines that begin with a \"recording\" event.");
        replay_free(&r);
        return NULL;
    }
    r->changed = options->changed;
    r->ctx = options->ctx;
    if (more)
        loop_defer(l, on_load, r);
    return r;
}

void replay_free(struct replay **r_inout)
{
    struct replay *r = *r_inout;
    if (!r)
        return;
    *r_inout = NULL;
    loop_defer_cancel(r->loop, r);
    loop_timer_free(&r->timer);
    if (r->parser)
        recording_parser_end(&r->parser, NULL);
    if (r->fd >= 0)
        close(r->fd);
    journal_free(&r->journal);
    replay_index_deinit(&r->index);
    mem_free(r->path);
    mem_free(r);
}

struct journal *replay_journal(struct replay *r)
{
    return r->journal;
}

const char *replay_path(const struct replay *r)
{
    return r->path;
}

bool replay_loading(const struct replay *r)
{
    return r->fd >= 0;
}

unsigned replay_loaded_percent(const struct replay *r)
{
    if (r->fd < 0)
        return 100;
    if (r->file_octets == 0 || r->read_octets >= r->file_octets)
        return 99;
    return (unsigned)(r->read_octets * 100 / r->file_octets);
}

const struct recording_report *replay_report(const struct replay *r)
{
    return &r->report;
}

uint64_t replay_generation(const struct replay *r)
{
    return r->generation;
}

bool replay_engaged(const struct replay *r)
{
    return r->engaged;
}

bool replay_playing(const struct replay *r)
{
    return r->playing;
}
