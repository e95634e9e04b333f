/*
 * Numbers that a table hands out: auto-increment values and row numbers (ESE: fldmod.cxx
 * ErrRECISetAutoincrement, ErrRECILoadAutoIncBatch; write path 3.4). They come from memory; what is
 * given is never given again, whatever becomes of the transaction. Newer formats reserve values in
 * the table's root, in batches; older ones, and row numbers, go on behind the highest that is in
 * the table when they are asked for first.
 */
#include "btree/space.h"
#include "btree/spacewrite.h"
#include "rec/fcb_priv.h"

#define BATCH_MOST 1000u /* ESE: g_ulAutoIncBatchSize */
enum { UPDATE_ROOT_AUTO_INC = 30 };

/* ---- what is there --------------------------------------------------------------------------- */

JET_ERR fcb_root_auto_inc(struct tree *t, bool *ret_has, uint64_t *ret)
{
    struct space_header h;
    struct buf *b;
    const char *what;
    JET_ERR err = buf_get_latched(t->db->pool, t->root, BUF_READ, BUF_SHARED, &b);

    if (err < 0)
        return err;
    what = b->blank ? "the root of a table is empty"
                    : space_header_decode(page_external_header((struct page){b->b, b->size}), &h);
    buf_release(b, BUF_SHARED);
    if (what)
        return fault(&t->db->inst->r, JET_errDatabaseCorrupted, 0, t->root, ESE_NO_OFFSET, "%s",
                     what);
    *ret_has = h.has_auto_inc;
    *ret = h.has_auto_inc ? h.auto_inc : 0;
    return JET_errSuccess;
}

static uint64_t value_of(const struct tdb *t, struct slice data, enum tagged_layout layout)
{
    struct recview view;
    struct value v;

    if (recview_init(&view, data, layout) || recview_get(&view, t->auto_inc, 1, &v) != RECORD_VALUE)
        return 0;
    return v.data.len == 8 ? get_le64(v.data.p) : v.data.len == 4 ? get_le32(v.data.p) : 0;
}

/* The highest value of all rows; of somebody's uncommitted ones too. Taken as the column is
 * compared, without sign. */
static JET_ERR highest_value(struct sess *s, struct fcb *f, const struct tdb *t, uint64_t *ret)
{
    const enum tagged_layout layout = tagged_layout_of(f->db->page_size, PAGE_NEW_RECORD_FORMAT);
    struct rawscan r;
    struct raw_node n;
    JET_ERR err = raw_open(&r, s, f->tree);

    *ret = 0;
    if (err < 0)
        return err;
    while ((err = raw_next(&r, &n)) >= 0) {
        const uint64_t v = value_of(t, n.data, layout);
        if (v > *ret)
            *ret = v;
    }
    raw_close(&r);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* ---- auto-increment -------------------------------------------------------------------------- */

/* Values up to `last` are taken. In a transaction of s. */
JET_ERR fcb_start_auto_inc(struct sess *s, struct fcb *f, uint64_t last)
{
    const bool in_root = f->db->update_major >= UPDATE_ROOT_AUTO_INC;
    JET_ERR err = in_root ? space_set_auto_inc(s, f->tree, last) : JET_errSuccess;

    if (err < 0)
        return err;
    pthread_mutex_lock(&f->numbers);
    atomic_store_explicit(&f->auto_inc, last, memory_order_relaxed);
    atomic_store_explicit(&f->auto_inc_most, in_root ? last : UINT64_MAX, memory_order_relaxed);
    f->auto_inc_batch = 1;
    atomic_store_explicit(&f->have_auto_inc, true, memory_order_release);
    pthread_mutex_unlock(&f->numbers);
    return JET_errSuccess;
}

/* f->numbers is held. */
static JET_ERR load(struct sess *s, struct fcb *f, const struct tdb *t)
{
    const bool wants_root = f->db->update_major >= UPDATE_ROOT_AUTO_INC;
    bool in_root;
    uint64_t last;
    JET_ERR err = fcb_root_auto_inc(f->tree, &in_root, &last);

    if (err >= 0 && !in_root)
        err = highest_value(s, f, t, &last);
    if (err >= 0 && !in_root && wants_root) {
        err = space_set_auto_inc(s, f->tree, last);
        in_root = err >= 0;
    }
    if (err < 0)
        return err;
    atomic_store_explicit(&f->auto_inc, last, memory_order_relaxed);
    atomic_store_explicit(&f->auto_inc_most, in_root ? last : UINT64_MAX, memory_order_relaxed);
    f->auto_inc_batch = 1;
    atomic_store_explicit(&f->have_auto_inc, true, memory_order_release);
    return JET_errSuccess;
}

/* More values, so that `value` is among them. f->numbers is held. */
static JET_ERR reserve(struct sess *s, struct fcb *f, uint64_t value)
{
    uint64_t most = atomic_load_explicit(&f->auto_inc_most, memory_order_relaxed);
    JET_ERR err;

    if (value <= most)
        return JET_errSuccess;
    if (f->auto_inc_batch < BATCH_MOST)
        f->auto_inc_batch = f->auto_inc_batch * 2 < BATCH_MOST ? f->auto_inc_batch * 2 : BATCH_MOST;
    most = value - 1 + f->auto_inc_batch;
    err = space_set_auto_inc(s, f->tree, most);
    if (err >= 0)
        atomic_store_explicit(&f->auto_inc_most, most, memory_order_release);
    return err;
}

static uint64_t value_most(const struct column *c)
{
    switch (c->coltyp) {
    case JET_coltypLong: /* ESE: dwCounterMax: counted without sign */
        return UINT32_MAX - 1;
    case JET_coltypUnsignedLongLong:
        return UINT64_MAX - BATCH_MOST - 1;
    default:
        return INT64_MAX - BATCH_MOST - 1;
    }
}

JET_ERR fcb_next_auto_inc(struct sess *s, struct fcb *f, const struct tdb *t, uint64_t *ret)
{
    uint64_t v;
    JET_ERR err = JET_errSuccess;

    if (!t->auto_inc)
        return RAISE(JET_errColumnNotFound);
    if (!atomic_load_explicit(&f->have_auto_inc, memory_order_acquire)) {
        pthread_mutex_lock(&f->numbers);
        if (!atomic_load_explicit(&f->have_auto_inc, memory_order_relaxed))
            err = load(s, f, t);
        pthread_mutex_unlock(&f->numbers);
        if (err < 0)
            return err;
    }
    v = atomic_fetch_add_explicit(&f->auto_inc, 1, memory_order_relaxed) + 1;
    if (v > value_most(t->auto_inc)) {
        atomic_fetch_sub_explicit(&f->auto_inc, 1, memory_order_relaxed);
        return RAISE(JET_errOutOfAutoincrementValues);
    }
    if (v > atomic_load_explicit(&f->auto_inc_most, memory_order_acquire)) {
        pthread_mutex_lock(&f->numbers);
        err = reserve(s, f, v);
        pthread_mutex_unlock(&f->numbers);
    }
    *ret = v;
    return err;
}

/* ---- row numbers ----------------------------------------------------------------------------- */

static JET_ERR load_dbk(struct sess *s, struct fcb *f)
{
    struct rawscan r;
    struct raw_node n;
    uint32_t last = 0;
    JET_ERR err = raw_open(&r, s, f->tree);

    if (err < 0)
        return err;
    err = raw_last(&r, &n);
    if (err >= 0 && n.key.len == 4)
        last = get_be32(n.key.p);
    raw_close(&r);
    if (err < 0 && err != JET_errNoCurrentRecord)
        return err;
    atomic_store_explicit(&f->dbk, last, memory_order_relaxed);
    atomic_store_explicit(&f->have_dbk, true, memory_order_release);
    return JET_errSuccess;
}

JET_ERR fcb_next_dbk(struct sess *s, struct fcb *f, uint32_t *ret)
{
    JET_ERR err = JET_errSuccess;
    uint32_t v;

    if (!atomic_load_explicit(&f->have_dbk, memory_order_acquire)) {
        pthread_mutex_lock(&f->numbers);
        if (!atomic_load_explicit(&f->have_dbk, memory_order_relaxed))
            err = load_dbk(s, f);
        pthread_mutex_unlock(&f->numbers);
        if (err < 0)
            return err;
    }
    v = atomic_fetch_add_explicit(&f->dbk, 1, memory_order_relaxed) + 1;
    if (v == UINT32_MAX || v == 0) {
        atomic_fetch_sub_explicit(&f->dbk, 1, memory_order_relaxed);
        return RAISE(JET_errOutOfSequentialIndexValues);
    }
    *ret = v;
    return JET_errSuccess;
}
