/*
 * The ground of smo.h: the way from the root to a leaf, the room in a page, a record for one page.
 *
 * Whoever is here has tree.smo exclusively, so internal pages and the links of leaves are still.
 * The nodes of leaves are too, for those who change them hold it shared. A root's tag 0 is
 * db.space_lock's, and may change as long as that is not held: hence the latches, even for
 * reading.
 *
 * Not here: versions (the caller has made them), the choice of what is done.
 */
#include <inttypes.h>
#include <string.h>

#include "btree/find_inline.h"
#include "btree/smo_int.h"

JET_ERR smo_fault(struct tree *t, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(&t->db->inst->r, err, 0, pgno, ((uint64_t)pgno + 1) * t->db->page_size,
                 "tree at page %" PRIu32 ": %s", t->root, what);
}

/* A space tree's pages are db.space_lock's, which its user holds. */
void smo_enter(struct tree *t)
{
    if (!t->space)
        pthread_rwlock_wrlock(&t->smo);
}

void smo_leave(struct tree *t)
{
    if (!t->space)
        pthread_rwlock_unlock(&t->smo);
}

/* ---- the way down ----------------------------------------------------------------------------- */

/* NULL: the page may stand there. */
static const char *misfit(const struct tree *t, const struct buf *b)
{
    const struct page p = smo_page(b);
    const bool root = b->pgno == t->root;

    if (b->blank)
        return "a page is blank";
    if (page_objid(p) != t->objid)
        return "a page belongs to another object";
    if (page_flags(p) & (PAGE_EMPTY | PAGE_PRE_INIT))
        return "a page has no content";
    if (!(page_flags(p) & PAGE_ROOT) == root)
        return "a page has a root's flag, or the root has none";
    if (redo_is_unique(p) != t->unique)
        return "a page is of the other kind: unique or not";
    if (page_nr_lines(p) == 0 && !(root && (page_flags(p) & PAGE_LEAF)))
        return "a page has no node";
    return NULL;
}

static JET_ERR enter_page(struct tree *t, pgno_t pgno, struct buf **ret)
{
    const char *what;
    JET_ERR err = buf_get_latched(t->db->pool, pgno, BUF_READ, BUF_SHARED, ret);

    if (err < 0)
        return err;
    what = misfit(t, *ret);
    if (!what)
        return JET_errSuccess;
    buf_release(*ret, BUF_SHARED);
    return smo_fault(t, RAISE(JET_errDatabaseCorrupted), pgno, what);
}

static void make_exclusive(struct smo_step *at)
{
    if (!buf_try_upgrade(at->buf)) {
        buf_unlatch(at->buf, BUF_SHARED);
        buf_latch(at->buf, BUF_EXCLUSIVE);
    }
    at->latch = BUF_EXCLUSIVE;
}

/* The page that the last step's leads to. */
static JET_ERR follow(struct smo_path *p, const struct find *f, pgno_t *ret)
{
    struct smo_step *at = smo_leaf(p);
    const struct page_lines l = page_lines(smo_page(at->buf));
    struct node n;

    at->line = find_child(&l, f);
    *ret = PGNO_NULL;
    if (at->line < l.nr) {
        n = page_lines_node(&l, at->line);
        *ret = node_child(&n);
    }
    for (unsigned i = 0; i < p->depth; i++)
        if (p->step[i].buf->pgno == *ret)
            *ret = PGNO_NULL;
    if (*ret == PGNO_NULL)
        return smo_fault(p->t, RAISE(JET_errBadPageLink), at->buf->pgno,
                         "no pointer leads to where a key belongs");
    return JET_errSuccess;
}

static JET_ERR step_down(struct smo_path *p, const struct find *f, pgno_t pgno)
{
    const bool above_leaf =
        p->depth && (page_flags(smo_page(smo_leaf(p)->buf)) & PAGE_PARENT_OF_LEAF);
    struct smo_step *at = &p->step[p->depth];
    JET_ERR err;

    if (p->depth == SMO_LEVELS_MAX)
        return smo_fault(p->t, RAISE(JET_errBadPageLink), pgno, "it has too many levels");
    err = enter_page(p->t, pgno, &at->buf);
    if (err < 0)
        return err;
    at->latch = BUF_SHARED;
    p->depth++;
    if (p->depth > 1 && above_leaf != !!(page_flags(smo_page(at->buf)) & PAGE_LEAF))
        return smo_fault(p->t, RAISE(JET_errBadParentPageLink), pgno,
                         "a page is on another level than the one above it says");
    if (!(page_flags(smo_page(at->buf)) & PAGE_LEAF))
        return JET_errSuccess;
    make_exclusive(at);
    {
        const struct page_lines l = page_lines(smo_page(at->buf));
        at->line = find_leaf(&l, f, &p->found);
    }
    return JET_errSuccess;
}

JET_ERR smo_descend(struct smo_path *p, struct sess *s, struct tree *t, const struct bookmark *bm)
{
    const struct find f = {bm->key, t->unique ? (struct slice){bm->key.p, 0} : bm->data, false,
                           !t->unique};
    JET_ERR err;

    p->s = s;
    p->t = t;
    p->depth = 0;
    err = step_down(p, &f, t->root);
    while (err >= 0 && !(page_flags(smo_page(smo_leaf(p)->buf)) & PAGE_LEAF)) {
        pgno_t child;

        err = follow(p, &f, &child);
        if (err >= 0)
            err = step_down(p, &f, child);
    }
    if (err < 0)
        smo_path_done(p);
    return err;
}

void smo_path_latch(struct smo_path *p, unsigned i)
{
    buf_latch(p->step[i].buf, BUF_EXCLUSIVE);
    p->step[i].latch = BUF_EXCLUSIVE;
}

void smo_path_unlatch(struct smo_path *p)
{
    for (unsigned i = p->depth; i-- > 0;) {
        buf_unlatch(p->step[i].buf, p->step[i].latch);
        p->step[i].latch = BUF_PIN;
    }
}

void smo_path_done(struct smo_path *p)
{
    smo_path_unlatch(p);
    while (p->depth > 0)
        buf_put(p->step[--p->depth].buf);
}

JET_ERR smo_sibling(struct tree *t, const struct buf *b, bool right, struct buf **ret)
{
    const pgno_t pgno = right ? page_next(smo_page(b)) : page_prev(smo_page(b));
    JET_ERR err;

    *ret = NULL;
    if (pgno == PGNO_NULL)
        return JET_errSuccess;
    if (pgno != b->pgno) {
        struct page p;

        err = buf_get(t->db->pool, pgno, BUF_READ, ret);
        if (err < 0)
            return err;
        p = smo_page(*ret);
        if (!misfit(t, *ret) && (page_flags(p) & PAGE_LEAF) &&
            (right ? page_prev(p) : page_next(p)) == b->pgno)
            return JET_errSuccess;
        buf_put(*ret);
        *ret = NULL;
    }
    return smo_fault(t, RAISE(JET_errBadPageLink), b->pgno, "a leaf's neighbour does not know it");
}

/* ---- versions of a node ----------------------------------------------------------------------- */

static struct bookmark bookmark_of(const struct tree *t, const struct node *n, uint8_t *key)
{
    return (struct bookmark){{key, node_key(n, key)}, t->unique ? (struct slice){key, 0} : n->data};
}

/* Out of line: a buffer for a key is too much for those who mostly do not need it. */
static __attribute__((noinline)) uint32_t version_max(struct tree *t, const struct node *n)
{
    uint8_t key[PAGE_SIZE_MAX];
    const struct bookmark bm = bookmark_of(t, n, key);

    return ver_size_max(t, &bm);
}

static __attribute__((noinline)) bool version_is_active(struct tree *t, const struct node *n)
{
    uint8_t key[PAGE_SIZE_MAX];
    const struct bookmark bm = bookmark_of(t, n, key);

    return ver_is_active(t, &bm);
}

static bool has_versions(struct tree *t)
{
    return atomic_load_explicit(&t->nr_ver, memory_order_relaxed) != 0;
}

bool smo_is_dead(struct tree *t, const struct node *n)
{
    return (n->flags & NODE_DELETED) && !(has_versions(t) && version_is_active(t, n));
}

/* ---- room ------------------------------------------------------------------------------------- */

uint32_t smo_data_max(struct tree *t, const struct node *n)
{
    uint32_t max = 0;

    if ((n->flags & NODE_VERSIONED) && has_versions(t))
        max = version_max(t, n);
    return max > n->data.len ? max : n->data.len;
}

uint32_t smo_reserved(struct tree *t, struct page p, unsigned but)
{
    uint32_t sum = 0;

    if (!(page_flags(p) & PAGE_LEAF) || !has_versions(t))
        return 0;
    for (unsigned i = 0; i < page_nr_lines(p); i++) {
        const struct node n = page_node(p, i);
        sum += i == but ? 0 : smo_data_max(t, &n) - n.data.len;
    }
    return sum;
}

bool smo_has_room(struct tree *t, struct buf *b, uint32_t len)
{
    const struct page p = smo_page(b);
    const uint32_t free = page_free(p), reserved = page_uncommitted(p);
    uint32_t now;

    if (len > free)
        return false;
    if (len <= free - reserved)
        return true;
    now = smo_reserved(t, p, SMO_NO_LINE);
    now = now < free ? now : free;
    if (now != reserved && (page_flags(p) & PAGE_LEAF)) {
        page_set_uncommitted(smo_edit(b), now);
        buf_untidy(b);
    }
    return len <= free - now;
}

uint32_t smo_separator_len(struct page p, struct redo_key key)
{
    const uint32_t prefix = redo_prefix_len(p, key);

    return SMO_NODE_OVERHEAD + redo_key_len(key) + (uint32_t)sizeof(le32) -
           (prefix ? prefix - 2 : 0);
}

/* ---- one page --------------------------------------------------------------------------------- */

JET_ERR smo_log(struct sess *s, struct tree *t, struct buf *b, struct logrec *rec, lgpos_t *ret)
{
    rec->pgno = b->pgno;
    rec->dbtime_before = page_dbtime(smo_page(b));
    rec->dbtime = db_dbtime_next(t->db);
    return trx_log(s, t, rec, ret);
}

void smo_changed(struct sess *s, struct buf *b, const struct logrec *rec, lgpos_t lgpos,
                 uint32_t reserved)
{
    const struct edit e = smo_edit(b);
    const uint32_t free = page_free(edit_page(e));

    page_set_flags(e, page_flags(edit_page(e)) & ~(uint32_t)PAGE_SCRUBBED);
    page_set_dbtime(e, rec->dbtime);
    page_set_uncommitted(e, reserved < free ? reserved : free);
    trx_dirty(s, b, lgpos);
}

JET_ERR smo_broken(struct sess *s, struct buf *b, JET_ERR err)
{
    return inst_fail(s->inst, fault(&s->inst->r, err, 0, b->pgno, ((uint64_t)b->pgno + 1) * b->size,
                                    "a change that is in the log could not be made"));
}
