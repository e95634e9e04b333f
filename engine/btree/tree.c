/*
 * The trees in use, one object each (ESE: FCB): found by root and objid, shared by all sessions, kept
 * until the database is closed.
 *
 *   1. Page number and objid name an object together: a root page may serve another tree later.
 *   2. An object of a tree that was dropped (deleted, no references, no versions) is made the next
 *      tree's with the same root: whatever is created and dropped, objects do not pile up.
 */
#include <stdlib.h>
#include <string.h>

#include "txn/inst.h"

#define BUCKETS_FIRST 64u
#define DENSITY_MOST  100u

/* Multiplied, since roots come in steps. nr: a power of two. */
static unsigned bucket(pgno_t root, unsigned nr)
{
    return (root * 0x9e3779b1u >> 16) & (nr - 1);
}

static struct tree *find(const struct db *d, pgno_t root, objid_t objid, struct tree **ret_void)
{
    struct tree *t = d->nr_tree_hash ? d->tree_hash[bucket(root, d->nr_tree_hash)] : NULL;

    for (; t; t = t->next_hash) {
        if (t->root != root)
            continue;
        if (t->objid == objid)
            return t;
        if (!atomic_load_explicit(&t->refs, memory_order_acquire) &&
            !atomic_load_explicit(&t->nr_ver, memory_order_acquire) &&
            atomic_load_explicit(&t->deleted, memory_order_acquire))
            *ret_void = t;
    }
    return NULL;
}

/* Twice the buckets. No memory: the chains get longer. */
static void grow(struct db *d)
{
    const unsigned nr = d->nr_tree_hash ? 2 * d->nr_tree_hash : BUCKETS_FIRST;
    struct tree **to = calloc(nr, sizeof(*to));

    if (!to)
        return;
    for (struct tree *t = d->trees; t; t = t->next) {
        struct tree **at = &to[bucket(t->root, nr)];
        t->next_hash = *at;
        *at = t;
    }
    free(d->tree_hash);
    d->tree_hash = to;
    d->nr_tree_hash = nr;
}

/* Splits must come through however many read. So nobody may take smo shared twice. */
static bool init_smo(struct tree *t)
{
    pthread_rwlockattr_t attr;
    bool ok;

    if (pthread_rwlockattr_init(&attr) != 0)
        return false;
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    ok = pthread_rwlock_init(&t->smo, &attr) == 0;
    pthread_rwlockattr_destroy(&attr);
    return ok;
}

static struct tree *add(struct db *d, pgno_t root)
{
    struct tree *t, **at;

    if (d->nr_trees >= d->nr_tree_hash)
        grow(d);
    t = d->nr_tree_hash ? calloc(1, sizeof(*t)) : NULL;
    if (!t)
        return NULL;
    if (!init_smo(t)) {
        free(t);
        return NULL;
    }
    at = &d->tree_hash[bucket(root, d->nr_tree_hash)];
    t->db = d;
    t->root = root;
    t->next_hash = *at;
    t->next = d->trees;
    *at = d->trees = t;
    d->nr_trees++;
    return t;
}

static void set(struct tree *t, objid_t objid, bool unique, uint32_t page_flags, pgno_t pgno_parent)
{
    t->objid = objid;
    t->unique = unique;
    t->space = page_flags & PAGE_SPACE_TREE;
    t->page_flags = page_flags;
    t->pgno_parent = pgno_parent;
    t->density = DENSITY_MOST;
    t->hint_initial = t->hint_growth = t->hint_min = t->hint_max = 0;
    memset(t->avail_hint, 0, sizeof(t->avail_hint));
    atomic_store_explicit(&t->deleted, false, memory_order_relaxed);
}

JET_ERR tree_get(struct db *d, pgno_t root, objid_t objid, bool unique, uint32_t page_flags,
                 pgno_t pgno_parent, struct tree **ret)
{
    struct tree *t, *gone = NULL;

    pthread_mutex_lock(&d->tree_lock);
    t = find(d, root, objid, &gone);
    if (!t) {
        t = gone ? gone : add(d, root);
        if (t)
            set(t, objid, unique, page_flags, pgno_parent);
    }
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&d->tree_lock);
    if (!t)
        return RAISE(JET_errOutOfMemory);
    *ret = t;
    return JET_errSuccess;
}

void tree_put(struct tree *t)
{
    if (t) /* what the holder did with it is done before somebody takes it for another tree */
        atomic_fetch_sub_explicit(&t->refs, 1, memory_order_release);
}

void tree_free_all(struct db *d)
{
    while (d->trees) {
        struct tree *t = d->trees;
        d->trees = t->next;
        pthread_rwlock_destroy(&t->smo);
        free(t);
    }
    free(d->tree_hash);
    d->tree_hash = NULL;
    d->nr_tree_hash = d->nr_trees = 0;
}
