/*
 * The version store: for each change that others must not see yet, or may still need to see
 * through, one entry (ESE: RCE, ver.hxx; write path 13). Entries of a node hang together, newest
 * first, under (tree, bookmark); those of a transaction too, and committed transactions wait in
 * their order for the day when nobody needs them any more.
 *
 * A node is changed only by who has its page latched exclusively (or the tree's smo exclusively),
 * and that is also when its entries are made; so a reader with the page latched shared sees node
 * and entries fit together.
 *
 * A transaction's entries become visible in one step: they share a struct trx, which gets its
 * number while no transaction can begin (trx.c).
 */
#ifndef ESE_TXN_VER_H
#define ESE_TXN_VER_H

#include "txn/sess.h"

enum ver_oper { /* first ones as in Undo records (persistent) */
                VER_INSERT = 1,
                VER_REPLACE = 2,
                VER_FLAG_DELETE = 3,
                VER_DELTA = 4,
                VER_DELTA64 = 9,
                VER_WRITE_LOCK = 0x20,
                VER_READ_LOCK = 0x21,
                VER_DDL = 0x30, /* no node: `ddl` says what; undone and cleaned by its function */
};

struct ver;
/* What a DDL entry does: undo in memory and on disk at rollback, clean once nobody is older than
 * its commit. */
struct ver_ddl {
    JET_ERR (*undo)(struct sess *s, void *arg);
    JET_ERR (*clean)(struct sess *s, void *arg, uint32_t trx_commit);
    void (*free)(void *arg);
    /* Whose database; NULL: every one's, as far as ver_clean's d goes. The functions above may be
     * NULL too. */
    struct db *(*db)(const void *arg);
};

struct bookmark {
    struct slice key, data; /* data: empty in a unique tree */
};

struct ver {
    uint32_t rceid;
    uint8_t oper;
    _Atomic uint8_t level; /* lowered when an inner level commits */
    bool undo_logged;      /* UndoInfo of it is in the log; page latch */
    bool undone;           /* rolled back: nobody sees it; bucket lock */
    struct trx *trx;
    struct sess *sess; /* whose it is while the transaction is open */
    struct tree *tree; /* VER_DDL: NULL */
    uint32_t update_id;
    _Atomic lgpos_t lgpos; /* of the record; 0: the page is not changed yet */
    uint32_t key_len, data_len, image_len;
    int16_t size_max, size_delta; /* VER_REPLACE: as UndoInfo says them */
    int64_t delta;
    uint16_t offset; /* VER_DELTA: in the data */
    const struct ver_ddl *ddl;
    void *ddl_arg;
    struct ver *older_node; /* same node; bucket lock */
    struct ver *older;      /* same transaction */
    uint8_t *bytes;         /* key, data, image */
};
static inline struct bookmark ver_bookmark(const struct ver *v)
{
    return (struct bookmark){{v->bytes, v->key_len}, {v->bytes + v->key_len, v->data_len}};
}
static inline struct slice ver_image(const struct ver *v)
{
    return (struct slice){v->bytes + v->key_len + v->data_len, v->image_len};
}

/* in->lock and in->conf are there; makes the cleaner's session. At most conf.ver_max bytes, but not
 * less than 1 MiB. */
must_check JET_ERR ver_store_new(struct inst *in, struct verstore **ret);
/* An end without cleaning: versions of what has ended go, no hook is called but ddl->free. Before
 * the databases are freed, with their trees; the thread is stopped. */
void ver_discard(struct inst *in);
/* After all sessions. Databases and trees may be gone already, if ver_discard was called or no DDL
 * is left. NULL is fine. */
void ver_store_free(struct verstore *vs);

/*
 * Conflict test and entry in one step (write path 13.3). The caller has the node's page latched
 * exclusively, or knows that the node is nobody else's. image: VER_REPLACE and VER_FLAG_DELETE that
 * readers or undo need: the node's whole data before (FLAG_DELETE: empty, the data stays on the
 * page). JET_errWriteConflict; for VER_INSERT JET_errKeyDuplicate. JET_errVersionStoreOutOfMemory:
 * nothing was done. Takes the rceid. size_max of a VER_REPLACE comes as the larger of the image's
 * size and what an older Replace of this transaction reserved.
 */
must_check JET_ERR ver_add(struct sess *s, struct tree *t, enum ver_oper oper,
                           const struct bookmark *bm, struct slice image, struct ver **ret);
/* Fill before logging where they apply: delta, offset, size_max, size_delta; and lgpos as soon as
 * it is known, of every entry that has an image or a FlagDelete: until then the page cannot be
 * written (ver_each_unlogged). */
/* The operation did not happen after all (no space, log failed): takes the newest entry of the
 * session away again. */
void ver_drop(struct sess *s, struct ver *v);
/* arg becomes the entry's: ddl->free ends it. After a failure it is the caller's still. */
must_check JET_ERR ver_add_ddl(struct sess *s, const struct ver_ddl *ddl, void *arg);
/* For hooks->undo, with the page that it changed still latched exclusively: from here on nobody
 * sees the entry. */
void ver_set_undone(struct ver *v);

enum ver_view {
    VER_PAGE,   /* what the page has counts, deleted flag included */
    VER_ABSENT, /* the node is not there for this session */
    VER_PRESENT, /* it is there, with the page's data, though the page may have it flagged as deleted */
    VER_IMAGE, /* it is there, with *ret_image as data */
};
/* What session s sees of a node (write path 13.2). Call only when t->nr_ver > 0 and the node has
 * NODE_VERSIONED. *image is copied into buf (cap >= page size). With the page latched. */
enum ver_view ver_see(struct sess *s, struct tree *t, const struct bookmark *bm, uint8_t *buf,
                      uint32_t cap, uint32_t *ret_len);
/* For escrow columns: what is to be subtracted from the page's value at `offset` so that s sees its
 * own view. */
int64_t ver_delta_unseen(struct sess *s, struct tree *t, const struct bookmark *bm,
                         uint16_t offset);
/* Would an operation of s on the node conflict? JET_errSuccess or JET_errWriteConflict; makes
 * nothing. */
must_check JET_ERR ver_conflict(struct sess *s, struct tree *t, enum ver_oper oper,
                                const struct bookmark *bm);
/* Does anybody hold a version of the node that is not cleaned yet ("active"): then it is not
 * removed from its page. */
bool ver_is_active(struct tree *t, const struct bookmark *bm);
/* The largest size that the node's data has or may have again by a rollback (cbSizeMax); 0: no
 * uncommitted Replace. */
uint32_t ver_size_max(struct tree *t, const struct bookmark *bm);

/*
 * Before a page is written. Calls fn for each uncommitted REPLACE or FLAG_DELETE of the node whose
 * UndoInfo is not logged, newest first; the page is latched (shared suffices: one flusher at a time
 * per page). fn logs it and it counts as logged; while fn runs v->sess is there and v cannot
 * commit: procid, trx_begin0 and v->level are for the record. What committed without UndoInfo has
 * its Commit0 on disk after it (lazy commits). JET_wrnRemainingVersions: an operation on the node
 * is under way, the page must stay in memory this time.
 */
must_check JET_ERR ver_each_unlogged(struct tree *t, const struct bookmark *bm,
                                     JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx);
/*
 * Before a node moves to another page, both latched exclusively: the same, but for operations that are under way, and
 * nothing is waited for but commits that are being logged. A change is on the page that its record names; once the node has
 * left that page, its flush does not find it any more.
 */
must_check JET_ERR ver_each_moving(struct tree *t, const struct bookmark *bm,
                                   JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx);

/*
 * Cleaning (write path 13.6): entries nobody needs go; hooks->clean is called for those that leave
 * a node to be removed, ddl->clean for DDL. d: NULL, or only entries of that database. all: goes on
 * until nothing is left that can go (detach, term); with d also what only transactions that began
 * earlier would need, since nobody has the database open. Returns the first error of a hook, with
 * what it was called for given up; JET_wrnRemainingVersions when entries remain. Not with a latch,
 * smo or space_lock held.
 */
must_check JET_ERR ver_clean(struct inst *in, struct db *d, bool all);
/* t->deleted is set: waits until no cleaner is at work in it; none begins to. */
void ver_forget_tree(struct tree *t);
/* The thread that does it when the store fills up or time has passed. */
must_check JET_ERR ver_cleaner_start(struct inst *in);
void ver_cleaner_stop(struct inst *in);

#endif
