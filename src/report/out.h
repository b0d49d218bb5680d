/* Writing reports: safe text, JSON and HTML into a buffer that goes out when it is full. */
#ifndef REPORT_OUT_H
#define REPORT_OUT_H

#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/vis.h"

/* ,"name":  (without the comma behind an opening bracket or another comma, and in an empty buffer)
 */
void out_key(struct buf *b, const char *name);
/* A text of anybody's as a JSON string: as it is where it is UTF-8, else in its safe form. */
void out_json_text(struct buf *b, struct slice s);
/* The two together; an empty text is null. */
void out_json_member(struct buf *b, const char *name, struct slice s);
void out_json_number(struct buf *b, const char *name, uint64_t v);
void out_json_bool(struct buf *b, const char *name, bool v);
/* Microseconds as milliseconds, "1.234". */
void out_json_ms(struct buf *b, const char *name, uint64_t us);
/* Safe form, then & < > " escaped. */
void out_html(struct buf *b, struct slice s);
/* "12.345": seconds. */
void out_seconds(struct buf *b, uint64_t us);
/* Write b to the stream and empty it. */
void out_flush(struct buf *b, FILE *to);

#endif
