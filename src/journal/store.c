/* The octet store.
 *
 *   0 ........ first ............ mem_first ............. end
 *     gone          spool file              ring in memory
 *
 * Both the memory and the file are rings, so neither grows beyond its limit however many octets
 * pass. When the ring is full a quarter of it goes to the file at once: few large writes. What the
 * file has no room for is overwritten there and `first` moves up; readers learn that from
 * store_read.
 *
 * A full disk is a smaller limit: the file stays as large as it got and is reused from its start,
 * where the space is already ours. Where there is no file at all, what leaves memory is gone.
 * Neither fails the session; lost_octets tells the journal, which says it with a GAP event.
 *
 * The file holds octets in the clear, secrets included: it is made for this user only and has no
 * name.
 */
#include "journal/store.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void octet_store_init(struct store *s)
{
    *s = (struct store){.spool_fd = -1};
    buf_init(&s->scratch, SIZE_MAX / 2);
}

static void spool_close(struct store *s)
{
    if (s->spool_fd >= 0)
        close(s->spool_fd);
    s->spool_fd = -1;
    s->spool_octets = 0;
}

void octet_store_deinit(struct store *s)
{
    spool_close(s);
    mem_wipe(s->ring, (size_t)least(s->end, s->ring_octets));
    mem_free(s->ring);
    mem_wipe(s->scratch.ptr, s->scratch.alloc_octets);
    buf_deinit(&s->scratch);
    mem_free(s->spool_dir);
}

void octet_store_set_limits(struct store *s, size_t memory_octets, uint64_t spool_octets)
{
    s->want_memory_octets =
        memory_octets > STORE_PIECE_OCTETS ? memory_octets : (size_t)STORE_PIECE_OCTETS;
    s->spool_resize_due |= s->want_spool_octets != spool_octets;
    s->want_spool_octets = spool_octets;
    s->spool_errno = 0;
}

void octet_store_set_spool_dir(struct store *s, const char *dir)
{
    char *copy = mem_strdup(dir);
    mem_free(s->spool_dir);
    s->spool_dir = copy;
    s->spool_errno = 0;
}

int spool_file(const char *dir)
{
    dir = dir == NULL ? "/tmp" : dir;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        return fd;
    /* Not every file system has nameless files. */
    char *path = mem_printf("%s/smtpscope-spool-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    int code = errno;
    if (fd >= 0)
        unlink(path);
    mem_free(path);
    errno = code;
    return fd;
}

static void spool_open(struct store *s)
{
    s->spool_fd = spool_file(s->spool_dir);
    if (s->spool_fd < 0)
        s->spool_errno = errno;
    s->spool_base = s->mem_first;
    s->spool_octets = s->want_spool_octets;
}

/* All before position upto is gone; what the file held is given back to the disk. */
static void lose_before(struct store *s, uint64_t upto)
{
    s->lost_octets += upto - s->first;
    s->first = upto;
    s->spool_base = upto;
    if (s->spool_fd >= 0 && ftruncate(s->spool_fd, 0) != 0)
        spool_close(s);
}

/* The file would not take octets at position at: go on with the size it has, if that is of use. */
static bool spool_shrink(struct store *s, uint64_t at)
{
    uint64_t size_octets = at - s->spool_base;
    if (size_octets >= s->spool_octets || size_octets < STORE_PIECE_OCTETS)
        return false;
    s->spool_octets = size_octets;
    return true;
}

/* Write ring octets [mem_first, upto) to the file. */
static bool spool_write(struct store *s, uint64_t upto)
{
    uint64_t at = s->mem_first;
    while (at < upto) {
        uint64_t file_at = (at - s->spool_base) % s->spool_octets;
        size_t ring_at = (size_t)(at % s->ring_octets);
        uint64_t n = least(upto - at, least(s->spool_octets - file_at, s->ring_octets - ring_at));
        ssize_t written = pwrite(s->spool_fd, s->ring + ring_at, (size_t)n, (off_t)file_at);
        if (written > 0)
            at += (uint64_t)written;
        else if ((written == 0 || errno != EINTR) && !spool_shrink(s, at))
            return false;
    }
    return true;
}

/* Move ring octets before upto out of memory. */
static void evict(struct store *s, uint64_t upto)
{
    if (s->spool_fd < 0 && s->spool_errno == 0 && s->want_spool_octets > 0)
        spool_open(s);
    if (s->spool_fd < 0 || !spool_write(s, upto)) {
        lose_before(s, upto);
    } else if (upto - s->first > s->spool_octets) {
        s->lost_octets += upto - s->spool_octets - s->first;
        s->first = upto - s->spool_octets;
    }
    s->mem_first = upto;
}

static void ring_write(struct store *s, uint64_t at, const uint8_t *octets, size_t n_octets)
{
    size_t ring_at = (size_t)(at % s->ring_octets);
    size_t n = (size_t)least(n_octets, s->ring_octets - ring_at);
    memcpy(s->ring + ring_at, octets, n);
    memcpy(s->ring, octets + n, n_octets - n);
}

static void ring_read(const struct store *s, uint64_t at, size_t n_octets, uint8_t *out)
{
    size_t ring_at = (size_t)(at % s->ring_octets);
    size_t n = (size_t)least(n_octets, s->ring_octets - ring_at);
    memcpy(out, s->ring + ring_at, n);
    memcpy(out + n, s->ring, n_octets - n);
}

static void ring_resize(struct store *s)
{
    size_t octets = s->want_memory_octets;
    struct store old = *s;
    if (s->end - s->mem_first > octets)
        evict(s, s->end - octets);
    s->ring = mem_alloc(octets);
    s->ring_octets = octets;
    for (uint64_t at = s->mem_first; at < s->end;) {
        size_t ring_at = (size_t)(at % old.ring_octets);
        size_t n = (size_t)least(s->end - at, old.ring_octets - ring_at);
        ring_write(s, at, old.ring + ring_at, n);
        at += n;
    }
    mem_wipe(old.ring, (size_t)least(old.end, old.ring_octets));
    mem_free(old.ring);
}

/* Where an octet lies in the file depends on the file's size: as long as the file has not begun to
 * overwrite itself another size changes nothing; afterwards it must start anew. */
static void spool_resize(struct store *s)
{
    uint64_t held_to = s->mem_first - s->spool_base;
    if (held_to > least(s->spool_octets, s->want_spool_octets))
        lose_before(s, s->mem_first);
    s->spool_octets = s->want_spool_octets;
    s->spool_resize_due = false;
    if (s->spool_octets == 0)
        spool_close(s);
}

uint64_t octet_store_append(struct store *s, struct slice octets)
{
    /* A file that shrank because the disk was full grows again only when a limit is set anew. */
    if (s->ring_octets != s->want_memory_octets)
        ring_resize(s);
    if (s->spool_fd >= 0 && s->spool_resize_due)
        spool_resize(s);
    uint64_t start = s->end;
    while (octets.len > 0) {
        size_t n = (size_t)least(octets.len, s->ring_octets);
        uint64_t held = s->end - s->mem_first;
        if (held + n > s->ring_octets) {
            uint64_t out = held + n - s->ring_octets;
            if (out < s->ring_octets / 4)
                out = least(held, s->ring_octets / 4);
            evict(s, s->mem_first + out);
        }
        ring_write(s, s->end, octets.ptr, n);
        s->end += n;
        octets = slice_skip(octets, n);
    }
    return start;
}

bool octet_store_read(const struct store *s, uint64_t at, size_t n_octets, uint8_t *out)
{
    if (at < s->first || at > s->end || n_octets > s->end - at)
        return false;
    while (n_octets > 0 && at < s->mem_first) {
        uint64_t file_at = (at - s->spool_base) % s->spool_octets;
        uint64_t n = least(least(n_octets, s->mem_first - at), s->spool_octets - file_at);
        ssize_t got = pread(s->spool_fd, out, (size_t)n, (off_t)file_at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        out += got;
        at += (uint64_t)got;
        n_octets -= (size_t)got;
    }
    if (n_octets > 0)
        ring_read(s, at, n_octets, out);
    return true;
}

struct slice octet_store_get(struct store *s, uint64_t at, size_t n_octets)
{
    if (at < s->first || at > s->end || n_octets > s->end - at || n_octets == 0)
        return slice_of(NULL, 0);
    size_t ring_at = (size_t)(at % s->ring_octets);
    if (at >= s->mem_first && n_octets <= s->ring_octets - ring_at)
        return slice_of(s->ring + ring_at, n_octets);
    buf_reset(&s->scratch);
    uint8_t *room = buf_room(&s->scratch, n_octets);
    if (room == NULL || !octet_store_read(s, at, n_octets, room))
        return slice_of(NULL, 0);
    return slice_of(room, n_octets);
}
