/* The file goes line by line through the reader of recordings into a journal that keeps little;
 * what each line completes is judged at once.
 */
#include "report/find.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/mem.h"
#include "report/find_private.h"
#include "report/out.h"

enum { FIND_READ_OCTETS = 65536, FIND_HIT_MAX_OCTETS = 1 << 20 };

static void print_text(struct finder *f, const struct filter_facts *facts)
{
    static const char *const sides[] = {"C>", "<S"};
    bool spoken = facts->dir >= 0 && facts->deviation.len == 0;
    buf_printf(&f->hit, "%s:%llu: ", f->name, (unsigned long long)(f->line ? f->line : facts->seq));
    out_seconds(&f->hit, facts->at_us);
    buf_printf(&f->hit, " %s%c ", spoken ? sides[facts->dir] : "--", facts->tls ? 'T' : ' ');
    if (!spoken)
        buf_printf(&f->hit, "%.*s: ", SLICE_ARG(facts->kind));
    vis_to_buf(&f->hit, facts->text, VIS_ASCII);
    buf_append_octet(&f->hit, '\n');
}

static void print_json(struct finder *f, const struct filter_facts *facts)
{
    struct buf *b = &f->hit;
    buf_append_octet(b, '{');
    out_json_member(b, "file", slice_cstr(f->name));
    if (f->line)
        out_json_number(b, "line", f->line);
    out_json_number(b, "seq", facts->seq);
    out_json_number(b, "conn", facts->conn);
    out_json_member(b, "kind", facts->kind);
    out_json_ms(b, "t_ms", facts->at_us);
    if (facts->dir >= 0)
        out_json_member(b, "dir", slice_cstr(event_dir_word((unsigned)facts->dir)));
    out_json_bool(b, "tls", facts->tls);
    if (facts->code)
        out_json_number(b, "code", facts->code);
    if (facts->enhanced.len)
        out_json_member(b, "enhanced", facts->enhanced);
    if (facts->verb.len)
        out_json_member(b, "verb", facts->verb);
    if (facts->rcpt.len)
        out_json_member(b, "rcpt", facts->rcpt);
    if (facts->deviation.len)
        out_json_member(b, "deviation", facts->deviation);
    if (facts->has_dt)
        out_json_ms(b, "dt_ms", facts->dt_us);
    out_json_member(b, "text", facts->text);
    buf_append_cstr(b, "}\n");
}

/* A command or a reply whose words, or a reply whose command, were passed over. */
static bool lacks_context(const struct finder *f, const struct filter_facts *facts)
{
    const struct event *ev = f->event;
    bool spoken = ev->kind == EVENT_REPLY || ev->kind == EVENT_COMMAND;
    bool rcpt = slice_eq(facts->verb, SLICE_LIT("RCPT")) && facts->rcpt.len == 0;
    bool unlinked = ev->kind == EVENT_REPLY && ev->cause_seq && !facts->has_dt;
    return spoken && (facts->text.len == 0 || rcpt || unlinked);
}

static void judge(void *ctx, const struct filter_facts *facts)
{
    struct finder *f = ctx;
    /* What is asked for is what was passed over. */
    const struct event *ev = f->event;
    if (f->skimming && f->names_dt && ev->kind == EVENT_REPLY && ev->cause_seq && !facts->has_dt &&
        !journal_at(f->journal, ev->cause_seq))
        f->gave_up = true;
    if (f->gave_up || !filter_match(f->filter, facts))
        return;
    if (f->skimming && lacks_context(f, facts)) {
        f->gave_up = true;
        return;
    }
    if (f->hits++ < f->printed)
        return;
    if (f->options->json)
        print_json(f, facts);
    else
        print_text(f, facts);
    out_flush(&f->hit, f->to);
}

static void on_event(void *ctx, const struct journal *j, const struct event *ev)
{
    struct finder *f = ctx;
    f->journal = j;
    f->event = ev;
    if (!(ev->flags & EVENT_FLAG_BACKSTAGE) || f->options->backstage)
        filter_lens_event(f->lens, ev, f->shadows, judge, f);
}

static void finder_init(struct finder *f, const struct filter *filter,
                        const struct find_options *options, const char *name, FILE *to)
{
    *f = (struct finder){.filter = filter, .options = options, .name = name, .to = to};
    f->shadows = filter_names(filter, FILTER_KIND);
    f->names_dt = filter_names(filter, FILTER_DT);
    buf_init(&f->hit, FIND_HIT_MAX_OCTETS * 16);
}

static void finder_deinit(struct finder *f)
{
    buf_deinit(&f->hit);
}

uint64_t find_in_journal(const struct filter *f, const struct find_options *options,
                         const struct journal *j, const char *name, FILE *to)
{
    struct finder finder;
    finder_init(&finder, f, options, name, to);
    finder.lens = filter_lens_new(j);
    for (uint64_t seq = journal_first(j); seq != 0 && seq <= journal_last(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev)
            on_event(&finder, j, ev);
    }
    filter_lens_free(&finder.lens);
    finder_deinit(&finder);
    return finder.hits;
}

/* Line by line, so that each event knows its line. */
static bool feed_file(int fd, struct recording_parser *p, struct finder *f)
{
    uint8_t *octets = mem_alloc(FIND_READ_OCTETS);
    ssize_t n;
    f->line = 1;
    while ((n = read(fd, octets, FIND_READ_OCTETS)) > 0 || (n < 0 && errno == EINTR)) {
        struct slice in = slice_of(octets, n > 0 ? (size_t)n : 0);
        while (in.len > 0) {
            ptrdiff_t lf = slice_find_octet(in, '\n');
            size_t len = lf < 0 ? in.len : (size_t)lf + 1;
            recording_parser_feed(p, slice_take(in, len));
            f->line += lf >= 0;
            in = slice_skip(in, len);
        }
    }
    mem_free(octets);
    return n == 0;
}

/* One way through the file. skim: not every line is read. False: errno says why, or f->gave_up. */
static bool go_through(struct finder *f, int fd, const struct skim_plan *plan,
                       struct recording_report *report_out)
{
    /* A reply's command, and the octets of the longest reply, are all that is looked back at. */
    static const struct journal_limits limits = {
        .events_octets = 8 << 20, .store_memory_octets = 8 << 20, .store_spool_octets = 0};
    struct journal *j = journal_new(clock_system());
    journal_set_limits(j, &limits);
    f->lens = filter_lens_new(j);
    f->hits = 0;
    f->gave_up = false;
    f->skimming = plan != NULL;
    journal_add_sink(j, on_event, f);
    struct recording_parser *p = recording_parser_new(j);
    bool ok = plan ? skim_file(f, fd, plan, p) : feed_file(fd, p, f);
    int read_errno = errno;
    recording_parser_end(&p, report_out);
    filter_lens_free(&f->lens);
    journal_free(&j);
    errno = read_errno;
    return ok;
}

/* Only what can be read twice is skimmed: where that fails, every line is read, and the hits
 * already printed are not printed again. */
static bool find_in(struct finder *f, int fd, struct recording_report *report_out)
{
    struct skim_plan plan;
    struct stat st;
    bool again = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (again && !f->options->no_skim && skim_plan_make(f->filter, &plan)) {
        off_t start = lseek(fd, 0, SEEK_CUR);
        bool ok = go_through(f, fd, &plan, report_out);
        if (!f->gave_up)
            return ok;
        f->printed = f->hits;
        if (lseek(fd, start, SEEK_SET) < 0)
            return false;
    }
    return go_through(f, fd, NULL, report_out);
}

bool find_in_file(const struct filter *f, const struct find_options *options, const char *path,
                  FILE *to, uint64_t *hits_out, struct recording_report *report_out,
                  struct err *err)
{
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(path));
    *hits_out = 0;
    memset(report_out, 0, sizeof(*report_out));
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_FILE, errno, "%s: %s", safe, strerror(errno));
        err_explain(err, "The recording cannot be opened.", "Check the name and the permissions.");
        return false;
    }
    struct finder finder;
    finder_init(&finder, f, options, safe, to);
    bool ok = find_in(&finder, fd, report_out);
    int read_errno = errno;
    if (!is_stdin)
        close(fd);
    *hits_out = finder.hits;
    finder_deinit(&finder);
    if (!ok)
        err_set(err, ERR_FILE, read_errno, "%s: %s", safe, strerror(read_errno));
    else if (report_out->events == 0)
        err_set(err, ERR_FORMAT, 0, "%s holds no event", safe);
    if (ok && report_out->events == 0)
        err_explain(err, "It is empty or no recording of this program.",
                    "Recordings are files of JSON lines that begin with a \"recording\" event.");
    return ok && report_out->events > 0;
}
