/* Maildir: the directory of the store, of its users and mailboxes. */
#include "store/maildir_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf7.h"

enum {
    OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    ENCODED_MAX_OCTETS = 1024, /* the system's own limit for a name is 255 */
    SUBSCRIPTIONS_MAX_OCTETS = SUBSCRIPTIONS_MAX * (STORE_NAME_MAX_OCTETS + 1),
};

static const char SUBSCRIPTIONS[] = "smtpscope-subscriptions";

/* ---- names ---- */

/* A user's directory: letters, digits and -_+@= stand for themselves, a dot but at the start, all
 * else is %XX. */
static void encode_user(struct buf *out, const char *name)
{
    for (size_t i = 0; name[i]; i++) {
        uint8_t c = (uint8_t)name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-_+@=", c) ||
                     (c == '.' && i > 0);
        if (plain)
            buf_append_octet(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_user(struct buf *out, const char *file)
{
    struct buf again;
    for (size_t i = 0; file[i]; i++) {
        int high = file[i] == '%' ? hex_of(file[i + 1]) : -1;
        int low = high >= 0 ? hex_of(file[i + 2]) : -1;
        buf_append_octet(out, low >= 0 ? (uint8_t)(high << 4 | low) : (uint8_t)file[i]);
        i += low >= 0 ? 2 : 0;
    }
    buf_init(&again, ENCODED_MAX_OCTETS);
    if (store_user_name_is_valid(buf_slice(out)))
        encode_user(&again, buf_cstr(out));
    bool same = strcmp(buf_cstr(&again), file) == 0;
    buf_deinit(&again);
    return same;
}

/* A mailbox's directory: ".Sent.2026", each level in modified UTF-7, dots inside a level encoded.
 */
static void encode_folder(struct buf *out, const char *name)
{
    struct slice rest = slice_cstr(name);
    for (;;) {
        ptrdiff_t end = slice_find_octet(rest, STORE_DELIMITER);
        buf_append_octet(out, '.');
        utf7_encode(out, end < 0 ? rest : slice_take(rest, (size_t)end), ".");
        if (end < 0)
            return;
        rest = slice_skip(rest, (size_t)end + 1);
    }
}

static bool decode_folder(struct buf *out, const char *file)
{
    struct slice rest = slice_cstr(file);
    struct buf again;
    bool ok = true;
    while (ok && rest.len > 0) {
        rest = slice_skip(rest, 1);
        ptrdiff_t end = slice_find_octet(rest, '.');
        struct slice level = end < 0 ? rest : slice_take(rest, (size_t)end);
        if (out->len > 0)
            buf_append_octet(out, STORE_DELIMITER);
        ok = utf7_decode(out, level);
        rest = slice_skip(rest, level.len);
    }
    buf_init(&again, ENCODED_MAX_OCTETS);
    ok = ok && store_name_is_valid(buf_slice(out)) && !store_is_inbox(buf_slice(out));
    if (ok)
        encode_folder(&again, buf_cstr(out));
    ok = ok && strcmp(buf_cstr(&again), file) == 0;
    buf_deinit(&again);
    return ok;
}

/* ---- directories ---- */

bool maildir_fail(struct err *err, const struct store_mailbox *m, const char *what)
{
    int code = errno;
    err_set(err, ERR_FILE, code, "cannot %s in the Maildir of %s: %s", what, m->user->name,
            strerror(code));
    return false;
}

int maildir_user_fd(const struct store_user *u, struct err *err)
{
    struct buf file;
    buf_init(&file, ENCODED_MAX_OCTETS);
    encode_user(&file, u->name);
    int fd = openat(u->store->dir_fd, buf_cstr(&file), OPEN_DIR);
    if (fd < 0)
        err_set(err, ERR_FILE, errno, "cannot open the Maildir of %s: %s", u->name,
                strerror(errno));
    buf_deinit(&file);
    return fd;
}

int maildir_box_fd(const struct store_mailbox *m, struct err *err)
{
    int user_fd = maildir_user_fd(m->user, err);
    if (user_fd < 0 || store_is_inbox(slice_cstr(m->name)))
        return user_fd;
    struct buf file;
    buf_init(&file, ENCODED_MAX_OCTETS);
    encode_folder(&file, m->name);
    int fd = openat(user_fd, buf_cstr(&file), OPEN_DIR);
    if (fd < 0)
        maildir_fail(err, m, "open a mailbox");
    close(user_fd);
    buf_deinit(&file);
    return fd;
}

void maildir_rest(struct store_mailbox *m)
{
    if (!m->maildir || !m->maildir->has_fd)
        return;
    close(m->maildir->fd);
    m->maildir->has_fd = false;
}

int maildir_borrow_fd(struct store_mailbox *m, struct err *err)
{
    struct maildir_state *d = maildir_state_of(m);
    if (d->has_fd)
        return d->fd;
    int fd = maildir_box_fd(m, err);
    d->has_fd = fd >= 0 && m->views;
    d->fd = fd;
    return fd;
}

void maildir_give_back(struct store_mailbox *m, int fd)
{
    if (!m->maildir->has_fd)
        close(fd);
}

int maildir_sub_fd(int box_fd, bool in_new)
{
    return openat(box_fd, in_new ? "new" : "cur", OPEN_DIR);
}

bool maildir_write_all(int fd, struct slice octets)
{
    while (octets.len > 0) {
        ssize_t n = write(fd, octets.ptr, octets.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        octets = slice_skip(octets, (size_t)n);
    }
    return true;
}

bool maildir_replace(int dir_fd, const char *name, struct slice octets, bool sync)
{
    char *tmp = mem_printf("%s.tmp", name);
    unlinkat(dir_fd, tmp, 0);
    int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && maildir_write_all(fd, octets) && (!sync || fsync(fd) == 0);
    if (fd >= 0)
        close(fd);
    ok = ok && renameat(dir_fd, tmp, dir_fd, name) == 0 && (!sync || fsync(dir_fd) == 0);
    mem_free(tmp);
    return ok;
}

static bool make_dir(int at_fd, const char *name)
{
    return mkdirat(at_fd, name, 0700) == 0 || errno == EEXIST;
}

static bool make_maildir(int fd)
{
    return make_dir(fd, "tmp") && make_dir(fd, "new") && make_dir(fd, "cur");
}

static bool make_user(struct store_user *u, struct err *err)
{
    struct buf file;
    buf_init(&file, ENCODED_MAX_OCTETS);
    encode_user(&file, u->name);
    bool ok = make_dir(u->store->dir_fd, buf_cstr(&file));
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot make a Maildir for %s: %s", u->name, strerror(errno));
    buf_deinit(&file);
    return ok;
}

static bool make(struct store_mailbox *m, struct err *err)
{
    struct buf file;
    int user_fd = maildir_user_fd(m->user, err);
    bool inbox = store_is_inbox(slice_cstr(m->name)), ok = user_fd >= 0;
    buf_init(&file, ENCODED_MAX_OCTETS);
    encode_folder(&file, m->name);
    if (ok && !inbox)
        ok = make_dir(user_fd, buf_cstr(&file)) || maildir_fail(err, m, "make a mailbox");
    int fd = ok ? maildir_box_fd(m, err) : -1;
    ok = fd >= 0 && (make_maildir(fd) || maildir_fail(err, m, "make a mailbox"));
    if (ok && !inbox)
        ok = maildir_replace(fd, "maildirfolder", slice_of(NULL, 0), false);
    ok = ok && maildir_uidlist_rewrite(m, fd);
    if (ok)
        maildir_state_of(m);
    if (fd >= 0)
        close(fd);
    if (user_fd >= 0)
        close(user_fd);
    buf_deinit(&file);
    return ok;
}

/* Every file of a directory, not those below; symbolic links are files here. */
static void empty_dir(int at_fd, const char *name)
{
    int fd = openat(at_fd, name, OPEN_DIR);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
}

static bool unmake(struct store_mailbox *m, struct err *err)
{
    maildir_rest(m);
    static const char *const subs[] = {"tmp", "new", "cur"};
    struct buf file;
    int user_fd = maildir_user_fd(m->user, err);
    int fd = user_fd >= 0 ? maildir_box_fd(m, err) : -1;
    buf_init(&file, ENCODED_MAX_OCTETS);
    encode_folder(&file, m->name);
    for (size_t i = 0; fd >= 0 && i < 3; i++) {
        empty_dir(fd, subs[i]);
        unlinkat(fd, subs[i], AT_REMOVEDIR);
    }
    if (fd >= 0)
        empty_dir(user_fd, buf_cstr(&file));
    bool ok = fd >= 0 && (unlinkat(user_fd, buf_cstr(&file), AT_REMOVEDIR) == 0 ||
                          maildir_fail(err, m, "remove a mailbox"));
    if (fd >= 0)
        close(fd);
    if (user_fd >= 0)
        close(user_fd);
    buf_deinit(&file);
    return ok;
}

static bool rename_box(struct store_mailbox *m, const char *to, struct err *err)
{
    struct buf old, new;
    int user_fd = maildir_user_fd(m->user, err);
    buf_init(&old, ENCODED_MAX_OCTETS);
    buf_init(&new, ENCODED_MAX_OCTETS);
    encode_folder(&old, m->name);
    encode_folder(&new, to);
    bool ok = user_fd >= 0 && (renameat(user_fd, buf_cstr(&old), user_fd, buf_cstr(&new)) == 0 ||
                               maildir_fail(err, m, "rename a mailbox"));
    if (user_fd >= 0)
        close(user_fd);
    buf_deinit(&old);
    buf_deinit(&new);
    return ok;
}

static bool write_subscriptions(struct store_user *u, struct err *err)
{
    struct buf text;
    int fd = maildir_user_fd(u, err);
    buf_init(&text, SUBSCRIPTIONS_MAX_OCTETS);
    for (size_t i = 0; i < u->n_subscriptions; i++)
        buf_printf(&text, "%s\n", u->subscriptions[i]);
    bool ok = fd >= 0 && maildir_replace(fd, SUBSCRIPTIONS, buf_slice(&text), u->store->sync);
    if (fd >= 0 && !ok)
        err_set(err, ERR_FILE, errno, "cannot write the subscriptions of %s: %s", u->name,
                strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_deinit(&text);
    return ok;
}

static void forget(struct store_mailbox *m)
{
    if (!m->maildir)
        return;
    maildir_rest(m);
    maildir_known_free(m->maildir);
    mem_free(m->maildir);
    m->maildir = NULL;
}

/* ---- what is there at the start ---- */

static void read_subscriptions(struct store_user *u, int user_fd)
{
    struct buf text;
    buf_init(&text, SUBSCRIPTIONS_MAX_OCTETS);
    int fd = openat(user_fd, SUBSCRIPTIONS, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    for (uint8_t *to; fd >= 0 && (to = buf_room(&text, 4096)) != NULL;) {
        ssize_t n = read(fd, to, 4096);
        if (n <= 0)
            break;
        buf_grow(&text, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    struct slice rest = buf_slice(&text);
    for (ptrdiff_t end; (end = slice_find_octet(rest, '\n')) >= 0;) {
        struct slice name = slice_take(rest, (size_t)end);
        if (store_name_is_valid(name))
            store_subscription_insert(u, name);
        rest = slice_skip(rest, (size_t)end + 1);
    }
    buf_deinit(&text);
}

static bool is_maildir(int at_fd, const char *name)
{
    int fd = openat(at_fd, name, OPEN_DIR);
    struct stat st;
    bool ok = fd >= 0 && fstatat(fd, "cur", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void load_box(struct store_user *u, struct slice name)
{
    if (u->n_mailboxes >= u->store->limits.mailboxes)
        return;
    struct store_mailbox *m = store_mailbox_find(u, name);
    if (!m)
        m = store_mailbox_insert(u, name, true);
    m->selectable = true;
    store_mailbox_insert_parents(u, name);
    int fd = maildir_box_fd(m, NULL);
    if (fd >= 0) {
        maildir_uidlist_header(m, fd);
        close(fd);
    }
}

static void load_user(struct store_user *u)
{
    int fd = maildir_user_fd(u, NULL);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    load_box(u, SLICE_LIT("INBOX"));
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct buf name;
        buf_init(&name, ENCODED_MAX_OCTETS);
        if (e->d_name[0] == '.' && e->d_name[1] && decode_folder(&name, e->d_name) &&
            is_maildir(fd, e->d_name))
            load_box(u, buf_slice(&name));
        buf_deinit(&name);
    }
    read_subscriptions(u, fd);
    closedir(dir);
}

static void load_users(struct store *s)
{
    int fd = openat(s->dir_fd, ".", OPEN_DIR);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        struct buf name;
        buf_init(&name, ENCODED_MAX_OCTETS);
        if (e->d_name[0] != '.' && s->n_users < s->limits.users && decode_user(&name, e->d_name) &&
            is_maildir(s->dir_fd, e->d_name) && !store_user_find(s, buf_slice(&name)))
            load_user(store_user_insert(s, buf_cstr(&name)));
        buf_deinit(&name);
    }
    if (dir)
        closedir(dir);
}

/* Two programs would give the same UID twice. */
static bool take_lock(struct store *s, struct err *err)
{
    s->lock_fd = openat(s->dir_fd, ".smtpscope-lock",
                        O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    err_set(err, ERR_FILE, errno, "cannot lock the Maildirs in %.150s: %s", s->path,
            strerror(errno));
    if (errno == EWOULDBLOCK)
        err_explain(err, "another smtpscope serves them now", "end it, or use another directory");
    return false;
}

/* File names are made of letters others can live with. */
static char *host_name(void)
{
    char name[64] = "";
    if (gethostname(name, sizeof(name) - 1) != 0 || !name[0])
        return mem_strdup("localhost");
    for (char *c = name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            *c != '-' && *c != '.')
            *c = '-';
    return mem_strdup(name);
}

struct store *store_new_maildir(const char *path, const struct clock *clock,
                                const struct store_limits *limits, bool sync, struct err *err)
{
    struct store *s = store_new(clock, limits);
    s->backend = &store_maildir;
    s->path = mem_strdup(path);
    s->host = host_name();
    s->sync = sync;
    bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
    s->dir_fd = made ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (s->dir_fd < 0) {
        err_set(err, ERR_FILE, errno, "cannot keep Maildirs in %.150s: %s", path, strerror(errno));
        err_explain(err, "", "name a directory that you may write, or one that can be made");
    } else if (take_lock(s, err)) {
        load_users(s);
        return s;
    }
    store_free(&s);
    return NULL;
}

const struct store_backend store_maildir = {
    .refresh = maildir_refresh,
    .put = maildir_put,
    .copy = maildir_copy,
    .remove = maildir_remove,
    .flags = maildir_flags,
    .measure = maildir_measure,
    .open = maildir_open,
    .make_user = make_user,
    .make = make,
    .unmake = unmake,
    .rename = rename_box,
    .keyword = maildir_uidlist_add_keyword,
    .subscriptions = write_subscriptions,
    .rest = maildir_rest,
    .forget = forget,
    .keywords_max = MAILDIR_KEYWORDS_MAX,
};
