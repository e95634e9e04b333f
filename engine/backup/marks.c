/*
 * What a backup leaves behind: its Backup2 records in the log, and in the headers of its databases which logs a restore may
 * begin with (ESE: backup.cxx ErrBKUpdateHdrBackupInfo).
 *
 * Headers come last: an Update record is on disk before the header is touched. If they are not written the next incremental is
 * refused or copies more than it must; no log is ever deleted because of a mark that is too new.
 */
#include "backup/session_priv.h"
#include "page/dbhdrwrite.h"

/* In a record; a header calls it a snapshot. */
#define TYPE_SURROGATE 3u

struct logrec marks_record(const struct backup *b, uint8_t phase, const struct bkinfo *details)
{
    struct logrec rec = {.type = LR_BACKUP2};

    rec.backup.phase = phase;
    if (b->opts.incremental)
        rec.backup.scope = b->opts.copy ? SCOPE_DIFFERENTIAL : SCOPE_INCREMENTAL;
    else
        rec.backup.scope = b->opts.copy ? SCOPE_COPY : SCOPE_FULL;
    rec.backup.type = b->opts.surrogate ? TYPE_SURROGATE : b->type;
    if (details)
        rec.backup.details = *details;
    else
        rec.backup.details.time = logtime_now();
    return rec;
}

JET_ERR marks_append(struct backup *b, const struct logrec *rec, lgpos_t *ret)
{
    lgpos_t at;
    JET_ERR err = wal_append(b->in->wal, rec, &at);

    if (err < 0)
        return err;
    if (ret)
        *ret = at;
    return wal_flush(b->in->wal, at);
}

JET_ERR marks_log(struct backup *b, uint8_t phase, const struct bkinfo *details)
{
    const struct logrec rec = marks_record(b, phase, details);

    return marks_append(b, &rec, NULL);
}

/* ---- headers --------------------------------------------------------------------------------- */

static struct bkinfo last_of(struct db *d, enum dbhdr_backup kind)
{
    struct bkinfo b;
    uint32_t type;

    pthread_mutex_lock(&d->hdr_lock);
    b = dbhdr_backup(db_hdr(d), kind, &type);
    pthread_mutex_unlock(&d->hdr_lock);
    return b;
}

lgen_t marks_last_gen(struct db *d)
{
    const lgen_t full = last_of(d, DBHDR_FULL).gen_high,
                 inc = last_of(d, DBHDR_INCREMENTAL).gen_high;

    return inc > full ? inc : full;
}

static bool had_full(struct db *d, uint32_t how)
{
    struct bkinfo full;
    uint32_t type;

    pthread_mutex_lock(&d->hdr_lock);
    full = dbhdr_backup(db_hdr(d), DBHDR_FULL, &type);
    pthread_mutex_unlock(&d->hdr_lock);
    return full.gen_low && type == how;
}

JET_ERR marks_check_full(const struct backup *b)
{
    for (unsigned i = 1; i <= DBID_MAX; i++) {
        struct db *d = backup_db(b, i);

        if (!d || had_full(d, b->type))
            continue;
        bkevent(b->in, EVENT_MISS_FULL_BACKUP, JET_errMissingFullBackup, d->path, NULL, NULL);
        return RAISE(JET_errMissingFullBackup);
    }
    return JET_errSuccess;
}

/* A snapshot was asked to be a copy; another one has become it when no log was deleted. */
static enum dbhdr_backup kind_of(const struct backup *b)
{
    const bool copy =
        b->type == DBHDR_SNAPSHOT && !b->opts.surrogate ? b->opts.copy : !b->truncated;

    if (b->opts.incremental)
        return copy ? DBHDR_DIFFERENTIAL : DBHDR_INCREMENTAL;
    return copy ? DBHDR_COPY : DBHDR_FULL;
}

static uint8_t scope_of(enum dbhdr_backup kind)
{
    switch (kind) {
    case DBHDR_INCREMENTAL:
        return SCOPE_INCREMENTAL;
    case DBHDR_COPY:
        return SCOPE_COPY;
    case DBHDR_DIFFERENTIAL:
        return SCOPE_DIFFERENTIAL;
    default:
        return SCOPE_FULL;
    }
}

static JET_ERR put_header(struct backup *b, struct db *d, const struct bkinfo *info)
{
    struct reporter r = b->in->r;
    JET_ERR err = JET_errSuccess;

    r.file = d->path;
    pthread_mutex_lock(&d->hdr_lock);
    if (dbhdr_set_backup(db_hdr(d), kind_of(b), b->type, info))
        err = dbhdr_write(d->fd, d->hdr, d->page_size, logtime_now(), &r);
    pthread_mutex_unlock(&d->hdr_lock);
    return err < 0 ? inst_fail(b->in, err) : JET_errSuccess; /* what is on disk is not known */
}

static JET_ERR put_one(struct backup *b, struct db *d)
{
    const struct bkinfo info = {
        .mark = b->mark, .time = b->mark_time, .gen_low = b->copy_mic, .gen_high = b->copy_mac - 1};
    struct logrec rec = marks_record(b, PHASE_UPDATE, &info);
    JET_ERR err;

    rec.dbid = d->dbid;
    rec.backup.scope = scope_of(kind_of(b));
    err = marks_append(b, &rec, NULL);
    return err < 0 ? err : put_header(b, d, &info);
}

JET_ERR marks_put(struct backup *b)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (backup_db(b, i) && (b->opts.incremental || b->db_read[i]))
            err = put_one(b, backup_db(b, i));
    b->in->life->note_backup(b->in, b->opts.incremental, b->prepare_lgpos, b->prepare_time);
    return err;
}
