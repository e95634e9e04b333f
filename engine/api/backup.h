/* Between backup.c (JetBackupInstance), backupstream.c (the external backup API) and instance.c. */
#ifndef ESE_API_BACKUP_H
#define ESE_API_BACKUP_H

#include "api/api_int.h"

/*
 * Begins a call that belongs to no session: JetTerm waits until it is over. JET_errInvalidParameter, JET_errNotInitialized: no
 * such instance, or not started; JET_errBackupNotAllowedYet: it is just starting; JET_errTermInProgress;
 * JET_errClientRequestToStopJetService; JET_errLogWriteFail, JET_errLogDiskFull: its log has come to an end;
 * JET_errInstanceUnavailable: it is down for another reason.
 */
must_check JET_ERR backup_enter(JET_INSTANCE instance, struct jinst **ret);
JET_ERR backup_leave(struct jinst *i, JET_ERR err); /* returns err */

/* For JetTerm, with process.lock: JET_errBackupInProgress, or, when it may be stopped, it is told to end. */
must_check JET_ERR backup_before_term(struct jinst *i, bool stop);
/* The door is closed: waits for calls under way, and ends an external backup. */
void backup_wait_for_end(struct jinst *i);
/* Ends an external backup, if there is one (backupstream.c). */
void backup_abandon(struct jinst *i, JET_ERR why);
/* Ends a surrogate backup, if there is one (surrogate.c). */
void surrogate_abandon(struct jinst *i, JET_ERR why);
/* Ends a snapshot that the instance takes part in (ossnapshot.c). */
void ossnapshot_abandon(struct jinst *i);
/* The instance goes on after all. */
void backup_allow_again(struct jinst *i);

#endif
