/* The catalogue of a new database (ESE: cat.cxx ErrCATCreate, ErrCATCreateMSObjids,
 * ErrCATCreateMSLocales; write path 1.2). */
#include <stdlib.h>

#include "btree/spacewrite.h"
#include "rec/ddl_priv.h"
#include "rec/text.h"

enum { /* ESE: cat.hxx cpgMSOInitial, CpgCATShadowInitial */
       CATALOG_PAGES = 20,
       SHADOW_PAGES = 5,
       SHADOW_PAGES_2K = 6,
       TABLE_SYSTEM_DYNAMIC = 0x08000000,
};

/* In the order in which ESE writes the rows, with what it says of them (ESE: _cat.cxx
 * rgcdescMSO). */
static const struct {
    uint16_t fid;
    bool not_null;
} column_order[] = {
    {CATROW_FID_OBJID_TABLE, true},
    {CATROW_FID_TYPE, true},
    {CATROW_FID_ID, true},
    {CATROW_FID_NAME, true},
    {CATROW_FID_COLTYP_OR_PGNO, true},
    {CATROW_FID_SPACE, true},
    {CATROW_FID_FLAGS, true},
    {CATROW_FID_PAGES_OR_LOCALE, true},
    {CATROW_FID_STATS, false},
    {CATROW_FID_ROOT_FLAG, false},
    {CATROW_FID_TEMPLATE, false},
    {CATROW_FID_RECORD_OFFSET, false},
    {CATROW_FID_DEFAULT, false},
    {CATROW_FID_KEY_FIDS, false},
    {CATROW_FID_SEGMENT_MOST, false},
    {CATROW_FID_CONDITIONS, false},
    {CATROW_FID_LCMAP_FLAGS, false},
    {CATROW_FID_KEY_MOST, false},
    {CATROW_FID_TUPLE_LIMITS, false},
    {CATROW_FID_VERSION, false},
    {CATROW_FID_SORT_ID, false},
    {CATROW_FID_CALLBACK_DATA, false},
    {CATROW_FID_CALLBACK_DEPENDENCIES, false},
    {CATROW_FID_SEPARATE_LV, false},
    {CATROW_FID_SPACE_HINTS, false},
    {CATROW_FID_LV_HINTS, false},
    {CATROW_FID_LOCALE, false},
    {CATROW_FID_LV_CHUNK, false},
    /* PgnoFDPLastSetTime came with formats that this engine does not create */
};

static struct slice text_slice(const char *s)
{
    return (struct slice){(const uint8_t *)s, (uint32_t)strlen(s)};
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* Their places are hard-coded in every engine. */
static JET_ERR make_tree(struct sess *s, struct tree *parent, enum space_new kind, uint32_t pages,
                         pgno_t want_pgno, objid_t want_objid)
{
    pgno_t pgno;
    objid_t objid;
    JET_ERR err = space_create_tree(s, parent, kind, pages, true, &pgno, &objid);

    if (err >= 0 && (pgno != want_pgno || objid != want_objid))
        err = RAISE(JET_errInternalError);
    return err;
}

static JET_ERR make_trees(struct sess *s, struct db *d)
{
    struct tree *root, *id = NULL;
    JET_ERR err = space_root(d, &root);

    if (err < 0)
        return err;
    err = make_tree(s, root, SPACE_NEW_TABLE, CATALOG_PAGES, CATALOG_PGNO, CATALOG_OBJID);
    if (err >= 0)
        err = make_tree(s, root, SPACE_NEW_TABLE,
                        d->page_size == 2048 ? SHADOW_PAGES_2K : SHADOW_PAGES, CATALOG_SHADOW_PGNO,
                        CATALOG_SHADOW_OBJID);
    if (err >= 0)
        err = tree_get(d, CATALOG_PGNO, CATALOG_OBJID, true, 0, DB_ROOT_PGNO, &id);
    if (err >= 0)
        err = make_tree(s, id, SPACE_NEW_INDEX, 0, CATALOG_NAME_PGNO, CATALOG_NAME_OBJID);
    if (err >= 0)
        err = make_tree(s, id, SPACE_NEW_INDEX, 0, CATALOG_ROOT_PGNO, CATALOG_ROOT_OBJID);
    tree_put(id);
    tree_put(root);
    return err;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static JET_ERR table_rows(struct cat *c, objid_t objid, pgno_t pgno, const char *name,
                          uint32_t pages)
{
    const struct catrow row = {
        .objid_table = objid,
        .type = CATROW_TABLE,
        .id = objid,
        .coltyp_or_pgno = pgno,
        .space = CATALOG_DENSITY,
        .flags = (uint32_t)TABLE_SYSTEM | TABLE_FIXED_DDL,
        .pages_or_locale = pages,
        .name = text_slice(name),
    };
    JET_ERR err = cat_insert(c, &row);

    for (unsigned i = 0; err >= 0 && i < ARRAY_LEN(column_order); i++) {
        struct column col = *catrow_column_of(column_order[i].fid);

        /* every one has this place and code page: nobody looks there */
        col.offset = sizeof(struct rec_hdr_disk);
        col.cp = CP_ANSI;
        col.flags = column_order[i].not_null ? COLUMN_NOT_NULL : 0;
        err = ddl_insert_column_row(c, objid, text_slice(col.name), &col, (struct slice){NULL, 0});
    }
    return err;
}

static JET_ERR index_row(struct cat *c, objid_t objid_table, objid_t objid, pgno_t pgno,
                         const char *name, uint16_t flags, const uint16_t *fids, unsigned nr)
{
    const struct space_hints h = {.density = CATALOG_DENSITY};
    struct index ix = {
        .objid = objid,
        .pgno = pgno,
        .flags = flags,
        .xflags = INDEX_X_EXTENDED,
        .key_most = INDEX_KEY_DEFAULT,
        .segment_most = INDEX_KEY_DEFAULT,
        .lcmap_flags =
            SORTKEY_SORTKEY | SORTKEY_IGNORE_CASE | SORTKEY_IGNORE_KANA_TYPE | SORTKEY_IGNORE_WIDTH,
        .locale = "en-US",
        .nr_segments = nr,
    };

    for (unsigned i = 0; i < nr; i++)
        ix.segments[i].fid = fids[i];
    return ddl_insert_index_row(c, objid_table, text_slice(name), &ix, &h);
}

static JET_ERR index_rows(struct cat *c)
{
    static const uint16_t id[] = {CATROW_FID_OBJID_TABLE, CATROW_FID_TYPE, CATROW_FID_ID};
    static const uint16_t name[] = {CATROW_FID_OBJID_TABLE, CATROW_FID_TYPE, CATROW_FID_NAME};
    static const uint16_t root[] = {CATROW_FID_ROOT_FLAG, CATROW_FID_NAME};
    const uint16_t primary = INDEX_UNIQUE | INDEX_PRIMARY | INDEX_NO_NULL;
    JET_ERR err = index_row(c, CATALOG_OBJID, CATALOG_OBJID, CATALOG_PGNO, "Id", primary, id, 3);

    if (err >= 0)
        err = index_row(c, CATALOG_SHADOW_OBJID, CATALOG_SHADOW_OBJID, CATALOG_SHADOW_PGNO, "Id",
                        primary, id, 3);
    if (err >= 0)
        err = index_row(c, CATALOG_OBJID, CATALOG_NAME_OBJID, CATALOG_NAME_PGNO, "Name",
                        INDEX_UNIQUE | INDEX_NO_NULL, name, 3);
    if (err >= 0)
        err = index_row(c, CATALOG_OBJID, CATALOG_ROOT_OBJID, CATALOG_ROOT_PGNO, "RootObjects",
                        INDEX_UNIQUE | INDEX_SOME_NULLS, root, 2);
    return err;
}

JET_ERR ddl_fill_catalogue(struct sess *s, struct db *d)
{
    struct cat c;
    JET_ERR err = make_trees(s, d);

    if (err < 0)
        return err;
    err = cat_open(&c, s, d);
    if (err >= 0)
        err = table_rows(&c, CATALOG_OBJID, CATALOG_PGNO, "MSysObjects", CATALOG_PAGES);
    if (err >= 0)
        err = table_rows(&c, CATALOG_SHADOW_OBJID, CATALOG_SHADOW_PGNO, "MSysObjectsShadow",
                         d->page_size == 2048 ? SHADOW_PAGES_2K : SHADOW_PAGES);
    if (err >= 0)
        err = index_rows(&c);
    cat_close(&c);
    return err;
}

JET_ERR ddl_create_catalogue(struct sess *s, struct db *d, uint32_t nr)
{
    JET_ERR err = trx_begin(s);

    if (err >= 0)
        err = cat_end(s, space_create_root(s, d, nr), true);
    if (err >= 0)
        err = trx_begin(s);
    return err < 0 ? err : cat_end(s, ddl_fill_catalogue(s, d), false);
}

/* ---- MSysObjids ------------------------------------------------------------------------------ */

static JET_ERR make_system_table(struct sess *s, struct db *d, struct ddl_table *t, uint32_t flags)
{
    struct fcb *f;
    const unsigned how = FCB_DENY_READ | (flags & TABLE_FIXED_DDL ? FCB_PERMIT_DDL : 0);
    JET_ERR err =
        ddl_make_table(s, d, t, flags | (uint32_t)TABLE_SYSTEM | TABLE_SYSTEM_DYNAMIC, &f);

    if (err >= 0)
        fcb_close(s, f, how);
    return err;
}

static JET_ERR make_objids(struct sess *s, struct db *d)
{
    static const char key[] = "+objid\0";
    struct ddl_column columns[] = {
        {.name = "objid", .coltyp = JET_coltypLong, .grbit = JET_bitColumnTagged},
        {.name = "objidTable", .coltyp = JET_coltypLong, .grbit = JET_bitColumnTagged},
        {.name = "type", .coltyp = JET_coltypShort, .grbit = JET_bitColumnTagged},
    };
    struct ddl_index index = {.name = "primary",
                              .key = {(const uint8_t *)key, sizeof(key)},
                              .grbit = JET_bitIndexPrimary,
                              .density = 100};
    struct ddl_table t = {.name = "MSysObjids",
                          .pages = 1,
                          .density = 100,
                          .columns = columns,
                          .nr_columns = ARRAY_LEN(columns),
                          .indexes = &index,
                          .nr_indexes = 1};

    return make_system_table(s, d, &t, TABLE_FIXED_DDL);
}

static JET_ERR list_table(struct cat *c, objid_t objid)
{
    JET_ERR err;

    for (err = cat_first(c, objid); err >= 0; err = cat_next(c)) {
        const unsigned type = c->row.type;

        if (type != CATROW_TABLE && type != CATROW_LV &&
            !(type == CATROW_INDEX && c->row.id != objid))
            continue;
        err = cat_objids_insert(c, c->row.id, objid, type);
        if (err < 0)
            return err;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* Each table in a transaction of its own; the last one is durable. */
static JET_ERR list_tables(struct sess *s, struct db *d)
{
    const objid_t objids[] = {CATALOG_OBJID, CATALOG_SHADOW_OBJID, CATALOG_ROOT_OBJID + 1};
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; err >= 0 && i < ARRAY_LEN(objids); i++) {
        struct cat c;

        err = trx_begin(s);
        if (err < 0)
            break;
        err = cat_open(&c, s, d);
        if (err >= 0)
            err = list_table(&c, objids[i]);
        cat_close(&c);
        err = cat_end(s, err, true);
    }
    return err < 0 ? err : trx_wait_durable(s);
}

/* ---- MSysLocales ----------------------------------------------------------------------------- */

static JET_ERR make_locales(struct sess *s, struct db *d)
{
    static const char key[] = "+Key\0";
    static const uint8_t zero[4];
    struct ddl_column columns[] = {
        {.name = "Key", .coltyp = JET_coltypBinary, .grbit = JET_bitColumnVariable},
        {.name = "Type",
         .coltyp = JET_coltypUnsignedByte,
         .grbit = JET_bitColumnFixed | JET_bitColumnNotNULL},
        {.name = "iValue",
         .coltyp = JET_coltypLong,
         .grbit = JET_bitColumnFixed | JET_bitColumnEscrowUpdate,
         .value = {zero, sizeof(zero)}},
    };
    struct ddl_index index = {.name = "KeyPrimary",
                              .key = {(const uint8_t *)key, sizeof(key)},
                              .grbit = JET_bitIndexPrimary | JET_bitIndexDisallowTruncation,
                              .density = 92};
    struct ddl_table t = {.name = "MSysLocales",
                          .pages = 1,
                          .density = 92,
                          .columns = columns,
                          .nr_columns = ARRAY_LEN(columns),
                          .indexes = &index,
                          .nr_indexes = 1};
    JET_ERR err = make_system_table(s, d, &t, 0);

    return err < 0 ? err : ddl_fill_locales(s, d);
}

static JET_ERR mark_locales(struct sess *s, struct db *d)
{
    JET_ERR err = trx_begin(s);

    return err < 0 ? err : cat_end(s, ddl_mark_locales(s, d), true);
}

JET_ERR ddl_create_system_tables(struct sess *s, struct db *d)
{
    JET_ERR err = trx_begin(s);

    if (err >= 0)
        err = cat_end(s, make_objids(s, d), false);
    if (err >= 0)
        err = list_tables(s, d);
    if (err >= 0)
        err = trx_begin(s);
    if (err >= 0)
        err = cat_end(s, make_locales(s, d), false);
    if (err >= 0)
        err = trx_begin(s);
    return err < 0 ? err : cat_end(s, mark_locales(s, d), true);
}
