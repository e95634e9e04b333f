/* The page cache as one thread sees it: what comes in, what leaves, what must not be written. */
#include "bufworld.h"

static void a_changed_page_is_written_when_room_is_needed(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 40, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    assert_int_equal(dbtime_in_file(&w, 3), 3);
    touch(&w, 10, 40);
    assert_false(was_in_memory(&w, 3));
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
    assert_true(was_in_memory(&w, 3));
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

static void an_overlay_keeps_no_more_in_memory_than_it_should(void **state)
{
    struct bufcache_stats st;
    struct bufcache *c;
    struct world w;
    uint8_t page[PAGE];
    bool has;

    (void)state;
    open_world(&w, 40, true, 8);
    bufpool_free(w.pool);
    assert_int_equal(bufcache_new(PAGE, 8, &c), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, true, 0, &w.r, flush_log, &w, &w.pool), 0);
    for (int turn = 1; turn <= 2; turn++) /* the second time over what was kept aside */
        for (pgno_t p = 1; p <= 30; p++)
            set_dbtime(&w, p, (dbtime_t)turn * 1000 + p, p);
    bufcache_stats(c, &st);
    assert_in_range(st.frames, 1, 10);
    assert_int_equal(bufpool_nr_dirty(w.pool), 30);
    assert_in_range(bufpool_nr_spilled(w.pool), 20, 30);
    assert_int_equal(w.asked, 0);
    for (pgno_t p = 1; p <= 40; p++) {
        struct page_check check;
        assert_int_equal(bufpool_changed(w.pool, p, page, &has), 0);
        assert_int_equal(has, p <= 30);
        if (!has)
            continue;
        page_verify(page, PAGE, p, &check);
        assert_int_equal(check.verdict, PAGE_OK);
        assert_int_equal(page_dbtime((struct page){page, PAGE}), 2000 + p);
    }
    bufpool_cut(w.pool, 11);
    assert_int_equal(bufpool_nr_dirty(w.pool), 10);
    assert_int_equal(bufpool_changed(w.pool, 20, page, &has), 0);
    assert_true(has && page_is_zero(page, PAGE));
    close_world(&w);
    bufcache_free(c);
}

static void an_overlay_without_room_fails_for_good(void **state)
{
    const char *was = getenv("TMPDIR");
    char *keep = was ? strdup(was) : NULL;
    JET_ERR err = 0;
    struct world w;
    struct buf *b;

    (void)state;
    setenv("TMPDIR", "/no/such", 1);
    open_world(&w, 60, true, 8);
    for (pgno_t p = 1; p <= 60 && err >= 0; p++) {
        err = buf_get(w.pool, p, BUF_READ, &b);
        if (err < 0)
            break;
        page_set_dbtime((struct edit){b->b, PAGE}, 1000);
        buf_dirty(b, 1);
        buf_put(b);
    }
    assert_int_equal(err, JET_errFileNotFound);
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &b), err);
    assert_true(w.r.nr_faults > 0);
    close_world(&w);
    if (keep)
        setenv("TMPDIR", keep, 1);
    else
        unsetenv("TMPDIR");
    free(keep);
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

/* ---- who leaves ---- */

static void a_scan_leaves_the_pages_that_are_used(void **state)
{
    struct world w;
    unsigned kept = 0;

    (void)state;
    open_world(&w, 1000, false, 100);
    touch(&w, 1, 40);
    touch(&w, 101, 180);
    touch(&w, 1, 40); /* gone, and wanted again */
    touch(&w, 201, 1000);
    for (pgno_t p = 1; p <= 40; p++)
        kept += was_in_memory(&w, p);
    assert_in_range(kept, 30, 40);
    close_world(&w);
}

static void a_cache_keeps_to_its_size(void **state)
{
    struct bufcache_stats st;
    struct bufcache *c;
    struct bufpool *p[2];
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 200, false, 1);
    assert_int_equal(bufcache_new(PAGE, 50, &c), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p[0]), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p[1]), 0);
    assert_int_equal(bufpool_new(c, w.fd, 2 * PAGE, false, 0, &w.r, flush_log, &w, &p[0]),
                     JET_errPageSizeMismatch);
    for (pgno_t n = 1; n <= 200; n++)
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(buf_get(p[i], n, BUF_READ, &b), 0);
            buf_put(b);
        }
    bufcache_stats(c, &st);
    assert_int_equal(st.frames, 50);
    assert_int_equal(st.reads, 400);
    assert_int_equal(st.evictions, 350);
    bufpool_free(p[0]);
    bufcache_stats(c, &st);
    assert_in_range(st.frames, 1, 49);
    bufpool_free(p[1]);
    bufcache_stats(c, &st);
    assert_int_equal(st.frames, 0);
    bufcache_free(c);
    close_world(&w);
}

static void a_cache_full_of_pins_grows_and_shrinks_again(void **state)
{
    struct bufcache_stats st;
    struct bufcache *c;
    struct bufpool *p;
    struct buf *b[60];
    struct world w;

    (void)state;
    open_world(&w, 200, false, 1);
    assert_int_equal(bufcache_new(PAGE, 10, &c), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p), 0);
    for (pgno_t n = 0; n < 60; n++)
        assert_int_equal(buf_get(p, n + 1, BUF_READ, &b[n]), 0);
    for (pgno_t n = 0; n < 60; n++) {
        assert_int_equal(b[n]->pgno, n + 1);
        buf_put(b[n]);
    }
    for (pgno_t n = 61; n <= 200; n++) {
        assert_int_equal(buf_get(p, n, BUF_READ, &b[0]), 0);
        buf_put(b[0]);
    }
    bufcache_stats(c, &st);
    assert_int_equal(st.frames, 10);
    bufpool_free(p);
    bufcache_free(c);
    close_world(&w);
}

/* ---- hints ---- */

static void a_hint_serves_as_long_as_the_page_is_there(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 100, false, 8);
    assert_false(buf_get_hint(w.pool, 1, NULL, BUF_PIN));
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &b), 0);
    buf_put(b);
    assert_true(buf_get_hint(w.pool, 1, b, BUF_EXCLUSIVE));
    assert_false(buf_try_latch(b, BUF_SHARED));
    buf_release(b, BUF_EXCLUSIVE);
    assert_false(buf_get_hint(w.pool, 2, b, BUF_SHARED));
    touch(&w, 10, 100);
    assert_false(buf_get_hint(w.pool, 1, b, BUF_SHARED));
    close_world(&w);
}

static void a_hint_from_a_pool_that_is_gone_is_no_hint(void **state)
{
    struct bufcache *c;
    struct bufpool *p;
    struct world w;
    struct buf *b, *again;

    (void)state;
    open_world(&w, 10, false, 8);
    assert_int_equal(bufcache_new(PAGE, 10, &c), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p), 0);
    assert_int_equal(buf_get(p, 1, BUF_READ, &b), 0);
    buf_put(b);
    bufpool_free(p);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p), 0);
    assert_false(buf_get_hint(p, 1, b, BUF_PIN));
    assert_int_equal(buf_get(p, 1, BUF_READ, &again), 0);
    buf_put(again);
    assert_true(buf_get_hint(p, 1, again, BUF_PIN));
    buf_put(again);
    bufpool_free(p);
    bufcache_free(c);
    close_world(&w);
}

/* ---- pages that are made ---- */

static void a_dirty_page_made_anew_comes_back_when_nothing_is_made(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    assert_int_equal(buf_get_latched(w.pool, 3, BUF_NEW, BUF_EXCLUSIVE, &b), 0);
    assert_true(b->blank);
    assert_true(page_is_zero(b->b, PAGE));
    buf_unlatch(b, BUF_EXCLUSIVE);
    assert_int_equal(bufpool_write(w.pool, UINT64_MAX), 0); /* not as it is now */
    assert_int_equal(dbtime_in_file(&w, 3), 3);
    assert_int_equal(bufpool_oldest(w.pool), 77);
    buf_put(b);
    assert_int_equal(buf_get(w.pool, 3, BUF_READ, &b), 0);
    assert_false(b->blank);
    assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 1000);
    buf_put(b);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(dbtime_in_file(&w, 3), 1000);
    close_world(&w);
}

static void a_dirty_page_can_be_made_anew(void **state)
{
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 4, false, 8);
    set_dbtime(&w, 3, 1000, 77);
    assert_int_equal(buf_get_latched(w.pool, 3, BUF_NEW, BUF_EXCLUSIVE, &b), 0);
    make_page(b->b, 3, 2000);
    buf_dirty(b, 99);
    buf_release(b, BUF_EXCLUSIVE);
    assert_int_equal(bufpool_oldest(w.pool), 77);
    assert_int_equal(bufpool_flush(w.pool), 0);
    assert_int_equal(w.asked_lgpos, 99);
    assert_int_equal(dbtime_in_file(&w, 3), 2000);
    close_world(&w);
}

static void a_page_that_could_not_be_read_is_read_again(void **state)
{
    struct world w;
    struct buf *b;
    uint8_t x = 0x55, was;

    (void)state;
    open_world(&w, 4, false, 8);
    assert_int_equal(pread(w.fd, &was, 1, 3 * PAGE + 2001), 1);
    assert_int_equal(pwrite(w.fd, &x, 1, 3 * PAGE + 2001), 1);
    assert_int_equal(buf_get_latched(w.pool, 2, BUF_READ, BUF_SHARED, &b),
                     JET_errReadVerifyFailure);
    assert_int_equal(pwrite(w.fd, &was, 1, 3 * PAGE + 2001), 1);
    assert_int_equal(buf_get_latched(w.pool, 2, BUF_READ, BUF_SHARED, &b), 0);
    assert_int_equal(page_dbtime((struct page){b->b, PAGE}), 2);
    buf_release(b, BUF_SHARED);
    close_world(&w);
}

static void a_pool_that_failed_does_not_stop_the_others(void **state)
{
    struct bufcache *c;
    struct bufpool *p;
    struct world w;
    struct buf *b;

    (void)state;
    open_world(&w, 100, false, 8);
    assert_int_equal(bufcache_new(PAGE, 10, &c), 0);
    bufpool_free(w.pool);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &w.pool), 0);
    assert_int_equal(bufpool_new(c, w.fd, PAGE, false, 0, &w.r, flush_log, &w, &p), 0);
    w.answer = JET_errLogWriteFail;
    for (pgno_t n = 1; n <= 5; n++)
        set_dbtime(&w, n, 1000, 50 + n);
    for (pgno_t n = 1; n <= 100; n++) {
        assert_int_equal(buf_get(p, n, BUF_READ, &b), 0);
        buf_put(b);
    }
    assert_int_equal(buf_get(w.pool, 1, BUF_READ, &b), JET_errLogWriteFail);
    assert_int_equal(bufpool_oldest(w.pool), 51);
    assert_int_equal(bufpool_oldest(p), UINT64_MAX);
    bufpool_free(p);
    bufpool_free(w.pool);
    bufcache_free(c);
    close(w.fd);
}

static void preread_pages_are_counted_and_come_as_usual(void **state)
{
    struct world w;
    const uint64_t before = buf_thread_stats.preread;

    (void)state;
    open_world(&w, 40, false, 100);
    touch(&w, 1, 5);
    bufpool_preread(w.pool, 1, 5);
    assert_int_equal(buf_thread_stats.preread, before);
    bufpool_preread(w.pool, 4, 10);
    assert_int_equal(buf_thread_stats.preread, before + 8);
    touch(&w, 1, 40);
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
        cmocka_unit_test(an_overlay_keeps_no_more_in_memory_than_it_should),
        cmocka_unit_test(an_overlay_without_room_fails_for_good),
        cmocka_unit_test(pinned_pages_stay_where_they_are),
        cmocka_unit_test(damage_is_told_and_blank_pages_are_not_damage),
        cmocka_unit_test(a_new_page_that_was_not_made_is_forgotten),
        cmocka_unit_test(what_was_cut_off_is_blank_for_an_overlay),
        cmocka_unit_test(a_failed_write_is_final),
        cmocka_unit_test(a_scan_leaves_the_pages_that_are_used),
        cmocka_unit_test(a_cache_keeps_to_its_size),
        cmocka_unit_test(a_cache_full_of_pins_grows_and_shrinks_again),
        cmocka_unit_test(a_hint_serves_as_long_as_the_page_is_there),
        cmocka_unit_test(a_hint_from_a_pool_that_is_gone_is_no_hint),
        cmocka_unit_test(a_dirty_page_made_anew_comes_back_when_nothing_is_made),
        cmocka_unit_test(a_dirty_page_can_be_made_anew),
        cmocka_unit_test(a_page_that_could_not_be_read_is_read_again),
        cmocka_unit_test(a_pool_that_failed_does_not_stop_the_others),
        cmocka_unit_test(preread_pages_are_counted_and_come_as_usual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
