/*
 * A process is killed while it takes backups under load: backup-kill [KILLS [PAGE_SIZE]].
 *
 * Atomic backups, full and incremental, one after the other, while eight sessions write (workers.h); SIGKILL at a random moment.
 * Then: the last backup that was finished, or a newer one, is there, whole, can be proved and restored, and has what was committed
 * before it began; the instance recovers, with all that was committed, and goes on, with backups that build on the earlier ones.
 */
#include "workers.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static struct shared { /* with the child */
    struct progress progress;
    int32_t low[NR_WORKERS]; /* committed before the last backup that was finished began */
    _Atomic uint32_t nr_full, nr_incremental;
    _Atomic bool working, any;
    _Atomic unsigned ms; /* that the slowest backup took: the moment of the kill lies around that */
} * sh;

static char sets[128], copy[128];

/* ---- the child --------------------------------------------------------------------------------- */

static void open_or_make(int32_t rows[NR_WORKERS], bool *ret_new)
{
    JET_ERR err;

    create_instance(&f, f.dir);
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramCheckpointDepthMax, 512 << 10, NULL));
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramMaxSessions, NR_WORKERS + 4, NULL));
    OK(JetInit(&f.inst));
    OK(JetBeginSession(f.inst, &f.ses, NULL, NULL));
    err = JetAttachDatabase(f.ses, f.db, 0);
    *ret_new = err == JET_errFileNotFound;
    if (*ret_new) {
        OK(JetCreateDatabase(f.ses, f.db, NULL, &f.dbid, 0));
        return;
    }
    OK(err);
    OK(JetOpenDatabase(f.ses, f.db, NULL, &f.dbid, 0));
    for (unsigned i = 0; i < NR_WORKERS; i++)
        rows[i] = check_rows(f.ses, f.dbid, i, progress->committed[i], progress->begun[i]);
}

static void back_up(JET_GRBIT grbit)
{
    int32_t low[NR_WORKERS];
    JET_ERR err;

    for (unsigned i = 0; i < NR_WORKERS; i++)
        low[i] = progress->committed[i];
    err = JetBackupInstance(f.inst, sets, JET_bitBackupAtomic | grbit, NULL);
    /* The last full one was cut off after it had taken its place, and before it was marked: its mark is what an incremental
     * asks for. */
    if (err == JET_errMissingFullBackup && grbit)
        return;
    OK(err);
    memcpy(sh->low, low, sizeof(low));
    sh->any = true;
    atomic_fetch_add(grbit ? &sh->nr_incremental : &sh->nr_full, 1);
}

static unsigned ms_since(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)((now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000);
}

static void life(void)
{
    int32_t rows[NR_WORKERS];
    struct timespec from;
    bool is_new;

    open_or_make(rows, &is_new);
    start_workers(is_new ? NULL : rows);
    sh->working = true;
    for (unsigned i = 0;; i++) {
        for (unsigned k = 0; k < NR_WORKERS; k++)
            OK(workers[k].err);
        resting = false;
        clock_gettime(CLOCK_MONOTONIC, &from);
        back_up(i % 3 ? JET_bitBackupIncremental : 0);
        if (ms_since(&from) > sh->ms)
            sh->ms = ms_since(&from);
        resting = true; /* else the database grows so much that no backup comes to its end */
        usleep((useconds_t)(rnd() % 50) * 1000);
    }
}

/* ---- the parent -------------------------------------------------------------------------------- */

static void kill_once(void)
{
    int status;
    pid_t pid;

    sh->working = false;
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        rnd_init("kill, a life");
        life();
        _exit(1);
    }
    while (!sh->working && waitpid(pid, &status, WNOHANG) == 0)
        usleep(1000);
    usleep((useconds_t)(rnd() % (1500 + 2 * sh->ms)) * 1000);
    (void)kill(pid, SIGKILL);
    assert_true(waitpid(pid, &status, 0) == pid || errno == ECHILD);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void look_at_backup(void)
{
    int32_t high[NR_WORKERS];

    for (unsigned i = 0; i < NR_WORKERS; i++)
        high[i] = progress->begun[i];
    bt_recover(sets, copy);
    check_law(copy, sh->low, high);
}

static void a_kill_leaves_instance_and_backups_whole(void **state)
{
    const unsigned kills = *(unsigned *)*state;

    make_dir(&f);
    snprintf(sets, sizeof(sets), "%ssets", f.dir);
    snprintf(copy, sizeof(copy), "%scopy", f.dir);
    assert_int_equal(mkdir(sets, 0700), 0);
    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(sh != MAP_FAILED);
    progress = &sh->progress;
    for (unsigned i = 0; i < kills; i++) {
        kill_once();
        if (sh->any)
            look_at_backup();
    }
    print_message("%u kills, %u full backups, %u incrementals, %d rows of the first session\n",
                  kills, sh->nr_full, sh->nr_incremental, progress->begun[0]);
    assert_true(sh->nr_full > 0);
    bt_remove(f.dir);
}

int main(int argc, char **argv)
{
    static unsigned kills = 8;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_kill_leaves_instance_and_backups_whole, &kills)};

    if (argc > 1)
        kills = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        page_size = (uint32_t)strtoul(argv[2], NULL, 10);
    rnd_init("kill");
    if (JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL) < 0)
        abort();
    if (JetSetSystemParameter(NULL, 0, JET_paramCacheSizeMax, 600, NULL) < 0)
        abort();
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
