/* Tables deleted and renamed (ddl.h). */
#include <stdlib.h>

#include "rec/ddl_priv.h"

/* ---- deleting -------------------------------------------------------------------------------- */

struct row_id {
    unsigned type;
    uint32_t id;
};

static bool is_tree(unsigned type)
{
    return type == CATROW_TABLE || type == CATROW_INDEX || type == CATROW_LV;
}

/* All rows of the table, their MSysObjids first; which they were. */
static JET_ERR delete_rows(struct cat *c, objid_t objid, struct row_id **ret, unsigned *ret_nr)
{
    unsigned room = 0;
    JET_ERR err = cat_first(c, objid);

    for (; err >= 0; err = cat_next(c)) {
        if (*ret_nr == room) {
            const unsigned want = room ? 2 * room : 64;
            struct row_id *more = realloc(*ret, want * sizeof(*more));

            if (!more)
                return RAISE(JET_errOutOfMemory);
            *ret = more;
            room = want;
        }
        (*ret)[(*ret_nr)++] = (struct row_id){c->row.type, c->row.id};
        if (is_tree(c->row.type))
            err = cat_objids_delete(c, c->row.id);
        if (err >= 0)
            err = cat_delete(c);
        if (err < 0)
            return err;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR delete_all_rows(struct cat *c, objid_t objid)
{
    struct row_id *ids = NULL;
    unsigned nr = 0;
    JET_ERR err = delete_rows(c, objid, &ids, &nr);

    for (unsigned i = 0; err >= 0 && i < nr; i++)
        err = cat_delete_shadow(c, objid, ids[i].type, ids[i].id);
    free(ids);
    return err;
}

/* Nobody has it open, the session itself neither. */
static JET_ERR check_unused(struct fcb *f)
{
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&f->lock);
    if (f->deleting)
        err = JET_errTableLocked;
    for (unsigned i = 0; err != JET_errTableLocked && i < f->nr_users; i++)
        err = f->users[i].nr_deny_read ? JET_errTableLocked : JET_errTableInUse;
    pthread_mutex_unlock(&f->lock);
    return err < 0 ? RAISE(err) : err;
}

static JET_ERR delete_open(struct sess *s, struct fcb *f)
{
    struct cat c;
    JET_ERR err;

    if (table_is_system(&f->def))
        return RAISE(JET_errCannotDeleteSystemTable);
    if (f->def.flags & TABLE_TEMPLATE)
        return RAISE(JET_errCannotDeleteTemplateTable);
    err = check_unused(f);
    if (err >= 0)
        err = fcb_use(s, f, FCB_DENY_READ);
    if (err < 0)
        return err;
    err = cat_open(&c, s, f->db);
    if (err >= 0) { /* the tree of long values too: the clean-up closes it to cleaners */
        struct tree *lv;
        err = fcb_lv_tree(s, f, false, &lv);
    }
    if (err >= 0)
        err = ddl_ver_table_gone(s, f);
    fcb_unuse(s, f, FCB_DENY_READ);
    if (err >= 0)
        err = delete_all_rows(&c, f->def.objid);
    cat_close(&c);
    return err;
}

/* The table of that name as the session sees it, in the cache, with a reference. */
static JET_ERR get_by_name(struct sess *s, struct db *d, const char *name, struct fcb **ret)
{
    struct cat_name n;
    objid_t objid;
    JET_ERR err = cat_name_from(name, &n);

    if (err >= 0)
        err = fcb_lookup(s, d, cat_name_slice(&n), &objid);
    return err < 0 ? err : fcb_get(s, d, objid, ret);
}

static JET_ERR delete_table(struct sess *s, struct db *d, const char *name)
{
    struct fcb *f;
    JET_ERR err = get_by_name(s, d, name, &f);

    if (err < 0)
        return err;
    err = delete_open(s, f);
    fcb_unref(f);
    return err;
}

JET_ERR ddl_delete_table(struct sess *s, struct db *d, const char *name)
{
    JET_ERR err = d->read_only ? RAISE(JET_errDatabaseFileReadOnly) : trx_begin(s);

    return err < 0 ? err : cat_end(s, delete_table(s, d, name), s->lazy_default);
}

/* ---- renaming -------------------------------------------------------------------------------- */

static JET_ERR rename_row(struct sess *s, struct fcb *f, struct slice to)
{
    const struct cat_change change = {CATROW_FID_NAME, to};
    struct cat c;
    JET_ERR err = cat_open(&c, s, f->db);

    if (err >= 0)
        err = cat_find(&c, f->def.objid, CATROW_TABLE, f->def.objid);
    if (err == JET_errRecordNotFound)
        err = RAISE(JET_errObjectNotFound);
    if (err >= 0)
        err = cat_change(&c, &change, 1);
    cat_close(&c);
    return err == JET_errKeyDuplicate ? RAISE(JET_errTableDuplicate) : err;
}

static JET_ERR rename_open(struct sess *s, struct fcb *f, const struct cat_name *to)
{
    const char *old, *name;
    JET_ERR err;

    if (table_is_system(&f->def) || (f->def.flags & (TABLE_TEMPLATE | TABLE_FIXED_DDL)))
        return RAISE(JET_errFixedDDL);
    err = rename_row(s, f, cat_name_slice(to));
    if (err < 0)
        return err;
    pthread_mutex_lock(&f->lock);
    old = f->def.name;
    name = fcb_keep_name(f, cat_name_slice(to));
    if (name) {
        f->def.name = name;
        fcb_changed(f);
    }
    pthread_mutex_unlock(&f->lock);
    return name ? ddl_ver_table_name(s, f, old) : RAISE(JET_errOutOfMemory);
}

static JET_ERR rename_table(struct sess *s, struct db *d, const char *name, const char *to)
{
    struct cat_name n;
    struct fcb *f;
    JET_ERR err = cat_name_from(to, &n);

    if (err >= 0)
        err = get_by_name(s, d, name, &f);
    if (err < 0)
        return err;
    err = rename_open(s, f, &n);
    fcb_unref(f);
    return err;
}

JET_ERR ddl_rename_table(struct sess *s, struct db *d, const char *name, const char *to)
{
    JET_ERR err = d->read_only ? RAISE(JET_errDatabaseFileReadOnly) : trx_begin(s);

    return err < 0 ? err : cat_end(s, rename_table(s, d, name, to), s->lazy_default);
}
