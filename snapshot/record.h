/* SHA256SUMS and the manifest of a backup that has been copied. */
#ifndef SNAPSHOT_RECORD_H
#define SNAPSHOT_RECORD_H

#include "copy.h"
#include "manifest.h"

struct record {
    int dirfd; /* of the backup, not yet under its name */
    const struct copy_file *files;
    unsigned nr;
    uint64_t first_ino; /* of nr + 2 numbers: the directory, the files, SHA256SUMS */
    uint64_t started_ms;
};

/* Writes and syncs both files. *ret: the manifest, read back from what was written. */
must_check JET_ERR record_write(const struct record *r, struct manifest **ret,
                                struct ese_fault *why);

#endif
