/*
 * ese_dump_space: where the pages are. For each tree: pages that it owns, of these the ones its nodes
 * use, the ones its extent trees use, the ones available in it and the ones that it has given to trees
 * below it. What is left over is lost: owned and used by nobody, which is legal and harmless.
 *
 * Only internal pages are read; leaves are counted by the pointers to them.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fields.h"
#include "btree/space.h"
#include "check/dump_priv.h"

struct space_counts {
    uint64_t owned, available, used, extents_used, extents_available;
    unsigned depth;
    bool multiple;
};

struct space_dump {
    struct dbfile *f;
    struct reporter r;
    bool json;
    FILE *out;
    struct fields fields; /* JSON */
    struct bt_cursor bt;
    struct space_cursor sc;
};

struct page_count {
    uint64_t nr;
    unsigned depth;
};

static void count_page(void *ctx, pgno_t pgno, const struct page *page, unsigned depth)
{
    struct page_count *c = ctx;

    (void)pgno;
    (void)page;
    c->nr++;
    if (depth + 1 > c->depth)
        c->depth = depth + 1;
}

static struct page_count count_tree(struct space_dump *d, pgno_t root, objid_t objid)
{
    struct page_count c = {0};
    struct bt_node n;

    bt_open(&d->bt, d->f, root, objid, BT_NO_LEAVES);
    d->bt.page_fn = count_page;
    d->bt.page_ctx = &c;
    while (bt_next(&d->bt, &n) != JET_errNoCurrentRecord)
        ;
    bt_close(&d->bt);
    return c;
}

static uint64_t sum_extents(struct space_dump *d, pgno_t root, objid_t objid,
                            const struct space_header *h, enum space_kind kind)
{
    struct extent e;
    uint64_t nr = 0;
    JET_ERR err;

    space_open(&d->sc, d->f, root, objid, h, kind);
    while ((err = space_next(&d->sc, &e)) != JET_errNoCurrentRecord)
        if (err >= 0 && e.pool != SPACE_POOL_SHELVED)
            nr += e.cpg;
    space_close(&d->sc);
    return nr;
}

static uint64_t split_buffer_pages(struct space_dump *d, pgno_t root)
{
    struct extent b[2];

    return space_split_buffer(d->f, root, b) < 0 ? 0 : (uint64_t)b[0].cpg + b[1].cpg;
}

static void measure(struct space_dump *d, pgno_t root, objid_t objid, struct space_counts *ret)
{
    struct space_header h;
    struct page_count c;

    *ret = (struct space_counts){0};
    if (space_header_read(d->f, root, &h) < 0)
        return;
    c = count_tree(d, root, objid);
    ret->used = c.nr;
    ret->depth = c.depth;
    ret->multiple = h.multiple;
    ret->owned = sum_extents(d, root, objid, &h, SPACE_OWNED);
    ret->available = sum_extents(d, root, objid, &h, SPACE_AVAILABLE);
    if (h.multiple) {
        ret->extents_used =
            count_tree(d, h.pgno_oe, objid).nr + count_tree(d, h.pgno_oe + 1, objid).nr;
        ret->extents_available =
            split_buffer_pages(d, h.pgno_oe) + split_buffer_pages(d, h.pgno_oe + 1);
    }
}

static void put_tree(struct space_dump *d, const char *name, const char *kind, pgno_t root,
                     objid_t objid, const struct space_counts *s, uint64_t given)
{
    struct fields *f = &d->fields;
    const uint64_t extents = s->extents_used + s->extents_available;
    const int64_t lost = (int64_t)(s->owned - s->used - extents - s->available - given);

    if (!d->json) {
        fprintf(d->out,
                "%9" PRIu64 " %9" PRIu64 " %7" PRIu64 " %9" PRIu64 " %9" PRIu64 " %5" PRId64
                " %6u %8" PRIu32 "  %-11s %s\n",
                s->owned, s->used, extents, s->available, given, lost, s->depth, root, kind, name);
        return;
    }
    fields_open(f, NULL);
    fields_str(f, "Name", name);
    fields_str(f, "Kind", kind);
    fields_u64(f, "Object", objid);
    fields_u64(f, "RootPage", root);
    fields_u64(f, "Levels", s->depth);
    fields_u64(f, "Owned", s->owned);
    fields_u64(f, "Used", s->used);
    fields_u64(f, "ExtentTrees", extents);
    fields_u64(f, "Available", s->available);
    fields_u64(f, "Given", given);
    fields_u64(f, "Lost", lost < 0 ? 0 : (uint64_t)lost);
    if (lost < 0) /* more are used than there are: trees share pages */
        fields_u64(f, "TooMany", 0 - (uint64_t)lost);
    fields_close(f);
}

/* The trees of a table; returns what the table owns. Its own line comes last: it needs the sum. */
static uint64_t put_table_trees(struct space_dump *d, const struct table *t)
{
    struct space_counts s;
    uint64_t given = 0;

    for (unsigned i = 0; i < t->nr_indexes; i++) {
        const struct index *ix = &t->indexes[i];
        char name[600];
        if (ix->flags & INDEX_PRIMARY)
            continue;
        measure(d, ix->pgno, ix->objid, &s);
        snprintf(name, sizeof(name), "%s.%s", t->name, ix->name);
        put_tree(d, name, "index", ix->pgno, ix->objid, &s, 0);
        given += s.owned;
    }
    if (t->lv_pgno) {
        measure(d, t->lv_pgno, t->lv_objid, &s);
        put_tree(d, t->name, "long values", t->lv_pgno, t->lv_objid, &s, 0);
        given += s.owned;
    }
    measure(d, t->pgno, t->objid, &s);
    put_tree(d, t->name, "table", t->pgno, t->objid, &s, given);
    return s.owned;
}

static void put_trees(struct space_dump *d, const struct catalog *c)
{
    struct space_counts s;
    uint64_t given = 0;

    for (unsigned i = 0; i < c->nr_tables; i++)
        given += put_table_trees(d, c->tables[i]);
    measure(d, DB_ROOT_PGNO, DB_ROOT_OBJID, &s);
    put_tree(d, "-", "database", DB_ROOT_PGNO, DB_ROOT_OBJID, &s, given);
}

static JET_ERR put_space(struct space_dump *d)
{
    struct catalog *c;
    JET_ERR err = catalog_load_any(d->f, &c);

    if (err < 0)
        return err;
    if (d->json) {
        fields_begin(&d->fields, d->out, true);
        fields_u64(&d->fields, "PageSize", dbfile_page_size(d->f));
        fields_u64(&d->fields, "PagesInFile", dbfile_last_page(d->f));
        fields_open_list(&d->fields, "Trees");
        put_trees(d, c);
        fields_close_list(&d->fields);
        fields_end(&d->fields);
    } else {
        fprintf(d->out, "%" PRIu32 " pages of %" PRIu32 " bytes in the file\n",
                dbfile_last_page(d->f), dbfile_page_size(d->f));
        fprintf(d->out, "%9s %9s %7s %9s %9s %5s %6s %8s  %-11s %s\n", "owned", "used", "extents",
                "available", "given on", "lost", "levels", "root", "kind", "tree");
        put_trees(d, c);
    }
    catalog_free(c);
    return err;
}

JET_ERR ese_dump_space(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                       void *ctx)
{
    struct space_dump *d = calloc(1, sizeof(*d));
    JET_ERR err;

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->r = (struct reporter){.fn = report, .ctx = ctx, .file = name};
    d->json = json;
    d->out = out;
    err = dbfile_open(fd, &d->r, &d->f);
    if (err >= 0)
        err = put_space(d);
    if (err >= 0)
        err = out_finish(out, &d->r);
    dbfile_close(d->f);
    free(d);
    return err;
}
