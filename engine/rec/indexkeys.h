/*
 * The entries that a record has in an index (ESE: recupd.cxx ErrRECIEnumerateKeys, rec.hxx
 * KeySequence, fldnorm.cxx ErrRECIRetrieveKey):
 *
 *   - one for each value of the first multi-valued segment; of all of them in every combination
 *     (cross product), or side by side (nested table);
 *   - one for each piece of the first segment in a tuple index;
 *   - none where a condition or the index's rules on nulls say so.
 *
 * The values come from the caller, who knows whether they lie in the record, compressed, or in the
 * tree of long values.
 */
#ifndef ESE_REC_INDEXKEYS_H
#define ESE_REC_INDEXKEYS_H

#include "rec/normalize.h"
#include "rec/recview.h"

/* An index and its columns, found once. It refers to the schema and the index. */
struct index_plan {
    const struct index *ix;
    const struct column *segments[INDEX_SEGMENTS_MAX], *conditions[INDEX_SEGMENTS_MAX];
    bool multi[INDEX_SEGMENTS_MAX]; /* entries are made for each of its values */
};

/* False: the catalogue names a column that there is not; the plan must not be used. */
must_check bool index_plan_init(struct index_plan *p, const struct schema *s,
                                const struct index *ix);
/* How many bytes of a value of segment n can matter. */
uint32_t index_value_most(const struct index_plan *p, unsigned n);

enum { /* what a index_value_fn finds, besides errors (< 0) */
       INDEX_VALUE = 0,
       INDEX_NULL,    /* there is none of that number, or it is null */
       INDEX_UNKNOWN, /* there is one, and its bytes cannot be had: the entry will have no key */
};
/*
 * Value number seq (from 1) of a column, a default where the record has none of its own. At least
 * the first min(most, length) plain bytes, which stay until the next call with the same slot: the
 * number of the segment, or INDEX_SEGMENTS_MAX for a condition, of which only the result is looked
 * at.
 */
typedef int index_value_fn(void *ctx, unsigned slot, const struct column *c, unsigned seq,
                           uint32_t most, struct slice *ret);
/* An entry; key NULL: it has one, but it is not known. Ends the enumeration when it is not
 * JET_errSuccess. */
typedef JET_ERR index_entry_fn(void *ctx, const struct norm_key *key);

enum index_keys_flags {
    INDEX_KEYS_CHECK_NULL =
        0x1, /* JET_errNullKeyDisallowed when the index forbids nulls (inserts) */
    INDEX_KEYS_UNKNOWN_OK =
        0x2, /* an entry whose key cannot be made is given with key NULL; else an error */
    INDEX_KEYS_BOUNDED = 0x4, /* gives up after many combinations of values that give no entry */
};
#define INDEX_KEYS_GAVE_UP 1 /* result, with INDEX_KEYS_BOUNDED */

/*
 * All entries of one record, repeated ones too. Returns what fn or values returned when they ended
 * it (values: an error). JET_errKeyTruncated: the index forbids that;
 * JET_errUnicodeNormalizationNotSupported: a value is not known, is text of an order that is not
 * ours, or has a wrong length.
 */
must_check JET_ERR index_keys_each(const struct index_plan *p, unsigned flags,
                                   index_value_fn *values, index_entry_fn *fn, void *ctx);

/* ---- a record's bytes as the source ---------------------------------------------------------- */

/* Plain bytes of a value that is compressed or separated, from `offset`, at most cap of them. */
typedef JET_ERR index_fetch_fn(void *ctx, const struct value *v, uint8_t *buf, uint32_t cap,
                               uint32_t *ret_len);

struct index_record {
    struct recview view;
    index_fetch_fn *fetch; /* what does not lie plain in the record */
    void *fetch_ctx;
    uint8_t *scratch[INDEX_SEGMENTS_MAX]; /* made when they are needed */
    uint32_t scratch_len[INDEX_SEGMENTS_MAX];
    bool used; /* some scratch is there */
};

/* JET_errDatabaseCorrupted: the record is damaged. The bytes stay until done. */
must_check JET_ERR index_record_init(struct index_record *r, struct slice bytes,
                                     enum tagged_layout layout, index_fetch_fn *fetch, void *ctx);
void index_record_done(struct index_record *r);
/* What an index_value_fn does. */
int index_record_value(struct index_record *r, unsigned slot, const struct column *c, unsigned seq,
                       uint32_t most, struct slice *ret);

/* ---- all keys of a record together ----------------------------------------------------------- */

struct index_key_set {
    unsigned nr, room;
    struct index_key {
        uint32_t at, len; /* in bytes */
    } * keys;             /* sorted, each once */
    uint8_t *bytes;
    uint32_t nr_bytes, room_bytes;
    bool repeated;  /* some key came twice: JET_errMultiValuedIndexViolation if it must be unique */
    bool truncated; /* some key is */
};

/* JET_errOutOfMemory and those of index_keys_each. The set is emptied first; it keeps its memory
 * until done. */
must_check JET_ERR index_key_set_make(struct index_key_set *set, const struct index_plan *p,
                                      unsigned flags, struct index_record *r);
void index_key_set_done(struct index_key_set *set);
static inline struct slice index_key_at(const struct index_key_set *set, unsigned i)
{
    return (struct slice){set->bytes + set->keys[i].at, set->keys[i].len};
}

#endif
