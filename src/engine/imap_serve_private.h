/* The IMAP serving role's insides, shared by its source files only. */
#ifndef ENGINE_IMAP_SERVE_PRIVATE_H
#define ENGINE_IMAP_SERVE_PRIVATE_H

#include "engine/auth_server.h"
#include "engine/imap_serve.h"
#include "imap/format.h"
#include "mail/structure.h"

enum {
    ISERVE_TAG_OCTETS = 65,
    ISERVE_PIECE_OCTETS = 128 << 10,     /* of a long answer in one go */
    ISERVE_TEXT_MAX_OCTETS = 16 << 20,   /* limit "fetch-item": ENVELOPE, headers of one message */
    ISERVE_SEARCH_MAX_OCTETS = 16 << 20, /* limit "search": octets of a message that are searched */
};

/* A message that an APPEND brings. */
struct iserve_append {
    struct buf content;
    size_t held; /* octets asked for with policy.hold */
    bool active, refused;
    char code[24]; /* of the refusal */
    char text[96];
};

/* Octets to be said that stand somewhere else until then. */
struct iserve_hole {
    size_t at; /* in .text: in front of which octet */
    struct slice octets;
};

/* A FETCH under way. */
struct iserve_fetch {
    struct arena arena; /* items and set as of the command */
    const struct imap_fetch_item *items;
    size_t n_items;
    bool uid, sets_seen;
    uint64_t names; /* of user and mailbox, for the cache */
    uint32_t uid_validity;
    size_t *indexes;
    size_t n, at;
    size_t missing; /* messages that were gone */
    char tag[ISERVE_TAG_OCTETS];
    /* the message being said */
    struct buf text;
    struct iserve_hole *holes;
    size_t n_holes, alloc_holes;
    size_t text_at, hole_at, hole_octets_at;
    struct store_content *content;
    struct slice octets;
    struct arena part_arena;
    const struct mail_part *part; /* NULL: not looked at */
};

struct imap_serve {
    struct journal *journal;
    struct imap_track *track;
    const struct imap_serve_options *options;
    const struct imap_policy *policy;
    void *policy_ctx;
    char *user;
    struct store_user *account;
    struct store_view *view;
    struct auth_server auth;
    struct iserve_append append;
    struct iserve_fetch *fetch;
    uint32_t *saved; /* UIDs of the last SEARCH with SAVE */
    size_t n_saved;
    uint32_t conn;
    unsigned errors;
    bool idling;
    char idle_tag[ISERVE_TAG_OCTETS];
    char auth_tag[ISERVE_TAG_OCTETS];
};

/* imap_serve.c */
void iserve_ok(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
               const char *code, const char *text);
void iserve_no(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
               const char *code, const char *text);
void iserve_bad(struct imap_serve *s, struct slice tag, struct imap_answer *a, const char *text);
/* A store's refusal in IMAP's words. */
void iserve_refused(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a,
                    enum store_result r, const struct err *err);
void iserve_event(struct imap_serve *s, const char *mailbox, const char *what, uint32_t uid,
                  const char *text);
void iserve_tag_copy(char out[ISERVE_TAG_OCTETS], struct slice tag);
struct store_mailbox *iserve_mailbox(struct imap_serve *s, struct slice name);

/* imap_serve_auth.c */
void iserve_capability(struct imap_serve *s, struct buf *out);
void iserve_login(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_authenticate(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_auth_data(struct imap_serve *s, struct slice line, struct imap_answer *a);

/* imap_serve_select.c */
void iserve_select(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_close(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_view_close(struct imap_serve *s);
/* News into the answer. may_lose: EXPUNGE may be among them. */
void iserve_sync(struct imap_serve *s, struct imap_answer *a, bool may_lose);
/* Keywords of the mailbox so far; and FLAGS, PERMANENTFLAGS anew where there are more by now. */
size_t iserve_keywords(struct imap_serve *s);
void iserve_say_keywords(struct imap_serve *s, size_t before, struct buf *out);
void iserve_put_flags(struct imap_serve *s, struct buf *out, unsigned flags, uint64_t keywords);
/* Flags of a command as the store's; makes keywords where `make`. False: no more can be had. */
bool iserve_flags(struct store_mailbox *m, const struct imap_flags *f, bool make,
                  unsigned *flags_out, uint64_t *keywords_out);
/* Indexes in the view that a set names, ascending; owned by the caller (mem_free). *all_out false:
 * a sequence number is above the count. */
size_t *iserve_indexes(struct imap_serve *s, const struct imap_set *set, bool uid, size_t *n_out,
                       bool *in_range_out);

/* imap_serve_mailbox.c */
void iserve_create(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_delete(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_rename(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_subscribe(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_list(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_lsub(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_status(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_namespace(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_quota(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);

/* imap_serve_message.c */
void iserve_append_begin(struct imap_serve *s, const struct imap_item *item, struct imap_answer *a);
void iserve_append_content(struct imap_serve *s, const struct imap_item *item);
void iserve_append_end(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_append_forget(struct imap_serve *s);
void iserve_store(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_copy(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_expunge(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);

/* imap_serve_fetch.c */
void iserve_fetch(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);
void iserve_fetch_more(struct imap_serve *s, struct imap_answer *a);
void iserve_fetch_free(struct iserve_fetch **f);

/* imap_serve_search.c */
void iserve_search(struct imap_serve *s, const struct imap_command *c, struct imap_answer *a);

/* imap_cache.c */
struct icache_key {
    uint64_t names; /* icache_names */
    uint32_t uid_validity, uid;
    uint8_t kind; /* enum imap_fetch */
};
uint64_t icache_names(const char *user, const char *mailbox);
/* *out borrows until the next icache_put. */
bool icache_get(const struct icache_key *key, struct slice *out);
void icache_put(const struct icache_key *key, struct slice text);

/* imap_message.c: a message as FETCH shows it. */
void imessage_envelope(struct slice header, struct buf *out);
void imessage_structure(const struct mail_part *p, bool extended, struct buf *out);
/* The header fields of these names (or all but these), with the empty line. */
void imessage_fields(struct slice header, const struct slice *names, size_t n, bool but,
                     struct buf *out);
/* The part that numbers name; NULL: none. n 0: the message itself. */
const struct mail_part *imessage_part(const struct mail_part *root, const uint32_t *numbers,
                                      size_t n);

#endif
