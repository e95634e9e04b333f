/*
 * The scalar types of the field, and the few structures that every room shares.
 *
 * Names are ESE's: pgno (page number, 1-based; page n lies at file offset (n+1) * page size),
 * dbtime (64-bit counter of changes of one database), lgpos (position in the log), objid.
 */
#ifndef ESE_BASE_TYPES_H
#define ESE_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/le.h"

typedef uint32_t pgno_t;   /* 0: none */
typedef uint64_t dbtime_t; /* 0: never; UINT64_MAX: "do not compare" */
typedef uint32_t objid_t;  /* 0: none */
typedef uint32_t lgen_t;   /* log generation; 0: none, first file is 1 */

#define PGNO_NULL      ((pgno_t)0)
#define DBTIME_INVALID UINT64_MAX
#define PAGE_SIZE_MIN  2048u
#define PAGE_SIZE_MAX  32768u

#define must_check             __attribute__((warn_unused_result))
#define cold                   __attribute__((cold, noinline))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

/* LGPOS on disk: u16 ib, u16 isec, i32 generation. Read as one le64 it sorts correctly, and that is
 * how it is kept here. ib: byte in the segment; isec: segment in the file (header = 0). */
typedef uint64_t lgpos_t; /* 0: none */

static inline lgpos_t lgpos_make(lgen_t gen, uint32_t isec, uint32_t ib)
{
    return (uint64_t)gen << 32 | (uint64_t)(isec & 0xffff) << 16 | (ib & 0xffff);
}
static inline lgen_t lgpos_gen(lgpos_t p)
{
    return (lgen_t)(p >> 32);
}
static inline uint32_t lgpos_isec(lgpos_t p)
{
    return (uint32_t)(p >> 16) & 0xffff;
}
static inline uint32_t lgpos_ib(lgpos_t p)
{
    return (uint32_t)p & 0xffff;
}

/* LOGTIME, 8 bytes as on disk. Compared byte for byte, never normalised (the milliseconds count). */
struct logtime {
    uint8_t b[8];
};
static inline bool logtime_equal(struct logtime a, struct logtime b)
{
    return get_le64(a.b) == get_le64(b.b);
}
static inline bool logtime_is_zero(struct logtime t)
{
    return get_le64(t.b) == 0;
}
/* <0, 0, >0: which is earlier, both taken as UTC. */
int logtime_cmp(struct logtime a, struct logtime b);

/* SIGNATURE, 28 bytes as on disk: random u32, LOGTIME of creation, computer name. */
struct signature {
    uint8_t b[28];
};
static inline bool signature_equal(const struct signature *a, const struct signature *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
static inline bool signature_is_zero(const struct signature *s)
{
    for (size_t i = 0; i < sizeof(s->b); i++)
        if (s->b[i])
            return false;
    return true;
}

/* BKINFO, 24 bytes on disk. */
struct bkinfo {
    lgpos_t mark;
    struct logtime time;
    lgen_t gen_low, gen_high; /* 0: none */
};

/* Its milliseconds, 0 .. 999 (1023 in a forged one). */
unsigned logtime_ms(struct logtime t);

/* Text forms; each writes a NUL-terminated string into `buf` and returns it. */
#define LGPOS_STR_LEN     24 /* "%X:%04X:%04X" */
#define LOGTIME_STR_LEN   32 /* "2026-11-22 03:00:12.345" or "none" */
#define SIGNATURE_STR_LEN 96
char *lgpos_str(lgpos_t p, char buf[LGPOS_STR_LEN]);
char *logtime_str(struct logtime t, char buf[LOGTIME_STR_LEN]);
char *signature_str(const struct signature *s, char buf[SIGNATURE_STR_LEN]);

#endif
