/*
 * Restore: hard recovery of a backup, or recovery of a copy of an instance at rest, in another place (ESE: logutil.cxx
 * ErrLGRestore).
 *
 *   1. find     the set, its kind, the headers of all of its files
 *   2. scan     every log that is going to be replayed
 *   3. copy     databases into a partial directory, each page verified; logs are read where they are
 *   4. replay   from the start of the lowest log, with that log's list of databases; undo; a log of its own, which begins
 *               behind the set's last generation; headers clean, RecoveryQuit2, checkpoint
 *   5. recheck  pages that could not be verified while they were copied: the replay has made them anew, or they are faults
 *   6. appear   everything is on disk, and the partial directory becomes the destination
 *
 * A failure in between leaves nothing. The set is only read.
 */
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "recover/restore_int.h"

/* ---- beginning and end ------------------------------------------------------------------------- */

void restore_init(struct restore *rs, int dirfd, const struct ese_restore_opts *opts,
                  ese_fault_fn *fn, void *ctx, struct ese_recovery *ret)
{
    memset(rs, 0, sizeof(*rs));
    rs->opts = (struct ese_recover_opts){
        .base = opts->base, .cache_bytes = opts->cache_bytes, .cancel = opts->cancel};
    recovery_init(&rs->rv, dirfd, &rs->opts, fn, ctx, ret);
    rs->rv.restore = &rs->how;
    rs->source = rs->lock = -1;
    rs->stop_gen = opts->stop_gen;
    rs->log_dirs = opts->log_dirs;
    rs->nr_log_dirs = opts->nr_log_dirs;
    rs->rv.stop.lgpos = opts->stop_lgpos;
    memcpy(rs->rv.stop.time.b, opts->stop_time.b, sizeof(rs->rv.stop.time.b));
}

void restore_done(struct restore *rs)
{
    recovery_done(&rs->rv);
    for (unsigned i = 0; i < rs->nr_dbs; i++)
        restore_db_done(&rs->dbs[i]);
    free(rs->dbs);
    restore_forget_logs(rs);
    if (rs->source >= 0)
        close(rs->source);
    if (rs->lock >= 0)
        close(rs->lock);
}

/* ---- copy -------------------------------------------------------------------------------------- */

static JET_ERR copy_databases(struct restore *rs, struct restore_dest *d)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < rs->nr_dbs && err >= 0; i++) {
        const char *path = rs->dbs[i].file->path;
        int fd;
        rs->rv.r.file = path_name(path);
        err = restore_dest_create(d, path, &fd);
        if (err < 0)
            return fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "making the copy");
        err = restore_db_copy(rs, &rs->dbs[i], fd);
        close(fd);
    }
    return err;
}

/* From here on the recovery works in the partial directory; the set's logs know where they are. */
static JET_ERR move_in(struct restore *rs, const struct restore_dest *d)
{
    struct rset *s = &rs->rv.set;

    rs->rv.dirfd = restore_dest_fd(d);
    if (s->nr_logs == 0)
        return JET_errSuccess;
    close(s->dir_fd);
    s->dir_fd = -1;
    free(s->dir);
    free(s->chk_path);
    s->dir = strdup(".");
    if (asprintf(&s->chk_path, "%s%s", s->base, same_name(s->ext, ".jtx") ? ".jcp" : ".chk") < 0)
        s->chk_path = NULL;
    if (!s->dir || !s->chk_path)
        return RAISE(JET_errOutOfMemory);
    return os_open_dir_beneath(rs->rv.dirfd, ".", &s->dir_fd);
}

/* ---- replay ------------------------------------------------------------------------------------ */

JET_ERR restore_replay(struct restore *rs)
{
    struct recovery *rv = &rs->rv;
    JET_ERR err;

    rv->ret->needed = true;
    rv->ret->lgpos_from = rv->scan.redo_from;
    rv->ret->lgpos_to = rv->scan.end;
    rv->ret->records = rv->scan.records;
    rv->ret->log_bytes = rv->scan.bytes;
    err = sessions_new(&rv->sessions);
    if (err >= 0)
        err = replay_run(rv);
    if (err >= 0)
        err = recovery_stopped(rv);
    return err < 0 ? err : recovery_close(rv);
}

static JET_ERR recheck(struct restore *rs)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < rs->nr_dbs && err >= 0; i++) {
        int fd;
        if (!rs->dbs[i].nr_bad)
            continue;
        err = os_open_beneath(rs->rv.dirfd, rs->dbs[i].file->path, &fd);
        if (err == JET_errFileNotFound) { /* its creation was never finished */
            err = JET_errSuccess;
            continue;
        }
        if (err < 0)
            return err;
        err = restore_db_recheck(rs, &rs->dbs[i], fd);
        close(fd);
    }
    return err;
}

/* ---- the steps --------------------------------------------------------------------------------- */

struct progress {
    struct restore *rs;
    ese_progress_fn *fn;
    void *ctx;
};

/* done: of the logs that are replayed, once all is copied. */
static void tell(void *ctx, uint64_t done, uint64_t total)
{
    const struct progress *p = ctx;

    (void)total;
    p->fn(p->ctx, p->rs->done + done, p->rs->total);
}

static JET_ERR restore_here(struct restore *rs, struct restore_dest *d)
{
    JET_ERR err = copy_databases(rs, d);

    if (err >= 0)
        err = move_in(rs, d);
    if (err >= 0 && rs->rv.set.nr_logs)
        err = restore_replay(rs);
    if (err >= 0)
        err = recheck(rs);
    if (err >= 0)
        err = recovery_check_left_over(&rs->rv);
    return err < 0 ? err : recovery_fill_result(&rs->rv);
}

static void fill(const struct restore *rs, struct ese_restored *ret)
{
    ret->backup = rs->how.hard;
    memcpy(ret->where, rs->where, sizeof(ret->where));
    ret->gen_low = rs->low;
    ret->gen_high = rs->high;
    ret->stopped = rs->how.left_out;
    ret->stopped_at = rs->rv.scan.stop;
    ret->pages = rs->pages;
    ret->corrected = rs->corrected;
}

static JET_ERR restore(struct restore *rs, int dirfd, const char *dest, struct ese_restored *ret)
{
    struct restore_dest *d = NULL;
    JET_ERR err = restore_find(rs, dirfd), err2;

    if (err >= 0 && rs->rv.set.nr_logs)
        err = restore_scan(rs);
    if (err >= 0)
        err = restore_dest_open(rs, dest, &d);
    if (err >= 0)
        err = restore_here(rs, d);
    fill(rs, ret);
    rattach_done(&rs->rv); /* its descriptors, before anything is removed */
    err2 = restore_dest_close(rs, d, err >= 0);
    return recovery_error(&rs->rv, err < 0 ? err : err2);
}

JET_ERR ese_restore(int dirfd, const char *dest, const struct ese_restore_opts *opts,
                    ese_fault_fn *fn, void *ctx, ese_progress_fn *progress, void *progress_ctx,
                    struct ese_restored *ret)
{
    struct restore *rs = calloc(1, sizeof(*rs));
    struct progress p = {rs, progress, progress_ctx};
    JET_ERR err;

    memset(ret, 0, sizeof(*ret));
    if (!rs)
        return RAISE(JET_errOutOfMemory);
    restore_init(rs, dirfd, opts, fn, ctx, &ret->recovery);
    if (progress) {
        rs->rv.progress = tell;
        rs->rv.progress_ctx = &p;
    }
    err = restore(rs, dirfd, dest, ret);
    restore_done(rs);
    free(rs);
    return err;
}

void ese_restored_done(struct ese_restored *r)
{
    ese_recovery_done(&r->recovery);
}
