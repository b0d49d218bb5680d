/* The command line: a subcommand, settings as options, the subcommand's own options, operands.
 *
 * Long options only, but for -4 -6 -h; "--name value" and "--name=value"; a switch takes no value,
 * and "--no-name" turns it off. "--" ends the options. What a secret could be in (an URL's
 * password) never reaches command_line.
 */
#include "cli/cli.h"

#include <string.h>

#include "base/userinfo.h"

struct parse {
    int argc;
    char **argv;
    int at;
    struct cli_args *out;
    struct err *err;
};

static const struct {
    const char *shortcut;
    const char *name;
} shortcuts[] = {
    {"-4", "--ipv4"}, {"-6", "--ipv6"}, {"-h", "--help"}, {"-V", "--version"}, {"-o", "--output"}};

static const char *expand(const char *word)
{
    for (size_t i = 0; i < sizeof shortcuts / sizeof shortcuts[0]; i++)
        if (strcmp(word, shortcuts[i].shortcut) == 0)
            return shortcuts[i].name;
    return word;
}

static bool unknown_option(struct parse *p, struct slice name)
{
    const char *names[SETTING_ID__COUNT + CLI_OWN_OPTIONS_MAX];
    size_t n = 0;
    for (int id = 0; id < SETTING_ID__COUNT; id++)
        if (setting_info((enum setting_id)id)->where & p->out->verb->settings)
            names[n++] = setting_info((enum setting_id)id)->name;
    for (const struct cli_option *o = p->out->verb->options; o && o->name; o++)
        names[n++] = o->name;
    char *typed = mem_slice_dup(name);
    const char *near = nearest_word(typed, names, n);
    const char *verb = p->out->verb->name;
    if (near)
        err_set(p->err, ERR_USAGE, 0, "no option --%.60s here; did you mean --%s?", typed, near);
    else
        err_set(p->err, ERR_USAGE, 0, "no option --%.60s here; see smtpscope help %s", typed,
                *verb ? verb : "open");
    mem_free(typed);
    return false;
}

/* The option's value: behind "=", or the next word. */
static bool take_value(struct parse *p, struct slice name, const char *behind_eq, const char *arg,
                       const char **value_out)
{
    if (behind_eq) {
        *value_out = behind_eq;
        return true;
    }
    if (p->at + 1 >= p->argc) {
        err_set(p->err, ERR_USAGE, 0, "--%.*s wants %s behind it", SLICE_ARG(slice_take(name, 60)),
                arg);
        return false;
    }
    *value_out = p->argv[++p->at];
    return true;
}

static bool set_switch(struct parse *p, enum setting_id id, const char *value)
{
    return settings_set(p->out->settings, id, value, p->err);
}

static bool parse_setting(struct parse *p, enum setting_id id, struct slice name,
                          const char *behind_eq)
{
    const struct setting_info *info = setting_info(id);
    const char *value;
    if (info->type == SETTING_BOOL)
        return set_switch(p, id, behind_eq ? behind_eq : "on");
    return take_value(p, name, behind_eq, info->arg, &value) &&
           settings_set(p->out->settings, id, value, p->err);
}

static bool parse_own(struct parse *p, const struct cli_option *o, struct slice name,
                      const char *behind_eq)
{
    const char *value = "";
    if (!o->arg && behind_eq) {
        err_set(p->err, ERR_USAGE, 0, "--%s takes no value", o->name);
        return false;
    }
    if (o->arg && !take_value(p, name, behind_eq, o->arg, &value))
        return false;
    if (p->out->n_own == CLI_OWN_OPTIONS_MAX) {
        err_set(p->err, ERR_USAGE, 0, "more than %d options; leave some out", CLI_OWN_OPTIONS_MAX);
        return false;
    }
    p->out->own[p->out->n_own].option = o;
    p->out->own[p->out->n_own++].value = value;
    return true;
}

static bool parse_option(struct parse *p)
{
    const char *word = expand(p->argv[p->at]) + 2;
    const char *eq = strchr(word, '=');
    struct slice name = slice_of(word, eq ? (size_t)(eq - word) : strlen(word));
    const char *behind_eq = eq ? eq + 1 : NULL;

    if (slice_eq(name, SLICE_LIT("help")))
        return p->out->want_help = true;
    if (slice_eq(name, SLICE_LIT("version")))
        return p->out->want_version = true;
    for (const struct cli_option *o = p->out->verb->options; o && o->name; o++)
        if (slice_eq(name, slice_cstr(o->name)))
            return parse_own(p, o, name, behind_eq);
    enum setting_id id = setting_by_name(name);
    if (id != SETTING_ID__COUNT && (setting_info(id)->where & p->out->verb->settings))
        return parse_setting(p, id, name, behind_eq);
    if (slice_starts(name, SLICE_LIT("no-")) && !behind_eq) {
        id = setting_by_name(slice_skip(name, 3));
        if (id != SETTING_ID__COUNT && setting_info(id)->type == SETTING_BOOL &&
            (setting_info(id)->where & p->out->verb->settings))
            return set_switch(p, id, "off");
    }
    if (slice_eq(name, SLICE_LIT("password"))) {
        err_set(p->err, ERR_USAGE, 0,
                "a password on the command line is seen by everyone on this machine; use "
                "--password-command, netrc, or wait for the prompt");
        return false;
    }
    return unknown_option(p, name);
}

static bool add_operand(struct parse *p, const char *word)
{
    if (p->out->n_operands >= p->out->verb->max_operands) {
        struct buf shown;
        buf_init(&shown, 4096);
        userinfo_mask(slice_cstr(word), &shown);
        err_set(p->err, ERR_USAGE, 0, "%.60s is one word too many; see smtpscope help %s",
                buf_cstr(&shown), *p->out->verb->name ? p->out->verb->name : "open");
        buf_deinit(&shown);
        return false;
    }
    p->out->operands[p->out->n_operands++] = word;
    return true;
}

/* One word as it may be shown; true: something of it was a secret. */
static bool put_masked(int argc, char *const *argv, int at, struct buf *out)
{
    const char *before = at > 0 && at < argc ? argv[at - 1] : "";
    bool proxy = strcmp(before, "--proxy") == 0;
    struct slice word = slice_cstr(at == 0 ? "smtpscope" : argv[at]);
    /* "echo PASSWORD" is one, too. */
    static const char *const commands[] = {"--password-command", "--token-command"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t n = strlen(commands[i]);
        bool joined =
            slice_starts(word, slice_cstr(commands[i])) && word.len > n && word.ptr[n] == '=';
        if (!joined && strcmp(before, commands[i]) != 0)
            continue;
        buf_append(out, slice_take(word, joined ? n + 1 : 0));
        buf_append_cstr(out, "***");
        return true;
    }
    if (slice_starts(word, SLICE_LIT("--proxy="))) {
        buf_append(out, slice_take(word, 8));
        word = slice_skip(word, 8);
        proxy = true;
    }
    return (proxy ? userinfo_mask_url : userinfo_mask)(word, out);
}

static char *command_line_of(int argc, char **argv)
{
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            buf_append_octet(&text, ' ');
        put_masked(argc, argv, i, &text);
    }
    char *line = mem_strdup(buf_cstr(&text));
    buf_deinit(&text);
    return line;
}

static void add_word(struct cli_words *w, const char *word)
{
    w->words = mem_realloc(w->words, (w->n_words + 2) * sizeof *w->words);
    w->words[w->n_words++] = mem_strdup(word);
    w->words[w->n_words] = NULL;
}

/* The system shows argv to everyone (ps): words with a secret in them are blotted out there, and
 * only our copy has them. */
static void hide_words(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct buf shown;
        size_t n = strlen(argv[i]);
        buf_init(&shown, 2 * n + 64);
        if (put_masked(argc, argv, i, &shown))
            memset(argv[i], '*', n);
        buf_deinit(&shown);
    }
}

/* "-ERR ..." of POP3 is pasted behind explain, and is no option of anybody. */
static bool is_status(const char *word)
{
    return strncmp(word, "-ERR", 4) == 0 && (word[4] == '\0' || word[4] == ' ');
}

bool cli_parse(int argc, char **argv, struct cli_args *out, struct err *err)
{
    *out = (struct cli_args){.settings = out->settings, .verb = cli_verb_by_name("")};
    struct parse p = {.argc = argc, .argv = argv, .at = 1, .out = out, .err = err};
    const struct cli_verb *verb = argc > 1 && *argv[1] ? cli_verb_by_name(argv[1]) : NULL;

    out->command_line = command_line_of(argc, argv);
    for (int i = 0; i < argc; i++)
        add_word(&out->given, argv[i]);
    hide_words(argc, argv);
    p.argv = argv = out->given.words;
    if (verb) {
        out->verb = verb;
        p.at = 2;
    }
    if (verb && verb->run == cli_send) {
        if (!cli_swaks(argc, argv, p.at, &out->words, err))
            return false;
        p.argc = argc = (int)out->words.n_words;
        p.argv = argv = out->words.words;
    }
    bool options_over = false;
    for (; p.at < argc; p.at++) {
        const char *word = expand(argv[p.at]);
        if (!options_over && strcmp(word, "--") == 0)
            options_over = true;
        else if (!options_over && word[0] == '-' && word[1] == '-') {
            if (!parse_option(&p))
                return false;
        } else if (!options_over && word[0] == '-' && word[1] && !is_status(word)) {
            err_set(err, ERR_USAGE, 0,
                    "no option %.60s; options are written --name, see smtpscope help", word);
            return false;
        } else if (!add_operand(&p, word)) {
            return false;
        }
    }
    return true;
}

void cli_args_deinit(struct cli_args *args)
{
    cli_words_deinit(&args->words);
    cli_words_deinit(&args->given);
    mem_free(args->command_line);
    args->command_line = NULL;
}

const char *cli_own(const struct cli_args *args, const char *name, int nth)
{
    for (int i = 0; i < args->n_own; i++)
        if (strcmp(args->own[i].option->name, name) == 0 && nth-- == 0)
            return args->own[i].value;
    return NULL;
}
