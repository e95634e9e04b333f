/*
 * Both checksums over vectors of VEC_BYTES (16, 32 or 64), written once; cksum_portable.c,
 * cksum_avx2.c and cksum_avx512.c include it with different sizes and instruction sets.
 *
 * The ECC is the XOR, over all set bits, of the bit's index (low half) and of its complement (high
 * half). Index bits above the vector's size are had by XORing together all vectors whose number has
 * that bit and taking one parity at the end; those below come from the XOR of all vectors. So the
 * loop only loads and XORs, eight vectors a turn, and no parity is taken before the end.
 */
#include <string.h>

#include "page/cksum.h"

typedef uint64_t vec __attribute__((vector_size(VEC_BYTES)));

#define VEC_WORDS (VEC_BYTES / 8)
#define VEC_SHIFT (VEC_BYTES == 16 ? 4 : VEC_BYTES == 32 ? 5 : 6) /* log2(VEC_BYTES) */
#define HIGH_BITS \
    (13 - VEC_SHIFT - 3) /* bits of a group's number in 8 KiB, groups of eight vectors */

static inline vec vec_load(const uint8_t *p)
{
    vec v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t vec_fold(vec v)
{
    uint64_t x = 0;
    for (int i = 0; i < VEC_WORDS; i++)
        x ^= v[i];
    return x;
}

static inline unsigned parity64(uint64_t x)
{
    return (unsigned)__builtin_parityll(x);
}

/* The seven low bits of the index (three within a byte and up), from the XOR of all vectors. */
static uint32_t index_within_vector(vec all)
{
    static const uint64_t odd[6] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                                    0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
    uint64_t x = vec_fold(all);
    uint32_t index = 0;

    for (int k = 0; k < 6; k++)
        index |= parity64(x & odd[k]) << k;
    for (int k = 0; 1 << k < VEC_WORDS; k++) {
        uint64_t w = 0;
        for (int i = 0; i < VEC_WORDS; i++)
            if (i >> k & 1)
                w ^= all[i];
        index |= parity64(w) << (6 + k);
    }
    return index;
}

static uint64_t ecc(const void *buf, size_t len, uint32_t pgno, bool header)
{
    const uint8_t *p = buf;
    const size_t groups = len / (8 * VEC_BYTES);
    vec all = {0}, bit0 = {0}, bit1 = {0}, bit2 = {0};
    vec high[HIGH_BITS];
    uint32_t index, lo32;
    uint64_t x;

    memset(high, 0, sizeof(high));
    for (size_t g = 0; g < groups; g++, p += 8 * VEC_BYTES) {
        vec v0 = vec_load(p), v1 = vec_load(p + VEC_BYTES);
        vec v2 = vec_load(p + 2 * VEC_BYTES), v3 = vec_load(p + 3 * VEC_BYTES);
        vec v4 = vec_load(p + 4 * VEC_BYTES), v5 = vec_load(p + 5 * VEC_BYTES);
        vec v6 = vec_load(p + 6 * VEC_BYTES), v7 = vec_load(p + 7 * VEC_BYTES);
        vec v23, v45, v67, sum;

        if (g == 0 && header)
            v0[0] = 0;
        v23 = v2 ^ v3;
        v45 = v4 ^ v5;
        v67 = v6 ^ v7;
        sum = v0 ^ v1 ^ v23 ^ v45 ^ v67;
        bit0 ^= v1 ^ v3 ^ v5 ^ v7;
        bit1 ^= v23 ^ v67;
        bit2 ^= v45 ^ v67;
        all ^= sum;
        for (int k = 0; k < HIGH_BITS; k++)
            high[k] ^= sum & -(uint64_t)(g >> k & 1);
    }

    index = index_within_vector(all);
    index |= parity64(vec_fold(bit0)) << (VEC_SHIFT + 3);
    index |= parity64(vec_fold(bit1)) << (VEC_SHIFT + 4);
    index |= parity64(vec_fold(bit2)) << (VEC_SHIFT + 5);
    for (int k = 0; k < HIGH_BITS; k++)
        index |= parity64(vec_fold(high[k])) << (VEC_SHIFT + 6 + k);

    x = vec_fold(all);
    lo32 = (uint32_t)(x ^ x >> 32) ^ pgno;
    /* XOR of complements = XOR of indices, complemented when the number of set bits is odd. */
    return (uint64_t)(index ^ (parity64(x) ? (uint32_t)(len * 8 - 1) : 0)) << 48 |
           (uint64_t)index << 32 | lo32;
}

static uint32_t xor32(const void *buf, size_t len)
{
    const uint8_t *p = buf, *end = p + len;
    vec a = {0}, b = {0}, c = {0}, d = {0};
    uint64_t x = 0;

    for (; (size_t)(end - p) >= 4 * VEC_BYTES; p += 4 * VEC_BYTES) {
        a ^= vec_load(p);
        b ^= vec_load(p + VEC_BYTES);
        c ^= vec_load(p + 2 * VEC_BYTES);
        d ^= vec_load(p + 3 * VEC_BYTES);
    }
    for (; p < end; p += 8)
        x ^= get_le64(p);
    x ^= vec_fold(a ^ b ^ c ^ d);
    return (uint32_t)(x ^ x >> 32) ^ get_le32(buf) ^ 0x89abcdef;
}
