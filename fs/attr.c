/*
 * Attributes: what stat(2) shows of each kind of node. Computed on each call from what snapshot knows;
 * nothing is kept here. All times of a node are one time, so that a program which compares ctime (a
 * backup of the backups) finds nothing new where nothing is.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errmap.h"
#include "text.h"

mode_t attr_mode(const struct options *o, enum node_kind kind)
{
    static const struct {
        mode_t type, usual, widest;
    } modes[] = {
        [NODE_ROOT] = {S_IFDIR, 0755, 0777},    [NODE_INSTANCE] = {S_IFDIR, 0755, 0777},
        [NODE_CONTROL] = {S_IFREG, 0600, 0666}, [NODE_STATUS] = {S_IFREG, 0440, 0444},
        [NODE_EVENTS] = {S_IFREG, 0440, 0444},  [NODE_BACKUPS] = {S_IFDIR, 0700, 0777},
        [NODE_LATEST] = {S_IFLNK, 0777, 0777},  [NODE_BACKUP] = {S_IFDIR, 0700, 0777},
        [NODE_FILE] = {S_IFREG, 0400, 0444},
    };
    mode_t bits = modes[kind].usual;

    if (o->umask_set && kind != NODE_LATEST)
        bits = modes[kind].widest & ~o->umask;
    return modes[kind].type | bits;
}

static void set_times(struct stat *st, struct timespec t)
{
    st->st_atim = st->st_mtim = st->st_ctim = t;
}

/* Links of a directory: its name, its ".", and the ".." of each directory in it. */
static int fill_root(struct fs *fs, struct stat *st)
{
    struct snap_inst **list;
    struct timespec t = fs->source_time;
    unsigned nr;
    JET_ERR err = snap_insts(fs->snap, &list, &nr);

    if (err < 0)
        return errmap_reply(err, NULL, "listing instances");
    snap_insts_free(list, nr);
    st->st_nlink = 2 + nr;
    (void)tree_touched(fs->tree, 0, &t);
    set_times(st, t);
    return 0;
}

static bool later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The time of `backups`: of its last change since the mount, else of the newest backup, so that a
 * remount alone changes nothing. */
static int fill_backups(struct fs *fs, const struct node_id *id, struct stat *st)
{
    struct snap_backup **list;
    struct timespec t = {0, 0};
    unsigned nr;
    JET_ERR err = snap_backups(id->inst, &list, &nr);

    if (err < 0)
        return errmap_reply(err, NULL, "listing backups");
    for (unsigned i = 0; i < nr; i++) {
        const struct snap_manifest *m = snap_backup_manifest(list[i]);

        if (later(&m->created, &t))
            t = m->created;
    }
    if (nr == 0)
        t = fs->source_time;
    snap_backups_free(list, nr);
    st->st_nlink = 2 + nr;
    (void)tree_touched(fs->tree, snap_inst_id(id->inst), &t);
    set_times(st, t);
    return 0;
}

static int fill_file(const struct node_id *id, struct stat *st)
{
    const struct snap_file *f = node_file(id);
    uint64_t blocks;
    JET_ERR err = snap_backup_blocks(id->backup, id->file, &blocks);

    /* A removed backup's blocks cannot be asked for any more: what it takes is what it is long. */
    st->st_blocks = (blkcnt_t)(err < 0 ? (f->size + 511) / 512 : blocks);
    st->st_size = (off_t)f->size;
    set_times(st, f->mtime);
    return 0;
}

static int fill_latest(const struct node_id *id, struct stat *st)
{
    struct snap_backup *b = snap_backup_latest(id->inst);
    char name[256];

    if (b == NULL)
        return -ENOENT;
    snap_backup_name(b, name);
    st->st_size = (off_t)strlen(name);
    set_times(st, snap_backup_manifest(b)->created);
    snap_backup_unref(b);
    return 0;
}

static int fill(struct fs *fs, const struct node_id *id, struct stat *st)
{
    switch (id->kind) {
    case NODE_ROOT:
        return fill_root(fs, st);
    case NODE_INSTANCE:
        st->st_nlink = 3; /* backups */
        set_times(st, fs->source_time);
        return 0;
    case NODE_BACKUPS:
        return fill_backups(fs, id, st);
    case NODE_BACKUP:
        st->st_nlink = 2;
        set_times(st, snap_backup_manifest(id->backup)->created);
        return 0;
    case NODE_FILE:
        return fill_file(id, st);
    case NODE_LATEST:
        return fill_latest(id, st);
    case NODE_CONTROL:
    case NODE_STATUS:
    case NODE_EVENTS:
        set_times(st, text_time(fs, id));
        return text_size(id, &st->st_size);
    }
    return -EIO;
}

/*
 * Every path into the mount passes the root, and the kernel looks at its attributes for permission:
 * asked so often, a mount whose daemon died answers ENOTCONN at once, whatever else is still cached.
 * It costs one small request in some ten thousand calls.
 */
#define ROOT_TIMEOUT 0.05

static double timeout_of(enum node_kind kind)
{
    switch (kind) {
    case NODE_ROOT:
        return ROOT_TIMEOUT;
    case NODE_STATUS:
    case NODE_EVENTS:
    case NODE_LATEST:
        return 0;
    default:
        return FOR_LONG;
    }
}

int attr_get(struct fs *fs, const struct node_id *id, struct stat *ret, double *ret_timeout)
{
    struct stat st = {
        .st_ino = node_st_ino(id),
        .st_mode = attr_mode(fs->opts, id->kind),
        .st_nlink = 1,
        .st_uid = fs->uid,
        .st_gid = fs->gid,
        .st_blksize = id->kind == NODE_FILE ? 1 << 20 : 4096,
    };
    int err = fill(fs, id, &st);

    if (err < 0)
        return err;
    *ret = st;
    if (ret_timeout != NULL)
        *ret_timeout = timeout_of(id->kind);
    return 0;
}
