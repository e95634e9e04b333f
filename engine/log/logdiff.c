#include "log/logdiff.h"

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
