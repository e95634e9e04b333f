/*
 * One row of the catalogue, by its hard-coded layout: decoded (any bytes are safe), built, the keys
 * under which it lies, and what it says of a column or an index.
 */
#ifndef ESE_REC_CATROW_H
#define ESE_REC_CATROW_H

#include "rec/catalog.h"
#include "rec/normalize.h"
#include "rec/recbuf.h"
#include "rec/tagged.h"

enum { /* Type, persistent (ESE: cat.hxx SYSOBJ) */
       CATROW_TABLE = 1,
       CATROW_COLUMN = 2,
       CATROW_INDEX = 3,
       CATROW_LV = 4,
       CATROW_CALLBACK = 5,
};

/* Numbers are 0 and slices empty where the row has none. template_name: of a column or callback row
 * the name of the function. */
struct catrow {
    objid_t objid_table;
    unsigned type;
    uint32_t id;
    uint32_t coltyp_or_pgno;
    uint32_t space; /* density; of a column: its length */
    uint32_t flags;
    uint32_t pages_or_locale; /* pages, code page or LCID */
    uint32_t record_offset;
    uint32_t lcmap_flags, key_most, lv_chunk;
    struct slice name, template_name, default_value, key_fids, segment_most, conditions,
        tuple_limits, version, sort_id, locale;
    struct slice callback_data, separate_lv, space_hints, lv_hints;
    bool has_default;
};

/* NULL: sound; else one static clause. */
const char *catrow_decode(struct slice data, enum tagged_layout layout, struct catrow *ret);

/* The columns of the catalogue itself. */
const struct column *catrow_columns(unsigned *ret_nr);
extern const struct schema catrow_schema;
enum { /* their numbers, persistent (ESE: cat.hxx fidMSO_...) */
       CATROW_FID_OBJID_TABLE = 1,
       CATROW_FID_TYPE,
       CATROW_FID_ID,
       CATROW_FID_COLTYP_OR_PGNO,
       CATROW_FID_SPACE,
       CATROW_FID_FLAGS,
       CATROW_FID_PAGES_OR_LOCALE,
       CATROW_FID_ROOT_FLAG,
       CATROW_FID_RECORD_OFFSET,
       CATROW_FID_LCMAP_FLAGS,
       CATROW_FID_KEY_MOST,
       CATROW_FID_LV_CHUNK,
       CATROW_FID_LAST_SET_TIME,
       CATROW_FID_NAME = 128,
       CATROW_FID_STATS,
       CATROW_FID_TEMPLATE,
       CATROW_FID_DEFAULT,
       CATROW_FID_KEY_FIDS,
       CATROW_FID_SEGMENT_MOST,
       CATROW_FID_CONDITIONS,
       CATROW_FID_TUPLE_LIMITS,
       CATROW_FID_VERSION,
       CATROW_FID_SORT_ID,
       CATROW_FID_CALLBACK_DATA = 256,
       CATROW_FID_CALLBACK_DEPENDENCIES,
       CATROW_FID_SEPARATE_LV,
       CATROW_FID_SPACE_HINTS,
       CATROW_FID_LV_HINTS,
       CATROW_FID_LOCALE,
};
const struct column *catrow_column_of(unsigned fid);

/* The record as ESE writes it; which columns a row has follows from its type. Errors as
 * recbuf_set. */
must_check JET_ERR catrow_build(struct recbuf *rb, const struct catrow *row);

/* Keys of the catalogue's trees: primary (both catalogues), Name, RootObjects. Names as they are
 * stored. */
void catrow_key_id(struct norm_key *ret, objid_t objid_table, unsigned type, uint32_t id);
void catrow_key_table(struct norm_key *ret, objid_t objid_table); /* what they all begin with */
void catrow_key_name(struct norm_key *ret, objid_t objid_table, unsigned type, struct slice name);
void catrow_key_root(struct norm_key *ret, struct slice name);

/* What a row says of a column, an index; names, locale, version and sort_id are left out, and so
 * are offsets of 0.
 * NULL: sound; else one static clause. */
const char *catrow_to_column(const struct catrow *row, struct column *ret);
const char *catrow_to_index(const struct catrow *row, const struct table *t, struct index *ret);
/*
 * A default value as a record would hold it: the catalogue has a Bit as any number but 0, and what
 * a fixed column is filled up with is left out (ESE: fldmod.cxx, ErrRECISetFixedColumn; format/ of
 * the test data: vdef, dflt). Length of it, UINT32_MAX: the column has no such one. buf: that many
 * bytes, or NULL.
 */
uint32_t catrow_default(const struct column *c, struct slice from, uint8_t *buf);

/* Space hints as they are stored: u8 1, le32 each, those at the end that say nothing left out.
 * first: which one the bytes begin with, as the row's type and column say. */
enum { HINTS_FROM_DENSITY = 0, HINTS_FROM_INITIAL = 1, HINTS_FROM_FLAGS = 2 };
#define HINTS_LEN_MAX (1 + 4 * 7)
/* Returns the length, 0 when there is nothing to say. */
uint32_t catrow_hints_encode(const struct space_hints *h, unsigned first,
                             uint8_t buf[HINTS_LEN_MAX]);
/* Leaves alone what the bytes do not say. NULL: sound. */
const char *catrow_hints_decode(struct slice from, unsigned first, struct space_hints *h);

#endif
