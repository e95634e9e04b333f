/*
 * Index keys: column values turned into bytes that compare as the values do (ESE: fldnorm.cxx,
 * _osu/normu.cxx). A key is its segments one behind the other, cut off at the index's key length.
 *
 *   null        00 (C0 when nulls sort high)
 *   no bytes    40 (types of variable length only)
 *   value       7F and the body; a descending segment has all of its bytes inverted
 *
 * Every type is known here but Unicode text: its bodies are made by the collation of Windows, which
 * this engine does not have. The exception is LCMAP_UPPERCASE alone with ASCII characters.
 */
#ifndef ESE_REC_NORMALIZE_H
#define ESE_REC_NORMALIZE_H

#include "rec/catalog.h"

/* More bytes of a value than these never matter. */
#define NORM_VALUE_MOST (2 * INDEX_KEY_LIMIT + 64)

enum {
    NORM_NULL = 0x00,
    NORM_EMPTY = 0x40,
    NORM_VALUE = 0x7f,
    NORM_NULL_HIGH = 0xc0,
};

struct norm_key {
    uint32_t len;
    bool truncated; /* something of a value found no room */
    uint8_t b[INDEX_KEY_LIMIT];
};

/*
 * Appends a segment of the index: plain bytes of a value of column c, or NULL for null. A key that is
 * full stays as it is. False: a key of such text cannot be made here; *key is not changed.
 */
must_check bool norm_append(struct norm_key *key, const struct index *ix, const struct column *c,
                            bool descending, const struct slice *value);

/* Whether norm_append can make a key of every value of the column that has its type's length. */
bool norm_knows(const struct column *c);

#endif
