/*
 * Frames in a hash table by page number and in a list by last use.
 *
 * Invariants:
 *   1. A frame with pins is never moved, written or freed.
 *   2. A dirty frame is written only after flush_log agreed: log before data. It may refuse (> 0), then
 *      the frame stays; the pool grows beyond its capacity rather than break this.
 *   3. With an overlay nothing is written: dirty frames stay, the pool is bounded by what was changed.
 *   4. Page bytes are checked when they come from the file and sealed when they go there, never between.
 *   5. After a failed write or fsync every call fails with its error (`failed`): what is on disk is unknown.
 */
#include "buf/buf.h"

#include <inttypes.h>
#include <stdlib.h>

#include "os/file.h"

#define EVICT_LOOK 64u /* frames looked at, at most, to make room for one */

struct frame {
    struct buf pub; /* first: a struct buf is a frame */
    struct bufpool *pool;
    unsigned pins;
    bool dirty, made; /* made: by BUF_NEW and not yet told to be dirty */
    lgpos_t lgpos;    /* of the last change */
    struct frame *chain;
    struct frame *older, *newer;
};

struct bufpool {
    int fd;
    uint32_t page_size;
    bool overlay;
    size_t capacity, nr, nr_slots;
    struct reporter *r;
    buf_flush_log_fn *flush_log;
    void *ctx;
    JET_ERR failed;
    pgno_t cut; /* overlay: the file counts as blank from here on; 0: nowhere */
    struct frame **slot;
    struct frame *oldest, *newest;
};

JET_ERR bufpool_new(int fd, uint32_t page_size, bool overlay, size_t capacity, struct reporter *r,
                    buf_flush_log_fn *flush_log, void *ctx, struct bufpool **ret)
{
    struct bufpool *p = calloc(1, sizeof(*p));

    if (!p)
        return RAISE(JET_errOutOfMemory);
    *p = (struct bufpool){.fd = fd,
                          .page_size = page_size,
                          .overlay = overlay,
                          .capacity = capacity,
                          .r = r,
                          .flush_log = flush_log,
                          .ctx = ctx,
                          .nr_slots = 1024};
    p->slot = calloc(p->nr_slots, sizeof(struct frame *));
    if (!p->slot) {
        free(p);
        return RAISE(JET_errOutOfMemory);
    }
    *ret = p;
    return JET_errSuccess;
}

void bufpool_free(struct bufpool *p)
{
    if (!p)
        return;
    for (struct frame *f = p->oldest, *next; f; f = next) {
        next = f->newer;
        free(f->pub.b);
        free(f);
    }
    free(p->slot);
    free(p);
}

static struct frame **slot_of(struct bufpool *p, pgno_t pgno)
{
    return &p->slot[(pgno * 2654435761u >> 7) & (p->nr_slots - 1)];
}

static struct frame *find(struct bufpool *p, pgno_t pgno)
{
    struct frame *f = *slot_of(p, pgno);

    while (f && f->pub.pgno != pgno)
        f = f->chain;
    return f;
}

static void grow_table(struct bufpool *p)
{
    struct frame **slots;

    if (p->nr < p->nr_slots || !(slots = calloc(p->nr_slots * 2, sizeof(struct frame *))))
        return; /* without memory the chains get longer, nothing else */
    free(p->slot);
    p->slot = slots;
    p->nr_slots *= 2;
    for (struct frame *f = p->oldest; f; f = f->newer) {
        struct frame **s = slot_of(p, f->pub.pgno);
        f->chain = *s;
        *s = f;
    }
}

static void list_remove(struct bufpool *p, struct frame *f)
{
    *(f->older ? &f->older->newer : &p->oldest) = f->newer;
    *(f->newer ? &f->newer->older : &p->newest) = f->older;
}

static void list_append(struct bufpool *p, struct frame *f)
{
    f->older = p->newest;
    f->newer = NULL;
    *(p->newest ? &p->newest->newer : &p->oldest) = f;
    p->newest = f;
}

static void drop(struct bufpool *p, struct frame *f)
{
    struct frame **s = slot_of(p, f->pub.pgno);

    while (*s != f)
        s = &(*s)->chain;
    *s = f->chain;
    list_remove(p, f);
    p->nr--;
    free(f->pub.b);
    free(f);
}

static uint64_t offset_of(const struct bufpool *p, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * p->page_size;
}

/* 0: written; > 0: must not be written yet. */
static JET_ERR write_frame(struct bufpool *p, struct frame *f)
{
    JET_ERR err = p->flush_log ? p->flush_log(p->ctx, f->pub.pgno, f->lgpos) : JET_errSuccess;

    if (err > 0)
        return err;
    if (err < 0)
        return p->failed = err;
    if (!page_is_zero(f->pub.b, p->page_size))
        page_seal(f->pub.b, p->page_size, f->pub.pgno);
    err = os_pwrite_all(p->fd, f->pub.b, p->page_size, offset_of(p, f->pub.pgno));
    if (err < 0)
        return p->failed = fault_io(p->r, err, offset_of(p, f->pub.pgno), "writing a page");
    f->dirty = false;
    return JET_errSuccess;
}

static JET_ERR make_room(struct bufpool *p)
{
    unsigned looked = 0;

    for (struct frame *f = p->oldest, *next; f && p->nr >= p->capacity && looked < EVICT_LOOK;
         f = next, looked++) {
        JET_ERR err;

        next = f->newer;
        if (f->pins || (f->dirty && p->overlay))
            continue;
        err = f->dirty ? write_frame(p, f) : JET_errSuccess;
        if (err < 0)
            return err;
        if (err == 0)
            drop(p, f);
    }
    return JET_errSuccess;
}

static JET_ERR check_page(struct bufpool *p, struct frame *f)
{
    const pgno_t pgno = f->pub.pgno;
    const uint64_t off = offset_of(p, pgno);
    struct page_check c;

    page_verify(f->pub.b, p->page_size, pgno, &c);
    switch (c.verdict) {
    case PAGE_BLANK:
        f->pub.blank = true;
        return JET_errSuccess;
    case PAGE_CORRECTED:
        fault_corrected(p->r, 399, pgno, off, "bit %" PRIu32 " was wrong and has been corrected",
                        c.bit);
        return JET_errSuccess;
    case PAGE_OK:
        return JET_errSuccess;
    case PAGE_BAD_PGNO:
        return fault(p->r, c.err, 475, pgno, off, "it is page %" PRIu32, c.pgno_found);
    case PAGE_BAD_STRUCTURE:
        return fault(p->r, c.err, 0, pgno, off, "%s", c.what);
    default:
        return fault(p->r, c.err, 474, pgno, off,
                     "checksum is wrong: stored 0x%016" PRIx64 ", computed 0x%016" PRIx64, c.stored,
                     c.computed);
    }
}

static JET_ERR read_frame(struct bufpool *p, struct frame *f)
{
    size_t got;
    JET_ERR err;

    if (p->cut && f->pub.pgno >= p->cut) {
        memset(f->pub.b, 0, p->page_size);
        f->pub.blank = true;
        return JET_errSuccess;
    }
    err = os_pread(p->fd, f->pub.b, p->page_size, offset_of(p, f->pub.pgno), &got);

    if (err < 0)
        return fault_io(p->r, err, offset_of(p, f->pub.pgno), "reading a page");
    memset(f->pub.b + got, 0, p->page_size - got);
    return check_page(p, f);
}

static JET_ERR add_frame(struct bufpool *p, pgno_t pgno, struct frame **ret)
{
    struct frame *f, **s;
    JET_ERR err = make_room(p);

    if (err < 0)
        return err;
    f = calloc(1, sizeof(*f));
    if (!f || posix_memalign((void **)&f->pub.b, 64, p->page_size) != 0) {
        free(f);
        return RAISE(JET_errOutOfMemory);
    }
    f->pool = p;
    f->pub.pgno = pgno;
    f->pub.size = p->page_size;
    grow_table(p);
    s = slot_of(p, pgno);
    f->chain = *s;
    *s = f;
    list_append(p, f);
    p->nr++;
    *ret = f;
    return JET_errSuccess;
}

JET_ERR buf_get(struct bufpool *p, pgno_t pgno, enum buf_how how, struct buf **ret)
{
    struct frame *f;
    bool cached;
    JET_ERR err;

    if (p->failed < 0)
        return p->failed;
    if (pgno == PGNO_NULL)
        return RAISE(JET_errInvalidParameter);
    f = find(p, pgno);
    cached = f != NULL;
    if (!cached && (err = add_frame(p, pgno, &f)) < 0)
        return err;
    if (how == BUF_NEW) {
        memset(f->pub.b, 0, p->page_size);
        f->pub.blank = true;
        f->made = !f->dirty;
    } else if (!cached && (err = read_frame(p, f)) < 0) {
        drop(p, f);
        return err;
    }
    if (cached) {
        list_remove(p, f);
        list_append(p, f);
    }
    f->pins++;
    *ret = &f->pub;
    return JET_errSuccess;
}

void buf_dirty(struct buf *b, lgpos_t lgpos)
{
    struct frame *f = (struct frame *)b;

    f->dirty = true;
    f->made = false;
    f->pub.blank = false;
    if (lgpos > f->lgpos)
        f->lgpos = lgpos;
}

void buf_put(struct buf *b)
{
    struct frame *f = (struct frame *)b;

    if (!f || --f->pins > 0)
        return;
    if (f->made) /* its zeroes are nobody's: what the file has is the page */
        drop(f->pool, f);
}

void bufpool_cut(struct bufpool *p, pgno_t first)
{
    for (struct frame *f = p->oldest, *next; f; f = next) {
        next = f->newer;
        if (f->pub.pgno >= first)
            drop(p, f);
    }
    if (p->overlay && (!p->cut || first < p->cut))
        p->cut = first;
}

const uint8_t *bufpool_peek(struct bufpool *p, pgno_t pgno)
{
    const struct frame *f = find(p, pgno);

    return f ? f->pub.b : NULL;
}

size_t bufpool_nr_dirty(const struct bufpool *p)
{
    size_t nr = 0;

    for (const struct frame *f = p->oldest; f; f = f->newer)
        nr += f->dirty;
    return nr;
}

static int cmp_pgno(const void *a, const void *b)
{
    const struct frame *x = *(struct frame *const *)a, *y = *(struct frame *const *)b;

    return x->pub.pgno < y->pub.pgno ? -1 : x->pub.pgno > y->pub.pgno;
}

/* In the order of the file, so that the disk sees one sweep. */
static JET_ERR write_all(struct bufpool *p)
{
    struct frame **list = calloc(p->nr + 1, sizeof(struct frame *));
    JET_ERR err = JET_errSuccess;
    size_t nr = 0;

    if (!list)
        return RAISE(JET_errOutOfMemory);
    for (struct frame *f = p->oldest; f; f = f->newer)
        if (f->dirty)
            list[nr++] = f;
    qsort(list, nr, sizeof(struct frame *), cmp_pgno);
    for (size_t i = 0; i < nr && err == 0; i++)
        err = write_frame(p, list[i]);
    free(list);
    return err > 0 ? p->failed = RAISE(JET_errInternalError) : err;
}

JET_ERR bufpool_flush(struct bufpool *p)
{
    JET_ERR err;

    if (p->failed < 0 || p->overlay)
        return p->failed;
    err = write_all(p);
    if (err < 0)
        return err;
    err = os_fsync(p->fd);
    if (err < 0)
        return p->failed = fault_io(p->r, err, ESE_NO_OFFSET, "syncing the database");
    return JET_errSuccess;
}
