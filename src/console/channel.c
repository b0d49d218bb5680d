/* The connections of one window: /open beside an open one, /session. */
#include <stdio.h>
#include <string.h>

#include "console/console_private.h"

struct channel *channel_add(struct console *c, struct err *err)
{
    if (c->n_channels == CONSOLE_CHANNELS_MAX) {
        err_set(err, ERR_LIMIT, 0, "more than %d connections (limit connections)",
                CONSOLE_CHANNELS_MAX);
        err_explain(err, "nothing was opened", "/session close ends one that is not needed");
        return NULL;
    }
    struct channel *ch = mem_zalloc(sizeof *ch);
    ch->console = c;
    ch->task.fd = -1;
    ch->data_fd = -1;
    secret_init(&ch->password);
    secret_init(&ch->proxy_password);
    secret_init(&ch->token);
    buf_init(&ch->task.message, CONSOLE_MESSAGE_MAX_OCTETS);
    buf_init(&ch->append, CONSOLE_MESSAGE_MAX_OCTETS);
    /* The lowest number that is free, so that Alt-1 stays Alt-1. */
    bool taken[CONSOLE_CHANNELS_MAX + 1] = {false};
    for (size_t i = 0; i < c->n_channels; i++)
        taken[c->channels[i]->number] = true;
    ch->number = 1;
    while (taken[ch->number])
        ch->number++;
    size_t at = c->n_channels;
    while (at > 0 && c->channels[at - 1]->number > ch->number) {
        c->channels[at] = c->channels[at - 1];
        at--;
    }
    c->channels[at] = ch;
    c->n_channels++;
    return ch;
}

void channel_free(struct channel **chp)
{
    struct channel *ch = *chp;
    if (!ch)
        return;
    *chp = NULL;
    struct channel *was = channel_enter(ch);
    struct console *c = ch->console;
    session_free(&ch->session);
    console_password_stop(c);
    console_raw_stop(c);
    console_task_reset(c);
    console_delivery_clear(ch);
    console_queue_clear(c);
    channel_leave(ch, was);
    dns_free(&ch->dns);
    loop_timer_free(&ch->wait_timer);
    secret_clear(&ch->password);
    secret_clear(&ch->proxy_password);
    secret_clear(&ch->token);
    tls_tickets_free(&ch->tickets);
    mem_free(ch->tlsa);
    mem_free(ch->password_user);
    buf_deinit(&ch->task.message);
    buf_deinit(&ch->append);
    mem_free(ch);
}

struct channel *channel_enter(struct channel *ch)
{
    struct channel *was = ch->console->now;
    ch->console->now = ch;
    return was;
}

void channel_leave(struct channel *ch, struct channel *was)
{
    ch->console->now = was;
}

/* ---- what people see of them ---- */

static const char *state_word(const struct channel *ch)
{
    const struct track *t =
        ch->session && session_is_up(ch->session) ? session_track(ch->session) : NULL;
    return t ? track_state_name(t) : ch->connecting ? "connecting" : "closed";
}

size_t console_connections(const struct console *c, struct console_connection *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_channels && n < max; i++) {
        const struct channel *ch = c->channels[i];
        out[n++] = (struct console_connection){
            .number = ch->number,
            .now = ch == c->now,
            .conn = ch->session ? session_conn(ch->session) : 0,
            .up = ch->session && session_is_up(ch->session),
            .tls = ch->session && session_is_tls(ch->session),
            .protocol = target_service_info(ch->target.service)->protocol,
            .target = ch->target.text,
            .state = state_word(ch),
        };
    }
    return n;
}

static void list(struct console *c)
{
    struct console_connection all[CONSOLE_CHANNELS_MAX];
    size_t n = console_connections(c, all, CONSOLE_CHANNELS_MAX);
    struct buf text;
    buf_init(&text, 8192);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s %u  %-5s %-12s %s%s\n", all[i].now ? "*" : " ", all[i].number,
                   protocol_name(all[i].protocol), all[i].state, all[i].target,
                   all[i].tls ? "  TLS" : "");
    console_page(c, "Connections", buf_slice(&text));
    buf_deinit(&text);
}

static void go_to(struct console *c, struct channel *ch)
{
    c->now = ch;
    if (c->ui && c->ui->settings_changed)
        c->ui->settings_changed(c->ui_ctx);
}

static size_t index_of(const struct console *c, const struct channel *ch)
{
    size_t i = 0;
    while (i < c->n_channels && c->channels[i] != ch)
        i++;
    return i;
}

/* The last one stays, empty. */
static void drop_now(struct console *c)
{
    struct channel *ch = c->now;
    size_t at = index_of(c, ch);
    if (ch->session && session_is_up(ch->session))
        session_close(ch->session);
    if (c->n_channels == 1) {
        session_free(&ch->session);
        console_task_reset(c);
        ch->connecting = false;
        return;
    }
    memmove(&c->channels[at], &c->channels[at + 1],
            (c->n_channels - at - 1) * sizeof c->channels[0]);
    c->n_channels--;
    channel_free(&ch);
    go_to(c, c->channels[at < c->n_channels ? at : c->n_channels - 1]);
}

bool exec_session(struct console *c, const struct console_call *call)
{
    uint64_t number;
    if (call->args.len == 0) {
        list(c);
        return true;
    }
    if (slice_eq(call->args, SLICE_LIT("close"))) {
        drop_now(c);
        return true;
    }
    if (slice_eq(call->args, SLICE_LIT("next"))) {
        go_to(c, c->channels[(index_of(c, c->now) + 1) % c->n_channels]);
        return true;
    }
    if (slice_to_u64(call->args, CONSOLE_CHANNELS_MAX, &number))
        for (size_t i = 0; i < c->n_channels; i++)
            if (c->channels[i]->number == number) {
                go_to(c, c->channels[i]);
                return true;
            }
    err_set(call->err, ERR_USAGE, 0, "no connection has that number");
    err_explain(call->err, "", "/session lists them; /open TARGET makes one more");
    return false;
}
