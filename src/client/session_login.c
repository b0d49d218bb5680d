/* A POP3 or IMAP helper at work: carries out what its drive role wants, and keeps its time. */
#include "client/session_private.h"

enum { LOGIN_WAIT_MS = 60000 }; /* a command nobody answers in a minute is not answered */

void session_login_over(struct session *s)
{
    if (!s->logging_in)
        return;
    s->logging_in = false;
    if (!s->tls_under_way)
        session_timer(s, 0, NULL);
    if (s->handlers.on_login_done)
        s->handlers.on_login_done(s->ctx, mailbox_drive_result(s->login));
}

static void wait_for_answer(struct session *s)
{
    if (s->tls_under_way || s->answer_due) /* they have their own */
        return;
    s->answer_due = true;
    session_timer(s, s->options.reply_timeout_ms ? s->options.reply_timeout_ms : LOGIN_WAIT_MS,
                  mailbox_step_name(mailbox_drive_result(s->login)->stage));
}

/* One want; true: ask again. */
static bool carry_out(struct session *s, const struct want *want)
{
    switch (want->kind) {
    case WANT_SEND:
        s->answer_due = false;
        if (!session_out(s, want->octets)) {
            struct err err;
            err_set(&err, ERR_CLOSED, 0, "the connection takes nothing any more");
            mailbox_drive_outcome(s->login, MAILBOX_OUT_ABORT, &err);
        }
        return true;
    case WANT_TLS:
        if (s->link && link_is_tls(s->link)) {
            mailbox_drive_tls(s->login, NULL);
            return true;
        }
        session_start_tls_via(s, TLS_VIA_STARTTLS);
        return false;
    case WANT_DONE:
        session_login_over(s);
        return false;
    case WANT_WAIT:
        wait_for_answer(s);
        return false;
    case WANT_CONTENT:
    case WANT_CLOSE:
        return false; /* not in these protocols */
    }
    return false;
}

void session_login_pump(struct session *s)
{
    session_enter(s);
    while (s->logging_in && !s->freed) {
        struct want want = mailbox_drive_next(s->login);
        if (!carry_out(s, &want))
            break;
    }
    session_leave(s);
}

void session_login_outcome(struct session *s, enum mailbox_outcome outcome, const struct err *err)
{
    if (!s->logging_in)
        return;
    mailbox_drive_outcome(s->login, outcome, err);
    session_login_pump(s);
}

bool session_login(struct session *s, const struct mailbox_plan *plan)
{
    if (s->driving || s->logging_in || s->phase != SESSION_UP || s->stream.running || !s->track ||
        track_smtp(s->track))
        return false;
    struct mailbox_plan bound = *plan;
    session_bind_channel(s, &bound.credentials);
    mailbox_drive_free(&s->login);
    s->login = mailbox_drive_new(s->track, &bound);
    s->logging_in = true;
    s->answer_due = false;
    session_login_pump(s);
    return true;
}
