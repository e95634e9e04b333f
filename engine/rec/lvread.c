/* Long values as a session sees them. See lvwrite.h. */
#include "rec/lvwrite_priv.h"

/* The node the place is on must be the value's root, or its piece at offset. */
static const char *decode_own(const struct dir_node *n, uint64_t lid, const uint32_t *offset,
                              struct lv_node *ret)
{
    const char *what = lv_node_decode(n->key, n->data, ret);

    if (what)
        return what;
    if (ret->lid != lid || ret->is_root != !offset || (offset && ret->offset != *offset))
        return offset ? "a piece is missing" : "there is none of this number";
    return NULL;
}

static JET_ERR seek(struct lv_tree *lv, uint64_t lid, struct slice key, const char *missing)
{
    const struct bookmark bm = {key, {key.p, 0}};
    JET_ERR err = dir_seek(&lv->dir, &bm, DIR_EQ);

    if (err == JET_errRecordNotFound)
        return lv_tree_fault(lv, JET_errLVCorrupted, lid, 0, missing);
    return err;
}

JET_ERR lv_seek_root(struct lv_tree *lv, uint64_t lid, struct lv_root *ret)
{
    uint8_t buf[LV_KEY_MAX];
    const struct slice key = lv_root_key(lid, buf);
    const struct bookmark bm = {key, {key.p, 0}};
    struct dir_node n;
    struct lv_node v;
    const char *what;
    JET_ERR err = seek(lv, lid, key, "there is none of this number");

    if (err >= 0)
        err = dir_get(&lv->dir, &n);
    if (err < 0)
        return err;
    what = decode_own(&n, lid, NULL, &v);
    if (!what) {
        *ret = (struct lv_root){.refcount = v.refcount,
                                .size = v.size,
                                .len = n.data.len,
                                .flags = v.encrypted ? LVROOT_ENCRYPTED : 0};
        if (!n.from_image && atomic_load_explicit(&lv->tree->nr_ver, memory_order_relaxed))
            ret->refcount -= (uint32_t)ver_delta_unseen(lv->sess, lv->tree, &bm, 0);
    }
    dir_release(&lv->dir);
    if (what)
        return lv_tree_fault(lv, JET_errLVCorrupted, lid, n.pgno, what);
    if (v.encrypted)
        return lv_tree_fault(lv, JET_errColumnNoEncryptionKey, lid, n.pgno, "it is encrypted");
    return JET_errSuccess;
}

JET_ERR lv_seek_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset)
{
    uint8_t buf[LV_KEY_MAX];

    return seek(lv, lid, lv_piece_key(lid, offset, buf), "a piece is missing");
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Bytes that the piece at offset has in a value of `size` bytes. */
static uint32_t piece_len(const struct lv_tree *lv, uint32_t offset, uint32_t size)
{
    return size - offset < lv->chunk ? size - offset : lv->chunk;
}

/* NULL: *ret are the plain bytes of a stored piece, its own or lv->plain; else what is wrong. */
static const char *expand(struct lv_tree *lv, struct slice stored, uint32_t want, JET_ERR *ret_err,
                          struct slice *ret)
{
    const char *what = NULL;
    uint32_t len;

    *ret = stored;
    *ret_err = JET_errLVCorrupted;
    if (stored.len == want)
        return NULL;
    if (stored.len > want)
        return "a piece is longer than it may be";
    *ret_err = decompress(stored, lv->plain, want, &len, &what);
    if (*ret_err < 0)
        return what;
    *ret_err = JET_errLVCorrupted;
    if (len != want)
        return "a piece has a wrong length";
    *ret = (struct slice){lv->plain, len};
    return NULL;
}

/* Of the node that dir_get gave: its bytes from skip on, to buf, at most cap. Releases it. */
static JET_ERR copy_out(struct lv_tree *lv, const struct dir_node *n, uint64_t lid, uint32_t offset,
                        uint32_t size, uint32_t skip, uint8_t *buf, uint32_t cap, uint32_t *ret_len)
{
    const uint32_t want = piece_len(lv, offset, size);
    JET_ERR err = JET_errLVCorrupted;
    struct lv_node v;
    struct slice s = {0};
    const char *what = decode_own(n, lid, &offset, &v);

    if (!what)
        what = expand(lv, v.piece, want, &err, &s);
    if (!what) {
        *ret_len = s.len - skip < cap ? s.len - skip : cap;
        memmove(buf, s.p + skip, *ret_len);
    }
    dir_release(&lv->dir);
    return what ? lv_tree_fault(lv, err, lid, n->pgno, what) : JET_errSuccess;
}

JET_ERR lv_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset, uint32_t size,
                 uint32_t *ret_len)
{
    struct dir_node n;
    JET_ERR err = dir_get(&lv->dir, &n);

    if (err < 0)
        return err;
    return copy_out(lv, &n, lid, offset, size, 0, lv->plain, lv->chunk, ret_len);
}

/* ---- reading --------------------------------------------------------------------------------- */

JET_ERR lv_stat(struct lv_tree *lv, uint64_t lid, uint32_t *ret_size, uint32_t *ret_refcount)
{
    struct lv_root root = {0};
    JET_ERR err = lv_seek_root(lv, lid, &root);

    if (err < 0)
        return err;
    *ret_size = root.size;
    if (ret_refcount)
        *ret_refcount = root.refcount;
    return JET_errSuccess;
}

/* The node of the piece at offset: the neighbour of where the place is, or sought. */
static JET_ERR get_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset, bool next,
                         struct dir_node *ret)
{
    JET_ERR err;

    if (next) {
        err = dir_next_get(&lv->dir, ret);
        return err == JET_errNoCurrentRecord
                   ? lv_tree_fault(lv, JET_errLVCorrupted, lid, 0, "a piece is missing")
                   : err;
    }
    err = lv_seek_piece(lv, lid, offset);
    return err < 0 ? err : dir_get(&lv->dir, ret);
}

JET_ERR lv_read(struct lv_tree *lv, uint64_t lid, uint32_t offset, void *buf, uint32_t cap,
                uint32_t *ret_len, uint32_t *ret_size)
{
    struct lv_root root = {0};
    uint32_t at = offset, end, done = 0;
    JET_ERR err = lv_seek_root(lv, lid, &root);

    *ret_len = 0;
    if (err < 0)
        return err;
    if (ret_size)
        *ret_size = root.size;
    end = offset > root.size ? offset : root.size - offset < cap ? root.size : offset + cap;
    while (at < end) {
        const uint32_t skip = at % lv->chunk;
        struct dir_node n;
        uint32_t len = 0;

        err = get_piece(lv, lid, at - skip, done > 0 || at < lv->chunk, &n);
        if (err >= 0)
            err = copy_out(lv, &n, lid, at - skip, root.size, skip, (uint8_t *)buf + done, end - at,
                           &len);
        if (err < 0)
            return err;
        at += len;
        done += len;
    }
    *ret_len = done;
    return JET_errSuccess;
}
