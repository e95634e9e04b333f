#include "log/logdiff.h"

#include "log/logfmt.h"

enum { DIFF_SAME_LENGTH = 0x1, DIFF_INSERT = 0x2, DIFF_WIDE_LENGTHS = 0x4 };

void logdiff_init(struct logdiff *d, struct slice bytes, bool wide)
{
    *d = (struct logdiff){.p = bytes.p, .end = bytes.p + bytes.len, .wide = wide};
}

/* A length of 1 or 2 bytes; false when it is not there. */
static bool get_len(struct logdiff *d, bool two, uint16_t *ret)
{
    const size_t size = two ? 2 : 1;

    if ((size_t)(d->end - d->p) < size)
        return false;
    *ret = two ? get_le16(d->p) : *d->p;
    d->p += size;
    return true;
}

JET_ERR logdiff_next(struct logdiff *d, struct logdiff_step *ret)
{
    const size_t header = d->wide ? 3 : 2;
    unsigned flags;
    uint16_t new_len;

    if (d->p == d->end)
        return 0;
    if ((size_t)(d->end - d->p) < header)
        return RAISE(JET_errLogFileCorrupt);
    ret->off = get_le16(d->p);
    if (d->wide) {
        flags = d->p[2] >> 5;
    } else {
        flags = ret->off >> 13;
        ret->off &= 0x1fff;
    }
    d->p += header;
    if (!get_len(d, flags & DIFF_WIDE_LENGTHS, &new_len))
        return RAISE(JET_errLogFileCorrupt);
    if (flags & DIFF_SAME_LENGTH)
        ret->old_len = new_len;
    else if (flags & DIFF_INSERT)
        ret->old_len = 0;
    else if (!get_len(d, flags & DIFF_WIDE_LENGTHS, &ret->old_len))
        return RAISE(JET_errLogFileCorrupt);
    if (new_len > d->end - d->p)
        return RAISE(JET_errLogFileCorrupt);
    ret->data = (struct slice){d->p, new_len};
    d->p += new_len;
    return 1;
}

bool logdiff_fits(struct slice bytes, bool wide, uint32_t old_len, uint32_t new_len)
{
    struct logdiff d;
    struct logdiff_step step = {0};
    uint64_t made = 0;
    uint32_t at = 0; /* old bytes used up */
    JET_ERR err;

    logdiff_init(&d, bytes, wide);
    while ((err = logdiff_next(&d, &step)) > 0) {
        if (step.off < at || (uint32_t)step.off + step.old_len > old_len)
            return false;
        made += step.off - at + step.data.len;
        at = (uint32_t)step.off + step.old_len;
    }
    return err >= 0 && made + (old_len - at) == new_len;
}

/* ---- making one ------------------------------------------------------------------------------- */

/* So many equal bytes between two changes are cheaper in two steps than in one: a step costs 3 bytes or more. */
#define GAP_MIN 5u

struct maker {
    struct slice old, now;
    bool wide;
    uint8_t *p, *end; /* where the next step goes, and what it must stay below */
};

/* Bytes at the start that are the same, at most max. */
static uint32_t same_ahead(const uint8_t *a, const uint8_t *b, uint32_t max)
{
    uint32_t n = 0;

    while (n + 8 <= max && get_le64(a + n) == get_le64(b + n))
        n += 8;
    while (n < max && a[n] == b[n])
        n++;
    return n;
}

/* The same from the end of both. */
static uint32_t same_behind(struct slice a, struct slice b, uint32_t max)
{
    const uint8_t *pa = a.p + a.len, *pb = b.p + b.len;
    uint32_t n = 0;

    while (n + 8 <= max && get_le64(pa - n - 8) == get_le64(pb - n - 8))
        n += 8;
    while (n < max && pa[-(ptrdiff_t)n - 1] == pb[-(ptrdiff_t)n - 1])
        n++;
    return n;
}

static bool put_step(struct maker *m, uint32_t off, uint32_t old_len, uint32_t new_len)
{
    const bool two = old_len > UINT8_MAX || new_len > UINT8_MAX;
    const bool both = old_len && old_len != new_len; /* else one length tells the other */
    const unsigned flags = (old_len && old_len == new_len ? DIFF_SAME_LENGTH : 0) |
                           (old_len ? 0 : DIFF_INSERT) | (two ? DIFF_WIDE_LENGTHS : 0);
    const uint32_t size = (m->wide ? 3u : 2u) + (two ? 2u : 1u) * (both ? 2u : 1u) + new_len;

    if (size >= (size_t)(m->end - m->p) || (!m->wide && off > 0x1fff))
        return false;
    put_le16(m->p, (uint16_t)(m->wide ? off : off | flags << 13));
    m->p += 2;
    if (m->wide)
        *m->p++ = (uint8_t)(flags << 5);
    for (unsigned i = 0; i < (both ? 2u : 1u); i++) {
        const uint32_t len = i ? old_len : new_len;
        if (two)
            put_le16(m->p, (uint16_t)len);
        else
            *m->p = (uint8_t)len;
        m->p += two ? 2 : 1;
    }
    if (new_len)
        memcpy(m->p, m->now.p + off, new_len);
    m->p += new_len;
    return true;
}

/* Where the change that begins at `at` ends: in front of a gap of equal bytes that pays, or at max. */
static uint32_t end_of_change(const struct maker *m, uint32_t at, uint32_t max)
{
    while (max - at >= GAP_MIN) {
        const uint32_t same = same_ahead(m->old.p + at, m->now.p + at, GAP_MIN);

        if (same == GAP_MIN)
            return at;
        at += same + 1;
    }
    return max;
}

/*
 * Steps of equal length up to the last of the places where old and new still agree at one offset; from there one step
 * takes the rest up to the common end. That is what columns do to a record: fixed ones change in place, then one of
 * varying length moves all that is behind it.
 */
uint32_t logdiff_make(struct slice old, struct slice now, bool wide, uint8_t *buf, uint32_t cap)
{
    const uint32_t least = old.len < now.len ? old.len : now.len;
    uint32_t room = cap < now.len ? cap : now.len, at, end, tail;
    struct maker m = {.old = old, .now = now, .wide = wide, .p = buf};

    if (room > LR_REPLACE_LEN_MASK)
        room = LR_REPLACE_LEN_MASK;
    m.end = buf + room;
    at = same_ahead(old.p, now.p, least);
    tail = same_behind(old, now, least - at);
    if (at == old.len && at == now.len)
        return 0;
    for (;;) {
        end = end_of_change(&m, at, least - tail);
        if (end == least - tail)
            break;
        if (!put_step(&m, at, end - at, end - at))
            return 0;
        at = end + same_ahead(old.p + end, now.p + end, least - tail - end);
    }
    if (!put_step(&m, at, old.len - tail - at, now.len - tail - at))
        return 0;
    return (uint32_t)(m.p - buf);
}
