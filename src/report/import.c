#include "report/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vis.h"
#include "engine/track.h"
#include "recording/recording.h"

enum { LOOK_LINES = 40, NEEDED_LINES = 2, LINE_NS = 1000000 };

enum said { SAID_NOTHING, SAID_C, SAID_S, SAID_EVENT };

/* What stands in front of a line, and what it means. Longer ones stand before their beginnings. */
static const struct {
    const char *mark;
    enum said said;
    bool tls;
} marks[] = {
    {" -> ", SAID_C, false},     {" ->", SAID_C, false},     {" ~> ", SAID_C, true},
    {" ~>", SAID_C, true},       {"<-  ", SAID_S, false},    {"<** ", SAID_S, false},
    {"<-", SAID_S, false},       {"<**", SAID_S, false},     {"<~  ", SAID_S, true},
    {"<~* ", SAID_S, true},      {"<~", SAID_S, true},       {"=== ", SAID_EVENT, false},
    {"*** ", SAID_EVENT, false}, {"== ", SAID_EVENT, false}, {"-- ", SAID_EVENT, false},
    {"C: ", SAID_C, false},      {"C:", SAID_C, false},      {"S: ", SAID_S, false},
    {"S:", SAID_S, false},
};

static enum said line_said(struct slice line, struct slice *rest_out, bool *tls_out)
{
    for (unsigned indented = 0; indented < 2; indented++) {
        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
            struct slice mark = slice_cstr(marks[i].mark);
            if (!slice_starts(line, mark))
                continue;
            *rest_out = slice_skip(line, mark.len);
            *tls_out = marks[i].tls;
            return marks[i].said;
        }
        /* In books the dialogue is indented. */
        while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            line = slice_skip(line, 1);
    }
    return SAID_NOTHING;
}

static struct slice take_line(struct slice *rest)
{
    ptrdiff_t lf = slice_find_octet(*rest, '\n');
    size_t n = lf < 0 ? rest->len : (size_t)lf;
    struct slice line = slice_take(*rest, n);
    *rest = slice_skip(*rest, n + 1);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

bool import_recognises(struct slice text)
{
    unsigned said = 0;
    for (unsigned i = 0; i < LOOK_LINES && text.len > 0; i++) {
        struct slice rest;
        bool tls;
        enum said who = line_said(take_line(&text), &rest, &tls);
        said += who == SAID_C || who == SAID_S;
    }
    return said >= NEEDED_LINES;
}

/* ---- one connection after another ---- */

struct import {
    struct clock_manual clock;
    struct journal *journal;
    uint32_t conn;
    bool up;
    struct track *track; /* NULL: nobody here knows what is spoken; its octets are kept */
    bool tls;
    char *server;
    uint64_t last_seq; /* of the last line: what a mark stands at */
};

static void up(struct import *m, struct slice greeting)
{
    enum protocol protocol =
        slice_starts(greeting, SLICE_LIT("+OK")) || slice_starts(greeting, SLICE_LIT("-ERR"))
            ? PROTOCOL_POP3
        : slice_starts(greeting, SLICE_LIT("* ")) ? PROTOCOL_IMAP
                                                  : PROTOCOL_SMTP;
    const struct track_options options = {.tls = m->tls};
    m->conn = journal_conn_new(m->journal);
    JOURNAL_APPEND(
        m->journal, m->conn, LINK_UP, 0, 0,
        (struct ev_link_up){.peer = slice_cstr(m->server), .name = slice_cstr(m->server)});
    m->up = true;
    if (track_known(protocol))
        m->track = track_new(protocol, m->journal, m->conn, &options);
    else
        JOURNAL_APPEND(m->journal, m->conn, PROTOCOL, 0, 0,
                       (struct ev_protocol){.name = protocol == PROTOCOL_IMAP ? SLICE_LIT("imap")
                                                                              : SLICE_LIT("pop3")});
}

static void down(struct import *m, bool orderly)
{
    if (!m->up)
        return;
    if (m->track)
        track_closed(m->track, DIR_S);
    JOURNAL_APPEND(m->journal, m->conn, LINK_DOWN, 0, 0,
                   (struct ev_link_down){.why = orderly ? DOWN_EOF : DOWN_ERROR});
    track_free(&m->track);
    m->tls = m->up = false;
}

static void tls_up(struct import *m, struct slice version, struct slice cipher, struct slice group,
                   uint64_t bits)
{
    m->tls = true;
    if (!m->up) /* from the first octet on */
        up(m, slice_cstr(""));
    JOURNAL_APPEND(m->journal, m->conn, TLS_START, 0, 0,
                   (struct ev_tls_start){.side = SIDE_CLIENT});
    JOURNAL_APPEND(
        m->journal, m->conn, TLS_UP, 0, 0,
        (struct ev_tls_up){.version = version, .cipher = cipher, .group = group, .bits = bits});
    if (m->track && !track_is_tls(m->track))
        track_tls_up(m->track);
}

static void spoken(struct import *m, enum event_dir dir, struct slice text, bool tls)
{
    struct buf line;
    if (!m->up)
        up(m, dir == DIR_S ? text : slice_cstr(""));
    if (tls && !m->tls)
        tls_up(m, slice_cstr(""), slice_cstr(""), slice_cstr(""), 0);
    buf_init(&line, text.len + 2);
    buf_append(&line, text);
    buf_append(&line, SLICE_LIT("\r\n"));
    uint64_t before = journal_last(m->journal);
    if (m->track)
        track_feed_all(m->track, dir, buf_slice(&line));
    else
        journal_append_octets(m->journal, m->conn, dir, LAYER_PLAIN, 0, m->tls, buf_slice(&line),
                              NULL, 0, true);
    m->last_seq = before + 1;
    buf_deinit(&line);
}

/* ---- what is said between the lines ---- */

static bool skip_text(struct slice *line, const char *text)
{
    if (!slice_starts(*line, slice_cstr(text)))
        return false;
    *line = slice_skip(*line, strlen(text));
    return true;
}

static void set_server(struct import *m, struct slice name)
{
    while (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    mem_free(m->server);
    m->server = mem_slice_dup(slice_take(name, 255));
}

static struct slice until(struct slice *rest, uint8_t octet)
{
    ptrdiff_t at = slice_find_octet(*rest, octet);
    size_t n = at < 0 ? rest->len : (size_t)at;
    struct slice part = slice_take(*rest, n);
    *rest = slice_skip(*rest, n + 1);
    return part;
}

/* swaks: "TLS started with cipher TLSv1.3:NAME:256"; ours: "TLSv1.3 NAME GROUP, ...". */
static bool take_tls(struct import *m, struct slice text)
{
    uint64_t bits = 0;
    if (skip_text(&text, "TLS started with cipher ")) {
        struct slice version = until(&text, ':'), cipher = until(&text, ':');
        slice_to_u64(slice_trim(text), 100000, &bits);
        tls_up(m, version, cipher, slice_cstr(""), bits);
        return true;
    }
    if (!slice_starts(text, SLICE_LIT("TLSv1")) && !slice_starts(text, SLICE_LIT("SSLv")))
        return false;
    struct slice version = slice_next_word(&text), cipher = slice_next_word(&text);
    struct slice group = until(&text, ',');
    tls_up(m, version, cipher, slice_trim(group), 0);
    return true;
}

static void take_event(struct import *m, struct slice text)
{
    struct slice rest = text;
    uint32_t conn = m->up ? m->conn : 0;
    if (skip_text(&rest, "Trying ") || skip_text(&rest, "connecting to ")) {
        JOURNAL_APPEND(m->journal, 0, LINK_TRY, 0, 0,
                       (struct ev_link_try){.address = until(&rest, ' '), .attempt = 1});
    } else if (skip_text(&rest, "Connected to ") || skip_text(&rest, "connected ")) {
        down(m, true);
        set_server(m, until(&rest, ' '));
    } else if (take_tls(m, text)) {
        return;
    } else if (skip_text(&rest, "Connection closed") || skip_text(&rest, "closed")) {
        down(m, true);
    } else if (skip_text(&rest, "mark ")) {
        JOURNAL_APPEND(m->journal, conn, MARK, 0, m->last_seq, (struct ev_mark){.name = rest});
    } else if (skip_text(&rest, "note: ")) {
        JOURNAL_APPEND(m->journal, conn, NOTE, 0, m->last_seq,
                       (struct ev_note){.level = LEVEL_REMARK, .text = rest});
    } else if (!slice_starts(text, SLICE_LIT("connection ")) &&
               !slice_starts(text, SLICE_LIT("! "))) { /* rules are judged anew */
        JOURNAL_APPEND(m->journal, conn, NOTE, 0, 0, (struct ev_note){.text = text});
    }
}

static void take_all(struct import *m, struct slice text)
{
    while (text.len > 0) {
        struct slice rest;
        bool tls;
        enum said who = line_said(take_line(&text), &rest, &tls);
        m->clock.now_tick_ns += LINE_NS;
        m->clock.now_wall_us += LINE_NS / 1000;
        if (who == SAID_C || who == SAID_S)
            spoken(m, who == SAID_C ? DIR_C : DIR_S, rest, tls);
        else if (who == SAID_EVENT)
            take_event(m, rest);
    }
    down(m, true);
}

bool import_text(struct slice text, const char *name, const char *tool, import_line_fn fn,
                 void *ctx, struct err *err)
{
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(name));
    if (!import_recognises(text)) {
        err_set(err, ERR_FORMAT, 0, "%s is no recording and no transcript", safe);
        err_explain(
            err, "Neither JSON lines nor lines of swaks, nor lines with C: and S: in front.", "");
        return false;
    }
    struct import m = {.server = mem_strdup("")};
    clock_manual_init(&m.clock, LINE_NS, 0);
    m.journal = journal_new(&m.clock.clock);
    JOURNAL_APPEND(
        m.journal, 0, RECORDING, 0, 0,
        (struct ev_recording){.schema = JOURNAL_SCHEMA, .tool = slice_cstr(tool), .redacted = 1});
    journal_note(m.journal, 0, LEVEL_INFO, "made from a transcript",
                 "its times are invented: a millisecond a line", "");
    take_all(&m, text);
    struct buf line;
    buf_init(&line, 8 << 20);
    for (uint64_t seq = 1; seq <= journal_last(m.journal); seq++) {
        const struct event *ev = journal_at(m.journal, seq);
        buf_reset(&line);
        if (ev && recording_format_event(&line, m.journal, ev, LINE_NS, false))
            fn(ctx, buf_slice(&line));
    }
    buf_deinit(&line);
    journal_free(&m.journal);
    mem_free(m.server);
    return true;
}

/* ---- files ---- */

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    char safe[160];
    vis_to_cstr(safe, sizeof(safe), slice_cstr(path));
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;
    while (ok) {
        uint8_t *room = buf_room(out, 65536);
        ssize_t n = room ? read(fd, room, 65536) : -1;
        if (n < 0 && room && errno == EINTR)
            continue;
        ok = n >= 0;
        if (n <= 0)
            break;
        buf_grow(out, (size_t)n);
    }
    if (!ok)
        err_set(err, ERR_FILE, errno, "%s: %s", safe,
                out->overflow ? "larger than the limit import" : strerror(errno));
    if (fd >= 0 && !is_stdin)
        close(fd);
    return ok;
}

static void feed_line(void *ctx, struct slice line)
{
    recording_parser_feed(ctx, line);
}

bool import_read(const char *path, const char *tool, struct journal *j, struct err *err)
{
    struct buf text;
    buf_init(&text, IMPORT_MAX_OCTETS);
    bool ok = read_file(path, &text, err);
    if (ok) {
        struct recording_parser *p = recording_parser_new(j);
        ok = import_text(buf_slice(&text), path, tool, feed_line, p, err);
        recording_parser_end(&p, NULL);
    }
    buf_deinit(&text);
    return ok;
}

bool import_is_transcript(const char *path)
{
    uint8_t head[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    /* Pipes are not looked into. A recording begins with a brace, whatever else is wrong with it.
     */
    ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;
    if (fd >= 0)
        close(fd);
    return n > 0 && head[0] != '{' && import_recognises(slice_of(head, (size_t)n));
}

bool import_or_read(const char *path, const char *tool, struct journal *j,
                    struct recording_report *report, struct err *err)
{
    if (!import_is_transcript(path))
        return recording_read(path, j, report, err);
    if (report)
        memset(report, 0, sizeof(*report));
    return import_read(path, tool, j, err);
}

static void write_line(void *ctx, struct slice line)
{
    fwrite(line.ptr, 1, line.len, ctx);
}

bool import_write(const char *path, const char *tool, FILE *to, struct err *err)
{
    struct buf text;
    buf_init(&text, IMPORT_MAX_OCTETS);
    bool ok = read_file(path, &text, err) &&
              import_text(buf_slice(&text), path, tool, write_line, to, err);
    buf_deinit(&text);
    if (ok && (fflush(to) != 0 || ferror(to))) {
        err_set(err, ERR_FILE, errno, "cannot write the recording: %s", strerror(errno));
        ok = false;
    }
    return ok;
}
