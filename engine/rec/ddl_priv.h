/* Between ddl*.c. */
#ifndef ESE_REC_DDL_PRIV_H
#define ESE_REC_DDL_PRIV_H

#include "rec/ddl.h"
#include "rec/fcb_priv.h"

/* ---- what rollback and clean-up have to do: ddl_ver.c, ddl_ver_part.c ------------------------ */

/* A tree that was just made: rolled back, its space goes back to parent. Takes no reference of
 * the caller's. */
must_check JET_ERR ddl_ver_tree(struct sess *s, struct tree *parent, struct tree *t, bool shared);
/* A table that was just made. */
must_check JET_ERR ddl_ver_table_new(struct sess *s, struct db *d, objid_t objid);
/* f, open by s alone, is deleted. */
must_check JET_ERR ddl_ver_table_gone(struct sess *s, struct fcb *f);
must_check JET_ERR ddl_ver_table_name(struct sess *s, struct fcb *f, const char *old);
/* It is in f's list already. After a failure the caller, who holds f->ddl, takes it out. */
must_check JET_ERR ddl_ver_index_new(struct sess *s, struct fcb *f, struct fcb_index *ix);
must_check JET_ERR ddl_ver_index_gone(struct sess *s, struct fcb *f, struct fcb_index *ix);
must_check JET_ERR ddl_ver_column_new(struct sess *s, struct fcb *f, struct fcb_col *col);
must_check JET_ERR ddl_ver_column_gone(struct sess *s, struct fcb *f, struct fcb_col *col);
/* col->c has its new default already; `old` is what it was. */
must_check JET_ERR ddl_ver_default(struct sess *s, struct fcb *f, struct fcb_col *col,
                                   const struct column *old);
must_check JET_ERR ddl_ver_lv_new(struct sess *s, struct fcb *f);

/* ---- definitions: ddl_def.c ------------------------------------------------------------------ */

/* A column as it will be: checked, its flags, length, code page; not its number and place.
 * JET_wrnColumnMaxTruncated. */
must_check JET_ERR ddl_check_column(const struct ddl_column *c, bool exclusive, uint32_t db_update,
                                    struct column *ret);
enum ddl_place { DDL_FIXED, DDL_VARIABLE, DDL_TAGGED };
enum ddl_place ddl_place_of(const struct ddl_column *c);

struct ddl_segment_names { /* of an index's key, into its description */
    unsigned nr;
    const char *name[INDEX_SEGMENTS_MAX];
    bool descending[INDEX_SEGMENTS_MAX];
};
struct ddl_index_def { /* of an index that will be; segments' columns are not looked up yet */
    struct cat_name name;
    struct index ix;
    struct space_hints hints;
    struct ddl_segment_names segments;
    char locale[64];                 /* ASCII */
    uint8_t version[8], sort_id[16]; /* of the order of text: this engine's */
};
must_check JET_ERR ddl_check_index(const struct ddl_index *x, uint32_t page_size,
                                   uint32_t db_update, uint32_t density, struct ddl_index_def *ret);
/* Looks up its columns, in f or among those that are going to be; ret->ix is complete then. */
typedef const struct column *ddl_find_column(void *ctx, const char *name);
must_check JET_ERR ddl_index_columns(const struct ddl_index *x, ddl_find_column *find, void *ctx,
                                     struct ddl_index_def *def);
/* In bytes of whole pages; 0 where one page is meant. JET_errSpaceHintsInvalid,
 * JET_errDensityInvalid. */
must_check JET_ERR ddl_check_hints(struct space_hints *h, uint32_t page_size);
/* Key length of a primary index over columns of fixed length, when that is less than key_most (ESE:
 * fileopen.cxx FILEIMinimizePrimaryCbKeyMost). */
uint32_t ddl_primary_key_most(const struct index *ix, const struct column *const *segments);

/* ---- rows ------------------------------------------------------------------------------------ */

/* Row, shadow, MSysObjids, MSysLocales; ix: with objid and pgno. JET_errIndexDuplicate;
 * JET_errColumnDuplicate. value: the default as it was given. */
must_check JET_ERR ddl_insert_index_row(struct cat *c, objid_t objid_table, struct slice name,
                                        const struct index *ix, const struct space_hints *h);
must_check JET_ERR ddl_insert_column_row(struct cat *c, objid_t objid_table, struct slice name,
                                         const struct column *col, struct slice value);
/* One more index of that order of text, for good: a transaction of its own, of a session of the
 * engine. */
must_check JET_ERR ddl_count_locale(struct sess *s, struct db *d, const char *locale);

/* The catalogue of a database that has its root; in a transaction of the caller's. */
must_check JET_ERR ddl_fill_catalogue(struct sess *s, struct db *d);
/* The rows of a new MSysLocales, in the transaction that makes it; then that it is complete. */
must_check JET_ERR ddl_fill_locales(struct sess *s, struct db *d);
must_check JET_ERR ddl_mark_locales(struct sess *s, struct db *d);

/* ---- tables and what is in them -------------------------------------------------------------- */

struct ddl_numbers { /* of the columns of a table that is being made or changed */
    uint16_t fixed_last, var_last;
    uint32_t tagged_last, fixed_end;
};
/* Number and place for a column. most: bytes of a record. JET_errTooManyColumns,
 * JET_errRecordTooBig. */
must_check JET_ERR ddl_number_column(struct ddl_numbers *n, enum ddl_place place, uint32_t most,
                                     struct column *c);
/* ddl_create_table with flags for the catalogue, of the engine's own tables; in a transaction of
 * the caller's. */
must_check JET_ERR ddl_make_table(struct sess *s, struct db *d, struct ddl_table *t, uint32_t flags,
                                  struct fcb **ret);
/* A secondary index's tree. In ver: a rollback gives its space back. */
must_check JET_ERR ddl_make_index_tree(struct sess *s, struct tree *table,
                                       const struct space_hints *h, bool unique, bool shared,
                                       struct index *ix);
/* The session may change the schema of f. */
must_check JET_ERR ddl_may_change(struct sess *s, struct fcb *f);
/* Its template has a column of that name. */
bool ddl_template_has(const struct fcb *f, const char *name);
/* The default as records have it, into c; f->lock. False: no memory. */
bool ddl_keep_default(struct fcb *f, struct column *c, struct slice value);

/* ---- building: ddl_build.c ------------------------------------------------------------------- */

/*
 * The keys of all rows for nr new indexes, sorted; nothing is written. f->ddl is held exclusively.
 * The indexes' descriptions must outlive the object; end is due after an error too. witness: a
 * session of the engine whose transaction began just before.
 * JET_errWriteConflict: an open transaction has changed a row; JET_errKeyDuplicate,
 * JET_errNullKeyDisallowed, JET_errKeyTruncated.
 */
extern uint32_t ddl_wait_most_ms; /* for open transactions of others; tests wait less */
struct ddl_build;
must_check JET_ERR ddl_build_scan(struct sess *s, struct sess *witness, struct fcb *f,
                                  const struct index *const *ix, unsigned nr,
                                  struct ddl_build **ret);
/* Entries of index number i into its tree. JET_errKeyDuplicate. */
must_check JET_ERR ddl_build_fill(struct ddl_build *b, unsigned i, struct tree *t);
void ddl_build_end(struct ddl_build *b); /* NULL is fine */
/* Nothing is in the tree, nothing flagged as deleted either. */
must_check JET_ERR ddl_tree_is_empty(struct sess *s, struct tree *t, bool *ret);

#endif
