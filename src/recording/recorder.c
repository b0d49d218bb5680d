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
 * behind it; the reader renumbers (parser.c).
 */
#include "recording/recording_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vis.h"

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

static void recorder_sink(void *ctx, const struct journal *j, const struct event *ev)
{
    struct recorder *r = ctx;
    if (r->broken || (r->late && ev->kind == EVENT_RECORDING))
        return;
    if (ev->kind == EVENT_RECORDING)
        r->origin_tick_ns = ev->tick_ns;
    if (!recording_format_event(&r->buf, j, ev, r->origin_tick_ns, r->keep_secrets))
        format_gap(r, ev);
    r->whole = r->buf.len;
    r->peak = r->buf.len > r->peak ? r->buf.len : r->peak;
    if (r->buf.len >= RECORDER_BUFFER_OCTETS)
        buffer_write(r);
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

static struct ev_recording first_event(const struct recorder_options *options)
{
    return (struct ev_recording){
        .schema = JOURNAL_SCHEMA,
        .tool = slice_cstr(options->tool),
        .command_line = slice_cstr(options->command_line),
        .target = slice_cstr(options->target),
        .redacted = options->keep_secrets ? 0 : 1,
    };
}

/* Recording starts late: our own RECORDING, then all that is still in memory. */
static void write_past(struct recorder *r, const struct recorder_options *options)
{
    const struct event *first = journal_at(r->journal, journal_first(r->journal));
    union event_payload payload = {.recording = first_event(options)};
    struct event header = {.kind = EVENT_RECORDING};
    if (first) {
        header.tick_ns = r->origin_tick_ns = first->tick_ns;
        header.wall_us = first->wall_us;
    }
    r->late = true;
    recording_format_payload(&r->buf, &header, &payload, slice_of(NULL, 0), r->origin_tick_ns,
                             r->keep_secrets);
    r->whole = r->buf.len;
    for (uint64_t seq = journal_first(r->journal); seq <= journal_end(r->journal); seq++) {
        const struct event *ev = journal_at(r->journal, seq);
        if (ev)
            recorder_sink(r, r->journal, ev);
    }
}

struct recorder *recorder_open(struct journal *j, const struct recorder_options *options,
                               struct err *err)
{
    bool to_stdout = strcmp(options->path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO : open_file(options, err);
    if (fd < 0)
        return NULL;
    struct recorder *r = mem_zalloc(sizeof(*r));
    r->journal = j;
    r->path = mem_strdup(options->path);
    r->fd = fd;
    r->own_fd = !to_stdout;
    r->keep_secrets = options->keep_secrets;
    size_t buffer_octets = (size_t)RECORDER_BUFFER_OCTETS + RECORDING_LINE_OCTETS + 64;
    buf_init(&r->buf, buffer_octets);
    buf_room(&r->buf, buffer_octets);
    if (journal_end(j) != 0) {
        write_past(r, options);
        journal_add_sink(j, recorder_sink, r);
    } else {
        struct ev_recording first = first_event(options);
        journal_add_sink(j, recorder_sink, r);
        journal_append(j, 0, EVENT_RECORDING, 0, 0, &first);
    }
    return r;
}

/* ---- the owner's side ---- */

bool recorder_flush(struct recorder *r, struct err *err)
{
    buffer_write(r);
    if (!r->broken)
        return true;
    if (!r->told) {
        r->told = true;
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
    bool ok = recorder_flush(r, err);
    /* Some file systems tell only here that the octets did not reach the disk. */
    if (r->own_fd && close(r->fd) != 0 && errno != EINTR && ok) {
        err_file(err, r->path, errno, NULL, "The end of the recording may be missing.");
        ok = false;
    }
    if (r->keep_secrets)
        mem_wipe(r->buf.ptr, r->peak);
    buf_deinit(&r->buf);
    mem_free(r->path);
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
