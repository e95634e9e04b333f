/*
 * UndoInfo before a page is written (write path 4.4; ESE: BFIPrepareFlushPage, the undo info chain
 * of a buffer).
 *
 * Whoever writes a page that has uncommitted changes in it logs for their session what a recovery
 * needs to take them back. It does so on behalf of a session that goes on meanwhile, and two things
 * must not happen: the record landing behind the session's Commit0, and the transaction ending
 * under the flusher's hands. So a transaction has a gate. A flusher passes while it is open, and is
 * counted; a commit shuts it, waits until nobody is inside, and logs.
 *
 * A version that met a shut gate needs no UndoInfo when its Commit0 is on disk before the page is:
 * lazy commits are waited for here. Versions with images stay in the store until their Commit0 is
 * on disk (verclean.c), or nobody would know.
 */
#include "txn/trx_priv.h"

enum found {
    FOUND_NONE,  /* no more; *need: Commit0 that is to be on disk */
    FOUND_OPEN,  /* inside the gate of its transaction */
    FOUND_EARLY, /* its operation is under way */
    FOUND_WAIT,  /* its transaction logs a commit this moment */
};

/* The bucket is locked: v and its transaction stay. */
static enum found pass_gate(const struct ver *v, lgpos_t *need)
{
    struct trx *t = v->trx;
    lgpos_t lgpos;

    if (trx_number(t) == TRX_NONE) {
        const uint32_t gate = atomic_fetch_add_explicit(&t->gate, 1, memory_order_seq_cst);
        const bool done = atomic_load_explicit(&v->lgpos, memory_order_acquire) != 0;
        if (!(gate & GATE_SHUT) && done)
            return FOUND_OPEN;
        atomic_fetch_sub_explicit(&t->gate, 1, memory_order_release);
        if (!(gate & GATE_SHUT))
            return FOUND_EARLY;
    }
    lgpos = atomic_load_explicit(&t->lgpos_commit, memory_order_acquire);
    if (lgpos == 0 && trx_number(t) == TRX_NONE)
        return FOUND_WAIT;
    if (lgpos > *need)
        *need = lgpos;
    return FOUND_NONE;
}

/* early: an operation that is under way stands in the way. */
static enum found next_unlogged(struct tree *t, const struct bookmark *bm, bool early,
                                struct ver **ret, lgpos_t *need)
{
    enum found found = FOUND_NONE;
    struct bucket *b;
    struct ver *v = node_lock(t, bm, &b);

    if (!v)
        return FOUND_NONE;
    for (; v && found == FOUND_NONE; v = v->older_node)
        if ((v->oper == VER_REPLACE || v->oper == VER_FLAG_DELETE) && !v->undo_logged) {
            found = pass_gate(v, need);
            if (found == FOUND_EARLY && !early)
                found = FOUND_NONE;
            *ret = v;
        }
    bucket_unlock(b);
    return found;
}

/* Out of the gate again. The flag: bucket lock too, for the next flusher of the page. */
static void logged(struct verstore *vs, struct ver *v, bool done)
{
    struct bucket *b = bucket_of(vs, entry_of(v)->hash);

    bucket_lock(b);
    if (done)
        v->undo_logged = true;
    atomic_fetch_sub_explicit(&v->trx->gate, 1, memory_order_release);
    bucket_unlock(b);
}

static JET_ERR each_unlogged(struct tree *t, const struct bookmark *bm, bool early,
                             JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx, lgpos_t *need)
{
    struct inst *in = t->db->inst;
    unsigned round = 0;
    struct ver *v;
    enum found found;
    JET_ERR err = inst_check(in);

    if (err < 0 || !in->wal)
        return err;
    while ((found = next_unlogged(t, bm, early, &v, need)) != FOUND_NONE) {
        if (found == FOUND_EARLY)
            return JET_wrnRemainingVersions;
        if (found ==
            FOUND_WAIT) { /* it holds no latch and needs none: it gets through, or the log is down */
            spin_wait(&round);
            err = inst_check(in);
        } else {
            err = fn(ctx, v);
            logged(in->ver, v, err >= 0);
        }
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

JET_ERR ver_each_unlogged(struct tree *t, const struct bookmark *bm,
                          JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx)
{
    struct inst *in = t->db->inst;
    lgpos_t need = 0;
    JET_ERR err = each_unlogged(t, bm, true, fn, ctx, &need);

    if (err != JET_errSuccess || !need || wal_is_durable(in->wal, need))
        return err;
    return wal_flush(in->wal, need);
}

/* What has committed has done so in front of the record of the move. An operation that is under way has not changed the
 * node, or is part of the move. */
JET_ERR ver_each_moving(struct tree *t, const struct bookmark *bm,
                        JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx)
{
    lgpos_t need = 0;

    return each_unlogged(t, bm, false, fn, ctx, &need);
}
