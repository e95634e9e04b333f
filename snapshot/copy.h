/*
 * The one pass over the data of a backup: read once, check, digest, write.
 *
 *   caller ──> read a piece ──> check it (corrects one-bit errors in the buffer) ──┬──> digest (SHA-256)
 *                                                                                  └──> write
 *
 * The caller's thread reads and checks; digests and writes have threads of their own. A piece is at
 * most 1 MiB; there are COPY_BUFFERS of them, whatever the files' sizes. Files follow one another
 * without a pause: while the last pieces of one are digested, the next is read.
 */
#ifndef SNAPSHOT_COPY_H
#define SNAPSHOT_COPY_H

#include <stdatomic.h>

#include "sysio.h"

#define COPY_PIECE   (1u << 20)
#define COPY_BUFFERS 8u

struct copier;
struct stopper;
struct finder;

struct copy_file {
    /* given */
    const char *path; /* beneath the source directory */
    const char *name; /* in the backup */
    enum ese_kind kind;
    uint32_t gen; /* of a log */
    /* found */
    struct stat source;    /* when it was opened */
    uint64_t head;         /* hash of its first bytes then */
    struct timespec mtime; /* of the copy: its end */
    uint8_t sha256[32];
    struct ese_check_result check;
};

struct copy_opts {
    int source_fd, dest_fd; /* directories; not owned */
    struct ese_set *set;
    struct finder *finder; /* the set's reporter */
    struct stopper *stop;
    uint64_t rate; /* bytes per second; 0: no limit */
    unsigned threads;
    atomic_uint_least64_t *done; /* bytes digested */
};

must_check JET_ERR copier_new(const struct copy_opts *opts, struct copier **ret);
/* Whether `f` could share its extents with the destination (reflink), so that no space is needed. */
must_check JET_ERR copier_try_clone(struct copier *c, const struct copy_file *f, bool *ret);
/* Copies one file. On return its last pieces may still be on their way; f must stay. The first fault
 * that the check finds ends it, and is the error. */
must_check JET_ERR copier_file(struct copier *c, struct copy_file *f, struct ese_fault *why);
/* Waits for everything and syncs every file. Success: all is digested, written and on stable storage. */
must_check JET_ERR copier_finish(struct copier *c, struct ese_fault *why);
void copier_free(struct copier *c); /* ends the threads; NULL is fine */

/* What a file looks like, to be compared before and after. */
must_check JET_ERR copy_look(int fd, struct stat *ret_st, uint64_t *ret_head);

#endif
