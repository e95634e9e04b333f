/* Many threads, two files, and a cache that holds a fraction of them. */
#include "bufworld.h"

#include <pthread.h>
#include <sys/types.h>

#define THREADS 8u
#define PAGES   150u /* of each file */
#define FRAMES  40u
#define TURNS   20000u

/* In the one line of each page. */
struct counters {
    uint64_t pgno, lgpos, total, by[THREADS];
} __attribute__((packed)); /* it lies where the page puts it */

struct file {
    int fd;
    struct reporter r;
    struct bufpool *pool;
};

static struct {
    struct bufcache *cache;
    struct file file[2];
    _Atomic lgpos_t log, durable;
    _Atomic bool watched, stop;
    _Atomic unsigned wrong, early; /* pages that hold nonsense; written before their log */
    _Atomic int failed;
    _Atomic uint64_t reads; /* of pages by pread */
} all;

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __real_pread64(int fd, void *buf, size_t len, off_t off);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off);

static struct counters *counters_of(uint8_t *b)
{
    return (struct counters *)(void *)page_node_data((struct edit){b, PAGE}, 0, 0,
                                                     sizeof(struct counters));
}

static bool is_sound(const struct counters *c, pgno_t pgno)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < THREADS; i++)
        sum += c->by[i];
    return c->pgno == pgno && sum == c->total;
}

/* What goes to the file is whole and its log is there. */
static void inspect(const uint8_t *bytes, pgno_t pgno)
{
    uint8_t page[PAGE];
    struct page_check c;
    struct counters *n;

    memcpy(page, bytes, PAGE);
    page_verify(page, PAGE, pgno, &c);
    if (c.verdict != PAGE_OK || !is_sound(n = counters_of(page), pgno))
        all.wrong++;
    else if (n->lgpos > atomic_load(&all.durable))
        all.early++;
}

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    if (atomic_load(&all.watched))
        for (size_t i = 0; i < len; i += PAGE)
            inspect((const uint8_t *)buf + i, (pgno_t)((off + (off_t)i) / PAGE - 1));
    return __real_pwrite64(fd, buf, len, off);
}

ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off)
{
    all.reads++;
    return __real_pread64(fd, buf, len, off);
}

static JET_ERR make_durable(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    lgpos_t was = atomic_load(&all.durable);

    (void)ctx;
    if (page_node_data((struct edit){b->b, PAGE}, 0, 0, 8) == NULL)
        all.wrong++;
    while (was < lgpos && !atomic_compare_exchange_weak(&all.durable, &was, lgpos))
        ;
    return JET_errSuccess;
}

static void open_file(struct file *f)
{
    uint8_t page[PAGE];

    f->fd = memfd_create("buf", 0);
    assert_true(f->fd >= 0);
    for (pgno_t p = 1; p <= PAGES; p++) {
        struct counters c = {.pgno = p};
        struct node_new n = {.suffix[0] = {(const uint8_t *)"key", 3},
                             .data = {(const uint8_t *)&c, sizeof(c)}};
        page_init((struct edit){page, PAGE}, p, OBJID, 1, PAGE_LEAF | PAGE_ROOT);
        assert_int_equal(page_insert((struct edit){page, PAGE}, 0, &n), 0);
        page_seal(page, PAGE, p);
        assert_int_equal(pwrite(f->fd, page, PAGE, (off_t)(p + 1) * PAGE), PAGE);
    }
    assert_int_equal(
        bufpool_new(all.cache, f->fd, PAGE, false, 0, &f->r, make_durable, f, &f->pool), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&all, 0, sizeof(all));
    assert_int_equal(bufcache_new(PAGE, FRAMES, &all.cache), 0);
    open_file(&all.file[0]);
    open_file(&all.file[1]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bufpool_free(all.file[i].pool);
        close(all.file[i].fd);
    }
    bufcache_free(all.cache);
    return 0;
}

/* ---- nothing is lost ---- */

struct worker {
    pthread_t thread;
    unsigned id;
    uint64_t rng;
    struct buf *hint[2][PAGES + 1];
    unsigned hits;
    uint64_t changes[2][PAGES + 1];
};

static uint64_t roll(struct worker *w, uint64_t below)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (w->rng >> 11) % below;
}

static struct buf *get(struct worker *w, unsigned file, pgno_t pgno, enum buf_latch latch)
{
    struct bufpool *p = all.file[file].pool;
    struct buf *b = w->hint[file][pgno];
    JET_ERR err;

    if (b && buf_get_hint(p, pgno, b, latch)) {
        w->hits++;
        return b;
    }
    err = buf_get_latched(p, pgno, BUF_READ, latch, &b);
    if (err < 0) {
        all.failed = err;
        return NULL;
    }
    return w->hint[file][pgno] = b;
}

static void change(struct worker *w, unsigned file, struct buf *b)
{
    struct counters *c = counters_of(b->b);

    c->by[w->id]++;
    c->total++;
    c->lgpos = atomic_fetch_add(&all.log, 1) + 1;
    w->changes[file][b->pgno]++;
    buf_dirty(b, c->lgpos);
}

static void turn(struct worker *w)
{
    const unsigned file = (unsigned)roll(w, 2);
    const pgno_t pgno = 1 + (pgno_t)(roll(w, 3) ? roll(w, PAGES) : roll(w, 8));
    const unsigned what = (unsigned)roll(w, 10);
    struct buf *b = get(w, file, pgno, what < 5 ? BUF_EXCLUSIVE : BUF_SHARED);
    bool exclusive = what < 5;

    if (!b)
        return;
    if (b->pgno != pgno || !is_sound(counters_of(b->b), pgno))
        all.wrong++;
    if (what == 5)
        exclusive = buf_try_upgrade(b);
    if (exclusive)
        change(w, file, b);
    if (what == 0) {
        buf_downgrade(b);
        exclusive = false;
    }
    buf_release(b, exclusive ? BUF_EXCLUSIVE : BUF_SHARED);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < TURNS && all.failed >= 0; i++)
        turn(w);
    return NULL;
}

/* A checkpoint: what it believes to be on disk is on disk. */
static void *checkpoint(void *arg)
{
    (void)arg;
    while (!atomic_load(&all.stop) && all.failed >= 0) {
        const lgpos_t tip = atomic_load(&all.log);
        for (unsigned i = 0; i < 2; i++) {
            JET_ERR err = bufpool_write(all.file[i].pool, tip > 500 ? tip - 500 : 0);
            if (err < 0)
                all.failed = err;
        }
        usleep(1000);
    }
    return NULL;
}

static void check_file(unsigned file, const struct worker *w)
{
    for (pgno_t p = 1; p <= PAGES; p++) {
        uint8_t page[PAGE];
        struct page_check c;

        assert_int_equal(__real_pread64(all.file[file].fd, page, PAGE, (off_t)(p + 1) * PAGE),
                         PAGE);
        page_verify(page, PAGE, p, &c);
        assert_int_equal(c.verdict, PAGE_OK);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(counters_of(page)->by[i], w[i].changes[file][p]);
    }
}

static void nothing_is_lost_in_a_cache_far_too_small(void **state)
{
    struct worker *w = calloc(THREADS, sizeof(*w));
    pthread_t writer;
    unsigned hits = 0;

    (void)state;
    assert_non_null(w);
    rnd_init("buf-threads");
    atomic_store(&all.watched, true);
    assert_int_equal(pthread_create(&writer, NULL, checkpoint, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].id = i;
        w[i].rng = rnd() | 1;
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(w[i].thread, NULL);
        hits += w[i].hits;
    }
    atomic_store(&all.stop, true);
    pthread_join(writer, NULL);
    assert_int_equal(all.failed, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(bufpool_flush(all.file[i].pool), 0);
        assert_int_equal(bufpool_oldest(all.file[i].pool), UINT64_MAX);
        check_file(i, w);
    }
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.early, 0);
    assert_true(hits > 0);
    free(w);
}

/* ---- hints ---- */

/* Looks for a page where it once was, in frames that change hands all the time. */
static void *trust_hints(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&all.stop) && all.failed >= 0) {
        const pgno_t pgno = 1 + (pgno_t)roll(w, 3);
        struct buf *b = get(w, 0, pgno, BUF_PIN);

        if (b && b->pgno != pgno)
            all.wrong++;
        buf_put(b);
    }
    return NULL;
}

static void a_hint_never_leads_to_another_page(void **state)
{
    struct bufcache *small;
    struct worker *w = calloc(3, sizeof(*w));
    struct bufpool *was = all.file[0].pool;
    unsigned hits = 0;

    (void)state;
    assert_non_null(w);
    assert_int_equal(bufcache_new(PAGE, 1, &small), 0);
    assert_int_equal(bufpool_new(small, all.file[0].fd, PAGE, false, 0, &all.file[0].r,
                                 make_durable, NULL, &all.file[0].pool),
                     0);
    for (unsigned i = 0; i < 3; i++) {
        w[i].rng = 99 + i;
        assert_int_equal(pthread_create(&w[i].thread, NULL, trust_hints, &w[i]), 0);
    }
    usleep(300000);
    atomic_store(&all.stop, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(w[i].thread, NULL);
        hits += w[i].hits;
    }
    bufpool_free(all.file[0].pool);
    bufcache_free(small);
    all.file[0].pool = was;
    assert_int_equal(all.failed, 0);
    assert_int_equal(all.wrong, 0);
    assert_true(hits > 0);
    free(w);
}

/* ---- one read for all ---- */

static pthread_barrier_t barrier;

static void *read_all(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier);
    for (pgno_t p = 1; p <= FRAMES; p++) {
        struct buf *b;
        JET_ERR err =
            buf_get_latched(all.file[0].pool, p, BUF_READ, p % 2 ? BUF_SHARED : BUF_PIN, &b);
        if (err < 0) {
            all.failed = err;
            break;
        }
        if (b->blank || !is_sound(counters_of(b->b), p))
            all.wrong++;
        buf_release(b, p % 2 ? BUF_SHARED : BUF_PIN);
    }
    return NULL;
}

static void a_page_that_all_want_is_read_once(void **state)
{
    pthread_t t[THREADS];

    (void)state;
    all.reads = 0;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, read_all, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(all.failed, 0);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.reads, FRAMES);
}

/* ---- pools come and go ---- */

/* Lives on the room that the other file's pages leave. */
static void *press(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&all.stop) && all.failed >= 0) {
        const pgno_t pgno = 1 + (pgno_t)roll(w, PAGES);
        struct buf *b = get(w, 1, pgno, BUF_EXCLUSIVE);
        if (!b)
            break;
        change(w, 1, b);
        buf_release(b, BUF_EXCLUSIVE);
    }
    return NULL;
}

static void a_pool_may_go_while_others_evict_its_pages(void **state)
{
    struct worker *w = calloc(2, sizeof(*w));
    struct file *f = &all.file[0];

    (void)state;
    assert_non_null(w);
    for (unsigned i = 0; i < 2; i++) {
        w[i].id = i;
        w[i].rng = 77 + i;
        assert_int_equal(pthread_create(&w[i].thread, NULL, press, &w[i]), 0);
    }
    for (unsigned round = 0; round < 50; round++) {
        struct worker me = {.id = 7, .rng = round + 1};
        for (unsigned i = 0; i < 60; i++) {
            struct buf *b = get(&me, 0, 1 + (pgno_t)roll(&me, PAGES), BUF_EXCLUSIVE);
            assert_non_null(b);
            change(&me, 0, b);
            buf_release(b, BUF_EXCLUSIVE);
        }
        if (round % 2)
            bufpool_cut(f->pool, PAGES / 2);
        bufpool_free(f->pool);
        assert_int_equal(
            bufpool_new(all.cache, f->fd, PAGE, false, 0, &f->r, make_durable, f, &f->pool), 0);
    }
    atomic_store(&all.stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(w[i].thread, NULL);
    assert_int_equal(all.failed, 0);
    assert_int_equal(all.wrong, 0);
    free(w);
}

static void *write_all(void *arg)
{
    return (void *)(intptr_t)bufpool_write(((struct world *)arg)->pool, UINT64_MAX);
}

static void a_frozen_cache_writes_nothing(void **state)
{
    const struct timespec moment = {0, 50000000};
    struct bufcache *c;
    struct world w;
    pthread_t id;
    void *err;

    (void)state;
    open_world(&w, 4, false, 16);
    bufpool_free(w.pool);
    assert_int_equal(bufcache_new(PAGE, 16, &c), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &w.pool), 0);
    set_dbtime(&w, 3, 1000, 77);
    bufcache_freeze(c);
    assert_int_equal(pthread_create(&id, NULL, write_all, &w), 0);
    nanosleep(&moment, NULL);
    assert_int_equal(dbtime_in_file(&w, 3), 3);
    touch(&w, 1, 4); /* reading goes on */
    bufcache_thaw(c);
    assert_int_equal(pthread_join(id, &err), 0);
    assert_null(err);
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    close_world(&w);
    bufcache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frozen_cache_writes_nothing),
        cmocka_unit_test_setup_teardown(nothing_is_lost_in_a_cache_far_too_small, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hint_never_leads_to_another_page, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_that_all_want_is_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pool_may_go_while_others_evict_its_pages, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
