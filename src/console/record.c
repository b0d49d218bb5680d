/* Recording what happens: /record, /redact, and what settings say of a recording. */
#include <stdio.h>
#include <string.h>

#include "console/console_private.h"
#include "net/tls.h"

/* number [ "k" / "M" / "G" ], in powers of 1024. */
static bool size_of(struct slice text, uint64_t *out)
{
    static const char units[] = "kMG";
    unsigned shift = 0;
    const char *unit = text.len ? memchr(units, text.ptr[text.len - 1], sizeof units - 1) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        text.len--;
    }
    if (!slice_to_u64(text, UINT64_MAX >> 31, out) || *out == 0)
        return false;
    *out <<= shift;
    return true;
}

static void tls_facts(const struct console *c, char *out, size_t out_octets)
{
    static const struct {
        enum setting_id id;
        const char *word;
    } said[] = {{SETTING_ID_verify, "verify"},
                {SETTING_ID_ca, "ca"},
                {SETTING_ID_tls_min, "min"},
                {SETTING_ID_tls_max, "max"},
                {SETTING_ID_ciphers, "ciphers"}};
    int n = snprintf(out, out_octets, "%s", tls_library());
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const char *value = settings_text(c->settings, said[i].id);
        if (*value && n >= 0 && (size_t)n < out_octets)
            n += snprintf(out + n, out_octets - (size_t)n, ", %s %s", said[i].word, value);
    }
}

enum { KEY_OCTETS = 16 };

/* False: *err says why there is none. */
static bool redact_key(const struct console *c, uint8_t key[KEY_OCTETS], struct err *err)
{
    if (c->options.redact_key && c->options.redact_key(key, KEY_OCTETS))
        return true;
    err_set(err, ERR_USAGE, 0, "there is no key for pseudonyms");
    err_explain(err, "It is kept in the state directory, which cannot be made or read.",
                "Give XDG_STATE_HOME a directory of yours.");
    return false;
}

struct recorder *console_recorder_open(struct console *c, struct journal *j, const char *path,
                                       struct err *err)
{
    char target[400] = "";
    if (c->now->session)
        snprintf(target, sizeof target, "%s", c->now->target.text);
    char tls[300];
    uint64_t max_octets = 0;
    const char *size = settings_text(c->settings, SETTING_ID_record_size);
    if (*size && !size_of(slice_cstr(size), &max_octets)) {
        err_set(err, ERR_USAGE, 0, "record-size is a number of octets, or one with k, M or G");
        return NULL;
    }
    tls_facts(c, tls, sizeof tls);
    uint8_t key[KEY_OCTETS] = {0};
    bool redact = settings_bool(c->settings, SETTING_ID_redact);
    if (redact && !redact_key(c, key, err))
        return NULL;
    const struct recorder_options options = {
        .path = path,
        .tool = c->options.tool,
        .command_line = c->options.command_line,
        .target = target,
        .host = c->options.host,
        .tls = tls,
        .keep_secrets = settings_bool(c->settings, SETTING_ID_keep_secrets),
        .redact_key = slice_of(key, redact ? sizeof key : 0),
        .max_octets = max_octets,
        .files = (unsigned)settings_number(c->settings, SETTING_ID_record_files),
    };
    struct recorder *r = recorder_open(j, &options, err);
    mem_wipe(key, sizeof key);
    return r;
}

bool console_record(struct console *c, const char *path, struct err *err)
{
    struct recorder *r = console_recorder_open(c, c->journal, path, err);
    if (!r)
        return false;
    if (c->recorder)
        recorder_close(&c->recorder, NULL);
    c->recorder = r;
    if (settings_bool(c->settings, SETTING_ID_keep_secrets))
        journal_note(c->journal, 0, LEVEL_WARNING, "this recording keeps passwords and tokens",
                     "everyone who reads the file can use them",
                     "hand it to nobody; leave --keep-secrets out next time");
    return true;
}

bool exec_record(struct console *c, const struct console_call *call)
{
    if (call->args.len == 0) {
        char text[300];
        snprintf(text, sizeof text, "recording: %s",
                 c->recorder ? recorder_path(c->recorder) : "off");
        journal_note(c->journal, 0, LEVEL_INFO, text, "",
                     c->recorder ? "" : "/record FILE starts one");
        return true;
    }
    if (slice_eq(call->args, SLICE_LIT("off"))) {
        if (!c->recorder)
            return true;
        return recorder_close(&c->recorder, call->err);
    }
    char *path = mem_slice_dup(call->args);
    bool ok = console_record(c, path, call->err);
    mem_free(path);
    return ok;
}

bool exec_redact(struct console *c, const struct console_call *call)
{
    bool on = slice_eq(call->args, SLICE_LIT("on"));
    if (!on && !slice_eq(call->args, SLICE_LIT("off"))) {
        err_set(call->err, ERR_USAGE, 0, "/redact is on or off; now it is %s",
                settings_text(c->settings, SETTING_ID_redact));
        return false;
    }
    uint8_t key[KEY_OCTETS] = {0};
    if (on && !redact_key(c, key, call->err))
        return false;
    settings_set(c->settings, SETTING_ID_redact, on ? "on" : "off", NULL);
    if (c->recorder)
        recorder_set_redact(c->recorder, slice_of(key, on ? sizeof key : 0));
    mem_wipe(key, sizeof key);
    journal_note(c->journal, 0, LEVEL_INFO,
                 on ? "from here on recordings hold no message bodies and no addresses"
                    : "from here on recordings hold message bodies and addresses",
                 on && c->recorder ? "what was recorded before stays as it is" : "", "");
    return true;
}
