#include "net/net_private.h"
bool session_is_up(const struct link *k)
{
    (void)k;
    return false;
}
bool session_in_handshake(const struct link *k)
{
    (void)k;
    return false;
}
void session_input(struct link *k, struct slice wire)
{
    (void)k;
    (void)wire;
}
void session_resume(struct link *k)
{
    (void)k;
}
void session_eof(struct link *k)
{
    (void)k;
}
void session_cut(struct link *k, struct err *e)
{
    (void)k;
    (void)e;
}
bool session_send(struct link *k, struct slice plain)
{
    (void)k;
    (void)plain;
    return false;
}
void session_close_notify(struct link *k)
{
    (void)k;
}
void session_free(struct link *k)
{
    (void)k;
}
bool session_channel_binding(struct link *k, uint8_t out[32])
{
    (void)k;
    (void)out;
    return false;
}
