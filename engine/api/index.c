/* Indexes made and deleted (JetCreateIndex .. JetDeleteIndex). */
#include <stdlib.h>

#include "api/convert.h"
#include "api/utf.h"

struct index_in { /* an array of JET_INDEXCREATE of any kind */
    void *from;
    uint32_t nr;
    enum conv_index kind;
    bool wide;
};

static JET_ERR create(struct jsess *s, struct jcursor *c, const struct index_in *in)
{
    struct conv conv = {.params = &s->inst->params, .wide = in->wide};
    struct ddl_index *ix;
    JET_ERR err;

    if (cursor_is_private(c))
        return RAISE(JET_errIllegalOperation);
    err = cursor_may_write(c);
    if (err >= 0)
        err = conv_indexes(&conv, in->from, in->nr, in->kind, &ix);
    if (err >= 0 && in->nr) {
        err = ddl_create_indexes(s->s, c->c->fcb, ix, in->nr);
        conv_index_errors(in->from, in->nr, ix);
    }
    conv_done(&conv);
    return err;
}

static JET_ERR create_indexes(JET_SESID sesid, JET_TABLEID tableid, struct index_in in)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    return err < 0 ? err : api_leave(s, create(s, c, &in));
}

JET_ERR JetCreateIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                       JET_GRBIT grbit, const char *szKey, uint32_t cbKey, uint32_t lDensity)
{
    JET_INDEXCREATE_A ix = {.cbStruct = sizeof(ix),
                            .szIndexName = (char *)(uintptr_t)szIndexName,
                            .szKey = (char *)(uintptr_t)szKey,
                            .cbKey = cbKey,
                            .grbit = grbit,
                            .ulDensity = lDensity};

    return create_indexes(sesid, tableid, (struct index_in){&ix, 1, CONV_INDEX1, false});
}

JET_ERR JetCreateIndex2(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE_A *pindexcreate,
                        uint32_t cIndexCreate)
{
    return create_indexes(sesid, tableid,
                          (struct index_in){pindexcreate, cIndexCreate, CONV_INDEX1, false});
}

JET_ERR JetCreateIndex2W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE_W *pindexcreate,
                         uint32_t cIndexCreate)
{
    return create_indexes(sesid, tableid,
                          (struct index_in){pindexcreate, cIndexCreate, CONV_INDEX1, true});
}

JET_ERR JetCreateIndex3W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE2_W *pindexcreate,
                         uint32_t cIndexCreate)
{
    return create_indexes(sesid, tableid,
                          (struct index_in){pindexcreate, cIndexCreate, CONV_INDEX2, true});
}

JET_ERR JetCreateIndex4W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE3_W *pindexcreate,
                         uint32_t cIndexCreate)
{
    return create_indexes(sesid, tableid,
                          (struct index_in){pindexcreate, cIndexCreate, CONV_INDEX3, true});
}

JET_ERR JetDeleteIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    err = cursor_is_private(c) ? RAISE(JET_errIllegalOperation) : cursor_may_write(c);
    return api_leave(s, err < 0 ? err : ddl_delete_index(s->s, c->c->fcb, szIndexName));
}

JET_ERR JetDeleteIndexW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName)
{
    char *name;
    JET_ERR err = utf8_of(szIndexName, &name);

    if (err >= 0)
        err = JetDeleteIndex(sesid, tableid, name);
    free(name);
    return err;
}
