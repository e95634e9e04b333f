/* Splits and merges among versions: what a rollback may want back finds room, and what a reader
 * may still see stays. */
#include "smotest.h"

#include "log/wal.h"

static void begin(bool logging)
{
    instfix_begin(&fix,
                  &(struct instfix_conf){.page_size = 4096, .pages = 1024, .logging = logging});
}

static void end(struct model *m)
{
    model_commit(m);
    instfix_stop(&fix);
    model_check(m);
    model_done(m);
    instfix_end(&fix);
}

static void go_to(struct dir *d, struct sess *s, struct model *m, const struct row *r)
{
    const struct bookmark bm = row_bookmark(m, r);

    assert_ok(dir_init(d, s, m->t));
    assert_ok(dir_seek(d, &bm, DIR_EQ));
}

/* By session s, in its transaction; the model knows nothing of it. */
static void replace_by(struct sess *s, struct model *m, const struct row *r, uint32_t data_len)
{
    struct row new = *r;
    struct dir d;

    new.data_len = data_len;
    go_to(&d, s, m, r);
    assert_ok(dir_replace(&d, row_data(&new), 0));
    dir_done(&d);
}

static void flag_delete_by(struct sess *s, struct model *m, const struct row *r)
{
    struct dir d;

    go_to(&d, s, m, r);
    assert_ok(dir_flag_delete(&d, 0));
    dir_done(&d);
}

/* Free bytes of all leaves that nobody may use, as the pages count them. */
static uint64_t reserved_in_leaves(struct model *m)
{
    static const uint8_t first;
    const struct bookmark bm = {{&first, 1}, {&first, 0}};
    struct smo_path p;
    uint64_t sum = 0;
    pgno_t pgno;

    smo_enter(m->t);
    assert_ok(smo_descend(&p, fix.sess, m->t, &bm));
    pgno = smo_leaf(&p)->buf->pgno;
    smo_path_done(&p);
    smo_leave(m->t);
    while (pgno) {
        struct buf *b;

        assert_ok(buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_SHARED, &b));
        sum += page_uncommitted(smo_page(b));
        assert_true(page_uncommitted(smo_page(b)) >= smo_reserved(m->t, smo_page(b), SMO_NO_LINE));
        pgno = page_next(smo_page(b));
        buf_release(b, BUF_SHARED);
    }
    return sum;
}

/* Every second row becomes small, others come in between and split every page, then the small ones
 * grow back. */
static void rows_that_shrank_grow_back_whatever_came_in_between(void **state)
{
    for (unsigned logging = 0; logging < 2; logging++) {
        struct sess *s;
        struct model m;

        (void)state;
        begin(logging);
        s = instfix_session(&fix);
        model_begin(&m, INSTFIX_UNIQUE);
        for (unsigned i = 0; i < 200; i++)
            model_insert_int(&m, 1000 * i, 300);
        model_commit(&m);
        assert_ok(trx_begin(s));
        for (unsigned i = 0; i < 200; i += 2)
            replace_by(s, &m, &m.row[i], 20);
        assert_int_equal(reserved_in_leaves(&m), 100 * 280);
        for (unsigned i = 0; i < 2000; i++)
            model_insert_int(&m, 1000 * (i % 200) + 1 + i / 200, 100);
        assert_true(reserved_in_leaves(&m) >= 100 * 280);
        assert_ok(trx_rollback(s));
        end(&m);
    }
}

/* A row that grows, in a split, and shrinks by the rollback. */
static void rows_that_grew_by_a_split_shrink_back(void **state)
{
    struct sess *s;
    struct model m;

    (void)state;
    begin(true);
    s = instfix_session(&fix);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 200; i++)
        model_insert_int(&m, i, 30);
    model_commit(&m);
    assert_ok(trx_begin(s));
    for (unsigned i = 0; i < 200; i++)
        replace_by(s, &m, &m.row[i], 2000);
    for (unsigned i = 0; i < 200; i += 3)
        replace_by(s, &m, &m.row[i], 10);
    for (unsigned i = 0; i < 200; i += 3)
        replace_by(s, &m, &m.row[i], 1000);
    assert_ok(trx_rollback(s));
    end(&m);
}

/* What was reserved is free after a commit; the page finds out when it needs the room. */
static void a_stale_reserve_does_not_split(void **state)
{
    struct sess *s;
    struct model m;
    uint64_t free_bytes;

    (void)state;
    begin(false);
    s = instfix_session(&fix);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 20; i++)
        model_insert_int(&m, 10 * i, 180);
    for (unsigned i = 20; i < 40; i++)
        model_insert_int(&m, 10 * i, 180);
    model_commit(&m);
    assert_int_equal(model_leaves(&m, &free_bytes), 2);
    assert_ok(trx_begin(s));
    for (unsigned i = 0; i < 20; i++)
        replace_by(s, &m, &m.row[i], 80);
    assert_ok(trx_commit(s, true));
    for (unsigned i = 0; i < 20; i++)
        m.row[i].data_len = 80;
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    for (unsigned i = 0; i < 15; i++)
        model_insert_int(&m, 10 * i + 5, 100);
    assert_int_equal(model_leaves(&m, &free_bytes), 2);
    end(&m);
}

/* A node that is deleted but may come back, or be seen by somebody, is not removed, and its leaf
 * stays. */
static void a_leaf_with_versions_is_not_merged(void **state)
{
    struct sess *s;
    struct model m;
    uint64_t free_bytes;
    unsigned leaves;

    (void)state;
    begin(false);
    s = instfix_session(&fix);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 200; i++)
        model_insert_int(&m, i, 200);
    model_commit(&m);
    leaves = model_leaves(&m, &free_bytes);
    assert_ok(trx_begin(s));
    flag_delete_by(s, &m, &m.row[50]);
    for (unsigned i = 30; i < 100; i++)
        if (i != 50)
            model_delete(&m, &m.row[i]);
    for (unsigned i = 30; i < 100; i++)
        model_clean(&m, &m.row[i]);
    assert_true(model_leaves(&m, &free_bytes) < leaves);
    assert_ok(trx_rollback(s));
    end(&m);
}

/* What is uncommitted of a row that moves to a neighbour goes with it. */
static void a_merge_takes_reserves_along(void **state)
{
    struct sess *s;
    struct model m;

    (void)state;
    begin(false);
    s = instfix_session(&fix);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 400; i++)
        model_insert_int(&m, i, 200);
    model_commit(&m);
    for (unsigned i = 0; i < 400; i++)
        if (i % 8)
            model_delete(&m, &m.row[i]);
    assert_ok(trx_begin(s));
    for (unsigned i = 0; i < 400; i += 16)
        replace_by(s, &m, &m.row[i], 20);
    for (unsigned i = 0; i < 400; i++)
        if (i % 8)
            model_clean(&m, &m.row[i]);
    assert_true(reserved_in_leaves(&m) >= 25 * 180);
    for (unsigned i = 0; i < 1000; i++)
        model_insert_int(&m, 1000 + i, 100);
    assert_ok(trx_rollback(s));
    end(&m);
}

/* Sessions that shrink, grow, delete, insert, and mostly roll back; nothing may be lost, and
 * nothing left. */
static void a_crash_undoes_what_was_open_through_all_splits(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 4; turn++) {
        struct sess *s;
        struct model m;

        begin(true);
        s = instfix_session(&fix);
        model_begin(&m, INSTFIX_UNIQUE);
        for (unsigned i = 0; i < 300; i++)
            model_insert_int(&m, 1000 * i, 4 + (uint32_t)(rnd() % 500));
        model_commit(&m);
        assert_ok(trx_begin(s));
        for (unsigned i = 0; i < 300; i++) {
            const unsigned what = (unsigned)(rnd() % 4);

            if (what == 0)
                flag_delete_by(s, &m, &m.row[i]);
            else if (what < 3)
                replace_by(s, &m, &m.row[i], 4 + (uint32_t)(rnd() % 900));
            model_insert_int(&m, 1000 * i + 1, 4 + (uint32_t)(rnd() % 300));
            if (rnd() % 20 == 0) /* UndoInfo gets into the log, pages into the file */
                assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
        }
        model_commit(&m);
        assert_ok(wal_flush_all(fix.in.wal));
        if (turn % 2)
            assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
        instfix_crash(&fix);
        instfix_recover(&fix);
        instfix_stop(&fix);
        model_check(&m);
        model_done(&m);
        instfix_end(&fix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_shrank_grow_back_whatever_came_in_between),
        cmocka_unit_test(rows_that_grew_by_a_split_shrink_back),
        cmocka_unit_test(a_stale_reserve_does_not_split),
        cmocka_unit_test(a_leaf_with_versions_is_not_merged),
        cmocka_unit_test(a_merge_takes_reserves_along),
        cmocka_unit_test(a_crash_undoes_what_was_open_through_all_splits),
    };

    rnd_init("smo_ver");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
