/*
 * Backups under load: backup-load [SECONDS [PAGE_SIZE]], backup-load --backups NUMBER [PAGE_SIZE].
 *
 * Eight sessions write, each to a table of its own, with splits, long values, indexes that come and go; at random moments a backup
 * is taken: full, atomic, or an incremental of either. Of each one every page and log is verified, it is proved and restored, and
 * then must hold: trees and indexes are sound; of each session the rows 1 .. n are there, each with its bytes, and nothing else; n
 * is not less than what was committed when the last page had been copied, and not more than what was begun when the log phase had
 * ended the generation. While a backup is looked at the sessions rest: else the database would grow for ever.
 *
 * TEST_SEED=... repeats the moments (not what the threads do in them).
 */
#include "workers.h"

#include <time.h>

static char full[128], atomic[128], copy[128];

/* ---- the two moments --------------------------------------------------------------------------- */

static int32_t low[NR_WORKERS], high[NR_WORKERS];
static _Atomic bool ended; /* the generation that the backup ends with */

/* The last time before the log phase that it is called is behind the last page. */
static JET_ERR on_status(JET_SESID ses, JET_SNP snp, JET_SNT snt, void *pv)
{
    (void)ses, (void)snp, (void)snt, (void)pv;
    for (unsigned i = 0; i < NR_WORKERS && !ended; i++)
        low[i] = progress->committed[i];
    return JET_errSuccess;
}

static void note_log_phase(void *ctx, const char *instance, const struct ese_fault *e)
{
    on_event(ctx, instance, e);
    if (e->event != 223)
        return;
    for (unsigned i = 0; i < NR_WORKERS; i++)
        high[i] = progress->begun[i];
    ended = true;
}

/* ---- backups ----------------------------------------------------------------------------------- */

static void check_workers(void)
{
    for (unsigned i = 0; i < NR_WORKERS; i++)
        OK(workers[i].err);
}

static void pause_a_little(void)
{
    const struct timespec t = {0, (long)(rnd() % 300) * 1000000};

    nanosleep(&t, NULL);
}

static void back_up(JET_GRBIT grbit, const char *dest, const char *set)
{
    char path[200];

    pause_a_little();
    check_workers();
    ended = false;
    OK(JetBackupInstance(f.inst, dest, grbit, on_status));
    assert_true(ended);
    resting = true;
    snprintf(path, sizeof(path), "%s%s", dest, set);
    bt_verify(path);
    bt_recover(path, copy);
    check_law(copy, low, high);
    resting = false;
}

static unsigned nr_full, nr_atomic, nr_incremental, nr_atomic_incremental;

static unsigned nr_backups(void)
{
    return nr_full + nr_atomic + nr_incremental + nr_atomic_incremental;
}

/* A set, and now and then what builds on it. */
static void back_up_plain(void)
{
    bt_remove(full);
    assert_int_equal(mkdir(full, 0700), 0);
    back_up(0, full, "");
    for (nr_full++; rnd() % 2; nr_incremental++)
        back_up(JET_bitBackupIncremental, full, "");
}

static void back_up_atomic(void)
{
    back_up(JET_bitBackupAtomic, atomic, "/new");
    for (nr_atomic++; rnd() % 2; nr_atomic_incremental++)
        back_up(JET_bitBackupAtomic | JET_bitBackupIncremental, atomic, "/new");
}

/* ---- the run ----------------------------------------------------------------------------------- */

struct run {
    unsigned seconds, backups; /* whichever is not 0 */
};

static void begin_run(void)
{
    static struct progress here;

    make_dir(&f);
    create_instance(&f, f.dir);
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramCheckpointDepthMax, 512 << 10, NULL));
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramMaxSessions, NR_WORKERS + 4, NULL));
    ese_set_event_sink(note_log_phase, NULL);
    OK(JetInit(&f.inst));
    OK(JetBeginSession(f.inst, &f.ses, NULL, NULL));
    OK(JetCreateDatabase(f.ses, f.db, NULL, &f.dbid, 0));
    snprintf(full, sizeof(full), "%sfull", f.dir);
    snprintf(atomic, sizeof(atomic), "%satomic", f.dir);
    snprintf(copy, sizeof(copy), "%scopy", f.dir);
    assert_int_equal(mkdir(atomic, 0700), 0);
    progress = &here;
    start_workers(NULL);
}

static void end_run(void)
{
    enough = true;
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        pthread_join(workers[i].id, NULL);
        OK(JetEndSession(workers[i].ses, 0));
    }
    check_workers();
    OK(JetTerm(f.inst));
    assert_sound(f.db);
    assert_int_equal(__atomic_load_n(&nr_faults, __ATOMIC_RELAXED), 0);
    bt_remove(f.dir);
}

static void backups_under_load_are_right(void **state)
{
    const struct run *run = *state;
    struct timespec from, now;

    begin_run();
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        if (rnd() % 2)
            back_up_plain();
        else
            back_up_atomic();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (run->backups ? nr_backups() < run->backups
                          : now.tv_sec < from.tv_sec + (time_t)run->seconds);
    printf("%u backups: %u full, %u incrementals, %u atomic, %u atomic incrementals; %d rows of "
           "the first session\n",
           nr_backups(), nr_full, nr_incremental, nr_atomic, nr_atomic_incremental,
           progress->begun[0]);
    end_run();
}

int main(int argc, char **argv)
{
    static struct run run = {.seconds = 5};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(backups_under_load_are_right, &run)};

    if (argc > 2 && strcmp(argv[1], "--backups") == 0) {
        run.backups = (unsigned)strtoul(argv[2], NULL, 10);
        argc--;
        argv++;
    } else if (argc > 1) {
        run.seconds = (unsigned)strtoul(argv[1], NULL, 10);
    }
    if (argc > 2)
        page_size = (uint32_t)strtoul(argv[2], NULL, 10);
    rnd_init("load");
    if (JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL) < 0)
        abort();
    if (JetSetSystemParameter(NULL, 0, JET_paramCacheSizeMax, 600, NULL) < 0)
        abort();
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
