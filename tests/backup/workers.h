/*
 * Sessions that write while backups are taken, each to a table of its own: rows 1 .. n, whose bytes follow from their number, with
 * splits, long values, rollbacks, tables and indexes that come and go. So what is in the database, or in a copy of it, can be told
 * to be right: check_rows.
 */
#ifndef BACKUP_WORKERS_H
#define BACKUP_WORKERS_H

#include "page/page.h"

#include "unit/api/apitest.h"
#include "backuptest.h"

#include <stdatomic.h>

#define NR_WORKERS 8
#define LEN_MAX    6000

static struct fix f;
static _Atomic bool enough;
static _Atomic bool resting; /* nothing is begun for a while */

/* How far each has come; perhaps in memory that outlives the process. */
struct progress {
    _Atomic int32_t begun[NR_WORKERS];
    _Atomic int32_t committed[NR_WORKERS]; /* durable */
};
static struct progress *progress;

static struct worker {
    pthread_t id;
    unsigned nr;
    uint64_t rng;
    int32_t from; /* rows that are there */
    _Atomic JET_ERR err;
    JET_SESID ses;
    JET_DBID dbid;
    JET_TABLEID t;
    JET_COLUMNID id_col, data_col;
} workers[NR_WORKERS];

static uint64_t next(struct worker *w)
{
    w->rng ^= w->rng >> 12;
    w->rng ^= w->rng << 25;
    w->rng ^= w->rng >> 27;
    return w->rng * UINT64_C(2685821657736338717);
}

static uint32_t len_of(unsigned nr, int32_t row)
{
    return (uint32_t)((nr * 7919u + (uint32_t)row * 104729u) % LEN_MAX) + 1;
}

static uint64_t seed_of(unsigned nr, int32_t row)
{
    return (uint64_t)nr << 32 | (uint32_t)row;
}

/* ---- a worker: returns errors, never asserts --------------------------------------------------- */

static JET_ERR make_table(struct worker *w)
{
    const JET_COLUMNDEF number = {.cbStruct = sizeof(number), .coltyp = JET_coltypLong},
                        bytes = {.cbStruct = sizeof(bytes), .coltyp = JET_coltypLongBinary};
    char name[16];
    JET_ERR err;

    snprintf(name, sizeof(name), "w%u", w->nr);
    if ((err = JetCreateTable(w->ses, w->dbid, name, 0, 80, &w->t)) < 0 ||
        (err = JetAddColumn(w->ses, w->t, "id", &number, NULL, 0, &w->id_col)) < 0 ||
        (err = JetAddColumn(w->ses, w->t, "data", &bytes, NULL, 0, &w->data_col)) < 0 ||
        (err = JetCreateIndex(w->ses, w->t, "pk", JET_bitIndexPrimary | JET_bitIndexUnique, "+id\0",
                              sizeof("+id\0"), 80)) < 0)
        return err;
    return JetCloseTable(w->ses, w->t);
}

static JET_ERR insert(struct worker *w, int32_t row)
{
    uint8_t data[LEN_MAX];
    const uint32_t len = len_of(w->nr, row);
    JET_ERR err;

    bt_bytes(data, len, seed_of(w->nr, row));
    if ((err = JetPrepareUpdate(w->ses, w->t, JET_prepInsert)) < 0 ||
        (err = JetSetColumn(w->ses, w->t, w->id_col, &row, sizeof(row), 0, NULL)) < 0 ||
        (err = JetSetColumn(w->ses, w->t, w->data_col, data, len, 0, NULL)) < 0)
        return err;
    return JetUpdate(w->ses, w->t, NULL, 0, NULL);
}

/* The same bytes again: pages change, rows do not. */
static JET_ERR touch(struct worker *w, int32_t row)
{
    uint8_t data[LEN_MAX];
    const uint32_t len = len_of(w->nr, row);
    JET_ERR err;

    bt_bytes(data, len, seed_of(w->nr, row));
    if ((err = JetMakeKey(w->ses, w->t, &row, sizeof(row), JET_bitNewKey)) < 0 ||
        (err = JetSeek(w->ses, w->t, JET_bitSeekEQ)) < 0 ||
        (err = JetPrepareUpdate(w->ses, w->t, JET_prepReplace)) < 0 ||
        (err = JetSetColumn(w->ses, w->t, w->data_col, data, len, 0, NULL)) < 0)
        return err;
    return JetUpdate(w->ses, w->t, NULL, 0, NULL);
}

/* A table and an index that come and go. */
static JET_ERR change_schema(struct worker *w, int32_t row)
{
    const JET_COLUMNDEF number = {.cbStruct = sizeof(number), .coltyp = JET_coltypLong};
    char name[32];
    JET_COLUMNID id;
    JET_TABLEID t;
    JET_ERR err;

    snprintf(name, sizeof(name), "x%u_%d", w->nr, row);
    if ((err = JetCreateTable(w->ses, w->dbid, name, 0, 0, &t)) < 0 ||
        (err = JetAddColumn(w->ses, t, "n", &number, NULL, 0, &id)) < 0 ||
        (err = JetCreateIndex(w->ses, t, "i", 0, "-n\0", sizeof("-n\0"), 100)) < 0 ||
        (err = JetCloseTable(w->ses, t)) < 0)
        return err;
    return row % 64 ? JET_errSuccess : JetDeleteTable(w->ses, w->dbid, name);
}

static JET_ERR one_transaction(struct worker *w, int32_t row)
{
    JET_ERR err = JetBeginTransaction(w->ses);

    if (err >= 0)
        err = insert(w, row);
    if (err >= 0 && row > 4)
        err = touch(w, (int32_t)(next(w) % (uint32_t)(row - 1)) + 1);
    if (err >= 0 && next(w) % 16 == 0) { /* all in vain, and once more */
        err = JetRollback(w->ses, 0);
        if (err >= 0)
            err = JetBeginTransaction(w->ses);
        if (err >= 0)
            err = insert(w, row);
    }
    return err < 0 ? err : JetCommitTransaction(w->ses, next(w) % 4 ? JET_bitCommitLazyFlush : 0);
}

/* Lazy commits count when a durable one follows. */
static void *work(void *arg)
{
    struct worker *w = arg;

    for (int32_t row = w->from + 1; !enough && w->err >= 0; row++) {
        while (resting && !enough)
            usleep(1000);
        progress->begun[w->nr] = row;
        w->err = one_transaction(w, row);
        if (w->err >= 0 && row % 8 == 0) {
            w->err = JetCommitTransaction(w->ses, JET_bitWaitLastLevel0Commit);
            if (w->err >= 0)
                progress->committed[w->nr] = row;
        }
        if (w->err >= 0 && row % 32 == 0)
            w->err = change_schema(w, row);
    }
    return NULL;
}

static void find_columns(struct worker *w)
{
    JET_COLUMNDEF def;

    OK(JetGetTableColumnInfo(w->ses, w->t, "id", &def, sizeof(def), JET_ColInfo));
    w->id_col = def.columnid;
    OK(JetGetTableColumnInfo(w->ses, w->t, "data", &def, sizeof(def), JET_ColInfo));
    w->data_col = def.columnid;
}

/* rows: of each that are there, or NULL: the tables are to be made. */
static void start_workers(const int32_t *rows)
{
    char name[16];

    for (unsigned i = 0; i < NR_WORKERS; i++) {
        struct worker *w = &workers[i];
        w->nr = i;
        w->rng = rnd() | 1;
        OK(JetBeginSession(f.inst, &w->ses, NULL, NULL));
        OK(JetOpenDatabase(w->ses, f.db, NULL, &w->dbid, 0));
        w->from = rows ? rows[i] : 0;
        if (!rows)
            OK(make_table(w));
        snprintf(name, sizeof(name), "w%u", i);
        OK(JetOpenTable(w->ses, w->dbid, name, NULL, 0, 0, &w->t));
        find_columns(w);
        OK(JetSetSessionContext(w->ses, i + 1));
        OK(JetResetSessionContext(w->ses));
    }
    for (unsigned i = 0; i < NR_WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i].id, NULL, work, &workers[i]), 0);
}

/* ---- what must hold ---------------------------------------------------------------------------- */

/* Returns how many there are. */
static int32_t check_rows(JET_SESID ses, JET_DBID dbid, unsigned nr, int32_t low, int32_t high)
{
    uint8_t data[LEN_MAX], got[LEN_MAX];
    JET_COLUMNDEF def;
    JET_COLUMNID id;
    JET_TABLEID t;
    char name[16];
    int32_t row = 0, n;
    uint32_t len;
    JET_ERR err;

    snprintf(name, sizeof(name), "w%u", nr);
    OK(JetOpenTable(ses, dbid, name, NULL, 0, JET_bitTableReadOnly, &t));
    OK(JetGetTableColumnInfo(ses, t, "id", &def, sizeof(def), JET_ColInfo));
    id = def.columnid;
    OK(JetGetTableColumnInfo(ses, t, "data", &def, sizeof(def), JET_ColInfo));
    for (err = JetMove(ses, t, JET_MoveFirst, 0); err >= 0;
         err = JetMove(ses, t, JET_MoveNext, 0)) {
        OK(JetRetrieveColumn(ses, t, id, &n, sizeof(n), &len, 0, NULL));
        assert_int_equal(n, ++row);
        OK(JetRetrieveColumn(ses, t, def.columnid, got, sizeof(got), &len, 0, NULL));
        assert_int_equal(len, len_of(nr, n));
        bt_bytes(data, len, seed_of(nr, n));
        assert_memory_equal(data, got, len);
    }
    IS(JET_errNoCurrentRecord, err);
    OK(JetCloseTable(ses, t));
    if (row < low || row > high)
        print_error("worker %u: %d rows, committed before %d, begun after %d\n", nr, row, low,
                    high);
    assert_true(row >= low && row <= high);
    return row;
}

/* dir: restored. */
static void check_law(const char *dir, const int32_t *low, const int32_t *high)
{
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_DBID dbid;
    char path[300];

    snprintf(path, sizeof(path), "%s/data.edb", dir);
    OK(JetCreateInstance(&inst, "the copy"));
    OK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramRecovery, 0, "off"));
    OK(JetInit(&inst));
    OK(JetBeginSession(inst, &ses, NULL, NULL));
    OK(JetAttachDatabase(ses, path, JET_bitDbReadOnly));
    OK(JetOpenDatabase(ses, path, NULL, &dbid, JET_bitDbReadOnly));
    for (unsigned i = 0; i < NR_WORKERS; i++)
        (void)check_rows(ses, dbid, i, low[i], high[i]);
    OK(JetTerm2(inst, JET_bitTermAbrupt));
}

#endif
