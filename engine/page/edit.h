/*
 * Changing a page in memory: lines come, go and change their size, tag 0 is replaced, header fields are set.
 *
 * The page handed in is one that page_verify passed, or that page_init made, and is such a page after every
 * call (page_check_structure finds nothing), with two reservations that belong to the caller: the order of
 * keys, and that an internal node is a page number. A call that is impossible - no such line, no room, a
 * prefix longer than the page's - changes nothing and returns JET_errPageTagCorrupted.
 *
 * Where a line lies is not part of the format: a page changed here holds the same lines in the same order
 * as one that ESE changed, not always at the same offsets. cbUncommittedFree is 0 after every change: it
 * reserves room for rollbacks of a running engine, and recovery adds nothing that could take it. A running
 * engine takes it before the change and puts it back after it (page_uncommitted, page_set_uncommitted).
 *
 * Not here: checksums (page_seal), logging, who may change what.
 */
#ifndef ESE_PAGE_EDIT_H
#define ESE_PAGE_EDIT_H

#include "page/page.h"

struct edit { /* a page that may be changed */
    uint8_t *b;
    uint32_t size;
};

static inline struct page edit_page(struct edit e)
{
    return (struct page){e.b, e.size};
}

/* ESE: CPAGE::PreInitializeNewPage_: owned, without even a tag 0. What was there before does not matter. */
void page_preinit(struct edit e, pgno_t pgno, objid_t objid, dbtime_t dbtime);
/* ... and ConsumePreInitPage: an empty page with an empty external header. flags as in the log records;
 * PAGE_NEW_RECORD_FORMAT is added. */
void page_init(struct edit e, pgno_t pgno, objid_t objid, dbtime_t dbtime, uint32_t flags);

struct node_new {
    unsigned flags;      /* NODE_VERSIONED, NODE_DELETED; NODE_COMPRESSED follows from prefix_len */
    uint32_t prefix_len; /* bytes taken from the page's prefix; 0: not compressed */
    struct slice suffix[2]; /* rest of the key, in one or two pieces */
    struct slice data;
};

/* Slices in the following must not point into the page. */
must_check JET_ERR page_insert(struct edit e, unsigned line, const struct node_new *n);
must_check JET_ERR page_delete(struct edit e, unsigned line);
/* The node keeps its key and flags. */
must_check JET_ERR page_replace(struct edit e, unsigned line, struct slice data);
/* NODE_VERSIONED and NODE_DELETED only. */
must_check JET_ERR page_set_node_flags(struct edit e, unsigned line, unsigned set, unsigned clear);
/* Bytes [off, off+len) of a node's data, to be changed in place. NULL: there are none. */
uint8_t *page_node_data(struct edit e, unsigned line, uint32_t off, uint32_t len);
/* Tag 0. Refused when a node takes more bytes from the page's prefix than it would then have. */
must_check JET_ERR page_set_external_header(struct edit e, struct slice h);
/* All lines from the given one on. */
must_check JET_ERR page_truncate(struct edit e, unsigned line);
/* ESE: NDEmptyPage: no lines, no external header, PAGE_EMPTY. */
must_check JET_ERR page_set_empty(struct edit e);
/* Moves the lines together; the free space becomes one piece. Fills it when fill is not 0. */
void page_reorganise(struct edit e, uint8_t fill);

static inline struct page_hdr_disk *edit_hdr(struct edit e)
{
    return (struct page_hdr_disk *)e.b;
}
static inline void page_set_links(struct edit e, pgno_t prev, pgno_t next)
{
    le32_put(&edit_hdr(e)->pgno_prev, prev);
    le32_put(&edit_hdr(e)->pgno_next, next);
}
static inline void page_set_prev(struct edit e, pgno_t prev)
{
    le32_put(&edit_hdr(e)->pgno_prev, prev);
}
static inline void page_set_next(struct edit e, pgno_t next)
{
    le32_put(&edit_hdr(e)->pgno_next, next);
}
static inline void page_set_dbtime(struct edit e, dbtime_t dbtime)
{
    le64_put(&edit_hdr(e)->dbtime, dbtime);
}
static inline void page_set_flags(struct edit e, uint32_t flags)
{
    le32_put(&edit_hdr(e)->flags, flags);
}
/* Room for one more line of that many bytes is there when this is at least 4 more. */
static inline uint32_t page_free(struct page p)
{
    return le16_get(page_hdr(p)->cb_free);
}
/* Of the free bytes, those that a rollback may want back; a running engine gives them to nobody else. */
static inline uint32_t page_uncommitted(struct page p)
{
    return le16_get(page_hdr(p)->cb_uncommitted_free);
}
static inline void page_set_uncommitted(struct edit e, uint32_t len)
{
    le16_put(&edit_hdr(e)->cb_uncommitted_free, (uint16_t)len);
}
/* Lines that a page can have at most, whatever their size. */
#define PAGE_LINES_MAX 4094u

#endif
