/*
 * A snapshot below the files (of the disk, the volume): for a moment the files of an instance stand still, as a crash would leave
 * them, and soft recovery brings the copy forward (ESE: io.cxx CESESnapshotSession). One instance; api/ossnapshot.c has the
 * session over all of them.
 *
 *   freeze -> (the disk is copied) -> thaw -> [truncate] -> end
 *
 * Frozen: no page, no header, no checkpoint and no log is written. Sessions go on until they must wait for one of them.
 */
#ifndef ESE_BACKUP_OSSNAPSHOT_H
#define ESE_BACKUP_OSSNAPSHOT_H

#include "backup/session.h"

/* opts.copy: no log is deleted. The log's generation is ended (not of a circular one).
 * Errors as of backup_begin; JET_errMissingFullBackup: there was no full snapshot. After an error nothing is frozen. */
must_check JET_ERR ossnapshot_freeze(struct inst *in, const struct backup_opts *opts,
                                     struct backup **ret);
void ossnapshot_thaw(struct backup *b); /* more than once is fine */
/* Deletes what no recovery needs, as backup_truncate. */
must_check JET_ERR ossnapshot_truncate(struct backup *b);
/* Ends it and frees b; marks: headers are told. */
void ossnapshot_end(struct backup *b, bool marks);

#endif
