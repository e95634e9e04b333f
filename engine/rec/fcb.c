#include "rec/fcb.h"

#include <stdlib.h>

#include "rec/fcb_priv.h"
#include "btree/space.h"

/* ---- the cache of a database ----------------------------------------------------------------- */

static void trees_put(struct cat_trees *t)
{
    tree_put(t->id);
    tree_put(t->name);
    tree_put(t->root);
    tree_put(t->shadow);
    tree_put(atomic_load_explicit(&t->objids, memory_order_relaxed));
}

enum { DBHDR_SHADOWING_OFF = 0x1 }; /* dbhdr_disk.flags (ESE: daedef.hxx fDbShadowingDisabled) */

static JET_ERR trees_get(struct db *d, struct cat_trees *t)
{
    bool shadowed;
    JET_ERR err = tree_get(d, CATALOG_PGNO, CATALOG_OBJID, true, 0, DB_ROOT_PGNO, &t->id);

    pthread_mutex_lock(&d->hdr_lock);
    shadowed = !(le32_get(db_hdr(d)->flags) & DBHDR_SHADOWING_OFF);
    pthread_mutex_unlock(&d->hdr_lock);
    if (err >= 0)
        err = tree_get(d, CATALOG_NAME_PGNO, CATALOG_NAME_OBJID, true, PAGE_INDEX, CATALOG_PGNO,
                       &t->name);
    if (err >= 0)
        err = tree_get(d, CATALOG_ROOT_PGNO, CATALOG_ROOT_OBJID, true, PAGE_INDEX, CATALOG_PGNO,
                       &t->root);
    if (err >= 0 && shadowed)
        err = tree_get(d, CATALOG_SHADOW_PGNO, CATALOG_SHADOW_OBJID, true, 0, DB_ROOT_PGNO,
                       &t->shadow);
    if (err >= 0) {
        t->id->density = t->name->density = t->root->density = CATALOG_DENSITY;
        if (shadowed)
            t->shadow->density = CATALOG_DENSITY;
    }
    return err;
}

static void cache_free(struct fcb_cache *c)
{
    trees_put(&c->trees);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->locales_lock);
    pthread_mutex_destroy(&c->lv_lock);
    free(c);
}

JET_ERR fcb_cache_get(struct db *d, struct fcb_cache **ret)
{
    struct fcb_cache *c = __atomic_load_n(&d->schema, __ATOMIC_ACQUIRE);
    void *none = NULL;
    JET_ERR err;

    *ret = c;
    if (c)
        return JET_errSuccess;
    c = calloc(1, sizeof(*c));
    if (!c)
        return RAISE(JET_errOutOfMemory);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->locales_lock, NULL);
    pthread_mutex_init(&c->lv_lock, NULL);
    err = trees_get(d, &c->trees);
    if (err < 0) {
        cache_free(c);
        return err;
    }
    if (!__atomic_compare_exchange_n(&d->schema, &none, (void *)c, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        cache_free(c);
        c = none;
    }
    *ret = c;
    return JET_errSuccess;
}

static struct fcb_cache *cache_of(const struct fcb *f)
{
    return __atomic_load_n(&f->db->schema, __ATOMIC_ACQUIRE);
}

/* ---- who is in it: c->lock ------------------------------------------------------------------- */

static struct fcb **bucket(struct fcb_cache *c, objid_t objid)
{
    return &c->hash[objid % FCB_BUCKETS];
}

static void unused_add(struct fcb_cache *c, struct fcb *f)
{
    f->next_lru = NULL;
    f->prev_lru = c->unused_last;
    *(c->unused_last ? &c->unused_last->next_lru : &c->unused_first) = f;
    c->unused_last = f;
    c->nr_unused++;
}

static void unused_remove(struct fcb_cache *c, struct fcb *f)
{
    *(f->prev_lru ? &f->prev_lru->next_lru : &c->unused_first) = f->next_lru;
    *(f->next_lru ? &f->next_lru->prev_lru : &c->unused_last) = f->prev_lru;
    c->nr_unused--;
}

static void unhash(struct fcb_cache *c, struct fcb *f)
{
    struct fcb **at = bucket(c, f->def.objid);

    while (*at && *at != f)
        at = &(*at)->next_hash;
    if (*at)
        *at = f->next_hash;
    f->next_hash = NULL;
}

static struct fcb *find(struct fcb_cache *c, objid_t objid)
{
    struct fcb *f = *bucket(c, objid);

    while (f && f->def.objid != objid)
        f = f->next_hash;
    if (f && f->refs++ == 0)
        unused_remove(c, f);
    return f;
}

void fcb_ref(struct fcb *f)
{
    struct fcb_cache *c = cache_of(f);

    pthread_mutex_lock(&c->lock);
    f->refs++;
    pthread_mutex_unlock(&c->lock);
}

void fcb_unref(struct fcb *f)
{
    struct fcb_cache *c;
    struct fcb *victim = NULL;

    if (!f)
        return;
    c = cache_of(f);
    pthread_mutex_lock(&c->lock);
    if (--f->refs == 0) {
        if (f->deleted) {
            victim = f;
        } else {
            unused_add(c, f);
            if (c->nr_unused > FCB_UNUSED_MAX) {
                victim = c->unused_first;
                unused_remove(c, victim);
                unhash(c, victim);
            }
        }
    }
    pthread_mutex_unlock(&c->lock);
    fcb_free(victim);
}

static void schema_changed(struct fcb *f)
{
    pthread_mutex_lock(&f->lock);
    fcb_changed(f);
    pthread_mutex_unlock(&f->lock);
}

void fcb_columns_changed(struct fcb *f)
{
    struct fcb_cache *c = cache_of(f);

    schema_changed(f);
    if (!(f->def.flags & TABLE_TEMPLATE))
        return;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < FCB_BUCKETS; i++)
        for (struct fcb *g = c->hash[i]; g; g = g->next_hash)
            if (g->template == f)
                schema_changed(g);
    pthread_mutex_unlock(&c->lock);
}

void fcb_forget_objid(struct db *d, objid_t objid)
{
    struct fcb_cache *c = __atomic_load_n(&d->schema, __ATOMIC_ACQUIRE);
    struct fcb *f;

    pthread_mutex_lock(&c->lock);
    f = find(c, objid);
    pthread_mutex_unlock(&c->lock);
    if (f)
        fcb_forget(f);
    fcb_unref(f);
}

void fcb_forget(struct fcb *f)
{
    struct fcb_cache *c = cache_of(f);

    pthread_mutex_lock(&c->lock);
    if (!f->deleted)
        unhash(c, f);
    f->deleted = true;
    pthread_mutex_unlock(&c->lock);
}

JET_ERR fcb_get(struct sess *s, struct db *d, objid_t objid, struct fcb **ret)
{
    struct fcb_cache *c;
    struct fcb *f, *other;
    JET_ERR err = fcb_cache_get(d, &c);

    if (err < 0)
        return err;
    pthread_mutex_lock(&c->lock);
    *ret = find(c, objid);
    pthread_mutex_unlock(&c->lock);
    if (*ret)
        return JET_errSuccess;
    err = fcb_load(s, d, objid, &f);
    if (err < 0)
        return err;
    pthread_mutex_lock(&c->lock);
    other = find(c, objid); /* somebody was faster */
    if (!other) {
        f->refs = 1;
        f->next_hash = *bucket(c, objid);
        *bucket(c, objid) = f;
    }
    pthread_mutex_unlock(&c->lock);
    if (other)
        fcb_free(f);
    *ret = other ? other : f;
    return JET_errSuccess;
}

/* ---- holds, and the end ---------------------------------------------------------------------- */

void fcb_hold_begin(struct db *d, struct fcb_hold *h)
{
    struct fcb_cache *c = __atomic_load_n(&d->schema, __ATOMIC_ACQUIRE);

    pthread_mutex_lock(&c->lock);
    h->next = c->holds;
    h->prev = NULL;
    if (c->holds)
        c->holds->prev = h;
    c->holds = h;
    pthread_mutex_unlock(&c->lock);
}

static void unlink_hold(struct fcb_cache *c, struct fcb_hold *h)
{
    *(h->prev ? &h->prev->next : &c->holds) = h->next;
    if (h->next)
        h->next->prev = h->prev;
}

void fcb_hold_end(struct db *d, struct fcb_hold *h)
{
    struct fcb_cache *c = __atomic_load_n(&d->schema, __ATOMIC_ACQUIRE);

    pthread_mutex_lock(&c->lock);
    unlink_hold(c, h);
    pthread_mutex_unlock(&c->lock);
}

void fcb_free_all(struct db *d)
{
    struct fcb_cache *c = __atomic_load_n(&d->schema, __ATOMIC_ACQUIRE);

    if (!c)
        return;
    while (c->holds) { /* an instance that ends without cleaning has versions yet */
        struct fcb_hold *h = c->holds;

        unlink_hold(c, h);
        h->drop(h);
    }
    while (c->unused_first) { /* a derived table's template becomes one of them after it */
        struct fcb *f = c->unused_first;

        unused_remove(c, f);
        unhash(c, f);
        fcb_free(f);
    }
    __atomic_store_n(&d->schema, NULL, __ATOMIC_RELEASE);
    cache_free(c);
}
