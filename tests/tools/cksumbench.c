/* cksumbench - GB/s of every checksum variant, in cache (64 KiB) and from memory (512 MiB). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "page/cksum.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static volatile uint64_t sink;

static double rate(const struct cksum_variant *v, const uint8_t *buf, size_t len, uint32_t block,
                   bool ecc)
{
    double best = 0;

    for (int round = 0; round < 7; round++) {
        double t = now(), took;
        size_t done = 0;
        uint64_t x = 0;

        do {
            for (size_t i = 0; i + block <= len; i += block)
                x ^= ecc ? v->ecc(buf + i, block, 1, true) : v->xor32(buf + i, block);
            done += len;
            took = now() - t;
        } while (took < 0.15);
        sink = x;
        if ((double)done / took > best)
            best = (double)done / took;
    }
    return best / 1e9;
}

int main(void)
{
    const size_t small = 65536, large = 512u << 20;
    size_t nr;
    const struct cksum_variant *v = cksum_variants(&nr);
    uint8_t *buf = aligned_alloc(4096, large);

    if (!buf)
        return 1;
    memset(buf, 0x5a, large);
    printf("%-10s %-10s %12s %12s\n", "variant", "checksum", "cache GB/s", "memory GB/s");
    for (size_t i = 0; i < nr; i++) {
        printf("%-10s %-10s %12.1f %12.1f\n", v[i].name, "ecc 4K",
               rate(&v[i], buf, small, 4096, true), rate(&v[i], buf, large, 4096, true));
        printf("%-10s %-10s %12.1f %12.1f\n", v[i].name, "ecc 8K",
               rate(&v[i], buf, small, 8192, true), rate(&v[i], buf, large, 8192, true));
        printf("%-10s %-10s %12.1f %12.1f\n", v[i].name, "xor 4K",
               rate(&v[i], buf, small, 4096, false), rate(&v[i], buf, large, 4096, false));
    }
    free(buf);
    return 0;
}
