/* Secondary indexes against the records of their table. For integrity_table.c. */
#ifndef ESE_CHECK_INTEGRITY_INDEX_H
#define ESE_CHECK_INTEGRITY_INDEX_H

#include "check/integrity_keys.h"

struct index_check {
    struct tree *t;
    unsigned number; /* in the table's list */
    bool off;        /* not compared: it was told why */
    bool keys_known, exact;
    bool too_many;      /* entries of records: by far more than the index has */
    uint64_t allowance; /* entries that may still be made */
    uint64_t records_by_key, entries_by_key;           /* sums of hashes of (key, bookmark) */
    uint64_t records_by_bookmark, entries_by_bookmark; /* and of bookmarks */
    uint64_t least, most;                              /* entries that the records have */
};

/* Walks the index and sums up its entries. */
must_check JET_ERR index_begin(struct integrity *g, struct tree *t, struct index_check *ret);
/* Adds the entries of the record that `k` holds. */
must_check JET_ERR index_add(struct index_check *c, struct keys *k, struct slice bookmark);

/* Hands records to fn again: keys hold each while it is called. */
typedef JET_ERR index_record_fn(void *ctx, struct keys *k, const struct bt_node *record);
struct index_records {
    struct integrity *g;
    struct tree *table;
    void *owner; /* of each */
    JET_ERR (*each)(const struct index_records *r, index_record_fn *fn, void *ctx);
};
/* After the last record: tells what does not agree, and where. */
must_check JET_ERR index_end(struct index_check *c, const struct index_records *records);

#endif
