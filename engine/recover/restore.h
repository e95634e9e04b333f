/*
 * Restoring a backup into the place of an instance, for the JET calls (ESE: logutil.cxx ErrLGRestore, ErrLGRSTExternalRestore).
 * What runs nowhere is restored by ese_restore.
 *
 * Databases are copied beside where they go (NAME.restoring) and put there when the recovery has ended well; a failure
 * removes the copies. With a map they are in place already, copied by the program, and are recovered there. Logs that lie in
 * the instance's directory and go on from the backup's are replayed too.
 */
#ifndef ESE_RECOVER_RESTORE_H
#define ESE_RECOVER_RESTORE_H

#include "base/err.h"
#include "engine.h"

struct restore_map {
    const char *from, *to; /* as the log calls it; where it is, absolute */
};

struct restore_conf { /* paths are absolute and native */
    const char *source;
    const char *log_dir, *sys_dir;
    const char *base;
    const char *db_dir; /* databases go there; NULL: where the log says */
    uint32_t page_size;
    bool make_paths; /* log_dir, sys_dir, db_dir */
    bool mapped;     /* map says where databases are; others are passed over */
    const struct restore_map *map;
    unsigned nr_map;
    uint32_t gen_low, gen_high; /* mapped: of the backup's logs; 0: all that are there */
    const volatile int *cancel;
};

/* Errors of ese_restore but those of its destination, and: JET_errInvalidPath (a directory is not there),
 * JET_errPageSizeMismatch, JET_errFileAccessDenied (an instance owns the logs), JET_errExistingLogFileHasBadSignature,
 * JET_errExistingLogFileIsNotContiguous, JET_errMissingCurrentLogFiles (logs in log_dir that do not go on from the backup),
 * JET_errLogCorruptDuringHardRecovery, JET_errLogTornWriteDuringHardRecovery (theirs). */
must_check JET_ERR restore_instance(const struct restore_conf *conf, ese_fault_fn *fn, void *ctx,
                                    ese_progress_fn *progress, void *progress_ctx);

#endif
