/*
 * A page in memory: checked once on entry (page_verify), then read through accessors that trust it.
 *
 * page_verify(bytes, length) is the whole check: checksum, page number, tags within bounds, no
 * overlap, order of keys. The fuzzer calls what production calls. After it returned success every
 * accessor below is safe for every tag index < page_nr_tags().
 */
#ifndef ESE_PAGE_PAGE_H
#define ESE_PAGE_PAGE_H

#include "base/err.h"
#include "page/pagefmt.h"

enum page_verdict {
    PAGE_OK,
    PAGE_BLANK,        /* all zero: never written. Not an error by itself */
    PAGE_CORRECTED,    /* one bit (per ECC block) was wrong and has been put right in the buffer */
    PAGE_BAD_CHECKSUM, /* JET_errReadVerifyFailure */
    PAGE_BAD_PGNO,     /* checksum fits another page number: JET_errReadVerifyFailure */
    PAGE_BAD_STRUCTURE, /* checksum right, tags or keys wrong: JET_errPageTagCorrupted / NodeCorrupted */
};

struct page_check {
    enum page_verdict verdict;
    JET_ERR err;               /* of the three bad verdicts; JET_errSuccess otherwise */
    pgno_t pgno_found;         /* PAGE_BAD_PGNO: whose page it is */
    uint32_t bit;              /* PAGE_CORRECTED: first bit that was wrong (offset in bits) */
    unsigned nr_corrected;     /* bits corrected, at most one per block */
    uint64_t stored, computed; /* PAGE_BAD_CHECKSUM: of the first block that is wrong */
    const char *what;          /* PAGE_BAD_STRUCTURE: one clause, static */
};

/* page_size: 2048, 4096, 8192, 16384, 32768. buf is corrected in place where that is possible. Any
 * bytes are safe. buf needs no alignment (64 bytes is fastest). */
void page_verify(void *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret);

/* The parts, for those that need one alone: checksum only (no structure) ... */
void page_verify_checksum(void *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret);
/* ... and structure only. Returns NULL when sound, else one static clause. */
const char *page_check_structure(const void *buf, uint32_t page_size);
/* Writes the checksum of a page that was changed (new format). */
void page_seal(void *buf, uint32_t page_size, pgno_t pgno);

bool page_is_zero(const void *buf, size_t len);

/* ---- accessors: only on a page that page_verify passed ---------------------------------------- */

struct page {
    const uint8_t *b;
    uint32_t size;
};

struct slice { /* bytes inside a page or buffer; not owned */
    const uint8_t *p;
    uint32_t len;
};

struct node {
    unsigned flags;      /* NODE_* */
    struct slice prefix; /* bytes taken from the page's prefix; empty when not compressed */
    struct slice suffix; /* rest of the key */
    struct slice data;
};

static inline const struct page_hdr_disk *page_hdr(struct page p)
{
    return (const struct page_hdr_disk *)p.b;
}
static inline uint32_t page_flags(struct page p)
{
    return le32_get(page_hdr(p)->flags);
}
static inline dbtime_t page_dbtime(struct page p)
{
    return le64_get(page_hdr(p)->dbtime);
}
static inline objid_t page_objid(struct page p)
{
    return le32_get(page_hdr(p)->objid_fdp);
}
static inline pgno_t page_prev(struct page p)
{
    return le32_get(page_hdr(p)->pgno_prev);
}
static inline pgno_t page_next(struct page p)
{
    return le32_get(page_hdr(p)->pgno_next);
}

/* Number of lines (nodes), without the external header. Zero, and no external header, for a page that
 * has left its tree (PAGE_EMPTY) or was never filled: what is still in it was not checked. */
unsigned page_nr_lines(struct page p);
/* Tag 0: the external header: page prefix, or space header on a root page. */
struct slice page_external_header(struct page p);
/* Line 0 .. page_nr_lines()-1, decoded. */
struct node page_node(struct page p, unsigned line);
/* Child page of an internal node (its 4 data bytes); 0 when the node is not a pointer. */
pgno_t node_child(const struct node *n);
/* Whole key, prefix and suffix put together. Returns its length; buf needs room for
 * n->prefix.len + n->suffix.len bytes, which is < page size. */
uint32_t node_key(const struct node *n, uint8_t *buf);
/* Compares whole keys of two nodes without copying: <0, 0, >0 as memcmp, shorter first. */
int node_key_cmp(const struct node *a, const struct node *b);

#endif
