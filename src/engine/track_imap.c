/* IMAP behind include/engine/track.h. */
#include "engine/imap_track.h"
#include "engine/track_private.h"

static void *imap_new(struct journal *j, uint32_t conn, const struct track_options *options)
{
    return imap_track_new(
        j, conn,
        &(struct imap_track_options){.backstage = options->backstage, .tls = options->tls});
}

static void imap_free(void *self)
{
    struct imap_track *t = self;
    imap_track_free(&t);
}

static const enum track_item_kind kinds[] = {
    [IMAP_ITEM_NONE] = TRACK_ITEM_NONE,      [IMAP_ITEM_COMMAND] = TRACK_ITEM_LINE,
    [IMAP_ITEM_LITERAL] = TRACK_ITEM_LINE,   [IMAP_ITEM_CONTENT] = TRACK_ITEM_LINE,
    [IMAP_ITEM_AUTH_DATA] = TRACK_ITEM_LINE, [IMAP_ITEM_DONE] = TRACK_ITEM_LINE,
    [IMAP_ITEM_REPLY] = TRACK_ITEM_REPLY,    [IMAP_ITEM_GO_ON] = TRACK_ITEM_GO_ON,
    [IMAP_ITEM_UNTAGGED] = TRACK_ITEM_LINE,  [IMAP_ITEM_VOID] = TRACK_ITEM_LINE,
};

static size_t imap_feed(struct track *t, enum event_dir dir, struct slice in,
                        struct track_item *out)
{
    struct imap_item *item = &t->item.imap;
    size_t used = imap_track_feed(t->self, dir, in, item);
    const struct imap_response *r = item->response;
    out->kind = kinds[item->kind];
    out->asked = item->asked;
    out->good = r && (r->status == IMAP_STATUS_OK || r->status == IMAP_STATUS_PREAUTH);
    if (r)
        out->text = r->human;
    if (r)
        out->code = r->code;
    out->imap = item;
    return used;
}

static void imap_feed_all(void *self, enum event_dir dir, struct slice in)
{
    imap_track_feed_all(self, dir, in);
}

static void imap_tls_up(void *self)
{
    imap_track_tls_up(self);
}

static void imap_closed(void *self, enum event_dir closed_by)
{
    imap_track_closed(self, closed_by);
}

static void imap_line(void *self, struct slice typed, bool dotstuff, struct buf *out)
{
    (void)dotstuff; /* a literal is counted, not stuffed */
    imap_track_line(self, typed, out);
}

static const char *imap_state_word(const void *self)
{
    return imap_state_name(imap_track_state(self));
}

/* A person in a literal types its octets, no command. */
static const char *imap_prompt(const void *self)
{
    return imap_track_literal_left(self) > 0 ? "literal"
                                             : imap_state_prompt(imap_track_state(self));
}

static enum track_expects imap_expects(const void *self)
{
    static const enum track_expects by_state[IMAP_STATE__COUNT] = {
        [IMAP_STATE_AUTH] = TRACK_EXPECTS_SECRET,
        [IMAP_STATE_IDLE] = TRACK_EXPECTS_IDLE,
        [IMAP_STATE_TLS] = TRACK_EXPECTS_TLS,
        [IMAP_STATE_LOGOUT] = TRACK_EXPECTS_NOTHING,
        [IMAP_STATE_CLOSED] = TRACK_EXPECTS_NOTHING};
    if (imap_track_literal_left(self) > 0)
        return TRACK_EXPECTS_LITERAL;
    if (imap_track_in_command(self))
        return TRACK_EXPECTS_REST;
    return by_state[imap_track_state(self)];
}

static bool imap_ending(const void *self)
{
    return imap_track_state(self) == IMAP_STATE_LOGOUT;
}

static bool imap_ended(const void *self)
{
    return imap_track_state(self) == IMAP_STATE_CLOSED;
}

static size_t imap_pending(const void *self)
{
    return imap_track_pending(self);
}

static bool imap_auth_pending(const void *self)
{
    return imap_track_secret_due(self);
}

static bool imap_authenticated(const void *self)
{
    return imap_track_authenticated(self);
}

static bool imap_is_tls(const void *self)
{
    return imap_track_tls(self);
}

static bool imap_offers(const void *self, const char *capability)
{
    return imap_track_offers(self, capability);
}

static bool imap_mechanisms(const void *self, struct slice *out)
{
    *out = imap_track_mechanisms(self);
    return out->len > 0;
}

const struct track_ops track_ops_imap = {
    .new = imap_new,
    .free = imap_free,
    .feed = imap_feed,
    .feed_all = imap_feed_all,
    .tls_up = imap_tls_up,
    .closed = imap_closed,
    .line = imap_line,
    .state_name = imap_state_word,
    .prompt = imap_prompt,
    .expects = imap_expects,
    .ending = imap_ending,
    .ended = imap_ended,
    .pending = imap_pending,
    .auth_pending = imap_auth_pending,
    .authenticated = imap_authenticated,
    .is_tls = imap_is_tls,
    .offers = imap_offers,
    .mechanisms = imap_mechanisms,
};
