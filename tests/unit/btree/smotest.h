/* A tree and what must be in it: rows go in by smo_do, and the file is walked at the end. */
#ifndef SMOTEST_H
#define SMOTEST_H

#include "instfix.h"

#include <fcntl.h>

#include "btree/btread.h"
#include "btree/smo_int.h"

struct row {
    uint32_t key_len, data_len;
    uint8_t key[64];
    uint32_t id; /* data: 4 bytes of it, then data_len - 4 of its last one */
    bool alive;
};

struct model {
    struct tree *t;
    enum instfix_kind kind;
    pgno_t root;
    objid_t objid;
    struct row *row;
    unsigned nr, cap;
    unsigned in_trx;
};

static struct instfix fix;

__attribute__((unused)) static void model_begin(struct model *m, enum instfix_kind kind)
{
    *m = (struct model){.kind = kind, .t = instfix_tree(&fix, kind)};
    m->root = m->t->root;
    m->objid = m->t->objid;
}

__attribute__((unused)) static void model_done(struct model *m)
{
    free(m->row);
}

static struct slice row_data(const struct row *r)
{
    static uint8_t data[PAGE_SIZE_MAX];

    for (unsigned i = 0; i < 4; i++)
        data[i] = (uint8_t)(r->id >> (24 - 8 * i));
    memset(data + 4, data[3], r->data_len > 4 ? r->data_len - 4 : 0);
    return (struct slice){data, r->data_len};
}

static struct slice row_key(const struct row *r)
{
    return (struct slice){r->key, r->key_len};
}

__attribute__((unused)) static struct bookmark row_bookmark(const struct model *m,
                                                            const struct row *r)
{
    struct slice data = row_data(r);

    data.len = m->t->unique ? 0 : data.len;
    return (struct bookmark){row_key(r), data};
}

/* A transaction of some hundred operations. */
__attribute__((unused)) static void model_tick(struct model *m)
{
    if (m->in_trx == 300) {
        assert_ok(trx_commit(fix.sess, true));
        m->in_trx = 0;
    }
    if (m->in_trx++ == 0)
        assert_ok(trx_begin(fix.sess));
}

__attribute__((unused)) static void model_commit(struct model *m)
{
    if (m->in_trx)
        assert_ok(trx_commit(fix.sess, true));
    m->in_trx = 0;
}

static JET_ERR row_do(struct model *m, const struct row *r, enum smo_kind kind)
{
    const struct smo_op op = {.kind = kind, .key = row_key(r), .data = row_data(r)};
    pgno_t pgno = 0;
    unsigned line = 0;
    struct buf *b;
    struct node n;
    JET_ERR err = smo_do(fix.sess, m->t, &op, NULL, NULL, &pgno, &line);

    if (err < 0)
        return err;
    /* what it says about the place is so */
    assert_ok(buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_SHARED, &b));
    assert_true(line < page_nr_lines(smo_page(b)));
    n = page_node(smo_page(b), line);
    assert_int_equal(n.data.len, op.data.len);
    assert_memory_equal(n.data.p, op.data.p, n.data.len);
    assert_int_equal(n.prefix.len + n.suffix.len, op.key.len);
    buf_release(b, BUF_SHARED);
    return err;
}

__attribute__((unused)) static struct row *model_insert(struct model *m, const void *key,
                                                        uint32_t key_len, uint32_t data_len)
{
    struct row *r;

    if (m->nr == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 256;
        m->row = realloc(m->row, m->cap * sizeof(*m->row));
        assert_non_null(m->row);
    }
    r = &m->row[m->nr];
    *r = (struct row){.key_len = key_len, .data_len = data_len, .id = m->nr, .alive = true};
    memcpy(r->key, key, key_len);
    m->nr++;
    model_tick(m);
    assert_ok(row_do(m, r, SMO_INSERT));
    return r;
}

__attribute__((unused)) static void model_insert_int(struct model *m, uint32_t key,
                                                     uint32_t data_len)
{
    const uint8_t k[] = {0x7f, (uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8),
                         (uint8_t)key};

    model_insert(m, k, sizeof(k), data_len);
}

__attribute__((unused)) static void model_replace(struct model *m, struct row *r, uint32_t data_len)
{
    r->data_len = data_len;
    model_tick(m);
    assert_ok(row_do(m, r, SMO_REPLACE));
}

/* Flagged as deleted, no version: it may be cleaned at once. */
__attribute__((unused)) static void model_delete(struct model *m, struct row *r)
{
    const struct bookmark bm = row_bookmark(m, r);
    struct dir d;

    r->alive = false;
    model_tick(m);
    assert_ok(dir_init(&d, fix.sess, m->t));
    assert_ok(dir_seek(&d, &bm, DIR_EQ));
    assert_ok(dir_flag_delete(&d, DIR_UNVERSIONED));
    dir_done(&d);
}

__attribute__((unused)) static void model_clean(struct model *m, const struct row *r)
{
    const struct bookmark bm = row_bookmark(m, r);

    model_tick(m);
    assert_ok(smo_clean_leaf(fix.sess, m->t, &bm));
}

/* ---- looking at it ---------------------------------------------------------------------------- */

static int by_bookmark(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const uint32_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    int c = memcmp(x->key, y->key, len);

    if (!c)
        c = (x->key_len > y->key_len) - (x->key_len < y->key_len);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

/* Every page of the file is sound or blank. */
static void check_pages(struct dbfile *f)
{
    for (pgno_t pgno = 1; pgno <= dbfile_last_page(f); pgno++) {
        struct page p;
        JET_ERR err = dbfile_page(f, pgno, &p);

        if (err != JET_errPageNotInitialized)
            assert_ok(err);
        dbfile_unpin(f, &p);
    }
}

static void check_rows(struct model *m, struct dbfile *f)
{
    struct bt_cursor *c = calloc(1, sizeof(*c));
    struct bt_node n;
    unsigned i = 0;
    JET_ERR err;

    assert_non_null(c);
    qsort(m->row, m->nr, sizeof(m->row[0]), by_bookmark);
    bt_open(c, f, m->root, m->objid, 0);
    while ((err = bt_next(c, &n)) >= 0) {
        struct slice data;

        while (i < m->nr && !m->row[i].alive)
            i++;
        assert_true(i < m->nr);
        data = row_data(&m->row[i]);
        assert_int_equal(n.key.len, m->row[i].key_len);
        assert_memory_equal(n.key.p, m->row[i].key, n.key.len);
        assert_int_equal(n.data.len, data.len);
        assert_memory_equal(n.data.p, data.p, data.len);
        i++;
    }
    assert_int_equal(err, JET_errNoCurrentRecord);
    while (i < m->nr && !m->row[i].alive)
        i++;
    assert_int_equal(i, m->nr);
    bt_close(c);
    free(c);
}

/* The file, when the instance is not running. */
__attribute__((unused)) static void model_check(struct model *m)
{
    struct reporter r = {0};
    struct dbfile *f;
    int fd = openat(fix.dirfd, "test.edb", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(atomic_load(&fix.nr_faults), 0);
    assert_ok(dbfile_open(fd, &r, &f));
    check_pages(f);
    r.nr_faults = 0; /* of blank pages */
    check_rows(m, f);
    assert_int_equal(r.nr_faults, 0);
    dbfile_close(f);
    close(fd);
}

/* Levels, and pages of the lowest one; of a running instance. */
__attribute__((unused)) static unsigned model_depth(struct model *m)
{
    static const uint8_t first;
    const struct bookmark bm = {{&first, 1}, {&first, 0}};
    struct smo_path p;
    unsigned depth;

    smo_enter(m->t);
    assert_ok(smo_descend(&p, fix.sess, m->t, &bm));
    depth = p.depth;
    smo_path_done(&p);
    smo_leave(m->t);
    return depth;
}

/* Pages that the root points to. */
__attribute__((unused)) static unsigned model_fan_out(struct model *m)
{
    struct buf *b;
    unsigned nr;

    assert_ok(buf_get(fix.db.pool, m->root, BUF_READ, &b));
    nr = page_nr_lines(smo_page(b));
    buf_put(b);
    return nr;
}

__attribute__((unused)) static unsigned model_leaves(struct model *m, uint64_t *ret_free)
{
    static const uint8_t first;
    const struct bookmark bm = {{&first, 1}, {&first, 0}};
    struct smo_path p;
    unsigned nr = 0;
    pgno_t pgno;

    *ret_free = 0;
    smo_enter(m->t);
    assert_ok(smo_descend(&p, fix.sess, m->t, &bm));
    pgno = smo_leaf(&p)->buf->pgno;
    smo_path_done(&p);
    smo_leave(m->t);
    for (; pgno; nr++) {
        struct buf *b;

        assert_ok(buf_get_latched(fix.db.pool, pgno, BUF_READ, BUF_SHARED, &b));
        *ret_free += page_free(smo_page(b));
        pgno = page_next(smo_page(b));
        buf_release(b, BUF_SHARED);
    }
    return nr;
}

#endif
