/*
 * Undo: the opposite of one operation on one node (ESE: ErrVERITryUndoLoggedOper and the
 * ErrVERUndo*Physical of ver.cxx).
 *
 * When recovery rolls back, the node is found by its bookmark, since it may have moved: undo_locate. Then the
 * Undo record is logged, and then undo_perform changes the page, in this order because the log must know of a
 * change before the page has it. When recovery meets an Undo record, the page and line are in it: undo_redo.
 */
#ifndef ESE_BTREE_UNDO_H
#define ESE_BTREE_UNDO_H

#include "btree/redo.h"

enum undo_oper { /* as in Undo records (ESE: daedef.hxx OPER) */
                 UNDO_INSERT = 1,
                 UNDO_REPLACE = 2,
                 UNDO_FLAG_DELETE = 3,
                 UNDO_DELTA = 4,
                 UNDO_DELTA64 = 9,
};

struct undo_version { /* one operation that is to be undone */
    enum undo_oper oper;
    pgno_t pgno_fdp;
    objid_t objid;
    struct slice key, data; /* bookmark; data: in a non-unique tree only, else empty */
    struct slice image;     /* Replace: the node's data before */
    int64_t delta;          /* Delta: what was added, ... */
    uint16_t offset;        /* ... and where in the data */
};

struct undo_place {
    struct buf *buf; /* pinned until undo_perform or undo_release */
    pgno_t pgno;
    unsigned line;
    dbtime_t dbtime; /* of the page, before */
};

/*
 * Errors, reported: JET_errRecordNotFound (no such node), JET_errBadPageLink (the tree leads nowhere or in
 * circles), JET_errLogOperationInconsistentWithDatabase (undo_perform could not change it: no room for the
 * before image, no deleted flag), those of buf_get.
 */
must_check JET_ERR undo_locate(struct redo_db *db, const struct undo_version *v,
                               struct undo_place *ret);
/* dbtime: the new one; lgpos: of the Undo record. Releases the place. undo_locate said that it can be done. */
must_check JET_ERR undo_perform(struct redo_db *db, const struct undo_version *v,
                                struct undo_place *place, dbtime_t dbtime, lgpos_t lgpos);
void undo_release(struct undo_place *place); /* fine more than once */

/* An Undo record met by redo: v is the version with its rceid. v may be NULL when it is not known, which is a
 * fault only if the page needs it (JET_errLogFileCorrupt). Errors as redo_apply. */
must_check JET_ERR undo_redo(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                             const struct undo_version *v, bool *ret_applied);

#endif
