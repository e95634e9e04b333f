/*
 * Memory of versions: blocks that sessions fill from one end, and that anybody empties by counting
 * (trx_priv.h).
 *
 * An entry costs a few additions to lay in and one atomic subtraction to free, wherever that
 * happens. What is counted against the store's limit is blocks, so the count is of memory that is
 * really held. A session's first block is small: a thousand sessions that rarely write hold little.
 */
#include <stdlib.h>

#include "txn/trx_priv.h"

#define ENTRY_LARGE 4096u /* from here on an entry has a block for itself */
#define POOL_MOST   64u

/* Under the address sanitizer what was freed inside a block must not be touched either. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define mem_freed(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define mem_taken(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
#else
#define mem_freed(p, len) ((void)(p), (void)(len))
#define mem_taken(p, len) ((void)(p), (void)(len))
#endif

/* ---- blocks ----------------------------------------------------------------------------------- */

static struct vblock *from_pool(struct verstore *vs)
{
    struct vblock *b;

    spin_lock(&vs->pool_lock);
    b = vs->pool;
    if (b) {
        vs->pool = b->next;
        vs->nr_pool--;
    }
    spin_unlock(&vs->pool_lock);
    return b;
}

static bool to_pool(struct verstore *vs, struct vblock *b)
{
    bool kept;

    spin_lock(&vs->pool_lock);
    kept = vs->nr_pool < POOL_MOST;
    if (kept) {
        b->next = vs->pool;
        vs->pool = b;
        vs->nr_pool++;
    }
    spin_unlock(&vs->pool_lock);
    return kept;
}

static void release(struct vblock *b)
{
    struct verstore *vs = b->vs;

    atomic_fetch_sub_explicit(&vs->bytes, b->size, memory_order_relaxed);
    mem_taken(b, b->size);
    if (b->size != BLOCK_MAX || !to_pool(vs, b))
        free(b);
}

static bool reserve(struct verstore *vs, uint32_t size, uint64_t max)
{
    if (atomic_fetch_add_explicit(&vs->bytes, size, memory_order_relaxed) + size <= max)
        return true;
    atomic_fetch_sub_explicit(&vs->bytes, size, memory_order_relaxed);
    return false;
}

/*
 * The caller may hold latches, so nothing is waited for: entries without hooks go here and now, the
 * others when the thread comes to them. The cleaner itself needs versions where it removes a long
 * value: some room is its own.
 */
static JET_ERR make_room(struct sess *s, uint32_t size)
{
    struct verstore *vs = s->inst->ver;
    const uint64_t max = s->system ? vs->max + vs->max / 8 : vs->max;

    if (atomic_load_explicit(&vs->bytes, memory_order_relaxed) > vs->plenty)
        cleaner_wake(vs);
    if (reserve(vs, size, max))
        return JET_errSuccess;
    clean_light(vs);
    return reserve(vs, size, max) ? JET_errSuccess : RAISE(JET_errVersionStoreOutOfMemory);
}

static JET_ERR new_block(struct sess *s, uint32_t size, struct vblock **ret)
{
    struct verstore *vs = s->inst->ver;
    struct vblock *b = NULL;
    JET_ERR err = make_room(s, size);

    if (err < 0)
        return err;
    if (size == BLOCK_MAX)
        b = from_pool(vs);
    if (!b)
        b = malloc(size);
    if (!b) {
        atomic_fetch_sub_explicit(&vs->bytes, size, memory_order_relaxed);
        return RAISE(JET_errOutOfMemory);
    }
    b->vs = vs;
    b->size = size;
    b->used = sizeof(*b);
    b->taken = 0;
    atomic_store_explicit(&b->live, BLOCK_OWNED, memory_order_relaxed);
    *ret = b;
    return JET_errSuccess;
}

/*
 * Off goes: entries that were freed, or, by the session that leaves, places that were never taken.
 */
static void count_off(struct vblock *b, uint32_t nr)
{
    if (atomic_fetch_sub_explicit(&b->live, nr, memory_order_acq_rel) == nr)
        release(b);
}

void vmem_leave(struct sess *s)
{
    struct sess_own *o = sess_own(s);

    if (o->block)
        count_off(o->block, BLOCK_OWNED - o->block->taken);
    o->block = NULL;
}

void vmem_drain(struct verstore *vs)
{
    struct vblock *b;

    while ((b = from_pool(vs)))
        free(b);
}

/* ---- entries ---------------------------------------------------------------------------------- */

/* All that was laid into it is freed: from its beginning again. */
static bool rewind_block(struct vblock *b)
{
    if (atomic_load_explicit(&b->live, memory_order_acquire) != BLOCK_OWNED - b->taken)
        return false;
    b->used = sizeof(*b);
    b->taken = 0;
    atomic_store_explicit(&b->live, BLOCK_OWNED, memory_order_relaxed);
    return true;
}

static JET_ERR alloc_large(struct sess *s, uint32_t len, struct vblock **ret_block, void **ret)
{
    JET_ERR err = new_block(s, (uint32_t)sizeof(struct vblock) + len, ret_block);

    if (err < 0)
        return err;
    (*ret_block)->used = (*ret_block)->size;
    atomic_store_explicit(&(*ret_block)->live, 1, memory_order_relaxed);
    *ret = *ret_block + 1;
    return JET_errSuccess;
}

static JET_ERR next_block(struct sess_own *o, uint32_t len)
{
    struct vblock *b;
    JET_ERR err;

    while (o->block_size < sizeof(*b) + len)
        o->block_size *= 2;
    err = new_block(&o->s, o->block_size, &b);
    if (err < 0)
        return err;
    vmem_leave(&o->s);
    o->block = b;
    if (o->block_size < BLOCK_MAX)
        o->block_size *= 2;
    return JET_errSuccess;
}

JET_ERR vmem_alloc(struct sess *s, uint32_t len, struct vblock **ret_block, void **ret)
{
    struct sess_own *o = sess_own(s);
    struct vblock *b = o->block;

    len = (len + ENTRY_ALIGN - 1) & ~(ENTRY_ALIGN - 1);
    if (unlikely(!b || b->size - b->used < len)) {
        JET_ERR err;
        if (len >= ENTRY_LARGE)
            return alloc_large(s, len, ret_block, ret);
        err =
            b && rewind_block(b) && b->size - b->used >= len ? JET_errSuccess : next_block(o, len);
        if (err < 0)
            return err;
        b = o->block;
    }
    *ret = (uint8_t *)b + b->used;
    mem_taken(*ret, len);
    b->used += len;
    b->taken++;
    *ret_block = b;
    return JET_errSuccess;
}

void vmem_free(struct vblock *b, void *p, uint32_t len)
{
    mem_freed(p, len);
    count_off(b, 1);
}

void vmem_take_back(struct sess *s, struct vblock *b, void *p, uint32_t len)
{
    len = (len + ENTRY_ALIGN - 1) & ~(ENTRY_ALIGN - 1);
    mem_freed(p, len);
    if (b == sess_own(s)->block && (uint8_t *)p + len == (uint8_t *)b + b->used) {
        b->used -= len;
        b->taken--;
    } else {
        count_off(b, 1);
    }
}
