/*
 * The objects of snapshot/ and who protects what. For the files of this folder only.
 *
 * Lock order: snap->lock, then inst->change, then inst->lock, then the leaves (events, store).
 * A listener is never called with one of them held.
 */
#ifndef SNAPSHOT_PRIV_H
#define SNAPSHOT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "events.h"
#include "keep.h"
#include "manifest.h"
#include "snapshot.h"
#include "store.h"
#include "sysio.h"

#define KIND_OFFLINE "offline-copy"

enum job_kind { JOB_NONE, JOB_BACKUP, JOB_VERIFY };

/* What an instance is at work on; inst->lock, but for the atomics. */
struct job {
    enum job_kind kind;
    char name[256];
    bool waiting; /* for its turn */
    uint64_t started_ms;
    atomic_bool cancel;
    atomic_uint_least64_t done, total; /* bytes */
};

struct snap_backup {
    atomic_uint refs;
    struct snap_inst *inst; /* a reference */
    struct manifest *man;   /* fixed */
    char name[256];         /* inst->lock, as what follows */
    bool held;
    bool gone;
    unsigned open;    /* files */
    time_t last_read; /* 0: never */
    time_t noted;     /* of the time in the store */
};

struct snap_inst {
    atomic_uint refs;
    struct snap *snap; /* not after snap_close */
    char *name, *dir;  /* dir: sub-directory of SOURCE, or "." */
    uint64_t id;
    int dirfd; /* in the store; -1: none */
    struct events events;
    pthread_mutex_t change; /* one change of the names in dirfd at a time */
    pthread_mutex_t lock;   /* protects what follows */
    pthread_cond_t idle;    /* job.kind became JOB_NONE */
    bool present;
    struct snap_backup **backups; /* by name */
    unsigned nr_backups;
    struct job job;
    JET_ERR last_err; /* of the last job that ended */
    struct ese_fault last_why;
    char *error_line;  /* LastError; NULL: none */
    char *verify_line; /* LastVerify; NULL: none was made */
    bool no_flock;     /* the last backup could not lock its source: the filesystem has no flock */
    enum ese_state state;
    char *body; /* of status: databases, logs, faults */
    char *status;
    size_t status_len;
    uint64_t status_serial;
    struct timespec status_time;
};

/* One entry of SOURCE that may hold instances, or SOURCE itself. */
struct unit {
    char *dir;
    uint64_t seen;            /* what its files looked like; 0: not looked at */
    bool found;               /* in this round */
    struct snap_inst **insts; /* that it holds; the references are snap->insts' */
    unsigned nr;
};

struct snap {
    struct store store;
    int source_fd;
    char *self_name; /* of the instance that SOURCE itself is */
    uint64_t rate;
    unsigned threads;
    bool ro;
    struct keep keep;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;  /* of the watcher */
    pthread_cond_t turn;  /* a job ended */
    snap_change_fn *fn;
    void *fn_ctx;
    char *reads;
    struct snap_inst **insts; /* by name; those that vanished stay, not present */
    unsigned nr_insts;
    unsigned running, at_work; /* jobs; those of them whose turn it is */
    bool stop;
    pthread_t watcher;
    bool watching;
    struct unit *units; /* the watcher's alone */
    unsigned nr_units;
    uint64_t root_seen;
    bool root_is_instance;
};

/* inst.c */
void snap_tell(struct snap_inst *i, enum snap_change what, const char *name, const char *old);
void inst_event(struct snap_inst *i, enum event_severity severity, uint32_t id, const char *fmt,
                ...) printf_like(4, 5);
must_check JET_ERR inst_new(struct snap *s, const char *name, const char *dir,
                            struct snap_inst **ret);
void inst_forget(struct snap_inst *i); /* at snap_close: breaks the cycle of references */
struct snap_inst *inst_search(struct snap *s,
                              const char *name); /* snap->lock held; also vanished ones */

/* watch.c */
void watch_once(struct snap *s);
void *watch_thread(void *snap);
void watch_done(struct snap *s);

/* status.c */
void status_describe(struct snap_inst *i, const struct ese_instance *found);
void status_refresh(struct snap_inst *i);
/* Its parts, for who changes the instance and wants the text to change with it: the text of `Reads:`
 * (malloc'd; snap->lock must not be held), and the making (inst->lock held; true: it is another). */
char *status_reads(struct snap *s);
bool status_rebuild(struct snap_inst *i, const char *reads);

/* catalogue.c */
#define HOLD_NAME      ".hold"
#define READ_NOTE_SECS 60 /* the time of reading in the store is at most this old */
void catalogue_load(struct snap_inst *i);
void catalogue_clear(struct snap_inst *i);
bool catalogue_has(struct snap_inst *i, const char *name);
/* A new entry, in no list yet; takes man over. NULL: out of memory. */
struct snap_backup *catalogue_entry(struct snap_inst *i, const char *name, struct manifest *man);
bool catalogue_is_newer(const struct snap_backup *a, const struct snap_backup *b);
/* The list; inst->lock held. */
struct snap_backup *catalogue_lookup(const struct snap_inst *i, const char *name);
const struct snap_backup *catalogue_newest(const struct snap_inst *i);
/* Room for one more, so that an insertion after the commit cannot fail. */
bool catalogue_reserve(struct snap_inst *i);
void catalogue_insert(struct snap_inst *i, struct snap_backup *b);
void catalogue_take_out(struct snap_inst *i, const struct snap_backup *b);

/* change.c */
/* The commit: gives the partial directory its name, durably. On success the manifest is taken over. */
must_check JET_ERR catalogue_commit(struct snap_inst *i, const char *partial, const char *name,
                                    struct manifest *man, struct ese_fault *why);
void catalogue_expire(struct snap_inst *i); /* keep= */

/* job.c */
must_check JET_ERR job_begin(struct snap_inst *i, enum job_kind kind, const char *name,
                             struct ese_fault *why);
void job_end(struct snap_inst *i, JET_ERR err, const struct ese_fault *why);
must_check JET_ERR job_background(struct snap_inst *i, struct ese_fault *why);
JET_ERR job_run(struct snap_inst *i, snap_stop_fn *should_stop, void *ctx, struct ese_fault *why);
must_check JET_ERR job_wait(struct snap_inst *i, snap_stop_fn *should_stop, void *ctx,
                            struct ese_fault *why);
void job_cancel(struct snap_inst *i);

/* Asked often by whoever works: shall it stop? Looks at the job's own flag each time and asks
 * should_stop at most twenty times a second. */
struct stopper {
    struct snap_inst *inst;
    snap_stop_fn *should_stop;
    void *ctx;
    uint64_t asked_ms;
    bool interrupted; /* by should_stop */
};
bool stopper_stop(struct stopper *s);
/* Fills why; JET_errBackupAbortByServer. */
JET_ERR stopper_error(const struct stopper *s, struct ese_fault *why);

/* take.c, verify.c: the work itself, when it is its turn. */
must_check JET_ERR take_run(struct snap_inst *i, const char *name, struct stopper *stop,
                            struct ese_fault *why);
must_check JET_ERR verify_run(struct snap_inst *i, const char *name, struct stopper *stop,
                              struct ese_fault *why);
/* What the check finds goes through an ese_fault_fn to `events`; the first fault is remembered. */
struct finder {
    struct snap_inst *inst;
    unsigned nr; /* of everything that was reported */
    unsigned corrected;
    bool rotten; /* verify: what could be corrected is a fault, the copy was right once */
    struct ese_fault first; /* err 0: none */
};
void finder_report(void *ctx, const struct ese_fault *f);

#endif
