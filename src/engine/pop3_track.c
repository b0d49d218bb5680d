/* The POP3 tracker: lines of both directions, TLS, the end, and what may be asked. */
#include "engine/pop3_track_private.h"

#include <string.h>

#include "base/mem.h"

struct pop3_track *pop3_track_new(struct journal *j, uint32_t conn,
                                  const struct pop3_track_options *options)
{
    struct pop3_track *t = mem_zalloc(sizeof(*t));
    core_init(&t->core, j, conn, options->backstage, options->tls);
    t->want_content = options->want_content;
    t->state = t->ahead = POP3_STATE_CONNECT;
    t->greeting_awaited = true;
    t->greeting_since_ns = core_now_ns(&t->core);
    secret_scan_init(&t->scan);
    JOURNAL_APPEND(j, conn, PROTOCOL, core_flags(&t->core), 0,
                   (struct ev_protocol){.name = SLICE_LIT("pop3")});
    core_state(&t->core, NULL, pop3_state_name(POP3_STATE_CONNECT), 0);
    return t;
}

/* ---- what a busy session needs ---- */

struct pop3_work *ptrack_work(struct pop3_track *t)
{
    if (t->work)
        return t->work;
    struct pop3_work *w = mem_zalloc(sizeof(*w));
    buf_init(&w->line[DIR_C], POP3_CAP_LINE_OCTETS);
    buf_init(&w->line[DIR_S], POP3_CAP_LINE_OCTETS);
    buf_init(&w->unstuffed, POP3_PIECE_OCTETS + 64);
    buf_init(&w->listing, POP3_LISTING_OCTETS);
    buf_init(&w->caps, POP3_CAP_CAPA_OCTETS);
    smtp_content_init(&w->content);
    t->work = w;
    return w;
}

static void work_free(struct pop3_track *t)
{
    struct pop3_work *w = t->work;
    t->work = NULL;
    t->line_done[DIR_C] = t->line_done[DIR_S] = false;
    if (!w)
        return;
    if (w->line[DIR_C].ptr)
        mem_wipe(w->line[DIR_C].ptr, w->line[DIR_C].alloc_octets);
    buf_deinit(&w->line[DIR_C]);
    buf_deinit(&w->line[DIR_S]);
    buf_deinit(&w->unstuffed);
    buf_deinit(&w->listing);
    buf_deinit(&w->caps);
    mem_free(w->ring);
    mem_free(w);
}

static void line_drop(struct pop3_track *t, enum event_dir dir)
{
    if (!t->line_done[dir])
        return;
    t->line_done[dir] = false;
    struct buf *line = &t->work->line[dir];
    if (dir == DIR_C)
        mem_wipe(line->ptr, line->len);
    buf_reset(line);
}

/* Give it back when nothing is open. */
static void rest(struct pop3_track *t)
{
    line_drop(t, DIR_C);
    line_drop(t, DIR_S);
    const struct pop3_work *w = t->work;
    if (w && w->ring_count == 0 && t->unkept == 0 && w->line[DIR_C].len == 0 &&
        w->line[DIR_S].len == 0 && !t->in_content)
        work_free(t);
}

void pop3_track_free(struct pop3_track **t)
{
    if (!*t)
        return;
    work_free(*t);
    ptrack_caps_clear(*t);
    mem_free((*t)->stamp);
    mem_free(*t);
    *t = NULL;
}

struct pop3_pending *ptrack_head(const struct pop3_track *t)
{
    return t->work && t->work->ring_count > 0 ? &t->work->ring[t->work->ring_head] : NULL;
}

void ptrack_push(struct pop3_track *t, const struct pop3_pending *p)
{
    struct pop3_work *w = ptrack_work(t);
    if (w->ring_count == w->ring_alloc) {
        size_t alloc = w->ring_alloc ? w->ring_alloc * 2 : 8;
        struct pop3_pending *ring = mem_alloc(alloc * sizeof(*ring));
        for (size_t i = 0; i < w->ring_count; i++)
            ring[i] = w->ring[(w->ring_head + i) % w->ring_alloc];
        mem_free(w->ring);
        w->ring = ring;
        w->ring_alloc = alloc;
        w->ring_head = 0;
    }
    struct pop3_pending *slot = &w->ring[(w->ring_head + w->ring_count++) % w->ring_alloc];
    *slot = *p;
    slot->tick_ns = core_now_ns(&t->core);
}

void ptrack_pop(struct pop3_track *t)
{
    const struct pop3_pending *p = ptrack_head(t);
    if (!p) {
        if (t->unkept > 0)
            t->unkept--;
        return;
    }
    if ((p->verb == POP3_VERB_AUTH || p->verb == POP3_VERB_AUTH_DATA) && t->auth_open > 0)
        t->auth_open--;
    t->work->ring_head = (t->work->ring_head + 1) % t->work->ring_alloc;
    t->work->ring_count--;
}

/* ---- octets and lines ---- */

size_t ptrack_line(struct pop3_track *t, enum event_dir dir, struct slice in, bool in_auth,
                   struct slice *line_out, pop3_rules *rules_out)
{
    struct buf *kept = &ptrack_work(t)->line[dir];
    size_t room = POP3_CAP_LINE_OCTETS - kept->len;
    struct slice piece = slice_take(in, room), hidden = slice_of(NULL, 0);
    ptrdiff_t lf = slice_find_octet(piece, '\n');
    if (lf >= 0)
        piece.len = (size_t)lf + 1;
    bool capped = lf < 0 && piece.len == room, whole = kept->len == 0 && lf >= 0;
    if (kept->len == 0)
        t->line_at[dir] = t->core.at[dir];
    if (dir == DIR_C)
        hidden = secret_scan_feed(&t->scan, in_auth, piece);
    core_append_octets(&t->core, dir, piece, hidden);
    *line_out = slice_of(NULL, 0);
    *rules_out = capped ? PBIT(LINE_CAP) : 0;
    if (!whole) {
        if (in_auth && !kept->ptr)
            buf_room(kept, 1024); /* no copies of a secret left behind by growing */
        buf_append(kept, piece);
        if (lf < 0 && !capped)
            return piece.len;
        t->line_done[dir] = true;
    }
    struct slice line = whole ? piece : buf_slice(kept);
    if (!capped) {
        line.len--;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        else
            *rules_out |= PBIT(BARE_LF);
    }
    *line_out = line;
    return piece.len;
}

/* STLS was agreed to and the handshake has not been: what comes in the clear now may stem from
 * anyone on the way. A secret sent too early is still one. */
static size_t feed_void(struct pop3_track *t, enum event_dir dir, struct slice in,
                        struct pop3_item *item)
{
    struct track_rule rule =
        ptrack_rule(dir == DIR_S ? POP3_RULE_PLAINTEXT_BEFORE_TLS : POP3_RULE_COMMANDS_BEFORE_TLS);
    struct track_range where = {dir, t->core.at[dir], in.len, 0};
    for (struct slice left = in; left.len > 0;) {
        ptrdiff_t lf = slice_find_octet(left, '\n');
        struct slice piece = lf < 0 ? left : slice_take(left, (size_t)lf + 1);
        struct slice hidden = slice_of(NULL, 0);
        if (dir == DIR_C)
            hidden = secret_scan_feed(&t->scan, false, piece);
        where.cause_seq = core_append_octets(&t->core, dir, piece, hidden);
        left = slice_skip(left, piece.len);
    }
    core_void(&t->core, &rule, &where);
    item->kind = POP3_ITEM_VOID;
    return in.len;
}

size_t pop3_track_feed(struct pop3_track *t, enum event_dir dir, struct slice in,
                       struct pop3_item *item_out)
{
    memset(item_out, 0, sizeof(*item_out));
    line_drop(t, dir);
    if (in.len == 0)
        return 0;
    if (t->state == POP3_STATE_TLS)
        return feed_void(t, dir, in, item_out);
    return dir == DIR_C ? ptrack_feed_client(t, in, item_out) : ptrack_feed_server(t, in, item_out);
}

void pop3_track_feed_all(struct pop3_track *t, enum event_dir dir, struct slice in)
{
    struct pop3_item item;
    while (in.len > 0)
        in = slice_skip(in, pop3_track_feed(t, dir, in, &item));
    rest(t);
}

/* ---- TLS and the end ---- */

void pop3_track_tls_up(struct pop3_track *t)
{
    t->core.tls = true;
    if (t->state == POP3_STATE_CONNECT)
        return;
    ptrack_caps_clear(t);
    t->authenticated = t->maildrop_known = t->in_content = t->auth_unkept = t->utf8 = false;
    t->core.void_said[DIR_C] = t->core.void_said[DIR_S] = false;
    t->unkept = t->auth_open = t->deleted = 0;
    t->core.mechanism[0] = '\0';
    work_free(t);
    secret_scan_init(&t->scan);
    ptrack_set_state(t, POP3_STATE_AUTHORIZATION, 0);
    t->ahead = t->state;
}

static void name_unfinished(struct pop3_track *t)
{
    line_drop(t, DIR_S);
    if (t->in_content)
        ptrack_content_cut(t);
    else if (t->work && t->work->line[DIR_S].len > 0)
        ptrack_deviation(t, POP3_RULE_RESPONSE_CUT,
                         &(struct track_range){DIR_S, t->line_at[DIR_S],
                                               t->core.at[DIR_S] - t->line_at[DIR_S], 0},
                         "%s", pop3_rule_meaning(POP3_RULE_RESPONSE_CUT));
}

void pop3_track_closed(struct pop3_track *t, enum event_dir closed_by)
{
    if (t->state == POP3_STATE_CLOSED)
        return;
    name_unfinished(t);
    struct track_range where = {closed_by, t->core.at[closed_by], 0, 0};
    /* A handshake that failed leaves nobody a word to say. */
    bool said = t->state == POP3_STATE_UPDATE || t->state == POP3_STATE_TLS ||
                t->state == POP3_STATE_REFUSED;
    if (closed_by == DIR_S && !said)
        ptrack_deviation(t, POP3_RULE_CLOSED_EARLY, &where, "%s",
                         pop3_rule_meaning(POP3_RULE_CLOSED_EARLY));
    if (closed_by == DIR_C && !said && !t->quit_sent)
        ptrack_deviation(t, POP3_RULE_QUIT_MISSING, &where, "%s",
                         pop3_rule_meaning(POP3_RULE_QUIT_MISSING));
    ptrack_apply(t, POP3_VERB_UNKNOWN, POP3_OUT_EOF, NULL, 0);
    t->greeting_awaited = t->in_content = false;
    t->unkept = t->auth_open = 0;
    work_free(t);
}

/* ---- questions ---- */

enum pop3_state pop3_track_state(const struct pop3_track *t)
{
    return (enum pop3_state)t->state;
}

bool pop3_track_tls(const struct pop3_track *t)
{
    return t->core.tls;
}

bool pop3_track_authenticated(const struct pop3_track *t)
{
    return t->authenticated;
}

size_t pop3_track_pending(const struct pop3_track *t)
{
    return (t->greeting_awaited ? 1 : 0) + (t->work ? t->work->ring_count : 0) + t->unkept;
}

enum pop3_verb pop3_track_pending_verb(const struct pop3_track *t)
{
    const struct pop3_pending *p = ptrack_head(t);
    if (t->greeting_awaited)
        return POP3_VERB_CONNECT;
    return p ? (enum pop3_verb)p->verb : POP3_VERB_UNKNOWN;
}

uint64_t pop3_track_pending_since_ns(const struct pop3_track *t)
{
    const struct pop3_pending *p = ptrack_head(t);
    if (t->greeting_awaited)
        return t->greeting_since_ns;
    return p ? p->tick_ns : 0;
}

bool pop3_track_auth_open(const struct pop3_track *t)
{
    return t->auth_open > 0 || (t->auth_unkept && t->unkept > 0);
}

bool pop3_track_in_content(const struct pop3_track *t)
{
    return t->in_content;
}

bool pop3_track_caps_known(const struct pop3_track *t)
{
    return t->caps != NULL;
}

bool pop3_track_cap_at(const struct pop3_track *t, size_t index, struct slice *line_out)
{
    struct slice left = slice_cstr(t->caps);
    while (left.len > 0) {
        ptrdiff_t lf = slice_find_octet(left, '\n');
        *line_out = lf < 0 ? left : slice_take(left, (size_t)lf);
        if (index-- == 0)
            return true;
        left = slice_skip(left, lf < 0 ? left.len : (size_t)lf + 1);
    }
    *line_out = slice_of(NULL, 0);
    return false;
}

bool pop3_track_offers(const struct pop3_track *t, const char *keyword, struct slice *params_out)
{
    struct slice line;
    for (size_t i = 0; pop3_track_cap_at(t, i, &line); i++) {
        struct slice params = line;
        if (!slice_eq_nocase(slice_next_word(&params), slice_cstr(keyword)))
            continue;
        if (params_out)
            *params_out = slice_trim(params);
        return true;
    }
    return false;
}

struct slice pop3_track_stamp(const struct pop3_track *t)
{
    return slice_cstr(t->stamp);
}

const char *pop3_track_auth_mechanism(const struct pop3_track *t)
{
    bool running = t->state == POP3_STATE_AUTH || pop3_track_auth_open(t);
    return (running || t->authenticated) && t->core.mechanism[0] ? t->core.mechanism : NULL;
}

bool pop3_track_maildrop(const struct pop3_track *t, uint32_t *messages_out, uint64_t *octets_out)
{
    *messages_out = t->maildrop_messages;
    *octets_out = t->maildrop_octets;
    return t->maildrop_known;
}

uint32_t pop3_track_deleted(const struct pop3_track *t)
{
    return t->deleted;
}
