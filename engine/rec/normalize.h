/*
 * Index keys: column values turned into bytes that compare as the values do (ESE: fldnorm.cxx,
 * _osu/normu.cxx). A key is its segments one behind the other, cut off at the index's key length.
 *
 *   null        00 (C0 when nulls sort high)
 *   no bytes    40 (types of variable length only)
 *   value       7F and the body; a descending segment has all of its bytes inverted
 *
 * Every type is known here, Unicode text only in indexes whose keys this engine has made
 * (sortkey.h): the bodies of others' are made by the collation of Windows. The exception is
 * LCMAP_UPPERCASE alone with ASCII characters.
 */
#ifndef ESE_REC_NORMALIZE_H
#define ESE_REC_NORMALIZE_H

#include "rec/catalog.h"
#include "rec/sortkey.h"

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
    bool truncated; /* something of a value found no room; a segment's own limit does not count */
    uint8_t b[INDEX_KEY_LIMIT + 1]; /* a search key may have one byte more than any key */
};

/*
 * Appends a segment of the index: plain bytes of a value of column c, or NULL for null. A key that
 * is full stays as it is. False: a key of such text cannot be made here, or the value has not its
 * type's length; *key is not changed.
 */
must_check bool norm_append(struct norm_key *key, const struct index *ix, const struct column *c,
                            bool descending, const struct slice *value);

/* Whether norm_append can make a key of every value of the column that has its type's length,
 * whatever the index. */
bool norm_knows(const struct column *c);

/* Whose order of Unicode text an index has. */
enum norm_owner {
    NORM_NO_TEXT, /* it has no such segment (INDEX_LOCALIZED_TEXT) */
    NORM_OURS,    /* this engine's, this version */
    NORM_FOREIGN, /* another one: its entries cannot be found or made by text */
};
enum norm_owner norm_text_is_ours(const struct index *ix);
/* What a row of the catalogue has to say of an index with our keys: Version and SortID. */
void norm_version(uint8_t version[8], uint8_t sort_id[16]);

/* ---- keys to seek with ----------------------------------------------------------------------- */

/* How the key stands for more than one value (ESE: ErrFLDNormalizeSegment). */
enum norm_limit {
    NORM_WHOLE,         /* not at all */
    NORM_COLUMN_START,  /* FullColumnStartLimit: what follows is left open */
    NORM_COLUMN_END,    /* FullColumnEndLimit: above every key that begins so */
    NORM_PARTIAL_START, /* PartialColumnStartLimit: the value goes on */
    NORM_PARTIAL_END,   /* PartialColumnEndLimit, text's SubStrLimit: above all that begins so */
    NORM_STR_END,       /* StrLimit: PARTIAL_END for bytes of variable length, else COLUMN_END */
};

/*
 * Appends what a program wants to seek as segment number `segment` of the index, c its column;
 * value NULL: null. The key may get index.key_most + 1 bytes. JET_errInvalidBufferSize: the type
 * has another length; JET_errIndexTuplesKeyTooSmall; JET_errInvalidGrbit: a partial limit on a type
 * that has no parts; JET_errUnicodeNormalizationNotSupported: text of an order that is not ours.
 */
must_check JET_ERR norm_append_search(struct norm_key *key, const struct index *ix,
                                      unsigned segment, const struct column *c,
                                      const struct slice *value, enum norm_limit limit);

#endif
