/* The frame of a record, its fixed and variable columns. */
#include "recbuild.h"

#include "rec/record.h"

static void the_smallest_record_has_nothing(void **state)
{
    struct record r;
    struct slice s;

    (void)state;
    assert_null(record_decode(sl("\x00\x7f\x04\x00", 4), &r));
    assert_int_equal(r.tagged.len, 0);
    for (unsigned fid = 1; fid <= 127; fid++)
        assert_int_equal(record_fixed(&r, fid, 4, 1, &s), RECORD_ABSENT);
    for (unsigned fid = 128; fid <= 255; fid++)
        assert_int_equal(record_var(&r, fid, &s), RECORD_ABSENT);
}

/* The first row of table `basic` in esedb-dissect/basic.edb ends so: unused null bits are set. */
static void columns_are_found_by_number_and_offset(void **state)
{
    struct recb b = {0};
    struct record r;
    struct slice s;
    uint8_t rec[500];
    uint32_t len;

    (void)state;
    recb_fixed(&b, 1, "\x11\x22\x33\x44", 4);
    recb_fixed_null(&b, 2, 1);
    recb_fixed(&b, 3, "\x55\x66", 2);
    b.nulls[0] |= 0xf8;
    recb_var(&b, "abc", 3);
    recb_var(&b, NULL, 0);
    recb_var(&b, "", 0);
    recb_var(&b, "de", 2);
    b.tagged = (const uint8_t *)"tagged";
    b.tagged_len = 6;
    len = recb_end(&b, rec);
    assert_null(record_decode(sl(rec, len), &r));
    assert_int_equal(record_fixed(&r, 1, 4, 4, &s), RECORD_VALUE);
    assert_memory_equal(s.p, "\x11\x22\x33\x44", 4);
    assert_int_equal(record_fixed(&r, 2, 8, 1, &s), RECORD_NULL);
    assert_int_equal(record_fixed(&r, 3, 9, 2, &s), RECORD_VALUE);
    assert_memory_equal(s.p, "\x55\x66", 2);
    assert_int_equal(record_fixed(&r, 4, 11, 2, &s), RECORD_ABSENT);
    assert_int_equal(record_var(&r, 128, &s), RECORD_VALUE);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.p, "abc", 3);
    assert_int_equal(record_var(&r, 129, &s), RECORD_NULL);
    assert_int_equal(record_var(&r, 130, &s), RECORD_VALUE);
    assert_int_equal(s.len, 0);
    assert_int_equal(record_var(&r, 131, &s), RECORD_VALUE);
    assert_memory_equal(s.p, "de", 2);
    assert_int_equal(record_var(&r, 132, &s), RECORD_ABSENT);
    assert_int_equal(r.tagged.len, 6);
    assert_memory_equal(r.tagged.p, "tagged", 6);
}

/* Offsets come from the catalogue, which may be damaged too. */
static void a_fixed_column_outside_of_the_fixed_data_is_damage(void **state)
{
    struct recb b = {0};
    struct record r;
    struct slice s;
    uint8_t rec[100];

    (void)state;
    recb_fixed(&b, 2, "\1\2\3\4", 4);
    assert_null(record_decode(sl(rec, recb_end(&b, rec)), &r));
    assert_int_equal(record_fixed(&r, 2, 4, 4, &s), RECORD_VALUE);
    assert_int_equal(record_fixed(&r, 2, 4, 5, &s), RECORD_DAMAGED);
    assert_int_equal(record_fixed(&r, 2, 5, 4, &s), RECORD_DAMAGED);
    assert_int_equal(record_fixed(&r, 2, 3, 1, &s), RECORD_DAMAGED);
    assert_int_equal(record_fixed(&r, 2, 0, 4, &s), RECORD_DAMAGED);
    assert_int_equal(record_fixed(&r, 2, UINT32_MAX, 4, &s), RECORD_DAMAGED);
    assert_int_equal(record_fixed(&r, 2, 4, UINT32_MAX, &s), RECORD_DAMAGED);
}

struct bad {
    const char *name;
    uint32_t len;
    uint8_t b[16];
};

static const struct bad bad[] = {
    {"empty", 0, {0}},
    {"header cut off", 3, {0, 127, 4}},
    {"fixed number too high", 24, {128, 127, 20, 0}},
    {"variable number too low", 4, {0, 126, 4, 0}},
    {"fixed data before its start", 4, {0, 127, 3, 0}},
    {"no room for the null bits", 5, {1, 127, 4, 0}},
    {"fixed data beyond the end", 5, {0, 127, 6, 0}},
    {"offsets cut off", 5, {0, 128, 4, 0, 0}},
    {"variable data beyond the end", 7, {0, 128, 4, 0, 2, 0, 'a'}},
    {"offsets go back", 10, {0, 129, 4, 0, 2, 0, 1, 0, 'a', 'b'}},
    {"null with data", 7, {0, 128, 4, 0, 1, 0x80, 'a'}},
};

static void damaged_records_are_refused(void **state)
{
    struct record r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!record_decode(sl(bad[i].b, bad[i].len), &r))
            fail_msg("%s: no fault", bad[i].name);
}

static void whatever_is_accepted_can_be_read(void **state)
{
    uint32_t nr_accepted = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t len = (uint32_t)(rnd() % 64);
        uint8_t *b = malloc(len ? len : 1);
        struct record r;
        struct slice s;
        unsigned sum = 0;

        assert_non_null(b);
        for (uint32_t k = 0; k < len; k++)
            b[k] = (uint8_t)(rnd() % 8);
        if (len >= 2)
            b[1] = (uint8_t)(127 + rnd() % 4);
        if (!record_decode(sl(b, len), &r)) {
            nr_accepted++;
            for (unsigned fid = 1; fid <= 127; fid++)
                if (record_fixed(&r, fid, (uint32_t)(rnd() % 40), (uint32_t)(rnd() % 40), &s) ==
                    RECORD_VALUE)
                    for (uint32_t k = 0; k < s.len; k++)
                        sum += s.p[k];
            for (unsigned fid = 128; fid <= 255; fid++)
                if (record_var(&r, fid, &s) == RECORD_VALUE)
                    for (uint32_t k = 0; k < s.len; k++)
                        sum += s.p[k];
            for (uint32_t k = 0; k < r.tagged.len; k++)
                sum += r.tagged.p[k];
        }
        assert_true(sum < 1000000);
        free(b);
    }
    assert_true(nr_accepted > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_record_has_nothing),
        cmocka_unit_test(columns_are_found_by_number_and_offset),
        cmocka_unit_test(a_fixed_column_outside_of_the_fixed_data_is_damage),
        cmocka_unit_test(damaged_records_are_refused),
        cmocka_unit_test(whatever_is_accepted_can_be_read),
    };

    rnd_init("record");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
