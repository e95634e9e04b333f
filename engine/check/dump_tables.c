/*
 * ese_dump_tables: tables with columns, indexes and rows. As text, a paragraph for each table, made for
 * reading; as JSON, one object with everything.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fields.h"
#include "check/dump_priv.h"

struct tables_dump {
    struct dbfile *f;
    struct reporter r;
    FILE *out;
    struct fields fields; /* JSON */
    struct bt_cursor bt;
};

/* Nodes of a tree that are not flagged as deleted. */
static uint64_t count_nodes(struct tables_dump *d, pgno_t root, objid_t objid)
{
    struct bt_node n;
    uint64_t nr = 0;
    JET_ERR err;

    bt_open(&d->bt, d->f, root, objid, 0);
    while ((err = bt_next(&d->bt, &n)) != JET_errNoCurrentRecord)
        nr += err >= 0;
    bt_close(&d->bt);
    return nr;
}

static const char *place_name(uint16_t fid)
{
    return fid <= FID_FIXED_MOST ? "fixed" : fid <= FID_VAR_MOST ? "variable" : "tagged";
}

static const struct {
    uint32_t flag;
    const char *key, *words;
} column_flags[] = {
    {COLUMN_NOT_NULL, "NotNull", "not null"},
    {COLUMN_VERSION, "Version", "version"},
    {COLUMN_AUTO_INCREMENT, "AutoIncrement", "auto-increment"},
    {COLUMN_MULTI_VALUED, "MultiValued", "multi-valued"},
    {COLUMN_ESCROW, "EscrowUpdate", "escrow update"},
    {COLUMN_COMPRESSED, "Compressed", "compressed"},
    {COLUMN_ENCRYPTED, "Encrypted", "encrypted"},
    {COLUMN_USER_DEFAULT, "DefaultByCallback", "default by callback"},
};

/* "+name", "-name": ascending, descending. Conditions: "name is null", "name is not null". */
static void segment_text(const struct schema *s, const struct index_segment *seg, bool condition,
                         char *buf, size_t len)
{
    const struct column *c = schema_find(s, seg->fid, seg->from_template);
    const char *name = c ? c->name : "?";

    if (condition)
        snprintf(buf, len, "%s is %s", name, seg->must_be_null ? "null" : "not null");
    else
        snprintf(buf, len, "%c%s", seg->descending ? '-' : '+', name);
}

#define SEGMENT_TEXT_LEN 800

/* ---- text --------------------------------------------------------------------------------------- */

static void text_column(struct tables_dump *d, const struct column *c)
{
    char type[64];

    if (coltyp_is_text(c->coltyp))
        snprintf(type, sizeof(type), "%s(%" PRIu32 ", cp %" PRIu32 ")", dump_coltyp_name(c->coltyp),
                 c->max_len, c->cp);
    else if (coltyp_len(c->coltyp))
        snprintf(type, sizeof(type), "%s", dump_coltyp_name(c->coltyp));
    else
        snprintf(type, sizeof(type), "%s(%" PRIu32 ")", dump_coltyp_name(c->coltyp), c->max_len);
    fprintf(d->out, "    %10" PRIu32 "  %-24s %-24s %s", c->id, c->name, type, place_name(c->fid));
    for (size_t i = 0; i < ARRAY_LEN(column_flags); i++)
        if (c->flags & column_flags[i].flag)
            fprintf(d->out, ", %s", column_flags[i].words);
    if (c->has_default) {
        fputs(", default ", d->out);
        for (uint32_t i = 0; i < c->default_value.len; i++)
            fprintf(d->out, "%02x", c->default_value.p[i]);
    }
    putc('\n', d->out);
}

static void text_index(struct tables_dump *d, const struct schema *s, const struct index *ix)
{
    char buf[SEGMENT_TEXT_LEN];

    fprintf(d->out, "    %10s  %-24s", ix->flags & INDEX_PRIMARY ? "primary" : "index", ix->name);
    for (unsigned i = 0; i < ix->nr_segments; i++) {
        segment_text(s, &ix->segments[i], false, buf, sizeof(buf));
        fprintf(d->out, " %s", buf);
    }
    for (unsigned i = 0; i < ix->nr_conditions; i++) {
        segment_text(s, &ix->conditions[i], true, buf, sizeof(buf));
        fprintf(d->out, "%s%s", i ? " and " : " where ", buf);
    }
    if (ix->flags & INDEX_UNIQUE)
        fputs(", unique", d->out);
    if (ix->tuples)
        fprintf(d->out, ", tuples of %" PRIu32 " to %" PRIu32, ix->tuple_min, ix->tuple_max);
    if (ix->flags & INDEX_LOCALIZED_TEXT)
        fprintf(d->out, ", %s", *ix->locale ? ix->locale : "no locale");
    fprintf(d->out, ", root page %" PRIu32 ", %" PRIu64 " entries\n", ix->pgno,
            count_nodes(d, ix->pgno, ix->objid));
}

static void text_table(struct tables_dump *d, const struct table *t, const struct schema *s)
{
    fprintf(d->out, "%s: %" PRIu64 " rows, object %" PRIu32 ", root page %" PRIu32, t->name,
            count_nodes(d, t->pgno, t->objid), t->objid, t->pgno);
    if (t->lv_pgno)
        fprintf(d->out, ", long values at page %" PRIu32, t->lv_pgno);
    if (table_is_system(t))
        fputs(", system table", d->out);
    if (t->flags & TABLE_TEMPLATE)
        fputs(", template", d->out);
    if (t->template_name)
        fprintf(d->out, ", from template %s", t->template_name);
    putc('\n', d->out);
    for (unsigned i = 0; i < s->nr_columns; i++)
        text_column(d, &s->columns[i]);
    for (unsigned i = 0; i < t->nr_indexes; i++)
        text_index(d, s, &t->indexes[i]);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void json_column(struct fields *f, const struct column *c)
{
    fields_open(f, NULL);
    fields_str(f, "Name", c->name);
    fields_u64(f, "Id", c->id);
    fields_str(f, "Type", dump_coltyp_name(c->coltyp));
    fields_str(f, "Place", place_name(c->fid));
    fields_u64(f, "MaxLength", c->max_len);
    if (coltyp_is_text(c->coltyp))
        fields_u64(f, "CodePage", c->cp);
    for (size_t i = 0; i < ARRAY_LEN(column_flags); i++)
        if (c->flags & column_flags[i].flag)
            fields_bool(f, column_flags[i].key, true);
    if (c->has_default)
        fields_bytes(f, "Default", c->default_value.p, c->default_value.len);
    fields_close(f);
}

static void json_segments(struct fields *f, const char *name, const struct schema *s,
                          const struct index_segment *segs, unsigned nr, bool condition)
{
    char buf[SEGMENT_TEXT_LEN];

    fields_open_list(f, name);
    for (unsigned i = 0; i < nr; i++) {
        segment_text(s, &segs[i], condition, buf, sizeof(buf));
        fields_str(f, NULL, buf);
    }
    fields_close_list(f);
}

static void json_index(struct tables_dump *d, const struct schema *s, const struct index *ix)
{
    struct fields *f = &d->fields;

    fields_open(f, NULL);
    fields_str(f, "Name", ix->name);
    fields_u64(f, "Object", ix->objid);
    fields_u64(f, "RootPage", ix->pgno);
    fields_bool(f, "Primary", ix->flags & INDEX_PRIMARY);
    fields_bool(f, "Unique", ix->flags & INDEX_UNIQUE);
    fields_hex(f, "Grbit", dump_index_grbit(ix));
    fields_u64(f, "KeyMost", ix->key_most);
    fields_u64(f, "SegmentMost", ix->segment_most);
    fields_str(f, "Locale", ix->locale);
    fields_hex(f, "MapFlags", ix->lcmap_flags);
    json_segments(f, "Segments", s, ix->segments, ix->nr_segments, false);
    json_segments(f, "Conditions", s, ix->conditions, ix->nr_conditions, true);
    if (ix->tuples) {
        fields_open(f, "Tuples");
        fields_u64(f, "Min", ix->tuple_min);
        fields_u64(f, "Max", ix->tuple_max);
        fields_u64(f, "Count", ix->tuple_count);
        fields_u64(f, "Step", ix->tuple_step);
        fields_u64(f, "Start", ix->tuple_start);
        fields_close(f);
    }
    fields_u64(f, "Entries", count_nodes(d, ix->pgno, ix->objid));
    fields_close(f);
}

static void json_table(struct tables_dump *d, const struct table *t, const struct schema *s)
{
    struct fields *f = &d->fields;

    fields_open(f, NULL);
    fields_str(f, "Name", t->name);
    fields_u64(f, "Object", t->objid);
    fields_u64(f, "RootPage", t->pgno);
    fields_hex(f, "Flags", t->flags);
    fields_bool(f, "System", table_is_system(t));
    fields_str(f, "Template", t->template_name);
    fields_u64(f, "LongValuesRootPage", t->lv_pgno);
    fields_u64(f, "Rows", count_nodes(d, t->pgno, t->objid));
    fields_open_list(f, "Columns");
    for (unsigned i = 0; i < s->nr_columns; i++)
        json_column(f, &s->columns[i]);
    fields_close_list(f);
    fields_open_list(f, "Indexes");
    for (unsigned i = 0; i < t->nr_indexes; i++)
        json_index(d, s, &t->indexes[i]);
    fields_close_list(f);
    fields_close(f);
}

/* ---- both --------------------------------------------------------------------------------------- */

static JET_ERR put_tables(struct tables_dump *d, const struct catalog *c, bool json)
{
    for (unsigned i = 0; i < c->nr_tables; i++) {
        const struct table *t = c->tables[i];
        struct schema *s;
        JET_ERR err = schema_new(t, &s);
        if (err < 0)
            return err;
        if (json)
            json_table(d, t, s);
        else
            text_table(d, t, s);
        schema_free(s);
    }
    return JET_errSuccess;
}

static JET_ERR dump_opened(struct tables_dump *d, bool json)
{
    struct catalog *c;
    JET_ERR err = catalog_load_any(d->f, &c);

    if (err < 0)
        return err;
    if (json) {
        fields_begin(&d->fields, d->out, true);
        fields_open_list(&d->fields, "Tables");
    }
    err = put_tables(d, c, json);
    if (json) {
        fields_close_list(&d->fields);
        fields_end(&d->fields);
    }
    catalog_free(c);
    return err;
}

JET_ERR ese_dump_tables(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                        void *ctx)
{
    struct tables_dump *d = calloc(1, sizeof(*d));
    JET_ERR err;

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->r = (struct reporter){.fn = report, .ctx = ctx, .file = name};
    d->out = out;
    err = dbfile_open(fd, &d->r, &d->f);
    if (err >= 0)
        err = dump_opened(d, json);
    if (err >= 0)
        err = out_finish(out, &d->r);
    dbfile_close(d->f);
    free(d);
    return err;
}
