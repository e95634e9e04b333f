/* recover --to: the files of the instance into an empty directory, where they are recovered. Nothing is left
 * of it after a failure. */
#include <stdlib.h>
#include <unistd.h>

#include "buf/guard.h"
#include "log/logname.h"
#include "os/file.h"
#include "recover/recover_int.h"

#define PIECE_LEN (1u << 20)

struct rcopy {
    int fd;
    bool made;
    char *path;
    uint8_t *piece;
};

/* Reserve logs and flush maps are of no use to the copy; BASEtmp.log tells whether a roll-over was cut off. */
static bool is_wanted(const struct ese_file *f)
{
    struct logname name;

    return f->kind == ESE_KIND_LOG || f->kind == ESE_KIND_CHECKPOINT ||
           f->kind == ESE_KIND_DATABASE ||
           (logname_parse(path_name(f->path), &name) && name.role == LOGNAME_TEMP);
}

static JET_ERR copy_bytes(const struct recovery *rv, struct rcopy *c, int from, int to)
{
    uint64_t off = 0;
    size_t got;
    JET_ERR err;

    do {
        err = os_pread(from, c->piece, PIECE_LEN, off, &got);
        if (err >= 0 && got > 0 && !page_is_zero(c->piece, got))
            err = os_pwrite_all(to, c->piece, got, off);
        off += got;
        if (err >= 0)
            err = recovery_stopped(rv);
    } while (err >= 0 && got == PIECE_LEN);
    if (err >= 0)
        err = os_truncate(to, off);
    return err < 0 ? err : os_fsync(to);
}

static JET_ERR copy_file(struct recovery *rv, struct rcopy *c, const char *path)
{
    int from, to;
    JET_ERR err = os_open_beneath(rv->dirfd, path, &from);

    if (err < 0)
        return err;
    err = os_make_parents_beneath(c->fd, path);
    if (err >= 0)
        err = os_create_beneath(c->fd, path, &to);
    if (err >= 0) {
        err = copy_bytes(rv, c, from, to);
        close(to);
    }
    close(from);
    return err;
}

/* What mends a page whose writing a SIGKILL has cut off; as a rule there is none. */
static JET_ERR copy_guard(struct recovery *rv, struct rcopy *c)
{
    char name[BUFGUARD_NAME_LEN], *path;
    JET_ERR err;

    if (rv->set.nr_logs == 0)
        return JET_errSuccess;
    bufguard_name(rv->set.base, name);
    path = rset_path(&rv->set, name);
    if (!path)
        return RAISE(JET_errOutOfMemory);
    err = copy_file(rv, c, path);
    free(path);
    return err == JET_errFileNotFound ? JET_errSuccess : err;
}

JET_ERR rcopy_make(struct recovery *rv, struct rcopy **ret)
{
    const struct ese_instance *inst = rv->set.inst;
    struct rcopy *c = calloc(1, sizeof(*c));
    JET_ERR err = RAISE(JET_errOutOfMemory);

    if (c && (c->piece = malloc(PIECE_LEN)) && (c->path = strdup(rv->opts->to))) {
        rv->r.file = rv->opts->to;
        err = os_open_new_dir(c->path, &c->made, &c->fd);
        if (err == JET_errFileAlreadyExists)
            err = fault(&rv->r, err, 0, 0, ESE_NO_OFFSET, "it is not empty");
        else if (err < 0)
            err = fault_io(&rv->r, err, ESE_NO_OFFSET, "making the directory");
    }
    if (err < 0) {
        if (c) {
            free(c->piece);
            free(c->path);
        }
        free(c);
        return err;
    }
    *ret = c;
    for (unsigned i = 0; i < inst->nr_files && err >= 0; i++)
        if (is_wanted(&inst->files[i])) {
            rv->r.file = inst->files[i].path;
            err = copy_file(rv, c, inst->files[i].path);
            if (err < 0 && recovery_stopped(rv) >= 0)
                err = fault_io(&rv->r, err, ESE_NO_OFFSET, "copying");
        }
    return err < 0 ? err : copy_guard(rv, c);
}

int rcopy_dirfd(const struct rcopy *c)
{
    return c->fd;
}

JET_ERR rcopy_end(struct rcopy *c, bool keep)
{
    JET_ERR err;

    if (!c)
        return JET_errSuccess;
    err = keep ? os_fsync(c->fd) : os_remove_contents(c->fd);
    if (!keep && err >= 0 && c->made)
        err = os_remove_dir(c->path);
    close(c->fd);
    free(c->piece);
    free(c->path);
    free(c);
    return err;
}
