/* Surrogate backups: a replica was backed up, and this instance is told. */
#include "backup/surrogate.h"

#include "api/backup.h"

static JET_ERR leave(struct jinst *i, JET_ERR err)
{
    pthread_mutex_unlock(&i->backup_lock);
    return backup_leave(i, err);
}

/* With the lock. */
static void give_up(struct jinst *i, enum backup_why why, JET_ERR err)
{
    backup_abort(i->surrogate, why, err);
    i->surrogate = NULL;
}

void surrogate_abandon(struct jinst *i, JET_ERR why)
{
    pthread_mutex_lock(&i->backup_lock);
    if (i->surrogate)
        give_up(i, BACKUP_FAILED, why);
    pthread_mutex_unlock(&i->backup_lock);
}

JET_ERR JetBeginSurrogateBackup(JET_INSTANCE instance, uint32_t lgenFirst, uint32_t lgenLast,
                                JET_GRBIT grbit)
{
    struct jinst *i;
    struct backup *b;
    JET_ERR err = backup_enter(instance, &i);

    if (err < 0)
        return err;
    if (grbit & ~(JET_bitBackupIncremental | JET_bitBackupSurrogate))
        return backup_leave(i, RAISE(JET_errInvalidGrbit));
    pthread_mutex_lock(&i->backup_lock);
    err = surrogate_begin(i->in, grbit & JET_bitBackupIncremental, lgenFirst, lgenLast, &b);
    if (err >= 0)
        i->surrogate = b;
    return leave(i, err);
}

static JET_ERR end(struct jinst *i, JET_GRBIT grbit)
{
    struct backup *b = i->surrogate;

    if (grbit & JET_bitBackupEndAbort) {
        give_up(i, BACKUP_BY_CALLER, JET_errSuccess);
        return JET_errSuccess;
    }
    if (grbit & JET_bitBackupTruncateDone)
        backup_set_truncated(b);
    i->surrogate = NULL;
    return surrogate_finish(b, grbit & JET_bitBackupNoDbHeaderUpdate);
}

JET_ERR JetEndSurrogateBackup(JET_INSTANCE instance, JET_GRBIT grbit)
{
    const JET_GRBIT how = grbit & (JET_bitBackupEndNormal | JET_bitBackupEndAbort);
    struct jinst *i;
    JET_ERR err = backup_enter(instance, &i);

    if (err < 0)
        return err;
    if (grbit & ~(JET_bitBackupEndNormal | JET_bitBackupEndAbort | JET_bitBackupTruncateDone |
                  JET_bitBackupNoDbHeaderUpdate))
        return backup_leave(i, RAISE(JET_errInvalidGrbit));
    if (how != JET_bitBackupEndNormal && how != JET_bitBackupEndAbort)
        return backup_leave(i, RAISE(JET_errInvalidParameter));
    pthread_mutex_lock(&i->backup_lock);
    if (i->surrogate)
        return leave(i, end(i, grbit));
    err = inst_check_backup(i->in); /* another kind of backup, which others have to end */
    return leave(i, err < 0 ? err : RAISE(JET_errNoBackup));
}
