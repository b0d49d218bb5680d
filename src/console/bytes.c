/* /raw /pipe /slow /set /show: octets as they are, and the settings. */
#include <string.h>

#include "console/console_private.h"

static int hex_digit(uint8_t octet)
{
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    if (octet >= 'a' && octet <= 'f')
        return octet - 'a' + 10;
    if (octet >= 'A' && octet <= 'F')
        return octet - 'A' + 10;
    return -1;
}

static const struct {
    char letter;
    uint8_t octet;
} escapes[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'},  {'a', '\a'}, {'b', '\b'},
               {'f', '\f'}, {'v', '\v'}, {'e', 0x1b}, {'\\', '\\'}, {'"', '"'}};

/* One escape behind a backslash at *i; false where it is none. */
static bool one_escape(struct slice text, size_t *i, struct buf *out)
{
    if (*i >= text.len)
        return false;
    uint8_t letter = text.ptr[(*i)++];
    if (letter == 'x') {
        int high = *i < text.len ? hex_digit(text.ptr[*i]) : -1;
        int low = *i + 1 < text.len ? hex_digit(text.ptr[*i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        *i += 2;
        return buf_append_octet(out, (uint8_t)(high * 16 + low));
    }
    for (size_t k = 0; k < sizeof escapes / sizeof escapes[0]; k++)
        if ((uint8_t)escapes[k].letter == letter)
            return buf_append_octet(out, escapes[k].octet);
    return false;
}

bool console_unescape(struct slice text, struct buf *out, struct err *err)
{
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = slice_take(slice_skip(text, 1), text.len - 2);
    for (size_t i = 0; i < text.len;) {
        uint8_t octet = text.ptr[i++];
        if (octet != '\\') {
            buf_append_octet(out, octet);
            continue;
        }
        size_t at = i;
        if (!one_escape(text, &i, out)) {
            err_set(err, ERR_USAGE, 0, "no escape begins at octet %zu", at);
            err_explain(err, "nothing was sent",
                        "known are \\r \\n \\t \\0 \\a \\b \\f \\v \\e \\\\ \\\" and \\xNN with "
                        "two hexadecimal digits");
            return false;
        }
    }
    return true;
}

bool exec_pipe(struct console *c, const struct console_call *call)
{
    struct buf octets;
    buf_init(&octets, CONSOLE_LINE_MAX_OCTETS);
    struct slice rest = call->args;
    while (rest.len) {
        ptrdiff_t bar = slice_find(rest, SLICE_LIT(" | "));
        size_t n = bar < 0 ? rest.len : (size_t)bar;
        struct slice line = slice_trim(slice_take(rest, n));
        console_remember_addresses(c, line);
        buf_append(&octets, line);
        buf_append_cstr(&octets, "\r\n");
        rest = bar < 0 ? slice_skip(rest, rest.len) : slice_skip(rest, n + 3);
    }
    bool ok =
        console_need_session(c, call->err) && session_send_raw(c->now->session, buf_slice(&octets));
    buf_deinit(&octets);
    return ok;
}

bool exec_slow(struct console *c, const struct console_call *call)
{
    uint64_t octets_per_s;
    if (!slice_to_u64(call->args, 1000000000, &octets_per_s)) {
        err_set(call->err, ERR_USAGE, 0,
                "/slow wants octets a second, a whole number; 0: as fast as it goes");
        return false;
    }
    if (!console_need_session(c, call->err))
        return false;
    session_set_pace(c->now->session, octets_per_s);
    return true;
}

static enum setting_id find_setting(struct slice name, struct err *err)
{
    enum setting_id id = setting_by_name(name);
    if (id != SETTING_ID__COUNT)
        return id;
    const char *names[SETTING_ID__COUNT];
    for (int i = 0; i < SETTING_ID__COUNT; i++)
        names[i] = setting_info((enum setting_id)i)->name;
    char *typed = mem_slice_dup(slice_take(name, 60));
    const char *near = nearest_word(typed, names, SETTING_ID__COUNT);
    err_set(err, ERR_USAGE, 0, "no setting %.60s%s%s%s", typed, near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "");
    err_explain(err, "", "/show lists the settings");
    mem_free(typed);
    return SETTING_ID__COUNT;
}

bool exec_set(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice name = slice_next_word(&rest);
    if (name.len == 0)
        return exec_show(c, call);
    enum setting_id id = find_setting(name, call->err);
    if (id == SETTING_ID__COUNT)
        return false;
    if (!(setting_info(id)->where & SET_LIVE)) {
        err_set(call->err, ERR_USAGE, 0, "%s is for the start: --%s", setting_info(id)->name,
                setting_info(id)->name);
        return false;
    }
    rest = slice_trim(rest);
    bool ok = true;
    if (rest.len == 0) {
        settings_reset(c->settings, id);
    } else {
        char *value = mem_slice_dup(rest);
        ok = settings_set(c->settings, id, value, call->err);
        mem_free(value);
    }
    if (ok && c->ui && c->ui->settings_changed)
        c->ui->settings_changed(c->ui_ctx);
    return ok;
}

static void show_one(struct console *c, enum setting_id id, struct buf *out)
{
    struct buf line;
    buf_init(&line, 1 << 16);
    settings_format(c->settings, id, &line);
    buf_printf(out, "%-40s %s\n", buf_cstr(&line), setting_info(id)->help);
    buf_deinit(&line);
}

bool exec_show(struct console *c, const struct console_call *call)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    bool ok = true;
    if (call->args.len) {
        enum setting_id id = find_setting(call->args, call->err);
        ok = id != SETTING_ID__COUNT;
        if (ok)
            show_one(c, id, &text);
    } else {
        for (int id = 0; id < SETTING_ID__COUNT; id++)
            show_one(c, (enum setting_id)id, &text);
    }
    if (ok)
        console_page(c, "Settings", buf_slice(&text));
    buf_deinit(&text);
    return ok;
}
