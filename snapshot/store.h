/*
 * The store: a directory that one process at a time holds.
 *
 *   STORE/FORMAT                "esefs store 1\n"
 *   STORE/lock                  flock'ed while the store is open; who holds it, as text
 *   STORE/serial                next inode number; every number below it may have been given out
 *   STORE/INSTANCE/             one directory per instance (names.h), 0700
 *       .id                     the instance's own number
 *       .events                 the event log (events.h)
 *       NAME/                   a finished backup: its files, SHA256SUMS, .manifest,
 *                               .hold while it is on hold, .read: time of the last read
 *       .partial-N/             a backup being taken; swept when the store is opened
 *       .trash-N/               a backup being deleted; swept when the store is opened
 */
#ifndef SNAPSHOT_STORE_H
#define SNAPSHOT_STORE_H

#include <pthread.h>

#include "snapshot.h"
#include "sysio.h"

#define PARTIAL_PREFIX ".partial-"
#define TRASH_PREFIX   ".trash-"

struct store {
    int fd, lock_fd; /* lock_fd -1: a read-only store without a lock file */
    bool ro;
    char *note;           /* one line for the mount, or NULL */
    char *skip;           /* the store's name in SOURCE, if it lies directly there; or NULL */
    pthread_mutex_t lock; /* protects the rest */
    uint64_t next, limit; /* numbers next .. limit-1 may be given out without writing */
};

void store_init(struct store *s);
/* s: initialised; whatever this returns, store_close ends it. source_fd: SOURCE, open. A store that cannot be written: s->ro and a note; one that cannot even be
 * read: s->fd -1 besides. Errors as snap_open. */
must_check JET_ERR store_open(const struct snap_opts *opts, int source_fd, struct store *s,
                              struct ese_fault *why);
void store_close(struct store *s);
/* nr numbers that were never given out before and never will be again; durable. */
must_check JET_ERR store_numbers(struct store *s, unsigned nr, uint64_t *ret_first);
/* Numbers up to and including `used` are in use (found in a manifest). */
void store_seen(struct store *s, uint64_t used);
/* Opens the instance's directory, making it where the store can be written. *ret_fd is -1 when there is
 * none. *ret_id: its number; a hash of the name where none can be given out. */
must_check JET_ERR store_instance(struct store *s, const char *name, int *ret_fd, uint64_t *ret_id);

#endif
