/* The database header, its shadow, the trailer page. */
#include "testutil.h"

#include "page/cksum.h"
#include "page/dbhdr.h"
#include "page/dbhdrstate.h"

static uint8_t head[DBHDR_HEAD_LEN];
static struct reporter rep;
static struct ese_fault last;
static unsigned nr_reported;

static void keep(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    last = *f;
    nr_reported++;
}

static void seal(uint8_t *copy, uint32_t page_size)
{
    put_le32(copy, cksum_xor(copy, page_size));
}

static void make(uint32_t page_size)
{
    struct dbhdr_disk *h = (struct dbhdr_disk *)head;

    memset(head, 0, sizeof(head));
    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, 20);
    le32_put(&h->page_size, page_size);
    le32_put(&h->state, ESE_DB_DIRTY);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->gen_min_required, 5);
    le32_put(&h->gen_max_required, 7);
    seal(head, page_size);
    memcpy(head + page_size, head, page_size);
    rep = (struct reporter){.fn = keep, .file = "x.edb"};
    nr_reported = 0;
}

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

static void a_sound_header_of_every_page_size_is_read(void **state)
{
    struct ese_db_info info;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        make(sizes[i]);
        assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errSuccess);
        assert_int_equal(info.page_size, sizes[i]);
        assert_int_equal(info.gen_min_required, 5);
        assert_int_equal(info.gen_max_required, 7);
        assert_false(info.primary_bad || info.shadow_bad);
        assert_int_equal(nr_reported, 0);
    }
}

static void a_ruined_primary_is_replaced_by_the_shadow(void **state)
{
    struct ese_db_info info;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        make(sizes[i]);
        memset(head, 0xff, sizes[i]);
        assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errSuccess);
        assert_int_equal(info.page_size, sizes[i]);
        assert_true(info.primary_bad);
        assert_int_equal(last.event, 456);
    }
}

static void a_ruined_shadow_is_noted(void **state)
{
    struct ese_db_info info;

    (void)state;
    make(4096);
    head[5000] ^= 1;
    assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errSuccess);
    assert_true(info.shadow_bad);
    assert_int_equal(last.event, 472);
    assert_int_equal(last.offset, 4096);
}

static void both_copies_ruined_is_an_error(void **state)
{
    struct ese_db_info info;

    (void)state;
    make(4096);
    head[100] ^= 1;
    head[5000] ^= 1;
    assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errReadVerifyFailure);
    assert_int_equal(rep.first, JET_errReadVerifyFailure);
}

static void other_files_and_versions_are_refused_by_name(void **state)
{
    struct ese_db_info info;

    (void)state;
    make(4096);
    put_le32(head + 232, DB_UPDATE_MAX + 10);
    seal(head, 4096);
    assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL),
                     JET_errInvalidDatabaseVersion);
    assert_non_null(strstr(last.text, "0x620.300"));
    make(4096);
    put_le32(head + 667, 3);
    seal(head, 4096);
    assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errFileInvalidType);
    memset(head, 'x', sizeof(head));
    assert_int_equal(dbhdr_decode(head, sizeof(head), &rep, &info, NULL), JET_errFileInvalidType);
    assert_int_equal(dbhdr_decode(head, 0, &rep, &info, NULL), JET_errFileInvalidType);
}

/* Any length, any bytes: an answer, never a read past the end. ASan watches a heap copy. */
static void short_and_random_heads_are_survived(void **state)
{
    struct ese_db_info info;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t len = rnd() % 9000;
        uint8_t *b = malloc(len + 1);

        make(sizes[rnd() % ARRAY_LEN(sizes)]);
        memcpy(b, head, len);
        for (uint64_t n = rnd() % 4; len && n; n--)
            b[rnd() % len] = (uint8_t)rnd();
        rep.fn = NULL;
        if (dbhdr_decode(b, len, &rep, &info, NULL) >= 0)
            assert_true(info.page_size >= PAGE_SIZE_MIN && info.page_size <= PAGE_SIZE_MAX);
        free(b);
    }
}

static void a_trailer_is_known_by_its_checksum_and_zeroes(void **state)
{
    static uint8_t page[4096];

    (void)state;
    memset(page, 0, sizeof(page));
    assert_false(trailer_is_valid(page, sizeof(page)));
    put_le32(page + 56, 9);
    seal(page, sizeof(page));
    assert_true(trailer_is_valid(page, sizeof(page)));
    page[20] = 1;
    seal(page, sizeof(page));
    assert_false(trailer_is_valid(page, sizeof(page)));
}

static void marks_of_backups_are_kept_apart(void **state)
{
    static uint8_t page[4096], trailer[4096];
    struct dbhdr_disk *h = (struct dbhdr_disk *)page;
    const struct bkinfo old = {.mark = 50, .gen_low = 1, .gen_high = 2},
                        full = {.mark = 100, .gen_low = 3, .gen_high = 5},
                        inc = {.mark = 200, .gen_low = 3, .gen_high = 7};
    uint32_t type;

    (void)state;
    memset(page, 0, sizeof(page));
    assert_true(dbhdr_set_backup(h, DBHDR_FULL, DBHDR_STREAMED, &full));
    assert_true(dbhdr_set_backup(h, DBHDR_INCREMENTAL, DBHDR_STREAMED, &inc));
    assert_true(dbhdr_set_backup(h, DBHDR_DIFFERENTIAL, DBHDR_SNAPSHOT, &inc));
    assert_true(dbhdr_set_backup(h, DBHDR_COPY, DBHDR_SNAPSHOT, &old));
    assert_false(
        dbhdr_set_backup(h, DBHDR_FULL, DBHDR_SNAPSHOT, &old)); /* older than what is there */
    assert_int_equal(dbhdr_backup(h, DBHDR_FULL, &type).gen_high, 5);
    assert_int_equal(type, DBHDR_STREAMED);
    assert_int_equal(dbhdr_backup(h, DBHDR_INCREMENTAL, &type).gen_high, 7);
    assert_int_equal(dbhdr_backup(h, DBHDR_COPY, &type).mark, 50);
    assert_int_equal(type, DBHDR_SNAPSHOT);
    assert_int_equal(get_le32(page + 468), DBHDR_SNAPSHOT);
    assert_true(dbhdr_set_backup(h, DBHDR_FULL, DBHDR_SNAPSHOT, &inc));
    assert_int_equal(get_le32(page + 356), DBHDR_SNAPSHOT);
    assert_int_equal(dbhdr_backup(h, DBHDR_INCREMENTAL, &type).gen_low, 0);
    assert_int_equal(dbhdr_backup(h, DBHDR_DIFFERENTIAL, &type).gen_low, 0);
    assert_int_equal(dbhdr_backup(h, DBHDR_COPY, &type).gen_low, 1);

    dbhdr_set_current_backup(h, &full);
    assert_int_equal(get_le32(page + 184 + 16), 3);
    le32_put(&h->gen_min_required, 4);
    dbhdr_make_trailer(h, &inc, trailer, sizeof(trailer));
    assert_true(trailer_is_valid(trailer, sizeof(trailer)));
    assert_int_equal(get_le32(trailer + 40 + 20), 7);
    assert_int_equal(get_le32(trailer + 120), 0);
    le32_put(&h->update_major, 160); /* newer formats tell what the header requires */
    dbhdr_make_trailer(h, &inc, trailer, sizeof(trailer));
    assert_int_equal(get_le32(trailer + 120), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_header_of_every_page_size_is_read),
        cmocka_unit_test(a_ruined_primary_is_replaced_by_the_shadow),
        cmocka_unit_test(a_ruined_shadow_is_noted),
        cmocka_unit_test(both_copies_ruined_is_an_error),
        cmocka_unit_test(other_files_and_versions_are_refused_by_name),
        cmocka_unit_test(short_and_random_heads_are_survived),
        cmocka_unit_test(a_trailer_is_known_by_its_checksum_and_zeroes),
        cmocka_unit_test(marks_of_backups_are_kept_apart),
    };
    rnd_init("dbhdr");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
