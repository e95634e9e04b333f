/* Functions that programs have registered for a table (fcb.h; ESE: tdb.hxx CBDESC). */
#include <stdlib.h>

#include "rec/fcb_priv.h"

static void drop(struct fcb_hold *h)
{
    struct fcb_callbacks_hold *x = (struct fcb_callbacks_hold *)h;
    struct fcb *f = x->f;

    free(x);
    fcb_unref(f);
}

/* Once for each table: nothing else may keep it in memory. */
static bool hold(struct fcb *f)
{
    struct fcb_callbacks_hold *x = calloc(1, sizeof(*x));

    if (!x)
        return false;
    x->f = f;
    x->hold.drop = drop;
    fcb_ref(f);
    fcb_hold_begin(f->db, &x->hold);
    return true;
}

JET_ERR fcb_callback_add(struct fcb *f, uint32_t kinds, void (*fn)(void), void *ctx, uintptr_t *ret)
{
    static _Atomic uintptr_t last;
    struct fcb_callback *c = calloc(1, sizeof(*c));
    bool first;

    if (!c)
        return RAISE(JET_errOutOfMemory);
    c->number = *ret = ++last;
    c->fn = fn;
    c->ctx = ctx;
    atomic_init(&c->kinds, kinds);
    pthread_mutex_lock(&f->lock);
    c->next = atomic_load_explicit(&f->callbacks, memory_order_relaxed);
    first = !c->next;
    atomic_store_explicit(&f->callbacks, c, memory_order_release);
    pthread_mutex_unlock(&f->lock);
    if (!first || hold(f))
        return JET_errSuccess;
    atomic_store(&c->kinds, 0);
    return RAISE(JET_errOutOfMemory);
}

bool fcb_callback_end(struct fcb *f, uint32_t kinds, uintptr_t number)
{
    struct fcb_callback *c = atomic_load_explicit(&f->callbacks, memory_order_acquire);

    while (c && c->number != number)
        c = c->next;
    return c && atomic_compare_exchange_strong(&c->kinds, &kinds, 0);
}

void fcb_callbacks_free(struct fcb *f)
{
    struct fcb_callback *c = atomic_load_explicit(&f->callbacks, memory_order_relaxed), *next;

    for (; c; c = next) {
        next = c->next;
        free(c);
    }
}
