/*
 * Whole records out of the valid segments of one log file.
 *
 * Records that did not fit were split: FragmentBegin carries the total length and the first part,
 * Fragments at the start of the next segments the rest. What remains of a segment after a flush is NOP2 or
 * zeros (each a NOP). Rules (ESE: logread.cxx ErrLGIGetRecordAtPbNext):
 *   - lgpos of a record is where it was appended: the end of the record before. At the start of a
 *     segment its ib is 0, not 40; after a zero fill it is where the fill begins.
 *   - a record may stay incomplete when the next segment begins with RecoveryUndo, RecoveryUndo2 or
 *     UndoInfo: a crash cut it off, and the recovery that followed went on in a fresh segment.
 */
#ifndef ESE_LOG_LOGJOIN_H
#define ESE_LOG_LOGJOIN_H

#include "base/err.h"
#include "log/logfmt.h"
#include "page/page.h"

/* No record comes near: the largest has three 16-bit lengths and the image of a page. */
#define LOGREC_LEN_MAX (1u << 20)

struct logrec_raw {
    lgpos_t lgpos;
    struct slice bytes; /* valid until the next call; p NULL: no record */
};

struct logjoin {
    lgen_t gen;
    const uint8_t *seg; /* NULL: wants one */
    uint32_t isec, off;
    lgpos_t pos; /* where the next record counts as appended */
    bool partial;
    uint32_t total, have; /* of the record that is put together */
    uint8_t *buf;
    size_t cap;
};

void logjoin_init(struct logjoin *j, lgen_t gen);
void logjoin_done(struct logjoin *j);
/* The next valid segment; the one before must be used up. seg stays the caller's and must live until
 * logjoin_next wants another one. */
void logjoin_segment(struct logjoin *j, const uint8_t *seg, uint32_t isec);
/* The next record, NOPs left out. ret->bytes.p == NULL: another segment is wanted. Errors, nothing more
 * comes after one: JET_errLogFileCorrupt, JET_errLogCorrupted (unknown type), JET_errOutOfMemory; j->off is
 * where in the segment. */
must_check JET_ERR logjoin_next(struct logjoin *j, struct logrec_raw *ret);

#endif
