/*
 * A backup of a running instance: databases and logs are read as streams while everybody goes on working (ESE: backup.cxx).
 * JetBackupInstance's directory (backupdir.h) and the calls of the external backup API are written on this.
 *
 *   begin -> [databases, one after the other] -> prepare_logs -> [logs] -> truncate -> end
 *
 * One backup at a time per instance; while it runs no database is attached or detached and no log is deleted (inst_life).
 * One thread at a time uses the object. backup_stop may be called by any thread: whatever is called next fails, and so does
 * a read that is under way, within one piece.
 *
 * Why the copies and the logs together are the databases, though nobody waits for the reader: README.md.
 */
#ifndef ESE_BACKUP_SESSION_H
#define ESE_BACKUP_SESSION_H

#include "txn/inst.h"

struct backup;
struct backup_file;

struct backup_opts {
    bool incremental; /* logs only */
    bool copy;        /* leaves no mark in headers and checkpoint, and deletes no log */
    bool surrogate;   /* surrogate.h */
};

/*
 * JET_errLoggingDisabled; JET_errInvalidBackup: incremental, and logging is circular; JET_errBackupInProgress;
 * JET_errMissingFullBackup: incremental, and a database had no full backup in this log; JET_errLogWriteFail,
 * JET_errLogDiskFull: the log has come to its end; JET_errCheckpointFileNotFound, JET_errCheckpointCorrupt;
 * JET_errTermInProgress.
 */
must_check JET_ERR backup_begin(struct inst *in, const struct backup_opts *opts,
                                struct backup **ret);

/* The databases of the backup, by dbid; NULL: none of that number. One that is attached for reading only is none of it: no log
 * names it. */
struct db *backup_db(const struct backup *b, unsigned dbid);
bool backup_is_full(const struct backup *b);

/*
 * A database: its header twice, its pages, a trailer page, as they are to be written to the copy; *ret_size bytes in all. Pages
 * that come later are in the logs. JET_errInvalidBackupSequence: after backup_prepare_logs, or of an incremental one.
 * JET_errOutOfMemory: another file is open.
 */
must_check JET_ERR backup_open_db(struct backup *b, struct db *d, struct backup_file **ret,
                                  uint64_t *ret_size);
/* A log of the range. JET_errInvalidBackupSequence: before backup_prepare_logs. JET_errDatabaseNotFound: none of the range. */
must_check JET_ERR backup_open_log(struct backup *b, lgen_t gen, struct backup_file **ret,
                                   uint64_t *ret_size);
/*
 * The next bytes, verified; *ret_len 0: there are no more. buf: aligned to 4096. len: a multiple of the page size, at the first
 * call three pages or more; of a log a multiple of 4096, at the first call 8192 or more: JET_errInvalidParameter.
 * JET_errReadVerifyFailure: a page stays wrong for some 14 seconds; JET_errLogReadVerifyFailure: a log is damaged; both
 * reported with their place. JET_errBackupAbortByServer, JET_errTermInProgress: somebody has stopped it. I/O errors.
 */
must_check JET_ERR backup_read(struct backup_file *f, void *buf, size_t len, size_t *ret_len);
void backup_close(struct backup_file *f);

/* Ends the current generation and says which logs belong to the backup: [*ret_mic, *ret_mac). JET_errInvalidBackupSequence: a
 * file is open, or it was called already. JET_errMissingFileToBackup: a log is not there. */
must_check JET_ERR backup_prepare_logs(struct backup *b, lgen_t *ret_mic, lgen_t *ret_mac);
/* Which logs backup_truncate deletes. JET_errInvalidBackupSequence. */
must_check JET_ERR backup_truncate_range(const struct backup *b, lgen_t *ret_mic, lgen_t *ret_mac);
/* Deletes the logs that no database and no restore of this backup needs. What was read is on stable storage.
 * JET_errInvalidBackupSequence; JET_errLogFileNotCopied: a log of the range was not read to its end. */
must_check JET_ERR backup_truncate(struct backup *b);

/* The path of an archived log, on the heap. */
must_check JET_ERR backup_log_path(const struct inst *in, lgen_t gen, char **ret);

/* Whether the logs were prepared: without it an end can only be an abort. */
bool backup_is_complete(const struct backup *b);
/* The caller has deleted the logs of the range himself. */
void backup_set_truncated(struct backup *b);
/* Both ends free b. Success: marks go into the headers (unless no_marks) and the checkpoint. What cannot be marked is an
 * event, 219: the backup is as good without. */
void backup_finish(struct backup *b, bool no_marks);
enum backup_why { BACKUP_FAILED, BACKUP_BY_CALLER };
/* err: what made it fail; JET_errBackupAbortByServer has an event of its own. */
void backup_abort(struct backup *b, enum backup_why why, JET_ERR err);

/* Stops the backup of an instance, if there is one; err: what its calls return from now on. */
void backup_stop(struct inst *in, JET_ERR err);
/* Deletes the logs below the checkpoint, without a backup. Circular logging: nothing to do. JET_errBackupInProgress. */
must_check JET_ERR backup_truncate_only(struct inst *in);

#endif
