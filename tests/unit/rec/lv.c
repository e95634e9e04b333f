/* Long values: keys, pieces, compression, what is missing; and values wherever they lie. */
#include "recbuild.h"

#include "rec/value.h"

#define OBJID 9
#define CHUNK 100u

static struct value_reader vr;

static struct testdb db;
static struct faults fs;
static struct dbfile *f;
static uint8_t *tree; /* page 2 */

static void begin(void)
{
    testdb_init(&db, 4096, 2);
    tree = make_root(&db, 2, OBJID, PAGE_LONG_VALUE);
}

static void open_tree(void)
{
    f = testdb_open(&db, &fs);
    lv_init(&vr.lv, f, 2, OBJID, CHUNK);
}

static void end(void)
{
    lv_done(&vr.lv);
    dbfile_close(f);
    testdb_done(&db);
}

static void add_root(uint64_t lid, uint32_t refcount, uint32_t size, int flags)
{
    uint8_t key[LV_KEY_MAX], data[9];

    put_le32(data, refcount);
    put_le32(data + 4, size);
    data[8] = (uint8_t)flags;
    add_node(tree, 4096, 0, 0, key, lv_key(lid, NULL, key), data, flags < 0 ? 8 : 9);
}

static void add_piece(uint64_t lid, uint32_t offset, const void *p, uint32_t len)
{
    uint8_t key[LV_KEY_MAX];

    add_node(tree, 4096, 0, 0, key, lv_key(lid, &offset, key), p, len);
}

static uint8_t plain[350];

static void fill(void)
{
    for (unsigned i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)('a' + i % 23);
}

static uint32_t pack_7bit(const uint8_t *p, uint32_t nr, uint8_t *to)
{
    uint32_t bits = nr * 7, at = 0;

    memset(to, 0, 2 + bits / 8);
    to[0] = (uint8_t)(1 << 3 | ((bits - 1) & 7));
    for (uint32_t i = 0; i < nr; i++)
        for (unsigned k = 0; k < 7; k++, at++)
            to[1 + at / 8] |= (uint8_t)((p[i] >> k & 1) << at % 8);
    return 1 + (bits + 7) / 8;
}

static void add_whole(uint64_t lid, uint32_t size, bool compressed)
{
    uint8_t packed[CHUNK + 10];

    add_root(lid, 1, size, -1);
    for (uint32_t at = 0; at < size; at += CHUNK) {
        uint32_t n = size - at < CHUNK ? size - at : CHUNK;
        if (compressed)
            add_piece(lid, at, packed, pack_7bit(plain + at, n, packed));
        else
            add_piece(lid, at, plain + at, n);
    }
}

static void expect_whole(uint64_t lid, uint32_t size)
{
    uint8_t got[sizeof(plain)];
    uint32_t n, at = 0;
    struct slice piece;

    assert_int_equal(lv_open(&vr.lv, lid, &n), JET_errSuccess);
    assert_int_equal(n, size);
    assert_int_equal(vr.lv.refcount, 1);
    for (;;) {
        assert_int_equal(lv_next(&vr.lv, &piece), JET_errSuccess);
        if (piece.len == 0)
            break;
        assert_true(piece.len <= CHUNK && at + piece.len <= sizeof(got));
        memcpy(got + at, piece.p, piece.len);
        at += piece.len;
    }
    assert_int_equal(at, size);
    assert_memory_equal(got, plain, size);
    assert_int_equal(lv_next(&vr.lv, &piece), JET_errSuccess); /* the end stays the end */
    assert_int_equal(piece.len, 0);
}

static void both_widths_of_numbers_live_in_one_tree(void **state)
{
    static const uint64_t lids[] = {1, 2, 0x7ffffeff, LID64 | 0x80000001, LID64 | 0x80000002};
    static const uint32_t sizes[] = {1, 350, 100, 250, 200};

    (void)state;
    fill();
    begin();
    for (unsigned i = 0; i < ARRAY_LEN(lids); i++)
        add_whole(lids[i], sizes[i], i % 2);
    open_tree();
    for (unsigned i = 0; i < 40; i++)
        expect_whole(lids[i * 7 % 5], sizes[i * 7 % 5]);
    assert_int_equal(fs.nr, 0);
    end();
}

static void a_value_of_no_bytes_has_a_root_alone(void **state)
{
    struct slice piece;
    uint32_t n;

    (void)state;
    begin();
    add_root(5, 3, 0, -1);
    open_tree();
    assert_int_equal(lv_open(&vr.lv, 5, &n), JET_errSuccess);
    assert_int_equal(n, 0);
    assert_int_equal(lv_next(&vr.lv, &piece), JET_errSuccess);
    assert_int_equal(piece.len, 0);
    end();
}

static void keys_are_taken_apart_by_their_length_and_first_bit(void **state)
{
    struct lv_node n;
    uint8_t root[8] = {2, 0, 0, 0, 77, 0, 0, 0};

    (void)state;
    assert_null(lv_node_decode(sl("\0\0\1\2", 4), sl(root, 8), &n));
    assert_true(n.is_root && n.lid == 0x102 && n.refcount == 2 && n.size == 77);
    assert_null(lv_node_decode(sl("\0\0\1\2\0\0\0\x64", 8), str("x"), &n));
    assert_true(!n.is_root && n.lid == 0x102 && n.offset == 100 && n.piece.len == 1);
    assert_null(lv_node_decode(sl("\x80\0\0\0\x80\0\0\1", 8), sl(root, 8), &n));
    assert_true(n.is_root && n.lid == (LID64 | 0x80000001));
    assert_null(lv_node_decode(sl("\x80\0\0\0\x80\0\0\1\0\0\0\x64", 12), str("x"), &n));
    assert_true(!n.is_root && n.lid == (LID64 | 0x80000001) && n.offset == 100);
    for (uint32_t len = 0; len < 14; len++) {
        const bool narrow = len == 4 || len == 8, wide = len == 8 || len == 12;
        if ((lv_node_decode(sl("\0\0\0\0\0\0\0\0\0\0\0\0\0", len), sl(root, 8), &n) == NULL) !=
            narrow)
            fail_msg("4-byte number, key of %u bytes", len);
        if ((lv_node_decode(sl("\x80\0\0\0\0\0\0\0\0\0\0\0\0", len), sl(root, 8), &n) == NULL) !=
                wide &&
            len != 4)
            fail_msg("8-byte number, key of %u bytes", len);
    }
    assert_non_null(lv_node_decode(sl("\0\0\1\2", 4), sl(root, 7), &n));
    root[7] = 0x80;
    assert_non_null(lv_node_decode(sl("\0\0\1\2", 4), sl(root, 8), &n)); /* 2 GiB and more */
}

static void numbers_in_records_are_little_endian(void **state)
{
    (void)state;
    assert_int_equal(lid_decode(sl("\x01\x02\0\0", 4)), 0x201);
    assert_true(lid_decode(sl("\x01\0\0\x80\0\0\0\x80", 8)) == (LID64 | 0x80000001));
}

static void pieces_have_the_size_of_the_page_size(void **state)
{
    (void)state;
    assert_int_equal(lv_chunk_default(4096), 4014);
    assert_int_equal(lv_chunk_default(8192), 8110);
    assert_int_equal(lv_chunk_default(16384), 4050);
    assert_int_equal(lv_chunk_default(32768), 8150);
}

/* ---- damage ------------------------------------------------------------------------------------- */

struct bad {
    const char *name;
    void (*make)(void);
    JET_ERR open, next; /* next: of the piece where it shows */
    uint32_t good;      /* bytes before that */
};

static void no_root(void)
{
    add_piece(5, 0, plain, 50);
}
static void nothing_at_all(void) {}
static void another_number(void)
{
    add_whole(6, 150, false);
}
static void first_piece_missing(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, CHUNK, plain, 50);
}
static void second_piece_missing(void)
{
    add_root(5, 1, 250, -1);
    add_piece(5, 0, plain, CHUNK);
    add_piece(5, 2 * CHUNK, plain, 50);
}
static void last_piece_missing(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, plain, CHUNK);
}
static void last_piece_is_another_values(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, plain, CHUNK);
    add_whole(6, 50, false);
}
static void piece_at_an_odd_offset(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, plain, CHUNK);
    add_piece(5, CHUNK + 1, plain, 50);
}
static void piece_too_long(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, plain, CHUNK);
    add_piece(5, CHUNK, plain, 51);
}
static void piece_too_short(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, plain, CHUNK - 1);
}
static void compressed_piece_of_another_length(void)
{
    uint8_t packed[100];

    add_root(5, 1, 150, -1);
    add_piece(5, 0, packed, pack_7bit(plain, 96, packed));
}
static void scrubbed_piece(void)
{
    add_root(5, 1, 150, -1);
    add_piece(5, 0, "\x20XXXX", 5);
}
static void encrypted_value(void)
{
    add_root(5, 1, 150, 1);
}
static void root_cut_off(void)
{
    add_node(tree, 4096, 0, 0, "\0\0\0\5", 4, "1234567", 7);
}
static void key_of_6_bytes(void)
{
    add_root(5, 1, 150, -1);
    add_node(tree, 4096, 0, 0, "\0\0\0\5\0\0", 6, "1234567", 7);
}

static const struct bad bad[] = {
    {"no root", no_root, JET_errLVCorrupted, 0, 0},
    {"an empty tree", nothing_at_all, JET_errLVCorrupted, 0, 0},
    {"another number", another_number, JET_errLVCorrupted, 0, 0},
    {"first piece missing", first_piece_missing, 0, JET_errLVCorrupted, 0},
    {"second piece missing", second_piece_missing, 0, JET_errLVCorrupted, 100},
    {"last piece missing", last_piece_missing, 0, JET_errLVCorrupted, 100},
    {"last piece is another value's", last_piece_is_another_values, 0, JET_errLVCorrupted, 100},
    {"piece at an odd offset", piece_at_an_odd_offset, 0, JET_errLVCorrupted, 100},
    {"piece too long", piece_too_long, 0, JET_errLVCorrupted, 100},
    {"piece too short", piece_too_short, 0, JET_errDecompressionFailed, 0},
    {"compressed piece of another length", compressed_piece_of_another_length, 0,
     JET_errLVCorrupted, 0},
    {"scrubbed piece", scrubbed_piece, 0, JET_errDecompressionFailed, 0},
    {"encrypted value", encrypted_value, JET_errColumnNoEncryptionKey, 0, 0},
    {"root cut off", root_cut_off, JET_errLVCorrupted, 0, 0},
    {"key of 6 bytes", key_of_6_bytes, 0, JET_errLVCorrupted, 0},
};

static void damage_is_found_where_it_is(void **state)
{
    (void)state;
    fill();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint32_t n, good = 0;
        struct slice piece = {0};
        JET_ERR err;
        begin();
        bad[i].make();
        open_tree();
        err = lv_open(&vr.lv, 5, &n);
        if (err != bad[i].open)
            fail_msg("%s: %s", bad[i].name, err_name(err));
        while (err >= 0 && (err = lv_next(&vr.lv, &piece)) >= 0) {
            assert_true(piece.len > 0);
            good += piece.len;
        }
        if (bad[i].open == 0 && (err != bad[i].next || good != bad[i].good))
            fail_msg("%s: %s after %u bytes", bad[i].name, err_name(err), good);
        assert_int_equal(fs.nr, 1);
        assert_int_equal(fs.last.err, err);
        end();
    }
}

/* Root on page 3, the next leaf is blank: what opens still may not go on. */
static void a_page_that_cannot_be_read_ends_the_value(void **state)
{
    struct slice piece;
    uint32_t n;

    (void)state;
    testdb_init(&db, 4096, 4);
    page_make(testdb_page(&db, 2), 4096, 2, OBJID,
              PAGE_ROOT | PAGE_PARENT_OF_LEAF | PAGE_LONG_VALUE | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(&db, 2), 4096, 1, 0, 1, 0);
    add_child(testdb_page(&db, 2), 4096, "\0\0\0\5\0", 5, 3);
    add_child(testdb_page(&db, 2), 4096, "", 0, 4);
    tree = testdb_page(&db, 3);
    page_make(tree, 4096, 3, OBJID, PAGE_LEAF | PAGE_LONG_VALUE | PAGE_NEW_CHECKSUM, 0, 4);
    add_root(5, 1, 50, -1);
    open_tree();
    assert_int_equal(lv_open(&vr.lv, 5, &n), JET_errSuccess);
    assert_int_equal(lv_next(&vr.lv, &piece), JET_errPageNotInitialized);
    assert_int_equal(lv_open(&vr.lv, 6, &n), JET_errPageNotInitialized);
    assert_int_equal(fs.nr, 1);
    end();
}

static void a_table_without_long_values_has_none(void **state)
{
    uint32_t n;

    (void)state;
    begin();
    open_tree();
    lv_init(&vr.lv, f, PGNO_NULL, 0, CHUNK);
    assert_int_equal(lv_open(&vr.lv, 1, &n), JET_errLVCorrupted);
    end();
}

/* ---- values ------------------------------------------------------------------------------------- */

static void expect_bytes(const struct value *v, const void *p, uint32_t len)
{
    uint8_t got[sizeof(plain)];
    uint32_t n;

    assert_int_equal(value_read(&vr, v, 2, got, sizeof(got), &n), JET_errSuccess);
    assert_int_equal(n, len);
    assert_memory_equal(got, p, len);
    assert_int_equal(value_read(&vr, v, 2, got, len / 2, &n), JET_errSuccess); /* its beginning */
    assert_int_equal(n, len / 2);
}

static void a_value_is_read_wherever_it_lies(void **state)
{
    uint8_t packed[400], lid[4] = {5, 0, 0, 0};

    (void)state;
    fill();
    begin();
    add_whole(5, 350, true);
    open_tree();
    expect_bytes(&(struct value){.data = sl(plain, 30)}, plain, 30);
    expect_bytes(&(struct value){.data = sl(plain, 0)}, plain, 0);
    expect_bytes(
        &(struct value){.data = sl(packed, pack_7bit(plain, 300, packed)), .compressed = true},
        plain, 300);
    expect_bytes(&(struct value){.data = sl(lid, 4), .separated = true}, plain, 350);
    assert_int_equal(fs.nr, 0);
    end();
}

static void values_that_cannot_be_read_say_why(void **state)
{
    uint32_t n;

    (void)state;
    begin();
    open_tree();
    assert_int_equal(value_begin(&vr, &(struct value){.data = str("x"), .encrypted = true}, 2, &n),
                     JET_errColumnNoEncryptionKey);
    assert_non_null(strstr(fs.last.text, "encrypted"));
    assert_int_equal(
        value_begin(&vr, &(struct value){.data = str("\x28zzz"), .compressed = true}, 2, &n),
        JET_errDecompressionFailed);
    assert_non_null(strstr(fs.last.text, "XPRESS9"));
    assert_int_equal(fs.last.pgno, 2);
    assert_int_equal(
        value_begin(&vr, &(struct value){.data = str("\5\5\5\5"), .separated = true}, 2, &n),
        JET_errLVCorrupted);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_widths_of_numbers_live_in_one_tree),
        cmocka_unit_test(a_value_of_no_bytes_has_a_root_alone),
        cmocka_unit_test(keys_are_taken_apart_by_their_length_and_first_bit),
        cmocka_unit_test(numbers_in_records_are_little_endian),
        cmocka_unit_test(pieces_have_the_size_of_the_page_size),
        cmocka_unit_test(damage_is_found_where_it_is),
        cmocka_unit_test(a_page_that_cannot_be_read_ends_the_value),
        cmocka_unit_test(a_table_without_long_values_has_none),
        cmocka_unit_test(a_value_is_read_wherever_it_lies),
        cmocka_unit_test(values_that_cannot_be_read_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
