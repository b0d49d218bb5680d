/* What a driver wants done: the answer to "what now?" of every driving role. */
#ifndef ENGINE_WANT_H
#define ENGINE_WANT_H

#include "base/slice.h"

enum want_kind {
    WANT_WAIT,    /* for a reply (or whatever is under way) */
    WANT_SEND,    /* send .octets, then ask again */
    WANT_TLS,     /* start the handshake; the driver is told how it went */
    WANT_CONTENT, /* stream the message; the driver is told when its end is queued */
    WANT_CLOSE,   /* close in order; all is said */
    WANT_DONE     /* goal reached, or given up: see the result; the connection stays */
};
struct want {
    enum want_kind kind;
    struct slice octets; /* SEND: valid until the next call */
};

#endif
