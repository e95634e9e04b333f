/*
 * Single columns of a record, in any order. Whoever wants all of them in theirs takes row.h.
 */
#ifndef ESE_REC_RECVIEW_H
#define ESE_REC_RECVIEW_H

#include "rec/catalog.h"
#include "rec/record.h"
#include "rec/tagged.h"

struct recview {
    struct record record;
    enum tagged_layout layout;
};

/* NULL: sound; else one static clause. Tagged columns are looked at when they are asked for. */
const char *recview_init(struct recview *v, struct slice bytes, enum tagged_layout layout);

/* Value number seq of a column (from 1; fixed and variable ones have one). RECORD_ABSENT: the
 * record has none, so a default counts (seq 1), or there are fewer values. */
enum record_state recview_get(const struct recview *v, const struct column *c, unsigned seq,
                              struct value *ret);
/* Number of values, nulls left out. */
unsigned recview_count(const struct recview *v, const struct column *c);

#endif
