/*
 * A database that streams by: what one page cannot tell about itself. A small tree (parent 4, leaves
 * 5, 6, 7) is damaged in one way at a time, every page sealed with a right checksum again.
 */
#include "testutil.h"

#include "check/dbcheck.h"
#include "pagebuilder.h"

#define NR_PAGES 20u

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

struct db {
    uint8_t *b;
    uint32_t size; /* of a page */
    uint64_t len;
};

static struct ese_fault first;
static unsigned nr_faults, nr_corrected, nr_notes;

static void keep(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    if (f->severity == ESE_FAULT && nr_faults++ == 0)
        first = *f;
    nr_corrected += f->severity == ESE_CORRECTED;
    nr_notes += f->severity == ESE_NOTE;
}

static uint8_t *page_of(struct db *d, pgno_t n)
{
    return d->b + (uint64_t)(n + 1) * d->size;
}
static void seal(struct db *d, pgno_t n)
{
    page_seal(page_of(d, n), d->size, n);
}

static void add_pointer(struct db *d, pgno_t parent, const char *key, pgno_t child)
{
    uint8_t data[4];

    put_le32(data, child);
    page_add(page_of(d, parent), d->size, key, (uint32_t)strlen(key), data, 4);
}

static void make(struct db *d, uint32_t size, uint32_t state)
{
    uint8_t space[16] = {0}, key[4] = {0, 0, 0, NR_PAGES}, count[4] = {NR_PAGES};

    d->size = size;
    d->len = (uint64_t)(NR_PAGES + 2) * size;
    d->b = calloc(1, d->len);
    assert_non_null(d->b);
    header_make(d->b, size, state);
    space[8] = SPACE_MULTIPLE;
    space[12] = 2;
    page_make(page_of(d, 1), size, 1, 1, PAGE_ROOT | PAGE_LEAF, 0, 0);
    page_set_header(page_of(d, 1), size, space, 16);
    for (pgno_t n = 2; n <= 3; n++) {
        page_make(page_of(d, n), size, n, 1, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE, 0, 0);
        if (n == 2)
            page_add(page_of(d, n), size, key, 4, count, 4);
    }
    page_make(page_of(d, 4), size, 4, 7, PAGE_ROOT | PAGE_PARENT_OF_LEAF, 0, 0);
    add_pointer(d, 4, "c", 5);
    add_pointer(d, 4, "f", 6);
    add_pointer(d, 4, "", 7);
    for (pgno_t n = 5; n <= 7; n++) {
        char k[2] = {(char)('a' + (n - 5) * 3), 0};
        page_make(page_of(d, n), size, n, 7, PAGE_LEAF, n > 5 ? n - 1 : 0, n < 7 ? n + 1 : 0);
        page_add(page_of(d, n), size, k, 1, "data", 4);
    }
    for (pgno_t n = 1; n <= 7; n++)
        seal(d, n);
    nr_faults = nr_corrected = nr_notes = 0;
    memset(&first, 0, sizeof(first));
}

/* Feeds in pieces of `piece` bytes, a multiple of 64 KiB. */
static struct dbcheck_counts check(struct db *d, size_t piece, const struct dbcheck_logs *logs)
{
    struct reporter r = {.fn = keep, .file = "t.edb"};
    struct dbcheck *c;
    struct dbcheck_counts n;
    JET_ERR err = JET_errSuccess;

    assert_int_equal(dbcheck_new(d->len, &r, &c), 0);
    if (logs)
        dbcheck_expect(c, logs);
    for (uint64_t at = 0; err >= 0 && at < d->len; at += piece)
        err = dbcheck_feed(c, d->b + at, d->len - at < piece ? (size_t)(d->len - at) : piece);
    if (err >= 0)
        err = dbcheck_end(c);
    assert_int_equal(r.nr_faults, nr_faults);
    n = dbcheck_counts(c);
    dbcheck_free(c);
    free(d->b);
    return n;
}

static void a_sound_database_of_every_page_size_passes(void **state)
{
    struct db d;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct dbcheck_counts n;

        make(&d, sizes[i], ESE_DB_CLEAN);
        n = check(&d, i % 2 ? 65536 : 1 << 20, NULL);
        assert_int_equal(nr_faults + nr_notes + nr_corrected, 0);
        assert_int_equal(n.pages, NR_PAGES);
        assert_int_equal(n.blank, NR_PAGES - 7);
    }
}

struct damage {
    const char *name;
    void (*do_it)(struct db *d);
    JET_ERR err;
    pgno_t pgno;
    const char *text;
    bool clean_only; /* proves nothing in a dirty database */
};

static void zero_leaf(struct db *d)
{
    memset(page_of(d, 6), 0, d->size);
}
static void zero_parent_of_nobody(struct db *d)
{
    memset(page_of(d, 1), 0, d->size);
}
static void zero_space_tree(struct db *d)
{
    memset(page_of(d, 3), 0, d->size);
}
static void leaf_from_older_state(struct db *d)
{
    put_le32(page_of(d, 6) + 20, 0); /* as if 7 had not been split off yet */
    seal(d, 6);
}
static void leaf_with_another_previous(struct db *d)
{
    put_le32(page_of(d, 6) + 16, 4);
    seal(d, 6);
}
static void child_beyond_the_end(struct db *d)
{
    struct page p = {page_of(d, 4), d->size};
    struct node n = page_node(p, 1);

    put_le32(page_of(d, 4) + (n.data.p - p.b), 4000);
    seal(d, 4);
}
static void cut_at_a_page(struct db *d)
{
    d->len -= 3 * d->size;
}
static void cut_in_a_page(struct db *d)
{
    d->len -= d->size / 2;
}
static void two_bits(struct db *d)
{
    page_of(d, 6)[100] ^= 3;
}
static void other_page(struct db *d)
{
    memcpy(page_of(d, 6), page_of(d, 7), d->size);
}
static void ruin_primary(struct db *d)
{
    d->b[300] ^= 1;
}
static void ruin_shadow(struct db *d)
{
    d->b[d->size + 300] ^= 1;
}
static void ruin_both(struct db *d)
{
    ruin_primary(d);
    ruin_shadow(d);
}

static const struct damage damages[] = {
    {"zero_leaf", zero_leaf, JET_errPageNotInitialized, 6, "blank", true},
    {"zero_root", zero_parent_of_nobody, JET_errPageNotInitialized, 1, "root page is blank", true},
    {"zero_space_tree", zero_space_tree, JET_errPageNotInitialized, 3, "blank", true},
    {"older_leaf", leaf_from_older_state, JET_errBadPageLink, 6, "next page should be 7", true},
    {"other_previous", leaf_with_another_previous, JET_errBadPageLink, 6,
     "previous page should be 5", true},
    {"child_beyond", child_beyond_the_end, JET_errDatabaseCorrupted, 4, "refers to page 4000",
     true},
    {"cut_at_a_page", cut_at_a_page, JET_errDatabaseCorrupted, 2, "truncated", true},
    {"cut_in_a_page", cut_in_a_page, JET_errDatabaseCorrupted, 0, "truncated", false},
    {"two_bits", two_bits, JET_errReadVerifyFailure, 6, "checksum mismatch", false},
    {"other_page", other_page, JET_errReadVerifyFailure, 6, "those of page 7", false},
    {"ruin_primary", ruin_primary, JET_errReadVerifyFailure, 0, "primary header", false},
    {"ruin_shadow", ruin_shadow, JET_errReadVerifyFailure, 0, "shadow", false},
    {"ruin_both", ruin_both, JET_errReadVerifyFailure, 0, "both damaged", false},
};

static void each_kind_of_damage_is_found_and_placed(void **state)
{
    struct db d;

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
            const struct damage *x = &damages[i];

            make(&d, sizes[s], ESE_DB_CLEAN);
            x->do_it(&d);
            check(&d, 65536, NULL);
            if (!nr_faults || first.err != x->err || first.pgno != x->pgno ||
                !strstr(first.text, x->text))
                fail_msg("%s at %u: %u faults, first %d page %u: %s", x->name, sizes[s], nr_faults,
                         first.err, first.pgno, first.text);
            if (first.pgno)
                assert_int_equal(first.offset, (uint64_t)(first.pgno + 1) * sizes[s]);
        }
}

static void a_dirty_database_is_not_held_to_what_recovery_will_write(void **state)
{
    struct db d;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        make(&d, 4096, ESE_DB_DIRTY);
        damages[i].do_it(&d);
        check(&d, 65536, NULL);
        if ((nr_faults == 0) != damages[i].clean_only)
            fail_msg("%s: %u faults", damages[i].name, nr_faults);
    }
}

static void one_bit_is_corrected_in_the_buffer_and_counted(void **state)
{
    struct db d;

    (void)state;
    make(&d, 4096, ESE_DB_CLEAN);
    page_of(&d, 6)[1000] ^= 8;
    check(&d, 65536, NULL);
    assert_int_equal(nr_faults, 0);
    assert_int_equal(nr_corrected, 1);
}

static void a_page_out_of_its_tree_is_not_believed(void **state)
{
    struct db d;

    (void)state;
    make(&d, 4096, ESE_DB_CLEAN);
    page_make(page_of(&d, 9), 4096, 9, 7, PAGE_LEAF | PAGE_EMPTY, 15, 16); /* 15, 16 are blank */
    seal(&d, 9);
    page_make(page_of(&d, 10), 4096, 10, 3, PAGE_PARENT_OF_LEAF, 0,
              0); /* of a table that is gone */
    add_pointer(&d, 10, "a", 5);
    add_pointer(&d, 10, "b", 7);
    seal(&d, 10);
    check(&d, 65536, NULL);
    assert_int_equal(nr_faults, 0);
}

static dbtime_t least_of_6, most_of_6; /* it has 106 */

static void expect_of_page_6(void *ctx, pgno_t pgno, dbtime_t *ret_least, dbtime_t *ret_most)
{
    (void)ctx;
    if (pgno == 6) {
        *ret_least = least_of_6;
        *ret_most = most_of_6;
    }
}

static const struct dbcheck_logs logs_of_page_6 = {.bounds = expect_of_page_6};

static void a_page_older_or_newer_than_the_logs_say_is_found(void **state)
{
    struct db d;

    (void)state;
    least_of_6 = most_of_6 = 107;
    make(&d, 4096, ESE_DB_DIRTY);
    check(&d, 65536, &logs_of_page_6);
    assert_int_equal(first.err, JET_errDbTimeTooOld);
    assert_int_equal(first.pgno, 6);
    least_of_6 = most_of_6 = 105;
    make(&d, 4096, ESE_DB_DIRTY);
    check(&d, 65536, &logs_of_page_6);
    assert_int_equal(first.err, JET_errDbTimeTooNew);
    assert_int_equal(first.pgno, 6);
    least_of_6 = most_of_6 = 106;
    make(&d, 4096, ESE_DB_CLEAN);
    check(&d, 65536, &logs_of_page_6);
    assert_int_equal(nr_faults, 0);
}

struct logged_end {
    bool known;
    pgno_t grows_to, had;
    pgno_t asked; /* it was asked about a file that ends there */
};

static bool logged_end(void *ctx, pgno_t end, pgno_t *ret_grows_to, pgno_t *ret_had)
{
    struct logged_end *e = ctx;

    e->asked = end;
    if (!e->known)
        return false;
    *ret_grows_to = e->grows_to;
    *ret_had = e->had;
    return true;
}

/* It owns 20 pages and has 17. */
static void a_file_is_as_long_as_what_the_logs_do_not_add(void **state)
{
    static const struct {
        struct logged_end logs;
        unsigned faults, notes;
        const char *text;
    } table[] = {
        {{.known = false}, 0, 1, ""},
        {{.known = true}, 1, 0, "owns pages up to 20 and ends at page 17"},
        {{.known = true, .grows_to = 19}, 1, 0, "owns pages up to 20 and ends at page 17"},
        {{.known = true, .grows_to = 20}, 0, 0, ""},
        {{.known = true, .grows_to = 400}, 0, 0, ""},
        {{.known = true, .grows_to = 20, .had = 18}, 1, 0, "by the logs it had page 18"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct logged_end e = table[i].logs;
        struct db d;

        make(&d, 4096, ESE_DB_DIRTY);
        cut_at_a_page(&d);
        check(&d, 65536, &(struct dbcheck_logs){.end = logged_end, .ctx = &e});
        assert_int_equal(e.asked, NR_PAGES - 3);
        if (nr_faults != table[i].faults || nr_notes != table[i].notes ||
            !strstr(first.text, table[i].text))
            fail_msg("%zu: %u faults, %u notes: %s", i, nr_faults, nr_notes, first.text);
        if (nr_faults)
            assert_int_equal(first.err, JET_errDatabaseCorrupted);
    }
}

static void logs_add_nothing_to_a_clean_file(void **state)
{
    struct logged_end e = {.known = true, .grows_to = 400};
    struct db d;

    (void)state;
    make(&d, 4096, ESE_DB_CLEAN);
    cut_at_a_page(&d);
    check(&d, 65536, &(struct dbcheck_logs){.end = logged_end, .ctx = &e});
    assert_int_equal(nr_faults, 1);
    assert_int_equal(first.err, JET_errDatabaseCorrupted);
    assert_int_equal(first.pgno, 2);
}

static void a_hole_counts_as_blank_pages(void **state)
{
    struct reporter r = {.fn = keep, .file = "t.edb"};
    struct dbcheck *c;
    struct dbcheck_counts n;
    struct db d;
    uint64_t terabytes = UINT64_C(8) << 40, head;

    (void)state;
    make(&d, 4096, ESE_DB_CLEAN);
    head = 65536; /* pages 1 .. 14 */
    assert_int_equal(dbcheck_new(head + terabytes, &r, &c), 0);
    assert_int_equal(dbcheck_feed(c, d.b, head), 0);
    assert_int_equal(dbcheck_feed_hole(c, terabytes), 0);
    assert_int_equal(dbcheck_end(c), 0);
    n = dbcheck_counts(c);
    assert_int_equal(nr_faults, 0);
    assert_int_equal(n.pages, (head + terabytes) / 4096 - 2);
    assert_int_equal(n.blank, n.pages - 7);
    dbcheck_free(c);
    free(d.b);
}

static void a_trailer_page_is_taken_only_of_the_same_database(void **state)
{
    struct db d;

    (void)state;
    for (int foreign = 0; foreign < 2; foreign++) {
        struct trailer_disk *t;
        struct dbcheck_counts n;

        make(&d, 8192, ESE_DB_DIRTY);
        t = (struct trailer_disk *)page_of(&d, NR_PAGES);
        le32_put(&t->backup.gen_low, 3);
        memset(t->sign_db.b, foreign ? 1 : 0x5a, sizeof(t->sign_db.b));
        le32_put(&t->checksum, cksum_xor(t, 8192));
        n = check(&d, 65536, NULL);
        assert_true(n.trailer);
        assert_int_equal(nr_faults, foreign);
        assert_int_equal(first.err, foreign ? JET_errDatabasePatchFileMismatch : 0);
    }
}

/* gen_high is set by a restore that has begun, and makes a zero page of the trailer. */
static void copy_of_a_backup_without_its_trailer_was_cut_off(void **state)
{
    struct db d;

    (void)state;
    for (uint32_t gen_high = 0; gen_high < 2; gen_high++) {
        make(&d, 4096, ESE_DB_DIRTY);
        for (unsigned copy = 0; copy < 2; copy++) {
            struct dbhdr_disk *h = (struct dbhdr_disk *)(d.b + copy * d.size);
            le32_put(&h->full_cur.gen_low, 3);
            le32_put(&h->full_cur.gen_high, gen_high);
            le32_put(&h->checksum, cksum_xor(h, d.size));
        }
        check(&d, 65536, NULL);
        assert_int_equal(nr_faults, gen_high ? 0 : 1);
        assert_int_equal(first.err, gen_high ? 0 : JET_errBadPatchPage);
        assert_int_equal(first.event, gen_high ? 0 : 645);
    }
}

static void a_file_that_ends_early_is_said(void **state)
{
    struct reporter r = {.fn = keep, .file = "t.edb"};
    struct dbcheck *c;
    struct db d;

    (void)state;
    make(&d, 4096, ESE_DB_CLEAN);
    assert_int_equal(dbcheck_new(d.len, &r, &c), 0);
    assert_int_equal(dbcheck_feed(c, d.b, 65536), 0);
    assert_int_equal(dbcheck_end(c), JET_errFileIOBeyondEOF);
    dbcheck_free(c);
    free(d.b);
}

static void an_empty_file_is_said(void **state)
{
    struct reporter r = {.fn = keep, .file = "t.edb"};
    struct dbcheck *c;

    (void)state;
    nr_faults = 0;
    assert_int_equal(dbcheck_new(0, &r, &c), 0);
    assert_int_equal(dbcheck_end(c), JET_errReadVerifyFailure);
    assert_int_equal(nr_faults, 1);
    assert_string_equal(first.text, "the file is empty");
    dbcheck_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_database_of_every_page_size_passes),
        cmocka_unit_test(each_kind_of_damage_is_found_and_placed),
        cmocka_unit_test(a_dirty_database_is_not_held_to_what_recovery_will_write),
        cmocka_unit_test(one_bit_is_corrected_in_the_buffer_and_counted),
        cmocka_unit_test(a_page_out_of_its_tree_is_not_believed),
        cmocka_unit_test(a_page_older_or_newer_than_the_logs_say_is_found),
        cmocka_unit_test(a_file_is_as_long_as_what_the_logs_do_not_add),
        cmocka_unit_test(logs_add_nothing_to_a_clean_file),
        cmocka_unit_test(copy_of_a_backup_without_its_trailer_was_cut_off),
        cmocka_unit_test(a_hole_counts_as_blank_pages),
        cmocka_unit_test(a_trailer_page_is_taken_only_of_the_same_database),
        cmocka_unit_test(a_file_that_ends_early_is_said),
        cmocka_unit_test(an_empty_file_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
