/*
 * What a session says in the log: Begins when they are due, and records with its name on them
 * (write path 2.2, appendix B; ESE: logapi.cxx).
 */
#include <assert.h>

#include "txn/trx_priv.h"

/*
 * The checkpoint asks for lgpos_begin0 while this goes on (trx_oldest_begin0). It is set to where
 * the log ends before Begin0 is in it: whoever does not see that has taken his tip of the log
 * earlier, and Begin0 lies behind it.
 */
static JET_ERR log_begin0(struct sess *s, struct logrec *rec)
{
    struct wal *w = s->inst->wal;
    lgpos_t lgpos;
    JET_ERR err;

    rec->type = LR_BEGIN0;
    rec->trx = sess_begin(s);
    atomic_store_explicit(&s->lgpos_begin0, wal_tip(w), memory_order_seq_cst);
    err = wal_append(w, rec, &lgpos);
    if (err >= 0)
        atomic_store_explicit(&s->lgpos_begin0, lgpos, memory_order_seq_cst);
    return err;
}

/* One record for all levels that have none yet. */
static JET_ERR log_begins(struct sess *s)
{
    struct logrec rec = {.type = LR_BEGIN, .procid = s->procid};
    JET_ERR err;

    rec.trx_levels.level_from = s->level_logged;
    rec.trx_levels.nr_levels = (uint8_t)(s->level - s->level_logged);
    err = s->level_logged == 0 ? log_begin0(s, &rec) : wal_append(s->inst->wal, &rec, NULL);
    if (err < 0)
        return inst_fail(s->inst, err);
    s->level_logged = s->level;
    return JET_errSuccess;
}

static void fill_page(const struct sess *s, const struct tree *t, struct logrec *rec)
{
    rec->dbid = t->db->dbid;
    if (rec->type != LR_UNDO || rec->level == 0)
        rec->level = s->level;
    rec->trx = sess_begin(s);
    rec->pgno_fdp = t->space ? t->pgno_parent : t->root;
    rec->objid = t->objid;
    if (t->space ? !(t->page_flags & PAGE_NON_UNIQUE) : t->unique) /* of the tree that it serves */
        rec->flags |= LR_PAGE_UNIQUE;
    if (t->space)
        rec->flags |= LR_PAGE_SPACE;
}

JET_ERR trx_log(struct sess *s, const struct tree *t, struct logrec *rec, lgpos_t *ret)
{
    struct inst *in = s->inst;
    JET_ERR err = inst_check(in);

    *ret = 0;
    if (unlikely(err < 0) || !in->wal)
        return err;
    assert(s->level > 0);
    if (s->level_logged < s->level) {
        err = log_begins(s);
        if (err < 0)
            return err;
    }
    rec->procid = s->procid;
    if (t && rec->pgno != PGNO_NULL)
        fill_page(s, t, rec);
    err = wal_append(in->wal, rec, ret);
    return err < 0 ? inst_fail(in, err) : err;
}

void trx_dirty(struct sess *s, struct buf *b, lgpos_t lgpos)
{
    const lgpos_t begin = atomic_load_explicit(&s->lgpos_begin0, memory_order_relaxed);

    buf_dirty_since(b, lgpos, begin < lgpos ? begin : lgpos);
}
