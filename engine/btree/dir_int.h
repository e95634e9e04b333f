/* Between the parts of dir.h: dir.c, dirseek.c, dirmove.c, dirinsert.c, dirchange.c, dirundo.c,
 * dirposition.c. */
#ifndef ESE_BTREE_DIR_INT_H
#define ESE_BTREE_DIR_INT_H

#include "btree/dir.h"
#include "btree/find_inline.h"
#include "btree/smo.h"
#include "page/edit.h"

#define DIR_DEPTH_MAX 16u /* BT_DEPTH_MAX */

struct fraction;

struct spot { /* a place in a leaf whose page is latched */
    struct buf *buf;
    enum buf_latch latch;
    unsigned line;
    bool exact; /* the line has the bookmark that was sought */
};

static inline struct page buf_page(const struct buf *b)
{
    return (struct page){b->b, b->size};
}
static inline struct edit buf_edit(struct buf *b)
{
    return (struct edit){b->b, b->size};
}
static inline void spot_leave(struct spot *at)
{
    buf_release(at->buf, at->latch);
    at->buf = NULL;
}
static inline void tree_enter(struct tree *t)
{
    pthread_rwlock_rdlock(&t->smo);
}
static inline void tree_leave(struct tree *t)
{
    pthread_rwlock_unlock(&t->smo);
}
static inline struct find find_bookmark(const struct tree *t, const struct bookmark *bm)
{
    return (struct find){bm->key, t->unique ? (struct slice){bm->data.p, 0} : bm->data, false,
                         !t->unique};
}
static inline struct bookmark node_bookmark(const struct tree *t, struct slice key,
                                            struct slice data)
{
    return (struct bookmark){key, t->unique ? (struct slice){key.p, 0} : data};
}

/* ---- dirseek.c ----------------------------------------------------------------------------- */

/* Reports damage that was met in the tree. */
JET_ERR dir_fault(struct tree *t, JET_ERR err, pgno_t pgno, const char *what) cold;

/* What keeps the latched page from being the tree's root, or another page of it; NULL: nothing. */
const char *page_misfit(const struct tree *t, const struct buf *b, bool root);

/* Does the latched page belong to the tree, as a leaf? Without a report: a cursor's page may have
 * gone. */
static inline bool is_leaf_of(const struct buf *b, const struct tree *t)
{
    const struct page p = buf_page(b);

    return !b->blank && page_objid(p) == t->objid &&
           (page_flags(p) & (PAGE_LEAF | PAGE_EMPTY | PAGE_PRE_INIT | PAGE_SPACE_TREE)) ==
               (PAGE_LEAF | (t->space ? (uint32_t)PAGE_SPACE_TREE : 0u));
}

/* tree.smo is held in all of these; the leaf is latched as wanted. An empty tree: root, line 0. */

/* First line that is not before what is sought; may be behind the page's last one. */
must_check JET_ERR seek_find(struct tree *t, const struct find *f, enum buf_latch latch,
                             struct spot *ret);
must_check JET_ERR seek_edge(struct tree *t, bool last, struct spot *ret);
/* The place's own bookmark, by its page if it is still there, else from the root. */
must_check JET_ERR seek_place(struct dir *d, enum buf_latch latch, struct spot *ret);
/* To a place, and which part of the tree lies before it (f), or to the place behind a part of it
 * (NULL). */
must_check JET_ERR seek_fraction(struct tree *t, const struct find *f, struct fraction *part,
                                 struct spot *ret);

/* The place's page again, latched, if nothing has changed on it since: line is right, no other lock
 * is needed. */
static inline bool place_relatch(const struct dir *d, enum buf_latch latch)
{
    if (!d->hint || !buf_get_hint(d->tree->db->pool, d->pgno, d->hint, latch))
        return false;
    if (page_dbtime(buf_page(d->hint)) == d->dbtime)
        return true;
    buf_release(d->hint, latch);
    return false;
}

/* ---- dir.c --------------------------------------------------------------------------------- */

must_check JET_ERR place_room(struct dir *d, uint32_t len) cold;

/* The bookmark of the place becomes that of a node. */
static inline JET_ERR place_set_node(struct dir *d, const struct node *n)
{
    const uint32_t key_len = n->prefix.len + n->suffix.len;
    const uint32_t data_len = d->tree->unique ? 0 : n->data.len;

    if (key_len + data_len > d->cap) {
        JET_ERR err = place_room(d, key_len + data_len);
        if (err < 0)
            return err;
    }
    if (n->prefix.len)
        memcpy(d->bm, n->prefix.p, n->prefix.len);
    memcpy(d->bm + n->prefix.len, n->suffix.p, n->suffix.len);
    if (data_len)
        memcpy(d->bm + key_len, n->data.p, data_len);
    d->key_len = key_len;
    d->data_len = data_len;
    return JET_errSuccess;
}
must_check JET_ERR place_set_bookmark(struct dir *d, const struct bookmark *bm);
/* Where the bookmark is. The page is latched. */
static inline void place_note(struct dir *d, enum dir_at at, struct buf *b, unsigned line)
{
    d->at = at;
    d->pgno = b->pgno;
    d->line = line;
    d->hint = b;
    d->dbtime = page_dbtime(buf_page(b));
}
static inline void place_forget_page(struct dir *d)
{
    d->pgno = PGNO_NULL;
    d->hint = NULL;
}
/* A writer counts its version before it lets go of the page that the reader has latched now. */
static inline bool node_has_versions(const struct tree *t, const struct node *n)
{
    return (n->flags & NODE_VERSIONED) &&
           atomic_load_explicit(&t->nr_ver, memory_order_relaxed) != 0;
}
/* Does the session see the node, whose bookmark the place has? If so, ret->data and
 * ret->from_image. Its page is latched shared. */
must_check JET_ERR node_see_version(struct dir *d, const struct spot *at, const struct node *n,
                                    struct dir_node *ret, bool *ret_there);
static inline JET_ERR node_see(struct dir *d, const struct spot *at, const struct node *n,
                               struct dir_node *ret, bool *ret_there)
{
    if (node_has_versions(d->tree, n))
        return node_see_version(d, at, n, ret, ret_there);
    ret->data = n->data;
    ret->from_image = false;
    *ret_there = !(n->flags & NODE_DELETED);
    return JET_errSuccess;
}

/* ---- dirmove.c ----------------------------------------------------------------------------- */

/* The first node from the spot on (right), or in front of it (left), that the session sees becomes
 * the place, and the page is let go of; keep: it stays latched, as dir_get leaves it, and *ret is
 * filled. only: nodes of that key alone, else the place is behind them and JET_errRecordNotFound.
 * JET_errNoCurrentRecord: none left, the place is at that end of the tree. tree.smo is held, the
 * page latched shared. */
must_check JET_ERR move_settle(struct dir *d, struct spot *at, bool right, const struct slice *only,
                               bool keep, struct dir_node *ret);

/* ---- dirposition.c ------------------------------------------------------------------------- */

struct fraction { /* before / total */
    uint64_t before, total;
};

/* The fraction so far says which page of a level; now which of its lines. nr > 0. */
void fraction_add(struct fraction *x, unsigned line, unsigned nr);
/* Which line of a page; the rest of the fraction is for the level below. before < total, nr > 0. */
unsigned fraction_take(struct fraction *x, unsigned nr);

/* ---- dirchange.c --------------------------------------------------------------------------- */

/* Node bytes that a page can hold at most, one node alone (ESE: CbNDNodeMost). */
static inline uint32_t node_len_max(uint32_t page_size)
{
    return page_size - page_header_len(page_size) - 8;
}
/* Of a key, and of data that are part of the order (ESE: JET_cbKeyMost by page size, and the
 * limit's byte). */
static inline uint32_t key_len_max(uint32_t page_size)
{
    return page_size < 8192 ? page_size / 4 : 2048;
}

struct change { /* a change of one node that is under way: tree.smo held, its leaf latched
                   exclusively */
    struct spot at;
    struct node n; /* as the page has it now; when at.exact */
};

/* The change can be made by this session and the place is on a node: finds it.
 * JET_errRecordDeleted: it is not on its page any more. change_end ends it, after a failure too. */
must_check JET_ERR change_begin(struct dir *d, struct change *c);
void change_end(struct dir *d, struct change *c);
/* Is the session able to change the tree at all? */
must_check JET_ERR change_allowed(const struct dir *d);

/* May a change take len of the page's free bytes, none of which a rollback will want back? When it
 * looks as if not, what is reserved is counted anew. The page is latched exclusively. */
bool page_can_take(struct tree *t, struct buf *b, uint32_t len);
/* The same for a node's data that are to have another length; v: its version, or NULL. */
bool node_can_become(struct tree *t, struct buf *b, uint32_t from, uint32_t to,
                     const struct ver *v);
/* What a record says of a change to the page. v: its version, or NULL. */
static inline struct logrec page_record(struct tree *t, const struct buf *b, enum lrtyp type,
                                        unsigned line, const struct ver *v)
{
    return (struct logrec){.type = type,
                           .pgno = b->pgno,
                           .dbtime = db_dbtime_next(t->db),
                           .dbtime_before = page_dbtime(buf_page(b)),
                           .iline = (uint16_t)line,
                           .flags = v ? LR_PAGE_VERSIONED : 0,
                           .rceid = v ? v->rceid : 0};
}
/* What was logged was done, with what result, except for what the page says of itself. Two truths,
 * if it was not: the instance is down. */
must_check JET_ERR page_changed(struct sess *s, struct buf *b, const struct logrec *rec,
                                lgpos_t lgpos, JET_ERR done);
/* A versioned Replace takes the node's data from one length to another: the lengths that its
 * version remembers. Returns by how many bytes more (or less) the page has to hold back afterwards
 * (ESE: VERSetCbAdjust). */
int32_t reserve_adjust(struct ver *v, uint32_t from, uint32_t to);
void reserve_set(struct edit e, int64_t len);
/* The page has no room: smo_do, with nothing held meanwhile. *at is let go of; tree.smo is held
 * again afterwards. v: the version of a Replace of data `from` bytes long, or NULL. */
must_check JET_ERR change_by_smo(struct dir *d, struct spot *at, const struct smo_op *op,
                                 struct ver *v, uint32_t from);

/* ---- dirundo.c ----------------------------------------------------------------------------- */

/* Nobody sees the node of the bookmark any more, which is flagged as deleted: it leaves its leaf, with all
 * that are like it there, and the leaf its tree when hardly anything is left of it. s: in a
 * transaction of the engine's. The node is not there, or not like that: success. */
must_check JET_ERR dir_clean_node(struct sess *s, struct tree *t, const struct bookmark *bm);
/* The long value of that root is removed if its count is 0. The same. */
must_check JET_ERR dir_clean_lv(struct sess *s, struct tree *t, const struct bookmark *bm);

#endif
