/*
 * What enginebench and sqlitebench have in common: the same work on two engines, timed inside the process, so that scripts/bench
 * can hold one against the other.
 *
 *   BENCH DIR fill ROWS LEN BATCH durable|lazy CACHE_MIB   a new database in DIR; seconds of the inserts ("dirty", enginebench
 *                                                    only: lazy, and the instance ends as if it had crashed)
 *   BENCH DIR read COUNT LEN CACHE_MIB                     point reads by primary key, in one transaction
 *   BENCH DIR scan LEN CACHE_MIB                           every row and one column of it
 *   BENCH DIR update COUNT BATCH durable|lazy CACHE_MIB    rows found by a secondary index, which the change goes into
 *
 * Prints "ROWS SECONDS". The table: id (primary key), k (secondary index, not unique), v (LEN bytes).
 */
#ifndef DBBENCH_H
#define DBBENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEN_MAX 8192u

struct bench {
    const char *dir, *what;
    uint32_t rows, len, batch, cache_mib;
    bool durable, dirty;
};

static inline double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same numbers in both programs. */
static inline uint32_t bench_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static inline void bench_value(uint8_t *v, uint32_t len, uint32_t id)
{
    uint64_t state = id + 1;

    for (uint32_t i = 0; i + 4 <= len; i += 4) {
        uint32_t r = bench_random(&state);
        memcpy(v + i, &r, 4);
    }
}

static inline bool bench_args(int argc, char **argv, struct bench *b)
{
    memset(b, 0, sizeof(*b));
    if (argc < 4)
        return false;
    b->dir = argv[1];
    b->what = argv[2];
    if (strcmp(b->what, "fill") == 0 && argc == 8) {
        b->rows = (uint32_t)atol(argv[3]);
        b->len = (uint32_t)atol(argv[4]);
        b->batch = (uint32_t)atol(argv[5]);
        b->durable = strcmp(argv[6], "durable") == 0;
        b->dirty = strcmp(argv[6], "dirty") == 0;
        b->cache_mib = (uint32_t)atol(argv[7]);
    } else if (strcmp(b->what, "read") == 0 && argc == 6) {
        b->rows = (uint32_t)atol(argv[3]);
        b->len = (uint32_t)atol(argv[4]);
        b->cache_mib = (uint32_t)atol(argv[5]);
    } else if (strcmp(b->what, "scan") == 0 && argc == 5) {
        b->len = (uint32_t)atol(argv[3]);
        b->cache_mib = (uint32_t)atol(argv[4]);
    } else if (strcmp(b->what, "update") == 0 && argc == 7) {
        b->rows = (uint32_t)atol(argv[3]);
        b->batch = (uint32_t)atol(argv[4]);
        b->durable = strcmp(argv[5], "durable") == 0;
        b->cache_mib = (uint32_t)atol(argv[6]);
    } else {
        return false;
    }
    return b->len <= LEN_MAX;
}

static inline void bench_done(uint64_t rows, double since)
{
    printf("%llu %.6f\n", (unsigned long long)rows, bench_now() - since);
    fflush(stdout);
}

#endif
