/* The message /send makes where no file is named, by the settings template, header, body, attach
 * and data. Date and Message-ID come from the journal's clock, so a test owns them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "console/console_private.h"
#include "mail/compose.h"

/* RFC 5322 section 3.3, in UTC; the names are the RFC's, whatever the locale. */
static void format_date(int64_t wall_us, char *out, size_t out_octets)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(out, out_octets, "%s, %d %s %d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday,
             months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

enum { ATTACHMENTS_MAX = 64, FIELDS_MAX = 200 };

/* A whole file into memory; path for messages. */
static bool read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        uint8_t *room = buf_room(out, 65536);
        if (!room) {
            err_set(err, ERR_LIMIT, 0, "%.120s is longer than the limit standard-input-message",
                    path);
            close(fd);
            return false;
        }
        n = read(fd, room, 65536);
        if (n > 0)
            buf_grow(out, (size_t)n);
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n == 0)
        return true;
    err_set(err, ERR_FILE, saved, "cannot read %.120s: %s", path, strerror(saved));
    err_explain(err, "nothing was sent", "check the name");
    return false;
}

/* TEXT or @FILE; "\n" in a TEXT is a line end. */
static bool text_or_file(const char *value, struct buf *out, struct err *err)
{
    if (value[0] == '@')
        return read_file(value + 1, out, err);
    for (const char *p = value; *p; p++) {
        bool escape = p[0] == '\\' && p[1] == 'n';
        buf_append_octet(out, escape ? '\n' : (uint8_t)*p);
        p += escape;
    }
    return true;
}

struct pieces {
    const char *fields[FIELDS_MAX];
    struct mail_attachment attachments[ATTACHMENTS_MAX];
    struct buf files[ATTACHMENTS_MAX];
    size_t n_files;
    struct buf body;
};

static bool gather(struct console *c, struct mail_draft *d, struct pieces *p, struct err *err)
{
    size_t n = settings_list_count(c->settings, SETTING_ID_header);
    for (size_t i = 0; i < n && i < FIELDS_MAX; i++) {
        p->fields[i] = settings_list_at(c->settings, SETTING_ID_header, i);
        if (!mail_header_valid(p->fields[i], err))
            return false;
        d->n_headers = i + 1;
    }
    d->headers = p->fields;
    const char *body = settings_text(c->settings, SETTING_ID_body);
    if (*body && !text_or_file(body, &p->body, err))
        return false;
    d->body = *body ? buf_cstr(&p->body) : NULL;
    n = settings_list_count(c->settings, SETTING_ID_attach);
    for (size_t i = 0; i < n && i < ATTACHMENTS_MAX; i++) {
        const char *path = settings_list_at(c->settings, SETTING_ID_attach, i);
        const char *slash = strrchr(path, '/');
        buf_init(&p->files[p->n_files++], CONSOLE_MESSAGE_MAX_OCTETS);
        if (!read_file(path, &p->files[i], err))
            return false;
        p->attachments[i] = (struct mail_attachment){.name = slash ? slash + 1 : path,
                                                     .octets = buf_slice(&p->files[i])};
        d->n_attachments = i + 1;
    }
    d->attachments = p->attachments;
    return true;
}

static void pieces_free(struct pieces *p)
{
    for (size_t i = 0; i < p->n_files; i++)
        buf_deinit(&p->files[i]);
    buf_deinit(&p->body);
    mem_free(p);
}

/* --data: the whole message is the person's; "-" would be standard input, which /send - reads. */
static bool expand_data(const char *value, const struct mail_draft *d, struct buf *out,
                        struct err *err)
{
    struct buf text;
    buf_init(&text, CONSOLE_MESSAGE_MAX_OCTETS);
    bool file = value[0] == '@';
    bool ok = !file || read_file(value + 1, &text, err);
    if (ok)
        ok = mail_expand(file ? buf_slice(&text) : slice_cstr(value), !file, d, out);
    buf_deinit(&text);
    return ok;
}

bool console_message_generate(struct console *c, const char *from, char *const *to, size_t n_to,
                              struct buf *out, struct err *err)
{
    const struct clock *clock = journal_clock(c->journal);
    int64_t wall_us = clock->wall_us(clock->ctx);
    char date[64], id[96];
    format_date(wall_us, date, sizeof date);
    snprintf(id, sizeof id, "%llx.%llx@smtpscope.invalid", (unsigned long long)wall_us,
             (unsigned long long)journal_last(c->journal));
    struct pieces *p = mem_zalloc(sizeof *p);
    buf_init(&p->body, CONSOLE_MESSAGE_MAX_OCTETS);
    struct mail_draft d = {
        .template =
            mail_template_by_name(slice_cstr(settings_text(c->settings, SETTING_ID_template))),
        .from = from,
        .to = (const char *const *)to,
        .n_to = n_to,
        .date = date,
        .id = id,
    };
    const char *data = settings_text(c->settings, SETTING_ID_data);
    bool ok = gather(c, &d, p, err);
    if (ok)
        ok = *data ? expand_data(data, &d, out, err) : mail_compose(&d, out);
    if (!ok && err->domain == ERR_NONE)
        err_set(err, ERR_LIMIT, 0, "the message is longer than the limit standard-input-message");
    pieces_free(p);
    return ok;
}

bool exec_attach(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0) {
        settings_reset(c->settings, SETTING_ID_attach);
        return true;
    }
    char *path = mem_slice_dup(call->args);
    bool ok =
        access(path, R_OK) == 0 && settings_set(c->settings, SETTING_ID_attach, path, call->err);
    if (!ok && call->err->domain == ERR_NONE) {
        err_set(call->err, ERR_FILE, errno, "cannot read %.120s: %s", path, strerror(errno));
        err_explain(call->err, "it will not be attached", "check the name");
    }
    mem_free(path);
    return ok;
}
