/*
 * Changes of a tree's shape (ESE: BTISplit, BTIMerge; write path 7 and 8): each is a macro in the
 * log and takes the tree's smo exclusively. A macro is put together as records and carried out by
 * redo's own functions on copies of the pages (redo_macro_prepare), then logged, then put in place:
 * what recovery will do is what was done.
 */
#ifndef ESE_BTREE_SMO_H
#define ESE_BTREE_SMO_H

#include "btree/redo.h"
#include "txn/ver.h"

enum smo_kind { SMO_INSERT, SMO_REPLACE, SMO_FLAG_INSERT_REPLACE };

struct smo_op { /* the node operation for whose sake */
    enum smo_kind kind;
    struct slice key;  /* whole key */
    struct slice data; /* new data; in a non-unique tree also part of the bookmark (SMO_INSERT) */
    bool versioned;    /* LR_PAGE_VERSIONED, NODE_VERSIONED */
    uint32_t rceid, rceid_replace; /* 0 when not versioned */
};

/* Takes pages for a split when the tree is a space tree; NULL: space_alloc_page. */
typedef JET_ERR smo_alloc_fn(void *ctx, struct sess *s, struct tree *t, pgno_t near, pgno_t *ret);

/*
 * No latch held, smo neither; for a space tree db.space_lock. Takes smo exclusively, finds the
 * place again, and does the operation with as many macros as it takes or, when it fits after all
 * by then, as a plain logged operation. The bookmark's versions are the caller's business: made
 * before, with their sizes, dropped after a failure. *ret_pgno, *ret_line: where the node is
 * afterwards (NULL is fine). Errors: JET_errKeyDuplicate (SMO_INSERT, SMO_FLAG_INSERT_REPLACE:
 * there is such a node by now, undeleted), JET_errRecordNotFound (the others: there is none),
 * JET_errRecordTooBig; those of space, cache and log; damage, reported: JET_errBadPageLink,
 * JET_errDatabaseCorrupted, .. Splits that were made before a failure stay; the operation was not
 * done.
 */
must_check JET_ERR smo_do(struct sess *s, struct tree *t, const struct smo_op *op,
                          smo_alloc_fn *alloc, void *ctx, pgno_t *ret_pgno, unsigned *ret_line);

/* Removes from a leaf every flag-deleted node that no active version holds, but for the last node
 * of all, highest line first (Delete records; write path 5.2). The leaf is latched exclusively, smo
 * held at least shared; s: in a transaction of the engine's. */
must_check JET_ERR smo_delete_nodes(struct sess *s, struct tree *t, struct buf *b);
/* Would smo_clean_leaf look for a way to merge the leaf away? It is latched. */
bool smo_is_sparse(const struct buf *b);
/* smo_delete_nodes on the leaf where bm belongs, then merges it away if it is empty or sparse
 * (write path 8), down to EmptyTree. Takes smo exclusively, so it is for leaves that are sparse. */
must_check JET_ERR smo_clean_leaf(struct sess *s, struct tree *t, const struct bookmark *bm);

#endif
