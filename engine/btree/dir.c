/* The life of a place, and the node that it is on. */
#include <stdlib.h>

#include "btree/dir_int.h"

#define BOOKMARK_FIRST 256u /* bytes for a bookmark that a place begins with */

JET_ERR dir_init(struct dir *d, struct sess *s, struct tree *t)
{
    *d = (struct dir){.sess = s, .tree = t, .at = DIR_NOWHERE, .cap = BOOKMARK_FIRST};
    d->bm = malloc(d->cap);
    return d->bm ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

void dir_done(struct dir *d)
{
    dir_release(d);
    free(d->bm);
    free(d->image);
    *d = (struct dir){0};
}

JET_ERR place_room(struct dir *d, uint32_t len)
{
    uint32_t cap = d->cap;
    uint8_t *bm;

    while (cap < len)
        cap *= 2;
    bm = realloc(d->bm, cap);
    if (!bm)
        return RAISE(JET_errOutOfMemory);
    d->bm = bm;
    d->cap = cap;
    return JET_errSuccess;
}

JET_ERR place_set_bookmark(struct dir *d, const struct bookmark *bm)
{
    const uint32_t data_len = d->tree->unique ? 0 : bm->data.len;
    const uint32_t len = bm->key.len + data_len;

    if (len > d->cap) {
        JET_ERR err = place_room(d, len);
        if (err < 0)
            return err;
    }
    if (bm->key.len)
        memcpy(d->bm, bm->key.p, bm->key.len);
    if (data_len)
        memcpy(d->bm + bm->key.len, bm->data.p, data_len);
    d->key_len = bm->key.len;
    d->data_len = data_len;
    return JET_errSuccess;
}

JET_ERR dir_place(struct dir *d, const struct bookmark *bm)
{
    JET_ERR err;

    dir_release(d);
    err = place_set_bookmark(d, bm);
    if (err < 0)
        return err;
    d->at = DIR_ON;
    place_forget_page(d);
    return JET_errSuccess;
}

JET_ERR dir_copy_place(struct dir *to, const struct dir *from)
{
    const struct bookmark bm = dir_bookmark(from);
    JET_ERR err;

    dir_release(to);
    err = place_set_bookmark(to, &bm);
    if (err < 0)
        return err;
    to->at = from->at;
    to->pgno = from->pgno;
    to->line = from->line;
    to->dbtime = from->dbtime;
    to->hint = from->hint;
    return JET_errSuccess;
}

void dir_release(struct dir *d)
{
    if (!d->buf)
        return;
    buf_release(d->buf, BUF_SHARED);
    d->buf = NULL;
}

/* The page is latched exclusively. */
static void clear_flag(struct buf *b, unsigned line)
{
    const uint32_t reserved = page_uncommitted(buf_page(b));

    if (page_set_node_flags(buf_edit(b), line, 0, NODE_VERSIONED) >= 0)
        buf_untidy(b);
    page_set_uncommitted(buf_edit(b), reserved);
}

/*
 * The flag says that there may be versions; whoever finds that there are none takes it off, so that
 * the next reader need not look (write path 0). No log, no dbtime: nothing depends on it. But it is
 * a change of the page, so the shape of the tree must be nobody's own. Nothing is waited for, with
 * the page latched: it can be done another time.
 */
static void settle_flag(struct tree *t, const struct spot *at, const struct bookmark *bm)
{
    if (t->db->read_only || ver_is_active(t, bm) || pthread_rwlock_tryrdlock(&t->smo) != 0)
        return;
    if (buf_try_upgrade(at->buf)) {
        clear_flag(at->buf, at->line);
        buf_downgrade(at->buf);
    }
    tree_leave(t);
}

JET_ERR node_see_version(struct dir *d, const struct spot *at, const struct node *n,
                         struct dir_node *ret, bool *ret_there)
{
    const struct bookmark bm = dir_bookmark(d);
    const uint32_t cap = d->tree->db->page_size;
    enum ver_view view;
    uint32_t len = 0;

    if (!d->image && !(d->image = malloc(cap)))
        return RAISE(JET_errOutOfMemory);
    view = ver_see(d->sess, d->tree, &bm, d->image, cap, &len);
    ret->from_image = view == VER_IMAGE;
    ret->data = ret->from_image ? (struct slice){d->image, len} : n->data;
    *ret_there = view == VER_PAGE ? !(n->flags & NODE_DELETED) : view != VER_ABSENT;
    if (view == VER_PAGE)
        settle_flag(d->tree, at, &bm);
    return JET_errSuccess;
}

/* The node at the place, its page latched shared; JET_errRecordDeleted: no such node is left. */
static JET_ERR find_node(struct dir *d, struct spot *ret)
{
    JET_ERR err;

    if (place_relatch(d, BUF_SHARED)) {
        *ret = (struct spot){d->hint, BUF_SHARED, d->line, true};
        return JET_errSuccess;
    }
    tree_enter(d->tree);
    err = seek_place(d, BUF_SHARED, ret);
    tree_leave(d->tree);
    if (err < 0)
        return err;
    if (!ret->exact) {
        spot_leave(ret);
        return JET_errRecordDeleted;
    }
    place_note(d, DIR_ON, ret->buf, ret->line);
    return JET_errSuccess;
}

JET_ERR dir_get(struct dir *d, struct dir_node *ret)
{
    struct dir_node seen;
    bool there = false;
    struct node n;
    struct spot at;
    JET_ERR err;

    dir_release(d);
    if (d->at != DIR_ON)
        return JET_errNoCurrentRecord;
    err = find_node(d, &at);
    if (err < 0)
        return err;
    n = page_node(buf_page(at.buf), at.line);
    seen.key = (struct slice){d->bm, d->key_len};
    seen.pgno = d->pgno;
    err = node_see(d, &at, &n, &seen, &there);
    if (err >= 0 && !there)
        err = JET_errRecordDeleted;
    if (err < 0) {
        spot_leave(&at);
        return err;
    }
    d->buf = at.buf;
    *ret = seen;
    return JET_errSuccess;
}
