#include "testutil.h"

#include "rec/keysort.h"

struct pair {
    uint8_t key[24], data[8];
    uint32_t key_len, data_len;
};

static int compare_slices(struct slice a, struct slice b)
{
    const int diff = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

    return diff ? diff : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    const int diff =
        compare_slices((struct slice){x->key, x->key_len}, (struct slice){y->key, y->key_len});

    return diff ? diff
                : compare_slices((struct slice){x->data, x->data_len},
                                 (struct slice){y->data, y->data_len});
}

/* Few different bytes, so that keys begin alike, repeat, and are parts of others. */
static void random_pair(struct pair *p)
{
    p->key_len = (uint32_t)(1 + rnd() % sizeof(p->key));
    p->data_len = (uint32_t)(rnd() % (sizeof(p->data) + 1));
    for (unsigned i = 0; i < sizeof(p->key); i++)
        p->key[i] = (uint8_t)(rnd() % 8 ? 0x7f : rnd());
    for (unsigned i = 0; i < sizeof(p->data); i++)
        p->data[i] = (uint8_t)(rnd() % 3);
}

static void check_sorted(size_t limit, unsigned nr)
{
    struct pair *all = calloc(nr + 1, sizeof(*all));
    struct keysort *ks;
    struct slice key, data;
    unsigned at = 0;

    assert_non_null(all);
    assert_int_equal(keysort_new(limit, &ks), JET_errSuccess);
    for (unsigned i = 0; i < nr; i++) {
        if (i && rnd() % 10 == 0)
            all[i] = all[rnd() % i];
        else
            random_pair(&all[i]);
        assert_int_equal(keysort_add(ks, (struct slice){all[i].key, all[i].key_len},
                                     (struct slice){all[i].data, all[i].data_len}),
                         JET_errSuccess);
    }
    qsort(all, nr, sizeof(*all), compare_pairs);
    for (unsigned i = 0; i < nr; i++) {
        if (i && compare_pairs(&all[i - 1], &all[i]) == 0)
            continue;
        assert_int_equal(keysort_next(ks, &key, &data), JET_errSuccess);
        assert_int_equal(compare_slices(key, (struct slice){all[i].key, all[i].key_len}), 0);
        assert_int_equal(compare_slices(data, (struct slice){all[i].data, all[i].data_len}), 0);
        at++;
    }
    assert_true(nr == 0 || at > 0);
    assert_int_equal(keysort_next(ks, &key, &data), JET_errNoCurrentRecord);
    keysort_free(ks);
    free(all);
}

static void nothing_is_sorted_too(void **state)
{
    (void)state;
    check_sorted(0, 0);
}

static void what_fits_into_memory_comes_back_in_order_and_once(void **state)
{
    (void)state;
    check_sorted(1 << 20, 1);
    check_sorted(1 << 20, 5000);
}

static void runs_in_the_file_are_merged(void **state)
{
    (void)state;
    check_sorted(0, 20000);
}

static void more_runs_than_are_merged_at_a_time_become_fewer_first(void **state)
{
    (void)state;
    check_sorted(0, 120000); /* some 80 runs */
}

static void entries_as_large_as_they_can_be_go_through_the_file(void **state)
{
    enum { NR = 20 };
    uint8_t *b = malloc(2 * UINT16_MAX);
    struct keysort *ks;
    struct slice key, data;

    (void)state;
    assert_non_null(b);
    memset(b, 0xaa, 2 * UINT16_MAX);
    assert_int_equal(keysort_new(0, &ks), JET_errSuccess);
    for (unsigned i = NR; i-- > 0;) {
        b[UINT16_MAX - 1] = (uint8_t)i; /* the last byte of the key */
        assert_int_equal(keysort_add(ks, (struct slice){b, UINT16_MAX},
                                     (struct slice){b + UINT16_MAX, UINT16_MAX}),
                         JET_errSuccess);
    }
    for (unsigned i = 0; i < NR; i++) {
        assert_int_equal(keysort_next(ks, &key, &data), JET_errSuccess);
        assert_int_equal(key.len, UINT16_MAX);
        assert_int_equal(data.len, UINT16_MAX);
        assert_int_equal(key.p[UINT16_MAX - 1], i);
    }
    assert_int_equal(keysort_next(ks, &key, &data), JET_errNoCurrentRecord);
    keysort_free(ks);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sorted_too),
        cmocka_unit_test(what_fits_into_memory_comes_back_in_order_and_once),
        cmocka_unit_test(runs_in_the_file_are_merged),
        cmocka_unit_test(more_runs_than_are_merged_at_a_time_become_fewer_first),
        cmocka_unit_test(entries_as_large_as_they_can_be_go_through_the_file),
    };

    rnd_init("keysort");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
