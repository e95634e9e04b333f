/*
 * The store: entries made, found by their node, dropped (ESE: ver.cxx ErrVERModify,
 * FVERIWriteConflict; write path 13).
 *
 * A bucket holds the newest entry of each of its nodes, linked by next_hash; from there older_node
 * and newer_node lead through the node's. All of these are the bucket's lock's. An entry whose
 * operation was rolled back is in no chain.
 */
#include <assert.h>
#include <stdlib.h>

#include "txn/trx_priv.h"

#define BUCKETS_MIN 1024u
#define BUCKETS_MAX 262144u
#define STORE_MIN   (UINT64_C(1) << 20) /* less would be a handful of sessions' blocks */
#define PLENTY      (UINT64_C(2) << 20)

static_assert(sizeof(struct vblock) % ENTRY_ALIGN == 0, "entries are aligned");

/* ---- the whole -------------------------------------------------------------------------------- */

static JET_ERR make(struct inst *in, struct verstore *vs)
{
    uint32_t nr = BUCKETS_MIN;

    vs->inst = in;
    vs->max = in->conf.ver_max > STORE_MIN ? in->conf.ver_max : STORE_MIN;
    vs->pressure = vs->max / 4 * 3;
    vs->plenty = vs->max / 2 < PLENTY ? vs->max / 2 : PLENTY;
    while (nr < BUCKETS_MAX && (uint64_t)nr * 256 < vs->max)
        nr *= 2;
    vs->mask = nr - 1;
    vs->buckets = calloc(nr, sizeof(*vs->buckets));
    return vs->buckets ? sess_new(in, true, &vs->sess) : RAISE(JET_errOutOfMemory);
}

JET_ERR ver_store_new(struct inst *in, struct verstore **ret)
{
    struct verstore *vs = calloc(1, sizeof(*vs));
    pthread_mutexattr_t recursive;
    JET_ERR err;

    if (!vs)
        return RAISE(JET_errOutOfMemory);
    err = make(in, vs);
    if (err < 0) {
        free(vs->buckets);
        free(vs);
        return err;
    }
    vs->done_end = &vs->done;
    vs->work_end = &vs->work;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&vs->clean, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&vs->wake_lock, NULL);
    pthread_cond_init(&vs->wake_cond, NULL);
    *ret = vs;
    return JET_errSuccess;
}

/* trees: they are still there, and so may sessions with versions in the same chains be. */
static void discard_list(struct verstore *vs, struct ver *v, bool trees)
{
    while (v) {
        struct ver *older = v->older;
        if (trees)
            entry_unchain(vs, entry_of(v));
        entry_free(entry_of(v));
        v = older;
    }
}

static void discard_queue(struct verstore *vs, struct trx *t, bool trees)
{
    while (t) {
        struct trx *next = t->next;
        discard_list(vs, t->list, trees);
        trx_free(vs, t);
        t = next;
    }
}

static void discard(struct verstore *vs, bool trees)
{
    assert(!vs->running);
    discard_queue(vs, vs->done, trees);
    discard_queue(vs, vs->work, trees);
    discard_list(vs, vs->undone, trees);
    vs->done = vs->work = NULL;
    vs->done_end = &vs->done;
    vs->work_end = &vs->work;
    vs->undone = NULL;
    atomic_store_explicit(&vs->nr_work, 0, memory_order_relaxed);
}

void ver_discard(struct inst *in)
{
    if (in->ver)
        discard(in->ver, true);
}

void ver_store_free(struct verstore *vs)
{
    if (!vs)
        return;
    sess_free(vs->sess);
    discard(vs, false);
    vmem_drain(vs);
    pthread_mutex_destroy(&vs->clean);
    pthread_mutex_destroy(&vs->wake_lock);
    pthread_cond_destroy(&vs->wake_cond);
    free(vs->buckets);
    free(vs);
}

/* ---- nodes ------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t h, uint64_t x)
{
    const unsigned __int128 m = (unsigned __int128)(h ^ x) * UINT64_C(0x9E3779B97F4A7C15);

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t mix_bytes(uint64_t h, struct slice s)
{
    const uint8_t *p = s.p;
    uint32_t len = s.len;
    uint64_t x;

    for (; len >= 8; len -= 8, p += 8) {
        memcpy(&x, p, 8);
        h = mix(h, x);
    }
    x = 0;
    if (len)
        memcpy(&x, p, len);
    return mix(h, x + s.len + UINT64_C(0x51ED270B7A1F39C5));
}

uint32_t ver_hash(const struct tree *t, const struct bookmark *bm)
{
    uint64_t h = mix_bytes((uint64_t)(uintptr_t)t, bm->key);

    if (bm->data.len)
        h = mix_bytes(h, bm->data);
    return (uint32_t)(h ^ h >> 32);
}

static bool same_node(const struct entry *e, const struct tree *t, const struct bookmark *bm)
{
    const struct ver *v = &e->v;

    return v->tree == t && v->key_len == bm->key.len && v->data_len == bm->data.len &&
           (bm->key.len == 0 || memcmp(v->bytes, bm->key.p, bm->key.len) == 0) &&
           (bm->data.len == 0 || memcmp(v->bytes + v->key_len, bm->data.p, bm->data.len) == 0);
}

struct entry *bucket_find(struct bucket *b, uint32_t hash, const struct tree *t,
                          const struct bookmark *bm)
{
    struct entry *e = bucket_first(b);

    while (e && !(e->hash == hash && same_node(e, t, bm)))
        e = e->next_hash;
    return e;
}

/* An empty bucket needs no lock: whoever has the page latched would find what was made under its
 * latch. */
struct ver *node_lock(struct tree *t, const struct bookmark *bm, struct bucket **ret)
{
    const uint32_t hash = ver_hash(t, bm);
    struct bucket *b = bucket_of(t->db->inst->ver, hash);
    struct entry *e;

    if (!bucket_first(b))
        return NULL;
    bucket_lock(b);
    e = bucket_find(b, hash, t, bm);
    if (!e) {
        bucket_unlock(b);
        return NULL;
    }
    *ret = b;
    return &e->v;
}

/* now takes the place of old among the bucket's nodes; either may be NULL. The bucket is locked,
 * and stays so. */
static void exchange(struct bucket *b, struct entry *old, struct entry *now)
{
    struct entry *before = NULL, *at = bucket_first(b);

    if (now)
        now->next_hash = old ? old->next_hash : at;
    if (old)
        for (; at != old; at = at->next_hash)
            before = at;
    at = now ? now : old->next_hash;
    if (before)
        before->next_hash = at;
    else
        atomic_store_explicit(&b->head, (uintptr_t)at | 1, memory_order_relaxed);
}

static void chain(struct bucket *b, struct entry *e, struct entry *newest)
{
    e->v.older_node = newest ? &newest->v : NULL;
    e->newer_node = NULL;
    if (newest)
        newest->newer_node = e;
    exchange(b, newest, e);
    e->chained = true;
}

static void unchain_locked(struct bucket *b, struct entry *e)
{
    struct entry *older = entry_of(e->v.older_node);

    e->chained = false;
    if (older)
        older->newer_node = e->newer_node;
    if (e->newer_node)
        e->newer_node->v.older_node = e->v.older_node;
    else
        exchange(b, e, older);
}

void entry_unchain(struct verstore *vs, struct entry *e)
{
    struct bucket *b = bucket_of(vs, e->hash);

    if (!e->v.tree)
        return;
    bucket_lock(b);
    if (e->chained) {
        unchain_locked(b, e);
        atomic_fetch_sub_explicit(&e->v.tree->nr_ver, 1, memory_order_relaxed);
    }
    bucket_unlock(b);
}

void entry_free(struct entry *e)
{
    if (e->v.oper == VER_DDL && e->v.ddl->free)
        e->v.ddl->free(e->v.ddl_arg);
    vmem_free(e->block, e, e->len);
}

/* ---- conflicts (write path 13.3) -------------------------------------------------------------- */

static bool commutes(unsigned oper)
{
    return oper == VER_READ_LOCK || oper == VER_DELTA || oper == VER_DELTA64;
}

/*
 * Is there a version in the chain, v the newest, that s does not see and oper does not go along
 * with? (ESE: FVERIWriteConflict, which stops at the first one that is settled.) The order of a
 * chain is not the order of commits where operations commute, so one that is settled says nothing
 * of those below it; another kind of operation was possible only when they were settled.
 */
static bool conflicts(const struct sess *s, const struct ver *v, unsigned oper)
{
    const uint32_t begin = sess_begin(s);

    for (; v; v = v->older_node) {
        if (active_not_mine(v, s, begin)) {
            if (v->oper != oper || !commutes(oper))
                return true;
        } else if (!commutes(v->oper)) {
            break;
        }
    }
    return false;
}

JET_ERR ver_conflict(struct sess *s, struct tree *t, enum ver_oper oper, const struct bookmark *bm)
{
    struct bucket *b;
    const struct ver *newest = node_lock(t, bm, &b);
    bool conflict;

    if (!newest)
        return JET_errSuccess;
    conflict = conflicts(s, newest, oper);
    bucket_unlock(b);
    return conflict ? RAISE(JET_errWriteConflict) : JET_errSuccess;
}

/* ---- entries ---------------------------------------------------------------------------------- */

static JET_ERR trx_new(struct sess *s)
{
    struct vblock *block;
    struct trx *t;
    void *p;
    JET_ERR err = vmem_alloc(s, sizeof(*t), &block, &p);

    if (err < 0)
        return err;
    t = p;
    memset(t, 0, sizeof(*t));
    atomic_init(&t->commit, TRX_NONE);
    t->block = block;
    s->trx = t;
    atomic_fetch_add_explicit(&s->inst->ver->nr_trx, 1, memory_order_relaxed);
    return JET_errSuccess;
}

void trx_free(struct verstore *vs, struct trx *t)
{
    vmem_free(t->block, t, sizeof(*t));
    atomic_fetch_sub_explicit(&vs->nr_trx, 1, memory_order_release);
}

static JET_ERR entry_new(struct sess *s, enum ver_oper oper, uint32_t nr_bytes, struct entry **ret)
{
    const uint32_t len = (uint32_t)sizeof(struct entry) + nr_bytes;
    struct vblock *block;
    struct entry *e;
    void *p;
    JET_ERR err = JET_errSuccess;

    assert(s->level > 0);
    if (unlikely(!s->trx))
        err = trx_new(s);
    if (err >= 0)
        err = vmem_alloc(s, len, &block, &p);
    if (err < 0)
        return err;
    e = p;
    memset(e, 0, sizeof(*e));
    e->v.oper = (uint8_t)oper;
    atomic_init(&e->v.level, s->level);
    e->v.trx = s->trx;
    e->v.sess = s;
    e->v.bytes = (uint8_t *)(e + 1);
    e->block = block;
    e->len = len;
    *ret = e;
    return JET_errSuccess;
}

static void copy_in(struct ver *v, const struct bookmark *bm, struct slice image)
{
    uint8_t *p = v->bytes;

    v->key_len = bm->key.len;
    v->data_len = bm->data.len;
    v->image_len = image.len;
    if (bm->key.len)
        memcpy(p, bm->key.p, bm->key.len);
    if (bm->data.len)
        memcpy(p + bm->key.len, bm->data.p, bm->data.len);
    if (image.len)
        memcpy(p + bm->key.len + bm->data.len, image.p, image.len);
}

/* What the node may grow back to: the older Replaces of this transaction count (ESE:
 * VERISetupInsertedDMLRCE). */
static int16_t reserved_size(const struct ver *v)
{
    int16_t max = (int16_t)v->image_len;

    for (const struct ver *o = v->older_node; o && o->trx == v->trx; o = o->older_node)
        if (o->oper == VER_REPLACE)
            return o->size_max > max ? o->size_max : max;
    return max;
}

static void enlist(struct sess *s, struct ver *v)
{
    v->older = s->ver_newest;
    s->ver_newest = v;
    s->trx->nr++;
}

JET_ERR ver_add(struct sess *s, struct tree *t, enum ver_oper oper, const struct bookmark *bm,
                struct slice image, struct ver **ret)
{
    struct inst *in = s->inst;
    const uint32_t hash = ver_hash(t, bm);
    struct bucket *b = bucket_of(in->ver, hash);
    struct entry *e, *newest;
    JET_ERR err = entry_new(s, oper, bm->key.len + bm->data.len + image.len, &e);

    if (unlikely(err < 0))
        return err;
    e->hash = hash;
    e->v.tree = t;
    copy_in(&e->v, bm, image);
    if (oper < VER_WRITE_LOCK) /* locks outlive an update that is cancelled */
        e->v.update_id = s->update_id;
    bucket_lock(b);
    newest = bucket_find(b, hash, t, bm);
    if (newest && unlikely(conflicts(s, &newest->v, oper))) {
        bucket_unlock(b);
        vmem_take_back(s, e->block, e, e->len);
        return RAISE(oper == VER_INSERT ? JET_errKeyDuplicate : JET_errWriteConflict);
    }
    e->v.rceid = atomic_fetch_add_explicit(&in->rceid_newest, 2, memory_order_relaxed) + 2;
    chain(b, e, newest);
    if (oper == VER_REPLACE)
        e->v.size_max = reserved_size(&e->v);
    bucket_unlock(b);
    atomic_fetch_add_explicit(&t->nr_ver, 1, memory_order_relaxed);
    if (oper == VER_REPLACE || oper == VER_FLAG_DELETE)
        s->trx->images = true;
    enlist(s, &e->v);
    *ret = &e->v;
    return JET_errSuccess;
}

void ver_drop(struct sess *s, struct ver *v)
{
    struct entry *e = entry_of(v);

    assert(v == s->ver_newest);
    s->ver_newest = v->older;
    s->trx->nr--;
    entry_unchain(s->inst->ver, e);
    vmem_take_back(s, e->block, e, e->len);
}

JET_ERR ver_add_ddl(struct sess *s, const struct ver_ddl *ddl, void *arg)
{
    struct entry *e;
    JET_ERR err = entry_new(s, VER_DDL, 0, &e);

    if (err < 0)
        return err;
    e->v.rceid = atomic_fetch_add_explicit(&s->inst->rceid_newest, 2, memory_order_relaxed) + 2;
    e->v.ddl = ddl;
    e->v.ddl_arg = arg;
    enlist(s, &e->v);
    return JET_errSuccess;
}

void ver_set_undone(struct ver *v)
{
    struct entry *e = entry_of(v);
    struct verstore *vs = e->block->vs;

    entry_unchain(vs, e);
    v->undone = true;
}
