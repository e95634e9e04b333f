/*
 * Accounts, and transfers between them by many threads: every transaction, whatever runs beside it,
 * sees accounts that add up to the same sum, in the table and in its index of balances; and so does
 * whoever looks after a crash.
 */
#include "instfix.h"

#include <pthread.h>

#define THREADS  8u
#define ACCOUNTS 400u
#define TOTAL    (ACCOUNTS * UINT64_C(1000))

static struct instfix fix;
static struct tree *table, *by_balance;
static _Atomic bool stop;
static unsigned seconds_of_work;

struct worker {
    pthread_t thread;
    struct sess *s;
    struct dir rows, index;
    uint64_t rng;
    uint64_t commits, conflicts, scans;
    char what[160]; /* what is wrong; empty: nothing */
};
static struct worker worker[THREADS];

static uint32_t draw(struct worker *w, uint32_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (uint32_t)(w->rng >> 11) % n;
}

static JET_ERR complain(struct worker *w, JET_ERR err, const char *what)
{
    if (!w->what[0])
        snprintf(w->what, sizeof(w->what), "%s: %s", what, err_name(err));
    return JET_errInternalError;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void big_endian(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

struct key {
    uint8_t b[12];
};

static struct key row_key(uint32_t account)
{
    struct key k = {{'a', 'c', 'c', 'o', 'u', 'n', 't', 0}};

    big_endian(k.b + 8, account);
    return k;
}

static struct key index_key(uint32_t balance)
{
    struct key k = {{'b', 'a', 'l', 'a', 'n', 'c', 'e', 0}};

    big_endian(k.b + 8, balance);
    return k;
}

static struct bookmark bookmark(const struct key *k, const struct key *data)
{
    return (struct bookmark){{k->b, sizeof(k->b)},
                             {data ? data->b : k->b, data ? sizeof(k->b) : 0}};
}

static JET_ERR read_balance(struct worker *w, uint32_t account, uint32_t *ret)
{
    const struct key k = row_key(account);
    const struct bookmark bm = bookmark(&k, NULL);
    struct dir_node n;
    JET_ERR err = dir_seek(&w->rows, &bm, DIR_EQ);

    *ret = 0;
    if (err == JET_errRecordNotFound)
        return JET_errSuccess;
    if (err < 0)
        return complain(w, err, "seek");
    err = dir_get(&w->rows, &n);
    if (err < 0)
        return complain(w, err, "get");
    *ret = get_le32(n.data.p);
    dir_release(&w->rows);
    return *ret ? JET_errSuccess : complain(w, JET_errInternalError, "an empty account");
}

static JET_ERR index_change(struct worker *w, uint32_t account, uint32_t balance, bool insert)
{
    const struct key k = index_key(balance), data = row_key(account);
    const struct bookmark bm = bookmark(&k, &data);
    JET_ERR err;

    if (insert)
        return dir_insert(&w->index, bm.key, bm.data, 0);
    err = dir_seek(&w->index, &bm, DIR_EQ);
    return err < 0 ? complain(w, err, "an index entry") : dir_flag_delete(&w->index, 0);
}

/* w->rows is on the account if it is there. */
static JET_ERR set_balance(struct worker *w, uint32_t account, uint32_t from, uint32_t to)
{
    const struct key k = row_key(account);
    uint8_t data[600];
    const struct slice row = {data, 4 + draw(w, 60) * draw(w, 10)};
    JET_ERR err = JET_errSuccess;

    memset(data, (int)account, sizeof(data));
    put_le32(data, to);
    if (from)
        err = index_change(w, account, from, false);
    if (err >= 0 && to)
        err = index_change(w, account, to, true);
    if (err < 0)
        return err;
    if (!from)
        return dir_insert(&w->rows, bookmark(&k, NULL).key, row, 0);
    return to ? dir_replace(&w->rows, row, 0) : dir_flag_delete(&w->rows, 0);
}

/* ---- transactions -------------------------------------------------------------------------- */

static JET_ERR transfer(struct worker *w)
{
    const uint32_t a = draw(w, ACCOUNTS), b = (a + 1 + draw(w, ACCOUNTS - 1)) % ACCOUNTS;
    uint32_t had_a, had_b, amount;
    JET_ERR err = read_balance(w, a, &had_a);

    amount = draw(w, 4) ? draw(w, had_a + 1) : had_a;
    if (err >= 0 && amount)
        err = set_balance(w, a, had_a, had_a - amount);
    if (err >= 0 && amount)
        err = read_balance(w, b, &had_b);
    if (err >= 0 && amount)
        err = set_balance(w, b, had_b, had_b + amount);
    return err;
}

static JET_ERR scan_rows(struct worker *w, bool up, uint64_t *sum, uint32_t *nr)
{
    struct dir_node n;
    JET_ERR err = up ? dir_first(&w->rows) : dir_last(&w->rows);

    if (err >= 0)
        err = dir_get(&w->rows, &n);
    while (err >= 0) {
        *sum += get_le32(n.data.p);
        ++*nr;
        if (draw(w, 2))
            dir_release(&w->rows);
        err = up ? dir_next_get(&w->rows, &n) : dir_prev_get(&w->rows, &n);
    }
    return err;
}

static JET_ERR scan_index(struct worker *w, uint64_t *sum, uint32_t *nr)
{
    JET_ERR err = dir_first(&w->index);

    while (err >= 0) {
        *sum += get_be32(dir_bookmark(&w->index).key.p + 8);
        ++*nr;
        err = dir_next(&w->index);
    }
    return err;
}

static JET_ERR add_up(struct worker *w)
{
    uint64_t rows = 0, index = 0;
    uint32_t nr_rows = 0, nr_index = 0;
    JET_ERR err = scan_rows(w, draw(w, 2), &rows, &nr_rows);

    if (err == JET_errNoCurrentRecord)
        err = scan_index(w, &index, &nr_index);
    if (err != JET_errNoCurrentRecord)
        return complain(w, err, "scan");
    w->scans++;
    if (rows == TOTAL && index == TOTAL && nr_rows == nr_index)
        return JET_errSuccess;
    if (!w->what[0])
        snprintf(w->what, sizeof(w->what), "%u rows of %llu, %u index entries of %llu", nr_rows,
                 (unsigned long long)rows, nr_index, (unsigned long long)index);
    return JET_errInternalError;
}

static bool is_conflict(JET_ERR err)
{
    return err == JET_errWriteConflict || err == JET_errKeyDuplicate;
}

static JET_ERR one_transaction(struct worker *w)
{
    JET_ERR err = trx_begin(w->s), end;

    if (err < 0)
        return complain(w, err, "begin");
    if (draw(w, 12) == 0)
        err = add_up(w);
    for (unsigned i = draw(w, 4); i > 0 && err >= 0; i--)
        err = transfer(w);
    if (err < 0 && !is_conflict(err))
        complain(w, err, "transfer");
    w->conflicts += is_conflict(err);
    if (err >= 0 && draw(w, 5)) {
        w->commits++;
        end = trx_commit(w->s, draw(w, 8) > 0);
    } else {
        end = trx_rollback(w->s);
    }
    return end < 0 ? complain(w, end, "end") : JET_errSuccess;
}

static void *work(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&stop) && !w->what[0])
        if (one_transaction(w) < 0)
            break;
    return NULL;
}

/* Pages are written, versions cleaned, while all go on. */
static void *disturb(void *arg)
{
    struct worker *w = arg;
    JET_ERR err;

    while (!atomic_load(&stop) && !w->what[0]) {
        err = draw(w, 2) ? bufpool_write(fix.db.pool, UINT64_MAX) : ver_clean(&fix.in, NULL, false);
        if (err < 0)
            complain(w, err, "write or clean");
        usleep(1000);
    }
    return NULL;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void open_worker(struct worker *w, unsigned i)
{
    memset(w, 0, sizeof(*w));
    w->rng = rnd() | 1;
    w->s = i ? instfix_session(&fix) : fix.sess;
    assert_ok(dir_init(&w->rows, w->s, table));
    assert_ok(dir_init(&w->index, w->s, by_balance));
}

static void close_worker(struct worker *w)
{
    dir_done(&w->rows);
    dir_done(&w->index);
}

static void fill(void)
{
    open_worker(&worker[0], 0);
    assert_ok(trx_begin(fix.sess));
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        assert_ok(set_balance(&worker[0], i, 0, 1000));
    assert_ok(trx_commit(fix.sess, true));
    if (fix.in.wal)
        assert_ok(wal_flush_all(fix.in.wal));
    close_worker(&worker[0]);
}

static void run_threads(void)
{
    struct worker other = {.rng = 77};
    uint64_t commits = 0, conflicts = 0, scans = 0;

    atomic_store(&stop, false);
    for (unsigned i = 0; i < THREADS; i++)
        open_worker(&worker[i], i + 1);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
    assert_int_equal(pthread_create(&other.thread, NULL, disturb, &other), 0);
    sleep(seconds_of_work);
    atomic_store(&stop, true);
    pthread_join(other.thread, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(worker[i].thread, NULL);
        commits += worker[i].commits;
        conflicts += worker[i].conflicts;
        scans += worker[i].scans;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        close_worker(&worker[i]);
        if (worker[i].what[0])
            fail_msg("thread %u: %s (%s)", i, worker[i].what, fix.fault);
    }
    if (other.what[0])
        fail_msg("%s (%s)", other.what, fix.fault);
    print_message("%llu commits, %llu conflicts, %llu scans\n", (unsigned long long)commits,
                  (unsigned long long)conflicts, (unsigned long long)scans);
    assert_true(commits > 0 && scans > 0);
}

static void run(uint32_t page_size, bool logging)
{
    pgno_t roots[2];
    objid_t objids[2];

    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size,
                                               .logging = logging,
                                               .cache_pages = 96,
                                               .log_file_kib = 256});
    by_balance = instfix_tree(&fix, INSTFIX_NON_UNIQUE);
    table = fix.table;
    roots[0] = table->root, objids[0] = table->objid;
    roots[1] = by_balance->root, objids[1] = by_balance->objid;
    assert_ok(ver_cleaner_start(&fix.in));
    fill();
    run_threads();
    ver_cleaner_stop(&fix.in);
    assert_int_equal(atomic_load(&fix.nr_faults), 0);
    if (logging) {
        instfix_crash(&fix);
        instfix_recover(&fix);
        table = instfix_find(&fix, roots[0], objids[0], INSTFIX_UNIQUE);
        by_balance = instfix_find(&fix, roots[1], objids[1], INSTFIX_NON_UNIQUE);
    }
    open_worker(&worker[0], 0);
    if (add_up(&worker[0]) < 0)
        fail_msg("at the end: %s (%s)", worker[0].what, fix.fault);
    close_worker(&worker[0]);
    instfix_stop(&fix);
    assert_int_equal(instfix_check_tree(&fix, roots[0], objids[0]),
                     instfix_check_tree(&fix, roots[1], objids[1]));
    instfix_end(&fix);
}

static void accounts_add_up_without_a_log(void **state)
{
    (void)state;
    run(4096, false);
}

static void accounts_add_up_with_a_log_and_after_a_crash(void **state)
{
    (void)state;
    run(4096, true);
    run(32768, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_add_up_without_a_log),
        cmocka_unit_test(accounts_add_up_with_a_log_and_after_a_crash),
    };

    seconds_of_work =
        getenv("DIRTHREADS_SECONDS") ? (unsigned)atoi(getenv("DIRTHREADS_SECONDS")) : 1;
    rnd_init("dirthreads");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
