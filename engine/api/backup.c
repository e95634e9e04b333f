/* Backups into a directory (JetBackupInstance, ese_backup), and how backups and the end of an instance get along. */
#include "backup/backupdir.h"

#include <stdlib.h>
#include <time.h>

#include "api/backup.h"
#include "api/process.h"
#include "api/utf.h"

/* ---- calls ----------------------------------------------------------------------------------- */

static JET_ERR check_running(const struct jinst *i)
{
    switch (atomic_load(&i->state)) {
    case INSTANCE_RUNNING:
        break;
    case INSTANCE_STARTING:
        return RAISE(JET_errBackupNotAllowedYet);
    case INSTANCE_ENDING:
        return RAISE(JET_errTermInProgress);
    case INSTANCE_RESTORING:
        return RAISE(JET_errRestoreInProgress);
    default:
        return RAISE(JET_errNotInitialized);
    }
    if (atomic_load(&i->stopped))
        return RAISE(JET_errClientRequestToStopJetService);
    switch (inst_check(i->in)) {
    case JET_errSuccess:
        return JET_errSuccess;
    case JET_errLogWriteFail:
        return RAISE(JET_errLogWriteFail);
    case JET_errLogDiskFull:
        return RAISE(JET_errLogDiskFull);
    default:
        return RAISE(JET_errInstanceUnavailable);
    }
}

JET_ERR backup_enter(JET_INSTANCE instance, struct jinst **ret)
{
    JET_ERR err;

    pthread_mutex_lock(&process.lock);
    err = process_find(instance, ret);
    if (err >= 0)
        err = check_running(*ret);
    if (err >= 0)
        atomic_fetch_add(&(*ret)->backup_calls, 1);
    pthread_mutex_unlock(&process.lock);
    return err;
}

JET_ERR backup_leave(struct jinst *i, JET_ERR err)
{
    atomic_fetch_sub(&i->backup_calls, 1);
    return err;
}

JET_ERR JetStopBackupInstance(JET_INSTANCE instance)
{
    struct jinst *i;
    JET_ERR err = backup_enter(instance, &i);

    if (err < 0)
        return err;
    backup_stop(i->in, JET_errBackupAbortByServer);
    return backup_leave(i, JET_errSuccess);
}

JET_ERR JetStopBackup(void)
{
    return JetStopBackupInstance(JET_instanceNil);
}

/* ---- the end of the instance ------------------------------------------------------------------- */

JET_ERR backup_before_term(struct jinst *i, bool stop)
{
    /* Nobody can end it where no call comes through any more. */
    const bool dead = atomic_load(&i->stopped) || inst_check(i->in) < 0;
    const JET_ERR running = inst_check_backup(i->in);

    if (!stop && !dead && running < 0)
        return running;
    /* Also for a call that has entered and not begun yet. */
    atomic_store(&i->in->backup_stop, JET_errTermInProgress);
    return JET_errSuccess;
}

void backup_wait_for_end(struct jinst *i)
{
    const struct timespec moment = {0, 1000000};

    ossnapshot_abandon(i);
    while (atomic_load(&i->backup_calls))
        nanosleep(&moment, NULL);
    backup_abandon(i, JET_errTermInProgress);
    surrogate_abandon(i, JET_errTermInProgress);
}

void backup_allow_again(struct jinst *i)
{
    atomic_store(&i->in->backup_stop, JET_errSuccess);
}

/* ---- telling how far it is ---------------------------------------------------------------------- */

struct status {
    JET_PFNSTATUS fn;
    bool begun;
    uint32_t percent;
};

static JET_ERR call_status(const struct status *s, JET_SNT snt, uint32_t done)
{
    JET_SNPROG p = {.cbStruct = sizeof(p), .cunitDone = done, .cunitTotal = 100};

    return s->fn ? s->fn(JET_sesidNil, JET_snpBackup, snt, &p) : JET_errSuccess;
}

/* Percent of the bytes: never back, and 100 only when all of it is in place. */
static JET_ERR on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct status *s = ctx;
    const uint32_t percent = total ? (uint32_t)(done * 100 / total) : 0;

    if (!s->begun) {
        s->begun = true;
        return call_status(s, JET_sntBegin, 0);
    }
    if (percent > s->percent && percent < 100)
        s->percent = percent;
    return call_status(s, JET_sntProgress, s->percent);
}

static void tell_end(const struct status *s, JET_ERR err)
{
    JET_ERR ignored = JET_errSuccess; /* it is over */

    if (s->begun)
        ignored = err < 0 ? call_status(s, JET_sntFail, s->percent)
                          : call_status(s, JET_sntComplete, 100);
    (void)ignored;
}

/* ---- backups --------------------------------------------------------------------------------- */

static JET_ERR to_dir(struct jinst *i, const char *name, const struct backupdir_opts *opts,
                      backupdir_progress_fn *progress, void *ctx)
{
    char *path;
    JET_ERR err;

    if (!i->in->wal)
        return RAISE(JET_errLoggingDisabled);
    if (!name || !*name)
        return backup_truncate_only(i->in);
    err = api_full_path(name, &path);
    if (err < 0)
        return err;
    err = backup_to_dir(i->in, path, opts, progress, ctx);
    free(path);
    return err;
}

static JET_ERR backup(struct jinst *i, const char *name, JET_GRBIT grbit, JET_PFNSTATUS fn)
{
    const struct backupdir_opts opts = {.how = {.incremental = grbit & JET_bitBackupIncremental},
                                        .atomic = grbit & JET_bitBackupAtomic,
                                        .make_path = PARAM(&i->params, CreatePathIfNotExist)};
    struct status s = {.fn = fn};
    JET_ERR err;

    if (grbit & ~(JET_bitBackupIncremental | JET_bitBackupAtomic))
        return RAISE(JET_errInvalidGrbit);
    err = to_dir(i, name, &opts, on_progress, &s);
    tell_end(&s, err);
    return err;
}

JET_ERR JetBackupInstance(JET_INSTANCE instance, const char *szBackupPath, JET_GRBIT grbit,
                          JET_PFNSTATUS pfnStatus)
{
    struct jinst *i;
    JET_ERR err = backup_enter(instance, &i);

    return err < 0 ? err : backup_leave(i, backup(i, szBackupPath, grbit, pfnStatus));
}

JET_ERR JetBackupInstanceW(JET_INSTANCE instance, const JET_WCHAR *szBackupPath, JET_GRBIT grbit,
                           JET_PFNSTATUS pfnStatus)
{
    char *path;
    JET_ERR err = utf8_of(szBackupPath, &path);

    if (err >= 0)
        err = JetBackupInstance(instance, path, grbit, pfnStatus);
    free(path);
    return err;
}

JET_ERR JetBackup(const char *szBackupPath, JET_GRBIT grbit, JET_PFNSTATUS pfnStatus)
{
    return JetBackupInstance(JET_instanceNil, szBackupPath, grbit, pfnStatus);
}

JET_ERR JetBackupW(const JET_WCHAR *szBackupPath, JET_GRBIT grbit, JET_PFNSTATUS pfnStatus)
{
    return JetBackupInstanceW(JET_instanceNil, szBackupPath, grbit, pfnStatus);
}

struct told {
    ese_progress_fn *fn;
    void *ctx;
};

static JET_ERR tell_bytes(void *ctx, uint64_t done, uint64_t total)
{
    const struct told *t = ctx;

    if (t->fn)
        t->fn(t->ctx, done, total);
    return JET_errSuccess;
}

JET_ERR ese_backup(JET_INSTANCE instance, const char *dir, const struct ese_backup_opts *o,
                   ese_progress_fn *progress, void *progress_ctx)
{
    const struct backupdir_opts opts = {.how = {.incremental = o->incremental, .copy = o->copy},
                                        .atomic = o->atomic,
                                        .make_path = !o->incremental};
    struct told told = {progress, progress_ctx};
    struct jinst *i;
    JET_ERR err;

    if (!dir || !*dir || (o->copy && o->incremental))
        return RAISE(JET_errInvalidParameter);
    err = backup_enter(instance, &i);
    return err < 0 ? err : backup_leave(i, to_dir(i, dir, &opts, tell_bytes, &told));
}
