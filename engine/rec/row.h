/*
 * A row: the columns of a schema and what a record holds of them, with the default values of columns that
 * the record does not reach. In the order of the column ids; nothing is allocated or copied.
 */
#ifndef ESE_REC_ROW_H
#define ESE_REC_ROW_H

#include "rec/catalog.h"
#include "rec/record.h"
#include "rec/tagged.h"

struct row_value {
    const struct column *column;
    unsigned seq; /* 1 for the first value of a column; several values come one by one */
    bool null;
    struct value v; /* when it is not null */
};

struct row {
    const struct schema *schema;
    struct record record;
    struct tagged tagged;
    struct tagged_value next; /* of the record, when have_next */
    bool have_next;
    unsigned i;       /* column */
    bool same;        /* the value before was of column i-1 and tagged */
    const char *what; /* damage that was found: one static clause; NULL: none */
};

/* NULL: sound so far; else one static clause, and the row has no values. */
const char *row_begin(struct row *r, const struct schema *s, struct slice bytes,
                      enum tagged_layout layout);
/*
 * The next value; false at the end. Each column gives at least one, which is null when it has none.
 * Values that damage hides are null too, and r->what says at the end what it was.
 */
bool row_next(struct row *r, struct row_value *ret);

/* Whether the next value is of the same column as the last one that row_next gave. */
bool row_has_more(const struct row *r);

#endif
