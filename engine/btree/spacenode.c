/*
 * Extents as nodes of OE and AE, and tag 0 of roots: each change is one logged, unversioned record
 * on one page (write path 5.3 and 9). Extents of other pools than the general one are found and
 * removed here, never made.
 */
#include <string.h>

#include "btree/find_inline.h"
#include "btree/smo.h"
#include "btree/spacewrite_priv.h"

#define KEY_MOST   5u /* a pool and a page number */
#define DATA_LEN   4u
#define PREFIX_MIN 3u /* fewer bytes are not worth two for their length (write path 3.2) */

struct extent_key {
    uint8_t b[KEY_MOST];
    uint32_t len;
};

static void put_be32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static struct extent_key extent_key(unsigned pool, pgno_t last)
{
    struct extent_key k = {.len = 4};
    uint8_t *p = k.b;

    if (pool != SPACE_POOL_GENERAL) {
        *p++ = (uint8_t)(0x80 | pool);
        k.len = KEY_MOST;
    }
    put_be32(p, last);
    return k;
}

static inline struct page page_of(const struct buf *b)
{
    return (struct page){b->b, b->size};
}

static inline struct edit edit_of(struct buf *b)
{
    return (struct edit){b->b, b->size};
}

static cold JET_ERR bad_page(const struct sp *x, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(&x->d->inst->r, RAISE(err), 0, pgno, ((uint64_t)pgno + 1) * x->d->page_size, "%s",
                 what);
}

static JET_ERR kind_error(enum space_kind kind)
{
    return kind == SPACE_OWNED ? JET_errSPOwnExtCorrupted : JET_errSPAvailExtCorrupted;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* A page of t's extent trees. */
static JET_ERR get_page(const struct sp *x, pgno_t pgno, enum buf_latch latch, struct buf **ret)
{
    const char *what = NULL;
    struct page p;
    JET_ERR err;

    if (pgno == PGNO_NULL || pgno > x->d->pgno_last)
        return bad_page(x, JET_errBadParentPageLink, pgno,
                        "an extent tree has a page that cannot be");
    err = buf_get_latched(x->d->pool, pgno, BUF_READ, latch, ret);
    if (err < 0)
        return err;
    p = page_of(*ret);
    if ((*ret)->blank || (page_flags(p) & (PAGE_EMPTY | PAGE_PRE_INIT)))
        what = "a page of an extent tree is empty";
    else if (!(page_flags(p) & PAGE_SPACE_TREE) || page_objid(p) != x->t->objid)
        what = "a page of an extent tree belongs to something else";
    if (!what)
        return JET_errSuccess;
    buf_release(*ret, latch);
    return bad_page(x, JET_errDatabaseCorrupted, pgno, what);
}

static pgno_t root_of(const struct sp *x, enum space_kind kind)
{
    return x->h.pgno_oe + (kind == SPACE_AVAILABLE);
}

/* The leaf that k belongs on, latched shared, and its line there. */
static JET_ERR find_place(const struct sp *x, enum space_kind kind, const struct extent_key *k,
                          struct buf **ret, unsigned *ret_line, bool *ret_exact)
{
    const struct find f = {.key = {k->b, k->len}};
    pgno_t pgno = root_of(x, kind);

    for (unsigned depth = 0; depth < BT_DEPTH_MAX; depth++) {
        struct page_lines l;
        struct node n;
        unsigned line;
        JET_ERR err = get_page(x, pgno, BUF_SHARED, ret);

        if (err < 0)
            return err;
        l = page_lines(page_of(*ret));
        if (page_flags(page_of(*ret)) & PAGE_LEAF) {
            *ret_line = find_leaf(&l, &f, ret_exact);
            return JET_errSuccess;
        }
        line = find_child(&l, &f);
        if (line < l.nr) {
            n = page_lines_node(&l, line);
            pgno = node_child(&n);
        }
        buf_release(*ret, BUF_SHARED);
        if (line == l.nr)
            break;
    }
    return bad_page(x, JET_errBadParentPageLink, pgno, "an extent tree has no way down");
}

static JET_ERR decode(const struct sp *x, enum space_kind kind, const struct buf *b, unsigned line,
                      struct extent *ret, bool *ret_deleted)
{
    const struct node n = page_node(page_of(b), line);
    uint8_t key[KEY_MOST];
    const char *what = "an extent has a wrong length";

    *ret_deleted = n.flags & NODE_DELETED;
    if (n.prefix.len + n.suffix.len <= sizeof(key))
        what = space_extent_decode((struct slice){key, node_key(&n, key)}, n.data, ret);
    if (!what && kind == SPACE_OWNED && (ret->pool != SPACE_POOL_GENERAL || !ret->cpg))
        what = "an owned extent is empty or of a pool";
    if (!what && !*ret_deleted && ret->pool != SPACE_POOL_SHELVED && ret->last > x->d->pgno_last)
        what = "an extent ends beyond the end of the file";
    return what ? bad_page(x, kind_error(kind), b->pgno, what) : JET_errSuccess;
}

/* ---- finding --------------------------------------------------------------------------------- */

struct search {
    enum space_kind kind;
    unsigned pool;
    bool empty; /* extents without pages count too */
    sp_want_fn *want;
    void *ctx;
};

/* On one leaf, from `line` on. JET_errNoCurrentRecord: none there; *ret_beyond: nor on any leaf
 * behind it. */
static JET_ERR search_leaf(const struct sp *x, const struct search *w, const struct buf *b,
                           unsigned line, struct sp_node *ret, bool *ret_beyond)
{
    const unsigned nr = page_nr_lines(page_of(b));

    *ret_beyond = false;
    for (; line < nr; line++) {
        bool deleted;
        struct extent e;
        JET_ERR err = decode(x, w->kind, b, line, &e, &deleted);

        if (err < 0)
            return err;
        if (e.pool > w->pool) {
            *ret_beyond = true;
            break;
        }
        if (deleted || (!e.cpg && !w->empty) || (w->want && !w->want(w->ctx, &e)))
            continue;
        *ret = (struct sp_node){e, b->pgno, line};
        return JET_errSuccess;
    }
    return JET_errNoCurrentRecord;
}

static JET_ERR search(const struct sp *x, const struct search *w, pgno_t last, struct sp_node *ret)
{
    const struct extent_key k = extent_key(w->pool, last);
    pgno_t seen = 0;
    struct buf *b;
    unsigned line;
    bool exact, beyond;
    JET_ERR err = find_place(x, w->kind, &k, &b, &line, &exact);

    while (err >= 0) {
        pgno_t next = page_next(page_of(b));

        err = search_leaf(x, w, b, line, ret, &beyond);
        buf_release(b, BUF_SHARED);
        if (err != JET_errNoCurrentRecord || beyond || !next)
            return err;
        if (++seen > x->d->pgno_last)
            return bad_page(x, JET_errBadPageLink, next, "the leaves of an extent tree go round");
        line = 0;
        err = get_page(x, next, BUF_SHARED, &b);
        if (err >= 0 && !(page_flags(page_of(b)) & PAGE_LEAF)) {
            buf_release(b, BUF_SHARED);
            err = bad_page(x, JET_errBadPageLink, next, "a sibling of a leaf is no leaf");
        }
    }
    return err;
}

JET_ERR sp_find(struct sp *x, enum space_kind kind, unsigned pool, pgno_t last, sp_want_fn *want,
                void *ctx, struct sp_node *ret)
{
    const struct search w = {kind, pool, false, want, ctx};

    return search(x, &w, last, ret);
}

JET_ERR sp_find_exact(struct sp *x, enum space_kind kind, pgno_t last, struct sp_node *ret)
{
    const struct search w = {kind, SPACE_POOL_GENERAL, false, NULL, NULL};
    JET_ERR err = search(x, &w, last, ret);

    return err >= 0 && ret->e.last != last ? JET_errNoCurrentRecord : err;
}

JET_ERR sp_find_mark(struct sp *x, pgno_t from, pgno_t to, struct sp_node *ret)
{
    const struct search w = {SPACE_AVAILABLE, SPACE_POOL_CONTIGUOUS, true, NULL, NULL};
    JET_ERR err = search(x, &w, from, ret);

    return err >= 0 && ret->e.last > to ? JET_errNoCurrentRecord : err;
}

JET_ERR sp_find_last(struct sp *x, enum space_kind kind, struct sp_node *ret)
{
    const struct extent_key k = extent_key(SPACE_POOL_GENERAL, SP_PGNO_MAX);
    pgno_t seen = 0;
    struct buf *b;
    unsigned line;
    bool exact;
    JET_ERR err = find_place(x, kind, &k, &b, &line, &exact);

    while (err >= 0) {
        pgno_t prev = page_prev(page_of(b));
        bool deleted = true;

        while (line && deleted && err >= 0) {
            err = decode(x, kind, b, --line, &ret->e, &deleted);
            ret->pgno = b->pgno;
            ret->line = line;
        }
        buf_release(b, BUF_SHARED);
        if (err < 0 || !deleted)
            return err;
        if (!prev)
            return JET_errNoCurrentRecord;
        if (++seen > x->d->pgno_last)
            return bad_page(x, JET_errBadPageLink, prev, "the leaves of an extent tree go round");
        err = get_page(x, prev, BUF_SHARED, &b);
        if (err >= 0)
            line = page_nr_lines(page_of(b));
    }
    return err;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* b is latched exclusively; rec says what, here it gets where and when. */
static JET_ERR log_change(struct sp *x, const struct tree *t, const struct buf *b,
                          struct logrec *rec, lgpos_t *ret)
{
    rec->pgno = b->pgno;
    rec->dbtime_before = page_dbtime(page_of(b));
    rec->dbtime = db_dbtime_next(x->d);
    return trx_log(x->s, t, rec, ret);
}

/* What was logged and could not be done would be two truths. done: result of the edit. */
static JET_ERR finish_change(struct sp *x, struct buf *b, const struct logrec *rec, lgpos_t lgpos,
                             JET_ERR done)
{
    struct edit e = edit_of(b);

    if (done < 0)
        return inst_fail(x->d->inst, done);
    page_set_flags(e, page_flags(edit_page(e)) & ~(uint32_t)PAGE_SCRUBBED);
    page_set_dbtime(e, rec->dbtime);
    trx_dirty(x->s, b, lgpos);
    return JET_errSuccess;
}

JET_ERR sp_remove(struct sp *x, enum space_kind kind, const struct sp_node *n)
{
    /* A leaf keeps its first line, so that it is never empty (write path 5.3). */
    struct logrec rec = {.type = n->line ? LR_DELETE : LR_FLAG_DELETE, .iline = (uint16_t)n->line};
    struct buf *b;
    lgpos_t lgpos;
    JET_ERR err = get_page(x, n->pgno, BUF_EXCLUSIVE, &b);

    if (err < 0)
        return err;
    err = log_change(x, &x->ext[kind], b, &rec, &lgpos);
    if (err >= 0)
        err = finish_change(x, b, &rec, lgpos,
                            n->line ? page_delete(edit_of(b), n->line)
                                    : page_set_node_flags(edit_of(b), 0, NODE_DELETED, 0));
    buf_release(b, BUF_EXCLUSIVE);
    return err;
}

/* Searches for extents of that size may begin here again. */
static void note_available(struct sp *x, enum space_kind kind, pgno_t first, uint32_t cpg)
{
    if (kind != SPACE_AVAILABLE || !cpg)
        return;
    for (unsigned i = 0; i <= sp_size_class(cpg); i++)
        if (first < x->t->avail_hint[i])
            x->t->avail_hint[i] = first;
}

JET_ERR sp_set_cpg(struct sp *x, enum space_kind kind, const struct sp_node *n, uint32_t cpg)
{
    uint8_t data[DATA_LEN];
    struct logrec rec = {.type = LR_REPLACE, .iline = (uint16_t)n->line};
    struct buf *b;
    lgpos_t lgpos;
    JET_ERR err = get_page(x, n->pgno, BUF_EXCLUSIVE, &b);

    if (err < 0)
        return err;
    put_le32(data, cpg);
    rec.replace.data = (struct slice){data, DATA_LEN};
    rec.replace.old_len = rec.replace.new_len = DATA_LEN;
    err = log_change(x, &x->ext[kind], b, &rec, &lgpos);
    if (err >= 0)
        err = finish_change(x, b, &rec, lgpos, page_replace(edit_of(b), n->line, rec.replace.data));
    buf_release(b, BUF_EXCLUSIVE);
    note_available(x, kind, n->e.last - cpg + 1, cpg);
    return err;
}

JET_ERR sp_take_front(struct sp *x, const struct sp_node *n, uint32_t cpg)
{
    return cpg == n->e.cpg ? sp_remove(x, SPACE_AVAILABLE, n)
                           : sp_set_cpg(x, SPACE_AVAILABLE, n, n->e.cpg - cpg);
}

/* Over a node that is flagged as deleted. */
static JET_ERR revive(struct sp *x, enum space_kind kind, struct buf *b, unsigned line,
                      struct slice key, struct slice data)
{
    struct logrec rec = {.type = LR_FLAG_INSERT_AND_REPLACE_DATA, .iline = (uint16_t)line};
    lgpos_t lgpos;
    JET_ERR err, done;

    rec.insert.key_suffix = key;
    rec.insert.data = data;
    err = log_change(x, &x->ext[kind], b, &rec, &lgpos);
    if (err < 0)
        return err;
    done = page_replace(edit_of(b), line, data);
    if (done >= 0)
        done = page_set_node_flags(edit_of(b), line, 0, NODE_DELETED);
    return finish_change(x, b, &rec, lgpos, done);
}

/* *ret_fits false: no room on the page, nothing was done. */
static JET_ERR insert(struct sp *x, enum space_kind kind, struct buf *b, unsigned line,
                      struct slice key, struct slice data, bool *ret_fits)
{
    const struct page_lines l = page_lines(page_of(b));
    struct logrec rec = {.type = LR_INSERT, .iline = (uint16_t)line};
    uint32_t prefix = find_common(l.prefix.p, key.p, find_min(l.prefix.len, key.len));
    struct node_new n = {.data = data};
    lgpos_t lgpos;
    JET_ERR err;

    if (prefix < PREFIX_MIN)
        prefix = 0;
    n.prefix_len = prefix;
    n.suffix[0] = (struct slice){key.p + prefix, key.len - prefix};
    *ret_fits = l.nr < PAGE_LINES_MAX &&
                (prefix ? 4 : 2) + n.suffix[0].len + data.len + 4 <= page_free(page_of(b));
    if (!*ret_fits)
        return JET_errSuccess;
    rec.insert.key_prefix = (struct slice){key.p, prefix};
    rec.insert.key_suffix = n.suffix[0];
    rec.insert.data = data;
    err = log_change(x, &x->ext[kind], b, &rec, &lgpos);
    if (err < 0)
        return err;
    return finish_change(x, b, &rec, lgpos, page_insert(edit_of(b), line, &n));
}

static JET_ERR insert_with_split(struct sp *x, enum space_kind kind, struct slice key,
                                 struct slice data)
{
    const struct smo_op op = {.kind = SMO_INSERT, .key = key, .data = data};

    return smo_do(x->s, &x->ext[kind], &op, sp_split_page, x, NULL, NULL);
}

JET_ERR sp_add(struct sp *x, enum space_kind kind, pgno_t last, uint32_t cpg)
{
    const struct extent_key k = extent_key(SPACE_POOL_GENERAL, last);
    const struct slice key = {k.b, k.len};
    uint8_t bytes[DATA_LEN];
    const struct slice data = {bytes, DATA_LEN};
    bool exact, deleted = true, fits = true;
    struct extent e;
    struct buf *b;
    unsigned line;
    JET_ERR err = find_place(x, kind, &k, &b, &line, &exact);

    if (err < 0)
        return err;
    put_le32(bytes, cpg);
    if (exact)
        err = decode(x, kind, b, line, &e, &deleted);
    if (err >= 0 && !deleted)
        err = bad_page(x, kind_error(kind), b->pgno, "an extent is there already");
    /* Nobody else changes the page between the two latches (space_lock). */
    buf_unlatch(b, BUF_SHARED);
    if (err >= 0) {
        buf_latch(b, BUF_EXCLUSIVE);
        err = exact ? revive(x, kind, b, line, key, data)
                    : insert(x, kind, b, line, key, data, &fits);
        buf_unlatch(b, BUF_EXCLUSIVE);
    }
    buf_put(b);
    note_available(x, kind, last - cpg + 1, cpg);
    return fits || err < 0 ? err : insert_with_split(x, kind, key, data);
}

/* ---- tag 0 ----------------------------------------------------------------------------------- */

/* Changes tag 0; what a rollback may want of the free space stays its own. */
static JET_ERR set_external(struct sp *x, const struct tree *t, struct buf *b, struct slice bytes)
{
    struct logrec rec = {.type = LR_SET_EXTERNAL_HEADER, .external_header = bytes};
    const struct slice has = page_external_header(page_of(b));
    const uint32_t uncommitted = page_uncommitted(page_of(b));
    lgpos_t lgpos;
    JET_ERR err, done;

    if (bytes.len > has.len && bytes.len - has.len + uncommitted > page_free(page_of(b)))
        return RAISE(JET_errRecordTooBig);
    err = log_change(x, t, b, &rec, &lgpos);
    if (err < 0)
        return err;
    done = page_set_external_header(edit_of(b), bytes);
    page_set_uncommitted(edit_of(b), uncommitted);
    return finish_change(x, b, &rec, lgpos, done);
}

/* What is not in struct space_header is taken over from the bytes that are there. */
static struct slice encode_header(const struct space_header *h, struct slice has, uint8_t *out)
{
    const bool was_long = has.len != sizeof(struct space_hdr_disk);
    struct space_hdr_disk d;
    uint32_t len = 0;

    memcpy(&d, has.p + was_long, sizeof(d));
    le32_put(&d.cpg, h->cpg_first);
    le32_put(&d.pgno_parent, h->pgno_parent);
    d.flags[0] = (uint8_t)((h->multiple ? SPACE_MULTIPLE : 0) |
                           (h->non_unique ? SPACE_NON_UNIQUE : 0) | (h->v2 ? SPACE_V2 : 0));
    le32_put(&d.pgno_oe_or_bitmap, h->multiple ? h->pgno_oe : h->bitmap);
    if (was_long || h->has_auto_inc)
        out[len++] = (uint8_t)(ROOT_FIELD_SPACE | (h->has_auto_inc ? ROOT_FIELD_AUTO_INC : 0));
    memcpy(out + len, &d, sizeof(d));
    len += sizeof(d);
    if (h->has_auto_inc) {
        put_le64(out + len, h->auto_inc);
        len += 8;
    }
    return (struct slice){out, len};
}

JET_ERR sp_write_header(struct sp *x, const struct space_header *before)
{
    uint8_t bytes[1 + sizeof(struct space_hdr_disk) + 8];
    struct space_header has;
    struct buf *b;
    JET_ERR err = buf_get_latched(x->d->pool, x->t->root, BUF_READ, BUF_EXCLUSIVE, &b);

    if (err >= 0) {
        /* It was decoded by sp_open, and tag 0 has not changed since. */
        const struct slice external = page_external_header(page_of(b));
        const char *what = space_header_decode(external, &has);

        err = what ? bad_page(x, JET_errDatabaseCorrupted, x->t->root, what)
                   : set_external(x, x->t, b, encode_header(&x->h, external, bytes));
        buf_release(b, BUF_EXCLUSIVE);
    }
    if (err < 0)
        x->h = *before;
    return err;
}

/* ---- split buffers --------------------------------------------------------------------------- */

JET_ERR sp_read_buffer(struct sp *x, enum space_kind kind, struct extent ret[2])
{
    struct slice has;
    struct buf *b;
    bool bad = false;
    JET_ERR err = get_page(x, root_of(x, kind), BUF_SHARED, &b);

    if (err < 0)
        return err;
    has = page_external_header(page_of(b));
    for (unsigned i = 0; i < 2; i++) {
        ret[i] = (struct extent){0};
        if (has.len >= 16)
            ret[i] = (struct extent){.last = get_le32(has.p + 8 * i),
                                     .cpg = get_le32(has.p + 8 * i + 4)};
        bad |= ret[i].cpg > ret[i].last || (ret[i].cpg && ret[i].last > SP_PGNO_MAX);
    }
    buf_release(b, BUF_SHARED);
    return bad ? bad_page(x, JET_errDatabaseCorrupted, root_of(x, kind),
                          "a split buffer names pages that cannot be")
               : JET_errSuccess;
}

JET_ERR sp_write_buffer(struct sp *x, enum space_kind kind, const struct extent buffer[2])
{
    uint8_t bytes[16];
    struct buf *b;
    JET_ERR err = get_page(x, root_of(x, kind), BUF_EXCLUSIVE, &b);

    if (err < 0)
        return err;
    for (unsigned i = 0; i < 2; i++) {
        put_le32(bytes + 8 * i, buffer[i].cpg ? buffer[i].last : 0);
        put_le32(bytes + 8 * i + 4, buffer[i].cpg);
    }
    err = set_external(x, &x->ext[kind], b, (struct slice){bytes, sizeof(bytes)});
    buf_release(b, BUF_EXCLUSIVE);
    return err;
}

/* A node of the longest kind, its tag included, fits. */
static bool has_room(struct page p)
{
    return page_free(p) >= 4 + KEY_MOST + DATA_LEN + 4 && page_nr_lines(p) < PAGE_LINES_MAX;
}

JET_ERR sp_split_cost(struct sp *x, enum space_kind kind, pgno_t last, uint32_t *ret)
{
    const struct extent_key k = extent_key(SPACE_POOL_GENERAL, last);
    const struct find f = {.key = {k.b, k.len}};
    pgno_t pgno = root_of(x, kind);
    uint32_t full = 0; /* pages in a row, ending with this one */

    for (unsigned level = 1; level <= BT_DEPTH_MAX; level++) {
        struct page_lines l;
        struct node n = {0};
        struct buf *b;
        unsigned line;
        bool leaf;
        JET_ERR err = get_page(x, pgno, BUF_SHARED, &b);

        if (err < 0)
            return err;
        full = has_room(page_of(b)) ? 0 : full + 1;
        leaf = page_flags(page_of(b)) & PAGE_LEAF;
        l = page_lines(page_of(b));
        line = leaf ? 0 : find_child(&l, &f);
        if (!leaf && line < l.nr)
            n = page_lines_node(&l, line);
        pgno = leaf ? PGNO_NULL : node_child(&n);
        buf_release(b, BUF_SHARED);
        if (leaf) {
            *ret = full == level ? full + 1 : full; /* a root moves down first */
            return JET_errSuccess;
        }
    }
    return bad_page(x, JET_errBadParentPageLink, pgno, "an extent tree has no way down");
}

JET_ERR sp_shape(struct sp *x, enum space_kind kind, unsigned *ret_levels, uint32_t *ret_free)
{
    pgno_t pgno = root_of(x, kind);

    for (unsigned level = 1; level <= BT_DEPTH_MAX; level++) {
        struct node n;
        struct buf *b;
        bool leaf;
        JET_ERR err = get_page(x, pgno, BUF_SHARED, &b);

        if (err < 0)
            return err;
        leaf = page_flags(page_of(b)) & PAGE_LEAF;
        if (level == 1)
            *ret_free = page_free(page_of(b));
        pgno = PGNO_NULL;
        if (!leaf && page_nr_lines(page_of(b))) {
            n = page_node(page_of(b), 0);
            pgno = node_child(&n);
        }
        buf_release(b, BUF_SHARED);
        *ret_levels = level;
        if (leaf)
            return JET_errSuccess;
    }
    return bad_page(x, JET_errBadParentPageLink, root_of(x, kind), "an extent tree has no leaves");
}
