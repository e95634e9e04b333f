/*
 * The three changes that a directory call can make to the tree: mkdir takes a backup, rmdir deletes
 * one, rename renames one; all only in `backups`. Everything else is EROFS (ops.c).
 *
 * The kernel holds the lock of `backups` until the reply, so of these at most one per instance is here
 * at a time.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "errmap.h"
#include "job.h"

/* snapshot tells of a change in the thread that makes it. */
static _Thread_local bool asked_by_kernel;

bool change_is_the_kernel_s(void)
{
    return asked_by_kernel;
}

/* The error of a legal change in a wrong place, or of a change where none may be; 0: go on. */
static int check_place(const struct fs *fs, const struct node *dir)
{
    if (dir->id.kind != NODE_BACKUPS || snap_is_ro(fs->snap))
        return -EROFS;
    return 0;
}

static void run_mkdir(struct job *job)
{
    struct ese_fault why = {.err = 0};
    char doing[sizeof(job->name) + 8];
    struct node_id id;
    JET_ERR err = snap_take(job->inst, job->name, job_should_stop, job, &why);

    if (err < 0) {
        if (err == JET_errBackupAbortByServer)
            why.os_errno = job->interrupted ? EINTR : 0;
        (void)snprintf(doing, sizeof(doing), "mkdir %s", job->name);
        reply_err(job->req, errmap_reply(err, &why, doing));
        return;
    }
    id = (struct node_id){
        .kind = NODE_BACKUP, .inst = job->inst, .backup = snap_backup_find(job->inst, job->name)};
    if (id.backup == NULL) {
        reply_err(job->req, -ESTALE); /* taken, and removed by somebody else before the reply */
        return;
    }
    reply_entry(job->req, &id);
    snap_backup_unref(id.backup);
}

void change_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct node *dir = node_of(req, parent);
    int err = check_place(fs_of(req), dir);

    (void)mode; /* the contract's modes */
    if (err == 0)
        err = -errmap(snap_name_check(name), NULL);
    if (err < 0)
        reply_err(req, err);
    else
        job_start(req, dir->id.inst, JOB_WORKS, run_mkdir, name, NULL);
}

static void run_rmdir(struct job *job)
{
    struct ese_fault why = {.err = 0};
    JET_ERR err;

    asked_by_kernel = true; /* the thread ends with the job */
    err = snap_remove(job->inst, job->name, &why);
    reply_err(job->req, errmap_reply(err, &why, "rmdir"));
}

void change_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node *dir = node_of(req, parent);
    int err = check_place(fs_of(req), dir);

    if (err == 0 && strcmp(name, "latest") == 0)
        err = -ENOTDIR;
    if (err < 0)
        reply_err(req, err);
    else
        job_start(req, dir->id.inst, JOB_WORKS, run_rmdir, name, NULL);
}

static void run_rename(struct job *job)
{
    struct ese_fault why = {.err = 0};
    JET_ERR err;

    asked_by_kernel = true;
    err = snap_rename(job->inst, job->name, job->name2, &why);
    reply_err(job->req, errmap_reply(err, &why, "rename"));
}

/* Between two directories nothing can be moved: from one instance to another it would be another
 * instance's backup. */
static int check_rename(const struct fs *fs, const struct node *dir, const struct node *newdir,
                        const char *name, const char *newname, unsigned flags)
{
    int err = check_place(fs, dir);

    if (err < 0)
        return err;
    if ((flags & ~(unsigned)RENAME_NOREPLACE) != 0)
        return -EINVAL;
    if (dir != newdir)
        return newdir->id.kind == NODE_BACKUPS ? -EXDEV : -EROFS;
    if (strcmp(name, "latest") == 0)
        return -EROFS;
    if (strcmp(newname, "latest") == 0)
        return -EINVAL;
    return -errmap(snap_name_check(newname), NULL);
}

void change_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
                   const char *newname, unsigned flags)
{
    struct node *dir = node_of(req, parent), *newdir = node_of(req, newparent);
    int err = check_rename(fs_of(req), dir, newdir, name, newname, flags);

    if (err < 0)
        reply_err(req, err);
    else
        job_start(req, dir->id.inst, JOB_WORKS, run_rename, name, newname);
}
