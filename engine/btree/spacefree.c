/*
 * Pages and extents given back: to the tree's available extents, joined with their neighbours; what
 * has become an owned extent again goes on to the parent (ESE: space.cxx ErrSPFreeExt,
 * ErrSPIAEFreeExt, ErrSPIFreeSEToParent, ErrSPFreeFDP; write path 9.6 and 11.1).
 *
 * Two available extents are joined only within one owned extent.
 */
#include <stdlib.h>

#include "btree/spacewrite_priv.h"

static JET_ERR bad_space(const struct sp *x, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(&x->d->inst->r, RAISE(err), 0, pgno, ((uint64_t)pgno + 1) * x->d->page_size, "%s",
                 what);
}

/* ---- to the tree itself ---------------------------------------------------------------------- */

static JET_ERR free_to_map(struct sp *x, pgno_t first, uint32_t nr)
{
    const struct space_header before = x->h;
    const uint32_t behind = x->h.cpg_first - 1;
    const uint32_t bits = behind < SP_MAP_PAGES ? behind : SP_MAP_PAGES;
    uint32_t mask;

    if (first <= x->t->root || nr > bits || first - x->t->root - 1 > bits - nr)
        return bad_space(x, JET_errSPOwnExtCorrupted, first,
                         "a page is given back to a tree that has not got it");
    mask = (uint32_t)(((UINT64_C(1) << nr) - 1) << (first - x->t->root - 1));
    if (x->h.bitmap & mask)
        return bad_space(x, JET_errSPAvailExtCorrupted, first,
                         "a page that is available is given back");
    x->h.bitmap |= mask;
    return sp_write_header(x, &before);
}

/* The owned extent that they lie in. */
static JET_ERR find_owner(struct sp *x, pgno_t first, uint32_t nr, struct extent *ret)
{
    struct sp_node n;
    JET_ERR err = sp_find(x, SPACE_OWNED, SPACE_POOL_GENERAL, first, NULL, NULL, &n);

    if (err < 0 && err != JET_errNoCurrentRecord)
        return err;
    if (err < 0 || first < extent_first(&n.e) || nr > n.e.last - first + 1)
        return bad_space(x, JET_errSPOwnExtCorrupted, first,
                         "pages are given back to a tree that does not own them");
    *ret = n.e;
    return JET_errSuccess;
}

/* *e joined with the extent before it, which goes. */
static JET_ERR join_left(struct sp *x, const struct extent *owner, struct extent *e)
{
    struct sp_node n;
    JET_ERR err;

    if (extent_first(e) == extent_first(owner))
        return JET_errSuccess;
    err = sp_find_exact(x, SPACE_AVAILABLE, extent_first(e) - 1, &n);
    if (err == JET_errNoCurrentRecord)
        return JET_errSuccess;
    if (err >= 0 && extent_first(&n.e) < extent_first(owner))
        return bad_space(x, JET_errSPAvailExtCorrupted, n.pgno,
                         "an available extent crosses the begin of an owned one");
    if (err >= 0)
        err = sp_remove(x, SPACE_AVAILABLE, &n);
    e->cpg += n.e.cpg;
    return err;
}

/* *e joined with the extent behind it, which gets longer. *ret_done false: there is none. */
static JET_ERR join_right(struct sp *x, const struct extent *owner, struct extent *e,
                          bool *ret_done)
{
    struct sp_node n;
    JET_ERR err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, extent_first(e), NULL, NULL, &n);

    *ret_done = false;
    if (err < 0)
        return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
    if (extent_first(&n.e) <= e->last)
        return bad_space(x, JET_errSPAvailExtCorrupted, e->last,
                         "a page that is available is given back");
    if (extent_first(&n.e) != e->last + 1 || n.e.last > owner->last)
        return JET_errSuccess;
    *ret_done = true;
    e->last = n.e.last;
    e->cpg += n.e.cpg;
    return sp_set_cpg(x, SPACE_AVAILABLE, &n, e->cpg);
}

/* *e: what is given back, then what it has become a part of. sp_reserve was called. */
static JET_ERR make_available(struct sp *x, const struct extent *owner, struct extent *e)
{
    bool done = false;
    JET_ERR err = join_left(x, owner, e);

    if (err >= 0)
        err = join_right(x, owner, e, &done);
    return err < 0 || done ? err : sp_add(x, SPACE_AVAILABLE, e->last, e->cpg);
}

JET_ERR sp_make_available(struct sp *x, pgno_t first, uint32_t nr)
{
    struct extent owner, e = {.last = first + nr - 1, .cpg = nr};
    JET_ERR err = find_owner(x, first, nr, &owner);

    return err < 0 ? err : make_available(x, &owner, &e);
}

/* ---- to the parent --------------------------------------------------------------------------- */

/* ESE marks in its contiguous pool where insertions go on: no mark may outlive the extent it lies
 * in. */
static JET_ERR remove_marks(struct sp *x, const struct extent *e)
{
    struct sp_node n;
    JET_ERR err = JET_errSuccess;

    while (err >= 0) {
        err = sp_find_mark(x, extent_first(e), e->last, &n);
        if (err >= 0 && n.e.cpg)
            return bad_space(x, JET_errSPAvailExtCorrupted, n.pgno, "a page is available twice");
        if (err >= 0)
            err = sp_remove(x, SPACE_AVAILABLE, &n);
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* e is an owned extent of x, all of it available. */
static JET_ERR give_to_parent(struct sp *x, const struct extent *e)
{
    struct sp parent;
    struct sp_node n;
    JET_ERR err = remove_marks(x, e);

    if (err >= 0)
        err = sp_find_exact(x, SPACE_AVAILABLE, e->last, &n);
    if (err >= 0)
        err = sp_remove(x, SPACE_AVAILABLE, &n);
    if (err >= 0)
        err = sp_find_exact(x, SPACE_OWNED, e->last, &n);
    if (err >= 0)
        err = sp_remove(x, SPACE_OWNED, &n);
    if (err >= 0)
        err = sp_open_parent(&parent, x);
    if (err < 0)
        return err;
    err = sp_free_extent(&parent, extent_first(e), e->cpg);
    sp_close(&parent);
    return err;
}

JET_ERR sp_free_extent(struct sp *x, pgno_t first, uint32_t nr)
{
    struct extent owner, e = {.last = first + nr - 1, .cpg = nr};
    JET_ERR err;

    if (!first || !nr || e.last < first || e.last > x->d->pgno_last)
        return bad_space(x, JET_errSPOwnExtCorrupted, first, "pages that cannot be are given back");
    if (!x->h.multiple)
        return free_to_map(x, first, nr);
    err = find_owner(x, first, nr, &owner);
    if (err >= 0)
        err = sp_reserve(x);
    if (err >= 0)
        err = make_available(x, &owner, &e);
    /* The extent with the root is never whole here: the root is in use. */
    if (err < 0 || e.cpg != owner.cpg || sp_is_root(x))
        return err;
    return give_to_parent(x, &owner);
}

JET_ERR space_free_pages(struct sess *s, struct tree *t, pgno_t first, uint32_t nr)
{
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&t->db->space_lock);
    err = sp_open(&x, s, t);
    if (err >= 0) {
        err = sp_free_extent(&x, first, nr);
        sp_close(&x);
    }
    pthread_mutex_unlock(&t->db->space_lock);
    return err;
}

/* ---- a whole tree ---------------------------------------------------------------------------- */

struct extents {
    struct extent *e;
    size_t nr, room;
};

struct collect {
    struct extents *list;
    bool no_memory;
};

static bool collect_extent(void *ctx, const struct extent *e)
{
    struct collect *c = ctx;
    struct extents *l = c->list;
    struct extent *more;

    if (l->nr == l->room) {
        more = realloc(l->e, (l->room ? 2 * l->room : 16) * sizeof(*l->e));
        if (!more) {
            c->no_memory = true;
            return true;
        }
        l->e = more;
        l->room = l->room ? 2 * l->room : 16;
    }
    l->e[l->nr++] = *e;
    return false;
}

/* All of them first: the extent trees lie in what is given back. */
static JET_ERR collect_owned(struct sp *x, struct extents *list)
{
    const struct extent only = {.last = x->t->root + x->h.cpg_first - 1, .cpg = x->h.cpg_first};
    struct collect c = {list, false};
    struct sp_node n;
    JET_ERR err;

    if (x->h.multiple) {
        err = sp_find(x, SPACE_OWNED, SPACE_POOL_GENERAL, 0, collect_extent, &c, &n);
        if (err < 0 && err != JET_errNoCurrentRecord)
            return err;
    } else {
        collect_extent(&c, &only);
    }
    return c.no_memory ? RAISE(JET_errOutOfMemory) : JET_errSuccess;
}

/* For backups that keep what is overwritten (ESE: ErrSPCaptureSnapshot). No page changes by it. */
static JET_ERR log_freed(const struct db *d, const struct extent *e)
{
    struct logrec rec = {.type = LR_EXTENT_FREED2,
                         .dbid = d->dbid,
                         .pgno = extent_first(e),
                         .dbtime = atomic_load_explicit(&d->dbtime, memory_order_relaxed)};

    if (!d->inst->wal || !db_has_extent_freed2(d))
        return JET_errSuccess;
    rec.range.nr_pages = e->cpg;
    return wal_append(d->inst->wal, &rec, NULL);
}

static JET_ERR free_extents(struct sess *s, struct tree *parent, const struct extents *list)
{
    struct sp x;
    JET_ERR err = JET_errSuccess;

    for (size_t i = 0; i < list->nr && err >= 0; i++) {
        err = log_freed(parent->db, &list->e[i]);
        if (err >= 0)
            err = sp_open(&x, s, parent);
        if (err < 0)
            break;
        err = sp_free_extent(&x, extent_first(&list->e[i]), list->e[i].cpg);
        sp_close(&x);
    }
    return err;
}

static JET_ERR free_tree(struct sess *s, struct tree *parent, struct tree *t)
{
    struct extents list = {0};
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&parent->db->space_lock);
    err = sp_open(&x, s, t);
    if (err >= 0) {
        err = x.h.pgno_parent == parent->root
                  ? collect_owned(&x, &list)
                  : bad_space(&x, JET_errDatabaseCorrupted, t->root,
                              "the tree has its space from somewhere else");
        sp_close(&x);
    }
    if (err >= 0)
        err = free_extents(s, parent, &list);
    pthread_mutex_unlock(&parent->db->space_lock);
    free(list.e);
    return err;
}

JET_ERR space_free_tree(struct sess *s, struct tree *parent, pgno_t pgno_fdp, objid_t objid)
{
    struct tree *t;
    JET_ERR err = tree_get(parent->db, pgno_fdp, objid, true, 0, parent->root, &t);

    if (err < 0)
        return err;
    err = free_tree(s, parent, t);
    /* Its root may be another tree's at once: who finds it from now on is a cleaner, and is to keep
     * off. */
    atomic_store_explicit(&t->deleted, true, memory_order_release);
    tree_put(t);
    return err;
}
