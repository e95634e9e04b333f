/* Tables opened and closed, who has them, what of their schema a session sees (fcb.h). */
#include <stdlib.h>

#include "btree/space.h"
#include "rec/fcb_priv.h"
#include "rec/text.h"

/* ---- uses: f->lock --------------------------------------------------------------------------- */

static struct fcb_user *user_of(struct fcb *f, const struct sess *s)
{
    for (unsigned i = 0; i < f->nr_users; i++)
        if (f->users[i].s == s)
            return &f->users[i];
    return NULL;
}

static struct fcb_user *add_user(struct fcb *f, struct sess *s)
{
    struct fcb_user *u = user_of(f, s);

    if (u)
        return u;
    if (f->nr_users == f->room_users) {
        const unsigned want = f->room_users ? 2 * f->room_users : 4;

        u = realloc(f->users, want * sizeof(*u));
        if (!u)
            return NULL;
        f->users = u;
        f->room_users = want;
    }
    u = &f->users[f->nr_users++];
    *u = (struct fcb_user){.s = s};
    return u;
}

static void count(struct fcb_user *u, unsigned how, int by)
{
    u->nr += by;
    u->nr_update += how & FCB_READ_ONLY ? 0 : by;
    u->nr_deny_read += how & FCB_DENY_READ ? by : 0;
    u->nr_deny_write += how & FCB_DENY_WRITE ? by : 0;
    u->nr_permit_ddl += how & FCB_PERMIT_DDL ? by : 0;
}

/* ESE: fileopen.cxx ErrFILEICheckAndSetMode, ErrFILEISetMode. */
static JET_ERR check_use(const struct fcb *f, const struct sess *s, unsigned how)
{
    JET_ERR err = JET_errSuccess;

    if (f->deleting || atomic_load_explicit(&f->deleted, memory_order_relaxed))
        return JET_errTableLocked;
    for (unsigned i = 0; i < f->nr_users && err >= 0; i++) {
        const struct fcb_user *u = &f->users[i];
        const bool other = u->s != s;

        if (other && u->nr_deny_read)
            err = JET_errTableLocked;
        else if (other && u->nr_deny_write && !(how & FCB_READ_ONLY))
            err = JET_errTableLocked;
        else if ((how & FCB_DENY_WRITE) && (u->nr_deny_write || (other && u->nr_update)))
            err = JET_errTableInUse;
        else if ((how & FCB_DENY_READ) && other)
            err = JET_errTableInUse;
    }
    return err;
}

JET_ERR fcb_use(struct sess *s, struct fcb *f, unsigned how)
{
    struct fcb_user *u = NULL;
    JET_ERR err;

    pthread_mutex_lock(&f->lock);
    err = check_use(f, s, how);
    if (err >= 0) {
        u = add_user(f, s);
        err = u ? JET_errSuccess : JET_errOutOfMemory;
    }
    if (u)
        count(u, how, 1);
    pthread_mutex_unlock(&f->lock);
    return err < 0 ? RAISE(err) : err;
}

void fcb_unuse(struct sess *s, struct fcb *f, unsigned how)
{
    struct fcb_user *u;

    pthread_mutex_lock(&f->lock);
    u = user_of(f, s);
    if (u) {
        count(u, how, -1);
        if (u->nr == 0)
            *u = f->users[--f->nr_users];
    }
    pthread_mutex_unlock(&f->lock);
}

unsigned fcb_how_of(struct sess *s, struct fcb *f)
{
    const struct fcb_user *u;
    unsigned how = FCB_READ_ONLY;

    pthread_mutex_lock(&f->lock);
    u = user_of(f, s);
    if (u)
        how = (u->nr_deny_read ? FCB_DENY_READ : 0) | (u->nr_deny_write ? FCB_DENY_WRITE : 0) |
              (u->nr_permit_ddl ? FCB_PERMIT_DDL : 0) | (u->nr_update ? 0 : FCB_READ_ONLY);
    pthread_mutex_unlock(&f->lock);
    return how;
}

bool fcb_is_exclusive(struct sess *s, struct fcb *f)
{
    return fcb_how_of(s, f) & FCB_DENY_READ;
}

/* ---- by name --------------------------------------------------------------------------------- */

static JET_ERR lookup(struct cat *c, struct slice name, objid_t *ret_objid)
{
    JET_ERR err = cat_find_root(c, name);

    if (err == JET_errRecordNotFound)
        return RAISE(JET_errObjectNotFound);
    if (err >= 0)
        *ret_objid = c->row.id;
    return err;
}

JET_ERR fcb_lookup(struct sess *s, struct db *d, struct slice name, objid_t *ret_objid)
{
    struct cat c;
    JET_ERR err = cat_open(&c, s, d);

    if (err >= 0)
        err = lookup(&c, name, ret_objid);
    cat_close(&c);
    return err;
}

/* The catalogue is read in a transaction; a session that is in none gets one that leaves no
 * trace. */
static JET_ERR begin_reading(struct sess *s, bool *ret_own)
{
    *ret_own = s->level == 0;
    return *ret_own ? trx_begin(s) : JET_errSuccess;
}

static JET_ERR end_reading(struct sess *s, bool own, JET_ERR err)
{
    const JET_ERR end = own ? trx_commit(s, true) : JET_errSuccess;

    return err < 0 ? err : end;
}

static JET_ERR open_by_name(struct sess *s, struct db *d, struct slice name, unsigned how,
                            struct fcb **ret)
{
    objid_t objid;
    JET_ERR err = fcb_lookup(s, d, name, &objid);

    if (err >= 0)
        err = fcb_get(s, d, objid, ret);
    if (err < 0)
        return err;
    err = fcb_use(s, *ret, how);
    if (err < 0)
        fcb_unref(*ret);
    return err;
}

JET_ERR fcb_open(struct sess *s, struct db *d, const char *name, unsigned how, struct fcb **ret)
{
    struct cat_name n;
    bool own;
    JET_ERR err = cat_name_from(name, &n);

    if (err >= 0 && (how & FCB_PERMIT_DDL) && !(how & FCB_DENY_READ))
        err = RAISE(JET_errInvalidGrbit);
    if (err >= 0)
        err = begin_reading(s, &own);
    if (err < 0)
        return err;
    if (d->read_only)
        how |= FCB_READ_ONLY;
    return end_reading(s, own, open_by_name(s, d, cat_name_slice(&n), how, ret));
}

JET_ERR fcb_open_again(struct sess *s, struct fcb *f, unsigned how)
{
    JET_ERR err = fcb_use(s, f, how);

    if (err >= 0)
        fcb_ref(f);
    return err;
}

void fcb_close(struct sess *s, struct fcb *f, unsigned how)
{
    if (f->db->read_only)
        how |= FCB_READ_ONLY;
    fcb_unuse(s, f, how);
    fcb_unref(f);
}

void fcb_name(struct fcb *f, char *buf)
{
    pthread_mutex_lock(&f->lock);
    snprintf(buf, FCB_NAME_LEN, "%s", f->def.name);
    pthread_mutex_unlock(&f->lock);
}

/* ---- columns and indexes as a session sees them ---------------------------------------------- */

/* Does the session see such a row, that is not a deleted column's? */
static JET_ERR row_visible(struct sess *s, const struct fcb *f, unsigned type, uint32_t id,
                           bool *ret)
{
    struct cat c;
    bool own;
    JET_ERR err = begin_reading(s, &own);

    if (err < 0)
        return err;
    err = cat_open(&c, s, f->db);
    if (err >= 0)
        err = cat_find(&c, f->def.objid, type, id);
    *ret = err >= 0 && !(type == CATROW_COLUMN && c.row.coltyp_or_pgno == JET_coltypNil);
    if (err == JET_errRecordNotFound)
        err = JET_errSuccess;
    cat_close(&c);
    return end_reading(s, own, err);
}

JET_ERR fcb_column_visible(struct sess *s, struct fcb *f, const struct tdb *t,
                           const struct column *c, bool *ret)
{
    const struct fcb_col *col = t->cols[c - t->schema.columns];

    *ret = true;
    if (!atomic_load_explicit(&col->versioned, memory_order_acquire))
        return JET_errSuccess;
    if ((c->id & COLUMN_ID_TEMPLATE) && f->template)
        f = f->template;
    return row_visible(s, f, CATROW_COLUMN, c->fid, ret);
}

static JET_ERR name_to_utf8(const char *name, char buf[CAT_NAME_UTF8])
{
    struct cat_name n;
    JET_ERR err = cat_name_from(name, &n);

    if (err >= 0)
        cat_name_to(cat_name_slice(&n), buf); /* without spaces behind */
    return err;
}

JET_ERR fcb_column_find(struct sess *s, struct fcb *f, const struct tdb *t, const char *name,
                        const struct column **ret)
{
    char want[CAT_NAME_UTF8];
    bool visible;
    JET_ERR err = name_to_utf8(name, want);

    /* from the end: a column of the table's own hides its template's of the same name */
    for (unsigned i = t->schema.nr_columns; err >= 0 && i-- > 0;) {
        const struct column *c = &t->schema.columns[i];

        if (text_name_cmp(c->name, want) != 0)
            continue;
        err = fcb_column_visible(s, f, t, c, &visible);
        if (err >= 0 && visible) {
            *ret = c;
            return JET_errSuccess;
        }
    }
    return err < 0 ? err : RAISE(JET_errColumnNotFound);
}

JET_ERR fcb_index_visible(struct sess *s, struct fcb *f, struct fcb_index *ix, bool *ret)
{
    *ret = true;
    if (!atomic_load_explicit(&ix->versioned, memory_order_acquire))
        return JET_errSuccess;
    return row_visible(s, f, CATROW_INDEX, ix->def.objid, ret);
}

static JET_ERR try_index(struct sess *s, struct fcb *f, struct fcb_index *ix, const char *want,
                         struct fcb_index **ret)
{
    bool visible = false;
    JET_ERR err = JET_errSuccess;

    if (ix && text_name_cmp(ix->def.name, want) == 0)
        err = fcb_index_visible(s, f, ix, &visible);
    if (err >= 0 && visible) {
        atomic_fetch_add_explicit(&ix->refs, 1, memory_order_relaxed);
        *ret = ix;
    }
    return err;
}

JET_ERR fcb_index_find(struct sess *s, struct fcb *f, const struct tdb *t, const char *name,
                       struct fcb_index **ret)
{
    char want[CAT_NAME_UTF8];
    JET_ERR err;

    *ret = NULL;
    if (!name || !*name) {
        if (t->primary)
            atomic_fetch_add_explicit(&t->primary->refs, 1, memory_order_relaxed);
        *ret = t->primary;
        return JET_errSuccess;
    }
    err = name_to_utf8(name, want);
    if (err >= 0)
        err = try_index(s, f, t->primary, want, ret);
    for (unsigned i = 0; err >= 0 && !*ret && i < t->nr_indexes; i++)
        err = try_index(s, f, t->indexes[i], want, ret);
    if (err >= 0 && !*ret)
        err = RAISE(JET_errIndexNotFound);
    return err;
}

JET_ERR fcb_index_use(struct fcb *f, struct fcb_index *ix)
{
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&f->lock);
    if (atomic_load_explicit(&ix->deleting, memory_order_relaxed))
        err = JET_errIndexNotFound;
    else
        atomic_fetch_add_explicit(&ix->users, 1, memory_order_relaxed);
    pthread_mutex_unlock(&f->lock);
    return err < 0 ? RAISE(err) : err;
}

void fcb_index_unuse(struct fcb_index *ix)
{
    atomic_fetch_sub_explicit(&ix->users, 1, memory_order_release);
}
