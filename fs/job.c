/*
 * Long requests. Owns the count of running jobs; a job belongs to its thread.
 *
 * Interrupts: the kernel reports the first signal of a waiting caller and no other (FUSE_INTERRUPT is
 * sent once per request), so after that report the caller's signals are looked at ten times a second:
 * a WINCH must not hide the INT that follows it.
 */
#include "job.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "signals.h"

/* More than this at a time is somebody's runaway loop; they get EAGAIN. */
#define JOBS_MAX 512u
#define LOOK_NS  UINT64_C(100000000)

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t none;
    unsigned running; /* lock */
    atomic_bool stopping;
};

struct jobs *jobs_new(void)
{
    struct jobs *j = calloc(1, sizeof(*j));

    if (j != NULL) {
        pthread_mutex_init(&j->lock, NULL);
        pthread_cond_init(&j->none, NULL);
    }
    return j;
}

void jobs_free(struct jobs *j)
{
    if (j == NULL)
        return;
    pthread_cond_destroy(&j->none);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

void jobs_stop(struct jobs *j)
{
    atomic_store(&j->stopping, true);
}

void jobs_wait(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    while (j->running > 0)
        pthread_cond_wait(&j->none, &j->lock);
    pthread_mutex_unlock(&j->lock);
}

static bool enter(struct jobs *j)
{
    bool ok;

    pthread_mutex_lock(&j->lock);
    ok = j->running < JOBS_MAX;
    if (ok)
        j->running++;
    pthread_mutex_unlock(&j->lock);
    return ok;
}

static void leave(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    if (--j->running == 0)
        pthread_cond_signal(&j->none);
    pthread_mutex_unlock(&j->lock);
}

static void *job_thread(void *arg)
{
    struct job *job = arg;
    struct jobs *jobs = job->fs->jobs;

    job->run(job);
    snap_inst_unref(job->inst);
    free(job);
    leave(jobs);
    return NULL;
}

static int spawn(struct job *job)
{
    pthread_attr_t attr;
    pthread_t id;
    int err = pthread_attr_init(&attr);

    if (err != 0)
        return -EAGAIN;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    err = pthread_create(&id, &attr, job_thread, job);
    (void)pthread_attr_destroy(&attr);
    return err == 0 ? 0 : -EAGAIN;
}

void job_start(fuse_req_t req, struct snap_inst *inst, enum job_patience patience,
               void (*run)(struct job *job), const char *name, const char *name2)
{
    struct fs *fs = fs_of(req);
    struct job *job;

    if (!enter(fs->jobs)) {
        reply_err(req, -EAGAIN);
        return;
    }
    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        leave(fs->jobs);
        reply_err(req, -ENOMEM);
        return;
    }
    job->req = req;
    job->fs = fs;
    job->inst = snap_inst_ref(inst);
    job->patience = patience;
    job->caller = fuse_req_ctx(req)->pid;
    job->run = run;
    (void)snprintf(job->name, sizeof(job->name), "%s", name);
    (void)snprintf(job->name2, sizeof(job->name2), "%s", name2 != NULL ? name2 : "");
    if (spawn(job) < 0) {
        snap_inst_unref(job->inst);
        free(job);
        leave(fs->jobs);
        reply_err(req, -EAGAIN);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A caller whose signals cannot be seen (another pid namespace) is taken at its word: it was
 * interrupted. */
static bool caller_is_leaving(const struct job *job)
{
    struct signals s;

    if (job->caller <= 0 || !signals_read(job->caller, &s))
        return true;
    return job->patience == JOB_WAITS ? signals_interrupt_wait(&s) : signals_end_caller(&s);
}

bool job_should_stop(void *ctx)
{
    struct job *job = ctx;
    uint64_t now;

    if (job->interrupted || atomic_load(&job->fs->jobs->stopping))
        return true;
    if (!fuse_req_interrupted(job->req))
        return false;
    now = now_ns();
    if (now - job->looked_ns < LOOK_NS)
        return false;
    job->looked_ns = now;
    job->interrupted = caller_is_leaving(job);
    return job->interrupted;
}
