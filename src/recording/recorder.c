/* The sink that writes a recording.
 *
 * The buffer is made once, as large as it can ever have to be, and never moves: the emergency
 * writer may run at any instruction, also in the middle of formatting a line. It writes from
 * `written` to `whole`, the end of the last whole line; both only grow until a flush is done.
 * Memory of a large buffer that is never touched costs nothing.
 *
 * Each file, and each part appended to one, begins with exactly one RECORDING event. Where the
 * journal is empty that is its first event. Where recording starts late it is written to the file
 * alone, with seq 0 and the first event's time, and RECORDING events of the journal are left out
 * behind it; the reader renumbers (parser.c). So it is with each file but the first of a recording
 * that goes on in a new one.
 *
 * With redaction on, what an octet is may be known only from events behind it (redact_private.h).
 * Then events are formatted at the end of the turn, from the journal, and those that cannot be
 * judged yet wait for a later one, with all behind them.
 */
#include "recording/redact_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/vis.h"

enum {
    REDACT_WAITING_OCTETS = 256 * 1024,         /* then it is looked whether something can go */
    REDACT_WAITING_MAX_OCTETS = 4 * 1024 * 1024 /* limit "redact-waiting" */
};

struct recorder {
    struct journal *journal;
    char *path;
    int fd;
    bool own_fd;
    bool keep_secrets;
    bool late;   /* the file's RECORDING is not one of the journal */
    bool broken; /* nothing is written any more */
    bool told;   /* ... and the owner knows */
    int write_errno;
    uint64_t origin_tick_ns;
    uint64_t octets; /* given to the file */
    size_t peak;     /* of buf, for wiping */
    struct buf buf;
    struct redactor *redactor; /* NULL: nothing but secrets is replaced */
    uint64_t next_seq;         /* redacting: the first event that was not formatted */
    size_t waiting_octets;     /* of events from there on */
    struct arena arena;        /* of the event at hand */
    char *tool, *command_line, *target, *host, *tls;
    uint64_t max_octets, file_octets;
    unsigned files, part;
    bool full;               /* max_octets was reached and no further file is to be */
    volatile size_t written; /* of buf, already in the file */
    volatile size_t whole;   /* of buf, up to the end of the last whole line */
};

/* Write all of it. False with errno: nothing more can be written. Async-signal-safe. */
static bool write_all(int fd, const uint8_t *octets, size_t n_octets, volatile size_t *done)
{
    size_t left = n_octets;
    while (left > 0) {
        ssize_t n = write(fd, octets + (n_octets - left), left);
        if (n >= 0) {
            left -= (size_t)n;
            *done += (size_t)n;
            if (n == 0) {
                errno = ENOSPC;
                return false;
            }
        } else if (errno == EAGAIN) {
            /* Standard output may be a pipe somebody made non-blocking: wait, lose nothing. */
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            if (poll(&p, 1, -1) < 0 && errno != EINTR)
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void buffer_empty(struct recorder *r)
{
    /* whole first: an emergency between the two lines finds nothing to write, not old octets. */
    r->whole = 0;
    r->written = 0;
    buf_reset(&r->buf);
}

static void buffer_write(struct recorder *r)
{
    if (!r->broken && r->written < r->whole) {
        size_t before = r->written;
        bool ok = write_all(r->fd, r->buf.ptr + before, r->whole - before, &r->written);
        r->octets += r->written - before;
        if (!ok) {
            r->write_errno = errno;
            r->broken = true;
        }
    }
    buffer_empty(r);
}

/* A hole in a recording has a name: this event would have made a line longer than a reader takes.
 */
static void format_gap(struct recorder *r, const struct event *ev)
{
    struct event header = *ev;
    union event_payload payload = {
        .gap = {.first_seq = ev->seq,
                .last_seq = ev->seq,
                .events = 1,
                .octets = ev->payload_octets,
                .limit = SLICE_LIT("recording-line")},
    };
    header.kind = EVENT_GAP;
    recording_format_payload(&r->buf, &header, &payload, slice_of(NULL, 0), r->origin_tick_ns,
                             r->keep_secrets);
}

/* ---- files ---- */

/* FILE becomes FILE.1, FILE.1 becomes FILE.2, ...; the last one goes. False: errno. */
static bool next_file(struct recorder *r)
{
    bool ok = close(r->fd) == 0 || errno == EINTR;
    r->fd = -1;
    for (unsigned i = r->files - 1; ok && i > 0; i--) {
        char *from = i > 1 ? mem_printf("%s.%u", r->path, i - 1) : mem_strdup(r->path);
        char *to = mem_printf("%s.%u", r->path, i);
        ok = rename(from, to) == 0 || errno == ENOENT;
        mem_free(from);
        mem_free(to);
    }
    if (ok)
        r->fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    r->file_octets = 0;
    r->part++;
    return ok && r->fd >= 0;
}

static void wrote_line(struct recorder *r)
{
    r->whole = r->buf.len;
    r->peak = r->buf.len > r->peak ? r->buf.len : r->peak;
    if (r->buf.len >= RECORDER_BUFFER_OCTETS)
        buffer_write(r);
}

static size_t octets_of(const struct event *ev)
{
    struct ev_octets o;
    if (ev->kind != EVENT_OCTETS)
        return 0;
    EVENT_GET(ev, OCTETS, &o);
    return (size_t)o.length;
}

static struct ev_recording first_event(const struct recorder *r)
{
    return (struct ev_recording){
        .schema = JOURNAL_SCHEMA,
        .tool = slice_cstr(r->tool),
        .command_line = slice_cstr(r->command_line),
        .target = slice_cstr(r->target),
        .redacted = r->keep_secrets ? 0 : 1,
        .pseudonyms = r->redactor ? 1 : 0,
        .host = slice_cstr(r->host),
        .tls = slice_cstr(r->tls),
        .part = r->part,
    };
}

static void redact_texts(struct recorder *r, const struct event *ev, union event_payload *payload)
{
    const struct event_kind_info *info = event_kind_info((enum event_kind)ev->kind);
    for (const struct event_field *f = info->fields; f->name; f++) {
        struct slice text;
        uint8_t *at = (uint8_t *)payload + f->struct_offset;
        if (f->type != FIELD_TEXT)
            continue;
        memcpy(&text, at, sizeof(text));
        if (text.len == 0 || slice_find_octet(text, '@') < 0)
            continue;
        uint8_t *copy = arena_alloc(&r->arena, text.len);
        memcpy(copy, text.ptr, text.len);
        redactor_text(r->redactor, copy, text.len);
        text.ptr = copy;
        memcpy(at, &text, sizeof(text));
    }
}

/* The RECORDING of a file that begins with an event of a journal that has one already. */
static void put_first_line(struct recorder *r, const struct event *first)
{
    union event_payload payload = {.recording = first_event(r)};
    struct event header = {.kind = EVENT_RECORDING};
    if (first) {
        header.tick_ns = r->origin_tick_ns = first->tick_ns;
        header.wall_us = first->wall_us;
        header.seq = first->seq - 1;
    }
    r->late = true;
    arena_reset(&r->arena);
    if (r->redactor)
        redact_texts(r, &header, &payload);
    size_t before = r->buf.len;
    recording_format_payload(&r->buf, &header, &payload, slice_of(NULL, 0), r->origin_tick_ns,
                             true);
    r->file_octets += r->buf.len - before;
    r->whole = r->buf.len;
}

/* The file is full before this event: it goes on in a new one, or ends. */
static void take_room(struct recorder *r, const struct event *ev)
{
    if (r->max_octets == 0 || r->file_octets < r->max_octets || r->broken)
        return;
    buffer_write(r);
    if (r->broken)
        return;
    if (r->files < 2 || !r->own_fd) {
        r->broken = r->full = true;
        return;
    }
    if (!next_file(r)) {
        r->write_errno = errno;
        r->broken = true;
        return;
    }
    put_first_line(r, ev);
}

static void format_event(struct recorder *r, const struct journal *j, const struct event *ev)
{
    size_t before = r->buf.len;
    if (!recording_format_event(&r->buf, j, ev, r->origin_tick_ns, r->keep_secrets))
        format_gap(r, ev);
    r->file_octets += r->buf.len - before;
}

/* ---- redaction ---- */

static struct slice redact_octets(struct recorder *r, const struct event *ev, struct ev_octets *o,
                                  bool forced)
{
    struct slice octets = journal_event_octets(r->journal, ev);
    if (octets.len == 0)
        return octets;
    uint8_t *copy = arena_alloc(&r->arena, octets.len);
    memcpy(copy, octets.ptr, octets.len);
    size_t n = o->hidden.len / (2 * sizeof(uint32_t));
    struct octet_range *hidden = arena_alloc(&r->arena, (n + 1) * sizeof(*hidden));
    n = journal_hidden_ranges(o, hidden, n);
    for (size_t i = 0; i < n && !r->keep_secrets; i++) {
        struct slice part = slice_take(slice_skip(octets, hidden[i].start), hidden[i].len);
        memset(copy + (part.ptr - octets.ptr), '*', part.len);
    }
    o->redacted = redactor_octets(r->redactor, r->journal, ev, o, copy, forced);
    return slice_of(copy, octets.len);
}

static void format_redacted(struct recorder *r, const struct event *ev, bool forced)
{
    union event_payload payload;
    struct slice octets = {NULL, 0};
    size_t before = r->buf.len;
    arena_reset(&r->arena);
    event_unpack(ev, (enum event_kind)ev->kind, &payload);
    if (ev->kind == EVENT_OCTETS)
        octets = redact_octets(r, ev, &payload.octets, forced);
    else
        redact_texts(r, ev, &payload);
    /* Secrets are masked already. */
    if (!recording_format_payload(&r->buf, ev, &payload, octets, r->origin_tick_ns, true))
        format_gap(r, ev);
    r->file_octets += r->buf.len - before;
    redactor_wrote(r->redactor, ev);
}

/* What can be judged now; all: also what cannot. */
static void format_waiting(struct recorder *r, bool all)
{
    for (; r->next_seq <= journal_end(r->journal); r->next_seq++) {
        const struct event *ev = journal_at(r->journal, r->next_seq);
        struct ev_octets o;
        bool holds = false;
        if (!ev || (r->late && ev->kind == EVENT_RECORDING))
            continue;
        if (ev->kind == EVENT_OCTETS) {
            EVENT_GET(ev, OCTETS, &o);
            holds = redactor_holds(r->redactor, r->journal, ev, &o);
        }
        if (holds && !all)
            return;
        take_room(r, ev);
        if (r->broken)
            return;
        format_redacted(r, ev, holds);
        wrote_line(r);
    }
    r->waiting_octets = 0;
}

static void recorder_sink(void *ctx, const struct journal *j, const struct event *ev)
{
    struct recorder *r = ctx;
    if (r->broken || (r->late && ev->kind == EVENT_RECORDING))
        return;
    if (ev->kind == EVENT_RECORDING)
        r->origin_tick_ns = ev->tick_ns;
    if (r->redactor) {
        redactor_see(r->redactor, j, ev);
        r->waiting_octets += sizeof(*ev) + ev->payload_octets + octets_of(ev);
        if (r->waiting_octets > REDACT_WAITING_OCTETS)
            format_waiting(r, false);
        /* What waits leaves memory some day: then it is written without being judged. */
        if (r->waiting_octets > REDACT_WAITING_MAX_OCTETS)
            format_waiting(r, true);
        return;
    }
    take_room(r, ev);
    if (r->broken)
        return;
    format_event(r, j, ev);
    wrote_line(r);
}

/* ---- opening ---- */

static const char *next_step(int code)
{
    switch (code) {
    case EEXIST:
        return "Choose another name, or remove the file first.";
    case ENOENT:
        return "Make the directory first, or choose another place.";
    case EACCES:
    case EPERM:
    case EROFS:
        return "Choose a place where you may write.";
    case ENOSPC:
    case EDQUOT:
        return "Free some space, then begin a new recording.";
    default:
        return "Choose another place for the recording.";
    }
}

static void err_file(struct err *err, const char *path, int code, const char *what,
                     const char *means)
{
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(path));
    err_set(err, ERR_FILE, code, "recording %s: %s", safe, what ? what : strerror(code));
    err_explain(err, means, next_step(code));
}

/* A last line that was cut off (a kill, a full disk) must not swallow the first line of ours. */
static bool end_cut_line(int fd)
{
    uint8_t last;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n')
        return size >= 0;
    volatile size_t done = 0;
    return write_all(fd, (const uint8_t *)"\n", 1, &done);
}

static int open_existing(const char *path, struct err *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a reader. */
    int fd = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0) {
        bool link = errno == ELOOP;
        err_file(err, path, errno, link ? "it is a symbolic link" : NULL,
                 "Nothing is recorded. The file was left as it is.");
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        err_file(err, path, EPERM, "it is no regular file of yours",
                 "Nothing is recorded. The file was left as it is.");
        close(fd);
        return -1;
    }
    /* Nobody else reads what is added, whatever the mode was. */
    if (((st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0) || !end_cut_line(fd)) {
        err_file(err, path, errno, NULL, "Nothing is recorded.");
        close(fd);
        return -1;
    }
    return fd;
}

/* A device (/dev/null, /dev/full, a terminal) holds nothing that could be overwritten. */
static bool is_device(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static int open_file(const struct recorder_options *options, struct err *err)
{
    int fd = open(options->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST && is_device(options->path))
        fd = open(options->path, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == EEXIST && options->append_existing_ok)
        return open_existing(options->path, err);
    err_file(err, options->path, errno, errno == EEXIST ? "a file of that name exists" : NULL,
             errno == EEXIST ? "Nothing is recorded. Recordings never overwrite a file."
                             : "Nothing is recorded. The session can go on without.");
    return -1;
}

/* Recording starts late: our own RECORDING, then all that is still in memory. */
static void write_past(struct recorder *r)
{
    const struct journal *j = r->journal;
    put_first_line(r, journal_at(j, journal_first(j)));
    for (uint64_t seq = journal_first(j); seq <= journal_end(j); seq++) {
        const struct event *ev = journal_at(j, seq);
        if (ev)
            recorder_sink(r, j, ev);
    }
}

static struct recorder *recorder_new(struct journal *j, const struct recorder_options *options,
                                     int fd, bool own_fd)
{
    struct recorder *r = mem_zalloc(sizeof(*r));
    r->journal = j;
    r->path = mem_strdup(options->path);
    r->fd = fd;
    r->own_fd = own_fd;
    r->keep_secrets = options->keep_secrets;
    r->tool = mem_strdup(options->tool);
    r->command_line = mem_strdup(options->command_line);
    r->target = mem_strdup(options->target);
    r->host = mem_strdup(options->host ? options->host : "");
    r->tls = mem_strdup(options->tls ? options->tls : "");
    r->max_octets = options->max_octets;
    r->files = options->files;
    r->part = options->max_octets && options->files > 1 ? 1 : 0;
    r->next_seq = journal_first(j) ? journal_first(j) : 1;
    if (options->redact_key.len > 0)
        r->redactor = redactor_new(options->redact_key);
    arena_init(&r->arena);
    size_t buffer_octets = (size_t)RECORDER_BUFFER_OCTETS + RECORDING_LINE_OCTETS + 64;
    buf_init(&r->buf, buffer_octets);
    buf_room(&r->buf, buffer_octets);
    return r;
}

struct recorder *recorder_open(struct journal *j, const struct recorder_options *options,
                               struct err *err)
{
    bool to_stdout = strcmp(options->path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO : open_file(options, err);
    if (fd < 0)
        return NULL;
    struct recorder *r = recorder_new(j, options, fd, !to_stdout);
    if (journal_end(j) != 0) {
        write_past(r);
        journal_add_sink(j, recorder_sink, r);
    } else {
        struct ev_recording first = first_event(r);
        journal_add_sink(j, recorder_sink, r);
        journal_append(j, 0, EVENT_RECORDING, 0, 0, &first);
    }
    return r;
}

/* ---- the owner's side ---- */

void recorder_set_redact(struct recorder *r, struct slice key)
{
    if (r->redactor)
        format_waiting(r, true);
    redactor_free(&r->redactor);
    if (key.len == 0)
        return;
    r->redactor = redactor_new(key);
    /* What went before says what comes: where a message passes, which protocol it is. */
    for (uint64_t seq = journal_first(r->journal); seq != 0 && seq <= journal_end(r->journal);
         seq++) {
        const struct event *ev = journal_at(r->journal, seq);
        if (ev)
            redactor_see(r->redactor, r->journal, ev);
    }
    r->next_seq = journal_end(r->journal) + 1;
    r->waiting_octets = 0;
}

static void err_full(struct err *err, const struct recorder *r)
{
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(r->path));
    err_set(err, ERR_LIMIT, 0, "recording %s: it has reached record-size, %llu octets", safe,
            (unsigned long long)r->max_octets);
    err_explain(err, "The recording ends here and stays readable. The session goes on.",
                "/set record-files N lets it go on in further files.");
}

bool recorder_flush(struct recorder *r, struct err *err)
{
    if (r->redactor && !r->broken)
        format_waiting(r, false);
    buffer_write(r);
    if (!r->broken)
        return true;
    if (!r->told) {
        r->told = true;
        if (r->full) {
            err_full(err, r);
            return false;
        }
        err_file(
            err, r->path, r->write_errno, NULL,
            "The recording ends here; what is in the file stays readable. The session goes on.");
    }
    return false;
}

void recorder_flush_emergency(struct recorder *r)
{
    size_t from = r->written, to = r->whole;
    r->written = to;
    if (r->broken || from >= to)
        return;
    volatile size_t done = 0;
    (void)write_all(r->fd, r->buf.ptr + from, to - from, &done);
}

bool recorder_close(struct recorder **r_inout, struct err *err)
{
    struct recorder *r = *r_inout;
    if (!r)
        return true;
    *r_inout = NULL;
    journal_remove_sink(r->journal, recorder_sink, r);
    if (r->redactor && !r->broken)
        format_waiting(r, true);
    bool ok = recorder_flush(r, err);
    /* Some file systems tell only here that the octets did not reach the disk. */
    if (r->own_fd && r->fd >= 0 && close(r->fd) != 0 && errno != EINTR && ok) {
        err_file(err, r->path, errno, NULL, "The end of the recording may be missing.");
        ok = false;
    }
    if (r->keep_secrets)
        mem_wipe(r->buf.ptr, r->peak);
    buf_deinit(&r->buf);
    arena_deinit(&r->arena);
    redactor_free(&r->redactor);
    char *const texts[] = {r->path, r->tool, r->command_line, r->target, r->host, r->tls};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        mem_free(texts[i]);
    mem_free(r);
    return ok;
}

const char *recorder_path(const struct recorder *r)
{
    return r->path;
}

uint64_t recorder_octets(const struct recorder *r)
{
    return r->octets + (r->whole - r->written);
}
