/* Maildir: one message's file. */
#include "store/maildir_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_OCTETS = 65536 };

/* ---- line ends ---- */

/* Would the message come back as it is from a file with LF line ends? */
static bool survives_lf(struct slice s)
{
    const uint8_t *p = s.ptr, *end = s.ptr + s.len;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (p == s.ptr || p[-1] != '\r' || (p - s.ptr > 1 && p[-2] == '\r'))
            return false;
        p++;
    }
    return true;
}

static bool write_lf(int fd, struct slice s, size_t *written_out)
{
    struct buf out;
    bool ok = true;
    buf_init(&out, 2 * CHUNK_OCTETS);
    while (ok && s.len > 0) {
        ptrdiff_t end = slice_find(slice_take(s, CHUNK_OCTETS), SLICE_LIT("\r\n"));
        size_t n = end >= 0 ? (size_t)end : s.len < CHUNK_OCTETS ? s.len : CHUNK_OCTETS - 1;
        buf_append(&out, slice_take(s, n));
        s = slice_skip(s, n);
        if (end >= 0) {
            buf_append_octet(&out, '\n');
            s = slice_skip(s, 2);
        }
        if (out.len >= CHUNK_OCTETS || s.len == 0) {
            *written_out += out.len;
            ok = maildir_write_all(fd, buf_slice(&out));
            buf_reset(&out);
        }
    }
    buf_deinit(&out);
    return ok;
}

/* ---- names ---- */

static char *unique_base(struct store *s)
{
    int64_t now_us = s->clock->wall_us(s->clock->ctx);
    return mem_printf("%lld.M%06lldP%ldQ%llu.%s", (long long)(now_us / 1000000),
                      (long long)(now_us % 1000000), (long)getpid(),
                      (unsigned long long)++s->file_count, s->host);
}

/* ":2," and the letters in the order of ASCII; "P" (passed on) of other programs stays. */
static void append_info(struct buf *out, const struct message *g, const char *old)
{
    static const struct {
        char letter;
        unsigned flag;
    } letters[] = {{'D', STORE_DRAFT},    {'F', STORE_FLAGGED}, {'P', 0},
                   {'R', STORE_ANSWERED}, {'S', STORE_SEEN},    {'T', STORE_DELETED}};
    const char *old_info = old ? old + maildir_base_len(old) : "";
    buf_append_cstr(out, ":2,");
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (letters[i].flag ? (g->flags & letters[i].flag) != 0
                            : *old_info && strchr(old_info + 3, letters[i].letter))
            buf_append_octet(out, (uint8_t)letters[i].letter);
    for (unsigned i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
        if (g->keywords >> i & 1)
            buf_append_octet(out, (uint8_t)('a' + i));
}

/* Its file's name as its flags want it: without them and fresh it may stay in new/. */
static char *name_for(const struct message *g, const char *base, size_t base_len, bool in_new)
{
    struct buf out;
    buf_init(&out, 4096);
    buf_append(&out, slice_of(base, base_len));
    if (!in_new)
        append_info(&out, g, g->file);
    char *name = mem_strdup(buf_cstr(&out));
    buf_deinit(&out);
    return name;
}

static bool belongs_in_new(const struct message *g)
{
    return g->fresh && g->flags == 0 && g->keywords == 0;
}

static const char *sub(bool in_new)
{
    return in_new ? "new/" : "cur/";
}

/* ---- putting ---- */

static bool set_date(int fd, int64_t us)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000)}};
    return futimens(fd, times) == 0;
}

static bool fill_file(struct message *g, int fd, struct slice octets, size_t *written)
{
    bool ok = g->exact ? maildir_write_all(fd, octets) : write_lf(fd, octets, written);
    if (g->exact)
        *written = octets.len;
    return ok && set_date(fd, g->internal_us) && (!g->mailbox->user->store->sync || fsync(fd) == 0);
}

static bool sync_dir(const struct message *g, int box_fd)
{
    if (!g->mailbox->user->store->sync)
        return true;
    int fd = maildir_sub_fd(box_fd, g->in_new);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* From tmp/NAME to its place, under the name that tells its sizes. */
static bool move_into_place(struct message *g, int box_fd, const char *tmp, const char *base)
{
    g->in_new = belongs_in_new(g);
    g->file = name_for(g, base, strlen(base), g->in_new);
    char *to = mem_printf("%s%s", sub(g->in_new), g->file);
    bool ok = renameat(box_fd, tmp, box_fd, to) == 0;
    if (ok && !(sync_dir(g, box_fd) &&
                maildir_uidlist_add(g->mailbox, box_fd, (const struct message *const[]){g}, 1))) {
        int why = errno;
        unlinkat(box_fd, to, 0); /* it was refused: it must not be there */
        errno = why;
        ok = false;
    }
    mem_free(to);
    return ok;
}

static bool put_octets(struct message *g, int box_fd, struct slice octets)
{
    char *unique = unique_base(g->mailbox->user->store);
    char *tmp = mem_printf("tmp/%s", unique), *base = NULL;
    size_t written = 0;
    g->exact = !survives_lf(octets);
    int fd = openat(box_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && fill_file(g, fd, octets, &written);
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    if (ok) {
        base = mem_printf("%s,S=%zu,W=%zu", unique, written, octets.len);
        ok = move_into_place(g, box_fd, tmp, base);
    }
    if (!ok && fd >= 0) {
        why = errno;
        unlinkat(box_fd, tmp, 0);
        errno = why;
    }
    mem_free(unique);
    mem_free(tmp);
    mem_free(base);
    return ok;
}

bool maildir_put(struct message *g, struct store_blob *blob, struct err *err)
{
    int fd = maildir_box_fd(g->mailbox, err);
    if (fd < 0)
        return false;
    bool current = maildir_is_current(g->mailbox, fd);
    bool ok = put_octets(g, fd, store_blob_octets(blob)) ||
              maildir_fail(err, g->mailbox, "keep a message");
    if (ok)
        g->octets = blob->len;
    maildir_own_change(g->mailbox, fd, current);
    close(fd);
    return ok;
}

/* ---- the file as it is ---- */

static char *path_of(const struct message *g)
{
    return mem_printf("%s%s", sub(g->in_new), g->file);
}

static bool do_unlink(struct message *g, int fd, const char *path, void *ctx)
{
    (void)g, (void)ctx;
    return unlinkat(fd, path, 0) == 0;
}

/* Do something to its file; where another program renamed it, find it and try once more. */
static bool with_file(struct message *g, int box_fd,
                      bool (*act)(struct message *g, int box_fd, const char *path, void *ctx),
                      void *ctx)
{
    char *path = path_of(g);
    bool ok = act(g, box_fd, path, ctx);
    mem_free(path);
    if (ok || errno != ENOENT)
        return ok;
    if (!maildir_locate(g, box_fd)) {
        errno = ENOENT;
        return false;
    }
    path = path_of(g);
    ok = act(g, box_fd, path, ctx);
    mem_free(path);
    return ok;
}

bool maildir_remove(struct message *g, struct err *err)
{
    int fd = maildir_box_fd(g->mailbox, err);
    if (fd < 0)
        return false;
    bool current = maildir_is_current(g->mailbox, fd);
    bool ok = with_file(g, fd, do_unlink, NULL) || errno == ENOENT; /* gone is gone */
    if (!ok)
        maildir_fail(err, g->mailbox, "remove a message");
    maildir_own_change(g->mailbox, fd, current);
    if (ok && g->mailbox->maildir->dead_lines != SIZE_MAX)
        g->mailbox->maildir->dead_lines++;
    close(fd);
    return ok;
}

struct rename_ctx {
    char *name; /* made */
    bool in_new;
};

static bool do_rename(struct message *g, int box_fd, const char *path, void *ctx)
{
    struct rename_ctx *r = ctx;
    mem_free(r->name);
    r->name = name_for(g, g->file, maildir_base_len(g->file), r->in_new);
    char *to = mem_printf("%s%s", sub(r->in_new), r->name);
    bool ok = strcmp(path, to) == 0 || renameat(box_fd, path, box_fd, to) == 0;
    mem_free(to);
    return ok;
}

bool maildir_flags(struct message *g, struct err *err)
{
    struct rename_ctx r = {.in_new = belongs_in_new(g)};
    int fd = maildir_box_fd(g->mailbox, err);
    if (fd < 0)
        return false;
    bool current = maildir_is_current(g->mailbox, fd);
    bool ok =
        with_file(g, fd, do_rename, &r) || maildir_fail(err, g->mailbox, "write a message's flags");
    if (ok) {
        mem_free(g->file);
        g->file = r.name;
        g->in_new = r.in_new;
    } else {
        mem_free(r.name);
    }
    maildir_own_change(g->mailbox, fd, current);
    close(fd);
    return ok;
}

/* ---- copying ---- */

struct copy_ctx {
    struct message *to;
    int to_fd;
};

static bool do_link(struct message *from, int box_fd, const char *path, void *ctx)
{
    const struct copy_ctx *c = ctx;
    struct message *g = c->to;
    size_t base_len = maildir_base_len(from->file);
    const char *sizes = strstr(from->file, ",S=");
    char *unique = unique_base(g->mailbox->user->store);
    char *base =
        mem_printf("%s%.*s", unique, sizes ? (int)(base_len - (size_t)(sizes - from->file)) : 0,
                   sizes ? sizes : "");
    g->in_new = belongs_in_new(g);
    g->exact = from->exact;
    mem_free(g->file);
    g->file = name_for(g, base, strlen(base), g->in_new);
    char *to = path_of(g);
    bool ok = linkat(box_fd, path, c->to_fd, to, 0) == 0;
    if (ok && !(sync_dir(g, c->to_fd) &&
                maildir_uidlist_add(g->mailbox, c->to_fd, (const struct message *const[]){g}, 1))) {
        unlinkat(c->to_fd, to, 0);
        errno = EIO;
        ok = false;
    }
    mem_free(unique);
    mem_free(base);
    mem_free(to);
    return ok;
}

/* Where a file system has no links: by its octets. */
static bool copy_octets(struct message *g, struct message *from, int to_fd, struct err *err)
{
    struct slice octets;
    struct store_content *c = maildir_open(from, err);
    bool ok = c && store_content_whole(c, &octets, err);
    mem_free(g->file);
    g->file = NULL;
    ok = ok && (put_octets(g, to_fd, octets) || maildir_fail(err, g->mailbox, "copy a message"));
    store_content_free(&c);
    return ok;
}

bool maildir_copy(struct message *g, struct message *from, struct err *err)
{
    int from_fd = maildir_box_fd(from->mailbox, err);
    int to_fd = from_fd >= 0 ? maildir_box_fd(g->mailbox, err) : -1;
    bool ok = to_fd >= 0;
    if (ok) {
        bool current = maildir_is_current(g->mailbox, to_fd);
        struct copy_ctx c = {.to = g, .to_fd = to_fd};
        ok = with_file(from, from_fd, do_link, &c);
        if (!ok && (errno == EXDEV || errno == EMLINK || errno == EPERM))
            ok = copy_octets(g, from, to_fd, err);
        else if (!ok)
            maildir_fail(err, g->mailbox, "copy a message");
        g->octets = from->octets;
        maildir_own_change(g->mailbox, to_fd, current);
        close(to_fd);
    }
    if (from_fd >= 0)
        close(from_fd);
    return ok;
}

/* ---- reading ---- */

struct open_ctx {
    int fd;
};

static bool do_open(struct message *g, int box_fd, const char *path, void *ctx)
{
    (void)g;
    struct open_ctx *o = ctx;
    o->fd = openat(box_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return o->fd >= 0;
}

/* Its octets with CRLF: as its name tells, else counted. */
static bool count_octets(struct message *g, int fd)
{
    const char *told = strstr(g->file, ",W=");
    uint8_t chunk[CHUNK_OCTETS];
    uint64_t n_octets = 0;
    uint8_t last = 0;
    if (told && told[3] >= '0' && told[3] <= '9') {
        g->octets = strtoull(told + 3, NULL, 10);
        return true;
    }
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, chunk, sizeof(chunk), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            n_octets += !g->exact && chunk[i] == '\n' && last != '\r';
            last = chunk[i];
        }
        n_octets += (uint64_t)n;
        at += n;
    }
    g->octets = n_octets;
    return true;
}

struct store_content *maildir_open(struct message *g, struct err *err)
{
    struct open_ctx o = {.fd = -1};
    struct stat st;
    int box_fd = maildir_borrow_fd(g->mailbox, err);
    if (box_fd < 0)
        return NULL;
    bool ok = with_file(g, box_fd, do_open, &o) && fstat(o.fd, &st) == 0;
    if (ok && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        ok = false;
    }
    if (ok && g->internal_us == 0)
        g->internal_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    ok = ok && (g->octets != OCTETS_UNKNOWN || count_octets(g, o.fd));
    maildir_give_back(g->mailbox, box_fd);
    if (!ok) {
        maildir_fail(err, g->mailbox, "open a message");
        if (o.fd >= 0)
            close(o.fd);
        return NULL;
    }
    struct store_content *c = mem_zalloc(sizeof(*c));
    c->store = g->mailbox->user->store;
    c->fd = o.fd;
    c->exact = g->exact;
    c->octets = g->octets;
    c->file_octets = (uint64_t)st.st_size;
    buf_init(&c->whole, 1);
    return c;
}

bool maildir_measure(struct message *g)
{
    struct store_content *c = maildir_open(g, NULL);
    bool ok = c != NULL;
    store_content_free(&c);
    return ok;
}
