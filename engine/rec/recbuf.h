/*
 * A record that is being made or changed (ESE: the copy buffer; fldmod.cxx ErrRECISetFixedColumn,
 * ErrRECISetVarColumn; tagfld.cxx TAGFIELDS::ErrSetColumn). The bytes are at every moment those of
 * a whole record, and those that ESE would have after the same calls, so they go to the page as
 * they are.
 *
 *   - room that a fixed column leaves unused is '*', null bits beyond the last column are set;
 *   - columns in front of one that is set get their default value (fixed and variable ones) or
 *     null;
 *   - a tagged column that is set to null vanishes; if it has a default, it stays as an explicit
 *     null.
 *
 * A change that fails leaves the bytes as they were. Not here: which columns a program may set,
 * auto-increment, long values (the caller passes the number of one, RECBUF_SEPARATED), compression.
 */
#ifndef ESE_REC_RECBUF_H
#define ESE_REC_RECBUF_H

#include "rec/catalog.h"
#include "rec/recview.h"

#define RECBUF_TOUCHED 256u

struct recbuf {
    const struct schema *schema;
    enum tagged_layout layout; /* TAGGED_SMALL or TAGGED_LARGE */
    uint32_t page_size;
    uint32_t most; /* bytes of a record of this table */
    uint32_t len;
    uint8_t *b;                                       /* page_size bytes */
    const struct column *fixed_default, *var_default; /* the last ones with a default; NULL: none */
    uint8_t touched[RECBUF_TOUCHED / 8]; /* columns set, by the low 8 bits of their number */
};

/* Bytes of the longest record of a table: what a page has left beside one key of the primary index.
 * key_most: KeyMost of the primary index; 0: there is none, rows are numbered (ESE: rec.hxx
 * CbRecordMost). */
uint32_t recbuf_most(uint32_t page_size, uint32_t key_most);
/* Bytes of a long value that a record can hold at most (ESE: lv.hxx CbLVIntrinsicTableMost). */
static inline uint32_t recbuf_value_most(const struct recbuf *rb)
{
    return rb->most - 4 - 4 - 1;
}

must_check JET_ERR recbuf_init(struct recbuf *rb, uint32_t page_size);
void recbuf_done(struct recbuf *rb);

/* The schema has changed since the record was begun: a newer one of the same table. */
void recbuf_adopt(struct recbuf *rb, const struct schema *s);
/* s->table NULL: a table of the engine's own, with a primary index of INDEX_KEY_DEFAULT bytes. A
 * new record: columns up to the last one with a default (fixed, then variable), nothing else.
 * JET_errRecordTooBig; JET_errCatalogCorrupted: a default does not go where the catalogue says. */
must_check JET_ERR recbuf_start(struct recbuf *rb, const struct schema *s);
/* A record that exists. JET_errDatabaseCorrupted: it is damaged. JET_errFeatureNotAvailable: tagged
 * columns of before 1999. Columns that were touched: none. */
must_check JET_ERR recbuf_load(struct recbuf *rb, const struct schema *s, struct slice bytes,
                               enum tagged_layout layout);
static inline struct slice recbuf_bytes(const struct recbuf *rb)
{
    return (struct slice){rb->b, rb->len};
}

enum recbuf_flags {
    RECBUF_SEPARATED = 0x1,  /* the bytes are the number of a long value */
    RECBUF_COMPRESSED = 0x2, /* the bytes are compressed; first value only */
    RECBUF_ENCRYPTED = 0x4,  /* the bytes are encrypted; single value only */
    RECBUF_REVERT = 0x8,     /* null means: no value of its own, so the default */
};

/*
 * Sets value number `seq` of a column of the schema; v (not bytes of this record) NULL: null. seq
 * counts for tagged columns only: from 1; 0, or one beyond the last, appends. Null takes one of
 * several values out. JET_errRecordTooBig; JET_errNullInvalid (COLUMN_NOT_NULL);
 * JET_errInvalidBufferSize (wrong length of the type, too long for a fixed column);
 * JET_errColumnTooBig (tagged: longer than the column's maximum); JET_errColumnDoesNotFit (longer
 * than any record holds); JET_wrnColumnMaxTruncated (variable: cut to the column's maximum);
 * JET_errInvalidParameter: this value cannot be a compressed or encrypted one;
 * JET_errDatabaseCorrupted: its bytes in the record are not as the engine writes a column of this
 * type.
 */
must_check JET_ERR recbuf_set(struct recbuf *rb, const struct column *c, unsigned seq,
                              const struct slice *v, unsigned flags);

/* The column's value as the record has it; no default stands in. The bytes are valid until the next
 * change. */
enum record_state recbuf_get(const struct recbuf *rb, const struct column *c, unsigned seq,
                             struct value *ret);
/* Number of values that are in the record. */
unsigned recbuf_count(const struct recbuf *rb, const struct column *c);

static inline bool recbuf_is_touched(const struct recbuf *rb, uint16_t fid)
{
    return rb->touched[(fid & 0xff) / 8] >> (fid & 7) & 1;
}

#endif
