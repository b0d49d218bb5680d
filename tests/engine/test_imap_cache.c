/* What FETCH remembers: found by its whole key, bounded, the oldest leaving first. */
#include "imap_kit.h"

#include "engine/imap_serve_private.h"

static struct icache_key key(uint32_t uid, uint8_t kind)
{
    return (struct icache_key){
        .names = icache_names("ann", "INBOX"), .uid_validity = 7, .uid = uid, .kind = kind};
}

static void test_by_its_whole_key(void **state)
{
    (void)state;
    struct slice got;
    struct icache_key k = key(1, IMAP_FETCH_ENVELOPE);
    assert_false(icache_get(&k, &got));
    icache_put(&k, SLICE_LIT("one"));
    icache_put(&k, SLICE_LIT("never twice"));
    assert_true(icache_get(&k, &got) && slice_eq(got, SLICE_LIT("one")));
    k.uid_validity = 8;
    assert_false(icache_get(&k, &got));
    k = key(1, IMAP_FETCH_BODY);
    assert_false(icache_get(&k, &got));
    k.kind = IMAP_FETCH_ENVELOPE;
    k.names = icache_names("annI", "NBOX");
    assert_false(icache_get(&k, &got));
    imap_serve_forget();
    k = key(1, IMAP_FETCH_ENVELOPE);
    assert_false(icache_get(&k, &got));
}

static void test_the_oldest_leave(void **state)
{
    (void)state;
    struct slice got;
    for (uint32_t i = 1; i <= 200000; i++) {
        struct icache_key k = key(i, IMAP_FETCH_BODY);
        char text[32];
        int n = snprintf(text, sizeof(text), "text %u", i);
        icache_put(&k, slice_of(text, (size_t)n));
    }
    struct icache_key k = key(1, IMAP_FETCH_BODY);
    assert_false(icache_get(&k, &got));
    k = key(200000, IMAP_FETCH_BODY);
    assert_true(icache_get(&k, &got) && slice_eq(got, SLICE_LIT("text 200000")));
    k = key(200000 - 60000, IMAP_FETCH_BODY);
    assert_true(icache_get(&k, &got) && slice_eq(got, SLICE_LIT("text 140000")));
    /* By octets, too. */
    static uint8_t large[400000];
    for (uint32_t i = 1; i <= 200; i++) {
        k = key(i, IMAP_FETCH_BODYSTRUCTURE);
        icache_put(&k, slice_of(large, sizeof(large)));
    }
    k = key(1, IMAP_FETCH_BODYSTRUCTURE);
    assert_false(icache_get(&k, &got));
    k = key(200, IMAP_FETCH_BODYSTRUCTURE);
    assert_true(icache_get(&k, &got) && got.len == sizeof(large));
    imap_serve_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_its_whole_key),
        cmocka_unit_test(test_the_oldest_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
