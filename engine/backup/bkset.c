#include "backup/bkset.h"

#include <unistd.h>

#include "backup/session_priv.h"
#include "os/file.h"
#include "os/path.h"
#include "page/dbhdr.h"

static JET_ERR refuse(struct reporter *r, const char *why)
{
    return fault(r, JET_errMissingFullBackup, 0, 0, ESE_NO_OFFSET, "%s", why);
}

/* ---- databases ------------------------------------------------------------------------------- */

static JET_ERR read_copy(int setfd, const char *name, struct reporter *r, struct ese_db_info *ret)
{
    int fd;
    JET_ERR err = os_open_beneath(setfd, name, &fd);

    if (err == JET_errFileNotFound)
        return refuse(r, "the backup before is not there: this database is not in it");
    if (err < 0)
        return fault_io(r, err, ESE_NO_OFFSET, "opening the backup before");
    err = dbhdr_read(fd, r, ret);
    close(fd);
    return err;
}

static struct bkinfo full_of(struct db *d, struct signature *ret_db, struct signature *ret_log)
{
    struct bkinfo full;
    uint32_t type;

    pthread_mutex_lock(&d->hdr_lock);
    full = dbhdr_backup(db_hdr(d), DBHDR_FULL, &type);
    *ret_db = db_hdr(d)->sign_db;
    *ret_log = db_hdr(d)->sign_log;
    pthread_mutex_unlock(&d->hdr_lock);
    return full;
}

static JET_ERR check_copy(struct db *d, int setfd, const char *name, struct reporter *r)
{
    struct signature sign_db, sign_log;
    const struct bkinfo full = full_of(d, &sign_db, &sign_log);
    struct ese_db_info info;
    JET_ERR err = read_copy(setfd, name, r, &info);

    if (err < 0)
        return err;
    if (memcmp(&info.sign_db, &sign_db, sizeof(sign_db)) != 0 ||
        memcmp(&info.sign_log, &sign_log, sizeof(sign_log)) != 0)
        return refuse(r, "it is another database, or of another log");
    if (info.full_cur.mark != full.mark ||
        memcmp(&info.full_cur.time, &full.time, sizeof(full.time)) != 0)
        return refuse(r, "there was a later full backup, which is not here");
    return JET_errSuccess;
}

const char *backup_base_name(const struct db *d)
{
    const char *slash = strrchr(d->path, '/');

    return slash ? slash + 1 : d->path;
}

/* ---- logs ------------------------------------------------------------------------------------ */

static JET_ERR check_logs(const struct backup *b, int setfd, lgen_t first, lgen_t last,
                          struct reporter *r)
{
    char name[LOGGEN_NAME_LEN];
    int fd;

    for (lgen_t gen = first; gen <= last; gen++) {
        JET_ERR err =
            os_open_beneath(setfd, r->file = wal_archived_name(b->in->wal, gen, name), &fd);
        if (err == JET_errFileNotFound)
            return refuse(r, "the backup before is not whole: this log is not there");
        if (err < 0)
            return fault_io(r, err, ESE_NO_OFFSET, "opening the backup before");
        close(fd);
    }
    return JET_errSuccess;
}

JET_ERR bkset_check(const struct backup *b, int setfd, const char *dir, lgen_t *ret_last)
{
    struct signature sign_db, sign_log;
    struct reporter r = b->in->r;
    lgen_t first = UINT32_MAX, last = 0;
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++) {
        struct db *d = backup_db(b, i);

        if (!d)
            continue;
        r.file = backup_base_name(d);
        err = check_copy(d, setfd, r.file, &r);
        if (full_of(d, &sign_db, &sign_log).gen_low < first)
            first = full_of(d, &sign_db, &sign_log).gen_low;
        if (marks_last_gen(d) > last)
            last = marks_last_gen(d);
    }
    r.file = dir;
    if (err >= 0 && !last)
        err = refuse(&r, "there is no database that had a full backup");
    *ret_last = last;
    return err < 0 ? err : check_logs(b, setfd, first, last, &r);
}

JET_ERR bkset_link(int setfd, int tofd)
{
    struct os_dir *d;
    const char *name;
    JET_ERR err = os_dir_open(setfd, &d);

    if (err < 0)
        return err;
    while ((err = os_dir_next(d, &name)) > 0)
        if ((err = os_link_at(setfd, name, tofd)) < 0)
            break;
    os_dir_close(d);
    return err;
}
