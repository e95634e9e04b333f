/*
 * What a backup costs the instance that it is taken of.
 *
 *   livebench DIR MIB ROUNDS
 *
 * Makes a database of about MIB MiB in DIR, in which eight sessions go on inserting rows of 1 KiB, ten in a transaction, lazily
 * committed; ROUNDS times then, in turns: some seconds of that alone, and the same while JetBackupInstance (atomic, full, to
 * DIR/backup) runs. Prints for each round
 *
 *   ROWS_PER_SECOND_ALONE ROWS_PER_SECOND_MEANWHILE BACKUP_SECONDS BACKUP_BYTES
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbbench.h"

#include "esent.h"

#define NR_WRITERS 8u
#define BATCH      10u
#define ROW        1024u
#define ALONE_S    4.0

#define CK(call)                                                               \
    do {                                                                       \
        JET_ERR err_ = (call);                                                 \
        if (err_ < 0) {                                                        \
            fprintf(stderr, "livebench: line %d: error %d\n", __LINE__, err_); \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static JET_INSTANCE inst;
static char db[512], backup[512];
static _Atomic uint64_t nr_rows;
static atomic_bool enough;

static void *write_rows(void *arg)
{
    const unsigned nr = *(const unsigned *)arg;
    JET_COLUMNDEF id_def = {.cbStruct = sizeof(id_def), .coltyp = JET_coltypCurrency},
                  v_def = {.cbStruct = sizeof(v_def), .coltyp = JET_coltypLongBinary};
    JET_COLUMNID id_col, v_col;
    uint8_t v[ROW];
    JET_SESID ses;
    JET_DBID dbid;
    JET_TABLEID t;
    char name[16];

    snprintf(name, sizeof(name), "t%u", nr);
    CK(JetBeginSession(inst, &ses, NULL, NULL));
    CK(JetOpenDatabase(ses, db, NULL, &dbid, 0));
    CK(JetCreateTable(ses, dbid, name, 16, 100, &t));
    CK(JetAddColumn(ses, t, "id", &id_def, NULL, 0, &id_col));
    CK(JetAddColumn(ses, t, "v", &v_def, NULL, 0, &v_col));
    CK(JetCreateIndex(ses, t, "pk", JET_bitIndexPrimary | JET_bitIndexUnique, "+id\0", 5, 100));
    for (uint64_t id = 0; !enough;) {
        CK(JetBeginTransaction(ses));
        for (unsigned i = 0; i < BATCH; i++, id++) {
            bench_value(v, ROW, (uint32_t)id);
            CK(JetPrepareUpdate(ses, t, JET_prepInsert));
            CK(JetSetColumn(ses, t, id_col, &id, 8, 0, NULL));
            CK(JetSetColumn(ses, t, v_col, v, ROW, JET_bitSetIntrinsicLV, NULL));
            CK(JetUpdate(ses, t, NULL, 0, NULL));
        }
        CK(JetCommitTransaction(ses, JET_bitCommitLazyFlush));
        atomic_fetch_add(&nr_rows, BATCH);
    }
    CK(JetEndSession(ses, 0));
    return NULL;
}

static void start(const char *dir)
{
    char path[512];

    CK(JetCreateInstance2(&inst, "livebench", NULL, 0));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCacheSizeMax, 65536, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogBuffers, 8192, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramMaxVerPages, 4096, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramMaxSessions, NR_WRITERS + 4, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCheckpointDepthMax, 64u << 20, NULL));
    snprintf(path, sizeof(path), "%s/", dir);
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, path));
    CK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, path));
    CK(JetInit(&inst));
    snprintf(db, sizeof(db), "%s/live.edb", dir);
    snprintf(backup, sizeof(backup), "%s/backup", dir);
    if (mkdir(backup, 0700) != 0)
        exit(1);
}

static uint64_t bytes_of_backup(void)
{
    uint64_t sum = 0;
    const struct dirent *d;
    struct stat st;
    char dir[600];
    DIR *dp;

    snprintf(dir, sizeof(dir), "%s/new", backup);
    dp = opendir(dir);
    while (dp && (d = readdir(dp)))
        if (fstatat(dirfd(dp), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    if (dp)
        closedir(dp);
    return sum;
}

static void round_of_both(void)
{
    uint64_t before = nr_rows, between;
    double t = bench_now(), alone, meanwhile;

    while (bench_now() - t < ALONE_S)
        usleep(10000);
    between = nr_rows;
    alone = (double)(between - before) / (bench_now() - t);
    t = bench_now();
    CK(JetBackupInstance(inst, backup, JET_bitBackupAtomic, NULL));
    meanwhile = bench_now() - t;
    printf("%.0f %.0f %.3f %llu\n", alone, (double)(nr_rows - between) / meanwhile, meanwhile,
           (unsigned long long)bytes_of_backup());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned nr[NR_WRITERS];
    pthread_t id[NR_WRITERS];
    JET_SESID ses;
    JET_DBID dbid;

    if (argc != 4) {
        fprintf(stderr, "usage: livebench DIR MIB ROUNDS\n");
        return 1;
    }
    start(argv[1]);
    CK(JetBeginSession(inst, &ses, NULL, NULL));
    CK(JetCreateDatabase2(ses, db, 0, &dbid, 0));
    for (unsigned i = 0; i < NR_WRITERS; i++) {
        nr[i] = i;
        if (pthread_create(&id[i], NULL, write_rows, &nr[i]) != 0)
            return 1;
    }
    while (nr_rows * ROW < strtoull(argv[2], NULL, 10) << 20)
        usleep(10000);
    for (int i = atoi(argv[3]); i > 0; i--)
        round_of_both();
    enough = true;
    for (unsigned i = 0; i < NR_WRITERS; i++)
        pthread_join(id[i], NULL);
    CK(JetTerm2(inst, JET_bitTermAbrupt));
    return 0;
}
