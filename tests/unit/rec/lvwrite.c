/*
 * Long values of a running instance: every operation against plain bytes, several sessions against
 * what each of them must see, rollback, removal, recovery; and the file read by lv.h, which knows
 * nothing of sessions.
 */
#include "instfix.h"

#include <fcntl.h>

#include "log/logread.h"
#include "rec/lv.h"
#include "rec/lvwrite.h"

#define CHUNK    500u
#define SLOTS    12u
#define LEN_MOST 9000u

static struct instfix fix;
static struct tree *tree;
static struct lv_tree lv;

static struct slice sl(const void *p, uint32_t len)
{
    return (struct slice){p, len};
}

static int setup(void **state)
{
    (void)state;
    instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .logging = true});
    tree = instfix_tree(&fix, INSTFIX_LV);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    instfix_end(&fix);
    return 0;
}

static void open_lv(struct lv_tree *h, struct sess *s)
{
    assert_ok(lv_tree_init(h, s, tree, CHUNK));
}

static void fill(uint8_t *p, uint32_t len)
{
    const uint32_t seed = (uint32_t)rnd();

    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)((seed + i * 7) >> (i & 3));
}

static void expect_bytes(struct lv_tree *h, uint64_t lid, const uint8_t *bytes, uint32_t len)
{
    static uint8_t got[2 * LEN_MOST];
    uint32_t n, size;

    assert_ok(lv_read(h, lid, 0, got, sizeof(got), &n, &size));
    assert_int_equal(size, len);
    assert_int_equal(n, len);
    assert_memory_equal(got, bytes, len);
}

/* Nodes that are left when everything that can go is gone. */
static uint64_t nr_nodes(void)
{
    struct dir d;
    struct dir_node n;
    uint64_t nr = 0;
    JET_ERR err;

    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    assert_ok(trx_begin(fix.sess));
    assert_ok(dir_init(&d, fix.sess, tree));
    for (err = dir_first(&d); err == JET_errSuccess; err = dir_next(&d)) {
        assert_ok(dir_get(&d, &n));
        dir_release(&d);
        nr++;
    }
    assert_int_equal(err, JET_errNoCurrentRecord);
    dir_done(&d);
    assert_ok(trx_commit(fix.sess, true));
    return nr;
}

static uint64_t nodes_of(uint32_t size)
{
    return 1 + (size + CHUNK - 1) / CHUNK;
}

/* ---- one value ------------------------------------------------------------------------------- */

static void values_of_any_length_come_back(void **state)
{
    static const uint32_t sizes[] = {0,         1,         CHUNK - 1,      CHUNK,
                                     CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17, LEN_MOST};
    static uint8_t data[ARRAY_LEN(sizes)][LEN_MOST];
    uint64_t lid[ARRAY_LEN(sizes)];
    uint32_t size, refs;

    (void)state;
    rnd_init("values_of_any_length_come_back");
    open_lv(&lv, fix.sess);
    assert_ok(trx_begin(fix.sess));
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        fill(data[i], sizes[i]);
        assert_ok(lv_create(&lv, sl(data[i], sizes[i]), &lid[i]));
        assert_int_equal(lid[i], i + 1);
    }
    assert_ok(trx_commit(fix.sess, true));
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        expect_bytes(&lv, lid[i], data[i], sizes[i]);
        assert_ok(lv_stat(&lv, lid[i], &size, &refs));
        assert_int_equal(size, sizes[i]);
        assert_int_equal(refs, 1);
    }
    for (unsigned i = 0; i < 500; i++) { /* parts */
        uint8_t buf[700];
        const uint32_t at = (uint32_t)(rnd() % (LEN_MOST + 100)),
                       cap = (uint32_t)(rnd() % sizeof(buf)),
                       want = at >= LEN_MOST        ? 0
                              : LEN_MOST - at < cap ? LEN_MOST - at
                                                    : cap;
        uint32_t n;
        assert_ok(lv_read(&lv, lid[7], at, buf, cap, &n, NULL));
        assert_int_equal(n, want);
        assert_memory_equal(buf, data[7] + at, n);
    }
    assert_int_equal(lv_stat(&lv, 99, &size, NULL), JET_errLVCorrupted);
    lv_tree_done(&lv);
}

static void limits_are_errors_and_change_nothing(void **state)
{
    uint64_t lid, same;
    uint8_t b[100] = {1};

    (void)state;
    open_lv(&lv, fix.sess);
    lv.most = 50;
    assert_ok(trx_begin(fix.sess));
    assert_int_equal(lv_create(&lv, sl(b, 51), &lid), JET_errColumnTooBig);
    assert_ok(lv_create(&lv, sl(b, 50), &lid));
    same = lid;
    assert_int_equal(lv_append(&lv, &lid, sl(b, 1)), JET_errColumnTooBig);
    assert_int_equal(lv_set_size(&lv, &lid, 51), JET_errColumnTooBig);
    assert_int_equal(lv_overwrite(&lv, &lid, 51, sl(b, 1), false), JET_errColumnNoChunk);
    assert_int_equal(lv_overwrite(&lv, &lid, 50, sl(b, 1), false), JET_errColumnTooBig);
    lv.most = 0;
    assert_int_equal(lv_set_size(&lv, &lid, UINT32_MAX), JET_errColumnTooBig);
    assert_int_equal(lid, same);
    expect_bytes(&lv, lid, b, 50);
    assert_ok(trx_commit(fix.sess, true));
    lv_tree_done(&lv);
    assert_int_equal(lv_tree_init(&lv, fix.sess, tree, 0), JET_errCatalogCorrupted);
    assert_int_equal(lv_tree_init(&lv, fix.sess, tree, 5000), JET_errCatalogCorrupted);
}

static void compressed_pieces_are_read_like_others(void **state)
{
    static uint8_t data[LEN_MOST];
    uint64_t lid, plain;

    (void)state;
    rnd_init("compressed_pieces_are_read_like_others");
    memset(data, 'x', sizeof(data));
    open_lv(&lv, fix.sess);
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_create(&lv, sl(data, sizeof(data)), &plain));
    lv.compress = COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS;
    lv.xpress_min = 100;
    assert_ok(lv_create(&lv, sl(data, sizeof(data)), &lid));
    for (unsigned i = 0; i < 200; i++) {
        const uint32_t at = (uint32_t)(rnd() % LEN_MOST),
                       len = (uint32_t)(rnd() % (LEN_MOST - at)) % 1500;
        fill(data + at, rnd() & 1 ? len : 0);
        lv.compress = rnd() & 1 ? 0 : COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS;
        assert_ok(lv_overwrite(&lv, &lid, at, sl(data + at, len), false));
        assert_ok(lv_overwrite(&lv, &plain, at, sl(data + at, len), false));
    }
    expect_bytes(&lv, lid, data, sizeof(data));
    expect_bytes(&lv, plain, data, sizeof(data));
    assert_ok(trx_commit(fix.sess, true));
    lv_tree_done(&lv);
}

/* ---- against plain bytes, with transactions -------------------------------------------------- */

struct value {
    uint64_t lid; /* 0: none */
    uint32_t len;
    uint8_t b[LEN_MOST];
};

static struct value now[SLOTS], saved[4][SLOTS]; /* of this session; by level */

static void change(struct value *v)
{
    static uint8_t data[LEN_MOST];
    const uint32_t n = (uint32_t)(rnd() % 4 ? rnd() % 900 : rnd() % 3000);
    const uint32_t at = v->len ? (uint32_t)(rnd() % (v->len + 1)) : 0;
    JET_ERR err;

    fill(data, n);
    switch (rnd() % 5) {
    case 0: /* append */
        if (v->len + n > LEN_MOST)
            return;
        err = lv_append(&lv, &v->lid, sl(data, n));
        memcpy(v->b + v->len, data, n);
        v->len += n;
        break;
    case 1:
    case 2: /* overwrite, perhaps beyond the end */
        if (at + n > LEN_MOST)
            return;
        err = lv_overwrite(&lv, &v->lid, at, sl(data, n), false);
        memcpy(v->b + at, data, n);
        if (at + n > v->len)
            v->len = at + n;
        break;
    case 3: /* and end there */
        if (at + n > LEN_MOST)
            return;
        err = lv_overwrite(&lv, &v->lid, at, sl(data, n), true);
        memcpy(v->b + at, data, n);
        v->len = at + n;
        break;
    default:
        err = lv_set_size(&lv, &v->lid, n);
        if (n > v->len)
            memset(v->b + v->len, 0, n - v->len);
        v->len = n;
    }
    assert_true(err == JET_errSuccess || err == JET_wrnCopyLongValue);
}

static void one_step(void)
{
    struct value *v = &now[rnd() % SLOTS], *w = &now[rnd() % SLOTS];
    static uint8_t data[LEN_MOST];

    if (!v->lid) {
        v->len = (uint32_t)(rnd() % 2000);
        fill(data, v->len);
        memcpy(v->b, data, v->len);
        assert_ok(lv_create(&lv, sl(data, v->len), &v->lid));
        return;
    }
    if (rnd() % 5 == 0) {
        assert_ok(lv_release(&lv, v->lid));
        v->lid = 0;
        return;
    }
    if (rnd() % 5 == 0 && !w->lid) {
        *w = *v;
        assert_ok(lv_add_ref(&lv, &w->lid));
        assert_int_equal(w->lid, v->lid);
        return;
    }
    change(v);
}

static void expect_all(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (now[i].lid)
            expect_bytes(&lv, now[i].lid, now[i].b, now[i].len);
}

static uint64_t expected_nodes(void)
{
    uint64_t nr = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        bool first = now[i].lid;
        for (unsigned k = 0; k < i; k++)
            first = first && now[k].lid != now[i].lid;
        nr += first ? nodes_of(now[i].len) : 0;
    }
    return nr;
}

static void random_changes_are_as_to_plain_bytes(void **state)
{
    unsigned level = 0;

    (void)state;
    rnd_init("random_changes_are_as_to_plain_bytes");
    memset(now, 0, sizeof(now));
    open_lv(&lv, fix.sess);
    for (unsigned i = 0; i < 3000; i++) {
        const unsigned what = (unsigned)(rnd() % 12);
        if (level == 0 || (what == 0 && level < 3)) {
            assert_ok(trx_begin(fix.sess));
            memcpy(saved[level++], now, sizeof(now));
        } else if (what == 1) {
            assert_ok(trx_commit(fix.sess, true));
            level--;
        } else if (what == 2) {
            assert_ok(trx_rollback(fix.sess));
            memcpy(now, saved[--level], sizeof(now));
        } else {
            one_step();
        }
        if (i % 50 == 0 && level)
            expect_all();
        if (i % 500 == 0 && level == 0)
            assert_int_equal(nr_nodes(), expected_nodes());
    }
    while (level--)
        assert_ok(trx_commit(fix.sess, true));
    expect_all();
    lv_tree_done(&lv);
    assert_int_equal(nr_nodes(), expected_nodes());
}

/* ---- the file -------------------------------------------------------------------------------- */

static void no_fault(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    print_message("fault: %s\n", f->text);
}

/* What the file holds, by lv.h. */
static void expect_in_file(pgno_t root, objid_t objid)
{
    static struct lv_reader rd;
    struct reporter r = {.fn = no_fault, .file = "test.edb"};
    struct dbfile *f;
    const int fd = open(fix.path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_ok(dbfile_open(fd, &r, &f));
    lv_init(&rd, f, root, objid, CHUNK);
    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t size, at = 0;
        struct slice piece;
        if (!now[i].lid)
            continue;
        assert_ok(lv_open(&rd, now[i].lid, &size));
        assert_int_equal(size, now[i].len);
        do {
            assert_ok(lv_next(&rd, &piece));
            assert_memory_equal(piece.p, now[i].b + at, piece.len);
            at += piece.len;
        } while (piece.len);
        assert_int_equal(at, size);
    }
    lv_done(&rd);
    dbfile_close(f);
    close(fd);
}

static void the_file_holds_what_was_committed(void **state)
{
    const bool crash = *state != NULL;
    pgno_t root;
    objid_t objid;

    rnd_init("the_file_holds_what_was_committed");
    memset(now, 0, sizeof(now));
    open_lv(&lv, fix.sess);
    for (unsigned i = 0; i < 60; i++) {
        assert_ok(trx_begin(fix.sess));
        for (unsigned k = 0; k < 5; k++)
            one_step();
        assert_ok(trx_commit(fix.sess, i % 8 != 0 && i != 59));
    }
    memcpy(saved[0], now, sizeof(now));
    assert_ok(trx_begin(fix.sess)); /* this one is open at the end */
    for (unsigned k = 0; k < 20; k++)
        one_step();
    memcpy(now, saved[0], sizeof(now));
    root = tree->root;
    objid = tree->objid;
    if (!crash) {
        assert_ok(trx_rollback(fix.sess));
        lv_tree_done(&lv);
        instfix_stop(&fix);
        assert_int_equal(instfix_check_tree(&fix, root, objid), expected_nodes());
    } else {
        lv_tree_done(&lv);
        instfix_crash(&fix);
        instfix_recover(&fix);
        tree = instfix_find(&fix, root, objid, INSTFIX_LV);
        open_lv(&lv, fix.sess);
        expect_all();
        assert_ok(trx_begin(fix.sess)); /* numbers go on */
        for (unsigned k = 0; k < 20; k++)
            one_step();
        assert_ok(trx_commit(fix.sess, false));
        expect_all();
        lv_tree_done(&lv);
        instfix_stop(&fix);
    }
    expect_in_file(root, objid);
}

/* ---- several sessions ------------------------------------------------------------------------ */

static void a_session_sees_values_as_they_were_when_it_began(void **state)
{
    static struct lv_tree a, b;
    static uint8_t x[1200], y[1200];
    struct sess *s = instfix_session(&fix), *t = instfix_session(&fix);
    uint64_t lid, mine, his;
    uint32_t refs, size;

    (void)state;
    rnd_init("a_session_sees_values_as_they_were_when_it_began");
    fill(x, sizeof(x));
    memcpy(y, x, sizeof(y));
    open_lv(&a, s);
    open_lv(&b, t);
    assert_ok(trx_begin(s));
    assert_ok(lv_create(&a, sl(x, sizeof(x)), &lid));
    assert_ok(trx_begin(t));
    assert_int_equal(lv_stat(&b, lid, &size, NULL), JET_errLVCorrupted); /* not there for t */
    assert_ok(trx_commit(t, true));
    assert_ok(trx_commit(s, true));

    assert_ok(trx_begin(t));
    expect_bytes(&b, lid, x, sizeof(x));
    assert_ok(trx_begin(s));
    mine = lid;
    fill(y + 100, 900);
    assert_ok(lv_overwrite(&a, &mine, 100, sl(y + 100, 900), false));
    assert_ok(lv_set_size(&a, &mine, 1100));
    expect_bytes(&a, lid, y, 1100);
    expect_bytes(&b, lid, x, sizeof(x));
    his = lid;
    assert_int_equal(lv_append(&b, &his, sl(x, 1)), JET_errWriteConflict);
    assert_ok(trx_commit(s, true));
    expect_bytes(&b, lid, x, sizeof(x));
    assert_int_equal(lv_append(&b, &his, sl(x, 1)), JET_errWriteConflict);
    assert_ok(trx_rollback(t));
    assert_ok(trx_begin(t));
    expect_bytes(&b, lid, y, 1100);

    /* counts go up and down side by side; who changes a shared value gets a copy */
    assert_ok(trx_begin(s));
    assert_ok(lv_add_ref(&a, &mine));
    assert_ok(lv_add_ref(&b, &his));
    assert_int_equal(mine, lid);
    assert_int_equal(his, lid);
    assert_ok(lv_stat(&a, lid, &size, &refs));
    assert_int_equal(refs, 2);
    assert_int_equal(lv_append(&a, &mine, sl(x, 1)), JET_wrnCopyLongValue);
    assert_int_not_equal(mine, lid);
    y[1100] = x[0];
    expect_bytes(&a, mine, y, 1101);
    expect_bytes(&a, lid, y, 1100);
    assert_ok(trx_commit(s, true));
    assert_ok(trx_commit(t, true));
    assert_ok(lv_stat(&a, lid, &size, &refs));
    assert_int_equal(refs, 2);

    /* a count that another one is changing: the value is copied though only one refers to it */
    assert_ok(trx_begin(s));
    assert_ok(trx_begin(t));
    his = mine;
    assert_ok(lv_add_ref(&b, &his));
    assert_int_equal(his, mine);
    assert_int_equal(lv_set_size(&a, &mine, 10), JET_wrnCopyLongValue);
    expect_bytes(&a, mine, y, 10);
    expect_bytes(&b, his, y, 1101);
    assert_ok(trx_commit(t, true));
    assert_ok(trx_commit(s, true));
    assert_ok(lv_stat(&a, his, &size, &refs));
    assert_int_equal(refs, 1);
    lv_tree_done(&a);
    lv_tree_done(&b);
    sess_free(s);
    sess_free(t);
    assert_int_equal(nr_nodes(), nodes_of(1100) + nodes_of(1101) + nodes_of(10));
}

/* ---- the log --------------------------------------------------------------------------------- */

/* Names of the versioned records of the tree from `from` on. */
static const char *records_from(lgpos_t from)
{
    static char names[1000];
    struct reporter r = {0};
    struct logread *l;
    struct logrec rec;
    lgpos_t lgpos;
    size_t at = 0;
    JET_ERR err;
    int fd;

    names[0] = 0;
    assert_ok(wal_flush_all(fix.in.wal));
    fd = openat(fix.dirfd, "edb.log", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(logread_open(fd, true, &r, &l));
    while ((err = logread_next(l, &lgpos, &rec)) == 1)
        if (lgpos >= from && rec.pgno && rec.objid == tree->objid &&
            (rec.flags & LR_PAGE_VERSIONED) && at < sizeof(names) - 40)
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? " " : "",
                                   logrec_name(rec.type));
    assert_ok(err);
    logread_close(l);
    close(fd);
    return names;
}

#define STEP(call, result, records)                        \
    do {                                                   \
        const lgpos_t from_ = wal_tip(fix.in.wal);         \
        assert_ok(trx_begin(fix.sess));                    \
        assert_int_equal((call), (result));                \
        assert_ok(trx_commit(fix.sess, true));             \
        assert_string_equal(records_from(from_), records); \
    } while (0)

/* Write path 10.3 to 10.5, appendix A.5. */
static void the_log_has_the_records_of_microsofts_engine(void **state)
{
    static uint8_t d[9000];
    uint64_t a, b;
    lgpos_t from;

    (void)state;
    for (uint32_t i = 0; i < sizeof(d); i++)
        d[i] = (uint8_t)(i * 31 >> 3);
    assert_ok(lv_tree_init(&lv, fix.sess, tree, 4014));
    STEP(lv_create(&lv, sl(d, 9000), &a), JET_errSuccess, "Insert Insert Replace Insert Insert");
    STEP(lv_append(&lv, &a, sl(d, 100)), JET_errSuccess, "Replace Replace");
    STEP(lv_append(&lv, &a, sl(d, 5000)), JET_errSuccess, "Replace Replace Insert");
    STEP(lv_overwrite(&lv, &a, 4100, sl(d, 50), false), JET_errSuccess, "ReplaceD");
    STEP(lv_set_size(&lv, &a, 4200), JET_errSuccess, "Replace ReplaceD FlagDelete FlagDelete");
    b = a;
    STEP(lv_add_ref(&lv, &b), JET_errSuccess, "Delta");
    STEP(lv_append(&lv, &b, sl(d, 10)), JET_wrnCopyLongValue,
         "Insert Insert Insert Replace Replace Delta Replace");
    STEP(lv_release(&lv, b), JET_errSuccess, "Delta");
    from = wal_tip(fix.in.wal);
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    assert_string_equal(records_from(from), "FlagDelete FlagDelete FlagDelete");
    lv_tree_done(&lv);
}

/* ---- removal --------------------------------------------------------------------------------- */

static void a_value_without_references_goes_when_nobody_sees_it(void **state)
{
    static struct lv_tree b;
    static uint8_t x[1300];
    struct sess *t = instfix_session(&fix);
    uint64_t lid, keep;

    (void)state;
    open_lv(&lv, fix.sess);
    open_lv(&b, t);
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_create(&lv, sl(x, sizeof(x)), &lid));
    assert_ok(lv_create(&lv, sl(x, 10), &keep));
    assert_ok(trx_commit(fix.sess, true));
    assert_ok(trx_begin(t));
    expect_bytes(&b, lid, x, sizeof(x));
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_release(&lv, lid));
    assert_int_equal(lv_release(&lv, lid), JET_errWriteConflict);
    assert_ok(trx_commit(fix.sess, true));
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    expect_bytes(&b, lid, x, sizeof(x));
    assert_ok(trx_commit(t, true));
    assert_int_equal(nr_nodes(), nodes_of(10));
    lv_tree_done(&lv);
    lv_tree_done(&b);
    sess_free(t);
}

static void a_very_long_value_goes_piece_by_piece(void **state)
{
    const uint32_t size = 700 * CHUNK + 3;
    uint64_t lid;
    lgpos_t before;

    (void)state;
    open_lv(&lv, fix.sess);
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_create(&lv, sl(NULL, size), &lid));
    assert_ok(trx_commit(fix.sess, true));
    assert_int_equal(nr_nodes(), nodes_of(size));
    before = fix.sess->lgpos_commit;
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_release(&lv, lid));
    assert_ok(trx_commit(fix.sess, true));
    assert_true(fix.sess->lgpos_commit > before);
    assert_int_equal(nr_nodes(), 0);
    lv_tree_done(&lv);
}

static void a_rolled_back_release_leaves_the_value(void **state)
{
    uint64_t lid;

    (void)state;
    open_lv(&lv, fix.sess);
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_create(&lv, sl("abc", 3), &lid));
    assert_ok(trx_commit(fix.sess, true));
    assert_ok(trx_begin(fix.sess));
    assert_ok(lv_release(&lv, lid));
    assert_ok(trx_rollback(fix.sess));
    assert_int_equal(nr_nodes(), 2);
    expect_bytes(&lv, lid, (const uint8_t *)"abc", 3);
    lv_tree_done(&lv);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define THREADS 4

struct worker {
    pthread_t thread;
    struct sess *s;
    uint64_t seed;
    struct {
        uint64_t lid;
        uint32_t len;
        uint8_t first;
    } v[20];
    const char *wrong; /* NULL: all was well */
};

static uint32_t next_random(struct worker *w)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33);
}

static JET_ERR work_once(struct worker *w, struct lv_tree *h, uint8_t *buf)
{
    const unsigned i = next_random(w) % ARRAY_LEN(w->v);
    uint32_t n = 1 + next_random(w) % 2000, len, size;
    JET_ERR err = JET_errSuccess;

    if (w->v[i].lid) {
        err = lv_read(h, w->v[i].lid, 0, buf, 4000, &len, &size);
        for (uint32_t k = 0; err >= 0 && k < len; k++)
            if (len != w->v[i].len || buf[k] != (uint8_t)(w->v[i].first + k)) {
                w->wrong = "a value is not what was written";
                return JET_errSuccess;
            }
    }
    if (err >= 0 && w->v[i].lid && next_random(w) % 3 == 0) {
        err = lv_release(h, w->v[i].lid);
        w->v[i].lid = 0;
        return err;
    }
    if (err < 0)
        return err;
    w->v[i].first = (uint8_t)next_random(w);
    for (uint32_t k = 0; k < n; k++)
        buf[k] = (uint8_t)(w->v[i].first + k);
    w->v[i].len = n;
    return w->v[i].lid ? lv_overwrite(h, &w->v[i].lid, 0, (struct slice){buf, n}, true)
                       : lv_create(h, (struct slice){buf, n}, &w->v[i].lid);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct lv_tree h;
    uint8_t buf[4000];
    JET_ERR err = lv_tree_init(&h, w->s, tree, CHUNK);

    for (unsigned i = 0; err >= 0 && !w->wrong && i < 400; i++) {
        err = trx_begin(w->s);
        if (err >= 0)
            err = work_once(w, &h, buf);
        if (err >= 0)
            err = trx_commit(w->s, true);
    }
    if (err < 0)
        w->wrong = err_name(err);
    lv_tree_done(&h);
    return NULL;
}

static void threads_work_side_by_side(void **state)
{
    static struct worker w[THREADS];
    uint64_t nr = 0;

    (void)state;
    rnd_init("threads_work_side_by_side");
    memset(w, 0, sizeof(w));
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].s = instfix_session(&fix);
        w[i].seed = rnd();
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        if (w[i].wrong)
            fail_msg("%s (%s)", w[i].wrong, fix.fault);
        for (unsigned k = 0; k < ARRAY_LEN(w[i].v); k++)
            nr += w[i].v[k].lid ? nodes_of(w[i].v[k].len) : 0;
        sess_free(w[i].s);
    }
    assert_int_equal(nr_nodes(), nr);
}

int main(void)
{
#define LV_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        LV_TEST(values_of_any_length_come_back),
        LV_TEST(limits_are_errors_and_change_nothing),
        LV_TEST(compressed_pieces_are_read_like_others),
        LV_TEST(random_changes_are_as_to_plain_bytes),
        LV_TEST(the_file_holds_what_was_committed),
        {"recovery_brings_back_what_was_committed", the_file_holds_what_was_committed, setup,
         teardown, &fix},
        LV_TEST(a_session_sees_values_as_they_were_when_it_began),
        LV_TEST(the_log_has_the_records_of_microsofts_engine),
        LV_TEST(a_value_without_references_goes_when_nobody_sees_it),
        LV_TEST(a_very_long_value_goes_piece_by_piece),
        LV_TEST(a_rolled_back_release_leaves_the_value),
        LV_TEST(threads_work_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
