/*
 * What changes the list of backups and the store with it: the commit, removing, renaming, hold,
 * retention.
 *
 * 1. The commit is one rename; the parent directory's sync makes it durable. In the other direction a
 *    backup first gets the name of waste, durably, and is then deleted: a crash never leaves half a
 *    backup under its own name.
 * 2. Names on disk change under inst->lock, together with the list, so that who opens a file by name
 *    meets one of the two states. Syncing and deleting, which may take long, happen under inst->change
 *    alone: nobody who reads or lists waits for them.
 */
#include "snap_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SECS 3600 /* keep= spares what was read within this time */

/* ---- the commit ------------------------------------------------------------------------------- */

/* The name is there but may not be on stable storage: the backup has failed and must go again. */
static void undo_commit(struct snap_inst *i, const char *partial, const char *name)
{
    if (sys_rename_new(i->dirfd, name, partial) >= 0)
        sys_remove_dir(i->dirfd, partial);
}

static JET_ERR rename_partial(struct snap_inst *i, const char *partial, struct snap_backup *b,
                              struct ese_fault *why)
{
    JET_ERR err = JET_errOutOfMemory;

    pthread_mutex_lock(&i->lock);
    if (catalogue_reserve(i))
        err = sys_rename_new(i->dirfd, partial, b->name);
    pthread_mutex_unlock(&i->lock);
    if (err < 0)
        return err == JET_errOutOfMemory ? why_set(why, err, "", "out of memory")
                                         : why_sys(why, b->name, "giving the backup its name");
    err = sys_fsync(i->dirfd);
    if (err < 0) {
        why_sys(why, b->name, "syncing the directory of backups");
        undo_commit(i, partial, b->name);
        return err;
    }
    pthread_mutex_lock(&i->lock);
    catalogue_insert(i, b); /* `change` is held: nobody else used what was reserved */
    pthread_mutex_unlock(&i->lock);
    return JET_errSuccess;
}

JET_ERR catalogue_commit(struct snap_inst *i, const char *partial, const char *name,
                         struct manifest *man, struct ese_fault *why)
{
    struct snap_backup *b = catalogue_entry(i, name, man);
    JET_ERR err;

    if (!b)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    pthread_mutex_lock(&i->change);
    err = rename_partial(i, partial, b, why);
    pthread_mutex_unlock(&i->change);
    if (err < 0) {
        b->man = NULL; /* the caller's still */
        snap_backup_unref(b);
        return err;
    }
    snap_tell(i, SNAP_BACKUP_NEW, name, NULL);
    return JET_errSuccess;
}

/* ---- changes ---------------------------------------------------------------------------------- */

static JET_ERR may_change(struct snap_inst *i, struct ese_fault *why)
{
    JET_ERR err;

    if (!i->snap->ro && i->dirfd >= 0)
        return JET_errSuccess;
    err = why_set(why, JET_errFileAccessDenied, "", "the mount is read-only");
    if (why)
        why->os_errno = EROFS;
    return err;
}

static JET_ERR not_found(const char *name, struct ese_fault *why)
{
    return why_set(why, JET_errFileNotFound, name, "no such backup");
}

/* inst->lock held. */
static JET_ERR may_go(const struct snap_inst *i, const struct snap_backup *b, struct ese_fault *why)
{
    if (b->held)
        return why_set(why, JET_errDatabaseInUse, b->name, "the backup is on hold");
    if (i->job.kind == JOB_VERIFY && strcmp(i->job.name, b->name) == 0)
        return why_set(why, JET_errDatabaseInUse, b->name, "the backup is being verified");
    return JET_errSuccess;
}

/* Under `change`. Out of the list, and under the name of waste: for everybody it is gone. */
static JET_ERR discard(struct snap_inst *i, const char *name, char trash[64], struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err;

    pthread_mutex_lock(&i->lock);
    b = catalogue_lookup(i, name);
    err = b ? may_go(i, b, why) : not_found(name, why);
    if (err >= 0) {
        snprintf(trash, 64, TRASH_PREFIX "%" PRIu64, b->man->m.ino);
        err = sys_rename_new(i->dirfd, name, trash);
        if (err < 0)
            why_sys(why, name, "removing the backup");
    }
    if (err >= 0) {
        catalogue_take_out(i, b);
        b->gone = true;
    }
    pthread_mutex_unlock(&i->lock);
    if (err < 0)
        return err;
    snap_backup_unref(b);
    err = sys_fsync(i->dirfd);
    return err < 0 ? why_sys(why, name, "syncing the directory of backups") : err;
}

static JET_ERR remove_backup(struct snap_inst *i, const char *name, uint32_t event,
                             struct ese_fault *why)
{
    char trash[64] = "";
    JET_ERR err;

    pthread_mutex_lock(&i->change);
    err = discard(i, name, trash, why);
    pthread_mutex_unlock(&i->change);
    if (!*trash || (err < 0 && catalogue_has(i, name)))
        return err;
    sys_remove_dir(i->dirfd, trash);
    inst_event(i, EVENT_INFO, event,
               event == EVENT_EXPIRED ? "backup %s removed by keep=" : "backup %s removed", name);
    snap_tell(i, SNAP_BACKUP_GONE, name, NULL);
    status_refresh(i);
    return err;
}

JET_ERR snap_remove(struct snap_inst *i, const char *name, struct ese_fault *why)
{
    JET_ERR err = may_change(i, why);

    return err < 0 ? err : remove_backup(i, name, EVENT_REMOVED, why);
}

static JET_ERR rename_backup(struct snap_inst *i, const char *from, const char *to,
                             struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&i->lock);
    b = catalogue_lookup(i, from);
    if (!b)
        err = not_found(from, why);
    else if (catalogue_lookup(i, to))
        err = why_set(why, JET_errFileAlreadyExists, to, "the name is taken");
    else if (i->job.kind == JOB_VERIFY && strcmp(i->job.name, from) == 0)
        err = why_set(why, JET_errDatabaseInUse, from, "the backup is being verified");
    else if ((err = sys_rename_new(i->dirfd, from, to)) < 0)
        why_sys(why, to, "renaming the backup");
    if (err >= 0) {
        catalogue_take_out(i, b);
        snprintf(b->name, sizeof(b->name), "%s", to);
        catalogue_insert(i, b);
    }
    pthread_mutex_unlock(&i->lock);
    return err;
}

JET_ERR snap_rename(struct snap_inst *i, const char *from, const char *to, struct ese_fault *why)
{
    JET_ERR err = may_change(i, why);
    bool renamed;

    if (err >= 0 && (err = snap_name_check(to)) < 0)
        why_set(why, err, to, "not a legal name for a backup");
    if (err < 0)
        return err;
    pthread_mutex_lock(&i->change);
    err = rename_backup(i, from, to, why);
    renamed = err >= 0;
    if (renamed && (err = sys_fsync(i->dirfd)) < 0)
        why_sys(why, to, "syncing the directory of backups");
    pthread_mutex_unlock(&i->change);
    if (renamed) {
        inst_event(i, EVENT_INFO, EVENT_RENAMED, "backup %s renamed to %s", from, to);
        snap_tell(i, SNAP_BACKUP_RENAMED, to, from);
        status_refresh(i);
    }
    return err;
}

/* ---- hold ------------------------------------------------------------------------------------- */

static JET_ERR write_hold(struct snap_inst *i, const char *name, bool hold)
{
    int fd = -1;
    JET_ERR err = sys_open_dir(i->dirfd, name, &fd);

    if (err < 0)
        return err;
    if (hold)
        err = sys_make_file(fd, HOLD_NAME, "", 0, 0600);
    else if (unlinkat(fd, HOLD_NAME, 0) < 0)
        err = sys_error(errno);
    if (err == JET_errFileAlreadyExists || err == JET_errFileNotFound)
        err = JET_errSuccess; /* as it should be already */
    if (err >= 0)
        err = sys_fsync(fd);
    close(fd);
    return err;
}

JET_ERR snap_hold(struct snap_inst *i, const char *name, bool hold, struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err = may_change(i, why);

    if (err < 0)
        return err;
    pthread_mutex_lock(&i->change); /* the name stays what it is */
    b = snap_backup_find(i, name);
    err = b ? write_hold(i, name, hold) : not_found(name, why);
    if (b && err < 0)
        why_sys(why, name, hold ? "setting the hold" : "releasing the hold");
    if (err >= 0) {
        pthread_mutex_lock(&i->lock);
        b->held = hold;
        pthread_mutex_unlock(&i->lock);
    }
    pthread_mutex_unlock(&i->change);
    snap_backup_unref(b);
    if (err >= 0)
        inst_event(i, EVENT_INFO, hold ? EVENT_HELD : EVENT_RELEASED,
                   hold ? "backup %s put on hold" : "hold of backup %s released", name);
    return err;
}

/* ---- retention -------------------------------------------------------------------------------- */

static int cmp_newest_first(const void *a, const void *b)
{
    const struct snap_backup *x = *(struct snap_backup *const *)a,
                             *y = *(struct snap_backup *const *)b;

    return catalogue_is_newer(x, y) ? -1 : catalogue_is_newer(y, x);
}

/* On hold, open, or read within the hour. */
static bool is_spared(struct snap_backup *b)
{
    time_t now = sys_now().tv_sec;
    bool spared;

    pthread_mutex_lock(&b->inst->lock);
    spared =
        b->held || b->open || (b->last_read && now - b->last_read < READ_SECS + READ_NOTE_SECS);
    pthread_mutex_unlock(&b->inst->lock);
    return spared;
}

static void expire(struct snap_inst *i, struct snap_backup **list, unsigned nr, const bool *kept)
{
    struct ese_fault why;
    char name[256];

    for (unsigned k = 0; k < nr; k++) {
        if (kept[k] || is_spared(list[k]))
            continue;
        snap_backup_name(list[k], name);
        if (remove_backup(i, name, EVENT_EXPIRED, &why) < 0)
            inst_event(i, EVENT_WARNING, EVENT_STORE, "keep= could not remove backup %s: %s", name,
                       why.text);
    }
}

void catalogue_expire(struct snap_inst *i)
{
    struct snap_backup **list;
    unsigned nr;
    time_t *created;
    bool *kept;

    if (snap_backups(i, &list, &nr) < 0)
        return;
    created = calloc(nr + 1, sizeof(*created));
    kept = calloc(nr + 1, sizeof(*kept));
    if (created && kept) {
        qsort(list, nr, sizeof(struct snap_backup *), cmp_newest_first);
        for (unsigned k = 0; k < nr; k++)
            created[k] = list[k]->man->m.created.tv_sec;
        keep_select(&i->snap->keep, created, nr, kept);
        expire(i, list, nr, kept);
    }
    free(created);
    free(kept);
    snap_backups_free(list, nr);
}
