/* Where a password comes from: --password-command, netrc, a prompt; never an argument. Nothing here
 * blocks the loop: the command's output is read as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/console_private.h"

enum { PASSWORD_MAX_OCTETS = 16384, NETRC_MAX_OCTETS = 1 << 20 };

struct password_reader {
    FILE *pipe; /* of the command; NULL: a prompt is open */
    struct loop_watch *watch;
    struct buf text;
};

void console_password_stop(struct console *c)
{
    struct password_reader *r = c->now->password_reader;
    if (!r)
        return;
    loop_watch_free(&r->watch);
    if (r->pipe)
        pclose(r->pipe);
    mem_wipe(r->text.ptr, r->text.len);
    buf_deinit(&r->text);
    mem_free(r);
    c->now->password_reader = NULL;
    if (c->asking == c->now)
        c->asking = NULL;
}

void console_password_forget(struct console *c)
{
    secret_clear(&c->now->password);
    secret_clear(&c->now->token);
    mem_free(c->now->password_user);
    c->now->password_user = NULL;
}

static void prompt_answer(void *ctx, const char *text)
{
    struct console *c = ctx;
    struct channel *ch = c->asking;
    if (!ch)
        return; /* stopped meanwhile */
    struct channel *was = channel_enter(ch);
    console_password_stop(c);
    console_task_password(c, text);
    channel_leave(ch, was);
}

/* The first line the command printed is the password. */
static void command_read(struct console *c)
{
    struct password_reader *r = c->now->password_reader;
    uint8_t piece[1024];
    ssize_t n = read(fileno(r->pipe), piece, sizeof piece);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        buf_append(&r->text, slice_of(piece, (size_t)n));
        mem_wipe(piece, sizeof piece);
        return;
    }
    struct slice all = buf_slice(&r->text);
    ptrdiff_t end = slice_find_octet(all, '\n');
    struct slice line = end >= 0 ? slice_take(all, (size_t)end) : all;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    loop_watch_free(&r->watch);
    int status = pclose(r->pipe);
    r->pipe = NULL;
    char *password = status == 0 && line.len ? mem_slice_dup(line) : NULL;
    console_password_stop(c);
    if (!password)
        journal_note(c->journal, console_conn(c), LEVEL_ERROR,
                     "the password command failed or printed nothing", "",
                     "run it by hand and look at its first line");
    console_task_password(c, password);
    if (password)
        mem_wipe(password, strlen(password));
    mem_free(password);
}

static void command_ready(void *ctx, unsigned ready)
{
    (void)ready;
    struct channel *ch = ctx, *was = channel_enter(ch);
    command_read(ch->console);
    channel_leave(ch, was);
}

static bool run_command(struct console *c, const char *command)
{
    struct password_reader *r = c->now->password_reader;
    r->pipe = popen(command, "re");
    if (!r->pipe)
        return false;
    fcntl(fileno(r->pipe), F_SETFL, O_NONBLOCK);
    r->watch = loop_watch_new(c->loop, fileno(r->pipe), LOOP_READABLE, command_ready, c->now);
    return r->watch != NULL;
}

/* --- netrc --- */

static struct slice netrc_word(struct slice *rest)
{
    while (rest->len && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == '\n' ||
                         rest->ptr[0] == '\r'))
        *rest = slice_skip(*rest, 1);
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t' && rest->ptr[n] != '\n' &&
           rest->ptr[n] != '\r')
        n++;
    struct slice word = slice_take(*rest, n);
    *rest = slice_skip(*rest, n);
    return word;
}

/* The entry "machine HOST" (or "default") with this login; user NULL: any. */
bool netrc_find(struct slice text, const char *host, const char *user, struct buf *login_out,
                struct buf *password_out)
{
    bool here = false, have_password = false;
    struct slice login = {0}, password = {0}, word;
    for (;;) {
        word = netrc_word(&text);
        bool starts = word.len == 0 || slice_eq(word, SLICE_LIT("machine")) ||
                      slice_eq(word, SLICE_LIT("default"));
        if (starts && here && have_password && (!user || slice_eq(login, slice_cstr(user)))) {
            buf_append(login_out, login);
            buf_append(password_out, password);
            return true;
        }
        if (word.len == 0)
            return false;
        if (starts) {
            here = slice_eq(word, SLICE_LIT("default")) ||
                   slice_eq_nocase(netrc_word(&text), slice_cstr(host));
            login = password = (struct slice){0};
            have_password = false;
        } else if (slice_eq(word, SLICE_LIT("login"))) {
            login = netrc_word(&text);
        } else if (slice_eq(word, SLICE_LIT("password"))) {
            password = netrc_word(&text);
            have_password = true;
        }
    }
}

bool console_netrc(struct console *c, const char *host, const char *user, struct buf *password)
{
    const char *path = c->options.netrc_path;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    struct stat st;
    if (fstat(fd, &st) == 0 && (st.st_mode & 077))
        journal_note(c->journal, 0, LEVEL_WARNING, "netrc can be read by others",
                     "its passwords are no secrets then", "chmod 600 on it");
    struct buf text, login;
    buf_init(&text, NETRC_MAX_OCTETS);
    buf_init(&login, PASSWORD_MAX_OCTETS);
    uint8_t *room;
    ssize_t n;
    while ((room = buf_room(&text, 8192)) && (n = read(fd, room, 8192)) > 0)
        buf_grow(&text, (size_t)n);
    close(fd);
    bool found = netrc_find(buf_slice(&text), host, user, &login, password);
    mem_wipe(text.ptr, text.len);
    buf_deinit(&text);
    buf_deinit(&login);
    return found;
}

void console_password_find(struct console *c, const char *host, const char *user)
{
    console_password_stop(c);
    c->now->password_reader = mem_zalloc(sizeof *c->now->password_reader);
    buf_init(&c->now->password_reader->text, PASSWORD_MAX_OCTETS);

    bool token = console_auth_secret(c) == CONSOLE_SECRET_TOKEN;
    const char *command =
        settings_text(c->settings, token ? SETTING_ID_token_command : SETTING_ID_password_command);
    if (*command) {
        if (run_command(c, command))
            return;
        console_password_stop(c);
        console_task_password(c, NULL);
        return;
    }
    struct buf password;
    buf_init(&password, PASSWORD_MAX_OCTETS);
    if (!token && console_netrc(c, host, user, &password)) {
        console_password_stop(c);
        console_task_password(c, buf_cstr(&password));
    } else if (c->ui && c->ui->ask) {
        char prompt[200];
        snprintf(prompt, sizeof prompt, "%s of %.80s at %.80s: ", token ? "token" : "password",
                 user, host[0] ? host : "the practice server");
        c->asking = c->now;
        c->ui->ask(c->ui_ctx, prompt, true, prompt_answer, c);
    } else {
        console_password_stop(c);
        console_task_password(c, NULL);
    }
    mem_wipe(password.ptr, password.len);
    buf_deinit(&password);
}
