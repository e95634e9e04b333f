/*
 * Binary search in a page, without copying: a node's key stays in its two pieces, and what the
 * sought key has in common with the page's prefix is found out once.
 *
 * Order (btree/README.md): in a leaf by key, in a non-unique tree then by data. A separator is
 * above everything below its pointer; in a non-unique tree it may hold some of the data behind the
 * key, so key and data are one string there. The last pointer of the right edge has no key: above
 * everything.
 */
#ifndef ESE_BTREE_FIND_INLINE_H
#define ESE_BTREE_FIND_INLINE_H

#include <string.h>

#include "page/node_inline.h"

struct find {
    struct slice key, data; /* data: empty in a unique tree */
    bool after;             /* behind every node with that key; data does not matter */
    bool by_data;           /* a non-unique tree */
};

static inline uint32_t find_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t find_common(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    uint32_t i = 0;

    while (i < len && a[i] == b[i])
        i++;
    return i;
}

static inline int find_bytes_cmp(const uint8_t *a, uint32_t la, const uint8_t *b, uint32_t lb)
{
    const uint32_t len = find_min(la, lb);
    const int c = len ? memcmp(a, b, len) : 0;

    return c ? c : (la > lb) - (la < lb);
}

/* A page's prefix against the key. */
struct find_prefix {
    uint32_t shared; /* bytes that both begin with */
    int beyond;      /* sign of a node that takes more of the prefix than that */
};

static inline struct find_prefix find_prefix(struct slice prefix, struct slice key)
{
    struct find_prefix r = {find_common(prefix.p, key.p, find_min(prefix.len, key.len)), 1};

    if (r.shared < prefix.len && r.shared < key.len && prefix.p[r.shared] < key.p[r.shared])
        r.beyond = -1;
    return r;
}

static inline int find_key_cmp(const struct node *n, const struct find_prefix *x, struct slice key)
{
    const uint32_t skip = n->prefix.len;

    if (skip > x->shared)
        return x->beyond;
    return find_bytes_cmp(n->suffix.p, n->suffix.len, key.p + skip, key.len - skip);
}

/* What a binary search between lo and hi looks at after mid. */
static inline void find_prefetch(const struct page_lines *l, unsigned lo, unsigned mid, unsigned hi)
{
    if (hi - lo > 4) {
        page_lines_prefetch(l, lo + (mid - lo) / 2);
        page_lines_prefetch(l, mid + 1 + (hi - mid - 1) / 2);
    }
}

/* First line of a leaf that is not before the place sought; *ret_exact: it has that very bookmark.
 */
static inline unsigned find_leaf(const struct page_lines *l, const struct find *f, bool *ret_exact)
{
    const struct find_prefix x = find_prefix(l->prefix, f->key);
    unsigned lo = 0, hi = l->nr;

    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        struct node n;
        int c;

        find_prefetch(l, lo, mid, hi);
        n = page_lines_node(l, mid);
        c = find_key_cmp(&n, &x, f->key);

        if (c == 0 && f->after)
            c = -1;
        else if (c == 0 && f->by_data)
            c = find_bytes_cmp(n.data.p, n.data.len, f->data.p, f->data.len);
        if (c == 0) {
            *ret_exact = true;
            return mid;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *ret_exact = false;
    return lo;
}

/* A separator against key and data as one string, or against the end of everything that begins with
 * the key. */
static inline int find_separator_cmp(const struct node *n, const struct find *f)
{
    const struct slice piece[2] = {n->prefix, n->suffix};
    const uint32_t whole = f->key.len + (f->after ? 0 : f->data.len);
    uint32_t at = 0;

    for (unsigned i = 0; i < 2; i++)
        for (uint32_t done = 0; done < piece[i].len;) {
            const bool in_key = at < f->key.len;
            const uint8_t *p = in_key ? f->key.p + at : f->data.p + (at - f->key.len);
            const uint32_t left = (in_key ? f->key.len : whole) - at;
            const uint32_t len = find_min(piece[i].len - done, left);
            int c;

            if (!left)
                return f->after ? -1 : 1;
            c = memcmp(piece[i].p + done, p, len);
            if (c)
                return c;
            done += len;
            at += len;
        }
    return f->after || at < whole ? -1 : 0;
}

/* First line of an internal page that is above the place sought: the pointer to follow. nr: there
 * is none. */
static inline unsigned find_child(const struct page_lines *l, const struct find *f)
{
    const struct find_prefix x = find_prefix(l->prefix, f->key);
    const bool plain = !f->after && !f->data.len;
    unsigned lo = 0, hi = l->nr;

    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        struct node n;
        int c = 1;

        find_prefetch(l, lo, mid, hi);
        n = page_lines_node(l, mid);
        if (n.prefix.len + n.suffix.len)
            c = plain ? find_key_cmp(&n, &x, f->key) : find_separator_cmp(&n, f);
        if (c > 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

#endif
