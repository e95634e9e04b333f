/*
 * A set of page numbers, for whole databases: two levels, so that what is never touched costs nothing
 * and a run of any length (the unused tail of a file, a hole of terabytes) costs one pointer per
 * 32768 pages. At most one bit per page otherwise.
 */
#ifndef ESE_CHECK_PGSET_H
#define ESE_CHECK_PGSET_H

#include "base/err.h"

struct pgset {
    uint64_t **leaves; /* NULL: none of its pages; &all (private): every one */
    size_t nr_leaves;
};

void pgset_done(struct pgset *s); /* a zeroed struct is an empty set */
must_check JET_ERR pgset_add(struct pgset *s, pgno_t pgno);
/* [first, last], last >= first. */
must_check JET_ERR pgset_add_range(struct pgset *s, pgno_t first, pgno_t last);
bool pgset_has(const struct pgset *s, pgno_t pgno);
/* The first page number >= from that is in both sets; false: none. */
bool pgset_next_common(const struct pgset *a, const struct pgset *b, pgno_t from, pgno_t *ret);

#endif
