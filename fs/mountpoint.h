/*
 * Where to mount, and whether that can work: SOURCE, MOUNTPOINT and store as canonical paths, held
 * against each other before anything is opened, locked or mounted.
 */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "options.h"

struct places {
    char *source, *mountpoint, *store; /* absolute, without symbolic links */
    uid_t source_uid;
    gid_t source_gid;
    struct timespec source_time; /* its mtime */
};

/*
 * Detaches a dead mount of ours from the mountpoint, resolves the three paths and refuses what would
 * hang. False: said why (exit status 32). places_done() in either case.
 */
bool places_resolve(const struct options *o, struct places *ret);
void places_done(struct places *p);

/* Is there a live mount of mount.esefs whose mountpoint is named in `text`? For telling a
 * store that is held by a mount from one whose former holder is just ending. */
bool mount_named_in(const char *text);

/* Seconds after which the kernel would kill this connection for one slow request, from the values of
 * fs.fuse.default_request_timeout and fs.fuse.max_request_timeout; 0: never. */
unsigned request_timeout(unsigned default_s, unsigned max_s);
/* Warns when it is shorter than an hour: a mkdir of a large instance is one request. */
void warn_of_request_timeout(void);

/* Is `path` equal to or below `dir`? Compared by device and inode on the way up, so that bind mounts
 * count. *ret_child (may be NULL; len bytes): the name of the entry of dir on the way, "" if equal. */
bool path_is_below(const char *path, const char *dir, char *ret_child, size_t len);

#endif
