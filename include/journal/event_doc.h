/* The kinds table for readers: doc/events.md is made from it, so it cannot disagree with the code.
 */
#ifndef JOURNAL_EVENT_DOC_H
#define JOURNAL_EVENT_DOC_H

#include "base/buf.h"

/* Append the whole table as Markdown: schema version, then each kind with its sentence, its
 * producer and its fields (name, type, unit, text; the words of an enum in the type). */
void event_doc_markdown(struct buf *out);

#endif
