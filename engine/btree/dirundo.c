/*
 * What versions need of the pages: rollback of one operation, UndoInfo before a page is written,
 * and nodes that nobody can see any more (ESE: ver.cxx ErrVERUndoLoggedOper, ErrVERILogUndoInfo;
 * write path 4.4, 5.2, 6.1).
 *
 * An uncommitted change that is on disk can be taken back only when the log says what was there
 * before. Inserts and Deltas say it themselves; a Replace or FlagDelete has its UndoInfo in the log
 * before its page is written, or before its Undo.
 */
#include "btree/dir_int.h"
#include "btree/smo_int.h"

/* ---- UndoInfo ------------------------------------------------------------------------------ */

static struct logrec undo_record(const struct ver *v, enum lrtyp type, pgno_t pgno)
{
    const struct bookmark bm = ver_bookmark(v);
    struct logrec rec = {.type = type, .pgno = pgno, .rceid = v->rceid};

    rec.node.key = bm.key;
    rec.node.data = bm.data;
    rec.node.oper = v->oper;
    rec.node.level = v->level;
    return rec;
}

static struct logrec undo_info_record(const struct ver *v, pgno_t pgno)
{
    struct logrec rec = undo_record(v, LR_UNDO_INFO, pgno);

    rec.dbtime = rec.dbtime_before = DBTIME_INVALID;
    rec.node.image = ver_image(v);
    rec.node.size_max = v->size_max;
    rec.node.size_delta = v->size_delta;
    return rec;
}

static JET_ERR undo_info_log(struct sess *s, struct ver *v, pgno_t pgno)
{
    struct logrec rec = undo_info_record(v, pgno);
    lgpos_t lgpos;
    JET_ERR err = trx_log(s, v->tree, &rec, &lgpos);

    if (err >= 0)
        v->undo_logged = true;
    return err;
}

/* ---- before a page is written -------------------------------------------------------------- */

struct flush {
    struct db *d;
    const struct buf *b;
    lgpos_t lgpos; /* the log must be on disk up to there */
};

/* By another thread than the session's, which stands still meanwhile as far as v goes. */
static JET_ERR log_for_flush(void *ctx, struct ver *v)
{
    struct flush *f = ctx;
    const struct tree *t = v->tree;
    struct logrec rec = undo_info_record(v, f->b->pgno);
    lgpos_t lgpos;
    JET_ERR err;

    rec.procid = v->sess->procid;
    rec.dbid = f->d->dbid;
    rec.trx = atomic_load_explicit(&v->sess->trx_begin0, memory_order_relaxed);
    rec.level = v->level;
    rec.pgno_fdp = t->root;
    rec.objid = t->objid;
    rec.flags = t->unique ? LR_PAGE_UNIQUE : 0;
    err = wal_append(f->d->inst->wal, &rec, &lgpos);
    if (err >= 0 && lgpos > f->lgpos)
        f->lgpos = lgpos;
    return err;
}

static bool any_versioned(struct page p)
{
    const struct page_lines l = page_lines(p);

    for (unsigned i = 0; i < l.nr; i++)
        if (page_lines_node(&l, i).flags & NODE_VERSIONED)
            return true;
    return false;
}

/* The tree with that objid, if there are versions in it; the caller has a reference. */
static struct tree *tree_with_versions(struct db *d, objid_t objid)
{
    struct tree *t;

    pthread_mutex_lock(&d->tree_lock);
    for (t = d->trees; t; t = t->next)
        if (t->objid == objid && !t->space &&
            atomic_load_explicit(&t->nr_ver, memory_order_relaxed) != 0)
            break;
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&d->tree_lock);
    return t;
}

typedef JET_ERR ver_each_fn(struct tree *t, const struct bookmark *bm,
                            JET_ERR (*fn)(void *ctx, struct ver *v), void *ctx);

static JET_ERR log_lines(struct flush *f, struct tree *t, unsigned first, ver_each_fn *each)
{
    const struct page_lines l = page_lines(buf_page(f->b));
    uint8_t key[PAGE_SIZE_MAX];
    JET_ERR err = JET_errSuccess;

    for (unsigned i = first; i < l.nr && err == JET_errSuccess; i++) {
        const struct node n = page_lines_node(&l, i);
        struct bookmark bm;

        if (!(n.flags & NODE_VERSIONED))
            continue;
        bm = node_bookmark(t, (struct slice){key, node_key(&n, key)}, n.data);
        err = each(t, &bm, log_for_flush, f);
    }
    return err;
}

JET_ERR dir_before_flush(void *db, const struct buf *b, lgpos_t lgpos)
{
    struct flush f = {db, b, lgpos};
    const struct page p = buf_page(b);
    JET_ERR err = JET_errSuccess;
    struct tree *t = NULL;

    if (!f.d->inst->wal)
        return JET_errSuccess;
    if ((page_flags(p) & (PAGE_LEAF | PAGE_SPACE_TREE | PAGE_EMPTY | PAGE_PRE_INIT)) == PAGE_LEAF &&
        any_versioned(p))
        t = tree_with_versions(f.d, page_objid(p));
    if (t) {
        err = log_lines(&f, t, 0, ver_each_unlogged);
        tree_put(t);
    }
    if (err == JET_errSuccess && f.lgpos)
        err = wal_flush(f.d->inst->wal, f.lgpos);
    return err;
}

/*
 * A change of a node is redone on the page that its record names, if that is older; if not, what
 * was there before is known from its UndoInfo alone. So the UndoInfo of a node that leaves its page
 * comes before the record of the move.
 */
JET_ERR dir_before_move(struct tree *t, const struct buf *b, unsigned first)
{
    struct flush f = {t->db, b, 0};

    if (t->space || !t->db->inst->wal || !(page_flags(buf_page(b)) & PAGE_LEAF) ||
        atomic_load_explicit(&t->nr_ver, memory_order_relaxed) == 0)
        return JET_errSuccess;
    return log_lines(&f, t, first, ver_each_moving);
}

/* ---- rollback ------------------------------------------------------------------------------ */

/* NULL when the node can take its operation back, else what is in the way: damage. */
static const char *refuse(const struct node *n, const struct ver *v)
{
    const uint32_t width = v->oper == VER_DELTA64 ? 8 : 4;

    switch (v->oper) {
    case VER_FLAG_DELETE:
        return n->flags & NODE_DELETED ? NULL : "a node to be rolled back is not deleted";
    case VER_DELTA:
    case VER_DELTA64:
        return v->offset <= n->data.len && n->data.len - v->offset >= width
                   ? NULL
                   : "a counter to be rolled back lies outside the data";
    default:
        return NULL;
    }
}

static JET_ERR reverse(struct edit e, unsigned line, const struct ver *v)
{
    uint8_t *p;

    switch (v->oper) {
    case VER_INSERT:
        return page_set_node_flags(e, line, NODE_DELETED, 0);
    case VER_FLAG_DELETE:
        return page_set_node_flags(e, line, 0, NODE_DELETED);
    case VER_REPLACE:
        return page_replace(e, line, ver_image(v));
    case VER_DELTA:
        p = page_node_data(e, line, v->offset, 4);
        put_le32(p, get_le32(p) - (uint32_t)v->delta);
        return JET_errSuccess;
    default:
        p = page_node_data(e, line, v->offset, 8);
        put_le64(p, get_le64(p) - (uint64_t)v->delta);
        return JET_errSuccess;
    }
}

static JET_ERR undo_on_page(struct sess *s, struct ver *v, struct spot *at)
{
    struct buf *b = at->buf;
    const struct page p = buf_page(b);
    struct logrec rec = undo_record(v, LR_UNDO, b->pgno);
    int64_t reserved = page_uncommitted(p);
    lgpos_t lgpos;
    JET_ERR err = JET_errSuccess;

    if ((v->oper == VER_REPLACE || v->oper == VER_FLAG_DELETE) && !v->undo_logged)
        err = undo_info_log(s, v, b->pgno);
    if (err < 0)
        return err;
    rec.iline = (uint16_t)at->line;
    rec.dbtime = db_dbtime_next(v->tree->db);
    rec.dbtime_before = page_dbtime(p);
    err = trx_log(s, v->tree, &rec, &lgpos);
    if (err < 0)
        return err;
    if (v->oper == VER_REPLACE)
        reserved -= v->size_delta;
    err = reverse(buf_edit(b), at->line, v);
    reserve_set(buf_edit(b), reserved);
    err = page_changed(s, b, &rec, lgpos, err);
    if (err >= 0)
        ver_set_undone(v);
    return err;
}

/*
 * The room for a before image is reserved from the moment that the node became smaller, and splits
 * and merges take the reserve along. Should it be missing all the same, the data go back by a split
 * first, as an unversioned Replace; the Undo after it finds what it would make, and redo and
 * another recovery do so too.
 */
static JET_ERR make_room(struct sess *s, struct ver *v)
{
    const struct smo_op op = {
        .kind = SMO_REPLACE, .key = ver_bookmark(v).key, .data = ver_image(v)};

    return smo_do(s, v->tree, &op, NULL, NULL, NULL, NULL);
}

static bool image_fits(const struct ver *v, const struct spot *at)
{
    const struct page p = buf_page(at->buf);
    const uint32_t from = page_node(p, at->line).data.len, to = ver_image(v).len;

    return v->oper != VER_REPLACE || to <= from || to - from <= page_free(p);
}

static JET_ERR undo_once(struct sess *s, struct ver *v, bool *ret_no_room)
{
    struct tree *t = v->tree;
    const struct bookmark bm = ver_bookmark(v);
    const struct find f = find_bookmark(t, &bm);
    const char *what = "a node to be rolled back is not there";
    struct spot at;
    JET_ERR err = seek_find(t, &f, BUF_EXCLUSIVE, &at);

    if (err < 0)
        return err;
    if (at.exact) {
        const struct node n = page_node(buf_page(at.buf), at.line);
        what = refuse(&n, v);
    }
    *ret_no_room = !what && !image_fits(v, &at);
    if (what)
        err = dir_fault(t, RAISE(JET_errDatabaseCorrupted), at.buf->pgno, what);
    else if (!*ret_no_room)
        err = undo_on_page(s, v, &at);
    spot_leave(&at);
    return err;
}

static JET_ERR undo(struct sess *s, struct ver *v)
{
    bool no_room = false;
    JET_ERR err;

    if (v->oper >= VER_WRITE_LOCK)
        return JET_errSuccess;
    do {
        tree_enter(v->tree);
        err = undo_once(s, v, &no_room);
        tree_leave(v->tree);
        if (err >= 0 && no_room)
            err = make_room(s, v);
    } while (err >= 0 && no_room);
    return err;
}

/* ---- nodes that nobody sees ---------------------------------------------------------------- */

static _Atomic(dir_lv_clean_fn *) lv_cleaner;

void dir_set_lv_cleaner(dir_lv_clean_fn *fn)
{
    atomic_store_explicit(&lv_cleaner, fn, memory_order_release);
}

/* The count of an LV root stands where the Delta was; *ret: it is 0, and the node not deleted. */
static JET_ERR count_is_zero(struct tree *t, const struct ver *v, bool *ret)
{
    const struct bookmark bm = ver_bookmark(v);
    const struct find f = find_bookmark(t, &bm);
    struct spot at;
    JET_ERR err;

    *ret = false;
    tree_enter(t);
    err = seek_find(t, &f, BUF_SHARED, &at);
    if (err >= 0) {
        if (at.exact) {
            const struct node n = page_node(buf_page(at.buf), at.line);
            *ret = !(n.flags & NODE_DELETED) && v->offset <= n.data.len &&
                   n.data.len - v->offset >= 4 && get_le32(n.data.p + v->offset) == 0;
        }
        spot_leave(&at);
    }
    tree_leave(t);
    return err;
}

JET_ERR dir_clean_lv(struct sess *s, struct tree *t, const struct bookmark *bm)
{
    dir_lv_clean_fn *fn = atomic_load_explicit(&lv_cleaner, memory_order_acquire);

    return fn ? fn(s, t, bm) : JET_errSuccess;
}

static JET_ERR clean_delta(struct sess *s, struct ver *v)
{
    const struct bookmark bm = ver_bookmark(v);
    bool zero;
    JET_ERR err;

    if (!(v->tree->page_flags & PAGE_LONG_VALUE))
        return JET_errSuccess;
    err = count_is_zero(v->tree, v, &zero);
    return err >= 0 && zero ? dir_clean_lv(s, v->tree, &bm) : err;
}

/* Nodes leave under the leaf's latch, so nobody is kept out of the tree for it. *ret_sparse: what
 * is left of the leaf may be merged. */
static JET_ERR delete_nodes(struct sess *s, struct tree *t, const struct bookmark *bm,
                            bool *ret_sparse)
{
    const struct find f = find_bookmark(t, bm);
    struct spot at;
    JET_ERR err = seek_find(t, &f, BUF_EXCLUSIVE, &at);

    *ret_sparse = false;
    if (err < 0)
        return err;
    if (at.exact && (page_node(buf_page(at.buf), at.line).flags & NODE_DELETED)) {
        err = smo_delete_nodes(s, t, at.buf);
        *ret_sparse = smo_is_sparse(at.buf);
    }
    spot_leave(&at);
    return err;
}

JET_ERR dir_clean_node(struct sess *s, struct tree *t, const struct bookmark *bm)
{
    JET_ERR err = JET_errSuccess;
    bool sparse = false;

    tree_enter(t);
    if (!atomic_load_explicit(&t->deleted, memory_order_acquire))
        err = delete_nodes(s, t, bm, &sparse);
    tree_leave(t);
    return err >= 0 && sparse ? smo_clean_leaf(s, t, bm) : err;
}

static JET_ERR clean(struct sess *s, struct ver *v)
{
    const struct bookmark bm = ver_bookmark(v);

    if (atomic_load_explicit(&v->tree->deleted, memory_order_acquire))
        return JET_errSuccess;
    if (v->oper == VER_DELTA || v->oper == VER_DELTA64)
        return clean_delta(s, v);
    return dir_clean_node(s, v->tree, &bm);
}

const struct ver_hooks dir_ver_hooks = {undo, clean};
