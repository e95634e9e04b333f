/*
 * A log stream whose end is lost: it goes on from its last good generation when no database has a page that was changed
 * later (ESE: logredo.cxx, JET_bitReplayIgnoreLostLogs). The logs behind are removed when the replay is through and before
 * the next one is begun: a stop in between finds the same gap again.
 */
#include <inttypes.h>

#include "os/file.h"
#include "recover/recover_int.h"

bool rlost_is_end(JET_ERR err)
{
    switch (err) {
    case JET_errInvalidLogSequence:
    case JET_errBadLogSignature:
    case JET_errLogSequenceChecksumMismatch:
    case JET_errLogReadVerifyFailure:
    case JET_errLogFileCorrupt:
        return true;
    default:
        return false;
    }
}

bool rlost_cut(struct recovery *rv)
{
    struct rset *s = &rv->set;
    const unsigned bad = rv->scan.at;
    const struct rlog *last = &s->logs[bad ? bad - 1 : 0];

    if (bad == rv->scan.first)
        return false;
    s->sign_log = last->file->header.log.sign_log; /* it may have been that of a foreign one */
    for (unsigned i = 0; i < s->inst->nr_files; i++)
        if (rscan_is_dirty(rv, &s->inst->files[i]) &&
            s->inst->files[i].header.db.gen_max_required > last->gen)
            return false;
    s->nr_surplus = s->nr_logs - bad;
    s->nr_logs = bad;
    s->has_current = false;
    return true;
}

JET_ERR rlost_remove(struct recovery *rv)
{
    const struct rset *s = &rv->set;
    JET_ERR err = JET_errSuccess;

    for (unsigned i = s->nr_logs + s->nr_surplus; i-- > s->nr_logs && err >= 0;) {
        const struct rlog *l = &s->logs[i];
        rv->r.file = path_name(l->file->path);
        fault_note(&rv->r, 527, ESE_NO_OFFSET,
                   "the log goes on from generation 0x%" PRIX32 ": this one is removed",
                   s->logs[s->nr_logs - 1].gen);
        rv->ret->logs_removed++;
        if (!rv->opts->dry_run)
            err = os_unlink_beneath(l->dirfd, l->file->path);
    }
    if (err >= 0 && s->nr_surplus && !rv->opts->dry_run)
        err = os_fsync(s->dir_fd);
    return err < 0 ? fault_io(&rv->r, err, ESE_NO_OFFSET, "removing the log") : err;
}
