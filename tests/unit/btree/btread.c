/*
 * Walking and searching trees: against a model, over every page size, and over trees that are damaged in
 * each way that a walk looks for.
 */
#include "testdb.h"

#define OBJID 7

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

/* ---- sound trees ------------------------------------------------------------------------------- */

static int cmp_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    uint32_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int c = memcmp(x->key, y->key, n);

    if (!c)
        c = (x->key_len > y->key_len) - (x->key_len < y->key_len);
    return c ? c : memcmp(x->data, y->data, 4);
}

/* nr entries of random keys in order; unique ones where the tree is, else few keys and many data. As
 * index keys, those of a non-unique tree do not begin one another: their order is that of key and data. */
static struct entry *make_entries(unsigned nr, bool unique, unsigned deleted_in)
{
    struct entry *e = calloc(nr + 1u, sizeof(*e));

    assert_non_null(e);
    for (unsigned i = 0; i < nr; i++) {
        e[i].key_len = unique ? 4 + (unsigned)(rnd() % 12) : 9;
        memcpy(e[i].key, "prefix", 6);
        for (unsigned k = unique ? 6 : 4; k < e[i].key_len; k++)
            e[i].key[k] = (uint8_t)(rnd() % (unique ? 256 : 2));
        if (unique) { /* no two alike */
            e[i].key_len = e[i].key_len < 10 ? 10 : e[i].key_len;
            e[i].key[6] = (uint8_t)(i >> 16);
            e[i].key[7] = (uint8_t)(i >> 8);
            e[i].key[8] = (uint8_t)i;
        }
        put_le32(e[i].data, i);
        e[i].data_len = 4;
        e[i].deleted = deleted_in && rnd() % deleted_in == 0;
    }
    qsort(e, nr, sizeof(*e), cmp_entries);
    return e;
}

static struct bt_cursor cursor;

static void expect_node(const struct entry *e, const struct bt_node *n)
{
    assert_int_equal(n->key.len, e->key_len);
    assert_memory_equal(n->key.p, e->key, e->key_len);
    assert_int_equal(n->data.len, e->data_len);
    assert_memory_equal(n->data.p, e->data, e->data_len);
}

struct sound {
    unsigned nr, per_leaf, per_internal, depth;
    uint32_t flags;
    bool prefixes;
};

static void walk_tree(uint32_t page_size, const struct sound *s)
{
    struct entry *e = make_entries(s->nr, !(s->flags & PAGE_NON_UNIQUE), 5);
    struct tree_shape t = {.root = 2,
                           .next = 3,
                           .objid = OBJID,
                           .flags = s->flags,
                           .per_leaf = s->per_leaf,
                           .per_internal = s->per_internal,
                           .prefixes = s->prefixes};
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;

    testdb_init(&db, page_size, 2 * s->nr + 40);
    assert_int_equal(testdb_tree(&db, &t, e, s->nr), s->depth);
    f = testdb_open(&db, &fs);
    for (int with_deleted = 0; with_deleted < 2; with_deleted++) {
        bt_open(&cursor, f, 2, with_deleted ? 0 : OBJID, with_deleted ? BT_DELETED : 0);
        for (unsigned i = 0; i < s->nr; i++) {
            if (e[i].deleted && !with_deleted)
                continue;
            assert_int_equal(bt_next(&cursor, &n), JET_errSuccess);
            expect_node(&e[i], &n);
            assert_int_equal(bt_is_deleted(&n), e[i].deleted);
        }
        for (int i = 0; i < 3; i++)
            assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
        bt_close(&cursor);
    }
    assert_int_equal(fs.nr, 0);
    dbfile_close(f);
    testdb_done(&db);
    free(e);
}

static void a_walk_gives_every_node_in_order(void **state)
{
    static const struct sound shapes[] = {
        {0, 5, 3, 1, 0, false},
        {1, 5, 3, 1, 0, false},
        {5, 5, 3, 1, PAGE_INDEX, false},
        {40, 5, 10, 2, 0, true},
        {300, 4, 5, 4, 0, true},
        {300, 4, 5, 4, PAGE_INDEX | PAGE_NON_UNIQUE, false},
        {300, 7, 3, 5, PAGE_LONG_VALUE, true},
        {200, 1, 2, 9, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t k = 0; k < ARRAY_LEN(shapes); k++)
            walk_tree(sizes[i], &shapes[k]);
}

/* Where the model says that a search must stop: the first entry with a key not below. */
static unsigned model_seek(const struct entry *e, unsigned nr, const uint8_t *key, uint32_t len)
{
    unsigned i = 0;

    for (; i < nr; i++) {
        uint32_t n = e[i].key_len < len ? e[i].key_len : len;
        int c = memcmp(e[i].key, key, n);
        if (c > 0 || (c == 0 && e[i].key_len >= len))
            break;
    }
    return i;
}

static void expect_seek(const struct entry *e, unsigned nr, const uint8_t *key, uint32_t len)
{
    struct bt_node n;
    unsigned i = model_seek(e, nr, key, len);

    assert_int_equal(bt_seek(&cursor, key, len), JET_errSuccess);
    for (unsigned k = 0; k < 12 && i + k < nr; k++) { /* and on over the edges of pages */
        assert_int_equal(bt_next(&cursor, &n), JET_errSuccess);
        expect_node(&e[i + k], &n);
    }
    if (nr - i < 12)
        assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
}

static void seek_trees(uint32_t page_size, uint32_t flags, bool prefixes)
{
    enum { NR = 400 };
    struct entry *e = make_entries(NR, !(flags & PAGE_NON_UNIQUE), 0);
    struct tree_shape t = {.root = 2,
                           .next = 3,
                           .objid = OBJID,
                           .flags = flags,
                           .per_leaf = 6,
                           .per_internal = 5,
                           .prefixes = prefixes};
    struct testdb db;
    struct faults fs;
    struct dbfile *f;

    testdb_init(&db, page_size, NR);
    testdb_tree(&db, &t, e, NR);
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    expect_seek(e, NR, (const uint8_t *)"", 0);
    expect_seek(e, NR, (const uint8_t *)"\xff\xff", 2);
    for (unsigned i = 0; i < NR; i++) {
        uint8_t key[32];
        uint32_t len = e[i].key_len;
        memcpy(key, e[i].key, len);
        expect_seek(e, NR, key, len);
        expect_seek(e, NR, key, len - 1);
        key[len] = 0;
        if (!(flags & PAGE_NON_UNIQUE)) /* there no key begins another */
            expect_seek(e, NR, key, len + 1);
        key[len - 1]++;
        expect_seek(e, NR, key, len);
    }
    assert_int_equal(fs.nr, 0);
    bt_close(&cursor);
    dbfile_close(f);
    testdb_done(&db);
    free(e);
}

static void a_search_stops_where_the_model_says(void **state)
{
    (void)state;
    seek_trees(2048, 0, true);
    seek_trees(32768, 0, true);
    seek_trees(4096, PAGE_INDEX | PAGE_NON_UNIQUE, false);
}

static void comparing_a_node_with_bytes_needs_no_assembled_key(void **state)
{
    static const uint8_t prefix[] = "abc", suffix[] = "de";
    const struct node n = {.prefix = {prefix, 3}, .suffix = {suffix, 2}};
    static const struct {
        const char *key;
        int sign;
    } cases[] = {{"abcde", 0}, {"abcd", 1}, {"abcdef", -1}, {"abc", 1},   {"ab", 1}, {"", 1},
                 {"abd", -1},  {"abb", 1},  {"abcdf", -1},  {"abcda", 1}, {"b", -1}, {"a", 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int c = bt_key_cmp(&n, cases[i].key, (uint32_t)strlen(cases[i].key));
        assert_int_equal((c > 0) - (c < 0), cases[i].sign);
    }
}

struct page_log {
    unsigned nr, nr_blind, deepest;
};

static void log_page(void *ctx, pgno_t pgno, const struct page *page, unsigned depth)
{
    struct page_log *l = ctx;

    assert_true(pgno >= 2);
    l->nr++;
    l->nr_blind += page->b == NULL;
    if (depth > l->deepest)
        l->deepest = depth;
}

static void the_page_hook_sees_every_page_and_no_leaf_is_read_for_it(void **state)
{
    struct entry *e = make_entries(100, true, 0);
    struct tree_shape t = {.root = 2, .next = 3, .objid = OBJID, .per_leaf = 5, .per_internal = 5};
    struct page_log all = {0}, blind = {0};
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;

    (void)state;
    testdb_init(&db, 4096, 60);
    assert_int_equal(testdb_tree(&db, &t, e, 100), 3);
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    cursor.page_fn = log_page;
    cursor.page_ctx = &all;
    while (bt_next(&cursor, &n) != JET_errNoCurrentRecord)
        ;
    bt_close(&cursor);
    bt_open(&cursor, f, 2, OBJID, BT_NO_LEAVES);
    cursor.page_fn = log_page;
    cursor.page_ctx = &blind;
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    bt_close(&cursor);
    assert_int_equal(all.nr, 1 + 4 + 20);
    assert_int_equal(all.nr_blind, 0);
    assert_int_equal(all.deepest, 2);
    assert_int_equal(blind.nr, 25);
    assert_int_equal(blind.nr_blind, 20);
    assert_int_equal(fs.nr, 0);
    dbfile_close(f);
    testdb_done(&db);
    free(e);
}

/* ---- damaged trees ----------------------------------------------------------------------------- */

/*
 * Root 2 of three leaves 3, 4, 5 with the keys 10 20 | 30 40 | 50 60 and separators 25 and 45. Each case
 * changes something and says which error comes and how many nodes are read all the same.
 */
static uint8_t *leaf(struct testdb *db, pgno_t pgno, pgno_t prev, pgno_t next, const char *a,
                     const char *b)
{
    uint8_t *p = testdb_page(db, pgno);

    page_make(p, db->page_size, pgno, OBJID, PAGE_LEAF | PAGE_NEW_CHECKSUM, prev, next);
    if (a)
        add_node(p, db->page_size, 0, 0, a, 2, "data", 4);
    if (b)
        add_node(p, db->page_size, 0, 0, b, 2, "data", 4);
    return p;
}

static uint8_t *root(struct testdb *db, pgno_t a, pgno_t b, pgno_t c)
{
    uint8_t *p = testdb_page(db, 2);

    page_make(p, db->page_size, 2, OBJID, PAGE_ROOT | PAGE_PARENT_OF_LEAF | PAGE_NEW_CHECKSUM, 0,
              0);
    set_space(p, db->page_size, 1, 0, 1, 0);
    add_child(p, db->page_size, "25", 2, a);
    add_child(p, db->page_size, "45", 2, b);
    add_child(p, db->page_size, "", 0, c);
    return p;
}

static void set_flags(uint8_t *b, uint32_t on, uint32_t off)
{
    uint8_t *at = b + offsetof(struct page_hdr_disk, flags);

    put_le32(at, (get_le32(at) | on) & ~off);
}

static void sound_tree(struct testdb *db)
{
    root(db, 3, 4, 5);
    leaf(db, 3, 0, 4, "10", "20");
    leaf(db, 4, 3, 5, "30", "40");
    leaf(db, 5, 4, 0, "50", "60");
}

static void nothing(struct testdb *db)
{
    (void)db;
}
static void blank_child(struct testdb *db)
{
    memset(testdb_page(db, 4), 0, db->page_size);
}
static void child_beyond_the_file(struct testdb *db)
{
    root(db, 3, 400, 5);
}
static void child_is_the_root(struct testdb *db)
{
    root(db, 3, 2, 5);
}
static void the_same_child_twice(struct testdb *db)
{
    root(db, 3, 3, 5);
}
static void foreign_child(struct testdb *db)
{
    put_le32(testdb_page(db, 4) + 24, OBJID + 1);
}
static void emptied_child(struct testdb *db)
{
    set_flags(testdb_page(db, 4), PAGE_EMPTY, 0);
}
static void unused_child(struct testdb *db)
{
    set_flags(testdb_page(db, 4), PAGE_PRE_INIT, 0);
}
static void child_flagged_as_root(struct testdb *db)
{
    set_flags(testdb_page(db, 4), PAGE_ROOT, 0);
}
static void root_not_flagged(struct testdb *db)
{
    set_flags(testdb_page(db, 2), 0, PAGE_ROOT);
}
static void child_without_the_trees_type(struct testdb *db)
{
    set_flags(testdb_page(db, 2), PAGE_INDEX, 0);
    set_flags(testdb_page(db, 3), PAGE_INDEX, 0);
    set_flags(testdb_page(db, 5), PAGE_INDEX, 0);
}
static void leaf_without_nodes(struct testdb *db)
{
    leaf(db, 4, 3, 5, NULL, NULL);
}
static void leaf_where_none_may_be(struct testdb *db)
{
    set_flags(testdb_page(db, 2), 0, PAGE_PARENT_OF_LEAF);
}
static void next_link_wrong(struct testdb *db)
{
    leaf(db, 3, 0, 5, "10", "20");
}
static void prev_link_wrong(struct testdb *db)
{
    leaf(db, 4, 2, 5, "30", "40");
}
static void last_leaf_goes_on(struct testdb *db)
{
    leaf(db, 5, 4, 6, "50", "60");
}
static void internal_page_with_links(struct testdb *db)
{
    put_le32(testdb_page(db, 2) + 20, 9);
}
static void key_above_its_separator(struct testdb *db)
{
    leaf(db, 3, 0, 4, "10", "29");
}
static void key_at_its_separator(struct testdb *db)
{
    leaf(db, 3, 0, 4, "10", "25");
}
static void key_below_its_separator(struct testdb *db)
{
    leaf(db, 4, 3, 5, "21", "40");
}
static void keys_go_back(struct testdb *db)
{
    leaf(db, 4, 3, 5, "15", "40");
}
static void object_of_the_root_wrong(struct testdb *db)
{
    for (pgno_t p = 2; p <= 5; p++)
        put_le32(testdb_page(db, p) + 24, OBJID + 1);
}
static void key_too_long(struct testdb *db)
{
    uint8_t key[BT_KEY_MAX + 1];
    uint8_t *p = testdb_page(db, 3);

    memset(key, '1', sizeof(key));
    page_make(p, db->page_size, 3, OBJID, PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 4);
    add_node(p, db->page_size, 0, 0, "10", 2, "data", 4);
    add_node(p, db->page_size, 0, 0, key, sizeof(key), "data", 4);
    add_node(p, db->page_size, 0, 0, "20", 2, "data", 4);
}

/* The last key of a page is looked at when it is entered; it cannot be told from what lies around it. */
static void last_key_too_long(struct testdb *db)
{
    uint8_t key[BT_KEY_MAX + 1];
    uint8_t *p = testdb_page(db, 3);

    memset(key, '1', sizeof(key));
    page_make(p, db->page_size, 3, OBJID, PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 4);
    add_node(p, db->page_size, 0, 0, "10", 2, "data", 4);
    add_node(p, db->page_size, 0, 0, key, sizeof(key), "data", 4);
}
/* Page 3 becomes internal, with page 6 below it, and claims to go up to infinity. */
static void open_end_in_the_middle(struct testdb *db)
{
    uint8_t *p = testdb_page(db, 2);

    page_make(p, db->page_size, 2, OBJID, PAGE_ROOT | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(p, db->page_size, 1, 0, 1, 0);
    add_child(p, db->page_size, "25", 2, 3);
    p = testdb_page(db, 3);
    page_make(p, db->page_size, 3, OBJID, PAGE_PARENT_OF_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    add_child(p, db->page_size, "", 0, 6);
    leaf(db, 6, 0, 0, "10", "20");
}

struct bad_tree {
    const char *name;
    void (*damage)(struct testdb *db);
    JET_ERR err; /* the first one */
    unsigned nr_faults, nr_nodes;
};

static const struct bad_tree bad_trees[] = {
    {"nothing", nothing, JET_errSuccess, 0, 6},
    {"blank child", blank_child, JET_errPageNotInitialized, 1, 4},
    {"child beyond the file", child_beyond_the_file, JET_errFileIOBeyondEOF, 1, 4},
    {"child is the root", child_is_the_root, JET_errDatabaseCorrupted, 1, 4},
    {"the same child twice", the_same_child_twice, JET_errBadParentPageLink, 3, 6},
    {"foreign child", foreign_child, JET_errDatabaseCorrupted, 1, 4},
    {"emptied child", emptied_child, JET_errDatabaseCorrupted, 1, 4},
    {"unused child", unused_child, JET_errDatabaseCorrupted, 1, 4},
    {"child flagged as root", child_flagged_as_root, JET_errDatabaseCorrupted, 1, 4},
    {"root not flagged", root_not_flagged, JET_errDatabaseCorrupted, 1, 0},
    {"child without the tree's type", child_without_the_trees_type, JET_errDatabaseCorrupted, 1, 4},
    {"leaf without nodes", leaf_without_nodes, JET_errDatabaseCorrupted, 1, 4},
    {"leaf where none may be", leaf_where_none_may_be, JET_errBadParentPageLink, 3, 0},
    {"next link wrong", next_link_wrong, JET_errBadPageLink, 1, 6},
    {"prev link wrong", prev_link_wrong, JET_errBadPageLink, 1, 6},
    {"last leaf goes on", last_leaf_goes_on, JET_errBadPageLink, 1, 6},
    {"internal page with links", internal_page_with_links, JET_errBadPageLink, 1, 6},
    {"key above its separator", key_above_its_separator, JET_errBadParentPageLink, 1, 6},
    {"key at its separator", key_at_its_separator, JET_errBadParentPageLink, 1, 6},
    {"key below its separator", key_below_its_separator, JET_errBadParentPageLink, 1, 6},
    {"keys go back", keys_go_back, JET_errBadParentPageLink, 2, 6},
    {"object of the root wrong", object_of_the_root_wrong, JET_errDatabaseCorrupted, 1, 0},
    {"key too long", key_too_long, JET_errNodeCorrupted, 1, 6},
    {"last key too long", last_key_too_long, JET_errBadParentPageLink, 2, 5},
    {"open end in the middle", open_end_in_the_middle, JET_errBadParentPageLink, 1, 2},
};

static void walk_bad_tree(const struct bad_tree *t)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;
    unsigned nr = 0, nr_errors = 0;
    JET_ERR err;

    testdb_init(&db, 8192, 6);
    sound_tree(&db);
    t->damage(&db);
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    while ((err = bt_next(&cursor, &n)) != JET_errNoCurrentRecord) {
        nr += err >= 0;
        nr_errors += err < 0;
    }
    bt_close(&cursor);
    if (fs.nr != t->nr_faults || fs.r.first != t->err || nr != t->nr_nodes ||
        (nr_errors > 0) != (fs.nr > 0))
        fail_msg("%s: %u faults, first %s (last: %s), %u nodes, %u errors", t->name, fs.nr,
                 err_name(fs.r.first), fs.last.text, nr, nr_errors);
    dbfile_close(f);
    testdb_done(&db);
}

static void damage_is_told_and_costs_what_it_touches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_trees); i++)
        walk_bad_tree(&bad_trees[i]);
}

/* A root whose last separator is not the open end: what lies above it is in no page. */
static void a_search_above_every_separator_finds_the_end(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;
    uint8_t *p;

    (void)state;
    testdb_init(&db, 8192, 6);
    sound_tree(&db);
    p = testdb_page(&db, 2);
    page_make(p, db.page_size, 2, OBJID, PAGE_ROOT | PAGE_PARENT_OF_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(p, db.page_size, 1, 0, 1, 0);
    add_child(p, db.page_size, "25", 2, 3);
    leaf(&db, 3, 0, 0, "10", "20");
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    assert_int_equal(bt_seek(&cursor, "30", 2), JET_errSuccess);
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    assert_int_equal(fs.nr, 0);
    bt_close(&cursor);
    dbfile_close(f);
    testdb_done(&db);
}

static void keys_out_of_order_between_leaves_are_told(void **state)
{
    /* "15" lies below the separator and below the leaf before: both are told */
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;

    (void)state;
    testdb_init(&db, 8192, 6);
    sound_tree(&db);
    keys_go_back(&db);
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    while (bt_next(&cursor, &n) != JET_errNoCurrentRecord)
        ;
    assert_int_equal(fs.errs[0], JET_errBadParentPageLink);
    assert_int_equal(fs.errs[1], JET_errDatabaseCorrupted);
    dbfile_close(f);
    testdb_done(&db);
}

/* A chain of internal pages, each with one child: one more than the limit. */
static void a_tree_that_is_too_deep_ends(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;

    (void)state;
    testdb_init(&db, 4096, 40);
    for (pgno_t p = 2; p < 30; p++) {
        page_make(testdb_page(&db, p), 4096, p, OBJID,
                  (p == 2 ? PAGE_ROOT : 0u) | PAGE_NEW_CHECKSUM, 0, 0);
        if (p == 2)
            set_space(testdb_page(&db, p), 4096, 1, 0, 1, 0);
        add_child(testdb_page(&db, p), 4096, "", 0, p + 1);
    }
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    assert_int_equal(bt_next(&cursor, &n), JET_errBadPageLink);
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    assert_int_equal(bt_seek(&cursor, "x", 1), JET_errBadPageLink);
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    dbfile_close(f);
    testdb_done(&db);
}

/*
 * Ten levels of internal pages in which every pointer names the same page of the next level: the paths
 * are more than could ever be walked, the pages are ten.
 */
static void pages_with_many_parents_do_not_blow_up(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;
    unsigned nr_calls = 0;

    (void)state;
    testdb_init(&db, 4096, 12);
    for (pgno_t p = 2; p < 12; p++) {
        page_make(testdb_page(&db, p), 4096, p, OBJID,
                  (p == 2 ? PAGE_ROOT : 0u) | PAGE_NEW_CHECKSUM, 0, 0);
        if (p == 2)
            set_space(testdb_page(&db, p), 4096, 1, 0, 1, 0);
        for (unsigned i = 0; i < 200; i++) {
            char key[4];
            snprintf(key, sizeof(key), "%03u", i);
            add_child(testdb_page(&db, p), 4096, key, 3, p + 1);
        }
    }
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    while (bt_next(&cursor, &n) != JET_errNoCurrentRecord)
        nr_calls++;
    assert_true(nr_calls <= 2 * 12);
    assert_int_equal(fs.last.err, JET_errBadPageLink);
    dbfile_close(f);
    testdb_done(&db);
}

static void a_root_that_cannot_be_read_gives_one_error_and_the_end(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct bt_node n;

    (void)state;
    testdb_init(&db, 4096, 3);
    f = testdb_open(&db, &fs);
    bt_open(&cursor, f, 2, OBJID, 0);
    assert_int_equal(bt_next(&cursor, &n), JET_errPageNotInitialized);
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    assert_int_equal(bt_seek(&cursor, "a", 1), JET_errPageNotInitialized);
    assert_int_equal(bt_next(&cursor, &n), JET_errNoCurrentRecord);
    assert_int_equal(fs.nr, 1);
    dbfile_close(f);
    testdb_done(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_gives_every_node_in_order),
        cmocka_unit_test(a_search_stops_where_the_model_says),
        cmocka_unit_test(comparing_a_node_with_bytes_needs_no_assembled_key),
        cmocka_unit_test(the_page_hook_sees_every_page_and_no_leaf_is_read_for_it),
        cmocka_unit_test(damage_is_told_and_costs_what_it_touches),
        cmocka_unit_test(a_search_above_every_separator_finds_the_end),
        cmocka_unit_test(keys_out_of_order_between_leaves_are_told),
        cmocka_unit_test(a_tree_that_is_too_deep_ends),
        cmocka_unit_test(pages_with_many_parents_do_not_blow_up),
        cmocka_unit_test(a_root_that_cannot_be_read_gives_one_error_and_the_end),
    };

    rnd_init("btread");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
