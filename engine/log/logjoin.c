#include "log/logjoin.h"

#include <stdlib.h>

#include "log/logrec.h"

void logjoin_init(struct logjoin *j, lgen_t gen)
{
    *j = (struct logjoin){.gen = gen};
}

void logjoin_done(struct logjoin *j)
{
    free(j->buf);
    j->buf = NULL;
}

void logjoin_segment(struct logjoin *j, const uint8_t *seg, uint32_t isec)
{
    /* A record that began in the segment before, or a fill, keeps its place. */
    if (j->pos == 0)
        j->pos = lgpos_make(j->gen, isec, 0);
    j->seg = seg;
    j->isec = isec;
    j->off = LOGSEG_HEADER_LEN;
}

/* The next record is appended at j->off. */
static void mark_position(struct logjoin *j)
{
    if (j->off < LOG_SEGMENT_LEN)
        j->pos = lgpos_make(j->gen, j->isec, j->off);
    else
        j->pos = 0; /* the start of the next segment */
}

static bool at_segment_start(const struct logjoin *j)
{
    return j->off == LOGSEG_HEADER_LEN;
}

/* What recovery appends first may leave a partial record behind; its own place is the segment's start. */
static bool abandon(struct logjoin *j)
{
    if (!at_segment_start(j))
        return false;
    j->partial = false;
    j->pos = lgpos_make(j->gen, j->isec, 0);
    return true;
}

static JET_ERR append(struct logjoin *j, const uint8_t *p, uint32_t len)
{
    const size_t need = (size_t)j->have + len;

    if (need > j->cap) { /* grows with what is there, not with what the first part promises */
        size_t cap = need + LOG_SEGMENT_LEN * 8;
        uint8_t *buf = realloc(j->buf, cap);

        if (!buf)
            return RAISE(JET_errOutOfMemory);
        j->buf = buf;
        j->cap = cap;
    }
    memcpy(j->buf + j->have, p, len);
    j->have += len;
    return JET_errSuccess;
}

static JET_ERR fragment_begin(struct logjoin *j, const uint8_t *p, uint32_t left)
{
    const struct lr_fragment_begin_disk *f = (const void *)p;
    uint32_t here;

    if (left < sizeof(*f))
        return RAISE(JET_errLogFileCorrupt);
    here = le16_get(f->here);
    if (here == 0 || here > left - sizeof(*f) || here >= le32_get(f->total) ||
        le32_get(f->total) > LOGREC_LEN_MAX)
        return RAISE(JET_errLogFileCorrupt);
    if (j->partial && (p[sizeof(*f)] != LR_UNDO_INFO || !abandon(j)))
        return RAISE(JET_errLogFileCorrupt);
    j->partial = true;
    j->total = le32_get(f->total);
    j->have = 0;
    j->off += (uint32_t)sizeof(*f) + here;
    return append(j, p + sizeof(*f), here);
}

static JET_ERR fragment(struct logjoin *j, const uint8_t *p, uint32_t left)
{
    const struct lr_fragment_disk *f = (const void *)p;
    uint32_t here;

    if (!j->partial || left < sizeof(*f))
        return RAISE(JET_errLogFileCorrupt);
    here = le16_get(f->here);
    if (here > left - sizeof(*f) || here > j->total - j->have)
        return RAISE(JET_errLogFileCorrupt);
    j->off += (uint32_t)sizeof(*f) + here;
    return append(j, p + sizeof(*f), here);
}

/* The parts are all there: is it one record? */
static JET_ERR joined(struct logjoin *j, struct logrec_raw *ret)
{
    uint32_t size;
    JET_ERR err = logrec_size(j->buf, j->total, &size);

    if (err < 0)
        return err;
    if (size != j->total)
        return RAISE(JET_errLogFileCorrupt);
    *ret = (struct logrec_raw){j->pos, {j->buf, size}};
    j->partial = false;
    mark_position(j);
    return JET_errSuccess;
}

static JET_ERR plain_record(struct logjoin *j, const uint8_t *p, uint32_t left,
                            struct logrec_raw *ret)
{
    const bool recovery = *p == LR_RECOVERY_UNDO || *p == LR_RECOVERY_UNDO2;
    uint32_t size;
    JET_ERR err;

    if (recovery && at_segment_start(j))
        (void)abandon(
            j); /* appended to a fresh segment, whatever room the crash had left before it */
    else if (j->partial && (*p != LR_UNDO_INFO || !abandon(j)))
        return RAISE(JET_errLogFileCorrupt);
    err = logrec_size(p, left, &size);
    if (err < 0)
        return err;
    *ret = (struct logrec_raw){j->pos, {p, size}};
    j->off += size;
    mark_position(j);
    return JET_errSuccess;
}

JET_ERR logjoin_next(struct logjoin *j, struct logrec_raw *ret)
{
    JET_ERR err = JET_errSuccess;

    *ret = (struct logrec_raw){0};
    while (j->seg && j->off < LOG_SEGMENT_LEN && err >= 0) {
        const uint8_t *p = j->seg + j->off;
        const uint32_t left = LOG_SEGMENT_LEN - j->off;

        switch (*p) {
        case LR_NOP:
            j->off++;
            break;
        case LR_FRAGMENT_BEGIN:
            err = fragment_begin(j, p, left);
            break;
        case LR_FRAGMENT:
            err = fragment(j, p, left);
            if (err >= 0 && j->have == j->total)
                return joined(j, ret);
            break;
        default:
            return plain_record(j, p, left, ret);
        }
    }
    if (err >= 0)
        j->seg = NULL;
    return err;
}
