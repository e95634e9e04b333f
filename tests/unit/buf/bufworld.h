/* For the tests of buf/: a file of simple pages, and a pool on it. */
#ifndef BUFWORLD_H
#define BUFWORLD_H

#include "testutil.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "buf/buf.h"
#include "page/edit.h"

#define PAGE  4096u
#define OBJID 9u

struct world {
    int fd;
    struct reporter r;
    struct bufpool *pool;
    unsigned asked;
    lgpos_t asked_lgpos;
    JET_ERR answer;
    pgno_t held; /* not to be written */
};

__attribute__((unused)) static JET_ERR flush_log(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    struct world *w = ctx;

    w->asked++;
    w->asked_lgpos = lgpos;
    assert_int_equal(page_objid((struct page){b->b, b->size}), OBJID);
    return b->pgno == w->held ? 1 : w->answer;
}

/* Without reading it. The page is in memory afterwards in any case. */
__attribute__((unused)) static bool was_in_memory(struct world *w, pgno_t pgno)
{
    const uint64_t before = buf_thread_stats.read;
    struct buf *b;

    assert_int_equal(buf_get(w->pool, pgno, BUF_READ, &b), 0);
    buf_put(b);
    return buf_thread_stats.read == before;
}

__attribute__((unused)) static void make_page(uint8_t *b, pgno_t pgno, dbtime_t dbtime)
{
    page_init((struct edit){b, PAGE}, pgno, OBJID, dbtime, PAGE_LEAF | PAGE_ROOT);
}

/* A file with pages 1..nr, sealed, dbtime = pgno. */
__attribute__((unused)) static void open_world(struct world *w, unsigned nr, bool overlay,
                                               size_t capacity)
{
    uint8_t page[PAGE] = {0};

    memset(w, 0, sizeof(*w));
    w->fd = memfd_create("buf", 0);
    assert_true(w->fd >= 0);
    for (pgno_t p = 1; p <= nr; p++) {
        make_page(page, p, p);
        page_seal(page, PAGE, p);
        assert_int_equal(pwrite(w->fd, page, PAGE, (off_t)(p + 1) * PAGE), PAGE);
    }
    assert_int_equal(
        bufpool_new(NULL, w->fd, PAGE, overlay, capacity, &w->r, flush_log, w, &w->pool), 0);
}

__attribute__((unused)) static void close_world(struct world *w)
{
    bufpool_free(w->pool);
    close(w->fd);
}

__attribute__((unused)) static dbtime_t dbtime_in_file(const struct world *w, pgno_t pgno)
{
    uint8_t page[PAGE];
    struct page_check c;

    assert_int_equal(pread(w->fd, page, PAGE, (off_t)(pgno + 1) * PAGE), PAGE);
    page_verify(page, PAGE, pgno, &c);
    assert_int_equal(c.verdict, PAGE_OK);
    return page_dbtime((struct page){page, PAGE});
}

__attribute__((unused)) static void set_dbtime(struct world *w, pgno_t pgno, dbtime_t dbtime,
                                               lgpos_t lgpos)
{
    struct buf *b;

    assert_int_equal(buf_get(w->pool, pgno, BUF_READ, &b), 0);
    page_set_dbtime((struct edit){b->b, b->size}, dbtime);
    buf_dirty(b, lgpos);
    buf_put(b);
}

__attribute__((unused)) static void touch(struct world *w, pgno_t from, pgno_t to)
{
    for (pgno_t p = from; p <= to; p++) {
        struct buf *b;
        assert_int_equal(buf_get(w->pool, p, BUF_READ, &b), 0);
        assert_int_equal(b->pgno, p);
        buf_put(b);
    }
}

/* The same file behind the descriptor, open for reading only. */
__attribute__((unused)) static void forbid_writing(int fd)
{
    char path[64];
    int ro;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ro = open(path, O_RDONLY);
    assert_true(ro >= 0);
    assert_int_equal(dup2(ro, fd), fd);
    close(ro);
}

#endif
