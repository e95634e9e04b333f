/*
 * The sessions of an instance, and the list of those that are in a transaction.
 *
 * inst.open is in the order of trx_begin0: numbers are drawn under its lock, so the first one is
 * the oldest, and asking for it costs the same with a thousand sessions. What holds the checkpoint
 * back is found there too.
 *
 * A commit number is drawn and stored in its struct trx under the same lock. This makes all
 * versions of the transaction visible at once: whoever began later than the draw had the lock after
 * it and so sees the number; whoever began earlier has a smaller number than the commit's and does
 * not see the versions, whether he finds the number or TRX_NONE.
 */
#include "txn/sess.h"

#include <stdlib.h>

#include "txn/trx_priv.h"

#define PROCID_USER  5 /* first of the users'; ESE observed: 1 to 4 are the engine's own */
#define NR_SESS_MIN  16
#define NR_SESS_MOST 65535u /* procid is 16 bits wide in records */

/* ---- who there is ----------------------------------------------------------------------------- */

static JET_ERR grow(struct inst *in)
{
    const unsigned nr = in->nr_sess ? in->nr_sess * 2 : NR_SESS_MIN;
    struct sess **p = realloc(in->sess, nr * sizeof(struct sess *));

    if (!p)
        return RAISE(JET_errOutOfMemory);
    memset(p + in->nr_sess, 0, (nr - in->nr_sess) * sizeof(*p));
    in->sess = p;
    in->nr_sess = nr;
    return JET_errSuccess;
}

/* inst.lock is held. */
static JET_ERR take_slot(struct inst *in, bool system, struct sess *s)
{
    for (unsigned i = system ? 1 : PROCID_USER; i < NR_SESS_MOST; i++) {
        if (i >= in->nr_sess) {
            JET_ERR err = grow(in);
            if (err < 0)
                return err;
        }
        if (!in->sess[i]) {
            in->sess[i] = s;
            s->procid = (uint16_t)i;
            return JET_errSuccess;
        }
    }
    return RAISE(JET_errOutOfSessions);
}

JET_ERR sess_new(struct inst *in, bool system, struct sess **ret)
{
    struct sess_own *o = calloc(1, sizeof(*o));
    JET_ERR err;

    if (!o)
        return RAISE(JET_errOutOfMemory);
    o->s.inst = in;
    o->s.system = system;
    atomic_init(&o->s.trx_begin0, TRX_NONE);
    atomic_init(&o->s.lgpos_begin0, UINT64_MAX);
    o->block_size = BLOCK_MIN;
    pthread_mutex_lock(&in->lock);
    err = take_slot(in, system, &o->s);
    pthread_mutex_unlock(&in->lock);
    if (err < 0) {
        free(o);
        return err;
    }
    *ret = &o->s;
    return JET_errSuccess;
}

void sess_abandon(struct sess *s)
{
    struct verstore *vs = s->inst->ver;
    struct ver *v;

    if (s->trx)
        gate_shut(s->trx);
    while ((v = s->ver_newest)) {
        s->ver_newest = v->older;
        entry_unchain(vs, entry_of(v));
        entry_free(entry_of(v));
    }
    if (s->trx)
        trx_free(vs, s->trx);
    s->trx = NULL;
    if (s->level)
        open_leave(s, NULL, 0, true);
    s->level = s->level_logged = 0;
}

void sess_free(struct sess *s)
{
    struct inst *in;

    if (!s)
        return;
    in = s->inst;
    while (s->level && trx_rollback(s) >= 0)
        ;
    sess_abandon(s);
    vmem_leave(s);
    pthread_mutex_lock(&in->lock);
    in->sess[s->procid] = NULL;
    pthread_mutex_unlock(&in->lock);
    free(sess_own(s));
}

/* ---- who is in a transaction ------------------------------------------------------------------ */

/* The lock is held. Never a number that means something else, whatever the log made recovery begin
 * with. */
static uint32_t draw(struct inst *in)
{
    uint32_t n;

    do
        n = atomic_fetch_add_explicit(&in->trx_newest, 4, memory_order_relaxed) + 4;
    while (n == TRX_NONE);
    return n;
}

void open_enter(struct sess *s)
{
    struct sess_own *o = sess_own(s);
    struct trx_table *t = &s->inst->open;

    o->next = NULL;
    spin_lock(&t->lock);
    atomic_store_explicit(&s->trx_begin0, draw(s->inst), memory_order_relaxed);
    o->prev = sess_own(t->last);
    if (o->prev)
        o->prev->next = o;
    else
        t->first = s;
    t->last = s;
    spin_unlock(&t->lock);
}

/* Its pages may be on disk, changed, before its end is: until then a checkpoint must leave recovery
 * its Begin0. */
static void gather_lazy(struct trx_table *t, lgpos_t begin, lgpos_t commit)
{
    if (!t->lazy[1].begin || begin < t->lazy[1].begin)
        t->lazy[1].begin = begin;
    if (commit > t->lazy[1].commit)
        t->lazy[1].commit = commit;
}

static void unlink_open(struct trx_table *t, struct sess_own *o)
{
    if (o->prev)
        o->prev->next = o->next;
    else
        t->first = (struct sess *)o->next;
    if (o->next)
        o->next->prev = o->prev;
    else
        t->last = (struct sess *)o->prev;
}

bool open_leave(struct sess *s, struct trx *trx, lgpos_t commit, bool durable)
{
    struct trx_table *t = &s->inst->open;
    const lgpos_t begin = atomic_load_explicit(&s->lgpos_begin0, memory_order_relaxed);
    bool alone = false;

    spin_lock(&t->lock);
    unlink_open(t, sess_own(s));
    if (!durable && begin != UINT64_MAX)
        gather_lazy(t, begin, commit);
    if (trx) {
        alone = !t->first;
        atomic_store_explicit(&trx->commit, draw(s->inst), memory_order_release);
    }
    atomic_store_explicit(&s->trx_begin0, TRX_NONE, memory_order_relaxed);
    atomic_store_explicit(&s->lgpos_begin0, UINT64_MAX, memory_order_relaxed);
    spin_unlock(&t->lock);
    return alone;
}

uint32_t trx_oldest(struct inst *in)
{
    uint32_t oldest;

    spin_lock(&in->open.lock);
    oldest = in->open.first ? sess_begin(in->open.first)
                            : atomic_load_explicit(&in->trx_newest, memory_order_relaxed) + 1;
    spin_unlock(&in->open.lock);
    return oldest;
}

/* Two groups, because one that transactions keep joining would never be on disk whole. The lock is
 * held. */
static lgpos_t oldest_lazy(struct inst *in)
{
    struct trx_table *t = &in->open;
    lgpos_t oldest = UINT64_MAX;

    for (int i = 0; i < 2; i++)
        if (t->lazy[0].begin == 0 || wal_is_durable(in->wal, t->lazy[0].commit)) {
            t->lazy[0] = t->lazy[1];
            memset(&t->lazy[1], 0, sizeof(t->lazy[1]));
        }
    for (int i = 0; i < 2; i++)
        if (t->lazy[i].begin && t->lazy[i].begin < oldest)
            oldest = t->lazy[i].begin;
    return oldest;
}

lgpos_t trx_oldest_begin0(struct inst *in)
{
    lgpos_t oldest = UINT64_MAX;

    spin_lock(&in->open.lock);
    if (in->wal)
        oldest = oldest_lazy(in);
    for (const struct sess_own *o = sess_own(in->open.first); o; o = o->next) {
        const lgpos_t p = atomic_load_explicit(&o->s.lgpos_begin0, memory_order_seq_cst);
        if (p < oldest)
            oldest = p;
    }
    spin_unlock(&in->open.lock);
    return oldest;
}
