/*
 * The catalogue against its shadow, row by row, and against MSysObjids, the list of all trees that newer
 * formats have. What a single row of the catalogue may be is checked where it is loaded (catalog.c).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check/integrity.h"
#include "rec/catrow.h"
#include "rec/row.h"
#include "rec/text.h"

/* ---- the shadow -------------------------------------------------------------------------------- */

struct side { /* one of the two trees, at one row */
    struct walk w;
    struct bt_node n;
    struct catrow row;
    bool have;
};

/* The next row that can be read. A damaged one was told when the catalogue was loaded. */
static void advance(struct side *s)
{
    const uint32_t page_size = dbfile_page_size(s->w.g->f);

    do {
        s->have = walk_next_live(&s->w, &s->n);
    } while (s->have &&
             catrow_decode(s->n.data, tagged_layout_of(page_size, s->n.page_flags), &s->row));
}

static bool same_bytes(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* What describes the object; statistics and hints may differ (ESE: repair.cxx, ENTRYINFO::IsEqual). */
static const char *find_difference(const struct catrow *a, const struct catrow *b)
{
    if (a->coltyp_or_pgno != b->coltyp_or_pgno)
        return a->type == CATROW_COLUMN ? "type" : "root page";
    if (a->flags != b->flags)
        return "flags";
    if (!same_bytes(a->name, b->name) || !same_bytes(a->template_name, b->template_name))
        return "name";
    if (a->record_offset != b->record_offset)
        return "place in the record";
    if (a->type == CATROW_COLUMN &&
        (a->space != b->space || a->pages_or_locale != b->pages_or_locale))
        return "length or code page";
    if (a->has_default != b->has_default || !same_bytes(a->default_value, b->default_value))
        return "default value";
    if (a->lcmap_flags != b->lcmap_flags || a->key_most != b->key_most ||
        a->lv_chunk != b->lv_chunk || !same_bytes(a->segment_most, b->segment_most))
        return "key length";
    if (!same_bytes(a->key_fids, b->key_fids) || !same_bytes(a->conditions, b->conditions) ||
        !same_bytes(a->tuple_limits, b->tuple_limits))
        return "columns of the index";
    if (!same_bytes(a->version, b->version) || !same_bytes(a->sort_id, b->sort_id) ||
        !same_bytes(a->locale, b->locale))
        return "locale";
    return NULL;
}

static void row_fault(const struct side *s, const char *what, const char *detail)
{
    integrity_fault(s->w.g, JET_errCatalogCorrupted, s->n.pgno,
                    "row (object %" PRIu32 ", type %u, id %" PRIu32 ") of the %s: %s%s",
                    s->row.objid_table, s->row.type, s->row.id,
                    s->w.t->objid == CATALOG_OBJID ? "catalogue" : "catalogue's shadow", what,
                    detail);
}

static int compare_keys(const struct side *a, const struct side *b)
{
    uint32_t n = a->n.key.len < b->n.key.len ? a->n.key.len : b->n.key.len;
    int c = memcmp(a->n.key.p, b->n.key.p, n);

    return c ? c : (a->n.key.len > b->n.key.len) - (a->n.key.len < b->n.key.len);
}

/* A column that is deleted may be gone from one of the two before it goes from the other. */
static bool may_be_alone(const struct side *s)
{
    return s->row.type == CATROW_COLUMN && s->row.coltyp_or_pgno == JET_coltypNil;
}

static void compare_rows(struct side *a, struct side *b)
{
    advance(a);
    advance(b);
    while (a->have || b->have) {
        int c = !b->have ? -1 : !a->have ? 1 : compare_keys(a, b);

        if (c == 0) {
            const char *what = find_difference(&a->row, &b->row);
            if (what)
                row_fault(a, "not the same in the shadow: ", what);
        } else if (!may_be_alone(c < 0 ? a : b) && !a->w.t->damaged && !b->w.t->damaged) {
            row_fault(c < 0 ? a : b, c < 0 ? "the shadow" : "the catalogue", " has none");
        }
        if (c <= 0)
            advance(a);
        if (c >= 0)
            advance(b);
    }
}

static JET_ERR compare_with_shadow(struct integrity *g)
{
    struct tree *t = trees_by_objid(g, CATALOG_OBJID), *u = trees_by_objid(g, CATALOG_SHADOW_OBJID);
    struct side *s;
    JET_ERR err;

    if (t->ignored || u->ignored || g->shadow_off)
        return JET_errSuccess;
    s = malloc(2 * sizeof(*s));
    if (!s)
        return RAISE(JET_errOutOfMemory);
    walk_again(&s[0].w, g, t);
    walk_again(&s[1].w, g, u);
    compare_rows(&s[0], &s[1]);
    err = s[0].w.err < 0 ? s[0].w.err : s[1].w.err;
    walk_end(&s[0].w);
    walk_end(&s[1].w);
    free(s);
    return err;
}

/* ---- MSysObjids -------------------------------------------------------------------------------- */

struct objids {
    struct integrity *g;
    struct tree *t; /* the table's */
    const struct column *objid, *table, *type;
    uint8_t *seen; /* by number of the tree */
};

struct objids_row {
    objid_t objid, table;
    unsigned type;
};

static bool is_column(const struct column *c, const char *name, unsigned coltyp)
{
    return c->coltyp == coltyp && text_name_cmp(c->name, name) == 0;
}

static bool find_columns(struct objids *o, const struct schema *s)
{
    for (unsigned i = 0; i < s->nr_columns; i++) {
        const struct column *c = &s->columns[i];
        if (is_column(c, "objid", JET_coltypLong))
            o->objid = c;
        else if (is_column(c, "objidTable", JET_coltypLong))
            o->table = c;
        else if (is_column(c, "type", JET_coltypShort))
            o->type = c;
    }
    return o->objid && o->table && o->type;
}

static uint32_t number_of(const struct row_value *v, uint32_t len)
{
    if (v->null || v->v.data.len != len)
        return 0;
    return len == 2 ? get_le16(v->v.data.p) : get_le32(v->v.data.p);
}

static bool read_row(struct objids *o, const struct schema *s, const struct bt_node *n,
                     struct objids_row *ret)
{
    struct row r;
    struct row_value v;

    if (row_begin(&r, s, n->data, tagged_layout_of(dbfile_page_size(o->g->f), n->page_flags)))
        return false; /* it is told where the table is checked */
    *ret = (struct objids_row){0};
    while (row_next(&r, &v)) {
        if (v.column == o->objid && v.seq == 1)
            ret->objid = number_of(&v, 4);
        else if (v.column == o->table && v.seq == 1)
            ret->table = number_of(&v, 4);
        else if (v.column == o->type && v.seq == 1)
            ret->type = number_of(&v, 2);
    }
    return !r.what;
}

static unsigned type_of(const struct tree *t)
{
    return t->kind == TREE_TABLE ? CATROW_TABLE : t->kind == TREE_INDEX ? CATROW_INDEX : CATROW_LV;
}

static objid_t objid_of_table(const struct integrity *g, const struct tree *t)
{
    return t->kind == TREE_TABLE ? t->objid : g->trees[t->parent].objid;
}

static void check_row(struct objids *o, const struct objids_row *row, pgno_t pgno)
{
    const struct tree *t = trees_by_objid(o->g, row->objid);

    if (!t || t->kind == TREE_DATABASE) {
        if (!o->g->catalog->damaged)
            integrity_fault(o->g, JET_errCatalogCorrupted, pgno,
                            "MSysObjids has object %" PRIu32 ", the catalogue has none",
                            row->objid);
        return;
    }
    o->seen[t - o->g->trees] = 1;
    if (row->type != type_of(t) || row->table != objid_of_table(o->g, t))
        integrity_fault(o->g, JET_errCatalogCorrupted, pgno,
                        "MSysObjids says that object %" PRIu32 " is of type %u in table %" PRIu32
                        ", the catalogue type %u in %" PRIu32,
                        row->objid, row->type, row->table, type_of(t), objid_of_table(o->g, t));
}

static JET_ERR check_rows(struct objids *o, const struct schema *s)
{
    struct walk *w = malloc(sizeof(*w));
    struct bt_node n;
    struct objids_row row;
    JET_ERR err;

    if (!w)
        return RAISE(JET_errOutOfMemory);
    walk_again(w, o->g, o->t);
    while (walk_next_live(w, &n))
        if (read_row(o, s, &n, &row))
            check_row(o, &row, n.pgno);
    err = w->err;
    walk_end(w);
    free(w);
    return err;
}

/* The engine itself complains of a missing row and goes on (ESE: repair.cxx). */
static void tell_missing(const struct objids *o)
{
    for (size_t i = 1; i < o->g->nr_trees; i++) {
        char name[TREE_NAME_LEN];
        if (!o->seen[i] && !o->g->trees[i].ignored && !o->t->damaged)
            integrity_note(o->g, "MSysObjids has no row for %s (object %" PRIu32 ")",
                           tree_name(&o->g->trees[i], name), o->g->trees[i].objid);
    }
}

static JET_ERR check_objids(struct integrity *g)
{
    const struct table *table = catalog_find(g->catalog, "MSysObjids");
    struct objids o = {.g = g};
    struct schema *s;
    JET_ERR err;

    if (!table)
        return JET_errSuccess;
    o.t = trees_by_objid(g, table->objid);
    if (!o.t || o.t->ignored)
        return JET_errSuccess;
    err = schema_new(table, &s);
    if (err < 0)
        return err;
    o.seen = calloc(g->nr_trees, 1);
    if (!o.seen)
        err = RAISE(JET_errOutOfMemory);
    else if (!find_columns(&o, s))
        integrity_fault(g, JET_errCatalogCorrupted, 0, "MSysObjids does not have its columns");
    else
        err = check_rows(&o, s);
    if (err >= 0 && o.seen)
        tell_missing(&o);
    free(o.seen);
    schema_free(s);
    return err;
}

/* ---- columns ----------------------------------------------------------------------------------- */

static void keep_number(struct tree *t, unsigned fid)
{
    const enum column_kind kind = fid <= FID_FIXED_MOST ? COLUMN_FIXED
                                  : fid <= FID_VAR_MOST ? COLUMN_VARIABLE
                                                        : COLUMN_TAGGED;

    if (t->last_column[kind] < fid)
        t->last_column[kind] = fid;
}

/* Reads one of the two; afterwards it is known whether it can be read in full. */
static JET_ERR note_columns_of(struct integrity *g, objid_t catalog)
{
    struct side *s = malloc(sizeof(*s));
    struct tree *t = NULL;
    JET_ERR err;

    if (!s)
        return RAISE(JET_errOutOfMemory);
    walk_again(&s->w, g, trees_by_objid(g, catalog));
    for (advance(s); s->have; advance(s)) {
        if (!t || t->objid != s->row.objid_table)
            t = trees_by_objid(g, s->row.objid_table);
        if (t && s->row.type == CATROW_COLUMN)
            keep_number(t, s->row.id);
    }
    err = s->w.err;
    walk_end(&s->w);
    free(s);
    return err;
}

/* Records keep the data of columns that were deleted, so their numbers count; only the rows have them. */
static JET_ERR note_columns(struct integrity *g)
{
    struct tree *t = trees_by_objid(g, CATALOG_OBJID), *u = trees_by_objid(g, CATALOG_SHADOW_OBJID);
    unsigned nr;
    const struct column *own = catrow_columns(&nr);
    JET_ERR err = note_columns_of(g, CATALOG_OBJID);

    if (err >= 0)
        err = note_columns_of(g, CATALOG_SHADOW_OBJID);
    for (unsigned i = 0; i < nr; i++) {
        keep_number(t, own[i].fid);
        keep_number(u, own[i].fid);
    }
    return err;
}

JET_ERR catalog_check(struct integrity *g)
{
    JET_ERR err = note_columns(g);

    if (err >= 0)
        err = compare_with_shadow(g);
    return err < 0 ? err : check_objids(g);
}
