/* Pages of more than 4096 bytes, and a process that is killed while it writes them. */
#include "testutil.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf/guard.h"
#include "page/edit.h"

#define SIZE  32768u
#define PAGES 40u
#define OBJID 9u
#define KILLS 60

struct world {
    char dir[64];
    int dirfd, fd;
    struct reporter r;
    struct bufguard *guard;
    struct bufpool *pool;
    unsigned notes;
};

static const struct signature sign = {{1, 2, 3}}, other_sign = {{4, 5, 6}};

static void on_fault(void *ctx, const struct ese_fault *f)
{
    struct world *w = ctx;

    w->notes += f->severity == ESE_NOTE;
}

/* All of it depends on dbtime: what nodes have room for is filled. */
static void make_page(uint8_t *b, pgno_t pgno, dbtime_t dbtime)
{
    page_init((struct edit){b, SIZE}, pgno, OBJID, dbtime, PAGE_LEAF | PAGE_ROOT);
    memset(b + 200, (int)(dbtime & 0xff), SIZE - 300);
}

static off_t offset(pgno_t pgno)
{
    return (off_t)(pgno + 1) * SIZE;
}

static void begin(struct world *w, bool overlay, const struct signature *s)
{
    w->r = (struct reporter){.fn = on_fault, .ctx = w};
    w->fd = openat(w->dirfd, "db", overlay ? O_RDONLY : O_RDWR);
    assert_true(w->fd >= 0);
    assert_int_equal(bufguard_open(w->dirfd, "edb", SIZE, overlay, &w->guard), 0);
    assert_int_equal(bufpool_new(NULL, w->fd, SIZE, overlay, 8, &w->r, NULL, NULL, &w->pool), 0);
    assert_int_equal(bufguard_mend(w->guard, w->pool, s), 0);
}

static void end(struct world *w, bool remove)
{
    bufpool_free(w->pool);
    bufguard_close(w->guard, remove);
    close(w->fd);
}

static int setup(void **state)
{
    static uint8_t page[SIZE];
    struct world *w = calloc(1, sizeof(*w));
    const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    *state = w;
    snprintf(w->dir, sizeof(w->dir), "%s/guardXXXXXX", shm);
    assert_non_null(mkdtemp(w->dir));
    w->dirfd = open(w->dir, O_RDONLY | O_DIRECTORY);
    w->fd = openat(w->dirfd, "db", O_RDWR | O_CREAT, 0600);
    for (pgno_t p = 1; p <= PAGES; p++) {
        memset(page, 0, SIZE);
        make_page(page, p, p);
        page_seal(page, SIZE, p);
        assert_int_equal(pwrite(w->fd, page, SIZE, offset(p)), SIZE);
    }
    close(w->fd);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    unlinkat(w->dirfd, "db", 0);
    unlinkat(w->dirfd, "edb.dwb", 0);
    close(w->dirfd);
    assert_int_equal(rmdir(w->dir), 0);
    free(w);
    return 0;
}

static void change(struct world *w, pgno_t pgno, dbtime_t dbtime)
{
    struct buf *b;

    assert_int_equal(buf_get(w->pool, pgno, BUF_READ, &b), 0);
    make_page(b->b, pgno, dbtime);
    buf_dirty(b, 0);
    buf_put(b);
}

/* The file's bytes from `from` on become `bytes`, which a page had before. */
static void cut(struct world *w, pgno_t pgno, const uint8_t *page, uint32_t from)
{
    assert_int_equal(pwrite(w->fd, page + from, SIZE - from, offset(pgno) + from), SIZE - from);
}

static dbtime_t dbtime_of(struct world *w, pgno_t pgno)
{
    struct buf *b;
    dbtime_t ret;

    assert_int_equal(buf_get(w->pool, pgno, BUF_READ, &b), 0);
    ret = page_dbtime((struct page){b->b, b->size});
    buf_put(b);
    return ret;
}

/* Page 7 as if it had been written up to `from`. */
static void cut_page_seven(struct world *w, uint32_t from)
{
    uint8_t *old = malloc(SIZE);

    begin(w, false, &sign);
    assert_int_equal(pread(w->fd, old, SIZE, offset(7)), SIZE);
    change(w, 7, 1000);
    assert_int_equal(bufpool_flush(w->pool), 0);
    cut(w, 7, old, from);
    end(w, false);
    free(old);
}

static void a_page_that_was_cut_is_put_right(void **state)
{
    struct world *w = *state;

    for (uint32_t from = 4096; from < SIZE; from += 4096) {
        cut_page_seven(w, from);
        begin(w, false, &sign);
        assert_int_equal(w->notes, from / 4096);
        assert_int_equal(dbtime_of(w, 7), 1000);
        end(w, false);
        begin(w, false, &sign); /* in the file, too */
        assert_int_equal(w->notes, from / 4096);
        change(w, 7, 7);
        assert_int_equal(bufpool_flush(w->pool), 0);
        end(w, false);
    }
}

static void where_nothing_is_written_it_is_put_right_in_memory(void **state)
{
    struct world *w = *state;

    cut_page_seven(w, 8192);
    begin(w, true, &sign);
    assert_int_equal(w->notes, 1);
    assert_int_equal(dbtime_of(w, 7), 1000);
    end(w, false);
    begin(w, true, &sign);
    assert_int_equal(w->notes, 2);
    end(w, false);
}

static void another_databases_slot_is_kept_for_it(void **state)
{
    struct world *w = *state;
    struct buf *b;

    cut_page_seven(w, 8192);
    begin(w, false, &other_sign);
    assert_int_equal(w->notes, 0);
    assert_int_equal(buf_get(w->pool, 7, BUF_READ, &b), JET_errReadVerifyFailure);
    for (pgno_t p = 10; p <= PAGES; p++) /* as many slots as there are, if it can */
        change(w, p, 2000 + p);
    assert_int_equal(bufpool_flush(w->pool), 0);
    end(w, false);
    begin(w, false, &sign);
    assert_int_equal(w->notes, 1);
    assert_int_equal(dbtime_of(w, 7), 1000);
    end(w, true);
    assert_int_equal(faccessat(w->dirfd, "edb.dwb", F_OK, 0), -1);
}

/* What stands in the database is not what was cut: a newer page, a damaged one. */
static void a_slot_that_does_not_fit_does_nothing(void **state)
{
    struct world *w = *state;
    const uint8_t damage = 0x5a;
    struct buf *b;

    cut_page_seven(w, 8192);
    w->fd = openat(w->dirfd, "db", O_RDWR);
    assert_int_equal(pwrite(w->fd, &damage, 1, offset(7) + 300), 1); /* in the first 4096 bytes */
    close(w->fd);
    begin(w, false, &sign);
    assert_int_equal(w->notes, 0);
    assert_int_equal(buf_get(w->pool, 7, BUF_READ, &b), JET_errReadVerifyFailure);
    end(w, false);
}

static void small_pages_need_none(void **state)
{
    struct world *w = *state;
    struct bufguard *g;

    assert_int_equal(bufguard_open(w->dirfd, "edb", 4096, false, &g), 0);
    assert_null(g);
    assert_int_equal(faccessat(w->dirfd, "edb.dwb", F_OK, 0), -1);
    assert_int_equal(bufguard_open(w->dirfd, "edb", SIZE, true, &g), 0);
    assert_null(g);
    bufguard_close(NULL, true);
}

/* Writes until it is killed. */
static void life(struct world *w, unsigned seed)
{
    begin(w, false, &sign);
    for (dbtime_t t = 1000ull * seed + 1000;; t++) {
        for (pgno_t p = 1; p <= PAGES; p += 1 + (pgno_t)(t % 3))
            change(w, p, t);
        if (bufpool_write(w->pool, UINT64_MAX) < 0)
            _exit(1);
    }
}

static void a_killed_process_leaves_whole_pages(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < KILLS; i++) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
            life(w, i);
        usleep(1000 + (useconds_t)(rnd() % 4000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        begin(w, false, &sign);
        for (pgno_t p = 1; p <= PAGES; p++)
            (void)dbtime_of(w, p);
        end(w, false);
    }
    print_message("%u pages were cut\n", w->notes);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_page_that_was_cut_is_put_right),
        T(where_nothing_is_written_it_is_put_right_in_memory),
        T(another_databases_slot_is_kept_for_it),
        T(a_slot_that_does_not_fit_does_nothing),
        T(small_pages_need_none),
        T(a_killed_process_leaves_whole_pages),
    };

    rnd_init("guard");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
