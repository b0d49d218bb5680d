/* Questions in the command pane: a line the console asks for (a password is not shown and goes
 * nowhere else), leaving while connected, and what to do with a paste of several lines. */
#include <stdio.h>
#include <string.h>

#include "ui_private.h"

/* ---- a line ---- */

static void answer_with(struct ui *u, const char *text)
{
    void (*answer)(void *ctx, const char *text) = u->answer;
    void *ctx = u->answer_ctx;
    u->answer = NULL;
    u->answer_ctx = NULL;
    if (answer)
        answer(ctx, text);
}

static bool question_key(struct ui *u, const struct input_unit *unit)
{
    if (unit->key == KEY_ENTER_CODE) {
        char text[sizeof u->field.text];
        memcpy(text, u->field.text, u->field.len);
        text[u->field.len] = '\0';
        void (*answer)(void *ctx, const char *text) = u->answer;
        void *ctx = u->answer_ctx;
        u->answer = NULL; /* closing refuses what was not answered */
        overlay_close(u);
        if (answer)
            answer(ctx, text);
        mem_wipe(text, sizeof text);
        return true;
    }
    if (unit->key == KEY_ESC_CODE || unit->key == KEY_CTRL('c') || unit->key == KEY_CTRL('d')) {
        overlay_close(u);
        return true;
    }
    return field_key(&u->field, unit) || unit->key < KEY_FN(0);
}

static void no_draw(struct ui *u)
{
    (void)u;
}

static void question_closed(struct ui *u)
{
    answer_with(u, NULL);
}

static const struct overlay_ops question_ops = {
    .draw = no_draw, .key = question_key, .close = question_closed};

void question_open(struct ui *u, const char *prompt, bool secret,
                   void (*answer)(void *ctx, const char *text), void *ctx)
{
    overlay_open(u, &question_ops);
    mem_free(u->question);
    u->question = mem_strdup(prompt);
    u->question_secret = secret;
    u->answer = answer;
    u->answer_ctx = ctx;
    u->focus = PANE_COMMAND;
}

/* ---- yes or no ---- */

static bool quit_key(struct ui *u, const struct input_unit *unit)
{
    overlay_close(u);
    if (unit->key == 'y' || unit->key == 'Y' || unit->key == KEY_ENTER_CODE ||
        unit->key == KEY_FN(10) || unit->key == KEY_CTRL('d'))
        console_submit(u->console, SLICE_LIT("/quit"), "keys", NULL);
    return true;
}

static const struct overlay_ops quit_ops = {.draw = no_draw, .key = quit_key};

void quit_ask(struct ui *u)
{
    overlay_open(u, &quit_ops);
    mem_free(u->question);
    u->question = mem_strdup("A connection is open. Leave the program? y/n ");
    u->question_secret = false;
}

/* ---- pasting ---- */

/* Next line of the paste that waits; false: none. */
static bool paste_pop(struct ui *u, struct buf *out)
{
    if (u->paste.len == 0)
        return false;
    ptrdiff_t lf = slice_find_octet(buf_slice(&u->paste), '\n');
    size_t len = lf < 0 ? u->paste.len : (size_t)lf;
    buf_reset(out);
    buf_append(out, slice_take(buf_slice(&u->paste), len));
    buf_consume(&u->paste, len + (lf >= 0));
    return true;
}

bool ui_in_content(const struct ui *u)
{
    return u->decoded.live.link == VIEW_LINK_UP && u->decoded.live.state == SMTP_STATE_DATA;
}

static void paste_send(struct ui *u)
{
    struct buf one;
    buf_init(&one, INPUT_PASTE_MAX_OCTETS + 2);
    bool content = ui_in_content(u);
    transcript_end(u);
    while (paste_pop(u, &one)) {
        /* A line of a message is a line of a message, even where it looks like a command of ours.
         */
        if (content && one.len > 0 && one.ptr[0] == '/') {
            struct buf literal;
            buf_init(&literal, INPUT_PASTE_MAX_OCTETS + 2);
            buf_append_octet(&literal, '/');
            buf_append(&literal, buf_slice(&one));
            console_submit(u->console, buf_slice(&literal), "paste", NULL);
            buf_deinit(&literal);
        } else
            console_submit(u->console, buf_slice(&one), "paste", NULL);
    }
    buf_deinit(&one);
}

bool paste_next_line(struct ui *u)
{
    struct buf one;
    if (!u->paste_editing)
        return false;
    buf_init(&one, INPUT_PASTE_MAX_OCTETS);
    bool have = paste_pop(u, &one);
    if (have)
        line_insert(buf_slice(&one));
    else
        u->paste_editing = false;
    buf_deinit(&one);
    return have;
}

static bool paste_key(struct ui *u, const struct input_unit *unit)
{
    u->overlay = NULL; /* what was pasted is still wanted */
    if (unit->key == 'y' || unit->key == 'Y') {
        paste_send(u);
    } else if (unit->key == 'e' || unit->key == 'E') {
        u->paste_editing = true;
        paste_next_line(u);
        ui_say(u, false, "line by line: Enter sends it and brings the next, Ctrl-c drops the rest");
    } else {
        buf_reset(&u->paste);
        ui_say(u, false, "nothing of the paste was sent");
    }
    ui_touch(u);
    return true;
}

static const struct overlay_ops paste_ops = {.draw = no_draw, .key = paste_key};

/* C0 (but LF and HT), DEL and C1 are never typed by a paste. */
static void paste_clean(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool c1 =
            c == 0xC2 && i + 1 < text.len && text.ptr[i + 1] >= 0x80 && text.ptr[i + 1] <= 0x9F;
        if (c1)
            i++;
        else if ((c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t')
            buf_append_octet(out, c);
    }
}

static void offer(struct ui *u, struct slice text, bool cut)
{
    buf_reset(&u->paste);
    paste_clean(text, &u->paste);
    size_t n_lines = 1, lf_count = 0;
    for (size_t i = 0; i < u->paste.len; i++)
        lf_count += u->paste.ptr[i] == '\n';
    bool ends = u->paste.len > 0 && u->paste.ptr[u->paste.len - 1] == '\n';
    n_lines = lf_count + !ends;
    u->focus = PANE_COMMAND;
    if (lf_count == 0 || n_lines <= 1) {
        if (ends)
            u->paste.len--;
        line_insert(buf_slice(&u->paste));
        buf_reset(&u->paste);
        return;
    }
    overlay_open(u, &paste_ops);
    mem_free(u->question);
    u->question = mem_printf("send %zu lines%s%s? y/n/e(dit) ", n_lines,
                             ui_in_content(u) ? " of the message" : "",
                             cut ? " (the rest was too long and is gone)" : "");
    u->question_secret = false;
}

void paste_take(struct ui *u, const struct input_unit *unit)
{
    if (u->overlay)
        field_key(&u->field, unit);
    else if (u->paste_editing)
        ui_say(u, true, "lines of the last paste still wait; Ctrl-c drops them");
    else
        offer(u, unit->octets, unit->cut);
}

void paste_offer(struct ui *u, struct slice text)
{
    if (u->paste_editing)
        ui_say(u, true, "lines of the last paste still wait; Ctrl-c drops them");
    else
        offer(u, slice_take(text, INPUT_PASTE_MAX_OCTETS), text.len > INPUT_PASTE_MAX_OCTETS);
}

/* ---- drawing ---- */

bool question_active(const struct ui *u)
{
    return u->overlay == &question_ops || u->overlay == &quit_ops || u->overlay == &paste_ops;
}

void question_draw(struct ui *u)
{
    const struct rect *p = &u->layout.prompt, *h = &u->layout.hint;
    int x = p->x + draw_peer(u, p->y, p->x, p->cols, slice_cstr(u->question), ROLE_PROMPT);
    if (u->overlay == &question_ops && !u->question_secret)
        x += draw_peer(u, p->y, x, p->x + p->cols - x, slice_of(u->field.text, u->field.len),
                       ROLE_INPUT);
    draw_cursor(u, p->y, x < p->x + p->cols ? x : p->x + p->cols - 1);
    if (h->rows == 0)
        return;
    if (u->overlay == &question_ops)
        draw_own(u, h->y, h->x, h->cols,
                 u->question_secret
                     ? "what you type is not shown, kept or recorded   Enter answers   Esc refuses"
                     : "Enter answers   Esc refuses",
                 ROLE_INFO);
    else if (u->overlay == &paste_ops) {
        int taken = draw_own(u, h->y, h->x, h->cols, "first: ", ROLE_INFO);
        struct slice all = buf_slice(&u->paste);
        ptrdiff_t lf = slice_find_octet(all, '\n');
        draw_peer(u, h->y, h->x + taken, h->cols - taken,
                  slice_take(all, lf < 0 ? all.len : (size_t)lf), ROLE_INFO);
    }
}
