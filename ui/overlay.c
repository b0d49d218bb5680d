/* What lies over the panes: at most one thing at a time. */
#include <string.h>

#include "base/utf8.h"
#include "ui_private.h"

void overlay_open(struct ui *u, const struct overlay_ops *ops)
{
    overlay_close(u);
    command_completion_close(u);
    mem_wipe(&u->field, sizeof u->field);
    u->overlay_at = u->overlay_top = 0;
    u->overlay = ops;
    ui_touch(u);
}

void overlay_close(struct ui *u)
{
    const struct overlay_ops *ops = u->overlay;
    u->overlay = NULL;
    if (ops && ops->close)
        ops->close(u);
    mem_wipe(&u->field, sizeof u->field);
    ui_touch(u);
}

void field_set(struct field *f, const char *text)
{
    size_t len = strlen(text) < sizeof f->text - 1 ? strlen(text) : sizeof f->text - 1;
    memcpy(f->text, text, len);
    f->text[len] = '\0';
    f->len = len;
}

static void drop_last_char(struct field *f)
{
    while (f->len > 0 && ((uint8_t)f->text[f->len - 1] & 0xC0) == 0x80)
        f->len--;
    if (f->len > 0)
        f->len--;
}

bool field_key(struct field *f, const struct input_unit *unit)
{
    if (unit->kind == INPUT_PASTE ||
        (unit->key >= 0x20 && unit->key < KEY_BASE && unit->key != 0x7F)) {
        for (size_t i = 0; i < unit->octets.len && f->len < sizeof f->text - 1; i++)
            if (unit->octets.ptr[i] >= 0x20 && unit->octets.ptr[i] != 0x7F)
                f->text[f->len++] = (char)unit->octets.ptr[i];
    } else if (unit->key == KEY_BACKSPACE_CODE) {
        drop_last_char(f);
    } else if (unit->key == KEY_CTRL('u')) {
        f->len = 0;
    } else if (unit->key == KEY_CTRL('w')) {
        while (f->len > 0 && f->text[f->len - 1] == ' ')
            f->len--;
        while (f->len > 0 && f->text[f->len - 1] != ' ')
            f->len--;
    } else {
        return false;
    }
    f->text[f->len] = '\0';
    return true;
}

/* ---- clicks ---- */

void hit_add(struct ui *u, int y, int x, int cols, const char *command)
{
    if (u->n_hits == HITS_MAX || cols <= 0 || strlen(command) >= sizeof u->hits->command)
        return;
    struct hit *h = &u->hits[u->n_hits++];
    *h = (struct hit){.y = y, .x = x, .cols = cols};
    memcpy(h->command, command, strlen(command) + 1);
}

const char *hit_find(const struct ui *u, int y, int x)
{
    for (size_t i = u->n_hits; i-- > 0;)
        if (u->hits[i].y == y && x >= u->hits[i].x && x < u->hits[i].x + u->hits[i].cols)
            return u->hits[i].command;
    return NULL;
}
