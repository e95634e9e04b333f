/*
 * Jobs: one backup or verification per instance at a time, in the caller's thread or in one of its own.
 *
 * A job is claimed (job_begin) before anything else happens, so that a second one is refused at once; it
 * then waits for its turn, as only `threads` jobs (four at most: each has its buffers) are at work at a
 * time; and it is released (job_end) with its result, which `wait` and LastError tell.
 */
#include "snap_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_WORK_MAX 4u
#define ASK_MS      50u
#define POLL_MS     100u

/* ---- stopping --------------------------------------------------------------------------------- */

bool stopper_stop(struct stopper *s)
{
    uint64_t now;

    if (atomic_load(&s->inst->job.cancel) || s->interrupted)
        return true;
    now = s->should_stop ? sys_monotonic_ms() : 0;
    if (!s->should_stop || now - s->asked_ms < ASK_MS)
        return false;
    s->asked_ms = now;
    s->interrupted = s->should_stop(s->ctx);
    return s->interrupted;
}

JET_ERR stopper_error(const struct stopper *s, struct ese_fault *why)
{
    why_set(why, JET_errBackupAbortByServer, "", s->interrupted ? "interrupted" : "cancelled");
    if (why)
        why->os_errno = s->interrupted ? EINTR : ECANCELED;
    return JET_errBackupAbortByServer;
}

static void wait_a_moment(pthread_cond_t *cond, pthread_mutex_t *lock)
{
    struct timespec t = sys_deadline(POLL_MS);

    pthread_cond_timedwait(cond, lock, &t);
}

/* ---- claiming and releasing ------------------------------------------------------------------- */

static const char *kind_text(enum job_kind kind)
{
    return kind == JOB_BACKUP ? "a backup" : "a verification";
}

JET_ERR job_begin(struct snap_inst *i, enum job_kind kind, const char *name, struct ese_fault *why)
{
    JET_ERR err = JET_errSuccess;
    bool stop;

    pthread_mutex_lock(&i->snap->lock);
    stop = i->snap->stop;
    if (!stop)
        i->snap->running++;
    pthread_mutex_unlock(&i->snap->lock);
    if (stop)
        return why_set(why, JET_errTermInProgress, "", "the mount is being ended");
    pthread_mutex_lock(&i->lock);
    if (i->job.kind != JOB_NONE) {
        err = why_set(why, JET_errBackupInProgress, "", "%s is running: %s", kind_text(i->job.kind),
                      i->job.name);
    } else {
        i->job.kind = kind;
        snprintf(i->job.name, sizeof(i->job.name), "%s", name);
        i->job.waiting = true;
        i->job.started_ms = sys_monotonic_ms();
        atomic_store(&i->job.cancel, false);
        atomic_store(&i->job.done, 0);
        atomic_store(&i->job.total, 0);
    }
    pthread_mutex_unlock(&i->lock);
    if (err < 0) {
        pthread_mutex_lock(&i->snap->lock);
        i->snap->running--;
        pthread_cond_broadcast(&i->snap->turn);
        pthread_mutex_unlock(&i->snap->lock);
    }
    return err;
}

static char *error_line(const struct ese_fault *why)
{
    char when[TIME_TEXT_LEN], text[700];
    char *line;

    ese_fault_str(why, text, sizeof(text));
    return asprintf(&line, "%s %s", time_text(sys_now(), false, when), text) < 0 ? NULL : line;
}

/* `wait` returns when the job is JOB_NONE: by then `status` tells the result. */
void job_end(struct snap_inst *i, JET_ERR err, const struct ese_fault *why)
{
    struct snap *s = i->snap;
    char *reads = status_reads(s);
    bool changed;

    events_sync(&i->events);
    pthread_mutex_lock(&i->lock);
    if (i->job.kind == JOB_BACKUP || err < 0) {
        free(i->error_line);
        i->error_line = err < 0 ? error_line(why) : NULL;
    }
    i->last_err = err;
    i->last_why = *why;
    i->job.kind = JOB_NONE;
    changed = status_rebuild(i, reads);
    pthread_cond_broadcast(&i->idle);
    pthread_mutex_unlock(&i->lock);
    free(reads);
    if (changed)
        snap_tell(i, SNAP_STATUS, NULL, NULL);
    pthread_mutex_lock(&s->lock);
    s->running--;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the turn --------------------------------------------------------------------------------- */

/* Waits a moment for a place; should_stop is asked without a lock. */
static bool place_taken(struct snap *s)
{
    const unsigned max = s->threads < AT_WORK_MAX ? s->threads : AT_WORK_MAX;
    bool taken;

    pthread_mutex_lock(&s->lock);
    if (s->at_work >= max)
        wait_a_moment(&s->turn, &s->lock);
    taken = s->at_work < max;
    if (taken)
        s->at_work++;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static JET_ERR take_turn(struct snap_inst *i, struct stopper *stop, struct ese_fault *why)
{
    do {
        if (stopper_stop(stop))
            return stopper_error(stop, why);
    } while (!place_taken(i->snap));
    pthread_mutex_lock(&i->lock);
    i->job.waiting = false;
    i->job.started_ms = sys_monotonic_ms();
    pthread_mutex_unlock(&i->lock);
    status_refresh(i);
    return JET_errSuccess;
}

static void give_turn(struct snap *s)
{
    pthread_mutex_lock(&s->lock);
    s->at_work--;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

/* The job that was claimed, from its turn to its end. */
JET_ERR job_run(struct snap_inst *i, snap_stop_fn *should_stop, void *ctx, struct ese_fault *why)
{
    struct stopper stop = {.inst = i, .should_stop = should_stop, .ctx = ctx};
    struct ese_fault f = {.offset = ESE_NO_OFFSET};
    JET_ERR err = take_turn(i, &stop, &f);

    if (err >= 0) {
        err = i->job.kind == JOB_BACKUP ? take_run(i, i->job.name, &stop, &f)
                                        : verify_run(i, i->job.name, &stop, &f);
        give_turn(i->snap);
    }
    if (why && err < 0)
        *why = f;
    job_end(i, err, &f);
    return err;
}

static void *background(void *arg)
{
    struct snap_inst *i = arg;

    job_run(i, NULL, NULL, NULL);
    snap_inst_unref(i);
    return NULL;
}

JET_ERR job_background(struct snap_inst *i, struct ese_fault *why)
{
    struct ese_fault f;
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attr, background, snap_inst_ref(i));
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return JET_errSuccess;
    why_set(&f, JET_errOutOfThreads, "", "cannot start a thread: %s", strerror(rc));
    if (why)
        *why = f;
    job_end(i, JET_errOutOfThreads, &f);
    snap_inst_unref(i);
    return JET_errOutOfThreads;
}

/* ---- from outside ----------------------------------------------------------------------------- */

JET_ERR job_wait(struct snap_inst *i, snap_stop_fn *should_stop, void *ctx, struct ese_fault *why)
{
    bool stopped = false;
    JET_ERR err;

    pthread_mutex_lock(&i->lock);
    while (i->job.kind != JOB_NONE && !stopped) {
        wait_a_moment(&i->idle, &i->lock);
        if (should_stop) {
            pthread_mutex_unlock(&i->lock);
            stopped = should_stop(ctx);
            pthread_mutex_lock(&i->lock);
        }
    }
    err = i->last_err;
    if (why && !stopped)
        *why = i->last_why;
    pthread_mutex_unlock(&i->lock);
    if (!stopped)
        return err;
    why_set(why, JET_errBackupAbortByServer, "", "interrupted while waiting");
    if (why)
        why->os_errno = EINTR;
    return JET_errBackupAbortByServer;
}

void job_cancel(struct snap_inst *i)
{
    atomic_store(&i->job.cancel, true);
}
