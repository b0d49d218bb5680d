/* Maildir: what is in new/ and cur/ now, and what that means for the index. Other programs deliver,
 * rename and remove files whenever they like.
 *
 * Directories are read again only when their modification time says so. That time is coarse, so a
 * reading is taken as final only when another one, two seconds later, found the same time. */
#include "store/maildir_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_NAME_MAX_OCTETS = 255 };
static const uint64_t SETTLE_NS = 2000000000;

struct maildir_state *maildir_state_of(struct store_mailbox *m)
{
    if (!m->maildir)
        m->maildir = mem_zalloc(sizeof(*m->maildir));
    return m->maildir;
}

size_t maildir_base_len(const char *file)
{
    const char *info = strstr(file, ":2,");
    return info ? (size_t)(info - file) : strlen(file);
}

static uint64_t now_ns(const struct store_mailbox *m)
{
    const struct clock *clock = m->user->store->clock;
    return clock->tick_ns(clock->ctx);
}

static bool mtime_of(int box_fd, const char *name, int64_t *out)
{
    struct stat st;
    if (fstatat(box_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    *out = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return true;
}

bool maildir_is_current(const struct store_mailbox *m, int box_fd)
{
    const struct maildir_state *d = m->maildir;
    int64_t in_new, in_cur;
    return d && d->loaded && mtime_of(box_fd, "new", &in_new) && mtime_of(box_fd, "cur", &in_cur) &&
           in_new == d->new_mtime_ns && in_cur == d->cur_mtime_ns;
}

void maildir_own_change(struct store_mailbox *m, int box_fd, bool was_current)
{
    struct maildir_state *d = maildir_state_of(m);
    if (!was_current || !mtime_of(box_fd, "new", &d->new_mtime_ns) ||
        !mtime_of(box_fd, "cur", &d->cur_mtime_ns))
        return;
    d->settled = false;
    d->check_at_tick_ns = now_ns(m) + SETTLE_NS;
}

/* ---- one reading ---- */

struct scan {
    struct store_mailbox *m;
    struct message **by_file; /* those of the index, by base name */
    size_t n_by_file;
    struct message **added; /* not linked yet */
    size_t n_added, alloc_added;
    bool changed;
};

static int compare_base(const char *a, const char *b)
{
    size_t a_len = maildir_base_len(a), b_len = maildir_base_len(b);
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_file(const void *a, const void *b)
{
    return compare_base((*(struct message *const *)a)->file, (*(struct message *const *)b)->file);
}

static struct message *find_file(const struct scan *s, const char *file)
{
    size_t low = 0, high = s->n_by_file;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare_base(file, s->by_file[mid]->file);
        if (order == 0)
            return s->by_file[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

static void read_flags(const char *file, uint8_t *flags, uint64_t *keywords)
{
    *flags = 0;
    *keywords = 0;
    const char *c = file + maildir_base_len(file);
    for (c += *c ? 3 : 0; *c; c++) {
        switch (*c) {
        case 'D':
            *flags |= STORE_DRAFT;
            break;
        case 'F':
            *flags |= STORE_FLAGGED;
            break;
        case 'R':
            *flags |= STORE_ANSWERED;
            break;
        case 'S':
            *flags |= STORE_SEEN;
            break;
        case 'T':
            *flags |= STORE_DELETED;
            break;
        default:
            if (*c >= 'a' && *c <= 'z')
                *keywords |= 1ull << (*c - 'a');
        }
    }
}

static void saw_known(struct scan *s, struct message *g, const char *file, bool in_new)
{
    uint8_t flags;
    uint64_t keywords;
    if (g->seen_now && in_new)
        return; /* it moves while we read: cur counts */
    g->seen_now = true;
    read_flags(file, &flags, &keywords);
    s->changed = s->changed || flags != g->flags || keywords != g->keywords;
    g->flags = flags;
    g->keywords = keywords;
    g->fresh = g->fresh && in_new;
    g->in_new = in_new;
    if (strcmp(g->file, file) == 0)
        return;
    mem_free(g->file);
    g->file = mem_strdup(file);
}

static void saw_file(struct scan *s, const char *file, bool in_new)
{
    if (file[0] == '.' || strchr(file, '\n') || strchr(file, ' '))
        return;
    struct message *g = find_file(s, file);
    if (g) {
        saw_known(s, g, file, in_new);
        return;
    }
    if (s->m->n + s->n_added >= STORE_MAILBOX_MESSAGES_MAX)
        return;
    g = store_message_new(s->m);
    g->file = mem_strdup(file);
    g->in_new = g->fresh = in_new;
    read_flags(file, &g->flags, &g->keywords);
    s->added = store_grow(s->added, sizeof(struct message *), s->n_added, &s->alloc_added);
    s->added[s->n_added++] = g;
}

static bool read_dir(struct scan *s, int box_fd, bool in_new)
{
    int fd = maildir_sub_fd(box_fd, in_new);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)
            saw_file(s, e->d_name, in_new);
    closedir(dir);
    return true;
}

/* Seen in new/ and again in cur/: the later one counts. */
static void drop_doubles(struct scan *s)
{
    size_t kept = 0;
    if (s->n_added > 1)
        qsort(s->added, s->n_added, sizeof(struct message *), by_file);
    for (size_t i = 0; i < s->n_added; i++) {
        if (kept == 0 || by_file(&s->added[kept - 1], &s->added[i]) != 0) {
            s->added[kept++] = s->added[i];
            continue;
        }
        struct message *worse = s->added[i];
        if (s->added[kept - 1]->in_new) {
            worse = s->added[kept - 1];
            s->added[kept - 1] = s->added[i];
        }
        store_message_free(worse);
    }
    s->n_added = kept;
}

/* ---- what it means ---- */

static void lookup_uid(const struct maildir_state *d, struct message *g)
{
    size_t low = 0, high = d->n_known, len = maildir_base_len(g->file);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strncmp(d->known[mid].base, g->file, len);
        if (order == 0)
            order = d->known[mid].base[len] ? 1 : 0;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == d->n_known || strncmp(d->known[low].base, g->file, len) != 0 ||
        d->known[low].base[len])
        return;
    g->uid = d->known[low].uid;
    g->exact = d->known[low].exact;
}

/* Those with a UID first, by it; then by time of arrival, which the name begins with. */
static int by_uid_or_age(const void *a, const void *b)
{
    const struct message *x = *(struct message *const *)a, *y = *(struct message *const *)b;
    if ((x->uid == 0) != (y->uid == 0))
        return x->uid == 0 ? 1 : -1;
    if (x->uid != y->uid)
        return x->uid < y->uid ? -1 : 1;
    long long x_s = strtoll(x->file, NULL, 10), y_s = strtoll(y->file, NULL, 10);
    return x_s != y_s ? (x_s < y_s ? -1 : 1) : strcmp(x->file, y->file);
}

static void take_added(struct scan *s, int box_fd)
{
    struct store_mailbox *m = s->m;
    struct maildir_state *d = maildir_state_of(m);
    size_t first_new = 0;
    for (size_t i = 0; i < s->n_added; i++)
        lookup_uid(d, s->added[i]);
    if (s->n_added > 1)
        qsort(s->added, s->n_added, sizeof(struct message *), by_uid_or_age);
    for (size_t i = 0; i < s->n_added; i++) {
        struct message *g = s->added[i];
        uint32_t last = m->n > 0 ? store_message_at(m, m->n - 1)->uid : 0;
        if (g->uid != 0 && g->uid <= last)
            g->uid = 0; /* it came back, or the list names two */
        if (g->uid == 0)
            g->uid = m->uid_next++;
        else
            first_new = i + 1;
        store_message_link(g);
    }
    if (d->n_known > first_new)
        d->dead_lines = d->dead_lines == SIZE_MAX ? SIZE_MAX : d->n_known - first_new;
    if (d->dead_lines == SIZE_MAX)
        maildir_uidlist_rewrite(m, box_fd);
    else if (s->n_added > first_new)
        maildir_uidlist_add(m, box_fd, (const struct message *const *)(s->added + first_new),
                            s->n_added - first_new);
    s->changed = s->changed || s->n_added > 0;
}

static size_t count_missing(const struct scan *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_by_file; i++)
        n += !s->by_file[i]->seen_now;
    return n;
}

static void drop_missing(struct scan *s)
{
    for (size_t i = 0; i < s->n_by_file; i++) {
        struct message *g = s->by_file[i];
        if (g->seen_now) {
            g->seen_now = false;
            continue;
        }
        maildir_state_of(s->m)->dead_lines++;
        store_message_unlink(g);
        s->changed = true;
    }
}

static void scan_begin(struct scan *s, struct store_mailbox *m)
{
    *s = (struct scan){.m = m, .n_by_file = m->n};
    s->by_file = mem_alloc((m->n + 1) * sizeof(struct message *));
    for (size_t i = 0; i < m->n; i++)
        s->by_file[i] = store_message_at(m, i);
    if (m->n > 1)
        qsort(s->by_file, m->n, sizeof(struct message *), by_file);
}

/* A file that is renamed within cur/ while we read may be seen under neither name: what misses at
 * the first reading is looked for in a second. */
static bool scan(struct store_mailbox *m, int box_fd)
{
    struct scan s;
    scan_begin(&s, m);
    bool ok = read_dir(&s, box_fd, true) && read_dir(&s, box_fd, false);
    if (ok && count_missing(&s) > 0)
        ok = read_dir(&s, box_fd, true) && read_dir(&s, box_fd, false);
    drop_doubles(&s);
    if (ok) {
        drop_missing(&s);
        take_added(&s, box_fd);
    } else {
        for (size_t i = 0; i < s.n_by_file; i++)
            s.by_file[i]->seen_now = false;
        for (size_t i = 0; i < s.n_added; i++)
            store_message_free(s.added[i]);
    }
    bool first = !m->maildir->loaded;
    mem_free(s.by_file);
    mem_free(s.added);
    if (s.changed && !first)
        store_changed(m, NULL);
    return ok;
}

bool maildir_refresh(struct store_mailbox *m, struct err *err)
{
    struct maildir_state *d = maildir_state_of(m);
    int64_t in_new = 0, in_cur = 0;
    int fd = maildir_box_fd(m, err); /* not the one kept open: it may have been moved away */
    if (fd < 0)
        return false;
    bool ok = mtime_of(fd, "new", &in_new) && mtime_of(fd, "cur", &in_cur);
    bool same = ok && d->loaded && in_new == d->new_mtime_ns && in_cur == d->cur_mtime_ns;
    if (ok && !(same && (d->settled || now_ns(m) < d->check_at_tick_ns))) {
        if (!d->loaded)
            maildir_uidlist_read(m, fd);
        ok = scan(m, fd);
        d->settled = same;
        d->check_at_tick_ns = now_ns(m) + SETTLE_NS;
        d->new_mtime_ns = in_new;
        d->cur_mtime_ns = in_cur;
        d->loaded = d->loaded || ok;
        maildir_known_free(d);
    }
    if (!ok)
        maildir_fail(err, m, "read a mailbox");
    close(fd);
    return ok;
}

static bool locate_in(struct message *g, int box_fd, bool in_new)
{
    int fd = maildir_sub_fd(box_fd, in_new);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool found = false;
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;)
        if (compare_base(e->d_name, g->file) == 0) {
            mem_free(g->file);
            g->file = mem_strdup(e->d_name);
            g->in_new = in_new;
            found = true;
        }
    if (dir)
        closedir(dir);
    return found;
}

bool maildir_locate(struct message *g, int box_fd)
{
    return locate_in(g, box_fd, false) || locate_in(g, box_fd, true);
}
