/*
 * The frames of a cache: which page is in which, and which page goes when room is wanted.
 *
 * Looking a page up takes no lock: cache_peek walks a chain of the table whatever others do to it.
 * It may be led into another chain, or into a table that was outgrown, and miss the page (then
 * cache_pin looks again, under the lock); what it finds is only a suggestion, which pinning and
 * comparing the key proves (buf_priv.h, 2). Tables that were outgrown and frames live as long as
 * the cache, so there is nothing it could fall into.
 *
 * Who goes (after 2Q): a page comes into the cold list, a queue. When it has left and is wanted
 * again soon, it comes into the hot list, which is a clock: there it stays as long as it is used.
 * So a scan, however long, flows through the quarter that is the cold list's. While there is room
 * nothing leaves at all. A dirty page is spared once, for one that is clean; one that stays in
 * memory for good (an overlay's, a failed pool's) is in no list. The evictor waits for no latch.
 *
 * Not here: what is in the pages, and writing them.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "buf/buf_priv.h"

#define WALK_MAX    64u                  /* frames of a chain that are looked at without the lock */
#define CHUNK_FIRST 8u                   /* frames made at first; then as many again, up to: */
#define CHUNK_BYTES (2u * 1024u * 1024u) /* a huge page of x86-64 */
#define SPARE_MAX   32u                  /* dirty pages spared, at most, in one search for room */
#define REFUSED_MAX 16u /* pages that flush_log held back, until the cache rather grows */

static uint64_t hash(uint64_t key)
{
    return key * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- table ------------------------------------------------------------------------------------ */

static struct table *table_new(unsigned bits)
{
    const size_t nr = (size_t)1 << bits;
    struct table *t = calloc(1, sizeof(*t) + nr * sizeof(t->slot[0]));

    if (t) {
        t->shift = 64 - bits;
        t->nr = nr;
    }
    return t;
}

static struct frame *_Atomic *slot_of(struct table *t, uint64_t key)
{
    return &t->slot[hash(key) >> t->shift];
}

struct frame *cache_peek(const struct bufcache *c, uint64_t key)
{
    struct table *t = atomic_load_explicit(&c->table, memory_order_acquire);
    struct frame *f = atomic_load_explicit(slot_of(t, key), memory_order_acquire);

    for (unsigned i = 0; f && i < WALK_MAX; i++) {
        if (likely(atomic_load_explicit(&f->key, memory_order_relaxed) == key))
            return f;
        f = atomic_load_explicit(&f->chain, memory_order_acquire);
    }
    return NULL;
}

static struct frame *chain_of(const struct frame *f)
{
    return atomic_load_explicit(&f->chain, memory_order_relaxed);
}

/* Under the lock, where a chain is what it seems. */
static struct frame *table_find(struct bufcache *c, uint64_t key)
{
    struct table *t = atomic_load_explicit(&c->table, memory_order_relaxed);
    struct frame *f = atomic_load_explicit(slot_of(t, key), memory_order_relaxed);

    while (f && atomic_load_explicit(&f->key, memory_order_relaxed) != key)
        f = chain_of(f);
    return f;
}

static void table_add(struct table *t, struct frame *f)
{
    struct frame *_Atomic *s = slot_of(t, atomic_load_explicit(&f->key, memory_order_relaxed));

    atomic_store_explicit(&f->chain, atomic_load_explicit(s, memory_order_relaxed),
                          memory_order_release);
    atomic_store_explicit(s, f, memory_order_release);
}

static void table_remove(struct bufcache *c, struct frame *f)
{
    struct table *t = atomic_load_explicit(&c->table, memory_order_relaxed);
    struct frame *_Atomic *s = slot_of(t, atomic_load_explicit(&f->key, memory_order_relaxed));
    struct frame *at;

    while ((at = atomic_load_explicit(s, memory_order_relaxed)) != f)
        s = &at->chain;
    atomic_store_explicit(s, chain_of(f), memory_order_release);
}

/* Without memory the chains get longer, nothing else. */
static void table_grow(struct bufcache *c)
{
    struct table *t = atomic_load_explicit(&c->table, memory_order_relaxed), *bigger;

    if (c->used < t->nr || !(bigger = table_new(65 - t->shift)))
        return;
    for (size_t i = 0; i < t->nr; i++) {
        struct frame *f = atomic_load_explicit(&t->slot[i], memory_order_relaxed);

        while (f) {
            struct frame *next = chain_of(f);
            table_add(bigger, f);
            f = next;
        }
    }
    bigger->outgrown = t;
    atomic_store_explicit(&c->table, bigger, memory_order_release);
}

/* ---- lists and ghosts ------------------------------------------------------------------------- */

static void list_add(struct bufcache *c, enum frame_list which, struct frame *f)
{
    struct list *l = &c->list[which];

    f->list = (uint8_t)which;
    f->prev = l->tail;
    f->next = NULL;
    *(l->tail ? &l->tail->next : &l->head) = f;
    l->tail = f;
    l->nr++;
}

static void list_remove(struct bufcache *c, struct frame *f)
{
    struct list *l = &c->list[f->list];

    if (f->list == LIST_NONE)
        return;
    *(f->prev ? &f->prev->next : &l->head) = f->next;
    *(f->next ? &f->next->prev : &l->tail) = f->prev;
    l->nr--;
    f->list = LIST_NONE;
}

static void list_rotate(struct bufcache *c, struct frame *f)
{
    enum frame_list which = f->list;

    list_remove(c, f);
    list_add(c, which, f);
}

static void ghost_add(struct bufcache *c, uint64_t key)
{
    c->ghosts[hash(key) >> c->ghost_shift] = (struct ghost){key, ++c->ghost_clock};
}

static bool is_ghost(const struct bufcache *c, uint64_t key)
{
    const struct ghost *g = &c->ghosts[hash(key) >> c->ghost_shift];

    return g->key == key && c->ghost_clock - g->when < c->max / 2 + 1;
}

/* ---- frames ----------------------------------------------------------------------------------- */

static void free_push(struct bufcache *c, struct frame *f)
{
    atomic_store_explicit(&f->chain, c->free, memory_order_release);
    c->free = f;
    c->used--;
}

static struct frame *free_pop(struct bufcache *c)
{
    struct frame *f = c->free;

    if (f) {
        c->free = chain_of(f);
        c->used++;
    }
    return f;
}

/* Full-size chunks lie in huge pages where the system has some: a scan that fills the cache spends
 * half of its time in page faults else, and lookups miss the TLB. */
static void *alloc_pages(size_t bytes)
{
    const size_t align = bytes == CHUNK_BYTES ? CHUNK_BYTES : 4096;
    void *mem;

    if (posix_memalign(&mem, align, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes == CHUNK_BYTES)
        (void)madvise(mem, bytes, MADV_HUGEPAGE); /* advice */
#endif
    return mem;
}

static bool add_chunk(struct bufcache *c)
{
    size_t nr = c->nr ? c->nr : CHUNK_FIRST;
    struct chunk *ch;
    uint8_t *pages;
    void *mem;

    if (nr > CHUNK_BYTES / c->page_size)
        nr = CHUNK_BYTES / c->page_size;
    if (c->nr < c->max && nr > c->max - c->nr)
        nr = c->max - c->nr;
    if (posix_memalign(&mem, _Alignof(struct frame), sizeof(*ch) + nr * sizeof(struct frame)) != 0)
        return false;
    pages = alloc_pages(nr * c->page_size);
    if (!pages) {
        free(mem);
        return false;
    }
    ch = memset(mem, 0, sizeof(*ch) + nr * sizeof(struct frame));
    ch->pages = pages;
    ch->nr = nr;
    for (size_t i = nr; i-- > 0;) {
        struct frame *f = &ch->frame[i];

        f->pub = (struct buf){.b = ch->pages + i * c->page_size, .size = c->page_size};
        atomic_init(&f->word, W_CLAIMED | W_UNLOADED);
        atomic_init(&f->oldest, UINT64_MAX);
        atomic_init(&f->oldest_writing, UINT64_MAX);
        c->used++;
        free_push(c, f);
    }
    c->nr += nr;
    ch->next = atomic_load_explicit(&c->chunks, memory_order_relaxed);
    atomic_store_explicit(&c->chunks, ch, memory_order_release);
    return true;
}

/* A claimed frame's page goes from table and list. */
static void forget_page(struct bufcache *c, struct frame *f)
{
    table_remove(c, f);
    list_remove(c, f);
    free(f->saved);
    f->saved = NULL;
    f->pool = NULL;
    f->lgpos = 0;
    f->passed = false;
    atomic_store_explicit(&f->key, 0, memory_order_relaxed);
    atomic_store_explicit(&f->oldest, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&f->oldest_writing, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&f->ref, 0, memory_order_relaxed);
}

/* ---- room ------------------------------------------------------------------------------------- */

/* Only a page without pins, latches and changes. */
static bool claim(struct frame *f)
{
    uint64_t w = word_load(f);

    return !(w & ~W_UNLOADED) &&
           atomic_compare_exchange_strong_explicit(&f->word, &w, W_CLAIMED | W_UNLOADED,
                                                   memory_order_acquire, memory_order_relaxed);
}

struct search { /* for room */
    unsigned spared, refused;
};

/* Is the page to stay for now? Then it was put where the search comes to it later, or never. */
static bool stays(struct bufcache *c, struct frame *f, struct search *s)
{
    const uint64_t w = word_load(f);

    if ((w & W_DIRTY) && pool_check(f->pool) < 0) {
        list_remove(c, f);
        return true;
    }
    if (w & ~(W_UNLOADED | W_DIRTY)) {
        list_rotate(c, f);
        return true;
    }
    if (f->list == LIST_HOT && atomic_load_explicit(&f->ref, memory_order_relaxed)) {
        atomic_store_explicit(&f->ref, 0, memory_order_relaxed);
        list_rotate(c, f);
        return true;
    }
    if ((w & W_DIRTY) && !f->passed && s->spared < SPARE_MAX) {
        f->passed = true;
        s->spared++;
        list_rotate(c, f);
        return true;
    }
    return false;
}

/* Writes a dirty page without the lock; whatever comes of it is seen when the search comes by
 * again. */
static void clean(struct bufcache *c, struct frame *f, struct search *s)
{
    JET_ERR err;

    if (!victim_begin(f)) {
        list_rotate(c, f);
        return;
    }
    pthread_mutex_unlock(&c->lock);
    err = victim_write(f);
    pthread_mutex_lock(&c->lock);
    if (err != 0)
        s->refused++;
}

/* Under the lock, but for the time of a write. A claimed frame without a page, or NULL. */
static struct frame *evict_from(struct bufcache *c, enum frame_list which, struct search *s)
{
    struct list *l = &c->list[which];

    for (size_t looks = 2 * l->nr + 1; looks > 0 && l->head && s->refused < REFUSED_MAX; looks--) {
        struct frame *f = l->head;

        if (stays(c, f, s))
            continue;
        if (word_load(f) & W_DIRTY) {
            list_rotate(c, f); /* should it be held back */
            clean(c, f, s);
            if (f->list == LIST_NONE)
                continue;
        }
        if (claim(f)) {
            ghost_add(c, atomic_load_explicit(&f->key, memory_order_relaxed));
            forget_page(c, f);
            atomic_fetch_add_explicit(&c->evictions, 1, memory_order_relaxed);
            return f;
        }
        if (l->head == f)
            list_rotate(c, f);
    }
    return NULL;
}

static struct frame *evict(struct bufcache *c)
{
    const bool cold_first = c->list[LIST_COLD].nr > c->max / 4 || !c->list[LIST_HOT].nr;
    const enum frame_list first = cold_first ? LIST_COLD : LIST_HOT;
    struct search s = {0};
    struct frame *f = evict_from(c, first, &s);

    if (!f) {
        s.refused = 0;
        f = evict_from(c, first == LIST_COLD ? LIST_HOT : LIST_COLD, &s);
    }
    return f;
}

/* A claimed frame. Two pages go for one that comes as long as there are more than max. */
static struct frame *take_frame(struct bufcache *c)
{
    struct frame *f;

    for (int i = 0; i < 2 && c->used >= c->max && (f = evict(c)); i++)
        free_push(c, f);
    if (!c->free && !add_chunk(c) && (f = evict(c)))
        free_push(c, f);
    return free_pop(c);
}

/* ---- pages come and go ------------------------------------------------------------------------ */

static void insert(struct bufpool *p, pgno_t pgno, struct frame *f)
{
    struct bufcache *c = p->c;
    const uint64_t key = key_of(p, pgno);

    f->pool = p;
    f->pub.pgno = pgno;
    f->pub.blank = false;
    atomic_store_explicit(&f->key, key, memory_order_relaxed);
    table_grow(c);
    table_add(atomic_load_explicit(&c->table, memory_order_relaxed), f);
    list_add(c, is_ghost(c, key) ? LIST_HOT : LIST_COLD, f);
    c->inserts++;
    /* Added, not stored: somebody with an old hint may just be taking a pin back. */
    atomic_fetch_add_explicit(&f->word, W_PIN + W_X - W_CLAIMED, memory_order_release);
}

JET_ERR cache_pin(struct bufpool *p, pgno_t pgno, bool *ret_fresh, struct frame **ret)
{
    struct bufcache *c = p->c;
    const uint64_t key = key_of(p, pgno);
    JET_ERR err = JET_errSuccess;
    struct frame *f;

    pthread_mutex_lock(&c->lock);
    f = table_find(c, key);
    *ret_fresh = false;
    if (!f) {
        const uint64_t inserts = c->inserts;
        struct frame *room = take_frame(c);

        if (c->inserts != inserts) /* the lock was free meanwhile */
            f = table_find(c, key);
        if (!room) {
            err = f ? JET_errSuccess : RAISE(JET_errOutOfMemory);
        } else if (f) {
            free_push(c, room);
        } else {
            insert(p, pgno, room);
            *ret_fresh = true;
            f = room;
        }
    }
    if (f && !*ret_fresh) /* in the table, so not claimed as long as the lock is held */
        atomic_fetch_add_explicit(&f->word, W_PIN, memory_order_acquire);
    pthread_mutex_unlock(&c->lock);
    *ret = f;
    return err;
}

/* Claims a frame from whoever has it, but for a writer. False: one is at work. */
static bool seize(struct frame *f)
{
    uint64_t w = word_load(f);

    do {
        if (w & W_WRITING)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &f->word, &w, (w & ~(W_DIRTY | W_MADE)) | W_CLAIMED | W_UNLOADED, memory_order_acquire,
        memory_order_relaxed));
    return true;
}

static void drop(struct bufpool *p, struct frame *f)
{
    struct bufcache *c = p->c;
    const uint64_t key = atomic_load_explicit(&f->key, memory_order_relaxed);

    while (!seize(f)) {
        const uint64_t w = word_load(f);

        pthread_mutex_unlock(&c->lock);
        if (w & W_WRITING)
            word_sleep(f, w);
        pthread_mutex_lock(&c->lock);
        if (atomic_load_explicit(&f->key, memory_order_relaxed) != key)
            return; /* written, and gone by itself */
    }
    forget_page(c, f);
    free_push(c, f);
}

void cache_drop(struct bufpool *p, pgno_t first)
{
    struct bufcache *c = p->c;
    struct walk w = cache_walk(c);
    struct frame *f;

    pthread_mutex_lock(&c->lock);
    while ((f = walk_next(&w)))
        if (frame_is_of(f, p) && f->pub.pgno >= first)
            drop(p, f);
    pthread_mutex_unlock(&c->lock);
}

/* ---- a cache ---------------------------------------------------------------------------------- */

static unsigned bits_for(size_t nr)
{
    unsigned bits = 4;

    while (bits < 40 && ((size_t)1 << bits) < nr)
        bits++;
    return bits;
}

JET_ERR bufcache_new(uint32_t page_size, size_t max, struct bufcache **ret)
{
    struct bufcache *c = calloc(1, sizeof(*c));
    struct table *t = table_new(8);
    const unsigned ghost_bits = bits_for(max);

    if (c)
        c->ghosts = calloc((size_t)1 << ghost_bits, sizeof(*c->ghosts));
    if (!c || !t || !c->ghosts) {
        if (c)
            free(c->ghosts);
        free(c);
        free(t);
        return RAISE(JET_errOutOfMemory);
    }
    c->page_size = page_size;
    c->max = max ? max : 1;
    c->ghost_shift = 64 - ghost_bits;
    atomic_init(&c->table, t);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->gate_lock, NULL);
    pthread_cond_init(&c->gate, NULL);
    *ret = c;
    return JET_errSuccess;
}

void bufcache_free(struct bufcache *c)
{
    if (!c)
        return;
    for (struct table *t = atomic_load(&c->table), *older; t; t = older) {
        older = t->outgrown;
        free(t);
    }
    for (struct chunk *ch = atomic_load(&c->chunks), *next; ch; ch = next) {
        next = ch->next;
        free(ch->pages);
        free(ch);
    }
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->gate_lock);
    pthread_cond_destroy(&c->gate);
    free(c->ghosts);
    free(c);
}

void bufcache_stats(struct bufcache *c, struct bufcache_stats *ret)
{
    struct walk w = cache_walk(c);
    const struct frame *f;

    *ret = (struct bufcache_stats){
        .reads = atomic_load_explicit(&c->reads, memory_order_relaxed),
        .writes = atomic_load_explicit(&c->writes, memory_order_relaxed),
        .evictions = atomic_load_explicit(&c->evictions, memory_order_relaxed),
        .prereads = atomic_load_explicit(&c->prereads, memory_order_relaxed),
    };
    pthread_mutex_lock(&c->lock);
    ret->frames = c->used;
    pthread_mutex_unlock(&c->lock);
    while ((f = walk_next(&w)))
        ret->dirty += !!(word_load(f) & W_DIRTY);
}
