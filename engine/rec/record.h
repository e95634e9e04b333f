/*
 * The frame of a record and its fixed and variable columns. Tagged columns: tagged.h.
 *
 * record_decode checks the frame once; after it every call below is safe for any column number.
 */
#ifndef ESE_REC_RECORD_H
#define ESE_REC_RECORD_H

#include "page/page.h"
#include "rec/recfmt.h"

struct record {
    struct slice bytes;
    unsigned fixed_last, var_last; /* highest column of each kind; 0, 127: none */
    uint32_t nulls;                /* offset of the fixed columns' null bits */
    uint32_t var_offsets, var_data;
    struct slice tagged;
};

/* NULL: sound; else one static clause. */
const char *record_decode(struct slice bytes, struct record *ret);

enum record_state {
    RECORD_ABSENT, /* the record ends before this column: it has its default value */
    RECORD_NULL,
    RECORD_VALUE,
    RECORD_DAMAGED, /* the column's bytes would lie outside of the fixed data */
};

/* A fixed column (1..127) of `len` bytes at `offset` (both from the catalogue). */
enum record_state record_fixed(const struct record *r, unsigned fid, uint32_t offset, uint32_t len,
                               struct slice *ret);
/* A variable column (128..255). */
enum record_state record_var(const struct record *r, unsigned fid, struct slice *ret);

#endif
