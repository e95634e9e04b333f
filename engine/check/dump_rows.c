/*
 * Rows as CSV and as JSON lines.
 *
 * CSV: a header line with the columns' names, one line for each row. NULL is an empty field, an empty
 * text "". A column that may have several values has them as a JSON array. When more than one table is
 * dumped, each begins with a line "# NAME" and an empty line stands between them.
 *
 * JSON lines: one object for each row; NULL columns are left out; columns that may have several values
 * are arrays. When more than one table is dumped the first member is "$table".
 *
 * Bytes are in hex; times as date_str has them.
 */
#include <stdlib.h>

#include "check/dump_priv.h"

/* ---- JSON lines -------------------------------------------------------------------------------- */

/* "name": with its quotes and colon, escaped. The name has no control characters (catalog.c). */
static char *jsonl_label(const struct column *c)
{
    char *s = malloc(2 * strlen(c->name) + 4), *o = s;

    if (!s)
        return NULL;
    *o++ = '"';
    for (const char *p = c->name; *p; p++) {
        if (*p == '"' || *p == '\\')
            *o++ = '\\';
        *o++ = *p;
    }
    strcpy(o, "\":");
    return s;
}

static void jsonl_begin(struct dump *d)
{
    (void)d;
}

static void put_table_member(struct dump *d)
{
    out_str(&d->out, "\"$table\":\"");
    out_json_text(&d->out, d->table->name, strlen(d->table->name), "\"");
    out_char(&d->out, '"');
}

static void close_array(struct dump *d, bool *open)
{
    if (*open)
        out_char(&d->out, ']');
    *open = false;
}

/* An array where the column may have several values, or has them all the same. */
static bool is_array(const struct dump *d, const struct row_value *v)
{
    return (v->column->flags & COLUMN_MULTI_VALUED) || row_has_more(&d->row);
}

static void jsonl_row(struct dump *d, const struct bt_node *n)
{
    struct row_value v;
    struct out *o = &d->out;
    bool comma = d->nr_tables > 1, open = false;

    (void)n;
    out_char(o, '{');
    if (comma)
        put_table_member(d);
    while (row_next(&d->row, &v)) {
        if (v.seq > 1) {
            out_char(o, ',');
        } else {
            close_array(d, &open);
            if (v.null && !row_has_more(&d->row))
                continue;
            if (comma)
                out_char(o, ',');
            comma = true;
            out_str(o, d->labels[v.column - d->schema->columns]);
            open = is_array(d, &v);
            if (open)
                out_char(o, '[');
        }
        if (v.null)
            out_str(o, "null");
        else
            dump_value(d, v.column, &v.v, FORM_JSON);
    }
    close_array(d, &open);
    out_str(o, "}\n");
}

static void jsonl_end(struct dump *d)
{
    (void)d;
}

const struct dump_ops dump_jsonl_ops = {jsonl_label, jsonl_begin, jsonl_row, jsonl_end};

/* ---- CSV --------------------------------------------------------------------------------------- */

/* The name, in quotes where it has a character that would end it. */
static char *csv_label(const struct column *c)
{
    char *s = malloc(2 * strlen(c->name) + 3), *o = s;

    if (!s)
        return NULL;
    if (!strpbrk(c->name, "\","))
        return strcpy(s, c->name);
    *o++ = '"';
    for (const char *p = c->name; *p; p++) {
        if (*p == '"')
            *o++ = '"';
        *o++ = *p;
    }
    strcpy(o, "\"");
    return s;
}

static void csv_begin(struct dump *d)
{
    if (d->nr_tables > 1)
        out_printf(&d->out, "%s# %s\n", d->nr_dumped ? "\n" : "", d->table->name);
    for (unsigned i = 0; i < d->schema->nr_columns; i++) {
        if (i)
            out_char(&d->out, ',');
        out_str(&d->out, d->labels[i]);
    }
    out_char(&d->out, '\n');
}

static void csv_close_array(struct dump *d, bool *open)
{
    if (*open)
        out_str(&d->out, "]\"");
    *open = false;
}

static void csv_row(struct dump *d, const struct bt_node *n)
{
    struct row_value v;
    struct out *o = &d->out;
    bool open = false, first = true;

    (void)n;
    while (row_next(&d->row, &v)) {
        if (v.seq > 1) {
            out_char(o, ',');
        } else {
            csv_close_array(d, &open);
            if (!first)
                out_char(o, ',');
            first = false;
            if (v.null && !row_has_more(&d->row))
                continue;
            open = is_array(d, &v);
            if (open)
                out_str(o, "\"[");
        }
        if (v.null)
            out_str(o, "null");
        else
            dump_value(d, v.column, &v.v, open ? FORM_JSON_IN_CSV : FORM_CSV);
    }
    csv_close_array(d, &open);
    out_char(o, '\n');
}

static void csv_end(struct dump *d)
{
    (void)d;
}

const struct dump_ops dump_csv_ops = {csv_label, csv_begin, csv_row, csv_end};
