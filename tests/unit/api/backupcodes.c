/* The codes that JetBackupInstance gives, each one provoked; who gets along with a backup and who does not. What needs a disk that
 * fails is in backupfaults.c, JET_errSessionSharingViolation (which only calls of a session can give) in threads.c. */
#include "page/page.h"

#include "apitest.h"
#include "backuptest.h"

#include <stdatomic.h>

static char dest[128], out[128];

static int setup_codes(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;

    snprintf(dest, sizeof(dest), "%sbackup", f->dir);
    snprintf(out, sizeof(out), "%srecovered", f->dir);
    return rc != 0 || mkdir(dest, 0700) != 0 ? -1 : 0;
}

static int teardown_codes(void **state)
{
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define C(name) cmocka_unit_test_setup_teardown(name, setup_codes, teardown_codes)

static void moment(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* ---- handles and flags ------------------------------------------------------------------------ */

static void what_is_no_running_instance_is_refused(void **state)
{
    struct fix *f = *state;
    JET_INSTANCE other;

    IS(JET_errInvalidParameter, JetBackupInstance((JET_INSTANCE)0x1234, dest, 0, NULL));
    IS(JET_errNotInitialized, JetBackupInstance(JET_instanceNil, dest, 0, NULL));
    OK(JetCreateInstance(&other, "not started"));
    IS(JET_errNotInitialized, JetBackupInstance(other, dest, 0, NULL));
    IS(JET_errNotInitialized, JetStopBackupInstance(other));
    OK(JetTerm(other));
    IS(JET_errInvalidGrbit, JetBackupInstance(f->inst, dest, JET_bitBackupSnapshot, NULL));
    IS(JET_errInvalidGrbit, JetBackupInstance(f->inst, dest, 0x80, NULL));
    IS(JET_errInvalidGrbit, JetBackupInstance(f->inst, dest, 0x2, NULL));
    IS(JET_errInvalidPath, JetBackupInstance(f->inst, "/dev/null/x", 0, NULL));
    assert_int_equal(bt_nr_files(dest), 0);
}

static void without_a_log_there_is_no_backup(void **state)
{
    struct fix *f = *state;

    restart_unlogged(f);
    IS(JET_errLoggingDisabled, JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errLoggingDisabled, JetBackupInstance(f->inst, NULL, 0, NULL));
    IS(JET_errLoggingDisabled, JetBeginExternalBackupInstance(f->inst, 0));
}

static void start_circular(struct fix *f)
{
    stop(f);
    create_instance(f, f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCircularLog, 1, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCheckpointDepthMax, 300 << 10, NULL));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
}

static struct fix *busy_fix;

/* Much work in the middle of a backup, with a checkpoint that runs after it. */
static JET_ERR work_at_begin(JET_SESID sesid, JET_SNP snp, JET_SNT snt, void *pv)
{
    (void)sesid, (void)snp, (void)pv;
    if (snt == JET_sntBegin) {
        bt_work(busy_fix, busy_fix->dbid, "rows", 1000, 1500);
        OK(JetStopServiceInstance2(busy_fix->inst, JET_bitStopServiceQuiesceCaches));
    }
    return JET_errSuccess;
}

static void circular_logs_are_held_while_a_backup_needs_them(void **state)
{
    struct fix *f = *state;

    start_circular(f);
    busy_fix = f;
    bt_work(f, f->dbid, "rows", 0, 600);
    IS(JET_errInvalidBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    OK(JetBackupInstance(f->inst, dest, 0, work_at_begin));
    assert_true(bt_nr_files(dest) > 6);
    bt_verify(dest);
    bt_recover(dest, out);
    OK(JetBackupInstance(f->inst, NULL, 0, NULL));
    bt_work(f, f->dbid, "rows", 3000, 1500);
    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches));
    assert_false(bt_is_there(f->dir, "edb00003.log")); /* not held any more */
}

/* ---- states of the instance -------------------------------------------------------------------- */

static struct {
    JET_INSTANCE inst;
    _Atomic JET_ERR err;
    _Atomic bool asked;
} starting;

static void *ask(void *arg)
{
    (void)arg;
    starting.err = JetBackupInstance(starting.inst, dest, 0, NULL);
    return NULL;
}

/* The start is in the middle of a recovery: another thread asks for a backup. */
static void ask_on_event(void *ctx, const char *instance, const struct ese_fault *f)
{
    pthread_t id;

    (void)ctx, (void)instance, (void)f;
    if (!atomic_exchange(&starting.asked, true) && pthread_create(&id, NULL, ask, NULL) == 0)
        pthread_join(id, NULL);
}

static void an_instance_that_starts_gives_no_backup_yet(void **state)
{
    struct fix *f = *state;
    char chk[128];
    int fd;

    stop(f);
    snprintf(chk, sizeof(chk), "%sedb.chk", f->dir);
    fd = open(chk, O_WRONLY); /* its shadow is damaged: that is told at the start */
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "xyz", 3, 5000), 3);
    close(fd);
    create_instance(f, f->dir);
    starting.inst = f->inst;
    starting.asked = false;
    ese_set_event_sink(ask_on_event, NULL);
    OK(JetInit(&f->inst));
    ese_set_event_sink(bt_on_event, NULL);
    assert_true(starting.asked);
    IS(JET_errBackupNotAllowedYet, starting.err);
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
}

static void a_service_that_is_stopped_gives_no_backup(void **state)
{
    struct fix *f = *state;

    OK(JetStopServiceInstance(f->inst));
    IS(JET_errClientRequestToStopJetService, JetBackupInstance(f->inst, dest, 0, NULL));
    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceResume));
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetStopServiceInstance(f->inst));
    IS(JET_errClientRequestToStopJetService, JetEndExternalBackupInstance(f->inst));
    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceResume));
    IS(JET_errClientRequestToStopJetService, JetEndExternalBackupInstance(f->inst));
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
}

/* A backup in another thread whose callback waits. */
static struct {
    JET_INSTANCE inst;
    _Atomic bool begun, go_on;
    JET_ERR err, inner, stop;
} slow;

static JET_ERR wait_at_begin(JET_SESID sesid, JET_SNP snp, JET_SNT snt, void *pv)
{
    (void)sesid, (void)snp, (void)pv;
    if (snt == JET_sntBegin) {
        slow.begun = true;
        while (!slow.go_on)
            moment(1);
    }
    return JET_errSuccess;
}

static void *back_up(void *arg)
{
    (void)arg;
    slow.err = JetBackupInstance(slow.inst, dest, 0, wait_at_begin);
    return NULL;
}

static void begin_slow(const struct fix *f, pthread_t *id)
{
    memset(&slow, 0, sizeof(slow));
    slow.inst = f->inst;
    assert_int_equal(pthread_create(id, NULL, back_up, NULL), 0);
    while (!slow.begun)
        moment(1);
}

static void *let_go(void *arg)
{
    (void)arg;
    moment(100);
    slow.go_on = true;
    return NULL;
}

static void the_end_of_the_instance_ends_a_backup_when_told_to(void **state)
{
    struct fix *f = *state;
    pthread_t id, other;

    begin_slow(f, &id);
    IS(JET_errBackupInProgress, JetTerm(f->inst));
    IS(JET_errBackupInProgress, JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errBackupInProgress, JetBackupInstance(f->inst, NULL, 0, NULL));
    IS(JET_errBackupInProgress, JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errNoBackup, JetEndExternalBackupInstance(f->inst)); /* it is not that API's */
    assert_int_equal(pthread_create(&other, NULL, let_go, NULL), 0);
    OK(JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermStopBackup));
    f->running = false;
    pthread_join(id, NULL);
    pthread_join(other, NULL);
    IS(JET_errTermInProgress, slow.err);
    assert_int_equal(bt_nr_files(dest), 0);
}

static void *term(void *arg)
{
    slow.inner = JetTerm2(((struct fix *)arg)->inst, JET_bitTermComplete | JET_bitTermStopBackup);
    return NULL;
}

static void an_instance_that_ends_begins_no_backup(void **state)
{
    struct fix *f = *state;
    pthread_t id, other;
    JET_ERR err;

    begin_slow(f, &id);
    assert_int_equal(pthread_create(&other, NULL, term, f), 0);
    for (;;) { /* until the door is closed */
        err = JetBackupInstance(f->inst, dest, 0, NULL);
        if (err != JET_errBackupInProgress)
            break;
        moment(1);
    }
    IS(JET_errTermInProgress, err);
    slow.go_on = true;
    pthread_join(id, NULL);
    pthread_join(other, NULL);
    OK(slow.inner);
    f->running = false;
}

static JET_ERR from_inside(JET_SESID sesid, JET_SNP snp, JET_SNT snt, void *pv)
{
    (void)sesid, (void)snp, (void)pv;
    if (snt == JET_sntBegin) {
        slow.inner = JetBackupInstance(slow.inst, dest, 0, NULL);
        slow.stop = JetStopBackupInstance(slow.inst);
    }
    return JET_errSuccess;
}

static void a_backup_can_be_stopped_from_its_callback(void **state)
{
    static const uint32_t events[] = {210, 220, 222, 226, 0};
    struct fix *f = *state;

    memset(&slow, 0, sizeof(slow));
    slow.inst = f->inst;
    bt_listen();
    IS(JET_errBackupAbortByServer, JetBackupInstance(f->inst, dest, 0, from_inside));
    IS(JET_errBackupInProgress, slow.inner);
    OK(slow.stop);
    if (bt_event(220))
        bt_expect_events(events);
    assert_non_null(bt_event(226));
    assert_int_equal(bt_nr_files(dest), 0);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
}

/* ---- directories ------------------------------------------------------------------------------- */

static void a_directory_with_something_in_it_is_refused(void **state)
{
    struct fix *f = *state;
    char path[160];

    snprintf(path, sizeof(path), "%s/x", dest);
    assert_int_equal(mkdir(path, 0700), 0);
    IS(JET_errBackupDirectoryNotEmpty, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(rmdir(path), 0);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errBackupDirectoryNotEmpty, JetBackupInstance(f->inst, dest, 0, NULL));
    bt_verify(dest);
}

static void two_databases_of_one_name_do_not_go_together(void **state)
{
    struct fix *f = *state;
    char path[160];
    JET_DBID other;

    snprintf(path, sizeof(path), "%sd", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    strcat(path, "/data.edb");
    OK(JetCreateDatabase(f->ses, path, NULL, &other, 0));
    IS(JET_errFileAlreadyExists, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(bt_nr_files(dest), 0);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* The last page that is in use, and what is in it. */
static pgno_t last_used(const struct fix *f, uint8_t *page)
{
    struct stat st;
    int fd = open(f->db, O_RDONLY);
    pgno_t pgno;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    for (pgno = (pgno_t)(st.st_size / page_size) - 2; pgno > 40; pgno--) {
        assert_int_equal(pread(fd, page, page_size, (off_t)(pgno + 1) * page_size), page_size);
        if (!page_is_zero(page, page_size))
            break;
    }
    close(fd);
    return pgno;
}

static void put_page(const struct fix *f, pgno_t pgno, const uint8_t *page)
{
    int fd = open(f->db, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, page, page_size, (off_t)(pgno + 1) * page_size), page_size);
    close(fd);
}

static void a_damaged_page_fails_the_backup(void **state)
{
    static const uint32_t events[] = {210, 220, 217, 222, 214, 0};
    struct fix *f = *state;
    uint8_t good[PAGE_SIZE_MAX], bad[PAGE_SIZE_MAX];
    pgno_t pgno;

    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    pgno = last_used(f, good);
    memcpy(bad, good, page_size);
    memset(bad + 500, 0x5a, 100);
    put_page(f, pgno, bad);
    bt_listen();
    IS(JET_errReadVerifyFailure, JetBackupInstance(f->inst, dest, 0, NULL));
    bt_expect_events(events);
    assert_non_null(bt_event(474));
    assert_string_equal(bt_string(bt_event(217), 0), "-1018");
    assert_string_equal(bt_string(bt_event(217), 1), f->db);
    assert_int_equal(bt_nr_files(dest), 0);

    put_page(f, pgno, good);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
}

static void one_wrong_bit_is_put_right_in_the_copy(void **state)
{
    struct fix *f = *state;
    uint8_t good[PAGE_SIZE_MAX], bad[PAGE_SIZE_MAX], there[PAGE_SIZE_MAX];
    char path[160];
    pgno_t pgno;
    int fd;

    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    pgno = last_used(f, good);
    memcpy(bad, good, page_size);
    bad[700] ^= 4;
    put_page(f, pgno, bad);
    bt_listen();
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    assert_non_null(bt_event(399));
    snprintf(path, sizeof(path), "%s/data.edb", dest);
    fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, there, page_size, (off_t)(pgno + 1) * page_size), page_size);
    close(fd);
    assert_memory_equal(there, good, page_size);
    bt_verify(dest);
    put_page(f, pgno, good);
}

static struct {
    const struct fix *f;
    pgno_t pgno;
    uint8_t page[PAGE_SIZE_MAX];
} later;

static void *put_later(void *arg)
{
    (void)arg;
    moment(600);
    put_page(later.f, later.pgno, later.page);
    return NULL;
}

static void a_page_that_comes_right_is_taken(void **state)
{
    struct fix *f = *state;
    uint8_t bad[PAGE_SIZE_MAX];
    pthread_t id;

    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    later.f = f;
    later.pgno = last_used(f, later.page);
    memcpy(bad, later.page, page_size);
    memset(bad + 500, 0x5a, 100);
    put_page(f, later.pgno, bad);
    assert_int_equal(pthread_create(&id, NULL, put_later, NULL), 0);
    bt_listen();
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    pthread_join(id, NULL);
    assert_non_null(bt_event(493));
    bt_verify(dest);
}

static void *stop_later(void *arg)
{
    (void)arg;
    moment(700);
    (void)JetStopBackupInstance(later.f->inst);
    return NULL;
}

static void waiting_for_a_page_can_be_stopped(void **state)
{
    struct fix *f = *state;
    uint8_t other[PAGE_SIZE_MAX];
    struct timespec from, to;
    pthread_t id;

    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    later.f = f;
    later.pgno = last_used(f, later.page);
    memcpy(other, later.page, page_size);
    page_seal(other, page_size, later.pgno + 1);
    put_page(f, later.pgno, other);
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(pthread_create(&id, NULL, stop_later, NULL), 0);
    IS(JET_errBackupAbortByServer, JetBackupInstance(f->inst, dest, 0, NULL));
    pthread_join(id, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec <= 3);
    put_page(f, later.pgno, later.page);
}

static void a_damaged_log_fails_the_backup(void **state)
{
    static const uint32_t events[] = {210, 220, 221, 223, 218, 214, 0};
    struct fix *f = *state;
    char log[160], good[64], bad[64];
    int fd;

    bt_work(f, f->dbid, "rows", 0, 900);
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit)); /* the logs have their names */
    snprintf(log, sizeof(log), "%sedb00003.log", f->dir);
    fd = open(log, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, good, sizeof(good), 20000), sizeof(good));
    memset(bad, 0x33, sizeof(bad));
    assert_int_equal(pwrite(fd, bad, sizeof(bad), 20000), sizeof(bad));
    bt_listen();
    IS(JET_errLogReadVerifyFailure, JetBackupInstance(f->inst, dest, 0, NULL));
    bt_expect_events(events);
    assert_string_equal(bt_string(bt_event(218), 0), "-612");
    assert_string_equal(bt_string(bt_event(218), 1), log);
    assert_int_equal(bt_nr_files(dest), 0);
    assert_int_equal(pwrite(fd, good, sizeof(good), 20000), sizeof(good));
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    close(fd);
}

/* A sound log of another stream under a name of ours. */
static void a_foreign_log_fails_the_backup(void **state)
{
    struct fix *f = *state;
    char one[160], two[160];

    bt_work(f, f->dbid, "rows", 0, 900);
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit)); /* the logs have their names */
    snprintf(one, sizeof(one), "%sedb00003.log", f->dir);
    snprintf(two, sizeof(two), "%sedb00002.log", f->dir);
    bt_copy_file(one, two);
    IS(JET_errLogReadVerifyFailure, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(truncate(two, 0), 0);
    IS(JET_errLogReadVerifyFailure, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(bt_nr_files(dest), 0);
}

static void without_a_checkpoint_file_there_is_no_backup(void **state)
{
    struct fix *f = *state;
    char chk[160], zero[8192] = "";
    int fd;

    snprintf(chk, sizeof(chk), "%sedb.chk", f->dir);
    assert_int_equal(unlink(chk), 0);
    IS(JET_errCheckpointFileNotFound, JetBackupInstance(f->inst, dest, 0, NULL));
    fd = open(chk, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, zero, sizeof(zero)), sizeof(zero));
    close(fd);
    IS(JET_errCheckpointCorrupt, JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errCheckpointCorrupt, JetBackupInstance(f->inst, NULL, 0, NULL));
    assert_int_equal(bt_nr_files(dest), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        C(what_is_no_running_instance_is_refused),
        C(without_a_log_there_is_no_backup),
        C(circular_logs_are_held_while_a_backup_needs_them),
        C(an_instance_that_starts_gives_no_backup_yet),
        C(a_service_that_is_stopped_gives_no_backup),
        C(the_end_of_the_instance_ends_a_backup_when_told_to),
        C(an_instance_that_ends_begins_no_backup),
        C(a_backup_can_be_stopped_from_its_callback),
        C(a_directory_with_something_in_it_is_refused),
        C(two_databases_of_one_name_do_not_go_together),
        C(a_damaged_page_fails_the_backup),
        C(one_wrong_bit_is_put_right_in_the_copy),
        C(a_page_that_comes_right_is_taken),
        C(waiting_for_a_page_can_be_stopped),
        C(a_damaged_log_fails_the_backup),
        C(a_foreign_log_fails_the_backup),
        C(without_a_checkpoint_file_there_is_no_backup),
    };

    rnd_init("backupcodes");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
