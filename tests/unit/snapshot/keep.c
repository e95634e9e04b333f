/* Retention: specifications and choices. */
#include "keep.h"

#include "snapshot.h"
#include "testutil.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

static void specifications_are_parsed(void **state)
{
    struct keep k;

    (void)state;
    assert_int_equal(keep_parse("last:7,daily:14,weekly:8,monthly:12", &k), 0);
    assert_int_equal(k.last, 7);
    assert_int_equal(k.daily, 14);
    assert_int_equal(k.weekly, 8);
    assert_int_equal(k.monthly, 12);
    assert_int_equal(keep_parse("weekly:3", &k), 0);
    assert_int_equal(k.weekly, 3);
    assert_int_equal(k.last, 0);
    assert_int_equal(keep_parse(NULL, &k), 0);
    assert_int_equal(keep_parse("", &k), 0);
}

static void bad_specifications_are_refused(void **state)
{
    static const char *const bad[] = {
        "last",          "last:",   "last:0",         "last:-1",
        "last:1,",       ",last:1", "last:1;daily:2", "yearly:1",
        "last:1,last:2", "last:1x", "last: 1",        "7",
        "last:100001",   "last:+1", "LAST:1",         "last:99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (snap_keep_check(bad[i]) != JET_errInvalidParameter)
            fail_msg("%s", bad[i]);
}

static unsigned kept_count(const bool *kept, unsigned nr)
{
    unsigned n = 0;

    for (unsigned i = 0; i < nr; i++)
        n += kept[i];
    return n;
}

static void without_rules_all_is_kept(void **state)
{
    time_t t[3] = {300, 200, 100};
    bool kept[3];

    (void)state;
    keep_select(&(struct keep){0}, t, 3, kept);
    assert_int_equal(kept_count(kept, 3), 3);
}

static void newest_of_each_day_is_kept(void **state)
{
    time_t now = 20000l * DAY + 5 * HOUR, t[40];
    bool kept[40];

    (void)state;
    for (unsigned i = 0; i < 40; i++) /* every six hours, backwards */
        t[i] = now - (time_t)i * 6 * HOUR;
    keep_select(&(struct keep){.daily = 3}, t, 40, kept);
    assert_int_equal(kept_count(kept, 40), 3);
    assert_true(kept[0]);
    assert_true(kept[1]); /* 23:00 of the day before */
    assert_true(kept[5]);
}

static void days_without_a_backup_do_not_count(void **state)
{
    time_t t[3] = {20000l * DAY, 19000l * DAY, 10l * DAY};
    bool kept[3];

    (void)state;
    keep_select(&(struct keep){.daily = 2}, t, 3, kept);
    assert_true(kept[0] && kept[1] && !kept[2]);
}

static void weeks_begin_on_monday(void **state)
{
    /* 2026-11-23 is a Monday */
    time_t monday = 1795392000, t[3] = {monday + HOUR, monday, monday - HOUR};
    bool kept[3];

    (void)state;
    keep_select(&(struct keep){.weekly = 1}, t, 3, kept);
    assert_true(kept[0] && !kept[1] && !kept[2]);
    keep_select(&(struct keep){.weekly = 2}, t, 3, kept);
    assert_true(kept[0] && !kept[1] && kept[2]);
}

static void months_are_those_of_the_calendar(void **state)
{
    /* 2026-03-01T00:00:00Z */
    time_t march = 1772323200, t[3] = {march, march - 1, march - 28l * DAY - 1};
    bool kept[3];

    (void)state;
    keep_select(&(struct keep){.monthly = 12}, t, 3, kept);
    assert_true(kept[0] && kept[1] && kept[2]); /* March, February, January */
}

static void rules_add_up(void **state)
{
    time_t t[5] = {500l * DAY + 4, 500l * DAY + 3, 500l * DAY + 2, 499l * DAY, 498l * DAY};
    bool kept[5];

    (void)state;
    keep_select(&(struct keep){.last = 2, .daily = 2}, t, 5, kept);
    assert_true(kept[0] && kept[1] && !kept[2] && kept[3] && !kept[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specifications_are_parsed),
        cmocka_unit_test(bad_specifications_are_refused),
        cmocka_unit_test(without_rules_all_is_kept),
        cmocka_unit_test(newest_of_each_day_is_kept),
        cmocka_unit_test(days_without_a_backup_do_not_count),
        cmocka_unit_test(weeks_begin_on_monday),
        cmocka_unit_test(months_are_those_of_the_calendar),
        cmocka_unit_test(rules_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
