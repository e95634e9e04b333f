/*
 * A surrogate backup: the files are copied from a replica of the instance, on another machine. Here it is only known of, so that
 * nothing of ours comes in between, and told afterwards: in the log, in the headers of the databases, which take it for one
 * of a snapshot (ESE: backup.cxx ErrIsamBeginSurrogateBackup).
 */
#ifndef ESE_BACKUP_SURROGATE_H
#define ESE_BACKUP_SURROGATE_H

#include "backup/session.h"

/*
 * The replica's logs [first, last] are going to be copied, with all databases unless it is incremental.
 * JET_errInvalidParameter: no such range in this log. JET_errInvalidBackup: logging is circular. JET_errMissingFullBackup: no
 * snapshot before. Others as of backup_begin.
 */
must_check JET_ERR surrogate_begin(struct inst *in, bool incremental, lgen_t first, lgen_t last,
                                   struct backup **ret);
/* It went well, says who has made it; frees b. backup_stop in between: JET_errBackupAbortByServer, nothing is told. No headers:
 * no_marks. It gave up: backup_abort. */
must_check JET_ERR surrogate_finish(struct backup *b, bool no_marks);

#endif
