/* What sessions see of each other's DDL, and changes of a table whose indexes are being built. */
#include "ddltest.h"

static int setup(void **state)
{
    (void)state;
    ddl_begin(4096, 20, true);
    ddl_wait_most_ms = 200;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    instfix_stop(&fix);
    check_file();
    instfix_end(&fix);
    return 0;
}

static struct fcb *make_shared(const char *name, uint32_t rows)
{
    struct fcb *f = make_table(name);

    for (uint32_t i = 0; i < rows; i++)
        assert_ok(insert_row(s, f, i, "some text", i));
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(fcb_open(s, d, name, 0, &f));
    return f;
}

static void clean(void)
{
    assert_true(ver_clean(&fix.in, NULL, true) >= 0); /* somebody older may be there */
}

/* ---- who sees what --------------------------------------------------------------------------- */

static void a_table_is_its_makers_until_commit(void **state)
{
    struct sess *old = instfix_session(&fix), *new = instfix_session(&fix);
    struct ddl_table t = {.name = "t"};
    struct fcb *f;

    (void)state;
    assert_ok(trx_begin(old));
    assert_ok(trx_begin(s));
    assert_ok(ddl_create_table(s, d, &t, NULL));
    assert_ok(find_table(s, "t"));
    assert_int_equal(find_table(old, "t"), JET_errObjectNotFound);
    assert_int_equal(fcb_open(new, d, "t", 0, &f), JET_errObjectNotFound);
    assert_int_equal(ddl_create_table(new, d, &t, NULL), JET_errTableDuplicate);
    assert_ok(trx_commit(s, true));
    assert_int_equal(find_table(old, "t"), JET_errObjectNotFound);
    assert_int_equal(ddl_create_table(old, d, &t, NULL), JET_errTableDuplicate);
    assert_int_equal(ddl_create_table(new, d, &t, NULL), JET_errTableDuplicate);
    assert_ok(fcb_open(new, d, "t", 0, &f));
    fcb_close(new, f, 0);
    assert_ok(trx_commit(old, true));
}

static void a_column_is_its_makers_until_commit(void **state)
{
    struct sess *old = instfix_session(&fix);
    struct ddl_column c = {.name = "c", .coltyp = JET_coltypLong};
    struct fcb *f = make_shared("t", 1);

    (void)state;
    assert_ok(fcb_open_again(old, f, 0));
    assert_ok(trx_begin(old));
    assert_ok(trx_begin(s));
    assert_ok(ddl_add_column(s, f, &c));
    assert_ok(find_column(s, f, "c"));
    assert_int_equal(find_column(old, f, "c"), JET_errColumnNotFound);
    assert_ok(trx_commit(s, true));
    clean();
    assert_int_equal(find_column(old, f, "c"), JET_errColumnNotFound);
    assert_ok(trx_commit(old, true));
    assert_ok(find_column(old, f, "c"));
    clean();
    assert_ok(trx_begin(old));
    assert_ok(ddl_delete_column(s, f, "c", 0));
    clean();
    assert_ok(find_column(old, f, "c"));
    assert_int_equal(find_column(s, f, "c"), JET_errColumnNotFound);
    assert_ok(trx_commit(old, true));
    assert_int_equal(find_column(old, f, "c"), JET_errColumnNotFound);
    fcb_close(old, f, 0);
    fcb_close(s, f, 0);
}

static void an_index_is_its_makers_until_commit(void **state)
{
    struct sess *old = instfix_session(&fix);
    struct fcb *f = make_shared("t", 10);

    (void)state;
    assert_ok(fcb_open_again(old, f, 0));
    assert_ok(trx_begin(old));
    assert_ok(trx_begin(s));
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    assert_ok(find_index(s, f, "i"));
    assert_int_equal(find_index(old, f, "i"), JET_errIndexNotFound);
    assert_ok(trx_commit(s, true));
    assert_int_equal(find_index(old, f, "i"), JET_errIndexNotFound);
    assert_ok(trx_commit(old, true));
    assert_int_equal(count_entries(old, f, "i"), 10);
    clean();
    assert_ok(trx_begin(old));
    assert_ok(ddl_delete_index(s, f, "i"));
    clean();
    assert_ok(find_index(old, f, "i"));
    assert_int_equal(find_index(s, f, "i"), JET_errIndexNotFound);
    assert_ok(trx_commit(old, true));
    fcb_close(old, f, 0);
    fcb_close(s, f, 0);
}

static void a_tables_old_name_is_there_for_who_is_older(void **state)
{
    struct sess *old = instfix_session(&fix);
    struct fcb *f = make_shared("before", 0), *g;

    (void)state;
    assert_ok(trx_begin(old));
    assert_ok(ddl_rename_table(s, d, "before", "after"));
    assert_ok(fcb_open(old, d, "before", 0, &g));
    assert_ptr_equal(f, g);
    assert_int_equal(find_table(old, "after"), JET_errObjectNotFound);
    fcb_close(old, g, 0);
    assert_ok(trx_commit(old, true));
    assert_int_equal(find_table(old, "before"), JET_errObjectNotFound);
    fcb_close(s, f, 0);
}

static void a_table_is_whole_for_who_opens_it_in_an_older_transaction(void **state)
{
    struct sess *old = instfix_session(&fix);
    struct ddl_column c = {.name = "c", .coltyp = JET_coltypLong};
    struct fcb *f = make_shared("t", 0);
    struct tdb *t = NULL;

    (void)state;
    assert_ok(trx_begin(old));
    assert_ok(find_table(old, "t"));
    assert_ok(ddl_add_column(s, f, &c));
    fcb_close(s, f, 0);
    for (unsigned i = 0; i < FCB_UNUSED_MAX + 10; i++) { /* more than the cache keeps */
        struct ddl_table other = {.name =
                                      (char[]){'x', (char)('a' + i % 26), (char)('a' + i / 26), 0}};
        assert_ok(ddl_create_table(s, d, &other, NULL));
    }
    clean();
    assert_ok(fcb_open(old, d, "t", 0, &f));
    assert_int_equal(find_column(old, f, "c"), JET_errColumnNotFound);
    assert_ok(fcb_refresh(f, &t));
    assert_int_equal(t->schema.nr_columns, 6); /* whoever updates knows of it */
    tdb_put(t);
    fcb_close(old, f, 0);
    assert_ok(trx_commit(old, true));
}

/* ---- templates ------------------------------------------------------------------------------- */

static void derived_tables_get_to_know_a_templates_new_column(void **state)
{
    struct ddl_column base = {.name = "a", .coltyp = JET_coltypLong},
                      more = {.name = "b", .coltyp = JET_coltypLongBinary},
                      fixed = {.name = "c", .coltyp = JET_coltypLong};
    struct ddl_table tt = {
        .name = "tt", .grbit = JET_bitTableCreateTemplateTable, .columns = &base, .nr_columns = 1};
    struct ddl_table dt = {.name = "dt", .template_name = "tt"};
    struct sess *other = instfix_session(&fix);
    struct fcb *from, *f;

    (void)state;
    assert_ok(ddl_create_table(s, d, &tt, NULL));
    assert_ok(ddl_create_table(s, d, &dt, NULL));
    assert_ok(fcb_open(other, d, "dt", 0, &f));
    assert_ok(fcb_open(s, d, "tt", 0, &from));
    assert_int_equal(ddl_add_column(s, from, &more), JET_errFixedDDL);
    fcb_close(s, from, 0);
    assert_ok(fcb_open(s, d, "tt", FCB_DENY_READ | FCB_PERMIT_DDL, &from));
    assert_int_equal(ddl_add_column(s, from, &fixed), JET_errFixedDDL);
    assert_ok(trx_begin(s));
    assert_ok(ddl_add_column(s, from, &more));
    assert_ok(find_column(s, f, "b"));
    assert_int_equal(find_column(other, f, "b"), JET_errColumnNotFound);
    assert_ok(trx_rollback(s));
    assert_int_equal(find_column(s, f, "b"), JET_errColumnNotFound);
    assert_ok(ddl_add_column(s, from, &more));
    assert_ok(find_column(other, f, "b"));
    clean();
    assert_ok(find_column(other, f, "b"));
    fcb_close(s, from, FCB_DENY_READ | FCB_PERMIT_DDL);
    fcb_close(other, f, 0);
}

/* ---- builds over what others change ---------------------------------------------------------- */

static void put_row(struct fucb *c, uint32_t id, uint32_t num, enum fucb_prep prep)
{
    const struct column *col;
    uint8_t b[4];

    assert_ok(fucb_prepare(c, prep));
    if (prep == FUCB_PREP_INSERT) {
        put_le32(b, id);
        assert_ok(fcb_column_find(c->sess, c->fcb, c->tdb, "id", &col));
        assert_ok(fucb_set(c, col->id, (struct slice){b, 4}, 0, 0, 1));
    }
    put_le32(b, num);
    assert_ok(fcb_column_find(c->sess, c->fcb, c->tdb, "num", &col));
    assert_ok(fucb_set(c, col->id, (struct slice){b, 4}, 0, 0, 1));
    assert_ok(fucb_update(c, NULL, 0, NULL, 0));
}

static void go_to(struct fucb *c, uint32_t id)
{
    uint8_t b[4];

    put_le32(b, id);
    assert_ok(fucb_make_key(c, (struct slice){b, 4}, JET_bitNewKey));
    assert_ok(fucb_seek(c, JET_bitSeekEQ));
}

/* An entry for each row and for each entry its row, as the session sees them. */
static void check_index(struct sess *who, const char *table, const char *name, unsigned want)
{
    struct fucb *rows, *entries;
    uint64_t nr;
    uint8_t bm[64], other[64];
    uint32_t len, other_len;

    assert_ok(trx_begin(who));
    assert_ok(fucb_open(who, d, table, FCB_READ_ONLY, &rows));
    assert_ok(fucb_open(who, d, table, FCB_READ_ONLY, &entries));
    assert_ok(fucb_set_index(entries, name, false, 1));
    assert_ok(fucb_move(entries, FUCB_FIRST, false));
    assert_ok(fucb_count(entries, 0, &nr));
    assert_int_equal(nr, want);
    assert_ok(fucb_move(rows, FUCB_FIRST, false));
    for (unsigned i = 0; i < want; i++) {
        assert_ok(fucb_bookmark(rows, bm, sizeof(bm), &len));
        assert_ok(fucb_goto_bookmark(entries, (struct slice){bm, len}));
        assert_ok(fucb_bookmark(entries, other, sizeof(other), &other_len));
        assert_int_equal(other_len, len);
        assert_memory_equal(bm, other, len);
        assert_int_equal(fucb_move(rows, 1, false),
                         i + 1 < want ? JET_errSuccess : JET_errNoCurrentRecord);
    }
    fucb_close(entries);
    fucb_close(rows);
    assert_ok(trx_commit(who, true));
}

static void an_open_change_makes_the_build_wait_and_give_up(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_shared("t", 10);
    struct fucb *c;

    (void)state;
    assert_ok(fucb_open(other, d, "t", 0, &c));
    assert_ok(trx_begin(other));
    go_to(c, 5);
    put_row(c, 5, 100, FUCB_PREP_REPLACE);
    assert_int_equal(make_index(s, f, "i", KEY("+num"), 0), JET_errWriteConflict);
    assert_int_equal(find_index(s, f, "i"), JET_errIndexNotFound);
    assert_ok(trx_commit(other, true));
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    fucb_close(c);
    check_index(s, "t", "i", 10);
    fcb_close(s, f, 0);
}

static void *commit_soon(void *p)
{
    const struct timespec t = {.tv_nsec = 50 * 1000000l};
    struct sess *other = p;

    nanosleep(&t, NULL);
    return trx_commit(other, true) < 0 ? p : NULL;
}

static void the_build_goes_on_when_the_change_is_committed(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_shared("t", 10);
    pthread_t thread;
    struct fucb *c;
    void *failed;

    (void)state;
    ddl_wait_most_ms = 10000;
    assert_ok(fucb_open(other, d, "t", 0, &c));
    assert_ok(trx_begin(other));
    put_row(c, 77, 100, FUCB_PREP_INSERT);
    assert_int_equal(pthread_create(&thread, NULL, commit_soon, other), 0);
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    fucb_close(c);
    check_index(s, "t", "i", 11);
    fcb_close(s, f, 0);
}

/* Rows that the session does not see are in the index too: everybody after it will. */
static void what_was_committed_after_the_builder_began_is_in_the_index(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_shared("t", 10);
    struct fucb *c;

    (void)state;
    assert_ok(trx_begin(s));
    assert_ok(find_table(s, "t"));
    assert_ok(fucb_open(other, d, "t", 0, &c));
    put_row(c, 77, 100, FUCB_PREP_INSERT);
    go_to(c, 5);
    put_row(c, 5, 101, FUCB_PREP_REPLACE);
    go_to(c, 6);
    assert_ok(fucb_delete(c));
    fucb_close(c);
    assert_ok(make_index(s, f, "i", KEY("+num"), JET_bitIndexUnique));
    assert_ok(trx_commit(s, true));
    check_index(s, "t", "i", 10);
    fcb_close(s, f, 0);
}

static void an_index_that_others_have_kept_up_goes_with_its_makers_rollback(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_shared("t", 300);
    uint32_t owned, available, used;
    struct fucb *c;

    (void)state;
    clean();
    assert_ok(space_count(s, f->tree, &owned, &available));
    used = owned - available;
    assert_ok(fucb_open(other, d, "t", 0, &c));
    assert_ok(trx_begin(s));
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    assert_ok(trx_begin(other));
    put_row(c, 1000, 100, FUCB_PREP_INSERT);
    go_to(c, 5);
    put_row(c, 5, 101, FUCB_PREP_REPLACE);
    assert_ok(trx_rollback(s));
    assert_int_equal(find_index(s, f, "i"), JET_errIndexNotFound);
    go_to(c, 6);
    put_row(c, 6, 102, FUCB_PREP_REPLACE);
    assert_ok(trx_commit(other, true));
    fucb_close(c);
    clean();
    assert_ok(space_count(s, f->tree, &owned, &available));
    assert_int_equal(owned - available, used);
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    check_index(s, "t", "i", 301);
    fcb_close(s, f, 0);
}

static void others_keep_up_an_index_they_do_not_see(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_shared("t", 20);
    struct fucb *c;

    (void)state;
    assert_ok(fucb_open(other, d, "t", 0, &c));
    assert_ok(trx_begin(other));
    go_to(c, 3);
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    put_row(c, 3, 300, FUCB_PREP_REPLACE);
    go_to(c, 4);
    assert_ok(fucb_delete(c));
    assert_int_equal(fucb_set_index(c, "i", false, 1), JET_errIndexNotFound);
    assert_ok(trx_commit(other, true));
    assert_ok(fucb_set_index(c, "i", false, 1));
    assert_int_equal(ddl_delete_index(s, f, "i"), JET_errIndexInUse);
    fucb_close(c);
    check_index(s, "t", "i", 19);
    fcb_close(s, f, 0);
}

/* ---- all at once ----------------------------------------------------------------------------- */

enum { THREADS = 3, ROWS_EACH = 400 };

struct worker {
    struct sess *s;
    unsigned from;
    atomic_bool *end;
    pthread_t thread;
    JET_ERR err;
};

static uint32_t next_random(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 33);
}

static JET_ERR change(struct fucb *c, uint32_t id, uint32_t num)
{
    uint8_t b[4], n[4];
    JET_ERR err;

    put_le32(b, id);
    put_le32(n, num);
    err = fucb_make_key(c, (struct slice){b, 4}, JET_bitNewKey);
    if (err >= 0)
        err = fucb_seek(c, JET_bitSeekEQ);
    if (err >= 0)
        err = fucb_prepare(c, FUCB_PREP_REPLACE);
    if (err >= 0)
        err = fucb_set(c, 2, (struct slice){n, 4}, 0, 0, 1); /* num is the second fixed one */
    return err < 0 ? err : fucb_update(c, NULL, 0, NULL, 0);
}

static JET_ERR work(struct worker *w, struct fucb *c)
{
    uint64_t x = w->from + 1;
    JET_ERR err = JET_errSuccess;

    while (err >= 0 && !atomic_load(w->end)) {
        err = trx_begin(w->s);
        for (unsigned i = 0; err >= 0 && i < 3; i++)
            err = change(c, w->from + next_random(&x) % ROWS_EACH, next_random(&x) % 1000);
        if (err >= 0)
            err = next_random(&x) % 4 ? trx_commit(w->s, true) : trx_rollback(w->s);
    }
    return err;
}

static void *worker_main(void *p)
{
    struct worker *w = p;
    struct fucb *c;

    w->err = fucb_open(w->s, d, "t", 0, &c);
    if (w->err >= 0) {
        w->err = work(w, c);
        fucb_close(c);
    }
    return NULL;
}

/* An index is as many entries as there are rows, at any moment. */
static JET_ERR count_rows(struct fucb *c, const char *index)
{
    uint64_t nr;
    JET_ERR err = trx_begin(s);

    if (err >= 0)
        err = fucb_set_index(c, index, false, 1);
    if (err >= 0)
        err = fucb_move(c, FUCB_FIRST, false);
    if (err >= 0)
        err = fucb_count(c, 0, &nr);
    if (err >= 0 && nr != THREADS * ROWS_EACH)
        err = JET_errSecondaryIndexCorrupted;
    if (err >= 0)
        err = fucb_set_index(c, NULL, false, 1);
    return err < 0 ? err : trx_commit(s, true);
}

static JET_ERR one_round(struct fcb *f, struct fucb *c, unsigned *ret_step)
{
    struct ddl_column extra = {
        .name = "extra", .coltyp = JET_coltypLong, .grbit = JET_bitColumnTagged};
    JET_ERR err = make_index(s, f, "i", KEY("+num"), 0);

    *ret_step = 1;
    if (err >= 0)
        err = count_rows(c, "i");
    *ret_step += err >= 0;
    if (err >= 0)
        err = ddl_add_column(s, f, &extra);
    *ret_step += err >= 0;
    if (err >= 0)
        err = trx_begin(s);
    *ret_step += err >= 0;
    if (err >= 0)
        err = make_index(s, f, "j", KEY("-num\0+name"), 0);
    *ret_step += err >= 0;
    if (err >= 0)
        err = trx_rollback(s);
    *ret_step += err >= 0;
    if (err >= 0)
        err = ddl_delete_column(s, f, "extra", 0);
    *ret_step += err >= 0;
    return err < 0 ? err : ddl_delete_index(s, f, "i");
}

static void indexes_come_and_go_while_rows_change(void **state)
{
    struct fcb *f = make_shared("t", THREADS * ROWS_EACH);
    struct worker w[THREADS];
    struct fucb *c;
    atomic_bool end = false;
    unsigned step = 0;
    JET_ERR err = JET_errSuccess;

    (void)state;
    ddl_wait_most_ms = 10000;
    assert_ok(fucb_open(s, d, "t", 0, &c));
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.s = instfix_session(&fix), .from = i * ROWS_EACH, .end = &end};
        assert_int_equal(pthread_create(&w[i].thread, NULL, worker_main, &w[i]), 0);
    }
    for (unsigned i = 0; i < 12 && err >= 0; i++)
        err = one_round(f, c, &step);
    atomic_store(&end, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_ok(w[i].err);
    if (err < 0)
        fail_msg("step %u: %d", step, err);
    fucb_close(c);
    clean();
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    check_index(s, "t", "i", THREADS * ROWS_EACH);
    fcb_close(s, f, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_table_is_its_makers_until_commit),
        T(a_column_is_its_makers_until_commit),
        T(an_index_is_its_makers_until_commit),
        T(a_tables_old_name_is_there_for_who_is_older),
        T(a_table_is_whole_for_who_opens_it_in_an_older_transaction),
        T(derived_tables_get_to_know_a_templates_new_column),
        T(an_open_change_makes_the_build_wait_and_give_up),
        T(the_build_goes_on_when_the_change_is_committed),
        T(what_was_committed_after_the_builder_began_is_in_the_index),
        T(an_index_that_others_have_kept_up_goes_with_its_makers_rollback),
        T(others_keep_up_an_index_they_do_not_see),
        T(indexes_come_and_go_while_rows_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
