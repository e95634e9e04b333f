/* Names of backups, directories of the store, percent encoding. */
#include "names.h"

#include "snapshot.h"
#include "testutil.h"

static void repeat(char *buf, char c, size_t n)
{
    memset(buf, c, n);
    buf[n] = '\0';
}

static void names_of_backups_are_checked(void **state)
{
    static const struct {
        const char *name;
        JET_ERR err;
    } cases[] = {
        {"nightly", 0},
        {"2026-11-22 03:00", 0},
        {"n\xc3\xa4"
         "chtlich",
         0},
        {"\xf0\x9f\x92\xbe", 0},
        {"a.b-c", 0},
        {"", JET_errInvalidName},
        {".", JET_errInvalidName},
        {"..", JET_errInvalidName},
        {".hidden", JET_errInvalidName},
        {"-rf", JET_errInvalidName},
        {"a/b", JET_errInvalidName},
        {"a\nb", JET_errInvalidName},
        {"a\x7f", JET_errInvalidName},
        {"a\xc2\x80", JET_errInvalidName}, /* a C1 control */
        {"\xff", JET_errInvalidName},
        {"\xc3", JET_errInvalidName},
        {"\xc0\xaf", JET_errInvalidName},     /* an overlong slash */
        {"\xed\xa0\x80", JET_errInvalidName}, /* a surrogate */
        {"\xf4\x90\x80\x80", JET_errInvalidName},
        {"latest", JET_errInvalidName},
        {"at", JET_errInvalidName},
        {"clean", JET_errInvalidName},
        {"raw", JET_errInvalidName},
        {"Latest", 0},
        {"latest2", 0},
    };
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (snap_name_check(cases[i].name) != cases[i].err)
            fail_msg("case %zu: %s", i, cases[i].name);
    repeat(longest, 'x', 200);
    assert_int_equal(snap_name_check(longest), 0);
    repeat(longest, 'x', 201);
    assert_int_equal(snap_name_check(longest), JET_errInvalidPath);
}

static void ordinary_instances_keep_their_name_in_the_store(void **state)
{
    static const char *const names[] = {"mail", "mail+edb", "My Server", "n\xc3\xa4me", "a.b"};
    char buf[STORE_NAME_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        store_name(names[i], buf);
        assert_string_equal(buf, names[i]);
    }
}

static void odd_instances_get_a_safe_and_own_name(void **state)
{
    static const char control[] = {'a', 1, 'b', 0};
    char long1[1000], long2[1000], many[255 + 1];
    const char *const names[] = {".esefs", "FORMAT", "lock", "serial", "lost+found",
                                 "a%b",    "a%25b",  "a\nb", control,  "%",
                                 "%6Cock", long1,    long2,  many,     "%2Eesefs"};
    char out[sizeof(names) / sizeof(names[0])][STORE_NAME_LEN];

    (void)state;
    repeat(long1, 'x', 999);
    repeat(long2, 'x', 999);
    long2[998] = 'y';
    repeat(many, '\n', 255);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        store_name(names[i], out[i]);
        assert_true(strlen(out[i]) > 0 && strlen(out[i]) <= 255);
        assert_true(out[i][0] != '.');
        assert_true(strcmp(out[i], "FORMAT") != 0 && strcmp(out[i], "lock") != 0 &&
                    strcmp(out[i], "serial") != 0);
        for (const char *p = out[i]; *p; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != '/');
        for (size_t k = 0; k < i; k++)
            if (strcmp(out[i], out[k]) == 0)
                fail_msg("%s and %s share %s", names[i], names[k], out[i]);
    }
}

static void percent_encoding_comes_back(void **state)
{
    char all[256], *enc;

    (void)state;
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    enc = percent_encode(all, ", ");
    assert_non_null(enc);
    assert_null(strpbrk(enc, "\n\r\t, "));
    assert_true(percent_decode(enc));
    assert_string_equal(enc, all);
    free(enc);
}

static void bad_percent_encoding_is_refused(void **state)
{
    static const char *const bad[] = {"%", "%4", "%4x", "%00", "a%", "%zz", "%4a"};
    char buf[16];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(buf, sizeof(buf), "%s", bad[i]);
        if (percent_decode(buf))
            fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_backups_are_checked),
        cmocka_unit_test(ordinary_instances_keep_their_name_in_the_store),
        cmocka_unit_test(odd_instances_get_a_safe_and_own_name),
        cmocka_unit_test(percent_encoding_comes_back),
        cmocka_unit_test(bad_percent_encoding_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
