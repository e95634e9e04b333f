/*
 * Where a node stands among all, as a fraction (ESE: BTGetPosition, and the other way round): from
 * the lines on the way down, as if all pages of a level had as much below them. Nodes that are
 * deleted, or that only others see, count.
 */
#include "btree/dir_int.h"

#define TOTAL_MOST (UINT64_C(1) << 50) /* times the lines of a page it still fits 64 bits */

static void shorten(struct fraction *x)
{
    while (x->total > TOTAL_MOST) {
        x->before >>= 1;
        x->total >>= 1;
    }
}

void fraction_add(struct fraction *x, unsigned line, unsigned nr)
{
    x->before = x->before * nr + line;
    x->total *= nr;
    shorten(x);
}

unsigned fraction_take(struct fraction *x, unsigned nr)
{
    const uint64_t at = x->before * nr;

    x->before = at % x->total;
    return (unsigned)(at / x->total);
}

JET_ERR dir_position(struct dir *d, uint64_t *ret_before, uint64_t *ret_total)
{
    const struct bookmark bm = dir_bookmark(d);
    const struct find f = find_bookmark(d->tree, &bm);
    struct fraction part = {0, 1};
    struct spot at;
    JET_ERR err;

    dir_release(d);
    if (d->at != DIR_ON)
        return JET_errNoCurrentRecord;
    tree_enter(d->tree);
    err = seek_fraction(d->tree, &f, &part, &at);
    if (err >= 0)
        spot_leave(&at);
    tree_leave(d->tree);
    if (err < 0)
        return err;
    *ret_before = part.before;
    *ret_total = part.total;
    return JET_errSuccess;
}

JET_ERR dir_goto_position(struct dir *d, uint64_t before, uint64_t total)
{
    struct fraction part = {before, total};
    struct spot at;
    JET_ERR err;

    dir_release(d);
    if (!total)
        return RAISE(JET_errInvalidParameter);
    shorten(&part);
    if (part.before >= part.total)
        part.before = part.total - 1;
    tree_enter(d->tree);
    err = seek_fraction(d->tree, NULL, &part, &at);
    if (err >= 0)
        err = move_settle(d, &at, true, NULL, false, NULL);
    tree_leave(d->tree);
    return err == JET_errNoCurrentRecord ? dir_last(d) : err;
}
