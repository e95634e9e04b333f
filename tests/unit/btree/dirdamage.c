/*
 * Pages that are sound each for itself, and nonsense together: wherever links and pointers lead, a
 * call ends, with an error or with something that the pages could be taken for.
 */
#include "instfix.h"

#include "btree/dir_int.h"

static struct instfix fix;
static struct tree *tree;
static struct dir d;
static uint64_t nr_errors;

#define ROWS 1200u

static struct bookmark row(uint32_t i, uint8_t key[16], uint8_t data[8])
{
    memset(key, 'r', 12);
    key[9] = (uint8_t)(i >> 8);
    key[10] = (uint8_t)i;
    memset(data, (int)i, 8);
    return (struct bookmark){{key, 12 + i % 5}, {data, tree->unique ? 0 : 8}};
}

static void set_up(enum instfix_kind kind)
{
    uint8_t key[16] = {0}, data[8];

    instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .cache_pages = 512});
    tree = instfix_tree(&fix, kind);
    assert_ok(dir_init(&d, fix.sess, tree));
    assert_ok(trx_begin(fix.sess));
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct bookmark bm = row(i * 7 % ROWS, key, data);
        assert_ok(dir_insert(&d, bm.key, (struct slice){data, 8}, 0));
    }
    assert_ok(trx_commit(fix.sess, true));
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
}

static void tear_down(void)
{
    dir_done(&d);
    instfix_end(&fix);
}

/* ---- one wrong page, and what is said of it
 * ------------------------------------------------------ */

static pgno_t leaf_of(uint32_t i)
{
    uint8_t key[16] = {0}, data[8];
    const struct bookmark bm = row(i, key, data);

    assert_ok(dir_seek(&d, &bm, DIR_EQ));
    return d.pgno;
}

static struct edit latch(pgno_t pgno, struct buf **ret)
{
    assert_ok(buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_EXCLUSIVE, ret));
    return buf_edit(*ret);
}

static void unlatch(struct buf *b)
{
    assert_null(page_check_structure(b->b, b->size));
    buf_release(b, BUF_EXCLUSIVE);
}

static void expect_fault(JET_ERR err, JET_ERR want)
{
    assert_int_equal(err, want);
    assert_true(atomic_exchange(&fix.nr_faults, 0) > 0);
}

static JET_ERR go_on(bool up)
{
    JET_ERR err = JET_errSuccess;

    while (err >= 0)
        err = up ? dir_next(&d) : dir_prev(&d);
    return err;
}

static JET_ERR scan(bool up)
{
    const JET_ERR err = up ? dir_first(&d) : dir_last(&d);

    return err < 0 ? err : go_on(up);
}

static void links_that_lead_astray_are_reported(void **state)
{
    const pgno_t wrong[] = {0, 1, 2}; /* itself, two leaves back, the root */

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        pgno_t at, back;
        struct buf *b;
        struct edit e;

        set_up(INSTFIX_UNIQUE);
        at = leaf_of(ROWS / 2);
        back = leaf_of(ROWS / 3);
        e = latch(at, &b);
        page_set_next(e, wrong[i] == 0 ? at : wrong[i] == 1 ? back : tree->root);
        unlatch(b);
        expect_fault(scan(true), JET_errBadPageLink);
        e = latch(at, &b);
        page_set_prev(e, wrong[i] == 0 ? at : wrong[i] == 1 ? back : tree->root);
        unlatch(b);
        expect_fault(scan(false), JET_errBadPageLink);
        tear_down();
    }
}

/* Each says of the other that it is its neighbour: only the keys tell. */
static void leaves_in_a_ring_are_reported(void **state)
{
    pgno_t high, low;
    struct buf *b;

    (void)state;
    set_up(INSTFIX_UNIQUE);
    high = leaf_of(ROWS / 2);
    low = leaf_of(ROWS / 3);
    page_set_next(latch(high, &b), low);
    unlatch(b);
    page_set_prev(latch(low, &b), high);
    unlatch(b);
    assert_int_equal(leaf_of(ROWS / 2), high);
    expect_fault(go_on(true), JET_errBadPageLink);
    assert_int_equal(leaf_of(ROWS / 3), low);
    expect_fault(go_on(false), JET_errBadPageLink);
    tear_down();
}

static void pages_that_do_not_belong_are_reported(void **state)
{
    struct bookmark bm;
    struct buf *b;
    uint8_t key[16] = {0}, data[8];
    pgno_t at;

    (void)state;
    set_up(INSTFIX_NON_UNIQUE);
    bm = row(500, key, data);
    at = leaf_of(500);
    le32_put(&edit_hdr(latch(at, &b))->objid_fdp, 99);
    unlatch(b);
    expect_fault(dir_seek(&d, &bm, DIR_EQ), JET_errDatabaseCorrupted);
    assert_ok(trx_begin(fix.sess));
    expect_fault(dir_insert(&d, bm.key, (struct slice){data, 7}, 0), JET_errDatabaseCorrupted);
    le32_put(&edit_hdr(latch(at, &b))->objid_fdp, tree->objid);
    page_set_flags(buf_edit(b), page_flags(buf_page(b)) & ~(uint32_t)PAGE_NON_UNIQUE);
    unlatch(b);
    expect_fault(dir_seek(&d, &bm, DIR_GE), JET_errDatabaseCorrupted);
    expect_fault(scan(true), JET_errBadPageLink);
    assert_ok(trx_rollback(fix.sess));
    tear_down();
}

static void a_tree_that_bites_its_tail_ends(void **state)
{
    struct buf *b;
    struct edit e;

    (void)state;
    set_up(INSTFIX_UNIQUE);
    e = latch(tree->root, &b);
    for (unsigned i = 0; i < page_nr_lines(edit_page(e)); i++)
        put_le32(page_node_data(e, i, 0, 4), tree->root);
    page_set_flags(e, page_flags(edit_page(e)) & ~(uint32_t)PAGE_PARENT_OF_LEAF);
    unlatch(b);
    expect_fault(scan(true), JET_errBadPageLink);
    expect_fault(scan(false), JET_errBadPageLink);
    page_set_flags(latch(tree->root, &b), page_flags(buf_page(b)) | PAGE_PARENT_OF_LEAF);
    unlatch(b);
    expect_fault(scan(true), JET_errBadParentPageLink);
    assert_ok(trx_begin(fix.sess));
    expect_fault(dir_insert(&d, (struct slice){(const uint8_t *)"x", 1},
                            (struct slice){(const uint8_t *)"y", 1}, 0),
                 JET_errBadParentPageLink);
    assert_ok(trx_rollback(fix.sess));
    tear_down();
}

/* ---- any wrong page
 * ------------------------------------------------------------------------------ */

static pgno_t any_page(void)
{
    static const pgno_t wild[] = {0, 1, 2, 0x7fefffff, UINT32_MAX};

    return rnd() % 12 ? 3 + (pgno_t)(rnd() % 70) : wild[rnd() % 5];
}

static void spoil(struct edit e)
{
    static const uint32_t flags[] = {PAGE_ROOT,       PAGE_LEAF,       PAGE_PARENT_OF_LEAF,
                                     PAGE_EMPTY,      PAGE_NON_UNIQUE, PAGE_INDEX,
                                     PAGE_SPACE_TREE, PAGE_PRE_INIT};
    const unsigned nr = page_nr_lines(edit_page(e));
    uint8_t *p;

    switch (rnd() % 8) {
    case 0:
        page_set_next(e, any_page());
        break;
    case 1:
        page_set_prev(e, any_page());
        break;
    case 2:
        page_set_flags(e, page_flags(edit_page(e)) ^ flags[rnd() % 8]);
        break;
    case 3:
        le32_put(&edit_hdr(e)->objid_fdp, (uint32_t)(rnd() % 5));
        break;
    case 4:
        page_set_uncommitted(e, (uint32_t)rnd() % (page_free(edit_page(e)) + 1));
        break;
    case 5:
        if (nr && page_set_node_flags(e, (unsigned)(rnd() % nr), NODE_VERSIONED, 0) < 0)
            fail();
        break;
    case 6:
        if (nr && page_delete(e, (unsigned)(rnd() % nr)) < 0)
            fail();
        break;
    default: /* a child, or a row's first bytes */
        p = nr ? page_node_data(e, (unsigned)(rnd() % nr), 0, 4) : NULL;
        if (p)
            put_le32(p, any_page());
        break;
    }
}

/* As the cache would have refused it, it is put back. */
static void spoil_page(pgno_t pgno)
{
    static uint8_t before[4096];
    struct buf *b;

    if (buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_EXCLUSIVE, &b) < 0)
        return;
    if (!b->blank && !(page_flags(buf_page(b)) & (PAGE_EMPTY | PAGE_PRE_INIT))) {
        memcpy(before, b->b, sizeof(before));
        spoil(buf_edit(b));
        if (page_check_structure(b->b, b->size))
            memcpy(b->b, before, sizeof(before));
    }
    buf_release(b, BUF_EXCLUSIVE);
}

/* Calls may fail, and find what they like; keys of a scan ascend, so it ends. */
static void try_anything(void)
{
    uint8_t key[16] = {0}, data[8];
    const struct bookmark bm = row((uint32_t)rnd() % ROWS, key, data);
    uint64_t a, b;
    JET_ERR err = dir_seek(&d, &bm, (enum dir_seek)(rnd() % 5));

    if (err >= 0 && rnd() % 2)
        err = dir_position(&d, &a, &b);
    if (rnd() % 4 == 0)
        err = dir_goto_position(&d, rnd() % 100, 100);
    for (unsigned i = 0; i < 30; i++)
        err = rnd() % 2 ? dir_next(&d) : dir_prev(&d);
    if (rnd() % 8 == 0)
        err = scan(rnd() % 2);
    if (rnd() % 2)
        err = dir_insert(&d, bm.key, (struct slice){data, 7}, 0);
    if (dir_seek(&d, &bm, DIR_EQ) >= 0) {
        struct dir_node n;
        if (dir_get(&d, &n) >= 0)
            dir_release(&d);
        err = !tree->unique || rnd() % 2 ? dir_flag_delete(&d, 0)
                                         : dir_replace(&d, (struct slice){data, 3}, 0);
    }
    nr_errors += err < 0;
}

static void no_nonsense_stops_or_breaks_it(void **state)
{
    const unsigned rounds =
        getenv("DIRDAMAGE_ROUNDS") ? (unsigned)atoi(getenv("DIRDAMAGE_ROUNDS")) : 60;

    (void)state;
    nr_errors = 0;
    for (unsigned i = 0; i < rounds; i++) {
        set_up(i % 2 ? INSTFIX_UNIQUE : INSTFIX_NON_UNIQUE);
        assert_ok(trx_begin(fix.sess));
        for (unsigned k = 0; k < 60 && inst_check(&fix.in) >= 0; k++) {
            spoil_page(1 + (pgno_t)(rnd() % 70));
            try_anything();
        }
        tear_down();
    }
    assert_true(nr_errors > rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_that_lead_astray_are_reported),
        cmocka_unit_test(leaves_in_a_ring_are_reported),
        cmocka_unit_test(pages_that_do_not_belong_are_reported),
        cmocka_unit_test(a_tree_that_bites_its_tail_ends),
        cmocka_unit_test(no_nonsense_stops_or_breaks_it),
    };

    rnd_init("dirdamage");
    alarm(300); /* what hangs is killed */
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
