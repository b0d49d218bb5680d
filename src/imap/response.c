/* Responses (RFC 9051 section 7).
 *
 *     response  = "+" [SP text] CRLF / (tag / "*") SP status SP ["[" code [SP args] "]" SP] text
 * CRLF / "*" SP [number SP] type [SP data] CRLF
 */
#include "imap/response.h"

#include "imap/imap_private.h"
#include "imap/limits.h"

static const char *const status_names[IMAP_STATUS__COUNT] = {
    [IMAP_STATUS_NONE] = "",   [IMAP_STATUS_OK] = "OK",   [IMAP_STATUS_NO] = "NO",
    [IMAP_STATUS_BAD] = "BAD", [IMAP_STATUS_BYE] = "BYE", [IMAP_STATUS_PREAUTH] = "PREAUTH",
};

const char *imap_status_name(enum imap_status status)
{
    return (unsigned)status < IMAP_STATUS__COUNT ? status_names[status] : "";
}

enum imap_status imap_status_by_name(struct slice name)
{
    for (unsigned i = 1; i < IMAP_STATUS__COUNT; i++)
        if (slice_eq_nocase(name, slice_cstr(status_names[i])))
            return (enum imap_status)i;
    return IMAP_STATUS_NONE;
}

/* The rest of the text without its line end. */
static struct slice line_rest(const struct imap_cursor *c)
{
    struct slice rest = imap_rest(c);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '\n')
        rest.len--;
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '\r')
        rest.len--;
    return rest;
}

/* The "]" that ends a code: not one in a quoted string. */
static ptrdiff_t code_end(struct slice s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (quoted && s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            quoted = !quoted;
        else if (s.ptr[i] == ']' && !quoted)
            return (ptrdiff_t)i;
    }
    return quoted ? slice_find_octet(s, ']') : -1;
}

static void take_text(struct imap_cursor *c, struct imap_response *out)
{
    struct slice rest = line_rest(c);
    if (rest.len > 0 && rest.ptr[0] == '[') {
        struct slice inside = slice_skip(rest, 1);
        ptrdiff_t end = code_end(inside);
        if (end <= 0 || inside.ptr[0] == ' ') {
            out->rules |= IMAP_BIT(REPLY_CODE);
            out->human = rest;
            return;
        }
        inside = slice_take(inside, (size_t)end);
        ptrdiff_t sp = slice_find_octet(inside, ' ');
        out->code = sp < 0 ? inside : slice_take(inside, (size_t)sp);
        out->code_args = sp < 0 ? slice_of(NULL, 0) : slice_skip(inside, (size_t)sp + 1);
        rest = slice_skip(rest, (size_t)end + 2);
        if (rest.len > 0 && rest.ptr[0] == ' ')
            rest = slice_skip(rest, 1);
        else if (rest.len > 0)
            out->rules |= IMAP_BIT(REPLY_CODE);
    }
    out->human = rest;
}

/* Behind "*" or a tag. */
static void take_status_or_data(struct imap_cursor *c, bool tagged, struct imap_response *out)
{
    struct slice word;
    uint64_t number = 0;
    size_t start = c->at;
    if (imap_take_atom(c, &word)) {
        out->status = imap_status_by_name(word);
        bool ends = imap_at_end(c);
        if (out->status != IMAP_STATUS_NONE && (imap_take_sp(c) || ends)) {
            out->kind = IMAP_RESPONSE_STATUS;
            if (tagged && out->status > IMAP_STATUS_BAD)
                out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
            take_text(c, out);
            return;
        }
        out->status = IMAP_STATUS_NONE;
    }
    c->at = start;
    if (tagged) {
        out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
        return;
    }
    if (imap_take_number(c, UINT32_MAX, &number) && imap_take_sp(c)) {
        out->has_number = true;
        out->number = number;
    } else {
        c->at = start;
    }
    if (!imap_take_atom(c, &out->type)) {
        out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
        return;
    }
    out->kind = IMAP_RESPONSE_DATA;
    if (!imap_take_sp(c) && !imap_at_end(c))
        out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
    out->data_at = c->at;
}

void imap_response_parse(const struct imap_text *text, struct imap_response *out)
{
    struct imap_cursor c;
    *out = (struct imap_response){.kind = IMAP_RESPONSE_BAD, .text = *text};
    imap_cursor_init(&c, text, NULL);
    if (text->cut)
        out->rules |= IMAP_BIT(TEXT_CAP);
    size_t start = c.at;
    if (imap_take_octet(&c, '+')) {
        out->kind = IMAP_RESPONSE_CONTINUE;
        out->tag = slice_of(text->octets.ptr + start, 1);
        if (!imap_take_sp(&c)) /* "+" alone is sent by many; the grammar wants a space */
            out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
        take_text(&c, out);
        return;
    }
    bool star = imap_take_octet(&c, '*');
    if (star)
        out->tag = slice_of(text->octets.ptr + start, 1);
    if ((!star && !imap_take_tag(&c, &out->tag)) || !imap_take_sp(&c)) {
        out->tag = slice_of(NULL, 0);
        out->rules |= IMAP_BIT(RESPONSE_SYNTAX);
        return;
    }
    take_status_or_data(&c, !star, out);
}

/* ---- trees ---- */

/* An atom as data has it: flags with "\", sections "BODY[HEADER.FIELDS (A B)]<0>". */
static bool take_loose_atom(struct imap_cursor *c, struct slice *out)
{
    struct slice rest = imap_rest(c);
    size_t n = 0;
    bool bracket = false;
    while (n < rest.len && rest.ptr[n] != '\r' && rest.ptr[n] != '\n') {
        uint8_t octet = rest.ptr[n];
        if (!bracket && (octet == ' ' || octet == '(' || octet == ')' || octet == '"'))
            break;
        if (octet == '[')
            bracket = true;
        else if (octet == ']')
            bracket = false;
        n++;
    }
    if (n == 0)
        return false;
    *out = slice_take(rest, n);
    c->at += n;
    return true;
}

static bool take_leaf(struct imap_cursor *c, struct imap_node *node)
{
    struct imap_literal literal;
    if (imap_take_literal(c, &literal)) {
        node->kind = IMAP_NODE_STRING;
        node->text = literal.octets;
        node->length = literal.length;
        node->gap = literal.gap;
        node->stream_at = literal.stream_at;
        return true;
    }
    struct slice rest = imap_rest(c);
    if (rest.len > 0 && rest.ptr[0] == '"') {
        node->kind = IMAP_NODE_STRING;
        if (!imap_take_quoted(c, &node->text))
            return false;
        node->length = node->text.len;
        return true;
    }
    if (!take_loose_atom(c, &node->text))
        return false;
    node->length = node->text.len;
    node->kind = slice_eq_nocase(node->text, SLICE_LIT("NIL")) ? IMAP_NODE_NIL : IMAP_NODE_ATOM;
    return true;
}

const struct imap_node *imap_take_tree(struct imap_cursor *c)
{
    const struct imap_node **tails[IMAP_CAP_NESTING];
    struct imap_node *root = arena_alloc(c->arena, sizeof(*root));
    size_t depth = 1, n = 0;
    root->kind = IMAP_NODE_LIST;
    tails[0] = &root->first;
    for (;;) {
        imap_take_sp(c); /* "(a)(b)" and "a  b" are read as well */
        if (depth == 1 && imap_at_end(c))
            return root;
        if (depth > 1 && imap_take_octet(c, ')')) {
            depth--;
            continue;
        }
        struct imap_node *node = arena_alloc(c->arena, sizeof(*node));
        if (++n > IMAP_CAP_ITEMS) {
            c->rules |= IMAP_BIT(ITEMS);
            return NULL;
        }
        bool list = imap_take_octet(c, '(');
        if (list)
            node->kind = IMAP_NODE_LIST;
        else if (!take_leaf(c, node))
            return NULL;
        *tails[depth - 1] = node;
        tails[depth - 1] = &node->next;
        if (!list)
            continue;
        if (depth == IMAP_CAP_NESTING) {
            c->rules |= IMAP_BIT(NESTING);
            return NULL;
        }
        tails[depth++] = &node->first;
    }
}

const struct imap_node *imap_node_after(const struct imap_node *list, const char *word)
{
    const struct imap_node *n = list ? list->first : NULL;
    for (; n && n->next; n = n->next->next)
        if (n->kind == IMAP_NODE_ATOM && slice_eq_nocase(n->text, slice_cstr(word)))
            return n->next;
    return NULL;
}
