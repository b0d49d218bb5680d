/* SMTP and LMTP behind include/engine/track.h. */
#include "engine/track_private.h"

static void *smtp_new(struct journal *j, uint32_t conn, const struct track_options *options)
{
    return smtp_track_new(j, conn,
                          &(struct smtp_track_options){.backstage = options->backstage,
                                                       .lmtp = options->lmtp,
                                                       .tls = options->tls});
}

static void smtp_free(void *self)
{
    struct smtp_track *t = self;
    smtp_track_free(&t);
}

static enum track_item_kind item_kind(const struct smtp_item *item)
{
    if (item->kind == SMTP_ITEM_NONE)
        return TRACK_ITEM_NONE;
    if (item->kind != SMTP_ITEM_REPLY)
        return TRACK_ITEM_LINE;
    return item->reply->code / 100 == 3 ? TRACK_ITEM_GO_ON : TRACK_ITEM_REPLY;
}

static size_t smtp_feed(struct track *t, enum event_dir dir, struct slice in,
                        struct track_item *out)
{
    struct smtp_item *item = &t->item.smtp;
    size_t used = smtp_track_feed(t->self, dir, in, item);
    out->kind = item_kind(item);
    out->asked = item->asked;
    out->good = item->reply && item->reply->code >= 200 && item->reply->code < 400;
    if (item->reply && item->reply->n_lines > 0)
        out->text = smtp_reply_line_text(item->reply, item->reply->n_lines - 1);
    out->smtp = item;
    return used;
}

static void smtp_feed_all(void *self, enum event_dir dir, struct slice in)
{
    smtp_track_feed_all(self, dir, in);
}

static void smtp_tls_up(void *self)
{
    smtp_track_tls_up(self);
}

static void smtp_closed(void *self, enum event_dir closed_by)
{
    smtp_track_closed(self, closed_by);
}

static void smtp_line(void *self, struct slice typed, bool dotstuff, struct buf *out)
{
    bool in_data = smtp_track_state(self) == SMTP_STATE_DATA;
    if (in_data && dotstuff && typed.len > 1 && typed.ptr[0] == '.')
        buf_append_octet(out, '.');
    buf_append(out, typed);
    buf_append(out, SLICE_LIT("\r\n"));
}

static const char *smtp_state_word(const void *self)
{
    return smtp_state_name(smtp_track_state(self));
}

static const char *smtp_prompt(const void *self)
{
    return smtp_state_prompt(smtp_track_state(self));
}

static enum track_expects smtp_expects(const void *self)
{
    static const enum track_expects by_state[SMTP_STATE__COUNT] = {
        [SMTP_STATE_AUTH] = TRACK_EXPECTS_SECRET,
        [SMTP_STATE_DATA] = TRACK_EXPECTS_CONTENT,
        [SMTP_STATE_TLS] = TRACK_EXPECTS_TLS,
        [SMTP_STATE_QUIT] = TRACK_EXPECTS_NOTHING,
        [SMTP_STATE_CLOSED] = TRACK_EXPECTS_NOTHING};
    return by_state[smtp_track_state(self)];
}

static bool smtp_ending(const void *self)
{
    return smtp_track_state(self) == SMTP_STATE_QUIT;
}

static bool smtp_ended(const void *self)
{
    return smtp_track_state(self) == SMTP_STATE_CLOSED;
}

static size_t smtp_pending(const void *self)
{
    return smtp_track_pending(self);
}

static bool smtp_auth_pending(const void *self)
{
    return smtp_track_state(self) == SMTP_STATE_AUTH ||
           smtp_track_pending_verb(self) == SMTP_VERB_AUTH;
}

static bool smtp_authenticated(const void *self)
{
    return smtp_track_authenticated(self);
}

static bool smtp_is_tls(const void *self)
{
    return smtp_track_tls(self);
}

static bool smtp_offers(const void *self, const char *capability)
{
    return smtp_track_offers(self, capability, NULL);
}

static bool smtp_mechanisms(const void *self, struct slice *out)
{
    return smtp_track_offers(self, "AUTH", out);
}

const struct track_ops track_ops_smtp = {
    .new = smtp_new,
    .free = smtp_free,
    .feed = smtp_feed,
    .feed_all = smtp_feed_all,
    .tls_up = smtp_tls_up,
    .closed = smtp_closed,
    .line = smtp_line,
    .state_name = smtp_state_word,
    .prompt = smtp_prompt,
    .expects = smtp_expects,
    .ending = smtp_ending,
    .ended = smtp_ended,
    .pending = smtp_pending,
    .auth_pending = smtp_auth_pending,
    .authenticated = smtp_authenticated,
    .is_tls = smtp_is_tls,
    .offers = smtp_offers,
    .mechanisms = smtp_mechanisms,
};
