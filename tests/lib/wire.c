/* Playing a written session. */
#include "wire.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/track.h"

bool wire_start_as(struct wire *w, const char *target, const char *protocol)
{
    struct track_options options = {0};
    enum protocol p = 0;
    while (p < PROTOCOL__COUNT && strcmp(protocol_name(p), protocol) != 0)
        p++;
    if (p == PROTOCOL__COUNT || !track_known(p))
        return false;
    memset(w, 0, sizeof(*w));
    clock_manual_init(&w->clock, 1000000, 1732384931000000);
    w->journal = journal_new(&w->clock.clock);
    w->conn = journal_conn_new(w->journal);
    JOURNAL_APPEND(w->journal, w->conn, LINK_UP, 0, 0,
                   (struct ev_link_up){.side = SIDE_CLIENT,
                                       .transport = TRANSPORT_TCP,
                                       .local = SLICE_LIT("192.0.2.1:40000"),
                                       .peer = SLICE_LIT("198.51.100.25:25"),
                                       .elapsed_us = 1000,
                                       .name = slice_cstr(target)});
    w->track = track_new(p, w->journal, w->conn, &options);
    return true;
}

void wire_start(struct wire *w, const char *target)
{
    if (!wire_start_as(w, target, "smtp"))
        abort();
}

static unsigned hex(int c)
{
    return (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
}

static size_t unescape(const char *in, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        if (c != '\\' || i + 1 == len) {
            out[n++] = c;
            continue;
        }
        c = in[++i];
        if (c == 'x' && i + 2 < len + 0 && isxdigit((unsigned char)in[i + 1])) {
            out[n++] = (char)(hex((unsigned char)in[i + 1]) * 16 + hex((unsigned char)in[i + 2]));
            i += 2;
        } else {
            out[n++] = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
    }
    return n;
}

bool wire_line(struct wire *w, const char *line, size_t len)
{
    char octets[70000];
    size_t n = 0;
    if (len == 0 || line[0] == '#')
        return true;
    if (line[0] == '+') {
        clock_manual_advance_ms(&w->clock, strtoull(line + 1, NULL, 10));
        return true;
    }
    if (len == 3 && memcmp(line, "TLS", 3) == 0) {
        JOURNAL_APPEND(w->journal, w->conn, TLS_UP, 0, 0,
                       (struct ev_tls_up){.version = SLICE_LIT("TLSv1.3")});
        track_tls_up(w->track);
        return true;
    }
    if (len == 7 && memcmp(line, "CLOSE ", 6) == 0) {
        track_closed(w->track, line[6] == 'C' ? DIR_C : DIR_S);
        return true;
    }
    if (len < 2 || len > sizeof(octets) - 2 || (line[0] != 'C' && line[0] != 'S') ||
        (line[1] != ':' && line[1] != '~'))
        return false;
    size_t skip = len > 2 && line[2] == ' ' ? 3 : 2;
    if (line[1] == '~') {
        n = unescape(line + skip, len - skip, octets);
    } else {
        n = len - skip;
        memcpy(octets, line + skip, n);
        octets[n++] = '\r';
        octets[n++] = '\n';
    }
    track_feed_all(w->track, line[0] == 'C' ? DIR_C : DIR_S, slice_of(octets, n));
    return true;
}

void wire_play(struct wire *w, const char *script)
{
    while (*script) {
        size_t len = strcspn(script, "\n");
        if (!wire_line(w, script, len))
            abort();
        script += len + (script[len] == '\n');
    }
}

void wire_stop(struct wire *w)
{
    track_free(&w->track);
    journal_free(&w->journal);
}
