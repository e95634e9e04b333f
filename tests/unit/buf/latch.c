/* Latches of pages: who is let in, who is kept out, and that nobody waits for ever. */
#include "bufworld.h"

#include <pthread.h>

#define THREADS 4u
#define TURNS   20000u

static void readers_share_and_a_writer_is_alone(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(buf_get_latched(w.pool, 1, BUF_READ, BUF_SHARED, &b), 0);
    assert_true(buf_try_latch(b, BUF_SHARED));
    assert_false(buf_try_latch(b, BUF_EXCLUSIVE));
    buf_unlatch(b, BUF_SHARED);
    buf_unlatch(b, BUF_SHARED);
    assert_true(buf_try_latch(b, BUF_EXCLUSIVE));
    assert_false(buf_try_latch(b, BUF_SHARED));
    assert_false(buf_try_latch(b, BUF_EXCLUSIVE));
    assert_true(buf_try_latch(b, BUF_PIN));
    buf_release(b, BUF_EXCLUSIVE);
    close_world(&w);
}

static void only_the_last_reader_becomes_a_writer(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(buf_get_latched(w.pool, 1, BUF_READ, BUF_SHARED, &b), 0);
    assert_true(buf_try_latch(b, BUF_SHARED));
    assert_false(buf_try_upgrade(b));
    buf_unlatch(b, BUF_SHARED);
    assert_true(buf_try_upgrade(b));
    assert_false(buf_try_latch(b, BUF_SHARED));
    buf_downgrade(b);
    assert_true(buf_try_latch(b, BUF_SHARED));
    buf_unlatch(b, BUF_SHARED);
    buf_release(b, BUF_SHARED);
    buf_release(NULL, BUF_SHARED);
    close_world(&w);
}

static void new_pages_come_latched_as_asked(void **state)
{
    static const enum buf_latch how[] = {BUF_PIN, BUF_SHARED, BUF_EXCLUSIVE};
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 10, false, 20);
    for (unsigned i = 0; i < 12; i++) {
        const enum buf_latch l = how[i % 3];
        /* read for the first time, again, made where there was one, made where there was none */
        const pgno_t pgno = i < 9 ? 1 + i % 3 : 20 + i;

        assert_int_equal(buf_get_latched(w.pool, pgno, i < 6 ? BUF_READ : BUF_NEW, l, &b), 0);
        assert_int_equal(buf_try_latch(b, BUF_SHARED), l != BUF_EXCLUSIVE);
        if (l != BUF_EXCLUSIVE)
            buf_unlatch(b, BUF_SHARED);
        assert_int_equal(buf_try_latch(b, BUF_EXCLUSIVE), l == BUF_PIN);
        if (l == BUF_PIN)
            buf_unlatch(b, BUF_EXCLUSIVE);
        buf_release(b, l);
    }
    close_world(&w);
}

/* ---- threads ---- */

struct party {
    struct buf *b;
    volatile uint64_t *pair; /* two numbers in the page that are always equal under a latch */
    _Atomic unsigned torn, upgraded;
    _Atomic bool stop;
};

static bool is_torn(const struct party *p)
{
    return p->pair[0] != p->pair[1];
}

static void count_once(struct party *p)
{
    if (is_torn(p))
        p->torn++;
    p->pair[0]++;
    p->pair[1]++;
}

static void *writer(void *arg)
{
    struct party *p = arg;

    for (unsigned i = 0; i < TURNS; i++) {
        buf_latch(p->b, BUF_EXCLUSIVE);
        count_once(p);
        if (i % 4 == 0) { /* another writer may come after the last look */
            buf_downgrade(p->b);
            if (is_torn(p))
                p->torn++;
            buf_unlatch(p->b, BUF_SHARED);
        } else {
            buf_unlatch(p->b, BUF_EXCLUSIVE);
        }
    }
    return NULL;
}

static void *upgrader(void *arg)
{
    struct party *p = arg;

    for (unsigned i = 0; i < TURNS; i++) {
        buf_latch(p->b, BUF_SHARED);
        if (is_torn(p))
            p->torn++;
        if (buf_try_upgrade(p->b)) {
            count_once(p);
            p->upgraded++;
            buf_unlatch(p->b, BUF_EXCLUSIVE);
        } else {
            buf_unlatch(p->b, BUF_SHARED);
        }
    }
    return NULL;
}

static void latches_keep_threads_out_of_each_others_way(void **state)
{
    pthread_t t[2 * THREADS];
    struct party p = {0};
    struct world w;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &p.b), 0);
    p.pair = (volatile uint64_t *)(void *)(p.b->b + PAGE / 2);
    for (unsigned i = 0; i < 2 * THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, i % 2 ? writer : upgrader, &p), 0);
    for (unsigned i = 0; i < 2 * THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(p.torn, 0);
    assert_int_equal(p.pair[0], THREADS * TURNS + p.upgraded);
    assert_true(buf_try_latch(p.b, BUF_EXCLUSIVE)); /* nobody was forgotten in it */
    buf_release(p.b, BUF_EXCLUSIVE);
    close_world(&w);
}

/* ---- who waits for whom ---- */

struct guest { /* one thread that wants a page, in one way or another */
    struct world *w;
    struct buf *hint;
    enum buf_latch latch;
    _Atomic bool in, failed;
};

static void *come_in(void *arg)
{
    struct guest *g = arg;
    struct buf *b = g->hint;

    if (!b || !buf_get_hint(g->w->pool, 1, b, g->latch))
        g->failed = buf_get_latched(g->w->pool, 1, BUF_READ, g->latch, &b) < 0;
    g->in = true;
    if (!g->failed)
        buf_release(b, g->latch);
    return NULL;
}

static bool comes_in(const struct guest *g, unsigned ms)
{
    for (unsigned i = 0; i < ms && !g->in; i++)
        usleep(1000);
    return g->in;
}

static void a_page_latched_exclusively_is_given_to_nobody_else(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    for (unsigned i = 0; i < 4; i++) {
        struct guest g = {.w = &w, .latch = i & 1 ? BUF_EXCLUSIVE : BUF_SHARED};
        pthread_t t;

        assert_int_equal(buf_get_latched(w.pool, 1, BUF_READ, BUF_EXCLUSIVE, &b), 0);
        g.hint = i & 2 ? b : NULL;
        assert_int_equal(pthread_create(&t, NULL, come_in, &g), 0);
        assert_false(comes_in(&g, 20));
        buf_release(b, BUF_EXCLUSIVE);
        assert_true(comes_in(&g, 10000));
        pthread_join(t, NULL);
        assert_false(g.failed);
    }
    close_world(&w);
}

static void a_downgrade_lets_in_who_waits(void **state)
{
    struct guest g = {.latch = BUF_SHARED};
    struct world w;
    struct buf *b;
    pthread_t t;

    (void)state;
    open_world(&w, 4, false, 8);
    g.w = &w;
    assert_int_equal(buf_get_latched(w.pool, 1, BUF_READ, BUF_EXCLUSIVE, &b), 0);
    assert_int_equal(pthread_create(&t, NULL, come_in, &g), 0);
    assert_false(comes_in(&g, 20));
    buf_downgrade(b);
    assert_true(comes_in(&g, 10000));
    pthread_join(t, NULL);
    buf_release(b, BUF_SHARED);
    close_world(&w);
}

static void readers_stand_back_for_a_writer_that_waits(void **state)
{
    struct guest g = {.latch = BUF_EXCLUSIVE};
    struct world w;
    struct buf *b;
    pthread_t t;
    bool stood_back = false;

    (void)state;
    open_world(&w, 4, false, 8);
    g.w = &w;
    assert_int_equal(buf_get_latched(w.pool, 1, BUF_READ, BUF_SHARED, &b), 0);
    assert_int_equal(pthread_create(&t, NULL, come_in, &g), 0);
    for (unsigned i = 0; i < 10000 && !stood_back; i++) {
        usleep(1000);
        stood_back = !buf_try_latch(b, BUF_SHARED);
        if (!stood_back)
            buf_unlatch(b, BUF_SHARED);
    }
    assert_true(stood_back);
    assert_false(g.in);
    buf_unlatch(b, BUF_SHARED);
    assert_true(comes_in(&g, 10000));
    pthread_join(t, NULL);
    assert_true(buf_try_latch(b, BUF_SHARED));
    buf_release(b, BUF_SHARED);
    close_world(&w);
}

/* One of several that leave hardly a moment between them. */
static void *reader(void *arg)
{
    struct party *p = arg;

    while (!atomic_load(&p->stop)) {
        buf_latch(p->b, BUF_SHARED);
        for (unsigned i = 0; i < 1000; i++)
            if (is_torn(p))
                p->torn++;
        buf_unlatch(p->b, BUF_SHARED);
    }
    return NULL;
}

static void a_writer_gets_in_between_readers_that_never_pause(void **state)
{
    pthread_t t[THREADS];
    struct party p = {0};
    struct world w;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &p.b), 0);
    p.pair = (volatile uint64_t *)(void *)(p.b->b + PAGE / 2);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, reader, &p), 0);
    for (unsigned i = 0; i < 1000; i++) {
        buf_latch(p.b, BUF_EXCLUSIVE);
        count_once(&p);
        buf_unlatch(p.b, BUF_EXCLUSIVE);
    }
    atomic_store(&p.stop, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(p.torn, 0);
    assert_int_equal(p.pair[0], 1000);
    buf_put(p.b);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_share_and_a_writer_is_alone),
        cmocka_unit_test(only_the_last_reader_becomes_a_writer),
        cmocka_unit_test(new_pages_come_latched_as_asked),
        cmocka_unit_test(latches_keep_threads_out_of_each_others_way),
        cmocka_unit_test(a_page_latched_exclusively_is_given_to_nobody_else),
        cmocka_unit_test(a_downgrade_lets_in_who_waits),
        cmocka_unit_test(readers_stand_back_for_a_writer_that_waits),
        cmocka_unit_test(a_writer_gets_in_between_readers_that_never_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
