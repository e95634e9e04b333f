/* The check of a page: what it corrects, what it refuses, and that it never believes a byte. */
#include "testutil.h"

#include "page/page.h"

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

/* A leaf with n nodes, keys ascending, the k-th compressed by two bytes of the page's prefix. */
static void make_leaf(uint8_t *b, uint32_t size, pgno_t pgno, unsigned n)
{
    uint32_t begin = page_header_len(size), at = 0, used = 0;
    bool small = size <= 8192;

    memset(b, 0, size);
    for (unsigned i = 0; i <= n; i++) { /* tag 0: the prefix "pr" */
        uint8_t *p = b + begin + at, *t = b + size - 4 * (i + 1);
        bool packed = i && i % 2;
        uint32_t len;

        if (i == 0) {
            memcpy(p, "pr", 2);
            len = 2;
        } else {
            uint8_t *q = p;
            if (packed) {
                put_le16(q, 2);
                q += 2;
            }
            put_le16(q, packed ? 4 : 6);
            q += 2;
            if (!packed) {
                memcpy(q, "pr", 2);
                q += 2;
            }
            q[0] = 0, q[1] = 0, q[2] = (uint8_t)(i >> 8), q[3] = (uint8_t)i;
            memcpy(q + 4, "data!", 5);
            len = (uint32_t)(q + 9 - p);
            if (!small && packed)
                p[1] |= NODE_COMPRESSED << 5;
        }
        put_le16(t, (uint16_t)len);
        put_le16(t + 2, (uint16_t)(at | (small && packed ? NODE_COMPRESSED << 13 : 0)));
        at += len;
        used += len;
    }
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    le64_put(&h->dbtime, 5);
    le32_put(&h->objid_fdp, 9);
    le16_put(&h->ib_mic_free, (uint16_t)at);
    le16_put(&h->itag_state, (uint16_t)(n + 1));
    le16_put(&h->cb_free, (uint16_t)(size - begin - 4 * (n + 1) - used));
    le32_put(&h->flags, PAGE_LEAF);
    if (!small)
        put_le32(b + offsetof(struct page_hdr2_disk, pgno), pgno);
    page_seal(b, size, pgno);
}

static void a_sound_page_passes_and_reads_back(void **state)
{
    static uint8_t b[PAGE_SIZE_MAX];

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct page_check v;
        struct page p = {b, sizes[s]};
        uint8_t key[64];

        make_leaf(b, sizes[s], 77, 40);
        page_verify(b, sizes[s], 77, &v);
        assert_int_equal(v.verdict, PAGE_OK);
        assert_int_equal(page_nr_lines(p), 40);
        for (unsigned i = 0; i < 40; i++) {
            struct node n = page_node(p, i);
            assert_int_equal(node_key(&n, key), 6);
            assert_memory_equal(key, "pr\0\0\0", 5);
            assert_int_equal(key[5], i + 1);
            assert_memory_equal(n.data.p, "data!", 5);
        }
    }
}

static void every_single_bit_is_corrected_or_refused(void **state)
{
    static uint8_t good[PAGE_SIZE_MAX], b[PAGE_SIZE_MAX];

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        unsigned corrected = 0, refused = 0;

        make_leaf(good, sizes[s], 77, 40);
        for (uint32_t bit = 0; bit<sizes[s] * 8; bit += sizes[s]> 4096 ? 7 : 1) {
            struct page_check v;

            memcpy(b, good, sizes[s]);
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            page_verify(b, sizes[s], 77, &v);
            if (v.verdict == PAGE_CORRECTED) {
                assert_memory_equal(b, good, sizes[s]);
                assert_int_equal(v.bit, bit);
                corrected++;
            } else {
                assert_int_equal(v.err, JET_errReadVerifyFailure);
                /* only the checksum itself and the bit that says which checksum it is */
                assert_true(bit < 64 || bit == 36 * 8 + 13);
                refused++;
            }
        }
        assert_true(corrected > 1000);
        assert_true(refused > 0);
    }
}

static void one_bit_in_each_block_of_a_large_page_is_corrected(void **state)
{
    static uint8_t good[PAGE_SIZE_MAX], b[PAGE_SIZE_MAX];
    struct page_check v;

    (void)state;
    for (size_t s = 3; s < ARRAY_LEN(sizes); s++) {
        make_leaf(good, sizes[s], 77, 40);
        memcpy(b, good, sizes[s]);
        for (uint32_t i = 0; i < 4; i++)
            b[i * sizes[s] / 4 + 100] ^= 0x10;
        page_verify(b, sizes[s], 77, &v);
        assert_int_equal(v.verdict, PAGE_CORRECTED);
        assert_int_equal(v.nr_corrected, 4);
        assert_memory_equal(b, good, sizes[s]);
    }
}

/* A refused page is handed back as it came: nothing half corrected goes into a copy or a report. */
static void two_bits_in_a_block_are_refused_and_the_buffer_is_unchanged(void **state)
{
    static uint8_t b[PAGE_SIZE_MAX], before[PAGE_SIZE_MAX];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        uint32_t size = sizes[rnd() % ARRAY_LEN(sizes)], block = size > 8192 ? size / 4 : size;
        uint32_t at = (uint32_t)(rnd() % (size / block)) * block * 8;
        uint32_t x = 64 + (uint32_t)(rnd() % (block * 8 - 64)), y;
        struct page_check v;

        do {
            y = 64 + (uint32_t)(rnd() % (block * 8 - 64));
        } while (x == y);
        make_leaf(b, size, 77, 40);
        if (at) /* and one bit that could be corrected, in the block before */
            b[40] ^= 1;
        b[(at + x) / 8] ^= (uint8_t)(1u << x % 8);
        b[(at + y) / 8] ^= (uint8_t)(1u << y % 8);
        memcpy(before, b, size);
        page_verify(b, size, 77, &v);
        assert_int_equal(v.err, JET_errReadVerifyFailure);
        assert_memory_equal(b, before, size);
    }
}

static void a_page_of_another_number_is_named(void **state)
{
    static uint8_t b[PAGE_SIZE_MAX];
    struct page_check v;

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        make_leaf(b, sizes[s], 78, 40);
        page_verify(b, sizes[s], 77, &v);
        assert_int_equal(v.verdict, PAGE_BAD_PGNO);
        assert_int_equal(v.pgno_found, 78);
        assert_int_equal(v.err, JET_errReadVerifyFailure);
    }
}

static void the_old_checksum_is_read(void **state)
{
    static uint8_t b[4096];
    struct page_check v;
    uint32_t x = 0x89abcdef;

    (void)state;
    make_leaf(b, 4096, 77, 40);
    put_le32(b + 36, PAGE_LEAF);
    put_le32(b + 4, 77);
    for (size_t i = 4; i < 4096; i += 4)
        x ^= get_le32(b + i);
    put_le32(b, x);
    page_verify(b, 4096, 77, &v);
    assert_int_equal(v.verdict, PAGE_OK);
    page_verify(b, 4096, 78, &v);
    assert_int_equal(v.verdict, PAGE_BAD_PGNO);
    assert_int_equal(v.pgno_found, 77);
    b[1000] ^= 4;
    page_verify(b, 4096, 77, &v);
    assert_int_equal(v.verdict, PAGE_BAD_CHECKSUM);
}

static void a_blank_page_is_blank_and_nothing_else(void **state)
{
    static uint8_t b[PAGE_SIZE_MAX];
    struct page_check v;

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        memset(b, 0, sizeof(b));
        page_verify(b, sizes[s], 77, &v);
        assert_int_equal(v.verdict, PAGE_BLANK);
        b[sizes[s] - 1] = 1;
        page_verify(b, sizes[s], 77, &v);
        assert_int_not_equal(v.verdict, PAGE_BLANK);
    }
}

struct forgery {
    const char *name, *what;
    void (*forge)(uint8_t *b, uint32_t size);
};

static uint8_t *tag(uint8_t *b, uint32_t size, unsigned i)
{
    return b + size - 4 * (i + 1);
}

static void too_many_tags(uint8_t *b, uint32_t size)
{
    (void)size, put_le16(b + 34, 0xfff);
}
static void no_tag_at_all(uint8_t *b, uint32_t size)
{
    (void)size, put_le16(b + 34, 0);
}
static void tag_out_of_page(uint8_t *b, uint32_t size)
{
    uint8_t *t = tag(b, size, 3);
    put_le16(t, (uint16_t)((get_le16(t) & 0xe000) | (size <= 8192 ? 0x1fff : 0x7fff)));
}
static void tags_overlap(uint8_t *b, uint32_t size)
{
    memcpy(tag(b, size, 4) + 2, tag(b, size, 2) + 2, 2);
}
static void keys_swapped(uint8_t *b, uint32_t size)
{
    uint8_t t[4];
    memcpy(t, tag(b, size, 3), 4);
    memcpy(tag(b, size, 3), tag(b, size, 5), 4);
    memcpy(tag(b, size, 5), t, 4);
}
static void free_count_off(uint8_t *b, uint32_t size)
{
    (void)size, put_le16(b + 28, (uint16_t)(get_le16(b + 28) + 1));
}
static void uncommitted_beyond_free(uint8_t *b, uint32_t size)
{
    (void)size, put_le16(b + 30, (uint16_t)(get_le16(b + 28) + 1));
}
static void node_in_free_space(uint8_t *b, uint32_t size)
{
    (void)size, put_le16(b + 32, 10);
}
static void prefix_longer_than_the_page_offers(uint8_t *b, uint32_t size)
{
    uint8_t *p = b + page_header_len(size) + 2; /* node 1, compressed */
    put_le16(p, (uint16_t)((get_le16(p) & 0xe000) | 3));
}
static void key_longer_than_its_node(uint8_t *b, uint32_t size)
{
    put_le16(b + page_header_len(size) + 4, 500);
}
static void leaf_and_parent_of_leaf(uint8_t *b, uint32_t size)
{
    (void)size, put_le32(b + 36, get_le32(b + 36) | PAGE_PARENT_OF_LEAF);
}
static void internal_without_children(uint8_t *b, uint32_t size)
{
    (void)size, put_le32(b + 36, PAGE_PARENT_OF_LEAF);
}

static void forged_pages_with_right_checksums_are_refused_by_structure(void **state)
{
    static const struct forgery table[] = {
        {"too_many_tags", "tags", too_many_tags},
        {"no_tag_at_all", "external header", no_tag_at_all},
        {"tag_out_of_page", "out of the page", tag_out_of_page},
        {"tags_overlap", "overlap", tags_overlap},
        {"keys_swapped", "out of order", keys_swapped},
        {"free_count_off", "free bytes", free_count_off},
        {"uncommitted_beyond_free", "uncommitted", uncommitted_beyond_free},
        {"node_in_free_space", "free space", node_in_free_space},
        {"prefix_longer", "lengths", prefix_longer_than_the_page_offers},
        {"key_longer", "lengths", key_longer_than_its_node},
        {"leaf_and_parent", "parent of leaf", leaf_and_parent_of_leaf},
        {"internal_without_children", "no page number", internal_without_children},
    };
    static uint8_t b[PAGE_SIZE_MAX];

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
            struct page_check v;

            if (strcmp(table[i].name, "too_many_tags") == 0 && sizes[s] > 8192)
                continue; /* 4095 tags fit into such a page */
            make_leaf(b, sizes[s], 77, 40);
            table[i].forge(b, sizes[s]);
            page_seal(b, sizes[s], 77);
            page_verify(b, sizes[s], 77, &v);
            if (v.verdict != PAGE_BAD_STRUCTURE || !strstr(v.what, table[i].what))
                fail_msg("%s at %u: verdict %d, %s", table[i].name, sizes[s], v.verdict,
                         v.what ? v.what : "-");
            assert_int_equal(v.err, JET_errPageTagCorrupted);
        }
}

/* What passes must be safe to read: random damage, resealed, and every accessor is run. ASan watches. */
static void whatever_passes_can_be_read(void **state)
{
    static uint8_t b[PAGE_SIZE_MAX];
    unsigned passed = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t size = sizes[rnd() % ARRAY_LEN(sizes)];
        struct page_check v;
        struct page p = {b, size};
        uint8_t key[PAGE_SIZE_MAX];

        make_leaf(b, size, 77, 1 + (unsigned)(rnd() % 60));
        for (uint64_t n = 1 + rnd() % 3; n; n--) {
            uint32_t at = rnd() % 2 ? (uint32_t)(rnd() % 600) : size - 1 - (uint32_t)(rnd() % 240);
            b[at] = (uint8_t)rnd();
        }
        page_seal(b, size, 77);
        page_verify(b, size, 77, &v);
        if (v.verdict != PAGE_OK)
            continue;
        passed++;
        for (unsigned i = 0; !(page_flags(p) & PAGE_EMPTY) && i < page_nr_lines(p); i++) {
            struct node n = page_node(p, i);
            node_key(&n, key);
            node_child(&n);
        }
    }
    assert_true(passed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_page_passes_and_reads_back),
        cmocka_unit_test(every_single_bit_is_corrected_or_refused),
        cmocka_unit_test(one_bit_in_each_block_of_a_large_page_is_corrected),
        cmocka_unit_test(two_bits_in_a_block_are_refused_and_the_buffer_is_unchanged),
        cmocka_unit_test(a_page_of_another_number_is_named),
        cmocka_unit_test(the_old_checksum_is_read),
        cmocka_unit_test(a_blank_page_is_blank_and_nothing_else),
        cmocka_unit_test(forged_pages_with_right_checksums_are_refused_by_structure),
        cmocka_unit_test(whatever_passes_can_be_read),
    };
    rnd_init("page");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
