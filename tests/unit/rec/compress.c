/*
 * Decompression: known answers, round trips through encoders of the test's own, damage of every kind.
 */
#include "recbuild.h"

#include "rec/compress.h"

static uint8_t out[DECOMPRESS_MAX];
static const char *what;

static JET_ERR run(struct slice in, uint32_t cap, uint32_t *len)
{
    uint8_t *exact = malloc(in.len ? in.len : 1), *room = malloc(cap ? cap : 1);
    JET_ERR err;

    assert_true(exact && room);
    if (in.len)
        memcpy(exact, in.p, in.len);
    what = NULL;
    err = decompress((struct slice){exact, in.len}, room, cap, len, &what);
    if (err >= 0)
        memcpy(out, room, *len);
    else
        assert_non_null(what);
    free(exact);
    free(room);
    return err;
}

static void expect(struct slice in, const void *plain, uint32_t plain_len)
{
    uint32_t len;

    assert_int_equal(run(in, plain_len, &len), JET_errSuccess);
    assert_int_equal(len, plain_len);
    assert_memory_equal(out, plain, plain_len);
    assert_int_equal(run(in, DECOMPRESS_MAX, &len), JET_errSuccess);
    if (plain_len) /* room for all but one byte */
        assert_int_equal(run(in, plain_len - 1, &len), JET_errDecompressionFailed);
}

/* ---- 7 bits ------------------------------------------------------------------------------------- */

static uint32_t pack_7bit(uint8_t scheme, const uint8_t *plain, uint32_t nr, uint8_t *to)
{
    uint32_t bits = nr * 7, at = 0;

    memset(to, 0, 2 + bits / 8);
    to[0] = (uint8_t)(scheme << 3 | ((bits - 1) & 7));
    for (uint32_t i = 0; i < nr; i++)
        for (unsigned k = 0; k < 7; k++, at++)
            to[1 + at / 8] |= (uint8_t)((plain[i] >> k & 1) << at % 8);
    return 1 + (bits + 7) / 8;
}

/* esedb-dissect/default.edb: the text of record 0, UTF-16 in 7 bits. */
static void text_of_a_real_file_is_unpacked(void **state)
{
    static const char text[] = "Record          0";
    uint8_t packed[40], wide[2 * sizeof(text)];
    uint32_t nr = sizeof(text) - 1, len;

    (void)state;
    len = pack_7bit(COMPRESS_7BIT_UNICODE, (const uint8_t *)text, nr, packed);
    assert_memory_equal(packed, "\x16\xd2\xf2\xf8\x2d", 5); /* as the file has it */
    for (uint32_t i = 0; i < nr; i++)
        put_le16(wide + 2 * i, (uint8_t)text[i]);
    expect(sl(packed, len), wide, 2 * nr);
}

static void seven_bits_of_any_number_come_back(void **state)
{
    uint8_t plain[300], wide[600], packed[320];

    (void)state;
    for (uint32_t nr = 1; nr < 300; nr++) {
        for (uint32_t i = 0; i < nr; i++) {
            plain[i] = (uint8_t)(rnd() & 0x7f);
            put_le16(wide + 2 * i, plain[i]);
        }
        expect(sl(packed, pack_7bit(COMPRESS_7BIT_ASCII, plain, nr, packed)), plain, nr);
        expect(sl(packed, pack_7bit(COMPRESS_7BIT_UNICODE, plain, nr, packed)), wide, 2 * nr);
    }
}

static void bits_that_are_no_whole_groups_are_refused(void **state)
{
    uint8_t b[40] = {0};
    uint32_t len;

    (void)state;
    for (unsigned low = 0; low < 8; low++) {
        for (uint32_t n = 0; n < 30; n++) {
            const bool sound = n >= 2 && ((n - 2) * 8 + low + 1) % 7 == 0;
            b[0] = (uint8_t)(COMPRESS_7BIT_ASCII << 3 | low);
            assert_int_equal(run(sl(b, n), 100, &len),
                             sound ? JET_errSuccess : JET_errDecompressionFailed);
        }
    }
}

/* ---- XPRESS ------------------------------------------------------------------------------------- */

struct bytes {
    uint8_t b[80000];
    uint32_t n, nibble; /* nibble: where a half is free; 0: nowhere */
};

static void byte(struct bytes *o, unsigned v)
{
    o->b[o->n++] = (uint8_t)v;
}

/* A plain encoder: flag words of 32, matches taken greedily from a table of last places. */
static void xpress_match(struct bytes *o, uint32_t distance, uint32_t len)
{
    uint32_t l = len - 3;

    put_le16(o->b + o->n, (uint16_t)((distance - 1) << 3 | (l < 7 ? l : 7)));
    o->n += 2;
    if (l < 7)
        return;
    if (o->nibble) {
        o->b[o->nibble] |= (uint8_t)((l - 7 < 15 ? l - 7 : 15) << 4);
        o->nibble = 0;
    } else {
        o->nibble = o->n;
        byte(o, l - 7 < 15 ? l - 7 : 15);
    }
    if (l - 7 < 15)
        return;
    if (l - 22 < 255) {
        byte(o, l - 22);
        return;
    }
    byte(o, 255);
    put_le16(o->b + o->n, (uint16_t)l);
    o->n += 2;
}

static uint32_t find_match(const uint8_t *p, uint32_t at, uint32_t len, uint32_t least,
                           uint32_t window, uint32_t *distance)
{
    uint32_t best = 0;

    for (unsigned try = 0; try < 24; try++) {
        uint32_t d = 1 + (uint32_t)(rnd() % (try < 8 ? 12 : window)), n = 0;
        if (d > at)
            continue;
        while (at + n < len && p[at + n - d] == p[at + n])
            n++;
        if (n >= least && n > best) {
            best = n;
            *distance = d;
        }
    }
    return best;
}

static void xpress_pack(const uint8_t *p, uint32_t len, struct bytes *o)
{
    uint32_t flags = 0, nr = 0, flags_at = 0, distance = 1;

    o->n = o->nibble = 0;
    for (uint32_t i = 0; i < len;) {
        uint32_t n = find_match(p, i, len, 3, 8192, &distance);
        if (nr == 0) {
            flags_at = o->n;
            o->n += 4;
        }
        flags = flags << 1 | (n ? 1 : 0);
        nr++;
        if (n)
            xpress_match(o, distance, n);
        else
            byte(o, p[i]);
        i += n ? n : 1;
        if (nr == 32 || i == len) {
            put_le32(o->b + flags_at, flags << (32 - nr));
            nr = 0;
            flags = 0;
        }
    }
}

static void lz4_length(struct bytes *o, uint32_t v)
{
    for (v -= 15; v >= 255; v -= 255)
        byte(o, 255);
    byte(o, v);
}

static void lz4_sequence(struct bytes *o, const uint8_t *lit, uint32_t nr_lit, uint32_t distance,
                         uint32_t len)
{
    uint32_t m = len ? len - 4 : 0;

    byte(o, (nr_lit < 15 ? nr_lit : 15) << 4 | (m < 15 ? m : 15));
    if (nr_lit >= 15)
        lz4_length(o, nr_lit);
    if (nr_lit)
        memcpy(o->b + o->n, lit, nr_lit);
    o->n += nr_lit;
    if (!len)
        return;
    put_le16(o->b + o->n, (uint16_t)distance);
    o->n += 2;
    if (m >= 15)
        lz4_length(o, m);
}

static void lz4_pack(const uint8_t *p, uint32_t len, struct bytes *o)
{
    uint32_t from = 0, i = 0, distance = 1;

    o->n = 0;
    while (i + 12 < len) { /* the last bytes are literals */
        uint32_t n = find_match(p, i, len - 5, 4, 65535, &distance);
        if (!n) {
            i++;
            continue;
        }
        lz4_sequence(o, p + from, i - from, distance, n);
        i += n;
        from = i;
    }
    lz4_sequence(o, p + from, len - from, 0, 0);
}

static void make_text(uint8_t *p, uint32_t len)
{
    const unsigned mode = (unsigned)(rnd() % 3), letters = 2 + (unsigned)(rnd() % 6);

    for (uint32_t i = 0; i < len;) {
        if (mode && i > 20 && rnd() % 4 == 0) { /* say something again, some of it long */
            uint32_t d = 1 + (uint32_t)(rnd() % (mode == 1 ? 10 : i)),
                     n = (uint32_t)(rnd() % (rnd() % 8 ? 30 : 900));
            for (; n && i < len; n--, i++)
                p[i] = p[i - (d > i ? i : d)];
        } else {
            p[i++] = (uint8_t)('a' + rnd() % letters);
        }
    }
}

static struct bytes packed;

static void expect_sized(unsigned scheme, const uint8_t *plain, uint32_t len)
{
    struct bytes *o = calloc(1, sizeof(*o));

    assert_non_null(o);
    o->b[0] = (uint8_t)(scheme << 3);
    put_le16(o->b + 1, (uint16_t)len);
    memcpy(o->b + 3, packed.b, packed.n);
    expect(sl(o->b, packed.n + 3), plain, len);
    free(o);
}

static void what_the_encoders_made_comes_back(void **state)
{
    static uint8_t plain[65535];

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        uint32_t len = i < 40 ? i : i == 299 ? 65535 : (uint32_t)(rnd() % 9000);
        make_text(plain, len);
        xpress_pack(plain, len, &packed);
        assert_true(decompress_xpress(packed.b, packed.n, out, len));
        assert_memory_equal(out, plain, len);
        expect_sized(COMPRESS_XPRESS, plain, len);
        lz4_pack(plain, len, &packed);
        assert_true(decompress_lz4(packed.b, packed.n, out, len));
        assert_memory_equal(out, plain, len);
        expect_sized(COMPRESS_LZ4, plain, len);
    }
}

/* MS-XCA, 3.1: the examples of the plain LZ77 algorithm. */
static void the_published_xpress_examples_are_read(void **state)
{
    static const uint8_t alphabet[] = "\x3f\x00\x00\x00"
                                      "abcdefghijklmnopqrstuvwxyz";
    static const uint8_t repeated[] = "\xff\xff\xff\x1f\x61\x62\x63\x17\x00\x0f\xff\x26\x01";

    (void)state;
    assert_true(decompress_xpress(alphabet, sizeof(alphabet) - 1, out, 26));
    assert_memory_equal(out, "abcdefghijklmnopqrstuvwxyz", 26);
    assert_true(decompress_xpress(repeated, sizeof(repeated) - 1, out, 300));
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(out[i], "abc"[i % 3]);
}

/* LZ4 block format: literals, an overlapping match, the literals at the end. */
static void a_hand_made_lz4_block_is_read(void **state)
{
    static const uint8_t b[] =
        "\x3f\x61\x62\x63\x03\x00\x02\x50\x76\x77\x78\x79\x7a"; /* abc, 21 of it, vwxyz */

    (void)state;
    assert_true(decompress_lz4(b, sizeof(b) - 1, out, 29));
    for (unsigned i = 0; i < 24; i++)
        assert_int_equal(out[i], "abc"[i % 3]);
    assert_memory_equal(out + 24, "vwxyz", 5);
    assert_false(decompress_lz4(b, sizeof(b) - 1, out, 28));
    assert_false(decompress_lz4(b, sizeof(b) - 1, out, 30));
    assert_false(decompress_lz4(b, 0, out, 0)); /* not even a token */
}

struct bad {
    const char *name;
    uint32_t len, out_len;
    uint8_t b[16];
};

static void damaged_streams_are_refused(void **state)
{
    static const struct bad xpress[] = {
        {"nothing", 0, 1, {0}},
        {"flags cut off", 3, 1, {0}},
        {"literal missing", 4, 1, {0}},
        {"match cut off", 6, 5, {0, 0, 0, 0x40, 'a', 0}},
        {"match before the start", 7, 5, {0, 0, 0, 0x40, 'a', 0x08, 0}},
        {"match at the start", 6, 5, {0, 0, 0, 0x80, 0, 0}},
        {"match beyond the end", 7, 3, {0, 0, 0, 0x40, 'a', 0, 0}},
        {"nibble missing", 7, 50, {0, 0, 0, 0x40, 'a', 7, 0}},
        {"length byte missing", 8, 50, {0, 0, 0, 0x40, 'a', 7, 0, 15}},
        {"length word cut off", 10, 5000, {0, 0, 0, 0x40, 'a', 7, 0, 15, 255, 1}},
        {"length word too small", 11, 5000, {0, 0, 0, 0x40, 'a', 7, 0, 15, 255, 1, 0}},
    };
    static const struct bad lz4[] = {
        {"literals missing", 1, 1, {0x10}},
        {"literals beyond the end", 3, 1, {0x20, 'a', 'b'}},
        {"length cut off", 1, 100, {0xf0}},
        {"length without end", 3, 100, {0xf0, 255, 255}},
        {"distance cut off", 3, 10, {0x10, 'a', 1}},
        {"distance 0", 4, 10, {0x10, 'a', 0, 0}},
        {"distance before the start", 4, 10, {0x10, 'a', 2, 0}},
        {"match beyond the end", 4, 4, {0x10, 'a', 1, 0}},
        {"match length cut off", 4, 100, {0x1f, 'a', 1, 0}},
        {"no literals at the end", 4, 5, {0x10, 'a', 1, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(xpress); i++)
        if (decompress_xpress(xpress[i].b, xpress[i].len, out, xpress[i].out_len))
            fail_msg("XPRESS, %s: no fault", xpress[i].name);
    for (size_t i = 0; i < ARRAY_LEN(lz4); i++)
        if (decompress_lz4(lz4[i].b, lz4[i].len, out, lz4[i].out_len))
            fail_msg("LZ4, %s: no fault", lz4[i].name);
}

/* 16 million length bytes of 255 add up to more than any value; the sum must not wrap. */
static void a_length_that_never_ends_is_refused(void **state)
{
    static uint8_t b[1 << 20];

    (void)state;
    memset(b, 255, sizeof(b));
    assert_false(decompress_lz4(b, sizeof(b), out, 65535));
}

static void schemes_that_are_not_understood_are_refused_by_name(void **state)
{
    static const struct {
        uint8_t first;
        const char *part;
    } cases[] = {
        {COMPRESS_NONE << 3, "not known"},
        {COMPRESS_SCRUB << 3, "scrubbed"},
        {COMPRESS_XPRESS9 << 3, "XPRESS9"},
        {COMPRESS_XPRESS10 << 3, "XPRESS10"},
        {8 << 3, "not known"},
        {0xff, "not known"},
        {COMPRESS_XPRESS << 3, "cut off"},
        {COMPRESS_LZ4 << 3, "cut off"},
    };
    uint8_t b[2] = {0};
    uint32_t len;

    (void)state;
    assert_int_equal(run(sl(b, 0), 100, &len), JET_errDecompressionFailed);
    assert_false(compress_is_refused(sl(b, 0)));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        b[0] = cases[i].first;
        assert_int_equal(run(sl(b, 2), 100, &len), JET_errDecompressionFailed);
        if (!strstr(what, cases[i].part))
            fail_msg("0x%02x: %s", cases[i].first, what);
        assert_int_equal(compress_is_refused(sl(b, 2)),
                         strstr(what, "scrubbed") || strstr(what, "not supported"));
    }
}

static void any_change_of_a_stream_is_survived(void **state)
{
    static uint8_t plain[500];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct slice in;
        uint32_t len;
        make_text(plain, sizeof(plain));
        if (i % 50 == 0) {
            packed.n = 0;
            (i % 100 ? xpress_pack : lz4_pack)(plain, sizeof(plain), &packed);
            memmove(packed.b + 3, packed.b, packed.n);
            packed.n += 3;
            packed.b[0] = (uint8_t)((i % 100 ? COMPRESS_XPRESS : COMPRESS_LZ4) << 3);
            put_le16(packed.b + 1, sizeof(plain));
        }
        packed.b[rnd() % packed.n] = (uint8_t)rnd();
        in = sl(packed.b, (uint32_t)(rnd() % 8 ? packed.n : rnd() % (packed.n + 1)));
        if (run(in, DECOMPRESS_MAX, &len) >= 0)
            assert_true(len <= DECOMPRESS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_real_file_is_unpacked),
        cmocka_unit_test(seven_bits_of_any_number_come_back),
        cmocka_unit_test(bits_that_are_no_whole_groups_are_refused),
        cmocka_unit_test(what_the_encoders_made_comes_back),
        cmocka_unit_test(the_published_xpress_examples_are_read),
        cmocka_unit_test(a_hand_made_lz4_block_is_read),
        cmocka_unit_test(damaged_streams_are_refused),
        cmocka_unit_test(a_length_that_never_ends_is_refused),
        cmocka_unit_test(schemes_that_are_not_understood_are_refused_by_name),
        cmocka_unit_test(any_change_of_a_stream_is_survived),
    };

    rnd_init("compress");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
