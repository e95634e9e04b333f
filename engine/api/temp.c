/*
 * Temporary tables opened (JetOpenTempTable .. JetOpenTemporaryTable2; ESE: sortapi.cxx). Each is a table of the
 * instance's temporary database (tempsess.h), its key the primary index; or, where rows of equal keys stay, the only
 * index of a table whose rows are numbered.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/convert.h"
#include "api/tempsess.h"

#define TT_GRBITS                                                                    \
    (JET_bitTTIndexed | JET_bitTTUnique | JET_bitTTUpdatable | JET_bitTTScrollable | \
     JET_bitTTSortNullsHigh | JET_bitTTForceMaterialization | JET_bitTTForwardOnly | \
     JET_bitTTIntrinsicLVsOnly | JET_bitTTDotNetGuid)
#define COLUMN_NAME_LEN 12u
#define KEY_NAME        "key"

struct temp_order {
    uint32_t key_most, segment_most; /* 0: default */
    uint32_t lcmap_flags; /* of text; 0: default. Locales make no difference (rec/sortkey.h) */
};

struct wanted {
    const JET_COLUMNDEF *columns;
    uint32_t nr;
    JET_GRBIT grbit;
    const struct temp_order *order; /* NULL: default */
    JET_TABLEID *ret;
    JET_COLUMNID *ret_ids;
};

struct plan { /* what is wanted, as a table */
    struct ddl_table table;
    struct ddl_index index;
    struct ddl_column *columns;
    char (*names)[COLUMN_NAME_LEN];
    char name[16], key[INDEX_SEGMENTS_MAX * (COLUMN_NAME_LEN + 1) + 1];
    unsigned nr_segments;
    bool any_long;
};

/* ---- what is wanted -------------------------------------------------------------------------- */

static bool keeps_duplicates(JET_GRBIT grbit)
{
    return (grbit & (JET_bitTTForwardOnly | JET_bitTTUnique)) == JET_bitTTForwardOnly;
}

/* Behind the segments that fit there is no more (JetOpenTempTable). A key has a column's first value. */
static void plan_column(struct plan *p, uint32_t i, const JET_COLUMNDEF *def)
{
    const JET_GRBIT kept = JET_bitColumnFixed | JET_bitColumnTagged | JET_bitColumnNotNULL;
    struct ddl_column *c = &p->columns[i];
    bool key = (def->grbit & JET_bitColumnTTKey) && p->nr_segments < INDEX_SEGMENTS_MAX;

    snprintf(p->names[i], COLUMN_NAME_LEN, "c%u", i);
    *c = (struct ddl_column){.name = p->names[i],
                             .coltyp = def->coltyp,
                             .cp = def->cp,
                             .max_len = def->cbMax,
                             .grbit = def->grbit & kept};
    if (!key)
        c->grbit |= def->grbit & JET_bitColumnMultiValued;
    p->any_long |= def->coltyp == JET_coltypLongBinary || def->coltyp == JET_coltypLongText;
    if (!key)
        return;
    p->index.key.len +=
        (uint32_t)sprintf(p->key + p->index.key.len, "%c%s",
                          def->grbit & JET_bitColumnTTDescending ? '-' : '+', c->name) +
        1;
    p->nr_segments++;
}

static JET_ERR plan_index(struct plan *p, const struct wanted *w, uint32_t page_size)
{
    const struct temp_order *o = w->order;
    const uint32_t limit = page_size < 8192 ? JET_cbKeyMost4KBytePage : JET_cbKeyMost8KBytePage;
    const uint32_t key_most = o && o->key_most ? o->key_most : JET_cbKeyMostMin;

    if (key_most < JET_cbKeyMostMin || key_most > limit || (o && o->segment_most > key_most))
        return RAISE(JET_errInvalidParameter);
    p->index.name = KEY_NAME;
    p->index.key.p = (const uint8_t *)p->key;
    p->index.key.len++;
    p->index.key_most = key_most;
    p->index.segment_most = o ? o->segment_most : 0;
    p->index.lcmap_flags = o ? o->lcmap_flags : 0;
    p->index.grbit = JET_bitIndexKeyMost | JET_bitIndexUnicode;
    p->index.grbit |= keeps_duplicates(w->grbit) ? 0 : JET_bitIndexPrimary;
    p->index.grbit |= w->grbit & JET_bitTTSortNullsHigh ? JET_bitIndexSortNullsHigh : 0;
    p->index.grbit |= w->grbit & JET_bitTTDotNetGuid ? JET_bitIndexDotNetGuid : 0;
    p->table.indexes = &p->index;
    p->table.nr_indexes = 1;
    return JET_errSuccess;
}

static JET_ERR plan_table(struct plan *p, const struct wanted *w, uint32_t page_size)
{
    static _Atomic uint32_t number;

    p->columns = calloc(w->nr, sizeof(*p->columns));
    p->names = calloc(w->nr, sizeof(*p->names));
    if (!p->columns || !p->names)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < w->nr; i++)
        plan_column(p, i, &w->columns[i]);
    snprintf(p->name, sizeof(p->name), "TEMP%u", ++number);
    p->table.name = p->name;
    p->table.columns = p->columns;
    p->table.nr_columns = w->nr;
    if (w->grbit & JET_bitTTIntrinsicLVsOnly)
        p->table.intrinsic_most = page_size;
    if (p->nr_segments == 0)
        return w->grbit & JET_bitTTForwardOnly ? RAISE(JET_errCannotMaterializeForwardOnlySort)
                                               : JET_errSuccess;
    return plan_index(p, w, page_size);
}

static JET_ERR check(const struct wanted *w)
{
    const JET_GRBIT table =
        JET_bitTTIndexed | JET_bitTTUpdatable | JET_bitTTScrollable | JET_bitTTForceMaterialization;

    if (!w->columns || w->nr == 0)
        return RAISE(JET_errInvalidParameter);
    if (w->nr > FID_FIXED_MOST + FID_TAGGED_MOST)
        return RAISE(JET_errTooManyColumns);
    if (w->grbit & JET_bitTTForwardOnly && w->grbit & table)
        return RAISE(JET_errCannotMaterializeForwardOnlySort);
    return JET_errSuccess;
}

/* ---- made ------------------------------------------------------------------------------------ */

JET_ERR temp_order(struct fucb *c)
{
    return fucb_set_index(c, c->tdb->nr_indexes ? KEY_NAME : NULL, false, 1);
}

JET_ERR temp_count_rows(struct jcursor *c, uint32_t *ret)
{
    uint64_t nr = 0;
    struct fucb *copy;
    JET_ERR err;

    cursor_look(c);
    err = fucb_dup(c->c, &copy);
    if (err < 0)
        return err;
    err = fucb_move(copy, FUCB_FIRST, false);
    if (err >= 0)
        err = fucb_count(copy, UINT32_MAX, &nr);
    fucb_close(copy);
    *ret = (uint32_t)nr;
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR open_made(struct jsess *s, struct fcb *f, struct fucb **ret)
{
    JET_ERR err = fucb_new(s->temp->s, f, FCB_DENY_READ, ret);

    if (err < 0)
        return err;
    err = temp_order(*ret);
    if (err >= 0) {
        fucb_before_first(*ret);
        return JET_errSuccess;
    }
    fucb_close(*ret);
    return err;
}

static JET_ERR make(struct jsess *s, struct plan *p, const struct wanted *w)
{
    struct jcursor like = {.temp = {.is = true, .grbit = w->grbit}};
    struct fcb *f;
    struct fucb *c;
    JET_ERR err = ddl_create_table(s->temp->s, tempsess_db(s), &p->table, &f);

    if (err < 0)
        return err;
    like.temp.sorting = p->nr_segments && !(w->grbit & JET_bitTTErrorOnDuplicateInsertion);
    like.temp.sort_only = like.temp.sorting && !p->any_long;
    err = open_made(s, f, &c);
    if (err >= 0) {
        c->unversioned = like.temp.sort_only;
        err = cursor_new_temp(s, c, &like, w->ret);
    }
    if (err < 0) {
        tempsess_drop(s, p->name);
        return err;
    }
    for (uint32_t i = 0; i < w->nr; i++)
        w->ret_ids[i] = p->columns[i].columnid;
    return JET_errSuccess;
}

static JET_ERR open_temp(struct jsess *s, const struct wanted *w)
{
    struct plan p = {0};
    JET_ERR err;

    if (!w->ret || !w->ret_ids || !w->columns)
        return RAISE(JET_errInvalidParameter);
    *w->ret = JET_tableidNil;
    if (w->grbit & ~TT_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    err = check(w);
    if (err >= 0)
        err = plan_table(&p, w, s->inst->in->conf.page_size);
    if (err >= 0)
        err = tempsess_want(s);
    if (err >= 0)
        err = make(s, &p, w);
    free(p.columns);
    free(p.names);
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
