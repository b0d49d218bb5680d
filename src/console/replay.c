/* /replay and what shows a recording on the screen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"
#include "report/import.h"

struct journal *console_shown(const struct console *c)
{
    return c->replay ? replay_journal(c->replay) : c->journal;
}

uint32_t console_shown_conn(const struct console *c)
{
    return c->replay ? 0 : console_conn(c);
}

struct replay *console_replay(const struct console *c)
{
    return c->replay;
}

/* What was odd about the file is said in it, behind its last event. */
static void replay_changed(void *ctx)
{
    struct console *c = ctx;
    if (!c->replay || replay_loading(c->replay) || c->replay_reported)
        return;
    c->replay_reported = true;
    recording_report_notes(replay_journal(c->replay), replay_path(c->replay),
                           replay_report(c->replay));
}

/* A transcript of another's, made a recording in a file without a name; -1: *err. */
static int imported(struct console *c, const char *path, struct err *err)
{
    FILE *to = tmpfile();
    if (!to) {
        err_set(err, ERR_FILE, errno, "no temporary file can be made: %s", strerror(errno));
        return -1;
    }
    int fd = import_write(path, c->options.tool, to, err) ? dup(fileno(to)) : -1;
    fclose(to);
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

bool console_replay_open(struct console *c, const char *path, struct err *err)
{
    struct replay_options options = {
        .path = path, .spool_dir = c->options.spool_dir, .changed = replay_changed, .ctx = c};
    if (import_is_transcript(path) && (options.fd = imported(c, path, err)) < 0)
        return false;
    struct replay *r = replay_open(c->loop, journal_clock(c->journal), &options, err);
    if (!r)
        return false;
    replay_free(&c->replay);
    c->replay = r;
    c->replay_reported = false;
    replay_changed(c);
    return true;
}

/* ---- the words behind /replay ---- */

static bool wants_number(const struct console_call *call, const char *text)
{
    err_set(call->err, ERR_USAGE, 0, "%s", text);
    return false;
}

static bool do_play(struct console *c, const struct console_call *call, struct slice arg)
{
    (void)call, (void)arg;
    replay_play(c->replay);
    return true;
}

static bool do_pause(struct console *c, const struct console_call *call, struct slice arg)
{
    (void)call, (void)arg;
    replay_pause(c->replay);
    return true;
}

static bool do_toggle(struct console *c, const struct console_call *call, struct slice arg)
{
    return replay_playing(c->replay) ? do_pause(c, call, arg) : do_play(c, call, arg);
}

static bool move_steps(struct console *c, const struct console_call *call, struct slice arg,
                       bool back)
{
    uint64_t n = 1;
    if (arg.len > 0 && !slice_to_u64(arg, 1000000, &n))
        return wants_number(call, "/replay step and back want a number of steps");
    long steps = (long)n;
    replay_step(c->replay, back ? -steps : steps);
    return true;
}

static bool do_step(struct console *c, const struct console_call *call, struct slice arg)
{
    return move_steps(c, call, arg, false);
}

static bool do_back(struct console *c, const struct console_call *call, struct slice arg)
{
    return move_steps(c, call, arg, true);
}

/* "12.5" in units of 10^-digits; false: no number of at most 9 digits before the point. */
static bool decimal(struct slice text, unsigned digits, uint64_t *out)
{
    ptrdiff_t point = slice_find_octet(text, '.');
    struct slice whole = point < 0 ? text : slice_take(text, (size_t)point);
    struct slice fraction = point < 0 ? slice_cstr("") : slice_skip(text, (size_t)point + 1);
    uint64_t value = 0;
    if (whole.len + fraction.len == 0 || (whole.len && !slice_to_u64(whole, 999999999, &value)))
        return false;
    for (unsigned i = 0; i < digits; i++) {
        unsigned digit = i < fraction.len ? fraction.ptr[i] - '0' : 0;
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static const unsigned speeds[] = {1, 2, 5, 10, 20, 50, 100}; /* tenths */

static unsigned next_speed(unsigned now, bool faster)
{
    enum { N = sizeof speeds / sizeof *speeds };
    now = now == 0 ? 10 : now;
    for (size_t i = 0; faster && i < N; i++)
        if (speeds[i] > now)
            return speeds[i];
    for (size_t i = N; !faster && i > 0; i--)
        if (speeds[i - 1] < now)
            return speeds[i - 1];
    return now;
}

static bool speed_of(struct slice text, unsigned *tenths_out)
{
    uint64_t tenths;
    if (slice_eq(text, SLICE_LIT("as-it-was"))) {
        *tenths_out = 0;
        return true;
    }
    if (text.len > 0 && (text.ptr[0] == 'x' || text.ptr[text.len - 1] == 'x'))
        text = text.ptr[0] == 'x' ? slice_skip(text, 1) : slice_take(text, text.len - 1);
    if (!decimal(text, 1, &tenths) || tenths == 0 || tenths > REPLAY_SPEED_MAX_TENTHS)
        return false;
    *tenths_out = (unsigned)tenths;
    return true;
}

static bool do_speed(struct console *c, const struct console_call *call, struct slice arg)
{
    unsigned tenths;
    if (!speed_of(arg, &tenths))
        return wants_number(call, "the speed is 0.1 to 10, or as-it-was (pauses in full)");
    replay_set_speed(c->replay, tenths);
    return true;
}

static bool do_faster(struct console *c, const struct console_call *call, struct slice arg)
{
    (void)call, (void)arg;
    replay_set_speed(c->replay, next_speed(replay_speed(c->replay), true));
    return true;
}

static bool do_slower(struct console *c, const struct console_call *call, struct slice arg)
{
    (void)call, (void)arg;
    replay_set_speed(c->replay, next_speed(replay_speed(c->replay), false));
    return true;
}

static bool do_goto(struct console *c, const struct console_call *call, struct slice arg)
{
    uint64_t us, at = replay_at_us(c->replay), total = replay_total_us(c->replay);
    if (slice_eq(arg, SLICE_LIT("start"))) {
        replay_goto_start(c->replay);
        return true;
    }
    if (slice_eq(arg, SLICE_LIT("end"))) {
        replay_goto_end(c->replay);
        return true;
    }
    char sign = arg.len > 0 ? (char)arg.ptr[0] : ' ';
    bool percent = arg.len > 0 && arg.ptr[arg.len - 1] == '%';
    struct slice number = sign == '+' || sign == '-' ? slice_skip(arg, 1) : arg;
    number = percent ? slice_take(number, number.len - 1) : number;
    if (!decimal(number, 6, &us))
        return wants_number(call, "/replay goto wants seconds, +SECS, -SECS, 50%, start or end");
    if (percent)
        us = (uint64_t)((double)us / 1e8 * (double)total);
    if (sign == '+')
        us += at;
    else if (sign == '-')
        us = us < at ? at - us : 0;
    replay_goto_us(c->replay, us);
    return true;
}

static bool do_mark(struct console *c, const struct console_call *call, struct slice arg)
{
    if (replay_goto_mark(c->replay, arg))
        return true;
    if (arg.len > 0)
        err_set(call->err, ERR_USAGE, 0, "the recording has no mark of that name");
    else
        err_set(call->err, ERR_USAGE, 0, "the recording has neither marks nor notes");
    err_explain(call->err, "", "/mark NAME sets one at the selected line");
    return false;
}

static bool do_quiz(struct console *c, const struct console_call *call, struct slice arg)
{
    if (!slice_eq(arg, SLICE_LIT("on")) && !slice_eq(arg, SLICE_LIT("off")))
        return wants_number(call, "/replay quiz is on or off");
    replay_set_quiz(c->replay, slice_eq(arg, SLICE_LIT("on")));
    return true;
}

/* Quiz: a code guessed, or its class as 2, 2xx or 2yz; then the answer is shown. */
static bool do_guess(struct console *c, const struct console_call *call, struct slice arg)
{
    unsigned code;
    uint64_t guess;
    if (!replay_hides_answer(c->replay, &code))
        return wants_number(call, "there is no hidden answer here; /replay quiz on hides them");
    bool class_only = arg.len == 1 || (arg.len == 3 && arg.ptr[1] > '9');
    if (!slice_to_u64(class_only ? slice_take(arg, 1) : arg, 999, &guess))
        return wants_number(call, "/replay guess wants a reply code, or its first digit");
    bool right = class_only ? guess == code / 100 : guess == code;
    char text[80];
    snprintf(text, sizeof text, code ? "%s: it is %u" : "%s: it has no code",
             right ? "right" : "not quite", code);
    journal_note(c->journal, 0, LEVEL_INFO, text, "", "");
    replay_step(c->replay, 1);
    return true;
}

static bool do_off(struct console *c, const struct console_call *call, struct slice arg)
{
    (void)arg;
    if (c->options.read_only) {
        err_set(call->err, ERR_USAGE, 0, "this is the recording that was opened; /quit leaves");
        return false;
    }
    replay_free(&c->replay);
    return true;
}

typedef bool (*word_fn)(struct console *c, const struct console_call *call, struct slice arg);
static const struct {
    const char *word;
    word_fn run;
} words[] = {
    {"play", do_play}, {"pause", do_pause}, {"toggle", do_toggle}, {"step", do_step},
    {"back", do_back}, {"speed", do_speed}, {"faster", do_faster}, {"slower", do_slower},
    {"goto", do_goto}, {"mark", do_mark},   {"quiz", do_quiz},     {"guess", do_guess},
    {"off", do_off},
};

static bool open_and_play(struct console *c, const struct console_call *call)
{
    /* The last word is a speed where it reads as one and is not all there is. */
    struct slice path = call->args;
    size_t space = path.len;
    unsigned tenths = 10;
    while (space > 0 && path.ptr[space - 1] != ' ')
        space--;
    if (space > 0 && speed_of(slice_skip(path, space), &tenths))
        path = slice_trim(slice_take(path, space));
    char *name = mem_slice_dup(path);
    bool ok = console_replay_open(c, name, call->err);
    mem_free(name);
    if (ok) {
        replay_set_speed(c->replay, tenths);
        replay_goto_start(c->replay);
        replay_play(c->replay);
    }
    return ok;
}

bool exec_replay(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice word = slice_next_word(&rest);
    if (word.len == 0)
        word = SLICE_LIT("toggle");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!slice_eq(word, slice_cstr(words[i].word)))
            continue;
        if (c->replay)
            return words[i].run(c, call, slice_trim(rest));
        err_set(call->err, ERR_USAGE, 0, "no recording is open to be replayed");
        err_explain(call->err, "", "/replay FILE opens one");
        return false;
    }
    return open_and_play(c, call);
}
