/*
 * One database file under recovery: descriptor, header page, page cache, state of redo.
 *
 * Order of writes, so that a crash at any moment leaves what a second recovery completes:
 *   1. The header says "dirty", and names every generation whose changes a page may carry, before the first
 *      page is written.
 *   2. It says "clean" after the last page was synced.
 */
#include <stdlib.h>
#include <unistd.h>

#include "buf/guard.h"
#include "os/file.h"
#include "page/dbhdr.h"
#include "page/dbhdrstate.h"
#include "page/dbhdrwrite.h"
#include "rec/compress.h"
#include "recover/recover_int.h"

#define CACHE_BYTES (256u << 20)
#define CACHE_PAGES_MIN \
    8u /* it may be larger than it should be, never smaller than what is pinned at once */
#define CREATE_UPDATE 20u /* of a database made from the log; SetDbVersion raises it */

/* ---- what redo asks of the file --------------------------------------------------------------- */

static JET_ERR extend(void *ctx, pgno_t last)
{
    struct rfile *f = ctx;
    const uint64_t want = ((uint64_t)last + 2) * f->page_size;
    struct os_stat st;
    JET_ERR err;

    if (f->overlay) { /* what is not there reads as blank */
        if (last > f->last)
            f->last = last;
        return JET_errSuccess;
    }
    err = os_stat_fd(f->fd, &st);
    if (err >= 0 && st.size < want)
        err = os_truncate(f->fd, want);
    return err < 0 ? fault_io(&f->rv->r, err, want, "extending the database") : JET_errSuccess;
}

static JET_ERR cut_off(struct rfile *f, pgno_t first)
{
    const uint64_t want = ((uint64_t)first + 1) * f->page_size;
    struct os_stat st;
    JET_ERR err = JET_errSuccess;

    bufpool_cut(f->pool, first);
    if (f->overlay) {
        if (first <= f->last)
            f->last = first - 1;
        return JET_errSuccess;
    }
    err = os_stat_fd(f->fd, &st);
    if (err >= 0 && st.size > want)
        err = os_truncate(f->fd, want);
    return err < 0 ? fault_io(&f->rv->r, err, want, "shrinking the database") : JET_errSuccess;
}

static JET_ERR discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    struct rfile *f = ctx;
    struct os_stat st = {0};
    uint64_t end = (uint64_t)first + nr, behind;
    JET_ERR err = JET_errSuccess;

    if (first == PGNO_NULL)
        return RAISE(JET_errLogFileCorrupt);
    if (cut)
        return cut_off(f, first);
    if (!f->overlay && (err = os_stat_fd(f->fd, &st)) < 0)
        return fault_io(&f->rv->r, err, ESE_NO_OFFSET, "looking at the database");
    behind = f->overlay ? (uint64_t)f->last + 1 : st.size / f->page_size;
    if (end > behind)
        end = behind;
    for (uint64_t pgno = first; pgno < end && err >= 0; pgno++) {
        struct buf *b;
        err = buf_get(f->pool, (pgno_t)pgno, BUF_NEW, &b);
        if (err < 0)
            break;
        buf_dirty(b, f->rv->now);
        buf_put(b);
    }
    return err;
}

static const struct redo_hooks redo_hooks = {
    .extend = extend, .discard = discard, .decompress = decompress};

/* Log before data, and no page with a change that could not be undone. What undoes it may have been logged for another
 * page, to which a split has moved the node since: a page's own lgpos is not enough. */
static JET_ERR before_write(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    struct rfile *f = ctx;
    const struct logwrite *w = f->rv->w;
    JET_ERR err = JET_errSuccess;

    if (sessions_hold(f->rv->sessions, f->dbid, page_objid((struct page){b->b, b->size})))
        return 1;
    if (w && !(logwrite_is_durable(w, lgpos) && logwrite_is_durable(w, f->rv->undo_info)))
        err = logwrite_flush(f->rv->w);
    f->written++;
    return err;
}

/* ---- copies of a backup ------------------------------------------------------------------------ */

/* A backup's copy says from which generation on it must be replayed, not up to which its pages may be changed: that is the
 * backup's last one (ESE: ErrLGCheckDBFiles). */
static void adopt_copy(struct rfile *f)
{
    const struct recover_restore *rs = f->rv->restore;
    struct dbhdr_disk *h = rfile_hdr(f);

    if (!rs || !rs->hard)
        return;
    dbhdr_forget_backups(h);
    if (!le32_get(h->full_cur.gen_low))
        return;
    le32_put(&h->full_cur.gen_high, rs->high);
    le32_put(&h->gen_max_required, rs->high);
    le32_put(&h->gen_max_committed, rs->high);
    memset(&h->time_gen_max_required, 0, sizeof(h->time_gen_max_required));
    memset(&h->time_gen_max_created, 0, sizeof(h->time_gen_max_created));
}

/* ---- opening ---------------------------------------------------------------------------------- */

static struct rfile *find(const struct recovery *rv, const char *path)
{
    struct rfile *f = rv->files;

    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    return f;
}

static JET_ERR new_file(struct recovery *rv, const char *path, int fd, uint32_t page_size,
                        bool overlay, struct rfile **ret)
{
    struct rfile *f = calloc(1, sizeof(*f));
    const uint64_t bytes = rv->opts->cache_bytes ? rv->opts->cache_bytes : CACHE_BYTES;
    size_t pages = (size_t)(bytes / page_size);
    JET_ERR err = RAISE(JET_errOutOfMemory);

    if (pages < CACHE_PAGES_MIN)
        pages = CACHE_PAGES_MIN;
    if (f && (f->path = strdup(path)) && (f->page = calloc(1, page_size))) {
        f->rv = rv;
        f->page_size = page_size;
        f->overlay = overlay;
        f->fd = -1;
        err = bufpool_new(NULL, fd, page_size, overlay, pages, &rv->r, before_write, f, &f->pool);
    }
    if (err < 0) {
        if (f) {
            free(f->path);
            free(f->page);
        }
        free(f);
        return err;
    }
    f->fd = fd;
    f->next = rv->files;
    rv->files = f;
    *ret = f;
    return JET_errSuccess;
}

/* A restore that is killed leaves nothing that anybody goes on with. */
static JET_ERR guard_file(struct rfile *f)
{
    struct recovery *rv = f->rv;
    JET_ERR err = JET_errSuccess;

    if (!rv->guard_sought && !rv->restore)
        err = bufguard_open(rv->set.dir_fd, rv->set.base, rv->page_size, rv->opts->dry_run,
                            &rv->guard);
    rv->guard_sought = true;
    return err < 0 ? err : bufguard_mend(rv->guard, f->pool, &rfile_hdr(f)->sign_db);
}

/* An overlay begins with the pages that the file has, without a backup's trailer. */
static void begin_overlay(struct rfile *f, uint64_t size)
{
    const struct recover_restore *rs = f->rv->restore;
    uint64_t pages = size / f->page_size;

    if (rs && rs->hard && pages)
        pages--;
    f->last = pages < 3 ? 0 : pages - 2 > INT32_MAX ? INT32_MAX : (pgno_t)(pages - 2);
    bufpool_cut(f->pool, f->last + 1);
}

static JET_ERR open_header(struct recovery *rv, const char *path, int fd, struct rfile **ret)
{
    struct reporter quiet = {0};
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    struct os_stat st;
    size_t len;
    JET_ERR err;

    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, DBHDR_HEAD_LEN, 0, &len);
    if (err >= 0)
        err = os_stat_fd(fd, &st);
    if (err >= 0)
        err = dbhdr_decode(head, len, &quiet, &info, &raw);
    if (err >= 0 && info.page_size != rv->page_size)
        err = RAISE(JET_errPageSizeMismatch);
    if (err >= 0)
        err = new_file(rv, path, fd, info.page_size, rv->opts->dry_run, ret);
    if (err >= 0) {
        memcpy((*ret)->page, raw, info.page_size);
        adopt_copy(*ret);
        if ((*ret)->overlay)
            begin_overlay(*ret, st.size);
    }
    free(head);
    return err;
}

JET_ERR rfile_open(struct recovery *rv, const char *path, struct rfile **ret)
{
    struct rfile *f = find(rv, path);
    struct rplace at;
    int fd;
    JET_ERR err;

    if (f) {
        *ret = f;
        return f->removed ? RAISE(JET_errFileNotFound) : JET_errSuccess;
    }
    err = rplace_find(rv, path, &at);
    if (err < 0)
        return err;
    err = rv->opts->dry_run ? os_open_beneath(at.dirfd, at.path, &fd)
                            : os_open_beneath_rw(at.dirfd, at.path, &fd);
    rplace_done(&at);
    if (err < 0)
        return err;
    err = rv->opts->dry_run ? JET_errSuccess : os_lock_database(fd, false);
    if (err >= 0)
        err = open_header(rv, path, fd, ret);
    if (err >= 0)
        return guard_file(*ret);
    close(fd);
    return err;
}

void rfile_free(struct rfile *f)
{
    redo_done(&f->redo);
    bufpool_free(f->pool);
    free(f->left.leaf);
    if (f->fd >= 0)
        close(f->fd);
    free(f->page);
    free(f->path);
    free(f);
}

/* ---- creating --------------------------------------------------------------------------------- */

static void new_header(struct rfile *f, const struct logrec *rec)
{
    const struct recovery *rv = f->rv;
    struct dbhdr_disk *h = rfile_hdr(f);

    memset(f->page, 0, f->page_size);
    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, CREATE_UPDATE);
    le32_put(&h->create_version, DB_VERSION);
    le32_put(&h->create_update, CREATE_UPDATE);
    le32_put(&h->page_size, f->page_size);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->dbid, rec->dbid);
    le64_put(&h->dbtime, 1);
    le32_put(&h->objid_last, 1);
    le64_put(&h->sort_version, UINT64_MAX);
    h->sign_db = rec->db.sign_db;
    memcpy(h->sign_log.b, rv->set.sign_log.b, sizeof(h->sign_log.b));
    le32_put(&h->state, ESE_DB_JUST_CREATED);
    le64_put(&h->lgpos_attach, rv->now);
    h->time_attach = logtime_now();
}

static JET_ERR create(struct recovery *rv, const char *path, int *ret_fd)
{
    struct rplace at;
    JET_ERR err;

    if (rv->opts->dry_run)
        return os_create_temp(ret_fd);
    err = rplace_find(rv, path, &at);
    if (err < 0)
        return err;
    err = os_create_beneath(at.dirfd, at.path, ret_fd);
    if (err >= 0)
        err = os_fsync(at.own ? at.dirfd : rv->set.dir_fd);
    rplace_done(&at);
    return err;
}

JET_ERR rfile_create(struct recovery *rv, const char *path, struct rfile *f,
                     const struct logrec *rec, struct rfile **ret)
{
    JET_ERR err = JET_errSuccess;
    int fd;

    if (!f) {
        err = create(rv, path, &fd);
        if (err >= 0) {
            err = new_file(rv, path, fd, rv->page_size, false, &f);
            if (err < 0)
                close(fd);
        }
    } else {
        bufpool_cut(f->pool, 1);
        if (!f->overlay)
            err = os_truncate(f->fd, 0);
    }
    if (err < 0)
        return fault_io(&rv->r, err, ESE_NO_OFFSET, "creating the database");
    f->created = f->pending = true;
    f->removed = false;
    new_header(f, rec);
    *ret = f;
    err = guard_file(f);
    return err < 0 ? err : extend(f, 0);
}

static JET_ERR unlink_file(struct recovery *rv, const char *path)
{
    struct rplace at;
    JET_ERR err;

    if (rv->opts->dry_run)
        return JET_errSuccess;
    err = rplace_find(rv, path, &at);
    if (err >= 0) {
        err = os_unlink_beneath(at.dirfd, at.path);
        if (err == JET_errFileNotFound)
            err = JET_errSuccess;
        if (err >= 0)
            err = os_fsync(at.own ? at.dirfd : rv->set.dir_fd);
        rplace_done(&at);
    }
    return err < 0 ? fault_io(&rv->r, err, ESE_NO_OFFSET, "removing the database") : JET_errSuccess;
}

JET_ERR rfile_remove(struct rfile *f)
{
    f->removed = true;
    f->pending = false;
    return unlink_file(f->rv, f->path);
}

/* No room for more than headers, or these were never written: a creation came no further. */
static JET_ERR look_unborn(const struct recovery *rv, int fd, bool *ret)
{
    const size_t headers = 2u * rv->page_size;
    uint8_t *head;
    struct os_stat st;
    size_t len;
    JET_ERR err = os_stat_fd(fd, &st);

    *ret = err >= 0 && st.size <= headers;
    if (err < 0 || *ret)
        return err;
    head = malloc(headers);
    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, headers, 0, &len);
    *ret = err >= 0 && page_is_zero(head, headers);
    free(head);
    return err;
}

JET_ERR rfile_remove_unborn(struct recovery *rv, const char *path, bool *ret)
{
    struct rplace at;
    int fd = -1;
    JET_ERR err = rplace_find(rv, path, &at);

    *ret = false;
    if (err < 0)
        return err;
    err = os_open_beneath(at.dirfd, at.path, &fd);
    rplace_done(&at);
    if (err < 0)
        return err;
    err = look_unborn(rv, fd, ret);
    close(fd);
    return err >= 0 && *ret ? unlink_file(rv, path) : err;
}

/* ---- header ----------------------------------------------------------------------------------- */

JET_ERR rfile_write_header(struct rfile *f)
{
    f->rv->r.file = path_name(f->path);
    if (f->overlay)
        return JET_errSuccess;
    return dbhdr_write(f->fd, f->page, f->page_size, logtime_now(), &f->rv->r);
}

void rfile_set_committed(struct rfile *f)
{
    if (rpause_wanted(f->rv)) /* which may not have come as far as an earlier one */
        dbhdr_raise_committed(rfile_hdr(f), f->rv->committed, f->rv->committed_created);
    else
        dbhdr_set_committed(rfile_hdr(f), f->rv->committed, f->rv->committed_created);
}

void rfile_set_attached(struct rfile *f, lgpos_t lgpos)
{
    struct dbhdr_disk *h = rfile_hdr(f);

    if (memcmp(h->sign_log.b, f->rv->set.sign_log.b, sizeof(h->sign_log.b)) != 0) {
        dbhdr_forget_log(h);
        memcpy(h->sign_log.b, f->rv->set.sign_log.b, sizeof(h->sign_log.b));
    }
    dbhdr_set_attached(h, lgpos, logtime_now());
    le32_put(&h->gen_max_required, lgpos_gen(lgpos));
}

static JET_ERR remove_map_beside(struct rfile *f, int stem)
{
    struct rplace at;
    char *map;
    JET_ERR err;

    if (asprintf(&map, "%.*s.jfm", stem, f->path) < 0)
        return RAISE(JET_errOutOfMemory);
    err = rplace_find(f->rv, map, &at);
    if (err >= 0) {
        err = os_unlink_beneath(at.dirfd, at.path);
        rplace_done(&at);
    }
    free(map);
    if (err < 0 && err != JET_errFileNotFound)
        return fault_io(&f->rv->r, err, ESE_NO_OFFSET, "removing its flush map");
    return JET_errSuccess;
}

/* A flush map tells which write of each page was the last; ours are not in it. */
static JET_ERR remove_flush_map(struct rfile *f)
{
    const struct ese_instance *inst = f->rv->set.inst;
    const char *dot = strrchr(path_name(f->path), '.');
    const size_t stem = dot ? (size_t)(dot - f->path) : strlen(f->path);

    if (f->path[0] == '/')
        return remove_map_beside(f, (int)stem);
    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *m = &inst->files[i];
        JET_ERR err;
        if (m->kind != ESE_KIND_FLUSHMAP || strlen(m->path) != stem + 4 ||
            strncmp(m->path, f->path, stem) != 0)
            continue;
        err = os_unlink_beneath(f->rv->dirfd, m->path);
        if (err < 0 && err != JET_errFileNotFound)
            return fault_io(&f->rv->r, err, ESE_NO_OFFSET, "removing its flush map");
    }
    return JET_errSuccess;
}

JET_ERR rfile_begin(struct rfile *f, uint8_t dbid, lgen_t gen)
{
    struct dbhdr_disk *h = rfile_hdr(f);
    JET_ERR err;

    f->dbid = dbid;
    f->recovered = true;
    f->ahead_until = le32_get(h->gen_max_required);
    if (!f->pending)
        le32_put(&h->state, ESE_DB_DIRTY);
    if (!le32_get(h->gen_min_required))
        le32_put(&h->gen_min_required, gen);
    if (!le32_get(h->gen_min_consistent))
        le32_put(&h->gen_min_consistent, gen);
    rfile_set_committed(f);
    err = rfile_write_header(f);
    if (err >= 0 && !f->rv->opts->dry_run)
        err = remove_flush_map(f);
    if (err < 0)
        return err;
    redo_done(&f->redo);
    f->redo = (struct redo_db){.pool = f->pool,
                               .r = &f->rv->r,
                               .page_size = f->page_size,
                               .ahead = f->ahead_until >= gen,
                               .hooks = &redo_hooks,
                               .ctx = f,
                               .dbtime_last = le64_get(h->dbtime),
                               .objid_last = le32_get(h->objid_last)};
    return redo_init(&f->redo);
}

JET_ERR rfile_shut_down(struct rfile *f, lgpos_t lgpos)
{
    struct dbhdr_disk *h = rfile_hdr(f);
    JET_ERR err;

    f->rv->r.file = path_name(f->path);
    err = redo_settle(&f->redo);
    if (err >= 0)
        err = bufpool_flush(f->pool);
    if (err < 0)
        return err;
    le64_put(&h->dbtime, f->redo.dbtime_last);
    le32_put(&h->objid_last, f->redo.objid_last);
    dbhdr_set_clean(h, lgpos, logtime_now());
    f->dbid = 0;
    return rfile_write_header(f);
}
