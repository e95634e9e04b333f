/* Between the parts of redo: redo.c (rule, dispatch), redo_node.c, redo_space.c, redo_macro.c, redo_split.c,
 * redo_merge.c, redo_move.c. */
#ifndef ESE_BTREE_REDO_INT_H
#define ESE_BTREE_REDO_INT_H

#include "btree/redo.h"
#include "page/edit.h"

#define REDO_PGNO_MAX 0x7fefffffu /* ESE: space.hxx pgnoSysMax */
#define REDO_PREFIX_MIN \
    3u /* bytes; two are the price of a compressed node (ESE: cbPrefixOverhead) */

/* ---- redo_map.c: pages that could not be changed because a later record may remove them ---- */

struct redo_map *redo_map_new(void);
void redo_map_free(struct redo_map *m);
must_check JET_ERR redo_map_set(struct redo_map *m, pgno_t pgno, JET_ERR why, lgpos_t lgpos);
JET_ERR redo_map_get(const struct redo_map *m, pgno_t pgno); /* JET_errSuccess: not in it */
void redo_map_clear(struct redo_map *m, pgno_t first, uint64_t nr);
/* Calls fn for each page in it. */
void redo_map_each(const struct redo_map *m,
                   void (*fn)(void *ctx, pgno_t pgno, JET_ERR why, lgpos_t lgpos), void *ctx);

/* ---- redo.c: pages -------------------------------------------------------------------------- */

struct redo_page {
    pgno_t pgno;     /* 0: none */
    struct buf *buf; /* pinned; NULL: none, or in the map */
    bool redo;       /* needs the change */
    struct edit e;   /* redo: its bytes, or a macro's copy of them */
    uint8_t *copy;   /* the macro's */
    bool made;       /* did not exist before */
    bool sound; /* the copy needs no check: links changed, or what was looked at when it was done */
    bool image; /* the copy is a before image: others are made from it, the page itself stays */
};

/* A page that exists, with the dbtime before and after the record. */
must_check JET_ERR redo_open(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, objid_t objid,
                             dbtime_t before, dbtime_t after, struct redo_page *ret);
/* A page that the record makes (ESE: ErrLGRIAccessNewPage). */
must_check JET_ERR redo_open_new(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, dbtime_t after,
                                 struct redo_page *ret);
void redo_close(struct redo_page *p);
/* After the change: dbtime, dirty. */
void redo_changed(struct redo_page *p, dbtime_t after, lgpos_t lgpos);
/* ... dbtime alone. */
void redo_stamp(struct redo_page *p, dbtime_t after);
/* Of a page in the file, for reports. */
static inline uint64_t redo_offset(const struct redo_db *db, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * db->page_size;
}
/* Reports that a record asks for what the page does not have. */
JET_ERR redo_inconsistent(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, const char *what) cold;
JET_ERR redo_bad_log(struct redo_db *db, lgpos_t lgpos, const char *what) cold;

/* ---- redo_node.c ------------------------------------------------------------------------------ */

struct redo_key { /* a whole key in two pieces */
    struct slice p[2];
};
static inline uint32_t redo_key_len(struct redo_key k)
{
    return k.p[0].len + k.p[1].len;
}

/* <0, 0, >0 as memcmp, shorter first. */
int redo_key_cmp(struct redo_key x, struct redo_key y);
/* Bytes that both begin with. */
uint32_t redo_key_common(struct redo_key x, struct redo_key y);
/* Bytes that a node of the page takes from its prefix: as many as there are, if that pays, else none. */
uint32_t redo_prefix_len(struct page p, struct redo_key key);
/* Inserts with as much of the page's prefix as pays (ESE: BTIComputePrefixAndInsert). */
must_check JET_ERR redo_insert(struct edit e, unsigned line, unsigned flags, struct redo_key key,
                               struct slice data);
/* The space trees of a non-unique tree carry its flag, but are unique. */
static inline bool redo_is_unique(struct page p)
{
    return !(page_flags(p) & PAGE_NON_UNIQUE) || (page_flags(p) & PAGE_SPACE_TREE);
}
/* Does line sort between its neighbours? */
bool redo_in_order(struct page p, unsigned line);
/* Replaces an internal node's child. False: it does not point to `from`. */
bool redo_set_child(struct edit e, unsigned line, pgno_t from, pgno_t to);
void redo_keep(struct redo_db *db, const struct node *n, struct redo_result *ret);
must_check JET_ERR redo_node(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                             struct redo_result *ret);
must_check JET_ERR redo_scrub(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                              struct redo_result *ret);
/* Tag 0 of a root, of which only the space header changes (ESE: NDSetExternalHeader, noderfSpaceHeader). */
must_check JET_ERR redo_set_space_header(struct edit e, const struct space_hdr_disk *h);

/* ---- redo_space.c ----------------------------------------------------------------------------- */

must_check JET_ERR redo_new_page(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec);
must_check JET_ERR redo_create_fdp(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec);
must_check JET_ERR redo_convert_fdp(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec);
must_check JET_ERR redo_range(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec);

/* ---- redo_macro.c: several pages at once, on copies ------------------------------------------- */

#define REDO_LEVELS_MAX 16 /* BT_DEPTH_MAX */
#define REDO_PAGES_MAX \
    128 /* splits: three a level; the move of a root: one for each index, and ten */

struct redo_macro {
    struct redo_db *db;
    lgpos_t lgpos;
    dbtime_t dbtime; /* that all pages get */
    struct redo_page page[REDO_PAGES_MAX];
    unsigned nr_pages;
};

/* Opens a page for the macro, with a copy when it needs redo. pgno 0: *ret is a page that needs nothing. */
must_check JET_ERR redo_macro_open(struct redo_macro *m, pgno_t pgno, objid_t objid,
                                   dbtime_t before, struct redo_page **ret);
must_check JET_ERR redo_macro_open_new(struct redo_macro *m, pgno_t pgno, struct redo_page **ret);
/* Puts a before image in place of the page for the time of the macro (ESE: ErrReplacePageImage). */
must_check JET_ERR redo_macro_image(struct redo_macro *m, struct redo_page *p, struct slice image,
                                    uint32_t flags, dbtime_t before, objid_t objid);
/* ... from the two parts that PageMove logs. */
must_check JET_ERR redo_macro_image2(struct redo_macro *m, struct redo_page *p, struct slice header,
                                     struct slice trailer, dbtime_t before, objid_t objid);
/* Checks every copy. */
must_check JET_ERR redo_macro_check(struct redo_macro *m);
/* A page that the macro is going to change, its copy in e. NULL: none of them. */
struct redo_page *redo_macro_page(struct redo_macro *m, pgno_t pgno);

must_check JET_ERR redo_split(struct redo_macro *m, const struct logrec *recs, unsigned nr,
                              struct redo_result *ret);
must_check JET_ERR redo_merge(struct redo_macro *m, const struct logrec *recs, unsigned nr);
must_check JET_ERR redo_empty_tree(struct redo_macro *m, const struct logrec *rec,
                                   struct redo_result *ret);
must_check JET_ERR redo_page_move(struct redo_macro *m, const struct logrec *rec);
must_check JET_ERR redo_root_move(struct redo_macro *m, const struct logrec *recs, unsigned nr);

#endif
