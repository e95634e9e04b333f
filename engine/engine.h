/*
 * engine.h - what libesent can do that the JET API has no call for: looking at, checking, copying and
 * dumping the files of an instance that nobody runs. For snapshot/, fs/, eseutil and foreign programs.
 *
 * All calls are thread-safe as long as one object is used by one thread at a time. All sizes are
 * bytes, all offsets count from the start of the file. Nothing here writes to a file of an instance but
 * ese_recover and ese_backup; ese_restore makes new ones.
 */
#ifndef ESE_ENGINE_H
#define ESE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "esent.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* the library is built with everything else hidden */

/* ---- what is wrong, and where --------------------------------------------------------------- */

#define ESE_NO_OFFSET UINT64_MAX

enum ese_severity {
    ESE_FAULT,     /* the file is damaged, or the set is: a backup must not be made of it */
    ESE_CORRECTED, /* a one-bit error, corrected in the buffer; the file itself has it still */
    ESE_NOTE,      /* worth telling, not wrong */
};

struct ese_fault {
    JET_ERR err; /* as the JET API names it */
    enum ese_severity severity;
    uint32_t event;  /* id in the event log (474 checksum, 475 wrong page, 476 blank, 399
                                   corrected, 552 log ...); 0: none */
    uint32_t pgno;   /* page of a database; 0: none */
    uint64_t offset; /* ESE_NO_OFFSET: no place in the file */
    int os_errno;    /* errno that caused an OS error; else 0 */
    char file[256];
    char text[256]; /* one clause without a full stop; never empty */
    /* Events of backups carry the insertion strings of ESE's message, from %4 on: so many, each with its NUL, one behind
     * the other. Others: 0. */
    uint32_t nr_strings;
    char strings[640];
};

typedef void ese_fault_fn(void *ctx, const struct ese_fault *f);

/* "FILE: page N (offset 0xX): JET_errReadVerifyFailure (-1018): text". Returns the length as snprintf
 * does. */
int ese_fault_str(const struct ese_fault *f, char *buf, size_t len);

const char *ese_err_name(JET_ERR err); /* "JET_errReadVerifyFailure"; never NULL */
const char *ese_err_text(JET_ERR err); /* one clause; never NULL */

/* ---- kinds of files, and what their headers say ---------------------------------------------- */

enum ese_kind {
    ESE_KIND_UNKNOWN,
    ESE_KIND_DATABASE,
    ESE_KIND_LOG,
    ESE_KIND_CHECKPOINT,
    ESE_KIND_FLUSHMAP, /* .jfm */
    ESE_KIND_RESERVE,  /* .jrs */
    ESE_KIND_PATCH,    /* .pat: zero-length marker beside a backed-up database */
};

typedef struct {
    uint8_t b[28];
} ese_signature;
typedef struct {
    uint8_t b[8];
} ese_logtime;

/* BKINFO: which backup a header speaks of. gen_low 0: none. */
struct ese_bkinfo {
    uint64_t mark; /* lgpos */
    ese_logtime time;
    uint32_t gen_low, gen_high;
};

enum ese_dbstate { /* persistent numbers */
                   ESE_DB_JUST_CREATED = 1,
                   ESE_DB_DIRTY = 2,
                   ESE_DB_CLEAN = 3,
                   ESE_DB_CONVERTING = 4,
                   ESE_DB_FORCE_DETACH = 5,
                   ESE_DB_RESEEDING = 6,
                   ESE_DB_DIRTY_PATCHED = 7,
                   ESE_DB_REVERTING = 8,
};

struct ese_db_info {
    uint32_t page_size;                           /* 2048..32768 */
    uint32_t version, update_major, update_minor; /* 0x620, e.g. 20, 0 */
    uint32_t state;                               /* enum ese_dbstate */
    uint64_t dbtime;
    uint32_t objid_last;
    ese_signature sign_db, sign_log;
    uint64_t lgpos_attach, lgpos_consistent, lgpos_detach;
    uint32_t gen_min_required, gen_max_required, gen_max_committed, gen_min_consistent;
    ese_logtime time_gen_max_created,
        time_gen_max_required; /* tmCreate of gen_max_committed / _required */
    struct ese_bkinfo full_prev, inc_prev, full_cur, snapshot_cur, copy_prev, diff_prev;
    bool shadow_bad, primary_bad; /* one header copy is damaged; the other was taken */
};

struct ese_attach { /* a database as a log or checkpoint header names it */
    char *path;     /* as logged (a Windows path as a rule), converted to UTF-8 */
    uint32_t dbid;
    uint64_t lgpos_attach, lgpos_consistent;
    uint64_t dbtime; /* the last ones that had been given out when the header was written */
    uint32_t objid_last;
    ese_signature sign_db;
};

struct ese_log_info {
    uint32_t gen;
    uint32_t major, minor, update_major, update_minor; /* 8.4000.5.16 */
    uint32_t page_size, segment_size, nr_segments;     /* nr_segments includes the header */
    ese_logtime time_created, time_prev_gen;
    ese_signature sign_log;
    uint64_t lgpos_checkpoint;
    uint64_t prev_gen_checksum; /* accumulated segment checksum of generation gen-1 */
    uint8_t flags;
    struct ese_attach *attach;
    unsigned nr_attach;
    /* Known only after the segments were read (ese_check_end): */
    bool segments_read;
    uint64_t checksum;   /* of this file's segments; what gen+1 must carry as prev_gen_checksum */
    uint64_t lgpos_last; /* start of the last valid segment; 0: none */
    bool ends_clean;     /* last record is Term2, RecoveryQuit2 or ...KeepAttachments */
    bool torn_tail;      /* the last segment was taken from its shadow */
};

struct ese_chk_info {
    uint64_t lgpos_checkpoint, lgpos_consistency;
    ese_signature sign_log;
    struct ese_attach *attach;
    unsigned nr_attach;
    bool attach_valid; /* fVersion 1 */
    bool shadow_bad, primary_bad;
};

/* Reads the header of whatever fd is. name is only used in faults. *ret_kind is set also when the
 * header is damaged, as far as the name or the bytes tell. Exactly one of the info pointers is
 * filled; ese_header_done frees what hangs on it.
 * Errors: JET_errReadVerifyFailure / JET_errDatabaseCorrupted (both copies of a database header bad),
 * JET_errLogFileCorrupt, JET_errCheckpointCorrupt, JET_errInvalidDatabaseVersion,
 * JET_errBadLogVersion, JET_errFileInvalidType (nothing of ours), I/O errors. */
struct ese_header {
    enum ese_kind kind;
    struct ese_db_info db;
    struct ese_log_info log;
    struct ese_chk_info chk;
};
JET_ERR ese_header_read(int fd, const char *name, ese_fault_fn *report, void *ctx,
                        struct ese_header *ret);
void ese_header_done(struct ese_header *h);
/* Prints every field, one "Name: value" per line, or one JSON object. */
JET_ERR ese_header_dump(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                        void *ctx);

/* ---- instances: which files belong together --------------------------------------------------- */

struct ese_file {
    char *path; /* relative to the directory given, never leaves it */
    enum ese_kind kind;
    uint64_t size;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint32_t gen;   /* logs: 0 for BASE.log until its header was read */
    bool current;   /* BASE.log / BASE.jtx */
    bool header_ok; /* header was read and is sound */
    JET_ERR err;    /* why not */
    struct ese_header header;
};

enum ese_state { ESE_IDLE, ESE_DIRTY, ESE_DAMAGED };

struct ese_instance {
    char *name;             /* sub-directory; NAME+BASE where one directory has two log streams */
    char base[4];           /* log base name as found ("edb", "SRU"); "" without logs */
    enum ese_state state;   /* ESE_DAMAGED: a header is ruined, or a file is missing; see faults */
    struct ese_file *files; /* databases by path, logs by generation, checkpoint, others */
    unsigned nr_files;
    struct ese_fault *faults; /* found while looking: ruined headers, missing databases, gaps */
    unsigned nr_faults;
};

/*
 * Finds the instances in a directory, as the file-system contract defines them: each sub-directory
 * (no dot-directories) that holds logs, a checkpoint or databases up to two levels down; the
 * directory itself if it holds such files. self_name names the latter. Reads headers only; nothing
 * outside dirfd, no symbolic link, no special file is opened. skip: a directory entry to leave out
 * (the store), or NULL.
 */
JET_ERR ese_discover(int dirfd, const char *self_name, const char *skip, struct ese_instance **ret,
                     unsigned *ret_nr);
/* One directory of them: what `dir` (relative to dirfd; "." is dirfd itself) and `levels` levels of
 * directories below it hold, named `name`. levels 0 on "." tells whether the directory itself is the
 * instance, ESE_INSTANCE_LEVELS is the depth that ese_discover looks at. */
#define ESE_INSTANCE_LEVELS 2
JET_ERR ese_discover_dir(int dirfd, const char *dir, const char *name, const char *skip,
                         unsigned levels, struct ese_instance **ret, unsigned *ret_nr);
void ese_instances_free(struct ese_instance *list, unsigned nr);

/*
 * What a copy of the instance must hold for its recovery, in the order to copy: logs ascending (from
 * the lowest generation that a database header requires through the current one), then checkpoint,
 * then databases. *ret_files points into inst->files. Every fault that forbids a backup is reported
 * (required log missing, foreign or out of sequence; attached database missing; header ruined) and
 * the first error returned.
 */
JET_ERR ese_copy_plan(const struct ese_instance *inst, ese_fault_fn *report, void *ctx,
                      const struct ese_file ***ret_files, unsigned *ret_nr);

/* ---- checking a set of files while their bytes stream by -------------------------------------- */

/*
 * One set = the files of one instance. Logs are checked before databases, so that the pages can be
 * held against what the logs say of them. Bytes are fed in order, in pieces that are a multiple of
 * 64 KiB except the last; one-bit errors are corrected in the caller's buffer (the copy), reported
 * as ESE_CORRECTED and counted. Memory: bounded by what the bytes themselves require, below 1/64 of
 * the file for a database, less in practice.
 */
struct ese_set;
struct ese_check;

JET_ERR ese_set_new(ese_fault_fn *report, void *ctx, struct ese_set **ret);
void ese_set_free(struct ese_set *set);

struct ese_check_result {
    JET_ERR err;        /* first fault of this file, or success */
    uint64_t pages;     /* database pages checked (header pages not counted); log: segments */
    uint64_t blank;     /* of these, all zero */
    uint64_t corrected; /* one-bit errors corrected in the buffer */
    uint64_t faults;
    bool trailer; /* the database ends with the trailer page of a streaming backup */
};

/* kind, name and exact size of the file that follows. */
JET_ERR ese_check_begin(struct ese_set *set, enum ese_kind kind, const char *name, uint64_t size,
                        struct ese_check **ret);
/* Errors are remembered and reported, feeding may go on; returns < 0 only when it makes no sense to
 * (the header is ruined so that the page size is unknown, out of memory). */
JET_ERR ese_check_feed(struct ese_check *c, void *buf, size_t len);
/* A run of zero bytes (a hole) of any length, page-aligned, as if fed. */
JET_ERR ese_check_feed_hole(struct ese_check *c, uint64_t len);
/* Ends the file; frees c. Returns result->err. */
JET_ERR ese_check_end(struct ese_check *c, struct ese_check_result *ret);
/* Gives up a file in the middle. NULL is fine. */
void ese_check_abort(struct ese_check *c);
/* After the last file: sequence of the logs, accumulated checksums, signatures, required
 * generations, databases against checkpoint. complete: the set claims to be recoverable (a backup);
 * otherwise only what is there is held against each other (eseutil verify). */
JET_ERR ese_set_end(struct ese_set *set, bool complete);

/* Reads and checks a whole file of a set: reading and checking overlap, holes are not read. kind
 * ESE_KIND_UNKNOWN: what its bytes say. progress (may be NULL): bytes done / total. */
typedef void ese_progress_fn(void *ctx, uint64_t done, uint64_t total);
JET_ERR ese_verify_file(struct ese_set *set, int fd, enum ese_kind kind, const char *name,
                        ese_progress_fn *progress, void *progress_ctx,
                        struct ese_check_result *ret);

/* The name of the page-checksum code that this processor gets: "avx512", "avx2", "portable". */
const char *ese_checksum_variant(void);

/* ---- looking into a database ------------------------------------------------------------------ */

enum ese_dump_format { ESE_DUMP_CSV, ESE_DUMP_JSONL, ESE_DUMP_CANONICAL };

struct ese_dump_opts {
    enum ese_dump_format format;
    bool keys;           /* canonical: X and K lines too */
    char *const *tables; /* NULL: all but the system tables */
    unsigned nr_tables;
    bool system; /* with tables == NULL: the system tables too */
};

/* fd is read at random; the file may be dirty (what the pages say is shown). */
JET_ERR ese_dump(int fd, const char *name, const struct ese_dump_opts *opts, FILE *out,
                 ese_fault_fn *report, void *ctx);
/* Tables with columns, indexes and rows, as text or JSON. */
JET_ERR ese_dump_tables(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                        void *ctx);
/* Where the pages are: per tree owned, used, available. */
JET_ERR ese_dump_space(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                       void *ctx);
/* Trees, catalogue and shadow, space, long values, indexes against records. *ret_faults: number of
 * faults; they were reported. progress (may be NULL) is called with pages done / total. */
JET_ERR ese_integrity(int fd, const char *name, ese_fault_fn *report, void *ctx,
                      ese_progress_fn *progress, void *progress_ctx, uint64_t *ret_faults);
/* The same of pages that are in no file. */
struct ese_pages {
    const void *header; /* page_size bytes, sound: what a file begins with */
    uint32_t page_size; /* 2048..32768 */
    uint32_t last;      /* there are pages 1 .. last */
    /* page_size bytes as a file has them, checksum and all. A failure that nobody reported is told by nobody. */
    JET_ERR (*read)(void *ctx, uint32_t pgno, void *page);
    void *ctx;
};
JET_ERR ese_integrity_pages(const struct ese_pages *pages, const char *name, ese_fault_fn *report,
                            void *ctx, ese_progress_fn *progress, void *progress_ctx,
                            uint64_t *ret_faults);
/* One log file or the set in a directory: header line each, gaps, signatures; records: every record
 * decoded, one line each, between the two lgpos (0: from the start / to the end). */
struct ese_log_dump_opts {
    bool records, json;
    uint64_t from, to;
};
JET_ERR ese_log_dump(int fd, const char *name, const struct ese_log_dump_opts *opts, FILE *out,
                     ese_fault_fn *report, void *ctx);

/* ---- recovery --------------------------------------------------------------------------------- */

struct ese_recover_opts {
    const char *base; /* log base name ("edb") where a directory holds several streams; or NULL */
    const char *to;   /* a directory, empty or absent: recover a copy there. NULL: in place */
    bool dry_run;     /* nothing is written but what memory has no room for, to a temporary file */
    /* A database that the log has attached at its end may be missing: it is told as a note, and the stream goes on without
     * it, for ever (JET_bitReplayIgnoreMissingDB). Else JET_errAttachedDatabaseMismatch. */
    bool ignore_missing;
    /* The end of the log may be lost, as far as no database requires it: what was committed there is gone, and said
     * (JET_bitReplayIgnoreLostLogs). Logs behind a gap, or from a damaged one on, are deleted. Else
     * JET_errCommittedLogFilesMissing, or what the damage is called. */
    bool ignore_lost;
    uint64_t cache_bytes; /* pages of each database kept in memory; 0: 256 MiB */
    const volatile int
        *cancel; /* becomes nonzero: stop, JET_errClientRequestToStopJetService; or NULL */
};

enum ese_recovered_how {
    ESE_DB_RECOVERED,
    ESE_DB_CREATED,       /* was not there; made anew from the log */
    ESE_DB_REMOVED,       /* its creation was never finished: the file is gone */
    ESE_DB_ALREADY_CLEAN, /* had been shut down cleanly before */
};

struct ese_recovered_db {
    char path[256];
    enum ese_recovered_how how;
};

struct ese_recovery {
    bool needed;                   /* false: the stream was closed, nothing was done */
    uint64_t lgpos_from, lgpos_to; /* replayed: from the record at, up to the end of the log */
    uint64_t records, log_bytes;
    uint64_t pages_written; /* of databases; dry run: that would be */
    unsigned transactions_undone, macros_undone;
    uint64_t operations_undone;
    bool logs_lost;        /* ignore_lost: a database had been told of later generations */
    unsigned logs_removed; /* ignore_lost: so many were of no use; dry run: that would be */
    struct ese_recovered_db *dbs;
    unsigned nr_dbs;
};

/*
 * Soft recovery (JetInit's): replays the logs of the instance in a directory and rolls back what was not
 * committed, so that its databases are shut down cleanly. In place it holds the owner's lock and writes to
 * databases, current log and checkpoint; interrupted at any moment it can be run again. With `to` the
 * directory itself is only read, and after a failure nothing is left at `to`. progress (may be NULL): bytes of
 * log done / total. *ret is filled as far as it came; ese_recovery_done frees what hangs on it.
 *
 * Errors, each reported with the file, generation or page: JET_errMissingLogFile, JET_errInvalidLogSequence,
 * JET_errRequiredLogFilesMissing, JET_errCommittedLogFilesMissing, JET_errLogFileCorrupt,
 * JET_errLogFileSizeMismatch, JET_errBadLogVersion, JET_errDbTimeTooOld, -TooNew,
 * JET_errAttachedDatabaseMismatch, JET_errConsistentTimeMismatch, JET_errSoftRecoveryOnBackupDatabase,
 * JET_errDatabaseDirtyShutdown (a database that these logs cannot bring forward),
 * JET_errFileAccessDenied (a running instance has it), JET_errReadVerifyFailure and others of pages, I/O.
 */
JET_ERR ese_recover(int dirfd, const struct ese_recover_opts *opts, ese_fault_fn *report,
                    void *report_ctx, ese_progress_fn *progress, void *progress_ctx,
                    struct ese_recovery *ret);
void ese_recovery_done(struct ese_recovery *r);

/* ---- restore ----------------------------------------------------------------------------------- */

struct ese_restore_opts {
    const char *base; /* log base name ("edb") where a directory holds several streams; or NULL */
    /* Directories of incrementals that were not taken into the backup's own: their logs go on from it. In any order, open
     * for reading; they stay the caller's. */
    const int *log_dirs;
    unsigned nr_log_dirs;
    /* Where the replay ends; zero: with the last log. What is open then is rolled back, and a new log stream begins, so
     * that what was left out can never be replayed onto it. The copies themselves must have been finished before. */
    uint32_t stop_gen;     /* the last generation that is replayed, whole */
    uint64_t stop_lgpos;   /* the first record that is not replayed lies here or behind */
    ese_logtime stop_time; /* UTC; so does the first log segment that was begun later than this */
    uint64_t cache_bytes;  /* as in ese_recover_opts */
    const volatile int
        *cancel; /* becomes nonzero: stop, JET_errClientRequestToStopJetService; or NULL */
};

struct ese_restored {
    bool backup;                /* an engine's backup; false: a copy of an instance at rest */
    char where[4];              /* "new", "old": it lay there, in an atomic backup's parent */
    uint32_t gen_low, gen_high; /* of the logs that were used; 0: there were none */
    bool stopped;               /* logs or records were left out */
    uint64_t stopped_at;        /* the first record that was; 0: it was whole generations */
    uint64_t pages, corrected;  /* verified while they were copied; one-bit errors */
    struct ese_recovery recovery;
};

/*
 * Restores what is in a directory to `dest`, which is absent or empty and gets clean databases, one log and a checkpoint. The
 * directory holds a backup that the engine made (databases with their trailer pages, .pat files, archived logs, incrementals
 * among them) or `new` or `old` with one, or a copy of an instance at rest; it is only read. After a failure nothing is
 * left at dest; a process that is killed leaves a directory named .NAME.esefs-restore beside dest, or .esefs-restore in
 * it, which the next restore removes. progress (may be NULL): bytes of databases and logs, done / total. *ret is filled as
 * far as it came; ese_restored_done frees what hangs on it.
 *
 * Errors, each reported with the file, generation or page: JET_errFileNotFound (no logs, in one of log_dirs either; nothing at all),
 * JET_errMissingRestoreLogFiles, JET_errGivenLogFileHasBadSignature, JET_errGivenLogFileIsNotContiguous,
 * JET_errPatchFileMissing, JET_errRestoreOfNonBackupDatabase, JET_errBadBackupDatabaseSize, JET_errBadPatchPage,
 * JET_errDatabasePatchFileMismatch, JET_errRequiredLogFilesMissing, JET_errStartingRestoreLogTooHigh,
 * JET_errEndingRestoreLogTooLow (also for a stop within the backup), JET_errLogCorruptDuringHardRestore,
 * JET_errLogTornWriteDuringHardRestore, JET_errDatabaseCorrupted, JET_errAttachedDatabaseMismatch,
 * JET_errFileAlreadyExists (dest is not empty), those of ese_recover.
 */
JET_ERR ese_restore(int dirfd, const char *dest, const struct ese_restore_opts *opts,
                    ese_fault_fn *report, void *report_ctx, ese_progress_fn *progress,
                    void *progress_ctx, struct ese_restored *ret);
void ese_restored_done(struct ese_restored *r);

struct ese_prove_opts {
    const char *base; /* as in ese_restore_opts; so are the next two */
    const int *log_dirs;
    unsigned nr_log_dirs;
    uint64_t
        memory; /* bytes for pages that the replay changes; more go to a temporary file; 0: 32 MiB */
    const volatile int *cancel; /* as in ese_restore_opts; the progress function may set it */
};

struct ese_proof {
    bool backup; /* as in ese_restored, and so are the next two */
    char where[4];
    uint32_t gen_low, gen_high;
    uint64_t faults,
        corrected;  /* reported; corrected: one-bit errors, which a restore puts right */
    JET_ERR first;  /* of the faults */
    uint64_t pages; /* of the databases as they would be */
    uint64_t pages_changed, pages_spilled; /* by the replay; of these, once in the temporary file */
    struct ese_recovery recovery;
};

/*
 * Would it restore? Takes what ese_restore takes and does what that does, but for writing: the logs are replayed onto pages in
 * memory, what is open is rolled back, and then every tree of the databases is walked as by ese_integrity, every other page
 * verified. JET_errSuccess: clean. Otherwise the first fault; all were reported. The directory is only read; changed pages that
 * the memory has no room for lie in a file without a name in TMPDIR, or else /var/tmp. Memory beside these: as ese_integrity
 * and ese_recover. progress (may be NULL): bytes of logs and databases, done / total. *ret is filled as far as it came;
 * ese_proof_done frees what hangs on it. Errors: those of ese_restore and of ese_integrity's faults.
 */
JET_ERR ese_prove(int dirfd, const struct ese_prove_opts *opts, ese_fault_fn *report,
                  void *report_ctx, ese_progress_fn *progress, void *progress_ctx,
                  struct ese_proof *ret);
void ese_proof_done(struct ese_proof *p);

/* ---- backup of a running instance ----------------------------------------------------------------- */

struct ese_backup_opts {
    bool atomic;      /* JET_bitBackupAtomic */
    bool incremental; /* JET_bitBackupIncremental */
    bool
        copy; /* no mark in headers and checkpoint, no log is deleted: later incrementals go on from the one before */
};

/* JetBackupInstance for programs of this library: dir is made where it is not there, but not for an incremental; progress (may be NULL) in bytes; JetStopBackupInstance ends it.
 * JET_errInvalidParameter: no directory, or copy and incremental at once. */
JET_ERR ese_backup(JET_INSTANCE instance, const char *dir, const struct ese_backup_opts *opts,
                   ese_progress_fn *progress, void *progress_ctx);

/* ---- events of running instances ---------------------------------------------------------------- */

/* Faults and notes of the instances that this process runs (JetInit) go to fn, from any thread, with the instance's name
 * or, where it has none, its log base name ("" for what concerns all of them); fn makes no Jet call. NULL: to the system's log, as without this call. */
typedef void ese_event_fn(void *ctx, const char *instance, const struct ese_fault *f);
void ese_set_event_sink(ese_event_fn *fn, void *ctx);

/* "libesent 0.1.0, database 0x620.290.600, log 8.4000.130.280". */
const char *ese_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
