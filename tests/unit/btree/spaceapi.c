/* Space of a running database, one thing at a time: what is asked for, what ESE left, what is
 * damaged, and threads. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "btree/redo_int.h"
#include "btree/spacewrite_priv.h"
#include "spacetest.h"

static struct space_header header_of(const struct model_tree *t, uint32_t *ret_len)
{
    struct space_header h;
    struct buf *b;

    assert_ok(buf_get(fix.db.pool, t->root, BUF_READ, &b));
    assert_null(space_header_decode(page_external_header((struct page){b->b, b->size}), &h));
    if (ret_len)
        *ret_len = page_external_header((struct page){b->b, b->size}).len;
    buf_put(b);
    return h;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static void an_extent_with_more_pages_than_bits_is_used_whole(void **state)
{
    struct model_tree *t;
    uint32_t owned, available;

    (void)state;
    begin(4096, 254, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 60, false);
    assert_ok(space_count(fix.sess, t->t, &owned, &available));
    assert_int_equal(owned, 60);
    assert_int_equal(available, 59);
    for (unsigned i = 1; i <= 32; i++)
        assert_int_equal(take(t, 0), t->root + i);
    assert_false(header_of(t, NULL).multiple);
    assert_ok(space_count(fix.sess, t->t, &owned, &available));
    assert_int_equal(available, 27);
    give(t, 5);
    assert_int_equal(take(t, 0), t->root + 6);
    for (unsigned i = 33; i < 60; i++) /* the first of them makes extent trees */
        assert_int_equal(take(t, 0), t->root + i);
    assert_true(header_of(t, NULL).multiple);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void a_page_is_taken_behind_its_neighbour(void **state)
{
    struct model_tree *t;
    pgno_t page[40];

    (void)state;
    begin(4096, 254, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    for (unsigned i = 0; i < 40; i++)
        page[i] = take(t, 0);
    for (unsigned i = 5; i < 40; i += 10)
        for (unsigned k = 0; k < t->nr_used; k++)
            if (t->used[k] == page[i])
                give(t, k);
    assert_int_equal(take(t, page[20]), page[25]);
    assert_int_equal(take(t, page[14]), page[15]);
    assert_int_equal(take(t, page[39]), page[39] + 1); /* of those never taken */
    assert_int_equal(take(t, page[0]), page[5]);
    assert_int_equal(take(t, page[30]), page[35]);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void counts_are_those_of_the_extents(void **state)
{
    struct model_tree *t, *index;
    uint32_t owned, available, of_root;

    (void)state;
    begin(4096, 254, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 3, true);
    index = create(t, SPACE_NEW_INDEX, 7, false);
    assert_ok(space_count(fix.sess, t->t, &owned, &available));
    assert_int_equal(owned, 10);
    assert_int_equal(available, 0);
    assert_ok(space_count(fix.sess, index->t, &owned, &available));
    assert_int_equal(owned, 7);
    assert_int_equal(available, 6);
    assert_ok(space_count(fix.sess, model.tree[0].t, &owned, &of_root));
    assert_int_equal(owned, 254);
    assert_int_equal(of_root, 254 - 3 - 10);
    drop(t);
    assert_ok(space_count(fix.sess, model.tree[0].t, &owned, &available));
    assert_int_equal(available, of_root + 10);
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void a_database_grows_when_it_is_told_to(void **state)
{
    uint32_t last, owned, available;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(space_grow(fix.sess, &fix.db, 100, &last));
    assert_int_equal(last, 46 + 112);
    assert_int_equal(fix.db.pgno_last, last);
    assert_int_equal(fix.sess->level, 0);
    assert_ok(space_count(fix.sess, model.tree[0].t, &owned, &available));
    assert_int_equal(owned, last);
    assert_int_equal(available, last - 3);
    check();
    end();
}

static void a_database_does_not_grow_beyond_its_limit(void **state)
{
    struct model_tree *t;
    pgno_t pgno;
    uint32_t last;
    JET_ERR err = JET_errSuccess;

    (void)state;
    begin(4096, 46, 20, 16);
    fix.db.pgno_max = 100;
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    for (unsigned i = 0; i < 100 && err >= 0; i++) {
        err = space_alloc_page(fix.sess, t->t, 0, &pgno);
        if (err >= 0) {
            t->used = realloc(t->used, (i + 1) * sizeof(*t->used));
            t->used[t->nr_used++] = pgno;
        }
    }
    assert_int_equal(err, JET_errOutOfDatabaseSpace);
    assert_int_equal(t->nr_used, 100 - 3 - 1 - 2); /* all there is */
    assert_int_equal(fix.db.pgno_last, 100);
    assert_int_equal(space_grow(fix.sess, &fix.db, 1, &last), JET_errOutOfDatabaseSpace);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void a_counter_in_the_root_stays_through_all_changes(void **state)
{
    struct model_tree *t;
    struct space_header h;
    uint32_t len;

    (void)state;
    begin(4096, 254, 110, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 4, false);
    h = header_of(t, &len);
    assert_false(h.has_auto_inc);
    assert_int_equal(len, 16);
    assert_ok(space_set_auto_inc(fix.sess, t->t, 0));
    for (unsigned i = 0; i < 40; i++) { /* the map, extent trees, the size of the last extent */
        take(t, 0);
        h = header_of(t, &len);
        assert_true(h.has_auto_inc);
        assert_int_equal(h.auto_inc, i);
        assert_int_equal(len, 25);
        assert_ok(space_set_auto_inc(fix.sess, t->t, i + 1));
    }
    assert_true(h.v2 && h.multiple);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void a_full_root_has_no_room_for_a_counter(void **state)
{
    struct model_tree *t;
    uint8_t data[1000] = {0};
    struct buf *b;

    (void)state;
    begin(4096, 254, 110, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 4, false);
    assert_ok(buf_get_latched(fix.db.pool, t->root, BUF_READ, BUF_EXCLUSIVE, &b));
    for (uint8_t key = 0; key < 5; key++) {
        const struct page p = {b->b, b->size};
        const uint32_t room = page_free(p) - 4 - 2 - 1;

        if (room > b->size)
            break;
        assert_ok(redo_insert((struct edit){b->b, b->size}, key, 0, (struct redo_key){{{&key, 1}}},
                              (struct slice){data, room < 1000 ? room : 1000}));
    }
    page_set_uncommitted((struct edit){b->b, b->size}, 0);
    trx_dirty(fix.sess, b, wal_tip(fix.in.wal));
    buf_release(b, BUF_EXCLUSIVE);
    assert_int_equal(space_set_auto_inc(fix.sess, t->t, 1), JET_errRecordTooBig);
    assert_false(header_of(t, NULL).has_auto_inc);
    take(t, 0); /* a header of the same length fits */
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static uint32_t last_size(const struct model_tree *t)
{
    const struct space_header h = header_of(t, NULL);

    return h.v2 ? h.cpg_first : 0;
}

/* An extent may be larger than what was asked for: how many pages there are until the next one is
 * not known. */
static uint32_t next_size(struct model_tree *t)
{
    const uint32_t before = last_size(t);

    for (unsigned i = 0; i < 200 && last_size(t) == before; i++)
        take(t, 0);
    return last_size(t);
}

/* ESE: CpgSPIGetNextAlloc. */
static void space_hints_say_how_a_tree_grows(void **state)
{
    struct model_tree *t;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 3, true);
    t->t->hint_min = t->t->hint_max = 24;
    assert_int_equal(next_size(t), 24);
    for (unsigned i = 0; i < 100; i++)
        take(t, 0);
    assert_int_equal(last_size(t), 24);
    t->t->hint_min = 0;
    t->t->hint_max = 60;
    t->t->hint_growth = 200;
    assert_int_equal(next_size(t), 48);
    assert_int_equal(next_size(t), 60);
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    t->t->hint_min = 10;
    take(t, 0); /* extent trees, in an extent that the hints made larger */
    assert_int_equal(take(t, 0), t->used[0] + 1);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

/* ---- tree objects ---------------------------------------------------------------------------- */

static void a_tree_has_one_object_and_the_next_one_at_its_root_another(void **state)
{
    struct tree *a, *b, *c;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(tree_get(&fix.db, 20, 8, true, 0, 1, &a));
    assert_ok(tree_get(&fix.db, 20, 8, true, 0, 1, &b));
    assert_ptr_equal(a, b);
    assert_ok(tree_get(&fix.db, 20, 9, false, PAGE_NON_UNIQUE, 1, &c));
    assert_ptr_not_equal(a, c);
    tree_put(b);
    atomic_store(&a->deleted, true);
    assert_ok(tree_get(&fix.db, 20, 10, true, 0, 1, &b)); /* a is in use */
    assert_ptr_not_equal(a, b);
    tree_put(a);
    assert_ok(tree_get(&fix.db, 20, 11, false, PAGE_INDEX, 7, &c)); /* a is not */
    assert_ptr_equal(a, c);
    assert_int_equal(c->objid, 11);
    assert_int_equal(c->pgno_parent, 7);
    assert_false(c->unique || c->space || atomic_load(&c->deleted));
    for (pgno_t p = 100; p < 5000; p++) {
        assert_ok(tree_get(&fix.db, p, p, true, 0, 1, &a));
        tree_put(a);
    }
    for (pgno_t p = 100; p < 5000; p++) {
        assert_ok(tree_get(&fix.db, p, p, true, 0, 1, &a));
        assert_true(a->root == p && a->objid == p && a->db == &fix.db);
        tree_put(a);
    }
    end();
}

/* ---- what other engines leave ---------------------------------------------------------------- */

/* An extent of a pool that nobody but ESE fills, put into a page by hand. */
static void add_of_pool(const struct model_tree *t, unsigned pool, pgno_t last, uint32_t cpg)
{
    uint8_t key[5] = {(uint8_t)(0x80 | pool), (uint8_t)(last >> 24), (uint8_t)(last >> 16),
                      (uint8_t)(last >> 8), (uint8_t)last};
    uint8_t data[4];
    struct buf *b;

    put_le32(data, cpg);
    assert_ok(
        buf_get_latched(fix.db.pool, header_of(t, NULL).pgno_oe + 1, BUF_READ, BUF_EXCLUSIVE, &b));
    assert_ok(redo_insert((struct edit){b->b, b->size}, page_nr_lines((struct page){b->b, b->size}),
                          0, (struct redo_key){{{key, 5}}}, (struct slice){data, 4}));
    trx_dirty(fix.sess, b, wal_tip(fix.in.wal));
    buf_release(b, BUF_EXCLUSIVE);
}

static unsigned nr_of_pool(const struct model_tree *t, unsigned pool)
{
    struct buf *b;
    unsigned nr = 0;

    assert_ok(buf_get(fix.db.pool, header_of(t, NULL).pgno_oe + 1, BUF_READ, &b));
    for (unsigned i = 0; i < page_nr_lines((struct page){b->b, b->size}); i++) {
        const struct node n = page_node((struct page){b->b, b->size}, i);
        nr += !(n.flags & NODE_DELETED) && n.suffix.len == 5 && n.suffix.p[0] == (0x80 | pool);
    }
    buf_put(b);
    return nr;
}

static void pages_of_the_contiguous_pool_are_taken_last_and_its_marks_go_with_their_extent(
    void **state)
{
    struct model_tree *t;
    uint32_t owned, available;

    (void)state;
    begin(4096, 254, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    for (unsigned i = 0; i < 5; i++)
        take(t, 0); /* one page with the extent trees, then an extent of four pages */
    assert_ok(space_count(fix.sess, t->t, &owned, &available));
    assert_int_equal(available, 0);
    add_of_pool(t, SPACE_POOL_CONTIGUOUS, t->used[3], 0);
    add_of_pool(t, SPACE_POOL_CONTIGUOUS, t->used[4], 1);
    t->nr_used--;
    check();
    assert_int_equal(take(t, 0), t->used[3] + 1);
    assert_int_equal(nr_of_pool(t, SPACE_POOL_CONTIGUOUS), 1);
    while (t->nr_used > 1)
        give(t, 1);
    assert_int_equal(nr_of_pool(t, SPACE_POOL_CONTIGUOUS), 0);
    assert_ok(space_count(fix.sess, t->t, &owned, &available));
    assert_int_equal(owned, 4);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void shelved_pages_are_not_available_when_the_file_reaches_them(void **state)
{
    struct model_tree *root;
    uint32_t last;

    (void)state;
    begin(4096, 46, 20, 16);
    root = &model.tree[0];
    add_of_pool(root, SPACE_POOL_SHELVED, 47, 1);
    add_of_pool(root, SPACE_POOL_SHELVED, 50, 1);
    add_of_pool(root, SPACE_POOL_SHELVED, 90, 1);
    assert_ok(space_grow(fix.sess, &fix.db, 16, &last));
    assert_int_equal(last, 78); /* 16 pages in one piece were not there before that */
    assert_int_equal(nr_of_pool(root, SPACE_POOL_SHELVED), 1);
    root->used = malloc(2 * sizeof(*root->used));
    root->used[0] = 47;
    root->used[1] = 50;
    root->nr_used = 2;
    check();
    end();
}

/* Two pieces that are too small together: one of them makes room and is available again. */
static void a_split_buffer_in_pieces_is_put_right(void **state)
{
    struct extent piece[2];
    struct model_tree *t;
    struct sp x;

    (void)state;
    begin(2048, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 3, true);
    for (unsigned i = 0; i < 1000; i++)
        take(t, 0);
    for (unsigned i = 999; i > 400; i -= 2)
        give(t, i);
    pthread_mutex_lock(&fix.db.space_lock);
    assert_ok(sp_open(&x, fix.sess, t->t));
    for (enum space_kind kind = SPACE_OWNED; kind <= SPACE_AVAILABLE; kind++) {
        assert_ok(sp_read_buffer(&x, kind, piece));
        for (unsigned i = 0; i < 2; i++) { /* back to the tree, in the end */
            for (uint32_t k = 0; k < piece[i].cpg; k++)
                t->used[t->nr_used++] = piece[i].last - k;
            piece[i] = (struct extent){.last = t->used[i], .cpg = 1};
        }
        assert_ok(sp_write_buffer(&x, kind, piece));
        t->used[0] = t->used[--t->nr_used];
        t->used[1] = t->used[--t->nr_used];
    }
    assert_ok(sp_reserve(&x));
    sp_close(&x);
    pthread_mutex_unlock(&fix.db.space_lock);
    check();
    for (unsigned i = 0; i < 200; i++)
        give(t, below(t->nr_used));
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

static void forget_behind(pgno_t last, enum space_kind kind)
{
    struct sp_node n;
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&fix.db.space_lock);
    assert_ok(sp_open(&x, fix.sess, model.tree[0].t));
    while ((err = sp_find(&x, kind, SPACE_POOL_GENERAL, last + 1, NULL, NULL, &n)) >= 0)
        assert_ok(sp_remove(&x, kind, &n));
    assert_int_equal(err, JET_errNoCurrentRecord);
    sp_close(&x);
    pthread_mutex_unlock(&fix.db.space_lock);
}

/* The page before the first extent on the last leaf of the root's OE. */
static pgno_t end_of_last_but_one_leaf(void)
{
    uint8_t key[8];
    struct sp_node last;
    struct node first;
    struct buf *b;
    struct sp x;
    pgno_t pgno;

    pthread_mutex_lock(&fix.db.space_lock);
    assert_ok(sp_open(&x, fix.sess, model.tree[0].t));
    assert_ok(sp_find_last(&x, SPACE_OWNED, &last));
    sp_close(&x);
    pthread_mutex_unlock(&fix.db.space_lock);
    assert_ok(buf_get(fix.db.pool, last.pgno, BUF_READ, &b));
    first = page_node((struct page){b->b, b->size}, 0);
    assert_int_equal(node_key(&first, key), 4);
    pgno = get_be32(key) - get_le32(first.data.p);
    buf_put(b);
    return pgno;
}

/* As ESE shrinks a database: the last nodes of the root's trees are there and flagged as deleted. */
static void a_database_that_shrank_grows_again(void **state)
{
    uint32_t last;
    pgno_t end_now;

    (void)state;
    begin(2048, 4, 20, 1);
    for (unsigned i = 0; i < 400; i++)
        assert_ok(space_grow(fix.sess, &fix.db, 1, &last));
    check();
    end_now = end_of_last_but_one_leaf();
    assert_true(end_now > 200); /* the pages of the extent trees lie before it */
    assert_ok(trx_begin(fix.sess));
    forget_behind(end_now, SPACE_AVAILABLE);
    forget_behind(end_now, SPACE_OWNED);
    assert_ok(trx_commit(fix.sess, true));
    check();
    assert_ok(space_grow(fix.sess, &fix.db, 1, &last));
    assert_int_equal(last, end_now + 1);
    for (unsigned i = 0; i < 300; i++)
        assert_ok(space_grow(fix.sess, &fix.db, 1, &last));
    check();
    end();
}

/* ---- a file that cannot grow ----------------------------------------------------------------- */

static void without_room_on_the_disk_nothing_is_changed(void **state)
{
    struct rlimit old, tight;
    struct model_tree *t;
    pgno_t pgno;
    JET_ERR err;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    check();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 48 * 4096;
    fix.in.conf.log_file_kib = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    do {
        err = space_alloc_page(fix.sess, t->t, 0, &pgno);
        if (err >= 0) {
            t->used = realloc(t->used, (t->nr_used + 1) * sizeof(*t->used));
            t->used[t->nr_used++] = pgno;
        }
    } while (err >= 0);
    t->room = t->nr_used;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(t->nr_used > 10);
    assert_true(fix.nr_faults > 0);
    fix.nr_faults = 0;
    check();
    take(t, 0);
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void spoil(const struct model_tree *t)
{
    const struct space_header h = header_of(t, NULL);
    struct buf *b;
    struct edit e;
    unsigned nr, line;
    uint8_t data[4], *p;

    assert_ok(buf_get_latched(fix.db.pool, h.pgno_oe + below(2), BUF_READ, BUF_EXCLUSIVE, &b));
    e = (struct edit){b->b, b->size};
    nr = page_nr_lines(edit_page(e));
    line = nr ? below(nr) : 0;
    put_le32(data, (uint32_t)(below(3) ? below(300) : rnd()));
    switch (nr ? below(6) : 5) {
    case 0:
        assert_ok(page_replace(e, line, (struct slice){data, 4}));
        break;
    case 1:
        assert_ok(page_replace(e, line, (struct slice){data, below(4)}));
        break;
    case 2:
        assert_ok(page_delete(e, line));
        break;
    case 3:
        assert_ok(page_set_node_flags(e, line, NODE_DELETED, 0));
        break;
    case 4:
        p = page_node_data(e, line, 0, 1);
        if (p)
            *p ^= (uint8_t)(1u << below(8));
        break;
    default:
        page_set_links(e, below(100), below(2) ? b->pgno : below(100));
    }
    assert_null(page_check_structure(b->b, b->size));
    trx_dirty(fix.sess, b, wal_tip(fix.in.wal));
    buf_release(b, BUF_EXCLUSIVE);
}

static void expect_fault(JET_ERR err, JET_ERR expected)
{
    assert_int_equal(err, expected);
    assert_true(fix.nr_faults > 0);
    fix.nr_faults = 0;
}

static void set_parent(const struct model_tree *t, pgno_t parent)
{
    struct space_header h = header_of(t, NULL);
    struct space_hdr_disk d = {.flags = {h.multiple ? SPACE_MULTIPLE : 0}};
    struct buf *b;

    le32_put(&d.cpg, h.cpg_first);
    le32_put(&d.pgno_parent, parent);
    le32_put(&d.pgno_oe_or_bitmap, h.multiple ? h.pgno_oe : h.bitmap);
    assert_ok(buf_get_latched(fix.db.pool, t->root, BUF_READ, BUF_EXCLUSIVE, &b));
    assert_ok(redo_set_space_header((struct edit){b->b, b->size}, &d));
    trx_dirty(fix.sess, b, wal_tip(fix.in.wal));
    buf_release(b, BUF_EXCLUSIVE);
}

static void pages_that_are_not_the_trees_are_refused(void **state)
{
    struct model_tree *a, *b, *c;
    struct tree *no_tree;
    uint32_t owned, available;
    pgno_t pgno;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    a = create(&model.tree[0], SPACE_NEW_TABLE, 4, false);
    b = create(&model.tree[0], SPACE_NEW_TABLE, 4, true);
    c = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    expect_fault(space_free_pages(fix.sess, a->t, b->root, 1), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_pages(fix.sess, a->t, a->root + 1, 1), JET_errSPAvailExtCorrupted);
    expect_fault(space_free_pages(fix.sess, a->t, a->root, 1), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_pages(fix.sess, b->t, a->root, 1), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_pages(fix.sess, b->t, b->root + 3, 1), JET_errSPAvailExtCorrupted);
    expect_fault(space_free_pages(fix.sess, b->t, b->root + 2, 9), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_pages(fix.sess, b->t, 0, 1), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_pages(fix.sess, b->t, 1u << 20, UINT32_MAX), JET_errSPOwnExtCorrupted);
    expect_fault(space_free_tree(fix.sess, a->t, b->root, b->objid), JET_errDatabaseCorrupted);
    expect_fault(space_free_tree(fix.sess, model.tree[0].t, b->root, b->objid + 7),
                 JET_errDatabaseCorrupted);
    check();
    assert_ok(tree_get(&fix.db, b->root + 1, b->objid, true, 0, 1, &no_tree));
    expect_fault(space_count(fix.sess, no_tree, &owned, &available), JET_errDatabaseCorrupted);
    tree_put(no_tree);
    assert_ok(tree_get(&fix.db, 1u << 20, 99, true, 0, 1, &no_tree));
    expect_fault(space_count(fix.sess, no_tree, &owned, &available), JET_errDatabaseCorrupted);
    tree_put(no_tree);
    set_parent(c, c->root);
    expect_fault(space_alloc_page(fix.sess, c->t, 0, &pgno), JET_errDatabaseCorrupted);
    set_parent(c, a->root);
    set_parent(a, b->root);
    expect_fault(space_alloc_page(fix.sess, c->t, 0, &pgno), JET_errDatabaseCorrupted);
    assert_ok(trx_commit(fix.sess, true));
    end();
}

/* Whatever extents say: an error or not, but an end, and no page beyond the file. */
static void damaged_extent_trees_end_in_errors(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        begin(below(2) ? 2048 : 4096, 46, 20, 16);
        assert_ok(trx_begin(fix.sess));
        for (unsigned i = 0; i < 4; i++)
            create(i < 2 ? &model.tree[0] : &model.tree[1], SPACE_NEW_TABLE, 3, true);
        for (unsigned i = 0; i < 300; i++)
            take(&model.tree[1 + below(4)], 0);
        for (unsigned i = 0; i < 100; i++) {
            struct model_tree *t = &model.tree[1 + below(4)];
            if (t->nr_used)
                give(t, below(t->nr_used));
        }
        for (unsigned i = 0; i < 200 && inst_check(&fix.in) >= 0; i++) {
            struct model_tree *t = &model.tree[1 + below(4)];
            pgno_t pgno = 1 + below(400);
            JET_ERR err;

            if (i % 20 == 0)
                spoil(&model.tree[below(5)]);
            if (below(2) && t->nr_used) {
                err = space_free_pages(fix.sess, t->t, below(4) ? t->used[below(t->nr_used)] : pgno,
                                       1 + below(3));
            } else {
                err = space_alloc_page(fix.sess, t->t, pgno, &pgno);
                if (err >= 0)
                    assert_in_range(pgno, 1, fix.db.pgno_last);
            }
        }
        fix.nr_faults = 0;
        if (inst_check(&fix.in) >= 0)
            assert_ok(trx_commit(fix.sess, true));
        end();
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

#define NR_THREADS 4
#define NR_KEPT    200

struct worker {
    pthread_t thread;
    struct sess *s;
    struct tree *root;
    struct tree *table;
    uint64_t rng;
    pgno_t used[NR_KEPT];
    unsigned nr;
    pgno_t tree[2]; /* index of its own, its root */
    JET_ERR err;
};

static uint64_t next(struct worker *w)
{
    w->rng ^= w->rng >> 12;
    w->rng ^= w->rng << 25;
    w->rng ^= w->rng >> 27;
    return w->rng * UINT64_C(2685821657736338717);
}

static JET_ERR step(struct worker *w)
{
    objid_t objid;
    pgno_t pgno;
    JET_ERR err;

    if (next(w) % 16 == 0) {
        err = space_create_tree(w->s, w->root, SPACE_NEW_TABLE, 1 + (uint32_t)(next(w) % 5), false,
                                &pgno, &objid);
        return err < 0 ? err : space_free_tree(w->s, w->root, pgno, objid);
    }
    if (w->nr && (w->nr == NR_KEPT || next(w) % 2)) {
        const unsigned i = (unsigned)(next(w) % w->nr);

        pgno = w->used[i];
        w->used[i] = w->used[--w->nr];
        return space_free_pages(w->s, w->table, pgno, 1);
    }
    return space_alloc_page(w->s, w->table, 0, &w->used[w->nr++]);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < 300 && w->err >= 0; i++) {
        w->err = trx_begin(w->s);
        for (unsigned k = 0; k < 5 && w->err >= 0; k++)
            w->err = step(w);
        if (w->err >= 0)
            w->err = trx_commit(w->s, true);
    }
    return NULL;
}

struct writer {
    pthread_t thread;
    _Atomic bool stop;
    JET_ERR err;
};

/* Pages go to the file all the time, while they are made and changed. */
static void *write_pages(void *arg)
{
    struct writer *w = arg;

    while (w->err >= 0 && !atomic_load(&w->stop)) {
        w->err = bufpool_write(fix.db.pool, UINT64_MAX);
        usleep(200);
    }
    return NULL;
}

static void sessions_of_many_threads_share_space(void **state)
{
    struct worker w[NR_THREADS];
    struct writer writer = {.stop = false};

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    for (unsigned i = 0; i < NR_THREADS; i++) {
        struct model_tree *t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);

        w[i] = (struct worker){
            .s = instfix_session(&fix), .root = model.tree[0].t, .table = t->t, .rng = rnd() | 1};
    }
    assert_ok(trx_commit(fix.sess, true));
    assert_int_equal(pthread_create(&writer.thread, NULL, write_pages, &writer), 0);
    for (unsigned i = 0; i < NR_THREADS; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    for (unsigned i = 0; i < NR_THREADS; i++) {
        struct model_tree *t = &model.tree[1 + i];

        pthread_join(w[i].thread, NULL);
        assert_ok(w[i].err);
        t->used = malloc(NR_KEPT * sizeof(*t->used));
        memcpy(t->used, w[i].used, NR_KEPT * sizeof(*t->used));
        t->nr_used = w[i].nr;
    }
    atomic_store(&writer.stop, true);
    pthread_join(writer.thread, NULL);
    assert_ok(writer.err);
    check();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_extent_with_more_pages_than_bits_is_used_whole),
        cmocka_unit_test(a_page_is_taken_behind_its_neighbour),
        cmocka_unit_test(counts_are_those_of_the_extents),
        cmocka_unit_test(a_database_grows_when_it_is_told_to),
        cmocka_unit_test(a_database_does_not_grow_beyond_its_limit),
        cmocka_unit_test(a_counter_in_the_root_stays_through_all_changes),
        cmocka_unit_test(a_full_root_has_no_room_for_a_counter),
        cmocka_unit_test(space_hints_say_how_a_tree_grows),
        cmocka_unit_test(a_tree_has_one_object_and_the_next_one_at_its_root_another),
        cmocka_unit_test(
            pages_of_the_contiguous_pool_are_taken_last_and_its_marks_go_with_their_extent),
        cmocka_unit_test(shelved_pages_are_not_available_when_the_file_reaches_them),
        cmocka_unit_test(a_split_buffer_in_pieces_is_put_right),
        cmocka_unit_test(a_database_that_shrank_grows_again),
        cmocka_unit_test(without_room_on_the_disk_nothing_is_changed),
        cmocka_unit_test(pages_that_are_not_the_trees_are_refused),
        cmocka_unit_test(damaged_extent_trees_end_in_errors),
        cmocka_unit_test(sessions_of_many_threads_share_space),
    };

    rnd_init("spaceapi");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
