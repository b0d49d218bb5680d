/* The mailbox store's insides, shared by its source files only.
 *
 * The index of all messages is in memory for both backends, sorted by UID in each mailbox, so that
 * views, searches and sequence numbers cost the same everywhere; a backend only puts octets and
 * flags where they last. A mailbox counts its changes; a view remembers the count it has seen and,
 * of each message, what its client was told, so that nothing has to be queued for a slow reader.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "base/mem.h"
#include "store/store.h"

enum {
    MESSAGES_DEFAULT = 10000,
    MAILBOXES_DEFAULT = 1000,
    USERS_DEFAULT = 10000,
    OCTETS_DEFAULT = 64 << 20,
    MESSAGE_OCTETS_DEFAULT = 50 << 20,
    USER_NAME_MAX_OCTETS = 64,
    SUBSCRIPTIONS_MAX = 2000,
};

#define OCTETS_UNKNOWN UINT64_MAX

struct store_blob {
    uint8_t *ptr;
    size_t len, alloc_octets;
    unsigned holders;
};

/* One message in one mailbox. */
struct message {
    struct store_mailbox *mailbox;
    uint64_t number; /* over all of the store */
    uint64_t keywords;
    uint64_t octets;         /* with CRLF; OCTETS_UNKNOWN: not looked at yet */
    int64_t internal_us;     /* 0: not looked at yet */
    struct store_blob *blob; /* memory */
    char *file;              /* Maildir: its name now, flags included */
    char *from, *to;         /* owned; NULL: not known */
    uint32_t uid;
    uint8_t flags;
    bool fresh;    /* no writing view has seen it: \Recent for the first that does */
    bool in_new;   /* Maildir: stands in new/ */
    bool exact;    /* Maildir: the file holds the octets as they are, not with LF line ends */
    bool seen_now; /* Maildir: found by the scan under way */
};

struct store_mailbox {
    struct store_user *user;
    char *name;
    struct message **messages; /* by UID; .off of them at the start are no longer used */
    size_t off, n, alloc;
    uint64_t changes;
    struct store_view *views, *locker;
    struct maildir_state *maildir;
    char *keywords[STORE_KEYWORDS_MAX];
    uint32_t uid_validity, uid_next;
    enum store_use use;
    bool selectable;
    bool dead; /* deleted; lives on for its views */
};

struct store_user {
    struct store *store;
    char *name;
    struct secret password;
    uint64_t quota_octets, quota_messages;
    struct store_mailbox **mailboxes; /* INBOX, then by name */
    size_t n_mailboxes, alloc_mailboxes;
    char **subscriptions; /* by name */
    size_t n_subscriptions, alloc_subscriptions;
};

struct view_entry {
    uint64_t keywords; /* as the client was told */
    uint32_t uid;
    uint8_t flags;
    bool recent;
};

struct store_view {
    struct store_mailbox *mailbox;
    struct store_view *next; /* of the mailbox */
    struct view_entry *entries;
    size_t n, alloc;
    uint64_t seen_changes;
    bool read_only, gone_kept;
    store_changed_fn on_change;
    void *ctx;
};

/* A place of the list of all messages; message NULL: it left. */
struct slot {
    uint64_t number;
    struct message *message;
};

/* What a backend does. Every function but `refresh` is called after the index agreed; false or a
 * failure undoes it there. */
struct store_backend {
    /* Are the messages of this mailbox all in the index? Reads what others changed. */
    bool (*refresh)(struct store_mailbox *m, struct err *err);
    /* Put the octets of a new message (uid, flags, internal_us set) in their place. */
    bool (*put)(struct message *g, struct store_blob *blob, struct err *err);
    /* The same for one that is in another mailbox. */
    bool (*copy)(struct message *g, struct message *from, struct err *err);
    bool (*remove)(struct message *g, struct err *err);
    /* Its flags, keywords or freshness changed. */
    bool (*flags)(struct message *g, struct err *err);
    bool (*measure)(struct message *g);
    struct store_content *(*open)(struct message *g, struct err *err);
    bool (*make_user)(struct store_user *u, struct err *err);
    bool (*make)(struct store_mailbox *m, struct err *err); /* .uid_validity is set */
    bool (*unmake)(struct store_mailbox *m, struct err *err);
    bool (*rename)(struct store_mailbox *m, const char *to, struct err *err);
    bool (*keyword)(struct store_mailbox *m, unsigned bit); /* it was added */
    bool (*subscriptions)(struct store_user *u, struct err *err);
    void (*rest)(struct store_mailbox *m);   /* nobody views it any more */
    void (*forget)(struct store_mailbox *m); /* it leaves memory */
    unsigned keywords_max;
};
extern const struct store_backend store_memory;
extern const struct store_backend store_maildir;

struct store {
    const struct store_backend *backend;
    const struct clock *clock;
    struct store_limits limits;
    struct store_user **users; /* by name */
    size_t n_users, alloc_users;
    struct slot *slots; /* by number; .off of them at the start are no longer used */
    size_t off_slots, n_slots, alloc_slots, holes;
    uint64_t last_number, octets, evicted;
    uint32_t last_validity;
    /* Maildir */
    char *path, *host;
    uint64_t file_count;
    int dir_fd, lock_fd;
    bool sync;
};

/* Octets of one message, open for reading. */
struct store_content {
    struct store *store;
    struct store_blob *blob; /* memory: held */
    int fd;                  /* Maildir */
    bool exact;
    uint64_t octets, file_octets;
    uint64_t at, file_at; /* where the next octet comes from */
    bool after_cr;
    struct buf whole;
};

/* store.c */
void *store_grow(void *array, size_t element_octets, size_t n, size_t *alloc);
void store_slot_add(struct store *s, struct message *g);
void store_slot_remove(struct store *s, const struct message *g);
void store_make_room(struct store *s);
uint32_t store_new_validity(struct store *s);
struct store_user *store_user_insert(struct store *s, const char *name);

/* name.c */
bool store_is_inbox(struct slice name);
bool store_user_name_is_valid(struct slice name);

/* mailbox.c */
/* Not on disk yet. A valid name that does not exist. */
struct store_mailbox *store_mailbox_insert(struct store_user *u, struct slice name,
                                           bool selectable);
void store_mailbox_insert_parents(struct store_user *u, struct slice name);
void store_mailbox_free(struct store_mailbox *m);
bool store_subscription_insert(struct store_user *u, struct slice name);

/* message.c */
struct message *store_message_new(struct store_mailbox *m);
void store_message_link(struct message *g);   /* .uid above all others: into mailbox and store */
void store_message_unlink(struct message *g); /* and free */
void store_message_free(struct message *g);
struct message *store_message_at(const struct store_mailbox *m, size_t index);
/* hint: where it probably is. NULL: none of that UID. */
struct message *store_message_find(const struct store_mailbox *m, uint32_t uid, size_t hint);
void store_changed(struct store_mailbox *m, const struct store_view *by);
void store_blob_hold(struct store *s, struct store_blob *b);

#endif
