/*
 * Split buffers: an extent tree that must split needs pages while extents are being changed, so
 * each keeps some, in tag 0 of its root (ESE: space.cxx SPLIT_BUFFER, ErrSPIReserveSPBufPages;
 * write path 9, DB 2.6).
 *
 *   1. Before an extent is added, the tree's buffer has a page for each of its levels and one for a
 * new root level.
 *   2. OE's buffer has twice as many, since filling a buffer may itself add an extent to OE.
 *   3. A tree of one page with room for a few more extents needs none: most never have one.
 */
#include "btree/spacewrite_priv.h"

#define ROOM_FEW  100u /* bytes free in a root leaf from which on nothing is kept; ESE: the same */
#define NR_MIN_FS 4u   /* a file is not made longer by less */

struct shape {
    uint32_t split;  /* pages that one extent more can cost */
    uint32_t needed; /* in the buffer */
};

static JET_ERR shape_of(struct sp *x, enum space_kind kind, struct shape *ret)
{
    unsigned levels;
    uint32_t free;
    JET_ERR err = sp_shape(x, kind, &levels, &free);

    if (err < 0)
        return err;
    ret->split = levels == 1 && free >= ROOM_FEW ? 0 : levels + 1;
    ret->needed = kind == SPACE_OWNED ? 2 * ret->split : ret->split;
    return JET_errSuccess;
}

/* ESE: CpgSPICpgPrefFromCpgRequired. */
static uint32_t preferred(const struct shape *shape)
{
    uint32_t nr = shape->split <= 2 ? 2 : shape->split <= 3 ? 8 : 16;

    while (nr < shape->needed)
        nr *= 2;
    return nr;
}

static uint32_t usable(const struct sp *x, const struct extent *e)
{
    return e->last <= x->d->pgno_last ? e->cpg : 0;
}

static bool has_enough(void *ctx, const struct extent *e)
{
    return e->cpg >= *(const uint32_t *)ctx;
}

/* From x's own available pages, else from the parent, else from the file's end. *ret_owned: x owns
 * them. */
static JET_ERR get_pages(struct sp *x, uint32_t nr, uint32_t min, struct extent *ret,
                         bool *ret_owned)
{
    struct sp parent;
    struct sp_node n;
    pgno_t first;
    JET_ERR err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, 0, has_enough, &min, &n);

    *ret_owned = err >= 0;
    if (err >= 0) {
        nr = nr < n.e.cpg ? nr : n.e.cpg;
        *ret = (struct extent){.last = extent_first(&n.e) + nr - 1, .cpg = nr};
        return sp_take_front(x, &n, nr);
    }
    if (err != JET_errNoCurrentRecord)
        return err;
    if (sp_is_root(x)) {
        min = min < NR_MIN_FS ? NR_MIN_FS : min;
        nr = nr < min ? min : nr;
        err = sp_extend_file(x, &nr, min, true, &ret->last);
    } else {
        err = sp_open_parent(&parent, x);
        if (err < 0)
            return err;
        err = sp_get_extent(&parent, &nr, min, false, &first);
        sp_close(&parent);
        ret->last = first + nr - 1;
    }
    ret->cpg = nr;
    return err;
}

/* Puts e into the buffer; what has to make room for it goes to *ret_out. */
static JET_ERR put_pages(struct sp *x, enum space_kind kind, const struct extent *e,
                         struct extent *ret_out)
{
    struct extent b[2];
    unsigned at;
    JET_ERR err = sp_read_buffer(x, kind, b);

    if (err < 0)
        return err;
    at = usable(x, &b[0]) <= usable(x, &b[1]) ? 0 : 1;
    *ret_out = (struct extent){.last = b[at].last, .cpg = usable(x, &b[at])};
    b[at] = *e;
    return sp_write_buffer(x, kind, b);
}

/*
 * Pages e go into the buffer and, if x does not own them yet, its OE. They are owned first, unless
 * OE needs them for that, which is seen in files of older engines only: those kept less in OE's
 * buffer. A crash in between leaves them the parent's, given out and not owned; but from the file's
 * end they would be given out again, so that is refused.
 */
static JET_ERR add_pages(struct sp *x, enum space_kind kind, const struct extent *e, bool owned,
                         uint32_t has, struct extent *ret_out)
{
    uint32_t cost = 0;
    JET_ERR err = JET_errSuccess;

    if (!owned && kind == SPACE_OWNED)
        err = sp_split_cost(x, kind, e->last, &cost);
    if (err >= 0 && cost > has && sp_is_root(x))
        return fault(&x->d->inst->r, RAISE(JET_errOutOfDatabaseSpace), 0, x->h.pgno_oe,
                     ((uint64_t)x->h.pgno_oe + 1) * x->d->page_size,
                     "the tree of owned extents must split and its split buffer is empty");
    if (err >= 0 && !owned && cost <= has) {
        err = sp_add(x, SPACE_OWNED, e->last, e->cpg);
        owned = true;
    }
    if (err >= 0)
        err = put_pages(x, kind, e, ret_out);
    if (err >= 0 && !owned)
        err = sp_add(x, SPACE_OWNED, e->last, e->cpg);
    return err;
}

/* *ret_out, when it is not empty, has left the buffer and is to be made available. *ret_again:
 * extents were changed. */
static JET_ERR fill(struct sp *x, enum space_kind kind, struct extent *ret_out, bool *ret_again)
{
    struct shape shape;
    struct extent b[2], e;
    uint32_t has;
    bool owned;
    JET_ERR err = shape_of(x, kind, &shape);

    *ret_out = (struct extent){0};
    if (err < 0 || !shape.needed)
        return err;
    err = sp_read_buffer(x, kind, b);
    if (err < 0)
        return err;
    has = usable(x, &b[0]) + usable(x, &b[1]);
    if (has >= shape.needed)
        return JET_errSuccess;
    *ret_again = true;
    err = get_pages(x, preferred(&shape), shape.needed, &e, &owned);
    return err < 0 ? err : add_pages(x, kind, &e, owned, has, ret_out);
}

JET_ERR sp_reserve(struct sp *x)
{
    struct extent out[2];
    bool again = true;
    JET_ERR err = JET_errSuccess;

    while (again && err >= 0) {
        again = false;
        err = fill(x, SPACE_OWNED, &out[0], &again);
        if (err >= 0)
            err = fill(x, SPACE_AVAILABLE, &out[1], &again);
        for (unsigned i = 0; i < 2 && err >= 0; i++) {
            if (!out[i].cpg)
                continue;
            err = sp_make_available(x, extent_first(&out[i]), out[i].cpg);
            if (err >= 0) /* AE's buffer has paid for that */
                err = sp_reserve(x);
        }
    }
    return err;
}

JET_ERR sp_split_page(void *ctx, struct sess *s, struct tree *t, pgno_t near, pgno_t *ret)
{
    struct sp *x = ctx;
    const enum space_kind kind = t == &x->ext[SPACE_OWNED] ? SPACE_OWNED : SPACE_AVAILABLE;
    struct extent b[2];
    unsigned at;
    pgno_t pgno;
    JET_ERR err = sp_read_buffer(x, kind, b);

    (void)s, (void)near;
    if (err < 0)
        return err;
    at = usable(x, &b[1]) && (!usable(x, &b[0]) || b[1].cpg < b[0].cpg) ? 1 : 0;
    if (!usable(x, &b[at]))
        return fault(&x->d->inst->r, RAISE(JET_errOutOfDatabaseSpace), 0, t->root,
                     ((uint64_t)t->root + 1) * x->d->page_size,
                     "an extent tree must split and its split buffer is empty");
    pgno = b[at].last--;
    b[at].cpg--;
    err = sp_write_buffer(x, kind, b);
    if (err >= 0)
        *ret = pgno;
    return err;
}
