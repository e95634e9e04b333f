/*
 * Where a cursor is: moves, ranges on the way, bookmarks, counting.
 *
 * On a secondary index the place is an entry, and `data` follows when the record is wanted. An
 * entry whose record this session does not see cannot be: both have versions of one transaction
 * (write path 13.4).
 */
#include "rec/fucb_priv.h"

#include <stdlib.h>

/* ---- the record of the place ----------------------------------------------------------------- */

JET_ERR fucb_follow(struct fucb *c)
{
    struct dir_node n;
    struct bookmark bm;
    JET_ERR err;

    if (!c->at)
        return c->data.at == DIR_ON ? JET_errSuccess : RAISE(JET_errNoCurrentRecord);
    if (c->at->followed)
        return JET_errSuccess;
    err = dir_get(&c->at->dir, &n);
    if (err < 0)
        return err;
    bm = (struct bookmark){.key = n.data};
    err = dir_place(&c->data, &bm);
    dir_release(&c->at->dir);
    if (err >= 0)
        c->at->followed = true;
    return err;
}

JET_ERR fucb_get(struct fucb *c, struct dir_node *ret, enum tagged_layout *ret_layout)
{
    JET_ERR err = fucb_follow(c);

    if (err >= 0)
        err = dir_get(&c->data, ret);
    if (err >= 0 && ret_layout)
        *ret_layout = tagged_layout_of(
            c->db->page_size, page_flags((struct page){c->data.buf->b, c->data.buf->size}));
    return err;
}

JET_ERR fucb_check(struct fucb *c)
{
    struct dir *d = fucb_dir(c);
    struct dir_node n;
    JET_ERR err = dir_get(d, &n);

    dir_release(d);
    return err;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static int key_cmp(struct slice a, struct slice b)
{
    const uint32_t least = a.len < b.len ? a.len : b.len;
    const int cmp = least ? memcmp(a.p, b.p, least) : 0;

    return cmp ? cmp : (a.len > b.len) - (a.len < b.len);
}

/* The range ends in front of this place. */
static bool beyond_range(const struct fucb *c, struct slice key)
{
    const int cmp = key_cmp(key, (struct slice){c->limit.b, c->limit.len});

    if (cmp == 0)
        return !c->range_inclusive;
    return c->range_upper ? cmp > 0 : cmp < 0;
}

static JET_ERR off_the_end(struct fucb *c, bool forward)
{
    struct dir *d = fucb_dir(c);

    d->at = forward ? DIR_AFTER_LAST : DIR_BEFORE_FIRST;
    fucb_forget_range(c);
    return RAISE(JET_errNoCurrentRecord);
}

static JET_ERR step(struct fucb *c, bool forward)
{
    struct dir *d = fucb_dir(c);
    JET_ERR err = forward ? dir_next(d) : dir_prev(d);

    fucb_moved(c);
    if (err >= 0 && c->range_set && c->range_upper == forward &&
        beyond_range(c, dir_bookmark(d).key))
        return off_the_end(c, forward);
    return err;
}

/* By entries with another key. */
static JET_ERR step_key(struct fucb *c, bool forward)
{
    struct dir *d = fucb_dir(c);
    const struct slice now = dir_bookmark(d).key;
    struct norm_key old;
    JET_ERR err;

    if (d->at != DIR_ON || now.len > sizeof(old.b))
        return step(c, forward);
    memcpy(old.b, now.p, now.len);
    old.len = now.len;
    do {
        err = step(c, forward);
    } while (err >= 0 && key_cmp(dir_bookmark(d).key, (struct slice){old.b, old.len}) == 0);
    return err;
}

static JET_ERR move_by(struct fucb *c, int32_t rows, bool key_ne)
{
    const bool forward = rows > 0;
    uint32_t left = forward ? (uint32_t)rows : 0u - (uint32_t)rows;
    JET_ERR err = JET_errSuccess;

    for (; left > 0 && err >= 0; left--)
        err = key_ne ? step_key(c, forward) : step(c, forward);
    return err;
}

JET_ERR fucb_move(struct fucb *c, int32_t rows, bool key_ne)
{
    JET_ERR err;

    if (rows == 0)
        return fucb_check(c);
    err = fucb_leave(c);
    if (err < 0)
        return err;
    if (rows != FUCB_FIRST && rows != FUCB_LAST)
        return move_by(c, rows, key_ne);
    fucb_forget_range(c);
    err = rows == FUCB_FIRST ? dir_first(fucb_dir(c)) : dir_last(fucb_dir(c));
    fucb_moved(c);
    return err;
}

/* ---- bookmarks ------------------------------------------------------------------------------- */

static JET_ERR give(struct slice what, void *buf, uint32_t cap, uint32_t *ret_len)
{
    *ret_len = what.len;
    if (what.len > cap)
        return RAISE(JET_errBufferTooSmall);
    if (what.len)
        memcpy(buf, what.p, what.len);
    return JET_errSuccess;
}

JET_ERR fucb_bookmark(struct fucb *c, void *buf, uint32_t cap, uint32_t *ret_len)
{
    JET_ERR err = fucb_follow(c);

    return err < 0 ? err : give(dir_bookmark(&c->data).key, buf, cap, ret_len);
}

JET_ERR fucb_index_bookmark(struct fucb *c, void *key, uint32_t key_cap, uint32_t *ret_key_len,
                            void *bm, uint32_t bm_cap, uint32_t *ret_bm_len)
{
    JET_ERR err, err2;

    if (!c->at)
        return RAISE(JET_errNoCurrentIndex);
    err = fucb_follow(c);
    if (err < 0)
        return err;
    err = give(dir_bookmark(&c->at->dir).key, key, key_cap, ret_key_len);
    err2 = give(dir_bookmark(&c->data).key, bm, bm_cap, ret_bm_len);
    return err < 0 ? err : err2;
}

/* A bookmark as long as a key can be. */
static bool is_bookmark(struct slice b)
{
    return b.p && b.len > 0 && b.len <= INDEX_KEY_LIMIT;
}

static JET_ERR on_record(struct fucb *c)
{
    struct dir_node n;
    JET_ERR err = dir_get(&c->data, &n);

    dir_release(&c->data);
    return err;
}

JET_ERR fucb_goto_bookmark(struct fucb *c, struct slice bookmark)
{
    const struct bookmark bm = {.key = bookmark};
    struct norm_key key = {.len = 0};
    struct bookmark entry;
    JET_ERR err;

    if (!is_bookmark(bookmark))
        return RAISE(JET_errInvalidBookmark);
    fucb_forget_range(c);
    err = fucb_leave(c);
    if (err >= 0)
        err = dir_place(&c->data, &bm);
    if (err >= 0)
        err = on_record(c);
    if (err < 0 || !c->at)
        return err;
    c->at->followed = true;
    err = fucb_entry(c, c->at->ix, 1, &key);
    if (err == JET_errRecordNotFound) {
        c->at->followed = false;
        c->at->dir.at = DIR_NOWHERE;
        return RAISE(JET_errNoCurrentRecord);
    }
    if (err < 0)
        return err;
    entry.key = (struct slice){key.b, key.len};
    entry.data = (struct slice){0};
    if (!c->at->ix->tree->unique)
        entry.data = bookmark;
    return dir_place(&c->at->dir, &entry);
}

JET_ERR fucb_goto_index_bookmark(struct fucb *c, struct slice key, struct slice bookmark,
                                 uint32_t grbit)
{
    struct bookmark entry = {.key = key};
    JET_ERR err;

    if (!c->at)
        return RAISE(JET_errNoCurrentIndex);
    if (!is_bookmark(key) || (!c->at->ix->tree->unique && !is_bookmark(bookmark)))
        return RAISE(JET_errInvalidBookmark);
    if (grbit & ~JET_bitBookmarkPermitVirtualCurrency)
        return RAISE(JET_errInvalidGrbit);
    fucb_forget_range(c);
    if (!c->at->ix->tree->unique)
        entry.data = bookmark;
    err = fucb_leave(c);
    if (err >= 0)
        err = dir_place(&c->at->dir, &entry);
    fucb_moved(c);
    if (err >= 0)
        err = fucb_check(c);
    if (err == JET_errRecordDeleted && grbit & JET_bitBookmarkPermitVirtualCurrency) {
        err = dir_seek(&c->at->dir, &entry, DIR_GE);
        return err >= 0 ? dir_prev(&c->at->dir) : err;
    }
    return err;
}

/* ---- counting -------------------------------------------------------------------------------- */

static JET_ERR count_from(struct fucb *c, struct dir *d, uint64_t most, uint64_t *ret)
{
    uint64_t nr = 1;
    JET_ERR err = JET_errSuccess;

    while (!most || nr < most) {
        err = c->range_set && !c->range_upper ? dir_prev(d) : dir_next(d);
        if (err < 0 || (c->range_set && beyond_range(c, dir_bookmark(d).key)))
            break;
        nr++;
    }
    *ret = nr;
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

JET_ERR fucb_count(struct fucb *c, uint64_t most, uint64_t *ret)
{
    struct dir *from = fucb_dir(c), d;
    JET_ERR err = fucb_check(c);

    *ret = 0;
    if (err < 0)
        return err;
    err = dir_init(&d, c->sess, from->tree);
    if (err < 0)
        return err;
    err = dir_copy_place(&d, from);
    if (err >= 0)
        err = count_from(c, &d, most, ret);
    dir_done(&d);
    return err;
}

JET_ERR fucb_position(struct fucb *c, uint64_t *ret_before, uint64_t *ret_total)
{
    JET_ERR err = fucb_check(c);

    return err < 0 ? err : dir_position(fucb_dir(c), ret_before, ret_total);
}

JET_ERR fucb_goto_position(struct fucb *c, uint64_t before, uint64_t total)
{
    JET_ERR err;

    if (total && before > total)
        return RAISE(JET_errInvalidParameter);
    err = fucb_leave(c);
    if (err < 0)
        return err;
    fucb_forget_range(c);
    fucb_moved(c);
    return dir_goto_position(fucb_dir(c), before, total);
}
