/*
 * DDL in the version store: what to take back when the transaction rolls back, what to do for good
 * once nobody is older than its commit (ESE: ver.cxx VERIUndoCreateTable and its like,
 * ErrVERICleanDDL; write path 11.1).
 *
 * Undo restores the cached table; rows of the catalogue are undone as any rows are. Space of what
 * was made goes back in the rolling session; space of what was deleted only in the clean-up, and a
 * failure of either leaks it, no more.
 */
#include <stdlib.h>

#include "btree/spacewrite.h"
#include "rec/ddl_ver.h"

static void drop(struct fcb_hold *h)
{
    struct ddl_arg *a = (struct ddl_arg *)h;

    tree_put(a->tree);
    tree_put(a->parent);
    fcb_index_put(a->ix);
    fcb_unref(a->f);
    a->tree = a->parent = NULL;
    a->ix = NULL;
    a->f = NULL;
    a->db = NULL;
}

void ddl_arg_free(void *p)
{
    struct ddl_arg *a = p;

    if (a->db) {
        fcb_hold_end(a->db, &a->hold);
        drop(&a->hold);
    }
    free((void *)(uintptr_t)a->zero.key.p);
    free(a);
}

struct ddl_arg *ddl_arg_new(struct db *d, struct fcb *f)
{
    struct ddl_arg *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->db = d;
    a->f = f;
    if (f)
        fcb_ref(f);
    a->hold.drop = drop;
    fcb_hold_begin(d, &a->hold);
    return a;
}

static JET_ERR undo(struct sess *s, void *p)
{
    struct ddl_arg *a = p;

    return a->db && a->kind->undo ? a->kind->undo(s, a) : JET_errSuccess;
}

static JET_ERR clean(struct sess *s, void *p, uint32_t trx_commit)
{
    struct ddl_arg *a = p;

    return a->db ? a->kind->clean(s, a, trx_commit) : JET_errSuccess;
}

static struct db *arg_db(const void *p)
{
    const struct ddl_arg *a = p;

    return a->db;
}

JET_ERR ddl_ver_add_only(struct sess *s, const struct ddl_kind *kind, struct ddl_arg *a)
{
    static const struct ver_ddl both = {undo, clean, ddl_arg_free, arg_db};
    static const struct ver_ddl no_clean = {undo, NULL, ddl_arg_free, arg_db};

    a->kind = kind;
    return ver_add_ddl(s, kind->clean ? &both : &no_clean, a);
}

JET_ERR ddl_ver_add(struct sess *s, const struct ddl_kind *kind, struct ddl_arg *a)
{
    JET_ERR err = ddl_ver_add_only(s, kind, a);

    if (err < 0) {
        JET_ERR undone = undo(s, a);

        ddl_arg_free(a);
        if (undone < 0)
            err = undone;
    }
    return err;
}

/* Only what brings the instance down counts: whatever else happens costs space, and nothing can
 * be done about it. */
static JET_ERR unless_down(struct sess *s)
{
    return inst_check(s->inst);
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* Nobody is in it and none will come. */
static void tree_close(struct tree *t)
{
    atomic_store_explicit(&t->deleted, true, memory_order_release);
    pthread_rwlock_wrlock(&t->smo);
    pthread_rwlock_unlock(&t->smo);
}

static JET_ERR log_free_fdp(struct sess *s, const struct ddl_arg *a, uint32_t trx_commit)
{
    struct logrec rec = {.type = LR_FREE_FDP,
                         .dbid = a->db->dbid,
                         .pgno_fdp = a->tree->root,
                         .trx = trx_commit,
                         .free_fdp.fdp_type = a->fdp_type};
    lgpos_t lgpos;

    return trx_log(s, NULL, &rec, &lgpos);
}

static JET_ERR free_tree(struct sess *s, struct ddl_arg *a)
{
    JET_ERR freed;

    tree_close(a->tree);
    freed = space_free_tree(s, a->parent, a->tree->root, a->tree->objid);
    (void)freed;
    return unless_down(s);
}

JET_ERR ddl_clean_tree(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    JET_ERR err = log_free_fdp(s, a, trx_commit);

    return err < 0 ? err : free_tree(s, a);
}

static const struct ddl_kind tree_gone = {NULL, ddl_clean_tree};

JET_ERR ddl_free_later(struct sess *s, const struct ddl_arg *a)
{
    struct ddl_arg *later = ddl_arg_new(a->db, a->f);

    if (!later)
        return JET_errSuccess; /* leaked */
    later->tree = ddl_tree_ref(a->tree);
    later->parent = ddl_tree_ref(a->parent);
    later->fdp_type = a->fdp_type;
    return ddl_ver_add(s, &tree_gone, later);
}

/* A rolling session cannot leave work to its own transaction. */
static JET_ERR leave_to_cleaner(struct sess *s, const struct ddl_arg *a)
{
    struct sess *system;
    JET_ERR err = sess_new(s->inst, true, &system);

    if (err < 0)
        return unless_down(s);
    err = trx_begin(system);
    if (err >= 0)
        err = cat_end(system, ddl_free_later(system, a), true);
    sess_free(system);
    return err < 0 ? unless_down(s) : JET_errSuccess;
}

static JET_ERR undo_tree(struct sess *s, struct ddl_arg *a)
{
    if (a->shared && atomic_load_explicit(&a->tree->nr_ver, memory_order_acquire))
        return leave_to_cleaner(s, a);
    atomic_store_explicit(&a->tree->deleted, true, memory_order_release);
    ver_forget_tree(a->tree); /* the clean-up of what was undone in it */
    return free_tree(s, a);
}

static const struct ddl_kind tree_new = {undo_tree, NULL};

JET_ERR ddl_ver_tree(struct sess *s, struct tree *parent, struct tree *t, bool shared)
{
    struct ddl_arg *a = ddl_arg_new(t->db, NULL);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    a->tree = ddl_tree_ref(t);
    a->parent = ddl_tree_ref(parent);
    a->shared = shared;
    a->fdp_type = FDP_INDEX;
    return ddl_ver_add(s, &tree_new, a);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static JET_ERR undo_table_new(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    fcb_forget_objid(a->db, a->objid);
    return JET_errSuccess;
}

static const struct ddl_kind table_new = {undo_table_new, NULL};

JET_ERR ddl_ver_table_new(struct sess *s, struct db *d, objid_t objid)
{
    struct ddl_arg *a = ddl_arg_new(d, NULL);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    a->objid = objid;
    return ddl_ver_add(s, &table_new, a);
}

static void set_deleting(struct fcb *f, bool deleting)
{
    pthread_mutex_lock(&f->lock);
    f->deleting = deleting;
    pthread_mutex_unlock(&f->lock);
}

static JET_ERR undo_table_gone(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    set_deleting(a->f, false);
    return JET_errSuccess;
}

/* Its indexes and long values lie in its own extents. */
static JET_ERR clean_table_gone(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    struct tree *lv = atomic_load_explicit(&a->f->lv, memory_order_acquire);
    JET_ERR err;

    for (unsigned i = 0; i < a->f->nr_all; i++)
        tree_close(a->f->all[i]->tree);
    if (lv)
        tree_close(lv);
    fcb_forget(a->f);
    err = log_free_fdp(s, a, trx_commit);
    return err < 0 ? err : free_tree(s, a);
}

static const struct ddl_kind table_gone = {undo_table_gone, clean_table_gone};

JET_ERR ddl_ver_table_gone(struct sess *s, struct fcb *f)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);
    struct tree *root;
    JET_ERR err;

    if (!a)
        return RAISE(JET_errOutOfMemory);
    err = space_root(f->db, &root);
    if (err < 0) {
        ddl_arg_free(a);
        return err;
    }
    a->parent = root;
    a->tree = ddl_tree_ref(f->tree);
    a->fdp_type = FDP_TABLE;
    set_deleting(f, true);
    return ddl_ver_add(s, &table_gone, a);
}

static JET_ERR undo_table_name(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    pthread_mutex_lock(&a->f->lock);
    a->f->def.name = a->old_name;
    fcb_changed(a->f);
    pthread_mutex_unlock(&a->f->lock);
    return JET_errSuccess;
}

static const struct ddl_kind table_name = {undo_table_name, NULL};

JET_ERR ddl_ver_table_name(struct sess *s, struct fcb *f, const char *old)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    a->old_name = old;
    return ddl_ver_add(s, &table_name, a);
}
