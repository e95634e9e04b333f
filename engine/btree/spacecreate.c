/*
 * Trees made, and single extents that get extent trees (ESE: space.cxx ErrSPCreate,
 * ErrSPIConvertToMultipleExtent; write path 9.1, 9.2). The pages are built from the record by the
 * functions that recovery builds them with (redo_space.c).
 */
#include "btree/redo_int.h"
#include "btree/spacewrite_priv.h"

#define PAGES_MULTIPLE 3u /* root, OE, AE */
#define PAGES_CONVERT  2u /* OE, AE */

/* Flags of a root that a new extent tree shares with it. */
#define TYPE_FLAGS \
    ((uint32_t)(PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE | PAGE_NEW_RECORD_FORMAT))

struct pins { /* pages that a record makes: in memory before it is logged, so that it can be carried
                 out */
    struct buf *b[PAGES_MULTIPLE];
    unsigned nr;
};

static void unpin(struct pins *p)
{
    while (p->nr)
        buf_put(p->b[--p->nr]);
}

static JET_ERR pin_new(struct db *d, pgno_t first, unsigned nr, struct pins *ret)
{
    JET_ERR err = JET_errSuccess;

    ret->nr = 0;
    while (ret->nr < nr && err >= 0) {
        err = buf_get(d->pool, first + ret->nr, BUF_NEW, &ret->b[ret->nr]);
        if (err >= 0)
            ret->nr++;
    }
    if (err < 0)
        unpin(ret);
    return err;
}

/* The transaction holds the checkpoint back until they are told to be dirty since its begin. */
static void pinned_dirty(struct sess *s, const struct pins *p, lgpos_t lgpos)
{
    for (unsigned i = 0; i < p->nr; i++) {
        buf_latch(p->b[i], BUF_EXCLUSIVE);
        trx_dirty(s, p->b[i], lgpos);
        buf_unlatch(p->b[i], BUF_EXCLUSIVE);
    }
}

/* NewPage for each page, where the format has it (write path 14). */
static JET_ERR log_new_pages(struct sess *s, const struct tree *t, pgno_t first, unsigned nr)
{
    struct db *d = t->db;
    JET_ERR err = JET_errSuccess;

    if (!db_has_new_page(d) || d->creating)
        return JET_errSuccess;
    for (unsigned i = 0; i < nr && err >= 0; i++) {
        struct logrec rec = {
            .type = LR_NEW_PAGE, .pgno = first + i, .objid = t->objid, .dbtime = db_dbtime_next(d)};
        lgpos_t lgpos;

        err = trx_log(s, t, &rec, &lgpos);
        if (err >= 0)
            err = redo_new_page(d->redo, lgpos, &rec);
    }
    return err;
}

/* What is in the log must be in the pages. */
static JET_ERR carried_out(struct db *d, JET_ERR err)
{
    return err < 0 ? inst_fail(d->inst, err) : err;
}

/* ---- new trees ------------------------------------------------------------------------------- */

static JET_ERR create(struct sess *s, const struct tree *t, uint32_t nr, bool multiple)
{
    struct db *d = t->db;
    struct logrec rec = {.type =
                             multiple ? LR_CREATE_MULTIPLE_EXTENT_FDP : LR_CREATE_SINGLE_EXTENT_FDP,
                         .pgno = t->root,
                         .dbtime_before = DBTIME_INVALID,
                         .objid = t->objid,
                         .flags = t->unique ? LR_PAGE_UNIQUE : 0};
    const unsigned nr_pages = multiple ? PAGES_MULTIPLE : 1;
    struct pins pins;
    lgpos_t lgpos;
    JET_ERR err = pin_new(d, t->root, nr_pages, &pins);

    if (err >= 0)
        err = log_new_pages(s, t, t->root, nr_pages);
    if (err < 0) {
        unpin(&pins);
        return err;
    }
    rec.dbtime = db_dbtime_next(d);
    rec.fdp.pgno_oe = multiple ? t->root + 1 : PGNO_NULL;
    rec.fdp.pgno_ae = multiple ? t->root + 2 : PGNO_NULL;
    rec.fdp.pgno_parent_fdp = t->pgno_parent;
    rec.fdp.nr_pages = nr;
    rec.fdp.page_flags = t->page_flags;
    err = trx_log(s, t, &rec, &lgpos);
    if (err >= 0) {
        err = carried_out(d, redo_create_fdp(d->redo, lgpos, &rec));
        if (err >= 0)
            pinned_dirty(s, &pins, lgpos);
    }
    unpin(&pins);
    return err;
}

static const struct kind {
    uint32_t page_flags;
    bool unique;
} kinds[] = {
    [SPACE_NEW_TABLE] = {0, true},
    [SPACE_NEW_INDEX] = {PAGE_INDEX, true},
    [SPACE_NEW_INDEX_NON_UNIQUE] = {PAGE_INDEX | PAGE_NON_UNIQUE, false},
    [SPACE_NEW_LV] = {PAGE_LONG_VALUE, true},
};

JET_ERR space_create_tree(struct sess *s, struct tree *parent, enum space_new kind, uint32_t nr,
                          bool multiple, pgno_t *ret_pgno, objid_t *ret_objid)
{
    const uint32_t min = multiple ? PAGES_MULTIPLE : 1;
    const uint32_t wanted = nr > min ? nr : min;
    struct tree t = {.db = parent->db,
                     .pgno_parent = parent->root,
                     .unique = kinds[kind].unique,
                     .page_flags = kinds[kind].page_flags};
    struct sp x;
    JET_ERR err;

    nr = wanted;
    pthread_mutex_lock(&parent->db->space_lock);
    err = sp_open(&x, s, parent);
    if (err >= 0) {
        err = sp_get_extent(&x, &nr, wanted, true, &t.root);
        sp_close(&x);
    }
    if (err >= 0) {
        t.objid = atomic_fetch_add_explicit(&parent->db->objid_last, 1, memory_order_relaxed) + 1;
        err = create(s, &t, nr, multiple);
    }
    pthread_mutex_unlock(&parent->db->space_lock);
    if (err < 0)
        return err;
    *ret_pgno = t.root;
    *ret_objid = t.objid;
    return JET_errSuccess;
}

JET_ERR space_create_root(struct sess *s, struct db *d, uint32_t nr)
{
    const struct tree t = {.db = d, .root = DB_ROOT_PGNO, .objid = DB_ROOT_OBJID, .unique = true};
    JET_ERR err;

    pthread_mutex_lock(&d->space_lock);
    if (nr > d->pgno_last || nr < PAGES_MULTIPLE)
        err = RAISE(JET_errInvalidParameter);
    else
        err = create(s, &t, nr, true);
    if (err >= 0 && atomic_load_explicit(&d->objid_last, memory_order_relaxed) < DB_ROOT_OBJID)
        atomic_store_explicit(&d->objid_last, DB_ROOT_OBJID, memory_order_relaxed);
    pthread_mutex_unlock(&d->space_lock);
    return err;
}

/* ---- single extents that grow ---------------------------------------------------------------- */

/* The record, and what it does to the root, which is latched exclusively, and to two new pages. */
static JET_ERR convert(struct sp *x, struct buf *root, pgno_t second, uint32_t nr)
{
    const struct page p = {root->b, root->size};
    const uint32_t uncommitted = page_uncommitted(p);
    struct logrec rec = {.type = LR_CONVERT_FDP2,
                         .pgno = x->t->root,
                         .dbtime_before = page_dbtime(p),
                         .dbtime = db_dbtime_next(x->d),
                         .objid = x->t->objid,
                         .flags = x->h.non_unique ? 0 : LR_PAGE_UNIQUE};
    lgpos_t lgpos;
    JET_ERR err;

    rec.fdp.pgno_oe = rec.fdp.pgno_secondary = second;
    rec.fdp.pgno_ae = second + 1;
    rec.fdp.pgno_parent_fdp = x->h.pgno_parent;
    rec.fdp.nr_pages = x->h.cpg_first;
    rec.fdp.nr_secondary = nr;
    rec.fdp.avail_bits = x->h.bitmap;
    rec.fdp.page_flags = page_flags(p) & TYPE_FLAGS;
    err = trx_log(x->s, x->t, &rec, &lgpos);
    if (err < 0)
        return err;
    err = carried_out(x->d, redo_convert_fdp(x->d->redo, lgpos, &rec));
    if (err < 0)
        return err;
    page_set_uncommitted((struct edit){root->b, root->size}, uncommitted);
    trx_dirty(x->s, root, lgpos);
    return JET_errSuccess;
}

JET_ERR sp_convert(struct sp *x, uint32_t nr, uint32_t min)
{
    const uint32_t hinted = sp_next_size(x);
    struct sp parent;
    struct pins pins;
    struct buf *root = NULL;
    pgno_t second;
    JET_ERR err = sp_open_parent(&parent, x);

    if (err < 0)
        return err;
    min += PAGES_CONVERT;
    nr = nr > min ? nr : min;
    nr = nr > hinted ? nr : hinted;
    err = sp_get_extent(&parent, &nr, min, false, &second);
    sp_close(&parent);
    if (err < 0)
        return err;
    err = pin_new(x->d, second, PAGES_CONVERT, &pins);
    if (err < 0)
        return err;
    err = log_new_pages(x->s, x->t, second, PAGES_CONVERT);
    if (err >= 0)
        err = buf_get_latched(x->d->pool, x->t->root, BUF_READ, BUF_EXCLUSIVE, &root);
    if (err >= 0)
        err = convert(x, root, second, nr);
    buf_release(root, BUF_EXCLUSIVE);
    unpin(&pins);
    if (err < 0)
        return err;
    memset(x->t->avail_hint, 0, sizeof(x->t->avail_hint));
    x->h.multiple = true;
    x->h.bitmap = 0;
    x->h.pgno_oe = second;
    sp_set_extent_trees(x);
    return JET_errSuccess;
}
