/*
 * What a backup asks of the instance's life (txn/inst.h: inst_life): that databases and logs stay, and the checkpoint.
 */
#include <unistd.h>

#include "os/file.h"
#include "recover/live_int.h"

/* chk_lock is what comers and goers hold: whoever is at it is waited for. */
static JET_ERR begin_backup(struct inst *in, enum inst_backup kind)
{
    struct live *l = live_of(in);
    JET_ERR err;

    pthread_mutex_lock(&l->chk_lock);
    err = inst_check_backup(in);
    if (err >= 0)
        atomic_store(&in->backup, kind);
    pthread_mutex_unlock(&l->chk_lock);
    if (err >= 0)
        wal_hold(in->wal, true);
    return err;
}

static void end_backup(struct inst *in)
{
    JET_ERR why = atomic_load(&in->backup_stop);

    wal_hold(in->wal, false);
    if (why != JET_errTermInProgress) /* that goes for the next one, too */
        (void)atomic_compare_exchange_strong(&in->backup_stop, &why, 0);
    atomic_store(&in->backup, INST_NO_BACKUP);
}

static JET_ERR checkpoint(struct inst *in, lgpos_t *ret)
{
    struct live *l = live_of(in);
    struct reporter r = in->r;
    struct ese_chk_info info;
    int fd;
    JET_ERR err;

    r.file = l->chk_name;
    pthread_mutex_lock(&l->chk_lock); /* not between its two copies */
    err = os_open_beneath(l->sys_fd, l->chk_name, &fd);
    if (err >= 0) {
        err = chkpt_read(fd, &r, &info);
        close(fd);
    } else {
        err = err == JET_errFileNotFound ? RAISE(JET_errCheckpointFileNotFound) : err;
        err = fault_io(&r, err, ESE_NO_OFFSET, "opening the checkpoint");
    }
    pthread_mutex_unlock(&l->chk_lock);
    if (err < 0)
        return err;
    *ret = info.lgpos_checkpoint;
    chkpt_info_done(&info);
    return JET_errSuccess;
}

static void freeze(struct inst *in, bool frozen)
{
    struct live *l = live_of(in);

    pthread_mutex_lock(&l->chk_lock);
    l->frozen = frozen;
    pthread_mutex_unlock(&l->chk_lock);
}

static void note_backup(struct inst *in, bool incremental, lgpos_t prepared, struct logtime time)
{
    struct live *l = live_of(in);

    pthread_mutex_lock(&l->chk_lock);
    le64_put(incremental ? &l->chk.lgpos_inc_backup : &l->chk.lgpos_full_backup, prepared);
    if (incremental)
        l->chk.time_inc_backup = time;
    else
        l->chk.time_full_backup = time;
    pthread_mutex_unlock(&l->chk_lock);
}

const struct inst_life live_backup_life = {begin_backup, end_backup, checkpoint, freeze,
                                           note_backup};

JET_ERR live_refuse_in_backup(const struct live *l)
{
    return inst_check_backup(&l->in);
}
