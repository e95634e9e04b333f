/*
 * JetBackupInstance: a backup into a directory, whole or not at all. Every file and the directory are on stable storage before
 * a log is deleted or a header marked.
 */
#ifndef ESE_BACKUP_BACKUPDIR_H
#define ESE_BACKUP_BACKUPDIR_H

#include "backup/session.h"

struct backupdir_opts {
    struct backup_opts how;
    bool atomic;
    bool make_path;
};

/* Bytes; the first call has done 0. total may grow by the logs that are written meanwhile. An error ends the backup and is what
 * backup_to_dir returns. Called by the thread that makes the backup, with nothing locked. */
typedef JET_ERR backupdir_progress_fn(void *ctx, uint64_t done, uint64_t total);

/* Errors of session.h and bktarget.h, of files, JET_errDiskFull among them. The reason lies in the instance's events. After an
 * error: nothing of it is left in the directory, no log is deleted, an earlier set is as it was. */
must_check JET_ERR backup_to_dir(struct inst *in, const char *dir,
                                 const struct backupdir_opts *opts, backupdir_progress_fn *progress,
                                 void *ctx);

#endif
