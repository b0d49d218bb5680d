/* The tracker's table: every cell, by itself and by a session that gets there. */
#include "kit.h"

/* Sessions that end right before the reply to the verb, and the state there. */
static const struct {
    enum smtp_verb verb;
    const char *script;
    enum smtp_state before;
} roads[] = {
#define HELLO "S: 220 a\nC: EHLO me\nS| 250-a~250-PIPELINING~250-AUTH LOGIN~250 STARTTLS~\n"
    {SMTP_VERB_CONNECT, "", SMTP_STATE_CONNECT},
    {SMTP_VERB_HELO, "S: 220 a\nC: HELO me", SMTP_STATE_GREETED},
    {SMTP_VERB_EHLO, "S: 220 a\nC: EHLO me", SMTP_STATE_GREETED},
    {SMTP_VERB_LHLO, "S: 220 a\nC: LHLO me", SMTP_STATE_GREETED},
    {SMTP_VERB_MAIL, HELLO "C: MAIL FROM:<a@b.test>", SMTP_STATE_READY},
    {SMTP_VERB_RCPT, HELLO "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<c@d.test>",
     SMTP_STATE_MAIL},
    {SMTP_VERB_DATA,
     HELLO "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<c@d.test>\nS: 250 ok\nC: DATA",
     SMTP_STATE_RCPT},
    {SMTP_VERB_DOT,
     HELLO "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<c@d.test>\nS: 250 ok\nC: DATA\nS: 354 "
           "go\nC: .",
     SMTP_STATE_DOT},
    {SMTP_VERB_BDAT,
     HELLO "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RCPT TO:<c@d.test>\nS: 250 ok\nC: BDAT 0 LAST",
     SMTP_STATE_RCPT},
    {SMTP_VERB_RSET, HELLO "C: MAIL FROM:<a@b.test>\nS: 250 ok\nC: RSET", SMTP_STATE_MAIL},
    {SMTP_VERB_NOOP, HELLO "C: NOOP", SMTP_STATE_READY},
    {SMTP_VERB_VRFY, HELLO "C: VRFY x", SMTP_STATE_READY},
    {SMTP_VERB_EXPN, HELLO "C: EXPN x", SMTP_STATE_READY},
    {SMTP_VERB_HELP, HELLO "C: HELP", SMTP_STATE_READY},
    {SMTP_VERB_ETRN, HELLO "C: ETRN x", SMTP_STATE_READY},
    {SMTP_VERB_XCLIENT, HELLO "C: XCLIENT NAME=x", SMTP_STATE_READY},
    {SMTP_VERB_UNKNOWN, HELLO "C: FROBNICATE", SMTP_STATE_READY},
    {SMTP_VERB_QUIT, HELLO "C: QUIT", SMTP_STATE_READY},
    {SMTP_VERB_STARTTLS, HELLO "C: STARTTLS", SMTP_STATE_READY},
    {SMTP_VERB_AUTH, HELLO "C: AUTH LOGIN", SMTP_STATE_READY},
    {SMTP_VERB_AUTH_DATA, HELLO "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u", SMTP_STATE_AUTH},
};

static const char *const reply_of[SMTP_OUT__COUNT] = {
    [SMTP_OUT_2YZ] = "S: 250 ok", [SMTP_OUT_3YZ] = "S: 334 ",    [SMTP_OUT_4YZ] = "S: 450 later",
    [SMTP_OUT_5YZ] = "S: 550 no", [SMTP_OUT_421] = "S: 421 bye", [SMTP_OUT_MALFORMED] = "S: hello",
};

static enum smtp_state expected(enum smtp_effect effect, enum smtp_state before)
{
    static const int after[SMTP_EFFECT__COUNT] = {
        [SMTP_EFFECT_NONE] = -1,
        [SMTP_EFFECT_GREET] = SMTP_STATE_GREETED,
        [SMTP_EFFECT_REFUSE] = SMTP_STATE_REFUSED,
        [SMTP_EFFECT_HELLO] = SMTP_STATE_READY,
        [SMTP_EFFECT_REVERSE] = SMTP_STATE_MAIL,
        [SMTP_EFFECT_FORWARD] = SMTP_STATE_RCPT,
        [SMTP_EFFECT_NO_FORWARD] = -1,
        [SMTP_EFFECT_CONTENT] = SMTP_STATE_DATA,
        [SMTP_EFFECT_DELIVERED] = SMTP_STATE_READY,
        [SMTP_EFFECT_UNDELIVERED] = SMTP_STATE_READY,
        [SMTP_EFFECT_RESET] = SMTP_STATE_READY,
        [SMTP_EFFECT_TLS] = SMTP_STATE_TLS,
        [SMTP_EFFECT_CHALLENGE] = SMTP_STATE_AUTH,
        [SMTP_EFFECT_AUTH_OK] = SMTP_STATE_READY,
        [SMTP_EFFECT_AUTH_NO] = SMTP_STATE_READY,
        [SMTP_EFFECT_QUIT] = SMTP_STATE_QUIT,
        [SMTP_EFFECT_CLOSED] = SMTP_STATE_CLOSED,
    };
    return after[effect] < 0 ? before : (enum smtp_state)after[effect];
}

static void each_cell_moves_a_real_session(void **state)
{
    (void)state;
    bool seen[SMTP_VERB__COUNT] = {false};
    for (size_t i = 0; i < sizeof(roads) / sizeof(roads[0]); i++) {
        seen[roads[i].verb] = true;
        for (int o = 0; o < SMTP_OUT__COUNT; o++) {
            enum smtp_outcome outcome = (enum smtp_outcome)o;
            struct kit k;
            kit_open(&k, NULL);
            kit_script(&k, roads[i].script, 0);
            assert_int_equal(smtp_track_state(k.track), roads[i].before);
            assert_int_equal(smtp_track_pending_verb(k.track), roads[i].verb);
            assert_int_equal(smtp_track_pending(k.track), 1);
            if (reply_of[outcome])
                kit_script(&k, reply_of[outcome], 0);
            else if (outcome != SMTP_OUT_TIMEOUT)
                smtp_track_closed(k.track, DIR_S);
            assert_int_equal(smtp_track_state(k.track),
                             expected(smtp_track_effect(roads[i].verb, outcome), roads[i].before));
            kit_close(&k);
        }
    }
    for (int v = 0; v < SMTP_VERB__COUNT; v++)
        assert_true(seen[v]);
}

/* What the protocol says, whatever the table does. */
static void cells_that_matter(void **state)
{
    (void)state;
    static const struct {
        enum smtp_verb verb;
        enum smtp_outcome outcome;
        enum smtp_effect effect;
    } cells[] = {
        {SMTP_VERB_CONNECT, SMTP_OUT_2YZ, SMTP_EFFECT_GREET},
        {SMTP_VERB_CONNECT, SMTP_OUT_5YZ, SMTP_EFFECT_REFUSE},
        {SMTP_VERB_CONNECT, SMTP_OUT_4YZ, SMTP_EFFECT_REFUSE},
        {SMTP_VERB_EHLO, SMTP_OUT_2YZ, SMTP_EFFECT_HELLO},
        {SMTP_VERB_EHLO, SMTP_OUT_5YZ, SMTP_EFFECT_NONE},
        {SMTP_VERB_MAIL, SMTP_OUT_2YZ, SMTP_EFFECT_REVERSE},
        {SMTP_VERB_MAIL, SMTP_OUT_5YZ, SMTP_EFFECT_NONE},
        {SMTP_VERB_RCPT, SMTP_OUT_2YZ, SMTP_EFFECT_FORWARD},
        {SMTP_VERB_RCPT, SMTP_OUT_4YZ, SMTP_EFFECT_NO_FORWARD},
        {SMTP_VERB_RCPT, SMTP_OUT_5YZ, SMTP_EFFECT_NO_FORWARD},
        {SMTP_VERB_DATA, SMTP_OUT_3YZ, SMTP_EFFECT_CONTENT},
        {SMTP_VERB_DATA, SMTP_OUT_2YZ, SMTP_EFFECT_NONE},
        {SMTP_VERB_DOT, SMTP_OUT_2YZ, SMTP_EFFECT_DELIVERED},
        {SMTP_VERB_DOT, SMTP_OUT_4YZ, SMTP_EFFECT_UNDELIVERED},
        {SMTP_VERB_DOT, SMTP_OUT_5YZ, SMTP_EFFECT_UNDELIVERED},
        {SMTP_VERB_RSET, SMTP_OUT_2YZ, SMTP_EFFECT_RESET},
        {SMTP_VERB_STARTTLS, SMTP_OUT_2YZ, SMTP_EFFECT_TLS},
        {SMTP_VERB_STARTTLS, SMTP_OUT_4YZ, SMTP_EFFECT_NONE},
        {SMTP_VERB_AUTH, SMTP_OUT_3YZ, SMTP_EFFECT_CHALLENGE},
        {SMTP_VERB_AUTH, SMTP_OUT_2YZ, SMTP_EFFECT_AUTH_OK},
        {SMTP_VERB_AUTH_DATA, SMTP_OUT_5YZ, SMTP_EFFECT_AUTH_NO},
        {SMTP_VERB_AUTH_DATA, SMTP_OUT_3YZ, SMTP_EFFECT_CHALLENGE},
        {SMTP_VERB_QUIT, SMTP_OUT_2YZ, SMTP_EFFECT_QUIT},
        {SMTP_VERB_QUIT, SMTP_OUT_5YZ, SMTP_EFFECT_NONE},
        {SMTP_VERB_NOOP, SMTP_OUT_5YZ, SMTP_EFFECT_NONE},
    };
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        assert_int_equal(smtp_track_effect(cells[i].verb, cells[i].outcome), cells[i].effect);
    for (int v = 0; v < SMTP_VERB__COUNT; v++) {
        enum smtp_verb verb = (enum smtp_verb)v;
        assert_int_equal(smtp_track_effect(verb, SMTP_OUT_421), SMTP_EFFECT_QUIT);
        assert_int_equal(smtp_track_effect(verb, SMTP_OUT_EOF), SMTP_EFFECT_CLOSED);
        assert_int_equal(smtp_track_effect(verb, SMTP_OUT_ABORT), SMTP_EFFECT_CLOSED);
        assert_int_equal(smtp_track_effect(verb, SMTP_OUT_TIMEOUT), SMTP_EFFECT_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_moves_a_real_session),
        cmocka_unit_test(cells_that_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
