/* The states of a backup: begun, stopped, ended. */
#include "backup/session.h"

#include <stdlib.h>

#include "backup/session_priv.h"
#include "log/loghdr.h"

/* ---- stopping -------------------------------------------------------------------------------- */

void backup_stop(struct inst *in, JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    if (atomic_load(&in->backup))
        (void)atomic_compare_exchange_strong(&in->backup_stop, &none, err);
}

JET_ERR backup_poll(const struct backup *b)
{
    const JET_ERR stop = atomic_load(&b->in->backup_stop), failed = inst_check(b->in);

    if (stop < 0)
        return RAISE(stop);
    return failed < 0 ? RAISE(failed) : JET_errSuccess;
}

/* ---- beginning ------------------------------------------------------------------------------- */

JET_ERR backup_check_log(struct inst *in)
{
    const JET_ERR failed = inst_check(in);

    if (failed < 0)
        return RAISE(failed);
    return wal_is_low(in->wal) ? RAISE(JET_errLogDiskFull) : JET_errSuccess;
}

static JET_ERR read_marks(struct backup *b)
{
    lgpos_t checkpoint;
    JET_ERR err = b->in->life->checkpoint(b->in, &checkpoint);

    if (err < 0)
        return err;
    b->copy_mic = lgpos_gen(checkpoint);
    b->mark = wal_tip(b->in->wal);
    b->mark_time = logtime_now();
    return b->opts.incremental ? marks_check_full(b) : JET_errSuccess;
}

/* The instance is held. */
static JET_ERR begin(struct backup *b)
{
    JET_ERR err = backup_poll(b);

    if (err >= 0)
        err = backup_check_log(b->in);
    if (err >= 0)
        err = read_marks(b);
    if (err < 0)
        return err;
    bkevent(b->in, b->opts.incremental ? EVENT_START_INCREMENTAL : EVENT_START_FULL, 0, NULL, NULL,
            NULL);
    return marks_log(b, PHASE_BEGIN, NULL);
}

void backup_free(struct backup *b)
{
    b->in->life->end_backup(b->in);
    loghdr_info_done(&b->last_log);
    free(b->log_read);
    free(b);
}

JET_ERR backup_new(struct inst *in, const struct backup_opts *opts, uint32_t type,
                   struct backup **ret)
{
    struct backup *b;
    JET_ERR err;

    if (!in->wal)
        return RAISE(JET_errLoggingDisabled);
    if ((opts->incremental || opts->surrogate) && in->conf.circular)
        return RAISE(JET_errInvalidBackup);
    b = calloc(1, sizeof(*b));
    if (!b)
        return RAISE(JET_errOutOfMemory);
    b->in = in;
    b->opts = *opts;
    b->type = type;
    err = in->life->begin_backup(in, opts->surrogate ? INST_SURROGATE_BACKUP : INST_BACKUP);
    if (err < 0) {
        free(b);
        return err;
    }
    *ret = b;
    return JET_errSuccess;
}

JET_ERR backup_begin(struct inst *in, const struct backup_opts *opts, struct backup **ret)
{
    JET_ERR err = backup_new(in, opts, DBHDR_STREAMED, ret);

    if (err < 0)
        return err;
    err = begin(*ret);
    if (err < 0)
        backup_free(*ret);
    return err;
}

/* ---- what belongs to it ---------------------------------------------------------------------- */

struct db *backup_db(const struct backup *b, unsigned dbid)
{
    struct db *d = b->in->db[dbid];

    return d && !d->read_only ? d : NULL;
}

bool backup_is_full(const struct backup *b)
{
    return !b->opts.incremental;
}

bool backup_is_complete(const struct backup *b)
{
    return b->prepared && !b->open;
}

/* ---- files ----------------------------------------------------------------------------------- */

JET_ERR backup_read(struct backup_file *f, void *buf, size_t len, size_t *ret_len)
{
    JET_ERR err = backup_poll(f->b);

    return err < 0 ? err : f->read(f, buf, len, ret_len);
}

void backup_close(struct backup_file *f)
{
    f->b->open = NULL;
    f->close(f);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void close_open(struct backup *b)
{
    if (b->open)
        backup_close(b->open);
}

/* The last record; a log that cannot take it is at its end anyway. */
static void stop(struct backup *b)
{
    JET_ERR err = marks_log(b, PHASE_STOP, NULL);

    (void)err;
    backup_free(b);
}

void backup_set_truncated(struct backup *b)
{
    b->truncated = true;
}

void backup_finish(struct backup *b, bool no_marks)
{
    JET_ERR err = JET_errSuccess;

    bkevent(b->in, EVENT_STOP, 0, NULL, NULL, NULL);
    if (!no_marks && !b->opts.copy)
        err = marks_put(b);
    if (err < 0)
        bkevent_err(b->in, EVENT_ERROR_INFO_UPDATE, err, NULL);
    stop(b);
}

void backup_abort(struct backup *b, enum backup_why why, JET_ERR err)
{
    JET_ERR err2;

    close_open(b);
    if (why == BACKUP_BY_CALLER)
        bkevent(b->in, EVENT_ABORT_BY_CALLER, JET_errBackupAbortByServer, NULL, NULL, NULL);
    else if (err == JET_errBackupAbortByServer)
        bkevent(b->in, EVENT_ABORT_BY_SERVER, err, NULL, NULL, NULL);
    else
        bkevent_err(b->in, EVENT_STOP_ERROR, err, NULL);
    err2 = marks_log(b, PHASE_ABORT, NULL);
    (void)err2;
    stop(b);
}
