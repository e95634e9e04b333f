#include "backup/bkset.h"

#include <strings.h>
#include <unistd.h>

#include "backup/session_priv.h"
#include "log/logname.h"
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

/* ---- a set, or a directory of incrementals ----------------------------------------------------- */

struct seen {
    bool others;   /* than archived logs of this base name */
    lgen_t lowest; /* of these; 0: there is none */
};

static JET_ERR look(const struct backup *b, int setfd, struct seen *ret)
{
    struct os_dir *d;
    const char *name;
    JET_ERR err = os_dir_open(setfd, &d);

    *ret = (struct seen){0};
    if (err < 0)
        return err;
    while ((err = os_dir_next(d, &name)) > 0) {
        struct logname n;

        if (!logname_parse(name, &n) || n.role != LOGNAME_ARCHIVED ||
            strcasecmp(n.base, b->in->conf.base) != 0)
            ret->others = true;
        else if (!ret->lowest || n.gen < ret->lowest)
            ret->lowest = n.gen;
    }
    os_dir_close(d);
    return err < 0 ? err : JET_errSuccess;
}

/* Every database in it, as of the last full backup; *ret_first: the first log that these need. */
static JET_ERR check_databases(const struct backup *b, int setfd, struct reporter *r,
                               lgen_t *ret_first)
{
    struct signature sign_db, sign_log;
    JET_ERR err = JET_errSuccess;

    *ret_first = UINT32_MAX;
    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++) {
        struct db *d = backup_db(b, i);

        if (!d)
            continue;
        r->file = backup_base_name(d);
        err = check_copy(d, setfd, r->file, r);
        if (full_of(d, &sign_db, &sign_log).gen_low < *ret_first)
            *ret_first = full_of(d, &sign_db, &sign_log).gen_low;
    }
    return err;
}

static lgen_t last_gen(const struct backup *b)
{
    lgen_t last = 0;

    for (unsigned i = 1; i <= DBID_MAX; i++) {
        struct db *d = backup_db(b, i);

        if (d && marks_last_gen(d) > last)
            last = marks_last_gen(d);
    }
    return last;
}

JET_ERR bkset_check(const struct backup *b, int setfd, const char *dir, lgen_t *ret_last)
{
    const lgen_t last = last_gen(b);
    struct reporter r = b->in->r;
    struct seen seen;
    lgen_t first;
    JET_ERR err = look(b, setfd, &seen);

    *ret_last = last;
    r.file = dir;
    if (err < 0)
        return fault_io(&r, err, ESE_NO_OFFSET, "reading the backup before");
    if (!last)
        return refuse(&r, "there is no database that had a full backup");
    if (!seen.others && !seen.lowest)
        return JET_errSuccess;
    first = seen.lowest < last ? seen.lowest : last;
    if (seen.others)
        err = check_databases(b, setfd, &r, &first);
    r.file = dir;
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
