/* The MIME tree.
 *
 * The library parses the whole and gives objects; here they are written down as a flat list and let
 * go at once. Three guards stand before it: a message larger than is read is cut; a Content-* field
 * so long that only an attack writes it stops the reading (its parameters would be looked up one by
 * one, again and again); and what nests deeper than MIME_DEPTH_MAX is counted, not followed.
 */
#include "mail/mime.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vis.h"
#include "mail/header.h"
#include "mail_private.h"

enum { TEXT_OCTETS_MAX = 1024 }; /* of any one text of a part */

/* Only what is wrong has words; the others are shown by what they are. */
static const char *const flag_texts[MIME_PART_FLAGS_COUNT] = {
    [4] = "holds octets above 127, but says us-ascii or nothing (RFC 2045 section 2.7)",
    [5] = "says UTF-8, and is not (RFC 3629 section 3)",
    [6] = "the charset is not known here",
    [7] = "the transfer encoding is none of RFC 2045 section 6.1",
    [8] = "a transfer encoding around other parts is not allowed (RFC 2045 section 6.4)",
    [9] = "a multipart without boundary cannot be taken apart (RFC 2046 section 5.1.1)",
};

const char *mime_part_flag_text(unsigned flag)
{
    for (unsigned i = 0; i < MIME_PART_FLAGS_COUNT; i++)
        if (flag == 1U << i)
            return flag_texts[i];
    return NULL;
}

/* ---- remarks of the library ---- */

static const char *const warnings[] = {
    [GMIME_WARN_DUPLICATED_HEADER] = "a field that may stand once stands twice",
    [GMIME_WARN_DUPLICATED_PARAMETER] = "a parameter stands twice",
    [GMIME_WARN_UNENCODED_8BIT_HEADER] = "a field holds octets above 127",
    [GMIME_WARN_INVALID_CONTENT_TYPE] = "the content type does not read",
    [GMIME_WARN_INVALID_RFC2047_HEADER_VALUE] = "an encoded-word does not read",
    [GMIME_WARN_MALFORMED_MULTIPART] = "a multipart without any part",
    [GMIME_WARN_TRUNCATED_MESSAGE] = "the message is cut: a closing boundary is missing",
    [GMIME_WARN_MALFORMED_MESSAGE] = "the message is malformed",
    [GMIME_CRIT_INVALID_HEADER_NAME] = "the name of a field does not read: others may skip it",
    [GMIME_CRIT_CONFLICTING_HEADER] = "a field stands twice with different content: readers "
                                      "differ in which one they take",
    [GMIME_CRIT_CONFLICTING_PARAMETER] = "a parameter stands twice with different values: readers "
                                         "differ in which one they take",
    [GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY] = "a multipart without boundary",
    [GMIME_WARN_INVALID_PARAMETER] = "a parameter does not read",
    [GMIME_WARN_INVALID_ADDRESS_LIST] = "a list of addresses does not read",
    [GMIME_CRIT_NESTING_OVERFLOW] = "nested deeper than any honest message",
    [GMIME_WARN_PART_WITHOUT_CONTENT] = "a part ends within its fields",
    [GMIME_CRIT_PART_WITHOUT_HEADERS_OR_CONTENT] = "a part with nothing in it",
};

static void take_warning(gint64 offset, GMimeParserWarning code, const gchar *item, gpointer ctx)
{
    struct mime_tree *t = ctx;
    if (t->n_notes == MIME_NOTES_MAX || code >= sizeof(warnings) / sizeof(*warnings) ||
        !warnings[code]) {
        t->more_notes++;
        return;
    }
    if (t->n_notes == t->alloc_notes) {
        t->alloc_notes = MIME_NOTES_MAX;
        t->notes = mem_realloc(t->notes, t->alloc_notes * sizeof(*t->notes));
    }
    const char *about =
        item ? arena_strdup(&t->arena, slice_take(slice_cstr(item), TEXT_OCTETS_MAX)) : NULL;
    t->notes[t->n_notes++] = (struct mime_note){
        .offset = offset > 0 ? (uint64_t)offset : 0, .text = warnings[code], .item = about};
}

/* ---- parts ---- */

static const char *keep(struct mime_tree *t, const char *text)
{
    if (!text || !*text)
        return NULL;
    return arena_strdup(&t->arena, slice_take(slice_cstr(text), TEXT_OCTETS_MAX));
}

static const char *keep_lower(struct mime_tree *t, const char *text)
{
    char *kept =
        text ? arena_strdup(&t->arena, slice_take(slice_cstr(text), TEXT_OCTETS_MAX)) : NULL;
    for (char *at = kept; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    return kept;
}

static struct mime_part *add_part(struct mime_tree *t, uint32_t parent)
{
    if (t->n_parts == MIME_PARTS_MAX) {
        t->more_parts++;
        t->limit = "mime-parts";
        return NULL;
    }
    if (t->n_parts == t->alloc_parts) {
        t->alloc_parts = t->alloc_parts ? 2 * t->alloc_parts : 16;
        t->parts = mem_realloc(t->parts, t->alloc_parts * sizeof(*t->parts));
    }
    struct mime_part *p = &t->parts[t->n_parts++];
    memset(p, 0, sizeof(*p));
    p->parent = parent;
    return p;
}

/* The encoding as written: the library makes one of its five of it. */
static void take_encoding(struct mime_tree *t, struct mime_part *p, GMimeObject *object)
{
    static const char *const known[] = {"7bit",      "8bit", "binary", "base64", "quoted-printable",
                                        "x-uuencode"};
    const char *raw = g_mime_object_get_header(object, "Content-Transfer-Encoding");
    if (!raw)
        return;
    struct slice word = slice_trim(slice_cstr(raw));
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!slice_eq_nocase(word, slice_cstr(known[i])))
            continue;
        p->encoding = known[i];
        if ((p->flags & MIME_PART_MULTIPART) && i > 2)
            p->flags |= MIME_PART_ENCODED_MULTIPART;
        return;
    }
    p->encoding = arena_strdup(&t->arena, slice_take(word, TEXT_OCTETS_MAX));
    p->flags |= MIME_PART_BAD_ENCODING;
}

/* Everything that comes from fields of the object. */
static void take_fields(struct mime_tree *t, struct mime_part *p, GMimeObject *object)
{
    GMimeContentType *type = g_mime_object_get_content_type(object);
    char *name = type ? g_mime_content_type_get_mime_type(type) : NULL;
    const char *disposition = g_mime_object_get_disposition(object);
    p->type = name ? keep_lower(t, name) : "text/plain";
    g_free(name);
    if (!g_mime_object_get_header(object, "Content-Type"))
        p->flags |= MIME_PART_DEFAULT_TYPE;
    p->charset = type ? keep(t, g_mime_content_type_get_parameter(type, "charset")) : NULL;
    p->boundary = type ? keep(t, g_mime_content_type_get_parameter(type, "boundary")) : NULL;
    const char *file = g_mime_object_get_content_disposition_parameter(object, "filename");
    if (!file && type)
        file = g_mime_content_type_get_parameter(type, "name");
    p->name = keep(t, file);
    p->disposition = keep_lower(t, disposition);
    p->content_id = keep(t, g_mime_object_get_content_id(object));
    if (disposition && slice_eq_nocase(slice_cstr(disposition), SLICE_LIT("attachment")))
        p->flags |= MIME_PART_ATTACHMENT;
    if (GMIME_IS_MULTIPART(object)) {
        p->flags |= MIME_PART_MULTIPART;
        if (!p->boundary)
            p->flags |= MIME_PART_NO_BOUNDARY;
    }
    take_encoding(t, p, object);
}

static bool says_charset(const struct mime_part *p, const char *name)
{
    return p->charset && slice_eq_nocase(slice_cstr(p->charset), slice_cstr(name));
}

static bool eight_bit(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] > 127)
            return true;
    return false;
}

static void check_charset(struct mime_part *p, struct slice text)
{
    bool ascii = !p->charset || says_charset(p, "us-ascii") || says_charset(p, "ascii");
    bool utf8 = says_charset(p, "utf-8") || says_charset(p, "utf8");
    bool cut = text.len > MIME_TEXT_OCTETS_MAX;
    text = slice_take(text, MIME_TEXT_OCTETS_MAX);
    if (ascii && eight_bit(text))
        p->flags |= MIME_PART_8BIT_AS_ASCII;
    if (utf8 && !cut && !utf8_valid(text))
        p->flags |= MIME_PART_BAD_UTF8;
    if (ascii || utf8)
        return;
    GIConv cd = g_mime_iconv_open("UTF-8", p->charset);
    if (cd == (GIConv)-1)
        p->flags |= MIME_PART_UNKNOWN_CHARSET;
    else
        g_mime_iconv_close(cd);
}

/* Sizes: as it stands in the message, and decoded. */
static void take_content(struct mime_part *p, GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *raw = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    if (!raw)
        return;
    gint64 length = g_mime_stream_length(raw);
    p->offset = raw->bound_start > 0 ? (uint64_t)raw->bound_start : 0;
    p->encoded_octets = length > 0 ? (uint64_t)length : 0;
    GMimeStream *plain = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(content, plain);
    GByteArray *octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(plain));
    p->decoded_octets = octets->len;
    if (slice_starts(slice_cstr(p->type), SLICE_LIT("text/")))
        check_charset(p, slice_of(octets->data, octets->len));
    g_object_unref(plain);
}

static void take_object(struct mime_tree *t, GMimeObject *object, uint32_t parent, uint32_t depth);

static void take_message(struct mime_tree *t, GMimeObject *object, uint32_t self, uint32_t depth)
{
    GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    t->parts[self].flags |= MIME_PART_MESSAGE;
    if (!inner)
        return;
    t->parts[self].subject = keep(t, g_mime_message_get_subject(inner));
    GMimeObject *root = g_mime_message_get_mime_part(inner);
    if (root)
        take_object(t, root, self, depth + 1);
}

static void take_object(struct mime_tree *t, GMimeObject *object, uint32_t parent, uint32_t depth)
{
    if (depth > MIME_DEPTH_MAX) {
        t->more_parts++;
        t->limit = "mime-depth";
        return;
    }
    struct mime_part *p = add_part(t, parent);
    if (!p)
        return;
    uint32_t self = (uint32_t)(t->n_parts - 1);
    p->depth = depth;
    take_fields(t, p, object);
    if (GMIME_IS_PART(object)) {
        take_content(p, GMIME_PART(object));
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        take_message(t, object, self, depth);
    } else if (GMIME_IS_MULTIPART(object)) {
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(object));
        for (int i = 0; i < n; i++)
            take_object(t, g_mime_multipart_get_part(GMIME_MULTIPART(object), i), self, depth + 1);
    }
}

/* Is a Content-* field with its folds longer than is taken? */
static bool field_too_long(struct slice message)
{
    size_t length = 0;
    bool content = false;
    while (message.len > 0) {
        const uint8_t *lf = memchr(message.ptr, '\n', message.len);
        struct slice line = slice_take(message, lf ? (size_t)(lf - message.ptr) + 1 : message.len);
        if (line.ptr[0] != ' ' && line.ptr[0] != '\t') {
            content = slice_starts_nocase(line, SLICE_LIT("content-"));
            length = 0;
        }
        length += line.len;
        if (content && length > MIME_FIELD_OCTETS_MAX)
            return true;
        message = slice_skip(message, line.len);
    }
    return false;
}

void mime_tree_parse(struct slice message, struct mime_tree *out)
{
    memset(out, 0, sizeof(*out));
    arena_init(&out->arena);
    if (message.len > MIME_MESSAGE_OCTETS_MAX) {
        message = slice_take(message, MIME_MESSAGE_OCTETS_MAX);
        out->limit = "mime";
    }
    if (field_too_long(message)) {
        out->limit = "mime-field";
        return;
    }
    if (!mail_library()) {
        out->limit = "mime-library";
        return;
    }
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(
        message.len > 0 ? (const char *)message.ptr : "", message.len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeParserOptions *options = g_mime_parser_options_new();
    g_mime_parser_options_set_warning_callback(options, take_warning, out);
    GMimeMessage *m = g_mime_parser_construct_message(parser, options);
    GMimeObject *root = m ? g_mime_message_get_mime_part(m) : NULL;
    if (root) {
        take_object(out, root, 0, 0);
        out->read = true;
    }
    if (m)
        g_object_unref(m);
    g_mime_parser_options_free(options);
    g_object_unref(parser);
    g_object_unref(stream);
}

void mime_tree_deinit(struct mime_tree *t)
{
    mem_free(t->parts);
    mem_free(t->notes);
    arena_deinit(&t->arena);
    memset(t, 0, sizeof(*t));
}

/* ---- a line ---- */

/* Does a part of the same parent follow behind index? */
static bool has_next(const struct mime_tree *t, size_t index)
{
    for (size_t i = index + 1; i < t->n_parts && t->parts[i].depth >= t->parts[index].depth; i++)
        if (t->parts[i].depth == t->parts[index].depth)
            return true;
    return false;
}

static void branch(const struct mime_tree *t, size_t index, unsigned vis_flags, struct buf *out)
{
    bool ascii = vis_flags & VIS_ASCII;
    size_t path[MIME_DEPTH_MAX + 1], n = 0;
    for (size_t at = index; t->parts[at].depth > 0 && n <= MIME_DEPTH_MAX; at = t->parts[at].parent)
        path[n++] = at;
    for (size_t i = n; i-- > 0;) {
        bool more = has_next(t, path[i]);
        if (i > 0)
            buf_append_cstr(out, !more ? "   " : ascii ? "|  " : "│  ");
        else
            buf_append_cstr(out, ascii ? (more ? "+- " : "`- ") : more ? "├─ " : "└─ ");
    }
}

static void say(struct buf *out, const char *before, const char *text, const char *after,
                unsigned vis_flags)
{
    if (!text)
        return;
    buf_append_cstr(out, before);
    vis_to_buf(out, slice_take(slice_cstr(text), 200), vis_flags);
    buf_append_cstr(out, after);
}

void mime_part_line(const struct mime_tree *t, size_t index, unsigned vis_flags, struct buf *out)
{
    if (index >= t->n_parts)
        return;
    const struct mime_part *p = &t->parts[index];
    branch(t, index, vis_flags, out);
    vis_to_buf(out, slice_cstr(p->type), vis_flags);
    say(out, "  ", p->charset, "", vis_flags);
    say(out, "  ", p->encoding, "", vis_flags);
    say(out, "  \"", p->name, "\"", vis_flags);
    if (p->disposition && !(p->flags & MIME_PART_MULTIPART))
        say(out, "  ", p->disposition, "", vis_flags);
    say(out, "  subject \"", p->subject, "\"", vis_flags);
    if (!(p->flags & (MIME_PART_MULTIPART | MIME_PART_MESSAGE))) {
        buf_printf(out, "  %llu octets", (unsigned long long)p->encoded_octets);
        if (p->decoded_octets != p->encoded_octets)
            buf_printf(out, " (%llu decoded)", (unsigned long long)p->decoded_octets);
    }
    if (p->flags & MIME_PART_DEFAULT_TYPE)
        buf_append_cstr(out, "  (no Content-Type)");
}
