/* The page cache of an open database file: what it gives, what it refuses, what it remembers. */
#include "testdb.h"

#include <fcntl.h>

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

static void make_leaf(struct testdb *db, pgno_t pgno)
{
    uint8_t *b = testdb_page(db, pgno);
    uint8_t data[4];

    page_make(b, db->page_size, pgno, 7, PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    put_le32(data, pgno);
    add_node(b, db->page_size, 0, 0, "key", 3, data, 4);
}

static void a_page_is_found_by_its_number_in_every_page_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct testdb db;
        struct faults fs;
        struct dbfile *f;
        struct page p;

        testdb_init(&db, sizes[i], 5);
        for (pgno_t n = 1; n <= 5; n++)
            make_leaf(&db, n);
        f = testdb_open(&db, &fs);
        assert_int_equal(dbfile_page_size(f), sizes[i]);
        assert_int_equal(dbfile_last_page(f), 5);
        assert_int_equal(dbfile_info(f)->state, ESE_DB_CLEAN);
        assert_ptr_equal(dbfile_reporter(f), &fs.r);
        for (pgno_t n = 5; n >= 1; n--) {
            assert_int_equal(dbfile_page(f, n, &p), JET_errSuccess);
            assert_int_equal(p.size, sizes[i]);
            assert_int_equal(get_le32(page_node(p, 0).data.p), n);
            dbfile_unpin(f, &p);
            assert_null(p.b);
            dbfile_unpin(f, &p); /* nothing happens */
        }
        assert_int_equal(fs.nr, 0);
        dbfile_close(f);
        testdb_done(&db);
    }
}

static void a_page_is_read_once_while_it_is_in_the_cache(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;
    uint8_t zero[4096] = {0};

    (void)state;
    testdb_init(&db, 4096, 2);
    make_leaf(&db, 1);
    make_leaf(&db, 2);
    f = testdb_open(&db, &fs);
    assert_int_equal(dbfile_page(f, 1, &p), JET_errSuccess);
    dbfile_unpin(f, &p);
    assert_int_equal(pwrite(db.fd, zero, sizeof(zero), (off_t)dbfile_offset(f, 1)), sizeof(zero));
    assert_int_equal(dbfile_page(f, 1, &p), JET_errSuccess);
    dbfile_unpin(f, &p);
    dbfile_close(f);
    testdb_done(&db);
}

struct damage {
    const char *name;
    JET_ERR err;
    uint32_t event;
};

static void expect_fault_once(struct testdb *db, pgno_t pgno, const struct damage *d)
{
    struct faults fs;
    struct dbfile *f;
    struct page p;

    faults_init(&fs);
    assert_int_equal(dbfile_open(db->fd, &fs.r, &f), JET_errSuccess);
    for (int i = 0; i < 3; i++) {
        JET_ERR err = dbfile_page(f, pgno, &p);
        if (err != d->err)
            fail_msg("%s: %s instead of %s", d->name, err_name(err), err_name(d->err));
    }
    if (fs.nr != 1 || fs.last.event != d->event || fs.last.pgno != pgno ||
        fs.last.offset != dbfile_offset(f, pgno))
        fail_msg("%s: %u faults, event %u, page %u", d->name, fs.nr, fs.last.event, fs.last.pgno);
    dbfile_close(f);
}

static void damage_is_reported_once_with_page_and_offset(void **state)
{
    struct testdb db;
    uint8_t *b;

    (void)state;
    testdb_init(&db, 4096, 6);
    for (pgno_t n = 1; n <= 5; n++)
        make_leaf(&db, n);
    testdb_write(&db); /* page 6 stays blank */
    memcpy(testdb_page(&db, 3), testdb_page(&db, 2), 4096);
    testdb_page(&db, 4)[100] ^= 0x77;
    testdb_page(&db, 4)[333] ^= 0x13;
    b = testdb_page(&db, 5);
    put_le16(b + offsetof(struct page_hdr_disk, cb_free), 1);
    page_seal(b, 4096, 5);
    assert_int_equal(pwrite(db.fd, db.bytes, 8 * 4096, 0), 8 * 4096);
    expect_fault_once(&db, 3, &(struct damage){"misplaced", JET_errReadVerifyFailure, 475});
    expect_fault_once(&db, 4, &(struct damage){"checksum", JET_errReadVerifyFailure, 474});
    expect_fault_once(&db, 5, &(struct damage){"structure", JET_errPageTagCorrupted, 0});
    expect_fault_once(&db, 6, &(struct damage){"blank", JET_errPageNotInitialized, 476});
    expect_fault_once(&db, 7, &(struct damage){"beyond", JET_errFileIOBeyondEOF, 0});
    expect_fault_once(&db, UINT32_MAX, &(struct damage){"far beyond", JET_errFileIOBeyondEOF, 0});
    testdb_done(&db);
}

static void page_0_is_no_page(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;

    (void)state;
    testdb_init(&db, 4096, 1);
    make_leaf(&db, 1);
    f = testdb_open(&db, &fs);
    for (int i = 0; i < 2; i++)
        assert_int_equal(dbfile_page(f, 0, &p), JET_errDatabaseCorrupted);
    assert_int_equal(dbfile_page(f, 1, &p), JET_errSuccess);
    dbfile_unpin(f, &p);
    dbfile_close(f);
    testdb_done(&db);
}

static void one_wrong_bit_is_corrected_and_told(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;

    (void)state;
    testdb_init(&db, 4096, 1);
    make_leaf(&db, 1);
    testdb_write(&db);
    testdb_page(&db, 1)[40 + 3] ^= 0x10; /* in the key */
    assert_int_equal(pwrite(db.fd, db.bytes, 3 * 4096, 0), 3 * 4096);
    faults_init(&fs);
    assert_int_equal(dbfile_open(db.fd, &fs.r, &f), JET_errSuccess);
    assert_int_equal(dbfile_page(f, 1, &p), JET_errSuccess);
    assert_memory_equal(page_node(p, 0).suffix.p, "key", 3);
    assert_int_equal(fs.nr, 0);
    assert_int_equal(fs.nr_corrected, 1);
    dbfile_unpin(f, &p);
    dbfile_close(f);
    testdb_done(&db);
}

/* More pages than the cache has frames, twice round: the clock hand comes by each frame. */
static void more_pages_than_frames_are_read_in_turn(void **state)
{
    const pgno_t nr = DBFILE_CACHE_LEN / 32768 + 40;
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page held, p;

    (void)state;
    testdb_init(&db, 32768, nr);
    for (pgno_t n = 1; n <= nr; n++)
        make_leaf(&db, n);
    f = testdb_open(&db, &fs);
    assert_int_equal(dbfile_page(f, 7, &held), JET_errSuccess);
    for (pgno_t i = 0; i < 2 * nr; i++) {
        pgno_t n = i * 37 % nr + 1;
        assert_int_equal(dbfile_page(f, n, &p), JET_errSuccess);
        assert_int_equal(get_le32(page_node(p, 0).data.p), n);
        dbfile_unpin(f, &p);
    }
    assert_int_equal(get_le32(page_node(held, 0).data.p), 7); /* a pinned page stays where it is */
    dbfile_unpin(f, &held);
    dbfile_close(f);
    testdb_done(&db);
}

/* Pages far apart share buckets of the hash; there are more of them than frames. */
static void pages_all_over_a_large_file_are_found(void **state)
{
    enum { NR = 12000, FAR = 1000000 };
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;
    pgno_t *pgno = calloc(NR, sizeof(*pgno));

    (void)state;
    assert_non_null(pgno);
    testdb_init(&db, 2048, 1);
    testdb_write(&db);
    assert_int_equal(ftruncate(db.fd, (off_t)(FAR + 2) * 2048), 0);
    for (unsigned i = 0; i < NR; i++) {
        pgno[i] = 1 + (pgno_t)(rnd() % FAR);
        make_leaf(&db, 1); /* a page of another number, sealed for its own */
        put_le32(testdb_page(&db, 1) + 40 + 5, pgno[i]);
        page_seal(testdb_page(&db, 1), 2048, pgno[i]);
        assert_int_equal(pwrite(db.fd, testdb_page(&db, 1), 2048, (off_t)(pgno[i] + 1) * 2048),
                         2048);
    }
    faults_init(&fs);
    assert_int_equal(dbfile_open(db.fd, &fs.r, &f), JET_errSuccess);
    for (unsigned i = 0; i < 4 * NR; i++) {
        pgno_t n = pgno[i < NR ? i : rnd() % NR];
        assert_int_equal(dbfile_page(f, n, &p), JET_errSuccess);
        assert_int_equal(get_le32(page_node(p, 0).data.p), n);
        dbfile_unpin(f, &p);
    }
    assert_int_equal(fs.nr, 0);
    dbfile_close(f);
    testdb_done(&db);
    free(pgno);
}

static void a_cache_full_of_pinned_pages_says_so(void **state)
{
    const pgno_t frames = DBFILE_CACHE_LEN / 32768;
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page *pages = calloc(frames, sizeof(*pages)), p;

    (void)state;
    assert_non_null(pages);
    testdb_init(&db, 32768, frames + 1);
    for (pgno_t n = 1; n <= frames + 1; n++)
        make_leaf(&db, n);
    f = testdb_open(&db, &fs);
    for (pgno_t n = 0; n < frames; n++)
        assert_int_equal(dbfile_page(f, n + 1, &pages[n]), JET_errSuccess);
    assert_int_equal(dbfile_page(f, frames + 1, &p), JET_errOutOfBuffers);
    dbfile_unpin(f, &pages[3]);
    assert_int_equal(dbfile_page(f, frames + 1, &p), JET_errSuccess);
    dbfile_unpin(f, &p);
    for (pgno_t n = 0; n < frames; n++)
        dbfile_unpin(f, &pages[n]);
    free(pages);
    dbfile_close(f);
    testdb_done(&db);
}

static void what_is_no_database_is_not_opened(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    faults_init(&fs);
    assert_true(dbfile_open(fd, &fs.r, &f) < 0);
    close(fd);
    testdb_init(&db, 4096, 1);
    db.bytes[900] ^= 1;
    db.bytes[4096 + 900] ^= 1;
    testdb_write(&db);
    faults_init(&fs);
    assert_int_equal(dbfile_open(db.fd, &fs.r, &f), JET_errReadVerifyFailure);
    assert_int_equal(fs.nr, 1);
    testdb_done(&db);
    dbfile_close(NULL);
}

static void a_file_of_headers_alone_has_no_page(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;

    (void)state;
    testdb_init(&db, 8192, 0);
    f = testdb_open(&db, &fs);
    assert_int_equal(dbfile_last_page(f), 0);
    assert_int_equal(dbfile_page(f, 1, &p), JET_errFileIOBeyondEOF);
    dbfile_close(f);
    testdb_done(&db);
}

/* The descriptor is closed behind the reader's back: an error of the system, with its errno. */
static void a_failing_read_is_an_error_of_the_system(void **state)
{
    struct testdb db;
    struct faults fs;
    struct dbfile *f;
    struct page p;

    (void)state;
    testdb_init(&db, 4096, 1);
    make_leaf(&db, 1);
    f = testdb_open(&db, &fs);
    close(db.fd);
    db.fd = -1;
    assert_true(dbfile_page(f, 1, &p) < 0);
    assert_int_equal(fs.nr, 1);
    assert_int_not_equal(fs.last.os_errno, 0);
    dbfile_close(f);
    testdb_done(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_found_by_its_number_in_every_page_size),
        cmocka_unit_test(a_page_is_read_once_while_it_is_in_the_cache),
        cmocka_unit_test(damage_is_reported_once_with_page_and_offset),
        cmocka_unit_test(page_0_is_no_page),
        cmocka_unit_test(one_wrong_bit_is_corrected_and_told),
        cmocka_unit_test(more_pages_than_frames_are_read_in_turn),
        cmocka_unit_test(pages_all_over_a_large_file_are_found),
        cmocka_unit_test(a_cache_full_of_pinned_pages_says_so),
        cmocka_unit_test(what_is_no_database_is_not_opened),
        cmocka_unit_test(a_file_of_headers_alone_has_no_page),
        cmocka_unit_test(a_failing_read_is_an_error_of_the_system),
    };

    rnd_init("dbfile");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
