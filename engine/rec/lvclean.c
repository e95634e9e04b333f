/*
 * Long values that nobody refers to any more (ESE: dbtask.cxx DELETELVTASK, lv.cxx
 * ErrRECDeleteLV_LegacyVersioned; write path 10.5). They are removed from their end, so that what a
 * crash leaves is a shorter value without references, and in transactions of their own, so that
 * none of them grows with the value.
 */
#include "rec/lvwrite_priv.h"

#define PIECES_PER_TRX 256u /* ESE: dbtask.hxx g_cpgLVDataToDeletePerTrx */

struct cleaning {
    struct lv_tree lv; /* without chunk: the tree says it */
    uint64_t lid;
    struct lv_root root;
    uint32_t per_trx; /* bytes */
};

/* The node the place is on: *ret. False: it is not of the value, or there is none. */
static bool is_own(struct cleaning *c, JET_ERR *err, struct lv_node *ret)
{
    struct dir_node n;
    const char *what;

    if (*err >= 0)
        *err = dir_get(&c->lv.dir, &n);
    if (*err == JET_errNoCurrentRecord || *err == JET_errRecordNotFound ||
        *err == JET_errRecordDeleted) {
        *err = JET_errSuccess;
        return false;
    }
    if (*err < 0)
        return false;
    what = lv_node_decode(n.key, n.data, ret);
    c->root.len = ret->is_root ? n.data.len : c->root.len;
    dir_release(&c->lv.dir);
    if (what)
        *err = lv_tree_fault(&c->lv, JET_errLVCorrupted, c->lid, n.pgno, what);
    return *err >= 0 && ret->lid == c->lid;
}

static JET_ERR seek(struct cleaning *c, struct slice key, enum dir_seek how)
{
    const struct bookmark bm = {key, {key.p, 0}};

    return dir_seek(&c->lv.dir, &bm, how);
}

/* Whether the value is there and without references. */
static bool find_root(struct cleaning *c, JET_ERR *err)
{
    uint8_t buf[LV_KEY_MAX];
    struct lv_node v;

    *err = seek(c, lv_root_key(c->lid, buf), DIR_EQ);
    if (!is_own(c, err, &v) || !v.is_root || v.refcount != 0)
        return false;
    c->root.refcount = 0;
    c->root.size = v.size;
    c->root.flags = v.encrypted ? LVROOT_ENCRYPTED : 0;
    return true;
}

/* Where the second piece begins, all of them do. */
static JET_ERR learn_chunk(struct cleaning *c)
{
    uint8_t buf[LV_KEY_MAX];
    struct lv_node v;
    JET_ERR err = seek(c, lv_piece_key(c->lid, 1, buf), DIR_GE);

    if (is_own(c, &err, &v) && !v.is_root && v.offset <= UINT32_MAX / PIECES_PER_TRX)
        c->per_trx = v.offset * PIECES_PER_TRX;
    return err;
}

/* Deletes the value's nodes from the place on. */
static JET_ERR delete_from(struct cleaning *c)
{
    struct lv_node v;
    JET_ERR err = JET_errSuccess;

    while (is_own(c, &err, &v)) {
        err = dir_flag_delete(&c->lv.dir, 0);
        if (err >= 0)
            err = dir_next(&c->lv.dir);
    }
    return err;
}

/* The end of a value that is too long for one transaction. */
static JET_ERR shorten(struct cleaning *c)
{
    uint8_t buf[LV_KEY_MAX];
    JET_ERR err;

    c->root.size = (c->root.size - 1) / c->per_trx * c->per_trx;
    err = lv_replace_root(&c->lv, &c->root);
    if (err >= 0)
        err = seek(c, lv_piece_key(c->lid, c->root.size, buf), DIR_GE);
    return err == JET_errRecordNotFound ? JET_errSuccess : err < 0 ? err : delete_from(c);
}

/* What was done so far is a transaction of its own. */
static JET_ERR next_transaction(struct sess *s)
{
    JET_ERR err = trx_commit(s, true);

    return err < 0 ? err : trx_begin(s);
}

static JET_ERR clean(struct cleaning *c)
{
    JET_ERR err;

    if (!find_root(c, &err))
        return err;
    err = learn_chunk(c);
    while (err >= 0 && find_root(c, &err)) {
        if (!c->per_trx || c->root.size <= c->per_trx)
            return delete_from(c);
        err = shorten(c);
        if (err >= 0)
            err = next_transaction(c->lv.sess);
    }
    return err;
}

/* Somebody has changed the value, so it has a reference again, or he is removing it. */
static JET_ERR leave_it(struct sess *s)
{
    JET_ERR err = trx_rollback(s);

    return err < 0 ? err : trx_begin(s);
}

JET_ERR lv_clean(struct sess *s, struct tree *t, const struct bookmark *bm)
{
    struct cleaning c = {.lv = {.sess = s, .tree = t}};
    JET_ERR err;

    if (bm->key.len != 4 && bm->key.len != 8)
        return JET_errSuccess;
    c.lid = get_be32(bm->key.p);
    if (bm->key.len == 8)
        c.lid = c.lid << 32 | get_be32(bm->key.p + 4);
    err = next_transaction(s);
    if (err >= 0)
        err = dir_init(&c.lv.dir, s, t);
    if (err < 0)
        return err;
    err = clean(&c);
    dir_done(&c.lv.dir);
    if (err == JET_errWriteConflict)
        return leave_it(s);
    return err < 0 ? err : next_transaction(s);
}
