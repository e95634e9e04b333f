/*
 * The table of requests: decode, call, reply. What takes long is handed to a job (job.h); nothing here
 * blocks on more than the store's own filesystem.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/statvfs.h>

#include "errmap.h"
#include "passthrough.h"
#include "text.h"

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    struct fs *fs = userdata;

    fs->no_opendir = (conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT) != 0;
    conn->time_gran = 1;
    passthrough_init(conn);
    fs->ready();
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node_id id;
    int err = lookup_name(fs_of(req), &node_of(req, parent)->id, name, &id);

    if (err < 0) {
        reply_err(req, err);
        return;
    }
    reply_entry(req, &id);
    id_done(&id);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    tree_forget(fs_of(req)->tree, node_of(req, ino), nlookup);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        tree_forget(fs_of(req)->tree, node_of(req, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, const struct node_id *id)
{
    struct stat st;
    double timeout;
    int err = attr_get(fs_of(req), id, &st, &timeout);

    if (err < 0)
        reply_err(req, err);
    else
        (void)fuse_reply_attr(req, &st, timeout);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    reply_attr(req, &node_of(req, ino)->id);
}

/* Nothing can be set; only truncating `control` is accepted, and changes nothing. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    const struct node_id *id = &node_of(req, ino)->id;

    (void)attr;
    (void)fi;
    if (id->kind == NODE_CONTROL && (to_set & FUSE_SET_ATTR_SIZE) != 0)
        reply_attr(req, id);
    else
        reply_err(req, -EROFS);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct snap_backup *b = snap_backup_latest(node_of(req, ino)->id.inst);
    char name[256];

    if (b == NULL) {
        reply_err(req, -ENOENT);
        return;
    }
    snap_backup_name(b, name);
    snap_backup_unref(b);
    (void)fuse_reply_readlink(req, name);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct node *n = node_of(req, ino);

    if (n->id.kind == NODE_FILE)
        file_open(req, n, fi);
    else
        text_open(req, n, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
    struct node *n = node_of(req, ino);

    if (n->id.kind == NODE_FILE)
        file_read(req, n, size, off, fi);
    else
        text_read(req, size, off, fi);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
                     struct fuse_file_info *fi)
{
    struct node *n = node_of(req, ino);

    (void)off;
    (void)fi;
    if (n->id.kind == NODE_CONTROL)
        control_write(req, n, buf, size);
    else
        reply_err(req, -EROFS);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct node *n = node_of(req, ino);

    if (n->id.kind == NODE_FILE)
        file_release(req, n, fi);
    else
        text_release(req, fi);
}

/* A backup's file is always ready, as any regular file. */
static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                    struct fuse_pollhandle *ph)
{
    if (node_of(req, ino)->id.kind != NODE_FILE) {
        text_poll(req, fi, ph);
        return;
    }
    if (ph != NULL)
        fuse_pollhandle_destroy(ph);
    (void)fuse_reply_poll(req, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
                     struct fuse_file_info *fi)
{
    const struct node_id *id = &node_of(req, ino)->id;
    off_t size;
    int err;

    if (id->kind == NODE_FILE) {
        file_lseek(req, off, whence, fi);
        return;
    }
    err = text_size(id, &size); /* all data, then the hole that is behind every file */
    if (err < 0)
        reply_err(req, err);
    else if (off >= size)
        reply_err(req, -ENXIO);
    else
        (void)fuse_reply_lseek(req, whence == SEEK_DATA ? off : size);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs st;
    JET_ERR err = snap_statvfs(fs_of(req)->snap, &st);

    (void)ino;
    if (err < 0)
        reply_err(req, errmap_reply(err, NULL, "statfs of the store"));
    else
        (void)fuse_reply_statfs(req, &st);
}

/* ---- what would change the tree ---------------------------------------------------------------- */

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)parent;
    (void)name;
    (void)mode;
    (void)rdev;
    reply_err(req, -EROFS);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    (void)parent;
    (void)name;
    reply_err(req, -EROFS);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    (void)link;
    (void)parent;
    (void)name;
    reply_err(req, -EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
    (void)ino;
    (void)newparent;
    (void)newname;
    reply_err(req, -EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    (void)parent;
    (void)name;
    (void)mode;
    (void)fi;
    reply_err(req, -EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                        size_t size, int flags)
{
    (void)ino;
    (void)name;
    (void)value;
    (void)size;
    (void)flags;
    reply_err(req, -EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    (void)ino;
    (void)name;
    reply_err(req, -EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                         struct fuse_file_info *fi)
{
    (void)ino;
    (void)mode;
    (void)offset;
    (void)length;
    (void)fi;
    reply_err(req, -EROFS);
}

const struct fuse_lowlevel_ops fs_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = change_mkdir,
    .unlink = op_unlink,
    .rmdir = change_rmdir,
    .symlink = op_symlink,
    .rename = change_rename,
    .link = op_link,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .release = op_release,
    .opendir = dir_opendir,
    .readdir = dir_readdir,
    .readdirplus = dir_readdirplus,
    .statfs = op_statfs,
    .setxattr = op_setxattr,
    .getxattr = xattr_get,
    .listxattr = xattr_list,
    .removexattr = op_removexattr,
    .create = op_create,
    .poll = op_poll,
    .fallocate = op_fallocate,
    .lseek = op_lseek,
};
