#include "check/pgset.h"

#include <stdlib.h>

#define LEAF_SHIFT 15 /* page numbers per leaf: 32768, a leaf is 4 KiB */
#define LEAF_PAGES (1u << LEAF_SHIFT)
#define LEAF_WORDS (LEAF_PAGES / 64)

static uint64_t all[1]; /* stands for a leaf with every bit set; never read */

void pgset_done(struct pgset *s)
{
    for (size_t i = 0; i < s->nr_leaves; i++)
        if (s->leaves[i] != all)
            free(s->leaves[i]);
    free(s->leaves);
    *s = (struct pgset){0};
}

static JET_ERR grow(struct pgset *s, size_t leaf)
{
    size_t n = s->nr_leaves;
    uint64_t **p;

    if (leaf < n)
        return JET_errSuccess;
    n = leaf + 1 > n * 2 ? leaf + 1 : n * 2;
    p = realloc(s->leaves, n * sizeof(*p));
    if (!p)
        return RAISE(JET_errOutOfMemory);
    memset(p + s->nr_leaves, 0, (n - s->nr_leaves) * sizeof(*p));
    s->leaves = p;
    s->nr_leaves = n;
    return JET_errSuccess;
}

/* [from, to) within one leaf. */
static JET_ERR add_in_leaf(uint64_t **leaf, uint32_t from, uint32_t to)
{
    if (*leaf == all)
        return JET_errSuccess;
    if (from == 0 && to == LEAF_PAGES) {
        free(*leaf);
        *leaf = all;
        return JET_errSuccess;
    }
    if (!*leaf) {
        *leaf = calloc(LEAF_WORDS, sizeof(**leaf));
        if (!*leaf)
            return RAISE(JET_errOutOfMemory);
    }
    while (from < to) {
        uint32_t bit = from % 64, n = 64 - bit < to - from ? 64 - bit : to - from;
        (*leaf)[from / 64] |= (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << bit;
        from += n;
    }
    return JET_errSuccess;
}

JET_ERR pgset_add_range(struct pgset *s, pgno_t first, pgno_t last)
{
    JET_ERR err = grow(s, last >> LEAF_SHIFT);

    for (uint64_t at = first; err >= 0 && at <= last;) {
        uint64_t end = (at | (LEAF_PAGES - 1)) + 1;
        uint32_t from = (uint32_t)(at % LEAF_PAGES);
        uint32_t len = (uint32_t)((end > last ? (uint64_t)last + 1 : end) - at);

        err = add_in_leaf(&s->leaves[at >> LEAF_SHIFT], from, from + len);
        at = end;
    }
    return err;
}

JET_ERR pgset_add(struct pgset *s, pgno_t pgno)
{
    size_t i = pgno >> LEAF_SHIFT;

    if (i < s->nr_leaves && s->leaves[i]) { /* almost always */
        if (s->leaves[i] != all)
            s->leaves[i][pgno % LEAF_PAGES / 64] |= UINT64_C(1) << pgno % 64;
        return JET_errSuccess;
    }
    return pgset_add_range(s, pgno, pgno);
}

static uint64_t word(const struct pgset *s, size_t leaf, size_t w)
{
    if (leaf >= s->nr_leaves || !s->leaves[leaf])
        return 0;
    return s->leaves[leaf] == all ? UINT64_MAX : s->leaves[leaf][w];
}

bool pgset_has(const struct pgset *s, pgno_t pgno)
{
    return word(s, pgno >> LEAF_SHIFT, pgno % LEAF_PAGES / 64) >> pgno % 64 & 1;
}

bool pgset_next_common(const struct pgset *a, const struct pgset *b, pgno_t from, pgno_t *ret)
{
    size_t n = a->nr_leaves < b->nr_leaves ? a->nr_leaves : b->nr_leaves;

    for (size_t leaf = from >> LEAF_SHIFT; leaf < n; leaf++) {
        size_t w = leaf == from >> LEAF_SHIFT ? from % LEAF_PAGES / 64 : 0;

        if (!a->leaves[leaf] || !b->leaves[leaf])
            continue;
        for (; w < LEAF_WORDS; w++) {
            uint64_t both = word(a, leaf, w) & word(b, leaf, w);
            if (leaf == from >> LEAF_SHIFT && w == from % LEAF_PAGES / 64)
                both &= UINT64_MAX << from % 64;
            if (both) {
                *ret = (pgno_t)(leaf << LEAF_SHIFT | w << 6 | (unsigned)__builtin_ctzll(both));
                return true;
            }
        }
    }
    return false;
}
