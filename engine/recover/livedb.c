/*
 * Databases of a running instance: created, attached, detached (ESE: db.cxx ErrDBCreateDatabase, ErrDBAttachDatabase,
 * ErrDBDetachDatabase; write path 1.2 to 1.4, LOG 3.4).
 *
 * chk_lock is held while a database comes or goes: the checkpoint finds each either in use or clean.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "btree/redo.h"
#include "btree/dir.h"
#include "buf/guard.h"
#include "btree/spacewrite.h"
#include "log/attach.h"
#include "log/logwrite.h"
#include "os/file.h"
#include "os/path.h"
#include "page/dbhdr.h"
#include "page/dbhdrstate.h"
#include "page/dbhdrwrite.h"
#include "rec/compress.h"
#include "rec/ddl.h"
#include "recover/live_int.h"

#define PAGES_INITIAL         256u /* of a new database; ESE: 2 * cpgDatabaseMin, less the headers */
#define PAGES_LEAST           32u  /* pages 1 to 31 are spoken for by the catalogue */
#define LOG_UPDATE_DB_VERSION 6u   /* SetDbVersion */
#define PATH_MOST             246u /* bytes; ESE: cchPathMost less what the engine appends */

/* The instance's reporter serves all threads: who names a file takes a copy. */
static struct reporter named(const struct live *l, const char *path)
{
    struct reporter r = l->in.r;

    r.file = path;
    return r;
}

/* ---- what redo's functions ask of a running database -------------------------------------------- */

static JET_ERR no_extend(void *ctx, pgno_t last)
{
    const struct db *d = ctx;

    return last <= d->pgno_last ? JET_errSuccess : RAISE(JET_errInternalError);
}

static JET_ERR no_discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    return RAISE(JET_errInternalError); /* space is never cut off while running */
}

static const struct redo_hooks hooks = {
    .extend = no_extend, .discard = no_discard, .decompress = decompress};

/* ---- the object -------------------------------------------------------------------------------- */

static JET_ERR new_db(struct live *l, const char *path, int fd, uint32_t page_size, bool read_only,
                      struct db **ret)
{
    struct db *d = calloc(1, sizeof(*d));
    pthread_mutexattr_t recursive;
    JET_ERR err;

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->inst = &l->in;
    d->fd = fd;
    d->page_size = page_size;
    d->read_only = read_only;
    d->path = strdup(path);
    d->hdr = calloc(1, page_size);
    d->redo = calloc(1, sizeof(*d->redo));
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&d->space_lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&d->hdr_lock, NULL);
    pthread_mutex_init(&d->tree_lock, NULL);
    err = d->path && d->hdr && d->redo ? JET_errSuccess : RAISE(JET_errOutOfMemory);
    if (err >= 0)
        err = bufpool_new(l->in.cache, fd, page_size, false, 0, &l->in.r, dir_before_flush, d,
                          &d->pool);
    if (err < 0) {
        livedb_free(l, d);
        return err;
    }
    *ret = d;
    return JET_errSuccess;
}

void livedb_free(struct live *l, struct db *d)
{
    pthread_mutex_lock(&l->attached_lock);
    if (d->dbid)
        l->in.db[d->dbid] = l->attached[d->dbid] = NULL;
    pthread_mutex_unlock(&l->attached_lock);
    fcb_free_all(d);
    tree_free_all(d);
    if (d->redo)
        redo_done(d->redo);
    bufpool_free(d->pool);
    if (d->fd >= 0)
        close(d->fd);
    pthread_mutex_destroy(&d->space_lock);
    pthread_mutex_destroy(&d->hdr_lock);
    pthread_mutex_destroy(&d->tree_lock);
    free(d->redo);
    free(d->hdr);
    free(d->path);
    free(d);
}

/* The header is in d->hdr: what the running instance needs of it. */
static JET_ERR begin_use(struct live *l, struct db *d)
{
    const struct dbhdr_disk *h = db_hdr(d);
    struct os_stat st;
    JET_ERR err = os_stat_fd(d->fd, &st);

    if (err < 0)
        return err;
    d->update_major = le32_get(h->update_major);
    d->pgno_last = (pgno_t)(st.size / d->page_size) - 2;
    atomic_store(&d->dbtime, le64_get(h->dbtime));
    atomic_store(&d->objid_last, le32_get(h->objid_last));
    *d->redo = (struct redo_db){.pool = d->pool,
                                .r = &l->in.r,
                                .page_size = d->page_size,
                                .hooks = &hooks,
                                .ctx = d,
                                .dbtime_last = le64_get(h->dbtime),
                                .objid_last = le32_get(h->objid_last)};
    return redo_init(d->redo);
}

/* Before a page of it is looked at. */
static JET_ERR guard_pages(struct live *l, struct db *d)
{
    return d->read_only ? JET_errSuccess : bufguard_mend(l->guard, d->pool, &db_hdr(d)->sign_db);
}

static void publish(struct live *l, struct db *d, uint8_t dbid)
{
    pthread_mutex_lock(&l->in.lock);
    pthread_mutex_lock(&l->attached_lock);
    d->dbid = dbid;
    l->in.db[dbid] = l->attached[dbid] = d;
    pthread_mutex_unlock(&l->attached_lock);
    pthread_mutex_unlock(&l->in.lock);
}

static JET_ERR free_dbid(struct live *l, uint8_t *ret)
{
    for (uint8_t i = 1; i <= DBID_MAX; i++)
        if (!l->in.db[i]) {
            *ret = i;
            return JET_errSuccess;
        }
    return RAISE(JET_errTooManyAttachedDatabases);
}

static bool same_file(const struct db *d, const char *path)
{
    char *a, *b;
    bool same = strcmp(d->path, path) == 0;

    if (same)
        return true;
    a = os_full_path(d->path);
    b = os_full_path(path);
    same = a && b && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

struct db *live_find_db(struct inst *in, const char *path)
{
    struct db *found = NULL;

    pthread_mutex_lock(&in->lock);
    for (unsigned i = 1; i <= DBID_MAX && !found; i++)
        if (in->db[i] && same_file(in->db[i], path))
            found = in->db[i];
    pthread_mutex_unlock(&in->lock);
    return found;
}

/* ---- headers ----------------------------------------------------------------------------------- */

static JET_ERR write_header(struct live *l, struct db *d)
{
    struct reporter r = named(l, d->path);
    JET_ERR err;

    pthread_mutex_lock(&d->hdr_lock);
    err = dbhdr_write(d->fd, d->hdr, d->page_size, logtime_now(), &r);
    pthread_mutex_unlock(&d->hdr_lock);
    return err;
}

/* Of the log that the database is attached to now; without a log it gets a signature of its own, so that no log of the
 * past can ever be applied to it. */
static JET_ERR adopt_log(struct live *l, struct db *d)
{
    struct dbhdr_disk *h = db_hdr(d);
    const struct logtime now = logtime_now();

    if (l->in.wal && signature_equal(&h->sign_log, &l->sign_log))
        return JET_errSuccess;
    dbhdr_forget_log(h);
    h->sign_log = l->sign_log; /* zero without a log */
    if (l->in.wal)
        return JET_errSuccess;
    memset(&h->sign_db, 0, sizeof(h->sign_db));
    memcpy(h->sign_db.b + 4, now.b, sizeof(now.b));
    return os_random(h->sign_db.b, 4);
}

static JET_ERR set_attached(struct live *l, struct db *d, lgpos_t lgpos)
{
    struct dbhdr_disk *h = db_hdr(d);
    JET_ERR err = adopt_log(l, d);

    if (err < 0)
        return err;
    dbhdr_set_attached(h, lgpos, logtime_now());
    if (l->in.wal)
        dbhdr_set_committed(db_hdr(d), wal_gen(l->in.wal), wal_created(l->in.wal));
    return JET_errSuccess;
}

static void set_clean(struct db *d, lgpos_t lgpos)
{
    struct dbhdr_disk *h = db_hdr(d);

    le64_put(&h->dbtime, atomic_load(&d->dbtime));
    le32_put(&h->objid_last, atomic_load(&d->objid_last));
    dbhdr_set_clean(h, lgpos, logtime_now());
}

/* wal_hooks.generation: no lock of ours may wait for somebody who waits for the log (live_int.h). */
JET_ERR livedb_generation(void *ctx, lgen_t gen, struct logtime created)
{
    struct live *l = ctx;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&l->attached_lock);
    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++) {
        struct db *d = l->attached[i];
        if (!d || d->read_only)
            continue;
        pthread_mutex_lock(&d->hdr_lock);
        if (le32_get(db_hdr(d)->state) != ESE_DB_CLEAN) {
            struct reporter r = named(l, d->path);
            dbhdr_set_committed(db_hdr(d), gen, created);
            err = dbhdr_write(d->fd, d->hdr, d->page_size, logtime_now(), &r);
        }
        pthread_mutex_unlock(&d->hdr_lock);
    }
    pthread_mutex_unlock(&l->attached_lock);
    return err;
}

/* ---- lists of what is attached ------------------------------------------------------------------ */

JET_ERR livedb_attach_upto(struct live *l, lgpos_t upto, uint8_t list[LOG_ATTACH_LEN])
{
    size_t off = 0;
    JET_ERR err = JET_errSuccess;

    memset(list, 0, LOG_ATTACH_LEN);
    pthread_mutex_lock(&l->attached_lock);
    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++) {
        struct db *d = l->attached[i];
        struct attach_new a;
        if (!d || d->read_only)
            continue;
        pthread_mutex_lock(&d->hdr_lock);
        a = (struct attach_new){.path = d->path,
                                .dbid = d->dbid,
                                .dbtime = atomic_load(&d->dbtime),
                                .objid_last = atomic_load(&d->objid_last),
                                .lgpos_attach = le64_get(db_hdr(d)->lgpos_attach),
                                .lgpos_consistent = le64_get(db_hdr(d)->lgpos_consistent),
                                .sign_db = db_hdr(d)->sign_db};
        if (le32_get(db_hdr(d)->state) != ESE_DB_CLEAN && a.lgpos_attach <= upto)
            err = attach_encode(list, &off, &a);
        pthread_mutex_unlock(&d->hdr_lock);
    }
    pthread_mutex_unlock(&l->attached_lock);
    return err;
}

JET_ERR livedb_attach_list(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    return livedb_attach_upto(ctx, UINT64_MAX, list);
}

/* ---- records that name a database ---------------------------------------------------------------- */

static JET_ERR log_db(struct live *l, struct logrec *rec, const char *path, lgpos_t *ret)
{
    uint8_t *name;
    uint32_t len;
    JET_ERR err = logged_path_encode(path, &name, &len);

    if (err < 0)
        return err;
    rec->db.path = (struct slice){name, len};
    rec->db.utf16 = true;
    err = wal_append(l->in.wal, rec, ret);
    if (err >= 0)
        err = wal_flush(l->in.wal, *ret);
    free(name);
    return err;
}

/* ---- creating ------------------------------------------------------------------------------------ */

/* What cannot be removed now is removed by the next recovery. */
static void discard_name(int dirfd, const char *name)
{
    JET_ERR err = os_unlink_beneath(dirfd, name);

    if (err >= 0)
        err = os_fsync(dirfd);
    (void)err;
}

static JET_ERR create_file(struct live *l, const struct live_create *c, int *ret_fd)
{
    const char *name;
    int dirfd;
    JET_ERR err = os_open_parent(c->path, &dirfd, &name);

    if (err < 0)
        return err;
    if (c->overwrite) {
        err = os_unlink_beneath(dirfd, name);
        if (err == JET_errFileNotFound)
            err = JET_errSuccess;
    }
    if (err >= 0)
        err = os_create_beneath(dirfd, name, ret_fd);
    if (err >= 0 && ((err = os_lock_database(*ret_fd, false)) < 0 || (err = os_fsync(dirfd)) < 0)) {
        close(*ret_fd);
        discard_name(dirfd, name);
    }
    close(dirfd);
    if (err < 0) {
        struct reporter r = named(l, c->path);
        (void)fault_io(&r, err, ESE_NO_OFFSET, "creating the database");
    }
    return err == JET_errFileAlreadyExists ? RAISE(JET_errDatabaseDuplicate) : err;
}

static void remove_file(const char *path)
{
    const char *name;
    int dirfd;

    if (os_open_parent(path, &dirfd, &name) < 0)
        return;
    discard_name(dirfd, name);
    close(dirfd);
}

/* JET_errDatabaseSharingViolation: and another instance has it in use. */
static JET_ERR file_is_there(const char *path, bool *ret)
{
    const char *name;
    int dirfd, fd;
    JET_ERR err = os_open_parent(path, &dirfd, &name);

    if (err < 0)
        return err;
    err = os_open_beneath(dirfd, name, &fd);
    close(dirfd);
    *ret = err != JET_errFileNotFound;
    if (err < 0)
        return JET_errSuccess;
    err = os_lock_database(fd, false);
    close(fd);
    return err;
}

static void new_header(struct live *l, struct db *d, lgpos_t lgpos, const struct signature *sign)
{
    struct dbhdr_disk *h = db_hdr(d);

    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, l->format->db_major);
    le32_put(&h->update_minor, l->format->db_minor);
    le32_put(&h->create_version, DB_VERSION);
    le32_put(&h->create_update, l->format->db_major);
    le32_put(&h->efv_attached, l->format->efv);
    le32_put(&h->page_size, d->page_size);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->dbid, d->dbid);
    le64_put(&h->dbtime, 1);
    le32_put(&h->objid_last, 0);
    le64_put(&h->sort_version, UINT64_MAX);
    h->sign_db = *sign;
    h->sign_log = l->sign_log;
    le32_put(&h->state, ESE_DB_JUST_CREATED);
    le64_put(&h->lgpos_attach, lgpos);
    h->time_attach = logtime_now();
    if (l->in.wal) {
        le32_put(&h->gen_min_required, lgpos_gen(lgpos));
        le32_put(&h->gen_min_consistent, lgpos_gen(lgpos));
        dbhdr_set_committed(db_hdr(d), wal_gen(l->in.wal), wal_created(l->in.wal));
    }
}

static JET_ERR log_create(struct live *l, struct sess *s, const struct live_create *c, uint8_t dbid,
                          const struct signature *sign, lgpos_t *ret)
{
    struct logrec rec = {.type = LR_CREATE_DB, .procid = s->procid, .dbid = dbid};

    *ret = 0;
    if (!l->in.wal)
        return JET_errSuccess;
    rec.db.pages_max = c->pages_max;
    rec.db.version = 2;
    rec.db.sign_db = *sign;
    return log_db(l, &rec, c->path, ret);
}

static JET_ERR log_extend(struct live *l, struct db *d)
{
    struct logrec rec = {.type = LR_EXTEND_DB, .dbid = d->dbid, .pgno = d->pgno_last};

    return l->in.wal ? wal_append(l->in.wal, &rec, NULL) : JET_errSuccess;
}

static JET_ERR log_finish(struct live *l, struct sess *s, struct db *d)
{
    struct logrec version = {.type = LR_SET_DB_VERSION, .dbid = d->dbid};
    struct logrec finish = {.type = LR_CREATE_DB_FINISH, .procid = s->procid, .dbid = d->dbid};
    lgpos_t at;
    JET_ERR err = JET_errSuccess;

    if (!l->in.wal)
        return JET_errSuccess;
    version.db_version.version = DB_VERSION;
    version.db_version.update_major = l->format->db_major;
    version.db_version.update_minor = l->format->db_minor;
    if (l->in.log_update_major >= LOG_UPDATE_DB_VERSION)
        err = wal_append(l->in.wal, &version, NULL);
    if (err >= 0)
        err = wal_append(l->in.wal, &finish, &at);
    return err < 0 ? err : wal_flush(l->in.wal, at);
}

/* From the file's first byte to CreateDBFinish. */
static JET_ERR fill(struct live *l, struct sess *s, struct db *d, uint32_t pages)
{
    JET_ERR err = write_header(l, d);

    if (err >= 0)
        err = os_truncate(d->fd, ((uint64_t)pages + 2) * d->page_size);
    if (err >= 0)
        err = begin_use(l, d);
    if (err >= 0)
        err = log_extend(l, d);
    if (err >= 0)
        err = ddl_create_catalogue(s, d, pages);
    if (err >= 0 && !l->in.wal)
        err = bufpool_flush(d->pool);
    if (err >= 0)
        err = log_finish(l, s, d);
    if (err < 0)
        return err;
    pthread_mutex_lock(&d->hdr_lock);
    le32_put(&db_hdr(d)->state, ESE_DB_DIRTY);
    d->creating = false;
    pthread_mutex_unlock(&d->hdr_lock);
    return write_header(l, d);
}

static uint32_t initial_pages(const struct live *l, const struct live_create *c)
{
    const uint32_t step = l->in.conf.db_extension ? l->in.conf.db_extension : 1;
    uint32_t nr = c->pages ? c->pages : PAGES_INITIAL - 2;

    if (nr < PAGES_LEAST)
        nr = PAGES_LEAST;
    return c->pages ? (nr + step - 1) / step * step : nr;
}

static JET_ERR create(struct live *l, struct sess *s, const struct live_create *c, uint8_t dbid,
                      struct db **ret)
{
    struct signature sign = {{0}};
    const struct logtime now = logtime_now();
    struct db *d = NULL;
    lgpos_t lgpos;
    int fd = -1;
    JET_ERR err = os_random(sign.b, 4);

    memcpy(sign.b + 4, now.b, sizeof(now.b));
    if (err >= 0)
        err = log_create(l, s, c, dbid, &sign, &lgpos);
    if (err >= 0)
        err = create_file(l, c, &fd);
    if (err < 0)
        return err;
    err = new_db(l, c->path, fd, l->in.conf.page_size, false, &d);
    if (err < 0)
        return err;
    d->creating = true;
    d->dbid = dbid;
    d->pgno_max = c->pages_max;
    new_header(l, d, lgpos, &sign);
    publish(l, d, dbid);
    err = guard_pages(l, d);
    if (err >= 0)
        err = fill(l, s, d, initial_pages(l, c));
    if (err <
        0) { /* the log has a CreateDB without its end: a recovery removes the file, and so do we */
        JET_ERR err2 = ver_clean(&l->in, d, true);
        livedb_free(l, d);
        remove_file(c->path);
        return err2 < 0 ? inst_fail(&l->in, err) : err;
    }
    *ret = d;
    return JET_errSuccess;
}

JET_ERR livedb_create_temp(struct live *l, struct sess *s, int fd, const char *name,
                           struct db **ret)
{
    const struct signature none = {{0}};
    struct db *d = NULL;
    JET_ERR err = new_db(l, name, fd, l->in.conf.page_size, false, &d);

    if (err < 0)
        return err;
    d->creating = true;
    d->dbid = 1;
    new_header(l, d, 0, &none);
    publish(l, d, d->dbid);
    err = fill(l, s, d, PAGES_INITIAL - 2);
    if (err >= 0)
        err = ddl_create_system_tables(s, d);
    *ret = d;
    return err; /* what there is goes with the instance */
}

JET_ERR live_create_db(struct sess *s, const struct live_create *c, struct db **ret)
{
    struct live *l = live_of(s->inst);
    bool there = false;
    uint8_t dbid = 0;
    JET_ERR err = inst_check(s->inst);

    if (err < 0)
        return err;
    if (s->level > 0)
        return RAISE(JET_errInTransaction);
    if (strlen(c->path) > PATH_MOST)
        return RAISE(JET_errInvalidPath);
    if (live_find_db(s->inst, c->path))
        return RAISE(JET_errDatabaseDuplicate);
    pthread_mutex_lock(&l->chk_lock);
    err = live_refuse_in_backup(l);
    if (err >= 0)
        err = file_is_there(c->path, &there);
    if (err >= 0 && there && !c->overwrite)
        err = RAISE(JET_errDatabaseDuplicate);
    if (err >= 0)
        err = free_dbid(l, &dbid);
    if (err >= 0)
        err = create(l, s, c, dbid, ret);
    pthread_mutex_unlock(&l->chk_lock);
    return err < 0 ? err : ddl_create_system_tables(s, *ret);
}

/* ---- attaching ----------------------------------------------------------------------------------- */

static JET_ERR read_header(struct live *l, const char *path, int fd, struct db *d)
{
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    struct reporter r = named(l, path);
    size_t len;
    JET_ERR err;

    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, DBHDR_HEAD_LEN, 0, &len);
    if (err >= 0)
        err = dbhdr_decode(head, len, &r, &info, &raw);
    if (err >= 0 && info.page_size != d->page_size)
        err = RAISE(JET_errPageSizeMismatch);
    if (err >= 0)
        memcpy(d->hdr, raw, d->page_size);
    free(head);
    return err;
}

static JET_ERR check_state(const struct db *d)
{
    const struct dbhdr_disk *h = db_hdr(d);

    if (le32_get(h->full_cur.gen_low))
        return RAISE(JET_errSoftRecoveryOnBackupDatabase);
    switch (le32_get(h->state)) {
    case ESE_DB_CLEAN:
        return JET_errSuccess;
    case ESE_DB_RESEEDING:
    case ESE_DB_DIRTY_PATCHED:
        return RAISE(JET_errDatabaseIncompleteIncrementalReseed);
    case ESE_DB_REVERTING:
        return RAISE(JET_errDatabaseIncompleteRevert);
    default:
        return RAISE(JET_errDatabaseDirtyShutdown);
    }
}

static JET_ERR log_attach(struct live *l, struct sess *s, struct db *d, uint8_t dbid,
                          uint32_t pages_max, lgpos_t *ret)
{
    struct logrec rec = {.type = LR_ATTACH_DB, .procid = s->procid, .dbid = dbid};
    const struct dbhdr_disk *h = db_hdr(d);

    *ret = 0;
    if (!l->in.wal)
        return JET_errSuccess;
    rec.db.pages_max = pages_max;
    rec.db.lgpos_consistent =
        signature_equal(&h->sign_log, &l->sign_log) ? le64_get(h->lgpos_consistent) : 0;
    rec.db.sign_db = h->sign_db;
    rec.db.sign_log = h->sign_log;
    return log_db(l, &rec, d->path, ret);
}

static JET_ERR log_detach(struct live *l, struct sess *s, struct db *d, lgpos_t *ret)
{
    struct logrec rec = {.type = LR_DETACH_DB, .procid = s->procid, .dbid = d->dbid};

    *ret = 0;
    return l->in.wal ? log_db(l, &rec, d->path, ret) : JET_errSuccess;
}

/* A map of the flush state of its pages that another engine left is not kept up here: gone, and the header says so. */
static JET_ERR remove_flush_map(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/'), *name;
    const size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
    char *map;
    int dirfd;
    JET_ERR err;

    if (asprintf(&map, "%.*s.jfm", (int)stem, path) < 0)
        return RAISE(JET_errOutOfMemory);
    err = os_open_parent(map, &dirfd, &name);
    if (err >= 0) {
        err = os_unlink_beneath(dirfd, name);
        if (err == JET_errFileNotFound)
            err = JET_errSuccess;
        close(dirfd);
    }
    free(map);
    return err;
}

static JET_ERR open_file(const char *path, bool read_only, int *ret_fd)
{
    const char *name;
    int dirfd;
    JET_ERR err = os_open_parent(path, &dirfd, &name);

    if (err < 0)
        return err;
    err =
        read_only ? os_open_beneath(dirfd, name, ret_fd) : os_open_beneath_rw(dirfd, name, ret_fd);
    close(dirfd);
    if (err >= 0 && (err = os_lock_database(*ret_fd, read_only)) < 0)
        close(*ret_fd);
    return err;
}

/* From the header's first change on. */
static JET_ERR mark_attached(struct live *l, struct db *d, lgpos_t lgpos)
{
    JET_ERR err = set_attached(l, d, lgpos);

    if (err < 0)
        return err;
    le32_put(&db_hdr(d)->dbid, d->dbid);
    err = write_header(l, d);
    return err < 0 ? err : remove_flush_map(d->path);
}

/* The log says that it is attached, and its header may do so: clean again, or else recovery has to do it. */
static void take_back(struct live *l, struct sess *s, struct db *d, JET_ERR why)
{
    lgpos_t lgpos;
    JET_ERR err = log_detach(l, s, d, &lgpos);

    if (err >= 0) {
        set_clean(d, lgpos);
        err = write_header(l, d);
    }
    if (err < 0)
        (void)inst_fail(&l->in, why);
}

static JET_ERR take_up(struct live *l, struct sess *s, struct db *d, uint8_t dbid,
                       uint32_t pages_max)
{
    lgpos_t lgpos;
    JET_ERR err = begin_use(l, d);

    if (err >= 0)
        err = guard_pages(l, d);
    if (err >= 0 && !d->read_only) {
        err = log_attach(l, s, d, dbid, pages_max, &lgpos);
        if (err < 0)
            return err;
        d->dbid = dbid;
        err = mark_attached(l, d, lgpos);
        if (err < 0)
            take_back(l, s, d, err);
    }
    if (err >= 0)
        publish(l, d, dbid);
    return err;
}

static JET_ERR attach(struct live *l, struct sess *s, const char *path, bool read_only,
                      uint32_t pages_max, struct db **ret)
{
    struct db *d = NULL;
    uint8_t dbid = 0;
    int fd = -1;
    JET_ERR err = free_dbid(l, &dbid);

    if (err >= 0)
        err = open_file(path, read_only, &fd);
    if (err < 0)
        return err;
    err = new_db(l, path, fd, l->in.conf.page_size, read_only, &d);
    if (err < 0)
        return err;
    d->pgno_max = pages_max;
    err = read_header(l, path, fd, d);
    if (err >= 0)
        err = check_state(d);
    if (err >= 0)
        err = take_up(l, s, d, dbid, pages_max);
    if (err < 0) {
        livedb_free(l, d);
        return err;
    }
    *ret = d;
    return JET_errSuccess;
}

JET_ERR live_attach_db(struct sess *s, const char *path, bool read_only, uint32_t pages_max,
                       struct db **ret)
{
    struct live *l = live_of(s->inst);
    struct db *there;
    JET_ERR err = inst_check(s->inst);

    if (err < 0)
        return err;
    if (strlen(path) > PATH_MOST)
        return RAISE(JET_errInvalidPath);
    pthread_mutex_lock(&l->chk_lock);
    there = live_find_db(s->inst, path);
    if (there) {
        *ret = there;
        err = JET_wrnDatabaseAttached;
    } else {
        err = live_refuse_in_backup(l);
        if (err >= 0)
            err = attach(l, s, path, read_only, pages_max, ret);
        if (err >= 0)
            livesweep(l, *ret);
    }
    pthread_mutex_unlock(&l->chk_lock);
    return err < 0 || inst_check(s->inst) >= 0 ? err : inst_check(s->inst);
}

/* ---- detaching ----------------------------------------------------------------------------------- */

JET_ERR livedb_close_clean(struct live *l, struct db *d, lgpos_t lgpos)
{
    JET_ERR err = JET_errSuccess;

    if (!d->read_only) {
        pthread_mutex_lock(&d->hdr_lock);
        set_clean(d, lgpos);
        pthread_mutex_unlock(&d->hdr_lock);
        err = write_header(l, d);
    }
    livedb_free(l, d);
    return err;
}

static JET_ERR detach(struct live *l, struct sess *s, struct db *d)
{
    lgpos_t lgpos = 0;
    JET_ERR err = d->read_only ? JET_errSuccess : bufpool_flush(d->pool);

    if (err >= 0 && !d->read_only)
        err = log_detach(l, s, d, &lgpos);
    if (err < 0)
        return inst_fail(&l->in, err);
    err = livedb_close_clean(l, d, lgpos);
    return err < 0 ? inst_fail(&l->in, err) : err;
}

JET_ERR live_detach_db(struct sess *s, struct db *d)
{
    struct live *l = live_of(s->inst);
    JET_ERR err = inst_check(s->inst);

    if (err >= 0)
        err = ver_clean(s->inst, d, true);
    if (err == JET_wrnRemainingVersions)
        return RAISE(JET_errDatabaseInUse);
    if (err < 0)
        return err;
    pthread_mutex_lock(&l->chk_lock);
    err = live_refuse_in_backup(l);
    if (err >= 0)
        err = detach(l, s, d);
    pthread_mutex_unlock(&l->chk_lock);
    return err;
}
