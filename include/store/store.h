/* The mailbox store: one, behind every protocol of the practice server. What SMTP delivers, POP3
 * downloads and deletes, IMAP keeps and shows, several sessions at once.
 *
 *     store -> users -> mailboxes -> messages      view: one session's picture of one mailbox
 *
 * A mailbox is live; a view stands still until its owner brings it up to date, because sequence
 * numbers must not move behind a client's back (RFC 3501 section 7.4.1, RFC 1939 section 4). When
 * something changes, the other views of that mailbox are told by a callback, and store_view_sync
 * says what is new: gone messages, changed flags, more messages.
 *
 * Two backends, one behaviour: memory, and Maildir++ below one directory, as Dovecot and mutt read
 * it. In memory the oldest messages leave when the limits are reached; on disk nothing leaves by
 * itself. Names of users and mailboxes come from peers: they are checked (store_name_is_valid) and
 * encoded, and no path leaves the directory.
 *
 * Nothing here appends events: the owner knows who did what, and why. All times are wall clock.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

struct store;
struct store_user;
struct store_mailbox;
struct store_view;
struct store_blob;
struct store_content;

enum store_result {
    STORE_OK,
    STORE_OVER_QUOTA, /* the user's quota */
    STORE_FULL,       /* a limit of the store: messages, octets, mailboxes, keywords */
    STORE_MISSING,    /* no such mailbox or message */
    STORE_EXISTS,     /* there is one of that name */
    STORE_BAD_NAME,   /* not a name: see store_name_is_valid */
    STORE_LOCKED,     /* another session has the maildrop for itself */
    STORE_READ_ONLY,  /* the view was opened so */
    STORE_CANNOT,     /* INBOX cannot be deleted, a name without a mailbox not selected, ... */
    STORE_FAILED,     /* the file system failed: err says how */
    STORE__COUNT
};
const char *store_result_text(enum store_result r); /* for a person, no full stop */

enum store_flag {
    STORE_SEEN = 1 << 0,
    STORE_ANSWERED = 1 << 1,
    STORE_FLAGGED = 1 << 2,
    STORE_DELETED = 1 << 3,
    STORE_DRAFT = 1 << 4,
    STORE_FLAGS_ALL = (1 << 5) - 1,
    STORE_RECENT = 1 << 5, /* of a view only: it is the first to see this message */
};

/* RFC 6154. */
enum store_use {
    STORE_USE_NONE,
    STORE_USE_ALL,
    STORE_USE_ARCHIVE,
    STORE_USE_DRAFTS,
    STORE_USE_FLAGGED,
    STORE_USE_JUNK,
    STORE_USE_SENT,
    STORE_USE_TRASH,
    STORE_USE__COUNT
};
const char *store_use_name(enum store_use use); /* "\\Sent"; NONE: "" */

enum {
    STORE_DELIMITER = '/', /* between the levels of a mailbox's name */
    STORE_NAME_MAX_OCTETS = 200,
    STORE_LEVELS_MAX = 16,
    STORE_KEYWORDS_MAX = 64, /* of one mailbox; 26 in a Maildir, whose file names hold them */
    STORE_KEYWORD_MAX_OCTETS = 64,
    STORE_MAILBOX_MESSAGES_MAX = 1000000,
};

struct store_limits {        /* 0: the default */
    unsigned messages;       /* in memory, of all mailboxes together; default 10,000 */
    uint64_t octets;         /* likewise; default 64 MiB; the oldest leave first */
    unsigned mailboxes;      /* of one user; default 1,000 */
    unsigned users;          /* default 10,000 */
    uint64_t message_octets; /* of one message; default 50 MiB */
};

/* clock and *limits are borrowed for good and for the call. */
struct store *store_new(const struct clock *clock, const struct store_limits *limits);
/* A store in the directory `path`, made where it is missing; only one program at a time has it.
 * The users found there exist. NULL and *err where it cannot be had. sync false: no fsync (tests).
 */
struct store *store_new_maildir(const char *path, const struct clock *clock,
                                const struct store_limits *limits, bool sync, struct err *err);
void store_free(struct store **s); /* all views must be closed */
bool store_is_maildir(const struct store *s);

/* ---- users ---- */

/* The user of this name, made where there is none (with an INBOX). NULL: no valid name, the limit,
 * or *err (may be NULL). Case does not matter. */
struct store_user *store_user_add(struct store *s, struct slice name, struct err *err);
struct store_user *store_user_find(struct store *s, struct slice name); /* NULL: none */
struct store_user *store_user_at(struct store *s, size_t index);        /* in order of names */
const char *store_user_name(const struct store_user *u);
/* Without a password nobody logs in. Passwords are in memory only, never in the directory. */
void store_user_set_password(struct store_user *u, struct slice password);
bool store_user_password(const struct store_user *u, struct secret *out); /* false: none */
/* 0: no quota. */
void store_user_set_quota(struct store_user *u, uint64_t octets, uint64_t messages);
void store_user_quota(const struct store_user *u, uint64_t *octets_out, uint64_t *messages_out);
void store_user_used(struct store_user *u, uint64_t *octets_out, uint64_t *messages_out);

/* ---- mailboxes: INBOX (in any case), and others as UTF-8, levels separated by '/' ---- */

/* No empty level, no control characters, no "." or "..", valid UTF-8, within the limits. */
bool store_name_is_valid(struct slice name);

struct store_mailbox_info {
    const char *name; /* borrowed until it is renamed or deleted */
    bool selectable;  /* false: only a level above others is left of it */
    bool has_children;
    bool subscribed;
    enum store_use use;
    uint32_t uid_validity;
    uint32_t uid_next;
    uint32_t messages, recent, unseen, deleted;
    uint64_t octets; /* known sizes only, see store_view_measure */
};
struct store_mailbox *store_mailbox_find(struct store_user *u, struct slice name); /* NULL: none */
struct store_mailbox *store_mailbox_at(struct store_user *u,
                                       size_t index); /* INBOX, then by name */
/* counts false: messages, recent, unseen, deleted, octets are not filled (on disk they cost). */
void store_mailbox_info(struct store_mailbox *m, bool counts, struct store_mailbox_info *out);
struct store_user *store_mailbox_user(const struct store_mailbox *m);
/* Missing levels above are made, too. A trailing delimiter is ignored. */
enum store_result store_mailbox_create(struct store_user *u, struct slice name, enum store_use use,
                                       struct err *err);
/* One with children stays as a level without messages. Views of it see all messages gone. */
enum store_result store_mailbox_delete(struct store_user *u, struct slice name, struct err *err);
/* Children move along. Renaming INBOX moves its messages into a new mailbox (RFC 3501 section
 * 6.3.5). */
enum store_result store_mailbox_rename(struct store_user *u, struct slice from, struct slice to,
                                       struct err *err);
/* Subscriptions are names; there need not be such a mailbox (any more). */
enum store_result store_subscribe(struct store_user *u, struct slice name, bool on,
                                  struct err *err);
const char *store_subscription_at(struct store_user *u, size_t index); /* NULL at the end */

/* ---- putting messages in ---- */

/* One message's octets, held once however many mailboxes have it. Takes the buffer's memory and
 * leaves it empty. Release it when all mailboxes have theirs. */
struct store_blob *store_blob_take(struct store *s, struct buf *octets);
struct store_blob *store_blob_dup(struct store *s, struct slice octets);
struct slice store_blob_octets(const struct store_blob *b);
void store_blob_release(struct store *s, struct store_blob **b);

struct store_append {
    struct store_blob *blob;
    int64_t internal_us; /* 0: now */
    unsigned flags;      /* enum store_flag */
    uint64_t keywords;   /* bits of store_keyword */
    const char *from;    /* reverse-path without brackets; NULL: not known */
    const char *to;      /* the address it was for, where the mailbox does not say it; NULL */
};
/* On disk the message is whole and in its place when this returns, or not there at all. Checks the
 * quota. *uid_out may be NULL. */
enum store_result store_append(struct store_mailbox *m, const struct store_append *a,
                               uint32_t *uid_out, struct err *err);

/* ---- views ---- */

typedef void (*store_changed_fn)(void *ctx);
/* on_change runs inside whatever changed the mailbox, another session's command included: it should
 * only make a note of it (mock_conn_poke). NULL: not told. NULL and *err: not selectable, or the
 * directory cannot be read. A view that may write takes the \Recent of its messages. */
struct store_view *store_view_open(struct store_mailbox *m, bool read_only,
                                   store_changed_fn on_change, void *ctx, struct err *err);
void store_view_close(struct store_view **v); /* gives the lock back, too */
/* NULL once it was deleted. */
struct store_mailbox *store_view_mailbox(const struct store_view *v);
bool store_view_is_read_only(const struct store_view *v);

/* The maildrop for this view alone (RFC 1939 section 4): no other view can lock, remove or move
 * messages, none can delete the mailbox. Messages still arrive, and flags change. */
bool store_view_lock(struct store_view *v);
void store_view_unlock(struct store_view *v);

/* Messages as this view knows them: index 0 is sequence number 1. UIDs ascend. */
size_t store_view_count(const struct store_view *v);
uint32_t store_view_uid(const struct store_view *v, size_t index);
/* Index of the first message with this UID or a greater one; the count: none. */
size_t store_view_find(const struct store_view *v, uint32_t uid);

struct store_message {
    uint32_t uid;
    unsigned flags;    /* as they are now, STORE_RECENT for this view */
    uint64_t keywords; /* bits */
};
/* False: it is gone (and keeps its number here until a sync). */
bool store_view_get(const struct store_view *v, size_t index, struct store_message *out);
/* Size with CRLF line ends, and internal date. Cheap in memory; the first time on disk it may read
 * the file. False: gone or unreadable. Either may be NULL. */
bool store_view_measure(struct store_view *v, size_t index, uint64_t *octets_out,
                        int64_t *internal_us_out);

enum store_change_kind {
    STORE_CHANGE_GONE,   /* .number left; later numbers are one less from here on */
    STORE_CHANGE_FLAGS,  /* .number has other flags or keywords than this view was told */
    STORE_CHANGE_EXISTS, /* .number messages now: more than before */
};
struct store_change {
    enum store_change_kind kind;
    uint32_t number; /* sequence number, or the count */
    uint32_t uid;
};
typedef void (*store_change_fn)(void *ctx, const struct store_change *change);
/* Is there anything to say? On disk this looks at the directories. */
bool store_view_is_behind(struct store_view *v);
/* Bring the view up to date; fn (may be NULL) hears of each change, GONE first, then FLAGS, then
 * EXISTS. may_lose false: gone messages keep their numbers for now (RFC 3501 section 7.4.1). */
void store_view_sync(struct store_view *v, bool may_lose, store_change_fn fn, void *ctx);
/* The client knows this message's flags as they are now (it was sent them, or wants no word): no
 * FLAGS change. */
void store_view_flags_told(struct store_view *v, size_t index);

enum store_how { STORE_REPLACE, STORE_ADD, STORE_REMOVE };
enum store_result store_view_flags(struct store_view *v, size_t index, enum store_how how,
                                   unsigned flags, uint64_t keywords, struct err *err);
/* The bit of a keyword in this mailbox; make: give it one. -1: none, or no more can be had. */
int store_keyword(struct store_mailbox *m, struct slice name, bool make);
const char *store_keyword_name(const struct store_mailbox *m, unsigned bit); /* NULL: none */

/* Indexes of the view, ascending. All or nothing; uids_out (may be NULL) has room for n. */
enum store_result store_view_copy(struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, uint32_t *uids_out, struct err *err);
/* The same, and gone here (the view itself learns it at its next sync). */
enum store_result store_view_move(struct store_view *v, const size_t *indexes, size_t n,
                                  struct store_mailbox *to, uint32_t *uids_out, struct err *err);
/* Remove for good. Those gone already do not matter. */
enum store_result store_view_expunge(struct store_view *v, const size_t *indexes, size_t n,
                                     struct err *err);

/* ---- octets: as received, dots unstuffed, lines ending with CRLF ---- */

/* Readable until freed, even when the message is expunged meanwhile. NULL: gone or unreadable. */
struct store_content *store_content_open(struct store_view *v, size_t index, struct err *err);
uint64_t store_content_octets(const struct store_content *c);
/* Append up to max_octets from offset to out. Cheap one after the other. False: the file failed, or
 * out is full. At the end nothing is appended. */
bool store_content_read(struct store_content *c, uint64_t offset, size_t max_octets,
                        struct buf *out, struct err *err);
/* All of it at once, borrowed until freed. On disk it is read into memory. */
bool store_content_whole(struct store_content *c, struct slice *out, struct err *err);
void store_content_free(struct store_content **c);

/* ---- all messages of all users, oldest first, as they came into this store ---- */

struct store_entry {
    uint64_t number; /* from 1, never used again */
    struct store_mailbox *mailbox;
    uint32_t uid;
    int64_t internal_us;
    const char *from, *to; /* NULL: not known */
};
size_t store_count(struct store *s);
bool store_at(struct store *s, size_t index, struct store_entry *out);
/* Its octets; NULL: gone or unreadable. */
struct store_content *store_at_open(struct store *s, size_t index, struct err *err);
/* Did old messages leave because a limit was reached? */
uint64_t store_evicted(const struct store *s);
/* Remove every message of every user (mailboxes stay). Locked maildrops, too. */
void store_clear(struct store *s);

#endif
