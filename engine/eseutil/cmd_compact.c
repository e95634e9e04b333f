/*
 * * eseutil compact DB DEST: every table, index and row again in a new file, in order and without
 * what is free. DEST appears only when it is whole; DB is only read. One row is held in memory at
 * a time. Indexes of text are made by the sort order of this engine, whoever's it was in DB.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_int.h"
#include "api/utf.h"
#include "recover/formats.h"
#include "scratch.h"

#define BATCH 500u

struct copied {
    char name[3 * NAME_MOST + 1];
    uint32_t flags;
};

struct column_pair { /* of the table at hand */
    JET_COLUMNID from, to;
    bool has_default; /* a null is one that was set */
};

struct compact {
    struct scratch s; /* of DEST; the source is attached too */
    JET_DBID from;
    struct copied *tables;
    size_t nr;
    uint64_t rows;
    struct bar bar;
    struct column_pair *columns; /* by from */
    uint32_t nr_columns;
};

static void *enum_realloc(void *ctx, void *p, uint32_t len)
{
    (void)ctx;
    if (len == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, len);
}

/* ---- which tables ---------------------------------------------------------------------------- */

static JET_ERR add_table(struct compact *c, const JET_OBJECTLIST *list)
{
    struct copied *t = realloc(c->tables, (c->nr + 1) * sizeof(*t));
    uint32_t len = 0;
    JET_ERR err;

    if (!t)
        return JET_errOutOfMemory;
    c->tables = t;
    t += c->nr;
    memset(t, 0, sizeof(*t));
    err = JetRetrieveColumn(c->s.ses, list->tableid, list->columnidobjectname, t->name,
                            sizeof(t->name) - 1, &len, 0, NULL);
    if (err >= 0)
        err = JetRetrieveColumn(c->s.ses, list->tableid, list->columnidflags, &t->flags,
                                sizeof(t->flags), NULL, 0, NULL);
    if (err >= 0 && !(t->flags & JET_bitObjectSystem))
        c->nr++;
    return err;
}

static JET_ERR list_tables(struct compact *c)
{
    JET_OBJECTLIST list = {.cbStruct = sizeof(list)};
    JET_ERR err = JetGetObjectInfo(c->s.ses, c->from, JET_objtypTable, NULL, NULL, &list,
                                   sizeof(list), JET_ObjInfoListNoStats);

    if (err < 0)
        return err;
    for (err = JetMove(c->s.ses, list.tableid, JET_MoveFirst, 0); err >= 0;
         err = JetMove(c->s.ses, list.tableid, JET_MoveNext, 0)) {
        err = add_table(c, &list);
        if (err < 0)
            break;
    }
    (void)!JetCloseTable(c->s.ses, list.tableid);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* ---- the definition of one ------------------------------------------------------------------- */

struct definition { /* what JetCreateTableColumnIndex4W wants; freed by definition_done */
    JET_TABLECREATE4_W table;
    JET_SPACEHINTS hints, lv_hints;
    JET_COLUMNCREATE_W *columns;
    struct index_copy *indexes;
    JET_INDEXCREATE3_W *created; /* with the table: the primary one, and those of a template */
    uint32_t nr_columns, nr_indexes, nr_created;
};

struct index_copy {
    char name[3 * NAME_MOST + 1];
    JET_GRBIT grbit;
    bool with_table;
    void *block; /* a JET_INDEXCREATE3_W and what it points to */
};

static void definition_done(struct definition *d)
{
    for (uint32_t i = 0; i < d->nr_columns; i++) {
        free(d->columns[i].szColumnName);
        free(d->columns[i].pvDefault);
    }
    for (uint32_t i = 0; i < d->nr_indexes; i++)
        free(d->indexes[i].block);
    free(d->columns);
    free(d->indexes);
    free(d->created);
    free(d->table.szTableName);
    free(d->table.szTemplateTableName);
}

static JET_ERR get(const struct compact *c, JET_TABLEID t, JET_COLUMNID id, void *p, uint32_t len)
{
    JET_ERR err = JetRetrieveColumn(c->s.ses, t, id, p, len, NULL, 0, NULL);

    return err < 0 ? err : JET_errSuccess;
}

/* The row of a list as a column to make. */
static JET_ERR read_column(const struct compact *c, const JET_COLUMNLIST *l, JET_COLUMNCREATE_W *to)
{
    char name[3 * NAME_MOST + 1] = "";
    unsigned char value[JET_cbColumnMost];
    uint16_t cp = 0;
    JET_ERR err;

    if ((err = get(c, l->tableid, l->columnidcolumnname, name, sizeof(name) - 1)) < 0 ||
        (err = get(c, l->tableid, l->columnidcoltyp, &to->coltyp, 4)) < 0 ||
        (err = get(c, l->tableid, l->columnidCp, &cp, 2)) < 0 ||
        (err = get(c, l->tableid, l->columnidcbMax, &to->cbMax, 4)) < 0 ||
        (err = get(c, l->tableid, l->columnidgrbit, &to->grbit, 4)) < 0 ||
        (err = JetRetrieveColumn(c->s.ses, l->tableid, l->columnidDefault, value, sizeof(value),
                                 &to->cbDefault, 0, NULL)) < 0 ||
        (err = utf16_of(name, &to->szColumnName)) < 0)
        return err;
    to->cbStruct = sizeof(*to);
    to->grbit &= ~JET_bitColumnUpdatable;
    to->cp = cp;
    if (to->cbDefault == 0)
        return JET_errSuccess;
    to->pvDefault = malloc(to->cbDefault);
    if (!to->pvDefault)
        return JET_errOutOfMemory;
    memcpy(to->pvDefault, value, to->cbDefault);
    return JET_errSuccess;
}

/* Those of the table itself, in the order of their numbers; not the one that only holds a place in
 * a primary index. */
static JET_ERR read_columns(const struct compact *c, JET_TABLEID from, struct definition *d)
{
    JET_COLUMNLIST l = {.cbStruct = sizeof(l)};
    JET_ERR err =
        JetGetTableColumnInfo(c->s.ses, from, NULL, &l, sizeof(l),
                              JET_ColInfoListSortColumnid | JET_ColInfoGrbitNonDerivedColumnsOnly);

    if (err < 0)
        return err;
    d->columns = calloc(l.cRecord + 1, sizeof(*d->columns));
    err = d->columns ? JetMove(c->s.ses, l.tableid, JET_MoveFirst, 0) : JET_errOutOfMemory;
    while (err >= 0) {
        JET_COLUMNCREATE_W *to = &d->columns[d->nr_columns++];
        err = read_column(c, &l, to);
        if (err >= 0 && to->grbit & JET_bitColumnRenameConvertToPrimaryIndexPlaceholder) {
            free(to->szColumnName);
            free(to->pvDefault);
            memset(to, 0, sizeof(*to));
            d->nr_columns--;
        }
        if (err >= 0)
            err = JetMove(c->s.ses, l.tableid, JET_MoveNext, 0);
    }
    (void)!JetCloseTable(c->s.ses, l.tableid);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* An index as JetCreateIndex4W wants it, out of one block of memory that the engine fills. */
static JET_ERR describe_index(const struct compact *c, JET_TABLEID from, struct index_copy *x)
{
    static const uint32_t room = 65536;
    JET_WCHAR *wide;
    JET_ERR err = utf16_of(x->name, &wide);

    if (err < 0)
        return err;
    x->block = malloc(room);
    err = x->block
              ? JetGetTableIndexInfoW(c->s.ses, from, wide, x->block, room, JET_IdxInfoCreateIndex3)
              : JET_errOutOfMemory;
    free(wide);
    return err;
}

/* The row of a list: one for each column of an index. */
static JET_ERR read_index(const struct compact *c, JET_TABLEID from, const JET_INDEXLIST *l,
                          struct definition *d)
{
    struct index_copy *x = &d->indexes[d->nr_indexes];
    uint32_t i_column = 0;
    JET_ERR err;

    memset(x, 0, sizeof(*x));
    if ((err = get(c, l->tableid, l->columnidiColumn, &i_column, 4)) < 0 || i_column ||
        (err = get(c, l->tableid, l->columnidindexname, x->name, sizeof(x->name) - 1)) < 0 ||
        (err = get(c, l->tableid, l->columnidgrbitIndex, &x->grbit, 4)) < 0)
        return err;
    d->nr_indexes++;
    return describe_index(c, from, x);
}

static JET_ERR read_indexes(const struct compact *c, JET_TABLEID from, struct definition *d)
{
    JET_INDEXLIST l = {.cbStruct = sizeof(l)};
    JET_ERR err = JetGetTableIndexInfo(c->s.ses, from, NULL, &l, sizeof(l), JET_IdxInfoList);

    if (err < 0)
        return err;
    d->indexes = calloc(l.cRecord + 1, sizeof(*d->indexes));
    d->created = calloc(l.cRecord + 1, sizeof(*d->created));
    err = d->indexes && d->created ? JetMove(c->s.ses, l.tableid, JET_MoveFirst, 0)
                                   : JET_errOutOfMemory;
    while (err >= 0) {
        err = read_index(c, from, &l, d);
        if (err >= 0)
            err = JetMove(c->s.ses, l.tableid, JET_MoveNext, 0);
    }
    (void)!JetCloseTable(c->s.ses, l.tableid);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* Those of the template come with it. */
static JET_ERR drop_inherited(const struct compact *c, struct definition *d, const char *template)
{
    JET_TABLEID t;
    uint32_t kept = 0, cost;
    JET_ERR err;

    if (!*template)
        return JET_errSuccess;
    err = JetOpenTable(c->s.ses, c->from, template, NULL, 0, JET_bitTableReadOnly, &t);
    if (err < 0)
        return err;
    for (uint32_t i = 0; i < d->nr_indexes; i++) {
        err = JetGetTableIndexInfo(c->s.ses, t, d->indexes[i].name, &cost, sizeof(cost),
                                   JET_IdxInfoSpaceAlloc);
        if (err == JET_errIndexNotFound)
            d->indexes[kept++] = d->indexes[i];
        else
            free(d->indexes[i].block);
    }
    d->nr_indexes = kept;
    (void)!JetCloseTable(c->s.ses, t);
    return JET_errSuccess;
}

static JET_SPACEHINTS hints_of(const struct space_hints *h)
{
    return (JET_SPACEHINTS){.cbStruct = sizeof(JET_SPACEHINTS),
                            .ulInitialDensity = h->density,
                            .grbit = h->flags,
                            .ulMaintDensity = h->maint_density,
                            .ulGrowth = h->growth,
                            .cbMinExtent = h->min_extent,
                            .cbMaxExtent = h->max_extent};
}

/* What no call tells: how the table wants its space. */
static void read_hints(JET_TABLEID from, struct definition *d)
{
    const struct jcursor *c = handle_get(HANDLE_CURSOR, from);
    const struct fcb *f = c->c->fcb;

    d->hints = hints_of(&f->hints);
    d->lv_hints = hints_of(&f->lv_hints);
    d->table.pSeqSpacehints = &d->hints;
    for (uint32_t i = 0; i < d->nr_indexes; i++)
        if (d->indexes[i].grbit & JET_bitIndexPrimary) /* which has them itself */
            d->table.pSeqSpacehints = NULL;
    d->table.pLVSpacehints = &d->lv_hints;
    d->table.cbSeparateLV = f->intrinsic_most;
}

/* Indexes that are made behind the rows are made in one go, sorted; a template has no rows, and
 * what derives from it looks for them. */
static void choose_indexes(struct definition *d, uint32_t flags)
{
    for (uint32_t i = 0; i < d->nr_indexes; i++) {
        struct index_copy *x = &d->indexes[i];
        x->with_table = x->grbit & JET_bitIndexPrimary || flags & JET_bitObjectTableTemplate;
        if (x->with_table)
            memcpy(&d->created[d->nr_created++], x->block, sizeof(*d->created));
    }
    d->table.rgindexcreate = d->created;
    d->table.cIndexes = d->nr_created;
}

static JET_ERR define(const struct compact *c, const struct copied *t, JET_TABLEID from,
                      struct definition *d)
{
    static const struct {
        uint32_t flag;
        JET_GRBIT grbit;
    } map[] = {{JET_bitObjectTableFixedDDL, JET_bitTableCreateFixedDDL},
               {JET_bitObjectTableTemplate, JET_bitTableCreateTemplateTable},
               {JET_bitObjectTableNoFixedVarColumnsInDerivedTables,
                JET_bitTableCreateNoFixedVarColumnsInDerivedTables}};
    char template[3 * NAME_MOST + 1] = "";
    uint32_t space[2];
    JET_ERR err;

    d->table.cbStruct = sizeof(d->table);
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        d->table.grbit |= t->flags & map[i].flag ? map[i].grbit : 0;
    if ((err = JetGetTableInfo(c->s.ses, from, space, sizeof(space), JET_TblInfoSpaceAlloc)) < 0 ||
        (err = JetGetTableInfo(c->s.ses, from, template, sizeof(template),
                               JET_TblInfoTemplateTableName)) < 0 ||
        (err = utf16_of(t->name, &d->table.szTableName)) < 0 ||
        (*template && (err = utf16_of(template, &d->table.szTemplateTableName)) < 0) ||
        (err = read_columns(c, from, d)) < 0 || (err = read_indexes(c, from, d)) < 0 ||
        (err = drop_inherited(c, d, template)) < 0)
        return err;
    d->table.ulDensity = space[1];
    d->table.rgcolumncreate = d->columns;
    d->table.cColumns = d->nr_columns;
    read_hints(from, d);
    choose_indexes(d, t->flags);
    return JET_errSuccess;
}

static JET_ERR make_indexes(const struct compact *c, JET_TABLEID to, const struct definition *d)
{
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 0; i < d->nr_indexes && err >= 0; i++)
        if (!d->indexes[i].with_table)
            err = JetCreateIndex4W(c->s.ses, to, d->indexes[i].block, 1);
    return err;
}

/* ---- columns of the one and the other -------------------------------------------------------- */

static JET_ERR pair_column(struct compact *c, JET_TABLEID to, const JET_COLUMNLIST *l)
{
    char name[3 * NAME_MOST + 1] = "";
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    struct column_pair *p = &c->columns[c->nr_columns];
    uint32_t len = 0;
    JET_ERR err;

    if ((err = get(c, l->tableid, l->columnidcolumnname, name, sizeof(name) - 1)) < 0 ||
        (err = get(c, l->tableid, l->columnidcolumnid, &p->from, 4)) < 0 ||
        (err = JetRetrieveColumn(c->s.ses, l->tableid, l->columnidDefault, NULL, 0, &len, 0,
                                 NULL)) < 0)
        return err;
    err = JetGetTableColumnInfo(c->s.ses, to, name, &def, sizeof(def), JET_ColInfo);
    if (err == JET_errColumnNotFound) /* the place holder */
        return JET_errSuccess;
    p->to = def.columnid;
    p->has_default = len > 0;
    c->nr_columns++;
    return err;
}

static JET_ERR pair_columns(struct compact *c, JET_TABLEID from, JET_TABLEID to)
{
    JET_COLUMNLIST l = {.cbStruct = sizeof(l)};
    struct column_pair *p;
    JET_ERR err = JetGetTableColumnInfo(c->s.ses, from, NULL, &l, sizeof(l), JET_ColInfoList);

    if (err < 0)
        return err;
    c->nr_columns = 0;
    p = realloc(c->columns, (l.cRecord + 1) * sizeof(*p));
    if (p)
        c->columns = p;
    err = p ? JetMove(c->s.ses, l.tableid, JET_MoveFirst, 0) : JET_errOutOfMemory;
    while (err >= 0) {
        err = pair_column(c, to, &l);
        if (err >= 0)
            err = JetMove(c->s.ses, l.tableid, JET_MoveNext, 0);
    }
    (void)!JetCloseTable(c->s.ses, l.tableid);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_COLUMNID to_id(const struct compact *c, JET_COLUMNID from)
{
    for (uint32_t i = 0; i < c->nr_columns; i++)
        if (c->columns[i].from == from)
            return c->columns[i].to;
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static JET_ERR copy_values(struct compact *c, JET_TABLEID to, const JET_ENUMCOLUMN *cols,
                           uint32_t nr)
{
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 0; i < nr && err >= 0; i++) {
        const JET_COLUMNID id = to_id(c, cols[i].columnid);
        for (uint32_t n = 0;
             id && cols[i].err == JET_errSuccess && n < cols[i].cEnumColumnValue && err >= 0; n++) {
            const JET_ENUMCOLUMNVALUE *v = &cols[i].rgEnumColumnValue[n];
            JET_SETINFO info = {.cbStruct = sizeof(info), .itagSequence = n == 0 ? 1 : 0};
            err = JetSetColumn(c->s.ses, to, id, v->pvData, v->cbData,
                               v->cbData ? 0 : JET_bitSetZeroLength, &info);
        }
    }
    return err;
}

/* A null in place of a default was set; it is not among the values. */
static JET_ERR copy_nulls(struct compact *c, JET_TABLEID from, JET_TABLEID to)
{
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 0; i < c->nr_columns && err >= 0; i++) {
        if (!c->columns[i].has_default)
            continue;
        err = JetRetrieveColumn(c->s.ses, from, c->columns[i].from, NULL, 0, NULL, 0, NULL);
        if (err == JET_wrnColumnNull)
            err = JetSetColumn(c->s.ses, to, c->columns[i].to, NULL, 0, 0, NULL);
    }
    return err;
}

static void free_values(JET_ENUMCOLUMN *cols, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        for (uint32_t n = 0; cols[i].err == JET_errSuccess && n < cols[i].cEnumColumnValue; n++)
            free(cols[i].rgEnumColumnValue[n].pvData);
        if (cols[i].err == JET_errSuccess)
            free(cols[i].rgEnumColumnValue);
    }
    free(cols);
}

static JET_ERR copy_row(struct compact *c, JET_TABLEID from, JET_TABLEID to)
{
    JET_ENUMCOLUMN *cols = NULL;
    uint32_t nr = 0;
    JET_ERR err = JetEnumerateColumns(c->s.ses, from, 0, NULL, &nr, &cols, enum_realloc, NULL,
                                      UINT32_MAX, JET_bitEnumerateIgnoreDefault);

    if (err < 0)
        return err;
    err = JetPrepareUpdate(c->s.ses, to, JET_prepInsert);
    if (err >= 0)
        err = copy_values(c, to, cols, nr);
    if (err >= 0)
        err = copy_nulls(c, from, to);
    free_values(cols, nr);
    return err < 0 ? err : JetUpdate(c->s.ses, to, NULL, 0, NULL);
}

static JET_ERR copy_rows(struct compact *c, JET_TABLEID from, JET_TABLEID to)
{
    JET_ERR err = JetMove(c->s.ses, from, JET_MoveFirst, 0), err2;

    while (err >= 0 && !scratch_interrupted()) {
        err = JetBeginTransaction(c->s.ses);
        for (unsigned i = 0; i < BATCH && err >= 0; i++) {
            err = copy_row(c, from, to);
            if (err >= 0) {
                c->rows++;
                err = JetMove(c->s.ses, from, JET_MoveNext, 0);
            }
        }
        err2 = JetCommitTransaction(c->s.ses, JET_bitCommitLazyFlush);
        if (err2 < 0)
            return err2;
        bar_progress(&c->bar, c->rows, 0);
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR copy_table(struct compact *c, const struct copied *t)
{
    struct definition d = {.nr_columns = 0};
    JET_TABLEID from, to;
    JET_ERR err = JetOpenTable(c->s.ses, c->from, t->name, NULL, 0, JET_bitTableReadOnly, &from);

    if (err < 0)
        return err;
    err = define(c, t, from, &d);
    if (err >= 0)
        err = JetCreateTableColumnIndex4W(c->s.ses, c->s.db, &d.table);
    to = d.table.tableid;
    if (err >= 0)
        err = cursor_keep_numbers(to);
    if (err >= 0)
        err = pair_columns(c, from, to);
    if (err >= 0)
        err = copy_rows(c, from, to);
    if (err >= 0 && !scratch_interrupted())
        err = make_indexes(c, to, &d);
    if (err >= 0)
        err = JetCloseTable(c->s.ses, to);
    (void)!JetCloseTable(c->s.ses, from);
    definition_done(&d);
    return err;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Templates first, then what may derive from them. */
static int copy_tables(struct compact *c, bool templates)
{
    for (size_t i = 0; i < c->nr; i++) {
        JET_ERR err;
        if (templates != ((c->tables[i].flags & JET_bitObjectTableTemplate) != 0))
            continue;
        err = copy_table(c, &c->tables[i]);
        if (scratch_interrupted())
            return EXIT_INTERRUPTED;
        if (err < 0) {
            bar_hide(&c->bar);
            return scratch_failed(&c->s, c->tables[i].name, err);
        }
    }
    return EXIT_DONE;
}

static int copy_all(struct compact *c, const char *source)
{
    int status;
    JET_ERR err = JetAttachDatabase(c->s.ses, source, JET_bitDbReadOnly);

    if (err >= 0)
        err = JetOpenDatabase(c->s.ses, source, NULL, &c->from, JET_bitDbReadOnly);
    if (err >= 0)
        err = list_tables(c);
    if (err < 0)
        return scratch_refused(source, err);
    status = copy_tables(c, true);
    return status == EXIT_DONE ? copy_tables(c, false) : status;
}

/* The file is synced already: it is a database that was shut down. */
static int give_name(const char *partial, const char *dest)
{
    const char *slash = strrchr(dest, '/');
    char *dir = slash == dest ? strdup("/")
                : slash       ? strndup(dest, (size_t)(slash - dest))
                              : strdup(".");
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const bool good = fd >= 0 && rename(partial, dest) == 0 && fsync(fd) == 0;

    if (!good)
        perror(dest);
    if (fd >= 0)
        close(fd);
    free(dir);
    return good ? EXIT_DONE : EXIT_CANNOT;
}

/* DEST gets the format of the source, or the newest below it that is written. */
static uint32_t format_for(uint32_t update)
{
    const struct format_version *newest;

    return format_find(EFV_NEWEST_WRITTEN, &newest) >= 0 && update >= newest->db_major
               ? EFV_NEWEST_WRITTEN
               : EFV_DEFAULT;
}

static int make_copy(struct compact *c, const char *source, const char *partial,
                     const JET_DBINFOMISC *info, const struct common *common)
{
    JET_ERR err;
    int status = scratch_begin(&c->s, partial, info->cbPageSize, format_for(info->ulUpdate));

    bar_begin(&c->bar, common, source, 0);
    if (status == EXIT_DONE) {
        err = JetCreateDatabase2(c->s.ses, partial, 0, &c->s.db, 0);
        status = err < 0 ? say_error(partial, err) : copy_all(c, source);
    }
    bar_end(&c->bar);
    return status == EXIT_DONE ? scratch_end(&c->s, status) : scratch_abandon(&c->s, status);
}

static int compact(const char *source, const char *dest, const struct common *common)
{
    struct compact c = {.nr = 0};
    JET_DBINFOMISC info;
    char *partial;
    int status;
    JET_ERR err = JetGetDatabaseFileInfo(source, &info, sizeof(info), JET_DbInfoMisc);

    if (err < 0)
        return scratch_refused(source, err);
    if (access(dest, F_OK) == 0)
        return say_error(dest, JET_errFileAlreadyExists);
    if (asprintf(&partial, "%s.partial", dest) < 0)
        return say_error(dest, JET_errOutOfMemory);
    if (access(partial, F_OK) == 0) {
        fprintf(stderr,
                "eseutil: %s: it is there already: another compact is at work, or was killed; then "
                "remove it and %s.eseutil\n",
                partial, partial);
        free(partial);
        return EXIT_CANNOT;
    }
    status = make_copy(&c, source, partial, &info, common);
    if (status == EXIT_DONE)
        status = give_name(partial, dest);
    if (status == EXIT_DONE)
        printf("%zu tables, %" PRIu64 " rows\n", c.nr, c.rows);
    free(partial);
    free(c.tables);
    free(c.columns);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {COMMON_OPTIONS};
    struct common common = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1)
        common_option(&command_compact, &common, opt);
    if (argc != optind + 2)
        return usage_error(&command_compact, "DB and DEST are wanted");
    return compact(argv[optind], argv[optind + 1], &common);
}

const struct command command_compact = {"compact", run, "DB DEST",
                                        "Rewrites a database compactly into a new file", ""};
