/*
 * Who owns which page. All extents of all trees are collected, then laid over one another level by level
 * (database, tables, what belongs to tables, available extents): what remains is one list of segments
 * that says for every page whose it is and whether it is available. Extents that cannot be are told
 * while they are laid.
 *
 *   1. Segments are in order, cover every page number and end where the next begins.
 *   2. A tree whose extents could not be read in full (space_known false) is blamed for no page, nor is
 *      the tree that its extents come from.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check/integrity.h"

#define PGNO_END (UINT32_C(1) << 31) /* behind every page number */

/* ---- collecting -------------------------------------------------------------------------------- */

static JET_ERR keep(struct extents *list, const struct extent *e, uint32_t tree, pgno_t where)
{
    JET_ERR err = integrity_grow(&list->e, list->nr, &list->room, sizeof(*list->e));

    if (err >= 0)
        list->e[list->nr++] = (struct owned_extent){extent_first(e), e->last, tree, where};
    return err;
}

static void check_header(struct integrity *g, const struct tree *t)
{
    const pgno_t parent = t->kind == TREE_DATABASE ? PGNO_NULL : g->trees[t->parent].root;
    const bool non_unique = t->kind == TREE_INDEX && !(t->index->flags & INDEX_UNIQUE);
    char name[TREE_NAME_LEN];

    if (t->space.pgno_parent != parent)
        integrity_fault(g, JET_errDatabaseCorrupted, t->root,
                        "%s has its space from page %" PRIu32 ", not %" PRIu32, tree_name(t, name),
                        t->space.pgno_parent, parent);
    if (t->space.non_unique != non_unique &&
        !(t->kind == TREE_INDEX && (t->index->xflags & INDEX_X_OPTIONALLY_UNIQUE)))
        integrity_fault(g, JET_errDatabaseCorrupted, t->root,
                        "the space header of %s says that keys are %s", tree_name(t, name),
                        non_unique ? "unique" : "not unique");
}

static void check_pool(struct integrity *g, const struct tree *t, const struct extent *e,
                       pgno_t where)
{
    if (e->pool == SPACE_POOL_SHELVED && (t->kind != TREE_DATABASE || e->cpg != 1))
        integrity_fault(g, JET_errSPAvailExtCorrupted, where,
                        "pages %" PRIu32 " to %" PRIu32 " are shelved where none can be",
                        extent_first(e), e->last);
}

static JET_ERR collect(struct integrity *g, struct tree *t, enum space_kind kind)
{
    struct extents *list = kind == SPACE_OWNED ? &g->owned : &g->available;
    struct space_cursor c;
    struct walk w;
    struct extent e;
    JET_ERR err;

    space_open(&c, g->f, t->root, t->objid, &t->space, kind);
    walk_hook(&w, g, t, &c.bt);
    while ((err = space_next(&c, &e)) != JET_errNoCurrentRecord && !walk_is_lost(&w)) {
        const pgno_t where = c.bt.depth ? c.bt.level[c.bt.depth - 1].pgno : t->root;

        if (err < 0) {
            t->space_known = false;
            continue;
        }
        check_pool(g, t, &e, where);
        if (e.pool != SPACE_POOL_SHELVED)
            w.err = keep(list, &e, (uint32_t)(t - g->trees), where);
        if (w.err < 0)
            break;
    }
    space_close(&c);
    if (t->damaged) {
        t->space_known = t->damaged = false;
    }
    return w.err;
}

static JET_ERR collect_tree(struct integrity *g, struct tree *t)
{
    JET_ERR err = JET_errSuccess;

    t->space_known = !t->ignored && space_header_read(g->f, t->root, &t->space) >= 0;
    if (t->space_known) {
        check_header(g, t);
        err = collect(g, t, SPACE_OWNED);
    }
    if (err >= 0 && t->space_known)
        err = collect(g, t, SPACE_AVAILABLE);
    if (!t->space_known)
        g->trees[t->parent].child_unknown = true;
    return err;
}

/* ---- laying one level of extents over the map --------------------------------------------------- */

struct layer {
    struct integrity *g;
    struct segment *to;
    size_t nr;
    bool available;
};

static struct segment nobody(void)
{
    return (struct segment){.tree = TREE_NOBODY};
}

static bool same_owner(struct segment a, struct segment b)
{
    return a.tree == b.tree && a.available == b.available;
}

static void put(struct layer *l, pgno_t first, struct segment s)
{
    if (l->nr && l->to[l->nr - 1].first == first)
        l->nr--;
    if (l->nr && same_owner(l->to[l->nr - 1], s))
        return;
    s.first = first;
    l->to[l->nr++] = s;
}

static void extent_fault(struct layer *l, const struct owned_extent *e, pgno_t first, pgno_t last,
                         const char *what, uint32_t other)
{
    char name[TREE_NAME_LEN], other_name[TREE_NAME_LEN] = "";

    if (other != TREE_NOBODY)
        tree_name(&l->g->trees[other], other_name);
    integrity_fault(l->g, l->available ? JET_errSPAvailExtCorrupted : JET_errSPOwnExtCorrupted,
                    e->where, "pages %" PRIu32 " to %" PRIu32 " are %s %s%s%s", first, last,
                    l->available ? "available in" : "owned by",
                    tree_name(&l->g->trees[e->tree], name), what, other_name);
}

/* One piece of an extent, which lies on pages that were `under` so far. */
static struct segment lay_piece(struct layer *l, const struct owned_extent *e, pgno_t first,
                                pgno_t last, struct segment under)
{
    const struct tree *t = &l->g->trees[e->tree], *parent = &l->g->trees[t->parent];
    struct segment s = {.tree = e->tree & TREE_NOBODY, .available = l->available};

    if (l->available) {
        if (under.tree == e->tree || !t->space_known)
            return s;
        extent_fault(l, e, first, last,
                     under.tree == TREE_NOBODY ? ", which does not own them" : ", but owned by ",
                     under.tree);
        return under;
    }
    if (t->kind == TREE_DATABASE || under.tree == t->parent || !parent->space_known)
        return s;
    if (under.tree == TREE_NOBODY || under.tree == parent->parent)
        extent_fault(l, e, first, last, ", but not by ", t->parent);
    else
        extent_fault(l, e, first, last, " and by ", under.tree);
    return s;
}

static void lay_extent(struct layer *l, const struct owned_extent *e, pgno_t first, size_t *at)
{
    const struct segment *map = l->g->map;
    pgno_t piece = first;

    while (*at < l->g->nr_map && map[*at].first <= first) {
        put(l, map[*at].first, map[*at]);
        ++*at;
    }
    for (;;) {
        struct segment under = map[*at - 1];
        bool more = *at < l->g->nr_map && map[*at].first <= e->last;

        put(l, piece, lay_piece(l, e, piece, more ? map[*at].first - 1 : e->last, under));
        if (!more) {
            put(l, e->last + 1, under);
            return;
        }
        piece = map[(*at)++].first;
    }
}

static int compare_extents(const void *a, const void *b)
{
    const struct owned_extent *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->tree < y->tree ? -1 : x->tree > y->tree;
}

/* e: of one level, in order. */
static JET_ERR lay(struct integrity *g, const struct owned_extent *e, size_t nr, bool available)
{
    struct layer l = {.g = g, .available = available};
    pgno_t free_from = 0;
    uint32_t before = TREE_NOBODY;
    size_t at = 0;

    l.to = malloc((g->nr_map + 2 * nr + 2) * sizeof(*l.to));
    if (!l.to)
        return RAISE(JET_errOutOfMemory);
    for (size_t i = 0; i < nr; i++) {
        if (e[i].first < free_from)
            extent_fault(&l, &e[i], e[i].first, e[i].last < free_from ? e[i].last : free_from - 1,
                         before == e[i].tree ? " twice"
                         : available         ? " and in "
                                             : " and by ",
                         before == e[i].tree ? TREE_NOBODY : before);
        if (e[i].last < free_from)
            continue;
        lay_extent(&l, &e[i], e[i].first < free_from ? free_from : e[i].first, &at);
        free_from = e[i].last + 1;
        before = e[i].tree;
    }
    for (; at < g->nr_map; at++)
        put(&l, g->map[at].first, g->map[at]);
    free(g->map);
    g->map = l.to;
    g->nr_map = l.nr;
    return JET_errSuccess;
}

/* The owned extents of one level to the front of the rest; returns how many they are. */
static size_t take_level(struct integrity *g, struct owned_extent *e, size_t nr, unsigned level)
{
    size_t n = 0;

    for (size_t i = 0; i < nr; i++) {
        const enum tree_kind kind = g->trees[e[i].tree].kind;
        if ((kind == TREE_DATABASE ? 0u : kind == TREE_TABLE ? 1u : 2u) == level) {
            struct owned_extent swap = e[n];
            e[n++] = e[i];
            e[i] = swap;
        }
    }
    qsort(e, n, sizeof(*e), compare_extents);
    return n;
}

/* The database owns every page from the first to its last. */
static void check_database(struct integrity *g, const struct owned_extent *e, size_t nr)
{
    const pgno_t last = dbfile_last_page(g->f);
    pgno_t next = 1;

    for (size_t i = 0; i < nr; i++) {
        if (e[i].first > next)
            integrity_fault(g, JET_errSPOwnExtCorrupted, e[i].where,
                            "the database does not own its pages %" PRIu32 " to %" PRIu32, next,
                            e[i].first - 1);
        if (e[i].last >= next)
            next = e[i].last + 1;
        if (e[i].last > last)
            integrity_fault(g, JET_errSPOwnExtCorrupted, e[i].where,
                            "the database owns pages %" PRIu32 " to %" PRIu32
                            ", but the file ends at page %" PRIu32,
                            e[i].first, e[i].last, last);
    }
}

static JET_ERR make_map(struct integrity *g)
{
    struct owned_extent *e = g->owned.e;
    size_t left = g->owned.nr;
    JET_ERR err = JET_errSuccess;

    g->map = malloc(sizeof(*g->map));
    if (!g->map)
        return RAISE(JET_errOutOfMemory);
    g->map[0] = nobody();
    g->nr_map = 1;
    /* Nobody owns anything: e is NULL, on which not even + 0 is defined. */
    for (unsigned level = 0; err >= 0 && left && level < 3; level++) {
        size_t n = take_level(g, e, left, level);
        if (level == 0)
            check_database(g, e, n);
        err = lay(g, e, n, false);
        e += n;
        left -= n;
    }
    if (err < 0 || !g->available.nr)
        return err;
    qsort(g->available.e, g->available.nr, sizeof(*g->available.e), compare_extents);
    return lay(g, g->available.e, g->available.nr, true);
}

/* ---- using the map ----------------------------------------------------------------------------- */

static size_t segment_of(const struct integrity *g, pgno_t pgno)
{
    size_t lo = 0, hi = g->nr_map; /* map[0] begins at 0 */

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->map[mid].first <= pgno)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

void space_use(struct integrity *g, struct tree *t, pgno_t pgno)
{
    const struct segment s = g->map[segment_of(g, pgno)];
    char name[TREE_NAME_LEN], owner[TREE_NAME_LEN] = "nobody";

    if (s.tree == t - g->trees && !s.available) {
        t->nr_used++;
        return;
    }
    if (!t->space_known || t->nr_misused++ >= FAULTS_OF_A_KIND_MAX)
        return;
    if (s.tree == t - g->trees) {
        integrity_fault(g, JET_errSPAvailExtCorrupted, pgno,
                        "the page is in use in %s and available there", tree_name(t, name));
        return;
    }
    if (s.tree != TREE_NOBODY)
        tree_name(&g->trees[s.tree], owner);
    integrity_fault(g, JET_errSPOwnExtCorrupted, pgno,
                    "the page is in use in %s, but owned by %s%s", tree_name(t, name), owner,
                    s.available ? " and available there" : "");
}

/* Pages that a tree of extents keeps for its own next split. */
static JET_ERR use_split_buffer(struct integrity *g, struct tree *t, const struct extent *e,
                                pgno_t where)
{
    const pgno_t first = extent_first(e), end = e->last + 1;
    const size_t i = segment_of(g, first);
    const bool whole = i + 1 == g->nr_map || g->map[i + 1].first >= end;
    struct pgset pages = {0};
    pgno_t again;
    JET_ERR err;

    if (g->map[i].tree != t - g->trees || g->map[i].available || !whole) {
        char name[TREE_NAME_LEN];
        if (t->space_known)
            integrity_fault(g, JET_errDatabaseCorrupted, where,
                            "pages %" PRIu32 " to %" PRIu32
                            " are kept for a split, but are not those of %s",
                            first, e->last, tree_name(t, name));
        return JET_errSuccess;
    }
    t->nr_used += e->cpg;
    err = pgset_add_range(&pages, first, e->last);
    if (err >= 0 && pgset_next_common(&pages, &g->reached, first, &again))
        integrity_fault(g, JET_errDatabaseCorrupted, where,
                        "page %" PRIu32 " is kept for a split, but in use", again);
    if (err >= 0)
        err = pgset_add_range(&g->reached, first, e->last);
    pgset_done(&pages);
    return err;
}

static JET_ERR use_split_buffers(struct integrity *g, struct tree *t)
{
    struct extent e[2];

    if (t->ignored || !t->space_known || !t->space.multiple)
        return JET_errSuccess;
    for (pgno_t root = t->space.pgno_oe; root <= t->space.pgno_oe + 1; root++) {
        if (space_split_buffer(g->f, root, e) < 0)
            continue;
        for (unsigned i = 0; i < 2; i++) {
            JET_ERR err = e[i].cpg ? use_split_buffer(g, t, &e[i], root) : JET_errSuccess;
            if (err < 0)
                return err;
        }
    }
    return JET_errSuccess;
}

static void count(struct integrity *g)
{
    const pgno_t last = dbfile_last_page(g->f);
    uint64_t unread = 0;

    for (size_t i = 0; i < g->nr_map; i++) {
        const struct segment *s = &g->map[i];
        const pgno_t end = i + 1 < g->nr_map ? s[1].first : PGNO_END;

        if (s->tree != TREE_NOBODY && !s->available)
            g->trees[s->tree].nr_owned += end - s->first;
        else if (s->first <= last)
            unread += (end > last ? last + 1 : end) - s->first;
    }
    integrity_progress(g, unread); /* no walk comes by there */
}

JET_ERR space_map(struct integrity *g)
{
    JET_ERR err = JET_errSuccess;

    for (size_t i = 0; err >= 0 && i < g->nr_trees; i++)
        err = collect_tree(g, &g->trees[i]);
    if (err >= 0)
        err = make_map(g);
    if (err < 0)
        return err;
    count(g);
    for (size_t i = 0; i < g->nr_space_pages; i++)
        space_use(g, &g->trees[g->space_pages[i].tree], g->space_pages[i].pgno);
    for (size_t i = 0; err >= 0 && i < g->nr_trees; i++)
        err = use_split_buffers(g, &g->trees[i]);
    return err;
}

/* ---- leaks ------------------------------------------------------------------------------------- */

static pgno_t first_leak(const struct integrity *g, uint32_t tree)
{
    for (size_t i = 0; i < g->nr_map; i++) {
        const struct segment *s = &g->map[i];
        const pgno_t end = i + 1 < g->nr_map ? s[1].first : PGNO_END;

        if (s->tree != tree || s->available)
            continue;
        for (pgno_t p = s->first; p < end; p++)
            if (!pgset_has(&g->reached, p))
                return p;
    }
    return PGNO_NULL;
}

/* Crashes leave them behind and no engine looks for them: legal (ESE: repair.cxx is silent on it). */
void space_tell_leaks(struct integrity *g)
{
    char name[TREE_NAME_LEN];

    if (g->lenient || g->catalog->damaged)
        return;
    for (size_t i = 0; i < g->nr_trees; i++) {
        const struct tree *t = &g->trees[i];
        if (!t->space_known || t->child_unknown || t->damaged || t->nr_misused ||
            t->nr_used >= t->nr_owned)
            continue;
        integrity_note(g,
                       "%s: %" PRIu64 " pages are owned, but neither used nor available (leaked), "
                       "the first is page %" PRIu32,
                       tree_name(t, name), t->nr_owned - t->nr_used, first_leak(g, (uint32_t)i));
    }
}
