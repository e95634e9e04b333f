/* Between the parts of smo.h: smosplit.c (an operation, until it is done), smoplan.c (which pages
 * are split, and how), smopoint.c (where), smolog.c (macros), smoclean.c, smomerge.c; smopath.c:
 * the way down, room, records of one page. */
#ifndef ESE_BTREE_SMO_INT_H
#define ESE_BTREE_SMO_INT_H

#include <limits.h>

#include "btree/redo_int.h"
#include "btree/smo.h"
#include "log/logrec.h"

enum smo_type { SMO_VERTICAL = 0, SMO_RIGHT = 1, SMO_APPEND = 2 }; /* persistent: Split2 */
enum smo_oper {                                                    /* the same */
                SMO_OPER_NONE = 0,
                SMO_OPER_INSERT = 1,
                SMO_OPER_REPLACE = 2,
                SMO_OPER_FLAG_INSERT_REPLACE = 3
};
#define SMO_LEVELS_MAX (REDO_LEVELS_MAX - 1u)
/* Node in a page: its tag, and the length of its key. */
#define SMO_NODE_OVERHEAD 6u

/* ---- smopath.c -------------------------------------------------------------------------------- */

/*
 * The way from the root to a leaf, while tree.smo is held exclusively (or, for a space tree,
 * db.space_lock): all pages are pinned, and stay where they are in the tree. Latched shared, the
 * leaf exclusively, until smo_path_unlatch.
 */
struct smo_step {
    struct buf *buf;
    enum buf_latch latch; /* BUF_PIN: none */
    unsigned line;        /* internal page: of the pointer that was followed */
};

struct smo_path {
    struct sess *s;
    struct tree *t;
    struct smo_step step[SMO_LEVELS_MAX];
    unsigned depth;
    bool found; /* the leaf's line has the bookmark; else it is where that would come in */
};

static inline struct page smo_page(const struct buf *b)
{
    return (struct page){b->b, b->size};
}
static inline struct edit smo_edit(struct buf *b)
{
    return (struct edit){b->b, b->size};
}
static inline struct smo_step *smo_leaf(struct smo_path *p)
{
    return &p->step[p->depth - 1];
}
void smo_enter(struct tree *t); /* tree.smo */
void smo_leave(struct tree *t);
must_check JET_ERR smo_descend(struct smo_path *p, struct sess *s, struct tree *t,
                               const struct bookmark *bm);
/* A page of the way that is not latched: exclusively. */
void smo_path_latch(struct smo_path *p, unsigned i);
void smo_path_unlatch(struct smo_path *p);
void smo_path_done(struct smo_path *p); /* fine at any time, and twice */
/* The leaf to the right or left of leaf b, which is latched; pinned. *ret is NULL when there is
 * none. */
must_check JET_ERR smo_sibling(struct tree *t, const struct buf *b, bool right, struct buf **ret);
JET_ERR smo_fault(struct tree *t, JET_ERR err, pgno_t pgno, const char *what) cold;

/* Is the node flagged as deleted, and held by nobody? */
bool smo_is_dead(struct tree *t, const struct node *n);
/* The root node of a long value: 4 bytes, or 8 with the first bit set (ESE: FIsLVRootKey). */
bool smo_is_lv_root(const struct tree *t, const struct node *n);
/* The longest that the node's data are, or may be again by a rollback. */
uint32_t smo_data_max(struct tree *t, const struct node *n);
/* Bytes of the page that rollbacks may want back (ESE: CbNDUncommittedFree); but for one line, or
 * SMO_NO_LINE. */
#define SMO_NO_LINE UINT_MAX
uint32_t smo_reserved(struct tree *t, struct page p, unsigned but);
/* May len bytes of the page be used? When the reserve stands against it, it is counted anew: a
 * leaf is latched exclusively. */
bool smo_has_room(struct tree *t, struct buf *b, uint32_t len);
/* Bytes that an internal page needs for a separator. */
uint32_t smo_separator_len(struct page p, struct redo_key key);
/* Of a page with no nodes and no prefix, all there is for nodes (ESE:
 * CbNDPageAvailMostNoInsert). */
static inline uint32_t smo_room(uint32_t page_size)
{
    return page_size - page_header_len(page_size) - 4;
}
static inline uint32_t smo_density_free(const struct tree *t)
{
    return t->space ? 0 : (100 - t->density) * t->db->page_size / 100;
}

/* Logs rec for a page that is latched exclusively; fills pgno, dbtimes. The change comes after it,
 * then smo_changed. */
must_check JET_ERR smo_log(struct sess *s, struct tree *t, struct buf *b, struct logrec *rec,
                           lgpos_t *ret);
void smo_changed(struct sess *s, struct buf *b, const struct logrec *rec, lgpos_t lgpos,
                 uint32_t reserved);
/* A logged change could not be made: what was looked at before is not so. The instance is down. */
JET_ERR smo_broken(struct sess *s, struct buf *b, JET_ERR err) cold;

/* ---- smopoint.c ------------------------------------------------------------------------------- */

struct smo_line { /* of a page that is to be split, as it would be with the operation done */
    struct redo_key key;
    struct slice data;
    /* In a page, tag included, not compressed; max: after the dearest rollback. */
    uint32_t size, max;
    uint64_t size_sum, max_sum; /* of this line and all before it */
    /* Key bytes shared with the line before, less what a compressed node costs; 0: nothing gained. */
    uint32_t common;
    uint32_t before, behind; /* smo_prefix_best */
    unsigned lower;
};

struct smo_prefix { /* of a page: the key of one of its lines */
    int line;       /* -1: none */
    uint32_t gain;  /* bytes saved by it */
};

struct smo_point {
    unsigned at; /* first line that goes to the new page; 0 in a vertical split */
    struct smo_prefix left, right;
};

/* Fills the sums and common. */
void smo_lines_weigh(struct smo_line *line, unsigned nr);
void smo_prefix_best(struct smo_line *line, unsigned nr, struct smo_prefix *ret);
/* In the following, false: the pages would not hold their lines. room: bytes of a page for
 * nodes. */
bool smo_point_at(struct smo_line *line, unsigned nr, uint32_t room, unsigned at,
                  struct smo_point *ret);
bool smo_point_even(struct smo_line *line, unsigned nr, uint32_t room, struct smo_point *ret);
bool smo_point_highest(struct smo_line *line, unsigned nr, uint32_t room, struct smo_point *ret);
/* Is line `oper`, which comes in, one of an ascending run: are the two before it the newest in the
 * page? */
bool smo_point_is_hot(const struct smo_line *line, unsigned nr, unsigned oper);
/* Shortest string that is above line a and not above line b, which is next; to out, where a page
 * has room. 0: they are out of order. */
uint32_t smo_separator(const struct smo_line *a, const struct smo_line *b, uint8_t *out);

/* ---- smosplit.c, smoplan.c, smolog.c ---------------------------------------------------------- */

struct smo_split { /* planned for one page of the way */
    bool planned;
    enum smo_type type;
    enum smo_oper oper;
    unsigned oper_line, at, nr_lines;
    int prefix_split, prefix_new; /* lines, each counted in its page; -1: none */
    uint32_t new_flags, split_flags;
    uint32_t reserved_split, reserved_new;
    struct slice separator, prefix_old, prefix_bytes; /* in mem */
    uint8_t *mem;
    struct buf *right; /* pinned; NULL: none */
    pgno_t fresh;
};

struct smo_work { /* an operation, and how far it has come */
    struct sess *s;
    struct tree *t;
    const struct smo_op *op;
    smo_alloc_fn *alloc;
    void *ctx;
    enum lrtyp type; /* what the operation comes down to in the page as it is now */
    struct smo_path path;
    struct smo_split split[SMO_LEVELS_MAX]; /* of path.step */
    pgno_t pgno;                            /* where its node is when it is done */
    unsigned line;
};

/* The path is latched. A split of the leaf, and of what is above it as far as that is full; or
 * only of something above, when that has to come first. */
must_check JET_ERR smo_plan(struct smo_work *w);
void smo_plan_done(struct smo_work *w); /* before the path's end */
/* The path is not latched any more, the pages are taken. *ret_done: with the operation. */
must_check JET_ERR smo_split_run(struct smo_work *w, bool *ret_done);
/* The record of the operation, but for what trx_log fills in; prefix: bytes that its node takes
 * from the page. */
void smo_fill_record(const struct smo_work *w, struct logrec *rec, uint32_t prefix);

struct smo_macro {
    struct sess *s;
    struct tree *t;
    dbtime_t dbtime;
    unsigned nr, nr_pages, nr_reserved, nr_images;
    uint8_t *image[REDO_LEVELS_MAX];
    struct logrec rec[REDO_LEVELS_MAX];
    le32 page[3 * REDO_LEVELS_MAX]; /* MacroInfo */
    struct smo_reserve {
        pgno_t pgno;
        uint32_t len;
    } reserved[2];
};

/* db.space_lock is held from here to smo_macro_done. */
void smo_macro_begin(struct smo_macro *m, struct sess *s, struct tree *t);
/* The next record, with what all have in common. b: its page, latched exclusively. */
struct logrec *smo_macro_add(struct smo_macro *m, enum lrtyp type, const struct buf *b);
void smo_macro_names(struct smo_macro *m, pgno_t pgno); /* in MacroInfo; PGNO_NULL is fine */
/* What the macro leaves reserved in a leaf. */
void smo_macro_reserve(struct smo_macro *m, pgno_t pgno, uint32_t len);
/* The page before the macro, for its record. */
must_check JET_ERR smo_macro_image(struct smo_macro *m, const struct buf *b, struct slice *ret,
                                   uint32_t *ret_flags);
/* Carries it out: prepared, logged, applied. Each page of it is latched exclusively. */
must_check JET_ERR smo_macro_run(struct smo_macro *m);
void smo_macro_done(struct smo_macro *m);

/* ---- dirundo.c -------------------------------------------------------------------------------- */

/* UndoInfo of the nodes from line `first` on, which are about to leave the leaf; it is latched exclusively. */
must_check JET_ERR dir_before_move(struct tree *t, const struct buf *b, unsigned first);

/* ---- smoclean.c, smomerge.c ------------------------------------------------------------------- */

/* Takes from a leaf's prefix what no node uses. The page is latched exclusively. *ret_changed:
 * there was something. */
must_check JET_ERR smo_trim_prefix(struct sess *s, struct tree *t, struct buf *b,
                                   bool *ret_changed);
/* The leaf of the path, which is latched, goes away if it can. Latches are let go of. */
must_check JET_ERR smo_merge(struct smo_path *p);

#endif
