/*
 * A leaf leaves its tree: it has nothing alive any more (empty page), or a neighbour has room for
 * what it has (full right, full left). Its pointer leaves the parent, which may leave that one
 * empty too, and so on upwards; and where the last pointer of a page goes, the key of the pointer
 * to that page changes. The last leaf of all goes with everything above it but the root
 * (EmptyTree).
 *
 * A leaf is merged when it is sparse, not whenever a neighbour could hold it: a full neighbour
 * would be split soon.
 *
 * A crash between the macro and the records that give the pages back loses the pages, nothing else
 * (write path 8).
 *
 * ESE: ErrBTIMultipageCleanup, ErrBTISelectMerge, ErrBTIMergeCollectPageInfo, BTICheckMergeable,
 * ErrBTISelectMergeInternalPages, ErrBTIMergeEmptyTree, BTIReleaseEmptyPages (bt.cxx).
 */
#include <stdlib.h>
#include <string.h>

#include "btree/smo_int.h"
#include "btree/spacewrite.h"

#define SPARSE \
    30u /* percent of a page; ESE: ErrBTICheckForMultipageOLC's pctFullUnconditionalCheck */

enum { /* persistent: Merge2 */
       MERGE_NONE = 0,
       MERGE_EMPTY_PAGE = 1,
       MERGE_FULL_RIGHT = 2,
       MERGE_EMPTY_TREE = 4,
       MERGE_FULL_LEFT = 5,
};

struct merge {
    struct smo_path *p;
    unsigned type;
    struct buf *left, *right;      /* pinned */
    unsigned nr;                   /* nodes that move */
    uint32_t total, max;           /* bytes of them, not compressed; after the dearest rollback */
    uint8_t flags[SMO_LEVELS_MAX]; /* LR_MERGE_*, of the path's pages */
    uint8_t *separator;
    uint32_t separator_len;
};

static struct page page_at(const struct merge *g, unsigned i)
{
    return smo_page(g->p->step[i].buf);
}

static struct buf *leaf_of(const struct merge *g)
{
    return g->p->step[g->p->depth - 1].buf;
}

/* ---- which way -------------------------------------------------------------------------------- */

bool smo_is_sparse(const struct buf *b)
{
    const struct page p = smo_page(b);
    const uint32_t room = smo_room(b->size);

    if ((page_flags(p) & PAGE_ROOT) || page_nr_lines(p) == 0)
        return false;
    if (page_nr_lines(p) == 1 && (page_node(p, 0).flags & NODE_DELETED))
        return true;
    return (room - page_free(p)) * 100 < room * SPARSE;
}

/* False: a node that is deleted is held by a version. Such a leaf stays, since redo would not move
 * the node. */
static bool weigh(struct merge *g)
{
    const struct page p = smo_page(leaf_of(g));

    for (unsigned i = 0; i < page_nr_lines(p); i++) {
        const struct node n = page_node(p, i);
        const uint32_t rest = n.prefix.len + n.suffix.len + SMO_NODE_OVERHEAD;

        if (smo_is_dead(g->p->t, &n))
            continue;
        if (n.flags & NODE_DELETED)
            return false;
        g->nr++;
        g->total += rest + n.data.len;
        g->max += rest + smo_data_max(g->p->t, &n);
    }
    return true;
}

/* The neighbour's key in the parent, which is not on the path, would have to become the last
 * one. */
static bool is_stuck(const struct merge *g)
{
    return g->left && !g->right && page_nr_lines(page_at(g, g->p->depth - 2)) == 1;
}

/* Has the neighbour room for all nodes, with as much of its prefix as they can use? It is cleaned
 * first. */
static JET_ERR can_take(struct merge *g, struct buf *to, bool *ret)
{
    struct tree *t = g->p->t;
    const struct page from = smo_page(leaf_of(g)), p = smo_page(to);
    uint32_t need = g->max + smo_density_free(t);
    JET_ERR err;

    buf_latch(to, BUF_EXCLUSIVE);
    err = smo_delete_nodes(g->p->s, t, to);
    for (unsigned i = 0; i < page_nr_lines(from); i++) {
        const struct node n = page_node(from, i);
        const uint32_t prefix = redo_prefix_len(p, (struct redo_key){{n.prefix, n.suffix}});

        if (!(n.flags & NODE_DELETED))
            need -= prefix ? prefix - 2 : 0;
    }
    *ret = err >= 0 && page_nr_lines(p) + g->nr <= PAGE_LINES_MAX && smo_has_room(t, to, need);
    buf_unlatch(to, BUF_EXCLUSIVE);
    return err;
}

/* To the left only from where it cannot be that an append is undone: that would be made again at
 * once. And the pointers to both must be in the same page, since one takes the other's key. */
static JET_ERR choose_neighbour(struct merge *g)
{
    bool fits = false;
    JET_ERR err = JET_errSuccess;

    if (g->right)
        err = can_take(g, g->right, &fits);
    if (fits)
        g->type = MERGE_FULL_RIGHT;
    else if (err >= 0 && g->right && g->left && g->p->step[g->p->depth - 2].line > 0) {
        err = can_take(g, g->left, &fits);
        if (fits)
            g->type = MERGE_FULL_LEFT;
    }
    return err;
}

/* The path is latched at first, not any more at the end. */
static JET_ERR choose_type(struct merge *g)
{
    const struct buf *b = leaf_of(g);
    bool may_go;
    JET_ERR err = smo_sibling(g->p->t, b, true, &g->right);

    if (err >= 0)
        err = smo_sibling(g->p->t, b, false, &g->left);
    may_go = err >= 0 && weigh(g) && !is_stuck(g);
    smo_path_unlatch(g->p);
    if (!may_go)
        return err;
    if (g->nr == 0)
        g->type = g->left || g->right ? MERGE_EMPTY_PAGE : MERGE_EMPTY_TREE;
    else if (g->max * 100 < smo_room(b->size) * SPARSE)
        err = choose_neighbour(g);
    return err;
}

/* ---- the pages above -------------------------------------------------------------------------- */

static struct redo_key key_at(struct page p, unsigned line)
{
    const struct node n = page_node(p, line);

    return (struct redo_key){{n.prefix, n.suffix}};
}

/* The key before the last one becomes that of the whole page. */
static JET_ERR keep_separator(struct merge *g, struct page p, unsigned line)
{
    const struct node n = page_node(p, line);

    g->separator = malloc(n.prefix.len + n.suffix.len + 1);
    if (!g->separator)
        return RAISE(JET_errOutOfMemory);
    g->separator_len = node_key(&n, g->separator);
    return JET_errSuccess;
}

/* The separator instead of the pointer's key: is there room? */
static bool key_fits(const struct merge *g, unsigned i)
{
    const struct smo_step *at = &g->p->step[i];
    const struct page p = smo_page(at->buf);
    const uint32_t has = smo_separator_len(p, key_at(p, at->line));
    const uint32_t will =
        smo_separator_len(p, (struct redo_key){{{g->separator, g->separator_len}}});

    return will <= has || will - has <= page_free(p);
}

enum onward { STOP, GO_ON, IMPOSSIBLE };

static enum onward change_key(struct merge *g, unsigned i)
{
    if (!g->separator || !key_fits(g, i))
        return IMPOSSIBLE;
    g->flags[i] = LR_MERGE_KEY_CHANGE;
    return GO_ON;
}

/* A page whose only pointer it is. */
static enum onward select_only(struct merge *g, unsigned i)
{
    if (i == 0)
        return IMPOSSIBLE;
    if (!(g->flags[i + 1] & LR_MERGE_EMPTY_PAGE))
        return change_key(g, i);
    g->flags[i] = LR_MERGE_EMPTY_PAGE;
    return GO_ON;
}

/* A page whose last pointer it is. One without a key is at the right edge of the tree: so is what
 * is above it. */
static JET_ERR select_last(struct merge *g, unsigned i, enum onward *ret)
{
    const struct page p = page_at(g, i);
    const unsigned line = g->p->step[i].line;

    if (!(g->flags[i + 1] & LR_MERGE_EMPTY_PAGE)) {
        *ret = change_key(g, i);
        return JET_errSuccess;
    }
    g->flags[i] = LR_MERGE_DELETE_NODE;
    *ret = redo_key_len(key_at(p, line)) ? GO_ON : STOP;
    return keep_separator(g, p, line - 1);
}

static JET_ERR select_level(struct merge *g, unsigned i, enum onward *ret)
{
    const unsigned nr = page_nr_lines(page_at(g, i)), line = g->p->step[i].line;

    if (nr == 1) {
        *ret = select_only(g, i);
    } else if (line + 1 == nr) {
        return select_last(g, i, ret);
    } else if (g->flags[i + 1] & LR_MERGE_EMPTY_PAGE) {
        g->flags[i] = LR_MERGE_DELETE_NODE;
        *ret = STOP;
    } else {
        *ret = change_key(g, i);
        *ret = *ret == GO_ON ? STOP : *ret;
    }
    return JET_errSuccess;
}

/* What happens at each level. *ret false: it cannot be done. */
static JET_ERR select_levels(struct merge *g, bool *ret)
{
    const unsigned leaf = g->p->depth - 1;
    enum onward onward = GO_ON;
    JET_ERR err = JET_errSuccess;

    g->flags[leaf] = LR_MERGE_EMPTY_PAGE;
    if (g->type == MERGE_FULL_LEFT) {
        g->flags[leaf - 1] = LR_MERGE_DELETE_NODE | LR_MERGE_KEY_CHANGE;
        onward = STOP;
    }
    for (unsigned i = leaf; i-- > 0 && err >= 0 && onward == GO_ON;)
        err = select_level(g, i, &onward);
    *ret = onward != IMPOSSIBLE;
    return err;
}

/* ---- records ---------------------------------------------------------------------------------- */

static dbtime_t dbtime_of(const struct buf *b)
{
    return b ? page_dbtime(smo_page(b)) : DBTIME_INVALID;
}

static JET_ERR fill_leaf(struct merge *g, struct smo_macro *m, struct logrec *r)
{
    struct buf *to = g->type == MERGE_FULL_RIGHT ? g->right : g->left;
    uint32_t reserved;
    JET_ERR err;

    r->merge.pgno_left = g->left ? g->left->pgno : PGNO_NULL;
    r->merge.pgno_right = g->right ? g->right->pgno : PGNO_NULL;
    smo_macro_names(m, r->merge.pgno_left);
    smo_macro_names(m, r->merge.pgno_right);
    r->merge.left_before = dbtime_of(g->left);
    r->merge.right_before = dbtime_of(g->right);
    r->merge.type = (uint8_t)g->type;
    r->merge.key_parent = (struct slice){g->separator, g->separator_len};
    if (g->type == MERGE_EMPTY_PAGE)
        return JET_errSuccess;
    reserved = smo_reserved(g->p->t, smo_page(to), SMO_NO_LINE) + g->max - g->total;
    smo_macro_reserve(m, to->pgno, reserved);
    r->merge.size_total = (uint16_t)g->total;
    r->merge.size_max_total = (uint16_t)g->max;
    r->merge.free_dest = (uint16_t)reserved;
    if (g->type == MERGE_FULL_LEFT)
        r->merge.iline_merge = (uint16_t)(page_nr_lines(smo_page(leaf_of(g))) - 1);
    err = dir_before_move(g->p->t, leaf_of(g), 0);
    if (err < 0)
        return err;
    return smo_macro_image(m, leaf_of(g), &r->merge.image, &r->merge.image_flags);
}

static JET_ERR merge_records(struct merge *g, struct smo_macro *m)
{
    const struct buf *parent = NULL;
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < g->p->depth && err >= 0; i++) {
        const struct smo_step *at = &g->p->step[i];
        struct logrec *r;

        if (!g->flags[i])
            continue;
        r = smo_macro_add(m, LR_MERGE2, at->buf);
        smo_macro_names(m, at->buf->pgno);
        r->iline = (uint16_t)at->line;
        r->merge.pgno_parent = parent ? parent->pgno : PGNO_NULL;
        r->merge.parent_before = dbtime_of(parent);
        r->merge.left_before = r->merge.right_before = DBTIME_INVALID;
        r->merge.flags = g->flags[i];
        parent = at->buf;
        if (i + 1 == g->p->depth)
            err = fill_leaf(g, m, r);
    }
    return err;
}

/* list: one place for each level */
static void tree_record(struct merge *g, struct smo_macro *m, struct lr_empty_page_disk *list)
{
    struct logrec *r = smo_macro_add(m, LR_EMPTY_TREE, g->p->step[0].buf);
    const unsigned nr = g->p->depth - 1;

    for (unsigned i = 0; i < nr; i++) {
        const struct page p = page_at(g, i + 1);

        le64_put(&list[i].dbtime_before, page_dbtime(p));
        le32_put(&list[i].pgno, g->p->step[i + 1].buf->pgno);
        le32_put(&list[i].flags, page_flags(p));
        g->flags[i + 1] = LR_MERGE_EMPTY_PAGE;
    }
    r->empty_pages = (struct slice){(const uint8_t *)list, nr * (uint32_t)sizeof(*list)};
}

/* ---- doing it --------------------------------------------------------------------------------- */

/* Parent before child, left before right. */
static void latch_pages(struct merge *g)
{
    for (unsigned i = 0; i + 1 < g->p->depth; i++)
        smo_path_latch(g->p, i);
    if (g->left)
        buf_latch(g->left, BUF_EXCLUSIVE);
    smo_path_latch(g->p, g->p->depth - 1);
    if (g->right)
        buf_latch(g->right, BUF_EXCLUSIVE);
}

static void unlatch_pages(struct merge *g)
{
    if (g->left)
        buf_unlatch(g->left, BUF_EXCLUSIVE);
    if (g->right)
        buf_unlatch(g->right, BUF_EXCLUSIVE);
    smo_path_unlatch(g->p);
}

static bool has_one_way(const struct merge *g)
{
    for (unsigned i = 0; i + 1 < g->p->depth; i++)
        if (page_nr_lines(page_at(g, i)) != 1)
            return false;
    return true;
}

static JET_ERR make_records(struct merge *g, struct smo_macro *m, struct lr_empty_page_disk *list,
                            bool *ret_possible)
{
    JET_ERR err;

    if (g->type == MERGE_EMPTY_TREE) {
        *ret_possible = has_one_way(g);
        if (*ret_possible)
            tree_record(g, m, list);
        return JET_errSuccess;
    }
    err = select_levels(g, ret_possible);
    return err < 0 || !*ret_possible ? err : merge_records(g, m);
}

static JET_ERR run(struct merge *g, bool *ret_done)
{
    struct lr_empty_page_disk list[SMO_LEVELS_MAX];
    struct smo_macro m;
    JET_ERR err;

    smo_macro_begin(&m, g->p->s, g->p->t);
    latch_pages(g);
    err = make_records(g, &m, list, ret_done);
    if (err >= 0 && *ret_done)
        err = smo_macro_run(&m);
    unlatch_pages(g);
    smo_macro_done(&m);
    return err;
}

/* What is not given back is lost, but does no harm: it belongs to the tree, and nobody refers to
 * it. */
static JET_ERR free_pages(struct merge *g)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = g->p->depth; i-- > 1 && inst_check(g->p->s->inst) >= 0;)
        if (g->flags[i] & LR_MERGE_EMPTY_PAGE)
            err = space_free_pages(g->p->s, g->p->t, g->p->step[i].buf->pgno, 1);
    return inst_check(g->p->s->inst) < 0 ? err : JET_errSuccess;
}

JET_ERR smo_merge(struct smo_path *p)
{
    struct merge g = {.p = p};
    bool done = false;
    JET_ERR err = choose_type(&g);

    if (err >= 0 && g.type != MERGE_NONE)
        err = run(&g, &done);
    buf_put(g.left);
    buf_put(g.right);
    if (err >= 0 && done)
        err = free_pages(&g);
    free(g.separator);
    return err;
}
