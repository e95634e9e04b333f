#include "rec/recview.h"

const char *recview_init(struct recview *v, struct slice bytes, enum tagged_layout layout)
{
    v->layout = layout;
    return record_decode(bytes, &v->record);
}

enum record_state recview_get(const struct recview *v, const struct column *c, unsigned seq,
                              struct value *ret)
{
    struct tagged_value t;
    int found;

    if (c->fid < FID_TAGGED_LEAST) {
        *ret = (struct value){0};
        if (seq != 1)
            return RECORD_ABSENT;
        if (c->fid <= FID_FIXED_MOST)
            return record_fixed(&v->record, c->fid, c->offset, c->len, &ret->data);
        return record_var(&v->record, c->fid, &ret->data);
    }
    found = tagged_get(v->record.tagged, v->layout, c->fid, c->derived, seq, &t);
    if (found <= 0)
        return found < 0 ? RECORD_DAMAGED : RECORD_ABSENT;
    *ret = t.v;
    return t.null ? RECORD_NULL : RECORD_VALUE;
}

unsigned recview_count(const struct recview *v, const struct column *c)
{
    struct value one;

    if (c->fid < FID_TAGGED_LEAST)
        return recview_get(v, c, 1, &one) == RECORD_VALUE;
    return tagged_count(v->record.tagged, v->layout, c->fid, c->derived);
}
