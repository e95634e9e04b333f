/*
 * Split macros: Split2 records from the highest level that changes down to the leaf, then the node
 * operation for whose sake it was done.
 *
 * The record names the page that is split with the lines that it had, the operation's place among
 * them counted in, and the line from which on they go to the new page. Both pages are built anew
 * from that list. A level with pgno_new 0 only takes the separator of the level below.
 *
 * ESE: ErrLGRIRedoSplit, ErrLGRIRedoInitializeSplit, ErrLGIRedoSplitLineinfo (logredo.cxx);
 * BTIPerformSplit, BTISplitMoveNodes, BTISplitFixSiblings, BTIInsertPgnoNewAndSetPgnoSplit,
 * BTIInsertPgnoNew (bt.cxx); FBTISplitPageBeforeImageRequired (btsplit.hxx).
 */
#include "btree/redo_int.h"

#include <stdlib.h>

#include "btree/find_inline.h"

enum { SPLIT_VERTICAL = 0, SPLIT_RIGHT = 1, SPLIT_APPEND = 2 };
enum { OPER_NONE = 0, OPER_INSERT = 1, OPER_REPLACE = 2, OPER_FLAG_INSERT_AND_REPLACE = 3 };

struct line {
    unsigned flags;
    struct redo_key key;
    struct slice data;
};

struct level {
    const struct logrec *rec;
    struct redo_page *page, *fresh, *right; /* fresh: NULL when there is none */
    const struct level *child;
    struct line oper; /* the node that comes, or its new data */
    uint8_t child_pgno[4];
    /* Before the split; lines point into it. The page itself, which is not changed before the end;
     * but of a before image, which is, a copy. */
    struct page old;
    uint8_t *old_copy;
    struct line *lines; /* NULL: neither page needs redo */
};

struct split {
    struct redo_macro *m;
    struct level level[REDO_LEVELS_MAX];
    unsigned nr;
    unsigned versioned; /* NODE_VERSIONED, or 0: of the operation */
};

static JET_ERR bad(struct split *s, const char *what)
{
    return redo_bad_log(s->m->db, s->m->lgpos, what);
}

static JET_ERR misfit(struct split *s, const struct level *l, const char *what)
{
    return redo_inconsistent(s->m->db, s->m->lgpos, l->rec->pgno, what);
}

static bool is_leaf_level(const struct level *l)
{
    return l->rec->split.new_page_flags & PAGE_LEAF;
}

/* Nothing but the new node goes to the new page: it can be made without the old one. */
static bool needs_image(const struct logrec *rec)
{
    if (rec->split.type == SPLIT_APPEND)
        return false;
    return !(rec->split.type == SPLIT_RIGHT && rec->split.oper == OPER_INSERT &&
             rec->split.iline_split == rec->split.iline_oper &&
             rec->split.iline_split + 1 == rec->split.nr_lines);
}

/* ---- what the records say --------------------------------------------------------------------- */

static const char *check_record(const struct logrec *rec)
{
    const uint32_t none = PAGE_ROOT | PAGE_EMPTY | PAGE_PRE_INIT;
    const unsigned split = rec->split.iline_split, nr = rec->split.nr_lines;

    if (rec->split.type > SPLIT_APPEND || rec->split.oper > OPER_FLAG_INSERT_AND_REPLACE)
        return "a split of an unknown kind";
    if (split >= nr || (rec->split.type == SPLIT_VERTICAL) != (split == 0))
        return "a split at an impossible line";
    if (rec->split.oper != OPER_NONE && rec->split.iline_oper >= nr)
        return "a split with an operation at an impossible line";
    if (rec->split.iline_prefix_new < -1 || rec->split.iline_prefix_new >= (int)(nr - split))
        return "a split that takes its prefix from an impossible line";
    if ((rec->split.new_page_flags & none) ||
        (rec->split.type == SPLIT_VERTICAL &&
         (rec->split.split_page_flags & none & ~(uint32_t)PAGE_ROOT)))
        return "a split with impossible page flags";
    if (rec->split.type == SPLIT_APPEND &&
        (rec->split.oper != OPER_INSERT || split != rec->split.iline_oper || split + 1 != nr))
        return "an append that is none";
    if (rec->split.type != SPLIT_VERTICAL && !rec->split.key_parent.len)
        return "a split without a separator";
    return NULL;
}

/* The node operation at the end; *op is its node. */
static JET_ERR take_operation(struct split *s, const struct logrec *rec)
{
    struct level *leaf = &s->level[s->nr - 1];
    struct line *op = &leaf->oper;
    unsigned oper;

    s->versioned = rec->flags & LR_PAGE_VERSIONED ? NODE_VERSIONED : 0;
    switch (rec->type) {
    case LR_INSERT:
        oper = OPER_INSERT;
        op->key = (struct redo_key){{rec->insert.key_prefix, rec->insert.key_suffix}};
        op->data = rec->insert.data;
        break;
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        oper = OPER_FLAG_INSERT_AND_REPLACE;
        op->data = rec->insert.data;
        break;
    case LR_REPLACE:
        oper = OPER_REPLACE;
        op->data = rec->replace.data;
        break;
    default:
        return bad(s, "a split goes with another operation than it may");
    }
    op->flags = s->versioned;
    if (oper != leaf->rec->split.oper || !is_leaf_level(leaf))
        return bad(s, "a split and its operation do not belong together");
    return JET_errSuccess;
}

static JET_ERR take_records(struct split *s, const struct logrec *recs, unsigned nr)
{
    const struct level *leaf;

    while (s->nr < nr && recs[s->nr].type == LR_SPLIT2) {
        struct level *l = &s->level[s->nr];
        const char *what = recs[s->nr].split.pgno_new ? check_record(&recs[s->nr]) : NULL;

        if (what || s->nr + 1 == REDO_LEVELS_MAX)
            return bad(s, what ? what : "a split of too many levels");
        l->rec = &recs[s->nr++];
    }
    leaf = &s->level[s->nr - 1];
    for (unsigned i = 0; i + 1 < s->nr; i++) {
        struct level *l = &s->level[i];

        l->child = &s->level[i + 1];
        if (!l->child->rec->split.key_parent.len || !l->child->rec->split.pgno_new)
            return bad(s, "a split gives its parent no separator");
        if (l->rec->split.pgno_new && (is_leaf_level(l) || l->rec->split.oper != OPER_INSERT))
            return bad(s, "a split of an internal page takes no separator");
        l->oper.key = (struct redo_key){{l->child->rec->split.key_parent}};
        put_le32(l->child_pgno, l->child->rec->pgno);
        l->oper.data = (struct slice){l->child_pgno, 4};
    }
    if (!leaf->rec->split.pgno_new || nr > s->nr + 1)
        return bad(s, "a macro of splits has no end");
    if (nr > s->nr)
        return take_operation(s, &recs[s->nr]);
    return leaf->rec->split.oper == OPER_NONE ? JET_errSuccess
                                              : bad(s, "a split lacks its operation");
}

/* ---- pages ------------------------------------------------------------------------------------ */

static JET_ERR buffer_dependency(struct split *s, const struct level *l)
{
    return fault(s->m->db->r, RAISE(JET_errDatabaseBufferDependenciesCorrupted), 515,
                 l->rec->split.pgno_new, redo_offset(s->m->db, l->rec->split.pgno_new),
                 "the page was made from page %u, which is newer now, and its log record has no "
                 "image of it",
                 (unsigned)l->rec->pgno);
}

static JET_ERR open_pages(struct split *s, struct level *l)
{
    const struct logrec *rec = l->rec;
    JET_ERR err = redo_macro_open(s->m, rec->pgno, rec->objid, rec->dbtime_before, &l->page);

    if (err < 0 || !rec->split.pgno_new)
        return err;
    err = redo_macro_open_new(s->m, rec->split.pgno_new, &l->fresh);
    if (err < 0)
        return err;
    if (needs_image(rec) && !rec->split.image.len)
        return buffer_dependency(s, l);
    if (l->fresh->redo && !l->page->redo && needs_image(rec)) {
        err = redo_macro_image(s->m, l->page, rec->split.image, rec->split.image_flags,
                               rec->dbtime_before, rec->objid);
        if (err < 0)
            return err;
    }
    return redo_macro_open(s->m, rec->split.pgno_right, rec->objid, rec->split.right_before,
                           &l->right);
}

static struct line line_of(const struct page_lines *p, unsigned i)
{
    struct node n = page_lines_node(p, i);
    return (struct line){n.flags, {{n.prefix, n.suffix}}, n.data};
}

static bool in_order(const struct line *a, const struct line *b)
{
    int c = redo_key_cmp(a->key, b->key);
    return c < 0 ||
           (c == 0 && redo_key_cmp((struct redo_key){{a->data}}, (struct redo_key){{b->data}}) < 0);
}

/* Between its neighbours; each page by itself is checked at the end. */
static bool belongs_there(const struct level *l)
{
    const unsigned at = l->rec->split.iline_oper;
    const struct line *line = l->lines;

    return (at == 0 || in_order(&line[at - 1], &line[at])) &&
           (at + 1u >= l->rec->split.nr_lines ||
            line[at + 1].key.p[0].len + line[at + 1].key.p[1].len == 0 ||
            in_order(&line[at], &line[at + 1]));
}

static JET_ERR keep_page(struct split *s, struct level *l)
{
    const uint32_t size = s->m->db->page_size;

    if (l->page->image) {
        l->old_copy = malloc(size);
        if (!l->old_copy)
            return RAISE(JET_errOutOfMemory);
        memcpy(l->old_copy, l->page->copy, size);
    }
    l->old = (struct page){l->old_copy ? l->old_copy : l->page->buf->b, size};
    return JET_errSuccess;
}

static const char *check_page(const struct level *l)
{
    const struct logrec *rec = l->rec;

    if (page_flags(l->old) & (PAGE_EMPTY | PAGE_PRE_INIT))
        return "it is in no tree";
    if (page_nr_lines(l->old) + (rec->split.oper == OPER_INSERT) != rec->split.nr_lines)
        return "it has another number of lines";
    if ((page_flags(l->old) & PAGE_ROOT) != (rec->split.type == SPLIT_VERTICAL ? PAGE_ROOT : 0) ||
        !(page_flags(l->old) & PAGE_LEAF) != !is_leaf_level(l))
        return "it is a page of another kind";
    return NULL;
}

/* Of an append, whose page stays as it is, the last line is enough. */
static void fill_lines(struct level *l)
{
    const struct logrec *rec = l->rec;
    const struct page_lines old = page_lines(l->old);
    const bool insert = rec->split.oper == OPER_INSERT;
    unsigned from = rec->split.type == SPLIT_APPEND && old.nr ? old.nr - 1 : 0;

    for (unsigned to = from; from < old.nr; to++)
        if (!insert || to != rec->split.iline_oper)
            l->lines[to] = line_of(&old, from++);
}

/* The lines as they are numbered in the record: with the operation done. */
static JET_ERR list_lines(struct split *s, struct level *l)
{
    const struct logrec *rec = l->rec;
    const bool insert = rec->split.oper == OPER_INSERT;
    const char *what;
    JET_ERR err;

    if (!l->page->redo && !l->fresh->redo)
        return JET_errSuccess;
    l->lines = malloc(rec->split.nr_lines * sizeof(l->lines[0]));
    if (!l->lines)
        return RAISE(JET_errOutOfMemory);
    if (insert)
        l->lines[rec->split.iline_oper] = l->oper;
    if (!l->page->redo) /* only the new node goes to the new page */
        return JET_errSuccess;
    err = keep_page(s, l);
    if (err < 0)
        return err;
    what = check_page(l);
    if (what)
        return misfit(s, l, what);
    fill_lines(l);
    if (insert && !belongs_there(l))
        return misfit(s, l, "the new key belongs elsewhere");
    if (rec->split.oper > OPER_INSERT) {
        struct line *at = &l->lines[rec->split.iline_oper];

        at->data = l->oper.data;
        at->flags = (at->flags & ~(unsigned)NODE_DELETED) | l->oper.flags;
    }
    return JET_errSuccess;
}

/* ---- doing it --------------------------------------------------------------------------------- */

static JET_ERR insert_lines(struct edit e, const struct line *lines, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        JET_ERR err = redo_insert(e, i, lines[i].flags, lines[i].key, lines[i].data);
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

static JET_ERR set_prefix(struct edit e, struct redo_key key)
{
    uint8_t flat[2 * PAGE_SIZE_MAX];
    uint32_t len = key.p[0].len + key.p[1].len;

    if (len > e.size)
        return RAISE(JET_errPageTagCorrupted);
    if (key.p[0].len)
        memcpy(flat, key.p[0].p, key.p[0].len);
    if (key.p[1].len)
        memcpy(flat + key.p[0].len, key.p[1].p, key.p[1].len);
    return page_set_external_header(e, (struct slice){flat, len});
}

static JET_ERR build_fresh(struct split *s, struct level *l)
{
    const struct logrec *rec = l->rec;
    const struct line *lines = l->lines + rec->split.iline_split;
    struct edit e = l->fresh->e;
    JET_ERR err = JET_errSuccess;

    page_init(e, rec->split.pgno_new, rec->objid, s->m->dbtime, rec->split.new_page_flags);
    if (rec->split.iline_prefix_new >= 0)
        err = set_prefix(e, lines[rec->split.iline_prefix_new].key);
    if (err >= 0)
        err = insert_lines(e, lines, rec->split.nr_lines - rec->split.iline_split);
    return err;
}

/* The root stays where it is, one level higher. */
static JET_ERR rebuild_root(struct level *l)
{
    const uint32_t keep = page_flags(edit_page(l->page->e)) & PAGE_FDP_DELETE;
    struct edit e = l->page->e;
    uint8_t child[4];
    JET_ERR err = page_truncate(e, 0);

    put_le32(child, l->rec->split.pgno_new);
    page_set_flags(e, l->rec->split.split_page_flags | PAGE_ROOT | keep);
    if (err >= 0)
        err = redo_insert(e, 0, 0, (struct redo_key){0}, (struct slice){child, 4});
    return err;
}

/* An append leaves the page and its prefix as they are. */
static JET_ERR rebuild_page(struct level *l)
{
    const struct logrec *rec = l->rec;
    struct edit e = l->page->e;
    JET_ERR err;

    if (rec->split.type == SPLIT_APPEND)
        return JET_errSuccess;
    if (rec->split.type == SPLIT_VERTICAL)
        return rebuild_root(l);
    err = page_truncate(e, 0);
    if (err >= 0)
        err = page_set_external_header(e, rec->split.prefix_new);
    if (err >= 0)
        err = insert_lines(e, l->lines, rec->split.iline_split);
    return err;
}

static void link_siblings(struct level *l)
{
    const struct logrec *rec = l->rec;

    if (rec->split.type == SPLIT_VERTICAL || !is_leaf_level(l))
        return;
    l->right->sound = true;
    l->page->sound = rec->split.type == SPLIT_APPEND;
    if (l->fresh->redo)
        page_set_links(l->fresh->e, rec->pgno, rec->split.pgno_right);
    if (l->page->redo)
        page_set_next(l->page->e, rec->split.pgno_new);
    if (l->right->redo)
        page_set_prev(l->right->e, rec->split.pgno_new);
}

/* The line behind the separator goes to the child's new page. */
static bool point_to_new(const struct level *l)
{
    const struct logrec *rec = l->rec, *child = l->child->rec;
    const unsigned line = rec->split.iline_oper + 1u;
    const bool in_fresh = line >= rec->split.iline_split;
    const struct redo_page *p = in_fresh ? l->fresh : l->page;

    return !p->redo || redo_set_child(p->e, in_fresh ? line - rec->split.iline_split : line,
                                      child->pgno, child->split.pgno_new);
}

/* Parent that is not split itself (ESE finds the line by seeking; the record's line is 0 in some
 * logs). Where it comes in, it is in order. */
static JET_ERR take_separator(struct split *s, struct level *l)
{
    const struct logrec *child = l->child->rec;
    const struct find f = {.key = child->split.key_parent};
    struct edit e = l->page->e;
    struct page_lines lines;
    unsigned line;

    if (!l->page->redo)
        return JET_errSuccess;
    if (page_flags(edit_page(e)) & (PAGE_LEAF | PAGE_EMPTY | PAGE_PRE_INIT))
        return misfit(s, l, "it is a leaf, or in no tree");
    lines = page_lines(edit_page(e));
    line = find_child(&lines, &f);
    if (!redo_set_child(e, line, child->pgno, child->split.pgno_new))
        return misfit(s, l, "it does not point to the page that is split");
    if (redo_insert(e, line, 0, l->oper.key, l->oper.data) < 0)
        return misfit(s, l, "it has no room for the separator");
    l->page->sound = true;
    return JET_errSuccess;
}

static JET_ERR perform(struct split *s, struct level *l)
{
    if (!l->rec->split.pgno_new)
        return take_separator(s, l);
    if (l->fresh->redo && build_fresh(s, l) < 0)
        return misfit(s, l, "its lines do not fit into the new page");
    if (l->page->redo && rebuild_page(l) < 0)
        return misfit(s, l, "its lines do not fit into it");
    link_siblings(l);
    if (l->child && !point_to_new(l))
        return misfit(s, l, "it does not point to the page that is split");
    return JET_errSuccess;
}

/* What the node at the operation was before. */
static void keep_old(struct split *s, struct redo_result *ret)
{
    const struct level *l = &s->level[s->nr - 1];
    const unsigned at = l->rec->split.iline_oper;
    struct node n;

    if (l->rec->split.oper == OPER_NONE)
        return;
    ret->applied = at < l->rec->split.iline_split ? l->page->redo : l->fresh->redo;
    if (!ret->applied || l->rec->split.oper == OPER_INSERT)
        return;
    n = page_node(l->old, at);
    redo_keep(s->m->db, &n, ret);
}

JET_ERR redo_split(struct redo_macro *m, const struct logrec *recs, unsigned nr,
                   struct redo_result *ret)
{
    struct split s = {.m = m};
    JET_ERR err = take_records(&s, recs, nr);

    for (unsigned i = 0; i < s.nr && err >= 0; i++)
        err = open_pages(&s, &s.level[i]);
    for (unsigned i = 0; i < s.nr && err >= 0; i++)
        if (s.level[i].fresh)
            err = list_lines(&s, &s.level[i]);
    if (err >= 0)
        keep_old(&s, ret);
    for (unsigned i = 0; i < s.nr && err >= 0; i++)
        err = perform(&s, &s.level[i]);
    for (unsigned i = 0; i < s.nr; i++) {
        free(s.level[i].lines);
        free(s.level[i].old_copy);
    }
    return err;
}
