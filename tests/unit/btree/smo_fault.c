/* Memory that runs out and a log that is down, at every point of a split and of a merge: the tree
 * is as it was, nothing stays latched or pinned, and the same thing done again is done. */
#include "smotest.h"

void *__real_malloc(size_t len);
void *__real_calloc(size_t nr, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t nr, size_t len);

static unsigned fail_at, nr_seen; /* fail_at 0: none fails */

static bool fails(void)
{
    return fail_at && ++nr_seen == fail_at;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t nr, size_t len)
{
    return fails() ? NULL : __real_calloc(nr, len);
}

/* Repeats what fn does, each time with the next allocation failing, until none fails. */
static unsigned until_it_succeeds(JET_ERR (*fn)(void *ctx), void *ctx)
{
    unsigned nr = 0;

    for (;;) {
        JET_ERR err;

        nr_seen = 0;
        fail_at = ++nr;
        err = fn(ctx);
        fail_at = 0;
        if (err >= 0)
            return nr;
        assert_int_equal(err, JET_errOutOfMemory);
        assert_int_equal(inst_check(&fix.in), JET_errSuccess);
    }
}

static void begin(struct model *m)
{
    instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .pages = 512, .logging = true});
    model_begin(m, INSTFIX_UNIQUE);
}

static void end(struct model *m)
{
    model_commit(m);
    instfix_stop(&fix);
    model_check(m);
    model_done(m);
    instfix_end(&fix);
}

struct insertion {
    struct model *m;
    struct row r;
    enum smo_kind kind;
};

static JET_ERR insert(void *ctx)
{
    struct insertion *x = ctx;
    const struct smo_op op = {.kind = x->kind, .key = row_key(&x->r), .data = row_data(&x->r)};

    return smo_do(fix.sess, x->m->t, &op, NULL, NULL, NULL, NULL);
}

static JET_ERR clean(void *ctx)
{
    struct insertion *x = ctx;
    const struct bookmark bm = row_bookmark(x->m, &x->r);

    return smo_clean_leaf(fix.sess, x->m->t, &bm);
}

static void without_memory_a_split_is_not_done_by_halves(void **state)
{
    struct model m;
    unsigned failed = 0;

    (void)state;
    begin(&m);
    for (unsigned i = 1; i <= 100; i++)
        model_insert_int(&m, 10 * i, 211);
    for (unsigned i = 0; i < 40; i++) { /* appends, splits in the middle, of the root too */
        struct row *r;

        model_insert_int(&m, 100000 + i, 4);
        r = &m.row[m.nr - 1];
        r->data_len = 1500;
        failed += until_it_succeeds(insert, &(struct insertion){&m, *r, SMO_REPLACE}) - 1;
    }
    assert_true(failed > 100);
    end(&m);
}

/* What was deleted before it failed is not there to be cleaned again, so each merge gets one try,
 * at another point. */
static void without_memory_a_merge_is_not_done_by_halves(void **state)
{
    struct model m;
    unsigned failed = 0, merges = 0;

    (void)state;
    begin(&m);
    for (unsigned i = 0; i < 1000; i++)
        model_insert_int(&m, 10 * i, 211);
    for (unsigned i = 0; i < 1000; i++)
        if (i % 6 || i / 100 % 2)
            model_delete(&m, &m.row[i]);
    for (unsigned i = 0; i < 1000; i++) {
        struct insertion x = {&m, m.row[i], 0};
        JET_ERR err;

        if (m.row[i].alive)
            continue;
        nr_seen = 0;
        fail_at = 1 + merges % 10;
        err = clean(&x);
        fail_at = 0;
        merges += nr_seen > 0;
        failed += err < 0;
        if (err < 0)
            assert_int_equal(err, JET_errOutOfMemory);
        assert_int_equal(inst_check(&fix.in), JET_errSuccess);
        assert_ok(clean(&x));
    }
    assert_true(failed > 12);
    end(&m);
}

/* All pages, as bytes. */
static uint8_t *copy_pages(void)
{
    uint8_t *all = calloc(fix.db.pgno_last + 1u, 4096);

    assert_non_null(all);
    for (pgno_t pgno = 1; pgno <= fix.db.pgno_last; pgno++) {
        struct buf *b;

        /* nobody holds it any more */
        assert_ok(buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_EXCLUSIVE, &b));
        memcpy(all + (size_t)pgno * 4096, b->b, 4096);
        buf_release(b, BUF_EXCLUSIVE);
    }
    return all;
}

static void without_a_log_no_page_changes(void **state)
{
    uint8_t *before, *after;
    struct insertion x;
    struct model m;

    (void)state;
    begin(&m);
    for (unsigned i = 1; i <= 100; i++)
        model_insert_int(&m, 10 * i, 211);
    for (unsigned i = 0; i < 36; i++)
        model_delete(&m, &m.row[i]);
    before = copy_pages();
    (void)inst_fail(&fix.in, JET_errLogWriteFail);
    x = (struct insertion){&m, m.row[70], SMO_REPLACE};
    x.r.data_len = 3000;
    assert_int_equal(insert(&x), JET_errLogWriteFail);
    x.r.data_len = 10;
    assert_int_equal(insert(&x), JET_errLogWriteFail);
    x = (struct insertion){&m, m.row[5], SMO_INSERT};
    assert_int_equal(insert(&x), JET_errLogWriteFail);
    assert_int_equal(clean(&x), JET_errLogWriteFail);
    after = copy_pages();
    assert_memory_equal(before, after, (fix.db.pgno_last + 1u) * 4096);
    free(before);
    free(after);
    model_done(&m);
    instfix_end(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_a_split_is_not_done_by_halves),
        cmocka_unit_test(without_memory_a_merge_is_not_done_by_halves),
        cmocka_unit_test(without_a_log_no_page_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
