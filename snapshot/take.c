/*
 * Taking a backup: look, plan, copy with every check, look again, write down, commit.
 *
 * 1. SOURCE is only read. The instance's log directory is flock'ed shared meanwhile: an engine that owns
 *    the instance holds it exclusively, and one that starts will wait or ask.
 * 2. Everything is written into a directory of waste (.partial-N) and synced before that gets the
 *    backup's name; whatever fails before leaves nothing but that directory, which is deleted here, or
 *    by the next mount.
 * 3. The files must be the same after the copying as before: size, times, inode, first bytes, and the
 *    plan that follows from them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "copy.h"
#include "record.h"
#include "snap_priv.h"

#define SPARE_BYTES (1u << 20) /* manifest, SHA256SUMS, directories */

struct taking {
    struct snap_inst *inst;
    const char *name;
    struct stopper *stop;
    struct finder finder;
    struct ese_instance *found; /* all of the unit */
    unsigned nr_found;
    const struct ese_file **plan; /* into found */
    unsigned nr;
    struct copy_file *files;
    int lock_fd;
    char partial[64]; /* "" : not made */
    int partial_fd;
    uint64_t first_ino;
    uint64_t started_ms;
};

/* ---- finding and planning --------------------------------------------------------------------- */

static JET_ERR discover(const struct snap_inst *i, struct ese_instance **list, unsigned *nr)
{
    const struct snap *s = i->snap;
    const bool root = strcmp(i->dir, ".") == 0;

    return ese_discover_dir(s->source_fd, i->dir, root ? s->self_name : i->dir,
                            root ? s->store.skip : NULL, ESE_INSTANCE_LEVELS, list, nr);
}

static const struct ese_instance *find(const struct ese_instance *list, unsigned nr,
                                       const char *name)
{
    for (unsigned k = 0; k < nr; k++)
        if (strcmp(list[k].name, name) == 0)
            return &list[k];
    return NULL;
}

static JET_ERR look_and_plan(struct taking *t, struct ese_fault *why)
{
    const struct ese_instance *inst;
    JET_ERR err = discover(t->inst, &t->found, &t->nr_found);

    if (err < 0)
        return why_set(why, err, t->inst->dir, "the instance cannot be looked at");
    inst = find(t->found, t->nr_found, t->inst->name);
    if (!inst)
        return why_set(why, JET_errFileNotFound, t->inst->dir,
                       "the instance is not there any more");
    err = ese_copy_plan(inst, finder_report, &t->finder, &t->plan, &t->nr);
    if (err < 0 && why)
        *why = t->finder.first;
    if (err >= 0 && !t->nr)
        err = why_set(why, JET_errFileNotFound, t->inst->dir, "there is no file to back up");
    return err;
}

static const char *last_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static JET_ERR make_files(struct taking *t, struct ese_fault *why)
{
    t->files = calloc(t->nr, sizeof(*t->files));
    if (!t->files)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    for (unsigned k = 0; k < t->nr; k++) {
        struct copy_file *f = &t->files[k];
        f->path = t->plan[k]->path;
        f->name = last_of(f->path);
        f->kind = t->plan[k]->kind;
        f->gen = t->plan[k]->gen;
        if (strcmp(f->name, SUMS_NAME) == 0 || *f->name == '.')
            return why_set(why, JET_errInvalidName, f->name,
                           "a file of this name cannot be in a backup");
        atomic_fetch_add(&t->inst->job.total, t->plan[k]->size);
    }
    return JET_errSuccess;
}

/* ---- the owner's lock ------------------------------------------------------------------------- */

/* A filesystem without flock: the comparison before and after has to do; `status` says so. */
static JET_ERR lock_dir(struct taking *t, const char *dir, struct ese_fault *why)
{
    const bool locked = flock(t->lock_fd, LOCK_SH | LOCK_NB) == 0;

    if (!locked && errno == EWOULDBLOCK)
        return why_set(
            why, JET_errFileAccessDenied, dir,
            "another process has the instance open (it holds the lock of this directory)");
    pthread_mutex_lock(&t->inst->lock);
    t->inst->no_flock = !locked;
    pthread_mutex_unlock(&t->inst->lock);
    return JET_errSuccess;
}

/* The directory of the logs: where an engine that runs holds its lock. Without logs, of the first file. */
static JET_ERR lock_instance(struct taking *t, struct ese_fault *why)
{
    const char *path = t->files[0].path;
    char *dir = strdup(path), *slash;
    JET_ERR err;

    if (!dir)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    err = sys_open_dir(t->inst->snap->source_fd, slash ? dir : ".", &t->lock_fd);
    if (err < 0)
        why_sys(why, dir, "opening the directory");
    else
        err = lock_dir(t, slash ? dir : "", why);
    free(dir);
    return err;
}

/* ---- the partial directory -------------------------------------------------------------------- */

static JET_ERR make_partial(struct taking *t, struct ese_fault *why)
{
    const int dirfd = t->inst->dirfd;
    JET_ERR err = store_numbers(&t->inst->snap->store, t->nr + 2, &t->first_ino);

    if (err < 0)
        return why_sys(why, "", "taking inode numbers in the store");
    snprintf(t->partial, sizeof(t->partial), PARTIAL_PREFIX "%" PRIu64, t->first_ino);
    if (mkdirat(dirfd, t->partial, 0700) < 0) {
        t->partial[0] = '\0';
        return why_sys(why, "", "making the directory of the backup");
    }
    if (sys_open_dir(dirfd, t->partial, &t->partial_fd) < 0)
        return why_sys(why, "", "opening the directory of the backup");
    if (fchmod(t->partial_fd, 0700) < 0)
        return why_sys(why, "", "making the directory of the backup");
    return JET_errSuccess;
}

/* Before anything is copied. A clone shares its source's extents and needs next to nothing. */
static JET_ERR check_space(struct taking *t, struct copier *c, struct ese_fault *why)
{
    struct statvfs sv;
    struct stat st;
    uint64_t need = SPARE_BYTES, have;
    bool cloned = false;
    JET_ERR err = copier_try_clone(c, &t->files[t->nr - 1], &cloned);

    if (err < 0)
        return why_sys(why, t->files[t->nr - 1].name, "trying to clone");
    for (unsigned k = 0; !cloned && k < t->nr; k++)
        if (fstatat(t->inst->snap->source_fd, t->files[k].path, &st, AT_SYMLINK_NOFOLLOW) == 0)
            need += (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size
                        ? (uint64_t)st.st_blocks * 512
                        : (uint64_t)st.st_size;
    if (fstatvfs(t->partial_fd, &sv) < 0)
        return why_sys(why, "", "asking for the store's free space");
    have = (uint64_t)sv.f_bavail * sv.f_frsize;
    if (have >= need)
        return JET_errSuccess;
    err = why_set(why, JET_errDiskFull, "",
                  "the store is too small: %" PRIu64 " bytes are needed, %" PRIu64 " are free",
                  need, have);
    if (why)
        why->os_errno = ENOSPC;
    return err;
}

/* ---- copying ---------------------------------------------------------------------------------- */

static bool looks_as_planned(const struct ese_file *p, const struct stat *st)
{
    return p->size == (uint64_t)st->st_size && p->mtime_s == st->st_mtim.tv_sec &&
           p->mtime_ns == (uint32_t)st->st_mtim.tv_nsec;
}

static JET_ERR changed(const char *name, struct ese_fault *why)
{
    return why_set(why, JET_errDatabaseInUse, name, "the file changed while the backup was taken");
}

static void announce_logs(struct taking *t)
{
    const char *last = NULL;

    for (unsigned k = 0; k < t->nr; k++)
        if (t->files[k].kind == ESE_KIND_LOG)
            last = t->files[k].name;
    if (last)
        inst_event(t->inst, EVENT_INFO, EVENT_LOGS_START, "copying the logs %s to %s",
                   t->files[0].name, last);
}

static JET_ERR copy_one(struct taking *t, struct copier *c, unsigned k, struct ese_fault *why)
{
    struct copy_file *f = &t->files[k];
    const bool db = f->kind == ESE_KIND_DATABASE;
    JET_ERR err;

    if (db)
        inst_event(t->inst, EVENT_INFO, EVENT_FILE_START, "copying %s (%" PRIu64 " bytes)", f->name,
                   t->plan[k]->size);
    err = copier_file(c, f, why);
    if (err >= 0 && !looks_as_planned(t->plan[k], &f->source))
        err = changed(f->name, why);
    if (err >= 0 && db)
        inst_event(t->inst, EVENT_INFO, EVENT_FILE_STOP,
                   "%s is read and verified: %" PRIu64 " pages, %" PRIu64 " corrected", f->name,
                   f->check.pages, f->check.corrected);
    else if (db)
        inst_event(t->inst, EVENT_WARNING, EVENT_FILE_ENDED, "copying %s ended before its end",
                   f->name);
    return err;
}

static JET_ERR copy_all(struct taking *t, struct ese_set *set, struct ese_fault *why)
{
    struct copy_opts o = {.source_fd = t->inst->snap->source_fd,
                          .dest_fd = t->partial_fd,
                          .set = set,
                          .finder = &t->finder,
                          .stop = t->stop,
                          .rate = t->inst->snap->rate,
                          .threads = t->inst->snap->threads,
                          .done = &t->inst->job.done};
    struct copier *c = NULL;
    JET_ERR err = copier_new(&o, &c);

    if (err < 0)
        return why_set(why, err, "", "the copying cannot be started");
    err = check_space(t, c, why);
    if (err >= 0)
        announce_logs(t);
    for (unsigned k = 0; err >= 0 && k < t->nr; k++)
        err = copy_one(t, c, k, why);
    if (err >= 0 && (err = ese_set_end(set, true)) < 0)
        t->finder.first.err < 0 && why ? (void)(*why = t->finder.first)
                                       : (void)why_set(why, err, "", "the set cannot be checked");
    if (err >= 0)
        err = copier_finish(c, why);
    copier_free(c);
    return err;
}

/* ---- nothing may have changed ----------------------------------------------------------------- */

static JET_ERR compare_file(const struct taking *t, const struct copy_file *f,
                            struct ese_fault *why)
{
    struct stat st;
    uint64_t head;
    int fd = -1;
    JET_ERR err = sys_open_file(t->inst->snap->source_fd, f->path, true, &fd);

    if (err < 0)
        return changed(f->name, why);
    err = copy_look(fd, &st, &head);
    close(fd);
    if (err < 0 || head != f->head || st.st_ino != f->source.st_ino ||
        st.st_dev != f->source.st_dev || st.st_size != f->source.st_size ||
        st.st_mtim.tv_sec != f->source.st_mtim.tv_sec ||
        st.st_mtim.tv_nsec != f->source.st_mtim.tv_nsec ||
        st.st_ctim.tv_sec != f->source.st_ctim.tv_sec ||
        st.st_ctim.tv_nsec != f->source.st_ctim.tv_nsec)
        return changed(f->name, why);
    return JET_errSuccess;
}

/* A log or database that came or went changes the plan. */
static JET_ERR compare_plan(const struct taking *t, struct ese_fault *why)
{
    const struct ese_instance *inst;
    struct ese_instance *list = NULL;
    const struct ese_file **plan = NULL;
    unsigned nr_list = 0, nr = 0;
    bool same;

    same = discover(t->inst, &list, &nr_list) >= 0 && (inst = find(list, nr_list, t->inst->name)) &&
           ese_copy_plan(inst, NULL, NULL, &plan, &nr) >= 0 && nr == t->nr;
    for (unsigned k = 0; same && k < nr; k++)
        same = strcmp(plan[k]->path, t->plan[k]->path) == 0;
    free(plan);
    ese_instances_free(list, nr_list);
    return same ? JET_errSuccess
                : why_set(why, JET_errDatabaseInUse, t->inst->dir,
                          "files came or went while the backup was taken");
}

static JET_ERR compare(const struct taking *t, struct ese_fault *why)
{
    JET_ERR err = compare_plan(t, why);

    for (unsigned k = 0; err >= 0 && k < t->nr; k++)
        err = compare_file(t, &t->files[k], why);
    return err;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static JET_ERR copy_and_commit(struct taking *t, struct ese_set *set, struct ese_fault *why)
{
    const struct record rec = {.dirfd = t->partial_fd,
                               .files = t->files,
                               .nr = t->nr,
                               .first_ino = t->first_ino,
                               .started_ms = t->started_ms};
    struct manifest *man = NULL;
    JET_ERR err = copy_all(t, set, why);

    if (err >= 0)
        err = compare(t, why);
    if (err >= 0)
        err = record_write(&rec, &man, why);
    if (err >= 0 && (err = sys_fsync(t->partial_fd)) < 0)
        why_sys(why, "", "syncing the directory of the backup");
    if (err >= 0 && stopper_stop(t->stop)) /* the last moment at which nothing is left */
        err = stopper_error(t->stop, why);
    if (err >= 0)
        err = catalogue_commit(t->inst, t->partial, t->name, man, why);
    if (err < 0)
        manifest_free(man);
    else
        t->partial[0] = '\0';
    return err;
}

static JET_ERR run(struct taking *t, struct ese_fault *why)
{
    struct ese_set *set = NULL;
    JET_ERR err = look_and_plan(t, why);

    if (err >= 0)
        err = make_files(t, why);
    if (err >= 0)
        err = lock_instance(t, why);
    if (err >= 0)
        err = make_partial(t, why);
    if (err >= 0 && (err = ese_set_new(finder_report, &t->finder, &set)) < 0)
        why_set(why, err, "", "out of memory");
    if (err >= 0)
        err = copy_and_commit(t, set, why);
    ese_set_free(set);
    return err;
}

static void clean_up(struct taking *t)
{
    if (t->partial_fd >= 0)
        close(t->partial_fd);
    if (t->partial[0])
        sys_remove_dir(t->inst->dirfd, t->partial);
    if (t->lock_fd >= 0)
        close(t->lock_fd);
    free(t->plan);
    free(t->files);
    ese_instances_free(t->found, t->nr_found);
}

static void tell_result(struct taking *t, JET_ERR err, const struct ese_fault *why)
{
    const char *name = t->name;
    char text[700];

    if (err >= 0) {
        inst_event(t->inst, EVENT_INFO, EVENT_NO_TRUNCATE, "no log was deleted (offline copy)");
        inst_event(t->inst, EVENT_INFO, EVENT_STOP, "backup %s is complete (%s, %" PRIu64 " ms)",
                   name, KIND_OFFLINE, sys_monotonic_ms() - t->started_ms);
        return;
    }
    if (err == JET_errBackupAbortByServer) {
        inst_event(t->inst, EVENT_WARNING,
                   why->os_errno == EINTR ? EVENT_ABORTED : EVENT_SERVER_ABORT,
                   "backup %s was stopped: %s; nothing of it is left", name, why->text);
        return;
    }
    ese_fault_str(why, text, sizeof(text));
    if (why->os_errno && *why->file)
        inst_event(t->inst, EVENT_ERROR, EVENT_READ_FAILED, "%s", text);
    inst_event(t->inst, EVENT_ERROR, EVENT_FAILED, "backup %s failed: %s", name, text);
}

JET_ERR take_run(struct snap_inst *i, const char *name, struct stopper *stop, struct ese_fault *why)
{
    struct taking t = {.inst = i,
                       .name = name,
                       .stop = stop,
                       .finder = {.inst = i},
                       .lock_fd = -1,
                       .partial_fd = -1,
                       .started_ms = sys_monotonic_ms()};
    JET_ERR err;

    inst_event(i, EVENT_INFO, EVENT_START, "backup %s begins (%s)", name, KIND_OFFLINE);
    err = catalogue_has(i, name)
              ? why_set(why, JET_errFileAlreadyExists, name, "a backup of this name exists")
              : run(&t, why);
    clean_up(&t);
    tell_result(&t, err, why);
    if (err >= 0)
        catalogue_expire(i);
    return err;
}
