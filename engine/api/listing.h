/* The lists that JetGet...Info gives: rows in memory, and a cursor on the first one. */
#ifndef ESE_API_LISTING_H
#define ESE_API_LISTING_H

#include "api/api_int.h"
#include "api/temptable.h"

struct listing {
    struct temp_table *t; /* NULL: not begun, or given away */
    bool wide;            /* names are UTF-16 */
    uint32_t nr;
    JET_ERR err; /* of what was put since the last row */
};

#define LISTING_COLUMNS_MAX 16u

/* A column: type, grbit (JET_bitColumnTTKey). Text columns hold names. */
struct listing_column {
    JET_COLTYP coltyp;
    JET_GRBIT grbit;
};
must_check JET_ERR listing_begin(struct listing *l, const struct listing_column *columns,
                                 unsigned nr, bool wide);
void listing_row(struct listing *l); /* a new row; then its columns, from 0; then listing_end_row */
void listing_put(struct listing *l, unsigned column, uint32_t number);
void listing_put_name(struct listing *l, unsigned column, const char *utf8);
void listing_put_bytes(struct listing *l, unsigned column, struct slice bytes);
must_check JET_ERR listing_end_row(struct listing *l);
/* The cursor on its first row. */
must_check JET_ERR listing_give(struct listing *l, struct jsess *s, JET_TABLEID *ret);
void listing_drop(struct listing *l); /* fine after listing_give, or when it was not begun */
/* A column's id is the number of its place. */
static inline JET_COLUMNID listing_id(unsigned column)
{
    return column + 1;
}

#endif
