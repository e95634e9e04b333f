/* The set of page numbers against a plain array, and its cost where nothing or everything is in it. */
#include "testutil.h"

#include <malloc.h>

#include "check/pgset.h"

#define N 200000u

static void it_holds_what_a_plain_array_holds(void **state)
{
    static bool in_a[N], in_b[N];
    struct pgset a = {0}, b = {0};

    (void)state;
    for (int i = 0; i < 3000; i++) {
        pgno_t first = (pgno_t)(rnd() % N),
               last = first + (pgno_t)(rnd() % (rnd() % 50 ? 3 : 70000));

        if (last >= N)
            last = N - 1;
        if (rnd() % 2) {
            assert_int_equal(pgset_add(&b, first), 0);
            in_b[first] = true;
        } else {
            assert_int_equal(pgset_add_range(&a, first, last), 0);
            memset(in_a + first, 1, last - first + 1);
        }
    }
    for (pgno_t i = 0; i < N; i++) {
        assert_int_equal(pgset_has(&a, i), in_a[i]);
        assert_int_equal(pgset_has(&b, i), in_b[i]);
    }
    for (pgno_t at = 0, i = 0;; at++, i++) {
        bool found = pgset_next_common(&a, &b, at, &at);

        while (i < N && !(in_a[i] && in_b[i]))
            i++;
        assert_int_equal(found, i < N);
        if (!found)
            break;
        assert_int_equal(at, i);
    }
    pgset_done(&a);
    pgset_done(&b);
}

static void the_largest_numbers_and_the_longest_runs_cost_little(void **state)
{
    struct pgset s = {0};
    size_t before = mallinfo2().uordblks;

    (void)state;
    assert_int_equal(pgset_add_range(&s, 1, UINT32_MAX), 0);
    assert_true(pgset_has(&s, UINT32_MAX));
    assert_true(pgset_has(&s, 12345678));
    assert_true(mallinfo2().uordblks - before < 3u << 20);
    pgset_done(&s);
    assert_false(pgset_has(&s, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_a_plain_array_holds),
        cmocka_unit_test(the_largest_numbers_and_the_longest_runs_cost_little),
    };
    rnd_init("pgset");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
