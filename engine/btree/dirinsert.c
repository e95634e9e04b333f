/*
 * Insert, and its other two forms: where the node is still there, flagged as deleted, it is taken
 * up again, in a unique tree with new data (FlagInsertAndReplaceData), in another one as it is
 * (FlagInsert) (write path 3).
 *
 * A row of inserts at the end of a tree goes to the page of the one before it without a descent.
 */
#include "btree/dir_int.h"

#define PREFIX_MIN  3u /* fewer bytes are not worth two for their length (ESE: cbPrefixOverhead) */
#define APPENDS_RUN 2u /* inserts at the end after which the next one is expected there */

struct insert { /* one insert under way */
    struct dir *d;
    struct bookmark bm;
    struct slice data;
    unsigned flags;
    struct spot at;
};

/* ---- where --------------------------------------------------------------------------------- */

/* Is the page of the last insert the last leaf still, and does the key come after all it has? */
static bool find_at_end(struct insert *x, const struct find *f)
{
    struct dir *d = x->d;
    struct page_lines l;
    struct find_prefix prefix;
    struct node last;
    int c;

    if (!d->hint || !buf_get_hint(d->tree->db->pool, d->pgno, d->hint, BUF_EXCLUSIVE))
        return false;
    x->at = (struct spot){.buf = d->hint, .latch = BUF_EXCLUSIVE};
    l = page_lines(buf_page(x->at.buf));
    if (is_leaf_of(x->at.buf, d->tree) && page_next(buf_page(x->at.buf)) == PGNO_NULL && l.nr) {
        last = page_lines_node(&l, l.nr - 1);
        prefix = find_prefix(l.prefix, f->key);
        c = find_key_cmp(&last, &prefix, f->key);
        if (c == 0 && f->by_data)
            c = find_bytes_cmp(last.data.p, last.data.len, f->data.p, f->data.len);
        x->at.line = l.nr;
        if (c < 0)
            return true;
    }
    spot_leave(&x->at);
    return false;
}

static JET_ERR find_leaf_for(struct insert *x)
{
    struct dir *d = x->d;
    const struct find f = find_bookmark(d->tree, &x->bm);
    JET_ERR err;

    if (((x->flags & DIR_APPEND) || d->appends >= APPENDS_RUN) && find_at_end(x, &f))
        return JET_errSuccess;
    err = seek_find(d->tree, &f, BUF_EXCLUSIVE, &x->at);
    if (err >= 0) {
        const struct page p = buf_page(x->at.buf);
        const bool end = page_next(p) == PGNO_NULL && x->at.line == page_nr_lines(p);

        if (!end)
            d->appends = 0;
        else if (d->appends < APPENDS_RUN)
            d->appends++;
    }
    return err;
}

/* ---- a new node ---------------------------------------------------------------------------- */

/* Bytes of the page's prefix that the node will take. */
static uint32_t prefix_for(struct page p, struct slice key)
{
    struct slice prefix;
    uint32_t len;

    if (page_flags(p) & PAGE_ROOT)
        return 0;
    prefix = page_external_header(p);
    len = find_common(prefix.p, key.p, find_min(prefix.len, key.len));
    return len < PREFIX_MIN ? 0 : len;
}

/* At the end of the tree a leaf is left with some room, for what its nodes may grow by. */
static bool has_room(struct insert *x, uint32_t need)
{
    struct tree *t = x->d->tree;
    const struct page p = buf_page(x->at.buf);
    const unsigned nr = page_nr_lines(p);
    uint32_t spare = 0;

    if (nr >= PAGE_LINES_MAX)
        return false;
    if (nr && x->at.line == nr && page_next(p) == PGNO_NULL && !t->space)
        spare = p.size * (100 - t->density) / 100;
    return page_can_take(t, x->at.buf, need + spare);
}

static JET_ERR insert_on_page(struct insert *x, uint32_t prefix_len, struct ver *v)
{
    struct dir *d = x->d;
    struct buf *b = x->at.buf;
    const struct slice key = x->bm.key;
    const uint32_t reserved = page_uncommitted(buf_page(b));
    const struct node_new n = {.flags = v ? NODE_VERSIONED : 0,
                               .prefix_len = prefix_len,
                               .suffix = {{key.p + prefix_len, key.len - prefix_len}},
                               .data = x->data};
    struct logrec rec = page_record(d->tree, b, LR_INSERT, x->at.line, v);
    lgpos_t lgpos;
    JET_ERR err;

    rec.insert.key_prefix = (struct slice){key.p, prefix_len};
    rec.insert.key_suffix = n.suffix[0];
    rec.insert.data = x->data;
    err = trx_log(d->sess, d->tree, &rec, &lgpos);
    if (err < 0)
        return err;
    if (v)
        atomic_store_explicit(&v->lgpos, lgpos, memory_order_release);
    err = page_insert(buf_edit(b), x->at.line, &n);
    page_set_uncommitted(buf_edit(b), reserved);
    err = page_changed(d->sess, b, &rec, lgpos, err);
    place_note(d, DIR_ON, b, x->at.line);
    return err;
}

static JET_ERR insert_new(struct insert *x)
{
    struct dir *d = x->d;
    const struct slice key = x->bm.key;
    const uint32_t prefix_len = prefix_for(buf_page(x->at.buf), key);
    const uint32_t len = (prefix_len ? 4 : 2) + key.len - prefix_len + x->data.len;
    struct ver *v = NULL;
    JET_ERR err;

    if (!(x->flags & DIR_UNVERSIONED)) {
        err = ver_add(d->sess, d->tree, VER_INSERT, &x->bm, (struct slice){key.p, 0}, &v);
        if (err < 0)
            return err;
    }
    if (has_room(x, len + 4)) {
        err = insert_on_page(x, prefix_len, v);
    } else {
        const struct smo_op op = {.kind = SMO_INSERT,
                                  .key = key,
                                  .data = x->data,
                                  .versioned = v != NULL,
                                  .rceid = v ? v->rceid : 0};
        err = change_by_smo(d, &x->at, &op, NULL, 0);
    }
    if (err < 0 && v)
        ver_drop(d->sess, v);
    return err;
}

/* ---- a node that is there already ---------------------------------------------------------- */

static JET_ERR log_again(struct insert *x, enum lrtyp type, struct ver *v, struct ver *v_replace,
                         struct logrec *rec, lgpos_t *ret)
{
    JET_ERR err;

    *rec = page_record(x->d->tree, x->at.buf, type, x->at.line, v);
    rec->insert.key_suffix = x->bm.key;
    rec->insert.data = x->data;
    rec->insert.rceid_replace = v_replace ? v_replace->rceid : 0;
    err = trx_log(x->d->sess, x->d->tree, rec, ret);
    if (err >= 0 && v)
        atomic_store_explicit(&v->lgpos, *ret, memory_order_release);
    if (err >= 0 && v_replace)
        atomic_store_explicit(&v_replace->lgpos, *ret, memory_order_release);
    return err;
}

/* Bookmark and data are what is there: only the flag goes. */
static JET_ERR flag_insert(struct insert *x, struct ver *v)
{
    struct buf *b = x->at.buf;
    const uint32_t reserved = page_uncommitted(buf_page(b));
    struct logrec rec;
    lgpos_t lgpos;
    JET_ERR err = log_again(x, LR_FLAG_INSERT, v, NULL, &rec, &lgpos);

    if (err < 0)
        return err;
    err = page_set_node_flags(buf_edit(b), x->at.line, v ? NODE_VERSIONED : 0, NODE_DELETED);
    page_set_uncommitted(buf_edit(b), reserved);
    err = page_changed(x->d->sess, b, &rec, lgpos, err);
    place_note(x->d, DIR_ON, b, x->at.line);
    return err;
}

static JET_ERR flag_insert_and_replace(struct insert *x, uint32_t from, struct ver *v,
                                       struct ver *v_replace)
{
    struct buf *b = x->at.buf;
    int64_t reserved = page_uncommitted(buf_page(b));
    struct logrec rec;
    lgpos_t lgpos;
    JET_ERR err = log_again(x, LR_FLAG_INSERT_AND_REPLACE_DATA, v, v_replace, &rec, &lgpos);

    if (err < 0)
        return err;
    if (v_replace)
        reserved += reserve_adjust(v_replace, from, x->data.len);
    err = page_replace(buf_edit(b), x->at.line, x->data);
    if (err >= 0)
        err = page_set_node_flags(buf_edit(b), x->at.line, v ? NODE_VERSIONED : 0, NODE_DELETED);
    reserve_set(buf_edit(b), reserved);
    err = page_changed(x->d->sess, b, &rec, lgpos, err);
    place_note(x->d, DIR_ON, b, x->at.line);
    return err;
}

static JET_ERR take_up(struct insert *x, const struct node *n, struct ver *v, struct ver *v_replace)
{
    struct dir *d = x->d;
    const uint32_t from = n->data.len;
    const struct smo_op op = {.kind = SMO_FLAG_INSERT_REPLACE,
                              .key = x->bm.key,
                              .data = x->data,
                              .versioned = v != NULL,
                              .rceid = v ? v->rceid : 0,
                              .rceid_replace = v_replace ? v_replace->rceid : 0};

    if (!d->tree->unique)
        return flag_insert(x, v);
    if (node_can_become(d->tree, x->at.buf, from, x->data.len, v_replace))
        return flag_insert_and_replace(x, from, v, v_replace);
    return change_by_smo(d, &x->at, &op, v_replace, from);
}

/* A live node is a duplicate for everybody, seen or not. */
static JET_ERR insert_again(struct insert *x)
{
    struct dir *d = x->d;
    const struct node n = page_node(buf_page(x->at.buf), x->at.line);
    struct ver *v = NULL, *v_replace = NULL;
    JET_ERR err = JET_errSuccess;

    if (!(n.flags & NODE_DELETED))
        return JET_errKeyDuplicate;
    if (!(x->flags & DIR_UNVERSIONED)) {
        err = ver_add(d->sess, d->tree, VER_INSERT, &x->bm, (struct slice){x->bm.key.p, 0}, &v);
        if (err >= 0 && d->tree->unique)
            err = ver_add(d->sess, d->tree, VER_REPLACE, &x->bm, n.data, &v_replace);
    }
    if (err >= 0)
        err = take_up(x, &n, v, v_replace);
    if (err < 0 && v_replace)
        ver_drop(d->sess, v_replace);
    if (err < 0 && v)
        ver_drop(d->sess, v);
    return err;
}

/* ---- insert -------------------------------------------------------------------------------- */

static JET_ERR check_lengths(const struct tree *t, struct slice key, struct slice data)
{
    const uint32_t size = t->db->page_size;

    if (key.len > key_len_max(size) || (!t->unique && data.len > key_len_max(size)))
        return RAISE(JET_errKeyTooBig);
    return 2 + (uint64_t)key.len + data.len > node_len_max(size) ? RAISE(JET_errRecordTooBig)
                                                                 : JET_errSuccess;
}

JET_ERR dir_insert(struct dir *d, struct slice key, struct slice data, unsigned flags)
{
    struct insert x = {
        .d = d, .bm = node_bookmark(d->tree, key, data), .data = data, .flags = flags};
    const uint32_t len = key.len + x.bm.data.len;
    JET_ERR err = check_lengths(d->tree, key, data);

    dir_release(d);
    if (err >= 0)
        err = change_allowed(d);
    if (err >= 0 && len > d->cap) /* what comes after the change must not fail */
        err = place_room(d, len);
    if (err < 0)
        return err;
    tree_enter(d->tree);
    err = find_leaf_for(&x);
    if (err >= 0) {
        err = x.at.exact ? insert_again(&x) : insert_new(&x);
        spot_leave(&x.at);
    }
    tree_leave(d->tree);
    if (err < 0)
        return err;
    d->at = DIR_ON;
    return place_set_bookmark(d, &x.bm);
}
