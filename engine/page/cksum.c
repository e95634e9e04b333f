/* Chooses the checksum code once, at the first use, by what the processor can do. */
#include "page/cksum.h"

#include <pthread.h>

#include "engine.h"
#include "page/cksum_impl.h"

static struct cksum_variant variants[3];
static size_t nr_variants;
static struct cksum_variant best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    variants[nr_variants++] = cksum_portable;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        variants[nr_variants++] = cksum_avx2;
    if (__builtin_cpu_supports("avx512f"))
        variants[nr_variants++] = cksum_avx512;
#endif
    best = variants[nr_variants - 1];
}

const struct cksum_variant *cksum_variants(size_t *ret_nr)
{
    pthread_once(&once, choose);
    *ret_nr = nr_variants;
    return variants;
}

uint32_t cksum_xor(const void *buf, size_t len)
{
    pthread_once(&once, choose);
    return best.xor32(buf, len);
}

uint64_t cksum_ecc(const void *buf, size_t len, uint32_t pgno, bool header)
{
    pthread_once(&once, choose);
    return best.ecc(buf, len, pgno, header);
}

int64_t cksum_ecc_bit(size_t len, uint64_t stored, uint64_t computed)
{
    const uint32_t mask = (uint32_t)(len * 8 - 1);
    uint32_t ecc = (uint32_t)(stored >> 32) ^ (uint32_t)(computed >> 32);
    uint32_t xor32 = (uint32_t)stored ^ (uint32_t)computed;

    /* One bit: its index and the complement of its index, and exactly one column of the XOR. */
    if (((ecc >> 16 ^ ecc) & mask) != mask || (ecc & ~(mask | mask << 16)) != 0)
        return -1;
    if (__builtin_popcount(xor32) != 1 || xor32 != 1u << (ecc & 31))
        return -1;
    return ecc & mask;
}

const char *ese_checksum_variant(void)
{
    pthread_once(&once, choose);
    return best.name;
}
