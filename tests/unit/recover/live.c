/* The life of an instance: what is on disk after each step, and that each kind of end can be started from again. */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine.h"
#include "page/dbhdr.h"
#include "rec/ddl.h"
#include "recover/formats.h"
#include "recover/live.h"
#include "txn/sess.h"

static char dir[64], db_path[96];
static unsigned nr_faults;

static void on_fault(void *ctx, const struct ese_fault *f)
{
    char text[512];

    (void)ctx;
    if (f->severity != ESE_FAULT)
        return;
    nr_faults++;
    ese_fault_str(f, text, sizeof(text));
    print_message("fault: %s\n", text);
}

static struct live_conf conf_of(uint32_t page_size)
{
    return (struct live_conf){.core = {.page_size = page_size,
                                       .log_file_kib = 128,
                                       .cache_max = 512,
                                       .checkpoint_depth = 1 << 20,
                                       .ver_max = 16 << 20,
                                       .db_extension = 16,
                                       .efv = EFV_DEFAULT,
                                       .logging = true,
                                       .base = "edb"},
                              .log_dir = dir,
                              .sys_dir = dir,
                              .short_names = true,
                              .five_digits = true,
                              .log_buffer_kib = 256};
}

static struct inst *start(const struct live_conf *conf, struct sess **s)
{
    struct inst *in;

    assert_true(live_init(conf, on_fault, NULL, &in) >= 0);
    assert_true(sess_new(in, false, s) >= 0);
    return in;
}

static struct db *create(struct sess *s)
{
    const struct live_create c = {.path = db_path};
    struct db *d;

    assert_int_equal(live_create_db(s, &c, &d), JET_errSuccess);
    return d;
}

static void finish(struct inst *in, struct sess *s, enum live_end how)
{
    sess_free(s);
    assert_true(live_term(in, how) >= 0);
}

static struct ese_db_info header(void)
{
    struct reporter quiet = {0};
    struct ese_db_info info;
    int fd = open(db_path, O_RDONLY);

    assert_true(fd >= 0);
    assert_true(dbhdr_read(fd, &quiet, &info) >= 0);
    close(fd);
    return info;
}

static void check_sound(void)
{
    uint64_t faults;
    int fd = open(db_path, O_RDONLY);

    assert_true(fd >= 0);
    assert_true(ese_integrity(fd, db_path, on_fault, NULL, NULL, NULL, &faults) >= 0);
    assert_int_equal(faults, 0);
    close(fd);
}

static int fresh_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/esefs-live-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(db_path, sizeof(db_path), "%s/test.edb", dir);
    nr_faults = 0;
    return 0;
}

static int remove_dir(void **state)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    DIR *dp = fdopendir(fd);
    struct dirent *e;

    (void)state;
    while (dp && (e = readdir(dp)))
        unlinkat(fd, e->d_name, 0);
    closedir(dp);
    return rmdir(dir);
}

static void make_table(struct sess *s, struct db *d, const char *name)
{
    struct ddl_column columns[] = {
        {.name = "id", .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL},
        {.name = "text", .coltyp = JET_coltypLongText, .cp = 1200},
    };
    struct ddl_index indexes[] = {{.name = "pk",
                                   .key = {(const uint8_t *)"+id\0", 5},
                                   .grbit = JET_bitIndexPrimary | JET_bitIndexUnique}};
    struct ddl_table t = {
        .name = name, .columns = columns, .nr_columns = 2, .indexes = indexes, .nr_indexes = 1};

    assert_true(ddl_create_table(s, d, &t, NULL) >= 0);
}

static bool has_table(struct sess *s, struct db *d, const char *name)
{
    struct ddl_table_info info;

    return ddl_find_table(s, d, name, &info) >= 0;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static void a_database_created_and_closed_is_clean_and_sound(void **state)
{
    static const uint32_t sizes[] = {4096, 8192, 16384, 32768};

    for (unsigned i = 0; i < 4; i++) {
        const struct live_conf conf = conf_of(sizes[i]);
        struct sess *s;
        struct inst *in = start(&conf, &s);
        struct db *d = create(s);
        struct ese_db_info h = header();

        assert_int_equal(h.state, ESE_DB_DIRTY);
        assert_int_equal(h.gen_min_required, 1);
        assert_true(h.lgpos_attach > 0);
        make_table(s, d, "books");
        finish(in, s, LIVE_COMPLETE);
        h = header();
        assert_int_equal(h.state, ESE_DB_CLEAN);
        assert_int_equal(h.gen_min_required, 0);
        assert_int_equal(h.gen_max_committed, 0);
        assert_int_equal(h.lgpos_consistent, h.lgpos_detach);
        check_sound();
        remove_dir(state);
        fresh_dir(state);
    }
}

static void what_was_created_is_there_after_a_clean_end(void **state)
{
    const struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in = start(&conf, &s);
    struct db *d = create(s);

    (void)state;
    make_table(s, d, "books");
    finish(in, s, LIVE_COMPLETE);
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        in = start(&conf, &s);
        assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
        assert_int_equal(header().state, ESE_DB_DIRTY);
        assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_wrnDatabaseAttached);
        assert_true(has_table(s, d, "books"));
        snprintf(name, sizeof(name), "t%u", i);
        make_table(s, d, name);
        assert_int_equal(live_detach_db(s, d), JET_errSuccess);
        assert_int_equal(header().state, ESE_DB_CLEAN);
        assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
        assert_true(has_table(s, d, name));
        finish(in, s, i == 1 ? LIVE_ABRUPT : LIVE_COMPLETE);
        assert_int_equal(header().state, ESE_DB_CLEAN);
        check_sound();
    }
    assert_int_equal(nr_faults, 0);
}

static void a_dirty_end_is_recovered_by_the_next_start(void **state)
{
    const struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in;
    struct db *d;

    (void)state;
    in = start(&conf, &s);
    d = create(s);
    make_table(s, d, "one");
    finish(in, s, LIVE_DIRTY);
    assert_int_equal(header().state, ESE_DB_DIRTY);
    in = start(&conf, &s);
    assert_int_equal(header().state, ESE_DB_CLEAN); /* recovery closed it */
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "one"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
}

static void a_transaction_that_was_open_is_gone_after_recovery(void **state)
{
    const struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in = start(&conf, &s);
    struct db *d = create(s);

    (void)state;
    make_table(s, d, "kept");
    assert_true(trx_begin(s) >= 0);
    make_table(s, d, "lost");
    assert_true(has_table(s, d, "lost"));
    assert_true(live_checkpoint(in, true) >= 0);     /* its pages are in the file */
    (void)inst_fail(in, JET_errInstanceUnavailable); /* so that nothing is undone any more */
    finish(in, s, LIVE_DIRTY);
    in = start(&conf, &s);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "kept"));
    assert_false(has_table(s, d, "lost"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
}

static void two_instances_cannot_have_the_same_logs(void **state)
{
    const struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in = start(&conf, &s), *other;

    (void)state;
    assert_int_equal(live_init(&conf, NULL, NULL, &other), JET_errFileAccessDenied);
    finish(in, s, LIVE_COMPLETE);
    in = start(&conf, &s);
    finish(in, s, LIVE_COMPLETE);
}

static void a_name_that_is_taken_is_refused_and_overwritten_on_request(void **state)
{
    const struct live_conf conf = conf_of(4096);
    struct live_create c = {.path = db_path};
    struct sess *s;
    struct inst *in = start(&conf, &s);
    struct db *d = create(s), *again;

    (void)state;
    assert_int_equal(live_create_db(s, &c, &again), JET_errDatabaseDuplicate);
    make_table(s, d, "old");
    assert_int_equal(live_detach_db(s, d), JET_errSuccess);
    assert_int_equal(live_create_db(s, &c, &again), JET_errDatabaseDuplicate);
    c.overwrite = true;
    assert_int_equal(live_create_db(s, &c, &d), JET_errSuccess);
    assert_false(has_table(s, d, "old"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
}

static void what_cannot_be_attached_says_why(void **state)
{
    const struct live_conf conf = conf_of(4096), other = conf_of(8192);
    struct live_conf bad = conf;
    struct sess *s;
    struct inst *in = start(&conf, &s);
    struct db *d = create(s);

    (void)state;
    assert_int_equal(live_attach_db(s, "/nonexistent/x.edb", false, 0, &d), JET_errInvalidPath);
    assert_int_equal(live_attach_db(s, "/tmp/esefs-no-such-file.edb", false, 0, &d),
                     JET_errFileNotFound);
    finish(in, s, LIVE_COMPLETE);
    assert_int_equal(live_init(&other, NULL, NULL, &in), JET_errPageSizeMismatch);
    bad.core.log_file_kib = 256;
    assert_int_equal(live_init(&bad, NULL, NULL, &in),
                     JET_errLogFileSizeMismatchDatabasesConsistent);
    bad = conf;
    bad.core.efv = 9999;
    assert_int_equal(live_init(&bad, NULL, NULL, &in),
                     JET_errEngineFormatVersionNotYetImplementedTooHigh);
    bad.core.efv = 8000;
    assert_int_equal(live_init(&bad, NULL, NULL, &in),
                     JET_errEngineFormatVersionNoLongerSupportedTooLow);
    bad = conf;
    bad.log_dir = "/nonexistent";
    assert_int_equal(live_init(&bad, NULL, NULL, &in), JET_errInvalidLogDirectory);
    bad = conf;
    bad.sys_dir = "/nonexistent";
    assert_int_equal(live_init(&bad, NULL, NULL, &in), JET_errInvalidSystemPath);
}

static void a_new_stream_takes_the_place_of_one_of_another_size(void **state)
{
    struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in = start(&conf, &s);
    struct db *d = create(s);

    (void)state;
    make_table(s, d, "t");
    finish(in, s, LIVE_COMPLETE);
    conf.core.log_file_kib = 256;
    conf.replace_logs = true;
    in = start(&conf, &s);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "t"));
    finish(in, s, LIVE_DIRTY);
    in = start(&conf, &s);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "t"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
}

static unsigned count_logs(void)
{
    DIR *dp = opendir(dir);
    struct dirent *e;
    unsigned nr = 0;

    while ((e = readdir(dp)))
        nr += strlen(e->d_name) == 12 && strcmp(e->d_name + 8, ".log") == 0;
    closedir(dp);
    return nr;
}

static void circular_logging_keeps_few_logs_and_the_checkpoint_moves(void **state)
{
    for (unsigned circular = 0; circular < 2; circular++) {
        struct live_conf conf = conf_of(4096);
        struct sess *s;
        struct inst *in;
        struct db *d;
        unsigned logs;
        char name[16];

        conf.core.circular = circular;
        conf.core.checkpoint_depth = 65536;
        in = start(&conf, &s);
        d = create(s);
        for (unsigned i = 0; i < 400; i++) {
            snprintf(name, sizeof(name), "t%u", i);
            make_table(s, d, name);
        }
        assert_true(live_checkpoint(in, true) >= 0);
        logs = count_logs();
        assert_true(header().gen_min_required > 3);
        if (circular)
            assert_in_range(logs, 1, 5);
        else
            assert_true(logs > 5);
        finish(in, s, LIVE_DIRTY);
        in = start(&conf, &s);
        assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
        for (unsigned i = 0; i < 400; i++) {
            snprintf(name, sizeof(name), "t%u", i);
            assert_true(has_table(s, d, name));
        }
        finish(in, s, LIVE_COMPLETE);
        check_sound();
        remove_dir(state);
        fresh_dir(state);
    }
}

static void without_a_log_a_database_is_clean_after_its_end(void **state)
{
    struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in;
    struct db *d;

    (void)state;
    conf.core.logging = false;
    in = start(&conf, &s);
    d = create(s);
    make_table(s, d, "t");
    finish(in, s, LIVE_COMPLETE);
    assert_int_equal(count_logs(), 0);
    assert_int_equal(header().state, ESE_DB_CLEAN);
    check_sound();
    in = start(&conf, &s);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    finish(in, s, LIVE_DIRTY);
    in = start(&conf, &s);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errDatabaseDirtyShutdown);
    finish(in, s, LIVE_COMPLETE);
}

static void the_newer_format_is_written_when_it_is_asked_for(void **state)
{
    struct live_conf conf = conf_of(4096);
    struct sess *s;
    struct inst *in;
    struct db *d;
    struct ese_db_info h;

    (void)state;
    conf.core.efv = EFV_NEWEST_WRITTEN;
    in = start(&conf, &s);
    d = create(s);
    make_table(s, d, "t");
    finish(in, s, LIVE_DIRTY);
    in = start(&conf, &s);
    h = header();
    assert_int_equal(h.update_major, 110);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "t"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
}

static void logs_lie_apart_from_the_database_and_the_checkpoint(void **state)
{
    struct live_conf conf = conf_of(4096);
    char logs[96], sys[96];
    struct sess *s;
    struct inst *in;
    struct db *d;

    (void)state;
    snprintf(logs, sizeof(logs), "%s/logs", dir);
    snprintf(sys, sizeof(sys), "%s/sys/tem", dir);
    conf.log_dir = logs;
    conf.sys_dir = sys;
    assert_int_equal(live_init(&conf, NULL, NULL, &in), JET_errInvalidSystemPath);
    conf.make_paths = true;
    in = start(&conf, &s);
    d = create(s);
    make_table(s, d, "t");
    finish(in, s, LIVE_DIRTY);
    in = start(&conf, &s);
    assert_int_equal(header().state, ESE_DB_CLEAN);
    assert_int_equal(live_attach_db(s, db_path, false, 0, &d), JET_errSuccess);
    assert_true(has_table(s, d, "t"));
    finish(in, s, LIVE_COMPLETE);
    check_sound();
    assert_int_equal(system("rm -r /tmp/esefs-live-*/logs /tmp/esefs-live-*/sys"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_database_created_and_closed_is_clean_and_sound, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(what_was_created_is_there_after_a_clean_end, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_dirty_end_is_recovered_by_the_next_start, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_transaction_that_was_open_is_gone_after_recovery,
                                        fresh_dir, remove_dir),
        cmocka_unit_test_setup_teardown(two_instances_cannot_have_the_same_logs, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_name_that_is_taken_is_refused_and_overwritten_on_request,
                                        fresh_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_cannot_be_attached_says_why, fresh_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_new_stream_takes_the_place_of_one_of_another_size,
                                        fresh_dir, remove_dir),
        cmocka_unit_test_setup_teardown(circular_logging_keeps_few_logs_and_the_checkpoint_moves,
                                        fresh_dir, remove_dir),
        cmocka_unit_test_setup_teardown(without_a_log_a_database_is_clean_after_its_end, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(the_newer_format_is_written_when_it_is_asked_for, fresh_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(logs_lie_apart_from_the_database_and_the_checkpoint,
                                        fresh_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
