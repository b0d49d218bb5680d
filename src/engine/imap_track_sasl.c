/* AUTHENTICATE lines in words: SASL_STEP events, with the secrets left out by sasl_describe. */
#include "engine/imap_track_private.h"

#include "base/base64.h"
#include "base/mem.h"
#include "sasl/sasl.h"

enum { SASL_TEXT_OCTETS = 4096, SASL_LINE_OCTETS = IMAP_CAP_COMMAND_OCTETS };

void itrack_sasl_step(struct imap_track *t, enum event_dir dir, struct slice base64,
                      const struct itrack_range *where)
{
    struct buf octets, text;
    buf_init(&octets, SASL_LINE_OCTETS);
    buf_init(&text, SASL_TEXT_OCTETS);
    if (t->sasl_step[dir] < UINT8_MAX)
        t->sasl_step[dir]++;
    bool cancel = dir == DIR_C && slice_eq(base64, SLICE_LIT("*"));
    if (base64.len > 0 && !cancel)
        buf_room(&octets, base64.len); /* decode in one place: growing would leave copies behind */
    if (cancel) {
        buf_append_cstr(&text, "the client gives the exchange up");
    } else if (!base64_decode(&octets, base64)) {
        itrack_deviation(t, IMAP_RULE_AUTH_BAD_BASE64, where, "%s",
                         imap_rule_meaning(IMAP_RULE_AUTH_BAD_BASE64));
        buf_append_cstr(&text, "not base64");
    } else {
        sasl_describe(t->mechanism, dir == DIR_C, t->sasl_step[dir], buf_slice(&octets), &text);
    }
    JOURNAL_APPEND(t->journal, t->conn, SASL_STEP, itrack_flags(t), where->cause_seq,
                   (struct ev_sasl_step){.mechanism = slice_cstr(t->mechanism),
                                         .dir = dir,
                                         .step = t->sasl_step[dir],
                                         .text = buf_slice(&text)});
    if (octets.ptr)
        mem_wipe(octets.ptr, octets.len);
    buf_deinit(&octets);
    buf_deinit(&text);
}
