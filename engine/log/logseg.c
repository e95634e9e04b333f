#include "log/logseg.h"

#include <inttypes.h>

#include "log/logevent.h"
#include "page/cksum.h"
#include "page/page.h"

/* Is the checksum right for segment number isec? A single wrong bit is put right. */
static bool verify(uint8_t *seg, uint32_t isec, struct logseg *ret)
{
    int64_t bit;

    ret->bit = -1;
    ret->stored = get_le64(seg);
    ret->computed = cksum_ecc(seg, LOG_SEGMENT_LEN, isec, true);
    if (ret->stored == ret->computed)
        return true;
    bit = cksum_ecc_bit(LOG_SEGMENT_LEN, ret->stored, ret->computed);
    if (bit < 64) /* the checksum itself is not covered by the ECC */
        return false;
    seg[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    if (cksum_ecc(seg, LOG_SEGMENT_LEN, isec, true) != ret->stored) {
        seg[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        return false;
    }
    ret->bit = (int32_t)bit;
    return true;
}

static lgpos_t lgpos_field(const uint8_t *seg)
{
    return le64_get(((const struct logseg_disk *)seg)->lgpos);
}

void logseg_classify(uint8_t *seg, lgen_t gen, uint32_t isec, struct logseg *ret)
{
    struct logseg as_shadow;

    *ret = (struct logseg){.state = LOGSEG_ZERO, .bit = -1};
    if (page_is_zero(seg, LOG_SEGMENT_LEN))
        return;
    if (verify(seg, isec, ret)) {
        ret->lgpos = lgpos_field(seg);
        if (ret->lgpos == lgpos_make(gen, isec, 0))
            ret->state = LOGSEG_VALID;
        else
            ret->state = lgpos_gen(ret->lgpos) < gen ? LOGSEG_OLD : LOGSEG_MISPLACED;
        return;
    }
    ret->state = LOGSEG_BAD;
    ret->lgpos = lgpos_field(seg);
    if (isec > 1 && verify(seg, isec - 1, &as_shadow)) {
        as_shadow.lgpos = lgpos_field(seg);
        if (lgpos_isec(as_shadow.lgpos) != isec - 1 || lgpos_ib(as_shadow.lgpos) != 0)
            return;
        *ret = as_shadow;
        ret->state = lgpos_gen(ret->lgpos) <= gen ? LOGSEG_SHADOW : LOGSEG_MISPLACED;
    }
}

bool logseg_is_image_of(uint8_t *seg, lgen_t gen, uint32_t isec, struct logseg *ret)
{
    if (!verify(seg, isec, ret))
        return false;
    ret->lgpos = lgpos_field(seg);
    ret->state = LOGSEG_VALID;
    return ret->lgpos == lgpos_make(gen, isec, 0);
}

void logscan_init(struct logscan *s, lgen_t gen, uint32_t nr_segments, bool current)
{
    *s = (struct logscan){.gen = gen, .nr_segments = nr_segments, .current = current, .next = 1};
}

static uint64_t offset_of(uint32_t isec)
{
    return (uint64_t)isec * LOG_SEGMENT_LEN;
}

static void tell_correction(const struct logseg *g, uint32_t isec, struct reporter *r)
{
    if (g->bit >= 0)
        fault_corrected(r, EVENT_LOG_BIT_CORRECTED, 0, offset_of(isec),
                        "segment %" PRIu32 ": bit %" PRId32 " was wrong and has been corrected",
                        isec, g->bit);
}

static JET_ERR bad_checksum(const struct logseg *g, uint32_t isec, struct reporter *r)
{
    return fault(r, JET_errLogReadVerifyFailure, EVENT_LOG_CORRUPT, 0, offset_of(isec),
                 "segment %" PRIu32 ": checksum is wrong: stored 0x%016" PRIx64
                 ", computed 0x%016" PRIx64,
                 isec, g->stored, g->computed);
}

static void accept(struct logscan *s, uint32_t isec, const struct logseg *g, uint32_t *ret_isec)
{
    s->last_valid = isec;
    s->checksum ^= g->stored;
    *ret_isec = isec;
}

/* Segment s->bad is damaged and `seg`, at isec, is its shadow. */
static JET_ERR torn(struct logscan *s, const struct logseg *g, uint32_t isec, struct reporter *r,
                    uint32_t *ret_isec)
{
    const uint32_t bad = s->bad;

    s->bad = 0;
    s->empty_seen = true;
    s->prev_empty = false;
    tell_correction(g, isec, r);
    if (!s->current)
        return fault(r, JET_errLogFileCorrupt, EVENT_LOG_TORN_WRITE, 0, offset_of(bad),
                     "segment %" PRIu32 " is torn; only its shadow is whole, and this is not the "
                     "current log",
                     bad);
    fault_note(r, EVENT_LOG_USING_SHADOW, offset_of(bad),
               "segment %" PRIu32 " was torn by a crash, its shadow is used", bad);
    s->torn = true;
    accept(s, bad, g, ret_isec);
    return JET_errSuccess;
}

static JET_ERR valid_segment(struct logscan *s, const struct logseg *g, uint32_t isec,
                             struct reporter *r, uint32_t *ret_isec)
{
    if (isec == s->nr_segments - 1) {
        fault_note(r, 0, offset_of(isec),
                   "the last segment of the file holds records; ESE ignores it");
        return JET_errSuccess;
    }
    if (!s->empty_seen) {
        accept(s, isec, g, ret_isec);
        return JET_errSuccess;
    }
    if (s->after_empty_told)
        return JET_errLogFileCorrupt; /* told once is enough for a hole in the middle */
    s->after_empty_told = true;
    return fault(r, JET_errLogFileCorrupt, EVENT_LOG_CORRUPT, 0, offset_of(isec),
                 "segment %" PRIu32 " is valid, but an empty one comes before it", isec);
}

/* A shadow whose own segment is empty: the write of both was cut short. A crash may leave that at the end
 * of the current log; whoever went on from there wrote the segment again. */
static JET_ERR shadow_alone(struct logscan *s, uint32_t isec, struct reporter *r)
{
    if (s->current) {
        fault_note(r, 0, offset_of(isec), "segment %" PRIu32 " was never written, only its shadow",
                   isec - 1);
        return JET_errSuccess;
    }
    return fault(r, JET_errLogFileCorrupt, EVENT_LOG_CORRUPT, 0, offset_of(isec - 1),
                 "segment %" PRIu32 " is empty, but its shadow is there", isec - 1);
}

JET_ERR logscan_push(struct logscan *s, uint8_t *seg, struct reporter *r, uint32_t *ret_isec)
{
    const uint32_t isec = s->next++;
    struct logseg g;
    JET_ERR err = JET_errSuccess, err2 = JET_errSuccess;

    *ret_isec = 0;
    if (isec >= s->nr_segments)
        return JET_errSuccess; /* the file is longer than its header says: that was reported */
    if (s->bad) {
        if (logseg_is_image_of(seg, s->gen, s->bad, &g))
            return torn(s, &g, isec, r, ret_isec);
        err = logscan_end(s, r);
    }
    logseg_classify(seg, s->gen, isec, &g);
    tell_correction(&g, isec, r);
    switch (g.state) {
    case LOGSEG_VALID:
        err2 = valid_segment(s, &g, isec, r, ret_isec);
        break;
    case LOGSEG_SHADOW:
        if (s->prev_empty && lgpos_gen(g.lgpos) == s->gen)
            err2 = shadow_alone(s, isec, r);
        s->empty_seen = true;
        break;
    case LOGSEG_OLD:
    case LOGSEG_ZERO:
        s->empty_seen = true;
        break;
    case LOGSEG_MISPLACED:
        err2 = fault(r, JET_errLogFileCorrupt, EVENT_LOG_CORRUPT, 0, offset_of(isec),
                     "segment %" PRIu32 " says it is %" PRIX32 ":%04" PRIX32 ":%04" PRIX32, isec,
                     lgpos_gen(g.lgpos), lgpos_isec(g.lgpos), lgpos_ib(g.lgpos));
        break;
    case LOGSEG_BAD:
        if (s->empty_seen || isec == s->nr_segments - 1) {
            err2 = bad_checksum(&g, isec, r);
        } else {
            s->bad = isec;
            s->bad_seg = g;
        }
        break;
    }
    s->prev_empty = g.state == LOGSEG_OLD || g.state == LOGSEG_ZERO;
    return err < 0 ? err : err2;
}

JET_ERR logscan_end(struct logscan *s, struct reporter *r)
{
    const uint32_t bad = s->bad;

    s->bad = 0;
    return bad ? bad_checksum(&s->bad_seg, bad, r) : JET_errSuccess;
}
