/*
 * Finding places: from the root down, by the page that a place was on, and dir_seek.
 *
 * While tree.smo is held shared, pages keep their place and internal pages stay as they are; only
 * nodes of leaves come and change. So a descent needs one latch at a time: it reads the child's
 * number, lets go of the page, and latches the child. For the same reason forged pointers cannot
 * make two threads wait for one another.
 *
 * Pages were checked each for itself on their way into the cache; that they fit together is looked
 * at here, where a pointer is followed: depth, kind, owner, level.
 */
#include <inttypes.h>

#include "btree/dir_int.h"

JET_ERR dir_fault(struct tree *t, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(&t->db->inst->r, err, 0, pgno, ((uint64_t)pgno + 1) * t->db->page_size,
                 "tree at page %" PRIu32 ": %s", t->root, what);
}

/* ---- pages on the way ---------------------------------------------------------------------- */

const char *page_misfit(const struct tree *t, const struct buf *b, bool root)
{
    const struct page p = buf_page(b);
    const uint32_t flags = page_flags(p);
    const bool unique = !(flags & PAGE_NON_UNIQUE) || (flags & PAGE_SPACE_TREE);

    if (b->blank)
        return "a page is blank";
    if (page_objid(p) != t->objid || !(flags & PAGE_SPACE_TREE) == t->space)
        return "a page belongs to another object";
    if (flags & (PAGE_EMPTY | PAGE_PRE_INIT))
        return "a page has no content";
    if (!(flags & PAGE_ROOT) == root)
        return root ? "its root is not flagged as one" : "another page is flagged as root";
    if (unique != t->unique)
        return "a page is of the other kind: unique or not";
    if (page_nr_lines(p) == 0 && !(root && (flags & PAGE_LEAF)))
        return "a page has no node";
    return NULL;
}

static JET_ERR enter_page(struct tree *t, pgno_t pgno, enum buf_latch latch, struct buf **ret)
{
    const char *what;
    JET_ERR err = buf_get_latched(t->db->pool, pgno, BUF_READ, latch, ret);

    if (err < 0)
        return err;
    page_prefetch_tags(buf_page(*ret));
    what = page_misfit(t, *ret, pgno == t->root);
    if (!what)
        return JET_errSuccess;
    buf_release(*ret, latch);
    return dir_fault(t, RAISE(JET_errDatabaseCorrupted), pgno, what);
}

/* The root, latched as a leaf if it is one. */
static JET_ERR enter_root(struct tree *t, enum buf_latch latch, struct buf **ret)
{
    JET_ERR err = enter_page(t, t->root, BUF_SHARED, ret);

    if (err < 0 || latch == BUF_SHARED || !(page_flags(buf_page(*ret)) & PAGE_LEAF) ||
        buf_try_upgrade(*ret))
        return err;
    buf_unlatch(*ret, BUF_SHARED);
    buf_latch(*ret, latch); /* a leaf still: that does not change under smo */
    return JET_errSuccess;
}

/* ---- down ---------------------------------------------------------------------------------- */

struct route {            /* which way at each level */
    const struct find *f; /* NULL: along an edge, or to a fraction */
    bool last;
    struct fraction *part; /* with f: of the place that is found; else where to go */
};

/* The line of an internal page to follow. */
static unsigned choose_child(const struct page_lines *l, const struct route *r)
{
    unsigned line;

    if (!r->f)
        return r->part ? fraction_take(r->part, l->nr) : r->last ? l->nr - 1 : 0;
    line = find_child(l, r->f);
    if (r->part)
        fraction_add(r->part, line, l->nr);
    return line;
}

static JET_ERR descend(struct tree *t, const struct route *r, enum buf_latch latch,
                       struct buf **ret)
{
    struct buf *b;
    JET_ERR err = enter_root(t, latch, &b);

    for (unsigned depth = 1; err >= 0; depth++) {
        const struct page p = buf_page(b);
        const uint32_t flags = page_flags(p);
        const struct page_lines l = page_lines(p);
        const pgno_t pgno = b->pgno;
        pgno_t child = PGNO_NULL;
        unsigned line;

        if (flags & PAGE_LEAF) {
            *ret = b;
            return JET_errSuccess;
        }
        line = choose_child(&l, r);
        if (line < l.nr) {
            const struct node n = page_lines_node(&l, line);
            child = node_child(&n);
        }
        buf_release(b, BUF_SHARED);
        if (child == PGNO_NULL)
            return dir_fault(t, RAISE(JET_errBadParentPageLink), pgno,
                             "no pointer is above a key that is sought");
        if (depth == DIR_DEPTH_MAX)
            return dir_fault(t, RAISE(JET_errBadPageLink), pgno, "it is too deep");
        err = enter_page(t, child, flags & PAGE_PARENT_OF_LEAF ? latch : BUF_SHARED, &b);
        if (err >= 0 && !(flags & PAGE_PARENT_OF_LEAF) != !(page_flags(buf_page(b)) & PAGE_LEAF)) {
            buf_release(b, flags & PAGE_PARENT_OF_LEAF ? latch : BUF_SHARED);
            err = dir_fault(t, RAISE(JET_errBadParentPageLink), child,
                            "leaf and internal pages are on one level");
        }
    }
    return err;
}

JET_ERR seek_find(struct tree *t, const struct find *f, enum buf_latch latch, struct spot *ret)
{
    const struct route r = {.f = f};
    struct page_lines l;
    JET_ERR err = descend(t, &r, latch, &ret->buf);

    if (err < 0)
        return err;
    ret->latch = latch;
    l = page_lines(buf_page(ret->buf));
    ret->line = find_leaf(&l, f, &ret->exact);
    return JET_errSuccess;
}

JET_ERR seek_edge(struct tree *t, bool last, struct spot *ret)
{
    const struct route r = {.last = last};
    JET_ERR err = descend(t, &r, BUF_SHARED, &ret->buf);

    if (err < 0)
        return err;
    ret->latch = BUF_SHARED;
    ret->line = last ? page_nr_lines(buf_page(ret->buf)) : 0;
    ret->exact = false;
    return JET_errSuccess;
}

JET_ERR seek_fraction(struct tree *t, const struct find *f, struct fraction *part, struct spot *ret)
{
    const struct route r = {.f = f, .part = part};
    struct page_lines l;
    JET_ERR err = descend(t, &r, BUF_SHARED, &ret->buf);

    if (err < 0)
        return err;
    ret->latch = BUF_SHARED;
    ret->exact = false;
    l = page_lines(buf_page(ret->buf));
    if (!f) {
        ret->line = l.nr ? fraction_take(part, l.nr) : 0;
        return JET_errSuccess;
    }
    ret->line = find_leaf(&l, f, &ret->exact);
    if (l.nr)
        fraction_add(part, ret->line, l.nr);
    return JET_errSuccess;
}

/* ---- by the page that a place was on ------------------------------------------------------- */

/* The page may have changed, or left the tree, or become another part of it: the place is on it for
 * certain when the bookmark lies between two of its nodes. */
static bool still_there(struct dir *d, const struct find *f, struct spot *at)
{
    const struct page p = buf_page(at->buf);
    struct page_lines l;

    if (!is_leaf_of(at->buf, d->tree))
        return false;
    l = page_lines(p);
    at->line = find_leaf(&l, f, &at->exact);
    return at->exact || (at->line > 0 && at->line < l.nr);
}

JET_ERR seek_place(struct dir *d, enum buf_latch latch, struct spot *ret)
{
    const struct bookmark bm = dir_bookmark(d);
    const struct find f = find_bookmark(d->tree, &bm);

    if (d->hint && buf_get_hint(d->tree->db->pool, d->pgno, d->hint, latch)) {
        *ret = (struct spot){d->hint, latch, d->line, true};
        if (page_dbtime(buf_page(ret->buf)) == d->dbtime || still_there(d, &f, ret))
            return JET_errSuccess;
        spot_leave(ret);
    }
    return seek_find(d->tree, &f, latch, ret);
}

/* ---- seeks --------------------------------------------------------------------------------- */

/* Between nodes, where something was not found. */
static JET_ERR rest_between(struct dir *d, struct spot *at)
{
    const struct page p = buf_page(at->buf);
    const unsigned nr = page_nr_lines(p);
    JET_ERR err = JET_errSuccess;

    if (nr == 0) {
        d->at = DIR_BEFORE_FIRST;
    } else {
        const bool before = at->line < nr;
        const unsigned line = before ? at->line : nr - 1;
        const struct node n = page_node(p, line);

        err = place_set_node(d, &n);
        place_note(d, before ? DIR_BEFORE : DIR_AFTER, at->buf, line);
    }
    spot_leave(at);
    return err;
}

static JET_ERR not_found(struct dir *d, struct spot *at)
{
    JET_ERR err = rest_between(d, at);

    return err < 0 ? err : JET_errRecordNotFound;
}

/* The node at the bookmark, which only the line says to exist: does the session see it? */
static JET_ERR seek_exact(struct dir *d, struct spot *at)
{
    const struct node n = page_node(buf_page(at->buf), at->line);
    struct dir_node seen;
    bool there = false;
    JET_ERR err = place_set_node(d, &n);

    if (err >= 0)
        err = node_see(d, at, &n, &seen, &there);
    if (err < 0 || !there) {
        JET_ERR err2 = not_found(d, at);
        return err < 0 ? err : err2;
    }
    place_note(d, DIR_ON, at->buf, at->line);
    spot_leave(at);
    return JET_errSuccess;
}

static int compare_found(const struct dir *d, const struct find *f)
{
    int c = find_bytes_cmp(d->bm, d->key_len, f->key.p, f->key.len);

    if (c || !f->data.len)
        return c;
    return find_bytes_cmp(d->bm + d->key_len, d->data_len, f->data.p, f->data.len);
}

/* The first (right) or last node that the session sees, from the spot on. */
static JET_ERR seek_settle(struct dir *d, struct spot *at, bool right, const struct slice *only)
{
    JET_ERR err = move_settle(d, at, right, only, false, NULL);

    return err == JET_errNoCurrentRecord ? JET_errRecordNotFound : err;
}

static JET_ERR seek_equal(struct dir *d, const struct find *f, struct spot *at)
{
    if (f->by_data && !f->data.len)
        return seek_settle(d, at, true, &f->key);
    return at->exact ? seek_exact(d, at) : not_found(d, at);
}

static JET_ERR seek_not_below(struct dir *d, const struct find *f, struct spot *at)
{
    JET_ERR err = seek_settle(d, at, true, NULL);

    return err == JET_errSuccess && compare_found(d, f) ? JET_wrnSeekNotEqual : err;
}

static JET_ERR seek_above(struct dir *d, struct find *f, struct spot *at)
{
    JET_ERR err;

    if (at->exact && (!f->by_data || f->data.len))
        at->line++;
    err = seek_settle(d, at, true, NULL);
    if (err < 0 || compare_found(d, f))
        return err;
    /* Equal ones with other data, perhaps many. That there is such a key means that none begins
     * with it. */
    f->after = true;
    err = seek_find(d->tree, f, BUF_SHARED, at);
    return err < 0 ? err : seek_settle(d, at, true, NULL);
}

static JET_ERR seek_not_above(struct dir *d, struct find *f, struct spot *at)
{
    JET_ERR err;

    if (at->exact && (!f->by_data || f->data.len)) {
        at->line++;
    } else if (f->by_data && !f->data.len) {
        spot_leave(at);
        f->after = true;
        err = seek_find(d->tree, f, BUF_SHARED, at);
        if (err < 0)
            return err;
    }
    err = seek_settle(d, at, false, NULL);
    if (err >= 0 && f->after && compare_found(d, f) > 0) { /* keys that begin with the one sought */
        f->after = false;
        err = seek_find(d->tree, f, BUF_SHARED, at);
        if (err >= 0)
            err = seek_settle(d, at, false, NULL);
    }
    return err == JET_errSuccess && compare_found(d, f) ? JET_wrnSeekNotEqual : err;
}

JET_ERR dir_seek(struct dir *d, const struct bookmark *bm, enum dir_seek how)
{
    struct find f = find_bookmark(d->tree, bm);
    struct spot at;
    JET_ERR err;

    dir_release(d);
    tree_enter(d->tree);
    err = seek_find(d->tree, &f, BUF_SHARED, &at);
    if (err >= 0) {
        switch (how) {
        case DIR_EQ:
            err = seek_equal(d, &f, &at);
            break;
        case DIR_GE:
            err = seek_not_below(d, &f, &at);
            break;
        case DIR_GT:
            err = seek_above(d, &f, &at);
            break;
        case DIR_LE:
            err = seek_not_above(d, &f, &at);
            break;
        case DIR_LT:
            err = seek_settle(d, &at, false, NULL);
            break;
        }
    }
    tree_leave(d->tree);
    return err;
}
