/* The decoded pane: what the octets mean. It shows the session as it is, or, where the mark stands
 * on an earlier line, as it was then. */
#include <string.h>

#include "ui_private.h"

enum { LOOK_AHEAD_EVENTS = 4096, SCRATCH_ROWS = 16 };

static const char *const tab_names[TAB__COUNT] = {
    [TAB_WHY] = "Why?",        [TAB_ENVELOPE] = "Envelope", [TAB_MESSAGE] = "Message",
    [TAB_TLS] = "TLS",         [TAB_CERTS] = "Certs",       [TAB_CAPS] = "Caps",
    [TAB_SESSION] = "Session", [TAB_TIMING] = "Timing",     [TAB_DEVIATIONS] = "Deviations",
};
static const char *const tab_words[TAB__COUNT] = {
    [TAB_WHY] = "why",         [TAB_ENVELOPE] = "envelope",  [TAB_MESSAGE] = "message",
    [TAB_TLS] = "tls",         [TAB_CERTS] = "certificates", [TAB_CAPS] = "capabilities",
    [TAB_SESSION] = "session", [TAB_TIMING] = "timing",      [TAB_DEVIATIONS] = "deviations",
};
/* What stands in the second pane of a wide screen. */
static const enum tab second_order[] = {TAB_TLS, TAB_CERTS, TAB_CAPS, TAB_TIMING, TAB_SESSION};
enum { N_SECOND = sizeof second_order / sizeof second_order[0] };

const char *decoded_tab_name(struct ui *u, enum tab tab)
{
    return tab == TAB_ENVELOPE && decoded_reads_mail(decoded_view(u)) ? "Mailbox" : tab_names[tab];
}

const char *decoded_tab_word(enum tab tab)
{
    return tab_words[tab];
}

enum tab decoded_tab_by_name(struct slice name)
{
    for (int i = 0; i < TAB__COUNT; i++)
        if (slice_eq_nocase(name, slice_cstr(tab_words[i])))
            return (enum tab)i;
    if (slice_eq_nocase(name, SLICE_LIT("mailbox")))
        return TAB_ENVELOPE;
    return TAB__COUNT;
}

/* When the room is full every second one goes, and they stand twice as far apart from then on. */
static void keep_view(struct kept_views *k, const struct view *live)
{
    if (k->every == 0)
        k->every = KEPT_EVERY_EVENTS;
    if (++k->applied < k->every)
        return;
    k->applied = 0;
    if (k->n == KEPT_VIEWS) {
        for (size_t i = 0; i < KEPT_VIEWS; i += 2)
            view_deinit(&k->views[i]);
        for (size_t i = 0; i < KEPT_VIEWS / 2; i++)
            k->views[i] = k->views[2 * i + 1];
        k->n = KEPT_VIEWS / 2;
        k->every *= 2;
    }
    view_init(&k->views[k->n], live->conn);
    view_copy(&k->views[k->n++], live);
}

void decoded_pane_update(struct ui *u, const struct event *ev)
{
    view_apply(&u->decoded.live, u->journal, ev);
    keep_view(&u->decoded.kept, &u->decoded.live);
}

void decoded_pane_forget(struct ui *u)
{
    struct decoded_pane *d = &u->decoded;
    for (size_t i = 0; i < d->kept.n; i++)
        view_deinit(&d->kept.views[i]);
    d->kept.n = 0;
    d->kept.every = d->kept.applied = 0;
    timing_deinit(&d->timing);
    d->timing_seq = 0;
    mailbox_view_deinit(&d->mailbox);
    d->mailbox_seq = 0;
    decoded_forget_login(u);
    d->then_valid = false;
    for (int i = 0; i < TAB__COUNT; i++)
        d->texts[i].key = 0;
}

const struct timing *decoded_timing(struct ui *u, uint32_t conn)
{
    struct decoded_pane *d = &u->decoded;
    uint64_t last = journal_last(u->journal);
    if (d->timing_seq == 0 || d->timing.conn != conn) {
        timing_deinit(&d->timing);
        timing_init(&d->timing, conn);
        d->timing_seq = 0;
    }
    uint64_t seq = d->timing_seq + 1;
    if (seq < journal_first(u->journal))
        seq = journal_first(u->journal);
    for (; seq != 0 && seq <= last; seq++) {
        const struct event *ev = journal_at(u->journal, seq);
        if (ev)
            timing_apply(&d->timing, u->journal, ev);
        d->timing_seq = seq;
    }
    return &d->timing;
}

const struct mailbox_view *decoded_mailbox(struct ui *u, uint32_t conn)
{
    struct decoded_pane *d = &u->decoded;
    uint64_t last = journal_last(u->journal);
    if (d->mailbox_seq == 0 || d->mailbox.conn != conn) {
        mailbox_view_deinit(&d->mailbox);
        mailbox_view_init(&d->mailbox, conn);
        d->mailbox_seq = 0;
    }
    uint64_t seq = d->mailbox_seq + 1;
    if (seq < journal_first(u->journal))
        seq = journal_first(u->journal);
    for (; seq != 0 && seq <= last; seq++) {
        const struct event *ev = journal_at(u->journal, seq);
        if (ev)
            mailbox_view_apply(&d->mailbox, u->journal, ev);
        d->mailbox_seq = seq;
    }
    return &d->mailbox;
}

/* ---- then ---- */

/* Where the event that made sense of a line stands: octets come first, what they mean comes after
 * them. */
static uint64_t meaning_of(const struct ui *u, const struct transcript_line *l)
{
    uint64_t last = journal_last(u->journal), found = l->seq;
    bool have = false;
    for (uint64_t seq = l->seq + 1; seq <= last && seq - l->seq < LOOK_AHEAD_EVENTS; seq++) {
        const struct event *ev = journal_at(u->journal, seq);
        if (!ev || ev->conn != l->conn)
            continue;
        uint64_t offset = 0, length = 0;
        if (ev->kind == EVENT_REPLY && l->dir == DIR_S) {
            struct ev_reply reply;
            EVENT_GET(ev, REPLY, &reply);
            offset = reply.offset;
            length = reply.length;
        } else if (ev->kind == EVENT_COMMAND && l->dir == DIR_C) {
            struct ev_command command;
            EVENT_GET(ev, COMMAND, &command);
            offset = command.offset;
            length = command.length;
        } else if (ev->kind == EVENT_OCTETS || ev->kind == EVENT_REPLY ||
                   ev->kind == EVENT_COMMAND) {
            if (have)
                break;
            continue;
        } else {
            if (have)
                found = seq; /* STATE, CAPS, ENVELOPE that follow from it */
            continue;
        }
        if (have)
            break;
        if (l->offset >= offset && l->offset < offset + length) {
            have = true;
            found = seq;
        } else if (offset > l->offset)
            break;
    }
    return found;
}

/* The view at seq, from the nearest copy before it. */
static void then_from_kept(struct ui *u, uint32_t conn, uint64_t seq)
{
    struct decoded_pane *d = &u->decoded;
    size_t low = 0, high = d->kept.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->kept.views[middle].last_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || d->kept.views[low - 1].conn != conn) {
        view_at(&d->then, u->journal, conn, seq);
        return;
    }
    view_copy(&d->then, &d->kept.views[low - 1]);
    for (uint64_t at = d->then.last_seq + 1; at <= seq; at++) {
        const struct event *ev = journal_at(u->journal, at);
        if (ev)
            view_apply(&d->then, u->journal, ev);
    }
}

/* The connection of the selected line; with FOLLOW, and beside what happens inside the practice
 * server, the one that is shown. */
uint32_t decoded_conn(const struct ui *u)
{
    const struct transcript_pane *t = &u->transcript;
    if (t->follow || t->selected >= transcript_count(t->lines))
        return u->decoded.live.conn;
    const struct transcript_line *l = transcript_at(t->lines, t->selected);
    return l->conn == 0 || l->kind == TRANSCRIPT_BACKSTAGE ? u->decoded.live.conn : l->conn;
}

const struct view *decoded_view(struct ui *u)
{
    const struct transcript_pane *t = &u->transcript;
    struct decoded_pane *d = &u->decoded;
    size_t count = transcript_count(t->lines);
    if (t->follow || count == 0 || t->selected >= count)
        return &d->live;
    const struct transcript_line *l = transcript_at(t->lines, t->selected);
    bool octets = l->kind == TRANSCRIPT_LINE || l->kind == TRANSCRIPT_CONTENT;
    uint64_t seq = octets ? meaning_of(u, l) : l->seq;
    uint32_t conn = decoded_conn(u);
    if (!d->then_valid || d->then.conn != conn || seq != d->then_seq) {
        if (d->then_valid && d->then.conn == conn && seq > d->then_seq) {
            for (uint64_t s = d->then_seq + 1; s <= seq; s++) {
                const struct event *ev = journal_at(u->journal, s);
                if (ev)
                    view_apply(&d->then, u->journal, ev);
            }
        } else {
            then_from_kept(u, conn, seq);
        }
        d->then_valid = true;
        d->then_seq = seq;
    }
    return &d->then;
}

/* ---- which section ---- */

enum tab decoded_tab(struct ui *u)
{
    if (u->decoded.tab != TAB_AUTO)
        return u->decoded.tab;
    const struct view *v = decoded_view(u);
    if (v->last_code >= 400 || v->link == VIEW_LINK_NONE)
        return TAB_WHY;
    if (v->tls_failed || (v->verify_known && !v->verify_ok && v->state == SMTP_STATE_GREETED))
        return TAB_TLS;
    if (decoded_reads_mail(v) && v->authenticated)
        return TAB_ENVELOPE;
    if (v->state == SMTP_STATE_MAIL || v->state == SMTP_STATE_RCPT || v->state == SMTP_STATE_DATA ||
        v->state == SMTP_STATE_DOT)
        return TAB_ENVELOPE;
    return TAB_WHY;
}

/* ---- rows ---- */

void doc_init(struct doc *d, struct ui *u, int cols)
{
    memset(d, 0, sizeof *d);
    d->u = u;
    d->cols = cols;
}

void doc_deinit(struct doc *d)
{
    for (size_t i = 0; i < d->n_rows; i++) {
        vis_deinit(&d->rows[i].left);
        vis_deinit(&d->rows[i].right);
    }
    mem_free(d->rows);
    d->rows = NULL;
    d->n_rows = d->alloc = 0;
}

struct doc_row *doc_add(struct doc *d, enum role role)
{
    if (d->n_rows == d->alloc) {
        d->alloc = d->alloc ? 2 * d->alloc : SCRATCH_ROWS;
        d->rows = mem_realloc(d->rows, d->alloc * sizeof *d->rows);
    }
    struct doc_row *row = &d->rows[d->n_rows++];
    memset(row, 0, sizeof *row);
    vis_init(&row->left);
    vis_init(&row->right);
    row->role = (uint8_t)role;
    return row;
}

void doc_own(struct doc *d, struct doc_row *row, const char *text)
{
    draw_own_text(d->u, text, &row->left);
}

void doc_peer(struct doc *d, struct doc_row *row, const char *text)
{
    if (text)
        vis_append(&row->left, slice_cstr(text), ui_vis_flags(d->u), 512);
}

void doc_right(struct doc *d, struct doc_row *row, const char *own_text, enum role role)
{
    draw_own_text(d->u, own_text, &row->right);
    row->right_role = (uint8_t)role;
}

enum { LABEL_COLS = 12, SAID_MAX_COLS = 2048 };

static struct doc_row *labelled(struct doc *d, const char *label, enum role role)
{
    struct doc_row *row = doc_add(d, role);
    doc_own(d, row, label);
    for (size_t cols = row->left.cols; cols < LABEL_COLS; cols++)
        doc_own(d, row, " ");
    row->indent = LABEL_COLS;
    return row;
}

void doc_pair(struct doc *d, const char *label, const char *peer_value, enum role role)
{
    doc_peer(d, labelled(d, label, role), peer_value ? peer_value : "-");
}

void doc_note(struct doc *d, const char *label, const char *own_value, enum role role)
{
    doc_own(d, labelled(d, label, role), own_value);
}

void doc_mixed(struct doc *d, const char *label, const char *safe_value, enum role role)
{
    draw_mixed_text(d->u, safe_value, &labelled(d, label, role)->left);
}

/* What of it stands in one row of `cols`: whole words, where there is one. Returns the octets. */
static size_t words_fit(struct slice rest, int cols, struct vis_text *row)
{
    size_t blanks = 0; /* it may begin with some */
    while (blanks < rest.len && rest.ptr[blanks] == ' ')
        blanks++;
    vis_reset(row);
    size_t used = vis_append(row, rest, 0, (size_t)cols), cut = used;
    while (cut > blanks && cut < rest.len && rest.ptr[cut] != ' ')
        cut--;
    if (used < rest.len && cut > blanks) {
        vis_reset(row);
        used = vis_append(row, slice_take(rest, cut), 0, SIZE_MAX);
    }
    return used;
}

static void wrap_safe(struct doc *d, const char *label, const struct vis_text *text, enum role role)
{
    int room = d->cols - LABEL_COLS > 8 ? d->cols - LABEL_COLS : 8;
    struct vis_text part;
    vis_init(&part);
    for (struct slice rest = buf_slice(&text->text); rest.len > 0;) {
        size_t used = words_fit(rest, room, &part);
        struct doc_row *row = labelled(d, label, role);
        vis_append(&row->left, buf_slice(&part.text), 0, SIZE_MAX);
        label = "";
        row->more = d->strip && used < rest.len;
        if (d->strip || used == 0)
            break;
        rest = slice_skip(rest, used);
        while (rest.len > 0 && rest.ptr[0] == ' ')
            rest = slice_skip(rest, 1);
    }
    vis_deinit(&part);
}

void doc_wrap(struct doc *d, const char *label, const char *text, enum role role)
{
    struct vis_text safe;
    vis_init(&safe);
    if (text)
        draw_mixed_text(d->u, text, &safe);
    wrap_safe(d, label, &safe, role);
    vis_deinit(&safe);
}

void doc_said(struct doc *d, const char *label, const char *peer_text, enum role role)
{
    struct vis_text safe;
    vis_init(&safe);
    if (peer_text)
        vis_append(&safe, slice_cstr(peer_text), ui_vis_flags(d->u), SAID_MAX_COLS);
    wrap_safe(d, label, &safe, role);
    vis_deinit(&safe);
}

/* Where what a line says begins: behind its label of LABEL_COLS, or where its own text does. */
static size_t hanging_cols(struct slice line)
{
    size_t at = 0;
    while (at < line.len && line.ptr[at] == ' ')
        at++;
    if (at < 3 && line.len > LABEL_COLS && line.ptr[LABEL_COLS - 1] == ' ' &&
        line.ptr[LABEL_COLS] != ' ')
        return LABEL_COLS;
    return at;
}

void doc_lines(struct doc *d, struct slice text)
{
    struct vis_text line, part;
    vis_init(&line);
    vis_init(&part);
    while (text.len > 0) {
        ptrdiff_t lf = slice_find_octet(text, '\n');
        char *one = mem_slice_dup(slice_take(text, lf < 0 ? text.len : (size_t)lf));
        text = slice_skip(text, strlen(one) + (lf >= 0));
        vis_reset(&line);
        draw_mixed_text(d->u, one, &line);
        mem_free(one);
        struct slice rest = buf_slice(&line.text);
        enum role role = rest.len > 0 && rest.ptr[0] != ' ' ? ROLE_TITLE : ROLE_TEXT;
        size_t hang = hanging_cols(rest), indent = 0;
        do {
            int room = d->cols - (int)indent > 8 ? d->cols - (int)indent : 8;
            size_t used = words_fit(rest, room, &part);
            struct doc_row *row = doc_add(d, role);
            for (size_t i = 0; i < indent; i++)
                vis_append_own(&row->left, " ");
            vis_append(&row->left, buf_slice(&part.text), 0, SIZE_MAX);
            rest = slice_skip(rest, used ? used : rest.len);
            while (rest.len > 0 && rest.ptr[0] == ' ')
                rest = slice_skip(rest, 1);
            indent = hang;
        } while (rest.len > 0);
    }
    vis_deinit(&part);
    vis_deinit(&line);
}

/* ---- drawing ---- */

static void draw_row(struct ui *u, const struct doc_row *row, int y, const struct rect *r)
{
    int right = row->right.cols > 0 ? (int)row->right.cols + 1 : 0;
    /* Beside a text that needs the place, only what matters stays. */
    if (row->right_role == ROLE_DIM && (int)row->left.cols + right > r->cols)
        right = 0;
    int room = r->cols - right - (row->more ? 1 : 0);
    if (room < 8)
        room = r->cols;
    int cols = draw_vis(u, y, r->x, room, &row->left, (enum role)row->role);
    if ((int)row->left.cols > room || row->more)
        draw_own(u, y, r->x + (row->more ? cols : room - 1), 1, "…", ROLE_DIM);
    if (row->indent)
        draw_restyle(u, y, r->x, row->indent < cols ? row->indent : cols, ROLE_LABEL);
    if (right && room < r->cols)
        draw_vis(u, y, r->x + r->cols - (int)row->right.cols, right, &row->right,
                 (enum role)row->right_role);
}

static void add_title(struct doc *d, enum tab tab)
{
    if (d->n_rows > 0)
        doc_add(d, ROLE_TEXT);
    struct doc_row *row = doc_add(d, ROLE_SECTION);
    row->title = true;
    doc_own(d, row, decoded_tab_name(d->u, tab));
}

static bool is_second(const struct ui *u, enum tab tab)
{
    for (size_t i = 0; u->layout.second.rows > 0 && i < N_SECOND; i++)
        if (second_order[i] == tab)
            return true;
    return false;
}

/* A section behind the others, where it fits as a whole. */
static void add_if_fits(struct doc *d, enum tab tab, const struct view *v, size_t rows)
{
    struct doc probe;
    if (decoded_section_empty(tab, v))
        return;
    doc_init(&probe, d->u, d->cols);
    decoded_section(&probe, tab, v);
    size_t needed = probe.n_rows + (d->n_rows > 0 ? 2 : 1);
    doc_deinit(&probe);
    if (d->n_rows + needed > rows)
        return;
    add_title(d, tab);
    decoded_section(d, tab, v);
}

/* The chosen section, and behind it the others, as long as they fit as a whole. */
static void fill(struct doc *d, enum tab first, const struct view *v, size_t rows)
{
    bool titles = rows > 6;
    d->strip = !titles;
    if (titles)
        add_title(d, first);
    decoded_section(d, first, v);
    for (int i = 1; titles && i < TAB__COUNT; i++) {
        enum tab tab = (enum tab)((first + i) % TAB__COUNT);
        if (!is_second(d->u, tab))
            add_if_fits(d, tab, v, rows);
    }
}

static void fill_second(struct doc *d, enum tab first, const struct view *v, size_t rows)
{
    for (size_t i = 0; i < N_SECOND; i++)
        if (second_order[i] != first)
            add_if_fits(d, second_order[i], v, rows);
}

static void draw_doc(struct ui *u, const struct doc *doc, const struct rect *r, size_t scroll)
{
    size_t at = scroll;
    const struct rect narrow = {r->y, r->x, r->rows,
                                r->cols - 6}; /* room for how many rows follow */
    for (int i = 0; i < r->rows && at < doc->n_rows; i++, at++) {
        bool cut_short = i == r->rows - 1 && at + 1 < doc->n_rows;
        draw_row(u, &doc->rows[at], r->y + i, cut_short ? &narrow : r);
    }
    if (at < doc->n_rows)
        draw_fmt(u, r->y + r->rows - 1, r->x + r->cols - 5, 5, ROLE_WARN, "%3zu ↓",
                 doc->n_rows - at);
}

void decoded_pane_draw(struct ui *u)
{
    const struct rect *r = &u->layout.decoded, *second = &u->layout.second;
    struct doc doc;
    if (r->rows <= 0 || r->cols < 8)
        return;
    const struct view *v = decoded_view(u);
    enum tab tab = decoded_tab(u);
    doc_init(&doc, u, r->cols);
    fill(&doc, tab, v, (size_t)r->rows);
    size_t max_scroll = doc.n_rows > (size_t)r->rows ? doc.n_rows - (size_t)r->rows : 0;
    if (u->decoded.scroll > max_scroll)
        u->decoded.scroll = max_scroll;
    draw_doc(u, &doc, r, u->decoded.scroll);
    doc_deinit(&doc);
    if (second->rows > 0) {
        doc_init(&doc, u, second->cols);
        fill_second(&doc, tab, v, (size_t)second->rows);
        draw_doc(u, &doc, second, 0);
        doc_deinit(&doc);
    }
}

void decoded_pane_close(struct ui *u)
{
    decoded_pane_forget(u);
    for (int i = 0; i < TAB__COUNT; i++)
        buf_deinit(&u->decoded.texts[i].text);
}
