/* Tables described (JetGetObjectInfo, JetGetTableInfo). */
#include <stdio.h>
#include <stdlib.h>

#include "api/listing.h"
#include "api/tempsess.h"
#include "api/utf.h"
#include "btree/spacewrite.h"

/* ---- objects of a database: tables ----------------------------------------------------------- */

enum { CONTAINER, NAME, TYPE, CREATED, UPDATED, RECORDS, PAGES, GRBIT, FLAGS, NR };

static const struct listing_column columns[NR] = {
    {JET_coltypText, JET_bitColumnTTKey},
    {JET_coltypText, JET_bitColumnTTKey},
    {JET_coltypLong, 0},
    {JET_coltypDateTime, 0},
    {JET_coltypDateTime, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
};

struct list {
    struct listing l;
    JET_GRBIT grbit;
};

static JET_GRBIT grbit_of(const struct jsess *s, const struct db *d)
{
    const bool read_only = d->read_only || s->opened_read_only[d->dbid];

    return JET_bitTableInfoBookmark | JET_bitTableInfoRollback |
           (read_only ? 0 : JET_bitTableInfoUpdatable);
}

/* Records and pages are what statistics say (JetComputeStats): there are none. */
static JET_ERR list_table(void *ctx, const struct ddl_table_info *info)
{
    struct list *list = ctx;
    struct listing *l = &list->l;

    listing_row(l);
    listing_put_name(l, CONTAINER, "Tables");
    listing_put_name(l, NAME, info->name);
    listing_put(l, TYPE, JET_objtypTable);
    listing_put(l, RECORDS, 0);
    listing_put(l, PAGES, 0);
    listing_put(l, GRBIT, list->grbit);
    listing_put(l, FLAGS, info->flags);
    return listing_end_row(l);
}

static JET_ERR list_tables(struct jsess *s, struct db *d, JET_OBJTYP objtyp, void *buf, bool wide)
{
    struct list list = {.grbit = grbit_of(s, d)};
    JET_OBJECTLIST ret = {.cbStruct = sizeof(ret),
                          .columnidcontainername = listing_id(CONTAINER),
                          .columnidobjectname = listing_id(NAME),
                          .columnidobjtyp = listing_id(TYPE),
                          .columniddtCreate = listing_id(CREATED),
                          .columniddtUpdate = listing_id(UPDATED),
                          .columnidgrbit = listing_id(GRBIT),
                          .columnidflags = listing_id(FLAGS),
                          .columnidcRecord = listing_id(RECORDS),
                          .columnidcPage = listing_id(PAGES)};
    JET_ERR err = listing_begin(&list.l, columns, NR, wide);

    if (err >= 0 && (objtyp == JET_objtypNil || objtyp == JET_objtypTable))
        err = ddl_each_table(s->s, d, list_table, &list);
    ret.cRecord = list.l.nr;
    if (err >= 0)
        err = listing_give(&list.l, s, &ret.tableid);
    listing_drop(&list.l);
    if (err >= 0)
        memcpy(buf, &ret, sizeof(ret));
    return err;
}

static JET_ERR one_object(struct jsess *s, struct db *d, const char *name, void *buf)
{
    struct ddl_table_info info;
    JET_OBJECTINFO ret = {
        .cbStruct = sizeof(ret), .objtyp = JET_objtypTable, .grbit = grbit_of(s, d)};
    JET_ERR err = ddl_find_table(s->s, d, name, &info);

    if (err < 0)
        return err;
    ret.flags = info.flags;
    memcpy(buf, &ret, sizeof(ret));
    return JET_errSuccess;
}

static JET_ERR object_info(struct jsess *s, JET_DBID dbid, JET_OBJTYP objtyp, const char *name,
                           void *buf, uint32_t cb, uint32_t level, bool wide)
{
    const bool list = level == JET_ObjInfoList || level == JET_ObjInfoListNoStats;
    struct db *d;
    JET_ERR err = api_database(s, dbid, &d);

    if (err < 0)
        return err;
    if (!buf || (!list && level != JET_ObjInfo && level != JET_ObjInfoNoStats))
        return RAISE(JET_errInvalidParameter);
    if (cb < (list ? sizeof(JET_OBJECTLIST) : sizeof(JET_OBJECTINFO)))
        return RAISE(JET_errBufferTooSmall);
    return list ? list_tables(s, d, objtyp, buf, wide) : one_object(s, d, name, buf);
}

JET_ERR JetGetObjectInfo(JET_SESID sesid, JET_DBID dbid, JET_OBJTYP objtyp,
                         const char *szContainerName, const char *szObjectName, void *pvResult,
                         uint32_t cbMax, uint32_t InfoLevel)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    (void)szContainerName; /* there is one */
    if (err < 0)
        return err;
    return api_leave(s,
                     object_info(s, dbid, objtyp, szObjectName, pvResult, cbMax, InfoLevel, false));
}

JET_ERR JetGetObjectInfoW(JET_SESID sesid, JET_DBID dbid, JET_OBJTYP objtyp,
                          const JET_WCHAR *szContainerName, const JET_WCHAR *szObjectName,
                          void *pvResult, uint32_t cbMax, uint32_t InfoLevel)
{
    struct jsess *s;
    char *name;
    JET_ERR err = utf8_of(szObjectName, &name);

    (void)szContainerName;
    if (err >= 0)
        err = api_enter(sesid, &s);
    if (err >= 0)
        err = api_leave(s, object_info(s, dbid, objtyp, name, pvResult, cbMax, InfoLevel, true));
    free(name);
    return err;
}

/* ---- the table of a cursor ------------------------------------------------------------------- */

struct answer {
    void *buf;
    uint32_t cb;
    bool wide;
};

static JET_ERR put(const struct answer *a, const void *what, uint32_t len)
{
    if (a->cb < len)
        return RAISE(JET_errBufferTooSmall);
    memcpy(a->buf, what, len);
    return JET_errSuccess;
}

static JET_ERR put_name(const struct answer *a, const char *name)
{
    return a->wide ? utf16_put(name, a->buf, a->cb, NULL)
                   : put(a, name, (uint32_t)strlen(name) + 1);
}

static JET_ERR put_object(const struct answer *a, struct jcursor *c)
{
    JET_OBJECTINFO info = {.cbStruct = sizeof(info),
                           .objtyp = JET_objtypTable,
                           .grbit = JET_bitTableInfoBookmark | JET_bitTableInfoRollback};

    if (c->t) {
        info.grbit = JET_bitTableInfoBookmark;
        info.cRecord = temp_nr_rows(c->t);
        return put(a, &info, sizeof(info));
    }
    if (c->temp.is) {
        JET_ERR err = temp_count_rows(c, &info.cRecord);
        if (err < 0)
            return err;
        if (c->temp.grbit & JET_bitTTUpdatable)
            info.grbit |= JET_bitTableInfoUpdatable;
        return put(a, &info, sizeof(info));
    }
    if (cursor_may_write(c) >= 0 && !c->c->db->read_only)
        info.grbit |= JET_bitTableInfoUpdatable;
    info.flags = c->c->fcb->def.flags;
    return put(a, &info, sizeof(info));
}

/* Pages of the table, which owns its indexes' and long values' too; free ones in all of their
 * trees. */
static JET_ERR count_space(struct fucb *c, uint32_t *ret_owned, uint32_t *ret_own_free,
                           uint32_t *ret_all_free)
{
    struct tree *lv;
    uint32_t owned, avail;
    JET_ERR err = space_count(c->sess, c->fcb->tree, ret_owned, ret_own_free);

    *ret_all_free = *ret_own_free;
    for (unsigned i = 0; i < c->tdb->nr_indexes && err >= 0; i++) {
        err = space_count(c->sess, c->tdb->indexes[i]->tree, &owned, &avail);
        *ret_all_free += err >= 0 ? avail : 0;
    }
    if (err >= 0)
        err = fcb_lv_tree(c->sess, c->fcb, false, &lv);
    if (err >= 0 && lv) {
        err = space_count(c->sess, lv, &owned, &avail);
        *ret_all_free += err >= 0 ? avail : 0;
    }
    return err;
}

static JET_ERR put_space(const struct answer *a, struct fucb *c, uint32_t level)
{
    uint32_t owned = 0, own_free = 0, all_free = 0;
    JET_ERR err = fucb_current_schema(c);

    if (err >= 0)
        err = count_space(c, &owned, &own_free, &all_free);
    if (err < 0)
        return err;
    switch (level) {
    case JET_TblInfoSpaceOwned:
        return put(a, &owned, sizeof(owned));
    case JET_TblInfoSpaceAvailable:
        return put(a, &all_free, sizeof(all_free));
    default:
        return put(a, (uint32_t[2]){owned, own_free}, 2 * sizeof(uint32_t));
    }
}

static JET_ERR of_table(const struct answer *a, struct fucb *c, uint32_t level)
{
    char name[FCB_NAME_LEN];
    JET_DBID dbid;

    switch (level) {
    case JET_TblInfoName:
        fcb_name(c->fcb, name);
        return put_name(a, name);
    case JET_TblInfoTemplateTableName:
        if (c->fcb->template)
            fcb_name(c->fcb->template, name);
        return put_name(a, c->fcb->template ? name : "");
    case JET_TblInfoDbid:
        dbid = c->db->dbid;
        return put(a, &dbid, sizeof(dbid));
    case JET_TblInfoSpaceAlloc:
        return put(a, (uint32_t[2]){c->fcb->def.initial_pages, c->fcb->def.density},
                   2 * sizeof(uint32_t));
    case JET_TblInfoLVChunkMax:
        return put(a, &c->fcb->def.lv_chunk, sizeof(uint32_t));
    case JET_TblInfoSpaceUsage:
    case JET_TblInfoSpaceOwned:
    case JET_TblInfoSpaceAvailable:
        return put_space(a, c, level);
    default:
        return RAISE(JET_errInvalidParameter);
    }
}

static JET_ERR table_info(JET_SESID sesid, JET_TABLEID tableid, struct answer a, uint32_t level)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!a.buf)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (level == JET_TblInfo)
        return api_leave(s, put_object(&a, c));
    return api_leave(s, cursor_is_private(c) ? RAISE(JET_errInvalidOperation)
                                             : of_table(&a, c->c, level));
}

JET_ERR JetGetTableInfo(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                        uint32_t InfoLevel)
{
    return table_info(sesid, tableid, (struct answer){pvResult, cbMax, false}, InfoLevel);
}

JET_ERR JetGetTableInfoW(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel)
{
    return table_info(sesid, tableid, (struct answer){pvResult, cbMax, true}, InfoLevel);
}
