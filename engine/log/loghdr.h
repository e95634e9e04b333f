/*
 * The header of a log file: one 4096-byte block with an XOR checksum and no shadow, so damage cannot
 * be repaired. Order of the checks as ESE has it (log.cxx, logstream.cxx ErrLGReadFileHdr).
 *
 * Logs of format 7.x (512-byte sectors, checksum records instead of segment checksums) are recognised
 * - their header is checked and can be dumped - and then refused with JET_errBadLogVersion.
 */
#ifndef ESE_LOG_LOGHDR_H
#define ESE_LOG_LOGHDR_H

#include "base/fault.h"
#include "base/fields.h"
#include "log/logfmt.h"

/*
 * head: the first min(LOG_HEADER_LEN, size) bytes of the file. *ret is the caller's, loghdr_info_done
 * frees what hangs on it; untouched on failure. Errors, reported: JET_errLogFileCorrupt (short,
 * checksum, fields that cannot be), JET_errDatabase200Format, 400Format, 500Format (ancient),
 * JET_errFileInvalidType, JET_errBadLogVersion; JET_errOutOfMemory.
 */
must_check JET_ERR loghdr_decode(const void *head, size_t len, struct reporter *r,
                                 struct ese_log_info *ret);
/* The same from a file. */
must_check JET_ERR loghdr_read(int fd, struct reporter *r, struct ese_log_info *ret);
void loghdr_info_done(struct ese_log_info *info);

/* The file must be as long as its header says: JET_errLogFileSizeMismatch, reported. */
must_check JET_ERR loghdr_check_size(const struct ese_log_info *info, uint64_t size,
                                     struct reporter *r);

/* True when the bytes are a log's header with a right checksum, of whatever version. */
bool loghdr_is_log(const void *head, size_t len);

/* Prints every field; only bytes that loghdr_is_log accepts are worth it. */
void loghdr_dump(const struct loghdr_disk *h, struct fields *f);

/* DBMS_PARAM, as in checkpoints and Init records too. */
void dbms_param_dump(const struct dbms_param_disk *d, struct fields *f);

static inline struct logtime logtime_of(ese_logtime t)
{
    struct logtime l;
    memcpy(l.b, t.b, sizeof(l.b));
    return l;
}
static inline bool ese_logtime_equal(ese_logtime a, ese_logtime b)
{
    return get_le64(a.b) == get_le64(b.b);
}

#endif
