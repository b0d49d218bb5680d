/* What may be asked: VRFY and EXPN (RFC 5321 section 3.5), ETRN (RFC 1985); and the mailing list
 * that EXPN can tell about. */
#include "mock/mock_private.h"

#include <string.h>

/* A list is delivered to its members; who writes to it gets an "expanded" report where asked. */
static const struct mock_list lists[] = {
    {"team", {"alice", "bob", "carol", NULL}},
};

const struct mock_list *mock_list_find(struct slice local_part)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (slice_eq_nocase(local_part, slice_cstr(lists[i].name)))
            return &lists[i];
    return NULL;
}

/* The local part of what was asked about: a name, an address, or one in brackets; RFC 6531's
 * keyword behind it aside. False: an address elsewhere. */
static bool asked_about(const struct mock_conn *c, struct slice args, struct slice *name_out)
{
    struct slice who = slice_next_word(&args);
    if (who.len > 1 && who.ptr[0] == '<' && who.ptr[who.len - 1] == '>')
        who = slice_take(slice_skip(who, 1), who.len - 2);
    ptrdiff_t at = slice_find_octet(who, '@');
    if (at >= 0 &&
        !slice_eq_nocase(slice_skip(who, (size_t)at + 1), slice_cstr(c->mock->options.domain)))
        return false;
    *name_out = at < 0 ? who : slice_take(who, (size_t)at);
    return true;
}

bool mock_policy_vrfy(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    struct mock_conn *c = ctx;
    struct slice name;
    if (!asked_about(c, cmd->args, &name))
        return false;
    int user = mock_user_index(name);
    const struct mock_list *list = mock_list_find(name);
    if (user < 0 && !list)
        return false;
    smtp_answer_line(a, 250, "2.1.5", "<%s@%s>", list ? list->name : mock_users[user],
                     c->mock->options.domain);
    return true;
}

bool mock_policy_expn(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    struct mock_conn *c = ctx;
    struct slice name;
    const struct mock_list *list = NULL;
    if (asked_about(c, cmd->args, &name))
        list = mock_list_find(name);
    if (!list)
        return false;
    for (size_t i = 0; list->members[i]; i++) {
        if (list->members[i + 1])
            smtp_answer_more(a, 250, "2.1.5", "<%s@%s>", list->members[i], c->mock->options.domain);
        else
            smtp_answer_line(a, 250, "2.1.5", "<%s@%s>", list->members[i], c->mock->options.domain);
    }
    return true;
}

/* Nothing ever waits here: this server keeps mail for other domains and never sends it. */
bool mock_policy_etrn(void *ctx, const struct smtp_command *cmd, struct smtp_answer *a)
{
    const struct mock_conn *c = ctx;
    struct slice node = cmd->args;
    if (node.len > 0 && (node.ptr[0] == '@' || node.ptr[0] == '#'))
        node = slice_skip(node, 1);
    if (slice_eq_nocase(node, slice_cstr(c->mock->options.domain)))
        return false;
    smtp_answer_line(a, 459, "4.7.1", "Node %.*s not allowed: no queue is kept for it",
                     SLICE_ARG(slice_take(node, 128)));
    return true;
}
