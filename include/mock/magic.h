/* Addresses that always work: any+550@, any+450-4.2.0@, any+552.dot@, any+450x2@, any+delay5@,
 * any+drop.dot@, any+reset.data@, any+greylist@, any+full@, any+bounce@; sender side from+451@.
 *
 *     magic  := user "+" action { "." stage }
 *     action := code [ "-" enhanced ] [ "x" times ] | "delay" seconds | "drop" | "reset" |
 * "greylist" | "full" | "bounce" stage  := "mail" | "rcpt" | "data" | "dot"      (default: the
 * command the address stands in)
 */
#ifndef MOCK_MAGIC_H
#define MOCK_MAGIC_H

#include "base/slice.h"

enum magic_action {
    MAGIC_NONE,
    MAGIC_REPLY,
    MAGIC_DELAY,
    MAGIC_DROP,
    MAGIC_RESET,
    MAGIC_GREYLIST,
    MAGIC_FULL,
    MAGIC_BOUNCE
};
enum magic_stage { MAGIC_AT_ONCE, MAGIC_AT_MAIL, MAGIC_AT_RCPT, MAGIC_AT_DATA, MAGIC_AT_DOT };

struct magic {
    enum magic_action action;
    enum magic_stage stage;
    unsigned code;
    char enhanced[12]; /* "4.2.0" or empty: chosen to fit the code */
    unsigned times;    /* 0: always; n: the first n times, then accepted */
    unsigned delay_s;  /* at most 600 */
};

/* Read the local part; false: not magic. */
bool magic_parse(struct slice local_part, struct magic *out);
/* One row of help for each form, NULL-terminated pairs: form, meaning. */
struct magic_form {
    const char *form, *meaning;
};
const struct magic_form *magic_form_at(size_t index);

#endif
