/*
 * Inside the cache: the frame and its word. latch.c waits, cache.c keeps the frames, buf.c gives
 * out pages, write.c brings them back to the file.
 *
 * Everything that several threads decide on is in frame.word, one atomic: pins, who holds the
 * latch, what state the page is in. Taking a page that is in memory, with its latch, is one
 * addition to it; letting it go is one subtraction.
 *
 * Invariants:
 *   1. A frame's memory lives as long as its cache. A pointer to one may be of any age.
 *   2. key, pool, pub.pgno change only while W_CLAIMED is set; it gets set only when there is no
 *      pin, by a compare-and-swap (but cache_drop: when nobody uses the pool). So: add a pin; when
 *      W_CLAIMED was not set, they stand still until the pin goes, and the key says whose page it
 *      is. Who finds W_CLAIMED, or another key, takes the pin back and has looked at nothing else.
 *      (The claimer sets them before it clears W_CLAIMED with release; adding the pin is an
 *      acquire, and everything in between in the word's history is a read-modify-write.)
 *   3. The page's bytes, blank, lgpos and the setting of W_DIRTY belong to the holder of the
 *      exclusive latch; in recovery, where there are no latches, to its thread.
 *   4. W_DIRTY goes when the bytes have been copied for writing, under a shared latch; a change
 *      comes after and sets it again. From then to the end of the write W_WRITING is set, there is
 *      a pin, and oldest_writing stands in for oldest. Only one writer at a time: who sets
 *      W_WRITING.
 *   5. A frame is in the table and in a list from cache_pin until it is claimed: cache.lock.
 */
#ifndef ESE_BUF_BUF_PRIV_H
#define ESE_BUF_BUF_PRIV_H

#include <pthread.h>

#include "buf/buf.h"
#include "buf/spill.h"

#define W_PIN      UINT64_C(1)
#define W_PINS     (((UINT64_C(1) << 22) - 1) * W_PIN)
#define W_SHARED   (UINT64_C(1) << 22)
#define W_SHAREDS  (((UINT64_C(1) << 22) - 1) * W_SHARED)
#define W_X        (UINT64_C(1) << 44) /* latched exclusively */
#define W_XWAIT    (UINT64_C(1) << 45) /* somebody waits for that: no new readers */
#define W_SLEEPERS (UINT64_C(1) << 46) /* somebody sleeps on frame.wake */
#define W_UNLOADED (UINT64_C(1) << 47) /* the bytes are not the page's */
#define W_MADE \
    (UINT64_C(1) << 48) /* BUF_NEW, and not yet told to be dirty: its zeroes are nobody's */
#define W_DIRTY   (UINT64_C(1) << 49)
#define W_WRITING (UINT64_C(1) << 50)
#define W_CLAIMED (UINT64_C(1) << 51) /* no page's: free, or on the way from one to another */

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum frame_list { LIST_NONE, LIST_COLD, LIST_HOT, NR_LISTS };

struct frame {
    struct buf pub; /* first: a struct buf is a frame. b, size: for ever */
    _Atomic uint64_t word;
    _Atomic uint64_t key;        /* bufpool.id and pgno; 0: none */
    struct frame *_Atomic chain; /* table; next of the free ones. Set under cache.lock */
    struct bufpool *pool;
    _Atomic uint32_t wake; /* counts up when sleepers shall look again */
    _Atomic uint8_t ref;   /* used since the clock's hand was here */
    uint8_t list;          /* enum frame_list; cache.lock */
    bool passed;           /* dirty when room was wanted, and spared once; cache.lock */
    /* ---- second cache line ---- */
    lgpos_t lgpos; /* of the last change */
    _Atomic lgpos_t
        oldest; /* UINT64_MAX: holds nothing back. Written by the latch's holder, read by anybody */
    _Atomic lgpos_t oldest_writing;
    uint8_t *saved;            /* W_MADE: the bytes of the dirty page that was there, or NULL */
    struct frame *prev, *next; /* list; cache.lock */
} __attribute__((aligned(64)));

struct list {
    struct frame *head, *tail;
    size_t nr;
};

struct chunk { /* frames are made in these */
    struct chunk *next;
    size_t nr;
    uint8_t *pages;
    struct frame frame[];
};

struct table {
    unsigned shift; /* of the hash */
    size_t nr;
    struct table *outgrown; /* a smaller one: somebody may be walking in it */
    struct frame *_Atomic slot[];
};

struct ghost { /* a page that left not long ago */
    uint64_t key, when;
};

struct bufcache {
    uint32_t page_size;
    size_t max;
    struct table *_Atomic table;                         /* changed under lock */
    struct chunk *_Atomic chunks;                        /* new ones in front, under lock */
    _Atomic uint64_t reads, writes, evictions, prereads; /* relaxed */
    pthread_mutex_t lock;                                /* guards the rest */
    size_t nr, used;                                     /* frames; those that hold a page */
    uint64_t inserts;                                    /* times that a page came in */
    struct frame *free;
    struct list list[NR_LISTS];
    struct ghost *ghosts;
    unsigned ghost_shift;
    uint64_t ghost_clock;      /* pages that became ghosts */
    pthread_mutex_t gate_lock; /* `frozen` changes under it: bufcache_freeze */
    pthread_cond_t gate;
    _Atomic bool frozen;
    _Atomic unsigned nr_writing; /* writes under way */
};

struct bufpool {
    struct bufcache *c;
    uint64_t id; /* << 32: no two pools of a process have the same */
    int fd;
    bool overlay, owns_cache;
    _Atomic JET_ERR failed;
    _Atomic pgno_t cut;  /* overlay: the file counts as blank from here on; 0: nowhere */
    struct spill *spill; /* overlay: changed pages that left memory; else NULL */
    struct reporter *r;
    buf_flush_log_fn *flush_log;
    void *ctx;
    struct bufguard *guard;   /* guard.h; NULL: none */
    struct signature sign_db; /* with guard */
};

static inline uint64_t key_of(const struct bufpool *p, pgno_t pgno)
{
    return p->id | pgno;
}

static inline struct frame *frame_of(struct buf *b)
{
    return (struct frame *)b;
}

static inline uint64_t offset_of(const struct bufpool *p, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * p->c->page_size;
}

static inline uint64_t word_load(const struct frame *f)
{
    return atomic_load_explicit(&f->word, memory_order_relaxed);
}

/* ---- latch.c ---------------------------------------------------------------------------------- */

void latch_shared_wait(struct frame *f) cold;
void latch_exclusive_wait(struct frame *f) cold;
/* Sleeps until something has happened to the word, which was w. May come back for nothing. */
void word_sleep(struct frame *f, uint64_t w) cold;
void word_wake(struct frame *f) cold;

/* w: before it. Sleepers look again when nobody is left. */
static inline void after_unshare(struct frame *f, uint64_t w)
{
    if (unlikely(w & W_SLEEPERS) && (w & (W_SHAREDS | W_X)) == W_SHARED)
        word_wake(f);
}

static inline void unlatch_shared(struct frame *f)
{
    after_unshare(f, atomic_fetch_sub_explicit(&f->word, W_SHARED, memory_order_release));
}

static inline void unlatch_exclusive(struct frame *f)
{
    if (unlikely(atomic_fetch_sub_explicit(&f->word, W_X, memory_order_release) & W_SLEEPERS))
        word_wake(f);
}

/* A reader adds itself first and looks then: while W_X is set there may be readers in the count
 * that are about to take themselves out again. */
static inline bool try_latch_shared(struct frame *f)
{
    uint64_t w = atomic_fetch_add_explicit(&f->word, W_SHARED, memory_order_acquire);

    if (likely(!(w & (W_X | W_XWAIT))))
        return true;
    unlatch_shared(f);
    return false;
}

static inline void latch_shared(struct frame *f)
{
    if (unlikely(!try_latch_shared(f)))
        latch_shared_wait(f);
}

static inline bool try_latch_exclusive(struct frame *f)
{
    uint64_t w = word_load(f);

    while (!(w & (W_X | W_XWAIT | W_SHAREDS)))
        if (atomic_compare_exchange_weak_explicit(&f->word, &w, w | W_X, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static inline void latch_exclusive(struct frame *f)
{
    if (unlikely(!try_latch_exclusive(f)))
        latch_exclusive_wait(f);
}

/* ---- cache.c ---------------------------------------------------------------------------------- */

/* The frame that seems to hold the page, without a lock: NULL means nothing. */
struct frame *cache_peek(const struct bufcache *c, uint64_t key);
/* The frame of the page, pinned; made when there is none: *ret_fresh, then it is latched
 * exclusively and W_UNLOADED. */
must_check JET_ERR cache_pin(struct bufpool *p, pgno_t pgno, bool *ret_fresh, struct frame **ret);
/* Takes the pool's pages from `first` on out, whatever state they are in. */
void cache_drop(struct bufpool *p, pgno_t first);

/* All frames, whatever they hold, without a lock: those that are made meanwhile may be missed. */
struct walk {
    struct chunk *ch;
    size_t i;
};

static inline struct walk cache_walk(const struct bufcache *c)
{
    return (struct walk){atomic_load_explicit(&c->chunks, memory_order_acquire), 0};
}

static inline struct frame *walk_next(struct walk *w)
{
    while (w->ch && w->i == w->ch->nr)
        *w = (struct walk){w->ch->next, 0};
    return w->ch ? &w->ch->frame[w->i++] : NULL;
}

static inline bool frame_is_of(const struct frame *f, const struct bufpool *p)
{
    return (atomic_load_explicit(&f->key, memory_order_relaxed) & ~(uint64_t)UINT32_MAX) == p->id;
}

/* ---- buf.c ------------------------------------------------------------------------------------ */

/* Returns err. The first one stays. */
JET_ERR pool_fail(struct bufpool *p, JET_ERR err) cold;
JET_ERR pool_fail_io(struct bufpool *p, JET_ERR err, uint64_t offset, const char *doing) cold;
static inline JET_ERR pool_check(const struct bufpool *p)
{
    return atomic_load_explicit(&p->failed, memory_order_relaxed);
}
/* A pin went, W_MADE was set in the word w before: with the last one the page that was there comes
 * back. */
void put_made(struct frame *f, uint64_t w) cold;

/* ---- guard.c ---------------------------------------------------------------------------------- */

/* Before and after pages are written to their place. The slot, for the second call. */
int guard_begin(struct bufpool *p, const uint8_t *pages, pgno_t pgno, size_t nr);
void guard_end(struct bufpool *p, int slot);

/* ---- write.c ---------------------------------------------------------------------------------- */

/* A dirty page that nobody uses is taken for writing: pinned, latched shared, W_WRITING. False: it
 * is not one. */
bool victim_begin(struct frame *f);
/* Writes it and lets it go. > 0: flush_log holds it back; < 0: the pool has failed, or memory is
 * short. */
JET_ERR victim_write(struct frame *f);

#endif
