/*
 * What is dead leaves its leaf: nodes flagged as deleted that no version holds. Each goes by a
 * record of its own, the highest line first, so that the lines of the others stay right (write
 * path 5.2).
 *
 * A leaf never loses its last node: a page without nodes is in no tree but as root. In a unique
 * tree that node gives up its data; then smomerge.c takes the page away, if it is no root.
 *
 * ESE: ErrBTISinglePageCleanup, ErrBTISPCDeleteNodes, ErrBTIResetPrefixIfUnused (bt.cxx).
 */
#include <string.h>

#include "btree/smo_int.h"

/* ---- one record each -------------------------------------------------------------------------- */

static JET_ERR delete_line(struct sess *s, struct tree *t, struct buf *b, unsigned line)
{
    const uint32_t reserved = page_uncommitted(smo_page(b));
    struct logrec rec = {.type = LR_DELETE, .iline = (uint16_t)line};
    lgpos_t lgpos;
    JET_ERR err = smo_log(s, t, b, &rec, &lgpos);

    if (err < 0)
        return err;
    err = page_delete(smo_edit(b), line);
    if (err < 0)
        return smo_broken(s, b, err);
    smo_changed(s, b, &rec, lgpos, reserved);
    return JET_errSuccess;
}

bool smo_is_lv_root(const struct tree *t, const struct node *n)
{
    const uint32_t len = n->prefix.len + n->suffix.len;
    const uint8_t *first = n->prefix.len ? n->prefix.p : n->suffix.p;

    return (t->page_flags & PAGE_LONG_VALUE) && (len == 4 || (len == 8 && (*first & 0x80)));
}

/* One byte is left, which tells others that this was done (ESE:
 * chSCRUBDBMaintEmptyPageLastNodeFill). */
static JET_ERR empty_last(struct sess *s, struct tree *t, struct buf *b)
{
    static const uint8_t zero;
    const struct node n = page_node(smo_page(b), 0);
    const struct slice data = {&zero, 1};
    const uint32_t reserved = page_uncommitted(smo_page(b));
    struct logrec rec = {.type = LR_REPLACE};
    lgpos_t lgpos;
    JET_ERR err;

    /* Others look at what a long value's root has, dead or not. */
    if (!t->unique || smo_is_lv_root(t, &n) || n.data.len <= data.len)
        return JET_errSuccess;
    rec.replace.data = data;
    rec.replace.old_len = (uint16_t)n.data.len;
    rec.replace.new_len = (uint16_t)data.len;
    err = smo_log(s, t, b, &rec, &lgpos);
    if (err < 0)
        return err;
    err = page_replace(smo_edit(b), 0, data);
    if (err < 0)
        return smo_broken(s, b, err);
    smo_changed(s, b, &rec, lgpos, reserved);
    return JET_errSuccess;
}

static JET_ERR set_prefix(struct sess *s, struct tree *t, struct buf *b, struct slice prefix)
{
    const uint32_t reserved = page_uncommitted(smo_page(b));
    struct logrec rec = {.type = LR_SET_EXTERNAL_HEADER, .external_header = prefix};
    lgpos_t lgpos;
    JET_ERR err = smo_log(s, t, b, &rec, &lgpos);

    if (err < 0)
        return err;
    err = page_set_external_header(smo_edit(b), prefix);
    if (err < 0)
        return smo_broken(s, b, err);
    smo_changed(s, b, &rec, lgpos, reserved);
    return JET_errSuccess;
}

/* ---- prefix ----------------------------------------------------------------------------------- */

/* All of it when no node is compressed; when there is one node alone, what that does not use. */
JET_ERR smo_trim_prefix(struct sess *s, struct tree *t, struct buf *b, bool *ret_changed)
{
    const struct page p = smo_page(b);
    const unsigned nr = page_nr_lines(p);
    struct slice prefix = page_external_header(p);
    uint8_t copy[PAGE_SIZE_MAX];
    uint32_t used = 0;

    *ret_changed = false;
    if ((page_flags(p) & PAGE_ROOT) || prefix.len == 0)
        return JET_errSuccess;
    for (unsigned i = 0; i < nr; i++) {
        const struct node n = page_node(p, i);
        used = n.prefix.len > used ? n.prefix.len : used;
    }
    if (used == prefix.len || (used && nr > 1))
        return JET_errSuccess;
    *ret_changed = true;
    memcpy(copy, prefix.p, used);
    return set_prefix(s, t, b, (struct slice){copy, used});
}

/* ---- a leaf ----------------------------------------------------------------------------------- */

JET_ERR smo_delete_nodes(struct sess *s, struct tree *t, struct buf *b)
{
    const unsigned had = page_nr_lines(smo_page(b));
    JET_ERR err = JET_errSuccess;
    bool changed;

    for (unsigned i = had; i-- > 0 && err >= 0;) {
        const struct node n = page_node(smo_page(b), i);

        if (!smo_is_dead(t, &n))
            continue;
        err = page_nr_lines(smo_page(b)) > 1 ? delete_line(s, t, b, i) : empty_last(s, t, b);
    }
    if (err >= 0 && page_nr_lines(smo_page(b)) < had)
        err = smo_trim_prefix(s, t, b, &changed);
    return err;
}

static JET_ERR clean_leaf(struct sess *s, struct tree *t, const struct bookmark *bm)
{
    struct smo_path p;
    JET_ERR err = smo_descend(&p, s, t, bm);

    if (err < 0)
        return err;
    err = smo_delete_nodes(s, t, smo_leaf(&p)->buf);
    if (err >= 0 && p.depth > 1)
        err = smo_merge(&p);
    smo_path_done(&p);
    return err;
}

JET_ERR smo_clean_leaf(struct sess *s, struct tree *t, const struct bookmark *bm)
{
    JET_ERR err = JET_errSuccess;

    smo_enter(t);
    if (!atomic_load_explicit(&t->deleted, memory_order_acquire))
        err = clean_leaf(s, t, bm);
    smo_leave(t);
    return err;
}
