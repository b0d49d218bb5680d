/* Profiles: how well-known servers word their replies and order their capabilities, as data
 * (src/scenario/profiles.tsv). A row is PROFILE, KEY, TEXT. KEY is what is answered and the code
 * the practice server itself would answer with: "rcpt 550 5.1.1", "mail 250", "* 503"; or
 * "banner" (behind the code 220), "caps" (keywords in order). TEXT is the reply, \n between its
 * lines, with {variables}.
 */
#ifndef SCENARIO_PROFILE_H
#define SCENARIO_PROFILE_H

#include "base/slice.h"

enum { PROFILE_NAMES_MAX = 16 };
/* NULL at the end. */
const char *profile_name_at(size_t index);
/* The text of a key, NULL where the profile has none. */
const char *profile_text(const char *profile, const char *key);
/* The text for a reply: by stage, code and enhanced code; then by stage and code; then the same for
 * any stage. enhanced may be "". */
const char *profile_reply(const char *profile, const char *stage, unsigned code,
                          const char *enhanced);

#endif
