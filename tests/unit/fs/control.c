/* What of a write to `control` is a command. */
#include "control_line.h"

#include <errno.h>

#include "testutil.h"

static int cut(const char *bytes, size_t len, char ret[CONTROL_LINE_MAX])
{
    /* A buffer of exactly that size: reading past it is seen by the sanitizer. */
    char *copy = malloc(len > 0 ? len : 1);
    int err;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    err = control_line(copy, len, ret, CONTROL_LINE_MAX);
    free(copy);
    return err;
}

static void the_newline_of_a_shell_is_dropped(void **state)
{
    char line[CONTROL_LINE_MAX];

    (void)state;
    assert_int_equal(cut("full nightly\n", 13, line), 0);
    assert_string_equal(line, "full nightly");
    assert_int_equal(cut("cancel", 6, line), 0);
    assert_string_equal(line, "cancel");
}

static void bytes_of_utf8_pass(void **state)
{
    char line[CONTROL_LINE_MAX];

    (void)state;
    assert_int_equal(cut("full n\xc3\xa4"
                         "chtlich",
                         15, line),
                     0);
    assert_string_equal(line, "full n\xc3\xa4"
                              "chtlich");
}

static void what_is_no_single_line_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"", 0},        {"\n", 1},   {"a\nb", 3},  {"a\n\n", 3},        {"full a\0b", 8},
                 {"full\ta", 6}, {"\x7f", 1}, {"a\r\n", 3}, {"hold a\nwait", 11}};
    char line[CONTROL_LINE_MAX] = "untouched";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (cut(cases[i].bytes, cases[i].len, line) != -EINVAL)
            fail_msg("case %zu was taken", i);
    assert_string_equal(line, "untouched");
}

static void a_line_beyond_any_name_is_too_long(void **state)
{
    char bytes[CONTROL_LINE_MAX + 1], line[CONTROL_LINE_MAX];

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    assert_int_equal(cut(bytes, CONTROL_LINE_MAX - 1, line), 0);
    assert_int_equal(strlen(line), CONTROL_LINE_MAX - 1);
    assert_int_equal(cut(bytes, CONTROL_LINE_MAX, line), -ENAMETOOLONG);
    assert_int_equal(cut(bytes, CONTROL_LINE_MAX + 1, line), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newline_of_a_shell_is_dropped),
        cmocka_unit_test(bytes_of_utf8_pass),
        cmocka_unit_test(what_is_no_single_line_is_refused),
        cmocka_unit_test(a_line_beyond_any_name_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
