/*
 * Begin, commit, rollback of a level (write path 2 and 6; ESE: tm.cxx, dir.cxx, ver.cxx).
 *
 * Order of a commit to level 0: Commit0 in the log; on disk, unless lazy or nothing is versioned;
 * number drawn, by which others see it; versions handed to the cleaning. So what others see is
 * durable, or the committer said that he does not care. A rollback takes each version out as soon
 * as its undo is in the log and on the page: whoever changes the node next has his record behind
 * the Undo.
 */
#include <assert.h>

#include "txn/trx_priv.h"

JET_ERR trx_begin(struct sess *s)
{
    struct verstore *vs = s->inst->ver;
    JET_ERR err = inst_check(s->inst);

    if (unlikely(err < 0))
        return err;
    if (s->level == 0) {
        if (unlikely(vs && !s->system &&
                     atomic_load_explicit(&vs->bytes, memory_order_relaxed) > vs->pressure)) {
            err = clean_pressure(s->inst);
            if (err < 0)
                return err;
        }
        open_enter(s);
    } else if (unlikely(s->level >= LEVEL_ENGINE_MAX)) {
        return RAISE(JET_errTransTooDeep);
    }
    s->level++;
    return JET_errSuccess;
}

/* ---- commit ----------------------------------------------------------------------------------- */

/* Flushers and commits of one transaction, see verundo.c. */
void gate_shut(struct trx *t)
{
    unsigned round = 0;

    atomic_fetch_or_explicit(&t->gate, GATE_SHUT, memory_order_seq_cst);
    while (atomic_load_explicit(&t->gate, memory_order_acquire) != GATE_SHUT)
        spin_wait(&round);
}

void gate_open(struct trx *t)
{
    atomic_fetch_and_explicit(&t->gate, ~GATE_SHUT, memory_order_release);
}

static JET_ERR log_inner(struct sess *s)
{
    struct logrec rec = {.type = LR_COMMIT, .procid = s->procid};
    JET_ERR err;

    rec.trx_levels.level_from = (uint8_t)(s->level - 1);
    err = wal_append(s->inst->wal, &rec, NULL);
    return err < 0 ? inst_fail(s->inst, err) : err;
}

/* The list is newest first, and levels never rise towards the older ones: only this level's are
 * walked. */
static void lower_level(struct sess *s)
{
    for (struct ver *v = s->ver_newest; v; v = v->older) {
        if (atomic_load_explicit(&v->level, memory_order_relaxed) < s->level)
            break;
        atomic_store_explicit(&v->level, (uint8_t)(s->level - 1), memory_order_relaxed);
    }
}

static JET_ERR commit_inner(struct sess *s)
{
    const bool logged = s->level_logged == s->level;
    /* UndoInfo tells the level of its version, and must be where the log has that level. */
    const bool gate = logged && s->trx && s->trx->images;
    JET_ERR err = JET_errSuccess;

    if (gate)
        gate_shut(s->trx);
    if (logged)
        err = log_inner(s);
    if (err >= 0)
        lower_level(s);
    if (gate)
        gate_open(s->trx);
    if (err < 0)
        return err;
    s->level--;
    if (logged)
        s->level_logged--;
    return JET_errSuccess;
}

/* After this no flusher logs UndoInfo of it: the gate stays shut. */
static JET_ERR log_commit0(struct sess *s, bool wait, lgpos_t *ret)
{
    struct inst *in = s->inst;
    struct logrec rec = {.type = LR_COMMIT0, .procid = s->procid};
    JET_ERR err;

    if (s->trx && s->trx->images)
        gate_shut(s->trx);
    err = wal_append_commit0(in->wal, &rec, &in->trx_newest, ret);
    if (err < 0)
        return inst_fail(in, err);
    s->lgpos_commit = *ret;
    if (s->trx)
        atomic_store_explicit(&s->trx->lgpos_commit, *ret, memory_order_release);
    if (wait)
        err = wal_flush(in->wal, *ret);
    return err < 0 ? inst_fail(in, err) : JET_errSuccess;
}

/* The session is free of it; the versions are the cleaning's. */
static void end_commit0(struct sess *s, lgpos_t lgpos, bool durable)
{
    struct verstore *vs = s->inst->ver;
    struct trx *t = s->trx;
    bool alone;

    s->trx = NULL;
    s->level = s->level_logged = 0;
    if (!t || !s->ver_newest) {
        open_leave(s, NULL, lgpos, durable);
        if (t)
            trx_free(vs, t);
        return;
    }
    t->list = s->ver_newest;
    s->ver_newest = NULL;
    alone = open_leave(s, t, lgpos, durable);
    clean_ended(vs, t, alone);
}

JET_ERR trx_commit(struct sess *s, bool lazy)
{
    const bool logged = s->level_logged > 0, wait = !lazy && s->ver_newest;
    lgpos_t lgpos = 0;
    JET_ERR err = inst_check(s->inst);

    if (unlikely(s->level == 0))
        return RAISE(JET_errNotInTransaction);
    if (unlikely(err < 0))
        return err;
    if (s->level > 1)
        return commit_inner(s);
    if (logged) {
        err = log_commit0(s, wait, &lgpos);
        if (err < 0)
            return err;
    }
    end_commit0(s, lgpos, !logged || wait);
    return JET_errSuccess;
}

JET_ERR trx_wait_durable(struct sess *s)
{
    struct inst *in = s->inst;
    JET_ERR err = inst_check(in);

    if (err < 0 || !in->wal || s->lgpos_commit == 0)
        return err;
    err = wal_flush(in->wal, s->lgpos_commit);
    return err < 0 ? inst_fail(in, err) : err;
}

/* ---- rollback --------------------------------------------------------------------------------- */

/* Takes the change back and the entry out of its chain; in the session's list it stays. */
static JET_ERR undo(struct sess *s, struct ver *v)
{
    JET_ERR err = JET_errSuccess;

    switch (v->oper) {
    case VER_WRITE_LOCK:
    case VER_READ_LOCK:
        break;
    case VER_DDL:
        if (v->ddl->undo)
            err = v->ddl->undo(s, v->ddl_arg);
        break;
    default:
        err = s->inst->hooks->undo(s, v);
        break;
    }
    if (err <
        0) /* the page has what nobody may see, and the version that says so cannot stay for ever */
        return inst_fail(s->inst, err);
    ver_set_undone(v);
    return JET_errSuccess;
}

/* It is in no list any more. The node of an Insert is flagged as deleted now, and is to go. */
static void forget(struct sess *s, struct ver *v)
{
    struct entry *e = entry_of(v);

    s->trx->nr--;
    if (v->oper == VER_INSERT && !atomic_load_explicit(&v->tree->deleted, memory_order_relaxed))
        clean_undone(s->inst->ver, v);
    else if (v->oper == VER_DDL)
        entry_free(e);
    else
        vmem_take_back(s, e->block, e, e->len);
}

static JET_ERR log_rollback(struct sess *s, lgpos_t *ret)
{
    struct logrec rec = {.type = LR_ROLLBACK, .procid = s->procid};
    JET_ERR err;

    rec.trx_levels.nr_levels = 1;
    err = wal_append(s->inst->wal, &rec, ret);
    return err < 0 ? inst_fail(s->inst, err) : err;
}

static void end_rollback0(struct sess *s, lgpos_t lgpos)
{
    struct trx *t = s->trx;

    assert(!s->ver_newest);
    s->trx = NULL;
    open_leave(s, NULL, lgpos, false);
    if (t) {
        gate_shut(
            t); /* nobody is at it: he had the page latched of a version that is undone by now */
        trx_free(s->inst->ver, t);
    }
}

static void wake_for_undone(struct verstore *vs)
{
    if (vs && atomic_load_explicit(&vs->nr_work, memory_order_relaxed))
        cleaner_wake(vs);
}

JET_ERR trx_rollback(struct sess *s)
{
    lgpos_t lgpos = 0;
    struct ver *v;
    JET_ERR err = inst_check(s->inst);

    if (unlikely(s->level == 0))
        return RAISE(JET_errNotInTransaction);
    while (err >= 0 && (v = s->ver_newest) &&
           atomic_load_explicit(&v->level, memory_order_relaxed) >= s->level) {
        err = undo(s, v);
        if (err >= 0) {
            s->ver_newest = v->older;
            forget(s, v);
        }
    }
    if (err >= 0 && s->level_logged == s->level) {
        err = log_rollback(s, &lgpos);
        s->level_logged--;
    }
    if (err < 0)
        return err;
    if (--s->level == 0)
        end_rollback0(s, lgpos);
    wake_for_undone(s->inst->ver);
    return JET_errSuccess;
}

JET_ERR trx_rollback_update(struct sess *s, uint32_t update_id)
{
    JET_ERR err = inst_check(s->inst);

    if (unlikely(s->level == 0))
        return RAISE(JET_errNotInTransaction);
    assert(update_id != 0);
    for (struct ver **at = &s->ver_newest; err >= 0 && *at;) {
        struct ver *v = *at;
        if (v->update_id != update_id) {
            at = &v->older;
            continue;
        }
        err = undo(s, v);
        if (err >= 0) {
            *at = v->older;
            forget(s, v);
        }
    }
    wake_for_undone(s->inst->ver);
    return err;
}
