/* The IMAP tracker: what may be asked of it, and the wire form of a typed line. */
#include "engine/imap_track_private.h"

enum { MECHANISMS_OCTETS = 512 };

enum imap_state imap_track_state(const struct imap_track *t)
{
    return (enum imap_state)t->state;
}

bool imap_track_tls(const struct imap_track *t)
{
    return t->core.tls;
}

bool imap_track_authenticated(const struct imap_track *t)
{
    return t->authenticated;
}

size_t imap_track_pending(const struct imap_track *t)
{
    size_t n = (t->greeting_awaited ? 1 : 0) + t->unkept;
    for (size_t i = 0; t->work && i < t->work->ring_count; i++)
        n += !t->work->ring[i].clients_turn;
    return n;
}

enum imap_verb imap_track_pending_verb(const struct imap_track *t)
{
    const struct imap_pending *head = itrack_head(t);
    if (t->greeting_awaited)
        return IMAP_VERB_CONNECT;
    return head ? (enum imap_verb)head->verb : IMAP_VERB_UNKNOWN;
}

uint64_t imap_track_pending_since_ns(const struct imap_track *t)
{
    const struct imap_pending *head = itrack_head(t);
    if (t->greeting_awaited)
        return t->greeting_since_ns;
    return head ? head->tick_ns : 0;
}

bool imap_track_auth_open(const struct imap_track *t)
{
    return itrack_by_verb(t, IMAP_VERB_AUTHENTICATE) || (t->auth_unkept && t->unkept > 0);
}

bool imap_track_secret_due(const struct imap_track *t)
{
    return imap_track_auth_open(t) ||
           (t->in_command[DIR_C] && secret_scan_in_secret(&t->scan[DIR_C].secret));
}

uint64_t imap_track_literal_left(const struct imap_track *t)
{
    return t->scan[DIR_C].literal_left;
}

bool imap_track_awaits_go_ahead(const struct imap_track *t)
{
    return t->awaits_go_ahead;
}

bool imap_track_in_command(const struct imap_track *t)
{
    return t->in_command[DIR_C];
}

bool imap_track_caps_known(const struct imap_track *t)
{
    return t->caps != NULL;
}

bool imap_track_offers(const struct imap_track *t, const char *capability)
{
    struct slice rest = slice_cstr(t->caps), want = slice_cstr(capability);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest))
        if (slice_eq_nocase(w, want))
            return true;
    return false;
}

bool imap_track_cap_at(const struct imap_track *t, size_t index, struct slice *cap_out)
{
    struct slice rest = slice_cstr(t->caps);
    *cap_out = slice_of(NULL, 0);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        if (index-- > 0)
            continue;
        *cap_out = w;
        return true;
    }
    return false;
}

/* One tracker's answer is asked for at a time: the loop has one thread. */
struct slice imap_track_mechanisms(const struct imap_track *t)
{
    static uint8_t list[MECHANISMS_OCTETS];
    size_t n = 0;
    struct slice rest = slice_cstr(t->caps);
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        if (!slice_starts_nocase(w, SLICE_LIT("AUTH=")) || n + w.len > sizeof(list))
            continue;
        if (n > 0)
            list[n++] = ' ';
        for (size_t i = 5; i < w.len; i++)
            list[n++] = w.ptr[i];
    }
    return slice_of(list, n);
}

const char *imap_track_auth_mechanism(const struct imap_track *t)
{
    return (imap_track_auth_open(t) || t->authenticated) && t->core.mechanism[0] ? t->core.mechanism
                                                                                 : NULL;
}

bool imap_track_utf8(const struct imap_track *t)
{
    return t->utf8;
}

struct slice imap_track_mailbox(const struct imap_track *t)
{
    return slice_cstr(t->mailbox);
}

uint32_t imap_track_exists(const struct imap_track *t)
{
    return t->exists;
}

/* A line that begins with a command's name has no tag: who calls a tag "NOOP" cannot be helped. */
static bool tag_missing(const struct imap_track *t, struct slice typed)
{
    if (t->in_command[DIR_C] || t->state == IMAP_STATE_AUTH || t->state == IMAP_STATE_IDLE ||
        imap_track_auth_open(t))
        return false;
    if (t->idle_open && slice_eq_nocase(slice_trim(typed), SLICE_LIT("DONE")))
        return false;
    struct slice first = slice_next_word(&typed);
    return imap_verb_by_name(first) != IMAP_VERB_UNKNOWN ||
           slice_eq_nocase(first, SLICE_LIT("UID"));
}

void imap_track_line(struct imap_track *t, struct slice typed, struct buf *out)
{
    if (tag_missing(t, typed))
        buf_printf(out, "a%u ", ++t->next_tag);
    buf_append(out, typed);
    buf_append(out, SLICE_LIT("\r\n"));
}
