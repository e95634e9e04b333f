/* Tables made (ddl.h). */
#include <stdlib.h>

#include "btree/spacewrite.h"
#include "rec/ddl_priv.h"
#include "rec/text.h"

enum { TABLE_NO_FIXED_VAR_IN_DERIVED = 0x04000000 }; /* with TABLE_TEMPLATE; persistent */

/* ---- one that is being made ------------------------------------------------------------------ */

struct making {
    struct sess *s;
    struct db *d;
    struct ddl_table *t;
    struct cat cat;
    struct fcb *from; /* the template, with a reference; NULL: none */
    struct tdb *from_tdb;
    uint32_t flags;
    bool is_template;
    objid_t objid;
    pgno_t pgno;
    struct tree *tree; /* a reference */
    struct space_hints hints;
    struct column *columns; /* as many as t has; names are t's */
    bool has_primary, has_auto_inc, has_version;
    struct ddl_numbers numbers;
};

/* ---- space (ESE: fcreate.cxx ErrFILECreateTableProcessSpaceHints) ---------------------------- */

static const struct ddl_index *primary_of(const struct ddl_table *t)
{
    for (unsigned i = 0; i < t->nr_indexes; i++)
        if (t->indexes[i].grbit & JET_bitIndexPrimary)
            return &t->indexes[i];
    return NULL;
}

static JET_ERR index_pages(const struct ddl_table *t, uint32_t page_size, uint32_t *ret)
{
    for (unsigned i = 0; i < t->nr_indexes; i++) {
        struct space_hints h = {0};
        JET_ERR err;

        if (t->indexes[i].hints)
            h = *t->indexes[i].hints;
        err = ddl_check_hints(&h, page_size);
        if (err < 0)
            return err;
        *ret += h.initial ? h.initial / page_size : 1;
    }
    return JET_errSuccess;
}

static JET_ERR plan_space(struct making *m)
{
    const struct ddl_table *t = m->t;
    const struct ddl_index *primary = primary_of(t);
    const uint32_t page = m->d->page_size;
    const struct space_hints *given = primary ? primary->hints : t->hints;
    struct space_hints lv = t->lv_hints ? *t->lv_hints : (struct space_hints){0};
    uint32_t pages = 0;
    JET_ERR err = index_pages(t, page, &pages);

    if (err >= 0 && primary && t->hints)
        err = RAISE(JET_errSpaceHintsInvalid);
    if (err >= 0)
        err = ddl_check_hints(&lv, page);
    if (err < 0)
        return err;
    m->hints = given ? *given : (struct space_hints){0};
    if (!given)
        m->hints.density = primary && primary->density ? primary->density : t->density;
    err = ddl_check_hints(&m->hints, page);
    if (err < 0)
        return err;
    if (!primary)
        pages += m->hints.initial ? m->hints.initial / page : 1;
    if (pages < t->pages)
        pages = t->pages;
    if (pages > INT32_MAX / page)
        return RAISE(JET_errSpaceHintsInvalid);
    if (pages * page > m->hints.initial)
        m->hints.initial = pages * page;
    if (m->hints.initial == page)
        m->hints.initial = 0;
    return JET_errSuccess;
}

/* A tree that was just made, under the care of the version store. */
static JET_ERR take_tree(struct sess *s, struct tree *parent, pgno_t pgno, objid_t objid,
                         bool unique, uint32_t page_flags, bool shared, struct tree **ret)
{
    JET_ERR err = tree_get(parent->db, pgno, objid, unique, page_flags, parent->root, ret);

    if (err < 0) {
        const JET_ERR freed = space_free_tree(s, parent, pgno, objid);

        (void)freed; /* else leaked */
        return err;
    }
    err = ddl_ver_tree(s, parent, *ret, shared);
    if (err < 0)
        tree_put(*ret);
    return err;
}

static JET_ERR make_tree(struct making *m)
{
    const uint32_t pages = m->hints.initial / m->d->page_size;
    struct tree *root;
    JET_ERR err = space_root(m->d, &root);

    if (err < 0)
        return err;
    err = space_create_tree(m->s, root, SPACE_NEW_TABLE, pages ? pages : 1, false, &m->pgno,
                            &m->objid);
    if (err >= 0)
        err = take_tree(m->s, root, m->pgno, m->objid, true, 0, false, &m->tree);
    tree_put(root);
    if (err >= 0)
        fcb_tree_hints(m->tree, m->hints.density, &m->hints);
    return err;
}

JET_ERR ddl_make_index_tree(struct sess *s, struct tree *table, const struct space_hints *h,
                            bool unique, bool shared, struct index *ix)
{
    const uint32_t pages = h->initial / table->db->page_size;
    struct tree *t;
    JET_ERR err = space_create_tree(s, table, unique ? SPACE_NEW_INDEX : SPACE_NEW_INDEX_NON_UNIQUE,
                                    pages ? pages : 1, false, &ix->pgno, &ix->objid);

    if (err >= 0)
        err = take_tree(s, table, ix->pgno, ix->objid, unique,
                        PAGE_INDEX | (unique ? 0u : (uint32_t)PAGE_NON_UNIQUE), shared, &t);
    if (err < 0)
        return err;
    fcb_tree_hints(t, h->density, h);
    tree_put(t);
    return JET_errSuccess;
}

/* ---- the table's row ------------------------------------------------------------------------- */

static JET_ERR insert_table_row(struct making *m, struct slice name, struct slice from)
{
    const struct ddl_table *t = m->t;
    uint8_t intrinsic[4], b[HINTS_LEN_MAX], lv[HINTS_LEN_MAX];
    struct catrow row = {
        .objid_table = m->objid,
        .type = CATROW_TABLE,
        .id = m->objid,
        .coltyp_or_pgno = m->pgno,
        .space = m->hints.density,
        .flags = m->flags,
        .pages_or_locale = m->hints.initial / m->d->page_size,
        .lv_chunk = t->lv_chunk,
        .name = name,
        .template_name = from,
    };
    JET_ERR err;

    row.space_hints = (struct slice){b, catrow_hints_encode(&m->hints, HINTS_FROM_FLAGS, b)};
    if (t->lv_hints) {
        struct space_hints h = *t->lv_hints;

        err = ddl_check_hints(&h, m->d->page_size);
        if (err < 0)
            return err;
        row.lv_hints = (struct slice){lv, catrow_hints_encode(&h, HINTS_FROM_DENSITY, lv)};
    }
    put_le32(intrinsic, t->intrinsic_most);
    if (t->intrinsic_most)
        row.separate_lv = (struct slice){intrinsic, sizeof(intrinsic)};
    err = cat_insert(&m->cat, &row);
    if (err == JET_errKeyDuplicate)
        err = RAISE(JET_errTableDuplicate);
    if (err >= 0)
        err = cat_objids_insert(&m->cat, m->objid, m->objid, CATROW_TABLE);
    return err;
}

/* ---- columns --------------------------------------------------------------------------------- */

JET_ERR ddl_number_column(struct ddl_numbers *n, enum ddl_place place, uint32_t most,
                          struct column *c)
{
    switch (place) {
    case DDL_TAGGED:
        if (n->tagged_last >= FID_TAGGED_MOST)
            return RAISE(JET_errTooManyColumns);
        c->fid = (uint16_t)++n->tagged_last;
        break;
    case DDL_FIXED:
        if (n->fixed_end + c->max_len > most)
            return RAISE(JET_errRecordTooBig);
        if (n->fixed_last >= FID_FIXED_MOST)
            return RAISE(JET_errTooManyColumns);
        c->fid = ++n->fixed_last;
        c->offset = n->fixed_end;
        c->len = c->max_len;
        n->fixed_end += c->len;
        break;
    default:
        if (n->var_last >= FID_VAR_MOST)
            return RAISE(JET_errTooManyColumns);
        c->fid = ++n->var_last;
        break;
    }
    c->id = c->fid;
    return JET_errSuccess;
}

static uint32_t record_most(const struct making *m)
{
    const struct ddl_index *primary = primary_of(m->t);
    const bool own = primary && (primary->grbit & JET_bitIndexKeyMost);

    return recbuf_most(m->d->page_size, own ? primary->key_most : INDEX_KEY_DEFAULT);
}

static const struct column *template_column(const struct making *m, const char *name)
{
    for (unsigned i = 0; m->from_tdb && i < m->from_tdb->schema.nr_columns; i++)
        if (text_name_cmp(m->from_tdb->schema.columns[i].name, name) == 0)
            return &m->from_tdb->schema.columns[i];
    return NULL;
}

static JET_ERR check_special(struct making *m, const struct column *c)
{
    bool *has = c->flags & COLUMN_VERSION          ? &m->has_version
                : c->flags & COLUMN_AUTO_INCREMENT ? &m->has_auto_inc
                                                   : NULL;

    if (!has)
        return JET_errSuccess;
    if (*has)
        return RAISE(JET_errColumnRedundant);
    *has = true;
    return JET_errSuccess;
}

static JET_ERR make_column(struct making *m, struct ddl_column *from, struct column *c)
{
    const enum ddl_place place = ddl_place_of(from);
    struct cat_name name;
    JET_ERR err = cat_name_from(from->name, &name), warning;

    if (err >= 0 && template_column(m, from->name))
        err = RAISE(JET_errColumnDuplicate);
    if (err >= 0)
        err = ddl_check_column(from, true, m->d->update_major, c);
    warning = err;
    if (err >= 0 && place != DDL_TAGGED && m->from &&
        (m->from->def.flags & TABLE_NO_FIXED_VAR_IN_DERIVED))
        err = RAISE(JET_errCannotAddFixedVarColumnToDerivedTable);
    if (err >= 0)
        err = ddl_number_column(&m->numbers, place, record_most(m), c);
    if (err >= 0)
        err = check_special(m, c);
    if (err < 0)
        return err;
    c->name = from->name;
    if (m->is_template) {
        c->flags |= COLUMN_TEMPLATE98;
        c->id |= COLUMN_ID_TEMPLATE;
    }
    from->columnid = c->id;
    err = ddl_insert_column_row(&m->cat, m->objid, cat_name_slice(&name), c, from->value);
    return err < 0 ? err : warning;
}

static JET_ERR make_columns(struct making *m)
{
    for (unsigned i = 0; i < m->t->nr_columns; i++) {
        struct ddl_column *c = &m->t->columns[i];

        c->err = make_column(m, c, &m->columns[i]);
        if (c->err < 0)
            return c->err;
        m->t->nr_created++;
    }
    return JET_errSuccess;
}

/* ---- indexes --------------------------------------------------------------------------------- */

static const struct column *find_column(void *ctx, const char *name)
{
    const struct making *m = ctx;

    for (unsigned i = 0; i < m->t->nr_columns; i++)
        if (text_name_cmp(m->t->columns[i].name, name) == 0)
            return &m->columns[i];
    return template_column(m, name);
}

/* Its tree, or the table's. */
static JET_ERR place_index(struct making *m, const struct space_hints *h, struct index *ix)
{
    if (!(ix->flags & INDEX_PRIMARY))
        return ddl_make_index_tree(m->s, m->tree, h, ix->flags & INDEX_UNIQUE, false, ix);
    if (m->has_primary)
        return RAISE(JET_errIndexHasPrimary);
    m->has_primary = true;
    ix->objid = m->objid;
    ix->pgno = m->pgno;
    return JET_errSuccess;
}

static JET_ERR make_index(struct making *m, const struct ddl_index *x)
{
    struct ddl_index_def def;
    JET_ERR err = ddl_check_index(x, m->d->page_size, m->d->update_major, m->hints.density, &def);

    if (err >= 0)
        err = ddl_index_columns(x, find_column, m, &def);
    if (err >= 0)
        err = place_index(m, &def.hints, &def.ix);
    if (err < 0)
        return err;
    if (m->is_template)
        def.ix.flags |= INDEX_TEMPLATE;
    return ddl_insert_index_row(&m->cat, m->objid, cat_name_slice(&def.name), &def.ix, &def.hints);
}

static JET_ERR make_indexes(struct making *m)
{
    if (m->t->nr_indexes && m->t->nr_columns == 0)
        return RAISE(JET_errInvalidCreateIndex);
    for (unsigned i = 0; i < m->t->nr_indexes; i++) {
        struct ddl_index *x = &m->t->indexes[i];

        x->err = make_index(m, x);
        if (x->err < 0)
            return x->err;
        m->t->nr_created++;
    }
    return JET_errSuccess;
}

/* A copy of the template's, with a tree of its own. What the copy says of text that has none is
 * what ESE's memory has of it. */
static JET_ERR inherit_index(struct making *m, const struct fcb_index *from)
{
    struct index ix = from->def;
    struct space_hints h = {.density = from->density, .initial = from->hints.initial};
    struct cat_name name;
    JET_ERR err = cat_name_from(from->def.name, &name);

    if (err < 0)
        return err;
    ix.flags = (uint16_t)((ix.flags & ~INDEX_TEMPLATE) | INDEX_DERIVED);
    if (!(ix.flags & INDEX_LOCALIZED_TEXT)) {
        ix.lcmap_flags = 0;
        ix.locale = "en-US";
    }
    if (from->primary) {
        const struct column *segments[INDEX_SEGMENTS_MAX];

        h.initial = m->from->hints.initial == m->d->page_size ? 0 : m->from->hints.initial;
        for (unsigned i = 0; i < ix.nr_segments; i++) {
            segments[i] = tdb_segment(m->from_tdb, &ix.segments[i]);
            if (!segments[i])
                return RAISE(JET_errCatalogCorrupted);
        }
        ix.key_most = ddl_primary_key_most(&ix, segments);
        if (ix.segment_most > ix.key_most)
            ix.segment_most = ix.key_most;
    }
    err = place_index(m, &h, &ix);
    return err < 0 ? err : ddl_insert_index_row(&m->cat, m->objid, cat_name_slice(&name), &ix, &h);
}

/* The primary one, then the others, newest first, as ESE's list has them. */
static JET_ERR inherit_indexes(struct making *m)
{
    const struct tdb *t = m->from_tdb;
    JET_ERR err = JET_errSuccess;

    if (!t)
        return err;
    if (t->primary)
        err = inherit_index(m, t->primary);
    for (unsigned i = 0; err >= 0 && i < t->nr_indexes; i++)
        err = inherit_index(m, t->indexes[i]);
    return err;
}

/* ---- all together ---------------------------------------------------------------------------- */

static JET_ERR open_template(struct making *m, struct cat_name *ret_name)
{
    objid_t objid;
    JET_ERR err;

    m->numbers = (struct ddl_numbers){.var_last = FID_VAR_LEAST - 1,
                                      .tagged_last = FID_TAGGED_LEAST - 1,
                                      .fixed_end = sizeof(struct rec_hdr_disk)};
    ret_name->len = 0;
    if (!m->t->template_name)
        return JET_errSuccess;
    if (m->is_template)
        return RAISE(JET_errCannotNestDDL);
    err = cat_name_from(m->t->template_name, ret_name);
    if (err >= 0)
        err = fcb_lookup(m->s, m->d, cat_name_slice(ret_name), &objid);
    if (err >= 0)
        err = fcb_get(m->s, m->d, objid, &m->from);
    if (err < 0)
        return err;
    if (!(m->from->def.flags & TABLE_TEMPLATE))
        return RAISE(JET_errDDLNotInheritable);
    err = fcb_refresh(m->from, &m->from_tdb);
    if (err < 0)
        return err;
    m->numbers.fixed_last = m->from->cols->fixed_last;
    m->numbers.var_last = m->from->cols->var_last;
    m->numbers.fixed_end = m->from->cols->fixed_end;
    m->has_auto_inc = m->from_tdb->auto_inc;
    m->has_version = m->from_tdb->version;
    return JET_errSuccess;
}

static JET_ERR make_rows(struct making *m, struct slice name)
{
    struct cat_name from;
    JET_ERR err = open_template(m, &from);

    if (err >= 0)
        err = make_tree(m);
    if (err >= 0) {
        m->t->nr_created = 1;
        err = insert_table_row(m, name, cat_name_slice(&from));
    }
    if (err >= 0)
        err = inherit_indexes(m);
    if (err >= 0)
        err = make_columns(m);
    if (err >= 0)
        err = make_indexes(m);
    return err;
}

enum { UPDATE_ROOT_AUTO_INC = 30 }; /* formats from which the root has the auto-increment counter */

/* Everything is in the catalogue: open it, as its maker sees it. */
static JET_ERR open_made(struct making *m, struct fcb **ret)
{
    const unsigned how =
        FCB_DENY_READ | ((m->flags & TABLE_FIXED_DDL) && !m->is_template ? FCB_PERMIT_DDL : 0);
    JET_ERR err = fcb_get(m->s, m->d, m->objid, ret);

    if (err < 0)
        return err;
    err = fcb_use(m->s, *ret, how);
    if (err < 0) {
        fcb_unref(*ret);
        return err;
    }
    if (m->has_auto_inc && m->d->update_major >= UPDATE_ROOT_AUTO_INC)
        err = space_set_auto_inc(m->s, m->tree, 0);
    if (err >= 0)
        err = ddl_ver_table_new(m->s, m->d, m->objid);
    else
        fcb_forget(*ret);
    if (err < 0)
        fcb_close(m->s, *ret, how);
    return err;
}

static void making_done(struct making *m)
{
    cat_close(&m->cat);
    tdb_put(m->from_tdb);
    fcb_unref(m->from);
    tree_put(m->tree);
    free(m->columns);
}

JET_ERR ddl_make_table(struct sess *s, struct db *d, struct ddl_table *t, uint32_t flags,
                       struct fcb **ret)
{
    struct making m = {.s = s, .d = d, .t = t, .flags = flags};
    struct cat_name name;
    JET_ERR err = cat_name_from(t->name, &name);

    t->nr_created = 0;
    m.is_template = flags & TABLE_TEMPLATE;
    if (err < 0)
        return err;
    m.columns = calloc((size_t)t->nr_columns + 1, sizeof(*m.columns));
    if (!m.columns)
        return RAISE(JET_errOutOfMemory);
    err = plan_space(&m);
    if (err >= 0)
        err = cat_open(&m.cat, s, d);
    if (err >= 0)
        err = make_rows(&m, cat_name_slice(&name));
    if (err >= 0)
        err = open_made(&m, ret);
    making_done(&m);
    return err;
}

static JET_ERR flags_of(const struct ddl_table *t, uint32_t *ret)
{
    const uint32_t known = JET_bitTableCreateFixedDDL | JET_bitTableCreateTemplateTable |
                           JET_bitTableCreateNoFixedVarColumnsInDerivedTables;
    const bool is_template = t->grbit & JET_bitTableCreateTemplateTable;

    if (t->grbit & ~known)
        return RAISE(JET_errInvalidGrbit);
    if ((t->grbit & JET_bitTableCreateNoFixedVarColumnsInDerivedTables) && !is_template)
        return RAISE(JET_errInvalidGrbit);
    *ret = is_template ? (uint32_t)TABLE_TEMPLATE | TABLE_FIXED_DDL : 0;
    if (t->grbit & JET_bitTableCreateFixedDDL)
        *ret |= TABLE_FIXED_DDL;
    if (t->grbit & JET_bitTableCreateNoFixedVarColumnsInDerivedTables)
        *ret |= TABLE_NO_FIXED_VAR_IN_DERIVED;
    if (t->template_name)
        *ret |= TABLE_DERIVED;
    return JET_errSuccess;
}

JET_ERR ddl_create_table(struct sess *s, struct db *d, struct ddl_table *t, struct fcb **ret)
{
    struct fcb *f = NULL;
    unsigned how;
    uint32_t flags = 0;
    JET_ERR err = d->read_only ? RAISE(JET_errDatabaseFileReadOnly) : flags_of(t, &flags);

    t->nr_created = 0;
    if (err >= 0)
        err = trx_begin(s);
    if (err < 0)
        return err;
    err = cat_end(s, ddl_make_table(s, d, t, flags, &f), s->lazy_default);
    if (err < 0)
        return err;
    if (ret) {
        *ret = f;
        return JET_errSuccess;
    }
    how = FCB_DENY_READ |
          ((flags & TABLE_FIXED_DDL) && !(flags & TABLE_TEMPLATE) ? FCB_PERMIT_DDL : 0);
    fcb_close(s, f, how);
    return JET_errSuccess;
}
