/*
 * Sessions and transactions: numbers, levels, what of them gets into the log and when (ESE:
 * pib.cxx, tm.cxx; write path 2 and appendix B).
 */
#ifndef ESE_TXN_SESS_H
#define ESE_TXN_SESS_H

#include "txn/inst.h"

#define LEVEL_MAX \
    7 /* of a user: the api refuses more with JET_errTransTooDeep (ESE: levelUserMost) */
#define LEVEL_ENGINE_MAX \
    10 /* an update opens a level of its own inside the user's; trx_begin refuses more */

/* procid of a user session is the lowest free one from 5 on; of a system session from 1 to 4, then
 * as users'. Take inst.lock, as sess_free does. JET_errOutOfSessions. */
must_check JET_ERR sess_new(struct inst *in, bool system, struct sess **ret);
/* Rolls back what is open; NULL is fine. */
void sess_free(struct sess *s);

/* At level 0 it may clean versions first when their store is nearly full: no latch is held then. */
must_check JET_ERR trx_begin(struct sess *s);
/*
 * One level. To level 0: Commit0 (its number drawn inside the log's lock), and unless lazy is
 * wanted or nothing was versioned, waits until it is on disk; only then others see it. A failure of
 * the log is the instance's end (inst_fail): JET_errLogWriteFail and the like.
 */
must_check JET_ERR trx_commit(struct sess *s, bool lazy);
/* One level: undoes its versions, newest first, then Rollback. A failure is the instance's end. */
must_check JET_ERR trx_rollback(struct sess *s);
/* Only the versions of one update (JetPrepareUpdate, JET_prepCancel), of any level; locks stay.
 * Logs no Rollback. */
must_check JET_ERR trx_rollback_update(struct sess *s, uint32_t update_id);
/* All lazy commits of this session are durable after it. */
must_check JET_ERR trx_wait_durable(struct sess *s);

/*
 * Appends a record for the session: emits the Begins that are due, fills procid, and for a page
 * operation (rec->pgno != 0 and t != NULL) dbid, level, trx, pgno_fdp, objid, LR_PAGE_UNIQUE and
 * LR_PAGE_SPACE from the tree. The caller has set type, pgno, dbtime, dbtime_before, iline, rceid,
 * LR_PAGE_VERSIONED and the union; for an Undo also level, the undone version's. *ret: lgpos; 0
 * without a log. Not at level 0. A failure: nothing was logged, the caller puts the dbtime back;
 * the instance is down. Only by the session's own thread (an UndoInfo at a flush is not:
 * ver_each_unlogged).
 */
must_check JET_ERR trx_log(struct sess *s, const struct tree *t, struct logrec *rec, lgpos_t *ret);
/* The page's last change is the record at lgpos, made by s: dirty, WAL, checkpoint. */
void trx_dirty(struct sess *s, struct buf *b, lgpos_t lgpos);

/* The smallest trx_begin0 of open transactions, or one more than the newest number when there is
 * none. Whoever committed before it is visible to everybody. Comparisons of numbers are modular:
 * (int32_t)(a - b). */
uint32_t trx_oldest(struct inst *in);
/* The smallest lgpos_begin0 of transactions that are open, or ended with their end not on disk yet;
 * UINT64_MAX: none. For a checkpoint take wal_tip before: a Begin0 that is not seen here lies
 * behind it. */
lgpos_t trx_oldest_begin0(struct inst *in);
static inline bool trx_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

#endif
