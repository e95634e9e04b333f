/*
 * The catalogue: what tables, columns and indexes a database has (ESE: cat.hxx, _cat.cxx, cat.cxx).
 *
 * Its own layout is fixed and hard-coded here as in every engine; what the catalogue says of itself
 * is not used (its rows carry the offset 4 for each of their columns). Everything is read in one
 * pass and kept; the memory is a small multiple of the catalogue's size.
 *
 * A table that derives from a template has the template's columns in front of its own. That is put
 * together for one table at a time: schema_new.
 */
#ifndef ESE_REC_CATALOG_H
#define ESE_REC_CATALOG_H

#include "btree/btread.h"

enum { /* hard-coded in every engine (ESE: cat.hxx) */
       CATALOG_PGNO = 4,
       CATALOG_OBJID = 2,
       CATALOG_SHADOW_PGNO = 24,
       CATALOG_SHADOW_OBJID = 3,
};

enum { /* table flags, persistent (ESE: jethdr.w, JET_bitObject...) */
       TABLE_SYSTEM = (int)0x80000000,
       TABLE_FIXED_DDL = 0x40000000,
       TABLE_TEMPLATE = 0x20000000,
       TABLE_DERIVED = 0x10000000,
};

enum { /* column flags, persistent (ESE: tdb.hxx, ffield...) */
       COLUMN_NOT_NULL = 0x1,
       COLUMN_VERSION = 0x2,
       COLUMN_AUTO_INCREMENT = 0x4,
       COLUMN_MULTI_VALUED = 0x8,
       COLUMN_DEFAULT = 0x10,
       COLUMN_ESCROW = 0x20,
       COLUMN_FINALIZE = 0x40,
       COLUMN_USER_DEFAULT = 0x80, /* a callback of the application computes it */
       COLUMN_TEMPLATE98 = 0x100,  /* tagged fields of derived tables carry the derived bit */
       COLUMN_DELETE_ON_ZERO = 0x200,
       COLUMN_PLACEHOLDER = 0x800, /* stands in a primary index only */
       COLUMN_COMPRESSED = 0x1000,
       COLUMN_ENCRYPTED = 0x2000,
};

enum { /* index flags, persistent (ESE: idb.hxx, fidb...) */
       INDEX_UNIQUE = 0x1,
       INDEX_ALL_NULLS = 0x2,
       INDEX_FIRST_NULL = 0x4,
       INDEX_SOME_NULLS = 0x8,
       INDEX_NO_NULL = 0x10,
       INDEX_PRIMARY = 0x20,
       INDEX_LOCALE_SET = 0x40,
       INDEX_MULTI_VALUED = 0x80,
       INDEX_TEMPLATE = 0x100,
       INDEX_DERIVED = 0x200,
       INDEX_LOCALIZED_TEXT = 0x400,
       INDEX_NULLS_HIGH = 0x800,
       INDEX_CROSS_PRODUCT = 0x2000,
       INDEX_NO_TRUNCATION = 0x4000,
       INDEX_NESTED = 0x8000,
       /* the second word (fidx...) */
       INDEX_X_EXTENDED = 0x1,
       INDEX_X_DOTNET_GUID = 0x2,
       INDEX_X_DEFERRED = 0x4,
       INDEX_X_OPTIONALLY_UNIQUE = 0x8,
};

struct space_hints { /* 0: nothing was said; sizes in bytes (ESE: JET_SPACEHINTS) */
    uint32_t density, initial, flags, maint_density, growth, min_extent, max_extent;
};

#define COLUMN_ID_TEMPLATE 0x80000000u /* in column ids of the API; not stored */
#define NAME_MOST          64          /* bytes; ESE: jethdr.w JET_cbNameMost */
#define INDEX_SEGMENTS_MAX 16          /* ESE: jethdr.w JET_ccolKeyMost */
#define INDEX_KEY_DEFAULT  255u        /* key length when the catalogue has none */
#define INDEX_KEY_LIMIT    2000u       /* ESE: cbKeyMost32KBytePage */

struct column {
    const char *name;
    uint32_t id; /* as the API gives it */
    uint16_t fid;
    uint8_t coltyp;
    bool derived; /* its tagged fields carry the derived bit */
    bool pending; /* a running instance: being added. New records do not reach up to it for its
                     default's sake, so that none has a column that was never added after all */
    uint32_t flags, cp, max_len;
    uint32_t offset, len; /* fixed columns: place in the record */
    bool has_default;
    struct slice default_value; /* as a record would hold it */
};

struct index_segment {
    uint16_t fid;
    bool from_template, descending;
    bool must_be_null; /* conditional columns: else it must not be */
};

struct index {
    const char *name;
    objid_t objid;
    pgno_t pgno;
    uint16_t flags, xflags;
    uint32_t key_most, segment_most;
    uint32_t lcmap_flags, lcid;
    const char *locale; /* "en-US"; "" when it has none */
    struct slice version, sort_id;
    bool tuples;
    uint32_t tuple_min, tuple_max, tuple_count, tuple_step, tuple_start;
    unsigned nr_segments, nr_conditions;
    struct index_segment segments[INDEX_SEGMENTS_MAX], conditions[INDEX_SEGMENTS_MAX];
};

struct table {
    const char *name;
    objid_t objid;
    pgno_t pgno;
    uint32_t flags;
    uint32_t density, initial_pages;
    const char *template_name; /* NULL: none */
    const struct table *template_table;
    objid_t lv_objid;
    pgno_t lv_pgno; /* 0: no long values */
    uint32_t lv_chunk;
    struct column *columns; /* its own, by number; deleted ones are left out */
    unsigned nr_columns;
    struct index *indexes; /* by name, the primary one among them if there is one */
    unsigned nr_indexes;
};

static inline bool table_is_system(const struct table *t)
{
    return t->flags & (uint32_t)TABLE_SYSTEM;
}

struct catalog {
    struct table **tables; /* by name */
    unsigned nr_tables;
    bool damaged; /* something could not be read; it was reported */
    struct arena *arena;
};

/*
 * pgno, objid: CATALOG_PGNO and CATALOG_OBJID, or those of the shadow. Damage is reported, what is
 * sound is kept (ret->damaged). Errors: JET_errOutOfMemory, or, when there is no table at all, the
 * first fault.
 */
must_check JET_ERR catalog_load(struct dbfile *f, pgno_t pgno, objid_t objid, struct catalog **ret);
/* The main catalogue, or the shadow when the main one is damaged and the shadow is not. */
must_check JET_ERR catalog_load_any(struct dbfile *f, struct catalog **ret);
void catalog_free(struct catalog *c); /* NULL is fine */

/* NULL: there is none. Names are compared as the engine does, without case. */
const struct table *catalog_find(const struct catalog *c, const char *name);
const struct index *table_primary(const struct table *t); /* NULL: rows are numbered */

/* The columns that a table's records have, in the order of their ids: the template's, its own. */
struct schema {
    const struct table *table;
    struct column *columns;
    unsigned nr_columns;
};
must_check JET_ERR schema_new(const struct table *t, struct schema **ret);
void schema_free(struct schema *s); /* NULL is fine */
/* NULL: deleted, or there never was one. */
const struct column *schema_find(const struct schema *s, uint16_t fid, bool from_template);

/* Length of a value; 0 for a type that has none of its own (Binary, Text and the long ones). */
uint32_t coltyp_len(unsigned coltyp);

#endif
