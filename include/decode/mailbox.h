/* What a POP3 or IMAP session shows of the mail on the server: the maildrop and what is marked
 * deleted in it; the mailboxes, the selected one, its messages as far as the server told.
 *
 * A pure fold over the events of one connection, live or from a file. It knows what passed and
 * nothing else: messages nobody asked about are counted, not listed.
 */
#ifndef DECODE_MAILBOX_H
#define DECODE_MAILBOX_H

#include "base/vis.h"
#include "journal/journal.h"

enum {
    MAILBOX_MESSAGES_MAX = 20000, /* limit "listed-messages": more are counted only */
    MAILBOX_BOXES_MAX = 2000,     /* limit "listed-mailboxes" */
    MAILBOX_READ_OCTETS = 65536,  /* of one answer; what a longer one holds is not looked at */
};

/* One message, as far as known. Strings are owned; NULL: unknown. From a peer: show through vis. */
struct mailbox_message {
    uint32_t number; /* sequence number: IMAP's move when others are expunged */
    uint64_t octets;
    bool octets_known;
    uint32_t uid;    /* IMAP; 0: unknown */
    char *unique_id; /* POP3 */
    char *flags;     /* IMAP: "\Seen \Flagged" */
    char *date, *from, *subject;
    char *structure; /* IMAP: the MIME tree of BODYSTRUCTURE, a line a part */
    bool deleted;    /* POP3: DELE was accepted; IMAP: \Deleted */
    bool fetched;    /* its text passed (RETR, BODY[]) */
};
struct mailbox_box {
    char *name, *attributes;
    char delimiter; /* '\0': none */
};

struct mailbox_view {
    uint32_t conn;
    uint64_t last_seq;
    bool pop3, imap; /* which protocol it is; neither: there is nothing to show */
    bool authenticated;
    /* POP3 */
    bool total_known;
    uint32_t total_messages; /* STAT, LIST */
    uint64_t total_octets;
    bool quit_sent, updated; /* QUIT was said, was answered +OK: now they are gone */
    /* IMAP */
    char *selected; /* NULL: none */
    bool read_only, idle;
    bool exists_known, recent_known;
    uint32_t exists, recent, unseen, uid_validity, uid_next; /* 0: unknown where it makes sense */
    char *flags, *permanent_flags;
    char *opening; /* the mailbox a SELECT under way asks for */
    uint64_t opening_seq;
    bool opening_read_only;
    struct mailbox_box *boxes;
    size_t n_boxes;
    /* by number, ascending */
    struct mailbox_message *messages;
    size_t n_messages, alloc_messages;
    uint64_t left_out; /* beyond the limits */
    char *last_event;  /* the newest thing the server told unasked, in words */
};

/* conn 0: the first connection that is not backstage. */
void mailbox_view_init(struct mailbox_view *v, uint32_t conn);
void mailbox_view_deinit(struct mailbox_view *v);
void mailbox_view_apply(struct mailbox_view *v, const struct journal *j, const struct event *ev);
/* Anew, from the first event in memory up to and including seq. */
void mailbox_view_at(struct mailbox_view *v, const struct journal *j, uint32_t conn, uint64_t seq);
/* How many are marked deleted. */
size_t mailbox_view_deleted(const struct mailbox_view *v);
/* As lines of safe text, for a pane or a page; empty where the session is neither POP3 nor IMAP. */
void mailbox_view_print(const struct mailbox_view *v, unsigned vis_flags, struct buf *out);

#endif
