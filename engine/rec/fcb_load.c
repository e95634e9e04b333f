/* A table read from the catalogue into the cache; what it holds on to, and how that goes (ESE:
 * cat.cxx ErrCATInitFCB). */
#include <inttypes.h>
#include <stdlib.h>

#include "btree/space.h"
#include "rec/fcb_priv.h"
#include "rec/lv.h"
#include "rec/text.h"

/* ---- memory ---------------------------------------------------------------------------------- */

struct fcb_mem *fcb_keep(struct fcb *f, const void *bytes, size_t len)
{
    struct fcb_mem *m = malloc(sizeof(*m) + len + 1);

    if (!m)
        return NULL;
    if (bytes && len)
        memcpy(m->b, bytes, len);
    m->b[len] = 0;
    m->next = f->mem;
    f->mem = m;
    return m;
}

const char *fcb_keep_name(struct fcb *f, struct slice name)
{
    char buf[CAT_NAME_UTF8];
    struct fcb_mem *m;

    cat_name_to(name, buf);
    m = fcb_keep(f, buf, strlen(buf));
    return m ? (const char *)m->b : NULL;
}

static void put_trees(struct fcb *f)
{
    struct tree *lv = atomic_exchange(&f->lv, NULL);

    tree_put(f->tree);
    tree_put(lv);
    f->tree = NULL;
    for (unsigned i = 0; i < f->nr_all; i++) {
        tree_put(f->all[i]->tree);
        f->all[i]->tree = NULL;
    }
}

static void free_cols(struct fcb_cols *cols)
{
    if (!cols)
        return;
    for (unsigned i = 0; i < cols->nr; i++)
        free(cols->col[i]);
    while (cols->gone) {
        struct fcb_col *next = cols->gone->next_gone;
        free(cols->gone);
        cols->gone = next;
    }
    free(cols->col);
    free(cols);
}

void fcb_free(struct fcb *f)
{
    if (!f)
        return;
    put_trees(f);
    tdb_put(atomic_exchange(&f->tdb, NULL));
    for (unsigned i = 0; i < f->nr_all; i++)
        fcb_index_put(f->all[i]);
    free_cols(f->cols);
    while (f->mem) {
        struct fcb_mem *next = f->mem->next;
        free(f->mem);
        f->mem = next;
    }
    fcb_unref(f->template);
    fcb_callbacks_free(f);
    pthread_rwlock_destroy(&f->ddl);
    pthread_mutex_destroy(&f->building);
    pthread_cond_destroy(&f->gate_opened);
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->numbers);
    free(f->all);
    free(f->users);
    free(f);
}

/* Updates come one after the other without end: an index build must get its turn. */
static void init_ddl_lock(struct fcb *f)
{
    pthread_rwlockattr_t attr;

    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&f->ddl, &attr);
    pthread_rwlockattr_destroy(&attr);
}

static struct fcb *new_fcb(struct db *d)
{
    struct fcb *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->db = d;
    init_ddl_lock(f);
    pthread_mutex_init(&f->building, NULL);
    pthread_cond_init(&f->gate_opened, NULL);
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->numbers, NULL);
    f->cols = calloc(1, sizeof(*f->cols));
    if (!f->cols) {
        fcb_free(f);
        return NULL;
    }
    f->cols->var_last = FID_VAR_LEAST - 1;
    f->cols->tagged_last = FID_TAGGED_LEAST - 1;
    f->cols->fixed_end = sizeof(struct rec_hdr_disk);
    return f;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static JET_ERR load_fault(struct fcb *f, const struct catrow *row, const char *what)
{
    return fault(&f->db->inst->r, JET_errCatalogCorrupted, 0, 0, ESE_NO_OFFSET,
                 "catalogue row (object %" PRIu32 ", type %u, id %" PRIu32 "): %s",
                 row->objid_table, row->type, row->id, what);
}

void fcb_tree_hints(struct tree *t, uint32_t density, const struct space_hints *h)
{
    const uint32_t page = t->db->page_size;

    t->density = density >= 20 && density <= 100 ? density : CATALOG_DENSITY;
    t->hint_initial = h->initial / page;
    t->hint_growth = h->growth;
    t->hint_min = h->min_extent / page;
    t->hint_max = h->max_extent / page;
}

static JET_ERR load_template(struct sess *s, struct fcb *f, struct slice name)
{
    struct fcb *from = NULL;
    objid_t objid;
    JET_ERR err = fcb_lookup(s, f->db, name, &objid);

    if (err >= 0 && objid != f->def.objid)
        err = fcb_get(s, f->db, objid, &from);
    if (err < 0 && err != JET_errObjectNotFound)
        return err;
    if (!from || from->template || !(from->def.flags & TABLE_TEMPLATE)) {
        fcb_unref(from);
        return fault(&f->db->inst->r, JET_errCatalogCorrupted, 0, 0, ESE_NO_OFFSET,
                     "table %s derives from %s, which is no template", f->def.name,
                     f->def.template_name);
    }
    f->template = from;
    f->cols->fixed_last = from->cols->fixed_last;
    f->cols->var_last = from->cols->var_last;
    f->cols->fixed_end = from->cols->fixed_end;
    return JET_errSuccess;
}

static JET_ERR take_table(struct fcb *f, const struct catrow *row)
{
    const char *what;

    f->def.objid = row->id;
    f->def.pgno = row->coltyp_or_pgno;
    f->def.flags = row->flags;
    f->def.density = f->hints.density = row->space;
    f->def.initial_pages = row->pages_or_locale;
    f->def.lv_chunk = row->lv_chunk ? row->lv_chunk : lv_chunk_default(f->db->page_size);
    f->intrinsic_most = row->separate_lv.len == 4 ? get_le32(row->separate_lv.p) : 0;
    if (f->def.pgno == 0 || f->def.pgno > INT32_MAX || row->name.len == 0)
        return load_fault(f, row, "a table without name or root");
    what = catrow_hints_decode(row->space_hints, HINTS_FROM_FLAGS, &f->hints);
    if (!what)
        what = catrow_hints_decode(row->lv_hints, HINTS_FROM_DENSITY, &f->lv_hints);
    if (what)
        return load_fault(f, row, what);
    f->hints.initial = f->def.initial_pages * f->db->page_size;
    f->def.name = fcb_keep_name(f, row->name);
    if (row->template_name.len)
        f->def.template_name = fcb_keep_name(f, row->template_name);
    if (!f->def.name || (row->template_name.len && !f->def.template_name))
        return RAISE(JET_errOutOfMemory);
    return JET_errSuccess;
}

static JET_ERR load_table(struct sess *s, struct fcb *f, const struct catrow *row)
{
    struct cat_name name = {.len = row->template_name.len};
    JET_ERR err = take_table(f, row);

    if (name.len > NAME_MOST)
        return load_fault(f, row, "a name is longer than any can be");
    if (err >= 0)
        err = tree_get(f->db, f->def.pgno, f->def.objid, true, 0, DB_ROOT_PGNO, &f->tree);
    if (err < 0)
        return err;
    fcb_tree_hints(f->tree, f->def.density, &f->hints);
    if (name.len == 0)
        return JET_errSuccess;
    memcpy(name.b, row->template_name.p, name.len);
    return load_template(s, f, cat_name_slice(&name));
}

/* The default as records have it; the name. */
static JET_ERR keep_strings(struct fcb *f, const struct catrow *row, struct column *c)
{
    struct fcb_mem *m;
    uint32_t len;

    c->name = fcb_keep_name(f, row->name);
    if (!c->name)
        return RAISE(JET_errOutOfMemory);
    if (!c->has_default)
        return JET_errSuccess;
    len = catrow_default(c, row->default_value, NULL);
    if (len == UINT32_MAX)
        return load_fault(f, row, "the default value of a column has a wrong length");
    m = fcb_keep(f, NULL, len);
    if (!m)
        return RAISE(JET_errOutOfMemory);
    (void)catrow_default(c, row->default_value, m->b);
    c->default_value = (struct slice){m->b, len};
    return JET_errSuccess;
}

/* A deleted column keeps its number, and a fixed one its place in the records. */
static const char *deleted_column(const struct catrow *row, struct column *ret)
{
    if (row->id == 0 || row->id > FID_TAGGED_MOST ||
        (row->id <= FID_FIXED_MOST && row->space > 255))
        return "a column of a number or length that cannot be";
    *ret = (struct column){.id = row->id, .fid = (uint16_t)row->id, .max_len = row->space};
    if (ret->fid <= FID_FIXED_MOST) {
        ret->len = row->space;
        ret->offset = row->record_offset;
    }
    return NULL;
}

static JET_ERR load_column(struct fcb *f, const struct catrow *row)
{
    struct fcb_cols *cols = f->cols;
    const bool deleted = row->coltyp_or_pgno == JET_coltypNil;
    struct column c;
    struct fcb_col *col;
    const char *what = deleted ? deleted_column(row, &c) : catrow_to_column(row, &c);
    JET_ERR err;

    if (!what && cols->nr && row->id <= cols->col[cols->nr - 1]->c.fid)
        what = "the columns are out of order";
    if (!what && c.fid <= FID_FIXED_MOST) {
        if (c.offset == 0) /* ESE: cat.cxx CATPatchFixedOffsets */
            c.offset = cols->fixed_end;
        if (c.offset < cols->fixed_end || c.offset + c.len > f->db->page_size)
            what = "a fixed column lies where it cannot";
    }
    if (what)
        return load_fault(f, row, what);
    err = deleted ? JET_errSuccess : keep_strings(f, row, &c);
    if (err < 0)
        return err;
    col = fcb_add_col(f, &c);
    if (!col)
        return RAISE(JET_errOutOfMemory);
    col->deleted = deleted;
    return JET_errSuccess;
}

static JET_ERR load_index(struct fcb *f, const struct catrow *row)
{
    struct fcb_index *ix;
    JET_ERR err = fcb_index_new(f, row, &ix);

    if (err < 0)
        return err;
    if (!fcb_add_index(f, ix)) {
        fcb_index_put(ix);
        return RAISE(JET_errOutOfMemory);
    }
    return JET_errSuccess;
}

static JET_ERR load_lv(struct fcb *f, const struct catrow *row)
{
    if (f->def.lv_pgno)
        return load_fault(f, row, "a table has two trees of long values");
    if (row->coltyp_or_pgno == 0 || row->coltyp_or_pgno > INT32_MAX)
        return load_fault(f, row, "a tree of long values has no root");
    f->def.lv_objid = row->id;
    f->def.lv_pgno = row->coltyp_or_pgno;
    return JET_errSuccess;
}

static JET_ERR load_row(struct sess *s, struct fcb *f, const struct catrow *row)
{
    if (row->type == CATROW_TABLE)
        return f->def.name ? load_fault(f, row, "a second row for one table")
                           : load_table(s, f, row);
    if (!f->def.name)
        return load_fault(f, row, "there is no table that it belongs to");
    switch (row->type) {
    case CATROW_COLUMN:
        return load_column(f, row);
    case CATROW_INDEX:
        return load_index(f, row);
    case CATROW_LV:
        return load_lv(f, row);
    default: /* callbacks, and the streaming files of old formats */
        return JET_errSuccess;
    }
}

/* The catalogue's own tables: what they say of their columns is not used. */
static JET_ERR own_columns(struct fcb *f)
{
    unsigned nr;
    const struct column *c = catrow_columns(&nr);

    for (unsigned i = 0; i < nr; i++)
        if (!fcb_add_col(f, &c[i]))
            return RAISE(JET_errOutOfMemory);
    return JET_errSuccess;
}

static JET_ERR load_rows(struct cat *c, struct fcb *f, objid_t objid)
{
    const bool own = objid == CATALOG_OBJID || objid == CATALOG_SHADOW_OBJID;
    JET_ERR err = own ? own_columns(f) : JET_errSuccess;

    if (err >= 0)
        err = cat_first(c, objid);
    for (; err >= 0; err = cat_next(c)) {
        if (own && c->row.type == CATROW_COLUMN)
            continue;
        err = load_row(c->s, f, &c->row);
        if (err < 0)
            return err;
    }
    if (err != JET_errNoCurrentRecord)
        return err;
    return f->def.name ? JET_errSuccess : RAISE(JET_errObjectNotFound);
}

JET_ERR fcb_load(struct sess *s, struct db *d, objid_t objid, struct fcb **ret)
{
    struct fcb *f = new_fcb(d);
    struct cat c;
    JET_ERR err;

    if (!f)
        return RAISE(JET_errOutOfMemory);
    err = cat_open(&c, s, d);
    if (err >= 0)
        err = load_rows(&c, f, objid);
    cat_close(&c);
    if (err < 0) {
        fcb_free(f);
        return err;
    }
    for (unsigned i = 0; i < f->nr_all; i++)
        fcb_index_columns(f->all[i]);
    *ret = f;
    return JET_errSuccess;
}
