/*
 * snapshot.h - what a finished backup is: taken, verified, kept, listed, removed. Everything that
 * mount.esefs shows comes from here; fs/ adds nothing but the tree and errno.
 *
 *   struct snap         one SOURCE directory with its store, open (the store's lock is held)
 *   struct snap_inst    one instance under SOURCE (reference counted; lives on when it vanishes)
 *   struct snap_backup  one finished backup (reference counted, immutable but for name, hold, gone)
 *
 * All functions may be called from any thread. Functions that take long (snap_take, snap_verify,
 * snap_wait) say so. Errors are JET_ERR; a struct ese_fault, where one is asked for, carries file,
 * page, offset and, for OS errors, errno. An out-parameter is untouched on failure. `why` may be NULL.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "engine.h"

struct snap;
struct snap_inst;
struct snap_backup;

/* ---- opening ---------------------------------------------------------------------------------- */

struct snap_opts {
    const char *source;
    const char *store;  /* NULL: SOURCE/.esefs */
    const char *holder; /* written into the lock file: who holds the store (mountpoint) */
    const char *keep;   /* retention SPEC or NULL: "last:7,daily:14,weekly:8,monthly:12" */
    uint64_t rate;      /* bytes per second a backup may read; 0: no limit */
    unsigned threads;   /* 0: number of processors */
    bool ro;            /* no backup, no deletion */
};

/* Opens SOURCE and the store (made if absent), takes the store's lock, sweeps partial backups, loads
 * every manifest, finds the instances, starts the thread that looks for new ones (every 500 ms).
 * A store that cannot be made or written: opts->ro semantics, snap_is_ro() true, snap_note() says why.
 * JET_errFileAccessDenied: another process holds the store (why->text names the holder).
 * JET_errInvalidDatabaseVersion: the store's FORMAT is not known. JET_errInvalidParameter: keep SPEC. */
JET_ERR snap_open(const struct snap_opts *opts, struct snap **ret, struct ese_fault *why);
/* Cancels what runs, waits for it (at most 5 s), removes partials, releases the lock. */
void snap_close(struct snap *s);
bool snap_is_ro(const struct snap *s);
/* One line to show at mount time (same disk, read-only because ...), or NULL. */
const char *snap_note(const struct snap *s);
/* Checks a keep= SPEC without opening anything. */
JET_ERR snap_keep_check(const char *spec);
/* statfs of the store. */
struct statvfs;
JET_ERR snap_statvfs(struct snap *s, struct statvfs *ret);

/* What changed, told from threads of snap's own, with no lock of snap's held. The callee must return
 * soon and may call any function here but snap_close. inst is valid during the call. */
enum snap_change {
    SNAP_INST_NEW,
    SNAP_INST_GONE,
    SNAP_BACKUP_NEW,     /* name: its name */
    SNAP_BACKUP_GONE,    /* name */
    SNAP_BACKUP_RENAMED, /* name: the new one, old: the former */
    SNAP_STATUS,         /* the text of `status` is another now */
    SNAP_EVENT,          /* a line was added to `events` */
};
typedef void snap_change_fn(void *ctx, struct snap_inst *inst, enum snap_change what,
                            const char *name, const char *old);
void snap_listen(struct snap *s, snap_change_fn *fn, void *ctx);

/* ---- instances -------------------------------------------------------------------------------- */

/* References to all instances, by name; *ret is the caller's (free with snap_insts_free). */
JET_ERR snap_insts(struct snap *s, struct snap_inst ***ret, unsigned *ret_nr);
void snap_insts_free(struct snap_inst **list, unsigned nr);
struct snap_inst *snap_inst_find(struct snap *s, const char *name); /* NULL: none */
struct snap_inst *snap_inst_ref(struct snap_inst *i);
void snap_inst_unref(struct snap_inst *i);
const char *snap_inst_name(const struct snap_inst *i);
/* Stable across mounts (kept in the store; a hash of the name while the store is read-only). The
 * numbers id+0 .. id+7 are the instance's own: directory, control, status, events, backups, latest. */
uint64_t snap_inst_id(const struct snap_inst *i);
/* The text of `status` now; malloc'd. NULL: out of memory. */
char *snap_status(struct snap_inst *i, size_t *ret_len);
/* What the `Reads:` line of every status says ("passthrough", "buffered (reason)"); NULL: no such line. */
void snap_set_reads(struct snap *s, const char *text);
/* Changes with every SNAP_STATUS. */
uint64_t snap_status_serial(const struct snap_inst *i);
struct timespec snap_status_time(const struct snap_inst *i); /* of the last change */
/* The whole events text now; malloc'd (10 MiB ring at most). */
char *snap_events(struct snap_inst *i, size_t *ret_len);
/* Without reading it: length now, and a counter that changes with every event. */
uint64_t snap_events_size(struct snap_inst *i);
uint64_t snap_events_serial(const struct snap_inst *i);
struct timespec snap_events_time(const struct snap_inst *i);

/* ---- backups ---------------------------------------------------------------------------------- */

struct snap_file {
    const char *name; /* in the backup directory: no '/' */
    uint64_t ino;     /* as shown; never changes, survives remount and rename */
    uint64_t size;
    struct timespec mtime;
    uint8_t sha256[32];
};

/* The manifest: everything that is needed to list a backup without reading it. Fixed once committed. */
struct snap_manifest {
    const char *kind;        /* "offline-copy" (later "full", "copy") */
    uint64_t ino;            /* of the directory */
    struct timespec created; /* the commit */
    const char *engine;      /* ese_version() of the taker */
    const char *generations; /* "0x59-0x5C" or "" */
    const char *databases;   /* names, comma-separated */
    uint64_t pages_verified, corrected, logs;
    uint64_t bytes;       /* of all files */
    uint64_t duration_ms; /* how long it took */
    uint8_t sha256[32];   /* of SHA256SUMS */
    unsigned nr_files;    /* sorted by name; SHA256SUMS is one of them */
    const struct snap_file *files;
};

/* References to all finished backups, by name. */
JET_ERR snap_backups(struct snap_inst *i, struct snap_backup ***ret, unsigned *ret_nr);
void snap_backups_free(struct snap_backup **list, unsigned nr);
struct snap_backup *snap_backup_find(struct snap_inst *i, const char *name);
struct snap_backup *snap_backup_latest(struct snap_inst *i); /* newest complete one, or NULL */
struct snap_backup *snap_backup_ref(struct snap_backup *b);
void snap_backup_unref(struct snap_backup *b);
const struct snap_manifest *snap_backup_manifest(const struct snap_backup *b);
/* Copies the name it has now into buf (at most 200 bytes + NUL). */
void snap_backup_name(struct snap_backup *b, char buf[256]);
bool snap_backup_held(struct snap_backup *b);
/* A descriptor on the file in the store, O_RDONLY; the caller's. Works as long as somebody holds a
 * reference, also after removal, if it was opened before. Notes the time of the read for keep=. */
JET_ERR snap_backup_open(struct snap_backup *b, unsigned file, int *ret_fd);
/* Told by fs/ at release, so that retention knows open files. */
void snap_backup_close(struct snap_backup *b);
/* st_blocks of a file in the store. */
JET_ERR snap_backup_blocks(struct snap_backup *b, unsigned file, uint64_t *ret_blocks512);

/* 1-200 bytes of UTF-8 without '/', control characters, leading dot or dash; not latest, at, clean,
 * raw. JET_errInvalidName; JET_errInvalidPath when it is too long. */
JET_ERR snap_name_check(const char *name);

/* JET_errFileNotFound; JET_errFileAlreadyExists (rename). JET_errDatabaseInUse: on hold, or being
 * verified. JET_errFileAccessDenied with os_errno EROFS: read-only. */
JET_ERR snap_remove(struct snap_inst *i, const char *name, struct ese_fault *why);
JET_ERR snap_rename(struct snap_inst *i, const char *from, const char *to, struct ese_fault *why);
JET_ERR snap_hold(struct snap_inst *i, const char *name, bool hold, struct ese_fault *why);

/* ---- work ------------------------------------------------------------------------------------- */

/*
 * Takes a backup, in the calling thread; returns when it is on stable storage and in the catalogue,
 * or failed and left nothing. should_stop (may be NULL) is asked at least five times a second: true
 * cancels (JET_errBackupAbortByServer, why->os_errno = EINTR).
 * JET_errBackupInProgress: one runs. JET_errFileAlreadyExists. JET_errInvalidName.
 * JET_errDatabaseInUse: the files changed meanwhile. JET_errDiskFull: the store is too small (before
 * anything was copied) or full.
 */
typedef bool snap_stop_fn(void *ctx);
JET_ERR snap_take(struct snap_inst *i, const char *name, snap_stop_fn *should_stop, void *ctx,
                  struct ese_fault *why);

/*
 * One line written to `control`. Starts the work in the background or does it at once; `wait` blocks
 * until nothing runs (should_stop as above) and returns the result of the last backup. Commands:
 * full NAME, copy NAME (the same thing here: a copy of an instance that nobody runs), cancel,
 * verify NAME, hold NAME, release NAME, wait. Those that need the engine (atomic, incremental,
 * truncate, prove, freeze, thaw) give JET_errFeatureNotAvailable, named in why; anything else
 * JET_errInvalidParameter.
 */
JET_ERR snap_command(struct snap_inst *i, const char *line, snap_stop_fn *should_stop, void *ctx,
                     struct ese_fault *why);
/* What reading `control` prints. */
const char *snap_command_help(void);

#endif
