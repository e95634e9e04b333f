/*
 * A table's tree of long values, made when the first one is put away from its record (ESE: lv.cxx
 * ErrFILEOpenLVRoot, ErrFILECreateLVRoot; write path 10.2). While others may have the table open it
 * is made by a session of the engine and stays, whatever becomes of the transaction that needed it;
 * else, in that transaction.
 */
#include "btree/spacewrite.h"
#include "rec/ddl_priv.h"
#include "rec/text.h"

enum { LV_PAGES = 1, LV_DENSITY = 100 }; /* ESE: cpgLVTree */

/* f->lock. */
static void take_tree(struct fcb *f, struct tree *t, pgno_t pgno, objid_t objid)
{
    f->def.lv_pgno = pgno;
    f->def.lv_objid = objid;
    atomic_store_explicit(&f->lv, t, memory_order_release);
}

static JET_ERR get_tree(struct fcb *f, pgno_t pgno, objid_t objid, struct tree **ret)
{
    const struct space_hints *h =
        f->lv_hints.density || !f->template ? &f->lv_hints : &f->template->lv_hints;
    JET_ERR err = tree_get(f->db, pgno, objid, true, PAGE_LONG_VALUE, f->def.pgno, ret);

    if (err >= 0)
        fcb_tree_hints(*ret, h->density ? h->density : LV_DENSITY, h);
    return err;
}

/* The cached table knows that there is one. */
static JET_ERR open_known(struct fcb *f, struct tree **ret)
{
    pgno_t pgno;
    objid_t objid;
    struct tree *t;
    JET_ERR err;

    pthread_mutex_lock(&f->lock);
    pgno = f->def.lv_pgno;
    objid = f->def.lv_objid;
    pthread_mutex_unlock(&f->lock);
    *ret = NULL;
    if (pgno == 0)
        return JET_errSuccess;
    err = get_tree(f, pgno, objid, &t);
    if (err < 0)
        return err;
    pthread_mutex_lock(&f->lock);
    if (!atomic_load_explicit(&f->lv, memory_order_relaxed)) {
        take_tree(f, t, pgno, objid);
        t = NULL;
    }
    pthread_mutex_unlock(&f->lock);
    tree_put(t);
    *ret = atomic_load_explicit(&f->lv, memory_order_acquire);
    return JET_errSuccess;
}

static JET_ERR insert_row(struct sess *s, struct fcb *f, pgno_t pgno, objid_t objid)
{
    static const char name[] = "LV";
    const struct catrow row = {
        .objid_table = f->def.objid,
        .type = CATROW_LV,
        .id = objid,
        .coltyp_or_pgno = pgno,
        .space = LV_DENSITY,
        .pages_or_locale = LV_PAGES,
        .name = {(const uint8_t *)name, sizeof(name) - 1},
    };
    struct cat c;
    JET_ERR err = cat_open(&c, s, f->db);

    if (err >= 0)
        err = cat_insert(&c, &row);
    if (err >= 0)
        err = cat_objids_insert(&c, objid, f->def.objid, CATROW_LV);
    cat_close(&c);
    return err;
}

/* own: the transaction that needs it makes it, and takes it back when it rolls back. */
static JET_ERR make_tree(struct sess *s, struct fcb *f, bool own, struct tree **ret)
{
    struct tree *t;
    pgno_t pgno;
    objid_t objid;
    JET_ERR err = space_create_tree(s, f->tree, SPACE_NEW_LV, LV_PAGES, false, &pgno, &objid);

    if (err < 0)
        return err;
    err = get_tree(f, pgno, objid, &t);
    if (err < 0) {
        const JET_ERR freed = space_free_tree(s, f->tree, pgno, objid);

        (void)freed; /* else leaked */
        return err;
    }
    err = ddl_ver_tree(s, f->tree, t, false);
    if (err >= 0)
        err = insert_row(s, f, pgno, objid);
    if (err < 0) {
        tree_put(t);
        return err;
    }
    pthread_mutex_lock(&f->lock);
    take_tree(f, t, pgno, objid);
    pthread_mutex_unlock(&f->lock);
    *ret = t;
    return own ? ddl_ver_lv_new(s, f) : JET_errSuccess;
}

static JET_ERR make_own(struct sess *s, struct fcb *f, struct tree **ret)
{
    JET_ERR err = trx_begin(s);

    return err < 0 ? err : cat_end(s, make_tree(s, f, true, ret), true);
}

/* Is the table itself there for everybody? If not it is the asking session's, uncommitted. */
static JET_ERR table_is_there(struct sess *s, struct fcb *f, bool *ret)
{
    struct cat c;
    JET_ERR err = cat_open(&c, s, f->db);

    if (err >= 0)
        err = cat_find(&c, f->def.objid, CATROW_TABLE, f->def.objid);
    *ret = err >= 0;
    cat_close(&c);
    return err == JET_errRecordNotFound ? JET_errSuccess : err;
}

/* A failure after the tree is in the cached table: it is not. */
static void forget_tree(struct fcb *f)
{
    struct tree *t;

    pthread_mutex_lock(&f->lock);
    t = atomic_load_explicit(&f->lv, memory_order_relaxed);
    take_tree(f, NULL, 0, 0);
    pthread_mutex_unlock(&f->lock);
    tree_put(t);
}

static JET_ERR make_for_all(struct sess *s, struct fcb *f, struct tree **ret)
{
    struct sess *system;
    bool there = false;
    JET_ERR err = sess_new(s->inst, true, &system);

    if (err < 0)
        return err;
    err = trx_begin(system);
    if (err >= 0) {
        err = table_is_there(system, f, &there);
        if (err >= 0 && there)
            err = make_tree(system, f, false, ret);
        err = cat_end(system, err, true);
        if (err < 0)
            forget_tree(f);
    }
    sess_free(system);
    return err < 0 || there ? err : make_own(s, f, ret);
}

JET_ERR fcb_lv_tree(struct sess *s, struct fcb *f, bool make, struct tree **ret)
{
    struct fcb_cache *cache;
    JET_ERR err;

    *ret = atomic_load_explicit(&f->lv, memory_order_acquire);
    if (*ret)
        return JET_errSuccess;
    err = open_known(f, ret);
    if (err < 0 || *ret || !make)
        return err;
    err = fcb_cache_get(f->db, &cache);
    if (err < 0)
        return err;
    pthread_mutex_lock(&cache->lv_lock);
    *ret = atomic_load_explicit(&f->lv, memory_order_acquire);
    if (!*ret)
        err = fcb_is_exclusive(s, f) ? make_own(s, f, ret) : make_for_all(s, f, ret);
    pthread_mutex_unlock(&cache->lv_lock);
    return err;
}
