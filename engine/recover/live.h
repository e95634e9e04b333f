/*
 * The life of an instance: started (recovery, log, checkpoint), databases created, attached and detached, ended (ESE:
 * jetapi.cxx JetInit, JetTerm; db.cxx; log.cxx; write path 1 and 12).
 *
 * Order of writes, so that a crash at any moment leaves what recovery completes:
 *   - CreateDB and AttachDB are on disk before the file is touched; its header is dirty before its first page is written.
 *   - Every attached header names the newest generation before that generation has a record.
 *   - Clean: all pages, sync; DetachDB or ShutDownMark on disk; header. The checkpoint moves after the headers, logs go
 *     after the checkpoint.
 */
#ifndef ESE_RECOVER_LIVE_H
#define ESE_RECOVER_LIVE_H

#include "engine.h"
#include "recover/restore.h"
#include "txn/ver.h"

/* What a start may ask of its recovery: JetInit2's flags, JET_RSTINFO. */
struct live_recovery {
    bool must_exist; /* JET_bitLogStreamMustExist: JET_errMissingLogFile for an empty directory */
    bool ignore_missing; /* JET_bitReplayIgnoreMissingDB */
    /* JET_bitReplayIgnoreLostLogs: live_init gives JET_wrnCommittedLogFilesLost, or -Removed when logs were of no use and
     * are gone. */
    bool ignore_lost;
    bool skip_lost_event;       /* JET_bitSkipLostLogsEvent */
    bool allow_missing_current; /* JET_bitAllowMissingCurrentLog */
    /* JET_bitRecoveryWithoutUndo; a stop wants that too: live_init never succeeds then, but gives
     * JET_errRecoveredWithoutUndo or JET_errRecoveredWithoutUndoDatabasesConsistent. */
    bool without_undo;
    lgpos_t stop;             /* records from here on are not replayed; 0: all are */
    struct logtime stop_time; /* nor those from the first log segment on that is later than this */
    bool
        truncate; /* JET_bitTruncateLogsAfterRecovery: logs below the checkpoint go after a recovery */
    const struct restore_map *map; /* where databases are that have moved; only during live_init */
    unsigned nr_map;
    bool map_only; /* those that are not in the map are passed over */
    const volatile int
        *cancel; /* becomes nonzero: stop, JET_errClientRequestToStopJetService; or NULL */
    ese_progress_fn *progress;
    void *progress_ctx;
};

struct live_conf {
    struct inst_conf core;
    const char *log_dir, *sys_dir; /* native, absolute */
    const char *db_dir;            /* JET_paramAlternateDatabaseRecoveryPath, or NULL */
    bool short_names;              /* .log, .chk (else .jtx, .jcp), for a new stream */
    bool five_digits;
    bool make_paths;   /* JET_paramCreatePathIfNotExist */
    bool replace_logs; /* JET_paramCleanupMismatchedLogFiles */
    uint32_t log_buffer_kib;
    struct live_recovery recovery;
};

/* fn: faults and notes, from any thread. Errors of recovery; JET_errFileAccessDenied: another process (or instance) owns
 * the logs; JET_errInvalidPath, JET_errInvalidLogDirectory, JET_errInvalidSystemPath. Warnings: live_recovery. */
must_check JET_ERR live_init(const struct live_conf *conf, ese_fault_fn *fn, void *ctx,
                             struct inst **ret);

enum live_end {
    LIVE_COMPLETE, /* versions cleaned, databases clean */
    LIVE_ABRUPT,   /* databases clean, versions not cleaned */
    LIVE_DIRTY,    /* nothing is written: as after a crash */
};
/* No session is left but the engine's own. The instance is gone afterwards, whatever is returned. A failed one ends
 * as LIVE_DIRTY. */
must_check JET_ERR live_term(struct inst *in, enum live_end how);

struct live_create {
    const char *path; /* native, absolute */
    uint32_t pages;   /* at the start; 0: as usual */
    uint32_t pages_max;
    bool overwrite; /* JET_bitDbOverwriteExisting */
};
/* Attached, with one reference. JET_errDatabaseDuplicate: a file of that name is there. s: not in a transaction. */
must_check JET_ERR live_create_db(struct sess *s, const struct live_create *c, struct db **ret);
/* JET_wrnDatabaseAttached: it is already. JET_errDatabaseSharingViolation: another instance has the file in use (with
 * read_only: to change it), or would while it is only read here; so for live_create_db. JET_errFileNotFound, JET_errDatabaseDirtyShutdown, JET_errDatabaseInvalidPages,
 * JET_errInvalidDatabaseVersion, JET_errPageSizeMismatch, JET_errDatabaseFileReadOnly, JET_errTooManyAttachedDatabases. */
must_check JET_ERR live_attach_db(struct sess *s, const char *path, bool read_only,
                                  uint32_t pages_max, struct db **ret);
/* Nothing in it is open. */
must_check JET_ERR live_detach_db(struct sess *s, struct db *d);
/* NULL: not attached. Compares the path as it was given and as it really is. */
struct db *live_find_db(struct inst *in, const char *path);

/*
 * The temporary database of an instance: an instance of its own with one database (db[1]) that nobody finds, in a file
 * without a name in dir, and no log; it shares the cache. Nothing of it has to be on disk, and nothing of it is after the
 * end. Its failures are its own. JET_errInvalidPath: no such directory.
 */
must_check JET_ERR live_temp_new(struct inst *of, const char *dir, struct inst **ret);
/* No session is left; before live_term of the instance it is of. NULL is fine. */
void live_temp_free(struct inst *temp);

/* Writes what holds the checkpoint back by more than its depth, and moves it. all: as far as open transactions let it. */
must_check JET_ERR live_checkpoint(struct inst *in, bool all);
/* JET_GetInstanceMiscInfo and the like. */
struct signature live_log_signature(struct inst *in);
void live_checkpoint_info(struct inst *in, struct chkpt_disk *ret);

#endif
