/* Parts of tables in the version store: indexes, columns, the tree of long values (ddl_ver.c). */
#include "rec/ddl_ver.h"

static struct fcb_index *index_ref(struct fcb_index *ix)
{
    atomic_fetch_add_explicit(&ix->refs, 1, memory_order_relaxed);
    return ix;
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* Updates of others that are at work finish first, and later ones know nothing of it. */
static JET_ERR undo_index_new(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    pthread_rwlock_wrlock(&a->f->ddl);
    pthread_mutex_lock(&a->f->lock);
    fcb_remove_index(a->f, a->ix);
    fcb_changed(a->f);
    pthread_mutex_unlock(&a->f->lock);
    pthread_rwlock_unlock(&a->f->ddl);
    return JET_errSuccess;
}

static JET_ERR clean_index_new(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    (void)s;
    (void)trx_commit;
    atomic_fetch_sub_explicit(&a->ix->versioned, 1, memory_order_release);
    return JET_errSuccess;
}

static const struct ddl_kind index_new = {undo_index_new, clean_index_new};

static struct ddl_arg *index_arg(struct fcb *f, struct fcb_index *ix)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);

    if (!a)
        return NULL;
    a->ix = index_ref(ix);
    atomic_fetch_add_explicit(&ix->versioned, 1, memory_order_relaxed);
    return a;
}

JET_ERR ddl_ver_index_new(struct sess *s, struct fcb *f, struct fcb_index *ix)
{
    struct ddl_arg *a = index_arg(f, ix);
    JET_ERR err;

    if (!a)
        return RAISE(JET_errOutOfMemory);
    err = ddl_ver_add_only(s, &index_new, a);
    if (err < 0)
        ddl_arg_free(a);
    return err;
}

static JET_ERR undo_index_gone(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    atomic_store_explicit(&a->ix->deleting, false, memory_order_release);
    atomic_fetch_sub_explicit(&a->ix->versioned, 1, memory_order_release);
    return JET_errSuccess;
}

static JET_ERR clean_index_gone(struct sess *s, struct ddl_arg *a, uint32_t trx_commit);
static const struct ddl_kind index_gone = {undo_index_gone, clean_index_gone};
/* Of the cleaner's transaction: whatever becomes of that, the index does not come back. */
static const struct ddl_kind index_gone_later = {NULL, clean_index_gone};

/* The clean-up may run on a session that waits for the table: it does not wait for anybody. */
static JET_ERR clean_index_gone(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    struct ddl_arg *later;

    if (pthread_rwlock_trywrlock(&a->f->ddl) != 0) {
        later = index_arg(a->f, a->ix);
        atomic_fetch_sub_explicit(&a->ix->versioned, 1, memory_order_release);
        if (!later)
            return JET_errSuccess; /* it stays until the next attach; its space is leaked */
        later->tree = ddl_tree_ref(a->tree);
        later->parent = ddl_tree_ref(a->parent);
        later->fdp_type = a->fdp_type;
        if (ddl_ver_add_only(s, &index_gone_later, later) < 0)
            ddl_arg_free(later);
        return JET_errSuccess;
    }
    pthread_mutex_lock(&a->f->lock);
    fcb_remove_index(a->f, a->ix);
    fcb_changed(a->f);
    pthread_mutex_unlock(&a->f->lock);
    pthread_rwlock_unlock(&a->f->ddl);
    if (atomic_load_explicit(&a->tree->nr_ver, memory_order_acquire))
        return ddl_free_later(s, a);
    return ddl_clean_tree(s, a, trx_commit);
}

JET_ERR ddl_ver_index_gone(struct sess *s, struct fcb *f, struct fcb_index *ix)
{
    struct ddl_arg *a = index_arg(f, ix);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    a->tree = ddl_tree_ref(ix->tree);
    a->parent = ddl_tree_ref(f->tree);
    a->fdp_type = FDP_INDEX;
    return ddl_ver_add(s, &index_gone, a);
}

/* ---- columns --------------------------------------------------------------------------------- */

static JET_ERR undo_column_new(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    pthread_mutex_lock(&a->f->lock);
    fcb_remove_col(a->f, a->col);
    pthread_mutex_unlock(&a->f->lock);
    fcb_columns_changed(a->f);
    return JET_errSuccess;
}

static JET_ERR clean_column_new(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    (void)s;
    (void)trx_commit;
    atomic_fetch_sub_explicit(&a->col->versioned, 1, memory_order_release);
    fcb_columns_changed(a->f);
    return JET_errSuccess;
}

static const struct ddl_kind column_new = {undo_column_new, clean_column_new};

static struct ddl_arg *column_arg(struct fcb *f, struct fcb_col *col)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);

    if (a)
        a->col = col;
    return a;
}

JET_ERR ddl_ver_column_new(struct sess *s, struct fcb *f, struct fcb_col *col)
{
    struct ddl_arg *a = column_arg(f, col);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    atomic_fetch_add_explicit(&col->versioned, 1, memory_order_relaxed);
    return ddl_ver_add(s, &column_new, a);
}

static JET_ERR undo_column_gone(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    pthread_mutex_lock(&a->f->lock);
    a->col->deleting = false;
    pthread_mutex_unlock(&a->f->lock);
    atomic_fetch_sub_explicit(&a->col->versioned, 1, memory_order_release);
    return JET_errSuccess;
}

static JET_ERR clean_column_gone(struct sess *s, struct ddl_arg *a, uint32_t trx_commit)
{
    (void)s;
    (void)trx_commit;
    pthread_mutex_lock(&a->f->lock);
    a->col->deleting = false;
    a->col->deleted = true;
    pthread_mutex_unlock(&a->f->lock);
    fcb_columns_changed(a->f);
    atomic_fetch_sub_explicit(&a->col->versioned, 1, memory_order_release);
    return JET_errSuccess;
}

static const struct ddl_kind column_gone = {undo_column_gone, clean_column_gone};

JET_ERR ddl_ver_column_gone(struct sess *s, struct fcb *f, struct fcb_col *col)
{
    struct ddl_arg *a = column_arg(f, col);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    atomic_fetch_add_explicit(&col->versioned, 1, memory_order_release);
    return ddl_ver_add(s, &column_gone, a);
}

static JET_ERR undo_default(struct sess *s, struct ddl_arg *a)
{
    (void)s;
    pthread_mutex_lock(&a->f->lock);
    a->col->c.flags = a->old.flags;
    a->col->c.has_default = a->old.has_default;
    a->col->c.default_value = a->old.default_value;
    pthread_mutex_unlock(&a->f->lock);
    fcb_columns_changed(a->f);
    return JET_errSuccess;
}

static const struct ddl_kind default_set = {undo_default, NULL};

JET_ERR ddl_ver_default(struct sess *s, struct fcb *f, struct fcb_col *col,
                        const struct column *old)
{
    struct ddl_arg *a = column_arg(f, col);

    if (!a)
        return RAISE(JET_errOutOfMemory);
    a->old = *old;
    return ddl_ver_add(s, &default_set, a);
}

/* ---- long values ----------------------------------------------------------------------------- */

static JET_ERR undo_lv_new(struct sess *s, struct ddl_arg *a)
{
    struct tree *t;

    (void)s;
    pthread_mutex_lock(&a->f->lock);
    t = atomic_exchange_explicit(&a->f->lv, NULL, memory_order_acq_rel);
    a->f->def.lv_pgno = 0;
    a->f->def.lv_objid = 0;
    pthread_mutex_unlock(&a->f->lock);
    tree_put(t);
    return JET_errSuccess;
}

static const struct ddl_kind lv_new = {undo_lv_new, NULL};

JET_ERR ddl_ver_lv_new(struct sess *s, struct fcb *f)
{
    struct ddl_arg *a = ddl_arg_new(f->db, f);

    return a ? ddl_ver_add(s, &lv_new, a) : RAISE(JET_errOutOfMemory);
}
