#include "rec/catalog.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rec/catrow.h"
#include "rec/grow.h"
#include "rec/lv.h"
#include "rec/recfmt.h"
#include "rec/text.h"

/* ---- memory: pieces that live and die with the catalogue ------------------------------------- */

#define BLOCK_LEN (64u << 10)

struct arena {
    struct arena *next;
    uint8_t *free;
    uint32_t room;
    uint8_t b[];
};

static void *arena_take(struct catalog *c, uint32_t len)
{
    struct arena *a = c->arena;
    void *p;

    len = (len + 7) & ~7u;
    if (!a || len > a->room) {
        uint32_t room = len > BLOCK_LEN ? len : BLOCK_LEN;
        a = malloc(sizeof(*a) + room);
        if (!a)
            return NULL;
        a->next = c->arena;
        a->room = room;
        a->free = a->b;
        c->arena = a;
    }
    p = a->free;
    a->free += len;
    a->room -= len;
    return p;
}

static bool keep_bytes(struct catalog *c, struct slice from, struct slice *ret)
{
    uint8_t *p = arena_take(c, from.len + 1);

    if (!p)
        return false;
    if (from.len)
        memcpy(p, from.p, from.len);
    *ret = (struct slice){p, from.len};
    return true;
}

/* A name as UTF-8. Control characters cannot be in one; they would break lines of output. */
static const char *keep_text(struct catalog *c, struct slice from, uint32_t cp)
{
    struct text_decoder d;
    char *p = arena_take(c, (uint32_t)TEXT_UTF8_MAX(from.len) + 8);
    size_t n;

    if (!p)
        return NULL;
    text_begin(&d, cp);
    n = text_feed(&d, from, p);
    n += text_end(&d, p + n);
    p[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = '?';
    return p;
}

/* ---- loading --------------------------------------------------------------------------------- */

struct loader {
    struct dbfile *f;
    struct catalog *c;
    struct table *t; /* that the rows belong to; NULL before the first */
    unsigned room_columns, room_indexes, room_tables;
    pgno_t pgno; /* of the row, for faults */
};

static JET_ERR row_fault(struct loader *l, const struct catrow *row, const char *what)
{
    l->c->damaged = true;
    return fault(dbfile_reporter(l->f), JET_errCatalogCorrupted, 0, l->pgno,
                 dbfile_offset(l->f, l->pgno),
                 "catalogue row (object %" PRIu32 ", type %u, id %" PRIu32 "): %s",
                 row->objid_table, row->type, row->id, what);
}

/* Room for one more element of an array that grows by doubling. */
static JET_ERR add_own_columns(struct loader *l)
{
    unsigned nr;
    const struct column *columns = catrow_columns(&nr);

    l->t->columns = malloc(nr * sizeof(*columns));
    if (!l->t->columns)
        return RAISE(JET_errOutOfMemory);
    memcpy(l->t->columns, columns, nr * sizeof(*columns));
    l->t->nr_columns = nr;
    return JET_errSuccess;
}

static JET_ERR add_table(struct loader *l, const struct catrow *row)
{
    struct catalog *c = l->c;
    struct table *t;

    l->t = NULL;
    if (row->coltyp_or_pgno == 0 || row->coltyp_or_pgno > INT32_MAX || row->name.len == 0)
        return row_fault(l, row, "a table without name or root");
    if (!array_grow(&c->tables, c->nr_tables, &l->room_tables, sizeof(*c->tables)))
        return RAISE(JET_errOutOfMemory);
    t = calloc(1, sizeof(*t));
    if (!t)
        return RAISE(JET_errOutOfMemory);
    c->tables[c->nr_tables++] = t;
    l->t = t;
    l->room_columns = l->room_indexes = 0;
    t->name = keep_text(c, row->name, CP_ANSI);
    if (row->template_name.len)
        t->template_name = keep_text(c, row->template_name, CP_ANSI);
    if (!t->name || (row->template_name.len && !t->template_name))
        return RAISE(JET_errOutOfMemory);
    t->objid = row->objid_table;
    t->pgno = row->coltyp_or_pgno;
    t->flags = row->flags;
    t->density = row->space;
    t->initial_pages = row->pages_or_locale;
    t->lv_chunk = row->lv_chunk ? row->lv_chunk : lv_chunk_default(dbfile_page_size(l->f));
    if (t->objid == CATALOG_OBJID || t->objid == CATALOG_SHADOW_OBJID)
        return add_own_columns(l);
    return JET_errSuccess;
}

static JET_ERR keep_default(struct loader *l, const struct catrow *row, struct column *c)
{
    uint32_t len;
    uint8_t *p;

    if (!c->has_default)
        return JET_errSuccess;
    len = catrow_default(c, row->default_value, NULL);
    if (len == UINT32_MAX) {
        c->has_default = false;
        return row_fault(l, row, "the default value of a column has a wrong length");
    }
    p = arena_take(l->c, len + 1);
    if (!p)
        return RAISE(JET_errOutOfMemory);
    (void)catrow_default(c, row->default_value, p);
    c->default_value = (struct slice){p, len};
    return JET_errSuccess;
}

static JET_ERR add_column(struct loader *l, const struct catrow *row)
{
    struct table *t = l->t;
    struct column col, *c, *before = t->nr_columns ? &t->columns[t->nr_columns - 1] : NULL;
    const char *what;

    if (t->objid == CATALOG_OBJID || t->objid == CATALOG_SHADOW_OBJID ||
        row->coltyp_or_pgno == JET_coltypNil)
        return JET_errSuccess; /* hard-coded; deleted (ESE: the row stays as "JetStub_...") */
    what = catrow_to_column(row, &col);
    if (!what && before && row->id <= before->fid)
        what = "the columns are out of order";
    if (what)
        return row_fault(l, row, what);
    if (!array_grow(&t->columns, t->nr_columns, &l->room_columns, sizeof(*t->columns)))
        return RAISE(JET_errOutOfMemory);
    c = &t->columns[t->nr_columns];
    before = t->nr_columns ? c - 1 : NULL;
    *c = col;
    c->name = keep_text(l->c, row->name, CP_ANSI);
    if (!c->name)
        return RAISE(JET_errOutOfMemory);
    if (c->fid <= FID_FIXED_MOST && c->offset == 0) /* ESE: cat.cxx CATPatchFixedOffsets */
        c->offset = before && before->fid <= FID_FIXED_MOST ? before->offset + before->len
                                                            : (uint32_t)sizeof(struct rec_hdr_disk);
    t->nr_columns++;
    return keep_default(l, row, c);
}

static JET_ERR add_index(struct loader *l, const struct catrow *row)
{
    struct table *t = l->t;
    struct index *ix;
    const char *what;

    if (!array_grow(&t->indexes, t->nr_indexes, &l->room_indexes, sizeof(*t->indexes)))
        return RAISE(JET_errOutOfMemory);
    ix = &t->indexes[t->nr_indexes];
    what = catrow_to_index(row, t, ix);
    if (what)
        return row_fault(l, row, what);
    ix->name = keep_text(l->c, row->name, CP_ANSI);
    ix->locale = keep_text(l->c, row->locale, CP_UTF16);
    if (!ix->name || !ix->locale || !keep_bytes(l->c, row->version, &ix->version) ||
        !keep_bytes(l->c, row->sort_id, &ix->sort_id))
        return RAISE(JET_errOutOfMemory);
    t->nr_indexes++;
    return JET_errSuccess;
}

static JET_ERR add_lv(struct loader *l, const struct catrow *row)
{
    if (l->t->lv_pgno)
        return row_fault(l, row, "a table has two trees of long values");
    if (row->coltyp_or_pgno == 0 || row->coltyp_or_pgno > INT32_MAX)
        return row_fault(l, row, "a tree of long values has no root");
    l->t->lv_objid = row->id;
    l->t->lv_pgno = row->coltyp_or_pgno;
    return JET_errSuccess;
}

static JET_ERR add_row(struct loader *l, const struct bt_node *n)
{
    struct catrow row = {0};
    const char *what =
        catrow_decode(n->data, tagged_layout_of(dbfile_page_size(l->f), n->page_flags), &row);

    l->pgno = n->pgno;
    if (what)
        return row_fault(l, &row, what);
    if (row.name.len > NAME_MOST || (row.type == CATROW_TABLE && row.template_name.len > NAME_MOST))
        return row_fault(l, &row, "a name is longer than any can be");
    if (row.type == CATROW_TABLE)
        return add_table(l, &row);
    if (!l->t || l->t->objid != row.objid_table)
        return row_fault(l, &row, "there is no table that it belongs to");
    switch (row.type) {
    case CATROW_COLUMN:
        return add_column(l, &row);
    case CATROW_INDEX:
        return add_index(l, &row);
    case CATROW_LV:
        return add_lv(l, &row);
    default: /* callbacks, and the streaming files of old formats: of no use to a reader */
        return JET_errSuccess;
    }
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static int compare_tables(const void *a, const void *b)
{
    const struct table *const *x = a, *const *y = b;
    return text_name_cmp((*x)->name, (*y)->name);
}

static int compare_indexes(const void *a, const void *b)
{
    const struct index *x = a, *y = b;
    return text_name_cmp(x->name, y->name);
}

static void link_template(struct loader *l, struct table *t)
{
    const struct table *from = catalog_find(l->c, t->template_name);

    if (from && from != t && !from->template_name) {
        t->template_table = from;
        return;
    }
    l->c->damaged = true;
    fault(dbfile_reporter(l->f), JET_errCatalogCorrupted, 0, 0, ESE_NO_OFFSET,
          "table %s derives from %s, which is no template", t->name, t->template_name);
}

static void link_and_sort(struct loader *l)
{
    struct catalog *c = l->c;

    if (c->nr_tables)
        qsort(c->tables, c->nr_tables, sizeof(*c->tables), compare_tables);
    for (unsigned i = 0; i < c->nr_tables; i++) {
        struct table *t = c->tables[i];
        if (t->nr_indexes)
            qsort(t->indexes, t->nr_indexes, sizeof(*t->indexes), compare_indexes);
        if (t->template_name)
            link_template(l, t);
    }
}

static JET_ERR read_rows(struct loader *l, struct bt_cursor *bt)
{
    struct bt_node n;
    JET_ERR err, first = JET_errSuccess;

    while ((err = bt_next(bt, &n)) != JET_errNoCurrentRecord) {
        if (err < 0)
            l->c->damaged = true;
        else
            err = add_row(l, &n);
        if (err == JET_errOutOfMemory)
            return err;
        if (err < 0 && first >= 0)
            first = err;
    }
    return first;
}

JET_ERR catalog_load(struct dbfile *f, pgno_t pgno, objid_t objid, struct catalog **ret)
{
    struct loader l = {.f = f, .c = calloc(1, sizeof(*l.c))};
    struct bt_cursor *bt = malloc(sizeof(*bt));
    JET_ERR err;

    if (!l.c || !bt) {
        free(l.c);
        free(bt);
        return RAISE(JET_errOutOfMemory);
    }
    bt_open(bt, f, pgno, objid, 0);
    err = read_rows(&l, bt);
    bt_close(bt);
    free(bt);
    if (err == JET_errOutOfMemory || (err < 0 && l.c->nr_tables == 0)) {
        catalog_free(l.c);
        return err;
    }
    link_and_sort(&l);
    *ret = l.c;
    return JET_errSuccess;
}

JET_ERR catalog_load_any(struct dbfile *f, struct catalog **ret)
{
    struct catalog *shadow;
    JET_ERR err = catalog_load(f, CATALOG_PGNO, CATALOG_OBJID, ret);

    if (err == JET_errOutOfMemory || (err >= 0 && !(*ret)->damaged))
        return err;
    if (catalog_load(f, CATALOG_SHADOW_PGNO, CATALOG_SHADOW_OBJID, &shadow) < 0)
        return err;
    if (shadow->damaged || shadow->nr_tables == 0) {
        catalog_free(shadow);
        return err;
    }
    fault_note(dbfile_reporter(f), 0, ESE_NO_OFFSET,
               "the catalogue is damaged; its shadow was taken");
    if (err >= 0)
        catalog_free(*ret);
    *ret = shadow;
    return JET_errSuccess;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->nr_tables; i++) {
        free(c->tables[i]->columns);
        free(c->tables[i]->indexes);
        free(c->tables[i]);
    }
    free(c->tables);
    while (c->arena) {
        struct arena *next = c->arena->next;
        free(c->arena);
        c->arena = next;
    }
    free(c);
}

const struct table *catalog_find(const struct catalog *c, const char *name)
{
    unsigned lo = 0, hi = c->nr_tables;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        int d = text_name_cmp(c->tables[mid]->name, name);

        if (d == 0)
            return c->tables[mid];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct index *table_primary(const struct table *t)
{
    for (unsigned i = 0; i < t->nr_indexes; i++)
        if (t->indexes[i].flags & INDEX_PRIMARY)
            return &t->indexes[i];
    return NULL;
}
