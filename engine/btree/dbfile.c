/*
 * The cache of dbfile.h: frames of one page each, found through a hash of page numbers, given up by
 * the clock hand when a new page comes.
 *
 * A frame is in exactly one of these states: unused (pgno 0), good (err 0), bad (err < 0: the page
 * could not be read or is damaged; its number is kept so that the fault is reported once and not at
 * every visit). Only good frames are ever pinned.
 */
#include "btree/dbfile.h"

#include <inttypes.h>
#include <stdlib.h>

#include "os/file.h"
#include "page/dbhdr.h"

#define NO_FRAME   UINT32_MAX
#define FRAMES_MIN 64u

struct frame {
    pgno_t pgno;
    JET_ERR err;
    uint32_t next; /* in the chain of its bucket */
    uint32_t pins;
    bool recent; /* used since the hand came by */
};

struct dbfile {
    int fd;
    struct dbfile_source source; /* read NULL: the file */
    struct reporter *r;
    struct ese_db_info info;
    uint64_t size;
    uint8_t *bytes;
    struct frame *frames;
    uint32_t nr_frames;
    uint32_t *buckets;
    uint32_t mask; /* buckets - 1 */
    uint32_t hand;
};

/* Page 1 follows the two copies of the header (ESE: io.hxx cpgDBReserved). */
uint64_t dbfile_offset(const struct dbfile *f, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * f->info.page_size;
}

const struct ese_db_info *dbfile_info(const struct dbfile *f)
{
    return &f->info;
}
struct reporter *dbfile_reporter(const struct dbfile *f)
{
    return f->r;
}
uint32_t dbfile_page_size(const struct dbfile *f)
{
    return f->info.page_size;
}

pgno_t dbfile_last_page(const struct dbfile *f)
{
    uint64_t pages = f->size / f->info.page_size;

    if (pages < 3)
        return PGNO_NULL;
    return pages - 2 > INT32_MAX ? INT32_MAX : (pgno_t)(pages - 2); /* a page number is positive */
}

static JET_ERR make_cache(struct dbfile *f)
{
    uint32_t nr_buckets = 1;

    /* no more than the file has pages; enough for every cursor's pins all the same */
    f->nr_frames = DBFILE_CACHE_LEN / f->info.page_size;
    if (f->nr_frames > dbfile_last_page(f) + FRAMES_MIN)
        f->nr_frames = dbfile_last_page(f) + FRAMES_MIN;
    while (nr_buckets < 2 * f->nr_frames)
        nr_buckets *= 2;
    f->mask = nr_buckets - 1;
    f->frames = calloc(f->nr_frames, sizeof(*f->frames));
    f->buckets = malloc(nr_buckets * sizeof(*f->buckets));
    if (posix_memalign((void **)&f->bytes, 4096, (size_t)f->nr_frames * f->info.page_size) != 0)
        f->bytes = NULL;
    if (!f->frames || !f->buckets || !f->bytes)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < nr_buckets; i++)
        f->buckets[i] = NO_FRAME;
    return JET_errSuccess;
}

JET_ERR dbfile_open(int fd, struct reporter *r, struct dbfile **ret)
{
    struct dbfile *f = calloc(1, sizeof(*f));
    struct os_stat st;
    JET_ERR err;

    if (!f)
        return RAISE(JET_errOutOfMemory);
    f->fd = fd;
    f->r = r;
    err = dbhdr_read(fd, r, &f->info);
    if (err < 0)
        goto out;
    err = os_stat_fd(fd, &st);
    if (err < 0) {
        fault_io(r, err, ESE_NO_OFFSET, "reading the size of the file");
        goto out;
    }
    f->size = st.size;
    err = make_cache(f);
    if (err < 0)
        goto out;
    *ret = f;
    return JET_errSuccess;
out:
    dbfile_close(f);
    return err;
}

JET_ERR dbfile_open_source(const struct dbfile_source *source, struct reporter *r,
                           struct dbfile **ret)
{
    struct dbfile *f = calloc(1, sizeof(*f));
    JET_ERR err;

    if (!f)
        return RAISE(JET_errOutOfMemory);
    f->fd = -1;
    f->source = *source;
    f->r = r;
    f->info = *source->info;
    f->size = ((uint64_t)source->last + 2) * f->info.page_size;
    err = make_cache(f);
    if (err < 0)
        dbfile_close(f);
    else
        *ret = f;
    return err;
}

void dbfile_close(struct dbfile *f)
{
    if (!f)
        return;
    free(f->bytes);
    free(f->frames);
    free(f->buckets);
    free(f);
}

/* ---- frames ----------------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct dbfile *f, pgno_t pgno)
{
    return &f->buckets[pgno * UINT32_C(2654435761) >> 7 & f->mask];
}

static uint8_t *frame_bytes(const struct dbfile *f, uint32_t i)
{
    return f->bytes + (size_t)i * f->info.page_size;
}

static uint32_t find(struct dbfile *f, pgno_t pgno)
{
    uint32_t i = *bucket_of(f, pgno);

    while (i != NO_FRAME && f->frames[i].pgno != pgno)
        i = f->frames[i].next;
    return i;
}

static void unlink_frame(struct dbfile *f, uint32_t i)
{
    uint32_t *at = bucket_of(f, f->frames[i].pgno);

    while (*at != i)
        at = &f->frames[*at].next;
    *at = f->frames[i].next;
    f->frames[i].pgno = PGNO_NULL;
}

/* The frame to use next, out of its chain. NO_FRAME: all are pinned. */
static uint32_t take_frame(struct dbfile *f)
{
    for (uint32_t turn = 0; turn < 2 * f->nr_frames; turn++) {
        uint32_t i = f->hand;
        struct frame *fr = &f->frames[i];

        f->hand = i + 1 == f->nr_frames ? 0 : i + 1;
        if (fr->pins)
            continue;
        if (fr->pgno && fr->recent) {
            fr->recent = false;
            continue;
        }
        if (fr->pgno)
            unlink_frame(f, i);
        return i;
    }
    return NO_FRAME;
}

/* ---- pages ------------------------------------------------------------------------------------ */

static JET_ERR page_fault(struct dbfile *f, pgno_t pgno, const struct page_check *c)
{
    const uint64_t off = dbfile_offset(f, pgno);

    switch (c->verdict) {
    case PAGE_BLANK:
        return fault(f->r, JET_errPageNotInitialized, 476, pgno, off, "the page is blank");
    case PAGE_BAD_PGNO:
        return fault(f->r, c->err, 475, pgno, off, "page %" PRIu32 " lies in its place",
                     c->pgno_found);
    case PAGE_BAD_CHECKSUM:
        return fault(f->r, c->err, 474, pgno, off,
                     "checksum is 0x%016" PRIX64 ", must be 0x%016" PRIX64, c->stored, c->computed);
    case PAGE_BAD_STRUCTURE:
        return fault(f->r, c->err, 0, pgno, off, "%s", c->what);
    case PAGE_CORRECTED:
        fault_corrected(f->r, 399, pgno, off, "bit %" PRIu32 " was wrong and was corrected",
                        c->bit);
        break;
    case PAGE_OK:
        break;
    }
    return JET_errSuccess;
}

static JET_ERR read_page(struct dbfile *f, pgno_t pgno, uint8_t *buf)
{
    const uint64_t off = dbfile_offset(f, pgno);
    struct page_check check;
    JET_ERR err;

    if (pgno == PGNO_NULL)
        return fault(f->r, JET_errDatabaseCorrupted, 0, 0, ESE_NO_OFFSET, "page number 0 is used");
    if (pgno > dbfile_last_page(f))
        return fault(f->r, JET_errFileIOBeyondEOF, 0, pgno, off, "the file ends before this page");
    err = f->source.read ? f->source.read(f->source.ctx, pgno, buf)
                         : os_pread_all(f->fd, buf, f->info.page_size, off);
    if (err < 0)
        return f->source.read ? err : fault_io(f->r, err, off, "reading a page");
    page_verify(buf, f->info.page_size, pgno, &check);
    return page_fault(f, pgno, &check);
}

static JET_ERR load(struct dbfile *f, pgno_t pgno, uint32_t *ret)
{
    uint32_t *bucket = bucket_of(f, pgno);
    uint32_t i = take_frame(f);
    struct frame *fr;

    if (i == NO_FRAME)
        return RAISE(JET_errOutOfBuffers);
    fr = &f->frames[i];
    fr->err = read_page(f, pgno, frame_bytes(f, i));
    if (pgno == PGNO_NULL) /* it has no frame: 0 marks an unused one */
        return fr->err;
    fr->pgno = pgno;
    fr->next = *bucket;
    *bucket = i;
    *ret = i;
    return JET_errSuccess;
}

JET_ERR dbfile_page(struct dbfile *f, pgno_t pgno, struct page *ret)
{
    uint32_t i = pgno ? find(f, pgno) : NO_FRAME;
    struct frame *fr;

    if (i == NO_FRAME) {
        JET_ERR err = load(f, pgno, &i);
        if (err < 0)
            return err;
    }
    fr = &f->frames[i];
    fr->recent = true;
    if (fr->err < 0)
        return fr->err;
    fr->pins++;
    *ret = (struct page){frame_bytes(f, i), f->info.page_size};
    return JET_errSuccess;
}

void dbfile_unpin(struct dbfile *f, struct page *p)
{
    if (!p->b)
        return;
    f->frames[(size_t)(p->b - f->bytes) / f->info.page_size].pins--;
    *p = (struct page){0};
}
