/*
 * Changes of the schema (ESE: fcreate.cxx, cat.cxx; write path 1.2 and 11). Every call is a
 * transaction of its own inside the session's: after an error nothing of it is left, and the
 * transaction around it goes on. At level 0 it is durable when it returns. Rolled back, it is
 * undone on disk and in the cache; the space of something deleted is free only after its commit,
 * when nobody older is left (version clean-up).
 *
 * Names are UTF-8, 1 to 64 characters of code page 1252; JET_errInvalidName otherwise. Numbers of
 * flags are the API's: JET_bitColumn..., JET_bitIndex..., JET_bitTableCreate...
 *
 * All of them: JET_errOutOfMemory, JET_errWriteConflict (another session is changing the same row
 * of the catalogue), JET_errDatabaseFileReadOnly, JET_errTransTooDeep, those of log and space.
 */
#ifndef ESE_REC_DDL_H
#define ESE_REC_DDL_H

#include "rec/fcb.h"

struct ddl_column {
    const char *name;
    uint32_t coltyp, cp, max_len, grbit;
    struct slice value; /* default; empty: none */
    uint32_t columnid;  /* out */
    JET_ERR err;        /* out, of ddl_create_table: this one's */
};

struct ddl_condition {
    const char *column;
    bool must_be_null;
};

struct ddl_index {
    const char *name;
    struct slice key; /* "+name\0-name\0\0"; what follows the two NULs does not count */
    uint32_t grbit;
    uint32_t density;      /* percent; 0: the table's */
    uint32_t key_most;     /* with JET_bitIndexKeyMost */
    uint32_t segment_most; /* cbVarSegMac; 0: as key_most */
    const char *locale;    /* with JET_bitIndexUnicode: "en-US"; NULL: that of the engine */
    uint32_t lcmap_flags;  /* with JET_bitIndexUnicode; 0: those of the engine */
    /* with JET_bitIndexTupleLimits; 0: default */
    uint32_t tuple_min, tuple_max, tuple_count, tuple_step, tuple_start;
    const struct ddl_condition *conditions;
    unsigned nr_conditions;
    const struct space_hints *hints; /* NULL: none */
    JET_ERR err;                     /* out: this one's */
};

struct ddl_table {
    const char *name;
    const char *template_name; /* NULL: none */
    uint32_t pages;            /* at the start; 0: as many as it takes */
    uint32_t density;          /* percent; 0: default */
    uint32_t grbit;
    uint32_t intrinsic_most, lv_chunk; /* 0: default */
    const struct space_hints *hints, *lv_hints;
    struct ddl_column *columns;
    unsigned nr_columns;
    struct ddl_index *indexes;
    unsigned nr_indexes;
    unsigned nr_created; /* out: table, columns and indexes, up to the one that failed */
};

/*
 * *ret: open for the session with FCB_DENY_READ, as JetCreateTable's cursor is (and FCB_PERMIT_DDL
 * when its DDL is fixed otherwise); NULL is fine. JET_errTableDuplicate, JET_errDensityInvalid,
 * JET_errSpaceHintsInvalid, JET_errInvalidCreateIndex, JET_errCannotNestDDL,
 * JET_errDDLNotInheritable, JET_errInvalidLVChunkSize; JET_errObjectNotFound: the template; those
 * of ddl_add_column and ddl_create_indexes.
 */
must_check JET_ERR ddl_create_table(struct sess *s, struct db *d, struct ddl_table *t,
                                    struct fcb **ret);
/* JET_errObjectNotFound, JET_errTableInUse (by the session's own cursors too), JET_errTableLocked,
 * JET_errCannotDeleteSystemTable, JET_errCannotDeleteTemplateTable. */
must_check JET_ERR ddl_delete_table(struct sess *s, struct db *d, const char *name);
/* JET_errTableDuplicate, JET_errObjectNotFound, JET_errFixedDDL. */
must_check JET_ERR ddl_rename_table(struct sess *s, struct db *d, const char *name, const char *to);

/*
 * JET_errColumnDuplicate, JET_errInvalidColumnType, JET_errInvalidCodePage, JET_errInvalidGrbit,
 * JET_errTooManyColumns, JET_errRecordTooBig, JET_errFixedDDL, JET_errColumnRedundant,
 * JET_errDefaultValueTooBig, JET_errMultiValuedColumnMustBeTagged, JET_errCannotBeTagged,
 * JET_errExclusiveTableLockRequired, JET_errColumnCannotBeCompressed,
 * JET_errColumnCannotBeEncrypted, JET_errTableNotEmpty, JET_errInvalidParameter,
 * JET_errInTransaction (unversioned), JET_errCannotAddFixedVarColumnToDerivedTable;
 * JET_errCallbackNotResolved: a default value that is computed. JET_wrnColumnMaxTruncated.
 */
must_check JET_ERR ddl_add_column(struct sess *s, struct fcb *f, struct ddl_column *c);
/* grbit: JET_bitDeleteColumnIgnoreTemplateColumns. JET_errColumnNotFound, JET_errColumnInUse (an
 * index has it), JET_errFixedDDL, JET_errFixedInheritedDDL. */
must_check JET_ERR ddl_delete_column(struct sess *s, struct fcb *f, const char *name,
                                     uint32_t grbit);
/* JET_errColumnDuplicate, JET_errColumnNotFound, JET_errInTransaction, JET_errFixedInheritedDDL. */
must_check JET_ERR ddl_rename_column(struct sess *s, struct fcb *f, const char *name,
                                     const char *to);
/* f is open with FCB_DENY_READ. Records that lack the column have the new one afterwards.
 * JET_errColumnNotFound, JET_errColumnInUse, JET_errNullInvalid, JET_errDefaultValueTooBig. */
must_check JET_ERR ddl_set_default(struct sess *s, struct fcb *f, const char *name,
                                   struct slice value);

/*
 * One scan for all of them; more than one: at level 0, with FCB_DENY_READ.
 * JET_errIndexDuplicate, JET_errIndexHasPrimary, JET_errIndexInvalidDef, JET_errColumnNotFound,
 * JET_errTableNotEmpty (a primary one), JET_errKeyDuplicate, JET_errNullKeyDisallowed,
 * JET_errInvalidGrbit, JET_errInvalidLanguageId, JET_errInvalidLCMapStringFlags, JET_errFixedDDL,
 * JET_errCannotIndex, JET_errCannotIndexOnEncryptedColumn, JET_errIndexTuples and others,
 * JET_errWriteConflict (others' changes of the table did not end in time).
 */
must_check JET_ERR ddl_create_indexes(struct sess *s, struct fcb *f, struct ddl_index *ix,
                                      unsigned nr);
/* JET_errIndexNotFound, JET_errIndexInUse, JET_errIndexMustStay (the primary one), JET_errFixedDDL,
 * JET_errFixedInheritedDDL. */
must_check JET_ERR ddl_delete_index(struct sess *s, struct fcb *f, const char *name);

/* Tables of the database as the session sees them. */
struct ddl_table_info {
    char name[FCB_NAME_LEN];
    objid_t objid;
    pgno_t pgno;
    uint32_t flags;
};
/* By name. fn ends it with anything but JET_errSuccess. */
must_check JET_ERR ddl_each_table(struct sess *s, struct db *d,
                                  JET_ERR (*fn)(void *ctx, const struct ddl_table_info *info),
                                  void *ctx);
/* The trees of all tables: their records, indexes, long values. A primary index comes as its table's records do. */
must_check JET_ERR ddl_each_tree(struct sess *s, struct db *d,
                                 void (*fn)(void *ctx, pgno_t root, objid_t objid), void *ctx);
/* JET_errObjectNotFound. */
must_check JET_ERR ddl_find_table(struct sess *s, struct db *d, const char *name,
                                  struct ddl_table_info *ret);

/*
 * The catalogue of a new database, for live_create_db. s at level 0; the file is there and zero up
 * to page nr. First up to the Commit0 before CreateDBFinish (write path 1.2, steps 3 to 11); then,
 * the database finished, MSysObjids and MSysLocales (13 to 15), each durable.
 */
must_check JET_ERR ddl_create_catalogue(struct sess *s, struct db *d, uint32_t nr);
must_check JET_ERR ddl_create_system_tables(struct sess *s, struct db *d);

#endif
