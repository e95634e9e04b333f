/* Records of single pages: the rule, each kind of change, and what is refused. */
#include "redotest.h"

#include "btree/space.h"

static void set_up(void)
{
    rig_begin(4096);
    put_leaf(5, 0, 10, "abc", "abcd one abcf two b three");
}

static struct logrec insert_rec(const char *prefix, const char *suffix, const char *data,
                                unsigned line)
{
    struct logrec r = record(LR_INSERT, 5, line, 10, 20);

    r.insert.key_prefix = str(prefix);
    r.insert.key_suffix = str(suffix);
    r.insert.data = str(data);
    return r;
}

/* ---- the rule ---- */

static void a_record_is_applied_once(void **state)
{
    struct logrec r = insert_rec("abc", "e", "new", 1);

    (void)state;
    set_up();
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_true(result.applied);
    assert_page(5, "abcd one abce new abcf two b three");
    assert_dbtime(5, 20);
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_false(result.applied);
    assert_page(5, "abcd one abce new abcf two b three");
    assert_int_equal(rig.db.dbtime_last, 20);
    assert_int_equal(rig.db.objid_last, OBJID);
    assert_int_equal(rig.nr_faults, 0);
    rig_end();
}

static void a_page_with_another_dbtime_is_a_fault(void **state)
{
    struct logrec r = insert_rec("", "c", "new", 3);

    (void)state;
    set_up();
    rig.db.ahead = false;
    r.dbtime_before = 9;
    assert_int_equal(apply(&r), JET_errDbTimeTooNew);
    r.dbtime_before = 11;
    assert_int_equal(apply(&r), JET_errDbTimeTooOld);
    r.dbtime_before = 8;
    r.dbtime = 10;
    assert_int_equal(apply(&r), JET_errDbTimeBeyondMaxRequired);
    assert_int_equal(rig.nr_faults, 3);
    assert_page(5, "abcd one abcf two b three");
    rig.db.ahead = true;
    r.dbtime = 20;
    assert_int_equal(apply(&r), JET_errDbTimeTooNew);
    r.dbtime_before = DBTIME_INVALID;
    assert_int_equal(apply(&r), JET_errSuccess);
    rig_end();
}

static void a_missing_page_is_forgiven_only_if_it_is_cut_off_later(void **state)
{
    struct logrec r = record(LR_DELETE, 30, 0, 10, 20), old = record(LR_DELETE, 5, 0, 15, 20);
    struct logrec cut = {.type = LR_SHRINK_DB3, .pgno = 29, .range = {.nr_pages = 10}};

    (void)state;
    set_up();
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_false(result.applied);
    assert_int_equal(apply(&cut), JET_errSuccess);
    assert_int_equal(rig.cut, 30);
    assert_int_equal(rig.nr_cut, 10);
    assert_int_equal(redo_settle(&rig.db), JET_errSuccess);
    assert_false(rig.db.ahead);

    rig.db.ahead = true;
    assert_int_equal(apply(&old), JET_errSuccess);
    assert_int_equal(redo_settle(&rig.db), JET_errDbTimeTooOld);
    rig.db.ahead = true;
    assert_int_equal(apply(&r), JET_errSuccess);
    rig.db.ahead = false;
    assert_int_equal(redo_settle(&rig.db) == JET_errDbTimeTooOld ||
                         redo_settle(&rig.db) == JET_errPageNotInitialized,
                     true);
    r.pgno = 31;
    assert_int_equal(apply(&r), JET_errPageNotInitialized);
    rig_end();
}

static void many_missed_pages_are_all_remembered(void **state)
{
    (void)state;
    set_up();
    for (pgno_t p = 100; p < 1100; p++) {
        struct logrec r = record(LR_DELETE, p, 0, 10, 20);
        assert_int_equal(apply(&r), JET_errSuccess);
    }
    for (pgno_t p = 100; p < 1100; p += 10) {
        struct logrec r = {.type = LR_TRIM_DB, .pgno = p, .range = {.nr_pages = 9}};
        assert_int_equal(apply(&r), JET_errSuccess);
        assert_int_equal(rig.cut, 0);
    }
    assert_int_equal(redo_settle(&rig.db), JET_errPageNotInitialized);
    assert_int_equal(rig.nr_faults, 100);
    rig_end();
}

/* ---- node operations ---- */

static void nodes_are_deleted_and_come_back(void **state)
{
    struct logrec del = record(LR_FLAG_DELETE, 5, 1, 10, 20);
    struct logrec back = record(LR_FLAG_INSERT, 5, 1, 20, 21);
    struct logrec again = record(LR_FLAG_INSERT_AND_REPLACE_DATA, 5, 1, 22, 23);
    struct logrec gone = record(LR_DELETE, 5, 1, 23, 24);

    (void)state;
    set_up();
    assert_int_equal(apply(&del), JET_errSuccess);
    assert_page(5, "abcd one !abcf two b three");
    assert_int_equal(result.key.len, 4);
    assert_memory_equal(result.key.p, "abcf", 4);
    assert_memory_equal(result.data.p, "two", 3);
    assert_int_equal(apply(&back), JET_errSuccess);
    assert_page(5, "abcd one abcf two b three");
    back.dbtime_before = 21;
    back.dbtime = 22;
    assert_int_equal(apply(&back), JET_errLogOperationInconsistentWithDatabase);
    del.dbtime_before = 21;
    del.dbtime = 22;
    assert_int_equal(apply(&del), JET_errSuccess);
    again.insert.data = str("longer-than-before");
    assert_int_equal(apply(&again), JET_errSuccess);
    assert_page(5, "abcd one abcf longer-than-before b three");
    assert_memory_equal(result.data.p, "two", 3);
    assert_int_equal(apply(&gone), JET_errSuccess);
    assert_page(5, "abcd one b three");
    rig_end();
}

static void data_are_replaced_whole_or_by_a_difference(void **state)
{
    static const uint8_t diff[] = {1, 0x40, 2, 'X', 'Y',
                                   4, 0x20, 1, 'Z'}; /* insert at 1, replace at 4 */
    struct logrec r = record(LR_REPLACE, 5, 2, 10, 20), d = record(LR_REPLACE_D, 5, 2, 20, 21);

    (void)state;
    set_up();
    r.replace.data = str("fourth");
    r.replace.old_len = 5;
    r.replace.new_len = 6;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_page(5, "abcd one abcf two b fourth");
    assert_int_equal(result.data.len, 5);
    assert_memory_equal(result.data.p, "three", 5);
    d.replace.data = (struct slice){diff, sizeof(diff)};
    d.replace.old_len = 6;
    d.replace.new_len = 8;
    assert_int_equal(apply(&d), JET_errSuccess);
    assert_page(5, "abcd one abcf two b fXYourZh");
    d.dbtime_before = 21;
    d.dbtime = 22; /* the same again: the old length is wrong */
    assert_int_equal(apply(&d), JET_errLogOperationInconsistentWithDatabase);
    d.replace.old_len = 8;
    assert_int_equal(apply(&d), JET_errLogOperationInconsistentWithDatabase);
    assert_dbtime(5, 21);
    rig_end();
}

static void counters_are_added_to(void **state)
{
    struct logrec r = record(LR_DELTA, 5, 0, 10, 20), w = record(LR_DELTA64, 5, 0, 20, 21);

    (void)state;
    rig_begin(32768);
    put_leaf(5, 0, 10, "", "k aaaabbbbbbbb");
    r.node.delta = -1;
    r.node.offset = 0;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_page(5, "k `aaabbbbbbbb");
    w.node.delta = (int64_t)1 << 56;
    w.node.offset = 4;
    assert_int_equal(apply(&w), JET_errSuccess);
    assert_page(5, "k `aaabbbbbbbc");
    w.dbtime_before = 21;
    w.dbtime = 22;
    w.node.offset = 5;
    assert_int_equal(apply(&w), JET_errLogOperationInconsistentWithDatabase);
    rig_end();
}

static void an_external_header_is_set_unless_nodes_need_it(void **state)
{
    struct logrec r = record(LR_SET_EXTERNAL_HEADER, 5, 0, 10, 20);

    (void)state;
    set_up();
    r.external_header = str("xbcx");
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    r.external_header = str("ab");
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    r.external_header = str("abcx");
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(head_of(5).prefix_len, 4);
    assert_page(5, "abcd one abcf two b three");
    rig_end();
}

static void inserts_that_do_not_fit_are_refused(void **state)
{
    struct logrec out_of_order = insert_rec("", "z", "x", 1), line = insert_rec("", "z", "x", 4);
    struct logrec prefix = insert_rec("abx", "e", "x", 1), twice = insert_rec("", "b", "x", 3);
    struct logrec objid = insert_rec("", "z", "x", 3), zero = objid;
    char big[4020];

    (void)state;
    set_up();
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    assert_int_equal(apply(&out_of_order), JET_errLogOperationInconsistentWithDatabase);
    assert_int_equal(apply(&twice), JET_errLogOperationInconsistentWithDatabase);
    assert_int_equal(apply(&line), JET_errLogOperationInconsistentWithDatabase);
    assert_int_equal(apply(&prefix), JET_errLogOperationInconsistentWithDatabase);
    objid.objid = 8;
    assert_int_equal(apply(&objid), JET_errLogOperationInconsistentWithDatabase);
    objid.objid = OBJID;
    objid.insert.data = str(big);
    assert_int_equal(apply(&objid), JET_errLogOperationInconsistentWithDatabase);
    zero.pgno = 0;
    assert_int_equal(apply(&zero), JET_errLogFileCorrupt);
    assert_page(5, "abcd one abcf two b three");
    assert_dbtime(5, 10);
    rig_end();
}

static void nodes_of_internal_pages_are_not_records(void **state)
{
    struct logrec r = record(LR_DELETE, 6, 0, 10, 20);
    struct buf *b;

    (void)state;
    set_up();
    b = new_page(6, PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "m", 5);
    put_page(b);
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    assert_page(6, "m>5");
    rig_end();
}

/* ---- scrubbing, empty trees ---- */

static void scrubbing_leaves_no_old_data(void **state)
{
    static const uint8_t opers[] = {1, 0, 2};
    struct logrec r = record(LR_SCRUB, 5, 0, 10, 20), u = record(LR_SCRUB, 5, 0, 20, 21);

    (void)state;
    set_up();
    r.scrub.opers = (struct slice){opers, 2};
    r.scrub.nr_opers = 2;
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    r.scrub.opers = (struct slice){opers, 3};
    r.scrub.nr_opers = 3;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_page(5, "abcd DDD abcf two b  LLLL");
    assert_true(head_of(5).flags & PAGE_SCRUBBED);
    u.scrub.flags = 1;
    assert_int_equal(apply(&u), JET_errSuccess);
    assert_page(5, "");
    assert_dbtime(5, 21);
    rig_end();
}

static void a_tree_becomes_an_empty_leaf(void **state)
{
    struct lr_empty_page_disk list[1];
    struct logrec r = record(LR_EMPTY_TREE, 2, 0, 12, 20);
    struct buf *b;

    (void)state;
    set_up();
    b = new_page(2, PAGE_ROOT | PAGE_PARENT_OF_LEAF, 12);
    add_child(b, "", 5);
    put_page(b);
    le32_put(&list[0].pgno, 5);
    le64_put(&list[0].dbtime_before, 10);
    r.empty_pages = (struct slice){(const uint8_t *)list, sizeof(list)};
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(head_of(2).flags, PAGE_ROOT | PAGE_LEAF);
    assert_page(2, "");
    assert_int_equal(head_of(5).flags, PAGE_LEAF | PAGE_EMPTY);
    assert_dbtime(5, 20);
    assert_dbtime(2, 20);
    r.dbtime_before = 20;
    r.dbtime = 21;
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    rig_end();
}

/* ---- new pages and trees ---- */

static void new_pages_need_no_page_before(void **state)
{
    struct logrec r = record(LR_NEW_PAGE, 9, 0, DBTIME_INVALID, 20);

    (void)state;
    set_up();
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(head_of(9).flags, PAGE_PRE_INIT);
    assert_dbtime(9, 20);
    r.pgno = 5; /* whatever it was */
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(head_of(5).flags, PAGE_PRE_INIT);
    r.dbtime = 19;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_dbtime(5, 20);
    rig_end();
}

static void a_damaged_page_is_made_anew(void **state)
{
    static const uint8_t rubbish[4096] = {1, 2, 3};
    struct logrec r = record(LR_NEW_PAGE, 9, 0, DBTIME_INVALID, 20);
    struct logrec d = record(LR_DELETE, 10, 0, 10, 20);

    (void)state;
    set_up();
    assert_int_equal(pwrite(fileno(rig.f), rubbish, 4096, 10 * 4096), 4096);
    assert_int_equal(pwrite(fileno(rig.f), rubbish, 4096, 11 * 4096), 4096);
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(head_of(9).flags, PAGE_PRE_INIT);
    assert_int_equal(rig.r.nr_faults, 0);
    assert_int_equal(rig.nr_faults, 1); /* the note */
    assert_int_equal(apply(&d), JET_errReadVerifyFailure);
    assert_int_equal(rig.r.nr_faults, 1);
    rig_end();
}

/* "last,cpg" of each extent. */
static const char *extents_of(pgno_t pgno)
{
    static char out[512];
    size_t at = 0;
    struct buf *b;

    out[0] = 0;
    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_READ, &b), JET_errSuccess);
    assert_null(page_check_structure(b->b, b->size));
    for (unsigned i = 0; i < page_nr_lines((struct page){b->b, b->size}); i++) {
        struct node n = page_node((struct page){b->b, b->size}, i);
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%u,%u ", (unsigned)get_be32(n.suffix.p),
                               (unsigned)get_le32(n.data.p));
    }
    buf_put(b);
    return out;
}

static void a_tree_with_one_extent_gets_a_bitmap(void **state)
{
    struct logrec r = record(LR_CREATE_SINGLE_EXTENT_FDP, 40, 0, DBTIME_INVALID, 20);
    struct space_header h;
    struct head head;

    (void)state;
    set_up();
    r.fdp.nr_pages = 4;
    r.fdp.pgno_parent_fdp = 1;
    r.fdp.page_flags = PAGE_INDEX | PAGE_NON_UNIQUE;
    r.flags = 0;
    assert_int_equal(apply(&r), JET_errSuccess);
    head = head_of(40);
    assert_int_equal(head.flags, PAGE_ROOT | PAGE_LEAF | PAGE_INDEX | PAGE_NON_UNIQUE);
    assert_null(space_header_decode((struct slice){head.header, head.prefix_len}, &h));
    assert_int_equal(h.bitmap, 7);
    assert_int_equal(h.cpg_first, 4);
    assert_true(h.non_unique);
    r.fdp.nr_pages = 40;
    r.dbtime = 21;
    r.flags = LR_PAGE_UNIQUE;
    assert_int_equal(apply(&r), JET_errSuccess);
    head = head_of(40);
    assert_null(space_header_decode((struct slice){head.header, head.prefix_len}, &h));
    assert_int_equal(h.bitmap, UINT32_MAX);
    assert_false(h.non_unique);
    r.fdp.nr_pages = 0;
    assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    rig_end();
}

static void a_tree_with_two_space_trees_is_made(void **state)
{
    struct logrec r = record(LR_CREATE_MULTIPLE_EXTENT_FDP, 40, 0, DBTIME_INVALID, 20);
    struct space_header h;
    struct head head;

    (void)state;
    set_up();
    r.fdp.nr_pages = 20;
    r.fdp.pgno_oe = 41;
    r.fdp.pgno_ae = 42;
    assert_int_equal(apply(&r), JET_errSuccess);
    head = head_of(40);
    assert_null(space_header_decode((struct slice){head.header, head.prefix_len}, &h));
    assert_true(h.multiple);
    assert_int_equal(h.pgno_oe, 41);
    assert_string_equal(extents_of(41), "59,20 ");
    assert_string_equal(extents_of(42), "59,17 ");
    assert_int_equal(head_of(42).flags, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE);
    assert_int_equal(head_of(42).prefix_len, 16);
    r.fdp.pgno_ae = 43;
    assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    rig_end();
}

static void convert(pgno_t fdp, uint32_t cpg, uint32_t bits, pgno_t second, const char *ae)
{
    struct logrec r = record(LR_CONVERT_FDP2, fdp, 0, 10, 20);
    uint8_t header[25] = {3};
    struct buf *b;
    struct head head;

    set_up();
    header[17] = 99; /* the autoincrement value stays */
    b = new_page(fdp, PAGE_ROOT | PAGE_LEAF, 10);
    assert_int_equal(
        page_set_external_header((struct edit){b->b, b->size}, (struct slice){header, 25}), 0);
    put_page(b);
    r.fdp.nr_pages = cpg;
    r.fdp.avail_bits = bits;
    r.fdp.pgno_secondary = r.fdp.pgno_oe = second;
    r.fdp.pgno_ae = second + 1;
    r.fdp.nr_secondary = 3;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_string_equal(extents_of(second + 1), ae);
    head = head_of(fdp);
    assert_int_equal(head.prefix_len, 25);
    assert_int_equal(head.header[0], 3);
    assert_int_equal(get_le32(head.header + 1), cpg);
    assert_int_equal(get_le32(head.header + 13), second);
    assert_int_equal(head.header[17], 99);
    assert_dbtime(fdp, 20);
    assert_dbtime(second, 20);
    rig_end();
}

static void what_the_bitmap_left_becomes_extents(void **state)
{
    (void)state;
    convert(50, 1, 0, 200, "202,1 ");
    convert(50, 8, 0x64, 200, "53,1 57,2 202,1 ");
    convert(50, 33, 0xffffffff, 200, "82,32 202,1 ");
    convert(50, 60, 0xf0000001, 200, "51,1 109,31 202,1 ");
    convert(50, 60, 0x70000000, 200, "81,3 109,27 202,1 ");
    convert(300, 4, 0x4, 200, "202,1 303,1 ");
}

static void extents_that_overlap_are_refused(void **state)
{
    struct logrec good = record(LR_CONVERT_FDP2, 5, 0, 10, 20), r;

    (void)state;
    set_up();
    good.fdp.nr_pages = 4;
    good.fdp.pgno_secondary = good.fdp.pgno_oe = 9;
    good.fdp.pgno_ae = 10;
    good.fdp.nr_secondary = 3;
    for (unsigned i = 0; i < 6; i++) {
        r = good;
        if (i == 0)
            r.fdp.nr_pages = 5;
        if (i == 1)
            r.pgno = 11;
        if (i == 2)
            r.fdp.avail_bits = 8;
        if (i == 3)
            r.fdp.nr_secondary = 1;
        if (i == 4)
            r.fdp.pgno_ae = 11;
        if (i == 5)
            r.fdp.nr_pages = UINT32_MAX;
        assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    }
    assert_int_equal(apply(&good),
                     JET_errLogOperationInconsistentWithDatabase); /* page 5 is no root */
    rig_end();
}

static void the_file_grows_through_a_hook(void **state)
{
    struct logrec r = {.type = LR_EXTEND_DB, .pgno = 77};

    (void)state;
    set_up();
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_int_equal(rig.extended, 77);
    r.pgno = 0x80000000u;
    assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    rig_end();
}

static void records_of_macros_need_one(void **state)
{
    struct logrec r = record(LR_SPLIT2, 5, 0, 10, 20), c = {.type = LR_COMMIT0};

    (void)state;
    set_up();
    assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    assert_int_equal(apply(&c), JET_errSuccess);
    assert_int_equal(apply_macro(&c, 1), JET_errLogFileCorrupt);
    assert_int_equal(apply_macro(NULL, 0), JET_errSuccess);
    rig_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_applied_once),
        cmocka_unit_test(a_page_with_another_dbtime_is_a_fault),
        cmocka_unit_test(a_missing_page_is_forgiven_only_if_it_is_cut_off_later),
        cmocka_unit_test(many_missed_pages_are_all_remembered),
        cmocka_unit_test(nodes_are_deleted_and_come_back),
        cmocka_unit_test(data_are_replaced_whole_or_by_a_difference),
        cmocka_unit_test(counters_are_added_to),
        cmocka_unit_test(an_external_header_is_set_unless_nodes_need_it),
        cmocka_unit_test(inserts_that_do_not_fit_are_refused),
        cmocka_unit_test(nodes_of_internal_pages_are_not_records),
        cmocka_unit_test(scrubbing_leaves_no_old_data),
        cmocka_unit_test(a_tree_becomes_an_empty_leaf),
        cmocka_unit_test(new_pages_need_no_page_before),
        cmocka_unit_test(a_damaged_page_is_made_anew),
        cmocka_unit_test(a_tree_with_one_extent_gets_a_bitmap),
        cmocka_unit_test(a_tree_with_two_space_trees_is_made),
        cmocka_unit_test(what_the_bitmap_left_becomes_extents),
        cmocka_unit_test(extents_that_overlap_are_refused),
        cmocka_unit_test(the_file_grows_through_a_hook),
        cmocka_unit_test(records_of_macros_need_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
