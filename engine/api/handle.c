/*
 * Handles: a place in a table and how often the place was given out. Any number may be asked for;
 * one that is no handle, or no longer one, gives NULL.
 *
 * Lookups take no lock. The table grows by chunks that stay until the process ends.
 */
#include "api/api_int.h"

#include <stdlib.h>

#define CHUNK      1024u
#define CHUNKS_MAX 4096u

struct slot {
    _Atomic(void *) obj;
    _Atomic uint32_t gen; /* how often it was given out; never 0 in a handle */
    _Atomic uint32_t kind;
    _Atomic(void *) owner;
    uint32_t next_free; /* lock */
};

static _Atomic(struct slot *) chunks[CHUNKS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t nr_slots = 1, first_free; /* lock; slot 0 is nobody's */

static struct slot *slot_at(uint32_t i)
{
    struct slot *chunk = i / CHUNK < CHUNKS_MAX
                             ? atomic_load_explicit(&chunks[i / CHUNK], memory_order_acquire)
                             : NULL;

    return chunk ? &chunk[i % CHUNK] : NULL;
}

/* With the lock. 0: out of memory. */
static uint32_t take_slot(void)
{
    uint32_t i = first_free;

    if (i) {
        first_free = slot_at(i)->next_free;
        return i;
    }
    if (nr_slots / CHUNK >= CHUNKS_MAX)
        return 0;
    if (!slot_at(nr_slots)) {
        struct slot *chunk = calloc(CHUNK, sizeof(*chunk));
        if (!chunk)
            return 0;
        atomic_store_explicit(&chunks[nr_slots / CHUNK], chunk, memory_order_release);
    }
    return nr_slots++;
}

uintptr_t handle_new(enum handle_kind kind, void *obj, void *owner)
{
    struct slot *s;
    uint32_t i, gen;

    pthread_mutex_lock(&lock);
    i = take_slot();
    if (!i) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    s = slot_at(i);
    gen = atomic_load_explicit(&s->gen, memory_order_relaxed) + 1;
    gen = (gen & 0x7fffffff) ? gen & 0x7fffffff : 1;
    atomic_store_explicit(&s->kind, kind, memory_order_relaxed);
    atomic_store_explicit(&s->owner, owner, memory_order_relaxed);
    atomic_store_explicit(&s->gen, gen, memory_order_relaxed);
    atomic_store_explicit(&s->obj, obj, memory_order_release);
    pthread_mutex_unlock(&lock);
    return (uintptr_t)gen << 32 | i;
}

/* The object first: what is said of it was written before it. */
static void *look_up(enum handle_kind kind, uintptr_t handle, void **ret_owner)
{
    struct slot *s = slot_at((uint32_t)handle);
    void *obj;

    if (!s)
        return NULL;
    obj = atomic_load_explicit(&s->obj, memory_order_acquire);
    *ret_owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
    if (atomic_load_explicit(&s->gen, memory_order_relaxed) != (uint32_t)(handle >> 32) ||
        atomic_load_explicit(&s->kind, memory_order_relaxed) != kind)
        return NULL;
    return obj;
}

void *handle_get(enum handle_kind kind, uintptr_t handle)
{
    void *owner;

    return look_up(kind, handle, &owner);
}

void *handle_get_of(enum handle_kind kind, uintptr_t handle, const void *owner)
{
    void *whose, *obj = look_up(kind, handle, &whose);

    return obj && whose == owner ? obj : NULL;
}

void *handle_owner(enum handle_kind kind, uintptr_t handle)
{
    void *owner;

    return look_up(kind, handle, &owner) ? owner : NULL;
}

void handle_drop(uintptr_t handle)
{
    struct slot *s = slot_at((uint32_t)handle);

    if (!handle)
        return;
    pthread_mutex_lock(&lock);
    atomic_store_explicit(&s->obj, NULL, memory_order_release);
    s->next_free = first_free;
    first_free = (uint32_t)handle;
    pthread_mutex_unlock(&lock);
}
