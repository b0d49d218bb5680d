/* The server's side of a SASL exchange. */
#include "engine/auth_server.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

enum { STEP_CAP_OCTETS = 12288 }; /* of what a mechanism says in one step */

void auth_server_forget(struct auth_server *a)
{
    sasl_free(&a->sasl);
    a->proven = false;
}

/* ---- mechanisms ---- */

static bool can_be_had(const struct auth_server_with *with, const char *name)
{
    unsigned traits = sasl_traits(name);
    if ((traits & SASL_WANTS_CHANNEL) && !(with->tls && with->channel))
        return false;
    if ((traits & SASL_WANTS_CERTIFICATE) && !(with->external && with->external(with->ctx)))
        return false;
    if ((traits & SASL_WANTS_TOKEN) && !with->token)
        return false;
    return !((traits & SASL_SHOWS_SECRET) && with->hide_secrets);
}

/* The next one of the list that can be had; false: none is left. */
static bool next_offered(const struct auth_server_with *with, struct slice *rest,
                         char name_out[AUTH_SERVER_NAME_OCTETS])
{
    for (struct slice w = slice_next_word(rest); w.len > 0; w = slice_next_word(rest)) {
        if (w.len >= AUTH_SERVER_NAME_OCTETS)
            continue;
        memcpy(name_out, w.ptr, w.len);
        name_out[w.len] = '\0';
        if (can_be_had(with, name_out))
            return true;
    }
    return false;
}

void auth_server_offer(const struct auth_server_with *with, const char *before, struct buf *out)
{
    char name[AUTH_SERVER_NAME_OCTETS];
    struct slice rest = slice_cstr(with->mechanisms);
    while (next_offered(with, &rest, name))
        buf_printf(out, "%s%s", before, name);
}

bool auth_server_offers(const struct auth_server_with *with, struct slice want,
                        char name_out[AUTH_SERVER_NAME_OCTETS])
{
    struct slice rest = slice_cstr(with->mechanisms);
    while (next_offered(with, &rest, name_out))
        if (slice_eq_nocase(slice_cstr(name_out), want))
            return true;
    return false;
}

/* ---- the exchange ---- */

bool auth_server_begin(struct auth_server *a, const struct auth_server_with *with, const char *name,
                       struct err *err)
{
    struct sasl_channel channel = {0};
    struct sasl_server_options o = {.lookup = with->lookup,
                                    .token = with->token,
                                    .ctx = with->ctx,
                                    .service = with->service,
                                    .host = with->host};
    auth_server_forget(a);
    if (with->channel && with->channel(with->ctx, &channel))
        o.channel = &channel;
    if (with->external)
        o.external = with->external(with->ctx);
    a->sasl = sasl_server_open(name, &o, err);
    mem_wipe(&channel, sizeof(channel));
    return a->sasl != NULL;
}

/* A server's proof that comes with success (SCRAM) goes out as a last challenge, which the client
 * answers with an empty line (RFC 4954 section 4, RFC 5034 section 4, RFC 9051 section 6.2.2). */
static enum auth_verdict step(struct auth_server *a, struct slice octets, struct buf *challenge_out,
                              struct err *err)
{
    static const uint8_t verdicts[] = {[SASL_CONTINUE] = AUTH_CHALLENGE,
                                       [SASL_DONE] = AUTH_SUCCESS,
                                       [SASL_REFUSED] = AUTH_WRONG,
                                       [SASL_FAILED] = AUTH_UNFIT};
    struct buf out;
    buf_init(&out, STEP_CAP_OCTETS);
    enum sasl_result result = sasl_step(a->sasl, octets, &out, err);
    enum auth_verdict verdict = (enum auth_verdict)verdicts[result];
    a->proven = result == SASL_DONE && out.len > 0;
    if (a->proven)
        verdict = AUTH_CHALLENGE;
    if (verdict == AUTH_CHALLENGE)
        base64_encode(challenge_out, buf_slice(&out));
    if (out.ptr)
        mem_wipe(out.ptr, out.len);
    buf_deinit(&out);
    return verdict;
}

static enum auth_verdict step_base64(struct auth_server *a, struct slice line,
                                     struct buf *challenge_out, struct err *err)
{
    struct buf octets;
    enum auth_verdict verdict = AUTH_NOT_BASE64;
    buf_init(&octets, line.len + 1);
    buf_room(&octets, line.len + 1);  /* in one place: growing would leave copies behind */
    if (base64_decode(&octets, line)) /* empty, yet there */
        verdict = step(a, octets.len > 0 ? buf_slice(&octets) : SLICE_LIT(""), challenge_out, err);
    mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
    return verdict;
}

static enum auth_verdict settled(struct auth_server *a, enum auth_verdict verdict)
{
    if (verdict != AUTH_CHALLENGE && verdict != AUTH_SUCCESS)
        auth_server_forget(a);
    return verdict;
}

enum auth_verdict auth_server_first(struct auth_server *a, bool has_initial, struct slice initial,
                                    struct buf *challenge_out, struct err *err)
{
    if (!has_initial)
        return settled(a, step(a, slice_of(NULL, 0), challenge_out, err));
    if (slice_eq(initial, SLICE_LIT("=")))
        initial = SLICE_LIT("");
    return settled(a, step_base64(a, initial, challenge_out, err));
}

enum auth_verdict auth_server_line(struct auth_server *a, struct slice line,
                                   struct buf *challenge_out, struct err *err)
{
    if (slice_eq(line, SLICE_LIT("*")))
        return settled(a, AUTH_CANCELLED);
    if (!a->sasl)
        return AUTH_NOT_OPEN;
    if (a->proven)
        return settled(a, line.len > 0 ? AUTH_NOT_EMPTY : AUTH_SUCCESS);
    return settled(a, step_base64(a, line, challenge_out, err));
}

char *auth_server_user(struct auth_server *a)
{
    const char *user = sasl_user(a->sasl);
    char *copy = mem_strdup(user ? user : "");
    auth_server_forget(a);
    return copy;
}
