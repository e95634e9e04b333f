#include "log/logstream.h"

#include <inttypes.h>

#include "log/logevent.h"

void logstream_init(struct logstream *s, lgen_t gen, uint32_t nr_segments, bool current)
{
    *s = (struct logstream){0};
    logscan_init(&s->scan, gen, nr_segments, current);
    logjoin_init(&s->join, gen);
}

void logstream_done(struct logstream *s)
{
    logjoin_done(&s->join);
}

JET_ERR logstream_push(struct logstream *s, uint8_t *seg, struct reporter *r)
{
    uint32_t isec;
    JET_ERR err = logscan_push(&s->scan, seg, r, &isec);

    if (err < 0)
        s->hole = true;
    if (isec && !s->hole) {
        logjoin_segment(&s->join, seg, isec);
        s->ends_quit = false; /* ESE looks for the quit record in the last segment only */
    }
    return err;
}

/* The record at lgpos cannot be read; off is the byte of the file where that showed. */
static JET_ERR broken(struct logstream *s, JET_ERR err, lgpos_t lgpos, unsigned type, uint64_t off,
                      struct reporter *r)
{
    char pos[LGPOS_STR_LEN];

    s->hole = true;
    return fault(r, err, EVENT_LOG_CORRUPT, 0, off, "the record at %s (type %u, %s) %s",
                 lgpos_str(lgpos, pos), type, logrec_name(type),
                 err == JET_errBadLogVersion  ? "is of an obsolete format"
                 : err == JET_errLogCorrupted ? "is of a type that is not replayed"
                                              : "is broken");
}

static uint64_t offset_of(lgpos_t lgpos)
{
    return (uint64_t)lgpos_isec(lgpos) * LOG_SEGMENT_LEN + lgpos_ib(lgpos);
}

JET_ERR logstream_next(struct logstream *s, struct reporter *r, struct logstream_record *ret)
{
    struct logjoin *j = &s->join;
    struct logrec_raw raw;
    JET_ERR err;

    if (s->hole || !j->seg)
        return 0;
    err = logjoin_next(j, &raw);
    if (err == JET_errOutOfMemory) {
        s->hole = true;
        return err;
    }
    if (err < 0)
        return broken(s, err, j->pos, j->partial ? *j->buf : j->seg[j->off],
                      (uint64_t)j->isec * LOG_SEGMENT_LEN + j->off, r);
    if (!raw.bytes.p)
        return 0;
    err = logrec_decode(raw.bytes.p, raw.bytes.len, &ret->rec);
    if (err < 0)
        return broken(s, err, raw.lgpos, *raw.bytes.p, offset_of(raw.lgpos), r);
    ret->lgpos = raw.lgpos;
    if (ret->rec.type != LR_NOP2)
        s->ends_quit = logrec_is_quit(ret->rec.type);
    return 1;
}

JET_ERR logstream_end(struct logstream *s, struct reporter *r)
{
    const struct logscan *scan = &s->scan;
    char pos[LGPOS_STR_LEN];
    JET_ERR err = logscan_end(&s->scan, r);

    if (err < 0) {
        s->hole = true;
        return err;
    }
    if (s->hole || !s->join.partial)
        return JET_errSuccess;
    /* Recovery goes on behind what a crash left; only when the file had no room for that did it become
     * an archived log as it was. */
    if (!scan->current && scan->last_valid + 2 < scan->nr_segments)
        return fault(r, JET_errLogFileCorrupt, EVENT_LOG_CORRUPT, 0,
                     (uint64_t)(scan->last_valid + 1) * LOG_SEGMENT_LEN,
                     "the log ends within the record at %s", lgpos_str(s->join.pos, pos));
    fault_note(r, 0, (uint64_t)(scan->last_valid + 1) * LOG_SEGMENT_LEN,
               "the log ends within the record at %s, as a crash leaves it",
               lgpos_str(s->join.pos, pos));
    return JET_errSuccess;
}

void logstream_info(const struct logstream *s, struct ese_log_info *info)
{
    info->checksum = s->scan.checksum;
    info->lgpos_last = s->scan.last_valid ? lgpos_make(s->scan.gen, s->scan.last_valid, 0) : 0;
    info->ends_clean = !s->hole && !s->join.partial && s->ends_quit;
    info->torn_tail = s->scan.torn;
}
