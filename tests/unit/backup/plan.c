/* What a copy must hold, and what forbids it. */
#include "setmaker.h"

struct outcome {
    JET_ERR err;
    struct ese_fault first;
    unsigned nr_faults;
    char files[4096]; /* names, each followed by a blank, in the order of the plan */
    enum ese_state state;
};

static void remember(void *ctx, const struct ese_fault *f)
{
    struct outcome *o = ctx;

    if (f->severity == ESE_FAULT && o->nr_faults++ == 0)
        o->first = *f;
}

/* The plan of the directory's one instance. */
static struct outcome plan_of(const char *dir)
{
    struct outcome o = {0};
    struct ese_instance *list;
    const struct ese_file **plan;
    unsigned nr, nr_plan;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    assert_int_equal(ese_discover(fd, "self", NULL, &list, &nr), JET_errSuccess);
    close(fd);
    assert_int_equal(nr, 1);
    o.state = list[0].state;
    o.err = ese_copy_plan(&list[0], remember, &o, &plan, &nr_plan);
    for (unsigned i = 0; o.err >= 0 && i < nr_plan; i++) {
        const char *slash = strrchr(plan[i]->path, '/');
        strcat(o.files, slash ? slash + 1 : plan[i]->path);
        strcat(o.files, " ");
    }
    if (o.err >= 0)
        free(plan);
    ese_instances_free(list, nr);
    return o;
}

/* A dirty set: generations 3..7, current 8, checkpoint in 5; the database requires 5..7. */
static void make_dirty(const char *dir)
{
    char name[32];

    for (unsigned g = 3; g < 8; g++) {
        snprintf(name, sizeof(name), "edb%08X.log", g);
        make_log(dir, name, (struct made_log){.gen = g, .attach = "C:\\a\\mail.edb"});
    }
    make_log(dir, "edb.log", (struct made_log){.gen = 8, .attach = "C:\\a\\mail.edb"});
    make_chk(dir, "edb.chk", (struct made_chk){.gen = 5, .attach = "C:\\a\\mail.edb"});
    make_db(dir, "mail.edb",
            (struct made_db){
                .state = ESE_DB_DIRTY, .min = 5, .max = 7, .committed = 8, .time_committed = 8});
}

static void drop(const char *dir, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

static void expect_refused(const struct outcome *o, JET_ERR err, const char *file)
{
    if (o->err != err || o->nr_faults == 0 || strcmp(o->first.file, file) != 0)
        fail_msg("error %d, file %s, %s; expected %d, %s", (int)o->err, o->first.file,
                 o->first.text, (int)err, file);
    assert_int_equal(o->state, ESE_DAMAGED);
}

static void dirty_set_needs_logs_from_the_lowest_required_on(void **state)
{
    struct outcome o;

    make_dirty(*state);
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_int_equal(o.state, ESE_DIRTY);
    assert_string_equal(
        o.files, "edb00000005.log edb00000006.log edb00000007.log edb.log edb.chk mail.edb ");
}

static void checkpoint_below_the_headers_lowers_the_start(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 4});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_memory_equal(o.files, "edb00000004.log ", 16);
}

static void clean_set_needs_logs_from_the_checkpoint_on(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(*state, "mail.edb", (struct made_db){0});
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 7});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_int_equal(o.state, ESE_IDLE);
    assert_string_equal(o.files, "edb00000007.log edb.log edb.chk mail.edb ");
}

static void clean_set_without_checkpoint_begins_at_the_hint_of_the_current_log(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(*state, "mail.edb", (struct made_db){0});
    drop(*state, "edb.chk");
    make_log(*state, "edb.log", (struct made_log){.gen = 8, .hint = 6, .attach = "mail.edb"});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_string_equal(o.files, "edb00000006.log edb00000007.log edb.log mail.edb ");
    drop(*state, "edb00000006.log"); /* nothing requires it: the chain begins later */
    o = plan_of(*state);
    assert_string_equal(o.files, "edb00000007.log edb.log mail.edb ");
}

static void database_alone_is_a_plan(void **state)
{
    struct outcome o;

    make_db(*state, "mail.edb", (struct made_db){0});
    made_file(*state, "mail.jfm", "x", 1);
    made_file(*state, "edbres00001.jrs", "x", 1);
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_string_equal(o.files, "mail.edb ");
}

static void scratch_and_reserve_logs_are_not_copied(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_log(*state, "edbtmp.log", (struct made_log){.gen = 2, .stream = 9});
    made_file(*state, "edbres00001.jrs", "x", 1);
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_null(strstr(o.files, "tmp"));
    assert_null(strstr(o.files, "jrs"));
}

static void missing_required_logs_are_named(void **state)
{
    struct outcome o;

    make_dirty(*state);
    drop(*state, "edb00000005.log");
    drop(*state, "edb00000006.log");
    o = plan_of(*state);
    expect_refused(&o, JET_errRequiredLogFilesMissing, "edb00000005.log");
    assert_non_null(strstr(o.first.text, "0x5-0x6"));
}

static void log_that_nothing_requires_may_be_missing_or_ruined(void **state)
{
    struct outcome o;

    make_dirty(*state);
    drop(*state, "edb00000003.log");
    make_log(*state, "edb00000004.log", (struct made_log){.gen = 4, .ruined = true});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_int_equal(o.state, ESE_DIRTY);
}

static void missing_current_log_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    drop(*state, "edb.log");
    make_db(*state, "mail.edb", (struct made_db){0});
    o = plan_of(*state);
    expect_refused(&o, JET_errMissingLogFile, "edb.log");
    make_log(*state, "edbtmp.log", (struct made_log){.gen = 2}); /* a roll-over was interrupted */
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
}

static void committed_log_that_is_missing_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(*state, "mail.edb",
            (struct made_db){.state = ESE_DB_DIRTY, .min = 5, .max = 7, .committed = 10});
    o = plan_of(*state);
    expect_refused(&o, JET_errCommittedLogFilesMissing, "edb00000009.log");
}

static void dirty_database_without_logs_is_refused(void **state)
{
    struct outcome o;

    make_db(*state, "qmgr.db", (struct made_db){.state = ESE_DB_DIRTY, .min = 14, .max = 14});
    o = plan_of(*state);
    expect_refused(&o, JET_errRequiredLogFilesMissing, "edb0000000E.log");
    assert_non_null(strstr(o.first.text, "qmgr.db"));
}

static void checkpoint_without_any_log_is_refused(void **state)
{
    struct outcome o;

    make_db(*state, "mail.edb", (struct made_db){0});
    make_chk(*state, "SRU.chk", (struct made_chk){.gen = 9});
    o = plan_of(*state);
    expect_refused(&o, JET_errMissingLogFile, "SRU.log");
}

static void log_of_another_stream_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_log(*state, "edb00000006.log", (struct made_log){.gen = 6, .stream = 5});
    o = plan_of(*state);
    expect_refused(&o, JET_errBadLogSignature, "edb00000006.log");
}

static void database_of_another_stream_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(
        *state, "mail.edb",
        (struct made_db){.state = ESE_DB_DIRTY, .stream = 5, .min = 5, .max = 7, .committed = 8});
    o = plan_of(*state);
    expect_refused(&o, JET_errBadLogSignature, "mail.edb");
}

static void checkpoint_of_another_stream_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 5, .stream = 5});
    o = plan_of(*state);
    expect_refused(&o, JET_errBadCheckpointSignature, "edb.chk");
}

static void checkpoint_beyond_the_logs_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 12});
    o = plan_of(*state);
    expect_refused(&o, JET_errMissingLogFile, "edb00000009.log");
}

static void logs_out_of_sequence_are_refused(void **state)
{
    static const struct {
        const char *what;
        struct made_log log;
    } cases[] = {
        {"another predecessor", {.gen = 6, .time_prev = 99}},
        {"another generation than its name", {.gen = 5}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o;
        make_dirty(*state);
        make_log(*state, "edb00000006.log", cases[i].log);
        o = plan_of(*state);
        print_message("%s\n", cases[i].what);
        assert_int_equal(o.state, ESE_DAMAGED);
        assert_true(o.err == JET_errInvalidLogSequence || o.err == JET_errRequiredLogFilesMissing);
    }
}

static void one_generation_twice_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_log(*state, "edb00006.log", (struct made_log){.gen = 6});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errInvalidLogSequence);
}

static void log_created_at_another_time_than_the_header_knows_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_log(*state, "edb.log", (struct made_log){.gen = 8, .time = 77});
    o = plan_of(*state);
    expect_refused(&o, JET_errRequiredLogFilesMissing, "edb.log");
}

static void log_of_the_wrong_size_is_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_log(*state, "edb00000006.log", (struct made_log){.gen = 6, .segments = 20});
    o = plan_of(*state);
    assert_true(o.err < 0);
    assert_string_equal(o.first.file, "edb00000006.log");
}

static void attached_database_that_is_missing_is_named(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 5, .attach = "E:\\other\\Second.edb"});
    o = plan_of(*state);
    expect_refused(&o, JET_errAttachedDatabaseMismatch, "Second.edb");
    make_db(*state, "sub/SECOND.EDB", (struct made_db){0});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_non_null(strstr(o.files, "SECOND.EDB"));
}

static void another_database_of_the_attached_name_is_refused_if_it_needs_the_logs(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(*state, "mail.edb",
            (struct made_db){.sign = 9, .state = ESE_DB_DIRTY, .min = 5, .max = 7, .committed = 8});
    o = plan_of(*state);
    expect_refused(&o, JET_errAttachedDatabaseMismatch, "mail.edb");
    make_db(*state, "mail.edb", (struct made_db){.sign = 9});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
}

static void damaged_header_copies_are_refused(void **state)
{
    struct outcome o;

    make_dirty(*state);
    make_db(*state, "mail.edb", (struct made_db){.bad_primary = true});
    o = plan_of(*state);
    expect_refused(&o, JET_errReadVerifyFailure, "mail.edb");
    make_db(*state, "mail.edb", (struct made_db){.bad_shadow = true});
    o = plan_of(*state);
    expect_refused(&o, JET_errReadVerifyFailure, "mail.edb");
    assert_int_equal(o.first.offset, 4096);
    make_db(*state, "mail.edb", (struct made_db){0});
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 5, .bad_shadow = true});
    o = plan_of(*state);
    expect_refused(&o, JET_errReadVerifyFailure, "edb.chk");
    make_chk(*state, "edb.chk", (struct made_chk){.gen = 5, .ruined = true});
    o = plan_of(*state);
    expect_refused(&o, JET_errCheckpointCorrupt, "edb.chk");
}

static void ruined_log_header_is_refused(void **state)
{
    static const char *const names[] = {"edb00000006.log", "edb.log"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct outcome o;
        make_dirty(*state);
        make_log(*state, names[i], (struct made_log){.gen = i ? 8 : 6, .ruined = true});
        o = plan_of(*state);
        assert_int_equal(o.state, ESE_DAMAGED);
        expect_refused(&o, JET_errLogFileCorrupt, names[i]);
    }
}

static void two_databases_of_one_name_are_refused(void **state)
{
    struct outcome o;

    make_db(*state, "a/mail.edb", (struct made_db){0});
    make_db(*state, "b/Mail.edb", (struct made_db){0});
    make_db(*state, "c.edb", (struct made_db){0});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errDatabaseDuplicate);
    assert_string_equal(o.first.file, "b/Mail.edb");
}

static void backup_set_needs_no_current_log(void **state)
{
    struct outcome o;

    make_log(*state, "edb00000006.log", (struct made_log){.gen = 6});
    make_log(*state, "edb00000007.log", (struct made_log){.gen = 7});
    make_db(*state, "mail.edb",
            (struct made_db){.state = ESE_DB_DIRTY, .min = 7, .max = 7, .full_low = 6});
    o = plan_of(*state);
    assert_int_equal(o.err, JET_errSuccess);
    assert_string_equal(o.files, "edb00000006.log edb00000007.log mail.edb ");
}

static void unreadable_database_is_refused(void **state)
{
    struct outcome o;
    char path[PATH_MAX];

    if (geteuid() == 0) { /* root reads everything: be somebody else for the opening */
        assert_int_equal(chmod(*state, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_int_equal(seteuid(0), 0);
    }
    make_db(*state, "x.edb", (struct made_db){0});
    make_db(*state, "mail.edb", (struct made_db){0});
    snprintf(path, sizeof(path), "%s/mail.edb", (char *)*state);
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    o = plan_of(*state);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    expect_refused(&o, JET_errFileAccessDenied, "mail.edb");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_dir, teardown_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(dirty_set_needs_logs_from_the_lowest_required_on),
        T(checkpoint_below_the_headers_lowers_the_start),
        T(clean_set_needs_logs_from_the_checkpoint_on),
        T(clean_set_without_checkpoint_begins_at_the_hint_of_the_current_log),
        T(database_alone_is_a_plan),
        T(scratch_and_reserve_logs_are_not_copied),
        T(missing_required_logs_are_named),
        T(log_that_nothing_requires_may_be_missing_or_ruined),
        T(missing_current_log_is_refused),
        T(committed_log_that_is_missing_is_refused),
        T(dirty_database_without_logs_is_refused),
        T(checkpoint_without_any_log_is_refused),
        T(log_of_another_stream_is_refused),
        T(database_of_another_stream_is_refused),
        T(checkpoint_of_another_stream_is_refused),
        T(checkpoint_beyond_the_logs_is_refused),
        T(logs_out_of_sequence_are_refused),
        T(one_generation_twice_is_refused),
        T(log_created_at_another_time_than_the_header_knows_is_refused),
        T(log_of_the_wrong_size_is_refused),
        T(attached_database_that_is_missing_is_named),
        T(another_database_of_the_attached_name_is_refused_if_it_needs_the_logs),
        T(damaged_header_copies_are_refused),
        T(ruined_log_header_is_refused),
        T(two_databases_of_one_name_are_refused),
        T(backup_set_needs_no_current_log),
        T(unreadable_database_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
