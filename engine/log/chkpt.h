/* The checkpoint file: from where redo starts. Two copies of one 4096-byte block, the second one written
 * after the first is on disk; either suffices. */
#ifndef ESE_LOG_CHKPT_H
#define ESE_LOG_CHKPT_H

#include "base/fault.h"
#include "base/fields.h"
#include "log/logfmt.h"

#define CHKPT_FILE_LEN (2u * sizeof(struct chkpt_disk))

/*
 * buf: the first min(CHKPT_FILE_LEN, size) bytes of the file. Takes the primary copy, or the shadow when
 * that is damaged; a damaged copy is a note (event 456 primary, 472 shadow). *ret is the caller's,
 * chkpt_info_done frees what hangs on it; *ret_raw (may be NULL) points into buf. Errors, reported:
 * JET_errCheckpointCorrupt (both copies, or a list of databases that cannot be),
 * JET_errFileInvalidType; JET_errOutOfMemory.
 */
must_check JET_ERR chkpt_decode(const void *buf, size_t len, struct reporter *r,
                                struct ese_chk_info *ret, const struct chkpt_disk **ret_raw);
/* The same from a file. */
must_check JET_ERR chkpt_read(int fd, struct reporter *r, struct ese_chk_info *ret);
void chkpt_info_done(struct ese_chk_info *info);

/* Sets the checksum and writes both copies, the first one synced before the second one is touched. A failure
 * is reported. */
must_check JET_ERR chkpt_write(int fd, struct chkpt_disk *c, struct reporter *r);

/* True when one of the copies is a checkpoint with a right checksum. */
bool chkpt_is_checkpoint(const void *buf, size_t len);

/* Prints every field. */
void chkpt_dump(const struct chkpt_disk *raw, const struct ese_chk_info *info, struct fields *f);

#endif
