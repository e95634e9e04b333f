/*
 * The catalogue of a running database, read and written by a session as any other table: its
 * versions, its transaction (ESE: cat.cxx; write path 11). Each row that changes is an inner
 * transaction of its own; the shadow catalogue gets the same rows in another one. What rows mean is
 * the business of fcb_load.c and ddl_*.c.
 */
#ifndef ESE_REC_CATWRITE_H
#define ESE_REC_CATWRITE_H

#include "btree/dir.h"
#include "rec/catrow.h"

enum { /* hard-coded in every engine, beside those of catalog.h (ESE: cat.hxx) */
       CATALOG_NAME_PGNO = 7,
       CATALOG_NAME_OBJID = 4,
       CATALOG_ROOT_PGNO = 10,
       CATALOG_ROOT_OBJID = 5,
};

/* A name as the catalogue stores it: code page 1252, checked as ESE does (util.cxx
 * ErrUTILICheckName): 1..64 characters, no control characters, none of !.[], no space in front;
 * those behind are cut off. */
struct cat_name {
    uint32_t len;
    uint8_t b[NAME_MOST];
};
must_check JET_ERR cat_name_from(const char *utf8, struct cat_name *ret); /* JET_errInvalidName */
static inline struct slice cat_name_slice(const struct cat_name *n)
{
    return (struct slice){n->b, n->len};
}
/* As UTF-8; buf: CAT_NAME_UTF8 bytes. Control characters come out as '?'. */
#define CAT_NAME_UTF8 (3 * NAME_MOST + 1)
void cat_name_to(struct slice name, char buf[CAT_NAME_UTF8]);

struct cat {
    struct sess *s;
    struct db *d;
    struct cat_trees *trees;
    struct dir id, name, root, shadow;
    struct recbuf rb;
    uint8_t *rec;      /* a copy of the row found, page_size bytes */
    struct catrow row; /* what it says; slices point into rec */
    objid_t scan;      /* cat_first: the table */
};

/* In a transaction of s. */
must_check JET_ERR cat_open(struct cat *c, struct sess *s, struct db *d);
void cat_close(struct cat *c); /* after a failed cat_open too */

/* A row as the session sees it: c->row, and the place c->id is on it. JET_errRecordNotFound;
 * JET_errCatalogCorrupted, reported. */
must_check JET_ERR cat_find(struct cat *c, objid_t objid_table, unsigned type, uint32_t id);
must_check JET_ERR cat_find_name(struct cat *c, objid_t objid_table, unsigned type,
                                 struct slice name);
must_check JET_ERR cat_find_root(struct cat *c, struct slice name); /* a table */
/* The row of the entry that c->root is on. */
must_check JET_ERR cat_follow_root(struct cat *c);
/* Rows of one table, in the order of their keys. JET_errNoCurrentRecord: none left. */
must_check JET_ERR cat_first(struct cat *c, objid_t objid_table);
must_check JET_ERR cat_next(struct cat *c);

/* JET_errKeyDuplicate: of a name or number. */
must_check JET_ERR cat_insert(struct cat *c, const struct catrow *row);
struct cat_change {
    unsigned fid;
    struct slice value;
};
/* The row found, in both catalogues. */
must_check JET_ERR cat_change(struct cat *c, const struct cat_change *changes, unsigned nr);
/* The row found; its shadow stays. */
must_check JET_ERR cat_delete(struct cat *c);
must_check JET_ERR cat_delete_shadow(struct cat *c, objid_t objid_table, unsigned type,
                                     uint32_t id);
/* Nobody else can change the row found before this transaction ends. */
must_check JET_ERR cat_lock(struct cat *c);

/* MSysObjids: which table an object belongs to. Nothing happens where a database has none, or
 * had none at cat_open. */
must_check JET_ERR cat_objids_find(struct cat *c); /* cat_open does */
must_check JET_ERR cat_objids_insert(struct cat *c, objid_t objid, objid_t objid_table,
                                     unsigned type);
must_check JET_ERR cat_objids_delete(struct cat *c, objid_t objid);

/* The end of an inner transaction: commit, or, after an error, rollback. Returns the error that
 * counts. */
must_check JET_ERR cat_end(struct sess *s, JET_ERR err, bool lazy);

#endif
