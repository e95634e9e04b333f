#include "backup/ossnapshot.h"

#include "backup/session_priv.h"

/* Everything that is in the log goes to the snapshot: its last generation is whole, so it can be told later which logs the
 * snapshot has. A circular log has no later. */
static JET_ERR prepare(struct backup *b)
{
    JET_ERR err = marks_log(b, PHASE_BEGIN, NULL);

    if (err < 0)
        return err;
    if (b->in->conf.circular) {
        b->prepare_lgpos = wal_tip(b->in->wal);
        b->prepare_time = logtime_now();
        err = marks_log(b, PHASE_PREPARE, NULL);
        b->copy_mac = wal_gen(b->in->wal) + 1;
    } else {
        err = prepare_end_generation(b);
    }
    b->mark = b->prepare_lgpos;
    b->mark_time = b->prepare_time;
    return err < 0 ? err : prepare_find_ranges(b);
}

static JET_ERR freeze(struct backup *b)
{
    JET_ERR err;

    b->in->life->freeze(b->in, true);
    bufcache_freeze(b->in->cache); /* before the log: a page may have to flush it */
    err = wal_freeze(b->in->wal);
    if (err < 0) {
        bufcache_thaw(b->in->cache);
        b->in->life->freeze(b->in, false);
    }
    b->frozen = err >= 0;
    return err;
}

JET_ERR ossnapshot_freeze(struct inst *in, const struct backup_opts *opts, struct backup **ret)
{
    struct backup *b;
    JET_ERR err = backup_new(in, opts, DBHDR_SNAPSHOT, &b);

    if (err < 0)
        return err;
    err = backup_poll(b);
    if (err >= 0 && opts->incremental)
        err = marks_check_full(b);
    for (unsigned i = 1; i <= DBID_MAX; i++)
        b->db_read[i] = true; /* all of them are in it */
    if (err >= 0)
        err = prepare(b);
    if (err >= 0)
        err = freeze(b);
    if (err < 0) {
        backup_free(b);
        return err;
    }
    *ret = b;
    return JET_errSuccess;
}

void ossnapshot_thaw(struct backup *b)
{
    if (!b->frozen)
        return;
    wal_thaw(b->in->wal);
    bufcache_thaw(b->in->cache);
    b->in->life->freeze(b->in, false);
    b->frozen = false;
}

JET_ERR ossnapshot_truncate(struct backup *b)
{
    const struct bkinfo none = {.time = logtime_now()};
    JET_ERR err = marks_log(b, PHASE_TRUNCATE, &none);

    return err < 0 ? err : prepare_delete(b->in, b->delete_mic, b->delete_mac);
}

void ossnapshot_end(struct backup *b, bool marks)
{
    JET_ERR err = JET_errSuccess;

    ossnapshot_thaw(b);
    b->copy_mic = wal_lowest(b->in->wal); /* what is there is what the headers tell */
    if (marks)
        err = marks_put(b);
    if (err < 0)
        bkevent_err(b->in, EVENT_ERROR_INFO_UPDATE, err, NULL);
    err = marks_log(b, marks ? PHASE_STOP : PHASE_ABORT, NULL);
    (void)err; /* the log is at its end anyway */
    backup_free(b);
}
