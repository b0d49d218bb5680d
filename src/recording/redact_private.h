/* Redaction on request: message bodies and mail addresses.
 *
 * Everything is replaced by as many octets, so that offsets and lengths stay true. Letters and
 * digits of messages become x; the names of header fields stay. An address becomes a pseudonym of
 * letters, the same for the same address under the same key, so that two redacted recordings still
 * compare; the last label of a domain stays.
 *
 * What an octet belongs to is often known only from events behind it: that a line goes on with a
 * domain, that a message began. So `see` is told each event at once and formatting waits:
 * `holds` says that an OCTETS event cannot be judged yet.
 */
#ifndef RECORDING_REDACT_PRIVATE_H
#define RECORDING_REDACT_PRIVATE_H

#include "recording/recording_private.h"

struct redactor;
struct redactor *redactor_new(struct slice key);
void redactor_free(struct redactor **r);

void redactor_see(struct redactor *r, const struct journal *j, const struct event *ev);
bool redactor_holds(struct redactor *r, const struct journal *j, const struct event *ev,
                    const struct ev_octets *o);
/* In place, the octets of an OCTETS event; secrets are masked already. Returns how many changed.
 * forced: it was held and can be no longer: what is not known to be harmless is replaced. */
size_t redactor_octets(struct redactor *r, const struct journal *j, const struct event *ev,
                       const struct ev_octets *o, uint8_t *octets, bool forced);
/* In place, the addresses in a text. */
size_t redactor_text(const struct redactor *r, uint8_t *text, size_t len);
/* The event was written: what is known only for its sake may go. */
void redactor_wrote(struct redactor *r, const struct event *ev);

#endif
