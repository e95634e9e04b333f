/*
 * Columns of the copy (ESE: fldmod.cxx ErrRECSetColumn; lv.cxx ErrRECSetLongField). Long values go
 * to their tree when they are set, each in an inner transaction; the copy has their numbers (write
 * path 10).
 */
#include "rec/fucb_priv.h"

#include <stdlib.h>

#define LONG_GRBITS (JET_bitSetAppendLV | JET_bitSetOverwriteLV | JET_bitSetSizeLV)
#define GRBITS                                                                                 \
    (LONG_GRBITS | JET_bitSetZeroLength | JET_bitSetSeparateLV | JET_bitSetUniqueMultiValues | \
     JET_bitSetUniqueNormalizedMultiValues | JET_bitSetRevertToDefaultValue |                  \
     JET_bitSetIntrinsicLV | JET_bitSetUncompressed | JET_bitSetCompressed |                   \
     JET_bitSetContiguousLV)
#define INTRINSIC_MOST \
    1023u /* bytes that stay in the record when nothing else is said (ESE: cbLVIntrinsicMost) */
#define LID_LEN 4u

static bool is_long(const struct column *col)
{
    return col->coltyp == JET_coltypLongBinary || col->coltyp == JET_coltypLongText;
}

struct setting { /* one call */
    struct fucb *c;
    const struct column *col;
    unsigned seq; /* 0: a new value */
    struct slice data;
    uint32_t grbit, offset;
    bool null;
};

/* ---- long values that are where they are ----------------------------------------------------- */

static JET_ERR prepare_lv(struct setting *s, bool make, struct lv_tree **ret)
{
    const bool packed = s->grbit & JET_bitSetCompressed ||
                        (s->col->flags & COLUMN_COMPRESSED && !(s->grbit & JET_bitSetUncompressed));
    JET_ERR err;

    if (s->c->sess->level < 2) /* the inner level of this change is one */
        return RAISE(JET_errNotInTransaction);
    err = fucb_lv(s->c, make, ret);
    if (err < 0)
        return err;
    (*ret)->compress = packed ? COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS : 0;
    (*ret)->xpress_min = COMPRESS_XPRESS_MIN;
    (*ret)->most = s->col->max_len;
    return JET_errSuccess;
}

static JET_ERR keep_lid(struct setting *s, uint64_t lid)
{
    uint8_t b[8];

    put_le64(b, lid);
    return recbuf_set(&s->c->copy->rb, s->col, s->seq,
                      &(struct slice){b, lid & LID64 ? 8 : LID_LEN}, RECBUF_SEPARATED);
}

static JET_ERR change_separated(struct setting *s, const struct value *old)
{
    uint64_t lid = lid_decode(old->data);
    struct lv_tree *lv;
    JET_ERR err = prepare_lv(s, false, &lv);

    if (err < 0)
        return err;
    if (s->grbit & JET_bitSetAppendLV)
        err = lv_append(lv, &lid, s->data);
    else if (s->grbit & JET_bitSetOverwriteLV)
        err = lv_overwrite(lv, &lid, s->offset, s->data, s->grbit & JET_bitSetSizeLV);
    else
        err = lv_set_size(lv, &lid, s->data.len);
    return err < 0 ? err : keep_lid(s, lid);
}

static JET_ERR separate(struct setting *s, struct slice plain)
{
    struct lv_tree *lv;
    uint64_t lid;
    JET_ERR err = prepare_lv(s, true, &lv);

    if (err >= 0)
        err = lv_create(lv, plain, &lid);
    return err < 0 ? err : keep_lid(s, lid);
}

static JET_ERR give_up(struct setting *s, const struct value *old)
{
    struct lv_tree *lv;
    JET_ERR err = prepare_lv(s, false, &lv);

    return err < 0 ? err : lv_release(lv, lid_decode(old->data));
}

/* ---- making room ----------------------------------------------------------------------------- */

struct burst {
    struct fucb *c;
    uint32_t more_than;
};

static JET_ERR burst_value(struct burst *b, const struct column *col, unsigned seq)
{
    struct setting s = {.c = b->c, .col = col, .seq = seq};
    struct value v;
    uint8_t *plain;
    uint32_t len;
    JET_ERR err;

    if (recbuf_get(&b->c->copy->rb, col, seq, &v) != RECORD_VALUE || v.separated ||
        v.data.len <= b->more_than)
        return JET_errSuccess;
    plain = malloc(DECOMPRESS_MAX);
    if (!plain)
        return RAISE(JET_errOutOfMemory);
    err = fucb_fetch(b->c, &v, plain, DECOMPRESS_MAX, &len);
    if (err >= 0)
        err = separate(&s, (struct slice){plain, len});
    free(plain);
    return err;
}

/* Every long value of more than so many bytes leaves the record (ESE:
 * ErrRECAffectLongFieldsInWorkBuf). */
static JET_ERR burst(struct fucb *c, uint32_t more_than)
{
    const struct schema *sch = &c->copy->tdb->schema;
    struct burst b = {c, more_than};
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < sch->nr_columns && err >= 0; i++) {
        const struct column *col = &sch->columns[i];
        const unsigned nr = is_long(col) ? recbuf_count(&c->copy->rb, col) : 0;
        for (unsigned seq = 1; seq <= nr && err >= 0; seq++)
            err = burst_value(&b, col, seq);
    }
    return err;
}

/* recbuf_set, and when the record gets too big, with long values leaving it, the longer ones first.
 * */
static JET_ERR set_with_room(struct setting *s, const struct slice *v, unsigned flags)
{
    uint32_t threshold = s->c->db->page_size;
    JET_ERR err = recbuf_set(&s->c->copy->rb, s->col, s->seq, v, flags);

    while (err == JET_errRecordTooBig && threshold > LID_LEN && s->c->sess->level >= 2) {
        JET_ERR err2;
        threshold /= 2;
        if (threshold < s->c->db->page_size / 64)
            threshold = LID_LEN;
        err2 = burst(s->c, threshold);
        if (err2 < 0)
            return err2;
        err = recbuf_set(&s->c->copy->rb, s->col, s->seq, v, flags);
    }
    return err;
}

/* ---- long values with their new bytes whole -------------------------------------------------- */

static bool wants_to_be_separate(const struct setting *s, uint32_t len)
{
    const uint32_t most = s->c->fcb->intrinsic_most ? s->c->fcb->intrinsic_most : INTRINSIC_MOST;

    if (len > recbuf_value_most(&s->c->copy->rb))
        return true;
    if (s->grbit & JET_bitSetSeparateLV)
        return len > LID_LEN;
    return !(s->grbit & JET_bitSetIntrinsicLV) && len > most;
}

static JET_ERR store_long(struct setting *s, struct slice plain)
{
    const bool packs =
        s->seq <= 1 && (s->grbit & JET_bitSetCompressed || (s->col->flags & COLUMN_COMPRESSED &&
                                                            !(s->grbit & JET_bitSetUncompressed)));
    struct slice stored = plain;
    uint8_t *packed = NULL;
    unsigned flags = 0;
    JET_ERR err;

    if (s->col->max_len && plain.len > s->col->max_len)
        return RAISE(JET_errColumnTooBig);
    if (packs && plain.len && plain.len <= 2 * s->c->db->page_size) {
        packed = malloc(plain.len);
        if (!packed)
            return RAISE(JET_errOutOfMemory);
        stored.len = compress(plain, COMPRESS_TRY_7BIT | COMPRESS_TRY_XPRESS, COMPRESS_XPRESS_MIN,
                              packed, plain.len);
        flags = stored.len ? RECBUF_COMPRESSED : 0;
        stored = stored.len ? (struct slice){packed, stored.len} : plain;
    }
    if (wants_to_be_separate(s, stored.len)) {
        err = separate(s, plain);
    } else {
        err = set_with_room(s, &stored, flags);
        if (err == JET_errInvalidParameter && flags) /* not where a compressed one may be */
            err = set_with_room(s, &plain, 0);
        if (err == JET_errRecordTooBig && stored.len > LID_LEN && s->c->sess->level >= 2)
            err = separate(s, plain);
    }
    free(packed);
    return err;
}

/* The value's bytes after the call: of what is there, and of what comes. */
static JET_ERR combine(struct setting *s, const struct value *old, uint8_t **ret, uint32_t *ret_len)
{
    const uint32_t room =
        DECOMPRESS_MAX > s->c->db->page_size ? DECOMPRESS_MAX : s->c->db->page_size;
    uint32_t len = 0, at;
    uint64_t end;
    uint8_t *b = malloc((size_t)room + s->data.len + s->offset);
    JET_ERR err = b ? JET_errSuccess : RAISE(JET_errOutOfMemory);

    if (err >= 0 && old)
        err = fucb_fetch(s->c, old, b, room, &len);
    at = s->grbit & JET_bitSetAppendLV ? len : s->grbit & JET_bitSetOverwriteLV ? s->offset : 0;
    if (err >= 0 && s->grbit & JET_bitSetOverwriteLV && s->offset > len)
        err = RAISE(JET_errColumnNoChunk);
    if (err < 0) {
        free(b);
        return err;
    }
    if ((s->grbit & LONG_GRBITS) == JET_bitSetSizeLV) {
        if (s->data.len > len)
            memset(b + len, 0, s->data.len - len);
        len = s->data.len;
    } else {
        end = (uint64_t)at + s->data.len;
        memcpy(b + at, s->data.p, s->data.len);
        if (end > len || s->grbit & JET_bitSetSizeLV)
            len = (uint32_t)end;
    }
    *ret = b;
    *ret_len = len;
    return JET_errSuccess;
}

static JET_ERR set_long_value(struct setting *s)
{
    const unsigned seq = s->seq;
    struct value old;
    const bool there = seq && recbuf_get(&s->c->copy->rb, s->col, seq, &old) == RECORD_VALUE;
    uint8_t *plain;
    uint32_t len;
    JET_ERR err;

    if (there && old.encrypted)
        return RAISE(JET_errColumnNoEncryptionKey);
    if (!s->null && s->grbit & LONG_GRBITS && there && old.separated)
        return change_separated(s, &old);
    if (!s->null && s->grbit & LONG_GRBITS) {
        if ((s->grbit & LONG_GRBITS) == JET_bitSetSizeLV &&
            s->data.len > recbuf_value_most(&s->c->copy->rb) && !there)
            return separate(s, s->data);
        err = combine(s, there ? &old : NULL, &plain, &len);
        if (err < 0)
            return err;
        err = store_long(s, (struct slice){plain, len});
        free(plain);
        return err;
    }
    err = there && old.separated ? give_up(s, &old) : JET_errSuccess;
    if (err < 0)
        return err;
    if (s->null)
        return recbuf_set(&s->c->copy->rb, s->col, seq, NULL,
                          s->grbit & JET_bitSetRevertToDefaultValue ? RECBUF_REVERT : 0);
    return store_long(s, s->data);
}

/* ---- several values that differ -------------------------------------------------------------- */

static JET_ERR check_unique(struct setting *s)
{
    const unsigned nr = recbuf_count(&s->c->copy->rb, s->col);
    uint8_t *plain = malloc(DECOMPRESS_MAX);
    JET_ERR err = plain ? JET_errSuccess : RAISE(JET_errOutOfMemory);

    for (unsigned seq = 1; seq <= nr && err >= 0; seq++) {
        struct value v;
        uint32_t len;
        if (seq == s->seq || recbuf_get(&s->c->copy->rb, s->col, seq, &v) != RECORD_VALUE)
            continue;
        err = fucb_fetch(s->c, &v, plain, DECOMPRESS_MAX, &len);
        if (err >= 0 && len == s->data.len && memcmp(plain, s->data.p, len) == 0)
            err = RAISE(JET_errMultiValuedDuplicate);
    }
    free(plain);
    return err;
}

/* ---- JetSetColumn ---------------------------------------------------------------------------- */

static JET_ERR check_column(const struct fucb *c, const struct column *col)
{
    const bool insert = c->prep == FUCB_PREP_INSERT || c->prep == FUCB_PREP_INSERT_COPY ||
                        c->prep == FUCB_PREP_INSERT_COPY_DELETE;

    if (col->flags & COLUMN_AUTO_INCREMENT && !c->keep_numbers)
        return RAISE(JET_errInvalidColumnType);
    if (col->flags & (COLUMN_VERSION | COLUMN_ESCROW) && !insert)
        return RAISE(JET_errInvalidColumnType);
    if (col->flags & COLUMN_ENCRYPTED)
        return RAISE(JET_errColumnNoEncryptionKey);
    return JET_errSuccess;
}

static JET_ERR check_grbit(const struct setting *s)
{
    const bool unique =
        s->grbit & (JET_bitSetUniqueMultiValues | JET_bitSetUniqueNormalizedMultiValues);

    if (s->grbit & ~GRBITS || (unique && s->grbit & LONG_GRBITS) ||
        (s->grbit & JET_bitSetContiguousLV && !(s->grbit & JET_bitSetSeparateLV)) ||
        (s->grbit & JET_bitSetCompressed && s->grbit & JET_bitSetUncompressed) ||
        (s->grbit & JET_bitSetAppendLV && s->grbit & (JET_bitSetOverwriteLV | JET_bitSetSizeLV)))
        return RAISE(JET_errInvalidGrbit);
    if (s->grbit & JET_bitSetContiguousLV && s->data.len < s->c->db->page_size)
        return RAISE(JET_errInvalidBufferSize);
    return JET_errSuccess;
}

static JET_ERR set_short(struct setting *s)
{
    const uint8_t yes = 0xff, no = 0;
    struct slice data = s->data;

    if (s->grbit & LONG_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (s->col->coltyp == JET_coltypBit && !s->null && data.len == 1)
        data.p = *data.p ? &yes : &no;
    return set_with_room(s, s->null ? NULL : &data,
                         s->grbit & JET_bitSetRevertToDefaultValue ? RECBUF_REVERT : 0);
}

/* Whether versions may come of it, so that it needs a level of its own. Values in the record alone
 * do not. */
static bool touches_values(const struct setting *s)
{
    struct value old;

    if (!is_long(s->col))
        return false;
    if (s->seq && recbuf_get(&s->c->copy->rb, s->col, s->seq, &old) == RECORD_VALUE &&
        old.separated)
        return true;
    return !s->null && (s->data.len > LID_LEN || s->grbit & LONG_GRBITS);
}

static JET_ERR set(struct setting *s)
{
    JET_ERR err = JET_errSuccess;

    if (s->grbit & (JET_bitSetUniqueMultiValues | JET_bitSetUniqueNormalizedMultiValues) &&
        !s->null)
        err = check_unique(s);
    if (err < 0)
        return err;
    return is_long(s->col) ? set_long_value(s) : set_short(s);
}

JET_ERR fucb_set(struct fucb *c, uint32_t columnid, struct slice data, uint32_t grbit,
                 uint32_t offset, unsigned itag)
{
    struct setting s = {.c = c, .seq = itag, .data = data, .grbit = grbit, .offset = offset};
    JET_ERR err = fucb_refresh(c);

    if (err < 0)
        return err;
    if (c->prep == FUCB_PREP_NONE || c->prep == FUCB_PREP_READ_ONLY_COPY)
        return RAISE(JET_errUpdateNotPrepared);
    err = check_grbit(&s);
    if (err >= 0)
        err = fucb_column(c, columnid, &s.col);
    if (err >= 0)
        err = fucb_adopt_schema(c);
    if (err < 0)
        return err;
    s.col = tdb_column(c->copy->tdb, columnid); /* that schema stays as long as the call */
    if (!s.col)
        return RAISE(JET_errColumnNotFound);
    err = check_column(c, s.col);
    if (err < 0)
        return err;
    if (!data.p && !(grbit & JET_bitSetSizeLV))
        s.data.len = 0;
    s.null = !(grbit & JET_bitSetSizeLV && is_long(s.col)) && s.data.len == 0 &&
             !(grbit & JET_bitSetZeroLength);
    if (grbit & (JET_bitSetAppendLV | JET_bitSetOverwriteLV) && s.null && is_long(s.col))
        return JET_errSuccess; /* nothing is added */
    if (s.col->fid < FID_TAGGED_LEAST)
        s.seq = 1;
    if (c->sess->level == 0 || !touches_values(&s))
        return set(&s);
    err = fucb_change_begin(c);
    return err < 0 ? err : fucb_change_end(c, set(&s));
}
