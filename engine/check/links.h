/*
 * Do the leaves of a tree link to one another as their parents list them? A page from an older state of
 * the database has a right checksum and a right number; what gives it away is that its neighbours
 * have moved on.
 *
 * Each pair of neighbours in an internal page is held against the links of the two leaves, whichever
 * is met first in the stream. Pages that left their tree keep their bytes, so a parent and a child
 * count only when neither is flagged empty and both have the same objid (objids are never reused).
 *
 * 12 bytes and two bits per page; beyond LINKS_PAGES_MAX pages nothing is kept and links_done finds
 * nothing: memory has a limit whatever the size of the database.
 */
#ifndef ESE_CHECK_LINKS_H
#define ESE_CHECK_LINKS_H

#include "base/err.h"
#include "page/page.h"

#define LINKS_PAGES_MAX \
    (2u << 20) /* 24.5 MiB; databases of 8 GiB at 4 KiB pages, 64 GiB at 32 KiB */

struct links;

/* Told of each disagreement: the leaf, the parent's word and its own. next: which link it is. */
typedef void links_fault_fn(void *ctx, pgno_t leaf, bool next, pgno_t expected, pgno_t found);

/* *ret is NULL (and success) when pgno_max is beyond the limit; every function takes NULL. */
must_check JET_ERR links_new(pgno_t pgno_max, links_fault_fn *fn, void *ctx, struct links **ret);
void links_free(struct links *l);
/* A verified page, not blank. */
void links_page(struct links *l, struct page p, pgno_t pgno);

#endif
