/*
 * Cleaning, the light part: versions go when nobody needs them any more (write path 13.6; ESE:
 * ErrVERIRCEClean).
 *
 * A transaction that has ended waits in `done`. It is ripe when everybody who is in a transaction
 * began after its commit; and if it has images, when its Commit0 is on disk (verundo.c). Of a ripe
 * one most entries just go: that takes no latch and no record, so anybody does it who comes by: the
 * committing session itself when it was alone (the usual case: its versions never leave the
 * processor's cache), sessions that commit later, one that finds the store full. What is left has a
 * hook to call, a node to remove or a dropped table to free; this waits in `work`, as Inserts that
 * were rolled back do in `undone`, for vercleaner.c.
 */
#include "txn/trx_priv.h"

/* What a commit takes away of those that ended before it: so many transactions, none that is larger
 * than this and than twice its own; the thread comes for it. */
#define LIGHT_TRX     2u
#define LIGHT_ENTRIES 512u

/* ---- queues ----------------------------------------------------------------------------------- */

bool clean_is_ripe(const struct verstore *vs, const struct trx *t, uint32_t oldest)
{
    if (!committed_before(t, oldest))
        return false;
    return !t->images || !vs->inst->wal ||
           wal_is_durable(vs->inst->wal,
                          atomic_load_explicit(&t->lgpos_commit, memory_order_relaxed));
}

static void append_done(struct verstore *vs, struct trx *t)
{
    t->next = NULL;
    spin_lock(&vs->queue_lock);
    *vs->done_end = t;
    vs->done_end = &t->next;
    spin_unlock(&vs->queue_lock);
}

static void append_work(struct verstore *vs, struct trx *t)
{
    t->next = NULL;
    spin_lock(&vs->queue_lock);
    *vs->work_end = t;
    vs->work_end = &t->next;
    atomic_store_explicit(&vs->nr_work, 1, memory_order_relaxed);
    spin_unlock(&vs->queue_lock);
}

/* The first of those that have ended, if it is ripe and not too large. */
static struct trx *take_ripe(struct verstore *vs, uint32_t oldest, uint32_t entries)
{
    struct trx *t;

    spin_lock(&vs->queue_lock);
    t = vs->done;
    if (t && t->nr <= entries && clean_is_ripe(vs, t, oldest)) {
        vs->done = t->next;
        if (!vs->done)
            vs->done_end = &vs->done;
    } else {
        t = NULL;
    }
    spin_unlock(&vs->queue_lock);
    return t;
}

void clean_undone(struct verstore *vs, struct ver *v)
{
    v->trx = NULL;
    v->sess = NULL;
    spin_lock(&vs->queue_lock);
    v->older = vs->undone;
    vs->undone = v;
    atomic_store_explicit(&vs->nr_work, 1, memory_order_relaxed);
    spin_unlock(&vs->queue_lock);
}

/* ---- without hooks ---------------------------------------------------------------------------- */

/* Somebody put the node to use again: its removal is his versions' business. Locks do not count. */
static bool used_again(struct verstore *vs, const struct entry *e)
{
    struct bucket *b = bucket_of(vs, e->hash);
    const struct entry *n;

    bucket_lock(b);
    for (n = e->newer_node; n; n = n->newer_node)
        if (n->v.oper == VER_INSERT || n->v.oper == VER_REPLACE)
            break;
    bucket_unlock(b);
    return n != NULL;
}

bool clean_has_hook(struct verstore *vs, struct ver *v)
{
    const struct tree *t = v->tree;

    if (v->oper == VER_DDL)
        return v->ddl->clean != NULL;
    if (atomic_load_explicit(&t->deleted, memory_order_relaxed))
        return false;
    if (v->oper == VER_FLAG_DELETE)
        return !used_again(vs, entry_of(v));
    /* A reference less to a long value: it may have been the last one (write path 10.5). */
    return v->oper == VER_DELTA && v->offset == 0 && v->delta < 0 &&
           t->page_flags & PAGE_LONG_VALUE;
}

/* t is ripe and in no queue. False: nothing is left, and t is gone. */
static bool strip(struct verstore *vs, struct trx *t)
{
    struct ver *v = t->list, *kept = NULL;

    while (v) {
        struct ver *next = v->older;
        if (clean_has_hook(vs, v)) {
            v->sess = NULL;
            v->older = kept;
            kept = v;
        } else {
            t->nr--;
            entry_unchain(vs, entry_of(v));
            entry_free(entry_of(v));
        }
        v = next;
    }
    t->list = kept; /* oldest first from now on */
    if (!kept)
        trx_free(vs, t);
    return kept != NULL;
}

static void light(struct verstore *vs, unsigned max, uint32_t entries)
{
    const uint32_t oldest = trx_oldest(vs->inst);
    struct trx *t;

    while (max-- && (t = take_ripe(vs, oldest, entries)))
        if (strip(vs, t))
            append_work(vs, t);
}

void clean_light(struct verstore *vs)
{
    light(vs, UINT32_MAX, UINT32_MAX);
}

void clean_ended(struct verstore *vs, struct trx *t, bool alone)
{
    const uint32_t twice = t->nr < UINT32_MAX / 2 ? 2 * t->nr : UINT32_MAX;

    if (alone && clean_is_ripe(vs, t, TRX_NONE)) {
        if (strip(vs, t))
            append_work(vs, t);
        return;
    }
    append_done(vs, t); /* from here on it is anybody's */
    light(vs, LIGHT_TRX, twice > LIGHT_ENTRIES ? twice : LIGHT_ENTRIES);
}
