/* POP3 behind include/engine/track.h. */
#include "engine/track_private.h"

static void *pop3_new(struct journal *j, uint32_t conn, const struct track_options *options)
{
    return pop3_track_new(j, conn,
                          &(struct pop3_track_options){.backstage = options->backstage,
                                                       .tls = options->tls,
                                                       .want_content = true});
}

static void pop3_free(void *self)
{
    struct pop3_track *t = self;
    pop3_track_free(&t);
}

static enum track_item_kind item_kind(const struct pop3_item *item)
{
    switch (item->kind) {
    case POP3_ITEM_NONE:
    case POP3_ITEM_STATUS: /* the answer goes on */
    case POP3_ITEM_CONTENT:
        return TRACK_ITEM_NONE;
    case POP3_ITEM_COMMAND:
    case POP3_ITEM_AUTH_DATA:
    case POP3_ITEM_VOID:
        return TRACK_ITEM_LINE;
    case POP3_ITEM_REPLY:
    case POP3_ITEM_CONTENT_END:
        return TRACK_ITEM_REPLY;
    case POP3_ITEM_GO_ON:
        return TRACK_ITEM_GO_ON;
    }
    return TRACK_ITEM_NONE;
}

static size_t pop3_feed(struct track *t, enum event_dir dir, struct slice in,
                        struct track_item *out)
{
    struct pop3_item *item = &t->item.pop3;
    size_t used = pop3_track_feed(t->self, dir, in, item);
    out->kind = item_kind(item);
    out->asked = item->asked;
    out->good = item->kind == POP3_ITEM_CONTENT_END ||
                (item->response && item->response->status == POP3_STATUS_OK);
    if (item->response)
        out->text = item->response->text;
    if (item->response)
        out->code = item->response->code;
    out->pop3 = item;
    return used;
}

static void pop3_feed_all(void *self, enum event_dir dir, struct slice in)
{
    pop3_track_feed_all(self, dir, in);
}

static void pop3_tls_up(void *self)
{
    pop3_track_tls_up(self);
}

static void pop3_closed(void *self, enum event_dir closed_by)
{
    pop3_track_closed(self, closed_by);
}

static void pop3_line(void *self, struct slice typed, bool dotstuff, struct buf *out)
{
    (void)self, (void)dotstuff; /* the client never sends content */
    buf_append(out, typed);
    buf_append(out, SLICE_LIT("\r\n"));
}

static const char *pop3_state_word(const void *self)
{
    return pop3_state_name(pop3_track_state(self));
}

static const char *pop3_prompt(const void *self)
{
    return pop3_state_prompt(pop3_track_state(self));
}

static enum track_expects pop3_expects(const void *self)
{
    static const enum track_expects by_state[POP3_STATE__COUNT] = {
        [POP3_STATE_AUTH] = TRACK_EXPECTS_SECRET,
        [POP3_STATE_TLS] = TRACK_EXPECTS_TLS,
        [POP3_STATE_UPDATE] = TRACK_EXPECTS_NOTHING,
        [POP3_STATE_CLOSED] = TRACK_EXPECTS_NOTHING};
    return by_state[pop3_track_state(self)];
}

static bool pop3_ending(const void *self)
{
    return pop3_track_state(self) == POP3_STATE_UPDATE;
}

static bool pop3_ended(const void *self)
{
    return pop3_track_state(self) == POP3_STATE_CLOSED;
}

static size_t pop3_pending(const void *self)
{
    return pop3_track_pending(self);
}

static bool pop3_auth_pending(const void *self)
{
    return pop3_track_state(self) == POP3_STATE_AUTH || pop3_track_auth_open(self);
}

static bool pop3_authenticated(const void *self)
{
    return pop3_track_authenticated(self);
}

static bool pop3_is_tls(const void *self)
{
    return pop3_track_tls(self);
}

static bool pop3_offers(const void *self, const char *capability)
{
    return pop3_track_offers(self, capability, NULL);
}

static bool pop3_mechanisms(const void *self, struct slice *out)
{
    return pop3_track_offers(self, "SASL", out);
}

const struct track_ops track_ops_pop3 = {
    .new = pop3_new,
    .free = pop3_free,
    .feed = pop3_feed,
    .feed_all = pop3_feed_all,
    .tls_up = pop3_tls_up,
    .closed = pop3_closed,
    .line = pop3_line,
    .state_name = pop3_state_word,
    .prompt = pop3_prompt,
    .expects = pop3_expects,
    .ending = pop3_ending,
    .ended = pop3_ended,
    .pending = pop3_pending,
    .auth_pending = pop3_auth_pending,
    .authenticated = pop3_authenticated,
    .is_tls = pop3_is_tls,
    .offers = pop3_offers,
    .mechanisms = pop3_mechanisms,
};
