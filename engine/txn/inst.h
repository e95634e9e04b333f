/*
 * What a running instance is made of: the instance, its databases, the trees in them, its sessions.
 * Every room above shares these; who creates and ends them is said at each (recover/ brings an
 * instance to life).
 *
 * Lock order, outermost first. Nobody waits for one while holding one that stands below it:
 *   1. inst.lock          who is there: databases, sessions
 *   2. tree.smo           shape of one tree. Shared: its nodes may be read and changed, pages keep
 *      their place. Exclusive: split, merge, removal. Of two trees: the table's before the index's
 *      or LV's.
 *   3. db.space_lock      all space trees of the database, and tag 0 of every root page. Macros
 *      (splits, merges) are put together and applied under it, so no root's copy can miss a change
 *      of its header.
 *   4. page latches       parent before child, left before right; of one tree at a time, except
 *      that a leaf of a table may be held shared while its LV tree is read. An evictor only tries.
 *   5. version store's bucket locks, db.hdr_lock, locks inside wal and bufcache
 * Cleaning (ver_clean, and the cleaner's thread) comes before 2: whoever waits for it holds no smo,
 * space_lock or latch.
 */
#ifndef ESE_TXN_INST_H
#define ESE_TXN_INST_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/fault.h"
#include "buf/buf.h"
#include "log/logrec.h"
#include "log/wal.h"
#include "page/dbhdr.h"

#define DBID_MAX 6 /* attached databases; ESE: dbidMax - 1 */

struct db;
struct inst;
struct redo_db; /* btree/redo.h */
struct sess;
struct trx;
struct tree;
struct ver;
struct verstore;

struct inst_conf { /* the atomics may change while the instance runs */
    uint32_t page_size;
    uint32_t log_file_kib;
    uint32_t cache_min, cache_max;     /* pages */
    _Atomic uint32_t checkpoint_depth; /* bytes of log that a recovery should have to replay */
    uint32_t ver_max; /* bytes of the version store; JET_errVersionStoreOutOfMemory beyond */
    _Atomic uint32_t db_extension; /* pages by which a database grows */
    uint32_t efv;                  /* JET_paramEngineFormatVersion: what new files are written as */
    bool logging, circular, read_only;
    char base[4]; /* "edb" */
};

/* Calls that go up, handed down by the room that makes them (btree/dir.h: dir_hooks). */
struct ver_hooks {
    /* Takes back one operation: [UndoInfo] Undo record, page. Cannot fail but fatally. */
    JET_ERR (*undo)(struct sess *s, struct ver *v);
    /* The node of a committed FlagDelete, or of an undone Insert, that nobody can see any more:
     * physical Delete, merge. s: a session of the engine in a transaction of its own. Also for LV
     * roots whose count fell to 0. */
    JET_ERR (*clean)(struct sess *s, struct ver *v);
};

/* Of a surrogate backup the files are copied elsewhere, from a replica: here it is only known of. */
enum inst_backup { INST_NO_BACKUP, INST_BACKUP, INST_SURROGATE_BACKUP };

/* What recover/ does for a backup, handed down: the two rooms lie side by side. */
struct inst_life {
    /* From here on no database comes or goes, and no log is deleted by anybody but the backup; waits for whoever is at it.
     * JET_errBackupInProgress, JET_errSurrogateBackupInProgress: there is a backup already. */
    JET_ERR (*begin_backup)(struct inst *in, enum inst_backup kind);
    void (*end_backup)(struct inst *in);
    /* As the file says: JET_errCheckpointFileNotFound, JET_errCheckpointCorrupt, reported. */
    JET_ERR (*checkpoint)(struct inst *in, lgpos_t *ret);
    /* No checkpoint is written, and no header, until it is false again; waits for one that is being written. */
    void (*freeze)(struct inst *in, bool frozen);
    /* Where the log phase of a backup began; in the file when it is written next. */
    void (*note_backup)(struct inst *in, bool incremental, lgpos_t prepared, struct logtime time);
};

/* Transactions that are open, in the order of their numbers; zeroed at first (txn/sess.c). */
struct trx_table {
    _Atomic uint32_t lock; /* all fields, and that numbers are drawn by one at a time */
    struct sess *first, *last;
    struct {
        lgpos_t begin,
            commit; /* the smallest Begin0, the largest Commit0; begin 0: there is none */
    } lazy[2];      /* ended, their end perhaps not on disk yet: [0] waits for that, [1] gathers */
};

struct inst {
    struct inst_conf conf;
    struct wal *wal;           /* NULL: logging is off */
    uint32_t log_update_major; /* format of the log: 5, 60, .. (8.4000.X) */
    struct bufcache *cache;
    struct verstore *ver;
    const struct ver_hooks *hooks;
    const struct inst_life *life;
    const char *log_dir;         /* absolute; recover/'s */
    _Atomic int backup;          /* enum inst_backup: which one is under way (begin_backup) */
    _Atomic JET_ERR backup_stop; /* < 0: why it is to end; looked at between pieces */
    struct reporter r;           /* reporter.fn must be thread-safe */
    _Atomic JET_ERR failed; /* < 0: the instance is down (inst_fail); every later call returns it */
    _Atomic uint32_t trx_newest;   /* +4 per use; a multiple of 4 */
    _Atomic uint32_t rceid_newest; /* +2 per use, starts at 0xFFFFFFAF */
    struct trx_table open;

    pthread_mutex_t lock;
    struct db *db[DBID_MAX + 1]; /* by dbid, 1 ..; NULL: free */
    struct sess **sess;          /* by procid; NULL: free */
    unsigned nr_sess;            /* slots */
    void *owner;                 /* the api's own instance, for events and parameters */
};

/* Puts the instance down for good: a log write, a data write or an undo failed. Returns err. The
 * first one stays. */
JET_ERR inst_fail(struct inst *in, JET_ERR err);
static inline JET_ERR inst_check(const struct inst *in)
{
    return atomic_load_explicit(&in->failed, memory_order_relaxed);
}

/* JET_errBackupInProgress, JET_errSurrogateBackupInProgress. */
static inline JET_ERR inst_check_backup(const struct inst *in)
{
    switch (atomic_load(&in->backup)) {
    case INST_BACKUP:
        return RAISE(JET_errBackupInProgress);
    case INST_SURROGATE_BACKUP:
        return RAISE(JET_errSurrogateBackupInProgress);
    default:
        return JET_errSuccess;
    }
}

struct db { /* an attached database */
    struct inst *inst;
    uint8_t dbid;
    char *path;
    int fd;
    bool read_only, creating; /* creating: before CreateDBFinish */
    uint32_t page_size;
    uint32_t update_major; /* format: 20, 110, ..; decides on NewPage, ExtentFreed2 */
    pthread_mutex_t hdr_lock;
    uint8_t *hdr; /* header page, page_size bytes; hdr_lock */
    struct bufpool *pool;
    struct redo_db *redo;       /* redo's functions applied to a running database; space_lock */
    _Atomic dbtime_t dbtime;    /* last one handed out */
    _Atomic objid_t objid_last; /* last one handed out */
    pthread_mutex_t space_lock; /* recursive */
    pgno_t pgno_last;           /* last page of the file; space_lock */
    pgno_t pgno_max;           /* it does not grow beyond that page; 0: as far as there are pages */
    pthread_mutex_t tree_lock; /* the list of trees */
    struct tree *trees;        /* linked by tree.next; tree_lock */
    struct tree **tree_hash;   /* by root, linked by tree.next_hash; tree_lock */
    unsigned nr_tree_hash, nr_trees;
    void *schema; /* rec/'s cache of tables; rec/fcb.h */
};
/* Which records and structures a database may get: its format and the log's both decide (ESE:
 * sysver.cxx). */
static inline bool db_has_new_page(const struct db *d) /* LR_NEW_PAGE */
{
    return d->update_major >= 90 && d->inst->log_update_major >= 40;
}
static inline bool db_has_extent_freed2(const struct db *d) /* LR_EXTENT_FREED2 */
{
    return d->update_major >= 230 && d->inst->log_update_major >= 120;
}
static inline bool db_has_root_fields(const struct db *d) /* auto-increment in the root's header */
{
    return d->update_major >= 30;
}
static inline struct dbhdr_disk *db_hdr(const struct db *d)
{
    return (struct dbhdr_disk *)d->hdr;
}
static inline dbtime_t db_dbtime_next(struct db *d)
{
    return atomic_fetch_add_explicit(&d->dbtime, 1, memory_order_relaxed) + 1;
}

struct tree { /* a B+ tree in use (ESE: FCB). One object per root, shared by all sessions */
    struct db *db;
    pgno_t root, pgno_parent; /* pgno_parent: FDP whose extents it gets; 1 for tables */
    objid_t objid;
    bool unique; /* bookmarks are keys; else key and data */
    /* An OE or AE tree: pgno_parent is the FDP that it serves, which log records name instead of
     * its own root; it is unique whatever that tree is, and LR_PAGE_UNIQUE tells of that tree: no
     * PAGE_NON_UNIQUE. space_lock. */
    bool space;
    uint32_t
        page_flags; /* PAGE_* that say what it is: PAGE_INDEX, PAGE_LONG_VALUE, PAGE_SPACE_TREE, PAGE_NON_UNIQUE */
    uint32_t density; /* percent, 20..100: an append split leaves 100 - density free */
    uint32_t hint_initial, hint_growth, hint_min, hint_max; /* space hints in pages; 0: none */
    pthread_rwlock_t smo;    /* writers first: a thread must not take it shared twice */
    _Atomic uint32_t nr_ver; /* versions of its nodes in the store; 0: readers need not look */
    _Atomic uint32_t refs;
    _Atomic uint64_t
        lid_last;         /* long values: last number given out; 0: not known yet (rec/lvwrite.h) */
    _Atomic bool deleted; /* dropped, space about to be freed: cleaners keep off */
    struct tree *next, *next_hash; /* db.tree_lock */
    pgno_t avail_hint
        [5]; /* [i]: no extent of 1 << i pages or more is available before it; db.space_lock */
};

/* Finds or makes the object; the caller has a reference. page_flags without ROOT, LEAF and the
 * like. */
must_check JET_ERR tree_get(struct db *d, pgno_t root, objid_t objid, bool unique,
                            uint32_t page_flags, pgno_t pgno_parent, struct tree **ret);
void tree_put(
    struct tree *t); /* NULL is fine; objects stay with their database until it is closed */
/* All of them, when the database goes. */
void tree_free_all(struct db *d);

#define TRX_NONE UINT32_MAX

struct sess { /* ESE: PIB. One thread at a time; other threads read the atomics */
    struct inst *inst;
    uint16_t procid;
    uint8_t level;                /* transactions open, nested */
    uint8_t level_logged;         /* of these, how many have their Begin in the log */
    bool system;                  /* an engine's own session */
    bool lazy_default;            /* commits are lazy when nothing is said */
    _Atomic uint32_t trx_begin0;  /* TRX_NONE at level 0 */
    _Atomic lgpos_t lgpos_begin0; /* of Begin0; UINT64_MAX: not logged. Holds the checkpoint back */
    lgpos_t lgpos_commit;         /* end of the last Commit0 of this session */
    struct trx *trx;              /* shared by this transaction's versions; NULL: none yet */
    struct ver *ver_newest; /* this transaction's versions, newest first; linked by ver.older */
    uint32_t
        update_id; /* != 0: versions made now belong to this update (JetPrepareUpdate .. JetUpdate) */
    uint32_t update_last; /* counter */
    void *owner;          /* the api's session */
};

#endif
