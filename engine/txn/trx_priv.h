/*
 * What the files of txn/ share: the transaction as its versions know it, the entry around a
 * version, the memory that both come from, and the store.
 */
#ifndef ESE_TXN_TRX_PRIV_H
#define ESE_TXN_TRX_PRIV_H

#include <pthread.h>
#include <string.h>

#include "txn/ver.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- spin locks: for a few dozen instructions, never around a wait ---------------------------- */

cold void spin_wait(unsigned *round); /* pauses; gives the processor away after a while */

static inline void spin_lock(_Atomic uint32_t *lock)
{
    unsigned round = 0;

    while (unlikely(atomic_exchange_explicit(lock, 1, memory_order_acquire)))
        do
            spin_wait(&round);
        while (atomic_load_explicit(lock, memory_order_relaxed));
}
static inline void spin_unlock(_Atomic uint32_t *lock)
{
    atomic_store_explicit(lock, 0, memory_order_release);
}

/* ---- memory (vermem.c) ------------------------------------------------------------------------ */

/*
 * A session lays its entries one behind the other into a block; whoever frees one, mostly a
 * cleaner, only counts. A block without entries is used again from its beginning by its session, or
 * goes back when the session has left it. live starts at BLOCK_OWNED; an entry that is freed takes
 * 1 off; the session, leaving, takes off what was not laid in. So it reaches 0 when the session is
 * gone and nothing is in it.
 */
struct vblock {
    struct vblock *next; /* verstore.pool */
    struct verstore *vs;
    _Atomic uint32_t live;
    uint32_t size, used; /* with this header; used: the session's, as taken */
    uint32_t taken;      /* entries laid in */
};
#define BLOCK_OWNED (UINT32_C(1) << 31)
#define BLOCK_MIN   2048u
#define BLOCK_MAX   16384u
#define ENTRY_ALIGN 16u

/* ---- sessions --------------------------------------------------------------------------------- */

struct sess_own {
    struct sess s;                /* first: a struct sess is a struct sess_own */
    struct sess_own *prev, *next; /* in inst.open, whose lock it is */
    struct vblock *block;         /* where the next entry goes; NULL: none yet */
    uint32_t block_size;          /* of the next block */
};
static inline struct sess_own *sess_own(struct sess *s)
{
    return (struct sess_own *)s;
}

/* Enters s into inst.open with a number of its own. */
void open_enter(struct sess *s);
/*
 * Takes s out of it. begin, commit: of what it logged, 0 without, and whether that is on disk. trx
 * != NULL: gives it its commit number. Returns whether nobody is left who began before that number.
 */
bool open_leave(struct sess *s, struct trx *trx, lgpos_t commit, bool durable);
/* A rollback is not possible, the instance is down: only the memory of its versions goes. */
void sess_abandon(struct sess *s);

/* ---- transactions with versions --------------------------------------------------------------- */

#define GATE_SHUT (UINT32_C(1) << 31)

struct trx {
    _Atomic uint32_t commit; /* TRX_NONE while it is open; set under inst.open.lock */
    /* Flushers that log UndoInfo for it, and GATE_SHUT while it logs a commit: the two must not
     * cross (verundo.c). */
    _Atomic uint32_t gate;
    _Atomic lgpos_t lgpos_commit; /* of Commit0; 0: not logged (yet) */
    /* The session's until it has ended, then of the thread that took it from a queue: */
    bool images; /* has versions that need UndoInfo: they stay until Commit0 is on disk */
    uint32_t nr;
    struct ver *list; /* once it has ended; before, sess.ver_newest. In `work`: oldest first */
    struct vblock *block;
    struct trx *next; /* verstore.queue_lock */
};

static inline uint32_t trx_number(const struct trx *t)
{
    return atomic_load_explicit(&t->commit, memory_order_acquire);
}
/* Is it visible to whoever began with number begin (TRX_NONE: is in no transaction)? */
static inline bool committed_before(const struct trx *t, uint32_t begin)
{
    const uint32_t n = trx_number(t);

    return n != TRX_NONE && (begin == TRX_NONE || trx_before(n, begin));
}
/* Of another's, and not visible to s. */
static inline bool active_not_mine(const struct ver *v, const struct sess *s, uint32_t begin)
{
    return v->trx != s->trx && !committed_before(v->trx, begin);
}
static inline uint32_t sess_begin(const struct sess *s)
{
    return atomic_load_explicit(&s->trx_begin0, memory_order_relaxed);
}
/* Keeps flushers from logging UndoInfo for s's versions until gate_open; waits for those that are
 * at it. */
void gate_shut(struct trx *t);
void gate_open(struct trx *t);

/* ---- entries ---------------------------------------------------------------------------------- */

struct entry {
    struct ver v;
    struct entry *newer_node; /* bucket lock, as next_hash and chained */
    struct entry *next_hash;  /* of the newest of a node: another node of the bucket */
    struct vblock *block;
    uint32_t hash;
    uint32_t len;
    bool chained;
};
static inline struct entry *entry_of(struct ver *v)
{
    return (struct entry *)v;
}

/* Errors: JET_errVersionStoreOutOfMemory, JET_errOutOfMemory. */
must_check JET_ERR vmem_alloc(struct sess *s, uint32_t len, struct vblock **ret_block, void **ret);
/* By anybody. len: as it was allocated with. */
void vmem_free(struct vblock *b, void *p, uint32_t len);
/* By the session that allocated it: when it was the last one, its place is used again. */
void vmem_take_back(struct sess *s, struct vblock *b, void *p, uint32_t len);
/* The session ends. */
void vmem_leave(struct sess *s);
void vmem_drain(struct verstore *vs);

/* ---- the store -------------------------------------------------------------------------------- */

struct bucket {
    _Atomic uintptr_t head; /* newest entry of its first node; bit 0: locked */
};

struct verstore {
    struct inst *inst;
    struct sess *sess; /* the cleaner's */
    struct bucket *buckets;
    uint32_t mask;

    _Atomic uint64_t bytes; /* in blocks that sessions have or entries are in */
    uint64_t max, pressure,
        plenty; /* refused beyond, cleaned by transactions that begin, by the thread */
    _Atomic uint32_t pool_lock;
    struct vblock *pool; /* pool_lock; spare blocks of BLOCK_MAX */
    unsigned nr_pool;

    _Atomic uint32_t nr_trx;      /* transactions that have versions, or had when they ended */
    _Atomic uint32_t queue_lock;  /* the queues: */
    struct trx *done, **done_end; /* ended, as they were; roughly in the order of their numbers */
    struct trx *work,
        **work_end;           /* nobody needs them any more; left are entries that have a hook */
    struct ver *undone;       /* Inserts rolled back: their nodes are to go; linked by older */
    _Atomic uint32_t nr_work; /* work and undone hold something */

    pthread_mutex_t clean; /* recursive: hooks of cleaning run under it, one at a time */

    pthread_mutex_t wake_lock; /* the thread: */
    pthread_cond_t wake_cond;
    pthread_t thread;
    bool running, stop, wake;
    _Atomic bool woken; /* wake, readable without the lock */
};

static inline struct bucket *bucket_of(struct verstore *vs, uint32_t hash)
{
    return &vs->buckets[hash & vs->mask];
}
static inline struct entry *bucket_first(const struct bucket *b)
{
    return (struct entry *)(atomic_load_explicit(&b->head, memory_order_relaxed) & ~(uintptr_t)1);
}
static inline void bucket_lock(struct bucket *b)
{
    unsigned round = 0;

    while (unlikely(atomic_fetch_or_explicit(&b->head, 1, memory_order_acquire) & 1))
        do
            spin_wait(&round);
        while (atomic_load_explicit(&b->head, memory_order_relaxed) & 1);
}
/* Whoever waits only sets the bit that is set, so a plain store is enough. */
static inline void bucket_unlock(struct bucket *b)
{
    atomic_store_explicit(&b->head, (uintptr_t)bucket_first(b), memory_order_release);
}

uint32_t ver_hash(const struct tree *t, const struct bookmark *bm);
/* The newest entry of the node; NULL: none. The bucket is locked. */
struct entry *bucket_find(struct bucket *b, uint32_t hash, const struct tree *t,
                          const struct bookmark *bm);
/* The node's newest entry, its bucket locked; NULL: there is none, and nothing is locked. */
struct ver *node_lock(struct tree *t, const struct bookmark *bm, struct bucket **ret);
/* Out of its node's chain; fine when it is not in one. */
void entry_unchain(struct verstore *vs, struct entry *e);
/* The memory too, and the argument of DDL. */
void entry_free(struct entry *e);

/* ---- cleaning --------------------------------------------------------------------------------- */

/* t has ended and its entries are in its list. alone: nobody is older. */
void clean_ended(struct verstore *vs, struct trx *t, bool alone);
/* Entries without a hook that nobody needs any more: what can go without a latch, a record or a
 * wait. */
void clean_light(struct verstore *vs);
/* v is out of its chain and of its session's list; its node is to go. */
void clean_undone(struct verstore *vs, struct ver *v);
bool clean_is_ripe(const struct verstore *vs, const struct trx *t, uint32_t oldest);
bool clean_has_hook(struct verstore *vs, struct ver *v);
void cleaner_wake(struct verstore *vs);
/* For trx_begin: the store is nearly full. */
must_check JET_ERR clean_pressure(struct inst *in);
void trx_free(struct verstore *vs, struct trx *t);

#endif
