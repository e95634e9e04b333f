/*
 * Which pages are split for an operation, and how: from the leaf upwards, as far as parents are
 * full. Pages are only looked at; what the plan keeps of them is copied.
 *
 * When a parent cannot be split together with the separator that it should take (a root whose
 * lines and one more would not fit into the page they move to), it alone is split, without; the
 * operation comes again afterwards. The same way a leaf is split without its operation when no
 * line makes two pages that would hold everything.
 *
 * ESE: ErrBTISelectSplit, ErrBTINewSplit, BTISelectVerticalSplit, BTISelectAppend,
 * BTISelectRightSplit, BTISelectSplitWithOperNone, BTISplitCalcUncFree (bt.cxx).
 */
#include <stdlib.h>
#include <string.h>

#include "btree/find_inline.h"
#include "btree/smo_int.h"

/* On disk only, or of the root's own state. */
#define FLAGS_DROPPED                                                                 \
    ((uint32_t)(PAGE_NEW_CHECKSUM | PAGE_SCRUBBED | PAGE_FLUSH_TYPE | PAGE_REPAIRED | \
                PAGE_FDP_DELETE))

struct oper { /* what a page is split for */
    enum smo_oper kind;
    unsigned line;
    struct redo_key key;
    struct slice data;
};

struct lines {
    struct smo_line *line;
    unsigned nr;
};

/* ---- lines ------------------------------------------------------------------------------------ */

static struct smo_line line_of(const struct oper *o)
{
    const uint32_t size = redo_key_len(o->key) + o->data.len + SMO_NODE_OVERHEAD;

    return (struct smo_line){.key = o->key, .data = o->data, .size = size, .max = size};
}

static struct smo_line line_at(const struct page_lines *p, unsigned i)
{
    const struct node n = page_lines_node(p, i);
    const uint32_t size = n.prefix.len + n.suffix.len + n.data.len + SMO_NODE_OVERHEAD;

    return (struct smo_line){
        .key = {{n.prefix, n.suffix}}, .data = n.data, .size = size, .max = size};
}

/* Where nothing is reserved, no version need be asked. */
static uint32_t max_at(struct tree *t, const struct page_lines *p, unsigned i)
{
    const struct node n = page_lines_node(p, i);

    return n.prefix.len + n.suffix.len + smo_data_max(t, &n) + SMO_NODE_OVERHEAD;
}

/* As they would be with the operation done. */
static JET_ERR list_lines(struct tree *t, struct page p, const struct oper *o, struct lines *ret)
{
    const unsigned insert = o->kind == SMO_OPER_INSERT;
    const bool reserved = (page_flags(p) & PAGE_LEAF) && page_uncommitted(p);
    const struct page_lines from = page_lines(p);
    unsigned i = 0;

    ret->nr = from.nr + insert;
    ret->line = malloc((ret->nr + 1) * sizeof(ret->line[0]));
    if (!ret->line)
        return RAISE(JET_errOutOfMemory);
    for (unsigned to = 0; to < ret->nr; to++) {
        struct smo_line *l = &ret->line[to];

        if (insert && to == o->line) {
            *l = line_of(o);
            continue;
        }
        *l = line_at(&from, i);
        if (reserved)
            l->max = max_at(t, &from, i);
        i++;
        if (o->kind <= SMO_OPER_INSERT || to != o->line)
            continue;
        l->size = l->size - l->data.len + o->data.len;
        l->max = l->max > l->size ? l->max : l->size;
        l->data = o->data;
    }
    smo_lines_weigh(ret->line, ret->nr);
    return JET_errSuccess;
}

/* ---- choice ----------------------------------------------------------------------------------- */

static struct page page_of(const struct smo_work *w, unsigned i)
{
    return smo_page(w->path.step[i].buf);
}

static bool is_leaf_level(const struct smo_work *w, unsigned i)
{
    return i + 1 == w->path.depth;
}

static bool is_append(const struct smo_work *w, unsigned i, const struct oper *o)
{
    return i > 0 && is_leaf_level(w, i) && o->kind == SMO_OPER_INSERT &&
           o->line == page_nr_lines(page_of(w, i)) && page_next(page_of(w, i)) == PGNO_NULL;
}

/* Special places, before any other: the first key of the tree, an internal page over a leaf that
 * grows at its end. */
static bool choose_special(const struct smo_work *w, unsigned i, const struct oper *o,
                           const struct lines *l, struct smo_point *ret)
{
    const uint32_t room = smo_room(w->t->db->page_size);

    if (!is_leaf_level(w, i))
        return w->split[w->path.depth - 1].type == SMO_APPEND &&
               smo_point_highest(l->line, l->nr, room, ret);
    return o->kind == SMO_OPER_INSERT && o->line == 0 && page_prev(page_of(w, i)) == PGNO_NULL &&
           smo_point_at(l->line, l->nr, room, 1, ret);
}

static bool choose(const struct smo_work *w, unsigned i, const struct oper *o,
                   const struct lines *l, struct smo_point *ret)
{
    const uint32_t room = smo_room(w->t->db->page_size);

    if (i == 0)
        return smo_point_at(l->line, l->nr, room, 0, ret);
    if (l->nr < 2)
        return false;
    return choose_special(w, i, o, l, ret) || smo_point_even(l->line, l->nr, room, ret);
}

/* The operation is left out, and comes again. */
static JET_ERR choose_without(const struct smo_work *w, unsigned i, struct oper *o, struct lines *l,
                              unsigned at, struct smo_point *ret)
{
    const uint32_t room = smo_room(w->t->db->page_size);
    JET_ERR err;

    *o = (struct oper){.kind = SMO_OPER_NONE};
    free(l->line);
    err = list_lines(w->t, page_of(w, i), o, l);
    if (err < 0)
        return err;
    if (at ? smo_point_at(l->line, l->nr, room, at, ret) : choose(w, i, o, l, ret))
        return JET_errSuccess;
    return smo_fault(w->t, RAISE(JET_errDatabaseCorrupted), w->path.step[i].buf->pgno,
                     "a page is full, and cannot be split");
}

/* The last keys of an ascending run stay together: what is behind them moves, or the new one
 * alone. */
static JET_ERR choose_hot(const struct smo_work *w, unsigned i, struct oper *o, struct lines *l,
                          struct smo_point *ret, bool *ret_chosen)
{
    const uint32_t room = smo_room(w->t->db->page_size);

    *ret_chosen = false;
    if (i == 0 || !is_leaf_level(w, i) || o->kind != SMO_OPER_INSERT ||
        !smo_point_is_hot(l->line, l->nr, o->line))
        return JET_errSuccess;
    *ret_chosen = true;
    if (o->line + 1 < l->nr)
        return choose_without(w, i, o, l, o->line, ret);
    *ret_chosen = smo_point_at(l->line, l->nr, room, o->line, ret);
    return JET_errSuccess;
}

static JET_ERR choose_point(const struct smo_work *w, unsigned i, struct oper *o, struct lines *l,
                            struct smo_point *ret)
{
    bool chosen;
    JET_ERR err = choose_hot(w, i, o, l, ret, &chosen);

    if (err < 0 || chosen || choose(w, i, o, l, ret))
        return err;
    return choose_without(w, i, o, l, 0, ret);
}

/* ---- what is kept ----------------------------------------------------------------------------- */

static struct slice keep(uint8_t **at, struct redo_key key)
{
    const struct slice ret = {*at, redo_key_len(key)};

    for (unsigned i = 0; i < 2; i++) {
        if (key.p[i].len)
            memcpy(*at, key.p[i].p, key.p[i].len);
        *at += key.p[i].len;
    }
    return ret;
}

/* a, b: the lines before and behind the point; a is NULL in a vertical split. prefix: NULL, or of
 * the split page. */
static JET_ERR keep_keys(const struct smo_work *w, unsigned i, struct smo_split *sp,
                         const struct smo_line *a, const struct smo_line *b,
                         const struct redo_key *prefix)
{
    const bool root = i == 0;
    const struct slice old =
        root ? (struct slice){sp->mem, 0} : page_external_header(page_of(w, i));
    uint8_t *at;

    sp->mem = malloc(old.len + (prefix ? redo_key_len(*prefix) : 0) + 1 +
                     (root ? 0 : redo_key_len(a->key) + redo_key_len(b->key) + b->data.len));
    if (!sp->mem)
        return RAISE(JET_errOutOfMemory);
    at = sp->mem;
    sp->prefix_old = keep(&at, (struct redo_key){{old}});
    if (prefix)
        sp->prefix_bytes = keep(&at, *prefix);
    if (root)
        return JET_errSuccess;
    if (is_leaf_level(w, i))
        sp->separator = (struct slice){at, smo_separator(a, b, at)};
    else
        sp->separator = keep(&at, a->key);
    if (!sp->separator.len)
        return smo_fault(w->t, RAISE(JET_errDatabaseCorrupted), w->path.step[i].buf->pgno,
                         "keys are out of order");
    return JET_errSuccess;
}

static void set_flags(const struct smo_work *w, unsigned i, struct smo_split *sp)
{
    const uint32_t flags = page_flags(page_of(w, i)) & ~FLAGS_DROPPED;

    sp->new_flags = flags & ~(uint32_t)PAGE_ROOT;
    sp->split_flags = flags;
    if (i == 0) {
        sp->split_flags &= ~(uint32_t)(PAGE_LEAF | PAGE_PARENT_OF_LEAF);
        sp->split_flags |= flags & PAGE_LEAF ? PAGE_PARENT_OF_LEAF : 0;
    }
}

/* ---- one page --------------------------------------------------------------------------------- */

/* The new node alone goes to a new page; nothing else changes. */
static JET_ERR plan_append(struct smo_work *w, unsigned i, const struct oper *o)
{
    struct smo_split *sp = &w->split[i];
    const struct page p = page_of(w, i);
    const struct page_lines lines = page_lines(p);
    const unsigned nr = lines.nr;
    const struct smo_line last = line_at(&lines, nr - 1), new = line_of(o);
    const bool prefix = redo_key_len(o->key) >= REDO_PREFIX_MIN &&
                        new.size + REDO_PREFIX_MIN - 1 <= smo_room(p.size);

    sp->type = SMO_APPEND;
    sp->oper = SMO_OPER_INSERT;
    sp->oper_line = sp->at = nr;
    sp->nr_lines = nr + 1;
    sp->prefix_split = -1;
    sp->prefix_new = prefix ? 0 : -1;
    sp->reserved_split = page_uncommitted(p);
    return keep_keys(w, i, sp, &last, &new, NULL);
}

static JET_ERR plan_lines(struct smo_work *w, unsigned i, struct oper *o, struct lines *l)
{
    struct smo_split *sp = &w->split[i];
    const struct smo_line *before, *last;
    struct smo_point point;
    JET_ERR err = choose_point(w, i, o, l, &point);

    if (err < 0)
        return err;
    before = point.at ? &l->line[point.at - 1] : NULL;
    last = &l->line[l->nr - 1];
    sp->type = i ? SMO_RIGHT : SMO_VERTICAL;
    sp->oper = o->kind;
    sp->oper_line = o->kind ? o->line : 0;
    sp->at = point.at;
    sp->nr_lines = l->nr;
    sp->prefix_split = point.left.line;
    sp->prefix_new = point.right.line;
    sp->reserved_split = before ? (uint32_t)(before->max_sum - before->size_sum) : 0;
    sp->reserved_new = (uint32_t)(last->max_sum - last->size_sum) - sp->reserved_split;
    return keep_keys(w, i, sp, before, &l->line[point.at],
                     point.left.line < 0 ? NULL : &l->line[point.left.line].key);
}

static JET_ERR plan_right_split(struct smo_work *w, unsigned i, struct oper *o)
{
    struct lines l = {0};
    JET_ERR err = list_lines(w->t, page_of(w, i), o, &l);

    if (err >= 0)
        err = plan_lines(w, i, o, &l);
    free(l.line);
    return err;
}

static void unplan(struct smo_split *sp)
{
    free(sp->mem);
    buf_put(sp->right);
    *sp = (struct smo_split){0};
}

static JET_ERR plan_page(struct smo_work *w, unsigned i, struct oper o);

/* The separator comes in before the pointer to the page, which will lead to the new one. */
static JET_ERR plan_parent(struct smo_work *w, unsigned i)
{
    const struct smo_split *parent = &w->split[i - 1];
    const struct smo_step *at = &w->path.step[i - 1];
    const struct redo_key key = {{w->split[i].separator}};
    uint8_t child[4];
    const struct oper o = {SMO_OPER_INSERT, at->line, key, {child, 4}};
    JET_ERR err;

    if (page_nr_lines(smo_page(at->buf)) < PAGE_LINES_MAX &&
        smo_has_room(w->t, at->buf, smo_separator_len(smo_page(at->buf), key)))
        return JET_errSuccess;
    put_le32(child, w->path.step[i].buf->pgno);
    err = plan_page(w, i - 1, o);
    if (err >= 0 && (!parent->planned || parent->oper == SMO_OPER_NONE))
        unplan(&w->split[i]);
    return err;
}

static JET_ERR plan_page(struct smo_work *w, unsigned i, struct oper o)
{
    struct smo_split *sp = &w->split[i];
    JET_ERR err = JET_errSuccess;

    if (is_leaf_level(w, i))
        err = smo_sibling(w->t, w->path.step[i].buf, true, &sp->right);
    if (err >= 0)
        err = is_append(w, i, &o) ? plan_append(w, i, &o) : plan_right_split(w, i, &o);
    if (err < 0)
        return err;
    sp->planned = true;
    set_flags(w, i, sp);
    return i ? plan_parent(w, i) : JET_errSuccess;
}

/* ---- for smosplit.c --------------------------------------------------------------------------- */

static enum smo_oper oper_of(enum lrtyp type)
{
    return type == LR_INSERT    ? SMO_OPER_INSERT
           : type == LR_REPLACE ? SMO_OPER_REPLACE
                                : SMO_OPER_FLAG_INSERT_REPLACE;
}

JET_ERR smo_plan(struct smo_work *w)
{
    const struct oper o = {.kind = oper_of(w->type),
                           .line = smo_leaf(&w->path)->line,
                           .key = {{w->op->key}},
                           .data = w->op->data};

    for (unsigned i = 0; i < w->path.depth; i++)
        w->split[i] = (struct smo_split){0};
    return plan_page(w, w->path.depth - 1, o);
}

void smo_plan_done(struct smo_work *w)
{
    for (unsigned i = 0; i < w->path.depth; i++)
        unplan(&w->split[i]);
}
