/* Rows out of CSV or JSON lines, for `eseutil load`. */
#ifndef ESEUTIL_LOADINPUT_H
#define ESEUTIL_LOADINPUT_H

#include <stddef.h>

#include "eseutil.h"

struct cell {
    char *name; /* JSON: the column */
    char *text; /* UTF-8, with a NUL behind its len bytes */
    size_t len;
    bool null;
    bool many; /* out of an array: one of several values, perhaps */
};
struct row {
    struct cell *cells;
    size_t nr, room;
};

struct input {
    FILE *f;
    bool json;
    unsigned long line; /* on which the row that was read last begins, from 1 */
    unsigned long ends; /* lines that were read */
    const char *what;   /* < 0: one clause */
    int held[3];        /* CSV: characters that were looked at */
    unsigned nr_held;
    struct row header; /* CSV: the names, in cells[].text */
};

/* 1: a row; 0: the end; -1: it is malformed (what), or the file could not be read. CSV (RFC 4180):
 * an empty cell that is not quoted is null, and an empty line no row, unless a row has one cell
 * only. JSON: one object per line; an array gives several values of one column, and so does a name
 * that comes again; "$table", with which dumps of several tables begin their rows, is passed over.
 * A byte order mark is too. */
int input_header(struct input *in); /* CSV only: each name once */
int input_row(struct input *in, struct row *r);
/* A JSON array of plain values, as dumps write several values of a column into one cell of CSV.
 * False: it is none. */
bool input_array(const char *text, struct row *r);
void row_free(struct row *r);

#endif
