/* AUTH on the client's side (RFC 4954): which mechanism, and its steps. */
#include "engine/smtp_drive_private.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "sasl/sasl.h"
#include "smtp/limits.h"

/* Best first: the password never leaves in the first three. */
static const char default_mechanisms[] = "SCRAM-SHA-256,SCRAM-SHA-1,CRAM-MD5,PLAIN,LOGIN";
static const char *const clear_mechanisms[] = {"PLAIN", "LOGIN"};

void drive_auth_forget(struct smtp_drive *d)
{
    sasl_free(&d->sasl);
    if (d->first.len > 0)
        mem_wipe(d->first.ptr, d->first.len);
    buf_release(&d->first);
    d->has_first = d->sasl_done = false;
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

/* Item `index` of a comma (or space) separated list. */
static bool list_at(const char *list, size_t index, char *name_out)
{
    const char *p = list;
    for (;;) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if (len == 0)
            return false;
        if (index-- == 0) {
            if (len >= DRIVE_MECHANISM_OCTETS)
                len = DRIVE_MECHANISM_OCTETS - 1;
            memcpy(name_out, p, len);
            name_out[len] = '\0';
            return true;
        }
        p += len;
    }
}

static bool offered(const struct smtp_drive *d, const char *name)
{
    struct slice list;
    if (!smtp_track_offers(d->track, "AUTH", &list))
        return false;
    for (struct slice w = slice_next_word(&list); w.len > 0; w = slice_next_word(&list)) {
        if (slice_eq_nocase(w, slice_cstr(name)))
            return true;
    }
    return false;
}

static bool shows_password(const char *name)
{
    for (size_t i = 0; i < sizeof(clear_mechanisms) / sizeof(clear_mechanisms[0]); i++) {
        if (slice_eq_nocase(slice_cstr(name), slice_cstr(clear_mechanisms[i])))
            return true;
    }
    return false;
}

/* Reasons not to try a mechanism; the last one stands if none is left. */
static bool usable(struct smtp_drive *d, const char *name)
{
    struct err *err = &d->result.err;
    if (!offered(d, name)) {
        if (err->domain == ERR_NONE)
            err_set(err, ERR_AUTH, 0, "the server offers no mechanism that is wanted");
        return false;
    }
    if (!sasl_client_supported(name)) {
        err_set(err, ERR_AUTH, 0, "the mechanism %s is not supported here", name);
        return false;
    }
    if (shows_password(name) && !smtp_track_tls(d->track) && !d->plan.auth_in_clear) {
        err_set(err, ERR_AUTH, 0, "%s without TLS would show the password", name);
        err_explain(err, "anyone on the way could read it", "use TLS, or ask for it in the clear");
        return false;
    }
    return true;
}

static bool start(struct smtp_drive *d, const char *name)
{
    struct sasl_credentials c = {.user = d->plan.user,
                                 .password = d->plan.password,
                                 .service = "smtp",
                                 .host = d->plan.host};
    drive_auth_forget(d);
    d->sasl = sasl_client_new(name, &c, &d->result.err);
    if (!d->sasl)
        return false;
    buf_printf(&d->out, "AUTH %s", name);
    if (!sasl_client_first(d->sasl))
        return true;
    enum sasl_result r = sasl_step(d->sasl, slice_of(NULL, 0), &d->first, &d->result.err);
    if (r != SASL_CONTINUE && r != SASL_DONE) {
        buf_reset(&d->out);
        return false;
    }
    d->sasl_done = r == SASL_DONE;
    /* RFC 4954 section 4: where the line would pass 512 octets the response waits for a 334. */
    size_t base64_octets = (d->first.len + 2) / 3 * 4;
    d->has_first = d->out.len + 1 + base64_octets + 2 > SMTP_COMMAND_LINE_MAX_OCTETS;
    if (d->has_first)
        return true;
    buf_append_octet(&d->out, ' ');
    if (d->first.len == 0)
        buf_append_octet(&d->out, '=');
    return base64_encode(&d->out, buf_slice(&d->first));
}

bool drive_auth_line(struct smtp_drive *d)
{
    const char *list = d->plan.mechanisms ? d->plan.mechanisms : default_mechanisms;
    char name[DRIVE_MECHANISM_OCTETS];
    while (list_at(list, d->mechanism_at, name)) {
        d->mechanism_at++;
        if (!usable(d, name) || !start(d, name))
            continue;
        err_clear(&d->result.err);
        memcpy(d->mechanism, name, sizeof(name));
        d->result.mechanism = d->mechanism;
        buf_append_cstr(&d->out, "\r\n");
        return true;
    }
    drive_auth_forget(d);
    if (d->result.err.domain == ERR_NONE)
        err_set(&d->result.err, ERR_AUTH, 0, "no mechanism is left to try");
    return false;
}

static void cancel(struct smtp_drive *d)
{
    buf_append_cstr(&d->out, "*\r\n");
    d->auth_cancelled = true;
}

void drive_auth_challenge(struct smtp_drive *d, const struct smtp_reply *r)
{
    struct buf challenge, answer;
    if (d->has_first) {
        base64_encode(&d->out, buf_slice(&d->first));
        buf_append_cstr(&d->out, "\r\n");
        mem_wipe(d->first.ptr, d->first.len);
        buf_reset(&d->first);
        d->has_first = false;
        return;
    }
    buf_init(&challenge, SMTP_CAP_REPLY_OCTETS);
    buf_init(&answer, SMTP_CAP_LINE_OCTETS);
    struct slice text = slice_trim(smtp_reply_line_text(r, r->n_lines - 1));
    enum sasl_result result = SASL_FAILED;
    if (!base64_decode(&challenge, text))
        err_set(&d->result.err, ERR_AUTH, 0, "the server's challenge is no base64");
    else
        result = sasl_step(d->sasl, buf_slice(&challenge), &answer, &d->result.err);
    if (result == SASL_REFUSED)
        err_set(&d->result.err, ERR_AUTH, 0,
                "the server could not prove that it knows the password");
    if (result == SASL_CONTINUE || result == SASL_DONE) {
        base64_encode(&d->out, buf_slice(&answer));
        buf_append_cstr(&d->out, "\r\n");
        d->sasl_done = result == SASL_DONE;
    } else {
        cancel(d);
    }
    if (answer.ptr)
        mem_wipe(answer.ptr, answer.len);
    buf_deinit(&answer);
    buf_deinit(&challenge);
}

bool drive_auth_proven(struct smtp_drive *d)
{
    bool mutual = slice_starts_nocase(slice_cstr(d->mechanism), SLICE_LIT("SCRAM-"));
    if (!mutual || d->sasl_done)
        return true;
    err_set(&d->result.err, ERR_AUTH, 0,
            "the server said yes without proving that it knows the password");
    err_explain(&d->result.err, "it may not be the server it claims to be",
                "check where the connection goes, and use TLS with full verification");
    return false;
}
