/* Between lvwrite.c, lvchange.c, lvread.c and lvclean.c. */
#ifndef ESE_REC_LVWRITE_PRIV_H
#define ESE_REC_LVWRITE_PRIV_H

#include "rec/lvwrite.h"
#include "rec/recfmt.h"

#define LV_SIZE_MOST (uint32_t) INT32_MAX

struct lv_root { /* as this session sees it */
    uint32_t refcount, size;
    uint32_t len;  /* of the node's data: 8, or 9 with flags */
    uint8_t flags; /* LVROOT_... */
};

static inline struct slice lv_root_key(uint64_t lid, uint8_t buf[LV_KEY_MAX])
{
    return (struct slice){buf, lv_key(lid, NULL, buf)};
}
static inline struct slice lv_piece_key(uint64_t lid, uint32_t offset, uint8_t buf[LV_KEY_MAX])
{
    return (struct slice){buf, lv_key(lid, &offset, buf)};
}

/* Reports damage of a value. */
JET_ERR lv_tree_fault(struct lv_tree *lv, JET_ERR err, uint64_t lid, pgno_t pgno,
                      const char *what) cold;

/* lvread.c. To the root; the place is on it. JET_errLVCorrupted, reported. */
JET_ERR lv_seek_root(struct lv_tree *lv, uint64_t lid, struct lv_root *ret);
/* To the piece at offset; the place is on it. JET_errLVCorrupted, reported: there is none. */
JET_ERR lv_seek_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset);
/* The plain bytes of the piece that the place is on, in lv->plain: those of a value of `size`
 * bytes. */
JET_ERR lv_piece(struct lv_tree *lv, uint64_t lid, uint32_t offset, uint32_t size,
                 uint32_t *ret_len);

/* lvwrite.c. From `at` on (the value's end), in new pieces after the last one was filled up; from.p
 * NULL: zeroes. */
JET_ERR lv_extend(struct lv_tree *lv, uint64_t lid, uint32_t at, struct slice from);
/* New data for the piece the place is on. */
JET_ERR lv_replace_piece(struct lv_tree *lv, struct slice plain, unsigned flags);
JET_ERR lv_replace_root(struct lv_tree *lv, const struct lv_root *root);

#endif
