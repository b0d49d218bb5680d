/* The kinds table as Markdown. */
#include "journal/event_doc.h"

#include "journal/event.h"

static const char *const type_names[] = {
    [FIELD_U64] = "unsigned",           [FIELD_I64] = "signed", [FIELD_TEXT] = "text",
    [FIELD_BINARY] = "binary (base64)", [FIELD_ENUM] = "word",
};

/* A | ends a cell of a table, so it is escaped. */
static void put_cell(struct buf *out, const char *text)
{
    buf_append_cstr(out, " ");
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_append_octet(out, '\\');
        buf_append_octet(out, (uint8_t)*text);
    }
    buf_append_cstr(out, " |");
}

static void put_type(struct buf *out, const struct event_field *f)
{
    buf_printf(out, " %s", type_names[f->type]);
    if (f->type == FIELD_ENUM)
        for (unsigned v = 0; f->word(v) != NULL; v++)
            buf_printf(out, "%s `%s`", v == 0 ? ":" : ",", f->word(v));
    buf_append_cstr(out, " |");
}

static void put_kind(struct buf *out, const struct event_kind_info *info)
{
    buf_printf(out, "\n## %s\n\n%s Producer: %s.\n", info->name, info->sentence, info->producer);
    buf_append_cstr(out, "\n| field | type | unit | meaning |\n|---|---|---|---|\n");
    for (const struct event_field *f = info->fields; f->name != NULL; f++) {
        buf_printf(out, "| `%s` |", f->name);
        put_type(out, f);
        put_cell(out, f->unit);
        put_cell(out, f->text);
        buf_append_cstr(out, "\n");
    }
}

void event_doc_markdown(struct buf *out)
{
    buf_printf(
        out,
        "# Events\n\nSchema version %d. The journal is a sequence of these; a recording holds "
        "one on each line.\nA reader skips kinds and fields it does not know.\n",
        JOURNAL_SCHEMA);
    for (unsigned kind = 0; kind < EVENT__COUNT; kind++)
        put_kind(out, event_kind_info((enum event_kind)kind));
}
