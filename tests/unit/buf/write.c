/* Writing back: what is written when, in which pieces, and what happens to a page meanwhile. */
#include "bufworld.h"

#include <sys/types.h>

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);

static struct {
    void (*meanwhile)(struct world *w); /* before the bytes go to the file */
    struct world *w;
    unsigned calls;
    size_t longest;
    off_t last;
    bool sorted;
} io;

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    void (*meanwhile)(struct world * w) = io.meanwhile;

    io.calls++;
    io.longest = len > io.longest ? len : io.longest;
    io.sorted &= off >= io.last;
    io.last = off;
    io.meanwhile = NULL;
    if (meanwhile)
        meanwhile(io.w);
    return __real_pwrite64(fd, buf, len, off);
}

/* What was counted before is forgotten. */
static void watch(struct world *w, void (*meanwhile)(struct world *w))
{
    memset(&io, 0, sizeof(io));
    io.w = w;
    io.meanwhile = meanwhile;
    io.sorted = true;
}

static void change_page_3(struct world *w)
{
    struct buf *b;

    assert_int_equal(bufpool_oldest(w->pool), 77); /* it is not in the file yet */
    assert_int_equal(buf_get_latched(w->pool, 3, BUF_READ, BUF_EXCLUSIVE, &b), 0);
    page_set_dbtime((struct edit){b->b, b->size}, 2000);
    buf_dirty(b, 88);
    buf_release(b, BUF_EXCLUSIVE);
    assert_int_equal(bufpool_oldest(w->pool), 77);
}

static void a_page_changed_during_its_write_stays_dirty(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 10, false, 100);
    set_dbtime(&w, 3, 1000, 77);
    watch(&w, change_page_3);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0);
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    assert_int_equal(bufpool_nr_dirty(w.pool), 1);
    assert_int_equal(bufpool_oldest(w.pool), 88);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(w.asked_lgpos, 88);
    assert_int_equal(dbtime_in_file(&w, 3), 2000);
    assert_int_equal(bufpool_oldest(w.pool), UINT64_MAX);
    close_world(&w);
}

static void so_does_one_that_was_to_be_evicted(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 100, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    watch(&w, change_page_3);
    for (pgno_t p = 10; io.calls == 0 && p <= 100; p++)
        touch(&w, p, p);
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    assert_int_equal(bufpool_oldest(w.pool), 88);
    assert_int_equal(buf_get(w.pool, 3, BUF_READ, &b), 0);
    assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 2000);
    buf_put(b);
    close_world(&w);
}

static void make_page_3_and_leave_it(struct world *w)
{
    struct buf *b;

    assert_int_equal(buf_get(w->pool, 3, BUF_NEW, &b), 0);
    buf_put(b);
}

static void a_page_made_and_left_during_its_write_is_what_was_written(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 10, false, 100);
    set_dbtime(&w, 3, 1000, 77);
    watch(&w, make_page_3_and_leave_it);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0);
    assert_int_equal(buf_get_latched(w.pool, 3, BUF_READ, BUF_SHARED, &b), 0);
    assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 1000);
    buf_release(b, BUF_SHARED);
    close_world(&w);
}

static void neighbours_are_written_together_in_the_order_of_the_file(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 200, false, 400);
    for (pgno_t p = 200; p >= 101; p--)
        set_dbtime(&w, p, 1000 + p, p);
    set_dbtime(&w, 7, 1007, 7);
    set_dbtime(&w, 5, 1005, 5);
    watch(&w, NULL);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0);
    assert_int_equal(io.calls, 4); /* 5; 7; 64 pages; the rest */
    assert_int_equal(io.longest, 64 * PAGE);
    assert_true(io.sorted);
    for (pgno_t p = 1; p <= 200; p++)
        assert_int_equal(dbtime_in_file(&w, p), p > 100 || p == 5 || p == 7 ? 1000 + p : p);
    close_world(&w);
}

static void write_leaves_what_is_young_enough(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 10, false, 100);
    for (pgno_t p = 1; p <= 10; p++)
        set_dbtime(&w, p, 1000 + p, 100 * p);
    assert_int_equal(buf_get(w.pool, 9, BUF_READ, &b), 0);
    buf_dirty_since(b, 2000, 50); /* of an old transaction */
    buf_put(b);
    assert_int_equal(bufpool_oldest(w.pool), 50);
    assert_int_equal(bufpool_write(w.pool, 400), 0);
    for (pgno_t p = 1; p <= 10; p++)
        assert_int_equal(dbtime_in_file(&w, p), p < 4 || p == 9 ? 1000 + p : p);
    assert_int_equal(bufpool_nr_dirty(w.pool), 6);
    assert_int_equal(bufpool_oldest(w.pool), 400);
    close_world(&w);
}

static void an_untidy_page_holds_nothing_back_and_is_written_with_all(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 10, false, 100);
    assert_int_equal(buf_get_latched(w.pool, 4, BUF_READ, BUF_EXCLUSIVE, &b), 0);
    page_set_dbtime((struct edit){b->b, b->size}, 1004);
    buf_untidy(b);
    buf_release(b, BUF_EXCLUSIVE);
    assert_int_equal(bufpool_nr_dirty(w.pool), 1);
    assert_int_equal(bufpool_oldest(w.pool), UINT64_MAX);
    assert_int_equal(bufpool_write(w.pool, 1000000), 0);
    assert_int_equal(dbtime_in_file(&w, 4), 4);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0);
    assert_int_equal(dbtime_in_file(&w, 4), 1004);
    close_world(&w);
}

static void what_is_held_back_stays_and_the_rest_is_written(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 10, false, 100);
    for (pgno_t p = 1; p <= 10; p++)
        set_dbtime(&w, p, 1000 + p, 100 * p);
    w.held = 5;
    watch(&w, NULL);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0);
    assert_int_equal(io.calls, 2);
    for (pgno_t p = 1; p <= 10; p++)
        assert_int_equal(dbtime_in_file(&w, p), p == 5 ? p : 1000 + p);
    assert_int_equal(bufpool_oldest(w.pool), 500);
    close_world(&w);
}

static void a_page_whose_write_failed_is_held_for_ever(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 4, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    forbid_writing(w.fd);
    assert_true(bufpool_write(w.pool, UINT64_MAX) < 0);
    assert_true(bufpool_sync(w.pool) < 0);
    assert_int_equal(bufpool_nr_dirty(w.pool), 1);
    assert_int_equal(bufpool_oldest(w.pool), 77);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_changed_during_its_write_stays_dirty),
        cmocka_unit_test(so_does_one_that_was_to_be_evicted),
        cmocka_unit_test(a_page_made_and_left_during_its_write_is_what_was_written),
        cmocka_unit_test(neighbours_are_written_together_in_the_order_of_the_file),
        cmocka_unit_test(write_leaves_what_is_young_enough),
        cmocka_unit_test(an_untidy_page_holds_nothing_back_and_is_written_with_all),
        cmocka_unit_test(what_is_held_back_stays_and_the_rest_is_written),
        cmocka_unit_test(a_page_whose_write_failed_is_held_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
