#include "rec/row.h"

static void advance(struct row *r)
{
    int more = tagged_next(&r->tagged, &r->next);

    r->have_next = more > 0;
    if (more < 0)
        r->what = r->tagged.what;
}

const char *row_begin(struct row *r, const struct schema *s, struct slice bytes,
                      enum tagged_layout layout)
{
    const char *what = record_decode(bytes, &r->record);

    r->schema = s;
    r->what = what;
    r->i = what ? s->nr_columns : 0;
    r->same = false;
    r->have_next = false;
    if (!what) {
        tagged_begin(&r->tagged, r->record.tagged, layout);
        advance(r);
    }
    return what;
}

/* Fixed and variable columns. */
static enum record_state plain_value(struct row *r, const struct column *c, struct slice *ret)
{
    enum record_state state;

    if (c->fid > FID_FIXED_MOST)
        return record_var(&r->record, c->fid, ret);
    state = record_fixed(&r->record, c->fid, c->offset, c->len, ret);
    if (state != RECORD_DAMAGED)
        return state;
    r->what = "a fixed column lies outside of the fixed data";
    return RECORD_NULL;
}

static bool is_of(const struct tagged_value *t, const struct column *c)
{
    return t->fid == c->fid && t->derived == c->derived;
}

/* A field of a column that comes before c in the record: it was deleted. */
static bool is_before(const struct tagged_value *t, const struct column *c)
{
    return t->derived != c->derived ? t->derived : t->fid < c->fid;
}

static enum record_state tagged_value_of(struct row *r, const struct column *c,
                                         struct row_value *ret)
{
    while (r->have_next && is_before(&r->next, c))
        advance(r);
    if (!r->have_next && r->tagged.what) /* whether it is there, nobody knows */
        return RECORD_NULL;
    if (!r->have_next || !is_of(&r->next, c))
        return RECORD_ABSENT;
    ret->v = r->next.v;
    ret->null = r->next.null;
    advance(r);
    r->same = true;
    return ret->null ? RECORD_NULL : RECORD_VALUE;
}

bool row_has_more(const struct row *r)
{
    return r->same && r->have_next && is_of(&r->next, r->schema->columns + r->i - 1);
}

bool row_next(struct row *r, struct row_value *ret)
{
    const struct column *c;
    enum record_state state;

    if (row_has_more(r)) {
        *ret = (struct row_value){
            .column = r->schema->columns + r->i - 1,
            .seq = r->next.seq,
            .null = r->next.null,
            .v = r->next.v,
        };
        advance(r);
        return true;
    }
    r->same = false;
    if (r->i == r->schema->nr_columns)
        return false;
    c = &r->schema->columns[r->i++];
    *ret = (struct row_value){.column = c, .seq = 1};
    if (c->fid >= FID_TAGGED_LEAST)
        state = tagged_value_of(r, c, ret);
    else
        state = plain_value(r, c, &ret->v.data);
    if (state == RECORD_ABSENT && c->has_default && !(c->flags & COLUMN_USER_DEFAULT)) {
        ret->v = (struct value){.data = c->default_value};
        state = RECORD_VALUE;
    }
    ret->null = state != RECORD_VALUE;
    return true;
}
