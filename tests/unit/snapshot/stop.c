/* Stopping a backup, two at a time, and files that change under it. */
#include "fixture.h"

#include <pthread.h>

/* A should_stop that does something when the copying is under way. */
struct during {
    struct fix *f;
    unsigned calls;
    void (*act)(struct fix *f);
    bool stop;
};

static bool during(void *ctx)
{
    struct during *d = ctx;

    if (++d->calls == 3 && d->act)
        d->act(d->f);
    return d->stop && d->calls > 5;
}

/* Slow enough that the copying lasts a second. */
static int setup_slow(void **state)
{
    struct fix *f;
    int rc = setup_closed(state);

    if (rc)
        return rc;
    f = *state;
    make_instance(f->source, "mail", 1500, 4096); /* some 5 MB */
    f->opts.rate = 5000000;
    fix_open(f);
    return 0;
}

static void interrupt_ends_the_backup_and_leaves_nothing(void **state)
{
    struct fix *f = *state;
    struct during d = {.f = f, .stop = true};

    assert_int_equal(snap_take(f->i, "a", during, &d, &f->why), JET_errBackupAbortByServer);
    assert_int_equal(f->why.os_errno, EINTR);
    assert_int_equal(count_backups(f), 0);
    assert_no_leftover(f);
    assert_true(events_have(f, " warning 215 backup a was stopped: interrupted"));
    take(f, "a");
}

static void should_stop_is_asked_five_times_a_second(void **state)
{
    struct fix *f = *state;
    struct during d = {.f = f};
    struct timespec a, b;
    double seconds;

    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_int_equal(snap_take(f->i, "a", during, &d, &f->why), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    assert_true(seconds > 0.6); /* the rate was kept */
    assert_true(d.calls >= 5 * seconds);
}

static void cancel_ends_a_backup_in_the_background(void **state)
{
    struct fix *f = *state;

    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    usleep(200000);
    assert_true(status_has(f, "\nState: backing up\n"));
    assert_int_equal(snap_command(f->i, "full b", NULL, NULL, &f->why), JET_errBackupInProgress);
    assert_non_null(strstr(f->why.text, "a backup is running: a"));
    assert_int_equal(snap_take(f->i, "b", NULL, NULL, &f->why), JET_errBackupInProgress);
    assert_int_equal(snap_command(f->i, "cancel", NULL, NULL, &f->why), 0);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), JET_errBackupAbortByServer);
    assert_int_equal(f->why.os_errno, ECANCELED);
    assert_true(events_have(f, " warning 226 backup a was stopped: cancelled"));
    assert_true(status_has(f, "\nState: idle\n"));
    assert_no_leftover(f);
    assert_int_equal(count_backups(f), 0);
}

static void progress_is_told_while_a_backup_runs(void **state)
{
    struct fix *f = *state;
    bool seen = false;

    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    for (unsigned t = 0; t < 40 && !seen; t++) {
        size_t len;
        char *text = snap_status(f->i, &len), *line = strstr(text, "\nBackup: a offline-copy ");
        double percent = 0;
        if (line && sscanf(line, "\nBackup: a offline-copy %lf%%", &percent) == 1 && percent > 0 &&
            percent < 100)
            seen = strstr(line, " eta 00:00:0") != NULL;
        free(text);
        usleep(50000);
    }
    assert_true(seen);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), 0);
    assert_false(status_has(f, "\nBackup: "));
}

static void waiting_can_be_interrupted(void **state)
{
    struct fix *f = *state;
    struct during d = {.f = f, .stop = true};

    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    d.calls = 10;
    assert_int_equal(snap_command(f->i, "wait", during, &d, &f->why), JET_errBackupAbortByServer);
    assert_int_equal(f->why.os_errno, EINTR);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), 0); /* it went on */
    assert_true(has_backup(f, "a"));
}

static void closing_cancels_what_runs_and_leaves_nothing(void **state)
{
    struct fix *f = *state;
    struct timespec a, b;

    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    usleep(200000);
    clock_gettime(CLOCK_MONOTONIC, &a);
    fix_close(f);
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true(b.tv_sec - a.tv_sec < 5);
    assert_int_equal(run("find %s -name '.partial*' | grep -q .", f->store) != 0, true);
    fix_open(f);
    assert_int_equal(count_backups(f), 0);
}

/* ---- files that change ------------------------------------------------------------------------ */

static void write_page(struct fix *f)
{
    damage(SOURCE(f, "mail/mail.edb"), 9 * 4096, 0);
}

static void append_page(struct fix *f)
{
    run("head -c 4096 /dev/zero >> %s/mail/mail.edb", f->source);
}

static void cut_page(struct fix *f)
{
    run("truncate -s 40960 %s/mail/mail.edb", f->source);
}

static void replace_database(struct fix *f)
{
    run("cd %s/mail && cp -p mail.edb new && mv new mail.edb", f->source);
}

static void add_log(struct fix *f)
{
    run("cp %s/mail/edb.log %s/mail/edb00000001.log", f->source, f->source);
}

static void remove_log(struct fix *f)
{
    run("rm %s/mail/edb.log", f->source);
}

static void remove_all(struct fix *f)
{
    run("rm -r %s/mail", f->source);
}

static void write_and_put_the_time_back(struct fix *f)
{
    struct stat st;
    struct timespec t[2];

    assert_int_equal(stat(SOURCE(f, "mail/mail.edb"), &st), 0);
    damage(SOURCE(f, "mail/mail.edb"), 9 * 4096, 0);
    t[0] = st.st_atim;
    t[1] = st.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, SOURCE(f, "mail/mail.edb"), t, 0), 0);
}

static void files_that_change_meanwhile_are_refused(void **state)
{
    static const struct {
        const char *what;
        void (*act)(struct fix *f);
    } cases[] = {
        {"a page is written", write_page},
        {"a page is written, the time put back", write_and_put_the_time_back},
        {"the database grows", append_page},
        {"the database is cut", cut_page},
        {"the database is replaced by a copy", replace_database},
        {"a log appears", add_log},
        {"a log vanishes", remove_log},
        {"everything vanishes", remove_all},
    };
    struct fix *f = *state;

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct during d = {.f = f, .act = cases[k].act};
        JET_ERR err = snap_take(f->i, "a", during, &d, &f->why);
        if (d.calls < 3)
            fail_msg("%s: the copying was too short for the test", cases[k].what);
        if (err != JET_errDatabaseInUse)
            fail_msg("%s: %d %s: %s", cases[k].what, (int)err, f->why.file, f->why.text);
        assert_no_leftover(f);
        assert_int_equal(count_backups(f), 0);
        run("rm -rf %s/mail", f->source);
        make_instance(f->source, "mail", 1500, 4096);
    }
    take(f, "a");
}

static void unrelated_files_may_change_meanwhile(void **state)
{
    struct fix *f = *state;

    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    usleep(300000);
    assert_int_equal(
        run("date > %s/mail/notes.txt; touch %s/mail/edbres00001.jrs", f->source, f->source), 0);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), 0);
}

/* ---- several ---------------------------------------------------------------------------------- */

static void several_instances_are_backed_up_side_by_side(void **state)
{
    struct fix *f = *state;
    struct snap_inst *list[8];
    char name[16];

    fix_close(f);
    f->opts.threads = 2; /* so that some wait for their turn */
    f->opts.rate = 0;
    for (unsigned k = 0; k < 8; k++) {
        snprintf(name, sizeof(name), "inst%u", k);
        make_instance(f->source, name, 300, 4096);
    }
    fix_open(f);
    for (unsigned k = 0; k < 8; k++) {
        snprintf(name, sizeof(name), "inst%u", k);
        list[k] = snap_inst_find(f->s, name);
        assert_int_equal(snap_command(list[k], "full a", NULL, NULL, &f->why), 0);
    }
    for (unsigned k = 0; k < 8; k++) {
        struct snap_backup *b;
        assert_int_equal(snap_command(list[k], "wait", NULL, NULL, &f->why), 0);
        b = snap_backup_find(list[k], "a");
        assert_non_null(b);
        snap_backup_unref(b);
        snap_inst_unref(list[k]);
    }
}

static void *list_and_read(void *arg)
{
    struct fix *f = arg;

    for (unsigned n = 0; n < 300; n++) {
        struct snap_backup **list;
        unsigned nr;
        int fd;
        if (snap_backups(f->i, &list, &nr) < 0)
            continue;
        for (unsigned k = 0; k < nr; k++)
            if (snap_backup_open(list[k], n % 4, &fd) >= 0) {
                char name[256];
                snap_backup_name(list[k], name);
                close(fd);
                snap_backup_close(list[k]);
            }
        snap_backups_free(list, nr);
        usleep(500);
    }
    return NULL;
}

static void readers_and_changes_do_not_disturb_each_other(void **state)
{
    struct fix *f = *state;
    pthread_t readers[3];

    for (unsigned k = 0; k < 3; k++)
        assert_int_equal(pthread_create(&readers[k], NULL, list_and_read, f), 0);
    for (unsigned n = 0; n < 12; n++) {
        take(f, "a");
        assert_int_equal(snap_rename(f->i, "a", "b", &f->why), 0);
        assert_int_equal(snap_hold(f->i, "b", true, &f->why), 0);
        assert_int_equal(snap_hold(f->i, "b", false, &f->why), 0);
        assert_int_equal(snap_remove(f->i, "b", &f->why), 0);
    }
    for (unsigned k = 0; k < 3; k++)
        pthread_join(readers[k], NULL);
    assert_int_equal(count_backups(f), 0);
    assert_no_leftover(f);
}

#define T_SLOW(f) cmocka_unit_test_setup_teardown(f, setup_slow, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_SLOW(interrupt_ends_the_backup_and_leaves_nothing),
        T_SLOW(should_stop_is_asked_five_times_a_second),
        T_SLOW(cancel_ends_a_backup_in_the_background),
        T_SLOW(progress_is_told_while_a_backup_runs),
        T_SLOW(waiting_can_be_interrupted),
        T_SLOW(closing_cancels_what_runs_and_leaves_nothing),
        T_SLOW(files_that_change_meanwhile_are_refused),
        T_SLOW(unrelated_files_may_change_meanwhile),
        T(several_instances_are_backed_up_side_by_side),
        T(readers_and_changes_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
