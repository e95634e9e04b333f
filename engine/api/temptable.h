/*
 * Temporary tables: rows in memory, sorted by the columns that are keys (JetOpenTempTable; also
 * what the lists of JetGet...Info are). They have no transactions, and go with their cursor (ESE:
 * sort.cxx, sortapi.cxx; there they spill to a temporary database).
 *
 * A row is in its place from the moment it is updated, or, until the first look at the table,
 * sorted then all at once.
 */
#ifndef ESE_API_TEMPTABLE_H
#define ESE_API_TEMPTABLE_H

#include "rec/normalize.h"

struct temp_table;

struct temp_order {
    uint32_t key_most, segment_most; /* 0: default */
    uint32_t lcmap_flags; /* of text; 0: default. Locales make no difference (rec/sortkey.h) */
};
/* columns: coltyp, cp, cbMax, grbit (JET_bitColumnTTKey, TTDescending, NotNULL). Column i gets the
 * id i + 1. grbit: JET_bitTT... order: NULL: default. Rows of equal keys are one, unless
 * JET_bitTTForwardOnly says so without JET_bitTTUnique. JET_errInvalidParameter,
 * JET_errInvalidColumnType, JET_errInvalidCodePage, JET_errTooManyColumns, JET_errTooManyKeys,
 * JET_errInvalidLCMapStringFlags, JET_errCannotMaterializeForwardOnlySort;
 * JET_errFeatureNotAvailable: several values in a column. */
must_check JET_ERR temp_table_new(const JET_COLUMNDEF *columns, uint32_t nr, JET_GRBIT grbit,
                                  const struct temp_order *order, struct temp_table **ret);
void temp_table_free(struct temp_table *t); /* NULL is fine */
uint32_t temp_nr_rows(const struct temp_table *t);
/* Bytes of a value of the column; 0: as many as there are. */
uint32_t temp_column_len(const struct temp_table *t, JET_COLUMNID id);
bool temp_is_updatable(const struct temp_table *t);

/* A new row, empty, or the one the place is on again; then its columns; then done.
 * JET_errUpdateNotPrepared, JET_errAlreadyPrepared, JET_errIllegalOperation (not updatable),
 * JET_errKeyDuplicate, JET_errNullInvalid. */
must_check JET_ERR temp_prepare(struct temp_table *t, bool replace);
must_check JET_ERR temp_cancel(struct temp_table *t);
must_check JET_ERR temp_set(struct temp_table *t, JET_COLUMNID id, const void *data, uint32_t len,
                            JET_GRBIT grbit);
must_check JET_ERR temp_update(struct temp_table *t);
must_check JET_ERR temp_delete(struct temp_table *t);

/* As JetMove, JetMakeKey, JetSeek, JetSetIndexRange, JetRetrieveKey. */
must_check JET_ERR temp_move(struct temp_table *t, int32_t rows);
must_check JET_ERR temp_make_key(struct temp_table *t, const void *data, uint32_t len,
                                 JET_GRBIT grbit);
must_check JET_ERR temp_seek(struct temp_table *t, JET_GRBIT grbit);
must_check JET_ERR temp_range(struct temp_table *t, JET_GRBIT grbit);
must_check JET_ERR temp_key(struct temp_table *t, bool copy, struct slice *ret);
/* copy: of the row that is prepared. NULL value: ret->p NULL. JET_errNoCurrentRecord,
 * JET_errColumnNotFound. */
must_check JET_ERR temp_get(struct temp_table *t, JET_COLUMNID id, bool copy, struct slice *ret);
/* A number that stays with the row. */
must_check JET_ERR temp_bookmark(struct temp_table *t, uint64_t *ret);
must_check JET_ERR temp_goto(struct temp_table *t, uint64_t bookmark);
/* Rows from the place to the end of the range. */
must_check JET_ERR temp_count(struct temp_table *t, uint64_t most, uint64_t *ret);

#endif
