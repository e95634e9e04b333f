/* Opening and closing the whole: SOURCE, store, the first look, the watcher. */
#include "snap_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <syslog.h>
#include <unistd.h>

#define CLOSE_MS 5000u

JET_ERR snap_keep_check(const char *spec)
{
    struct keep k;

    return keep_parse(spec, &k);
}

/* Each instance keeps one descriptor; the usual soft limit of 1024 is low for that. */
static void raise_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max && l.rlim_cur < 65536) {
        l.rlim_cur = l.rlim_max < 65536 ? l.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

/* The last name of SOURCE's real path: what an instance that SOURCE itself is gets called. */
static char *name_of(const char *source)
{
    char path[PATH_MAX];

    if (!realpath(source, path))
        return strdup("source");
    return strdup(strcmp(path, "/") == 0 ? "root" : basename(path));
}

static void snap_free(struct snap *s)
{
    watch_done(s);
    for (unsigned k = 0; k < s->nr_insts; k++)
        inst_forget(s->insts[k]);
    free(s->insts);
    store_close(&s->store);
    if (s->source_fd >= 0)
        close(s->source_fd);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->turn);
    pthread_mutex_destroy(&s->lock);
    free(s->self_name);
    free(s->reads);
    free(s);
}

static JET_ERR open_source(struct snap *s, const struct snap_opts *opts, struct ese_fault *why)
{
    s->source_fd = open(opts->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->source_fd < 0)
        return why_sys(why, opts->source, "opening the source");
    s->self_name = name_of(opts->source);
    return s->self_name ? JET_errSuccess : why_set(why, JET_errOutOfMemory, "", "out of memory");
}

static JET_ERR start_watcher(struct snap *s, struct ese_fault *why)
{
    int rc;

    watch_once(s);
    rc = pthread_create(&s->watcher, NULL, watch_thread, s);
    if (rc)
        return why_set(why, JET_errOutOfThreads, "", "cannot start a thread: %s", strerror(rc));
    s->watching = true;
    return JET_errSuccess;
}

JET_ERR snap_open(const struct snap_opts *opts, struct snap **ret, struct ese_fault *why)
{
    struct snap *s = calloc(1, sizeof(*s));
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    JET_ERR err;

    if (!s)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    s->source_fd = -1;
    store_init(&s->store);
    pthread_mutex_init(&s->lock, NULL);
    sys_cond_init(&s->wake);
    sys_cond_init(&s->turn);
    s->rate = opts->rate;
    s->threads = opts->threads ? opts->threads : cpus > 0 ? (unsigned)cpus : 1;
    openlog("esefs", LOG_PID, LOG_DAEMON);
    raise_limit();
    err = keep_parse(opts->keep, &s->keep);
    if (err < 0)
        why_set(why, err, "", "keep=%s is not a retention (last:N,daily:N,weekly:N,monthly:N)",
                opts->keep);
    else
        err = open_source(s, opts, why);
    if (err >= 0)
        err = store_open(opts, s->source_fd, &s->store, why);
    s->ro = s->store.ro;
    if (err >= 0)
        err = start_watcher(s, why);
    if (err < 0)
        snap_free(s);
    else
        *ret = s;
    return err;
}

static void cancel_all(struct snap *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    for (unsigned k = 0; k < s->nr_insts; k++)
        job_cancel(s->insts[k]);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static bool wait_all(struct snap *s)
{
    struct timespec t = sys_deadline(CLOSE_MS);
    bool idle;

    pthread_mutex_lock(&s->lock);
    while (s->running && pthread_cond_timedwait(&s->turn, &s->lock, &t) != ETIMEDOUT)
        ;
    idle = !s->running;
    pthread_mutex_unlock(&s->lock);
    return idle;
}

/* A job that does not let go in time (a device that hangs) keeps what it uses, and the lock: the
 * process is about to end, and the next mount sweeps. */
void snap_close(struct snap *s)
{
    bool idle;

    cancel_all(s);
    if (s->watching)
        pthread_join(s->watcher, NULL);
    idle = wait_all(s);
    snap_listen(s, NULL, NULL);
    if (idle)
        snap_free(s);
}

bool snap_is_ro(const struct snap *s)
{
    return s->ro;
}
const char *snap_note(const struct snap *s)
{
    return s->store.note;
}

JET_ERR snap_statvfs(struct snap *s, struct statvfs *ret)
{
    int fd = s->store.fd >= 0 ? s->store.fd : s->source_fd;

    return fstatvfs(fd, ret) < 0 ? sys_error(errno) : JET_errSuccess;
}
