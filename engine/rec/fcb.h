/*
 * A table in use: what every session that has it open shares (ESE: FCB, TDB, IDB). Made from the
 * catalogue when a table is opened first, kept while it is open and a while longer, gone when it
 * was deleted or its database closes.
 *
 * Columns and indexes change while others use them, and readers never wait for that: a table's
 * schema at one moment is a struct tdb that never changes; DDL makes another one. A cursor holds
 * one and looks with fcb_refresh, at each of its operations, whether there is a newer one: one load
 * and one comparison.
 *
 * Who sees what: the name of a table is looked up in the catalogue itself, as the session sees
 * that, versions and all. Columns and indexes that were added or removed by a transaction that
 * somebody may be older than are marked `versioned`; for these fcb_column_find, fcb_column_visible,
 * fcb_index_find and fcb_index_visible ask the catalogue too. What a session does not see is kept
 * up nevertheless: an update maintains every index of the newest tdb (but not one of text of a foreign
 * order, which it cannot).
 *
 * Locks: fcb.ddl comes before tree.smo in the order of txn/inst.h. Each update holds it shared
 * (fcb_change_begin), the build of an index exclusively. fcb.numbers comes behind it. Innermost,
 * with no page and no log under them: the cache's own lock, then fcb.lock, then that of the table's
 * template.
 */
#ifndef ESE_REC_FCB_H
#define ESE_REC_FCB_H

#include "rec/catalog.h"
#include "txn/sess.h"

struct fcb;
struct fcb_col;
struct fcb_cols;
struct fcb_mem;
struct fcb_user;

struct fcb_index {     /* constant but for the atomics */
    struct index def;  /* strings and slices are the object's own */
    struct tree *tree; /* of the primary index: the table's own, with a reference */
    uint32_t density;
    struct space_hints hints;
    bool primary, unique;
    bool has_text; /* a segment of Unicode text */
    /* ... whose keys another version of the sort order made: no entry may be made or sought by key.
     * JET_errSecondaryIndexCorrupted (primary: JET_errPrimaryIndexCorrupted) to who would */
    bool foreign_sort;
    uint8_t fixed_var[32];      /* bit n: fixed or variable column n is a segment or condition */
    bool any_tagged;            /* a tagged column is */
    _Atomic uint32_t versioned; /* not 0: created or deleted by a transaction that somebody may be
                                   older than */
    _Atomic bool deleting;      /* deleted, not committed or not old enough yet; still maintained */
    _Atomic uint32_t users;     /* cursors that have it as their current one: fcb_index_use */
    _Atomic uint32_t refs;
    uint8_t *mem;
};

struct tdb { /* a table's schema at one moment; constant but for refs */
    _Atomic uint32_t refs;
    struct table table;    /* name and numbers; its indexes: the primary one, if there is one */
    struct schema schema;  /* columns: the template's, its own; deleted ones left out */
    struct fcb_col **cols; /* of the schema's columns, for fcb_column_visible */
    const struct column *auto_inc, *version; /* NULL: none */
    struct fcb_index *primary;               /* NULL: rows are numbered */
    unsigned nr_indexes; /* secondary ones, newest first: the order of their upkeep */
    struct fcb_index **indexes;
    uint16_t fixed_last, var_last; /* highest numbers in use, deleted ones too; 0, 127: none */
    uint32_t tagged_last;          /* 255: none */
    uint32_t *by_fid[2]; /* [template]: place in schema.columns + 1, by number; tdb_column */
    uint32_t nr_by_fid[2];
};

/* NULL: deleted, or there never was one. columnid as the API has it, with COLUMN_ID_TEMPLATE. */
static inline const struct column *tdb_column(const struct tdb *t, uint32_t columnid)
{
    const unsigned from = (columnid & COLUMN_ID_TEMPLATE) != 0;
    const uint32_t fid = columnid & ~COLUMN_ID_TEMPLATE;
    const uint32_t at = fid < t->nr_by_fid[from] ? t->by_fid[from][fid] : 0;

    return at ? &t->schema.columns[at - 1] : NULL;
}
/* The column of an index segment. */
static inline const struct column *tdb_segment(const struct tdb *t, const struct index_segment *g)
{
    return tdb_column(t, g->fid | (g->from_template ? COLUMN_ID_TEMPLATE : 0));
}

enum fcb_how { /* values as JET_bitTable... */
               FCB_DENY_WRITE = 0x1,
               FCB_DENY_READ = 0x2,
               FCB_READ_ONLY = 0x4,
               FCB_PERMIT_DDL = 0x10, /* of a table with fixed DDL; needs FCB_DENY_READ */
};

/* A program's function for changes of the table's rows. Kept until the table is forgotten, so that whoever walks the list
 * needs no lock. */
struct fcb_callback {
    struct fcb_callback *next;
    uintptr_t number;
    _Atomic uint32_t kinds; /* JET_cbtyp...; 0: not any more */
    void (*fn)(void);       /* api/'s to cast and to call */
    void *ctx;
};

struct fcb {
    struct db *db;
    struct table def; /* constant but for the name (lock; fcb_name) and lv_pgno, lv_objid, which do
                         not change any more once they are not 0 (lock). No columns, no indexes */
    struct tree *tree;
    uint32_t intrinsic_most; /* preferred largest value in the record; 0: as ESE chooses */
    struct space_hints hints, lv_hints;
    struct fcb *template; /* a reference; NULL: none */
    pthread_rwlock_t ddl;
    pthread_mutex_t building; /* outside of ddl: one index build at a time */
    _Atomic uint64_t gate;    /* not 0: somebody builds; set with ddl held */
    pthread_cond_t gate_opened;
    pthread_mutex_t lock;
    _Atomic(struct tdb *) tdb;      /* newest, with a reference; NULL: to be made anew (lock) */
    _Atomic(struct tree *) lv;      /* NULL: no long values yet, or not asked for yet */
    _Atomic uint64_t auto_inc;      /* last value handed out */
    _Atomic uint64_t auto_inc_most; /* reserved; without end where the root has no counter */
    _Atomic uint32_t dbk;           /* last row number handed out */
    _Atomic bool deleted; /* its creation was rolled back, or its end committed: no use is good any
                             more (JET_errInvalidTableId) but fcb_close */
    _Atomic bool have_auto_inc, have_dbk; /* they were looked up */
    pthread_mutex_t numbers; /* looking them up, reserving more: pages are latched under it */
    uint32_t auto_inc_batch; /* numbers */
    _Atomic(struct fcb_callback *) callbacks; /* newest first; lock to change */
    _Atomic uint32_t nr_cursors;              /* of programs; counted for them (rec/fucb.h) */
    /* lock, all of the following but the last four */
    struct fcb_mem *mem;
    struct fcb_cols *cols;  /* every column there is or was, of its own */
    struct fcb_index **all; /* every index, newest first, the primary one too */
    unsigned nr_all, room_all;
    struct fcb_user *users; /* sessions that have it open */
    unsigned nr_users, room_users;
    bool deleting; /* by a transaction that somebody may be older than: JET_errTableLocked */
    uint32_t refs; /* the cache's lock */
    struct fcb *next_hash, *next_lru, *prev_lru; /* the cache's lock */
};

/*
 * By its name as the session sees it. JET_errObjectNotFound, JET_errInvalidName;
 * JET_errTableLocked: somebody has exclusive use of it or is deleting it; JET_errTableInUse: `how`
 * asks for exclusive use that others' cursors forbid; JET_errInvalidGrbit; JET_errCatalogCorrupted.
 * Uses of one session do not exclude each other.
 */
must_check JET_ERR fcb_open(struct sess *s, struct db *d, const char *name, unsigned how,
                            struct fcb **ret);
/* Another use of an open one by the same session (JetDupCursor). */
must_check JET_ERR fcb_open_again(struct sess *s, struct fcb *f, unsigned how);
void fcb_close(struct sess *s, struct fcb *f, unsigned how);
/* `how` of this session's uses of it together. */
unsigned fcb_how_of(struct sess *s, struct fcb *f);
/* Its name now; buf: FCB_NAME_LEN bytes. */
#define FCB_NAME_LEN (3 * NAME_MOST + 1)
void fcb_name(struct fcb *f, char *buf);

/* The newest tdb, with a reference of its own; *held is NULL or an older one, whose reference goes.
 * JET_errOutOfMemory: *held stays. */
must_check JET_ERR fcb_refresh_slow(struct fcb *f, struct tdb **held);
static inline must_check JET_ERR fcb_refresh(struct fcb *f, struct tdb **held)
{
    const struct tdb *now = atomic_load_explicit(&f->tdb, memory_order_acquire);

    /* while *held is referenced its address is nobody else's, so equal means the same */
    return now && now == *held ? JET_errSuccess : fcb_refresh_slow(f, held);
}
void tdb_put(struct tdb *t); /* NULL is fine */
/* One more reference, of somebody who has one. */
static inline struct tdb *tdb_ref(struct tdb *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/* By name, without case, among those that the session sees; the template's too.
 * JET_errColumnNotFound, JET_errInvalidName. */
must_check JET_ERR fcb_column_find(struct sess *s, struct fcb *f, const struct tdb *t,
                                   const char *name, const struct column **ret);
/* Whether the session sees the column already, or still. < 0: the catalogue could not be read. */
must_check JET_ERR fcb_column_visible(struct sess *s, struct fcb *f, const struct tdb *t,
                                      const struct column *c, bool *ret);
/* By name, the primary one too; NULL or "": the primary one, and *ret NULL when rows are numbered.
 * JET_errIndexNotFound. The index has a reference: fcb_index_put. */
must_check JET_ERR fcb_index_find(struct sess *s, struct fcb *f, const struct tdb *t,
                                  const char *name, struct fcb_index **ret);
must_check JET_ERR fcb_index_visible(struct sess *s, struct fcb *f, struct fcb_index *ix,
                                     bool *ret);
void fcb_index_put(struct fcb_index *ix); /* NULL is fine */
/* A cursor's current index: nobody can delete it then (JET_errIndexInUse).
 * JET_errIndexNotFound: it is being deleted. */
must_check JET_ERR fcb_index_use(struct fcb *f, struct fcb_index *ix);
void fcb_index_unuse(struct fcb_index *ix);

/* Around each change of a table's rows, from before the tdb is looked at until the last index is
 * done; no thread twice. Waits for an index build, where its own transaction is not one that the
 * build waits for. */
void fcb_change_begin(struct sess *s, struct fcb *f);
/* False: it would have to wait. */
bool fcb_change_try(struct sess *s, struct fcb *f);
void fcb_change_end(struct fcb *f);

/* The tree of long values, kept with the table; made, in an inner transaction of s, if there is
 * none and `make` says so. *ret NULL: there is none. */
must_check JET_ERR fcb_lv_tree(struct sess *s, struct fcb *f, bool make, struct tree **ret);
/* The next value of the auto-increment column; never given twice. s is in a transaction.
 * JET_errOutOfAutoincrementValues. */
must_check JET_ERR fcb_next_auto_inc(struct sess *s, struct fcb *f, const struct tdb *t,
                                     uint64_t *ret);
/* The next row number of a table without primary index. JET_errOutOfSequentialIndexValues. */
must_check JET_ERR fcb_next_dbk(struct sess *s, struct fcb *f, uint32_t *ret);

/* The table stays in the cache with its functions until its database goes. *ret: its number. */
must_check JET_ERR fcb_callback_add(struct fcb *f, uint32_t kinds, void (*fn)(void), void *ctx,
                                    uintptr_t *ret);
/* False: there is none of that number and kind. */
bool fcb_callback_end(struct fcb *f, uint32_t kinds, uintptr_t number);

/* The cache of a database, db.schema, goes. Nothing in it is open. */
void fcb_free_all(struct db *d);

#endif
