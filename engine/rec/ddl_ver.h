/* Between ddl_ver.c and ddl_ver_part.c: what a DDL entry of the version store holds. */
#ifndef ESE_REC_DDL_VER_H
#define ESE_REC_DDL_VER_H

#include "rec/ddl_priv.h"

struct ddl_arg;
struct ddl_kind {
    JET_ERR (*undo)(struct sess *s, struct ddl_arg *a);
    JET_ERR (*clean)(struct sess *s, struct ddl_arg *a, uint32_t trx_commit);
};

struct ddl_zero {     /* escrow.c: a counter of a record */
    struct slice key; /* the record's bookmark; of a ddl_arg: on the heap */
    uint16_t offset;
    bool wide;
};

struct ddl_arg {
    struct fcb_hold hold; /* first */
    const struct ddl_kind *kind;
    struct db *db; /* NULL: it closed before the version store was empty */
    objid_t objid;
    struct fcb *f;              /* a reference, or NULL */
    struct tree *parent, *tree; /* references */
    struct fcb_index *ix;       /* a reference */
    struct fcb_col *col;        /* f's */
    struct column old;
    const char *old_name; /* f's */
    bool shared;          /* others may have versions in the tree */
    uint8_t fdp_type;
    struct ddl_zero zero;
};

enum { FDP_TABLE = 1, FDP_INDEX = 2 }; /* of LR_FREE_FDP, persistent */

/* f: gets a reference; NULL is fine. NULL: no memory. */
struct ddl_arg *ddl_arg_new(struct db *d, struct fcb *f);
void ddl_arg_free(void *a);
/* Into the version store; after an error it is the caller's still. */
must_check JET_ERR ddl_ver_add_only(struct sess *s, const struct ddl_kind *kind, struct ddl_arg *a);
/* In the version store, or undone at once and gone. */
must_check JET_ERR ddl_ver_add(struct sess *s, const struct ddl_kind *kind, struct ddl_arg *a);

static inline struct tree *ddl_tree_ref(struct tree *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/* a->tree's space goes back to a->parent. In the clean-up. */
must_check JET_ERR ddl_clean_tree(struct sess *s, struct ddl_arg *a, uint32_t trx_commit);
/* Open transactions have changed it, and recovery would undo them in it: when those that are open
 * now have ended. */
must_check JET_ERR ddl_free_later(struct sess *s, const struct ddl_arg *a);

#endif
