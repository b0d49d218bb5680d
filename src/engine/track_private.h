/* What a protocol gives for include/engine/track.h: one table each, in track_smtp.c and its
 * sisters. */
#ifndef ENGINE_TRACK_PRIVATE_H
#define ENGINE_TRACK_PRIVATE_H

#include "engine/pop3_track.h"
#include "engine/imap_track.h"
#include "engine/smtp_track.h"
#include "engine/track.h"

struct track_ops {
    void *(*new)(struct journal *j, uint32_t conn, const struct track_options *options);
    void (*free)(void *self);
    size_t (*feed)(struct track *t, enum event_dir dir, struct slice in,
                   struct track_item *item_out);
    void (*feed_all)(void *self, enum event_dir dir, struct slice in);
    void (*tls_up)(void *self);
    void (*closed)(void *self, enum event_dir closed_by);
    void (*line)(void *self, struct slice typed, bool dotstuff, struct buf *out);
    const char *(*state_name)(const void *self);
    const char *(*prompt)(const void *self);
    enum track_expects (*expects)(const void *self);
    bool (*ending)(const void *self);
    bool (*ended)(const void *self);
    size_t (*pending)(const void *self);
    bool (*auth_pending)(const void *self);
    bool (*authenticated)(const void *self);
    bool (*is_tls)(const void *self);
    bool (*offers)(const void *self, const char *capability);
    bool (*mechanisms)(const void *self, struct slice *out);
};

struct track {
    enum protocol protocol;
    const struct track_ops *ops;
    void *self; /* the protocol's own tracker */
    union {     /* what track_item.smtp and its sisters point to */
        struct smtp_item smtp;
        struct pop3_item pop3;
        struct imap_item imap;
    } item;
};

extern const struct track_ops track_ops_smtp;
extern const struct track_ops track_ops_pop3;
extern const struct track_ops track_ops_imap;
extern const struct track_ops track_ops_museum;

#endif
