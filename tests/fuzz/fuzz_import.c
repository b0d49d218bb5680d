/* Any octets taken for a transcript of another's: what comes of them is a recording without a bad
 * line, and it is shown like any other. */
#include <stdlib.h>

#include "base/mem.h"
#include "decode/transcript.h"
#include "recording/recording.h"
#include "report/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_line(void *ctx, struct slice line)
{
    recording_parser_feed(ctx, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clock_manual clock;
    struct recording_report report;
    struct err err;
    clock_manual_init(&clock, 1, 1);
    struct journal *j = journal_new(&clock.clock);
    struct recording_parser *p = recording_parser_new(j);
    import_text(slice_of(data, size), "input", "fuzz", take_line, p, &err);
    recording_parser_end(&p, &report);
    if (report.lines_bad || report.kinds_unknown || report.octets_lost)
        abort();
    struct transcript *t = transcript_new(j, 0, true);
    transcript_update(t, NULL);
    transcript_free(&t);
    journal_free(&j);
    return 0;
}
