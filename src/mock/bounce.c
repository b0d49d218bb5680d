/* A message that was accepted and could not be delivered goes back to its sender as a delivery
 * status notification (RFC 3464): multipart/report with a text, the machine's part and the
 * message's head. */
#include "mock/mock_private.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { HEAD_MAX_OCTETS = 16384, BOUNCE_MAX_OCTETS = HEAD_MAX_OCTETS + 8192 };

/* The header section, with its last line's end, cut where it is too long. */
static struct slice head_of(struct slice message)
{
    ptrdiff_t end = slice_find(message, SLICE_LIT("\r\n\r\n"));
    struct slice head = end < 0 ? message : slice_take(message, (size_t)end + 2);
    return slice_take(head, HEAD_MAX_OCTETS);
}

/* "550 5.1.1 User unknown" of the rule or the address; its enhanced code, or one made of the code.
 */
static void diagnose(const struct mock_recipient *r, char *text, size_t text_octets, char *status,
                     size_t status_octets)
{
    unsigned code = r->bounce_code ? r->bounce_code : 550, a, b, c;
    const char *words = r->bounce_text ? r->bounce_text : "5.1.1 User unknown";
    snprintf(text, text_octets, "%u %s", code, words);
    if (sscanf(words, "%1u.%3u.%3u", &a, &b, &c) == 3)
        snprintf(status, status_octets, "%u.%u.%u", a, b, c);
    else
        snprintf(status, status_octets, "%u.0.0", code / 100);
}

static void write_bounce(struct mock *m, struct buf *out, const char *to,
                         const struct mock_recipient *r, struct slice message, const char *id)
{
    char text[512], status[16];
    struct buf address;
    buf_init(&address, 2 * MOCK_ADDRESS_OCTETS);
    mock_recipient_address(m, r, &address);
    const char *failed = buf_cstr(&address);
    diagnose(r, text, sizeof(text), status, sizeof(status));
    const char *name = m->options.name, *date = mock_date(m);
    buf_printf(out,
               "Return-Path: <>\r\nDate: %s\r\nFrom: Mail Delivery System <postmaster@%s>\r\n"
               "To: <%s>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
               "Message-ID: <%s.bounce@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status; boundary=\"%s/%s\"\r\n"
               "\r\n",
               date, m->options.domain, to, id, name, id, name);
    buf_printf(out,
               "--%s/%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
               "This is the practice server at %s. Your message could not be delivered to\r\n\r\n"
               "    <%s>: %s\r\n\r\n"
               "It was accepted first and bounced afterwards, as was asked for.\r\n\r\n",
               id, name, name, failed, text);
    buf_printf(out,
               "--%s/%s\r\nContent-Type: message/delivery-status\r\n\r\n"
               "Reporting-MTA: dns; %s\r\nArrival-Date: %s\r\n\r\n"
               "Final-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %s\r\n"
               "Diagnostic-Code: smtp; %s\r\n\r\n",
               id, name, name, date, failed, status, text);
    buf_printf(out, "--%s/%s\r\nContent-Type: text/rfc822-headers\r\n\r\n", id, name);
    buf_append(out, head_of(message));
    buf_printf(out, "\r\n--%s/%s--\r\n", id, name);
    buf_deinit(&address);
}

static int local_user(const struct mock *m, const char *address)
{
    const char *at = strrchr(address, '@');
    if (!at || !slice_eq_nocase(slice_cstr(at + 1), slice_cstr(m->options.domain)))
        return -1;
    for (int i = 0; i < MOCK_USERS_COUNT; i++)
        if (slice_eq_nocase(slice_of(address, (size_t)(at - address)), slice_cstr(mock_users[i])))
            return i;
    return -1;
}

void mock_bounce(struct mock_conn *c, const struct mock_recipient *r, struct slice message,
                 const char *id)
{
    struct mock *m = c->mock;
    const char *from = c->smtp.txn->from;
    int user = local_user(m, from);
    char action[96];
    /* RFC 5321 section 6.1: never answer the null path, and this server never sends elsewhere. */
    snprintf(action, sizeof(action), "bounces: %s",
             !from[0]    ? "nobody is told, the reverse-path is null"
             : user >= 0 ? "the notification is in the sender's mailbox"
                         : "the notification would leave for another server");
    m->counters.faults++;
    struct buf address;
    buf_init(&address, 2 * MOCK_ADDRESS_OCTETS);
    mock_recipient_address(m, r, &address);
    uint32_t conn = link_conn(c->link);
    JOURNAL_APPEND(m->journal, conn, FAULT, mock_event_flags(m), 0,
                   (struct ev_fault){.rule = buf_slice(&address),
                                     .action = slice_cstr(action),
                                     .stage = SLICE_LIT("delivery")});
    buf_deinit(&address);
    if (user < 0 || m->options.keep_nothing)
        return;
    struct buf text;
    char bounce_id[MOCK_ID_OCTETS + 2];
    buf_init(&text, BOUNCE_MAX_OCTETS);
    snprintf(bounce_id, sizeof(bounce_id), "%sB", id);
    write_bounce(m, &text, from, r, message, bounce_id);
    struct store_blob *blob = store_blob_take(m->store.store, &text);
    mock_store_add(m, conn, user, NULL, blob, "", bounce_id);
    store_blob_release(m->store.store, &blob);
    buf_deinit(&text);
}
