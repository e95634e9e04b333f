/*
 * One row of the catalogue, decoded by its hard-coded layout. For catalog.c; the fuzzer too.
 */
#ifndef ESE_REC_CATROW_H
#define ESE_REC_CATROW_H

#include "rec/catalog.h"
#include "rec/tagged.h"

enum { /* Type, persistent (ESE: cat.hxx SYSOBJ) */
       CATROW_TABLE = 1,
       CATROW_COLUMN = 2,
       CATROW_INDEX = 3,
       CATROW_LV = 4,
       CATROW_CALLBACK = 5,
};

/* Numbers are 0 and slices empty where the row has none. */
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
    bool has_default;
};

/* NULL: sound; else one static clause. */
const char *catrow_decode(struct slice data, enum tagged_layout layout, struct catrow *ret);

/* The columns of the catalogue itself. */
const struct column *catrow_columns(unsigned *ret_nr);

#endif
