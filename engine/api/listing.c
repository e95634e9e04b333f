#include "api/listing.h"

#include <stdlib.h>

#include "api/utf.h"
#include "rec/text.h"

JET_ERR listing_begin(struct listing *l, const struct listing_column *columns, unsigned nr,
                      bool wide)
{
    JET_COLUMNDEF defs[LISTING_COLUMNS_MAX];

    *l = (struct listing){.wide = wide};
    for (unsigned i = 0; i < nr; i++)
        defs[i] = (JET_COLUMNDEF){.cbStruct = sizeof(defs[i]),
                                  .coltyp = columns[i].coltyp,
                                  .cp = wide ? CP_UTF16 : CP_ANSI,
                                  .grbit = columns[i].grbit};
    return temp_table_new(defs, nr, &l->t);
}

void listing_row(struct listing *l)
{
    l->err = temp_prepare(l->t);
}

void listing_put_bytes(struct listing *l, unsigned column, struct slice bytes)
{
    if (l->err >= 0)
        l->err = temp_set(l->t, listing_id(column), bytes.p, bytes.len);
}

void listing_put(struct listing *l, unsigned column, uint32_t number)
{
    uint8_t b[4];

    put_le32(b, number);
    listing_put_bytes(l, column, (struct slice){b, temp_column_len(l->t, listing_id(column))});
}

void listing_put_name(struct listing *l, unsigned column, const char *utf8)
{
    JET_WCHAR *w;

    if (!l->wide) {
        listing_put_bytes(l, column, (struct slice){(const uint8_t *)utf8, (uint32_t)strlen(utf8)});
        return;
    }
    if (l->err >= 0)
        l->err = utf16_of(utf8, &w);
    if (l->err < 0)
        return;
    listing_put_bytes(l, column,
                      (struct slice){(const uint8_t *)w, (uint32_t)(2 * (utf16_units(utf8) - 1))});
    free(w);
}

JET_ERR listing_end_row(struct listing *l)
{
    if (l->err >= 0)
        l->err = temp_update(l->t);
    if (l->err >= 0)
        l->nr++;
    return l->err;
}

JET_ERR listing_give(struct listing *l, struct jsess *s, JET_TABLEID *ret)
{
    struct temp_table *t = l->t;
    JET_ERR err = temp_move(t, JET_MoveFirst);

    if (err < 0 && err != JET_errNoCurrentRecord)
        return err;
    l->t = NULL;
    return cursor_new(s, NULL, t, ret);
}

void listing_drop(struct listing *l)
{
    temp_table_free(l->t);
    l->t = NULL;
}
