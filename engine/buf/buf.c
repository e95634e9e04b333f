/*
 * Pools: a page is asked for, found or read, changed, and let go.
 *
 * Invariants:
 *   1. Page bytes are checked when they come from the file and sealed when they go there, never
 *      between.
 *   2. Who gives a page a frame has its exclusive latch until the page is read, so nobody reads it
 *      twice. When that fails the frame stays W_UNLOADED, and the next one who wants the page tries
 *      again.
 *   3. What BUF_NEW zeroed is W_MADE until it is told to be dirty: it is not written. Let go
 *      without that, the page is again what it was: the dirty bytes that were kept aside, or what
 *      the file has.
 *   4. With an overlay nothing is written to the file: a dirty page whose frame is wanted goes to a
 *      temporary file (spill.h), and counts as the page from then on.
 *   5. After a failed write or fsync every call fails with its error (`failed`): what is on disk is
 *      unknown.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "buf/buf_priv.h"
#include "os/file.h"

_Thread_local struct buf_thread_stats buf_thread_stats;

/* ---- failure ---------------------------------------------------------------------------------- */

JET_ERR pool_fail(struct bufpool *p, JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    atomic_compare_exchange_strong_explicit(&p->failed, &none, err, memory_order_relaxed,
                                            memory_order_relaxed);
    return err;
}

JET_ERR pool_fail_io(struct bufpool *p, JET_ERR err, uint64_t offset, const char *doing)
{
    return pool_fail(p, fault_io(p->r, err, offset, doing));
}

static cold JET_ERR report_page(struct bufpool *p, pgno_t pgno, const struct page_check *c)
{
    const uint64_t off = offset_of(p, pgno);

    switch (c->verdict) {
    case PAGE_CORRECTED:
        fault_corrected(p->r, 399, pgno, off, "bit %" PRIu32 " was wrong and has been corrected",
                        c->bit);
        return JET_errSuccess;
    case PAGE_BAD_PGNO:
        return fault(p->r, c->err, 475, pgno, off, "it is page %" PRIu32, c->pgno_found);
    case PAGE_BAD_STRUCTURE:
        return fault(p->r, c->err, 0, pgno, off, "%s", c->what);
    default:
        return fault(p->r, c->err, 474, pgno, off,
                     "checksum is wrong: stored 0x%016" PRIx64 ", computed 0x%016" PRIx64,
                     c->stored, c->computed);
    }
}

/* ---- pages come in ---------------------------------------------------------------------------- */

static JET_ERR read_page(struct bufpool *p, struct buf *b)
{
    const pgno_t cut = atomic_load_explicit(&p->cut, memory_order_relaxed);
    struct page_check c;
    bool spilled = false;
    size_t got = 0;
    JET_ERR err;

    if (p->spill && (err = spill_read(p->spill, b->pgno, b->b, &spilled)) < 0)
        return fault_io(p->r, err, ESE_NO_OFFSET, "reading a changed page back");
    if (spilled) {
        got = b->size;
    } else if (!cut || b->pgno < cut) {
        err = os_pread(p->fd, b->b, b->size, offset_of(p, b->pgno), &got);
        if (err < 0)
            return fault_io(p->r, err, offset_of(p, b->pgno), "reading a page");
        atomic_fetch_add_explicit(&p->c->reads, 1, memory_order_relaxed);
        buf_thread_stats.read++;
    }
    memset(b->b + got, 0, b->size - got);
    page_verify(b->b, b->size, b->pgno, &c);
    b->blank = c.verdict == PAGE_BLANK;
    if (unlikely(c.verdict != PAGE_OK && c.verdict != PAGE_BLANK))
        return report_page(p, b->pgno, &c);
    return JET_errSuccess;
}

/* The exclusive latch is held. */
static JET_ERR load(struct bufpool *p, struct frame *f)
{
    JET_ERR err = read_page(p, &f->pub);

    if (err < 0)
        return err;
    atomic_fetch_and_explicit(&f->word, ~W_UNLOADED, memory_order_release);
    return JET_errSuccess;
}

/* The same. A dirty page's bytes are kept, in case that nothing is made of it. */
static JET_ERR make_new(struct frame *f)
{
    const uint64_t w = word_load(f);

    if ((w & W_DIRTY) && !(w & W_MADE)) {
        f->saved = malloc(f->pub.size);
        if (!f->saved)
            return RAISE(JET_errOutOfMemory);
        memcpy(f->saved, f->pub.b, f->pub.size);
    }
    memset(f->pub.b, 0, f->pub.size);
    f->pub.blank = true;
    atomic_fetch_or_explicit(&f->word, W_MADE, memory_order_relaxed);
    atomic_fetch_and_explicit(&f->word, ~W_UNLOADED, memory_order_release);
    return JET_errSuccess;
}

/* The exclusive latch, taken for loading, becomes what was asked for. */
static void relatch(struct buf *b, enum buf_latch latch)
{
    if (latch == BUF_SHARED)
        buf_downgrade(b);
    else if (latch == BUF_PIN)
        buf_unlatch(b, BUF_EXCLUSIVE);
}

/* Pinned. Latches it and sees to it that the page is there. */
static JET_ERR settle(struct bufpool *p, struct frame *f, bool fresh, enum buf_how how,
                      enum buf_latch latch)
{
    JET_ERR err = JET_errSuccess;

    if (!fresh && how == BUF_READ) {
        buf_latch(&f->pub, latch);
        if (!(atomic_load_explicit(&f->word, memory_order_acquire) & W_UNLOADED))
            return JET_errSuccess;
        buf_unlatch(&f->pub, latch);
    }
    if (!fresh)
        latch_exclusive(f); /* whoever is loading it has it */
    if (how == BUF_NEW)
        err = make_new(f);
    else if (word_load(f) & W_UNLOADED)
        err = load(p, f);
    relatch(&f->pub, err < 0 ? BUF_PIN : latch);
    if (err < 0)
        buf_put(&f->pub);
    return err;
}

static cold JET_ERR get_slowly(struct bufpool *p, pgno_t pgno, enum buf_how how,
                               enum buf_latch latch, struct buf **ret)
{
    struct frame *f;
    bool fresh;
    JET_ERR err;

    if (pgno == PGNO_NULL)
        return RAISE(JET_errInvalidParameter);
    err = cache_pin(p, pgno, &fresh, &f);
    if (err >= 0)
        err = settle(p, f, fresh, how, latch);
    if (err >= 0)
        *ret = &f->pub;
    return err;
}

/* ---- pages that are there --------------------------------------------------------------------- */

/* A pin was added to the word w, and with `add` W_SHARED, but things are not as simple as that. */
static cold bool take_slowly(struct frame *f, uint64_t key, enum buf_latch latch, uint64_t w)
{
    if (latch == BUF_SHARED)
        unlatch_shared(f);
    if (!(w & W_CLAIMED) && atomic_load_explicit(&f->key, memory_order_relaxed) == key) {
        buf_latch(&f->pub, latch);
        if (!(atomic_load_explicit(&f->word, memory_order_acquire) & W_UNLOADED))
            return true;
        buf_unlatch(&f->pub, latch);
    }
    buf_put(&f->pub);
    return false;
}

/* Pins and latches the frame in one step, if it holds the page of the key (buf_priv.h, 2). */
static inline bool take(struct frame *f, uint64_t key, enum buf_latch latch)
{
    uint64_t w, stop = W_CLAIMED | W_UNLOADED;

    if (latch == BUF_EXCLUSIVE) {
        w = word_load(f);
        if (unlikely(w & (stop | W_X | W_XWAIT | W_SHAREDS)) ||
            !atomic_compare_exchange_strong_explicit(&f->word, &w, w + W_PIN + W_X,
                                                     memory_order_acquire, memory_order_relaxed)) {
            w = atomic_fetch_add_explicit(&f->word, W_PIN, memory_order_acquire);
            return take_slowly(f, key, latch, w);
        }
    } else {
        stop |= latch == BUF_SHARED ? W_X | W_XWAIT : 0;
        w = atomic_fetch_add_explicit(&f->word, latch == BUF_SHARED ? W_PIN + W_SHARED : W_PIN,
                                      memory_order_acquire);
        if (unlikely(w & stop))
            return take_slowly(f, key, latch, w);
    }
    if (unlikely(atomic_load_explicit(&f->key, memory_order_relaxed) != key)) {
        buf_release(&f->pub, latch);
        return false;
    }
    if (!atomic_load_explicit(&f->ref, memory_order_relaxed))
        atomic_store_explicit(&f->ref, 1, memory_order_relaxed);
    return true;
}

bool buf_get_hint(struct bufpool *p, pgno_t pgno, struct buf *hint, enum buf_latch latch)
{
    struct frame *f = frame_of(hint);
    const uint64_t key = key_of(p, pgno);

    if (unlikely(!f || atomic_load_explicit(&f->key, memory_order_relaxed) != key ||
                 pool_check(p) < 0 || !take(f, key, latch)))
        return false;
    buf_thread_stats.referenced++;
    return true;
}

JET_ERR buf_get_latched(struct bufpool *p, pgno_t pgno, enum buf_how how, enum buf_latch latch,
                        struct buf **ret)
{
    const uint64_t key = key_of(p, pgno);
    struct frame *f;

    if (unlikely(pool_check(p) < 0))
        return pool_check(p);
    buf_thread_stats.referenced++;
    f = cache_peek(p->c, key);
    if (likely(f && how == BUF_READ && take(f, key, latch))) {
        *ret = &f->pub;
        return JET_errSuccess;
    }
    return get_slowly(p, pgno, how, latch, ret);
}

JET_ERR buf_get(struct bufpool *p, pgno_t pgno, enum buf_how how, struct buf **ret)
{
    return buf_get_latched(p, pgno, how, BUF_PIN, ret);
}

/* ---- letting go ------------------------------------------------------------------------------- */

static void unmake(struct frame *f)
{
    if (f->saved) {
        memcpy(f->pub.b, f->saved, f->pub.size);
        free(f->saved);
        f->saved = NULL;
        f->pub.blank = false;
    } else {
        atomic_fetch_or_explicit(&f->word, W_UNLOADED, memory_order_relaxed);
    }
    atomic_fetch_and_explicit(&f->word, ~W_MADE, memory_order_release);
}

void put_made(struct frame *f, uint64_t w)
{
    if ((w & W_PINS) > W_PIN)
        return; /* the last one does it */
    /* Such a frame is not claimed, pin or no pin. */
    atomic_fetch_add_explicit(&f->word, W_PIN, memory_order_acquire);
    latch_exclusive(f);
    w = word_load(f);
    if ((w & W_MADE) && (w & W_PINS) == W_PIN)
        unmake(f);
    w = atomic_fetch_sub_explicit(&f->word, W_X + W_PIN, memory_order_release);
    if (w & W_SLEEPERS)
        word_wake(f);
}

void buf_put(struct buf *b)
{
    struct frame *f = frame_of(b);
    uint64_t w;

    if (!f)
        return;
    w = atomic_fetch_sub_explicit(&f->word, W_PIN, memory_order_release);
    if (unlikely(w & W_MADE))
        put_made(f, w);
}

static cold void release_slowly(struct frame *f, enum buf_latch how, uint64_t w)
{
    if (how == BUF_SHARED)
        after_unshare(f, w);
    else if (how == BUF_EXCLUSIVE && (w & W_SLEEPERS))
        word_wake(f);
    if (w & W_MADE)
        put_made(f, w);
}

void buf_release(struct buf *b, enum buf_latch how)
{
    struct frame *f = frame_of(b);
    uint64_t w, sub = W_PIN;

    if (!f)
        return;
    sub += how == BUF_SHARED ? W_SHARED : how == BUF_EXCLUSIVE ? W_X : 0;
    w = atomic_fetch_sub_explicit(&f->word, sub, memory_order_release);
    if (unlikely(w & (W_SLEEPERS | W_MADE)))
        release_slowly(f, how, w);
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void set_dirty(struct frame *f, uint64_t w)
{
    free(f->saved);
    f->saved = NULL;
    buf_thread_stats.dirtied += !(w & W_DIRTY);
    atomic_fetch_or_explicit(&f->word, W_DIRTY, memory_order_relaxed);
    if (w & W_MADE)
        atomic_fetch_and_explicit(&f->word, ~W_MADE, memory_order_relaxed);
}

void buf_dirty_since(struct buf *b, lgpos_t lgpos, lgpos_t oldest)
{
    struct frame *f = frame_of(b);
    const uint64_t w = word_load(f);

    b->blank = false;
    if (lgpos > f->lgpos)
        f->lgpos = lgpos;
    if (oldest < atomic_load_explicit(&f->oldest, memory_order_relaxed))
        atomic_store_explicit(&f->oldest, oldest, memory_order_relaxed);
    if ((w & (W_DIRTY | W_MADE)) == W_DIRTY)
        buf_thread_stats.redirtied++;
    else
        set_dirty(f, w);
}

void buf_untidy(struct buf *b)
{
    const uint64_t w = word_load(frame_of(b));

    b->blank = false;
    if ((w & (W_DIRTY | W_MADE)) != W_DIRTY)
        set_dirty(frame_of(b), w);
}

/* ---- pools ------------------------------------------------------------------------------------ */

JET_ERR bufpool_new(struct bufcache *cache, int fd, uint32_t page_size, bool overlay,
                    size_t capacity, struct reporter *r, buf_flush_log_fn *flush_log, void *ctx,
                    struct bufpool **ret)
{
    static _Atomic uint32_t ids;
    struct bufpool *p;
    JET_ERR err;

    if (cache && cache->page_size != page_size)
        return RAISE(JET_errPageSizeMismatch);
    p = calloc(1, sizeof(*p));
    if (!p)
        return RAISE(JET_errOutOfMemory);
    *p = (struct bufpool){.c = cache,
                          .id = (uint64_t)(atomic_fetch_add(&ids, 1) + 1) << 32,
                          .fd = fd,
                          .overlay = overlay,
                          .owns_cache = !cache,
                          .r = r,
                          .flush_log = flush_log,
                          .ctx = ctx};
    err = overlay ? spill_new(page_size, &p->spill) : JET_errSuccess;
    if (err >= 0 && !cache)
        err = bufcache_new(page_size, capacity, &p->c);
    if (err < 0) {
        spill_free(p->spill);
        free(p);
        return err;
    }
    *ret = p;
    return JET_errSuccess;
}

void bufpool_free(struct bufpool *p)
{
    if (!p)
        return;
    cache_drop(p, PGNO_NULL);
    if (p->owns_cache)
        bufcache_free(p->c);
    spill_free(p->spill);
    free(p);
}

void bufpool_cut(struct bufpool *p, pgno_t first)
{
    const pgno_t cut = atomic_load_explicit(&p->cut, memory_order_relaxed);

    cache_drop(p, first);
    if (p->spill)
        spill_cut(p->spill, first);
    if (p->overlay && (!cut || first < cut))
        atomic_store_explicit(&p->cut, first, memory_order_relaxed);
}

/* In memory and changed. */
static JET_ERR copy_dirty(struct bufpool *p, pgno_t pgno, void *page, bool *ret_has)
{
    struct buf *b;
    JET_ERR err;

    *ret_has = false;
    if (!cache_peek(p->c, key_of(p, pgno)))
        return JET_errSuccess;
    err = buf_get_latched(p, pgno, BUF_READ, BUF_SHARED, &b);
    if (err < 0)
        return err;
    *ret_has = word_load(frame_of(b)) & W_DIRTY;
    if (*ret_has) {
        memcpy(page, b->b, b->size);
        if (!page_is_zero(page, b->size))
            page_seal(page, b->size, pgno);
    }
    buf_release(b, BUF_SHARED);
    return JET_errSuccess;
}

JET_ERR bufpool_changed(struct bufpool *p, pgno_t pgno, void *page, bool *ret_has)
{
    const pgno_t cut = atomic_load_explicit(&p->cut, memory_order_relaxed);
    JET_ERR err = copy_dirty(p, pgno, page, ret_has);

    if (err < 0 || *ret_has)
        return err;
    err = spill_read(p->spill, pgno, page, ret_has);
    if (err >= 0 && !*ret_has && cut && pgno >= cut) {
        memset(page, 0, p->c->page_size);
        *ret_has = true;
    }
    return err;
}

void bufpool_preread(struct bufpool *p, pgno_t first, uint32_t nr)
{
    while (nr && cache_peek(p->c, key_of(p, first)))
        first++, nr--;
    while (nr && cache_peek(p->c, key_of(p, first + nr - 1)))
        nr--;
    if (!nr || pool_check(p) < 0)
        return;
    /* Advice: what comes of it is seen when the pages are read. */
    (void)posix_fadvise(p->fd, (off_t)offset_of(p, first), (off_t)((uint64_t)nr * p->c->page_size),
                        POSIX_FADV_WILLNEED);
    atomic_fetch_add_explicit(&p->c->prereads, nr, memory_order_relaxed);
    buf_thread_stats.preread += nr;
}
