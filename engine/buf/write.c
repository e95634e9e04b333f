/*
 * Pages go back to the file.
 *
 * A page is copied under a shared latch, after flush_log has agreed to its lgpos (log before data),
 * and then sealed and written from the copy, while others may use and change it. From the copy to
 * the end of the write it is W_WRITING, so that nobody else writes it and it is neither evicted nor
 * dropped; its `oldest` stands in oldest_writing that long. After a failed write it stays there,
 * and the page dirty: the checkpoint must never pass it.
 *
 * bufpool_write and bufpool_flush are for threads that hold no latch. They wait for latches, but
 * not while they have copies to write. They wait for other writers of the same page too: what they
 * were asked for is in the file when they return, whoever wrote it. The evictor waits for nothing.
 */
#include <stdlib.h>

#include "buf/buf_priv.h"
#include "buf/guard.h"
#include "os/file.h"

#define BATCH_BYTES BUFGUARD_RUN /* written at once, at most */
#define COPY_ALIGN  4096u /* the kernel takes what lies in one page of memory whole, or not at all */

/* ---- one page --------------------------------------------------------------------------------- */

/* W_WRITING is set. The pin goes. */
static void end_write(struct frame *f, bool written)
{
    uint64_t w;

    if (written)
        atomic_store_explicit(&f->oldest_writing, UINT64_MAX, memory_order_relaxed);
    else
        atomic_fetch_or_explicit(&f->word, W_DIRTY, memory_order_relaxed);
    w = atomic_fetch_sub_explicit(&f->word, W_WRITING + W_PIN, memory_order_release);
    if (w & W_SLEEPERS)
        word_wake(f);
    if (w & W_MADE)
        put_made(f, w);
}

/* Pinned, latched shared, W_WRITING. The latch goes; on failure and refusal (> 0) so does all the
 * rest. */
static JET_ERR copy_out(struct bufpool *p, struct frame *f, uint8_t *to)
{
    JET_ERR err =
        p->flush_log && !p->overlay ? p->flush_log(p->ctx, &f->pub, f->lgpos) : JET_errSuccess;

    if (err != 0) {
        if (err < 0)
            (void)pool_fail(p, err);
        unlatch_shared(f);
        end_write(f, false); /* from here on the pool may be gone */
        return err;
    }
    /* Whoever reads `oldest` first and oldest_writing then sees one of them. */
    atomic_store_explicit(&f->oldest_writing,
                          atomic_load_explicit(&f->oldest, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&f->oldest, UINT64_MAX, memory_order_release);
    atomic_fetch_and_explicit(&f->word, ~W_DIRTY, memory_order_relaxed);
    memcpy(to, f->pub.b, f->pub.size);
    unlatch_shared(f);
    if (!page_is_zero(to, f->pub.size))
        page_seal(to, f->pub.size, f->pub.pgno);
    return JET_errSuccess;
}

/*
 * Whoever writes a page goes through the gate, with whatever it holds. Open, it costs two atomic operations: a writer counts itself
 * and then looks at `frozen`, a freezer sets `frozen` and then looks at the count, so that one of them sees the other.
 */
static void leave_gate(struct bufcache *c)
{
    if (atomic_fetch_sub(&c->nr_writing, 1) != 1 || !atomic_load(&c->frozen))
        return;
    pthread_mutex_lock(&c->gate_lock);
    pthread_cond_broadcast(&c->gate);
    pthread_mutex_unlock(&c->gate_lock);
}

static void enter_gate(struct bufcache *c)
{
    for (;;) {
        atomic_fetch_add(&c->nr_writing, 1);
        if (!atomic_load(&c->frozen))
            return;
        leave_gate(c);
        pthread_mutex_lock(&c->gate_lock);
        while (atomic_load(&c->frozen))
            pthread_cond_wait(&c->gate, &c->gate_lock);
        pthread_mutex_unlock(&c->gate_lock);
    }
}

JET_ERR bufpool_extend(struct bufpool *p, uint64_t from, uint64_t to)
{
    JET_ERR err;

    enter_gate(p->c);
    err = os_extend(p->fd, from, to);
    leave_gate(p->c);
    return err;
}

void bufcache_freeze(struct bufcache *c)
{
    pthread_mutex_lock(&c->gate_lock);
    atomic_store(&c->frozen, true);
    while (atomic_load(&c->nr_writing))
        pthread_cond_wait(&c->gate, &c->gate_lock);
    pthread_mutex_unlock(&c->gate_lock);
}

void bufcache_thaw(struct bufcache *c)
{
    pthread_mutex_lock(&c->gate_lock);
    atomic_store(&c->frozen, false);
    pthread_cond_broadcast(&c->gate);
    pthread_mutex_unlock(&c->gate_lock);
}

static JET_ERR write_out(struct bufpool *p, const uint8_t *from, pgno_t first, size_t nr)
{
    const uint64_t off = offset_of(p, first);
    JET_ERR err;
    int slot;

    enter_gate(p->c);
    slot = guard_begin(p, from, first, nr);
    err = os_pwrite_all(p->fd, from, nr * p->c->page_size, off);
    guard_end(p, slot);
    leave_gate(p->c);
    if (err < 0)
        return pool_fail_io(p, err, off, "writing a page");
    atomic_fetch_add_explicit(&p->c->writes, nr, memory_order_relaxed);
    return JET_errSuccess;
}

/* An overlay's page goes where it can be got back from, and nobody else. */
static JET_ERR spill_out(struct bufpool *p, const uint8_t *from, pgno_t pgno)
{
    JET_ERR err = spill_write(p->spill, pgno, from);

    return err < 0 ? pool_fail_io(p, err, ESE_NO_OFFSET, "keeping a changed page aside")
                   : JET_errSuccess;
}

bool victim_begin(struct frame *f)
{
    uint64_t w = W_DIRTY;

    return atomic_compare_exchange_strong_explicit(&f->word, &w,
                                                   W_DIRTY | W_WRITING | (W_PIN + W_SHARED),
                                                   memory_order_acquire, memory_order_relaxed);
}

JET_ERR victim_write(struct frame *f)
{
    struct bufpool *p = f->pool;
    void *copy = NULL;
    JET_ERR err;

    if (posix_memalign(&copy, COPY_ALIGN, p->c->page_size) != 0) {
        unlatch_shared(f);
        end_write(f, false);
        return RAISE(JET_errOutOfMemory);
    }
    err = copy_out(p, f, copy);
    if (err == 0) {
        err = p->overlay ? spill_out(p, copy, f->pub.pgno) : write_out(p, copy, f->pub.pgno, 1);
        end_write(f, err >= 0); /* from here on the pool may be gone */
    }
    free(copy);
    return err;
}

/* ---- many pages ------------------------------------------------------------------------------- */

struct dirty {
    pgno_t pgno;
    struct frame *f;
};

struct batch { /* neighbours, copied and to be written at once */
    struct bufpool *p;
    uint8_t *copies;
    struct frame **f;
    unsigned nr, max;
    size_t held; /* pages that flush_log held back, or that are only being made */
};

static JET_ERR batch_write(struct batch *b)
{
    JET_ERR err;

    if (!b->nr)
        return JET_errSuccess;
    err = write_out(b->p, b->copies, b->f[0]->pub.pgno, b->nr);
    for (unsigned i = 0; i < b->nr; i++)
        end_write(b->f[i], err >= 0);
    b->nr = 0;
    return err;
}

/* Pinned. *ret: it is to be written: latched shared, W_WRITING. Else it is as it was. */
static JET_ERR begin_write(struct batch *b, struct frame *f, bool *ret)
{
    uint64_t w = word_load(f);
    JET_ERR err;

    *ret = false;
    while (w & (W_DIRTY | W_WRITING)) {
        if ((w & W_MADE) && !(w & W_WRITING)) {
            b->held++;
            return JET_errSuccess;
        }
        if (w & (W_X | W_XWAIT | W_WRITING)) {
            err = batch_write(b);
            if (err < 0)
                return err;
            word_sleep(f, w);
            w = word_load(f);
        } else if (atomic_compare_exchange_weak_explicit(&f->word, &w, (w + W_SHARED) | W_WRITING,
                                                         memory_order_acquire,
                                                         memory_order_relaxed)) {
            *ret = true;
            return JET_errSuccess;
        }
    }
    return JET_errSuccess;
}

/* Pins the frame if it still holds the page (buf_priv.h, 2). It is no use that a clock should see. */
static bool pin(struct frame *f, uint64_t key)
{
    const uint64_t w = atomic_fetch_add_explicit(&f->word, W_PIN, memory_order_acquire);

    if (!(w & W_CLAIMED) && atomic_load_explicit(&f->key, memory_order_relaxed) == key)
        return true;
    buf_put(&f->pub);
    return false;
}

static JET_ERR batch_add(struct batch *b, const struct dirty *d)
{
    JET_ERR err = JET_errSuccess;
    bool begun;

    if (b->nr == b->max || (b->nr && b->f[0]->pub.pgno + b->nr != d->pgno))
        err = batch_write(b);
    if (err < 0 || !pin(d->f, key_of(b->p, d->pgno)))
        return err; /* not there any more: somebody wrote it */
    err = begin_write(b, d->f, &begun);
    if (err < 0 || !begun) {
        buf_put(&d->f->pub);
        return err;
    }
    /* Waiting may have emptied the batch, then this is its first. */
    err = copy_out(b->p, d->f, b->copies + (size_t)b->nr * b->p->c->page_size);
    if (err == 0)
        b->f[b->nr++] = d->f;
    b->held += err > 0;
    return err < 0 ? err : JET_errSuccess;
}

static int cmp_pgno(const void *a, const void *b)
{
    const struct dirty *x = a, *y = b;

    return (x->pgno > y->pgno) - (x->pgno < y->pgno);
}

static bool wanted(const struct bufpool *p, const struct frame *f, lgpos_t before)
{
    return frame_is_of(f, p) && (word_load(f) & (W_DIRTY | W_WRITING)) &&
           (before == UINT64_MAX ||
            atomic_load_explicit(&f->oldest, memory_order_acquire) < before ||
            atomic_load_explicit(&f->oldest_writing, memory_order_relaxed) < before);
}

/* In the order of the file. */
static JET_ERR list_dirty(struct bufpool *p, lgpos_t before, struct dirty **ret, size_t *ret_nr)
{
    struct walk w = cache_walk(p->c);
    struct dirty *list = NULL;
    struct frame *f;
    size_t nr = 0, cap = 0;

    while ((f = walk_next(&w))) {
        if (!wanted(p, f, before))
            continue;
        if (nr == cap) {
            struct dirty *more = realloc(list, (cap = cap ? cap * 2 : 256) * sizeof(*list));
            if (!more) {
                free(list);
                return RAISE(JET_errOutOfMemory);
            }
            list = more;
        }
        /* The page number out of the key: f is not pinned. */
        list[nr++] = (struct dirty){(pgno_t)atomic_load_explicit(&f->key, memory_order_relaxed), f};
    }
    if (nr)
        qsort(list, nr, sizeof(*list), cmp_pgno);
    *ret = list;
    *ret_nr = nr;
    return JET_errSuccess;
}

static JET_ERR write_pages(struct bufpool *p, lgpos_t before, size_t *ret_held)
{
    struct batch b = {.p = p, .max = BATCH_BYTES / p->c->page_size};
    struct dirty *list = NULL;
    void *copies = NULL;
    size_t nr = 0;
    JET_ERR err, last;

    *ret_held = 0;
    err = list_dirty(p, before, &list, &nr);
    if (err < 0 || !nr)
        return err;
    if (nr < b.max)
        b.max = (unsigned)nr;
    b.f = calloc(b.max, sizeof(*b.f));
    if (!b.f || posix_memalign(&copies, COPY_ALIGN, (size_t)b.max * p->c->page_size) != 0) {
        free(b.f);
        free(list);
        return RAISE(JET_errOutOfMemory);
    }
    b.copies = copies;
    for (size_t i = 0; i < nr && err >= 0; i++)
        err = batch_add(&b, &list[i]);
    last = batch_write(&b);
    free(copies);
    free(b.f);
    free(list);
    *ret_held = b.held;
    return err < 0 ? err : last;
}

JET_ERR bufpool_write(struct bufpool *p, lgpos_t before)
{
    size_t held;

    return pool_check(p) < 0 || p->overlay ? pool_check(p) : write_pages(p, before, &held);
}

JET_ERR bufpool_sync(struct bufpool *p)
{
    JET_ERR err = pool_check(p);

    if (err < 0 || p->overlay)
        return err;
    err = os_fsync(p->fd);
    return err < 0 ? pool_fail_io(p, err, ESE_NO_OFFSET, "syncing the database") : JET_errSuccess;
}

JET_ERR bufpool_flush(struct bufpool *p)
{
    size_t held;
    JET_ERR err = pool_check(p);

    if (err < 0 || p->overlay)
        return err;
    err = write_pages(p, UINT64_MAX, &held);
    if (err < 0)
        return err;
    if (held)
        return pool_fail(p, RAISE(JET_errInternalError));
    return bufpool_sync(p);
}

/* ---- what is dirty ---------------------------------------------------------------------------- */

size_t bufpool_nr_dirty(struct bufpool *p)
{
    struct walk w = cache_walk(p->c);
    const struct frame *f;
    size_t nr = p->spill ? spill_nr(p->spill) : 0;

    while ((f = walk_next(&w)))
        nr += frame_is_of(f, p) && (word_load(f) & W_DIRTY) &&
              !(p->spill && spill_has(p->spill, (pgno_t)atomic_load(&f->key)));
    return nr;
}

size_t bufpool_nr_spilled(const struct bufpool *p)
{
    return p->spill ? spill_nr(p->spill) : 0;
}

/* A frame that changes hands meanwhile may lend its `oldest` to another pool: too small, never too
 * great. */
lgpos_t bufpool_oldest(struct bufpool *p)
{
    struct walk w = cache_walk(p->c);
    const struct frame *f;
    lgpos_t ret = UINT64_MAX;

    while ((f = walk_next(&w))) {
        lgpos_t oldest, writing;

        if (!frame_is_of(f, p))
            continue;
        oldest = atomic_load_explicit(&f->oldest, memory_order_acquire);
        writing = atomic_load_explicit(&f->oldest_writing, memory_order_acquire);
        if (writing < oldest)
            oldest = writing;
        if (oldest < ret)
            ret = oldest;
    }
    return ret;
}
