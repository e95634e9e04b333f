/*
 * Nodes of a tree as a session sees them (ESE: DIR and BT): places, moves, and changes that are
 * logged, versioned and undoable. Everything above goes through here; splits and merges (smo.h) and
 * space (spacewrite.h) lie below.
 *
 * A place outlives the calls: it is the page, the line and the page's dbtime, with the bookmark to
 * find it again when the page has changed since. No pin or latch is kept between calls, except from
 * dir_get to dir_release.
 *
 * One change, in this order (write path 0): page latched exclusively, conflict test and version,
 * dbtime, record, page, dirty. When the node does not fit: page let go, smo_do with the same
 * version, done there.
 */
#ifndef ESE_BTREE_DIR_H
#define ESE_BTREE_DIR_H

#include "txn/ver.h"

enum dir_at {
    DIR_NOWHERE,
    DIR_BEFORE_FIRST,
    DIR_AFTER_LAST,
    DIR_ON,     /* on a node: it may be gone by now (dir_get says so) */
    DIR_BEFORE, /* between: a seek's key would be in front of the node at the bookmark */
    DIR_AFTER,  /* between: behind it */
};

struct dir {
    struct sess *sess;
    struct tree *tree;
    enum dir_at at;
    pgno_t pgno; /* where the bookmark's node was at that dbtime */
    unsigned line;
    dbtime_t dbtime;            /* of the page when the place was noted */
    struct buf *hint;           /* see buf_get_hint; NULL: only the bookmark is known */
    struct buf *buf;            /* latched shared: between dir_get and dir_release */
    uint32_t key_len, data_len; /* of the bookmark */
    uint32_t cap;
    uint8_t *bm;     /* key, data */
    uint8_t *image;  /* page_size bytes, when a before image had to stand in */
    uint8_t appends; /* inserts in a row that went to the end of the tree */
};

struct dir_node {      /* valid until dir_release */
    struct slice key;  /* whole key, in the cursor's memory: dir.bm */
    struct slice data; /* as this session sees it */
    pgno_t pgno;
    bool from_image; /* an older version than the page has */
};

must_check JET_ERR dir_init(struct dir *d, struct sess *s, struct tree *t);
void dir_done(struct dir *d);
must_check JET_ERR dir_copy_place(struct dir *to, const struct dir *from);

/* JET_errNoCurrentRecord: there is none in that direction, the place is before the first or after
 * the last. From DIR_BEFORE and DIR_AFTER the neighbour is meant. Nodes that the session does not
 * see are passed over. */
must_check JET_ERR dir_first(struct dir *d);
must_check JET_ERR dir_last(struct dir *d);
must_check JET_ERR dir_next(struct dir *d);
must_check JET_ERR dir_prev(struct dir *d);
/* dir_next or dir_prev, and the node at once: what dir_get would give. The fast way of a scan, and
 * faster still without dir_release in between: then it goes on under the latch. */
must_check JET_ERR dir_next_get(struct dir *d, struct dir_node *ret);
must_check JET_ERR dir_prev_get(struct dir *d, struct dir_node *ret);

enum dir_seek { DIR_EQ, DIR_GE, DIR_GT, DIR_LE, DIR_LT };
/* Bookmarks and keys that are handed in must not lie in the place's own memory (dir_bookmark of the
 * same place). bm->data counts in non-unique trees only; with empty data DIR_EQ and DIR_GE mean the
 * first, DIR_LE the last node of that key or before. JET_errRecordNotFound (place: DIR_BEFORE or
 * DIR_AFTER a neighbour, so that dir_next and dir_prev go on from there); JET_wrnSeekNotEqual: GE,
 * LE found another one. */
must_check JET_ERR dir_seek(struct dir *d, const struct bookmark *bm, enum dir_seek how);
/* The place of a bookmark, whether its node is there or not; no page is touched. */
must_check JET_ERR dir_place(struct dir *d, const struct bookmark *bm);

/* The node the place is on, its page latched shared until dir_release or the next call with the
 * place; in between no call that may wait for a tree. JET_errRecordDeleted: gone for this session;
 * JET_errNoCurrentRecord: the place is on none. */
must_check JET_ERR dir_get(struct dir *d, struct dir_node *ret);
void dir_release(struct dir *d); /* fine without dir_get */
/* Keys only: for ranges and counts, the bookmark of a place that is DIR_ON. */
static inline struct bookmark dir_bookmark(const struct dir *d)
{
    return (struct bookmark){{d->bm, d->key_len}, {d->bm + d->key_len, d->data_len}};
}

enum dir_flags {
    DIR_UNVERSIONED = 1,  /* redo only: index builds, engine's own bookkeeping */
    DIR_APPEND = 2,       /* the caller believes the key to be the last one */
    DIR_FULL_REPLACE = 4, /* Replace, never ReplaceD (write path 4.2) */
};

/* Changes: JET_errNotInTransaction at level 0; those of versions, log and space besides what is
 * named.
 *
 * The place is on the new node afterwards. JET_errKeyDuplicate (write path 3.3, 13.3);
 * JET_errKeyTooBig, JET_errRecordTooBig: key and data would not fit into a page with others (node
 * size limit). */
must_check JET_ERR dir_insert(struct dir *d, struct slice key, struct slice data, unsigned flags);
/* The node the place is on. JET_errWriteConflict, JET_errRecordDeleted, JET_errRecordTooBig. Equal
 * data: nothing is done. */
must_check JET_ERR dir_replace(struct dir *d, struct slice data, unsigned flags);
must_check JET_ERR dir_flag_delete(struct dir *d, unsigned flags);
/* Adds to the i32 (or i64) at offset in the data. What was there before (NULL: not wanted). */
struct dir_delta_old {
    int64_t seen; /* by this session */
    int64_t all;  /* with what others have added and not committed */
};
must_check JET_ERR dir_delta(struct dir *d, uint16_t offset, int64_t delta, bool wide,
                             struct dir_delta_old *ret_old);
/* VER_WRITE_LOCK or VER_READ_LOCK. */
must_check JET_ERR dir_lock(struct dir *d, enum ver_oper lock);

/* Approximate place of the node among all: fraction of entries before it, as numerator and
 * denominator (ESE: BTGetPosition). */
must_check JET_ERR dir_position(struct dir *d, uint64_t *ret_before, uint64_t *ret_total);
/* A place near that fraction. */
must_check JET_ERR dir_goto_position(struct dir *d, uint64_t before, uint64_t total);

/* inst.hooks: undo and clean of versions. */
extern const struct ver_hooks dir_ver_hooks;
/* Long values are removed by the room above: fn is called for an LV root whose count a committed
 * Delta has left at 0, in a transaction of the engine's. Set once, before the first instance. */
typedef JET_ERR dir_lv_clean_fn(struct sess *s, struct tree *t, const struct bookmark *bm);
void dir_set_lv_cleaner(dir_lv_clean_fn *fn);
/* After a crash: what nobody sees any more goes from a leaf of the tree, as the version store would
 * have had it removed. There is such a tree (a dropped one looks no different); the page need not be
 * a leaf of it any more. s: of the engine's, at level 0. */
must_check JET_ERR dir_sweep_leaf(struct sess *s, struct db *d, pgno_t root, objid_t objid,
                                  pgno_t leaf);
/* buf_flush_log_fn of a running database; ctx: struct db. UndoInfo for what is open on the page,
 * then the log up to lgpos. */
JET_ERR dir_before_flush(void *db, const struct buf *b, lgpos_t lgpos);

#endif
