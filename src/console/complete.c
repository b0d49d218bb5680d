/* Tab: what may stand here. Verbs that are in order now, parameters the server offered, addresses
 * seen, commands and their arguments, files.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "console/complete_private.h"
#include "console/tongue.h"
#include "imap/verb.h"
#include "smtp/param.h"

enum { CANDIDATES_MAX = 500 };

void console_completion_deinit(struct console_completion *out)
{
    for (size_t i = 0; i < out->n_items; i++)
        mem_free(out->items[i].text);
    mem_free(out->items);
    *out = (struct console_completion){0};
}

void complete_add(struct console_completion *out, const char *text, const char *help, bool no_space)
{
    if (out->n_items == CANDIDATES_MAX)
        return;
    for (size_t i = 0; i < out->n_items; i++)
        if (strcmp(out->items[i].text, text) == 0)
            return;
    out->items = mem_realloc(out->items, (out->n_items + 1) * sizeof *out->items);
    out->items[out->n_items++] =
        (struct console_candidate){.text = mem_strdup(text), .help = help, .no_space = no_space};
}

static void add_if(struct console_completion *out, struct slice word, const char *text,
                   const char *help, bool no_space)
{
    if (slice_starts_nocase(slice_cstr(text), word))
        complete_add(out, text, help, no_space);
}

/* --- arguments of /commands --- */

static void add_words(struct console_completion *out, struct slice word, const char *words)
{
    char one[64];
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, "|");
        snprintf(one, sizeof one, "%.*s", (int)(n < 60 ? n : 60), p);
        add_if(out, word, one, NULL, false);
        p += n + (p[n] == '|');
    }
}

static void add_files(struct console_completion *out, struct slice word)
{
    char *typed = mem_slice_dup(word);
    char *slash = strrchr(typed, '/');
    const char *base = slash ? slash + 1 : typed;
    char *dir =
        slash ? mem_slice_dup(slice_of(typed, (size_t)(slash - typed) + 1)) : mem_strdup("");
    DIR *d = opendir(*dir ? dir : ".");
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (strncmp(entry->d_name, base, strlen(base)) != 0 ||
            (entry->d_name[0] == '.' && base[0] != '.'))
            continue;
        char *path = mem_printf("%s%s", dir, entry->d_name);
        struct stat st;
        bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        char *text = mem_printf("%s%s", path, folder ? "/" : "");
        complete_add(out, text, NULL, folder);
        mem_free(text);
        mem_free(path);
    }
    if (d)
        closedir(d);
    mem_free(dir);
    mem_free(typed);
}

static void add_settings(struct console_completion *out, struct slice before, struct slice word)
{
    struct slice name = slice_next_word(&before); /* the command itself */
    name = slice_next_word(&before);
    if (name.len == 0) {
        for (int id = 0; id < SETTING_ID__COUNT; id++)
            add_if(out, word, setting_info((enum setting_id)id)->name,
                   setting_info((enum setting_id)id)->help, false);
        return;
    }
    enum setting_id id = setting_by_name(name);
    if (id == SETTING_ID__COUNT)
        return;
    if (setting_info(id)->type == SETTING_WORD)
        add_words(out, word, setting_info(id)->arg);
    else if (setting_info(id)->type == SETTING_BOOL)
        add_words(out, word, "on|off");
}

static void add_topics(struct console_completion *out, struct slice word)
{
    const struct console_command *e;
    for (size_t i = 0; (e = console_command_entry(i)); i++)
        add_if(out, word, e->info.name, e->info.help, false);
    for (int v = 0; v < SMTP_VERB__COUNT; v++)
        if (smtp_verb_info((enum smtp_verb)v)->typed)
            add_if(out, word, smtp_verb_name((enum smtp_verb)v),
                   smtp_verb_info((enum smtp_verb)v)->help, false);
    for (int id = 0; id < SETTING_ID__COUNT; id++)
        add_if(out, word, setting_info((enum setting_id)id)->name,
               setting_info((enum setting_id)id)->help, false);
}

static void add_scenarios(struct console_completion *out, struct slice word, const char *before)
{
    const struct scenario_builtin *b;
    char text[80];
    for (size_t i = 0; (b = scenario_builtin_at(i)); i++) {
        snprintf(text, sizeof text, "%s%s", before, b->name);
        add_if(out, word, text, NULL, false);
    }
}

static void add_museum(struct console_completion *out, struct slice word)
{
    const struct museum_info *info;
    for (int i = 0; (info = museum_info((enum museum_id)i)); i++) {
        char target[40];
        snprintf(target, sizeof target, "practice:%s", info->name);
        add_if(out, word, target, info->title, false);
    }
}

static void add_targets(struct console_completion *out, struct slice word)
{
    add_if(out, word, "practice", "the built-in server", false);
    if (slice_starts_nocase(word, SLICE_LIT("practice:")))
        add_scenarios(out, word, "practice:");
    if (slice_starts_nocase(word, SLICE_LIT("practice:")))
        add_museum(out, word);
    add_if(out, word, "unix:", "a unix socket", true);
    for (int s = 0; s < SERVICE__COUNT; s++) {
        char url[40];
        if (target_service_info((enum target_service)s)->protocol == PROTOCOL_MUSEUM)
            continue;
        snprintf(url, sizeof url, "%s://", target_service_info((enum target_service)s)->scheme);
        add_if(out, word, url, target_service_info((enum target_service)s)->help, true);
    }
    const struct target_preset *p;
    for (size_t i = 0; (p = target_preset_at(i)); i++)
        if (strcmp(p->protocol, "smtp") == 0)
            add_if(out, word, p->name, p->host, false);
}

static void add_list(struct console_completion *out, struct slice word, struct slice list)
{
    for (struct slice one = slice_next_word(&list); one.len; one = slice_next_word(&list)) {
        char *name = mem_slice_dup(one);
        add_if(out, word, name, NULL, false);
        mem_free(name);
    }
}

static void add_mechanisms(struct console *c, struct console_completion *out, struct slice word)
{
    const struct track *t = console_tracker(c);
    struct slice offered;
    if (t && track_mechanisms(t, &offered))
        add_list(out, word, offered);
}

static void add_addresses(struct console *c, struct console_completion *out, struct slice word,
                          const char *prefix, const char *suffix)
{
    for (size_t i = 0; i < c->n_addresses; i++) {
        char *text = mem_printf("%s%s%s", prefix, c->addresses[i], suffix);
        add_if(out, word, text, "seen before", false);
        mem_free(text);
    }
}

static void complete_command(struct console *c, struct slice line, struct slice before,
                             struct slice word, struct console_completion *out)
{
    if (slice_trim(before).len == 0) {
        const struct console_command *e;
        for (size_t i = 0; (e = console_command_entry(i)); i++) {
            char name[64];
            snprintf(name, sizeof name, "/%s", e->info.name);
            add_if(out, word, name, e->info.help, false);
        }
        return;
    }
    struct slice rest = slice_skip(line, 1);
    const struct console_command *e = console_command_find(slice_next_word(&rest));
    if (!e)
        return;
    switch (e->arg_kind) {
    case ARG_NONE:
        break;
    case ARG_FILE:
        add_files(out, word);
        break;
    case ARG_TARGET:
        add_targets(out, word);
        break;
    case ARG_SETTING:
        add_settings(out, before, word);
        break;
    case ARG_TOPIC:
        add_topics(out, word);
        break;
    case ARG_WORDS:
        add_words(out, word, e->words);
        break;
    case ARG_ADDRESS:
        add_addresses(c, out, word, "", "");
        break;
    case ARG_MECH:
        add_mechanisms(c, out, word);
        break;
    case ARG_MAILBOX:
        complete_mailboxes(c, word, out);
        break;
    case ARG_IMAP_WORDS:
        complete_imap_words(e->words, word, out);
        break;
    case ARG_SCENARIO:
        add_scenarios(out, word, "");
        add_files(out, word);
        break;
    }
}

/* --- what goes to the server --- */

/* Verbs whose arguments begin with a fixed text complete up to it. */
static const struct {
    enum smtp_verb verb;
    const char *text;
} openings[] = {{SMTP_VERB_MAIL, "MAIL FROM:<"}, {SMTP_VERB_RCPT, "RCPT TO:<"}};

static const char *opening(enum smtp_verb verb)
{
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++)
        if (openings[i].verb == verb)
            return openings[i].text;
    return NULL;
}

static void complete_verb(const struct smtp_track *t, struct slice word,
                          struct console_completion *out)
{
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        const struct smtp_verb_info *info = smtp_verb_info((enum smtp_verb)v);
        if (!info->typed || (t && !smtp_verb_in_order((enum smtp_verb)v, smtp_track_state(t))))
            continue;
        if (t && info->extension && !smtp_track_offers(t, info->extension, NULL))
            continue;
        const char *text = opening((enum smtp_verb)v);
        add_if(out, word, text ? text : info->name, info->help, text != NULL);
    }
}

/* "SIZE=" where a value is to come, "RET=FULL" and "RET=HDRS" where it is one of few words,
 * "SMTPUTF8" itself. */
static void add_param(struct console_completion *out, struct slice word,
                      const struct smtp_param_info *p)
{
    char text[80];
    bool words = strcmp(p->syntax, "words") == 0 || strcmp(p->syntax, "notify") == 0;
    bool opens = *p->value && !words;
    if (!words) {
        snprintf(text, sizeof text, "%s%s", p->name, opens ? "=" : "");
        add_if(out, word, text, p->help, opens);
        return;
    }
    for (const char *v = p->value; *v;) {
        size_t n = strcspn(v, "|");
        snprintf(text, sizeof text, "%s=%.*s", p->name, (int)(n < 40 ? n : 40), v);
        add_if(out, word, text, p->help, false);
        v += n + (v[n] == '|');
    }
}

/* What the server offered stands first; before it said anything, or where nothing of it fits what
 * is typed, all that are known. */
static void complete_params(const struct smtp_track *t, enum smtp_verb verb, struct slice word,
                            struct console_completion *out)
{
    const struct smtp_param_info *p;
    for (size_t i = 0; t && (p = smtp_param_at(i)); i++)
        if (smtp_param_find(verb, slice_cstr(p->name)) == p &&
            smtp_track_offers(t, p->extension, NULL))
            add_param(out, word, p);
    if (out->n_items > 0 || word.len == 0)
        return;
    for (size_t i = 0; (p = smtp_param_at(i)); i++)
        if (smtp_param_find(verb, slice_cstr(p->name)) == p)
            add_param(out, word, p);
}

static void complete_smtp(struct console *c, struct slice line, struct slice before,
                          struct slice word, struct console_completion *out)
{
    const struct smtp_track *t = track_smtp(console_tracker(c));
    if (slice_trim(before).len == 0) {
        complete_verb(t, word, out);
        return;
    }
    struct slice rest = line;
    enum smtp_verb verb = smtp_verb_by_name(slice_next_word(&rest));
    if (verb == SMTP_VERB_MAIL || verb == SMTP_VERB_RCPT) {
        const char *prefix = verb == SMTP_VERB_MAIL ? "FROM:<" : "TO:<";
        if (slice_find_octet(before, '>') >= 0) {
            complete_params(t, verb, word, out);
        } else {
            add_addresses(c, out, word, prefix, ">");
            add_if(out, word, prefix, NULL, true);
        }
    } else if (verb == SMTP_VERB_AUTH) {
        add_mechanisms(c, out, word);
    } else if (verb == SMTP_VERB_EHLO || verb == SMTP_VERB_HELO || verb == SMTP_VERB_LHLO) {
        add_if(out, word, console_helo_name(c), "our name", false);
    } else if (verb == SMTP_VERB_HELP) {
        complete_verb(NULL, word, out);
    }
}

/* --- POP3 and IMAP --- */

struct adding {
    struct console_completion *out;
    struct slice word;
};

static void add_verb(void *ctx, const char *text, const char *help)
{
    struct adding *a = ctx;
    add_if(a->out, a->word, text, help, false);
}

static void complete_tongue(struct console *c, const struct track *t, struct slice before,
                            struct slice word, struct console_completion *out)
{
    struct adding a = {out, word};
    struct slice rest = before;
    /* IMAP: a tag may stand in front. */
    struct slice first = slice_next_word(&rest);
    bool tagged = first.len > 0 && slice_trim(rest).len == 0 && track_imap(t) &&
                  imap_verb_by_name(first) == IMAP_VERB_UNKNOWN &&
                  !slice_eq_nocase(first, SLICE_LIT("UID"));
    bool at_verb = first.len == 0 || tagged;
    struct slice mechanisms;
    if (track_expects(t) != TRACK_EXPECTS_COMMAND)
        return;
    if (at_verb)
        tongue_complete(t, word, add_verb, &a);
    else if (track_mechanisms(t, &mechanisms) &&
             slice_starts_nocase(slice_trim(before), SLICE_LIT("AUTH")))
        add_list(out, word, mechanisms);
    else if (track_imap(t))
        complete_imap(c, before, word, out);
}

void console_complete(struct console *c, struct slice line, size_t cursor_octets,
                      struct console_completion *out)
{
    *out = (struct console_completion){0};
    if (cursor_octets > line.len)
        cursor_octets = line.len;
    size_t start = cursor_octets;
    while (start > 0 && line.ptr[start - 1] != ' ' && line.ptr[start - 1] != '\t')
        start--;
    out->word_start = start;
    struct slice before = slice_take(line, start);
    struct slice word = slice_of(line.ptr + start, cursor_octets - start);
    const struct track *t = console_tracker(c);
    if (line.len && line.ptr[0] == '/' && !slice_starts(line, SLICE_LIT("//")))
        complete_command(c, line, before, word, out);
    else if (t && !track_smtp(t))
        complete_tongue(c, t, before, word, out);
    else if (!t || track_expects(t) == TRACK_EXPECTS_COMMAND)
        complete_smtp(c, line, before, word, out);
}
