/*
 * Long values: changes of one that exists, and its references. See lvwrite.h.
 *
 * Each change first makes sure of the root: a value that others refer to, or whose count others are
 * changing, is copied; then the root says the new length, or is locked. After that the pieces are
 * nobody else's to change.
 */
#include "rec/lvwrite_priv.h"

/* ---- references ------------------------------------------------------------------------------ */

JET_ERR lv_release(struct lv_tree *lv, uint64_t lid)
{
    struct lv_root root;
    JET_ERR err = lv_seek_root(lv, lid, &root);

    if (err < 0)
        return err;
    if (root.refcount == 0 ||
        root.refcount > INT32_MAX) /* somebody gave it up who is not seen yet */
        return RAISE(JET_errWriteConflict);
    return dir_delta(&lv->dir, offsetof(struct lvroot_disk, refcount), -1, false, NULL);
}

JET_ERR lv_add_ref(struct lv_tree *lv, uint64_t *lid)
{
    struct lv_root root;
    JET_ERR err = lv_seek_root(lv, *lid, &root);

    if (err < 0)
        return err;
    err = dir_delta(&lv->dir, offsetof(struct lvroot_disk, refcount), 1, false, NULL);
    if (err != JET_errWriteConflict)
        return err;
    err = lv_copy(lv, *lid, lid);
    return err < 0 ? err : JET_wrnCopyLongValue;
}

/* ---- the root before a change ---------------------------------------------------------------- */

/* Others are only changing the count: they give the value up, or refer to it anew. */
static bool only_deltas(struct lv_tree *lv, uint64_t lid)
{
    uint8_t buf[LV_KEY_MAX];
    const struct slice key = lv_root_key(lid, buf);
    const struct bookmark bm = {key, {key.p, 0}};

    return ver_conflict(lv->sess, lv->tree, VER_DELTA, &bm) >= 0;
}

static JET_ERR set_root(struct lv_tree *lv, const struct lv_root *root, uint32_t size, bool copied)
{
    const struct lv_root now = {
        .refcount = 1, .size = size, .len = root->len, .flags = root->flags};

    if (size != root->size || root->refcount != 1)
        return lv_replace_root(lv, &now);
    /* a copy is this session's own */
    return copied ? JET_errSuccess : dir_lock(&lv->dir, VER_WRITE_LOCK);
}

/* The value becomes `size` bytes long, says its root (*root: before). *lid: a copy's, when one was
 * made. */
static JET_ERR begin_change(struct lv_tree *lv, uint64_t *lid, struct lv_root *root, uint64_t size)
{
    const uint64_t old = *lid;
    bool copied = false;
    JET_ERR err = JET_errSuccess;

    if (size > LV_SIZE_MOST || (lv->most && size > lv->most))
        return RAISE(JET_errColumnTooBig);
    if (root->refcount == 1) {
        err = set_root(lv, root, (uint32_t)size, false);
        if (err != JET_errWriteConflict || !only_deltas(lv, *lid))
            return err;
    }
    copied = true;
    err = lv_copy(lv, old, lid);
    if (err >= 0)
        err = lv_seek_root(lv, *lid, root);
    if (err >= 0)
        err = set_root(lv, root, (uint32_t)size, copied);
    if (err >= 0)
        err = lv_release(lv, old);
    return err < 0 ? err : JET_wrnCopyLongValue;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The result of a change: its own error, or what begin_change had to say. */
static JET_ERR result(JET_ERR begun, JET_ERR err)
{
    return err < 0 ? err : begun;
}

JET_ERR lv_append(struct lv_tree *lv, uint64_t *lid, struct slice data)
{
    struct lv_root root;
    uint32_t size;
    JET_ERR err = lv_seek_root(lv, *lid, &root);

    if (err < 0)
        return err;
    size = root.size;
    err = begin_change(lv, lid, &root, (uint64_t)size + data.len);
    return err < 0 ? err : result(err, lv_extend(lv, *lid, size, data));
}

static JET_ERR delete_pieces(struct lv_tree *lv, uint64_t lid)
{
    struct dir_node n;
    struct lv_node v;
    const char *what;
    JET_ERR err = JET_errSuccess;

    while (err >= 0) {
        err = dir_flag_delete(&lv->dir, 0);
        if (err >= 0)
            err = dir_next_get(&lv->dir, &n);
        if (err < 0)
            break;
        what = lv_node_decode(n.key, n.data, &v);
        dir_release(&lv->dir);
        if (what)
            return lv_tree_fault(lv, JET_errLVCorrupted, lid, n.pgno, what);
        if (v.lid != lid)
            break;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* From `was` bytes to `size`, which are fewer. */
static JET_ERR cut(struct lv_tree *lv, uint64_t lid, uint32_t was, uint32_t size)
{
    const uint32_t left = size % lv->chunk, offset = size - left;
    uint32_t len;
    JET_ERR err = lv_seek_piece(lv, lid, offset);

    if (err < 0)
        return err;
    if (left) {
        err = lv_piece(lv, lid, offset, was, &len);
        if (err >= 0)
            err = lv_replace_piece(lv, (struct slice){lv->plain, left}, 0);
        if (err < 0 || was - offset <= lv->chunk)
            return err;
        err = lv_seek_piece(lv, lid, offset + lv->chunk);
        if (err < 0)
            return err;
    }
    return delete_pieces(lv, lid);
}

JET_ERR lv_set_size(struct lv_tree *lv, uint64_t *lid, uint32_t size)
{
    struct lv_root root;
    uint32_t was;
    JET_ERR err = lv_seek_root(lv, *lid, &root);

    if (err < 0)
        return err;
    was = root.size;
    err = begin_change(lv, lid, &root, size);
    if (err < 0)
        return err;
    if (size < was)
        return result(err, cut(lv, *lid, was, size));
    return result(err, lv_extend(lv, *lid, was, (struct slice){NULL, size - was}));
}

/* Inside of the value: whole pieces as they come, the first and last mixed with what is there. */
static JET_ERR write_pieces(struct lv_tree *lv, uint64_t lid, uint32_t size, uint32_t at,
                            struct slice data)
{
    JET_ERR err = JET_errSuccess;

    while (err >= 0 && data.len) {
        const uint32_t skip = at % lv->chunk, offset = at - skip;
        const uint32_t there = size - offset < lv->chunk ? size - offset : lv->chunk;
        uint32_t n = there - skip, len = there;
        struct slice piece = data;

        if (n > data.len)
            n = data.len;
        err = lv_seek_piece(lv, lid, offset);
        if (err >= 0 && n < there) {
            err = lv_piece(lv, lid, offset, size, &len);
            if (err >= 0)
                memcpy(lv->plain + skip, data.p, n);
            piece.p = lv->plain;
        }
        piece.len = len;
        if (err >= 0)
            err = lv_replace_piece(lv, piece, 0);
        data.p += n;
        data.len -= n;
        at += n;
    }
    return err;
}

JET_ERR lv_overwrite(struct lv_tree *lv, uint64_t *lid, uint32_t offset, struct slice data,
                     bool resize)
{
    const uint64_t end = (uint64_t)offset + data.len;
    struct lv_root root;
    struct slice inside = data, beyond = data;
    uint32_t was;
    JET_ERR err = lv_seek_root(lv, *lid, &root), done = JET_errSuccess;

    if (err < 0)
        return err;
    was = root.size;
    if (offset > was)
        return RAISE(JET_errColumnNoChunk);
    if (end > was)
        inside.len = was - offset;
    err = begin_change(lv, lid, &root, resize || end > was ? end : was);
    if (err < 0)
        return err;
    if (resize && end < was) {
        done = cut(lv, *lid, was, (uint32_t)end);
        was = (uint32_t)end;
    }
    if (done >= 0)
        done = write_pieces(lv, *lid, was, offset, inside);
    beyond.p += inside.len;
    beyond.len -= inside.len;
    if (done >= 0 && beyond.len)
        done = lv_extend(lv, *lid, was, beyond);
    return result(err, done);
}
