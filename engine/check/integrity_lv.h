/* The long values of a table and how often its records refer to each. For integrity_table.c. */
#ifndef ESE_CHECK_INTEGRITY_LV_H
#define ESE_CHECK_INTEGRITY_LV_H

#include "check/integrity.h"

struct lv_count {
    uint64_t lid;
    uint32_t refcount, nr_references;
};

struct lv_check {
    struct integrity *g;
    struct tree *t; /* NULL: the table has none */
    struct lv_count *e;
    size_t nr, room;
    unsigned nr_broken, nr_dangling;
};

/* Walks the tree: every value whole, every piece in its place. */
must_check JET_ERR lv_begin(struct integrity *g, struct tree *t, struct lv_check *ret);
/* A reference from a record on page pgno. */
void lv_refer(struct lv_check *c, const struct tree *table, uint64_t lid, pgno_t pgno);
/* After the last record: the counts, unless some records could not be read. Frees what the check holds. */
void lv_end(struct lv_check *c, const struct tree *table);

#endif
