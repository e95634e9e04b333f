/* Undoing one operation on one node; see undo.h. */
#include "btree/undo.h"

#include <string.h>

#include "btree/btread.h"
#include "btree/redo_int.h"

/* ---- finding the node ------------------------------------------------------------------------- */

/* Separators of a non-unique tree may reach into the data: the bookmark is one string there. */
static int compare_separator(const struct node *n, const struct undo_version *v)
{
    return redo_key_cmp((struct redo_key){{n->prefix, n->suffix}},
                        (struct redo_key){{v->key, v->data}});
}

static int compare_leaf(const struct node *n, const struct undo_version *v, bool unique)
{
    int c = redo_key_cmp((struct redo_key){{n->prefix, n->suffix}}, (struct redo_key){{v->key}});

    return c || unique ? c
                       : redo_key_cmp((struct redo_key){{n->data}}, (struct redo_key){{v->data}});
}

/* The first line that sorts after the bookmark (internal) or not before it (leaf); the number of lines: none. */
static unsigned seek(struct page p, const struct undo_version *v)
{
    const bool leaf = page_flags(p) & PAGE_LEAF, unique = redo_is_unique(p);
    unsigned low = 0, high = page_nr_lines(p);

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        struct node n = page_node(p, mid);
        bool endless = !leaf && n.prefix.len + n.suffix.len == 0;

        if (endless || (leaf ? compare_leaf(&n, v, unique) >= 0 : compare_separator(&n, v) > 0))
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static JET_ERR get_page(struct redo_db *db, const struct undo_version *v, pgno_t pgno,
                        struct buf **ret)
{
    struct page p;
    JET_ERR err = buf_get(db->pool, pgno, BUF_READ, ret);

    if (err < 0)
        return err;
    p = (struct page){(*ret)->b, (*ret)->size};
    if (!(*ret)->blank && page_objid(p) == v->objid &&
        !(page_flags(p) & (PAGE_EMPTY | PAGE_PRE_INIT)))
        return JET_errSuccess;
    buf_put(*ret);
    *ret = NULL;
    return fault(db->r, RAISE(JET_errBadPageLink), 0, pgno, redo_offset(db, pgno),
                 "the tree at page %u leads to a page that does not belong to it",
                 (unsigned)v->pgno_fdp);
}

/* ---- changing it ------------------------------------------------------------------------------ */

static bool changes_key(struct page p, const struct undo_version *v)
{
    return !redo_is_unique(p) && v->oper != UNDO_INSERT && v->oper != UNDO_FLAG_DELETE;
}

/* NULL when done, else what is in the way. */
static const char *reverse(struct edit e, unsigned line, const struct undo_version *v)
{
    const uint32_t width = v->oper == UNDO_DELTA64 ? 8 : 4;
    struct node n = page_node(edit_page(e), line);
    uint8_t *p;

    if (changes_key(edit_page(e), v))
        return "data are part of the key there";
    switch (v->oper) {
    case UNDO_INSERT:
        return page_set_node_flags(e, line, NODE_DELETED, 0) < 0 ? "there is no such line" : NULL;
    case UNDO_FLAG_DELETE:
        if (!(n.flags & NODE_DELETED))
            return "the node is not deleted";
        return page_set_node_flags(e, line, 0, NODE_DELETED) < 0 ? "there is no such line" : NULL;
    case UNDO_REPLACE:
        return page_replace(e, line, v->image) < 0 ? "there is no room for the old data" : NULL;
    case UNDO_DELTA:
    case UNDO_DELTA64:
        p = page_node_data(e, line, v->offset, width);
        if (!p)
            return "the counter lies outside the data";
        if (width == 8)
            put_le64(p, get_le64(p) - (uint64_t)v->delta);
        else
            put_le32(p, get_le32(p) - (uint32_t)v->delta);
        return NULL;
    default:
        return "an operation that leaves nothing to undo";
    }
}

/* The same questions, without a change. */
static const char *refuse(struct page p, unsigned line, const struct undo_version *v)
{
    const struct node n = page_node(p, line);
    const uint32_t width = v->oper == UNDO_DELTA64 ? 8 : 4;

    if (v->oper != UNDO_INSERT && v->oper != UNDO_REPLACE && v->oper != UNDO_FLAG_DELETE &&
        v->oper != UNDO_DELTA && v->oper != UNDO_DELTA64)
        return "an operation that leaves nothing to undo";
    if (changes_key(p, v))
        return "data are part of the key there";
    if (v->oper == UNDO_FLAG_DELETE && !(n.flags & NODE_DELETED))
        return "the node is not deleted";
    if (v->oper == UNDO_REPLACE && v->image.len > n.data.len &&
        v->image.len - n.data.len > page_free(p))
        return "there is no room for the old data";
    if ((v->oper == UNDO_DELTA || v->oper == UNDO_DELTA64) &&
        (v->offset > n.data.len || n.data.len - v->offset < width))
        return "the counter lies outside the data";
    return NULL;
}

static JET_ERR cannot(struct redo_db *db, pgno_t pgno, const char *what)
{
    return fault(db->r, RAISE(JET_errLogOperationInconsistentWithDatabase), 0, pgno,
                 redo_offset(db, pgno), "a change cannot be undone: %s", what);
}

static JET_ERR found(struct redo_db *db, const struct undo_version *v, struct buf *b,
                     struct undo_place *ret)
{
    const struct page p = {b->b, b->size};
    const unsigned line = seek(p, v);
    struct node n;
    const char *what;

    if (line < page_nr_lines(p))
        n = page_node(p, line);
    if (line >= page_nr_lines(p) || compare_leaf(&n, v, redo_is_unique(p)) != 0)
        return fault(db->r, RAISE(JET_errRecordNotFound), 0, b->pgno, redo_offset(db, b->pgno),
                     "a node of the tree at page %u that is to be rolled back is not there",
                     (unsigned)v->pgno_fdp);
    what = refuse(p, line, v);
    if (what)
        return cannot(db, b->pgno, what);
    *ret = (struct undo_place){b, b->pgno, line, page_dbtime(p)};
    return JET_errSuccess;
}

JET_ERR undo_locate(struct redo_db *db, const struct undo_version *v, struct undo_place *ret)
{
    pgno_t pgno = v->pgno_fdp;

    *ret = (struct undo_place){0};
    for (unsigned depth = 0; depth < BT_DEPTH_MAX; depth++) {
        struct buf *b;
        struct page p;
        unsigned line;
        JET_ERR err = get_page(db, v, pgno, &b);

        if (err < 0)
            return err;
        p = (struct page){b->b, b->size};
        if (page_flags(p) & PAGE_LEAF) {
            err = found(db, v, b, ret);
            if (err < 0)
                buf_put(b);
            return err;
        }
        line = seek(p, v);
        pgno = PGNO_NULL;
        if (line < page_nr_lines(p)) {
            struct node n = page_node(p, line);
            pgno = node_child(&n);
        }
        buf_put(b);
        if (pgno == PGNO_NULL)
            break;
    }
    return fault(db->r, RAISE(JET_errBadPageLink), 0, v->pgno_fdp, redo_offset(db, v->pgno_fdp),
                 "no leaf of the tree is where a node is to be rolled back");
}

void undo_release(struct undo_place *place)
{
    buf_put(place->buf);
    place->buf = NULL;
}

JET_ERR undo_perform(struct redo_db *db, const struct undo_version *v, struct undo_place *place,
                     dbtime_t dbtime, lgpos_t lgpos)
{
    struct edit e = {place->buf->b, place->buf->size};
    const char *what = reverse(e, place->line, v);
    JET_ERR err = JET_errSuccess;

    if (what) {
        err = cannot(db, place->pgno, what);
    } else {
        page_set_dbtime(e, dbtime);
        buf_dirty(place->buf, lgpos);
    }
    undo_release(place);
    return err;
}

/* ---- Undo records in redo --------------------------------------------------------------------- */

/* ESE: VERRedoPhysicalUndo. */
JET_ERR undo_redo(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                  const struct undo_version *v, bool *ret_applied)
{
    struct redo_page p;
    const char *what = NULL;
    JET_ERR err;

    *ret_applied = false;
    redo_count(db, rec);
    err = redo_open(db, lgpos, rec->pgno, rec->objid, rec->dbtime_before, rec->dbtime, &p);
    if (err < 0)
        return err;
    if (p.redo) {
        if (!v)
            err = redo_bad_log(db, lgpos, "it undoes what no earlier record did");
        else if (!(page_flags(edit_page(p.e)) & PAGE_LEAF) ||
                 rec->iline >= page_nr_lines(edit_page(p.e)))
            what = "there is no such line";
        else
            what = reverse(p.e, rec->iline, v);
        if (what)
            err = redo_inconsistent(db, lgpos, rec->pgno, what);
        if (err >= 0)
            redo_changed(&p, rec->dbtime, lgpos);
        *ret_applied = err >= 0;
    }
    redo_close(&p);
    return err;
}
