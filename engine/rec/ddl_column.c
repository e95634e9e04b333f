/* Columns added (ddl.h). */
#include <stdlib.h>

#include "btree/spacewrite.h"
#include "rec/ddl_priv.h"
#include "rec/text.h"

JET_ERR ddl_may_change(struct sess *s, struct fcb *f)
{
    const unsigned how = fcb_how_of(s, f);

    if (f->db->read_only)
        return RAISE(JET_errDatabaseFileReadOnly);
    if (how & FCB_READ_ONLY)
        return RAISE(JET_errPermissionDenied);
    if (table_is_system(&f->def) && (f->def.flags & TABLE_FIXED_DDL))
        return RAISE(JET_errFixedDDL);
    if ((f->def.flags & TABLE_FIXED_DDL) && !(how & FCB_PERMIT_DDL))
        return RAISE(JET_errFixedDDL);
    return JET_errSuccess;
}

bool ddl_template_has(const struct fcb *f, const char *name)
{
    const struct fcb_cols *cols;
    bool has = false;

    if (!f->template)
        return false;
    pthread_mutex_lock(&f->template->lock);
    cols = f->template->cols;
    for (unsigned i = 0; i < cols->nr && !has; i++)
        has = !cols->col[i]->deleted && text_name_cmp(cols->col[i]->c.name, name) == 0;
    pthread_mutex_unlock(&f->template->lock);
    return has;
}

/* ---- adding ---------------------------------------------------------------------------------- */

struct adding {
    struct sess *s;
    struct fcb *f;
    struct ddl_column *from;
    struct cat_name name;
    struct column c;
    struct fcb_col *col;
};

/* What needs the table empty or for oneself. */
static JET_ERR check_table(struct adding *a)
{
    struct fcb *f = a->f;
    bool empty;
    JET_ERR err;

    if ((a->from->grbit & JET_bitColumnUnversioned) && !fcb_is_exclusive(a->s, f) && a->s->level)
        return RAISE(JET_errInTransaction);
    if (f->template && ddl_template_has(f, a->from->name))
        return RAISE(JET_errColumnDuplicate);
    if ((f->def.flags & TABLE_TEMPLATE) && ddl_place_of(a->from) != DDL_TAGGED)
        return RAISE(JET_errFixedDDL); /* derived tables have begun their numbers behind it */
    if (!(a->c.flags & COLUMN_ESCROW))
        return JET_errSuccess;
    err = ddl_tree_is_empty(a->s, f->tree, &empty); /* the column would be missing in the records */
    return err < 0 ? err : empty ? JET_errSuccess : RAISE(JET_errTableNotEmpty);
}

static uint32_t record_most(const struct fcb *f)
{
    uint32_t key_most = 0;

    for (unsigned i = 0; i < f->nr_all; i++)
        if (f->all[i]->primary)
            key_most = f->all[i]->def.key_most;
    return recbuf_most(f->db->page_size, key_most);
}

static bool has_kind(const struct fcb_cols *cols, uint32_t kind)
{
    for (unsigned i = 0; i < cols->nr; i++)
        if (!cols->col[i]->deleted && (cols->col[i]->c.flags & kind))
            return true;
    return false;
}

/* f->lock. A second column of a kind that there is only one of. */
static bool is_redundant(const struct fcb *f, uint32_t flags)
{
    const uint32_t kind = flags & (COLUMN_VERSION | COLUMN_AUTO_INCREMENT);
    bool has = has_kind(f->cols, kind);

    if (kind && !has && f->template) {
        pthread_mutex_lock(&f->template->lock);
        has = has_kind(f->template->cols, kind);
        pthread_mutex_unlock(&f->template->lock);
    }
    return has;
}

bool ddl_keep_default(struct fcb *f, struct column *c, struct slice value)
{
    const uint32_t len = catrow_default(c, value, NULL);
    struct fcb_mem *m = len == UINT32_MAX ? NULL : fcb_keep(f, NULL, len);

    if (!m)
        return false;
    (void)catrow_default(c, value, m->b);
    c->has_default = true;
    c->default_value = (struct slice){m->b, len};
    return true;
}

/* Into the cached table, with its number. f->lock. */
static JET_ERR place_column(struct adding *a)
{
    struct fcb *f = a->f;
    struct ddl_numbers n = {.fixed_last = f->cols->fixed_last,
                            .var_last = f->cols->var_last,
                            .tagged_last = f->cols->tagged_last,
                            .fixed_end = f->cols->fixed_end};
    JET_ERR err;

    if (is_redundant(f, a->c.flags))
        return RAISE(JET_errColumnRedundant);
    err = ddl_number_column(&n, ddl_place_of(a->from), record_most(f), &a->c);
    if (err < 0)
        return err;
    a->c.name = fcb_keep_name(f, cat_name_slice(&a->name));
    if (!a->c.name || (a->from->value.len && !ddl_keep_default(f, &a->c, a->from->value)))
        return RAISE(JET_errOutOfMemory);
    if (f->def.flags & TABLE_TEMPLATE)
        a->c.flags |= COLUMN_TEMPLATE98;
    a->col = fcb_add_col(f, &a->c);
    if (!a->col)
        return RAISE(JET_errOutOfMemory);
    a->from->columnid = a->col->c.id;
    return JET_errSuccess;
}

/* Gives every row there is its number. */
static JET_ERR number_row(struct dir *d, struct recbuf *rb, const struct tdb *t, uint64_t value)
{
    uint8_t b[8];
    const struct slice v = {b, t->auto_inc->len};
    struct dir_node n;
    JET_ERR err = dir_get(d, &n);

    if (err < 0)
        return err;
    err = recbuf_load(rb, &t->schema, n.data,
                      tagged_layout_of(d->tree->db->page_size, PAGE_NEW_RECORD_FORMAT));
    dir_release(d);
    put_le64(b, value);
    if (err >= 0)
        err = recbuf_set(rb, t->auto_inc, 1, &v, 0);
    if (err >= 0)
        err = trx_begin(d->sess);
    return err < 0 ? err : cat_end(d->sess, dir_replace(d, recbuf_bytes(rb), 0), true);
}

static JET_ERR number_rows_of(struct dir *d, struct recbuf *rb, const struct tdb *t, uint64_t *ret)
{
    JET_ERR err;

    for (err = dir_first(d); err >= 0; err = dir_next(d)) {
        err = number_row(d, rb, t, ++*ret);
        if (err < 0)
            return err;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR number_rows(struct adding *a, struct tdb *t)
{
    struct fcb *f = a->f;
    struct recbuf rb;
    struct dir d;
    uint64_t last = 0;
    JET_ERR err = recbuf_init(&rb, f->db->page_size);

    if (err < 0)
        return err;
    err = dir_init(&d, a->s, f->tree);
    if (err >= 0) {
        err = number_rows_of(&d, &rb, t, &last);
        dir_done(&d);
    }
    recbuf_done(&rb);
    return err < 0 ? err : fcb_start_auto_inc(a->s, f, last);
}

static JET_ERR start_numbers(struct adding *a)
{
    struct tdb *t = NULL;
    JET_ERR err;

    if (!(a->c.flags & COLUMN_AUTO_INCREMENT))
        return JET_errSuccess;
    err = fcb_refresh(a->f, &t);
    if (err >= 0 && !t->auto_inc)
        err = RAISE(JET_errInternalError);
    if (err >= 0)
        err = number_rows(a, t);
    tdb_put(t);
    return err;
}

static JET_ERR add(struct adding *a)
{
    struct cat c;
    JET_ERR err = cat_open(&c, a->s, a->f->db);

    if (err >= 0) { /* before a number is taken */
        err = cat_find_name(&c, a->f->def.objid, CATROW_COLUMN, cat_name_slice(&a->name));
        err = err >= 0                       ? RAISE(JET_errColumnDuplicate)
              : err == JET_errRecordNotFound ? JET_errSuccess
                                             : err;
    }
    if (err >= 0) {
        pthread_mutex_lock(&a->f->lock);
        err = place_column(a);
        pthread_mutex_unlock(&a->f->lock);
    }
    if (err >= 0)
        err = ddl_ver_column_new(a->s, a->f, a->col);
    if (err >= 0)
        err = ddl_insert_column_row(&c, a->f->def.objid, cat_name_slice(&a->name), &a->col->c,
                                    a->from->value);
    cat_close(&c);
    if (err < 0)
        return err;
    fcb_columns_changed(a->f);
    return start_numbers(a);
}

JET_ERR ddl_add_column(struct sess *s, struct fcb *f, struct ddl_column *c)
{
    struct adding a = {.s = s, .f = f, .from = c};
    JET_ERR err = ddl_may_change(s, f), warning;

    if (err >= 0)
        err = cat_name_from(c->name, &a.name);
    if (err >= 0)
        err = ddl_check_column(c, fcb_is_exclusive(s, f), f->db->update_major, &a.c);
    warning = err;
    if (err >= 0)
        err = check_table(&a);
    if (err >= 0)
        err = trx_begin(s);
    if (err < 0)
        return err;
    err = cat_end(s, add(&a), s->lazy_default);
    return err < 0 ? err : warning;
}
