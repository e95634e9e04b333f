/*
 * Long values of a running database: made, changed, read and given up by sessions (ESE: lv.cxx;
 * write path 10). How they lie in their tree: lv.h. All of it goes through btree/dir.h, so a
 * session sees a value as its transaction began.
 *
 *   - The first piece is inserted before the root, so that a split takes both to the new page.
 *   - References are counted by Deltas alone, which do not exclude each other. Whoever changes a
 *     value that others refer to makes a copy first and refers to that.
 *   - The root says the value's length; whoever changes a value replaces or locks its root first,
 *     so two cannot.
 *   - A value whose count fell to 0 is removed by lv_clean, when nobody can see it any more.
 *
 * Nothing here begins or commits a level, except lv_clean: the caller opens an inner level around a
 * change and rolls it back after an error. One thread at a time uses a struct lv_tree.
 */
#ifndef ESE_REC_LVWRITE_H
#define ESE_REC_LVWRITE_H

#include "btree/dir.h"
#include "rec/compress.h"
#include "rec/lv.h"

struct lv_tree { /* a session's access to a table's long values */
    struct sess *sess;
    struct tree *tree;
    objid_t objid;  /* the tree's: the object may have become another one's */
    uint32_t chunk; /* bytes of every piece but the last */
    struct dir dir;
    uint8_t *plain, *packed; /* a piece each */
    /* The caller's, before a change: how pieces are stored. */
    unsigned compress; /* enum compress_flags; 0: as they are */
    uint32_t xpress_min;
    uint32_t most; /* bytes of a value of the column; 0: any */
};

/* chunk: the table's LVChunkMax, or lv_chunk_default. JET_errCatalogCorrupted: no table can have
 * that. */
must_check JET_ERR lv_tree_init(struct lv_tree *lv, struct sess *s, struct tree *t, uint32_t chunk);
void lv_tree_done(struct lv_tree *lv); /* fine after a failed init */

/* ---- changes: the session is in a transaction ------------------------------------------------ */

/* A new value with one reference. JET_errOutOfLongValueIDs, JET_errColumnTooBig. data.p NULL:
 * zeroes. */
must_check JET_ERR lv_create(struct lv_tree *lv, struct slice data, uint64_t *ret_lid);
/*
 * The changes. *lid becomes another one, and the result JET_wrnCopyLongValue, when a copy had to be
 * made; the old one has a reference less then. JET_errWriteConflict; JET_errColumnTooBig (most);
 * JET_errColumnNoChunk: offset beyond the end.
 */
must_check JET_ERR lv_append(struct lv_tree *lv, uint64_t *lid, struct slice data);
/* From offset on; beyond the end makes it longer. resize: the value ends with the data. */
must_check JET_ERR lv_overwrite(struct lv_tree *lv, uint64_t *lid, uint32_t offset,
                                struct slice data, bool resize);
/* Cuts it, or adds zeroes. */
must_check JET_ERR lv_set_size(struct lv_tree *lv, uint64_t *lid, uint32_t size);

/* One reference more. *lid as above: a copy with one reference, when the root is being changed by
 * somebody. */
must_check JET_ERR lv_add_ref(struct lv_tree *lv, uint64_t *lid);
/* One less. The caller has the record locked. JET_errWriteConflict: somebody changes it, or it has
 * none. */
must_check JET_ERR lv_release(struct lv_tree *lv, uint64_t lid);
/* A new value with the same bytes and one reference. */
must_check JET_ERR lv_copy(struct lv_tree *lv, uint64_t lid, uint64_t *ret_lid);

/* ---- reading --------------------------------------------------------------------------------- */

/* Length in plain bytes, and references as this session sees them (NULL: not asked).
 * JET_errLVCorrupted, reported: there is none of that number. JET_errColumnNoEncryptionKey. */
must_check JET_ERR lv_stat(struct lv_tree *lv, uint64_t lid, uint32_t *ret_size,
                           uint32_t *ret_refcount);
/* Up to cap bytes from offset on; *ret_len: how many were there; *ret_size: length of the whole
 * value (NULL: not asked). JET_errLVCorrupted, JET_errDecompressionFailed, reported. */
must_check JET_ERR lv_read(struct lv_tree *lv, uint64_t lid, uint32_t offset, void *buf,
                           uint32_t cap, uint32_t *ret_len, uint32_t *ret_size);

/* ---- the engine's own ------------------------------------------------------------------------ */

/* dir_lv_clean_fn: removes a value that has no reference, in as many transactions as it takes; s is
 * in one before and after. A value that somebody uses again is left alone. */
JET_ERR lv_clean(struct sess *s, struct tree *t, const struct bookmark *bm);

#endif
