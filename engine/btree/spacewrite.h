/*
 * Space: pages taken from and given back to the trees of extents, logged without versions in the
 * transaction of whoever needs them (write path 9): not at level 0, but for space_root, space_count
 * and space_grow. Each call takes db.space_lock, which is recursive; no page is latched by the
 * caller. What is owned is never lost by a rollback: it stays with the tree.
 */
#ifndef ESE_BTREE_SPACEWRITE_H
#define ESE_BTREE_SPACEWRITE_H

#include "btree/space.h"
#include "txn/sess.h"

/* One page for tree t, near the given one if there is a choice. Takes an extent from the parent,
 * and the parent from its, up to the database's root and the file's end (ExtendDB) when need be.
 * The page's content is void; who takes it makes it. JET_errOutOfDatabaseSpace, JET_errDiskFull:
 * nothing was changed but extents that moved down. */
must_check JET_ERR space_alloc_page(struct sess *s, struct tree *t, pgno_t near, pgno_t *ret);
/* Gives pages first .. first+nr-1, which nothing refers to any more, back to t; whole extents go on
 * to the parent. After an error they may be lost. */
must_check JET_ERR space_free_pages(struct sess *s, struct tree *t, pgno_t first, uint32_t nr);

enum space_new { SPACE_NEW_TABLE, SPACE_NEW_INDEX, SPACE_NEW_INDEX_NON_UNIQUE, SPACE_NEW_LV };
/* A new tree with an empty root page, its extent of nr pages (0: as ESE chooses: 1) from `parent`
 * (the database's root for a table, the table for its indexes and long values). Draws the objid.
 * multiple: with its own extent trees from the start (MSysObjects). */
must_check JET_ERR space_create_tree(struct sess *s, struct tree *parent, enum space_new kind,
                                     uint32_t nr, bool multiple, pgno_t *ret_pgno,
                                     objid_t *ret_objid);
/* All extents of the tree at pgno_fdp go to the parent (a table's: indexes and long values lie in
 * them). Nobody uses it any more. After a committed deletion the caller has logged FreeFDP, with
 * the commit's number. A crash in between, or an error, leaves some of them lost. */
must_check JET_ERR space_free_tree(struct sess *s, struct tree *parent, pgno_t pgno_fdp,
                                   objid_t objid);

/* Page 1 with its extent trees on 2 and 3, owning nr pages (CreateMultipleExtentFDP); the file has
 * them, and the log an ExtendDB. */
must_check JET_ERR space_create_root(struct sess *s, struct db *d, uint32_t nr);
/* The tree at page 1: parent of all tables. */
must_check JET_ERR space_root(struct db *d, struct tree **ret);
/* Makes the database at least / about nr pages bigger (JetGrowDatabase). *ret: pages of the file
 * then. */
must_check JET_ERR space_grow(struct sess *s, struct db *d, uint32_t nr, uint32_t *ret);
/* Pages owned by and available in a tree. */
must_check JET_ERR space_count(struct sess *s, struct tree *t, uint32_t *ret_owned,
                               uint32_t *ret_available);

/* The table's persistent auto-increment counter (root header of 25 bytes, newest formats): reserves
 * values up to `high`. JET_errRecordTooBig: the header was short and the root has no room for a
 * longer one. */
must_check JET_ERR space_set_auto_inc(struct sess *s, struct tree *t, uint64_t high);

#endif
