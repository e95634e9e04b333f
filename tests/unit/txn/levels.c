/* Levels: what a commit or a rollback of one takes with it, in which order. Updates. Failures. */
#include "txntest.h"

static struct world *w;
static struct sess *s, *other;

static int setup(void **state)
{
    (void)state;
    w = world_new(0);
    assert_int_equal(sess_new(&w->in, false, &s), 0);
    assert_int_equal(sess_new(&w->in, false, &other), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sess_free(s);
    sess_free(other);
    world_free(w);
    return 0;
}

static uint32_t insert(unsigned n, int64_t value)
{
    assert_int_equal(world_do(w, s, VER_INSERT, n, value), 0);
    return s->ver_newest->rceid;
}

static void expect(struct sess *who, unsigned n, bool there, int64_t value)
{
    int64_t got;

    assert_int_equal(world_read(w, who, n, &got), there);
    if (there)
        assert_int_equal(got, value);
}

static void levels_are_counted_and_bounded(void **state)
{
    (void)state;
    assert_int_equal(trx_commit(s, false), JET_errNotInTransaction);
    assert_int_equal(trx_rollback(s), JET_errNotInTransaction);
    assert_int_equal(trx_rollback_update(s, 1), JET_errNotInTransaction);
    for (unsigned i = 0; i < LEVEL_ENGINE_MAX; i++)
        assert_int_equal(trx_begin(s), 0);
    assert_int_equal(s->level, LEVEL_ENGINE_MAX);
    assert_int_equal(trx_begin(s), JET_errTransTooDeep);
    for (unsigned i = 0; i < LEVEL_ENGINE_MAX; i++)
        assert_int_equal(i % 2 ? trx_commit(s, false) : trx_rollback(s), 0);
    assert_int_equal(s->level, 0);
    assert_int_equal(atomic_load(&s->trx_begin0), TRX_NONE);
}

static void numbers_ascend_by_four(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(atomic_load(&s->trx_begin0), 4);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(trx_begin(other), 0);
    assert_int_equal(atomic_load(&other->trx_begin0), 8);
    assert_int_equal(trx_oldest(&w->in), 4);
    insert(1, 1);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(trx_commit(s, false), 0); /* draws 12 */
    assert_int_equal(trx_oldest(&w->in), 8);
    assert_int_equal(trx_commit(other, false), 0); /* nothing versioned: draws none */
    assert_int_equal(trx_oldest(&w->in), 13);
    atomic_store(&w->in.trx_newest,
                 TRX_NONE - 4); /* a number that stands for none is passed over */
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(atomic_load(&s->trx_begin0), 3);
}

static void a_commit_shows_everything_at_once(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    assert_int_equal(trx_begin(s), 0);
    insert(2, 20);
    assert_int_equal(trx_commit(s, false), 0);
    expect(other, 1, false, 0);
    expect(other, 2, false, 0);
    assert_int_equal(trx_begin(other), 0);
    assert_int_equal(trx_commit(s, false), 0);
    expect(other, 1, false, 0);
    expect(other, 2, false, 0);
    assert_int_equal(trx_commit(other, false), 0);
    expect(other, 1, true, 10);
    expect(other, 2, true, 20);
}

static void a_rollback_undoes_its_level_newest_first(void **state)
{
    uint32_t id[3];

    (void)state;
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(world_do(w, s, VER_WRITE_LOCK, 1, 0), 0);
    assert_int_equal(world_do(w, s, VER_REPLACE, 1, 11), 0);
    id[0] = s->ver_newest->rceid;
    assert_int_equal(world_do(w, s, VER_DELTA, 1, 100), 0);
    id[1] = s->ver_newest->rceid;
    id[2] = insert(2, 20);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(s->level, 1);
    assert_int_equal(w->nr_undone, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(w->undone[i], id[2 - i]);
    expect(s, 1, true, 10);
    expect(s, 2, false, 0);
    assert_int_equal(trx_commit(s, false), 0);
    expect(other, 1, true, 10);
}

static void an_inner_commit_leaves_its_work_to_the_outer_level(void **state)
{
    uint32_t id[3];

    (void)state;
    assert_int_equal(trx_begin(s), 0);
    id[0] = insert(1, 10);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(trx_begin(s), 0);
    id[1] = insert(2, 20);
    assert_int_equal(s->ver_newest->level, 4);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(s->ver_newest->level, 2);
    id[2] = insert(3, 30);
    assert_int_equal(trx_rollback(s), 0); /* of level 2: two and three */
    assert_int_equal(w->nr_undone, 2);
    assert_int_equal(w->undone[0], id[2]);
    assert_int_equal(w->undone[1], id[1]);
    expect(s, 1, true, 10);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(w->undone[2], id[0]);
    expect(s, 1, false, 0);
    assert_null(s->ver_newest);
}

static void what_was_rolled_back_can_be_changed_by_others(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(other), 0);
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    assert_int_equal(world_do(w, other, VER_INSERT, 1, 5), JET_errKeyDuplicate);
    assert_int_equal(trx_rollback(s), 0);
    assert_int_equal(world_do(w, other, VER_INSERT, 1, 5), 0);
    assert_int_equal(trx_commit(other, false), 0);
    expect(s, 1, true, 5);
}

static void a_session_that_ends_rolls_back(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    assert_int_equal(trx_begin(s), 0);
    insert(2, 10);
    sess_free(s);
    s = NULL;
    assert_int_equal(w->nr_undone, 2);
    expect(other, 1, false, 0);
    assert_int_equal(trx_oldest(&w->in), atomic_load(&w->in.trx_newest) + 1);
}

/* ---- updates ---------------------------------------------------------------------------------- */

static void a_cancelled_update_takes_back_its_own_and_no_locks(void **state)
{
    uint32_t id[2];

    (void)state;
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    s->update_id = 7;
    assert_int_equal(world_do(w, s, VER_WRITE_LOCK, 1, 0), 0);
    id[0] = insert(2, 20);
    s->update_id = 8;
    insert(3, 30);
    s->update_id = 7;
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(world_do(w, s, VER_REPLACE, 2, 21), 0);
    id[1] = s->ver_newest->rceid;
    assert_int_equal(trx_commit(s, false), 0);
    s->update_id = 0;
    insert(4, 40);
    assert_int_equal(trx_rollback_update(s, 7), 0);
    assert_int_equal(s->level, 1);
    assert_int_equal(w->nr_undone, 2);
    assert_int_equal(w->undone[0], id[1]);
    assert_int_equal(w->undone[1], id[0]);
    expect(s, 1, true, 10);
    expect(s, 2, false, 0);
    expect(s, 3, true, 30);
    assert_int_equal(trx_begin(other), 0);
    assert_int_equal(world_do(w, other, VER_WRITE_LOCK, 1, 0), JET_errWriteConflict);
    assert_int_equal(world_do(w, other, VER_INSERT, 2, 1), 0);
    assert_int_equal(trx_rollback(other), 0);
    assert_int_equal(trx_commit(s, false), 0);
    expect(other, 4, true, 40);
    expect(other, 2, false, 0);
}

/* ---- DDL -------------------------------------------------------------------------------------- */

static char ddl_story[64];

static JET_ERR ddl_undo(struct sess *who, void *arg)
{
    (void)who;
    strcat(ddl_story, "u");
    strcat(ddl_story, arg);
    return JET_errSuccess;
}
static JET_ERR ddl_clean(struct sess *who, void *arg, uint32_t number)
{
    (void)who;
    (void)number;
    strcat(ddl_story, "c");
    strcat(ddl_story, arg);
    return JET_errSuccess;
}
static void ddl_free(void *arg)
{
    strcat(ddl_story, "f");
    strcat(ddl_story, arg);
}
static const struct ver_ddl ddl = {.undo = ddl_undo, .clean = ddl_clean, .free = ddl_free};
static const struct ver_ddl ddl_bare = {.free = NULL};

static void ddl_is_undone_in_its_place_and_freed(void **state)
{
    char a[] = "1", b[] = "2";

    (void)state;
    ddl_story[0] = 0;
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(ver_add_ddl(s, &ddl, a), 0);
    insert(1, 1);
    assert_int_equal(ver_add_ddl(s, &ddl_bare, NULL), 0);
    assert_int_equal(ver_add_ddl(s, &ddl, b), 0);
    assert_int_equal(trx_rollback(s), 0);
    assert_string_equal(ddl_story, "u2f2u1f1");
    assert_int_equal(w->nr_undone, 1);
}

static void ddl_is_cleaned_when_nobody_is_older(void **state)
{
    char a[] = "1", b[] = "2";

    (void)state;
    ddl_story[0] = 0;
    assert_int_equal(trx_begin(other), 0);
    assert_int_equal(trx_begin(s), 0);
    assert_int_equal(ver_add_ddl(s, &ddl, a), 0);
    assert_int_equal(ver_add_ddl(s, &ddl_bare, NULL), 0);
    assert_int_equal(ver_add_ddl(s, &ddl, b), 0);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_wrnRemainingVersions);
    assert_string_equal(ddl_story, "");
    assert_int_equal(trx_commit(other, false), 0);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_string_equal(ddl_story, "c1f1c2f2");
}

/* ---- failures --------------------------------------------------------------------------------- */

static void an_undo_that_fails_is_the_end_of_the_instance(void **state)
{
    (void)state;
    assert_int_equal(trx_begin(s), 0);
    insert(1, 10);
    insert(2, 10);
    w->undo_err = JET_errDiskIO;
    assert_int_equal(trx_rollback(s), JET_errDiskIO);
    w->undo_err = 0;
    assert_int_equal(inst_check(&w->in), JET_errDiskIO);
    assert_int_equal(trx_rollback(s), JET_errDiskIO);
    assert_int_equal(trx_commit(s, false), JET_errDiskIO);
    assert_int_equal(trx_begin(other), JET_errDiskIO);
    assert_int_equal(ver_clean(&w->in, NULL, true), JET_errDiskIO);
    assert_int_equal(inst_fail(&w->in, JET_errLogWriteFail), JET_errLogWriteFail);
    assert_int_equal(inst_check(&w->in), JET_errDiskIO); /* the first one stays */
    assert_int_equal(w->nr_undone, 0);
}

static void procids_are_the_lowest_free_ones(void **state)
{
    struct sess *a, *b, *many[40];

    (void)state;
    assert_int_equal(s->procid, 5);
    assert_int_equal(other->procid, 6);
    assert_int_equal(sess_new(&w->in, true, &a), 0);
    assert_int_equal(a->procid, 2); /* 1 is the cleaner's */
    for (unsigned i = 0; i < ARRAY_LEN(many); i++) {
        assert_int_equal(sess_new(&w->in, false, &many[i]), 0);
        assert_int_equal(many[i]->procid, 7 + i);
        assert_ptr_equal(w->in.sess[7 + i], many[i]);
    }
    sess_free(many[3]);
    assert_int_equal(sess_new(&w->in, false, &b), 0);
    assert_int_equal(b->procid, 10);
    many[3] = b;
    for (unsigned i = 0; i < ARRAY_LEN(many); i++)
        sess_free(many[i]);
    sess_free(a);
    assert_null(w->in.sess[7]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(levels_are_counted_and_bounded),
        T(numbers_ascend_by_four),
        T(a_commit_shows_everything_at_once),
        T(a_rollback_undoes_its_level_newest_first),
        T(an_inner_commit_leaves_its_work_to_the_outer_level),
        T(what_was_rolled_back_can_be_changed_by_others),
        T(a_session_that_ends_rolls_back),
        T(a_cancelled_update_takes_back_its_own_and_no_locks),
        T(ddl_is_undone_in_its_place_and_freed),
        T(ddl_is_cleaned_when_nobody_is_older),
        T(an_undo_that_fails_is_the_end_of_the_instance),
        T(procids_are_the_lowest_free_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
