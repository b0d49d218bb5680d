/* Help, the man page and the generated pages: all from the tables. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "journal/event_doc.h"
#include "imap/deviation.h"
#include "mock/magic.h"
#include "pop3/deviation.h"
#include "report/export.h"
#include "report/filter.h"
#include "scenario/scenario.h"
#include "smtp/deviation.h"
#include "smtp/param.h"
#include "ui/ui.h"

enum { PAGE_MAX_OCTETS = 4 << 20 };

static void option_line(struct buf *out, const char *name, const char *arg, const char *help,
                        bool value)
{
    char left[96];
    snprintf(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? arg : "");
    if (strlen(left) < 30)
        buf_printf(out, "  %-30s%s\n", left, help);
    else
        buf_printf(out, "  %s\n  %30s%s\n", left, "", help);
}

static void verb_options(struct buf *out, const struct cli_verb *verb)
{
    for (const struct cli_option *o = verb->options; o && o->name; o++)
        option_line(out, o->name, o->arg, o->help, o->arg != NULL);
    for (int id = 0; id < SETTING_ID__COUNT; id++) {
        const struct setting_info *info = setting_info((enum setting_id)id);
        if (info->where & verb->settings)
            option_line(out, info->name, info->arg, info->help, info->type != SETTING_BOOL);
    }
}

static void one_verb(struct buf *out, const struct cli_verb *verb)
{
    buf_printf(out, "usage: smtpscope %s%s[OPTIONS]%s%s\n\n%s\n%s\n\noptions:\n", verb->name,
               *verb->name ? " " : "", *verb->args ? " " : "", verb->args, verb->help, verb->about);
    verb_options(out, verb);
}

void cli_usage(struct buf *out, const struct cli_verb *verb)
{
    if (verb) {
        one_verb(out, verb);
        return;
    }
    buf_append_cstr(out, "smtpscope: watch, drive and explain mail protocols in a terminal\n\n");
    const struct cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        char left[80];
        snprintf(left, sizeof left, "smtpscope %s%s%s", v->name, *v->name ? " " : "", v->args);
        buf_printf(out, "  %-36s%s\n", left, v->help);
    }
    buf_append_cstr(
        out, "\nTARGET:\n"
             "  practice                            the built-in server, no network\n"
             "  HOST, HOST:PORT, [V6]:PORT          a server\n"
             "  USER@DOMAIN                         the domain's mail exchangers\n"
             "  unix:PATH                           a unix socket\n"
             "  smtp:// submission:// submissions:// smtps:// lmtp:// HOST[:PORT]\n"
             "\noptions of the console (smtpscope help run, send, serve, show for theirs):\n");
    verb_options(out, cli_verb_by_name(""));
}

/* --- topics --- */

static bool topic_command(struct buf *out, struct slice topic)
{
    if (topic.len && topic.ptr[0] == '/')
        topic = slice_skip(topic, 1);
    const struct console_command_info *c;
    for (size_t i = 0; (c = console_command_at(i)); i++) {
        if (!slice_eq(topic, slice_cstr(c->name)))
            continue;
        buf_printf(out, "/%s %s\n  %s\n", c->name, c->args, c->help);
        if (c->details)
            buf_printf(out, "%s\n", c->details);
        return true;
    }
    return false;
}

static bool topic_setting(struct buf *out, struct slice topic)
{
    enum setting_id id = setting_by_name(topic);
    if (id == SETTING_ID__COUNT)
        return false;
    const struct setting_info *info = setting_info(id);
    buf_printf(out, "%s %s\n  %s\n  default: %s\n", info->name, info->arg, info->help,
               *info->dflt ? info->dflt : "not set");
    return true;
}

static void list_commands(struct buf *out)
{
    const struct console_command_info *c;
    const char *group = "";
    for (size_t i = 0; (c = console_command_at(i)); i++) {
        if (strcmp(group, c->group) != 0) {
            group = c->group;
            buf_printf(out, "%s%s\n", i ? "\n" : "", group);
        }
        char left[80];
        snprintf(left, sizeof left, "/%s %s", c->name, c->args);
        buf_printf(out, "  %-34s%s\n", left, c->help);
    }
}

static void list_keys(struct buf *out)
{
    const struct ui_key_info *k;
    for (size_t i = 0; (k = ui_key_at(i)); i++)
        buf_printf(out, "  %-16s%-12s%-18s%s\n", k->key, k->where, k->command ? k->command : "",
                   k->help);
}

static void list_magic(struct buf *out)
{
    const struct magic_form *f;
    for (size_t i = 0; (f = magic_form_at(i)) && f->form; i++)
        buf_printf(out, "  %-24s%s\n", f->form, f->meaning);
}

static void list_status(struct buf *out)
{
    const struct cli_status_info *s;
    for (size_t i = 0; (s = cli_status_at(i))->meaning; i++)
        buf_printf(out, "  %-4d(sysexits %d)  %s\n", (int)s->status, s->sysexits, s->meaning);
}

static void list_filter(struct buf *out)
{
    for (int i = 0; i < FILTER__COUNT; i++) {
        const struct filter_field_info *f = filter_field_info((enum filter_field)i);
        buf_printf(out, "  %-12s%-24s%s\n", f->name, f->example, f->help);
    }
    buf_append_cstr(out, "  = != ~ !~ < <= > >=; and or not ( ), or & | !; doc/filter.md\n");
}

static void list_formats(struct buf *out)
{
    const struct export_format *f;
    for (size_t i = 0; (f = export_format_at(i)); i++)
        buf_printf(out, "  %-12s%s\n", f->name, f->help);
}

static void list_scenarios(struct buf *out)
{
    const struct scenario_builtin *b;
    for (size_t i = 0; (b = scenario_builtin_at(i)); i++) {
        struct err err;
        struct scenario *s = scenario_load(b->name, NULL, NULL, &err);
        buf_printf(out, "  %-22s%s\n", b->name, s && s->title ? s->title : "");
        scenario_free(&s);
    }
    buf_append_cstr(out, "  practice:NAME, /practice NAME, serve --scenario NAME; "
                         "doc/scenarios.md\n");
}

static const struct {
    const char *name;
    const char *help;
    void (*list)(struct buf *out);
} lists[] = {
    {"commands", "what can be typed in the console", list_commands},
    {"keys", "the keys of the screen", list_keys},
    {"magic", "practice addresses that misbehave on request", list_magic},
    {"status", "exit status of run and send", list_status},
    {"filter", "the filter language of find", list_filter},
    {"formats", "what export can write", list_formats},
    {"scenarios", "what the practice servers can do", list_scenarios},
};

static bool topic_text(struct buf *out, const char *topic)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strcmp(topic, lists[i].name) == 0) {
            buf_printf(out, "%s: %s\n", lists[i].name, lists[i].help);
            lists[i].list(out);
            return true;
        }
    const struct cli_verb *verb =
        strcmp(topic, "open") == 0 ? cli_verb_by_name("") : cli_verb_by_name(topic);
    if (verb) {
        one_verb(out, verb);
        return true;
    }
    return topic_command(out, slice_cstr(topic)) || topic_setting(out, slice_cstr(topic));
}

/* --- the man page (man(7)) --- */

/* roff: a leading dot or quote and every backslash and hyphen need care. */
static void roff(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool line_start = p == text || p[-1] == '\n';
        if (line_start && (*p == '.' || *p == '\''))
            buf_append_cstr(out, "\\&");
        if (*p == '\\')
            buf_append_cstr(out, "\\e");
        else if (*p == '-')
            buf_append_cstr(out, "\\-");
        else
            buf_append_octet(out, (uint8_t)*p);
    }
}

static void tagged(struct buf *out, const char *tag, const char *arg, const char *text)
{
    buf_append_cstr(out, ".TP\n.B ");
    roff(out, tag);
    if (arg && *arg) {
        buf_append_cstr(out, " \\fI");
        roff(out, arg);
        buf_append_cstr(out, "\\fR");
    }
    buf_append_octet(out, '\n');
    roff(out, text);
    buf_append_octet(out, '\n');
}

static void man_verbs(struct buf *out)
{
    const struct cli_verb *v;
    buf_append_cstr(out, ".SH SYNOPSIS\n");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        buf_append_cstr(out, i ? ".br\n.B smtpscope " : ".B smtpscope ");
        roff(out, v->name);
        buf_append_cstr(out, " \\fR[\\fIOPTIONS\\fR] \\fI");
        roff(out, v->args);
        buf_append_cstr(out, "\\fR\n");
    }
    buf_append_cstr(out, ".SH SUBCOMMANDS\n");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        buf_append_cstr(out, ".SS smtpscope ");
        roff(out, *v->name ? v->name : "(the console)");
        buf_append_octet(out, '\n');
        roff(out, v->help);
        buf_append_cstr(out, ".\n");
        roff(out, v->about);
        buf_append_octet(out, '\n');
        for (const struct cli_option *o = v->options; o && o->name; o++) {
            char tag[64];
            snprintf(tag, sizeof tag, "--%s", o->name);
            tagged(out, tag, o->arg, o->help);
        }
    }
}

static void man_settings(struct buf *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } wheres[] = {{OPT_OPEN, "console"}, {OPT_RUN, "run"},   {OPT_SEND, "send"},
                  {OPT_SERVE, "serve"},  {OPT_SHOW, "show"}, {SET_LIVE, "/set"}};
    buf_append_cstr(
        out,
        ".SH OPTIONS AND SETTINGS\nEach is an option of the subcommands named behind it, a line "
        "of the configuration file, and, where it says so, can be changed with /set. A switch is "
        "turned off with \\-\\-no\\-NAME.\n");
    for (int id = 0; id < SETTING_ID__COUNT; id++) {
        const struct setting_info *info = setting_info((enum setting_id)id);
        char tag[64];
        struct buf text;
        buf_init(&text, 4096);
        snprintf(tag, sizeof tag, "--%s", info->name);
        buf_printf(&text, "%s.", info->help);
        if (*info->dflt)
            buf_printf(&text, " Default: %s.", info->dflt);
        buf_append_cstr(&text, " (");
        bool first = true;
        for (size_t w = 0; w < sizeof wheres / sizeof wheres[0]; w++)
            if (info->where & wheres[w].bit) {
                buf_printf(&text, "%s%s", first ? "" : ", ", wheres[w].name);
                first = false;
            }
        buf_append_cstr(&text, ")");
        tagged(out, tag, info->type == SETTING_BOOL ? NULL : info->arg, buf_cstr(&text));
        buf_deinit(&text);
    }
}

static void man_commands(struct buf *out)
{
    const struct console_command_info *c;
    const char *group = "";
    buf_append_cstr(
        out,
        ".SH CONSOLE COMMANDS\nEverything typed goes to the server as it is, with CRLF behind it, "
        "unless it begins with /; //x sends /x.\n");
    for (size_t i = 0; (c = console_command_at(i)); i++) {
        if (strcmp(group, c->group) != 0) {
            group = c->group;
            buf_printf(out, ".SS %s\n", group);
        }
        char tag[64];
        struct buf text;
        buf_init(&text, 1 << 16);
        snprintf(tag, sizeof tag, "/%s", c->name);
        buf_printf(&text, "%s%s%s", c->help, c->details ? "\n" : "", c->details ? c->details : "");
        tagged(out, tag, c->args, buf_cstr(&text));
        buf_deinit(&text);
    }
}

static void man_lists(struct buf *out)
{
    const struct ui_key_info *k;
    buf_append_cstr(out, ".SH KEYS\n");
    for (size_t i = 0; (k = ui_key_at(i)); i++)
        tagged(out, k->key, k->where, k->help);
    buf_append_cstr(out, ".SH PRACTICE ADDRESSES\n");
    const struct magic_form *f;
    for (size_t i = 0; (f = magic_form_at(i)) && f->form; i++)
        tagged(out, f->form, NULL, f->meaning);
    const struct export_format *format;
    buf_append_cstr(out, ".SH EXPORT FORMATS\n");
    for (size_t i = 0; (format = export_format_at(i)); i++)
        tagged(out, format->name, NULL, format->help);
    buf_append_cstr(out, ".SH EXIT STATUS\n");
    const struct cli_status_info *s;
    for (size_t i = 0; (s = cli_status_at(i))->meaning; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "%d", (int)s->status);
        tagged(out, tag, NULL, s->meaning);
    }
}

static const struct {
    const char *name, *text;
} environment[] = {
    {"NO_COLOR", "When set and not empty: attributes instead of colours."},
    {"TERM", "The terminal; dumb means line by line."},
    {"SSLKEYLOGFILE", "TLS keys are appended to this file, and a note says so."},
    {"XDG_CONFIG_HOME", "smtpscope/config there holds settings, one `name value` a line."},
    {"XDG_STATE_HOME", "smtpscope/history (history-pop3, history-imap) there hold typed lines, "
                       "never secrets; screen the sizes of panes; "
                       "draft.eml what /compose wrote last."},
    {"NETRC", "Where machine, login and password are looked up; default ~/.netrc."},
    {"TMPDIR", "Where octets of long sessions are kept, in a file without a name."},
};

void cli_man(struct buf *out)
{
    buf_append_cstr(
        out,
        ".\\\" Written from the tables of the program: make doc.\n.TH SMTPSCOPE 1 \"\" \"" CLI_TOOL
        "\" \"User Commands\"\n.SH NAME\nsmtpscope \\- watch, drive and explain mail protocols in "
        "a "
        "terminal\n");
    man_verbs(out);
    buf_append_cstr(
        out,
        ".SH TARGET\n"
        "\\fBpractice\\fR is the built\\-in server. \\fIHOST\\fR, \\fIHOST:PORT\\fR, "
        "\\fI[V6]:PORT\\fR name a server; \\fIUSER@DOMAIN\\fR the domain's mail exchangers; "
        "\\fBunix:\\fIPATH\\fR a socket. URLs: smtp:// (25), submission:// (587), submissions:// "
        "and smtps:// (465), lmtp:// (24).\n");
    man_settings(out);
    man_commands(out);
    man_lists(out);
    buf_append_cstr(out, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++)
        tagged(out, environment[i].name, NULL, environment[i].text);
    buf_append_cstr(out, ".SH SEE ALSO\nThe pages in doc/: architecture, recording, events, "
                         "deviations, commands, keys.\n");
}

/* --- generated pages --- */

static void keys_markdown(struct buf *out)
{
    const struct ui_key_info *k;
    buf_append_cstr(out, "# Keys\n\nWritten from ui/keys.c by `make doc`.\n\n| key | where | runs "
                         "| what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; (k = ui_key_at(i)); i++)
        buf_printf(out, "| `%s` | %s | %s%s%s | %s |\n", k->key, k->where, k->command ? "`" : "",
                   k->command ? k->command : "", k->command ? "`" : "", k->help);
}

static void deviations_markdown(struct buf *out)
{
    smtp_rule_doc_markdown(out);
    pop3_rule_doc_markdown(out);
    imap_rule_doc_markdown(out);
}

static const struct {
    const char *file;
    void (*write)(struct buf *out);
} pages[] = {
    {"smtpscope.1", cli_man},
    {"events.md", event_doc_markdown},
    {"deviations.md", deviations_markdown},
    {"parameters.md", smtp_param_doc_markdown},
    {"commands.md", console_doc_markdown},
    {"keys.md", keys_markdown},
    {"filter.md", filter_doc_markdown},
    {"from-swaks.md", cli_swaks_markdown},
    {"scenarios.md", scenario_doc_markdown},
};

static bool write_page(const char *dir, size_t which, struct err *err)
{
    struct buf text;
    buf_init(&text, PAGE_MAX_OCTETS);
    pages[which].write(&text);
    char *path = mem_printf("%s/%s", dir, pages[which].file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    mem_free(path);
    buf_deinit(&text);
    return ok;
}

bool cli_generate(const char *dir, struct err *err)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (!write_page(dir, i, err))
            return false;
    return true;
}

int cli_help(const struct cli_args *args)
{
    const char *dir = cli_own(args, "generate", 0);
    struct err err;
    if (dir) {
        if (cli_generate(dir, &err))
            return CLI_OK;
        cli_say_err(&err);
        return CLI_USAGE;
    }
    struct buf text;
    buf_init(&text, PAGE_MAX_OCTETS);
    int status = CLI_OK;
    if (args->n_operands == 0) {
        cli_usage(&text, NULL);
        buf_append_cstr(&text,
                        "\nsmtpscope help TOPIC: a subcommand, a /command, a setting, or one of");
        for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
            buf_printf(&text, " %s", lists[i].name);
        buf_append_octet(&text, '\n');
    } else if (!topic_text(&text, args->operands[0])) {
        err_set(&err, ERR_USAGE, 0, "no help on %.60s; smtpscope help lists what there is",
                args->operands[0]);
        cli_say_err(&err);
        status = CLI_USAGE;
    }
    fwrite(text.ptr, 1, text.len, stdout);
    buf_deinit(&text);
    return status;
}
