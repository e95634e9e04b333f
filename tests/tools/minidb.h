/*
 * A small clean database, put together from scratch: space, trees, catalogue with its shadow, tables
 * with records, long values and indexes. For tools and tests that need a database of our own making;
 * it is written once, from sorted content, and never changed, which is why no engine is needed.
 *
 * The file is of format 0x620.20, any page size from 4 KiB on. It has no MSysObjids and no
 * MSysLocales: engines make these when they first attach a database without them.
 *
 * Every function ends the process with a message when it cannot do its work.
 */
#ifndef TESTS_MINIDB_H
#define TESTS_MINIDB_H

#include "base/types.h"
#include "page/dbhdrfmt.h"

struct minidb;
struct mini_tree;

struct mini_column {
    const char *name;
    unsigned fid;     /* 1.. fixed, 128.. variable, 256.. tagged */
    unsigned coltyp;  /* JET_coltyp... */
    uint32_t max_len; /* of a fixed column: its length */
    uint32_t cp;
};

/* One value of a record; p NULL: null. Columns in the order of their numbers. */
struct mini_value {
    const void *p;
    uint32_t len;
};

struct mini_table {
    struct minidb *db;
    struct mini_tree *rows, *lv;
    objid_t objid;
    const struct mini_column *columns;
    unsigned nr_columns;
    bool keyed; /* has a primary index; else rows are numbered */
    uint32_t nr_rows, nr_lv;
};

struct minidb *minidb_new(uint32_t page_size);
/* columns live as long as the database. primary: name of the primary index over column 1, a Long, or
 * NULL. */
struct mini_table *minidb_table(struct minidb *db, const char *name,
                                const struct mini_column *columns, unsigned nr_columns,
                                const char *primary);
/* A secondary index, not unique, over one Text column of code page 1252. Before the first row. */
struct mini_tree *minidb_text_index(struct mini_table *t, const char *name, unsigned fid);
/* Values by column. A LongText or LongBinary longer than `separate` bytes becomes a long value. */
void minidb_row(struct mini_table *t, const struct mini_value *values, uint32_t separate,
                struct mini_tree *index, unsigned index_column);
/* Writes the file. hdr: signatures, times and log positions are the caller's; the rest is filled in,
 * state clean. Frees everything. */
void minidb_write(struct minidb *db, struct dbhdr_disk *hdr, const char *path);

void *mini_alloc(size_t size);
void mini_die(const char *what) __attribute__((noreturn));

#endif
