/*
 * From node to node. Within a page that has not changed since the place was noted, one latch and
 * the next line; else the place is found again by its bookmark. From leaf to leaf by their links,
 * one latch at a time: tree.smo, held shared, keeps the leaves where they are.
 *
 * Each leaf's nodes must lie beyond those of the leaf before, so a walk ends whatever the links
 * are.
 */
#include "btree/dir_int.h"

#define PREREAD 16u /* pages of a row that are asked for at once */

/* ---- leaf to leaf -------------------------------------------------------------------------- */

/* NULL: the leaf may follow the place, which is on the last node (right) or first node of the leaf
 * `from`. */
static const char *not_neighbour(const struct dir *d, const struct buf *b, pgno_t from, bool right)
{
    const struct page p = buf_page(b);
    const struct bookmark bm = dir_bookmark(d);
    const struct find f = find_bookmark(d->tree, &bm);
    const char *what = page_misfit(d->tree, b, false);
    struct page_lines l;
    unsigned line;
    bool exact;

    if (what)
        return what;
    if (!(page_flags(p) & PAGE_LEAF))
        return "a leaf's link leads to no leaf";
    if ((right ? page_prev(p) : page_next(p)) != from)
        return "two leaves disagree about being neighbours";
    l = page_lines(p);
    line = find_leaf(&l, &f, &exact);
    if (exact || line != (right ? 0 : l.nr))
        return "neighbouring leaves overlap";
    return NULL;
}

/*
 * A scan is on its way from a leaf to the next: the one after it will be wanted, and where leaves
 * lie in a row in the file, the whole row.
 */
static void preread(struct bufpool *pool, pgno_t from, const struct buf *b, bool right)
{
    const pgno_t to = b->pgno, next = right ? page_next(buf_page(b)) : page_prev(buf_page(b));

    if (next == PGNO_NULL)
        return;
    if (right && to == from + 1 && next == to + 1) {
        if (to % PREREAD == 0)
            bufpool_preread(pool, to + PREREAD, PREREAD);
    } else if (!right && to == from - 1 && next == to - 1 && to > 2 * PREREAD) {
        if (to % PREREAD == 0)
            bufpool_preread(pool, to - 2 * PREREAD, PREREAD);
    } else {
        bufpool_preread(pool, next, 1);
    }
}

/* The neighbouring leaf; the place goes to the edge of this one. JET_errNoCurrentRecord: there is
 * none. */
static JET_ERR hop(struct dir *d, struct spot *at, bool right)
{
    const struct page p = buf_page(at->buf);
    const unsigned nr = page_nr_lines(p), edge = right ? nr - 1 : 0;
    const pgno_t from = at->buf->pgno, to = right ? page_next(p) : page_prev(p);
    const char *what;
    JET_ERR err = JET_errNoCurrentRecord;

    if (nr && to != PGNO_NULL) {
        const struct node n = page_node(p, edge);

        err = place_set_node(d, &n);
        if (err >= 0)
            place_note(d, right ? DIR_AFTER : DIR_BEFORE, at->buf, edge);
    }
    spot_leave(at);
    if (err < 0)
        return err;
    err = buf_get_latched(d->tree->db->pool, to, BUF_READ, BUF_SHARED, &at->buf);
    if (err < 0)
        return err;
    what = not_neighbour(d, at->buf, from, right);
    if (what) {
        spot_leave(at);
        return dir_fault(d->tree, RAISE(JET_errBadPageLink), to, what);
    }
    preread(d->tree->db->pool, from, at->buf, right);
    at->line = right ? 0 : page_nr_lines(buf_page(at->buf));
    return JET_errSuccess;
}

/* ---- to a node that the session sees ------------------------------------------------------- */

/* The place goes to the line, unless nobody sees its node; *ret_there: the session does. */
static JET_ERR try_line(struct dir *d, const struct spot *at, const struct page_lines *l,
                        struct dir_node *seen, bool *ret_there)
{
    const struct node n = page_lines_node(l, at->line);
    JET_ERR err = JET_errSuccess;

    *ret_there = false;
    if (!node_has_versions(d->tree, &n) && (n.flags & NODE_DELETED))
        return err;
    err = place_set_node(d, &n);
    if (err < 0)
        return err;
    place_note(d, DIR_ON, at->buf, at->line);
    return node_see(d, at, &n, seen, ret_there);
}

static void arrive(struct dir *d, struct spot *at, bool keep, struct dir_node *seen,
                   struct dir_node *ret)
{
    if (!keep) {
        spot_leave(at);
        return;
    }
    d->buf = at->buf;
    seen->key = (struct slice){d->bm, d->key_len};
    seen->pgno = d->pgno;
    *ret = *seen;
}

/* Behind the last node of the only key that counts. */
static JET_ERR out_of_key(struct dir *d, struct spot *at)
{
    const struct node n = page_node(buf_page(at->buf), at->line);
    JET_ERR err = place_set_node(d, &n);

    place_note(d, DIR_BEFORE, at->buf, at->line);
    spot_leave(at);
    return err < 0 ? err : JET_errRecordNotFound;
}

static bool has_key(const struct page_lines *l, unsigned line, const struct slice *key)
{
    const struct node n = page_lines_node(l, line);
    const struct find_prefix x = find_prefix(l->prefix, *key);

    return find_key_cmp(&n, &x, *key) == 0;
}

JET_ERR move_settle(struct dir *d, struct spot *at, bool right, const struct slice *only, bool keep,
                    struct dir_node *ret)
{
    struct dir_node seen;
    JET_ERR err;

    for (;;) {
        const struct page_lines l = page_lines(buf_page(at->buf));
        bool there;

        for (; right ? at->line < l.nr : at->line > 0; at->line += right) {
            at->line -= !right;
            if (only && !has_key(&l, at->line, only))
                return out_of_key(d, at);
            err = try_line(d, at, &l, &seen, &there);
            if (err < 0) {
                spot_leave(at);
                return err;
            }
            if (there) {
                arrive(d, at, keep, &seen, ret);
                return JET_errSuccess;
            }
        }
        err = hop(d, at, right);
        if (err == JET_errNoCurrentRecord)
            d->at = right ? DIR_AFTER_LAST : DIR_BEFORE_FIRST;
        if (err < 0)
            return err;
    }
}

/* ---- moves --------------------------------------------------------------------------------- */

static JET_ERR move_to_edge(struct dir *d, bool last, bool keep, struct dir_node *ret)
{
    struct spot at;
    JET_ERR err;

    tree_enter(d->tree);
    err = seek_edge(d->tree, last, &at);
    if (err >= 0)
        err = move_settle(d, &at, !last, NULL, keep, ret);
    tree_leave(d->tree);
    return err;
}

/* From wherever the place is. */
static JET_ERR move(struct dir *d, bool right, bool keep, struct dir_node *ret)
{
    struct spot at;
    JET_ERR err;

    switch (d->at) {
    case DIR_BEFORE_FIRST:
        return right ? move_to_edge(d, false, keep, ret) : JET_errNoCurrentRecord;
    case DIR_AFTER_LAST:
        return right ? JET_errNoCurrentRecord : move_to_edge(d, true, keep, ret);
    case DIR_ON:
    case DIR_BEFORE:
    case DIR_AFTER:
        break;
    default:
        return JET_errNoCurrentRecord;
    }
    tree_enter(d->tree);
    err = seek_place(d, BUF_SHARED, &at);
    if (err >= 0) {
        /* The bookmark's own node is passed over, unless the place is on this side of it. */
        if (at.exact && (right ? d->at != DIR_BEFORE : d->at == DIR_AFTER))
            at.line++;
        err = move_settle(d, &at, right, NULL, keep, ret);
    }
    tree_leave(d->tree);
    return err;
}

/* The neighbouring lines of the same page while nothing has changed there. False: nothing done. */
static bool move_within(struct dir *d, bool right, bool keep, struct dir_node *ret)
{
    struct spot at = {.buf = d->buf, .latch = BUF_SHARED};
    struct page_lines l;
    struct dir_node seen;
    bool there;

    if (!at.buf) {
        if (d->at != DIR_ON || !place_relatch(d, BUF_SHARED))
            return false;
        at.buf = d->hint;
    }
    d->buf = NULL;
    l = page_lines(buf_page(at.buf));
    for (at.line = d->line + (right ? 1 : -1u); at.line < l.nr; at.line += right ? 1 : -1u) {
        if (try_line(d, &at, &l, &seen, &there) < 0)
            break;
        if (there) {
            arrive(d, &at, keep, &seen, ret);
            return true;
        }
    }
    spot_leave(&at);
    return false;
}

JET_ERR dir_first(struct dir *d)
{
    dir_release(d);
    return move_to_edge(d, false, false, NULL);
}

JET_ERR dir_last(struct dir *d)
{
    dir_release(d);
    return move_to_edge(d, true, false, NULL);
}

JET_ERR dir_next(struct dir *d)
{
    return move_within(d, true, false, NULL) ? JET_errSuccess : move(d, true, false, NULL);
}

JET_ERR dir_prev(struct dir *d)
{
    return move_within(d, false, false, NULL) ? JET_errSuccess : move(d, false, false, NULL);
}

JET_ERR dir_next_get(struct dir *d, struct dir_node *ret)
{
    return move_within(d, true, true, ret) ? JET_errSuccess : move(d, true, true, ret);
}

JET_ERR dir_prev_get(struct dir *d, struct dir_node *ret)
{
    return move_within(d, false, true, ret) ? JET_errSuccess : move(d, false, true, ret);
}
