#include "report/out.h"

#include "base/mem.h"
#include "base/utf8.h"

void out_key(struct buf *b, const char *name)
{
    uint8_t last = b->len > 0 ? b->ptr[b->len - 1] : '{';
    if (last != '{' && last != '[' && last != ',')
        buf_append_octet(b, ',');
    buf_printf(b, "\"%s\":", name);
}

/* JSON may be looked at on a terminal too: what vis would not let through is written as \uXXXX. */
static void put_escaped(struct buf *b, struct slice json)
{
    while (json.len > 0) {
        uint32_t cp = 0;
        size_t n = json.ptr[0] < 0x80 ? 0 : utf8_decode(json, &cp);
        if (n > 0 && vis_width(cp) < 0 && cp > 0xffff)
            buf_printf(b, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((cp - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + ((cp - 0x10000) & 0x3ff)));
        else if (n > 0 && vis_width(cp) < 0)
            buf_printf(b, "\\u%04x", (unsigned)cp);
        else
            buf_append(b, slice_take(json, n > 0 ? n : 1));
        json = slice_skip(json, n > 0 ? n : 1);
    }
}

void out_json_text(struct buf *b, struct slice s)
{
    struct buf safe, json;
    buf_init(&safe, s.len * 12 + 16);
    if (!utf8_valid(s)) {
        vis_to_buf(&safe, s, 0);
        s = buf_slice(&safe);
    }
    buf_init(&json, s.len * 6 + 16);
    json_put_string(&json, s);
    put_escaped(b, buf_slice(&json));
    buf_deinit(&safe);
    buf_deinit(&json);
}

void out_json_member(struct buf *b, const char *name, struct slice s)
{
    out_key(b, name);
    if (s.len > 0)
        out_json_text(b, s);
    else
        buf_append_cstr(b, "null");
}

void out_json_number(struct buf *b, const char *name, uint64_t v)
{
    out_key(b, name);
    json_put_u64(b, v);
}

void out_json_bool(struct buf *b, const char *name, bool v)
{
    out_key(b, name);
    buf_append_cstr(b, v ? "true" : "false");
}

void out_json_ms(struct buf *b, const char *name, uint64_t us)
{
    out_key(b, name);
    buf_printf(b, "%llu.%03u", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
}

void out_html(struct buf *b, struct slice s)
{
    static const struct {
        char octet;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    struct buf safe;
    buf_init(&safe, s.len * 12 + 16);
    vis_to_buf(&safe, s, 0);
    for (size_t i = 0; i < safe.len; i++) {
        const char *entity = NULL;
        for (size_t k = 0; k < sizeof(entities) / sizeof(*entities); k++)
            if (safe.ptr[i] == (uint8_t)entities[k].octet)
                entity = entities[k].entity;
        if (entity)
            buf_append_cstr(b, entity);
        else
            buf_append_octet(b, safe.ptr[i]);
    }
    buf_deinit(&safe);
}

void out_seconds(struct buf *b, uint64_t us)
{
    uint64_t ms = (us + 500) / 1000;
    buf_printf(b, "%llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

void out_flush(struct buf *b, FILE *to)
{
    if (b->len > 0)
        fwrite(b->ptr, 1, b->len, to);
    buf_reset(b);
}
