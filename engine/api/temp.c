/* Temporary tables opened (JetOpenTempTable .. JetOpenTemporaryTable2). */
#include <stdlib.h>

#include "api/convert.h"
#include "api/temptable.h"

#define TT_GRBITS                                                                    \
    (JET_bitTTIndexed | JET_bitTTUnique | JET_bitTTUpdatable | JET_bitTTScrollable | \
     JET_bitTTSortNullsHigh | JET_bitTTForceMaterialization | JET_bitTTForwardOnly | \
     JET_bitTTIntrinsicLVsOnly | JET_bitTTDotNetGuid)

struct wanted {
    const JET_COLUMNDEF *columns;
    uint32_t nr;
    JET_GRBIT grbit;
    const struct temp_order *order;
    JET_TABLEID *ret;
    JET_COLUMNID *ret_ids;
};

static JET_ERR open_temp(struct jsess *s, const struct wanted *w)
{
    struct temp_table *t;
    JET_ERR err;

    if (!w->ret || !w->ret_ids || !w->columns)
        return RAISE(JET_errInvalidParameter);
    *w->ret = JET_tableidNil;
    if (w->grbit & ~TT_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    err = temp_table_new(w->columns, w->nr, w->grbit, w->order, &t);
    if (err >= 0)
        err = cursor_new(s, NULL, t, w->ret);
    for (uint32_t i = 0; err >= 0 && i < w->nr; i++)
        w->ret_ids[i] = i + 1;
    return err;
}

static JET_ERR open(JET_SESID sesid, const struct wanted *w)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, open_temp(s, w));
}

static JET_ERR order_of_lcid(uint32_t lcid, uint32_t flags, struct temp_order *ret)
{
    ret->lcmap_flags = flags;
    return lcid == 0 || locale_of_lcid(lcid) ? JET_errSuccess : RAISE(JET_errInvalidLanguageId);
}

JET_ERR JetOpenTempTable(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                         JET_GRBIT grbit, JET_TABLEID *ptableid, JET_COLUMNID *prgcolumnid)
{
    return open(sesid, &(struct wanted){prgcolumndef, ccolumn, grbit, NULL, ptableid, prgcolumnid});
}

JET_ERR JetOpenTempTable2(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                          uint32_t lcid, JET_GRBIT grbit, JET_TABLEID *ptableid,
                          JET_COLUMNID *prgcolumnid)
{
    struct temp_order order = {0};
    JET_ERR err = order_of_lcid(lcid, 0, &order);

    return err < 0 ? err
                   : open(sesid, &(struct wanted){prgcolumndef, ccolumn, grbit, &order, ptableid,
                                                  prgcolumnid});
}

JET_ERR JetOpenTempTable3(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                          JET_UNICODEINDEX *pidxunicode, JET_GRBIT grbit, JET_TABLEID *ptableid,
                          JET_COLUMNID *prgcolumnid)
{
    struct temp_order order = {0};
    JET_ERR err = JET_errSuccess;

    if (pidxunicode)
        err = order_of_lcid(pidxunicode->lcid, pidxunicode->dwMapFlags, &order);
    return err < 0 ? err
                   : open(sesid, &(struct wanted){prgcolumndef, ccolumn, grbit, &order, ptableid,
                                                  prgcolumnid});
}

JET_ERR JetOpenTemporaryTable(JET_SESID sesid, JET_OPENTEMPORARYTABLE *popentemporarytable)
{
    JET_OPENTEMPORARYTABLE *p = popentemporarytable;
    struct temp_order order;
    JET_ERR err = JET_errSuccess;

    if (!p || p->cbStruct != sizeof(*p))
        return RAISE(JET_errInvalidParameter);
    order = (struct temp_order){.key_most = p->cbKeyMost, .segment_most = p->cbVarSegMac};
    if (p->pidxunicode)
        err = order_of_lcid(p->pidxunicode->lcid, p->pidxunicode->dwMapFlags, &order);
    return err < 0 ? err
                   : open(sesid, &(struct wanted){p->prgcolumndef, p->ccolumn, p->grbit, &order,
                                                  &p->tableid, p->prgcolumnid});
}

JET_ERR JetOpenTemporaryTable2(JET_SESID sesid, JET_OPENTEMPORARYTABLE2 *popentemporarytable)
{
    JET_OPENTEMPORARYTABLE2 *p = popentemporarytable;
    struct temp_order order;

    if (!p || p->cbStruct != sizeof(*p))
        return RAISE(JET_errInvalidParameter);
    order = (struct temp_order){.key_most = p->cbKeyMost, .segment_most = p->cbVarSegMac};
    if (p->pidxunicode)
        order.lcmap_flags = p->pidxunicode->dwMapFlags;
    return open(sesid, &(struct wanted){p->prgcolumndef, p->ccolumn, p->grbit, &order, &p->tableid,
                                        p->prgcolumnid});
}
