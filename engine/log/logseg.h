/*
 * Segments of a log file: is one valid, and where does the log end?
 *
 * logseg_classify looks at one segment. struct logscan takes the segments of a file one after the other
 * and applies the rules by which ESE finds the end of a log (logread.cxx
 * ErrLGCheckReadLastLogRecordFF):
 *   1. Valid segments stand together at the start; the first empty one - zero, of an older generation
 *      (the file was recycled), or the shadow of the one before - ends the log.
 *   2. A damaged segment that the next one is an intact shadow of was torn by a crash: the shadow counts.
 *      That can only be at the end of the current log, everywhere else it is a fault.
 *   3. Nothing valid or damaged comes behind an empty segment.
 *   4. The last segment of the file holds nothing but the shadow of the one before.
 * Where we are stricter than ESE: a shadow must name the segment before as its place (one wrong bit in a
 * stored checksum otherwise turns a segment into a "shadow"), and an older segment must be of an older
 * generation.
 */
#ifndef ESE_LOG_LOGSEG_H
#define ESE_LOG_LOGSEG_H

#include "base/fault.h"
#include "log/logfmt.h"

enum logseg_state {
    LOGSEG_VALID,
    LOGSEG_OLD,    /* valid, of an older generation */
    LOGSEG_SHADOW, /* a copy of the segment before */
    LOGSEG_ZERO,
    LOGSEG_MISPLACED, /* its checksum is right, but it names another place */
    LOGSEG_BAD,       /* its checksum is wrong */
};

struct logseg {
    enum logseg_state state;
    int32_t bit;               /* a wrong bit was put right in the buffer: which; else -1 */
    uint64_t stored, computed; /* checksums; with the wrong bit, if there was one, in place */
    lgpos_t lgpos;             /* as the segment's header says */
};

/* seg: LOG_SEGMENT_LEN bytes; a one-bit error is corrected in place. isec >= 1. */
void logseg_classify(uint8_t *seg, lgen_t gen, uint32_t isec, struct logseg *ret);
/* Is seg, wherever it lies, a whole image of segment isec? Corrected likewise. */
bool logseg_is_image_of(uint8_t *seg, lgen_t gen, uint32_t isec, struct logseg *ret);

struct logscan {
    lgen_t gen;
    uint32_t nr_segments; /* of the file */
    bool current;         /* BASE.log, the one that a crash may have torn */
    uint32_t next;        /* segment that the next push is */
    /* Results so far: */
    uint32_t last_valid; /* 0: none */
    uint64_t checksum;   /* XOR of the checksums of the valid segments */
    bool torn;           /* the last valid one was taken from its shadow */
    /* Private: */
    bool empty_seen, prev_empty, after_empty_told;
    uint32_t bad; /* damaged, waits for the next segment, which may be its shadow; 0: none */
    struct logseg bad_seg;
};

void logscan_init(struct logscan *s, lgen_t gen, uint32_t nr_segments, bool current);
/*
 * The next segment, corrected in place. *ret_isec: 0, or the segment whose records `seg` holds (its own
 * place, or the one before when that was torn). Faults are reported and returned; the scan may go on to
 * find more, but the records have a hole then. Errors: JET_errLogReadVerifyFailure (checksum),
 * JET_errLogFileCorrupt (order).
 */
must_check JET_ERR logscan_push(struct logscan *s, uint8_t *seg, struct reporter *r,
                                uint32_t *ret_isec);
/* After the last segment: one that still waits for its shadow has none. */
must_check JET_ERR logscan_end(struct logscan *s, struct reporter *r);

#endif
