/*
 * An instance without files: sessions, versions, and nodes that are numbers in memory, each with a
 * latch as a page has one. Changes go the way that btree/dir.c takes: latch, version, change.
 */
#ifndef TXNTEST_H
#define TXNTEST_H

#include "testutil.h"

#include <pthread.h>

#include "txn/ver.h"

#define NODES 64u

struct tnode { /* a node and its page; latch */
    pthread_rwlock_t latch;
    bool exists, deleted;
    int64_t value;
};

struct world {
    struct inst in;
    struct db db;
    struct tree tree;
    struct tnode node[NODES];
    /* What the hooks were called for, in order; latch of node 0 is not theirs: */
    pthread_mutex_t lock;
    unsigned nr_undone, nr_cleaned;
    uint32_t undone[1024], cleaned[1024]; /* rceid */
    JET_ERR undo_err, clean_err;          /* what they answer */
};

static uint8_t world_keys[NODES][8]; /* be64 of the number */

static inline struct bookmark world_key(unsigned n)
{
    return (struct bookmark){{world_keys[n], 8}, {NULL, 0}};
}

static inline unsigned world_node(const struct ver *v)
{
    return v->key_len == 8 ? v->bytes[7] : 0; /* keys of a test's own: whatever node */
}

static JET_ERR fake_undo(struct sess *s, struct ver *v)
{
    struct world *w = s->inst->owner;
    struct tnode *n = &w->node[world_node(v)];

    if (w->undo_err < 0)
        return w->undo_err;
    pthread_rwlock_wrlock(&n->latch);
    switch (v->oper) {
    case VER_INSERT:
        n->deleted = true;
        break;
    case VER_FLAG_DELETE:
        n->deleted = false;
        break;
    case VER_REPLACE:
        if (v->image_len == 8)
            memcpy(&n->value, ver_image(v).p, 8);
        break;
    default:
        n->value -= v->delta;
        break;
    }
    ver_set_undone(v);
    pthread_rwlock_unlock(&n->latch);
    pthread_mutex_lock(&w->lock);
    if (w->nr_undone < 1024)
        w->undone[w->nr_undone++] = v->rceid;
    pthread_mutex_unlock(&w->lock);
    return JET_errSuccess;
}

static JET_ERR fake_clean(struct sess *s, struct ver *v)
{
    struct world *w = s->inst->owner;
    struct tnode *n = &w->node[world_node(v)];
    const struct bookmark bm = ver_bookmark(v);

    if (s->level != 1 || !s->system)
        return JET_errInternalError;
    pthread_rwlock_wrlock(&n->latch);
    if (n->deleted && !ver_is_active(v->tree, &bm))
        n->exists = n->deleted = false;
    pthread_rwlock_unlock(&n->latch);
    pthread_mutex_lock(&w->lock);
    if (w->nr_cleaned < 1024)
        w->cleaned[w->nr_cleaned++] = v->rceid;
    pthread_mutex_unlock(&w->lock);
    return w->clean_err;
}

static const struct ver_hooks fake_hooks = {.undo = fake_undo, .clean = fake_clean};

static inline struct world *world_new(uint32_t ver_max)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    pthread_mutex_init(&w->in.lock, NULL);
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->db.tree_lock, NULL);
    w->in.conf.ver_max = ver_max;
    w->in.hooks = &fake_hooks;
    w->in.owner = w;
    atomic_store(&w->in.rceid_newest, 0xFFFFFFAD);
    w->db.inst = &w->in;
    w->db.dbid = 1;
    w->tree = (struct tree){.db = &w->db, .root = 31, .objid = 8, .unique = true};
    w->db.trees = &w->tree;
    for (unsigned i = 0; i < NODES; i++) {
        pthread_rwlock_init(&w->node[i].latch, NULL);
        world_keys[i][7] = (uint8_t)i;
    }
    assert_int_equal(ver_store_new(&w->in, &w->in.ver), 0);
    return w;
}

static inline void world_free(struct world *w)
{
    ver_cleaner_stop(&w->in);
    ver_store_free(w->in.ver);
    free(w->in.sess);
    for (unsigned i = 0; i < NODES; i++)
        pthread_rwlock_destroy(&w->node[i].latch);
    pthread_mutex_destroy(&w->in.lock);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->db.tree_lock);
    free(w);
}

/* A version alone, without a change of the node. */
static inline JET_ERR world_add(struct world *w, struct sess *s, enum ver_oper oper, unsigned n,
                                struct ver **ret)
{
    const struct bookmark bm = world_key(n);
    const struct slice image = {(const uint8_t *)&w->node[n].value,
                                oper == VER_REPLACE ? (uint32_t)sizeof(int64_t) : 0};
    JET_ERR err = ver_add(s, &w->tree, oper, &bm, image, ret);

    if (err >= 0)
        atomic_store(&(*ret)->lgpos, 1);
    return err;
}

/*
 * An operation as the engine does it. value: what to insert, replace with or add. The node must be
 * there for s, or, for VER_INSERT, not.
 */
static inline JET_ERR world_do(struct world *w, struct sess *s, enum ver_oper oper, unsigned n,
                               int64_t value)
{
    struct tnode *node = &w->node[n];
    struct ver *v, *replace;
    JET_ERR err;

    pthread_rwlock_wrlock(&node->latch);
    err = world_add(w, s, oper, n, &v);
    if (err >= 0 && oper == VER_INSERT && node->exists) {
        if (!node->deleted) /* a conflict that is not among versions */
            err = JET_errKeyDuplicate;
        else
            err = world_add(w, s, VER_REPLACE, n, &replace);
        if (err < 0)
            ver_drop(s, v);
    }
    if (err >= 0) {
        if (oper == VER_INSERT) {
            node->exists = true;
            node->deleted = false;
        }
        if (oper == VER_INSERT || oper == VER_REPLACE)
            node->value = value;
        if (oper == VER_FLAG_DELETE)
            node->deleted = true;
        if (oper == VER_DELTA) {
            v->delta = value;
            node->value += value;
        }
    }
    pthread_rwlock_unlock(&node->latch);
    return err;
}

/* Is node n there for s, and with what? */
static inline bool world_read(struct world *w, struct sess *s, unsigned n, int64_t *ret)
{
    struct tnode *node = &w->node[n];
    const struct bookmark bm = world_key(n);
    uint8_t buf[64];
    uint32_t len = 0;
    enum ver_view view = VER_PAGE;
    bool there;

    pthread_rwlock_rdlock(&node->latch);
    *ret = node->value;
    if (atomic_load_explicit(&w->tree.nr_ver, memory_order_relaxed))
        view = ver_see(s, &w->tree, &bm, buf, sizeof(buf), &len);
    there = view == VER_PAGE ? node->exists && !node->deleted : view != VER_ABSENT;
    if (view == VER_IMAGE && len == 8)
        memcpy(ret, buf, 8);
    *ret -= ver_delta_unseen(s, &w->tree, &bm, 0);
    pthread_rwlock_unlock(&node->latch);
    return there;
}

#endif
