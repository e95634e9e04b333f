/*
 * Records that change one page: nodes, tag 0, Scrub.
 *
 * ESE: ErrLGRIRedoNodeOperation, ErrLGRIRedoScrub (logredo.cxx) and the ND functions that they
 * call (node.cxx).
 */
#include <string.h>

#include "btree/redo_int.h"
#include "log/logdiff.h"

/* ---- keys and order --------------------------------------------------------------------------- */

int redo_key_cmp(struct redo_key x, struct redo_key y)
{
    const struct slice *a = x.p, *b = y.p;
    const uint32_t la = a[0].len + a[1].len, lb = b[0].len + b[1].len;
    uint32_t i = 0;

    while (i < la && i < lb) {
        const bool ap = i < a[0].len, bp = i < b[0].len;
        const uint32_t na = (ap ? a[0].len : la) - i, nb = (bp ? b[0].len : lb) - i;
        const uint32_t n = na < nb ? na : nb;
        const uint8_t *at_a = ap ? a[0].p + i : a[1].p + (i - a[0].len);
        const uint8_t *at_b = bp ? b[0].p + i : b[1].p + (i - b[0].len);
        int c = memcmp(at_a, at_b, n);

        if (c)
            return c;
        i += n;
    }
    return (la > lb) - (la < lb);
}

uint32_t redo_key_common(struct redo_key x, struct redo_key y)
{
    const uint32_t lx = redo_key_len(x), ly = redo_key_len(y), end = lx < ly ? lx : ly;
    uint32_t i = 0;

    while (i < end) {
        const bool xp = i < x.p[0].len, yp = i < y.p[0].len;
        const uint32_t nx = (xp ? x.p[0].len : lx) - i, ny = (yp ? y.p[0].len : ly) - i;
        const uint32_t n = nx < ny ? nx : ny;
        const uint8_t *at_x = xp ? x.p[0].p + i : x.p[1].p + (i - x.p[0].len);
        const uint8_t *at_y = yp ? y.p[0].p + i : y.p[1].p + (i - y.p[0].len);
        uint32_t k = 0;

        while (k < n && at_x[k] == at_y[k])
            k++;
        i += k;
        if (k < n)
            break;
    }
    return i;
}

uint32_t redo_prefix_len(struct page p, struct redo_key key)
{
    uint32_t len = 0;

    if (!(page_flags(p) & PAGE_ROOT))
        len = redo_key_common((struct redo_key){{page_external_header(p)}}, key);
    return len < REDO_PREFIX_MIN ? 0 : len;
}

static struct slice slice_from(struct slice s, uint32_t skip)
{
    return skip ? (struct slice){s.p + skip, s.len - skip} : s;
}

JET_ERR redo_insert(struct edit e, unsigned line, unsigned flags, struct redo_key key,
                    struct slice data)
{
    struct node_new n = {
        .flags = flags, .prefix_len = redo_prefix_len(edit_page(e), key), .data = data};
    uint32_t first;

    first = n.prefix_len < key.p[0].len ? n.prefix_len : key.p[0].len;
    n.suffix[0] = slice_from(key.p[0], first);
    n.suffix[1] = slice_from(key.p[1], n.prefix_len - first);
    return page_insert(e, line, &n);
}

static bool pair_in_order(struct page p, unsigned line)
{
    struct node a = page_node(p, line), b = page_node(p, line + 1);
    uint32_t n = a.data.len < b.data.len ? a.data.len : b.data.len;
    int c = node_key_cmp(&a, &b);

    if (c || redo_is_unique(p))
        return c < 0;
    c = memcmp(a.data.p, b.data.p, n);
    return c < 0 || (c == 0 && a.data.len < b.data.len);
}

bool redo_in_order(struct page p, unsigned line)
{
    return (line == 0 || pair_in_order(p, line - 1)) &&
           (line + 1 >= page_nr_lines(p) || pair_in_order(p, line));
}

bool redo_set_child(struct edit e, unsigned line, pgno_t from, pgno_t to)
{
    uint8_t *p = page_node_data(e, line, 0, 4);

    if (!p || get_le32(p) != from)
        return false;
    put_le32(p, to);
    return true;
}

void redo_keep(struct redo_db *db, const struct node *n, struct redo_result *ret)
{
    ret->key = (struct slice){db->store, node_key(n, db->store)};
    ret->data = (struct slice){db->store + PAGE_SIZE_MAX, n->data.len};
    memcpy(db->store + PAGE_SIZE_MAX, n->data.p, n->data.len);
}

static const char no_line[] = "there is no such line";

/* ---- node operations: NULL when done, else what does not fit ----------------------------------- */

static const char *insert(struct edit e, const struct logrec *rec)
{
    struct slice prefix = rec->insert.key_prefix, has = page_external_header(edit_page(e));
    struct node_new n = {.flags = rec->flags & LR_PAGE_VERSIONED ? NODE_VERSIONED : 0,
                         .prefix_len = prefix.len,
                         .suffix = {rec->insert.key_suffix},
                         .data = rec->insert.data};

    if (prefix.len && (prefix.len > has.len || memcmp(prefix.p, has.p, prefix.len) != 0))
        return "the page has another key prefix";
    if (page_insert(e, rec->iline, &n) < 0)
        return "there is no such line, or no room";
    if (redo_in_order(edit_page(e), rec->iline))
        return NULL;
    return page_delete(e, rec->iline) < 0 ? no_line : "the key belongs elsewhere";
}

static const char *flag_insert(struct edit e, const struct logrec *rec, const struct node *n)
{
    unsigned set = rec->flags & LR_PAGE_VERSIONED ? NODE_VERSIONED : 0;

    if (!(n->flags & NODE_DELETED))
        return "the node is not deleted";
    if (rec->type == LR_FLAG_INSERT_AND_REPLACE_DATA &&
        page_replace(e, rec->iline, rec->insert.data) < 0)
        return "there is no room for the new data";
    return page_set_node_flags(e, rec->iline, set, NODE_DELETED) < 0 ? no_line : NULL;
}

static const char *apply_diff(const struct logrec *rec, struct slice old, uint8_t *out)
{
    struct logdiff d;
    struct logdiff_step s;
    uint32_t at = 0, to = 0;

    if (!logdiff_fits(rec->replace.data, rec->replace.wide, old.len, rec->replace.new_len))
        return "the difference does not fit the data";
    logdiff_init(&d, rec->replace.data, rec->replace.wide);
    while (logdiff_next(&d, &s) == 1) {
        memcpy(out + to, old.p + at, s.off - at);
        to += s.off - at;
        memcpy(out + to, s.data.p, s.data.len);
        to += s.data.len;
        at = (uint32_t)s.off + s.old_len;
    }
    memcpy(out + to, old.p + at, old.len - at);
    return NULL;
}

static const char *replace(struct edit e, const struct logrec *rec, const struct node *n)
{
    uint8_t made[UINT16_MAX + 1];
    struct slice data = rec->replace.data;
    const char *what;

    if (n->data.len != rec->replace.old_len)
        return "the data have another length";
    if (rec->type == LR_REPLACE_D) {
        what = apply_diff(rec, n->data, made);
        if (what)
            return what;
        data = (struct slice){made, rec->replace.new_len};
    }
    if (data.len != rec->replace.new_len || page_replace(e, rec->iline, data) < 0)
        return "there is no room for the new data";
    if (!(rec->flags & LR_PAGE_VERSIONED))
        return NULL;
    return page_set_node_flags(e, rec->iline, NODE_VERSIONED, 0) < 0 ? no_line : NULL;
}

static const char *delta(struct edit e, const struct logrec *rec)
{
    const bool wide = rec->type == LR_DELTA64;
    uint8_t *p = page_node_data(e, rec->iline, rec->node.offset, wide ? 8 : 4);
    unsigned set = rec->flags & LR_PAGE_VERSIONED ? NODE_VERSIONED : 0;

    if (!p)
        return "the counter lies outside the data";
    if (wide)
        put_le64(p, get_le64(p) + (uint64_t)rec->node.delta);
    else
        put_le32(p, get_le32(p) + (uint32_t)rec->node.delta);
    return page_set_node_flags(e, rec->iline, set, 0) < 0 ? no_line : NULL;
}

static const char *operate(struct edit e, const struct logrec *rec, const struct node *n)
{
    unsigned set = NODE_DELETED | (rec->flags & LR_PAGE_VERSIONED ? NODE_VERSIONED : 0);

    switch (rec->type) {
    case LR_FLAG_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        return flag_insert(e, rec, n);
    case LR_FLAG_DELETE:
        return page_set_node_flags(e, rec->iline, set, 0) < 0 ? no_line : NULL;
    case LR_REPLACE:
    case LR_REPLACE_D:
        return replace(e, rec, n);
    case LR_DELETE:
        return page_delete(e, rec->iline) < 0 ? no_line : NULL;
    default: /* LR_DELTA, LR_DELTA64 */
        return delta(e, rec);
    }
}

/* Tag 0 of a page that is no root is the prefix of its keys: what the nodes take of it stays. */
static const char *set_external_header(struct edit e, struct slice h)
{
    struct page p = edit_page(e);
    uint32_t used = 0;

    if (!(page_flags(p) & PAGE_ROOT))
        for (unsigned i = 0; i < page_nr_lines(p); i++) {
            struct node n = page_node(p, i);
            used = n.prefix.len > used ? n.prefix.len : used;
        }
    if (used > h.len || (used && memcmp(page_external_header(p).p, h.p, used) != 0))
        return "nodes need another key prefix";
    return page_set_external_header(e, h) < 0 ? "there is no room for the external header" : NULL;
}

static const char *change(struct redo_db *db, struct edit e, const struct logrec *rec,
                          struct redo_result *ret)
{
    struct page p = edit_page(e);
    struct node n;

    if (rec->type == LR_SET_EXTERNAL_HEADER)
        return set_external_header(e, rec->external_header);
    if (!(page_flags(p) & PAGE_LEAF))
        return "it is no leaf";
    if (rec->type == LR_INSERT)
        return insert(e, rec);
    if (rec->iline >= page_nr_lines(p))
        return no_line;
    n = page_node(p, rec->iline);
    if (!redo_is_unique(p) && rec->type != LR_DELETE && rec->type != LR_FLAG_INSERT &&
        rec->type != LR_FLAG_DELETE)
        return "data are part of the key there";
    if (rec->type != LR_DELETE && rec->type != LR_FLAG_INSERT)
        redo_keep(db, &n, ret);
    return operate(e, rec, &n);
}

JET_ERR redo_node(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                  struct redo_result *ret)
{
    struct redo_page p;
    const char *what = NULL;
    JET_ERR err = redo_open(db, lgpos, rec->pgno, rec->objid, rec->dbtime_before, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        what = change(db, p.e, rec, ret);
        if (what)
            err = redo_inconsistent(db, lgpos, rec->pgno, what);
        else
            redo_changed(&p, rec->dbtime, lgpos);
        ret->applied = !what;
    }
    redo_close(&p);
    return err;
}

/* ---- tag 0 of a root -------------------------------------------------------------------------- */

JET_ERR redo_set_space_header(struct edit e, const struct space_hdr_disk *h)
{
    struct slice has = page_external_header(edit_page(e));
    uint8_t whole[64];

    if (has.len <= sizeof(*h))
        return page_set_external_header(e, (struct slice){(const uint8_t *)h, sizeof(*h)});
    /* The longer form begins with a byte that says which fields follow; the space header is the
     * first. */
    if (!(has.p[0] & 1) || has.len < 1 + sizeof(*h) || has.len > sizeof(whole))
        return RAISE(JET_errPageTagCorrupted);
    memcpy(whole, has.p, has.len);
    memcpy(whole + 1, h, sizeof(*h));
    return page_set_external_header(e, (struct slice){whole, has.len});
}

/* ---- Scrub ------------------------------------------------------------------------------------ */

enum { SCRUB_NONE = 0, SCRUB_DATA = 1, SCRUB_LV_DATA = 2 }; /* ESE: node.hxx SCRUBOPER */
#define SCRUB_UNUSED_PAGE 0x1u
#define SCRUB_SCHEME      (4u << 3) /* first byte of scrubbed LV data: "compressed" as COMPRESS_SCRUB */

static const char *scrub_used(struct edit e, const struct logrec *rec)
{
    const unsigned nr = page_nr_lines(edit_page(e));

    if (rec->scrub.nr_opers != nr || rec->scrub.opers.len != nr)
        return "the page has another number of lines";
    for (unsigned i = 0; i < nr; i++)
        if (rec->scrub.opers.p[i] > SCRUB_LV_DATA)
            return "an unknown way of scrubbing";
    for (unsigned i = 0; i < nr; i++) {
        const uint8_t oper = rec->scrub.opers.p[i];
        const uint32_t len = page_node(edit_page(e), i).data.len;
        uint8_t *p = page_node_data(e, i, 0, len);

        if (oper == SCRUB_NONE || !len || !p)
            continue;
        memset(p, oper == SCRUB_DATA ? 'D' : 'L', len);
        if (oper == SCRUB_LV_DATA)
            p[0] = SCRUB_SCHEME;
        if (page_set_node_flags(e, i, 0, NODE_VERSIONED) < 0)
            return no_line;
    }
    page_reorganise(e, 'Z');
    return NULL;
}

static const char *scrub(struct edit e, const struct logrec *rec)
{
    if (!(rec->scrub.flags & SCRUB_UNUSED_PAGE))
        return scrub_used(e, rec);
    /* A page that left its tree has no lines; what it still holds is free space. */
    if (!(page_flags(edit_page(e)) & (PAGE_EMPTY | PAGE_PRE_INIT)) && page_truncate(e, 0) < 0)
        return "the page cannot be emptied";
    page_reorganise(e, 'U');
    return NULL;
}

JET_ERR redo_scrub(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                   struct redo_result *ret)
{
    struct redo_page p;
    JET_ERR err = redo_open(db, lgpos, rec->pgno, 0, rec->dbtime_before, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        const char *what = scrub(p.e, rec);

        if (what) {
            err = redo_inconsistent(db, lgpos, rec->pgno, what);
        } else {
            redo_changed(&p, rec->dbtime, lgpos);
            page_set_flags(p.e, page_flags(edit_page(p.e)) | PAGE_SCRUBBED);
        }
        ret->applied = !what;
    }
    redo_close(&p);
    return err;
}
