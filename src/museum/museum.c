/* The machine of the museum: lines, the table of an exhibit, the text of a letter. */
#include "museum/museum_private.h"

#include <string.h>

#include "base/mem.h"

enum { ADDRESSES_MAX_OCTETS = MUSEUM_RECIPIENTS_MAX * (MUSEUM_LINE_MAX_OCTETS + 1), CTRL_Z = 0x1a };

const struct museum_exhibit *const museum_exhibits[MUSEUM__COUNT] = {
    [MUSEUM_RFC821] = &museum_rfc821,     [MUSEUM_MTP] = &museum_mtp,
    [MUSEUM_FTP_MAIL] = &museum_ftp_mail, [MUSEUM_RFC524] = &museum_rfc524,
    [MUSEUM_SNDMSG] = &museum_sndmsg,     [MUSEUM_RFC196] = &museum_rfc196,
};

static const char *const state_names[STATE__COUNT] = {
    [STATE_START] = "start",
    [STATE_READY] = "ready",
    [STATE_SENDER] = "letter",
    [STATE_ADDRESSED] = "addressed",
    [STATE_TEXT] = "text",
    [STATE_STORED] = "stored",
    [STATE_ASK] = "asked",
    [STATE_SUBJECT] = "subject",
    [STATE_VERIFY] = "verify",
    [STATE_TURNED] = "turned",
    [STATE_TURNED_TO] = "turned-recipient",
    [STATE_TURNED_DATA] = "turned-data",
    [STATE_TURNED_DOT] = "turned-text",
    [STATE_TURNED_QUIT] = "turned-quit",
    [STATE_ENDED] = "ended",
};

/* Who lives in the museum. People of the documents, and those of the practice world. */
static const struct {
    const char *name;
    enum museum_who who;
} people[] = {
    {"foo", WHO_HERE},      {"bar", WHO_HERE},       {"white", WHO_HERE},
    {"bhushan", WHO_HERE},  {"tomlinson", WHO_HERE}, {"crispin", WHO_HERE},
    {"mrc", WHO_HERE},      {"admin.mrc", WHO_HERE}, {"alice", WHO_HERE},
    {"bob", WHO_HERE},      {"carol", WHO_HERE},     {"postmaster", WHO_HERE},
    {"postel", WHO_ACTIVE}, {"jones", WHO_MOVED},    {"smith", WHO_OPERATOR},
};

const struct museum_info *museum_info(enum museum_id id)
{
    return (unsigned)id < MUSEUM__COUNT ? &museum_exhibits[id]->info : NULL;
}

bool museum_by_name(struct slice name, enum museum_id *id_out)
{
    for (unsigned i = 0; i < MUSEUM__COUNT; i++)
        if (slice_eq_nocase(name, slice_cstr(museum_exhibits[i]->info.name))) {
            *id_out = (enum museum_id)i;
            return true;
        }
    return false;
}

bool museum_asks_text(enum museum_id id, struct slice line, unsigned code)
{
    if (museum_info(id)->codes)
        return code == 350 || code == 354;
    return slice_starts(line, SLICE_LIT("Message"));
}

bool museum_ends_text(enum museum_id id, struct slice line)
{
    const char end = museum_exhibits[id]->info.text_end;
    if (line.len == 1 && line.ptr[0] == (uint8_t)end)
        return true;
    return end == CTRL_Z && slice_eq_nocase(line, SLICE_LIT("^Z"));
}

struct museum *museum_new(enum museum_id id)
{
    BUG_IF((unsigned)id >= MUSEUM__COUNT);
    struct museum *m = mem_zalloc(sizeof(*m));
    m->id = id;
    m->x = museum_exhibits[id];
    m->state = m->x->first;
    buf_init(&m->line, MUSEUM_LINE_MAX_OCTETS + 2);
    buf_init(&m->from, MUSEUM_LINE_MAX_OCTETS);
    buf_init(&m->to, ADDRESSES_MAX_OCTETS);
    buf_init(&m->text, MUSEUM_TEXT_MAX_OCTETS);
    return m;
}

void museum_free(struct museum **m)
{
    if (!*m)
        return;
    buf_deinit(&(*m)->line);
    buf_deinit(&(*m)->from);
    buf_deinit(&(*m)->to);
    buf_deinit(&(*m)->text);
    mem_free(*m);
    *m = NULL;
}

bool museum_ended(const struct museum *m)
{
    return m->state == STATE_ENDED;
}

bool museum_takes_text(const struct museum *m)
{
    return m->state == STATE_TEXT;
}

const char *museum_state_name(const struct museum *m)
{
    return state_names[m->state];
}

void museum_say(struct buf *out, const char *line)
{
    buf_printf(out, "%s\r\n", line);
}

void museum_echo(struct buf *out, struct slice said, const char *behind)
{
    buf_append(out, said);
    museum_say(out, behind);
}

void museum_forget(struct museum *m)
{
    buf_reset(&m->from);
    buf_reset(&m->to);
    buf_reset(&m->text);
    m->recipients = 0;
    m->too_large = m->finished = m->letter_ready = m->letter_told = false;
}

bool museum_add_recipient(struct museum *m, struct slice who)
{
    if (m->recipients >= MUSEUM_RECIPIENTS_MAX)
        return false;
    buf_append(&m->to, who);
    buf_append_octet(&m->to, '\n');
    m->recipients++;
    return true;
}

/* "FROM:<@A,@B:user@C>": RFC 821 section 4.1.2 calls @A,@B the source route. */
bool museum_path(struct slice arg, const char *word, struct slice *mailbox_out,
                 struct slice *rest_out)
{
    arg = slice_trim(arg);
    if (!slice_starts_nocase(arg, slice_cstr(word)))
        return false;
    arg = slice_trim(slice_skip(arg, strlen(word)));
    ptrdiff_t end = slice_find_octet(arg, '>');
    if (arg.len == 0 || arg.ptr[0] != '<' || end < 0)
        return false;
    struct slice path = slice_skip(slice_take(arg, (size_t)end), 1);
    ptrdiff_t colon = path.len > 0 && path.ptr[0] == '@' ? slice_find_octet(path, ':') : -1;
    *mailbox_out = slice_skip(path, (size_t)(colon + 1));
    *rest_out = slice_trim(slice_skip(arg, (size_t)end + 1));
    return true;
}

enum museum_who museum_who(struct slice mailbox)
{
    ptrdiff_t at = slice_find_octet(mailbox, '@');
    struct slice local = at < 0 ? mailbox : slice_take(mailbox, (size_t)at);
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
        if (slice_eq_nocase(local, slice_cstr(people[i].name)))
            return people[i].who;
    return WHO_NOBODY;
}

/* ---- the greeting ---- */

/* A claim in lines of its own: "220-" in front where replies have codes, ";" (the remark of a
 * TENEX terminal) elsewhere. */
static void claim(const struct museum_info *i, const char *word, const char *text, struct buf *out)
{
    if (i->codes)
        buf_printf(out, "%.3s-%s: %s\r\n", i->greeting, word, text);
    else
        buf_printf(out, "; %s: %s\r\n", word, text);
}

void museum_greet(struct museum *m, struct buf *out)
{
    const struct museum_info *i = &m->x->info;
    claim(i, "museum", i->documents, out);
    claim(i, "attested", i->attested, out);
    claim(i, "reconstructed", i->reconstructed, out);
    museum_say(out, i->greeting);
}

/* ---- lines ---- */

static bool verb_fits(const struct museum_exhibit *x, const char *verb, struct slice word)
{
    struct slice whole = slice_cstr(verb);
    if (slice_eq_nocase(word, whole))
        return true;
    return x->abbreviates && word.len >= 3 && slice_starts_nocase(whole, word);
}

static void command(struct museum *m, struct slice line, struct buf *out)
{
    struct slice arg = line, word = slice_next_word(&arg);
    bool known = false;
    arg = slice_trim(arg);
    for (size_t i = 0; i < m->x->n_rows; i++) {
        const struct museum_row *row = &m->x->rows[i];
        if (row->verb && !verb_fits(m->x, row->verb, word))
            continue;
        known = known || row->verb;
        if (!(row->states >> m->state & 1))
            continue;
        bool goes = true;
        if (row->step)
            goes = row->step(m, row, row->verb ? arg : slice_trim(line), out);
        else if (row->reply)
            museum_say(out, row->reply);
        if (goes && row->next != GOES_NOWHERE)
            m->state = (enum museum_state)row->next;
        return;
    }
    museum_say(out, known ? m->x->disorder : m->x->unknown);
}

static void text_line(struct museum *m, struct slice line, struct buf *out)
{
    if (museum_ends_text(m->id, line)) {
        if (!m->too_large) {
            m->x->text_done(m, NULL, slice_of(NULL, 0), out);
            return;
        }
        museum_say(out, m->x->too_large);
        museum_forget(m);
        m->state = STATE_READY;
        return;
    }
    if (m->x->info.doubles_dots && line.len > 1 && line.ptr[0] == '.')
        line = slice_skip(line, 1);
    if (m->text.len + line.len + 2 > MUSEUM_TEXT_MAX_OCTETS) {
        m->too_large = true;
        return;
    }
    buf_append(&m->text, line);
    buf_append_cstr(&m->text, "\r\n");
}

static void whole_line(struct museum *m, struct slice line, struct buf *out)
{
    if (m->letter_told)
        m->letter_ready = m->letter_told = false;
    if (m->state == STATE_TEXT)
        text_line(m, line, out);
    else
        command(m, line, out);
}

/* A line of text that is too long spoils the letter, a command only itself. */
static void long_line(struct museum *m)
{
    m->skipping = true;
    if (m->state == STATE_TEXT)
        m->too_large = true;
    buf_reset(&m->line);
}

size_t museum_feed(struct museum *m, struct slice in, struct buf *out)
{
    ptrdiff_t lf = slice_find_octet(in, '\n');
    size_t used = lf < 0 ? in.len : (size_t)lf + 1;
    if (m->state == STATE_ENDED)
        return used;
    if (!m->skipping && !buf_append(&m->line, slice_take(in, used)))
        long_line(m);
    if (lf < 0)
        return used;
    if (m->skipping) {
        m->skipping = false;
        if (m->state != STATE_TEXT)
            museum_say(out, m->x->too_long);
        return used;
    }
    struct slice line = slice_take(buf_slice(&m->line), m->line.len - 1);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    whole_line(m, line, out);
    buf_reset(&m->line);
    return used;
}

bool museum_letter(struct museum *m, struct museum_letter *out)
{
    if (!m->letter_ready || m->letter_told)
        return false;
    m->letter_told = true;
    *out = (struct museum_letter){.from = buf_slice(&m->from),
                                  .to = buf_slice(&m->to),
                                  .text = buf_slice(&m->text),
                                  .recipients = m->recipients};
    return true;
}
