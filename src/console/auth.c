/* Who logs in and with what, as the settings and /auth say: the same for every protocol's helper.
 */
#include <stdio.h>
#include <string.h>

#include "console/console_private.h"

bool console_auth_wanted(const struct console *c)
{
    return c->now->task.goal == SMTP_GOAL_AUTH || c->now->task.user ||
           settings_is_set(c->settings, SETTING_ID_auth) ||
           settings_is_set(c->settings, SETTING_ID_user) || c->now->target.user[0];
}

const char *console_auth_user(const struct console *c)
{
    if (c->now->task.user)
        return c->now->task.user;
    if (settings_is_set(c->settings, SETTING_ID_user))
        return settings_text(c->settings, SETTING_ID_user);
    return c->now->target.user[0] ? c->now->target.user : NULL;
}

const char *console_auth_mechanisms(const struct console *c)
{
    const char *set = c->now->task.mechanisms ? c->now->task.mechanisms
                                              : settings_text(c->settings, SETTING_ID_auth);
    return *set && strcmp(set, "any") != 0 ? set : NULL;
}

/* What the mechanisms that are named ask for, together; where none is named, what is there to be
 * given: a token, where a command for one is set, else a password. */
static unsigned traits_wanted(const struct console *c)
{
    const char *list = console_auth_mechanisms(c);
    unsigned traits = 0;
    if (!list)
        return SASL_WANTS_USER |
               (*settings_text(c->settings, SETTING_ID_token_command) ? SASL_WANTS_TOKEN
                                                                      : SASL_WANTS_PASSWORD);
    while (*(list += strspn(list, ", "))) {
        char name[64];
        size_t n = strcspn(list, ", ");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), list);
        /* A mechanism that is not known here may want anything: the password is the usual. */
        unsigned t = sasl_traits(name);
        traits |= t ? t : SASL_WANTS_USER | SASL_WANTS_PASSWORD;
        list += n;
    }
    return traits;
}

enum console_secret console_auth_secret(const struct console *c)
{
    unsigned traits = traits_wanted(c);
    if ((traits & SASL_WANTS_TOKEN) && *settings_text(c->settings, SETTING_ID_token_command))
        return CONSOLE_SECRET_TOKEN;
    if (traits & SASL_WANTS_PASSWORD)
        return CONSOLE_SECRET_PASSWORD;
    return traits & SASL_WANTS_TOKEN ? CONSOLE_SECRET_TOKEN : CONSOLE_SECRET_NONE;
}

void console_credentials(struct console *c, const char *service, struct credentials *out)
{
    const char *authzid = settings_text(c->settings, SETTING_ID_authzid);
    const char *mechanisms = console_auth_mechanisms(c);
    *out = (struct credentials){
        .mechanisms = mechanisms,
        .in_clear = mechanisms != NULL,
        .user = console_auth_user(c),
        .authzid = *authzid ? authzid : NULL,
        .password = &c->now->password,
        .token = &c->now->token,
        .initial =
            settings_bool(c->settings, SETTING_ID_auth_ir) ? AUTH_INITIAL_FITS : AUTH_INITIAL_NEVER,
        .service = service,
        .host = c->now->target.name,
        .port = (uint16_t)(c->now->target.port ? c->now->target.port
                                               : target_service_info(c->now->target.service)->port),
        .certificate = settings_is_set(c->settings, SETTING_ID_cert),
    };
}
