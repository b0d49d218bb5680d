/* smtpscope explain: what replies mean, from words, a log or a bounce, without any connection. */
#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "base/vis.h"
#include "decode/notice.h"
#include "decode/server.h"

enum {
    EXPLAIN_TEXT_OCTETS = 64 << 20, /* limit "explain-text" */
    EXPLAIN_NOTHING = 2,            /* exit status: nothing was recognised */
    EXPLAIN_PAGE_OCTETS = 1 << 20
};

struct output {
    bool json;
    size_t count;
};

/* ---- JSON ---- */

/* As it is where it is UTF-8, else in its safe form; null where there is none. */
static json_t *octets_json(struct slice s)
{
    if (s.len == 0)
        return json_null();
    if (utf8_valid(s))
        return json_stringn((const char *)s.ptr, s.len);
    struct buf safe;
    buf_init(&safe, 1 << 20);
    vis_to_buf(&safe, s, 0);
    json_t *j = json_string(buf_cstr(&safe));
    buf_deinit(&safe);
    return j;
}

static json_t *text_json(const char *text)
{
    return octets_json(slice_cstr(text));
}

static void add_layer(json_t *layers, const char *layer, const char *name, const char *meaning,
                      const char *source)
{
    if (!meaning)
        return;
    json_t *one = json_object();
    json_object_set_new(one, "layer", json_string(layer));
    json_object_set_new(one, "name", text_json(name));
    json_object_set_new(one, "meaning", text_json(meaning));
    json_object_set_new(one, "source", text_json(source));
    json_array_append_new(layers, one);
}

static json_t *layers_json(const struct explanation *e)
{
    json_t *layers = json_array();
    add_layer(layers, "wording", e->provider, e->provider_meaning, e->provider_source);
    add_layer(layers, "enhanced", e->enhanced_name, e->enhanced_meaning, e->enhanced_rfc);
    add_layer(layers, "subject", e->subject_name, e->subject_meaning, e->enhanced_rfc);
    add_layer(layers, "code", NULL, e->code_meaning, e->code_rfc);
    add_layer(layers, "class", NULL, e->class_meaning, e->class_rfc);
    return layers;
}

static json_t *provider_json(const struct explanation *e)
{
    if (!e->provider)
        return json_null();
    json_t *one = json_object();
    json_object_set_new(one, "name", json_string(e->provider));
    json_object_set_new(one, "known", json_boolean(e->provider_sure));
    json_object_set_new(one, "also", text_json(e->provider_also));
    json_object_set_new(one, "next", text_json(e->provider_next));
    json_object_set_new(one, "who", json_string(explain_party_name(e->provider_party)));
    return one;
}

static json_t *software_json(const struct explain_input *in)
{
    struct server s;
    server_detect(in->banner, in->host, in->text, &s);
    if (!s.software)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "name", s.software, "sure", server_sure_name(s.sure),
                     "from", s.from);
}

static void print_json(const struct notice *n, const struct explanation *e)
{
    unsigned code, enhanced[3];
    char text[40] = "";
    explain_codes(&n->input, &code, enhanced);
    if (enhanced[0] != 0)
        snprintf(text, sizeof text, "%u.%u.%u", enhanced[0], enhanced[1], enhanced[2]);
    json_t *out = json_object();
    json_object_set_new(out, "line", json_integer((json_int_t)n->line));
    json_object_set_new(out, "form", json_string(n->form));
    json_object_set_new(out, "text", octets_json(n->input.text));
    json_object_set_new(out, "code", code ? json_integer(code) : json_null());
    json_object_set_new(out, "enhanced", text_json(text));
    json_object_set_new(out, "recipient", octets_json(n->recipient));
    json_object_set_new(out, "host", text_json(n->input.host));
    json_object_set_new(out, "software", software_json(&n->input));
    json_object_set_new(out, "meaning", json_string(e->meaning));
    json_object_set_new(out, "who", json_string(explain_party_name(e->party)));
    json_object_set_new(out, "next", json_string(e->next));
    json_object_set_new(out, "source", text_json(e->source));
    json_object_set_new(out, "wording", provider_json(e));
    json_object_set_new(out, "layers", layers_json(e));
    char *line = json_dumps(out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (line)
        printf("%s\n", line);
    void (*library_free)(void *);
    json_get_alloc_funcs(NULL, &library_free);
    library_free(line);
    json_decref(out);
}

/* ---- text ---- */

static void say_about(struct buf *out, const char *label, struct slice value, unsigned flags)
{
    if (value.len == 0)
        return;
    buf_append_cstr(out, label);
    vis_to_buf(out, value, flags);
    buf_append_octet(out, '\n');
}

static void print_text(const struct notice *n, const struct explanation *e, bool first)
{
    struct buf page;
    buf_init(&page, EXPLAIN_PAGE_OCTETS);
    if (!first)
        buf_append_octet(&page, '\n');
    say_about(&page, "to: ", n->recipient, VIS_ASCII);
    say_about(&page, "at: ", slice_cstr(n->input.host), VIS_ASCII);
    explain_print(&n->input, e, VIS_ASCII, &page);
    fwrite(page.ptr, 1, page.len, stdout);
    buf_deinit(&page);
}

static void found(void *ctx, const struct notice *n)
{
    struct output *o = ctx;
    struct explanation e;
    explain_reply_text(&n->input, &e);
    if (o->json)
        print_json(n, &e);
    else
        print_text(n, &e, o->count == 0);
    o->count++;
}

/* ---- input ---- */

static bool read_standard_input(struct buf *out, struct err *err)
{
    for (;;) {
        uint8_t *room = buf_room(out, 65536);
        if (!room) {
            err_set(err, ERR_LIMIT, 0,
                    "standard input is longer than the limit explain-text, %d octets",
                    EXPLAIN_TEXT_OCTETS);
            err_explain(err, "nothing was explained", "give the lines in question: grep, tail");
            return false;
        }
        ssize_t n = read(STDIN_FILENO, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set(err, ERR_FILE, errno, "cannot read standard input: %s", strerror(errno));
            return false;
        }
        if (n == 0)
            return true;
        buf_grow(out, (size_t)n);
    }
}

static void join_operands(const struct cli_args *args, struct buf *out)
{
    for (int i = 0; i < args->n_operands; i++) {
        if (i > 0)
            buf_append_octet(out, ' ');
        buf_append_cstr(out, args->operands[i]);
    }
}

int cli_explain(const struct cli_args *args)
{
    struct output o = {.json = cli_own(args, "json", 0) != NULL};
    const struct explain_input known = {.banner = cli_own(args, "banner", 0),
                                        .host = cli_own(args, "host", 0)};
    bool is_stdin = args->n_operands == 1 && strcmp(args->operands[0], "-") == 0;
    struct buf text;
    struct err err;
    int status = CLI_USAGE;
    if (args->n_operands == 0) {
        fprintf(stderr,
                "smtpscope: explain wants a text: smtpscope explain \"550 5.1.1 ...\", or - "
                "for standard input\n");
        return CLI_USAGE;
    }
    buf_init(&text, EXPLAIN_TEXT_OCTETS);
    if (is_stdin && !read_standard_input(&text, &err)) {
        cli_say_err(&err);
        goto out;
    }
    if (!is_stdin)
        join_operands(args, &text);
    if (notice_scan(buf_slice(&text), &known, found, &o) == 0)
        fprintf(stderr, "smtpscope: nothing recognised: no reply code, no enhanced status code, no "
                        "known wording\n");
    status = o.count > 0 ? CLI_OK : EXPLAIN_NOTHING;
out:
    buf_deinit(&text);
    return status;
}
