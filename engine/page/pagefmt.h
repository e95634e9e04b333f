/*
 * Database pages as they lie on disk (ESE: cpage.hxx PGHDR, PGHDR2, TAG; space.cxx SPACE_HEADER).
 *
 *   0        8         16    20    24     28      30       32       34       36     40
 *   +--------+---------+-----+-----+------+-------+--------+--------+--------+------+
 *   |checksum| dbtime  |prev |next |objid |cbFree |cbUncFr |ibMicFr |itagState|flags |  small: <= 8 KiB
 *   +--------+---------+-----+-----+------+-------+--------+--------+--------+------+
 *   40                64   68          80
 *   +-----------------+----+-----------+
 *   | checksum 2,3,4  |pgno| reserved  |                       large: 16 and 32 KiB, follows the above
 *   +-----------------+----+-----------+
 *   data grows upwards ...   ... tag n-1 .. tag 1, tag 0 (external header) at the page's end
 *
 * A tag is 4 bytes: u16 cb, u16 ib (offset after the page header). Small pages: 13 bits each, cb's
 * neighbour in the second word (ib) holds the node's flags in its top 3 bits. Large pages: 15 bits
 * each, the flags are the top 3 bits of the node's own first u16.
 */
#ifndef ESE_PAGE_PAGEFMT_H
#define ESE_PAGE_PAGEFMT_H

#include <assert.h>

#include "base/types.h"

struct page_hdr_disk {
    le64 checksum; /* new format: high dword ECC, low dword XOR ^ pgno; old: u32 XOR, u32 pgno */
    le64 dbtime;
    le32 pgno_prev, pgno_next;
    le32 objid_fdp;
    le16 cb_free, cb_uncommitted_free, ib_mic_free;
    le16
        itag_state; /* bits 0-11 number of tags, 12-14 reserved tags (0 means 1, the external header) */
    le32 flags;
};
static_assert(offsetof(struct page_hdr_disk, flags) == 36, "page header");
static_assert(sizeof(struct page_hdr_disk) == 40, "page header");

struct page_hdr2_disk { /* pages of 16 and 32 KiB */
    struct page_hdr_disk h;
    le64 checksums[3]; /* of the 2nd, 3rd, 4th block */
    le32 pgno;
    uint8_t reserved[12];
};
static_assert(offsetof(struct page_hdr2_disk, pgno) == 64, "large page header");
static_assert(sizeof(struct page_hdr2_disk) == 80, "large page header");

struct page_tag_disk {
    le16 cb, ib;
};

enum { /* page flags, persistent */
       PAGE_ROOT = 0x1,
       PAGE_LEAF = 0x2,
       PAGE_PARENT_OF_LEAF = 0x4,
       PAGE_EMPTY = 0x8,
       PAGE_REPAIRED = 0x10,
       PAGE_SPACE_TREE = 0x20,
       PAGE_INDEX = 0x40,
       PAGE_LONG_VALUE = 0x80,
       PAGE_NON_UNIQUE = 0x400,
       PAGE_NEW_RECORD_FORMAT = 0x800,
       PAGE_NEW_CHECKSUM = 0x2000,
       PAGE_SCRUBBED = 0x4000,
       PAGE_FLUSH_TYPE = 0x18000,
       PAGE_PRE_INIT = 0x20000,
       PAGE_FDP_DELETE = 0x40000,
};

enum { /* node flags, the top 3 bits of a tag */
       NODE_VERSIONED = 1,
       NODE_DELETED = 2,
       NODE_COMPRESSED = 4, /* key starts with a u16: bytes taken from the page's prefix (tag 0) */
};

static inline uint32_t page_header_len(uint32_t page_size)
{
    return page_size <= 8192 ? (uint32_t)sizeof(struct page_hdr_disk)
                             : (uint32_t)sizeof(struct page_hdr2_disk);
}

/*
 * SPACE_HEADER: the first 16 bytes of a root page's external header (ESE: space.hxx; a table with an
 * autoincrement column has a longer form in newer formats, FORMAT.md).
 */
struct space_hdr_disk {
    le32 cpg;               /* pages of the primary extent; newer: size of the last allocation */
    le32 pgno_parent;       /* FDP of the parent tree; 0 for the database's root */
    uint8_t flags[4];       /* SPACE_* in the first byte */
    le32 pgno_oe_or_bitmap; /* SPACE_MULTIPLE: root of the owned-extents tree, the available-extents
                                  tree is the next page. Otherwise a bitmap of available pages. */
};
enum { SPACE_MULTIPLE = 1, SPACE_NON_UNIQUE = 2 };
static_assert(sizeof(struct space_hdr_disk) == 16, "space header");

#endif
