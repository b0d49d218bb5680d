#include "console/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/userinfo.h"

static const struct setting_info infos[SETTING_ID__COUNT] = {
#define SETTING(field, name_, type_, dflt_, arg_, help_, where_)                                   \
    [SETTING_ID_##field] = {.name = name_,                                                         \
                            .type = SETTING_##type_,                                               \
                            .dflt = dflt_,                                                         \
                            .arg = arg_,                                                           \
                            .help = help_,                                                         \
                            .where = (where_)},
#include "console/settings.def"
#undef SETTING
};

struct value {
    char *text; /* NULL: the default */
    char **list;
    size_t n_list;
};

struct settings {
    struct value values[SETTING_ID__COUNT];
};

enum { SETTING_LIST_MAX = 10000, WORDS_MAX = 24 };

const struct setting_info *setting_info(enum setting_id id)
{
    BUG_IF(id >= SETTING_ID__COUNT);
    return &infos[id];
}

enum setting_id setting_by_name(struct slice name)
{
    for (int id = 0; id < SETTING_ID__COUNT; id++)
        if (slice_eq(name, slice_cstr(infos[id].name)))
            return (enum setting_id)id;
    return SETTING_ID__COUNT;
}

struct settings *settings_new(void)
{
    return mem_zalloc(sizeof(struct settings));
}

void settings_free(struct settings **s)
{
    if (!*s)
        return;
    for (int id = 0; id < SETTING_ID__COUNT; id++)
        settings_reset(*s, (enum setting_id)id);
    mem_free(*s);
    *s = NULL;
}

void settings_reset(struct settings *s, enum setting_id id)
{
    struct value *v = &s->values[id];
    mem_free(v->text);
    for (size_t i = 0; i < v->n_list; i++)
        mem_free(v->list[i]);
    mem_free(v->list);
    *v = (struct value){0};
}

/* --- the nearest word, for "did you mean" --- */

/* Edit distance, given up (as `limit` + 1) where it grows beyond; words are short. */
static unsigned distance(const char *a, const char *b, unsigned limit)
{
    unsigned row[48];
    size_t la = strlen(a), lb = strlen(b);
    if (la >= 48 || lb >= 48)
        return limit + 1;
    for (size_t j = 0; j <= lb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned swap = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = swap < step ? swap : step;
        }
    }
    return row[lb];
}

const char *nearest_word(const char *typed, const char *const *words, size_t n_words)
{
    const char *best = NULL;
    unsigned best_distance = 3;
    for (size_t i = 0; i < n_words; i++) {
        unsigned d = distance(typed, words[i], 2);
        if (d < best_distance && d < strlen(words[i])) {
            best_distance = d;
            best = words[i];
        }
    }
    return best;
}

/* --- setting --- */

static bool word_allowed(const char *words, const char *value)
{
    size_t len = strlen(value);
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, value, n) == 0)
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

static bool bad_word(const struct setting_info *info, const char *value, struct err *err)
{
    char copy[256];
    const char *words[WORDS_MAX];
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", info->arg);
    for (char *p = copy; *p && n < WORDS_MAX;) {
        words[n++] = p;
        p += strcspn(p, "|");
        if (*p)
            *p++ = '\0';
    }
    const char *near = nearest_word(value, words, n);
    err_set(err, ERR_USAGE, 0, "%s is one of %s, not %.60s%s%s%s", info->name, info->arg, value,
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static bool set_bool(struct value *v, const struct setting_info *info, const char *value,
                     struct err *err)
{
    static const char *const on[] = {"on", "yes", "true", "1"};
    static const char *const off[] = {"off", "no", "false", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(value, on[i]) == 0 || strcmp(value, off[i]) == 0) {
            mem_free(v->text);
            v->text = mem_strdup(strcmp(value, on[i]) == 0 ? "on" : "off");
            return true;
        }
    }
    err_set(err, ERR_USAGE, 0, "%s is on or off, not %.60s", info->name, value);
    return false;
}

static bool list_append(struct value *v, const struct setting_info *info, const char *value,
                        struct err *err)
{
    if (v->n_list == SETTING_LIST_MAX) {
        err_set(err, ERR_LIMIT, 0, "%s holds at most %d values (limit setting-list)", info->name,
                SETTING_LIST_MAX);
        return false;
    }
    v->list = mem_realloc(v->list, (v->n_list + 1) * sizeof *v->list);
    v->list[v->n_list++] = mem_strdup(value);
    return true;
}

/* A URL's password is not kept: whoever uses the setting sees that there was one. */
static char *without_password(const char *url)
{
    struct buf masked;
    buf_init(&masked, strlen(url) + 16);
    userinfo_mask_url(slice_cstr(url), &masked);
    char *copy = mem_strdup(buf_cstr(&masked));
    buf_deinit(&masked);
    return copy;
}

bool settings_set(struct settings *s, enum setting_id id, const char *value, struct err *err)
{
    const struct setting_info *info = setting_info(id);
    struct value *v = &s->values[id];
    uint64_t number;
    err_clear(err);
    switch (info->type) {
    case SETTING_BOOL:
        return set_bool(v, info, value, err);
    case SETTING_LIST:
        return list_append(v, info, value, err);
    case SETTING_WORD:
        if (!word_allowed(info->arg, value))
            return bad_word(info, value, err);
        break;
    case SETTING_NUMBER:
        if (!slice_to_u64(slice_cstr(value), 1000000000, &number)) {
            err_set(err, ERR_USAGE, 0, "%s is a whole number from 0 on, not %.60s", info->name,
                    value);
            return false;
        }
        break;
    case SETTING_TEXT:
        break;
    }
    /* Before the old one goes: value may be it. */
    char *copy = id == SETTING_ID_proxy ? without_password(value) : mem_strdup(value);
    mem_free(v->text);
    v->text = copy;
    return true;
}

/* --- reading --- */

bool settings_is_set(const struct settings *s, enum setting_id id)
{
    return s->values[id].text || s->values[id].n_list;
}

const char *settings_text(const struct settings *s, enum setting_id id)
{
    const char *text = s->values[id].text;
    return text ? text : setting_info(id)->dflt;
}

bool settings_bool(const struct settings *s, enum setting_id id)
{
    return strcmp(settings_text(s, id), "on") == 0;
}

uint64_t settings_number(const struct settings *s, enum setting_id id)
{
    uint64_t number = 0;
    slice_to_u64(slice_cstr(settings_text(s, id)), UINT64_MAX, &number);
    return number;
}

size_t settings_list_count(const struct settings *s, enum setting_id id)
{
    return s->values[id].n_list;
}

const char *settings_list_at(const struct settings *s, enum setting_id id, size_t index)
{
    BUG_IF(index >= s->values[id].n_list);
    return s->values[id].list[index];
}

void settings_format(const struct settings *s, enum setting_id id, struct buf *out)
{
    buf_append_cstr(out, setting_info(id)->name);
    if (setting_info(id)->type != SETTING_LIST) {
        buf_printf(out, " %s", settings_text(s, id));
        return;
    }
    for (size_t i = 0; i < settings_list_count(s, id); i++)
        buf_printf(out, " %s", settings_list_at(s, id, i));
}
