/* Tab behind an IMAP command: mailboxes the server has listed, and the words its arguments are made
 * of. */
#include <stdio.h>
#include <string.h>

#include "console/complete_private.h"
#include "decode/mailbox.h"
#include "engine/imap_track.h"
#include "imap/verb.h"

#define SYSTEM_FLAGS "\\Seen|\\Answered|\\Flagged|\\Deleted|\\Draft"

static const struct {
    enum imap_verb verb;
    bool mailbox;      /* names of mailboxes, too */
    const char *words; /* separated by |; NULL: none */
} arguments[] = {
    {IMAP_VERB_SELECT, true, NULL},
    {IMAP_VERB_EXAMINE, true, NULL},
    {IMAP_VERB_DELETE, true, NULL},
    {IMAP_VERB_RENAME, true, NULL},
    {IMAP_VERB_SUBSCRIBE, true, NULL},
    {IMAP_VERB_UNSUBSCRIBE, true, NULL},
    {IMAP_VERB_GETQUOTAROOT, true, NULL},
    {IMAP_VERB_COPY, true, NULL},
    {IMAP_VERB_MOVE, true, NULL},
    {IMAP_VERB_APPEND, true, NULL},
    {IMAP_VERB_STATUS, true, "MESSAGES|UIDNEXT|UIDVALIDITY|UNSEEN|RECENT|SIZE|DELETED"},
    {IMAP_VERB_LIST, false, "\"\"|\"*\"|\"%\"|RETURN|SPECIAL-USE|SUBSCRIBED|CHILDREN|STATUS"},
    {IMAP_VERB_FETCH, false,
     "FLAGS|UID|ENVELOPE|BODYSTRUCTURE|INTERNALDATE|RFC822.SIZE|BODY.PEEK[]|BODY.PEEK[HEADER]|"
     "BODY.PEEK[TEXT]|BODY.PEEK[1]|BODY[]|BINARY.PEEK[1]|ALL|FAST|FULL"},
    {IMAP_VERB_STORE, false,
     "+FLAGS|-FLAGS|FLAGS|+FLAGS.SILENT|-FLAGS.SILENT|FLAGS.SILENT|" SYSTEM_FLAGS},
    {IMAP_VERB_SEARCH, false,
     "ALL|ANSWERED|BCC|BEFORE|BODY|CC|DELETED|DRAFT|FLAGGED|FROM|HEADER|KEYWORD|LARGER|NEW|NOT|OLD|"
     "ON|OR|RECENT|RETURN|SEEN|SENTBEFORE|SENTON|SENTSINCE|SINCE|SMALLER|SUBJECT|TEXT|TO|UID|"
     "UNANSWERED|UNDELETED|UNDRAFT|UNFLAGGED|UNKEYWORD|UNSEEN|YOUNGER|OLDER"},
    {IMAP_VERB_ENABLE, false, "UTF8=ACCEPT|CONDSTORE|QRESYNC|IMAP4rev2"},
    {IMAP_VERB_ID, false, "NIL"},
};

/* In lists the words stand behind an opening parenthesis. */
static void add_list_words(struct console_completion *out, struct slice word, const char *words)
{
    bool open = word.len > 0 && word.ptr[0] == '(';
    struct slice bare = open ? slice_skip(word, 1) : word;
    char one[64];
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, "|");
        snprintf(one, sizeof one, "%s%.*s", open ? "(" : "", (int)n, p);
        if (slice_starts_nocase(slice_of(p, n), bare))
            complete_add(out, one, NULL, false);
        p += n + (p[n] == '|');
    }
}

void complete_mailboxes(struct console *c, struct slice word, struct console_completion *out)
{
    const struct imap_track *imap = track_imap(console_tracker(c));
    struct mailbox_view v;
    struct buf name;
    if (!imap)
        return;
    mailbox_view_init(&v, console_conn(c));
    mailbox_view_at(&v, c->journal, console_conn(c), journal_last(c->journal));
    if (slice_starts_nocase(SLICE_LIT("INBOX"), word))
        complete_add(out, "INBOX", NULL, false);
    for (size_t i = 0; i < v.n_boxes; i++) {
        buf_init(&name, CONSOLE_LINE_MAX_OCTETS);
        console_put_mailbox(c, &name, slice_cstr(v.boxes[i].name));
        if (slice_starts_nocase(buf_slice(&name), word))
            complete_add(out, buf_cstr(&name), NULL, false);
        buf_deinit(&name);
    }
    mailbox_view_deinit(&v);
}

void complete_imap_words(const char *verb_name, struct slice word, struct console_completion *out)
{
    enum imap_verb verb = imap_verb_by_name(slice_cstr(verb_name));
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        if (arguments[i].verb == verb && arguments[i].words)
            add_list_words(out, word, arguments[i].words);
}

void complete_imap(struct console *c, struct slice before, struct slice word,
                   struct console_completion *out)
{
    enum imap_verb verb = IMAP_VERB_UNKNOWN;
    bool uid = false;
    for (int words = 0; words < 3 && verb == IMAP_VERB_UNKNOWN; words++) {
        struct slice one = slice_next_word(&before);
        uid = uid || slice_eq_nocase(one, SLICE_LIT("UID"));
        verb = uid && slice_eq_nocase(one, SLICE_LIT("UID")) ? IMAP_VERB_UNKNOWN
                                                             : imap_verb_by_name(one);
    }
    if (verb == IMAP_VERB_UNKNOWN) {
        if (uid)
            add_list_words(out, word, "COPY|EXPUNGE|FETCH|MOVE|SEARCH|STORE");
        return;
    }
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        if (arguments[i].verb != verb)
            continue;
        if (arguments[i].mailbox)
            complete_mailboxes(c, word, out);
        if (arguments[i].words)
            add_list_words(out, word, arguments[i].words);
    }
}
