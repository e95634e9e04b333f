/*
 * The directory that a backup goes to.
 *
 *   full                DIR itself, which must be empty
 *   full, atomic        DIR/temp, then: new -> old, temp -> new, old goes
 *   incremental         a directory beside DIR: links to what is in DIR (a set, or nothing: bkset.h), and the new logs; then the
 *                       two change places
 *   incremental, atomic the same with DIR/temp and DIR/new (or DIR/old, where a kill has left only that)
 *
 * Until bktarget_commit nothing that was there is touched, and bktarget_discard leaves it so. What a kill leaves: of a full
 * backup, files in DIR; of the others a directory that the next backup removes.
 */
#ifndef ESE_BACKUP_BKTARGET_H
#define ESE_BACKUP_BKTARGET_H

#include "base/err.h"

struct bktarget {
    bool atomic, incremental;
    bool made;         /* DIR did not exist */
    bool had_new;      /* atomic: there was one already */
    bool keep;         /* it is in place and cannot be taken back */
    char *dir;         /* DIR, absolute */
    int home;          /* directory that `work` and `final` are in; full: -1 */
    char *work;        /* where the files go until the end; NULL: into DIR */
    const char *final; /* what `work` becomes */
    int set;           /* incremental: the set as it is; else -1 */
    int fd;            /* where files are written */
    char **names;      /* files that were written */
    size_t nr_names;
};

/*
 * make_path: what is missing of it is made, but not for an atomic incremental. JET_errInvalidPath: there is no such directory; JET_errMakeBackupDirectoryFail:
 * the same for an atomic one, or its `temp`; JET_errBackupDirectoryNotEmpty: there is something in it, or the other kind of
 * set; JET_errDeleteBackupFileFail: what an earlier backup left there cannot be removed; JET_errMissingFullBackup: an
 * incremental, and there is no set.
 */
must_check JET_ERR bktarget_open(struct bktarget *t, const char *dir, bool atomic, bool incremental,
                                 bool make_path);
/* A new file, for writing. JET_errFileAlreadyExists. */
must_check JET_ERR bktarget_create(struct bktarget *t, const char *name, int *ret_fd);
/* Puts all of it in place, on stable storage. */
must_check JET_ERR bktarget_commit(struct bktarget *t);
/* After a failure: nothing of it stays. */
void bktarget_discard(struct bktarget *t);
void bktarget_close(struct bktarget *t);

#endif
