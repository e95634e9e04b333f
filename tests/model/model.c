/*
 * Random operations of several sessions on one table, each held against a model in memory: what a session sees, which
 * operation conflicts with whose, what a rollback of any level takes back, in which order rows come by each index.
 *
 * Environment: MODEL_OPS (default 60000), TEST_SEED (printed, replays a run), MODEL_PAGE (page size, default by the seed).
 *
 * The model: each row has its committed versions, newest first, each with the number of its commit; and at most one session that
 * is changing it, with a stack of what it has written, one entry per level. A session sees its own newest, else the newest version
 * that is not younger than its transaction.
 */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>

#include "engine.h"
#include "esent.h"

#define ROWS      400
#define SESSIONS  5
#define LEVELS    4
#define VALUE_MAX 9000u

struct version {
    uint64_t commit;
    uint64_t stamp; /* what the row's columns are made of; 0: there is none */
    struct version *older;
};

struct pending { /* what a session has written, by level, innermost last */
    unsigned level;
    uint64_t stamp;
    bool
        lock; /* nothing was written: an update was prepared and cancelled, which leaves its lock */
};

static struct row {
    struct version *versions;
    int owner; /* session that is changing it; -1: none */
    struct pending stack[LEVELS + 1];
    unsigned nr;
    uint64_t locked; /* commit of the last transaction that only locked it */
} rows[ROWS];

static struct {
    JET_SESID ses;
    JET_DBID db;
    JET_TABLEID table, by_k;
    unsigned level;
    uint64_t snapshot;
} s[SESSIONS];

static uint64_t commits, stamps;
static JET_INSTANCE inst;
static JET_COLUMNID col_id, col_k, col_v, col_d;
static char dir[64], path[96];
static uint64_t nr_ops, nr_conflicts, nr_duplicates, nr_seen;

#define CK(call)                                                                                 \
    do {                                                                                         \
        JET_ERR err_ = (call);                                                                   \
        if (err_ < 0) {                                                                          \
            print_message("line %d, operation %llu: %s\n", __LINE__, (unsigned long long)nr_ops, \
                          ese_err_name(err_));                                                   \
            fail();                                                                              \
        }                                                                                        \
    } while (0)

/* ---- what a stamp stands for -------------------------------------------------------------------- */

static int32_t k_of(uint64_t stamp)
{
    return (int32_t)(stamp * UINT64_C(0x9e3779b97f4a7c15) >> 57); /* 0 .. 127: many are equal */
}

static uint32_t value_of(uint64_t stamp, uint8_t *v)
{
    uint64_t x = stamp * UINT64_C(0xd1342543de82ef95) + 1;
    const unsigned kind = (unsigned)(x >> 60);
    uint32_t len = (uint32_t)(x >> 32) % (kind < 12 ? 80 : kind < 15 ? 1500 : VALUE_MAX);

    for (uint32_t i = 0; i < len; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        v[i] = (uint8_t)x;
    }
    return len;
}

/* ---- the model ------------------------------------------------------------------------------------- */

static uint64_t visible(int me, int id)
{
    const struct row *r = &rows[id];
    const struct version *v = r->versions;

    if (r->owner == me)
        return r->stack[r->nr - 1].stamp;
    while (v && s[me].level && v->commit > s[me].snapshot)
        v = v->older;
    return v ? v->stamp : 0;
}

static bool conflicts(int me, int id)
{
    const struct row *r = &rows[id];

    if (r->owner >= 0 && r->owner != me)
        return true;
    return r->owner != me && r->versions && r->versions->commit > s[me].snapshot;
}

static void write_row(int me, int id, uint64_t stamp)
{
    struct row *r = &rows[id];

    r->owner = me;
    if (r->nr && r->stack[r->nr - 1].level == s[me].level)
        r->stack[r->nr - 1].stamp = stamp;
    else
        r->stack[r->nr++] = (struct pending){s[me].level, stamp, false};
    r->stack[r->nr - 1].lock = false;
}

static void lock_row(int me, int id)
{
    struct row *r = &rows[id];

    if (r->owner == me)
        return;
    r->stack[r->nr++] = (struct pending){s[me].level, visible(me, id), true};
    r->owner = me;
}

/* A lock of a transaction that has ended after this one began: a conflict or none, as the versions are kept. */
static bool may_conflict(int me, int id)
{
    return rows[id].owner != me && rows[id].locked > s[me].snapshot;
}

static uint64_t oldest_snapshot(void)
{
    uint64_t min = commits;

    for (int i = 0; i < SESSIONS; i++)
        if (s[i].level && s[i].snapshot < min)
            min = s[i].snapshot;
    return min;
}

static void prune(struct row *r)
{
    const uint64_t oldest = oldest_snapshot();
    struct version *v = r->versions;

    while (v && v->commit > oldest)
        v = v->older;
    if (!v)
        return;
    for (struct version *old = v->older, *next; old; old = next) {
        next = old->older;
        free(old);
    }
    v->older = NULL;
}

static void model_commit(int me)
{
    const unsigned level = s[me].level--;

    commits += level == 1;
    for (int id = 0; id < ROWS; id++) {
        struct row *r = &rows[id];
        struct pending *top;
        if (r->owner != me || r->nr == 0)
            continue;
        top = &r->stack[r->nr - 1];
        if (top->level != level)
            continue;
        if (level > 1) {
            top->level--;
            if (r->nr > 1 && r->stack[r->nr - 2].level == top->level) {
                r->stack[r->nr - 2] = *top;
                r->nr--;
            }
            continue;
        }
        if (top->lock) {
            r->locked = commits;
            r->nr = 0;
            r->owner = -1;
            continue;
        }
        struct version *v = malloc(sizeof(*v));
        *v = (struct version){commits, top->stamp, r->versions};
        r->versions = v;
        r->nr = 0;
        r->owner = -1;
        prune(r);
    }
}

static void model_rollback(int me)
{
    const unsigned level = s[me].level--;

    for (int id = 0; id < ROWS; id++) {
        struct row *r = &rows[id];
        if (r->owner != me || r->nr == 0 || r->stack[r->nr - 1].level != level)
            continue;
        if (--r->nr == 0)
            r->owner = -1;
    }
}

/* ---- the engine -------------------------------------------------------------------------------------- */

static JET_ERR seek(int me, int32_t id, JET_GRBIT how)
{
    CK(JetMakeKey(s[me].ses, s[me].table, &id, 4, JET_bitNewKey));
    return JetSeek(s[me].ses, s[me].table, how);
}

static void set_columns(int me, int32_t id, uint64_t stamp, bool all)
{
    static uint8_t v[VALUE_MAX];
    const uint32_t len = value_of(stamp, v);
    const int32_t k = k_of(stamp);
    JET_TABLEID t = s[me].table;

    if (all)
        CK(JetSetColumn(s[me].ses, t, col_id, &id, 4, 0, NULL));
    CK(JetSetColumn(s[me].ses, t, col_k, &k, 4, 0, NULL));
    CK(JetSetColumn(s[me].ses, t, col_d, &stamp, 8, 0, NULL));
    CK(JetSetColumn(s[me].ses, t, col_v, v, len, len ? 0 : JET_bitSetZeroLength, NULL));
}

static void check_row(int me, JET_TABLEID t, int32_t id, uint64_t stamp)
{
    static uint8_t want[VALUE_MAX], got[VALUE_MAX + 1];
    const uint32_t len = value_of(stamp, want);
    uint64_t stamp_got = 0;
    uint32_t n = 0;
    int32_t number = -1, k = -1;

    CK(JetRetrieveColumn(s[me].ses, t, col_id, &number, 4, NULL, 0, NULL));
    CK(JetRetrieveColumn(s[me].ses, t, col_k, &k, 4, NULL, 0, NULL));
    CK(JetRetrieveColumn(s[me].ses, t, col_d, &stamp_got, 8, NULL, 0, NULL));
    CK(JetRetrieveColumn(s[me].ses, t, col_v, got, sizeof(got), &n, 0, NULL));
    assert_int_equal(number, id);
    assert_int_equal(stamp_got, stamp);
    assert_int_equal(k, k_of(stamp));
    assert_int_equal(n, len);
    assert_memory_equal(got, want, len);
    nr_seen++;
}

/* ---- operations ------------------------------------------------------------------------------------------ */

static void op_begin(int me)
{
    if (s[me].level == LEVELS)
        return;
    CK(JetBeginTransaction(s[me].ses));
    if (s[me].level++ == 0)
        s[me].snapshot = commits;
}

static void op_commit(int me)
{
    CK(JetCommitTransaction(s[me].ses, rnd() % 200 ? JET_bitCommitLazyFlush : 0));
    model_commit(me);
}

static void op_rollback(int me)
{
    CK(JetRollback(s[me].ses, 0));
    model_rollback(me);
}

static void op_insert(int me, int32_t id)
{
    const uint64_t stamp = ++stamps;
    const bool must_fail = conflicts(me, id) || visible(me, id);
    JET_ERR err;

    CK(JetPrepareUpdate(s[me].ses, s[me].table, JET_prepInsert));
    set_columns(me, id, stamp, true);
    err = JetUpdate(s[me].ses, s[me].table, NULL, 0, NULL);
    if (must_fail || (err == JET_errKeyDuplicate && may_conflict(me, id))) {
        assert_int_equal(err, JET_errKeyDuplicate);
        CK(JetPrepareUpdate(s[me].ses, s[me].table, JET_prepCancel));
        nr_duplicates++;
        return;
    }
    CK(err);
    write_row(me, id, stamp);
}

static bool on_row(int me, int32_t id)
{
    const JET_ERR err = seek(me, id, JET_bitSeekEQ);

    if (!visible(me, id)) {
        assert_int_equal(err, JET_errRecordNotFound);
        return false;
    }
    CK(err);
    return true;
}

static void op_replace(int me, int32_t id)
{
    const uint64_t stamp = ++stamps;
    const bool must_fail = conflicts(me, id);
    JET_ERR err;

    if (!on_row(me, id))
        return;
    err = JetPrepareUpdate(s[me].ses, s[me].table, JET_prepReplace);
    if (must_fail || (err == JET_errWriteConflict && may_conflict(me, id))) {
        assert_int_equal(err, JET_errWriteConflict);
        nr_conflicts++;
        return;
    }
    CK(err);
    set_columns(me, id, stamp, false);
    if (rnd() % 16 == 0) {
        CK(JetPrepareUpdate(s[me].ses, s[me].table, JET_prepCancel));
        lock_row(me, id);
        return;
    }
    CK(JetUpdate(s[me].ses, s[me].table, NULL, 0, NULL));
    write_row(me, id, stamp);
}

static void op_delete(int me, int32_t id)
{
    const bool must_fail = conflicts(me, id);
    JET_ERR err;

    if (!on_row(me, id))
        return;
    err = JetDelete(s[me].ses, s[me].table);
    if (must_fail || (err == JET_errWriteConflict && may_conflict(me, id))) {
        assert_int_equal(err, JET_errWriteConflict);
        nr_conflicts++;
        return;
    }
    CK(err);
    write_row(me, id, 0);
}

static void op_read(int me, int32_t id)
{
    if (on_row(me, id))
        check_row(me, s[me].table, id, visible(me, id));
}

/* Some rows in a row, from a place between them, in either direction. */
static void op_range(int me, int32_t from)
{
    const bool up = rnd() % 2;
    int32_t id = from;
    JET_ERR err = seek(me, from, up ? JET_bitSeekGE : JET_bitSeekLE);

    for (uint64_t n = rnd() % 20; n > 0; n--) {
        while (id >= 0 && id < ROWS && !visible(me, id))
            id += up ? 1 : -1;
        if (id < 0 || id >= ROWS) {
            assert_true(err == JET_errRecordNotFound || err == JET_errNoCurrentRecord);
            return;
        }
        CK(err);
        check_row(me, s[me].table, id, visible(me, id));
        id += up ? 1 : -1;
        err = JetMove(s[me].ses, s[me].table, up ? JET_MoveNext : JET_MovePrevious, 0);
    }
}

/* All rows with one k, by the secondary index: in the order of their ids. */
static void op_index(int me)
{
    const int32_t k = (int32_t)(rnd() % 128);
    JET_TABLEID t = s[me].by_k;
    JET_ERR err;

    CK(JetMakeKey(s[me].ses, t, &k, 4, JET_bitNewKey));
    err = JetSeek(s[me].ses, t, JET_bitSeekEQ | JET_bitSetIndexRange);
    for (int id = 0; id < ROWS; id++) {
        const uint64_t stamp = visible(me, id);
        if (!stamp || k_of(stamp) != k)
            continue;
        CK(err);
        check_row(me, t, id, stamp);
        err = JetMove(s[me].ses, t, JET_MoveNext, 0);
    }
    assert_true(err == JET_errRecordNotFound || err == JET_errNoCurrentRecord);
}

/* Everything, by both indexes. */
static void check_all(int me)
{
    uint32_t nr = 0, count = 0;
    JET_ERR err = JetMove(s[me].ses, s[me].table, JET_MoveFirst, 0);

    for (int id = 0; id < ROWS; id++) {
        if (!visible(me, id))
            continue;
        CK(err);
        check_row(me, s[me].table, id, visible(me, id));
        err = JetMove(s[me].ses, s[me].table, JET_MoveNext, 0);
        nr++;
    }
    assert_int_equal(err, JET_errNoCurrentRecord);
    err = JetMove(s[me].ses, s[me].by_k, JET_MoveFirst, 0);
    if (nr) {
        CK(err);
        CK(JetIndexRecordCount(s[me].ses, s[me].by_k, &count, 0));
    }
    assert_int_equal(count, nr);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static uint32_t page_size;

static void open_sessions(bool make)
{
    JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL};

    if (make) /* once for the process, before any instance starts */
        CK(JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL));
    CK(JetCreateInstance2(&inst, "model", NULL, 0));
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, dir));
    CK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, dir));
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogFileSize, 256, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCheckpointDepthMax, 1 << 20, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCircularLog, 1, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramMaxVerPages, 512, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCacheSizeMax, 200, NULL));
    CK(JetInit(&inst));
    for (int i = 0; i < SESSIONS; i++) {
        CK(JetBeginSession(inst, &s[i].ses, NULL, NULL));
        if (i == 0 && make) {
            CK(JetCreateDatabase2(s[0].ses, path, 0, &s[0].db, 0));
            CK(JetCreateTable(s[0].ses, s[0].db, "t", 1, 90, &s[0].table));
            CK(JetAddColumn(s[0].ses, s[0].table, "id", &def, NULL, 0, &col_id));
            CK(JetAddColumn(s[0].ses, s[0].table, "k", &def, NULL, 0, &col_k));
            def.coltyp = JET_coltypCurrency;
            CK(JetAddColumn(s[0].ses, s[0].table, "d", &def, NULL, 0, &col_d));
            def.coltyp = JET_coltypLongBinary;
            def.grbit = 0;
            CK(JetAddColumn(s[0].ses, s[0].table, "v", &def, NULL, 0, &col_v));
            CK(JetCreateIndex(s[0].ses, s[0].table, "pk", JET_bitIndexPrimary, "+id\0", 5, 90));
            CK(JetCreateIndex(s[0].ses, s[0].table, "k", 0, "+k\0", 4, 90));
            CK(JetCreateIndex(s[0].ses, s[0].table, "d", JET_bitIndexUnique, "-d\0", 4, 90));
            CK(JetCloseTable(s[0].ses, s[0].table));
        } else {
            if (i == 0)
                CK(JetAttachDatabase(s[0].ses, path, 0));
            CK(JetOpenDatabase(s[i].ses, path, NULL, &s[i].db, 0));
        }
        CK(JetOpenTable(s[i].ses, s[i].db, "t", NULL, 0, 0, &s[i].table));
        CK(JetDupCursor(s[i].ses, s[i].table, &s[i].by_k, 0));
        CK(JetSetCurrentIndex(s[i].ses, s[i].by_k, "k"));
    }
}

static void end_transactions(void)
{
    for (int i = 0; i < SESSIONS; i++)
        while (s[i].level)
            rnd() % 2 ? op_commit(i) : op_rollback(i);
}

static void check_sound(void)
{
    uint64_t faults = 0;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    CK(ese_integrity(fd, path, NULL, NULL, NULL, NULL, &faults));
    assert_int_equal(faults, 0);
    close(fd);
}

static void restart(void)
{
    const bool dirty = rnd() % 2;

    end_transactions();
    if (dirty)
        CK(JetCommitTransaction(s[0].ses, JET_bitWaitAllLevel0Commit));
    CK(dirty ? JetTerm2(inst, JET_bitTermDirty) : JetTerm(inst));
    if (!dirty)
        check_sound();
    open_sessions(false);
    check_all(0);
}

static void one_operation(void)
{
    const int me = (int)(rnd() % SESSIONS);
    const int32_t id = (int32_t)(rnd() % ROWS);
    const unsigned what = (unsigned)(rnd() % 100);

    if (s[me].level == 0 || what < 4)
        op_begin(me);
    else if (what < 10)
        op_commit(me);
    else if (what < 14)
        op_rollback(me);
    else if (what < 34)
        op_insert(me, id);
    else if (what < 56)
        op_replace(me, id);
    else if (what < 70)
        op_delete(me, id);
    else if (what < 90)
        op_read(me, id);
    else if (what < 97)
        op_range(me, id);
    else
        op_index(me);
    nr_ops++;
}

static void sessions_see_what_the_model_says(void **state)
{
    const char *want = getenv("MODEL_OPS"), *page = getenv("MODEL_PAGE");
    const uint64_t ops = want ? strtoull(want, NULL, 0) : 60000;
    static const uint32_t sizes[] = {4096, 8192, 16384, 32768};

    (void)state;
    page_size = page ? (uint32_t)atoi(page) : sizes[rnd() % 4];
    print_message("model: %llu operations, pages of %u bytes\n", (unsigned long long)ops,
                  page_size);
    for (int id = 0; id < ROWS; id++)
        rows[id].owner = -1;
    open_sessions(true);
    while (nr_ops < ops) {
        one_operation();
        if (rnd() % (ops / 6 + 1) == 0)
            restart();
        if (nr_ops % 1000000 == 0)
            print_message("model: %llu operations\n", (unsigned long long)nr_ops);
    }
    for (int i = 0; i < SESSIONS; i++)
        check_all(i);
    end_transactions();
    check_all(0);
    CK(JetTerm(inst));
    check_sound();
    print_message("model: %llu rows compared, %llu conflicts, %llu duplicates, %llu commits\n",
                  (unsigned long long)nr_seen, (unsigned long long)nr_conflicts,
                  (unsigned long long)nr_duplicates, (unsigned long long)commits);
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/esefs-model-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/model.edb", dir);
    return 0;
}

static int remove_dir(void **state)
{
    DIR *dp = opendir(dir);
    struct dirent *e;

    (void)state;
    while (dp && (e = readdir(dp)))
        unlinkat(dirfd(dp), e->d_name, 0);
    closedir(dp);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sessions_see_what_the_model_says, make_dir, remove_dir)};

    rnd_init("model");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
