/*
 * Escrow columns (ESE: recupd.cxx ErrRECEscrowUpdate), and records that go when one of them has come to 0
 * (JET_bitColumnDeleteOnZero, JET_bitColumnFinalize; ESE: dbtask.cxx FINALIZETASK, old.cxx RECCHECKFINALIZE).
 *
 * An update that may have brought a column to 0 leaves an entry in the version store, among those of DDL: rolled back it
 * means nothing, and when nobody is older than its commit the clean-up looks at the record. It goes when the column is 0
 * and nobody holds a version of the record; while somebody does, the entry is made anew and comes again when he has ended.
 * After a crash the leaves with such updates are looked at instead (livesweep.c): there every record at 0 goes.
 */
#include <stdlib.h>

#include "rec/ddl_ver.h"
#include "rec/fucb_priv.h"

#define ON_ZERO (COLUMN_DELETE_ON_ZERO | COLUMN_FINALIZE)

/* ---- records at 0 ---------------------------------------------------------------------------- */

static JET_ERR clean_zero(struct sess *s, struct ddl_arg *a, uint32_t trx_commit);
static const struct ddl_kind zero_kind = {NULL, clean_zero};

static struct ddl_arg *zero_arg(struct fcb *f, const struct ddl_zero *z)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);

    if (!a)
        return NULL;
    a->zero = *z;
    a->zero.key.p = malloc(z->key.len);
    if (!a->zero.key.p) {
        ddl_arg_free(a);
        return NULL;
    }
    memcpy((uint8_t *)(uintptr_t)a->zero.key.p, z->key.p, z->key.len);
    return a;
}

static JET_ERR look_later(struct sess *s, struct fcb *f, const struct ddl_zero *z)
{
    struct ddl_arg *a = zero_arg(f, z);
    JET_ERR err = a ? ddl_ver_add_only(s, &zero_kind, a) : RAISE(JET_errOutOfMemory);

    if (a && err < 0)
        ddl_arg_free(a);
    return err;
}

enum found { GONE, COUNTS, IN_USE, AT_ZERO };

static JET_ERR look(struct fucb *c, const struct ddl_zero *z, enum found *ret)
{
    const struct bookmark bm = {z->key, {z->key.p, 0}};
    const uint32_t width = z->wide ? 8 : 4;
    struct dir_node n;
    JET_ERR err = dir_seek(&c->data, &bm, DIR_EQ);

    *ret = GONE;
    if (err == JET_errRecordNotFound)
        return JET_errSuccess;
    if (err >= 0)
        err = dir_get(&c->data, &n);
    if (err < 0)
        return err == JET_errRecordDeleted ? JET_errSuccess : err;
    if (ver_is_active(c->fcb->tree, &bm))
        *ret = IN_USE;
    else if (n.data.len < z->offset + width)
        *ret = COUNTS; /* older than the column */
    else
        *ret = (z->wide ? get_le64(n.data.p + z->offset) : get_le32(n.data.p + z->offset))
                   ? COUNTS
                   : AT_ZERO;
    dir_release(&c->data);
    return JET_errSuccess;
}

/* The table's schema stands still. In a level of its own, so that a conflict leaves nothing. */
static JET_ERR delete_record(struct fucb *c)
{
    JET_ERR err = fucb_refresh(c), err2;

    if (err >= 0)
        err = trx_begin(c->sess);
    if (err < 0)
        return err;
    err = fucb_delete_begun(c);
    err2 = err < 0 ? trx_rollback(c->sess) : trx_commit(c->sess, true);
    return err2 < 0 ? err2 : err;
}

/* The clean-up may run on a session that waits for the table: it does not wait for anybody. */
static JET_ERR finish(struct fucb *c, const struct ddl_zero *z)
{
    enum found found;
    JET_ERR err = look(c, z, &found);

    if (err >= 0 && found == AT_ZERO) {
        if (!fcb_change_try(c->sess, c->fcb))
            return look_later(c->sess, c->fcb, z);
        err = delete_record(c);
        fcb_change_end(c->fcb);
    }
    if (err == JET_errRecordDeleted)
        return JET_errSuccess;
    return found == IN_USE || err == JET_errWriteConflict ? look_later(c->sess, c->fcb, z) : err;
}

/* No user of the table: nobody's wish to have it for himself is in the way, nor is this in his. */
static JET_ERR visit(struct sess *s, struct fcb *f, const struct ddl_zero *z)
{
    struct fucb *c;
    JET_ERR err;

    if (atomic_load_explicit(&f->deleted, memory_order_acquire) ||
        atomic_load_explicit(&f->tree->deleted, memory_order_acquire))
        return JET_errSuccess;
    fcb_ref(f);
    err = fucb_new(s, f, 0, &c);
    if (err < 0)
        return err;
    err = finish(c, z);
    fucb_close(c);
    return err;
}

static JET_ERR clean_zero(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    (void)trx_commit;
    return visit(s, a->f, &a->zero);
}

/* ---- after a crash --------------------------------------------------------------------------- */

struct zeros { /* of a leaf: records whose column is 0 */
    struct ddl_zero *z;
    unsigned nr;
    uint8_t *keys;
};

static bool is_zero(const struct page *p, unsigned line, const struct column *col)
{
    const struct node n = page_node(*p, line);
    struct recview v;
    struct value val;

    if ((n.flags & NODE_DELETED) ||
        recview_init(&v, n.data, tagged_layout_of(p->size, page_flags(*p))) ||
        recview_get(&v, col, 1, &val) != RECORD_VALUE || val.data.len != col->len)
        return false;
    return col->len == 8 ? get_le64(val.data.p) == 0 : get_le32(val.data.p) == 0;
}

/* The leaf is latched. */
static void note_zeros(struct zeros *x, struct page p, const struct tdb *t)
{
    const unsigned nr = page_nr_lines(p);
    uint8_t *at = x->keys;

    for (unsigned i = 0; i < nr; i++)
        for (unsigned k = 0; k < t->schema.nr_columns; k++) {
            const struct column *col = &t->schema.columns[k];
            const struct node n = page_node(p, i);
            if (!(col->flags & ON_ZERO) || !is_zero(&p, i, col))
                continue;
            x->z[x->nr++] =
                (struct ddl_zero){{at, node_key(&n, at)}, (uint16_t)col->offset, col->len == 8};
            at += x->z[x->nr - 1].key.len;
            break;
        }
}

static bool is_leaf(const struct buf *b, objid_t objid)
{
    const struct page p = {b->b, b->size};

    return !b->blank && page_objid(p) == objid &&
           (page_flags(p) & (PAGE_LEAF | PAGE_EMPTY | PAGE_PRE_INIT | PAGE_SPACE_TREE |
                             PAGE_LONG_VALUE | PAGE_INDEX)) == PAGE_LEAF;
}

static JET_ERR find_zeros(struct zeros *x, struct fcb *f, const struct tdb *t, pgno_t leaf)
{
    struct buf *b;
    JET_ERR err = buf_get_latched(f->db->pool, leaf, BUF_READ, BUF_SHARED, &b);

    if (err < 0)
        return err;
    if (is_leaf(b, f->def.objid)) {
        const struct page p = {b->b, b->size};
        const unsigned nr = page_nr_lines(p) + 1;

        x->z = calloc(nr, sizeof(*x->z));
        x->keys = malloc((size_t)nr * INDEX_KEY_LIMIT);
        if (x->z && x->keys)
            note_zeros(x, p, t);
        else
            err = RAISE(JET_errOutOfMemory);
    }
    buf_release(b, BUF_SHARED);
    return err;
}

static bool has_such_column(const struct tdb *t)
{
    for (unsigned i = 0; i < t->schema.nr_columns; i++)
        if (t->schema.columns[i].flags & ON_ZERO)
            return true;
    return false;
}

static JET_ERR sweep(struct sess *s, struct fcb *f, pgno_t leaf)
{
    struct zeros x = {0};
    struct tdb *t = NULL;
    JET_ERR err = fcb_refresh(f, &t);

    if (err >= 0 && has_such_column(t))
        err = find_zeros(&x, f, t, leaf);
    for (unsigned i = 0; i < x.nr && err >= 0; i++)
        err = visit(s, f, &x.z[i]);
    free(x.z);
    free(x.keys);
    tdb_put(t);
    return err;
}

JET_ERR escrow_sweep_leaf(struct sess *s, struct db *d, objid_t objid, pgno_t leaf)
{
    struct fcb *f;
    JET_ERR err = trx_begin(s), err2;

    if (err < 0)
        return err;
    err = fcb_get(s, d, objid, &f);
    if (err >= 0) {
        err = sweep(s, f, leaf);
        fcb_unref(f);
    }
    err2 = err < 0 ? trx_rollback(s) : trx_commit(s, true);
    if (err == JET_errObjectNotFound) /* another tree of a table */
        err = JET_errSuccess;
    return err2 < 0 ? err2 : err;
}

/* ---- JetEscrowUpdate ------------------------------------------------------------------------- */

/* The column's place in the record must be there: a record older than the column has it not. */
static JET_ERR check_escrow(struct fucb *c, const struct column *col)
{
    enum tagged_layout layout;
    struct recview v;
    struct dir_node n;
    struct value val;
    JET_ERR err = fucb_get(c, &n, &layout);

    if (err < 0)
        return err;
    if (recview_init(&v, n.data, layout))
        err = RAISE(JET_errDatabaseCorrupted);
    else if (recview_get(&v, col, 1, &val) != RECORD_VALUE)
        err = RAISE(JET_errInvalidOperation);
    dir_release(&c->data);
    return err;
}

/* Whoever brings the page to 0 looks; and whoever does not see what is there, for the others may roll back. */
static JET_ERR add(struct fucb *c, const struct column *col, int64_t delta, int64_t *ret_old)
{
    struct dir_delta_old old;
    JET_ERR err = dir_delta(&c->data, (uint16_t)col->offset, delta, col->len == 8, &old);

    if (err < 0)
        return err;
    *ret_old = old.seen;
    if (!(col->flags & ON_ZERO) || (old.all == old.seen && old.all + delta != 0))
        return JET_errSuccess;
    return look_later(
        c->sess, c->fcb,
        &(struct ddl_zero){dir_bookmark(&c->data).key, (uint16_t)col->offset, col->len == 8});
}

/* The schema may have been exchanged while the change waited for its turn, and the column with it. */
static JET_ERR escrow_begun(struct fucb *c, uint32_t columnid, int64_t delta,
                            struct fucb_escrowed *ret)
{
    const struct column *col = tdb_column(c->tdb, columnid);
    JET_ERR err = col ? add(c, col, delta, &ret->old) : RAISE(JET_errColumnNotFound);

    ret->finalize = err >= 0 && (col->flags & COLUMN_FINALIZE) && ret->old + delta == 0;
    return err;
}

JET_ERR fucb_escrow(struct fucb *c, uint32_t columnid, int64_t delta, uint32_t len,
                    struct fucb_escrowed *ret)
{
    const struct column *col;
    JET_ERR err = fucb_writable(c);

    if (err >= 0)
        err = fucb_refresh(c);
    if (err >= 0)
        err = fucb_column(c, columnid, &col);
    if (err < 0)
        return err;
    if (!(col->flags & COLUMN_ESCROW))
        return RAISE(JET_errInvalidOperation);
    if (len != col->len)
        return RAISE(JET_errInvalidBufferSize);
    if (c->prep != FUCB_PREP_NONE)
        return RAISE(JET_errAlreadyPrepared);
    if (c->sess->level == 0)
        return RAISE(JET_errNotInTransaction);
    err = check_escrow(c, col);
    if (err >= 0)
        err = fucb_change_begin(c);
    if (err < 0)
        return err;
    return fucb_change_end(c, escrow_begun(c, columnid, delta, ret));
}
