/* Hints and completion for POP3 and IMAP. */
#include "console/tongue.h"

#include "engine/imap_track.h"
#include "engine/pop3_track.h"
#include "imap/verb.h"
#include "pop3/verb.h"

/* ---- the tables ---- */

static bool imap_offered(const struct imap_track *t, const char *list)
{
    if (!list || !imap_track_caps_known(t))
        return true;
    struct slice rest = slice_cstr(list);
    for (struct slice one = slice_next_word(&rest); one.len; one = slice_next_word(&rest)) {
        char *name = mem_slice_dup(one);
        bool found = imap_track_offers(t, name);
        mem_free(name);
        if (found)
            return true;
    }
    return false;
}

static bool imap_verb_at(const struct track *t, size_t index, struct tongue_verb *out)
{
    if (index >= IMAP_VERB__COUNT)
        return false;
    const struct imap_verb_info *info = imap_verb_info((enum imap_verb)index);
    const struct imap_track *imap = track_imap(t);
    *out = (struct tongue_verb){.name = info->typed ? info->name : NULL,
                                .grammar = info->grammar,
                                .help = info->help,
                                .rfc = info->rfc};
    out->now = imap && imap_verb_in_order((enum imap_verb)index, imap_track_state(imap)) &&
               imap_offered(imap, info->capability);
    return true;
}

static bool pop3_verb_at(const struct track *t, size_t index, struct tongue_verb *out)
{
    if (index >= POP3_VERB__COUNT)
        return false;
    const struct pop3_verb_info *info = pop3_verb_info((enum pop3_verb)index);
    const struct pop3_track *pop3 = track_pop3(t);
    *out = (struct tongue_verb){.name = info->typed ? info->name : NULL,
                                .grammar = info->grammar,
                                .help = info->help,
                                .rfc = info->rfc};
    /* A server that was never asked for its capabilities may have any of them. */
    out->now =
        pop3 && pop3_verb_in_order((enum pop3_verb)index, pop3_track_state(pop3)) &&
        (!info->capability || !pop3_track_caps_known(pop3) || track_offers(t, info->capability));
    return true;
}

static bool (*const rows[PROTOCOL__COUNT])(const struct track *, size_t, struct tongue_verb *) = {
    [PROTOCOL_POP3] = pop3_verb_at,
    [PROTOCOL_IMAP] = imap_verb_at,
};

bool tongue_verb_at(const struct track *t, size_t index, struct tongue_verb *out)
{
    return rows[track_protocol(t)] && rows[track_protocol(t)](t, index, out);
}

/* ---- hints ---- */

/* The word that names the command: the first, or the one behind an IMAP tag or UID. */
static bool find_verb(const struct track *t, struct slice line, struct tongue_verb *out,
                      struct slice *rest_out)
{
    struct slice rest = line;
    for (int words = 0; words < 3; words++) {
        struct slice word = slice_next_word(&rest);
        if (word.len == 0)
            return false;
        for (size_t i = 0; tongue_verb_at(t, i, out); i++)
            if (out->name && slice_eq_nocase(word, slice_cstr(out->name))) {
                *rest_out = rest;
                return true;
            }
    }
    return false;
}

static void info_now(const struct track *t, struct console_hint *out)
{
    struct tongue_verb v;
    buf_append_cstr(&out->info, "allowed now:");
    for (size_t i = 0; tongue_verb_at(t, i, &v); i++)
        if (v.name && v.now)
            buf_printf(&out->info, " %s", v.name);
}

static void ghost_verb(const struct track *t, struct slice word, struct console_hint *out)
{
    struct tongue_verb v, only = {0};
    for (size_t i = 0; tongue_verb_at(t, i, &v); i++) {
        if (!v.name || !v.now || !slice_starts_nocase(slice_cstr(v.name), word))
            continue;
        if (only.name)
            return;
        only = v;
    }
    if (only.name)
        buf_printf(&out->ghost, "%s%s", only.name + word.len, only.grammar);
}

static const char *special(enum track_expects expects)
{
    static const char *const words[] = {
        [TRACK_EXPECTS_SECRET] = "base64 for the server's challenge; * gives up. Hidden in the "
                                 "recording",
        [TRACK_EXPECTS_REST] = "the command goes on behind its literal; an empty line ends it",
        [TRACK_EXPECTS_IDLE] = "IDLE: the server tells what happens; DONE (or /idle) ends it "
                               "(RFC 2177)",
        [TRACK_EXPECTS_TLS] = "TLS handshake",
        [TRACK_EXPECTS_NOTHING] = "the server is closing",
    };
    return (size_t)expects < sizeof words / sizeof words[0] ? words[expects] : NULL;
}

/* What would be wrong with the line; with a tag in front, as it would be sent. */
static void lint_imap(const struct imap_track *t, struct slice line, struct console_hint *out)
{
    struct buf text;
    struct arena arena;
    struct imap_command command;
    struct slice rest = line;
    bool no_tag = imap_verb_by_name(slice_next_word(&rest)) != IMAP_VERB_UNKNOWN;
    buf_init(&text, CONSOLE_LINE_MAX_OCTETS + 16);
    buf_printf(&text, "%s%.*s\r\n", no_tag ? "a1 " : "", SLICE_ARG(line));
    arena_init(&arena);
    const struct imap_text whole = {.octets = buf_slice(&text)};
    imap_command_parse(&whole, imap_track_utf8(t), &arena, &command);
    imap_rules rules = imap_track_lint(t, &command);
    for (int r = 0; r < IMAP_RULE__COUNT; r++)
        if (rules & IMAP_RULE_BIT(r)) {
            buf_reset(&out->lint);
            buf_printf(&out->lint, "%s (%s)", imap_rule_meaning((enum imap_rule)r),
                       imap_rule_rfc((enum imap_rule)r));
            break;
        }
    arena_deinit(&arena);
    buf_deinit(&text);
}

void tongue_hint(const struct track *t, struct slice line, struct console_hint *out)
{
    struct tongue_verb v;
    struct slice rest;
    const char *words = special(track_expects(t));
    if (track_expects(t) == TRACK_EXPECTS_LITERAL) {
        unsigned long long left = imap_track_literal_left(track_imap(t));
        buf_printf(&out->info,
                   "%llu octets of the literal are left; this line is %zu with its CRLF", left,
                   line.len + 2);
        if (line.len + 2 > left)
            buf_printf(&out->lint, "the literal ends inside this line: what is behind it is read "
                                   "as the rest of the command");
        return;
    }
    if (words) {
        buf_append_cstr(&out->info, words);
        return;
    }
    if (!find_verb(t, line, &v, &rest)) {
        if (line.len && slice_find_octet(line, ' ') < 0)
            ghost_verb(t, line, out);
        info_now(t, out);
        return;
    }
    if (slice_trim(rest).len == 0 && v.grammar[0])
        buf_append_cstr(&out->ghost,
                        v.grammar + (line.ptr[line.len - 1] == ' ' && v.grammar[0] == ' '));
    buf_printf(&out->info, "%s · %s", v.help, v.rfc);
    if (!v.now)
        buf_printf(&out->lint, "%s is out of order now, or not offered", v.name);
    /* While the arguments are being begun nothing is said about them. */
    if (track_imap(t) && slice_trim(rest).len > 0)
        lint_imap(track_imap(t), line, out);
}

/* ---- completion, help ---- */

void tongue_complete(const struct track *t, struct slice word,
                     void (*add)(void *ctx, const char *text, const char *help), void *ctx)
{
    struct tongue_verb v;
    for (size_t i = 0; tongue_verb_at(t, i, &v); i++)
        if (v.name && v.now && slice_starts_nocase(slice_cstr(v.name), word))
            add(ctx, v.name, v.help);
}

static bool pop3_help(struct slice topic, struct buf *out)
{
    enum pop3_verb verb = pop3_verb_by_name(topic);
    if (verb == POP3_VERB_UNKNOWN || !pop3_verb_info(verb)->typed)
        return false;
    const struct pop3_verb_info *info = pop3_verb_info(verb);
    buf_printf(out, "%s%s   (POP3)\n  %s\n  %s\n", info->name, info->grammar, info->help,
               info->rfc);
    return true;
}

static bool imap_help(struct slice topic, struct buf *out)
{
    enum imap_verb verb = imap_verb_by_name(topic);
    if (verb == IMAP_VERB_UNKNOWN || !imap_verb_info(verb)->typed)
        return false;
    const struct imap_verb_info *info = imap_verb_info(verb);
    buf_printf(out, "%s%s   (IMAP)\n  %s\n  %s\n", info->name, info->grammar, info->help,
               info->rfc);
    if (info->capability)
        buf_printf(out, "  needs one of: %s\n", info->capability);
    return true;
}

bool tongue_help(struct slice topic, struct buf *out)
{
    bool pop3 = pop3_help(topic, out);
    return imap_help(topic, out) || pop3;
}
