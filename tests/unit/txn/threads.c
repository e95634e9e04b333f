/*
 * Eight threads, each with a session, and the cleaner. What a snapshot must show whoever wrote
 * last: money moves between accounts and its sum stays; two counters go up and down together by
 * Deltas; one token is deleted here and inserted there, and is always in exactly one place.
 */
#include "txntest.h"

#include <sched.h>

#define THREADS  8
#define ACCOUNTS 8u
#define COUNTERS 8u /* nodes 8 and 9 */
#define TOKENS   10u
#define NR_TOKEN 8u
#define EACH     100

static unsigned rounds = 4000;
static struct world *w;

struct worker {
    pthread_t thread;
    struct sess *s;
    uint64_t rng;
    uint64_t committed, conflicts;
    const char *wrong; /* verdict */
};

static unsigned pick(struct worker *k, unsigned below)
{
    k->rng ^= k->rng >> 12;
    k->rng ^= k->rng << 25;
    k->rng ^= k->rng >> 27;
    return (unsigned)((k->rng * UINT64_C(2685821657736338717)) >> 33) % below;
}

static bool ok(struct worker *k, JET_ERR err)
{
    if (err == JET_errWriteConflict || err == JET_errKeyDuplicate)
        k->conflicts++;
    else if (err < 0)
        k->wrong = err_name(err);
    return err >= 0;
}

static bool transfer(struct worker *k)
{
    const unsigned a = pick(k, ACCOUNTS), b = (a + 1 + pick(k, ACCOUNTS - 1)) % ACCOUNTS;
    const int64_t sum = pick(k, 50);
    int64_t from, to;

    if (!world_read(w, k->s, a, &from) || !world_read(w, k->s, b, &to)) {
        k->wrong = "an account is not there";
        return false;
    }
    if (pick(k, 2) && !ok(k, world_do(w, k->s, VER_WRITE_LOCK, a, 0)))
        return false;
    return ok(k, world_do(w, k->s, VER_REPLACE, a, from - sum)) &&
           ok(k, world_do(w, k->s, VER_REPLACE, b, to + sum));
}

static bool count(struct worker *k)
{
    const int64_t by = pick(k, 9);

    return ok(k, world_do(w, k->s, VER_DELTA, COUNTERS, by)) &&
           ok(k, world_do(w, k->s, VER_DELTA, COUNTERS + 1, -by));
}

static bool move_token(struct worker *k)
{
    const unsigned to = TOKENS + pick(k, NR_TOKEN);
    int64_t value;

    for (unsigned i = TOKENS; i < TOKENS + NR_TOKEN; i++)
        if (world_read(w, k->s, i, &value))
            return i == to || (ok(k, world_do(w, k->s, VER_FLAG_DELETE, i, 0)) &&
                               ok(k, world_do(w, k->s, VER_INSERT, to, (int64_t)to)));
    k->wrong = "there is no token";
    return false;
}

static void look_around(struct worker *k, int64_t *ret_first)
{
    int64_t sum = 0, value;
    unsigned tokens = 0;

    for (unsigned i = 0; i < ACCOUNTS; i++) {
        if (!world_read(w, k->s, i, &value))
            k->wrong = "an account is not there";
        if (i == 0)
            *ret_first = value;
        if (i == k->rng % 64) /* time for commits */
            sched_yield();
        sum += value;
    }
    if (sum != EACH * (int64_t)ACCOUNTS)
        k->wrong = "money is missing";
    sum = 0;
    for (unsigned i = COUNTERS; i < COUNTERS + 2; i++) {
        (void)world_read(w, k->s, i, &value);
        sum += value;
    }
    if (sum != 0)
        k->wrong = "the counters differ";
    for (unsigned i = TOKENS; i < TOKENS + NR_TOKEN; i++)
        if (world_read(w, k->s, i, &value)) {
            tokens++;
            if (value != (int64_t)i)
                k->wrong = "the token is another's";
        }
    if (tokens != 1)
        k->wrong = "not one token";
}

static bool work(struct worker *k)
{
    switch (pick(k, 4)) {
    case 0:
        return transfer(k);
    case 1:
        return count(k);
    case 2:
        return move_token(k);
    default:
        return transfer(k) && count(k) && move_token(k);
    }
}

/* A level inside that is thrown away now and then must not show. */
static bool inner(struct worker *k)
{
    bool good;

    if (!ok(k, trx_begin(k->s)))
        return false;
    good = work(k);
    if (!good || pick(k, 4) == 0)
        return ok(k, trx_rollback(k->s)) && good;
    return ok(k, trx_commit(k->s, true));
}

static void one_round(struct worker *k)
{
    int64_t first, again;
    bool good = true;

    if (!ok(k, trx_begin(k->s)))
        return;
    look_around(k, &first);
    if (pick(k, 3)) {
        good = pick(k, 2) ? work(k) : inner(k);
        if (good)
            look_around(k, &again);
    } else {
        look_around(k, &again);
        if (again != first)
            k->wrong = "a snapshot changed";
    }
    if (!good || pick(k, 5) == 0) {
        (void)ok(k, trx_rollback(k->s));
    } else {
        (void)ok(k, trx_commit(k->s, pick(k, 2)));
        k->committed++;
    }
}

static void *worker_main(void *arg)
{
    struct worker *k = arg;

    for (unsigned i = 0; i < rounds && !k->wrong; i++) {
        one_round(k);
        if (pick(k, 100) == 0 && ver_clean(&w->in, NULL, pick(k, 2)) < 0)
            k->wrong = "cleaning failed";
        if (pick(k, 100) == 0)
            (void)trx_oldest_begin0(&w->in);
    }
    return NULL;
}

static void fill(struct sess *s)
{
    assert_int_equal(trx_begin(s), 0);
    for (unsigned i = 0; i < ACCOUNTS; i++)
        assert_int_equal(world_do(w, s, VER_INSERT, i, EACH), 0);
    assert_int_equal(world_do(w, s, VER_INSERT, COUNTERS, 0), 0);
    assert_int_equal(world_do(w, s, VER_INSERT, COUNTERS + 1, 0), 0);
    assert_int_equal(world_do(w, s, VER_INSERT, TOKENS, TOKENS), 0);
    assert_int_equal(trx_commit(s, false), 0);
}

static void every_snapshot_is_whole_whoever_writes(void **state)
{
    struct worker *k = calloc(THREADS, sizeof(*k));
    uint64_t committed = 0, conflicts = 0;
    unsigned nodes = 0;
    int64_t first;

    (void)state;
    assert_non_null(k);
    w = world_new(0);
    for (unsigned i = 0; i < THREADS; i++) {
        k[i].rng = rnd() | 1;
        assert_int_equal(sess_new(&w->in, false, &k[i].s), 0);
    }
    fill(k[0].s);
    assert_int_equal(ver_cleaner_start(&w->in), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&k[i].thread, NULL, worker_main, &k[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(k[i].thread, NULL);
        committed += k[i].committed;
        conflicts += k[i].conflicts;
    }
    print_message("%llu committed, %llu conflicts\n", (unsigned long long)committed,
                  (unsigned long long)conflicts);
    for (unsigned i = 0; i < THREADS; i++)
        assert_string_equal(k[i].wrong ? k[i].wrong : "", "");
    assert_true(committed > THREADS);
    ver_cleaner_stop(&w->in);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0);
    look_around(&k[0], &first);
    assert_null(k[0].wrong);
    for (unsigned i = 0; i < NODES; i++)
        nodes += w->node[i].exists;
    assert_int_equal(nodes, ACCOUNTS + 2 + 1);
    for (unsigned i = 0; i < THREADS; i++)
        sess_free(k[i].s);
    free(k);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_snapshot_is_whole_whoever_writes),
    };
    const char *n = getenv("TXN_ROUNDS"); /* more, by hand */

    if (n)
        rounds = (unsigned)strtoul(n, NULL, 10);
    rnd_init("txn-threads");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
