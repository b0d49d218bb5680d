/* DKIM for what /send sends (--dkim-key): the message is read whole, because its signature stands
 * in front of it. What is signed is what leaves: line ends are mended first, and nothing else is
 * changed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auth/dkim_sign.h"
#include "console/console_private.h"

/* Appends the rest of what fd gives. */
static bool read_fd(int fd, const char *path, struct buf *out, struct err *err)
{
    for (;;) {
        uint8_t *room = buf_room(out, 65536);
        ssize_t n = room ? read(fd, room, 65536) : -1;
        if (n > 0)
            buf_grow(out, (size_t)n);
        else if (n == 0)
            return true;
        else if (!room)
            err_set(err, ERR_LIMIT, 0, "%.120s is longer than %zu octets", path, out->cap_octets);
        else if (errno != EINTR)
            err_set(err, ERR_FILE, errno, "cannot read %.120s: %s", path, strerror(errno));
        if (!room || (n < 0 && errno != EINTR)) {
            err_explain(err, "nothing was sent", "check the file");
            return false;
        }
    }
}

static struct dkim_key *read_key(const char *path, struct err *err)
{
    struct dkim_key *key = NULL;
    struct buf pem;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_FILE, errno, "cannot read the DKIM key %.120s: %s", path, strerror(errno));
        err_explain(err, "nothing was sent", "--dkim-key FILE names a private key in PEM");
        return NULL;
    }
    /* At once with its room, so that no copy of the key is left where the buffer was. */
    buf_init(&pem, DKIM_KEY_FILE_OCTETS_MAX + 65536);
    buf_room(&pem, DKIM_KEY_FILE_OCTETS_MAX + 65536);
    if (read_fd(fd, path, &pem, err))
        key = dkim_key_parse(buf_slice(&pem), path, err);
    close(fd);
    if (pem.ptr)
        mem_wipe(pem.ptr, pem.alloc_octets);
    buf_deinit(&pem);
    return key;
}

/* As sending mends it: a LF alone becomes CRLF. */
static bool mend(struct slice in, struct buf *out)
{
    bool fits = true;
    uint8_t last = 0;
    while (in.len > 0 && fits) {
        const uint8_t *lf = memchr(in.ptr, '\n', in.len);
        size_t n = lf ? (size_t)(lf - in.ptr) : in.len;
        if (n > 0)
            last = in.ptr[n - 1];
        fits = buf_append(out, slice_take(in, n));
        if (lf)
            fits = fits && buf_append_cstr(out, last == '\r' ? "\n" : "\r\n");
        last = lf ? '\n' : last;
        in = slice_skip(in, n + (lf != NULL));
    }
    return fits;
}

static void say(struct console *c, const struct dkim_key *key, const struct dkim_how *how,
                const struct dkim_facts *facts)
{
    struct buf record;
    buf_init(&record, 4096);
    buf_printf(&record, "DKIM: in DNS, %s._domainkey.%s TXT \"", how->selector, how->domain);
    dkim_key_record(key, &record);
    buf_append_cstr(&record, "\"");
    char *text = mem_printf("DKIM: signed for %s with %s: %zu fields and the body; %zu more may "
                            "not be added",
                            how->domain, dkim_key_algorithm(key), facts->n_fields, facts->n_absent);
    journal_note(c->journal, console_conn(c), LEVEL_INFO, text,
                 "one field was put in front of the message, and nothing else was changed", "");
    journal_note(c->journal, console_conn(c), LEVEL_INFO, buf_cstr(&record),
                 "whoever verifies the signature looks there", "");
    if (facts->from_unsigned)
        journal_note(c->journal, console_conn(c), LEVEL_WARNING,
                     "DKIM: From is not among the signed fields",
                     "RFC 6376 section 5.4 wants it there; verifiers refuse such a signature",
                     "--dkim-headers from:...");
    if (strncmp(dkim_key_algorithm(key), "rsa", 3) == 0 && dkim_key_bits(key) < DKIM_RSA_BITS_MIN)
        journal_note(c->journal, console_conn(c), LEVEL_WARNING,
                     "DKIM: the key has less than 1024 bits",
                     "RFC 8301 section 3.2: verifiers refuse such a signature",
                     "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    mem_free(text);
    buf_deinit(&record);
}

/* .message becomes the signed message. */
static bool sign_message(struct console *c, const struct dkim_key *key, const struct dkim_how *how,
                         struct err *err)
{
    struct console_task *t = &c->now->task;
    struct dkim_facts facts;
    struct buf whole, field;
    buf_init(&whole, t->message.cap_octets);
    buf_init(&field, DKIM_FIELD_OCTETS_MAX);
    bool fits = settings_bool(c->settings, SETTING_ID_binary)
                    ? buf_append(&whole, buf_slice(&t->message))
                    : mend(buf_slice(&t->message), &whole);
    bool ok = fits && dkim_sign(key, how, buf_slice(&whole), &field, &facts, err);
    if (ok) {
        buf_reset(&t->message);
        fits = buf_append(&t->message, buf_slice(&field)) &&
               buf_append(&t->message, buf_slice(&whole));
    }
    if (!fits)
        err_set(err, ERR_LIMIT, 0, "the message is longer than the limit standard-input-message");
    else if (ok)
        say(c, key, how, &facts);
    buf_deinit(&whole);
    buf_deinit(&field);
    return ok && fits;
}

bool console_sign(struct console *c, struct err *err)
{
    struct console_task *t = &c->now->task;
    const char *path = settings_text(c->settings, SETTING_ID_dkim_key);
    if (!*path)
        return true;
    const char *canon = settings_text(c->settings, SETTING_ID_dkim_canon);
    const struct clock *clock = journal_clock(c->journal);
    const struct dkim_how how = {
        .domain = settings_text(c->settings, SETTING_ID_dkim_domain),
        .selector = settings_text(c->settings, SETTING_ID_dkim_selector),
        .headers = settings_text(c->settings, SETTING_ID_dkim_headers),
        .header_relaxed = strncmp(canon, "relaxed/", 8) == 0,
        .body_relaxed = strcmp(strchr(canon, '/'), "/relaxed") == 0,
        .time_s = clock->wall_us(clock->ctx) / 1000000,
    };
    if (!dkim_how_check(&how, err))
        return false;
    struct dkim_key *key = read_key(path, err);
    bool ok = key && (t->fd < 0 || read_fd(t->fd, t->path, &t->message, err));
    if (ok && t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
    ok = ok && sign_message(c, key, &how, err);
    dkim_key_free(&key);
    return ok;
}
