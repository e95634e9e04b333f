/* Between fcb*.c, catwrite.c and ddl*.c. */
#ifndef ESE_REC_FCB_PRIV_H
#define ESE_REC_FCB_PRIV_H

#include "rec/catwrite.h"
#include "rec/fcb.h"

/* ---- db.schema ------------------------------------------------------------------------------- */

struct cat_trees {                          /* of one database; constant but for objids */
    struct tree *id, *name, *root, *shadow; /* shadow NULL: shadowing is off */
    _Atomic(struct tree *) objids;          /* MSysObjids; NULL: none, or not looked for yet */
};

#define CATALOG_DENSITY 80u /* percent (ESE: daeconst.hxx ulFILEDefaultDensity) */
#define FCB_BUCKETS     256u
#define FCB_UNUSED_MAX  128u /* tables nobody has open that are kept */

/* What lies in the version store and holds on to tables and trees of the database. */
struct fcb_hold {
    struct fcb_hold *next, *prev;
    void (*drop)(struct fcb_hold *h); /* the database closes: lets go of them */
};
void fcb_hold_begin(struct db *d, struct fcb_hold *h);
void fcb_hold_end(struct db *d, struct fcb_hold *h);

struct fcb_cache {
    struct cat_trees trees;
    pthread_mutex_t lock; /* the following, and fcb.refs */
    /* Outside of all trees' locks: one session at a time counts in MSysLocales, or makes a tree
     * of long values. */
    pthread_mutex_t locales_lock, lv_lock;
    struct fcb *hash[FCB_BUCKETS];
    struct fcb *unused_first, *unused_last; /* oldest first */
    unsigned nr_unused;
    struct fcb_hold *holds;
};
must_check JET_ERR fcb_cache_get(struct db *d, struct fcb_cache **ret);

/* ---- tables ---------------------------------------------------------------------------------- */

/* A column of the table's own; lives as long as the fcb. fcb.lock, but for versioned. */
struct fcb_col {
    struct column c; /* fixed ones with their offset; deleted ones too */
    bool deleted;
    bool deleting; /* by a transaction that somebody may be older than; still in every tdb */
    _Atomic uint32_t versioned; /* as fcb_index.versioned */
    struct fcb_col *next_gone;
};

struct fcb_cols {
    struct fcb_col **col; /* by number */
    unsigned nr, room;
    uint16_t fixed_last, var_last; /* 0, 127: none */
    uint32_t tagged_last;          /* 255: none */
    uint32_t fixed_end;            /* where the next fixed column begins */
    struct fcb_col *gone;          /* not in col any more, a tdb may have them yet */
};

struct fcb_mem { /* strings and bytes that live as long as the fcb */
    struct fcb_mem *next;
    uint8_t b[];
};

struct fcb_user {
    struct sess *s;
    unsigned nr, nr_update, nr_deny_read, nr_deny_write, nr_permit_ddl;
};

struct fcb_callbacks_hold { /* of a table that has functions: it stays in the cache */
    struct fcb_hold hold;
    struct fcb *f; /* a reference */
};
void fcb_callbacks_free(struct fcb *f);

/* Reads the catalogue; nobody else has it yet. JET_errObjectNotFound. */
must_check JET_ERR fcb_load(struct sess *s, struct db *d, objid_t objid, struct fcb **ret);
void fcb_free(struct fcb *f); /* NULL is fine; half-built ones too */
/* Made from what the session sees of the catalogue, or found. With a reference.
 * JET_errObjectNotFound. */
must_check JET_ERR fcb_get(struct sess *s, struct db *d, objid_t objid, struct fcb **ret);
void fcb_ref(struct fcb *f);
void fcb_unref(struct fcb *f); /* NULL is fine */
/* Not to be found any more; goes with its last reference. */
void fcb_forget(struct fcb *f);
void fcb_forget_objid(struct db *d, objid_t objid);
must_check JET_ERR fcb_use(struct sess *s, struct fcb *f, unsigned how);
void fcb_unuse(struct sess *s, struct fcb *f, unsigned how);
/* Nobody but s has it open; NULL: nobody at all. */
bool fcb_is_exclusive(struct sess *s, struct fcb *f);
/* An index build, from its first attempt to the end of its last; the gate closes with f->ddl held,
 * s's transaction just begun. */
void fcb_build_begin(struct fcb *f);
void fcb_gate_close(struct fcb *f, const struct sess *s);
void fcb_build_end(struct fcb *f);
/* Looks up a table. JET_errObjectNotFound. */
must_check JET_ERR fcb_lookup(struct sess *s, struct db *d, struct slice name, objid_t *ret_objid);

/* f->lock held, all of the following up to the end. */
/* And a NUL; bytes NULL: the caller fills them in. NULL: no memory. */
struct fcb_mem *fcb_keep(struct fcb *f, const void *bytes, size_t len);
const char *fcb_keep_name(struct fcb *f, struct slice name);
/* Appends, keeps the order of numbers. NULL: no memory. c's strings are kept already. */
struct fcb_col *fcb_add_col(struct fcb *f, const struct column *c);
struct fcb_col *fcb_find_col(struct fcb *f, uint32_t fid);
void fcb_remove_col(struct fcb *f, struct fcb_col *col);
/* With a reference that is the fcb's. False: no memory. */
bool fcb_add_index(struct fcb *f, struct fcb_index *ix);
void fcb_remove_index(struct fcb *f, struct fcb_index *ix);
/* The schema has changed: cursors get another one. */
void fcb_changed(struct fcb *f);
/* Columns of it have, and if it is a template, so has that of the tables that derive from it.
 * f->lock is not held. */
void fcb_columns_changed(struct fcb *f);

/* An object for the row of an index; tree and reference included. */
must_check JET_ERR fcb_index_new(struct fcb *f, const struct catrow *row, struct fcb_index **ret);
/* Masks and marks that follow from the columns: fixed_var, any_tagged, has_text, foreign_sort. */
void fcb_index_columns(struct fcb_index *ix);
/* Density and hints, in pages. */
void fcb_tree_hints(struct tree *t, uint32_t density, const struct space_hints *h);
/* Values up to `last` are in the table already. In a transaction of s. */
must_check JET_ERR fcb_start_auto_inc(struct sess *s, struct fcb *f, uint64_t last);
/* Reads the root's highest reserved auto-increment value. *ret_has false: it has none. */
must_check JET_ERR fcb_root_auto_inc(struct tree *t, bool *ret_has, uint64_t *ret);

/* ---- raw reading of a tree ------------------------------------------------------------------- */

/*
 * Leaves as they are on their pages, versions disregarded. Holds the tree's smo shared while it is
 * open: pages keep their place; each is latched only while it is copied.
 */
struct rawscan {
    struct sess *s;
    struct tree *tree;
    /* NULL, or asked about each node that has versions while its page is latched; an error ends
     * the scan */
    JET_ERR (*look)(void *ctx, struct slice key, uint8_t *ret_mark);
    void *ctx;
    uint8_t *page, *key; /* page_size bytes each */
    uint8_t *marks;      /* by line */
    pgno_t next;         /* leaf */
    pgno_t pgno;
    unsigned line, nr_lines;
    bool locked;
};
struct raw_node {
    struct slice key, data; /* key: whole; valid until the next call */
    unsigned flags;         /* NODE_* */
    uint8_t mark;           /* 0, or what `look` said */
    pgno_t pgno;
};
must_check JET_ERR raw_open(struct rawscan *r, struct sess *s, struct tree *t);
/* JET_errNoCurrentRecord: no more. */
must_check JET_ERR raw_next(struct rawscan *r, struct raw_node *ret);
/* The last node of the tree. JET_errNoCurrentRecord: none. */
must_check JET_ERR raw_last(struct rawscan *r, struct raw_node *ret);
void raw_close(struct rawscan *r);

#endif
