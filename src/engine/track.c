/* The tracker of whichever protocol: finds its table and passes the question on. */
#include "engine/track_private.h"

#include <string.h>

#include "base/mem.h"

static const struct track_ops *const all[PROTOCOL__COUNT] = {
    [PROTOCOL_SMTP] = &track_ops_smtp,
    [PROTOCOL_POP3] = &track_ops_pop3,
    [PROTOCOL_IMAP] = &track_ops_imap,
    [PROTOCOL_MUSEUM] = &track_ops_museum,
};

const char *protocol_name(enum protocol protocol)
{
    static const char *const names[PROTOCOL__COUNT] = {"smtp", "pop3", "imap", "museum"};
    BUG_IF((unsigned)protocol >= PROTOCOL__COUNT);
    return names[protocol];
}

bool track_known(enum protocol protocol)
{
    return (unsigned)protocol < PROTOCOL__COUNT && all[protocol];
}

struct track *track_new(enum protocol protocol, struct journal *j, uint32_t conn,
                        const struct track_options *options)
{
    BUG_IF((unsigned)protocol >= PROTOCOL__COUNT || !all[protocol]);
    struct track *t = mem_zalloc(sizeof(*t));
    t->protocol = protocol;
    t->ops = all[protocol];
    t->self = t->ops->new (j, conn, options);
    return t;
}

void track_free(struct track **t)
{
    if (!*t)
        return;
    (*t)->ops->free((*t)->self);
    mem_free(*t);
    *t = NULL;
}

enum protocol track_protocol(const struct track *t)
{
    return t->protocol;
}

size_t track_feed(struct track *t, enum event_dir dir, struct slice in, struct track_item *item_out)
{
    memset(item_out, 0, sizeof(*item_out));
    return t->ops->feed(t, dir, in, item_out);
}

void track_feed_all(struct track *t, enum event_dir dir, struct slice in)
{
    t->ops->feed_all(t->self, dir, in);
}

void track_tls_up(struct track *t)
{
    t->ops->tls_up(t->self);
}

void track_closed(struct track *t, enum event_dir closed_by)
{
    t->ops->closed(t->self, closed_by);
}

void track_line(struct track *t, struct slice typed, bool dotstuff, struct buf *out)
{
    t->ops->line(t->self, typed, dotstuff, out);
}

const char *track_state_name(const struct track *t)
{
    return t->ops->state_name(t->self);
}

const char *track_prompt(const struct track *t)
{
    return t->ops->prompt(t->self);
}

enum track_expects track_expects(const struct track *t)
{
    return t->ops->expects(t->self);
}

bool track_ending(const struct track *t)
{
    return t->ops->ending(t->self);
}

bool track_ended(const struct track *t)
{
    return t->ops->ended(t->self);
}

size_t track_pending(const struct track *t)
{
    return t->ops->pending(t->self);
}

bool track_auth_pending(const struct track *t)
{
    return t->ops->auth_pending(t->self);
}

bool track_authenticated(const struct track *t)
{
    return t->ops->authenticated(t->self);
}

bool track_is_tls(const struct track *t)
{
    return t->ops->is_tls(t->self);
}

bool track_offers(const struct track *t, const char *capability)
{
    return t->ops->offers(t->self, capability);
}

bool track_mechanisms(const struct track *t, struct slice *out)
{
    return t->ops->mechanisms(t->self, out);
}

struct pop3_track *track_pop3(const struct track *t)
{
    return t && t->protocol == PROTOCOL_POP3 ? t->self : NULL;
}

struct imap_track *track_imap(const struct track *t)
{
    return t && t->protocol == PROTOCOL_IMAP ? t->self : NULL;
}

struct smtp_track *track_smtp(const struct track *t)
{
    return t && t->protocol == PROTOCOL_SMTP ? t->self : NULL;
}
