/*
 * A page moves to another number (PageMove, alone), or a tree's root and its two space trees do (RootPageMove,
 * a macro with three PageMove, the headers of the child trees and the catalogue's rows).
 *
 * ESE: ErrLGRIIRedoPageMove, ErrLGIRedoRootMoveStructures (logredo.cxx), BTPerformPageMove (bt.cxx),
 * SHKPerformRootMove (dbshrink.cxx). From the source only: no log that has them is known.
 */
#include "btree/redo_int.h"
#include "btree/space.h"

enum { MOVE_FDP = 1, MOVE_OE = 2, MOVE_AE = 4 };

static JET_ERR copy_to(struct redo_macro *m, const struct redo_page *from, struct redo_page *to)
{
    if (page_objid(edit_page(from->e)) == 0)
        return redo_inconsistent(m->db, m->lgpos, from->pgno, "it belongs to no tree");
    memcpy(to->copy, from->copy, m->db->page_size);
    if (m->db->page_size > 8192)
        le32_put(&((struct page_hdr2_disk *)to->copy)->pgno, to->pgno);
    return JET_errSuccess;
}

/* The source, as it was: the page itself, or what the record has of it when that is newer. */
static JET_ERR open_source(struct redo_macro *m, const struct logrec *rec, struct redo_page **ret,
                           struct redo_page **ret_dest)
{
    JET_ERR err = redo_macro_open(m, rec->pgno, rec->objid, rec->dbtime_before, ret);

    if (err >= 0)
        err = redo_macro_open_new(m, rec->move.pgno_dest, ret_dest);
    if (err >= 0 && (*ret_dest)->redo && !(*ret)->redo)
        err = redo_macro_image2(m, *ret, rec->move.header, rec->move.trailer, rec->dbtime_before,
                                rec->objid);
    if (err >= 0 && (*ret_dest)->redo)
        err = copy_to(m, *ret, *ret_dest);
    if (err >= 0 && (*ret)->redo && page_set_empty((*ret)->e) < 0)
        err = redo_inconsistent(m->db, m->lgpos, rec->pgno, "it left its tree before");
    return err;
}

JET_ERR redo_page_move(struct redo_macro *m, const struct logrec *rec)
{
    struct redo_page *parent, *source, *dest, *left, *right;
    JET_ERR err;

    if (rec->move.flags || rec->move.iline_parent < 0)
        return redo_bad_log(m->db, m->lgpos, "a root moves without its macro");
    err = redo_macro_open(m, rec->move.pgno_parent, rec->objid, rec->move.parent_before, &parent);
    if (err >= 0)
        err = open_source(m, rec, &source, &dest);
    if (err >= 0)
        err = redo_macro_open(m, rec->move.pgno_left, rec->objid, rec->move.left_before, &left);
    if (err >= 0)
        err = redo_macro_open(m, rec->move.pgno_right, rec->objid, rec->move.right_before, &right);
    if (err < 0)
        return err;
    if (parent->redo && !redo_set_child(parent->e, (unsigned)rec->move.iline_parent, rec->pgno,
                                        rec->move.pgno_dest))
        return redo_inconsistent(m->db, m->lgpos, parent->pgno, "it does not point to the page");
    if (left->redo)
        page_set_next(left->e, rec->move.pgno_dest);
    if (right->redo)
        page_set_prev(right->e, rec->move.pgno_dest);
    return JET_errSuccess;
}

/* ---- roots ------------------------------------------------------------------------------------ */

static JET_ERR set_oe(struct redo_macro *m, struct redo_page *root, pgno_t oe)
{
    struct slice h = page_external_header(edit_page(root->e));
    struct space_header sh;
    struct space_hdr_disk d;

    if (space_header_decode(h, &sh) || !sh.multiple)
        return redo_inconsistent(m->db, m->lgpos, root->pgno, "it is no root with space trees");
    memcpy(&d, h.p + (h.len > sizeof(d) ? 1 : 0), sizeof(d));
    le32_put(&d.pgno_oe_or_bitmap, oe);
    return redo_set_space_header(root->e, &d);
}

static JET_ERR move_roots(struct redo_macro *m, const struct logrec *recs, unsigned nr)
{
    struct redo_page *source, *root = NULL;
    pgno_t oe = PGNO_NULL;
    unsigned seen = 0;

    for (unsigned i = 0; i < nr; i++) {
        struct redo_page *dest;
        JET_ERR err;

        if (recs[i].type != LR_PAGE_MOVE)
            continue;
        err = open_source(m, &recs[i], &source, &dest);
        if (err < 0)
            return err;
        if (recs[i].move.flags & MOVE_FDP)
            root = dest;
        if (recs[i].move.flags & MOVE_OE)
            oe = dest->pgno;
        seen |= recs[i].move.flags;
    }
    if (seen != (MOVE_FDP | MOVE_OE | MOVE_AE) || !root)
        return redo_bad_log(m->db, m->lgpos, "the move of a root is not whole");
    return root->redo ? set_oe(m, root, oe) : JET_errSuccess;
}

/* A catalogue page may have two of the rows. */
static JET_ERR open_row(struct redo_macro *m, const struct logrec *rec, struct redo_page **ret)
{
    for (unsigned i = 0; i < m->nr_pages; i++)
        if (m->page[i].pgno == rec->pgno) {
            *ret = &m->page[i];
            return JET_errSuccess;
        }
    return redo_macro_open(m, rec->pgno, rec->objid, rec->dbtime_before, ret);
}

static JET_ERR change_reference(struct redo_macro *m, const struct logrec *rec)
{
    struct redo_page *p;
    JET_ERR err = open_row(m, rec, &p);

    if (err < 0 || !p->redo)
        return err;
    if (rec->type == LR_REPLACE) {
        err = page_replace(p->e, rec->iline, rec->replace.data);
    } else {
        struct space_hdr_disk h;

        if (rec->external_header.len != sizeof(h))
            return redo_bad_log(m->db, m->lgpos, "a child tree gets no space header");
        memcpy(&h, rec->external_header.p, sizeof(h));
        err = redo_set_space_header(p->e, &h);
    }
    return err < 0
               ? redo_inconsistent(m->db, m->lgpos, rec->pgno, "there is no such line, or no room")
               : JET_errSuccess;
}

JET_ERR redo_root_move(struct redo_macro *m, const struct logrec *recs, unsigned nr)
{
    JET_ERR err = move_roots(m, recs + 1, nr - 1);

    for (unsigned i = 1; i < nr && err >= 0; i++) {
        if (recs[i].type == LR_SET_EXTERNAL_HEADER || recs[i].type == LR_REPLACE)
            err = change_reference(m, &recs[i]);
        else if (recs[i].type != LR_PAGE_MOVE)
            err = redo_bad_log(m->db, m->lgpos, "the move of a root goes with another record");
    }
    return err;
}
