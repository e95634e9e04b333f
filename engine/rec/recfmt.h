/*
 * Records, tagged fields and long values as they lie on disk (ESE: rec.hxx REC, tagfld.hxx, lv.hxx).
 *
 *   0          1        2       4                    ib_end
 *   +----------+--------+-------+-------------+------+-------------+---------------+-----------+
 *   |fixed_last|var_last|ib_end |fixed columns|nulls |var offsets  |variable data  |tagged ... |
 *   +----------+--------+-------+-------------+------+-------------+---------------+-----------+
 *                                at their      1 bit  u16 each: end, from the start of the
 *                                own offsets   each   variable data; bit 15: null
 *
 *   tagged:  u16 fid, u16 ib | ... one per column, sorted | [header] data | [header] data | ...
 */
#ifndef ESE_REC_RECFMT_H
#define ESE_REC_RECFMT_H

#include <assert.h>

#include "base/types.h"

struct rec_hdr_disk {
    uint8_t fixed_last; /* highest fixed column in this record; 0: none */
    uint8_t var_last;   /* highest variable column; 127: none */
    le16 ib_end;        /* behind the null bits of the fixed columns */
};
static_assert(sizeof(struct rec_hdr_disk) == 4, "record header");

enum {
    FID_FIXED_MOST = 127,
    FID_VAR_LEAST = 128,
    FID_VAR_MOST = 255,
    FID_TAGGED_LEAST = 256,
    FID_TAGGED_MOST = 65248, /* ESE: jethdr.w JET_ccolMost */
};

enum {
    VAR_OFFSET_MASK = 0x7fff,
    VAR_NULL = 0x8000,
};

struct tagfld_disk {
    le16 fid, ib;
};
static_assert(sizeof(struct tagfld_disk) == 4, "tagged field");

enum { /* tagfld_disk.ib: small pages, then large ones, where the header byte is always there */
       TAG_SMALL_MASK = 0x1fff,
       TAG_SMALL_NULL = 0x2000,
       TAG_SMALL_HEADER = 0x4000,
       TAG_LARGE_MASK = 0x7fff,
       TAG_DERIVED = 0x8000,
};

enum { /* header byte of a tagged column (ESE: tagfld.hxx TAGFLD_HEADER) */
       TAGHDR_LONG = 0x01,
       TAGHDR_COMPRESSED = 0x02, /* the first value */
       TAGHDR_SEPARATED = 0x04,
       TAGHDR_MULTI = 0x08,
       TAGHDR_TWO = 0x10, /* with TAGHDR_MULTI: u8 length of the first, both values */
       TAGHDR_NULL = 0x20,
       TAGHDR_ENCRYPTED = 0x40,
       TAGHDR_RESERVED = 0x80,
};

enum { /* offsets of several values */
       MULTI_OFFSET_MASK = 0x7fff,
       MULTI_SEPARATED = 0x8000,
};

enum { /* the field before formats of 1999: page flag 0x800 is clear (ESE: tagfld.hxx TAGFLD_OLD) */
       TAG_OLD_LEN_MASK = 0x0fff,
       TAG_OLD_DERIVED = 0x2000,
       TAG_OLD_NULL = 0x4000,
       TAG_OLD_LONG = 0x8000,    /* the data starts with a byte of flags */
       TAG_OLD_SEPARATED = 0x01, /* in that byte. A guess: no file of that age was at hand */
};

/* Root of a long value: LVROOT is the first two fields, LVROOT2 all three. */
struct lvroot_disk {
    le32 refcount, size;
    uint8_t flags;
};
static_assert(sizeof(struct lvroot_disk) == 9, "long value root");

enum { LVROOT_ENCRYPTED = 0x01 };

enum { /* first byte of compressed data, upper 5 bits (ESE: compression.cxx) */
       COMPRESS_NONE = 0,
       COMPRESS_7BIT_ASCII = 1,
       COMPRESS_7BIT_UNICODE = 2,
       COMPRESS_XPRESS = 3,
       COMPRESS_SCRUB = 4,
       COMPRESS_XPRESS9 = 5,
       COMPRESS_XPRESS10 = 6,
       COMPRESS_LZ4 = 7,
};

#endif
