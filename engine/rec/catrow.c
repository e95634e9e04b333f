#include "rec/catrow.h"

#include "rec/record.h"
#include "rec/text.h"

#define FIXED(fid_, name_, coltyp_, offset_, len_)                                            \
    {                                                                                         \
        .name = (name_), .id = (fid_), .fid = (fid_), .coltyp = (coltyp_), .max_len = (len_), \
        .offset = (offset_), .len = (len_)                                                    \
    }
#define VARYING(fid_, name_, coltyp_, cp_)                                              \
    {                                                                                   \
        .name = (name_), .id = (fid_), .fid = (fid_), .coltyp = (coltyp_), .cp = (cp_), \
        .max_len = 255                                                                  \
    }
#define TAGGED(fid_, name_)                                                          \
    {                                                                                \
        .name = (name_), .id = (fid_), .fid = (fid_), .coltyp = JET_coltypLongBinary \
    }

/* ESE: _cat.cxx rgcdescMSO, cat.hxx; every catalogue of the test data is read by it. */
static struct column columns[] = {
    FIXED(CATROW_FID_OBJID_TABLE, "ObjidTable", JET_coltypLong, 4, 4),
    FIXED(CATROW_FID_TYPE, "Type", JET_coltypShort, 8, 2),
    FIXED(CATROW_FID_ID, "Id", JET_coltypLong, 10, 4),
    FIXED(CATROW_FID_COLTYP_OR_PGNO, "ColtypOrPgnoFDP", JET_coltypLong, 14, 4),
    FIXED(CATROW_FID_SPACE, "SpaceUsage", JET_coltypLong, 18, 4),
    FIXED(CATROW_FID_FLAGS, "Flags", JET_coltypLong, 22, 4),
    FIXED(CATROW_FID_PAGES_OR_LOCALE, "PagesOrLocale", JET_coltypLong, 26, 4),
    FIXED(CATROW_FID_ROOT_FLAG, "RootFlag", JET_coltypBit, 30, 1),
    FIXED(CATROW_FID_RECORD_OFFSET, "RecordOffset", JET_coltypShort, 31, 2),
    FIXED(CATROW_FID_LCMAP_FLAGS, "LCMapFlags", JET_coltypLong, 33, 4),
    FIXED(CATROW_FID_KEY_MOST, "KeyMost", JET_coltypUnsignedShort, 37, 2),
    FIXED(CATROW_FID_LV_CHUNK, "LVChunkMax", JET_coltypLong, 39, 4),
    FIXED(CATROW_FID_LAST_SET_TIME, "PgnoFDPLastSetTime", JET_coltypDateTime, 43, 8),
    VARYING(CATROW_FID_NAME, "Name", JET_coltypText, CP_ANSI),
    VARYING(CATROW_FID_STATS, "Stats", JET_coltypBinary, 0),
    VARYING(CATROW_FID_TEMPLATE, "TemplateTable", JET_coltypText, CP_ANSI),
    VARYING(CATROW_FID_DEFAULT, "DefaultValue", JET_coltypBinary, 0),
    VARYING(CATROW_FID_KEY_FIDS, "KeyFldIDs", JET_coltypBinary, 0),
    VARYING(CATROW_FID_SEGMENT_MOST, "VarSegMac", JET_coltypBinary, 0),
    VARYING(CATROW_FID_CONDITIONS, "ConditionalColumns", JET_coltypBinary, 0),
    VARYING(CATROW_FID_TUPLE_LIMITS, "TupleLimits", JET_coltypBinary, 0),
    VARYING(CATROW_FID_VERSION, "Version", JET_coltypBinary, 0),
    VARYING(CATROW_FID_SORT_ID, "SortID", JET_coltypBinary, 0),
    TAGGED(CATROW_FID_CALLBACK_DATA, "CallbackData"),
    TAGGED(CATROW_FID_CALLBACK_DEPENDENCIES, "CallbackDependencies"),
    TAGGED(CATROW_FID_SEPARATE_LV, "SeparateLV"),
    TAGGED(CATROW_FID_SPACE_HINTS, "SpaceHints"),
    TAGGED(CATROW_FID_LV_HINTS, "SpaceDeferredLVHints"),
    TAGGED(CATROW_FID_LOCALE, "LocaleName"),
};

const struct schema catrow_schema = {.columns = columns, .nr_columns = ARRAY_LEN(columns)};

const struct column *catrow_columns(unsigned *ret_nr)
{
    *ret_nr = ARRAY_LEN(columns);
    return columns;
}

const struct column *catrow_column_of(unsigned fid)
{
    return schema_find(&catrow_schema, (uint16_t)fid, false);
}

uint32_t coltyp_len(unsigned coltyp)
{
    static const uint8_t len[] = {
        [JET_coltypBit] = 1,
        [JET_coltypUnsignedByte] = 1,
        [JET_coltypShort] = 2,
        [JET_coltypLong] = 4,
        [JET_coltypCurrency] = 8,
        [JET_coltypIEEESingle] = 4,
        [JET_coltypIEEEDouble] = 8,
        [JET_coltypDateTime] = 8,
        [JET_coltypUnsignedLong] = 4,
        [JET_coltypLongLong] = 8,
        [JET_coltypGUID] = 16,
        [JET_coltypUnsignedShort] = 2,
        [JET_coltypUnsignedLongLong] = 8,
    };

    return coltyp < ARRAY_LEN(len) ? len[coltyp] : 0;
}

static uint32_t fixed(const struct record *r, unsigned fid)
{
    const struct column *c = &columns[fid - 1];
    struct slice s;

    if (record_fixed(r, fid, c->offset, c->len, &s) != RECORD_VALUE)
        return 0;
    return s.len == 2 ? get_le16(s.p) : get_le32(s.p);
}

static struct slice variable(const struct record *r, unsigned fid)
{
    struct slice s;

    return record_var(r, fid, &s) == RECORD_VALUE ? s : (struct slice){r->bytes.p, 0};
}

static struct slice *tagged_place(struct catrow *row, unsigned fid)
{
    switch (fid) {
    case CATROW_FID_CALLBACK_DATA:
        return &row->callback_data;
    case CATROW_FID_SEPARATE_LV:
        return &row->separate_lv;
    case CATROW_FID_SPACE_HINTS:
        return &row->space_hints;
    case CATROW_FID_LV_HINTS:
        return &row->lv_hints;
    case CATROW_FID_LOCALE:
        return &row->locale;
    default:
        return NULL;
    }
}

static const char *find_tagged(const struct record *r, enum tagged_layout layout,
                               struct catrow *row)
{
    struct tagged t;
    struct tagged_value v;
    struct slice *to;
    int more;

    tagged_begin(&t, r->tagged, layout);
    while ((more = tagged_next(&t, &v)) > 0)
        if (v.seq == 1 && !v.null && !v.v.separated && !v.v.compressed &&
            (to = tagged_place(row, v.fid)))
            *to = v.v.data;
    return more < 0 ? t.what : NULL;
}

const char *catrow_decode(struct slice data, enum tagged_layout layout, struct catrow *ret)
{
    struct record r;
    struct slice s;
    const char *what = record_decode(data, &r);

    if (what)
        return what;
    if (record_fixed(&r, CATROW_FID_ID, columns[CATROW_FID_ID - 1].offset, 4, &s) != RECORD_VALUE)
        return "a row of the catalogue has no number";
    *ret = (struct catrow){
        .objid_table = fixed(&r, CATROW_FID_OBJID_TABLE),
        .type = fixed(&r, CATROW_FID_TYPE),
        .id = fixed(&r, CATROW_FID_ID),
        .coltyp_or_pgno = fixed(&r, CATROW_FID_COLTYP_OR_PGNO),
        .space = fixed(&r, CATROW_FID_SPACE),
        .flags = fixed(&r, CATROW_FID_FLAGS),
        .pages_or_locale = fixed(&r, CATROW_FID_PAGES_OR_LOCALE),
        .record_offset = fixed(&r, CATROW_FID_RECORD_OFFSET),
        .lcmap_flags = fixed(&r, CATROW_FID_LCMAP_FLAGS),
        .key_most = fixed(&r, CATROW_FID_KEY_MOST),
        .lv_chunk = fixed(&r, CATROW_FID_LV_CHUNK),
        .name = variable(&r, CATROW_FID_NAME),
        .template_name = variable(&r, CATROW_FID_TEMPLATE),
        .key_fids = variable(&r, CATROW_FID_KEY_FIDS),
        .segment_most = variable(&r, CATROW_FID_SEGMENT_MOST),
        .conditions = variable(&r, CATROW_FID_CONDITIONS),
        .tuple_limits = variable(&r, CATROW_FID_TUPLE_LIMITS),
        .version = variable(&r, CATROW_FID_VERSION),
        .sort_id = variable(&r, CATROW_FID_SORT_ID),
    };
    ret->has_default = record_var(&r, CATROW_FID_DEFAULT, &ret->default_value) == RECORD_VALUE;
    return find_tagged(&r, layout, ret);
}
