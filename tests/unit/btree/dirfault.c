/* What a change leaves behind that did not happen: a log that takes no record, memory that is not
 * there. */
#include "instfix.h"

#include "btree/dir_int.h"

static struct instfix fix;

/* ---- a log that fails ---------------------------------------------------------------------- */

static bool log_fails;

JET_ERR __real_wal_append(struct wal *w, const struct logrec *rec, lgpos_t *ret);
JET_ERR __wrap_wal_append(struct wal *w, const struct logrec *rec, lgpos_t *ret);

JET_ERR __wrap_wal_append(struct wal *w, const struct logrec *rec, lgpos_t *ret)
{
    return log_fails ? JET_errLogWriteFail : __real_wal_append(w, rec, ret);
}

/* ---- memory that is not there
 * -------------------------------------------------------------------- */

static unsigned mallocs_left; /* the last of them fails; 0: none does */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

static bool refuse(void)
{
    return mallocs_left && --mallocs_left == 0;
}

void *__wrap_malloc(size_t n)
{
    return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return refuse() ? NULL : __real_realloc(p, n);
}

/* ---- rows
 * ---------------------------------------------------------------------------------------- */

static struct slice str(const char *s)
{
    return (struct slice){(const uint8_t *)s, (uint32_t)strlen(s)};
}

static void seek(struct dir *d, const char *key, const char *data)
{
    const struct bookmark bm = {str(key), str(data)};

    assert_ok(dir_seek(d, &bm, DIR_EQ));
}

enum what { INSERT, INSERT_AGAIN, REPLACE, FLAG_DELETE, DELTA, DELTA64, NR_CHANGES };

static JET_ERR change(struct dir *d, enum what what)
{
    switch (what) {
    case INSERT:
        return dir_insert(d, str("b"), str("12345678"), 0);
    case INSERT_AGAIN:
        return dir_insert(d, str("dead"), d->tree->unique ? str("other data") : str("12345678"), 0);
    case REPLACE:
        return dir_replace(d, str("1"), 0);
    case FLAG_DELETE:
        return dir_flag_delete(d, 0);
    case DELTA:
        return dir_delta(d, 2, 1, false, NULL);
    default:
        return dir_delta(d, 0, 1, true, NULL);
    }
}

static void nothing_happens_that_is_not_logged(void **state)
{
    static const enum instfix_kind kinds[] = {INSTFIX_UNIQUE, INSTFIX_NON_UNIQUE};
    static uint8_t before[4096];

    (void)state;
    for (unsigned i = 0; i < 2 * NR_CHANGES; i++) {
        const enum what what = (enum what)(i % NR_CHANGES);
        struct tree *t;
        struct dir d;
        struct buf *b;
        uint32_t versions;

        if (kinds[i / NR_CHANGES] == INSTFIX_NON_UNIQUE && what >= REPLACE && what != FLAG_DELETE)
            continue;
        instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .logging = true});
        t = instfix_tree(&fix, kinds[i / NR_CHANGES]);
        assert_ok(dir_init(&d, fix.sess, t));
        assert_ok(trx_begin(fix.sess));
        assert_ok(dir_insert(&d, str("dead"), str("12345678"), 0));
        assert_ok(dir_flag_delete(&d, 0));
        assert_ok(dir_insert(&d, str("a"), str("12345678"), 0));
        seek(&d, "a", "12345678");
        versions = atomic_load(&t->nr_ver);
        assert_ok(buf_get(fix.db.pool, t->root, BUF_READ, &b));
        memcpy(before, b->b, sizeof(before));
        log_fails = true;
        assert_int_equal(change(&d, what), JET_errLogWriteFail);
        log_fails = false;
        assert_memory_equal(before, b->b, sizeof(before));
        assert_int_equal(atomic_load(&t->nr_ver), versions);
        assert_int_equal(inst_check(&fix.in), JET_errLogWriteFail);
        assert_int_equal(change(&d, what), JET_errLogWriteFail);
        buf_put(b);
        dir_done(&d);
        instfix_end(&fix);
    }
}

/* ---- all calls, with each allocation failing in turn
 * ------------------------------------------------ */

static uint8_t bytes[4000];
static unsigned nr_rows;

static struct slice long_key(unsigned i)
{
    static uint8_t key[700];

    memset(key, 'k', sizeof(key));
    key[400] = (uint8_t)i;
    return (struct slice){key, 300 + i * 20};
}

static JET_ERR count_rows(struct dir *d, unsigned *ret)
{
    struct dir_node n;
    JET_ERR err = dir_first(d);

    *ret = 0;
    if (err >= 0)
        err = dir_get(d, &n);
    while (err >= 0) {
        ++*ret;
        err = dir_next_get(d, &n);
    }
    dir_release(d);
    return err;
}

/* Until something fails; true: nothing did. */
static bool work(struct dir *a, struct dir *b, JET_ERR *err)
{
    const struct bookmark last = {long_key(9), {bytes, 0}};
    unsigned nr;

    for (unsigned i = 0; i < 10; i++) {
        *err = dir_insert(a, long_key(i), (struct slice){bytes, 900}, 0);
        if (*err < 0)
            return false;
        nr_rows++;
    }
    *err = count_rows(a, &nr);
    if (*err != JET_errNoCurrentRecord)
        return false;
    *err = dir_seek(a, &last, DIR_EQ);
    if (*err >= 0)
        *err = dir_replace(a, (struct slice){bytes, 1500}, 0);
    if (*err >= 0)
        *err = dir_copy_place(b, a);
    if (*err < 0)
        return false;
    *err = count_rows(b, &nr); /* what another session has not committed */
    return *err == JET_errNoCurrentRecord && nr == 1;
}

static void what_does_not_find_memory_has_not_happened(void **state)
{
    bool done = false;
    unsigned n;

    (void)state;
    for (n = 1; !done; n++) {
        struct dir a, b;
        struct tree *t;
        unsigned nr;
        JET_ERR err;

        assert_true(n < 1000);
        instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .cache_pages = 64});
        t = instfix_tree(&fix, INSTFIX_UNIQUE);
        assert_ok(dir_init(&a, fix.sess, t));
        assert_ok(dir_init(&b, instfix_session(&fix), t));
        assert_ok(trx_begin(fix.sess));
        assert_ok(dir_insert(&a, str("a"), str("1"), 0));
        assert_ok(trx_commit(fix.sess, true));
        assert_ok(trx_begin(b.sess));
        assert_ok(trx_begin(fix.sess));
        nr_rows = 1;
        mallocs_left = n;
        done = work(&a, &b, &err) && mallocs_left;
        mallocs_left = 0;
        if (!done && err != JET_errOutOfMemory && err != JET_errVersionStoreOutOfMemory)
            assert_int_equal(err, JET_errNoCurrentRecord); /* went on without that memory */
        assert_int_equal(inst_check(&fix.in), JET_errSuccess);
        assert_int_equal(count_rows(&a, &nr), JET_errNoCurrentRecord);
        assert_int_equal(nr, nr_rows);
        assert_ok(trx_rollback(fix.sess));
        assert_int_equal(count_rows(&a, &nr), JET_errNoCurrentRecord);
        assert_int_equal(nr, 1);
        dir_done(&a);
        dir_done(&b);
        instfix_end(&fix);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_that_is_not_logged),
        cmocka_unit_test(what_does_not_find_memory_has_not_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
