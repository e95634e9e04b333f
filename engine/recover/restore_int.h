/*
 * Between the parts of a restore; restore.c has the order of things.
 *
 *   restoreset.c   the set: where it is, of which kind, whether its logs are one stream
 *   restorelogs.c  incrementals that lie elsewhere
 *   restoredb.c    a database of it: may it be restored, and its copy
 *   restoredest.c  the place that appears when everything is done
 *   restoreinst.c  into the place of an instance instead
 *   prove.c        the same without writing anything
 */
#ifndef ESE_RECOVER_RESTORE_INT_H
#define ESE_RECOVER_RESTORE_INT_H

#include "recover/recover_int.h"

struct restore_db {
    const struct ese_file *file; /* as it lies in the set */
    struct bkinfo trailer;       /* hard: of its trailer page */
    uint64_t size;               /* without it */
    /* Of a restore into an instance's place (restoreinst.c) only: */
    struct ese_file *own; /* file, when it is not one of the set's */
    const char *logged;   /* as the program's map calls it; NULL: by name */
    char *work, *final;   /* where it is recovered, and where it goes then; absolute */
    bool made;            /* work is there, and ours */

    pgno_t *bad; /* pages that could not be verified: replay may make them anew */
    size_t nr_bad, room_bad;
};

/* What is in a directory of incrementals: rv.set.logs points into it. */
struct restore_more {
    struct ese_instance *list;
    unsigned nr;
};

struct restore {
    struct recovery rv;
    struct recover_restore how;
    struct ese_recover_opts opts; /* of the recovery */
    lgen_t stop_gen;              /* later generations are left out; 0: none is */
    bool strict;                  /* only a backup of the engine's will do */
    bool mapped;              /* its databases are elsewhere: restore_find does not look at them */
    lgen_t gen_low, gen_high; /* which logs it has; 0: those that are there */
    const int *log_dirs;      /* the caller's: directories with incrementals */
    unsigned nr_log_dirs;
    struct restore_more *more; /* one of each */
    int source;                /* directory of the set */
    int lock;                  /* of a copy at rest: no instance starts with its logs; -1: none */
    char where[4];             /* "new", "old": within the one that the caller named */
    lgen_t low, high;          /* of the logs that are used; 0: there are none */
    struct restore_db *dbs;
    unsigned nr_dbs;
    uint64_t done, total; /* progress, bytes */
    uint64_t pages, corrected;
};

/* dirfd stays the caller's. Then restore_find, and restore_done whatever happened. */
void restore_init(struct restore *rs, int dirfd, const struct ese_restore_opts *opts,
                  ese_fault_fn *fn, void *ctx, struct ese_recovery *ret);
void restore_done(struct restore *rs);
/* After restore_find and restore_scan, with the recovery's directory set. */
must_check JET_ERR restore_replay(struct restore *rs);

/* ---- restoreset.c ----------------------------------------------------------------------------- */

/* Finds the set and looks at all of its headers. Errors, reported: JET_errFileNotFound (no logs, or nothing at all),
 * JET_errMissingRestoreLogFiles, JET_errGivenLogFileHasBadSignature, JET_errGivenLogFileIsNotContiguous,
 * JET_errLogCorruptDuringHardRestore, those of restore_db_check; of a copy at rest those of soft recovery. */
must_check JET_ERR restore_find(struct restore *rs, int dirfd);
/* Reads every log that is going to be replayed, and whether what is asked for can be had: JET_errEndingRestoreLogTooLow (a
 * stop within the backup). */
must_check JET_ERR restore_scan(struct restore *rs);

/* ---- restorelogs.c ---------------------------------------------------------------------------- */

/* The logs of log_dirs join the set's. Errors, reported: JET_errFileNotFound (a directory without one),
 * JET_errGivenLogFileIsNotContiguous (the set has another one of the same generation), JET_errRestoreOfNonBackupDatabase (it is no
 * backup of the engine's that could be gone on from). */
must_check JET_ERR restore_add_logs(struct restore *rs);
void restore_forget_logs(struct restore *rs);

/* ---- restoredb.c ------------------------------------------------------------------------------ */

/* JET_errDatabaseCorrupted, JET_errPatchFileMissing, JET_errRestoreOfNonBackupDatabase, JET_errBadBackupDatabaseSize,
 * JET_errBadPatchPage, JET_errDatabasePatchFileMismatch, JET_errAttachedDatabaseMismatch, JET_errRequiredLogFilesMissing,
 * JET_errStartingRestoreLogTooHigh, JET_errEndingRestoreLogTooLow. */
must_check JET_ERR restore_db_check(struct restore *rs, struct restore_db *db);
/* Every byte but the trailer page, each page verified on the way: one-bit errors are corrected, others remembered.
 * to: an empty file. */
must_check JET_ERR restore_db_copy(struct restore *rs, struct restore_db *db, int to);
/* After the replay: what could not be verified must be in order now. JET_errReadVerifyFailure and the like, reported. */
must_check JET_ERR restore_db_recheck(struct restore *rs, const struct restore_db *db, int fd);
void restore_db_done(struct restore_db *db);

/* ---- restoredest.c ---------------------------------------------------------------------------- */

/*
 * DEST is absent or empty. Absent: everything is made in DEST.partial beside it, which is renamed at the end, so DEST is there
 * or not. Empty (it may be a mount point): in DEST/restore.partial; at the end its files move up one by one, databases
 * last, and as long as it is there the restore was not finished. Either is removed when the next restore finds it.
 */
struct restore_dest;
/* JET_errFileAlreadyExists: there is something in it. *ret is there only after success. */
must_check JET_ERR restore_dest_open(struct restore *rs, const char *path,
                                     struct restore_dest **ret);
int restore_dest_fd(const struct restore_dest *d);
/* A new file with the directories that it lies in. */
must_check JET_ERR restore_dest_create(struct restore_dest *d, const char *path, int *ret_fd);
/* keep: all is on disk before it appears; else nothing is left. Frees d; NULL is fine. */
must_check JET_ERR restore_dest_close(struct restore *rs, struct restore_dest *d, bool keep);

#endif
