/* Search keys (RFC 9051 section 6.4.4, RFC 5032, RFC 7162) as a tree.
 *
 * Nested keys are read with a stack of our own, so that a million "NOT" or "(" cost no more than
 * the named limit: IMAP_CAP_SEARCH_NESTING.
 */
#include "imap/imap_private.h"

#include "imap/limits.h"

enum key_shape {
    SHAPE_NONE,
    SHAPE_TEXT,
    SHAPE_FIELD, /* .field is fixed by the word, the text follows */
    SHAPE_HEADER,
    SHAPE_DATE,
    SHAPE_NUMBER,
    SHAPE_KEYWORD,
    SHAPE_UID,
    SHAPE_MODSEQ,
    SHAPE_NOT,
    SHAPE_OR
};

static const struct {
    const char *word;
    enum imap_search kind;
    enum key_shape shape;
    uint32_t number; /* FLAG: its bit */
    bool wanted;
    const char *field;
} words[] = {
    {"ALL", IMAP_SEARCH_ALL, SHAPE_NONE, 0, true, NULL},
    {"ANSWERED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_ANSWERED, true, NULL},
    {"DELETED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_DELETED, true, NULL},
    {"DRAFT", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_DRAFT, true, NULL},
    {"FLAGGED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_FLAGGED, true, NULL},
    {"RECENT", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_RECENT, true, NULL},
    {"SEEN", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_SEEN, true, NULL},
    {"UNANSWERED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_ANSWERED, false, NULL},
    {"UNDELETED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_DELETED, false, NULL},
    {"UNDRAFT", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_DRAFT, false, NULL},
    {"UNFLAGGED", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_FLAGGED, false, NULL},
    {"UNSEEN", IMAP_SEARCH_FLAG, SHAPE_NONE, IMAP_FLAG_SEEN, false, NULL},
    {"NEW", IMAP_SEARCH_NEW, SHAPE_NONE, 0, true, NULL},
    {"OLD", IMAP_SEARCH_OLD, SHAPE_NONE, 0, true, NULL},
    {"KEYWORD", IMAP_SEARCH_KEYWORD, SHAPE_KEYWORD, 0, true, NULL},
    {"UNKEYWORD", IMAP_SEARCH_KEYWORD, SHAPE_KEYWORD, 0, false, NULL},
    {"BCC", IMAP_SEARCH_HEADER, SHAPE_FIELD, 0, true, "Bcc"},
    {"CC", IMAP_SEARCH_HEADER, SHAPE_FIELD, 0, true, "Cc"},
    {"FROM", IMAP_SEARCH_HEADER, SHAPE_FIELD, 0, true, "From"},
    {"SUBJECT", IMAP_SEARCH_HEADER, SHAPE_FIELD, 0, true, "Subject"},
    {"TO", IMAP_SEARCH_HEADER, SHAPE_FIELD, 0, true, "To"},
    {"HEADER", IMAP_SEARCH_HEADER, SHAPE_HEADER, 0, true, NULL},
    {"BODY", IMAP_SEARCH_BODY, SHAPE_TEXT, 0, true, NULL},
    {"TEXT", IMAP_SEARCH_TEXT, SHAPE_TEXT, 0, true, NULL},
    {"BEFORE", IMAP_SEARCH_BEFORE, SHAPE_DATE, 0, true, NULL},
    {"ON", IMAP_SEARCH_ON, SHAPE_DATE, 0, true, NULL},
    {"SINCE", IMAP_SEARCH_SINCE, SHAPE_DATE, 0, true, NULL},
    {"SENTBEFORE", IMAP_SEARCH_SENTBEFORE, SHAPE_DATE, 0, true, NULL},
    {"SENTON", IMAP_SEARCH_SENTON, SHAPE_DATE, 0, true, NULL},
    {"SENTSINCE", IMAP_SEARCH_SENTSINCE, SHAPE_DATE, 0, true, NULL},
    {"LARGER", IMAP_SEARCH_LARGER, SHAPE_NUMBER, 0, true, NULL},
    {"SMALLER", IMAP_SEARCH_SMALLER, SHAPE_NUMBER, 0, true, NULL},
    {"OLDER", IMAP_SEARCH_OLDER, SHAPE_NUMBER, 0, true, NULL},
    {"YOUNGER", IMAP_SEARCH_YOUNGER, SHAPE_NUMBER, 0, true, NULL},
    {"UID", IMAP_SEARCH_UID, SHAPE_UID, 0, true, NULL},
    {"MODSEQ", IMAP_SEARCH_MODSEQ, SHAPE_MODSEQ, 0, true, NULL},
    {"NOT", IMAP_SEARCH_NOT, SHAPE_NOT, 0, true, NULL},
    {"OR", IMAP_SEARCH_OR, SHAPE_OR, 0, true, NULL},
};

/* A key whose inner keys are being read. */
struct level {
    struct imap_search_key *key;
    const struct imap_search_key **tail; /* where the next inner key is hung */
    unsigned want;                       /* inner keys still due; 0: up to the ")" */
};

static bool sp_astring(struct imap_cursor *c, struct slice *out)
{
    return imap_take_sp(c) && imap_take_astring(c, out);
}

/* MODSEQ [entry-name entry-type] number: the names are read over. */
static bool take_modseq(struct imap_cursor *c, struct imap_search_key *key)
{
    struct slice word;
    if (!imap_take_sp(c))
        return false;
    if (imap_take_quoted(c, &word) &&
        !(imap_take_sp(c) && imap_take_atom(c, &word) && imap_take_sp(c)))
        return false;
    return imap_take_number(c, INT64_MAX, &key->number);
}

/* What stands behind a word. */
static bool take_shape(struct imap_cursor *c, enum key_shape shape, struct imap_search_key *key)
{
    switch (shape) {
    case SHAPE_TEXT:
    case SHAPE_FIELD:
        return sp_astring(c, &key->text);
    case SHAPE_HEADER:
        return sp_astring(c, &key->field) && sp_astring(c, &key->text);
    case SHAPE_DATE:
        return imap_take_sp(c) && imap_take_date(c, &key->days);
    case SHAPE_NUMBER:
        return imap_take_sp(c) && imap_take_number(c, INT64_MAX, &key->number);
    case SHAPE_KEYWORD:
        return imap_take_sp(c) && imap_take_atom(c, &key->text);
    case SHAPE_UID:
        return imap_take_sp(c) && imap_take_set(c, &key->set);
    case SHAPE_MODSEQ:
        return take_modseq(c, key);
    case SHAPE_NONE:
    case SHAPE_NOT:
    case SHAPE_OR:
        break;
    }
    return true;
}

/* A key without its inner keys. *want_out: how many of those follow; -1: up to ")". */
static bool take_key(struct imap_cursor *c, struct imap_search_key *key, int *want_out)
{
    *want_out = 0;
    if (imap_take_octet(c, '(')) {
        key->kind = IMAP_SEARCH_AND;
        *want_out = -1;
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!imap_take_word(c, words[i].word))
            continue;
        key->kind = words[i].kind;
        key->number = words[i].number;
        key->wanted = words[i].wanted;
        if (words[i].field)
            key->field = slice_cstr(words[i].field);
        *want_out = words[i].shape == SHAPE_NOT ? 1 : words[i].shape == SHAPE_OR ? 2 : 0;
        return (*want_out == 0 || imap_take_sp(c)) && take_shape(c, words[i].shape, key);
    }
    key->kind = IMAP_SEARCH_SET;
    return imap_take_set(c, &key->set);
}

/* A key is whole: so may be those around it. False: the syntax does not hold. */
static bool close_levels(struct imap_cursor *c, struct level *levels, size_t *depth)
{
    while (*depth > 0) {
        struct level *l = &levels[*depth - 1];
        if (l->want > 1) {
            l->want--;
            return imap_take_sp(c);
        }
        if (l->want == 0 && !imap_take_octet(c, ')'))
            return imap_take_sp(c);
        (*depth)--;
    }
    return true;
}

static bool take_keys(struct imap_cursor *c, struct imap_search_key *root)
{
    struct level levels[IMAP_CAP_SEARCH_NESTING] = {{NULL, NULL, 0}};
    const struct imap_search_key **root_tail = &root->first;
    size_t depth = 0, n = 0;
    do {
        struct imap_search_key *key = arena_alloc(c->arena, sizeof(*key));
        int want = 0;
        if (++n > IMAP_CAP_ITEMS) {
            c->rules |= IMAP_BIT(ITEMS);
            return false;
        }
        if (!take_key(c, key, &want))
            return false;
        const struct imap_search_key ***tail = depth ? &levels[depth - 1].tail : &root_tail;
        **tail = key;
        *tail = &key->next;
        if (want != 0) {
            if (depth == IMAP_CAP_SEARCH_NESTING) {
                c->rules |= IMAP_BIT(NESTING);
                return false;
            }
            levels[depth++] = (struct level){key, &key->first, want > 0 ? (unsigned)want : 0};
            continue;
        }
        if (!close_levels(c, levels, &depth))
            return false;
    } while (depth > 0 || imap_take_sp(c));
    return true;
}

static bool take_return(struct imap_cursor *c, unsigned *out)
{
    static const struct {
        const char *word;
        unsigned bit;
    } options[] = {{"MIN", IMAP_RETURN_MIN},
                   {"MAX", IMAP_RETURN_MAX},
                   {"ALL", IMAP_RETURN_ALL},
                   {"COUNT", IMAP_RETURN_COUNT},
                   {"SAVE", IMAP_RETURN_SAVE}};
    if (!imap_take_sp(c) || !imap_take_octet(c, '('))
        return false;
    *out = IMAP_RETURN_GIVEN;
    if (imap_take_octet(c, ')')) {
        *out |= IMAP_RETURN_ALL;
        return true;
    }
    do {
        size_t i = 0, n = sizeof(options) / sizeof(options[0]);
        while (i < n && !imap_take_word(c, options[i].word))
            i++;
        if (i == n)
            return false;
        *out |= options[i].bit;
    } while (imap_take_sp(c));
    return imap_take_octet(c, ')');
}

/* [SP "RETURN" SP "(" ... ")"] [SP "CHARSET" SP charset] 1*(SP search-key) */
bool imap_take_search(struct imap_cursor *c, struct imap_command *out)
{
    struct imap_search_key *root = arena_alloc(c->arena, sizeof(*root));
    root->kind = IMAP_SEARCH_AND;
    root->wanted = true;
    if (!imap_take_sp(c))
        return false;
    if (imap_take_word(c, "RETURN") && !(take_return(c, &out->search_return) && imap_take_sp(c)))
        return false;
    if (imap_take_word(c, "CHARSET") && !(sp_astring(c, &out->charset) && imap_take_sp(c)))
        return false;
    if (!take_keys(c, root))
        return false;
    out->search = root;
    return true;
}
