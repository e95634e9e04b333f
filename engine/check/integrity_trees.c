/* The list of trees, from the catalogue. Each is once in it, whatever the catalogue repeats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "check/integrity.h"

const char *tree_name(const struct tree *t, char buf[TREE_NAME_LEN])
{
    const char *table = t->table ? t->table->name : "of the catalogue";

    if (t->kind == TREE_DATABASE)
        snprintf(buf, TREE_NAME_LEN, "the database");
    else if (t->kind == TREE_TABLE)
        snprintf(buf, TREE_NAME_LEN, "table %.70s", table);
    else if (t->kind == TREE_INDEX)
        snprintf(buf, TREE_NAME_LEN, "index %.70s of table %.70s", t->index->name, table);
    else
        snprintf(buf, TREE_NAME_LEN, "the long values of table %.70s", table);
    return buf;
}

static JET_ERR add(struct integrity *g, const struct tree *t)
{
    JET_ERR err = integrity_grow(&g->trees, g->nr_trees, &g->room_trees, sizeof(*g->trees));

    if (err < 0)
        return err;
    g->trees[g->nr_trees++] = *t;
    return JET_errSuccess;
}

static JET_ERR add_table(struct integrity *g, const struct table *t)
{
    const uint32_t parent = (uint32_t)g->nr_trees;
    JET_ERR err = add(g, &(struct tree){.root = t->pgno,
                                        .objid = t->objid,
                                        .kind = TREE_TABLE,
                                        .table = t,
                                        .index = table_primary(t)});

    for (unsigned i = 0; err >= 0 && i < t->nr_indexes; i++)
        if (!(t->indexes[i].flags & INDEX_PRIMARY))
            err = add(g, &(struct tree){.root = t->indexes[i].pgno,
                                        .objid = t->indexes[i].objid,
                                        .parent = parent,
                                        .kind = TREE_INDEX,
                                        .table = t,
                                        .index = &t->indexes[i]});
    if (err >= 0 && t->lv_pgno)
        err = add(g, &(struct tree){.root = t->lv_pgno,
                                    .objid = t->lv_objid,
                                    .parent = parent,
                                    .kind = TREE_LV,
                                    .table = t});
    return err;
}

/* The two trees of the catalogue are where they always are; their own rows must say so. An engine opens
 * a database without these rows, so they may be missing (ESE: cat.cxx, ErrCATInit). */
static JET_ERR add_hard_coded(struct integrity *g, objid_t objid, pgno_t pgno)
{
    for (size_t i = 1; i < g->nr_trees; i++) {
        const struct tree *t = &g->trees[i];
        if (t->objid != objid)
            continue;
        if (t->root != pgno || t->kind != TREE_TABLE)
            integrity_fault(g, JET_errCatalogCorrupted, CATALOG_PGNO,
                            "the catalogue says of itself that object %" PRIu32
                            " has its root at page %" PRIu32 ", not %" PRIu32,
                            objid, t->root, pgno);
        return JET_errSuccess;
    }
    integrity_note(g, "the catalogue has no row for object %" PRIu32 ", its own tree", objid);
    return add(g, &(struct tree){.root = pgno, .objid = objid, .kind = TREE_TABLE});
}

static int compare_roots(const void *a, const void *b, void *ctx)
{
    const struct tree *trees = ctx, *x = &trees[*(const uint32_t *)a],
                      *y = &trees[*(const uint32_t *)b];

    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int compare_objids(const void *a, const void *b, void *ctx)
{
    const struct tree *trees = ctx, *x = &trees[*(const uint32_t *)a],
                      *y = &trees[*(const uint32_t *)b];

    if (x->objid != y->objid)
        return x->objid < y->objid ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* A new tree would get a number that is taken. */
static void check_highest(struct integrity *g)
{
    const struct tree *t = &g->trees[g->by_objid[g->nr_trees - 1]];
    const objid_t last = dbfile_info(g->f)->objid_last;
    char name[TREE_NAME_LEN];

    if (t->objid > last)
        integrity_fault(g, JET_errCatalogCorrupted, 0,
                        "%s is object %" PRIu32 ", but the last number given out is %" PRIu32,
                        tree_name(t, name), t->objid, last);
}

static void tell_twins(struct integrity *g, struct tree *a, struct tree *b, const char *what)
{
    char name_a[TREE_NAME_LEN], name_b[TREE_NAME_LEN];

    integrity_fault(g, JET_errCatalogCorrupted, b->root, "%s and %s have the same %s",
                    tree_name(a, name_a), tree_name(b, name_b), what);
}

static JET_ERR find_twins(struct integrity *g)
{
    const uint32_t n = (uint32_t)g->nr_trees;

    g->by_objid = malloc(n * sizeof(*g->by_objid));
    if (!g->by_objid)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < n; i++)
        g->by_objid[i] = i;
    qsort_r(g->by_objid, n, sizeof(*g->by_objid), compare_roots, g->trees);
    for (uint32_t i = 1; i < n; i++) {
        struct tree *a = &g->trees[g->by_objid[i - 1]], *b = &g->trees[g->by_objid[i]];
        if (a->root != b->root)
            continue;
        b->ignored = true;
        tell_twins(g, a, b, "root page");
    }
    qsort_r(g->by_objid, n, sizeof(*g->by_objid), compare_objids, g->trees);
    for (uint32_t i = 1; i < n; i++) {
        struct tree *a = &g->trees[g->by_objid[i - 1]], *b = &g->trees[g->by_objid[i]];
        if (a->objid == b->objid)
            tell_twins(g, a, b, "object id");
    }
    check_highest(g);
    return JET_errSuccess;
}

JET_ERR trees_find(struct integrity *g)
{
    JET_ERR err = add(
        g, &(struct tree){.root = PGNO_DATABASE, .objid = OBJID_DATABASE, .kind = TREE_DATABASE});

    for (unsigned i = 0; err >= 0 && i < g->catalog->nr_tables; i++)
        err = add_table(g, g->catalog->tables[i]);
    if (err >= 0)
        err = add_hard_coded(g, CATALOG_OBJID, CATALOG_PGNO);
    if (err >= 0)
        err = add_hard_coded(g, CATALOG_SHADOW_OBJID, CATALOG_SHADOW_PGNO);
    return err < 0 ? err : find_twins(g);
}

struct tree *trees_by_objid(const struct integrity *g, objid_t objid)
{
    size_t lo = 0, hi = g->nr_trees;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        struct tree *t = &g->trees[g->by_objid[mid]];

        if (t->objid == objid)
            return t;
        if (t->objid < objid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}
