/* Columns: added, deleted, renamed, described (JetAddColumn .. JetGetColumnInfo). */
#include <stdlib.h>

#include "api/listing.h"
#include "api/utf.h"

#define COUNTRY_DEFAULT 1
#define LANGID_DEFAULT  0x409 /* JET_COLUMNDEF has them; nothing depends on them */

/* A call of a cursor that changes its table's schema. */
static JET_ERR enter_ddl(JET_SESID sesid, JET_TABLEID tableid, struct jsess **s, struct jcursor **c)
{
    JET_ERR err = api_enter_cursor(sesid, tableid, s, c);

    if (err < 0)
        return err;
    err = cursor_is_private(*c) ? RAISE(JET_errIllegalOperation) : cursor_may_write(*c);
    return err < 0 ? api_leave(*s, err) : err;
}

/* ---- changing -------------------------------------------------------------------------------- */

JET_ERR JetAddColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                     const JET_COLUMNDEF *pcolumndef, const void *pvDefault, uint32_t cbDefault,
                     JET_COLUMNID *pcolumnid)
{
    struct ddl_column col = {.name = szColumnName, .value = {pvDefault, pvDefault ? cbDefault : 0}};
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = enter_ddl(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pcolumndef || pcolumndef->cbStruct != sizeof(*pcolumndef) || (cbDefault && !pvDefault))
        return api_leave(s, RAISE(JET_errInvalidParameter));
    col.coltyp = pcolumndef->coltyp;
    col.cp = pcolumndef->cp;
    col.max_len = pcolumndef->cbMax;
    col.grbit = pcolumndef->grbit;
    err = ddl_add_column(s->s, c->c->fcb, &col);
    if (err >= 0 && pcolumnid)
        *pcolumnid = col.columnid;
    return api_leave(s, err);
}

JET_ERR JetAddColumnW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                      const JET_COLUMNDEF *pcolumndef, const void *pvDefault, uint32_t cbDefault,
                      JET_COLUMNID *pcolumnid)
{
    char *name;
    JET_ERR err = utf8_of(szColumnName, &name);

    if (err >= 0)
        err = JetAddColumn(sesid, tableid, name, pcolumndef, pvDefault, cbDefault, pcolumnid);
    free(name);
    return err;
}

JET_ERR JetDeleteColumn2(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                         JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = enter_ddl(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (grbit & ~JET_bitDeleteColumnIgnoreTemplateColumns)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    return api_leave(s, ddl_delete_column(s->s, c->c->fcb, szColumnName, grbit));
}

JET_ERR JetDeleteColumn2W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                          JET_GRBIT grbit)
{
    char *name;
    JET_ERR err = utf8_of(szColumnName, &name);

    if (err >= 0)
        err = JetDeleteColumn2(sesid, tableid, name, grbit);
    free(name);
    return err;
}

JET_ERR JetDeleteColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName)
{
    return JetDeleteColumn2(sesid, tableid, szColumnName, 0);
}

JET_ERR JetRenameColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szName,
                        const char *szNameNew, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = enter_ddl(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!szName || !szNameNew)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (grbit)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    return api_leave(s, ddl_rename_column(s->s, c->c->fcb, szName, szNameNew));
}

JET_ERR JetRenameColumnW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szName,
                         const JET_WCHAR *szNameNew, JET_GRBIT grbit)
{
    char *name, *to = NULL;
    JET_ERR err = utf8_of(szName, &name);

    if (err >= 0)
        err = utf8_of(szNameNew, &to);
    if (err >= 0)
        err = JetRenameColumn(sesid, tableid, name, to, grbit);
    free(name);
    free(to);
    return err;
}

static JET_ERR set_default(struct jsess *s, JET_DBID dbid, const char *table, const char *column,
                           struct slice value)
{
    struct db *d;
    struct fcb *f;
    JET_ERR err = api_database(s, dbid, &d);

    if (err >= 0 && s->opened_read_only[dbid] && !d->read_only)
        err = RAISE(JET_errPermissionDenied);
    if (err >= 0)
        err = fcb_open(s->s, d, table, FCB_DENY_READ, &f);
    if (err < 0)
        return err;
    err = ddl_set_default(s->s, f, column, value);
    fcb_close(s->s, f, FCB_DENY_READ);
    return err;
}

JET_ERR JetSetColumnDefaultValue(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                                 const char *szColumnName, const void *pvData, uint32_t cbData,
                                 JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (cbData && !pvData)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (grbit)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    return api_leave(
        s, set_default(s, dbid, szTableName, szColumnName, (struct slice){pvData, cbData}));
}

/* ---- one column ------------------------------------------------------------------------------ */

static JET_GRBIT grbit_of(const struct fucb *c, const struct column *col)
{
    static const struct {
        uint32_t flag;
        JET_GRBIT grbit;
    } map[] = {
        {COLUMN_NOT_NULL, JET_bitColumnNotNULL},
        {COLUMN_AUTO_INCREMENT, JET_bitColumnAutoincrement},
        {COLUMN_VERSION, JET_bitColumnVersion},
        {COLUMN_MULTI_VALUED, JET_bitColumnMultiValued},
        {COLUMN_ESCROW, JET_bitColumnEscrowUpdate},
        {COLUMN_FINALIZE, JET_bitColumnFinalize},
        {COLUMN_DELETE_ON_ZERO, JET_bitColumnDeleteOnZero},
        {COLUMN_USER_DEFAULT, JET_bitColumnUserDefinedDefault},
        {COLUMN_COMPRESSED, JET_bitColumnCompressed},
        {COLUMN_ENCRYPTED, JET_bitColumnEncrypted},
        {COLUMN_PLACEHOLDER, JET_bitColumnRenameConvertToPrimaryIndexPlaceholder},
    };
    JET_GRBIT grbit = col->fid >= FID_TAGGED_LEAST ? JET_bitColumnTagged
                      : col->fid <= FID_FIXED_MOST ? JET_bitColumnFixed
                                                   : 0;

    if (!(c->how & FCB_READ_ONLY) && !c->db->read_only)
        grbit |= JET_bitColumnUpdatable;
    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        if (col->flags & map[i].flag)
            grbit |= map[i].grbit;
    return grbit;
}

static void put_def(const struct fucb *c, const struct column *col, JET_COLUMNDEF *ret)
{
    *ret = (JET_COLUMNDEF){.cbStruct = sizeof(*ret),
                           .columnid = col->id,
                           .coltyp = col->coltyp,
                           .wCountry = COUNTRY_DEFAULT,
                           .langid = LANGID_DEFAULT,
                           .cp = (uint16_t)col->cp,
                           .cbMax = col->max_len,
                           .grbit = grbit_of(c, col)};
}

static JET_ERR put_base_w(const JET_COLUMNDEF *def, const char *table, const char *column,
                          JET_COLUMNBASE_W *ret)
{
    JET_ERR err;

    *ret = (JET_COLUMNBASE_W){.cbStruct = sizeof(*ret),
                              .columnid = def->columnid,
                              .coltyp = def->coltyp,
                              .wCountry = def->wCountry,
                              .langid = def->langid,
                              .cp = def->cp,
                              .cbMax = def->cbMax,
                              .grbit = def->grbit};
    err = utf16_put(table, ret->szBaseTableName, sizeof(ret->szBaseTableName), NULL);
    return err < 0 ? err
                   : utf16_put(column, ret->szBaseColumnName, sizeof(ret->szBaseColumnName), NULL);
}

static void put_base_a(const JET_COLUMNDEF *def, const char *table, const char *column,
                       JET_COLUMNBASE_A *ret)
{
    *ret = (JET_COLUMNBASE_A){.cbStruct = sizeof(*ret),
                              .columnid = def->columnid,
                              .coltyp = def->coltyp,
                              .wCountry = def->wCountry,
                              .langid = def->langid,
                              .cp = def->cp,
                              .cbMax = def->cbMax,
                              .grbit = def->grbit};
    snprintf(ret->szBaseTableName, sizeof(ret->szBaseTableName), "%s", table);
    snprintf(ret->szBaseColumnName, sizeof(ret->szBaseColumnName), "%s", column);
}

struct asked {              /* of columns */
    const char *name;       /* NULL or "": by id */
    const JET_COLUMNID *id; /* NULL: by name */
    void *buf;
    uint32_t cb, level;
    bool wide;
};

static JET_ERR find(struct fucb *c, const struct asked *a, const struct column **ret)
{
    const JET_COLUMNID id = a->id ? *a->id : 0;
    bool visible;
    JET_ERR err;

    if (!a->id && a->name && *a->name)
        return fcb_column_find(c->sess, c->fcb, c->tdb, a->name, ret);
    *ret = tdb_column(c->tdb, id);
    if (!*ret)
        return RAISE(JET_errColumnNotFound);
    err = fcb_column_visible(c->sess, c->fcb, c->tdb, *ret, &visible);
    return err < 0 || visible ? err : RAISE(JET_errColumnNotFound);
}

static JET_ERR one_column(struct fucb *c, const struct asked *a, bool base)
{
    const struct column *col;
    char table[FCB_NAME_LEN];
    JET_COLUMNDEF def;
    JET_ERR err = find(c, a, &col);

    if (err < 0)
        return err;
    put_def(c, col, &def);
    if (!base) {
        memcpy(a->buf, &def, sizeof(def));
        return JET_errSuccess;
    }
    fcb_name(c->fcb, table);
    if (a->wide)
        return put_base_w(&def, table, col->name, a->buf);
    put_base_a(&def, table, col->name, a->buf);
    return JET_errSuccess;
}

/* ---- all columns ----------------------------------------------------------------------------- */

enum {
    ORDER,
    NAME,
    ID,
    TYPE,
    COUNTRY,
    LANGID,
    CP,
    COLLATE,
    SIZE,
    GRBIT,
    DEFAULT,
    TABLE_NAME,
    BASE_NAME,
    NR
};

static const struct listing_column sorted[NR] = {{JET_coltypLong, JET_bitColumnTTKey},
                                                 {JET_coltypText, JET_bitColumnTTKey},
                                                 {JET_coltypLong, 0},
                                                 {JET_coltypLong, 0},
                                                 {JET_coltypShort, 0},
                                                 {JET_coltypShort, 0},
                                                 {JET_coltypShort, 0},
                                                 {JET_coltypShort, 0},
                                                 {JET_coltypLong, 0},
                                                 {JET_coltypLong, 0},
                                                 {JET_coltypLongBinary, 0},
                                                 {JET_coltypText, 0},
                                                 {JET_coltypText, 0}};

static JET_ERR list_row(struct listing *l, const struct fucb *c, const struct column *col,
                        const char *table, uint32_t level)
{
    JET_COLUMNDEF def;

    put_def(c, col, &def);
    listing_row(l);
    if (level & JET_ColInfoGrbitSortByColumnid)
        listing_put(l, ORDER, def.columnid);
    listing_put_name(l, NAME, col->name);
    listing_put(l, ID, def.columnid);
    if (!(level & JET_ColInfoGrbitMinimalInfo)) {
        listing_put(l, TYPE, def.coltyp);
        listing_put(l, COUNTRY, def.wCountry);
        listing_put(l, LANGID, def.langid);
        listing_put(l, CP, def.cp);
        listing_put(l, COLLATE, 0);
        listing_put(l, SIZE, def.cbMax);
        listing_put(l, GRBIT, def.grbit);
        if (col->has_default)
            listing_put_bytes(l, DEFAULT, col->default_value);
        listing_put_name(l, TABLE_NAME, table);
        listing_put_name(l, BASE_NAME, col->name);
    }
    return listing_end_row(l);
}

static JET_ERR fill(struct listing *l, struct fucb *c, uint32_t level)
{
    const struct tdb *t = c->tdb;
    const bool compact = (level & 0x0fffffff) == JET_ColInfoListCompact,
               own = c->fcb->template != NULL;
    char table[FCB_NAME_LEN];
    JET_ERR err = JET_errSuccess;

    fcb_name(c->fcb, table);
    for (unsigned i = 0; i < t->schema.nr_columns && err >= 0; i++) {
        const struct column *col = &t->schema.columns[i];
        bool visible;
        if (own && col->id & COLUMN_ID_TEMPLATE &&
            (compact || level & JET_ColInfoGrbitNonDerivedColumnsOnly))
            continue;
        if (compact && col->flags & COLUMN_PLACEHOLDER)
            continue;
        err = fcb_column_visible(c->sess, c->fcb, t, col, &visible);
        if (err >= 0 && visible)
            err = list_row(l, c, col, table, level);
    }
    return err;
}

static JET_ERR list_columns(struct jsess *s, struct fucb *c, const struct asked *a)
{
    const bool compact = (a->level & 0x0fffffff) == JET_ColInfoListCompact;
    struct listing_column columns[NR];
    struct listing l;
    JET_COLUMNLIST list = {.cbStruct = sizeof(list)};
    JET_ERR err;

    memcpy(columns, sorted, sizeof(columns));
    if (compact) /* in the order of their numbers */
        columns[NAME].grbit = columns[ORDER].grbit = 0;
    err = listing_begin(&l, columns, NR, a->wide);
    if (err >= 0)
        err = fill(&l, c, a->level);
    list.cRecord = l.nr;
    if (err >= 0)
        err = listing_give(&l, s, &list.tableid);
    listing_drop(&l);
    if (err < 0)
        return err;
    list.columnidPresentationOrder = listing_id(ORDER);
    list.columnidcolumnname = list.columnidDefinitionName = listing_id(NAME);
    list.columnidcolumnid = listing_id(ID);
    list.columnidcoltyp = listing_id(TYPE);
    list.columnidCountry = listing_id(COUNTRY);
    list.columnidLangid = listing_id(LANGID);
    list.columnidCp = listing_id(CP);
    list.columnidCollate = listing_id(COLLATE);
    list.columnidcbMax = listing_id(SIZE);
    list.columnidgrbit = listing_id(GRBIT);
    list.columnidDefault = listing_id(DEFAULT);
    list.columnidBaseTableName = listing_id(TABLE_NAME);
    list.columnidBaseColumnName = listing_id(BASE_NAME);
    memcpy(a->buf, &list, sizeof(list));
    return JET_errSuccess;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static JET_ERR column_info(struct jsess *s, struct fucb *c, struct asked *a)
{
    JET_ERR err = fucb_current_schema(c);

    if (err < 0)
        return err;
    switch (a->level & 0x0fffffff) {
    case JET_ColInfo:
    case JET_ColInfoByColid:
        return one_column(c, a, false);
    case JET_ColInfoBase:
    case JET_ColInfoBaseByColid:
        return one_column(c, a, true);
    case JET_ColInfoListSortColumnid:
        a->level |= JET_ColInfoGrbitSortByColumnid;
        return list_columns(s, c, a);
    default:
        return list_columns(s, c, a);
    }
}

static JET_ERR check_asked(const struct asked *a)
{
    uint32_t least;

    switch (a->level & 0x0fffffff) {
    case JET_ColInfo:
    case JET_ColInfoByColid:
        least = sizeof(JET_COLUMNDEF);
        break;
    case JET_ColInfoList:
    case JET_ColInfoListCompact:
    case JET_ColInfoListSortColumnid:
        least = sizeof(JET_COLUMNLIST);
        break;
    case JET_ColInfoBase:
    case JET_ColInfoBaseByColid:
        least = a->wide ? sizeof(JET_COLUMNBASE_W) : sizeof(JET_COLUMNBASE_A);
        break;
    default:
        return RAISE(JET_errInvalidParameter);
    }
    if (!a->buf)
        return RAISE(JET_errInvalidParameter);
    return a->cb < least ? RAISE(JET_errBufferTooSmall) : JET_errSuccess;
}

/* The name, or where it is said so the address of an id. */
static JET_ERR ask(struct asked *a, const void *name_or_id, char **ret_name)
{
    const uint32_t level = a->level & 0x0fffffff;
    JET_ERR err = JET_errSuccess;

    *ret_name = NULL;
    if (level == JET_ColInfoByColid || level == JET_ColInfoBaseByColid) {
        a->id = name_or_id;
        return name_or_id ? err : RAISE(JET_errInvalidParameter);
    }
    a->name = name_or_id;
    if (a->wide) {
        err = utf8_of(name_or_id, ret_name);
        a->name = *ret_name;
    }
    return err;
}

static JET_ERR table_column_info(JET_SESID sesid, JET_TABLEID tableid, const void *name_or_id,
                                 struct asked a)
{
    struct jsess *s;
    struct jcursor *c;
    char *name;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (cursor_is_private(c))
        return api_leave(s, RAISE(JET_errIllegalOperation));
    err = check_asked(&a);
    if (err < 0)
        return api_leave(s, err);
    err = ask(&a, name_or_id, &name);
    if (err >= 0)
        err = column_info(s, c->c, &a);
    free(name);
    return api_leave(s, err);
}

JET_ERR JetGetTableColumnInfo(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                              void *pvResult, uint32_t cbMax, uint32_t InfoLevel)
{
    return table_column_info(sesid, tableid, szColumnName,
                             (struct asked){.buf = pvResult, .cb = cbMax, .level = InfoLevel});
}

JET_ERR JetGetTableColumnInfoW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                               void *pvResult, uint32_t cbMax, uint32_t InfoLevel)
{
    return table_column_info(
        sesid, tableid, szColumnName,
        (struct asked){.buf = pvResult, .cb = cbMax, .level = InfoLevel, .wide = true});
}

static JET_ERR by_table_name(struct jsess *s, JET_DBID dbid, const void *table,
                             const void *name_or_id, struct asked *a)
{
    char *name = NULL, *table_name = NULL;
    struct fucb *c;
    JET_ERR err = check_asked(a);

    if (err >= 0 && !table)
        err = RAISE(JET_errInvalidParameter);
    if (err >= 0 && a->wide)
        err = utf8_of(table, &table_name);
    if (err >= 0)
        err = ask(a, name_or_id, &name);
    if (err >= 0)
        err = api_open_table(s, dbid, a->wide ? table_name : table, FCB_READ_ONLY, &c);
    if (err >= 0) {
        err = column_info(s, c, a);
        fucb_close(c);
    }
    free(name);
    free(table_name);
    return err;
}

JET_ERR JetGetColumnInfo(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                         const char *pColumnNameOrId, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel)
{
    struct asked a = {.buf = pvResult, .cb = cbMax, .level = InfoLevel};
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, by_table_name(s, dbid, szTableName, pColumnNameOrId, &a));
}

JET_ERR JetGetColumnInfoW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                          const JET_WCHAR *pwColumnNameOrId, void *pvResult, uint32_t cbMax,
                          uint32_t InfoLevel)
{
    struct asked a = {.buf = pvResult, .cb = cbMax, .level = InfoLevel, .wide = true};
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, by_table_name(s, dbid, szTableName, pwColumnNameOrId, &a));
}
