/*
 * Where the pages of a tree come from: its space header and the trees of extents that it owns and that
 * it has left. FORMAT.md has the drawing of the hierarchy; here nothing is allocated.
 *
 *   database root (page 1)  owns every page up to its last; gives extents to
 *     tables                owned extents, available extents; give extents to
 *       indexes, long values
 *
 * A small tree has one extent and a bitmap in its root page ("single extent"); a bigger one has two
 * B+ trees: owned extents at pgno_oe, available extents on the page behind it.
 */
#ifndef ESE_BTREE_SPACE_H
#define ESE_BTREE_SPACE_H

#include "btree/btread.h"

enum { DB_ROOT_PGNO = 1, DB_ROOT_OBJID = 1 }; /* the database's own tree; it never has a node */

/* A third flag beside SPACE_MULTIPLE and SPACE_NON_UNIQUE of pagefmt.h: the first field counts the last
 * secondary extent, not the primary one (ESE: space.hxx, SPACE_HEADER). */
enum { SPACE_V2 = 0x4 };

enum { /* first byte of a root's external header longer than 16 bytes: which fields follow */
       ROOT_FIELD_SPACE = 0x1,    /* SPACE_HEADER, 16 bytes */
       ROOT_FIELD_AUTO_INC = 0x2, /* highest auto-increment value handed out, 8 bytes */
};

enum { /* pools of available extents (ESE: _space.hxx SpacePool) */
       SPACE_POOL_GENERAL = 0,
       SPACE_POOL_CONTIGUOUS = 1,
       SPACE_POOL_SHELVED = 2, /* beyond the end of the file, owned by nobody */
};

struct space_header {
    uint32_t cpg_first; /* single extent: pages of the extent, which starts at the root */
    pgno_t pgno_parent;
    bool multiple, non_unique, v2;
    pgno_t pgno_oe;  /* multiple */
    uint32_t bitmap; /* single: bit k: page root+1+k is available */
    bool has_auto_inc;
    uint64_t auto_inc;
};

/* The external header of a root page. NULL: sound; else one static clause. */
const char *space_header_decode(struct slice external, struct space_header *ret);
/* Reads it from page pgno. Errors as dbfile_page; JET_errDatabaseCorrupted, reported, when it is none. */
must_check JET_ERR space_header_read(struct dbfile *f, pgno_t pgno, struct space_header *ret);

struct extent {
    pgno_t last;
    uint32_t cpg; /* pages last-cpg+1 .. last; 0: a marker in the contiguous pool */
    unsigned pool;
};
static inline pgno_t extent_first(const struct extent *e)
{
    return e->last - e->cpg + 1;
}

/* A node of either tree of extents. NULL: sound; else one static clause. */
const char *space_extent_decode(struct slice key, struct slice data, struct extent *ret);

enum space_kind { SPACE_OWNED, SPACE_AVAILABLE };

struct space_cursor {
    struct bt_cursor bt; /* multiple: public for its page hook */
    struct space_header h;
    pgno_t root;
    enum space_kind kind;
    unsigned bit; /* single: next bit of the bitmap */
};

/* The extents of a tree (root and header of the tree served, not of the space tree) in the order of
 * their pages. The database root's own space is the tree at page 1. */
void space_open(struct space_cursor *c, struct dbfile *f, pgno_t root, objid_t objid,
                const struct space_header *h, enum space_kind kind);
void space_close(struct space_cursor *c);
/* JET_errNoCurrentRecord: none left. Others, reported, the cursor can be asked on: those of bt_next,
 * JET_errSPOwnExtCorrupted, JET_errSPAvailExtCorrupted. */
must_check JET_ERR space_next(struct space_cursor *c, struct extent *ret);

/* SPLIT_BUFFER of an owned- or available-extents tree: pages kept for splitting it, owned by the tree
 * that it serves. ret[i].cpg is 0 where there are none. */
must_check JET_ERR space_split_buffer(struct dbfile *f, pgno_t pgno_space_root,
                                      struct extent ret[2]);

#endif
