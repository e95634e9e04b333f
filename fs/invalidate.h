/*
 * Telling the kernel what it must no longer remember: one thread of its own and a queue.
 *
 * It cannot be done from the handler of a request: the kernel takes the lock of the directory in
 * question to drop an entry, and may hold it for the very request that is being answered. Here the
 * thread may have to wait for a mkdir or rmdir in that directory, and only later notices wait with it.
 */
#ifndef FS_INVALIDATE_H
#define FS_INVALIDATE_H

#include "fs.h"

struct inval *inval_new(struct fs *fs); /* NULL: out of memory or no thread */
/* Ends the thread; what is still queued is dropped, as is what comes later. Requests must still be served meanwhile, or the
 * connection be gone: the thread may wait for a lock whose holder waits for us. */
void inval_stop(struct inval *v);
void inval_free(struct inval *v);

/* The listing and the times of a directory changed: dir is NODE_ROOT or NODE_BACKUPS; references are
 * taken. name: an entry that is no longer what it was, or NULL if one was only added. */
void inval_dir(struct inval *v, const struct node_id *dir, const char *name);

/* Returns when the kernel has been told everything that was queued before, or after a second: a mkdir
 * may hold the thread up for long. Not from a request that the kernel holds a directory's lock for. */
void inval_flush(struct inval *v);

#endif
