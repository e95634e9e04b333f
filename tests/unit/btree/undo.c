/* Finding a node by its bookmark and taking back what was done to it. */
#include "redotest.h"

static struct undo_version version(enum undo_oper oper, const char *key, const char *data)
{
    return (struct undo_version){
        .oper = oper, .pgno_fdp = 2, .objid = OBJID, .key = str(key), .data = str(data)};
}

/* Root 2 over 3 and 4 over leaves 5, 6, 7. */
static void set_up(void)
{
    struct buf *b;

    rig_begin(4096);
    put_leaf(5, 0, 10, "aaa", "aaaa 1111 aaab 2222");
    put_leaf(6, 0, 10, "", "mm 3333 !mn 4444");
    put_leaf(7, 0, 10, "", "xx 5555");
    b = new_page(3, PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "m", 5);
    add_child(b, "p", 6);
    put_page(b);
    b = new_page(4, PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "", 7);
    put_page(b);
    b = new_page(2, PAGE_ROOT, 10);
    add_child(b, "p", 3);
    add_child(b, "", 4);
    put_page(b);
}

static JET_ERR undo(struct undo_version v, dbtime_t dbtime)
{
    struct undo_place place;
    JET_ERR err = undo_locate(&rig.db, &v, &place);

    if (err < 0)
        return err;
    assert_int_equal(place.buf->pgno, place.pgno);
    return undo_perform(&rig.db, &v, &place, dbtime, lgpos_make(4, 4, 4));
}

static void each_operation_is_taken_back(void **state)
{
    struct undo_version v;

    (void)state;
    set_up();
    assert_int_equal(undo(version(UNDO_INSERT, "aaab", ""), 21), JET_errSuccess);
    assert_page(5, "aaaa 1111 !aaab 2222");
    assert_dbtime(5, 21);
    assert_int_equal(undo(version(UNDO_FLAG_DELETE, "mn", ""), 22), JET_errSuccess);
    assert_page(6, "mm 3333 mn 4444");
    v = version(UNDO_REPLACE, "aaaa", "");
    v.image = str("long before");
    assert_int_equal(undo(v, 23), JET_errSuccess);
    assert_page(5, "aaaa long before !aaab 2222");
    v = version(UNDO_DELTA, "xx", "");
    v.delta = 2;
    assert_int_equal(undo(v, 24), JET_errSuccess);
    assert_page(7, "xx 3555");
    v.delta = -1;
    v.offset = 1;
    assert_int_equal(undo(v, 25), JET_errLogOperationInconsistentWithDatabase);
    v.oper = UNDO_DELTA64;
    assert_int_equal(undo(v, 25), JET_errLogOperationInconsistentWithDatabase);
    assert_dbtime(7, 24);
    rig_end();
}

static void what_is_not_there_cannot_be_undone(void **state)
{
    struct undo_version v = version(UNDO_REPLACE, "mm", "");
    struct undo_place place;
    char big[4060];

    (void)state;
    set_up();
    assert_int_equal(undo(version(UNDO_INSERT, "aaac", ""), 20), JET_errRecordNotFound);
    assert_int_equal(undo(version(UNDO_INSERT, "zz", ""), 20), JET_errRecordNotFound);
    assert_int_equal(undo(version(UNDO_FLAG_DELETE, "mm", ""), 20),
                     JET_errLogOperationInconsistentWithDatabase);
    assert_int_equal(undo(version(7, "mm", ""), 20), JET_errLogOperationInconsistentWithDatabase);
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    v.image = str(big);
    assert_int_equal(undo(v, 20), JET_errLogOperationInconsistentWithDatabase);
    v = version(UNDO_INSERT, "mm", "");
    v.objid = 8;
    assert_int_equal(undo(v, 20), JET_errBadPageLink);
    v.objid = OBJID;
    assert_int_equal(undo_locate(&rig.db, &v, &place), JET_errSuccess);
    assert_int_equal(place.line, 0);
    assert_int_equal(place.dbtime, 10);
    undo_release(&place);
    undo_release(&place);
    assert_page(6, "mm 3333 !mn 4444");
    rig_end();
}

static void a_tree_in_a_circle_ends(void **state)
{
    struct buf *b;

    (void)state;
    set_up();
    b = new_page(3, PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "p", 2);
    put_page(b);
    assert_int_equal(undo(version(UNDO_INSERT, "mm", ""), 20), JET_errBadPageLink);
    b = new_page(3, PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "b", 5);
    put_page(b);
    assert_int_equal(undo(version(UNDO_INSERT, "mm", ""), 20), JET_errBadPageLink);
    rig_end();
}

/* Separators reach into the data there: the bookmark is key and data. */
static void equal_keys_are_told_apart_by_their_data(void **state)
{
    struct buf *b;

    (void)state;
    rig_begin(4096);
    put_leaf(5, PAGE_INDEX | PAGE_NON_UNIQUE, 10, "", "k a1 k b1");
    put_leaf(6, PAGE_INDEX | PAGE_NON_UNIQUE, 10, "", "k c1 k d1 l a1");
    b = new_page(2, PAGE_ROOT | PAGE_PARENT_OF_LEAF | PAGE_INDEX | PAGE_NON_UNIQUE, 10);
    add_child(b, "kc", 5);
    add_child(b, "", 6);
    put_page(b);
    assert_int_equal(undo(version(UNDO_INSERT, "k", "b1"), 21), JET_errSuccess);
    assert_int_equal(undo(version(UNDO_INSERT, "k", "c1"), 22), JET_errSuccess);
    assert_int_equal(undo(version(UNDO_INSERT, "k", "d1"), 23), JET_errSuccess);
    assert_int_equal(undo(version(UNDO_INSERT, "k", "c2"), 24), JET_errRecordNotFound);
    assert_page(5, "k a1 !k b1");
    assert_page(6, "!k c1 !k d1 l a1");
    rig_end();
}

static void undo_records_are_redone_where_they_say(void **state)
{
    struct logrec r = record(LR_UNDO, 6, 1, 10, 20);
    struct undo_version v = version(UNDO_FLAG_DELETE, "mn", "");
    bool applied;

    (void)state;
    set_up();
    r.node.oper = UNDO_FLAG_DELETE;
    assert_int_equal(undo_redo(&rig.db, 1, &r, NULL, &applied), JET_errLogFileCorrupt);
    assert_false(applied);
    r.iline = 2;
    assert_int_equal(undo_redo(&rig.db, 1, &r, &v, &applied),
                     JET_errLogOperationInconsistentWithDatabase);
    r.iline = 1;
    assert_int_equal(undo_redo(&rig.db, 1, &r, &v, &applied), JET_errSuccess);
    assert_true(applied);
    assert_page(6, "mm 3333 mn 4444");
    assert_int_equal(undo_redo(&rig.db, 1, &r, NULL, &applied), JET_errSuccess);
    assert_false(applied);
    assert_dbtime(6, 20);
    rig_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_is_taken_back),
        cmocka_unit_test(what_is_not_there_cannot_be_undone),
        cmocka_unit_test(a_tree_in_a_circle_ends),
        cmocka_unit_test(equal_keys_are_told_apart_by_their_data),
        cmocka_unit_test(undo_records_are_redone_where_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
