/*
 * What every unit test needs: cmocka with its prerequisites, a seeded generator whose seed is
 * printed, and the way to the real data.
 */
#ifndef TESTUTIL_H
#define TESTUTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* xorshift64*: the same seed gives the same test, on every machine. */
static uint64_t test_rng;

__attribute__((unused)) static uint64_t rnd(void)
{
    test_rng ^= test_rng >> 12;
    test_rng ^= test_rng << 25;
    test_rng ^= test_rng >> 27;
    return test_rng * UINT64_C(2685821657736338717);
}

/* TEST_SEED in the environment replays a run; the seed is always printed. */
__attribute__((unused)) static void rnd_init(const char *who)
{
    const char *s = getenv("TEST_SEED");

    test_rng = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
    if (!test_rng)
        test_rng = 1;
    printf("%s: TEST_SEED=0x%llx\n", who, (unsigned long long)test_rng);
}

/* Directory of the real data, or NULL when it is not there (the caller says what it skips). */
__attribute__((unused)) static const char *test_data(void)
{
    const char *d = getenv("ESE_TEST_DATA");

    if (!d || access(d, R_OK) != 0)
        return NULL;
    return d;
}

#define NEED_DATA(what)                                             \
    do {                                                            \
        if (!test_data()) {                                         \
            print_message("skipped, no ESE_TEST_DATA: %s\n", what); \
            skip();                                                 \
        }                                                           \
    } while (0)

#endif
