/* Indexes described (JetGetTableIndexInfo, JetGetIndexInfo). */
#include "api/indexinfo.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/convert.h"
#include "api/listing.h"
#include "api/utf.h"

#define COUNTRY_DEFAULT 1
#define LOCALE_UNITS \
    85u /* of JET_IdxInfoLocaleName's buffer, at least (ESE: NORM_LOCALE_NAME_MAX_LENGTH) */

/* ---- ids ------------------------------------------------------------------------------------- */

void index_id_put(const struct fcb *f, const struct fcb_index *ix, JET_INDEXID *ret)
{
    ret->cbStruct = sizeof(*ret);
    put_le32(ret->rgbIndexId, f->db->dbid);
    put_le32(ret->rgbIndexId + 4, f->def.objid);
    put_le32(ret->rgbIndexId + 8, ix->def.objid);
    put_le32(ret->rgbIndexId + 12, ix->def.pgno);
}

static bool has_id(const struct fcb *f, const struct fcb_index *ix, const JET_INDEXID *id)
{
    JET_INDEXID own;

    if (!ix)
        return false;
    index_id_put(f, ix, &own);
    return memcmp(own.rgbIndexId, id->rgbIndexId, sizeof(own.rgbIndexId)) == 0;
}

JET_ERR index_id_find(struct fucb *c, const JET_INDEXID *id, char *ret_name)
{
    const struct fcb_index *ix = NULL;
    JET_ERR err =
        id->cbStruct == sizeof(*id) ? fucb_current_schema(c) : RAISE(JET_errInvalidIndexId);

    if (err < 0)
        return err;
    if (has_id(c->fcb, c->tdb->primary, id))
        ix = c->tdb->primary;
    for (unsigned i = 0; !ix && i < c->tdb->nr_indexes; i++)
        if (has_id(c->fcb, c->tdb->indexes[i], id))
            ix = c->tdb->indexes[i];
    if (!ix)
        return RAISE(JET_errInvalidIndexId);
    snprintf(ret_name, FCB_NAME_LEN, "%s", ix->def.name);
    return JET_errSuccess;
}

/* ---- what is asked --------------------------------------------------------------------------- */

struct asked {
    const char *name; /* NULL or "": all, or the primary one */
    void *buf;
    uint32_t cb, level;
    bool wide;
};

static JET_ERR check_asked(const struct asked *a)
{
    uint32_t least;

    switch (a->level) {
    case JET_IdxInfo:
    case JET_IdxInfoList:
        least = sizeof(JET_INDEXLIST) - sizeof(JET_COLUMNID); /* columnidLCMapFlags came later */
        break;
    case JET_IdxInfoSpaceAlloc:
    case JET_IdxInfoCount:
        least = sizeof(uint32_t);
        break;
    case JET_IdxInfoLCID: /* as many bytes as there are: a LANGID or an LCID */
    case JET_IdxInfoVarSegMac:
    case JET_IdxInfoKeyMost:
        least = sizeof(uint16_t);
        break;
    case JET_IdxInfoIndexId:
        least = sizeof(JET_INDEXID);
        break;
    case JET_IdxInfoCreateIndex:
        least = sizeof(JET_INDEXCREATE1_A);
        break;
    case JET_IdxInfoCreateIndex2:
    case JET_IdxInfoCreateIndex3:
        least = sizeof(JET_INDEXCREATE3_A);
        break;
    case JET_IdxInfoLocaleName:
        least = LOCALE_UNITS * sizeof(JET_WCHAR);
        break;
    default:
        return RAISE(JET_errInvalidParameter);
    }
    if (!a->buf)
        return RAISE(JET_errInvalidParameter);
    return a->cb < least ? RAISE(JET_errBufferTooSmall) : JET_errSuccess;
}

static uint32_t lcid_of(const struct index *ix)
{
    return *ix->locale ? lcid_of_locale(ix->locale) : ix->lcid;
}

static const char *locale_of(const struct index *ix)
{
    const char *name = *ix->locale ? ix->locale : locale_of_lcid(ix->lcid);

    return name ? name : "";
}

/* ESE: fcreate.cxx IDB::GrbitFromFlags. */
static JET_GRBIT grbit_of(const struct index *ix)
{
    JET_GRBIT g = 0;

    g |= ix->flags & INDEX_PRIMARY ? JET_bitIndexPrimary : 0;
    g |= ix->flags & INDEX_UNIQUE ? JET_bitIndexUnique : 0;
    g |= ix->tuples ? JET_bitIndexTuples : 0;
    g |= ix->flags & INDEX_CROSS_PRODUCT ? JET_bitIndexCrossProduct : 0;
    g |= ix->flags & INDEX_NESTED ? JET_bitIndexNestedTable : 0;
    g |= ix->xflags & INDEX_X_DOTNET_GUID ? JET_bitIndexDotNetGuid : 0;
    g |= ix->flags & INDEX_NO_TRUNCATION ? JET_bitIndexDisallowTruncation : 0;
    if (ix->flags & INDEX_NO_NULL) {
        g |= JET_bitIndexDisallowNull;
    } else {
        g |= ix->flags & INDEX_ALL_NULLS ? 0 : JET_bitIndexIgnoreNull;
        g |= ix->flags & INDEX_FIRST_NULL ? 0 : JET_bitIndexIgnoreFirstNull;
        g |= ix->flags & INDEX_SOME_NULLS ? 0 : JET_bitIndexIgnoreAnyNull;
        g |= ix->flags & INDEX_NULLS_HIGH ? JET_bitIndexSortNullsHigh : 0;
    }
    return g | (ix->key_most > INDEX_KEY_DEFAULT ? JET_bitIndexKeyMost : 0);
}

/* ---- lists ----------------------------------------------------------------------------------- */

enum {
    NAME,
    GRBIT,
    KEYS,
    ENTRIES,
    PAGES,
    COLUMNS,
    COLUMN,
    ID,
    TYPE,
    COUNTRY,
    LANGID,
    CP,
    COLLATE,
    COLUMN_GRBIT,
    COLUMN_NAME,
    LCMAP,
    NR
};

static const struct listing_column columns[NR] = {
    {JET_coltypText, JET_bitColumnTTKey},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypLong, JET_bitColumnTTKey},
    {JET_coltypLong, 0},
    {JET_coltypLong, 0},
    {JET_coltypShort, 0},
    {JET_coltypShort, 0},
    {JET_coltypShort, 0},
    {JET_coltypShort, 0},
    {JET_coltypLong, 0},
    {JET_coltypText, 0},
    {JET_coltypLong, 0},
};

/* Keys, entries and pages are what statistics say (JetComputeStats): there are none. */
static JET_ERR list_segment(struct listing *l, const struct tdb *t, const struct index *ix,
                            unsigned i)
{
    const struct column *col = tdb_segment(t, &ix->segments[i]);

    if (!col)
        return RAISE(JET_errCatalogCorrupted);
    listing_row(l);
    listing_put_name(l, NAME, ix->name);
    listing_put(l, GRBIT, grbit_of(ix));
    listing_put(l, KEYS, 0);
    listing_put(l, ENTRIES, 0);
    listing_put(l, PAGES, 0);
    listing_put(l, COLUMNS, ix->nr_segments);
    listing_put(l, COLUMN, i);
    listing_put(l, ID, col->id);
    listing_put(l, TYPE, col->coltyp);
    listing_put(l, COUNTRY, COUNTRY_DEFAULT);
    listing_put(l, LANGID, lcid_of(ix) & 0xffff);
    listing_put(l, CP, col->cp);
    listing_put(l, COLLATE, 0);
    listing_put(l, COLUMN_GRBIT,
                ix->segments[i].descending ? JET_bitKeyDescending : JET_bitKeyAscending);
    listing_put_name(l, COLUMN_NAME, col->name);
    listing_put(l, LCMAP, ix->lcmap_flags);
    return listing_end_row(l);
}

static JET_ERR list_index(struct listing *l, const struct fucb *c, struct fcb_index *ix)
{
    bool visible;
    JET_ERR err = fcb_index_visible(c->sess, c->fcb, ix, &visible);

    for (unsigned i = 0; err >= 0 && visible && i < ix->def.nr_segments; i++)
        err = list_segment(l, c->tdb, &ix->def, i);
    return err;
}

static JET_ERR fill(struct listing *l, struct fucb *c, const struct asked *a)
{
    struct fcb_index *ix;
    JET_ERR err = JET_errSuccess;

    if (a->name && *a->name) {
        err = fcb_index_find(c->sess, c->fcb, c->tdb, a->name, &ix);
        if (err < 0)
            return err;
        err = list_index(l, c, ix);
        fcb_index_put(ix);
        return err;
    }
    if (c->tdb->primary)
        err = list_index(l, c, c->tdb->primary);
    for (unsigned i = 0; i < c->tdb->nr_indexes && err >= 0; i++)
        err = list_index(l, c, c->tdb->indexes[i]);
    return err;
}

static JET_ERR list_indexes(struct jsess *s, struct fucb *c, const struct asked *a)
{
    const bool whole = a->cb >= sizeof(JET_INDEXLIST);
    struct listing l;
    JET_INDEXLIST list = {.columnidindexname = listing_id(NAME),
                          .columnidgrbitIndex = listing_id(GRBIT),
                          .columnidcKey = listing_id(KEYS),
                          .columnidcEntry = listing_id(ENTRIES),
                          .columnidcPage = listing_id(PAGES),
                          .columnidcColumn = listing_id(COLUMNS),
                          .columnidiColumn = listing_id(COLUMN),
                          .columnidcolumnid = listing_id(ID),
                          .columnidcoltyp = listing_id(TYPE),
                          .columnidCountry = listing_id(COUNTRY),
                          .columnidLangid = listing_id(LANGID),
                          .columnidCp = listing_id(CP),
                          .columnidCollate = listing_id(COLLATE),
                          .columnidgrbitColumn = listing_id(COLUMN_GRBIT),
                          .columnidcolumnname = listing_id(COLUMN_NAME),
                          .columnidLCMapFlags = listing_id(LCMAP)};
    JET_ERR err = listing_begin(&l, columns, NR, a->wide);

    if (err >= 0)
        err = fill(&l, c, a);
    list.cRecord = l.nr;
    if (err >= 0)
        err = listing_give(&l, s, &list.tableid);
    listing_drop(&l);
    if (err < 0)
        return err;
    list.cbStruct = (uint32_t)(sizeof(list) - (whole ? 0 : sizeof(JET_COLUMNID)));
    memcpy(a->buf, &list, list.cbStruct);
    return JET_errSuccess;
}

/* ---- JET_INDEXCREATE of an index that is there ----------------------------------------------- */

struct room { /* of the program's buffer, from its beginning */
    uint8_t *at;
    size_t left;
    bool wide;
};

static void *take(struct room *r, size_t len, size_t align)
{
    const size_t pad = (align - (uintptr_t)r->at % align) % align;
    uint8_t *p = r->at + pad;

    if (r->left < pad + len)
        return NULL;
    r->at += pad + len;
    r->left -= pad + len;
    return p;
}

static JET_ERR put_text(struct room *r, const char *s, bool wide, void *ret)
{
    const size_t len = wide ? 2 * utf16_units(s) : strlen(s) + 1;
    void *p = take(r, len, wide ? 2 : 1);

    if (!p)
        return RAISE(JET_errBufferTooSmall);
    *(void **)ret = p;
    if (wide)
        return utf16_put(s, p, (uint32_t)len, NULL);
    memcpy(p, s, len);
    return JET_errSuccess;
}

/* "+name\0-name\0\0" */
static JET_ERR put_key(struct room *r, const struct tdb *t, const struct index *ix,
                       JET_INDEXCREATE2_A *to)
{
    uint8_t *start = take(r, 0, r->wide ? 2 : 1);
    char text[FCB_NAME_LEN + 1];
    void *p;
    JET_ERR err = start ? JET_errSuccess : RAISE(JET_errBufferTooSmall);

    for (unsigned i = 0; i < ix->nr_segments && err >= 0; i++) {
        const struct column *col = tdb_segment(t, &ix->segments[i]);
        if (!col)
            return RAISE(JET_errCatalogCorrupted);
        if (col->flags & COLUMN_PLACEHOLDER)
            continue;
        snprintf(text, sizeof(text), "%c%s", ix->segments[i].descending ? '-' : '+', col->name);
        err = put_text(r, text, r->wide, &p);
    }
    if (err >= 0)
        err = put_text(r, "", r->wide, &p);
    to->szKey = (char *)start;
    to->cbKey = (uint32_t)(r->at - start);
    return err;
}

static JET_ERR put_order(struct room *r, const struct index *ix, uint32_t level,
                         JET_INDEXCREATE2_A *to)
{
    JET_UNICODEINDEX2 *by_name;

    to->grbit |= JET_bitIndexUnicode; /* it counts only where there is text */
    if (level != JET_IdxInfoCreateIndex3) {
        to->pidxunicode = take(r, sizeof(*to->pidxunicode), _Alignof(JET_UNICODEINDEX));
        if (!to->pidxunicode)
            return RAISE(JET_errBufferTooSmall);
        *to->pidxunicode = (JET_UNICODEINDEX){lcid_of(ix), ix->lcmap_flags};
        return JET_errSuccess;
    }
    by_name = take(r, sizeof(*by_name), _Alignof(JET_UNICODEINDEX2));
    if (!by_name)
        return RAISE(JET_errBufferTooSmall);
    by_name->dwMapFlags = ix->lcmap_flags;
    ((JET_INDEXCREATE3_A *)to)->pidxunicode = by_name;
    return put_text(r, locale_of(ix), true, &by_name->szLocaleName);
}

static JET_ERR put_tuples(struct room *r, const struct index *ix, JET_INDEXCREATE2_A *to)
{
    if (!ix->tuples) {
        to->cbVarSegMac = ix->segment_most;
        return JET_errSuccess;
    }
    to->ptuplelimits = take(r, sizeof(*to->ptuplelimits), _Alignof(JET_TUPLELIMITS));
    if (!to->ptuplelimits)
        return RAISE(JET_errBufferTooSmall);
    to->grbit |= JET_bitIndexTupleLimits;
    *to->ptuplelimits = (JET_TUPLELIMITS){.chLengthMin = ix->tuple_min,
                                          .chLengthMax = ix->tuple_max,
                                          .chToIndexMax = ix->tuple_count,
                                          .cchIncrement = ix->tuple_step,
                                          .ichStart = ix->tuple_start};
    return JET_errSuccess;
}

static JET_ERR put_conditions(struct room *r, const struct tdb *t, const struct index *ix,
                              JET_INDEXCREATE2_A *to)
{
    JET_CONDITIONALCOLUMN_A *p;
    JET_ERR err = JET_errSuccess;

    if (!ix->nr_conditions)
        return err;
    p = take(r, ix->nr_conditions * sizeof(*p), _Alignof(JET_CONDITIONALCOLUMN_A));
    if (!p)
        return RAISE(JET_errBufferTooSmall);
    to->rgconditionalcolumn = p;
    to->cConditionalColumn = ix->nr_conditions;
    for (unsigned i = 0; i < ix->nr_conditions && err >= 0; i++) {
        const struct column *col = tdb_segment(t, &ix->conditions[i]);
        if (!col)
            return RAISE(JET_errCatalogCorrupted);
        p[i] = (JET_CONDITIONALCOLUMN_A){.cbStruct = sizeof(*p),
                                         .grbit = ix->conditions[i].must_be_null
                                                      ? JET_bitIndexColumnMustBeNull
                                                      : JET_bitIndexColumnMustBeNonNull};
        err = put_text(r, col->name, r->wide, &p[i].szColumnName);
    }
    return err;
}

static JET_ERR put_hints(struct room *r, const struct fcb_index *ix, JET_INDEXCREATE2_A *to)
{
    const struct space_hints *h = &ix->hints;
    JET_SPACEHINTS *p = take(r, sizeof(*p), _Alignof(JET_SPACEHINTS));

    if (!p)
        return RAISE(JET_errBufferTooSmall);
    *p = (JET_SPACEHINTS){.cbStruct = sizeof(*p),
                          .ulInitialDensity = ix->density,
                          .cbInitial = h->initial,
                          .grbit = h->flags,
                          .ulMaintDensity = h->maint_density,
                          .ulGrowth = h->growth,
                          .cbMinExtent = h->min_extent,
                          .cbMaxExtent = h->max_extent};
    to->pSpacehints = p;
    return JET_errSuccess;
}

/* What makes the index again, with all that it points to behind it in the buffer. */
static JET_ERR put_create(const struct tdb *t, const struct fcb_index *ix, const struct asked *a)
{
    const bool old = a->level == JET_IdxInfoCreateIndex;
    const uint32_t len = old ? sizeof(JET_INDEXCREATE1_A) : sizeof(JET_INDEXCREATE2_A);
    struct room r = {a->buf, a->cb, a->wide};
    JET_INDEXCREATE2_A to = {
        .cbStruct = len, .grbit = grbit_of(&ix->def), .ulDensity = ix->density};
    JET_ERR err;

    (void)take(&r, len, 1);
    to.cbKeyMost = ix->def.key_most > INDEX_KEY_DEFAULT ? ix->def.key_most : INDEX_KEY_DEFAULT;
    err = put_text(&r, ix->def.name, a->wide, &to.szIndexName);
    if (err >= 0)
        err = put_key(&r, t, &ix->def, &to);
    if (err >= 0)
        err = put_order(&r, &ix->def, a->level, &to);
    if (err >= 0)
        err = put_tuples(&r, &ix->def, &to);
    if (err >= 0)
        err = put_conditions(&r, t, &ix->def, &to);
    if (err >= 0 && !old)
        err = put_hints(&r, ix, &to);
    if (err >= 0)
        memcpy(a->buf, &to, len);
    return err;
}

/* ---- single things --------------------------------------------------------------------------- */

static JET_ERR count_indexes(struct fucb *c, void *buf)
{
    uint32_t nr = 1; /* rows that are numbered are an index too */
    bool visible;
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < c->tdb->nr_indexes && err >= 0; i++) {
        err = fcb_index_visible(c->sess, c->fcb, c->tdb->indexes[i], &visible);
        nr += err >= 0 && visible;
    }
    memcpy(buf, &nr, sizeof(nr));
    return err;
}

static JET_ERR put_short(uint32_t value, void *buf)
{
    const uint16_t n = (uint16_t)value;

    memcpy(buf, &n, sizeof(n));
    return JET_errSuccess;
}

static JET_ERR describe(struct fucb *c, const struct fcb_index *ix, const struct asked *a)
{
    const uint32_t lcid = lcid_of(&ix->def);
    JET_INDEXID id;

    switch (a->level) {
    case JET_IdxInfoSpaceAlloc:
        memcpy(a->buf, &ix->density, sizeof(ix->density));
        return JET_errSuccess;
    case JET_IdxInfoLCID:
        if (a->cb < sizeof(lcid))
            return put_short(lcid, a->buf);
        memcpy(a->buf, &lcid, sizeof(lcid));
        return JET_errSuccess;
    case JET_IdxInfoVarSegMac:
        return put_short(ix->def.segment_most, a->buf);
    case JET_IdxInfoKeyMost:
        return put_short(ix->def.key_most, a->buf);
    case JET_IdxInfoLocaleName:
        return utf16_put(locale_of(&ix->def), a->buf, a->cb, NULL);
    case JET_IdxInfoIndexId:
        index_id_put(c->fcb, ix, &id);
        memcpy(a->buf, &id, sizeof(id));
        return JET_errSuccess;
    default:
        return put_create(c->tdb, ix, a);
    }
}

static JET_ERR index_info(struct jsess *s, struct fucb *c, const struct asked *a)
{
    struct fcb_index *ix;
    JET_ERR err = fucb_current_schema(c);

    if (err < 0)
        return err;
    if (a->level == JET_IdxInfo || a->level == JET_IdxInfoList)
        return list_indexes(s, c, a);
    if (a->level == JET_IdxInfoCount)
        return count_indexes(c, a->buf);
    err = fcb_index_find(s->s, c->fcb, c->tdb, a->name, &ix);
    if (err < 0)
        return err;
    err = ix ? describe(c, ix, a) : RAISE(JET_errIndexNotFound);
    fcb_index_put(ix);
    return err;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static JET_ERR table_index_info(JET_SESID sesid, JET_TABLEID tableid, const struct asked *a)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    err = cursor_is_private(c) ? RAISE(JET_errIllegalOperation) : check_asked(a);
    return api_leave(s, err < 0 ? err : index_info(s, c->c, a));
}

JET_ERR JetGetTableIndexInfo(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                             void *pvResult, uint32_t cbResult, uint32_t InfoLevel)
{
    return table_index_info(sesid, tableid,
                            &(struct asked){szIndexName, pvResult, cbResult, InfoLevel, false});
}

JET_ERR JetGetTableIndexInfoW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                              void *pvResult, uint32_t cbResult, uint32_t InfoLevel)
{
    char *name;
    JET_ERR err = utf8_of(szIndexName, &name);

    if (err >= 0)
        err = table_index_info(sesid, tableid,
                               &(struct asked){name, pvResult, cbResult, InfoLevel, true});
    free(name);
    return err;
}

static JET_ERR by_table_name(struct jsess *s, JET_DBID dbid, const char *table,
                             const struct asked *a)
{
    struct fucb *c;
    JET_ERR err = check_asked(a);

    if (err >= 0)
        err = api_open_table(s, dbid, table, FCB_READ_ONLY, &c);
    if (err < 0)
        return err;
    err = index_info(s, c, a);
    fucb_close(c);
    return err;
}

JET_ERR JetGetIndexInfo(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                        const char *szIndexName, void *pvResult, uint32_t cbResult,
                        uint32_t InfoLevel)
{
    const struct asked a = {szIndexName, pvResult, cbResult, InfoLevel, false};
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, by_table_name(s, dbid, szTableName, &a));
}

JET_ERR JetGetIndexInfoW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                         const JET_WCHAR *szIndexName, void *pvResult, uint32_t cbResult,
                         uint32_t InfoLevel)
{
    struct asked a = {NULL, pvResult, cbResult, InfoLevel, true};
    struct jsess *s;
    char *table, *name = NULL;
    JET_ERR err = utf8_of(szTableName, &table);

    if (err >= 0)
        err = utf8_of(szIndexName, &name);
    a.name = name;
    if (err >= 0)
        err = api_enter(sesid, &s);
    if (err >= 0)
        err = api_leave(s, by_table_name(s, dbid, table, &a));
    free(table);
    free(name);
    return err;
}
