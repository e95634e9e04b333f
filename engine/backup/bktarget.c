#include "backup/bktarget.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "os/path.h"

/* ---- small things ---------------------------------------------------------------------------- */

static bool is_there(int dirfd, const char *name)
{
    int fd;

    if (os_open_dir_beneath(dirfd, name, &fd) < 0)
        return false;
    close(fd);
    return true;
}

/* Only files: a backup has nothing else. */
static JET_ERR remove_files(int dirfd)
{
    struct os_dir *d;
    const char *name;
    JET_ERR err = os_dir_open(dirfd, &d);

    if (err < 0)
        return err;
    while ((err = os_dir_next(d, &name)) > 0)
        if ((err = os_unlink_beneath(dirfd, name)) < 0)
            break;
    os_dir_close(d);
    return err;
}

/* With what is in it; it need not be there. */
static JET_ERR remove_set(int dirfd, const char *name)
{
    int fd;
    JET_ERR err = os_open_dir_beneath(dirfd, name, &fd);

    if (err == JET_errFileNotFound)
        return JET_errSuccess;
    if (err >= 0) {
        err = remove_files(fd);
        close(fd);
    }
    if (err >= 0)
        err = os_remove_dir_at(dirfd, name);
    return err < 0 ? RAISE(JET_errDeleteBackupFileFail) : JET_errSuccess;
}

static JET_ERR is_empty(int dirfd, bool *ret)
{
    struct os_dir *d;
    const char *name;
    JET_ERR err = os_dir_open(dirfd, &d);

    if (err < 0)
        return err;
    err = os_dir_next(d, &name);
    os_dir_close(d);
    *ret = err == 0;
    return err < 0 ? err : JET_errSuccess;
}

static JET_ERR make_work(struct bktarget *t)
{
    JET_ERR err = remove_set(t->home, t->work);

    if (err < 0)
        return err;
    err = os_mkdir_beneath(t->home, t->work);
    if (err >= 0)
        err = os_open_dir_beneath(t->home, t->work, &t->fd);
    return err < 0 ? RAISE(JET_errMakeBackupDirectoryFail) : JET_errSuccess;
}

/* ---- the four kinds -------------------------------------------------------------------------- */

static JET_ERR open_full(struct bktarget *t)
{
    bool empty = false;
    JET_ERR err = os_open_dir(t->dir, &t->fd);

    if (err >= 0)
        err = remove_set(t->fd, "temp");
    if (err >= 0)
        err = is_empty(t->fd, &empty);
    return err >= 0 && !empty ? RAISE(JET_errBackupDirectoryNotEmpty) : err;
}

static JET_ERR open_atomic(struct bktarget *t)
{
    JET_ERR err = os_open_dir(t->dir, &t->home);

    if (err < 0)
        return err == JET_errInvalidPath ? RAISE(JET_errMakeBackupDirectoryFail) : err;
    t->work = strdup("temp");
    if (!t->work)
        return RAISE(JET_errOutOfMemory);
    t->final = "new";
    if (t->incremental) {
        t->final = is_there(t->home, "new") ? "new" : "old";
        err = os_open_dir_beneath(t->home, t->final, &t->set);
        if (err < 0)
            return err == JET_errFileNotFound ? RAISE(JET_errMissingFullBackup) : err;
    }
    return make_work(t);
}

static JET_ERR open_incremental(struct bktarget *t)
{
    const char *name;
    JET_ERR err = os_open_dir(t->dir, &t->set);

    if (err < 0)
        return err;
    if (is_there(t->set, "new") || is_there(t->set, "old"))
        return RAISE(JET_errBackupDirectoryNotEmpty);
    err = remove_set(t->set, "temp");
    if (err >= 0)
        err = os_open_parent(t->dir, &t->home, &name);
    if (err < 0)
        return err;
    t->final = name; /* points into t->dir */
    if (asprintf(&t->work, ".%s.incremental", name) < 0) {
        t->work = NULL;
        return RAISE(JET_errOutOfMemory);
    }
    return make_work(t);
}

JET_ERR bktarget_open(struct bktarget *t, const char *dir, bool atomic, bool incremental,
                      bool make_path)
{
    int fd;
    JET_ERR err;

    *t = (struct bktarget){.atomic = atomic,
                           .incremental = incremental,
                           .home = -1,
                           .set = -1,
                           .fd = -1,
                           .dir = os_full_path(dir)};
    if (!t->dir)
        return RAISE(JET_errOutOfMemory);
    err = os_open_dir(t->dir, &fd);
    if (err >= 0) {
        close(fd);
    } else if (err == JET_errInvalidPath && make_path && !(atomic && incremental)) {
        err = os_make_path(t->dir);
        if (err < 0)
            return err;
        t->made = true;
    }
    return atomic ? open_atomic(t) : incremental ? open_incremental(t) : open_full(t);
}

/* ---- files ----------------------------------------------------------------------------------- */

JET_ERR bktarget_create(struct bktarget *t, const char *name, int *ret_fd)
{
    char **names = realloc(t->names, (t->nr_names + 1) * sizeof(*names));
    JET_ERR err;

    if (!names)
        return RAISE(JET_errOutOfMemory);
    t->names = names;
    names[t->nr_names] = strdup(name);
    if (!names[t->nr_names])
        return RAISE(JET_errOutOfMemory);
    err = os_create_beneath(t->fd, name, ret_fd);
    if (err < 0)
        free(names[t->nr_names]);
    else
        t->nr_names++;
    return err;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* A crash between the renames leaves `old`, which a restore takes; if the second one fails it gets its name back. */
static JET_ERR replace_new(struct bktarget *t)
{
    JET_ERR err = t->had_new ? remove_set(t->home, "old") : JET_errSuccess, err2;

    if (err >= 0 && t->had_new)
        err = os_rename_at(t->home, "new", "old");
    if (err < 0)
        return err;
    err = os_rename_at(t->home, t->work, "new");
    if (err >= 0)
        return JET_errSuccess;
    err2 = t->had_new ? os_rename_at(t->home, "old", "new") : JET_errSuccess;
    return err2 < 0 ? err2 : err;
}

static JET_ERR put_in_place(struct bktarget *t)
{
    t->had_new = is_there(t->home, "new");
    return t->incremental ? os_exchange_at(t->home, t->work, t->final) : replace_new(t);
}

/* It is in place, and the directory could not be synced. What was there gets its name back, or else both stay. */
static void take_back(struct bktarget *t)
{
    JET_ERR err;

    if (t->incremental) {
        err = os_exchange_at(t->home, t->work, t->final);
    } else {
        err = os_rename_at(t->home, "new", t->work);
        if (err >= 0 && t->had_new)
            err = os_rename_at(t->home, "old", "new");
    }
    t->keep = err < 0;
}

/* What is not wanted any more: the next backup tries again. */
static void remove_old(struct bktarget *t)
{
    JET_ERR err = remove_set(t->home, t->incremental ? t->work : "old");

    (void)err;
}

/* A new directory's name lies in its parent. */
static JET_ERR sync_parent(const struct bktarget *t)
{
    const char *name;
    int fd;
    JET_ERR err = os_open_parent(t->dir, &fd, &name);

    if (err < 0)
        return err;
    err = os_fsync(fd);
    close(fd);
    return err;
}

JET_ERR bktarget_commit(struct bktarget *t)
{
    JET_ERR err = os_fsync(t->fd);

    if (err >= 0 && t->made)
        err = sync_parent(t);
    if (err < 0 || !t->work)
        return err;
    err = put_in_place(t);
    if (err < 0)
        return err;
    err = os_fsync(t->home);
    if (err < 0)
        take_back(t);
    else
        remove_old(t);
    return err;
}

void bktarget_discard(struct bktarget *t)
{
    JET_ERR err = JET_errSuccess;

    if (t->keep)
        return;
    for (size_t i = 0; i < t->nr_names; i++)
        if (os_unlink_beneath(t->fd, t->names[i]) < 0)
            err = RAISE(JET_errDeleteBackupFileFail);
    if (t->work && t->fd >= 0)
        err = remove_set(t->home, t->work);
    if (t->made && err >= 0)
        err = os_remove_dir(t->dir);
    (void)err; /* what cannot be removed now is removed by the next backup, or is in its way */
}

void bktarget_close(struct bktarget *t)
{
    for (size_t i = 0; i < t->nr_names; i++)
        free(t->names[i]);
    free(t->names);
    free(t->work);
    free(t->dir);
    if (t->home >= 0)
        close(t->home);
    if (t->set >= 0)
        close(t->set);
    if (t->fd >= 0)
        close(t->fd);
}
