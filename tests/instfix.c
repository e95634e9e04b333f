/* See instfix.h. */
#include "instfix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "btree/btread.h"
#include "engine.h"
#include "log/attach.h"
#include "log/loggen.h"
#include "page/dbhdr.h"
#include "page/dbhdrwrite.h"
#include "rec/compress.h"

#define DB_NAME     "test.edb"
#define DB_LOGGED   "C:\\instfix\\test.edb"
#define DBID        1u
#define LOG_BUFFER  (1u << 20)
#define RCEID_START 0xFFFFFFADu

static void report(void *ctx, const struct ese_fault *f)
{
    struct instfix *x = ctx;

    if (f->severity != ESE_FAULT)
        return;
    if (atomic_fetch_add(&x->nr_faults, 1) == 0)
        snprintf(x->fault, sizeof(x->fault), "%s: page %u: %s", err_name(f->err), (unsigned)f->pgno,
                 f->text);
}

/* ---- what the log asks --------------------------------------------------------------------- */

static JET_ERR attach_list(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    struct instfix *x = ctx;
    size_t off = 0;
    JET_ERR err;

    pthread_mutex_lock(&x->db.hdr_lock);
    err = attach_encode(list, &off,
                        &(struct attach_new){.path = DB_LOGGED,
                                             .dbid = DBID,
                                             .dbtime = atomic_load(&x->db.dbtime),
                                             .objid_last = atomic_load(&x->db.objid_last),
                                             .lgpos_attach = le64_get(db_hdr(&x->db)->lgpos_attach),
                                             .sign_db = db_hdr(&x->db)->sign_db});
    pthread_mutex_unlock(&x->db.hdr_lock);
    return err;
}

static JET_ERR generation(void *ctx, lgen_t gen, struct logtime created)
{
    struct instfix *x = ctx;
    struct dbhdr_disk *h = db_hdr(&x->db);
    JET_ERR err;

    pthread_mutex_lock(&x->db.hdr_lock);
    le32_put(&h->gen_max_required, gen);
    le32_put(&h->gen_max_committed, gen);
    h->time_gen_max_created = created;
    err = dbhdr_write(x->db.fd, x->db.hdr, x->conf.page_size, created, &x->in.r);
    pthread_mutex_unlock(&x->db.hdr_lock);
    return err;
}

static void failed(void *ctx, JET_ERR err)
{
    (void)inst_fail(&((struct instfix *)ctx)->in, err);
}

/* ---- what redo's functions ask ------------------------------------------------------------- */

static JET_ERR no_extend(void *ctx, pgno_t last)
{
    return last <= ((struct instfix *)ctx)->db.pgno_last ? JET_errSuccess : JET_errInternalError;
}

static JET_ERR no_discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    return JET_errInternalError;
}

static const struct redo_hooks redo_hooks = {no_extend, no_discard, decompress};

/* ---- start --------------------------------------------------------------------------------- */

static void set_conf(struct instfix *x, const struct instfix_conf *conf)
{
    x->conf = *conf;
    if (!x->conf.cache_pages)
        x->conf.cache_pages = 4096;
    if (!x->conf.ver_max)
        x->conf.ver_max = 64u << 20;
    if (!x->conf.log_file_kib)
        x->conf.log_file_kib = 1024;
    if (!x->conf.update_major)
        x->conf.update_major = 20;
    if (!x->conf.pages)
        x->conf.pages = 256;
    if (!x->conf.hooks)
        x->conf.hooks = &dir_ver_hooks;
}

static void make_inst(struct instfix *x)
{
    memset(&x->in, 0, sizeof(x->in));
    x->in.conf = (struct inst_conf){.page_size = x->conf.page_size,
                                    .log_file_kib = x->conf.log_file_kib,
                                    .cache_min = 64,
                                    .cache_max = x->conf.cache_pages,
                                    .checkpoint_depth = 20u << 20,
                                    .ver_max = x->conf.ver_max,
                                    .db_extension = 16,
                                    .efv = 8920,
                                    .logging = x->conf.logging,
                                    .base = "edb"};
    x->in.log_update_major = 5;
    x->in.r = (struct reporter){.fn = report, .ctx = x};
    x->in.hooks = x->conf.hooks;
    atomic_store(&x->in.rceid_newest, RCEID_START);
    pthread_mutex_init(&x->in.lock, NULL);
    assert_ok(bufcache_new(x->conf.page_size, x->conf.cache_pages, &x->in.cache));
    assert_ok(ver_store_new(&x->in, &x->in.ver));
}

static void sign(struct signature *s, uint8_t kind)
{
    const struct logtime now = logtime_now();

    memset(s, 0, sizeof(*s));
    s->b[0] = kind;
    memcpy(s->b + 4, now.b, sizeof(now.b));
}

static void open_log(struct instfix *x, struct signature *sign_log)
{
    struct loghdr_disk h;
    const struct wal_hooks hooks = {attach_list, generation, failed, x};
    const struct wal_start start = {.dirfd = x->dirfd,
                                    .base = "edb",
                                    .ext = ".log",
                                    .digits = 5,
                                    .file_len = x->conf.log_file_kib * 1024,
                                    .buffer_len = LOG_BUFFER,
                                    .hdr = &h,
                                    .fresh = true,
                                    .no_sync = !x->conf.durable};

    memset(&h, 0, sizeof(h));
    le32_put(&h.gen, 1);
    le16_put(&h.segment_len, LOG_SEGMENT_LEN);
    le16_put(&h.header_segments, 1);
    le16_put(&h.nr_segments, (uint16_t)(x->conf.log_file_kib * 1024 / LOG_SEGMENT_LEN));
    le16_put(&h.page_size, (uint16_t)x->conf.page_size);
    h.time_created = logtime_now();
    le32_put(&h.major, LOG_MAJOR);
    le32_put(&h.minor, LOG_MINOR);
    le32_put(&h.update_major, 5);
    le32_put(&h.update_minor, 16);
    le64_put(&h.lgpos_checkpoint, lgpos_make(1, 1, 0));
    le32_put(&h.filetype, FILETYPE_LOG);
    sign(&h.sign_log, 1);
    *sign_log = h.sign_log;
    assert_ok(wal_open(&start, &hooks, &x->in.r, &x->in.wal));
}

static lgpos_t log_create(struct instfix *x, const struct signature *sign_db)
{
    struct dbms_param_disk params = {0};
    struct logrec init = {.type = LR_INIT2};
    struct logrec create = {.type = LR_CREATE_DB, .procid = x->sess->procid, .dbid = DBID};
    uint8_t *path;
    uint32_t len;
    lgpos_t lgpos;

    init.init.dbms = &params;
    init.init.time = logtime_now();
    assert_ok(wal_append(x->in.wal, &init, NULL));
    assert_ok(logged_path_encode(DB_LOGGED, &path, &len));
    create.db.path = (struct slice){path, len};
    create.db.utf16 = true;
    create.db.version = 2;
    create.db.sign_db = *sign_db;
    assert_ok(wal_append(x->in.wal, &create, &lgpos));
    free(path);
    assert_ok(wal_flush(x->in.wal, lgpos));
    return lgpos;
}

static void init_locks(struct db *d)
{
    pthread_mutexattr_t recursive;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&d->space_lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&d->hdr_lock, NULL);
    pthread_mutex_init(&d->tree_lock, NULL);
}

/* The object, over an open file whose header is in db.hdr. */
static void use_db(struct instfix *x)
{
    struct db *d = &x->db;
    struct stat st;

    assert_int_equal(fstat(d->fd, &st), 0);
    d->update_major = le32_get(db_hdr(d)->update_major);
    d->pgno_last = (pgno_t)((uint64_t)st.st_size / d->page_size) - 2;
    atomic_store(&d->dbtime, le64_get(db_hdr(d)->dbtime));
    atomic_store(&d->objid_last, le32_get(db_hdr(d)->objid_last));
    assert_ok(bufpool_new(x->in.cache, d->fd, d->page_size, false, 0, &x->in.r, dir_before_flush, d,
                          &d->pool));
    x->redo = (struct redo_db){.pool = d->pool,
                               .r = &x->in.r,
                               .page_size = d->page_size,
                               .hooks = &redo_hooks,
                               .ctx = x,
                               .dbtime_last = le64_get(db_hdr(d)->dbtime),
                               .objid_last = le32_get(db_hdr(d)->objid_last)};
    assert_ok(redo_init(&x->redo));
    d->redo = &x->redo;
    x->in.db[DBID] = d;
    x->running = true;
}

static void new_db_object(struct instfix *x, int flags)
{
    struct db *d = &x->db;

    memset(d, 0, sizeof(*d));
    d->inst = &x->in;
    d->dbid = DBID;
    d->path = x->path;
    d->page_size = x->conf.page_size;
    d->hdr = calloc(1, d->page_size);
    assert_non_null(d->hdr);
    d->fd = openat(x->dirfd, DB_NAME, O_RDWR | O_CLOEXEC | flags, 0600);
    assert_true(d->fd >= 0);
    init_locks(d);
}

static void make_header(struct instfix *x, lgpos_t lgpos, const struct signature *sign_db,
                        const struct signature *sign_log)
{
    struct dbhdr_disk *h = db_hdr(&x->db);

    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, x->conf.update_major);
    le32_put(&h->create_version, DB_VERSION);
    le32_put(&h->create_update, x->conf.update_major);
    le32_put(&h->page_size, x->conf.page_size);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->dbid, DBID);
    le64_put(&h->dbtime, 1);
    le64_put(&h->sort_version, UINT64_MAX);
    h->sign_db = *sign_db;
    le32_put(&h->state, ESE_DB_DIRTY);
    if (!x->in.wal)
        return;
    h->sign_log = *sign_log;
    le64_put(&h->lgpos_attach, lgpos);
    h->time_attach = logtime_now();
    le32_put(&h->gen_min_required, 1);
    le32_put(&h->gen_min_consistent, 1);
    le32_put(&h->gen_max_required, wal_gen(x->in.wal));
    le32_put(&h->gen_max_committed, wal_gen(x->in.wal));
    h->time_gen_max_created = wal_created(x->in.wal);
}

static void create_db(struct instfix *x)
{
    struct signature sign_db, sign_log = {{0}};
    struct logrec extend = {.type = LR_EXTEND_DB, .dbid = DBID, .pgno = x->conf.pages};
    struct logrec finish = {.type = LR_CREATE_DB_FINISH, .dbid = DBID};
    lgpos_t lgpos = 0;

    sign(&sign_db, 2);
    new_db_object(x, O_CREAT | O_EXCL);
    if (x->conf.logging) {
        open_log(x, &sign_log);
        lgpos = log_create(x, &sign_db);
    }
    make_header(x, lgpos, &sign_db, &sign_log);
    assert_ok(dbhdr_write(x->db.fd, x->db.hdr, x->conf.page_size, logtime_now(), &x->in.r));
    assert_int_equal(ftruncate(x->db.fd, ((off_t)x->conf.pages + 2) * x->conf.page_size), 0);
    use_db(x);
    if (x->in.wal)
        assert_ok(wal_append(x->in.wal, &extend, NULL));
    x->db.creating = true;
    assert_ok(trx_begin(x->sess));
    assert_ok(space_create_root(x->sess, &x->db, x->conf.pages));
    assert_ok(trx_commit(x->sess, true));
    x->db.creating = false;
    finish.procid = x->sess->procid;
    if (x->in.wal) {
        assert_ok(wal_append(x->in.wal, &finish, &lgpos));
        assert_ok(wal_flush(x->in.wal, lgpos));
    }
    assert_ok(space_root(&x->db, &x->root));
}

void instfix_begin(struct instfix *x, const struct instfix_conf *conf)
{
    memset(x, 0, sizeof(*x));
    set_conf(x, conf);
    snprintf(x->dir, sizeof(x->dir), "%s/instfixXXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(x->dir));
    snprintf(x->path, sizeof(x->path), "%s/" DB_NAME, x->dir);
    x->dirfd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(x->dirfd >= 0);
    make_inst(x);
    assert_ok(sess_new(&x->in, false, &x->sess));
    create_db(x);
}

struct sess *instfix_session(struct instfix *x)
{
    struct sess *s;

    assert_ok(sess_new(&x->in, false, &s));
    return s;
}

/* ---- trees --------------------------------------------------------------------------------- */

static struct tree *get_tree(struct instfix *x, pgno_t root, objid_t objid, enum instfix_kind kind,
                             pgno_t parent)
{
    static const uint32_t flags[] = {[INSTFIX_UNIQUE] = 0,
                                     [INSTFIX_NON_UNIQUE] = PAGE_INDEX | PAGE_NON_UNIQUE,
                                     [INSTFIX_INDEX] = PAGE_INDEX,
                                     [INSTFIX_LV] = PAGE_LONG_VALUE};
    struct tree *t;

    assert_ok(tree_get(&x->db, root, objid, kind != INSTFIX_NON_UNIQUE, flags[kind], parent, &t));
    return t;
}

static struct tree *new_tree(struct instfix *x, struct tree *parent, enum space_new what,
                             enum instfix_kind kind)
{
    pgno_t root;
    objid_t objid;

    assert_ok(trx_begin(x->sess));
    assert_ok(space_create_tree(x->sess, parent, what, 0, false, &root, &objid));
    assert_ok(trx_commit(x->sess, true));
    if (x->in.wal) /* a test's crash comes after it */
        assert_ok(wal_flush_all(x->in.wal));
    return get_tree(x, root, objid, kind, parent->root);
}

struct tree *instfix_tree(struct instfix *x, enum instfix_kind kind)
{
    static const enum space_new what[] = {[INSTFIX_UNIQUE] = SPACE_NEW_TABLE,
                                          [INSTFIX_NON_UNIQUE] = SPACE_NEW_INDEX_NON_UNIQUE,
                                          [INSTFIX_INDEX] = SPACE_NEW_INDEX,
                                          [INSTFIX_LV] = SPACE_NEW_LV};

    if (kind == INSTFIX_UNIQUE)
        return new_tree(x, x->root, what[kind], kind);
    if (!x->table)
        x->table = new_tree(x, x->root, SPACE_NEW_TABLE, INSTFIX_UNIQUE);
    return new_tree(x, x->table, what[kind], kind);
}

struct tree *instfix_find(struct instfix *x, pgno_t root, objid_t objid, enum instfix_kind kind)
{
    return get_tree(x, root, objid, kind, kind == INSTFIX_UNIQUE ? 1 : root - 1);
}

/* ---- end ----------------------------------------------------------------------------------- */

static void drop(struct instfix *x)
{
    struct db *d = &x->db;

    if (!x->running)
        return;
    x->running = false;
    x->in.db[DBID] = NULL;
    x->root = x->table = NULL;
    if (x->conf.close_schema)
        x->conf.close_schema(d);
    tree_free_all(d);
    redo_done(&x->redo);
    bufpool_free(d->pool);
    close(d->fd);
    free(d->hdr);
    pthread_mutex_destroy(&d->space_lock);
    pthread_mutex_destroy(&d->hdr_lock);
    pthread_mutex_destroy(&d->tree_lock);
    ver_store_free(x->in.ver);
    wal_close(x->in.wal);
    bufcache_free(x->in.cache);
    free(x->in.sess);
    pthread_mutex_destroy(&x->in.lock);
}

/* Without a rollback, which would write to the log. */
static void end_sessions(struct instfix *x, bool crash)
{
    if (crash) /* what a session begins to roll back now finds no log any more */
        (void)inst_fail(&x->in, JET_errTermInProgress);
    for (unsigned i = 0; i < x->in.nr_sess; i++)
        if (x->in.sess[i] && !x->in.sess[i]->system)
            sess_free(x->in.sess[i]);
    x->sess = NULL;
}

void instfix_stop(struct instfix *x)
{
    struct dbhdr_disk *h = db_hdr(&x->db);

    end_sessions(x, false);
    assert_true(ver_clean(&x->in, NULL, true) >= 0);
    assert_ok(bufpool_flush(x->db.pool));
    if (x->in.wal)
        assert_ok(wal_flush_all(x->in.wal));
    le64_put(&h->dbtime, atomic_load(&x->db.dbtime));
    le32_put(&h->objid_last, atomic_load(&x->db.objid_last));
    assert_ok(dbhdr_write(x->db.fd, x->db.hdr, x->conf.page_size, logtime_now(), &x->in.r));
    drop(x);
}

void instfix_crash(struct instfix *x)
{
    end_sessions(x, true);
    drop(x);
}

void instfix_recover(struct instfix *x)
{
    const struct ese_recover_opts opts = {.base = "edb"};
    struct ese_recovery result;
    struct ese_db_info info;
    const struct dbhdr_disk *raw;
    uint8_t *head = calloc(1, DBHDR_HEAD_LEN);

    assert_non_null(head);
    atomic_store(&x->nr_faults, 0);
    if (ese_recover(x->dirfd, &opts, report, x, NULL, NULL, &result) < 0)
        fail_msg("recovery: %s", x->fault);
    ese_recovery_done(&result);
    x->conf.logging = false;
    make_inst(x);
    assert_ok(sess_new(&x->in, false, &x->sess));
    new_db_object(x, 0);
    assert_true(pread(x->db.fd, head, DBHDR_HEAD_LEN, 0) > 0);
    assert_ok(dbhdr_decode(head, DBHDR_HEAD_LEN, &x->in.r, &info, &raw));
    assert_int_equal(info.state, ESE_DB_CLEAN);
    memcpy(x->db.hdr, raw, x->conf.page_size);
    free(head);
    use_db(x);
    assert_ok(space_root(&x->db, &x->root));
}

static void remove_dir(struct instfix *x)
{
    DIR *dir = fdopendir(dup(x->dirfd));
    struct dirent *e;

    assert_non_null(dir);
    rewinddir(dir);
    while ((e = readdir(dir)))
        if (e->d_name[0] != '.')
            unlinkat(x->dirfd, e->d_name, 0);
    closedir(dir);
    close(x->dirfd);
    assert_int_equal(rmdir(x->dir), 0);
}

void instfix_end(struct instfix *x)
{
    if (x->running)
        instfix_crash(x);
    remove_dir(x);
}

uint64_t instfix_check_tree(struct instfix *x, pgno_t root, objid_t objid)
{
    struct reporter r = {.fn = report, .ctx = x};
    struct bt_cursor *c = calloc(1, sizeof(*c));
    struct bt_node n;
    struct dbfile *f;
    uint64_t nr = 0;
    JET_ERR err;
    int fd = openat(x->dirfd, DB_NAME, O_RDONLY | O_CLOEXEC);

    assert_non_null(c);
    assert_true(fd >= 0);
    atomic_store(&x->nr_faults, 0);
    assert_ok(dbfile_open(fd, &r, &f));
    bt_open(c, f, root, objid, 0);
    while ((err = bt_next(c, &n)) >= 0)
        nr++;
    if (err != JET_errNoCurrentRecord)
        fail_msg("tree at page %u: %s", (unsigned)root, x->fault);
    bt_close(c);
    dbfile_close(f);
    close(fd);
    free(c);
    return nr;
}
