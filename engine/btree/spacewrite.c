/*
 * Space as it is asked for from outside, and the state that its parts share; see spacewrite_priv.h.
 */
#include "btree/spacewrite_priv.h"

/* ---- struct sp ------------------------------------------------------------------------------- */

void sp_set_extent_trees(struct sp *x)
{
    for (unsigned i = 0; i < 2; i++)
        x->ext[i] = (struct tree){
            .db = x->d,
            .root = x->h.pgno_oe + i,
            .pgno_parent = x->t->root,
            .objid = x->t->objid,
            .unique = true,
            .space = true,
            .density = 100,
            .page_flags = (x->t->page_flags & (PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE)) |
                          PAGE_SPACE_TREE,
        };
}

static cold JET_ERR no_root(const struct db *d, pgno_t pgno, const char *what)
{
    return fault(&d->inst->r, RAISE(JET_errDatabaseCorrupted), 0, pgno,
                 ((uint64_t)pgno + 1) * d->page_size, "%s", what);
}

/* objid 0: whatever it is. */
static JET_ERR read_root(struct db *d, pgno_t pgno, objid_t objid, struct space_header *ret,
                         objid_t *ret_objid, uint32_t *ret_flags)
{
    const char *what;
    struct page p;
    struct buf *b;
    JET_ERR err;

    if (pgno == PGNO_NULL || pgno > d->pgno_last)
        return no_root(d, pgno, "a tree's root cannot be there");
    err = buf_get_latched(d->pool, pgno, BUF_READ, BUF_SHARED, &b);
    if (err < 0)
        return err;
    p = (struct page){b->b, b->size};
    *ret_objid = page_objid(p);
    *ret_flags = page_flags(p);
    if (b->blank || !(*ret_flags & PAGE_ROOT) || (*ret_flags & PAGE_SPACE_TREE))
        what = "the page is no root of a tree";
    else if (objid && objid != *ret_objid)
        what = "the page is the root of another tree";
    else
        what = space_header_decode(page_external_header(p), ret);
    buf_release(b, BUF_SHARED);
    return what ? no_root(d, pgno, what) : JET_errSuccess;
}

JET_ERR sp_open(struct sp *x, struct sess *s, struct tree *t)
{
    uint32_t flags;
    objid_t objid;
    JET_ERR err = read_root(t->db, t->root, t->objid, &x->h, &objid, &flags);

    x->s = s;
    x->d = t->db;
    x->t = t;
    x->own_ref = false;
    if (err >= 0 && x->h.multiple)
        sp_set_extent_trees(x);
    return err;
}

JET_ERR sp_open_parent(struct sp *x, const struct sp *child)
{
    struct db *d = child->d;
    const pgno_t root = child->h.pgno_parent;
    struct space_header h;
    struct tree *t;
    uint32_t flags = 0;
    objid_t objid = 0;
    JET_ERR err;

    if (root == child->t->root)
        return no_root(d, root, "a tree has its space from itself");
    err = read_root(d, root, root == DB_ROOT_PGNO ? DB_ROOT_OBJID : 0, &h, &objid, &flags);
    if (err < 0)
        return err;
    /* Two levels at most are above a tree: no loop. */
    if (root != DB_ROOT_PGNO && h.pgno_parent != DB_ROOT_PGNO)
        return no_root(d, root, "a tree has its space from one that cannot have any to give");
    err = tree_get(d, root, objid, !(flags & PAGE_NON_UNIQUE),
                   flags & (PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE), h.pgno_parent, &t);
    if (err < 0)
        return err;
    err = sp_open(x, child->s, t);
    if (err < 0)
        tree_put(t);
    else
        x->own_ref = true;
    return err;
}

void sp_close(struct sp *x)
{
    if (x->own_ref)
        tree_put(x->t);
}

/* ---- the database ---------------------------------------------------------------------------- */

JET_ERR space_root(struct db *d, struct tree **ret)
{
    return tree_get(d, DB_ROOT_PGNO, DB_ROOT_OBJID, true, 0, PGNO_NULL, ret);
}

static JET_ERR grow(struct sess *s, struct tree *root, uint32_t nr, uint32_t *ret)
{
    struct sp_node n;
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&root->db->space_lock);
    err = sp_open(&x, s, root);
    if (err >= 0) {
        err = sp_grow_root(&x, nr, nr, true, &n);
        sp_close(&x);
    }
    if (err >= 0)
        *ret = n.e.last;
    pthread_mutex_unlock(&root->db->space_lock);
    return err;
}

JET_ERR space_grow(struct sess *s, struct db *d, uint32_t nr, uint32_t *ret)
{
    const uint32_t step = d->inst->conf.db_extension ? d->inst->conf.db_extension : 1;
    const bool own_trx = !s->level;
    struct tree *root;
    JET_ERR err = space_root(d, &root), ended;

    if (err < 0)
        return err;
    if (nr > SP_PGNO_MAX - step) {
        err = RAISE(JET_errOutOfDatabaseSpace);
    } else {
        nr = ((nr ? nr : 1) + step - 1) / step * step;
        err = own_trx ? trx_begin(s) : JET_errSuccess;
        if (err >= 0) {
            err = grow(s, root, nr, ret);
            if (own_trx) {
                ended = err < 0 ? trx_rollback(s) : trx_commit(s, true);
                err = err < 0 ? err : ended;
            }
        }
    }
    tree_put(root);
    return err;
}

/* ---- counts ---------------------------------------------------------------------------------- */

static bool add_up(void *ctx, const struct extent *e)
{
    *(uint32_t *)ctx += e->cpg;
    return false;
}

static JET_ERR count(struct sp *x, enum space_kind kind, unsigned pool, uint32_t *sum)
{
    struct sp_node n;
    JET_ERR err = sp_find(x, kind, pool, 0, add_up, sum, &n);

    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static void count_single(const struct sp *x, uint32_t *ret_owned, uint32_t *ret_available)
{
    const uint32_t behind = x->h.cpg_first - 1;

    *ret_owned = x->h.cpg_first;
    *ret_available = behind > SP_MAP_PAGES ? behind - SP_MAP_PAGES : 0;
    for (unsigned i = 0; i < SP_MAP_PAGES && i < behind; i++)
        *ret_available += x->h.bitmap >> i & 1;
}

JET_ERR space_count(struct sess *s, struct tree *t, uint32_t *ret_owned, uint32_t *ret_available)
{
    struct sp x;
    JET_ERR err;

    *ret_owned = *ret_available = 0;
    pthread_mutex_lock(&t->db->space_lock);
    err = sp_open(&x, s, t);
    if (err >= 0) {
        if (!x.h.multiple) {
            count_single(&x, ret_owned, ret_available);
        } else {
            err = count(&x, SPACE_OWNED, SPACE_POOL_GENERAL, ret_owned);
            if (err >= 0)
                err = count(&x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, ret_available);
            if (err >= 0)
                err = count(&x, SPACE_AVAILABLE, SPACE_POOL_CONTIGUOUS, ret_available);
        }
        sp_close(&x);
    }
    pthread_mutex_unlock(&t->db->space_lock);
    return err;
}

/* ---- auto-increment -------------------------------------------------------------------------- */

JET_ERR space_set_auto_inc(struct sess *s, struct tree *t, uint64_t high)
{
    struct space_header before;
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&t->db->space_lock);
    err = sp_open(&x, s, t);
    if (err >= 0) {
        before = x.h;
        x.h.has_auto_inc = true;
        x.h.auto_inc = high;
        err = sp_write_header(&x, &before);
        sp_close(&x);
    }
    pthread_mutex_unlock(&t->db->space_lock);
    return err;
}
