/*
 * The set that is restored: one directory, or the newest complete one of an atomic backup's parent. Everything that headers
 * tell is looked at before anything is written (ESE: logutil.cxx ErrLGRSTCheckSignaturesLogSequence).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/loghdr.h"
#include "os/file.h"
#include "recover/restore_int.h"

/* ---- where it is ------------------------------------------------------------------------------ */

struct seen {
    bool logs, databases;
};

/* In the directory itself. What cannot be read has nothing. */
static JET_ERR look(int dirfd, const char *dir, struct seen *ret)
{
    struct ese_instance *list;
    unsigned nr;
    JET_ERR err = ese_discover_dir(dirfd, dir, "", NULL, 0, &list, &nr);

    *ret = (struct seen){0};
    if (err < 0)
        return err == JET_errOutOfMemory ? err : JET_errSuccess;
    for (unsigned k = 0; k < nr; k++)
        for (unsigned i = 0; i < list[k].nr_files; i++) {
            ret->logs |= list[k].files[i].kind == ESE_KIND_LOG;
            ret->databases |= list[k].files[i].kind == ESE_KIND_DATABASE;
        }
    ese_instances_free(list, nr);
    return JET_errSuccess;
}

/* An atomic backup that was stopped between its renames left `old` as the newest complete one. */
static JET_ERR choose_directory(struct restore *rs, int dirfd)
{
    static const char *const within[] = {"new", "old"};
    struct seen seen;
    JET_ERR err = look(dirfd, ".", &seen);

    for (unsigned i = 0; i < ARRAY_LEN(within) && err >= 0 && !(seen.logs || seen.databases); i++) {
        err = look(dirfd, within[i], &seen);
        if (err >= 0 && seen.logs)
            snprintf(rs->where, sizeof(rs->where), "%s", within[i]);
    }
    return err < 0 ? err : os_open_dir_beneath(dirfd, *rs->where ? rs->where : ".", &rs->source);
}

static bool is_backup(const struct ese_instance *inst)
{
    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (f->kind == ESE_KIND_PATCH)
            return true;
        if (f->kind == ESE_KIND_DATABASE && f->header_ok && f->header.db.full_cur.gen_low &&
            !f->header.db.full_cur.gen_high)
            return true;
    }
    return false;
}

/* ---- logs ------------------------------------------------------------------------------------- */

static JET_ERR missing_logs(struct restore *rs, lgen_t from, lgen_t to)
{
    rs->rv.r.file = rs->rv.set.dir;
    if (from == to)
        return fault(&rs->rv.r, JET_errMissingRestoreLogFiles, 435, 0, ESE_NO_OFFSET,
                     "the log generation 0x%" PRIX32 " is missing", from);
    return fault(&rs->rv.r, JET_errMissingRestoreLogFiles, 435, 0, ESE_NO_OFFSET,
                 "the log generations 0x%" PRIX32 " to 0x%" PRIX32 " are missing", from, to);
}

static JET_ERR check_follows(struct restore *rs, const struct rlog *prev, const struct rlog *log)
{
    const struct ese_log_info *p = &prev->file->header.log, *n = &log->file->header.log;

    if (memcmp(&p->sign_log, &n->sign_log, sizeof(p->sign_log)) != 0)
        return fault(&rs->rv.r, JET_errGivenLogFileHasBadSignature, 433, 0, ESE_NO_OFFSET,
                     "its signature is not that of %s: it belongs to another log stream",
                     path_name(prev->file->path));
    if (log->gen > prev->gen + 1)
        return missing_logs(rs, prev->gen + 1, log->gen - 1);
    if (log->gen != prev->gen + 1 || !ese_logtime_equal(n->time_prev_gen, p->time_created))
        return fault(&rs->rv.r, JET_errGivenLogFileIsNotContiguous, 434, 0, ESE_NO_OFFSET,
                     "it is not the one that followed %s", path_name(prev->file->path));
    return JET_errSuccess;
}

static JET_ERR check_logs(struct restore *rs)
{
    const struct rset *s = &rs->rv.set;
    JET_ERR err = JET_errSuccess;

    rs->rv.log_foreign = true;
    for (unsigned i = 0; i < s->nr_logs && err >= 0; i++) {
        const struct rlog *log = &s->logs[i];
        rs->rv.r.file = path_name(log->file->path);
        if (!log->file->header_ok)
            err = fault(&rs->rv.r, log->file->err, 0, 0, 0, "its header cannot be used: %s",
                        err_text(log->file->err));
        else if (i > 0)
            err = check_follows(rs, &s->logs[i - 1], log);
    }
    return err;
}

/* Only those that the caller's backup has, and all of them. */
static JET_ERR choose_logs(struct restore *rs)
{
    struct rset *s = &rs->rv.set;
    unsigned first = 0;

    while (first < s->nr_logs && rs->gen_low && s->logs[first].gen < rs->gen_low)
        first++;
    s->nr_logs -= first;
    memmove(s->logs, s->logs + first, s->nr_logs * sizeof(*s->logs));
    while (s->nr_logs && rs->gen_high && s->logs[s->nr_logs - 1].gen > rs->gen_high)
        s->nr_logs--;
    if (s->nr_logs && rs->gen_low && s->logs[0].gen != rs->gen_low)
        return missing_logs(rs, rs->gen_low, s->logs[0].gen - 1);
    if (s->nr_logs && rs->gen_high && s->logs[s->nr_logs - 1].gen != rs->gen_high)
        return missing_logs(rs, s->logs[s->nr_logs - 1].gen + 1, rs->gen_high);
    return JET_errSuccess;
}

static void note_range(struct restore *rs)
{
    const struct rset *s = &rs->rv.set;

    rs->low = s->nr_logs ? s->logs[0].gen : 0;
    rs->high = s->nr_logs ? s->logs[s->nr_logs - 1].gen : 0;
}

/* A backup's logs are enough for themselves: what a checkpoint beside them says is of another day. */
static void forget_checkpoint(struct rset *s)
{
    if (s->chk_there)
        chkpt_info_done(&s->chk_info);
    s->chk_there = false;
}

static JET_ERR no_logs(struct restore *rs)
{
    rs->rv.r.file = *rs->where ? rs->where : ".";
    return fault(&rs->rv.r, JET_errFileNotFound, 0, 0, ESE_NO_OFFSET,
                 "there is no log in it; a backup cannot be restored without its logs");
}

/* ---- databases -------------------------------------------------------------------------------- */

static JET_ERR list_databases(struct restore *rs)
{
    const struct ese_instance *inst = rs->rv.set.inst;
    JET_ERR err = JET_errSuccess;

    rs->dbs = calloc(inst->nr_files + 1, sizeof(*rs->dbs));
    if (!rs->dbs)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < inst->nr_files && err >= 0; i++) {
        struct restore_db *db = &rs->dbs[rs->nr_dbs];
        if (inst->files[i].kind != ESE_KIND_DATABASE)
            continue;
        *db = (struct restore_db){.file = &inst->files[i], .size = inst->files[i].size};
        rs->nr_dbs++;
        err = restore_db_check(rs, db);
        rs->total += db->size;
    }
    return err;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static JET_ERR find_backup(struct restore *rs)
{
    JET_ERR err;

    if (rs->rv.set.nr_logs == 0)
        return no_logs(rs);
    forget_checkpoint(&rs->rv.set);
    err = check_logs(rs);
    rs->how.high = rs->high;
    return err;
}

/* Later generations than the one that the caller wants to stop at. */
static JET_ERR leave_out(struct restore *rs)
{
    struct rset *s = &rs->rv.set;

    if (!rs->stop_gen)
        return JET_errSuccess;
    if (rs->stop_gen < rs->low || !s->nr_logs) {
        rs->rv.r.file = *rs->where ? rs->where : ".";
        return fault(&rs->rv.r, JET_errEndingRestoreLogTooLow, 432, 0, ESE_NO_OFFSET,
                     "there is no log generation 0x%" PRIX32 " to stop at", rs->stop_gen);
    }
    while (s->logs[s->nr_logs - 1].gen > rs->stop_gen) {
        s->nr_logs--;
        rs->how.left_out = rs->how.archived = true;
        s->has_current = false;
    }
    return JET_errSuccess;
}

/* Files that an instance changes are no copy of any moment. */
static JET_ERR keep_at_rest(struct restore *rs)
{
    JET_ERR err = os_open_dir_beneath(rs->source, rs->rv.set.dir, &rs->lock);

    if (err >= 0)
        err = os_lock_reader(rs->lock);
    rs->rv.r.file = rs->rv.set.dir;
    if (err == JET_errFileAccessDenied)
        return fault(&rs->rv.r, err, 0, 0, ESE_NO_OFFSET, "a running instance owns its logs");
    return err < 0 ? fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "locking the directory") : err;
}

JET_ERR restore_find(struct restore *rs, int dirfd)
{
    struct rset *s = &rs->rv.set;
    JET_ERR err = choose_directory(rs, dirfd);

    rs->rv.dirfd = rs->source;
    if (err >= 0)
        err = rset_find(&rs->rv);
    if (err < 0)
        return err;
    rs->how.hard = rs->how.archived = rs->strict || is_backup(s->inst);
    err = restore_add_logs(rs);
    if (err >= 0 && !rs->how.hard && s->nr_logs)
        err = keep_at_rest(rs);
    if (err >= 0)
        err = choose_logs(rs);
    if (err < 0)
        return err;
    for (unsigned i = 0; i < s->nr_logs; i++)
        s->logs[i].foreign = true;
    note_range(rs);
    if (rs->how.hard)
        err = find_backup(rs);
    if (err >= 0 && !rs->mapped)
        err = list_databases(rs);
    if (err >= 0)
        err = leave_out(rs);
    note_range(rs);
    return err;
}

/* ---- what is left of it ----------------------------------------------------------------------- */

/* Pages of the copy may have been changed up to a generation: a replay that ends before would leave them half done. */
static JET_ERR check_stop(struct restore *rs, lgen_t whole)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < rs->nr_dbs && err >= 0; i++) {
        const struct restore_db *db = &rs->dbs[i];
        const struct ese_db_info *info = &db->file->header.db;
        const lgen_t needs = rs->how.hard ? db->trailer.gen_high : info->gen_max_required;
        if (info->state == ESE_DB_CLEAN || needs <= whole)
            continue;
        rs->rv.r.file = path_name(db->file->path);
        err = fault(&rs->rv.r, JET_errEndingRestoreLogTooLow, 432, 0, ESE_NO_OFFSET,
                    "it was copied while generation 0x%" PRIX32
                    " was written: all of that must be replayed before it can be stopped",
                    needs);
    }
    return err;
}

JET_ERR restore_scan(struct restore *rs)
{
    struct recovery *rv = &rs->rv;
    JET_ERR err = rscan_logs(rv);

    if (err < 0)
        return err;
    rs->total += rv->scan.bytes;
    rs->how.left_out |= rv->scan.stop != 0;
    if (rs->how.left_out)
        return check_stop(rs, rv->scan.stop ? lgpos_gen(rv->scan.stop) - 1 : rs->high);
    return rs->how.hard ? JET_errSuccess : rscan_check_databases(rv);
}
