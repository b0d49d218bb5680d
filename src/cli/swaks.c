/* swaks' option names for `smtpscope send`: scripts move over by changing the name of the program.
 *
 * A table turns each of them into the options and the target of this program, before those are
 * parsed; what both call the same passes as it is. doc/from-swaks.md is made from the same table.
 */
#include "cli/cli.h"

#include <string.h>
#include <strings.h>

enum kind {
    SAME,   /* no argument there nor here */
    VALUE,  /* one argument, passed on */
    LIST,   /* several in one argument, separated by commas: one option each */
    STAGE,  /* the name of a stage, which may differ */
    MAYBE,  /* an argument may follow; else .fixed */
    FIXED,  /* no argument there; here .fixed */
    SERVER, /* parts of the target */
    PORT,
    PROTOCOL,
    SOCKET,
    PIPE,
    TLS_ON_CONNECT,
    DATA,
    HEADER_NAME, /* --h-NAME VALUE: any name behind the dashes */
    NOTHING,     /* this program does it anyway, or has nothing to do */
    REFUSED,     /* said no to, with .note as the reason */
};
struct row {
    const char *names; /* separated by spaces, with their dashes */
    enum kind kind;
    const char *ours; /* without dashes; NULL: none */
    const char *fixed;
    const char *note;
};

static const struct row rows[] = {
    {"--server -s", SERVER, NULL, NULL,
     "becomes TARGET; without it the recipient's mail exchangers"},
    {"--port -p", PORT, NULL, NULL,
     "becomes part of TARGET; 587 means submission, 465 submissions"},
    {"--protocol", PROTOCOL, NULL, NULL,
     "SMTP: --hello helo; SMTPS, the same inside TLS; SSMTP: TARGET submissions://; LMTP: "
     "lmtp://; ESMTPS LMTPS: --tls must; A at the end: --auth any"},
    {"--socket", SOCKET, NULL, NULL, "TARGET unix:PATH"},
    {"--pipe", PIPE, NULL, NULL, "TARGET pipe:COMMAND"},
    {"--to -t", LIST, "to", NULL, ""},
    {"--from -f", VALUE, "from", NULL, "<> is the null path"},
    {"--helo --ehlo --lhlo", VALUE, "name", NULL, ""},
    {"--auth -a", MAYBE, "auth", "any", ""},
    {"--auth-user -au", VALUE, "user", NULL, ""},
    {"--auth-password -ap", REFUSED, NULL, NULL,
     "a password on the command line is seen by everyone on this machine; use "
     "--password-command, netrc, or wait for the prompt"},
    {"--tls-optional -tlso", FIXED, "tls", "try", "the default here"},
    {"-tls", FIXED, "tls", "must", "--tls without a value is the same"},
    {"--tls-on-connect -tlsc --tlsc", TLS_ON_CONNECT, NULL, NULL, "TARGET submissions://"},
    {"--tls-verify", FIXED, "verify", "full",
     "the default here; swaks checks nothing unless told: --verify none"},
    {"--tls-cert", VALUE, "cert", NULL, ""},
    {"--tls-key", VALUE, "key", NULL, ""},
    {"--tls-ca-path", VALUE, "ca", NULL, ""},
    {"--tls-sni", VALUE, "sni", NULL, ""},
    {"--tls-cipher", VALUE, "ciphers", NULL, ""},
    {"--data -d", DATA, "data", NULL, "TEXT, @FILE, or - for standard input"},
    {"--header --add-header", VALUE, "header", NULL, ""},
    {"--h-NAME", HEADER_NAME, "header", NULL, "--h-Subject TEXT is --header \"Subject: TEXT\""},
    {"--body", VALUE, "body", NULL, ""},
    {"--attach", VALUE, "attach", NULL, "@FILE or FILE"},
    {"--quit-after --quit -q", STAGE, "quit-after", NULL, ""},
    {"--drop-after -da", STAGE, "drop-after", NULL, ""},
    {"--pipeline", SAME, "pipeline", NULL, ""},
    {"--prdr", SAME, "prdr", NULL, "asked for whether offered or not"},
    {"--local-interface --source-interface -li", VALUE, "source", NULL, ""},
    {"--xclient", VALUE, "xclient", NULL, "also --xclient-ATTR: one string of attributes here"},
    {"--timeout", VALUE, "timeout", NULL, ""},
    {"--silent -S", SAME, "quiet", NULL, ""},
    {"--hide-all -ha", SAME, "quiet", NULL, ""},
    {"--suppress-data -n", NOTHING, NULL, NULL, "the transcript shows all; --quiet shows none"},
    {"--copy-routing", REFUSED, NULL, NULL, "not here; name the target: smtpscope send HOST"},
};

struct translation {
    struct cli_words *out;
    char *server, *port;
    const char *scheme; /* of the target; NULL: by the port */
    char *whole;        /* a target of another kind */
    char *first_to;
    bool stdin_message;
    bool used; /* something of swaks' own was said */
    struct err *err;
};

/* ---- words ---- */

static void add(struct translation *t, char *word)
{
    struct cli_words *w = t->out;
    w->words = mem_realloc(w->words, (w->n_words + 2) * sizeof *w->words);
    w->words[w->n_words++] = word;
    w->words[w->n_words] = NULL;
}

static void add_option(struct translation *t, const char *name, const char *value)
{
    add(t, value ? mem_printf("--%s=%s", name, value) : mem_printf("--%s", name));
}

void cli_words_deinit(struct cli_words *w)
{
    for (size_t i = 0; i < w->n_words; i++) {
        mem_wipe(w->words[i], strlen(w->words[i])); /* an URL may hold a password */
        mem_free(w->words[i]);
    }
    mem_free(w->words);
    *w = (struct cli_words){0};
}

static bool name_in(const char *names, struct slice word)
{
    struct slice rest = slice_cstr(names);
    for (struct slice one = slice_next_word(&rest); one.len; one = slice_next_word(&rest))
        if (slice_eq(one, word))
            return true;
    return false;
}

static const struct row *find(struct slice word)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (name_in(rows[i].names, word))
            return &rows[i];
    bool named = slice_starts(word, SLICE_LIT("--h-")) && word.len > 4;
    for (size_t i = 0; named && i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].kind == HEADER_NAME)
            return &rows[i];
    return NULL;
}

/* ---- values that differ ---- */

static const struct {
    const char *theirs, *ours;
} stages[] = {
    {"from", "mail"},         {"to", "rcpt"},         {"helo", "ehlo"},
    {"first-helo", "ehlo"},   {"first-ehlo", "ehlo"}, {"rcptto", "rcpt"},
    {"mailfrom", "mail"},     {"ehlo", "ehlo"},       {"banner", "banner"},
    {"connect", "connect"},   {"proxy", "connect"},   {"xclient", "ehlo"},
    {"mail", "mail"},         {"rcpt", "rcpt"},       {"data", "data"},
    {"dot", "dot"},           {"auth", "auth"},       {"tls", "tls"},
    {"starttls", "starttls"},
};

static const char *stage(const char *value)
{
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (strcasecmp(value, stages[i].theirs) == 0)
            return stages[i].ours;
    return value;
}

static void add_list(struct translation *t, const char *name, const char *value)
{
    while (*value) {
        size_t n = strcspn(value, ",");
        if (n > 0) {
            char *one = mem_printf("%.*s", (int)n, value);
            add_option(t, name, one);
            if (!t->first_to)
                t->first_to = mem_strdup(one);
            mem_free(one);
        }
        value += n + (value[n] == ',');
    }
}

/* What each name of a protocol sets, as swaks' manual has it. */
static const struct {
    const char *name, *scheme; /* NULL: by the port */
    bool helo, tls, auth;
} protocols[] = {
    {"SMTP", NULL, true, false, false},
    {"SMTPS", "submissions", true, false, false},
    {"SSMTP", "submissions", false, false, false},
    {"SSMTPA", "submissions", false, false, true},
    {"ESMTP", NULL, false, false, false},
    {"ESMTPA", NULL, false, false, true},
    {"ESMTPS", NULL, false, true, false},
    {"ESMTPSA", NULL, false, true, true},
    {"LMTP", "lmtp", false, false, false},
    {"LMTPA", "lmtp", false, false, true},
    {"LMTPS", "lmtp", false, true, false},
    {"LMTPSA", "lmtp", false, true, true},
};

static bool take_protocol(struct translation *t, const char *value)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (strcasecmp(value, protocols[i].name) != 0)
            continue;
        if (protocols[i].scheme)
            t->scheme = protocols[i].scheme;
        if (protocols[i].helo)
            add_option(t, "hello", "helo");
        if (protocols[i].tls)
            add_option(t, "tls", "must");
        if (protocols[i].auth)
            add_option(t, "auth", "any");
        return true;
    }
    err_set(t->err, ERR_USAGE, 0, "--protocol %.40s is not known", value);
    err_explain(t->err, "nothing was sent",
                "SMTP SMTPS SSMTP SSMTPA ESMTP ESMTPA ESMTPS ESMTPSA LMTP LMTPA LMTPS LMTPSA");
    return false;
}

static bool take(struct translation *t, const struct row *r, struct slice name, const char *value)
{
    t->used = true;
    switch (r->kind) {
    case SAME:
        add_option(t, r->ours, NULL);
        break;
    case FIXED:
        add_option(t, r->ours, r->fixed);
        break;
    case VALUE:
        add_option(t, r->ours, strcmp(r->ours, "attach") == 0 && *value == '@' ? value + 1 : value);
        break;
    case MAYBE:
        add_option(t, r->ours, value ? value : r->fixed);
        break;
    case LIST:
        add_list(t, r->ours, value);
        break;
    case STAGE:
        add_option(t, r->ours, stage(value));
        break;
    case SERVER:
        mem_free(t->server);
        t->server = mem_strdup(value);
        break;
    case PORT:
        mem_free(t->port);
        t->port = mem_strdup(value);
        break;
    case PROTOCOL:
        return take_protocol(t, value);
    case SOCKET:
    case PIPE:
        mem_free(t->whole);
        t->whole = mem_printf("%s:%s", r->kind == PIPE ? "pipe" : "unix", value);
        break;
    case TLS_ON_CONNECT:
        t->scheme = "submissions";
        break;
    case DATA:
        if (strcmp(value, "-") == 0)
            t->stdin_message = true;
        else
            add_option(t, r->ours, value);
        break;
    case HEADER_NAME: {
        char *field = mem_printf("%.*s: %s", SLICE_ARG(slice_skip(name, 4)), value);
        add_option(t, r->ours, field);
        mem_free(field);
        break;
    }
    case NOTHING:
        break;
    case REFUSED:
        err_set(t->err, ERR_USAGE, 0, "%.*s: %s", SLICE_ARG(name), r->note);
        return false;
    }
    return true;
}

static bool wants_value(enum kind kind)
{
    return kind != SAME && kind != FIXED && kind != TLS_ON_CONNECT && kind != NOTHING &&
           kind != MAYBE;
}

/* ---- the whole line ---- */

/* Is what stands behind --tls its value? An option, a target or nothing is not. */
static bool is_tls_value(const char *word)
{
    return word && word[0] != '-' && !strpbrk(word, ".:@/") && strcmp(word, "practice") != 0;
}

/* One word at *at; what is none of swaks' own passes. */
static bool one_word(struct translation *t, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *eq = word[0] == '-' && word[1] == '-' ? strchr(word, '=') : NULL;
    struct slice name = eq ? slice_of(word, (size_t)(eq - word)) : slice_cstr(word);
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    /* --tls means "must" where no value of ours follows. */
    if (slice_eq(name, SLICE_LIT("--tls")) && !eq && !is_tls_value(next)) {
        add_option(t, "tls", "must");
        return true;
    }
    const struct row *r = word[0] == '-' ? find(name) : NULL;
    if (!r) {
        add(t, mem_strdup(word));
        return true;
    }
    const char *value = eq ? eq + 1 : NULL;
    bool may = r->kind == MAYBE && next && next[0] != '-';
    if (!value && (wants_value(r->kind) || may)) {
        if (!next) {
            err_set(t->err, ERR_USAGE, 0, "%.*s wants a value behind it", SLICE_ARG(name));
            return false;
        }
        value = next;
        ++*at;
    }
    return take(t, r, name, value);
}

static char *target_of(const struct translation *t)
{
    if (t->whole)
        return mem_strdup(t->whole);
    if (!t->server)
        return t->first_to ? mem_strdup(t->first_to) : NULL;
    bool v6 = strchr(t->server, ':') != strrchr(t->server, ':') && t->server[0] != '[';
    return mem_printf("%s%s%s%s%s%s%s", t->scheme ? t->scheme : "", t->scheme ? "://" : "",
                      v6 ? "[" : "", t->server, v6 ? "]" : "", t->port ? ":" : "",
                      t->port ? t->port : "");
}

/* Does a word stand where TARGET would? Values of options are joined to them by now. */
static bool has_operand(const struct cli_words *w, size_t from)
{
    for (size_t i = from; i < w->n_words; i++)
        if (w->words[i][0] != '-')
            return true;
    return false;
}

bool cli_swaks(int argc, char **argv, int from, struct cli_words *out, struct err *err)
{
    struct translation t = {.out = out, .err = err};
    *out = (struct cli_words){0};
    bool ok = true, options_over = false;
    for (int i = 0; i < from; i++)
        add(&t, mem_strdup(argv[i]));
    for (int i = from; ok && i < argc; i++) {
        options_over = options_over || strcmp(argv[i], "--") == 0;
        if (options_over)
            add(&t, mem_strdup(argv[i]));
        else
            ok = one_word(&t, argc, argv, &i);
    }
    char *target = ok && t.used ? target_of(&t) : NULL;
    bool named = t.server || t.whole;
    if (target && (named || !has_operand(out, (size_t)from))) {
        /* In front of the operands that were given: those are FILE. */
        add(&t, NULL);
        size_t at = (size_t)from;
        memmove(&out->words[at + 1], &out->words[at], (out->n_words - 1 - at) * sizeof *out->words);
        out->words[at] = target;
        target = NULL;
    }
    mem_free(target);
    if (ok && t.stdin_message)
        add(&t, mem_strdup("-"));
    mem_free(t.server);
    mem_free(t.port);
    mem_free(t.whole);
    mem_free(t.first_to);
    return ok;
}

/* ---- doc/from-swaks.md ---- */

void cli_swaks_markdown(struct buf *out)
{
    buf_append_cstr(out,
                    "# From swaks\n\n"
                    "`smtpscope send` takes the names of swaks' options, so a script moves over by "
                    "changing the name of the program. Exit statuses are swaks' numbers. This page "
                    "is made from the table the program uses.\n\n"
                    "| swaks | here | remarks |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct slice rest = slice_cstr(r->names);
        buf_append_cstr(out, "| ");
        bool first = true;
        for (struct slice one = slice_next_word(&rest); one.len; one = slice_next_word(&rest)) {
            buf_printf(out, "%s`%.*s`", first ? "" : " ", SLICE_ARG(one));
            first = false;
        }
        buf_append_cstr(out, " | ");
        if (r->ours)
            buf_printf(out, "`--%s%s%s`", r->ours, r->fixed ? " " : "", r->fixed ? r->fixed : "");
        else
            buf_append_cstr(out, r->kind == REFUSED   ? "refused"
                                 : r->kind == NOTHING ? "nothing to do"
                                                      : "`TARGET`");
        buf_append_cstr(out, " | ");
        for (const char *p = r->note ? r->note : ""; *p; p++)
            buf_printf(out, "%s%c", *p == '|' ? "\\" : "", *p);
        buf_append_cstr(out, " |\n");
    }
    buf_append_cstr(
        out, "\nWhat differs: certificates are checked unless `--verify none` is said; STARTTLS is "
             "used where it is offered unless `--tls none` is said; a password is never taken from "
             "the command line; after a refused transaction RSET is said before QUIT.\n");
}
