/*
 * Changes of the node that a place is on: Replace, FlagDelete, Delta, locks; and what all changes
 * share.
 *
 * One change, under the exclusive latch of its leaf (write path 0): conflict test and version,
 * dbtime, record, page. The record comes before the page, so a failure to log leaves the page as it
 * was; the version is taken back then.
 *
 * Free bytes of a page are of two kinds (write path 7.7). Some are reserved: data that an open
 * transaction made shorter may have to grow back. cbUncommittedFree counts them, never too few;
 * when that count stands in the way it is made anew from the versions, which know how long each
 * node may become again.
 */
#include "btree/dir_int.h"
#include "log/logdiff.h"

/* ---- beginning and end --------------------------------------------------------------------- */

JET_ERR change_allowed(const struct dir *d)
{
    const JET_ERR err = inst_check(d->sess->inst);

    if (err < 0)
        return err;
    if (d->sess->level == 0)
        return RAISE(JET_errNotInTransaction);
    return d->tree->db->read_only ? RAISE(JET_errDatabaseFileReadOnly) : JET_errSuccess;
}

JET_ERR change_begin(struct dir *d, struct change *c)
{
    JET_ERR err;

    dir_release(d);
    c->at.buf = NULL;
    tree_enter(d->tree);
    err = change_allowed(d);
    if (err < 0)
        return err;
    if (d->at != DIR_ON)
        return JET_errNoCurrentRecord;
    err = seek_place(d, BUF_EXCLUSIVE, &c->at);
    if (err < 0) {
        c->at.buf = NULL;
        return err;
    }
    if (!c->at.exact)
        return JET_errRecordDeleted;
    c->n = page_node(buf_page(c->at.buf), c->at.line);
    place_note(d, DIR_ON, c->at.buf, c->at.line);
    return JET_errSuccess;
}

void change_end(struct dir *d, struct change *c)
{
    spot_leave(&c->at);
    tree_leave(d->tree);
}

JET_ERR page_changed(struct sess *s, struct buf *b, const struct logrec *rec, lgpos_t lgpos,
                     JET_ERR done)
{
    struct edit e = buf_edit(b);

    if (done < 0)
        return inst_fail(s->inst, done);
    page_set_flags(e, page_flags(edit_page(e)) & ~(uint32_t)PAGE_SCRUBBED);
    page_set_dbtime(e, rec->dbtime);
    trx_dirty(s, b, lgpos);
    return JET_errSuccess;
}

/* ---- room ---------------------------------------------------------------------------------- */

/* What the versions of its nodes reserve of the page (ESE: CbNDUncommittedFree). */
static uint32_t count_reserved(struct tree *t, struct page p)
{
    const struct page_lines l = page_lines(p);
    uint8_t key[PAGE_SIZE_MAX];
    uint64_t sum = 0;

    if (atomic_load_explicit(&t->nr_ver, memory_order_relaxed) == 0)
        return 0;
    for (unsigned i = 0; i < l.nr; i++) {
        const struct node n = page_lines_node(&l, i);
        struct bookmark bm;
        uint32_t most;

        if (!(n.flags & NODE_VERSIONED))
            continue;
        bm = node_bookmark(t, (struct slice){key, node_key(&n, key)}, n.data);
        most = ver_size_max(t, &bm);
        sum += most > n.data.len ? most - n.data.len : 0;
    }
    return sum < page_free(p) ? (uint32_t)sum : page_free(p);
}

bool page_can_take(struct tree *t, struct buf *b, uint32_t len)
{
    const struct page p = buf_page(b);
    uint32_t reserved = page_uncommitted(p);

    if (len + reserved <= page_free(p))
        return true;
    if (!reserved || len > page_free(p))
        return false;
    reserved = count_reserved(t, p);
    if (reserved == page_uncommitted(p))
        return false;
    page_set_uncommitted(buf_edit(b), reserved);
    buf_untidy(b);
    return len + reserved <= page_free(p);
}

bool node_can_become(struct tree *t, struct buf *b, uint32_t from, uint32_t to, const struct ver *v)
{
    const struct page p = buf_page(b);
    uint32_t own;

    if (to <= from || page_can_take(t, b, to - from))
        return true;
    if (!v || v->size_max <= (int32_t)from || to - from > page_free(p))
        return false;
    /* What is reserved for this very node, it may have: nobody else changes it now. */
    own = (uint32_t)v->size_max - from;
    return to - from + page_uncommitted(p) <= page_free(p) + own;
}

int32_t reserve_adjust(struct ver *v, uint32_t from, uint32_t to)
{
    int32_t grown = (int32_t)to - (int32_t)from;

    if ((int32_t)to > v->size_max) { /* longer than ever: nothing stays reserved */
        grown = v->size_max - (int32_t)from;
        v->size_max = (int16_t)to;
    }
    v->size_delta = (int16_t)(v->size_delta - grown);
    return -grown;
}

void reserve_set(struct edit e, int64_t len)
{
    const uint32_t most = page_free(edit_page(e));

    page_set_uncommitted(e, len < 0 ? 0 : len > most ? most : (uint32_t)len);
}

/* ---- changes that do not fit --------------------------------------------------------------- */

/* Lengths of a version are changed under the latch of its node. Should the page not be had, less is
 * reserved than there might be, and a rollback that misses it makes room by itself (dirundo.c). */
static void note_lengths(struct tree *t, const struct smo_op *op, struct ver *v, uint32_t from)
{
    const struct find f = {.key = op->key};
    struct spot at;

    tree_enter(t);
    if (seek_find(t, &f, BUF_EXCLUSIVE, &at) >= 0) {
        (void)reserve_adjust(v, from, op->data.len);
        spot_leave(&at);
    }
    tree_leave(t);
}

/*
 * Until v->lgpos is set no page with the node on it can be written, since what undoes the Replace
 * is not in the log either. smo_do does not tell where its record is; that it is in the log is all
 * that counts.
 */
JET_ERR change_by_smo(struct dir *d, struct spot *at, const struct smo_op *op, struct ver *v,
                      uint32_t from)
{
    struct wal *w = d->sess->inst->wal;
    JET_ERR err;

    spot_leave(at);
    tree_leave(d->tree);
    place_forget_page(d);
    err = smo_do(d->sess, d->tree, op, NULL, NULL, NULL, NULL);
    if (err >= 0 && v) {
        if (w)
            atomic_store_explicit(&v->lgpos, wal_tip(w), memory_order_release);
        note_lengths(d->tree, op, v, from);
    }
    tree_enter(d->tree);
    return err;
}

/* ---- Replace ------------------------------------------------------------------------------- */

static bool slices_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0);
}

/* The data of a record become a difference where that is shorter (write path 4.2). */
static void make_diff(struct logrec *rec, struct slice old, struct slice now, bool wide,
                      uint8_t *buf)
{
    const uint32_t len = logdiff_make(old, now, wide, buf, now.len);

    if (!len)
        return;
    rec->type = LR_REPLACE_D;
    rec->replace.data = (struct slice){buf, len};
    rec->replace.wide = wide;
}

static JET_ERR replace_on_page(struct dir *d, struct change *c, struct slice data, unsigned flags,
                               struct ver *v)
{
    struct buf *b = c->at.buf;
    const struct edit e = buf_edit(b);
    const uint32_t from = c->n.data.len;
    int64_t reserved = page_uncommitted(buf_page(b));
    struct logrec rec = page_record(d->tree, b, LR_REPLACE, c->at.line, v);
    uint8_t diff[PAGE_SIZE_MAX];
    lgpos_t lgpos;
    JET_ERR err;

    rec.replace.data = data;
    rec.replace.old_len = (uint16_t)from;
    rec.replace.new_len = (uint16_t)data.len;
    if (!(flags & DIR_FULL_REPLACE) && !(d->tree->page_flags & (PAGE_INDEX | PAGE_SPACE_TREE)))
        make_diff(&rec, c->n.data, data, logdiff_is_wide(b->size), diff);
    err = trx_log(d->sess, d->tree, &rec, &lgpos);
    if (err < 0)
        return err;
    if (v) {
        atomic_store_explicit(&v->lgpos, lgpos, memory_order_release);
        reserved += reserve_adjust(v, from, data.len);
    }
    err = page_replace(e, c->at.line, data);
    if (err >= 0 && v)
        err = page_set_node_flags(e, c->at.line, NODE_VERSIONED, 0);
    reserve_set(e, reserved);
    err = page_changed(d->sess, b, &rec, lgpos, err);
    place_note(d, DIR_ON, b, c->at.line);
    return err;
}

static JET_ERR replace(struct dir *d, struct change *c, struct slice data, unsigned flags)
{
    const struct bookmark bm = dir_bookmark(d);
    const uint32_t from = c->n.data.len;
    struct ver *v = NULL;
    JET_ERR err;

    if (!(flags & DIR_UNVERSIONED)) {
        err = ver_add(d->sess, d->tree, VER_REPLACE, &bm, c->n.data, &v);
        if (err < 0)
            return err;
    }
    if (node_can_become(d->tree, c->at.buf, from, data.len, v)) {
        err = replace_on_page(d, c, data, flags, v);
    } else {
        const struct smo_op op = {.kind = SMO_REPLACE,
                                  .key = bm.key,
                                  .data = data,
                                  .versioned = v != NULL,
                                  .rceid = v ? v->rceid : 0};
        err = change_by_smo(d, &c->at, &op, v, from);
    }
    if (err < 0 && v)
        ver_drop(d->sess, v);
    return err;
}

static JET_ERR test_conflict(struct dir *d, enum ver_oper oper, unsigned flags)
{
    const struct bookmark bm = dir_bookmark(d);

    return flags & DIR_UNVERSIONED ? JET_errSuccess : ver_conflict(d->sess, d->tree, oper, &bm);
}

/* A deleted node: this session's doing, or somebody's that it may not see yet. */
static JET_ERR refuse_deleted(struct dir *d, enum ver_oper oper, unsigned flags)
{
    const JET_ERR err = test_conflict(d, oper, flags);

    return err < 0 ? err : JET_errRecordDeleted;
}

JET_ERR dir_replace(struct dir *d, struct slice data, unsigned flags)
{
    struct change c;
    JET_ERR err = change_begin(d, &c);

    if (err >= 0 && !d->tree->unique) /* data are part of the order there */
        err = RAISE(JET_errInvalidParameter);
    if (err >= 0 && 2 + (uint64_t)d->key_len + data.len > node_len_max(d->tree->db->page_size))
        err = RAISE(JET_errRecordTooBig);
    if (err >= 0 && (c.n.flags & NODE_DELETED))
        err = refuse_deleted(d, VER_REPLACE, flags);
    if (err >= 0)
        err = slices_equal(c.n.data, data) ? test_conflict(d, VER_REPLACE, flags)
                                           : replace(d, &c, data, flags);
    change_end(d, &c);
    return err;
}

/* ---- FlagDelete ---------------------------------------------------------------------------- */

static JET_ERR flag_delete(struct dir *d, struct change *c, struct ver *v)
{
    struct buf *b = c->at.buf;
    const uint32_t reserved = page_uncommitted(buf_page(b));
    struct logrec rec = page_record(d->tree, b, LR_FLAG_DELETE, c->at.line, v);
    lgpos_t lgpos;
    JET_ERR err = trx_log(d->sess, d->tree, &rec, &lgpos);

    if (err < 0)
        return err;
    if (v)
        atomic_store_explicit(&v->lgpos, lgpos, memory_order_release);
    err = page_set_node_flags(buf_edit(b), c->at.line, NODE_DELETED | (v ? NODE_VERSIONED : 0), 0);
    page_set_uncommitted(buf_edit(b), reserved);
    err = page_changed(d->sess, b, &rec, lgpos, err);
    place_note(d, DIR_ON, b, c->at.line);
    return err;
}

JET_ERR dir_flag_delete(struct dir *d, unsigned flags)
{
    struct change c;
    struct ver *v = NULL;
    JET_ERR err = change_begin(d, &c);

    if (err >= 0 && (c.n.flags & NODE_DELETED))
        err = refuse_deleted(d, VER_FLAG_DELETE, flags);
    if (err >= 0 && !(flags & DIR_UNVERSIONED)) {
        const struct bookmark bm = dir_bookmark(d);
        err = ver_add(d->sess, d->tree, VER_FLAG_DELETE, &bm, (struct slice){bm.key.p, 0}, &v);
    }
    if (err >= 0) {
        err = flag_delete(d, &c, v);
        if (err < 0 && v)
            ver_drop(d->sess, v);
    }
    change_end(d, &c);
    return err;
}

/* ---- Delta --------------------------------------------------------------------------------- */

static int64_t get_counter(const uint8_t *p, bool wide)
{
    return wide ? (int64_t)get_le64(p) : (int32_t)get_le32(p);
}

static void add_counter(uint8_t *p, bool wide, int64_t delta)
{
    if (wide)
        put_le64(p, get_le64(p) + (uint64_t)delta);
    else
        put_le32(p, get_le32(p) + (uint32_t)delta);
}

static JET_ERR add_delta(struct dir *d, struct change *c, struct ver *v)
{
    const bool wide = v->oper == VER_DELTA64;
    const struct bookmark bm = dir_bookmark(d);
    struct buf *b = c->at.buf;
    const uint32_t reserved = page_uncommitted(buf_page(b));
    struct logrec rec = page_record(d->tree, b, wide ? LR_DELTA64 : LR_DELTA, c->at.line, v);
    lgpos_t lgpos;
    JET_ERR err;

    rec.node.key = bm.key;
    rec.node.data = bm.data;
    rec.node.delta = v->delta;
    rec.node.offset = v->offset;
    err = trx_log(d->sess, d->tree, &rec, &lgpos);
    if (err < 0)
        return err;
    atomic_store_explicit(&v->lgpos, lgpos, memory_order_release);
    add_counter(page_node_data(buf_edit(b), c->at.line, v->offset, wide ? 8 : 4), wide, v->delta);
    err = page_set_node_flags(buf_edit(b), c->at.line, NODE_VERSIONED, 0);
    page_set_uncommitted(buf_edit(b), reserved);
    err = page_changed(d->sess, b, &rec, lgpos, err);
    place_note(d, DIR_ON, b, c->at.line);
    return err;
}

static JET_ERR delta(struct dir *d, struct change *c, uint16_t offset, int64_t by, bool wide,
                     struct dir_delta_old *ret_old)
{
    const enum ver_oper oper = wide ? VER_DELTA64 : VER_DELTA;
    const struct bookmark bm = dir_bookmark(d);
    struct dir_delta_old old;
    struct ver *v;
    JET_ERR err;

    if (c->n.flags & NODE_DELETED)
        return refuse_deleted(d, oper, 0);
    if (!d->tree->unique || offset > c->n.data.len || c->n.data.len - offset < (wide ? 8u : 4u))
        return RAISE(JET_errInvalidParameter);
    old.seen = old.all = get_counter(c->n.data.p + offset, wide);
    if (node_has_versions(d->tree, &c->n))
        old.seen -= ver_delta_unseen(d->sess, d->tree, &bm, offset);
    err = ver_add(d->sess, d->tree, oper, &bm, (struct slice){bm.key.p, 0}, &v);
    if (err < 0)
        return err;
    v->delta = by;
    v->offset = offset;
    err = add_delta(d, c, v);
    if (err < 0)
        ver_drop(d->sess, v);
    else if (ret_old)
        *ret_old = old;
    return err;
}

JET_ERR dir_delta(struct dir *d, uint16_t offset, int64_t by, bool wide,
                  struct dir_delta_old *ret_old)
{
    struct change c;
    JET_ERR err = change_begin(d, &c);

    if (err >= 0)
        err = delta(d, &c, offset, by, wide, ret_old);
    change_end(d, &c);
    return err;
}

/* ---- locks --------------------------------------------------------------------------------- */

JET_ERR dir_lock(struct dir *d, enum ver_oper lock)
{
    struct change c;
    struct ver *v;
    JET_ERR err = change_begin(d, &c);

    if (err >= 0 && (c.n.flags & NODE_DELETED))
        err = refuse_deleted(d, lock, 0);
    if (err >= 0) {
        const struct bookmark bm = dir_bookmark(d);
        err = ver_add(d->sess, d->tree, lock, &bm, (struct slice){bm.key.p, 0}, &v);
    }
    change_end(d, &c);
    return err;
}
