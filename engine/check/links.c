#include "check/links.h"

#include <stdlib.h>

#define UNKNOWN UINT32_MAX /* the neighbour is listed by another parent */

enum state { NONE, SEEN, EXPECTED, SETTLED };

struct link {
    pgno_t prev, next; /* what the leaf says (SEEN) or what its parent says (EXPECTED) */
    objid_t objid;
};

struct links {
    struct link *link; /* by pgno; calloc: pages that are never touched cost no memory */
    uint8_t *state;    /* two bits each */
    pgno_t pgno_max;
    links_fault_fn *fn;
    void *ctx;
};

JET_ERR links_new(pgno_t pgno_max, links_fault_fn *fn, void *ctx, struct links **ret)
{
    struct links *l;

    if (pgno_max > LINKS_PAGES_MAX) {
        *ret = NULL;
        return JET_errSuccess;
    }
    l = calloc(1, sizeof(*l));
    if (!l)
        return RAISE(JET_errOutOfMemory);
    *l = (struct links){.pgno_max = pgno_max, .fn = fn, .ctx = ctx};
    l->link = calloc((size_t)pgno_max + 1, sizeof(*l->link));
    l->state = calloc(((size_t)pgno_max + 4) / 4, 1);
    if (!l->link || !l->state) {
        links_free(l);
        return RAISE(JET_errOutOfMemory);
    }
    *ret = l;
    return JET_errSuccess;
}

void links_free(struct links *l)
{
    if (!l)
        return;
    free(l->link);
    free(l->state);
    free(l);
}

static enum state state_get(const struct links *l, pgno_t n)
{
    return l->state[n / 4] >> n % 4 * 2 & 3;
}

static void state_set(struct links *l, pgno_t n, enum state s)
{
    uint8_t *b = &l->state[n / 4];
    *b = (uint8_t)((*b & ~(3u << n % 4 * 2)) | (unsigned)s << n % 4 * 2);
}

static void compare(struct links *l, pgno_t leaf, const struct link *expected,
                    const struct link *found)
{
    if (expected->objid != found->objid)
        return; /* one of them is history */
    if (expected->next != UNKNOWN && expected->next != found->next)
        l->fn(l->ctx, leaf, true, expected->next, found->next);
    if (expected->prev != UNKNOWN && expected->prev != found->prev)
        l->fn(l->ctx, leaf, false, expected->prev, found->prev);
}

static void meet(struct links *l, pgno_t leaf, enum state as, struct link what)
{
    switch (state_get(l, leaf)) {
    case NONE:
        l->link[leaf] = what;
        state_set(l, leaf, as);
        break;
    case SEEN:
        if (as == EXPECTED) {
            compare(l, leaf, &what, &l->link[leaf]);
            if (what.objid == l->link[leaf].objid)
                state_set(l, leaf, SETTLED);
        }
        break;
    case EXPECTED:
        if (as == SEEN) {
            compare(l, leaf, &l->link[leaf], &what);
            state_set(l, leaf, l->link[leaf].objid == what.objid ? SETTLED : SEEN);
            l->link[leaf] = what;
        } else if (what.objid != l->link[leaf].objid) {
            l->link[leaf] = what; /* two parents, one of them history: the younger tree counts */
        }
        break;
    case SETTLED:
        break;
    }
}

void links_page(struct links *l, struct page p, pgno_t pgno)
{
    const uint32_t flags = page_flags(p);
    unsigned n;
    pgno_t before = UNKNOWN, at, after;

    if (!l || pgno > l->pgno_max || (flags & (PAGE_EMPTY | PAGE_PRE_INIT)))
        return;
    if (flags & PAGE_LEAF) {
        meet(l, pgno, SEEN, (struct link){page_prev(p), page_next(p), page_objid(p)});
        return;
    }
    if (!(flags & PAGE_PARENT_OF_LEAF))
        return;
    n = page_nr_lines(p);
    at = UNKNOWN;
    for (unsigned i = 0; i <= n; i++) {
        struct node node;

        after = UNKNOWN;
        if (i < n) {
            node = page_node(p, i);
            after = node_child(&node);
        }
        if (at != UNKNOWN && at <= l->pgno_max)
            meet(l, at, EXPECTED, (struct link){before, after, page_objid(p)});
        before = at;
        at = after;
    }
}
