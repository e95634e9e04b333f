/*
 * * eseutil load DB TABLE [FILE]: rows from CSV or JSON lines. The table is made if it is not
 * there; its columns are those that the input names. A row that cannot be loaded ends it: the rows
 * before it are in the table, and how many they are is said.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loadinput.h"
#include "loadvalue.h"
#include "scratch.h"

#define BATCH     1000u
#define COLUMN_CP 1200

struct wanted { /* of --types */
    const char *name;
    size_t len;
    JET_COLTYP type;
    bool multi;
};

struct column {
    char *name;
    JET_COLUMNID id;
    JET_COLTYP type;
    unsigned short cp;
    bool multi;
    bool set; /* in the row at hand: another value of it is one more */
};

struct load {
    struct scratch s;
    struct input in;
    const char *file, *table_name;
    JET_TABLEID table;
    struct wanted *wanted;
    size_t nr_wanted;
    struct column *columns;
    size_t nr;
    struct loaded value;
    uint64_t rows;
    struct bar bar;
};

/* ---- columns --------------------------------------------------------------------------------- */

/* NAME:TYPE or NAME:TYPE[]. */
static bool parse_type(const char *s, size_t len, struct wanted *ret)
{
    const char *colon = memrchr(s, ':', len);
    size_t type_len;

    if (!colon || colon == s)
        return false;
    type_len = len - (size_t)(colon + 1 - s);
    *ret = (struct wanted){.name = s, .len = (size_t)(colon - s)};
    ret->multi = type_len > 2 && memcmp(s + len - 2, "[]", 2) == 0;
    ret->type = coltyp_of_name(colon + 1, type_len - (ret->multi ? 2 : 0));
    return ret->type != JET_coltypNil;
}

static bool parse_types(struct load *l, const char *list)
{
    for (const char *p = list, *end; p; p = end ? end + 1 : NULL) {
        struct wanted *w = realloc(l->wanted, (l->nr_wanted + 1) * sizeof(*w));
        end = strchr(p, ',');
        if (!w)
            return false;
        l->wanted = w;
        if (!parse_type(p, end ? (size_t)(end - p) : strlen(p), &w[l->nr_wanted]))
            return false;
        l->nr_wanted++;
    }
    return true;
}

static const struct wanted *find_wanted(const struct load *l, const char *name)
{
    for (size_t i = 0; i < l->nr_wanted; i++)
        if (strlen(name) == l->wanted[i].len &&
            memcmp(name, l->wanted[i].name, l->wanted[i].len) == 0)
            return &l->wanted[i];
    return NULL;
}

static struct column *find_column(struct load *l, const char *name)
{
    for (size_t i = 0; i < l->nr; i++)
        if (strcmp(l->columns[i].name, name) == 0)
            return &l->columns[i];
    return NULL;
}

/* many: the value that is seen first comes in an array. */
static JET_ERR make_column(struct load *l, struct column *c, bool many)
{
    const struct wanted *w = find_wanted(l, c->name);
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .cp = COLUMN_CP};

    c->type = def.coltyp = w ? w->type : JET_coltypLongText;
    c->cp = def.cp;
    c->multi = many || (w && w->multi);
    if (c->multi)
        def.grbit = JET_bitColumnTagged | JET_bitColumnMultiValued;
    return JetAddColumn(l->s.ses, l->table, c->name, &def, NULL, 0, &c->id);
}

static JET_ERR add_column(struct load *l, const char *name, struct column **ret)
{
    struct column *c = realloc(l->columns, (l->nr + 1) * sizeof(*c));

    if (!c)
        return JET_errOutOfMemory;
    l->columns = c;
    c += l->nr;
    *c = (struct column){.name = strdup(name)};
    if (!c->name)
        return JET_errOutOfMemory;
    l->nr++;
    *ret = c;
    return JET_errSuccess;
}

/* The table's column of that name, made if it is not there. */
static JET_ERR need_column(struct load *l, const char *name, bool many)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    struct column *c;
    JET_ERR err;

    if (find_column(l, name))
        return JET_errSuccess;
    err = add_column(l, name, &c);
    if (err < 0)
        return err;
    err = JetGetTableColumnInfo(l->s.ses, l->table, name, &def, sizeof(def), JET_ColInfo);
    if (err == JET_errColumnNotFound)
        return make_column(l, c, many);
    c->id = def.columnid;
    c->type = def.coltyp;
    c->cp = def.cp;
    c->multi = def.grbit & JET_bitColumnMultiValued;
    return err < 0 ? err : JET_errSuccess;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int bad_row(struct load *l, const char *what, const char *column)
{
    bar_hide(&l->bar);
    fprintf(stderr, "eseutil: %s: line %lu%s%s: %s\n", l->file, l->in.line,
            column ? ": column " : "", column ? column : "", what);
    return EXIT_DAMAGED;
}

/* Whether the values of a row are to blame, not the database or the machine. */
static bool is_of_row(JET_ERR err)
{
    switch (err) {
    case JET_errKeyDuplicate:
    case JET_errKeyTruncated:
    case JET_errNullInvalid:
    case JET_errNullKeyDisallowed:
    case JET_errRecordTooBig:
    case JET_errColumnTooBig:
    case JET_errColumnDoesNotFit:
    case JET_errInvalidBufferSize:
    case JET_errInvalidColumnType:
    case JET_errMultiValuedDuplicate:
    case JET_errInvalidName:
    case JET_errTooManyColumns:
        return true;
    default:
        return false;
    }
}

static int failed(struct load *l, const char *doing, const char *column, JET_ERR err)
{
    if (is_of_row(err))
        return bad_row(l, ese_err_text(err), column);
    bar_hide(&l->bar);
    if (err == JET_errSecondaryIndexCorrupted || err == JET_errPrimaryIndexCorrupted) {
        fprintf(stderr,
                "eseutil: %s: an index of text follows the sort order of another engine; "
                "`eseutil compact` makes a database with our own\n",
                l->s.path);
        (void)scratch_failed(&l->s, doing, err);
        return EXIT_CANNOT;
    }
    return scratch_failed(&l->s, doing, err);
}

static int set_value(struct load *l, struct column *c, const struct cell *cell)
{
    /* the first value is the only one of most columns */
    JET_SETINFO info = {.cbStruct = sizeof(info), .itagSequence = c->set ? 0 : 1};
    JET_ERR err;

    if (cell->null)
        return EXIT_DONE;
    if (c->set && !c->multi)
        return bad_row(
            l,
            "several values, and it takes one (--types=NAME:TYPE[] makes one that takes several)",
            c->name);
    if (!load_value(c->type, c->cp, cell->text, cell->len, &l->value))
        return bad_row(l, "the value is not of the column's type", c->name);
    c->set = true;
    err = JetSetColumn(l->s.ses, l->table, c->id, l->value.b, (uint32_t)l->value.len,
                       l->value.len ? 0 : JET_bitSetZeroLength, &info);
    return err < 0 ? failed(l, "setting a column", c->name, err) : EXIT_DONE;
}

/* In CSV several values are one cell. */
static int set_cell(struct load *l, struct column *c, const struct cell *cell)
{
    struct row values = {0};
    int status = EXIT_DONE;

    if (l->in.json || cell->null || !c->multi || !input_array(cell->text, &values))
        status = set_value(l, c, cell);
    for (size_t i = 0; i < values.nr && status == EXIT_DONE; i++)
        status = set_value(l, c, &values.cells[i]);
    row_free(&values);
    return status;
}

/* CSV's header made the first columns. */
static struct column *column_of(struct load *l, const struct row *r, size_t i)
{
    return l->in.json ? find_column(l, r->cells[i].name) : &l->columns[i];
}

static int load_row(struct load *l, const struct row *r)
{
    int status = EXIT_DONE;
    JET_ERR err;

    for (size_t i = 0; l->in.json && i < r->nr; i++) {
        err = need_column(l, r->cells[i].name, r->cells[i].many);
        if (err < 0)
            return failed(l, "making a column", r->cells[i].name, err);
    }
    err = JetPrepareUpdate(l->s.ses, l->table, JET_prepInsert);
    if (err < 0)
        return failed(l, "inserting a row", NULL, err);
    for (size_t i = 0; i < l->nr; i++)
        l->columns[i].set = false;
    for (size_t i = 0; i < r->nr && status == EXIT_DONE; i++)
        status = set_cell(l, column_of(l, r, i), &r->cells[i]);
    if (status != EXIT_DONE)
        return status;
    err = JetUpdate(l->s.ses, l->table, NULL, 0, NULL);
    return err < 0 ? failed(l, "inserting a row", NULL, err) : EXIT_DONE;
}

/* Rows up to the end of a batch; *ret_nr: those that are in. */
static int read_rows(struct load *l, unsigned *ret_nr, bool *ret_more)
{
    struct row r = {0};
    int status = EXIT_DONE, got = 1;

    for (*ret_nr = 0; *ret_nr < BATCH && !scratch_interrupted(); ++*ret_nr) {
        row_free(&r);
        got = input_row(&l->in, &r);
        if (got <= 0)
            break;
        status = load_row(l, &r);
        if (status != EXIT_DONE)
            break;
    }
    row_free(&r);
    if (scratch_interrupted()) /* which ends a read with an error, too */
        status = EXIT_INTERRUPTED;
    else if (got < 0)
        status = bad_row(l, l->in.what, NULL);
    *ret_more = got > 0;
    return status;
}

/* Some rows in one transaction: the good ones in front of a bad one too. */
static int load_batch(struct load *l, bool *ret_more)
{
    unsigned nr;
    int status;
    JET_ERR err = JetBeginTransaction(l->s.ses);

    if (err < 0)
        return failed(l, "beginning a transaction", NULL, err);
    status = read_rows(l, &nr, ret_more);
    if (status != EXIT_DONE)
        (void)!JetPrepareUpdate(l->s.ses, l->table, JET_prepCancel);
    err = JetCommitTransaction(l->s.ses, JET_bitCommitLazyFlush);
    if (err < 0)
        return failed(l, "committing", NULL, err);
    l->rows += nr;
    bar_progress(&l->bar, l->rows, 0);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static JET_ERR open_table(struct load *l)
{
    JET_ERR err = JetAttachDatabase(l->s.ses, l->s.path, 0);

    if (err >= 0)
        err = JetOpenDatabase(l->s.ses, l->s.path, NULL, &l->s.db, 0);
    if (err < 0)
        return err;
    err = JetOpenTable(l->s.ses, l->s.db, l->table_name, NULL, 0, 0, &l->table);
    if (err == JET_errObjectNotFound)
        err = JetCreateTable(l->s.ses, l->s.db, l->table_name, 1, 100, &l->table);
    return err;
}

static int load_rows(struct load *l)
{
    bool more = true;
    int status = EXIT_DONE;
    JET_ERR err = open_table(l);

    if (err < 0)
        return scratch_failed(&l->s, "opening the table", err);
    for (size_t i = 0; !l->in.json && status == EXIT_DONE && i < l->in.header.nr; i++) {
        err = need_column(l, l->in.header.cells[i].text, false);
        if (err < 0)
            status = failed(l, "making a column", l->in.header.cells[i].text, err);
    }
    while (more && status == EXIT_DONE)
        status = load_batch(l, &more);
    return status;
}

/* CSV names all its columns at once: one of --types that is not among them is misspelt. NULL: none
 * is. */
static const struct wanted *misspelt(const struct load *l)
{
    for (size_t i = 0; !l->in.json && i < l->nr_wanted; i++) {
        const struct wanted *w = &l->wanted[i];
        bool found = false;
        for (size_t k = 0; k < l->in.header.nr && !found; k++)
            found = find_wanted(l, l->in.header.cells[k].text) == w;
        if (!found)
            return w;
    }
    return NULL;
}

static int load(struct load *l, const char *path, const struct common *common)
{
    const struct wanted *w;
    int status;

    if (!l->in.json && input_header(&l->in) < 0)
        return bad_row(l, l->in.what, NULL);
    w = misspelt(l);
    if (w)
        return usage_error(&command_load, "--types: the input has no column %.*s", (int)w->len,
                           w->name);
    status = scratch_begin(&l->s, path, 0, 0);
    bar_begin(&l->bar, common, l->table_name, 0);
    if (status == EXIT_DONE)
        status = load_rows(l);
    bar_end(&l->bar);
    status = scratch_end(&l->s, status);
    printf("%" PRIu64 " rows loaded into %s\n", l->rows, l->table_name);
    return status;
}

/* What FILE's name says; the format that was asked for is more. */
static bool is_json(const char *file, const char *format)
{
    const char *dot = strrchr(file, '.');

    if (format)
        return strcmp(format, "jsonl") == 0;
    return dot &&
           (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".json") == 0 || strcmp(dot, ".ndjson") == 0);
}

static void load_done(struct load *l)
{
    if (l->in.f && l->in.f != stdin)
        fclose(l->in.f);
    for (size_t i = 0; i < l->nr; i++)
        free(l->columns[i].name);
    free(l->columns);
    free(l->wanted);
    free(l->value.b);
    row_free(&l->in.header);
}

static int run_load(struct load *l, const char *types, const char *path,
                    const struct common *common)
{
    if (types && !parse_types(l, types))
        return usage_error(&command_load, "--types is COLUMN:TYPE,..., such as id:Long");
    if (strcmp(l->file, "-") == 0)
        l->in.f = stdin;
    else
        l->in.f = fopen(l->file, "re");
    if (!l->in.f) {
        fprintf(stderr, "eseutil: %s: %s\n", l->file, strerror(errno));
        return EXIT_CANNOT;
    }
    return load(l, path, common);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"types", required_argument, NULL, 't'},
                                            {"format", required_argument, NULL, 'f'},
                                            COMMON_OPTIONS};
    struct load l = {.file = "-"};
    struct common common = {0};
    const char *format = NULL, *types = NULL;
    int opt, status;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 't')
            types = optarg;
        else if (opt == 'f')
            format = optarg;
        else
            common_option(&command_load, &common, opt);
    }
    if (argc < optind + 2 || argc > optind + 3)
        return usage_error(&command_load, "DB, TABLE and perhaps FILE are wanted");
    if (format && strcmp(format, "csv") != 0 && strcmp(format, "jsonl") != 0)
        return usage_error(&command_load, "the formats are csv and jsonl");
    l.table_name = argv[optind + 1];
    if (argc == optind + 3)
        l.file = argv[optind + 2];
    l.in.json = is_json(l.file, format);
    status = run_load(&l, types, argv[optind], &common);
    load_done(&l);
    return status;
}

const struct command command_load = {
    "load", run, "[--types=COLUMN:TYPE,...] [--format=csv|jsonl] DB TABLE [FILE]",
    "Loads rows into a table, which is made if it is not there",
    "      --types=LIST  types of columns that are made, \"id:Long,tags:LongText[]\" ([]: it "
    "takes\n"
    "                    several values); others become LongText. Types: Bit, UnsignedByte, "
    "Short,\n"
    "                    UnsignedShort, Long, UnsignedLong, LongLong, UnsignedLongLong, Currency,\n"
    "                    IEEESingle, IEEEDouble, DateTime, GUID, Binary, Text, LongBinary, "
    "LongText\n"
    "      --format=F    csv (the default; the first line names the columns) or jsonl\n"};
