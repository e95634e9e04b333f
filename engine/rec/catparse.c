/* What rows of the catalogue say of columns and indexes (ESE: cat.cxx ErrCATIInitFIELD,
 * ErrCATIInitIDB). */
#include "rec/catrow.h"
#include "rec/text.h"

static bool is_any_length(uint32_t coltyp)
{
    return coltyp == JET_coltypBinary || coltyp == JET_coltypText;
}

static const char *check_column(const struct catrow *row)
{
    const uint32_t coltyp = row->coltyp_or_pgno;
    const bool long_type = coltyp == JET_coltypLongBinary || coltyp == JET_coltypLongText;

    if (row->id == 0 || row->id > FID_TAGGED_MOST)
        return "a column of a number that cannot be";
    if (!coltyp_len(coltyp) && !is_any_length(coltyp) && !long_type && coltyp != JET_coltypSLV)
        return "a column of a type that is not known";
    if (row->id <= FID_FIXED_MOST &&
        (long_type || coltyp == JET_coltypSLV || (is_any_length(coltyp) && row->space > 255)))
        return "a fixed column of a type that has no fixed length";
    if (row->id >= FID_VAR_LEAST && row->id <= FID_VAR_MOST && !is_any_length(coltyp))
        return "a variable column of a type that has a fixed length";
    return NULL;
}

const char *catrow_to_column(const struct catrow *row, struct column *ret)
{
    const char *what = check_column(row);

    if (what)
        return what;
    *ret = (struct column){
        .id = row->id,
        .fid = (uint16_t)row->id,
        .coltyp = (uint8_t)row->coltyp_or_pgno,
        .flags = row->flags & 0xffff,
        .cp = row->pages_or_locale & 0xffff,
        .max_len = row->space,
        .has_default = row->has_default && (row->flags & COLUMN_DEFAULT),
    };
    if (ret->fid <= FID_FIXED_MOST) {
        ret->len = coltyp_len(ret->coltyp) ? coltyp_len(ret->coltyp) : ret->max_len;
        ret->offset = row->record_offset;
    }
    return NULL;
}

uint32_t catrow_default(const struct column *c, struct slice from, uint8_t *buf)
{
    const bool fixed = c->fid <= FID_FIXED_MOST;
    const uint32_t len = fixed && from.len < c->len ? c->len : from.len;

    if (coltyp_len(c->coltyp) ? from.len != coltyp_len(c->coltyp) : fixed && from.len > c->len)
        return UINT32_MAX;
    if (!buf || len == 0)
        return len;
    if (from.len)
        memcpy(buf, from.p, from.len);
    for (uint32_t i = from.len; i < len; i++)
        buf[i] = c->coltyp == JET_coltypBinary || (c->cp == CP_UTF16 && (i & 1)) ? 0 : ' ';
    if (c->coltyp == JET_coltypBit && buf[0])
        buf[0] = 0xff;
    return len;
}

/* IDXSEG: flags, 0, u16 number; before it got flags: i16, negative when descending. */
static const char *decode_segments(struct slice from, bool extended, struct index_segment *ret,
                                   unsigned *ret_nr)
{
    const unsigned size = extended ? 4 : 2, nr = from.len / size;

    if (from.len % size)
        return "the segments of an index are cut off";
    if (nr > INDEX_SEGMENTS_MAX)
        return "an index has too many segments";
    for (unsigned i = 0; i < nr; i++) {
        const uint8_t *p = from.p + i * size;
        if (extended) {
            ret[i] = (struct index_segment){
                .fid = get_le16(p + 2),
                .from_template = p[0] & 0x80,
                .descending = p[0] & 0x40,
                .must_be_null = p[0] & 0x20,
            };
        } else {
            int16_t fid = (int16_t)get_le16(p);
            ret[i] = (struct index_segment){.fid = (uint16_t)(fid < 0 ? -fid : fid),
                                            .descending = fid < 0};
        }
    }
    *ret_nr = nr;
    return NULL;
}

/* TUPLELIMITS: min, max, count, step, start; older ones have the first three. */
static const char *decode_tuples(struct slice from, struct index *ix)
{
    if (from.len == 0)
        return NULL;
    if (from.len != 20 && from.len != 12)
        return "the tuple limits of an index have a wrong length";
    ix->tuples = true;
    ix->tuple_min = get_le32(from.p);
    ix->tuple_max = get_le32(from.p + 4);
    ix->tuple_count = get_le32(from.p + 8);
    ix->tuple_step = from.len == 20 ? get_le32(from.p + 12) : 1;
    ix->tuple_start = from.len == 20 ? get_le32(from.p + 16) : 0;
    if (ix->tuple_min == 0 || ix->tuple_max < ix->tuple_min || ix->tuple_step == 0)
        return "the tuple limits of an index cannot be";
    return NULL;
}

const char *catrow_to_index(const struct catrow *row, const struct table *t, struct index *ix)
{
    const char *what;

    *ix = (struct index){
        .objid = row->id,
        .pgno = row->coltyp_or_pgno,
        .flags = (uint16_t)row->flags,
        .xflags = (uint16_t)(row->flags >> 16),
        .key_most = row->key_most ? row->key_most : INDEX_KEY_DEFAULT,
        .lcmap_flags = row->lcmap_flags,
        .lcid = row->pages_or_locale,
    };
    ix->segment_most = row->segment_most.len == 2 ? get_le16(row->segment_most.p) : ix->key_most;
    if (ix->pgno == 0 || ix->pgno > INT32_MAX || row->name.len == 0)
        return "an index without name or root";
    if (ix->key_most > INDEX_KEY_LIMIT)
        return "the keys of an index are longer than any can be";
    what = decode_segments(row->key_fids, ix->xflags & INDEX_X_EXTENDED, ix->segments,
                           &ix->nr_segments);
    if (!what && ix->nr_segments == 0)
        what = "an index has no segment";
    if (!what)
        what = decode_segments(row->conditions, ix->xflags & INDEX_X_EXTENDED, ix->conditions,
                               &ix->nr_conditions);
    if (!what)
        what = decode_tuples(row->tuple_limits, ix);
    if (!what && (ix->flags & INDEX_PRIMARY) && (ix->pgno != t->pgno || ix->objid != t->objid))
        what = "a primary index is not its table's tree";
    return what;
}
