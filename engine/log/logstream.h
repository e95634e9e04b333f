/*
 * Scan, join and decode put together: segments of one file in, records out. What logcheck (bytes are fed) and
 * logread (bytes are fetched) have in common.
 *
 * Push a segment, then take records until there are none, then push the next. After the first fault no
 * more records come: the ones behind a hole may be halves.
 */
#ifndef ESE_LOG_LOGSTREAM_H
#define ESE_LOG_LOGSTREAM_H

#include "log/logjoin.h"
#include "log/logrec.h"
#include "log/logseg.h"

struct logstream {
    struct logscan scan;
    struct logjoin join;
    bool hole;      /* a fault was found */
    bool ends_quit; /* the last record so far is Term or RecoveryQuit */
};

struct logstream_record {
    lgpos_t lgpos;
    struct logrec rec; /* valid until the next call */
};

void logstream_init(struct logstream *s, lgen_t gen, uint32_t nr_segments, bool current);
void logstream_done(struct logstream *s);
/* seg (LOG_SEGMENT_LEN bytes, may be corrected) must live until the next push. Errors as logscan_push. */
must_check JET_ERR logstream_push(struct logstream *s, uint8_t *seg, struct reporter *r);
/* 1: a record; 0: push the next segment; < 0: a broken record, reported, or out of memory. */
must_check JET_ERR logstream_next(struct logstream *s, struct reporter *r,
                                  struct logstream_record *ret);
/* After the last segment. Errors, reported: of logscan_end; JET_errLogFileCorrupt for a record that a log
 * other than the current one leaves incomplete although there was room for the rest. */
must_check JET_ERR logstream_end(struct logstream *s, struct reporter *r);
/* What is known now goes into info: checksum, lgpos_last, ends_clean, torn_tail. */
void logstream_info(const struct logstream *s, struct ese_log_info *info);

#endif
