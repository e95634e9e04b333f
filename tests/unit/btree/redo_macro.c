/* Splits, merges and moves of pages: each page by itself, before images, and all or nothing. */
#include "redotest.h"

#include "btree/space.h"

/* ---- splits ---- */

static struct logrec split_rec(pgno_t pgno, unsigned type, unsigned oper, unsigned at,
                               unsigned from, unsigned nr)
{
    struct logrec r = record(LR_SPLIT2, pgno, 0, 10, 20);

    r.split.type = (uint8_t)type;
    r.split.oper = (uint8_t)oper;
    r.split.iline_oper = (uint16_t)at;
    r.split.iline_split = (uint16_t)from;
    r.split.nr_lines = (uint16_t)nr;
    r.split.iline_prefix_split = -1;
    r.split.iline_prefix_new = -1;
    r.split.new_page_flags = PAGE_LEAF;
    r.split.right_before = DBTIME_INVALID;
    return r;
}

static struct logrec parent_rec(pgno_t pgno)
{
    struct logrec r = split_rec(pgno, 0, 0, 0, 0, 0);

    r.split.new_page_flags = 0;
    return r;
}

static struct logrec operation(enum lrtyp type, pgno_t pgno, unsigned line, const char *key,
                               const char *data)
{
    struct logrec r = record(type, pgno, line, DBTIME_INVALID, 20);

    r.insert.key_suffix = str(key);
    r.insert.data = str(data);
    if (type == LR_REPLACE) {
        memset(&r.replace, 0, sizeof(r.replace));
        r.replace.data = str(data);
        r.replace.new_len = (uint16_t)strlen(data);
    }
    return r;
}

/* Root 2 over leaves 5 and 6; page 5 is the one that is split. */
static void set_up(void)
{
    struct buf *b;

    rig_begin(4096);
    put_leaf(5, 0, 10, "xx", "aaaa 1 aaab 2 aaac 3 aaad 4");
    put_leaf(6, 0, 10, "", "m 1 n 2");
    link_page(5, 0, 6);
    link_page(6, 5, 0);
    b = new_page(2, PAGE_ROOT | PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "k", 5);
    add_child(b, "", 6);
    put_page(b);
}

static void right_split(struct logrec r[3])
{
    r[0] = parent_rec(2);
    r[1] = split_rec(5, 1, 1, 1, 2, 5);
    r[1].split.pgno_new = 9;
    r[1].split.pgno_right = 6;
    r[1].split.right_before = 10;
    r[1].split.key_parent = str("aaab");
    r[1].split.prefix_new = str("aaaa");
    r[1].split.iline_prefix_split = 0;
    r[1].split.iline_prefix_new = 1;
    r[1].split.image = str("replaced by those who need it");
    r[2] = operation(LR_INSERT, 5, 1, "aaaaa", "new");
}

static void assert_right_split_done(void)
{
    assert_page(2, "aaab>5 k>9 >6");
    assert_page(5, "aaaa 1 aaaaa new");
    assert_page(9, "aaab 2 aaac 3 aaad 4");
    assert_page(6, "m 1 n 2");
    assert_int_equal(head_of(5).next, 9);
    assert_int_equal(head_of(9).prev, 5);
    assert_int_equal(head_of(9).next, 6);
    assert_int_equal(head_of(6).prev, 9);
    assert_int_equal(head_of(5).prefix_len, 4);
    assert_memory_equal(head_of(9).header, "aaac", 4);
    for (pgno_t p = 2; p <= 9; p++)
        if (p == 2 || p == 5 || p == 6 || p == 9)
            assert_dbtime(p, 20);
}

static void a_right_split_moves_the_upper_lines(void **state)
{
    struct logrec r[3];

    (void)state;
    set_up();
    right_split(r);
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    assert_true(result.applied);
    assert_right_split_done();
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    assert_false(result.applied);
    assert_right_split_done();
    rig_end();
}

/* The old page as its record has it: whole, with the dbtime of the macro. */
static struct slice image_of(pgno_t pgno, dbtime_t dbtime)
{
    static uint8_t image[PAGE_SIZE_MAX + 1];
    struct buf *b;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_READ, &b), JET_errSuccess);
    memcpy(image + 1, b->b, b->size);
    page_set_dbtime((struct edit){image + 1, b->size}, dbtime);
    buf_put(b);
    return (struct slice){image + 1, rig.db.page_size};
}

/* The free space cut out of it; then shifted, which rig_decompress takes back. */
static struct slice squeeze(struct slice image, bool shift)
{
    uint8_t *b = (uint8_t *)(uintptr_t)image.p;
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    uint32_t tags = 4 * (le16_get(h->itag_state) & 0xfffu);
    uint32_t used = 40u + le16_get(h->ib_mic_free), gap = image.len - tags - used;

    memmove(b + used, b + image.len - tags, tags);
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - gap));
    image.len = used + tags;
    if (!shift)
        return image;
    for (uint32_t i = 0; i < image.len; i++)
        b[i] = (uint8_t)(b[i] + 3);
    b[-1] = 3;
    return (struct slice){b - 1, image.len + 1};
}

static void lose_page(pgno_t pgno)
{
    struct buf *b;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_NEW, &b), JET_errSuccess);
    page_init((struct edit){b->b, b->size}, pgno, OBJID, 1, PAGE_LEAF);
    put_page(b);
}

static void a_new_page_that_was_lost_is_made_from_the_image(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) { /* whole, cut, compressed, both */
        struct logrec r[3];
        struct logrec more = record(LR_DELETE, 5, 0, 20, 30);

        set_up();
        right_split(r);
        r[1].split.image = image_of(5, 20);
        if (how == 1)
            r[1].split.image = squeeze(r[1].split.image, false);
        if (how == 3)
            r[1].split.image = squeeze(r[1].split.image, true);
        if (how == 2) {
            ((uint8_t *)(uintptr_t)r[1].split.image.p)[-1] = 0;
            r[1].split.image.p--;
            r[1].split.image.len++;
        }
        r[1].split.image_flags =
            (how & 1 ? LR_IMAGE_DEHYDRATED : 0u) | (how & 2 ? LR_IMAGE_XPRESS : 0u);
        assert_int_equal(apply_macro(r, 3), JET_errSuccess);
        assert_int_equal(apply(&more), JET_errSuccess); /* page 5 goes on */
        lose_page(9);
        assert_int_equal(apply_macro(r, 3), JET_errSuccess);
        assert_page(9, "aaab 2 aaac 3 aaad 4");
        assert_int_equal(head_of(9).next, 6);
        assert_page(5, "aaaaa new");
        assert_dbtime(5, 30);
        rig_end();
    }
}

static void without_an_image_it_is_lost(void **state)
{
    struct logrec r[3];

    (void)state;
    set_up();
    right_split(r);
    r[1].split.image.len = 0;
    assert_int_equal(apply_macro(r, 3), JET_errDatabaseBufferDependenciesCorrupted);
    r[1].split.image = str("no page");
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    lose_page(9);
    assert_int_equal(apply_macro(r, 3), JET_errLogFileCorrupt);
    assert_page(9, "");
    rig_end();
}

static void an_append_needs_only_the_new_node(void **state)
{
    struct logrec r[3] = {parent_rec(2), split_rec(6, 2, 1, 2, 2, 3),
                          operation(LR_INSERT, 6, 2, "zzz", "last")};

    (void)state;
    set_up();
    r[1].split.pgno_new = 9;
    r[1].split.key_parent = str("z");
    r[1].split.iline_prefix_new = 0;
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    assert_page(2, "k>5 z>6 >9");
    assert_page(6, "m 1 n 2");
    assert_page(9, "zzz last");
    assert_memory_equal(head_of(9).header, "zzz", 3);
    lose_page(9);
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    assert_page(9, "zzz last");
    assert_int_equal(head_of(9).prev, 6);
    assert_int_equal(head_of(9).next, 0);
    rig_end();
}

static void a_vertical_split_empties_the_root_into_a_new_page(void **state)
{
    struct logrec r[2] = {split_rec(3, 0, 1, 0, 0, 3), operation(LR_INSERT, 3, 0, "a", "new")};

    (void)state;
    set_up();
    put_leaf(3, PAGE_ROOT, 10, "", "b 1 !c 2");
    r[0].split.pgno_new = 9;
    r[0].split.split_page_flags = PAGE_ROOT | PAGE_PARENT_OF_LEAF;
    r[0].split.image = str("x");
    assert_int_equal(apply_macro(r, 2), JET_errSuccess);
    assert_page(3, ">9");
    assert_int_equal(head_of(3).flags, PAGE_ROOT | PAGE_PARENT_OF_LEAF);
    assert_page(9, "a new b 1 !c 2");
    assert_int_equal(head_of(9).flags, PAGE_LEAF);
    rig_end();
}

static void a_replace_makes_its_node_longer_on_the_way(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 4; at += 3) { /* stays, goes to the new page */
        struct logrec r[3] = {parent_rec(2), split_rec(5, 1, 2, at, 2, 4),
                              operation(LR_REPLACE, 5, at, "", "replaced")};

        set_up();
        r[1].split.pgno_new = 9;
        r[1].split.pgno_right = 6;
        r[1].split.right_before = 10;
        r[1].split.key_parent = str("aaac");
        r[1].split.image = str("x");
        assert_int_equal(apply_macro(r, 3), JET_errSuccess);
        assert_page(5, at ? "aaaa 1 aaab 2" : "aaaa replaced aaab 2");
        assert_page(9, at ? "aaac 3 aaad replaced" : "aaac 3 aaad 4");
        assert_memory_equal(result.key.p, at ? "aaad" : "aaaa", 4);
        assert_memory_equal(result.data.p, at ? "4" : "1", 1);
        assert_int_equal(result.data.len, 1);
        rig_end();
    }
}

static void internal_pages_split_with_the_separator(void **state)
{
    struct logrec r[4] = {split_rec(2, 0, 1, 0, 0, 3)};
    struct logrec right[3];

    (void)state;
    set_up();
    right_split(right);
    r[0].split.pgno_new = 12;
    r[0].split.new_page_flags = PAGE_PARENT_OF_LEAF;
    r[0].split.split_page_flags = PAGE_ROOT;
    r[0].split.image = str("x");
    r[1] = right[1];
    r[2] = right[2];
    assert_int_equal(apply_macro(r, 3), JET_errSuccess);
    assert_page(2, ">12");
    assert_page(12, "aaab>5 k>9 >6");
    assert_page(5, "aaaa 1 aaaaa new");
    rig_end();
}

static void nothing_is_changed_when_one_page_does_not_fit(void **state)
{
    struct logrec r[3];
    struct buf *b;

    (void)state;
    set_up();
    right_split(r);
    b = new_page(2, PAGE_ROOT | PAGE_PARENT_OF_LEAF, 10); /* leads elsewhere */
    add_child(b, "k", 77);
    add_child(b, "", 6);
    put_page(b);
    assert_int_equal(apply_macro(r, 3), JET_errLogOperationInconsistentWithDatabase);
    assert_page(5, "aaaa 1 aaab 2 aaac 3 aaad 4");
    assert_dbtime(5, 10);
    assert_dbtime(6, 10);
    assert_page(9, "blank");
    rig_end();
}

static void splits_that_contradict_themselves_are_refused(void **state)
{
    struct logrec r[3], good[3];

    (void)state;
    set_up();
    right_split(good);
#define REFUSED(change, err)                      \
    do {                                          \
        memcpy(r, good, sizeof(r));               \
        change;                                   \
        assert_int_equal(apply_macro(r, 3), err); \
        assert_dbtime(5, 10);                     \
    } while (0)
    REFUSED(r[1].split.type = 3, JET_errLogFileCorrupt);
    REFUSED(r[1].split.iline_split = 5, JET_errLogFileCorrupt);
    REFUSED(r[1].split.iline_split = 0, JET_errLogFileCorrupt);
    REFUSED(r[1].split.iline_oper = 5, JET_errLogFileCorrupt);
    REFUSED(r[1].split.iline_prefix_new = 3, JET_errLogFileCorrupt);
    REFUSED(r[1].split.new_page_flags |= PAGE_EMPTY, JET_errLogFileCorrupt);
    REFUSED(r[1].split.key_parent.len = 0, JET_errLogFileCorrupt);
    REFUSED(r[1].split.pgno_new = 5, JET_errLogFileCorrupt);
    REFUSED(r[1].split.pgno_new = 0, JET_errLogFileCorrupt);
    REFUSED(r[2].type = LR_REPLACE, JET_errLogFileCorrupt);
    REFUSED(r[2].type = LR_DELETE, JET_errLogFileCorrupt);
    REFUSED(r[2].dbtime = 21, JET_errLogFileCorrupt);
    REFUSED(r[2].type = LR_SPLIT2, JET_errLogFileCorrupt);
    REFUSED(r[1].split.nr_lines = 6, JET_errLogOperationInconsistentWithDatabase);
    REFUSED(r[2].insert.key_suffix = str("z"), JET_errLogOperationInconsistentWithDatabase);
#undef REFUSED
    rig_end();
}

/* ---- merges ---- */

static struct logrec merge_rec(pgno_t pgno, unsigned type, unsigned flags, unsigned line)
{
    struct logrec r = record(LR_MERGE2, pgno, line, 10, 20);

    r.merge.type = (uint8_t)type;
    r.merge.flags = (uint8_t)flags;
    r.merge.left_before = r.merge.right_before = 10;
    return r;
}

/* Root 2 over leaves 5, 6, 7. */
static void set_up_three(void)
{
    struct buf *b;

    rig_begin(4096);
    put_leaf(5, 0, 10, "", "aa 1 ab 2");
    put_leaf(6, 0, 10, "", "mm 1 !mn 2 mo 3");
    put_leaf(7, 0, 10, "mos", "xx 1 xy 2");
    link_page(5, 0, 6);
    link_page(6, 5, 7);
    link_page(7, 6, 0);
    b = new_page(2, PAGE_ROOT | PAGE_PARENT_OF_LEAF, 10);
    add_child(b, "k", 5);
    add_child(b, "p", 6);
    add_child(b, "", 7);
    put_page(b);
}

static void a_page_without_nodes_leaves_the_tree(void **state)
{
    struct logrec r[2] = {merge_rec(2, 0, LR_MERGE_DELETE_NODE, 1),
                          merge_rec(6, 1, LR_MERGE_EMPTY_PAGE, 0)};

    (void)state;
    set_up_three();
    r[1].merge.pgno_left = 5;
    r[1].merge.pgno_right = 7;
    assert_int_equal(apply_macro(r, 2), JET_errSuccess);
    assert_page(2, "k>5 >7");
    assert_int_equal(head_of(6).flags, PAGE_LEAF | PAGE_EMPTY);
    assert_int_equal(head_of(5).next, 7);
    assert_int_equal(head_of(7).prev, 5);
    assert_dbtime(7, 20);
    rig_end();
}

static void when_the_last_child_goes_the_one_before_has_no_key(void **state)
{
    struct logrec r[2] = {merge_rec(2, 0, LR_MERGE_DELETE_NODE, 2),
                          merge_rec(7, 1, LR_MERGE_EMPTY_PAGE, 0)};

    (void)state;
    set_up_three();
    r[1].merge.pgno_left = 6;
    assert_int_equal(apply_macro(r, 2), JET_errSuccess);
    assert_page(2, "k>5 >6");
    assert_int_equal(head_of(6).next, 0);
    rig_end();
}

static void live_nodes_go_to_the_sibling(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        struct logrec right[2] = {merge_rec(2, 0, LR_MERGE_DELETE_NODE, 1),
                                  merge_rec(6, 2, LR_MERGE_EMPTY_PAGE, 0)};
        struct logrec left[2] = {merge_rec(2, 0, LR_MERGE_DELETE_NODE | LR_MERGE_KEY_CHANGE, 1),
                                 merge_rec(6, 5, LR_MERGE_EMPTY_PAGE, 0)};

        set_up_three();
        right[1].merge.pgno_left = 5;
        right[1].merge.pgno_right = 7;
        right[1].merge.image = image_of(6, 20);
        if (lost) { /* the source is newer already, the destination is not */
            struct buf *b = new_page(6, PAGE_LEAF, 40);
            put_page(b);
        }
        assert_int_equal(apply_macro(right, 2), JET_errSuccess);
        assert_page(7, "mm 1 mo 3 xx 1 xy 2");
        assert_page(2, "k>5 >7");
        assert_dbtime(6, lost ? 40 : 20);
        rig_end();

        set_up_three();
        left[1].merge.pgno_left = 5;
        left[1].merge.pgno_right = 7;
        left[1].merge.iline_merge = 2;
        assert_int_equal(apply_macro(left, 2), JET_errSuccess);
        assert_page(5, "aa 1 ab 2 mm 1 mo 3");
        assert_page(2, "p>5 >7");
        rig_end();
    }
}

static void a_part_of_the_nodes_moves_the_separator(void **state)
{
    struct logrec right[2] = {merge_rec(2, 0, LR_MERGE_KEY_CHANGE, 1), merge_rec(6, 3, 0, 0)};
    struct logrec left[2] = {merge_rec(2, 0, LR_MERGE_KEY_CHANGE, 1), merge_rec(6, 6, 0, 0)};

    (void)state;
    set_up_three();
    right[1].merge.pgno_left = 5;
    right[1].merge.pgno_right = 7;
    right[1].merge.iline_merge = 1;
    right[1].merge.key_parent = str("mn");
    assert_int_equal(apply_macro(right, 2), JET_errSuccess);
    assert_page(6, "mm 1");
    assert_page(7, "mo 3 xx 1 xy 2");
    assert_page(2, "k>5 mn>6 >7");
    assert_int_equal(head_of(5).next, 6);
    rig_end();

    set_up_three();
    left[1].merge.pgno_left = 5;
    left[1].merge.pgno_right = 7;
    left[1].merge.iline_merge = 1;
    left[1].merge.key_parent = str("mo");
    assert_int_equal(apply_macro(left, 2), JET_errSuccess);
    assert_page(5, "aa 1 ab 2 mm 1");
    assert_page(6, "mo 3");
    assert_page(2, "mo>5 p>6 >7");
    rig_end();
}

static void merges_that_contradict_themselves_are_refused(void **state)
{
    struct logrec r[2], good[2] = {merge_rec(2, 0, LR_MERGE_DELETE_NODE, 1),
                                   merge_rec(6, 2, LR_MERGE_EMPTY_PAGE, 0)};
    struct buf *b;

    (void)state;
    set_up_three();
    good[1].merge.pgno_left = 5;
    good[1].merge.pgno_right = 7;
#define REFUSED(change, err)                      \
    do {                                          \
        memcpy(r, good, sizeof(r));               \
        change;                                   \
        assert_int_equal(apply_macro(r, 2), err); \
        assert_dbtime(6, 10);                     \
        assert_dbtime(7, 10);                     \
    } while (0)
    REFUSED(r[1].merge.type = 4, JET_errLogFileCorrupt);
    REFUSED(r[1].merge.type = 9, JET_errLogFileCorrupt);
    REFUSED(r[1].merge.pgno_right = 0, JET_errLogFileCorrupt);
    REFUSED(r[1].type = LR_DELETE, JET_errLogFileCorrupt);
    REFUSED(r[0].iline = 9, JET_errLogOperationInconsistentWithDatabase);
    REFUSED(r[0].pgno = 5; r[1].merge.pgno_left = 0, JET_errLogOperationInconsistentWithDatabase);
    REFUSED(r[1].merge.iline_merge = 4, JET_errLogOperationInconsistentWithDatabase);
    REFUSED(r[1].merge.right_before = 9, JET_errDbTimeTooNew);
#undef REFUSED
    b = new_page(6, PAGE_LEAF, 40);
    put_page(b);
    assert_int_equal(apply_macro(good, 2), JET_errDatabaseBufferDependenciesCorrupted);
    rig_end();
}

/* ---- moves ---- */

static struct logrec move_rec(pgno_t from, pgno_t to, unsigned flags)
{
    struct logrec r = record(LR_PAGE_MOVE, from, 0, 10, 20);

    r.move.pgno_dest = to;
    r.move.flags = flags;
    return r;
}

static void a_page_moves_with_everything_that_points_to_it(void **state)
{
    struct logrec r;

    (void)state;
    set_up_three();
    r = move_rec(6, 30, 0);
    r.move.pgno_left = 5;
    r.move.pgno_right = 7;
    r.move.pgno_parent = 2;
    r.move.iline_parent = 1;
    r.move.left_before = r.move.right_before = r.move.parent_before = 10;
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_page(30, "mm 1 !mn 2 mo 3");
    assert_page(2, "k>5 p>30 >7");
    assert_int_equal(head_of(5).next, 30);
    assert_int_equal(head_of(7).prev, 30);
    assert_int_equal(head_of(30).prev, 5);
    assert_int_equal(head_of(6).flags, PAGE_LEAF | PAGE_EMPTY);
    assert_dbtime(30, 20);
    rig_end();
}

static void a_moved_page_that_was_lost_is_in_the_record(void **state)
{
    struct logrec r;

    (void)state;
    set_up_three();
    r = move_rec(6, 30, 0);
    r.move.pgno_parent = 2;
    r.move.iline_parent = 1;
    r.move.parent_before = 10;
    r.move.header = image_of(6, 20);
    r.move.header.len = 1000;
    r.move.trailer = (struct slice){image_of(6, 20).p + 3000, 1096};
    put_page(new_page(6, PAGE_LEAF, 50));
    assert_int_equal(apply(&r), JET_errSuccess);
    assert_page(30, "mm 1 !mn 2 mo 3");
    assert_dbtime(6, 50);
    r.dbtime_before = 50;
    r.dbtime = 60;
    r.move.pgno_parent = 5; /* a page that does not point to it */
    assert_int_equal(apply(&r), JET_errLogOperationInconsistentWithDatabase);
    r.move.flags = 1;
    assert_int_equal(apply(&r), JET_errLogFileCorrupt);
    rig_end();
}

static void put_root(pgno_t pgno, pgno_t oe)
{
    struct space_hdr_disk h = {.flags = {SPACE_MULTIPLE}};
    struct buf *b = new_page(pgno, PAGE_ROOT | PAGE_LEAF, 10);

    le32_put(&h.cpg, 3);
    le32_put(&h.pgno_oe_or_bitmap, oe);
    assert_int_equal(page_set_external_header((struct edit){b->b, b->size},
                                              (struct slice){(const uint8_t *)&h, sizeof(h)}),
                     0);
    put_page(b);
}

static void a_root_moves_with_its_space_trees(void **state)
{
    struct space_hdr_disk child = {.flags = {0}};
    struct logrec r[6];
    struct space_header h;
    struct head head;

    (void)state;
    rig_begin(4096);
    put_root(40, 41);
    put_leaf(41, PAGE_ROOT | PAGE_SPACE_TREE, 10, "", "o 1");
    put_leaf(42, PAGE_ROOT | PAGE_SPACE_TREE, 10, "", "a 1");
    put_root(60, 61);
    put_leaf(8, 0, 10, "", "row old");
    le32_put(&child.pgno_parent, 80);
    r[0] = record(LR_ROOT_PAGE_MOVE, 0, 0, 0, 20);
    r[1] = move_rec(40, 80, 1);
    r[2] = move_rec(41, 81, 2);
    r[3] = move_rec(42, 82, 4);
    r[4] = record(LR_SET_EXTERNAL_HEADER, 60, 0, 10, 20);
    r[4].external_header = (struct slice){(const uint8_t *)&child, sizeof(child)};
    r[5] = record(LR_REPLACE, 8, 0, 10, 20);
    r[5].replace.data = str("new");
    assert_int_equal(apply_macro(r, 3), JET_errLogFileCorrupt);
    assert_int_equal(apply_macro(r, 6), JET_errSuccess);
    head = head_of(80);
    assert_null(space_header_decode((struct slice){head.header, head.prefix_len}, &h));
    assert_int_equal(h.pgno_oe, 81);
    assert_page(81, "o 1");
    assert_page(82, "a 1");
    assert_page(8, "row new");
    assert_int_equal(get_le32(head_of(60).header + 4), 80);
    assert_true(head_of(41).flags & PAGE_EMPTY);
    assert_dbtime(80, 20);
    rig_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_split_moves_the_upper_lines),
        cmocka_unit_test(a_new_page_that_was_lost_is_made_from_the_image),
        cmocka_unit_test(without_an_image_it_is_lost),
        cmocka_unit_test(an_append_needs_only_the_new_node),
        cmocka_unit_test(a_vertical_split_empties_the_root_into_a_new_page),
        cmocka_unit_test(a_replace_makes_its_node_longer_on_the_way),
        cmocka_unit_test(internal_pages_split_with_the_separator),
        cmocka_unit_test(nothing_is_changed_when_one_page_does_not_fit),
        cmocka_unit_test(splits_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_page_without_nodes_leaves_the_tree),
        cmocka_unit_test(when_the_last_child_goes_the_one_before_has_no_key),
        cmocka_unit_test(live_nodes_go_to_the_sibling),
        cmocka_unit_test(a_part_of_the_nodes_moves_the_separator),
        cmocka_unit_test(merges_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_page_moves_with_everything_that_points_to_it),
        cmocka_unit_test(a_moved_page_that_was_lost_is_in_the_record),
        cmocka_unit_test(a_root_moves_with_its_space_trees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
