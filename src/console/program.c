/* /help /quit /source /alias /note /mailbox /explain /certs /timing, and the commands only
 * a screen can do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/userinfo.h"
#include "base/vis.h"
#include "console/console_private.h"
#include "console/tongue.h"
#include "decode/notice.h"
#include "decode/timing.h"
#include "decode/view.h"
#include "smtp/tables.h"

enum { SCRIPT_FILE_MAX_OCTETS = 4 << 20, PAGE_OCTETS = 1 << 20 };

/* --- help --- */

static void help_list(struct buf *out)
{
    const struct console_command *e;
    const char *group = "";
    buf_append_cstr(
        out,
        "What you type goes to the server as it is. A line that begins with / is for the console; "
        "//x sends /x.\n");
    for (size_t i = 0; (e = console_command_entry(i)); i++) {
        if (strcmp(group, e->info.group) != 0) {
            group = e->info.group;
            buf_printf(out, "\n%s\n", group);
        }
        char left[64];
        snprintf(left, sizeof left, "/%s %s", e->info.name, e->info.args);
        buf_printf(out, "  %-30s %s\n", left, e->info.help);
    }
    buf_append_cstr(out, "\nverbs of SMTP (help on one: /help MAIL)\n");
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        const struct smtp_verb_info *info = smtp_verb_info((enum smtp_verb)v);
        if (info->typed)
            buf_printf(out, "  %-30s %s\n", info->name, info->help);
    }
}

static bool help_verb(struct slice topic, struct buf *out)
{
    enum smtp_verb verb = smtp_verb_by_name(topic);
    if (verb == SMTP_VERB_UNKNOWN)
        return false;
    const struct smtp_verb_info *info = smtp_verb_info(verb);
    buf_printf(out, "%s%s\n  %s\n  %s\n", info->name, info->grammar, info->help, info->rfc);
    if (info->success)
        buf_printf(out, "  replies when it works: %s; when not: %s\n", info->success,
                   info->errors ? info->errors : "");
    if (info->extension)
        buf_printf(out, "  needs %s in the EHLO reply\n", info->extension);
    return true;
}

static bool help_extension(struct slice topic, struct buf *out)
{
    const struct smtp_extension *x = smtp_extension_by_keyword(topic);
    if (!x)
        return false;
    buf_printf(out, "%s (%s, %s)\n  %s\n", x->keyword, x->rfc, x->status, x->meaning);
    if (*x->mail_params)
        buf_printf(out, "  MAIL parameters: %s\n", x->mail_params);
    if (*x->rcpt_params)
        buf_printf(out, "  RCPT parameters: %s\n", x->rcpt_params);
    return true;
}

static bool help_code(struct slice topic, struct buf *out)
{
    uint64_t code;
    if (!slice_to_u64(topic, 999, &code) || code < 200)
        return false;
    const struct smtp_code_info *info = smtp_code_info((unsigned)code);
    buf_printf(out, "%llu: %s\n", (unsigned long long)code,
               info ? info->meaning : "no meaning of its own is registered");
    buf_printf(out, "  class: %s\n", smtp_code_class_meaning((unsigned)code));
    if (info)
        buf_printf(out, "  after: %s (%s)\n", info->after, info->rfc);
    return true;
}

static bool help_topic(struct slice topic, struct buf *out)
{
    struct slice name = topic.ptr[0] == '/' ? slice_skip(topic, 1) : topic;
    const struct console_command *e = console_command_find(name);
    if (e) {
        buf_printf(out, "/%s %s\n  %s\n", e->info.name, e->info.args, e->info.help);
        if (e->info.details)
            buf_printf(out, "  %s\n", e->info.details);
        return true;
    }
    enum setting_id id = setting_by_name(topic);
    if (id != SETTING_ID__COUNT) {
        buf_printf(out, "/set %s %s\n  %s\n", setting_info(id)->name, setting_info(id)->arg,
                   setting_info(id)->help);
        return true;
    }
    return help_verb(topic, out) || tongue_help(topic, out) || help_extension(topic, out) ||
           help_code(topic, out);
}

bool exec_help(struct console *c, const struct console_call *call)
{
    struct buf text;
    buf_init(&text, PAGE_OCTETS);
    bool ok = true;
    if (call->args.len == 0)
        help_list(&text);
    else
        ok = help_topic(call->args, &text);
    if (ok) {
        console_page(c, "Help", buf_slice(&text));
    } else {
        char shown[80];
        vis_to_cstr(shown, sizeof shown, call->args);
        err_set(call->err, ERR_USAGE, 0, "no help on %s", shown);
        err_explain(
            call->err, "",
            "/help lists what there is: commands, verbs, settings, extensions, reply codes");
    }
    buf_deinit(&text);
    return ok;
}

/* --- reading --- */

static void fold_view(struct console *c, struct view *v)
{
    const struct journal *j = console_shown(c);
    view_init(v, console_shown_conn(c));
    view_at(v, j, console_shown_conn(c), journal_last(j));
}

static void explain_found(void *ctx, const struct notice *n)
{
    struct buf *page = ctx;
    struct explanation e;
    if (page->len > 0)
        buf_append_octet(page, '\n');
    explain_reply_text(&n->input, &e);
    explain_print(&n->input, &e, 0, page);
}

bool exec_explain(struct console *c, const struct console_call *call)
{
    struct view v;
    struct buf text;
    bool ok;
    buf_init(&text, PAGE_OCTETS);
    if (call->args.len > 0) {
        ok = notice_scan(call->args, NULL, explain_found, &text) > 0;
        if (ok) {
            console_page(c, "What it means", buf_slice(&text));
        } else {
            err_set(call->err, ERR_USAGE, 0, "nothing in it is recognised");
            err_explain(call->err, "",
                        "/explain takes a reply, a line of a log, or words of a server; "
                        "without text, the last reply");
        }
        buf_deinit(&text);
        return ok;
    }
    fold_view(c, &v);
    ok = v.last_reply_seq != 0;
    if (ok) {
        view_explain_print(&v, 0, &text);
        console_page(c, "What the last reply means", buf_slice(&text));
    } else {
        err_set(call->err, ERR_USAGE, 0, "no reply has come yet");
    }
    buf_deinit(&text);
    view_deinit(&v);
    return ok;
}

bool exec_view(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    char *name = mem_slice_dup(slice_next_word(&rest));
    bool ok = c->ui->view(c->ui_ctx, name, slice_trim(rest), call->err);
    mem_free(name);
    return ok;
}

/* --- practice --- */

static void mailbox_list(struct console *c, struct buf *out)
{
    struct mock_message m;
    for (size_t i = 0; i < mock_message_count(c->mock); i++) {
        if (!mock_message_at(c->mock, i, &m))
            continue;
        buf_printf(out, "%6llu  ", (unsigned long long)m.number);
        vis_to_buf(out, slice_cstr(m.mailbox), 0);
        buf_append_cstr(out, "  from <");
        vis_to_buf(out, slice_cstr(m.from), 0);
        buf_printf(out, ">  %zu octets\n", m.octets.len);
    }
}

static bool mailbox_one(struct console *c, uint64_t number, struct buf *out)
{
    struct mock_message m;
    for (size_t i = 0; i < mock_message_count(c->mock); i++) {
        if (!mock_message_at(c->mock, i, &m) || m.number != number)
            continue;
        struct slice rest = slice_take(m.octets, PAGE_OCTETS / 2);
        while (rest.len) {
            ptrdiff_t end = slice_find(rest, SLICE_LIT("\r\n"));
            size_t n = end < 0 ? rest.len : (size_t)end;
            vis_to_buf(out, slice_take(rest, n), 0);
            buf_append_octet(out, '\n');
            rest = slice_skip(rest, n + 2);
        }
        return true;
    }
    return false;
}

bool exec_mailbox(struct console *c, const struct console_call *call)
{
    uint64_t number;
    if (!c->mock || mock_message_count(c->mock) == 0) {
        err_set(call->err, ERR_USAGE, 0, "the practice server keeps no message yet");
        err_explain(call->err, "", "/send sends one to it");
        return false;
    }
    struct buf text;
    buf_init(&text, PAGE_OCTETS);
    bool ok = true;
    if (call->args.len == 0)
        mailbox_list(c, &text);
    else
        ok = slice_to_u64(call->args, UINT64_MAX, &number) && mailbox_one(c, number, &text);
    if (ok)
        console_page(c, "Messages in the practice server", buf_slice(&text));
    else
        err_set(call->err, ERR_USAGE, 0, "no message of that number; /mailbox lists them");
    buf_deinit(&text);
    return ok;
}

/* --- the program --- */

bool exec_quit(struct console *c, const struct console_call *call)
{
    (void)call;
    c->wants_quit = true;
    if (c->ui && c->ui->quit)
        c->ui->quit(c->ui_ctx);
    return true;
}

static bool read_script(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;
    while (ok) {
        uint8_t *room = buf_room(out, 8192);
        ssize_t n = room ? read(fd, room, 8192) : -1;
        if (n <= 0) {
            ok = n == 0;
            break;
        }
        buf_grow(out, (size_t)n);
    }
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot read %.120s: %s", path,
                out->overflow ? "longer than the limit script" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static void source_done(void *ctx)
{
    struct console *c = ctx;
    const struct script_result *r = script_result(c->source);
    if (!r->ok)
        journal_note(c->journal, console_conn(c), LEVEL_ERROR, r->err.text, r->err.means,
                     r->err.next);
}

bool exec_source(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0) {
        err_set(call->err, ERR_USAGE, 0, "/source wants a file");
        return false;
    }
    if (c->source && !script_result(c->source)->done) {
        err_set(call->err, ERR_USAGE, 0, "a script is running already");
        err_explain(call->err, "a /source inside a sourced file is not followed",
                    "wait for it, or stop it with Ctrl-C");
        return false;
    }
    char *path = mem_slice_dup(call->args);
    struct buf text;
    buf_init(&text, SCRIPT_FILE_MAX_OCTETS);
    bool ok = read_script(path, &text, call->err);
    if (ok) {
        script_free(&c->source);
        c->source = script_start(c, c->loop, path, buf_slice(&text), 30000, source_done, c);
    }
    buf_deinit(&text);
    mem_free(path);
    return ok;
}

bool exec_alias(struct console *c, const struct console_call *call)
{
    struct slice rest = call->args;
    struct slice name = slice_next_word(&rest);
    if (name.len == 0) {
        struct buf text;
        buf_init(&text, PAGE_OCTETS);
        for (size_t i = 0; i < c->n_aliases; i++) {
            buf_printf(&text, "/%s = ", c->aliases[i].name);
            userinfo_mask(slice_cstr(c->aliases[i].line), &text);
            buf_append_octet(&text, '\n');
        }
        console_page(c, "Aliases", buf_slice(&text));
        buf_deinit(&text);
        return true;
    }
    rest = slice_trim(rest);
    if (rest.len == 0 || rest.ptr[0] != '=' || console_command_find(name) || c->n_aliases >= 100) {
        err_set(call->err, ERR_USAGE, 0, "/alias NAME = LINE; NAME is no command of the console");
        return false;
    }
    rest = slice_trim(slice_skip(rest, 1));
    size_t i = 0;
    while (i < c->n_aliases && !slice_eq(name, slice_cstr(c->aliases[i].name)))
        i++;
    if (i == c->n_aliases) {
        c->aliases = mem_realloc(c->aliases, (i + 1) * sizeof *c->aliases);
        c->aliases[i].name = mem_slice_dup(name);
        c->aliases[i].line = NULL;
        c->n_aliases++;
    }
    mem_free(c->aliases[i].line);
    c->aliases[i].line = mem_slice_dup(rest);
    return true;
}
