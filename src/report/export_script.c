/* What can be sent again: messages, and scripts for `smtpscope run`.
 *
 * A script says the same and expects the same reply codes. What it cannot say as typed lines (odd
 * line ends, control characters) it says with /raw; what it must not know (passwords) it leaves to
 * /auth. Content goes in its wire form, with dot-stuffing off, so that it is the same to the octet.
 */
#include "report/export_private.h"

#include <string.h>

#include "base/utf8.h"
#include "base/vis.h"
#include "smtp/command.h"

/* ---- eml ---- */

unsigned export_message_count(const struct journal *j)
{
    struct session_steps steps;
    unsigned n = 0;
    session_steps_read(&steps, j);
    for (size_t c = 0; c < steps.n_conns; c++)
        for (size_t i = 0; i < steps.conns[c].n_steps; i++)
            n += steps.conns[c].steps[i].kind == STEP_CONTENT;
    session_steps_deinit(&steps);
    return n;
}

static void write_piece(void *ctx, struct slice piece)
{
    FILE *to = ctx;
    fwrite(piece.ptr, 1, piece.len, to);
}

static bool no_message(unsigned wanted, unsigned n, struct err *err)
{
    if (n == 0)
        err_set(err, ERR_FORMAT, 0, "no message was sent in this recording");
    else if (wanted == 0)
        err_set(err, ERR_USAGE, 0, "there are %u messages in this recording", n);
    else
        err_set(err, ERR_USAGE, 0, "there is no message %u in this recording, only %u", wanted, n);
    err_explain(err, "",
                n == 0 ? "DATA was never reached; try --to text" : "choose one with --message N");
    return false;
}

bool export_eml(const struct journal *j, const struct export_options *options, FILE *to,
                struct err *err)
{
    struct session_steps steps;
    unsigned count = export_message_count(j), n = 0;
    unsigned wanted = options->message == 0 && count == 1 ? 1 : options->message;
    bool found = false, whole = true;
    if (wanted == 0 || wanted > count)
        return no_message(options->message, count, err);
    session_steps_read(&steps, j);
    for (size_t c = 0; c < steps.n_conns && !found; c++)
        for (size_t i = 0; i < steps.conns[c].n_steps && !found; i++) {
            const struct step *step = &steps.conns[c].steps[i];
            if (step->kind != STEP_CONTENT || ++n != wanted)
                continue;
            found = true;
            whole = step_content(&steps, &steps.conns[c], step, write_piece, to);
        }
    session_steps_deinit(&steps);
    if (!whole) {
        err_set(err, ERR_LIMIT, 0, "octets of message %u are not in the recording", wanted);
        err_explain(err, "What was written of it is not whole.", "");
    }
    return whole;
}

/* ---- script ---- */

enum { SCRIPT_CONTENT_MAX_OCTETS = 1 << 20 }; /* limit "script-content": larger ones are files */

struct script {
    const struct session_steps *steps;
    const struct step_list *list;
    struct annotations annotations;
    struct buf out, line;
    FILE *to;
    bool again;       /* no expectations, but those that keep content from being commands */
    bool own_dots;    /* dot-stuffing was turned off */
    unsigned message; /* content steps so far */
};

/* What can stand in a file that people look at on a terminal: the client may have been anybody. */
static bool plain_text(struct slice s)
{
    while (s.len > 0) {
        uint32_t cp;
        size_t n = utf8_decode(s, &cp);
        if (n == 0 || (cp != '\t' && vis_width(cp) < 0))
            return false;
        s = slice_skip(s, n);
    }
    return true;
}

static bool starts_with_word(struct slice s, const char *word)
{
    size_t len = strlen(word);
    return slice_starts(s, slice_cstr(word)) &&
           (s.len == len || s.ptr[len] == ' ' || s.ptr[len] == '\t');
}

/* Would the script take this line for its own? Inside content only the slash is special. */
static bool needs_raw(struct slice s, bool content)
{
    static const char *const words[] = {"expect", "expect-not", "sleep", "ask"};
    if (!plain_text(s))
        return true;
    if (content)
        return false;
    struct slice first = slice_trim(s);
    if (first.len == 0 || first.ptr[0] == '#')
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (starts_with_word(first, words[i]))
            return true;
    return false;
}

static void put_raw(struct buf *out, struct slice s)
{
    buf_append_cstr(out, "/raw \"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\r')
            buf_append_cstr(out, "\\r");
        else if (c == '\n')
            buf_append_cstr(out, "\\n");
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append_octet(out, c);
    }
    buf_append_cstr(out, "\"\n");
}

/* One line as it stood on the wire, with its line end. */
static void put_line(struct script *s, struct slice wire, bool content)
{
    size_t n = wire.len;
    bool crlf = n >= 2 && wire.ptr[n - 1] == '\n' && wire.ptr[n - 2] == '\r';
    struct slice line = slice_take(wire, crlf ? n - 2 : n);
    if (!crlf || needs_raw(line, content)) {
        put_raw(&s->out, wire);
        return;
    }
    if (line.len > 0 && line.ptr[0] == '/')
        buf_append_octet(&s->out, '/');
    buf_append(&s->out, line);
    buf_append_octet(&s->out, '\n');
}

static void put_expect(struct script *s, const struct step *step)
{
    if (s->again) {
        if (step->kind == STEP_COMMAND && step->verb == SMTP_VERB_DATA && step->code == 354)
            buf_append_cstr(&s->out, "expect code 354\n");
        return;
    }
    if (!step->reply_seq)
        buf_append_cstr(&s->out, "# no reply came\n");
    else if (step->result[0])
        buf_printf(&s->out, "expect code %s\n", step->result);
    else if (step->kind == STEP_REPLY && step->name[0])
        return; /* IMAP's data: numbers and dates in it change */
    else if (step->enhanced[0])
        buf_printf(&s->out, "expect code %u\nexpect code %s\n", step->code, step->enhanced);
    else if (step->code)
        buf_printf(&s->out, "expect code %u\n", step->code);
    else
        buf_append_cstr(&s->out, "# a reply without a code came\n");
}

/* AUTH and the lines of its exchange become one /auth; returns how many steps that were. */
static size_t put_auth(struct script *s, size_t at)
{
    struct buf mechanism;
    const struct step_list *l = s->list;
    size_t end = at + 1;
    while (end < l->n_steps && l->steps[end].kind == STEP_COMMAND &&
           l->steps[end].verb == SMTP_VERB_AUTH_DATA)
        end++;
    buf_init(&mechanism, 256);
    const char *word = l->steps[at].name;
    if (l->steps[at].verb == SMTP_VERB_AUTH || strcmp(word, "AUTHENTICATE") == 0)
        step_argument(s->steps, l, &l->steps[at], &mechanism);
    else /* the mailbox protocols' own commands */
        buf_append_cstr(&mechanism, strcmp(word, "APOP") == 0 ? "APOP" : "LOGIN");
    buf_append_cstr(&s->out, "# the password is not in the recording: --user and "
                             "--password-command, or netrc, give it\n/auth ");
    vis_to_buf(&s->out, buf_slice(&mechanism), VIS_ASCII);
    buf_append_octet(&s->out, '\n');
    put_expect(s, &l->steps[end - 1]);
    buf_deinit(&mechanism);
    return end - at;
}

static void put_command(struct script *s, const struct step *step)
{
    struct buf masked;
    buf_reset(&s->line);
    journal_read_masked(s->steps->journal, s->list->conn, DIR_C, LAYER_PLAIN, step->offset,
                        step->length < 65536 ? step->length : 65536, &s->line, NULL);
    buf_init(&masked, 65536);
    bool secret = secret_line_masked(buf_slice(&s->line), false, &masked);
    buf_deinit(&masked);
    if (secret || s->line.len == 0) {
        buf_append_cstr(&s->out, "# a line with a secret, or one that was not kept, is left out\n");
        return;
    }
    put_line(s, buf_slice(&s->line), false);
    put_expect(s, step);
}

static void put_content_lines(struct script *s, const struct step *step)
{
    struct slice rest = buf_slice(&s->line);
    while (rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        size_t n = lf < 0 ? rest.len : (size_t)lf + 1;
        put_line(s, slice_take(rest, n), true);
        rest = slice_skip(rest, n);
        out_flush(&s->out, s->to);
    }
    put_expect(s, step);
}

static void put_content(struct script *s, const struct step *step)
{
    s->message++;
    buf_reset(&s->line);
    if (step->end_seq && step->length <= SCRIPT_CONTENT_MAX_OCTETS &&
        journal_read_masked(s->steps->journal, s->list->conn, DIR_C, LAYER_PLAIN, step->offset,
                            step->length, &s->line, NULL)) {
        put_content_lines(s, step);
        return;
    }
    buf_printf(&s->out,
               "# message %u is too large for a script, or not whole: smtpscope export --to eml "
               "--message %u, then /data FILE instead of DATA\n.\n",
               s->message, s->message);
    put_expect(s, step);
}

/* Before the command they speak of, or behind the one whose reply they speak of. */
static void put_annotations(struct script *s, uint64_t below_seq)
{
    const struct annotation *a;
    while ((a = annotations_next(&s->annotations, below_seq)) != NULL) {
        const struct event *ev = journal_at(s->steps->journal, a->at_seq);
        if (ev && ev->conn != s->list->conn && ev->conn != 0)
            continue;
        /* A number in front would be taken for a line's. */
        bool number = a->text[0] >= '0' && a->text[0] <= '9';
        buf_append_cstr(&s->out, a->mark ? "/mark " : number ? "# note: " : "/note ");
        vis_to_buf(&s->out, slice_cstr(a->text), 0);
        buf_append_octet(&s->out, '\n');
    }
}

/* POP3 and IMAP: /auth says USER, and asks for the offer, by itself. */
static bool auth_says_it(const struct step_list *l, size_t at)
{
    const char *name = l->steps[at].name;
    if (strcmp(name, "USER") != 0 && strcmp(name, "CAPA") != 0 && strcmp(name, "CAPABILITY") != 0)
        return false;
    for (at++; at < l->n_steps; at++)
        if (l->steps[at].kind == STEP_TLS)
            return false;
        else if (l->steps[at].kind == STEP_COMMAND && strcmp(l->steps[at].name, "USER") != 0)
            return step_logs_in(&l->steps[at]);
    return false;
}

static void put_step(struct script *s, size_t *at)
{
    const struct step *step = &s->list->steps[*at];
    size_t n = 1;
    put_annotations(s, step->seq);
    switch (step->kind) {
    case STEP_CONNECT:
        put_expect(s, step);
        break;
    case STEP_TLS:
        buf_append_cstr(&s->out, step->tls_ok ? "expect event tls_up 30\n" : "# TLS failed here\n");
        break;
    case STEP_COMMAND:
        if (step->verb == SMTP_VERB_DATA && !s->own_dots && step->code == 354) {
            buf_append_cstr(&s->out, "# what follows is as it stood on the wire, dots and all\n"
                                     "/set dotstuff off\n");
            s->own_dots = true;
        }
        if (step_logs_in(step))
            n = put_auth(s, *at);
        else if (auth_says_it(s->list, *at))
            break;
        else
            put_command(s, step);
        break;
    case STEP_CONTENT:
        put_content(s, step);
        break;
    case STEP_REPLY:
        put_expect(s, step);
        break;
    }
    *at += n;
    out_flush(&s->out, s->to);
}

static void put_head(struct script *s, const char *name, const struct step_list *l)
{
    struct ev_link_up up;
    const struct event *ev = journal_at(s->steps->journal, l->up_seq);
    buf_append_cstr(&s->out, "# Made from the recording ");
    vis_to_buf(&s->out, slice_cstr(name), VIS_ASCII);
    buf_printf(&s->out, ", connection %u", (unsigned)l->conn);
    if (ev) {
        EVENT_GET(ev, LINK_UP, &up);
        buf_append_cstr(&s->out, " to ");
        vis_to_buf(&s->out, up.name.len > 0 ? up.name : up.peer, VIS_ASCII);
    }
    buf_append_cstr(&s->out, ".\n# smtpscope run THIS-FILE TARGET\n");
}

bool export_script(const struct journal *j, const struct export_options *options, FILE *to,
                   struct err *err)
{
    struct session_steps steps;
    session_steps_read_main(&steps, j, 0);
    const struct step_list *l = session_steps_main(&steps, 0);
    bool ok = l && l->n_steps > 0;
    if (ok) {
        struct script s = {.steps = &steps, .list = l, .to = to, .again = options->again};
        buf_init(&s.out, 8 << 20);
        buf_init(&s.line, SCRIPT_CONTENT_MAX_OCTETS);
        put_head(&s, options->name, l);
        annotations_read(&s.annotations, j);
        for (size_t at = 0; at < l->n_steps;)
            put_step(&s, &at);
        put_annotations(&s, UINT64_MAX);
        annotations_deinit(&s.annotations);
        out_flush(&s.out, to);
        buf_deinit(&s.out);
        buf_deinit(&s.line);
    } else {
        err_set(err, ERR_FORMAT, 0, "nothing was said in this recording");
        err_explain(err, "No connection in it ever came up.", "try --to text");
    }
    session_steps_deinit(&steps);
    return ok;
}
