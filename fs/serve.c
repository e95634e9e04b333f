/*
 * One mount, from opening the store to closing it. Owns struct fs; the order of the end is main.c's
 * opening comment.
 *
 * Signals: all threads block TERM, INT and HUP; one thread waits for them, lets what runs come to an
 * end while requests are still served, and then ends the loop.
 */
#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "invalidate.h"
#include "job.h"
#include "passthrough.h"
#include "say.h"
#include "text.h"

#define THREADS_MIN 4 /* a read from a slow store must not be everybody's */

struct serving {
    struct fs fs;
    pthread_mutex_t gate; /* held while a notice goes to the kernel */
    bool open;            /* gate: the connection may be written to */
    pthread_t main_thread, stopper;
    atomic_bool loop_done;
};

/* ---- what snapshot tells ----------------------------------------------------------------------- */

static void told(void *ctx, struct snap_inst *inst, enum snap_change what, const char *name,
                 const char *old)
{
    struct serving *s = ctx;
    struct node_id dir = {.kind = NODE_BACKUPS, .inst = inst};

    switch (what) {
    case SNAP_INST_NEW:
    case SNAP_INST_GONE:
        dir = (struct node_id){.kind = NODE_ROOT};
        tree_touch(s->fs.tree, 0);
        inval_dir(s->fs.inval, &dir, what == SNAP_INST_GONE ? snap_inst_name(inst) : NULL);
        break;
    case SNAP_BACKUP_NEW:
        tree_touch(s->fs.tree, snap_inst_id(inst));
        inval_dir(s->fs.inval, &dir, NULL);
        break;
    case SNAP_BACKUP_GONE:
    case SNAP_BACKUP_RENAMED:
        tree_touch(s->fs.tree, snap_inst_id(inst));
        if (change_is_the_kernel_s())
            name = old = NULL;
        inval_dir(s->fs.inval, &dir, what == SNAP_BACKUP_GONE ? name : old);
        break;
    case SNAP_STATUS:
    case SNAP_EVENT:
        pthread_mutex_lock(&s->gate);
        if (s->open)
            text_changed(&s->fs, inst, what == SNAP_STATUS ? NODE_STATUS : NODE_EVENTS);
        pthread_mutex_unlock(&s->gate);
        break;
    }
}

static void told_reads(void *ctx, const char *text)
{
    struct serving *s = ctx;

    snap_set_reads(s->fs.snap, text);
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* Right after an unmount its process may still be cancelling a backup, which takes 5 seconds at most:
 * a holder whose mount is gone is waited for. */
static bool open_snap(struct serving *s, const struct options *o, const struct places *p)
{
    struct snap_opts so = {.source = p->source,
                           .store = p->store,
                           .holder = p->mountpoint,
                           .keep = o->keep,
                           .rate = o->rate,
                           .threads = o->threads,
                           .ro = o->ro};
    struct ese_fault why = {.err = 0};
    JET_ERR err;
    bool held;

    for (int tenths = 0;; tenths++) {
        err = snap_open(&so, &s->fs.snap, &why);
        /* Held by another, as opposed to a permission that is missing (an error of the system's). */
        held = err == JET_errFileAccessDenied && why.os_errno == 0;
        if (!held || tenths >= 70 || mount_named_in(why.text))
            break;
        (void)usleep(100000);
    }
    if (err < 0) {
        say("%s: %s", why.file[0] != '\0' ? why.file : p->store,
            why.text[0] != '\0' ? why.text : ese_err_text(err));
        return false;
    }
    return true;
}

/* What the user should know of a mount that succeeded: one disk, or why it is read-only. */
static void say_note(const struct snap *snap, bool ro_wanted)
{
    const char *note = snap_note(snap);

    if (note == NULL)
        return;
    if (snap_is_ro(snap) && !ro_wanted)
        say_warning("%s", note);
    else
        say("%s", note);
}

static bool make_parts(struct fs *fs)
{
    fs->tree = tree_new();
    fs->jobs = jobs_new();
    fs->texts = texts_new();
    fs->inval = inval_new(fs);
    if (fs->tree != NULL && fs->jobs != NULL && fs->texts != NULL && fs->inval != NULL)
        return true;
    say("out of memory");
    return false;
}

/* libfuse's own messages: the last one is the reason when mounting fails. */
static char fuse_message[512];

static void __attribute__((format(printf, 2, 0)))
fuse_log_line(enum fuse_log_level level, const char *fmt, va_list ap)
{
    char line[512];

    (void)vsnprintf(line, sizeof(line), fmt, ap);
    line[strcspn(line, "\n")] = '\0';
    if (level >= FUSE_LOG_INFO)
        fprintf(stderr, "%s\n", line);
    else
        (void)snprintf(fuse_message, sizeof(fuse_message), "%s",
                       strncmp(line, "fuse: ", 6) == 0 ? line + 6 : line);
}

static bool add_options(struct fuse_args *args, const struct options *o, const struct places *p,
                        bool ro)
{
    char *opts = NULL, *fsname = NULL;
    bool ok;

    ok = asprintf(&fsname, "fsname=%s", p->source) >= 0 &&
         fuse_opt_add_opt_escaped(&opts, fsname) == 0 &&
         fuse_opt_add_opt(&opts, "subtype=esefs,default_permissions,nosuid,nodev") == 0 &&
         (!ro || fuse_opt_add_opt(&opts, "ro") == 0) &&
         (!o->allow_other || fuse_opt_add_opt(&opts, "allow_other") == 0) &&
         (!o->noexec || fuse_opt_add_opt(&opts, "noexec") == 0) &&
         (!o->noatime || fuse_opt_add_opt(&opts, "noatime") == 0) &&
         (!o->sync || fuse_opt_add_opt(&opts, "sync") == 0) &&
         (!o->dirsync || fuse_opt_add_opt(&opts, "dirsync") == 0) &&
         fuse_opt_add_arg(args, "mount.esefs") == 0 && fuse_opt_add_arg(args, "-o") == 0 &&
         fuse_opt_add_arg(args, opts) == 0 && (!o->debug || fuse_opt_add_arg(args, "-d") == 0);
    free(fsname);
    free(opts);
    return ok;
}

static bool mount_session(struct serving *s, const struct options *o, const struct places *p)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fs *fs = &s->fs;
    bool ro = o->ro || snap_is_ro(fs->snap);

    fuse_set_log_func(fuse_log_line);
    if (add_options(&args, o, p, ro))
        fs->se = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), fs);
    fuse_opt_free_args(&args);
    if (fs->se == NULL) {
        say("%s: no FUSE session: %s", p->mountpoint, fuse_message);
        return false;
    }
    if (fuse_session_mount(fs->se, p->mountpoint) != 0) {
        say("%s: cannot be mounted: %s", p->mountpoint,
            fuse_message[0] != '\0' ? fuse_message : "fusermount3 refused");
        return false;
    }
    if (!passthrough_attach(fs->se, p->store)) {
        say("%s: out of memory", p->mountpoint);
        return false;
    }
    return true;
}

/* ---- serving ----------------------------------------------------------------------------------- */

static sigset_t stop_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    return set;
}

static void wake(int sig)
{
    (void)sig;
}

/* What must happen while requests are served. Twice is once. */
static void quiesce(struct serving *s)
{
    jobs_stop(s->fs.jobs);
    jobs_wait(s->fs.jobs);
    inval_stop(s->fs.inval);
}

/* libfuse's loop looks at its flag only when its semaphore is interrupted, and may be just about to
 * wait: it is woken until it is out. */
static void *stopper(void *arg)
{
    struct serving *s = arg;
    sigset_t set = stop_signals();
    int sig;

    while (sigwait(&set, &sig) != 0)
        ;
    if (!atomic_load(&s->loop_done))
        quiesce(s);
    while (!atomic_load(&s->loop_done)) {
        fuse_session_exit(s->fs.se);
        (void)pthread_kill(s->main_thread, SIGUSR1);
        (void)usleep(10000);
    }
    return NULL;
}

static bool start_stopper(struct serving *s)
{
    struct sigaction sa = {.sa_handler = wake};

    (void)sigaction(SIGUSR1, &sa, NULL);
    s->main_thread = pthread_self();
    if (pthread_create(&s->stopper, NULL, stopper, s) == 0)
        return true;
    say("no thread can be started");
    return false;
}

static unsigned worker_threads(const struct options *o)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    if (o->threads != 0)
        return o->threads;
    return n < THREADS_MIN ? THREADS_MIN : (unsigned)n;
}

static bool loop(struct serving *s, const struct options *o)
{
    struct fuse_loop_config *cfg = fuse_loop_cfg_create();
    int err;

    if (cfg == NULL) {
        say("out of memory");
        return false;
    }
    fuse_loop_cfg_set_clone_fd(cfg, 0);
    fuse_loop_cfg_set_max_threads(cfg, worker_threads(o));
    s->open = true;
    snap_listen(s->fs.snap, told, s);
    passthrough_listen(told_reads, s);
    err = fuse_session_loop_mt(s->fs.se, cfg);
    fuse_loop_cfg_destroy(cfg);
    if (err < 0)
        say("the connection to the kernel ended: %s", strerror(-err));
    return err >= 0;
}

static void finish(struct serving *s)
{
    atomic_store(&s->loop_done, true);
    (void)pthread_kill(s->stopper, SIGTERM);
    (void)pthread_join(s->stopper, NULL);
    quiesce(s);
    passthrough_listen(NULL, NULL);
    pthread_mutex_lock(&s->gate);
    s->open = false;
    pthread_mutex_unlock(&s->gate);
}

static void close_all(struct serving *s, bool mounted)
{
    struct fs *fs = &s->fs;

    if (mounted)
        fuse_session_unmount(fs->se);
    texts_free(fs->texts);
    if (fs->tree != NULL)
        tree_forget_all(fs->tree);
    if (fs->snap != NULL)
        snap_close(fs->snap);
    if (fs->inval != NULL)
        inval_free(fs->inval);
    tree_free(fs->tree);
    jobs_free(fs->jobs);
    if (fs->se != NULL)
        fuse_session_destroy(fs->se);
    pthread_mutex_destroy(&s->gate);
}

bool serve(const struct options *o, const struct places *p, void (*ready)(void))
{
    struct serving s = {.open = false};
    sigset_t set = stop_signals();
    bool mounted = false, ok = false;

    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_mutex_init(&s.gate, NULL);
    s.fs.opts = o;
    s.fs.ready = ready;
    s.fs.uid = o->uid_set ? o->uid : p->source_uid;
    s.fs.gid = o->gid_set ? o->gid : p->source_gid;
    s.fs.source_time = p->source_time;
    if (open_snap(&s, o, p) && make_parts(&s.fs)) {
        mounted = mount_session(&s, o, p);
        if (mounted && start_stopper(&s)) {
            say_note(s.fs.snap, o->ro);
            ok = loop(&s, o);
            finish(&s);
        }
    }
    close_all(&s, mounted);
    return ok;
}
