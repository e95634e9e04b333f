/*
 * A database as a stream: its header twice, its pages, the trailer (ESE: backup.cxx ErrBKOpenFile, ErrBKIReadPages).
 *
 * The header is copied when the stream begins; from then on pages are read in the order of the file, while writers write them.
 * Nobody waits for the reader. A page that was caught half written has a wrong checksum and is read again: at once, after a
 * few milliseconds, then after 100, 200, .. ms as ESE does; after that it is damaged. A page whose checksum can be put right
 * by turning one bit is read again, too, before that is believed: half written pages may look like it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "backup/session_priv.h"
#include "os/file.h"

#define READS_SHORT 6u  /* after 1, 2, 4, .. ms: whoever writes it is through by then */
#define READS_LONG  16u /* after 100, 200, .. ms (ESE) */

struct dbcopy {
    struct backup_file f;
    struct db *d;
    struct reporter r; /* names the database */
    uint8_t *hdr;      /* as it is in the copy */
    pgno_t last;       /* pages 1 .. last */
    uint64_t nr_read;  /* pages of the copy: two headers, last pages, trailer */
};

static struct dbcopy *dbcopy_of(struct backup_file *f)
{
    return (struct dbcopy *)f;
}

/* ---- one page -------------------------------------------------------------------------------- */

static uint64_t offset_of(const struct dbcopy *c, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * c->d->page_size;
}

static JET_ERR reread(struct dbcopy *c, pgno_t pgno, uint8_t *page, struct page_check *ret)
{
    JET_ERR err = os_pread_all(c->d->fd, page, c->d->page_size, offset_of(c, pgno));

    if (err < 0)
        return fault_io(&c->r, err, offset_of(c, pgno), "reading a page");
    page_verify(page, c->d->page_size, pgno, ret);
    return JET_errSuccess;
}

static bool is_sound(const struct page_check *k)
{
    return k->verdict == PAGE_OK || k->verdict == PAGE_BLANK;
}

/* Waits, but not for a backup that has to end. */
static JET_ERR pause_for(struct dbcopy *c, unsigned ms)
{
    JET_ERR err = backup_poll(c->f.b);

    for (; err >= 0 && ms; err = backup_poll(c->f.b)) {
        const unsigned step = ms < 100 ? ms : 100;
        const struct timespec t = {0, (long)step * 1000000};
        nanosleep(&t, NULL);
        ms -= step;
    }
    return err;
}

static JET_ERR say_damaged(struct dbcopy *c, pgno_t pgno, const struct page_check *k)
{
    if (k->verdict == PAGE_BAD_CHECKSUM)
        return fault(&c->r, k->err, EVENT_CHECKSUM_MISMATCH, pgno, offset_of(c, pgno),
                     "its checksum is 0x%" PRIX64 ", of what is in it 0x%" PRIX64, k->stored,
                     k->computed);
    if (k->verdict == PAGE_BAD_PGNO)
        return fault(&c->r, k->err, EVENT_PAGE_NUMBER_MISMATCH, pgno, offset_of(c, pgno),
                     "page %" PRIu32 " lies there", k->pgno_found);
    return fault(&c->r, k->err, 0, pgno, offset_of(c, pgno), "%s", k->what);
}

static void say_corrected(struct dbcopy *c, pgno_t pgno, const struct page_check *k)
{
    fault_corrected(&c->r, EVENT_SINGLE_BIT_CORRECTED, pgno, offset_of(c, pgno),
                    "bit %" PRIu32 " was wrong, it is right in the copy", k->bit);
}

/* The long waits: not a write under way, perhaps a disk that has to think. */
static JET_ERR read_patiently(struct dbcopy *c, pgno_t pgno, uint8_t *page, struct page_check *k)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= READS_LONG && err >= 0; i++) {
        err = pause_for(c, i * 100);
        if (err >= 0)
            err = reread(c, pgno, page, k);
        if (err >= 0 && (is_sound(k) || k->verdict == PAGE_CORRECTED)) {
            fault_note(&c->r, EVENT_TRANSIENT_READ_ERROR, offset_of(c, pgno),
                       "page %" PRIu32 " was right when it was read again, %u times", pgno, i);
            return JET_errSuccess;
        }
    }
    return err;
}

/* page did not verify. */
static JET_ERR read_again(struct dbcopy *c, pgno_t pgno, uint8_t *page, struct page_check *k)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < READS_SHORT && err >= 0 && !is_sound(k); i++) {
        err = pause_for(c, 1u << i);
        if (err >= 0)
            err = reread(c, pgno, page, k);
    }
    if (err >= 0 && (k->verdict == PAGE_BAD_CHECKSUM || k->verdict == PAGE_BAD_PGNO))
        err = read_patiently(c, pgno, page, k);
    if (err < 0 || is_sound(k))
        return err;
    if (k->verdict != PAGE_CORRECTED)
        return say_damaged(c, pgno, k);
    say_corrected(c, pgno, k);
    return JET_errSuccess;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static JET_ERR read_pages(struct dbcopy *c, pgno_t first, uint32_t nr, uint8_t *to)
{
    const uint32_t size = c->d->page_size;
    JET_ERR err = os_pread_all(c->d->fd, to, (size_t)nr * size, offset_of(c, first));

    if (err < 0)
        return fault_io(&c->r, err, offset_of(c, first), "reading pages");
    for (uint32_t i = 0; i < nr && err >= 0; i++) {
        struct page_check k;
        page_verify(to + (size_t)i * size, size, first + i, &k);
        if (!is_sound(&k))
            err = read_again(c, first + i, to + (size_t)i * size, &k);
    }
    return err;
}

static void make_trailer(struct dbcopy *c, uint8_t *page)
{
    const struct backup *b = c->f.b;
    struct bkinfo info = {.mark = b->mark,
                          .time = b->mark_time,
                          .gen_low = b->copy_mic,
                          .gen_high = wal_gen(b->in->wal)};

    dbhdr_make_trailer((const struct dbhdr_disk *)c->hdr, &info, page, c->d->page_size);
}

static JET_ERR copy_pages(struct dbcopy *c, uint8_t *to, uint64_t nr)
{
    const uint64_t end = (uint64_t)c->last + 2;
    const uint32_t size = c->d->page_size;
    JET_ERR err = JET_errSuccess;

    while (nr > 0 && err >= 0) {
        uint64_t n = 1;

        if (c->nr_read < 2) {
            memcpy(to, c->hdr, size);
        } else if (c->nr_read < end) {
            n = end - c->nr_read < nr ? end - c->nr_read : nr;
            err = read_pages(c, (pgno_t)(c->nr_read - 1), (uint32_t)n, to);
        } else {
            make_trailer(c, to);
        }
        c->nr_read += n;
        to += n * size;
        nr -= n;
    }
    return err;
}

static JET_ERR read_db(struct backup_file *f, void *buf, size_t len, size_t *ret_len)
{
    struct dbcopy *c = dbcopy_of(f);
    const uint32_t size = c->d->page_size;
    const uint64_t left = (uint64_t)c->last + 3 - c->nr_read;
    uint64_t nr = len / size;
    JET_ERR err;

    if (len % size || (c->nr_read == 0 && nr < 3) || nr == 0)
        return RAISE(JET_errInvalidParameter);
    if (nr > left)
        nr = left;
    err = copy_pages(c, buf, nr);
    if (err < 0) {
        if (backup_poll(f->b) >= 0) /* else it is not the database */
            bkevent_err(f->b->in, EVENT_ERROR_FOR_ONE_DATABASE, err, f->name);
        return err;
    }
    *ret_len = (size_t)nr * size;
    f->done += *ret_len;
    return JET_errSuccess;
}

static void close_db(struct backup_file *f)
{
    struct dbcopy *c = dbcopy_of(f);
    char done[24], size[24];

    bktrace(f->b, "Stop backup file %s", f->name);
    if (f->done == f->size) {
        f->b->db_read[c->d->dbid] = true;
        bkevent(f->b->in, EVENT_FILE_STOP_OK, 0, f->name, NULL, NULL);
    } else {
        snprintf(done, sizeof(done), "%" PRIu64, f->done);
        snprintf(size, sizeof(size), "%" PRIu64, f->size);
        bkevent(f->b->in, EVENT_FILE_STOP_BEFORE_END, 0, f->name, done, size);
    }
    free(c->hdr);
    free(c);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void copy_header(struct dbcopy *c)
{
    struct backup *b = c->f.b;
    const struct bkinfo info = {.mark = b->mark, .time = b->mark_time, .gen_low = b->copy_mic};

    pthread_mutex_lock(&c->d->hdr_lock);
    memcpy(c->hdr, c->d->hdr, c->d->page_size);
    pthread_mutex_unlock(&c->d->hdr_lock);
    dbhdr_set_current_backup((struct dbhdr_disk *)c->hdr, &info);
    dbhdr_seal(c->hdr, c->d->page_size);
    /* What a page has that is read from now on was logged since then, or is on disk: so the size comes after the header. */
    pthread_mutex_lock(&c->d->space_lock);
    c->last = c->d->pgno_last;
    pthread_mutex_unlock(&c->d->space_lock);
}

static void say_size(const struct dbcopy *c)
{
    const uint64_t kib = c->f.size / 1024;
    char text[32];

    if (kib >= 1024)
        snprintf(text, sizeof(text), "%" PRIu64 " Mb", kib / 1024);
    else
        snprintf(text, sizeof(text), "%" PRIu64 " Kb", kib);
    bkevent(c->f.b->in, EVENT_FILE_START, 0, c->f.name, text, NULL);
    bktrace(c->f.b, "Start backup file %s, size %s", c->f.name, text);
}

JET_ERR backup_open_db(struct backup *b, struct db *d, struct backup_file **ret, uint64_t *ret_size)
{
    struct dbcopy *c;
    JET_ERR err = backup_poll(b);

    if (err < 0)
        return err;
    if (b->opts.incremental || b->prepared)
        return RAISE(JET_errInvalidBackupSequence);
    if (b->open)
        return RAISE(JET_errOutOfMemory);
    c = calloc(1, sizeof(*c));
    if (!c || !(c->hdr = malloc(d->page_size))) {
        free(c);
        return RAISE(JET_errOutOfMemory);
    }
    c->f = (struct backup_file){.b = b, .read = read_db, .close = close_db, .name = d->path};
    c->d = d;
    c->r = b->in->r;
    c->r.file = d->path;
    copy_header(c);
    c->f.size = ((uint64_t)c->last + 3) * d->page_size;
    say_size(c);
    b->open = &c->f;
    *ret = &c->f;
    *ret_size = c->f.size;
    return JET_errSuccess;
}
