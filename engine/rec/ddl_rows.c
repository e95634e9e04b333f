/* Rows of columns and indexes for the catalogue, from their native descriptions. */
#include <stdlib.h>

#include "rec/ddl_priv.h"
#include "rec/text.h"

JET_ERR ddl_insert_column_row(struct cat *c, objid_t objid_table, struct slice name,
                              const struct column *col, struct slice value)
{
    const struct catrow row = {
        .objid_table = objid_table,
        .type = CATROW_COLUMN,
        .id = col->fid,
        .coltyp_or_pgno = col->coltyp,
        .space = col->max_len,
        .flags = col->flags,
        .pages_or_locale = col->cp,
        .record_offset = col->offset,
        .name = name,
        .default_value = value,
        .has_default = value.len != 0,
    };
    JET_ERR err = cat_insert(c, &row);

    return err == JET_errKeyDuplicate ? RAISE(JET_errColumnDuplicate) : err;
}

/* IDXSEG, in the form with flags. */
static uint32_t put_segments(const struct index_segment *g, unsigned nr, uint8_t *to)
{
    for (unsigned i = 0; i < nr; i++, to += 4) {
        to[0] = (uint8_t)((g[i].from_template ? 0x80 : 0) | (g[i].descending ? 0x40 : 0) |
                          (g[i].must_be_null ? 0x20 : 0));
        to[1] = 0;
        put_le16(to + 2, g[i].fid);
    }
    return 4 * nr;
}

struct index_bytes { /* what a row points to */
    uint8_t segments[4 * INDEX_SEGMENTS_MAX], conditions[4 * INDEX_SEGMENTS_MAX];
    uint8_t segment_most[2], tuples[20], version[8], sort_id[16], locale[128];
    uint8_t hints[HINTS_LEN_MAX];
};

static void put_tuples(const struct index *ix, uint8_t to[20])
{
    put_le32(to, ix->tuple_min);
    put_le32(to + 4, ix->tuple_max);
    put_le32(to + 8, ix->tuple_count);
    put_le32(to + 12, ix->tuple_step);
    put_le32(to + 16, ix->tuple_start);
}

static uint32_t put_locale(const char *locale, uint8_t to[128])
{
    const uint32_t len = (uint32_t)strnlen(locale, 64);

    for (uint32_t i = 0; i < len; i++)
        put_le16(to + 2 * i, (uint8_t)locale[i]);
    return 2 * len;
}

static void index_row(const struct index *ix, const struct space_hints *h, struct index_bytes *b,
                      struct catrow *row)
{
    row->type = CATROW_INDEX;
    row->id = ix->objid;
    row->coltyp_or_pgno = ix->pgno;
    row->space = h->density;
    row->flags = ix->flags | (uint32_t)ix->xflags << 16;
    row->lcmap_flags = ix->lcmap_flags;
    row->key_most = ix->key_most != INDEX_KEY_DEFAULT ? ix->key_most : 0;
    row->key_fids =
        (struct slice){b->segments, put_segments(ix->segments, ix->nr_segments, b->segments)};
    row->conditions = (struct slice){
        b->conditions, put_segments(ix->conditions, ix->nr_conditions, b->conditions)};
    put_le16(b->segment_most, (uint16_t)ix->segment_most);
    row->segment_most = (struct slice){b->segment_most, ix->segment_most != ix->key_most ? 2u : 0u};
    put_tuples(ix, b->tuples);
    row->tuple_limits = (struct slice){b->tuples, ix->tuples ? 20u : 0u};
    norm_version(b->version, b->sort_id);
    if (ix->flags & INDEX_LOCALIZED_TEXT) {
        row->version = (struct slice){b->version, sizeof(b->version)};
        row->sort_id = (struct slice){b->sort_id, sizeof(b->sort_id)};
    }
    row->space_hints =
        (struct slice){b->hints, catrow_hints_encode(h, HINTS_FROM_INITIAL, b->hints)};
    row->locale = (struct slice){b->locale, put_locale(ix->locale, b->locale)};
}

JET_ERR ddl_insert_index_row(struct cat *c, objid_t objid_table, struct slice name,
                             const struct index *ix, const struct space_hints *h)
{
    struct index_bytes b;
    struct catrow row = {.objid_table = objid_table, .name = name};
    JET_ERR err = JET_errSuccess;

    index_row(ix, h, &b, &row);
    if (ix->flags & INDEX_LOCALIZED_TEXT)
        err = ddl_count_locale(c->s, c->d, ix->locale);
    if (err >= 0)
        err = cat_insert(c, &row);
    if (err == JET_errKeyDuplicate)
        err = RAISE(JET_errIndexDuplicate);
    if (err >= 0 && ix->objid != objid_table)
        err = cat_objids_insert(c, ix->objid, objid_table, CATROW_INDEX);
    return err;
}
