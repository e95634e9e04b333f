/*
 * The files of finished backups: opened read-only, read by the kernel itself where it can
 * (passthrough.h), else from a descriptor on the file in the store. They never change, so what the
 * kernel has cached of them stays good.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errmap.h"
#include "passthrough.h"
#include "say.h"

/* All who have an inode open read it in one way; the first to come decides. */
static int enter(fuse_req_t req, struct node *n, int fd)
{
    int id;

    pthread_mutex_lock(&n->open_lock);
    if (n->opens++ == 0)
        n->backing_id = passthrough_open(req, fd);
    id = n->backing_id;
    pthread_mutex_unlock(&n->open_lock);
    return id;
}

/* The kernel needs the id until the last release of the inode. */
static void leave(fuse_req_t req, struct node *n)
{
    int id = 0;

    pthread_mutex_lock(&n->open_lock);
    if (--n->opens == 0) {
        id = n->backing_id;
        n->backing_id = 0;
        if (id > 0)
            passthrough_close(req, id);
    }
    pthread_mutex_unlock(&n->open_lock);
}

void file_open(fuse_req_t req, struct node *n, struct fuse_file_info *fi)
{
    JET_ERR err;
    int fd, id;

    /* In passthrough the kernel opens the store's file again with these flags: a client that may
     * write here would write there. */
    if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0) {
        reply_err(req, -EROFS);
        return;
    }
    err = snap_backup_open(n->id.backup, n->id.file, &fd);
    if (err < 0) {
        reply_err(req, errmap_reply(err, NULL, node_file(&n->id)->name));
        return;
    }
    id = enter(req, n, fd);
    fi->fh = (uint64_t)fd;
    fi->keep_cache = id == 0;
    if ((id > 0 ? passthrough_reply_open(req, fi, id) : fuse_reply_open(req, fi)) < 0) {
        leave(req, n);
        (void)close(fd);
        snap_backup_close(n->id.backup);
    }
}

/* Of a short answer the kernel makes zeros up to the size it knows, so a short read in the middle of
 * the file, which says that the store is damaged, must be an error. */
void file_read(fuse_req_t req, struct node *n, size_t size, off_t off, struct fuse_file_info *fi)
{
    uint64_t end = node_file(&n->id)->size;
    size_t want = (uint64_t)off >= end         ? 0
                  : end - (uint64_t)off < size ? end - (uint64_t)off
                                               : size;
    size_t got = 0;
    ssize_t k = 1;
    char *buf = malloc(want > 0 ? want : 1);

    while (buf != NULL && got < want && k != 0) {
        k = pread((int)fi->fh, buf + got, want - got, off + (off_t)got);
        if (k > 0)
            got += (size_t)k;
        else if (k < 0 && errno != EINTR)
            break;
    }
    if (buf == NULL)
        reply_err(req, -ENOMEM);
    else if (got < want) {
        say("%s: cannot be read at %lld: %s", node_file(&n->id)->name, (long long)off,
            k < 0 ? strerror(errno) : "shorter than its manifest says");
        reply_err(req, -EIO);
    } else
        (void)fuse_reply_buf(req, buf, got);
    free(buf);
}

void file_release(fuse_req_t req, struct node *n, struct fuse_file_info *fi)
{
    leave(req, n);
    (void)close((int)fi->fh);
    snap_backup_close(n->id.backup);
    reply_err(req, 0);
}

/* Holes of the store's file are holes here. */
void file_lseek(fuse_req_t req, off_t off, int whence, struct fuse_file_info *fi)
{
    off_t at = lseek((int)fi->fh, off, whence);

    if (at < 0)
        reply_err(req, -errno);
    else
        (void)fuse_reply_lseek(req, at);
}
