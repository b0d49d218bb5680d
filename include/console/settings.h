/* The settings a person can make, from options, config file, and /set: settings.def is the table.
 */
#ifndef CONSOLE_SETTINGS_H
#define CONSOLE_SETTINGS_H

#include "base/buf.h"
#include "base/err.h"

enum setting_type { SETTING_TEXT, SETTING_BOOL, SETTING_NUMBER, SETTING_WORD, SETTING_LIST };
enum setting_where {
    OPT_OPEN = 1,
    OPT_RUN = 2,
    OPT_SEND = 4,
    OPT_SERVE = 8,
    OPT_SHOW = 16,
    SET_LIVE = 32
};

enum setting_id {
#define SETTING(field, name, type, dflt, arg, help, where) SETTING_ID_##field,
#include "console/settings.def"
#undef SETTING
    SETTING_ID__COUNT
};

struct setting_info {
    const char *name;
    enum setting_type type;
    const char *dflt;
    const char *arg; /* what stands for the value in help; WORD: the words, separated by | */
    const char *help;
    unsigned where;
};
const struct setting_info *setting_info(enum setting_id id);
/* By name; SETTING_ID__COUNT: none. */
enum setting_id setting_by_name(struct slice name);

struct settings;
struct settings *settings_new(void);
void settings_free(struct settings **s);
/* Set from text; checks the type; LIST appends. err says what is wrong and what would be right,
 * with the nearest word where there is one. */
bool settings_set(struct settings *s, enum setting_id id, const char *value, struct err *err);
void settings_reset(struct settings *s, enum setting_id id);
bool settings_is_set(const struct settings *s, enum setting_id id); /* by someone, not by default */
const char *settings_text(const struct settings *s,
                          enum setting_id id); /* "" where not set; never NULL */
bool settings_bool(const struct settings *s, enum setting_id id);
uint64_t settings_number(const struct settings *s, enum setting_id id);
size_t settings_list_count(const struct settings *s, enum setting_id id);
const char *settings_list_at(const struct settings *s, enum setting_id id, size_t index);
/* One line "name value" for /show and the config file. */
void settings_format(const struct settings *s, enum setting_id id, struct buf *out);
/* The nearest of a list of words within edit distance 2, NULL: none. */
const char *nearest_word(const char *typed, const char *const *words, size_t n_words);

#endif
