/*
 * Which logs are replayed, and whether they can be: everything that can be known without changing anything.
 * Outcomes and their order are ESE's (logredo.cxx ErrLGSoftStart, ErrLGRRedo, ErrLGRedoFill).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/loghdr.h"
#include "log/logread.h"
#include "log/logset.h"
#include "os/file.h"
#include "recover/recover_int.h"

static const char *log_name(const struct rlog *l)
{
    return path_name(l->file->path);
}

/* ---- where to start --------------------------------------------------------------------------- */

/* An unreadable current log may be any generation: what is wrong with it is what counts. */
static JET_ERR ruined_current(struct recovery *rv)
{
    const struct rlog *l = &rv->set.logs[rv->set.nr_logs - 1];
    struct ese_log_info info;
    JET_ERR err;
    int fd;

    if (l->gen)
        return JET_errSuccess;
    rv->r.file = log_name(l);
    err = os_open_beneath(l->dirfd, l->file->path, &fd);
    if (err < 0)
        return fault_io(&rv->r, err, ESE_NO_OFFSET, "opening the log");
    err = loghdr_read(fd, &rv->r, &info);
    if (err >= 0)
        loghdr_info_done(&info);
    close(fd);
    return err;
}

static JET_ERR find_start(struct recovery *rv)
{
    const struct rset *s = &rv->set;
    const lgpos_t chk = s->chk_there ? s->chk_info.lgpos_checkpoint : 0;
    JET_ERR err;

    rv->scan.first = 0;
    if (!chk) {
        rv->scan.redo_from = lgpos_make(s->logs[0].gen, 1, 0);
        return JET_errSuccess;
    }
    while (rv->scan.first < s->nr_logs && s->logs[rv->scan.first].gen != lgpos_gen(chk))
        rv->scan.first++;
    if (rv->scan.first == s->nr_logs) {
        err = ruined_current(rv);
        if (err < 0)
            return err;
        rv->r.file = path_name(s->chk_path);
        return fault(&rv->r, JET_errMissingLogFile, 518, 0, ESE_NO_OFFSET,
                     "the checkpoint is in generation 0x%" PRIX32 ", which is missing",
                     lgpos_gen(chk));
    }
    /* Without a list of databases redo starts with the generation, whose header has one. */
    rv->scan.redo_from = s->chk_info.attach_valid ? chk : lgpos_make(lgpos_gen(chk), 1, 0);
    return JET_errSuccess;
}

/* ---- reading them ----------------------------------------------------------------------------- */

struct walk {
    struct recovery *rv;
    const struct rscan_walk *how;
    struct reporter *r, quiet;
    struct logset_file prev; /* info without its list of databases */
    struct ese_log_info prev_info;
};

/* The replay ends before this record. */
static bool is_behind_stop(const struct recovery *rv, const struct logread *l, lgpos_t lgpos)
{
    const struct recover_stop *s = &rv->stop;

    return (s->lgpos && lgpos >= s->lgpos) ||
           (!logtime_is_zero(s->time) && logtime_cmp(logread_time(l), s->time) > 0);
}

/* Logs behind the stop are not even opened: they may still be on their way here. */
static bool ends_before(struct recovery *rv, unsigned i)
{
    const lgpos_t begin = lgpos_make(rv->set.logs[i].gen, 1, 0);

    if (i == rv->scan.first || !rv->stop.lgpos || begin < rv->stop.lgpos)
        return false;
    rv->scan.stop = begin;
    return true;
}

static JET_ERR walk_records(struct walk *w, struct logread *l)
{
    struct recovery *rv = w->rv;
    struct logrec rec;
    lgpos_t lgpos;
    JET_ERR err;

    while ((err = logread_next(l, &lgpos, &rec)) > 0) {
        if (lgpos < rv->scan.redo_from)
            continue;
        if (is_behind_stop(rv, l, lgpos)) {
            rv->scan.stop = lgpos;
            return JET_errSuccess;
        }
        err = recovery_stopped(rv);
        if (err >= 0)
            err = w->how->record(rv, lgpos, &rec);
        if (err < 0)
            return err;
    }
    return err;
}

static JET_ERR walk_file(struct walk *w, const struct rlog *log)
{
    struct recovery *rv = w->rv;
    struct logread *l;
    int fd;
    JET_ERR err;

    w->r->file = log_name(log);
    rv->log_foreign = log->foreign;
    err = os_open_beneath(log->dirfd, log->file->path, &fd);
    if (err < 0)
        return fault_io(w->r, err, ESE_NO_OFFSET, "opening the log");
    err = logread_open(fd, log->current, w->r, &l);
    if (err < 0) {
        close(fd);
        return err;
    }
    if (w->prev.info)
        err = logset_check_pair(&w->prev, &(struct logset_file){logread_info(l), log_name(log)},
                                w->r);
    if (err >= 0 && w->how->generation)
        err = w->how->generation(rv, logread_info(l));
    if (err >= 0)
        err = walk_records(w, l);
    w->prev_info = *logread_info(l);
    w->prev_info.attach = NULL;
    w->prev_info.nr_attach = 0;
    w->prev = (struct logset_file){&w->prev_info, log_name(log)};
    logread_close(l);
    close(fd);
    return err;
}

JET_ERR rscan_walk(struct recovery *rv, const struct rscan_walk *how, struct ese_log_info *ret_top)
{
    struct walk w = {.rv = rv, .how = how};
    JET_ERR err = JET_errSuccess;

    w.r = how->report ? &rv->r : &w.quiet;
    rv->scan.stop = 0;
    for (unsigned i = rv->scan.first; i < rv->set.nr_logs && err >= 0 && !rv->scan.stop; i++) {
        rv->scan.at = i;
        if (!ends_before(rv, i))
            err = walk_file(&w, &rv->set.logs[i]);
    }
    *ret_top = w.prev_info;
    return err;
}

static JET_ERR count_record(struct recovery *rv, lgpos_t lgpos, const struct logrec *rec)
{
    rv->scan.records++;
    rv->scan.end = lgpos;
    if (logrec_is_quit(rec->type))
        rv->scan.quit = lgpos;
    return JET_errSuccess;
}

static JET_ERR read_top_header(struct recovery *rv)
{
    const struct rlog *l = &rv->set.logs[rv->set.nr_logs - 1];
    int fd;
    JET_ERR err = os_open_beneath(l->dirfd, l->file->path, &fd);

    if (err < 0)
        return err;
    err = os_pread_all(fd, &rv->scan.top_hdr, sizeof(rv->scan.top_hdr), 0);
    close(fd);
    return err;
}

static JET_ERR no_current(struct recovery *rv)
{
    rv->r.file = rv->set.dir;
    return fault(&rv->r, JET_errMissingLogFile, 518, 0, ESE_NO_OFFSET,
                 "the current log %s%s is missing; the highest generation there is 0x%" PRIX32,
                 rv->set.base, rv->set.ext, rv->set.logs[rv->set.nr_logs - 1].gen);
}

/* The highest archived log may be the last one. */
static bool may_miss_current(const struct recovery *rv)
{
    return (rv->restore && rv->restore->archived) || rv->opts->ignore_lost || rpause_wanted(rv) ||
           (rv->live && rv->live->allow_missing_current);
}

static JET_ERR count_records(struct recovery *rv, bool report)
{
    const struct rscan_walk count = {.report = report, .record = count_record};

    rv->scan.bytes = rv->scan.records = rv->scan.quit = 0;
    for (unsigned i = rv->scan.first; i < rv->set.nr_logs; i++)
        rv->scan.bytes += rv->set.logs[i].file->size;
    return rscan_walk(rv, &count, &rv->scan.top);
}

/* An end that may be lost is looked for first; what cannot be is told after that. */
static JET_ERR count_logs(struct recovery *rv)
{
    JET_ERR err = JET_errSuccess;

    if (rv->opts->ignore_lost) {
        err = count_records(rv, false);
        if (err >= 0 || !rlost_is_end(err))
            return err;
        (void)rlost_cut(rv);
    }
    return count_records(rv, true);
}

JET_ERR rscan_logs(struct recovery *rv)
{
    const struct rset *s = &rv->set;
    JET_ERR err;

    if (!s->has_current && !s->has_temp && !may_miss_current(rv))
        return no_current(rv);
    err = find_start(rv);
    if (err >= 0)
        err = count_logs(rv);
    if (err == JET_errInvalidLogSequence && !s->has_current)
        return JET_errMissingLogFile; /* as ESE does, which looks for the generation by name then */
    if (err < 0)
        return err;
    rv->page_size = rv->scan.top.page_size;
    return read_top_header(rv);
}

/* ---- databases against them ------------------------------------------------------------------- */

static JET_ERR check_high(struct recovery *rv, lgen_t gen, ese_logtime created, bool committed)
{
    const lgen_t top = rv->scan.top.gen;
    const JET_ERR err =
        committed ? JET_errCommittedLogFilesMissing : JET_errRequiredLogFilesMissing;

    if (gen > top + 1)
        return fault(&rv->r, err, committed ? 523 : 453, 0, ESE_NO_OFFSET,
                     "it needs the log generations 0x%" PRIX32 " to 0x%" PRIX32
                     ", which are missing",
                     top + 1, gen);
    if (gen > top)
        return fault(&rv->r, err, committed ? 523 : 453, 0, ESE_NO_OFFSET,
                     "it needs the log generation 0x%" PRIX32 ", which is missing", gen);
    if (gen == top && !logtime_is_zero(logtime_of(created)) &&
        !ese_logtime_equal(created, rv->scan.top.time_created))
        return fault(&rv->r, JET_errRequiredLogFilesMissing, 496, 0, ESE_NO_OFFSET,
                     "it needs a log generation 0x%" PRIX32 " that was created at another time",
                     gen);
    return JET_errSuccess;
}

JET_ERR rscan_check_database(struct recovery *rv, const struct ese_db_info *db)
{
    JET_ERR err;

    if (rpause_wanted(rv) && recover_stops(&rv->stop)) /* what comes later is wanted later */
        return JET_errSuccess;
    err = check_high(rv, db->gen_max_required, db->time_gen_max_required, false);
    if (err < 0 || rv->opts->ignore_lost || rpause_wanted(rv))
        return err;
    return check_high(rv, db->gen_max_committed, db->time_gen_max_created, true);
}

bool rscan_is_dirty(const struct recovery *rv, const struct ese_file *f)
{
    const struct ese_db_info *db = &f->header.db;

    return f->kind == ESE_KIND_DATABASE && f->header_ok && db->state != ESE_DB_CLEAN &&
           memcmp(&db->sign_log, &rv->set.sign_log, sizeof(db->sign_log)) == 0;
}

JET_ERR rscan_check_databases(struct recovery *rv)
{
    const struct ese_instance *inst = rv->set.inst;
    JET_ERR first = JET_errSuccess, err;

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];

        if (!rscan_is_dirty(rv, f))
            continue;
        rv->r.file = path_name(f->path);
        err = rscan_check_database(rv, &f->header.db);
        if (err < 0 && first >= 0)
            first = err;
    }
    return first;
}
