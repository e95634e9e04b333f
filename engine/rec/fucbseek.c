/* Keys that a program makes, and what it does with them: seeks and ranges (ESE: recmisc.cxx
 * ErrIsamMakeKey, ErrIsamSeek, ErrIsamSetIndexRange). */
#include "rec/fucb_priv.h"

#define LIMIT_GRBITS                                                      \
    (JET_bitStrLimit | JET_bitSubStrLimit | JET_bitFullColumnStartLimit | \
     JET_bitFullColumnEndLimit | JET_bitPartialColumnStartLimit | JET_bitPartialColumnEndLimit)
#define KEY_GRBITS  (LIMIT_GRBITS | JET_bitNewKey | JET_bitNormalizedKey | JET_bitKeyDataZeroLength)
#define SEEK_GRBITS (JET_bitSeekEQ | JET_bitSeekLT | JET_bitSeekLE | JET_bitSeekGE | JET_bitSeekGT)

/* ---- making a key ---------------------------------------------------------------------------- */

static JET_ERR limit_of(uint32_t grbit, const struct column *col, enum norm_limit *ret)
{
    const bool text = col->coltyp == JET_coltypText || col->coltyp == JET_coltypLongText;

    switch (grbit & LIMIT_GRBITS) {
    case 0:
        *ret = NORM_WHOLE;
        return JET_errSuccess;
    case JET_bitFullColumnStartLimit:
        *ret = NORM_COLUMN_START;
        return JET_errSuccess;
    case JET_bitFullColumnEndLimit:
        *ret = NORM_COLUMN_END;
        return JET_errSuccess;
    case JET_bitPartialColumnStartLimit:
        *ret = NORM_PARTIAL_START;
        return JET_errSuccess;
    case JET_bitPartialColumnEndLimit:
        *ret = NORM_PARTIAL_END;
        return JET_errSuccess;
    case JET_bitSubStrLimit:
        *ret = text ? NORM_PARTIAL_END : NORM_STR_END;
        return JET_errSuccess;
    case JET_bitStrLimit:
    case JET_bitStrLimit | JET_bitSubStrLimit:
        *ret = NORM_STR_END;
        return JET_errSuccess;
    default:
        return RAISE(JET_errInvalidGrbit);
    }
}

static JET_ERR normalized(struct fucb *c, const struct index *ix, struct slice value)
{
    if (value.len == 0 || !value.p)
        return RAISE(JET_errInvalidParameter);
    if (value.len > ix->key_most + 1)
        return RAISE(JET_errInvalidParameter);
    memcpy(c->key.b, value.p, value.len);
    c->key.len = value.len;
    c->key.truncated = false;
    c->nr_key = ix->nr_segments;
    c->key_whole = true;
    return JET_errSuccess;
}

static JET_ERR append(struct fucb *c, const struct fcb_index *fi, struct slice value,
                      uint32_t grbit)
{
    const struct index *ix = &fi->def;
    const struct column *col;
    enum norm_limit limit;
    JET_ERR err;

    if (c->key_whole || c->nr_key >= ix->nr_segments)
        return RAISE(JET_errKeyIsMade);
    col = tdb_segment(c->tdb, &ix->segments[c->nr_key]);
    if (!col)
        return RAISE(JET_errCatalogCorrupted);
    err = limit_of(grbit, col, &limit);
    if (err < 0)
        return err;
    if (value.len == 0)
        value.p = grbit & JET_bitKeyDataZeroLength ? (const uint8_t *)"" : NULL;
    err = norm_append_search(&c->key, ix, c->nr_key, col, value.p ? &value : NULL, limit);
    if (err == JET_errUnicodeNormalizationNotSupported && fi->foreign_sort)
        return fi->primary ? RAISE(JET_errPrimaryIndexCorrupted)
                           : RAISE(JET_errSecondaryIndexCorrupted);
    if (err < 0)
        return err;
    c->nr_key++;
    c->key_whole = limit != NORM_WHOLE;
    return JET_errSuccess;
}

JET_ERR fucb_make_key(struct fucb *c, struct slice value, uint32_t grbit)
{
    const struct fcb_index *ix;
    JET_ERR err = fucb_refresh(c);

    if (err < 0)
        return err;
    ix = fucb_index(c);
    if (!ix)
        return RAISE(JET_errNoCurrentIndex);
    if (grbit & ~KEY_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (value.len && !value.p)
        return RAISE(JET_errInvalidParameter);
    if (grbit & JET_bitNormalizedKey)
        return normalized(c, &ix->def, value);
    if (grbit & JET_bitNewKey) {
        c->key.len = 0;
        c->key.truncated = false;
        c->nr_key = 0;
        c->key_whole = false;
    } else if (c->nr_key == 0) {
        return RAISE(JET_errKeyNotMade);
    }
    return append(c, ix, value, grbit);
}

JET_ERR fucb_retrieve_key(struct fucb *c, bool copy, void *buf, uint32_t cap, uint32_t *ret_len)
{
    struct slice key;
    JET_ERR err;

    if (copy) {
        if (c->nr_key == 0)
            return RAISE(JET_errKeyNotMade);
        key = (struct slice){c->key.b, c->key.len};
    } else {
        err = fucb_check(c);
        if (err < 0)
            return err;
        key = dir_bookmark(fucb_dir(c)).key;
    }
    *ret_len = key.len;
    memcpy(buf, key.p, key.len < cap ? key.len : cap);
    return key.len > cap ? JET_wrnBufferTruncated : JET_errSuccess;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static int cmp_limit(struct fucb *c)
{
    const struct slice key = dir_bookmark(fucb_dir(c)).key;
    const uint32_t least = key.len < c->limit.len ? key.len : c->limit.len;
    const int cmp = least ? memcmp(key.p, c->limit.b, least) : 0;

    return cmp ? cmp : (key.len > c->limit.len) - (key.len < c->limit.len);
}

static void keep_limit(struct fucb *c, bool upper, bool inclusive)
{
    memcpy(c->limit.b, c->key.b, c->key.len);
    c->limit.len = c->key.len;
    c->range_set = true;
    c->range_upper = upper;
    c->range_inclusive = inclusive;
    c->nr_key = 0;
}

JET_ERR fucb_set_range(struct fucb *c, uint32_t grbit)
{
    int cmp;
    JET_ERR err;

    if (grbit & JET_bitRangeRemove) {
        if (grbit != JET_bitRangeRemove)
            return RAISE(JET_errInvalidGrbit);
        if (!c->range_set)
            return RAISE(JET_errInvalidOperation);
        fucb_forget_range(c);
        return JET_errSuccess;
    }
    if (grbit & ~(JET_bitRangeInclusive | JET_bitRangeUpperLimit | JET_bitRangeInstantDuration))
        return RAISE(JET_errInvalidGrbit);
    if (!fucb_index(c))
        return RAISE(JET_errNoCurrentIndex);
    if (c->nr_key == 0)
        return RAISE(JET_errKeyNotMade);
    err = fucb_check(c);
    if (err < 0 && err != JET_errRecordDeleted)
        return err;
    keep_limit(c, grbit & JET_bitRangeUpperLimit, grbit & JET_bitRangeInclusive);
    cmp = cmp_limit(c);
    if (cmp == 0 ? !c->range_inclusive : c->range_upper ? cmp > 0 : cmp < 0) {
        fucb_dir(c)->at = c->range_upper ? DIR_AFTER_LAST : DIR_BEFORE_FIRST;
        fucb_moved(c);
        fucb_forget_range(c);
        return RAISE(JET_errNoCurrentRecord);
    }
    if (grbit & JET_bitRangeInstantDuration)
        fucb_forget_range(c);
    return JET_errSuccess;
}

/* ---- seeking --------------------------------------------------------------------------------- */

static JET_ERR how_of(uint32_t grbit, enum dir_seek *ret)
{
    switch (grbit & SEEK_GRBITS) {
    case JET_bitSeekEQ:
        *ret = DIR_EQ;
        return JET_errSuccess;
    case JET_bitSeekLT:
        *ret = DIR_LT;
        return JET_errSuccess;
    case JET_bitSeekLE:
        *ret = DIR_LE;
        return JET_errSuccess;
    case JET_bitSeekGE:
        *ret = DIR_GE;
        return JET_errSuccess;
    case JET_bitSeekGT:
        *ret = DIR_GT;
        return JET_errSuccess;
    default:
        return RAISE(JET_errInvalidGrbit);
    }
}

/* JET_wrnUniqueKey: no other entry has the key of the place. */
static JET_ERR check_unique(struct fucb *c)
{
    struct dir *from = fucb_dir(c), d;
    JET_ERR err;

    if (from->tree->unique)
        return JET_wrnUniqueKey;
    err = dir_init(&d, c->sess, from->tree);
    if (err < 0)
        return err;
    err = dir_copy_place(&d, from);
    if (err >= 0)
        err = dir_next(&d);
    if (err == JET_errNoCurrentRecord)
        err = JET_wrnUniqueKey;
    else if (err >= 0 && (dir_bookmark(&d).key.len != dir_bookmark(from).key.len ||
                          memcmp(d.bm, from->bm, from->key_len) != 0))
        err = JET_wrnUniqueKey;
    dir_done(&d);
    return err;
}

static JET_ERR seek(struct fucb *c, uint32_t grbit, enum dir_seek how)
{
    const struct bookmark bm = {.key = {c->key.b, c->key.len}};
    JET_ERR err;

    fucb_forget_range(c);
    err = dir_seek(fucb_dir(c), &bm, how);
    fucb_moved(c);
    if (err == JET_errNoCurrentRecord)
        err = RAISE(JET_errRecordNotFound);
    if (err < 0)
        return err;
    if (grbit & JET_bitSetIndexRange)
        keep_limit(c, how != DIR_LE && how != DIR_LT, true);
    return grbit & JET_bitCheckUniqueness && err == JET_errSuccess ? check_unique(c) : err;
}

JET_ERR fucb_seek(struct fucb *c, uint32_t grbit)
{
    const struct fcb_index *ix;
    enum dir_seek how;
    JET_ERR err = fucb_refresh(c);

    if (err < 0)
        return err;
    ix = fucb_index(c);
    if (!ix)
        return RAISE(JET_errNoCurrentIndex);
    if (c->nr_key == 0)
        return RAISE(JET_errKeyNotMade);
    if (grbit & ~(SEEK_GRBITS | JET_bitSetIndexRange | JET_bitCheckUniqueness) ||
        (grbit & JET_bitCheckUniqueness && !(grbit & JET_bitSeekEQ)))
        return RAISE(JET_errInvalidGrbit);
    err = how_of(grbit, &how);
    if (err < 0)
        return err;
    err = fucb_leave(c);
    if (err >= 0)
        err = seek(c, grbit, how);
    c->nr_key = 0;
    return err;
}

JET_ERR fucb_preread(struct fucb *c, struct slice key)
{
    const struct bookmark bm = {.key = key};
    struct dir d;
    JET_ERR err = dir_init(&d, c->sess, fucb_dir(c)->tree);

    if (err < 0)
        return err;
    err = dir_seek(&d, &bm, DIR_GE);
    dir_done(&d);
    return err == JET_errRecordNotFound || err == JET_errNoCurrentRecord ? JET_errSuccess
           : err > 0                                                     ? JET_errSuccess
                                                                         : err;
}
