/*
 * Changes of a table and index builds (fcb.h). A build reads the rows with fcb.ddl held, and nobody
 * who has
 * changed one may be open then: it waits for those transactions. That they end is certain only if
 * no new
 * ones come in: transactions that began after the build did wait for its end before they change the
 * table.
 */
#include "rec/fcb_priv.h"

#define GATE_CLOSED (UINT64_C(1) << 32) /* fcb.gate: with the build's number */

/* fcb.ddl is held. */
static bool may_pass(const struct fcb *f, const struct sess *s)
{
    const uint64_t gate = atomic_load_explicit(&f->gate, memory_order_acquire);
    const uint32_t began = atomic_load_explicit(&s->trx_begin0, memory_order_relaxed);

    return !gate || (began != TRX_NONE && trx_before(began, (uint32_t)gate));
}

static void wait_at_gate(struct fcb *f)
{
    pthread_mutex_lock(&f->lock);
    while (atomic_load_explicit(&f->gate, memory_order_acquire))
        pthread_cond_wait(&f->gate_opened, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void fcb_change_begin(struct sess *s, struct fcb *f)
{
    pthread_rwlock_rdlock(&f->ddl);
    while (!may_pass(f, s)) {
        pthread_rwlock_unlock(&f->ddl);
        wait_at_gate(f);
        pthread_rwlock_rdlock(&f->ddl);
    }
}

bool fcb_change_try(struct sess *s, struct fcb *f)
{
    if (pthread_rwlock_tryrdlock(&f->ddl) != 0)
        return false;
    if (may_pass(f, s))
        return true;
    pthread_rwlock_unlock(&f->ddl);
    return false;
}

void fcb_change_end(struct fcb *f)
{
    pthread_rwlock_unlock(&f->ddl);
}

void fcb_build_begin(struct fcb *f)
{
    pthread_mutex_lock(&f->building);
}

void fcb_gate_close(struct fcb *f, const struct sess *s)
{
    const uint32_t began = atomic_load_explicit(&s->trx_begin0, memory_order_relaxed);

    if (!atomic_load_explicit(&f->gate, memory_order_relaxed))
        atomic_store_explicit(&f->gate, GATE_CLOSED | began, memory_order_release);
}

void fcb_build_end(struct fcb *f)
{
    pthread_mutex_lock(&f->lock);
    atomic_store_explicit(&f->gate, 0, memory_order_release);
    pthread_cond_broadcast(&f->gate_opened);
    pthread_mutex_unlock(&f->lock);
    pthread_mutex_unlock(&f->building);
}
