/* Reading what is not a rule: settings of a server, accounts, messages that are there at start. */
#include "scenario/scenario_private.h"

#include <string.h>

#include "scenario/profile.h"

enum { MESSAGE_BODY_MAX_OCTETS = 1 << 20 }; /* limit "scenario-message" */

/* ---- settings ---- */

typedef bool (*setting_fn)(struct scenario_parser *p, struct slice rest);

static const char *keep(struct scenario_parser *p, struct slice text)
{
    return arena_strdup(&p->s->arena, text);
}

static bool set_profile(struct scenario_parser *p, struct slice rest)
{
    const char *names[PROFILE_NAMES_MAX];
    size_t n = 0;
    for (const char *name; n < PROFILE_NAMES_MAX && (name = profile_name_at(n)) != NULL; n++) {
        names[n] = name;
        if (slice_eq_nocase(rest, slice_cstr(name))) {
            p->server->profile = name;
            return true;
        }
    }
    return scenario_unknown(p, "profile", rest, names, n);
}

static bool set_name(struct scenario_parser *p, struct slice rest)
{
    if (rest.len == 0 || rest.len > 255 || slice_find_octet(rest, ' ') >= 0)
        return scenario_wrong(p, "name wants a host name");
    p->server->name = keep(p, rest);
    return true;
}

static bool set_banner(struct scenario_parser *p, struct slice rest)
{
    p->server->banner = keep(p, rest);
    return true;
}

static bool set_caps(struct scenario_parser *p, struct slice rest)
{
    p->server->caps = keep(p, rest);
    return true;
}

static bool set_hide(struct scenario_parser *p, struct slice rest)
{
    p->server->hide = keep(p, rest);
    return true;
}

static bool set_relax(struct scenario_parser *p, struct slice rest)
{
    if (rest.len == 0)
        return scenario_wrong(p, "relax wants the rules to relax, or all");
    p->server->relax = keep(p, rest);
    return true;
}

static bool set_auth(struct scenario_parser *p, struct slice rest)
{
    struct scenario_server *s = p->server;
    char mechanisms[200] = "";
    size_t len = 0;
    if (rest.len == 0)
        return scenario_wrong(p, "auth wants off, required, clear or mechanisms");
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        if (slice_eq_nocase(w, SLICE_LIT("off")))
            s->auth_off = true;
        else if (slice_eq_nocase(w, SLICE_LIT("required")))
            s->auth_required = true;
        else if (slice_eq_nocase(w, SLICE_LIT("clear")))
            s->auth_clear = true;
        else if (len + w.len + 2 > sizeof(mechanisms))
            return scenario_wrong(p, "too many mechanisms");
        else {
            if (len > 0)
                mechanisms[len++] = ' ';
            memcpy(mechanisms + len, w.ptr, w.len);
            len += w.len;
        }
    }
    if (len > 0)
        s->mechanisms = keep(p, slice_of(mechanisms, len));
    return true;
}

static bool set_tls(struct scenario_parser *p, struct slice rest)
{
    p->server->tls_off = slice_eq_nocase(rest, SLICE_LIT("off"));
    p->server->tls_required = slice_eq_nocase(rest, SLICE_LIT("required"));
    return p->server->tls_off || p->server->tls_required ||
           slice_eq_nocase(rest, SLICE_LIT("offer")) ||
           scenario_wrong(p, "tls is off, offer or required");
}

static bool set_limit(struct scenario_parser *p, struct slice rest)
{
    static const char *const names[] = {"size", "recipients", "messages", "errors"};
    struct scenario_server *s = p->server;
    uint64_t *const values[] = {&s->size_octets, &s->recipients, &s->messages, &s->errors};
    if (rest.len == 0)
        return scenario_wrong(p, "limit wants NAME=N");
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        ptrdiff_t at = slice_find_octet(w, '=');
        struct slice name = at < 0 ? w : slice_take(w, (size_t)at);
        int found = scenario_find(names, sizeof(names) / sizeof(names[0]), name);
        if (found < 0)
            return scenario_unknown(p, "limit", name, names, sizeof(names) / sizeof(names[0]));
        if (at < 0 || !scenario_number(slice_skip(w, (size_t)at + 1), values[found]) ||
            *values[found] == 0)
            return scenario_wrong(p, "limit %s=N wants a number from 1 on", names[found]);
    }
    return true;
}

static bool set_timeout(struct scenario_parser *p, struct slice rest)
{
    return (scenario_duration(rest, &p->server->idle_ms) && p->server->idle_ms > 0) ||
           scenario_wrong(p, "timeout wants a time such as 30s or 5m");
}

static const setting_fn setting_fns[SCENARIO_SETTING__COUNT] = {
    [SCENARIO_SETTING_PROFILE] = set_profile, [SCENARIO_SETTING_NAME] = set_name,
    [SCENARIO_SETTING_BANNER] = set_banner,   [SCENARIO_SETTING_CAPS] = set_caps,
    [SCENARIO_SETTING_HIDE] = set_hide,       [SCENARIO_SETTING_AUTH] = set_auth,
    [SCENARIO_SETTING_TLS] = set_tls,         [SCENARIO_SETTING_LIMIT] = set_limit,
    [SCENARIO_SETTING_RELAX] = set_relax,     [SCENARIO_SETTING_TIMEOUT] = set_timeout,
};

bool scenario_parse_setting(struct scenario_parser *p, struct slice line)
{
    struct slice rest = line, word = slice_next_word(&rest);
    int found = scenario_find(scenario_setting_words, SCENARIO_SETTING__COUNT, word);
    if (found < 0)
        return scenario_unknown(p, "setting", word, scenario_setting_words,
                                SCENARIO_SETTING__COUNT);
    return setting_fns[found](p, slice_trim(rest));
}

/* ---- accounts and messages: KEY=VALUE words ---- */

static bool split(struct slice word, struct slice *key, struct slice *value)
{
    ptrdiff_t at = slice_find_octet(word, '=');
    if (at <= 0)
        return false;
    *key = slice_take(word, (size_t)at);
    *value = slice_skip(word, (size_t)at + 1);
    return true;
}

/* A user's name goes into a path one day: letters, digits, dot, hyphen, underscore; no dot first.
 */
static bool is_user(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i], low = c | 0x20;
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              (c == '.' && i > 0)))
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

bool scenario_parse_account(struct scenario_parser *p, struct slice rest)
{
    static const char *const keys[] = {"password", "quota"};
    struct scenario *s = p->s;
    struct slice user = slice_next_word(&rest), key, value;
    if (!is_user(user))
        return scenario_wrong(p, "account wants a user: letters, digits, dot, hyphen, underscore");
    struct scenario_account a = {.user = keep(p, user)};
    for (struct slice w = slice_next_word(&rest); w.len > 0; w = slice_next_word(&rest)) {
        if (!split(w, &key, &value))
            return scenario_unknown(p, "word", w, keys, 2);
        if (slice_eq_nocase(key, SLICE_LIT("password")))
            a.password = keep(p, value);
        else if (!slice_eq_nocase(key, SLICE_LIT("quota")))
            return scenario_unknown(p, "word", key, keys, 2);
        else if (!scenario_number(value, &a.quota_octets))
            return scenario_wrong(p, "quota wants a number of octets, such as 10K");
    }
    s->accounts = scenario_grow(&s->arena, s->accounts, sizeof(*s->accounts), s->n_accounts,
                                &p->alloc_accounts);
    s->accounts[s->n_accounts++] = a;
    return true;
}

static bool message_word(struct scenario_parser *p, struct scenario_message *m, struct slice key,
                         struct slice value)
{
    static const char *const keys[] = {"folder", "from", "flags", "count", "size", "subject"};
    enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };
    const char **const texts[N_KEYS] = {&m->folder, &m->from, &m->flags, NULL, NULL, &m->subject};
    uint64_t *const numbers[N_KEYS] = {[3] = &m->count, [4] = &m->size_octets};
    int found = scenario_find(keys, N_KEYS, key);
    if (found < 0)
        return scenario_unknown(p, "word", key, keys, N_KEYS);
    if (texts[found]) {
        *texts[found] = keep(p, value);
        return true;
    }
    return (scenario_number(value, numbers[found]) && *numbers[found] > 0 &&
            *numbers[found] <= SCENARIO_MESSAGES_MAX * (found == 4 ? 1024 : 1)) ||
           scenario_wrong(p, "%s wants a number from 1 on, not too large", keys[found]);
}

/* message USER [folder=F] [from=A] [flags=F] [count=N] [size=N] [subject=REST OF THE LINE] */
bool scenario_parse_message(struct scenario_parser *p, struct slice rest)
{
    struct scenario *s = p->s;
    struct slice user = slice_next_word(&rest), key, value;
    struct scenario_message m = {.count = 1};
    if (!is_user(user))
        return scenario_wrong(p, "message wants the user whose mailbox it is in");
    m.user = keep(p, user);
    for (rest = slice_trim(rest); rest.len > 0; rest = slice_trim(rest)) {
        if (slice_starts_nocase(rest, SLICE_LIT("subject="))) {
            if (!message_word(p, &m, SLICE_LIT("subject"), slice_trim(slice_skip(rest, 8))))
                return false;
            break;
        }
        struct slice w = slice_next_word(&rest);
        if (!split(w, &key, &value))
            return scenario_wrong(p,
                                  "message USER is followed by words such as count=3 from=ADDRESS "
                                  "subject=TEXT");
        if (!message_word(p, &m, key, value))
            return false;
    }
    uint64_t total = m.count;
    for (size_t i = 0; i < s->n_messages; i++)
        total += s->messages[i].count;
    if (total > SCENARIO_MESSAGES_MAX)
        return scenario_wrong(p, "limit \"scenario-messages\" reached: %u", SCENARIO_MESSAGES_MAX);
    s->messages = scenario_grow(&s->arena, s->messages, sizeof(*s->messages), s->n_messages,
                                &p->alloc_messages);
    p->message = &s->messages[s->n_messages++];
    *p->message = m;
    p->block = BLOCK_MESSAGE;
    return true;
}

bool scenario_parse_message_line(struct scenario_parser *p, struct slice line)
{
    struct scenario_message *m = p->message;
    struct slice rest = line;
    if (slice_eq_nocase(slice_next_word(&rest), SLICE_LIT("text")))
        line = slice_trim(rest);
    else if (!slice_eq(line, SLICE_LIT(".")))
        return scenario_wrong(p,
                              "a line of a message is written: text LINE; a dot is an empty line");
    else
        line = SLICE_LIT("");
    size_t len = m->body.len + line.len + 2;
    if (len > MESSAGE_BODY_MAX_OCTETS)
        return scenario_wrong(p, "limit \"scenario-message\" reached: %u octets",
                              MESSAGE_BODY_MAX_OCTETS);
    uint8_t *body = arena_alloc(&p->s->arena, len);
    if (m->body.len > 0)
        memcpy(body, m->body.ptr, m->body.len);
    if (line.len > 0)
        memcpy(body + m->body.len, line.ptr, line.len);
    memcpy(body + len - 2, "\r\n", 2);
    m->body = slice_of(body, len);
    return true;
}
