/* Shared by the files dump*.c alone: what a dump of rows has at hand, and the forms of a value. */
#ifndef ESE_CHECK_DUMP_PRIV_H
#define ESE_CHECK_DUMP_PRIV_H

#include "check/dumpout.h"
#include "rec/catalog.h"
#include "rec/row.h"
#include "rec/text.h"
#include "rec/value.h"

/* Text is converted in slices of this many bytes, however long a piece is. */
#define TEXT_SLICE 4096u

struct dump {
    struct dbfile *f;
    struct reporter *r;
    const struct ese_dump_opts *opts;
    struct catalog *catalog;
    struct out out;
    struct bt_cursor bt;
    struct row row;
    struct value_reader vr;

    const struct table *table; /* that is being dumped */
    struct schema *schema;
    unsigned nr_tables, nr_dumped;
    uint64_t nr_rows;
    pgno_t pgno;   /* of the row */
    char **labels; /* of each column: its name as the format needs it */
    char text[TEXT_UTF8_MAX(TEXT_SLICE)];
};

struct dump_ops {
    /* A column's label: the bytes that stand before or for its name. malloc'ed. */
    char *(*label)(const struct column *c);
    void (*begin)(struct dump *d);
    void (*row)(struct dump *d, const struct bt_node *n); /* d->row is begun */
    void (*end)(struct dump *d);
};

extern const struct dump_ops dump_canonical_ops, dump_csv_ops, dump_jsonl_ops;

/*
 * A value as JSON has it (numbers, text in quotes, bytes in hex in quotes), or CSV (the same, but only
 * text in quotes), or JSON inside a quoted field of CSV. One that could not be read, its fault was
 * reported, is null, or nothing in CSV.
 */
enum value_form { FORM_JSON, FORM_CSV, FORM_JSON_IN_CSV };
void dump_value(struct dump *d, const struct column *c, const struct value *v,
                enum value_form form);

/* Index and column flags as the API gives them. */
uint32_t dump_column_grbit(const struct column *c);
uint32_t dump_index_grbit(const struct index *ix);
/* "LongText", "Bit"; "?" for what is none. */
const char *dump_coltyp_name(unsigned coltyp);

/* Whether a value of the type is text. */
static inline bool coltyp_is_text(unsigned coltyp)
{
    return coltyp == JET_coltypText || coltyp == JET_coltypLongText;
}

/* The walk over a table's rows, calling ops->row. */
void dump_rows(struct dump *d, const struct dump_ops *ops);

#define DATE_STR_LEN   48
#define DOUBLE_STR_LEN 32
/*
 * A DateTime column. Its 8 bytes are a day number with a fraction by convention ("2026-11-22T03:00:12"),
 * but many programs keep a FILETIME there ("2026-11-22T03:00:12.1234567Z"). A text is only given where it
 * leads back to the same bits; everything else is "0x" and the bits.
 */
char *date_str(uint64_t bits, char buf[DATE_STR_LEN]);
/* The shortest of 15, 16 or 17 digits that reads back as the same number; "NaN", "Infinity". */
char *double_str(double v, char buf[DOUBLE_STR_LEN]);
char *float_str(float v, char buf[DOUBLE_STR_LEN]);

#endif
