/* Surrogate backups: what the headers, the log and the events tell afterwards, and what is refused meanwhile. */
#include "apitest.h"
#include "backuptest.h"

static char dest[128];

static int setup_surrogate(void **state)
{
    const int rc = setup(state);
    struct fix *f = *state;

    snprintf(dest, sizeof(dest), "%sbackup", f->dir);
    assert_int_equal(mkdir(dest, 0700), 0);
    bt_work(f, f->dbid, "rows", 0, 600); /* some generations */
    bt_listen();
    return rc;
}

static int teardown_surrogate(void **state)
{
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define SURROGATE(name) cmocka_unit_test_setup_teardown(name, setup_surrogate, teardown_surrogate)

static struct ese_db_info live(const struct fix *f)
{
    struct ese_db_info info;

    bt_header(f->dir, "data.edb", &info);
    return info;
}

static void headers_tell_of_a_backup_elsewhere(void **state)
{
    static const uint32_t full[] = {210, 213, 0}, incremental[] = {211, 213, 0};
    struct fix *f = *state;
    struct ese_db_info h;

    /* The logs were not deleted: a copy. */
    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal));
    bt_expect_events(full);
    h = live(f);
    assert_int_equal(h.copy_prev.gen_low, 1);
    assert_int_equal(h.copy_prev.gen_high, 2);
    assert_int_equal(h.full_prev.gen_low, 0);
    IS(JET_errMissingFullBackup, JetBeginSurrogateBackup(f->inst, 1, 2, JET_bitBackupIncremental));

    OK(JetBeginSurrogateBackup(f->inst, 1, 3, 0));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal | JET_bitBackupTruncateDone));
    h = live(f);
    assert_int_equal(h.full_prev.gen_high, 3);
    assert_true(h.full_prev.mark > h.copy_prev.mark);

    bt_listen();
    OK(JetBeginSurrogateBackup(f->inst, 3, 3, JET_bitBackupIncremental));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal | JET_bitBackupTruncateDone));
    bt_expect_events(incremental);
    h = live(f);
    assert_int_equal(h.inc_prev.gen_low, 3);
    assert_true(h.inc_prev.mark > h.full_prev.mark);

    /* For one that is streamed it is no base. */
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
}

static void what_was_given_up_is_not_told(void **state)
{
    static const uint32_t by_caller[] = {210, 215, 0}, by_server[] = {210, 226, 0};
    struct fix *f = *state;

    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndAbort | JET_bitBackupTruncateDone));
    bt_expect_events(by_caller);
    bt_listen();
    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    OK(JetStopBackupInstance(f->inst));
    IS(JET_errBackupAbortByServer, JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal));
    bt_expect_events(by_server);
    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal | JET_bitBackupTruncateDone |
                                          JET_bitBackupNoDbHeaderUpdate));
    assert_int_equal(live(f).full_prev.gen_low, 0);
    assert_int_equal(live(f).copy_prev.gen_low, 0);
    IS(JET_errNoBackup, JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal));
}

static void nothing_else_goes_on_meanwhile(void **state)
{
    struct fix *f = *state;
    JET_DBID dbid;
    char other[160];

    snprintf(other, sizeof(other), "%sother.edb", f->dir);
    OK(JetBeginSurrogateBackup(f->inst, 1, 2, JET_bitBackupSurrogate));
    IS(JET_errSurrogateBackupInProgress, JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    IS(JET_errSurrogateBackupInProgress, JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errSurrogateBackupInProgress, JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errSurrogateBackupInProgress, JetEndExternalBackupInstance(f->inst));
    IS(JET_errSurrogateBackupInProgress, JetCreateDatabase(f->ses, other, NULL, &dbid, 0));
    IS(JET_errSurrogateBackupInProgress, JetTerm(f->inst));
    IS(JET_errNoBackup, JetTruncateLogInstance(f->inst));
    bt_work(f, f->dbid, "rows", 600, 20); /* nobody who works is in the way */
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal));
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errBackupInProgress, JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    IS(JET_errBackupInProgress, JetEndSurrogateBackup(f->inst, JET_bitBackupEndAbort));
    OK(JetEndExternalBackupInstance2(f->inst, JET_bitBackupEndAbort));
}

static void the_end_of_the_instance_ends_it(void **state)
{
    struct fix *f = *state;

    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    OK(JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermStopBackup));
    f->running = false;
    assert_non_null(bt_event(214));
    assert_int_equal(live(f).copy_prev.gen_low, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct fix *f = *state;

    IS(JET_errInvalidParameter, JetBeginSurrogateBackup(f->inst, 0, 2, 0));
    IS(JET_errInvalidParameter, JetBeginSurrogateBackup(f->inst, 3, 2, 0));
    IS(JET_errInvalidParameter, JetBeginSurrogateBackup(f->inst, 1, 1u << 20, 0));
    IS(JET_errInvalidGrbit, JetBeginSurrogateBackup(f->inst, 1, 2, JET_bitBackupAtomic));
    IS(JET_errInvalidGrbit, JetBeginSurrogateBackup(f->inst, 1, 2, JET_bitInternalCopy));
    OK(JetBeginSurrogateBackup(f->inst, 1, 2, 0));
    IS(JET_errInvalidParameter, JetEndSurrogateBackup(f->inst, 0));
    IS(JET_errInvalidParameter,
       JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal | JET_bitBackupEndAbort));
    IS(JET_errInvalidGrbit, JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal | 0x4000));
    OK(JetEndSurrogateBackup(f->inst, JET_bitBackupEndNormal));
}

static void a_circular_log_has_none(void **state)
{
    struct fix f = {0};

    (void)state;
    make_dir(&f);
    create_instance(&f, f.dir);
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramCircularLog, 1, NULL));
    OK(JetInit(&f.inst));
    IS(JET_errInvalidBackup, JetBeginSurrogateBackup(f.inst, 1, 1, 0));
    OK(JetTerm(f.inst));
    bt_remove(f.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SURROGATE(headers_tell_of_a_backup_elsewhere), SURROGATE(what_was_given_up_is_not_told),
        SURROGATE(nothing_else_goes_on_meanwhile),     SURROGATE(the_end_of_the_instance_ends_it),
        SURROGATE(what_makes_no_sense_is_refused),     cmocka_unit_test(a_circular_log_has_none),
    };

    rnd_init("surrogate");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
