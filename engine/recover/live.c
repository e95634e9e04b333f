/*
 * Start and end of an instance. The order of a start: directories and the owner's lock, recovery, log, Init2, checkpoint,
 * threads. The order of an end: versions cleaned, pages, ShutDownMark, headers, Term2, checkpoint.
 */
#include "recover/live_int.h"

#include <stdlib.h>
#include <unistd.h>

#include "btree/dir.h"
#include "buf/guard.h"
#include "log/logwrite.h"
#include "os/file.h"
#include "os/path.h"
#include "txn/sess.h"

/* ---- directories ------------------------------------------------------------------------------ */

static JET_ERR open_dir(const char *path, bool make, JET_ERR otherwise, int *ret_fd)
{
    JET_ERR err = os_open_dir(path, ret_fd);

    if (err == JET_errInvalidPath && make) {
        err = os_make_path(path);
        if (err >= 0)
            err = os_open_dir(path, ret_fd);
    }
    return err == JET_errInvalidPath ? RAISE(otherwise) : err;
}

static JET_ERR open_dirs(struct live *l, const struct live_conf *conf)
{
    JET_ERR err;

    l->log_dir = strdup(conf->log_dir);
    l->sys_dir = strdup(conf->sys_dir);
    if (!l->log_dir || !l->sys_dir)
        return RAISE(JET_errOutOfMemory);
    l->in.log_dir = l->log_dir;
    err = open_dir(conf->sys_dir, conf->make_paths, JET_errInvalidSystemPath, &l->sys_fd);
    if (err >= 0 && conf->core.logging) {
        err = open_dir(conf->log_dir, conf->make_paths, JET_errInvalidLogDirectory, &l->log_fd);
        if (err >= 0)
            err = os_lock_owner(l->log_fd);
        if (err == JET_errFileAccessDenied) {
            struct reporter named = l->in.r;
            named.file = l->log_dir;
            return fault(&named, err, 0, 0, ESE_NO_OFFSET, "another instance owns the logs in it");
        }
    }
    return err;
}

/* ---- start ------------------------------------------------------------------------------------ */

JET_ERR live_new(const struct live_conf *conf, ese_fault_fn *fn, void *ctx, struct live **ret)
{
    struct live *l = calloc(1, sizeof(*l));

    if (!l)
        return RAISE(JET_errOutOfMemory);
    l->in.conf = conf->core;
    l->in.r = (struct reporter){.fn = fn, .ctx = ctx};
    l->in.hooks = &dir_ver_hooks;
    l->in.life = &live_backup_life;
    atomic_store(&l->in.rceid_newest, 0xFFFFFFADu); /* ESE: the first one is 0xFFFFFFAF */
    pthread_mutex_init(&l->in.lock, NULL);
    pthread_mutex_init(&l->attached_lock, NULL);
    pthread_mutex_init(&l->chk_lock, NULL);
    pthread_mutex_init(&l->tick_lock, NULL);
    pthread_cond_init(&l->tick, NULL);
    l->log_fd = l->sys_fd = -1;
    l->digits = conf->five_digits ? 5 : 8;
    snprintf(l->ext, sizeof(l->ext), "%s", conf->short_names ? ".log" : ".jtx");
    snprintf(l->chk_name, sizeof(l->chk_name), "%s%s", conf->core.base,
             conf->short_names ? ".chk" : ".jcp");
    *ret = l;
    return JET_errSuccess;
}

void live_free(struct live *l)
{
    livechk_stop(l);
    if (l->in.ver) {
        ver_cleaner_stop(&l->in);
        ver_discard(&l->in); /* before the trees that its entries are of */
    }
    for (unsigned i = 1; i <= DBID_MAX; i++)
        if (l->in.db[i])
            livedb_free(l, l->in.db[i]);
    ver_store_free(l->in.ver);
    wal_close(l->in.wal);
    if (!l->is_temp)
        bufcache_free(l->in.cache);
    livesweep_forget(l);
    bufguard_close(l->guard, l->clean);
    free(l->in.sess);
    if (l->log_fd >= 0)
        close(l->log_fd);
    if (l->sys_fd >= 0)
        close(l->sys_fd);
    free(l->log_dir);
    free(l->sys_dir);
    pthread_mutex_destroy(&l->in.lock);
    pthread_mutex_destroy(&l->attached_lock);
    pthread_mutex_destroy(&l->chk_lock);
    pthread_mutex_destroy(&l->tick_lock);
    pthread_cond_destroy(&l->tick);
    free(l);
}

static JET_ERR log_init(struct live *l)
{
    struct dbms_param_disk params;
    struct logrec rec = {.type = LR_INIT2};

    livelog_params(l, &params);
    rec.init.dbms = &params;
    rec.init.time = logtime_now();
    return wal_append(l->in.wal, &rec, &l->init);
}

/* The checkpoint file is where the recovery has ended. */
static JET_ERR truncate_logs(struct live *l)
{
    struct chkpt_disk chk;

    live_checkpoint_info(&l->in, &chk);
    return wal_delete_below(l->in.wal, lgpos_gen(le64_get(chk.lgpos_checkpoint)));
}

static JET_ERR start(struct live *l, const struct live_conf *conf)
{
    JET_ERR err = format_find(conf->core.efv, &l->format);

    if (err >= 0)
        err = open_dirs(l, conf);
    if (err >= 0)
        err = bufcache_new(conf->core.page_size, conf->core.cache_max, &l->in.cache);
    if (err >= 0)
        err = ver_store_new(&l->in, &l->in.ver);
    if (err >= 0 && conf->core.logging) {
        err = livelog_open(l, conf);
        if (err >= 0)
            err = bufguard_open(l->log_fd, l->in.conf.base, conf->core.page_size, false, &l->guard);
        if (err >= 0)
            err = log_init(l);
        if (err >= 0)
            err = livechk_start(l, lgpos_gen(l->init) == 1 && lgpos_isec(l->init) == 1);
        if (err >= 0 && conf->recovery.truncate && l->recovered)
            err = truncate_logs(l);
    }
    return err < 0 ? err : ver_cleaner_start(&l->in);
}

JET_ERR live_init(const struct live_conf *conf, ese_fault_fn *fn, void *ctx, struct inst **ret)
{
    struct live *l = NULL;
    JET_ERR err = live_new(conf, fn, ctx, &l);

    if (err < 0)
        return err;
    err = start(l, conf);
    if (err < 0) {
        live_free(l);
        return err;
    }
    *ret = &l->in;
    return l->lost;
}

struct signature live_log_signature(struct inst *in)
{
    return live_of(in)->sign_log;
}

/* ---- end -------------------------------------------------------------------------------------- */

static JET_ERR append_term(struct live *l, lgpos_t *ret)
{
    struct logrec rec = {.type = LR_TERM2};

    rec.term.lgpos = lgpos_make(lgpos_gen(l->init), lgpos_isec(l->init), 0);
    rec.term.time = logtime_now();
    return wal_append_last(l->in.wal, &rec, ret);
}

static JET_ERR close_databases(struct live *l, lgpos_t lgpos)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (l->in.db[i])
            err = livedb_close_clean(l, l->in.db[i], lgpos);
    return err;
}

static JET_ERR flush_databases(struct live *l)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (l->in.db[i] && !l->in.db[i]->read_only)
            err = bufpool_flush(l->in.db[i]->pool);
    return err;
}

static JET_ERR end_log(struct live *l)
{
    struct logrec mark = {.type = LR_SHUTDOWN_MARK};
    lgpos_t shutdown, term;
    JET_ERR err = wal_append(l->in.wal, &mark, &shutdown);

    if (err >= 0)
        err = wal_flush(l->in.wal, shutdown);
    if (err >= 0)
        err = close_databases(l, shutdown);
    if (err >= 0)
        err = append_term(l, &term);
    return err < 0 ? err : livechk_close(l, term);
}

static JET_ERR end(struct live *l, enum live_end how)
{
    JET_ERR err = inst_check(&l->in);

    if (how == LIVE_DIRTY)
        return JET_errSuccess;
    if (err < 0)
        return err;
    if (how == LIVE_COMPLETE)
        err = ver_clean(&l->in, NULL, true);
    if (err >= 0)
        err = flush_databases(l);
    if (err < 0)
        return err;
    return l->in.wal ? end_log(l) : close_databases(l, 0);
}

JET_ERR live_term(struct inst *in, enum live_end how)
{
    struct live *l = live_of(in);
    JET_ERR err;

    livechk_stop(l);
    ver_cleaner_stop(in);
    err = end(l, how);
    l->clean = err >= 0 && how != LIVE_DIRTY;
    live_free(l);
    return err;
}
