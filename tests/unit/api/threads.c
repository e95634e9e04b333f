/*
 * Many threads, a session each, on one table: accounts with a balance, money moved between them in
 * transactions that conflict, are repeated, rolled back. At every moment each snapshot has all the
 * money. Meanwhile rows with long values come and go in another table, so that its trees grow and
 * shrink, an index comes and goes, tables too.
 *
 * THREADS_ROUNDS: transactions of each mover (default 150); under ThreadSanitizer some thousands
 * are worth the time.
 */
#include "apitest.h"

#include <stdatomic.h>

#define NR_ACCOUNTS 64
#define START       1000
#define NR_MOVERS   5
#define NR_FILLERS  3
#define NR_WORKERS  (NR_MOVERS + NR_FILLERS + 2)
#define ROUNDS      150
#define ROWS        40 /* that a filler keeps, about */

static unsigned rounds = ROUNDS;

struct world {
    struct fix *f;
    JET_COLUMNID id, balance, note;
    atomic_bool done;
};

struct worker {
    pthread_t thread;
    struct world *w;
    unsigned number;
    uint64_t rng;
    JET_SESID s;
    JET_TABLEID t;
    JET_ERR err; /* what went wrong; 0: nothing */
    int line;    /* where */
    unsigned moved, conflicts;
};

static uint64_t draw(struct worker *k)
{
    k->rng ^= k->rng >> 12;
    k->rng ^= k->rng << 25;
    k->rng ^= k->rng >> 27;
    return k->rng * UINT64_C(2685821657736338717);
}

/* In a worker nothing asserts: the verdict is kept and looked at by who joins it. */
#define TRY(call)                   \
    do {                            \
        JET_ERR e_ = (call);        \
        if (e_ < 0) {               \
            if (k->err == 0) {      \
                k->err = e_;        \
                k->line = __LINE__; \
            }                       \
            return e_;              \
        }                           \
    } while (0)

static JET_ERR begin_work(struct worker *k)
{
    JET_DBID d;

    TRY(JetBeginSession(k->w->f->inst, &k->s, NULL, NULL));
    TRY(JetOpenDatabase(k->s, k->w->f->db, NULL, &d, 0));
    TRY(JetOpenTable(k->s, d, "accounts", NULL, 0, 0, &k->t));
    return 0;
}

/* A conflict is no error: the transaction is repeated. */
static JET_ERR change(struct worker *k, int32_t id, int32_t by)
{
    int32_t balance;
    uint8_t note[3000];
    JET_ERR err;

    TRY(JetMakeKey(k->s, k->t, &id, 4, JET_bitNewKey));
    TRY(JetSeek(k->s, k->t, JET_bitSeekEQ));
    err = JetPrepareUpdate(k->s, k->t, JET_prepReplace);
    if (err == JET_errWriteConflict)
        return err;
    TRY(err);
    TRY(JetRetrieveColumn(k->s, k->t, k->w->balance, &balance, 4, NULL, 0, NULL));
    balance += by;
    TRY(JetSetColumn(k->s, k->t, k->w->balance, &balance, 4, 0, NULL));
    memset(note, (int)draw(k), sizeof(note));
    TRY(JetSetColumn(k->s, k->t, k->w->note, note, (uint32_t)(draw(k) % sizeof(note)), 0, NULL));
    err = JetUpdate(k->s, k->t, NULL, 0, NULL);
    if (err == JET_errWriteConflict) {
        TRY(JetPrepareUpdate(k->s, k->t, JET_prepCancel));
        return err;
    }
    TRY(err);
    return 0;
}

static JET_ERR move_money(struct worker *k)
{
    const int32_t from = (int32_t)(draw(k) % NR_ACCOUNTS), to = (int32_t)(draw(k) % NR_ACCOUNTS),
                  amount = (int32_t)(draw(k) % 50);
    JET_ERR err;

    if (from == to)
        return 0;
    TRY(JetBeginTransaction(k->s));
    err = change(k, from, -amount);
    if (err >= 0)
        err = change(k, to, amount);
    if (k->err)
        return k->err;
    if (err < 0 || draw(k) % 8 == 0) {
        TRY(JetRollback(k->s, 0));
        k->conflicts += err < 0;
        return 0;
    }
    TRY(JetCommitTransaction(k->s, 0));
    k->moved++;
    return 0;
}

static void *mover(void *arg)
{
    struct worker *k = arg;

    if (begin_work(k) < 0)
        return NULL;
    for (unsigned i = 0; i < rounds && k->err == 0; i++)
        (void)move_money(k);
    if (k->err == 0)
        k->err = JetEndSession(k->s, 0);
    return NULL;
}

static JET_ERR sum(struct worker *k, const char *index)
{
    int64_t total = 0;
    int32_t balance;
    unsigned nr = 0;
    JET_ERR err;

    TRY(JetBeginTransaction(k->s));
    err = JetSetCurrentIndex(k->s, k->t, index);
    if (err == JET_errIndexNotFound) { /* not there at the moment */
        TRY(JetRollback(k->s, 0));
        return 0;
    }
    TRY(err);
    for (err = JetMove(k->s, k->t, JET_MoveFirst, 0); err >= 0;
         err = JetMove(k->s, k->t, JET_MoveNext, 0)) {
        TRY(JetRetrieveColumn(k->s, k->t, k->w->balance, &balance, 4, NULL, 0, NULL));
        total += balance;
        nr++;
    }
    if (err != JET_errNoCurrentRecord)
        TRY(err);
    TRY(JetSetCurrentIndex(k->s, k->t, NULL));
    TRY(JetCommitTransaction(k->s, 0));
    if (nr != NR_ACCOUNTS || total != NR_ACCOUNTS * START)
        TRY(JET_errInternalError);
    k->moved++;
    return 0;
}

static void *adder(void *arg)
{
    struct worker *k = arg;

    if (begin_work(k) < 0)
        return NULL;
    while (!atomic_load(&k->w->done) && k->err == 0) {
        (void)sum(k, NULL);
        if (k->err == 0)
            (void)sum(k, "balance");
    }
    if (k->err == 0)
        k->err = JetEndSession(k->s, 0);
    return NULL;
}

/* Each filler has numbers of its own; what it deletes is the oldest it has. */
static JET_ERR fill_one(struct worker *k, JET_TABLEID t, JET_COLUMNID id, JET_COLUMNID v,
                        uint32_t *newest, uint32_t *oldest)
{
    static const uint8_t text[20000];
    const bool insert =
        *newest - *oldest < ROWS / 2 || (*newest - *oldest < 2 * ROWS && draw(k) % 2);
    const uint32_t nr = k->number << 24 | (insert ? *newest : *oldest);

    TRY(JetBeginTransaction(k->s));
    if (insert) {
        TRY(JetPrepareUpdate(k->s, t, JET_prepInsert));
        TRY(JetSetColumn(k->s, t, id, &nr, 4, 0, NULL));
        TRY(JetSetColumn(k->s, t, v, text, (uint32_t)(draw(k) % (draw(k) % 4 ? 200 : 20000)), 0,
                         NULL));
        TRY(JetUpdate(k->s, t, NULL, 0, NULL));
    } else {
        TRY(JetMakeKey(k->s, t, &nr, 4, JET_bitNewKey));
        TRY(JetSeek(k->s, t, JET_bitSeekEQ));
        TRY(JetDelete(k->s, t));
    }
    if (draw(k) % 8 == 0) {
        TRY(JetRollback(k->s, 0));
        return 0;
    }
    TRY(JetCommitTransaction(k->s, JET_bitCommitLazyFlush));
    *newest += insert;
    *oldest += !insert;
    k->moved++;
    return 0;
}

static JET_ERR fill_rows(struct worker *k)
{
    JET_COLUMNDEF id = {.cbStruct = sizeof(id)}, v = {.cbStruct = sizeof(v)};
    uint32_t newest = 0, oldest = 0;
    JET_TABLEID t;
    JET_DBID d;

    TRY(JetOpenDatabase(k->s, k->w->f->db, NULL, &d, 0));
    TRY(JetOpenTable(k->s, d, "rows", NULL, 0, 0, &t));
    TRY(JetGetTableColumnInfo(k->s, t, "id", &id, sizeof(id), JET_ColInfo));
    TRY(JetGetTableColumnInfo(k->s, t, "v", &v, sizeof(v), JET_ColInfo));
    while (!atomic_load(&k->w->done) && newest < 1u << 24)
        TRY(fill_one(k, t, id.columnid, v.columnid, &newest, &oldest));
    return 0;
}

static void *filler(void *arg)
{
    struct worker *k = arg;

    if (begin_work(k) < 0)
        return NULL;
    (void)fill_rows(k);
    if (k->err == 0)
        k->err = JetEndSession(k->s, 0);
    return NULL;
}

/* An index, a column, a table come and go. */
static JET_ERR change_schema(struct worker *k, unsigned round)
{
    const JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    JET_TABLEID t;
    JET_DBID d;
    JET_ERR err = JetCreateIndex(k->s, k->t, "balance", 0, "+balance\0", 10, 80);
    char name[24];

    if (err < 0 && err != JET_errWriteConflict)
        TRY(err);
    if (err >= 0) {
        do
            err = JetDeleteIndex(k->s, k->t, "balance");
        while (err == JET_errIndexInUse);
        TRY(err);
    }
    snprintf(name, sizeof(name), "c%u", round);
    if (round < 100) { /* a table has numbers for 127 */
        TRY(JetAddColumn(k->s, k->t, name, &def, NULL, 0, NULL));
        TRY(JetDeleteColumn(k->s, k->t, name));
    }
    TRY(JetOpenDatabase(k->s, k->w->f->db, NULL, &d, 0));
    TRY(JetCreateTable(k->s, d, name, 0, 0, &t));
    TRY(JetCloseTable(k->s, t));
    TRY(JetDeleteTable(k->s, d, name));
    TRY(JetCloseDatabase(k->s, d, 0));
    return 0;
}

static void *builder(void *arg)
{
    struct worker *k = arg;

    if (begin_work(k) < 0)
        return NULL;
    for (unsigned i = 0; !atomic_load(&k->w->done) && k->err == 0; i++)
        (void)change_schema(k, i);
    if (k->err == 0)
        k->err = JetEndSession(k->s, 0);
    return NULL;
}

static void fill(struct world *w)
{
    struct fix *f = w->f;
    JET_TABLEID t = new_table(f, "accounts");

    w->id = add(f, t, "id", JET_coltypLong, 0);
    w->balance = add(f, t, "balance", JET_coltypLong, 0);
    w->note = add(f, t, "note", JET_coltypLongBinary, 0);
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    begin(f);
    for (int i = 0; i < NR_ACCOUNTS; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, w->id, i);
        set_long(f, t, w->balance, START);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetCloseTable(f->ses, t));
    t = new_table(f, "rows");
    add(f, t, "id", JET_coltypLong, 0);
    add(f, t, "v", JET_coltypLongBinary, 0);
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    OK(JetCloseTable(f->ses, t));
}

static void *(*job_of(unsigned i))(void *)
{
    if (i < NR_MOVERS)
        return mover;
    if (i < NR_MOVERS + NR_FILLERS)
        return filler;
    return i < NR_WORKERS - 1 ? adder : builder;
}

static void no_snapshot_ever_misses_money(void **state)
{
    struct world w = {.f = *state};
    struct worker k[NR_WORKERS];
    unsigned moved = 0, filled = 0, conflicts = 0;

    fill(&w);
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        k[i] = (struct worker){.w = &w, .number = i, .rng = rnd() | 1};
        assert_int_equal(pthread_create(&k[i].thread, NULL, job_of(i), &k[i]), 0);
    }
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        if (i == NR_MOVERS)
            atomic_store(&w.done, true);
        assert_int_equal(pthread_join(k[i].thread, NULL), 0);
    }
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        if (k[i].err)
            print_error("worker %u, line %d: %s\n", i, k[i].line, ese_err_name(k[i].err));
        assert_int_equal(k[i].err, 0);
        moved += i < NR_MOVERS ? k[i].moved : 0;
        conflicts += k[i].conflicts;
        filled += i >= NR_MOVERS && i < NR_MOVERS + NR_FILLERS ? k[i].moved : 0;
    }
    print_message("%u moved, %u conflicts, %u rows come or gone, %u sums\n", moved, conflicts,
                  filled, k[NR_MOVERS + NR_FILLERS].moved);
    assert_true(moved > 0 && filled > 0);
    k[0].s = w.f->ses;
    OK(JetOpenTable(w.f->ses, w.f->dbid, "accounts", NULL, 0, 0, &k[0].t));
    OK(sum(&k[0], NULL));
}

/* One session, two threads at once: one of them is told off, nothing breaks. */
struct pair {
    JET_SESID s;
    JET_TABLEID t;
    atomic_uint good, refused, other;
};

static void *push(void *arg)
{
    struct pair *p = arg;

    for (int i = 0; i < 2000; i++) {
        const JET_ERR err = JetMove(p->s, p->t, i % 2 ? JET_MoveFirst : JET_MoveLast, 0);
        atomic_fetch_add(err == JET_errSuccess                   ? &p->good
                         : err == JET_errSessionSharingViolation ? &p->refused
                                                                 : &p->other,
                         1);
    }
    return NULL;
}

static void a_session_is_one_threads_at_a_time(void **state)
{
    struct world w = {.f = *state};
    struct pair p = {.s = w.f->ses};
    pthread_t a, b;

    fill(&w);
    OK(JetOpenTable(w.f->ses, w.f->dbid, "accounts", NULL, 0, 0, &p.t));
    assert_int_equal(pthread_create(&a, NULL, push, &p), 0);
    assert_int_equal(pthread_create(&b, NULL, push, &p), 0);
    assert_int_equal(pthread_join(a, NULL), 0);
    assert_int_equal(pthread_join(b, NULL), 0);
    assert_true(atomic_load(&p.good) > 0);
    assert_int_equal(atomic_load(&p.other), 0);
}

/* JetTerm while others are at work: they get an error, and it waits for their calls. */
struct busy {
    JET_INSTANCE inst;
    const char *db;
    atomic_uint started;
    JET_ERR last;
};

static void *keep_busy(void *arg)
{
    struct busy *b = arg;
    JET_SESID s;
    JET_DBID d;
    JET_TABLEID t;
    JET_ERR err = JetBeginSession(b->inst, &s, NULL, NULL);

    if (err >= 0)
        err = JetOpenDatabase(s, b->db, NULL, &d, 0);
    if (err >= 0)
        err = JetOpenTable(s, d, "accounts", NULL, 0, 0, &t);
    atomic_fetch_add(&b->started, 1);
    while (err >= 0)
        err = JetMove(s, t, JET_MoveFirst, 0);
    b->last = err;
    return NULL;
}

static void the_end_waits_for_calls_under_way(void **state)
{
    struct world w = {.f = *state};
    struct busy b[2];
    pthread_t t[2];

    fill(&w);
    for (int i = 0; i < 2; i++) {
        b[i] = (struct busy){.inst = w.f->inst, .db = w.f->db};
        assert_int_equal(pthread_create(&t[i], NULL, keep_busy, &b[i]), 0);
    }
    while (!atomic_load(&b[0].started) || !atomic_load(&b[1].started))
        usleep(1000);
    OK(JetTerm(w.f->inst));
    w.f->running = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_true(b[i].last == JET_errTermInProgress || b[i].last == JET_errInvalidSesid ||
                    b[i].last == JET_errNotInitialized);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_snapshot_ever_misses_money),
        T(a_session_is_one_threads_at_a_time),
        T(the_end_waits_for_calls_under_way),
    };
    rnd_init("threads");
    if (getenv("THREADS_ROUNDS"))
        rounds = (unsigned)atoi(getenv("THREADS_ROUNDS"));
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
