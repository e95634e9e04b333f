/* Columns deleted and renamed, their default values (ddl.h). */
#include <inttypes.h>
#include <stdio.h>

#include "rec/ddl_priv.h"
#include "rec/text.h"

/* ---- deleting -------------------------------------------------------------------------------- */

static bool index_has(const struct index *ix, const struct column *c)
{
    const bool from = c->id & COLUMN_ID_TEMPLATE;

    for (unsigned i = 0; i < ix->nr_segments; i++)
        if (ix->segments[i].fid == c->fid && ix->segments[i].from_template == from)
            return true;
    for (unsigned i = 0; i < ix->nr_conditions; i++)
        if (ix->conditions[i].fid == c->fid && ix->conditions[i].from_template == from)
            return true;
    return false;
}

/* An index that this session has deleted does not count: its end is this transaction's. */
static JET_ERR check_indexes(struct sess *s, struct fcb *f, const struct tdb *t,
                             const struct column *c)
{
    bool visible = true;
    JET_ERR err = JET_errSuccess;

    if (t->primary && index_has(&t->primary->def, c))
        return RAISE(JET_errColumnInUse);
    for (unsigned i = 0; err >= 0 && i < t->nr_indexes; i++) {
        if (!index_has(&t->indexes[i]->def, c))
            continue;
        if (atomic_load_explicit(&t->indexes[i]->deleting, memory_order_acquire))
            err = fcb_index_visible(s, f, t->indexes[i], &visible);
        if (err >= 0 && visible)
            err = RAISE(JET_errColumnInUse);
    }
    return err;
}

/* The column's row found by its name, and its index users. own: not the template's. */
static JET_ERR find_row(struct cat *c, struct fcb *f, const struct cat_name *name)
{
    JET_ERR err = cat_find_name(c, f->def.objid, CATROW_COLUMN, cat_name_slice(name));

    return err == JET_errRecordNotFound ? RAISE(JET_errColumnNotFound) : err;
}

/* The row stays, as "JetStub_table_column": its number and its room in records are not used
 * again. */
static JET_ERR make_stub(struct cat *c, struct fcb *f)
{
    static const uint8_t nil[4];
    char name[NAME_MOST];
    const int len =
        snprintf(name, sizeof(name), "JetStub_%" PRIu32 "_%" PRIu32, f->def.objid, c->row.id);
    uint8_t flags[4];
    struct cat_change changes[3] = {
        {CATROW_FID_COLTYP_OR_PGNO, {nil, sizeof(nil)}},
        {CATROW_FID_NAME, {(const uint8_t *)name, (uint32_t)len}},
        {CATROW_FID_FLAGS, {flags, sizeof(flags)}},
    };

    put_le32(flags, c->row.flags & ~(uint32_t)(COLUMN_USER_DEFAULT | COLUMN_DEFAULT));
    return cat_change(c, changes, c->row.flags & COLUMN_USER_DEFAULT ? 3 : 2);
}

static JET_ERR delete_found(struct cat *c, struct fcb *f, const struct tdb *t)
{
    const uint32_t id = c->row.id | (f->def.flags & TABLE_TEMPLATE ? COLUMN_ID_TEMPLATE : 0);
    const struct column *column = tdb_column(t, id);
    struct fcb_col *col;
    JET_ERR err;

    if (!column)
        return RAISE(JET_errColumnNotFound);
    err = make_stub(c, f);
    if (err >= 0)
        err = check_indexes(c->s, f, t, column);
    if (err < 0)
        return err;
    pthread_mutex_lock(&f->lock);
    col = fcb_find_col(f, column->fid);
    if (col)
        col->deleting = true;
    pthread_mutex_unlock(&f->lock);
    return col ? ddl_ver_column_gone(c->s, f, col) : RAISE(JET_errColumnNotFound);
}

static JET_ERR delete_column(struct sess *s, struct fcb *f, const struct cat_name *name)
{
    struct tdb *t = NULL;
    struct cat c;
    JET_ERR err = fcb_refresh(f, &t);

    if (err < 0)
        return err;
    err = cat_open(&c, s, f->db);
    if (err >= 0)
        err = find_row(&c, f, name);
    if (err >= 0)
        err = delete_found(&c, f, t);
    cat_close(&c);
    tdb_put(t);
    return err;
}

JET_ERR ddl_delete_column(struct sess *s, struct fcb *f, const char *name, uint32_t grbit)
{
    struct cat_name n;
    JET_ERR err = ddl_may_change(s, f);

    if (err >= 0)
        err = cat_name_from(name, &n);
    if (err >= 0 && (f->def.flags & TABLE_FIXED_DDL))
        err = RAISE(JET_errFixedDDL); /* cursors that come later count on it */
    if (err >= 0 && !(grbit & JET_bitDeleteColumnIgnoreTemplateColumns) &&
        ddl_template_has(f, name))
        err = RAISE(JET_errFixedInheritedDDL);
    if (err >= 0)
        err = trx_begin(s);
    return err < 0 ? err : cat_end(s, delete_column(s, f, &n), s->lazy_default);
}

/* ---- renaming -------------------------------------------------------------------------------- */

static JET_ERR rename_row(struct sess *s, struct fcb *f, const struct cat_name *from,
                          const struct cat_name *to, uint32_t *ret_fid)
{
    const struct cat_change change = {CATROW_FID_NAME, cat_name_slice(to)};
    struct cat c;
    JET_ERR err = cat_open(&c, s, f->db);

    if (err >= 0)
        err = find_row(&c, f, from);
    if (err >= 0) {
        *ret_fid = c.row.id;
        err = cat_change(&c, &change, 1);
    }
    cat_close(&c);
    return err == JET_errKeyDuplicate ? RAISE(JET_errColumnDuplicate) : err;
}

/* In memory the name is another one only when it is so for good. */
static JET_ERR take_name(struct fcb *f, const char *name, uint32_t fid)
{
    struct fcb_col *col;

    pthread_mutex_lock(&f->lock);
    col = fcb_find_col(f, fid);
    if (col)
        col->c.name = name;
    pthread_mutex_unlock(&f->lock);
    fcb_columns_changed(f);
    return JET_errSuccess;
}

JET_ERR ddl_rename_column(struct sess *s, struct fcb *f, const char *name, const char *to)
{
    struct cat_name from, n;
    const char *kept;
    uint32_t fid = 0;
    JET_ERR err = f->db->read_only ? RAISE(JET_errDatabaseFileReadOnly) : JET_errSuccess;

    if (err >= 0 && s->level)
        err = RAISE(JET_errInTransaction);
    if (err >= 0)
        err = cat_name_from(name, &from);
    if (err >= 0)
        err = cat_name_from(to, &n);
    if (err >= 0 && table_is_system(&f->def))
        err = RAISE(JET_errFixedDDL);
    if (err >= 0 && ddl_template_has(f, name))
        err = RAISE(JET_errFixedInheritedDDL);
    if (err >= 0 && ddl_template_has(f, to))
        err = RAISE(JET_errColumnDuplicate);
    if (err < 0)
        return err;
    pthread_mutex_lock(&f->lock);
    kept = fcb_keep_name(f, cat_name_slice(&n));
    pthread_mutex_unlock(&f->lock);
    if (!kept)
        return RAISE(JET_errOutOfMemory);
    err = trx_begin(s);
    if (err >= 0)
        err = cat_end(s, rename_row(s, f, &from, &n, &fid), s->lazy_default);
    return err < 0 ? err : take_name(f, kept, fid);
}

/* ---- default values -------------------------------------------------------------------------- */

static JET_ERR default_row(struct cat *c, struct slice value)
{
    uint8_t flags[4];
    const struct cat_change changes[2] = {
        {CATROW_FID_FLAGS, {flags, sizeof(flags)}},
        {CATROW_FID_DEFAULT, value},
    };

    put_le32(flags, c->row.flags | COLUMN_DEFAULT);
    return cat_change(c, changes, ARRAY_LEN(changes));
}

static JET_ERR set_cached(struct fcb *f, struct fcb_col *col, struct slice value,
                          struct column *ret_old)
{
    struct column c;
    bool kept;

    pthread_mutex_lock(&f->lock);
    c = *ret_old = col->c;
    kept = ddl_keep_default(f, &c, value);
    if (kept) {
        c.flags |= COLUMN_DEFAULT;
        col->c = c;
    }
    pthread_mutex_unlock(&f->lock);
    fcb_columns_changed(f);
    return kept ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

static JET_ERR check_value(const struct column *c, struct slice value)
{
    if (c->flags & COLUMN_ENCRYPTED)
        return RAISE(JET_errColumnCannotBeEncrypted);
    if (value.len > INDEX_KEY_DEFAULT || (c->max_len && value.len > c->max_len))
        return RAISE(JET_errDefaultValueTooBig);
    if (coltyp_len(c->coltyp) && value.len != coltyp_len(c->coltyp))
        return RAISE(JET_errInvalidBufferSize);
    return JET_errSuccess;
}

static JET_ERR set_found(struct cat *c, struct fcb *f, const struct tdb *t, struct slice value)
{
    const uint32_t id = c->row.id | (f->def.flags & TABLE_TEMPLATE ? COLUMN_ID_TEMPLATE : 0);
    const struct column *column = tdb_column(t, id);
    struct column old;
    struct fcb_col *col;
    JET_ERR err;

    if (!column)
        return RAISE(JET_errColumnNotFound);
    err = check_value(column, value);
    if (err >= 0) /* rows without the column are in the index with the old value */
        err = check_indexes(c->s, f, t, column);
    if (err >= 0)
        err = default_row(c, value);
    if (err < 0)
        return err;
    pthread_mutex_lock(&f->lock);
    col = fcb_find_col(f, column->fid);
    pthread_mutex_unlock(&f->lock);
    if (!col)
        return RAISE(JET_errColumnNotFound);
    err = set_cached(f, col, value, &old);
    return err < 0 ? err : ddl_ver_default(c->s, f, col, &old);
}

static JET_ERR set_default(struct sess *s, struct fcb *f, const struct cat_name *name,
                           struct slice value)
{
    struct tdb *t = NULL;
    struct cat c;
    JET_ERR err = fcb_refresh(f, &t);

    if (err < 0)
        return err;
    err = cat_open(&c, s, f->db);
    if (err >= 0)
        err = find_row(&c, f, name);
    if (err >= 0)
        err = set_found(&c, f, t, value);
    cat_close(&c);
    tdb_put(t);
    return err;
}

JET_ERR ddl_set_default(struct sess *s, struct fcb *f, const char *name, struct slice value)
{
    struct cat_name n;
    JET_ERR err = f->db->read_only ? RAISE(JET_errDatabaseFileReadOnly) : cat_name_from(name, &n);

    if (err >= 0 && value.len == 0)
        err = RAISE(JET_errNullInvalid);
    if (err >= 0 && !fcb_is_exclusive(s, f))
        err = RAISE(JET_errExclusiveTableLockRequired);
    if (err >= 0)
        err = trx_begin(s);
    return err < 0 ? err : cat_end(s, set_default(s, f, &n, value), s->lazy_default);
}
