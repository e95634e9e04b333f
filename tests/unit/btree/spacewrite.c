/*
 * Space of a running database: trees made, grown, shrunk and dropped at random, and read back from
 * the file; the log of it done again, whole and cut behind every record.
 */
#include "spacelog.h"

static struct model_tree *some_tree(bool tables_only)
{
    for (unsigned tries = 0; tries < 1000; tries++) {
        struct model_tree *t = &model.tree[1 + below(model.nr - 1)];
        if (!t->gone && (!tables_only || t->parent == 1))
            return t;
    }
    return NULL;
}

static void random_step(void)
{
    const unsigned what = below(100);
    struct model_tree *t = model.nr > 1 ? some_tree(what < 8) : NULL;

    if (!t || what < 4) {
        if (model.nr < ARRAY_LEN(model.tree))
            create(&model.tree[0], SPACE_NEW_TABLE, below(4) ? 1 : below(40), below(8) == 0);
    } else if (what < 8) {
        if (model.nr < ARRAY_LEN(model.tree))
            create(t, (enum space_new)(SPACE_NEW_INDEX + below(3)), below(8) ? 1 : below(20),
                   below(8) == 0);
    } else if (what < 65) {
        for (unsigned nr = 1 + below(20); nr; nr--)
            take(t, t->nr_used && below(2) ? t->used[below(t->nr_used)] : t->root);
    } else if (what < 98) {
        for (unsigned nr = 1 + below(25); nr && t->nr_used; nr--)
            give(t, below(t->nr_used));
    } else {
        drop(t);
    }
}

static void random_steps(unsigned nr)
{
    assert_ok(trx_begin(fix.sess));
    for (unsigned i = 0; i < nr; i++)
        random_step();
    assert_ok(trx_commit(fix.sess, true));
}

/* ---- the log again --------------------------------------------------------------------------- */

static void assert_same_pages(struct replay *p)
{
    for (pgno_t pgno = 1; pgno <= fix.db.pgno_last; pgno++) {
        struct buf *a, *b;
        const char *what = NULL;

        assert_ok(buf_get(fix.db.pool, pgno, BUF_READ, &a));
        assert_ok(buf_get(p->db.pool, pgno, BUF_READ, &b));
        if (a->blank != b->blank)
            what = "one is blank";
        else if (!a->blank)
            what = compare_pages((struct page){a->b, a->size}, (struct page){b->b, b->size});
        buf_put(a);
        buf_put(b);
        if (what)
            fail_msg("page %u is not as the log makes it: %s", (unsigned)pgno, what);
    }
}

static bool is_near_a_split(const struct log_list *l, unsigned i)
{
    for (unsigned k = i > 16 ? i - 16 : 0; k < i + 16 && k < l->nr; k++)
        if (l->r[k].rec.type == LR_SPLIT2)
            return true;
    return false;
}

/* every: records between two looks at the space; near splits of extent trees it is looked at behind
 * each one. 0: never. */
static void assert_log_makes_the_same(unsigned every)
{
    struct log_list l;
    struct replay p;
    struct space_map s;
    unsigned last = 0;

    log_list_read(&fix, &l);
    replay_begin(&p, &fix);
    for (unsigned i = 0; i < l.nr;) {
        i = replay_one(&p, &l, i);
        if (!every || !p.has_root || (i < last + every && !is_near_a_split(&l, i)))
            continue;
        last = i;
        assert_ok(bufpool_write(p.db.pool, UINT64_MAX));
        space_check(p.fd, &p.m, &s);
        if (s.why[0])
            fail_msg("cut behind record %u (%s): %s", i - 1, logrec_name(l.r[i - 1].rec.type),
                     s.why);
    }
    assert_same_pages(&p);
    replay_end(&p);
    log_list_done(&l);
}

/* What is in the log only comes back, and nothing is lost: whatever was going on was finished. */
static void crash_and_recover(void)
{
    assert_ok(wal_flush_all(fix.in.wal));
    for (unsigned i = 0; i < model.nr; i++)
        model.tree[i].t = NULL; /* go with the database */
    instfix_crash(&fix);
    instfix_recover(&fix);
    assert_space(fix.db.fd, &model, NULL);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void random_rounds(uint32_t page_size, uint32_t update_major, unsigned rounds,
                          unsigned steps, unsigned every)
{
    begin(page_size, 46, update_major, 16);
    for (unsigned i = 0; i < rounds; i++) {
        random_steps(steps);
        check();
    }
    if (fix.in.wal) {
        assert_log_makes_the_same(every);
        random_steps(steps);
        crash_and_recover();
    }
    end();
}

static void assert_two_levels(pgno_t pgno)
{
    struct buf *b;

    assert_ok(buf_get(fix.db.pool, pgno, BUF_READ, &b));
    assert_true(page_flags((struct page){b->b, b->size}) & PAGE_PARENT_OF_LEAF);
    buf_put(b);
}

static pgno_t owned_root(const struct model_tree *t)
{
    struct space_header h;
    struct buf *b;

    assert_ok(buf_get(fix.db.pool, t->root, BUF_READ, &b));
    assert_null(space_header_decode(page_external_header((struct page){b->b, b->size}), &h));
    buf_put(b);
    return h.pgno_oe;
}

static void random_space_of_small_pages_is_sound(void **state)
{
    (void)state;
    random_rounds(4096, 20, 20, 60, 0);
}

static void random_space_of_large_pages_is_sound(void **state)
{
    (void)state;
    random_rounds(32768, 110, 8, 60, 0);
}

static void random_space_without_a_log_is_sound(void **state)
{
    (void)state;
    unlogged = true;
    random_rounds(4096, 20, 8, 60, 0);
    unlogged = false;
}

static unsigned nr_logged(enum lrtyp type)
{
    struct log_list l;
    unsigned nr = 0;

    log_list_read(&fix, &l);
    for (unsigned i = 0; i < l.nr; i++)
        nr += l.r[i].rec.type == type;
    log_list_done(&l);
    return nr;
}

/* Write path 14; an engine of the old format would stop at such a record. */
static void newer_formats_name_new_and_freed_pages(void **state)
{
    static const struct {
        uint32_t update_major;
        unsigned nr_new, nr_freed;
    } cases[] = {{20, 0, 0}, {110, 4, 0}, {290, 4, 3}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct model_tree *t;

        begin(4096, 46, cases[i].update_major, 16);
        assert_ok(trx_begin(fix.sess));
        t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false); /* its root */
        take(t, 0);                                            /* OE, AE */
        take(t, 0);
        create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
        drop(t); /* {1} {3} {4} */
        assert_ok(trx_commit(fix.sess, true));
        assert_int_equal(nr_logged(LR_NEW_PAGE), cases[i].nr_new);
        assert_int_equal(nr_logged(LR_EXTENT_FREED2), cases[i].nr_freed);
        assert_log_makes_the_same(1);
        end();
    }
}

static void a_crash_behind_any_record_leaves_space_sound(void **state)
{
    (void)state;
    random_rounds(4096, 110, 3, 60, 1);
}

/* One page at a time from a file that grows by one page at a time, so that few pages make many
 * extents: 190 trees in a table, whose owned extents they become, as many tables, and each second
 * one of them given back. */
static void a_crash_while_extent_trees_split_leaves_space_sound(void **state)
{
    struct model_tree *t;

    (void)state;
    begin(2048, 4, 290, 1);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, true);
    for (unsigned i = 0; i < 320; i++)
        create(i % 2 ? &model.tree[0] : t, i % 2 ? SPACE_NEW_TABLE : SPACE_NEW_INDEX_NON_UNIQUE, 1,
               false);
    for (unsigned i = 0; i < 60; i++)
        create(i % 2 ? &model.tree[0] : t, i % 2 ? SPACE_NEW_TABLE : SPACE_NEW_LV, 1, false);
    check();
    assert_two_levels(owned_root(t));
    assert_two_levels(2);
    for (unsigned i = 2; i < model.nr; i += 2)
        if (i % 4)
            drop(&model.tree[i]);
    for (unsigned i = 3; i < model.nr; i += 2)
        if (i % 8 != 1)
            drop(&model.tree[i]);
    check();
    for (unsigned i = 0; i < 150; i++)
        take(i % 2 ? t : &model.tree[4], 0);
    assert_ok(trx_commit(fix.sess, true));
    check();
    assert_log_makes_the_same(50);
    crash_and_recover();
    end();
}

/* Every second page of a big table is given back, then the others; then all is taken again. */
static void thousands_of_extents_split_the_extent_trees(void **state)
{
    struct model_tree *t, *index;
    struct space_map s;

    (void)state;
    begin(2048, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    index = create(t, SPACE_NEW_INDEX_NON_UNIQUE, 1, false);
    for (unsigned i = 0; i < 6000; i++)
        take(i % 3 ? t : index, 0);
    check();
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = (i ? index : t)->nr_used; k > 1; k -= 2)
            give(i ? index : t, k - 2);
    s = check();
    assert_true(s.nr_extents > 3000);
    assert_two_levels(owned_root(t));
    assert_two_levels(owned_root(t) + 1);
    assert_two_levels(owned_root(index) + 1);
    assert_two_levels(2);
    while (t->nr_used)
        give(t, below(t->nr_used));
    check();
    while (index->nr_used)
        give(index, below(index->nr_used));
    check();
    for (unsigned i = 0; i < 3000; i++)
        take(i % 2 ? t : index, t->root);
    check();
    drop(t);
    check();
    assert_ok(trx_commit(fix.sess, true));
    assert_log_makes_the_same(0);
    end();
}

/* Three levels, and leaves whose keys share enough bytes for a prefix. */
static void big_extent_trees_are_deep_and_compressed(void **state)
{
    struct model_tree *t;
    struct space_map s;
    unsigned nr_compressed = 0;

    (void)state;
    begin(2048, 66000, 20, 1024);
    assert_ok(trx_begin(fix.sess));
    create(&model.tree[0], SPACE_NEW_TABLE, 65700, false);
    model.know_used = false;
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    for (unsigned i = 0; i < 32000; i++)
        take(t, i ? t->used[i - 1] : 0);
    for (unsigned i = t->nr_used; i > 1; i -= 2)
        give(t, i - 2);
    s = check();
    assert_true(s.depth_max >= 2);
    for (pgno_t p = 1; p <= fix.db.pgno_last; p++) {
        struct buf *b;
        struct page page;

        if (p > 3 && p < 65700)
            continue;
        assert_ok(buf_get(fix.db.pool, p, BUF_READ, &b));
        page = (struct page){b->b, b->size};
        if (!b->blank && page_flags(page) & PAGE_SPACE_TREE)
            for (unsigned i = 0; i < page_nr_lines(page); i++)
                nr_compressed += page_node(page, i).prefix.len > 0;
        buf_put(b);
    }
    assert_true(nr_compressed > 1000);
    for (unsigned i = 0; i < 6000; i++)
        give(t, below(t->nr_used));
    for (unsigned i = 0; i < 8000; i++)
        take(t, 0);
    check();
    assert_ok(trx_commit(fix.sess, true));
    assert_log_makes_the_same(0);
    end();
}

/* ---- records --------------------------------------------------------------------------------- */

struct expected {
    enum lrtyp type;
    pgno_t pgno;
    int line;          /* -1: does not matter */
    pgno_t last;       /* of the extent that is inserted; 0: does not matter */
    uint32_t data;     /* count of pages, or the first field of a space header */
    const char *flags; /* "US", "U", "S", "" */
};

static struct log_list mark_list; /* what was logged before */

static void mark(void)
{
    log_list_done(&mark_list);
    log_list_read(&fix, &mark_list);
}

static bool is_of_a_transaction(const struct logrec *r)
{
    return r->type == LR_BEGIN0 || r->type == LR_BEGIN || r->type == LR_COMMIT0 ||
           r->type == LR_COMMIT || r->type == LR_NOP2;
}

static struct slice data_of(const struct logrec *r)
{
    switch (r->type) {
    case LR_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        return r->insert.data;
    case LR_REPLACE:
        return r->replace.data;
    case LR_SET_EXTERNAL_HEADER:
        return r->external_header;
    default:
        return (struct slice){NULL, 0};
    }
}

static void assert_record(unsigned i, const struct logrec *r, const struct expected *e)
{
    const struct slice data = data_of(r);
    const bool u = strchr(e->flags, 'U'), s = strchr(e->flags, 'S');

    if (r->type != e->type || r->pgno != e->pgno)
        fail_msg("record %u: %s of page %u, not %s of %u", i, logrec_name(r->type),
                 (unsigned)r->pgno, logrec_name(e->type), (unsigned)e->pgno);
    if (e->line >= 0 && r->iline != e->line)
        fail_msg("record %u: line %u, not %d", i, r->iline, e->line);
    if (e->last)
        assert_int_equal(get_be32(r->insert.key_suffix.p), e->last);
    if (e->data)
        assert_int_equal(get_le32(data.p), e->data);
    assert_int_equal(r->flags & (LR_PAGE_UNIQUE | LR_PAGE_SPACE | LR_PAGE_VERSIONED),
                     (u ? LR_PAGE_UNIQUE : 0) | (s ? LR_PAGE_SPACE : 0));
    assert_int_equal(r->rceid, 0);
}

/* Logged since mark(), Begins and Commits aside. */
static void assert_records(const struct expected *e, unsigned nr)
{
    struct log_list l;
    unsigned found = 0;

    log_list_read(&fix, &l);
    for (unsigned i = mark_list.nr; i < l.nr; i++) {
        if (is_of_a_transaction(&l.r[i].rec))
            continue;
        if (found == nr)
            fail_msg("one more: %s of page %u", logrec_name(l.r[i].rec.type),
                     (unsigned)l.r[i].rec.pgno);
        assert_record(found, &l.r[i].rec, &e[found]);
        found++;
    }
    assert_int_equal(found, nr);
    log_list_done(&l);
    mark();
}
#define ASSERT_RECORDS(...)                          \
    do {                                             \
        const struct expected e_[] = {__VA_ARGS__};  \
        assert_records(e_, (unsigned)ARRAY_LEN(e_)); \
    } while (0)

/* Write path A.1: the pages behind a table's only one, and the next ones. */
static void a_table_of_one_page_grows_as_in_the_cookbook(void **state)
{
    struct model_tree *t;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    mark();
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    assert_int_equal(t->root, 4);
    ASSERT_RECORDS({LR_REPLACE, 3, 0, 0, 42, "US"}, {LR_CREATE_SINGLE_EXTENT_FDP, 4, 0, 0, 0, "U"});
    assert_int_equal(take(t, 4), 7);
    ASSERT_RECORDS({LR_REPLACE, 3, 0, 0, 39, "US"}, {LR_CONVERT_FDP2, 4, 0, 0, 0, "U"},
                   {LR_FLAG_DELETE, 6, 0, 0, 0, "US"});
    assert_int_equal(take(t, 7), 8);
    ASSERT_RECORDS({LR_SET_EXTERNAL_HEADER, 4, 0, 0, 4, "U"}, {LR_REPLACE, 3, 0, 0, 35, "US"},
                   {LR_INSERT, 5, 2, 11, 4, "US"}, {LR_INSERT, 6, 1, 11, 4, "US"},
                   {LR_REPLACE, 6, 1, 0, 3, "US"});
    assert_int_equal(take(t, 8), 9);
    assert_int_equal(take(t, 9), 10);
    ASSERT_RECORDS({LR_REPLACE, 6, 1, 0, 2, "US"}, {LR_REPLACE, 6, 1, 0, 1, "US"});
    assert_int_equal(take(t, 10), 11);
    ASSERT_RECORDS({LR_DELETE, 6, 1, 0, 0, "US"});
    assert_int_equal(take(t, 11), 12);
    ASSERT_RECORDS({LR_SET_EXTERNAL_HEADER, 4, 0, 0, 16, "U"}, {LR_REPLACE, 3, 0, 0, 19, "US"},
                   {LR_INSERT, 5, 3, 27, 16, "US"}, {LR_INSERT, 6, 1, 27, 16, "US"},
                   {LR_REPLACE, 6, 1, 0, 15, "US"});
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

/* An index of a table with extent trees: the parent hands its extent on (9.1, 9.3); and the file
 * grows (9.4). */
static void what_an_index_gets_passes_through_its_table(void **state)
{
    struct model_tree *t, *index;

    (void)state;
    begin(4096, 32, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    take(t, 0);
    mark();
    index = create(t, SPACE_NEW_INDEX_NON_UNIQUE, 1, false);
    assert_int_equal(index->root, 8);
    ASSERT_RECORDS({LR_REPLACE, 3, 0, 0, 24, "US"}, {LR_INSERT, 5, 2, 8, 1, "US"},
                   {LR_INSERT, 6, 1, 8, 1, "US"}, {LR_DELETE, 6, 1, 0, 0, "US"},
                   {LR_CREATE_SINGLE_EXTENT_FDP, 8, 0, 0, 0, ""});
    take(index, 0);
    ASSERT_RECORDS({LR_REPLACE, 3, 0, 0, 21, "US"}, {LR_INSERT, 5, 3, 11, 3, "US"},
                   {LR_INSERT, 6, 1, 11, 3, "US"}, {LR_DELETE, 6, 1, 0, 0, "US"},
                   {LR_CONVERT_FDP2, 8, 0, 0, 0, ""}, {LR_FLAG_DELETE, 10, 0, 0, 0, "S"});
    create(&model.tree[0], SPACE_NEW_TABLE, 20, false);
    ASSERT_RECORDS({LR_REPLACE, 3, 0, 0, 1, "US"}, {LR_CREATE_SINGLE_EXTENT_FDP, 12, 0, 0, 0, "U"});
    create(&model.tree[0], SPACE_NEW_TABLE, 3, false);
    /* The file has 34 pages with its headers, and is to have a multiple of 16. */
    ASSERT_RECORDS({LR_EXTEND_DB, 46, 0, 0, 0, ""}, {LR_INSERT, 2, 1, 46, 14, "US"},
                   {LR_INSERT, 3, 1, 46, 14, "US"}, {LR_REPLACE, 3, 1, 0, 11, "US"},
                   {LR_CREATE_SINGLE_EXTENT_FDP, 33, 0, 0, 0, "U"});
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

/* Write path A.7: each extent goes through the table to the root, and is joined there with its
 * neighbours. */
static void a_dropped_index_is_freed_as_in_the_cookbook(void **state)
{
    struct model_tree *t, *index;

    (void)state;
    begin(4096, 46, 20, 16);
    assert_ok(trx_begin(fix.sess));
    t = create(&model.tree[0], SPACE_NEW_TABLE, 1, false);
    take(t, 0);
    index = create(t, SPACE_NEW_INDEX, 1, false);       /* {8,1} */
    take(index, 0);                                     /* {11,3} */
    take(index, 0);                                     /* {15,4} */
    create(&model.tree[0], SPACE_NEW_TABLE, 31, false); /* all the rest */
    mark();
    drop(index);
    ASSERT_RECORDS({LR_FREE_FDP, 0, -1, 0, 0, ""}, {LR_INSERT, 6, 1, 8, 1, "US"},
                   {LR_DELETE, 6, 1, 0, 0, "US"}, {LR_DELETE, 5, 2, 0, 0, "US"},
                   {LR_INSERT, 3, 0, 8, 1, "US"}, {LR_INSERT, 6, 1, 11, 3, "US"},
                   {LR_DELETE, 6, 1, 0, 0, "US"}, {LR_DELETE, 5, 2, 0, 0, "US"},
                   {LR_FLAG_DELETE, 3, 0, 0, 0, "US"}, {LR_INSERT, 3, 1, 11, 4, "US"},
                   {LR_INSERT, 6, 1, 15, 4, "US"}, {LR_DELETE, 6, 1, 0, 0, "US"},
                   {LR_DELETE, 5, 2, 0, 0, "US"}, {LR_DELETE, 3, 1, 0, 0, "US"},
                   {LR_INSERT, 3, 1, 15, 8, "US"});
    check();
    assert_ok(trx_commit(fix.sess, true));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_one_page_grows_as_in_the_cookbook),
        cmocka_unit_test(what_an_index_gets_passes_through_its_table),
        cmocka_unit_test(a_dropped_index_is_freed_as_in_the_cookbook),
        cmocka_unit_test(random_space_of_small_pages_is_sound),
        cmocka_unit_test(random_space_of_large_pages_is_sound),
        cmocka_unit_test(random_space_without_a_log_is_sound),
        cmocka_unit_test(newer_formats_name_new_and_freed_pages),
        cmocka_unit_test(a_crash_behind_any_record_leaves_space_sound),
        cmocka_unit_test(a_crash_while_extent_trees_split_leaves_space_sound),
        cmocka_unit_test(thousands_of_extents_split_the_extent_trees),
        cmocka_unit_test(big_extent_trees_are_deep_and_compressed),
    };

    rnd_init("spacewrite");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
