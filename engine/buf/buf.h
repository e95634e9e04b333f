/*
 * The page cache: pin, latch, change, write back. One struct bufcache holds the frames of an
 * instance, one struct bufpool stands for one database file in it. Log before data: a dirty page
 * carries the lgpos of its last change, and is written only when the log is on disk up to there
 * (the pool asks through a function handed down).
 *
 * Pins keep a page in memory; latches keep its bytes still. Recovery is one thread and needs pins
 * only; a running instance latches whatever it looks at. Latch order: txn/inst.h. A thread never
 * latches a page twice, not even shared: a writer that waits in between would wait for it, and it
 * for the writer.
 *
 * Whoever gets a page may have to make room for it, and that may write another one: flush_log is
 * called from within buf_get, with whatever the caller holds.
 */
#ifndef ESE_BUF_BUF_H
#define ESE_BUF_BUF_H

#include <stdatomic.h>

#include "base/fault.h"
#include "page/page.h"

struct bufcache;
struct bufpool;

struct buf { /* a page in memory; its bytes may be changed between buf_get and buf_put */
    uint8_t *b;
    uint32_t size;
    pgno_t pgno;
    bool blank; /* all zero on disk, or beyond the end of the file */
};

enum buf_how {
    /* Verified on entry: JET_errReadVerifyFailure and the like, reported; blank is no error. */
    BUF_READ,
    /* Whatever is there does not matter: comes zeroed, the caller makes the page. Let go without
     * being told to be dirty, it is what it was. */
    BUF_NEW,
};

enum buf_latch { BUF_PIN, BUF_SHARED, BUF_EXCLUSIVE };

/* Called before a page is written whose last change lies at lgpos: the log must be on disk up to
 * there, and what undoing the page's changes needs must be logged. b is pinned and latched shared.
 * > 0: not yet, the page stays in memory; < 0 is final for the pool. Gets no pages. */
typedef JET_ERR buf_flush_log_fn(void *ctx, const struct buf *b, lgpos_t lgpos);

/* max: pages kept at most when nothing is pinned; memory is taken as it is needed. */
must_check JET_ERR bufcache_new(uint32_t page_size, size_t max, struct bufcache **ret);
void bufcache_free(struct bufcache *c); /* its pools are gone; NULL is fine */

/* fd: open for reading and writing, or for reading only with overlay true: then nothing is written
 * to it, and changed pages that memory has no room for are kept in a temporary file (spill.h). cache NULL: a cache of its own of `capacity` pages
 * (recovery); else capacity is not looked at, and page_size must be the cache's:
 * JET_errPageSizeMismatch. */
must_check JET_ERR bufpool_new(struct bufcache *cache, int fd, uint32_t page_size, bool overlay,
                               size_t capacity, struct reporter *r, buf_flush_log_fn *flush_log,
                               void *ctx, struct bufpool **ret);
/* Dirty pages are dropped. Nobody uses the pool any more, but an evictor may: it is waited for. */
void bufpool_free(struct bufpool *p);

must_check JET_ERR buf_get(struct bufpool *p, pgno_t pgno, enum buf_how how,
                           struct buf **ret); /* pin */
must_check JET_ERR buf_get_latched(struct bufpool *p, pgno_t pgno, enum buf_how how,
                                   enum buf_latch latch, struct buf **ret);
/* The same when `hint`, a buffer that the caller once had (or NULL), still holds the page: no
 * lookup. False: get it in the usual way. hint may be of any age, its cache must live. */
bool buf_get_hint(struct bufpool *p, pgno_t pgno, struct buf *hint, enum buf_latch latch);
void buf_latch(struct buf *b, enum buf_latch how); /* b is pinned and not latched by this thread */
bool buf_try_latch(struct buf *b, enum buf_latch how);
/* Shared -> exclusive, when no other holds it. False: still shared. */
bool buf_try_upgrade(struct buf *b);
void buf_downgrade(struct buf *b);                   /* exclusive -> shared */
void buf_unlatch(struct buf *b, enum buf_latch how); /* keeps the pin; BUF_PIN: nothing */
void buf_put(struct buf *b);                         /* lets go of the pin; NULL is fine */
void buf_release(struct buf *b, enum buf_latch how); /* unlatch and put in one; NULL is fine */

/* After the bytes were changed, with the latch still held. oldest: the checkpoint must not pass it
 * while the page is dirty (lgpos, or the lgpos of the changing transaction's Begin0). */
void buf_dirty_since(struct buf *b, lgpos_t lgpos, lgpos_t oldest);
static inline void buf_dirty(struct buf *b, lgpos_t lgpos)
{
    buf_dirty_since(b, lgpos, lgpos);
}
/* Changed in a way that no log tells (flags of versions): written when there is a reason to, holds
 * nothing back. With the exclusive latch too. */
void buf_untidy(struct buf *b);

/* The file was cut off before page `first`: what was there, in memory and, for an overlay, in the
 * file, is void. No page from there on may be pinned. */
void bufpool_cut(struct bufpool *p, pgno_t first);
/* Of an overlay: the page as a file would have it, sealed, when it was changed; else *ret_has is false, and it is as
 * the file has it. No latch is held on it. */
must_check JET_ERR bufpool_changed(struct bufpool *p, pgno_t pgno, void *page, bool *ret_has);
/* Begins reading pages that are going to be wanted; never waits for them. */
void bufpool_preread(struct bufpool *p, pgno_t first, uint32_t nr);
/* Of an overlay: all that were changed. */
size_t bufpool_nr_dirty(struct bufpool *p);
/* An overlay's pages that memory had no room for. */
size_t bufpool_nr_spilled(const struct bufpool *p);
/* The smallest `oldest` of all dirty pages; UINT64_MAX: none. A page that was written counts no
 * more, though it is on disk only after bufpool_sync: README.md, the checkpoint. */
lgpos_t bufpool_oldest(struct bufpool *p);
/* Writes every dirty page whose `oldest` is below `before` (UINT64_MAX: all of them), sealed, in
 * the order of the file; others go on using the pages meanwhile. Pages that flush_log holds back
 * stay. No fsync. The caller holds no latch. */
must_check JET_ERR bufpool_write(struct bufpool *p, lgpos_t before);
/* bufpool_write of all, then fsync. A failure is final; so is a page that flush_log holds back, or
 * that somebody is just making: JET_errInternalError. */
must_check JET_ERR bufpool_flush(struct bufpool *p);
/* fsync of what was written. Final when it fails. */
must_check JET_ERR bufpool_sync(struct bufpool *p);

/* os_extend of the pool's file, as a write of it: a snapshot makes it wait. */
must_check JET_ERR bufpool_extend(struct bufpool *p, uint64_t from, uint64_t to);

/* For a snapshot below the files: waits for the writes under way, and from then on whoever would write a page waits. Reading goes
 * on, as long as no dirty page has to make room. */
void bufcache_freeze(struct bufcache *c);
void bufcache_thaw(struct bufcache *c);

struct bufcache_stats {
    uint64_t reads, writes, evictions, prereads;
    size_t frames, dirty; /* pages in memory, and of these */
};
void bufcache_stats(struct bufcache *c, struct bufcache_stats *ret);
/* Pages that this thread asked for, read, dirtied; for JetGetThreadStats. Plain counters. */
struct buf_thread_stats {
    uint64_t referenced, read, preread, dirtied, redirtied;
};
extern _Thread_local struct buf_thread_stats buf_thread_stats
    __attribute__((tls_model("initial-exec")));

#endif
