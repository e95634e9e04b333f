/*
 * Soft recovery: the order of things (ESE: logredo.cxx ErrLGSoftStart, ErrLGRRedo, ErrLGRIEndAllSessions).
 *
 *   1. find    the files of the instance, the owner's lock, the checkpoint
 *   2. scan    every log from the redo start on, headers of the databases: what forbids a recovery is found
 *              before anything is changed
 *   3. replay  records onto pages; no log is written
 *   4. undo    RecoveryUndo2, what was open is rolled back, all pages written
 *   5. close   ShutDownMark, headers clean, RecoveryQuit2, checkpoint
 *
 * Whatever is interrupted runs again from 1 with the same result: a header is dirty from before its first page
 * is written until after ShutDownMark; every page says by its dbtime what it has seen; the log holds what
 * undoing takes before a page with the change is written; the checkpoint moves last.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf/guard.h"
#include "log/logevent.h"
#include "log/loghdr.h"
#include "os/file.h"
#include "recover/recover_int.h"

/* ---- errors ----------------------------------------------------------------------------------- */

static bool is_of_log(JET_ERR err)
{
    return err == JET_errLogReadVerifyFailure || err == JET_errLogFileCorrupt;
}

/* In a hard recovery: what the fault of a log is called, by where the log is from, torn or not (460, 461). */
static void name_hard(struct recovery *rv, struct ese_fault *f)
{
    const bool torn = f->event == EVENT_LOG_TORN_WRITE;

    if (rv->log_foreign)
        f->err = torn ? JET_errLogTornWriteDuringHardRestore : JET_errLogCorruptDuringHardRestore;
    else
        f->err = torn ? JET_errLogTornWriteDuringHardRecovery : JET_errLogCorruptDuringHardRecovery;
    if (torn)
        f->event = rv->log_foreign ? 460 : 461;
    rv->restore->log_err = f->err;
}

/* The checker tells a wrong checksum from a wrong order; recovery has one name for a log that cannot be read
 * (ESE: JET_errLogFileCorrupt in soft recovery). */
JET_ERR recovery_error(const struct recovery *rv, JET_ERR err)
{
    if (!is_of_log(err))
        return err;
    return rv->restore && rv->restore->log_err ? rv->restore->log_err : JET_errLogFileCorrupt;
}

static void report(void *ctx, const struct ese_fault *f)
{
    struct recovery *rv = ctx;
    struct ese_fault named = *f;

    if (is_of_log(f->err) && rv->restore && rv->restore->hard)
        name_hard(rv, &named);
    else
        named.err = recovery_error(rv, f->err);
    if (rv->report)
        rv->report(rv->report_ctx, &named);
}

/* ---- databases that these logs do not bring forward ------------------------------------------- */

static struct rfile *taken_up(const struct recovery *rv, const struct ese_file *f)
{
    struct rfile *r = rv->files;

    while (r && strcmp(r->path, f->path) != 0)
        r = r->next;
    return r && r->recovered ? r : NULL;
}

static JET_ERR still_dirty(struct recovery *rv, const struct ese_file *f)
{
    const struct ese_db_info *db = &f->header.db;

    rv->r.file = path_name(f->path);
    if (db->gen_min_required == db->gen_max_committed)
        return fault(
            &rv->r, JET_errDatabaseDirtyShutdown, 0, 0, ESE_NO_OFFSET,
            "it needs the log generation 0x%" PRIX32 " of its own stream%s", db->gen_min_required,
            rv->set.nr_logs ? "; the logs here do not bring it forward" : ", which is missing");
    return fault(&rv->r, JET_errDatabaseDirtyShutdown, 0, 0, ESE_NO_OFFSET,
                 "it needs the log generations 0x%" PRIX32 " to 0x%" PRIX32 " of its own stream%s",
                 db->gen_min_required, db->gen_max_committed,
                 rv->set.nr_logs ? "; the logs here do not bring it forward"
                                 : ", which are missing");
}

JET_ERR recovery_check_left_over(struct recovery *rv)
{
    JET_ERR first = JET_errSuccess;

    for (unsigned k = 0; k < rv->set.nr_list; k++) {
        const struct ese_instance *inst = &rv->set.list[k];
        if (inst != rv->set.inst && (inst->base[0] || rv->opts->base))
            continue;
        for (unsigned i = 0; i < inst->nr_files; i++) {
            const struct ese_file *f = &inst->files[i];
            JET_ERR err;
            if (f->kind != ESE_KIND_DATABASE || !f->header_ok ||
                f->header.db.state == ESE_DB_CLEAN || taken_up(rv, f))
                continue;
            err = still_dirty(rv, f);
            if (first >= 0)
                first = err;
        }
    }
    return first;
}

/* ---- what was done ---------------------------------------------------------------------------- */

static void add_result(struct ese_recovery *ret, const char *path, enum ese_recovered_how how)
{
    snprintf(ret->dbs[ret->nr_dbs].path, sizeof(ret->dbs[0].path), "%s", path);
    ret->dbs[ret->nr_dbs++].how = how;
}

JET_ERR recovery_fill_result(struct recovery *rv)
{
    const struct ese_instance *inst = rv->set.inst;
    struct ese_recovery *ret = rv->ret;
    unsigned cap = inst->nr_files;

    for (const struct rfile *f = rv->files; f; f = f->next)
        cap++;
    ret->dbs = calloc(cap + 1, sizeof(*ret->dbs));
    if (!ret->dbs)
        return RAISE(JET_errOutOfMemory);
    for (const struct rfile *f = rv->files; f; f = f->next) {
        ret->pages_written += f->written + (f->overlay ? bufpool_nr_dirty(f->pool) : 0);
        if (f->recovered)
            add_result(ret, f->path,
                       f->removed   ? ESE_DB_REMOVED
                       : f->created ? ESE_DB_CREATED
                                    : ESE_DB_RECOVERED);
    }
    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (f->kind == ESE_KIND_DATABASE && f->header_ok && f->header.db.state == ESE_DB_CLEAN &&
            !taken_up(rv, f))
            add_result(ret, f->path, ESE_DB_ALREADY_CLEAN);
    }
    return JET_errSuccess;
}

void ese_recovery_done(struct ese_recovery *r)
{
    free(r->dbs);
    memset(r, 0, sizeof(*r));
}

/* ---- writing the log and the checkpoint ------------------------------------------------------- */

/* What a restore left out must never be replayed onto what it made: the log that begins now has a signature of
 * its own, and the databases follow it. */
static JET_ERR new_stream(struct recovery *rv)
{
    struct signature *sign = &rv->restore->sign_log;
    const struct logtime now = logtime_now();
    JET_ERR err = os_random(sign->b, 4);

    if (err < 0)
        return err;
    memcpy(sign->b + 4, now.b, sizeof(now.b));
    rv->scan.top_hdr.sign_log = *sign;
    memcpy(rv->set.sign_log.b, sign->b, sizeof(sign->b));
    for (struct rfile *f = rv->files; f; f = f->next)
        if (f->dbid)
            rfile_hdr(f)->sign_log = *sign;
    return JET_errSuccess;
}

static JET_ERR start_log(struct recovery *rv)
{
    const struct rset *s = &rv->set;
    const struct logwrite_hooks hooks = {rattach_encode, rattach_generation, rv};
    struct logwrite_start start = {.dirfd = s->dir_fd,
                                   .fd = -1,
                                   .dry = rv->opts->dry_run,
                                   .base = s->base,
                                   .ext = s->ext,
                                   .digits = s->digits,
                                   .hdr = &rv->scan.top_hdr,
                                   .last_valid = lgpos_isec(rv->scan.top.lgpos_last),
                                   .checksum = rv->scan.top.checksum};
    const struct rlog *top = &s->logs[s->nr_logs - 1];
    JET_ERR err;

    rv->r.file = path_name(top->file->path);
    if (rv->restore && rv->restore->left_out && (err = new_stream(rv)) < 0)
        return err;
    if (s->has_current && !top->foreign && !start.dry) {
        err = os_open_beneath_rw(top->dirfd, top->file->path, &start.fd);
        if (err < 0)
            return fault_io(&rv->r, err, ESE_NO_OFFSET, "opening the log for writing");
    }
    return logwrite_new(&start, &hooks, &rv->r, &rv->w);
}

static JET_ERR open_checkpoint(struct recovery *rv, int *ret_fd)
{
    struct rplace at;
    JET_ERR err = rplace_find(rv, rv->set.chk_path, &at);

    if (err >= 0) {
        err = os_open_beneath_rw(at.dirfd, at.path, ret_fd);
        if (err == JET_errFileNotFound)
            err = os_create_beneath(at.dirfd, at.path, ret_fd);
        rplace_done(&at);
    }
    if (err < 0)
        return fault_io(&rv->r, err, ESE_NO_OFFSET, "opening the checkpoint for writing");
    return JET_errSuccess;
}

/* The stream is closed: the checkpoint is its last record, nothing is attached. */
static JET_ERR write_checkpoint(struct recovery *rv, lgpos_t quit)
{
    struct chkpt_disk c = {0};
    int fd;
    JET_ERR err;

    if (rv->set.chk_there) {
        c = rv->set.chk;
    } else {
        c.dbms = rv->scan.top_hdr.dbms;
        le32_put(&c.filetype, FILETYPE_CHECKPOINT);
    }
    c.sign_log = rv->scan.top_hdr.sign_log;
    le64_put(&c.lgpos_checkpoint, quit);
    le64_put(&c.lgpos_consistency, quit);
    c.version = 0;
    memset(c.attach, 0, sizeof(c.attach));
    rv->r.file = path_name(rv->set.chk_path);
    if (rv->opts->dry_run)
        return JET_errSuccess;
    err = open_checkpoint(rv, &fd);
    if (err < 0)
        return err;
    err = chkpt_write(fd, &c, &rv->r);
    if (err >= 0 && os_fsync(rv->set.dir_fd) < 0)
        err = fault_io(&rv->r, JET_errDiskIO, ESE_NO_OFFSET, "syncing the directory");
    close(fd);
    return err;
}

static JET_ERR append(struct recovery *rv, enum lrtyp type, lgpos_t undo, lgpos_t *ret)
{
    struct logrec rec = {.type = type};

    rec.term.hard = rv->restore && rv->restore->hard && type == LR_RECOVERY_QUIT2;
    rec.term.lgpos = undo;
    rec.term.lgpos_redo_from = rv->scan.redo_from;
    rec.term.time = logtime_now();
    return logwrite_record(rv->w, &rec, ret);
}

/* Steps 4 and 5. */
JET_ERR recovery_close(struct recovery *rv)
{
    lgpos_t undo, shutdown, quit;
    JET_ERR err = rlost_remove(rv);

    if (err >= 0)
        err = start_log(rv);
    if (err >= 0)
        err = append(rv, LR_RECOVERY_UNDO2, 0, &undo);
    if (err >= 0)
        err = rollback_run(rv);
    if (err >= 0)
        err = logwrite_flush(rv->w);
    if (err >= 0)
        err = rattach_drop_pending(rv);
    if (err >= 0)
        err = rattach_flush(rv);
    if (err >= 0)
        err = append(rv, LR_SHUTDOWN_MARK, 0, &shutdown);
    if (err >= 0)
        err = logwrite_flush(rv->w);
    if (err >= 0)
        err = rattach_shut_down(rv, shutdown);
    if (err >= 0)
        err = append(rv, LR_RECOVERY_QUIT2, undo, &quit);
    if (err >= 0)
        err = logwrite_flush(rv->w);
    return err < 0 ? err : write_checkpoint(rv, quit);
}

/* ---- the steps -------------------------------------------------------------------------------- */

static bool stream_is_closed(const struct recovery *rv)
{
    return !rv->scan.stop && !rv->set.nr_surplus && rv->scan.top.ends_clean && rv->set.chk_there &&
           rv->scan.quit && rv->set.chk_info.lgpos_checkpoint == rv->scan.quit;
}

/* Better to know before a page is changed. */
static JET_ERR check_writable(struct recovery *rv)
{
    const char *path = rv->set.logs[rv->set.nr_logs - 1].file->path;
    int fd;
    JET_ERR err;

    if (rv->opts->dry_run)
        return JET_errSuccess;
    rv->r.file = path_name(path);
    err = os_open_beneath_rw(rv->dirfd, path, &fd);
    if (err < 0)
        return fault_io(&rv->r, err, ESE_NO_OFFSET, "opening the log for writing");
    close(fd);
    return JET_errSuccess;
}

static JET_ERR redo_and_undo(struct recovery *rv)
{
    JET_ERR err = replay_run(rv);

    if (err >= 0)
        err = recovery_stopped(rv);
    if (err < 0)
        return err;
    return rpause_wanted(rv) ? rpause(rv) : recovery_close(rv);
}

static JET_ERR recover(struct recovery *rv)
{
    JET_ERR err;

    if (rv->set.nr_logs == 0)
        return JET_errSuccess;
    err = rscan_logs(rv);
    if (err < 0)
        return err;
    if (stream_is_closed(rv))
        return rpause_wanted(rv) ? RAISE(JET_errRecoveredWithoutUndoDatabasesConsistent) : err;
    err = rscan_check_databases(rv);
    if (err >= 0)
        err = check_writable(rv);
    if (err < 0)
        return err;
    rv->ret->needed = true;
    rv->ret->lgpos_from = rv->scan.redo_from;
    rv->ret->lgpos_to = rv->scan.end;
    rv->ret->records = rv->scan.records;
    rv->ret->log_bytes = rv->scan.bytes;
    return redo_and_undo(rv);
}

/* Which directory has the logs is known when the files have been found; what was seen before the lock may
 * have changed. */
static JET_ERR find_and_lock(struct recovery *rv, int *ret_lock)
{
    const struct reporter loud = rv->r;
    JET_ERR err;

    rv->r.fn = NULL;
    err = rset_find(rv);
    rv->r = loud;
    if (err < 0 || rv->opts->dry_run || rv->live || rv->set.nr_logs == 0) {
        rset_done(&rv->set);
        return rset_find(rv);
    }
    err = os_open_dir_beneath(rv->dirfd, rv->set.dir, ret_lock);
    if (err >= 0)
        err = os_lock_owner(*ret_lock);
    if (err < 0) {
        rv->r.file = rv->set.dir;
        return fault(&rv->r, err, 0, 0, ESE_NO_OFFSET,
                     err == JET_errFileAccessDenied ? "a running instance owns its logs"
                                                    : "the directory cannot be locked");
    }
    rset_done(&rv->set);
    return rset_find(rv);
}

static void hand_leftovers(struct recovery *rv)
{
    for (struct rfile *f = rv->files; f; f = f->next) {
        struct leftovers *l = f->left.nr && !f->removed ? malloc(sizeof(*l)) : NULL;

        if (!l)
            continue;
        *l = f->left;
        f->left.leaf = NULL;
        l->sign_db = rfile_hdr(f)->sign_db;
        l->next = *rv->live->leftovers;
        *rv->live->leftovers = l;
    }
}

static JET_ERR recover_here(struct recovery *rv)
{
    int lock = -1;
    JET_ERR err = sessions_new(&rv->sessions);

    if (err >= 0)
        err = find_and_lock(rv, &lock);
    if (err >= 0)
        err = recover(rv);
    if (err >= 0 && !rv->live) /* who starts an instance finds out when it attaches them */
        err = recovery_check_left_over(rv);
    if (err >= 0)
        err = recovery_fill_result(rv);
    if (err >= 0 && rv->live)
        hand_leftovers(rv);
    rv->done = err >= 0;
    if (lock >= 0)
        close(lock);
    return err;
}

void recovery_init(struct recovery *rv, int dirfd, const struct ese_recover_opts *opts,
                   ese_fault_fn *fn, void *ctx, struct ese_recovery *ret)
{
    memset(ret, 0, sizeof(*ret));
    *rv = (struct recovery){.dirfd = dirfd,
                            .opts = opts,
                            .r = {.fn = report, .ctx = rv},
                            .report = fn,
                            .report_ctx = ctx,
                            .ret = ret};
    rv->set.dir_fd = -1;
}

void recovery_done(struct recovery *rv)
{
    logwrite_free(rv->w);
    rattach_done(rv);
    bufguard_close(rv->guard, rv->done && !rv->opts->dry_run);
    sessions_free(rv->sessions);
    rset_done(&rv->set);
}

/* Only the set is taken from here; the copy is found anew. */
static JET_ERR recover_copy(struct recovery *rv)
{
    struct ese_recover_opts opts = *rv->opts;
    struct rcopy *copy = NULL;
    JET_ERR err = rset_find(rv), err2;

    if (err >= 0)
        err = rcopy_make(rv, &copy);
    rset_done(&rv->set);
    if (err >= 0) {
        opts.to = NULL;
        err = ese_recover(rcopy_dirfd(copy), &opts, rv->report, rv->report_ctx, rv->progress,
                          rv->progress_ctx, rv->ret);
    }
    err2 = rcopy_end(copy, err >= 0);
    return err < 0 ? err : err2;
}

JET_ERR recover_run(int dirfd, const struct ese_recover_opts *opts, const struct recover_live *live,
                    ese_fault_fn *fn, void *ctx, ese_progress_fn *progress, void *progress_ctx,
                    struct ese_recovery *ret)
{
    struct recovery *rv = calloc(1, sizeof(*rv));
    JET_ERR err;

    if (!rv) {
        memset(ret, 0, sizeof(*ret));
        return RAISE(JET_errOutOfMemory);
    }
    recovery_init(rv, dirfd, opts, fn, ctx, ret);
    rv->live = live;
    if (live)
        rv->stop = live->stop;
    rv->progress = progress;
    rv->progress_ctx = progress_ctx;
    if (opts->to && opts->dry_run)
        err = RAISE(JET_errInvalidParameter);
    else
        err = opts->to ? recover_copy(rv) : recover_here(rv);
    recovery_done(rv);
    err = recovery_error(rv, err);
    free(rv);
    return err;
}

JET_ERR ese_recover(int dirfd, const struct ese_recover_opts *opts, ese_fault_fn *fn, void *ctx,
                    ese_progress_fn *progress, void *progress_ctx, struct ese_recovery *ret)
{
    return recover_run(dirfd, opts, NULL, fn, ctx, progress, progress_ctx, ret);
}
