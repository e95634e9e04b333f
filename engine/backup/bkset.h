/* The directory that an incremental backup goes to: a set that it goes on from, or one for incrementals only. */
#ifndef ESE_BACKUP_BKSET_H
#define ESE_BACKUP_BKSET_H

#include "backup/session.h"

/*
 * Is it the last backup of this instance, and whole? setfd: its directory. Every database of the instance must be in it, as of the
 * full backup that its header names last, and every log from there up to the last one that was backed up; *ret_last. Anything
 * else is JET_errMissingFullBackup, with the reason: logs are deleted on the strength of this set, so it must be there.
 *
 * A directory with nothing in it, or with archived logs of this base name and nothing else, is one of incrementals: whoever made it
 * has the full backup elsewhere. The logs must go up to the last one that was backed up, without a gap.
 */
must_check JET_ERR bkset_check(const struct backup *b, int setfd, const char *dir,
                               lgen_t *ret_last);
/* Gives every file of it a second name in tofd. */
must_check JET_ERR bkset_link(int setfd, int tofd);

#endif
