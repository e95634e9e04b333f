#include "api/convert.h"

#include <stdlib.h>

#include "api/utf.h"

/* ---- memory ---------------------------------------------------------------------------------- */

struct conv_mem {
    struct conv_mem *next;
    void *heap; /* somebody else's allocation; NULL: the bytes behind */
    _Alignas(max_align_t) uint8_t b[];
};

void conv_done(struct conv *c)
{
    while (c->mem) {
        struct conv_mem *next = c->mem->next;
        free(c->mem->heap);
        free(c->mem);
        c->mem = next;
    }
}

/* Zeroed. */
static void *take(struct conv *c, size_t nr, size_t size)
{
    struct conv_mem *m =
        nr <= (SIZE_MAX - sizeof(*m)) / size ? calloc(1, sizeof(*m) + nr * size) : NULL;

    if (!m)
        return NULL;
    m->next = c->mem;
    c->mem = m;
    return m->b;
}

/* p goes with the rest. */
static JET_ERR keep(struct conv *c, void *p)
{
    struct conv_mem *m;

    if (!take(c, 1, 1)) {
        free(p);
        return RAISE(JET_errOutOfMemory);
    }
    m = c->mem;
    m->heap = p;
    return JET_errSuccess;
}

/* ---- text ------------------------------------------------------------------------------------ */

JET_ERR conv_text(struct conv *c, const void *text, const char **ret)
{
    char *s;
    JET_ERR err;

    *ret = text;
    if (!c->wide || !text)
        return JET_errSuccess;
    err = utf8_of(text, &s);
    if (err < 0)
        return err;
    *ret = s;
    return keep(c, s);
}

/* "+name\0-name\0\0" of cb bytes. */
static JET_ERR key_text(struct conv *c, const void *key, uint32_t cb, struct slice *ret)
{
    size_t len;
    char *s;
    JET_ERR err;

    *ret = (struct slice){key, cb};
    if (!c->wide || !key)
        return JET_errSuccess;
    if (cb % 2)
        return RAISE(JET_errInvalidParameter);
    err = utf8_of_units(key, cb / 2, &s, &len);
    if (err < 0)
        return err;
    *ret = (struct slice){(const uint8_t *)s, (uint32_t)len};
    return keep(c, s);
}

/* ---- hints ----------------------------------------------------------------------------------- */

JET_ERR conv_hints(struct conv *c, const JET_SPACEHINTS *from, const struct space_hints **ret)
{
    struct space_hints *h;

    *ret = NULL;
    if (!from)
        return JET_errSuccess;
    if (from->cbStruct != sizeof(*from))
        return RAISE(JET_errInvalidParameter);
    h = take(c, 1, sizeof(*h));
    if (!h)
        return RAISE(JET_errOutOfMemory);
    *h = (struct space_hints){.density = from->ulInitialDensity,
                              .initial = from->cbInitial,
                              .flags = from->grbit,
                              .maint_density = from->ulMaintDensity,
                              .growth = from->ulGrowth,
                              .min_extent = from->cbMinExtent,
                              .max_extent = from->cbMaxExtent};
    *ret = h;
    return JET_errSuccess;
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* Texts and order of text. JET_errInvalidParameter: JET_bitIndexUnicode and no description of it.
 * */
static JET_ERR order_of_lcid(const JET_INDEXCREATE2_A *from, struct ddl_index *x)
{
    uint32_t lcid = from->lcid;

    if (from->grbit & JET_bitIndexUnicode) {
        if (!from->pidxunicode)
            return RAISE(JET_errInvalidParameter);
        lcid = from->pidxunicode->lcid;
        x->lcmap_flags = from->pidxunicode->dwMapFlags;
    }
    if (lcid == 0)
        return JET_errSuccess;
    x->locale = locale_of_lcid(lcid);
    x->grbit |= JET_bitIndexUnicode;
    return x->locale ? JET_errSuccess : RAISE(JET_errInvalidLanguageId);
}

static JET_ERR order_of_name(struct conv *c, const JET_INDEXCREATE3_A *from, struct ddl_index *x)
{
    struct conv wide = {.wide = true, .mem = c->mem};
    JET_ERR err;

    if (!from->pidxunicode != !(from->grbit & JET_bitIndexUnicode))
        return RAISE(JET_errInvalidParameter);
    if (!from->pidxunicode)
        return JET_errSuccess;
    x->lcmap_flags = from->pidxunicode->dwMapFlags;
    err =
        conv_text(&wide, from->pidxunicode->szLocaleName, &x->locale); /* UTF-16 in both variants */
    c->mem = wide.mem;
    return err;
}

/* JET_paramIndexTuples... count where the program says nothing. */
static JET_ERR tuple_limits(const struct conv *c, const JET_INDEXCREATE2_A *from,
                            struct ddl_index *x)
{
    if (!(x->grbit & (JET_bitIndexTuples | JET_bitIndexTupleLimits)))
        return JET_errSuccess;
    if (x->grbit & JET_bitIndexTupleLimits) {
        const JET_TUPLELIMITS *t = from->ptuplelimits;
        if (!t)
            return RAISE(JET_errInvalidParameter);
        x->tuple_min = t->chLengthMin;
        x->tuple_max = t->chLengthMax;
        x->tuple_count = t->chToIndexMax;
        x->tuple_step = t->cchIncrement;
        x->tuple_start = t->ichStart;
    } else if (from->cbVarSegMac) {
        return JET_errSuccess; /* it is refused for that */
    }
    x->grbit |= JET_bitIndexTupleLimits;
    if (!x->tuple_min)
        x->tuple_min = (uint32_t)PARAM(c->params, IndexTuplesLengthMin);
    if (!x->tuple_max)
        x->tuple_max = (uint32_t)PARAM(c->params, IndexTuplesLengthMax);
    if (!x->tuple_count)
        x->tuple_count = (uint32_t)PARAM(c->params, IndexTuplesToIndexMax);
    return JET_errSuccess;
}

static JET_ERR conditions(struct conv *c, const JET_INDEXCREATE2_A *from, struct ddl_index *x)
{
    struct ddl_condition *to;
    JET_ERR err = JET_errSuccess;

    if (!from->cConditionalColumn)
        return err;
    if (!from->rgconditionalcolumn)
        return RAISE(JET_errInvalidParameter);
    if (from->cConditionalColumn > INDEX_SEGMENTS_MAX)
        return RAISE(JET_errIndexInvalidDef);
    to = take(c, from->cConditionalColumn, sizeof(*to));
    if (!to)
        return RAISE(JET_errOutOfMemory);
    x->conditions = to;
    x->nr_conditions = from->cConditionalColumn;
    for (uint32_t i = 0; i < from->cConditionalColumn && err >= 0; i++) {
        const JET_CONDITIONALCOLUMN_A *cc = &from->rgconditionalcolumn[i];
        if (cc->cbStruct != sizeof(*cc))
            return RAISE(JET_errInvalidParameter);
        if (cc->grbit != JET_bitIndexColumnMustBeNull &&
            cc->grbit != JET_bitIndexColumnMustBeNonNull)
            return RAISE(JET_errInvalidGrbit);
        to[i].must_be_null = cc->grbit == JET_bitIndexColumnMustBeNull;
        err = conv_text(c, cc->szColumnName, &to[i].column);
    }
    return err;
}

#define INDEX_GRBITS                                                                  \
    (JET_bitIndexUnique | JET_bitIndexPrimary | JET_bitIndexDisallowNull |            \
     JET_bitIndexIgnoreNull | JET_bitIndexClustered40 | JET_bitIndexIgnoreAnyNull |   \
     JET_bitIndexIgnoreFirstNull | JET_bitIndexLazyFlush | JET_bitIndexEmpty |        \
     JET_bitIndexUnversioned | JET_bitIndexSortNullsHigh | JET_bitIndexUnicode |      \
     JET_bitIndexTuples | JET_bitIndexTupleLimits | JET_bitIndexCrossProduct |        \
     JET_bitIndexKeyMost | JET_bitIndexDisallowTruncation | JET_bitIndexNestedTable | \
     JET_bitIndexDotNetGuid)

/* All variants begin alike, whatever the width of their texts (layout.c). */
static JET_ERR one_index(struct conv *c, const void *p, enum conv_index kind, struct ddl_index *x)
{
    const JET_INDEXCREATE2_A *from = p;
    JET_ERR err;

    if (from->grbit & ~INDEX_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    *x = (struct ddl_index){.grbit = from->grbit, .density = from->ulDensity, .segment_most = 0};
    if (from->cbStruct >= sizeof(JET_INDEXCREATE1_A))
        x->key_most = from->cbKeyMost;
    else
        x->grbit &= ~JET_bitIndexKeyMost;
    if (!(x->grbit & JET_bitIndexTupleLimits))
        x->segment_most = from->cbVarSegMac;
    err = conv_text(c, from->szIndexName, &x->name);
    if (err >= 0)
        err = key_text(c, from->szKey, from->cbKey, &x->key);
    if (err >= 0)
        err = kind == CONV_INDEX3 ? order_of_name(c, p, x) : order_of_lcid(from, x);
    if (err >= 0)
        err = tuple_limits(c, from, x);
    if (err >= 0)
        err = conditions(c, from, x);
    if (err >= 0 && from->cbStruct >= sizeof(JET_INDEXCREATE2_A))
        err = conv_hints(c, from->pSpacehints, &x->hints);
    return err;
}

static bool is_size(uint32_t cb, enum conv_index kind)
{
    if (kind == CONV_INDEX1 &&
        (cb == sizeof(JET_INDEXCREATE_A) || cb == sizeof(JET_INDEXCREATE1_A)))
        return true;
    return cb == sizeof(JET_INDEXCREATE2_A);
}

JET_ERR conv_indexes(struct conv *c, const void *from, uint32_t nr, enum conv_index kind,
                     struct ddl_index **ret)
{
    const uint8_t *p = from;
    struct ddl_index *x;

    *ret = NULL;
    if (nr == 0)
        return JET_errSuccess;
    if (!from || nr > UINT16_MAX)
        return RAISE(JET_errInvalidParameter);
    x = take(c, nr, sizeof(*x));
    if (!x)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < nr; i++) {
        const uint32_t cb = ((const JET_INDEXCREATE_A *)p)->cbStruct;
        JET_ERR err;
        if (!is_size(cb, kind))
            return RAISE(JET_errInvalidParameter);
        err = one_index(c, p, kind, &x[i]);
        if (err < 0)
            return err;
        p += cb;
    }
    *ret = x;
    return JET_errSuccess;
}

void conv_index_errors(void *from, uint32_t nr, const struct ddl_index *ix)
{
    uint8_t *p = from;

    for (uint32_t i = 0; i < nr; i++) {
        JET_INDEXCREATE_A *to = (JET_INDEXCREATE_A *)p;
        to->err = ix[i].err;
        p += to->cbStruct;
    }
}

/* ---- columns --------------------------------------------------------------------------------- */

JET_ERR conv_columns(struct conv *c, const JET_COLUMNCREATE_A *from, uint32_t nr,
                     struct ddl_column **ret)
{
    struct ddl_column *to;
    JET_ERR err = JET_errSuccess;

    *ret = NULL;
    if (nr == 0)
        return JET_errSuccess;
    if (!from || nr > JET_ccolMost)
        return RAISE(from ? JET_errTooManyColumns : JET_errInvalidParameter);
    to = take(c, nr, sizeof(*to));
    if (!to)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < nr && err >= 0; i++) {
        if (from[i].cbStruct != sizeof(*from) || (from[i].cbDefault && !from[i].pvDefault))
            return RAISE(JET_errInvalidParameter);
        to[i] = (struct ddl_column){.coltyp = from[i].coltyp,
                                    .cp = from[i].cp,
                                    .max_len = from[i].cbMax,
                                    .grbit = from[i].grbit,
                                    .value = {from[i].pvDefault, from[i].cbDefault}};
        err = conv_text(c, from[i].szColumnName, &to[i].name);
    }
    *ret = to;
    return err;
}

void conv_column_results(JET_COLUMNCREATE_A *from, uint32_t nr, const struct ddl_column *columns)
{
    for (uint32_t i = 0; i < nr; i++) {
        from[i].columnid = columns[i].columnid;
        from[i].err = columns[i].err;
    }
}
