/* The place of a restore: see restore_int.h. */
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "os/path.h"
#include "recover/restore_int.h"

#define INSIDE ".esefs-restore" /* in DEST; beside it: .NAME.esefs-restore */

struct restore_dest {
    bool inside;
    int parent;      /* directory that the partial one lies in */
    int fd;          /* of the partial one, which carries the owner's lock */
    char *path;      /* of the partial one; of DEST, once it is that */
    char *name, *to; /* the last components of its path and of DEST's */
    char **moved;    /* inside: names that have gone up from the partial one */
    unsigned nr_moved;
};

static void dest_free(struct restore_dest *d)
{
    if (d->fd >= 0)
        close(d->fd);
    if (d->parent >= 0)
        close(d->parent);
    for (unsigned i = 0; i < d->nr_moved; i++)
        free(d->moved[i]);
    free(d->moved);
    free(d->path);
    free(d->name);
    free(d->to);
    free(d);
}

/* Nothing, or what a restore that was killed has left. */
static JET_ERR check_empty(int fd)
{
    struct os_dir *dir;
    const char *name;
    bool other = false;
    JET_ERR err = os_dir_open(fd, &dir);

    if (err < 0)
        return err;
    while ((err = os_dir_next(dir, &name)) > 0)
        other |= strcmp(name, INSIDE) != 0;
    os_dir_close(dir);
    return err >= 0 && other ? RAISE(JET_errFileAlreadyExists) : err;
}

static JET_ERR name_inside(struct restore_dest *d, const char *path)
{
    d->inside = true;
    d->name = strdup(INSIDE);
    return d->name && asprintf(&d->path, "%s/" INSIDE, path) >= 0 ? check_empty(d->parent)
                                                                  : RAISE(JET_errOutOfMemory);
}

/* path is absolute. */
static JET_ERR name_beside(struct restore_dest *d, const char *path)
{
    const char *name;
    JET_ERR err = os_open_parent(path, &d->parent, &name);

    if (err < 0)
        return err;
    d->to = strdup(name);
    if (!d->to || asprintf(&d->name, ".%s" INSIDE, name) < 0 ||
        asprintf(&d->path, "%.*s%s", (int)(name - path), path, d->name) < 0)
        return RAISE(JET_errOutOfMemory);
    return JET_errSuccess;
}

static JET_ERR make_partial(struct restore_dest *d)
{
    JET_ERR err = os_mkdir_beneath(d->parent, d->name);

    if (err >= 0)
        err = os_open_dir_beneath(d->parent, d->name, &d->fd);
    if (err >= 0)
        err = os_lock_owner(d->fd);
    if (err < 0 && d->fd >= 0) { /* another restore is at work in it */
        close(d->fd);
        d->fd = -1;
    }
    return err < 0 ? err : os_remove_contents(d->fd);
}

static JET_ERR open_dest(struct restore_dest *d, const char *path)
{
    char *full = os_full_path(path);
    JET_ERR err = full ? os_open_dir(full, &d->parent) : RAISE(JET_errOutOfMemory);

    if (err >= 0)
        err = name_inside(d, full);
    else if (err == JET_errInvalidPath || err == JET_errFileNotFound)
        err = access(full, F_OK) == 0 ? RAISE(JET_errFileAlreadyExists) : name_beside(d, full);
    if (err >= 0)
        err = make_partial(d);
    free(full);
    return err;
}

JET_ERR restore_dest_open(struct restore *rs, const char *path, struct restore_dest **ret)
{
    struct restore_dest *d = calloc(1, sizeof(*d));
    JET_ERR err;

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->parent = d->fd = -1;
    err = open_dest(d, path);
    if (err >= 0) {
        *ret = d;
        return JET_errSuccess;
    }
    dest_free(d);
    rs->rv.r.file = path;
    if (err == JET_errFileAlreadyExists)
        return fault(&rs->rv.r, err, 0, 0, ESE_NO_OFFSET,
                     "it is there, and no empty directory: a restore writes over nothing");
    return fault(&rs->rv.r, err, 0, 0, ESE_NO_OFFSET, "it cannot be made: %s",
                 err == JET_errFileAccessDenied ? "no permission, or another restore is at work"
                                                : err_text(err));
}

int restore_dest_fd(const struct restore_dest *d)
{
    return d->fd;
}

JET_ERR restore_dest_create(struct restore_dest *d, const char *path, int *ret_fd)
{
    JET_ERR err = os_make_parents_beneath(d->fd, path);

    return err < 0 ? err : os_create_beneath(d->fd, path, ret_fd);
}

/* ---- the end ---------------------------------------------------------------------------------- */

/* The directories that a database lies in; the files themselves are. */
static JET_ERR sync_parents(const struct restore_dest *d, const char *path)
{
    char *dir = strdup(path), *slash;
    JET_ERR err = dir ? JET_errSuccess : RAISE(JET_errOutOfMemory);

    while (err >= 0 && (slash = strrchr(dir, '/'))) {
        int fd;
        *slash = '\0';
        err = os_open_dir_beneath(d->fd, dir, &fd);
        if (err >= 0) {
            err = os_fsync(fd);
            close(fd);
        }
    }
    free(dir);
    return err;
}

static JET_ERR sync_all(const struct restore *rs, const struct restore_dest *d)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < rs->nr_dbs && err >= 0; i++)
        err = sync_parents(d, rs->dbs[i].file->path);
    return err < 0 ? err : os_fsync(d->fd);
}

/* Is it a database of the set, or a directory with one? */
static bool holds_database(const struct restore *rs, const char *name)
{
    const size_t len = strlen(name);

    for (unsigned i = 0; i < rs->nr_dbs; i++) {
        const char *path = rs->dbs[i].file->path;
        if (strncmp(path, name, len) == 0 && (path[len] == '\0' || path[len] == '/'))
            return true;
    }
    return false;
}

static JET_ERR rename_between(const struct restore_dest *d, const char *name, bool up)
{
    char *inside;
    JET_ERR err;

    if (asprintf(&inside, INSIDE "/%s", name) < 0)
        return RAISE(JET_errOutOfMemory);
    err = up ? os_rename_at(d->parent, inside, name) : os_rename_at(d->parent, name, inside);
    free(inside);
    return err;
}

static JET_ERR move_one(struct restore_dest *d, const char *name)
{
    char **more = realloc(d->moved, (d->nr_moved + 1) * sizeof(*more));
    JET_ERR err;

    if (!more)
        return RAISE(JET_errOutOfMemory);
    d->moved = more;
    d->moved[d->nr_moved] = strdup(name);
    if (!d->moved[d->nr_moved])
        return RAISE(JET_errOutOfMemory);
    err = rename_between(d, name, true);
    if (err < 0)
        free(d->moved[d->nr_moved]);
    else
        d->nr_moved++;
    return err;
}

static JET_ERR move_up(const struct restore *rs, struct restore_dest *d, bool databases)
{
    struct os_dir *dir;
    const char *name;
    JET_ERR err = os_dir_open(d->fd, &dir);

    if (err < 0)
        return err;
    while ((err = os_dir_next(dir, &name)) > 0)
        if (holds_database(rs, name) == databases && (err = move_one(d, name)) < 0)
            break;
    os_dir_close(dir);
    return err;
}

static JET_ERR appear(const struct restore *rs, struct restore_dest *d)
{
    JET_ERR err = sync_all(rs, d);

    if (err < 0)
        return err;
    if (!d->inside) {
        err = os_rename_at(d->parent, d->name, d->to);
        if (err < 0)
            return err;
        memcpy(d->path + strlen(d->path) - strlen(d->name), d->to, strlen(d->to) + 1);
        return os_fsync(d->parent);
    }
    err = move_up(rs, d, false);
    if (err >= 0)
        err = move_up(rs, d, true);
    if (err >= 0)
        err = os_fsync(d->parent);
    if (err >= 0)
        err = os_remove_dir(d->path);
    return err < 0 ? err : os_fsync(d->parent);
}

/* What is ours, and nothing that somebody else may have put there meanwhile. */
static JET_ERR vanish(struct restore_dest *d)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < d->nr_moved && err >= 0; i++)
        err = rename_between(d, d->moved[i], false);
    if (err >= 0)
        err = os_remove_contents(d->fd);
    return err < 0 ? err : os_remove_dir(d->path);
}

JET_ERR restore_dest_close(struct restore *rs, struct restore_dest *d, bool keep)
{
    JET_ERR err = JET_errSuccess;

    if (!d)
        return JET_errSuccess;
    if (keep && (err = appear(rs, d)) < 0) {
        rs->rv.r.file = d->path;
        err = fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "putting the restored files in their place");
    }
    if (!keep || err < 0)
        (void)!vanish(d); /* what went wrong before is what the caller hears of */
    dest_free(d);
    return err;
}
