/* JetOSSnapshot*: nothing is written while frozen, what is copied then can be recovered, what headers say afterwards, the order of
 * the calls, the time limit. */
#include "apitest.h"
#include "backuptest.h"

#include <stdatomic.h>

static char out[128];

static int setup_snapshot(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;

    snprintf(out, sizeof(out), "%.*s.copy", (int)strlen(f->dir) - 1, f->dir);
    return rc;
}

static int teardown_snapshot(void **state)
{
    bt_remove(out);
    OK(JetSetSystemParameter(NULL, 0, JET_paramOSSnapshotTimeout, 70000, NULL));
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define S1(name) cmocka_unit_test_setup_teardown(name, setup_snapshot, teardown_snapshot)

static void moment(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* ---- writers --------------------------------------------------------------------------------- */

static _Atomic bool enough;
static _Atomic unsigned rows_written;

static void *write_on(void *arg)
{
    struct fix *f = arg, mine = *f;
    char name[32];

    OK(JetBeginSession(f->inst, &mine.ses, NULL, NULL));
    OK(JetOpenDatabase(mine.ses, f->db, NULL, &mine.dbid, 0));
    snprintf(name, sizeof(name), "t%p", (void *)pthread_self());
    for (unsigned i = 0; !enough; i += 10) {
        bt_work(&mine, mine.dbid, name, i, 10);
        rows_written += 10;
    }
    OK(JetCloseDatabase(mine.ses, mine.dbid, 0));
    OK(JetEndSession(mine.ses, 0));
    return NULL;
}

static uint64_t sum_of(const char *dir)
{
    struct dirent **list;
    uint64_t sum = 0;
    uint8_t buf[65536];
    const int nr = scandir(dir, &list, NULL, alphasort);

    for (int i = 0; i < nr; i++) {
        char path[400];
        ssize_t n;
        int fd;
        snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
        fd = strstr(list[i]->d_name, "tmp") ? -1 : open(path, O_RDONLY);
        while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
            for (ssize_t k = 0; k < n; k++)
                sum = sum * 31 + buf[k];
        if (fd >= 0)
            close(fd);
        free(list[i]);
    }
    free(list);
    return sum;
}

static void copy_all(const char *from)
{
    DIR *dp = opendir(from);
    const struct dirent *d;
    char a[400], b[400];

    bt_remove(out);
    assert_int_equal(mkdir(out, 0700), 0);
    while ((d = readdir(dp))) {
        if (d->d_name[0] == '.' || strstr(d->d_name, "tmp") || ends_with(d->d_name, ".jrs"))
            continue;
        snprintf(a, sizeof(a), "%s/%s", from, d->d_name);
        snprintf(b, sizeof(b), "%s/%s", out, d->d_name);
        bt_copy_file(a, b);
    }
    closedir(dp);
}

static void recover_copy(void)
{
    const struct ese_recover_opts opts = {0};
    struct ese_recovery rec;
    unsigned faults = 0;
    char path[300];
    int fd = open(out, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    OK(ese_recover(fd, &opts, bt_on_fault, &faults, NULL, NULL, &rec));
    ese_recovery_done(&rec);
    close(fd);
    assert_int_equal(faults, 0);
    snprintf(path, sizeof(path), "%s/data.edb", out);
    assert_sound(path);
}

static void frozen_files_stand_still_and_can_be_recovered(void **state)
{
    struct fix *f = *state;
    pthread_t id[4];
    unsigned before;

    enough = false;
    rows_written = 0;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&id[i], NULL, write_on, f), 0);
    for (unsigned round = 0; round < 4; round++) {
        JET_INSTANCE_INFO_A *info;
        JET_OSSNAPID snap;
        uint32_t nr = 0;
        uint64_t sum;

        for (before = rows_written; rows_written < before + 200;)
            moment(1);
        OK(JetOSSnapshotPrepare(&snap, 0));
        OK(JetOSSnapshotFreeze(snap, &nr, &info, 0));
        assert_int_equal(nr, 1);
        assert_int_equal(info[0].cDatabases, 1);
        assert_string_equal(info[0].szDatabaseFileName[0], f->db);
        OK(JetFreeBuffer((char *)info));
        sum = sum_of(f->dir);
        copy_all(f->dir);
        moment(100);
        assert_true(sum_of(f->dir) == sum);
        OK(JetOSSnapshotThaw(snap, 0));
        recover_copy();
    }
    enough = true;
    for (unsigned i = 0; i < 4; i++)
        pthread_join(id[i], NULL);
}

/* ---- marks ----------------------------------------------------------------------------------- */

static JET_OSSNAPID freeze(JET_GRBIT grbit)
{
    JET_INSTANCE_INFO_W *info;
    JET_OSSNAPID snap;
    uint32_t nr;

    OK(JetOSSnapshotPrepare(&snap, grbit));
    OK(JetOSSnapshotFreezeW(snap, &nr, &info, 0));
    OK(JetFreeBuffer((char *)info));
    OK(JetOSSnapshotGetFreezeInfoW(snap, &nr, &info, 0));
    OK(JetFreeBuffer((char *)info));
    return snap;
}

static uint32_t type_of_full(const struct fix *f)
{
    uint8_t head[512];
    int fd = open(f->db, O_RDONLY);

    assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
    close(fd);
    return get_le32(head + 356);
}

static void headers_say_which_snapshot_there_was(void **state)
{
    static const uint32_t full[] = {2005, 2001, 2001, 2003, 224, 2006, 0};
    struct fix *f = *state;
    struct ese_db_info info;
    JET_OSSNAPID snap;
    char first[160];

    snprintf(first, sizeof(first), "%sedb00001.log", f->dir);
    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    bt_listen();
    snap = freeze(JET_bitContinueAfterThaw);
    OK(JetOSSnapshotThaw(snap, 0));
    assert_int_equal(access(first, F_OK), 0);
    OK(JetOSSnapshotTruncateLog(snap, JET_bitAllDatabasesSnapshot));
    assert_int_equal(access(first, F_OK), -1);
    OK(JetOSSnapshotEnd(snap, 0));
    for (unsigned i = 0, n = 0; i < bt_nr_events; i++)
        if (bt_events[i].id > 200 && bt_events[i].id != 326) {
            assert_int_equal(bt_events[i].id, full[n++]);
            if (bt_events[i].id > 2000)
                assert_int_equal(atoi(bt_string(&bt_events[i], 0)), (int)snap);
        }
    bt_header(f->dir, "data.edb", &info);
    assert_true(info.full_prev.gen_low > 1 && info.full_prev.gen_high >= info.full_prev.gen_low);
    assert_int_equal(type_of_full(f), 1);
    assert_int_equal(info.full_prev.mark, (uint64_t)(info.full_prev.gen_high + 1) << 32 | 1 << 16);

    snap = freeze(JET_bitContinueAfterThaw | JET_bitIncrementalSnapshot);
    OK(JetOSSnapshotThaw(snap, 0));
    OK(JetOSSnapshotTruncateLogInstance(snap, f->inst, 0));
    OK(JetOSSnapshotEnd(snap, 0));
    bt_header(f->dir, "data.edb", &info);
    assert_true(info.inc_prev.gen_low != 0);

    snap = freeze(JET_bitContinueAfterThaw | JET_bitCopySnapshot);
    OK(JetOSSnapshotThaw(snap, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotTruncateLog(snap, 0));
    OK(JetOSSnapshotEnd(snap, 0));
    bt_header(f->dir, "data.edb", &info);
    assert_true(info.copy_prev.gen_low != 0 && info.diff_prev.gen_low == 0);

    bt_listen();
    snap = freeze(JET_bitContinueAfterThaw | JET_bitIncrementalSnapshot | JET_bitCopySnapshot);
    OK(JetOSSnapshotThaw(snap, 0));
    OK(JetOSSnapshotEnd(snap, 0));
    assert_non_null(bt_event(2010));
    bt_header(f->dir, "data.edb", &info);
    assert_true(info.diff_prev.gen_low != 0);

    /* given up: no mark */
    snap = freeze(JET_bitContinueAfterThaw);
    OK(JetOSSnapshotThaw(snap, 0));
    bt_listen();
    OK(JetOSSnapshotEnd(snap, JET_bitAbortSnapshot));
    assert_non_null(bt_event(2007));
    bt_header(f->dir, "data.edb", &info);
    assert_true(info.diff_prev.gen_low != 0);
    /* a streamed incremental does not build on it */
    IS(JET_errMissingFullBackup, JetBeginExternalBackupInstance(f->inst, JET_bitBackupIncremental));
}

/* ---- order ----------------------------------------------------------------------------------- */

static void the_order_of_calls_is_kept(void **state)
{
    struct fix *f = *state;
    JET_INSTANCE_INFO_A *info;
    JET_INSTANCE_INFO_W *wide;
    JET_OSSNAPID snap, other;
    uint32_t nr;

    IS(JET_errInvalidParameter, JetOSSnapshotPrepare(NULL, 0));
    IS(JET_errInvalidGrbit, JetOSSnapshotPrepare(&snap, 0x10));
    OK(JetOSSnapshotPrepare(&snap, JET_bitContinueAfterThaw));
    IS(JET_errOSSnapshotNotAllowed, JetOSSnapshotPrepare(&other, 0));
    IS(JET_errOSSnapshotInvalidSnapId, JetOSSnapshotFreeze(snap + 1, &nr, &info, 0));
    IS(JET_errInvalidGrbit, JetOSSnapshotFreeze(snap, &nr, &info, 1));
    IS(JET_errInvalidParameter, JetOSSnapshotFreeze(snap, NULL, &info, 0));
    IS(JET_errInvalidParameter, JetOSSnapshotFreezeW(snap, &nr, NULL, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotPrepareInstance(snap, f->inst, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotThaw(snap, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotGetFreezeInfo(snap, &nr, &info, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotTruncateLog(snap, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotEnd(snap, 0));
    OK(JetOSSnapshotFreeze(snap, &nr, &info, 0));
    OK(JetFreeBuffer((char *)info));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotFreeze(snap, &nr, &info, 0));
    OK(JetOSSnapshotGetFreezeInfo(snap, &nr, &info, 0));
    assert_int_equal(nr, 1);
    OK(JetFreeBuffer((char *)info));
    IS(JET_errInvalidParameter, JetOSSnapshotGetFreezeInfoW(snap, &nr, NULL, 0));
    IS(JET_errInvalidParameter, JetOSSnapshotGetFreezeInfo(snap, NULL, &info, 0));
    OK(JetOSSnapshotGetFreezeInfoW(snap, &nr, &wide, 0));
    assert_int_equal(wide[0].szDatabaseFileName[0][0], '/');
    OK(JetFreeBuffer((char *)wide));
    IS(JET_errBackupInProgress, JetBackupInstance(f->inst, out, 0, NULL));
    IS(JET_errBackupInProgress, JetTerm(f->inst));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotEnd(snap, 0));
    OK(JetOSSnapshotThaw(snap, 0));
    IS(JET_errOSSnapshotInvalidSequence, JetOSSnapshotThaw(snap, 0));
    IS(JET_errInvalidGrbit, JetOSSnapshotTruncateLog(snap, 2));
    IS(JET_errInvalidParameter, JetOSSnapshotTruncateLogInstance(snap, 0x1234, 0));
    IS(JET_errInvalidGrbit, JetOSSnapshotEnd(snap, 2));
    OK(JetOSSnapshotEnd(snap, 0));
    IS(JET_errOSSnapshotInvalidSnapId, JetOSSnapshotEnd(snap, 0));
    IS(JET_errOSSnapshotInvalidSnapId, JetOSSnapshotAbort(snap, 0));
    OK(JetOSSnapshotPrepare(&snap, 0));
    OK(JetOSSnapshotAbort(snap, 0));
}

static void instances_can_be_named(void **state)
{
    struct fix *f = *state, second = {0};
    JET_INSTANCE_INFO_A *info;
    JET_OSSNAPID snap;
    uint32_t nr;

    make_dir(&second);
    start(&second);
    OK(JetOSSnapshotPrepare(&snap, JET_bitExplicitPrepare | JET_bitContinueAfterThaw));
    IS(JET_errInvalidParameter, JetOSSnapshotPrepareInstance(snap, 0x1234, 0));
    IS(JET_errInvalidGrbit, JetOSSnapshotPrepareInstance(snap, f->inst, 1));
    OK(JetOSSnapshotPrepareInstance(snap, f->inst, 0));
    OK(JetOSSnapshotFreeze(snap, &nr, &info, 0));
    assert_int_equal(nr, 1);
    assert_int_equal(info[0].hInstanceId, f->inst);
    OK(JetFreeBuffer((char *)info));
    stop(&second); /* it takes no part */
    OK(JetOSSnapshotThaw(snap, 0));
    OK(JetOSSnapshotEnd(snap, 0));
    bt_remove(second.dir);
}

static void what_cannot_be_frozen_is_told(void **state)
{
    struct fix *f = *state;
    JET_INSTANCE_INFO_A *info;
    JET_OSSNAPID snap;
    uint32_t nr;

    bt_listen();
    OK(JetOSSnapshotPrepare(&snap, JET_bitIncrementalSnapshot));
    IS(JET_errMissingFullBackup, JetOSSnapshotFreeze(snap, &nr, &info, 0));
    assert_string_equal(bt_string(bt_event(2002), 1), "-560");
    bt_work(f, f->dbid, "rows", 0, 10); /* nothing is frozen */
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetOSSnapshotPrepare(&snap, 0));
    IS(JET_errBackupInProgress, JetOSSnapshotFreeze(snap, &nr, &info, 0));
    OK(JetEndExternalBackupInstance(f->inst));
    stop(f);
    create_instance(f, f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCircularLog, 1, NULL));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOSSnapshotPrepare(&snap, JET_bitIncrementalSnapshot));
    IS(JET_errInvalidBackup, JetOSSnapshotFreeze(snap, &nr, &info, 0));
    snap = freeze(0); /* a whole one is fine */
    copy_all(f->dir);
    OK(JetOSSnapshotThaw(snap, 0));
    recover_copy();
}

static void after_its_time_everything_goes_on(void **state)
{
    struct fix *f = *state;
    JET_OSSNAPID snap, other;

    bt_listen();
    OK(JetSetSystemParameter(NULL, 0, JET_paramOSSnapshotTimeout, 200, NULL));
    snap = freeze(JET_bitContinueAfterThaw);
    bt_work(f, f->dbid, "rows", 0, 200); /* waits until the time is up */
    moment(400);
    assert_non_null(bt_event(2004));
    IS(JET_errOSSnapshotNotAllowed, JetOSSnapshotPrepare(&other, 0));
    IS(JET_errOSSnapshotTimeOut, JetOSSnapshotThaw(snap, 0));
    IS(JET_errOSSnapshotInvalidSnapId, JetOSSnapshotEnd(snap, 0));
    OK(JetBeginExternalBackupInstance(f->inst, 0)); /* logs and databases are free again */
    OK(JetEndExternalBackupInstance(f->inst));
}

static void the_end_of_an_instance_ends_its_snapshot(void **state)
{
    struct fix *f = *state;
    JET_OSSNAPID snap = freeze(0);

    OK(JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermStopBackup));
    f->running = false;
    IS(JET_errOSSnapshotInvalidSnapId, JetOSSnapshotThaw(snap, 0));
    OK(JetOSSnapshotPrepare(&snap, 0));
    OK(JetOSSnapshotAbort(snap, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S1(frozen_files_stand_still_and_can_be_recovered),
        S1(headers_say_which_snapshot_there_was),
        S1(the_order_of_calls_is_kept),
        S1(instances_can_be_named),
        S1(what_cannot_be_frozen_is_told),
        S1(after_its_time_everything_goes_on),
        S1(the_end_of_an_instance_ends_its_snapshot),
    };

    rnd_init("ossnapshot");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
