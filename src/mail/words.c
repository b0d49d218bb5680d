/* Fields in words: encoded-words and addresses, read by the library, each text bounded. */
#include "mail/header.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "mail_private.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

char *mail_cstr(struct slice s)
{
    struct buf out;
    buf_init(&out, 3 * s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0')
            buf_append_cstr(&out, replacement);
        else if (s.ptr[i] != '\n' && s.ptr[i] != '\r')
            buf_append_octet(&out, s.ptr[i]);
    }
    char *text = mem_slice_dup(buf_slice(&out));
    buf_deinit(&out);
    return text;
}

/* Octets that are not UTF-8 stay as they came: vis shows each of them. */
bool mail_text_decode(struct slice text, struct buf *out)
{
    text = slice_take(text, MAIL_FIELD_DECODED_MAX);
    if (slice_find(text, SLICE_LIT("=?")) < 0) {
        buf_append(out, text);
        return true;
    }
    if (!mail_library()) {
        buf_append(out, text);
        return false;
    }
    char *in = mail_cstr(text);
    char *decoded = g_mime_utils_header_decode_text(NULL, in);
    struct slice words = slice_cstr(decoded ? decoded : in);
    buf_append(out, slice_take(words, MAIL_FIELD_DECODED_MAX));
    ptrdiff_t left = slice_find(words, SLICE_LIT("=?"));
    bool whole = left < 0 || slice_find(slice_skip(words, (size_t)left), SLICE_LIT("?=")) < 0;
    g_free(decoded);
    mem_free(in);
    return whole;
}

bool mail_field_decode(const struct mail_field *f, struct buf *out)
{
    struct buf line;
    buf_init(&line, f->body.len + 1);
    mail_field_unfold(f, &line);
    bool whole = mail_text_decode(buf_slice(&line), out);
    buf_deinit(&line);
    return whole;
}

/* ---- addresses ---- */

struct addresses {
    mail_address_fn fn;
    void *ctx;
    size_t n;
};

static void say_address(struct addresses *a, InternetAddress *address, const char *group)
{
    const char *addr = "";
    if (INTERNET_ADDRESS_IS_MAILBOX(address))
        addr = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address));
    const char *name = internet_address_get_name(address);
    struct mail_address out = {.name = name ? name : "", .addr = addr ? addr : "", .group = group};
    if (a->n < MAIL_ADDRESSES_MAX && a->fn)
        a->fn(a->ctx, &out);
    a->n += a->n < MAIL_ADDRESSES_MAX;
}

static void say_group(struct addresses *a, InternetAddress *group)
{
    const char *name = internet_address_get_name(group);
    InternetAddressList *members =
        internet_address_group_get_members(INTERNET_ADDRESS_GROUP(group));
    int n = members ? internet_address_list_length(members) : 0;
    if (n == 0)
        say_address(a, group, name ? name : "");
    for (int i = 0; i < n && i < MAIL_ADDRESSES_MAX; i++)
        say_address(a, internet_address_list_get_address(members, i), name ? name : "");
}

size_t mail_addresses(struct slice body, mail_address_fn fn, void *ctx)
{
    struct addresses a = {.fn = fn, .ctx = ctx};
    if (!mail_library())
        return 0;
    char *text = mail_cstr(slice_take(body, MAIL_FIELD_DECODED_MAX));
    InternetAddressList *list = internet_address_list_parse(NULL, text);
    int n = list ? internet_address_list_length(list) : 0;
    for (int i = 0; i < n && i < MAIL_ADDRESSES_MAX; i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_GROUP(address))
            say_group(&a, address);
        else
            say_address(&a, address, NULL);
    }
    if (list)
        g_object_unref(list);
    mem_free(text);
    return a.n;
}
