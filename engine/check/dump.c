/* ese_dump: the rows of tables, in primary order, in one of three forms. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "check/dump_priv.h"

enum { /* grbits of the API (ESE: jethdr.w JET_bitColumn..., JET_bitIndex...) */
       BIT_COLUMN_FIXED = 0x1,
       BIT_COLUMN_TAGGED = 0x2,
       BIT_INDEX_UNIQUE = 0x1,
       BIT_INDEX_PRIMARY = 0x2,
       BIT_INDEX_DISALLOW_NULL = 0x4,
       BIT_INDEX_IGNORE_NULL = 0x8,
       BIT_INDEX_IGNORE_ANY_NULL = 0x20,
       BIT_INDEX_IGNORE_FIRST_NULL = 0x40,
       BIT_INDEX_NULLS_HIGH = 0x400,
       BIT_INDEX_TUPLES = 0x1000,
       BIT_INDEX_KEY_MOST = 0x8000,
};

struct bit_pair {
    uint32_t stored, shown;
};

static uint32_t translate(uint32_t flags, const struct bit_pair *pairs, size_t nr)
{
    uint32_t ret = 0;

    for (size_t i = 0; i < nr; i++)
        if (flags & pairs[i].stored)
            ret |= pairs[i].shown;
    return ret;
}

/* ESE: info.cxx, ErrInfoGetTableColumnInfo. */
uint32_t dump_column_grbit(const struct column *c)
{
    static const struct bit_pair pairs[] = {
        {COLUMN_NOT_NULL, 0x4},           {COLUMN_VERSION, 0x8},
        {COLUMN_AUTO_INCREMENT, 0x10},    {COLUMN_MULTI_VALUED, 0x400},
        {COLUMN_ESCROW, 0x800},           {COLUMN_FINALIZE, 0x4000},
        {COLUMN_USER_DEFAULT, 0x8000},    {COLUMN_PLACEHOLDER, 0x10000},
        {COLUMN_DELETE_ON_ZERO, 0x20000}, {COLUMN_COMPRESSED, 0x80000},
        {COLUMN_ENCRYPTED, 0x100000},
    };
    uint32_t place = c->fid >= FID_TAGGED_LEAST ? BIT_COLUMN_TAGGED
                     : c->fid <= FID_FIXED_MOST ? BIT_COLUMN_FIXED
                                                : 0;

    return place | translate(c->flags, pairs, ARRAY_LEN(pairs));
}

/* ESE: fcreate.cxx, IDB::GrbitFromFlags. */
uint32_t dump_index_grbit(const struct index *ix)
{
    static const struct bit_pair set[] = {
        {INDEX_UNIQUE, BIT_INDEX_UNIQUE}, {INDEX_PRIMARY, BIT_INDEX_PRIMARY},
        {INDEX_CROSS_PRODUCT, 0x4000},    {INDEX_NO_TRUNCATION, 0x10000},
        {INDEX_NESTED, 0x20000},
    };
    static const struct bit_pair extended[] = {
        {INDEX_X_DOTNET_GUID, 0x40000},
        {INDEX_X_DEFERRED, 0x100000},
        {INDEX_X_OPTIONALLY_UNIQUE, 0x400000},
    };
    static const struct bit_pair clear[] = {
        {INDEX_ALL_NULLS, BIT_INDEX_IGNORE_NULL},
        {INDEX_FIRST_NULL, BIT_INDEX_IGNORE_FIRST_NULL},
        {INDEX_SOME_NULLS, BIT_INDEX_IGNORE_ANY_NULL},
    };
    uint32_t ret = translate(ix->flags, set, ARRAY_LEN(set)) |
                   translate(ix->xflags, extended, ARRAY_LEN(extended));

    if (ix->flags & INDEX_NO_NULL)
        ret |= BIT_INDEX_DISALLOW_NULL;
    else
        ret |= translate(~(uint32_t)ix->flags, clear, ARRAY_LEN(clear)) |
               (ix->flags & INDEX_NULLS_HIGH ? BIT_INDEX_NULLS_HIGH : 0u);
    if (ix->tuples)
        ret |= BIT_INDEX_TUPLES;
    if (ix->key_most > INDEX_KEY_DEFAULT)
        ret |= BIT_INDEX_KEY_MOST;
    return ret;
}

const char *dump_coltyp_name(unsigned coltyp)
{
    static const char *const names[] = {
        [JET_coltypBit] = "Bit",
        [JET_coltypUnsignedByte] = "UnsignedByte",
        [JET_coltypShort] = "Short",
        [JET_coltypLong] = "Long",
        [JET_coltypCurrency] = "Currency",
        [JET_coltypIEEESingle] = "IEEESingle",
        [JET_coltypIEEEDouble] = "IEEEDouble",
        [JET_coltypDateTime] = "DateTime",
        [JET_coltypBinary] = "Binary",
        [JET_coltypText] = "Text",
        [JET_coltypLongBinary] = "LongBinary",
        [JET_coltypLongText] = "LongText",
        [JET_coltypSLV] = "SLV",
        [JET_coltypUnsignedLong] = "UnsignedLong",
        [JET_coltypLongLong] = "LongLong",
        [JET_coltypGUID] = "GUID",
        [JET_coltypUnsignedShort] = "UnsignedShort",
        [JET_coltypUnsignedLongLong] = "UnsignedLongLong",
    };

    return coltyp < ARRAY_LEN(names) && names[coltyp] ? names[coltyp] : "?";
}

/* ---- one table --------------------------------------------------------------------------------- */

static JET_ERR record_fault(struct dump *d, const struct bt_node *n, const char *what)
{
    return fault(d->r, JET_errDatabaseCorrupted, 0, n->pgno, dbfile_offset(d->f, n->pgno),
                 "table %s, line %u: %s", d->table->name, n->line, what);
}

void dump_rows(struct dump *d, const struct dump_ops *ops)
{
    const uint32_t page_size = dbfile_page_size(d->f);
    struct bt_node n;
    JET_ERR err;

    bt_open(&d->bt, d->f, d->table->pgno, d->table->objid, 0);
    while ((err = bt_next(&d->bt, &n)) != JET_errNoCurrentRecord && d->out.err >= 0) {
        const char *what;
        if (err < 0) /* reported; what lies behind it is still to be had */
            continue;
        d->pgno = n.pgno;
        what = row_begin(&d->row, d->schema, n.data, tagged_layout_of(page_size, n.page_flags));
        if (what) {
            record_fault(d, &n, what);
            continue;
        }
        ops->row(d, &n);
        d->nr_rows++;
        if (d->row.what)
            record_fault(d, &n, d->row.what);
    }
    bt_close(&d->bt);
}

static void free_labels(struct dump *d)
{
    for (unsigned i = 0; d->labels && i < d->schema->nr_columns; i++)
        free(d->labels[i]);
    free(d->labels);
    d->labels = NULL;
}

static JET_ERR make_labels(struct dump *d, const struct dump_ops *ops)
{
    d->labels = calloc(d->schema->nr_columns + 1, sizeof(*d->labels));
    if (!d->labels)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < d->schema->nr_columns; i++) {
        d->labels[i] = ops->label(&d->schema->columns[i]);
        if (!d->labels[i])
            return RAISE(JET_errOutOfMemory);
    }
    return JET_errSuccess;
}

static JET_ERR dump_table(struct dump *d, const struct table *t, const struct dump_ops *ops)
{
    JET_ERR err;

    d->table = t;
    d->nr_rows = 0;
    err = schema_new(t, &d->schema);
    if (err < 0)
        return err;
    lv_init(&d->vr.lv, d->f, t->lv_pgno, t->lv_objid, t->lv_chunk);
    err = make_labels(d, ops);
    if (err >= 0) {
        ops->begin(d);
        dump_rows(d, ops);
        ops->end(d);
        d->nr_dumped++;
    }
    free_labels(d);
    lv_done(&d->vr.lv);
    schema_free(d->schema);
    return err;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static JET_ERR dump_named(struct dump *d, const struct dump_ops *ops)
{
    d->nr_tables = d->opts->nr_tables;
    for (unsigned i = 0; i < d->opts->nr_tables; i++) {
        const struct table *t = catalog_find(d->catalog, d->opts->tables[i]);
        JET_ERR err;
        if (!t) {
            fault(d->r, JET_errObjectNotFound, 0, 0, ESE_NO_OFFSET, "there is no table %s",
                  d->opts->tables[i]);
            continue;
        }
        err = dump_table(d, t, ops);
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

static JET_ERR dump_all(struct dump *d, const struct dump_ops *ops)
{
    d->nr_tables = d->catalog->nr_tables; /* a database has its system tables: more than one */
    for (unsigned i = 0; i < d->catalog->nr_tables; i++) {
        const struct table *t = d->catalog->tables[i];
        JET_ERR err;
        if (table_is_system(t) && !d->opts->system)
            continue;
        err = dump_table(d, t, ops);
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

static const struct dump_ops *ops_of(enum ese_dump_format format)
{
    switch (format) {
    case ESE_DUMP_CSV:
        return &dump_csv_ops;
    case ESE_DUMP_JSONL:
        return &dump_jsonl_ops;
    case ESE_DUMP_CANONICAL:
        return &dump_canonical_ops;
    }
    return NULL;
}

static JET_ERR dump_opened(struct dump *d)
{
    const struct dump_ops *ops = ops_of(d->opts->format);
    JET_ERR err;

    if (!ops)
        return RAISE(JET_errInvalidParameter);
    err = catalog_load_any(d->f, &d->catalog);
    if (err < 0)
        return err;
    err = d->opts->tables ? dump_named(d, ops) : dump_all(d, ops);
    if (err < 0)
        return err;
    err = out_flush(&d->out);
    if (err < 0) {
        errno = d->out.os_errno;
        return fault_io(d->r, err, ESE_NO_OFFSET, "writing the dump");
    }
    return out_finish(d->out.file, d->r);
}

JET_ERR ese_dump(int fd, const char *name, const struct ese_dump_opts *opts, FILE *out,
                 ese_fault_fn *report, void *ctx)
{
    struct reporter r = {.fn = report, .ctx = ctx, .file = name};
    struct dump *d = calloc(1, sizeof(*d));
    JET_ERR err;

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->r = &r;
    d->opts = opts;
    out_init(&d->out, out);
    err = dbfile_open(fd, &r, &d->f);
    if (err >= 0)
        err = dump_opened(d);
    catalog_free(d->catalog);
    dbfile_close(d->f);
    free(d);
    return err;
}
