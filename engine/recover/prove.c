/*
 * Proof that a backup can be restored: the same steps as a restore (restore.c), onto an overlay instead of a copy, then every
 * tree of what that would leave. Nothing is written but changed pages that the given memory has no room for, in a temporary
 * file.
 *
 * Each page of a database is read once for the proof: a changed one comes from the overlay, others from the file, when a tree is
 * walked. What no tree has is read afterwards in the order of the file, so that all that a restore would copy was verified.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "page/cksum.h"
#include "page/dbhdr.h"
#include "recover/restore_int.h"

#define MEMORY_DEFAULT (32u << 20)

struct proof {
    struct restore rs;
    struct ese_restore_opts opts;
    ese_fault_fn *fn; /* the caller's */
    void *ctx;
    ese_progress_fn *progress;
    void *progress_ctx;
    uint64_t done; /* bytes; of the databases before the one that is looked at */
    struct ese_proof *ret;
};

struct pages { /* of a database, as the replay leaves it */
    struct proof *p;
    const char *name;
    struct bufpool *pool; /* NULL: no log changes it */
    int fd;
    uint32_t page_size;
    pgno_t last;
    pgno_t in_file; /* of these; a log may claim any number more */
    uint8_t *seen;  /* one bit for each in the file: read already */
};

/* ---- what is told ------------------------------------------------------------------------------ */

static JET_ERR stopped(const struct proof *p)
{
    return recovery_stopped(&p->rs.rv);
}

static void report(void *ctx, const struct ese_fault *f)
{
    struct proof *p = ctx;

    if (stopped(p) < 0)
        return; /* what cannot be read any more is no fault */
    if (f->severity == ESE_FAULT) {
        if (!p->ret->faults++)
            p->ret->first = f->err;
    }
    p->ret->corrected += f->severity == ESE_CORRECTED;
    if (p->fn)
        p->fn(p->ctx, f);
}

static void tell(void *ctx, uint64_t done, uint64_t total)
{
    const struct proof *p = ctx;

    (void)total;
    if (p->progress) /* a database may be longer than its file is */
        p->progress(p->progress_ctx, done > p->rs.total - p->done ? p->rs.total : p->done + done,
                    p->rs.total);
}

/* Of a database: in pages. */
static void tell_pages(void *ctx, uint64_t done, uint64_t total)
{
    const struct pages *g = ctx;

    (void)total;
    tell(g->p, done * g->page_size, 0);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static JET_ERR read_page(void *ctx, pgno_t pgno, void *page)
{
    struct pages *g = ctx;
    const uint64_t off = ((uint64_t)pgno + 1) * g->page_size;
    bool has = false;
    size_t got = 0;
    JET_ERR err = stopped(g->p);

    if (err >= 0 && g->pool)
        err = bufpool_changed(g->pool, pgno, page, &has);
    if (err >= 0 && !has) {
        g->p->rs.rv.r.file = g->name;
        err = os_pread(g->fd, page, g->page_size, off, &got);
        if (err < 0)
            return fault_io(&g->p->rs.rv.r, err, off, "reading a page");
        memset((uint8_t *)page + got, 0, g->page_size - got);
    }
    if (err >= 0 && pgno <= g->in_file)
        g->seen[pgno / 8] |= (uint8_t)(1u << (pgno % 8));
    return err;
}

static JET_ERR read_rest(struct pages *g)
{
    uint8_t *page = malloc(g->page_size);
    JET_ERR err = page ? JET_errSuccess : RAISE(JET_errOutOfMemory);

    for (pgno_t pgno = 1; pgno <= g->in_file && err >= 0; pgno++) {
        const uint64_t off = ((uint64_t)pgno + 1) * g->page_size;
        struct page_check c;
        if (g->seen[pgno / 8] & 1u << (pgno % 8))
            continue;
        err = read_page(g, pgno, page);
        if (err < 0)
            break;
        page_verify(page, g->page_size, pgno, &c);
        g->p->rs.rv.r.file = g->name;
        if (c.verdict == PAGE_CORRECTED)
            fault_corrected(&g->p->rs.rv.r, 399, pgno, off, "bit %" PRIu32 " is wrong", c.bit);
        else if (c.err < 0)
            (void)fault(&g->p->rs.rv.r, c.err, c.verdict == PAGE_BAD_CHECKSUM ? 474 : 475, pgno,
                        off, "the page, which no tree uses, is damaged");
    }
    free(page);
    return err;
}

/* The last page of a file. */
static pgno_t pages_in(uint64_t size, uint32_t page_size)
{
    const uint64_t pages = size / page_size;

    return pages < 3 ? 0 : pages - 2 > INT32_MAX ? INT32_MAX : (pgno_t)(pages - 2);
}

/* ---- a database -------------------------------------------------------------------------------- */

/* header: a page of it, whose checksum is put right. */
static JET_ERR check_pages(struct pages *g, uint8_t *header)
{
    const struct ese_pages pages = {header, g->page_size, g->last, read_page, g};
    uint64_t faults = 0;
    JET_ERR err;

    g->seen = calloc((size_t)g->in_file / 8 + 1, 1);
    if (!g->seen)
        return RAISE(JET_errOutOfMemory);
    le32_put(&((struct dbhdr_disk *)header)->checksum, cksum_xor(header, g->page_size));
    err = ese_integrity_pages(&pages, g->name, report, g->p, tell_pages, g, &faults);
    if (err >= 0)
        err = read_rest(g);
    free(g->seen);
    g->p->ret->pages += g->last;
    return err < 0 ? err : stopped(g->p);
}

static void count_done(struct proof *p, uint64_t bytes)
{
    p->done = bytes > p->rs.total - p->done ? p->rs.total : p->done + bytes;
}

/* That the replay has taken up. One that it has created is a file of its own. */
static JET_ERR check_replayed(struct proof *p, struct rfile *f)
{
    struct pages g = {.p = p,
                      .name = path_name(f->path),
                      .pool = f->overlay ? f->pool : NULL,
                      .fd = f->fd,
                      .page_size = f->page_size,
                      .last = f->last};
    struct os_stat st = {0};
    JET_ERR err = os_stat_fd(f->fd, &st);

    g.in_file = pages_in(st.size, f->page_size);
    if (!f->overlay)
        g.last = g.in_file;
    if (g.in_file > g.last) /* cut off, or the trailer */
        g.in_file = g.last;
    if (err >= 0)
        err = check_pages(&g, f->page);
    count_done(p, st.size);
    p->ret->pages_changed += bufpool_nr_dirty(f->pool);
    p->ret->pages_spilled += bufpool_nr_spilled(f->pool);
    return err;
}

static bool was_replayed(const struct proof *p, const struct ese_file *file)
{
    for (const struct rfile *f = p->rs.rv.files; f; f = f->next)
        if (f->recovered && strcmp(f->path, file->path) == 0)
            return true;
    return false;
}

static JET_ERR check_with_header(struct pages *g)
{
    struct reporter quiet = {0};
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    size_t len;
    JET_ERR err = head ? os_pread(g->fd, head, DBHDR_HEAD_LEN, 0, &len) : RAISE(JET_errOutOfMemory);

    if (err >= 0)
        err = dbhdr_decode(head, len, &quiet, &info, &raw);
    if (err >= 0) /* the copy that counts */
        err = check_pages(g, head + ((const uint8_t *)raw - head));
    free(head);
    return err;
}

/* Shut down cleanly in a copy at rest: it is as it lies there, but that a restore mends its header. */
static JET_ERR check_at_rest(struct proof *p, const struct restore_db *db)
{
    const uint32_t page_size = db->file->header.db.page_size;
    struct pages g = {.p = p,
                      .name = path_name(db->file->path),
                      .page_size = page_size,
                      .last = pages_in(db->size, page_size),
                      .in_file = pages_in(db->size, page_size)};
    JET_ERR err = os_open_beneath(p->rs.source, db->file->path, &g.fd);

    if (err < 0) {
        p->rs.rv.r.file = g.name;
        return fault_io(&p->rs.rv.r, err, ESE_NO_OFFSET, "opening the database");
    }
    err = check_with_header(&g);
    count_done(p, db->size);
    close(g.fd);
    return err;
}

static JET_ERR check_databases(struct proof *p)
{
    JET_ERR err = JET_errSuccess;

    for (struct rfile *f = p->rs.rv.files; f && err >= 0; f = f->next)
        if (f->recovered && !f->removed)
            err = check_replayed(p, f);
    for (unsigned i = 0; i < p->rs.nr_dbs && err >= 0; i++)
        if (!was_replayed(p, p->rs.dbs[i].file))
            err = check_at_rest(p, &p->rs.dbs[i]);
    return err;
}

/* ---- the steps --------------------------------------------------------------------------------- */

static JET_ERR prove(struct proof *p, int dirfd)
{
    struct restore *rs = &p->rs;
    JET_ERR err = restore_find(rs, dirfd);

    if (err >= 0 && rs->rv.set.nr_logs)
        err = restore_scan(rs);
    if (rs->nr_dbs) /* each has a cache of its own */
        rs->opts.cache_bytes = rs->opts.cache_bytes / rs->nr_dbs + 1;
    if (err >= 0 && rs->rv.set.nr_logs)
        err = restore_replay(rs);
    p->done = rs->rv.scan.bytes;
    if (err >= 0)
        err = recovery_check_left_over(&rs->rv);
    if (err >= 0)
        err = check_databases(p);
    if (err >= 0)
        err = recovery_fill_result(&rs->rv);
    if (err >= 0)
        tell(p, rs->total, 0);
    return recovery_error(&rs->rv, err);
}

JET_ERR ese_prove(int dirfd, const struct ese_prove_opts *opts, ese_fault_fn *fn, void *ctx,
                  ese_progress_fn *progress, void *progress_ctx, struct ese_proof *ret)
{
    struct proof *p = calloc(1, sizeof(*p));
    JET_ERR err;

    memset(ret, 0, sizeof(*ret));
    if (!p)
        return RAISE(JET_errOutOfMemory);
    p->opts = (struct ese_restore_opts){.base = opts->base,
                                        .cache_bytes = opts->memory ? opts->memory : MEMORY_DEFAULT,
                                        .log_dirs = opts->log_dirs,
                                        .nr_log_dirs = opts->nr_log_dirs,
                                        .cancel = opts->cancel};
    p->fn = fn;
    p->ctx = ctx;
    p->progress = progress;
    p->progress_ctx = progress_ctx;
    p->ret = ret;
    restore_init(&p->rs, dirfd, &p->opts, report, p, &ret->recovery);
    p->rs.opts.dry_run = true;
    p->rs.rv.progress = tell;
    p->rs.rv.progress_ctx = p;
    err = prove(p, dirfd);
    ret->backup = p->rs.how.hard;
    memcpy(ret->where, p->rs.where, sizeof(ret->where));
    ret->gen_low = p->rs.low;
    ret->gen_high = p->rs.high;
    restore_done(&p->rs);
    free(p);
    return err < 0 ? err : ret->faults ? ret->first : JET_errSuccess;
}

void ese_proof_done(struct ese_proof *p)
{
    ese_recovery_done(&p->recovery);
}
