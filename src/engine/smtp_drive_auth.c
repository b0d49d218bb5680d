/* AUTH on the client's side (RFC 4954): the command's word, its challenge, its refusals. */
#include "engine/smtp_drive_private.h"

#include <string.h>

#include "smtp/limits.h"

void drive_auth_forget(struct smtp_drive *d)
{
    auth_client_forget(&d->auth);
}

bool drive_auth_other(unsigned code)
{
    /* 432: a password transition is needed, 500-504: not here or not so, 534 538: too weak here.
     * Not 535: the same wrong password again would only lock the account. */
    static const unsigned others[] = {432, 500, 501, 502, 504, 534, 538};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (code == others[i])
            return true;
    }
    return false;
}

bool drive_auth_line(struct smtp_drive *d)
{
    struct slice offered;
    if (!smtp_track_offers(d->track, "AUTH", &offered))
        offered = slice_of(NULL, 0);
    d->auth.tls = smtp_track_tls(d->track);
    /* RFC 4954 section 4: where the line would pass 512 octets the response waits for a 334. */
    if (!auth_client_choose(&d->auth, offered, &d->result.err) ||
        !auth_client_command(&d->auth, "AUTH", SMTP_COMMAND_LINE_MAX_OCTETS, &d->out,
                             &d->result.err))
        return false;
    d->result.mechanism = d->auth.mechanism;
    return buf_append_cstr(&d->out, "\r\n");
}

void drive_auth_challenge(struct smtp_drive *d, const struct smtp_reply *r)
{
    auth_client_answer(&d->auth, smtp_reply_line_text(r, r->n_lines - 1), &d->out, &d->result.err);
    d->result.reason = d->auth.reason;
    buf_append_cstr(&d->out, "\r\n");
}

bool drive_auth_proven(struct smtp_drive *d)
{
    return auth_client_proven(&d->auth, &d->result.err);
}
