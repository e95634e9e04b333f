/* Cleaning: who goes when, what is called for it, and what a full store does. */
#include "txntest.h"

static struct world *w;
static struct sess *s, *old;

static int setup(void **state)
{
    (void)state;
    w = world_new(0);
    assert_int_equal(sess_new(&w->in, false, &s), 0);
    assert_int_equal(sess_new(&w->in, false, &old), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sess_free(s);
    sess_free(old);
    world_free(w);
    return 0;
}

static uint32_t change(enum ver_oper oper, unsigned n, int64_t value)
{
    assert_int_equal(world_do(w, s, oper, n, value), 0);
    return s->ver_newest->rceid;
}

static void commit_one(enum ver_oper oper, unsigned n, int64_t value)
{
    assert_int_equal(trx_begin(s), 0);
    change(oper, n, value);
    assert_int_equal(trx_commit(s, false), 0);
}

static unsigned nr_ver(void)
{
    return atomic_load(&w->tree.nr_ver);
}

static void who_is_alone_leaves_no_versions(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 1, 10);
    change(VER_REPLACE, 1, 11);
    change(VER_WRITE_LOCK, 2, 0);
    change(VER_DELTA, 1, 5);
    assert_int_equal(nr_ver(), 4);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(nr_ver(), 0);
    assert_int_equal(w->nr_cleaned, 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
}

static void versions_stay_while_somebody_older_is_there(void **state)
{
    const struct bookmark bm = world_key(1);

    (void)state;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(old), 0);
    commit_one(VER_REPLACE, 1, 11);
    assert_int_equal(nr_ver(), 1);
    assert_true(ver_is_active(&w->tree, &bm));
    assert_int_equal(ver_clean(&w->in, NULL, false), JET_wrnRemainingVersions);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_wrnRemainingVersions);
    assert_int_equal(nr_ver(), 1);
    assert_int_equal(trx_commit(old, false), 0);
    assert_false(ver_is_active(&w->tree, &bm));
    assert_int_equal(ver_clean(&w->in, NULL, false), 0);
    assert_int_equal(nr_ver(), 0);
}

static void open_transactions_are_not_cleaned(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 1, 10);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_wrnRemainingVersions);
    assert_int_equal(ver_clean(&w->in, &w->db, true), JET_wrnRemainingVersions);
    assert_int_equal(nr_ver(), 1);
}

static void later_commits_clean_up_after_earlier_ones(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(old), 0);
    for (unsigned i = 0; i < 20; i++)
        commit_one(VER_INSERT, i, 1);
    assert_int_equal(nr_ver(), 20);
    assert_int_equal(trx_rollback(old), 0);
    for (unsigned i = 20; i < 40; i++) {
        assert_int_equal(trx_begin(old), 0); /* so that s is never alone */
        commit_one(VER_INSERT, i, 1);
        assert_int_equal(trx_rollback(old), 0);
    }
    assert_in_range(nr_ver(), 1, 2);
}

/* ---- nodes to be removed ---------------------------------------------------------------------- */

static void a_deleted_node_is_removed_when_nobody_sees_it(void **state)
{
    int64_t value;
    uint32_t id;

    (void)state;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(old), 0);
    assert_int_equal(trx_begin(s), 0);
    id = change(VER_FLAG_DELETE, 1, 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_wrnRemainingVersions);
    assert_true(w->node[1].exists);
    assert_true(world_read(w, old, 1, &value));
    assert_int_equal(trx_commit(old, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 1);
    assert_int_equal(w->cleaned[0], id);
    assert_false(w->node[1].exists);
    assert_int_equal(nr_ver(), 0);
}

static void a_node_that_was_used_again_is_nobodys_to_remove(void **state)
{
    (void)state;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(old), 0);
    commit_one(VER_FLAG_DELETE, 1, 0);
    commit_one(VER_INSERT, 1, 11);
    assert_int_equal(trx_commit(old, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 0);
    assert_int_equal(w->node[1].value, 11);
}

static void a_lock_on_a_deleted_node_does_not_save_it(void **state)
{
    (void)state;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(old), 0);
    commit_one(VER_FLAG_DELETE, 1, 0);
    commit_one(VER_WRITE_LOCK, 1, 0);
    assert_int_equal(trx_commit(old, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_false(w->node[1].exists);
}

static void an_insert_rolled_back_is_removed_at_once(void **state)
{
    uint32_t id;

    (void)state;
    assert_int_equal(trx_begin(old), 0); /* nobody ever saw it: who is older does not matter */
    assert_int_equal(trx_begin(s), 0);
    id = change(VER_INSERT, 1, 10);
    assert_int_equal(trx_rollback(s), 0);
    assert_true(w->node[1].exists && w->node[1].deleted);
    assert_int_equal(ver_clean(&w->in, NULL, false), 0);
    assert_int_equal(w->nr_cleaned, 1);
    assert_int_equal(w->cleaned[0], id);
    assert_false(w->node[1].exists);
}

/* Write path A.6. */
static void a_delete_and_insert_rolled_back_leave_the_old_node(void **state)
{
    int64_t value;

    (void)state;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(s), 0);
    change(VER_FLAG_DELETE, 1, 0);
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 1, 11);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_wrnRemainingVersions);
    assert_int_equal(w->nr_cleaned, 1); /* asked, and refused: the FlagDelete is active */
    assert_true(w->node[1].exists && w->node[1].deleted);
    assert_int_equal(trx_rollback(s), 0);
    assert_true(world_read(w, s, 1, &value));
    assert_int_equal(value, 10);
}

static void trees_that_are_gone_are_not_cleaned(void **state)
{
    (void)state;
    commit_one(VER_INSERT, 1, 10);
    commit_one(VER_INSERT, 2, 10);
    assert_int_equal(trx_begin(s), 0);
    change(VER_FLAG_DELETE, 1, 0);
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 3, 0);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(trx_commit(s, false), 0);
    atomic_store(&w->tree.deleted, true);
    ver_forget_tree(&w->tree);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 0);
    assert_int_equal(nr_ver(), 0);
}

static void a_reference_less_to_a_long_value_is_looked_at(void **state)
{
    (void)state;
    commit_one(VER_INSERT, 1, 10);
    commit_one(VER_DELTA, 1, -1);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 0); /* an escrow column */
    w->tree.page_flags = PAGE_LONG_VALUE;
    commit_one(VER_DELTA, 1, 1);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 0);
    commit_one(VER_DELTA, 1, -1);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 1);
}

static void nodes_are_cleaned_in_the_order_of_their_deletion(void **state)
{
    uint32_t id[20];

    (void)state;
    assert_int_equal(trx_begin(s), 0);
    for (unsigned i = 0; i < 20; i++)
        change(VER_INSERT, i, 1);
    assert_int_equal(trx_commit(s, false), 0);
    for (unsigned t = 0; t < 2; t++) {
        assert_int_equal(trx_begin(s), 0);
        for (unsigned i = t * 10; i < t * 10 + 10; i++)
            id[i] = change(VER_FLAG_DELETE, i, 0);
        assert_int_equal(trx_commit(s, false), 0);
    }
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(w->nr_cleaned, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(w->cleaned[i], id[i]);
}

static void a_hook_that_fails_is_told_and_given_up(void **state)
{
    (void)state;
    commit_one(VER_INSERT, 1, 10);
    commit_one(VER_INSERT, 2, 10);
    commit_one(VER_FLAG_DELETE, 1, 0);
    commit_one(VER_FLAG_DELETE, 2, 0);
    w->clean_err = JET_errDiskIO;
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_errDiskIO);
    assert_int_equal(w->nr_cleaned, 2);
    w->clean_err = 0;
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(nr_ver(), 0);
    assert_int_equal(inst_check(&w->in), 0);
}

/* ---- a database that goes --------------------------------------------------------------------- */

static void a_database_is_cleaned_whoever_is_older(void **state)
{
    struct db two = {.inst = &w->in};
    struct tree there = {.db = &two, .root = 31, .objid = 8, .unique = true};
    const struct bookmark bm = world_key(1);
    struct ver *v;

    (void)state;
    pthread_mutex_init(&two.tree_lock, NULL);
    two.trees = &there;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(old), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(trx_begin(s), 0);
        if (i == 0)
            change(VER_FLAG_DELETE, 1, 0);
        else
            change(VER_INSERT, 1 + i, 10);
        assert_int_equal(ver_add(s, &there, VER_WRITE_LOCK, &bm, (struct slice){NULL, 0}, &v), 0);
        assert_int_equal(trx_commit(s, false), 0);
    }
    assert_int_equal(ver_clean(&w->in, &w->db, false), JET_wrnRemainingVersions);
    assert_int_equal(ver_clean(&w->in, &w->db, true), 0);
    assert_int_equal(nr_ver(), 0);
    assert_int_equal(w->nr_cleaned, 1);
    assert_false(w->node[1].exists);
    assert_int_equal(atomic_load(&there.nr_ver), 3);
    assert_int_equal(trx_commit(old, false), 0);
    commit_one(VER_INSERT, 9, 10); /* the queue is whole */
    assert_int_equal(ver_clean(&w->in, NULL, false), 0);
    assert_int_equal(atomic_load(&there.nr_ver), 0);
    pthread_mutex_destroy(&two.tree_lock);
}

static unsigned nr_freed;

static void count_free(void *arg)
{
    (void)arg;
    nr_freed++;
}

static JET_ERR never(struct sess *who, void *arg, uint32_t number)
{
    (void)who;
    (void)arg;
    (void)number;
    return JET_errInternalError;
}

static void an_abrupt_end_calls_no_hook(void **state)
{
    static const struct ver_ddl ddl = {.clean = never, .free = count_free};
    const struct bookmark bm = world_key(2);

    (void)state;
    nr_freed = 0;
    commit_one(VER_INSERT, 1, 10);
    assert_int_equal(trx_begin(s), 0);
    change(VER_FLAG_DELETE, 1, 0);
    assert_int_equal(ver_add_ddl(s, &ddl, NULL), 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 3, 0);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(trx_begin(old), 0);
    assert_int_equal(trx_begin(s), 0);
    change(VER_DELTA, 2, 1);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(world_do(w, old, VER_DELTA, 2, 1), 0);
    ver_discard(&w->in);
    assert_int_equal(nr_freed, 1);
    assert_int_equal(w->nr_cleaned, 0);
    assert_int_equal(nr_ver(), 1);
    assert_true(ver_is_active(&w->tree, &bm)); /* what is open is its session's */
    assert_int_equal(trx_rollback(old), 0);
    assert_int_equal(nr_ver(), 0);
}

/* ---- memory ----------------------------------------------------------------------------------- */

static JET_ERR add_big(unsigned i)
{
    static const uint8_t image[1000];
    const uint8_t key[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    const struct bookmark bm = {{key, 4}, {NULL, 0}};
    struct ver *v;

    return ver_add(s, &w->tree, VER_REPLACE, &bm, (struct slice){image, sizeof(image)}, &v);
}

static void a_transaction_larger_than_the_store_is_refused(void **state)
{
    unsigned i = 0;
    JET_ERR err;

    (void)state;
    assert_int_equal(trx_begin(s), 0);
    while ((err = add_big(i)) >= 0)
        i++;
    assert_int_equal(err, JET_errVersionStoreOutOfMemory);
    assert_in_range(i, 800, 1000); /* of 1 MiB */
    assert_int_equal(nr_ver(), i);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(nr_ver(), 0);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(add_big(0), 0); /* room again */
}

static void a_full_store_is_cleaned_before_it_refuses(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(old), 0);
    assert_int_equal(trx_begin(s), 0);
    for (unsigned i = 0; i < 700; i++)
        assert_int_equal(add_big(i), 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(trx_commit(old, false), 0); /* what s committed can go now: s began after it */
    for (unsigned i = 1000; i < 1700; i++)
        assert_int_equal(add_big(i), 0);
    assert_int_equal(nr_ver(), 700);
}

static void a_full_store_stays_full_while_an_old_reader_is_there(void **state)
{
    JET_ERR err = JET_errSuccess;
    unsigned i = 0;

    (void)state;
    assert_int_equal(trx_begin(old), 0);
    while (err >= 0 && i < 100000) {
        assert_int_equal(trx_begin(s), 0);
        err = add_big(i++);
        assert_int_equal(err < 0 ? trx_rollback(s) : trx_commit(s, false), 0);
    }
    assert_int_equal(err, JET_errVersionStoreOutOfMemory);
    assert_int_equal(trx_commit(old, false), 0);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(add_big(i), 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(nr_ver(), 0);
}

static void an_image_of_a_whole_page_fits(void **state)
{
    static uint8_t image[32700];
    uint8_t buf[32768];
    const struct bookmark bm = world_key(1);
    uint32_t len;
    struct ver *v;

    (void)state;
    memset(image, 0x5A, sizeof(image));
    assert_int_equal(trx_begin(s), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(
            ver_add(s, &w->tree, VER_REPLACE, &bm, (struct slice){image, sizeof(image)}, &v), 0);
    assert_int_equal(ver_see(old, &w->tree, &bm, buf, sizeof(buf), &len), VER_IMAGE);
    assert_int_equal(len, sizeof(image));
    assert_memory_equal(buf, image, len);
    ver_drop(s, v);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(nr_ver(), 0);
}

/* ---- the thread ------------------------------------------------------------------------------- */

static bool wait_until(bool (*done)(void))
{
    for (unsigned i = 0; i < 1000 && !done(); i++)
        usleep(10000);
    return done();
}

static bool first_is_gone(void)
{
    bool gone;

    pthread_rwlock_rdlock(&w->node[1].latch);
    gone = !w->node[1].exists;
    pthread_rwlock_unlock(&w->node[1].latch);
    return gone && nr_ver() == 0;
}

static void the_thread_removes_deleted_nodes_after_a_while(void **state)
{
    (void)state;
    assert_int_equal(ver_cleaner_start(&w->in), 0);
    commit_one(VER_INSERT, 1, 10);
    commit_one(VER_FLAG_DELETE, 1, 0);
    assert_true(wait_until(first_is_gone));
}

static void the_thread_removes_what_was_rolled_back(void **state)
{
    (void)state;
    assert_int_equal(ver_cleaner_start(&w->in), 0);
    assert_int_equal(trx_begin(s), 0);
    change(VER_INSERT, 1, 10);
    assert_int_equal(trx_rollback(s), 0);
    assert_true(wait_until(first_is_gone));
    ver_cleaner_stop(&w->in);
    ver_cleaner_stop(&w->in);
    assert_int_equal(ver_cleaner_start(&w->in), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(who_is_alone_leaves_no_versions),
        T(versions_stay_while_somebody_older_is_there),
        T(open_transactions_are_not_cleaned),
        T(later_commits_clean_up_after_earlier_ones),
        T(a_deleted_node_is_removed_when_nobody_sees_it),
        T(a_node_that_was_used_again_is_nobodys_to_remove),
        T(a_lock_on_a_deleted_node_does_not_save_it),
        T(an_insert_rolled_back_is_removed_at_once),
        T(a_delete_and_insert_rolled_back_leave_the_old_node),
        T(trees_that_are_gone_are_not_cleaned),
        T(a_reference_less_to_a_long_value_is_looked_at),
        T(nodes_are_cleaned_in_the_order_of_their_deletion),
        T(a_hook_that_fails_is_told_and_given_up),
        T(a_database_is_cleaned_whoever_is_older),
        T(an_abrupt_end_calls_no_hook),
        T(a_transaction_larger_than_the_store_is_refused),
        T(a_full_store_is_cleaned_before_it_refuses),
        T(a_full_store_stays_full_while_an_old_reader_is_there),
        T(an_image_of_a_whole_page_fits),
        T(the_thread_removes_deleted_nodes_after_a_while),
        T(the_thread_removes_what_was_rolled_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
