/* Commands: tag, verb and, by verb, the arguments (RFC 9051 section 9, RFC 3501 section 9).
 *
 *     command = tag SP ["UID" SP] verb [SP arguments] CRLF
 */
#include "imap/imap_private.h"

#include "base/utf7.h"
#include "imap/limits.h"

typedef bool (*take_fn)(struct imap_cursor *c, bool utf8, struct imap_command *out);

static const struct {
    const char *name;
    unsigned bit;
} stats[] = {
    {"MESSAGES", IMAP_STAT_MESSAGES},
    {"RECENT", IMAP_STAT_RECENT},
    {"UIDNEXT", IMAP_STAT_UIDNEXT},
    {"UIDVALIDITY", IMAP_STAT_UIDVALIDITY},
    {"UNSEEN", IMAP_STAT_UNSEEN},
    {"DELETED", IMAP_STAT_DELETED},
    {"SIZE", IMAP_STAT_SIZE},
    {"HIGHESTMODSEQ", IMAP_STAT_HIGHESTMODSEQ},
    {"APPENDLIMIT", IMAP_STAT_APPENDLIMIT},
};

const char *imap_stat_name(unsigned bit)
{
    for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
        if (stats[i].bit == bit)
            return stats[i].name;
    return NULL;
}

/* ---- pieces ---- */

static bool sp_mailbox(struct imap_cursor *c, bool utf8, struct slice *out)
{
    return imap_take_sp(c) && imap_take_mailbox(c, utf8, out);
}

static bool take_nothing(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)c;
    (void)utf8;
    (void)out;
    return true;
}

static bool take_mailbox_only(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    return sp_mailbox(c, utf8, &out->mailbox);
}

static bool take_authenticate(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    if (!imap_take_sp(c) || !imap_take_atom(c, &out->mechanism))
        return false;
    if (!imap_take_sp(c))
        return true;
    /* RFC 4959 section 3: base64, or "=" for an empty one. It may be anything a person typed. */
    struct slice rest = imap_rest(c);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] > ' ' && rest.ptr[n] != 0x7f)
        n++;
    out->has_initial = n > 0;
    out->initial = slice_take(rest, n);
    c->at += n;
    return n > 0;
}

static bool take_login(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    return imap_take_sp(c) && imap_take_astring(c, &out->user) && imap_take_sp(c) &&
           imap_take_astring(c, &out->password);
}

static bool take_compress(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    (void)out;
    return imap_take_sp(c) && imap_take_word(c, "DEFLATE");
}

static bool take_words(struct imap_cursor *c, struct imap_command *out, bool strings, char end)
{
    struct imap_grow words = {.item_octets = sizeof(struct slice)};
    do {
        struct slice *word = imap_grow_add(c, &words);
        if (!word)
            return false;
        if (strings ? !imap_take_nstring(c, word) : !imap_take_astring(c, word))
            return false;
    } while (imap_take_sp(c));
    out->words = words.items;
    out->n_words = words.n;
    return end == 0 || imap_take_octet(c, end);
}

static bool take_enable(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    return imap_take_sp(c) && take_words(c, out, false, 0);
}

static bool take_id(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    if (!imap_take_sp(c))
        return false;
    if (imap_take_word(c, "NIL"))
        return true;
    if (!imap_take_octet(c, '('))
        return false;
    return imap_take_octet(c, ')') || take_words(c, out, true, ')');
}

static bool take_select(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    if (!sp_mailbox(c, utf8, &out->mailbox))
        return false;
    if (!imap_take_sp(c))
        return true;
    out->condstore = true; /* RFC 7162 section 3.1.8, the only parameter known */
    return imap_take_octet(c, '(') && imap_take_word(c, "CONDSTORE") && imap_take_octet(c, ')');
}

static bool take_create(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    struct imap_flags use;
    if (!sp_mailbox(c, utf8, &out->mailbox))
        return false;
    if (!imap_take_sp(c))
        return true;
    /* RFC 6154 section 3: CREATE mailbox (USE (\Sent)) */
    if (!imap_take_octet(c, '(') || !imap_take_word(c, "USE") || !imap_take_sp(c) ||
        !imap_take_flags(c, false, &use))
        return false;
    out->words = use.keywords;
    out->n_words = use.n_keywords;
    return imap_take_octet(c, ')');
}

static bool take_rename(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    return sp_mailbox(c, utf8, &out->mailbox) && sp_mailbox(c, utf8, &out->mailbox_new);
}

static bool take_stats(struct imap_cursor *c, unsigned *out)
{
    if (!imap_take_octet(c, '('))
        return false;
    do {
        size_t i = 0, n = sizeof(stats) / sizeof(stats[0]);
        while (i < n && !imap_take_word(c, stats[i].name))
            i++;
        if (i == n)
            return false;
        *out |= stats[i].bit;
    } while (imap_take_sp(c));
    return imap_take_octet(c, ')');
}

static bool take_status(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    return sp_mailbox(c, utf8, &out->mailbox) && imap_take_sp(c) &&
           take_stats(c, &out->status_items);
}

/* ---- LIST (RFC 9051 section 6.3.9) ---- */

static bool take_list_options(struct imap_cursor *c, bool returned, struct imap_command *out)
{
    static const struct {
        const char *word;
        bool returned;
        unsigned bit;
    } options[] = {
        {"SUBSCRIBED", false, IMAP_LIST_SUBSCRIBED},
        {"REMOTE", false, IMAP_LIST_REMOTE},
        {"RECURSIVEMATCH", false, IMAP_LIST_RECURSIVEMATCH},
        {"SPECIAL-USE", false, IMAP_LIST_SPECIAL_USE},
        {"SUBSCRIBED", true, IMAP_LIST_RETURN_SUBSCRIBED},
        {"CHILDREN", true, IMAP_LIST_RETURN_CHILDREN},
        {"SPECIAL-USE", true, IMAP_LIST_RETURN_SPECIAL_USE},
        {"STATUS", true, IMAP_LIST_RETURN_STATUS},
    };
    out->list_options |= IMAP_LIST_EXTENDED;
    if (imap_take_octet(c, ')'))
        return true;
    do {
        size_t i = 0, n = sizeof(options) / sizeof(options[0]);
        while (i < n && (options[i].returned != returned || !imap_take_word(c, options[i].word)))
            i++;
        if (i == n)
            return false;
        out->list_options |= options[i].bit;
        if (options[i].bit == IMAP_LIST_RETURN_STATUS &&
            !(imap_take_sp(c) && take_stats(c, &out->status_items)))
            return false;
    } while (imap_take_sp(c));
    return imap_take_octet(c, ')');
}

static bool take_pattern(struct imap_cursor *c, bool utf8, struct slice *out)
{
    struct buf name;
    if (!imap_take_pattern(c, out))
        return false;
    if (utf8 || slice_find_octet(*out, '&') < 0)
        return true;
    /* The wildcards of a pattern are plain in modified UTF-7, too. */
    buf_init(&name, 2 * IMAP_CAP_MAILBOX_OCTETS);
    if (out->len <= IMAP_CAP_MAILBOX_OCTETS && utf7_decode(&name, *out))
        *out = arena_dup(c->arena, buf_slice(&name));
    else
        c->rules |= IMAP_BIT(MAILBOX_NAME);
    buf_deinit(&name);
    return true;
}

static bool take_patterns(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    struct imap_grow patterns = {.item_octets = sizeof(struct slice)};
    bool list = imap_take_octet(c, '(');
    do {
        struct slice *pattern = imap_grow_add(c, &patterns);
        if (!pattern || !take_pattern(c, utf8, pattern))
            return false;
    } while (list && imap_take_sp(c));
    if (list)
        out->list_options |= IMAP_LIST_EXTENDED;
    out->patterns = patterns.items;
    out->n_patterns = patterns.n;
    return !list || imap_take_octet(c, ')');
}

static bool take_list(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    if (!imap_take_sp(c))
        return false;
    if (imap_take_octet(c, '(') && !(take_list_options(c, false, out) && imap_take_sp(c)))
        return false;
    if (!imap_take_mailbox(c, utf8, &out->reference) || !imap_take_sp(c) ||
        !take_patterns(c, utf8, out))
        return false;
    if (!imap_take_sp(c))
        return true;
    return imap_take_word(c, "RETURN") && imap_take_sp(c) && imap_take_octet(c, '(') &&
           take_list_options(c, true, out);
}

static bool take_lsub(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    return imap_take_sp(c) && imap_take_mailbox(c, utf8, &out->reference) && imap_take_sp(c) &&
           take_patterns(c, utf8, out);
}

/* ---- APPEND (RFC 9051 section 6.3.12; UTF8 of RFC 6855 section 4) ---- */

/* Up to where the message's literal begins. *wrapped_out: in UTF8 ( ). */
static bool take_append_head(struct imap_cursor *c, bool utf8, struct imap_command *out,
                             bool *wrapped_out)
{
    if (!sp_mailbox(c, utf8, &out->mailbox) || !imap_take_sp(c))
        return false;
    if (imap_take_flags(c, false, &out->flags) && !imap_take_sp(c))
        return false;
    out->has_date = imap_take_date_time(c, &out->date);
    if (out->has_date && !imap_take_sp(c))
        return false;
    *wrapped_out = imap_take_word(c, "UTF8");
    return !*wrapped_out || (imap_take_sp(c) && imap_take_octet(c, '('));
}

static bool take_append(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    bool wrapped = false;
    return take_append_head(c, utf8, out, &wrapped) && imap_take_literal(c, &out->message) &&
           (!wrapped || imap_take_octet(c, ')'));
}

/* ---- quota (RFC 9208) ---- */

static bool take_quota(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    return imap_take_sp(c) && take_words(c, out, false, 0);
}

static bool take_setquota(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    if (!imap_take_sp(c) || !imap_take_astring(c, &out->mailbox) || !imap_take_sp(c) ||
        !imap_take_octet(c, '('))
        return false;
    return imap_take_octet(c, ')') || take_words(c, out, false, ')');
}

/* ---- messages ---- */

static bool sp_set(struct imap_cursor *c, struct imap_command *out)
{
    return imap_take_sp(c) && imap_take_set(c, &out->set);
}

static bool take_expunge(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    return !out->uid || sp_set(c, out);
}

static bool take_search(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    return imap_take_search(c, out);
}

static bool take_fetch(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    if (!sp_set(c, out) || !imap_take_sp(c) || !imap_take_fetch_items(c, out))
        return false;
    if (!imap_take_sp(c))
        return true;
    out->condstore = out->has_modseq = true;
    return imap_take_octet(c, '(') && imap_take_word(c, "CHANGEDSINCE") && imap_take_sp(c) &&
           imap_take_number(c, INT64_MAX, &out->modseq) && imap_take_octet(c, ')');
}

static bool take_store(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    (void)utf8;
    if (!sp_set(c, out) || !imap_take_sp(c))
        return false;
    if (imap_take_octet(c, '(')) {
        out->condstore = out->has_modseq = true;
        if (!imap_take_word(c, "UNCHANGEDSINCE") || !imap_take_sp(c) ||
            !imap_take_number(c, INT64_MAX, &out->modseq) || !imap_take_octet(c, ')') ||
            !imap_take_sp(c))
            return false;
    }
    if (imap_take_octet(c, '+'))
        out->store_op = IMAP_STORE_ADD;
    else if (imap_take_octet(c, '-'))
        out->store_op = IMAP_STORE_REMOVE;
    out->silent = imap_take_word(c, "FLAGS.SILENT");
    return (out->silent || imap_take_word(c, "FLAGS")) && imap_take_sp(c) &&
           imap_take_flags(c, true, &out->flags);
}

static bool take_copy(struct imap_cursor *c, bool utf8, struct imap_command *out)
{
    return sp_set(c, out) && sp_mailbox(c, utf8, &out->mailbox);
}

static const take_fn takers[IMAP_VERB__COUNT] = {
    [IMAP_VERB_CAPABILITY] = take_nothing,
    [IMAP_VERB_NOOP] = take_nothing,
    [IMAP_VERB_LOGOUT] = take_nothing,
    [IMAP_VERB_ID] = take_id,
    [IMAP_VERB_STARTTLS] = take_nothing,
    [IMAP_VERB_AUTHENTICATE] = take_authenticate,
    [IMAP_VERB_LOGIN] = take_login,
    [IMAP_VERB_ENABLE] = take_enable,
    [IMAP_VERB_SELECT] = take_select,
    [IMAP_VERB_EXAMINE] = take_select,
    [IMAP_VERB_CREATE] = take_create,
    [IMAP_VERB_DELETE] = take_mailbox_only,
    [IMAP_VERB_RENAME] = take_rename,
    [IMAP_VERB_SUBSCRIBE] = take_mailbox_only,
    [IMAP_VERB_UNSUBSCRIBE] = take_mailbox_only,
    [IMAP_VERB_LIST] = take_list,
    [IMAP_VERB_LSUB] = take_lsub,
    [IMAP_VERB_NAMESPACE] = take_nothing,
    [IMAP_VERB_STATUS] = take_status,
    [IMAP_VERB_APPEND] = take_append,
    [IMAP_VERB_IDLE] = take_nothing,
    [IMAP_VERB_GETQUOTA] = take_quota,
    [IMAP_VERB_GETQUOTAROOT] = take_mailbox_only,
    [IMAP_VERB_SETQUOTA] = take_setquota,
    [IMAP_VERB_CHECK] = take_nothing,
    [IMAP_VERB_CLOSE] = take_nothing,
    [IMAP_VERB_UNSELECT] = take_nothing,
    [IMAP_VERB_COMPRESS] = take_compress,
    [IMAP_VERB_EXPUNGE] = take_expunge,
    [IMAP_VERB_SEARCH] = take_search,
    [IMAP_VERB_FETCH] = take_fetch,
    [IMAP_VERB_STORE] = take_store,
    [IMAP_VERB_COPY] = take_copy,
    [IMAP_VERB_MOVE] = take_copy,
};

/* ---- the whole ---- */

static imap_rules octet_rules(const struct imap_text *text)
{
    imap_rules rules = 0;
    struct slice s = text->octets;
    if (s.len > 0 && slice_find_octet(s, 0) >= 0)
        rules |= IMAP_BIT(NUL);
    for (size_t i = 0; i + 1 < s.len; i++)
        if (s.ptr[i] == '\r' && s.ptr[i + 1] != '\n') {
            rules |= IMAP_BIT(BARE_CR);
            break;
        }
    return rules;
}

/* Tag, UID and verb; the cursor stands behind them. */
static void take_head(struct imap_cursor *c, struct imap_command *out)
{
    if (!imap_take_tag(c, &out->tag) || !imap_take_sp(c)) {
        out->rules |= IMAP_BIT(TAG);
        out->tag = slice_of(NULL, 0);
        return;
    }
    size_t start = c->at;
    if (imap_take_word(c, "UID") && imap_take_sp(c) && imap_take_atom(c, &out->verb_text)) {
        out->verb = imap_verb_by_name(out->verb_text);
        out->uid = imap_verb_info(out->verb)->uid;
        if (out->uid)
            return;
    }
    c->at = start;
    if (imap_take_atom(c, &out->verb_text))
        out->verb = imap_verb_by_name(out->verb_text);
}

void imap_command_head(const struct imap_text *text, struct imap_command *out)
{
    struct imap_cursor c;
    *out = (struct imap_command){.text = *text};
    imap_cursor_init(&c, text, NULL);
    take_head(&c, out);
}

void imap_command_parse(const struct imap_text *text, bool utf8, struct arena *arena,
                        struct imap_command *out)
{
    struct imap_cursor c;
    *out = (struct imap_command){.text = *text};
    imap_cursor_init(&c, text, arena);
    out->rules |= octet_rules(text);
    take_head(&c, out);
    if (out->tag.len == 0)
        return;
    if (out->verb == IMAP_VERB_UNKNOWN) {
        out->rules |= out->verb_text.len > 0 ? IMAP_BIT(COMMAND_UNKNOWN) : IMAP_BIT(COMMAND_SYNTAX);
        return;
    }
    out->well_formed = takers[out->verb](&c, utf8, out) && imap_at_end(&c);
    out->rules |= c.rules;
    if (text->cut)
        out->rules |= IMAP_BIT(TEXT_CAP);
    if (text->cut || c.rules & (IMAP_BIT(NUMBER) | IMAP_BIT(TEXT_CAP)))
        out->well_formed = false;
    if (!out->well_formed && !text->cut)
        out->rules |= IMAP_BIT(COMMAND_SYNTAX);
}

bool imap_append_at_message(const struct imap_text *text, bool utf8, struct arena *arena,
                            struct imap_command *out)
{
    struct imap_cursor c;
    struct imap_command head = {.text = *text};
    bool wrapped = false;
    imap_cursor_init(&c, text, arena);
    take_head(&c, &head);
    if (head.verb != IMAP_VERB_APPEND || !take_append_head(&c, utf8, &head, &wrapped))
        return false;
    imap_take_octet(&c, '~');
    if (!imap_take_octet(&c, '{'))
        return false;
    if (out)
        *out = head;
    return true;
}
