/*
 * Compression: what comes out is read back by the decompressor, is never longer, and where ESE's
 * choice leaves no freedom it is byte for byte what real databases hold.
 */
#include "realdb.h"

#include "rec/compress.h"
#include "rec/recview.h"

static uint8_t packed[DECOMPRESS_MAX], plain[DECOMPRESS_MAX];

/* Bytes of several kinds: text, text in UTF-16, runs, noise. */
static void make_data(uint8_t *p, uint32_t len)
{
    const unsigned kind = (unsigned)(rnd() % 6);

    for (uint32_t i = 0; i < len; i++) {
        if (i > 4 && kind < 5 && rnd() % 4) {
            const uint32_t n = (uint32_t)(rnd() % 300), from = (uint32_t)(rnd() % i);
            for (uint32_t k = 0; k < n && i < len - 1; k++, i++)
                p[i] = p[from + k];
        }
        switch (kind) {
        case 0:
            p[i] = (uint8_t)(rnd() % 128);
            break;
        case 1:
            p[i] = (uint8_t)(i & 1 ? 0 : rnd() % 128);
            break;
        case 2:
            p[i] = (uint8_t)(rnd() % 3);
            break;
        default:
            p[i] = (uint8_t)rnd();
        }
    }
    if (kind == 1)
        for (uint32_t i = 1; i < len; i += 2)
            p[i] = 0;
}

static void check_back(struct slice in, uint32_t len)
{
    const char *what;
    uint32_t back;

    assert_true(len < in.len);
    assert_int_equal(decompress(sl(packed, len), plain, in.len, &back, &what), JET_errSuccess);
    assert_int_equal(back, in.len);
    assert_memory_equal(plain, in.p, in.len);
}

static void whatever_is_compressed_comes_back(void **state)
{
    static const uint32_t sizes[] = {1,    2,    7,    8,    9,     16,    100,   1023,
                                     1024, 1025, 4014, 8150, 32768, 65535, 65536, 70000};
    unsigned nr[8] = {0};

    (void)state;
    rnd_init("whatever_is_compressed_comes_back");
    for (unsigned i = 0; i < 6000; i++) {
        uint32_t n = sizes[rnd() % ARRAY_LEN(sizes)], len;
        uint8_t *data;

        n = rnd() % 3 ? n : 1 + (uint32_t)(rnd() % n);
        data = malloc(n); /* exactly: no byte beyond may be looked at */
        assert_non_null(data);
        make_data(data, n);
        len = compress(sl(data, n), 1 + (unsigned)(rnd() % 3), rnd() & 1 ? COMPRESS_XPRESS_MIN : 0,
                       packed, n);
        if (len) {
            check_back(sl(data, n), len);
            nr[packed[0] >> 3 & 7]++;
        } else {
            nr[0]++;
        }
        free(data);
    }
    print_message("none %u, 7-bit ASCII %u, 7-bit Unicode %u, XPRESS %u\n", nr[0], nr[1], nr[2],
                  nr[3]);
    assert_true(nr[0] && nr[1] && nr[2] && nr[3]);
}

static void output_stays_in_its_room(void **state)
{
    static uint8_t data[3000];

    (void)state;
    rnd_init("output_stays_in_its_room");
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t n = 1 + (uint32_t)(rnd() % sizeof(data)), cap = (uint32_t)(rnd() % (n + 1));
        uint8_t *out = malloc(cap ? cap : 1);
        uint32_t len;

        assert_non_null(out);
        make_data(data, n);
        len = compress(sl(data, n), COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS, 0, out, cap);
        assert_true(len <= cap);
        if (len) {
            memcpy(packed, out, len);
            check_back(sl(data, n), len);
        }
        free(out);
    }
}

static void the_shorter_scheme_is_taken(void **state)
{
    static uint8_t data[2000];

    (void)state;
    memset(data, 'a', sizeof(data));
    assert_true(compress(sl(data, 2000), 3, COMPRESS_XPRESS_MIN, packed, 2000) < 40);
    assert_int_equal(packed[0] >> 3, 3);
    assert_int_equal(compress(sl(data, 1000), 3, COMPRESS_XPRESS_MIN, packed, 2000), 1 + 875);
    assert_int_equal(packed[0], 1 << 3 | 7);
    rnd_init("the_shorter_scheme_is_taken");
    for (unsigned i = 0; i < 2000; i++)
        data[i] = (uint8_t)(i & 1 ? 0 : 1 + rnd() % 127);
    assert_int_equal(compress(sl(data, 2000), 3, COMPRESS_XPRESS_MIN, packed, 2000), 1 + 875);
    assert_int_equal(packed[0] >> 3, 2);
    data[10] = 0x80;
    assert_int_equal(compress(sl(data, 1000), 3, COMPRESS_XPRESS_MIN, packed, 2000), 0);
    assert_int_equal(compress(sl(data, 0), 3, 0, packed, 2000), 0);
    assert_int_equal(compress(sl("a", 1), 3, 0, packed, 2000), 0);
}

/* ---- real data ------------------------------------------------------------------------------- */

struct tally {
    unsigned nr, same, nr_7bit, nr_xpress;
    uint64_t bytes_there, bytes_ours; /* of XPRESS */
};

static void recompress(struct tally *t, struct slice stored, const char *name)
{
    static uint8_t was[DECOMPRESS_MAX];
    const char *what;
    uint32_t len, now;

    if (decompress(stored, was, sizeof(was), &len, &what) < 0)
        return;
    now = compress(sl(was, len), COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS, COMPRESS_XPRESS_MIN,
                   packed, len);
    t->nr++;
    if (now)
        check_back(sl(was, len), now);
    if (stored.p[0] >> 3 == 3) {
        t->nr_xpress++;
        t->bytes_there += stored.len;
        t->bytes_ours += now ? now : len;
        return;
    }
    t->nr_7bit++;
    if (stored.len >= len) /* ESE keeps what is no shorter, too */
        return;
    if (now != stored.len || memcmp(packed, stored.p, now) != 0)
        fail_msg("%s: %u bytes stored as %u, now %u", name, len, stored.len, now);
    t->same++;
}

static void recompress_database(const char *name, struct dbfile *f, const struct catalog *c,
                                void *ctx)
{
    static struct bt_cursor bt;
    struct bt_node n;

    for (unsigned i = 0; i < c->nr_tables; i++) {
        bt_open(&bt, f, c->tables[i]->pgno, c->tables[i]->objid, 0);
        while (bt_next(&bt, &n) == JET_errSuccess) {
            struct record r;
            struct tagged t;
            struct tagged_value v;

            assert_null(record_decode(n.data, &r));
            tagged_begin(&t, r.tagged, tagged_layout_of(dbfile_page_size(f), n.page_flags));
            while (tagged_next(&t, &v) > 0)
                if (v.v.compressed && !v.v.encrypted)
                    recompress(ctx, v.v.data, name);
        }
        bt_close(&bt);
    }
}

static void real_values_are_compressed_to_the_same_bytes(void **state)
{
    struct tally t = {0};

    (void)state;
    NEED_DATA("compressed values of real databases");
    assert_true(realdb_each(recompress_database, &t) > 0);
    print_message(
        "%u values: %u of 7 bits, %u of them equal; %u of XPRESS, %u bytes there, %u here\n", t.nr,
        t.nr_7bit, t.same, t.nr_xpress, (unsigned)t.bytes_there, (unsigned)t.bytes_ours);
    assert_true(t.same > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_compressed_comes_back),
        cmocka_unit_test(output_stays_in_its_room),
        cmocka_unit_test(the_shorter_scheme_is_taken),
        cmocka_unit_test(real_values_are_compressed_to_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
