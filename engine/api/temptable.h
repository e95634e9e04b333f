/*
 * Rows in memory, sorted by the columns that are keys: what the lists of JetGet...Info are. As many as there are
 * tables, columns or indexes to be told of. They have no transactions, and go with their cursor.
 *
 * Rows are put first, and sorted all at once when somebody looks.
 */
#ifndef ESE_API_TEMPTABLE_H
#define ESE_API_TEMPTABLE_H

#include "rec/normalize.h"

struct temp_table;

/* columns: coltyp, cp, grbit (JET_bitColumnTTKey). Column i gets the id i + 1. Rows of equal keys are one. */
must_check JET_ERR temp_table_new(const JET_COLUMNDEF *columns, uint32_t nr,
                                  struct temp_table **ret);
void temp_table_free(struct temp_table *t); /* NULL is fine */
uint32_t temp_nr_rows(const struct temp_table *t);
/* Bytes of a value of the column; 0: as many as there are. */
uint32_t temp_column_len(const struct temp_table *t, JET_COLUMNID id);

/* A new row, empty; then its columns; then done. */
must_check JET_ERR temp_prepare(struct temp_table *t);
must_check JET_ERR temp_set(struct temp_table *t, JET_COLUMNID id, const void *data, uint32_t len);
must_check JET_ERR temp_update(struct temp_table *t);

/* As JetMove, JetMakeKey, JetSeek, JetSetIndexRange, JetRetrieveKey. */
must_check JET_ERR temp_move(struct temp_table *t, int32_t rows);
must_check JET_ERR temp_make_key(struct temp_table *t, const void *data, uint32_t len,
                                 JET_GRBIT grbit);
must_check JET_ERR temp_seek(struct temp_table *t, JET_GRBIT grbit);
must_check JET_ERR temp_range(struct temp_table *t, JET_GRBIT grbit);
must_check JET_ERR temp_key(struct temp_table *t, bool copy, struct slice *ret);
/* NULL value: ret->p NULL. JET_errNoCurrentRecord, JET_errColumnNotFound. */
must_check JET_ERR temp_get(struct temp_table *t, JET_COLUMNID id, struct slice *ret);
/* A number that stays with the row. */
must_check JET_ERR temp_bookmark(struct temp_table *t, uint64_t *ret);
must_check JET_ERR temp_goto(struct temp_table *t, uint64_t bookmark);
/* Rows from the place to the end of the range. */
must_check JET_ERR temp_count(struct temp_table *t, uint64_t most, uint64_t *ret);

#endif
