/* Tables: opened, made, deleted, renamed (JetOpenTable .. JetDupCursor). */
#include <stdlib.h>

#include "api/convert.h"
#include "api/tempsess.h"
#include "api/utf.h"

/* ---- opening --------------------------------------------------------------------------------- */

#define OPEN_GRBITS                                                                                \
    (JET_bitTableDenyWrite | JET_bitTableDenyRead | JET_bitTableReadOnly | JET_bitTableUpdatable | \
     JET_bitTablePermitDDL | JET_bitTableNoCache | JET_bitTablePreread |                           \
     JET_bitTableOpportuneRead | JET_bitTableAllowOutOfDate | JET_bitTableSequential |             \
     JET_bitTableTryPurgeOnClose | JET_bitTableClassMask)
#define HOW_GRBITS \
    (JET_bitTableDenyWrite | JET_bitTableDenyRead | JET_bitTableReadOnly | JET_bitTablePermitDDL)

static JET_ERR check_open(const struct jsess *s, const struct db *d, JET_GRBIT grbit)
{
    const bool read_only = d->read_only || s->opened_read_only[d->dbid];

    if (grbit & ~OPEN_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (grbit & JET_bitTablePermitDDL && !(grbit & JET_bitTableDenyRead))
        return RAISE(JET_errInvalidGrbit);
    if (grbit & JET_bitTableDenyRead && grbit & JET_bitTableReadOnly)
        return RAISE(JET_errInvalidGrbit);
    if (grbit & JET_bitTableUpdatable && (read_only || grbit & JET_bitTableReadOnly))
        return RAISE(JET_errInvalidGrbit);
    return JET_errSuccess;
}

static JET_ERR open_table(struct jsess *s, JET_DBID dbid, const char *name, JET_GRBIT grbit,
                          JET_TABLEID *ret)
{
    struct db *d;
    struct fucb *c;
    JET_ERR err = ret ? api_database(s, dbid, &d) : RAISE(JET_errInvalidParameter);

    if (err >= 0)
        err = check_open(s, d, grbit);
    if (err >= 0)
        err = fucb_open(s->s, d, name, grbit & HOW_GRBITS, &c);
    return err < 0 ? err : cursor_new(s, c, NULL, ret);
}

JET_ERR JetOpenTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                     const void *pvParameters, uint32_t cbParameters, JET_GRBIT grbit,
                     JET_TABLEID *ptableid)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    (void)pvParameters, (void)cbParameters; /* JET does not look at them either */
    return err < 0 ? err : api_leave(s, open_table(s, dbid, szTableName, grbit, ptableid));
}

JET_ERR JetOpenTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                      const void *pvParameters, uint32_t cbParameters, JET_GRBIT grbit,
                      JET_TABLEID *ptableid)
{
    char *name;
    JET_ERR err = utf8_of(szTableName, &name);

    if (err >= 0)
        err = JetOpenTable(sesid, dbid, name, pvParameters, cbParameters, grbit, ptableid);
    free(name);
    return err;
}

JET_ERR JetCloseTable(JET_SESID sesid, JET_TABLEID tableid)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    cursor_close(c);
    return api_leave(s, JET_errSuccess);
}

static JET_ERR dup(struct jsess *s, struct jcursor *c, JET_TABLEID *ret, JET_GRBIT grbit)
{
    struct fucb *copy;
    JET_ERR err;

    if (!ret)
        return RAISE(JET_errInvalidParameter);
    if (grbit)
        return RAISE(JET_errInvalidGrbit);
    if (c->t) /* its rows are this cursor's */
        return RAISE(JET_errIllegalOperation);
    cursor_look(c);
    err = fucb_dup(c->c, &copy);
    if (err >= 0 && c->temp.is && (err = temp_order(copy)) < 0)
        fucb_close(copy);
    if (err < 0)
        return err;
    return c->temp.is ? cursor_new_temp(s, copy, c, ret) : cursor_new(s, copy, NULL, ret);
}

JET_ERR JetDupCursor(JET_SESID sesid, JET_TABLEID tableid, JET_TABLEID *ptableid, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    return err < 0 ? err : api_leave(s, dup(s, c, ptableid, grbit));
}

/* ---- making ---------------------------------------------------------------------------------- */

struct table_in { /* a JET_TABLECREATE of any kind */
    const void *name, *template_name;
    uint32_t pages, density;
    JET_COLUMNCREATE_A *columns; /* all variants are laid out alike (layout.c) */
    uint32_t nr_columns;
    void *indexes;
    uint32_t nr_indexes;
    enum conv_index kind;
    const void *callback;
    JET_GRBIT grbit;
    const JET_SPACEHINTS *hints, *lv_hints;
    uint32_t separate_most;
    bool wide;
    JET_TABLEID *tableid; /* out; and the number of what was made */
    uint32_t *created;
};

static JET_ERR convert(struct conv *c, const struct table_in *in, struct ddl_table *t)
{
    JET_ERR err = conv_text(c, in->name, &t->name);

    if (err >= 0)
        err = conv_text(c, in->template_name, &t->template_name);
    if (err >= 0)
        err = conv_columns(c, in->columns, in->nr_columns, &t->columns);
    if (err >= 0)
        err = conv_indexes(c, in->indexes, in->nr_indexes, in->kind, &t->indexes);
    if (err >= 0)
        err = conv_hints(c, in->hints, &t->hints);
    if (err >= 0)
        err = conv_hints(c, in->lv_hints, &t->lv_hints);
    t->pages = in->pages;
    t->density = in->density;
    t->grbit = in->grbit;
    t->intrinsic_most = in->separate_most;
    t->nr_columns = in->nr_columns;
    t->nr_indexes = in->nr_indexes;
    return err;
}

static JET_ERR open_made(struct jsess *s, struct fcb *f, JET_TABLEID *ret)
{
    const bool permit = f->def.flags & TABLE_FIXED_DDL && !(f->def.flags & TABLE_TEMPLATE);
    struct fucb *c;
    JET_ERR err = fucb_new(s->s, f, FCB_DENY_READ | (permit ? (int)FCB_PERMIT_DDL : 0), &c);

    return err < 0 ? err : cursor_new(s, c, NULL, ret);
}

static JET_ERR make(struct jsess *s, struct db *d, const struct table_in *in, struct ddl_table *t)
{
    struct fcb *f;
    JET_ERR err;

    if (in->callback)
        return RAISE(
            JET_errCallbackNotResolved); /* code by its name: there is no such thing here */
    if (s->opened_read_only[d->dbid] && !d->read_only)
        return RAISE(JET_errPermissionDenied);
    err = ddl_create_table(s->s, d, t, &f);
    *in->created = t->nr_created;
    conv_column_results(in->columns, in->nr_columns, t->columns);
    conv_index_errors(in->indexes, in->nr_indexes, t->indexes);
    return err < 0 ? err : open_made(s, f, in->tableid);
}

static JET_ERR create(struct jsess *s, JET_DBID dbid, const struct table_in *in)
{
    struct conv c = {.params = &s->inst->params, .wide = in->wide};
    struct ddl_table t = {0};
    struct db *d;
    JET_ERR err = api_database(s, dbid, &d);

    *in->tableid = JET_tableidNil;
    *in->created = 0;
    if (err >= 0)
        err = convert(&c, in, &t);
    if (err >= 0)
        err = make(s, d, in, &t);
    conv_done(&c);
    return err;
}

static JET_ERR create_table(JET_SESID sesid, JET_DBID dbid, const struct table_in *in)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, create(s, dbid, in));
}

JET_ERR JetCreateTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName, uint32_t lPages,
                       uint32_t lDensity, JET_TABLEID *ptableid)
{
    uint32_t created;
    const struct table_in in = {.name = szTableName,
                                .pages = lPages,
                                .density = lDensity,
                                .tableid = ptableid,
                                .created = &created};

    return ptableid ? create_table(sesid, dbid, &in) : RAISE(JET_errInvalidParameter);
}

#define HEAD(p)                                                                                 \
    .name = (p)->szTableName, .template_name = (p)->szTemplateTableName, .pages = (p)->ulPages, \
    .density = (p)->ulDensity, .columns = (JET_COLUMNCREATE_A *)(p)->rgcolumncreate,            \
    .nr_columns = (p)->cColumns, .indexes = (p)->rgindexcreate, .nr_indexes = (p)->cIndexes,    \
    .grbit = (p)->grbit, .tableid = &(p)->tableid, .created = &(p)->cCreated
#define HINTS(p) \
    .hints = (p)->pSeqSpacehints, .lv_hints = (p)->pLVSpacehints, .separate_most = (p)->cbSeparateLV
#define IS_SOUND(p) ((p) && (p)->cbStruct == sizeof(*(p)))

JET_ERR JetCreateTableColumnIndex(JET_SESID sesid, JET_DBID dbid, JET_TABLECREATE_A *ptablecreate)
{
    if (!IS_SOUND(ptablecreate))
        return RAISE(JET_errInvalidParameter);
    return create_table(sesid, dbid, &(struct table_in){HEAD(ptablecreate)});
}

JET_ERR JetCreateTableColumnIndex2(JET_SESID sesid, JET_DBID dbid, JET_TABLECREATE2_A *ptablecreate)
{
    if (!IS_SOUND(ptablecreate))
        return RAISE(JET_errInvalidParameter);
    return create_table(
        sesid, dbid, &(struct table_in){HEAD(ptablecreate), .callback = ptablecreate->szCallback});
}

JET_ERR JetCreateTableColumnIndex2W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE2_W *ptablecreate)
{
    if (!IS_SOUND(ptablecreate))
        return RAISE(JET_errInvalidParameter);
    return create_table(
        sesid, dbid,
        &(struct table_in){HEAD(ptablecreate), .callback = ptablecreate->szCallback, .wide = true});
}

JET_ERR JetCreateTableColumnIndex3W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE3_W *ptablecreate)
{
    if (!IS_SOUND(ptablecreate))
        return RAISE(JET_errInvalidParameter);
    return create_table(sesid, dbid,
                        &(struct table_in){HEAD(ptablecreate), HINTS(ptablecreate),
                                           .kind = CONV_INDEX2,
                                           .callback = ptablecreate->szCallback, .wide = true});
}

JET_ERR JetCreateTableColumnIndex4W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE4_W *ptablecreate)
{
    if (!IS_SOUND(ptablecreate))
        return RAISE(JET_errInvalidParameter);
    return create_table(sesid, dbid,
                        &(struct table_in){HEAD(ptablecreate), HINTS(ptablecreate),
                                           .kind = CONV_INDEX3,
                                           .callback = ptablecreate->szCallback, .wide = true});
}

/* ---- deleting, renaming ---------------------------------------------------------------------- */

static JET_ERR writable_db(struct jsess *s, JET_DBID dbid, struct db **ret)
{
    JET_ERR err = api_database(s, dbid, ret);

    if (err >= 0 && s->opened_read_only[dbid] && !(*ret)->read_only)
        err = RAISE(JET_errPermissionDenied);
    return err;
}

JET_ERR JetDeleteTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName)
{
    struct jsess *s;
    struct db *d;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    err = writable_db(s, dbid, &d);
    return api_leave(s, err < 0 ? err : ddl_delete_table(s->s, d, szTableName));
}

JET_ERR JetDeleteTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName)
{
    char *name;
    JET_ERR err = utf8_of(szTableName, &name);

    if (err >= 0)
        err = JetDeleteTable(sesid, dbid, name);
    free(name);
    return err;
}

JET_ERR JetRenameTable(JET_SESID sesid, JET_DBID dbid, const char *szName, const char *szNameNew)
{
    struct jsess *s;
    struct db *d;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    err = szName && szNameNew ? writable_db(s, dbid, &d) : RAISE(JET_errInvalidParameter);
    return api_leave(s, err < 0 ? err : ddl_rename_table(s->s, d, szName, szNameNew));
}

JET_ERR JetRenameTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szName,
                        const JET_WCHAR *szNameNew)
{
    char *name, *to = NULL;
    JET_ERR err = utf8_of(szName, &name);

    if (err >= 0)
        err = utf8_of(szNameNew, &to);
    if (err >= 0)
        err = JetRenameTable(sesid, dbid, name, to);
    free(name);
    free(to);
    return err;
}
