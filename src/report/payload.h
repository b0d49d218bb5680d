/* Room for the payload of any kind of event. */
#ifndef REPORT_PAYLOAD_H
#define REPORT_PAYLOAD_H

#include "journal/event.h"

union report_payload {
#define KIND(ENUM, name, producer, sentence) struct ev_##name name;
#define U(kind, field, unit, text)
#define I(kind, field, unit, text)
#define T(kind, field, unit, text)
#define B(kind, field, unit, text)
#define E(kind, field, enumname, text)
#define END(kind)
#include "journal/kinds.def"
#undef KIND
#undef U
#undef I
#undef T
#undef B
#undef E
#undef END
};

#endif
