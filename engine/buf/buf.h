/*
 * The page cache of one database file that is being written: pin, change, write back. Log before data:
 * a dirty page carries the lgpos of its last change, and is written only when the log is on disk up to
 * there (the pool asks through a function handed down).
 *
 * Recovery uses it from one thread; latches come with the engine that serves sessions.
 */
#ifndef ESE_BUF_BUF_H
#define ESE_BUF_BUF_H

#include "base/fault.h"
#include "page/page.h"

struct bufpool;

struct buf { /* a pinned page; its bytes may be changed between buf_get and buf_put */
    uint8_t *b;
    uint32_t size;
    pgno_t pgno;
    bool blank; /* all zero on disk, or beyond the end of the file */
};

enum buf_how {
    BUF_READ, /* verified on entry: JET_errReadVerifyFailure and the like, reported; blank is no error */
    BUF_NEW, /* whatever is there does not matter: comes zeroed, the caller makes the page */
};

/* Called before a page is written whose last change lies at lgpos: the log must be on disk up to there,
 * and what undoing the page's changes needs must be logged. > 0: not yet, the page stays in memory. */
typedef JET_ERR buf_flush_log_fn(void *ctx, pgno_t pgno, lgpos_t lgpos);

/* fd: open for reading and writing, or for reading only with overlay true: then nothing is written to it
 * and changed pages stay in memory. capacity: pages kept at most when nothing is pinned. */
must_check JET_ERR bufpool_new(int fd, uint32_t page_size, bool overlay, size_t capacity,
                               struct reporter *r, buf_flush_log_fn *flush_log, void *ctx,
                               struct bufpool **ret);
void bufpool_free(struct bufpool *p); /* dirty pages are dropped */
must_check JET_ERR buf_get(struct bufpool *p, pgno_t pgno, enum buf_how how, struct buf **ret);
void buf_dirty(struct buf *b, lgpos_t lgpos); /* after the bytes were changed */
void buf_put(struct buf *b);                  /* NULL is fine */
/* The file was cut off before page `first`: what was there, in memory and, for an overlay, in the file, is
 * void. No page from there on may be pinned. */
void bufpool_cut(struct bufpool *p, pgno_t first);
/* A page's bytes if it is in memory, without pinning it: for flush_log. Else NULL. */
const uint8_t *bufpool_peek(struct bufpool *p, pgno_t pgno);
size_t bufpool_nr_dirty(const struct bufpool *p);
/* Seals and writes every dirty page, then fsync. A failure is final; so is a page that
 * flush_log holds back: JET_errInternalError. */
must_check JET_ERR bufpool_flush(struct bufpool *p);

#endif
