/* Maildir++ below one directory (the backend's insides).
 *
 *     DIR/.smtpscope-lock           held while a program has the store
 *     DIR/alice/{cur,new,tmp}       alice's INBOX
 *     DIR/alice/.Sent.2026/...      her mailbox Sent/2026, with a file `maildirfolder`
 *     .../smtpscope-uidlist         which file has which UID, and names of keywords
 *     DIR/alice/smtpscope-subscriptions
 *
 * Every name from outside is encoded before it is a file name, every directory is opened below the
 * one before it with O_NOFOLLOW, and nothing is opened that is no regular file: no name and no
 * symbolic link leads out.
 *
 * A message is written to tmp/, synced, and renamed to new/ or cur/: until then no reader sees it,
 * after that it is whole. Lines end with LF in the file, as other programs expect; a message that
 * would not come back the same (bare LF, CR CR LF) is kept as it is and marked "x" in the uidlist.
 */
#ifndef STORE_MAILDIR_PRIVATE_H
#define STORE_MAILDIR_PRIVATE_H

#include "store/store_private.h"

#define MAILDIR_UIDLIST "smtpscope-uidlist"

enum { MAILDIR_KEYWORDS_MAX = 26 };

/* A line of the uidlist read at the start, until the first scan has used it. */
struct maildir_known {
    char *base;
    uint32_t uid;
    bool exact;
};

struct maildir_state {
    int64_t new_mtime_ns, cur_mtime_ns; /* when they were last read, or written by us */
    uint64_t check_at_tick_ns;          /* not settled: read them again from then on */
    bool loaded, settled;
    size_t dead_lines; /* of the uidlist */
    bool has_fd;       /* the directory stays open while somebody views the mailbox */
    int fd;
    struct maildir_known *known;
    size_t n_known, alloc_known;
};

/* maildir.c: directories. -1 and *err. */
int maildir_user_fd(const struct store_user *u, struct err *err);
int maildir_box_fd(const struct store_mailbox *m, struct err *err);
/* The directory for reading messages, kept open while the mailbox is viewed: give it back, do not
 * close it. */
int maildir_borrow_fd(struct store_mailbox *m, struct err *err);
void maildir_give_back(struct store_mailbox *m, int fd);
void maildir_rest(struct store_mailbox *m);
int maildir_sub_fd(int box_fd, bool in_new);
bool maildir_fail(struct err *err, const struct store_mailbox *m, const char *what); /* false */
bool maildir_write_all(int fd, struct slice octets);
/* Write a whole file beside its place and move it there. */
bool maildir_replace(int dir_fd, const char *name, struct slice octets, bool sync);

/* maildir_scan.c */
struct maildir_state *maildir_state_of(struct store_mailbox *m);
bool maildir_refresh(struct store_mailbox *m, struct err *err);
size_t maildir_base_len(const char *file); /* without ":2,FLAGS" */
/* The file of this message may have been renamed by another program: find it again. */
bool maildir_locate(struct message *g, int box_fd);
/* What we change ourselves need not be read again: ask before, tell after. */
bool maildir_is_current(const struct store_mailbox *m, int box_fd);
void maildir_own_change(struct store_mailbox *m, int box_fd, bool was_current);

/* maildir_uidlist.c */
void maildir_uidlist_read(struct store_mailbox *m, int box_fd);
void maildir_uidlist_header(struct store_mailbox *m, int box_fd); /* validity, next, use */
bool maildir_uidlist_rewrite(struct store_mailbox *m, int box_fd);
bool maildir_uidlist_add(struct store_mailbox *m, int box_fd, const struct message *const *added,
                         size_t n);
bool maildir_uidlist_add_keyword(struct store_mailbox *m, unsigned bit);
void maildir_known_free(struct maildir_state *d);

/* maildir_message.c */
bool maildir_put(struct message *g, struct store_blob *blob, struct err *err);
bool maildir_copy(struct message *g, struct message *from, struct err *err);
bool maildir_remove(struct message *g, struct err *err);
bool maildir_flags(struct message *g, struct err *err);
bool maildir_measure(struct message *g);
struct store_content *maildir_open(struct message *g, struct err *err);

#endif
