/* Which tables there are (ddl.h). */
#include "rec/ddl_priv.h"
#include "rec/text.h"

static void describe(const struct catrow *row, struct ddl_table_info *ret)
{
    cat_name_to(row->name, ret->name);
    ret->objid = row->id;
    ret->pgno = row->coltyp_or_pgno;
    ret->flags = row->flags;
}

static JET_ERR each(struct cat *c, JET_ERR (*fn)(void *ctx, const struct ddl_table_info *info),
                    void *ctx)
{
    struct ddl_table_info info;
    JET_ERR err;

    for (err = dir_first(&c->root); err >= 0; err = dir_next(&c->root)) {
        err = cat_follow_root(c);
        if (err == JET_errRecordNotFound)
            continue;
        if (err < 0)
            return err;
        describe(&c->row, &info);
        err = fn(ctx, &info);
        if (err != JET_errSuccess)
            return err;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR begin(struct sess *s, bool *ret_own)
{
    *ret_own = s->level == 0;
    return *ret_own ? trx_begin(s) : JET_errSuccess;
}

JET_ERR ddl_each_table(struct sess *s, struct db *d,
                       JET_ERR (*fn)(void *ctx, const struct ddl_table_info *info), void *ctx)
{
    struct cat c;
    bool own;
    JET_ERR err = begin(s, &own);

    if (err < 0)
        return err;
    err = cat_open(&c, s, d);
    if (err >= 0)
        err = each(&c, fn, ctx);
    cat_close(&c);
    return own ? cat_end(s, err, true) : err;
}

struct trees { /* ddl_each_tree */
    struct cat *c;
    void (*fn)(void *ctx, pgno_t root, objid_t objid);
    void *ctx;
};

static JET_ERR trees_of(void *ctx, const struct ddl_table_info *info)
{
    struct trees *t = ctx;
    JET_ERR err;

    for (err = cat_first(t->c, info->objid); err >= 0; err = cat_next(t->c))
        if (t->c->row.type == CATROW_TABLE || t->c->row.type == CATROW_INDEX ||
            t->c->row.type == CATROW_LV)
            t->fn(t->ctx, t->c->row.coltyp_or_pgno, t->c->row.id);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

JET_ERR ddl_each_tree(struct sess *s, struct db *d,
                      void (*fn)(void *ctx, pgno_t root, objid_t objid), void *ctx)
{
    struct cat c;
    struct trees t = {&c, fn, ctx};
    bool own;
    JET_ERR err = begin(s, &own);

    if (err < 0)
        return err;
    err = cat_open(&c, s, d);
    if (err >= 0)
        err = ddl_each_table(s, d, trees_of, &t);
    cat_close(&c);
    return own ? cat_end(s, err, true) : err;
}

JET_ERR ddl_find_table(struct sess *s, struct db *d, const char *name, struct ddl_table_info *ret)
{
    struct cat_name n;
    struct cat c;
    bool own;
    JET_ERR err = cat_name_from(name, &n);

    if (err >= 0)
        err = begin(s, &own);
    if (err < 0)
        return err;
    err = cat_open(&c, s, d);
    if (err >= 0)
        err = cat_find_root(&c, cat_name_slice(&n));
    if (err == JET_errRecordNotFound)
        err = RAISE(JET_errObjectNotFound);
    if (err >= 0)
        describe(&c.row, ret);
    cat_close(&c);
    return own ? cat_end(s, err, true) : err;
}
