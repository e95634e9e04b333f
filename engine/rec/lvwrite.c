/* Long values: new ones, their numbers, pieces that are added. See lvwrite.h. */
#include "rec/lvwrite_priv.h"

#include <inttypes.h>
#include <stdlib.h>

/* Numbers beyond these are not given out (ESE: rec.hxx lid32MaxAllowed, lid64MaxAllowed). */
#define LID32_MOST UINT64_C(0x7fffff00)
#define LID64_MOST UINT64_C(0x80ffffff00000000)

JET_ERR lv_tree_init(struct lv_tree *lv, struct sess *s, struct tree *t, uint32_t chunk)
{
    JET_ERR err;

    *lv = (struct lv_tree){
        .sess = s, .tree = t, .objid = t->objid, .chunk = chunk, .xpress_min = COMPRESS_XPRESS_MIN};
    if (chunk == 0 || chunk > t->db->page_size)
        return RAISE(JET_errCatalogCorrupted);
    dir_set_lv_cleaner(
        lv_clean); /* only who has such a handle makes values that are to be removed */
    err = dir_init(&lv->dir, s, t);
    if (err < 0) {
        lv->tree = NULL; /* it is not there: the next one tries again */
        return err;
    }
    lv->plain = malloc(chunk);
    lv->packed = malloc(chunk);
    if (lv->plain && lv->packed)
        return JET_errSuccess;
    lv_tree_done(lv);
    return RAISE(JET_errOutOfMemory);
}

void lv_tree_done(struct lv_tree *lv)
{
    dir_done(&lv->dir);
    free(lv->plain);
    free(lv->packed);
    lv->plain = lv->packed = NULL;
    lv->tree = NULL;
}

JET_ERR lv_tree_fault(struct lv_tree *lv, JET_ERR err, uint64_t lid, pgno_t pgno, const char *what)
{
    struct db *d = lv->tree->db;

    return fault(&d->inst->r, err, 0, pgno,
                 pgno ? ((uint64_t)pgno + 1) * d->page_size : ESE_NO_OFFSET,
                 "long value %" PRIX64 " of tree %" PRIu32 ": %s", lid, lv->tree->root, what);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The last number in the tree; 0: it is empty. */
static JET_ERR last_lid(struct lv_tree *lv, uint64_t *ret)
{
    struct dir_node n;
    struct lv_node v;
    const char *what;
    JET_ERR err = dir_last(&lv->dir);

    *ret = 0;
    if (err == JET_errNoCurrentRecord)
        return JET_errSuccess;
    if (err >= 0)
        err = dir_get(&lv->dir, &n);
    if (err < 0)
        return err;
    what = lv_node_decode(n.key, n.data, &v);
    dir_release(&lv->dir);
    if (what)
        return lv_tree_fault(lv, JET_errLVCorrupted, 0, n.pgno, what);
    *ret = v.lid;
    return JET_errSuccess;
}

/* Numbers only grow, so a value is always appended to its tree. Those of 8 bytes go on where a tree
 * has them. */
static JET_ERR next_lid(struct lv_tree *lv, uint64_t *ret)
{
    _Atomic uint64_t *last = &lv->tree->lid_last;
    uint64_t lid = atomic_load_explicit(last, memory_order_relaxed);
    JET_ERR err;

    if (lid == 0) {
        uint64_t in_tree, none = 0;

        err = last_lid(lv, &in_tree);
        if (err < 0)
            return err;
        (void)atomic_compare_exchange_strong_explicit(last, &none, in_tree, memory_order_relaxed,
                                                      memory_order_relaxed);
    }
    lid = atomic_fetch_add_explicit(last, 1, memory_order_relaxed) + 1;
    if (lid >= (lid & LID64 ? LID64_MOST : LID32_MOST))
        return RAISE(JET_errOutOfLongValueIDs);
    *ret = lid;
    return JET_errSuccess;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* As it is stored: compressed if that is shorter, which is how a reader knows. */
static struct slice stored_form(struct lv_tree *lv, struct slice plain)
{
    uint32_t len = 0;

    if (lv->compress)
        len = compress(plain, lv->compress, lv->xpress_min, lv->packed, lv->chunk);
    return len ? (struct slice){lv->packed, len} : plain;
}

static JET_ERR insert_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset, struct slice plain)
{
    uint8_t key[LV_KEY_MAX];

    return dir_insert(&lv->dir, lv_piece_key(lid, offset, key), stored_form(lv, plain), DIR_APPEND);
}

JET_ERR lv_replace_piece(struct lv_tree *lv, struct slice plain, unsigned flags)
{
    return dir_replace(&lv->dir, stored_form(lv, plain), flags);
}

/* Its next len bytes; zeroes are made in lv->plain. */
static struct slice take(struct lv_tree *lv, struct slice *from, uint32_t len)
{
    struct slice s = {from->p, len};

    if (from->p) {
        from->p += len;
    } else {
        memset(lv->plain, 0, len);
        s.p = lv->plain;
    }
    from->len -= len;
    return s;
}

/* The last piece gets what it has room for. */
static JET_ERR fill_last_piece(struct lv_tree *lv, uint64_t lid, uint32_t at, struct slice *from)
{
    const uint32_t used = at % lv->chunk, offset = at - used;
    const bool zeroes = !from->p;
    uint32_t len, more = lv->chunk - used;
    JET_ERR err = lv_seek_piece(lv, lid, offset);

    if (err >= 0)
        err = lv_piece(lv, lid, offset, at, &len);
    if (err < 0)
        return err;
    if (more > from->len)
        more = from->len;
    if (zeroes)
        memset(lv->plain + used, 0, more);
    else
        memcpy(lv->plain + used, from->p, more);
    from->p = zeroes ? NULL : from->p + more;
    from->len -= more;
    return lv_replace_piece(lv, (struct slice){lv->plain, used + more},
                            zeroes ? 0 : DIR_FULL_REPLACE);
}

JET_ERR lv_extend(struct lv_tree *lv, uint64_t lid, uint32_t at, struct slice from)
{
    const uint64_t end = (uint64_t)at + from.len;
    JET_ERR err = JET_errSuccess;

    if (at % lv->chunk && from.len)
        err = fill_last_piece(lv, lid, at, &from);
    while (err >= 0 && from.len) {
        const uint32_t n = from.len < lv->chunk ? from.len : lv->chunk;
        const uint32_t offset = (uint32_t)(end - from.len);
        err = insert_piece(lv, lid, offset, take(lv, &from, n));
    }
    return err;
}

/* ---- values ---------------------------------------------------------------------------------- */

static struct slice root_data(const struct lv_root *root, struct lvroot_disk *d)
{
    le32_put(&d->refcount, root->refcount);
    le32_put(&d->size, root->size);
    d->flags = root->flags;
    return (struct slice){(const uint8_t *)d, root->len};
}

static JET_ERR insert_root(struct lv_tree *lv, uint64_t lid, const struct lv_root *root)
{
    uint8_t key[LV_KEY_MAX];
    struct lvroot_disk d;

    return dir_insert(&lv->dir, lv_root_key(lid, key), root_data(root, &d), 0);
}

JET_ERR lv_replace_root(struct lv_tree *lv, const struct lv_root *root)
{
    struct lvroot_disk d;

    return dir_replace(&lv->dir, root_data(root, &d), DIR_FULL_REPLACE);
}

JET_ERR lv_create(struct lv_tree *lv, struct slice data, uint64_t *ret_lid)
{
    struct lv_root root = {.refcount = 1, .len = offsetof(struct lvroot_disk, flags)};
    const uint32_t size = data.len;
    uint64_t lid;
    JET_ERR err;

    if (size > LV_SIZE_MOST || (lv->most && size > lv->most))
        return RAISE(JET_errColumnTooBig);
    err = next_lid(lv, &lid);
    if (err < 0)
        return err;
    root.size = size < lv->chunk ? size : lv->chunk;
    if (root.size)
        err = insert_piece(lv, lid, 0, take(lv, &data, root.size));
    if (err >= 0)
        err = insert_root(lv, lid, &root);
    if (err >= 0 && data.len) {
        root.size = size;
        err = lv_replace_root(lv, &root);
    }
    if (err >= 0)
        err = lv_extend(lv, lid, size - data.len, data);
    if (err >= 0)
        *ret_lid = lid;
    return err;
}

/* The pieces as they are stored, so that a compressed value stays one; the length comes last (write
 * path 10.4). */
static JET_ERR copy_pieces(struct lv_tree *lv, uint64_t from, uint64_t to, uint32_t size)
{
    uint8_t key[LV_KEY_MAX];
    JET_ERR err = JET_errSuccess;

    for (uint64_t at = 0; err >= 0 && at < size; at += lv->chunk) {
        const uint32_t offset = (uint32_t)at;
        struct dir_node n;
        uint32_t len = 0;

        err = lv_seek_piece(lv, from, offset);
        if (err >= 0)
            err = dir_get(&lv->dir, &n);
        if (err < 0)
            return err;
        if (n.data.len <= lv->chunk) {
            len = n.data.len;
            memcpy(lv->packed, n.data.p, len);
        }
        dir_release(&lv->dir);
        if (!len)
            return lv_tree_fault(lv, JET_errLVCorrupted, from, n.pgno,
                                 "a piece is longer than it may be, or empty");
        err = dir_insert(&lv->dir, lv_piece_key(to, offset, key), (struct slice){lv->packed, len},
                         DIR_APPEND);
    }
    return err;
}

JET_ERR lv_copy(struct lv_tree *lv, uint64_t lid, uint64_t *ret_lid)
{
    struct lv_root root, now;
    uint64_t to;
    JET_ERR err = lv_seek_root(lv, lid, &root);

    if (err >= 0)
        err = next_lid(lv, &to);
    if (err < 0)
        return err;
    now = root;
    now.refcount = 1;
    now.size = 0;
    err = insert_root(lv, to, &now);
    if (err >= 0)
        err = copy_pieces(lv, lid, to, root.size);
    if (err >= 0)
        err = lv_seek_root(lv, to, &now);
    if (err >= 0 && root.size) {
        now.size = root.size;
        err = lv_replace_root(lv, &now);
    }
    if (err >= 0)
        *ret_lid = to;
    return err;
}
