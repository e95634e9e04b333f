/* The transactions of the campaigns, and what they leave behind. */
#include "crash.h"
#include "disk.h"

struct shared *sh;
struct config conf;

uint64_t mix(uint64_t x)
{
    x ^= x >> 30, x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27, x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* ---- what a stamp stands for ------------------------------------------------------------------------ */

static uint64_t stamp_of(unsigned w, uint64_t t, unsigned op)
{
    return (uint64_t)(w + 1) << 48 | t << 12 | op;
}

int32_t k_of(uint64_t stamp)
{
    return (int32_t)(mix(stamp) >> 57);
}

static uint32_t fill(uint64_t x, uint8_t *v, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        v[i] = (uint8_t)x;
    }
    return len;
}

uint32_t binary_of(uint64_t stamp, uint8_t *v)
{
    const uint64_t x = mix(stamp + 1) | 1;

    return fill(x, v, (uint32_t)(x >> 32) % 200 + 1);
}

uint32_t lv_of(uint64_t stamp, uint8_t *v)
{
    const uint64_t x = mix(stamp + 2) | 1;
    const unsigned kind = (unsigned)(x >> 58);

    return fill(x, v,
                1 + (uint32_t)(x >> 24) % (kind < 40   ? 60u
                                           : kind < 54 ? 1500u
                                           : kind < 63 ? 9000u
                                                       : LV_MAX - 1));
}

/* ---- what a transaction does ------------------------------------------------------------------------- */

enum what { INSERT, REPLACE, REPLACE_ROW, DELETE };
enum ddl { NO_DDL, MAKE_TABLE, DROP_TABLE, MAKE_INDEX, DROP_INDEX, ADD_COLUMN };

static uint64_t draw(unsigned w, uint64_t t, unsigned op)
{
    return mix(conf.seed ^ mix(stamp_of(w, t, op)));
}

static unsigned nr_ops(unsigned w, uint64_t t)
{
    const uint64_t x = draw(w, t, 4000);

    return x % 40 == 0 ? 60 + (unsigned)(x >> 32) % 60 : 1 + (unsigned)(x >> 32) % 8;
}

static enum what what_of(const struct state *s, unsigned slot, uint64_t x)
{
    const unsigned r = (unsigned)(x >> 40) % 100;

    if (!s->row[slot])
        return INSERT;
    return r < 35 ? REPLACE : r < 60 ? REPLACE_ROW : DELETE;
}

static enum ddl ddl_of(const struct state *s, uint64_t x)
{
    if (x % 30 != 0)
        return NO_DDL;
    if (!s->table)
        return MAKE_TABLE;
    x >>= 32;
    return x % 4 == 0                       ? DROP_TABLE
           : x % 4 == 1 && s->columns < 100 ? ADD_COLUMN
           : s->index                       ? DROP_INDEX
                                            : MAKE_INDEX;
}

int64_t counter_of(unsigned w, uint64_t t)
{
    return (int64_t)(draw(w, t, 4001) % 100) - 40;
}

unsigned own_rows(uint64_t made)
{
    return (unsigned)(mix(made) % 60);
}

void own_name(char *name, size_t len, unsigned w)
{
    snprintf(name, len, "own%u", w);
}

static void note_op(struct state *s, enum what what, unsigned slot, uint64_t stamp)
{
    if (what == INSERT || what == REPLACE)
        s->lv[slot] = stamp;
    s->row[slot] = what == DELETE ? 0 : stamp;
}

static void note_ddl(struct state *s, enum ddl ddl, uint64_t t)
{
    switch (ddl) {
    case MAKE_TABLE:
        s->table = t;
        s->nr_rows = own_rows(t);
        s->index = false;
        s->columns = 0;
        break;
    case DROP_TABLE:
        s->table = 0;
        break;
    case MAKE_INDEX:
    case DROP_INDEX:
        s->index = ddl == MAKE_INDEX;
        break;
    case ADD_COLUMN:
        s->columns++;
        break;
    case NO_DDL:
        break;
    }
}

static void note(struct state *s, unsigned w, uint64_t t)
{
    for (unsigned i = 0; i < nr_ops(w, t); i++) {
        const uint64_t x = draw(w, t, i);
        const unsigned slot = (unsigned)x % SLOTS;
        note_op(s, what_of(s, slot, x), slot, stamp_of(w, t, i));
    }
    note_ddl(s, ddl_of(s, draw(w, t, 4002)), t);
    s->counter += counter_of(w, t);
}

void state_after(unsigned w, uint64_t t, struct state *s)
{
    memset(s, 0, sizeof(*s));
    for (uint64_t i = 1; i <= t; i++)
        note(s, w, i);
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

static JET_ERR seek_row(struct worker *w, unsigned slot)
{
    const int32_t nr = (int32_t)w->nr, at = (int32_t)slot;
    JET_ERR err;

    TRY(JetMakeKey(w->ses, w->rows, &nr, 4, JET_bitNewKey));
    TRY(JetMakeKey(w->ses, w->rows, &at, 4, 0));
    return JetSeek(w->ses, w->rows, JET_bitSeekEQ);
}

static JET_ERR set_row(struct worker *w, unsigned slot, uint64_t stamp, enum what what)
{
    const int32_t nr = (int32_t)w->nr, at = (int32_t)slot, k = k_of(stamp), m1 = k + 1000,
                  m2 = k + 2000;
    JET_SETINFO second = {sizeof(second), 0, 2};
    uint8_t b[256];
    const uint32_t len = binary_of(stamp, b);
    JET_ERR err;

    if (what == INSERT) {
        TRY(JetSetColumn(w->ses, w->rows, w->c.w, &nr, 4, 0, NULL));
        TRY(JetSetColumn(w->ses, w->rows, w->c.slot, &at, 4, 0, NULL));
    }
    TRY(JetSetColumn(w->ses, w->rows, w->c.k, &k, 4, 0, NULL));
    TRY(JetSetColumn(w->ses, w->rows, w->c.u, &stamp, 8, 0, NULL));
    TRY(JetSetColumn(w->ses, w->rows, w->c.b, b, len, 0, NULL));
    TRY(JetSetColumn(w->ses, w->rows, w->c.m, &m1, 4, 0, NULL));
    TRY(JetSetColumn(w->ses, w->rows, w->c.m, &m2, 4, 0, &second));
    if (what != REPLACE_ROW) {
        const uint32_t n = lv_of(stamp, w->value);
        TRY(JetSetColumn(w->ses, w->rows, w->c.v, w->value, n, 0, NULL));
    }
    return JET_errSuccess;
}

static JET_ERR do_op(struct worker *w, enum what what, unsigned slot, uint64_t stamp)
{
    JET_ERR err;

    if (what != INSERT)
        TRY(seek_row(w, slot));
    if (what == DELETE)
        return JetDelete(w->ses, w->rows);
    TRY(JetPrepareUpdate(w->ses, w->rows, what == INSERT ? JET_prepInsert : JET_prepReplace));
    err = set_row(w, slot, stamp, what);
    if (err >= 0)
        err = JetUpdate(w->ses, w->rows, NULL, 0, NULL);
    if (err < 0)
        (void)JetPrepareUpdate(w->ses, w->rows, JET_prepCancel);
    atomic_fetch_add(&sh->rows, 1);
    return err;
}

/* ---- tables come and go ------------------------------------------------------------------------------------ */

static JET_ERR fill_own(struct worker *w, JET_TABLEID t, JET_COLUMNID id, JET_COLUMNID x,
                        uint64_t made)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < own_rows(made) && err >= 0; i++) {
        const int32_t nr = (int32_t)i;
        const uint64_t value = mix(made + i);
        TRY(JetPrepareUpdate(w->ses, t, JET_prepInsert));
        err = JetSetColumn(w->ses, t, id, &nr, 4, 0, NULL);
        if (err >= 0)
            err = JetSetColumn(w->ses, t, x, &value, 8, 0, NULL);
        if (err >= 0)
            err = JetUpdate(w->ses, t, NULL, 0, NULL);
    }
    return err;
}

static JET_ERR make_own(struct worker *w, const char *name, uint64_t made)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    JET_COLUMNID id, x;
    JET_TABLEID t;
    JET_ERR err, err2;

    TRY(JetCreateTable(w->ses, w->db, name, 1, 80, &t));
    err = JetAddColumn(w->ses, t, "id", &def, NULL, 0, &id);
    def.coltyp = JET_coltypCurrency;
    if (err >= 0)
        err = JetAddColumn(w->ses, t, "x", &def, NULL, 0, &x);
    if (err >= 0)
        err = JetCreateIndex(w->ses, t, "pk", JET_bitIndexPrimary, "+id\0", 5, 90);
    if (err >= 0)
        err = fill_own(w, t, id, x, made);
    err2 = JetCloseTable(w->ses, t);
    return err < 0 ? err : err2;
}

static JET_ERR change_own(struct worker *w, const char *name, enum ddl ddl, unsigned columns)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLongText, .cp = 1200};
    JET_COLUMNID c;
    char column[16];
    JET_TABLEID t;
    JET_ERR err, err2;

    TRY(JetOpenTable(w->ses, w->db, name, NULL, 0, JET_bitTableDenyRead, &t));
    snprintf(column, sizeof(column), "c%u", columns);
    if (ddl == MAKE_INDEX)
        err = JetCreateIndex(w->ses, t, "x", 0, "+x\0", 4, 90);
    else if (ddl == DROP_INDEX)
        err = JetDeleteIndex(w->ses, t, "x");
    else
        err = JetAddColumn(w->ses, t, column, &def, NULL, 0, &c);
    err2 = JetCloseTable(w->ses, t);
    return err < 0 ? err : err2;
}

static JET_ERR do_ddl(struct worker *w, enum ddl ddl, uint64_t t, unsigned columns)
{
    char name[16];

    own_name(name, sizeof(name), w->nr);
    if (ddl == NO_DDL)
        return JET_errSuccess;
    if (ddl == MAKE_TABLE)
        return make_own(w, name, t);
    if (ddl == DROP_TABLE)
        return JetDeleteTable(w->ses, w->db, name);
    return change_own(w, name, ddl, columns);
}

/* ---- a transaction --------------------------------------------------------------------------------------------- */

static JET_ERR do_mark(struct worker *w, uint64_t t)
{
    const int32_t nr = (int32_t)w->nr;
    JET_ERR err;

    TRY(JetMakeKey(w->ses, w->marks, &nr, 4, JET_bitNewKey));
    TRY(JetSeek(w->ses, w->marks, JET_bitSeekEQ));
    TRY(JetPrepareUpdate(w->ses, w->marks, JET_prepReplace));
    err = JetSetColumn(w->ses, w->marks, w->mark_t, &t, 8, 0, NULL);
    if (err >= 0)
        err = JetUpdate(w->ses, w->marks, NULL, 0, NULL);
    if (err < 0)
        (void)JetPrepareUpdate(w->ses, w->marks, JET_prepCancel);
    return err;
}

static JET_ERR do_counter(struct worker *w, uint64_t t)
{
    int32_t delta = (int32_t)counter_of(w->nr, t);
    JET_ERR err;

    TRY(JetMove(w->ses, w->counter, JET_MoveFirst, 0));
    return JetEscrowUpdate(w->ses, w->counter, w->count, &delta, 4, NULL, 0, NULL, 0);
}

/* Rows that are taken back again, in a level of their own. */
static JET_ERR do_level(struct worker *w, const struct state *s, uint64_t x)
{
    struct state inner = *s;
    JET_ERR err;

    TRY(JetBeginTransaction(w->ses));
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t y = mix(x + i);
        const unsigned slot = (unsigned)y % SLOTS;
        const uint64_t stamp = stamp_of(w->nr, 0x800000000 + (x & 0xffffff), i);
        const enum what what = what_of(&inner, slot, y);
        TRY(do_op(w, what, slot, stamp));
        note_op(&inner, what, slot, stamp);
    }
    return JetRollback(w->ses, 0);
}

static JET_ERR do_all(struct worker *w, struct state *s, uint64_t t)
{
    const unsigned nr = nr_ops(w->nr, t);
    enum ddl ddl;
    JET_ERR err;

    for (unsigned i = 0; i < nr; i++) {
        const uint64_t x = draw(w->nr, t, i);
        const unsigned slot = (unsigned)x % SLOTS;
        const enum what what = what_of(s, slot, x);
        TRY(do_op(w, what, slot, stamp_of(w->nr, t, i)));
        note_op(s, what, slot, stamp_of(w->nr, t, i));
        if (x >> 58 == 5)
            TRY(do_level(w, s, x));
    }
    ddl = ddl_of(s, draw(w->nr, t, 4002));
    TRY(do_ddl(w, ddl, t, s->columns));
    note_ddl(s, ddl, t);
    s->counter += counter_of(w->nr, t);
    TRY(do_counter(w, t));
    return do_mark(w, t);
}

static void raise_to(_Atomic uint64_t *p, uint64_t v)
{
    uint64_t old = atomic_load(p);

    while (old < v && !atomic_compare_exchange_weak(p, &old, v))
        ;
}

static JET_ERR commit(struct worker *w, uint64_t t)
{
    const uint64_t x = draw(w->nr, t, 4003);
    const bool lazy = x % 10 < 7;
    uint64_t before[WORKERS_MAX];
    bool lost;
    JET_ERR err;

    for (unsigned i = 0; i < conf.workers; i++)
        before[i] = atomic_load(&sh->acked[i]);
    lost = conf.log_lost && atomic_load(&sh->hit);
    atomic_store(&sh->attempted[w->nr], t);
    TRY(JetCommitTransaction(w->ses, lazy ? JET_bitCommitLazyFlush : 0));
    before[w->nr] = t;
    atomic_store(&sh->acked[w->nr], t);
    atomic_fetch_add(&sh->commits, 1);
    if (lazy && x % 10 < 6)
        return JET_errSuccess;
    if (lazy) { /* and others' commits up to here */
        for (unsigned i = 0; i < conf.workers; i++)
            before[i] = atomic_load(&sh->acked[i]);
        TRY(JetCommitTransaction(w->ses, JET_bitWaitAllLevel0Commit));
    }
    if (lost)
        broken("a commit was durable, and the log could not be written");
    for (unsigned i = 0; i < conf.workers; i++)
        raise_to(&sh->promised[i], before[i]);
    return JET_errSuccess;
}

static bool is_conflict(JET_ERR err)
{
    return err == JET_errWriteConflict || err == JET_errVersionStoreOutOfMemory ||
           err == JET_errVersionStoreOutOfMemoryAndCleanupTimedOut;
}

bool is_down(JET_INSTANCE inst)
{
    JET_SESID ses;
    JET_ERR err;

    if (conf.may_fail)
        disk_heal(); /* it is not the memory for this session that is to fail */
    err = JetBeginSession(inst, &ses, NULL, NULL);
    if (err >= 0)
        err = JetEndSession(ses, 0);
    return err == JET_errInstanceUnavailable;
}

/* Back to level 0. A transaction can always be rolled back, while the instance runs. */
static void back(struct worker *w)
{
    uint32_t level = 0;
    JET_ERR err =
        JetGetSessionParameter(w->ses, JET_sesparamTransactionLevel, &level, sizeof(level), NULL);

    if (err >= 0 && level)
        err = JetRollback(w->ses, JET_bitRollbackAll);
    if (err < 0 && !is_down(w->inst))
        broken("rolling back: %s, and the instance goes on", ese_err_name(err));
    w->err = err < 0 ? err : w->err;
}

static JET_ERR transaction(struct worker *w, uint64_t t)
{
    const bool twice = draw(w->nr, t, 4004) % 12 == 0;
    struct state s = w->s;
    JET_ERR err;

    TRY(JetBeginTransaction(w->ses));
    TRY(do_all(w, &s, t));
    if (twice) {
        TRY(JetRollback(w->ses, 0));
        s = w->s;
        TRY(JetBeginTransaction(w->ses));
        TRY(do_all(w, &s, t));
    }
    TRY(commit(w, t));
    if (draw(w->nr, t, 4005) % 40 == 0) /* the checkpoint goes to the end of the log */
        (void)JetStopServiceInstance2(w->inst, JET_bitStopServiceQuiesceCaches);
    w->s = s;
    w->t = t;
    return JET_errSuccess;
}

static bool step(struct worker *w)
{
    const uint64_t t = w->t + 1;
    JET_ERR err = transaction(w, t);

    if (err >= 0)
        return true;
    if (!conf.may_fail && !is_conflict(err))
        must(err, "a transaction");
    if (atomic_load(&sh->attempted[w->nr]) ==
        t) { /* it may be there or not: only a new start tells */
        w->err = err;
        back(w);
        return false;
    }
    back(w);
    return w->err >= 0;
}

/* ---- workers ------------------------------------------------------------------------------------------------------- */

static JET_ERR column(JET_SESID ses, JET_TABLEID t, const char *name, JET_COLUMNID *ret)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    JET_ERR err = JetGetTableColumnInfo(ses, t, name, &def, sizeof(def), JET_ColInfo);

    *ret = def.columnid;
    return err;
}

static JET_ERR open_tables(struct worker *w)
{
    JET_ERR err;

    TRY(JetOpenTable(w->ses, w->db, "rows", NULL, 0, 0, &w->rows));
    TRY(JetOpenTable(w->ses, w->db, "marks", NULL, 0, 0, &w->marks));
    TRY(JetOpenTable(w->ses, w->db, "counter", NULL, 0, 0, &w->counter));
    TRY(column(w->ses, w->rows, "w", &w->c.w));
    TRY(column(w->ses, w->rows, "slot", &w->c.slot));
    TRY(column(w->ses, w->rows, "k", &w->c.k));
    TRY(column(w->ses, w->rows, "u", &w->c.u));
    TRY(column(w->ses, w->rows, "b", &w->c.b));
    TRY(column(w->ses, w->rows, "m", &w->c.m));
    TRY(column(w->ses, w->rows, "v", &w->c.v));
    TRY(column(w->ses, w->marks, "w", &w->mark_w));
    TRY(column(w->ses, w->marks, "t", &w->mark_t));
    return column(w->ses, w->counter, "n", &w->count);
}

JET_ERR open_worker(JET_INSTANCE inst, unsigned nr, struct worker *w)
{
    JET_ERR err;

    memset(w, 0, sizeof(*w));
    w->nr = nr;
    w->inst = inst;
    TRY(JetBeginSession(inst, &w->ses, NULL, NULL));
    TRY(JetOpenDatabase(w->ses, conf.db, NULL, &w->db, 0));
    return open_tables(w);
}

static void *run_one(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; w->to_do == 0 || i < w->to_do; i++)
        if (!step(w))
            break;
    return NULL;
}

static void run_in_turn(struct worker *w, unsigned nr)
{
    unsigned left = conf.workers;
    bool done[WORKERS_MAX] = {false};

    for (unsigned i = 0; (nr == 0 || i < nr) && left > 0; i++)
        for (unsigned n = 0; n < conf.workers; n++)
            if (!done[n] && !step(&w[n])) {
                done[n] = true;
                left--;
            }
}

JET_ERR run_workers(JET_INSTANCE inst, unsigned nr)
{
    static struct worker w[WORKERS_MAX];
    pthread_t thread[WORKERS_MAX];
    JET_ERR err;

    for (unsigned i = 0; i < conf.workers; i++) {
        TRY(open_worker(inst, i, &w[i]));
        w[i].to_do = nr;
        w[i].t = atomic_load(&sh->acked[i]);
        state_after(i, w[i].t, &w[i].s);
    }
    if (!conf.threads) {
        run_in_turn(w, nr);
    } else {
        for (unsigned i = 0; i < conf.workers; i++)
            if (pthread_create(&thread[i], NULL, run_one, &w[i]) != 0)
                broken("no thread");
        for (unsigned i = 0; i < conf.workers; i++)
            pthread_join(thread[i], NULL);
    }
    for (unsigned i = 0; i < conf.workers; i++)
        if (w[i].err < 0)
            return w[i].err;
    return JET_errSuccess;
}

/* ---- making --------------------------------------------------------------------------------------------------------- */

static JET_ERR add(JET_SESID ses, JET_TABLEID t, const char *name, JET_COLTYP type, JET_GRBIT grbit)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = type, .grbit = grbit};
    const int32_t zero = 0;
    JET_COLUMNID id;

    return JetAddColumn(ses, t, name, &def, grbit & JET_bitColumnEscrowUpdate ? &zero : NULL,
                        grbit & JET_bitColumnEscrowUpdate ? 4 : 0, &id);
}

static JET_ERR make_rows(JET_SESID ses, JET_TABLEID t)
{
    JET_ERR err;

    TRY(add(ses, t, "w", JET_coltypLong, JET_bitColumnNotNULL));
    TRY(add(ses, t, "slot", JET_coltypLong, JET_bitColumnNotNULL));
    TRY(add(ses, t, "k", JET_coltypLong, 0));
    TRY(add(ses, t, "u", JET_coltypCurrency, 0));
    TRY(add(ses, t, "b", JET_coltypBinary, 0));
    TRY(add(ses, t, "m", JET_coltypLong, JET_bitColumnTagged | JET_bitColumnMultiValued));
    TRY(add(ses, t, "v", JET_coltypLongBinary, 0));
    TRY(JetCreateIndex(ses, t, "pk", JET_bitIndexPrimary, "+w\0+slot\0", 10, 80));
    TRY(JetCreateIndex(ses, t, "k", 0, "+k\0", 4, 80));
    TRY(JetCreateIndex(ses, t, "u", JET_bitIndexUnique, "-u\0", 4, 100));
    TRY(JetCreateIndex(ses, t, "m", 0, "+m\0", 4, 80));
    return JetCreateIndex(ses, t, "bk", 0, "+b\0-k\0", 7, 80);
}

static JET_ERR make_marks(JET_SESID ses, JET_TABLEID t)
{
    JET_COLUMNID w, mark;
    const uint64_t zero = 0;
    JET_ERR err;

    TRY(add(ses, t, "w", JET_coltypLong, JET_bitColumnNotNULL));
    TRY(add(ses, t, "t", JET_coltypCurrency, 0));
    TRY(JetCreateIndex(ses, t, "pk", JET_bitIndexPrimary, "+w\0", 4, 80));
    TRY(column(ses, t, "w", &w));
    TRY(column(ses, t, "t", &mark));
    for (int32_t i = 0; i < (int32_t)conf.workers; i++) {
        TRY(JetPrepareUpdate(ses, t, JET_prepInsert));
        TRY(JetSetColumn(ses, t, w, &i, 4, 0, NULL));
        TRY(JetSetColumn(ses, t, mark, &zero, 8, 0, NULL));
        TRY(JetUpdate(ses, t, NULL, 0, NULL));
    }
    return JET_errSuccess;
}

static JET_ERR make_counter(JET_SESID ses, JET_TABLEID t)
{
    JET_ERR err;

    TRY(add(ses, t, "n", JET_coltypLong, JET_bitColumnEscrowUpdate | JET_bitColumnFixed));
    TRY(JetPrepareUpdate(ses, t, JET_prepInsert));
    return JetUpdate(ses, t, NULL, 0, NULL);
}

static JET_ERR make_table(JET_SESID ses, JET_DBID db, const char *name,
                          JET_ERR (*make)(JET_SESID ses, JET_TABLEID t))
{
    JET_TABLEID t;
    JET_ERR err, err2;

    TRY(JetCreateTable(ses, db, name, 1, 80, &t));
    err = make(ses, t);
    err2 = JetCloseTable(ses, t);
    return err < 0 ? err : err2;
}

/* All in one transaction: they are there or not. */
static JET_ERR make_all(JET_SESID ses, JET_DBID db)
{
    JET_ERR err;

    TRY(JetBeginTransaction(ses));
    err = make_table(ses, db, "rows", make_rows);
    if (err >= 0)
        err = make_table(ses, db, "marks", make_marks);
    if (err >= 0)
        err = make_table(ses, db, "counter", make_counter);
    if (err >= 0)
        err = JetCommitTransaction(ses, 0);
    if (err < 0)
        (void)JetRollback(ses, JET_bitRollbackAll);
    return err;
}

JET_ERR make_tables(JET_INSTANCE inst)
{
    JET_SESID ses;
    JET_DBID db;
    JET_ERR err;

    TRY(JetBeginSession(inst, &ses, NULL, NULL));
    err = JetAttachDatabase(ses, conf.db, 0);
    if (err == JET_errFileNotFound) {
        TRY(JetCreateDatabase2(ses, conf.db, 0, &db, 0));
    } else {
        TRY(err);
        TRY(JetOpenDatabase(ses, conf.db, NULL, &db, 0));
    }
    err = make_all(ses, db);
    if (err >= 0)
        atomic_store(&sh->made, true);
    return err;
}
