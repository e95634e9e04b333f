/*
 * Backups restored into the place of an instance that has not started (JetRestore, JetRestoreInstance), or with databases
 * that the program has copied back itself (JetExternalRestore).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/process.h"
#include "api/status.h"
#include "api/utf.h"
#include "os/path.h"
#include "recover/restore.h"

static JET_ERR restore(const struct restore_conf *what, JET_PFNSTATUS fn, void *events)
{
    struct reporter r = {.fn = event_report, .ctx = events, .file = what->source};
    struct status s;
    struct restore_conf conf = *what;
    JET_ERR err;

    status_init(&s, fn);
    conf.cancel = &s.stop;
    fault_note(&r, 204, ESE_NO_OFFSET, "a restore begins, with logs in %s", conf.log_dir);
    status_begin(&s);
    err = s.err < 0 ? s.err : restore_instance(&conf, event_report, events, status_progress, &s);
    err = status_end(&s, err);
    if (err < 0)
        return fault(&r, err, 454, 0, ESE_NO_OFFSET, "the restore has failed");
    fault_note(&r, 205, ESE_NO_OFFSET, "the restore has ended");
    return JET_errSuccess;
}

/* ---- into an instance --------------------------------------------------------------------------- */

/* A directory as a program names it; NULL stays NULL. */
static JET_ERR take_dir(const char *name, char **ret)
{
    char *native = name ? os_native_path(name) : NULL;

    *ret = NULL;
    if (!name)
        return JET_errSuccess;
    if (native && !*native) {
        free(native);
        return RAISE(JET_errInvalidPath);
    }
    *ret = native ? os_full_path(native) : NULL;
    free(native);
    return *ret ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

static JET_ERR restore_into(struct jinst *i, const char *source, const char *dest, JET_PFNSTATUS fn)
{
    const struct params *p = &i->params;
    char *from, *to = NULL, *log_dir = os_full_path(PARAM_TEXT(p, LogFilePath)),
                *sys_dir = os_full_path(PARAM_TEXT(p, SystemPath));
    JET_ERR err = take_dir(source, &from);

    if (err >= 0)
        err = take_dir(dest, &to);
    if (err >= 0 && (!log_dir || !sys_dir))
        err = RAISE(JET_errOutOfMemory);
    if (err >= 0) {
        const struct restore_conf conf = {.source = from,
                                          .log_dir = log_dir,
                                          .sys_dir = sys_dir,
                                          .base = PARAM_TEXT(p, BaseName),
                                          .db_dir = to,
                                          .page_size = (uint32_t)PARAM(p, DatabasePageSize),
                                          .make_paths = PARAM(p, CreatePathIfNotExist)};
        err = restore(&conf, fn, i);
    }
    free(from);
    free(to);
    free(log_dir);
    free(sys_dir);
    return err;
}

/* With process.lock: the instance, which nobody starts or ends meanwhile. *ret_own: made for this call. */
static JET_ERR claim(JET_INSTANCE instance, struct jinst **ret, bool *ret_own)
{
    JET_ERR err;

    *ret_own = false;
    if ((instance == 0 || instance == JET_instanceNil) && !process.default_instance) {
        if (process.nr_instances > 0)
            return RAISE(JET_errRunningInMultiInstanceMode);
        err = instance_new(NULL, NULL, ret);
        if (err < 0)
            return err;
        process.default_instance = *ret;
        *ret_own = true;
    } else if ((err = process_find(instance, ret)) < 0) {
        return err;
    }
    switch (atomic_load(&(*ret)->state)) {
    case INSTANCE_CREATED:
        atomic_store(&(*ret)->state, INSTANCE_RESTORING);
        return JET_errSuccess;
    case INSTANCE_RESTORING:
        return RAISE(JET_errRestoreInProgress);
    case INSTANCE_ENDING:
        return RAISE(JET_errTermInProgress);
    default:
        return RAISE(JET_errAlreadyInitialized);
    }
}

static JET_ERR restore_instance_of(JET_INSTANCE instance, const char *source, const char *dest,
                                   JET_PFNSTATUS fn)
{
    struct jinst *i;
    bool own;
    JET_ERR err;

    if (!source)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&process.lock);
    err = claim(instance, &i, &own);
    pthread_mutex_unlock(&process.lock);
    if (err < 0)
        return err;
    err = restore_into(i, source, dest, fn);
    pthread_mutex_lock(&process.lock);
    atomic_store(&i->state, INSTANCE_CREATED);
    pthread_mutex_unlock(&process.lock);
    if (own)
        instance_remove(i);
    return err;
}

JET_ERR JetRestoreInstance(JET_INSTANCE instance, const char *sz, const char *szDest,
                           JET_PFNSTATUS pfn)
{
    return restore_instance_of(instance, sz, szDest, pfn);
}

JET_ERR JetRestoreInstanceW(JET_INSTANCE instance, const JET_WCHAR *sz, const JET_WCHAR *szDest,
                            JET_PFNSTATUS pfn)
{
    char *from, *to = NULL;
    JET_ERR err = utf8_of(sz, &from);

    if (err >= 0)
        err = utf8_of(szDest, &to);
    if (err >= 0)
        err = restore_instance_of(instance, from, to, pfn);
    free(from);
    free(to);
    return err;
}

JET_ERR JetRestore(const char *szSource, JET_PFNSTATUS pfn)
{
    return restore_instance_of(0, szSource, NULL, pfn);
}

JET_ERR JetRestoreW(const JET_WCHAR *wszSource, JET_PFNSTATUS pfn)
{
    return JetRestoreInstanceW(0, wszSource, NULL, pfn);
}

JET_ERR JetRestore2(const char *sz, const char *szDest, JET_PFNSTATUS pfn)
{
    return restore_instance_of(0, sz, szDest, pfn);
}

JET_ERR JetRestore2W(const JET_WCHAR *wsz, const JET_WCHAR *wszDest, JET_PFNSTATUS pfn)
{
    return JetRestoreInstanceW(0, wsz, wszDest, pfn);
}

/* ---- databases that are in place ---------------------------------------------------------------- */

/* The program's texts, of either kind, as UTF-8 on the heap. */
typedef JET_ERR take_fn(const void *text, char **ret);

static JET_ERR take_a(const void *text, char **ret)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? RAISE(JET_errOutOfMemory) : JET_errSuccess;
}

static JET_ERR take_w(const void *text, char **ret)
{
    return utf8_of(text, ret);
}

struct external_args {
    take_fn *take;
    const void *chk_dir, *log_dir, *backup_dir, *target, *target_log_dir, *target_chk_dir;
    const void *map; /* JET_RSTMAP_A or _W: two pointers each */
    int32_t nr_map;
    uint32_t gen_low, gen_high;
    char base[4]; /* "": the parameter's */
};

struct external {
    char *chk_dir, *log_dir, *backup_dir, *target, *target_log_dir, *target_chk_dir;
    struct map_entry {
        char *from, *to;
    } * map;
    unsigned nr_map;
    char base[4];
    uint32_t page_size;
};

static void external_free(struct external *e)
{
    for (unsigned i = 0; i < e->nr_map; i++) {
        free(e->map[i].from);
        free(e->map[i].to);
    }
    free(e->map);
    free(e->chk_dir);
    free(e->log_dir);
    free(e->backup_dir);
    free(e->target);
    free(e->target_log_dir);
    free(e->target_chk_dir);
}

static JET_ERR take_path(take_fn *take, const void *text, char **ret)
{
    char *name;
    JET_ERR err = take(text, &name);

    if (err >= 0)
        err = take_dir(name, ret);
    free(name);
    return err;
}

static JET_ERR take_map(const struct external_args *a, struct external *e)
{
    JET_ERR err = JET_errSuccess;

    e->map = calloc((size_t)a->nr_map, sizeof(*e->map));
    if (!e->map)
        return RAISE(JET_errOutOfMemory);
    for (; e->nr_map < (unsigned)a->nr_map && err >= 0; e->nr_map++) {
        struct map_entry *m = &e->map[e->nr_map];
        const void *pair[2];
        memcpy(pair, (const char *)a->map + e->nr_map * sizeof(pair), sizeof(pair));
        if (!pair[0] || !pair[1])
            return RAISE(JET_errInvalidParameter);
        err = a->take(pair[0], &m->from);
        if (err >= 0)
            err = take_path(a->take, pair[1], &m->to);
    }
    return err;
}

static JET_ERR take_all(const struct external_args *a, struct external *e)
{
    JET_ERR err = take_path(a->take, a->chk_dir, &e->chk_dir);

    if (err >= 0)
        err = take_path(a->take, a->log_dir, &e->log_dir);
    if (err >= 0)
        err = take_path(a->take, a->backup_dir, &e->backup_dir);
    if (err >= 0)
        err = take_path(a->take, a->target_log_dir, &e->target_log_dir);
    if (err >= 0)
        err = take_path(a->take, a->target_chk_dir, &e->target_chk_dir);
    if (err >= 0)
        err = a->take(a->target, &e->target);
    return err < 0 ? err : take_map(a, e);
}

/* The instance that the logs are of, and the parameters of those to come. JET_wrnTargetInstanceRunning: its logs are none
 * of ours. */
static JET_ERR look_at_process(struct external *e)
{
    bool known = false;
    int state = INSTANCE_CREATED;

    pthread_mutex_lock(&process.lock);
    process_init();
    for (const struct jinst *i = process.instances; i && e->target; i = i->next)
        if (i->name && strcmp(i->name, e->target) == 0) {
            known = true;
            state = atomic_load(&i->state);
        }
    if (!*e->base)
        snprintf(e->base, sizeof(e->base), "%s", PARAM_TEXT(&process.params, BaseName));
    e->page_size = (uint32_t)PARAM(&process.params, DatabasePageSize);
    pthread_mutex_unlock(&process.lock);
    if (state == INSTANCE_RESTORING)
        return RAISE(JET_errRestoreInProgress);
    if (state == INSTANCE_ENDING)
        return RAISE(JET_errTermInProgress);
    if (state != INSTANCE_CREATED)
        return JET_wrnTargetInstanceRunning;
    return e->target && !known && !e->target_log_dir ? RAISE(JET_errBadRestoreTargetInstance)
                                                     : JET_errSuccess;
}

static JET_ERR restore_mapped(const struct external_args *a, struct external *e, JET_PFNSTATUS fn)
{
    JET_ERR warning = look_at_process(e), err;
    const bool into_target = e->target_log_dir && warning == JET_errSuccess;
    struct restore_map *map;

    if (warning < 0)
        return warning;
    map = calloc(e->nr_map, sizeof(*map));
    if (!map)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < e->nr_map; i++)
        map[i] = (struct restore_map){e->map[i].from, e->map[i].to};
    err = restore(&(struct restore_conf){.source = e->backup_dir,
                                         .log_dir = into_target ? e->target_log_dir : e->log_dir,
                                         .sys_dir = into_target ? e->target_chk_dir : e->chk_dir,
                                         .base = e->base,
                                         .mapped = true,
                                         .map = map,
                                         .nr_map = e->nr_map,
                                         .gen_low = a->gen_low,
                                         .gen_high = a->gen_high,
                                         .page_size = e->page_size},
                  fn, NULL);
    free(map);
    return err < 0 ? err : warning;
}

static JET_ERR external(const struct external_args *a, JET_PFNSTATUS fn)
{
    struct external e = {0};
    JET_ERR err;

    if (!a->backup_dir || !a->chk_dir || !a->log_dir || !a->map || a->nr_map <= 0 ||
        a->gen_low > a->gen_high || !a->target_log_dir != !a->target_chk_dir)
        return RAISE(JET_errInvalidParameter);
    memcpy(e.base, a->base, sizeof(e.base));
    err = take_all(a, &e);
    if (err >= 0)
        err = restore_mapped(a, &e, fn);
    external_free(&e);
    return err;
}

JET_ERR JetExternalRestore(const char *szCheckpointFilePath, const char *szLogPath,
                           JET_RSTMAP_A *rgrstmap, int32_t crstfilemap, const char *szBackupLogPath,
                           int32_t genLow, int32_t genHigh, JET_PFNSTATUS pfn)
{
    return external(&(struct external_args){.take = take_a,
                                            .chk_dir = szCheckpointFilePath,
                                            .log_dir = szLogPath,
                                            .backup_dir = szBackupLogPath,
                                            .map = rgrstmap,
                                            .nr_map = crstfilemap,
                                            .gen_low = (uint32_t)genLow,
                                            .gen_high = (uint32_t)genHigh},
                    pfn);
}

JET_ERR JetExternalRestoreW(const JET_WCHAR *szCheckpointFilePath, const JET_WCHAR *szLogPath,
                            JET_RSTMAP_W *rgrstmap, int32_t crstfilemap,
                            const JET_WCHAR *szBackupLogPath, int32_t genLow, int32_t genHigh,
                            JET_PFNSTATUS pfn)
{
    return external(&(struct external_args){.take = take_w,
                                            .chk_dir = szCheckpointFilePath,
                                            .log_dir = szLogPath,
                                            .backup_dir = szBackupLogPath,
                                            .map = rgrstmap,
                                            .nr_map = crstfilemap,
                                            .gen_low = (uint32_t)genLow,
                                            .gen_high = (uint32_t)genHigh},
                    pfn);
}

JET_ERR JetExternalRestore2(const char *szCheckpointFilePath, const char *szLogPath,
                            JET_RSTMAP_A *rgrstmap, int32_t crstfilemap,
                            const char *szBackupLogPath, JET_LOGINFO_A *pLogInfo,
                            const char *szTargetInstanceName, const char *szTargetInstanceLogPath,
                            const char *szTargetInstanceCheckpointPath, JET_PFNSTATUS pfn)
{
    struct external_args a = {.take = take_a,
                              .chk_dir = szCheckpointFilePath,
                              .log_dir = szLogPath,
                              .backup_dir = szBackupLogPath,
                              .target = szTargetInstanceName,
                              .target_log_dir = szTargetInstanceLogPath,
                              .target_chk_dir = szTargetInstanceCheckpointPath,
                              .map = rgrstmap,
                              .nr_map = crstfilemap};

    if (!pLogInfo || pLogInfo->cbSize != sizeof(*pLogInfo))
        return RAISE(JET_errInvalidParameter);
    a.gen_low = pLogInfo->ulGenLow;
    a.gen_high = pLogInfo->ulGenHigh;
    for (int i = 0; i < 3; i++)
        a.base[i] = pLogInfo->szBaseName[i];
    return external(&a, pfn);
}

JET_ERR JetExternalRestore2W(const JET_WCHAR *szCheckpointFilePath, const JET_WCHAR *szLogPath,
                             JET_RSTMAP_W *rgrstmap, int32_t crstfilemap,
                             const JET_WCHAR *szBackupLogPath, JET_LOGINFO_W *pLogInfo,
                             const JET_WCHAR *szTargetInstanceName,
                             const JET_WCHAR *szTargetInstanceLogPath,
                             const JET_WCHAR *szTargetInstanceCheckpointPath, JET_PFNSTATUS pfn)
{
    struct external_args a = {.take = take_w,
                              .chk_dir = szCheckpointFilePath,
                              .log_dir = szLogPath,
                              .backup_dir = szBackupLogPath,
                              .target = szTargetInstanceName,
                              .target_log_dir = szTargetInstanceLogPath,
                              .target_chk_dir = szTargetInstanceCheckpointPath,
                              .map = rgrstmap,
                              .nr_map = crstfilemap};

    if (!pLogInfo || pLogInfo->cbSize != sizeof(*pLogInfo))
        return RAISE(JET_errInvalidParameter);
    a.gen_low = pLogInfo->ulGenLow;
    a.gen_high = pLogInfo->ulGenHigh;
    for (int i = 0; i < 3; i++) {
        if (pLogInfo->szBaseName[i] > 0x7f)
            return RAISE(JET_errInvalidParameter);
        a.base[i] = (char)pLogInfo->szBaseName[i];
    }
    return external(&a, pfn);
}
