/*
 * Checks one log file while its bytes stream by: header, every segment, every record.
 *
 * Memory: a few hundred bytes and, while a split record is put together, that record. Faults are reported
 * as they are found, the first one is what logcheck_end returns; after a hole no more records are handed on,
 * but segments are still checked.
 */
#ifndef ESE_LOG_LOGCHECK_H
#define ESE_LOG_LOGCHECK_H

#include "base/fault.h"
#include "log/logrec.h"

struct logcheck;

/* A record that was decoded without a fault. An error ends the check. */
typedef JET_ERR logcheck_record_fn(void *ctx, lgpos_t lgpos, const struct logrec *rec);

/*
 * r->file is the name of the log; its reporter must outlive the check. size: of the file. current: it is
 * BASE.log, which may end as a crash left it; in every other log a torn segment is a fault. fn may be
 * NULL.
 */
must_check JET_ERR logcheck_new(uint64_t size, bool current, struct reporter *r,
                                logcheck_record_fn *fn, void *ctx, struct logcheck **ret);
/*
 * The next bytes; len is a multiple of LOG_SEGMENT_LEN except in the last call. One-bit errors are
 * corrected in buf and reported (event 554). Returns < 0 only when going on makes no sense: the header is
 * ruined, out of memory, fn failed, len is odd (JET_errInvalidParameter).
 */
must_check JET_ERR logcheck_feed(struct logcheck *c, void *buf, size_t len);
/* The header; NULL before it was fed, and when it is ruined. For fn it is always there. */
const struct ese_log_info *logcheck_info(const struct logcheck *c);
/* len zero bytes, as if fed. */
must_check JET_ERR logcheck_feed_hole(struct logcheck *c, uint64_t len);
/*
 * After the last byte. *ret is always filled, as far as it goes (gen 0: the header is ruined), and the
 * caller frees it with loghdr_info_done; ret->segments_read says that the whole file was found sound, so
 * that its checksum counts. *ret_segments: segments checked, without the header. Returns the first fault:
 * those of loghdr_decode, JET_errLogFileSizeMismatch, JET_errLogReadVerifyFailure (a segment's checksum),
 * JET_errLogFileCorrupt (order, torn, broken records), JET_errLogCorrupted, JET_errBadLogVersion (records).
 */
must_check JET_ERR logcheck_end(struct logcheck *c, struct ese_log_info *ret,
                                uint64_t *ret_segments);
void logcheck_free(struct logcheck *c); /* NULL is fine */

#endif
