/* Names: which ones there may be, and the words of the module's tables. */
#include "store/store_private.h"

#include "base/utf8.h"

static const char *const uses[STORE_USE__COUNT] = {
    [STORE_USE_NONE] = "",
    [STORE_USE_ALL] = "\\All",
    [STORE_USE_ARCHIVE] = "\\Archive",
    [STORE_USE_DRAFTS] = "\\Drafts",
    [STORE_USE_FLAGGED] = "\\Flagged",
    [STORE_USE_JUNK] = "\\Junk",
    [STORE_USE_SENT] = "\\Sent",
    [STORE_USE_TRASH] = "\\Trash",
};

static const char *const results[STORE__COUNT] = {
    [STORE_OK] = "done",
    [STORE_OVER_QUOTA] = "the quota is used up",
    [STORE_FULL] = "a limit of the mailbox store is reached",
    [STORE_MISSING] = "there is no such mailbox or message",
    [STORE_EXISTS] = "it exists already",
    [STORE_BAD_NAME] = "that is no name for a mailbox",
    [STORE_LOCKED] = "another session has the maildrop for itself",
    [STORE_READ_ONLY] = "it is open for reading only",
    [STORE_CANNOT] = "that cannot be done with this mailbox",
    [STORE_FAILED] = "the mailbox store failed",
};

const char *store_use_name(enum store_use use)
{
    BUG_IF((unsigned)use >= STORE_USE__COUNT);
    return uses[use];
}

const char *store_result_text(enum store_result r)
{
    BUG_IF((unsigned)r >= STORE__COUNT);
    return results[r];
}

bool store_is_inbox(struct slice name)
{
    return slice_eq_nocase(name, SLICE_LIT("INBOX"));
}

static bool level_is_valid(struct slice level)
{
    return level.len > 0 && !slice_eq(level, SLICE_LIT(".")) && !slice_eq(level, SLICE_LIT(".."));
}

static bool no_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] == 0x7F)
            return false;
    return true;
}

bool store_name_is_valid(struct slice name)
{
    if (name.len == 0 || name.len > STORE_NAME_MAX_OCTETS || !utf8_valid(name) || !no_control(name))
        return false;
    for (unsigned levels = 1; levels <= STORE_LEVELS_MAX; levels++) {
        ptrdiff_t end = slice_find_octet(name, STORE_DELIMITER);
        if (!level_is_valid(end < 0 ? name : slice_take(name, (size_t)end)))
            return false;
        if (end < 0)
            return true;
        name = slice_skip(name, (size_t)end + 1);
    }
    return false;
}

bool store_user_name_is_valid(struct slice name)
{
    return name.len > 0 && name.len <= USER_NAME_MAX_OCTETS && utf8_valid(name) &&
           no_control(name) && level_is_valid(name);
}
