#include "btree/btread.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Flags that every page of a tree has like its root (ESE: cpage.cxx, ErrCheckPage and repair.cxx). */
#define TYPE_FLAGS (PAGE_SPACE_TREE | PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE)

void bt_open(struct bt_cursor *c, struct dbfile *f, pgno_t root, objid_t objid, unsigned flags)
{
    c->f = f;
    c->root = root;
    c->objid = objid;
    c->flags = flags;
    c->page_fn = NULL;
    c->page_ctx = NULL;
    c->type = 0;
    c->done = false;
    c->depth = 0;
    c->visited = 0;
    c->prev_leaf = c->prev_next = PGNO_NULL;
    c->prev.len = c->prev.key_len = 0;
}

void bt_close(struct bt_cursor *c)
{
    while (c->depth)
        dbfile_unpin(c->f, &c->level[--c->depth].page);
    c->done = true;
}

static JET_ERR bt_fault(struct bt_cursor *c, JET_ERR err, pgno_t pgno, const char *fmt, ...)
    printf_like(4, 5) cold;

static JET_ERR bt_fault(struct bt_cursor *c, JET_ERR err, pgno_t pgno, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fault(dbfile_reporter(c->f), err, 0, pgno, dbfile_offset(c->f, pgno), "%s", text);
}

/* ---- comparing -------------------------------------------------------------------------------- */

static int bytes_cmp(const void *a, uint32_t la, const void *b, uint32_t lb)
{
    uint32_t n = la < lb ? la : lb;
    int c = n ? memcmp(a, b, n) : 0;

    return c ? c : (la > lb) - (la < lb);
}

int bt_key_cmp(const struct node *n, const void *key, uint32_t len)
{
    uint32_t head = n->prefix.len < len ? n->prefix.len : len;
    int c = head ? memcmp(n->prefix.p, key, head) : 0;

    if (c)
        return c;
    if (n->prefix.len > len)
        return 1;
    return bytes_cmp(n->suffix.p, n->suffix.len, (const uint8_t *)key + head, len - head);
}

/* What orders nodes: the key, in a non-unique tree's leaf followed by the data. False when it is
 * longer than any can be. */
static bool bookmark_of(const struct page *p, unsigned line, struct bt_bookmark *ret)
{
    struct node n = page_node(*p, line);
    const bool with_data =
        (page_flags(*p) & (PAGE_LEAF | PAGE_NON_UNIQUE)) == (PAGE_LEAF | PAGE_NON_UNIQUE);

    if (n.prefix.len + n.suffix.len > BT_KEY_MAX || (with_data && n.data.len > BT_KEY_MAX))
        return false;
    ret->key_len = ret->len = node_key(&n, ret->b);
    if (with_data) {
        memcpy(ret->b + ret->len, n.data.p, n.data.len);
        ret->len += n.data.len;
    }
    return true;
}

static int bookmark_cmp(const struct bt_bookmark *a, const struct bt_bookmark *b)
{
    int c = bytes_cmp(a->b, a->key_len, b->b, b->key_len);

    return c ? c
             : bytes_cmp(a->b + a->key_len, a->len - a->key_len, b->b + b->key_len,
                         b->len - b->key_len);
}

/* ---- entering a page -------------------------------------------------------------------------- */

static JET_ERR check_kind(struct bt_cursor *c, const struct page *p, pgno_t pgno)
{
    const uint32_t flags = page_flags(*p);
    const bool is_root = c->depth == 0;

    if (is_root) {
        c->type = flags & TYPE_FLAGS;
        if (c->objid == 0)
            c->objid = page_objid(*p);
    }
    if (page_objid(*p) != c->objid)
        return bt_fault(c, JET_errDatabaseCorrupted, pgno,
                        "the page belongs to object %" PRIu32 ", not %" PRIu32, page_objid(*p),
                        c->objid);
    if (flags & (PAGE_EMPTY | PAGE_PRE_INIT))
        return bt_fault(c, JET_errDatabaseCorrupted, pgno,
                        "a page without content is part of a tree");
    if (!(flags & PAGE_ROOT) == is_root)
        return bt_fault(c, JET_errDatabaseCorrupted, pgno,
                        is_root ? "the root of a tree is not flagged as one"
                                : "a page inside a tree is flagged as root");
    if (c->type & ~flags)
        return bt_fault(c, JET_errDatabaseCorrupted, pgno,
                        "the page is of another type than its tree");
    if (page_nr_lines(*p) == 0 && !(is_root && (flags & PAGE_LEAF)))
        return bt_fault(c, JET_errDatabaseCorrupted, pgno, "a page inside a tree has no node");
    if (!is_root &&
        !(flags & PAGE_LEAF) != !(page_flags(c->level[c->depth - 1].page) & PAGE_PARENT_OF_LEAF))
        return bt_fault(c, JET_errBadParentPageLink, pgno,
                        "leaf and internal pages are on one level");
    return JET_errSuccess;
}

/* The nodes of a page against the separators around its pointer: line is its line in the parent, whose
 * key is above all of them; the key of the line before is not (ESE: "key of next", bt.cxx). Key and
 * data count as one string there. An empty separator is above everything. */
static bool fits_between(const struct page *p, const struct page *parent, unsigned line)
{
    const unsigned nr = page_nr_lines(*p);
    struct bt_bookmark b;
    struct node sep = page_node(*parent, line);

    if (sep.prefix.len + sep.suffix.len) {
        struct node last = page_node(*p, nr - 1);
        if (last.prefix.len + last.suffix.len == 0 && !(page_flags(*p) & PAGE_LEAF))
            return false;
        if (!bookmark_of(p, nr - 1, &b))
            return false;
        if (page_flags(*p) & PAGE_LEAF ? bt_key_cmp(&sep, b.b, b.len) <= 0
                                       : bt_key_cmp(&sep, b.b, b.len) != 0)
            return false;
    }
    if (line == 0 || (nr == 1 && !(page_flags(*p) & PAGE_LEAF)))
        return true;
    sep = page_node(*parent, line - 1);
    return bookmark_of(p, 0, &b) && bt_key_cmp(&sep, b.b, b.len) <= 0;
}

static JET_ERR check_order(struct bt_cursor *c, const struct page *p, pgno_t pgno)
{
    struct bt_bookmark first;
    const pgno_t prev = c->prev_leaf, expected = c->prev_next;

    if (prev && (page_prev(*p) != prev || expected != pgno))
        return bt_fault(c, JET_errBadPageLink, pgno,
                        "links: page %" PRIu32 " is followed by %" PRIu32
                        ", this one is preceded by %" PRIu32,
                        prev, expected, page_prev(*p));
    if (prev && c->prev.len && bookmark_of(p, 0, &first) && bookmark_cmp(&c->prev, &first) >= 0)
        return bt_fault(c, JET_errDatabaseCorrupted, pgno,
                        "its first key is not above the last of page %" PRIu32, prev);
    return JET_errSuccess;
}

/* Checks 3 and 4, once per page. Their faults are told, but the page is read all the same: its nodes
 * are what they are. */
static JET_ERR check_place(struct bt_cursor *c, const struct page *p, pgno_t pgno)
{
    JET_ERR err = JET_errSuccess;

    if (c->depth > 0) {
        const struct bt_level *up = &c->level[c->depth - 1];
        if (!fits_between(p, &up->page, up->line - 1))
            err = bt_fault(c, JET_errBadParentPageLink, pgno,
                           "its keys are not those that page %" PRIu32 " says", up->pgno);
    }
    if (page_flags(*p) & PAGE_LEAF) {
        JET_ERR err2 = check_order(c, p, pgno);
        if (err >= 0)
            err = err2;
    } else if (page_prev(*p) || page_next(*p)) {
        err = bt_fault(c, JET_errBadPageLink, pgno, "an internal page has sibling links");
    }
    return err;
}

/*
 * Enters a page: on success, or when only its place was at fault, it is the deepest level.
 * walking: checks 3 and 4 are made.
 */
static JET_ERR enter(struct bt_cursor *c, pgno_t pgno, bool walking)
{
    struct page p;
    JET_ERR err;

    if (c->depth == BT_DEPTH_MAX)
        return bt_fault(c, JET_errBadPageLink, pgno, "the tree is deeper than %d levels",
                        BT_DEPTH_MAX);
    if (++c->visited > dbfile_last_page(c->f)) {
        bt_close(c); /* a page must have been visited twice: there may be no end to it */
        return bt_fault(c, JET_errBadPageLink, pgno,
                        "the tree at page %" PRIu32 " has more pages than the file", c->root);
    }
    err = dbfile_page(c->f, pgno, &p);
    if (err < 0)
        return err;
    err = check_kind(c, &p, pgno);
    if (err < 0) {
        dbfile_unpin(c->f, &p);
        return err;
    }
    if (c->page_fn)
        c->page_fn(c->page_ctx, pgno, &p, c->depth);
    if (walking)
        err = check_place(c, &p, pgno);
    c->level[c->depth++] = (struct bt_level){.page = p, .pgno = pgno, .nr_lines = page_nr_lines(p)};
    return err;
}

/* ---- walking ---------------------------------------------------------------------------------- */

/* Leaves the deepest page. A leaf that was read to its end is remembered for the next one's check. */
static void leave(struct bt_cursor *c)
{
    struct bt_level *top = &c->level[--c->depth];

    if (page_flags(top->page) & PAGE_LEAF) {
        c->prev_leaf = top->pgno;
        c->prev_next = page_next(top->page);
        if (top->nr_lines == 0 || !bookmark_of(&top->page, top->nr_lines - 1, &c->prev))
            c->prev.len = c->prev.key_len = 0;
    }
    dbfile_unpin(c->f, &top->page);
}

static JET_ERR finish(struct bt_cursor *c)
{
    if (c->done)
        return JET_errNoCurrentRecord;
    c->done = true;
    if (c->prev_leaf && c->prev_next)
        return bt_fault(c, JET_errBadPageLink, c->prev_leaf,
                        "the last leaf of its tree names page %" PRIu32 " as the next",
                        c->prev_next);
    return JET_errNoCurrentRecord;
}

static JET_ERR take_node(struct bt_cursor *c, struct bt_level *top, struct bt_node *ret)
{
    const unsigned line = top->line++;
    const struct node n = page_node(top->page, line);
    struct slice key = n.suffix;

    if (n.prefix.len + n.suffix.len > BT_KEY_MAX)
        return bt_fault(c, JET_errNodeCorrupted, top->pgno,
                        "the key of line %u has %" PRIu32 " bytes", line,
                        n.prefix.len + n.suffix.len);
    if (n.prefix.len)
        key = (struct slice){c->key, node_key(&n, c->key)};
    *ret = (struct bt_node){
        .key = key,
        .data = n.data,
        .flags = n.flags,
        .page_flags = page_flags(top->page),
        .pgno = top->pgno,
        .line = line,
    };
    return JET_errSuccess;
}

/* Takes the pointer that is due on an internal page. */
static JET_ERR descend(struct bt_cursor *c, struct bt_level *top)
{
    const struct node n = page_node(top->page, top->line++);
    const pgno_t child = node_child(&n);
    JET_ERR err;

    if ((c->flags & BT_NO_LEAVES) && (page_flags(top->page) & PAGE_PARENT_OF_LEAF)) {
        const struct page none = {0};
        if (c->page_fn)
            c->page_fn(c->page_ctx, child, &none, c->depth);
        return JET_errSuccess;
    }
    err = enter(c, child, true);
    if (err < 0 && c->depth && &c->level[c->depth - 1] == top)
        c->prev_leaf = PGNO_NULL; /* it was not entered: what follows has no known neighbour */
    return err;
}

JET_ERR bt_next(struct bt_cursor *c, struct bt_node *ret)
{
    JET_ERR err;

    if (c->depth == 0 && c->visited == 0 && !c->done) {
        err = enter(c, c->root, true);
        if (err < 0) {
            c->done = c->depth == 0;
            return err;
        }
    }
    while (c->depth) {
        struct bt_level *top = &c->level[c->depth - 1];
        if (top->line == top->nr_lines ||
            ((c->flags & BT_NO_LEAVES) && (page_flags(top->page) & PAGE_LEAF))) {
            leave(c);
        } else if (page_flags(top->page) & PAGE_LEAF) {
            err = take_node(c, top, ret);
            if (err < 0 || !(ret->flags & NODE_DELETED) || (c->flags & BT_DELETED))
                return err;
        } else {
            err = descend(c, top);
            if (err < 0)
                return err;
        }
    }
    return finish(c);
}

/* First line whose key is > key (internal) or >= key (leaf). */
static unsigned find_line(const struct bt_level *l, const void *key, uint32_t len)
{
    const bool leaf = page_flags(l->page) & PAGE_LEAF;
    unsigned lo = 0, hi = l->nr_lines;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        struct node n = page_node(l->page, mid);
        int c = bt_key_cmp(&n, key, len);
        /* the last pointer of the right edge has no key and is above everything */
        if (!leaf && n.prefix.len + n.suffix.len == 0)
            c = 1;
        if (c > 0 || (leaf && c == 0))
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

JET_ERR bt_seek(struct bt_cursor *c, const void *key, uint32_t len)
{
    pgno_t next = c->root;

    bt_close(c);
    c->done = false;
    c->visited = 0;
    c->prev_leaf = c->prev_next = PGNO_NULL;
    for (;;) {
        struct bt_level *top;
        struct node n;
        JET_ERR err = enter(c, next, false);

        if (err < 0) {
            bt_close(c);
            return err;
        }
        top = &c->level[c->depth - 1];
        top->line = find_line(top, key, len);
        if (page_flags(top->page) & PAGE_LEAF)
            return JET_errSuccess;
        if (top->line ==
            top->nr_lines) /* above every separator: bt_next goes on in the level above */
            return JET_errSuccess;
        n = page_node(top->page, top->line++);
        next = node_child(&n);
    }
}
