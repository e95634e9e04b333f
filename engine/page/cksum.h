/*
 * The two checksums of a page, in portable C and with AVX2 and AVX-512, chosen at run time.
 *
 * Old format: XOR of all dwords but the first, seeded 0x89ABCDEF; also used by every file header.
 * New format: XOR of all dwords (the first two count as zero in the block that holds the header)
 * plus an ECC of single-bit position, one for pages up to 8 KiB, four for larger ones
 * (ESE: checksum.cxx, checksumu.cxx; checked against every page in the test data).
 */
#ifndef ESE_PAGE_CKSUM_H
#define ESE_PAGE_CKSUM_H

#include "base/types.h"

/* len: a multiple of 32, at least 64. */
uint32_t cksum_xor(const void *buf, size_t len);

/* len: a power of two, 1024..8192. header: the first 8 bytes count as zero. Returns ECC << 32 |
 * (XOR ^ pgno). */
uint64_t cksum_ecc(const void *buf, size_t len, uint32_t pgno, bool header);

/* If stored and computed differ by one bit of the block: its offset in bits, else -1. */
int64_t cksum_ecc_bit(size_t len, uint64_t stored, uint64_t computed);

/* Every variant this processor can run, for the test that compares them and for the benchmark. */
struct cksum_variant {
    const char *name; /* "portable", "avx2", "avx512" */
    uint32_t (*xor32)(const void *buf, size_t len);
    uint64_t (*ecc)(const void *buf, size_t len, uint32_t pgno, bool header);
};
const struct cksum_variant *cksum_variants(size_t *ret_nr); /* the last one is the one in use */

#endif
