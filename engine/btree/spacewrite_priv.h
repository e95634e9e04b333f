/*
 * Between the parts of space that is changed:
 *
 *   spacenode.c    extents as nodes of extent trees, tag 0 of roots: one page, one record
 *   spacebuffer.c  pages kept for splitting those trees
 *   spacealloc.c   pages and extents taken, from parent to child; the file grows
 *   spacefree.c    pages and extents given back, from child to parent
 *   spacecreate.c  trees made, and made to have extent trees of their own
 *   spacewrite.c   what is asked from outside
 *
 * Everything here holds db.space_lock, so nobody else changes an extent tree or a root's tag 0:
 * what was found stays found until this thread changes it. Pages are latched for the moment that
 * they are looked at or changed, no longer.
 *
 * Order of records, so that a crash between any two of them costs pages at most (they stay with the
 * tree that owns them, and are nobody's until it is dropped), and never gives a page to two:
 *
 *   1. A page leaves AE before it is used, and comes to AE after the last use of it was logged.
 *   2. The parent's AE loses an extent before the child's OE gets it, and the child's AE gets it
 *      after its OE.
 *   3. The child's AE loses an extent before its OE does, and the parent's AE gets it last.
 *   4. Pages for the split of an extent tree are in its split buffer, owned and not available,
 *      before the record that needs the split; one leaves the buffer before it is used.
 */
#ifndef ESE_BTREE_SPACEWRITE_PRIV_H
#define ESE_BTREE_SPACEWRITE_PRIV_H

#include "btree/spacewrite.h"
#include "page/edit.h"

#define SP_MAP_PAGES 32u         /* bits of a single extent's map (ESE: cpgSmallSpaceAvailMost) */
#define SP_PGNO_MAX  0x7fefffffu /* ESE: space.hxx pgnoSysMax */

struct sp { /* a tree whose space is looked at or changed, for the length of a call */
    struct sess *s;
    struct db *d;
    struct tree *t;
    bool own_ref;          /* of t */
    struct space_header h; /* as its root has it; changed together with it */
    struct tree ext[2];    /* OE, AE by enum space_kind: for the log and for smo_do */
};

/* t is of a table, index, LV or the database itself. Errors: those of reading its root;
 * JET_errDatabaseCorrupted, reported: no root of that tree. */
must_check JET_ERR sp_open(struct sp *x, struct sess *s, struct tree *t);
/* The tree that x has its extents from. x must have one. */
must_check JET_ERR sp_open_parent(struct sp *x, const struct sp *child);
void sp_close(struct sp *x); /* after a good open only */
/* x->h.pgno_oe has become known. */
void sp_set_extent_trees(struct sp *x);
static inline bool sp_is_root(const struct sp *x)
{
    return x->t->root == DB_ROOT_PGNO;
}

/* Classes of tree.avail_hint: the greatest power of two that is not above nr. */
static inline unsigned sp_size_class(uint32_t nr)
{
    unsigned c = 0;

    while (c + 1 < ARRAY_LEN(((struct tree *)NULL)->avail_hint) && nr >> (c + 1))
        c++;
    return c;
}

/* ---- spacenode.c ----------------------------------------------------------------------------- */

struct sp_node { /* an extent where it stands; good until the tree is changed */
    struct extent e;
    pgno_t pgno;
    unsigned line;
};

/*
 * The first extent of `pool` whose last page is >= last and that `want` wants (NULL: any); nodes
 * flagged as deleted and empty extents do not count. JET_errNoCurrentRecord: none. Others,
 * reported: damage. want must not look at other pages.
 */
typedef bool sp_want_fn(void *ctx, const struct extent *e);
must_check JET_ERR sp_find(struct sp *x, enum space_kind kind, unsigned pool, pgno_t last,
                           sp_want_fn *want, void *ctx, struct sp_node *ret);
/* The one of the general pool with that last page. */
must_check JET_ERR sp_find_exact(struct sp *x, enum space_kind kind, pgno_t last,
                                 struct sp_node *ret);
/* The first one of the contiguous pool with its last page in that range, empty ones included. */
must_check JET_ERR sp_find_mark(struct sp *x, pgno_t from, pgno_t to, struct sp_node *ret);
/* The last one of the general pool. */
must_check JET_ERR sp_find_last(struct sp *x, enum space_kind kind, struct sp_node *ret);

/* One record each. sp_add may need pages of the split buffer (sp_reserve). An error: nothing was
 * changed, except that a split may have been made, or that the instance is down. */
must_check JET_ERR sp_add(struct sp *x, enum space_kind kind, pgno_t last, uint32_t cpg);
must_check JET_ERR sp_remove(struct sp *x, enum space_kind kind, const struct sp_node *n);
must_check JET_ERR sp_set_cpg(struct sp *x, enum space_kind kind, const struct sp_node *n,
                              uint32_t cpg);
/* Takes the first cpg pages: sp_remove or sp_set_cpg. */
must_check JET_ERR sp_take_front(struct sp *x, const struct sp_node *n, uint32_t cpg);

/* The root of t gets x->h as its space header; what else is in its tag 0 stays. On an error x->h is
 * what it was before the caller changed it: *before. JET_errRecordTooBig: no room for the longer
 * form. */
must_check JET_ERR sp_write_header(struct sp *x, const struct space_header *before);
must_check JET_ERR sp_read_buffer(struct sp *x, enum space_kind kind, struct extent ret[2]);
must_check JET_ERR sp_write_buffer(struct sp *x, enum space_kind kind, const struct extent b[2]);
/* Pages that adding it would take for splits. */
must_check JET_ERR sp_split_cost(struct sp *x, enum space_kind kind, pgno_t last, uint32_t *ret);
/* *ret_levels: 1 for a root that is a leaf; *ret_free: bytes in the root. */
must_check JET_ERR sp_shape(struct sp *x, enum space_kind kind, unsigned *ret_levels,
                            uint32_t *ret_free);

/* ---- spacebuffer.c --------------------------------------------------------------------------- */

/* Until the next sp_add to OE and the next one to AE, there are pages for their splits. x has
 * extent trees. */
must_check JET_ERR sp_reserve(struct sp *x);
/* smo_alloc_fn; ctx: struct sp. */
JET_ERR sp_split_page(void *ctx, struct sess *s, struct tree *t, pgno_t near, pgno_t *ret);

/* ---- spacealloc.c ---------------------------------------------------------------------------- */

/* An extent of x for somebody else, at least min pages: *nr is what is wanted, then what it has. It
 * belongs to x, and is available to nobody. new_tree: a tree's first one. */
must_check JET_ERR sp_get_extent(struct sp *x, uint32_t *nr, uint32_t min, bool new_tree,
                                 pgno_t *ret_first);
/* By the tree's hints, what it should get after what it got last (ESE: CpgSPIGetNextAlloc). */
uint32_t sp_next_size(const struct sp *x);
/* Makes the file longer by at least min pages, at best nr: *ret_last, *nr. Nobody owns them yet.
 * may_exceed: db.pgno_max does not count, since pages would be lost without them. */
must_check JET_ERR sp_extend_file(struct sp *x, uint32_t *nr, uint32_t min, bool may_exceed,
                                  pgno_t *ret_last);
/* The database's root gets an extent at the end of the file, owned and available. exact: nr pages
 * and no others. */
must_check JET_ERR sp_grow_root(struct sp *x, uint32_t nr, uint32_t min, bool exact,
                                struct sp_node *ret);

/* ---- spacefree.c ----------------------------------------------------------------------------- */

must_check JET_ERR sp_free_extent(struct sp *x, pgno_t first, uint32_t nr);
/* To x's AE and no further. */
must_check JET_ERR sp_make_available(struct sp *x, pgno_t first, uint32_t nr);

/* ---- spacecreate.c --------------------------------------------------------------------------- */

/* x, a single extent, gets extent trees, from an extent of its parent that has room for a request
 * like this too. */
must_check JET_ERR sp_convert(struct sp *x, uint32_t nr, uint32_t min);

#endif
