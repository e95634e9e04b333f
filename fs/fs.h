/*
 * What the files of this folder share: the mount's state, and the few things that every request needs.
 * The order within the folder: say, options, errmap, signals, mountpoint, passthrough, tree <- attr,
 * lookup <- text, job, invalidate <- dir, file, change, control, xattr <- ops <- main.
 */
#ifndef FS_FS_H
#define FS_FS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "options.h"
#include "snapshot.h"
#include "tree.h"

struct inval;
struct jobs;
struct texts;

struct fs {
    /* fixed before the first request */
    const struct options *opts;
    uid_t uid;
    gid_t gid;
    struct timespec source_time; /* of SOURCE, at the mount: of what has no time of its own */
    struct fuse_session *se;
    struct snap *snap;
    struct tree *tree;
    struct inval *inval;
    struct jobs *jobs;
    struct texts *texts;
    void (*ready)(void); /* called once, when the kernel is about to let requests through */

    /* Set in the init handler, before any other request. */
    bool no_opendir; /* the kernel keeps directory listings without being asked at each opendir */
};

/* Entries and attributes that never change, or whose change the kernel is told of (invalidate.h). */
#define FOR_LONG 86400.0

static inline struct fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}
static inline struct node *node_of(fuse_req_t req, fuse_ino_t ino)
{
    return tree_node(fs_of(req)->tree, ino);
}
/* The sign flips here and nowhere else: inside it is 0 or -errno. */
static inline void reply_err(fuse_req_t req, int err)
{
    (void)fuse_reply_err(req, -err);
}

/* ---- attr.c ------------------------------------------------------------------------------------ */

/* 0 or -errno. *ret_timeout (may be NULL): for how long the kernel may keep them. */
int attr_get(struct fs *fs, const struct node_id *id, struct stat *ret, double *ret_timeout);
/* Type and permission bits of a kind, as uid=, gid=, umask= make them. */
mode_t attr_mode(const struct options *o, enum node_kind kind);

/* ---- lookup.c ---------------------------------------------------------------------------------- */

/* What is in every instance's directory, in listing order. */
#define INSTANCE_ENTRIES 4u
struct instance_entry {
    const char *name;
    enum node_kind kind;
};
extern const struct instance_entry instance_entries[INSTANCE_ENTRIES];

/*
 * The identity behind a name in a directory, with references to what it names; id_done() gives them
 * back. 0 or -ENOENT, -ENOTDIR.
 */
int lookup_name(struct fs *fs, const struct node_id *dir, const char *name, struct node_id *ret);
void id_done(struct node_id *id);
/* Makes the entry for an identity: its node (one lookup more), attributes and timeouts. */
int entry_get(struct fs *fs, const struct node_id *id, struct fuse_entry_param *ret);
/* Gives back what entry_get() took, when the kernel did not get to know of it. */
void entry_drop(struct fs *fs, const struct fuse_entry_param *e);
/* Replies with the entry of an identity, or the error. */
void reply_entry(fuse_req_t req, const struct node_id *id);

/* ---- the requests, by file --------------------------------------------------------------------- */

/* dir.c */
void dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void dir_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                     struct fuse_file_info *fi);
/* file.c: the files of a backup; node->id.kind is NODE_FILE */
void file_open(fuse_req_t req, struct node *n, struct fuse_file_info *fi);
void file_read(fuse_req_t req, struct node *n, size_t size, off_t off, struct fuse_file_info *fi);
void file_release(fuse_req_t req, struct node *n, struct fuse_file_info *fi);
void file_lseek(fuse_req_t req, off_t off, int whence, struct fuse_file_info *fi);
/* change.c */
void change_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void change_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void change_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
                   const char *newname, unsigned flags);
/* True in a call back from snapshot for a change that the kernel itself asked for, and whose entry it
 * will therefore drop or move by itself. */
bool change_is_the_kernel_s(void);
/* control.c */
void control_write(fuse_req_t req, struct node *n, const char *buf, size_t size);
/* xattr.c */
void xattr_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void xattr_list(fuse_req_t req, fuse_ino_t ino, size_t size);

/* ops.c */
extern const struct fuse_lowlevel_ops fs_ops;

#endif
