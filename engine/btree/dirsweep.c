/*
 * A leaf after a crash: the cleaner that would have come for its nodes is gone, and with it what it knew. So what is on the
 * leaf is looked at instead: nodes flagged as deleted that no version holds, long values whose count is 0.
 */
#include <stdlib.h>
#include <string.h>

#include "btree/dir_int.h"
#include "btree/smo_int.h"
#include "btree/space.h"
#include "txn/sess.h"

/* NULL in *ret: the page is no tree's root any more, or another's. */
static JET_ERR open_tree(struct db *d, pgno_t root, objid_t objid, struct tree **ret)
{
    const uint32_t kinds = PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE;
    struct space_header h;
    uint32_t flags = 0;
    struct buf *b;
    bool is_root;
    JET_ERR err = buf_get_latched(d->pool, root, BUF_READ, BUF_SHARED, &b);

    *ret = NULL;
    if (err < 0)
        return err;
    is_root = !b->blank && page_objid(buf_page(b)) == objid;
    if (is_root) {
        flags = page_flags(buf_page(b));
        is_root = (flags & PAGE_ROOT) &&
                  !(flags & (PAGE_EMPTY | PAGE_PRE_INIT | PAGE_SPACE_TREE)) &&
                  !space_header_decode(page_external_header(buf_page(b)), &h);
    }
    buf_release(b, BUF_SHARED);
    if (!is_root)
        return JET_errSuccess;
    return tree_get(d, root, objid, !(flags & PAGE_NON_UNIQUE), flags & kinds, h.pgno_parent, ret);
}

struct sweep { /* what was found on a leaf */
    bool dead; /* bm is one of them */
    struct bookmark bm;
    uint8_t *mem;    /* what bm points into */
    uint8_t *lv;     /* keys of long values without references, each LV_ROOT_KEY_MAX bytes .. */
    uint8_t *lv_len; /* .. of which so many count */
    unsigned nr_lv;
};

#define LV_ROOT_KEY_MAX 8u

static void note_dead(struct sweep *w, const struct tree *t, const struct node *n)
{
    const uint32_t len = node_key(n, w->mem);

    w->dead = true;
    if (!t->unique)
        memcpy(w->mem + len, n->data.p, n->data.len);
    w->bm = (struct bookmark){{w->mem, len}, {w->mem + len, t->unique ? 0 : n->data.len}};
}

static void note_lv(struct sweep *w, const struct node *n)
{
    if (n->data.len < 4 || get_le32(n->data.p) != 0)
        return;
    w->lv_len[w->nr_lv] = (uint8_t)node_key(n, w->lv + (size_t)w->nr_lv * LV_ROOT_KEY_MAX);
    w->nr_lv++;
}

/* The leaf is latched. */
static void look(struct sweep *w, struct tree *t, struct page p)
{
    for (unsigned i = 0; i < page_nr_lines(p); i++) {
        const struct node n = page_node(p, i);

        if (!(n.flags & NODE_DELETED)) {
            if (smo_is_lv_root(t, &n))
                note_lv(w, &n);
        } else if (!w->dead && smo_is_dead(t, &n)) {
            note_dead(w, t, &n);
        }
    }
}

static JET_ERR look_at(struct sweep *w, struct tree *t, pgno_t leaf)
{
    struct buf *b;
    JET_ERR err = buf_get_latched(t->db->pool, leaf, BUF_READ, BUF_SHARED, &b);

    if (err < 0)
        return err;
    if (is_leaf_of(b, t)) {
        const size_t lines = page_nr_lines(buf_page(b)) + 1u;
        w->mem = malloc(2 * (size_t)t->db->page_size);
        w->lv = malloc(lines * LV_ROOT_KEY_MAX);
        w->lv_len = malloc(lines);
        if (w->mem && w->lv && w->lv_len)
            look(w, t, buf_page(b));
        else
            err = RAISE(JET_errOutOfMemory);
    }
    buf_release(b, BUF_SHARED);
    return err;
}

static JET_ERR clean_up(struct sweep *w, struct sess *s, struct tree *t)
{
    JET_ERR err = JET_errSuccess;

    if (w->dead)
        err = dir_clean_node(s, t, &w->bm);
    for (unsigned i = 0; i < w->nr_lv && err >= 0; i++) {
        const uint8_t *key = w->lv + (size_t)i * LV_ROOT_KEY_MAX;
        const struct bookmark bm = {{key, w->lv_len[i]}, {key, 0}};

        err = dir_clean_lv(s, t, &bm);
    }
    return err;
}

JET_ERR dir_sweep_leaf(struct sess *s, struct db *d, pgno_t root, objid_t objid, pgno_t leaf)
{
    struct sweep w = {0};
    struct tree *t;
    JET_ERR err = open_tree(d, root, objid, &t);

    if (err < 0 || !t)
        return err;
    err = look_at(&w, t, leaf);
    if (err >= 0 && (w.dead || w.nr_lv)) {
        err = trx_begin(s);
        if (err >= 0)
            err = clean_up(&w, s, t);
        while (err < 0 && s->level > 0 && trx_rollback(s) >= 0)
            ;
        if (err >= 0)
            err = trx_commit(s, true);
    }
    free(w.mem);
    free(w.lv);
    free(w.lv_len);
    tree_put(t);
    return err;
}
