/*
 * Instances are started (JetInit .. JetInit3W): parameters, flags and JET_RSTINFO become what recover/live.h takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/process.h"
#include "api/status.h"
#include "api/utf.h"
#include "os/path.h"

/* Of the machine's memory, at most: the default of JET_paramCacheSizeMax means "all there is". */
#define CACHE_SHARE 4u
#define VER_PAGE    65536u /* bytes of one of JET_paramMaxVerPages (ESE: JET_paramVerPageSize) */
#define MAP_MOST    14     /* entries of a map (ESE: 2 * dbidMax) */

/* ---- parameters ------------------------------------------------------------------------------ */

static uint32_t cache_pages(const struct params *p)
{
    const uint64_t page = PARAM(p, DatabasePageSize);
    const uint64_t share =
        (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / CACHE_SHARE / page;
    uint64_t most = PARAM(p, CacheSizeMax);

    if (most < PARAM(p, CacheSizeMin))
        most = PARAM(p, CacheSizeMin);
    if (most > share)
        most = share;
    return most < 64 ? 64 : (uint32_t)most;
}

static JET_ERR make_conf(const struct jinst *i, struct live_conf *c)
{
    const struct params *p = &i->params;
    const uint64_t depth = PARAM(p, CheckpointDepthMax), ver = PARAM(p, MaxVerPages) * VER_PAGE;

    *c = (struct live_conf){
        .core = {.page_size = (uint32_t)PARAM(p, DatabasePageSize),
                 .log_file_kib = (uint32_t)PARAM(p, LogFileSize) / 4 * 4,
                 .cache_min = (uint32_t)PARAM(p, CacheSizeMin),
                 .cache_max = cache_pages(p),
                 .checkpoint_depth = depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth,
                 .ver_max = ver > UINT32_MAX ? UINT32_MAX : (uint32_t)ver,
                 .db_extension = (uint32_t)PARAM(p, DbExtensionSize),
                 .efv = (uint32_t)PARAM(p, EngineFormatVersion),
                 .logging = strcasecmp(PARAM_TEXT(p, Recovery), "off") != 0,
                 .circular = PARAM(p, CircularLog)},
        .short_names = PARAM(p, LegacyFileNames) & JET_bitESE98FileNames,
        .five_digits = PARAM(p, LegacyFileNames) & JET_bitEightDotThreeSoftCompat,
        .make_paths = PARAM(p, CreatePathIfNotExist),
        .replace_logs = PARAM(p, CleanupMismatchedLogFiles),
        .log_buffer_kib =
            (uint32_t)(PARAM(p, LogBuffers) / 2 < 64      ? 64
                       : PARAM(p, LogBuffers) / 2 > 65536 ? 65536
                                                          : PARAM(p, LogBuffers) / 2)};
    snprintf(c->core.base, sizeof(c->core.base), "%s", PARAM_TEXT(p, BaseName));
    if (*PARAM_TEXT(p, AlternateDatabaseRecoveryPath))
        c->db_dir = PARAM_TEXT(p, AlternateDatabaseRecoveryPath);
    return c->core.page_size < 4096 ? RAISE(JET_errInvalidParameter) : JET_errSuccess;
}

/* ---- what the recovery is asked for ------------------------------------------------------------- */

/* JET_RSTINFO, taken over. */
struct request {
    JET_GRBIT grbit;
    JET_PFNSTATUS fn;
    lgpos_t stop;
    struct logtime stop_time;
    struct restore_map *map; /* its texts are on the heap */
    unsigned nr_map;
};

static void request_done(struct request *q)
{
    for (unsigned i = 0; i < q->nr_map; i++) {
        free((char *)(uintptr_t)q->map[i].from);
        free((char *)(uintptr_t)q->map[i].to);
    }
    free(q->map);
}

/* Without an old name the file says which database it is. */
static JET_ERR take_entry(const JET_RSTMAP_W *m, struct restore_map *ret)
{
    char *name = NULL, *from = NULL, *to = NULL;
    JET_ERR err;

    if (!m->szNewDatabaseName || !*m->szNewDatabaseName)
        return RAISE(JET_errDatabaseInvalidName);
    err = utf8_of(m->szNewDatabaseName, &name);
    if (err >= 0)
        err = api_full_path(name, &to);
    free(name);
    if (err >= 0 && m->szDatabaseName && *m->szDatabaseName)
        err = utf8_of(m->szDatabaseName, &from);
    if (err < 0) {
        free(to);
        return err;
    }
    *ret = (struct restore_map){from, to};
    return JET_errSuccess;
}

static JET_ERR take_map(const JET_RSTINFO_W *info, struct request *q)
{
    JET_ERR err = JET_errSuccess;

    if (info->crstmap < 0 || info->crstmap > MAP_MOST || (info->crstmap && !info->rgrstmap))
        return RAISE(JET_errInvalidParameter);
    q->map = calloc((size_t)info->crstmap + 1, sizeof(*q->map));
    if (!q->map)
        return RAISE(JET_errOutOfMemory);
    for (int32_t i = 0; i < info->crstmap && err >= 0; i++) {
        err = take_entry(&info->rgrstmap[i], &q->map[i]);
        if (err >= 0)
            q->nr_map++;
    }
    return err;
}

/* The record at lgposStop is the last one that counts; without a place in the generation, all of that does. */
static JET_ERR take_stop(const JET_LGPOS *stop, lgpos_t *ret)
{
    const uint32_t gen = (uint32_t)stop->lGeneration;

    *ret = 0;
    if (stop->lGeneration < 0 || (!gen && (stop->isec || stop->ib)))
        return RAISE(JET_errInvalidParameter);
    if (gen)
        *ret = stop->isec || stop->ib ? lgpos_make(gen, stop->isec, stop->ib) + 1
                                      : lgpos_make(gen + 1, 0, 0);
    return JET_errSuccess;
}

static JET_ERR take_info(const JET_RSTINFO_W *info, struct request *q)
{
    JET_ERR err;

    if (!info)
        return JET_errSuccess;
    if (info->cbStruct != sizeof(*info))
        return RAISE(JET_errInvalidParameter);
    q->fn = info->pfnStatus;
    memcpy(q->stop_time.b, &info->logtimeStop, sizeof(q->stop_time.b));
    err = take_stop(&info->lgposStop, &q->stop);
    return err < 0 ? err : take_map(info, q);
}

/* What has no effect here: nothing stays attached after a recovery, and attaching is as fast; records that a page has seen
 * already are passed over anyway. */
#define GRBITS_HINTS \
    (JET_bitKeepDbAttachedAtEndOfRecovery | JET_bitReplayIgnoreLogRecordsBeforeMinRequiredLog)
#define GRBITS_KNOWN                                                                           \
    (JET_bitReplayIgnoreMissingDB | JET_bitRecoveryWithoutUndo |                               \
     JET_bitTruncateLogsAfterRecovery | JET_bitReplayMissingMapEntryDB |                       \
     JET_bitLogStreamMustExist | JET_bitReplayIgnoreLostLogs | JET_bitAllowMissingCurrentLog | \
     JET_bitSkipLostLogsEvent | GRBITS_HINTS)
/* A callback that decides on every step (JetInit4); backups, which are restored and not recovered; starting later than with
 * the lowest log where the checkpoint is gone. */
#define GRBITS_NOT_HERE                                                  \
    (JET_bitExternalRecoveryControl | JET_bitAllowSoftRecoveryOnBackup | \
     JET_bitReplayInferCheckpointFromRstmapDbs)

static JET_ERR check_grbit(JET_GRBIT grbit)
{
    if (grbit & ~(GRBITS_KNOWN | GRBITS_NOT_HERE)) /* JET_bitReplayReplicatedLogFiles is obsolete */
        return RAISE(JET_errInvalidGrbit);
    return grbit & GRBITS_NOT_HERE ? RAISE(JET_errFeatureNotAvailable) : JET_errSuccess;
}

static struct live_recovery make_recovery(const struct request *q, struct status *status)
{
    return (struct live_recovery){
        .must_exist = q->grbit & JET_bitLogStreamMustExist,
        .ignore_missing = q->grbit & JET_bitReplayIgnoreMissingDB,
        .ignore_lost = q->grbit & JET_bitReplayIgnoreLostLogs,
        .skip_lost_event = q->grbit & JET_bitSkipLostLogsEvent,
        .allow_missing_current = q->grbit & JET_bitAllowMissingCurrentLog,
        .without_undo = q->grbit & JET_bitRecoveryWithoutUndo,
        .stop = q->stop,
        .stop_time = q->stop_time,
        .truncate = q->grbit & JET_bitTruncateLogsAfterRecovery,
        .map = q->map,
        .nr_map = q->nr_map,
        .map_only = !(q->grbit & JET_bitReplayMissingMapEntryDB),
        .cancel = &status->stop,
        .progress = status_progress,
        .progress_ctx = status,
    };
}

/* ---- starting -------------------------------------------------------------------------------- */

static JET_ERR start_at(struct jinst *i, const struct request *q, const char *log_dir,
                        const char *sys_dir)
{
    struct status status;
    struct live_conf conf;
    struct inst *in = NULL;
    JET_ERR err = make_conf(i, &conf);

    if (err < 0)
        return err;
    status_init(&status, q->fn);
    conf.log_dir = log_dir;
    conf.sys_dir = sys_dir;
    conf.recovery = make_recovery(q, &status);
    err = status_end(&status, live_init(&conf, event_report, i, &in));
    if (err < 0)
        return err;
    in->owner = i;
    i->in = in;
    return err;
}

static JET_ERR start(struct jinst *i, const struct request *q)
{
    char *log_dir = os_full_path(PARAM_TEXT(&i->params, LogFilePath));
    char *sys_dir = os_full_path(PARAM_TEXT(&i->params, SystemPath));
    JET_ERR err = log_dir && sys_dir ? start_at(i, q, log_dir, sys_dir) : RAISE(JET_errOutOfMemory);

    free(log_dir);
    free(sys_dir);
    return err;
}

/* With process.lock: found, or made where none is named; and nobody else's to start. */
static JET_ERR claim(JET_INSTANCE *pinstance, struct jinst **ret)
{
    JET_ERR err;

    if (!pinstance || !*pinstance || *pinstance == JET_instanceNil) {
        if (process.default_instance)
            return RAISE(JET_errAlreadyInitialized);
        if (process.nr_instances > 0)
            return RAISE(JET_errRunningInMultiInstanceMode);
        err = instance_new(NULL, NULL, ret);
        if (err >= 0)
            process.default_instance = *ret;
    } else {
        err = process_find(*pinstance, ret);
    }
    if (err < 0)
        return err;
    switch (atomic_load(&(*ret)->state)) {
    case INSTANCE_CREATED:
        break;
    case INSTANCE_STARTING:
        return RAISE(JET_errInitInProgress);
    case INSTANCE_RESTORING:
        return RAISE(JET_errRestoreInProgress);
    default:
        return RAISE(JET_errAlreadyInitialized);
    }
    atomic_store(&(*ret)->state, INSTANCE_STARTING);
    (*ret)->started = true;
    process.nr_started++;
    return JET_errSuccess;
}

static JET_ERR init(JET_INSTANCE *pinstance, const struct request *q)
{
    struct jinst *i;
    JET_ERR err;

    pthread_mutex_lock(&process.lock);
    err = claim(pinstance, &i);
    pthread_mutex_unlock(&process.lock);
    if (err < 0)
        return err;
    err = start(i, q);
    if (err < 0) { /* ESE: the instance is gone after a failed start, parameters and all */
        instance_remove(i);
        return err;
    }
    if (pinstance)
        *pinstance = i->handle;
    instance_set_state(i, INSTANCE_RUNNING);
    return err;
}

static JET_ERR init_with(JET_INSTANCE *pinstance, const JET_RSTINFO_W *info, JET_GRBIT grbit)
{
    struct request q = {.grbit = grbit};
    JET_ERR err = check_grbit(grbit);

    if (err >= 0)
        err = take_info(info, &q);
    if (err >= 0)
        err = init(pinstance, &q);
    request_done(&q);
    return err;
}

JET_ERR JetInit(JET_INSTANCE *pinstance)
{
    return init_with(pinstance, NULL, 0);
}

JET_ERR JetInit2(JET_INSTANCE *pinstance, JET_GRBIT grbit)
{
    return init_with(pinstance, NULL, grbit);
}

JET_ERR JetInit3W(JET_INSTANCE *pinstance, JET_RSTINFO_W *prstInfo, JET_GRBIT grbit)
{
    return init_with(pinstance, prstInfo, grbit);
}
