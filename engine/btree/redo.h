/*
 * Redo: what a log record did to pages, done again to pages that have not seen it.
 *
 * The rule (ESE: FLGNeedRedoCheckDbtimeBefore): a page whose dbtime is at least that of the record
 * has the change already; one with the dbtime that the record says it had before gets it; any
 * other is a fault. A page that the record makes anew needs no state before. Each page of a record
 * decides for itself.
 *
 * A record, or a macro with all its records, is done whole or not at all: everything that can be
 * refused is looked at before the first page is changed. What a record asks for is checked against
 * the page - hostile logs get JET_errLogOperationInconsistentWithDatabase, not a damaged page.
 *
 * Not here: transactions, versions, which records count (engine/recover decides, and keeps what
 * undoing needs), files and their sizes (hooks).
 */
#ifndef ESE_BTREE_REDO_H
#define ESE_BTREE_REDO_H

#include "buf/buf.h"
#include "log/logrec.h"

struct redo_hooks {
    /* ExtendDB: the file must hold pages up to `last`. */
    JET_ERR (*extend)(void *ctx, pgno_t last);
    /* Shrink (cut: the file ends behind page first-1, and if resets is true what is in the pages
     * after it is void) and Trim (!cut: the pages are void). Pages of the pool in that range are
     * void too. */
    JET_ERR (*discard)(void *ctx, pgno_t first, uint32_t nr, bool cut);
    /* rec/compress.h decompress(): before images are compressed with what column data are
     * compressed with. */
    JET_ERR(*decompress)
    (struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len, const char **ret_what);
};

struct redo_map;

struct redo_db {
    struct bufpool *pool;
    struct reporter *r;
    uint32_t page_size;
    /* The file may hold changes of records that are still to come: true until the highest
     * generation that its header requires has been replayed. Then pages may be missing or old
     * because a later record cuts them off: they are noted, and redo_settle says whether one
     * did. */
    bool ahead;
    const struct redo_hooks *hooks;
    void *ctx; /* of the hooks */
    /* Highest of all records so far: the next dbtime, the next objid. */
    dbtime_t dbtime_last;
    objid_t objid_last;

    struct redo_map *map;
    uint8_t *store; /* what struct redo_result points into */
};

/* The caller fills everything up to objid_last first. */
must_check JET_ERR redo_init(struct redo_db *db);
void redo_done(struct redo_db *db); /* fine after a failed redo_init, and twice */

/* What undoing the record takes, where it is not in the record itself. Valid until the next
 * call. */
struct redo_result {
    bool applied; /* the page that the node is on was changed; false: it had the change */
    /* Replace, ReplaceD, FlagInsertAndReplaceData, FlagDelete, applied: key and data of the node
     * before */
    struct slice key, data;
};

/*
 * A record outside a macro. lgpos: its own. Records that change no page are fine. Undo is not done
 * here: undo_redo. Errors, reported: JET_errDbTimeTooOld, -TooNew, -BeyondMaxRequired;
 * JET_errPageNotInitialized (the page is not there, and no later record removes it);
 * JET_errLogOperationInconsistentWithDatabase; JET_errLogFileCorrupt; those of buf_get and of the
 * hooks.
 */
must_check JET_ERR redo_apply(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                              struct redo_result *ret);
/* The records between MacroBegin and MacroCommit of one session, in log order. lgpos: of the
 * commit. The result is that of the node operation among them.
 * JET_errDatabaseBufferDependenciesCorrupted: the new page of a split was lost, and the record has
 * no image to make it from. */
must_check JET_ERR redo_macro(struct redo_db *db, lgpos_t lgpos, const struct logrec *recs,
                              unsigned nr, struct redo_result *ret);

/*
 * redo_macro in two steps, for an engine that runs: it makes the records, prepares them, logs them
 * if that went well, applies them. A single EmptyTree or PageMove may be prepared too. Preparing
 * changes no page. Each page of the macro that exists is latched exclusively by the caller from
 * before the first step until after the second (or nobody else is there); those that it makes are
 * latched by nobody. lgpos: only for reports in the first step; in the second that of MacroCommit.
 * oldest: as in buf_dirty_since.
 */
struct redo_macro;
must_check JET_ERR redo_macro_prepare(struct redo_db *db, lgpos_t lgpos, const struct logrec *recs,
                                      unsigned nr, struct redo_result *result,
                                      struct redo_macro **ret);
void redo_macro_apply(struct redo_macro *m, lgpos_t lgpos, lgpos_t oldest);
void redo_macro_free(struct redo_macro *m); /* NULL is fine */

/* Counts dbtime_last and objid_last only; redo_apply and redo_macro do so too. */
void redo_count(struct redo_db *db, const struct logrec *rec);

/* The required logs are through: pages that were missed and never cut off are faults, each
 * reported. Sets ahead to false. */
must_check JET_ERR redo_settle(struct redo_db *db);

#endif
