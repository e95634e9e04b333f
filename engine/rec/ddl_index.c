/* Indexes made and deleted (ddl.h). */
#include <stdlib.h>
#include <time.h>

#include "rec/ddl_priv.h"
#include "rec/text.h"

#define WAIT_STEP_MS      5u
#define WAIT_STEP_MOST_MS 500u

uint32_t ddl_wait_most_ms = 10000;

/* ---- making ---------------------------------------------------------------------------------- */

struct making {
    struct sess *s, *witness;
    struct fcb *f;
    struct ddl_index *x;
    unsigned nr;
    struct ddl_index_def *defs;
    const struct index **scanned; /* those that are filled from the rows */
    struct fcb_index **made;      /* a reference each */
    struct cat cat;
    struct tdb *tdb;
    struct ddl_build *build;
    JET_ERR find_err;
};

static bool is_primary(const struct making *m, unsigned i)
{
    return m->defs[i].ix.flags & INDEX_PRIMARY;
}

static bool is_scanned(const struct making *m, unsigned i)
{
    return !is_primary(m, i) && !(m->x[i].grbit & JET_bitIndexEmpty);
}

/* A column that somebody else is deleting, or will delete before this commits, is no good. */
static JET_ERR hold_column(struct making *m, const struct column *c)
{
    JET_ERR err;

    if (fcb_is_exclusive(m->s, m->f) || (c->id & COLUMN_ID_TEMPLATE))
        return JET_errSuccess;
    err = cat_find(&m->cat, m->f->def.objid, CATROW_COLUMN, c->fid);
    return err < 0 ? err : cat_lock(&m->cat);
}

static const struct column *find_column(void *ctx, const char *name)
{
    struct making *m = ctx;
    const struct column *c;
    JET_ERR err = fcb_column_find(m->s, m->f, m->tdb, name, &c);

    if (err >= 0)
        err = hold_column(m, c);
    if (err >= 0)
        return c;
    m->find_err = err;
    return NULL;
}

/* It may be one that others do not see yet. */
static JET_ERR check_primary(struct making *m, struct ddl_index_def *def)
{
    const struct column *segments[INDEX_SEGMENTS_MAX];
    uint32_t fixed_end;
    bool empty;
    JET_ERR err;

    if (m->tdb->primary)
        return RAISE(JET_errIndexHasPrimary);
    err = ddl_tree_is_empty(m->s, m->f->tree, &empty);
    if (err < 0 || !empty)
        return err < 0 ? err : RAISE(JET_errTableNotEmpty);
    for (unsigned i = 0; i < def->ix.nr_segments; i++)
        segments[i] = tdb_segment(m->tdb, &def->ix.segments[i]);
    def->ix.key_most = ddl_primary_key_most(&def->ix, segments);
    if (def->ix.segment_most > def->ix.key_most)
        def->ix.segment_most = def->ix.key_most;
    pthread_mutex_lock(&m->f->lock);
    fixed_end = m->f->cols->fixed_end;
    pthread_mutex_unlock(&m->f->lock);
    if (fixed_end > recbuf_most(m->f->db->page_size, def->ix.key_most))
        return RAISE(JET_errRecordTooBig);
    return JET_errSuccess;
}

static JET_ERR check(struct making *m, unsigned i)
{
    struct ddl_index_def *def = &m->defs[i];
    JET_ERR err = ddl_check_index(&m->x[i], m->f->db->page_size, m->f->db->update_major,
                                  m->f->def.density, def);

    if (err < 0)
        return err;
    m->find_err = JET_errSuccess;
    err = ddl_index_columns(&m->x[i], find_column, m, def);
    if (err == JET_errColumnNotFound && m->find_err < 0)
        err = m->find_err;
    if (err >= 0 && is_primary(m, i))
        err = check_primary(m, def);
    if (err >= 0) { /* before work is done in vain */
        err = cat_find_name(&m->cat, m->f->def.objid, CATROW_INDEX, cat_name_slice(&def->name));
        err = err >= 0                       ? RAISE(JET_errIndexDuplicate)
              : err == JET_errRecordNotFound ? JET_errSuccess
                                             : err;
    }
    return err;
}

static JET_ERR scan(struct making *m)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < m->nr; i++)
        if (is_scanned(m, i))
            m->scanned[nr++] = &m->defs[i].ix;
    if (nr == 0)
        return JET_errSuccess;
    return ddl_build_scan(m->s, m->witness, m->f, m->scanned, nr, &m->build);
}

/* The row that was just written, as an object. */
static JET_ERR take_index(struct making *m, unsigned i)
{
    JET_ERR err = cat_find(&m->cat, m->f->def.objid, CATROW_INDEX, m->defs[i].ix.objid);

    if (err >= 0)
        err = fcb_index_new(m->f, &m->cat.row, &m->made[i]);
    if (err >= 0)
        fcb_index_columns(m->made[i]);
    return err;
}

static JET_ERR make(struct making *m, unsigned i, unsigned nr_scanned)
{
    struct ddl_index_def *def = &m->defs[i];
    struct fcb *f = m->f;
    JET_ERR err = JET_errSuccess;

    if (is_primary(m, i)) {
        def->ix.objid = f->def.objid;
        def->ix.pgno = f->def.pgno;
    } else {
        err = ddl_make_index_tree(m->s, f->tree, &def->hints, def->ix.flags & INDEX_UNIQUE, true,
                                  &def->ix);
    }
    if (err >= 0)
        err = ddl_insert_index_row(&m->cat, f->def.objid, cat_name_slice(&def->name), &def->ix,
                                   &def->hints);
    if (err >= 0)
        err = take_index(m, i);
    if (err >= 0 && is_scanned(m, i))
        err = ddl_build_fill(m->build, nr_scanned, m->made[i]->tree);
    return err;
}

/* From here on updates maintain it. f->ddl is held. */
static JET_ERR publish(struct making *m, unsigned i)
{
    struct fcb *f = m->f;
    struct fcb_index *ix = m->made[i];
    bool added;
    JET_ERR err;

    pthread_mutex_lock(&f->lock);
    atomic_fetch_add_explicit(&ix->refs, 1, memory_order_relaxed);
    added = fcb_add_index(f, ix);
    if (added)
        fcb_changed(f);
    pthread_mutex_unlock(&f->lock);
    if (!added) {
        fcb_index_put(ix);
        return RAISE(JET_errOutOfMemory);
    }
    err = ddl_ver_index_new(m->s, f, ix);
    if (err >= 0)
        return err;
    pthread_mutex_lock(&f->lock);
    fcb_remove_index(f, ix);
    fcb_changed(f);
    pthread_mutex_unlock(&f->lock);
    return err;
}

static JET_ERR make_all(struct making *m)
{
    unsigned nr_scanned = 0;
    JET_ERR err = fcb_refresh(m->f, &m->tdb);

    if (err >= 0)
        err = cat_open(&m->cat, m->s, m->f->db);
    for (unsigned i = 0; err >= 0 && i < m->nr; i++)
        m->x[i].err = err = check(m, i);
    if (err >= 0)
        err = scan(m);
    for (unsigned i = 0; err >= 0 && i < m->nr; i++) {
        m->x[i].err = err = make(m, i, nr_scanned);
        nr_scanned += is_scanned(m, i);
    }
    for (unsigned i = 0; err >= 0 && i < m->nr; i++)
        m->x[i].err = err = publish(m, i);
    return err;
}

static void forget_attempt(struct making *m)
{
    ddl_build_end(m->build);
    m->build = NULL;
    cat_close(&m->cat);
    tdb_put(m->tdb);
    m->tdb = NULL;
    for (unsigned i = 0; i < m->nr; i++) {
        fcb_index_put(m->made[i]);
        m->made[i] = NULL;
    }
}

/* Its transaction begins anew, so that all that is committed by now is in its past. f->ddl is
 * held. */
static JET_ERR renew_witness(struct making *m)
{
    struct sess *w = m->witness;
    JET_ERR err = w->level ? trx_commit(w, true) : JET_errSuccess;

    if (err >= 0)
        err = trx_begin(w);
    if (err >= 0)
        fcb_gate_close(m->f, w);
    return err;
}

static JET_ERR attempt(struct making *m, bool lazy)
{
    JET_ERR err = trx_begin(m->s);

    if (err < 0)
        return err;
    pthread_rwlock_wrlock(&m->f->ddl);
    err = renew_witness(m);
    if (err >= 0)
        err = make_all(m);
    forget_attempt(m);
    pthread_rwlock_unlock(&m->f->ddl);
    return cat_end(m->s, err, lazy);
}

static void wait_a_little(uint32_t ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l};

    (void)nanosleep(&t, NULL);
}

/* Until those who have changed rows have ended. */
static JET_ERR attempts(struct making *m, bool lazy)
{
    uint32_t waited = 0, step = WAIT_STEP_MS;
    JET_ERR err;

    while ((err = attempt(m, lazy)) == JET_errWriteConflict && waited < ddl_wait_most_ms) {
        wait_a_little(step);
        waited += step;
        step = step < WAIT_STEP_MOST_MS ? step * 2 : step;
    }
    return err;
}

static JET_ERR with_witness(struct making *m, bool lazy)
{
    JET_ERR err = sess_new(m->s->inst, true, &m->witness);

    if (err < 0)
        return err;
    fcb_build_begin(m->f);
    err = attempts(m, lazy);
    fcb_build_end(m->f);
    sess_free(m->witness);
    return err;
}

static JET_ERR check_all(struct sess *s, struct fcb *f, const struct ddl_index *x, unsigned nr,
                         bool *ret_lazy)
{
    JET_ERR err = ddl_may_change(s, f);

    if (err >= 0 && (f->def.flags & TABLE_TEMPLATE))
        err = RAISE(JET_errFixedDDL);
    *ret_lazy = true;
    for (unsigned i = 0; err >= 0 && i < nr; i++) {
        if ((x[i].grbit & JET_bitIndexUnversioned) && !fcb_is_exclusive(s, f) && s->level)
            err = RAISE(JET_errInTransaction);
        if (!(x[i].grbit & JET_bitIndexLazyFlush))
            *ret_lazy = s->lazy_default;
    }
    return err;
}

JET_ERR ddl_create_indexes(struct sess *s, struct fcb *f, struct ddl_index *ix, unsigned nr)
{
    struct making m = {.s = s, .f = f, .x = ix, .nr = nr};
    bool lazy;
    JET_ERR err = check_all(s, f, ix, nr, &lazy);

    if (err < 0 || nr == 0)
        return err;
    m.defs = calloc(nr, sizeof(*m.defs));
    m.scanned = calloc(nr, sizeof(struct index *));
    m.made = calloc(nr, sizeof(struct fcb_index *));
    err = m.defs && m.scanned && m.made ? with_witness(&m, lazy) : RAISE(JET_errOutOfMemory);
    free(m.defs);
    free(m.scanned);
    free(m.made);
    return err;
}

/* ---- deleting -------------------------------------------------------------------------------- */

static bool template_has(const struct fcb *f, const char *name)
{
    for (unsigned i = 0; f->template && i < f->template->nr_all; i++)
        if (text_name_cmp(f->template->all[i]->def.name, name) == 0)
            return true;
    return false;
}

static JET_ERR delete_rows(struct cat *c, struct fcb *f, const struct cat_name *name,
                           objid_t *ret_objid)
{
    JET_ERR err = cat_find_name(c, f->def.objid, CATROW_INDEX, cat_name_slice(name));

    if (err == JET_errRecordNotFound)
        return RAISE(JET_errIndexNotFound);
    if (err < 0)
        return err;
    *ret_objid = c->row.id;
    if (*ret_objid == f->def.objid)
        return RAISE(JET_errIndexMustStay);
    err = cat_delete(c);
    if (err >= 0)
        err = cat_delete_shadow(c, f->def.objid, CATROW_INDEX, *ret_objid);
    if (err >= 0)
        err = cat_objids_delete(c, *ret_objid);
    return err;
}

static JET_ERR mark_deleting(struct fcb *f, objid_t objid, struct fcb_index **ret)
{
    JET_ERR err = JET_errIndexNotFound;

    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < f->nr_all; i++) {
        struct fcb_index *ix = f->all[i];

        if (ix->def.objid != objid)
            continue;
        err = atomic_load_explicit(&ix->users, memory_order_acquire) ? JET_errIndexInUse
                                                                     : JET_errSuccess;
        if (err >= 0)
            atomic_store_explicit(&ix->deleting, true, memory_order_release);
        *ret = ix;
        break;
    }
    pthread_mutex_unlock(&f->lock);
    return err < 0 ? RAISE(err) : err;
}

static JET_ERR delete_index(struct sess *s, struct fcb *f, const struct cat_name *name)
{
    struct fcb_index *ix = NULL;
    struct cat c;
    objid_t objid = 0;
    JET_ERR err = cat_open(&c, s, f->db);

    if (err >= 0)
        err = delete_rows(&c, f, name, &objid);
    cat_close(&c);
    if (err >= 0)
        err = mark_deleting(f, objid, &ix);
    return err < 0 ? err : ddl_ver_index_gone(s, f, ix);
}

JET_ERR ddl_delete_index(struct sess *s, struct fcb *f, const char *name)
{
    struct cat_name n;
    JET_ERR err = ddl_may_change(s, f);

    if (err >= 0)
        err = cat_name_from(name, &n);
    if (err >= 0 && (f->def.flags & TABLE_FIXED_DDL))
        err = RAISE(JET_errFixedDDL); /* cursors that come later count on it */
    if (err >= 0 && template_has(f, name))
        err = RAISE(JET_errFixedInheritedDDL);
    if (err >= 0)
        err = trx_begin(s);
    return err < 0 ? err : cat_end(s, delete_index(s, f, &n), s->lazy_default);
}
