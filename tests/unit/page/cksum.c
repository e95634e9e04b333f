/* Page checksums: every variant against a bit-by-bit reference, and the one-bit position. */
#include "testutil.h"

#include "page/cksum.h"

/* The definition, as slowly as it can be read. */
static uint64_t ecc_by_definition(const uint8_t *b, size_t len, uint32_t pgno, bool header)
{
    uint32_t lo = 0, hi = 0, sum = 0;

    for (size_t i = header ? 8 : 0; i < len; i++) {
        sum ^= (uint32_t)b[i] << 8 * (i % 4);
        for (uint32_t bit = 0; bit < 8; bit++) {
            uint32_t index = (uint32_t)i * 8 + bit;
            if (b[i] >> bit & 1) {
                lo ^= index;
                hi ^= ~index & (uint32_t)(len * 8 - 1);
            }
        }
    }
    return (uint64_t)(hi << 16 | lo) << 32 | (sum ^ pgno);
}

static uint32_t xor_by_definition(const uint8_t *b, size_t len)
{
    uint32_t x = 0x89abcdef;

    for (size_t i = 4; i < len; i++)
        x ^= (uint32_t)b[i] << 8 * (i % 4);
    return x;
}

static void fill(uint8_t *b, size_t len, int density)
{
    for (size_t i = 0; i < len; i++)
        b[i] = (int)(rnd() % 100) < density ? (uint8_t)rnd() : 0;
}

static void every_variant_agrees_with_the_definition(void **state)
{
    static const size_t sizes[] = {1024, 2048, 4096, 8192};
    static uint8_t buf[8192 + 64];
    size_t nr;
    const struct cksum_variant *v = cksum_variants(&nr);

    (void)state;
    for (size_t i = 0; i < nr; i++)
        print_message("variant %s\n", v[i].name);
    for (int round = 0; round < 400; round++) {
        size_t len = sizes[rnd() % 4];
        uint8_t *b = buf + rnd() % 64; /* unaligned too */
        uint32_t pgno = (uint32_t)rnd();

        fill(b, len, (int)(rnd() % 101));
        for (size_t i = 0; i < nr; i++) {
            assert_int_equal(v[i].ecc(b, len, pgno, true), ecc_by_definition(b, len, pgno, true));
            assert_int_equal(v[i].ecc(b, len, pgno, false), ecc_by_definition(b, len, pgno, false));
            assert_int_equal(v[i].xor32(b, len), xor_by_definition(b, len));
        }
    }
}

static void xor_of_any_multiple_of_32_bytes(void **state)
{
    static uint8_t buf[65536];
    size_t nr;
    const struct cksum_variant *v = cksum_variants(&nr);

    (void)state;
    fill(buf, sizeof(buf), 100);
    for (size_t len = 64; len <= sizeof(buf); len += len < 2048 ? 32 : 4096)
        for (size_t i = 0; i < nr; i++)
            assert_int_equal(v[i].xor32(buf, len), xor_by_definition(buf, len));
}

static void one_wrong_bit_is_located(void **state)
{
    static const size_t sizes[] = {2048, 4096, 8192};
    static uint8_t buf[8192];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t len = sizes[rnd() % 3];
        uint32_t bit;
        uint64_t stored;

        fill(buf, len, 50);
        stored = cksum_ecc(buf, len, 7, true);
        bit = 64 + (uint32_t)(rnd() % (len * 8 - 64));
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(cksum_ecc_bit(len, stored, cksum_ecc(buf, len, 7, true)), bit);
    }
}

static void two_wrong_bits_are_never_taken_for_one(void **state)
{
    static uint8_t buf[4096];

    (void)state;
    fill(buf, sizeof(buf), 50);
    for (int round = 0; round < 20000; round++) {
        uint64_t stored = cksum_ecc(buf, sizeof(buf), 7, true);
        uint32_t a = 64 + (uint32_t)(rnd() % (sizeof(buf) * 8 - 64)), b;

        do {
            b = 64 + (uint32_t)(rnd() % (sizeof(buf) * 8 - 64));
        } while (a == b);
        buf[a / 8] ^= (uint8_t)(1u << a % 8);
        buf[b / 8] ^= (uint8_t)(1u << b % 8);
        assert_int_equal(cksum_ecc_bit(sizeof(buf), stored, cksum_ecc(buf, sizeof(buf), 7, true)),
                         -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_agrees_with_the_definition),
        cmocka_unit_test(xor_of_any_multiple_of_32_bytes),
        cmocka_unit_test(one_wrong_bit_is_located),
        cmocka_unit_test(two_wrong_bits_are_never_taken_for_one),
    };
    rnd_init("cksum");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
