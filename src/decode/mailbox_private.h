/* The mailbox fold's insides, shared by its source files only. */
#ifndef DECODE_MAILBOX_PRIVATE_H
#define DECODE_MAILBOX_PRIVATE_H

#include "decode/mailbox.h"

void mailbox_set_text(char **text, struct slice value);
/* The message of this number, made where there is none. NULL: the limit is reached. */
struct mailbox_message *mailbox_message_get(struct mailbox_view *v, uint32_t number);
void mailbox_messages_clear(struct mailbox_view *v);
/* It is gone: those behind it move up. */
void mailbox_message_expunge(struct mailbox_view *v, uint32_t number);
/* Octets of a range, secrets masked, at most MAILBOX_READ_OCTETS of them. */
bool mailbox_read(const struct mailbox_view *v, const struct journal *j, enum event_dir dir,
                  uint64_t offset, uint64_t length, struct buf *out);

/* mailbox_pop3.c, mailbox_imap.c */
void mailbox_pop3_reply(struct mailbox_view *v, const struct journal *j, const struct event *ev);
void mailbox_imap_command(struct mailbox_view *v, const struct journal *j, const struct event *ev);
void mailbox_imap_reply(struct mailbox_view *v, const struct journal *j, const struct event *ev);
void mailbox_imap_untagged(struct mailbox_view *v, const struct journal *j, const struct event *ev);

#endif
