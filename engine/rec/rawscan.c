#include <inttypes.h>
#include <stdlib.h>

#include "rec/fcb_priv.h"

#define RAW_DEPTH_MAX 16u

static JET_ERR raw_fault(struct rawscan *r, pgno_t pgno, const char *what)
{
    return fault(&r->tree->db->inst->r, JET_errDatabaseCorrupted, 0, pgno, ESE_NO_OFFSET,
                 "tree of object %" PRIu32 ": %s", r->tree->objid, what);
}

static JET_ERR check_page(struct rawscan *r, pgno_t pgno)
{
    if (page_is_zero(r->page, sizeof(struct page_hdr_disk)) ||
        page_objid((struct page){r->page, r->tree->db->page_size}) != r->tree->objid)
        return raw_fault(r, pgno, "a page is not the tree's");
    return JET_errSuccess;
}

/* With the page latched, so that its versions are those of the copy. */
static JET_ERR look_at_versions(struct rawscan *r)
{
    const struct page p = {r->page, r->tree->db->page_size};
    JET_ERR err = JET_errSuccess;

    if (!r->look || !(page_flags(p) & PAGE_LEAF))
        return JET_errSuccess;
    for (unsigned i = 0; err >= 0 && i < page_nr_lines(p); i++) {
        const struct node n = page_node(p, i);

        r->marks[i] = 0;
        if ((n.flags & NODE_VERSIONED) &&
            atomic_load_explicit(&r->tree->nr_ver, memory_order_acquire))
            err = r->look(r->ctx, (struct slice){r->key, node_key(&n, r->key)}, &r->marks[i]);
    }
    return err;
}

/* A page of the tree into r->page. */
static JET_ERR copy_page(struct rawscan *r, pgno_t pgno)
{
    struct buf *b;
    JET_ERR err = buf_get_latched(r->tree->db->pool, pgno, BUF_READ, BUF_SHARED, &b);

    if (err < 0)
        return err;
    memcpy(r->page, b->b, b->size);
    err = check_page(r, pgno);
    if (err >= 0)
        err = look_at_versions(r);
    buf_release(b, BUF_SHARED);
    r->pgno = pgno;
    return err;
}

/* Down to the first or the last leaf, which is in r->page then. */
static JET_ERR descend(struct rawscan *r, bool to_last)
{
    const struct page p = {r->page, r->tree->db->page_size};
    pgno_t pgno = r->tree->root;

    for (unsigned depth = 0; depth < RAW_DEPTH_MAX; depth++) {
        struct node n;
        JET_ERR err = copy_page(r, pgno);

        if (err < 0)
            return err;
        r->nr_lines = page_nr_lines(p);
        if (page_flags(p) & PAGE_LEAF)
            return JET_errSuccess;
        if (r->nr_lines == 0)
            return raw_fault(r, pgno, "a page above the leaves is empty");
        n = page_node(p, to_last ? r->nr_lines - 1 : 0);
        pgno = node_child(&n);
        if (pgno == 0)
            return raw_fault(r, r->pgno, "a pointer leads nowhere");
    }
    return raw_fault(r, pgno, "it is too deep");
}

JET_ERR raw_open(struct rawscan *r, struct sess *s, struct tree *t)
{
    *r = (struct rawscan){.s = s, .tree = t};
    r->page = malloc(t->db->page_size);
    r->key = malloc(t->db->page_size);
    r->marks = calloc(t->db->page_size / 4, 1); /* a tag has four bytes */
    if (!r->page || !r->key || !r->marks) {
        raw_close(r);
        return RAISE(JET_errOutOfMemory);
    }
    pthread_rwlock_rdlock(&t->smo);
    r->locked = true;
    return JET_errSuccess;
}

void raw_close(struct rawscan *r)
{
    if (r->locked)
        pthread_rwlock_unlock(&r->tree->smo);
    free(r->page);
    free(r->key);
    free(r->marks);
    *r = (struct rawscan){0};
}

static void give(struct rawscan *r, unsigned line, struct raw_node *ret)
{
    const struct page p = {r->page, r->tree->db->page_size};
    const struct node n = page_node(p, line);

    *ret = (struct raw_node){.key = {r->key, node_key(&n, r->key)},
                             .data = n.data,
                             .flags = n.flags,
                             .mark = r->marks[line],
                             .pgno = r->pgno};
}

/* The leaf behind the one in r->page. Links that agree cannot lead round in a circle: the first
 * leaf has none before it. */
static JET_ERR next_leaf(struct rawscan *r)
{
    const struct page p = {r->page, r->tree->db->page_size};
    const pgno_t before = r->pgno;
    JET_ERR err = copy_page(r, page_next(p));

    if (err < 0)
        return err;
    if (!(page_flags(p) & PAGE_LEAF) || page_prev(p) != before)
        return raw_fault(r, r->pgno, "its leaves are not linked as they should be");
    r->nr_lines = page_nr_lines(p);
    r->line = 0;
    return JET_errSuccess;
}

JET_ERR raw_next(struct rawscan *r, struct raw_node *ret)
{
    const struct page p = {r->page, r->tree->db->page_size};
    JET_ERR err = JET_errSuccess;

    if (r->pgno == 0) {
        err = descend(r, false);
        if (err >= 0 && page_prev(p) != 0)
            err = raw_fault(r, r->pgno, "its first leaf has one before it");
    }
    while (err >= 0 && r->line >= r->nr_lines) {
        if (page_next(p) == 0)
            return JET_errNoCurrentRecord;
        err = next_leaf(r);
    }
    if (err >= 0)
        give(r, r->line++, ret);
    return err;
}

JET_ERR raw_last(struct rawscan *r, struct raw_node *ret)
{
    JET_ERR err = descend(r, true);

    if (err >= 0 && r->nr_lines == 0)
        err = JET_errNoCurrentRecord;
    if (err >= 0)
        give(r, r->nr_lines - 1, ret);
    return err;
}
