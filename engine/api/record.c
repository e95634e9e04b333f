/* Records: prepared, set, updated, deleted, read (JetPrepareUpdate .. JetEnumerateColumns). */
#include <stdlib.h>

#include "api/api_int.h"
#include "api/temptable.h"

/* ---- changing -------------------------------------------------------------------------------- */

/* Rows of a temporary table come as long as nobody has looked, and are changed where that was asked for. */
static JET_ERR may_prepare(struct jcursor *c, uint32_t prep)
{
    if (c->t)
        return RAISE(JET_errIllegalOperation); /* a list */
    if (!c->temp.is || prep == JET_prepCancel || prep == JET_prepReadOnlyCopy)
        return JET_errSuccess;
    if (c->temp.grbit & JET_bitTTUpdatable) {
        if (prep != JET_prepInsert)
            cursor_look(c);
        return JET_errSuccess;
    }
    return prep == JET_prepInsert && !(c->temp.sort_only && !c->temp.sorting)
               ? JET_errSuccess
               : RAISE(JET_errIllegalOperation);
}

/* Of rows with equal keys the first one stays, until somebody has looked. */
static JET_ERR drop_duplicate(struct jcursor *c)
{
    return fucb_prepare(c->c, FUCB_PREP_CANCEL);
}

JET_ERR JetPrepareUpdate(JET_SESID sesid, JET_TABLEID tableid, uint32_t prep)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (prep > JET_prepInsertCopyReplaceOriginal || prep == 1 || prep == 6)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (prep != JET_prepReadOnlyCopy && prep != JET_prepCancel)
        err = cursor_may_write(c);
    if (err >= 0)
        err = may_prepare(c, prep);
    if (err >= 0)
        err = fucb_prepare(c->c, (enum fucb_prep)prep);
    return api_leave(s, err);
}

struct bookmark_out {
    void *buf;
    uint32_t cap, *ret_len;
};

/* An error of a function after the update does not undo it, and is not told (JET_CBTYP). */
static JET_ERR update(struct jsess *s, struct jcursor *c, const struct bookmark_out *bm,
                      JET_GRBIT grbit)
{
    const bool replace = c->c->prep == FUCB_PREP_REPLACE || c->c->prep == FUCB_PREP_REPLACE_NO_LOCK;
    JET_ERR err = JET_errSuccess, after;

    if (c->c->prep != FUCB_PREP_NONE)
        err = callbacks_call(s, c, replace ? JET_cbtypBeforeReplace : JET_cbtypBeforeInsert);
    if (err >= 0)
        err = fucb_update(c->c, bm->buf, bm->cap, bm->ret_len, grbit);
    if (err == JET_errKeyDuplicate && c->temp.sorting)
        return drop_duplicate(c);
    if (err < 0)
        return err;
    after = callbacks_call(s, c, replace ? JET_cbtypAfterReplace : JET_cbtypAfterInsert);
    (void)after;
    return err;
}

JET_ERR JetUpdate2(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbBookmark,
                   uint32_t *pcbActual, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pvBookmark && cbBookmark)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (c->t)
        return api_leave(s, RAISE(JET_errUpdateNotPrepared));
    return api_leave(
        s, update(s, c, &(struct bookmark_out){pvBookmark, cbBookmark, pcbActual}, grbit));
}

JET_ERR JetUpdate(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbBookmark,
                  uint32_t *pcbActual)
{
    return JetUpdate2(sesid, tableid, pvBookmark, cbBookmark, pcbActual, 0);
}

static JET_ERR delete (struct jsess *s, struct jcursor *c)
{
    JET_ERR err = callbacks_call(s, c, JET_cbtypBeforeDelete), after;

    if (err >= 0)
        err = fucb_delete(c->c);
    if (err < 0)
        return err;
    after = callbacks_call(s, c, JET_cbtypAfterDelete);
    (void)after;
    return err;
}

JET_ERR JetDelete(JET_SESID sesid, JET_TABLEID tableid)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (c->t || (c->temp.is && !(c->temp.grbit & JET_bitTTUpdatable)))
        return api_leave(s, RAISE(JET_errIllegalOperation));
    cursor_look(c);
    err = cursor_may_write(c);
    return api_leave(s, err < 0 ? err : delete (s, c));
}

static JET_ERR set_column(struct jcursor *c, JET_COLUMNID id, const void *data, uint32_t len,
                          JET_GRBIT grbit, uint32_t offset, uint32_t itag)
{
    if (len > 0x7fffffff || (!data && len && !(grbit & JET_bitSetSizeLV)))
        return RAISE(JET_errInvalidParameter);
    if (c->t)
        return RAISE(JET_errUpdateNotPrepared);
    return fucb_set(c->c, id, (struct slice){data, len}, grbit, offset, itag);
}

JET_ERR JetSetColumn(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid,
                     const void *pvData, uint32_t cbData, JET_GRBIT grbit, JET_SETINFO *psetinfo)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (psetinfo && psetinfo->cbStruct != sizeof(*psetinfo))
        return api_leave(s, RAISE(JET_errInvalidParameter));
    return api_leave(s, set_column(c, columnid, pvData, cbData, grbit,
                                   psetinfo ? psetinfo->ibLongValue : 0,
                                   psetinfo ? psetinfo->itagSequence : 1));
}

/* The first error ends it; warnings stay with their columns, and the last one is returned. */
JET_ERR JetSetColumns(JET_SESID sesid, JET_TABLEID tableid, JET_SETCOLUMN *psetcolumn,
                      uint32_t csetcolumn)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c), ret = JET_errSuccess;

    if (err < 0)
        return err;
    if (csetcolumn && !psetcolumn)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    for (uint32_t i = 0; i < csetcolumn && ret >= 0; i++) {
        JET_SETCOLUMN *p = &psetcolumn[i];
        p->err = set_column(c, p->columnid, p->pvData, p->cbData, p->grbit, p->ibLongValue,
                            p->itagSequence);
        if (p->err)
            ret = p->err;
    }
    return api_leave(s, ret);
}

JET_ERR JetEscrowUpdate(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid, void *pv,
                        uint32_t cbMax, void *pvOld, uint32_t cbOldMax, uint32_t *pcbOldActual,
                        JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    struct fucb_escrowed done;
    int64_t delta;
    int32_t narrow;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c), after = JET_errSuccess;

    if (err < 0)
        return err;
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    if (!pv || (cbMax != 4 && cbMax != 8))
        return api_leave(s, RAISE(JET_errInvalidBufferSize));
    if (pvOld && cbOldMax && cbOldMax < cbMax)
        return api_leave(s, RAISE(JET_errInvalidBufferSize));
    if (grbit & ~JET_bitEscrowNoRollback)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    memcpy(&narrow, pv, sizeof(narrow));
    delta = narrow;
    if (cbMax == 8)
        memcpy(&delta, pv, sizeof(delta));
    err = cursor_may_write(c);
    if (err >= 0)
        err = fucb_escrow(c->c, columnid, delta, cbMax, &done);
    if (err >= 0 && done.finalize)
        after = callbacks_call(s, c, JET_cbtypFinalize);
    (void)after;
    if (err >= 0 && pcbOldActual)
        *pcbOldActual = cbMax;
    if (err >= 0 && pvOld && cbOldMax) {
        narrow = (int32_t)done.old;
        memcpy(pvOld, cbMax == 8 ? (void *)&done.old : (void *)&narrow, cbMax);
    }
    return api_leave(s, err);
}

JET_ERR JetGetLock(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    if (grbit != JET_bitReadLock && grbit != JET_bitWriteLock)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    return api_leave(s, fucb_lock(c->c, grbit == JET_bitWriteLock));
}

/* ---- reading --------------------------------------------------------------------------------- */

static JET_ERR temp_retrieve(struct temp_table *t, struct fucb_value *v)
{
    struct slice cell;
    JET_ERR err = temp_get(t, v->columnid, &cell);

    if (err < 0)
        return err;
    v->len = 0;
    v->next_columnid = v->columnid;
    if (!cell.p)
        return JET_wrnColumnNull;
    v->len = cell.len > v->offset ? cell.len - v->offset : 0;
    if (v->cap)
        memcpy(v->buf, cell.p + (v->len ? v->offset : 0), v->len < v->cap ? v->len : v->cap);
    return v->len > v->cap ? JET_wrnBufferTruncated : JET_errSuccess;
}

static JET_ERR retrieve(struct jcursor *c, struct fucb_value *v)
{
    if (!v->buf)
        v->cap = 0;
    if (!(v->grbit & JET_bitRetrieveCopy))
        cursor_look(c);
    return c->t ? temp_retrieve(c->t, v) : fucb_retrieve(c->c, v);
}

JET_ERR JetRetrieveColumn(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid, void *pvData,
                          uint32_t cbData, uint32_t *pcbActual, JET_GRBIT grbit,
                          JET_RETINFO *pretinfo)
{
    struct fucb_value v = {
        .columnid = columnid, .itag = 1, .grbit = grbit, .buf = pvData, .cap = cbData};
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if ((pretinfo && pretinfo->cbStruct < sizeof(*pretinfo)) || (!pvData && cbData))
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (pretinfo) {
        v.itag = pretinfo->itagSequence;
        v.offset = pretinfo->ibLongValue;
    }
    err = retrieve(c, &v);
    if (err >= 0 && pcbActual)
        *pcbActual = v.len;
    if (err >= 0 && pretinfo) {
        pretinfo->columnidNextTagged = v.next_columnid;
        if (grbit & JET_bitRetrieveTag || columnid == 0)
            pretinfo->itagSequence = v.itag;
    }
    return api_leave(s, err);
}

JET_ERR JetRetrieveColumns(JET_SESID sesid, JET_TABLEID tableid,
                           JET_RETRIEVECOLUMN *pretrievecolumn, uint32_t cretrievecolumn)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c), ret = JET_errSuccess;

    if (err < 0)
        return err;
    if (cretrievecolumn && !pretrievecolumn)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    for (uint32_t i = 0; i < cretrievecolumn; i++) {
        JET_RETRIEVECOLUMN *p = &pretrievecolumn[i];
        struct fucb_value v = {.columnid = p->columnid,
                               .offset = p->ibLongValue,
                               .itag = p->itagSequence,
                               .grbit = p->grbit,
                               .buf = p->pvData,
                               .cap = p->cbData};
        p->err = retrieve(c, &v);
        p->cbActual = v.len;
        p->columnidNextTagged = v.next_columnid;
        if (p->err < 0)
            return api_leave(s, p->err);
        if (p->err == JET_wrnBufferTruncated)
            ret = p->err; /* the only warning that is handed on (JetRetrieveColumns) */
    }
    return api_leave(s, ret);
}

JET_ERR JetGetRecordSize2(JET_SESID sesid, JET_TABLEID tableid, JET_RECSIZE2 *precsize,
                          JET_GRBIT grbit)
{
    const JET_GRBIT known =
        JET_bitRecordSizeInCopyBuffer | JET_bitRecordSizeRunningTotal | JET_bitRecordSizeLocal;
    struct fucb_size z;
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!precsize)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (grbit & ~known)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    err = fucb_record_size(c->c, grbit, &z);
    if (err < 0)
        return api_leave(s, err);
    if (!(grbit & JET_bitRecordSizeRunningTotal))
        memset(precsize, 0, sizeof(*precsize));
    precsize->cbData += z.data;
    precsize->cbLongValueData += z.lv_data;
    precsize->cbOverhead += z.overhead;
    precsize->cbLongValueOverhead += z.lv_overhead;
    precsize->cNonTaggedColumns += z.nr_fixed_var;
    precsize->cTaggedColumns += z.nr_tagged;
    precsize->cLongValues += z.nr_lv;
    precsize->cMultiValues += z.nr_multi;
    precsize->cCompressedColumns += z.nr_compressed;
    precsize->cbDataCompressed += z.data_packed;
    precsize->cbLongValueDataCompressed += z.lv_data_packed;
    return api_leave(s, err);
}

JET_ERR JetGetRecordSize(JET_SESID sesid, JET_TABLEID tableid, JET_RECSIZE *precsize,
                         JET_GRBIT grbit)
{
    JET_RECSIZE2 both = {0};
    JET_ERR err;

    if (!precsize)
        return RAISE(JET_errInvalidParameter);
    memcpy(&both, precsize, sizeof(*precsize));
    err = JetGetRecordSize2(sesid, tableid, &both, grbit);
    if (err >= 0)
        memcpy(precsize, &both, sizeof(*precsize));
    return err;
}

/* ---- enumeration ----------------------------------------------------------------------------- */

struct enumeration {
    JET_PFNREALLOC realloc_fn;
    void *ctx;
    uint32_t most; /* bytes of a value */
    JET_GRBIT grbit;
    const JET_ENUMCOLUMNID *wanted; /* NULL: all */
    uint32_t nr_wanted;
    JET_ENUMCOLUMN *columns;
    uint32_t nr, room;
    bool cut;
};

static void *get_memory(struct enumeration *e, void *old, size_t len)
{
    return len > UINT32_MAX ? NULL : e->realloc_fn(e->ctx, old, (uint32_t)len);
}

static const JET_ENUMCOLUMNID *find_wanted(const struct enumeration *e, JET_COLUMNID id)
{
    for (uint32_t i = 0; i < e->nr_wanted; i++)
        if (e->wanted[i].columnid == id)
            return &e->wanted[i];
    return NULL;
}

static bool wants_value(const struct enumeration *e, const struct fucb_each *v)
{
    const JET_ENUMCOLUMNID *w;

    if (!e->nr_wanted)
        return !(e->grbit & JET_bitEnumerateTaggedOnly) ||
               (v->columnid & 0xffff) >= FID_TAGGED_LEAST;
    w = find_wanted(e, v->columnid);
    if (!w)
        return false;
    if (w->ctagSequence == 0)
        return true;
    for (uint32_t i = 0; i < w->ctagSequence; i++)
        if (w->rgtagSequence[i] == v->itag)
            return true;
    return false;
}

static JET_ERR add_column(struct enumeration *e, JET_COLUMNID id, JET_ENUMCOLUMN **ret)
{
    if (e->nr && e->columns[e->nr - 1].columnid == id) {
        *ret = &e->columns[e->nr - 1];
        return JET_errSuccess;
    }
    if (e->nr == e->room) {
        const uint32_t room = e->room ? 2 * e->room : 16;
        JET_ENUMCOLUMN *p = get_memory(e, e->columns, room * sizeof(*p));
        if (!p)
            return RAISE(JET_errOutOfMemory);
        e->columns = p;
        e->room = room;
    }
    *ret = &e->columns[e->nr++];
    memset(*ret, 0, sizeof(**ret));
    (*ret)->columnid = id;
    return JET_errSuccess;
}

static JET_ERR add_value(void *ctx, const struct fucb_each *v)
{
    struct enumeration *e = ctx;
    JET_ENUMCOLUMN *col;
    JET_ENUMCOLUMNVALUE *values, *to;
    JET_ERR err;

    if (!wants_value(e, v))
        return JET_errSuccess;
    err = add_column(e, v->columnid, &col);
    if (err < 0)
        return err;
    if (e->grbit & JET_bitEnumeratePresenceOnly) {
        col->err = JET_wrnColumnPresent;
        return JET_errSuccess;
    }
    values = get_memory(e, col->rgEnumColumnValue, (col->cEnumColumnValue + 1) * sizeof(*values));
    if (!values)
        return RAISE(JET_errOutOfMemory);
    col->rgEnumColumnValue = values;
    to = &values[col->cEnumColumnValue];
    *to = (JET_ENUMCOLUMNVALUE){.itagSequence = v->itag,
                                .cbData = v->data.len < e->most ? v->data.len : e->most};
    if (v->data.len > e->most) {
        to->err = JET_wrnColumnTruncated;
        e->cut = true;
    }
    to->pvData = get_memory(e, NULL, to->cbData ? to->cbData : 1);
    if (!to->pvData)
        return RAISE(JET_errOutOfMemory);
    memcpy(to->pvData, v->data.p, to->cbData);
    col->cEnumColumnValue++;
    return JET_errSuccess;
}

/* One plain value of a column is given without an array around it. */
static void compress_output(struct enumeration *e)
{
    for (uint32_t i = 0; i < e->nr; i++) {
        JET_ENUMCOLUMN *col = &e->columns[i];
        JET_ENUMCOLUMNVALUE only;
        if (col->err || col->cEnumColumnValue != 1 || col->rgEnumColumnValue[0].err ||
            col->rgEnumColumnValue[0].itagSequence != 1)
            continue;
        only = col->rgEnumColumnValue[0];
        (void)e->realloc_fn(e->ctx, col->rgEnumColumnValue, 0);
        col->err = JET_wrnColumnSingleValue;
        col->cbData = only.cbData;
        col->pvData = only.pvData;
    }
}

/* Columns that were asked for and have no value are in the list too. */
static JET_ERR add_missing(struct enumeration *e)
{
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 0; i < e->nr_wanted && err >= 0; i++) {
        JET_ENUMCOLUMN *col;
        bool found = e->wanted[i].columnid == 0;
        for (uint32_t n = 0; n < e->nr && !found; n++)
            found = e->columns[n].columnid == e->wanted[i].columnid;
        if (found)
            continue;
        err = add_column(e, e->wanted[i].columnid, &col);
        if (err >= 0)
            col->err = JET_wrnColumnNull;
    }
    return err;
}

static void free_all(struct enumeration *e)
{
    for (uint32_t i = 0; i < e->nr; i++) {
        JET_ENUMCOLUMN *col = &e->columns[i];
        if (col->err == JET_wrnColumnSingleValue) {
            (void)e->realloc_fn(e->ctx, col->pvData, 0);
            continue;
        }
        for (uint32_t n = 0; !col->err && n < col->cEnumColumnValue; n++)
            (void)e->realloc_fn(e->ctx, col->rgEnumColumnValue[n].pvData, 0);
        if (!col->err && col->rgEnumColumnValue)
            (void)e->realloc_fn(e->ctx, col->rgEnumColumnValue, 0);
    }
    if (e->columns)
        (void)e->realloc_fn(e->ctx, e->columns, 0);
}

JET_ERR JetEnumerateColumns(JET_SESID sesid, JET_TABLEID tableid, uint32_t cEnumColumnId,
                            JET_ENUMCOLUMNID *rgEnumColumnId, uint32_t *pcEnumColumn,
                            JET_ENUMCOLUMN **prgEnumColumn, JET_PFNREALLOC pfnRealloc,
                            void *pvReallocContext, uint32_t cbDataMost, JET_GRBIT grbit)
{
    const JET_GRBIT known = JET_bitEnumerateCopy | JET_bitEnumerateIgnoreDefault |
                            JET_bitEnumeratePresenceOnly | JET_bitEnumerateTaggedOnly |
                            JET_bitEnumerateCompressOutput |
                            JET_bitEnumerateIgnoreUserDefinedDefault | JET_bitEnumerateLocal;
    struct enumeration e = {.realloc_fn = pfnRealloc,
                            .ctx = pvReallocContext,
                            .most = cbDataMost,
                            .grbit = grbit,
                            .wanted = rgEnumColumnId,
                            .nr_wanted = rgEnumColumnId ? cEnumColumnId : 0};
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pcEnumColumn || !prgEnumColumn || !pfnRealloc || (cEnumColumnId && !rgEnumColumnId))
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (grbit & ~known)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    err = fucb_each_value(c->c, grbit & (JET_bitRetrieveCopy | JET_bitRetrieveIgnoreDefault),
                          add_value, &e);
    if (err >= 0)
        err = add_missing(&e);
    if (err < 0) {
        free_all(&e);
        return api_leave(s, err);
    }
    if (grbit & JET_bitEnumerateCompressOutput)
        compress_output(&e);
    *pcEnumColumn = e.nr;
    *prgEnumColumn = e.columns;
    return api_leave(s, e.cut ? JET_wrnColumnTruncated : JET_errSuccess);
}
