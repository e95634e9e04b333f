/* Definitions of columns and indexes as programs give them: checked as ESE checks them, in its
 * order, and made what the catalogue says (ESE: fcreate.cxx ErrFILEIValidateAddColumn,
 * ErrFILEIValidateCreateIndex; cat.cxx). */
#include "rec/ddl_priv.h"
#include "rec/text.h"

#define COLUMN_LEN_MOST 255u        /* of Binary and Text */
#define LV_LEN_MOST     0x7fffffffu /* ESE: JET_cbLVColumnMost */
#define LCMAP_DEFAULT                                                   \
    (SORTKEY_SORTKEY | SORTKEY_IGNORE_CASE | SORTKEY_IGNORE_KANA_TYPE | \
     SORTKEY_IGNORE_WIDTH) /* ESE: norm.hxx dwLCMapFlagsDefault */
#define LOCALE_DEFAULT "en-US"
#define UPDATE_UPPER_TEXT \
    50u /* formats from which LCMAP_UPPERCASE is allowed, 64-bit escrow columns */
#define UPDATE_ESCROW64 60u

/* ---- columns --------------------------------------------------------------------------------- */

static bool is_long(uint32_t coltyp)
{
    return coltyp == JET_coltypLongBinary || coltyp == JET_coltypLongText;
}

static bool is_text(uint32_t coltyp)
{
    return coltyp == JET_coltypText || coltyp == JET_coltypLongText;
}

enum ddl_place ddl_place_of(const struct ddl_column *c)
{
    if ((c->grbit & JET_bitColumnTagged) || is_long(c->coltyp))
        return DDL_TAGGED;
    return (c->grbit & JET_bitColumnFixed) || coltyp_len(c->coltyp) ? DDL_FIXED : DDL_VARIABLE;
}

static JET_ERR check_escrow(const struct ddl_column *c, bool exclusive, uint32_t db_update)
{
    if (c->coltyp != JET_coltypLong && c->coltyp != JET_coltypLongLong)
        return RAISE(JET_errInvalidGrbit);
    if (c->grbit & JET_bitColumnTagged)
        return RAISE(JET_errCannotBeTagged);
    if ((c->grbit & (JET_bitColumnVersion | JET_bitColumnAutoincrement)) || c->value.len == 0)
        return RAISE(JET_errInvalidGrbit);
    if (!exclusive)
        return RAISE(JET_errExclusiveTableLockRequired);
    if (c->coltyp == JET_coltypLongLong && db_update < UPDATE_ESCROW64)
        return RAISE(JET_errEngineFormatVersionParamTooLowForRequestedFeature);
    if ((c->grbit & JET_bitColumnFinalize) && (c->grbit & JET_bitColumnDeleteOnZero))
        return RAISE(JET_errInvalidGrbit);
    return JET_errSuccess;
}

static JET_ERR check_counting(const struct ddl_column *c, bool exclusive)
{
    const bool counts = c->grbit & JET_bitColumnAutoincrement;

    if (counts ? c->coltyp != JET_coltypLong && c->coltyp != JET_coltypLongLong &&
                     c->coltyp != JET_coltypUnsignedLongLong && c->coltyp != JET_coltypCurrency
               : c->coltyp != JET_coltypLong)
        return RAISE(JET_errInvalidGrbit);
    if (c->grbit & JET_bitColumnTagged)
        return RAISE(JET_errCannotBeTagged);
    if (counts && (c->grbit & JET_bitColumnVersion))
        return RAISE(JET_errInvalidGrbit);
    return counts && !exclusive ? RAISE(JET_errExclusiveTableLockRequired) : JET_errSuccess;
}

static JET_ERR check_kind(const struct ddl_column *c, bool exclusive, uint32_t db_update)
{
    const uint32_t g = c->grbit;

    if ((g & JET_bitColumnCompressed) && !is_long(c->coltyp))
        return RAISE(JET_errColumnCannotBeCompressed);
    if ((g & JET_bitColumnEncrypted) &&
        (!is_long(c->coltyp) || (g & JET_bitColumnMultiValued) || c->value.len))
        return RAISE(JET_errColumnCannotBeEncrypted);
    if (ddl_place_of(c) == DDL_TAGGED) {
        if (g & JET_bitColumnFixed)
            return RAISE(JET_errInvalidGrbit);
    } else if (g & JET_bitColumnMultiValued) {
        return RAISE(JET_errMultiValuedColumnMustBeTagged);
    }
    if (g & JET_bitColumnEscrowUpdate)
        return check_escrow(c, exclusive, db_update);
    if (g & (JET_bitColumnFinalize | JET_bitColumnDeleteOnZero))
        return RAISE(JET_errInvalidGrbit);
    if (g & (JET_bitColumnVersion | JET_bitColumnAutoincrement))
        return check_counting(c, exclusive);
    return JET_errSuccess;
}

static uint32_t flags_of(const struct ddl_column *c)
{
    static const struct {
        uint32_t grbit, flag;
    } map[] = {
        {JET_bitColumnNotNULL, COLUMN_NOT_NULL},
        {JET_bitColumnVersion, COLUMN_VERSION},
        {JET_bitColumnAutoincrement, COLUMN_AUTO_INCREMENT},
        {JET_bitColumnMultiValued, COLUMN_MULTI_VALUED},
        {JET_bitColumnEscrowUpdate, COLUMN_ESCROW},
        {JET_bitColumnFinalize, COLUMN_FINALIZE},
        {JET_bitColumnDeleteOnZero, COLUMN_DELETE_ON_ZERO},
        {JET_bitColumnCompressed, COLUMN_COMPRESSED},
        {JET_bitColumnEncrypted, COLUMN_ENCRYPTED},
    };
    uint32_t flags = c->value.len ? COLUMN_DEFAULT : 0;

    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        flags |= c->grbit & map[i].grbit ? map[i].flag : 0;
    return flags;
}

/* ESE: cat.cxx UlCATColumnSize. */
static uint32_t len_of(const struct ddl_column *c, bool *ret_cut)
{
    if (coltyp_len(c->coltyp))
        return coltyp_len(c->coltyp);
    if (is_long(c->coltyp))
        return c->max_len;
    *ret_cut = c->max_len > COLUMN_LEN_MOST;
    return c->max_len == 0 || *ret_cut ? COLUMN_LEN_MOST : c->max_len;
}

static JET_ERR check_default(const struct ddl_column *c, const struct column *col)
{
    if (c->value.len == 0)
        return JET_errSuccess;
    if (c->value.len > COLUMN_LEN_MOST || (col->max_len && c->value.len > col->max_len))
        return RAISE(JET_errDefaultValueTooBig);
    if (coltyp_len(c->coltyp) && c->value.len != coltyp_len(c->coltyp))
        return RAISE(JET_errInvalidBufferSize);
    return JET_errSuccess;
}

JET_ERR ddl_check_column(const struct ddl_column *c, bool exclusive, uint32_t db_update,
                         struct column *ret)
{
    bool cut = false;
    JET_ERR err;

    *ret = (struct column){.coltyp = (uint8_t)c->coltyp};
    if (c->max_len > LV_LEN_MOST)
        return RAISE(JET_errInvalidParameter);
    if (c->coltyp == JET_coltypNil || c->coltyp > JET_coltypUnsignedLongLong ||
        c->coltyp == JET_coltypSLV)
        return RAISE(JET_errInvalidColumnType);
    if (is_text(c->coltyp)) {
        ret->cp = c->cp ? c->cp : CP_ANSI;
        if (ret->cp != CP_ANSI && ret->cp != CP_UTF16)
            return RAISE(JET_errInvalidCodePage);
    }
    if (c->grbit & JET_bitColumnUserDefinedDefault)
        return RAISE(JET_errCallbackNotResolved);
    err = check_kind(c, exclusive, db_update);
    if (err < 0)
        return err;
    ret->flags = flags_of(c);
    ret->max_len = len_of(c, &cut);
    ret->has_default = c->value.len != 0;
    err = check_default(c, ret);
    return err < 0 ? err : cut ? JET_wrnColumnMaxTruncated : JET_errSuccess;
}

/* ---- space hints ----------------------------------------------------------------------------- */

#define DENSITY_LEAST    20u
#define DENSITY_MOST     100u
#define EXTENT_MOST      (100u << 20) /* ESE: space.hxx cbSecondaryExtentMost */
#define GROWTH_MOST      (500u * 100)
#define HINT_FLAGS_KNOWN 0x3ffu

static uint32_t whole_pages(uint32_t len, uint32_t page_size)
{
    return len % page_size ? len - len % page_size + page_size : len;
}

JET_ERR ddl_check_hints(struct space_hints *h, uint32_t page_size)
{
    if (h->initial > EXTENT_MOST || h->min_extent >= EXTENT_MOST || h->max_extent >= EXTENT_MOST ||
        h->min_extent > h->max_extent)
        return RAISE(JET_errSpaceHintsInvalid);
    h->initial = whole_pages(h->initial, page_size);
    h->min_extent = whole_pages(h->min_extent, page_size);
    h->max_extent = whole_pages(h->max_extent, page_size);
    if (h->initial == page_size)
        h->initial = 0;
    if (h->density == 0)
        h->density = CATALOG_DENSITY;
    if (h->density < DENSITY_LEAST || h->density > DENSITY_MOST ||
        (h->maint_density && (h->maint_density < DENSITY_LEAST || h->maint_density > DENSITY_MOST)))
        return RAISE(JET_errDensityInvalid);
    if (h->flags & ~HINT_FLAGS_KNOWN)
        return RAISE(JET_errInvalidGrbit);
    if ((h->flags & JET_bitRetrieveHintTableScanForward) &&
        (h->flags & JET_bitRetrieveHintTableScanBackward))
        return RAISE(JET_errSpaceHintsInvalid);
    if ((h->growth && h->growth < 100) || h->growth >= GROWTH_MOST)
        return RAISE(JET_errSpaceHintsInvalid);
    return JET_errSuccess;
}

/* ---- indexes --------------------------------------------------------------------------------- */

static uint32_t key_limit(uint32_t page_size)
{
    return page_size == 2048   ? JET_cbKeyMost2KBytePage
           : page_size == 4096 ? JET_cbKeyMost4KBytePage
                               : JET_cbKeyMost8KBytePage;
}

static JET_ERR check_lengths(const struct ddl_index *x, uint32_t page_size, struct index *ix)
{
    ix->key_most = INDEX_KEY_DEFAULT;
    if (x->grbit & JET_bitIndexKeyMost) {
        if (x->key_most < JET_cbKeyMostMin || x->key_most > key_limit(page_size))
            return RAISE(JET_errIndexInvalidDef);
        ix->key_most = x->key_most;
    }
    ix->segment_most =
        x->segment_most && !(x->grbit & JET_bitIndexTupleLimits) ? x->segment_most : ix->key_most;
    return JET_errSuccess;
}

static JET_ERR check_grbits(const struct ddl_index *x)
{
    const uint32_t ignore =
        JET_bitIndexIgnoreNull | JET_bitIndexIgnoreAnyNull | JET_bitIndexIgnoreFirstNull;
    const uint32_t g = x->grbit;

    if ((g & JET_bitIndexPrimary) && (g & ignore))
        return RAISE(JET_errInvalidGrbit);
    if ((g & JET_bitIndexCrossProduct) && (g & JET_bitIndexNestedTable))
        return RAISE(JET_errInvalidGrbit);
    if ((g & JET_bitIndexPrimary) && x->nr_conditions)
        return RAISE(JET_errIndexInvalidDef);
    if ((g & JET_bitIndexEmpty) && !(g & JET_bitIndexIgnoreAnyNull))
        return RAISE(JET_errInvalidGrbit);
    return JET_errSuccess;
}

/* "+name\0-name\0\0" */
static JET_ERR split_key(struct slice key, struct ddl_segment_names *ret)
{
    const char *p = (const char *)key.p;
    uint32_t at = 0;

    if (!key.p || key.len == 0)
        return RAISE(JET_errInvalidParameter);
    if (key.len < 2 || (p[0] != '+' && p[0] != '-'))
        return RAISE(JET_errIndexInvalidDef);
    ret->nr = 0;
    while (at < key.len && p[at]) {
        const uint32_t room = key.len - at;
        const uint32_t len = (uint32_t)strnlen(p + at, room);

        if (len == room || ret->nr == INDEX_SEGMENTS_MAX)
            return RAISE(JET_errIndexInvalidDef);
        ret->descending[ret->nr] = p[at] == '-';
        ret->name[ret->nr++] = p + at + (p[at] == '+' || p[at] == '-');
        at += len + 1;
    }
    return at == key.len ? RAISE(JET_errIndexInvalidDef) : JET_errSuccess;
}

static bool is_locale(const char *name, size_t room)
{
    const size_t len = strnlen(name, room);

    if (len == room)
        return false;
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static JET_ERR check_text(const struct ddl_index *x, uint32_t db_update, struct ddl_index_def *def)
{
    static const uint32_t known = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x800 | 0x1000 | 0x10000 |
                                  0x20000 | 0x8000000; /* ESE: norm.cxx ErrNORMCheckLCMapFlags */
    const char *locale = LOCALE_DEFAULT;
    uint32_t flags = LCMAP_DEFAULT;

    if (x->grbit & JET_bitIndexUnicode) {
        locale = x->locale ? x->locale : locale;
        flags = x->lcmap_flags ? x->lcmap_flags : flags;
        def->ix.flags |= INDEX_LOCALE_SET;
    }
    if (!is_locale(locale, sizeof(def->locale)))
        return RAISE(JET_errInvalidLanguageId);
    if (flags & SORTKEY_UPPERCASE) {
        if (db_update < UPDATE_UPPER_TEXT)
            return RAISE(JET_errEngineFormatVersionParamTooLowForRequestedFeature);
        if (flags != SORTKEY_UPPERCASE)
            return RAISE(JET_errInvalidLCMapStringFlags);
    } else {
        flags |= SORTKEY_SORTKEY;
        if ((flags & ~known) != SORTKEY_SORTKEY)
            return RAISE(JET_errInvalidLCMapStringFlags);
    }
    snprintf(def->locale, sizeof(def->locale), "%s", locale);
    def->ix.locale = def->locale;
    def->ix.lcmap_flags = flags;
    norm_version(def->version, def->sort_id);
    def->ix.version = (struct slice){def->version, sizeof(def->version)};
    def->ix.sort_id = (struct slice){def->sort_id, sizeof(def->sort_id)};
    return JET_errSuccess;
}

static JET_ERR check_tuples(const struct ddl_index *x, struct index *ix)
{
    const bool own = x->grbit & JET_bitIndexTupleLimits;

    if (!(x->grbit & (JET_bitIndexTuples | JET_bitIndexTupleLimits)))
        return JET_errSuccess;
    if (x->grbit & JET_bitIndexPrimary)
        return RAISE(JET_errIndexTuplesSecondaryIndexOnly);
    if (x->grbit & JET_bitIndexUnique)
        return RAISE(JET_errIndexTuplesNonUniqueOnly);
    if (ix->segment_most < ix->key_most)
        return RAISE(JET_errIndexTuplesVarSegMacNotAllowed);
    ix->tuples = true;
    ix->tuple_min = own && x->tuple_min ? x->tuple_min : 3;
    ix->tuple_max = own && x->tuple_max ? x->tuple_max : 10;
    ix->tuple_count = own && x->tuple_count ? x->tuple_count : 0x7fff;
    ix->tuple_step = own && x->tuple_step ? x->tuple_step : 1;
    ix->tuple_start = own && x->tuple_start != UINT32_MAX ? x->tuple_start : 0;
    if (ix->tuple_min < 2 || ix->tuple_min > 255 || ix->tuple_max < 2 || ix->tuple_max > 255 ||
        ix->tuple_min > ix->tuple_max || ix->tuple_count > 0x7fff || ix->tuple_step > UINT16_MAX ||
        ix->tuple_start > UINT16_MAX)
        return RAISE(JET_errIndexTuplesInvalidLimits);
    return JET_errSuccess;
}

/* ESE: fcreate.cxx IDB::SetFlagsFromGrbit. */
static void set_flags(uint32_t g, struct index *ix)
{
    if (!(g & (JET_bitIndexDisallowNull | JET_bitIndexIgnoreAnyNull))) {
        ix->flags |= INDEX_SOME_NULLS;
        if (!(g & JET_bitIndexIgnoreFirstNull))
            ix->flags |= INDEX_FIRST_NULL | (g & JET_bitIndexIgnoreNull ? 0 : (int)INDEX_ALL_NULLS);
    }
    if (g & (JET_bitIndexUnique | JET_bitIndexPrimary))
        ix->flags |= INDEX_UNIQUE;
    if (g & JET_bitIndexPrimary)
        ix->flags |= INDEX_PRIMARY;
    if (g & JET_bitIndexDisallowNull)
        ix->flags |= INDEX_NO_NULL;
    else if (g & JET_bitIndexSortNullsHigh)
        ix->flags |= INDEX_NULLS_HIGH;
    if (g & JET_bitIndexCrossProduct)
        ix->flags |= INDEX_CROSS_PRODUCT;
    else if (g & JET_bitIndexNestedTable)
        ix->flags |= INDEX_NESTED;
    if (g & JET_bitIndexDisallowTruncation)
        ix->flags |= INDEX_NO_TRUNCATION;
    ix->xflags = INDEX_X_EXTENDED | (g & JET_bitIndexDotNetGuid ? (int)INDEX_X_DOTNET_GUID : 0);
}

JET_ERR ddl_check_index(const struct ddl_index *x, uint32_t page_size, uint32_t db_update,
                        uint32_t density, struct ddl_index_def *ret)
{
    JET_ERR err;

    *ret = (struct ddl_index_def){.hints = {.density = x->density ? x->density : density}};
    if (x->hints) {
        ret->hints = *x->hints;
        if (ret->hints.density == 0)
            ret->hints.density = x->density;
    }
    err = cat_name_from(x->name, &ret->name);
    if (err >= 0)
        err = check_lengths(x, page_size, &ret->ix);
    if (err >= 0)
        err = check_grbits(x);
    if (err >= 0)
        err = split_key(x->key, &ret->segments);
    if (err >= 0)
        err = ddl_check_hints(&ret->hints, page_size);
    if (err >= 0 && ret->ix.segment_most > ret->ix.key_most)
        err = RAISE(JET_errIndexInvalidDef);
    if (err >= 0)
        err = check_text(x, db_update, ret);
    if (err >= 0)
        err = check_tuples(x, &ret->ix);
    if (err >= 0)
        set_flags(x->grbit, &ret->ix);
    return err;
}

static JET_ERR check_segment(const struct ddl_index *x, const struct column *c, unsigned i,
                             struct index *ix)
{
    const bool tuples = ix->tuples && i == 0;

    if (c->flags & COLUMN_ENCRYPTED)
        return RAISE(JET_errCannotIndexOnEncryptedColumn);
    if (c->flags & COLUMN_ESCROW)
        return RAISE(JET_errCannotIndex);
    if (c->flags & COLUMN_MULTI_VALUED) {
        if (ix->flags & INDEX_PRIMARY)
            return RAISE(JET_errIndexInvalidDef);
        ix->flags |= INDEX_MULTI_VALUED;
    }
    if ((x->grbit & JET_bitIndexEmpty) && c->has_default)
        return RAISE(JET_errIndexInvalidDef);
    if (tuples && !is_text(c->coltyp) && c->coltyp != JET_coltypBinary &&
        c->coltyp != JET_coltypLongBinary)
        return RAISE(JET_errIndexTuplesTextBinaryColumnsOnly);
    if (is_text(c->coltyp) && c->cp == CP_UTF16)
        ix->flags |= INDEX_LOCALIZED_TEXT;
    return JET_errSuccess;
}

static struct index_segment segment_of(const struct column *c)
{
    return (struct index_segment){.fid = c->fid, .from_template = c->id & COLUMN_ID_TEMPLATE};
}

JET_ERR ddl_index_columns(const struct ddl_index *x, ddl_find_column *find, void *ctx,
                          struct ddl_index_def *def)
{
    struct index *ix = &def->ix;
    const struct column *c;

    for (unsigned i = 0; i < def->segments.nr; i++) {
        JET_ERR err;

        c = find(ctx, def->segments.name[i]);
        if (!c)
            return RAISE(JET_errColumnNotFound);
        err = check_segment(x, c, i, ix);
        if (err < 0)
            return err;
        ix->segments[i] = segment_of(c);
        ix->segments[i].descending = def->segments.descending[i];
    }
    ix->nr_segments = def->segments.nr;
    if (x->nr_conditions > INDEX_SEGMENTS_MAX)
        return RAISE(JET_errIndexInvalidDef);
    for (unsigned i = 0; i < x->nr_conditions; i++) {
        c = find(ctx, x->conditions[i].column);
        if (!c)
            return RAISE(JET_errColumnNotFound);
        ix->conditions[i] = segment_of(c);
        ix->conditions[i].must_be_null = x->conditions[i].must_be_null;
    }
    ix->nr_conditions = x->nr_conditions;
    return JET_errSuccess;
}

uint32_t ddl_primary_key_most(const struct index *ix, const struct column *const *segments)
{
    const bool limited = ix->segment_most != ix->key_most;
    uint32_t most = 0;

    for (unsigned i = 0; i < ix->nr_segments; i++) {
        const struct column *c = segments[i];
        const bool fixed = c->fid <= FID_FIXED_MOST;
        const bool bytes = c->coltyp == JET_coltypBinary || c->coltyp == JET_coltypLongBinary;

        if (coltyp_len(c->coltyp))
            most += 1 + coltyp_len(c->coltyp);
        else if (limited && !(bytes && fixed && 1 + c->max_len < ix->segment_most))
            most += ix->segment_most;
        else if (bytes && fixed)
            most += 1 + c->max_len;
        else
            return ix->key_most;
    }
    return most < ix->key_most ? most : ix->key_most;
}
