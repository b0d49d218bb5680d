/* /bdat and /xtext: what extensions need beyond a typed line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "console/console_private.h"
#include "smtp/param.h"

/* /bdat FILE [CHUNK]: the file as it is, octet for octet; for the last word to be a size it must be
 * a number and a file stand before it. */
bool exec_bdat(struct console *c, const struct console_call *call)
{
    struct slice path = call->args;
    uint64_t chunk_octets = 0;
    size_t at = path.len;
    if (!console_need_session(c, call->err))
        return false;
    while (at > 0 && path.ptr[at - 1] != ' ')
        at--;
    if (at > 0 && slice_to_u64(slice_skip(path, at), UINT32_MAX, &chunk_octets))
        path = slice_trim(slice_take(path, at));
    if (path.len == 0 || (at > 0 && path.len < call->args.len && chunk_octets == 0)) {
        err_set(call->err, ERR_USAGE, 0, "/bdat wants a file, and perhaps octets a chunk");
        err_explain(call->err, "nothing was sent",
                    "/bdat FILE [CHUNK]; by hand: BDAT 5 LAST, then /raw \"hello\"");
        return false;
    }
    char *name = mem_slice_dup(path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set(call->err, ERR_FILE, errno, "cannot read %.120s: %s", name, strerror(errno));
        err_explain(call->err, "nothing was sent", "check the name");
        mem_free(name);
        return false;
    }
    mem_free(name);
    if (c->now->data_fd >= 0)
        close(c->now->data_fd);
    c->now->data_fd = fd; /* open until the reply to the last chunk */
    const struct session_content content = {.fd = fd};
    if (!c->now->task.active && session_send_chunks(c->now->session, &content, chunk_octets))
        return true;
    console_queue_clear(c);
    err_set(call->err, ERR_USAGE, 0, "chunks cannot be sent now: something else is under way");
    err_explain(call->err, "nothing was sent", "wait for it, or stop it with Ctrl-C");
    return false;
}

void console_bdat_try(struct console *c, const struct track_item *item)
{
    const struct smtp_item *s = item->smtp;
    if (c->now->data_fd >= 0 && !c->now->data_path && s && s->kind == SMTP_ITEM_REPLY &&
        s->answers == SMTP_VERB_BDAT && !session_progress(c->now->session, NULL, NULL))
        console_queue_clear(c);
}

bool exec_xtext(struct console *c, const struct console_call *call)
{
    struct buf encoded, decoded, page;
    buf_init(&encoded, CONSOLE_LINE_MAX_OCTETS * 3);
    buf_init(&decoded, CONSOLE_LINE_MAX_OCTETS);
    buf_init(&page, CONSOLE_LINE_MAX_OCTETS * 5);
    bool ok = call->args.len > 0 && smtp_xtext_encode(call->args, &encoded);
    if (ok) {
        buf_append_cstr(&page, "as xtext:   ");
        buf_append(&page, buf_slice(&encoded));
        buf_append_octet(&page, '\n');
        if (slice_find_octet(call->args, '+') >= 0 && smtp_xtext_decode(call->args, &decoded)) {
            buf_append_cstr(&page, "from xtext: ");
            buf_append(&page, buf_slice(&decoded));
            buf_append_octet(&page, '\n');
        }
        console_page(c, "xtext (RFC 3461 section 4)", buf_slice(&page));
    } else {
        err_set(call->err, ERR_USAGE, 0, "/xtext wants a text");
        err_explain(call->err, "", "/xtext bob+tag@example.test, for ORCPT=rfc822;...");
    }
    buf_deinit(&encoded);
    buf_deinit(&decoded);
    buf_deinit(&page);
    return ok;
}

/* ---- parameters that settings ask for ---- */

/* They go out whether they were offered or not: the lint says what is odd about them. */
static const struct {
    enum smtp_verb verb;
    enum setting_id id;
    const char *keyword; /* "": the setting holds whole parameters */
    bool xtext;
} asked[] = {
    {SMTP_VERB_MAIL, SETTING_ID_dsn_ret, "RET", false},
    {SMTP_VERB_MAIL, SETTING_ID_dsn_envid, "ENVID", true},
    {SMTP_VERB_MAIL, SETTING_ID_deliver_by, "BY", false},
    {SMTP_VERB_MAIL, SETTING_ID_priority, "MT-PRIORITY", false},
    {SMTP_VERB_MAIL, SETTING_ID_hold_for, "HOLDFOR", false},
    {SMTP_VERB_MAIL, SETTING_ID_hold_until, "HOLDUNTIL", false},
    {SMTP_VERB_MAIL, SETTING_ID_require_tls, "REQUIRETLS", false},
    {SMTP_VERB_MAIL, SETTING_ID_mail_auth, "AUTH", true},
    {SMTP_VERB_MAIL, SETTING_ID_prdr, "PRDR", false},
    {SMTP_VERB_MAIL, SETTING_ID_mail_params, "", false},
    {SMTP_VERB_RCPT, SETTING_ID_dsn_notify, "NOTIFY", false},
    {SMTP_VERB_RCPT, SETTING_ID_rcpt_params, "", false},
};

static void append_param(const struct settings *s, size_t row, struct buf *out)
{
    const char *value = settings_text(s, asked[row].id), *keyword = asked[row].keyword;
    bool flag = setting_info(asked[row].id)->type == SETTING_BOOL;
    if (flag ? !settings_bool(s, asked[row].id) : !*value)
        return;
    buf_printf(out, "%s%s%s", out->len > 0 ? " " : "", keyword, *keyword && !flag ? "=" : "");
    /* AUTH=<> is the one value that stands as it is (RFC 4954 section 5). */
    if (flag)
        return;
    if (asked[row].xtext && strcmp(value, "<>") != 0)
        smtp_xtext_encode(slice_cstr(value), out);
    else
        buf_append_cstr(out, value);
}

char *console_params(const struct console *c, enum smtp_verb verb)
{
    struct buf out;
    buf_init(&out, CONSOLE_LINE_MAX_OCTETS);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        if (asked[i].verb == verb)
            append_param(c->settings, i, &out);
    char *text = out.len > 0 && !out.overflow ? mem_strdup(buf_cstr(&out)) : NULL;
    buf_deinit(&out);
    return text;
}
