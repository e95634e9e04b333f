/* Rows of the catalogue: built, and the keys under which they lie (ESE: cat.cxx ErrCATAddTable
 * and its like). */
#include "rec/catrow.h"
#include "rec/text.h"

/* ---- rows ------------------------------------------------------------------------------------ */

static JET_ERR put_number(struct recbuf *rb, unsigned fid, uint32_t v)
{
    const struct column *c = catrow_column_of(fid);
    uint8_t b[4];
    struct slice s = {b, c->len};

    put_le32(b, v);
    return recbuf_set(rb, c, 1, &s, 0);
}

static JET_ERR put_bytes(struct recbuf *rb, unsigned fid, struct slice s)
{
    return s.len ? recbuf_set(rb, catrow_column_of(fid), 1, &s, 0) : JET_errSuccess;
}

static bool has_number(const struct catrow *row, unsigned fid)
{
    switch (fid) {
    case CATROW_FID_ROOT_FLAG:
        return row->type == CATROW_TABLE;
    case CATROW_FID_RECORD_OFFSET:
        return row->type == CATROW_COLUMN && row->id <= FID_FIXED_MOST;
    case CATROW_FID_LCMAP_FLAGS:
        return row->type == CATROW_INDEX;
    case CATROW_FID_KEY_MOST:
        return row->key_most != 0;
    case CATROW_FID_LV_CHUNK:
        return row->lv_chunk != 0;
    default:
        return true;
    }
}

/* The highest one first, as ESE does: room in front of it is made once. */
static JET_ERR put_numbers(struct recbuf *rb, const struct catrow *row)
{
    const uint32_t v[] = {
        [CATROW_FID_OBJID_TABLE] = row->objid_table,
        [CATROW_FID_TYPE] = row->type,
        [CATROW_FID_ID] = row->id,
        [CATROW_FID_COLTYP_OR_PGNO] = row->coltyp_or_pgno,
        [CATROW_FID_SPACE] = row->space,
        [CATROW_FID_FLAGS] = row->flags,
        [CATROW_FID_PAGES_OR_LOCALE] = row->pages_or_locale,
        [CATROW_FID_ROOT_FLAG] = 1,
        [CATROW_FID_RECORD_OFFSET] = row->record_offset,
        [CATROW_FID_LCMAP_FLAGS] = row->lcmap_flags,
        [CATROW_FID_KEY_MOST] = row->key_most,
        [CATROW_FID_LV_CHUNK] = row->lv_chunk,
    };
    JET_ERR err = JET_errSuccess;

    for (unsigned fid = CATROW_FID_LV_CHUNK; fid >= CATROW_FID_OBJID_TABLE && err >= 0; fid--)
        if (has_number(row, fid))
            err = put_number(rb, fid, v[fid]);
    return err;
}

JET_ERR catrow_build(struct recbuf *rb, const struct catrow *row)
{
    const struct {
        unsigned fid;
        struct slice s;
    } parts[] = {
        {CATROW_FID_NAME, row->name},
        {CATROW_FID_TEMPLATE, row->template_name},
        {CATROW_FID_DEFAULT, row->default_value},
        {CATROW_FID_KEY_FIDS, row->key_fids},
        {CATROW_FID_SEGMENT_MOST, row->segment_most},
        {CATROW_FID_CONDITIONS, row->conditions},
        {CATROW_FID_TUPLE_LIMITS, row->tuple_limits},
        {CATROW_FID_VERSION, row->version},
        {CATROW_FID_SORT_ID, row->sort_id},
        {CATROW_FID_CALLBACK_DATA, row->callback_data},
        {CATROW_FID_SEPARATE_LV, row->separate_lv},
        {CATROW_FID_SPACE_HINTS, row->space_hints},
        {CATROW_FID_LV_HINTS, row->lv_hints},
        {CATROW_FID_LOCALE, row->locale},
    };
    JET_ERR err = recbuf_start(rb, &catrow_schema);

    if (err >= 0)
        err = put_numbers(rb, row);
    for (unsigned i = 0; err >= 0 && i < ARRAY_LEN(parts); i++)
        err = put_bytes(rb, parts[i].fid, parts[i].s);
    return err;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Segments of these types are always known, so norm_append does not refuse them. */
static void append(struct norm_key *k, unsigned fid, struct slice s)
{
    static const struct index ix = {.key_most = INDEX_KEY_DEFAULT,
                                    .segment_most = INDEX_KEY_DEFAULT};
    const bool known = norm_append(k, &ix, catrow_column_of(fid), false, &s);

    assert(known);
    (void)known;
}

static void append_number(struct norm_key *k, unsigned fid, uint32_t v)
{
    uint8_t b[4];

    put_le32(b, v);
    append(k, fid, (struct slice){b, catrow_column_of(fid)->len});
}

void catrow_key_table(struct norm_key *ret, objid_t objid_table)
{
    ret->len = 0;
    ret->truncated = false;
    append_number(ret, CATROW_FID_OBJID_TABLE, objid_table);
}

void catrow_key_id(struct norm_key *ret, objid_t objid_table, unsigned type, uint32_t id)
{
    catrow_key_table(ret, objid_table);
    append_number(ret, CATROW_FID_TYPE, type);
    append_number(ret, CATROW_FID_ID, id);
}

void catrow_key_name(struct norm_key *ret, objid_t objid_table, unsigned type, struct slice name)
{
    catrow_key_table(ret, objid_table);
    append_number(ret, CATROW_FID_TYPE, type);
    append(ret, CATROW_FID_NAME, name);
}

void catrow_key_root(struct norm_key *ret, struct slice name)
{
    ret->len = 0;
    ret->truncated = false;
    append_number(ret, CATROW_FID_ROOT_FLAG, 1);
    append(ret, CATROW_FID_NAME, name);
}

/* ---- space hints ----------------------------------------------------------------------------- */

#define HINTS_NR 7u
static_assert(sizeof(struct space_hints) == HINTS_NR * sizeof(uint32_t), "space hints");

uint32_t catrow_hints_encode(const struct space_hints *h, unsigned first,
                             uint8_t buf[HINTS_LEN_MAX])
{
    uint32_t hints[HINTS_NR];
    unsigned nr = HINTS_NR;

    memcpy(hints, h, sizeof(hints));
    while (nr > first && hints[nr - 1] == 0)
        nr--;
    if (nr == first)
        return 0;
    buf[0] = 1;
    for (unsigned i = first; i < nr; i++)
        put_le32(buf + 1 + 4 * (i - first), hints[i]);
    return 1 + 4 * (nr - first);
}

const char *catrow_hints_decode(struct slice from, unsigned first, struct space_hints *h)
{
    uint32_t hints[HINTS_NR];

    if (from.len == 0)
        return NULL;
    if (from.p[0] != 1 || from.len % 4 != 1 || from.len / 4 > HINTS_NR - first)
        return "the space hints of a row are none";
    memcpy(hints, h, sizeof(hints));
    for (unsigned i = 0; i < from.len / 4; i++)
        hints[first + i] = get_le32(from.p + 1 + 4 * i);
    memcpy(h, hints, sizeof(hints));
    return NULL;
}
