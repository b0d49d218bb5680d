/* The protocols of the museum behind include/engine/track.h: lines, replies by their three digits
 * where there are any, the text of a letter. Nothing is judged: what was right in 1973 is for its
 * documents to say. */
#include "engine/track_private.h"

#include <string.h>

#include "base/mem.h"

enum { VERB_MAX_OCTETS = 16 };

enum state { ST_CONNECT, ST_READY, ST_TEXT, ST_CLOSED };
static const char *const state_words[] = {"connect", "ready", "data", "closed"};

struct museum_track {
    struct journal *journal;
    uint32_t conn;
    enum museum_id id;
    enum state state;
    bool backstage, tls, ending;
    uint64_t at[2], line_at[2];
    struct buf line[2];       /* what has come of it, up to the limit */
    bool line_done[2];        /* it is whole; forget it before the next */
    uint64_t text_at, n_text; /* offset of the letter's text, its lines */
    uint64_t n_text_octets;
    uint64_t command_seq;
    size_t pending;
    unsigned reply_lines;
    uint64_t reply_at;
    char verb[VERB_MAX_OCTETS + 1]; /* of the latest command */
};

static unsigned flags(const struct museum_track *t)
{
    return t->backstage ? EVENT_FLAG_BACKSTAGE : 0;
}

static void set_state(struct museum_track *t, enum state to, uint64_t cause_seq)
{
    if (t->state == to)
        return;
    JOURNAL_APPEND(t->journal, t->conn, STATE, flags(t), cause_seq,
                   (struct ev_state){.from = slice_cstr(state_words[t->state]),
                                     .to = slice_cstr(state_words[to])});
    t->state = to;
}

static void *museum_track_new(struct journal *j, uint32_t conn, const struct track_options *options)
{
    struct museum_track *t = mem_zalloc(sizeof(*t));
    t->journal = j;
    t->conn = conn;
    t->id = options->museum;
    t->backstage = options->backstage;
    t->tls = options->tls;
    t->pending = 1; /* the greeting */
    memcpy(t->verb, "CONNECT", sizeof("CONNECT"));
    for (int dir = 0; dir < 2; dir++) {
        t->at[dir] = journal_stream_len(j, conn, (enum event_dir)dir, LAYER_PLAIN);
        buf_init(&t->line[dir], MUSEUM_LINE_MAX_OCTETS + 2);
    }
    JOURNAL_APPEND(j, conn, PROTOCOL, flags(t), 0,
                   (struct ev_protocol){.name = slice_cstr(museum_info(t->id)->name)});
    JOURNAL_APPEND(j, conn, STATE, flags(t), 0,
                   (struct ev_state){.to = slice_cstr(state_words[ST_CONNECT])});
    return t;
}

static void museum_track_free(void *self)
{
    struct museum_track *t = self;
    buf_deinit(&t->line[0]);
    buf_deinit(&t->line[1]);
    mem_free(t);
}

/* The first word, where it looks like one. */
static void take_verb(struct museum_track *t, struct slice line)
{
    struct slice word = slice_next_word(&line);
    bool fits = word.len > 0 && word.len <= VERB_MAX_OCTETS;
    for (size_t i = 0; fits && i < word.len; i++)
        fits = word.ptr[i] > ' ' && word.ptr[i] < 0x7f;
    if (!fits)
        word = SLICE_LIT("UNKNOWN");
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        t->verb[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    t->verb[word.len] = '\0';
}

static void text_ends(struct museum_track *t, bool complete, uint64_t cause_seq)
{
    JOURNAL_APPEND(t->journal, t->conn, DATA_END, flags(t), cause_seq,
                   (struct ev_data_end){.offset = t->text_at,
                                        .length = t->at[DIR_C] - t->text_at,
                                        .content = t->n_text_octets,
                                        .lines = t->n_text,
                                        .complete = complete});
}

static void client_line(struct museum_track *t, struct slice line, uint64_t seq,
                        struct track_item *out)
{
    if (t->state == ST_TEXT) {
        if (!museum_ends_text(t->id, line)) {
            t->n_text++;
            t->n_text_octets = t->at[DIR_C] - t->text_at;
            return;
        }
        text_ends(t, true, seq);
        set_state(t, ST_READY, seq);
        memcpy(t->verb, "DOT", sizeof("DOT"));
        t->pending++;
        out->kind = TRACK_ITEM_LINE;
        return;
    }
    take_verb(t, line);
    t->command_seq =
        JOURNAL_APPEND(t->journal, t->conn, COMMAND, flags(t), seq,
                       (struct ev_command){.verb = slice_cstr(t->verb),
                                           .offset = t->line_at[DIR_C],
                                           .length = t->at[DIR_C] - t->line_at[DIR_C]});
    t->pending++;
    out->kind = TRACK_ITEM_LINE;
}

static unsigned code_of(struct slice line)
{
    uint64_t code;
    bool three = line.len >= 3 && slice_to_u64(slice_take(line, 3), 999, &code) &&
                 (line.len == 3 || line.ptr[3] == ' ' || line.ptr[3] == '-');
    return three ? (unsigned)code : 0;
}

static void reply_event(struct museum_track *t, unsigned code, uint64_t seq)
{
    JOURNAL_APPEND(t->journal, t->conn, REPLY, flags(t), t->command_seq ? t->command_seq : seq,
                   (struct ev_reply){.code = code,
                                     .verb = slice_cstr(t->verb),
                                     .lines = t->reply_lines,
                                     .offset = t->reply_at,
                                     .length = t->at[DIR_S] - t->reply_at});
}

/* A remark of the museum, a line of a reply that goes on, a 1yz before the one that decides: none
 * of them is the answer. */
static bool goes_on(struct museum_track *t, struct slice line, unsigned code)
{
    if (!museum_info(t->id)->codes)
        return line.len > 0 && line.ptr[0] == ';';
    return (code && line.len > 3 && line.ptr[3] == '-') || (code >= 100 && code < 200);
}

static void server_line(struct museum_track *t, struct slice line, uint64_t seq,
                        struct track_item *out)
{
    unsigned code = museum_info(t->id)->codes ? code_of(line) : 0;
    if (t->reply_lines++ == 0)
        t->reply_at = t->line_at[DIR_S];
    out->text = line;
    if (goes_on(t, line, code)) {
        if (code >= 100 && code < 200) {
            reply_event(t, code, seq);
            t->reply_lines = 0;
        }
        out->kind = TRACK_ITEM_NONE;
        return;
    }
    out->asked = t->pending > 0;
    out->good = code == 0 || code < 400;
    out->kind = TRACK_ITEM_REPLY;
    if (code)
        reply_event(t, code, seq);
    t->reply_lines = 0;
    t->pending -= t->pending > 0;
    t->ending = t->ending || code == 221 || code == 231;
    set_state(t, ST_READY, seq);
    if (!museum_asks_text(t->id, line, code))
        return;
    out->kind = TRACK_ITEM_GO_ON;
    t->text_at = t->at[DIR_C];
    t->n_text = t->n_text_octets = 0;
    JOURNAL_APPEND(t->journal, t->conn, DATA_BEGIN, flags(t), seq,
                   (struct ev_data_begin){.offset = t->text_at});
    set_state(t, ST_TEXT, seq);
}

static size_t feed_line(struct museum_track *t, enum event_dir dir, struct slice in,
                        struct track_item *out)
{
    ptrdiff_t lf = slice_find_octet(in, '\n');
    struct slice piece = slice_take(in, lf < 0 ? in.len : (size_t)lf + 1);
    struct buf *line = &t->line[dir];
    if (piece.len == 0)
        return 0;
    if (t->line_done[dir]) { /* what .text of the item before borrowed */
        buf_reset(line);
        t->line_done[dir] = false;
    }
    if (line->len == 0)
        t->line_at[dir] = t->at[dir];
    uint64_t seq = journal_append_octets(t->journal, t->conn, dir, LAYER_PLAIN, flags(t), t->tls,
                                         piece, NULL, 0, true);
    t->at[dir] += piece.len;
    /* The end of a longer line is in the journal; for its meaning the beginning is enough. */
    size_t room = line->cap_octets - line->len;
    buf_append(line, slice_take(piece, room));
    if (lf < 0)
        return piece.len;
    t->line_done[dir] = true;
    struct slice whole = buf_slice(line);
    while (whole.len > 0 && (whole.ptr[whole.len - 1] == '\n' || whole.ptr[whole.len - 1] == '\r'))
        whole.len--;
    if (dir == DIR_C)
        client_line(t, whole, seq, out);
    else
        server_line(t, whole, seq, out);
    return piece.len;
}

static size_t museum_track_feed(struct track *track, enum event_dir dir, struct slice in,
                                struct track_item *out)
{
    return feed_line(track->self, dir, in, out);
}

static void museum_feed_all(void *self, enum event_dir dir, struct slice in)
{
    struct track_item ignored = {0};
    while (in.len > 0)
        in = slice_skip(in, feed_line(self, dir, in, &ignored));
}

static void museum_tls_up(void *self)
{
    ((struct museum_track *)self)->tls = true;
}

static void museum_closed(void *self, enum event_dir closed_by)
{
    (void)closed_by;
    struct museum_track *t = self;
    if (t->state == ST_TEXT)
        text_ends(t, false, 0);
    t->pending = 0;
    set_state(t, ST_CLOSED, 0);
}

static void museum_line(void *self, struct slice typed, bool dotstuff, struct buf *out)
{
    const struct museum_track *t = self;
    bool doubled = t->state == ST_TEXT && dotstuff && museum_info(t->id)->doubles_dots;
    if (doubled && typed.len > 1 && typed.ptr[0] == '.')
        buf_append_octet(out, '.');
    buf_append(out, typed);
    buf_append(out, SLICE_LIT("\r\n"));
}

static const char *museum_state_word(const void *self)
{
    return state_words[((const struct museum_track *)self)->state];
}

static const char *museum_prompt(const void *self)
{
    const struct museum_track *t = self;
    return t->state == ST_TEXT     ? "data"
           : t->state == ST_CLOSED ? "closed"
                                   : museum_info(t->id)->name;
}

static enum track_expects museum_expects(const void *self)
{
    const struct museum_track *t = self;
    if (t->state == ST_TEXT)
        return TRACK_EXPECTS_CONTENT;
    return t->state == ST_CLOSED || t->ending ? TRACK_EXPECTS_NOTHING : TRACK_EXPECTS_COMMAND;
}

static bool museum_ending(const void *self)
{
    return ((const struct museum_track *)self)->ending;
}

static bool museum_is_over(const void *self)
{
    const struct museum_track *t = self;
    return t->ending && t->state == ST_CLOSED;
}

static size_t museum_pending(const void *self)
{
    return ((const struct museum_track *)self)->pending;
}

static bool museum_never(const void *self)
{
    (void)self;
    return false;
}

static bool museum_is_tls(const void *self)
{
    return ((const struct museum_track *)self)->tls;
}

static bool museum_offers(const void *self, const char *capability)
{
    (void)self, (void)capability;
    return false;
}

static bool museum_mechanisms(const void *self, struct slice *out)
{
    (void)self, (void)out;
    return false;
}

const struct track_ops track_ops_museum = {
    .new = museum_track_new,
    .free = museum_track_free,
    .feed = museum_track_feed,
    .feed_all = museum_feed_all,
    .tls_up = museum_tls_up,
    .closed = museum_closed,
    .line = museum_line,
    .state_name = museum_state_word,
    .prompt = museum_prompt,
    .expects = museum_expects,
    .ending = museum_ending,
    .ended = museum_is_over,
    .pending = museum_pending,
    .auth_pending = museum_never,
    .authenticated = museum_never,
    .is_tls = museum_is_tls,
    .offers = museum_offers,
    .mechanisms = museum_mechanisms,
};
