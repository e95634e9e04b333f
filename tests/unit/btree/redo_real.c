/*
 * Redo against Microsoft's engine: from an empty file, every record of every log since the database was
 * created, and then each page must be the one that the engine wrote: dbtime, flags, objid, links, external
 * header, and the same lines in the same order. Not compared: where the lines lie, cbUncommittedFree, the
 * node flag "versioned", the flags that depend on when a page was written.
 *
 * Transactions are left out: what was rolled back has its Undo records.
 */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "btree/undo.h"
#include "log/loghdr.h"
#include "log/logname.h"
#include "log/logread.h"
#include "page/dbhdr.h"
#include "page/edit.h"
#include "rec/compress.h"

#define FILES_MAX 64

struct macro {
    uint16_t procid;
    dbtime_t dbtime;
    struct logrec recs[64];
    unsigned nr;
    struct macro *next;
};

struct undoable {
    uint32_t rceid;
    struct undo_version v;
    struct undoable *next;
};

struct run {
    char dir[600], db_path[900];
    struct logread_file files[FILES_MAX];
    char names[FILES_MAX][256];
    unsigned nr_files;
    struct reporter r;
    struct ese_db_info info;

    FILE *tmp;
    struct redo_db db;
    struct macro *macros;
    struct undoable *versions[1024];
    uint64_t records, by_type[LR_MAX], images;
};

static void report(void *ctx, const struct ese_fault *f)
{
    char buf[800];

    (void)ctx;
    ese_fault_str(f, buf, sizeof(buf));
    print_message("%s\n", buf);
}

/* ---- the set ---- */

static int by_gen(const void *a, const void *b)
{
    const struct logread_file *x = a, *y = b;
    if (x->current != y->current)
        return x->current - y->current;
    return strcmp(x->name, y->name);
}

static bool find_files(struct run *t)
{
    DIR *d = opendir(t->dir);
    struct dirent *e;

    if (!d)
        return false;
    while ((e = readdir(d))) {
        char path[900];
        struct logname n;
        struct logread_file *f = &t->files[t->nr_files];

        snprintf(path, sizeof(path), "%s/%s", t->dir, e->d_name);
        if (strlen(e->d_name) > 4 && strcmp(e->d_name + strlen(e->d_name) - 4, ".edb") == 0)
            snprintf(t->db_path, sizeof(t->db_path), "%s", path);
        if (!logname_parse(e->d_name, &n) ||
            (n.role != LOGNAME_CURRENT && n.role != LOGNAME_ARCHIVED))
            continue;
        assert_true(t->nr_files < FILES_MAX);
        snprintf(t->names[t->nr_files], sizeof(t->names[0]), "%s", e->d_name);
        *f = (struct logread_file){open(path, O_RDONLY), t->names[t->nr_files],
                                   n.role == LOGNAME_CURRENT};
        assert_true(f->fd >= 0);
        t->nr_files++;
    }
    closedir(d);
    qsort(t->files, t->nr_files, sizeof(t->files[0]), by_gen);
    return t->nr_files && t->db_path[0];
}

/* ---- what undoing takes ---- */

static struct slice dup_slice(struct slice s)
{
    uint8_t *p = calloc(1, s.len + 1);

    assert_non_null(p);
    if (s.len)
        memcpy(p, s.p, s.len);
    return (struct slice){p, s.len};
}

static struct undoable *version_of(struct run *t, uint32_t rceid)
{
    for (struct undoable *u = t->versions[rceid % 1024]; u; u = u->next)
        if (u->rceid == rceid)
            return u;
    return NULL;
}

static void remember(struct run *t, uint32_t rceid, unsigned oper, struct slice image,
                     const struct logrec *rec)
{
    struct undoable *u = calloc(1, sizeof(*u));

    u->rceid = rceid;
    u->v.oper = oper;
    u->v.image = dup_slice(image);
    u->v.delta = oper == UNDO_DELTA || oper == UNDO_DELTA64 ? rec->node.delta : 0;
    u->v.offset = oper == UNDO_DELTA || oper == UNDO_DELTA64 ? rec->node.offset : 0;
    u->next = t->versions[rceid % 1024]; /* the newest first: rceids come again */
    t->versions[rceid % 1024] = u;
}

static void remember_result(struct run *t, const struct logrec *rec, const struct redo_result *res)
{
    const struct slice none = {0};

    if (!(rec->flags & LR_PAGE_VERSIONED))
        return;
    switch (rec->type) {
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        if (res->applied)
            remember(t, rec->insert.rceid_replace, UNDO_REPLACE, res->data, rec);
        /* fall through */
    case LR_INSERT:
    case LR_FLAG_INSERT:
        remember(t, rec->rceid, UNDO_INSERT, none, rec);
        break;
    case LR_REPLACE:
    case LR_REPLACE_D:
        if (res->applied)
            remember(t, rec->rceid, UNDO_REPLACE, res->data, rec);
        break;
    case LR_FLAG_DELETE:
        remember(t, rec->rceid, UNDO_FLAG_DELETE, none, rec);
        break;
    case LR_DELTA:
        remember(t, rec->rceid, UNDO_DELTA, none, rec);
        break;
    case LR_DELTA64:
        remember(t, rec->rceid, UNDO_DELTA64, none, rec);
        break;
    default:
        break;
    }
}

/* ---- replay ---- */

static struct macro **macro_of(struct run *t, const struct logrec *rec)
{
    struct macro **m = &t->macros;

    while (*m && ((*m)->procid != rec->procid || (*m)->dbtime != rec->dbtime))
        m = &(*m)->next;
    return m;
}

static void macro_free(struct macro **at)
{
    struct macro *m = *at;

    *at = m->next;
    for (unsigned i = 0; i < m->nr; i++)
        free((void *)(uintptr_t)m->recs[i].bytes.p);
    free(m);
}

static void macro_begin(struct run *t, const struct logrec *rec)
{
    struct macro *m = calloc(1, sizeof(*m));

    m->procid = rec->procid;
    m->dbtime = rec->dbtime;
    m->next = t->macros;
    t->macros = m;
}

static bool macro_takes(struct run *t, const struct logrec *rec)
{
    struct macro *m = rec->dbtime ? *macro_of(t, rec) : NULL;
    struct slice copy;

    if (!m)
        return false;
    assert_true(m->nr < 64);
    copy = dup_slice(rec->bytes);
    assert_int_equal(logrec_decode(copy.p, copy.len, &m->recs[m->nr++]), JET_errSuccess);
    return true;
}

static JET_ERR macro_commit(struct run *t, lgpos_t lgpos, const struct logrec *rec)
{
    struct macro **m = macro_of(t, rec);
    struct redo_result res;
    JET_ERR err;

    assert_non_null(*m);
    err = redo_macro(&t->db, lgpos, (*m)->recs, (*m)->nr, &res);
    if (err >= 0 && (*m)->nr)
        remember_result(t, &(*m)->recs[(*m)->nr - 1], &res);
    macro_free(m);
    return err;
}

static JET_ERR replay(struct run *t, lgpos_t lgpos, const struct logrec *rec)
{
    struct redo_result res;
    struct undoable *u;
    bool applied;
    JET_ERR err;

    t->records++;
    t->by_type[rec->type]++;
    switch (rec->type) {
    case LR_MACRO_BEGIN:
        macro_begin(t, rec);
        return JET_errSuccess;
    case LR_MACRO_COMMIT:
        return macro_commit(t, lgpos, rec);
    case LR_MACRO_ABORT:
        macro_free(macro_of(t, rec));
        return JET_errSuccess;
    case LR_UNDO_INFO:
        remember(t, rec->rceid, rec->node.oper, rec->node.image, rec);
        return JET_errSuccess;
    case LR_UNDO:
        u = version_of(t, rec->rceid);
        return undo_redo(&t->db, lgpos, rec, u ? &u->v : NULL, &applied);
    default:
        break;
    }
    if (macro_takes(t, rec))
        return JET_errSuccess;
    err = redo_apply(&t->db, lgpos, rec, &res);
    if (err >= 0)
        remember_result(t, rec, &res);
    return err;
}

static JET_ERR extend(void *ctx, pgno_t last)
{
    struct run *t = ctx;
    struct stat st;
    off_t size = ((off_t)last + 2) * t->db.page_size;

    assert_int_equal(fstat(fileno(t->tmp), &st), 0);
    if (st.st_size < size)
        assert_int_equal(ftruncate(fileno(t->tmp), size), 0);
    return JET_errSuccess;
}

static JET_ERR discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    fail_msg("no log of the data cuts a file off");
    return JET_errSuccess;
}

static uint64_t nr_unpacked;

static JET_ERR count_decompress(struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len,
                                const char **ret_what)
{
    nr_unpacked++;
    return decompress(in, out, cap, ret_len, ret_what);
}

static const struct redo_hooks hooks = {extend, discard, count_decompress};

static JET_ERR always(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    (void)ctx, (void)b, (void)lgpos;
    return JET_errSuccess;
}

/* ---- comparison ---- */

#define WHEN_WRITTEN ((uint32_t)(PAGE_NEW_CHECKSUM | PAGE_FLUSH_TYPE | PAGE_SCRUBBED))

static const char *compare_lines(struct page a, struct page b)
{
    if (page_nr_lines(a) != page_nr_lines(b))
        return "number of lines";
    for (unsigned i = 0; i < page_nr_lines(a); i++) {
        struct node x = page_node(a, i), y = page_node(b, i);

        if ((x.flags ^ y.flags) & ~(unsigned)NODE_VERSIONED)
            return "node flags";
        if (x.prefix.len != y.prefix.len || x.suffix.len != y.suffix.len ||
            memcmp(x.suffix.p, y.suffix.p, x.suffix.len) != 0)
            return "key";
        if (x.data.len != y.data.len || memcmp(x.data.p, y.data.p, x.data.len) != 0)
            return "data";
    }
    return NULL;
}

static const char *compare_pages(struct page a, struct page b)
{
    struct slice x, y;

    if (page_dbtime(a) != page_dbtime(b))
        return "dbtime";
    if ((page_flags(a) ^ page_flags(b)) & ~WHEN_WRITTEN)
        return "flags";
    if (page_objid(a) != page_objid(b))
        return "objid";
    if (page_prev(a) != page_prev(b) || page_next(a) != page_next(b))
        return "links";
    if (page_flags(a) & (PAGE_EMPTY | PAGE_PRE_INIT))
        return NULL;
    x = page_external_header(a);
    y = page_external_header(b);
    if (x.len != y.len || memcmp(x.p, y.p, x.len) != 0)
        return "external header";
    if (page_free(a) != page_free(b))
        return "free bytes";
    return compare_lines(a, b);
}

/* A page of the real database; false: blank. */
static bool real_page(struct run *t, int fd, pgno_t pgno, uint8_t *buf)
{
    const uint32_t size = t->db.page_size;
    struct page_check c;

    assert_int_equal(pread(fd, buf, size, ((off_t)pgno + 1) * size), size);
    page_verify(buf, size, pgno, &c);
    assert_true(c.verdict == PAGE_OK || c.verdict == PAGE_BLANK);
    return c.verdict == PAGE_OK;
}

struct sums {
    unsigned equal, blank, older, lines;
};

/* exact: every page must be equal; else those that are as new as on disk. */
static struct sums compare_all(struct run *t, bool exact)
{
    const uint32_t size = t->db.page_size;
    uint8_t *buf = malloc(size);
    int fd = open(t->db_path, O_RDONLY);
    struct sums n = {0};
    struct stat st;
    unsigned wrong = 0;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (pgno_t pgno = 1; ((off_t)pgno + 2) * size <= st.st_size; pgno++) {
        struct buf *b;
        const char *what;
        bool there = real_page(t, fd, pgno, buf);
        struct page real = {buf, size}, ours;

        assert_int_equal(buf_get(t->db.pool, pgno, BUF_READ, &b), JET_errSuccess);
        ours = (struct page){b->b, size};
        if (!there || b->blank) {
            if (exact && there != !b->blank) {
                print_message("page %u: blank in one only\n", (unsigned)pgno);
                wrong++;
            }
            n.blank++;
        } else if (!exact && page_dbtime(real) < page_dbtime(ours)) {
            n.older++;
        } else {
            what = page_check_structure(b->b, size);
            if (!what)
                what = compare_pages(ours, real);
            if (what) {
                print_message("page %u (objid %u): %s\n", (unsigned)pgno,
                              (unsigned)page_objid(real), what);
                wrong++;
            }
            n.equal++;
            n.lines += page_nr_lines(real);
        }
        buf_put(b);
    }
    close(fd);
    free(buf);
    assert_int_equal(wrong, 0);
    return n;
}

/* ---- the tests ---- */

static void run_begin(struct run *t, const char *set, bool ahead)
{
    struct stat st;
    int fd;

    memset(t, 0, sizeof(*t));
    t->r = (struct reporter){.fn = report};
    snprintf(t->dir, sizeof(t->dir), "%s/engine/%s/files", test_data(), set);
    assert_true(find_files(t));
    fd = open(t->db_path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(dbhdr_read(fd, &t->r, &t->info), JET_errSuccess);
    close(fd);
    t->tmp = tmpfile();
    assert_non_null(t->tmp);
    t->db = (struct redo_db){
        .page_size = t->info.page_size, .r = &t->r, .ahead = ahead, .hooks = &hooks, .ctx = t};
    assert_int_equal(bufpool_new(NULL, fileno(t->tmp), t->info.page_size, false, 64, &t->r, always,
                                 NULL, &t->db.pool),
                     JET_errSuccess);
    assert_int_equal(redo_init(&t->db), JET_errSuccess);
}

static void run_logs(struct run *t)
{
    struct logread_set *s;
    struct logrec rec;
    lgpos_t lgpos;
    JET_ERR err;

    assert_int_equal(logread_set_open(t->files, t->nr_files, &t->r, &s), JET_errSuccess);
    while ((err = logread_set_next(s, &lgpos, &rec)) == 1)
        if (rec.dbid == 0 || rec.dbid == 1)
            assert_int_equal(replay(t, lgpos, &rec), JET_errSuccess);
    assert_int_equal(err, 0);
    logread_set_close(s);
}

static void run_end(struct run *t)
{
    while (t->macros)
        macro_free(&t->macros);
    for (unsigned i = 0; i < 1024; i++)
        while (t->versions[i]) {
            struct undoable *u = t->versions[i];
            t->versions[i] = u->next;
            free((void *)(uintptr_t)u->v.image.p);
            free(u);
        }
    redo_done(&t->db);
    bufpool_free(t->db.pool);
    fclose(t->tmp);
    for (unsigned i = 0; i < t->nr_files; i++)
        close(t->files[i].fd);
    assert_int_equal(t->r.nr_faults, 0);
}

static const char *const clean_sets[] = {
    "p4096_w10/clean",           "p4096_latest/clean",  "p32768_w10/clean",
    "p32768_w10_libesedb/clean", "p4096_w10_jtx/clean", "p4096_w10_libesedb/clean",
};
static const char *const dirty_sets[] = {"p4096_w10/dirty", "p4096_latest/dirty",
                                         "p32768_w10/dirty", "p4096_w10_jtx/dirty"};

static void all_logs_make_the_engines_database(void **state)
{
    (void)state;
    NEED_DATA("redo of whole databases");
    for (size_t i = 0; i < ARRAY_LEN(clean_sets); i++) {
        struct run *t = malloc(sizeof(*t));
        struct sums n;

        run_begin(t, clean_sets[i], false);
        run_logs(t);
        assert_int_equal(redo_settle(&t->db), JET_errSuccess);
        n = compare_all(t, true);
        print_message("%s: %llu records, %u pages equal (%u lines), %u blank\n", clean_sets[i],
                      (unsigned long long)t->records, n.equal, n.lines, n.blank);
        for (unsigned k = 0; k < LR_MAX; k++)
            if (t->by_type[k])
                print_message("  %s %llu", logrec_name(k), (unsigned long long)t->by_type[k]);
        print_message("\n");
        run_end(t);
        free(t);
    }
}

static void all_logs_make_at_least_what_a_crash_left(void **state)
{
    (void)state;
    NEED_DATA("redo of dirty databases");
    for (size_t i = 0; i < ARRAY_LEN(dirty_sets); i++) {
        struct run *t = malloc(sizeof(*t));
        struct sums n;

        run_begin(t, dirty_sets[i], false);
        run_logs(t);
        n = compare_all(t, false);
        print_message("%s: %llu records, %u pages equal (%u lines), %u newer than on disk, %u "
                      "blank\n",
                      dirty_sets[i], (unsigned long long)t->records, n.equal, n.lines, n.older,
                      n.blank);
        run_end(t);
        free(t);
    }
}

/* Any set of pages may have reached the disk before a crash: here some are as they are at the end, and the
 * others blank. What was moved out of pages that are newer comes from before images. */
static void pages_that_were_written_are_left_and_the_others_made(void **state)
{
    (void)state;
    NEED_DATA("redo over pages of the end");
    for (size_t i = 0; i < 4 * ARRAY_LEN(clean_sets); i++) {
        const char *set = clean_sets[i / 4];
        struct run *t = malloc(sizeof(*t));
        uint8_t *buf;
        unsigned kept = 0;
        struct stat st;
        int fd;

        run_begin(t, set, true);
        buf = malloc(t->db.page_size);
        fd = open(t->db_path, O_RDONLY);
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        for (pgno_t p = 1; ((off_t)p + 2) * t->db.page_size <= st.st_size; p++) {
            if (!real_page(t, fd, p, buf) || (i % 4 < 3 && rnd() % 4 > i % 4))
                continue;
            assert_int_equal(
                pwrite(fileno(t->tmp), buf, t->db.page_size, ((off_t)p + 1) * t->db.page_size),
                t->db.page_size);
            kept++;
        }
        close(fd);
        free(buf);
        nr_unpacked = 0;
        run_logs(t);
        assert_int_equal(redo_settle(&t->db), JET_errSuccess);
        print_message("%s: %u pages were there, %llu images used, %u equal\n", set, kept,
                      (unsigned long long)nr_unpacked, compare_all(t, true).equal);
        run_end(t);
        free(t);
    }
}

/* ---- hostile logs ---- */

static JET_ERR extend_little(void *ctx, pgno_t last)
{
    return last < 10000 ? extend(ctx, last) : JET_errDiskFull;
}

static JET_ERR discard_nothing(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    return JET_errSuccess;
}

static const struct redo_hooks hostile_hooks = {extend_little, discard_nothing, count_decompress};

static JET_ERR is_near(void *ctx, const struct logrec_page *p)
{
    (void)ctx;
    return p->pgno < 10000 ? JET_errSuccess : JET_errDiskFull;
}

/* Changes some bytes behind the type; pages far away would only make a sparse file. */
static bool spoil(struct slice bytes, struct logrec *ret)
{
    uint8_t *p = (uint8_t *)(uintptr_t)bytes.p;

    for (uint64_t n = 1 + rnd() % 3; n > 0 && bytes.len > 1; n--)
        p[1 + rnd() % (rnd() % 2         ? bytes.len - 1
                       : bytes.len < 112 ? bytes.len - 1
                                         : 111)] = (uint8_t)(rnd() % 2 ? rnd() : rnd() % 6);
    return logrec_decode(p, bytes.len, ret) >= 0 && logrec_pages(ret, is_near, NULL) >= 0;
}

static unsigned replay_spoilt(struct run *t)
{
    struct logread_set *s;
    struct logrec rec, bad;
    unsigned refused = 0;
    lgpos_t lgpos;

    assert_int_equal(logread_set_open(t->files, t->nr_files, &t->r, &s), JET_errSuccess);
    while (logread_set_next(s, &lgpos, &rec) == 1) {
        struct slice copy = dup_slice(rec.bytes);

        if ((rec.type < LR_MACRO_BEGIN || rec.type > LR_MACRO_ABORT) && rnd() % 10 == 0 &&
            spoil(copy, &bad) && bad.type != LR_UNDO_INFO)
            refused += replay(t, lgpos, &bad) < 0;
        else if (rec.type != LR_MACRO_ABORT || *macro_of(t, &rec))
            refused += replay(t, lgpos, &rec) < 0;
        free((void *)(uintptr_t)copy.p);
    }
    logread_set_close(s);
    return refused;
}

static void spoilt_records_never_make_an_unsound_page(void **state)
{
    (void)state;
    NEED_DATA("hostile logs");
    for (size_t i = 0; i < 24; i++) {
        struct run *t = malloc(sizeof(*t));
        struct stat st;
        unsigned refused, pages = 0;

        run_begin(t, clean_sets[i % ARRAY_LEN(clean_sets)], true);
        t->r.fn = NULL;
        t->db.hooks = &hostile_hooks;
        refused = replay_spoilt(t);
        assert_int_equal(bufpool_flush(t->db.pool), JET_errSuccess);
        assert_int_equal(fstat(fileno(t->tmp), &st), 0);
        for (pgno_t p = 1; ((off_t)p + 2) * t->db.page_size <= st.st_size; p++) {
            struct buf *b;

            assert_int_equal(buf_get(t->db.pool, p, BUF_READ, &b), JET_errSuccess);
            if (!b->blank && page_check_structure(b->b, b->size))
                fail_msg("page %u: %s", (unsigned)p, page_check_structure(b->b, b->size));
            pages += !b->blank;
            buf_put(b);
        }
        if (i < ARRAY_LEN(clean_sets))
            print_message("%s: %u records refused, %u pages sound\n", clean_sets[i], refused,
                          pages);
        t->r.nr_faults = 0;
        run_end(t);
        free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_logs_make_the_engines_database),
        cmocka_unit_test(all_logs_make_at_least_what_a_crash_left),
        cmocka_unit_test(pages_that_were_written_are_left_and_the_others_made),
        cmocka_unit_test(spoilt_records_never_make_an_unsound_page),
    };

    rnd_init("redo_real");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
