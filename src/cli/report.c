#include "cli/report.h"

#include <jansson.h>
#include <string.h>

#include "base/utf8.h"
#include "base/vis.h"
#include "decode/view.h"

enum { REPLY_SHOWN_MAX_OCTETS = 4096 };

FILE *cli_print_stream(const struct settings *s)
{
    return strcmp(settings_text(s, SETTING_ID_record), "-") == 0 ? stderr : stdout;
}

/* Text of a peer as a JSON string: as it is where it is UTF-8, else in its safe form. */
static json_t *text_json(const char *text)
{
    if (!text)
        return json_null();
    struct slice s = slice_cstr(text);
    if (utf8_valid(s))
        return json_stringn(text, s.len);
    struct buf safe;
    buf_init(&safe, 1 << 16);
    vis_to_buf(&safe, s, 0);
    json_t *j = json_string(buf_cstr(&safe));
    buf_deinit(&safe);
    return j;
}

static json_t *enhanced_json(const unsigned e[3])
{
    char text[32];
    if (e[0] == 0)
        return json_null();
    snprintf(text, sizeof text, "%u.%u.%u", e[0], e[1], e[2]);
    return json_string(text);
}

static const char *class_of(const struct smtp_result *r)
{
    static const char *const words[] = {
        [SMTP_OUT_2YZ] = "success",     [SMTP_OUT_3YZ] = "intermediate",
        [SMTP_OUT_4YZ] = "transient",   [SMTP_OUT_5YZ] = "permanent",
        [SMTP_OUT_421] = "transient",   [SMTP_OUT_MALFORMED] = "malformed",
        [SMTP_OUT_TIMEOUT] = "timeout", [SMTP_OUT_EOF] = "closed",
        [SMTP_OUT_ABORT] = "local",
    };
    return words[r->outcome];
}

/* The octets of a reply as they came, its line ends too. */
static json_t *reply_json(const struct journal *j, uint64_t seq)
{
    const struct event *ev = seq ? journal_at(j, seq) : NULL;
    struct ev_reply reply;
    struct buf text;
    if (!ev || ev->kind != EVENT_REPLY)
        return json_null();
    EVENT_GET(ev, REPLY, &reply);
    buf_init(&text, REPLY_SHOWN_MAX_OCTETS);
    uint64_t most = reply.length < REPLY_SHOWN_MAX_OCTETS ? reply.length : REPLY_SHOWN_MAX_OCTETS;
    journal_read_masked(j, ev->conn, DIR_S, LAYER_PLAIN, reply.offset, most, &text, NULL);
    char *trimmed = mem_slice_dup(slice_trim(buf_slice(&text)));
    json_t *out = text_json(trimmed);
    mem_free(trimmed);
    buf_deinit(&text);
    return out;
}

static json_t *recipients_json(const struct journal *j, const struct smtp_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_recipients; i++) {
        const struct smtp_recipient_result *one = &r->recipients[i];
        json_t *row = json_pack("{s:o, s:b, s:i, s:o}", "address", text_json(one->path), "accepted",
                                one->accepted, "code", (int)one->code, "enhanced",
                                enhanced_json(one->enhanced));
        json_object_set_new(row, "reply", reply_json(j, one->reply_seq));
        json_object_set_new(row, "delivered", json_integer((json_int_t)one->n_delivered));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *messages_json(const struct console *c)
{
    struct console_messages m;
    console_messages(c, &m);
    return json_pack("{s:I, s:I, s:I}", "wanted", (json_int_t)m.wanted, "done", (json_int_t)m.done,
                     "accepted", (json_int_t)m.accepted);
}

static json_t *tls_json(const struct view *v)
{
    if (!v->tls && !v->tls_failed)
        return json_null();
    json_t *t = json_pack("{s:b}", "on", v->tls);
    json_object_set_new(t, "version", text_json(v->tls_version));
    json_object_set_new(t, "cipher", text_json(v->tls_cipher));
    json_object_set_new(t, "group", text_json(v->tls_group));
    json_object_set_new(t, "verified", v->verify_known ? json_boolean(v->verify_ok) : json_null());
    json_object_set_new(t, "verify_reason", text_json(v->verify_reason));
    json_object_set_new(t, "subject", v->n_certs ? text_json(v->certs[0].subject) : json_null());
    json_object_set_new(t, "error", text_json(v->tls_error));
    return t;
}

static json_t *result_json(const struct app *a, const struct smtp_result *r, json_t *out)
{
    if (!r)
        return out;
    json_object_set_new(out, "stage", json_string(smtp_step_name(r->stage)));
    json_object_set_new(out, "code", r->code ? json_integer(r->code) : json_null());
    json_object_set_new(out, "enhanced", enhanced_json(r->enhanced));
    json_object_set_new(out, "class", json_string(class_of(r)));
    json_object_set_new(out, "accepted", json_integer((json_int_t)r->n_accepted));
    json_object_set_new(out, "recipients", recipients_json(a->journal, r));
    json_object_set_new(out, "messages", messages_json(a->console));
    json_object_set_new(out, "mechanism", text_json(r->mechanism));
    return out;
}

static const char *first_error(const struct smtp_result *r, const struct err *link)
{
    if (r && r->err.domain != ERR_NONE)
        return r->err.text;
    return link && link->domain != ERR_NONE ? link->text : NULL;
}

void cli_report_print(FILE *to, struct app *a, enum cli_status status)
{
    const struct smtp_result *r = console_result(a->console);
    const struct settings *s = console_settings(a->console);
    struct view v;
    view_init(&v, console_conn(a->console));
    for (uint64_t seq = journal_first(a->journal); seq && seq <= journal_last(a->journal); seq++) {
        const struct event *ev = journal_at(a->journal, seq);
        if (ev)
            view_apply(&v, a->journal, ev);
    }
    json_t *out =
        json_pack("{s:b, s:i}", "ok", status == CLI_OK, "status", cli_status_number(s, status));
    result_json(a, r, out);
    json_object_set_new(out, "reply", text_json(v.last_text));
    json_object_set_new(out, "peer", text_json(v.peer));
    json_object_set_new(out, "tls", tls_json(&v));
    json_object_set_new(out, "connect_ms", json_real((double)v.connect_us / 1000.0));
    json_object_set_new(out, "last_reply_ms", json_real((double)v.last_reply_us / 1000.0));
    json_object_set_new(out, "error", text_json(first_error(r, console_link_err(a->console))));
    const char *record = settings_text(s, SETTING_ID_record);
    json_object_set_new(out, "recording", *record ? json_string(record) : json_null());
    char *line = json_dumps(out, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    if (line)
        fprintf(to, "%s\n", line);
    void (*library_free)(void *);
    json_get_alloc_funcs(NULL, &library_free);
    library_free(line);
    json_decref(out);
    view_deinit(&v);
}
