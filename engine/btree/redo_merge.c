/*
 * Merge macros: Merge2 records from the highest level that changes down to the leaf. The leaf's
 * nodes go to a sibling (or there are none left), its siblings are linked to each other, its line
 * leaves the parent. And EmptyTree, which is one record by itself: the last leaf and all pages
 * above it but the root go.
 *
 * ESE: ErrLGRIRedoMerge, ErrLGRIRedoInitializeMerge, ErrLGRIRedoFreeEmptyPages (logredo.cxx);
 * BTIPerformOneMerge, BTIMergeMoveNodes, BTIMergeDeleteFlagDeletedNodes, BTIMergeFixSiblings,
 * BTIChangeKeyOfPagePointer (bt.cxx).
 */
#include "btree/redo_int.h"

enum {
    MERGE_NONE = 0,
    MERGE_EMPTY_PAGE = 1,
    MERGE_FULL_RIGHT = 2,
    MERGE_PARTIAL_RIGHT = 3,
    MERGE_FULL_LEFT = 5,
    MERGE_PARTIAL_LEFT = 6,
};

struct merge {
    struct redo_macro *m;
    const struct logrec *leaf;
    struct redo_page *page, *left, *right, *dest; /* of the leaf; dest: NULL when nothing moves */
};

static JET_ERR bad(struct merge *g, const char *what)
{
    return redo_bad_log(g->m->db, g->m->lgpos, what);
}

static JET_ERR misfit(struct merge *g, pgno_t pgno, const char *what)
{
    return redo_inconsistent(g->m->db, g->m->lgpos, pgno, what);
}

static bool goes_right(const struct merge *g)
{
    return g->leaf->merge.type == MERGE_FULL_RIGHT || g->leaf->merge.type == MERGE_PARTIAL_RIGHT;
}

static bool goes_left(const struct merge *g)
{
    return g->leaf->merge.type == MERGE_FULL_LEFT || g->leaf->merge.type == MERGE_PARTIAL_LEFT;
}

static bool is_partial(const struct merge *g)
{
    return g->leaf->merge.type == MERGE_PARTIAL_RIGHT || g->leaf->merge.type == MERGE_PARTIAL_LEFT;
}

static JET_ERR need_image(struct merge *g)
{
    const struct logrec *rec = g->leaf;

    if (!g->dest || !g->dest->redo || g->page->redo)
        return JET_errSuccess;
    if (!rec->merge.image.len)
        return fault(g->m->db->r, RAISE(JET_errDatabaseBufferDependenciesCorrupted), 515,
                     g->dest->pgno, redo_offset(g->m->db, g->dest->pgno),
                     "the page was given nodes of page %u, which is newer now, and the log record "
                     "has no image of it",
                     (unsigned)rec->pgno);
    return redo_macro_image(g->m, g->page, rec->merge.image, rec->merge.image_flags,
                            rec->dbtime_before, rec->objid);
}

static JET_ERR open_leaf(struct merge *g)
{
    const struct logrec *rec = g->leaf;
    JET_ERR err;

    if (rec->merge.type == MERGE_NONE || rec->merge.type > MERGE_PARTIAL_LEFT ||
        rec->merge.type == 4)
        return bad(g, "a merge of an unknown kind");
    err = redo_macro_open(g->m, rec->pgno, rec->objid, rec->dbtime_before, &g->page);
    if (err >= 0)
        err = redo_macro_open(g->m, rec->merge.pgno_left, rec->objid, rec->merge.left_before,
                              &g->left);
    if (err >= 0)
        err = redo_macro_open(g->m, rec->merge.pgno_right, rec->objid, rec->merge.right_before,
                              &g->right);
    if (err < 0)
        return err;
    if (goes_right(g) || goes_left(g))
        g->dest = goes_right(g) ? g->right : g->left;
    if (g->dest && !g->dest->pgno)
        return bad(g, "a merge has nowhere to go");
    return need_image(g);
}

/* ---- leaf ------------------------------------------------------------------------------------- */

/* Lines that are flagged as deleted are not moved. */
static JET_ERR move_nodes(struct merge *g)
{
    struct page from = edit_page(g->page->e), to = edit_page(g->dest->e);
    const unsigned nr = page_nr_lines(from), at = g->leaf->merge.iline_merge;
    const unsigned min = goes_right(g) ? at : 0, max = goes_right(g) ? nr : at + 1u;
    const unsigned dest = goes_right(g) ? 0 : page_nr_lines(to);

    if (min > nr || max > nr || !(page_flags(from) & PAGE_LEAF) || !(page_flags(to) & PAGE_LEAF))
        return misfit(g, g->page->pgno, "it has other lines than those that are merged");
    for (unsigned i = max; i-- > min;) {
        struct node n = page_node(from, i);
        struct redo_key key = {{n.prefix, n.suffix}};

        if (n.flags & NODE_DELETED)
            continue;
        if (redo_insert(g->dest->e, dest, n.flags, key, n.data) < 0)
            return misfit(g, g->dest->pgno, "there is no room for the nodes that come to it");
    }
    return JET_errSuccess;
}

static JET_ERR drop_moved(struct merge *g)
{
    struct edit e = g->page->e;
    const unsigned at = g->leaf->merge.iline_merge;
    JET_ERR err = JET_errSuccess;

    if (goes_right(g))
        err = page_truncate(e, at);
    else
        for (unsigned i = at + 1u; i-- > 0 && err >= 0;)
            err = page_delete(e, i);
    return err < 0 ? misfit(g, g->page->pgno, "it has no such lines") : err;
}

static JET_ERR merge_leaf(struct merge *g)
{
    JET_ERR err = JET_errSuccess;

    if (g->dest && g->dest->redo)
        err = move_nodes(g);
    if (err >= 0 && g->page->redo && is_partial(g))
        err = drop_moved(g);
    if (err < 0)
        return err;
    g->left->sound = g->left != g->dest;
    g->right->sound = g->right != g->dest;
    if (!is_partial(g) && g->left->redo)
        page_set_next(g->left->e, g->right->pgno);
    if (!is_partial(g) && g->right->redo)
        page_set_prev(g->right->e, g->left->pgno);
    if ((g->leaf->merge.flags & LR_MERGE_EMPTY_PAGE) && g->page->redo &&
        page_set_empty(g->page->e) < 0)
        return misfit(g, g->page->pgno, "it left its tree before");
    return JET_errSuccess;
}

/* ---- internal levels -------------------------------------------------------------------------- */

static JET_ERR change_key(struct edit e, unsigned line, struct slice key)
{
    uint8_t data[4], *p = page_node_data(e, line, 0, 4);
    JET_ERR err;

    if (!p)
        return RAISE(JET_errPageTagCorrupted);
    memcpy(data, p, 4);
    err = page_delete(e, line);
    if (err >= 0)
        err = redo_insert(e, line, 0, (struct redo_key){{key}}, (struct slice){data, 4});
    return err;
}

/* When the last line goes, which has no key, the one before it becomes the last. */
static JET_ERR delete_child(struct edit e, unsigned line)
{
    struct node n;
    bool endless;
    JET_ERR err;

    if (line >= page_nr_lines(edit_page(e)))
        return RAISE(JET_errPageTagCorrupted);
    n = page_node(edit_page(e), line);
    endless = n.prefix.len + n.suffix.len == 0;
    err = page_delete(e, line);
    if (err >= 0 && endless)
        err = line ? change_key(e, line - 1, (struct slice){0}) : RAISE(JET_errPageTagCorrupted);
    return err;
}

static JET_ERR change_parent(struct merge *g, const struct logrec *rec, const struct logrec *child,
                             struct edit e)
{
    const unsigned flags = rec->merge.flags, line = rec->iline;
    const bool both = (flags & LR_MERGE_DELETE_NODE) && (flags & LR_MERGE_KEY_CHANGE);
    const unsigned type = g->leaf->merge.type;

    if (both && type == MERGE_FULL_LEFT) {
        /* The left sibling's line goes, and the page's own leads to the sibling from now on. */
        if (!line || !redo_set_child(e, line, child->pgno, g->left->pgno))
            return RAISE(JET_errPageTagCorrupted);
        return page_delete(e, line - 1);
    }
    if (flags & LR_MERGE_DELETE_NODE)
        return delete_child(e, line);
    if (flags & LR_MERGE_KEY_CHANGE) {
        if (type == MERGE_PARTIAL_LEFT && !line)
            return RAISE(JET_errPageTagCorrupted);
        return change_key(e, type == MERGE_PARTIAL_LEFT ? line - 1 : line,
                          g->leaf->merge.key_parent);
    }
    return flags & LR_MERGE_EMPTY_PAGE ? page_set_empty(e) : JET_errSuccess;
}

static JET_ERR merge_parent(struct merge *g, const struct logrec *rec, const struct logrec *child)
{
    struct redo_page *p;
    JET_ERR err = redo_macro_open(g->m, rec->pgno, rec->objid, rec->dbtime_before, &p);

    if (err < 0 || !p->redo)
        return err;
    if (page_flags(edit_page(p->e)) & PAGE_LEAF)
        return misfit(g, p->pgno, "it is a leaf");
    if (change_parent(g, rec, child, p->e) < 0)
        return misfit(g, p->pgno, "it has not the line that leads to the page that is merged");
    return JET_errSuccess;
}

JET_ERR redo_merge(struct redo_macro *m, const struct logrec *recs, unsigned nr)
{
    struct merge g = {.m = m, .leaf = &recs[nr - 1]};
    JET_ERR err;

    if (nr > REDO_LEVELS_MAX)
        return bad(&g, "a merge of too many levels");
    for (unsigned i = 0; i < nr; i++)
        if (recs[i].type != LR_MERGE2)
            return bad(&g, "a merge goes with another record");
    err = open_leaf(&g);
    for (unsigned i = 0; i + 1 < nr && err >= 0; i++)
        err = merge_parent(&g, &recs[i], &recs[i + 1]);
    return err < 0 ? err : merge_leaf(&g);
}

/* ---- EmptyTree -------------------------------------------------------------------------------- */

static JET_ERR empty_pages(struct redo_macro *m, const struct logrec *rec)
{
    const struct lr_empty_page_disk *list = (const void *)rec->empty_pages.p;
    const size_t nr = rec->empty_pages.len / sizeof(*list);

    for (size_t i = 0; i < nr; i++) {
        struct redo_page *p;
        JET_ERR err;

        if (le32_get(list[i].pgno) == PGNO_NULL)
            return redo_bad_log(m->db, m->lgpos, "it changes a page that cannot be");
        err = redo_macro_open(m, le32_get(list[i].pgno), rec->objid,
                              le64_get(list[i].dbtime_before), &p);
        if (err < 0)
            return err;
        if (p->redo && page_set_empty(p->e) < 0)
            return redo_inconsistent(m->db, m->lgpos, p->pgno, "it left its tree before");
    }
    return JET_errSuccess;
}

/* ESE: NDSetEmptyTree. */
JET_ERR redo_empty_tree(struct redo_macro *m, const struct logrec *rec, struct redo_result *ret)
{
    struct redo_page *root;
    struct page p;
    JET_ERR err;

    if (rec->pgno == PGNO_NULL)
        return redo_bad_log(m->db, m->lgpos, "it changes a page that cannot be");
    err = redo_macro_open(m, rec->pgno, rec->objid, rec->dbtime_before, &root);
    if (err < 0)
        return err;
    p = edit_page(root->e);
    if (root->redo &&
        (!(page_flags(p) & PAGE_ROOT) || (page_flags(p) & PAGE_LEAF) || page_nr_lines(p) != 1))
        return redo_inconsistent(m->db, m->lgpos, rec->pgno, "it is no root with one child");
    err = empty_pages(m, rec);
    if (err < 0 || !root->redo)
        return err;
    page_set_flags(root->e, (page_flags(p) & ~(uint32_t)PAGE_PARENT_OF_LEAF) | PAGE_LEAF);
    ret->applied = true;
    return page_delete(root->e, 0);
}
