/*
 * What happens in the background: the file of the next generation is made, lazily committed records are written before
 * the buffer is full and before they are two ticks old, and the last segment gets a whole shadow when nothing follows it.
 */
#include <time.h>
#include <unistd.h>

#include "log/wal_priv.h"
#include "os/file.h"
#include "os/thread.h"

#define TICK_S 1
#define CHUNK  16u /* segments of BASE.log that are written before others may lead */

/* ---- the next file ------------------------------------------------------------------------------- */

/* BASEtmp is free, and not yet prepared. When that fails the leader tries, and reports. */
static bool wants_file(const struct wal *w)
{
    return w->gen == w->current && w->prepared != WAL_MAKING &&
           !(w->prepared_gen == w->current + 1 && w->prepared != WAL_NONE) &&
           w->current < LOG_GEN_MAX - 1 && !w->next.wanted;
}

static void prepare_file(struct wal *w)
{
    const lgen_t gen = w->current + 1;
    JET_ERR err;
    int fd = -1;

    w->prepared = WAL_MAKING;
    w->prepared_gen = gen;
    pthread_mutex_unlock(&w->lock);
    err = w->io.make(w->io.ctx, &w->files, gen, w->nr_segments, &fd);
    if (err >= 0 && w->sync)
        err = w->io.datasync(w->io.ctx, fd);
    if (err < 0 && fd >= 0) {
        close(fd);
        fd = -1;
    }
    pthread_mutex_lock(&w->lock);
    w->prepared = fd >= 0 ? WAL_MADE : WAL_NO_SPACE;
    w->prepared_fd = fd;
    pthread_cond_broadcast(&w->changed);
}

/* ---- the last shadow ------------------------------------------------------------------------------ */

void walthread_shadow(struct wal *w)
{
    uint8_t seg[LOG_SEGMENT_LEN];
    const struct wal_slot *s;
    bool same;
    JET_ERR err;

    while (w->busy)
        pthread_cond_wait(&w->changed, &w->lock);
    if (w->tail == 0 || w->used || w->head != w->tail)
        return;
    s = wal_slot(w, w->tail - 1);
    same = s->gen == w->current && s->isec + 1 == w->isec;
    if (!same)
        return;
    memcpy(seg, wal_segment(w, w->tail - 1), sizeof(seg));
    w->busy = true;
    pthread_mutex_unlock(&w->lock);
    err = walfile_shadow(w, seg, lgpos_isec(le64_get(((struct logseg_disk *)seg)->lgpos)));
    pthread_mutex_lock(&w->lock);
    (void)err; /* final: everybody sees w->failed */
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
}

/* ---- the thread ---------------------------------------------------------------------------------- */

static bool is_half_full(const struct wal *w)
{
    return w->head - w->tail >= w->nr_slots / 2;
}

static void write_some(struct wal *w)
{
    uint64_t end = w->head;

    if (w->gen == w->current && end - w->tail > CHUNK)
        end = w->tail + CHUNK;
    wal_lead(w, end, false, false);
}

/* What was there a tick ago and is not on disk yet goes there now; if nothing has come since, the end is tidied up. */
static void tick(struct wal *w, lgpos_t *seen)
{
    const lgpos_t tip = wal_tip_locked(w), before = *seen;

    *seen = tip;
    if (wal_flush_locked(w, before - 1, before) >= 0 && tip == before && wal_tip_locked(w) == tip)
        walthread_shadow(w);
}

static bool has_passed(const struct timespec *t)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static void *run(void *arg)
{
    struct wal *w = arg;
    struct timespec next;
    lgpos_t seen = atomic_load(&w->durable);

    clock_gettime(CLOCK_MONOTONIC, &next);
    next.tv_sec += TICK_S;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (atomic_load(&w->failed) < 0) {
            pthread_cond_wait(&w->wake, &w->lock);
        } else if (is_half_full(w) && !w->busy) {
            write_some(w);
        } else if (wants_file(w)) {
            prepare_file(w);
        } else if (has_passed(&next)) {
            next.tv_sec += TICK_S;
            tick(w, &seen);
        } else {
            pthread_cond_timedwait(&w->wake, &w->lock, &next);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

JET_ERR walthread_start(struct wal *w)
{
    const JET_ERR err = os_thread_start(&w->thread, run, w);

    w->has_thread = err >= 0;
    return err;
}

void walthread_stop(struct wal *w)
{
    if (!w->has_thread)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->has_thread = false;
}
