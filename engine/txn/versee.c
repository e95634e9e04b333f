/*
 * What a session sees of a node that has versions (write path 13.2; ESE: ErrVERAccessNode,
 * DeltaVERGetDelta, FVERActive, CbVERGetNodeMax). The caller has the node's page latched, so page
 * and chain fit together.
 */
#include "txn/trx_priv.h"

/* The versions that s does not see, from the newest on: what they mean together. */
static enum ver_view look(const struct sess *s, const struct ver *v, const struct ver **ret_replace)
{
    const uint32_t begin = sess_begin(s);
    const struct ver *decides = NULL;

    *ret_replace = NULL;
    if (v->trx == s->trx)
        return VER_PAGE;
    for (; v && !committed_before(v->trx, begin); v = v->older_node) {
        if (v->oper == VER_REPLACE)
            *ret_replace = v;
        if (v->oper == VER_REPLACE || v->oper == VER_INSERT || v->oper == VER_FLAG_DELETE)
            decides = v;
    }
    if (!decides)
        return VER_PAGE;
    if (decides->oper == VER_INSERT)
        return VER_ABSENT;
    /* Deleted, inserted again with other data, say: the oldest image is what was there before all
     * of it. */
    return *ret_replace ? VER_IMAGE : VER_PRESENT;
}

enum ver_view ver_see(struct sess *s, struct tree *t, const struct bookmark *bm, uint8_t *buf,
                      uint32_t cap, uint32_t *ret_len)
{
    struct bucket *b;
    const struct ver *replace, *newest = node_lock(t, bm, &b);
    enum ver_view view;

    if (!newest)
        return VER_PAGE;
    view = look(s, newest, &replace);
    if (view == VER_IMAGE) {
        const struct slice image = ver_image(replace);
        *ret_len = image.len < cap ? image.len : cap;
        if (*ret_len)
            memcpy(buf, image.p, *ret_len);
    }
    bucket_unlock(b);
    return view;
}

int64_t ver_delta_unseen(struct sess *s, struct tree *t, const struct bookmark *bm, uint16_t offset)
{
    const uint32_t begin = sess_begin(s);
    struct bucket *b;
    const struct ver *v = node_lock(t, bm, &b);
    uint64_t sum = 0;

    if (!v)
        return 0;
    for (; v; v = v->older_node) {
        if (!active_not_mine(v, s, begin))
            continue;
        if (v->oper ==
            VER_REPLACE) /* its image stands in for the page, and has only what is older */
            sum = 0;
        else if ((v->oper == VER_DELTA || v->oper == VER_DELTA64) && v->offset == offset)
            sum += (uint64_t)v->delta;
    }
    bucket_unlock(b);
    return (int64_t)sum;
}

bool ver_is_active(struct tree *t, const struct bookmark *bm)
{
    const uint32_t oldest = trx_oldest(t->db->inst);
    struct bucket *b;
    const struct ver *newest = node_lock(t, bm, &b), *v = newest;

    while (v && committed_before(v->trx, oldest))
        v = v->older_node;
    if (newest)
        bucket_unlock(b);
    return v != NULL;
}

uint32_t ver_size_max(struct tree *t, const struct bookmark *bm)
{
    struct bucket *b;
    const struct ver *v = node_lock(t, bm, &b);
    uint32_t max = 0;

    if (!v)
        return 0;
    for (; v && trx_number(v->trx) == TRX_NONE; v = v->older_node)
        if (v->oper == VER_REPLACE) {
            max = (uint32_t)v->size_max;
            break;
        }
    bucket_unlock(b);
    return max;
}
