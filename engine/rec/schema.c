/* A table's columns with those of its template; see catalog.h. */
#include <stdlib.h>

#include "rec/catalog.h"

JET_ERR schema_new(const struct table *t, struct schema **ret)
{
    const struct table *from = t->template_table;
    const unsigned nr_from = from ? from->nr_columns : 0;
    struct schema *s = calloc(1, sizeof(*s));

    if (s)
        s->columns = calloc((size_t)nr_from + t->nr_columns + 1, sizeof(*s->columns));
    if (!s || !s->columns) {
        free(s);
        return RAISE(JET_errOutOfMemory);
    }
    s->table = t;
    for (unsigned i = 0; i < nr_from; i++) {
        struct column *c = &s->columns[s->nr_columns++];
        *c = from->columns[i];
        c->id |= COLUMN_ID_TEMPLATE;
        c->derived = c->flags & COLUMN_TEMPLATE98;
    }
    for (unsigned i = 0; i < t->nr_columns; i++) {
        struct column *c = &s->columns[s->nr_columns++];
        *c = t->columns[i];
        if (t->flags & TABLE_TEMPLATE)
            c->id |= COLUMN_ID_TEMPLATE;
    }
    *ret = s;
    return JET_errSuccess;
}

void schema_free(struct schema *s)
{
    if (s)
        free(s->columns);
    free(s);
}

const struct column *schema_find(const struct schema *s, uint16_t fid, bool from_template)
{
    unsigned lo = 0, hi = s->nr_columns;

    /* the template's columns come first, each part is in the order of its numbers */
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        const struct column *c = &s->columns[mid];
        const bool templ = c->id & COLUMN_ID_TEMPLATE;

        if (templ == from_template && c->fid == fid)
            return c;
        if (templ == from_template ? c->fid < fid : templ)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}
