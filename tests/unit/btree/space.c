/* Space headers, extents, bitmaps and extent trees; sound ones and others. */
#include "testdb.h"

#include "btree/space.h"

#define OBJID 7

static struct slice bytes_of(const void *p, uint32_t len)
{
    return (struct slice){p, len};
}

static void make_header(uint8_t x[16], uint32_t cpg, pgno_t parent, uint8_t flags, uint32_t last)
{
    memset(x, 0, 16);
    put_le32(x, cpg);
    put_le32(x + 4, parent);
    x[8] = flags;
    put_le32(x + 12, last);
}

static void a_header_of_16_bytes_is_read(void **state)
{
    struct space_header h;
    uint8_t x[16];

    (void)state;
    make_header(x, 20, 1, SPACE_MULTIPLE | SPACE_NON_UNIQUE | SPACE_V2, 5);
    assert_null(space_header_decode(bytes_of(x, 16), &h));
    assert_true(h.multiple && h.non_unique && h.v2 && !h.has_auto_inc);
    assert_int_equal(h.cpg_first, 20);
    assert_int_equal(h.pgno_parent, 1);
    assert_int_equal(h.pgno_oe, 5);
    make_header(x, 4, 9, 0, 0x6);
    assert_null(space_header_decode(bytes_of(x, 16), &h));
    assert_false(h.multiple);
    assert_int_equal(h.bitmap, 6);
    assert_int_equal(h.pgno_oe, 0);
}

/* format/a_290.edb has these: 03, SPACE_HEADER, u64. */
static void a_header_with_flagged_fields_is_read(void **state)
{
    struct space_header h;
    uint8_t x[25];

    (void)state;
    x[0] = ROOT_FIELD_SPACE | ROOT_FIELD_AUTO_INC;
    make_header(x + 1, 3, 1, 0, 0x3);
    put_le64(x + 17, UINT64_C(0x123456789a));
    assert_null(space_header_decode(bytes_of(x, 25), &h));
    assert_true(h.has_auto_inc);
    assert_int_equal(h.auto_inc, UINT64_C(0x123456789a));
    assert_int_equal(h.cpg_first, 3);
    x[0] = ROOT_FIELD_SPACE;
    assert_null(space_header_decode(bytes_of(x, 17), &h));
    assert_false(h.has_auto_inc);
}

static void a_header_that_cannot_be_is_refused(void **state)
{
    struct space_header h;
    uint8_t x[40] = {0};

    (void)state;
    make_header(x, 4, 9, 0, 0x6);
    for (uint32_t len = 0; len < 16; len++)
        assert_non_null(space_header_decode(bytes_of(x, len), &h));
    make_header(x, 0, 9, 0, 0);
    assert_non_null(space_header_decode(bytes_of(x, 16), &h)); /* owns nothing */
    make_header(x, 4, 9, SPACE_MULTIPLE, 0);
    assert_non_null(space_header_decode(bytes_of(x, 16), &h)); /* no root of the extents */
    make_header(x, 4, 9, SPACE_MULTIPLE, UINT32_MAX);
    assert_non_null(space_header_decode(bytes_of(x, 16), &h)); /* ... nor a page behind it */
    for (uint32_t len = 17; len < 40; len++) {
        for (unsigned fields = 0; fields < 256; fields++) {
            const bool sound = (fields == 1 && len == 17) || (fields == 3 && len == 25);
            x[0] = (uint8_t)fields;
            make_header(x + 1, 4, 9, 0, 0x6);
            if ((space_header_decode(bytes_of(x, len), &h) == NULL) != sound)
                fail_msg("fields 0x%x, %u bytes", fields, len);
        }
    }
}

static void an_extent_is_decoded(void **state)
{
    static const struct {
        const char *name, *key;
        uint32_t key_len, cpg, data_len;
        bool sound;
        pgno_t last;
        unsigned pool;
    } cases[] = {
        {"general", "\x00\x00\x01\x10", 4, 16, 4, true, 0x110, SPACE_POOL_GENERAL},
        {"contiguous", "\x81\x00\x00\x01\x10", 5, 0, 4, true, 0x110, SPACE_POOL_CONTIGUOUS},
        {"shelved", "\x82\x00\x00\x01\x10", 5, 1, 4, true, 0x110, SPACE_POOL_SHELVED},
        {"pool that is not known", "\x83\x00\x00\x01\x10", 5, 1, 4, false, 0, 0},
        {"general pool in the long form", "\x80\x00\x00\x01\x10", 5, 1, 4, false, 0, 0},
        {"no pool", "\x01\x00\x00\x01\x10", 5, 1, 4, false, 0, 0},
        {"begins before page 1", "\x00\x00\x00\x10", 4, 17, 4, false, 0, 0},
        {"ends beyond any page", "\x80\x00\x00\x00", 4, 1, 4, false, 0, 0},
        {"short key", "\x00\x00\x01", 3, 1, 4, false, 0, 0},
        {"long key", "\x81\x00\x00\x00\x01\x10", 6, 1, 4, false, 0, 0},
        {"short data", "\x00\x00\x01\x10", 4, 1, 3, false, 0, 0},
        {"long data", "\x00\x00\x01\x10", 4, 1, 5, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t data[8] = {0};
        struct extent e;
        const char *what;
        put_le32(data, cases[i].cpg);
        what = space_extent_decode(bytes_of(cases[i].key, cases[i].key_len),
                                   bytes_of(data, cases[i].data_len), &e);
        if ((what == NULL) != cases[i].sound)
            fail_msg("%s: %s", cases[i].name, what ? what : "no fault");
        if (what)
            continue;
        assert_int_equal(e.last, cases[i].last);
        assert_int_equal(e.cpg, cases[i].cpg);
        assert_int_equal(e.pool, cases[i].pool);
    }
}

/* ---- extents of one tree ------------------------------------------------------------------------ */

static struct space_cursor cursor;

static unsigned all_extents(struct dbfile *f, pgno_t root, enum space_kind kind, struct extent *ret,
                            unsigned most)
{
    struct space_header h;
    unsigned nr = 0;

    assert_int_equal(space_header_read(f, root, &h), JET_errSuccess);
    space_open(&cursor, f, root, OBJID, &h, kind);
    for (;;) {
        struct extent e;
        JET_ERR err = space_next(&cursor, &e);
        if (err == JET_errNoCurrentRecord)
            break;
        if (err < 0)
            continue;
        assert_true(nr < most);
        ret[nr++] = e;
    }
    space_close(&cursor);
    return nr;
}

static void single_extent(uint32_t cpg, uint32_t bitmap, unsigned nr, const struct extent *want)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct extent e[40];

    testdb_init(&db, 4096, 6);
    page_make(testdb_page(&db, 6), 4096, 6, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(&db, 6), 4096, 1, 0, cpg, bitmap);
    f = testdb_open(&db, &fs);
    assert_int_equal(all_extents(f, 6, SPACE_OWNED, e, 40), 1);
    assert_int_equal(extent_first(&e[0]), 6);
    assert_int_equal(e[0].cpg, cpg);
    assert_int_equal(all_extents(f, 6, SPACE_AVAILABLE, e, 40), nr);
    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(e[i].last, want[i].last);
        assert_int_equal(e[i].cpg, want[i].cpg);
    }
    assert_int_equal(fs.nr, 0);
    dbfile_close(f);
    testdb_done(&db);
}

static void the_bitmap_of_a_single_extent_gives_runs_of_pages(void **state)
{
    (void)state;
    single_extent(1, 0, 0, NULL);
    single_extent(1, UINT32_MAX, 0, NULL); /* bits of pages that it does not own */
    single_extent(4, 0x7, 1, (struct extent[]){{9, 3, 0}});
    single_extent(4, 0x5, 2, (struct extent[]){{7, 1, 0}, {9, 1, 0}});
    single_extent(4, 0xfffffffd, 2, (struct extent[]){{7, 1, 0}, {9, 1, 0}});
    single_extent(33, 0x80000001, 2, (struct extent[]){{7, 1, 0}, {38, 1, 0}});
    single_extent(33, 0, 0, NULL);
}

static void pages_that_have_no_bit_are_available(void **state)
{
    (void)state;
    single_extent(34, 0, 1, (struct extent[]){{39, 1, 0}});
    single_extent(60, 0xffffffff, 2, (struct extent[]){{38, 32, 0}, {65, 27, 0}});
    single_extent(60, 0x2, 2, (struct extent[]){{8, 1, 0}, {65, 27, 0}});
}

static void a_single_extent_beyond_any_database_is_a_fault(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct extent e[4];

    (void)state;
    testdb_init(&db, 4096, 2);
    page_make(testdb_page(&db, 2), 4096, 2, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(&db, 2), 4096, 1, 0, UINT32_MAX, 0);
    f = testdb_open(&db, &fs);
    assert_int_equal(all_extents(f, 2, SPACE_OWNED, e, 4), 0);
    assert_int_equal(all_extents(f, 2, SPACE_AVAILABLE, e, 4), 0);
    assert_int_equal(fs.nr, 2);
    assert_int_equal(fs.last.err, JET_errSPOwnExtCorrupted);
    dbfile_close(f);
    testdb_done(&db);
}

/* Table at 2 with its extent trees at 3 and 4. */
static void make_multiple(struct testdb *db)
{
    uint8_t split[16] = {0};
    uint8_t *b;

    page_make(testdb_page(db, 2), 4096, 2, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(db, 2), 4096, 1, SPACE_MULTIPLE, 3, 3);
    b = testdb_page(db, 3);
    page_make(b, 4096, 3, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE | PAGE_NEW_CHECKSUM, 0, 0);
    put_le32(split, 40);
    put_le32(split + 4, 2);
    page_set_header(b, 4096, split, 16);
    add_node(b, 4096, 0, 0, "\0\0\0\x09", 4, "\x08\0\0\0", 4);
    add_node(b, 4096, 0, 0, "\0\0\0\x28", 4, "\x10\0\0\0", 4);
    b = testdb_page(db, 4);
    page_make(b, 4096, 4, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE | PAGE_NEW_CHECKSUM, 0, 0);
    page_set_header(b, 4096, (uint8_t[16]){0}, 16);
    add_node(b, 4096, 0, 0, "\0\0\0\x09", 4, "\x02\0\0\0", 4);
    add_node(b, 4096, NODE_DELETED, 0, "\0\0\0\x20", 4, "\x08\0\0\0", 4);
    add_node(b, 4096, 0, 0, "\0\0\0\x28", 4, "\0\0\0\0", 4);
    add_node(b, 4096, 0, 0, "\x81\0\0\0\x27", 5, "\x01\0\0\0", 4);
    add_node(b, 4096, 0, 0, "\x82\0\0\0\x99", 5, "\x01\0\0\0", 4);
}

static void extent_trees_are_read_without_what_is_deleted_or_empty(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct extent e[8];

    (void)state;
    testdb_init(&db, 4096, 4);
    make_multiple(&db);
    f = testdb_open(&db, &fs);
    assert_int_equal(all_extents(f, 2, SPACE_OWNED, e, 8), 2);
    assert_int_equal(extent_first(&e[0]), 2);
    assert_int_equal(extent_first(&e[1]), 25);
    assert_int_equal(all_extents(f, 2, SPACE_AVAILABLE, e, 8), 3);
    assert_int_equal(extent_first(&e[0]), 8);
    assert_int_equal(e[1].pool, SPACE_POOL_CONTIGUOUS);
    assert_int_equal(e[2].pool, SPACE_POOL_SHELVED);
    assert_int_equal(space_split_buffer(f, 3, e), JET_errSuccess);
    assert_int_equal(extent_first(&e[0]), 39);
    assert_int_equal(e[0].cpg, 2);
    assert_int_equal(e[1].cpg, 0);
    assert_int_equal(fs.nr, 0);
    dbfile_close(f);
    testdb_done(&db);
}

static void damaged_extents_are_told_and_passed_over(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct extent e[8];
    uint8_t *b;

    (void)state;
    testdb_init(&db, 4096, 4);
    make_multiple(&db);
    b = testdb_page(&db, 3);
    add_node(b, 4096, 0, 0, "\0\0\0\x30", 4, "\0\0\0\0", 4);     /* owns nothing */
    add_node(b, 4096, 0, 0, "\0\0\0\x31", 4, "\x99\0\0\0", 4);   /* begins before page 1 */
    add_node(b, 4096, 0, 0, "\x81\0\0\0\x31", 5, "\1\0\0\0", 4); /* of a pool */
    b = testdb_page(&db, 4);
    add_node(b, 4096, 0, 0, "\x91\0\0\0\x31", 5, "\1\0\0\0", 4);
    f = testdb_open(&db, &fs);
    assert_int_equal(all_extents(f, 2, SPACE_OWNED, e, 8), 2);
    assert_int_equal(fs.nr, 3);
    assert_int_equal(fs.last.err, JET_errSPOwnExtCorrupted);
    assert_int_equal(fs.last.pgno, 3);
    assert_int_equal(all_extents(f, 2, SPACE_AVAILABLE, e, 8), 3);
    assert_int_equal(fs.nr, 4);
    assert_int_equal(fs.last.err, JET_errSPAvailExtCorrupted);
    dbfile_close(f);
    testdb_done(&db);
}

static void a_page_without_space_header_is_no_root(void **state)
{
    struct space_header h;
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct extent e[2];

    (void)state;
    testdb_init(&db, 4096, 6);
    make_multiple(&db);
    page_make(testdb_page(&db, 5), 4096, 5, OBJID, PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    page_make(testdb_page(&db, 6), 4096, 6, OBJID, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    put_le32(testdb_page(&db, 4) + 40 + 4,
             UINT32_MAX); /* a split buffer of 4 thousand million pages */
    f = testdb_open(&db, &fs);
    assert_int_equal(space_header_read(f, 3, &h),
                     JET_errDatabaseCorrupted); /* a space tree's root */
    assert_int_equal(space_header_read(f, 5, &h), JET_errDatabaseCorrupted); /* no root */
    assert_int_equal(space_header_read(f, 6, &h), JET_errDatabaseCorrupted); /* no header */
    assert_int_equal(space_header_read(f, 1, &h), JET_errPageNotInitialized);
    assert_int_equal(space_split_buffer(f, 4, e), JET_errDatabaseCorrupted);
    assert_int_equal(space_split_buffer(f, 1, e), JET_errPageNotInitialized);
    assert_int_equal(space_split_buffer(f, 6, e), JET_errSuccess); /* old files have none */
    assert_int_equal(e[0].cpg + e[1].cpg, 0);
    dbfile_close(f);
    testdb_done(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_of_16_bytes_is_read),
        cmocka_unit_test(a_header_with_flagged_fields_is_read),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(an_extent_is_decoded),
        cmocka_unit_test(the_bitmap_of_a_single_extent_gives_runs_of_pages),
        cmocka_unit_test(pages_that_have_no_bit_are_available),
        cmocka_unit_test(a_single_extent_beyond_any_database_is_a_fault),
        cmocka_unit_test(extent_trees_are_read_without_what_is_deleted_or_empty),
        cmocka_unit_test(damaged_extents_are_told_and_passed_over),
        cmocka_unit_test(a_page_without_space_header_is_no_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
