/* Maildir: which file has which UID.
 *
 *     smtpscope-uidlist 1 UIDVALIDITY UIDNEXT USE
 *     k BIT KEYWORD
 *     u UID BASENAME [x]
 *
 * Lines are added at the end; what left the mailbox stays as a dead line until the file is written
 * anew, so that no UID is ever given twice. A last line without its end (the program was killed) is
 * not believed, and the file written anew. */
#include "store/maildir_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX_OCTETS = 256 << 20, READ_OCTETS = 65536, DEAD_LINES_MAX = 1000 };

static const char MAGIC[] = "smtpscope-uidlist";

static bool read_list(int box_fd, struct buf *text, size_t max_octets)
{
    int fd = openat(box_fd, MAILDIR_UIDLIST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = -1;
    for (uint8_t *to; fd >= 0 && text->len < max_octets && (to = buf_room(text, READ_OCTETS));) {
        n = read(fd, to, READ_OCTETS);
        if (n <= 0)
            break;
        buf_grow(text, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    return fd >= 0 && n >= 0;
}

static bool next_line(struct slice *rest, struct slice *line)
{
    ptrdiff_t end = slice_find_octet(*rest, '\n');
    if (end < 0)
        return false;
    *line = slice_take(*rest, (size_t)end);
    *rest = slice_skip(*rest, (size_t)end + 1);
    return true;
}

static bool header(struct store_mailbox *m, struct slice line)
{
    uint64_t version, validity, next, use;
    if (!slice_eq(slice_next_word(&line), slice_cstr(MAGIC)) ||
        !slice_to_u64(slice_next_word(&line), 1, &version) ||
        !slice_to_u64(slice_next_word(&line), UINT32_MAX, &validity) ||
        !slice_to_u64(slice_next_word(&line), UINT32_MAX, &next) ||
        !slice_to_u64(slice_next_word(&line), STORE_USE__COUNT - 1, &use) || validity == 0)
        return false;
    struct store *s = m->user->store;
    m->uid_validity = (uint32_t)validity;
    m->uid_next = next > 0 ? (uint32_t)next : 1;
    m->use = (enum store_use)use;
    if (s->last_validity < validity)
        s->last_validity = (uint32_t)validity;
    return true;
}

static void read_keyword(struct store_mailbox *m, struct slice line)
{
    uint64_t bit;
    if (!slice_to_u64(slice_next_word(&line), MAILDIR_KEYWORDS_MAX - 1, &bit))
        return;
    struct slice name = slice_next_word(&line);
    if (name.len == 0 || name.len > STORE_KEYWORD_MAX_OCTETS || m->keywords[bit])
        return;
    m->keywords[bit] = mem_slice_dup(name);
}

static bool read_uid(struct store_mailbox *m, struct maildir_state *d, struct slice line)
{
    uint64_t uid;
    if (!slice_to_u64(slice_next_word(&line), UINT32_MAX - 1, &uid) || uid == 0)
        return false;
    struct slice base = slice_next_word(&line);
    if (base.len == 0)
        return false;
    d->known = store_grow(d->known, sizeof(*d->known), d->n_known, &d->alloc_known);
    d->known[d->n_known++] =
        (struct maildir_known){.base = mem_slice_dup(base),
                               .uid = (uint32_t)uid,
                               .exact = slice_eq(slice_next_word(&line), SLICE_LIT("x"))};
    if (m->uid_next <= uid)
        m->uid_next = (uint32_t)uid + 1;
    return true;
}

static int by_base(const void *a, const void *b)
{
    const struct maildir_known *x = a, *y = b;
    int order = strcmp(x->base, y->base);
    return order != 0 ? order : (x->uid > y->uid) - (x->uid < y->uid);
}

void maildir_uidlist_read(struct store_mailbox *m, int box_fd)
{
    struct maildir_state *d = maildir_state_of(m);
    struct buf text;
    struct slice line;
    buf_init(&text, LIST_MAX_OCTETS);
    bool ok = read_list(box_fd, &text, LIST_MAX_OCTETS);
    struct slice rest = buf_slice(&text);
    ok = ok && next_line(&rest, &line) && header(m, line);
    while (ok && next_line(&rest, &line)) {
        struct slice kind = slice_next_word(&line);
        if (slice_eq(kind, SLICE_LIT("k")))
            read_keyword(m, line);
        else if (slice_eq(kind, SLICE_LIT("u")))
            ok = read_uid(m, d, line) || rest.len > 0;
    }
    if (d->n_known > 0)
        qsort(d->known, d->n_known, sizeof(*d->known), by_base);
    if (!ok || rest.len > 0)
        d->dead_lines = SIZE_MAX; /* write it anew */
    buf_deinit(&text);
}

void maildir_uidlist_header(struct store_mailbox *m, int box_fd)
{
    struct buf text;
    struct slice line, rest;
    buf_init(&text, 2 * READ_OCTETS);
    if (read_list(box_fd, &text, READ_OCTETS)) {
        rest = buf_slice(&text);
        if (next_line(&rest, &line))
            header(m, line);
    }
    buf_deinit(&text);
}

void maildir_known_free(struct maildir_state *d)
{
    for (size_t i = 0; i < d->n_known; i++)
        mem_free(d->known[i].base);
    mem_free(d->known);
    d->known = NULL;
    d->n_known = d->alloc_known = 0;
}

static void add_line(struct buf *out, const struct message *g)
{
    buf_printf(out, "u %u %.*s%s\n", g->uid, (int)maildir_base_len(g->file), g->file,
               g->exact ? " x" : "");
}

bool maildir_uidlist_rewrite(struct store_mailbox *m, int box_fd)
{
    struct buf text;
    buf_init(&text, LIST_MAX_OCTETS);
    buf_printf(&text, "%s 1 %u %u %u\n", MAGIC, m->uid_validity, m->uid_next, (unsigned)m->use);
    for (unsigned i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
        if (m->keywords[i])
            buf_printf(&text, "k %u %s\n", i, m->keywords[i]);
    for (size_t i = 0; i < m->n; i++)
        add_line(&text, store_message_at(m, i));
    bool ok = !text.overflow &&
              maildir_replace(box_fd, MAILDIR_UIDLIST, buf_slice(&text), m->user->store->sync);
    buf_deinit(&text);
    maildir_state_of(m)->dead_lines = 0;
    return ok;
}

static bool append(const struct store_mailbox *m, int box_fd, struct slice text)
{
    int fd = openat(box_fd, MAILDIR_UIDLIST, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    bool ok =
        fd >= 0 && maildir_write_all(fd, text) && (!m->user->store->sync || fdatasync(fd) == 0);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool maildir_uidlist_add(struct store_mailbox *m, int box_fd, const struct message *const *added,
                         size_t n)
{
    if (maildir_state_of(m)->dead_lines > m->n + DEAD_LINES_MAX)
        maildir_uidlist_rewrite(m, box_fd); /* where that fails the old one is good, too */
    struct buf text;
    buf_init(&text, LIST_MAX_OCTETS);
    for (size_t i = 0; i < n; i++)
        add_line(&text, added[i]);
    bool ok = !text.overflow && append(m, box_fd, buf_slice(&text));
    if (!ok && errno == ENOENT) /* somebody took it away */
        ok = maildir_uidlist_rewrite(m, box_fd) && append(m, box_fd, buf_slice(&text));
    buf_deinit(&text);
    return ok;
}

bool maildir_uidlist_add_keyword(struct store_mailbox *m, unsigned bit)
{
    char line[STORE_KEYWORD_MAX_OCTETS + 16];
    int fd = maildir_box_fd(m, NULL);
    int len = snprintf(line, sizeof(line), "k %u %s\n", bit, m->keywords[bit]);
    bool ok = fd >= 0 && append(m, fd, slice_of(line, (size_t)len));
    if (fd >= 0)
        close(fd);
    return ok;
}
