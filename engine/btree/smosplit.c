/*
 * An operation that needs a tree's shape to itself: it is tried again, and pages are split until
 * it fits.
 *
 * One round: down from the root, exclusively; done, if it fits by now; else a split is planned
 * (smoplan.c), latches are let go of, pages taken (which logs, and changes other trees), and the
 * macro carried out. A round that could not take the operation along has made room for the next.
 *
 * A crash between the records for the pages and the macro loses the pages, nothing else (write
 * path 7.2).
 *
 * ESE: ErrBTISplit, ErrBTICreateSplitPathAndRetryOper, ErrBTIGetNewPages (bt.cxx).
 */
#include "btree/smo_int.h"
#include "btree/spacewrite.h"

#define ROUNDS_MAX 64u /* each makes room; one per level and a few would do */

/* ---- the operation in a page ------------------------------------------------------------------ */

/* What it comes down to, as the node is there or not. */
static JET_ERR decide(struct smo_work *w)
{
    const struct smo_step *leaf = smo_leaf(&w->path);
    struct node n;

    w->type = LR_INSERT;
    if (!w->path.found)
        return w->op->kind == SMO_INSERT ? JET_errSuccess : RAISE(JET_errRecordNotFound);
    w->type = LR_REPLACE;
    if (w->op->kind == SMO_REPLACE)
        return JET_errSuccess;
    n = page_node(smo_page(leaf->buf), leaf->line);
    if (!(n.flags & NODE_DELETED))
        return RAISE(JET_errKeyDuplicate);
    w->type = w->t->unique ? LR_FLAG_INSERT_AND_REPLACE_DATA : LR_FLAG_INSERT;
    /* Rollback would want the old data's version, and the caller made none. But with his own
     * version on the bookmark nobody else can have put a node there. */
    if (w->t->unique && w->op->kind == SMO_INSERT && w->op->versioned)
        return RAISE(JET_errWriteConflict);
    return JET_errSuccess;
}

static uint32_t prefix_len(const struct smo_work *w)
{
    if (w->type != LR_INSERT)
        return 0;
    return redo_prefix_len(smo_page(w->path.step[w->path.depth - 1].buf),
                           (struct redo_key){{w->op->key}});
}

static bool insert_fits(const struct smo_work *w, struct smo_step *leaf)
{
    const struct page p = smo_page(leaf->buf);
    const unsigned nr = page_nr_lines(p);
    const uint32_t prefix = prefix_len(w);
    uint32_t len = SMO_NODE_OVERHEAD + w->op->key.len + w->op->data.len - (prefix ? prefix - 2 : 0);

    if (nr >= PAGE_LINES_MAX)
        return false;
    /* Behind the last key of the tree some room is left for the nodes to grow. */
    if (nr && leaf->line == nr && page_next(p) == PGNO_NULL)
        len += smo_density_free(w->t);
    return smo_has_room(w->t, leaf->buf, len);
}

/* What is reserved for this very node, it may have. */
static bool fits(struct smo_work *w)
{
    struct smo_step *leaf = smo_leaf(&w->path);
    const struct page p = smo_page(leaf->buf);
    uint32_t more;

    if (w->type == LR_INSERT)
        return insert_fits(w, leaf);
    more = page_node(p, leaf->line).data.len;
    more = w->op->data.len > more ? w->op->data.len - more : 0;
    return w->type == LR_FLAG_INSERT || more == 0 ||
           more + smo_reserved(w->t, p, leaf->line) <= page_free(p);
}

void smo_fill_record(const struct smo_work *w, struct logrec *rec, uint32_t prefix)
{
    const struct smo_op *op = w->op;

    rec->flags = op->versioned ? LR_PAGE_VERSIONED : 0;
    rec->rceid = op->rceid;
    if (w->type == LR_REPLACE) {
        rec->replace.data = op->data;
        rec->replace.new_len = (uint16_t)op->data.len;
        return;
    }
    rec->insert.key_prefix = (struct slice){op->key.p, prefix};
    rec->insert.key_suffix = (struct slice){op->key.p + prefix, op->key.len - prefix};
    rec->insert.data = op->data;
    rec->insert.rceid_replace = op->rceid_replace;
}

static JET_ERR change(struct smo_work *w, struct edit e, unsigned line, const struct logrec *rec)
{
    const unsigned versioned = w->op->versioned ? NODE_VERSIONED : 0;
    JET_ERR err = JET_errSuccess;

    if (w->type == LR_INSERT) {
        const struct node_new n = {.flags = versioned,
                                   .prefix_len = rec->insert.key_prefix.len,
                                   .suffix = {rec->insert.key_suffix},
                                   .data = w->op->data};
        return page_insert(e, line, &n);
    }
    if (w->type != LR_FLAG_INSERT)
        err = page_replace(e, line, w->op->data);
    if (err >= 0)
        err = page_set_node_flags(e, line, versioned, w->type == LR_REPLACE ? 0 : NODE_DELETED);
    return err;
}

/* It fits: one record, as if nothing had been. */
static JET_ERR operate(struct smo_work *w)
{
    const struct smo_step *leaf = smo_leaf(&w->path);
    const uint32_t reserved = page_uncommitted(smo_page(leaf->buf));
    struct logrec rec = {.type = w->type, .iline = (uint16_t)leaf->line};
    lgpos_t lgpos;
    JET_ERR err;

    smo_fill_record(w, &rec, prefix_len(w));
    if (w->type == LR_REPLACE)
        rec.replace.old_len = (uint16_t)page_node(smo_page(leaf->buf), leaf->line).data.len;
    err = smo_log(w->s, w->t, leaf->buf, &rec, &lgpos);
    if (err < 0)
        return err;
    err = change(w, smo_edit(leaf->buf), leaf->line, &rec);
    if (err < 0)
        return smo_broken(w->s, leaf->buf, err);
    smo_changed(w->s, leaf->buf, &rec, lgpos,
                w->type == LR_INSERT || w->type == LR_FLAG_INSERT
                    ? reserved
                    : smo_reserved(w->t, smo_page(leaf->buf), SMO_NO_LINE));
    w->pgno = leaf->buf->pgno;
    w->line = leaf->line;
    return JET_errSuccess;
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* The page is this tree's from the log's point of view, before the macro makes it (write path
 * 14). */
static JET_ERR log_new_page(struct smo_work *w, pgno_t pgno)
{
    struct db *d = w->t->db;
    struct logrec rec = {.type = LR_NEW_PAGE, .dbid = d->dbid, .pgno = pgno, .objid = w->t->objid};
    struct buf *b;
    lgpos_t lgpos;
    JET_ERR err;

    if (!db_has_new_page(d) || d->creating || !w->s->inst->wal)
        return JET_errSuccess;
    err = buf_get_latched(d->pool, pgno, BUF_NEW, BUF_EXCLUSIVE, &b);
    if (err < 0)
        return err;
    rec.dbtime = db_dbtime_next(d);
    err = trx_log(w->s, w->t, &rec, &lgpos);
    if (err >= 0) {
        page_preinit(smo_edit(b), pgno, w->t->objid, rec.dbtime);
        trx_dirty(w->s, b, lgpos);
    }
    buf_release(b, BUF_EXCLUSIVE);
    return err;
}

static JET_ERR take_page(struct smo_work *w, pgno_t near, pgno_t *ret)
{
    pgno_t pgno;
    JET_ERR err = w->alloc ? w->alloc(w->ctx, w->s, w->t, near, &pgno)
                           : space_alloc_page(w->s, w->t, near, &pgno);

    if (err < 0)
        return err;
    *ret = pgno;
    return log_new_page(w, pgno);
}

static JET_ERR take_pages(struct smo_work *w)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < w->path.depth && err >= 0; i++)
        if (w->split[i].planned)
            err = take_page(w, w->path.step[i].buf->pgno, &w->split[i].fresh);
    return err;
}

/* Nothing came of it. A page that cannot be given back, or that a space tree was given, is lost:
 * it belongs to the tree, and nobody refers to it. */
static void give_pages_back(struct smo_work *w)
{
    for (unsigned i = 0; i < w->path.depth; i++) {
        JET_ERR err = JET_errSuccess;

        if (w->split[i].fresh && !w->alloc && inst_check(w->s->inst) >= 0)
            err = space_free_pages(w->s, w->t, w->split[i].fresh, 1);
        (void)err;
    }
}

/* ---- rounds ----------------------------------------------------------------------------------- */

static JET_ERR split(struct smo_work *w, bool *ret_done)
{
    JET_ERR err = smo_plan(w);

    smo_path_unlatch(&w->path);
    if (err >= 0) {
        err = take_pages(w);
        if (err >= 0)
            err = smo_split_run(w, ret_done);
        if (err < 0)
            give_pages_back(w);
    }
    smo_plan_done(w);
    return err;
}

/* A leaf's only node wants to grow, and the page has no room only because its prefix takes it. */
static JET_ERR make_room_alone(struct smo_work *w)
{
    bool changed;
    JET_ERR err = smo_trim_prefix(w->s, w->t, smo_leaf(&w->path)->buf, &changed);

    return err < 0 || changed ? err : RAISE(JET_errRecordTooBig);
}

static JET_ERR one_round(struct smo_work *w, bool *ret_done)
{
    const struct bookmark bm = {w->op->key,
                                w->t->unique ? (struct slice){w->op->key.p, 0} : w->op->data};
    JET_ERR err = smo_descend(&w->path, w->s, w->t, &bm);

    if (err < 0)
        return err;
    err = decide(w);
    if (err >= 0 && fits(w)) {
        *ret_done = true;
        err = operate(w);
    } else if (err >= 0 && w->path.depth > 1 && w->type != LR_INSERT &&
               page_nr_lines(smo_page(smo_leaf(&w->path)->buf)) == 1) {
        err = make_room_alone(w);
    } else if (err >= 0) {
        err = split(w, ret_done);
    }
    smo_path_done(&w->path);
    return err;
}

JET_ERR smo_do(struct sess *s, struct tree *t, const struct smo_op *op, smo_alloc_fn *alloc,
               void *ctx, pgno_t *ret_pgno, unsigned *ret_line)
{
    struct smo_work w = {.s = s, .t = t, .op = op, .alloc = alloc, .ctx = ctx};
    JET_ERR err = JET_errSuccess;
    bool done = false;

    if ((uint64_t)op->key.len + op->data.len + SMO_NODE_OVERHEAD > smo_room(t->db->page_size))
        return RAISE(JET_errRecordTooBig);
    smo_enter(t);
    for (unsigned i = 0; err >= 0 && !done; i++)
        err = i < ROUNDS_MAX ? one_round(&w, &done) : RAISE(JET_errInternalError);
    smo_leave(t);
    if (err < 0)
        return err;
    if (ret_pgno)
        *ret_pgno = w.pgno;
    if (ret_line)
        *ret_line = w.line;
    return JET_errSuccess;
}
