/* Status lines of POP3 and IMAP explained, the most specific layer first: a server's words, the
 * response code, what was asked, the status.
 *
 *     POP3 (RFC 2449 section 8):  ("+OK" / "-ERR") [ SP "[" code "]" ] SP text
 *     IMAP (RFC 9051 section 7.1): tag SP ("OK" / "NO" / "BAD" / "BYE" / "PREAUTH")
 *                                  [ SP "[" code [ SP args ] "]" ] SP text
 */
#include "decode/status.h"

#include <string.h>

#include "imap/tables.h"
#include "pop3/tables.h"

static const struct status_code imap_codes[] = {
#include "decode/imap-codes.inc"
};
static const struct status_code pop3_codes[] = {
#include "decode/pop3-codes.inc"
};
static const struct status_wording wordings[] = {
#include "decode/mailbox-wordings.inc"
};

static const struct status_done dones[] = {
#include "decode/mailbox-done.inc"
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct status_code *status_imap_code_at(size_t index)
{
    return index < COUNT(imap_codes) ? &imap_codes[index] : NULL;
}

const struct status_code *status_pop3_code_at(size_t index)
{
    return index < COUNT(pop3_codes) ? &pop3_codes[index] : NULL;
}

const struct status_wording *status_wording_at(size_t index)
{
    return index < COUNT(wordings) ? &wordings[index] : NULL;
}

const struct status_done *status_done_at(size_t index)
{
    return index < COUNT(dones) ? &dones[index] : NULL;
}

/* ---- the status itself ---- */

bool status_is_good(struct slice status)
{
    static const char *const good[] = {"+OK", "OK", "PREAUTH", "+"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (slice_eq(status, slice_cstr(good[i])))
            return true;
    return false;
}

struct status_row {
    enum status_protocol protocol;
    const char *status, *meaning, *next, *rfc;
    enum explain_party party;
};
static const struct status_row statuses[] = {
    {STATUS_POP3, "+", "the server's turn in a login: it waits for the next step",
     "Answer in base64, or * to give up.", "RFC 5034 section 4", EXPLAIN_YOU},
    {STATUS_IMAP, "+", "go on: the server waits for the rest of what was begun",
     "Send the literal, the next step of the login, or DONE to end IDLE.", "RFC 9051 section 7.6",
     EXPLAIN_YOU},
    {STATUS_POP3, "+OK", "done", "Go on.", "RFC 1939 section 3", EXPLAIN_NOBODY},
    {STATUS_POP3, "-ERR", "no: POP3 does not tell whether later would help",
     "Read the text: it says why. Change something, or wait, before trying again.",
     "RFC 1939 section 3", EXPLAIN_YOU},
    {STATUS_IMAP, "OK", "done", "Go on.", "RFC 9051 section 7.1.1", EXPLAIN_NOBODY},
    {STATUS_IMAP, "NO", "the command was understood and could not be done",
     "Read the text: it says why.", "RFC 9051 section 7.1.2", EXPLAIN_YOU},
    {STATUS_IMAP, "BAD", "the server does not understand the command, or not in this state",
     "Look at the command as it was sent: misspelt, wrong arguments, or too early.",
     "RFC 9051 section 7.1.3", EXPLAIN_YOU},
    {STATUS_IMAP, "BYE", "the server closes the connection",
     "Connect again, unless the text says why not.", "RFC 9051 section 7.1.5", EXPLAIN_WAIT},
    {STATUS_IMAP, "PREAUTH", "the connection counts as logged in already",
     "Go on; before TLS it must not be believed: whoever stands between can say so.",
     "RFC 9051 section 7.1.4", EXPLAIN_NOBODY},
};

/* ---- reading a line ---- */

struct status_line {
    const struct status_row *row;
    struct slice code; /* empty: none */
    struct slice text; /* behind the status */
};

static const struct status_row *status_row(enum status_protocol protocol, struct slice word)
{
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (statuses[i].protocol == protocol &&
            slice_eq_nocase(word, slice_cstr(statuses[i].status)))
            return &statuses[i];
    return NULL;
}

static bool read_line(enum status_protocol protocol, struct slice line, struct status_line *out)
{
    ptrdiff_t lf = slice_find_octet(line, '\n');
    struct slice rest = slice_trim(lf < 0 ? line : slice_take(line, (size_t)lf));
    struct slice word = slice_next_word(&rest);
    if (protocol == STATUS_IMAP && !slice_eq(word, SLICE_LIT("+")))
        word = slice_next_word(&rest); /* behind the tag */
    memset(out, 0, sizeof(*out));
    out->row = status_row(protocol, word);
    out->text = slice_trim(rest);
    if (!out->row)
        return false;
    if (out->text.len < 2 || out->text.ptr[0] != '[')
        return true;
    size_t n = 1;
    while (n < out->text.len && out->text.ptr[n] != ']' && out->text.ptr[n] != ' ')
        n++;
    out->code = slice_take(slice_skip(out->text, 1), n - 1);
    return true;
}

enum status_protocol status_protocol_by_name(const char *name)
{
    struct slice s = slice_cstr(name);
    return slice_eq(s, SLICE_LIT("pop3"))   ? STATUS_POP3
           : slice_eq(s, SLICE_LIT("imap")) ? STATUS_IMAP
                                            : STATUS_NONE;
}

/* A tag is "*" or letters with a digit among them: a word of prose before "NO" is none. */
static bool is_tag(struct slice word)
{
    bool digit = false;
    if (slice_eq(word, SLICE_LIT("*")))
        return true;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_';
        digit = digit || (c >= '0' && c <= '9');
        if (!letter && !(c >= '0' && c <= '9'))
            return false;
    }
    return digit && word.len <= 20;
}

enum status_protocol status_guess(struct slice line)
{
    struct slice rest = slice_trim(line);
    struct slice first = slice_next_word(&rest), second = slice_next_word(&rest);
    if (slice_eq(first, SLICE_LIT("-ERR")) || slice_eq(first, SLICE_LIT("+OK")))
        return STATUS_POP3;
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (is_tag(first) && slice_eq(second, slice_cstr(words[i])))
            return STATUS_IMAP;
    return STATUS_NONE;
}

/* ---- layers ---- */

static enum explain_party party_by_name(const char *name)
{
    for (unsigned i = 0; i < EXPLAIN_PARTY__COUNT; i++)
        if (strcmp(name, explain_party_name((enum explain_party)i)) == 0)
            return (enum explain_party)i;
    return EXPLAIN_YOU;
}

static void layer(struct explanation *out, const char *meaning, const char *next,
                  enum explain_party party, const char *source)
{
    out->meaning = meaning;
    out->next = next;
    out->party = party;
    out->who = explain_party_name(party);
    out->source = source;
}

static void code_layer(enum status_protocol protocol, struct slice code, struct explanation *out)
{
    bool pop3 = protocol == STATUS_POP3;
    const struct pop3_code_info *of_pop3 = pop3 ? pop3_code_by_name(code) : NULL;
    const struct imap_code_info *of_imap = pop3 ? NULL : imap_code_by_name(code);
    const struct status_code *rows = pop3 ? pop3_codes : imap_codes;
    size_t n = pop3 ? COUNT(pop3_codes) : COUNT(imap_codes);
    if (!of_pop3 && !of_imap)
        return;
    out->code_meaning = of_pop3 ? of_pop3->meaning : of_imap->meaning;
    out->code_rfc = of_pop3 ? of_pop3->rfc : of_imap->rfc;
    bool asked = out->meaning != out->class_meaning; /* done_layer knew better */
    if (!asked)
        layer(out, out->code_meaning, out->next, out->party, out->code_rfc);
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(code, slice_cstr(rows[i].code)))
            layer(out, out->code_meaning, rows[i].next, party_by_name(rows[i].who), out->code_rfc);
}

/* What a yes means depends on the question. A code that asks for nothing more ([CAPABILITY],
 * [READ-WRITE], [COPYUID]) only adds to it: it stays as the code's meaning. */
static void done_layer(const struct status_line *line, const char *command, struct explanation *out)
{
    const char *name = line->row->protocol == STATUS_POP3 ? "pop3" : "imap";
    struct slice word = slice_cstr(command);
    if (slice_starts_nocase(word, SLICE_LIT("UID ")))
        word = slice_skip(word, 4);
    if (!status_is_good(slice_cstr(line->row->status)) || line->row->status[1] == '\0')
        return;
    for (size_t i = 0; i < COUNT(dones); i++)
        if (strcmp(dones[i].protocol, name) == 0 &&
            slice_eq_nocase(word, slice_cstr(dones[i].command)))
            layer(out, dones[i].meaning, dones[i].next, EXPLAIN_NOBODY, dones[i].source);
}

/* Do the pieces of a phrase stand in the text, in this order, case ignored? */
static bool phrase_in(struct slice text, const char *phrase)
{
    while (*phrase) {
        size_t len = strcspn(phrase, "*");
        struct slice piece = slice_of(phrase, len);
        while (text.len >= len && !slice_starts_nocase(text, piece))
            text = slice_skip(text, 1);
        if (text.len < len)
            return false;
        text = slice_skip(text, len);
        phrase += len;
        phrase += *phrase == '*';
    }
    return true;
}

/* The longest phrase that fits. */
static void wording_layer(const struct status_line *line, struct explanation *out)
{
    const struct status_wording *best = NULL;
    struct slice text = slice_take(line->text, 2048);
    bool good = line->row->party == EXPLAIN_NOBODY;
    const char *name = line->row->protocol == STATUS_POP3 ? "pop3" : "imap";
    for (size_t i = 0; !good && i < COUNT(wordings); i++)
        if (strcmp(wordings[i].protocol, name) == 0 && phrase_in(text, wordings[i].match) &&
            (!best || strlen(wordings[i].match) > strlen(best->match)))
            best = &wordings[i];
    if (best)
        layer(out, best->meaning, best->next, party_by_name(best->who), best->source);
}

bool status_explain(enum status_protocol protocol, struct slice line, const char *command,
                    struct explanation *out)
{
    struct status_line s;
    if (!read_line(protocol, line, &s))
        return false;
    memset(out, 0, sizeof(*out));
    out->class_meaning = s.row->meaning;
    out->class_rfc = s.row->rfc;
    layer(out, s.row->meaning, s.row->next, s.row->party, s.row->rfc);
    done_layer(&s, command, out);
    if (s.code.len > 0)
        code_layer(protocol, s.code, out);
    wording_layer(&s, out);
    return true;
}
