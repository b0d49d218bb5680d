/* The history files, one for each protocol: one line each, 0600, only what console_history_allows
 * let through. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ui_private.h"

enum { HISTORY_LINE_MAX_OCTETS = 4096, HISTORY_FILE_MAX_OCTETS = 4 << 20 };

/* Open a regular file of ours. A symbolic link is followed only where it is ours too: in a
 * directory others may write to, a link could point our history anywhere. */
static int open_own(const char *path, int flags)
{
    struct stat st;
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 && errno == ELOOP && lstat(path, &st) == 0 && st.st_uid == geteuid())
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    if (st.st_mode & 077)
        fchmod(fd, 0600);
    return fd;
}

static bool is_clean(struct slice text)
{
    if (text.len == 0 || text.len > HISTORY_LINE_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return false;
    return true;
}

static size_t take_lines(struct slice all)
{
    size_t n = 0;
    while (all.len > 0) {
        ptrdiff_t lf = slice_find_octet(all, '\n');
        struct slice one = slice_take(all, lf < 0 ? all.len : (size_t)lf);
        all = slice_skip(all, lf < 0 ? all.len : (size_t)lf + 1);
        if (is_clean(one)) {
            char *text = mem_slice_dup(one);
            line_history_add(text);
            mem_free(text);
            n++;
        }
    }
    return n;
}

/* The file grows by appending; when it holds twice what is kept, it is written anew beside and
 * renamed. */
static void shorten(struct ui *u)
{
    struct buf all;
    char *path = mem_printf("%s.new", u->history_file);
    buf_init(&all, HISTORY_FILE_MAX_OCTETS);
    for (size_t i = 0; i < line_history_count(); i++) {
        buf_append_cstr(&all, line_history_at(i));
        buf_append_octet(&all, '\n');
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        bool whole = write(fd, all.ptr, all.len) == (ssize_t)all.len;
        whole = close(fd) == 0 && whole;
        if (!whole || rename(path, u->history_file) != 0)
            unlink(path);
    }
    buf_deinit(&all);
    mem_free(path);
}

/* Each protocol has a file of its own; SMTP and LMTP, which say the same, share one. */
static char *file_for(const struct ui *u, const char *protocol)
{
    if (!u->history_path)
        return NULL;
    bool own = strcmp(protocol, "pop3") == 0 || strcmp(protocol, "imap") == 0;
    return mem_printf("%s%s%s", u->history_path, own ? "-" : "", own ? protocol : "");
}

void history_follow(struct ui *u)
{
    const char *protocol = u->decoded.live.protocol ? u->decoded.live.protocol : "smtp";
    char *file = file_for(u, protocol);
    bool same = file && u->history_file && strcmp(file, u->history_file) == 0;
    if (!file || same) {
        mem_free(file);
        return;
    }
    mem_free(u->history_file);
    u->history_file = file;
    line_history_clear();
    history_load(u);
}

void history_load(struct ui *u)
{
    struct buf all;
    if (!u->history_file)
        return;
    int fd = open_own(u->history_file, O_RDONLY);
    if (fd < 0) {
        if (errno != ENOENT)
            ui_say(u, true, "no history: %s: %s", u->history_file, strerror(errno));
        return;
    }
    buf_init(&all, HISTORY_FILE_MAX_OCTETS);
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size > HISTORY_FILE_MAX_OCTETS / 2)
        lseek(fd, st.st_size - HISTORY_FILE_MAX_OCTETS / 2, SEEK_SET);
    uint8_t *room;
    ssize_t n = 0;
    while ((room = buf_room(&all, 16384)) && (n = read(fd, room, 16384)) > 0)
        buf_grow(&all, (size_t)n);
    close(fd);
    if (take_lines(buf_slice(&all)) > 2 * HISTORY_MAX_LINES)
        shorten(u);
    buf_deinit(&all);
}

void history_append(struct ui *u, struct slice text)
{
    if (!is_clean(text) || !console_history_allows(u->console, text))
        return;
    char *copy = mem_slice_dup(text);
    line_history_add(copy);
    mem_free(copy);
    if (!u->history_file || !settings_bool(console_settings(u->console), SETTING_ID_history))
        return;
    int fd = open_own(u->history_file, O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0)
        return; /* said when it was loaded, or it went away since: not worth a word for each line */
    struct buf out;
    buf_init(&out, HISTORY_LINE_MAX_OCTETS + 1);
    buf_append(&out, text);
    buf_append_octet(&out, '\n');
    ssize_t written = write(fd, out.ptr, out.len);
    (void)written;
    close(fd);
    buf_deinit(&out);
}
