/*
 * Snapshots of volumes (JetOSSnapshotPrepare .. JetOSSnapshotAbort): one session in the process, over all instances that run or
 * over those that are named (ESE: io.cxx CESESnapshotSession).
 *
 *   prepare -> freeze -> thaw -> [truncate] -> end        what the program copies meanwhile: files of the frozen instances
 *                  \-> the time is up: thawed by a thread, and Thaw says so
 */
#include "backup/ossnapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/backup.h"
#include "api/process.h"
#include "os/thread.h"

enum {
    EVENT_FREEZE_START = 2001,
    EVENT_FREEZE_ERROR = 2002,
    EVENT_FREEZE_STOP = 2003,
    EVENT_TIMEOUT = 2004,
    EVENT_PREPARE_FULL = 2005,
    EVENT_COMPLETE = 2006,
    EVENT_ABORT = 2007,
    EVENT_PREPARE_INCREMENTAL = 2008,
    EVENT_PREPARE_COPY = 2009,
    EVENT_PREPARE_DIFFERENTIAL = 2010,
};

enum snapshot_state { NONE, PREPARED, FROZEN, THAWED, TIMED_OUT };

/* lock comes before process.lock. */
static struct {
    pthread_mutex_t lock; /* all below, and jinst.snapshot */
    pthread_cond_t changed;
    enum snapshot_state state;
    JET_OSSNAPID id;
    JET_GRBIT grbit;
    pthread_t timer;
    bool has_timer;
    struct timespec until;
} snap = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- events ---------------------------------------------------------------------------------- */

static const char *text_of(uint32_t event)
{
    switch (event) {
    case EVENT_FREEZE_START:
        return "a snapshot: nothing is written from here on";
    case EVENT_FREEZE_ERROR:
        return "a snapshot could not be begun";
    case EVENT_FREEZE_STOP:
        return "a snapshot: writing goes on";
    case EVENT_TIMEOUT:
        return "a snapshot took too long, writing goes on";
    case EVENT_COMPLETE:
        return "the snapshot is complete";
    case EVENT_ABORT:
        return "the snapshot was given up";
    default:
        return "a snapshot is prepared";
    }
}

/* i NULL: of the process. number NULL: only the session's id is told. */
static void tell(struct jinst *i, uint32_t event, JET_ERR err, const char *number)
{
    char id[24];
    const char *const strings[] = {id, number, NULL};
    struct reporter r = {.fn = event_report, .ctx = i};

    snprintf(id, sizeof(id), "%" PRIuPTR, snap.id);
    fault_event(&r, event, err, strings, "%s", text_of(event));
}

/* ---- who takes part --------------------------------------------------------------------------- */

static bool takes_part(const struct jinst *i)
{
    return i->in_snapshot;
}

/* With lock: the next one that takes part after `after`; it is in a snapshot, or wants to be. */
static struct jinst *next_part(const struct jinst *after)
{
    struct jinst *i;

    pthread_mutex_lock(&process.lock);
    for (i = after ? after->next : process.instances; i && !i->in_snapshot; i = i->next)
        ;
    pthread_mutex_unlock(&process.lock);
    return i;
}

static void take_all(void)
{
    pthread_mutex_lock(&process.lock);
    for (struct jinst *i = process.instances; i; i = i->next)
        i->in_snapshot = atomic_load(&i->state) == INSTANCE_RUNNING;
    pthread_mutex_unlock(&process.lock);
}

static void thaw_all(uint32_t event)
{
    for (struct jinst *i = NULL; (i = next_part(i));)
        if (i->snapshot) {
            ossnapshot_thaw(i->snapshot);
            tell(i, event, JET_errSuccess, NULL);
        }
}

/* The session is over; marks: headers are told. */
static void end_all(bool marks)
{
    for (struct jinst *i = NULL; (i = next_part(i));) {
        if (i->snapshot)
            ossnapshot_end(i->snapshot, marks);
        i->snapshot = NULL;
    }
    pthread_mutex_lock(&process.lock);
    for (struct jinst *i = process.instances; i; i = i->next)
        i->in_snapshot = false;
    pthread_mutex_unlock(&process.lock);
}

/* ---- the time limit --------------------------------------------------------------------------- */

static void *timer(void *arg)
{
    int rc = 0;

    (void)arg;
    pthread_mutex_lock(&snap.lock);
    while (snap.state == FROZEN && rc == 0)
        rc = pthread_cond_timedwait(&snap.changed, &snap.lock, &snap.until);
    if (snap.state == FROZEN) {
        snap.state = TIMED_OUT;
        tell(NULL, EVENT_TIMEOUT, JET_errOSSnapshotTimeOut, NULL);
        end_all(false);
    }
    pthread_mutex_unlock(&snap.lock);
    return NULL;
}

static JET_ERR start_timer(void)
{
    JET_ERR err;
    uint64_t ms;

    pthread_mutex_lock(&process.lock);
    ms = PARAM(&process.params, OSSnapshotTimeout);
    pthread_mutex_unlock(&process.lock);
    clock_gettime(CLOCK_REALTIME, &snap.until);
    snap.until.tv_sec += (time_t)(ms / 1000);
    snap.until.tv_nsec += (long)(ms % 1000) * 1000000;
    snap.until.tv_sec += snap.until.tv_nsec / 1000000000;
    snap.until.tv_nsec %= 1000000000;
    err = os_thread_start(&snap.timer, timer, NULL);
    snap.has_timer = err >= 0;
    return err;
}

/* Without lock; the state is not FROZEN any more. */
static void join_timer(void)
{
    pthread_t id;
    bool has;

    pthread_mutex_lock(&snap.lock);
    has = snap.has_timer;
    id = snap.timer;
    snap.has_timer = false;
    pthread_cond_broadcast(&snap.changed);
    pthread_mutex_unlock(&snap.lock);
    if (has)
        pthread_join(id, NULL);
}

/* ---- the calls -------------------------------------------------------------------------------- */

/* On success the lock is held. */
static JET_ERR enter(JET_OSSNAPID id, JET_GRBIT grbit, JET_GRBIT known)
{
    if (grbit & ~known)
        return RAISE(JET_errInvalidGrbit);
    pthread_mutex_lock(&snap.lock);
    if (snap.state != NONE && snap.id == id)
        return JET_errSuccess;
    pthread_mutex_unlock(&snap.lock);
    return RAISE(JET_errOSSnapshotInvalidSnapId);
}

static JET_ERR leave(JET_ERR err)
{
    pthread_mutex_unlock(&snap.lock);
    return err;
}

static uint32_t prepare_event(JET_GRBIT grbit)
{
    if (grbit & JET_bitIncrementalSnapshot)
        return grbit & JET_bitCopySnapshot ? EVENT_PREPARE_DIFFERENTIAL : EVENT_PREPARE_INCREMENTAL;
    return grbit & JET_bitCopySnapshot ? EVENT_PREPARE_COPY : EVENT_PREPARE_FULL;
}

JET_ERR JetOSSnapshotPrepare(JET_OSSNAPID *psnapId, const JET_GRBIT grbit)
{
    JET_ERR err = JET_errSuccess;

    if (!psnapId)
        return RAISE(JET_errInvalidParameter);
    if (grbit & ~(JET_bitIncrementalSnapshot | JET_bitCopySnapshot | JET_bitContinueAfterThaw |
                  JET_bitExplicitPrepare))
        return RAISE(JET_errInvalidGrbit);
    pthread_mutex_lock(&snap.lock);
    if (snap.state != NONE || snap.has_timer) {
        err = RAISE(JET_errOSSnapshotNotAllowed);
    } else {
        snap.state = PREPARED;
        snap.grbit = grbit;
        *psnapId = ++snap.id;
        tell(NULL, prepare_event(grbit), JET_errSuccess, NULL);
    }
    return leave(err);
}

JET_ERR JetOSSnapshotPrepareInstance(JET_OSSNAPID snapId, JET_INSTANCE instance,
                                     const JET_GRBIT grbit)
{
    struct jinst *i;
    JET_ERR err = enter(snapId, grbit, 0);

    if (err < 0)
        return err;
    if (snap.state != PREPARED || !(snap.grbit & JET_bitExplicitPrepare))
        return leave(RAISE(JET_errOSSnapshotInvalidSequence));
    err = backup_enter(instance, &i);
    if (err < 0)
        return leave(err);
    pthread_mutex_lock(&process.lock);
    i->in_snapshot = true;
    pthread_mutex_unlock(&process.lock);
    return leave(backup_leave(i, JET_errSuccess));
}

static JET_ERR freeze_one(struct jinst *i)
{
    const struct backup_opts opts = {.incremental = snap.grbit & JET_bitIncrementalSnapshot,
                                     .copy = snap.grbit & JET_bitCopySnapshot};
    JET_ERR err = backup_enter(i->handle, &i);

    if (err < 0)
        return err;
    err = ossnapshot_freeze(i->in, &opts, &i->snapshot);
    if (err >= 0)
        tell(i, EVENT_FREEZE_START, JET_errSuccess, NULL);
    return backup_leave(i, err);
}

static JET_ERR freeze_all(void)
{
    JET_ERR err = JET_errSuccess;
    char number[16];

    tell(NULL, EVENT_FREEZE_START, JET_errSuccess, NULL);
    for (struct jinst *i = NULL; err >= 0 && (i = next_part(i));)
        err = freeze_one(i);
    if (err >= 0)
        snap.state = FROZEN;
    if (err >= 0)
        err = start_timer();
    if (err >= 0)
        return err;
    snprintf(number, sizeof(number), "%d", (int)err);
    tell(NULL, EVENT_FREEZE_ERROR, err, number);
    end_all(false);
    snap.state = NONE;
    return err;
}

static JET_ERR freeze(JET_OSSNAPID id, uint32_t *ret_nr, JET_INSTANCE_INFO_A **ret, JET_GRBIT grbit,
                      bool wide)
{
    JET_ERR err;

    if (!ret_nr || !ret)
        return RAISE(JET_errInvalidParameter);
    err = enter(id, grbit, 0);
    if (err < 0)
        return err;
    if (snap.state != PREPARED)
        return leave(RAISE(JET_errOSSnapshotInvalidSequence));
    if (!(snap.grbit & JET_bitExplicitPrepare))
        take_all();
    err = instances_list(takes_part, ret_nr, ret, wide);
    if (err < 0)
        return leave(err);
    err = freeze_all();
    if (err < 0) {
        free(*ret);
        *ret = NULL;
        *ret_nr = 0;
    }
    return leave(err);
}

JET_ERR JetOSSnapshotFreeze(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                            JET_INSTANCE_INFO_A **paInstanceInfo, const JET_GRBIT grbit)
{
    return freeze(snapId, pcInstanceInfo, paInstanceInfo, grbit, false);
}

JET_ERR JetOSSnapshotFreezeW(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                             JET_INSTANCE_INFO_W **paInstanceInfo, const JET_GRBIT grbit)
{
    JET_INSTANCE_INFO_A *info = NULL;
    JET_ERR err = paInstanceInfo ? freeze(snapId, pcInstanceInfo, &info, grbit, true)
                                 : RAISE(JET_errInvalidParameter);

    if (err >= 0)
        *paInstanceInfo = (JET_INSTANCE_INFO_W *)info; /* same layout, other texts */
    return err;
}

static JET_ERR freeze_info(JET_OSSNAPID id, uint32_t *ret_nr, JET_INSTANCE_INFO_A **ret,
                           JET_GRBIT grbit, bool wide)
{
    JET_ERR err = enter(id, grbit, 0);

    if (err < 0)
        return err;
    if (snap.state != FROZEN)
        return leave(RAISE(JET_errOSSnapshotInvalidSequence));
    return leave(instances_list(takes_part, ret_nr, ret, wide));
}

JET_ERR JetOSSnapshotGetFreezeInfo(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                                   JET_INSTANCE_INFO_A **paInstanceInfo, const JET_GRBIT grbit)
{
    return freeze_info(snapId, pcInstanceInfo, paInstanceInfo, grbit, false);
}

JET_ERR JetOSSnapshotGetFreezeInfoW(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                                    JET_INSTANCE_INFO_W **paInstanceInfo, const JET_GRBIT grbit)
{
    JET_INSTANCE_INFO_A *info = NULL;
    JET_ERR err = paInstanceInfo ? freeze_info(snapId, pcInstanceInfo, &info, grbit, true)
                                 : RAISE(JET_errInvalidParameter);

    if (err >= 0)
        *paInstanceInfo = (JET_INSTANCE_INFO_W *)info;
    return err;
}

static JET_ERR thaw(void)
{
    if (snap.state == TIMED_OUT) {
        snap.state = NONE;
        return RAISE(JET_errOSSnapshotTimeOut);
    }
    if (snap.state != FROZEN)
        return RAISE(JET_errOSSnapshotInvalidSequence);
    thaw_all(EVENT_FREEZE_STOP);
    snap.state = THAWED;
    if (!(snap.grbit & JET_bitContinueAfterThaw)) {
        end_all(false);
        snap.state = NONE;
    }
    return JET_errSuccess;
}

JET_ERR JetOSSnapshotThaw(const JET_OSSNAPID snapId, const JET_GRBIT grbit)
{
    JET_ERR err = enter(snapId, grbit, 0);

    if (err < 0)
        return err;
    err = leave(thaw());
    if (err != JET_errOSSnapshotInvalidSequence)
        join_timer();
    return err;
}

/* One instance, or all of them. */
static JET_ERR truncate_logs(struct jinst *only)
{
    JET_ERR err = JET_errSuccess;

    if (snap.state != THAWED || snap.grbit & JET_bitCopySnapshot)
        return RAISE(JET_errOSSnapshotInvalidSequence);
    for (struct jinst *i = NULL; err >= 0 && (i = next_part(i));)
        if (!only || only == i)
            err = ossnapshot_truncate(i->snapshot);
    return err;
}

JET_ERR JetOSSnapshotTruncateLog(const JET_OSSNAPID snapId, const JET_GRBIT grbit)
{
    JET_ERR err = enter(snapId, grbit, JET_bitAllDatabasesSnapshot);

    return err < 0 ? err : leave(truncate_logs(NULL));
}

JET_ERR JetOSSnapshotTruncateLogInstance(const JET_OSSNAPID snapId, JET_INSTANCE instance,
                                         const JET_GRBIT grbit)
{
    struct jinst *i;
    JET_ERR err = enter(snapId, grbit, JET_bitAllDatabasesSnapshot);

    if (err < 0)
        return err;
    err = backup_enter(instance, &i);
    if (err < 0)
        return leave(err);
    err = i->in_snapshot ? truncate_logs(i) : RAISE(JET_errInvalidParameter);
    return leave(backup_leave(i, err));
}

static JET_ERR end(bool marks)
{
    tell(NULL, marks ? EVENT_COMPLETE : EVENT_ABORT, JET_errSuccess, NULL);
    end_all(marks);
    snap.state = NONE;
    return JET_errSuccess;
}

JET_ERR JetOSSnapshotEnd(const JET_OSSNAPID snapId, const JET_GRBIT grbit)
{
    JET_ERR err = enter(snapId, grbit, JET_bitAbortSnapshot);

    if (err < 0)
        return err;
    if (snap.state != THAWED)
        return leave(RAISE(JET_errOSSnapshotInvalidSequence));
    return leave(end(!(grbit & JET_bitAbortSnapshot)));
}

JET_ERR JetOSSnapshotAbort(const JET_OSSNAPID snapId, const JET_GRBIT grbit)
{
    JET_ERR err = enter(snapId, grbit, 0);

    if (err < 0)
        return err;
    err = leave(end(false));
    join_timer();
    return err;
}

/* The instance ends: the snapshot is worth nothing any more, for the others either. */
void ossnapshot_abandon(struct jinst *i)
{
    bool ended = false;

    pthread_mutex_lock(&snap.lock);
    if (i->in_snapshot) {
        (void)end(false);
        ended = true;
    }
    pthread_mutex_unlock(&snap.lock);
    if (ended)
        join_timer();
}
