/* The page cache: what it writes, when, and what it must not write. */
#include "testutil.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "buf/buf.h"
#include "page/edit.h"

#define PAGE  4096u
#define OBJID 9u

struct world {
    int fd;
    struct reporter r;
    struct bufpool *pool;
    unsigned asked;
    lgpos_t asked_lgpos;
    JET_ERR answer;
    pgno_t held; /* not to be written */
};

static JET_ERR flush_log(void *ctx, pgno_t pgno, lgpos_t lgpos)
{
    struct world *w = ctx;

    w->asked++;
    w->asked_lgpos = lgpos;
    assert_non_null(bufpool_peek(w->pool, pgno));
    return pgno == w->held ? 1 : w->answer;
}

static void make_page(uint8_t *b, pgno_t pgno, dbtime_t dbtime)
{
    page_init((struct edit){b, PAGE}, pgno, OBJID, dbtime, PAGE_LEAF | PAGE_ROOT);
}

/* A file with pages 1..nr, sealed, dbtime = pgno. */
static void open_world(struct world *w, unsigned nr, bool overlay, size_t capacity)
{
    uint8_t page[PAGE] = {0};

    memset(w, 0, sizeof(*w));
    w->fd = memfd_create("buf", 0);
    assert_true(w->fd >= 0);
    for (pgno_t p = 1; p <= nr; p++) {
        make_page(page, p, p);
        page_seal(page, PAGE, p);
        assert_int_equal(pwrite(w->fd, page, PAGE, (off_t)(p + 1) * PAGE), PAGE);
    }
    assert_int_equal(bufpool_new(w->fd, PAGE, overlay, capacity, &w->r, flush_log, w, &w->pool), 0);
}

static void close_world(struct world *w)
{
    bufpool_free(w->pool);
    close(w->fd);
}

static dbtime_t dbtime_in_file(const struct world *w, pgno_t pgno)
{
    uint8_t page[PAGE];
    struct page_check c;

    assert_int_equal(pread(w->fd, page, PAGE, (off_t)(pgno + 1) * PAGE), PAGE);
    page_verify(page, PAGE, pgno, &c);
    assert_int_equal(c.verdict, PAGE_OK);
    return page_dbtime((struct page){page, PAGE});
}

static void set_dbtime(struct world *w, pgno_t pgno, dbtime_t dbtime, lgpos_t lgpos)
{
    struct buf *b;

    assert_int_equal(buf_get(w->pool, pgno, BUF_READ, &b), 0);
    page_set_dbtime((struct edit){b->b, b->size}, dbtime);
    buf_dirty(b, lgpos);
    buf_put(b);
}

static void touch(struct world *w, pgno_t from, pgno_t to)
{
    for (pgno_t p = from; p <= to; p++) {
        struct buf *b;
        assert_int_equal(buf_get(w->pool, p, BUF_READ, &b), 0);
        assert_int_equal(b->pgno, p);
        buf_put(b);
    }
}

static void a_changed_page_is_written_when_room_is_needed(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 40, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    assert_int_equal(dbtime_in_file(&w, 3), 3);
    touch(&w, 10, 40);
    assert_null(bufpool_peek(w.pool, 3));
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    assert_int_equal(w.asked, 1);
    assert_int_equal(w.asked_lgpos, 77);
    close_world(&w);
}

static void flush_writes_every_changed_page_and_no_other(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 10, false, 100);
    set_dbtime(&w, 7, 700, 5);
    set_dbtime(&w, 2, 200, 9);
    touch(&w, 1, 10);
    assert_int_equal(bufpool_nr_dirty(w.pool), 2);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(bufpool_nr_dirty(w.pool), 0);
    assert_int_equal(w.asked, 2);
    for (pgno_t p = 1; p <= 10; p++)
        assert_int_equal(dbtime_in_file(&w, p), p == 7 ? 700 : p == 2 ? 200 : p);
    close_world(&w);
}

static void a_page_that_is_held_back_stays_in_memory(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 40, false, 8);
    w.held = 3;
    set_dbtime(&w, 3, 1000, 77);
    touch(&w, 10, 40);
    assert_non_null(bufpool_peek(w.pool, 3));
    assert_int_equal(dbtime_in_file(&w, 3), 3);
    w.held = 0;
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    close_world(&w);
}

static void flushing_a_page_that_is_held_back_is_final(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    w.held = 3;
    set_dbtime(&w, 3, 1000, 77);
    assert_int_equal(bufpool_flush(w.pool), JET_errInternalError);
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &b), JET_errInternalError);
    close_world(&w);
}

static void an_overlay_writes_nothing(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 40, true, 8);
    for (pgno_t p = 1; p <= 40; p++)
        set_dbtime(&w, p, 1000 + p, p);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(w.asked, 0);
    for (pgno_t p = 1; p <= 40; p++) {
        assert_int_equal(dbtime_in_file(&w, p), p);
        assert_int_equal(buf_get(w.pool, p, BUF_READ, &b), 0);
        assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 1000 + p);
        buf_put(b);
    }
    close_world(&w);
}

static void pinned_pages_stay_where_they_are(void **state)
{
    struct world w;
    struct buf *b, *again;

    (void)state;
    open_world(&w, 40, false, 4);
    assert_int_equal(buf_get(w.pool, 2, BUF_READ, &b), 0);
    touch(&w, 10, 40);
    assert_int_equal(buf_get(w.pool, 2, BUF_READ, &again), 0);
    assert_ptr_equal(b, again);
    buf_put(again);
    buf_put(b);
    buf_put(NULL);
    close_world(&w);
}

static void damage_is_told_and_blank_pages_are_not_damage(void **state)
{
    struct world w;
    struct buf *b;
    uint8_t x = 0x55;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(pwrite(w.fd, &x, 1, 3 * PAGE + 2001), 1);
    assert_int_equal(buf_get(w.pool, 2, BUF_READ, &b), JET_errReadVerifyFailure);
    assert_int_equal(w.r.nr_faults, 1);
    assert_int_equal(buf_get(w.pool, 100, BUF_READ, &b), 0);
    assert_true(b->blank);
    assert_true(page_is_zero(b->b, PAGE));
    buf_put(b);
    assert_int_equal(buf_get(w.pool, 0, BUF_READ, &b), JET_errInvalidParameter);
    close_world(&w);
}

static void a_new_page_that_was_not_made_is_forgotten(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(buf_get(w.pool, 2, BUF_NEW, &b), 0);
    assert_true(page_is_zero(b->b, PAGE));
    buf_put(b);
    assert_int_equal(buf_get(w.pool, 2, BUF_READ, &b), 0);
    assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 2);
    buf_put(b);
    assert_int_equal(buf_get(w.pool, 9, BUF_NEW, &b), 0);
    make_page(b->b, 9, 99);
    buf_dirty(b, 1);
    assert_false(b->blank);
    buf_put(b);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(dbtime_in_file(&w, 9), 99);
    close_world(&w);
}

static void what_was_cut_off_is_blank_for_an_overlay(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 10, true, 8);
    set_dbtime(&w, 7, 700, 1);
    bufpool_cut(w.pool, 6);
    for (pgno_t p = 5; p <= 8; p++) {
        assert_int_equal(buf_get(w.pool, p, BUF_READ, &b), 0);
        assert_int_equal(b->blank, p >= 6);
        buf_put(b);
    }
    close_world(&w);
}

/* The same file behind the descriptor, open for reading only. */
static void forbid_writing(int fd)
{
    char path[64];
    int ro;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ro = open(path, O_RDONLY);
    assert_true(ro >= 0);
    assert_int_equal(dup2(ro, fd), fd);
    close(ro);
}

static void a_failed_write_is_final(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    forbid_writing(w.fd);
    assert_true(bufpool_flush(w.pool) < 0);
    assert_true(bufpool_flush(w.pool) < 0);
    assert_true(buf_get(w.pool, 1, BUF_READ, &b) < 0);
    assert_int_equal(w.r.nr_faults, 1);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_page_is_written_when_room_is_needed),
        cmocka_unit_test(flush_writes_every_changed_page_and_no_other),
        cmocka_unit_test(a_page_that_is_held_back_stays_in_memory),
        cmocka_unit_test(flushing_a_page_that_is_held_back_is_final),
        cmocka_unit_test(an_overlay_writes_nothing),
        cmocka_unit_test(pinned_pages_stay_where_they_are),
        cmocka_unit_test(damage_is_told_and_blank_pages_are_not_damage),
        cmocka_unit_test(a_new_page_that_was_not_made_is_forgotten),
        cmocka_unit_test(what_was_cut_off_is_blank_for_an_overlay),
        cmocka_unit_test(a_failed_write_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
