/* Lines written to `control`. */
#include "control.h"

#include "fixture.h"

static void commands_are_taken_apart(void **state)
{
    static const struct {
        const char *line;
        enum control_verb verb;
        const char *name;
    } cases[] = {
        {"full nightly\n", CONTROL_FULL, "nightly"},
        {"full nightly", CONTROL_FULL, "nightly"},
        {"copy  two blanks\n", CONTROL_COPY, "two blanks"},
        {"full\ttab\n", CONTROL_FULL, "tab"},
        {"cancel\n", CONTROL_CANCEL, ""},
        {"wait", CONTROL_WAIT, ""},
        {"verify a", CONTROL_VERIFY, "a"},
        {"hold a", CONTROL_HOLD, "a"},
        {"release a", CONTROL_RELEASE, "a"},
        {"incremental a", CONTROL_ENGINE, "a"},
        {"truncate", CONTROL_ENGINE, ""},
        {"freeze 30", CONTROL_ENGINE, ""},
        {"thaw", CONTROL_ENGINE, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct control c;
        const char *text;
        JET_ERR err = control_parse(cases[i].line, &c, &text);
        if (err < 0 || c.verb != cases[i].verb || strcmp(c.name, cases[i].name) != 0)
            fail_msg("%s: %d", cases[i].line, (int)err);
    }
}

static void other_lines_are_refused(void **state)
{
    static const struct {
        const char *line;
        JET_ERR err;
    } cases[] = {
        {"", JET_errInvalidParameter},
        {"\n", JET_errInvalidParameter},
        {" full a", JET_errInvalidParameter},
        {"full", JET_errInvalidParameter},
        {"full \n", JET_errInvalidParameter},
        {"FULL a", JET_errInvalidParameter},
        {"fullx a", JET_errInvalidParameter},
        {"cancel now", JET_errInvalidParameter},
        {"full a\nfull b\n", JET_errInvalidParameter},
        {"freeze", JET_errInvalidParameter},
        {"freeze soon", JET_errInvalidParameter},
        {"rm -rf", JET_errInvalidParameter},
        {"full ../x", JET_errInvalidName},
        {"full latest", JET_errInvalidName},
        {"verify .x", JET_errInvalidName},
    };
    char line[400];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct control c;
        const char *text = NULL;
        if (control_parse(cases[i].line, &c, &text) != cases[i].err || !text)
            fail_msg("%s", cases[i].line);
    }
    for (size_t len = 201; len < 390; len += 60) {
        struct control c;
        const char *text;
        memcpy(line, "full ", 5);
        memset(line + 5, 'x', len);
        line[5 + len] = '\0';
        assert_int_equal(control_parse(line, &c, &text), JET_errInvalidPath);
    }
}

static JET_ERR command(struct fix *f, const char *line)
{
    return snap_command(f->i, line, NULL, NULL, &f->why);
}

static void backup_in_the_background_is_waited_for(void **state)
{
    struct fix *f = *state;

    assert_int_equal(command(f, "wait\n"), 0); /* nothing ever ran */
    assert_int_equal(command(f, "full nightly\n"), 0);
    assert_int_equal(command(f, "wait\n"), 0);
    assert_true(has_backup(f, "nightly"));
    assert_int_equal(command(f, "copy second"), 0);
    assert_int_equal(command(f, "wait"), 0);
    assert_int_equal(command(f, "full nightly"), JET_errFileAlreadyExists);
    assert_int_equal(command(f, "verify nightly"), 0);
    assert_int_equal(command(f, "wait"), 0);
    assert_true(status_has(f, "\nLastVerify: nightly "));
    assert_true(status_has(f, "Z ok\n"));
    assert_int_equal(command(f, "verify other"), JET_errFileNotFound);
    assert_int_equal(command(f, "hold other"), JET_errFileNotFound);
    assert_int_equal(command(f, "cancel"), 0);
}

static void wait_returns_the_error_of_the_last_backup(void **state)
{
    struct fix *f = *state;

    damage(SOURCE(f, "mail/mail.edb"), 5 * 4096 + 100, 0xff);
    assert_int_equal(command(f, "full bad"), 0);
    assert_int_equal(command(f, "wait"), JET_errReadVerifyFailure);
    assert_string_equal(f->why.file, "mail.edb");
    assert_int_equal(f->why.pgno, 4);
    assert_int_equal(f->why.offset, 5 * 4096);
    damage(SOURCE(f, "mail/mail.edb"), 5 * 4096 + 100, 0xff);
    assert_int_equal(command(f, "full good"), 0);
    assert_int_equal(command(f, "wait"), 0);
    assert_true(status_has(f, "LastError: none\n"));
}

static void commands_of_the_engine_are_refused_by_name(void **state)
{
    static const char *const lines[] = {"atomic a", "incremental a", "truncate",
                                        "prove a",  "freeze 5",      "thaw"};
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char word[32];
        sscanf(lines[i], "%31s", word);
        assert_int_equal(command(f, lines[i]), JET_errFeatureNotAvailable);
        assert_non_null(strstr(f->why.text, word));
    }
    assert_int_equal(command(f, "nonsense"), JET_errInvalidParameter);
}

static void help_lists_the_commands_that_work(void **state)
{
    char *help = strdup(snap_command_help()), *save = NULL;
    unsigned nr = 0;

    (void)state;
    for (char *line = strtok_r(help, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct control c;
        const char *text;
        if (control_parse(line, &c, &text) < 0 || c.verb == CONTROL_ENGINE)
            fail_msg("%s", line);
        nr++;
    }
    assert_int_equal(nr, 7);
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_taken_apart),
        cmocka_unit_test(other_lines_are_refused),
        T(backup_in_the_background_is_waited_for),
        T(wait_returns_the_error_of_the_last_backup),
        T(commands_of_the_engine_are_refused_by_name),
        cmocka_unit_test(help_lists_the_commands_that_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
