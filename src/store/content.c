/* Reading a message: from its blob, or from a file whose lines end with LF and are given CRLF. */
#include "store/store_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_OCTETS = 16384 };

uint64_t store_content_octets(const struct store_content *c)
{
    return c->octets;
}

void store_content_free(struct store_content **content)
{
    struct store_content *c = *content;
    if (!c)
        return;
    store_blob_release(c->store, &c->blob);
    if (c->fd >= 0)
        close(c->fd);
    buf_deinit(&c->whole);
    mem_free(c);
    *content = NULL;
}

/* Where a piece of the file goes: appended to .out from .from on, .left octets at most. */
struct sink {
    struct buf *out;
    uint64_t from;
    size_t left;
    bool full;
};

static void give(struct store_content *c, struct sink *k, struct slice piece)
{
    uint64_t skip = k->from > c->at ? k->from - c->at : 0;
    c->at += piece.len;
    piece = slice_take(slice_skip(piece, skip < piece.len ? (size_t)skip : piece.len), k->left);
    if (piece.len > 0 && !buf_append(k->out, piece))
        k->full = true;
    k->left -= piece.len;
}

/* One chunk of the file through the line ends. Stops where nothing more is wanted, so that the next
 * read goes on from there. */
static void convert(struct store_content *c, struct sink *k, const uint8_t *in, size_t n)
{
    size_t used = 0;
    while (used < n && k->left > 0 && !k->full) {
        const uint8_t *lf = c->exact ? NULL : memchr(in + used, '\n', n - used);
        size_t run = lf ? (size_t)(lf - (in + used)) : n - used;
        uint64_t skip = k->from > c->at ? k->from - c->at : 0;
        if (run > skip + k->left)
            run = (size_t)(skip + k->left);
        give(c, k, slice_of(in + used, run));
        if (run > 0)
            c->after_cr = in[used + run - 1] == '\r';
        used += run;
        if (!lf || in + used != lf || k->left == 0)
            continue;
        bool needs_cr = !c->after_cr;
        if (needs_cr && c->at >= k->from && k->left == 1) { /* the CR alone fits */
            give(c, k, SLICE_LIT("\r"));
            c->after_cr = true; /* its LF comes with the next read */
            break;
        }
        give(c, k, needs_cr ? SLICE_LIT("\r\n") : SLICE_LIT("\n"));
        c->after_cr = false;
        used++;
    }
    c->file_at += used;
}

static bool read_file(struct store_content *c, struct sink *k, struct err *err)
{
    uint8_t chunk[CHUNK_OCTETS];
    if (k->from < c->at) { /* backwards: from the start */
        c->at = c->file_at = 0;
        c->after_cr = false;
    }
    while (k->left > 0 && !k->full && c->file_at < c->file_octets) {
        ssize_t n = pread(c->fd, chunk, sizeof(chunk), (off_t)c->file_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set(err, ERR_FILE, errno, "cannot read a message: %s", strerror(errno));
            return false;
        }
        if (n == 0)
            return true;
        convert(c, k, chunk, (size_t)n);
    }
    return !k->full;
}

bool store_content_read(struct store_content *c, uint64_t offset, size_t max_octets,
                        struct buf *out, struct err *err)
{
    if (c->blob) {
        size_t at = offset < c->blob->len ? (size_t)offset : c->blob->len;
        return buf_append(out, slice_take(slice_skip(store_blob_octets(c->blob), at), max_octets));
    }
    struct sink k = {.out = out, .from = offset, .left = max_octets};
    return read_file(c, &k, err);
}

bool store_content_whole(struct store_content *c, struct slice *out, struct err *err)
{
    if (c->blob) {
        *out = store_blob_octets(c->blob);
        return true;
    }
    if (c->whole.len == 0 && c->octets > 0) {
        buf_init(&c->whole, (size_t)c->octets + 1);
        if (!store_content_read(c, 0, (size_t)c->octets, &c->whole, err))
            return false;
    }
    *out = buf_slice(&c->whole);
    return true;
}
