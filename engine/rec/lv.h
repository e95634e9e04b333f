/*
 * Long values that lie in a tree of their own, one tree for each table, read piece by piece.
 *
 *   key (big-endian)          data
 *   LID                       u32 references, u32 size [, u8 flags]     root
 *   LID, u32 offset           bytes, compressed when shorter than the piece they stand for
 *
 * A LID has 4 bytes, or 8 when its top bit is set; both kinds may be in one tree. Records carry it
 * little-endian (ESE: lv.hxx, lv.cxx; seen in bits-artemis-win10/qmgr.db).
 */
#ifndef ESE_REC_LV_H
#define ESE_REC_LV_H

#include "btree/btread.h"
#include "rec/compress.h"

#define LID64 (UINT64_C(1) << 63) /* set in every LID of 8 bytes, in none of 4 */

/* Bytes of a LID as they lie in a record, 4 or 8 of them. */
static inline uint64_t lid_decode(struct slice s)
{
    return s.len == 8 ? get_le64(s.p) : get_le32(s.p);
}

#define LV_KEY_MAX 12
/* Key of a long value's root (offset NULL) or piece. Returns its length. */
uint32_t lv_key(uint64_t lid, const uint32_t *offset, uint8_t key[LV_KEY_MAX]);

struct lv_node { /* a node of the tree */
    uint64_t lid;
    bool is_root;
    uint32_t offset; /* of a piece */
    uint32_t refcount, size;
    bool encrypted;
    struct slice piece; /* as stored */
};
/* NULL: sound; else one static clause. */
const char *lv_node_decode(struct slice key, struct slice data, struct lv_node *ret);

struct lv_reader {
    struct bt_cursor bt;
    uint32_t chunk; /* bytes of every piece but the last */
    uint64_t lid;
    uint32_t size, at; /* of the value that is open */
    uint32_t refcount;
    bool encrypted;
    uint8_t buf[DECOMPRESS_MAX];
};

/* Bytes of a piece when the table's catalogue row names no other (ESE: jetapi.cxx, cbLVChunkMost). */
uint32_t lv_chunk_default(uint32_t page_size);

/* chunk: the table's, not 0. Reads nothing. */
void lv_init(struct lv_reader *lv, struct dbfile *f, pgno_t root, objid_t objid, uint32_t chunk);
void lv_done(struct lv_reader *lv);

/* Finds a value; *ret_size is its length in plain bytes. JET_errLVCorrupted, reported: there is none
 * of that number, or its root is damaged. JET_errColumnNoEncryptionKey: it is encrypted. */
must_check JET_ERR lv_open(struct lv_reader *lv, uint64_t lid, uint32_t *ret_size);
/* Its next piece, in plain bytes, valid until the next call; empty at the end. Errors, reported:
 * JET_errLVCorrupted (a piece is missing or of a wrong length), JET_errDecompressionFailed, those of
 * bt_next. */
must_check JET_ERR lv_next(struct lv_reader *lv, struct slice *ret);

#endif
