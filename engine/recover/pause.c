/*
 * Recovery that ends after the redo (ESE: JET_bitRecoveryWithoutUndo, JET_RSTINFO.lgposStop): more logs may follow, and the
 * next recovery goes on with them. Nothing is logged. Databases stay dirty and require the logs that they have required; the
 * checkpoint stays, so that next time the sessions are known from their beginning and pages that stayed in memory are made
 * again. It costs a second replay, which finds nearly all pages as they should be.
 */
#include "recover/recover_int.h"

bool rpause_wanted(const struct recovery *rv)
{
    return rv->live && (rv->live->without_undo || recover_stops(&rv->stop));
}

/* What has a change that could not be undone yet is not written (sessions_hold). */
static JET_ERR write_pages(struct recovery *rv, struct rfile *f)
{
    JET_ERR err;

    rv->r.file = path_name(f->path);
    err = bufpool_write(f->pool, UINT64_MAX);
    return err < 0 ? err : bufpool_sync(f->pool);
}

JET_ERR rpause(struct recovery *rv)
{
    char pos[LGPOS_STR_LEN];
    bool open = rv->scan.stop; /* something is left to do */
    JET_ERR err = JET_errSuccess;

    for (struct rfile *f = rv->files; f && err >= 0; f = f->next)
        if (f->dbid)
            err = write_pages(rv, f);
    if (err < 0)
        return err;
    for (uint8_t dbid = 1; dbid <= DBID_MAX; dbid++)
        open |= rv->slot[dbid].used;
    rv->r.file = rv->set.dir;
    fault_note(&rv->r, 304, ESE_NO_OFFSET, "recovery ends without undo after the record at %s",
               lgpos_str(rv->now, pos));
    return open ? RAISE(JET_errRecoveredWithoutUndo)
                : RAISE(JET_errRecoveredWithoutUndoDatabasesConsistent);
}
