/*
 * What the parts of ese_integrity share; for integrity*.c only.
 *
 *   integrity.c          the order of the passes; what a dirty database changes
 *   integrity_trees.c    which trees there are, by the catalogue
 *   integrity_space.c    who owns which page
 *   integrity_walk.c     a tree's pages, one by one
 *   integrity_catalog.c  the catalogue against its shadow and against MSysObjids
 *   integrity_table.c    a table: its records, then what hangs on them
 *   integrity_lv.c       long values and the references to them
 *   integrity_index.c    secondary indexes against records
 *   integrity_keys.c     the index entries that a record must have
 *
 * Invariants:
 *   1. A fault is told once, however often its page is read (reporter of integrity.c).
 *   2. What hangs on something that could not be read whole is not checked: one note instead of a
 *      fault for each row.
 *   3. Every page is visited once per tree walk, and a walk that meets pages of other walks gives up:
 *      the time is linear whatever the catalogue says.
 *   4. Memory: 16 bytes for each extent and for each long value of one table, 1 bit for each page in
 *      use: a small fraction of what each of them takes in the file.
 */
#ifndef ESE_CHECK_INTEGRITY_H
#define ESE_CHECK_INTEGRITY_H

#include "btree/space.h"
#include "check/pgset.h"
#include "rec/catalog.h"

#define FAULTS_OF_A_KIND_MAX 20 /* told one by one for each tree; the rest is counted */
#define OBJID_DATABASE       1u
#define PGNO_DATABASE        1u

enum tree_kind { TREE_DATABASE, TREE_TABLE, TREE_INDEX, TREE_LV };

enum column_kind { COLUMN_FIXED, COLUMN_VARIABLE, COLUMN_TAGGED };

struct tree {
    pgno_t root;
    objid_t objid;
    uint32_t parent; /* that its extents come from; number in integrity.trees */
    enum tree_kind kind;
    const struct table *table; /* NULL: the database's own */
    const struct index *index; /* TREE_INDEX: that one; TREE_TABLE: the primary index or NULL */

    unsigned last_column[3]; /* TREE_TABLE, by column_kind: highest number, deleted ones included */

    struct space_header space;
    bool space_known;    /* its extents were read without fault */
    bool child_unknown;  /* the same is not known of a tree that has its extents from here */
    bool damaged;        /* not all of its nodes could be read, or not all are in their place */
    bool newer;          /* has a page that was changed after the header was written */
    bool ignored;        /* it cannot be walked: another tree has its root */
    uint64_t nr_owned;   /* pages of its own extents, those given on to children not counted */
    uint64_t nr_used;    /* of these */
    uint64_t nr_nodes;   /* that are not deleted; known once it was walked */
    unsigned nr_misused; /* pages used that are not its own, or available */
};

struct owned_extent {
    pgno_t first, last;
    uint32_t tree;
    pgno_t where; /* page that says so */
};

/* Pages first .. (that of the next segment) - 1. */
struct segment {
    pgno_t first;
    uint32_t tree : 31;
    uint32_t available : 1;
};
#define TREE_NOBODY 0x7fffffffu

struct extents {
    struct owned_extent *e;
    size_t nr, room;
};

struct tree_page {
    pgno_t pgno;
    uint32_t tree;
};

struct integrity {
    struct reporter r; /* what the engine below reports goes through here */
    ese_fault_fn *fn;  /* the caller's */
    void *fn_ctx;
    uint64_t nr_faults;  /* told as such */
    uint64_t nr_demoted; /* told as a note, or not at all when there are too many */
    uint64_t *told;      /* hashes of faults that were told */
    bool lenient;        /* dirty: what recovery may put right is no fault */
    bool shadow_off;     /* the catalogue's shadow is not kept */
    bool newer;          /* a page was changed after the header was written */
    unsigned doubtful;   /* > 0: findings are about pages newer than the header */
    unsigned muted;      /* > 0: what is read now is checked elsewhere */

    struct dbfile *f;
    struct catalog *catalog;
    struct tree *trees;
    size_t nr_trees, room_trees;
    uint32_t *by_objid; /* numbers of trees, ordered by objid */

    struct pgset reached; /* pages of all trees that were walked */
    struct extents owned, available;
    struct segment *map;
    size_t nr_map;
    struct tree_page *space_pages; /* of the trees of extents, until the map is there */
    size_t nr_space_pages, room_space_pages;

    ese_progress_fn *progress;
    void *progress_ctx;
    uint64_t done, total;
};

uint64_t integrity_hash(uint64_t seed, const void *bytes, size_t len);

/* ---- telling ----------------------------------------------------------------------------------- */

/* A fault of page pgno, at its offset. */
JET_ERR integrity_fault(struct integrity *g, JET_ERR err, pgno_t pgno, const char *fmt, ...)
    printf_like(4, 5) cold;
void integrity_note(struct integrity *g, const char *fmt, ...) printf_like(2, 3) cold;
/* "table T", "index I of table T", "the long values of table T". Returns buf. */
#define TREE_NAME_LEN 160
const char *tree_name(const struct tree *t, char buf[TREE_NAME_LEN]);

void integrity_progress(struct integrity *g, uint64_t pages);

/* Room for one more element of an array that grows by doubling. */
must_check JET_ERR integrity_grow(void *array, size_t nr, size_t *room, size_t size);

/* ---- trees ------------------------------------------------------------------------------------- */

/* Fills g->trees from the catalogue: a table stands before its indexes and long values. */
must_check JET_ERR trees_find(struct integrity *g);
/* NULL: there is none. */
struct tree *trees_by_objid(const struct integrity *g, objid_t objid);

/* ---- space ------------------------------------------------------------------------------------- */

/* Reads all extents and makes the map. */
must_check JET_ERR space_map(struct integrity *g);
/* A page that tree t uses: it must be t's and not be available. */
void space_use(struct integrity *g, struct tree *t, pgno_t pgno);
/* After the last tree: notes on what is owned and not used. */
void space_tell_leaks(struct integrity *g);

/* ---- walking ----------------------------------------------------------------------------------- */

/* A walk over the nodes of a tree, or over those of one of its trees of extents. */
struct walk {
    struct integrity *g;
    struct tree *t;
    struct bt_cursor *bt; /* own, or that of a space_cursor */
    struct bt_cursor own;
    bool of_space;
    bool leaf_seen;
    unsigned nr_repeated; /* pages that were reached before */
    JET_ERR err;          /* < 0: out of memory */
};

/* The walk that accounts for the tree's pages. */
void walk_begin(struct walk *w, struct integrity *g, struct tree *t);
/* Another one, for what the nodes hold. */
void walk_again(struct walk *w, struct integrity *g, struct tree *t);
/* Accounts for the pages of a cursor that somebody else moves, one over t's extents. */
void walk_hook(struct walk *w, struct integrity *g, struct tree *t, struct bt_cursor *bt);
/* True: *ret is the next node, deleted ones included. False: the end, or w->err. Faults were told and
 * t->damaged says that there were some. */
bool walk_next(struct walk *w, struct bt_node *ret);
/* The same without those that are flagged as deleted. */
bool walk_next_live(struct walk *w, struct bt_node *ret);
/* A walk that meets this many pages of others is none through a tree. */
bool walk_is_lost(const struct walk *w);
void walk_end(struct walk *w);

/* ---- the rest ---------------------------------------------------------------------------------- */

must_check JET_ERR catalog_check(struct integrity *g);
/* trees[i] is a table; all that hangs on it is checked with it. */
must_check JET_ERR table_check(struct integrity *g, size_t i);

#endif
