/*
 * Backups under load: backup-load [SECONDS [PAGE_SIZE]].
 *
 * Eight sessions write, each to a table of its own, with splits, long values, indexes that come and go; at random moments a backup
 * is taken: full, atomic, incremental. Of each one every page and log is verified, it is proved and restored, and then
 * must hold: trees and indexes are sound; of each session the rows 1 .. n are there, each with its bytes, and nothing else; n is
 * not less than what was committed when the backup began, and not more than what was begun when it ended.
 *
 * TEST_SEED=... repeats the moments (not what the threads do in them).
 */
#include "workers.h"

#include <time.h>

/* ---- backups ----------------------------------------------------------------------------------- */

static void look(int32_t *low)
{
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        low[i] = progress->committed[i];
        OK(workers[i].err);
    }
}

static void back_up(JET_GRBIT grbit, const char *dest, const char *set, const char *copy)
{
    int32_t low[NR_WORKERS], high[NR_WORKERS];
    char path[200];

    look(low);
    OK(JetBackupInstance(f.inst, dest, grbit, NULL));
    for (unsigned i = 0; i < NR_WORKERS; i++)
        high[i] = progress->begun[i];
    snprintf(path, sizeof(path), "%s%s", dest, set);
    bt_verify(path);
    bt_recover(path, copy);
    check_law(copy, low, high);
}

static void backups_under_load_are_right(void **state)
{
    static struct progress here;
    const unsigned seconds = *(unsigned *)*state;
    struct timespec from, now;
    char full[128], atomic[128], copy[128];
    unsigned nr = 0, nr_incremental = 0;

    make_dir(&f);
    create_instance(&f, f.dir);
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramCheckpointDepthMax, 512 << 10, NULL));
    OK(JetSetSystemParameter(&f.inst, 0, JET_paramMaxSessions, NR_WORKERS + 4, NULL));
    OK(JetInit(&f.inst));
    OK(JetBeginSession(f.inst, &f.ses, NULL, NULL));
    OK(JetCreateDatabase(f.ses, f.db, NULL, &f.dbid, 0));
    snprintf(full, sizeof(full), "%sfull", f.dir);
    snprintf(atomic, sizeof(atomic), "%satomic", f.dir);
    snprintf(copy, sizeof(copy), "%scopy", f.dir);
    assert_int_equal(mkdir(atomic, 0700), 0);
    progress = &here;
    start_workers(NULL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        const struct timespec pause = {0, (long)(rnd() % 300) * 1000000};

        nanosleep(&pause, NULL);
        bt_remove(full);
        assert_int_equal(mkdir(full, 0700), 0);
        back_up(0, full, "", copy);
        nr++;
        if (rnd() % 2) {
            nanosleep(&pause, NULL);
            back_up(JET_bitBackupIncremental, full, "", copy);
            nr_incremental++;
        } else {
            back_up(JET_bitBackupAtomic, atomic, "/new", copy);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < from.tv_sec + (time_t)seconds);
    enough = true;
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        pthread_join(workers[i].id, NULL);
        OK(workers[i].err);
        OK(JetEndSession(workers[i].ses, 0));
    }
    OK(JetTerm(f.inst));
    assert_sound(f.db);
    printf("%u backups, %u incrementals, %d rows of the first session\n", nr, nr_incremental,
           progress->begun[0]);
    bt_remove(f.dir);
}

int main(int argc, char **argv)
{
    static unsigned seconds = 5;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(backups_under_load_are_right, &seconds)};

    if (argc > 1)
        seconds = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        page_size = (uint32_t)strtoul(argv[2], NULL, 10);
    rnd_init("load");
    if (JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL) < 0)
        abort();
    if (JetSetSystemParameter(NULL, 0, JET_paramCacheSizeMax, 600, NULL) < 0)
        abort();
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
