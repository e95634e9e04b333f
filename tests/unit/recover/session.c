/* Sessions, levels, versions, and the trees that must not be written. */
#include "testutil.h"

#include "recover/session.h"

static struct sessions *s;

static int setup(void **state)
{
    (void)state;
    return sessions_new(&s);
}

static int teardown(void **state)
{
    (void)state;
    sessions_free(s);
    return 0;
}

static JET_ERR begin(uint16_t procid, unsigned from, unsigned nr, uint32_t trx)
{
    struct logrec rec = {.type = from ? LR_BEGIN : LR_BEGIN0, .procid = procid, .trx = trx};

    rec.trx_levels.level_from = (uint8_t)from;
    rec.trx_levels.nr_levels = (uint8_t)nr;
    return session_begin(s, &rec);
}

static void add(struct session *p, uint32_t rceid, uint8_t level, objid_t objid, bool known,
                bool logged)
{
    struct version v = {.rceid = rceid,
                        .oper = OPER_REPLACE,
                        .level = level,
                        .dbid = 1,
                        .objid = objid,
                        .logged = logged};

    if (known) {
        const struct slice key = {(const uint8_t *)"key", 3}, none = {0},
                           image = {(const uint8_t *)&rceid, 4};
        assert_int_equal(version_fill(&v, key, none, image), 0);
    }
    assert_int_equal(session_add(s, p, &v), 0);
}

static void a_session_counts_from_its_first_begin0_on(void **state)
{
    (void)state;
    assert_int_equal(begin(5, 1, 1, 0), 0);
    assert_null(session_find(s, 5));
    assert_int_equal(begin(5, 0, 2, 77), 0);
    assert_non_null(session_find(s, 5));
    assert_int_equal(session_find(s, 5)->level, 2);
    assert_int_equal(session_find(s, 5)->trx, 77);
}

static void sessions_come_by_procid(void **state)
{
    uint16_t last = 0;
    unsigned nr = 0;

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(begin((uint16_t)(1 + i * 7919 % 60000), 0, 1, i), 0);
    for (const struct session *p = sessions_first(s); p; p = p->next, nr++) {
        assert_true(p->procid > last);
        last = p->procid;
    }
    assert_int_equal(nr, 50);
}

static void impossible_levels_are_refused(void **state)
{
    struct session *p;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    assert_int_equal(begin(5, 0, 1, 1), JET_errLogFileCorrupt);
    assert_int_equal(begin(5, 1, 15, 1), JET_errLogFileCorrupt);
    assert_int_equal(session_commit(s, p, 1), JET_errLogFileCorrupt);
    assert_int_equal(session_rollback(s, p, 2), JET_errLogFileCorrupt);
    assert_int_equal(session_rollback(s, p, 0), JET_errLogFileCorrupt);
    assert_int_equal(session_commit(s, p, 0), 0);
    assert_int_equal(session_commit(s, p, 0), JET_errLogFileCorrupt);
}

static void an_inner_commit_hands_its_versions_to_the_level_below(void **state)
{
    struct session *p;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    add(p, 1, 1, 10, true, true);
    assert_int_equal(begin(5, 1, 2, 0), 0);
    add(p, 3, 3, 10, true, true);
    assert_int_equal(session_commit(s, p, 1), 0);
    assert_int_equal(session_version(p, 3)->level, 1);
    assert_int_equal(begin(5, 1, 1, 0), 0);
    add(p, 5, 2, 10, true, true);
    assert_int_equal(session_rollback(s, p, 1), 0);
    assert_null(session_version(p, 5));
    assert_non_null(session_version(p, 3));
    assert_non_null(session_version(p, 1));
    assert_int_equal(session_commit(s, p, 0), 0);
    assert_null(session_version(p, 1));
    assert_int_equal(p->nr, 0);
}

static void a_tree_is_held_until_its_changes_can_be_undone(void **state)
{
    struct session *p;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    add(p, 1, 1, 10, true, false);
    add(p, 3, 1, 10, true, false);
    add(p, 5, 1, 11, true, true);
    assert_true(sessions_hold(s, 1, 10));
    assert_false(sessions_hold(s, 1, 11));
    assert_false(sessions_hold(s, 2, 10));
    version_logged(s, session_version(p, 1));
    assert_true(sessions_hold(s, 1, 10));
    version_undone(s, session_version(p, 3));
    assert_false(sessions_hold(s, 1, 10));
    version_logged(s, session_version(p, 3));
    assert_false(sessions_hold(s, 1, 10));
    add(p, 7, 1, 10, false, false);
    assert_true(sessions_hold(s, 1, 10));
    assert_int_equal(session_commit(s, p, 0), 0);
    assert_false(sessions_hold(s, 1, 10));
}

static void undo_info_completes_a_version_and_never_replaces_an_image(void **state)
{
    struct session *p;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    add(p, 9, 1, 10, false, false);
    assert_false(session_version(p, 9)->known);
    add(p, 9, 1, 10, true, true);
    assert_true(session_version(p, 9)->known);
    assert_false(sessions_hold(s, 1, 10));
    assert_int_equal(p->nr, 1);
    {
        struct version v = {.rceid = 9, .oper = OPER_REPLACE, .level = 1, .dbid = 1, .objid = 10};
        const struct slice none = {0}, other = {(const uint8_t *)"other image", 11};
        assert_int_equal(version_fill(&v, none, none, other), 0);
        assert_int_equal(session_add(s, p, &v), 0);
    }
    assert_int_equal(version_image(session_version(p, 9)).len, 4);
    assert_int_equal(p->nr, 1);
}

static void a_large_transaction_finds_each_of_its_versions(void **state)
{
    struct session *p;
    uint32_t rceid = 0xffffffaf;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    for (unsigned i = 0; i < 20000; i++, rceid += 2) {
        assert_int_equal(begin(5, 1, 1, 0), 0);
        add(p, rceid, 2, 10 + i % 300, true, i % 3 == 0);
        assert_int_equal(session_commit(s, p, 1), 0);
    }
    rceid = 0xffffffaf;
    for (unsigned i = 0; i < 20000; i++, rceid += 2) {
        struct version *v = session_version(p, rceid);
        assert_non_null(v);
        assert_int_equal(v->rceid, rceid);
        assert_int_equal(v->level, 1);
        assert_memory_equal(version_image(v).p, &rceid, 4);
    }
    assert_true(sessions_hold(s, 1, 11));
    sessions_clear(s);
    assert_null(session_find(s, 5));
    assert_false(sessions_hold(s, 1, 11));
}

static void a_macro_keeps_copies_of_its_records(void **state)
{
    uint8_t bytes[sizeof(struct lr_macro_disk)] = {LR_MACRO_COMMIT};
    struct logrec rec;
    struct session *p;
    struct macro *m;

    (void)state;
    assert_int_equal(begin(5, 0, 1, 1), 0);
    p = session_find(s, 5);
    assert_int_equal(session_macro_begin(p, 100, 1), 0);
    assert_int_equal(session_macro_begin(p, 200, 2), 0);
    assert_int_equal(session_macro_begin(p, 100, 3), JET_errLogFileCorrupt);
    m = session_macro(p, 100);
    put_le64(bytes + 3, 100);
    for (unsigned i = 0; i < 20; i++) {
        put_le16(bytes + 1, (uint16_t)i);
        assert_int_equal(logrec_decode(bytes, sizeof(bytes), &rec), 0);
        assert_int_equal(macro_add(m, &rec), 0);
    }
    memset(bytes, 0xee, sizeof(bytes));
    assert_int_equal(m->nr, 20);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(m->recs[i].procid, i);
        assert_int_equal(m->recs[i].bytes.p[0], LR_MACRO_COMMIT);
    }
    session_macro_end(p, m);
    assert_null(session_macro(p, 100));
    assert_non_null(session_macro(p, 200));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_session_counts_from_its_first_begin0_on),
        TEST(sessions_come_by_procid),
        TEST(impossible_levels_are_refused),
        TEST(an_inner_commit_hands_its_versions_to_the_level_below),
        TEST(a_tree_is_held_until_its_changes_can_be_undone),
        TEST(undo_info_completes_a_version_and_never_replaces_an_image),
        TEST(a_large_transaction_finds_each_of_its_versions),
        TEST(a_macro_keeps_copies_of_its_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
