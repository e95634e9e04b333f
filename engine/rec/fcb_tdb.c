/* Columns, indexes, and the struct tdb that is made of them (fcb.h). */
#include <stdlib.h>

#include "btree/space.h"
#include "rec/fcb_priv.h"
#include "rec/grow.h"
#include "rec/text.h"

/* ---- columns: f->lock, or a table nobody else has yet ---------------------------------------- */

/* Where the column is, or would be. */
static unsigned place(const struct fcb_cols *cols, uint32_t fid)
{
    unsigned lo = 0, hi = cols->nr;

    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        if (cols->col[mid]->c.fid < fid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct fcb_col *fcb_find_col(struct fcb *f, uint32_t fid)
{
    const unsigned i = place(f->cols, fid);

    return i < f->cols->nr && f->cols->col[i]->c.fid == fid ? f->cols->col[i] : NULL;
}

struct fcb_col *fcb_add_col(struct fcb *f, const struct column *c)
{
    struct fcb_cols *cols = f->cols;
    const unsigned i = place(cols, c->fid);
    struct fcb_col *col = calloc(1, sizeof(*col));

    if (!col || !array_grow(&cols->col, cols->nr, &cols->room, sizeof(*cols->col))) {
        free(col);
        return NULL;
    }
    col->c = *c;
    if (f->def.flags & TABLE_TEMPLATE)
        col->c.id |= COLUMN_ID_TEMPLATE;
    memmove(&cols->col[i + 1], &cols->col[i], (cols->nr - i) * sizeof(*cols->col));
    cols->col[i] = col;
    cols->nr++;
    if (c->fid <= FID_FIXED_MOST && c->fid > cols->fixed_last) {
        cols->fixed_last = c->fid;
        cols->fixed_end = c->offset + c->len;
    } else if (c->fid >= FID_VAR_LEAST && c->fid <= FID_VAR_MOST && c->fid > cols->var_last) {
        cols->var_last = c->fid;
    } else if (c->fid >= FID_TAGGED_LEAST && c->fid > cols->tagged_last) {
        cols->tagged_last = c->fid;
    }
    return col;
}

/* Its adding was rolled back. The number is free again if it is the last one. */
void fcb_remove_col(struct fcb *f, struct fcb_col *col)
{
    struct fcb_cols *cols = f->cols;
    const uint32_t fid = col->c.fid;
    const unsigned i = place(cols, fid);

    if (fid == cols->fixed_last) {
        cols->fixed_last--;
        cols->fixed_end = col->c.offset;
    } else if (fid == cols->var_last) {
        cols->var_last--;
    } else if (fid == cols->tagged_last) {
        cols->tagged_last--;
    } else { /* a later one was added meanwhile: the number stays taken, and a fixed one's room */
        col->deleted = true;
        return;
    }
    memmove(&cols->col[i], &cols->col[i + 1], (cols->nr - i - 1) * sizeof(*cols->col));
    cols->nr--;
    col->deleted = true;
    col->next_gone = cols->gone; /* an older tdb may have it yet */
    cols->gone = col;
}

/* ---- indexes --------------------------------------------------------------------------------- */

bool fcb_add_index(struct fcb *f, struct fcb_index *ix)
{
    unsigned i = 0;

    if (!array_grow(&f->all, f->nr_all, &f->room_all, sizeof(struct fcb_index *)))
        return false;
    while (i < f->nr_all && f->all[i]->def.objid > ix->def.objid)
        i++;
    memmove(&f->all[i + 1], &f->all[i], (f->nr_all - i) * sizeof(struct fcb_index *));
    f->all[i] = ix;
    f->nr_all++;
    return true;
}

void fcb_remove_index(struct fcb *f, struct fcb_index *ix)
{
    unsigned i = 0;

    while (i < f->nr_all && f->all[i] != ix)
        i++;
    if (i == f->nr_all)
        return;
    memmove(&f->all[i], &f->all[i + 1], (f->nr_all - i - 1) * sizeof(struct fcb_index *));
    f->nr_all--;
    fcb_index_put(ix);
}

void fcb_index_put(struct fcb_index *ix)
{
    if (!ix || atomic_fetch_sub_explicit(&ix->refs, 1, memory_order_acq_rel) != 1)
        return;
    tree_put(ix->tree);
    free(ix->mem);
    free(ix);
}

static JET_ERR index_fault(struct fcb *f, const struct catrow *row, const char *what)
{
    char name[CAT_NAME_UTF8];

    cat_name_to(row->name, name);
    return fault(&f->db->inst->r, JET_errCatalogCorrupted, 0, 0, ESE_NO_OFFSET,
                 "index %s of table %s: %s", name, f->def.name, what);
}

/* Name, locale, version, sort id in one piece of memory. */
static bool keep_index_strings(struct fcb_index *ix, const struct catrow *row)
{
    const uint32_t locale_room = (uint32_t)TEXT_UTF8_MAX(row->locale.len) + 8;
    char *p, *start;
    struct text_decoder d;
    size_t n;

    ix->mem = malloc(CAT_NAME_UTF8 + locale_room + row->version.len + row->sort_id.len);
    if (!ix->mem)
        return false;
    p = (char *)ix->mem;
    cat_name_to(row->name, p);
    ix->def.name = p;
    p += CAT_NAME_UTF8;
    ix->def.locale = start = p;
    text_begin(&d, CP_UTF16);
    n = text_feed(&d, row->locale, start);
    n += text_end(&d, start + n);
    start[n] = '\0';
    p += locale_room;
    memcpy(p, row->version.p ? row->version.p : (const uint8_t *)"", row->version.len);
    ix->def.version = (struct slice){(uint8_t *)p, row->version.len};
    p += row->version.len;
    memcpy(p, row->sort_id.p ? row->sort_id.p : (const uint8_t *)"", row->sort_id.len);
    ix->def.sort_id = (struct slice){(uint8_t *)p, row->sort_id.len};
    return true;
}

static JET_ERR index_tree(struct fcb *f, struct fcb_index *ix)
{
    const uint32_t flags = PAGE_INDEX | (ix->unique ? 0u : (uint32_t)PAGE_NON_UNIQUE);
    JET_ERR err = ix->primary
                      ? tree_get(f->db, f->def.pgno, f->def.objid, true, 0, DB_ROOT_PGNO, &ix->tree)
                      : tree_get(f->db, ix->def.pgno, ix->def.objid, ix->unique, flags, f->def.pgno,
                                 &ix->tree);

    if (err >= 0)
        fcb_tree_hints(ix->tree, ix->density, &ix->hints);
    return err;
}

JET_ERR fcb_index_new(struct fcb *f, const struct catrow *row, struct fcb_index **ret)
{
    struct fcb_index *ix = calloc(1, sizeof(*ix));
    const char *what;
    JET_ERR err;

    if (!ix)
        return RAISE(JET_errOutOfMemory);
    atomic_init(&ix->refs, 1);
    ix->density = row->space;
    what = catrow_to_index(row, &f->def, &ix->def);
    if (!what)
        what = catrow_hints_decode(row->space_hints, HINTS_FROM_INITIAL, &ix->hints);
    ix->hints.density = row->space;
    ix->primary = ix->def.flags & INDEX_PRIMARY;
    ix->unique = ix->def.flags & INDEX_UNIQUE;
    err = what ? index_fault(f, row, what) : JET_errSuccess;
    if (err >= 0 && !keep_index_strings(ix, row))
        err = RAISE(JET_errOutOfMemory);
    if (err >= 0)
        err = index_tree(f, ix);
    if (err < 0) {
        fcb_index_put(ix);
        return err;
    }
    *ret = ix;
    return JET_errSuccess;
}

static void mark_column(struct fcb_index *ix, uint16_t fid)
{
    if (fid <= FID_VAR_MOST)
        ix->fixed_var[fid / 8] |= (uint8_t)(1u << fid % 8);
    else
        ix->any_tagged = true;
}

void fcb_index_columns(struct fcb_index *ix)
{
    for (unsigned i = 0; i < ix->def.nr_segments; i++)
        mark_column(ix, ix->def.segments[i].fid);
    for (unsigned i = 0; i < ix->def.nr_conditions; i++)
        mark_column(ix, ix->def.conditions[i].fid);
    ix->has_text = norm_text_is_ours(&ix->def) != NORM_NO_TEXT;
    ix->foreign_sort = norm_text_is_ours(&ix->def) == NORM_FOREIGN;
}

/* ---- one moment ------------------------------------------------------------------------------ */

void tdb_put(struct tdb *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < t->nr_indexes; i++)
        fcb_index_put(t->indexes[i]);
    fcb_index_put(t->primary);
    free(t->indexes);
    free(t->schema.columns);
    free(t->cols);
    free(t->by_fid[0]);
    free(t->by_fid[1]);
    free(t);
}

static void note_column(struct tdb *t, unsigned i)
{
    const struct column *c = &t->schema.columns[i];
    const unsigned from = (c->id & COLUMN_ID_TEMPLATE) != 0;

    t->by_fid[from][c->fid] = i + 1;
    if (c->flags & COLUMN_AUTO_INCREMENT)
        t->auto_inc = c;
    if (c->flags & COLUMN_VERSION)
        t->version = c;
}

static void put_columns(struct tdb *t, const struct fcb_cols *cols, bool inherited)
{
    for (unsigned i = 0; i < cols->nr; i++) {
        struct fcb_col *col = cols->col[i];
        struct column *c = &t->schema.columns[t->schema.nr_columns];

        if (col->deleted)
            continue;
        *c = col->c;
        c->derived = inherited && (c->flags & COLUMN_TEMPLATE98);
        c->pending = !inherited && !(c->flags & COLUMN_ESCROW) &&
                     atomic_load_explicit(&col->versioned, memory_order_relaxed);
        t->cols[t->schema.nr_columns] = col;
        t->schema.nr_columns++;
    }
}

static uint32_t last_fid(const struct fcb_cols *cols)
{
    return cols->nr ? cols->col[cols->nr - 1]->c.fid : 0u;
}

/* Room for everything; the template's lock is held too. */
static bool alloc_tdb(const struct fcb *f, struct tdb *t)
{
    const struct fcb_cols *from = f->template ? f->template->cols : NULL;
    const bool is_template = f->def.flags & TABLE_TEMPLATE;
    const size_t nr = (from ? from->nr : 0u) + f->cols->nr;
    const unsigned own = is_template ? 1 : 0;

    t->nr_by_fid[own] = last_fid(f->cols) + 1;
    t->nr_by_fid[!own] = from ? last_fid(from) + 1 : 1;
    t->schema.columns = calloc(nr + 1, sizeof(*t->schema.columns));
    t->cols = calloc(nr + 1, sizeof(*t->cols));
    t->by_fid[0] = calloc(t->nr_by_fid[0], sizeof(uint32_t));
    t->by_fid[1] = calloc(t->nr_by_fid[1], sizeof(uint32_t));
    t->indexes = calloc(f->nr_all + 1, sizeof(struct fcb_index *));
    return t->schema.columns && t->cols && t->by_fid[0] && t->by_fid[1] && t->indexes;
}

static void put_indexes(struct tdb *t, const struct fcb *f)
{
    for (unsigned i = 0; i < f->nr_all; i++) {
        struct fcb_index *ix = f->all[i];

        atomic_fetch_add_explicit(&ix->refs, 1, memory_order_relaxed);
        if (ix->primary)
            t->primary = ix;
        else
            t->indexes[t->nr_indexes++] = ix;
    }
    t->table.indexes = t->primary ? &t->primary->def : NULL;
    t->table.nr_indexes = t->primary ? 1 : 0;
}

static bool take_columns(const struct fcb *f, struct tdb *t)
{
    bool room;

    if (f->template)
        pthread_mutex_lock(&f->template->lock);
    room = alloc_tdb(f, t);
    if (room && f->template)
        put_columns(t, f->template->cols, true);
    if (f->template)
        pthread_mutex_unlock(&f->template->lock);
    if (room)
        put_columns(t, f->cols, false);
    return room;
}

/* f->lock. NULL: no memory. */
static struct tdb *make_tdb(const struct fcb *f)
{
    struct tdb *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    atomic_init(&t->refs, 1);
    t->table = f->def;
    t->schema.table = &t->table;
    if (!take_columns(f, t)) {
        tdb_put(t);
        return NULL;
    }
    for (unsigned i = 0; i < t->schema.nr_columns; i++)
        note_column(t, i);
    put_indexes(t, f);
    t->fixed_last = f->cols->fixed_last;
    t->var_last = f->cols->var_last;
    t->tagged_last = f->cols->tagged_last;
    return t;
}

JET_ERR fcb_refresh_slow(struct fcb *f, struct tdb **held)
{
    struct tdb *t;

    pthread_mutex_lock(&f->lock);
    t = atomic_load_explicit(&f->tdb, memory_order_relaxed);
    if (!t) {
        t = make_tdb(f);
        atomic_store_explicit(&f->tdb, t, memory_order_release);
    }
    if (t)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&f->lock);
    if (!t)
        return RAISE(JET_errOutOfMemory);
    tdb_put(*held);
    *held = t;
    return JET_errSuccess;
}

void fcb_changed(struct fcb *f)
{
    tdb_put(atomic_exchange_explicit(&f->tdb, NULL, memory_order_acq_rel));
}
